// Value sets that change: what was not decided by this version of the labeller does not leave under #regular, and a command
// decides it.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { auditRow, writeAudit } from '../../exchange/compliance/audit/audit.ts';
import { decideAhead, inParts, relabel, relabelAfterUpdate } from '../../exchange/members/enrolment/relabel.ts';
import { LABELLER } from '../../exchange/records/facts/label.ts';
import {
  decideAlone,
  holdsRelabelling,
  type Unclassified,
  unclassifiedOf,
  undecidedOf,
  writeDecided,
} from '../../exchange/records/labels.ts';
import { PROGRAM } from '../../src/sensitive-value-sets.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { ExportClient, keysOf, SENSITIVE } from './export-client.ts';
import { client } from './peer-client.ts';
import { ASKER, card, enrol, idOf, PEOPLE, US } from './plan-fixture.ts';

const { rivera } = PEOPLE;
const subject = { reference: `Patient/${idOf(rivera)}` };
const PSY = { security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'PSY' }] };
let node: TestNode;
let them: ExportClient;
let group: string;

beforeAll(async () => {
  node = await startNode({ PLAN_NPI: US.npi, PLAN_NAME: US.name });
  them = new ExportClient(node, await client(node, 'a', { npi: ASKER.npi }));
  await them.signIn();
  const code = { coding: [{ system: 'http://loinc.org', code: '718-7' }] };
  const base = { resourceType: 'Observation', status: 'final', code, subject };
  const visit = { resourceType: 'Encounter', status: 'finished', class: { code: 'AMB' }, subject };
  await enrol(
    node.deps,
    [rivera],
    [
      { ...base, id: 'clean' },
      { ...base, id: 'labelled', meta: PSY },
      { ...visit, id: 'visit', meta: PSY },
      { ...base, id: 'inherits', encounter: { reference: 'Encounter/visit' } },
    ],
  );
  group = await them.group([card(rivera)]);
});
beforeEach(() => relabel(node.deps));
afterAll(() => node.close());

test('memory holds some records at a time: members who have nothing to be decided are left out, who has very many stands alone', async () => {
  const { sql } = node.deps.database;
  const undecided = () => undecidedOf(sql, [idOf(rivera), 'nobody']);
  expect(await undecided()).toEqual([]);
  await sql`update exchange.resource set labeller = 1 where member_id = ${idOf(rivera)} and type = 'Observation'`;
  expect(await undecided()).toEqual([{ id: idOf(rivera), records: 3 }]);
  expect(await relabel(node.deps)).toMatchObject({ records: 3 });
  expect(await undecided()).toEqual([]);
  const of = (id: string, records: number) => ({ id, records });
  expect(inParts([of('a', 1), of('b', 2), of('c', 1), of('d', 9), of('e', 1), of('f', 2)], 3)).toEqual([
    ['a', 'b'],
    ['c'],
    ['d'],
    ['e', 'f'],
  ]);
  expect(inParts([])).toEqual([]);
});

const LIST = '_type=Observation,Encounter';
const exported = async (of = group, more = '') => {
  const { manifest } = await them.finished(await them.get(`Group/${of}/$export`, LIST + more));
  return {
    keys: keysOf(await them.output(manifest)),
    deleted: await them.deleted(manifest),
    at: manifest.transactionTime,
  };
};
const older = () => node.deps.database.sql`update exchange.resource set labeller = ${LABELLER - 1}`;
/** Rules of another process hold from now on. */
const decidedBy = (labeller: string, program?: number, action = 'relabel') =>
  writeAudit(node.deps.database.sql, [
    auditRow({
      at: new Date(),
      actorKind: 'system',
      actor: 'labels',
      action,
      object: 'own-records',
      detail: { labeller, ...(program === undefined ? {} : { program }) },
    }),
  ]);
/** All is decided by rules beside which this process decides nothing. */
const newerBeside = async () => {
  await older();
  await decidedBy('a newer one', 1000);
};
const undecided = async () => {
  const [row] = await node.deps.database.sql<{ n: number }[]>`
    select count(*)::int as n from exchange.resource where labeller is distinct from ${LABELLER}`;
  return row?.n ?? 0;
};
const all = async () => (await node.deps.database.sql`select from exchange.resource`).length;
const labels = async () =>
  Object.fromEntries(
    (
      await node.deps.database.sql<{ id: string; label: number }[]>`
        select id, label from exchange.resource where type in ('Observation', 'Encounter')`
    ).map((r) => [r.id, r.label]),
  );

test('what this program has not decided stays, whatever the consent covers; the count is kept with its reason, and the peer is informed', async () => {
  expect((await exported()).keys).toEqual(['Observation/clean']);
  await newerBeside();
  expect((await exported()).keys).toEqual([]);
  const [job] = await node.deps.database.sql<{ counts: Record<string, number> }[]>`
    select counts from exchange.bulk_job where kind = 'export' order by received_at desc limit 1`;
  expect(job?.counts['withheld-unclassified']).toBeGreaterThan(0);
  const wide = await them.group([card(rivera)], SENSITIVE);
  const { manifest } = await them.finished(await them.get(`Group/${wide}/$export`, LIST));
  expect(await them.output(manifest)).toEqual([]);
  const [said] = manifest.error ?? [];
  expect((await them.call(said?.url ?? '')).bytes.toString()).toContain('"code":"incomplete"');
  await relabel(node.deps);
  expect((await exported(wide)).keys).toHaveLength(4);
});

test('what is asked about one member is refused while other rules hold, and not called gone or empty', async () => {
  const had = await exported();
  expect(had.keys).toContain('Observation/clean');
  await newerBeside();
  const id = idOf(rivera);
  for (const path of ['Observation/clean', `Observation?patient=${id}`, 'Patient', `Patient/${id}/$everything`]) {
    const answer = await them.call(`/${path}`);
    expect([path, answer.status, answer.header('retry-after')]).toEqual([path, 503, '30']);
  }
  await relabel(node.deps);
  expect((await them.call('/Observation/clean')).status).toBe(200);
});

test('a search about many members says that what is not decided yet may be missing', async () => {
  const many = ['Abel', 'Berg', 'Cruz', 'Dorn', 'Ek', 'Falk', 'Grau'].map((family, i) => ({
    number: `OH70${i}`,
    family,
    given: 'Ida',
    born: `198${i}-01-02`,
    subscriber: `S70${i}`,
  }));
  const records = many.map((p, i) => ({
    resourceType: 'Observation',
    id: `of-${i}`,
    status: 'final',
    code: { text: 'x' },
    subject: { reference: `Patient/${idOf(p)}` },
  }));
  await enrol(node.deps, many, records);
  const others = new ExportClient(node, await client(node, 'many', { npi: ASKER.npi }));
  await others.signIn();
  await others.group(many.map((p) => card(p)));
  type Entry = {
    resource: { resourceType: string; id?: string; issue?: { code: string }[] };
    search: { mode: string };
  };
  const find = async (path: string) => (await others.call(path)).json() as { total: number; entry?: Entry[] };
  const paths = ['/Patient?_count=100', `/Observation?_count=100&patient=${many.map((p) => idOf(p)).join(',')}`];
  const whole = await Promise.all(paths.map(find));
  for (const { total, entry } of whole) {
    expect(total).toBe(many.length);
    expect(entry?.every((e) => e.search.mode === 'match')).toBe(true);
  }
  await older();
  await decidedBy('an older one', 1);
  for (const path of paths) {
    const part = await find(path);
    expect(part).toMatchObject({ total: 0, entry: [{ search: { mode: 'outcome' } }] });
    expect(part.entry?.[0]?.resource).toMatchObject({ issue: [{ code: 'incomplete' }] });
  }
  const places = (await others.call('/Location')).json() as { entry?: Entry[] };
  expect(places.entry?.map((e) => e.search.mode)).toEqual(['outcome']);
  await relabel(node.deps);
  expect(await Promise.all(paths.map(find))).toEqual(whole);
  await node.deps.database.sql`delete from exchange.resource where id like 'of-%'`;
});

test('who decides of one member waits for no one who decides of others', async () => {
  const { sql } = node.deps.database;
  await older();
  const open = node.deps.database.dedicated('work');
  let end = () => {};
  const held = new Promise<void>((done) => {
    end = done;
  });
  let taken = () => {};
  const begun = new Promise<void>((done) => {
    taken = done;
  });
  const other = open.begin(async (tx) => {
    await decideAlone(tx, ['another person']);
    taken();
    await held;
  });
  try {
    await begun;
    await decidedBy('an older one', 1);
    expect(await decideAhead(node.deps, [idOf(rivera)])).toBe('decided');
    const locks = await sql`
      select from pg_locks where locktype = 'advisory' and objid = (hashtext('another person')::bigint & 4294967295)::oid`;
    expect(locks).toHaveLength(1);
  } finally {
    end();
    await other;
    await open.end();
  }
});

test('of two lists of one program the one that began last decides, and the other nothing beside it', async () => {
  await older();
  await decidedBy('another list', PROGRAM, 'relabel-begun');
  const member = [idOf(rivera)];
  expect(await decideAhead(node.deps, member)).toBe('undecided');
  // a process that runs has seen to it before and leaves it; one that begins takes it over, as an operator started it
  expect(await relabelAfterUpdate(node.deps, undefined, 0)).toBe(0);
  expect(await undecided()).toBe(await all());
  const stopped = new AbortController();
  stopped.abort();
  await relabelAfterUpdate(node.deps, stopped.signal);
  expect(await decideAhead(node.deps, member)).toBe('decided');
});

test('once more everything is looked at while something is found: an older program may have written it behind the walk', async () => {
  await older();
  await decidedBy('an older one', 1);
  const found = await relabelAfterUpdate(node.deps);
  expect(found).toBe(await all());
  await node.deps.database.sql`update exchange.resource set labeller = ${LABELLER - 1} where id = 'clean'`;
  expect(await relabelAfterUpdate(node.deps, undefined, found)).toBe(1);
  expect(await undecided()).toBe(0);
  expect(await relabelAfterUpdate(node.deps, undefined, 1)).toBe(0);
  await older();
  expect(await relabelAfterUpdate(node.deps, undefined, 0)).toBe(0);
  expect(await undecided()).toBe(await all());
});

test('members relabel decides them, once, with what is inherited', async () => {
  const before = await labels();
  await older();
  // value sets of the older version: it knew nothing of the labelled one, and thought the clean one sensitive
  await node.deps.database
    .sql`update exchange.resource set own_label = 0, label = 0 where id in ('labelled', 'visit', 'inherits')`;
  await node.deps.database.sql`update exchange.resource set own_label = 1, label = 1 where id = 'clean'`;
  expect(await relabel(node.deps)).toMatchObject({ changed: 3 });
  expect(await labels()).toEqual(before);
  expect(before).toEqual({ clean: 0, labelled: 1, visit: 1, inherits: 1 });
  expect((await exported()).keys).toEqual(['Observation/clean']);
  expect(await relabel(node.deps)).toEqual({ records: 0, changed: 0 });
  const [row] = await node.deps.database
    .sql`select detail from exchange.audit where action = 'relabel' order by seq desc limit 1`;
  expect(row?.['detail']).toMatchObject({ changed: 3 });
});

test('what another version left to a peer and this one holds back is announced as deleted', async () => {
  const { sql } = node.deps.database;
  await sql`update exchange.resource set own_label = 0, label = 0 where id = 'labelled'`;
  const first = await exported();
  expect(first.keys).toContain('Observation/labelled');
  await older();
  await relabel(node.deps);
  const next = await exported(group, `&_since=${first.at}`);
  expect(next.deleted).toContain('Observation/labelled');
  expect(next.deleted).not.toContain('Observation/clean');
});

test('what an older program took in with something of another person within stays', async () => {
  const { sql } = node.deps.database;
  await enrol(
    node.deps,
    [],
    [{ resourceType: 'Observation', id: 'mixed', status: 'final', code: { text: 'x' }, subject }],
  );
  const first = await exported();
  expect(first.keys).toContain('Observation/mixed');
  const within =
    '"contained":[{"resourceType":"Task","id":"t","status":"draft","intent":"order","for":{"reference":"Patient/somebody"}}],"subject":';
  await sql`update exchange.resource set body = replace(body, '"subject":', ${within}), labeller = ${LABELLER - 1} where id = 'mixed'`;
  expect(await relabel(node.deps)).toMatchObject({ changed: 1 });
  const next = await exported(group, `&_since=${first.at}`);
  expect(next).toMatchObject({ keys: [], deleted: ['Observation/mixed'] });
  await sql`delete from exchange.resource where id = 'mixed'`;
});

test('what else was decided by older rules is decided again, and peers are informed of it', async () => {
  const { sql } = node.deps.database;
  const claim = {
    resourceType: 'ExplanationOfBenefit',
    id: 'told',
    status: 'active',
    type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/claim-type', code: 'professional' }] },
    use: 'claim',
    patient: subject,
    created: '2026-01-01',
    insurer: { display: 'us' },
    provider: { display: 'somebody' },
    outcome: 'complete',
    insurance: [{ focal: true, coverage: { display: 'x' } }],
    text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">You owe forty.</div>' },
  };
  await enrol(node.deps, [], [claim]);
  const facts = () => sql`
    select service_end, pa_state, pa_changed, pa_end, withheld, shared, refers from exchange.resource where id in ('told', 'inherits') order by id`;
  const [right, before] = [await facts(), await exported(group, ',ExplanationOfBenefit')];
  // older rules let its narrative leave, and took it for a denied authorization
  await sql`update exchange.resource set shared = null, pa_state = 'denied', service_end = null, labeller = ${LABELLER - 1} where id = 'told'`;
  expect((await exported(group, ',ExplanationOfBenefit')).keys).not.toContain('ExplanationOfBenefit/told');
  expect(await relabel(node.deps)).toMatchObject({ changed: 1 });
  expect([...(await facts())]).toEqual([...right]);
  const next = await exported(group, `,ExplanationOfBenefit&_since=${before.at}`);
  expect(next.keys).toEqual(['ExplanationOfBenefit/told']);
  await sql`update exchange.resource set labeller = ${LABELLER - 1}`;
  expect(await relabel(node.deps)).toMatchObject({ changed: 0 });
});

test('of a received authorization whose denied lines were not kept the head loses their reason by rules of today', async () => {
  const { sql } = node.deps.database;
  const coded = (code: string) => ({ category: { coding: [{ code }] } });
  const authorization = {
    resourceType: 'ExplanationOfBenefit',
    id: 'partly',
    status: 'active',
    type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/claim-type', code: 'professional' }] },
    use: 'preauthorization',
    patient: subject,
    created: '2026-01-01',
    insurer: { display: 'them' },
    provider: { display: 'somebody' },
    outcome: 'complete',
    insurance: [{ focal: true, coverage: { display: 'x' } }],
    preAuthRefPeriod: [{ start: '2026-01-01' }],
    item: [{ sequence: 1, productOrService: { text: 'granted' } }],
    adjudication: [{ ...coded('denialreason'), reason: { text: 'of a line that is gone' } }, coded('submitted')],
  };
  await enrol(node.deps, [], [authorization]);
  const head = async () => {
    const [row] = await sql<
      { text: string }[]
    >`select coalesce(shared, body) as text from exchange.resource where id = 'partly'`;
    return (JSON.parse(row?.text ?? '{}') as { adjudication: object[] }).adjudication.length;
  };
  const asReceived = async (findings: string[]) => {
    await sql`update exchange.resource set origin = 'them', source_id = 's1', pa_state = 'approved', shared = null, labeller = ${LABELLER - 1} where id = 'partly'`;
    await sql`insert into exchange.identity (peer_id, type, source_id, local_id, state, first_pull, last_pull, line_findings)
      values ('them', 'ExplanationOfBenefit', 's1', 'partly', 'visible', 'p', 'p', ${findings})
      on conflict (peer_id, type, source_id) do update set line_findings = excluded.line_findings`;
    await relabel(node.deps);
  };
  await asReceived([]);
  expect(await head()).toBe(2);
  await asReceived(['denied-pa']);
  expect(await head()).toBe(1);
  await sql`delete from exchange.resource where id = 'partly'`;
});

test('a label is inherited by anyone who names the record by its id alone, as sources of Bundles do', async () => {
  await enrol(
    node.deps,
    [],
    [
      {
        resourceType: 'Observation',
        id: 'by-uuid',
        status: 'final',
        code: { text: 'x' },
        subject,
        hasMember: [{ reference: 'urn:uuid:LABELLED', display: 'what it is' }],
      },
    ],
  );
  expect(await labels()).toMatchObject({ 'by-uuid': 1 });
  expect((await exported()).keys).not.toContain('Observation/by-uuid');
});

test('a record that was hidden from an export with _since comes with the next', async () => {
  const first = await exported();
  await enrol(
    node.deps,
    [],
    [{ resourceType: 'Observation', id: 'fresh', status: 'final', code: { text: 'x' }, subject }],
  );
  await newerBeside();
  const hidden = await exported(group, `&_since=${first.at}`);
  expect(hidden.keys).toEqual([]);
  await relabel(node.deps);
  const next = await exported(group, `&_since=${hidden.at}`);
  expect(next.keys).toContain('Observation/fresh');
});

test('what exports left out in a row comes with the first that is complete, once, and to that peer alone', async () => {
  const clean = ['Observation/clean'];
  const other = new ExportClient(node, await client(node, 'b', { npi: ASKER.npi }));
  await other.signIn();
  const elsewhere = await other.group([card(rivera)]);
  const there = await other.finished(await other.get(`Group/${elsewhere}/$export`, LIST));
  const begin = await exported();
  await enrol(
    node.deps,
    [],
    [{ resourceType: 'Observation', id: 'later', status: 'final', code: { text: 'x' }, subject }],
  );
  await newerBeside();
  const first = await exported();
  const second = await exported(group, `&_since=${begin.at}`);
  const third = await exported(group, `&_since=${second.at}`);
  expect([first.keys, second.keys, third.keys, third.deleted]).toEqual([[], [], [], []]);
  await relabel(node.deps);
  // a part is not all
  await exported(group, `&_since=${third.at}&_until=${new Date(Date.now() + 60_000).toISOString()}`);
  const whole = await exported(group, `&_since=${third.at}`);
  expect(whole.keys).toEqual(expect.arrayContaining([...clean, 'Observation/later']));
  expect((await exported(group, `&_since=${third.at}`)).keys).toEqual(whole.keys);
  expect((await exported(group, `&_since=${whole.at}`)).keys).toEqual([]);
  const { manifest } = await other.finished(
    await other.get(`Group/${elsewhere}/$export`, `${LIST}&_since=${there.manifest.transactionTime}`),
  );
  expect(keysOf(await other.output(manifest))).toEqual(['Observation/later']);
});

test('after an update what a peer asks for is decided before it leaves', async () => {
  const before = await exported();
  const rows = (await them.call(`/Observation?patient=${idOf(rivera)}`)).json() as { total: number };
  const updated = async () => {
    await older();
    await decidedBy('an older one', 1);
  };
  await updated();
  expect((await exported()).keys).toEqual(before.keys);
  await updated();
  expect(((await them.call(`/Observation?patient=${idOf(rivera)}`)).json() as { total: number }).total).toBe(
    rows.total,
  );
  await updated();
  const page = await them.call(`/Patient/${idOf(rivera)}/$everything?_type=Observation`);
  expect((page.json() as { entry: object[] }).entry).toHaveLength(rows.total);
  await relabel(node.deps);
});

test('a record that is written while it is decided keeps what was decided of its new text', async () => {
  const { sql } = node.deps.database;
  await older();
  const records = await unclassifiedOf(sql, [idOf(rivera)]);
  const told = records.find((r) => r.id === 'clean');
  await enrol(
    node.deps,
    [],
    [{ resourceType: 'Observation', id: 'clean', status: 'amended', code: { text: 'x' }, subject, meta: PSY }],
  );
  const { body: _, isOwn: __, isStripped: ___, ...key } = told as Unclassified;
  const stale = { ...key, label: 0, serviceEnd: undefined, paState: undefined, paChanged: undefined, paEnd: undefined };
  await writeDecided(
    sql,
    [{ ...stale, withheld: undefined, shared: '{"old":1}', refers: [] }],
    new Date().toISOString(),
  );
  const [row] = await sql`select label, own_label, shared from exchange.resource where id = 'clean'`;
  expect(row).toEqual({ label: 1, own_label: 1, shared: null });
  await enrol(
    node.deps,
    [],
    [{ resourceType: 'Observation', id: 'clean', status: 'final', code: { text: 'x' }, subject }],
  );
});

test('a process that starts after an update decides them without being asked, once', async () => {
  const { sql } = node.deps.database;
  const rows = async () => {
    const [row] = await sql<{ n: number }[]>`select count(*)::int as n from exchange.audit where action = 'relabel'`;
    return row?.n ?? 0;
  };
  await decidedBy('an older one');
  await older();
  expect(await undecided()).toBe(await all());
  const stopped = new AbortController();
  stopped.abort();
  await relabelAfterUpdate(node.deps, stopped.signal);
  expect(await undecided()).toBe(await all());
  const n = await rows();
  // while another process has it in hand nothing is done, and it is not thought to be
  const another = node.deps.database.dedicated('work');
  expect(await holdsRelabelling(another)).toBe(true);
  expect(await relabelAfterUpdate(node.deps)).toBeUndefined();
  await another.end();
  expect(await rows()).toBe(n);
  // two processes at once: one of them does it
  await Promise.all([relabelAfterUpdate(node.deps), relabelAfterUpdate(node.deps)]);
  expect(await undecided()).toBe(0);
  expect(await rows()).toBe(n + 1);
  // afterwards no record is looked at
  await older();
  expect(await relabelAfterUpdate(node.deps)).toBeDefined();
  expect(await undecided()).toBe(await all());
  expect(await rows()).toBe(n + 1);
  // unless an export left some out since: an older program wrote them, behind the walk
  expect((await exported()).keys).toEqual([]);
  expect(await relabelAfterUpdate(node.deps, undefined, 0)).toBeDefined();
  expect(await undecided()).toBe(0);
  await older();
  expect(await relabelAfterUpdate(node.deps, undefined, 0)).toBeDefined();
  expect(await undecided()).toBe(await all());
  // a process that runs takes back what an older program decides beside it, and leaves what a newer one does
  await decidedBy('a newer one', 1000);
  expect(await relabelAfterUpdate(node.deps, undefined, 0)).toBeDefined();
  expect(await undecided()).toBe(await all());
  await decidedBy('an older one', 1);
  expect(await relabelAfterUpdate(node.deps, undefined, 0)).toBeDefined();
  expect(await undecided()).toBe(0);
  // one that begins decides anyone who was last: it may be there because the newer one was taken back
  await decidedBy('a newer one', 1000);
  await older();
  expect(await relabelAfterUpdate(node.deps)).toBeDefined();
  expect(await undecided()).toBe(0);
});
