// Does a pull whose process is killed (kill -9) every so many seconds end as an undisturbed one does? Both pull the same from one
// local peer, each into a database of its own; then every table that a pull writes is compared. Fails when they differ.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportJWK, generateKeyPair } from 'jose';
import { openDatabase } from '../src/runtime/node.ts';
import { round } from './compare.ts';
import { RECORDS_A_MEMBER } from './exchange.ts';
import { type Answer, type Bench, cpuOf, type Question, rssOf } from './harness.ts';

const SECONDS = Number(process.env['KILL_SECONDS'] ?? 30);

/** What a pull leaves, without what differs from one to the next: times, ids of pulls, and our own statements of custody. */
const LEFT: Record<string, string> = {
  resource: `select member_id, type, id, version, source_id, encode(hash, 'hex'), deleted, label, service_end, keys, links, refers, targets, regexp_replace(body, '"lastUpdated":"[^"]*"', '') from exchange.resource where origin <> 'own'`,
  shared_resource: `select type, id, version, origin, encode(hash, 'hex'), deleted, regexp_replace(body, '"lastUpdated":"[^"]*"', '') from exchange.shared_resource`,
  ledger: `select outcome, reason, type, source_id, member_id, local_id, encode(hash, 'hex') from exchange.ledger`,
  identity: `select peer_id, type, source_id, local_id, member_id, state, encode(hash, 'hex'), encode(line_hash, 'hex') from exchange.identity`,
  shared_key: `select type, kind, hash, id, origin from exchange.shared_key`,
  link: `select member_id, type, a_id, b_id, kind, score, state, rule from exchange.link`,
  chain: `select member_id, chain, kind, state, final_id from exchange.chain`,
  review_item: `select id, member_id, kind, a_id, b_id, state, rule from exchange.review_item`,
  finding: `select kind, type, source_id, member_id, amount from exchange.finding`,
  custody: `select member_id, (select array_agg(t order by t) from unnest(targets) t) from exchange.resource where origin = 'own' and type = 'Provenance'`,
  received: `select member_id, detail from exchange.audit where action = 'received'`,
};

type Left = Record<string, string>;

async function leftIn(url: string): Promise<Left> {
  const database = openDatabase(url, { max: 1 });
  const left: Left = {};
  for (const [table, query] of Object.entries(LEFT)) {
    const [row] = await database.sql.unsafe<{ n: string; sum: string }[]>(
      `select count(*) as n, coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text as sum from (${query}) t`,
    );
    left[table] = `${row?.n ?? 0} rows, ${row?.sum ?? ''}`;
  }
  await database.close();
  return left;
}

type Run = { left: Left; seconds: number; cpuMs: number; rssMb: number; kills: number };

async function run(
  bench: Bench,
  name: string,
  members: number,
  key: string,
  prior: string,
  kills: boolean,
): Promise<Run> {
  const folder = mkdtempSync(join(tmpdir(), 'payer-node-bench-kill-'));
  mkdirSync(folder, { recursive: true });
  try {
    const url = await bench.database(name);
    const ask = (task: string) =>
      bench.start('exchange-node.ts', [task, url, String(members), key, prior, 'yes', folder]);
    await (await ask('plan')).stop();
    const result = { seconds: 0, cpuMs: 0, rssMb: 0, kills: 0 };
    const started = performance.now();
    for (;;) {
      const node = await ask('go-on');
      let timer: NodeJS.Timeout | undefined;
      const watch = setInterval(() => {
        result.rssMb = Math.max(
          result.rssMb,
          alive(() => rssOf(node.pid)),
        );
      }, 200);
      const late = new Promise<undefined>((done) => {
        if (kills) timer = setTimeout(() => done(undefined), SECONDS * 1000);
      });
      const ended = await Promise.race([node.lines.next(), late]);
      clearTimeout(timer);
      clearInterval(watch);
      result.cpuMs += alive(() => cpuOf(node.pid));
      if (ended?.done === true) throw new Error('the pull ended by itself');
      if (ended === undefined) {
        process.kill(node.pid, 'SIGKILL');
        result.kills++;
        bench.note(`kill ${result.kills}: ${await stateIn(url)}`);
        continue;
      }
      await node.stop();
      break;
    }
    result.seconds = (performance.now() - started) / 1000;
    return { ...result, left: await leftIn(url) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A figure of a process that may end meanwhile; then 0. */
export const alive = (read: () => number): number => {
  try {
    return read();
  } catch {
    return 0; // it has just ended
  }
};

async function stateIn(url: string): Promise<string> {
  const database = openDatabase(url, { max: 1 });
  const [row] = await database.sql<
    { state: string; phase: string | null; staged: number; files: number; committed: number; slices: number }[]
  >`
    select state, phase, (select count(*)::int from exchange.pull_file where state = 'staged') as staged, (select count(*)::int from exchange.pull_file) as files,
      (select count(*)::int from exchange.pull_slice where state = 'committed') as committed, (select count(*)::int from exchange.pull_slice) as slices
    from exchange.pull limit 1`;
  await database.close();
  return `${row?.state ?? ''} ${row?.phase ?? ''} ${row?.staged ?? 0} of ${row?.files ?? 0} files staged, ${row?.committed ?? 0} of ${row?.slices ?? 0} slices committed`;
}

export const kill: Question = async (bench): Promise<Answer> => {
  const members = Math.max(1, Math.min(10_000, Math.round(bench.size / RECORDS_A_MEMBER)));
  const key = JSON.stringify({
    ...(await exportJWK((await generateKeyPair('ES384', { extractable: true })).privateKey)),
    kid: 'bench',
    alg: 'ES384',
  });
  const priorArgs = [await bench.database('kill_prior'), String(members), key, '', 'yes'];
  await (await bench.start('exchange-node.ts', ['load', ...priorArgs])).stop();
  const prior = await bench.start('exchange-node.ts', ['prior', ...priorArgs]);
  const base = String(prior.ready['base']);
  const database = bench.databaseCpu();
  const disturbed = await run(bench, 'kill_disturbed', members, key, base, true);
  const used = bench.databaseCpu() - database;
  bench.note(`killed ${disturbed.kills} times: ${Math.round(disturbed.seconds)} s, ${disturbed.left['ledger']}`);
  const calm = await run(bench, 'kill_calm', members, key, base, false);
  await prior.stop();
  bench.note(`undisturbed: ${Math.round(calm.seconds)} s`);
  const differ = Object.keys(LEFT).filter((t) => calm.left[t] !== disturbed.left[t]);
  if (differ.length > 0)
    throw new Error(differ.map((t) => `${t}: undisturbed ${calm.left[t]}; killed ${disturbed.left[t]}`).join('\n'));
  const units = Number(calm.left['ledger']?.split(' ')[0] ?? 0);
  return {
    question: `kill ${disturbed.kills} times`,
    size: bench.size,
    unit: 'resources/s',
    product: Math.round(units / disturbed.seconds),
    raw: Math.round(units / calm.seconds),
    ratio: round(calm.seconds / disturbed.seconds, 2),
    cpuMs: round(disturbed.cpuMs / units, 4),
    databaseCpuMs: round(used / units, 4),
    rssMb: disturbed.rssMb,
  };
};
