// What integrators get: the examples of the documentation run here in order, the self-test sees each of them, and the OpenAPI
// description names every route beside FHIR, with answers that are given.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createExchange } from '../../exchange/app.ts';
import { SECURITY_REASONS } from '../../exchange/compliance/security/security-events.ts';
import { ADVISED, adviceOn } from '../../exchange/integrate/advice.ts';
import { asCurl, EXAMPLES, type Example } from '../../exchange/integrate/examples.ts';
import { DESCRIBED } from '../../exchange/integrate/openapi.ts';
import { judgeClient } from '../../exchange/integrate/self-test.ts';
import { DECISIONS } from '../../exchange/reconcile/pull-reasons.ts';
import { SINGLE_MATCH_SCOPE } from '../../src/auth/scopes.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { BULK_MATCH, type Client, client } from './peer-client.ts';
import { ASKER, enrol, PEOPLE, US } from './plan-fixture.ts';

let node: TestNode;
let peer: Client;
const names: Record<string, string> = {};

type Report = {
  client: string;
  passed: number;
  steps: { id: string; state: string; hint: string }[];
  trouble: { what: string; reason: string; todo: string }[];
  try: { parameter: { part: { name: string }[] }[] };
  trySingle: { parameter: { name: string }[] };
};
const report = async (): Promise<Report> =>
  (await (await fetch(`${node.base}/exchange/fhir/$self-test?client=${peer.clientId}`)).json()) as Report;
const states = async () => Object.fromEntries((await report()).steps.map((s) => [s.id, s.state]));

beforeAll(async () => {
  node = await startNode({
    PLAN_NPI: US.npi,
    PLAN_NAME: US.name,
    SANDBOX: 'on',
    BULK_POLL_SECONDS: '1',
  });
  peer = await client(node, 'a', { npi: ASKER.npi, scopes: [BULK_MATCH, SINGLE_MATCH_SCOPE, 'system/*.rs'] });
  await enrol(node.deps, Object.values(PEOPLE));
});
afterAll(() => node.close());

const filled = (text: string) =>
  text.replaceAll(/\{([A-Za-z]+)\}/g, (whole, name: string) => {
    const value = names[name];
    if (value === undefined) throw new Error(`nothing gave ${whole}`);
    return value;
  });

function bodyOf(e: Example): string | undefined {
  if (e.form) return new URLSearchParams(Object.entries(e.form).map(([k, v]) => [k, filled(v)])).toString();
  return e.body === undefined ? undefined : names[e.body.slice(1, -1)];
}

async function run(e: Example): Promise<Response> {
  const url = filled(e.path.startsWith('/') ? `${node.base}${e.path}` : e.path);
  const body = bodyOf(e);
  const headers = Object.fromEntries(Object.entries(e.headers).map(([k, v]) => [k, filled(v)]));
  for (let i = 0; ; i++) {
    const answer = await fetch(url, { method: e.method, headers, ...(body === undefined ? {} : { body }) });
    if (answer.status !== e.again || i >= 10) return answer;
    await node.work();
  }
}

describe('the examples of the documentation', () => {
  test('run in their order, and the self-test sees what was done', async () => {
    expect((await states())['token']).toBe('not-seen');
    const first = await report();
    names['match'] = JSON.stringify(first.try);
    names['single'] = JSON.stringify(first.trySingle);
    for (const e of EXAMPLES) {
      names['assertion'] = await peer.assertion();
      const answer = await run(e);
      const text = await answer.text();
      expect([e.id, answer.status, answer.status === e.expect ? '' : text]).toEqual([e.id, e.expect, '']);
      for (const [name, from] of Object.entries(e.gives ?? {})) {
        const value =
          'header' in from
            ? answer.headers.get(from.header)
            : from.json
                .split('.')
                .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], JSON.parse(text));
        expect([e.id, name, typeof value]).toEqual([e.id, name, 'string']);
        names[name] = String(value);
      }
      // every file, not only the one the example names
      if (e.id === 'status') {
        const manifest = JSON.parse(text) as Record<string, { url: string }[] | undefined>;
        for (const { url } of [
          ...(manifest['output'] ?? []),
          ...(manifest['deleted'] ?? []),
          ...(manifest['error'] ?? []),
        ]) {
          const file = await fetch(url, { headers: { authorization: `Bearer ${names['token']}` } });
          expect(file.status).toBe(200);
          await file.arrayBuffer();
        }
      }
    }
    const last = await report();
    expect(last.steps.map((s) => [s.id, s.state, s.state === 'passed' ? '' : s.hint])).toEqual(
      last.steps.map((s) => [s.id, 'passed', '']),
    );
    expect(last.passed).toBe(8);
    expect(last.trouble).toEqual([]);
  });

  test('are shown on the page as they run, without a script', async () => {
    const answer = await fetch(`${node.base}/exchange/docs`);
    const page = await answer.text();
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(page).not.toMatch(/<script|<style| style=/i);
    for (const e of EXAMPLES) expect(page, e.id).toContain(e.title);
    expect(page).toContain(
      asCurl(EXAMPLES[1] as Example, node.base)
        .split('\n')[0]
        ?.replaceAll("'", '&#39;') ?? '?',
    );
    expect((await fetch(`${node.base}/exchange/docs.css`)).headers.get('content-type')).toContain('text/css');
  });
});

describe('the self-test', () => {
  test('tells a client what was refused, in words, and is a page too', async () => {
    await peer.post(await peer.form({ client_assertion: await peer.assertion({ aud: 'https://other.example' }) }));
    const told = await report();
    expect(told.trouble[0]).toMatchObject({ reason: 'audience', todo: adviceOn('token', 'audience').todo });
    const answer = await fetch(`${node.base}/exchange/fhir/$self-test?client=${peer.clientId}`, {
      headers: { accept: 'text/html' },
    });
    const page = await answer.text();
    expect(answer.headers.get('content-type')).toContain('text/html');
    expect(page).toContain('8 of 8 steps passed');
    expect(page).toContain('A token request was made for another server.');
    expect(page).not.toMatch(/eyJ[A-Za-z0-9_-]{10}/);
  });

  test('has advice on every reason for which a client is refused', () => {
    const reasons = [
      ...Object.keys(SECURITY_REASONS).filter(
        (r) =>
          ![
            'role',
            'birth-date',
            'new-address',
            'unusual-members',
            'unusual-records',
            'unusual-looks',
            'sequential-ids',
            'keys-changed',
            'discovery-changed',
            'key-changed',
            'settings-changed',
            'not-fresh',
            'changed-meanwhile',
          ].includes(r),
      ),
      ...Object.keys(DECISIONS).filter((r) => r !== 'matched'),
      'content-type',
      'authorization-header',
      'query',
      'size',
      'parameters',
      'grant_type',
      'assertion',
    ];
    expect(reasons.filter((r) => !ADVISED.has(r))).toEqual([]);
    expect(adviceOn('match', 'consent-expired').what).toBe(DECISIONS['consent-expired'].text);
    expect(adviceOn('match', 'throttled').todo).not.toBe(adviceOn('token', 'throttled').todo);
  });

  test('gives a body for each of the two matches', async () => {
    const { trySingle } = await report();
    expect(trySingle.parameter.map((p) => p.name)).toEqual([
      'MemberPatient',
      'CoverageToMatch',
      'CoverageToLink',
      'Consent',
    ]);
  });

  test('is for registered clients, in the sandbox only', async () => {
    const get = (query: string) => fetch(`${node.base}/exchange/fhir/$self-test${query}`);
    expect((await get('')).status).toBe(400);
    expect((await get('?client=nobody')).status).toBe(400);
    // a person is asked which client
    const asked = await fetch(`${node.base}/exchange/fhir/$self-test?client=no"body`, {
      headers: { accept: 'text/html' },
    });
    expect([asked.status, asked.headers.get('content-type')]).toEqual([400, 'text/html; charset=utf-8']);
    expect(await asked.text()).toMatch(/<code>no&quot;body<\/code>[\s\S]*<input name="client" value="no&quot;body"/);
    Object.assign(node.deps.config, { sandbox: false });
    const outside = await get(`?client=${peer.clientId}`);
    Object.assign(node.deps.config, { sandbox: true });
    expect(outside.status).toBe(404);
  });

  test('steps are judged from the audit', () => {
    const row = (action: string, object = '', more: object = {}) => ({
      at: new Date(0),
      action,
      object,
      outcome: 'ok',
      reason: '',
      detail: {},
      ...more,
    });
    const of = (...trace: ReturnType<typeof row>[]) =>
      Object.fromEntries(judgeClient(trace).steps.map((s) => [s.id, s.state]));
    const refused = Array.from({ length: 60 }, (_, i) => row('token', '', { outcome: 'refused', reason: `r${i}` }));
    const told = judgeClient(refused).trouble.map((t) => t.reason);
    expect([told.length, told[0], told.at(-1)]).toEqual([50, 'r59', 'r10']);
    expect(of()['token']).toBe('not-seen');
    expect(of(row('token', '', { outcome: 'refused', reason: 'signature' }))['token']).toBe('failed');
    expect(
      of(row('match-requested'), row('match', 'match/j/0', { outcome: 'refused', reason: 'no-match' }))['matched'],
    ).toBe('failed');
    const exported = [row('export-requested', 'export/j'), row('export', 'export/j', { detail: { files: [{}, {}] } })];
    expect(of(...exported, row('file', 'export/j/1'))).toMatchObject({
      'kick-off': 'passed',
      files: 'failed',
      delete: 'not-seen',
    });
    expect(of(...exported, row('file', 'export/j/1'), row('file', 'export/j/1'))['files']).toBe('failed');
    expect(
      of(...exported, row('file', 'export/j/1'), row('file', 'export/j/2'), row('export-deleted', 'export/j')),
    ).toMatchObject({ files: 'passed', delete: 'passed' });
    // another one that was cancelled after it takes nothing back
    const files = [row('file', 'export/j/1'), row('file', 'export/j/2')];
    const after = [row('export-requested', 'export/k'), row('export-deleted', 'export/k')];
    expect(of(...exported, ...files, ...after)).toMatchObject({ poll: 'passed', files: 'passed' });
  });
});

describe('OpenAPI', () => {
  type Operation = { responses: Record<string, { description: string; content?: Record<string, { schema: object }> }> };
  const document = async () =>
    (await (await fetch(`${node.base}/exchange/openapi.json`)).json()) as {
      openapi: string;
      paths: Record<string, Record<string, Operation>>;
    };

  test('names every route that is not FHIR, and no other', async () => {
    const isFhir = (path: string) =>
      path.startsWith('/exchange/fhir') && !path.includes('/.well-known/') && !path.endsWith('$self-test');
    const routed = new Set(
      createExchange(node.deps)
        .routes.filter((r) => r.path !== '/*' && !isFhir(r.path) && !r.path.endsWith('/udap'))
        .map((r) => r.path),
    );
    const { openapi, paths } = await document();
    expect(openapi).toBe('3.1.1');
    expect(Object.keys(paths).sort()).toEqual([...routed].sort());
    const ids = Object.values(paths).flatMap((p) =>
      Object.values(p).map((o) => (o as unknown as { operationId: string }).operationId),
    );
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('describes answers that are given, with their members', async () => {
    for (const d of DESCRIBED.filter((one) => one.method === 'get')) {
      const query = d.path.endsWith('$self-test') ? `?client=${peer.clientId}` : '';
      const answer = await fetch(`${node.base}${d.path}${query}`);
      expect([d.path, answer.status]).toEqual([d.path, 200]);
      const described = d.answers['200'];
      expect(answer.headers.get('content-type'), d.path).toContain(described?.type ?? '');
      if (described?.type !== 'application/json') continue;
      const { required = [] } = described.schema as { required?: string[] };
      const body = (await answer.json()) as Record<string, unknown>;
      for (const member of required) expect(body, `${d.path} ${member}`).toHaveProperty([member]);
    }
  });
});
