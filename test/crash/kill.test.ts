// Two nodes as processes of their own, each with its own database. Ours is killed (kill -9) in every state of a pull, again
// and again; the pull still ends where an undisturbed one ends.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { OPEN_STATES } from '../../exchange/requester/pull.ts';
import { memberFolders, PLAN_NAMES } from '../../src/seed/index.ts';
import { freshDb } from '../support/db.ts';
import { freePort } from '../support/free-port.ts';
import { expireLeases } from './expire-leases.ts';

const root = resolve(import.meta.dirname, '../..');
type Db = Awaited<ReturnType<typeof freshDb>>;
type Node = { env: Record<string, string>; db: Db; base: string };

let folder: string;
const children = new Set<ChildProcess>();
const nodes: Node[] = [];

async function makeNode(name: string, plan: { name: string; npi: string }): Promise<Node> {
  const db = await freshDb();
  const port = await freePort();
  const base = `http://127.0.0.1:${port}`;
  const node = {
    db,
    base,
    env: {
      PATH: process.env['PATH'] ?? '',
      DATABASE_URL: db.url,
      BASE_URL: base,
      PORT: String(port),
      DATA_DIR: join(folder, name),
      PLAN_NAME: plan.name,
      PLAN_NPI: plan.npi,
      PEER_ALLOWED_NETWORKS: '127.0.0.0/8',
      PEER_DUAL_APPROVAL: 'off',
      LOG_LEVEL: 'error',
    },
  };
  nodes.push(node);
  return node;
}

/** A command of a node, to its end. */
function command(node: Node, ...args: string[]): string {
  const done = spawnSync(process.execPath, [join(root, 'dist/main.mjs'), ...args], {
    env: node.env,
    encoding: 'utf8',
    cwd: folder,
  });
  if (done.status !== 0) throw new Error(`${args.join(' ')}: ${done.stderr}${done.stdout}`);
  return done.stdout;
}

/** A command whose reader has gone before it says anything: `… | head -0`. */
async function unheard(node: Node, ...args: string[]): Promise<{ code: number; said: string }> {
  const child = spawn(process.execPath, [join(root, 'dist/main.mjs'), ...args], {
    env: node.env,
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout.destroy();
  let said = '';
  child.stderr.on('data', (d: Buffer) => {
    said += d.toString();
  });
  const [code] = (await once(child, 'close')) as [number];
  return { code, said };
}

async function serve(node: Node): Promise<ChildProcess> {
  const child = spawn(process.execPath, [join(root, 'dist/main.mjs'), 'serve', 'exchange'], {
    env: node.env,
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.add(child);
  child.once('exit', () => children.delete(child));
  let said = '';
  child.stderr?.on('data', (d: Buffer) => {
    said += d.toString();
  });
  await new Promise<void>((ready, fail) => {
    child.stdout?.on('data', (d: Buffer) => {
      if (d.toString().includes('ready')) ready();
    });
    child.once('exit', () => fail(new Error(`the node ended: ${said}`)));
  });
  return child;
}

async function kill(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill(signal);
  await gone;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'payer-node-kill-'));
  await memberFolders({ seed: 11, members: 10, out: join(folder, 'data') });
});

afterAll(async () => {
  for (const child of children) await kill(child, 'SIGKILL');
  for (const node of nodes) await node.db.close();
  rmSync(folder, { recursive: true, force: true });
});

/** What a pull left behind, apart from random ids and times. */
async function result(db: Db) {
  const records =
    await db.sql`select member_id, type, id, version, origin, encode(hash, 'hex') as hash from exchange.resource where origin <> 'own' and type <> 'Provenance' order by 1, 2, 3`;
  const links =
    await db.sql`select member_id, type, a_id, b_id, kind, state, score, rule from exchange.link order by 1, 2, 3, 4, 5`;
  const ledger =
    await db.sql`select type, source_id, outcome, reason, local_id, count(*)::int as n from exchange.ledger where type <> 'Provenance' group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5`;
  const items =
    await db.sql`select id, kind, type, a_id, b_id, state from exchange.review_item where type <> 'Provenance' order by 1`;
  // the id of a Transmitter Provenance tells to whom it was sent: count them
  const provenance =
    await db.sql`select member_id, outcome, count(*)::int as n from exchange.ledger where type = 'Provenance' group by 1, 2 order by 1, 2`;
  const custody =
    await db.sql`select member_id, count(*)::int as n from exchange.resource where type = 'Provenance' and origin = 'own' group by 1 order by 1`;
  const shared =
    await db.sql`select type, case when type <> 'Provenance' then id end as id, origin from exchange.shared_resource order by 1, 2`;
  return {
    records: [...records],
    links: [...links],
    items: [...items],
    ledger: [...ledger],
    provenance: [...provenance],
    custody: [...custody],
    shared: [...shared],
  };
}

/** Our own records, apart from those that tell how others came. */
const ownOf = async (db: Db) => [
  ...(await db.sql`
    select member_id, type, id, version, encode(hash, 'hex') as hash, label from exchange.resource where origin = 'own' and type <> 'Provenance' order by 1, 2, 3`),
];

async function rested(db: Db): Promise<string> {
  for (let waited = 0; waited < 180_000; waited += 50) {
    const [pull] = await db.sql<{ state: string }[]>`select state from exchange.pull`;
    if (pull && !(OPEN_STATES as readonly string[]).includes(pull.state)) return pull.state;
    await new Promise((r) => setTimeout(r, 50));
  }
  // what it waits for
  throw new Error(`the pull did not end: ${JSON.stringify([...(await db.sql`select * from exchange.pull`)])}`);
}

async function stateOf(db: Db): Promise<string | undefined> {
  const [pull] = await db.sql<{ state: string }[]>`select state from exchange.pull`;
  return pull?.state;
}

test('a pull that is killed in every state, or at any moment, ends as one that is not', async () => {
  const prior = await makeNode('prior', { name: PLAN_NAMES.prior, npi: '9000000012' });
  command(
    prior,
    'import',
    'members',
    join(folder, 'data/prior'),
    '--enrolment',
    join(folder, 'data/prior/enrolment.csv'),
    '--rejects',
    join(folder, 'r1'),
  );
  const askers: Node[] = [];
  for (const name of ['calm', 'killed', 'chance']) {
    const asker = await makeNode(name, { name: PLAN_NAMES.current, npi: '9000000004' });
    command(
      asker,
      'import',
      'members',
      join(folder, 'data/current'),
      '--enrolment',
      join(folder, 'data/current/enrolment.csv'),
      '--rejects',
      join(folder, 'r2'),
    );
    command(
      asker,
      'peer',
      'add',
      'prior',
      '--name',
      PLAN_NAMES.prior,
      '--npi',
      '9000000012',
      '--fhir-base',
      `${prior.base}/exchange/fhir`,
      '--client-id-there',
      name,
    );
    command(asker, 'peer', 'approve', 'prior');
    if (name === 'calm') expect(await unheard(asker, 'peer', 'list')).toEqual({ code: 0, said: '' });
    // both are the same payer to the prior one, under two clients
    command(
      prior,
      'peer',
      'add',
      name,
      '--name',
      PLAN_NAMES.current,
      '--npi',
      '9000000004',
      '--client-id',
      name,
      '--jwks-url',
      `${asker.base}/exchange/auth/client-jwks.json`,
    );
    command(prior, 'peer', 'approve', name);
    askers.push(asker);
  }
  const [calm, killed, chance] = askers as [Node, Node, Node];
  const responder = await serve(prior);

  const undisturbed = await serve(calm);
  expect(await rested(calm.db)).toBe('done');
  await kill(undisturbed, 'SIGTERM');

  // the database tells of each new state in the moment it is committed; the process dies in that moment
  await killed.db.sql.unsafe(`
    create function exchange.tell() returns trigger language plpgsql as $$ begin perform pg_notify('pull_state', new.state); return null; end $$;
    create trigger tell after insert or update of state on exchange.pull for each row execute function exchange.tell()`);
  const left = new Set<string>(OPEN_STATES);
  const kills: string[] = [];
  const inEveryState = async () => {
    let running: ChildProcess | undefined;
    await killed.db.sql.listen('pull_state', (state) => {
      if (!left.delete(state)) return;
      kills.push(state);
      running?.kill('SIGKILL');
    });
    for (let starts = 0; starts < 30; starts++) {
      await expireLeases(killed.db.sql);
      running = await serve(killed).catch(() => undefined);
      if (!running) continue;
      const ended = once(running, 'exit');
      const done = await Promise.race([rested(killed.db).then(() => true), ended.then(() => false)]);
      if (done) break;
    }
    if (running) await kill(running, 'SIGTERM');
  };
  // and in whatever moment: within a file, within staging, within the commit
  let struck = 0;
  const byChance = async () => {
    for (let starts = 0; starts < 5 && (await stateOf(chance.db)) !== 'done'; starts++) {
      await expireLeases(chance.db.sql);
      const child = await serve(chance);
      await new Promise((r) => setTimeout(r, 100 + 300 * (starts + 1) * Math.random()));
      await kill(child, 'SIGKILL');
      struck += (await stateOf(chance.db)) === 'done' ? 0 : 1;
    }
    await expireLeases(chance.db.sql);
    const last = await serve(chance);
    expect(await rested(chance.db)).toBe('done');
    await kill(last, 'SIGTERM');
  };
  await Promise.all([inEveryState(), byChance()]);
  await kill(responder, 'SIGTERM');

  expect([...kills].sort()).toEqual([...OPEN_STATES].sort());
  expect(await rested(killed.db)).toBe('done');
  const expected = await result(calm.db);
  expect(expected.records.length).toBeGreaterThan(500);
  expect(await result(killed.db)).toEqual(expected);
  expect(struck).toBeGreaterThan(0);
  expect(await result(chance.db)).toEqual(expected);

  // our own records change beside what came, by imports that are killed while the node serves
  cpSync(join(folder, 'data/current'), join(folder, 'changed'), { recursive: true });
  const results = join(folder, 'changed/Observation.ndjson');
  writeFileSync(results, readFileSync(results, 'utf8').replaceAll('"status":"final"', '"status":"amended"'));
  const imported = ['import', 'members', join(folder, 'changed'), '--rejects', join(folder, 'r3')];
  command(calm, ...imported);
  const serving = await serve(chance);
  for (const wait of [500, 1300]) {
    const child = spawn(process.execPath, [join(root, 'dist/main.mjs'), ...imported], { env: chance.env, cwd: folder });
    children.add(child);
    child.once('exit', () => children.delete(child));
    await new Promise((r) => setTimeout(r, wait + 400 * Math.random()));
    await kill(child, 'SIGKILL');
  }
  const owed = () =>
    chance.db.sql`select work as n from exchange.member_work_queue union all select pull_id from exchange.staging`;
  await expect.poll(async () => (await owed()).length, { timeout: 150_000, interval: 500 }).toBe(0);
  command(chance, ...imported);
  await kill(serving, 'SIGTERM');
  expect(await ownOf(chance.db)).toEqual(await ownOf(calm.db));
  expect(await result(chance.db)).toEqual(await result(calm.db));
}, 720_000);
