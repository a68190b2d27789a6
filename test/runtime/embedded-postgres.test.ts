// The embedded server under those who use it: killed (kill -9), it is there again at the same place, with what was committed and
// with the locks that say who uses it.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type EmbeddedPostgres, embeddedPostgres } from '../../src/runtime/embedded-postgres.ts';

const folder = mkdtempSync(join(tmpdir(), 'payer-node-embedded-'));
const OPTIONS = { settings: { shared_buffers: '16MB' } };
let restarts = 0;
let mine: EmbeddedPostgres;
const processId = () => Number(readFileSync(join(folder, 'postgres/postmaster.pid'), 'utf8').split('\n')[0]);

beforeAll(async () => {
  mine = await embeddedPostgres(folder, { ...OPTIONS, onRestart: () => restarts++ });
}, 60_000);
afterAll(async () => {
  await mine.release();
  rmSync(folder, { recursive: true, force: true });
});

test('a server that is killed is started again, and is still in use', async () => {
  expect(await mine.claimNode()).toBe(true);
  const url = await mine.url('plan');
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  await sql`create table kept (n integer)`;
  await sql`insert into kept values (7)`;
  const before = processId();
  process.kill(before, 'SIGKILL');
  await expect.poll(() => restarts, { timeout: 30_000 }).toBe(1);
  expect(processId()).not.toBe(before);
  await expect.poll(() => sql`select n from kept`.then((r) => r[0]?.['n']).catch(() => 0), { timeout: 30_000 }).toBe(7);
  await sql.end({ timeout: 1 });
  // the lock of who serves is held again: another process does not get it, and its leaving does not stop the server
  const other = await embeddedPostgres(folder, OPTIONS);
  await expect.poll(() => other.claimNode(), { timeout: 10_000 }).toBe(false);
  await other.release();
  expect(await mine.url('plan')).toBe(url);
}, 60_000);
