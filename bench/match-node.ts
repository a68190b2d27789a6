// The exchange of a plan of many members as a process: `product` is the service with its worker, `raw` a bare route that looks
// one number up and writes one row. Prints its address and an access token when it listens.
import { once } from 'node:events';
import { mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import { exportJWK, generateKeyPair } from 'jose';
import { createExchange } from '../exchange/app.ts';
import { addPeer, findPeer, setPeerState } from '../exchange/peers/peer.ts';
import { addresses } from '../exchange/plan.ts';
import { startWork } from '../exchange/work.ts';
import { signAccessToken } from '../src/auth/access-token.ts';
import { BULK_MATCH_SCOPE, SINGLE_MATCH_SCOPE } from '../src/auth/scopes.ts';
import { readConfig } from '../src/config.ts';
import type { Deps, Keys } from '../src/deps.ts';
import { prometheus } from '../src/runtime/metrics.ts';
import { fileBlobs, gathered, jsonLog, openDatabase } from '../src/runtime/node.ts';

const [kind = '', url = '', planName = '', planNpi = '', askerName = '', askerNpi = ''] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'payer-node-bench-match-'));
const jwk = {
  ...(await exportJWK((await generateKeyPair('ES384', { extractable: true })).privateKey)),
  kid: 'bench',
  alg: 'ES384',
} as JsonWebKey & { kid: string; alg: string };
const { d: _private, ...published } = jwk;
const keys: Keys = { signing: async () => jwk, published: async () => [published as typeof jwk] };
const server = createServer();
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address() as { port: number };
const sink = openSync('/dev/null', 'w');
const database = openDatabase(url, { max: 10, lines: 3 });
const deps: Deps = {
  config: readConfig({
    BASE_URL: `http://127.0.0.1:${port}`,
    DATA_DIR: folder,
    PLAN_NAME: planName,
    PLAN_NPI: planNpi,
    MATCH_PER_MINUTE: '0',
  }),
  clock: () => new Date(),
  database,
  fetch,
  blobs: fileBlobs(join(folder, 'blobs')),
  keys,
  log: jsonLog(
    'info',
    gathered((text) => writeSync(sink, text)),
  ),
  metrics: prometheus(),
};
const scopes = [BULK_MATCH_SCOPE, SINGLE_MATCH_SCOPE, 'system/*.rs'];
if (!(await findPeer(database.sql, 'asker'))) {
  const peer = {
    id: 'asker',
    name: askerName,
    npi: askerNpi,
    clientIdHere: 'bench',
    jwks: { keys: [published] },
    scopes,
  };
  await addPeer(database.sql, peer, 'bench', new Date());
  await setPeerState(database.sql, 'asker', 'active', 'bench', new Date());
}
const here = addresses(deps.config);
const token = await signAccessToken(jwk, {
  clientId: 'bench',
  scope: scopes.join(' '),
  epoch: (await findPeer(database.sql, 'asker'))?.epoch ?? 0,
  issuer: here.issuer,
  audience: here.fhir,
  now: new Date(),
});

type Body = { parameter: { resource: { identifier?: { value: string }[] } }[] };
const raw = new Hono().post('*', async (c) => {
  const body = (await c.req.json()) as Body;
  const number = body.parameter[1]?.resource.identifier?.[0]?.value ?? '';
  const [found] = await database.sql<{ id: string }[]>`
    with found as (select member_id from exchange.member_token where kind = 1 and hash = hashtextextended(${number}, 1))
    insert into public.asked (id) select member_id from found returning id`;
  return c.json(found ?? {});
});
let worker: { stop(): Promise<void> } | undefined;
if (kind === 'raw') {
  await database.sql.unsafe('create table if not exists public.asked (id text, at timestamptz default now())');
  server.on('request', getRequestListener(raw.fetch));
} else {
  const started = startWork(deps, { plans: false });
  deps.wake = () => started.trigger();
  worker = started;
  server.on('request', getRequestListener(createExchange(deps).fetch));
}
process.stdout.write(`${JSON.stringify({ port, token })}\n`);

process.once('SIGTERM', () => {
  void (async () => {
    await worker?.stop();
    server.close();
    server.closeAllConnections();
    await database.close();
    rmSync(folder, { recursive: true, force: true });
    process.exit(0);
  })();
});
