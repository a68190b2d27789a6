// Statements about records that look like one that is held: an echo says the same of the same by the same.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { lab, output, reconciler } from './reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
beforeAll(async () => {
  node = await reconciler();
  await node.own({ resourceType: 'Patient', id: 'm1', birthDate: '1970-01-01', name: [{ family: 'Lee' }] });
});
afterAll(() => node.close());

const statement = (id: string, who: object, target: string) => ({
  resourceType: 'Provenance',
  id,
  target: [{ reference: target }],
  recorded: '2026-01-01T00:00:00Z',
  agent: [
    {
      type: {
        coding: [{ system: 'http://terminology.hl7.org/CodeSystem/provenance-participant-type', code: 'author' }],
      },
      who,
    },
  ],
});
const person = (type: string, id: string, npi: string) => ({
  resourceType: type,
  id,
  identifier: [{ system: 'http://hl7.org/fhir/sid/us-npi', value: npi }],
  name: type === 'Organization' ? id : [{ family: id }],
});
const since = new Date();

test('of another author it is another statement', async () => {
  await node.pull(
    [
      output('Practitioner', person('Practitioner', 'd1', '1234567893'), person('Practitioner', 'd2', '1245319599')),
      output('Observation', lab('a1')),
      output('Provenance', statement('s1', { reference: 'Practitioner/d1' }, 'Observation/a1')),
    ],
    { since },
  );
  const { id } = await node.pull(
    [
      output('Practitioner', person('Practitioner', 'd2', '1245319599')),
      output('Provenance', statement('s2', { reference: 'Practitioner/d2' }, 'Observation/a1')),
    ],
    { since },
  );
  expect((await node.ledger(id)).at(-1)).toBe('created Provenance/s2');
});

test('that goes on through another payer it is an echo, about a copy too', async () => {
  const O = 'https://other.example/fhir';
  await node.sql`insert into exchange.peer (id, name, npi, state, fhir_base, origins, added_by)
    values ('other', 'Other', '9000000020', 'active', ${O}, array['https://other.example'], 'test')`;
  const doctor = output('Practitioner', person('Practitioner', 'd1', '1234567893'));
  const copy = lab('o1', { meta: { source: 'https://prior.example/fhir/Observation/a1' } });
  await node.pull([output('Observation', copy)], { since, peer: 'other' });
  const { id } = await node.pull(
    [doctor, output('Provenance', statement('os1', { reference: 'Practitioner/d1' }, 'Observation/o1'))],
    { since, peer: 'other' },
  );
  expect((await node.ledger(id)).at(-1)).toBe('echo Provenance/os1');
  // who does not say who it was says nothing else
  const { id: bare } = await node.pull(
    [output('Provenance', statement('os2', { reference: 'Practitioner/gone' }, 'Observation/o1'))],
    { since, peer: 'other' },
  );
  expect((await node.ledger(bare)).at(-1)).toBe('echo Provenance/os2');
});
