// Records that say to be copies of one of ours, and say something else: one is ours as a payer has changed it; of several no one can tell which.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addPeerChange } from '../../../exchange/peers/peer-change.ts';
import { deletions, lab, OUR_BASE, output, PEER, type RawFile, reconciler } from './reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
const mine = { subject: { reference: 'Patient/m1' } };
const at = (hour: string, value: number) => ({
  effectiveDateTime: `2026-03-01T${hour}:00:00Z`,
  valueQuantity: { value, code: 'g/dL' },
});
beforeAll(async () => {
  node = await reconciler();
  await node.own(
    { resourceType: 'Patient', id: 'm1', birthDate: '1970-01-01', name: [{ family: 'Lee' }] },
    ...['a', 'b', 'c'].map((id, i) => lab(`own-${id}`, { ...mine, ...at(`0${i}`, 5) })),
    allergy('own-d', '111', 'Patient/m1'),
  );
});
afterAll(() => node.close());

const of = (type: string, id: string) => ({ meta: { source: `${OUR_BASE}/${type}/${id}` } });
const copy = (id: string, ours: string, hour: string, value: number) =>
  lab(id, { ...of('Observation', ours), ...at(hour, value) });
function allergy(id: string, code: string, patient = 'Patient/p1', more: object = {}) {
  return {
    resourceType: 'AllergyIntolerance',
    id,
    clinicalStatus: {
      coding: [{ system: 'http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical', code: 'active' }],
    },
    code: { coding: [{ system: 'http://snomed.info/sct', code }] },
    patient: { reference: patient },
    ...more,
  };
}
const take = (...files: RawFile[]) => node.pull(files, { since: new Date() });
/** Source ids of what is linked with one of ours. */
const linked = async (ours: string): Promise<string[]> =>
  (
    await node.sql<{ id: string }[]>`
      select r.source_id as id from exchange.link l join exchange.resource r on r.member_id = l.member_id and r.type = l.type and r.id in (l.a_id, l.b_id) and r.origin = ${PEER}
      where l.state = 'confirmed' and ${ours} in (l.a_id, l.b_id) order by 1`
  ).map((r) => r.id);
/** Of how many a person is asked. */
const asked = async (ours: string): Promise<number> =>
  (
    await node.sql`select from exchange.review_item where state = 'open' and kind = 'echo-modified' and ${ours} in (a_id, b_id)`
  ).length;

test('one is ours, changed; of two that differ none is, whichever comes first, and a person is asked of each', async () => {
  const [one, two] = [copy('a1', 'own-a', '10', 6), copy('a2', 'own-a', '11', 7)];
  const first = await take(output('Observation', one));
  expect(await node.ledger(first.id)).toEqual(['linked-duplicate Observation/a1']);
  expect([await linked('own-a'), await asked('own-a')]).toEqual([['a1'], 1]);
  const second = await take(output('Observation', two));
  expect(await node.ledger(second.id)).toEqual(['created Observation/a2']);
  expect([await linked('own-a'), await asked('own-a')]).toEqual([[], 2]);
  // the other one is gone: what is left is the one that was changed
  await take(deletions('Observation/a2'));
  expect(await linked('own-a')).toEqual(['a1']);

  const both = await take(output('Observation', copy('b1', 'own-b', '12', 6), copy('b2', 'own-b', '13', 7)));
  expect(await node.ledger(both.id)).toEqual(['created Observation/b1', 'created Observation/b2']);
  expect([await linked('own-b'), await asked('own-b')]).toEqual([[], 2]);
});

test('one that differs beside ours as it is, is another one, whichever comes first', async () => {
  await take(output('Observation', copy('c1', 'own-c', '14', 6)));
  expect(await linked('own-c')).toEqual(['c1']);
  const { id } = await take(output('Observation', copy('c2', 'own-c', '02', 5)));
  expect(await node.ledger(id)).toEqual(['echo Observation/c2']);
  expect(await linked('own-c')).toEqual([]);
  const later = await take(output('Observation', copy('c3', 'own-c', '15', 8)));
  expect(await node.ledger(later.id)).toEqual(['created Observation/c3']);
});

test('an allergy to something else is no copy of ours, whatever it says to be', async () => {
  const named = of('AllergyIntolerance', 'own-d');
  const { id } = await take(
    output(
      'AllergyIntolerance',
      allergy('d1', '222', undefined, named),
      allergy('d2', '111', undefined, { ...named, criticality: 'high' }),
    ),
  );
  expect(await node.ledger(id)).toEqual(['created AllergyIntolerance/d1', 'linked-duplicate AllergyIntolerance/d2']);
  expect([await linked('own-d'), await asked('own-d')]).toEqual([['d2'], 2]);
});

test('of a record that is called by the address of another payer’s, is older, and is of another thing, nothing goes from view', async () => {
  const G = 'https://g.example/fhir';
  await node.sql`insert into exchange.peer (id, name, npi, state, fhir_base, origins, added_by)
    values ('g', 'G', '9000000046', 'active', ${G}, array['https://g.example'], 'test')`;
  const theirs = ['f1', 'f2', 'f3'].map((id, i) => ({
    ...lab(id, { ...at(`1${i}`, 5), meta: { lastUpdated: '2026-03-09T00:00:00Z' } }),
    identifier: [{ system: 'https://lab.example', value: `N-${id}` }],
  }));
  await node.pull([output('Observation', ...theirs)], { since: new Date(), peer: 'g' });
  const made = (id: string, more: object) =>
    lab(id, {
      ...at('20', 9),
      meta: { lastUpdated: '2026-03-02T00:00:00Z', source: `${G}/Observation/${id}` },
      ...more,
    });
  await take(
    output(
      'Observation',
      // another test, another number, and one that is but older
      made('f1', { code: { coding: [{ system: 'http://loinc.org', code: '2345-7' }] } }),
      made('f2', { identifier: [{ system: 'https://lab.example', value: 'N-other' }] }),
      made('f3', {}),
    ),
  );
  const pairs = await node.sql<{ id: string }[]>`
    select distinct r.source_id as id from exchange.link l join exchange.resource r on r.member_id = l.member_id and r.type = l.type and r.id = l.a_id
    where l.state = 'confirmed' and l.rule = 'source' and r.source_id like 'f%' order by 1`;
  expect(pairs.map((p) => p.id)).toEqual(['f3']);
  // nor when that is taken back
  await node.pull([deletions('Observation/f1', 'Observation/f2', 'Observation/f3')], { since: new Date(), peer: 'g' });
  const gone = await node.sql<
    { id: string }[]
  >`select source_id as id from exchange.resource where withheld = 'outlived'`;
  expect(gone.map((p) => p.id)).toEqual(['f3']);
});

test('a copy of what was taken back stays from view when its payer has another address', async () => {
  const [before, after] = [{ fhirBase: 'https://g.example/fhir' }, { fhirBase: 'https://g.example/r4' }];
  await addPeerChange(node.sql, {
    peerId: 'g',
    what: 'changed',
    before,
    after,
    byKind: 'command',
    by: 'test',
    at: new Date(),
    state: 'applied',
  });
  await node.sql`update exchange.peer set fhir_base = ${after.fhirBase} where id = 'g'`;
  // of the same member something comes that is a copy
  await take(
    output('Observation', lab('f9', { ...at('22', 4), meta: { source: 'https://g.example/r4/Observation/f9' } })),
  );
  expect(await node.sql`select from exchange.resource where withheld = 'outlived'`).toHaveLength(1);
});
