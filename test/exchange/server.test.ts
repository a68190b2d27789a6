// The responder over HTTP: kick-offs, status, files, deletion, and what other clients must not see.
import { gunzipSync } from 'node:zlib';
import { request } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { moneyIn } from '../../exchange/records/facts/money.ts';
import { keepClocks } from '../../exchange/schedule.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { BULK_MATCH, type Client, client } from './peer-client.ts';
import { ASKER, card, enrol, idOf, matchBody, PEOPLE, parts, US } from './plan-fixture.ts';

let node: TestNode;
let peer: Client;
let other: Client;
let token: string;
let fhir: string;
let time = 0;
const { rivera, robert, short } = PEOPLE;

const lab = (id: string, member: string, more: object = {}) => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '718-7' }] },
  subject: { reference: `Patient/${member}` },
  effectiveDateTime: '2026-01-01T08:00:00Z',
  ...more,
});

beforeAll(async () => {
  node = await startNode({ PLAN_NPI: US.npi, PLAN_NAME: US.name }, { clock: () => new Date(Date.now() + time) });
  fhir = `${node.base}/exchange/fhir`;
  peer = await client(node, 'a', { npi: ASKER.npi });
  other = await client(node, 'b', { npi: '9000000020' });
  await enrol(node.deps, Object.values(PEOPLE), [
    lab('o1', idOf(rivera)),
    lab('o2', idOf(rivera), {
      meta: { security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'PSY' }] },
    }),
    lab('o3', idOf(robert)),
    lab('o4', idOf(rivera), { effectiveDateTime: '2001-01-01' }),
  ]);
  token = await peer.token();
});
afterAll(() => node.close());

type Init = { method?: string; headers?: Record<string, string | undefined>; body?: unknown; token?: string | null };
async function call(path: string, init: Init = {}) {
  const bearer = init.token === undefined ? token : init.token;
  const headers = {
    accept: 'application/fhir+json',
    ...(bearer === null ? {} : { authorization: `Bearer ${bearer}` }),
    ...init.headers,
  };
  const answer = await request(path.startsWith('http') ? path : `${fhir}${path}`, {
    method: (init.method ?? 'GET') as 'GET',
    headers: Object.fromEntries(Object.entries(headers).filter((e): e is [string, string] => e[1] !== undefined)),
    // a refused upload ends the connection; the next request must not try it
    reset: typeof init.body === 'string' && init.body.length > 1_000_000,
    ...(init.body === undefined
      ? {}
      : { body: typeof init.body === 'string' || Buffer.isBuffer(init.body) ? init.body : JSON.stringify(init.body) }),
  });
  const bytes = Buffer.from(await answer.body.arrayBuffer());
  const get = (name: string) => {
    const value = answer.headers[name];
    return Array.isArray(value) ? value.join(', ') : value;
  };
  return { status: answer.statusCode, header: get, bytes, json: () => JSON.parse(bytes.toString('utf8')) };
}
type Answer = Awaited<ReturnType<typeof call>>;
const issue = (a: Answer): string => a.json().issue[0].code;
const KICK = { 'content-type': 'application/fhir+json', prefer: 'respond-async' };
const ask = (body: unknown = matchBody(parts(card(rivera))), init: Init = {}) =>
  call('/Group/$bulk-member-match', { method: 'POST', body, ...init, headers: { ...KICK, ...init.headers } });

async function finished(kick: Answer) {
  expect(kick.status).toBe(202);
  await node.work();
  const status = kick.header('content-location') ?? '';
  const answer = await call(status);
  expect(answer.status).toBe(200);
  return {
    status,
    answer,
    manifest: answer.json() as {
      output: { type: string; url: string; count: number }[];
      error: { url: string; count: number }[];
    },
  };
}
async function lines(url: string): Promise<Resource[]> {
  const answer = await call(url);
  return answer.bytes
    .toString('utf8')
    .split('\n')
    .filter(Boolean)
    .map((l) => JSON.parse(l) as Resource);
}
async function matchedGroup(...asked: ReturnType<typeof card>[]): Promise<string> {
  const { manifest } = await finished(await ask(matchBody(...asked.map((a) => parts(a)))));
  const groups = await lines(manifest.output.find((f) => f.type === 'Group')?.url ?? '');
  return String(groups.find((g) => JSON.stringify(g['code']).includes('"match"'))?.['id']);
}

describe('every protected route', () => {
  const routes: [string, string][] = [
    ['POST', '/Group/$bulk-member-match'],
    ['POST', '/Group/g-1/$davinci-data-export'],
    ['GET', '/Group/g-1/$davinci-data-export'],
    ['GET', '/Group/g-1'],
    ['GET', '/Group/g-1/_history'],
    ['GET', '/Group/g-1/_history/1'],
    ['GET', '/Group'],
    ['GET', '/$export-status/x'],
    ['DELETE', '/$export-status/x'],
    ['GET', '/$export-file/x/y.ndjson'],
  ];
  test.each(routes)('%s %s: 401 without and with a bad token', async (method, path) => {
    const without = await call(path, { method, token: null });
    expect([without.status, issue(without), without.header('www-authenticate')]).toEqual([
      401,
      'login',
      'Bearer realm="fhir"',
    ]);
    for (const bad of ['x', `${token}x`, token.replace(/\.[^.]+\./, '.e30.'), 'eyJhbGciOiJub25lIn0.e30.']) {
      const answer = await call(path, { method, token: bad });
      expect([answer.status, issue(answer)]).toEqual([401, 'login']);
      expect(answer.header('www-authenticate')).toContain('error="invalid_token"');
      expect(answer.header('cache-control')).toBe('no-store');
    }
    const inQuery = await call(`${path}?access_token=${token}`, { method, token: null });
    expect(inQuery.status).toBe(401);
  });

  test('an expired token is refused at its second', async () => {
    const fresh = await peer.token();
    time = 301_000;
    const answer = await call('/Group', { token: fresh });
    time = 0;
    expect(answer.status).toBe(401);
  });

  test('another method is 405 with those allowed; an unknown path is 404', async () => {
    for (const [method, path, allow] of [
      ['GET', '/Group/$bulk-member-match', 'POST'],
      ['PUT', '/Group/g-1', 'GET, HEAD'],
      ['DELETE', '/Group/g-1/$davinci-data-export', 'GET, POST'],
      // who only looks begins nothing
      ['HEAD', '/Group/g-1/$davinci-data-export', 'GET, POST'],
      ['HEAD', '/Group/g-1/$export', 'GET, POST'],
      ['HEAD', '/Patient/%24export', 'GET, POST'],
      ['POST', '/$export-status/x', 'GET, HEAD, DELETE'],
      ['POST', '/$export-file/x/y.ndjson', 'GET, HEAD'],
      ['POST', '/metadata', 'GET, HEAD'],
    ] as const) {
      const answer = await call(path, { method });
      if (path === '/Group/$bulk-member-match' && answer.status === 404) continue;
      expect([path, answer.status, answer.header('allow')]).toEqual([path, 405, allow]);
      if (method !== 'HEAD') expect(answer.json().resourceType).toBe('OperationOutcome');
    }
    // a second way to what is kept is none
    for (const path of ['/Nothing/1', '/Claim', '/Group/g-1/$nothing', '//metadata', '/Group//g-1', '/metadata//']) {
      const answer = await call(path);
      expect([path, answer.status, issue(answer)]).toEqual([path, 404, 'not-found']);
    }
  });
});

describe('$bulk-member-match', () => {
  test.each<[string, number, string, () => Promise<Answer>]>([
    ['no Prefer', 400, 'required', () => ask(undefined, { headers: { prefer: undefined } })],
    ['no Accept', 400, 'required', () => ask(undefined, { headers: { accept: undefined } })],
    ['Accept text/html', 406, 'not-supported', () => ask(undefined, { headers: { accept: 'text/html' } })],
    ['text', 415, 'not-supported', () => ask(undefined, { headers: { 'content-type': 'text/plain' } })],
    [
      'another version of FHIR',
      415,
      'not-supported',
      () => ask(undefined, { headers: { 'content-type': 'application/fhir+json; fhirVersion=3.0' } }),
    ],
    ['gzip', 415, 'not-supported', () => ask(undefined, { headers: { 'content-encoding': 'gzip' } })],
    ['not JSON', 400, 'structure', () => ask('{')],
    ['Latin-1', 400, 'structure', () => ask(Buffer.from('{"resourceType":"Parameters","id":"ñ"}', 'latin1'))],
    ['not Parameters', 422, 'structure', () => ask({ resourceType: 'Bundle' })],
    ['no bundle', 422, 'structure', () => ask({ resourceType: 'Parameters' })],
    [
      'a bundle without consent',
      422,
      'structure',
      () => ask(matchBody({ ...parts(card(rivera)), consent: undefined })),
    ],
    [
      'nested a hundred thousand deep',
      400,
      'structure',
      () => ask(`{"resourceType":"Parameters","parameter":${'['.repeat(100_000)}${']'.repeat(100_000)}}`),
    ],
    [
      'a member twice',
      400,
      'structure',
      () => ask(JSON.stringify(matchBody(parts(card(rivera)))).replace('"part":', '"part":[],"part":')),
    ],
    ['__proto__', 400, 'structure', () => ask('{"resourceType":"Parameters","__proto__":{"parameter":[]}}')],
    ['65 MiB announced', 413, 'too-long', () => ask(`{"x":"${'y'.repeat(65 * 1024 * 1024)}"}`)],
  ])('%s is %i', async (_, status, code, send) => {
    const answer = await send();
    expect([answer.status, issue(answer)]).toEqual([status, code]);
    expect(answer.header('cache-control')).toBe('no-store');
  });

  test('a client whose scope does not cover it is refused', async () => {
    const answer = await ask(undefined, { token: await peer.token('system/Patient.rs') });
    expect([answer.status, issue(answer)]).toEqual([403, 'forbidden']);
    // what it needs, as RFC 6750 says
    expect(answer.header('www-authenticate')).toBe(
      `Bearer realm="fhir", error="insufficient_scope", scope="${BULK_MATCH}"`,
    );
  });

  test('M43, M46: each member is decided alone; groups hold what was submitted and no reason', async () => {
    const wrongDay = parts(card(short, { id: 'late' }));
    Object.assign(wrongDay.consent.provision, { period: { start: '2020-01-01', end: '2020-02-31' } });
    const weak = parts(card(robert, { id: 'weak', memberId: undefined }));
    Object.assign(weak.consent, { status: 'inactive' });
    const { manifest, answer } = await finished(
      await ask(
        matchBody(
          parts(card(rivera, { id: 'good' })),
          wrongDay,
          weak,
          parts(card(rivera, { id: 'nobody', born: '1950-01-01' })),
        ),
      ),
    );
    expect(answer.header('expires')).toBeDefined();
    expect(manifest).toMatchObject({ requiresAccessToken: true, error: [] });
    const groups = await lines(manifest.output.find((f) => f.type === 'Group')?.url ?? '');
    const bucket = (id: string) =>
      groups
        .filter((g) => (g['contained'] as { id: string }[]).some((c) => c.id === id))
        .map((g) => JSON.stringify(g['code']).match(/"code":"(\w+)"/)?.[1]);
    expect(['good', 'late', 'weak', 'nobody'].map(bucket)).toEqual([
      ['match'],
      ['consentconstraint'],
      ['consentconstraint'],
      ['nomatch'],
    ]);
    expect(JSON.stringify(groups)).not.toMatch(/consent-(malformed|expired|not-yet)|OH200/);
  });

  test('a client that may match and nothing else fetches its answer, and nothing is refused it', async () => {
    const kick = await ask(undefined, { token: await peer.token(BULK_MATCH) });
    await node.work();
    const mine = { token: await peer.token(BULK_MATCH) };
    const manifest = (await call(kick.header('content-location') ?? '', mine)).json() as { output: { url: string }[] };
    expect((await call(manifest.output[0]?.url ?? '', mine)).status).toBe(200);
    const refused = await node.deps.database.sql`
      select reason from exchange.audit where outcome = 'refused' and reason in ('not-granted', 'insufficient-scope') and detail->>'route' like '%$export-%'`;
    expect([...refused]).toEqual([]);
  });

  test('the 2.1 form is answered to those who ask for it', async () => {
    for (const headers of [{ prefer: 'respond-async, pdex-spec=2.1' }, { 'x-pdex-spec-version': '2.1.0' }]) {
      const { manifest } = await finished(await ask(undefined, { headers }));
      expect(manifest.output.map((f) => f.type)).toEqual(['Parameters']);
    }
  });
});

describe('Groups', () => {
  let ids: string[];
  let batch: { system: string; value: string };
  const found = async (query: string, init: Init = {}) => {
    const a = await call(`/Group${query}`, init);
    const entries = (a.json().entry ?? []) as { resource: { id: string } }[];
    return { status: a.status, ids: entries.map((e) => e.resource.id), json: a.json() };
  };
  beforeAll(async () => {
    const asked = matchBody(parts(card(rivera)), parts(card(rivera, { id: 'nobody', born: '1950-01-01' })));
    const { manifest } = await finished(await ask(asked));
    const groups = await lines(manifest.output.find((f) => f.type === 'Group')?.url ?? '');
    ids = groups.map((g) => String(g['id']));
    [batch] = (groups[0] as Resource)['identifier'] as unknown as [typeof batch];
  });

  test('are found by what PDex asks for, and by nothing of another system', async () => {
    const code = 'http://hl7.org/fhir/us/davinci-pdex/CodeSystem/PdexMultiMemberMatchResultCS';
    const [match, nomatch] = ids;
    const mine = `identifier=${encodeURIComponent(`${batch.system}|${batch.value}`)}`;
    const npi = (value: string) =>
      `characteristic-value-reference:identifier=${encodeURIComponent(`http://hl7.org/fhir/sid/us-npi|${value}`)}`;
    for (const [query, expected] of [
      [mine, ids],
      [`identifier=${batch.value}`, ids],
      [`identifier=${encodeURIComponent(`https://else.example|${batch.value}`)}`, []],
      [`${mine}&code=match`, [match]],
      [`${mine}&code=${encodeURIComponent(`${code}|nomatch`)}`, [nomatch]],
      [`${mine}&code=${encodeURIComponent('https://else.example|match')}`, []],
      [`${mine}&code=match,nomatch`, ids],
      [`${mine}&code=match&code=nomatch`, []],
      [`${mine}&characteristic=match`, [match]],
      [`${mine}&${npi(ASKER.npi)}`, [match]],
      [`${mine}&${npi('9000000020')}`, []],
      [`${mine}&characteristic-value-reference=Organization/1`, []],
      [`_id=${nomatch}`, [nomatch]],
      [`_id=${nomatch},../x`, [nomatch]],
    ] as [string, string[]][]) {
      const a = await found(`?${query}`);
      expect([query, a.status, a.ids.sort()]).toEqual([query, 200, [...expected].sort()]);
      expect(a.json.total).toBe(expected.length);
    }
    expect((await found(`?${mine}`, { token: await other.token() })).ids).toEqual([]);
  });

  test('come in pages that hold each once', async () => {
    const seen: string[] = [];
    let next: string | undefined = `${fhir}/Group?_count=1`;
    for (let i = 0; next !== undefined && i < 50; i++) {
      const page: { entry?: { resource: { id: string } }[]; link: { relation: string; url: string }[]; total: number } =
        (await call(next)).json();
      expect(page.entry?.length).toBe(1);
      seen.push(page.entry?.[0]?.resource.id ?? '');
      next = page.link.find((l) => l.relation === 'next')?.url;
      if (next === undefined) expect(seen).toHaveLength(page.total);
    }
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen).toEqual(expect.arrayContaining(ids));
  });

  test('an unknown parameter is 400, or ignored when the client is lenient', async () => {
    const [all, ...others] = [(await call('/Group')).json()['total'], '/Group?_count=0', '/Group?_summary=count'];
    for (const path of others) {
      const { total, entry, link } = (await call(path)).json();
      expect([path, total, entry, (link as object[]).length]).toEqual([path, all, undefined, 1]);
    }
    expect((await call('/Group?name=x')).status).toBe(400);
    const lenient = await found('?name=x&_count=1', { headers: { prefer: 'handling=lenient' } });
    expect(lenient.status).toBe(200);
    expect(JSON.stringify(lenient.json.link)).not.toContain('name=x');
    expect((await call('/Group?_page=..')).status).toBe(400);
  });
});

describe('$davinci-data-export', () => {
  let group: string;
  beforeAll(async () => {
    group = await matchedGroup(card(rivera));
  });
  const P2P = { name: 'exportType', valueCanonical: 'hl7.fhir.us.davinci-pdex#payertopayer' };
  const kick = (parameter: object[] | undefined, init: Init = {}, id = group) =>
    call(`/Group/${id}/$davinci-data-export`, {
      method: 'POST',
      ...(parameter === undefined ? {} : { body: { resourceType: 'Parameters', parameter } }),
      ...init,
      headers: { ...KICK, ...init.headers },
    });
  const LENIENT = { headers: { prefer: 'respond-async, handling=lenient' } };

  test.each<[string, number, () => Promise<Answer>]>([
    ['no Prefer', 400, () => kick([P2P], { headers: { prefer: undefined } })],
    ['no Accept', 400, () => kick([P2P], { headers: { accept: undefined } })],
    ['another exportType', 400, () => kick([{ name: 'exportType', valueCanonical: 'hl7.fhir.us.davinci-atr' }])],
    ['unknown parameter', 400, () => kick([P2P, { name: 'nothing', valueString: 'x' }])],
    ['_typeFilter', 400, () => kick([P2P, { name: '_typeFilter', valueString: 'Observation?nothing=ge2020' }])],
    [
      '_typeFilter, lenient',
      400,
      () => kick([P2P, { name: '_typeFilter', valueString: 'Observation?nothing=ge2020' }], LENIENT),
    ],
    ['_type of none', 400, () => kick([P2P, { name: '_type', valueString: 'Claim' }])],
    ['_type of none, lenient', 400, () => kick([P2P, { name: '_type', valueString: 'Claim' }], LENIENT)],
    ['_type empty', 400, () => kick([P2P, { name: '_type', valueString: ' , ' }])],
    ['_since no instant', 400, () => kick([P2P, { name: '_since', valueInstant: '2026-01-01' }])],
    ['_since in the future', 400, () => kick([P2P, { name: '_since', valueInstant: '2999-01-01T00:00:00Z' }])],
    ['_since before time', 400, () => kick([P2P, { name: '_since', valueInstant: '1801-01-01T00:00:00Z' }])],
    ['_outputFormat csv', 400, () => kick([P2P, { name: '_outputFormat', valueString: 'text/csv' }])],
    ['patient no Patient', 400, () => kick([P2P, { name: 'patient', valueReference: { reference: 'Group/1' } }])],
    [
      'parameters of a POST in the query and in the body',
      400,
      () =>
        call(`/Group/${group}/$davinci-data-export?_type=Patient`, {
          method: 'POST',
          headers: KICK,
          body: { resourceType: 'Parameters', parameter: [P2P] },
        }),
    ],
    [
      'an unknown parameter of a POST in the query',
      400,
      () => call(`/Group/${group}/$davinci-data-export?_type=Patient&nothing=1`, { method: 'POST', headers: KICK }),
    ],
    [
      'a type out of scope',
      403,
      async () =>
        kick([P2P, { name: '_type', valueString: 'Observation' }], {
          token: await peer.token('system/Group.rs system/Patient.rs'),
        }),
    ],
    [
      'a type that may only be searched',
      403,
      async () =>
        kick([P2P, { name: '_type', valueString: 'Observation' }], {
          token: await peer.token('system/Group.rs system/Patient.rs system/Observation.s'),
        }),
    ],
    ['an unknown Group', 404, () => kick([P2P], {}, 'g-nothing')],
    ['another client’s Group', 404, async () => kick([P2P], { token: await other.token() })],
    [
      '2 MiB',
      413,
      () => kick([P2P, { name: 'patient', valueReference: { reference: `Patient/${'x'.repeat(2 * 1024 * 1024)}` } }]),
    ],
  ])('%s is %i', async (_, status, send) => {
    const answer = await send();
    expect([answer.status, answer.json().resourceType]).toEqual([status, 'OperationOutcome']);
  });

  test('the whole way: 202, one at a time, progress, manifest, files, and what is not for them stays', async () => {
    const first = await kick([P2P]);
    expect(first.status).toBe(202);
    const status = first.header('content-location') ?? '';
    expect(status.startsWith(`${fhir}/$export-status/`)).toBe(true);
    const second = await kick([P2P]);
    expect([second.status, issue(second)]).toEqual([429, 'throttled']);
    expect(Number(second.header('retry-after'))).toBeGreaterThan(0);
    const running = await call(status);
    expect([running.status, running.header('retry-after'), running.header('x-progress')]).toEqual([202, '1', 'queued']);
    const { manifest } = await finished(first);
    const all = (await Promise.all(manifest.output.map(async (f) => ({ f, got: await lines(f.url) })))).flatMap(
      ({ f, got }) => {
        expect(got).toHaveLength(f.count);
        return got;
      },
    );
    const keys = all.map((r) => `${r.resourceType}/${String(r['id'])}`);
    expect(keys).toContain(`Patient/${idOf(rivera)}`);
    expect(keys).toContain('Observation/o1');
    for (const hidden of ['Observation/o2', 'Observation/o3', 'Observation/o4', `Patient/${idOf(robert)}`])
      expect(keys).not.toContain(hidden);
    expect(all.flatMap(moneyIn)).toEqual([]);
  });

  test('GET reads the query; exportType left out is noted; lenient notes what it ignores', async () => {
    const got = await call(
      `/Group/${group}/$davinci-data-export?_type=Patient,Observation&_since=2020-01-01T00:00:00%2B02:00`,
      { headers: KICK },
    );
    const { manifest } = await finished(got);
    expect([...new Set(manifest.output.map((f) => f.type))].sort()).toEqual(['Observation', 'Patient']);
    expect(manifest.error).toMatchObject([{ count: 2 }]);
    const lenient = await finished(
      await kick(
        [P2P, { name: 'nothing', valueString: 'x' }, { name: '_type', valueString: 'Patient,Claim' }],
        LENIENT,
      ),
    );
    expect(lenient.manifest.output.map((f) => f.type)).toEqual(['Patient']);
    expect(lenient.manifest.error).toMatchObject([{ count: 3 }]);
  });

  test('patients who are not of the Group are left out, never widened to all', async () => {
    const { manifest } = await finished(
      await kick([P2P, { name: 'patient', valueReference: { reference: `Patient/${idOf(robert)}` } }]),
    );
    expect(manifest.output).toEqual([]);
    expect(manifest.error).toMatchObject([{ count: 2 }]);
  });
});

describe('status and files', () => {
  let group: string;
  let job: Awaited<ReturnType<typeof finished>>;
  let url: string;
  const start = () =>
    call(`/Group/${group}/$davinci-data-export`, {
      method: 'POST',
      headers: KICK,
      body: { resourceType: 'Parameters', parameter: [{ name: '_type', valueString: 'Observation' }] },
    });
  beforeAll(async () => {
    group = await matchedGroup(card(rivera), card(robert, { id: 'm-2' }));
    job = await finished(await start());
    url = job.manifest.output[0]?.url ?? '';
  });

  test('another client sees neither job, file nor Group', async () => {
    const theirs = await other.token();
    for (const [method, path] of [
      ['GET', job.status],
      ['DELETE', job.status],
      ['GET', url],
      ['GET', `/Group/${group}`],
      ['GET', `/Group/${group}/_history`],
      ['GET', `/Group/${group}/_history/1`],
    ] as const) {
      const answer = await call(path, { method, token: theirs });
      expect([answer.status, issue(answer)]).toEqual([404, 'not-found']);
    }
    expect((await call('/Group', { token: theirs })).json().total).toBe(0);
    expect((await call(job.status)).status).toBe(200);
  });

  test('of requests that come slowly, no more are taken in than may be open', async () => {
    const theirs = await other.token();
    const never = () =>
      new ReadableStream<Uint8Array>({
        start: (to) => to.enqueue(Buffer.from('{"resourceType":"Parameters",')),
      });
    const files = async () => (await node.deps.blobs.list('bulk/')).length;
    const before = await files();
    const end = new AbortController();
    const headers = { ...KICK, accept: 'application/fhir+json', authorization: `Bearer ${theirs}` };
    const init = { method: 'POST', headers, duplex: 'half', signal: end.signal } as const;
    const slow = Array.from({ length: 20 }, () =>
      fetch(`${fhir}/Group/$bulk-member-match`, { ...init, body: never() } as RequestInit).catch(() => undefined),
    );
    // a busy machine may take its time to take them, and to see that they are gone
    const patient = { timeout: 20_000 };
    await expect.poll(files, patient).toBe(before + 20);
    expect((await ask(undefined, { token: theirs })).status).toBe(429);
    end.abort();
    await Promise.all(slow);
    await expect.poll(async () => (await ask('{', { token: theirs })).status, patient).toBe(400);
  });

  test('of many matches asked for at once, no more are taken than may be open', async () => {
    const theirs = await other.token();
    const body = matchBody(parts(card(rivera)));
    const all = await Promise.all(Array.from({ length: 30 }, () => ask(body, { token: theirs })));
    const taken = all.filter((a) => a.status === 202);
    expect([taken.length, all.filter((a) => a.status === 429).length]).toEqual([20, 10]);
    expect((await node.deps.blobs.list('bulk/')).filter((key) => key.endsWith('request.json'))).toHaveLength(
      Number(
        (await node.deps.database.sql`select count(*)::int as n from exchange.bulk_job where kind = 'match'`)[0]?.['n'],
      ),
    );
    for (const a of taken) await call(a.header('content-location') ?? '', { method: 'DELETE', token: theirs });
  });

  test('a Group has one version, and its history is that it was made', async () => {
    const read = await call(`/Group/${group}`);
    const etag = read.header('etag') ?? '';
    expect([etag, (await call(`/Group/${group}`, { headers: { 'if-none-match': etag } })).status]).toEqual([
      'W/"1"',
      304,
    ]);
    expect((await call(`/Group/${group}/_history/1`)).json()).toEqual(read.json());
    expect((await call(`/Group/${group}/_history/2`)).status).toBe(404);
    const history = (await call(`/Group/${group}/_history`)).json();
    expect(history).toMatchObject({
      type: 'history',
      total: 1,
      entry: [{ resource: read.json(), request: { method: 'POST' }, response: { status: '201', etag } }],
    });
    const { resource } = (await call('/metadata')).json().rest[0] as {
      resource: { type: string; interaction: object[] }[];
    };
    expect(resource.find((r) => r.type === 'Group')?.interaction).toEqual(
      ['read', 'vread', 'history-instance', 'search-type'].map((code) => ({ code })),
    );
  });

  test('gzip as stored, inflated else, HEAD, one range', async () => {
    const plain = await call(url);
    expect(plain.header('content-type')).toBe('application/fhir+ndjson');
    expect(plain.header('content-encoding')).toBeUndefined();
    expect(plain.bytes.at(-1)).toBe(10);
    const zipped = await call(url, { headers: { 'accept-encoding': 'gzip' } });
    expect(zipped.header('content-encoding')).toBe('gzip');
    expect(gunzipSync(zipped.bytes)).toEqual(plain.bytes);
    expect(Number(zipped.header('content-length'))).toBe(zipped.bytes.length);
    expect(zipped.header('etag')).not.toBe(plain.header('etag'));
    expect(zipped.header('repr-digest')).toMatch(/^sha-256=:.+:$/);
    const head = await call(url, { method: 'HEAD', headers: { 'accept-encoding': 'gzip' } });
    expect([head.status, head.bytes.length, head.header('content-length')]).toEqual([
      200,
      0,
      String(zipped.bytes.length),
    ]);
    const part = (range: string, more: Record<string, string> = {}) =>
      call(url, { headers: { 'accept-encoding': 'gzip', range, ...more } });
    const middle = await part('bytes=10-19');
    expect([middle.status, middle.header('content-range')]).toEqual([206, `bytes 10-19/${zipped.bytes.length}`]);
    expect(middle.bytes).toEqual(zipped.bytes.subarray(10, 20));
    expect((await part('bytes=-5')).bytes).toEqual(zipped.bytes.subarray(-5));
    expect((await part('bytes=99999999-')).status).toBe(416);
    for (const ignored of ['bytes=20-10', 'bytes=0-1,3-4', 'lines=1-2', 'bytes=-'])
      expect([(await part(ignored)).status, ignored]).toEqual([200, ignored]);
    expect((await part('bytes=0-1', { 'if-range': '"other"' })).status).toBe(200);
    // who has it gets it no second time
    const [gzip, identity] = [{ 'accept-encoding': 'gzip' }, { 'accept-encoding': 'identity' }];
    const tag = (await call(url, { method: 'HEAD', headers: gzip })).header('etag') ?? '';
    const unless = async (tags: string, more: Record<string, string>) =>
      (await call(url, { headers: { ...more, 'if-none-match': tags } })).status;
    expect([await unless(tag, gzip), await unless(`"x", ${tag}`, gzip), await unless('*', gzip)]).toEqual([
      304, 304, 304,
    ]);
    expect([await unless('"x"', gzip), await unless(tag, identity)]).toEqual([200, 200]);
    expect((await call(url, { headers: { range: 'bytes=0-1' } })).status).toBe(200);
    // who goes on with a part of another one is informed so
    for (const [tags, status] of [
      ['"x"', 412],
      [`W/${tag}`, 412],
      [`"x", ${tag}`, 206],
      ['*', 206],
    ] as const)
      expect([tags, (await part('bytes=0-1', { 'if-match': tags })).status]).toEqual([tags, status]);
  });

  test('the scope of this request’s token counts', async () => {
    const answer = await call(url, { token: await peer.token('system/Group.rs system/Patient.rs') });
    expect(answer.status).toBe(403);
    expect((await call(url.replace(/[^/]+\.ndjson$/, 'nothing.ndjson'))).status).toBe(404);
  });

  test('consent that ended withdraws the files of an export that holds the member, and of no other', async () => {
    const only = await finished(
      await call(`/Group/${group}/$davinci-data-export`, {
        method: 'POST',
        headers: KICK,
        body: {
          resourceType: 'Parameters',
          parameter: [
            { name: 'patient', valueReference: { reference: `Patient/${idOf(rivera)}` } },
            { name: '_type', valueString: 'Observation' },
          ],
        },
      }),
    );
    const rest = only.manifest.output[0]?.url ?? '';
    const { sql } = node.deps.database;
    await sql`update exchange.match_member set consent_to = current_date where group_id = ${group} and member_id = ${idOf(robert)}`;
    expect((await call(url)).status).toBe(200);
    time = 2 * 86_400_000;
    const seconds = Math.floor((Date.now() + time) / 1000);
    const answer = await peer.post(
      await peer.form({ client_assertion: await peer.assertion({ iat: seconds, exp: seconds + 100 }) }),
    );
    const later = ((await answer.json()) as { access_token: string }).access_token;
    expect([(await call(url, { token: later })).status, (await call(rest, { token: later })).status]).toEqual([
      404, 200,
    ]);
    time = 0;
    // and it stays withdrawn
    for (const path of [job.status, url]) expect((await call(path)).status).toBe(404);
    const rows =
      await sql`select state, failure from exchange.bulk_job where id = ${job.status.split('/').at(-1) ?? ''}`;
    expect([...rows]).toEqual([{ state: 'revoked', failure: 'consent-ended' }]);
    const told = await sql`select actor, detail from exchange.audit where action = 'export-revoked'`;
    expect([...told]).toEqual([{ actor: 'export', detail: { members: 1 } }]);
  });

  test('DELETE: 202, then 404 for status and files, and for a running job too', async () => {
    const made = await finished(await start());
    const file = made.manifest.output[0]?.url ?? '';
    expect((await call(file)).status).toBe(200);
    expect((await call(made.status, { method: 'DELETE' })).status).toBe(202);
    for (const path of [made.status, file]) expect((await call(path)).status).toBe(404);
    expect((await call(made.status, { method: 'DELETE' })).status).toBe(404);
    const running = await start();
    const status = running.header('content-location') ?? '';
    expect((await call(status, { method: 'DELETE' })).status).toBe(202);
    await node.work();
    expect((await call(status)).status).toBe(404);
  });

  test('a Group ends thirty days after the last consent in it: 410, out of searches, and its text goes', async () => {
    const { sql } = node.deps.database;
    const old = await matchedGroup(card(rivera));
    const [made] = await sql<{ left: number }[]>`
      select g.expires_on - max(m.consent_to) as left from exchange.match_group g join exchange.match_member m on m.group_id = g.id
      where g.id = ${old} group by g.id`;
    expect(made?.left).toBe(30);
    await keepClocks(node.deps);
    expect((await call(`/Group/${old}`)).status).toBe(200);
    await sql`update exchange.match_group set expires_on = current_date - 2 where id = ${old}`;
    await keepClocks(node.deps);
    const ended = [`/Group/${old}`, `/Group/${old}/_history`, `/Group/${old}/$davinci-data-export`];
    for (const path of ended) expect((await call(path, { headers: KICK })).status).toBe(410);
    expect((await call(`/Group/${old}`, { token: await other.token() })).status).toBe(404);
    expect((await call(`/Group?_id=${old}`)).json()).toMatchObject({ total: 0 });
    expect([...(await sql`select resource from exchange.match_group where id = ${old}`)]).toEqual([{ resource: '' }]);
  });

  test('after its time: 404', async () => {
    const made = await finished(await start());
    const keep = node.deps.config.exportTtlHours * 3_600_000;
    const { sql } = node.deps.database;
    await sql`update exchange.bulk_job set expires_at = expires_at - make_interval(secs => ${keep / 1000 + 1})`;
    expect((await call(made.status)).status).toBe(404);
    expect((await call(made.manifest.output[0]?.url ?? '')).status).toBe(404);
  });
});

test('discovery is public, cached, and lists only scopes that are granted', async () => {
  const smart = await call('/.well-known/smart-configuration', { token: null, headers: { accept: 'text/html' } });
  expect([
    smart.status,
    smart.header('content-type')?.split(';')[0],
    smart.header('access-control-allow-origin'),
  ]).toEqual([200, 'application/json', '*']);
  const body = smart.json();
  expect(body).toMatchObject({
    token_endpoint: `${node.base}/exchange/auth/token`,
    token_endpoint_auth_methods_supported: ['private_key_jwt'],
    grant_types_supported: ['client_credentials'],
    code_challenge_methods_supported: ['S256'],
  });
  const keys = (await call(body.jwks_uri, { token: null })).json().keys as Record<string, unknown>[];
  for (const key of keys) expect(Object.keys(key)).not.toContain('d');
  const statement = (await call('/metadata', { token: null })).json();
  expect(statement).toMatchObject({ resourceType: 'CapabilityStatement', fhirVersion: '4.0.1' });
  for (const [accept, status] of [
    ['application/fhir+json; fhirVersion=4.0', 200],
    ['application/fhir+json; fhirVersion=3.0', 406],
    ['application/fhir+json; fhirVersion=3.0, application/fhir+json;q=0.5', 200],
    ['application/fhir+xml', 406],
    ['application/xhtml+xml, text/html, */*;q=0.8', 200],
  ] as const)
    expect([accept, (await call('/metadata', { token: null, headers: { accept } })).status]).toEqual([accept, status]);
  // what a payer access server of PDex 2.2 has to have of Groups
  const PDEX = 'http://hl7.org/fhir/us/davinci-pdex';
  expect(statement.instantiates).toContain(`${PDEX}/CapabilityStatement/pdex-payer-access-server`);
  const group = statement.rest[0].resource.find((r: { type: string }) => r.type === 'Group');
  const names = (list: { name?: string; code?: string }[]) => list.map((one) => one.name ?? one.code);
  expect(names(group.searchParam)).toEqual(
    expect.arrayContaining(['identifier', 'characteristic', 'characteristic-value-reference', 'code']),
  );
  expect(names(group.interaction)).toEqual(expect.arrayContaining(['read', 'search-type']));
  expect(group.supportedProfile).toContain(`${PDEX}/StructureDefinition/pdex-member-match-group`);
});

describe('no room on the disk', () => {
  const full = async <T>(work: () => Promise<T>): Promise<T> => {
    const { put } = node.deps.blobs;
    node.deps.blobs.put = () => Promise.reject(Object.assign(new Error('no space left on device'), { code: 'ENOSPC' }));
    try {
      return await work();
    } finally {
      node.deps.blobs.put = put;
    }
  };
  const jobs = async () =>
    await node.deps.database.sql<{ state: string; attempts: number; seconds: number }[]>`
      select state, attempts, extract(epoch from lease_until - ${new Date(Date.now() + time)}::timestamptz)::float8 as seconds
      from exchange.bulk_job order by received_at desc limit 1`;

  test('a request that cannot be kept is reported to come again, and leaves nothing', async () => {
    const [before] = await node.deps.database.sql`select count(*)::int as n from exchange.bulk_job`;
    const answer = await full(() => ask());
    expect([answer.status, issue(answer)]).toEqual([503, 'transient']);
    expect(Number(answer.header('retry-after'))).toBeGreaterThan(0);
    const [after] = await node.deps.database.sql`select count(*)::int as n from exchange.bulk_job`;
    expect(after).toEqual(before);
  });

  test('an export waits for room, however long, and is made then', async () => {
    const group = await matchedGroup(card(rivera));
    const kick = await call(`/Group/${group}/$davinci-data-export`, { method: 'POST', headers: KICK });
    const now = time;
    const waits: number[] = [];
    for (let i = 0; i < 8; i++) {
      await full(() => node.work());
      const [job] = await jobs();
      expect(job?.state).toBe('queued');
      waits.push(Math.round(job?.seconds ?? 0));
      time += (waits.at(-1) ?? 0) * 1000 + 1000;
    }
    expect(waits.slice(0, 3)).toEqual([5, 10, 20]);
    expect(waits.at(-1)).toBe(300);
    time = now;
    await node.deps.database.sql`update exchange.bulk_job set lease_until = null where state = 'queued'`;
    await node.work();
    expect((await call(kick.header('content-location') ?? '')).status).toBe(200);
  });
});
