// Rotation of our own keys without a gap: published before first use, after last use, and taken up by a running process.
import { mkdirSync, mkdtempSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createExchange } from '../../exchange/app.ts';
import { tellInForce } from '../../exchange/compliance/audit/in-force.ts';
import { KnownTokens, signAccessToken } from '../../src/auth/access-token.ts';
import { readConfig } from '../../src/config.ts';
import { keyPlan } from '../../src/runtime/key-files.ts';
import { fileKeys, makeKey, withdrawKeys } from '../../src/runtime/node.ts';
import { startNode } from '../support/node.ts';
import { client } from './peer-client.ts';

const HOUR = 3_600_000;
const start = new Date('2026-05-01T00:00:00Z');
const after = (hours: number) => new Date(start.getTime() + hours * HOUR);
const folderOf = () => mkdtempSync(join(tmpdir(), 'payer-node-test-rotation-'));

describe.each(['token', 'client', 'rsa-client'] as const)('%s keys', (use) => {
  test('are published a day before they sign and a day after, hour by hour', async () => {
    const folder = folderOf();
    let now = start;
    const keys = fileKeys(folder, {}, {}, () => now);
    const first = (await keys.signing(use)).kid;
    now = after(100);
    const second = await makeKey(folder, use, now);
    now = after(101);
    for (let hour = 101; hour < 160; hour++) {
      now = after(hour);
      const published = (await keys.published(use)).map((k) => k.kid);
      const signs = (await keys.signing(use)).kid;
      expect([hour, signs]).toEqual([hour, hour < 124 ? first : second]);
      expect([hour, published]).toEqual([hour, hour < 148 ? [first, second] : [second]]);
      expect(published).toContain(signs);
    }
    expect(JSON.stringify(await keys.published(use))).not.toContain('"d"');
  });

  test('of several processes that begin in one empty folder one makes the first, whatever one left that died over it', async () => {
    const folder = folderOf();
    mkdirSync(join(folder, `.first-${use}`));
    const half = join(folder, '.dead.part');
    writeFileSync(half, '{"kty":');
    const all = Array.from({ length: use === 'rsa-client' ? 3 : 8 }, () => fileKeys(folder, {}, {}, () => start));
    const kids = new Set((await Promise.all(all.map((keys) => keys.signing(use)))).map((k) => k.kid));
    expect(kids.size).toBe(1);
    expect(readdirSync(folder).filter((f) => f.endsWith('.jwk'))).toHaveLength(1);
    expect(readdirSync(folder)).toHaveLength(3);
    // one that is made beside it comes after it
    await makeKey(folder, use, start);
    const anew = fileKeys(folder, {}, {}, () => start);
    expect(kids).toContain((await anew.published(use))[0]?.kid);
  });

  test('a file that holds no key is reported by its name', async () => {
    const folder = folderOf();
    writeFileSync(join(folder, `${use}-0-first.jwk`), '');
    await expect(fileKeys(folder).signing(use)).rejects.toThrow(`${use}-0-first.jwk`);
  });

  test('in an emergency the old ones are gone at once', async () => {
    const folder = folderOf();
    let now = start;
    const keys = fileKeys(folder, {}, {}, () => now);
    await keys.signing(use);
    const fresh = await makeKey(folder, use, after(1));
    expect(withdrawKeys(folder, use, fresh)).toBe(1);
    now = after(2);
    expect((await keys.signing(use)).kid).toBe(fresh);
    expect((await keys.published(use)).map((k) => k.kid)).toEqual([fresh]);
    for (const file of readdirSync(folder)) expect(statSync(join(folder, file)).mode & 0o777).toBe(0o600);
  });
});

test('client keys of both families are apart, and of a given one there is none of the other in the folder', async () => {
  const folder = folderOf();
  const keys = fileKeys(folder);
  const [ec, rsa] = [await keys.published('client'), await keys.published('rsa-client')];
  expect([ec, rsa].map((of) => of.map((k) => [k.kty, k.alg]))).toEqual([[['EC', 'ES384']], [['RSA', 'RS384']]]);
  expect(Buffer.from(rsa[0]?.n ?? '', 'base64url').length * 8).toBe(3072);
  const given = { client: JSON.stringify(await keys.signing('client')) };
  expect(await fileKeys(folder, given).published('rsa-client')).toEqual([]);
  const both = { ...given, 'rsa-client': JSON.stringify(await keys.signing('rsa-client')) };
  const further = { client: JSON.stringify({ keys: rsa }) };
  expect(await fileKeys(folderOf(), both).published('rsa-client')).toEqual(rsa);
  expect(await fileKeys(folderOf(), given, further).published('client')).toEqual([...rsa, ...ec]);
  const env = { CLIENT_KEY: given.client, CLIENT_RSA_KEY: both['rsa-client'], CLIENT_ADDITIONAL_KEYS: further.client };
  expect(readConfig(env).clientRsaKey).toBe(both['rsa-client']);
  expect(() => readConfig({ CLIENT_RSA_KEY: given.client })).toThrow('CLIENT_RSA_KEY');
  expect(() => readConfig({ CLIENT_KEY: both['rsa-client'] })).toThrow('CLIENT_KEY');
  expect(() => readConfig({ TOKEN_ADDITIONAL_KEYS: further.client })).toThrow('TOKEN_ADDITIONAL_KEYS');
});

test('keys of evidence and of the directory sign at once and stay published for ever', () => {
  const made = [0, 1, 2].map((d) => after(d * 24));
  for (const use of ['evidence', 'directory'] as const)
    expect(keyPlan(made, use, after(10_000))).toEqual({ signs: 2, publishedFrom: 0 });
  expect(keyPlan([], 'token', start)).toEqual({ signs: 0, publishedFrom: 0 });
  expect(keyPlan([start], 'token', start)).toEqual({ signs: 0, publishedFrom: 0 });
  expect(keyPlan(made, 'token', after(10_000))).toEqual({ signs: 2, publishedFrom: 2 });
});

test('keys beside one of the environment are published with it', async () => {
  const other = fileKeys(folderOf());
  const own = JSON.stringify(await other.signing('token'));
  const beside = await fileKeys(folderOf()).published('token');
  const keys = fileKeys(folderOf(), { token: own }, { token: JSON.stringify({ keys: beside }) });
  expect((await keys.published('token')).map((k) => k.kid)).toEqual([
    beside[0]?.kid,
    (await other.signing('token')).kid,
  ]);
});

test('tokens given before a rotation hold their five minutes after it, in a node that runs', async () => {
  const folder = folderOf();
  let now = start;
  const clock = () => now;
  const keys = fileKeys(folder, {}, {}, clock);
  const node = await startNode({}, { clock, keys });
  try {
    await client(node, 'a');
    const app = createExchange(node.deps);
    const here = { issuer: `${node.base}/exchange/auth`, audience: `${node.base}/exchange/fhir` };
    const given = async () =>
      signAccessToken(await keys.signing('token'), {
        clientId: 'client-a',
        scope: 'system/*.rs',
        epoch: 2,
        ...here,
        now,
      });
    const works = async (token: string) =>
      (await app.request(`${node.base}/exchange/fhir/Group`, { headers: { authorization: `Bearer ${token}` } })).status;
    await given();
    now = after(10);
    await makeKey(folder, 'token', now);
    now = new Date(after(34).getTime() - 1000); // a second before the new key signs
    const old = await given();
    now = after(34.01);
    const fresh = await given();
    expect([await works(old), await works(fresh)]).toEqual([200, 200]);
    const kid = (t: string) =>
      (JSON.parse(Buffer.from(t.split('.')[0] ?? '', 'base64url').toString()) as { kid: string }).kid;
    expect(kid(old)).not.toBe(kid(fresh));
    const later = { ...here, now: after(35) };
    expect(await new KnownTokens().verify(old, await keys.published('token'), later)).toBeUndefined();
  } finally {
    await node.close();
  }
});

test('a token that was verified before is none when its key is withdrawn, or its time is over', async () => {
  const folder = folderOf();
  const keys = fileKeys(folder, {}, {}, () => start);
  const expected = { issuer: 'https://i.example', audience: 'https://a.example', now: start };
  const token = await signAccessToken(await keys.signing('token'), {
    clientId: 'c',
    scope: 's',
    epoch: 1,
    ...expected,
  });
  const known = new KnownTokens();
  const published = await keys.published('token');
  for (let i = 0; i < 2; i++) expect(await known.verify(token, published, expected)).toMatchObject({ clientId: 'c' });
  expect(await known.verify(token, [], expected)).toBeUndefined();
  expect(await known.verify(token, published, expected)).toBeDefined();
  expect(await known.verify(token, published, { ...expected, audience: 'https://b.example' })).toBeUndefined();
  const late = { ...expected, now: new Date(start.getTime() + 300_000) };
  expect(await known.verify(token, published, late)).toBeUndefined();
});

test('another key that signs, and other settings, are reported in the audit, once, no matter who made it so, and no secret with them', async () => {
  const folder = folderOf();
  let now = start;
  const keys = () => fileKeys(folder, {}, {}, () => now);
  const secret = { METRICS_TOKEN: 'metrics-token-0123456789', ALERT_WEBHOOK_URL: 'https://alerts.example/a-token' };
  const node = await startNode(secret, { keys: keys(), clock: () => now });
  try {
    const { sql } = node.deps.database;
    const told = async () =>
      (
        await sql<{ what: string }[]>`
          select concat_ws(' ', object, outcome, reason) as what from exchange.audit where action in ('key', 'settings') order by seq`
      ).map((r) => r.what.trim());
    await tellInForce(node.deps);
    await tellInForce(node.deps);
    // another process with the same folder has nothing to add, whatever its port
    await tellInForce({ ...node.deps, keys: keys(), config: { ...node.deps.config, port: 1 } });
    const [told1] = await sql<{ detail: object }[]>`select detail from exchange.audit where action = 'settings'`;
    expect(told1?.detail).toHaveProperty('RAW_FILE_KEEP_DAYS');
    const first = ['key/token ok', 'key/client ok', 'key/rsa-client ok', 'key/evidence ok', 'node/settings ok'];
    expect(await told()).toEqual(first);
    now = after(1);
    const kid = await makeKey(folder, 'evidence', now);
    now = after(2);
    await tellInForce(node.deps);
    await tellInForce({ ...node.deps, keys: keys() });
    expect(await told()).toEqual([...first, 'key/evidence noted key-changed']);
    const later = {
      ...node.deps,
      keys: keys(),
      config: {
        ...node.deps.config,
        exportWindowYears: 6,
        alertWebhookUrl: 'https://we:in-the-address@alerts.example',
      },
    };
    await tellInForce(later);
    await tellInForce(later);
    expect((await told()).slice(-1)).toEqual(['node/settings noted settings-changed']);
    // a second machine with settings of its own tells them once; neither tells them again at each start
    const before = (await told()).length;
    const second = { ...node.deps, config: { ...node.deps.config, exportWindowYears: 7 } };
    for (let i = 0; i < 3; i++) {
      await tellInForce({ ...second, keys: keys() }, 'other');
      await tellInForce({ ...later, keys: keys() });
    }
    expect(await told()).toHaveLength(before + 1);
    const rows = await sql<{ detail: Record<string, unknown> }[]>`
      select detail from exchange.audit where action in ('key', 'settings') and outcome = 'noted' order by seq limit 2`;
    expect(rows.map((r) => r.detail)).toMatchObject([
      { kid, before: { kid: expect.any(String) } },
      { EXPORT_WINDOW_YEARS: '6', before: { EXPORT_WINDOW_YEARS: '5' } },
    ]);
    const all = JSON.stringify(await sql`select detail from exchange.audit`);
    for (const value of [secret.METRICS_TOKEN, 'a-token', 'in-the-address', 'postgres://'])
      expect(all).not.toContain(value);
  } finally {
    await node.close();
  }
});
