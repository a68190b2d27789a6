// A later version of a record that is shown is held: released, it is shown; taken back, the one before is.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { decideItem } from '../../../exchange/review/decide.ts';
import type { PersonDecision } from '../../../exchange/review/kinds.ts';
import { findItem } from '../../../exchange/review/review-rows.ts';
import { brokenLaws } from '../../journey/laws.ts';
import { deletions, lab, output, PEER, reconciler } from './reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
beforeAll(async () => {
  node = await reconciler();
  await node.sql`
    insert into exchange.member_profile (member_id, family, given, suffix, dob, mb, sub, mbi, umb, street, phone, email)
    select id, '{}', '{ana}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}' from exchange.member on conflict (member_id) do update set given = excluded.given`;
});
afterAll(() => node.close());

const PERSON = { subject: 'ada', name: 'Ada', role: 'reviewer', development: false };
const itemOf = async (id: string) => {
  const [row] = await node.sql<{ id: string; kind: string; state: string }[]>`
    select id, kind, state from exchange.review_item where id = md5(concat_ws('|', 'held', ${PEER}::text, 'Observation', ${id}::text))`;
  return row;
};
async function decide(id: string, decision: PersonDecision | 'undo'): Promise<void> {
  const itemId = (await itemOf(id))?.id ?? '';
  const mark = (await findItem(node.sql, itemId))?.mark ?? '';
  expect(await decideItem(node.deps, PERSON, { itemId, decision, reason: 'looked at it', mark }, 'r')).toBeUndefined();
}
const shown = async (id: string) =>
  (
    await node.sql<{ value: string }[]>`
      select body::jsonb #>> '{valueQuantity,value}' as value from exchange.resource where source_id = ${id} and not deleted`
  ).map((r) => r.value);
const of = (id: string, value: number, more: object = {}) =>
  lab(id, { valueQuantity: { value }, meta: { lastUpdated: `2026-03-0${value}T00:00:00Z` }, ...more });
const tell = (...records: object[]) => node.pull([output('Observation', ...records)], { since: new Date() });
const R = { system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'R' };

test.each([
  ['modifier-extension', { modifierExtension: [{ url: 'http://x', valueBoolean: true }] }],
  ['implicit-rules', { implicitRules: 'http://x.example/rules' }],
  [
    'contained-person',
    {
      contained: [
        { resourceType: 'Patient', id: 'x', name: [{ given: ['Quentin'] }] },
        { resourceType: 'Observation', id: 'w', status: 'final', code: { text: 'x' }, subject: { reference: '#x' } },
      ],
    },
  ],
  ['consent-scope', { meta: { lastUpdated: '2026-03-02T00:00:00Z', security: [R] } }],
])('%s', async (kind, more) => {
  await tell(of(kind, 1));
  const held = await tell(of(kind, 2, more));
  expect(await node.ledger(held.id)).toEqual([`quarantined ${kind} Observation/${kind}`]);
  const before = await shown(kind);
  await decide(kind, 'release');
  expect(await shown(kind)).toEqual(['2']);
  await decide(kind, 'undo');
  expect(await shown(kind)).toEqual(before);
  await tell(of(kind, 3));
  expect(await shown(kind)).toEqual(['3']);
  expect((await itemOf(kind))?.state).toBe('gone');
  // what a label hides is in no book of the ledger
  if (kind !== 'consent-scope') expect(await brokenLaws(node.sql)).toEqual({});
});

test('what was discarded waits no more when it is deleted, also where it had been deleted before', async () => {
  const deleted = () => node.pull([deletions('Observation/gone')], { since: new Date() });
  const strange = { implicitRules: 'http://x.example/rules' };
  await tell(of('gone', 1));
  expect(await node.ledger((await deleted()).id)).toEqual(['retracted deleted-at-source Observation/gone']);
  await tell(of('gone', 2, strange));
  await decide('gone', 'discard');
  expect((await itemOf('gone'))?.state).toBe('decided');
  expect(await node.ledger((await deleted()).id)).toEqual(['unchanged already-retracted Observation/gone']);
  expect((await itemOf('gone'))?.state).toBe('gone');
});

test('released from one check, another one still holds it: that is asked', async () => {
  await node.sql`insert into exchange.other_coverage (id, member_id, payer, peer_id, in_error_at) values ('oc', 'm1', 'Prior', ${PEER}, now())`;
  const meanwhile = async () =>
    void (await node.sql`update exchange.pull_member set other_coverage_id = 'oc' where other_coverage_id is null and member_id = 'm1'`);
  const record = of('both', 1, { implicitRules: 'http://x.example/rules' });
  const held = await node.pull([output('Observation', record)], { since: new Date(), meanwhile });
  expect(await node.ledger(held.id)).toEqual(['quarantined named-in-error Observation/both']);
  await decide('both', 'release');
  expect(await shown('both')).toEqual([]);
  expect(await itemOf('both')).toMatchObject({ kind: 'implicit-rules', state: 'open' });
  await decide('both', 'release');
  expect(await shown('both')).toEqual(['1']);
  await decide('both', 'undo');
  expect(await shown('both')).toEqual([]);
});
