// Statements whose deadline is over, and what becomes of those behind them on the same connection.
import { afterAll, expect, test } from 'vitest';
import { type Given, givingUp } from '../../src/db/cancel-statement.ts';
import { rawRows } from '../../src/db/raw-rows.ts';
import { deadline, withDeadline } from '../../src/db/request-deadline.ts';
import { freshDb } from '../support/db.ts';

const db = await freshDb({ lines: 1, max: 2, name: 'given up' });
afterAll(() => db.close());

const ask = async (text: string, of?: ReturnType<typeof deadline>) => {
  const rows = await rawRows(of ? withDeadline(db.sql, of) : db.sql, text, [], { prepare: true });
  const found = rows.text(0, 0);
  return found;
};
/** Statements that the server is running for us. */
const running = async () => {
  const [row] = await db.sql<{ n: number }[]>`select count(*)::int as n from pg_stat_activity
    where application_name = 'given up' and state = 'active' and pid <> pg_backend_pid()`;
  return row?.n;
};
const untilNoneRuns = async () => {
  for (let i = 0; i < 500 && (await running()) !== 0; i++) await new Promise((r) => setTimeout(r, 10));
  return running();
};
const codeOf = (error: unknown) => (error as { code?: string }).code;

test('what takes too long is told so and ends on the server, and what stands behind it is answered', async () => {
  const of = deadline(100);
  const slow = ask('select pg_sleep(30)::text', of).catch(codeOf);
  const behind = ask(`select 'behind'`);
  expect(await slow).toBe('too-costly');
  expect(await behind).toBe('behind');
  expect(of.took).toBeGreaterThan(0);
  // nothing further is asked on it
  await expect(ask('select 1', of)).rejects.toMatchObject({ code: 'too-costly' });
});

test('what nobody waits for any more ends on the server', async () => {
  let isGone = false;
  const slow = ask(
    'select pg_sleep(30)::text',
    deadline(60_000, () => isGone),
  ).catch(codeOf);
  while ((await running()) === 0) await new Promise((r) => setTimeout(r, 5));
  isGone = true;
  expect(await slow).toBe('busy');
  expect(await untilNoneRuns()).toBe(0);
});

test('an end that comes late ends nobody else', async () => {
  for (let i = 0; i < 30; i++) {
    // it ends about when its time does
    const slow = ask('select pg_sleep(0.05)::text', deadline(20 + i)).catch(codeOf);
    const behind = [ask(`select 'a' from pg_sleep(0.02)`), ask(`select 'b' from pg_sleep(0.01)`)];
    expect(['', 'too-costly']).toContain(await slow);
    expect(await Promise.all(behind)).toEqual(['a', 'b']);
  }
});

test('a server that was busy hearing of one is asked to end the next as well', async () => {
  const asked: (() => void)[] = [];
  const statement = (): Given => ({ deadline: deadline(0), isGivenUp: false, reject: () => {} });
  let under = [statement()];
  const given = givingUp(
    () => under,
    () => performance.now(),
    () => new Promise<void>((done) => void asked.push(done)),
  );
  const givenUp = async (one: Given | undefined) => {
    given.watch();
    while (one?.isGivenUp === false) await new Promise((r) => setTimeout(r, 5));
  };
  const [first] = under;
  await givenUp(first);
  under = [statement()];
  if (first) given.settled(first);
  await givenUp(under[0]);
  expect(asked.length).toBe(1);
  asked[0]?.();
  await new Promise((r) => setImmediate(r));
  expect(asked.length).toBe(2);
  asked[1]?.();
  await new Promise((r) => setImmediate(r));
  // that one is asked for no more than once
  expect(asked.length).toBe(2);
});

test('until the server is done with all that it had when it heard, another may have ended instead', async () => {
  const statement = (of?: ReturnType<typeof deadline>): Given => ({ deadline: of, isGivenUp: false, reject: () => {} });
  let heard = (): void => {};
  const first = statement(deadline(0));
  let under = [first, statement(), statement()];
  const given = givingUp(
    () => under,
    () => performance.now(),
    () => new Promise<void>((done) => (heard = done)),
  );
  given.watch();
  while (!first.isGivenUp) await new Promise((r) => setTimeout(r, 5));
  const done = () => {
    const [one, ...rest] = under;
    under = rest;
    if (one) given.settled(one);
  };
  done();
  expect(given.mayBeMistaken()).toBe(true);
  heard();
  await new Promise((r) => setImmediate(r));
  // the next one comes when it has heard: what the first of these answered may be on its way while it does the second
  under = [...under, statement()];
  done();
  expect(given.mayBeMistaken()).toBe(true);
  done();
  expect(given.mayBeMistaken()).toBe(false);
});
