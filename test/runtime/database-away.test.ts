// A database that is away for a while: what is asked meanwhile fails, and afterwards everything goes on, the loops too.
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { auditRow, writeAudit } from '../../exchange/compliance/audit/audit.ts';
import { ahead } from '../../exchange/responder/export/write-members.ts';
import { startWork } from '../../exchange/work.ts';
import { storeFailure } from '../../src/db/failure.ts';
import { rawRows } from '../../src/db/raw-rows.ts';
import { openDatabase } from '../../src/runtime/node.ts';
import { startNode, type TestNode } from '../support/node.ts';

/** Stands between the node and its database. */
class Gate {
  #server: Server | undefined;
  readonly #sockets = new Set<Socket>();
  readonly #to: { host: string; port: number };
  port = 0;

  constructor(to: { host: string; port: number }) {
    this.#to = to;
  }

  async open(): Promise<void> {
    this.#server = createServer((from) => {
      const to = connect(this.#to);
      for (const [a, b] of [
        [from, to],
        [to, from],
      ] as const) {
        this.#sockets.add(a);
        a.on('error', () => b.destroy());
        a.on('close', () => {
          this.#sockets.delete(a);
          b.destroy();
        });
        a.pipe(b);
      }
    });
    this.#server.listen(this.port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.port = (this.#server.address() as { port: number }).port;
  }

  /** Everything under way breaks off, nothing new is accepted. */
  async shut(): Promise<void> {
    const closed = this.#server && once(this.#server, 'close');
    this.#server?.close();
    for (const s of this.#sockets) s.destroy();
    await closed;
  }
}

let node: TestNode;
let gate: Gate;
let through: ReturnType<typeof openDatabase>;

beforeAll(async () => {
  node = await startNode();
  const url = new URL((node.deps.database as unknown as { url: string }).url);
  gate = new Gate({ host: url.hostname, port: Number(url.port) });
  await gate.open();
  url.port = String(gate.port);
  through = openDatabase(url.href, { max: 4 });
});
afterAll(async () => {
  await through.close();
  await gate.shut();
  await node.close();
});

test('more is asked than there are connections, and all of it goes on afterwards', async () => {
  const { sql } = through;
  await Promise.all(Array.from({ length: 8 }, () => sql`select 1`));
  const worker = startWork({ ...node.deps, database: through }, { plans: false });
  await gate.shut();
  const asked = Array.from({ length: 12 }, (_, i) => (i % 2 === 0 ? sql`select 1` : sql.begin((tx) => tx`select 1`)));
  const during = Promise.allSettled(asked);
  await new Promise((r) => setTimeout(r, 1500));
  await gate.open();
  // fails or is answered: nothing waits for ever
  expect(await during).toHaveLength(12);
  expect([...(await sql`select 1 as n`)]).toEqual([{ n: 1 }]);
  // the sealer is part of the loop
  await writeAudit(node.deps.database.sql, [
    auditRow({ at: new Date(), actorKind: 'system', actor: 'test', action: 'test' }),
  ]);
  await vi.waitFor(
    async () => expect(await node.deps.database.sql`select 1 from exchange.audit_unsealed`).toHaveLength(0),
    { timeout: 30_000, interval: 100 },
  );
  await worker.stop();
});

test('connections that die within transactions fail these, not the process, and are connections again afterwards', async () => {
  const { sql } = through;
  for (let round = 0; round < 10; round++) {
    const begun: Promise<void>[] = [];
    const asked = Array.from({ length: 4 }, () => {
      let told: () => void = () => {};
      begun.push(new Promise((r) => (told = r)));
      return sql.begin(async (tx) => {
        await tx`select 1`;
        told();
        await tx`select pg_sleep(30)`;
      });
    });
    const ends = Promise.allSettled(asked);
    await Promise.all(begun);
    // now within a statement, now on the way from one to the next
    const more = Array.from({ length: round % 3 }, () => sql`select 1`.catch(() => undefined));
    await gate.shut();
    expect((await ends).map((e) => e.status)).toEqual(Array.from({ length: 4 }, () => 'rejected'));
    await gate.open();
    await Promise.all(more);
    // every connection of the pool answers, at once and more than once
    for (let i = 0; i < 3; i++)
      await Promise.all(Array.from({ length: 8 }, () => sql.begin((tx) => tx`select pg_sleep(0.01)`)));
  }
});

test('a cursor whose connection dies while its rows are being used fails, not the process', async () => {
  for (const wait of [0, 300]) {
    let isShut = false;
    const read = through.sql.begin('read only', async (tx) => {
      const rows = tx`select generate_series(1, 100000) as n, repeat('x', 1000) as t`.cursor(100);
      let used = 0;
      for await (const part of ahead(rows)) {
        used += part.length;
        // once: what was read ahead is handed on even when the transaction has failed, amid the next test
        if (used < 300 || isShut) continue;
        isShut = true;
        // the next rows are on their way, or wait to be asked for
        if (wait > 0) await new Promise((r) => setTimeout(r, wait));
        await gate.shut();
        await new Promise((r) => setTimeout(r, 300));
      }
    });
    await expect(read).rejects.toThrow();
    await gate.open();
    expect([...(await through.sql`select 1 as n`)]).toEqual([{ n: 1 }]);
  }
});

test('lines fail what is under way, and what is asked while there is no database, and open again', async () => {
  const url = new URL((node.deps.database as unknown as { url: string }).url);
  // one of its own: what a test before left may still shut the other
  const own = new Gate({ host: url.hostname, port: Number(url.port) });
  await own.open();
  url.port = String(own.port);
  const database = openDatabase(url.href, { max: 1, lines: 3 });
  const ask = (seconds: number, short = false) =>
    rawRows(database.sql, 'select pg_sleep($1::float8), $1::text', [String(seconds)], { prepare: true, short });
  for (let round = 0; round < 4; round++) {
    await Promise.all(Array.from({ length: 6 }, (_, i) => ask(0.02, i % 2 === 0)));
    const under = Array.from({ length: 6 }, (_, i) => ask(2, i % 2 === 0));
    await new Promise((r) => setTimeout(r, 20 * round));
    await own.shut();
    for (const one of await Promise.allSettled(under))
      expect(storeFailure((one as PromiseRejectedResult).reason)?.code).toBe('unavailable');
    const away = await Promise.allSettled(Array.from({ length: 6 }, (_, i) => ask(0, i % 2 === 0)));
    for (const one of away) expect(storeFailure((one as PromiseRejectedResult).reason)?.code).toBe('unavailable');
    await own.open();
    const again = await Promise.all(Array.from({ length: 6 }, (_, i) => ask(i / 100, i % 2 === 0)));
    expect(again.map((rows) => rows.text(0, 1))).toEqual(Array.from({ length: 6 }, (_, i) => String(i / 100)));
  }
  await database.close();
  await own.shut();
});
