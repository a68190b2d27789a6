// What does not fit in a chain of claims is asked whichever comes last, ours or another payer's; and of copies that fell with their record no one is asked.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ClaimRow, claimText } from '../../simulation/chain-truth.ts';
import { deletions, output, reconciler } from './reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
beforeAll(async () => {
  node = await reconciler();
  await node.own({ resourceType: 'Patient', id: 'm1', birthDate: '1970-01-01' });
  await node.sql`insert into exchange.peer (id, name, npi, state, fhir_base, origins, added_by)
    values ('g', 'G', '9000000046', 'active', 'https://g.example/fhir', array['https://g.example'], 'test')`;
});
afterAll(() => node.close());

const NPI = '9000000012';
const row = (id: string, uc: string, more: Partial<ClaimRow> = {}): ClaimRow => ({
  key: id,
  payer: '',
  id,
  member: 'm1',
  insurer: 'prior',
  uc,
  type: 'professional',
  day: '2026-02-03',
  status: 'active',
  prior: [],
  next: [],
  updated: 0,
  ...more,
});
const text = (r: ClaimRow, day: string, source?: string) => claimText(r, 'p1', NPI, source, `2026-03-${day}T00:00:00Z`);
const ours = (r: ClaimRow) => claimText(r, 'm1', NPI, undefined, '2026-03-01T00:00:00Z');
const pull = (...records: object[]) => node.pull([output('ExplanationOfBenefit', ...records)], { since: new Date() });
const asked = async (): Promise<string[]> => {
  const rows = await node.sql<{ what: string }[]>`
    select state || ' ' || split_part(detail, ':', 1) || ' ' || peer_id as what from exchange.review_item where kind = 'chain-anomaly' order by 1`;
  return rows.map((r) => r.what);
};

test('a fork that our own claim makes of what a payer reported is asked, once, and stays as it was decided', async () => {
  await pull(text(row('a1', 'A'), '01'), text(row('a2', 'A-2', { prior: ['A'] }), '02'));
  expect(await asked()).toEqual([]);
  await node.own(ours(row('own-a3', 'A-3', { prior: ['A'] })));
  expect(await asked()).toEqual(['open fork prior']);
  await node.sql`update exchange.review_item set state = 'decided', decision = 'dismiss'`;
  await pull(text(row('b1', 'B'), '05'));
  await node.own(ours(row('own-c1', 'C')));
  expect(await asked()).toEqual(['decided fork prior']);
  await pull(text(row('a2', 'A-2'), '06'));
  expect(await asked()).toEqual(['gone fork prior']);
});

test('how our own claims fit together no one is asked, until another payer tells one of them', async () => {
  const fork = ['D-2', 'D-3'].map((uc) => ours(row(`own-${uc}`, uc, { prior: ['D'] })));
  await node.own(ours(row('own-d1', 'D')), ...fork);
  expect(await asked()).toEqual(['gone fork prior']);
  await pull(text(row('d1', 'D'), '07'));
  expect(await asked()).toEqual(['gone fork prior', 'open fork prior']);
});

test('a copy of a claim that its payer deleted contradicts no other copy of it', async () => {
  await pull(text(row('e1', 'E'), '01'));
  const copy = text(row('g1', 'E'), '02', 'https://prior.example/fhir/ExplanationOfBenefit/e1');
  await node.pull([output('ExplanationOfBenefit', copy)], { since: new Date(), peer: 'g' });
  await node.own(ours(row('own-e', 'E', { status: 'cancelled' })));
  expect((await asked()).filter((a) => a.includes('copies-differ'))).toEqual(['open copies-differ g']);
  await node.pull([deletions('ExplanationOfBenefit/e1')], { since: new Date() });
  expect((await asked()).filter((a) => a.includes('copies-differ'))).toEqual(['gone copies-differ g']);
});

test('one number on claims of two types is asked as soon as another payer tells one of them, whichever of ours came first', async () => {
  const told = async () => (await asked()).filter((a) => a.includes('uc-collision'));
  const both = (uc: string) => [row(`own-${uc}1`, uc), row(`own-${uc}2`, uc, { type: 'pharmacy' })];
  await node.own(...both('K').map(ours), ...both('L').reverse().map(ours));
  expect(await told()).toEqual([]);
  await pull(text(row('k1', 'K'), '08'), text(row('l1', 'L'), '08'));
  expect(await told()).toEqual(['open uc-collision prior', 'open uc-collision prior']);
});
