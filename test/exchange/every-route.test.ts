// What holds of every route of the exchange, whatever it does: the table of routes is walked, so that a new one is asked too.
import { request } from 'undici';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createExchange } from '../../exchange/app.ts';
import { SINGLE_MATCH_SCOPE } from '../../src/auth/scopes.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { BULK_MATCH, client } from './peer-client.ts';
import { ASKER, US } from './plan-fixture.ts';

const SCOPES = [BULK_MATCH, SINGLE_MATCH_SCOPE, 'system/*.rs'];
const EVIL = 'evil.example';
/** Answered to everybody; what a browser of any origin may read. */
const PUBLIC = /\/(metadata|\.well-known\/.*|openapi\.json|docs|docs\.css|(client-)?jwks\.json)$/;
/** Not FHIR, or with a proof of its own. */
const OTHER = /\/exchange\/auth\/|\$self-test$/;

let node: TestNode;
let token: string;
let routes: { method: 'GET' | 'POST' | 'DELETE'; path: string }[];
beforeAll(async () => {
  node = await startNode({ PLAN_NPI: US.npi, PLAN_NAME: US.name });
  token = await (await client(node, 'a', { npi: ASKER.npi, scopes: SCOPES })).token(SCOPES.join(' '));
  const seen = new Set<string>();
  routes = createExchange(node.deps).routes.flatMap(({ method, path }) => {
    if (!/^(GET|POST|DELETE)$/.test(method) || path.includes('*') || seen.has(`${method} ${path}`)) return [];
    seen.add(`${method} ${path}`);
    return [{ method: method as 'GET', path }];
  });
  expect(routes.length).toBeGreaterThan(100);
});
afterAll(() => node.close());

const closed = () => routes.filter((r) => !PUBLIC.test(r.path) && !OTHER.test(r.path));

type Asked = { method: string; path: string };
const ID = '0123456789abcdef0123456789abcdef';
async function ask({ method, path }: Asked, headers: Record<string, string> = {}, query = '') {
  const at = path.replaceAll(/:file/g, `${ID}.ndjson`).replaceAll(/:[a-z]+/g, ID);
  const answer = await request(`${node.base}${at}${query}`, {
    method: method as 'GET',
    headers: { accept: 'application/fhir+json', prefer: 'respond-async', ...headers },
    ...(method === 'POST' ? { body: JSON.stringify({ resourceType: 'Parameters', parameter: [] }) } : {}),
  });
  return { status: answer.statusCode, headers: answer.headers, text: await answer.body.text() };
}
const withToken = () => ({ authorization: `Bearer ${token}`, 'content-type': 'application/fhir+json' });

test.each<[string, () => Record<string, string>, string]>([
  ['no token', () => ({}), ''],
  ['a token of no one', () => ({ authorization: 'Bearer x.y.z' }), ''],
  ['another scheme', () => ({ authorization: `Basic ${token}` }), ''],
  ['the token in the address', () => ({}), 'access_token'],
  ['the token as a parameter of that name', () => ({}), 'token'],
  ['the token in a cookie', () => ({ cookie: `token=${token}; access_token=${token}` }), ''],
])('with %s every route but discovery is 401, says how to sign in, and is kept nowhere', async (_, headers, query) => {
  for (const r of closed()) {
    const a = await ask(r, headers(), query === '' ? '' : `?${query}=${token}`);
    expect([r.method, r.path, a.status]).toEqual([r.method, r.path, 401]);
    expect(a.headers['www-authenticate'], r.path).toMatch(/^Bearer /);
    expect(a.headers['cache-control'], r.path).toContain('no-store');
    expect((JSON.parse(a.text) as { resourceType: string }).resourceType).toBe('OperationOutcome');
  }
});

test('with a token no route is an error of ours, and what is not the asker’s does not exist', async () => {
  for (const r of closed()) {
    const a = await ask(r, withToken());
    expect(a.status, `${r.method} ${r.path}: ${a.text}`).toBeLessThan(500);
    if (/:(id|job)/.test(r.path)) expect([r.path, a.status]).toEqual([r.path, 404]);
    expect(a.headers['cache-control'] ?? '', r.path).toMatch(/no-store|private/);
  }
});

test('another method is 405 and names those that there are', async () => {
  for (const path of new Set(routes.map((r) => r.path)))
    for (const method of ['PUT', 'PATCH']) {
      const a = await ask({ method, path }, withToken());
      if (/\/auth\/(register|introspect|revoke)$/.test(path)) expect(a.status).toBe(501);
      else if (path.endsWith('/udap')) expect(a.status).toBe(404);
      else {
        expect([path, method, a.status]).toEqual([path, method, 405]);
        for (const r of routes.filter((r) => r.path === path)) expect(a.headers['allow'], path).toContain(r.method);
      }
    }
});

test('no answer holds a name that the request brought for us', async () => {
  const brought = {
    'x-forwarded-host': EVIL,
    'x-forwarded-proto': 'ftp',
    'x-original-url': `/${EVIL}`,
    forwarded: `host=${EVIL};proto=ftp`,
    host: EVIL,
  };
  for (const r of routes) {
    const a = await ask(r, { ...withToken(), ...brought });
    expect(`${JSON.stringify(a.headers)} ${a.text}`, r.path).not.toMatch(/evil\.example|ftp:/);
  }
});

test('pages of other origins read discovery alone; nothing is sniffed, and no program is named', async () => {
  for (const r of routes) {
    const a = await ask(r, { ...withToken(), origin: `https://${EVIL}` });
    const isOpen = PUBLIC.test(r.path) && !/docs(\.css)?$|udap$/.test(r.path) && r.method === 'GET';
    expect([r.path, a.headers['access-control-allow-origin']]).toEqual([r.path, isOpen ? '*' : undefined]);
    expect(a.headers['access-control-allow-credentials']).toBeUndefined();
    expect(a.headers['x-content-type-options'], r.path).toBe('nosniff');
    expect(a.headers['server'] ?? a.headers['x-powered-by'], r.path).toBeUndefined();
  }
});

test.each(['.css', ';.js', '/x.css', '%00', '/..%2f..%2fmetadata'])(
  'a path that goes on with %s is none of ours, and is kept nowhere',
  async (more) => {
    for (const r of closed().filter((r) => r.method === 'GET')) {
      const a = await ask({ ...r, path: `${r.path}${more}` }, withToken());
      expect(a.status, `${r.path}${more}: ${a.text.slice(0, 100)}`).toBeGreaterThanOrEqual(400);
      expect(a.status, `${r.path}${more}`).toBeLessThan(500);
      expect(a.headers['cache-control'] ?? '', r.path).toMatch(/no-store|private/);
    }
  },
);
