// More that a download client must survive, beside hostile-peer: what is odd on the wire, in a list of files, in lines and in deletions. Of each:
// where the pull comes to rest and why, what is recorded, noted and held. Nothing wrong is stored, and nothing is lost that is not told.
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  good,
  type Handler,
  json,
  ndjson,
  type Rested,
  type Script,
  type ScriptedPeer,
  scriptedPeer,
  sends,
  status,
  turns,
} from '../support/scripted-peer.ts';
import { lab } from './reconcile/reconcile-pull.ts';

let peer: ScriptedPeer;
beforeAll(async () => {
  peer = await scriptedPeer();
});
beforeEach(async () => {
  await peer.record({});
  await peer.node.deps.database.sql.unsafe(
    `delete from exchange.identity; delete from exchange.resource where origin = 'scripted'`,
  );
});
afterAll(() => peer.close());

type Row = {
  does: string;
  script: () => Script;
  state: string;
  reason?: string;
  ledger?: Record<string, number>;
  notes?: readonly string[];
  holds: readonly string[];
  /** pulled before, as something that is there */
  before?: () => Script;
  also?: (rested: Rested) => void | Promise<void>;
};

const two = ndjson(good('a'), good('b'));
const had = { state: 'done', ledger: { created: 2 }, notes: [], holds: ['a', 'b'] } as const;
const failed = { state: 'partial', reason: 'file-failed', ledger: {}, notes: [], holds: [] } as const;
const lists = (more: object, ...files: object[]): Script => ({
  'GET /status/export': (_, a) => json(a, peer.manifest(files.length > 0 ? files : [peer.file()], more)),
});
const serves = (handler: Handler): Script => ({ ...lists({}), 'GET /f/1': handler });
/** Bytes as they stand, and the end of the connection. */
const raw =
  (head: string, body = ''): Handler =>
  (_, a) =>
    void a.socket?.end(`${head}\r\n\r\n${body}`);
const cut =
  (at: number, headers: Record<string, string>): Handler =>
  (_, a) => {
    a.writeHead(200, { 'content-type': 'application/fhir+ndjson', 'content-length': String(two.length), ...headers });
    a.write(two.slice(0, at), () => setTimeout(() => a.destroy(), 10));
  };
const part =
  (from: number, headers: Record<string, string>): Handler =>
  (_, a) =>
    void a
      .writeHead(206, {
        'content-type': 'application/fhir+ndjson',
        'content-range': `bytes ${from}-${two.length - 1}/${two.length}`,
        ...headers,
      })
      .end(two.slice(from));
const deletes = (...lines: object[]): Script => ({
  'GET /f/1': sends(ndjson(good('c'))),
  ...lists({ deleted: [{ type: 'Bundle', url: `${peer.base}/f/gone` }] }),
  'GET /f/gone': sends(ndjson(...lines.map((l) => JSON.stringify(l)))),
});
const bundle = (more: object, ...requests: object[]) => ({
  resourceType: 'Bundle',
  type: 'transaction',
  entry: requests.map((request) => ({ request })),
  ...more,
});
const asked = (path: string) => peer.seen.filter((s) => s.path === path && s.method === 'GET');
const day = (days: number) => new Date(peer.node.deps.clock().getTime() + days * 86_400_000);

const ROWS: Row[] = [
  // the wire
  {
    does: 'speaks HTTP/1.0 and ends with the connection',
    script: () => serves(raw('HTTP/1.0 200 OK\r\ncontent-type: application/fhir+ndjson', two)),
    ...had,
  },
  {
    does: 'speaks HTTP/1.0, and breaks off within a line the first time',
    script: () =>
      serves(turns(raw('HTTP/1.0 200 OK\r\ncontent-type: application/fhir+ndjson', two.slice(0, -30)), sends(two))),
    ...had,
    notes: ['peer-file-cut'],
  },
  {
    does: 'ends its chunks with trailers',
    script: () =>
      serves(
        raw(
          'HTTP/1.1 200 OK\r\ncontent-type: application/fhir+ndjson\r\ntrailer: content-range, etag\r\ntransfer-encoding: chunked\r\nconnection: close',
          `${two.length.toString(16)}\r\n${two}\r\n0\r\ncontent-range: bytes 0-1/9\r\netag: "v9"\r\n\r\n`,
        ),
      ),
    ...had,
  },
  {
    does: 'ends without the last chunk, then right',
    script: () =>
      serves(
        turns(
          raw(
            'HTTP/1.1 200 OK\r\ncontent-type: application/fhir+ndjson\r\ntransfer-encoding: chunked\r\nconnection: close',
            `${two.length.toString(16)}\r\n${two}\r\n`,
          ),
          sends(two),
        ),
      ),
    ...had,
    notes: ['peer-file-cut'],
  },
  { does: 'says GZIP in capitals', script: () => serves(sends(gzipSync(two), { 'content-encoding': 'GZIP' })), ...had },
  { does: 'says x-gzip', script: () => serves(sends(gzipSync(two), { 'content-encoding': 'x-gzip' })), ...had },
  {
    does: 'says gzip and sends it as it is',
    script: () => serves(sends(two, { 'content-encoding': 'gzip' })),
    ...failed,
    notes: ['peer-file-corrupt'],
  },
  {
    does: 'packs by zstd',
    script: () => serves(sends(zstdCompressSync(two), { 'content-encoding': 'zstd' })),
    ...failed,
  },
  {
    does: 'packs by zstd and does not say so',
    script: () => serves(sends(zstdCompressSync(two))),
    state: 'partial',
    reason: 'too-many-held',
    ledger: {},
    notes: [],
    holds: [],
  },
  {
    does: 'names two codings',
    script: () => serves(sends(gzipSync(gzipSync(two)), { 'content-encoding': 'gzip, gzip' })),
    ...failed,
  },
  { does: 'answers 204 for a file', script: () => serves((_, a) => void a.writeHead(204).end()), ...failed },
  {
    does: 'answers 206 for a whole file and does not say which part',
    script: () => serves(sends(two, {}, 206)),
    ...failed,
    notes: ['peer-range'],
  },
  {
    does: 'answers 300 and leads nowhere',
    script: () => serves((_, a) => void a.writeHead(300).end()),
    state: 'partial',
    reason: 'file-failed',
    ledger: {},
    holds: [],
  },
  {
    does: 'leads a file on by 303 at its own address',
    script: () => ({ ...serves((_, a) => void a.writeHead(303, { location: '/f/2' }).end()), 'GET /f/2': sends(two) }),
    ...had,
    notes: ['peer-redirect'],
  },
  {
    does: 'has a weak entity tag and breaks off: from the start',
    script: () => serves(turns(cut(100, { etag: 'W/"v1"' }), sends(two))),
    ...had,
    notes: ['peer-file-cut'],
    also: () => expect(asked('/f/1').map((s) => s.headers.range)).toEqual([undefined, undefined]),
  },
  {
    does: 'answers the rest under another tag',
    script: () => serves(turns(cut(100, { etag: '"v1"' }), part(100, { etag: '"v2"' }), sends(two))),
    ...had,
    notes: ['peer-file-cut', 'peer-range'],
  },
  {
    does: 'answers the rest without a tag',
    script: () => serves(turns(cut(100, { etag: '"v1"' }), part(100, {}), sends(two))),
    ...had,
    notes: ['peer-file-cut', 'peer-range'],
  },
  {
    does: 'lets its token end amid a file',
    script: () => serves(turns(cut(100, { etag: '"v1"' }), status(401), part(100, { etag: '"v1"' }))),
    ...had,
    notes: ['peer-file-cut', 'peer-token'],
  },
  {
    does: 'sets cookies: none is sent back',
    script: () => serves(turns(status(503), sends(two, { 'set-cookie': 'a=b' }))),
    ...had,
    also: () => expect(peer.seen.some((s) => s.headers.cookie !== undefined)).toBe(false),
  },
  // the job and its list
  {
    does: 'packs its list of files',
    script: () => ({
      'GET /status/export': (_, a) =>
        void a
          .writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' })
          .end(gzipSync(JSON.stringify(peer.manifest([peer.file()])))),
    }),
    ...had,
  },
  {
    does: 'has a byte order mark before its list',
    script: () => ({
      'GET /status/export': (_, a) => json(a, `\ufeff${JSON.stringify(peer.manifest([peer.file()]))}`),
    }),
    ...had,
  },
  {
    does: 'ends its job by 303',
    script: () => ({
      'GET /status/export': (_, a) => void a.writeHead(303, { location: `${peer.base}/result` }).end(),
    }),
    state: 'review',
    reason: 'redirect',
    ledger: {},
    holds: [],
  },
  {
    does: 'names another place of its job while it runs',
    script: () => ({
      'GET /status/export': turns(
        (_, a) => void a.writeHead(202, { 'content-location': `${peer.base}/status/other` }).end(),
        (_, a) => json(a, peer.manifest([peer.file()])),
      ),
    }),
    ...had,
  },
  {
    does: 'says to come back at a time that is over',
    script: () => ({
      'GET /status/export': turns(
        (_, a) => void a.writeHead(202, { 'retry-after': day(-400).toUTCString() }).end(),
        (_, a) => json(a, peer.manifest([peer.file()])),
      ),
    }),
    ...had,
    notes: ['peer-retry-after'],
  },
  {
    does: 'says to come back in ten years',
    script: () => ({
      'GET /status/export': turns(
        (_, a) => void a.writeHead(202, { 'retry-after': day(3650).toUTCString() }).end(),
        (_, a) => json(a, peer.manifest([peer.file()])),
      ),
    }),
    ...had,
    notes: ['peer-retry-after'],
    also: ({ waited }) => expect(waited).toBeLessThan(3 * 3_600_000),
  },
  {
    does: 'has a clock that is a day ahead, and says by it to come back in ten seconds',
    script: () => ({
      'GET /status/export': turns(
        (_, a) =>
          void a
            .writeHead(202, {
              date: day(1).toUTCString(),
              'retry-after': new Date(day(1).getTime() + 10_000).toUTCString(),
            })
            .end(),
        (_, a) => json(a, peer.manifest([peer.file()])),
      ),
    }),
    ...had,
    also: ({ waited }) => expect(waited).toBeLessThan(120_000),
  },
  {
    does: 'lists one address as two types',
    script: () => lists({}, peer.file(), { ...peer.file(), type: 'Condition' }),
    ...had,
    notes: ['peer-duplicate-url'],
  },
  {
    does: 'has null among its files',
    script: () => ({
      'GET /status/export': (_, a) => json(a, peer.manifest([null as unknown as object, peer.file()])),
    }),
    state: 'failed',
    reason: 'manifest-malformed',
    ledger: {},
    holds: [],
  },
  {
    does: 'lists a file that is empty, of which it counts two lines',
    script: () => ({ ...lists({}, peer.file('/f/1', 2)), 'GET /f/1': sends('') }),
    state: 'unbalanced',
    reason: 'count-mismatch',
    holds: [],
  },
  {
    does: 'counts more lines than a number has places for',
    script: () => ({ ...lists({}, peer.file('/f/1', 1e300)), 'GET /f/1': sends(two) }),
    ...had,
    notes: ['peer-manifest-types'],
  },
  {
    does: 'answers the file with 202 and when to come, 201 and 203, then right',
    script: () =>
      serves(
        turns(
          (_, a) => void a.writeHead(202, { 'retry-after': '200' }).end(),
          status(201),
          sends('', {}, 203),
          sends(two),
        ),
      ),
    ...had,
    also: (rested) => expect(rested.waited).toBeGreaterThan(200_000),
  },
  {
    does: 'refuses a token without a word',
    script: () => ({ 'POST /token': (_, a) => void a.writeHead(400).end() }),
    state: 'refused',
    reason: 'token-400',
    ledger: {},
    notes: [],
    holds: [],
  },
  {
    does: 'says that it takes no client credentials and none of our signatures, and does',
    script: () => ({
      'GET /fhir/.well-known/smart-configuration': (_, a) =>
        json(a, {
          token_endpoint: `${peer.base}/token`,
          grant_types_supported: ['authorization_code'],
          token_endpoint_auth_signing_alg_values_supported: ['RS256'],
        }),
    }),
    ...had,
    notes: ['peer-algorithms', 'peer-grant-types'],
  },
  {
    does: 'sends a record without an id',
    script: () => serves(sends(ndjson(good('a'), '{"resourceType":"Observation"}', good('b')))),
    state: 'done',
    ledger: { created: 2, 'rejected missing-id': 1 },
    notes: ['peer-incomplete'],
    holds: ['a', 'b'],
    // mended there, it would not be among what changed
    also: (rested) => expect(rested.transactionTime).toBeNull(),
  },
  // lines
  {
    does: 'writes each record over several lines',
    script: () => serves(sends(JSON.stringify(JSON.parse(good('a')), null, 2))),
    state: 'partial',
    reason: 'too-many-held',
    ledger: {},
    holds: [],
  },
  {
    does: 'writes one list of records',
    script: () => serves(sends(`[${good('a')},${good('b')}]\n`)),
    state: 'partial',
    reason: 'too-many-held',
    ledger: {},
    holds: [],
  },
  {
    does: 'ends each line with a comma',
    script: () => serves(sends(`${good('a')},\n${good('b')},\n`)),
    state: 'partial',
    reason: 'too-many-held',
    ledger: {},
    holds: [],
  },
  {
    does: 'parts records by CR alone',
    script: () => serves(sends(`${good('a')}\r${good('b')}\r`)),
    state: 'partial',
    reason: 'too-many-held',
    ledger: {},
    holds: [],
  },
  {
    does: 'has the mark of a JSON sequence before each record',
    script: () => serves(sends(`\x1e${good('a')}\n\x1e${good('b')}\n`)),
    state: 'partial',
    reason: 'too-many-held',
    ledger: {},
    holds: [],
  },
  {
    does: 'has ids that differ by a capital alone: they are two',
    script: () => serves(sends(ndjson(good('a'), good('A')))),
    ...had,
    holds: ['A', 'a'],
  },
  {
    does: 'has a record twice, in other words and of one time: one is held',
    script: () =>
      serves(
        sends(
          ndjson(
            good('a'),
            JSON.stringify(lab('a', { subject: { reference: 'Patient/p9' }, note: [{ text: 'other' }] })),
          ),
        ),
      ),
    state: 'done',
    holds: ['a'],
  },
  {
    does: 'has separators of lines, and a NUL, within texts',
    script: () =>
      serves(
        sends(
          ndjson(
            JSON.stringify(lab('a', { subject: { reference: 'Patient/p9' }, note: [{ text: 'x\u2028y\u2029z' }] })),
            JSON.stringify(lab('b', { subject: { reference: 'Patient/p9' }, note: [{ text: 'x\u0000y' }] })),
          ),
        ),
      ),
    state: 'done',
    holds: ['a'],
  },
  // deletions
  {
    does: 'deletes by a batch instead of a transaction: nothing goes, the whole line is held',
    before: () => ({}),
    script: () =>
      deletes(
        bundle(
          { type: 'batch' },
          { method: 'DELETE', url: 'Observation/a' },
          { method: 'DELETE', url: 'Observation/b' },
        ),
      ),
    state: 'done',
    ledger: { created: 1, 'quarantined invalid-resource': 1 },
    holds: ['a', 'b', 'c'],
  },
  ...(
    [
      ['a method in small letters', () => [bundle({}, { method: 'delete', url: 'Observation/a' })]],
      ['a record instead of a Bundle', () => [JSON.parse(good('a')) as object]],
      [
        'an address of another server',
        () => [bundle({}, { method: 'DELETE', url: 'https://other.example/fhir/Observation/a' })],
      ],
      [
        'an entry without a request',
        () => [{ resourceType: 'Bundle', type: 'transaction', entry: [{ resource: JSON.parse(good('a')) as object }] }],
      ],
      ['a version of a record', () => [bundle({}, { method: 'DELETE', url: 'Observation/a/_history/1' })]],
    ] as const
  ).map(
    ([what, lines]): Row => ({
      does: `deletes by ${what}: nothing goes`,
      before: () => ({}),
      script: () => deletes(...lines()),
      state: 'done',
      ledger: { created: 1, 'quarantined invalid-resource': 1 },
      holds: ['a', 'b', 'c'],
    }),
  ),
];

test.each(ROWS)('$does', async (row) => {
  if (row.before) expect((await peer.pull(row.before())).state).toBe('done');
  const rested = await peer.pull(row.script(), { full: row.before === undefined });
  const is = {
    state: rested.state,
    reason: rested.reason,
    ledger: await peer.ledger(rested.id),
    notes: Object.keys(await peer.findings(rested.id)).sort(),
    holds: await peer.stored(),
  };
  expect(is).toEqual({
    state: row.state,
    reason: row.reason ?? null,
    ledger: row.ledger ?? is.ledger,
    notes: row.notes === undefined ? is.notes : [...row.notes].sort(),
    holds: [...row.holds],
  });
  await row.also?.(rested);
});
