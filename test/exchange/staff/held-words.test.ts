// What the page of a held record says: that another check was passed, and whose the record is here.
import { expect, test } from 'vitest';
import { decideItem } from '../../../exchange/review/decide.ts';
import { itemReport } from '../../../exchange/review/read.ts';
import { factTable } from '../../../exchange/staff/conflict-tables.ts';
import type { Blobs } from '../../../src/deps.ts';
import { startNode } from '../../support/node.ts';
import { lab, output, puller } from '../reconcile/reconcile-pull.ts';

const PERSON = { subject: 'ada', name: 'Ada', role: 'reviewer', development: false };
const ODD = { modifierExtension: [{ url: 'http://x.example', valueBoolean: true }] };

test('released from one check and held by another it says so, and of another version it says that; of a record that moved, whose it is here', async () => {
  const node = await startNode();
  const { sql } = node.deps.database;
  const kept = new Map<string, Uint8Array>();
  const blobs: Blobs & { kept: typeof kept } = {
    ...node.deps.blobs,
    kept,
    async get(key) {
      const bytes = kept.get(key);
      return (
        bytes &&
        (async function* () {
          yield bytes;
        })()
      );
    },
  };
  const deps = { ...node.deps, blobs };
  for (const m of ['m1', 'm2']) await sql`insert into exchange.member (id, umb) values (${m}, ${`U-${m}`})`;
  const { pull } = await puller(deps, blobs);
  const at = (day: number, more: object = {}) => ({ meta: { lastUpdated: `2026-02-0${day}T00:00:00Z` }, ...more });
  const facts = async (source: string) => {
    const [row] = await sql<{ id: string }[]>`
      select id from exchange.review_item where id = md5(concat_ws('|', 'held', 'prior', 'Observation', ${source}::text))`;
    const report = await itemReport(deps, row?.id ?? '');
    if (!report) throw new Error('no item');
    const { rows } = factTable(report, 'UTC');
    const words = new Map(
      rows.map(([name, value, more]) => [name?.value, { value: value?.value, words: more?.value }]),
    );
    return { report, of: (name: string) => words.get(name) };
  };
  const decide = async (source: string, decision: 'release' | 'undo') => {
    const { item } = (await facts(source)).report;
    const d = { itemId: item.id, decision, reason: 'looked at it', mark: item.mark };
    expect(await decideItem(deps, PERSON, d, 'r')).toBeUndefined();
  };
  const both = (day: number) => lab('both', at(day, { ...ODD, implicitRules: 'http://x.example/rules' }));
  await pull([output('Observation', both(1), lab('moved', at(1)))]);
  await decide('both', 'release');
  expect((await facts('both')).of('State')).toEqual({
    value: 'open',
    words: expect.stringMatching(/^Released from another check/),
  });
  await decide('both', 'release');
  expect((await facts('both')).report).toMatchObject({ isReleasedElsewhere: false, item: { state: 'decided' } });

  const moved = lab('moved', at(2, { subject: { reference: 'Patient/p2' } }));
  await pull([output('Observation', moved, lab('both', at(2, { ...ODD, valueQuantity: { value: 9 } })))], {
    since: new Date(),
  });
  expect((await facts('both')).of('State')).toEqual({ value: 'open', words: expect.stringMatching(/^Opened again/) });
  const { report, of } = await facts('moved');
  expect([report.item.memberId, report.former?.id, of('Known of')?.value]).toEqual(['m2', 'm1', report.former?.key]);
  await decide('moved', 'release');
  expect((await facts('moved')).of('Known of')).toBeUndefined();
  await decide('moved', 'undo');
  expect((await facts('moved')).report.former?.id).toBe('m1');
  await node.close();
});
