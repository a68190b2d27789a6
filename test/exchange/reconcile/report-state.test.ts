// What the compliance report says of findings and of quarantine follows what people decide.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ComplianceQuery, complianceRows } from '../../../exchange/compliance/report/report-figures.ts';
import { decideItem } from '../../../exchange/review/decide.ts';
import type { PersonDecision } from '../../../exchange/review/kinds.ts';
import { findItem } from '../../../exchange/review/review-rows.ts';
import { lab, output, reconciler } from './reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
beforeAll(async () => {
  node = await reconciler();
});
afterAll(() => node.close());

const rows = (query: ComplianceQuery) =>
  complianceRows(node.sql, query, {
    from: new Date(Date.now() - 86_400_000),
    to: new Date(Date.now() + 86_400_000),
    now: new Date(),
    peerId: null,
    lob: null,
    timeZone: 'UTC',
  });
async function decide(kind: string, decision: PersonDecision | 'undo'): Promise<void> {
  const [row] = await node.sql`select id from exchange.review_item where kind = ${kind} and state <> 'gone'`;
  const item = await findItem(node.sql, String(row?.['id']));
  const person = { subject: 'r', name: 'R', role: 'reviewer', development: false };
  const asked = { itemId: item?.id ?? '', decision, reason: 'looked at it', mark: item?.mark ?? '' };
  expect(await decideItem(node.deps, person, asked, 'q')).toBeUndefined();
}

const accession = { identifier: [{ system: 'https://lab.example', value: 'A-1' }] };
const held = lab('held', { modifierExtension: [{ url: 'http://x.example', valueBoolean: true }] });

test('a contradiction is to be decided until someone has, and again when that is taken back; what no one decides about is neither', async () => {
  await node.own(
    { resourceType: 'Patient', id: 'm1', name: [{ family: 'A' }] },
    { ...lab('own', accession), subject: { reference: 'Patient/m1' } },
  );
  await node.pull([
    output('Observation', lab('other', { ...accession, valueQuantity: { value: 99, unit: 'g/dL' } }), held),
  ]);
  const open = async () => {
    const found = await rows('findings');
    return ['value-mismatch', 'no-provenance'].map((kind) => found.find((f) => f['kind'] === kind)?.['open']);
  };
  expect(await open()).toEqual([1, null]);
  await decide('value-mismatch', 'keep-both');
  expect(await open()).toEqual([0, null]);
  await decide('value-mismatch', 'undo');
  expect(await open()).toEqual([1, null]);
});

test('what is discarded stays hidden and is distinguished; how long it has been there does not change; another version is looked at again', async () => {
  const state = async () => {
    const [row] = await rows('quarantine');
    return row && { n: row['n'], discarded: row['discarded'], oldest: row['oldest'] };
  };
  const before = await state();
  expect(before).toMatchObject({ n: 1, discarded: 0 });
  await decide('modifier-extension', 'discard');
  expect(await state()).toEqual({ ...before, discarded: 1 });
  await decide('modifier-extension', 'undo');
  expect(await state()).toEqual(before);
  await decide('modifier-extension', 'discard');
  await node.pull([
    output('Observation', { ...held, meta: { lastUpdated: '2026-02-02T00:00:00Z' }, note: [{ text: 'new' }] }),
  ]);
  expect(await state()).toMatchObject({ n: 1, discarded: 0 });
});
