// A payer that is refused again and again has to wait, over all routes and processes, and fills no audit.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createExchange } from '../../exchange/app.ts';
import { SINGLE_MATCH_SCOPE } from '../../src/auth/scopes.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { BULK_MATCH, type Client, client } from './peer-client.ts';
import { ASKER, card, enrol, idOf, matchBody, PEOPLE, parts, US } from './plan-fixture.ts';

const PER_MINUTE = 3;
let node: TestNode;
let a: { peer: Client; token: string };
let b: { peer: Client; token: string };
let now = new Date();
const me = idOf(PEOPLE.rivera);
const SCOPES = [BULK_MATCH, SINGLE_MATCH_SCOPE, 'system/*.rs'];

const signIn = async (id: string, npi: string) => {
  const peer = await client(node, id, { npi, scopes: SCOPES });
  return { peer, token: await peer.token(SCOPES.join(' ')) };
};

beforeAll(async () => {
  node = await startNode(
    {
      PLAN_NPI: US.npi,
      PLAN_NAME: US.name,
      MATCH_PER_MINUTE: '0',
    },
    { clock: () => now },
    { accessRefusedPerMinute: PER_MINUTE },
  );
  a = await signIn('a', ASKER.npi);
  b = await signIn('b', '9000000020');
  await enrol(node.deps, Object.values(PEOPLE));
  const [bundle] = matchBody(parts(card(PEOPLE.rivera))).parameter as { part: unknown }[];
  const body = JSON.stringify({ resourceType: 'Parameters', parameter: bundle?.part });
  const answer = await fetch(`${node.base}/exchange/fhir/Patient/$member-match`, {
    method: 'POST',
    headers: { authorization: `Bearer ${a.token}`, 'content-type': 'application/fhir+json' },
    body,
  });
  expect(answer.status).toBe(200);
});
beforeEach(async () => {
  // a token lives five minutes: budgets are full again, and no one waits any more
  now = new Date(now.getTime() + 21_000);
  await node.deps.database.sql`delete from exchange.call_budget`;
});
afterAll(() => node.close());

const get = async (path: string, token: string) => {
  const answer = await fetch(`${node.base}/exchange/fhir/${path}`, { headers: { authorization: `Bearer ${token}` } });
  return { status: answer.status, wait: answer.headers.get('retry-after'), json: (await answer.json()) as object };
};
const written = async () => {
  const rows = await node.deps.database.sql<{ reason: string; n: number }[]>`
    select reason, count(*)::int as n from exchange.audit where action = 'access' and at = ${now} group by 1 order by 1`;
  return Object.fromEntries(rows.map((r) => [r.reason, r.n]));
};

test('what is granted takes nothing', async () => {
  const { token } = a;
  for (let i = 0; i < PER_MINUTE * 10; i++) expect((await get(`Patient/${me}`, token)).status).toBe(200);
});

test('refusals past the budget are 429 on every route, reported how long, and not written', async () => {
  const { token } = a;
  for (let i = 0; i < PER_MINUTE * 2; i++) expect((await get(`Patient/nobody-${i}`, token)).status).toBe(404);
  expect(await written()).toEqual({ 'not-granted': PER_MINUTE * 2, throttled: 1 });
  for (const path of [
    'Patient/nobody',
    `Patient/${me}`,
    `Patient/${me}/$everything`,
    'Group/none',
    'Binary/none',
    '$export-status/none',
  ]) {
    const refused = await get(path, token);
    expect([path, refused.status, Number(refused.wait) > 0]).toEqual([path, 429, true]);
    expect(refused.json).toMatchObject({ resourceType: 'OperationOutcome', issue: [{ code: 'throttled' }] });
  }
  expect(await written()).toEqual({ 'not-granted': PER_MINUTE * 2, throttled: 1 });
  // no one waits for another person
  expect((await get('Patient/nobody', b.token)).status).toBe(404);
  const { wait } = await get(`Patient/${me}`, token);
  now = new Date(now.getTime() + Number(wait) * 1000);
  expect((await get(`Patient/${me}`, token)).status).toBe(200);
  expect((await get('Patient/nobody', token)).status).toBe(404);
});

test('another process counts on', async () => {
  const { token } = a;
  for (let i = 0; i < PER_MINUTE * 2; i++) expect((await get(`Patient/nobody-${i}`, token)).status).toBe(404);
  const other = createExchange({ ...node.deps });
  const headers = { authorization: `Bearer ${token}` };
  const ask = (path: string) => other.request(`${node.base}/exchange/fhir/${path}`, { headers });
  expect((await ask('Patient/nobody')).status).toBe(429);
  expect((await ask(`Patient/${me}`)).status).toBe(429);
  expect(await written()).toEqual({ 'not-granted': PER_MINUTE * 2, throttled: 1 });
});

test('many at once take no more than there is', async () => {
  const { token } = a;
  const answers = await Promise.all(Array.from({ length: PER_MINUTE * 8 }, (_, i) => get(`Observation/o-${i}`, token)));
  expect(answers.filter((x) => x.status === 404)).toHaveLength(PER_MINUTE * 2);
  expect(answers.filter((x) => x.status === 429)).toHaveLength(PER_MINUTE * 6);
  expect(await written()).toEqual({ 'not-granted': PER_MINUTE * 2, throttled: 1 });
});

test('one search for many does not get past it either', async () => {
  const { token } = a;
  const ids = Array.from({ length: 100 }, (_, i) => `nobody-${i}`).join(',');
  expect((await get(`Observation?patient=${ids}`, token)).status).toBe(429);
  expect((await written())['not-granted']).toBeLessThanOrEqual(PER_MINUTE * 2);
});
