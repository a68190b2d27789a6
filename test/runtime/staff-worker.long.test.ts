// The staff pages in workerd beside the Node process on one database: every page that links lead to says the same, people sign in at an
// identity provider, and a second one lets a payer in.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestHarness } from 'wrangler';
import { createStaff } from '../../exchange/staff/app.ts';
import { openSession } from '../../exchange/staff/data/sessions.ts';
import { readConfig } from '../../src/config.ts';
import { fieldOf, type StaffNode, startStaff } from '../exchange/staff/support.ts';

const CLIENT = 'staff-client';
const PLAN = { PLAN_NAME: 'Old Plan', PLAN_NPI: '9000000012' };
let staff: StaffNode;
let provider: Server;
let issuer: string;
let server: ReturnType<typeof createTestHarness>;
/** by the name that the next person who signs in has */
let person = { subject: 'ada', name: 'Ada Example', roles: ['viewer', 'reviewer', 'admin'] };
let nonce = '';
/** a token of the provider that says this of a person */
let signed: (claims: object, subject: string) => Promise<string>;

beforeAll(async () => {
  staff = await startStaff();
  const keys = await generateKeyPair('ES256', { extractable: true });
  const jwks = { keys: [{ ...(await exportJWK(keys.publicKey)), kid: 'k', alg: 'ES256' }] };
  signed = (claims, subject) =>
    new SignJWT({ ...claims })
      .setProtectedHeader({ alg: 'ES256', kid: 'k' })
      .setIssuer(issuer)
      .setSubject(subject)
      .setAudience(CLIENT)
      .setIssuedAt()
      .setExpirationTime('5m')
      .sign(keys.privateKey);
  provider = createServer(async (request, answer) => {
    const json = (what: unknown) =>
      answer.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(what));
    if (request.url === '/.well-known/openid-configuration')
      return void json({
        issuer,
        authorization_endpoint: `${issuer}/authorize`,
        token_endpoint: `${issuer}/token`,
        jwks_uri: `${issuer}/jwks`,
      });
    if (request.url === '/jwks') return void json(jwks);
    const { roles, name, subject } = person;
    const auth_time = Math.floor(Date.now() / 1000);
    const id = await signed({ roles, amr: ['pwd', 'mfa'], name, nonce, auth_time }, subject);
    json({ id_token: id, access_token: 'x', token_type: 'Bearer' });
  });
  provider.listen(0, '127.0.0.1');
  await once(provider, 'listening');
  issuer = `http://127.0.0.1:${(provider.address() as { port: number }).port}`;
  const secret = async () => {
    const { privateKey } = await generateKeyPair('ES384', { extractable: true });
    return JSON.stringify({ ...(await exportJWK(privateKey)), kid: 'w1', alg: 'ES384' });
  };
  const { url } = staff.ours.deps.database as unknown as { url: string };
  process.env['CLOUDFLARE_HYPERDRIVE_LOCAL_CONNECTION_STRING_HYPERDRIVE'] = url;
  const vars = {
    ...PLAN,
    BASE_URL: staff.ours.base,
    STAFF_OIDC_ISSUER: issuer,
    STAFF_OIDC_CLIENT_ID: CLIENT,
    TOKEN_KEY: await secret(),
    CLIENT_KEY: await secret(),
    // that of the node, or a member would be called otherwise here and there
    PSEUDONYM_KEY: JSON.stringify(await staff.ours.deps.keys.signing('pseudonym')),
  };
  server = createTestHarness({ workers: [{ configPath: './wrangler.toml', env: 'exchange', vars }] });
  await server.listen();
});
afterAll(async () => {
  await server.close();
  provider.close();
  await staff.close();
});

/** A browser in front of the Worker. */
class WorkerVisitor {
  readonly cookies = new Map<string, string>();
  async send(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = {
      ...(init.headers as Record<string, string>),
      cookie: [...this.cookies].map((c) => c.join('=')).join('; '),
    };
    const answer = (await server.fetch(path, { ...init, headers, redirect: 'manual' } as never)) as unknown as Response;
    for (const line of answer.headers.getSetCookie()) {
      const [pair = ''] = line.split(';');
      const at = pair.indexOf('=');
      if (line.includes('Max-Age=0')) this.cookies.delete(pair.slice(0, at));
      else this.cookies.set(pair.slice(0, at), pair.slice(at + 1));
    }
    return answer;
  }
  post(path: string, form: Record<string, string>): Promise<Response> {
    return this.send(path, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', origin: staff.ours.base },
      body: new URLSearchParams(form).toString(),
    });
  }
  async text(path: string): Promise<string> {
    const answer = await this.send(path);
    expect([path, answer.status]).toEqual([path, 200]);
    return answer.text();
  }
  /** A form of a page, with what the page has in its hidden fields. */
  async submit(page: string, path: string, form: Record<string, string> = {}): Promise<Response> {
    return this.post(path, { csrf: fieldOf(await this.text(page), 'csrf'), ...form });
  }
}

async function signedIn(who: Partial<typeof person> = {}): Promise<WorkerVisitor> {
  person = { subject: 'ada', name: 'Ada Example', roles: ['viewer', 'reviewer', 'admin'], ...who };
  const visitor = new WorkerVisitor();
  const start = await visitor.send('/staff/sign-in/start?return_to=/staff/clocks');
  expect(start.status).toBe(303);
  const sent = new URL(start.headers.get('location') ?? '');
  expect(sent.origin).toBe(issuer);
  nonce = sent.searchParams.get('nonce') ?? '';
  const back = new URLSearchParams({ code: 'c', state: sent.searchParams.get('state') ?? '' });
  const answer = await visitor.send(`/staff/sign-in/callback?${back.toString()}`);
  expect([answer.status, answer.headers.get('location')]).toEqual([303, '/staff/clocks']);
  return visitor;
}

/** What is of the moment, and of the sandbox. */
const lasting = (text: string): string =>
  text
    .replace(/name="csrf" value="[^"]*"/g, '')
    .replace(/\b\d+ (?:second|minute)s?(?: ago)?\b/g, '')
    .replace(/>[^<>]{0,40}(<\/time> by Payer Node)/g, '$1')
    .replace(/As it was on [^<]{0,40}?, for/g, '')
    .replace(/("generatedAt": "|Report made.{0,60}?)\d{4}-\d\d-\d\dT[\d:.]+Z/gs, '$1')
    .replace(/(value,)\d{4}-\d\d-\d\dT[\d:.]+Z\n$/g, '$1')
    .replace(/("timestamp":)"[^"]*"/g, '$1')
    // a Worker has no key that signs a report
    .replace(/("generatedAt":)"[^"]*"/g, '$1')
    .replace(/"sha256":"[0-9a-f]{64}","signature":(?:null|"[^"]*")/g, '')
    .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'uuid');

/** Pages that tell of looks, of which there is one more each time, or when a session was used; and lines and messages, whose files the bucket does not have. */
const LOOKED_AT =
  /^\/staff\/(?:trail|events|sessions(?:\?|$)|members\/[^/]+(?:\/looks)?(?:\?|$)|disclosures|pulls\/[^/]+\/(?:lines\/|messages))/;

/** What the answer of the Worker says otherwise than that of the node, whose text is `a`. */
async function differs(path: string, here: Response, a: string, there: Response): Promise<unknown[] | undefined> {
  const b = await there.text();
  const type = here.headers.get('content-type');
  if (here.status !== there.status || type !== there.headers.get('content-type'))
    return [path, here.status, there.status, type, there.headers.get('content-type'), b.slice(0, 300)];
  if (LOOKED_AT.test(path)) return undefined;
  const [la, lb] = [lasting(a), lasting(b)];
  let at = 0;
  while (at < la.length && la[at] === lb[at]) at++;
  return la === lb ? undefined : [path, la.slice(at - 60, at + 120), lb.slice(at - 60, at + 120)];
}

test('every page that links lead to, and each as CSV and JSON, is in workerd what it is in the Node process', async () => {
  const { deps } = staff.ours;
  const visitor = await signedIn();
  const config = readConfig({
    ...PLAN,
    BASE_URL: staff.ours.base,
    STAFF_OIDC_ISSUER: issuer,
    STAFF_OIDC_CLIENT_ID: CLIENT,
    LOG_LEVEL: 'silent',
    SANDBOX: 'off',
  });
  const node = createStaff({ ...deps, config });
  const roles = ['viewer', 'reviewer', 'admin'] as const;
  const id = await openSession(
    deps,
    { subject: `${issuer}|ada`, name: 'Ada Example', roles: [...roles], authenticatedAt: new Date() },
    false,
    'r',
    undefined,
  );
  const ofNode = async (path: string) =>
    node.request(`${staff.ours.base}${path}`, { headers: { cookie: `sid=${id}` } });
  // a kind of page is enough once
  const kinds = new Set<string>();
  const kindOf = (path: string) =>
    path
      .replace(/=[^&]*/g, '')
      .replace(/\/(?:[0-9a-f-]{36}|[0-9a-f]{32,64}|\d+|[a-z]+-[a-z0-9-]+)(?=\/|$|\?)/g, '/:id');
  const queue = [
    `/staff/pulls/${staff.pullId}`,
    '/staff',
    `/staff/members/${staff.memberId}`,
    `/staff/disclosures?member=${staff.memberId}`,
  ];
  const seen = new Set(queue);
  const different: unknown[] = [];
  for (const path of queue) {
    // minutes past due turn between two answers, each at a second of its own: one of few tries is the same
    let a = '';
    let difference: unknown[] | undefined;
    for (let tries = 0; tries < (LOOKED_AT.test(path) ? 1 : 3) && (tries === 0 || difference); tries++) {
      const here = await ofNode(path);
      a = await here.text();
      difference = await differs(path, here, a, await visitor.send(path));
    }
    if (difference) different.push(difference);
    for (const [, href = ''] of a.matchAll(/href="(\/staff[^"#]*)"/g)) {
      const next = href.replaceAll('&amp;', '&');
      const kind = kindOf(next);
      if (seen.has(next) || kinds.has(kind) || /sign-(in|out)|style\.css|attachments\//.test(next)) continue;
      kinds.add(kind);
      seen.add(next);
      queue.push(next);
    }
  }
  expect(different).toEqual([]);
  expect(queue.length).toBeGreaterThan(80);
}, 300_000);

test('a payer is added by one and let in by another, not by who added it; who signs out is out', async () => {
  const { sql } = staff.ours.deps.database;
  const ada = await signedIn();
  const { privateKey: _, publicKey } = await generateKeyPair('ES384', { extractable: true });
  const jwks = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'p', alg: 'ES384' }] });
  const added = await ada.submit('/staff/peers/new', '/staff/peers', {
    id: 'newcomer',
    name: 'Newcomer Health',
    npi: '9000000038',
    clientIdHere: 'newcomer-client',
    jwks,
  });
  expect([added.status, added.headers.get('location')]).toEqual([303, '/staff/peers/newcomer?done=ok']);
  const state = async () =>
    (await sql<{ state: string }[]>`select state from exchange.peer where id = 'newcomer'`)[0]?.state;
  expect(await state()).toBe('pending');
  const page = await ada.text('/staff/peers/newcomer');
  expect(page).toContain('Newcomer Health');
  // who added it does not let it in
  const own = await ada.submit('/staff/peers/newcomer', '/staff/peers/newcomer/approve');
  expect([own.status >= 400, await state()]).toEqual([true, 'pending']);
  const bob = await signedIn({ subject: 'bob', name: 'Bob Example' });
  expect((await bob.submit('/staff/peers/newcomer', '/staff/peers/newcomer/approve')).status).toBe(303);
  expect(await state()).toBe('active');

  const out = await bob.submit('/staff', '/staff/sign-out');
  expect([out.status, (await bob.send('/staff')).status]).toEqual([303, 303]);
});

test('who signs out at the provider is signed out in workerd: by its token alone, and once', async () => {
  const visitor = await signedIn({ subject: 'leaves' });
  const tell = (token: string) =>
    server.fetch('/staff/sign-in/back-channel-logout', {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ logout_token: token }).toString(),
    } as never) as unknown as Promise<Response>;
  const event = { jti: 'one', events: { 'http://schemas.openid.net/event/backchannel-logout': {} } };
  const told = [
    await tell(await signed({ ...event, nonce: 'n' }, 'leaves')),
    await tell(await signed(event, 'another')),
    await visitor.send('/staff'),
    await tell(await signed({ ...event, jti: 'two' }, 'leaves')),
    await tell(await signed({ ...event, jti: 'two' }, 'leaves')),
  ];
  expect(told.map((a) => a.status)).toEqual([400, 200, 200, 200, 400]);
  expect(told[3]?.headers.get('cache-control')).toBe('no-store');
  expect((await visitor.send('/staff')).status).toBe(303);
});
