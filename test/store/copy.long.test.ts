// A COPY that the server refuses says so at once, whenever it does. Deadlines are an hour: who waited for them would not end.
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { CopyFault, copyBytes, copyIn, openCopy } from '../../src/db/copy.ts';
import { binaryRows, COPY_HEADER, COPY_TRAILER } from '../../src/db/copy-binary.ts';
import { copyOut } from '../../src/db/copy-out.ts';
import type { Sql } from '../../src/db/database.ts';
import { freshDb } from '../support/db.ts';

let db: Awaited<ReturnType<typeof freshDb>>;
beforeAll(async () => {
  db = await freshDb();
  await db.sql.unsafe('create table public.number (n integer primary key)');
});
afterAll(() => db.close());

const INTO = 'copy public.number (n) from stdin';
const HOUR = 3_600_000;
function* rows(from: number, to: number, wrongAt = -1): Generator<string> {
  for (let n = from; n < to; n++) yield n === wrongAt ? 'none' : String(n);
}
const refused = async (work: (client: Sql) => Promise<unknown>): Promise<void> => {
  const client = db.dedicated('copy');
  const error = await work(client).then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(CopyFault);
  // what was wrong is told by its code: the server's words quote the rows
  expect((error as CopyFault).code).toMatch(/^(22P02|23505)$/);
  expect((error as Error).message).toBe('the database refused the rows');
  // and the client it ran on goes on
  expect(await client`select 1 as one`).toEqual([{ one: 1 }]);
  await client.end();
};

test('at its end', () => refused((c) => copyIn(c, INTO, ['1', '1'], HOUR)));
test('in its midst, while rows are still being sent', () => refused((c) => copyIn(c, INTO, rows(0, 400_000, 7), HOUR)));
test('before its end is asked for', () =>
  refused(async (c) => {
    const copy = await openCopy(c, INTO, HOUR);
    await copy.write(Buffer.from('none\n'));
    // the answer is there when another client has been answered
    for (let i = 0; i < 20; i++) await db.sql`select pg_sleep(0.01)`;
    await copy.end();
  }));
test('with many pieces given at once: one of them waits for the server', async () => {
  const warned: string[] = [];
  const hear = (warning: Error) => void warned.push(warning.name);
  process.on('warning', hear);
  await refused(async (c) => {
    const copy = await openCopy(c, INTO, HOUR);
    const piece = (from: number) => Buffer.from([...rows(from, from + 20_000)].map((r) => `${r}\n`).join(''));
    await Promise.all(Array.from({ length: 30 }, async (_, i) => copy.write(piece(2_000_000 + i * 20_000))));
    await copy.write(Buffer.from('none\n'));
    await copy.end();
  });
  process.off('warning', hear);
  expect(warned).toEqual([]);
});
test('what is sent has gone out: its memory may be written in again', async () => {
  const client = db.dedicated('copy');
  const copy = await openCopy(client, INTO, HOUR);
  const memory = Buffer.alloc(400_000);
  let n = 5_000_000;
  for (let i = 0; i < 40; i++) {
    let at = 0;
    while (at < memory.length - 10) at += memory.write(`${n++}\n`, at);
    await copy.sent(memory.subarray(0, at));
    memory.fill('x');
  }
  await copy.end();
  await client.end();
  const [found] = await db.sql`select count(*)::int as n, max(n) as most from public.number where n >= 5000000`;
  await db.sql`delete from public.number where n >= 5000000`;
  expect(found).toEqual({ n: n - 5_000_000, most: n - 1 });
});
test('refused while bytes are being sent', () =>
  refused(async (c) => {
    const copy = await openCopy(c, INTO, HOUR);
    for (let i = 0; i < 50; i++) await copy.sent(Buffer.from(`none\n${'1\n'.repeat(200_000)}`));
    await copy.end();
  }));
test('within a transaction, which takes nothing', async () => {
  await refused((c) =>
    c.begin(async (tx) => {
      await tx`insert into public.number values (1000001)`;
      await copyBytes(c, INTO, [Buffer.from('1000001\n')], tx);
    }),
  );
  expect(await db.sql`select from public.number`).toHaveLength(0);
});
test('by being gone while its last row is on its way', async () => {
  const client = db.dedicated('copy');
  const [{ pid } = { pid: 0 }] = await client<{ pid: number }[]>`select pg_backend_pid() as pid`;
  await db.sql.begin(async (tx) => {
    // the row waits for this one, which nobody takes back
    await tx`insert into public.number values (5)`;
    const sent = copyIn(client, INTO, ['5'], HOUR);
    const gone = expect(sent).rejects.toMatchObject({ code: expect.stringMatching(/CONNECTION_CLOSED|57P01/) });
    await vi.waitFor(async () =>
      expect(await db.sql`select from pg_locks where pid = ${pid} and not granted`).toHaveLength(1),
    );
    await db.sql`select pg_terminate_backend(${pid})`;
    await gone;
    await tx`delete from public.number`;
  });
});
test('and what it takes is there', async () => {
  const client = db.dedicated('copy');
  expect(await copyIn(client, INTO, rows(0, 100_000), HOUR)).toBe(100_000);
  expect(await client`select count(*)::int as n from public.number`).toEqual([{ n: 100_000 }]);
  await client.end();
});

test('fields of the binary form are what the server makes of their text', async () => {
  const instants = [
    '2026-01-02T03:04:05Z',
    '2026-01-02T03:04:05.1239+14:00',
    '1969-12-31T23:59:59.9995Z',
    '2026-01-02T03:04:05.00049999999-05:00',
    '0001-01-01T00:00:00Z',
    '2016-12-31T23:59:60Z',
  ];
  const dates = ['2024-02-29', '0050-01-01', '1999-12-31', '9999-12-31', '2000-01-01', '1900-03-01'];
  const texts = [[], ['a', 'é𝒳', ''], ['\\', '"', 'x,y'], ['{}'], ['NULL'], ['\t']];
  await db.sql.unsafe(
    'create table public.field (n integer, at timestamptz(3), day date, facts jsonb, texts text[], name text)',
  );
  const client = db.dedicated('copy');
  const halves = [binaryRows(false), binaryRows(false)] as const;
  for (const [n, instant] of instants.entries()) {
    const rows = n < 3 ? halves[0] : halves[1];
    rows.row(6);
    rows.int4(n);
    rows.instant(instant);
    rows.date(dates[n] ?? '');
    rows.jsonb(JSON.stringify({ n, texts: texts[n] }));
    rows.textArray(texts[n] ?? []);
    rows.text('ü');
  }
  const parts = [COPY_HEADER, ...halves.flatMap((h) => h.finish()), COPY_TRAILER];
  await copyBytes(client, 'copy public.field from stdin (format binary)', parts);
  await client.end();
  const wrong = await db.sql`
    select n from public.field f join unnest(${instants}::text[]::timestamptz(3)[], ${dates}::text[]::date[]) with ordinality u(at, day, place) on u.place = f.n + 1
    where f.at <> u.at or f.day <> u.day or f.facts->'texts' <> to_jsonb(f.texts) or (f.facts->>'n')::int <> n or f.name <> 'ü'`;
  expect([...wrong]).toEqual([]);
  expect(await db.sql`select texts from public.field order by n`).toEqual(texts.map((t) => ({ texts: t })));
});

test('a client of its own stays the same, with its transaction, however long its work takes', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'], shouldAdvanceTime: true });
  const client = db.dedicated('work');
  try {
    await client.unsafe('begin; create temp table mine () on commit drop');
    vi.advanceTimersByTime(2 * 3_600_000);
    await new Promise((done) => setImmediate(done));
    expect(await client.unsafe('select from mine')).toHaveLength(0);
    await client.unsafe('rollback');
  } finally {
    vi.useRealTimers();
    await client.end({ timeout: 1 });
  }
});

test('who reads a COPY hears that its connection broke off', async () => {
  const d = await freshDb();
  const client = d.dedicated('export');
  const [own] = await client<{ pid: number }[]>`select pg_backend_pid() as pid`;
  let ended = false;
  const read = async () => {
    for await (const rows of copyOut(client, `select repeat('x', 3000) from generate_series(1, 200000)`)) {
      if (rows.length > 0 && !ended) await d.sql`select pg_terminate_backend(${own?.pid ?? 0})`;
      ended = true;
    }
  };
  await expect(read()).rejects.toMatchObject({ code: expect.stringMatching(/^(CONNECTION_|57P01|ECONNRESET)/) });
  await client.end({ timeout: 0 });
  await d.close();
});
