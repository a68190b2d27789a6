import { createHash } from 'node:crypto';
import { exportJWK, generateKeyPair } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestHarness } from 'wrangler';
import { createExchange } from '../../exchange/app.ts';
import { freshDb } from '../support/db.ts';
import { startNode } from '../support/node.ts';
import { exchangeSmoke, registerClient } from './exchange-smoke.ts';

test('the exchange on Node', async () => {
  const node = await startNode();
  const key = await registerClient(node.deps.database.sql);
  const app = createExchange(node.deps);
  await exchangeSmoke(async (path, init) => app.request(path, init), node.base, key);
  await node.close();
});

describe('the exchange in workerd', () => {
  const base = 'https://payer.example';
  let server: ReturnType<typeof createTestHarness>;
  let db: Awaited<ReturnType<typeof freshDb>>;
  let key: Awaited<ReturnType<typeof registerClient>>;

  beforeAll(async () => {
    db = await freshDb();
    key = await registerClient(db.sql);
    const secret = async () =>
      JSON.stringify({
        ...(await exportJWK((await generateKeyPair('ES384', { extractable: true })).privateKey)),
        kid: 'w1',
        alg: 'ES384',
      });
    process.env['CLOUDFLARE_HYPERDRIVE_LOCAL_CONNECTION_STRING_HYPERDRIVE'] = db.url;
    server = createTestHarness({
      workers: [
        {
          configPath: './wrangler.toml',
          env: 'exchange',
          vars: {
            BASE_URL: base,
            TOKEN_KEY: await secret(),
            CLIENT_KEY: await secret(),
            PSEUDONYM_KEY: await secret(),
          },
        },
      ],
    });
    await server.listen();
  });
  afterAll(async () => {
    await server.close();
    await db.close();
  });

  test('answers as on Node', async () => {
    await exchangeSmoke((path, init) => server.fetch(path, init as never) as unknown as Promise<Response>, base, key);
  });

  test('staff pages and the member’s page', async () => {
    const get = (path: string) => server.fetch(path, { redirect: 'manual' } as never) as unknown as Promise<Response>;
    const staff = await get('/staff/compliance');
    expect([staff.status, staff.headers.get('location')]).toEqual([
      303,
      '/staff/sign-in?return_to=%2Fstaff%2Fcompliance',
    ]);
    expect((await get('/staff/style.css')).headers.get('content-type')).toContain('text/css');
    await db.sql`insert into exchange.member (id, umb) values ('m0', 'U-0')`;
    const code = 'AAAAAAAAAAAAAAAAAAAAAA';
    const hash = createHash('sha256').update(`invitation ${code}`).digest('hex');
    await db.sql`insert into exchange.invitation (id_hash, member_id, created_at, expires_at, created_by)
      values (${`\\x${hash}`}::text::bytea, 'm0', now(), now() + interval '1 day', 'test')`;
    expect((await get(`/my/${code}?lang=es`)).status).toBe(200);
    expect((await get('/my/nothing')).status).toBe(404);
  });

  test('the schedule keeps the clocks', async () => {
    await db.sql`insert into exchange.member (id, umb) values ('m1', 'U-1')`;
    await db.sql`insert into exchange.consent (id, member_id, choice, policy, recorded_on, source) values ('c1', 'm1', 'opt-in', 'regular', '2026-11-01', 'test')`;
    await db.sql`insert into exchange.other_coverage (id, member_id, payer) values ('o1', 'm1', 'nobody')`;
    await server.getWorker('payer-node-exchange').scheduled({ cron: '* * * * *', scheduledTime: new Date() });
    const clocks = await db.sql`select kind, subject, state, reason from exchange.deadline`;
    expect([...clocks]).toEqual([{ kind: 'C2', subject: 'o1', state: 'blocked', reason: 'no-endpoint' }]);
  });
});
