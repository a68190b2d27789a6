// Keys that a replay makes anew: what was written meanwhile keeps its own, any text may be one, and no page is larger than memory has room for.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type KeyRow, recordsToKey, rekey } from '../../../exchange/records/keys-replayed.ts';
import { lab, output, reconciler } from './reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
beforeAll(async () => {
  node = await reconciler();
  const long = 'x'.repeat(3 * 1024 * 1024);
  await node.pull([
    output('Observation', ...['a', 'b', 'c', 'd', 'e', 'f'].map((id) => lab(id, { note: [{ text: long }] }))),
  ]);
});
afterAll(() => node.close());

const keysOf = async (id: string) =>
  (await node.sql`select keys, version from exchange.resource where member_id = 'm1' and id = ${id}`)[0];

test('a record that was written since it was read keeps the keys that it has', async () => {
  const [record] = await recordsToKey(node.sql, 'm1', ['', '']);
  if (!record) throw new Error('no record');
  const row = (keys: KeyRow['keys']): KeyRow => ({ ...record, memberId: 'm1', substance: 'ab', claim: null, keys });
  const before = await keysOf(record.id);
  await node.sql`update exchange.resource set version = version + 1 where member_id = 'm1' and id = ${record.id}`;
  await rekey(node.sql, [row(['s:other'])]);
  expect((await keysOf(record.id))?.['keys']).toEqual(before?.['keys']);
  await node.sql`update exchange.resource set version = version - 1 where member_id = 'm1' and id = ${record.id}`;
  await rekey(node.sql, [row(['s:a"\\\\,{}', 's:half \\ud83d', 'e:\\u2028'])]);
  expect((await keysOf(record.id))?.['keys']).toHaveLength(3);
  await rekey(node.sql, [row([])]);
  expect((await keysOf(record.id))?.['keys']).toBeNull();
});

test('pages are as large as their texts have room, and all of them come', async () => {
  const pages: number[] = [];
  for (let after: [string, string] | undefined = ['', '']; after; ) {
    const page = await recordsToKey(node.sql, 'm1', after);
    const last = page.at(-1);
    if (last) pages.push(page.length);
    after = last && [last.type, last.id];
  }
  expect(pages.reduce((a, b) => a + b, 0)).toBe(6);
  expect(Math.max(...pages)).toBeLessThanOrEqual(3);
});
