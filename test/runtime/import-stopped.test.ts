// Ctrl-C while files are imported: what was read stays, and is told.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { importDirectory } from '../../directory/commands/import-directory.ts';
import { importMembersCommand } from '../../exchange/commands/import-members.ts';
import { faultSentence } from '../../src/runtime/fault.ts';
import { freshDb } from '../support/db.ts';

let folder: string;
let file: string;
let db: Awaited<ReturnType<typeof freshDb>>;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'payer-node-stopped-'));
  file = join(folder, 'Organization.ndjson');
  writeFileSync(file, '{"resourceType":"Organization","id":"a","name":"A"}\n'.repeat(3));
  db = await freshDb();
  vi.stubEnv('DATABASE_URL', db.url);
  vi.stubEnv('DATA_DIR', folder);
  vi.stubEnv('BASE_URL', undefined);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  process.exitCode = undefined;
  await db.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs it, tells it to stop before it has read anything, and gives what it wrote to the terminal. */
async function stopped(run: () => Promise<void>): Promise<string> {
  const written: string[] = [];
  const keep = (text: string | Uint8Array) => written.push(String(text)) > 0;
  vi.spyOn(process.stdout, 'write').mockImplementation(keep);
  vi.spyOn(process.stderr, 'write').mockImplementation(keep);
  const known = process.listeners('SIGTERM');
  const running = run();
  for (const stop of process.listeners('SIGTERM')) if (!known.includes(stop)) stop('SIGTERM');
  await running;
  return written.join('');
}

test('an import of the directory ends in order, and its exit code says that it is not all', async () => {
  const said = await stopped(() => importDirectory([file], { rejects: join(folder, 'rejects.ndjson') }));
  expect(said).toContain('created 0');
  expect(said).toContain('stopped: what was read is committed; run it again to go on');
  expect(process.exitCode).toBe(1);
});

test('an import of members says that it was stopped', async () => {
  const options = {
    memberRef: '0F',
    lineOfBusiness: 'MA',
    rejects: join(folder, 'rejects.ndjson'),
    absent: join(folder, 'absent.csv'),
  };
  const fault = await stopped(() => importMembersCommand([file], options)).catch((error: unknown) => error);
  expect(faultSentence(fault)).toBe('Stopped.');
});
