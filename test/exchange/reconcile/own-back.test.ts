// A payer asks us, takes in what it reported us itself as records of its own, and tells both.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { keyAfterUpdate } from '../../../exchange/reconcile/keys-anew.ts';
import { localId } from '../../../exchange/reconcile/local-id.ts';
import { deletions, lab, output, PEER, reconciler } from './reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
beforeAll(async () => {
  node = await reconciler();
  await node.sql`insert into exchange.peer (id, name, npi, state, fhir_base, origins, added_by)
    values ('c', 'C', '9000000020', 'active', 'https://c.example/fhir', array['https://c.example'], 'test')`;
});
afterAll(() => node.close());

const result = (id: string, day: string, more: object = {}) =>
  lab(id, { effectiveDateTime: `${day}T08:00:00Z`, valueQuantity: { value: 5, code: 'g/dL' }, ...more });
/** What says that we transmitted these, once. */
const through = (id: string, ...of: string[]) => transmitted(id, 'Observation', of);
const transmitted = (id: string, type: string, of: string[]) =>
  output('Provenance', {
    resourceType: 'Provenance',
    id,
    target: of.map((o) => ({ reference: `${type}/${o}` })),
    recorded: '2026-06-01T00:00:00Z',
    agent: [
      {
        type: {
          coding: [
            {
              system: 'http://hl7.org/fhir/us/core/CodeSystem/us-core-provenance-participant-type',
              code: 'transmitter',
            },
          ],
        },
        who: { identifier: { system: 'http://hl7.org/fhir/sid/us-npi', value: '9000000004' } },
      },
    ],
  });
let exports = 0;
const give = async (to: string, ...ids: string[]) => {
  const job = `job-${++exports}`;
  await node.sql`insert into exchange.bulk_job (id, kind, peer_id, state, request_url, parameters, received_at, due_at) values (${job}, 'export', ${to}, 'complete', '', '{}', now(), now())`;
  await node.sql`insert into exchange.delivered (peer_id, member_id, job_id, policy, consent_id, types, keys)
    values (${to}, 'm1', ${job}, 'regular', 'c-m1', '{}', array(select hashtextextended('Observation/' || k, 0) from unnest(${ids.map((i) => localId(PEER, 'Observation', i))}::text[]) k))`;
};
const results = async (...of: Parameters<typeof node.pull>) =>
  (await node.ledger((await node.pull(...of)).id)).filter((l) => l.includes('Observation')).sort();
const changes = () => ({ since: new Date() });

test('its own record back through us is that one, also by way of another payer, and what another reported with it stays one with it', async () => {
  const own = result('a1', '2026-03-01');
  await results([output('Observation', own)], changes());
  // the same in other words
  const theirs = result('c1', '2026-03-01', { effectiveDateTime: '2026-03-01T03:00:00-05:00' });
  await results([output('Observation', theirs)], { ...changes(), peer: 'c' });
  await give('c', 'a1');
  const back = await results([output('Observation', own, result('b1', '2026-03-01')), through('t1', 'b1')], changes());
  expect(back).toEqual(['echo Observation/b1', 'unchanged Observation/a1']);
  expect(await node.sql`select state from exchange.link where member_id = 'm1' and type = 'Observation'`).toEqual([
    { state: 'confirmed' },
  ]);
});

test('each of two alike is one; what we gave no one, and what comes without a statement, is one more', async () => {
  const [one, two] = [result('a2', '2026-03-02'), result('a3', '2026-03-02')];
  await results([output('Observation', one, two, result('a4', '2026-03-04'))], changes());
  await give(PEER, 'a2', 'a3');
  const back = ['b2', 'b3', 'b9'].map((id) => result(id, '2026-03-02'));
  expect(
    await results(
      [output('Observation', one, two, ...back, result('b4', '2026-03-04')), through('t2', 'b2', 'b3', 'b4')],
      changes(),
    ),
  ).toEqual([
    'created Observation/b4',
    'created Observation/b9',
    'echo Observation/b2',
    'echo Observation/b3',
    'unchanged Observation/a2',
    'unchanged Observation/a3',
  ]);
});

test('what it had back falls with the one that it takes back, whichever comes first, and when it labels that one', async () => {
  const firsts = ['a5', 'a6', 'a7'].map((id, i) => result(id, `2026-03-0${i + 5}`));
  await results([output('Observation', ...firsts)], changes());
  await give(PEER, 'a5', 'a6', 'a7');
  const back = (n: number) => [output('Observation', result(`b${n}`, `2026-03-0${n}`)), through(`t${n}`, `b${n}`)];
  const shown = async (n: number) =>
    node.sql`select id from exchange.resource where type = 'Observation' and not deleted and body like ${`%2026-03-0${n}T%`}`;
  expect(await results([...back(5), deletions('Observation/a5')], changes())).toContain('echo Observation/b5');
  expect(await results(back(6), changes())).toEqual(['echo Observation/b6']);
  await results([deletions('Observation/a6')], changes());
  expect(await results(back(6), changes())).toEqual(['echo Observation/b6']);
  const security = [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'PSY' }];
  const labelled = result('a7', '2026-03-07', { meta: { lastUpdated: '2026-06-01T00:00:00Z', security } });
  await results([output('Observation', labelled)], changes());
  expect(await results(back(7), changes())).toEqual(['echo Observation/b7']);
  expect([await shown(5), await shown(6), await shown(7)]).toEqual([[], [], []]);
});

const authorization = (id: string, number: string, amount: object) => ({
  resourceType: 'ExplanationOfBenefit',
  id,
  status: 'active',
  use: 'preauthorization',
  outcome: 'complete',
  type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/claim-type', code: 'professional' }] },
  patient: { reference: 'Patient/p1' },
  created: '2026-03-05',
  insurer: { identifier: { system: 'http://hl7.org/fhir/sid/us-npi', value: '9000000012' } },
  provider: { display: 'Clinic' },
  insurance: [{ focal: true, coverage: { display: 'cover' } }],
  identifier: [{ system: 'https://prior.example/authorizations', value: number }],
  preAuthRefPeriod: [{ start: '2026-03-05', end: '2027-03-05' }],
  item: [
    {
      sequence: 1,
      productOrService: { coding: [{ system: 'http://www.ama-assn.org/go/cpt', code: '27447' }] },
      adjudication: [
        {
          category: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/adjudication', code: 'submitted' }] },
          amount,
        },
      ],
    },
  ],
});
const masked = {
  extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'masked' }],
};

test('an authorization comes back without the money that it came with, and is that one; so is one that an older program took in', async () => {
  // what is held is keyed by the rules of today: nothing of it is made again beside the pulls
  await keyAfterUpdate(node.deps);
  const money = { value: 0, currency: 'USD' };
  const sent = [authorization('e7', 'A7', money), authorization('e8', 'A8', money)];
  await node.pull([output('ExplanationOfBenefit', ...sent)], changes());
  const passed = async (id: string, number: string) =>
    node.ledger(
      (
        await node.pull(
          [
            output('ExplanationOfBenefit', authorization(id, number, masked)),
            transmitted(`t${id}`, 'ExplanationOfBenefit', [id]),
          ],
          { ...changes(), peer: 'c' },
        )
      ).id,
    );
  expect(await passed('c7', 'A7')).toContain('echo ExplanationOfBenefit/c7');
  await node.sql`update exchange.resource set substance = hash where source_id = 'e8'`;
  await node.sql`delete from exchange.rekey_progress`;
  expect(await keyAfterUpdate(node.deps)).toBe(true);
  expect(await passed('c8', 'A8')).toContain('echo ExplanationOfBenefit/c8');
});

test('what we said of records when we took them in comes back with them and is no statement more; in other words it is one', async () => {
  await node.pull([output('Observation', result('a9', '2026-03-09'))], { ...changes(), peer: 'c' });
  const made = await node.sql<{ body: string }[]>`select body from exchange.resource
    where type = 'Provenance' and source_id is null and targets = array[${`Observation/${localId('c', 'Observation', 'a9')}`}]`;
  const said = JSON.parse(made[0]?.body ?? '') as { agent: object[] };
  const about = (id: string, more: object = {}) => ({
    ...said,
    id,
    meta: { lastUpdated: '2026-06-01T00:00:00Z' },
    target: [{ reference: 'Observation/b99' }],
    ...more,
  });
  const back = await node.pull(
    [
      output('Observation', result('b99', '2026-03-09')),
      output(
        'Provenance',
        about('s1'),
        about('s2', { agent: said.agent.slice(0, 1) }),
        about('s3', { recorded: '2026-05-01T00:00:00.000Z' }),
      ),
    ],
    changes(),
  );
  expect((await node.ledger(back.id)).filter((l) => l.includes('Provenance'))).toEqual([
    'echo Provenance/s1',
    'created Provenance/s2',
    'created Provenance/s3',
  ]);
});

test('what went on through us before it was changed is what it was, also where it names nothing: no second value of one result', async () => {
  const numbered = (id: string, number: string, value: number) =>
    result(id, '2026-03-11', {
      identifier: [{ system: 'https://prior.example/accession', value: number }],
      valueQuantity: { value, code: 'g/dL' },
    });
  await node.pull([output('Observation', numbered('f1', 'N1', 5), numbered('f2', 'N2', 6))], changes());
  await give('c', 'f1');
  const newer = { meta: { lastUpdated: '2026-06-01T00:00:00Z' } };
  const changed = [numbered('f1', 'N1', 7), numbered('f2', 'N2', 8)].map((r) => ({ ...r, ...newer }));
  await node.pull([output('Observation', ...changed)], changes());
  // of the second one no one was given anything
  const older = [numbered('g1', 'N1', 5), numbered('g2', 'N2', 6), numbered('g3', 'N1', 9)];
  const passed = await results([output('Observation', ...older), through('tg', 'g1', 'g2', 'g3')], {
    ...changes(),
    peer: 'c',
  });
  expect(passed).toEqual(['created Observation/g2', 'created Observation/g3', 'echo Observation/g1']);
});

test('an order comes back with its drug, of which its payer has several entries: it is that one, and one of another drug is not', async () => {
  const drug = (id: string, code: string) => ({
    resourceType: 'Medication',
    id,
    code: { coding: [{ system: 'http://hl7.org/fhir/sid/ndc', code }] },
  });
  const order = (id: string, medication: string) => ({
    resourceType: 'MedicationRequest',
    id,
    status: 'active',
    intent: 'order',
    subject: { reference: 'Patient/p1' },
    authoredOn: '2026-04-01',
    medicationReference: { reference: `Medication/${medication}` },
  });
  const entries = ['d1', 'd2', 'd3'].map((id) => drug(id, '00093721410'));
  await node.pull(
    [
      output('Medication', ...entries),
      output('MedicationRequest', ...['d1', 'd2', 'd3'].map((d) => order(`o-${d}`, d))),
    ],
    changes(),
  );
  const back = await node.pull(
    [
      output('Medication', drug('x1', '00093721410'), drug('x2', '00071015523')),
      output('MedicationRequest', ...['r1', 'r2', 'r3'].map((id) => order(id, 'x1')), order('r4', 'x2')),
      transmitted('t-orders', 'MedicationRequest', ['r1', 'r2', 'r3', 'r4']),
    ],
    { ...changes(), peer: 'c' },
  );
  expect(
    (await node.ledger(back.id)).filter((l) => l.includes('MedicationRequest')).map((l) => l.split(' ')[0]),
  ).toEqual(['echo', 'echo', 'echo', 'created']);
});
