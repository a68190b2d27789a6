// Records whose keys are those of other rules: they are found by what comes, and all are keyed again once.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { recomputeChainsOf } from '../../../exchange/reconcile/chain/recompute.ts';
import { keyAfterUpdate } from '../../../exchange/reconcile/keys-anew.ts';
import { holdsKeying, keysMade } from '../../../exchange/records/keys-made.ts';
import { EVERYTHING, openSlice } from '../../../exchange/records/slice.ts';
import { OUR_BASE, output, reconciler } from './reconcile-pull.ts';

const ICD = 'http://hl7.org/fhir/sid/icd-10-cm';
const CVX = 'http://hl7.org/fhir/sid/cvx';
const NDC = 'http://hl7.org/fhir/sid/ndc';
const [LOCAL, UTC] = ['2025-03-01T20:00:00-05:00', '2025-03-02T01:00:00Z'];
const coding = (system: string, code: string) => ({ coding: [{ system, code }] });
const problem = (id: string, patient: string, code: string) => ({
  resourceType: 'Condition',
  id,
  clinicalStatus: coding('http://terminology.hl7.org/CodeSystem/condition-clinical', 'active'),
  category: [coding('http://terminology.hl7.org/CodeSystem/condition-category', 'problem-list-item')],
  code: coding(ICD, code),
  subject: { reference: `Patient/${patient}` },
});
const shot = (id: string, patient: string, at: string) => ({
  resourceType: 'Immunization',
  id,
  status: 'completed',
  vaccineCode: coding(CVX, '150'),
  occurrenceDateTime: at,
  patient: { reference: `Patient/${patient}` },
});
const drug = (id: string, code: string) => ({ resourceType: 'Medication', id, code: coding(NDC, code) });
const person = (id: string) => ({ resourceType: 'Patient', id, name: [{ family: id }], birthDate: '1970-01-01' });

let node: Awaited<ReturnType<typeof reconciler>>;
beforeEach(async () => {
  node = await reconciler('sensitive');
  await node.own(
    person('m1'),
    person('m2'),
    problem('a1', 'm1', 'E119'),
    shot('a2', 'm1', LOCAL),
    problem('a3', 'm2', 'E119'),
    drug('d1', '0093-7214-10'),
  );
});
afterEach(() => node.close());

/** Keys as the rules before made them of the same records: codes and days as they are written. */
async function keyedByOlder(): Promise<void> {
  const { sql } = node;
  await sql`update exchange.resource set keys = array[hashtextextended(${`e:${ICD}|E119`}, 0)] where type = 'Condition'`;
  await sql`update exchange.resource set keys = array[hashtextextended(${`e:${CVX}|150|2025-03-01`}, 0)] where type = 'Immunization'`;
  await sql`update exchange.shared_key set hash = hashtextextended(${`e:${NDC}|0093-7214-10`}, 0) where type = 'Medication'`;
}
const keys = async () => [
  ...(await node.sql`select type, id, array(select k from unnest(keys) k order by k)::text as keys from exchange.resource
    union all select type, id, kind || ' ' || hash from exchange.shared_key order by 1, 2, 3`),
];
const theirs = () => [
  output('Medication', drug('d9', '00093721410')),
  output('Condition', problem('b1', 'p1', 'E11.9'), problem('b3', 'p2', 'E11.9')),
  output('Immunization', shot('b2', 'p1', UTC)),
];
const linked = ['Condition a1', 'Condition a3', 'Immunization a2'];
const links = async () =>
  (
    await node.sql<{ what: string }[]>`
      select l.type || ' ' || r.source_id as what from exchange.link l
      join exchange.resource r on r.member_id = l.member_id and r.type = l.type and r.id in (l.a_id, l.b_id) and r.origin = 'own'
      where l.kind <> 'conflict' order by 1`
  ).map((r) => r.what);

test('a pull after an update finds what is there before all of it is keyed again, and when it is', async () => {
  const right = await keys();
  await keyedByOlder();
  await node.sql`delete from exchange.rekey_progress`;
  const pulled = await node.pull(theirs());
  expect(pulled.state).toBe('done');
  expect(await links()).toEqual(linked);
  expect(await node.ledger(pulled.id)).toContain('shared Medication/d9');
  expect((await keysMade(node.sql))?.doneAt).toBeUndefined();
  await node.sql`delete from exchange.link`;
  await keyedByOlder();
  expect(await keyAfterUpdate(node.deps)).toBe(true);
  expect(await keys()).toEqual(expect.arrayContaining(right));
  expect((await keysMade(node.sql))?.doneAt).toBeInstanceOf(Date);
});

test('it is done once for each number of the rules, by one process, and goes on where it was', async () => {
  const { sql, deps } = node;
  const right = await keys();
  await keyedByOlder();
  const old = await keys();
  expect(old).not.toEqual(right);
  // done already: nothing is looked at
  expect(await keyAfterUpdate(deps)).toBe(true);
  expect(await keys()).toEqual(old);
  await sql`update exchange.rekey_progress set rules = 0`;
  const another = deps.database.dedicated('work');
  expect(await holdsKeying(another)).toBe(true);
  expect(await keyAfterUpdate(deps)).toBe(false);
  await another.end();
  expect(await keys()).toEqual(old);
  const stopped = new AbortController();
  stopped.abort();
  expect(await keyAfterUpdate(deps, stopped.signal)).toBe(false);
  expect(await keyAfterUpdate(deps)).toBe(true);
  expect(await keys()).toEqual(right);
  // after a place: what is before it is done
  await keyedByOlder();
  await sql`update exchange.rekey_progress set done_at = null, after = array['m1', '~', '']`;
  expect(await keyAfterUpdate(deps)).toBe(true);
  const half = await keys();
  const byPlace = (rows: typeof half) => new Map(rows.map((r) => [`${String(r['type'])}/${String(r['id'])}`, r]));
  const own = await sql<{ key: string; member: string }[]>`
    select type || '/' || id as key, member_id as member from exchange.resource where type in ('Condition', 'Immunization')`;
  for (const { key, member } of own)
    expect(byPlace(half).get(key)).toEqual(byPlace(member === 'm1' ? old : right).get(key));
});

test('what chains know of a claim is made anew: one of which an older program knew less meets the copy of another payer', async () => {
  const { sql } = node;
  await sql`insert into exchange.peer (id, name, npi, state, fhir_base, origins, added_by)
    values ('second', 'Second', null, 'active', 'https://second.example/fhir', array['https://second.example'], 'test')`;
  const claim = (id: string, number: string, more: object = {}) => ({
    resourceType: 'ExplanationOfBenefit',
    id,
    status: 'active',
    use: 'claim',
    type: coding('http://terminology.hl7.org/CodeSystem/claim-type', 'professional'),
    patient: { reference: 'Patient/p1' },
    created: '2026-03-05',
    insurer: { display: 'Old Harbor' },
    provider: { display: 'Clinic' },
    outcome: 'complete',
    insurance: [{ focal: true, coverage: { display: 'cover' } }],
    identifier: [{ system: 'https://old.example/claims', value: number }],
    billablePeriod: { start: '2026-03-01', end: '2026-03-01' },
    ...more,
  });
  // the insurer by an id that is its payer's alone
  const named = { insurer: { reference: 'Organization/o1' } };
  await node.pull([output('ExplanationOfBenefit', claim('c1', ' 77 '), claim('c2', '78', named))]);
  await node.pull([output('ExplanationOfBenefit', claim('d1', '77', { status: 'cancelled' }))], { peer: 'second' });
  const known = async () => [
    ...(await sql`select id, version, claim from exchange.resource where type = 'ExplanationOfBenefit' order by id`),
  ];
  const chains = async () => [
    ...(await sql`select state, jsonb_array_length(nodes->0->'ids') as copies from exchange.chain where jsonb_array_length(anomalies) > 0`),
  ];
  const today = await known();
  expect(await chains()).toEqual([{ state: 'void', copies: 2 }]);
  await sql`
    update exchange.resource set claim = jsonb_set(claim - 'insurerName', '{numbers,0,value}', '" 77 "') where source_id = 'c1' and type = 'ExplanationOfBenefit'`;
  await sql.begin(async (tx) => {
    await openSlice(tx, 'older', EVERYTHING);
    await recomputeChainsOf(
      tx,
      { id: 'older', pull: null, peerId: 'own' },
      ['m1'],
      '2021-01-01',
      '2026-11-29T00:00:00Z',
    );
  });
  expect(await chains()).toEqual([]);
  await sql`update exchange.rekey_progress set rules = 0`;
  expect(await keyAfterUpdate(node.deps)).toBe(true);
  expect(await known()).toEqual(today);
  expect(await chains()).toEqual([{ state: 'void', copies: 2 }]);
});

test('who is writing the same records is not waited for, and nothing of them is lost', async () => {
  const { sql, deps } = node;
  const right = await keys();
  await keyedByOlder();
  await sql`delete from exchange.rekey_progress`;
  const waits = async () =>
    (
      await sql`select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%with keyed as%'`
    ).length > 0;
  const until = async (is: boolean) => {
    while ((await waits()) !== is) await new Promise((r) => setTimeout(r, 10));
  };
  const writer = deps.database.dedicated('work');
  const done = await writer.begin(async (tx) => {
    await tx`update exchange.resource set version = version where type = 'Condition' and member_id = 'm1'`;
    const keyed = keyAfterUpdate(deps);
    await until(true);
    await until(false);
    return { keyed };
  });
  expect(await done.keyed).toBe(true);
  await writer.end();
  expect(await keys()).toEqual(right);
});

test('what an older program had staged is judged under the keys of today', async () => {
  const { sql } = node;
  const pulled = await node.pull(
    [
      ...theirs()
        .slice(1, 2)
        .map((f) => ({ ...f, lines: f.lines.map((l) => l.replace('E11.9', 'E119')) })),
      ...theirs().slice(2),
    ],
    {
      dies: 'decided',
      meanwhile: async () => {
        await sql`update exchange.staging set keys = array[${`e:${ICD}|E119`}] where type = 'Condition'`;
        await sql`update exchange.staging set keys = array[${`e:${CVX}|150|2025-03-02`}] where type = 'Immunization'`;
        await keyedByOlder();
        await sql`update exchange.rekey_progress set rules = 0`;
      },
    },
  );
  expect(pulled.state).toBe('done');
  expect(await links()).toEqual(linked);
  expect(await keyAfterUpdate(node.deps)).toBe(true);
  const [row] = await sql<{ n: number }[]>`
    select count(distinct array(select k from unnest(keys) k order by k))::int as n from exchange.resource where type = 'Condition'`;
  expect(row?.n).toBe(1);
});

test('substances are made anew: a document that comes back is ours by a pull that comes first, and afterwards', async () => {
  const { sql } = node;
  const bytes = {
    contentType: 'text/plain',
    hash: 'VjuQXaNsQpVp/VQ1BUBpX17ctWU=',
    url: 'https://ours.example/Binary/1',
  };
  const document = (id: string, patient: string, more: object = {}) => ({
    resourceType: 'DocumentReference',
    id,
    status: 'current',
    subject: { reference: `Patient/${patient}` },
    content: [{ attachment: { ...bytes, ...more } }],
    context: { encounter: [{ identifier: { system: 'https://other.example/fhir/Encounter', value: id } }] },
  });
  await node.own(document('doc1', 'm1'));
  const back = document('doc9', 'p1', { url: 'https://prior.example/fhir/Binary/7' });
  const named = { ...back, meta: { source: `${OUR_BASE}/DocumentReference/doc1` } };
  const substances = async () => [
    ...(await sql`select id, substance from exchange.resource where type in ('DocumentReference', 'Condition') order by id`),
  ];
  const right = await substances();
  await sql`update exchange.resource set substance = sha256('older rules') where type = 'DocumentReference'`;
  await sql`delete from exchange.rekey_progress`;
  const pulled = await node.pull([output('DocumentReference', named)], { since: new Date() });
  expect(await node.ledger(pulled.id)).toEqual(['echo DocumentReference/doc9']);
  expect(await substances()).toEqual(right);
  await sql`update exchange.resource set substance = sha256('older rules') where type = 'DocumentReference'`;
  expect(await keyAfterUpdate(node.deps)).toBe(true);
  expect(await substances()).toEqual(right);
});

test('what was known of an authorization whose denied line was taken out when it was stored stays known', async () => {
  const { sql } = node;
  const EXT = 'http://hl7.org/fhir/us/davinci-pdex/StructureDefinition';
  const line = (sequence: number, code: string) => ({
    sequence,
    servicedDate: `2026-01-0${sequence}`,
    productOrService: coding('http://www.ama-assn.org/go/cpt', `2744${sequence}`),
    adjudication: [
      {
        category: coding('http://terminology.hl7.org/CodeSystem/adjudication', 'submitted'),
        extension: [
          {
            url: `${EXT}/extension-reviewAction`,
            extension: [
              { url: 'number', valueString: `PA${sequence}` },
              {
                url: `${EXT}/extension-reviewActionCode`,
                valueCodeableConcept: coding('https://codesystem.x12.org/005010/306', code),
              },
            ],
          },
          { url: `${EXT}/base-ext-when-adjudicated`, valueDateTime: `2026-01-0${sequence}T00:00:00Z` },
        ],
      },
    ],
  });
  await node.pull([
    output('ExplanationOfBenefit', {
      resourceType: 'ExplanationOfBenefit',
      id: 'pa1',
      status: 'active',
      use: 'preauthorization',
      type: coding('http://terminology.hl7.org/CodeSystem/claim-type', 'professional'),
      patient: { reference: 'Patient/p1' },
      created: '2026-01-01',
      insurer: { display: 'Prior' },
      provider: { display: 'x' },
      outcome: 'complete',
      insurance: [{ focal: true, coverage: { display: 'x' } }],
      item: [line(1, 'A1'), line(2, 'A3')],
    }),
  ]);
  const known = async () => [
    ...(await sql<{ reviews: number }[]>`
      select claim, keys, substance, jsonb_array_length(claim->'reviews') as reviews, body like '%27442%' as told from exchange.resource where type = 'ExplanationOfBenefit'`),
  ];
  const before = await known();
  expect(before).toMatchObject([{ reviews: 2, told: false }]);
  await sql`update exchange.rekey_progress set rules = 0`;
  expect(await keyAfterUpdate(node.deps)).toBe(true);
  expect(await known()).toEqual(before);
});
