// One side of an exchange as a process. `load`: loads the members of the prior one. `prior`: answers until it is stopped. `export`, `pull`, `match`:
// asks the prior one, beside the raw way of doing the same. `plan`, `go-on`: makes a pull, and takes its steps from wherever it is,
// with files in a folder that stays. Prints one line when ready and one with its result.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getRequestListener } from '@hono/node-server';
import { createExchange } from '../exchange/app.ts';
import { importMembers } from '../exchange/members/enrolment/import-members.ts';
import { addPeer, setPeerState } from '../exchange/peers/peer.ts';
import { startWork } from '../exchange/work.ts';
import { BULK_MATCH_SCOPE } from '../src/auth/scopes.ts';
import { readConfig } from '../src/config.ts';
import type { Deps, Keys } from '../src/deps.ts';
import type { Resource } from '../src/fhir/resource.ts';
import { validate } from '../src/fhir/validate/validate.ts';
import type { ImportEntry } from '../src/import/entry.ts';
import { noMetrics } from '../src/runtime/no-metrics.ts';
import { fileBlobs, jsonLog, openDatabase } from '../src/runtime/node.ts';
import { guardedFetch } from '../src/runtime/node-fetch.ts';
import { threads } from '../src/runtime/threads.ts';
import {
  enrolmentHeader,
  enrolmentLine,
  enrolmentRow,
  memberRecords,
  PLAN_NAMES,
  type Side,
  sharedRecords,
} from '../src/seed/index.ts';
import { askExport, askGroupExport, askMatch, askPull, askRepull, goOn, planPull } from './exchange-questions.ts';

const SEED = 20_270_101;
const NPI: Record<Side, string> = { prior: '9000000012', current: '9000000004' };
const [task = '', url = '', members = '', key = '', priorBase = '', recordsEach = 'yes', kept = ''] =
  process.argv.slice(2);
const side: Side = task === 'prior' || task === 'load' ? 'prior' : 'current';
const size = Number(members);
/** `no`, `yes` for all that are generated, or how many of a member. */
const withRecords = recordsEach !== 'no';
const isCapped = /^\d+$/.test(recordsEach);
const mostRecords = isCapped ? Number(recordsEach) - 1 : Number.POSITIVE_INFINITY;
const MANY = 1000;
/** The first member of the asker that we have too. */
const manyAt = Array.from({ length: 200 }, (_, i) => i).find((i) => {
  const row = enrolmentRow(SEED, i, 'current');
  return row?.opt_in === 'yes' && row.prior_payer !== '' && enrolmentRow(SEED, i, 'prior') !== undefined;
});
const jwk = JSON.parse(key) as JsonWebKey & { kid: string; alg: string };

const folder = kept === '' ? mkdtempSync(join(tmpdir(), 'payer-node-bench-node-')) : kept;
const { d: _private, ...published } = jwk as JsonWebKey & { kid: string; alg: string; d?: string };
const keys: Keys = {
  signing: async () => jwk,
  published: async () => [published as JsonWebKey & { kid: string; alg: string }],
};

/** One member of a plan with few records each has a thousand: the same observations under further ids. */
function* manyOf(rest: readonly Resource[], entry: (r: Resource) => ImportEntry): Generator<ImportEntry> {
  const some = rest.filter((r) => r.resourceType === 'Observation');
  for (let n = 0; n < MANY - mostRecords; n++) {
    const one = some[n % some.length];
    if (one) yield entry({ ...one, id: `many-${n}` });
  }
}

async function* records(withRecords: boolean): AsyncGenerator<ImportEntry> {
  let line = 0;
  const entry = (resource: Resource): ImportEntry => ({
    source: 'generated',
    line: ++line,
    text: JSON.stringify(resource),
    resource,
  });
  for (const r of sharedRecords(SEED, side)) yield entry(r);
  for (let i = 0; i < size; i++) {
    const [patient, ...rest] = memberRecords(SEED, i, side);
    if (patient) yield entry(patient);
    if (withRecords) for (const r of rest.slice(0, mostRecords)) yield entry(r);
    if (isCapped && i === manyAt) yield* manyOf(rest, entry);
  }
}

async function fill(deps: Deps, withRecords: boolean): Promise<void> {
  const csv = join(folder, 'enrolment.csv');
  const rows = Array.from({ length: size }, (_, i) => enrolmentRow(SEED, i, side)).filter((r) => r !== undefined);
  writeFileSync(
    csv,
    [
      enrolmentHeader(),
      ...rows.map((r) => enrolmentLine({ ...r, prior_payer: r.prior_payer === '' ? '' : 'prior' })),
      '',
    ].join('\n'),
  );
  await importMembers(deps, {
    records: records(withRecords),
    enrolment: csv,
    validate,
    reject: (r) => {
      throw new Error(`${r.code}: ${r.reason}`);
    },
  });
}

const server = createServer();
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const base = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
const database = openDatabase(url, { max: 8 });
const beside = threads();
const commitBatchSize = process.env['COMMIT_BATCH_SIZE'];
const deps: Deps = {
  config: readConfig(
    {
      BASE_URL: kept === '' ? base : 'http://127.0.0.1:9',
      DATA_DIR: folder,
      PLAN_NAME: PLAN_NAMES[side],
      PLAN_NPI: NPI[side],
      EXPORT_WINDOW_YEARS: '20',
    },
    { pullBatch: 10_000, ...(commitBatchSize ? { commitBatchSize: Number(commitBatchSize) } : {}) },
  ),
  clock: () => new Date(),
  database,
  fetch: guardedFetch({ allowLoopback: true, allowedNetworks: [] }),
  blobs: fileBlobs(join(folder, 'blobs')),
  keys,
  log: jsonLog(process.env['BENCH_LOG'] === 'debug' ? 'debug' : 'error'),
  metrics: noMetrics,
  ...(beside ? { threads: beside } : {}),
};
server.on('request', getRequestListener(createExchange(deps).fetch));

const now = new Date();
let worker: { stop(): Promise<void> } | undefined;
if (task === 'load') {
  await addPeer(
    database.sql,
    {
      id: 'asker',
      name: PLAN_NAMES.current,
      npi: NPI.current,
      clientIdHere: 'bench',
      jwks: { keys: [published] },
      scopes: [BULK_MATCH_SCOPE, 'system/*.rs'],
    },
    'bench',
    now,
  );
  await setPeerState(database.sql, 'asker', 'active', 'bench', now);
  await fill(deps, withRecords);
} else if (task === 'prior') {
  const started = startWork(deps, { plans: false });
  deps.wake = () => started.trigger();
  worker = started;
} else if (task !== 'go-on') {
  await addPeer(
    database.sql,
    {
      id: 'prior',
      name: PLAN_NAMES.prior,
      npi: NPI.prior,
      fhirBase: `${priorBase}/exchange/fhir`,
      clientIdThere: 'bench',
    },
    'bench',
    now,
  );
  await setPeerState(database.sql, 'prior', 'active', 'bench', now);
  await fill(deps, false);
}
if (task !== 'go-on' && task !== 'prior') await database.sql`analyze`;
if (task === 'plan') await planPull(deps);
process.stdout.write(`${JSON.stringify({ base })}\n`);
if (task === 'export') process.stdout.write(`${JSON.stringify(await askExport(deps))}\n`);
if (task === 'group-export')
  process.stdout.write(
    `${JSON.stringify(await askGroupExport(deps, memberRecords(SEED, manyAt ?? 0, 'prior')[0]?.['id'] as string))}\n`,
  );
if (task === 'match') process.stdout.write(`${JSON.stringify(await askMatch(deps))}\n`);
if (task === 'repull') await askRepull(deps, randomUUID());
if (task === 'go-on') process.stdout.write(`${JSON.stringify(await goOn(deps, randomUUID()))}\n`);
if (task === 'pull') await askPull(deps, randomUUID());

process.once('SIGTERM', () => {
  void (async () => {
    await worker?.stop();
    server.close();
    server.closeAllConnections();
    await database.close();
    if (kept === '') rmSync(folder, { recursive: true, force: true });
    process.exit(0);
  })();
});
