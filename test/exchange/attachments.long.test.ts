// Attachments that a peer's records give by address: what the peer does, what becomes of the attachment and why, what is asked for with
// a token and what is never asked for; then what leaves in the place of the address, and what coming again, withdrawing and dying do.
import { createHash, randomBytes } from 'node:crypto';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { relabel } from '../../exchange/members/enrolment/relabel.ts';
import { addressesOf, withoutAddresses } from '../../exchange/reconcile/attachment-address.ts';
import { meaning } from '../../exchange/reconcile/reasons.ts';
import { watchedIn } from '../../exchange/records/facts/watched-names.ts';
import { readBinary } from '../../exchange/requester/client/attachment.ts';
import { judgeAttachment } from '../../exchange/requester/client/judge-attachment.ts';
import { judgeAttachmentFault } from '../../exchange/requester/fetch-attachments.ts';
import { receivedLine } from '../../exchange/requester/report/record.ts';
import { isKept } from '../../exchange/review/kept.ts';
import type { Blobs } from '../../src/deps.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import {
  type Handler,
  json,
  ndjson,
  type Script,
  type ScriptedPeer,
  scriptedPeer,
  sends,
  status,
  turns,
} from '../support/scripted-peer.ts';

let peer: ScriptedPeer;
const sql = () => peer.node.deps.database.sql;
beforeAll(async () => {
  peer = await scriptedPeer();
});
beforeEach(async () => {
  await peer.record({});
  await sql().unsafe(
    `delete from exchange.attachment; delete from exchange.identity; delete from exchange.resource where origin = 'scripted'`,
  );
  for (const key of await peer.node.deps.blobs.list('documents/')) await peer.node.deps.blobs.delete(key);
});
afterAll(() => peer.close());

const PDF = Buffer.concat([Buffer.from('%PDF-1.7\n'), randomBytes(90_000)]);
const sha1 = (b: Buffer) => createHash('sha1').update(b).digest('base64');
const sha256 = (b: Buffer) => createHash('sha256').update(b).digest('hex');
const pdf = { 'content-type': 'application/pdf' };
type Attachment = Record<string, unknown>;
const note = (id: string, attachment: Attachment, more: object = {}): object => ({
  resourceType: 'DocumentReference',
  id,
  status: 'current',
  subject: { reference: 'Patient/p9' },
  content: [{ attachment: { contentType: 'application/pdf', ...attachment } }],
  ...more,
});
const claim = (url: string, contentType: string): object => ({
  resourceType: 'ExplanationOfBenefit',
  id: 'c1',
  status: 'active',
  type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/claim-type', code: 'professional' }] },
  use: 'claim',
  patient: { reference: 'Patient/p9' },
  created: '2026-01-01',
  insurer: { display: 'Scripted Plan' },
  provider: { display: 'A clinic' },
  outcome: 'complete',
  insurance: [{ focal: true, coverage: { display: 'x' } }],
  supportingInfo: [
    {
      sequence: 1,
      category: {
        coding: [{ system: 'http://terminology.hl7.org/CodeSystem/claiminformationcategory', code: 'attachment' }],
      },
      valueAttachment: { contentType, url },
    },
  ],
});
/** The peer gives these records, and answers as the script says. */
const gives = (records: object[], script: Script = {}, manifest: object = {}): Script => ({
  'GET /status/export': (_, a) =>
    json(a, peer.manifest([{ type: 'DocumentReference', url: `${peer.base}/f/1`, count: records.length }], manifest)),
  'GET /f/1': sends(ndjson(...records.map((r) => JSON.stringify(r)))),
  ...script,
});
const at = (path: string) => `${peer.base}${path}`;
type Line = { state: string; reason: string | null; bytes: string | null; sha256: string | null; media: string | null };
const lines = async (): Promise<Line[]> => [
  ...(await sql()<
    Line[]
  >`select state, reason, bytes, sha256, kept_media as media from exchange.attachment order by url`),
];
/** What leaves of the received documents, and whether an address of the peer is in it. */
const forms = async (): Promise<string[]> =>
  (
    await sql()<
      { form: string }[]
    >`select coalesce(shared, body) as form from exchange.resource where origin = 'scripted' and type <> 'Binary'`
  ).map((r) => {
    JSON.parse(r.form);
    return r.form.replace(/"meta":\{[^}]*\}/, '');
  });
const asked = (path: string) => peer.seen.filter((s) => s.path === path && s.method === 'GET');
const kept = (bytes: Buffer, media = 'application/pdf') => [
  { state: 'kept', reason: null, bytes: String(bytes.length), sha256: sha256(bytes), media },
];
const not = (reason: string) => [{ state: 'not-fetched', reason, bytes: null, sha256: null, media: null }];

type Row = {
  does: string;
  records: () => object[];
  script?: () => Script;
  record?: () => Record<string, unknown>;
  manifest?: object;
  becomes: Line[];
  notes?: readonly string[];
  also?: () => void;
};
const one = (more: Attachment = {}) => [note('d1', { url: at('/fhir/Binary/b1'), ...more })];
const serves = (handler: Handler) => () => ({ 'GET /fhir/Binary/b1': handler });
const apart = (id: string, hash?: string): Attachment => ({
  _data: {
    extension: [
      { url: 'http://hapifhir.io/fhir/StructureDefinition/externalized-binary-id', valueString: id },
      ...(hash === undefined
        ? []
        : [
            {
              url: 'http://hapifhir.io/fhir/StructureDefinition/externalized-binary-hash-sha256',
              valueString: hash,
            },
          ]),
    ],
  },
});
const APART_READ = '/fhir/DocumentReference/d1/$binary-access-read';
const text = Buffer.from('a plain note');
const page = sends('<!DOCTYPE html><title>Sign in</title>', { 'content-type': 'text/html' });
const cut: Handler = (_, a) => {
  a.writeHead(200, { ...pdf, 'content-length': String(PDF.length) });
  a.write(PDF.subarray(0, 5000), () => setTimeout(() => a.destroy(), 10));
};

const ROWS: Row[] = [
  {
    does: 'keeps it apart with its SHA-256, and gives other bytes, then the right ones',
    records: () => [note('d1', { ...apart('x1', sha256(text).toUpperCase()), contentType: 'text/plain' })],
    script: () => ({
      [`GET ${APART_READ}`]: turns(
        sends('a plain mote', { 'content-type': 'text/plain' }),
        sends(text, { 'content-type': 'text/plain' }),
      ),
    }),
    becomes: kept(text, 'text/plain'),
  },
  {
    does: 'keeps it apart with its SHA-256, and gives other bytes for ever',
    records: () => [note('d1', { ...apart('x1', sha256(text)), contentType: 'text/plain' })],
    script: () => ({ [`GET ${APART_READ}`]: sends('a plain mote', { 'content-type': 'text/plain' }) }),
    becomes: not('hash-mismatch'),
  },
  {
    does: 'gives the bytes to our token, of the size and hash that the record says',
    records: () => one({ size: PDF.length, hash: sha1(PDF) }),
    script: serves(sends(PDF, pdf)),
    becomes: kept(PDF),
    notes: [],
    also: () => expect(asked('/fhir/Binary/b1').map((s) => s.token?.startsWith('Bearer t'))).toEqual([true]),
  },
  {
    does: 'gives a Binary as FHIR JSON',
    records: () => one({ size: PDF.length }),
    script: serves((_, a) =>
      json(a, { resourceType: 'Binary', contentType: 'application/pdf', data: PDF.toString('base64') }, 200, {
        'content-type': 'application/fhir+json',
      }),
    ),
    becomes: kept(PDF),
    notes: [],
  },
  {
    does: 'names it by a relative address',
    records: () => [note('d1', { url: 'Binary/b1' })],
    script: serves(sends(PDF, pdf)),
    becomes: kept(PDF),
  },
  {
    does: 'packs it',
    records: () => one({ size: PDF.length, hash: sha1(PDF) }),
    script: serves(sends(gzipSync(PDF), { ...pdf, 'content-encoding': 'gzip' })),
    becomes: kept(PDF),
  },
  {
    does: 'packs it in a way that was not asked for',
    records: () => one(),
    script: serves(sends(brotliCompressSync(PDF), { ...pdf, 'content-encoding': 'br' })),
    becomes: not('attachment-encoding'),
  },
  {
    does: 'sends a gzip bomb',
    records: () => one({ contentType: 'text/plain' }),
    script: serves(
      sends(gzipSync(Buffer.alloc(8 * 1024 * 1024)), { 'content-type': 'text/plain', 'content-encoding': 'gzip' }),
    ),
    becomes: not('attachment-bomb'),
  },
  {
    does: 'sends gzip without its end, and then right',
    records: () => one(),
    script: serves(
      turns(
        sends(gzipSync(PDF).subarray(0, 4000), { ...pdf, 'content-encoding': 'gzip' }),
        sends(gzipSync(PDF), { ...pdf, 'content-encoding': 'gzip' }),
      ),
    ),
    becomes: kept(PDF),
  },
  {
    does: 'sends what is longer than allowed',
    record: () => ({ limits: { attachmentBytes: 1000 } }),
    records: () => one(),
    script: serves(sends(PDF, pdf)),
    becomes: not('attachment-too-large'),
  },
  {
    does: 'sends without an end',
    record: () => ({ limits: { attachmentBytes: 100_000 } }),
    records: () => one(),
    script: serves((_, a) => {
      a.writeHead(200, pdf);
      const drop = setInterval(() => a.write(randomBytes(20_000)), 5);
      a.on('close', () => clearInterval(drop));
    }),
    becomes: not('attachment-too-large'),
  },
  {
    does: 'trickles',
    record: () => ({ limits: { slowWindowMs: 150, slowBytesPerSecond: 100_000, fileTries: 2 } }),
    records: () => one(),
    script: serves((_, a) => {
      a.writeHead(200, pdf);
      const drop = setInterval(() => a.write(' '), 20);
      a.on('close', () => clearInterval(drop));
    }),
    becomes: not('file-slow'),
  },
  {
    does: 'breaks off, and then gives it whole',
    records: () => one(),
    script: serves(turns(cut, sends(PDF, pdf))),
    becomes: kept(PDF),
    also: () => expect(asked('/fhir/Binary/b1')).toHaveLength(2),
  },
  {
    does: 'breaks off for ever',
    records: () => one(),
    script: serves(cut),
    becomes: not('attachment-cut'),
    also: () => expect(asked('/fhir/Binary/b1')).toHaveLength(6),
  },
  {
    does: 'is overloaded, and then gives it',
    records: () => one(),
    script: serves(turns(status(503), (_, a) => json(a, {}, 429, { 'retry-after': '1e12' }), sends(PDF, pdf))),
    becomes: kept(PDF),
    notes: ['peer-retry-after'],
  },
  {
    does: 'does not take a token that it gave',
    records: () => one(),
    script: serves(turns(status(401), sends(PDF, pdf))),
    becomes: kept(PDF),
    notes: ['peer-token'],
  },
  { does: 'takes no token at all', records: () => one(), script: serves(status(401)), becomes: not('auth') },
  ...[403, 404, 410, 400, 302].map(
    (code): Row => ({
      does: `answers with ${code}`,
      records: () => one(),
      script: serves(status(code)),
      becomes: not(code === 302 ? 'redirect' : `attachment-${code}`),
      also: () => expect(asked('/fhir/Binary/b1')).toHaveLength(1),
    }),
  ),
  { does: 'answers with a page', records: () => one(), script: serves(page), becomes: not('attachment-html') },
  {
    does: 'answers with a page that is said to be the document, and then gives it',
    records: () => one(),
    script: serves(turns(sends('\n <html lang="en">no</html>', pdf), sends(PDF, pdf))),
    becomes: kept(PDF),
  },
  {
    does: 'answers with nothing',
    records: () => one(),
    script: serves(sends('', pdf)),
    becomes: not('attachment-empty'),
  },
  {
    does: 'gives something else than its hash says',
    records: () => one({ hash: sha1(text) }),
    script: serves(sends(PDF, pdf)),
    becomes: not('hash-mismatch'),
  },
  {
    does: 'gives less than its size says',
    records: () => one({ size: PDF.length }),
    script: serves(sends(PDF.subarray(0, 50_000), pdf)),
    becomes: not('size-mismatch'),
  },
  {
    does: 'says a wrong size beside a right hash',
    records: () => one({ size: 1, hash: sha1(PDF) }),
    script: serves(sends(PDF, pdf)),
    becomes: kept(PDF),
  },
  {
    does: 'writes the hash as hex digits',
    records: () => one({ hash: Buffer.from(sha1(PDF), 'base64').toString('hex') }),
    script: serves(sends(PDF, pdf)),
    becomes: kept(PDF),
  },
  {
    does: 'gives another type than the record says',
    records: () => one(),
    script: serves(sends(PDF, { 'content-type': 'image/png' })),
    becomes: kept(PDF),
    notes: ['peer-attachment-type'],
  },
  {
    does: 'gives a program',
    records: () => one(),
    script: serves(sends(Buffer.concat([Buffer.from('TVqQAAMAAAAEAAAA', 'base64'), PDF]), pdf)),
    becomes: not('attachment-unsafe'),
  },
  {
    does: 'names a kind that is not kept: not asked for',
    records: () => one({ contentType: 'text/html' }),
    script: serves(page),
    becomes: not('attachment-unsafe'),
    also: () => expect(asked('/fhir/Binary/b1')).toEqual([]),
  },
  {
    does: 'says nothing of the type, and gives a kind that is kept',
    records: () => [note('d1', { url: at('/fhir/Binary/b1'), contentType: undefined })],
    script: serves(sends(text, { 'content-type': 'text/plain; charset=utf-8' })),
    becomes: kept(text, 'text/plain'),
  },
  {
    does: 'says nothing of the type, and gives a kind that is not',
    records: () => [note('d1', { url: at('/fhir/Binary/b1'), contentType: undefined })],
    script: serves(sends(text, { 'content-type': 'application/x-msdownload' })),
    becomes: not('attachment-unsafe'),
  },
  // origins
  {
    does: 'names another host: nothing is asked there',
    records: () => [note('d1', { url: `${peer.foreignBase}/d.pdf` })],
    becomes: not('foreign-origin'),
    also: () => expect(peer.strangers).toEqual([]),
  },
  {
    does: 'names a host of its record: asked without our token',
    record: () => ({ fileOrigins: [peer.foreignBase] }),
    records: () => [note('d1', { url: `${peer.foreignBase}/d.pdf` })],
    script: () => ({ 'FOREIGN /d.pdf': sends(PDF, pdf) }),
    becomes: kept(PDF),
    also: () => expect(peer.strangers.map((s) => s.token)).toEqual([undefined]),
  },
  {
    does: 'has files that need no token: asked without it',
    records: () => one(),
    manifest: { requiresAccessToken: false },
    script: serves(sends(PDF, pdf)),
    becomes: kept(PDF),
    also: () => expect(asked('/fhir/Binary/b1').map((s) => s.token)).toEqual([undefined]),
  },
  {
    does: 'sends us on to a host of its record: followed, without our token',
    record: () => ({ fileOrigins: [peer.foreignBase] }),
    records: () => one(),
    script: () => ({
      ...serves((_, a) => void a.writeHead(302, { location: `${peer.foreignBase}/s3` }).end())(),
      'FOREIGN /s3': sends(PDF, pdf),
    }),
    becomes: kept(PDF),
    notes: ['peer-redirect'],
    also: () => expect(peer.strangers.map((s) => s.token)).toEqual([undefined]),
  },
  {
    does: 'sends us on elsewhere',
    records: () => one(),
    script: serves((_, a) => void a.writeHead(302, { location: `${peer.foreignBase}/s3` }).end()),
    becomes: not('foreign-origin'),
    also: () => expect(peer.strangers).toEqual([]),
  },
  {
    does: 'sends us in a circle',
    records: () => one(),
    script: serves((_, a) => void a.writeHead(302, { location: '/fhir/Binary/b1' }).end()),
    becomes: not('redirect'),
    also: () => expect(asked('/fhir/Binary/b1')).toHaveLength(6),
  },
  ...[
    ['looks like the peer', () => `${peer.base.replace(/:\d+$/, '')}.evil.example/d.pdf`, 'foreign-origin'],
    ['hides another host behind a name', () => `${peer.base.replace('//', '//peer.example@')}/d.pdf`, 'bad-url'],
    ['has another port', () => 'http://127.0.0.1:1/d.pdf', 'foreign-origin'],
    ['is a script', () => 'javascript:alert(1)', 'bad-url'],
    ['is a file of ours', () => 'file:///etc/passwd', 'bad-url'],
    ['is its own data', () => 'data:application/pdf;base64,JVBERi0=', 'bad-url'],
    ['leads to what tells a machine of itself', () => 'http://169.254.169.254/latest/meta-data', 'foreign-origin'],
  ].map(
    ([what, url, reason]): Row => ({
      does: `names an address that ${String(what)}`,
      records: () => [note('d1', { url: (url as () => string)() })],
      becomes: not(String(reason)),
      also: () => expect([peer.strangers, asked('/d.pdf')]).toEqual([[], []]),
    }),
  ),
  // where they stand
  {
    does: 'sends the Binary as a line of its own: it is not asked for again',
    records: () => [
      ...one(),
      {
        resourceType: 'Binary',
        id: 'b1',
        contentType: 'application/pdf',
        securityContext: { reference: 'Patient/p9' },
        data: PDF.toString('base64'),
      },
    ],
    becomes: kept(PDF),
    also: () => expect(asked('/fhir/Binary/b1')).toEqual([]),
  },
  {
    does: 'gives it in a claim',
    records: () => [claim(at('/fhir/Binary/b1'), 'application/pdf')],
    script: serves(sends(PDF, pdf)),
    becomes: kept(PDF),
  },
  {
    does: 'tells money in the text of a claim',
    records: () => [claim(at('/fhir/Binary/b1'), 'text/plain')],
    script: serves(sends('You owe $120.00', { 'content-type': 'text/plain' })),
    becomes: not('money-present'),
  },
  {
    does: 'gives it in the presented form of a report, which says no type',
    records: () => [
      {
        resourceType: 'DiagnosticReport',
        id: 'r1',
        status: 'final',
        code: { text: 'x-ray' },
        subject: { reference: 'Patient/p9' },
        presentedForm: [{ url: at('/fhir/Binary/b1') }],
      },
    ],
    script: serves(sends(PDF, pdf)),
    becomes: kept(PDF),
  },
  {
    does: 'gives it in an extension of a result',
    records: () => [
      {
        resourceType: 'Observation',
        id: 'o1',
        status: 'final',
        code: { text: 'x' },
        subject: { reference: 'Patient/p9' },
        extension: [
          { url: 'https://scripted.example/scan', valueAttachment: { url: at('/fhir/Binary/b1'), title: 'scan' } },
        ],
      },
    ],
    script: serves(sends(PDF, pdf)),
    becomes: kept(PDF),
  },
  {
    does: 'gives the bytes in the record as well',
    records: () => one({ data: text.toString('base64'), contentType: 'text/plain' }),
    becomes: not('in-the-record'),
    also: () => expect(asked('/fhir/Binary/b1')).toEqual([]),
  },
  {
    does: 'keeps the bytes apart from the record, which says so in their place',
    records: () => [note('d1', { ...apart('aBc'), size: PDF.length, hash: sha1(PDF) })],
    script: () => ({ [`GET ${APART_READ}`]: sends(PDF, pdf) }),
    becomes: kept(PDF),
    notes: [],
    also: () =>
      expect(asked(APART_READ).map((s) => [s.url.split('?')[1], s.token?.startsWith('Bearer t')])).toEqual([
        ['path=DocumentReference.content%5B0%5D.attachment', true],
      ]),
  },
  {
    does: 'keeps the bytes apart, and names them in two places: they are fetched once',
    records: () => [
      { ...note('d1', apart('aBc')), content: [{ attachment: apart('aBc') }, { attachment: apart('aBc') }] },
    ],
    script: () => ({ 'GET /fhir/DocumentReference/d1/$binary-access-read': sends(PDF, pdf) }),
    becomes: kept(PDF),
    notes: [],
  },
  {
    does: 'needs no token for its files, and keeps the bytes apart: what gives them is no file',
    manifest: { requiresAccessToken: false },
    records: () => [note('d1', apart('aBc'))],
    script: () => ({ [`GET ${APART_READ}`]: sends(PDF, pdf) }),
    becomes: kept(PDF),
    notes: [],
    also: () => expect(asked(APART_READ).map((s) => s.token?.startsWith('Bearer t'))).toEqual([true]),
  },
  {
    does: 'keeps the bytes apart, and does not give them: reported as of any address',
    records: () => [note('d1', apart('aBc'))],
    becomes: not('attachment-404'),
  },
];

test.each(ROWS)('$does', async (row) => {
  await peer.record(row.record?.() ?? {});
  const records = row.records();
  const rested = await peer.pull(gives(records, row.script?.(), row.manifest));
  expect([rested.state, await peer.ledger(rested.id)]).toEqual(['done', { created: records.length }]);
  await peer.attachments();
  expect(await lines()).toEqual(row.becomes);
  for (const form of await forms()) {
    expect(form).not.toContain(peer.base);
    expect(form).not.toContain(peer.foreignBase);
    expect(form).toMatch(
      row.becomes[0]?.state === 'kept' ? /"url":"Binary\/[0-9a-f]{32}"/ : /"_url":\{"id":"[0-9a-f]{32}","extension"/,
    );
  }
  // the record keeps its source
  const [source] =
    await sql()`select position('"url":' in body) > 0 as given from exchange.resource where origin = 'scripted' and shared is not null`;
  expect(source?.['given']).toBe(true);
  const files = await peer.node.deps.blobs.list('documents/');
  expect(files.map((f) => f.split('/').at(-1))).toEqual(row.becomes.flatMap((l) => l.sha256 ?? []));
  const found = await sql()<{ kind: string; n: number }[]>`
    select kind, sum(amount)::int as n from exchange.finding where pull_id = ${rested.id} and kind = 'attachment-not-fetched' group by kind`;
  const reason = row.becomes[0]?.reason ?? null;
  expect(found.map((f) => f.n)).toEqual(reason === null || reason === 'in-the-record' ? [] : [1]);
  if (reason !== null) expect(meaning('attachment', reason).text).not.toContain('no sentence');
  if (row.notes) expect(Object.keys(await peer.findings(rested.id)).sort()).toEqual([...row.notes].sort());
  row.also?.();
});

test('what is decided again of a record leaves an address of ours where one stood', async () => {
  const records = [note('d1', { url: at('/fhir/Binary/b1') }), note('d2', { url: `${peer.foreignBase}/d.pdf` })];
  await peer.pull(gives(records, { 'GET /fhir/Binary/b1': sends(PDF, pdf) }));
  await peer.attachments();
  const before = await forms();
  const [moved] = await sql()`select max(moved_at) as at from exchange.resource where origin = 'scripted'`;
  await sql()`update exchange.resource set labeller = null where origin = 'scripted' and member_id is not null`;
  await relabel(peer.node.deps);
  expect((await forms()).sort()).toEqual(before.sort());
  expect(before.join()).not.toContain(peer.base);
  expect([...(await sql()`select max(moved_at) as at from exchange.resource where origin = 'scripted'`)]).toEqual([
    moved,
  ]);
});

test('a large document within a record of a peer stays within it when it is decided again', async () => {
  await peer.pull(gives([note('d1', { data: PDF.toString('base64') })]));
  const state = () => sql()`select shared, moved_at from exchange.resource where source_id = 'd1'`;
  const before = await state();
  expect(before[0]?.['shared']).toBeNull();
  await sql()`update exchange.resource set labeller = null where source_id = 'd1'`;
  await relabel(peer.node.deps);
  expect([...(await state())]).toEqual([...before]);
});

test('of a copy that has not come it is not said that the file is no longer kept', async () => {
  const { id } = await peer.pull(gives([note('d1', { data: 'YQ==' })]));
  const { deps } = peer.node;
  const [file] = await sql()<{ position: number }[]>`
    select position from exchange.pull_file where pull_id = ${id} and blob_key is not null limit 1`;
  const at = { file: file?.position ?? -1, line: 1, entry: 0 };
  const look = async (blobs: Blobs) => {
    const line = await receivedLine({ ...deps, blobs }, id, at);
    return [await isKept({ blobs }, sql(), { pullId: id, ...at }), 'text' in line || line.fault];
  };
  const empty = { ...deps.blobs, get: async () => undefined };
  expect(await look(deps.blobs)).toEqual([true, true]);
  expect(await look(empty)).toEqual([false, 'The file is no longer kept.']);
  expect(await look({ ...empty, isCopy: true })).toEqual([
    true,
    'The file is not kept here: open this page at the node.',
  ]);
});

describe('coming again', () => {
  const good = { 'GET /fhir/Binary/b1': sends(PDF, pdf) };

  test('what is kept is not fetched again, unless the record is another version that does not say the same hash', async () => {
    const plain = note('d1', { url: at('/fhir/Binary/b1') });
    const fetches: number[] = [];
    const run = async (record: object) => {
      await peer.pull(gives([record], good));
      await peer.attachments();
      fetches.push(asked('/fhir/Binary/b1').length);
      expect(await lines()).toEqual(kept(PDF));
    };
    await run(plain);
    await run(plain);
    await run({ ...plain, description: 'another version' });
    const hashed = note('d1', { url: at('/fhir/Binary/b1'), hash: sha1(PDF) });
    await run(hashed);
    await run({ ...hashed, description: 'a third one' });
    expect(fetches).toEqual([1, 0, 1, 1, 0]);
    expect(await peer.node.deps.blobs.list('documents/')).toHaveLength(1);
  });

  test('a version that names it no more forgets it; one content of two records is one file', async () => {
    const both = { ...good, 'GET /fhir/Binary/b2': sends(PDF, pdf) };
    const two = [note('d1', { url: at('/fhir/Binary/b1') }), note('d2', { url: at('/fhir/Binary/b2') })];
    await peer.pull(gives(two, both));
    await peer.attachments();
    expect(await lines()).toEqual([...kept(PDF), ...kept(PDF)]);
    expect(await peer.node.deps.blobs.list('documents/')).toHaveLength(1);
    await peer.pull(
      gives([note('d1', { data: text.toString('base64'), contentType: 'text/plain' }), two[1] ?? {}], both),
    );
    expect(await lines()).toEqual(kept(PDF));
    const [form] = await sql()`select shared from exchange.resource where source_id = 'd1'`;
    expect(form?.['shared']).toBeNull();
  });

  test('what was not fetched is tried again with the next pull, when its host is allowed by then', async () => {
    const record = note('d1', { url: `${peer.foreignBase}/d.pdf` });
    await peer.pull(gives([record]));
    await peer.attachments();
    expect(await lines()).toEqual(not('foreign-origin'));
    await peer.record({ fileOrigins: [peer.foreignBase] });
    const again = await peer.pull(gives([record], { 'FOREIGN /d.pdf': sends(PDF, pdf) }));
    expect(await peer.ledger(again.id)).toEqual({ unchanged: 1 });
    await peer.attachments();
    expect(await lines()).toEqual(kept(PDF));
  });

  test('a file of a pull that is not there for a while is waited for, and the job at the peer is kept until then', async () => {
    const released = () => peer.seen.filter((s) => s.method === 'DELETE' && s.path === '/status/export').length;
    await peer.pull(gives([note('d1', { url: at('/fhir/Binary/b1') })], { 'GET /fhir/Binary/b1': status(503) }));
    await peer.node.worker.release();
    expect([(await lines())[0]?.state, released()]).toEqual(['due', 0]);
    await peer.attachments(gives([], good));
    expect([(await lines())[0]?.state, released()]).toEqual(['kept', 1]);
  });

  test('a record that is taken back is not fetched for', async () => {
    await peer.pull(gives([note('d1', { url: at('/fhir/Binary/b1') })], { 'GET /fhir/Binary/b1': status(503) }));
    await sql()`update exchange.resource set deleted = true where source_id = 'd1' and member_id is not null`;
    await peer.attachments(gives([], good));
    expect(await lines()).toEqual(not('record-gone'));
  });

  test('a process that dies between the file and the row loses nothing, and nothing is there twice', async () => {
    const { blobs } = peer.node.deps;
    const remove = blobs.delete.bind(blobs);
    let died: (() => void) | undefined;
    const death = new Promise<void>((done) => {
      died = done;
    });
    // the file is written under its hash; what would come next never ends
    blobs.delete = async (key) => {
      if (!key.startsWith('documents/coming/')) return remove(key);
      died?.();
      return new Promise<void>(() => {});
    };
    void peer.pull(gives([note('d1', { url: at('/fhir/Binary/b1') })], good)).catch(() => {});
    await death;
    blobs.delete = remove;
    expect((await lines())[0]?.state).toBe('due');
    const written = await blobs.list('documents/');
    expect(written.filter((f) => f.endsWith(sha256(PDF)))).toHaveLength(1);
    await peer.attachments();
    expect(await lines()).toEqual(kept(PDF));
    expect(await blobs.list('documents/')).toHaveLength(1);
    const audit =
      await sql()`select outcome from exchange.audit where action = 'attachment' and detail->>'sha256' = ${sha256(PDF)} and at > now() - interval '20 seconds'`;
    expect(audit.length).toBeGreaterThan(0);
  });

  test('a member who withdraws is not asked for', async () => {
    const { id } = await peer.pull(
      gives([note('d1', { url: at('/fhir/Binary/b1') })], { 'GET /fhir/Binary/b1': status(503) }),
    );
    await sql()`insert into exchange.consent (id, member_id, choice, policy, recorded_on, source)
      select 'gone', member_id, 'withdraw', 'regular', '2026-11-01', 'test' from exchange.pull_member where pull_id = ${id}`;
    await peer.attachments(gives([], good));
    expect([await lines(), asked('/fhir/Binary/b1').length]).toEqual([not('consent-withdrawn'), 1]);
  });
});

describe('what is pure', () => {
  test('addresses are found wherever they stand, once, and nothing else is taken for one', () => {
    const resource = {
      resourceType: 'Communication',
      id: 'x',
      extension: [{ url: 'https://a.example/not-one', valueCode: 'x' }],
      payload: [
        { contentAttachment: { url: 'https://a.example/1', size: 5, hash: 'aGFzaA==' } },
        { contentAttachment: { contentType: 'text/plain', url: 'https://a.example/1' } },
        { contentAttachment: { contentType: 'text/plain', url: '#inside' } },
        { contentAttachment: { contentType: 'text/plain', url: 'urn:oid:1.2' } },
      ],
      contained: [{ resourceType: 'Media', content: { url: 'Binary/2' } }],
    } as unknown as Resource;
    const found = addressesOf(resource, watchedIn(resource).names, 'https://a.example/fhir/');
    expect(found).toEqual([
      { written: '"url":"https://a.example/1"', url: 'https://a.example/1', size: 5, sha1: 'aGFzaA==' },
      { written: '"url":"Binary/2"', url: 'https://a.example/fhir/Binary/2' },
    ]);
    const without = withoutAddresses(JSON.stringify(resource), (w) => w.includes('/1"'));
    expect([...without.matchAll(/"url":"([^"]+)"/g)].map((m) => m[1])).toEqual([
      'https://a.example/not-one',
      '#inside',
      'urn:oid:1.2',
      'Binary/2',
    ]);
  });

  test('what comes is judged by what the record says', () => {
    const came = {
      media: 'application/pdf',
      head: PDF.subarray(0, 512),
      bytes: PDF.length,
      sha1: sha1(PDF),
      sha256: sha256(PDF),
    };
    const said = { media: 'application/pdf', size: null, sha1: null, sha256: null };
    expect(judgeAttachment(said, came)).toEqual({ media: 'application/pdf', isOtherType: false });
    expect(judgeAttachment(said, { ...came, media: 'application/octet-stream' })).toMatchObject({ isOtherType: false });
    expect(judgeAttachment({ ...said, media: null }, { ...came, media: '' })).toEqual({
      media: null,
      isOtherType: false,
    });
    expect(judgeAttachment({ ...said, media: 'text/xml' }, { ...came, media: 'application/cda+xml' })).toMatchObject({
      isOtherType: false,
    });
    // a server that keeps it apart says the SHA-256: right, it outweighs a wrong size
    expect(judgeAttachment({ ...said, size: 1, sha256: sha256(PDF) }, came)).toMatchObject({ isOtherType: false });
    expect(judgeAttachment({ ...said, size: PDF.length, sha256: sha256(Buffer.from('x')) }, came)).toMatchObject({
      reason: 'hash-mismatch',
    });
    expect(judgeAttachment(said, { ...came, head: gzipSync('x') })).toMatchObject({ reason: 'attachment-encoding' });
  });

  test('a Binary is read without what may be large beside its data', () => {
    const read = (body: string) => {
      const found = readBinary(Buffer.from(body));
      return found && [found.media, sha256(found.data)];
    };
    const data = PDF.toString('base64');
    const folded = data.replace(/.{76}/g, '$&\\r\\n').replaceAll('/', '\\/');
    const binary = { resourceType: 'Binary', contentType: 'application/pdf', data };
    const [whole, a, none] = [PDF, Buffer.from('a'), Buffer.alloc(0)].map(sha256);
    expect(read(JSON.stringify(binary))).toEqual(['application/pdf', whole]);
    const extension = [{ url: 'x', data: 'YQ==' }];
    expect(read(JSON.stringify({ ...binary, extension }, null, 2))).toEqual(['application/pdf', whole]);
    expect(read(`{"resourceType":"Binary","data":"${folded}"}`)).toEqual(['', whole]);
    expect(read('{"resourceType":"Binary","x":{"data":"YWFhYWFhYWE="},"data":"YQ=="}')).toEqual(['', a]);
    expect(read('{"resourceType":"Binary"}')).toEqual(['', none]);
    expect(read('{"resourceType":"Bundle","data":"YQ=="}')).toBeUndefined();
    expect(read('{"resourceType":"Binary","data":"YQ==')).toBeUndefined();
    expect(read(`{"resourceType":"Binary","data":"YQ==","x":[${'{},'.repeat(100_000)}{}]}`)).toBeUndefined();
  });

  test('a fault is tried again as often as a file, one of a peer that is away until the deadline', () => {
    const row = (attempts: number, hours = 1) => ({
      attempts,
      since: new Date(Date.UTC(2026, 0, 1) - hours * 3_600_000),
    });
    const now = new Date(Date.UTC(2026, 0, 1));
    const limits = { tries: 6, deadlineHours: 24 };
    const fault = (reason: string, isTransient = true, retryMs?: number) => ({ reason, isTransient, retryMs });
    expect(judgeAttachmentFault(fault('attachment-cut'), row(0), limits, now)).toEqual({ againMs: 1000 });
    expect(judgeAttachmentFault(fault('attachment-cut'), row(5), limits, now)).toEqual({ reason: 'attachment-cut' });
    expect(judgeAttachmentFault(fault('unreachable'), row(50), limits, now)).toEqual({ againMs: 900_000 });
    expect(judgeAttachmentFault(fault('unreachable'), row(50, 25), limits, now)).toEqual({ reason: 'unreachable' });
    expect(judgeAttachmentFault(fault('throttled', true, 7000), row(9), limits, now)).toEqual({ againMs: 7000 });
    expect(judgeAttachmentFault(fault('attachment-404', false), row(0), limits, now)).toEqual({
      reason: 'attachment-404',
    });
  });
});
