// Do readers of our own directory notice that others are harvested? What they wait when nothing else is done, beside what they
// wait while two peers are harvested, merged and linked. Two hundred requests a second: reads and three kinds of searches.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { constants, setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { openDatabase } from '../src/runtime/node.ts';
import { type Answer, type Bench, cpuOf, type Running, rssOf } from './harness.ts';
import { localPeer } from './harvest.ts';
import { MIX } from './search-mix.ts';

const KINDS = ['read', 'name', 'npi', 'specialty+include'];
const IDLE_MS = 20_000;
type Waits = { requests: number; p50: number; p99: number; failed: number };

export async function readers(bench: Bench): Promise<Answer[]> {
  const folder = mkdtempSync(join(tmpdir(), 'payer-node-bench-readers-'));
  const url = await bench.directory();
  const peers = [await localPeer(folder, 0, bench.size), await localPeer(folder, 1, bench.size)];
  const program = await bench.program('readers-harvest.ts');
  const server = await bench.start('serve.ts', ['product', url, program, url, peers.map((p) => p.base).join(',')]);
  const running: Running[] = [server];
  try {
    const file = join(folder, 'paths');
    writeFileSync(file, (await mixed(url)).join('\n'));
    const load = await bench.start('paced-load.ts', [String(server.ready['port']), file]);
    running.push(load);
    const since = async (): Promise<Waits> => {
      process.kill(load.pid, 'SIGUSR2');
      const line = await load.lines.next();
      if (line.done === true) throw new Error('The load ended.');
      const waits = JSON.parse(line.value) as Waits;
      if (waits.failed > 0) throw new Error(`${waits.failed} requests failed.`);
      return waits;
    };
    await pause(IDLE_MS);
    const idle = await since();
    const cpu = cpuOf(server.pid);
    // the peers are elsewhere: they take what nobody else here wants, their threads that compress too
    setPriority(0, constants.priority.PRIORITY_LOW);
    spawnSync('chrt', ['-a', '-i', '-p', '0', String(process.pid)]);
    process.kill(server.pid, 'SIGUSR2');
    const said = async (): Promise<{ part?: string; failed?: number }> => {
      const line = await server.lines.next();
      if (line.done === true) throw new Error('The server ended.');
      return JSON.parse(line.value) as { part?: string; failed?: number };
    };
    await said();
    await since(); // its start is none of the harvest
    const answers: Answer[] = [];
    for (const part of ['harvesting', 'merging and linking']) {
      const { failed } = await said();
      if (failed !== undefined) throw new Error('The harvesting process failed; what it said is above.');
      const busy = await since();
      answers.push({
        question: `readers while ${part}: p99`,
        size: bench.size,
        unit: 'ms, raw: when idle',
        product: Math.round(busy.p99 * 100) / 100,
        raw: Math.round(idle.p99 * 100) / 100,
        ratio: Math.round((busy.p99 / idle.p99) * 100) / 100,
        cpuMs: Math.round(((cpuOf(server.pid) - cpu) / busy.requests) * 1000) / 1000,
        databaseCpuMs: 0,
        p50: Math.round(busy.p50 * 100) / 100,
        p99: Math.round(busy.p99 * 100) / 100,
        rssMb: rssOf(server.pid),
      });
    }
    return answers;
  } finally {
    for (const r of running.reverse()) await r.stop();
    for (const p of peers) p.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function mixed(url: string): Promise<string[]> {
  const database = openDatabase(url, { max: 1 });
  try {
    const lists: string[][] = [];
    for (const kind of MIX.filter((k) => KINDS.includes(k.name)))
      lists.push((await kind.sample(database.sql)).map((v) => `/directory/fhir/${kind.ask(v)}`));
    const longest = Math.max(...lists.map((l) => l.length));
    return Array.from({ length: longest }).flatMap((_, i) => lists.map((l) => l[i % l.length] ?? '/'));
  } finally {
    await database.close();
  }
}
