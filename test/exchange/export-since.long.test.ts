// What a peer hears of that has left its view: deleted, denied, labelled. And consent that ends while an export is made.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { removeExpired } from '../../exchange/responder/export/remove-expired.ts';
import { revokeEnded } from '../../exchange/responder/export/revoke.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { undo } from '../support/undo.ts';
import { ExportClient, keysOf, type Manifest, REGULAR, SENSITIVE } from './export-client.ts';
import { client } from './peer-client.ts';
import { ASKER, card, enrol, idOf, PEOPLE, planDay, US } from './plan-fixture.ts';

const { rivera, robert } = PEOPLE;
const ana = idOf(rivera);
const PSY = { security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'PSY' }] };
const day = (days: number) => planDay(new Date(Date.now() + days * 86_400_000));

let node: TestNode;
let them: ExportClient;
let other: ExportClient;

const encounter = (id: string, meta?: object) => ({
  resourceType: 'Encounter',
  id,
  ...(meta ? { meta } : {}),
  status: 'finished',
  class: { code: 'AMB' },
  subject: { reference: `Patient/${ana}` },
  period: { start: day(-30), end: day(-30) },
});
const lab = (id: string, more: object = {}, member = ana) => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '718-7' }] },
  subject: { reference: `Patient/${member}` },
  effectiveDateTime: day(-30),
  ...more,
});
const letter = (id: string, visit: string) => ({
  resourceType: 'DocumentReference',
  id,
  status: 'current',
  subject: { reference: `Patient/${ana}` },
  content: [{ attachment: { contentType: 'text/plain', data: 'aGVsbG8=' } }],
  context: { encounter: [{ reference: `Encounter/${visit}` }] },
});
const authorization = (id: string, code: string) => ({
  resourceType: 'ExplanationOfBenefit',
  id,
  status: 'active',
  type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/claim-type', code: 'professional' }] },
  use: 'preauthorization',
  patient: { reference: `Patient/${ana}` },
  created: day(-20),
  insurer: { display: 'us' },
  provider: { display: 'somebody' },
  outcome: 'complete',
  insurance: [{ focal: true, coverage: { reference: 'Coverage/c' } }],
  preAuthRefPeriod: [{ start: day(-20), end: day(60) }],
  item: [
    {
      sequence: 1,
      productOrService: {
        coding: [{ system: 'http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets', code: 'G0151' }],
      },
      adjudication: [
        {
          extension: [
            {
              url: 'http://hl7.org/fhir/us/davinci-pdex/StructureDefinition/extension-reviewAction',
              extension: [
                {
                  url: 'http://hl7.org/fhir/us/davinci-pdex/StructureDefinition/extension-reviewActionCode',
                  valueCodeableConcept: { coding: [{ system: 'https://codesystem.x12.org/005010/306', code }] },
                },
              ],
            },
            {
              url: 'http://hl7.org/fhir/us/davinci-pdex/StructureDefinition/base-ext-when-adjudicated',
              valueDateTime: `${day(-10)}T00:00:00Z`,
            },
          ],
          category: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/adjudication', code: 'submitted' }] },
        },
      ],
    },
  ],
});
const about = (id: string, ...targets: string[]) => ({
  resourceType: 'Provenance',
  id,
  target: targets.map((reference) => ({ reference })),
  recorded: `${day(-30)}T00:00:00Z`,
  agent: [{ who: { display: 'a clinic' } }],
});
const removal = (...urls: string[]) => ({
  resourceType: 'Bundle',
  type: 'transaction',
  entry: urls.map((url) => ({ request: { method: 'DELETE', url } })),
});

beforeAll(async () => {
  node = await startNode({ PLAN_NPI: US.npi, PLAN_NAME: US.name });
  them = new ExportClient(node, await client(node, 'a', { npi: ASKER.npi }));
  other = new ExportClient(node, await client(node, 'b', { npi: ASKER.npi }));
  await them.signIn();
  await other.signIn();
});
afterAll(() => node.close());

async function run(by: ExportClient, group: string, since?: string, more: object[] = []): Promise<Manifest> {
  const from = since === undefined ? [] : [{ name: '_since', valueInstant: since }];
  return (await by.finished(await by.kick(`Group/${group}/$davinci-data-export`, [...from, ...more]))).manifest;
}
const sent = async (by: ExportClient, manifest: Manifest) =>
  keysOf((await by.output(manifest)).filter((r) => !('agent' in r) || !JSON.stringify(r).includes('transmitter')));

describe('what was delivered and may not leave any more', () => {
  let group: string;
  let first: Manifest;
  beforeAll(async () => {
    await enrol(
      node.deps,
      [rivera, robert],
      [
        encounter('v1'),
        encounter('v2'),
        lab('o1', { encounter: { reference: 'Encounter/v1' } }),
        lab('o2', { encounter: { reference: 'Encounter/v2' } }),
        lab('o3'),
        lab('part', { hasMember: [{ reference: 'Observation/o1' }] }),
        lab('r1', {}, idOf(robert)),
        letter('d1', 'v1'),
        authorization('pa1', 'A4'),
        authorization('pa2', 'A3'),
        about('p1', 'Encounter/v1', 'Observation/o1'),
        about('p3', 'Observation/o3'),
      ],
    );
    group = await them.group([card(rivera)]);
    first = await run(them, group);
  });

  test('the first export holds what may leave; without _since nothing is deleted', async () => {
    const keys = await sent(them, first);
    for (const key of ['Encounter/v1', 'Observation/o1', 'Observation/part', 'DocumentReference/d1', 'Provenance/p1'])
      expect(keys).toContain(key);
    expect(keys).toContain('ExplanationOfBenefit/pa1');
    expect(keys).not.toContain('ExplanationOfBenefit/pa2');
    expect(first.deleted).toEqual([]);
  });

  test('an export with nothing new is empty', async () => {
    const next = await run(them, group, first.transactionTime);
    expect(await sent(them, next)).toEqual([]);
    expect(next.deleted).toEqual([]);
  });

  test('denied, labelled with all that refers to it, and deleted: each is reported once, and only to whom it was delivered', async () => {
    // the other client has matched the member and has never exported anything
    const theirs = await other.group([card(rivera)]);
    await enrol(
      node.deps,
      [],
      [
        encounter('v1', PSY),
        authorization('pa1', 'A3'),
        authorization('pa2', 'A3'),
        removal('Observation/o3', 'Observation/never'),
      ],
    );
    const next = await run(them, group, first.transactionTime);
    expect(await them.deleted(next)).toEqual([
      'DocumentReference/d1',
      'Encounter/v1',
      'ExplanationOfBenefit/pa1',
      'Observation/o1',
      'Observation/o3',
      'Observation/part',
      'Provenance/p1',
      'Provenance/p3',
    ]);
    expect(await sent(them, next)).toEqual([]);
    // the same question gives the same answer, a later one nothing
    expect(await them.deleted(await run(them, group, first.transactionTime))).toHaveLength(8);
    expect(await them.deleted(await run(them, group, next.transactionTime))).toEqual([]);
    // only the types asked for
    const some = await run(them, group, first.transactionTime, [{ name: '_type', valueString: 'Observation' }]);
    expect(await them.deleted(some)).toEqual(['Observation/o1', 'Observation/o3', 'Observation/part']);
    const [peerB] = await node.deps.database.sql<
      { at: Date }[]
    >`select max(created_at) as at from exchange.match_group where id = ${theirs}`;
    expect(await other.deleted(await run(other, theirs, peerB?.at.toISOString()))).toEqual([]);
    expect(await other.deleted(await run(other, theirs, first.transactionTime))).toEqual([]);
    // what was deleted is 410 to whom it was delivered, and to no one else; what is held back or never was is not there
    const read = async (client: ExportClient, key: string) => (await client.call(`/${key}`)).status;
    expect(await read(them, 'Observation/o3')).toBe(410);
    expect(await read(other, 'Observation/o3')).toBe(404);
    for (const key of ['Encounter/v1', 'ExplanationOfBenefit/pa2', 'Observation/never'])
      expect([key, await read(them, key)]).toEqual([key, 404]);
    const [last] = await node.deps.database.sql`
      select action, outcome, member_id as "memberId" from exchange.audit where object = 'Observation/o3' and actor_kind = 'peer' order by seq limit 1`;
    expect(last).toEqual({ action: 'read', outcome: 'ok', memberId: ana });
  });

  test('what comes back into view is sent again, though it was not written itself', async () => {
    const before = await run(them, group);
    await enrol(node.deps, [], [encounter('v1'), authorization('pa1', 'A1')]);
    const next = await run(them, group, before.transactionTime);
    expect(await sent(them, next)).toEqual([
      'DocumentReference/d1',
      'Encounter/v1',
      'ExplanationOfBenefit/pa1',
      'Observation/o1',
      'Observation/part',
      'Provenance/p1',
    ]);
    expect(next.deleted).toEqual([]);
  });

  test('a record that is put right to be about another person comes as theirs, and is nowhere twice', async () => {
    const theirs = idOf(PEOPLE.short);
    await enrol(node.deps, [PEOPLE.short], [lab('mistaken')]);
    const both = await them.group([card(rivera), card(PEOPLE.short)]);
    const of = { name: '_type', valueString: 'Observation' };
    const before = await run(them, both, undefined, [of]);
    const alone = await run(them, group, undefined, [of]);
    expect(await sent(them, alone)).toContain('Observation/mistaken');
    await enrol(node.deps, [], [lab('mistaken', {}, theirs)]);
    const next = await run(them, both, before.transactionTime, [of]);
    expect((await them.output(next)).map((r) => [r['id'], r['subject']])).toEqual([
      ['mistaken', { reference: `Patient/${theirs}` }],
    ]);
    expect(next.deleted).toEqual([]);
    const all = (await them.output(await run(them, both, undefined, [of]))).filter((r) => r['id'] === 'mistaken');
    expect(all.map((r) => r['subject'])).toEqual([{ reference: `Patient/${theirs}` }]);
    // who was informed of the first person alone hears that it is gone
    const less = await run(them, group, alone.transactionTime, [of]);
    expect([await sent(them, less), await them.deleted(less)]).toEqual([[], ['Observation/mistaken']]);
    // and back again, and gone
    await enrol(node.deps, [], [lab('mistaken')]);
    expect(await sent(them, await run(them, group, less.transactionTime, [of]))).toEqual(['Observation/mistaken']);
    await enrol(node.deps, [], [removal('Observation/mistaken')]);
    const last = await run(them, both, undefined, [of]);
    expect(await sent(them, last)).not.toContain('Observation/mistaken');
    const rows = await node.deps.database.sql`select deleted from exchange.resource where id = 'mistaken'`;
    expect(rows.map((r) => r['deleted'])).toEqual([true, true]);
    // two entries of one transaction may not name the same
    const gone = await run(them, both, before.transactionTime, [of]);
    expect((await them.deleted(gone)).filter((key) => key === 'Observation/mistaken')).toHaveLength(1);
  });

  test('a document leaves with an authorization that it supports, and goes with the last of them', async () => {
    const supported = (id: string, code: string, document: string) => ({
      ...authorization(id, code),
      supportingInfo: [
        {
          sequence: 1,
          category: { text: 'additional information' },
          valueReference: { reference: `DocumentReference/${document}` },
        },
      ],
    });
    const of = { name: '_type', valueString: 'DocumentReference,Provenance' };
    await enrol(
      node.deps,
      [],
      [
        letter('s1', 'v9'),
        letter('s2', 'v9'),
        letter('s3', 'v9'),
        letter('s4', 'v9'),
        // over for more than a year, as nothing says until when it holds
        { ...supported('pa14', 'A4', 's4'), created: day(-500), preAuthRefPeriod: undefined, item: undefined },
        supported('pa11', 'A3', 's1'),
        supported('pa12', 'A3', 's2'),
        supported('pa13', 'A1', 's2'),
        about('ps1', 'DocumentReference/s1'),
      ],
    );
    const before = await run(them, group, undefined, [of]);
    const ours = (keys: string[]) => keys.filter((k) => /\/p?s\d$/.test(k));
    expect(ours(await sent(them, before))).toEqual(['DocumentReference/s2', 'DocumentReference/s3']);
    const [job] = await node.deps.database.sql<{ counts: Record<string, number> }[]>`
      select counts from exchange.bulk_job where kind = 'export' order by received_at desc limit 1`;
    expect(job?.counts['withheld-pa-document']).toBe(2);
    await enrol(node.deps, [], [supported('pa11', 'A1', 's1')]);
    const overturned = await run(them, group, before.transactionTime, [of]);
    expect(ours(await sent(them, overturned))).toContain('DocumentReference/s1');
    await enrol(node.deps, [], [supported('pa13', 'A3', 's2'), supported('pa11', 'A3', 's1')]);
    const denied = await run(them, group, overturned.transactionTime, [of]);
    expect(ours(await them.deleted(denied))).toEqual(
      expect.arrayContaining(['DocumentReference/s1', 'DocumentReference/s2']),
    );
    expect(ours(await sent(them, denied))).toEqual([]);
    await enrol(
      node.deps,
      [],
      [removal(...['s1', 's2', 's3', 's4'].map((id) => `DocumentReference/${id}`), 'Provenance/ps1')],
    );
  });

  test('#sensitive holds the labelled records with their labels; back to #regular they are taken back', async () => {
    await enrol(node.deps, [], [encounter('v2', PSY)]);
    const before = await run(them, group);
    const wide = await them.group([card(rivera)], SENSITIVE);
    const all = await run(them, wide, before.transactionTime);
    // they are new under this consent, whatever their age
    expect(await sent(them, all)).toEqual(expect.arrayContaining(['Encounter/v2', 'Observation/o2']));
    const v2 = (await them.output(all)).find((r) => r['id'] === 'v2');
    expect(v2?.['meta']).toMatchObject(PSY);
    const narrow = await them.group([card(rivera)], REGULAR);
    expect(await them.deleted(await run(them, narrow, all.transactionTime))).toEqual([
      'Encounter/v2',
      'Observation/o2',
    ]);
    const rows = await node.deps.database.sql<{ counts: Record<string, number> }[]>`
      select counts from exchange.bulk_job where group_id = ${narrow}`;
    // proof that records were left out for it
    expect(rows[0]?.counts['withheld-sensitive']).toBe(2);
  });

  test('all of a member comes, whose consent did not hold at _since', async () => {
    const at = new Date().toISOString();
    await new Promise((r) => setTimeout(r, 5));
    const pair = await them.group([card(rivera), card(robert)]);
    expect(await sent(them, await run(them, pair, at))).toEqual(
      expect.arrayContaining(['Observation/r1', `Patient/${idOf(robert)}`]),
    );
    expect(await sent(them, await run(them, pair, at))).not.toContain('Observation/o2');
  });
});

describe('consent that ends', () => {
  const withdraw = (member: string) => node.deps.database.sql`
    insert into exchange.consent (id, member_id, choice, policy, recorded_on, source)
    values (${`w-${Math.random()}`}, ${member}, 'withdraw', 'regular', ${planDay()}::date, 'test')`;
  const allow = (member: string) =>
    undo(
      node.deps.database.sql,
      node.deps.database.sql`delete from exchange.consent where member_id = ${member} and choice = 'withdraw'`,
    );

  test('after files exist: they are gone at once, the job is revoked, its files are removed', async () => {
    const group = await them.group([card(rivera), card(robert)]);
    const { status, manifest } = await them.finished(await them.kick(`Group/${group}/$export`));
    const url = manifest.output.find((f) => f.type === 'Patient')?.url ?? '';
    expect((await them.call(url)).status).toBe(200);
    const again = await them.finished(await them.kick(`Group/${group}/$export`));
    await withdraw(idOf(robert));
    // whichever of the two is asked first
    expect((await them.call(url)).status).toBe(404);
    for (const place of [status, again.status, again.manifest.output[0]?.url ?? ''])
      expect((await them.call(place)).status).toBe(404);
    await allow(idOf(robert));
    // what was revoked stays revoked
    expect((await them.call(url)).status).toBe(404);
    const job = status.split('/').at(-1) ?? '';
    expect(await node.deps.blobs.list(`bulk/${job}/`)).not.toEqual([]);
    await removeExpired(node.deps);
    expect(await node.deps.blobs.list(`bulk/${job}/`)).toEqual([]);
  });

  test('housekeeping finds it without anyone asking', async () => {
    const group = await them.group([card(robert)]);
    const { status } = await them.finished(await them.kick(`Group/${group}/$export`));
    expect(await revokeEnded(node.deps)).toBe(0);
    await withdraw(idOf(robert));
    expect(await revokeEnded(node.deps)).toBeGreaterThan(0);
    const [job] = await node.deps.database
      .sql`select state, failure from exchange.bulk_job where id = ${status.split('/').at(-1) ?? ''}`;
    expect(job).toEqual({ state: 'revoked', failure: 'consent-ended' });
    await allow(idOf(robert));
  });

  test('while it runs: the member is left out, those who were written before it too', async () => {
    const group = await them.group([card(rivera), card(robert)]);
    const kick = await them.kick(`Group/${group}/$export`);
    const put = node.deps.blobs.put.bind(node.deps.blobs);
    let files = 0;
    // the first file is begun when records have been read: consent ends in that moment
    node.deps.blobs.put = async (key, source) => {
      if (files++ === 0) await withdraw(idOf(robert));
      return put(key, source);
    };
    const { manifest } = await them.finished(kick);
    node.deps.blobs.put = put;
    expect((await them.output(manifest)).filter((r) => r.resourceType === 'Patient').map((r) => r['id'])).toEqual([
      ana,
    ]);
    const notes = (await Promise.all((manifest.error ?? []).map((f) => them.lines(f.url)))).flat();
    expect(JSON.stringify(notes)).toContain('no longer covered by a consent');
    expect(JSON.stringify(notes)).not.toContain(idOf(robert));
    await allow(idOf(robert));
  });

  test('a consent that began after the member said no is the later word', async () => {
    await withdraw(idOf(robert));
    await undo(
      node.deps.database.sql,
      node.deps.database.sql`update exchange.consent set recorded_on = ${day(-1)}::date where choice = 'withdraw'`,
    );
    const group = await them.group([card(robert)]);
    expect((await sent(them, await run(them, group))).filter((k) => k.startsWith('Patient/'))).toHaveLength(1);
  });

  test('a member who allows it again comes as a whole, with what was deleted meanwhile', async () => {
    const said = (choice: string) => node.deps.database.sql`
      insert into exchange.consent (id, member_id, choice, policy, recorded_on, source)
      values (${`s-${Math.random()}`}, ${idOf(robert)}, ${choice}, 'regular', ${planDay()}::date, 'test')`;
    await enrol(node.deps, [], [lab('r1', {}, idOf(robert)), lab('r2', {}, idOf(robert)), lab('r3', {}, idOf(robert))]);
    const group = await them.group([card(rivera), card(robert)]);
    await run(them, group);
    await said('withdraw');
    await enrol(node.deps, [], [removal('Observation/r2')]);
    const without = await run(them, group);
    expect(JSON.stringify(await them.output(without))).not.toContain(idOf(robert));
    await said('opt-in');
    const again = await run(them, group, without.transactionTime);
    const keys = await sent(them, again);
    expect(keys).toEqual(expect.arrayContaining([`Patient/${idOf(robert)}`, 'Observation/r1', 'Observation/r3']));
    expect(keys).not.toContain(`Patient/${ana}`);
    expect(await them.deleted(again)).toEqual(['Observation/r2']);
    // which is reported once
    const later = await run(them, group, again.transactionTime);
    expect([await sent(them, later), later.deleted]).toEqual([[], []]);
    await undo(
      node.deps.database.sql,
      node.deps.database.sql`delete from exchange.consent where member_id = ${idOf(robert)} and id like 's-%'`,
    );
  });

  test('what a payer has of a member who has withdrawn is named once, to that payer alone, whatever else it asks for', async () => {
    const { sql } = node.deps.database;
    const robertId = idOf(robert);
    await allow(robertId);
    await enrol(node.deps, [], [lab('w1', {}, robertId), lab('w2', {}, robertId), encounter('w3')]);
    const group = await them.group([card(rivera), card(robert)]);
    const alone = await them.group([card(rivera)]);
    const theirs = await other.group([card(robert)]);
    const has = await run(them, group);
    // written after the last export to them: they never got it
    await enrol(node.deps, [], [lab('w4', {}, robertId), removal('Observation/w2')]);
    const told = await run(them, group, has.transactionTime);
    expect(await them.deleted(told)).toEqual(['Observation/w2']);
    await enrol(node.deps, [], [lab('w5', {}, robertId)]);
    await withdraw(robertId);

    const next = await run(them, group, told.transactionTime);
    const gone = await them.deleted(next);
    expect(gone).toEqual(expect.arrayContaining([`Patient/${robertId}`, 'Observation/w1', 'Observation/w4']));
    for (const key of ['Observation/w2', 'Observation/w5', 'Encounter/w3', `Patient/${ana}`])
      expect(gone).not.toContain(key);
    expect(JSON.stringify(await them.output(next))).not.toContain(robertId);
    const [row] = await sql`
      select count(*)::int as n from exchange.audit where action = 'export-withdrawn' and member_id = ${robertId} and peer_id = 'a'`;
    expect(row).toEqual({ n: 1 });
    // of types that are asked for
    const coverages = await run(them, group, told.transactionTime, [{ name: '_type', valueString: 'Patient' }]);
    expect(await them.deleted(coverages)).toEqual([`Patient/${robertId}`]);
    // not again, not before it was said, not of who is not in the Group, and not to whom it was never sent
    expect(await them.deleted(await run(them, group, next.transactionTime))).toEqual([]);
    const until = [{ name: '_until', valueInstant: told.transactionTime }];
    expect(await them.deleted(await run(them, group, has.transactionTime, until))).toEqual([]);
    expect(await them.deleted(await run(them, alone, told.transactionTime))).toEqual([]);
    expect(await other.deleted(await run(other, theirs, told.transactionTime))).toEqual([]);
    // another consent, given since, lets them have it again: nothing is taken back
    await undo(
      sql,
      sql`update exchange.consent set recorded_on = ${day(-3)}::date where member_id = ${robertId} and choice = 'withdraw'`,
    );
    await them.group([card(robert)]);
    expect(await them.deleted(await run(them, group, told.transactionTime))).toEqual([]);
    await allow(robertId);
  });

  test('what was put right to be about another person before its member withdrew comes with that one, or is named when it may not', async () => {
    const robertId = idOf(robert);
    await allow(robertId);
    await enrol(node.deps, [], [lab('x1', {}, robertId), lab('x2', {}, robertId)]);
    const group = await them.group([card(rivera), card(robert)]);
    const has = await run(them, group);
    const law = [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: '42CFRPart2' }];
    await enrol(node.deps, [], [lab('x1'), lab('x2', { meta: { security: law } })]);
    await withdraw(robertId);
    const next = await run(them, group, has.transactionTime);
    const [gone, came] = [await them.deleted(next), await sent(them, next)];
    expect(['x1', 'x2'].map((id) => [gone, came].map((keys) => keys.includes(`Observation/${id}`)))).toEqual([
      [false, true],
      [true, false],
    ]);
    await allow(robertId);
  });

  test('every member of every export is an audit row with the consent it rests on', async () => {
    const rows = await node.deps.database.sql`
      select d.job_id from exchange.delivered d join exchange.bulk_job j on j.id = d.job_id
      left join exchange.audit a on a.action = 'export-member' and a.object = 'export/' || d.job_id and a.member_id = d.member_id
        and a.consent_id = d.consent_id and a.detail->'types' = d.types and a.detail->>'policy' = d.policy
      where j.transaction_time is not null and a.seq is null`;
    expect([...rows]).toEqual([]);
    const [n] = await node.deps.database
      .sql`select count(*)::int as n from exchange.audit where action = 'export-member'`;
    expect(n?.['n']).toBeGreaterThan(10);
  });
});

test('that the law keeps records back is said of every answer, in the same words, no matter who has such records', async () => {
  await enrol(node.deps, [rivera, robert], [lab('kept-back', { meta: PSY })]);
  const notes = async (person: typeof rivera, policy: string) => {
    const manifest = await run(them, await them.group([card(person)], policy), undefined, [
      { name: '_type', valueString: 'Observation' },
    ]);
    const keys = await sent(them, manifest);
    return { keys, notes: await them.lines(manifest.error?.[0]?.url ?? '') };
  };
  const [hers, all, his] = [await notes(rivera, REGULAR), await notes(rivera, SENSITIVE), await notes(robert, REGULAR)];
  expect([hers.keys, his.keys].flat()).not.toContain('Observation/kept-back');
  expect(all.keys).toContain('Observation/kept-back');
  expect(hers.notes).toMatchObject([{ issue: [{ code: 'suppressed' }] }, { issue: [{ code: 'informational' }] }]);
  expect([all.notes, his.notes]).toEqual([hers.notes, hers.notes]);
});
