// Harvest of a local peer by its $bulk-publish: first time, when nothing changed, when one record of a hundred did; then the
// merged base, and the links between two peers of the same size.
import { createReadStream, createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generated } from './data.ts';
import type { Answer, Bench } from './harness.ts';

type Part = { part: string; seconds: number; cpuMs: number; rssMb: number; result: unknown };
const FILE_LINES = 100_000;

export async function harvest(bench: Bench): Promise<Answer[]> {
  const folder = mkdtempSync(join(tmpdir(), 'payer-node-bench-harvest-'));
  // `--only first --only same --only change` leaves out merging and linking, which take a second peer
  const merges = bench.only.length === 0 || bench.only.some((p) => p === 'merge' || p === 'link');
  const peers = [await localPeer(folder, 0, bench.size)];
  if (merges) peers.push(await localPeer(folder, 1, bench.size));
  const url = await bench.database('harvest');
  const running = await bench.start('harvest-process.ts', [url, peers.map((p) => p.base).join(',')]);
  const answers: Answer[] = [];
  let raw = 1;
  let before = bench.databaseCpu();
  try {
    for (;;) {
      const next = await running.lines.next();
      if (next.done === true) break;
      const p = JSON.parse(next.value) as Part;
      const after = bench.databaseCpu();
      const units = p.part === 'merge' || p.part === 'link' ? bench.size * 2 : bench.size;
      const rate = Math.round(units / p.seconds);
      if (p.part === 'raw') raw = rate;
      else
        answers.push({
          question: `harvest ${p.part}`,
          size: bench.size,
          unit: 'resources/s',
          product: rate,
          raw,
          ratio: Math.round((rate / raw) * 100) / 100,
          cpuMs: round(p.cpuMs / units),
          databaseCpuMs: round((after - before) / units),
          rssMb: p.rssMb,
        });
      before = after;
      bench.note(`${p.part}: ${p.seconds.toFixed(2)} s, ${JSON.stringify(p.result)}`);
    }
    return answers;
  } finally {
    await running.stop();
    for (const p of peers) p.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

const round = (n: number) => Math.round(n * 1000) / 1000;

/** A static chain over generated records. The root is new in each part; the page of `change` brings one record of a hundred. */
export async function localPeer(folder: string, n: number, size: number) {
  const types = new Map<
    string,
    {
      path: string;
      lines: number;
      out: ReturnType<typeof createWriteStream>;
      changed: ReturnType<typeof createWriteStream>;
    }[]
  >();
  let count = 0;
  for (const entry of generated(size).entries) {
    if (!('text' in entry)) continue;
    const type = /"resourceType":"([A-Za-z]+)"/.exec(entry.text)?.[1] ?? '';
    const files = types.get(type) ?? [];
    types.set(type, files);
    let file = files.at(-1);
    if (!file || file.lines >= FILE_LINES) {
      const path = join(folder, `${n}-${type}-${files.length}`);
      file = { path, lines: 0, out: createWriteStream(path), changed: createWriteStream(`${path}.changed`) };
      files.push(file);
    }
    file.lines++;
    const room = [file.out.write(`${entry.text}\n`)];
    if (count++ % 100 === 0) room.push(file.changed.write(`${entry.text.slice(0, -1)},"implicitRules":"urn:x"}\n`));
    if (room.includes(false)) await new Promise((done) => setImmediate(done));
  }
  const all = [...types].flatMap(([type, files]) => files.map((f) => ({ type, ...f })));
  await Promise.all(all.flatMap((f) => [f.out, f.changed]).map((s) => new Promise<void>((done) => s.end(done))));
  let part = 'first';
  const server = createServer((request, answer) => {
    const path = request.url ?? '';
    const at = /^\/file\/(\d+)\//.exec(path);
    if (at) {
      const file = all[Number(at[1])];
      createReadStream(`${file?.path}${path.endsWith('/change') ? '.changed' : ''}`, {
        highWaterMark: 256 * 1024,
      }).pipe(answer);
      return;
    }
    const wanted = /^\/part\/(\w+)/.exec(path)?.[1];
    if (wanted) {
      part = wanted;
      answer.end();
      return;
    }
    answer.setHeader('content-type', 'application/json');
    // the chain of `same` is closed for a snapshot as it was; that of `change` goes on
    const page = /^\/chain\/(\w+)/.exec(path)?.[1];
    const next =
      page === undefined
        ? `${base}/chain/${part}`
        : page === part
          ? '#pending'
          : part === 'change'
            ? `${base}/chain/change`
            : '#closed';
    const files =
      page === undefined || page === 'change'
        ? all.map((f, i) => ({ type: f.type, url: `${base}/file/${i}/${page ?? 'whole'}` }))
        : [];
    answer.end(
      JSON.stringify({
        transactionTime: new Date(Date.UTC(2027, 0, 1 + ['first', 'same', 'change'].indexOf(part))).toISOString(),
        requiresAccessToken: false,
        output: files,
        link: [{ relation: 'next', url: next }],
      }),
    );
  });
  server.listen(0, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    base,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
