// Exports under bad luck: the process that makes them is killed (kill -9) at many moments, two processes share the work,
// writers commit while a snapshot is read, clients break off. Nothing is half visible, nothing doubled, nothing lost.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { request } from 'undici';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { importMembers } from '../../exchange/members/enrolment/import-members.ts';
import { validate } from '../../src/fhir/validate/validate.ts';
import type { ImportEntry } from '../../src/import/entry.ts';
import { readImport } from '../../src/import/read-import.ts';
import { memberFolders } from '../../src/seed/index.ts';
import { ExportClient } from '../exchange/export-client.ts';
import { client } from '../exchange/peer-client.ts';
import { freePort } from '../support/free-port.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { expireLeases } from './expire-leases.ts';

const root = resolve(import.meta.dirname, '../..');
const MEMBERS = 270;
let folder: string;
let node: TestNode;
let them: ExportClient;
const children = new Set<ChildProcess>();

/** A process that works on the node's jobs: same database, same files. */
async function worker(): Promise<ChildProcess> {
  const { database, config } = node.deps;
  if (!('url' in database) || typeof database.url !== 'string') throw new Error('no database of a test');
  const child = spawn(process.execPath, [join(root, 'dist/main.mjs'), 'serve', 'exchange'], {
    env: {
      PATH: process.env['PATH'] ?? '',
      DATABASE_URL: database.url,
      BASE_URL: node.base,
      PORT: String(await freePort()),
      DATA_DIR: config.dataDir,
      LOG_LEVEL: 'error',
    },
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
}
async function kill(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill(signal);
  await gone;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'payer-node-export-kill-'));
  await memberFolders({ seed: 5, members: MEMBERS, out: join(folder, 'data') });
  node = await startNode();
  await importMembers(node.deps, {
    records: few(readImport([join(folder, 'data/prior')])),
    validate,
    reject: () => {},
  });
  them = new ExportClient(node, await client(node, 'a'));
  await them.signIn();
  const { sql } = node.deps.database;
  await sql`insert into exchange.bulk_job (id, kind, peer_id, state, request_url, parameters, received_at, due_at) values ('j', 'match', 'a', 'complete', '', '{}', now(), now())`;
  await sql`insert into exchange.match_group (id, job_id, peer_id, code, created_at, resource) values ('g', 'j', 'a', 'match', now(), '{}')`;
  await sql`
    insert into exchange.match_member (job_id, position, submitted_id, outcome, reason, member_id, group_id, consent_policy, consent_from, consent_to)
    select 'j', n, 's' || n, 'match', 'match', id, 'g', 'regular', current_date - 1, current_date + 100
    from (select id, row_number() over (order by id) as n from exchange.member) m`;
});
afterAll(async () => {
  for (const child of children) await kill(child, 'SIGKILL');
  await node?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Members count here, not how much each has. */
async function* few(entries: AsyncIterable<ImportEntry>): AsyncGenerator<ImportEntry> {
  for await (const e of entries)
    if ('text' in e && /"resourceType":"(?:Patient|Coverage|Observation|Practitioner|Organization)"/.test(e.text))
      yield e;
}

async function kickOff(): Promise<string> {
  const kick = await them.kick('Group/g/$export');
  expect(kick.status).toBe(202);
  return (kick.header('content-location') ?? '').split('/').at(-1) ?? '';
}
async function stateOf(job: string): Promise<string> {
  const [row] = await node.deps.database.sql<
    { state: string }[]
  >`select state from exchange.bulk_job where id = ${job}`;
  return row?.state ?? '';
}
async function ended(job: string): Promise<string> {
  for (let waited = 0; waited < 60_000; waited += 25) {
    const state = await stateOf(job);
    if (state !== 'queued' && state !== 'running') return state;
    await new Promise((r) => setTimeout(r, 25));
  }
  throw new Error('the export did not end');
}
/** Lines of each output file by type, the ids in them, and that no other file lies about. */
async function result(job: string) {
  const { sql } = node.deps.database;
  const files = await sql<{ type: string; lines: number; key: string }[]>`
    select type, lines, blob_key as key from exchange.bulk_file where job_id = ${job} order by position`;
  expect((await node.deps.blobs.list(`bulk/${job}/`)).sort()).toEqual(files.map((f) => f.key).sort());
  const { manifest } = { manifest: (await them.call(`/$export-status/${job}`)).json() };
  const keys = (await them.output(manifest)).map((r) => `${r.resourceType}/${String(r['id'])}`).sort();
  expect(new Set(keys).size).toBe(keys.length);
  const evidence = await sql<{ action: string; n: number }[]>`
    select action, count(*)::int as n from exchange.audit where object = ${`export/${job}`} and action like 'export%' group by 1 order by 1`;
  const delivered = await sql<{ n: number }[]>`select count(*)::int as n from exchange.delivered where job_id = ${job}`;
  return { keys, evidence: [...evidence], delivered: delivered[0]?.n };
}

test('an export whose process is killed at many moments ends as one that is not', async () => {
  const { sql } = node.deps.database;
  const calm = await kickOff();
  await node.work();
  const expected = await result(calm);
  expect(expected.keys.length).toBeGreaterThan(5000);
  expect(expected.delivered).toBeGreaterThan(250);

  const job = await kickOff();
  // the database tells of each step in the moment it is committed
  await sql.unsafe(`
    create function exchange.tell() returns trigger language plpgsql as $$ begin perform pg_notify('export_step', tg_argv[0]); return null; end $$;
    create trigger tell_job after update on exchange.bulk_job for each row execute function exchange.tell('job');
    create trigger tell_delivered after insert on exchange.delivered for each statement execute function exchange.tell('slice')`);
  // ms after which step: taking the job, the first members, the last members
  const moments = [
    ['job', 0],
    ['job', 30],
    ['slice', 0],
    ['job', 250],
  ] as const;
  let kills = 0;
  let running: ChildProcess | undefined;
  let armed: (typeof moments)[number] | undefined;
  await sql.listen('export_step', (step) => {
    if (!armed || step !== armed[0]) return;
    const victim = running;
    const [, after] = armed;
    armed = undefined;
    setTimeout(() => {
      if (victim?.kill('SIGKILL')) kills++;
    }, after);
  });
  for (const moment of moments) {
    armed = moment;
    running = await worker();
    await Promise.race([once(running, 'exit'), ended(job)]);
    await kill(running, 'SIGKILL');
    await expireLeases(sql);
    const state = await stateOf(job);
    if (state === 'complete') break;
    // nothing is visible while it is not finished
    expect(['queued', 'running']).toContain(state);
    const [seen] = await sql<{ n: number }[]>`select count(*)::int as n from exchange.bulk_file where job_id = ${job}`;
    expect(seen?.n).toBe(0);
    expect((await them.call(`/$export-status/${job}`)).status).toBe(202);
  }
  armed = undefined;
  const last = await worker();
  expect(await ended(job)).toBe('complete');
  await kill(last, 'SIGTERM');
  expect(kills).toBeGreaterThan(2);
  const got = await result(job);
  expect(got.keys).toEqual(expected.keys);
  expect([got.evidence, got.delivered]).toEqual([expected.evidence, expected.delivered]);
});

test('two processes share the jobs: each is made once', async () => {
  const workers = [await worker(), await worker()];
  const jobs: string[] = [];
  for (let i = 0; i < 2; i++) jobs.push(await kickOff());
  for (const job of jobs) expect(await ended(job)).toBe('complete');
  for (const child of workers) await kill(child, 'SIGTERM');
  const first = await result(jobs[0] ?? '');
  for (const job of jobs) expect(await result(job)).toEqual(first);
});

test('clients that break off leave no session and no file open', async () => {
  const { sql } = node.deps.database;
  const job = await kickOff();
  await node.work();
  const url = (await them.call(`/$export-status/${job}`)).json().output[0].url as string;
  const bearer = await them.signIn();
  const sessions = async () => {
    const [row] = await sql<{ n: number; busy: number }[]>`
      select count(*)::int as n, count(*) filter (where state <> 'idle' and pid <> pg_backend_pid())::int as busy
      from pg_stat_activity where datname = current_database() and backend_type = 'client backend'`;
    return row;
  };
  const before = await sessions();
  const one = async (i: number) => {
    const gone = new AbortController();
    const headers = { authorization: `Bearer ${bearer}`, ...(i % 2 === 0 ? { 'accept-encoding': 'gzip' } : {}) };
    try {
      const answer = await request(url, { headers, signal: gone.signal });
      if (i % 3 > 0) for await (const _ of answer.body) break;
      gone.abort();
      answer.body.destroy();
    } catch (error) {
      // the client broke off itself
      if (!(error instanceof Error) || error.name !== 'AbortError') throw error;
    }
  };
  for (let i = 0; i < 200; i += 20) await Promise.all(Array.from({ length: 20 }, (_, n) => one(i + n)));
  await vi.waitFor(async () => expect((await sessions())?.busy).toBe(0), { timeout: 20_000, interval: 200 });
  // Linux tells which files of the exports this process, which serves them, has open
  const open = () =>
    readdirSync('/proc/self/fd').filter((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`).includes('.ndjson.gz');
      } catch {
        return false;
      }
    });
  if (existsSync('/proc/self/fd'))
    await vi.waitFor(() => expect(open()).toEqual([]), { timeout: 20_000, interval: 200 });
  const after = await sessions();
  expect(after?.n ?? 99).toBeLessThanOrEqual((before?.n ?? 0) + 10);
  expect((await them.call(url)).status).toBe(200);
});

test('chained exports with _since lose nothing under writers that commit while they run', async () => {
  const { sql } = node.deps.database;
  const records = await sql<{ member: string; id: string }[]>`
    select member_id as member, id from exchange.resource where type = 'Observation' and not deleted and label = 0
      and (service_end is null or service_end > current_date - 1000) order by id limit 30`;
  let writing = true;
  let n = 0;
  const held = new Map<string, string>();
  const writer = async (seed: number) => {
    let random = seed;
    while (writing) {
      random = (random * 1_103_515_245 + 12_345) % 2 ** 31;
      const pick = records[random % records.length];
      const mark = `w${seed}-${n++}`;
      // as every writer: the time of a record is the start of its transaction, which commits later
      await sql.begin(async (tx) => {
        const [now] = await tx<{ at: Date }[]>`select date_trunc('milliseconds', now()) as at`;
        await tx`select pg_sleep(${(random % 7) / 40})`;
        await tx`
          update exchange.resource set last_updated = ${now?.at ?? new Date()}, moved_at = null, version = version + 1,
            body = regexp_replace(regexp_replace(body, '"lastUpdated":"[^"]*"', '"lastUpdated":"' || ${now?.at.toISOString() ?? ''}::text || '"'), '"status":"[^"]*"', '"status":"' || ${mark}::text || '"'), shared = null
          where member_id = ${pick?.member ?? ''} and type = 'Observation' and id = ${pick?.id ?? ''} and last_updated < ${now?.at ?? new Date()}`;
      });
    }
  };
  const writers = [writer(1), writer(2), writer(3)];
  let since: string | undefined;
  const take = async () => {
    const from = since === undefined ? [] : [{ name: '_since', valueInstant: since }];
    const { manifest } = await them.finished(
      await them.kick('Group/g/$export', [{ name: '_type', valueString: 'Observation' }, ...from]),
    );
    for (const r of await them.output(manifest)) {
      const meta = r['meta'] as { lastUpdated: string };
      expect(meta.lastUpdated <= manifest.transactionTime).toBe(true);
      held.set(String(r['id']), String(r['status']));
    }
    since = manifest.transactionTime;
  };
  for (let i = 0; i < 6; i++) await take();
  writing = false;
  await Promise.all(writers);
  await take();
  expect(n).toBeGreaterThan(20);
  const now = await sql<{ id: string; status: string }[]>`
    select id, body::jsonb->>'status' as status from exchange.resource where id = any(${records.map((r) => r.id)}) and type = 'Observation'
      and member_id = any(${records.map((r) => r.member)})`;
  expect(now).toHaveLength(records.length);
  for (const r of now) expect([r.id, held.get(r.id)]).toEqual([r.id, r.status]);
});
