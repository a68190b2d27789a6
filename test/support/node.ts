// A whole exchange node in this process: own database, own files and keys, real HTTP on loopback.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getRequestListener } from '@hono/node-server';
import { exportJWK, generateKeyPair } from 'jose';
import { createExchange } from '../../exchange/app.ts';
import { addPeer, setPeerState } from '../../exchange/peers/peer.ts';
import { PullWorker } from '../../exchange/requester/run.ts';
import { takeJob } from '../../exchange/work.ts';
import { readConfig } from '../../src/config.ts';
import type { Deps } from '../../src/deps.ts';
import { noMetrics } from '../../src/runtime/no-metrics.ts';
import { fileBlobs, fileKeys } from '../../src/runtime/node.ts';
import { guardedFetch } from '../../src/runtime/node-fetch.ts';
import type { Tuning } from '../../src/tuning.ts';
import { freshDb } from './db.ts';

export type TestNode = { deps: Deps; base: string; worker: PullWorker; work(): Promise<void>; close(): Promise<void> };

let rsa: Promise<string> | undefined;
/** Takes half a second to make: all nodes of a process have the same. */
async function makeRsaKey(): Promise<string> {
  const { privateKey } = await generateKeyPair('RS384', { extractable: true });
  return JSON.stringify({ ...(await exportJWK(privateKey)), kid: randomUUID(), alg: 'RS384' });
}
const rsaKey = (): Promise<string> => {
  rsa ??= makeRsaKey();
  return rsa;
};

/** No limits of rate and no minimum response times, but where a test is about them. */
const UNLIMITED: Partial<Tuning> = {
  tokenFailuresPerMinute: 0,
  tokenMinLatencyMs: 0,
  matchMinLatencyMs: 0,
  accessRefusedPerMinute: 0,
  staffSignInPerMinute: 0,
};

/** A node under a free port. `env` overrides settings; `fetch` replaces the outgoing client. */
export async function startNode(
  env: Record<string, string> = {},
  over: Partial<Deps> = {},
  tuning: Partial<Tuning> = {},
): Promise<TestNode> {
  const db = await freshDb({ lines: 2 }); // as a node has it
  const folder = mkdtempSync(join(tmpdir(), 'payer-node-test-node-'));
  const outgoing = guardedFetch({ allowLoopback: true, allowedNetworks: [] });
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const base = `http://127.0.0.1:${port}`;
  const made: Deps = {
    config: readConfig(
      {
        BASE_URL: base,
        DATA_DIR: folder,
        LOG_LEVEL: 'silent',
        ...env,
      },
      { ...UNLIMITED, ...tuning },
    ),
    clock: () => new Date(),
    database: db,
    fetch: outgoing,
    blobs: fileBlobs(join(folder, 'blobs')),
    keys: fileKeys(join(folder, 'keys'), { 'rsa-client': await rsaKey() }),
    log: () => {},
    metrics: noMetrics,
    ...over,
  };
  server.on(
    'request',
    getRequestListener(createExchange(made, (c) => c.req.header('x-test-address') ?? '127.0.0.1').fetch),
  );
  return {
    deps: made,
    base,
    worker: new PullWorker(made),
    async work() {
      const owner = randomUUID();
      while (await takeJob(made, owner));
    },
    async close() {
      server.close();
      await outgoing.close();
      await db.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A plan that asks, and the one before, which it asks: each registered with the other. */
export async function twoPlans(over: Partial<Deps> = {}): Promise<{ ours: TestNode; prior: TestNode }> {
  const ours = await startNode({ PLAN_NAME: 'New Plan', PLAN_NPI: '9000000020' }, over);
  const prior = await startNode({ PLAN_NAME: 'Old Plan', PLAN_NPI: '9000000004' }, over);
  await introduce(ours, prior);
  return { ours, prior };
}

/** Registers two nodes with each other, approved. */
export async function introduce(
  asker: TestNode,
  responder: TestNode,
  ids = { asker: 'new-payer', responder: 'prior' },
): Promise<void> {
  const now = new Date();
  const askerConfig = asker.deps.config;
  const responderConfig = responder.deps.config;
  await addPeer(
    responder.deps.database.sql,
    {
      id: ids.asker,
      name: askerConfig.planName,
      npi: askerConfig.planNpi,
      clientIdHere: 'client-1',
      jwksUrl: `${asker.base}/exchange/auth/client-jwks.json`,
      scopes: ['http://hl7.org/fhir/us/davinci-pdex/OperationDefinition/BulkMemberMatch', 'system/*.rs'],
    },
    'test',
    now,
  );
  await setPeerState(responder.deps.database.sql, ids.asker, 'active', 'test', now);
  await addPeer(
    asker.deps.database.sql,
    {
      id: ids.responder,
      name: responderConfig.planName,
      npi: responderConfig.planNpi,
      fhirBase: `${responder.base}/exchange/fhir`,
      clientIdThere: 'client-1',
    },
    'test',
    now,
  );
  await setPeerState(asker.deps.database.sql, ids.responder, 'active', 'test', now);
}
