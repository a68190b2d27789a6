// Memory that goes round, over a connection whose other side reads slowly and breaks off: whatever arrives is what was sent, and not
// what was written in its memory afterwards.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pieces } from '../../src/chunks.ts';
import { CopyFault, openCopy } from '../../src/db/copy.ts';
import { openDatabase } from '../../src/runtime/node.ts';
import { freshDb } from '../support/db.ts';

let db: Awaited<ReturnType<typeof freshDb>>;
beforeAll(async () => {
  db = await freshDb();
  await db.sql.unsafe('create table public.line (n integer primary key, filler text not null)');
});
afterAll(() => db.close());

const INTO = 'copy public.line (n, filler) from stdin';
const FILLER = 'f'.repeat(90);
const lineOf = (n: number) => `${n}\t${FILLER}\n`;
const PIECES = 24;
const A_PIECE = 3000;

/** A way to the server that carries at most some bytes at once with a rest between, and breaks off after `most` of them. */
async function slowWay(url: string, most: number) {
  const to = new URL(url);
  const [host, port] = [to.hostname, Number(to.port)];
  const ends: Socket[] = [];
  const carried: Buffer[] = [];
  let size = 0;
  const server = createServer((near) => {
    const far = connect(port, host);
    ends.push(near, far);
    for (const end of [near, far])
      end
        .on('error', () => {})
        .on('close', () => {
          near.destroy();
          far.destroy();
        });
    far.on('data', (bytes) => near.write(bytes));
    near.on('data', (bytes) => {
      carried.push(bytes);
      size += bytes.length;
      far.write(bytes);
      if (size > most) near.resetAndDestroy();
      near.pause();
      setTimeout(() => near.resume(), 1);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  to.port = String((server.address() as AddressInfo).port);
  return {
    url: to.href,
    carried: () => Buffer.concat(carried).toString('latin1'),
    close: () => {
      for (const end of ends) end.destroy();
      server.close();
    },
  };
}

/** Sends pieces, four at once, and fills the memory of each as soon as it is free. */
async function send(url: string): Promise<void> {
  const database = openDatabase(url, { max: 1 });
  const client = database.dedicated('copy');
  const memory = pieces();
  try {
    const copy = await openCopy(client, INTO, 20_000);
    const one = async (piece: number) => {
      const bytes = memory.take();
      let at = 0;
      for (let n = piece * A_PIECE; n < (piece + 1) * A_PIECE; n++) at += bytes.write(lineOf(n), at);
      await copy.sent(bytes.subarray(0, at));
      bytes.fill('#');
      memory.give(bytes.buffer);
    };
    for (let piece = 0; piece < PIECES; piece += 4)
      await Promise.all(Array.from({ length: 4 }, (_, i) => one(piece + i)));
    await copy.end();
  } finally {
    await client.end({ timeout: 0 });
    await database.close();
  }
}

const WHOLE = PIECES * A_PIECE * lineOf(0).length;

test.each([0.2, 0.55, 0.9])('broken off after %f of it, then sent once more', async (share) => {
  await db.sql`truncate public.line`;
  const breaks = await slowWay(db.url, WHOLE * share);
  await expect(send(breaks.url)).rejects.toBeInstanceOf(CopyFault);
  expect(breaks.carried().length).toBeGreaterThan(WHOLE * share);
  expect(breaks.carried()).not.toContain('#');
  breaks.close();
  const holds = await slowWay(db.url, Number.POSITIVE_INFINITY);
  await send(holds.url);
  holds.close();
  const [found] = await db.sql`
    select count(*)::int as n, max(n) as most, count(*) filter (where filler <> ${FILLER})::int as wrong from public.line`;
  expect(found).toEqual({ n: PIECES * A_PIECE, most: PIECES * A_PIECE - 1, wrong: 0 });
});
