// What records inherit from those that they refer to, along chains of any length.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { inheritedLabels } from '../../exchange/records/facts/inherited-labels.ts';
import { inheritLabelsOf } from '../../exchange/records/inherit-labels.ts';
import { namersInTurn, revealedBy } from '../../exchange/records/revealing.ts';
import { lessThanNamed } from '../../exchange/records/shared-labels.ts';
import { startNode, type TestNode } from '../support/node.ts';

const LONG = 20_000;

test('a label goes as far as references lead, the higher one over the lower one, and around in circles', () => {
  const edges = [
    { key: 'b', to: 'a' },
    { key: 'c', to: 'b' },
    { key: 'a', to: 'c' },
    { key: 'd', to: 'c' },
    { key: 'e', to: 'elsewhere' },
  ];
  expect([...inheritedLabels({ seeds: [], edges })]).toEqual([]);
  const labels = inheritedLabels({
    seeds: [
      { key: 'c', label: 1 },
      { key: 'd', label: 2 },
      { key: 'f', label: 1 },
      { key: 'f', label: 2 },
    ],
    edges,
  });
  expect(Object.fromEntries(labels)).toEqual({ a: 1, b: 1, c: 1, d: 2, f: 2 });
  const chain = Array.from({ length: LONG }, (_, n) => ({ key: `c${n + 1}`, to: `c${n}` }));
  expect(inheritedLabels({ seeds: [{ key: 'c0', label: 1 }], edges: chain }).get(`c${LONG}`)).toBe(1);
});

let node: TestNode;
beforeAll(async () => {
  node = await startNode();
});
afterAll(() => node.close());

/** Observations of a member, the first of them labelled. */
const chain = (member: string, n: number, refer: boolean) => node.deps.database.sql`
  insert into exchange.resource (member_id, type, id, version, origin, source_id, last_updated, deleted, hash, body, own_label, label, labeller, refers)
  select ${member}, 'Observation', ${member} || n, 1, 'own', ${member} || n, now(), false, '\\x00'::bytea, '{}', case when n = 1 then 1 else 0 end, 0, 1,
    case when ${refer} and n > 1 then array['Observation/' || ${member} || (n - 1)] end from generate_series(1, ${n}::int) n`;

test('chains of thousands that refer to each other or are linked as one thing are labelled, and freed again', async () => {
  await chain('refer', LONG, true);
  await chain('link', LONG, false);
  await node.deps.database.sql`
    insert into exchange.link (member_id, type, a_id, b_id, kind, score, state, rule)
    select 'link', 'Observation', 'link' || n, 'link' || (n + 1), 'duplicate', 1, 'confirmed', 'x' from generate_series(1, ${LONG - 1}::int) n`;
  const [at, later] = ['2026-01-01T00:00:00.000Z', '2026-01-02T00:00:00.000Z'];
  expect(await inheritLabelsOf(node.deps.database.sql, ['refer', 'link'], at)).toBe(2 * LONG);
  expect(await inheritLabelsOf(node.deps.database.sql, ['refer', 'link'], later)).toBe(0);
  await node.deps.database.sql`update exchange.resource set own_label = 0 where own_label = 1`;
  expect(await inheritLabelsOf(node.deps.database.sql, ['refer', 'link'], later)).toBe(2 * LONG);
  expect([
    ...(await node.deps.database
      .sql`select label, moved_at from exchange.resource where moved_at is not null group by 1, 2`),
  ]).toEqual([{ label: 0, moved_at: new Date(later) }]);
});

test('directory entries that name each other in a chain of thousands reveal what the first of them is', async () => {
  const { sql } = node.deps.database;
  await sql`
    insert into exchange.shared_resource (type, id, version, origin, source_id, last_updated, deleted, hash, links, body, label, labeller)
    select 'Organization', 'o' || n, 1, 'own', 'o' || n, now(), false, '\\x00', case when n > 1 then array['Organization/o' || (n - 1)] end, '{}', case when n = 1 then 1 else 0 end, 1
    from generate_series(1, ${LONG / 2}::int) n`;
  await sql`
    insert into exchange.resource (member_id, type, id, version, origin, source_id, last_updated, deleted, hash, body, own_label, label, labeller, links)
    select 'named', 'Observation', 'n' || n, 1, 'own', 'n' || n, now(), false, '\\x00'::bytea, '{}', 0, 0, 1, array['Organization/o' || n]
    from generate_series(1, ${LONG / 2}::int) n`;
  expect(await lessThanNamed(sql, ['named', 'link'])).toEqual(['named']);
  expect(await inheritLabelsOf(sql, ['named'], '2026-01-03T00:00:00.000Z')).toBe(LONG / 2);
  expect(await lessThanNamed(sql, ['named', 'link'])).toEqual([]);
  expect(await revealedBy(sql, [`Organization/o${LONG / 2}`, 'Organization/none'])).toEqual(
    new Map(Array.from({ length: LONG / 2 }, (_, n) => [`Organization/o${LONG / 2 - n}`, 1] as const).reverse()),
  );
  expect(await namersInTurn(sql, ['Organization/o1'])).toHaveLength(LONG / 2);
});
