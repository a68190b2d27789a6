// Documents through three payers: the prior one keeps them in its records and gives the large ones by address; ours fetches them; the
// next one gets them from us, by an address of ours. And as our staff open them.
import { randomBytes } from 'node:crypto';
import type { Hono } from 'hono';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { walkContent } from '../../exchange/compliance/export-check/check-files.ts';
import { planPulls } from '../../exchange/requester/plan.ts';
import { pullReport } from '../../exchange/requester/report/pull-report.ts';
import { createStaff } from '../../exchange/staff/app.ts';
import { type DevelopmentAccount, developmentAccount } from '../../src/auth/staff-development.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import type { FhirEnv } from '../../src/http/fhir-app.ts';
import { ExportClient } from '../exchange/export-client.ts';
import { BULK_MATCH, client } from '../exchange/peer-client.ts';
import { ASKER, card, enrol, idOf, PEOPLE, US } from '../exchange/plan-fixture.ts';
import { Visitor } from '../exchange/staff/support.ts';
import { introduce, startNode, type TestNode } from '../support/node.ts';

const { rivera } = PEOPLE;
const there = { ...rivera, number: `X${rivera.number}` };
const subject = { reference: `Patient/${idOf(there)}` };
const letter = Buffer.concat([Buffer.from('%PDF-1.4\n'), randomBytes(150_000)]);
const scan = randomBytes(70_000);
const small = Buffer.from('a short note');
const PSY = { security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'PSY' }] };
const documents = [
  {
    resourceType: 'DocumentReference',
    id: 'letter',
    status: 'current',
    subject,
    content: [
      { attachment: { contentType: 'application/pdf', data: letter.toString('base64') } },
      { attachment: { contentType: 'text/plain', data: small.toString('base64') } },
    ],
  },
  {
    resourceType: 'DiagnosticReport',
    id: 'scan',
    status: 'final',
    code: { text: 'scan' },
    subject,
    presentedForm: [{ contentType: 'image/png', data: scan.toString('base64') }],
  },
  {
    resourceType: 'DocumentReference',
    id: 'hidden',
    meta: PSY,
    status: 'current',
    subject,
    content: [{ attachment: { contentType: 'application/pdf', data: letter.toString('base64') } }],
  },
];
let prior: TestNode;
let ours: TestNode;
let next: ExportClient;
let other: ExportClient;
let app: Hono<FhirEnv>;
let account: DevelopmentAccount | undefined;
let pull = '';
const member = idOf(rivera);
const sql = () => ours.deps.database.sql;

async function pullOnce(): Promise<string> {
  const [id = ''] = await planPulls(ours.deps, { cause: 'command', again: true, full: true });
  const working = setInterval(() => void prior.work(), 25);
  try {
    expect((await ours.worker.finish(id))?.state).toBe('done');
  } finally {
    clearInterval(working);
  }
  return id;
}

beforeAll(async () => {
  prior = await startNode({ PLAN_NAME: 'Older Plan', PLAN_NPI: '9000000020' });
  ours = await startNode({ PLAN_NAME: US.name, PLAN_NPI: US.npi, SANDBOX: 'on' });
  await introduce(ours, prior);
  await enrol(prior.deps, [there], documents);
  await enrol(ours.deps, [{ ...rivera, prior: 'Older Plan' }]);
  const scopes = [BULK_MATCH, 'system/*.rs'];
  next = new ExportClient(ours, await client(ours, 'next', { npi: ASKER.npi, scopes }));
  other = new ExportClient(ours, await client(ours, 'other', { npi: ASKER.npi, scopes }));
  await next.signIn();
  await other.signIn();
  pull = await pullOnce();
  account = developmentAccount(ours.deps.config);
  app = createStaff(ours.deps, { development: account });
});
afterAll(async () => {
  await ours.close();
  await prior.close();
});

const visitor = async (user: string): Promise<Visitor> => {
  const made = new Visitor(app, ours.base);
  await made.signIn(user, account?.password ?? '');
  return made;
};
const attachmentsIn = (r: Resource): { url?: string; data?: string; size?: number }[] =>
  [...JSON.stringify(r).matchAll(/\{[^{}]*"contentType"[^{}]*\}/g)].map((m) => JSON.parse(m[0]) as { url?: string });

test('what the prior payer gives by address is fetched, and the report accounts for it', async () => {
  const kept =
    await sql()`select type, bytes::int as bytes, kept_media as media from exchange.attachment where state = 'kept' order by type`;
  expect([...kept]).toEqual([
    { type: 'DiagnosticReport', bytes: scan.length, media: 'image/png' },
    { type: 'DocumentReference', bytes: letter.length, media: 'application/pdf' },
  ]);
  const report = await pullReport(ours.deps, pull);
  expect(report?.attachments.map((a) => [a.state, a.type, a.n, a.bytes])).toEqual([
    ['kept', 'DiagnosticReport', 1, scan.length],
    ['kept', 'DocumentReference', 1, letter.length],
  ]);
  expect(report?.conservation.total.verdict).toBe('holds');
});

test('the next payer gets the same bytes at an address of ours, and no address of the prior one', async () => {
  const group = await next.group([card(rivera)]);
  const { manifest } = await next.finished(
    await next.get(`Group/${group}/$export`, '_type=DocumentReference,DiagnosticReport'),
  );
  const sent = await next.output(manifest);
  expect(sent.map((r) => r.resourceType).sort()).toEqual(['DiagnosticReport', 'DocumentReference']);
  const urls = sent.flatMap(attachmentsIn).flatMap((a) => a.url ?? []);
  expect(urls).toHaveLength(2);
  const got: Buffer[] = [];
  for (const url of urls) {
    expect(url.startsWith(`${ours.base}/exchange/fhir/Binary/`)).toBe(true);
    const raw = await next.call(url, { headers: { accept: '*/*' } });
    expect([raw.status, raw.header('content-disposition'), raw.header('cache-control')]).toEqual([
      200,
      'attachment',
      'private, no-store',
    ]);
    got.push(raw.bytes);
    const fhir = (await next.call(url)).json() as { resourceType: string; data: string };
    expect([fhir.resourceType, Buffer.from(fhir.data, 'base64').equals(raw.bytes)]).toEqual(['Binary', true]);
    expect((await other.call(url)).status).toBe(404);
    expect((await next.call(url, { token: null })).status).toBe(401);
  }
  expect(got.map((b) => b.length).reduce((a, b) => a + b)).toBe(letter.length + scan.length);
  expect(got.some((b) => b.equals(letter)) && got.some((b) => b.equals(scan))).toBe(true);
  const read = (
    await next.call(`/Patient/${member}/$everything?_type=DocumentReference,DiagnosticReport`)
  ).bytes.toString();
  // beside where the record itself is from
  for (const text of [...sent.map((r) => JSON.stringify(r)), read])
    expect(text.replace(/"source":"[^"]*"/g, '')).not.toContain(prior.base);
  const faults: unknown[] = [];
  await walkContent(ours.deps, undefined, (f) => faults.push(f));
  expect(faults).toEqual([]);
  // only documents: what is a report needs the scope of reports as well
  const token = await next.signIn('system/DocumentReference.rs system/Group.rs');
  await next.signIn();
  const statuses = await Promise.all(urls.map(async (url) => (await next.call(url, { token })).status));
  expect(new Set(statuses)).toEqual(new Set([200, 404]));
});

test('a document is there for a peer as long as its record may leave', async () => {
  const [doc] = await sql()<{ id: string; record: string }[]>`
    select document_id as id, record_id as record from exchange.attachment where type = 'DocumentReference'`;
  const url = `/Binary/${doc?.id}`;
  expect((await next.call(url)).status).toBe(200);
  const label = (n: number) =>
    sql()`update exchange.resource set label = ${n} where member_id = ${member} and type = 'DocumentReference' and id = ${doc?.record ?? ''}`;
  await label(1);
  expect((await next.call(url)).status).toBe(404);
  await label(0);
  expect((await next.call(url)).status).toBe(200);
});

test('staff open a document from the record, and from its line; each look is recorded', async () => {
  const reviewer = await visitor('dev-reviewer');
  const page = await (await reviewer.get(`/staff/members/${member}/record`)).text();
  const [href = ''] = /\/staff\/members\/[^"]*\/attachments\/[0-9a-f]{32}/.exec(page) ?? [];
  const answer = await reviewer.get(href);
  expect([
    answer.status,
    answer.headers.get('x-content-type-options'),
    answer.headers.get('content-security-policy'),
  ]).toEqual([200, 'nosniff', "sandbox; default-src 'none'"]);
  expect(answer.headers.get('content-disposition')).toMatch(/^attachment; filename="attachment\.(?:pdf|png)"$/);
  const bytes = Buffer.from(await answer.arrayBuffer());
  expect(bytes.equals(letter) || bytes.equals(scan)).toBe(true);
  const looks =
    await sql()`select detail->>'page' as page from exchange.audit where action = 'view' and member_id = ${member} and detail->>'page' = 'attachment'`;
  expect(looks).toHaveLength(1);
  const [line] = await sql()<{ file: number; line: number }[]>`
    select file, line from exchange.ledger_unit where pull_id = ${pull} and type = 'DocumentReference' and outcome = 'created'`;
  const shown = await (await reviewer.get(`/staff/pulls/${pull}/lines/${line?.file}/${line?.line}/0`)).text();
  expect(shown).toMatch(/attachments\/[0-9a-f]{32}/);
  // a document leaves as a file: for a purpose, which the audit has with the look
  expect((await reviewer.get(`${href}?purpose=`)).status).toBe(400);
  const purposes =
    await sql()`select detail->>'purpose' as purpose from exchange.audit where action = 'view' and detail->>'page' = 'attachment'`;
  expect(purposes.map((p) => p['purpose'])).toEqual(['audit']);
  expect((await reviewer.get(`/staff/members/somebody-else/attachments/${href.split('/').at(-1)}`)).status).toBe(404);
  expect((await (await visitor('dev-viewer')).get(href)).status).toBe(403);
  const all = await (await reviewer.get(`/staff/members/${member}/everything`)).text();
  expect(all.replace(/"source":"[^"]*"/g, '')).not.toContain(prior.base);
  expect(all).toContain(`${ours.base}/exchange/fhir/Binary/`);
  const report = await (await reviewer.get(`/staff/pulls/${pull}?format=json`)).json();
  expect((report as { tables: { attachments: unknown[] } }).tables.attachments).toHaveLength(2);
});

test('a document that is not copied to where pages are served from is not missing', async () => {
  const blobs = { ...ours.deps.blobs, get: async () => undefined };
  const [doc] = await sql()<
    { id: string }[]
  >`select document_id as id from exchange.attachment where type = 'DocumentReference'`;
  const opened = async (copy: typeof blobs & { isCopy?: true }) => {
    const there = new Visitor(createStaff({ ...ours.deps, blobs: copy }, { development: account }), ours.base);
    await there.signIn('dev-reviewer', account?.password ?? '');
    const answer = await there.get(`/staff/members/${member}/attachments/${doc?.id}`);
    return [
      answer.status,
      answer.headers.get('retry-after'),
      (await answer.text()).includes('not where this page is served from'),
    ];
  };
  expect(await opened({ ...blobs, isCopy: true })).toEqual([503, '30', true]);
  expect(await opened(blobs)).toEqual([404, null, false]);
});

test('the same in full again fetches nothing and writes nothing', async () => {
  const before = await sql()`select count(*)::int as n, max(settled_at) as at from exchange.attachment`;
  const reads = () =>
    prior.deps.database
      .sql`select count(*)::int as n from exchange.audit where action = 'read' and object like 'Binary/%'`;
  const then = await reads();
  await pullOnce();
  expect([...(await sql()`select count(*)::int as n, max(settled_at) as at from exchange.attachment`)]).toEqual([
    ...before,
  ]);
  expect([...(await reads())]).toEqual([...then]);
});
