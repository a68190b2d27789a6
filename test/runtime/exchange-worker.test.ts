// A payer that asks a Worker all along, beside a Node process that writes the files: match, kick-off, status, files out of R2, deletion,
// revocation.
import { exportJWK, generateKeyPair } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestHarness } from 'wrangler';
import { createExchange } from '../../exchange/app.ts';
import { proveNext } from '../../exchange/compliance/export-check/run-export-check.ts';
import { setPeerState } from '../../exchange/peers/peer.ts';
import { removeExpired } from '../../exchange/responder/export/remove-expired.ts';
import { ASSERTION_TYPE, signAssertion } from '../../src/auth/client-assertion.ts';
import { BULK_MATCH_SCOPE, SINGLE_MATCH_SCOPE } from '../../src/auth/scopes.ts';
import { ASKER, card, enrol, idOf, matchBody, PEOPLE, parts, US } from '../exchange/plan-fixture.ts';
import { type WorkerUser, workerUser } from '../support/db.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { registerClient } from './exchange-smoke.ts';

const BASE = 'https://payer.example';
let node: TestNode;
let server: ReturnType<typeof createTestHarness>;
let headers: Record<string, string>;
let user: WorkerUser;
let key: Awaited<ReturnType<typeof registerClient>>;

beforeAll(async () => {
  const plan = {
    PLAN_NPI: US.npi,
    PLAN_NAME: US.name,
    MATCH_PER_MINUTE: '0',
  };
  node = await startNode({ ...plan, BASE_URL: BASE });
  const { sql } = node.deps.database;
  await enrol(node.deps, Object.values(PEOPLE));
  key = await registerClient(sql);
  await sql`update exchange.peer set npi = ${ASKER.npi}`;
  const secret = async () =>
    JSON.stringify({
      ...(await exportJWK((await generateKeyPair('ES384', { extractable: true })).privateKey)),
      kid: 'w1',
      alg: 'ES384',
    });
  const { url } = node.deps.database as unknown as { url: string };
  user = await workerUser(url, {
    role: 'postgres',
    settings: { statement_timeout: '2s', jit: 'off', random_page_cost: '1.1', timezone: 'UTC' },
  });
  process.env['CLOUDFLARE_HYPERDRIVE_LOCAL_CONNECTION_STRING_HYPERDRIVE'] = user.url;
  const vars = {
    ...plan,
    BASE_URL: BASE,
    TOKEN_KEY: await secret(),
    CLIENT_KEY: await secret(),
    PSEUDONYM_KEY: await secret(),
  };
  server = createTestHarness({ workers: [{ configPath: './wrangler.toml', env: 'exchange', vars }] });
  await server.listen();
  headers = {
    authorization: `Bearer ${await tokenOf(ask)}`,
    accept: 'application/fhir+json',
    prefer: 'respond-async',
  };
});
afterAll(async () => {
  await server.close();
  await node.close();
  await user.drop();
});

const ask = (url: string, init: RequestInit = {}): Promise<Response> =>
  server.fetch(url.startsWith(BASE) ? url.slice(BASE.length) : url, init as never) as unknown as Promise<Response>;
const post = (path: string, body: object) =>
  ask(`/exchange/fhir/${path}`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/fhir+json' },
    body: JSON.stringify(body),
  });
type R2 = {
  put(key: string, value: Uint8Array): Promise<unknown>;
  list(): Promise<{ objects: { key: string }[] }>;
};
async function copied(): Promise<string[]> {
  const { BLOBS } = await server.getWorker<{ BLOBS: R2 }>().getEnv();
  return (await BLOBS.list()).objects.map((o) => o.key);
}

/** A token from the Worker, or from the Node process: each signs its own. */
async function tokenOf(from: (path: string, init: RequestInit) => Promise<Response>): Promise<string> {
  const assertion = await signAssertion(key, {
    clientId: 'smoke-client',
    audience: `${BASE}/exchange/auth/token`,
    now: new Date(),
  });
  const answer = await from('/exchange/auth/token', {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      scope: `${BULK_MATCH_SCOPE} ${SINGLE_MATCH_SCOPE} system/*.rs`,
      client_assertion_type: ASSERTION_TYPE,
      client_assertion: assertion,
    }).toString(),
  });
  return ((await answer.json()) as { access_token: string }).access_token;
}
/** Some of what a member has. */
const records = (member: string) => {
  const subject = { reference: `Patient/${member}` };
  const lab = (id: string) => ({
    resourceType: 'Observation',
    id,
    status: 'final',
    category: [
      { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'laboratory' }] },
    ],
    code: { coding: [{ system: 'http://loinc.org', code: '718-7' }] },
    subject,
    effectiveDateTime: '2026-01-01T08:00:00Z',
  });
  return [
    lab('o1'),
    lab('o2'),
    {
      resourceType: 'Encounter',
      id: 'e1',
      identifier: [{ system: 'urn:x', value: 'E-1' }],
      status: 'finished',
      class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB' },
      type: [{ text: 'visit' }],
      subject,
      period: { start: '2026-01-01', end: '2026-01-01' },
    },
    {
      resourceType: 'CareTeam',
      id: 't1',
      status: 'active',
      subject,
      participant: [{ role: [{ coding: [{ system: 'urn:x', code: 'x' }] }], member: subject }],
    },
  ];
};

test('a member is matched, exported, fetched and deleted; a payer that is suspended is out at once', async () => {
  const [bundle] = matchBody(parts(card(PEOPLE.rivera))).parameter as { part: object[] }[];
  const matched = await post('Patient/$member-match', { resourceType: 'Parameters', parameter: bundle?.part });
  expect([matched.status, await matched.json()]).toMatchObject([200, { resourceType: 'Parameters' }]);

  const kicked = await ask('/exchange/fhir/Patient/$export', { headers });
  expect(kicked.status).toBe(202);
  const status = kicked.headers.get('content-location') ?? '';
  expect((await ask(status, { headers })).status).toBe(202);
  await node.work();
  const done = await ask(status, { headers });
  const manifest = (await done.json()) as { output: { type: string; url: string; count: number }[] };
  expect([done.status, manifest.output.map((f) => f.type)]).toEqual([200, ['Patient', 'Provenance']]);
  const url = manifest.output[0]?.url ?? '';

  // the copy comes later than the manifest
  const early = await ask(url, { headers });
  expect([early.status, early.headers.get('retry-after')]).toEqual([503, '30']);
  const looked = await ask(url, { method: 'HEAD', headers });
  expect([looked.status, looked.headers.get('retry-after')]).toEqual([503, '30']);
  const { BLOBS } = await server.getWorker<{ BLOBS: R2 }>().getEnv();
  const keys = await node.deps.blobs.list('bulk/');
  for (const key of keys) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of (await node.deps.blobs.get(key)) ?? []) chunks.push(chunk);
    await BLOBS.put(key, new Uint8Array(Buffer.concat(chunks)));
  }
  const { sql } = node.deps.database;
  const delivered = async () => (await sql`select 1 from exchange.audit where action = 'file'`).length;
  expect(await delivered()).toBe(0);
  for (const file of manifest.output) {
    const answer = await ask(file.url, { headers });
    const lines = (await answer.text()).split('\n').filter(Boolean);
    expect([answer.status, lines.length]).toEqual([200, file.count]);
    expect(lines.every((l) => (JSON.parse(l) as { resourceType: string }).resourceType === file.type)).toBe(true);
  }
  expect(await delivered()).toBe(manifest.output.length);
  expect((await ask(url, { method: 'HEAD', headers })).status).toBe(200);
  expect((await ask(url)).status).toBe(401);

  const deleted = await ask(status, { method: 'DELETE', headers });
  expect(deleted.status).toBe(202);
  expect(await copied()).toEqual([]);
  expect((await ask(status, { headers })).status).toBe(404);
  expect((await ask(url, { headers })).status).toBe(404);
  // the node's own go with its housekeeping, when they were walked
  await removeExpired(node.deps);
  expect(await node.deps.blobs.list('bulk/')).toEqual(keys);
  expect(await proveNext(node.deps)).toBe(true);
  await removeExpired(node.deps);
  expect(await node.deps.blobs.list('bulk/')).toEqual([]);

  const bulk = await post('Group/$bulk-member-match', matchBody(parts(card(PEOPLE.rivera))));
  expect([bulk.status, await bulk.json()]).toMatchObject([503, { issue: [{ code: 'transient' }] }]);
  // a statement that takes too long ends here as well
  const late = await sql.begin(async (tx) => {
    await tx`lock table exchange.match_single in access exclusive mode`;
    return ask('/exchange/fhir/Patient?family=rivera', { headers });
  });
  expect([late.status, late.headers.get('retry-after')]).toEqual([503, '5']);
  await setPeerState(sql, 'smoke', 'suspended', 'test', new Date());
  expect((await ask('/exchange/fhir/Group', { headers })).status).toBe(401);
});

test('what a member has is read and searched in workerd as in the Node process', async () => {
  const { sql } = node.deps.database;
  const me = idOf(PEOPLE.rivera);
  await enrol(node.deps, [PEOPLE.rivera], records(me));
  await setPeerState(sql, 'smoke', 'active', 'test', new Date());
  headers = { ...headers, authorization: `Bearer ${await tokenOf(ask)}` };
  const [bundle] = matchBody(parts(card(PEOPLE.rivera))).parameter as { part: object[] }[];
  const matched = await post('Patient/$member-match', { resourceType: 'Parameters', parameter: bundle?.part });
  expect(matched.status).toBe(200);
  const here = createExchange(node.deps);
  const tokenHere = await tokenOf((path, init) => Promise.resolve(here.request(`${BASE}${path}`, init)));
  const paths = [
    `Patient/${me}`,
    `Patient?_id=${me}`,
    `Observation?patient=${me}&_count=1`,
    `Encounter?patient=${me}&identifier=E-1`,
    `CareTeam?patient=${me}&role=x`,
    'Encounter?identifier=E-1',
    `Patient/${me}/$everything?_count=2`,
    `Patient/${me}/_history/1`,
    `Group?_count=5`,
    'Group/nobody',
    'Observation/nobody',
  ];
  const statuses: number[] = [];
  for (const path of paths) {
    const there = await ask(`/exchange/fhir/${path}`, { headers });
    const own = await here.request(`${BASE}/exchange/fhir/${path}`, {
      headers: { ...headers, authorization: `Bearer ${tokenHere}` },
    });
    statuses.push(there.status);
    expect([path, there.status, await there.text()]).toEqual([path, own.status, await own.text()]);
    expect([path, there.headers.get('etag'), there.headers.get('cache-control')]).toEqual([
      path,
      own.headers.get('etag'),
      own.headers.get('cache-control'),
    ]);
  }
  expect(statuses).toEqual([200, 200, 200, 200, 200, 400, 200, 404, 200, 404, 404]);
  expect((await sql`select 1 from exchange.audit where action = 'read'`).length).toBeGreaterThan(1);
});
