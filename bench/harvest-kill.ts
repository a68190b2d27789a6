// Does a harvest whose process is killed (kill -9) every so often end as an undisturbed one does? Both read the same local peer, each
// into a database of its own; then what a harvest writes is compared. Fails when they differ.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase } from '../src/runtime/node.ts';
import { round } from './compare.ts';
import { type Answer, type Bench, cpuOf, rssOf } from './harness.ts';
import { localPeer } from './harvest.ts';
import { alive } from './kill.ts';

/** At most so long a process lives, and at least half of it. */
const SECONDS = Number(process.env['KILL_SECONDS'] ?? 10);

/** What a harvest leaves, without times and numbers of runs and texts. */
const LEFT: Record<string, string> = {
  source: `select s.key, encode(s.hash, 'hex'), s.line_hash, s.state, s.flags, s.peer_updated, s.names, t.raw from federation.source s join federation.content t on t.id = s.content`,
  content: 'select 1 from federation.content',
  name: 'select token, rk from federation.name',
  finding: 'select rk, code from federation.finding',
  outbox: 'select distinct unnest(rks) as rk from federation.outbox',
  counters: 'select type, state, complete, reason, counters from federation.run_type',
  staged: `select 1 from federation.incoming union all select 1 from federation.seen union all select 1 from federation.seen_block
    union all select 1 from federation.change union all select 1 from federation.gone`,
};

async function leftIn(url: string): Promise<Record<string, string>> {
  const database = openDatabase(url, { max: 1 });
  const left: Record<string, string> = {};
  for (const [table, query] of Object.entries(LEFT)) {
    const [row] = await database.sql.unsafe<{ n: string; sum: string }[]>(
      `select count(*) as n, coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text as sum from (${query}) t`,
    );
    left[table] = `${row?.n ?? 0} rows, ${row?.sum ?? ''}`;
  }
  await database.close();
  return left;
}

async function run(bench: Bench, name: string, base: string, kills: boolean) {
  const url = await bench.database(name);
  const started = performance.now();
  const used = { cpuMs: 0, rssMb: 0 };
  for (let killed = 0; ; killed++) {
    const node = await bench.start('harvest-run.ts', [url, base]);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((done) => {
      if (kills) timer = setTimeout(() => done(undefined), SECONDS * (500 + Math.random() * 500));
    });
    const watch = setInterval(() => {
      used.rssMb = Math.max(
        used.rssMb,
        alive(() => rssOf(node.pid)),
      );
    }, 200);
    const ended = await Promise.race([node.lines.next(), late]);
    clearTimeout(timer);
    clearInterval(watch);
    used.cpuMs += alive(() => cpuOf(node.pid));
    if (ended === undefined) {
      process.kill(node.pid, 'SIGKILL');
      continue;
    }
    if (ended.done === true || !ended.value.includes('"done"'))
      throw new Error(`${name}: ${ended.value ?? 'it ended'}`);
    await node.stop();
    return { ...used, killed, seconds: (performance.now() - started) / 1000, left: await leftIn(url) };
  }
}

export async function harvestKill(bench: Bench): Promise<Answer> {
  const folder = mkdtempSync(join(tmpdir(), 'payer-node-bench-harvest-kill-'));
  const peer = await localPeer(folder, 0, bench.size);
  try {
    const before = bench.databaseCpu();
    const disturbed = await run(bench, 'harvest_disturbed', peer.base, true);
    const used = bench.databaseCpu() - before;
    bench.note(`killed ${disturbed.killed} times: ${Math.round(disturbed.seconds)} s`);
    const calm = await run(bench, 'harvest_calm', peer.base, false);
    bench.note(`undisturbed: ${Math.round(calm.seconds)} s`);
    const differ = Object.keys(LEFT).filter((t) => calm.left[t] !== disturbed.left[t]);
    if (differ.length > 0)
      throw new Error(differ.map((t) => `${t}: undisturbed ${calm.left[t]}; killed ${disturbed.left[t]}`).join('\n'));
    return {
      question: `harvest killed ${disturbed.killed} times`,
      size: bench.size,
      unit: 'resources/s',
      product: Math.round(bench.size / disturbed.seconds),
      raw: Math.round(bench.size / calm.seconds),
      ratio: round(calm.seconds / disturbed.seconds, 2),
      cpuMs: round(disturbed.cpuMs / bench.size, 4),
      databaseCpuMs: round(used / bench.size, 4),
      rssMb: disturbed.rssMb,
    };
  } finally {
    peer.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
