// Members who chose `#regular`: an order that is sensitive by the Medication that it names is held, as one that tells its drug itself.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { decideItem } from '../../../exchange/review/decide.ts';
import type { PersonDecision } from '../../../exchange/review/kinds.ts';
import { findItem } from '../../../exchange/review/review-rows.ts';
import { brokenLaws } from '../../journey/laws.ts';
import { output, reconciler } from './reconcile-pull.ts';

const SECRET = { coding: [{ system: 'http://snomed.info/sct', code: '370143000' }] };
const PLAIN = { coding: [{ system: 'http://www.nlm.nih.gov/research/umls/rxnorm', code: '100' }] };
const OTHER = { coding: [{ ...PLAIN.coding[0], code: '200' }] };
const medication = (id: string, code: object, more: object = {}) => ({ resourceType: 'Medication', id, code, ...more });
const order = (id: string, drug: string, more: object = {}) => ({
  resourceType: 'MedicationRequest',
  id,
  status: 'active',
  intent: 'order',
  subject: { reference: 'Patient/p1' },
  medicationReference: { reference: `Medication/${drug}` },
  ...more,
});

let node: Awaited<ReturnType<typeof reconciler>>;
beforeAll(async () => {
  node = await reconciler('regular');
});
afterAll(async () => {
  expect(await brokenLaws(node.sql)).toEqual({});
  await node.close();
});

const orders = async () => {
  const rows = await node.sql<{ id: string; label: number; deleted: boolean }[]>`
    select source_id as id, label, deleted from exchange.resource where type = 'MedicationRequest' order by 1`;
  return Object.fromEntries(rows.map((r) => [r.id, r.deleted ? 'hidden' : r.label]));
};
const openItems = async () =>
  (
    await node.sql<{ id: string }[]>`
      select l.source_id as id from exchange.review_item i join exchange.ledger l using (pull_id, file, line, entry)
      where i.kind = 'consent-scope' and i.state = 'open' order by 1`
  ).map((r) => r.id);
async function decide(source: string, decision: PersonDecision | 'undo') {
  const [row] = await node.sql`
    select i.id from exchange.review_item i join exchange.ledger l using (pull_id, file, line, entry)
    where l.source_id = ${source} and i.kind = 'consent-scope'`;
  const id = String(row?.['id']);
  const item = await findItem(node.sql, id);
  const person = { subject: 'ada', name: 'Ada', role: 'reviewer', development: false };
  return decideItem(node.deps, person, { itemId: id, decision, reason: 'looked at it', mark: item?.mark ?? '' }, 'r1');
}

test('with its Medication, wherever that stands, and with one that came before; what names it by the way is taken in, restricted', async () => {
  const files = [
    output(
      'MedicationRequest',
      order('a', 'secret'),
      order('b', 'plain'),
      order('c', 'plain', { supportingInformation: [{ reference: 'Medication/secret' }] }),
    ),
    output('Medication', medication('secret', SECRET), medication('plain', PLAIN)),
  ];
  const { id } = await node.pull(files);
  expect((await node.ledger(id)).slice(0, 3)).toEqual([
    'quarantined consent-scope MedicationRequest/a',
    'created MedicationRequest/b',
    'created MedicationRequest/c',
  ]);
  const later = await node.pull([output('MedicationRequest', order('d', 'secret'))]);
  expect(await node.ledger(later.id)).toEqual(['quarantined consent-scope MedicationRequest/d']);
  expect(await openItems()).toEqual(['a', 'd']);
  const again = await node.pull(files);
  expect((await node.ledger(again.id)).slice(0, 3)).toEqual([
    'quarantined consent-scope MedicationRequest/a',
    'unchanged MedicationRequest/b',
    'unchanged MedicationRequest/c',
  ]);
  expect(await orders()).toEqual({ b: 0, c: 1 });
});

test('released, it is restricted and stays when it comes again; taken back, it waits; a later version waits again', async () => {
  expect(await decide('a', 'release')).toBeUndefined();
  expect(await orders()).toEqual({ a: 1, b: 0, c: 1 });
  const same = await node.pull([output('MedicationRequest', order('a', 'secret'))]);
  expect(await node.ledger(same.id)).toEqual(['unchanged MedicationRequest/a']);
  expect(await decide('a', 'undo')).toBeUndefined();
  expect(await orders()).toMatchObject({ a: 'hidden' });
  expect(await openItems()).toEqual(['a', 'd']);
  expect(await decide('a', 'release')).toBeUndefined();
  const next = await node.pull([output('MedicationRequest', order('a', 'secret', { note: [{ text: 'changed' }] }))]);
  expect(await node.ledger(next.id)).toEqual(['quarantined consent-scope MedicationRequest/a']);
  expect(await openItems()).toEqual(['a', 'd']);
});

test('one that was taken in waits from when its Medication comes, or is known to be that', async () => {
  await node.pull([
    output(
      'MedicationRequest',
      order('e', 'late', { note: [{ text: 'e' }] }),
      order('f', 'turns', { note: [{ text: 'f' }] }),
    ),
    output('Medication', medication('turns', OTHER)),
  ]);
  expect(await orders()).toMatchObject({ e: 0, f: 0 });
  // another name of the drug that a released order names: that stays
  const now = { meta: { lastUpdated: '2026-09-01T00:00:00Z' } };
  await node.pull([output('Medication', medication('late', SECRET), medication('turns', SECRET, now))]);
  expect(await orders()).toEqual({ a: 1, b: 0, c: 1, e: 'hidden', f: 'hidden' });
  expect(await openItems()).toEqual(['a', 'd', 'e', 'f']);
  expect(await decide('e', 'release')).toBeUndefined();
  expect(await orders()).toMatchObject({ e: 1, f: 'hidden' });
  // an older version of the Medication says nothing any more
  const older = { meta: { lastUpdated: '2026-08-01T00:00:00Z' } };
  const { id } = await node.pull([
    output('MedicationRequest', order('g', 'turns')),
    output('Medication', medication('turns', OTHER, older)),
  ]);
  expect((await node.ledger(id))[0]).toBe('quarantined consent-scope MedicationRequest/g');
});
