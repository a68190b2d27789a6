// Statements over a connection that is not the driver's any more.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { copyOut } from '../../src/db/copy-out.ts';
import type { Sql } from '../../src/db/database.ts';
import { storeFailure } from '../../src/db/failure.ts';
import { type RawRows, rawPages, rawRows, withPages } from '../../src/db/raw-rows.ts';
import { onSchema } from '../../src/db/schema-view.ts';
import { MOST_KEPT } from '../../src/db/search-plans.ts';
import { type StatementLine, statementLine } from '../../src/db/statement-line.ts';
import { statementLines } from '../../src/db/statement-lines.ts';
import { openDatabase } from '../../src/runtime/node.ts';
import { freshDb } from '../support/db.ts';

const db = await freshDb({ lines: 1, max: 2, statementTimeoutMs: 500, name: 'line test' });
afterAll(() => db.close());
afterEach(() => db.sql`drop table if exists changing`);

const ask = async (text: string, values: string[] = [], prepare = true) => {
  const rows = await rawRows(db.sql, text, values, { prepare });
  const all = Array.from({ length: rows.length }, (_, i) =>
    Array.from({ length: rows.columns }, (_c, column) => rows.text(i, column)),
  );
  return all;
};
const DOUBLE = 'select $1::int * 2, pg_backend_pid()';
/** Lines of these tests give no pages. */
async function* never(): AsyncGenerator<RawRows, void, void> {
  yield* [];
}
const prepared = () => ask('select count(*) from pg_prepared_statements').then(([row]) => Number(row?.[0]));

test('each statement has its own answer, whatever becomes of the others of its moment', async () => {
  const asked = await Promise.allSettled([
    ask(DOUBLE, ['1']),
    ask(DOUBLE, ['no number']),
    ask(DOUBLE, ['2']),
    ask('select from nowhere'),
    ask('select $1::text', ['a\0b']),
    ask('select pg_sleep($1::float8)', ['20']),
    ask('select $1::text', ['é🩺'], false),
    ask(DOUBLE, ['3']),
  ]);
  const codes = asked.map((one) => (one.status === 'rejected' ? (one.reason as { code: string }).code : undefined));
  expect(codes).toEqual([undefined, '22P02', undefined, '42P01', '22021', '57014', undefined, undefined]);
  expect(storeFailure((asked[5] as PromiseRejectedResult).reason)?.code).toBe('too-costly');
  const values = asked.map((one) => (one.status === 'fulfilled' ? one.value[0]?.[0] : undefined));
  expect(values).toEqual(['2', undefined, '4', undefined, undefined, undefined, 'é🩺', '6']);
});

test('a statement is prepared once on its connection, and told again when the server does not know it', async () => {
  await ask(DOUBLE, ['1']);
  const before = await prepared();
  await Promise.all(Array.from({ length: 20 }, () => ask(DOUBLE, ['1'])));
  await ask(`${DOUBLE}, 1`, ['1'], false);
  expect(await prepared()).toBe(before);
  await ask('deallocate all', [], false);
  const again = await Promise.all([ask(DOUBLE, ['4']), ask(DOUBLE, ['5'])]);
  expect(again.map(([row]) => row?.[0])).toEqual(['8', '10']);
  // once, though two asked in one moment: that one and the question for it
  expect(await prepared()).toBe(2);
});

test('a statement whose columns have changed is told again', async () => {
  await db.sql`create table changing as select 1 as a`;
  expect(await ask('select * from changing')).toEqual([['1']]);
  await db.sql`alter table changing add b text default 'x'`;
  expect(await ask('select * from changing')).toEqual([['1', 'x']]);
});

test('a statement that the server refused is not taken for prepared', async () => {
  await expect(ask('select a from changing')).rejects.toMatchObject({ code: '42P01' });
  await db.sql`create table changing as select 7 as a`;
  expect(await ask('select a from changing')).toEqual([['7']]);
});

test('the statements used last are kept, others are closed', async () => {
  const form = (i: number) => ask(`select $1::text, ${i} as form`, ['x']);
  const ofForm = `select name from pg_prepared_statements where statement like '%, 0 as form'`;
  await form(0);
  const [[first] = []] = await ask(ofForm, [], false);
  for (let i = 1; i < MOST_KEPT + 100; i += 100) {
    await Promise.all(Array.from({ length: 100 }, (_, n) => form(i + n)));
    await form(0);
  }
  expect(await prepared()).toBe(MOST_KEPT);
  expect(await ask(ofForm, [], false)).toEqual([[first]]);
  // one that was closed is told again
  expect(await form(1)).toEqual([['x', '1']]);
});

test('a statement that cannot be written is refused, and nobody gets the answer of another', async () => {
  const bad = ask('select $1::text, $2::text, 7', ['a', undefined as never]);
  const asked = [ask(DOUBLE, ['10']), ask('select $1::text, $2::text, 7', ['a', 'b']), ask(DOUBLE, ['11'])];
  await expect(bad).rejects.toThrow(TypeError);
  expect((await Promise.all(asked)).map(([row]) => row?.[0])).toEqual(['20', 'a', '22']);
});

test('what else a server says between rows belongs to no answer', async () => {
  const settings = `select set_config('DateStyle', case g % 2 when 0 then 'ISO, DMY' else 'ISO, MDY' end, false), g from generate_series(1, 500) g`;
  await db.sql`create or replace function changing_notice(n int) returns int language plpgsql as $$ begin raise notice 'said %', n; return n; end $$`;
  const asked = await Promise.allSettled([
    ask('select changing_notice(g) from generate_series(1, 300) g'),
    ask(settings),
    ask('select repeat($1, 300000), 1', ['é']),
    ask('select 6 / (4 - g) from generate_series(1, 9) g'),
    ask('do $$ begin raise notice $n$ no rows $n$; end $$', [], false),
    ask('select where false'),
    ask(DOUBLE, ['6']),
  ]);
  const rows = asked.map((one) => (one.status === 'fulfilled' ? one.value : []));
  expect(rows.map((all) => all.length)).toEqual([300, 500, 1, 0, 0, 0, 1]);
  expect(rows[1]?.at(-1)?.[1]).toBe('500');
  expect(rows[2]?.[0]?.[0]?.length).toBe(300_000);
  expect(asked[3]).toMatchObject({ status: 'rejected', reason: { code: '22012' } });
});

test('a server that has vanished without a word is given up, and the next statement asks it anew', async () => {
  const taken: number[] = [];
  const server = createServer((socket) => socket.on('data', (data) => taken.push(data.length))).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  let opened = 0;
  const open = async () => {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    opened++;
    return { socket, take: () => {} };
  };
  const line = statementLine({ open, abandon: () => {}, close: async () => {} }, 100);
  const lost = async () => {
    for (const one of await Promise.allSettled([line.run('select 1', [], true), line.run('select 2', [], true)]))
      expect(storeFailure((one as PromiseRejectedResult).reason)?.code).toBe('unavailable');
  };
  await lost();
  await lost();
  expect([opened, taken.length]).toEqual([2, 2]);
  await line.close();
  server.close();
});

test.each([
  ['is told who comes, and', 0],
  ['lets in who comes, and', 1],
  ['answers the first question, and', 2],
])(
  'a server that %s says nothing more is given up, and the next statement opens another connection',
  async (_, says) => {
    const message = (kind: string, body: Buffer) =>
      Buffer.concat([Buffer.from(kind), Buffer.from([0, 0, 0, body.length + 4]), body]);
    const ready = message('Z', Buffer.from('I'));
    const answers = [
      Buffer.concat([message('R', Buffer.alloc(4)), ready]),
      Buffer.concat([message('C', Buffer.from('SELECT 0\0')), ready]),
    ].slice(0, says);
    const open: Socket[] = [];
    const server = createServer((socket) => {
      open.push(socket);
      const left = [...answers];
      socket.on('error', () => {}).on('data', () => void socket.write(left.shift() ?? ''));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const silent = openDatabase(`postgres://nobody@127.0.0.1:${port}/none`, { lines: 1, max: 1, silentMs: 400 });
    for (const connections of [1, 2]) {
      const asked = await Promise.allSettled(
        [1, 2].map(() => rawRows(silent.sql, 'select 1', [], { prepare: true, short: true })),
      );
      for (const one of asked) expect(storeFailure((one as PromiseRejectedResult).reason)?.code).toBe('unavailable');
      expect(open.length).toBe(connections);
    }
    await silent.close();
    for (const socket of open) socket.destroy();
    server.close();
  },
);

test('what is under way when the connection is lost fails, and the next statement opens another', async () => {
  const [[, pid] = []] = await ask(DOUBLE, ['1']);
  const lost = Promise.allSettled([ask('select pg_sleep(0.4)'), ask(DOUBLE, ['1'])]);
  await db.sql`select pg_terminate_backend(${Number(pid)})`;
  const [under, after] = await lost;
  expect(storeFailure((under as PromiseRejectedResult).reason)?.code).toBe('unavailable');
  // what had not been sent yet is asked over the next one
  if (after?.status === 'rejected') expect(storeFailure(after.reason)?.code).toBe('unavailable');
  const again = await Promise.all([ask(DOUBLE, ['2']), ask(DOUBLE, ['3'])]);
  expect(again.map(([row]) => row?.[0])).toEqual(['4', '6']);
  expect(again[0]?.[0]?.[1]).not.toBe(pid);
});

test('a line that is closed waits for what is under way, and leaves no connection', async () => {
  const other = await freshDb({ lines: 1, max: 2, name: 'closing' });
  const slow = rawRows(other.sql, 'select pg_sleep(0.2)', [], { prepare: true });
  await rawRows(other.sql, 'select 1', [], { prepare: true, short: true });
  await other.close();
  expect((await slow).length).toBe(1);
  for (let left = 1; left > 0; )
    left = Number((await ask(`select count(*) from pg_stat_activity where application_name = 'closing'`))[0]?.[0]);
});

test('a view on another schema names it in these statements too', async () => {
  await db.sql`create schema if not exists elsewhere`;
  await db.sql`create table elsewhere.state as select 41 as change`;
  const view = onSchema(db, 'elsewhere');
  const rows = await rawRows(view.sql, 'select change from directory.state', [], { prepare: true, short: true });
  expect(rows.text(0, 0)).toBe('41');
});

test('where the driver connects by itself it has the connections of the lines', async () => {
  const alone = openDatabase(`${db.url}?sslmode=disable`, { lines: 3, max: 1 });
  const asked = await Promise.all(
    Array.from({ length: 4 }, () =>
      rawRows(alone.sql, 'select pg_backend_pid(), pg_sleep($1::float8)', ['0.3'], { prepare: true }),
    ),
  );
  expect(new Set(asked.map((rows) => rows.text(0, 0))).size).toBe(4);
  await alone.close();
});

describe('a session that plans without values', () => {
  /** It can be planned only by who knows that the value is 0. */
  const TELLS = 'select case when $1::int = 0 then $2::text else (1 / 0)::text end';

  test.each([
    ['a line', ''],
    ['the driver', '?sslmode=disable'],
  ])('plans what is not prepared with its values: %s', async (_, way) => {
    const kept = openDatabase(`${db.url}${way}`, { lines: 1, max: 1, keepsPlans: true });
    const tell = async (prepare: boolean) => (await rawRows(kept.sql, TELLS, ['0', 'known'], { prepare })).text(0, 0);
    await expect(tell(true)).rejects.toMatchObject({ code: '22012' });
    expect(await tell(false)).toBe('known');
    await expect(tell(true)).rejects.toMatchObject({ code: '22012' });
    // what one statement asks for is not there for the next of the same moment
    const both = await Promise.allSettled([tell(false), tell(true), tell(false)]);
    expect(both.map((one) => one.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    await kept.close();
  });
});

test('short statements share a line unless the one in turn takes long; others take one that is free', async () => {
  let now = 0;
  const made: { name: number; done: (() => void)[]; since: number }[] = [];
  const make = (): StatementLine => {
    const line = { name: made.length, done: [] as (() => void)[], since: now };
    made.push(line);
    return {
      waiting: () => line.done.length,
      since: () => line.since,
      run: () => new Promise(() => line.done.push(() => {})),
      pages: () => never(),
      close: async () => {},
    };
  };
  let lines = statementLines(make, 2, () => now);
  const took = (short: boolean) => {
    const before = made.map((l) => l.done.length);
    void lines.run('', [], { prepare: true, short });
    return made.findIndex((l, i) => l.done.length !== (before[i] ?? 0));
  };
  const end = (line: number) => made[line]?.done.pop();
  expect([took(true), took(true)]).toEqual([0, 0]);
  now = 11;
  expect([took(true), took(false)]).toEqual([1, 2]);
  end(1);
  expect([took(false), took(false), took(false)]).toEqual([1, 1, 2]);
  end(0);
  const [short] = made;
  if (short) short.since = 11; // the other one is in turn since now
  expect(took(true)).toBe(0);
  made.length = 0;
  lines = statementLines(make, 6, () => now);
  expect(Array.from({ length: 6 }, () => took(false))).toEqual([1, 2, 3, 4, 1, 2]);
  now = 30;
  expect([took(false), took(false), took(false)]).toEqual([5, 6, 5]);
});

test('statements that take long wait for the line that is free first, in the order in which they came', async () => {
  let now = 0;
  const ends: (() => void)[][] = [];
  const started: string[] = [];
  const make = (): StatementLine => {
    const under: (() => void)[] = [];
    ends.push(under);
    return {
      waiting: () => under.length,
      since: () => now,
      run: (text) => {
        started.push(text);
        return new Promise((resolve) => under.push(() => resolve(undefined as never)));
      },
      pages: () => never(),
      close: async () => {},
    };
  };
  const lines = statementLines(make, 4, () => now);
  const run = (text: string) => lines.run(text, [], { prepare: true });
  /** the first of a line ends, after so long */
  const end = async (line: number, ms: number) => {
    now += ms;
    ends[line]?.shift()?.();
    await new Promise((done) => setImmediate(done));
  };
  // it learns that they take ten milliseconds
  for (let i = 0; i < 40; i++) {
    const answer = run('first');
    await end(1, 10);
    await answer;
  }
  started.length = 0;
  const asked = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map(run);
  expect(started).toEqual(['a', 'b', 'c', 'd']);
  await end(3, 10);
  expect(started).toEqual(['a', 'b', 'c', 'd', 'e']);
  // who comes later does not pass those who wait
  asked.push(run('h'));
  await end(3, 10);
  await end(1, 0);
  expect(started.slice(5)).toEqual(['f', 'g']);
  await end(2, 0);
  expect(started.at(-1)).toBe('h');
  for (const line of [1, 2, 3, 4, 1, 2]) await end(line, 1);
  await Promise.all(asked);
  // quick ones are written ahead of their turn again
  for (let i = 0; i < 200; i++) {
    const answer = run('quick');
    await end(1, 0.1);
    await answer;
  }
  started.length = 0;
  for (const text of ['1', '2', '3', '4', '5', '6', '7', '8']) void run(text);
  expect(started.length).toBe(8);
});

describe.each([
  ['a line', 'pages'],
  ['the driver', 'work'],
] as const)('rows in pages within a transaction, by %s', (_, use) => {
  const NUMBERS = `select i, $2::text, repeat('é', 30000) from generate_series(1, $1::int) i`;
  const within = async <T>(work: (tx: Sql) => Promise<T>): Promise<T> => {
    const client = db.dedicated(use);
    try {
      await client`set statement_timeout = 0`;
      return (await client.begin((tx) => work(withPages(client, tx as unknown as Sql)))) as T;
    } finally {
      await client.end({ timeout: 1 });
    }
  };
  const pagesOf = async (tx: Sql, values: (string | null)[], most: number, stopAfter = 100) => {
    const pages: string[][] = [];
    for await (const page of rawPages(tx, NUMBERS, values, most)) {
      pages.push(
        Array.from(
          { length: page.length },
          (_row, i) => `${page.text(i, 0)} ${page.text(i, 1)} ${page.bytes(i, 2).length}`,
        ),
      );
      if (pages.length === stopAfter) break;
    }
    return pages;
  };
  const row = (i: number, text: string | null) => `${i} ${text} 60000`;

  test('all of them, and statements of the driver before, between and after', async () => {
    await within(async (tx) => {
      await tx`create temp table mark as select 1 as a`;
      const rows = (n: number, text: string | null) => Array.from({ length: n }, (_row, i) => row(i + 1, text));
      const pages = await pagesOf(tx, ['40', 'a'], 1);
      expect(pages.flat()).toEqual(rows(40, 'a'));
      // of 60,000 bytes three have room in a page of a line; the driver counts rows
      expect(pages.map((p) => p.length).slice(0, 4)).toEqual(use === 'pages' ? [1, 2, 3, 3] : [1, 1, 1, 1]);
      expect(await tx`select a from mark`).toHaveLength(1);
      expect((await pagesOf(tx, ['40', null], 15)).flat()).toEqual(rows(40, null));
      expect((await pagesOf(tx, ['0', 'a'], 2)).flat()).toEqual([]);
    });
  });

  test('who stops early leaves nothing behind', async () => {
    await within(async (tx) => {
      expect(await pagesOf(tx, ['50', 'a'], 3, 1)).toHaveLength(1);
      expect(await tx`select 1 as a`).toHaveLength(1);
      expect((await pagesOf(tx, ['2', 'b'], 3)).flat()).toEqual([row(1, 'b'), row(2, 'b')]);
    });
  });

  test('a statement that fails ends the transaction, as any does', async () => {
    await expect(within((tx) => pagesOf(tx, ['no number', 'a'], 3))).rejects.toMatchObject({ code: '22P02' });
    expect(await within((tx) => pagesOf(tx, ['1', 'a'], 3))).toEqual([[row(1, 'a')]]);
  });

  test('a connection that ends while pages are asked for is an error', async () => {
    const lost = within(async (tx) => {
      const [own] = await tx<{ pid: number }[]>`select pg_backend_pid() as pid`;
      for await (const _ of rawPages(tx, NUMBERS, ['100000', 'a'], 3)) {
        await db.sql`select pg_terminate_backend(${own?.pid ?? 0})`;
      }
    });
    await expect(lost).rejects.toThrow();
  });
});

test.each(['export', 'copy', 'work'] as const)(
  'what is copied out by a client for %s stays what it was, however slowly it is taken',
  async (use) => {
    const client = db.dedicated(use);
    try {
      // the time that a busy machine takes is not what is looked at
      await client`set statement_timeout = 0`;
      const taken: { row: number; text: Uint8Array }[] = [];
      for await (const rows of copyOut(
        client,
        `select i::text, repeat(chr(97 + i % 26), 5000) from generate_series(0, 3999) i`,
      )) {
        for (const [i, text] of rows) if (i && text) taken.push({ row: Number(Buffer.from(i).toString()), text });
        await new Promise((done) => setImmediate(done));
      }
      const wrong = taken.filter(({ row, text }) => !text.every((c) => c === 97 + (row % 26)));
      expect([taken.length, wrong.length]).toEqual([4000, 0]);
    } finally {
      await client.end({ timeout: 0 });
    }
  },
);
