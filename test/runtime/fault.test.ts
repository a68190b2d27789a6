// What an error that nobody expected leaves on standard error and in the log: never what it says, which may quote a member's record.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { copyIn } from '../../src/db/copy.ts';
import { describe } from '../../src/http/fhir-app.ts';
import { faultSentence, unexpectedFault } from '../../src/runtime/fault.ts';
import { freshDb } from '../support/db.ts';

let db: Awaited<ReturnType<typeof freshDb>>;
beforeAll(async () => {
  db = await freshDb();
  await db.sql.unsafe('create table public.person (name text primary key, born date)');
  await db.sql.unsafe("insert into public.person values ('Ana Rivera', '1950-02-03')");
});
afterAll(() => db.close());

const thrown = (work: PromiseLike<unknown>): Promise<unknown> =>
  Promise.resolve(work).then(
    () => undefined,
    (e: unknown) => e,
  );
const told = (error: unknown) => `${unexpectedFault(error)}\n${describe(error)}`;

test('a refused row is not quoted: not by its statement, not by a COPY, not as a cause', async () => {
  const refused = await thrown(db.sql`insert into public.person values ('Ana Rivera', '1950-02-03')`);
  expect(String((refused as { detail?: string }).detail)).toContain('Rivera');
  const client = db.dedicated('copy');
  const copied = await thrown(
    copyIn(client, 'copy public.person (name, born) from stdin', ['Ana Rivera\tborn in Rivera'], 3_600_000),
  );
  await client.end();
  expect(String((copied as { cause?: unknown }).cause)).toContain('Rivera');
  for (const error of [refused, copied, new Error('Rivera', { cause: refused })])
    expect(told(error)).not.toContain('Rivera');
  expect(unexpectedFault(refused)).toMatch(/^Unexpected: PostgresError 23505\n +at /);
  expect(unexpectedFault(copied)).toMatch(
    /^Unexpected: Error 22007\n(?:.|\n)*because of Unexpected: PostgresError 22007/,
  );
  expect(describe(copied)).toMatch(/^Error 22007 at .*copy\.ts/);
});

test('a text that looks like a place in the program is none', () => {
  const error = new Error('what came was\n    at Ana Rivera (born:1950:2)\n  at home\nand no date');
  expect(told(error)).not.toMatch(/Rivera|home/);
  expect(describe(error)).toContain('fault.test.ts');
  // a message that was written anew afterwards is not found in the stack
  error.message = 'another';
  expect(describe(error)).not.toContain('home');
  expect(unexpectedFault('Ana Rivera')).toBe('Unexpected: string');
});

test('an error that is its own cause, itself or by way of another, is told once', () => {
  const error = new Error('a');
  error.cause = error;
  expect(unexpectedFault(error).match(/Unexpected/g)).toHaveLength(1);
  expect(faultSentence(error)).toBeUndefined();
  const other = new TypeError('b', { cause: error });
  error.cause = other;
  expect(unexpectedFault(error).match(/Unexpected: \w+/g)).toEqual(['Unexpected: Error', 'Unexpected: TypeError']);
  expect(faultSentence(error)).toBeUndefined();
});

test('a database that goes away in the midst of a command is told in a sentence', async () => {
  const client = db.dedicated('work');
  const ended = await thrown(client`select pg_terminate_backend(pg_backend_pid())`);
  await client.end();
  expect(faultSentence(ended)).toMatch(/^The database went away in the midst of this \((57P01|CONNECTION_CLOSED)\)\./);
  for (const code of ['57P01', 'CONNECTION_CLOSED', 'EPIPE'])
    expect(faultSentence(Object.assign(new Error(code), { code }))).toContain(`(${code}). What was committed stays`);
});
