// Documents: small ones within their record, large ones and those of their own behind a link that only anyone who may have the
// record can follow.
import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { documentAt, readDocumentId, withLinkedDocuments } from '../../exchange/records/facts/attachment.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { ExportClient } from './export-client.ts';
import { BULK_MATCH, client } from './peer-client.ts';
import { ASKER, card, enrol, idOf, PEOPLE, US } from './plan-fixture.ts';

const { rivera, robert } = PEOPLE;
const of = (p: typeof rivera | typeof robert) => ({ reference: `Patient/${idOf(p)}` });
const big = randomBytes(100_000);
const small = Buffer.from('a short note');
const PSY = { security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'PSY' }] };
const note = (id: string, attachment: object, more: object = {}) => ({
  resourceType: 'DocumentReference',
  id,
  status: 'current',
  subject: of(rivera),
  content: [{ attachment: { contentType: 'application/pdf', ...attachment } }],
  ...more,
});
const binary = (id: string, context: object) => ({
  resourceType: 'Binary',
  id,
  contentType: 'text/html; charset=utf-8',
  securityContext: context,
  data: small.toString('base64'),
});
let node: TestNode;
let them: ExportClient;
let other: ExportClient;
let documents: Map<string, { url?: string; data?: string; size?: number; hash?: string }>;

beforeAll(async () => {
  node = await startNode({ PLAN_NPI: US.npi, PLAN_NAME: US.name });
  const scopes = [BULK_MATCH, 'system/*.rs'];
  them = new ExportClient(node, await client(node, 'a', { npi: ASKER.npi, scopes }));
  other = new ExportClient(node, await client(node, 'b', { npi: ASKER.npi, scopes }));
  await them.signIn();
  await other.signIn();
  await enrol(
    node.deps,
    [rivera, robert],
    [
      note('small', { data: small.toString('base64') }),
      note('big', { data: big.toString('base64') }),
      note('linked', { url: 'Binary/own' }),
      note('elsewhere', { url: 'https://documents.example/1' }),
      note('hidden', { data: big.toString('base64') }, { meta: PSY }),
      note('hidden-link', { url: 'Binary/secret' }, { meta: PSY }),
      note('roberts', { data: big.toString('base64') }, { subject: of(robert) }),
      binary('own', of(rivera)),
      binary('secret', { reference: 'DocumentReference/hidden-link' }),
      binary('orphan', of(rivera)),
    ],
  );
  const group = await them.group([card(rivera)]);
  const { manifest } = await them.finished(await them.get(`Group/${group}/$export`, '_type=DocumentReference'));
  documents = new Map(
    (await them.output(manifest)).map((r) => [
      String(r['id']),
      (r['content'] as { attachment: object }[])[0]?.attachment ?? {},
    ]),
  );
});
afterAll(() => node.close());

test('what is small stays, what is large is a link that tells its size and hash', () => {
  expect([...documents.keys()].sort()).toEqual(['big', 'elsewhere', 'linked', 'small']);
  expect(documents.get('small')).toMatchObject({ data: small.toString('base64') });
  expect(documents.get('elsewhere')).toMatchObject({ url: 'https://documents.example/1' });
  expect(documents.get('big')).not.toHaveProperty('data');
  const hash = createHash('sha1').update(big).digest('base64');
  expect(documents.get('big')).toMatchObject({ url: `${them.fhir}/Binary/d0.big`, size: big.length, hash });
  expect(documents.get('linked')?.url).toBe(`${them.fhir}/Binary/own`);
});

test('the link gives the bytes, or the resource to anyone who asks for FHIR; each fetch is an audit row', async () => {
  const raw = await them.call(documents.get('big')?.url ?? '', { headers: { accept: '*/*' } });
  expect([raw.status, raw.header('content-type'), raw.header('cache-control')]).toEqual([
    200,
    'application/pdf',
    'private, no-store',
  ]);
  expect(raw.header('content-disposition')).toBe('attachment');
  expect(raw.bytes.equals(big)).toBe(true);
  const fhir = await them.call(documents.get('linked')?.url ?? '');
  expect(fhir.json()).toEqual({
    resourceType: 'Binary',
    id: 'own',
    contentType: 'text/html; charset=utf-8',
    data: small.toString('base64'),
  });
  const rows = await node.deps.database.sql`
    select object, member_id from exchange.audit where action = 'read' and object like 'Binary/%' and outcome = 'ok' order by seq`;
  expect(rows.map((r) => [r['object'], r['member_id']])).toEqual([
    ['Binary/d0.big', idOf(rivera)],
    ['Binary/own', idOf(rivera)],
  ]);
});

test.each([
  'd0.hidden',
  'secret',
  'orphan',
  'd0.roberts',
  'd0.small.x',
  'd1.big',
  'r0.big',
  'd0.nothing',
  'nothing',
  '..%2f..%2fx',
])('%s is not there', async (id) => {
  const answer = await them.call(`/Binary/${id}`);
  expect([answer.status, answer.json().resourceType]).toEqual([404, 'OperationOutcome']);
});

test('another client, no token, a token without documents', async () => {
  const url = documents.get('big')?.url ?? '';
  expect((await other.call(url)).status).toBe(404);
  expect((await them.call(url, { token: null })).status).toBe(401);
  const token = await them.signIn('system/Patient.rs system/Group.rs');
  await them.signIn();
  expect((await them.call(url, { token })).status).toBe(403);
  expect((await them.call('/Binary', {})).status).toBe(404);
});

test('anyone who reads single records needs no scope of Group for what they link to', async () => {
  const token = await them.signIn('system/DocumentReference.r');
  await them.signIn();
  const read = await them.call('/DocumentReference/big', { token });
  const document = await them.call(read.json().content[0].attachment.url, { token });
  expect([read.status, document.status]).toEqual([200, 200]);
});

test('reads of single records link the same way', async () => {
  const read = await them.call('/DocumentReference/big');
  expect(read.json().content[0].attachment.url).toBe(`${them.fhir}/Binary/d0.big`);
  const all = await them.call(`/Patient/${idOf(rivera)}/$everything?_type=DocumentReference`);
  expect(all.bytes.toString()).toContain(`${them.fhir}/Binary/own`);
});

test('a name leads to its record and place; the longest ids keep their documents', () => {
  expect(readDocumentId('d12.a.b-c')).toEqual({ type: 'DocumentReference', id: 'a.b-c', place: 12 });
  for (const name of ['x0.a', 'd.a', 'd0', 'd0.', '0.a', 'd0.a/b']) expect(readDocumentId(name)).toBeUndefined();
  const report = {
    resourceType: 'DiagnosticReport',
    id: 'r',
    presentedForm: [{ data: small.toString('base64') }, { data: big.toString('base64') }],
  } as unknown as Resource;
  const linked = withLinkedDocuments(report, JSON.stringify(report)) as unknown as typeof report & {
    presentedForm: { url?: string }[];
  };
  expect(linked.presentedForm.map((f) => f.url)).toEqual([undefined, 'Binary/r1.r']);
  expect(documentAt(report, 1)?.data).toBe(big.toString('base64'));
  const long = { ...report, id: 'x'.repeat(62) };
  expect(withLinkedDocuments(long, JSON.stringify(long))).toBe(long);
});
