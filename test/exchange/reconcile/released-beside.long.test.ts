// What people release is a version of a record: it stays released when a later version is held, and their item is about that one; and no other version is released with it.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findPeer } from '../../../exchange/peers/peer.ts';
import { replay } from '../../../exchange/reconcile/replay.ts';
import { findPull } from '../../../exchange/requester/pull.ts';
import { decideItem } from '../../../exchange/review/decide.ts';
import type { PersonDecision } from '../../../exchange/review/kinds.ts';
import { finishReleases } from '../../../exchange/review/release.ts';
import { findItem } from '../../../exchange/review/review-rows.ts';
import { output, PEER, reconciler } from './reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
beforeEach(async () => {
  node = await reconciler('regular');
});
afterEach(() => node.close());

const PERSON = { subject: 'ada', name: 'Ada', role: 'reviewer', development: false };
async function decide(type: string, id: string, decision: PersonDecision | 'undo'): Promise<void> {
  const [row] = await node.sql<{ id: string }[]>`
    select id from exchange.review_item where id = md5(concat_ws('|', 'held', ${PEER}::text, ${type}::text, ${id}::text))`;
  const item = await findItem(node.sql, row?.id ?? '');
  const d = { itemId: row?.id ?? '', decision, reason: 'looked at it', mark: item?.mark ?? '' };
  expect(await decideItem(node.deps, PERSON, d, 'r')).toBeUndefined();
}
const itemsOf = async (type: string) =>
  (
    await node.sql<{ told: string }[]>`
      select concat_ws(' ', kind, state, decision) as told from exchange.review_item where type = ${type} and state <> 'gone' order by 1`
  ).map((r) => r.told);
const shown = async (type: string) =>
  (
    await node.sql<{ told: string }[]>`
      select source_id || ' ' || coalesce(body::jsonb #>> '{note,0,text}', body::jsonb #>> '{disposition}', '') as told
      from exchange.resource where type = ${type} and origin <> 'own' and not deleted order by 1`
  ).map((r) => r.told);
const pull = (...files: Parameters<typeof node.pull>[0]) => node.pull(files, { since: new Date() });
async function again(id: string): Promise<void> {
  const [found, peer] = [await findPull(node.sql, id), await findPeer(node.sql, PEER)];
  if (!found || !peer) throw new Error('no pull');
  await replay(node.deps, { pull: found, peer, by: { kind: 'command', name: 'test' }, cause: 'replay' });
}

const SECRET = { coding: [{ system: 'http://snomed.info/sct', code: '370143000' }] };
const PLAIN = { coding: [{ system: 'http://www.nlm.nih.gov/research/umls/rxnorm', code: '100' }] };
const medication = (id: string, code: object, more: object = {}) =>
  output('Medication', { resourceType: 'Medication', id, code, ...more });
const order = (note: string, drug: string, more: object = {}) =>
  output('MedicationRequest', {
    resourceType: 'MedicationRequest',
    id: 'o',
    status: 'active',
    intent: 'order',
    subject: { reference: 'Patient/p1' },
    medicationReference: { reference: `Medication/${drug}` },
    note: [{ text: note }],
    ...more,
  });
const ODD = { modifierExtension: [{ url: 'http://x.example', valueBoolean: true }] };

test('an order that is sensitive by its Medication stays when its pull is read again and a later version is held', async () => {
  const first = await pull(order('one', 'secret'), medication('secret', SECRET));
  await decide('MedicationRequest', 'o', 'release');
  await pull(order('two', 'secret'));
  expect(await shown('MedicationRequest')).toEqual(['o one']);
  expect(await itemsOf('MedicationRequest')).toEqual(['consent-scope open']);
  await again(first.id);
  expect(await shown('MedicationRequest')).toEqual(['o one']);
  expect(await itemsOf('MedicationRequest')).toEqual(['consent-scope open']);
});

test('of an order whose former version was released, and that taken back, a Medication that is sensitive takes the next one out', async () => {
  await pull(order('one', 'drug', ODD), medication('drug', PLAIN));
  await decide('MedicationRequest', 'o', 'release');
  await decide('MedicationRequest', 'o', 'undo');
  await pull(order('two', 'drug'));
  expect(await shown('MedicationRequest')).toEqual(['o two']);
  await pull(medication('drug', SECRET, { meta: { lastUpdated: '2026-09-01T00:00:00Z' } }));
  expect(await shown('MedicationRequest')).toEqual([]);
  expect(await itemsOf('MedicationRequest')).toEqual(['consent-scope open']);
});

test('an order that was released for what is odd in it, and whose Medication is said to be a sensitive one later, stays and is restricted', async () => {
  const first = await pull(order('one', 'drug', ODD), medication('drug', PLAIN));
  await decide('MedicationRequest', 'o', 'release');
  await pull(medication('drug', SECRET, { meta: { lastUpdated: '2026-09-01T00:00:00Z' } }));
  await again(first.id);
  expect(await shown('MedicationRequest')).toEqual(['o one']);
  expect(await node.sql`select label from exchange.resource where type = 'MedicationRequest'`).toEqual([{ label: 1 }]);
});

test('what was released from two checks is shown again in the place of a later version', async () => {
  await pull(order('one', 'secret', ODD), medication('secret', SECRET));
  await decide('MedicationRequest', 'o', 'release');
  await decide('MedicationRequest', 'o', 'release');
  expect(await shown('MedicationRequest')).toEqual(['o one']);
  await pull(order('two', 'secret', ODD));
  await decide('MedicationRequest', 'o', 'release');
  await decide('MedicationRequest', 'o', 'release');
  expect(await shown('MedicationRequest')).toEqual(['o two']);
  await decide('MedicationRequest', 'o', 'undo');
  expect(await shown('MedicationRequest')).toEqual(['o one']);
});

test('a later version of an order is released from one check, and asks about its Medication', async () => {
  await pull(order('one', 'plain'), medication('plain', PLAIN), medication('secret', SECRET));
  await pull(order('two', 'secret', ODD));
  await decide('MedicationRequest', 'o', 'release');
  expect(await itemsOf('MedicationRequest')).toEqual(['consent-scope open']);
  expect(await shown('MedicationRequest')).not.toContain('o two');
  await decide('MedicationRequest', 'o', 'release');
  expect(await shown('MedicationRequest')).toEqual(['o two']);
});

const claim = (id: string, patient: string, disposition: string, more: object = {}) => ({
  resourceType: 'ExplanationOfBenefit',
  id,
  status: 'active',
  use: 'claim',
  type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/claim-type', code: 'professional' }] },
  patient: { reference: `Patient/${patient}` },
  identifier: [{ type: { coding: [{ code: 'uc' }] }, system: 'https://p.example', value: id }],
  created: '2026-01-01',
  insurer: { identifier: { system: 'http://hl7.org/fhir/sid/us-npi', value: '9000000012' } },
  provider: { display: 'A clinic' },
  outcome: 'complete',
  disposition,
  insurance: [{ focal: true, coverage: { display: 'x' } }],
  ...more,
});
const names = (value: string) => ({
  related: [{ relationship: { coding: [{ code: 'prior' }] }, reference: { system: 'https://p.example', value } }],
});

test('a claim that names another member’s stays when its pull is read again, or a third one names that, and a later version is held', async () => {
  const first = await pull(
    output('ExplanationOfBenefit', claim('a', 'p1', 'one', names('b')), claim('b', 'p2', 'other')),
  );
  expect(await shown('ExplanationOfBenefit')).toEqual([]);
  await decide('ExplanationOfBenefit', 'a', 'release');
  await decide('ExplanationOfBenefit', 'b', 'release');
  expect(await shown('ExplanationOfBenefit')).toEqual(['a one', 'b other']);
  await pull(output('ExplanationOfBenefit', claim('a', 'p1', 'two', { ...names('b'), ...ODD })));
  const held = ['modifier-extension open', 'patient-change decided release'];
  expect([await shown('ExplanationOfBenefit'), await itemsOf('ExplanationOfBenefit')]).toEqual([
    ['a one', 'b other'],
    held,
  ]);
  await again(first.id);
  expect([await shown('ExplanationOfBenefit'), await itemsOf('ExplanationOfBenefit')]).toEqual([
    ['a one', 'b other'],
    held,
  ]);
  await pull(output('ExplanationOfBenefit', claim('c', 'p2', 'third', names('a'))));
  expect(await shown('ExplanationOfBenefit')).toEqual(['a one', 'b other']);
});

test('a later version of a claim is released from one check, and asks whose it is', async () => {
  await pull(output('ExplanationOfBenefit', claim('a', 'p1', 'one'), claim('b', 'p2', 'other')));
  await pull(output('ExplanationOfBenefit', claim('a', 'p1', 'two', { ...names('b'), ...ODD })));
  await decide('ExplanationOfBenefit', 'a', 'release');
  expect(await itemsOf('ExplanationOfBenefit')).toContain('patient-change open');
  expect(await shown('ExplanationOfBenefit')).not.toContain('a two');
});

test('a process that dies between a version that waits again and the one before: that one is shown at the next tick, and the other one still waits', async () => {
  await node.sql`insert into exchange.other_coverage (id, member_id, payer, peer_id) values ('oc', 'm1', 'Prior', ${PEER})`;
  const inError = (at: Date | null) => node.sql`update exchange.other_coverage set in_error_at = ${at}`;
  const meanwhile = async () =>
    void (await node.sql`update exchange.pull_member set other_coverage_id = 'oc' where other_coverage_id is null and member_id = 'm1'`);
  const before = await pull(order('one', 'plain'), medication('plain', PLAIN));
  await inError(new Date());
  await node.pull([order('two', 'plain')], { since: new Date(), meanwhile });
  await inError(null);
  await decide('MedicationRequest', 'o', 'release');
  expect(await shown('MedicationRequest')).toEqual(['o two']);
  const { blobs } = node.deps;
  const get = blobs.get.bind(blobs);
  blobs.get = async (key, ...more) => {
    if (key.startsWith(before.id)) throw new Error('died');
    return get(key, ...more);
  };
  await expect(decide('MedicationRequest', 'o', 'undo')).rejects.toThrow('died');
  expect(await shown('MedicationRequest')).toEqual([]);
  blobs.get = get;
  await finishReleases({ ...node.deps, clock: () => new Date(Date.now() + 3_600_000) });
  expect(await shown('MedicationRequest')).toEqual(['o one']);
  expect(await itemsOf('MedicationRequest')).toEqual(['named-in-error open']);
});
