// A Medication of one payer that is the same entry as another one's, until its payer says that it is another drug.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { drugsOf } from '../../../exchange/records/drug.ts';
import { withDrug } from '../../../exchange/records/facts/drug.ts';
import type { Resource } from '../../../src/fhir/resource.ts';
import { brokenLaws } from '../../journey/laws.ts';
import { deletions, output, PEER, reconciler } from './reconcile-pull.ts';

const RXNORM = 'http://www.nlm.nih.gov/research/umls/rxnorm';
const medication = (id: string, code: string, day = '01', more: object = {}) => ({
  resourceType: 'Medication',
  id,
  meta: { lastUpdated: `2026-09-${day}T00:00:00Z` },
  code: { coding: [{ system: RXNORM, code }] },
  ...more,
});
const order = (id: string, drug: string, more: object = {}) => ({
  resourceType: 'MedicationRequest',
  id,
  status: 'active',
  intent: 'order',
  subject: { reference: 'Patient/p1' },
  medicationReference: { reference: `Medication/${drug}` },
  authoredOn: `2026-02-0${(id.charCodeAt(0) % 9) + 1}`,
  ...more,
});

let node: Awaited<ReturnType<typeof reconciler>>;
const OTHER = { peer: 'other' };
/** Not everything was asked for: what does not come is there all the same. */
const SOME = { since: new Date('2026-01-01') };
beforeAll(async () => {
  node = await reconciler('sensitive');
  await node.sql`insert into exchange.peer (id, name, npi, state, fhir_base, origins, added_by)
    values ('other', 'Other', '9000000020', 'active', 'https://other.example/fhir', array['https://other.example'], 'test')`;
});
afterAll(async () => {
  expect(await brokenLaws(node.sql)).toEqual({});
  await node.close();
});

/** What the orders of a payer are shown with. */
async function drugs(origin = PEER): Promise<Record<string, string | undefined>> {
  const rows = await node.sql<{ id: string; type: string; body: string }[]>`
    select source_id as id, type, body from exchange.resource where origin = ${origin} and type = 'MedicationRequest' and not deleted order by 1`;
  const named = await drugsOf(node.sql, rows);
  return Object.fromEntries(
    rows.map((r) => {
      const told = withDrug(JSON.parse(r.body) as Resource, named)['medicationCodeableConcept'];
      return [r.id, (told as { coding?: { code?: string }[] } | undefined)?.coding?.[0]?.code];
    }),
  );
}

test('of one entry with others, it is an entry of its own when it becomes another drug; the orders that name it follow', async () => {
  await node.pull(
    [output('Medication', medication('o1', '100')), output('MedicationRequest', order('o', 'o1'))],
    OTHER,
  );
  const orders = output('MedicationRequest', order('a', 'x'), order('b', 'y'));
  const first = await node.pull([orders, output('Medication', medication('x', '100'), medication('y', '100'))]);
  expect((await node.ledger(first.id)).slice(2)).toEqual(['shared Medication/x', 'shared Medication/y']);
  // other words for the same drug are the same entry
  const same = await node.pull([output('Medication', medication('x', '100', '02', { form: { text: 'tablet' } }))]);
  expect(await node.ledger(same.id)).toEqual(['shared Medication/x']);

  const next = await node.pull([orders, output('Medication', medication('x', '200', '03'), medication('y', '100'))]);
  expect(await node.ledger(next.id)).toEqual([
    'unchanged MedicationRequest/a',
    'unchanged MedicationRequest/b',
    'created Medication/x',
    'unchanged Medication/y',
  ]);
  expect(await drugs()).toEqual({ a: '200', b: '100' });
  expect(await drugs('other')).toEqual({ o: '100' });
  // and from then on it is what its payer says
  await node.pull([output('Medication', medication('x', '300', '04')), output('MedicationRequest', order('c', 'x'))]);
  expect(await drugs()).toEqual({ a: '300', b: '100', c: '300' });
});

test('when the process died before the orders were led, they are when it goes on', async () => {
  await node.sql.unsafe(`
    create function exchange.die() returns trigger language plpgsql as $$ begin raise exception 'killed'; end $$;
    create trigger die before insert on exchange.unit_revision for each row execute function exchange.die()`);
  const files = [output('Medication', medication('y', '400', '05')), output('MedicationRequest', order('d', 'y'))];
  await expect(node.pull(files)).rejects.toThrow('killed');
  expect(await drugs()).toEqual({ a: '300', b: '100', c: '300', d: '400' });
  await node.sql.unsafe('drop function exchange.die() cascade');
  const [begun] = await node.sql`select id from exchange.pull where state <> 'done'`;
  await node.goOn(String(begun?.['id']));
  expect(await drugs()).toEqual({ a: '300', b: '400', c: '300', d: '400' });
});

test('a drug that others have as theirs too stays what it was for them, when it becomes another one or is deleted', async () => {
  await node.pull([output('Medication', medication('z', '500')), output('MedicationRequest', order('e', 'z'))]);
  const shared = await node.pull(
    [output('Medication', medication('o2', '500')), output('MedicationRequest', order('p', 'o2'))],
    OTHER,
  );
  expect((await node.ledger(shared.id))[0]).toBe('shared Medication/o2');
  await node.pull([output('Medication', medication('z', '600', '06'))]);
  expect(await drugs('other')).toEqual({ o: '100', p: '500' });
  expect(await drugs()).toMatchObject({ e: '600' });
  // what it is now is its own: a further version is written there
  await node.pull([output('Medication', medication('z', '700', '07'))]);
  expect(await drugs()).toMatchObject({ e: '700' });
  expect(await drugs('other')).toEqual({ o: '100', p: '500' });

  await node.pull([deletions('Medication/o1')], OTHER);
  await node.pull([deletions('Medication/z')]);
  expect(await drugs('other')).toMatchObject({ p: '500' });
});

test('a drug that one payer deletes and another one has as well is still there for the orders of that one', async () => {
  await node.pull([output('Medication', medication('o4', '850'))], { ...OTHER, ...SOME });
  const files = [output('MedicationRequest', order('w', 'w')), output('Medication', medication('w', '850'))];
  const shared = await node.pull(files, SOME);
  expect((await node.ledger(shared.id))[1]).toBe('shared Medication/w');
  const gone = await node.pull([deletions('Medication/o4')], { ...OTHER, ...SOME });
  expect(await node.ledger(gone.id)).toEqual(['retracted deleted-at-source Medication/o4']);
  expect(await drugs()).toMatchObject({ w: '850' });
  // who tells the same drug afterwards has it too
  const next = await node.pull([output('Medication', medication('v', '850'))], SOME);
  expect(await node.ledger(next.id)).toEqual(['shared Medication/v']);
  const again = await node.pull([output('Medication', medication('o4', '860', '09'))], { ...OTHER, ...SOME });
  expect(await node.ledger(again.id)).toEqual(['updated reinstated Medication/o4']);
  expect(await drugs()).toMatchObject({ w: '850' });
});

test('one that tells the number of another drug is not that drug', async () => {
  const number = { identifier: [{ system: 'urn:formulary', value: '7' }] };
  await node.pull([output('Medication', medication('o3', '800', '01', number))], OTHER);
  const { id } = await node.pull([output('Medication', medication('n', '900', '01', number))]);
  expect(await node.ledger(id)).toEqual(['created Medication/n']);
});

test('what becomes of a drug of ours is no matter of the orders of others that name the same one', async () => {
  await node.own({ resourceType: 'Patient', id: 'm1' }, medication('ours', '1000'), medication('ours-2', '1100'));
  await node.own(order('own', 'ours', { subject: { reference: 'Patient/m1' } }));
  const orders = output('MedicationRequest', order('k', 'k'), order('l', 'l'), order('m', 'm'));
  const names = output('Medication', medication('k', '1000'), medication('l', '1000'), medication('m', '1100'));
  const { id } = await node.pull([orders, names], SOME);
  expect((await node.ledger(id)).slice(3)).toEqual([
    'shared Medication/k',
    'shared Medication/l',
    'shared Medication/m',
  ]);
  await node.pull([output('Medication', medication('q', '1000')), output('MedicationRequest', order('q', 'q'))], {
    ...OTHER,
    ...SOME,
  });
  // other words for the same drug
  await node.own(medication('ours', '1000', '02', { form: { text: 'tablet' } }));
  await node.own(medication('ours', '1200', '03'), { resourceType: 'Medication', id: 'ours-2', status: 'inactive' });
  const shown = await drugs();
  expect([shown['k'], shown['l'], shown['m']]).toEqual(['1000', '1000', '1100']);
  expect(await drugs('other')).toMatchObject({ q: '1000' });
  const [own] = await node.sql`select body from exchange.resource where type = 'MedicationRequest' and origin = 'own'`;
  expect(String(own?.['body'])).toContain('Medication/ours');
  // each goes on as its own
  const again = await node.pull([orders, names], SOME);
  expect((await node.ledger(again.id)).every((line) => line.startsWith('unchanged'))).toBe(true);
  await node.pull([output('Medication', medication('l', '1300', '04'))], SOME);
  const now = await drugs();
  expect([now['k'], now['l'], now['m']]).toEqual(['1000', '1300', '1100']);
  expect(await drugs('other')).toMatchObject({ q: '1000' });
});
