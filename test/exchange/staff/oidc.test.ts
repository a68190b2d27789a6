// Sign-in at an identity provider: what must hold before someone becomes a session.
import { createHash } from 'node:crypto';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createStaff } from '../../../exchange/staff/app.ts';
import { developmentAccount } from '../../../src/auth/staff-development.ts';
import { hasSecondFactor, rolesIn } from '../../../src/auth/staff-oidc.ts';
import { readConfig } from '../../../src/config.ts';
import { startNode, type TestNode } from '../../support/node.ts';
import { fieldOf, Visitor } from './support.ts';

const ISSUER = 'https://id.example';
const BASE = 'https://node.example';
const CLIENT = 'payer-node';

const KEYS = generateKeyPair('ES256', { extractable: true });

/** A provider that answers from memory; each test may change what it says. */
class Provider {
  keys = KEYS;
  kid: string | undefined = 'k';
  /** how often it was asked for what it publishes */
  readonly published = { discovery: 0, keys: 0 };
  issuer = ISSUER;
  claims: Record<string, unknown> = {};
  audience: string | string[] = CLIENT;
  subject: unknown = 'ada';
  signedBy = this.keys;
  sendsIss = false;
  issuedAt = new Date(Date.now() + time);
  status = 200;
  /** form of the last token request */
  asked = new URLSearchParams();

  readonly fetch = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const { pathname } = new URL(input instanceof Request ? input.url : input);
    if (this.status !== 200) return new Response('', { status: this.status });
    if (pathname === '/.well-known/openid-configuration') this.published.discovery++;
    if (pathname === '/jwks') this.published.keys++;
    if (pathname === '/.well-known/openid-configuration')
      return Response.json({
        issuer: this.issuer,
        authorization_endpoint: `${ISSUER}/authorize`,
        token_endpoint: `${ISSUER}/token`,
        jwks_uri: `${ISSUER}/jwks`,
        authorization_response_iss_parameter_supported: this.sendsIss,
      });
    const named = this.kid === undefined ? {} : { kid: this.kid };
    if (pathname === '/jwks')
      return Response.json({
        keys: [{ ...(await exportJWK((await this.keys).publicKey)), ...named, alg: 'ES256' }],
      });
    this.asked = new URLSearchParams(String(init?.body));
    const { privateKey } = await this.signedBy;
    const idToken = await new SignJWT({
      roles: ['viewer', 'reviewer'],
      amr: ['pwd', 'mfa'],
      name: 'Ada Example',
      ...this.claims,
      ...({ sub: this.subject } as object),
    })
      .setProtectedHeader({ alg: 'ES256', ...named })
      .setIssuer(ISSUER)
      .setAudience(this.audience)
      .setIssuedAt(this.issuedAt)
      .setExpirationTime(Math.floor(Math.max(this.issuedAt.getTime(), Date.now()) / 1000) + 300)
      .sign(privateKey);
    return Response.json({ id_token: idToken, access_token: 'x', token_type: 'Bearer' });
  };
}

let node: TestNode;
/** by how much the clock is ahead; of each test so much that what was kept of the provider in the one before is old */
let time = 0;
let provider: Provider;
let app: ReturnType<typeof createStaff>;

beforeAll(async () => {
  node = await startNode(
    { BASE_URL: BASE, STAFF_OIDC_ISSUER: ISSUER, STAFF_OIDC_CLIENT_ID: CLIENT },
    {
      fetch: ((input, init) => provider.fetch(input as string, init)) as typeof fetch,
      clock: () => new Date(Date.now() + time),
    },
  );
  app = createStaff(node.deps);
});
afterAll(() => node?.close());
beforeEach(() => {
  time += 400_000;
  provider = new Provider();
});

/** Goes to the provider and comes back with its answer. */
async function attempt(change: (query: URLSearchParams) => void = () => {}) {
  const visitor = new Visitor(app, BASE);
  const start = await visitor.get('/staff/sign-in/start?return_to=/staff/clocks');
  const sent = new URL(start.headers.get('location') ?? '');
  provider.claims = { nonce: sent.searchParams.get('nonce'), ...provider.claims };
  const back = new URLSearchParams({ code: 'c', state: sent.searchParams.get('state') ?? '' });
  change(back);
  return { visitor, sent, start, answer: await visitor.get(`/staff/sign-in/callback?${back.toString()}`) };
}
const lastRefusal = async () =>
  (
    await node.deps.database
      .sql`select reason from exchange.audit where action = 'sign-in' and outcome = 'refused' order by seq desc limit 1`
  )[0]?.['reason'];

describe('sign-in with OpenID Connect', () => {
  test('goes with PKCE, state and nonce, and comes back to a session', async () => {
    const { visitor, sent, start, answer } = await attempt();
    expect(start.status).toBe(303);
    expect(sent.origin + sent.pathname).toBe(`${ISSUER}/authorize`);
    expect(Object.fromEntries(sent.searchParams)).toMatchObject({
      response_type: 'code',
      client_id: CLIENT,
      redirect_uri: `${BASE}/staff/sign-in/callback`,
      code_challenge_method: 'S256',
      max_age: '28800',
    });
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/staff/clocks']);
    const verifier = provider.asked.get('code_verifier') ?? '';
    expect(createHash('sha256').update(verifier).digest('base64url')).toBe(sent.searchParams.get('code_challenge'));
    // no secret is configured: an assertion under our key says who we are
    expect(provider.asked.get('client_assertion')?.split('.')).toHaveLength(3);
    expect(answer.headers.getSetCookie().find((c) => c.startsWith('__Host-sid='))).toMatch(
      /; Path=\/; HttpOnly; SameSite=Lax; Secure$/,
    );
    expect(answer.headers.get('strict-transport-security')).toContain('max-age=');
    const page = await (await visitor.get('/staff')).text();
    expect(page).toContain('Ada Example (viewer, reviewer)');
    expect(page).not.toContain('Sandbox');
    const [audit] = await node.deps.database
      .sql`select actor from exchange.audit where action = 'sign-in' and outcome = 'ok' order by seq desc limit 1`;
    expect(audit?.['actor']).toBe(`${ISSUER}|ada`);
  });

  test.each<[string, string, () => Promise<{ answer: Response }>]>([
    ['another state', 'state', () => attempt((q) => q.set('state', 'x'))],
    [
      'an error of the provider',
      'provider-refused',
      () =>
        attempt((q) => {
          q.delete('code');
          q.set('error', 'access_denied');
        }),
    ],
    ['another issuer in the answer', 'issuer', () => attempt((q) => q.set('iss', 'https://evil.example'))],
    [
      'no issuer where one is promised',
      'issuer',
      () => {
        provider.sendsIss = true;
        return attempt();
      },
    ],
    [
      'another nonce',
      'nonce',
      () => {
        provider.claims = { nonce: 'x' };
        return attempt();
      },
    ],
    [
      'a foreign signature',
      'id-token',
      () => {
        provider.signedBy = generateKeyPair('ES256', { extractable: true });
        return attempt();
      },
    ],
    [
      'another audience',
      'id-token',
      () => {
        provider.audience = 'other';
        return attempt();
      },
    ],
    [
      'several audiences without us as the authorized party',
      'audience',
      () => {
        provider.audience = [CLIENT, 'other'];
        return attempt();
      },
    ],
    [
      'an old token',
      'id-token',
      () => {
        provider.issuedAt = new Date(Date.now() + time - 3_600_000);
        return attempt();
      },
    ],
    [
      'no second factor',
      'second-factor',
      () => {
        provider.claims = { amr: ['pwd'] };
        return attempt();
      },
    ],
    [
      'no role of ours',
      'no-role',
      () => {
        provider.claims = { roles: ['Administrators'] };
        return attempt();
      },
    ],
    ...['', 5, null, 'a\u0000b', 'a\ud800b', ' ada', 'x'.repeat(256)].map(
      (subject): [string, string, () => ReturnType<typeof attempt>] => [
        `somebody who is called ${JSON.stringify(subject).slice(0, 20)}`,
        'id-token',
        () => {
          provider.subject = subject;
          return attempt();
        },
      ],
    ),
  ])('refuses %s', async (_name, reason, go) => {
    const { answer } = await go();
    expect(answer.status).toBe(403);
    expect(answer.headers.getSetCookie().some((c) => c.includes('sid='))).toBe(false);
    expect(await lastRefusal()).toBe(reason);
  });

  test('an answer is good once, and not without its cookie', async () => {
    const { visitor, answer, sent } = await attempt();
    expect(answer.status).toBe(303);
    const state = sent.searchParams.get('state') ?? '';
    expect((await visitor.get(`/staff/sign-in/callback?code=c&state=${state}`)).status).toBe(403);
    expect((await new Visitor(app, BASE).get(`/staff/sign-in/callback?code=c&state=${state}`)).status).toBe(403);
  });

  test('a provider that is away or is another is no way in', async () => {
    provider.status = 502;
    expect((await new Visitor(app, BASE).get('/staff/sign-in/start')).status).toBe(503);
    time += 6000;
    provider = new Provider();
    provider.issuer = 'https://evil.example';
    expect((await new Visitor(app, BASE).get('/staff/sign-in/start')).status).toBe(403);
  });

  test('however many begin to sign in, the provider is asked once in five minutes, and for a key that is new to us', async () => {
    const begin = async () => (await new Visitor(app, BASE).get('/staff/sign-in/start')).status;
    expect(new Set(await Promise.all(Array.from({ length: 20 }, begin)))).toEqual(new Set([303]));
    expect((await attempt()).answer.status).toBe(303);
    expect(provider.published).toEqual({ discovery: 1, keys: 1 });
    provider.keys = generateKeyPair('ES256', { extractable: true });
    provider.signedBy = provider.keys;
    provider.kid = 'new';
    Object.assign(provider, { issuedAt: node.deps.clock(), claims: {} });
    expect((await attempt()).answer.status).toBe(303);
    expect(provider.published).toEqual({ discovery: 2, keys: 2 });
    time += 301_000;
    expect(await begin()).toBe(303);
    expect(provider.published).toEqual({ discovery: 3, keys: 3 });
  });

  test.each(['k', undefined])('another key under the name %s is found at once', async (kid) => {
    provider.kid = kid;
    expect((await attempt()).answer.status).toBe(303);
    provider.keys = generateKeyPair('ES256', { extractable: true });
    provider.signedBy = provider.keys;
    provider.claims = {};
    expect((await attempt()).answer.status).toBe(303);
  });

  test('who has it asked for keys that are not there while it is away keeps no one out', async () => {
    expect((await attempt()).answer.status).toBe(303);
    time += 31_000;
    const token = await new SignJWT({
      events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
      jti: 'forged',
      sub: 'ada',
    })
      .setProtectedHeader({ alg: 'ES256', kid: 'none of its' })
      .setIssuer(ISSUER)
      .setAudience(CLIENT)
      .setIssuedAt(node.deps.clock())
      .setExpirationTime(Math.floor(node.deps.clock().getTime() / 1000) + 60)
      .sign((await generateKeyPair('ES256')).privateKey);
    provider.status = 502;
    const path = '/staff/sign-in/back-channel-logout';
    expect((await new Visitor(app, BASE).post(path, { logout_token: token }, {})).status).toBe(400);
    provider.status = 200;
    Object.assign(provider, { issuedAt: node.deps.clock(), claims: {} });
    expect((await attempt()).answer.status).toBe(303);
  });

  test('who begins again and again, or comes back from nowhere, is reported to wait, and leaves no row', async () => {
    const config = { ...node.deps.config, staffSignInPerMinute: 5 };
    const counted = createStaff({ ...node.deps, config }, { addressOf: (c) => c.req.header('x-test-address') ?? '' });
    const { sql } = node.deps.database;
    const rows = async () => {
      const [row] = await sql<{ n: number }[]>`select (select count(*) from exchange.staff_sign_in)::int
        + (select count(*) from exchange.audit where action = 'sign-in')::int as n`;
      return row?.n ?? 0;
    };
    const ask = async (path: string, address: string) => {
      const answer = await counted.request(`${BASE}/staff/sign-in/${path}`, { headers: { 'x-test-address': address } });
      return [answer.status, Number(answer.headers.get('retry-after'))] as const;
    };
    // what is over goes with the next one
    await ask('start', 'somewhere else');
    for (const path of ['start', 'callback?code=x&state=y']) {
      const before = await rows();
      const statuses = [];
      for (let i = 0; i < 30; i++) statuses.push((await ask(path, path))[0]);
      expect(statuses.filter((s) => s !== 429)).toHaveLength(10);
      expect((await rows()) - before).toBe(10);
      const [status, wait] = await ask(path, path);
      expect([status, wait > 0 && wait <= 60]).toEqual([429, true]);
      expect((await ask(path, `${path} of others`))[0]).not.toBe(429);
    }
  });

  test('there is no password form beside it', async () => {
    const visitor = new Visitor(app, BASE);
    expect(await (await visitor.get('/staff/sign-in')).text()).not.toContain('type="password"');
    expect((await visitor.post('/staff/sign-in', { user: 'dev-admin', password: '' })).status).toBe(404);
  });
});

describe('sessions of a person', () => {
  const EVENT = { 'http://schemas.openid.net/event/backchannel-logout': {} };
  const enter = async (subject: string, roles: string[]) => {
    provider.subject = subject;
    provider.claims = { roles };
    const { visitor, answer } = await attempt();
    expect(answer.status).toBe(303);
    return visitor;
  };
  const isIn = async (visitor: Visitor) => (await visitor.get('/staff')).status === 200;
  let told = 0;
  /** @param subject `cy` when it is left out; undefined: the token names no one */
  const tokenOf = async (claims: Record<string, unknown>, ...subject: unknown[]) => {
    provider.subject = subject.length === 0 ? 'cy' : subject[0];
    provider.claims = { jti: `l${++told}`, ...claims };
    const answer = await provider.fetch(`${ISSUER}/token`, { method: 'POST', body: '' });
    return ((await answer.json()) as { id_token: string }).id_token;
  };
  const tell = async (token: string) =>
    (await new Visitor(app, BASE).post('/staff/sign-in/back-channel-logout', { logout_token: token }, {})).status;
  const logout = async (claims: Record<string, unknown>, ...subject: unknown[]) =>
    tell(await tokenOf(claims, ...subject));
  const ended = async () =>
    (
      await node.deps.database
        .sql`select actor, detail->>'of' as of, (detail->>'sessions')::int as sessions from exchange.audit where action = 'sessions-ended' order by seq desc limit 1`
    )[0];

  test('are seen and ended by an administrator, at once, and by no one else', async () => {
    const [one, two] = [await enter('cy', ['reviewer']), await enter('cy', ['reviewer'])];
    const boss = await enter('boss', ['admin']);
    expect((await one.get('/staff/sessions')).status).toBe(403);
    const { tables } = (await (await boss.get('/staff/sessions?format=json')).json()) as {
      tables: { people: { person: string; sessions: number }[] };
    };
    expect(tables.people.find((p) => p.person.endsWith(`${ISSUER}|cy)`))).toMatchObject({ sessions: 2 });
    const csrf = fieldOf(await (await boss.get('/staff/sessions')).text(), 'csrf');
    const subject = `${ISSUER}|cy`;
    expect((await one.post('/staff/sessions/end', { csrf, subject: `${ISSUER}|boss` })).status).toBe(403);
    expect((await boss.post('/staff/sessions/end', { csrf: 'x', subject })).status).toBe(403);
    expect((await boss.post('/staff/sessions/end', { csrf, subject }, { origin: ISSUER })).status).toBe(403);
    expect([await isIn(one), await isIn(two), await isIn(boss)]).toEqual([true, true, true]);
    expect((await boss.post('/staff/sessions/end', { csrf, subject })).status).toBe(303);
    expect([await isIn(one), await isIn(two), await isIn(boss)]).toEqual([false, false, true]);
    expect(await ended()).toEqual({ actor: `${ISSUER}|boss`, of: subject, sessions: 2 });
    expect((await boss.post('/staff/sessions/end', { csrf, subject })).status).toBe(404);
  });

  test('end when the person comes with other roles', async () => {
    const before = await enter('cy', ['admin']);
    const same = await enter('cy', ['admin']);
    expect(await isIn(before)).toBe(true);
    const after = await enter('cy', ['viewer']);
    expect([await isIn(before), await isIn(same), await isIn(after)]).toEqual([false, false, true]);
  });

  test('end when the provider tells that the person has signed out', async () => {
    const [one, other] = [await enter('ed', ['viewer']), await enter('di', ['viewer'])];
    expect(await logout({ events: EVENT }, 'ed')).toBe(200);
    expect([await isIn(one), await isIn(other)]).toEqual([false, true]);
    expect(await ended()).toEqual({ actor: 'oidc', of: `${ISSUER}|ed`, sessions: 1 });
    expect(await logout({ events: EVENT }, 'ed')).toBe(200);
  });

  test('end when the provider tells that a session has ended, by its name for it, and no other ends', async () => {
    const come = async (subject: string, sid: string) => {
      provider.subject = subject;
      provider.claims = { roles: ['viewer'], sid };
      return (await attempt()).visitor;
    };
    const [one, two, other] = [await come('gil', 's1'), await come('gil', 's2'), await come('hal', 's3')];
    expect(await logout({ events: EVENT, sid: 's1' }, undefined)).toBe(200);
    expect([await isIn(one), await isIn(two), await isIn(other)]).toEqual([false, true, true]);
    expect(await ended()).toEqual({ actor: 'oidc', of: `${ISSUER}|gil`, sessions: 1 });
    expect(await logout({ events: EVENT, sid: 'nobody' }, undefined)).toBe(200);
    for (const sid of ['', 5, 'a\0b', 'x'.repeat(256)])
      expect(await logout({ events: EVENT, sid }, undefined)).toBe(400);
    // who is named as well is signed out of all
    const more = await come('gil', 's4');
    expect(await logout({ events: EVENT, sid: 's4' }, 'gil')).toBe(200);
    expect([await isIn(more), await isIn(two), await isIn(other)]).toEqual([false, false, true]);
  });

  test.each<[string, () => Promise<number>]>([
    ['an ID token', () => logout({ nonce: 'n' })],
    ['one with a nonce', () => logout({ events: EVENT, nonce: 'n' })],
    ['one of another event', () => logout({ events: { other: {} } })],
    ['one whose event is no object', () => logout({ events: { [Object.keys(EVENT)[0] ?? '']: true } })],
    ['one about no one', () => logout({ events: EVENT }, null)],
    ['one without an id of its own', () => logout({ events: EVENT, jti: undefined })],
    ['no JWT at all', () => tell('a.b.c')],
    [
      'one for another person',
      () => {
        provider.audience = 'other';
        return logout({ events: EVENT });
      },
    ],
    [
      'one that is old',
      () => {
        provider.issuedAt = new Date(Date.now() + time - 3_600_000);
        return logout({ events: EVENT });
      },
    ],
    [
      'a foreign signature',
      () => {
        provider.signedBy = generateKeyPair('ES256', { extractable: true });
        return logout({ events: EVENT });
      },
    ],
  ])('do not end by %s', async (_name, send) => {
    const visitor = await enter('cy', ['viewer']);
    expect(await send()).toBe(400);
    expect(await isIn(visitor)).toBe(true);
  });

  test('end once by each token: one that someone sends again ends none of later', async () => {
    const token = await tokenOf({ events: EVENT }, 'fay');
    expect(await tell(token)).toBe(200);
    const later = await enter('fay', ['viewer']);
    expect([await tell(token), await isIn(later)]).toEqual([400, true]);
  });

  test('anyone may send tokens: the provider is asked for none that it cannot have signed, and once for the others', async () => {
    // whatever was kept before is old
    time += 600_000;
    provider.issuedAt = node.deps.clock();
    for (const [change, claims] of [
      [{}, {}],
      [{}, { events: EVENT, nonce: 'n' }],
      [{ audience: 'other' }, { events: EVENT }],
      [{ issuedAt: new Date(0) }, { events: EVENT }],
    ] as const) {
      Object.assign(provider, { audience: CLIENT, issuedAt: node.deps.clock() }, change);
      expect(await logout(claims)).toBe(400);
    }
    expect(provider.published).toEqual({ discovery: 0, keys: 0 });
    Object.assign(provider, { audience: CLIENT, issuedAt: node.deps.clock() });
    provider.signedBy = generateKeyPair('ES256', { extractable: true });
    const tokens = await Promise.all(Array.from({ length: 20 }, () => tokenOf({ events: EVENT })));
    expect(new Set(await Promise.all(tokens.map(tell)))).toEqual(new Set([400]));
    provider.kid = 'unknown';
    expect(await logout({ events: EVENT })).toBe(400);
    expect(provider.published).toEqual({ discovery: 1, keys: 1 });
  });

  test('a key that the provider took since is looked for after half a minute; one that is away is asked again after seconds', async () => {
    time += 1_200_000;
    provider.issuedAt = node.deps.clock();
    expect(await logout({ events: EVENT })).toBe(200);
    provider.keys = generateKeyPair('ES256', { extractable: true });
    provider.signedBy = provider.keys;
    provider.kid = 'k2';
    expect(await logout({ events: EVENT })).toBe(400);
    time += 31_000;
    expect(await logout({ events: EVENT })).toBe(200);
    time += 301_000;
    provider.issuedAt = node.deps.clock();
    const [first, second] = [await tokenOf({ events: EVENT }), await tokenOf({ events: EVENT })];
    provider.status = 502;
    expect(await tell(first)).toBe(400);
    provider.status = 200;
    expect(await tell(second)).toBe(400);
    time += 6000;
    expect([await tell(first), await tell(second)]).toEqual([200, 200]);
  });

  test('do not end by a form without a token', async () => {
    const visitor = new Visitor(app, BASE);
    expect((await visitor.post('/staff/sign-in/back-channel-logout', {}, {})).status).toBe(400);
  });
});

test('roles come from our words only', () => {
  expect(rolesIn(['admin', 'root', 'viewer'])).toEqual(['viewer', 'admin']);
  expect(rolesIn('viewer reviewer')).toEqual(['viewer', 'reviewer']);
  expect(rolesIn({ viewer: true })).toEqual([]);
  expect(hasSecondFactor({ acr: 'high' }, ['high'])).toBe(true);
  expect(hasSecondFactor({}, ['mfa'])).toBe(false);
  expect(hasSecondFactor({}, [])).toBe(true);
});

test('the development account exists in the sandbox on loopback only', () => {
  const may = (env: Record<string, string>) => developmentAccount(readConfig(env)) !== undefined;
  expect(may({})).toBe(true);
  expect(may({ SANDBOX: 'off' })).toBe(false);
  expect(may({ SANDBOX: 'on', BASE_URL: 'https://node.example' })).toBe(false);
  expect(may({ SANDBOX: 'on', STAFF_OIDC_ISSUER: ISSUER, STAFF_OIDC_CLIENT_ID: CLIENT })).toBe(false);
  expect(() => createStaff(node.deps, { development: { user: 'dev-admin', password: 'x' } })).toThrow('sandbox');
});

describe('a grave action', () => {
  const seconds = (ago: number) => Math.floor((Date.now() + time) / 1000) - ago;
  const admin = { roles: ['admin', 'reviewer'] };
  /** Signs in so long ago, and sends the form that approves a payer. */
  async function approve(authTime: number | undefined) {
    const { sql } = node.deps.database;
    await sql`insert into exchange.peer (id, name, state, added_by) values ('waits', 'Waits', 'pending', 'somebody') on conflict (id) do update set state = 'pending'`;
    provider.claims = { ...admin, ...(authTime === undefined ? {} : { auth_time: authTime }) };
    const { visitor } = await attempt();
    const page = await (await visitor.get('/staff/peers/waits')).text();
    const answer = await visitor.post('/staff/peers/waits/approve', { csrf: fieldOf(page, 'csrf') });
    const [row] = await sql<{ state: string }[]>`select state from exchange.peer where id = 'waits'`;
    return { answer, state: row?.state, visitor, csrf: fieldOf(page, 'csrf') };
  }

  test('is done by someone who signed in a moment ago', async () => {
    expect(await approve(seconds(20))).toMatchObject({ answer: { status: 303 }, state: 'active' });
  });

  test.each([
    ['long ago', 3600],
    ['at a time no one knows', undefined],
  ])('is not done by someone who signed in %s, who is asked again', async (_, ago) => {
    const { answer, state } = await approve(ago === undefined ? undefined : seconds(ago));
    expect([answer.status, state]).toEqual([403, 'pending']);
    expect(await answer.text()).toContain('/staff/sign-in?return_to=%2Fstaff%2Fpeers%2Fwaits&amp;again=1');
    const [audit] = await node.deps.database
      .sql`select action, reason, object from exchange.audit where outcome = 'refused' order by seq desc limit 1`;
    // never the address itself, in which a number may have been typed
    expect(audit).toEqual({ action: 'manage', reason: 'not-fresh', object: '/staff/peers/:id/approve' });
  });

  test('is informed of by name: on the page, and beside the subject in files; a name that changed is the newest', async () => {
    const { visitor } = await approve(seconds(20));
    const read = async (path: string) => (await visitor.get(path)).text();
    const page = await read('/staff/peers/waits');
    expect(page).toContain('>Ada Example<');
    expect(page).not.toContain(`>${ISSUER}|ada<`);
    expect(await read('/staff/peers/waits?format=csv')).toContain(`Ada Example (${ISSUER}|ada)`);
    expect(await read('/staff/peers?format=json')).toContain(`Ada Example (${ISSUER}|ada)`);
    provider.claims = { ...admin, name: 'Ada Other' };
    await attempt();
    expect(await read('/staff/peers/waits')).toContain('>Ada Other<');
  });

  test('a name of any characters lets in', async () => {
    provider.claims = { ...admin, name: `a\0b${'é'.repeat(96)}😀😀 ${'x'.repeat(50)}` };
    const { answer } = await attempt();
    expect(answer.status).toBe(303);
    const [row] = await node.deps.database
      .sql`select detail->>'name' as name from exchange.audit where action = 'sign-in' and outcome = 'ok' order by seq desc limit 1`;
    expect(row?.['name']).toBe(`a b${'é'.repeat(96)}😀`);
  });

  test('suspending waits for nothing', async () => {
    const { visitor, csrf } = await approve(seconds(3600));
    await node.deps.database.sql`update exchange.peer set state = 'active' where id = 'waits'`;
    expect((await visitor.post('/staff/peers/waits/suspend', { csrf })).status).toBe(303);
  });

  test('asking again means that the provider asks, and says so', async () => {
    const again = async (authTime: number | undefined) => {
      const visitor = new Visitor(app, BASE);
      const start = await visitor.get('/staff/sign-in/start?again=1&return_to=/staff/clocks');
      const sent = new URL(start.headers.get('location') ?? '');
      const nonce = sent.searchParams.get('nonce');
      provider.claims = { ...admin, nonce, ...(authTime === undefined ? {} : { auth_time: authTime }) };
      const back = new URLSearchParams({ code: 'c', state: sent.searchParams.get('state') ?? '' });
      return { sent, answer: await visitor.get(`/staff/sign-in/callback?${back}`) };
    };
    const { sent, answer } = await again(seconds(5));
    expect(Object.fromEntries(sent.searchParams)).toMatchObject({ prompt: 'login', max_age: '300' });
    expect(answer.status).toBe(303);
    for (const at of [seconds(3600), undefined]) {
      expect((await again(at)).answer.status).toBe(403);
      expect(await lastRefusal()).toBe('not-fresh');
    }
  });

  test('no proof older than the longest session lets in; who does not tell its time lets in to what is not grave', async () => {
    const at = async (authTime: number | undefined) => {
      provider.claims = { ...admin, ...(authTime === undefined ? {} : { auth_time: authTime }) };
      return (await attempt()).answer;
    };
    expect((await at(seconds(7 * 3600))).status).toBe(303);
    for (const wrong of [seconds(9 * 3600), seconds(-3600)]) {
      const answer = await at(wrong);
      expect(answer.status).toBe(403);
      expect(await answer.text()).toContain('href="/staff/sign-in?again=1"');
      expect(await lastRefusal()).toBe('not-fresh');
    }
    expect((await at(undefined)).status).toBe(303);
  });

  test('names do not leave as a file without it', async () => {
    const { visitor } = await approve(seconds(3600));
    for (const path of [
      '/staff/disclosures?format=csv',
      '/staff/disclosures/x/audit-events',
      '/staff/members/x/everything',
    ])
      expect([path, (await visitor.get(path)).status]).toEqual([path, 403]);
    expect((await visitor.get('/staff/disclosures')).status).toBe(200);
    expect((await visitor.get('/staff/requests?format=csv')).status).toBe(200);
  });
});
