// Everything that a download client must survive, as a table: what the peer does, where the pull comes to rest and why, what is
// in the ledger, what is noted about the peer, and what is held of the person afterwards. Nothing wrong is ever stored.

import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { readPeriod } from '../../exchange/compliance/report/period.ts';
import { localDay } from '../../exchange/members/deadlines/business-day.ts';
import { checkPeer } from '../../exchange/peers/check.ts';
import { findPeer } from '../../exchange/peers/peer.ts';
import { PEER_FAULTS } from '../../exchange/reconcile/peer-faults.ts';
import { meaning } from '../../exchange/reconcile/reasons.ts';
import { limitsOf } from '../../exchange/requester/client/limits.ts';
import { Look } from '../../exchange/requester/client/receive.ts';
import { dueToAsk } from '../../exchange/requester/coverage-due.ts';
import { pullMessages } from '../../exchange/requester/report/messages.ts';
import { toTell } from '../../exchange/requester/report/peer-messages.ts';
import { pullReport } from '../../exchange/requester/report/pull-report.ts';
import { renderReport } from '../../exchange/requester/report/render-report.ts';
import { heldBytes } from '../support/held-memory.ts';
import {
  good,
  groupOf,
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
  // every row begins with nothing of the peer
  await peer.node.deps.database.sql.unsafe(
    `delete from exchange.identity; delete from exchange.resource where origin = 'scripted'`,
  );
});
afterAll(() => peer.close());

type Row = {
  does: string;
  script: () => Script;
  record?: () => Record<string, unknown>;
  state: string;
  reason?: string;
  /** how many of each outcome are recorded */
  ledger?: Record<string, number>;
  /** noted about the peer; exactly these */
  notes?: readonly string[];
  /** ids of the records held afterwards */
  holds: readonly string[];
  also?: (rested: Rested) => void | Promise<void>;
};

const two = ndjson(good('a'), good('b'));
/** Does not pack well: a file of them is cut in its middle. */
const varied = (id: string): string =>
  JSON.stringify(
    lab(id, { subject: { reference: 'Patient/p9' }, note: [{ text: createHash('sha512').update(id).digest('hex') }] }),
  );
const big = ndjson(...Array.from({ length: 400 }, (_, i) => varied(`r${i}`)));
const bigIds = Array.from({ length: 400 }, (_, i) => `r${i}`).sort();
const packed = gzipSync(big);
const listing =
  (...files: object[]): Handler =>
  (_, a) =>
    json(a, peer.manifest(files));
const lists = (more: object, ...files: object[]): Script => ({
  'GET /status/export': (_, a) => json(a, peer.manifest(files.length > 0 ? files : [peer.file()], more)),
});
const serves = (handler: Handler): Script => ({ ...lists({}), 'GET /f/1': handler });
/** Sends a beginning and cuts the connection. */
const cut =
  (bytes: Buffer, at: number, headers: Record<string, string>): Handler =>
  (_, a) => {
    a.writeHead(200, { 'content-type': 'application/fhir+ndjson', 'content-length': String(bytes.length), ...headers });
    a.write(bytes.subarray(0, at), () => setTimeout(() => a.destroy(), 10));
  };
/** Answers with the rest that is asked for. */
const rest =
  (bytes: Buffer, headers: Record<string, string>, shift = 0, size: number | '*' = bytes.length): Handler =>
  (request, a) => {
    const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    a.writeHead(206, {
      'content-type': 'application/fhir+ndjson',
      'content-range': `bytes ${from + shift}-${bytes.length - 1}/${size}`,
      ...headers,
    }).end(bytes.subarray(from));
  };
/** A status line and nothing more, as no server of Node writes it. */
const bare =
  (code: number): Handler =>
  (_, a) =>
    void a.socket?.end(`HTTP/1.1 ${code} Odd\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);
type GroupMember = { entity: { reference: string } };
/** Its match Group, with another entry for the person. */
const inGroup = (entry: (usual: GroupMember) => object): Script => ({
  'GET /f/group': (_, a) => {
    const { body = '' } = peer.seen.find((s) => s.path.endsWith('$bulk-member-match')) ?? {};
    const group = groupOf([[/"id":"(m-[^"]+)"/.exec(body)?.[1] ?? '', 'p9']]) as { member: GroupMember[] };
    json(a, JSON.stringify({ ...group, member: group.member.map(entry) }), 200, {
      'content-type': 'application/fhir+ndjson',
    });
  },
});
const strong = { etag: '"v1"', 'content-encoding': 'gzip' };
const asked = (path: string) => peer.seen.filter((s) => s.path === path && s.method === 'GET');
const goodTwo = { ledger: { created: 2 }, holds: ['a', 'b'], state: 'done' } as const;
const goodBig = { ledger: { created: 400 }, holds: bigIds, state: 'done' } as const;

const ROWS: Row[] = [
  { does: 'all right', script: () => ({}), ...goodTwo, notes: [] },
  // transport
  ...[408, 423, 425].map(
    (code): Row => ({
      does: `${code} at each step, once: asked again`,
      script: () =>
        Object.fromEntries(
          Object.entries(peer.normal).map(([key, usual]) => [
            key,
            key.startsWith('DELETE') ? usual : turns(status(code), usual),
          ]),
        ),
      ...goodTwo,
    }),
  ),
  {
    does: '409 that says when',
    script: () => serves(turns((_, a) => json(a, {}, 409, { 'retry-after': '2' }), sends(two))),
    ...goodTwo,
  },
  {
    does: '409 that does not: a person decides',
    script: () => serves(status(409)),
    state: 'partial',
    reason: 'file-failed',
    holds: [],
  },
  {
    does: 'cuts a packed file whose entity tag is strong: the rest is asked for',
    script: () => serves(turns(cut(packed, 2000, strong), rest(packed, strong))),
    ...goodBig,
    notes: ['peer-file-cut'],
    also: () =>
      expect(asked('/f/1').map((s) => [s.headers.range, s.headers['if-range']])).toEqual([
        [undefined, undefined],
        ['bytes=2000-', '"v1"'],
      ]),
  },
  {
    does: 'cuts a plain file whose entity tag is strong',
    script: () => {
      const headers = { etag: '"v1"' };
      const bytes = Buffer.from(big);
      return serves(turns(cut(bytes, 5001, headers), rest(bytes, headers)));
    },
    ...goodBig,
    notes: ['peer-file-cut'],
  },
  {
    does: 'cuts again and again, a little further each time',
    script: () =>
      serves(
        turns(cut(packed, 500, strong), (request, a, body) => {
          const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
          if (from + 700 >= packed.length || from >= 1900) return rest(packed, strong)(request, a, body);
          a.writeHead(206, {
            'content-range': `bytes ${from}-${packed.length - 1}/${packed.length}`,
            'content-type': 'application/fhir+ndjson',
            ...strong,
          });
          a.write(packed.subarray(from, from + 700), () => setTimeout(() => a.destroy(), 10));
        }),
      ),
    ...goodBig,
    notes: ['peer-file-cut'],
  },
  {
    does: 'cuts a file without an entity tag: from the start again',
    script: () =>
      serves(turns(cut(packed, 2000, { 'content-encoding': 'gzip' }), sends(packed, { 'content-encoding': 'gzip' }))),
    ...goodBig,
    notes: ['peer-file-cut'],
    also: () => expect(asked('/f/1')[1]?.headers.range).toBeUndefined(),
  },
  {
    does: 'answers the rest with the whole of another version',
    script: () =>
      serves(turns(cut(packed, 2000, strong), sends(gzipSync(two), { etag: '"v2"', 'content-encoding': 'gzip' }))),
    ...goodTwo,
    notes: ['peer-file-cut'],
  },
  {
    does: 'answers the rest with another range, then right',
    script: () => serves(turns(cut(packed, 2000, strong), rest(packed, strong, 7), sends(packed, strong))),
    ...goodBig,
    notes: ['peer-file-cut', 'peer-range'],
  },
  {
    does: 'answers the rest with 416, then right',
    script: () => serves(turns(cut(packed, 2000, strong), status(416), sends(packed, strong))),
    ...goodBig,
    notes: ['peer-file-cut', 'peer-range'],
  },
  {
    does: 'answers the rest with a part of something else: what does not unpack is never taken',
    script: () => {
      const other = gzipSync(ndjson(...Array.from({ length: 400 }, (_, i) => varied(`x${i}`))));
      return serves(turns(cut(packed, 2000, strong), rest(other, strong, 0, '*'), sends(packed, strong)));
    },
    ...goodBig,
    notes: ['peer-file-cut', 'peer-file-corrupt'],
  },
  {
    does: 'says which part of the rest it sends, and sends as many bytes of another one',
    script: () =>
      serves(
        turns(
          cut(packed, 2000, strong),
          (_, a) => {
            const other = packed.subarray(2007);
            a.writeHead(206, {
              'content-type': 'application/fhir+ndjson',
              'content-range': `bytes 2000-${packed.length - 1}/${packed.length}`,
              'content-length': String(other.length),
              ...strong,
            }).end(other);
          },
          sends(packed, strong),
        ),
      ),
    ...goodBig,
    notes: ['peer-file-cut', 'peer-range'],
  },
  ...[410, 390].map((lines): Row => {
    const plain = Buffer.from(big);
    return {
      does: `has a file of ${lines} lines under the same strong tag when the rest of 400 is asked for: all of it is asked for`,
      script: () => {
        const other = Buffer.from(ndjson(...Array.from({ length: lines }, (_, i) => varied(`r${i}`))));
        const etag = { etag: '"v1"' };
        return serves(turns(cut(plain, 20_000, etag), rest(other, etag), sends(plain, etag)));
      },
      ...goodBig,
      notes: ['peer-file-cut', 'peer-range'],
    };
  }),
  ...(
    [
      ['to the end of a line, of a whole that no one reported the length of: all of it is asked for', '*'],
      ['as a part of less than itself: all of it is asked for', 1000],
    ] as const
  ).map(([what, size]): Row => {
    const plain = Buffer.from(big);
    return {
      does: `answers the rest of a plain file ${what}`,
      script: () => {
        const etag = { etag: '"v1"' };
        const untold: Handler = (_, a) => {
          a.writeHead(200, { 'content-type': 'application/fhir+ndjson', ...etag });
          a.write(plain.subarray(0, 20_000), () => setTimeout(() => a.destroy(), 10));
        };
        const toLine = plain.subarray(0, plain.indexOf(10, 80_000) + 1);
        return serves(turns(untold, rest(toLine, etag, 0, size), sends(plain, etag)));
      },
      ...goodBig,
      notes: ['peer-file-cut', 'peer-range'],
    };
  }),
  {
    does: 'publishes scopes and names that no database holds: those that can be asked for are',
    script: () => ({
      'GET /fhir/.well-known/smart-configuration': (_, a) =>
        json(a, { token_endpoint: `${peer.base}/token`, scopes_supported: ['system/\0.rs', '\ud800', 'system/*.rs'] }),
      'GET /fhir/metadata': (_, a) =>
        json(a, { resourceType: 'CapabilityStatement', fhirVersion: '4.0.1', software: { name: 'a\0b\ud800' } }),
    }),
    ...goodTwo,
    notes: [],
    also: async () => {
      const found = await findPeer(peer.node.deps.database.sql, 'scripted');
      expect(found?.abilities?.scopes).toEqual(['system/*.rs']);
      // what the daily look finds is kept too
      const checked = found && (await checkPeer(peer.node.deps, found, { kind: 'system', name: 'test' }));
      expect(checked).toMatchObject({ found: { software: 'a\ufffdb\ufffd' }, differs: [] });
    },
  },
  {
    does: 'sends more than the part that it says, without a length: it is damaged, and nothing is joined',
    script: () => {
      const plain = Buffer.from(big);
      const etag = { etag: '"v1"' };
      const overlaps: Handler = (_, a) => {
        const range = `bytes 20000-${plain.length - 1}/${plain.length}`;
        a.writeHead(206, { 'content-type': 'application/fhir+ndjson', 'content-range': range, ...etag });
        a.write(plain.subarray(19_990));
        a.end();
      };
      return serves(turns(cut(plain, 20_000, etag), overlaps, sends(plain, etag)));
    },
    ...goodBig,
    notes: ['peer-file-corrupt', 'peer-file-cut', 'peer-length'],
  },
  {
    does: 'sends all of a file as a part that no one asked for: it is all of it',
    script: () => serves(sends(two, { 'content-range': `bytes 0-${two.length - 1}/${two.length}` }, 206)),
    ...goodTwo,
    notes: [],
  },
  ...[200, 206].map(
    (code): Row => ({
      does: `sends a part that ends with a line as ${code} for all of a file, for ever: it is not taken for the whole`,
      script: () => {
        const half = ndjson(good('a'));
        const range = `bytes 0-${half.length - 1}/${two.length}`;
        return serves(sends(half, { 'content-range': range, etag: '"v1"' }, code));
      },
      state: 'partial',
      reason: 'file-failed',
      ledger: {},
      holds: [],
      notes: ['peer-range'],
      also: () => expect(asked('/f/1')).toHaveLength(6),
    }),
  ),
  {
    does: 'sends the rest that is asked for as 200: it is not taken for the whole',
    script: () => {
      const plain = Buffer.from(big);
      const from = plain.indexOf(10, 20_000) + 1;
      const etag = { etag: '"v1"' };
      const range = `bytes ${from}-${plain.length - 1}/${plain.length}`;
      return serves(
        turns(
          cut(plain, from, etag),
          sends(plain.subarray(from), { 'content-range': range, ...etag }),
          sends(plain, etag),
        ),
      );
    },
    ...goodBig,
    notes: ['peer-file-cut', 'peer-range'],
    also: () => expect(asked('/f/1').map((s) => s.headers.range !== undefined)).toEqual([false, true, false]),
  },
  {
    does: 'adds to a file between two tries under the same tag: it is fetched from its start',
    script: () => {
      const [short, plain] = [
        Buffer.from(ndjson(...bigIds.slice(0, 300).map(varied))),
        Buffer.from(ndjson(...bigIds.map(varied))),
      ];
      const etag = { etag: '"v1"' };
      return serves(turns(cut(short, 20_000, etag), rest(plain, etag), sends(plain, etag)));
    },
    ...goodBig,
    notes: ['peer-file-cut', 'peer-range'],
  },
  {
    does: 'sends gzip without its end',
    script: () =>
      serves(
        turns(sends(packed.subarray(0, packed.length - 10), { 'content-encoding': 'gzip' }), sends(packed, strong)),
      ),
    ...goodBig,
    notes: ['peer-file-cut'],
  },
  {
    does: 'sends damaged gzip for ever',
    script: () => {
      const broken = Buffer.from(packed);
      broken.fill(7, 1000, 1100);
      return serves(sends(broken, strong));
    },
    state: 'partial',
    reason: 'file-failed',
    notes: ['peer-file-corrupt'],
    holds: [],
  },
  {
    does: 'gives less than the rest that is asked for: what follows is asked for',
    script: () => {
      const bytes = Buffer.from(big);
      const headers = { etag: '"v1"' };
      return serves(
        turns(cut(bytes, 3000, headers), (request, a, body) => {
          const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
          // to the end of a line: nothing but the size that is reported says that there is more
          const to = bytes.indexOf(10, 80_000) + 1;
          if (from >= to) return rest(bytes, headers)(request, a, body);
          a.writeHead(206, {
            'content-range': `bytes ${from}-${to - 1}/${bytes.length}`,
            'content-type': 'application/fhir+ndjson',
            'content-length': String(to - from),
            ...headers,
          }).end(bytes.subarray(from, to));
        }),
      );
    },
    ...goodBig,
    notes: ['peer-file-cut'],
    also: () =>
      expect(asked('/f/1').map((s) => s.headers.range)).toEqual([
        undefined,
        'bytes=3000-',
        `bytes=${Buffer.from(big).indexOf(10, 80_000) + 1}-`,
      ]),
  },
  {
    does: 'sends nothing and says that it is packed',
    script: () => ({
      'GET /status/export': listing(peer.file('/f/1', 0), peer.file('/f/2', 2)),
      'GET /f/1': sends(Buffer.alloc(0), { 'content-encoding': 'gzip' }),
      'GET /f/2': sends(two),
    }),
    ...goodTwo,
    notes: [],
  },
  {
    does: 'sends a .gz file whose first byte comes alone',
    script: () =>
      serves((_, a) => {
        a.writeHead(200, { 'content-type': 'application/gzip' });
        a.write(packed.subarray(0, 1), () => setTimeout(() => a.end(packed.subarray(1)), 20));
      }),
    ...goodBig,
    notes: [],
  },
  {
    does: 'sends a file that is .gz itself',
    script: () => serves(sends(packed, { 'content-type': 'application/gzip' })),
    ...goodBig,
    notes: [],
  },
  {
    does: 'packs a .gz file once more',
    script: () => serves(sends(gzipSync(packed), { 'content-encoding': 'gzip' })),
    ...goodBig,
    notes: [],
  },
  {
    does: 'packs three times',
    script: () => serves(sends(gzipSync(gzipSync(packed)), { 'content-encoding': 'gzip' })),
    state: 'partial',
    reason: 'file-failed',
    holds: [],
  },
  {
    does: 'packs in a way that was not asked for',
    script: () => serves(sends(two, { 'content-encoding': 'br' })),
    state: 'partial',
    reason: 'file-failed',
    holds: [],
  },
  {
    does: 'sends a web page for a file',
    script: () => serves(sends('<html>Sign in</html>', { 'content-type': 'text/html' })),
    state: 'partial',
    reason: 'file-failed',
    holds: [],
  },
  {
    does: 'names no or another content type',
    script: () => serves(sends(two, { 'content-type': 'text/plain' })),
    ...goodTwo,
    notes: ['peer-content-type'],
  },
  {
    does: 'trickles',
    record: () => ({ limits: { slowWindowMs: 150, slowBytesPerSecond: 100_000, fileTries: 2 } }),
    script: () =>
      serves((_, a) => {
        a.writeHead(200, { 'content-type': 'application/fhir+ndjson' });
        const drop = setInterval(() => a.write(' '), 20);
        a.on('close', () => clearInterval(drop));
      }),
    state: 'partial',
    reason: 'file-failed',
    notes: ['peer-slow'],
    holds: [],
  },
  {
    does: 'sends interim answers without end before a file: it comes too slowly',
    record: () => ({ limits: { slowWindowMs: 150, fileTries: 2 } }),
    script: () =>
      serves((_, a) => {
        const hint = setInterval(() => a.socket?.write('HTTP/1.1 103 Early Hints\r\n\r\n'), 10);
        a.on('close', () => clearInterval(hint));
      }),
    state: 'partial',
    reason: 'file-failed',
    notes: ['peer-slow'],
    holds: [],
    also: async ({ id }) => {
      const [file] = await peer.node.deps.database.sql`select failure from exchange.pull_file where pull_id = ${id}`;
      expect(file?.['failure']).toBe('file-slow');
    },
  },
  ...(
    [
      ['two lengths', 'Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd'],
      ['a control character in a header', 'X-Progress: 9\x1b[1m\r\n\r\n'],
    ] as const
  ).map(
    ([what, rest]): Row => ({
      does: `answers with ${what}: it is there, and is no HTTP`,
      script: () => ({
        'GET /status/export': (_, a) => void a.socket?.end(`HTTP/1.1 200 OK\r\n${rest}`, 'latin1'),
      }),
      state: 'failed',
      reason: 'not-http',
      holds: [],
      also: async () => {
        expect(asked('/status/export')).toHaveLength(4);
        const found = await findPeer(peer.node.deps.database.sql, 'scripted');
        expect(found?.pausedUntil ?? null).toBeNull();
      },
    }),
  ),
  {
    does: 'is away amid the files for longer than a file is tried, and comes back',
    script: () => {
      const smart = 'GET /fhir/.well-known/smart-configuration';
      let away = 0;
      const there =
        (handler: Handler | undefined): Handler =>
        (request, a, body) =>
          away > 0 && away-- > 0 ? void a.destroy() : handler?.(request, a, body);
      return {
        ...serves(
          turns(
            (_, a) => {
              away = 14;
              a.destroy();
            },
            there(sends(two)),
          ),
        ),
        [smart]: there(peer.normal[smart]),
      };
    },
    ...goodTwo,
  },
  {
    does: 'is behind a gateway that knows nothing of it for longer than a file is tried',
    script: () => {
      const smart = 'GET /fhir/.well-known/smart-configuration';
      let away = 0;
      const there =
        (handler: Handler | undefined): Handler =>
        (request, a, body) =>
          away > 0 && away-- > 0 ? json(a, {}, 502) : handler?.(request, a, body);
      return {
        ...serves(
          turns(
            (_, a) => {
              away = 14;
              json(a, {}, 502);
            },
            there(sends(two)),
          ),
        ),
        [smart]: there(peer.normal[smart]),
      };
    },
    ...goodTwo,
  },
  {
    does: 'hangs up on one file each time, and is there',
    script: () => serves((_, a) => void a.destroy()),
    state: 'partial',
    reason: 'file-failed',
    holds: [],
    also: () => expect(asked('/f/1')).toHaveLength(6),
  },
  {
    does: '503 with an absurd time to wait',
    script: () => serves(turns((_, a) => json(a, {}, 503, { 'retry-after': '1e12' }), sends(two))),
    ...goodTwo,
    notes: ['peer-retry-after'],
  },
  {
    does: '429 on a file with an epoch time: five minutes at most',
    script: () => serves(turns((_, a) => json(a, {}, 429, { 'retry-after': '1800000000' }), sends(two))),
    ...goodTwo,
    notes: ['peer-retry-after'],
    also: ({ waited }) => expect(waited).toBeLessThan(400_000),
  },
  {
    does: '401 in mid list: one new token, finished files stay',
    script: () => ({
      'GET /status/export': listing(peer.file('/f/1', 2), peer.file('/f/2', 1)),
      'GET /f/2': turns(status(401), sends(ndjson(good('c')))),
    }),
    state: 'done',
    ledger: { created: 3 },
    notes: ['peer-token'],
    holds: ['a', 'b', 'c'],
    also: () => expect(asked('/f/1')).toHaveLength(1),
  },
  {
    does: '403 for one file: the others are had, a person decides',
    script: () => ({
      'GET /status/export': listing(peer.file('/f/1', 2), peer.file('/f/2', 1)),
      'GET /f/2': status(403),
    }),
    state: 'partial',
    reason: 'file-failed',
    holds: [],
    also: () => expect(asked('/f/1')).toHaveLength(1),
  },
  {
    does: 'lets a file expire and lists it under a fresh address',
    script: () => ({
      'GET /status/export': turns(listing(peer.file('/f/old?sig=1', 2)), listing(peer.file('/f/new?sig=2', 2))),
      'GET /f/old': status(410),
      'GET /f/new': sends(two),
    }),
    ...goodTwo,
    notes: ['peer-files-expired'],
  },
  {
    does: 'has files whose addresses differ in their query alone, and lets one go: none is taken for the other',
    script: () => {
      const first = turns(status(410), sends(two));
      return {
        'GET /status/export': listing(peer.file('/f?id=1'), peer.file('/f?id=2')),
        'GET /f': (request, a, body) =>
          (request.url === '/f?id=1' ? first : sends(ndjson(good('c'))))(request, a, body),
      };
    },
    state: 'done',
    ledger: { created: 3 },
    notes: ['peer-files-expired'],
    holds: ['a', 'b', 'c'],
    // both are asked for at once: either may come first
    also: () =>
      expect(
        asked('/f')
          .map((s) => s.url)
          .toSorted(),
      ).toEqual(['/f?id=1', '/f?id=1', '/f?id=2']),
  },
  {
    does: 'lets everything expire: one new export',
    script: () => ({
      'GET /status/export': turns(listing(peer.file('/f/old', 2)), status(404), listing(peer.file('/f/1', 2))),
      'GET /f/old': status(404),
    }),
    ...goodTwo,
    notes: ['peer-files-expired', 'peer-job-lost'],
    also: () => expect(peer.seen.filter((s) => s.path.endsWith('$davinci-data-export'))).toHaveLength(2),
  },
  {
    does: 'changes its manifest: what is new is taken, what is gone is reported',
    script: () => ({
      'GET /status/export': turns(
        listing(peer.file('/f/1', 2), peer.file('/f/gone', 9)),
        listing(peer.file('/f/1', 2), peer.file('/f/more', 1)),
      ),
      'GET /f/gone': status(404),
      'GET /f/more': sends(ndjson(good('c'))),
    }),
    state: 'partial',
    reason: 'file-failed',
    notes: ['peer-files-expired', 'peer-manifest-changed', 'peer-file-vanished'],
    holds: [],
    also: () => expect(asked('/f/more')).toHaveLength(1),
  },
  // redirects and origins
  {
    does: 'redirects a file to a host that its record allows: followed, without token',
    record: () => ({ fileOrigins: [peer.foreignBase] }),
    script: () => ({
      ...serves((_, a) => void a.writeHead(302, { location: `${peer.foreignBase}/s3` }).end()),
      'FOREIGN /s3': sends(two),
    }),
    ...goodTwo,
    notes: ['peer-redirect'],
    also: () => expect(peer.strangers.map((s) => s.token)).toEqual([undefined]),
  },
  {
    does: 'redirects there and back: the token does not come back',
    record: () => ({ fileOrigins: [peer.foreignBase] }),
    script: () => ({
      ...serves((_, a) => void a.writeHead(307, { location: `${peer.foreignBase}/s3` }).end()),
      'FOREIGN /s3': (_, a) => void a.writeHead(302, { location: `${peer.base}/f/back` }).end(),
      'GET /f/back': sends(two),
    }),
    ...goodTwo,
    notes: ['peer-redirect'],
    also: () => expect(asked('/f/back')[0]?.token).toBeUndefined(),
  },
  {
    does: 'redirects a file elsewhere',
    script: () => serves((_, a) => void a.writeHead(302, { location: `${peer.foreignBase}/s3` }).end()),
    state: 'partial',
    reason: 'file-failed',
    holds: [],
    also: () => expect(peer.strangers).toEqual([]),
  },
  {
    does: 'redirects a file in a circle',
    script: () => serves((_, a) => void a.writeHead(302, { location: '/f/1' }).end()),
    state: 'partial',
    reason: 'file-failed',
    notes: ['peer-redirect'],
    holds: [],
  },
  {
    does: 'lists a file at a host of its record that must have a token: refused',
    record: () => ({ fileOrigins: [peer.foreignBase] }),
    script: () => lists({}, { type: 'Observation', url: `${peer.foreignBase}/s3` }),
    state: 'partial',
    reason: 'file-failed',
    holds: [],
    also: () => expect(peer.strangers).toEqual([]),
  },
  {
    does: 'lists a file at a host of its record that needs no token',
    record: () => ({ fileOrigins: [peer.foreignBase] }),
    script: () => ({
      ...lists({ requiresAccessToken: false }, { type: 'Observation', url: `${peer.foreignBase}/s3` }),
      'FOREIGN /s3': sends(two),
    }),
    ...goodTwo,
    notes: [],
    also: () => expect(peer.strangers[0]?.token).toBeUndefined(),
  },
  {
    does: 'asks the token request on to another host',
    script: () => ({ 'POST /token': (_, a) => void a.writeHead(307, { location: `${peer.foreignBase}/t` }).end() }),
    state: 'review',
    reason: 'redirect',
    holds: [],
    also: () => expect(peer.strangers).toEqual([]),
  },
  // job and manifest
  {
    does: 'says 500 for a job that failed',
    script: () => ({
      'GET /status/export': status(500, { resourceType: 'OperationOutcome', issue: [{ code: 'processing' }] }),
    }),
    state: 'failed',
    reason: 'job-failed-500',
    holds: [],
    also: () => expect(asked('/status/export')).toHaveLength(1),
  },
  {
    does: 'says 500 for trouble that passes',
    script: () => ({
      'GET /status/export': turns(
        status(500, { resourceType: 'OperationOutcome', issue: [{ code: 'lock-error' }] }),
        listing(peer.file('/f/1', 2)),
      ),
    }),
    ...goodTwo,
  },
  {
    does: 'never has the export ready: given up, and cancelled there',
    script: () => ({ 'GET /status/export': (_, a) => void a.writeHead(202, { 'retry-after': '3600' }).end() }),
    state: 'failed',
    reason: 'peer-too-slow',
    notes: ['peer-never-ready'],
    holds: [],
    also: () => expect(peer.seen.filter((s) => s.method === 'DELETE').map((s) => s.path)).toContain('/status/export'),
  },
  {
    does: 'says in a header that it is still running',
    script: () => ({
      'GET /status/export': turns(
        (_, a) => json(a, '', 200, { 'x-export-status': '202 Accepted' }),
        listing(peer.file('/f/1', 2)),
      ),
    }),
    ...goodTwo,
    notes: [],
  },
  {
    does: 'answers the status with a web page, then right',
    script: () => ({
      'GET /status/export': turns(sends('<html>', { 'content-type': 'text/html' }), listing(peer.file('/f/1', 2))),
    }),
    ...goodTwo,
    notes: ['peer-not-json'],
  },
  {
    does: 'answers the status in Latin-1, then right',
    script: () => ({
      'GET /status/export': turns(
        sends(Buffer.from('{"transactionTime":"ñ"}', 'latin1')),
        listing(peer.file('/f/1', 2)),
      ),
    }),
    ...goodTwo,
    notes: [],
  },
  {
    does: 'has records whose contained ones lead to each other in circles and in a chain of thousands',
    script: () => {
      const person = { subject: { reference: 'Patient/p9' } };
      const within = (id: string, to: string) => ({
        resourceType: 'Observation',
        id,
        status: 'final',
        code: { text: 'x' },
        ...person,
        hasMember: [{ reference: to }],
      });
      const chain = Array.from({ length: 3000 }, (_, i) => within(`c${i}`, `#c${(i + 1) % 3000}`));
      return serves(
        sends(
          ndjson(
            JSON.stringify(
              lab('a', {
                ...person,
                contained: [within('one', '#two'), within('two', '#one')],
                derivedFrom: [{ reference: '#one' }],
              }),
            ),
            JSON.stringify(
              lab('b', {
                ...person,
                contained: [within('self', '#self'), within('whole', '#')],
                hasMember: [{ reference: '#' }],
              }),
            ),
            JSON.stringify(lab('c', { ...person, contained: chain, hasMember: [{ reference: '#c0' }] })),
          ),
        ),
      );
    },
    state: 'done',
    ledger: { created: 3 },
    notes: [],
    holds: ['a', 'b', 'c'],
    also: async () => {
      // what they contain is as it came: nothing of it was followed or left out
      const [row] = await peer.node.deps.database.sql<{ body: string }[]>`
        select body from exchange.resource where origin = 'scripted' and not deleted and body like '%"#c0"%'`;
      expect(JSON.parse(row?.body ?? '{}').contained).toHaveLength(3000);
    },
  },
  {
    does: 'has endless pages, each other than the last',
    record: () => ({ limits: { pages: 20 } }),
    script: () => {
      let n = 0;
      return {
        'GET /status/export': (_, a) => {
          n++;
          json(
            a,
            peer.manifest([peer.file(`/f/${n}`)], { link: [{ relation: 'next', url: `/status/export?page=${n}` }] }),
          );
        },
      };
    },
    state: 'failed',
    reason: 'manifest-loop',
    holds: [],
  },
  {
    does: 'has pages that always list the same',
    script: () => {
      let n = 0;
      return {
        'GET /status/export': (_, a) =>
          json(a, peer.manifest([peer.file()], { link: [{ relation: 'next', url: `/status/export?page=${++n}` }] })),
      };
    },
    state: 'failed',
    reason: 'manifest-loop',
    holds: [],
    also: () => expect(asked('/status/export')).toHaveLength(2),
  },
  {
    does: 'sends a manifest without end',
    record: () => ({ limits: { manifestBytes: 10_000 } }),
    script: () => lists({ note: 'x'.repeat(20_000) }),
    state: 'failed',
    reason: 'body-too-large',
    holds: [],
  },
  {
    does: 'lists too many files',
    record: () => ({ limits: { manifestFiles: 3 } }),
    script: () => lists({}, ...[1, 2, 3, 4].map((n) => peer.file(`/f/${n}`))),
    state: 'failed',
    reason: 'manifest-too-large',
    holds: [],
  },
  { does: 'lists nothing', script: () => ({ 'GET /status/export': listing() }), state: 'done', holds: [], notes: [] },
  {
    does: 'writes a manifest of the 4.0 ballot, with relative addresses, numbers as text, one file twice',
    script: () => ({
      'GET /status/export': (_, a) =>
        json(a, {
          manifestType: 'http://hl7.org/fhir/uv/bulkdata/StructureDefinition/BulkDataManifest',
          transactionTime: '2026-01-05T00:00:00Z',
          requiresAccessToken: 'true',
          outputFormat: 'application/fhir+ndjson',
          output: [
            { type: 'Observation', url: '/f/1', count: '2' },
            { type: 'Observation', url: '/f/1', count: 2 },
          ],
          outcome: [{ url: '/f/outcome', count: 1, countSeverity: [{ code: 'warning', count: 1 }] }],
        }),
      'GET /f/outcome': sends(
        ndjson(
          JSON.stringify({ resourceType: 'OperationOutcome', issue: [{ severity: 'warning', code: 'processing' }] }),
        ),
      ),
    }),
    ...goodTwo,
    notes: ['peer-relative-url', 'peer-manifest-types', 'peer-duplicate-url', 'peer-error-file'],
  },
  {
    does: 'lists one file under two addresses that differ behind the hash',
    script: () => ({ 'GET /status/export': listing(peer.file('/f/1#a', 2), peer.file('/f/1#b', 2)) }),
    ...goodTwo,
    notes: ['peer-duplicate-url'],
    also: () => expect(asked('/f/1')).toHaveLength(1),
  },
  {
    does: 'says a time before the last one: no watermark',
    script: () => lists({ transactionTime: undefined }),
    ...goodTwo,
    notes: ['peer-transaction-time'],
    also: async ({ id }) => {
      const [row] = await peer.node.deps.database.sql`select transaction_time as t from exchange.pull where id = ${id}`;
      expect(row?.['t']).toBeNull();
    },
  },
  ...['0000-01-01T00:00:00Z', '9999-12-31T23:59:59Z', '+020260-01-01T00:00:00Z', '2026-01-05', 'yesterday', 5].map(
    (transactionTime): Row => ({
      does: `says ${String(transactionTime)} for the time of its answer: no watermark`,
      script: () => lists({ transactionTime }),
      ...goodTwo,
      notes: ['peer-transaction-time'],
      also: ({ transactionTime: at }) => expect(at).toBeNull(),
    }),
  ),
  {
    does: 'packs a file in two gzip members, with zeros behind',
    script: () =>
      serves(
        sends(Buffer.concat([gzipSync(ndjson(good('a'))), gzipSync(ndjson(good('b'))), Buffer.alloc(512)]), {
          'content-encoding': 'gzip',
        }),
      ),
    ...goodTwo,
    notes: [],
  },
  {
    does: 'packs a file in two gzip members with zeros between, where unpacking ends: nothing of it is taken',
    script: () =>
      serves(
        sends(Buffer.concat([gzipSync(ndjson(good('a'))), Buffer.alloc(3), gzipSync(ndjson(good('b')))]), {
          'content-encoding': 'gzip',
        }),
      ),
    state: 'partial',
    reason: 'file-failed',
    ledger: {},
    holds: [],
    notes: ['peer-file-corrupt'],
  },
  {
    does: 'packs a file in two gzip members, of which the second is cut: nothing of it is taken',
    script: () =>
      serves(
        sends(Buffer.concat([gzipSync(ndjson(good('a'))), gzipSync(ndjson(good('b'))).subarray(0, 40)]), {
          'content-encoding': 'gzip',
        }),
      ),
    state: 'partial',
    reason: 'file-failed',
    ledger: {},
    holds: [],
    notes: ['peer-file-cut'],
  },
  {
    does: 'names our own address as that of its job: nothing of ours is asked, a person looks',
    script: () => ({
      'POST /fhir/Group/g1/$davinci-data-export': (_, a) =>
        void a.writeHead(202, { 'content-location': `${peer.node.base}/exchange/fhir/metadata` }).end(),
    }),
    state: 'review',
    reason: 'foreign-origin',
    ledger: {},
    holds: [],
    notes: [],
  },
  {
    does: 'names two addresses for its job: neither is asked',
    script: () => ({
      'POST /fhir/Group/g1/$davinci-data-export': (_, a) =>
        void a
          .writeHead(202, [
            'content-location',
            `${peer.base}/status/export`,
            'content-location',
            `${peer.foreignBase}/status`,
          ])
          .end(),
    }),
    state: 'failed',
    reason: 'job-lost',
    ledger: {},
    holds: [],
    notes: ['peer-job-lost'],
  },
  {
    does: 'keeps its messages on another host: they are not asked for, and that it has some is reported',
    script: () => lists({ error: [{ type: 'OperationOutcome', url: `${peer.foreignBase}/messages` }] }),
    ...goodTwo,
    notes: ['peer-error-file', 'peer-incomplete'],
  },
  {
    does: 'sends records among its messages: none is taken',
    script: () => ({
      ...lists({ error: [{ type: 'OperationOutcome', url: `${peer.base}/f/messages` }] }),
      'GET /f/messages': sends(ndjson(good('m1'), good('m2'))),
    }),
    ...goodTwo,
    notes: ['peer-error-file', 'peer-incomplete'],
  },
  {
    does: 'says of a file that its type is an object',
    script: () => lists({}, { ...peer.file(), type: { code: 'Observation' } }),
    ...goodTwo,
    notes: ['peer-manifest-types'],
  },
  {
    does: 'puts a name and a password into the address of a file: nothing is sent there',
    script: () => lists({}, { ...peer.file(), url: `${peer.base.replace('//', '//user:word@')}/f/1` }),
    state: 'partial',
    reason: 'file-failed',
    ledger: {},
    holds: [],
    notes: [],
    also: () => expect(asked('/f/1')).toEqual([]),
  },
  {
    does: 'declares fewer lines than it sends',
    script: () => lists({}, peer.file('/f/1', 1)),
    state: 'unbalanced',
    reason: 'count-mismatch',
    holds: [],
  },
  {
    does: 'declares more lines than it sends',
    script: () => lists({}, peer.file('/f/1', 3)),
    state: 'unbalanced',
    reason: 'count-mismatch',
    holds: [],
  },
  ...[999, 101].map(
    (code): Row => ({
      does: `answers a file, and then where it stands, with status ${code}: that is no answer, and no fault of ours`,
      script: () => ({
        'GET /status/export': turns(bare(code), listing(peer.file('/f/1', 2))),
        'GET /f/1': turns(bare(code), sends(two)),
      }),
      ...goodTwo,
      notes: [],
    }),
  ),
  {
    does: 'has nothing but a status that is none for a file',
    script: () => serves(bare(999)),
    state: 'partial',
    reason: 'file-failed',
    ledger: {},
    holds: [],
    also: () => expect(asked('/f/1')).toHaveLength(6),
  },
  {
    does: 'answers the rest in parts of parts',
    script: () =>
      serves(
        turns(
          cut(packed, 2000, strong),
          (_, a) =>
            void a
              .writeHead(206, { ...strong, 'content-type': 'multipart/byteranges; boundary=x' })
              .end(packed.subarray(2000)),
          sends(packed, strong),
        ),
      ),
    ...goodBig,
    notes: ['peer-file-cut', 'peer-range'],
  },
  ...[5, {}, undefined, ['/status/export?page=2']].map(
    (url): Row => ({
      does: `has a next page at ${JSON.stringify(url)}: files would be missing`,
      script: () =>
        lists({
          link: [
            { relation: 'self', url: '/status/export' },
            { relation: 'Next', url },
          ],
        }),
      state: 'failed',
      reason: 'manifest-malformed',
      ledger: {},
      holds: [],
      notes: [],
    }),
  ),
  ...['/status/export?page=2', [['next', '/status/export?page=2']]].map(
    (link): Row => ({
      does: `writes ${JSON.stringify(link)} for its links`,
      script: () => lists({ link }),
      state: 'failed',
      reason: 'manifest-malformed',
      ledger: {},
      holds: [],
    }),
  ),
  {
    does: 'has two next pages: one would be missing',
    script: () => lists({ link: [2, 3].map((n) => ({ relation: 'next', url: `/status/export?page=${n}` })) }),
    state: 'failed',
    reason: 'manifest-malformed',
    ledger: {},
    holds: [],
  },
  {
    does: 'says null for the next page: there is none',
    script: () => lists({ link: { relation: 'next', url: null } }),
    ...goodTwo,
    notes: [],
  },
  {
    does: 'answers with a person who is no longer in its Group: no one is matched',
    script: () => inGroup((m) => ({ ...m, inactive: true })),
    state: 'failed',
    reason: 'no-answer',
    ledger: {},
    holds: [],
    notes: [],
    also: () => expect(asked('/f/1')).toEqual([]),
  },
  {
    does: 'answers with a person of another server: who has the same id here is not meant',
    script: () =>
      inGroup((m) => ({ entity: { ...m.entity, reference: `${peer.foreignBase}/fhir/${m.entity.reference}` } })),
    state: 'failed',
    reason: 'no-answer',
    ledger: {},
    holds: [],
    notes: ['peer-match-stray'],
    also: () => expect(asked('/f/1')).toEqual([]),
  },
  {
    does: 'answers with its own person, named in full',
    script: () => inGroup((m) => ({ entity: { ...m.entity, reference: `${peer.base}/fhir/${m.entity.reference}` } })),
    ...goodTwo,
    notes: [],
  },
  {
    does: 'gives tokens that are over at once',
    script: () => ({
      'POST /token': (_, a) => json(a, { access_token: 'brief', token_type: 'Bearer', expires_in: 0 }),
    }),
    ...goodTwo,
    notes: [],
  },
  {
    does: 'writes UTF-16',
    script: () => serves(sends(Buffer.from(`\ufeff${two}`, 'utf16le'))),
    state: 'partial',
    reason: 'too-many-held',
    holds: [],
  },
  {
    does: 'writes what no two readers read alike: nothing of it is taken',
    script: () =>
      serves(
        sends(
          ndjson(
            good('a').replace('"subject":', '"subject":{"reference":"Patient/p10"},"subject":'),
            good('b').replace(/\}$/, ',"id":"c"}'),
            good('d').replace('"status":', '"note":[{"text":"\\ud800"}],"status":'),
            good('e').replace('"status":', '"note":[{"text":"\\u0000"}],"status":'),
            good('f').replace(
              '"status":',
              `"extension":${'[{"extension":'.repeat(20_000)}[]${'}]'.repeat(20_000)},"status":`,
            ),
            good('g').replace('"status":', '"valueInteger":1e400,"status":'),
            good('h').replace('Patient/p9', 'Patient/p10/../p9'),
            good('i').replace('Patient/p9', 'Patient/%70%39'),
            good('j') + good('k'),
            good('l'),
          ),
        ),
      ),
    state: 'done',
    ledger: {
      created: 1,
      'quarantined invalid-resource': 6,
      'quarantined dangling-reference': 2,
      'rejected invalid-json': 1,
    },
    notes: ['peer-incomplete'],
    holds: ['l'],
  },
  {
    does: 'deletes what others sent, what matches a search, and what is written as something else',
    script: () => ({
      ...lists({ deleted: [{ type: 'Bundle', url: `${peer.base}/f/gone` }] }),
      'GET /f/gone': sends(
        ndjson(
          JSON.stringify({
            resourceType: 'Bundle',
            type: 'transaction',
            entry: [
              'Observation/own-1',
              'Observation?patient=p9',
              'Observation/../Patient/p9',
              `${peer.foreignBase}/fhir/Observation/a`,
              'Observation/a/_history/1',
            ].map((url) => ({ request: { method: 'DELETE', url } })),
          }),
        ),
      ),
    }),
    state: 'done',
    ledger: { created: 2, 'retracted deleted-at-source': 1, 'quarantined invalid-resource': 4 },
    notes: [],
    holds: ['a', 'b'],
  },
  // content
  {
    does: 'sends records of other people, a few',
    script: () => serves(sends(ndjson(good('a'), JSON.stringify(lab('x', { subject: { reference: 'Patient/p10' } }))))),
    state: 'done',
    ledger: { created: 1, 'quarantined wrong-patient': 1 },
    notes: [],
    holds: ['a'],
  },
  {
    does: 'sends records of other people, many: nothing is taken before a person has looked',
    script: () =>
      serves(
        sends(
          ndjson(
            good('a'),
            ...Array.from({ length: 60 }, (_, i) =>
              JSON.stringify(lab(`x${i}`, { subject: { reference: 'Patient/p10' } })),
            ),
          ),
        ),
      ),
    state: 'partial',
    reason: 'too-many-held',
    holds: [],
  },
  {
    does: 'sends lines that are none, byte order mark, CRLF, blank lines, no last newline',
    script: () =>
      serves(
        sends(
          `\ufeff${good('a')}\r\n\r\n\n{"broken\n[1]\n{"resourceType":"Observation"}\n{"resourceType":"Observation","id":"../x"}\n${good('b')}`,
        ),
      ),
    state: 'done',
    ledger: { created: 2, 'rejected invalid-json': 1, 'rejected not-a-resource': 1, 'rejected missing-id': 2 },
    // whatever the line was that cannot be read, it would not come again among what changed
    notes: ['peer-incomplete'],
    holds: ['a', 'b'],
    also: (rested) => expect(rested.transactionTime).toBeNull(),
  },
  {
    does: 'writes names of members with escapes: they are what they are',
    script: () =>
      serves(
        sends(
          ndjson(
            good('a').replace('"id":', '"\\u0069d":'),
            good('b').replace('"reference":"Patient/p9"', '"refer\\u0065nce":"Patient\\/p9"'),
            good('c').replace('"meta":', '"met\\u0061":'),
            good('d').replace(
              '"status":',
              '"modifi\\u0065rExtension":[{"url":"https://x.example","valueString":"x"}],"status":',
            ),
          ),
        ),
      ),
    state: 'done',
    ledger: { created: 3, 'quarantined modifier-extension': 1 },
    notes: [],
    holds: ['a', 'b', 'c'],
    also: async () => {
      const rows = await peer.node.deps.database.sql<{ id: string; memberId: string; body: string }[]>`
        select id, member_id as "memberId", body from exchange.resource where origin = 'scripted'`;
      for (const { id, memberId, body } of rows)
        expect(JSON.parse(body)).toMatchObject({
          id,
          meta: { versionId: '1' },
          subject: { reference: `Patient/${memberId}` },
        });
    },
  },
  {
    does: 'has a byte order mark before each line, and speaks of a fault in between',
    script: () =>
      serves(
        sends(
          `\ufeff${good('a')}\n\ufeff${good('b')}\n{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"exception"}]}\n`,
        ),
      ),
    state: 'done',
    ledger: { created: 2, 'rejected not-a-resource': 1 },
    // what it could not give does not come by itself
    notes: ['peer-error-file', 'peer-incomplete'],
    holds: ['a', 'b'],
    also: async (rested) => {
      expect(rested.transactionTime).toBeNull();
      const report = await pullReport(peer.node.deps, rested.id);
      expect(report?.messages).toEqual([{ severity: 'error', code: 'exception', n: 1 }]);
    },
  },
  {
    does: 'has a warning, and a Bundle, among the records',
    script: () =>
      serves(
        sends(
          ndjson(
            good('a'),
            JSON.stringify({ resourceType: 'OperationOutcome', issue: [{ severity: 'warning', code: 'processing' }] }),
            JSON.stringify({ resourceType: 'Bundle', type: 'collection' }),
          ),
        ),
      ),
    state: 'done',
    ledger: { created: 1, 'rejected not-a-resource': 2 },
    notes: ['peer-error-file'],
    holds: ['a'],
    also: async (rested) => {
      expect(rested.transactionTime).not.toBeNull();
      const said = await pullMessages(peer.node.deps, rested.id);
      expect(said?.messages.map((m) => [m.line, m.severity])).toEqual([[2, 'warning']]);
    },
  },
  {
    does: 'hides records of others within records of the person',
    script: () => {
      const within = (id: string, more: object) =>
        good(id).replace('"subject":', `"contained":[${JSON.stringify(more)}],"subject":`);
      const about = (reference: string) => ({ ...lab('w', { subject: { reference } }) });
      return serves(
        sends(
          ndjson(
            within('a', about('Patient/p9')),
            within('b', about('Patient/p10')),
            within('c', about('https://other.example/fhir/Patient/p9')),
            within('d', { resourceType: 'Coverage', id: 'w', beneficiary: { reference: 'Patient/p10' } }),
            within('e', { resourceType: 'Practitioner', id: 'w', name: [{ family: 'Lee' }] }),
            within('f', { resourceType: 'List', id: 'w', subject: { reference: 'Patient/p10' } }),
            within('g', { resourceType: 'Bundle', id: 'w', entry: [{ resource: about('Patient/p10') }] }),
            within('h', {
              resourceType: 'Parameters',
              id: 'w',
              parameter: [{ name: 'x', resource: about('Patient/p9') }],
            }),
            within('i', { resourceType: 'Provenance', id: 'w', target: [{ reference: 'Patient/p10' }] }),
            JSON.stringify({ resourceType: 'Organization', id: 'o', name: 'O', contained: [about('Patient/p10')] }),
          ),
        ),
      );
    },
    state: 'done',
    ledger: { created: 3, 'quarantined wrong-patient': 7 },
    holds: ['a', 'e', 'h'],
  },
  {
    does: 'contains Patients: who was born on another day is another person, when something else that it contains is about them',
    script: () => {
      const whole = (id: string, ...contained: object[]) => JSON.stringify({ ...JSON.parse(good(id)), contained });
      const person = (birthDate?: string) => ({
        resourceType: 'Patient',
        id: 'x',
        ...(birthDate ? { birthDate } : {}),
      });
      const subject = { reference: '#x' };
      const about = { resourceType: 'Observation', id: 'w', status: 'final', code: { text: 'x' }, subject };
      return serves(
        sends(
          ndjson(
            whole('a', person('1974-12-25'), about),
            whole('b', person('1999-03-04'), about),
            whole('c', person('1999-03-04'), { resourceType: 'List', id: 'w', subject }),
            // the mother of a newborn, and whom no one knows the birth date of
            whole('d', person('1999-03-04'), {
              resourceType: 'RelatedPerson',
              id: 'w',
              patient: { reference: 'Patient/p9' },
            }),
            whole('e', person('1900-01-01'), about),
            whole('f', person(), about),
            whole('g', person('1974'), about),
            JSON.stringify({
              ...JSON.parse(good('h')),
              contained: [person('1999-03-04')],
              performer: [{ reference: '#x' }],
            }),
            whole('i', { ...person(), name: [{ family: 'Rivera', given: ['Ana'] }] }, about),
            whole('j', { ...person(), name: [{ family: 'Rivera', given: ['Lucia'] }] }, about),
          ),
        ),
      );
    },
    state: 'done',
    ledger: { created: 7, 'quarantined wrong-patient': 2, 'quarantined contained-person': 1 },
    holds: ['a', 'd', 'e', 'f', 'g', 'h', 'i'],
  },
  {
    does: 'hides what is sensitive within a record, and writes its base with a slash too many',
    script: () => {
      const label = { security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'PSY' }] };
      const contained = [{ resourceType: 'Condition', id: 'c', meta: label, subject: { reference: 'Patient/p9' } }];
      return serves(
        sends(
          ndjson(
            JSON.stringify(lab('a', { subject: { reference: 'Patient/p9' }, contained })),
            good('b').replace('Patient/p9', `${peer.base}/fhir//Patient/p9`),
          ),
        ),
      );
    },
    state: 'done',
    ledger: { created: 1, 'quarantined consent-scope': 1 },
    notes: [],
    holds: ['b'],
  },
  {
    does: 'sends bytes that are no UTF-8, and a character cut by chunks',
    script: () =>
      serves((_, a) => {
        const line = Buffer.from(
          `${JSON.stringify(lab('u', { subject: { reference: 'Patient/p9' }, note: [{ text: 'café ☃' }] }))}\n`,
        );
        a.writeHead(200, { 'content-type': 'application/fhir+ndjson' });
        a.write(Buffer.from([0x7b, 0xff, 0xfe, 0x0a]));
        const at = line.indexOf(Buffer.from('☃')) + 1;
        a.write(line.subarray(0, at), () => setTimeout(() => a.end(line.subarray(at)), 20));
      }),
    state: 'done',
    ledger: { created: 1, 'rejected invalid-json': 1 },
    notes: ['peer-incomplete'],
    holds: ['u'],
  },
  {
    does: 'names the same record in output and in deletions',
    script: () => ({
      ...lists({ deleted: [{ type: 'Bundle', url: `${peer.base}/f/d`, count: 1 }] }),
      'GET /f/d': sends(
        ndjson(
          JSON.stringify({
            resourceType: 'Bundle',
            type: 'transaction',
            entry: [{ request: { method: 'DELETE', url: 'Observation/a' } }],
          }),
        ),
      ),
    }),
    state: 'done',
    ledger: { created: 2, 'unchanged duplicate-in-job': 1 },
    notes: [],
    holds: ['a', 'b'],
  },
  {
    does: 'breaks off within a line of an answer that says nothing of its length: fetched once more',
    script: () => ({
      ...lists({}, peer.file()),
      'GET /f/1': turns(
        (request) =>
          void request.socket.end(
            `HTTP/1.0 200 OK\r\ncontent-type: application/fhir+ndjson\r\nconnection: close\r\n\r\n${two.slice(0, -200)}`,
          ),
        sends(two),
      ),
    }),
    ...goodTwo,
    notes: ['peer-file-cut'],
  },
  {
    does: 'breaks off within a line each time, and counts nothing: what came is taken, and no time is kept',
    script: () => ({
      ...lists({}, peer.file()),
      'GET /f/1': (request) =>
        void request.socket.end(
          `HTTP/1.0 200 OK\r\ncontent-type: application/fhir+ndjson\r\nconnection: close\r\n\r\n${two.slice(0, -200)}`,
        ),
    }),
    state: 'done',
    ledger: { created: 1, 'rejected invalid-json': 1 },
    holds: ['a'],
    notes: ['peer-file-cut', 'peer-incomplete'],
    also: async (rested) => {
      expect(rested.transactionTime).toBeNull();
      const report = await pullReport(peer.node.deps, rested.id);
      const page = report ? renderReport(report, 'html') : '';
      expect([page.includes('may not be whole'), page.includes('Nothing was lost')]).toEqual([true, false]);
    },
  },
  {
    does: 'ends in a line that is none, with its line end, and counts nothing: the line is reported, and asked for again',
    script: () => ({
      ...lists({}, peer.file()),
      'GET /f/1': sends(`${two}{"resourceType":"Observation","id":"c","status"\n`),
    }),
    state: 'done',
    ledger: { created: 2, 'rejected invalid-json': 1 },
    holds: ['a', 'b'],
    notes: ['peer-incomplete'],
    also: (rested) => {
      expect(rested.transactionTime).toBeNull();
      expect(asked('/f/1')).toHaveLength(1);
    },
  },
  {
    does: 'ends in a line that is none, as it had counted: what that was is asked for again',
    script: () => ({ ...lists({}, peer.file('/f/1', 3)), 'GET /f/1': sends(`${two}none`) }),
    state: 'done',
    ledger: { created: 2, 'rejected invalid-json': 1 },
    holds: ['a', 'b'],
    notes: ['peer-file-cut', 'peer-incomplete'],
    also: (rested) => expect(rested.transactionTime).toBeNull(),
  },
  {
    does: 'sends the Group that was asked for, and another one',
    script: () => {
      const group = (id: string) => JSON.stringify({ resourceType: 'Group', id, type: 'person', actual: true });
      return serves(sends(ndjson(good('a'), group('g1'), group('g2'))));
    },
    state: 'done',
    ledger: { created: 1, 'unchanged asked-group': 1, 'quarantined unknown-type': 1 },
    holds: ['a'],
    notes: [],
  },
  {
    does: 'names types as things of the language are named',
    script: () =>
      serves(
        sends(ndjson(...['constructor', 'toString'].map((t) => good(t).replace('"Observation"', `"${t}"`)), good('a'))),
      ),
    state: 'done',
    ledger: { created: 1, 'quarantined unknown-type': 2 },
    notes: [],
    holds: ['a'],
  },
  {
    does: 'hides scripts and addresses in the text of records: it is dropped, pictures within stay',
    script: () =>
      serves(
        sends(
          ndjson(
            ...[
              '<a href="java&#x73;cript:x()">a</a>',
              '<a href="java&Tab;script&colon;x()">a</a>',
              '<p style="background:url(http://x.example/y)">a</p>',
              '<img src="data:image/svg+xml;base64,PHN2Zy8+"/>',
              '<img src="data:image/png;base64,iVBORw0KGgo="/> &#169;',
            ].map((html, n) =>
              JSON.stringify(
                lab(`n${n}`, {
                  subject: { reference: 'Patient/p9' },
                  text: { status: 'generated', div: `<div xmlns="http://www.w3.org/1999/xhtml">${html}</div>` },
                }),
              ),
            ),
          ),
        ),
      ),
    state: 'done',
    ledger: { created: 5 },
    notes: [],
    holds: ['n0', 'n1', 'n2', 'n3', 'n4'],
    also: async () => {
      const kept = await peer.node.deps.database.sql`
        select source_id from exchange.resource where origin = 'scripted' and body like '%"div"%'`;
      expect(kept).toEqual([{ source_id: 'n4' }]);
    },
  },
  {
    does: 'deletes the person: a doubt, and nothing else',
    script: () => ({
      ...lists({ deleted: [{ type: 'Bundle', url: `${peer.base}/f/d`, count: 1 }] }),
      'GET /f/d': sends(
        ndjson(
          '{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"DELETE","url":"Patient/p9"}}]}',
        ),
      ),
    }),
    state: 'done',
    ledger: { created: 2, 'unchanged patient-change': 1 },
    notes: [],
    holds: ['a', 'b'],
  },
  {
    does: 'counts in words, in nothing and in lists: as if it had not counted',
    script: () => ({
      'GET /status/export': listing(...['two', null, [2], {}, true].map((count) => ({ ...peer.file(`/f/1`), count }))),
    }),
    ...goodTwo,
    notes: ['peer-duplicate-url', 'peer-manifest-types'],
  },
  {
    does: 'names its list of files twice, the second time without any',
    script: () => ({
      'GET /status/export': (_, a) =>
        json(a, JSON.stringify(peer.manifest([peer.file()])).replace('"error":[]', '"output":[],"error":[]')),
    }),
    state: 'failed',
    reason: 'manifest-malformed',
    notes: [],
    holds: [],
  },
  // bombs
  {
    does: 'sends a gzip bomb',
    script: () => serves(sends(gzipSync(Buffer.alloc(8 * 1024 * 1024, ' ')), { 'content-encoding': 'gzip' })),
    state: 'partial',
    reason: 'file-failed',
    holds: [],
  },
  {
    does: 'hides a gzip bomb in gzip',
    script: () =>
      serves(sends(gzipSync(gzipSync(Buffer.alloc(64 * 1024 * 1024, ' '))), { 'content-encoding': 'gzip' })),
    state: 'partial',
    reason: 'file-failed',
    holds: [],
  },
  {
    does: 'sends more than a file may have',
    record: () => ({ limits: { fileBytes: 10_000 } }),
    script: () => serves(sends(big)),
    state: 'partial',
    reason: 'file-failed',
    holds: [],
  },
  {
    does: 'sends too many lines, or too many that are blank',
    record: () => ({ limits: { fileBlankLines: 100 } }),
    script: () => serves(sends(`${two}${'\n'.repeat(200)}`)),
    state: 'partial',
    reason: 'file-failed',
    holds: [],
  },
  {
    does: 'sends files that are too large together',
    record: () => ({ limits: { pullBytes: 10 } }),
    script: () => ({}),
    state: 'partial',
    reason: 'pull-too-large',
    holds: [],
  },
  {
    does: 'names members twice, times with hundreds of digits and seconds that few clocks have, more members than any record has',
    script: () =>
      serves(
        sends(
          ndjson(
            good('a').replace('"subject":', '"subject":{"reference":"Patient/p10"},"subject":'),
            good('b').replace('"id":"b"', '"id":"c","id":"b"'),
            good('c').replace('03:04:05Z', `03:04:05.${'1'.repeat(300)}Z`),
            // a leap second: the server reads no part of one
            good('e').replace('03:04:05Z', '03:04:60.5Z'),
            good('d').replace(
              '"subject":',
              `"contained":[{${Array.from({ length: 10_001 }, (_, i) => `"m${i}":1`).join(',')}}],"subject":`,
            ),
          ),
        ),
      ),
    state: 'done',
    ledger: { created: 2, 'quarantined invalid-resource': 3 },
    notes: [],
    holds: ['c', 'e'],
  },
  {
    does: 'sends a web page that is announced as NDJSON, or another encoding: a person looks before the time moves on',
    script: () => serves(sends('<html>\n<p>Please sign in.</p>\n</html>\n')),
    state: 'partial',
    reason: 'too-many-held',
    notes: [],
    holds: [],
    also: async () => {
      const utf16 = await peer.pull(serves(sends(Buffer.from(two, 'utf16le'))));
      expect([utf16.state, utf16.reason]).toEqual(['partial', 'too-many-held']);
    },
  },
  {
    does: 'lists its files in something that is no list',
    script: () => ({ 'GET /status/export': (_, a) => json(a, peer.manifest([], { output: { 0: peer.file() } })) }),
    state: 'failed',
    reason: 'manifest-malformed',
    holds: [],
  },
  ...['none', { 0: {} }, [null], ['https://files.example/1'], [7]].map(
    (output): Row => ({
      does: `lists its files as ${JSON.stringify(output)}: they may have been files`,
      script: () => ({ 'GET /status/export': (_, a) => json(a, peer.manifest([], { output })) }),
      state: 'failed',
      reason: 'manifest-malformed',
      holds: [],
    }),
  ),
  {
    does: 'answers the match with nothing: that is no answer',
    script: () => ({ 'GET /f/group': sends('') }),
    state: 'failed',
    reason: 'no-answer',
    holds: [],
  },
  {
    does: 'gives a token that no header can carry',
    script: () => ({
      'POST /token': (_, a) => json(a, { access_token: 'a\r\nx-more: 1', token_type: 'Bearer', expires_in: 300 }),
    }),
    state: 'refused',
    reason: 'token-malformed',
    holds: [],
  },
  ...(
    [
      ['of a megabyte', 'x'.repeat(1_000_000), 'body-too-large'],
      ['of control characters', 'a\u0000\r\nb', 'token-malformed'],
      ['that is longer than its own server takes', 'x'.repeat(60_000), 'file-431'],
    ] as const
  ).map(
    ([what, token, failure]): Row => ({
      does: `takes its token back between two files, and gives one ${what}: told at the file`,
      script: () => ({
        'GET /status/export': listing(peer.file('/f/1', 2), peer.file('/f/2', 1)),
        // both are fetched at once: the other one has been asked for with the first token by then
        'GET /f/2': (r, a, b) => {
          const answer = (): unknown => (asked('/f/1').length > 0 ? status(401)(r, a, b) : setTimeout(answer, 5));
          answer();
        },
        'POST /token': turns(
          (_, a) => json(a, { access_token: 'good', token_type: 'Bearer', expires_in: 300 }),
          (_, a) => json(a, { access_token: token, token_type: 'Bearer', expires_in: 300 }),
        ),
      }),
      state: 'partial',
      reason: 'file-failed',
      notes: ['peer-token'],
      holds: [],
      also: async ({ id }) => {
        const { sql } = peer.node.deps.database;
        expect([
          ...(await sql`select position, failure from exchange.pull_file where pull_id = ${id} and state = 'failed'`),
        ]).toEqual([{ position: 1, failure }]);
      },
    }),
  ),
  {
    does: 'takes its token back between two files, and answers once with none that can be read: asked again',
    script: () => ({
      'GET /status/export': listing(peer.file('/f/1', 2), peer.file('/f/2', 1)),
      'GET /f/2': turns(status(401), status(401), sends(ndjson(good('c')))),
      'POST /token': turns(
        (_, a) => json(a, { access_token: 'good', token_type: 'Bearer', expires_in: 300 }),
        (_, a) => json(a, { access_token: null, token_type: 'Bearer' }),
        (_, a) => json(a, { access_token: 'better', token_type: 'Bearer', expires_in: 300 }),
      ),
    }),
    state: 'done',
    notes: ['peer-token'],
    holds: ['a', 'b', 'c'],
  },
  {
    does: 'answers with headers without end',
    script: () => ({
      'POST /fhir/Group/g1/$davinci-data-export': (_, a) =>
        void a.writeHead(202, { 'content-location': `${peer.base}/${'s'.repeat(100_000)}` }).end(),
    }),
    state: 'failed',
    reason: 'headers-too-large',
    holds: [],
  },
  {
    does: 'sends a line that is too long',
    script: () => serves(sends(`${'x'.repeat(17 * 1024 * 1024)}\n${good('a')}\n`)),
    state: 'done',
    ledger: { created: 1, 'rejected too-large': 1 },
    notes: [],
    holds: ['a'],
  },
];

test.each(ROWS)('$does', async (row) => {
  await peer.record(row.record?.() ?? {});
  const rested = await peer.pull(row.script());
  expect([rested.state, rested.reason]).toEqual([row.state, row.reason ?? null]);
  expect(await peer.stored()).toEqual([...row.holds]);
  if (row.ledger) expect(await peer.ledger(rested.id)).toEqual(row.ledger);
  else if (row.state !== 'done') expect(await peer.ledger(rested.id)).toEqual({});
  if (row.notes) expect(Object.keys(await peer.findings(rested.id)).sort()).toEqual([...row.notes].sort());
  await row.also?.(rested);
});

test('what comes behind the end of what is packed is held nowhere: zeros are dropped, anything else is damage at once', async () => {
  const look = new Look(limitsOf({}), true);
  await look.take(gzipSync(two));
  const zeros = new Uint8Array(65_536).fill(0);
  const before = await heldBytes();
  for (let i = 0; i < 2000; i++) await look.take(zeros.slice());
  expect((await heldBytes()) - before).toBeLessThan(1_000_000);
  await expect(look.take(new Uint8Array([1]))).rejects.toThrow('file-corrupt');
  look.stop();
});

test('a payer whose pulls fail is asked again after an hour, two, four and so on; a wish of the member asks at once', async () => {
  const { sql } = peer.node.deps.database;
  const now = new Date();
  const minutesAgo = (n: number) => new Date(now.getTime() - n * 60_000);
  // one whose lines were never taken in cannot be said to be done
  const balanced = await sql<{ id: string }[]>`
    select id from exchange.pull where state in ('done', 'review') and peer_id = 'scripted' order by id`;
  const isDue = async (failed: readonly number[], wish?: number) => {
    await sql`delete from exchange.member_request`;
    await sql`update exchange.pull set state = 'withdrawn', created_at = ${minutesAgo(100_000)}`;
    // what became of members in pulls of before, whichever are taken
    await sql`update exchange.pull_member set outcome = null`;
    const some = balanced.slice(0, failed.length);
    expect(some.length).toBe(failed.length);
    for (const [i, p] of some.entries())
      await sql`update exchange.pull set state = 'failed', created_at = ${minutesAgo(failed[i] ?? 0)} where id = ${p.id}`;
    if (wish !== undefined)
      await sql`insert into exchange.member_request (id, member_id, other_coverage_id, at, reported_by) select id, member_id, id, ${minutesAgo(wish)}, 'test' from exchange.other_coverage`;
    return (
      (
        await dueToAsk(
          sql,
          { peerId: 'scripted' },
          { now, today: localDay(now, 'UTC') },
          { months: 3, runOffDays: 90, earlyDays: 5, compares: false },
        )
      ).length > 0
    );
  };
  expect([await isDue([]), await isDue([59]), await isDue([61])]).toEqual([true, false, true]);
  expect([await isDue([200, 119]), await isDue([200, 121])]).toEqual([false, true]);
  const many = Array.from({ length: 9 }, (_, i) => 20_000 + i);
  expect([await isDue([...many, 1439]), await isDue([...many, 1441])]).toEqual([false, true]);
  expect([await isDue([30], 40), await isDue([30], 20)]).toEqual([false, true]);
  // an answer that does not mention the member is none, one that does not know them is
  const answered = async (outcome: string, ...minutes: number[]) => {
    await isDue(minutes);
    await sql`update exchange.pull set state = 'refused' where state = 'failed'`;
    await sql`update exchange.pull_member set outcome = ${outcome} where pull_id in (select id from exchange.pull where state = 'refused')`;
    return (
      (
        await dueToAsk(
          sql,
          { peerId: 'scripted' },
          { now, today: localDay(now, 'UTC') },
          { months: 3, runOffDays: 90, earlyDays: 5, compares: false },
        )
      ).length > 0
    );
  };
  expect([await answered('missing', 59), await answered('missing', 61)]).toEqual([false, true]);
  expect(await answered('not-matched', 61)).toBe(false);
  const week = 7 * 24 * 60;
  expect([await answered('missing', ...many, week - 1), await answered('missing', ...many, week + 1)]).toEqual([
    false,
    true,
  ]);
  // nor is one that names someone in contradiction, beside others whom it names well and whose records came
  const beside = async (outcome: string, minutes: number) => {
    await isDue([minutes]);
    await sql`update exchange.pull_member set outcome = ${outcome} where pull_id in (select id from exchange.pull where state = 'failed')`;
    await sql`update exchange.pull set state = 'done' where state = 'failed'`;
    const when = { now, today: localDay(now, 'UTC') };
    const due = await dueToAsk(sql, { peerId: 'scripted' }, when, {
      months: 3,
      runOffDays: 90,
      earlyDays: 5,
      compares: false,
    });
    return due.length > 0;
  };
  expect([await beside('conflict', 59), await beside('conflict', 61)]).toEqual([false, true]);
  expect([await beside('contradictory', 59), await beside('contradictory', 61)]).toEqual([false, true]);
  expect(await beside('not-matched', 61)).toBe(false);
  // nor is one that leads two members to one person
  const unclear = async (minutes: number) => {
    await answered('conflict', ...many, minutes);
    await sql`update exchange.pull set state = 'failed' where state = 'refused'`;
    return (
      (
        await dueToAsk(
          sql,
          { peerId: 'scripted' },
          { now, today: localDay(now, 'UTC') },
          { months: 3, runOffDays: 90, earlyDays: 5, compares: false },
        )
      ).length > 0
    );
  };
  expect([await unclear(week - 1), await unclear(week + 1)]).toEqual([false, true]);
});

test('what a payer is to be informed names the lines that were kept out, by its own ids', async () => {
  const { deps } = peer.node;
  await peer.pull(serves(sends(ndjson(good('a'), 'none', good('x').replace('Patient/p9', 'Patient/p10')))));
  const period = readPeriod(localDay(deps.clock(), deps.config.timeZone));
  const told = period && (await toTell(deps, 'scripted', period));
  const [of] = (told?.tables ?? []).filter((t) => t.name === 'lines');
  const rows = (of?.rows ?? []).slice(0, 2).map((r) => r.slice(0, 3).map((c) => c.value));
  expect(rows).toEqual([
    [null, 'invalid-json', 2],
    ['Observation/x', 'wrong-patient', 3],
  ]);
});

test('what is noted about a peer has words, and so has every reason', async () => {
  const { sql } = peer.node.deps.database;
  const kinds = await sql<
    { kind: string }[]
  >`select distinct kind from exchange.finding where starts_with(kind, 'peer-')`;
  expect(kinds.filter((k) => !Object.hasOwn(PEER_FAULTS, k.kind))).toEqual([]);
  const reasons = await sql<{ reason: string }[]>`
    select reason from exchange.pull where reason is not null union select failure from exchange.pull_file where failure is not null`;
  expect(reasons.filter((r) => meaning('pull', r.reason).text.includes('no sentence'))).toEqual([]);
});

test('with too little room on our disk nothing is asked for, and the pull goes on when there is room', async () => {
  const { blobs, database } = peer.node.deps;
  const room = blobs.room;
  const seen: unknown[] = [];
  blobs.room = async () => {
    const [row] = await database.sql`select reason, attempts from exchange.pull order by created_at desc limit 1`;
    seen.push([row?.['reason'], row?.['attempts'], asked('/f/1').length]);
    return seen.length < 3 ? 1_000_000 : 1e12;
  };
  try {
    const rested = await peer.pull(serves(sends(two)));
    expect([rested.state, await peer.ledger(rested.id)]).toEqual(['done', { created: 2 }]);
    expect(seen.slice(0, 3)).toEqual([
      [null, 0, 0],
      ['disk-full', 0, 0],
      ['disk-full', 0, 0],
    ]);
  } finally {
    if (room) blobs.room = room;
  }
});

test('room that ends within a file is our fault, not the peer’s: what has come stays, and the pull goes on', async () => {
  const { blobs } = peer.node.deps;
  const { room } = blobs;
  await peer.record({ limits: { partBytes: 1000 } });
  let looks = 0;
  blobs.room = async () => (asked('/f/1').length === 1 && ++looks === 1 ? 0 : 1e12);
  const slowly: Handler = (_, a) => {
    a.writeHead(200, { 'content-type': 'application/fhir+ndjson', ...strong });
    a.write(packed.subarray(0, 2000), () => setTimeout(() => a.end(packed.subarray(2000)), 50));
  };
  try {
    const rested = await peer.pull(serves(turns(slowly, rest(packed, strong))));
    expect([rested.state, await peer.ledger(rested.id)]).toEqual(['done', { created: 400 }]);
    expect(asked('/f/1').map((s) => s.headers.range !== undefined)).toEqual([false, true]);
    expect(await peer.findings(rested.id)).toEqual({});
  } finally {
    if (room) blobs.room = room;
  }
});

test.each([
  ['gone', undefined],
  ['not what it was', 1000],
  ['less than it was', 0],
] as const)('a part that was kept, and is %s here, is fetched again, and no person is asked', async (_what, kept) => {
  const { blobs } = peer.node.deps;
  const lose: Handler = async (request, a, body) => {
    const [row] = await peer.node.deps.database.sql<{ id: string }[]>`
      select id from exchange.pull order by created_at desc limit 1`;
    const key = `pulls/${row?.id ?? ''}/0.p0.ndjson.gz`;
    if (kept === undefined) await blobs.delete(key);
    else
      await blobs.put(
        key,
        (async function* () {
          yield packed.subarray(0, kept);
        })(),
      );
    return rest(packed, strong)(request, a, body);
  };
  const whole: Handler = (request, a, body) =>
    request.headers.range === undefined
      ? void a.writeHead(200, { 'content-type': 'application/fhir+ndjson', ...strong }).end(packed)
      : rest(packed, strong)(request, a, body);
  const rested = await peer.pull(serves(turns(cut(packed, 2000, strong), lose, whole)));
  expect([rested.state, await peer.ledger(rested.id)]).toEqual(['done', { created: 400 }]);
  expect(asked('/f/1').map((s) => s.headers.range)).toEqual([undefined, 'bytes=2000-', undefined]);
});
