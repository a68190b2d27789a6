// One PostgreSQL for a test run, under a temporary folder, with a migrated template database; and the program, built as it is
// started, for tests that run it as a process.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { TestProject } from 'vitest/node';
import { migrate } from '../../src/db/migrate.ts';
import { embeddedPostgres } from '../../src/runtime/embedded-postgres.ts';
import { NAME, removeAbandoned } from './abandoned.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** URL of the server's own database; replace its path for another */
    databaseUrl: string;
  }
}

/** dist/, in a process of its own meanwhile. */
async function build(): Promise<void> {
  const root = resolve(import.meta.dirname, '../..');
  const child = spawn(process.execPath, [join(root, 'scripts/build.ts')], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (d: Buffer) => {
    said += d.toString();
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`The program could not be built: ${said}`);
}

/** Several times what the databases of a run take. */
const ROOM = 2 * 1024 ** 3;
const SHARED_MEMORY = '/dev/shm';

/** In memory where there is plenty: a quarter of the run is files that are made and removed. */
async function databaseFolder(): Promise<string> {
  const isLinux = process.platform === 'linux' && existsSync(SHARED_MEMORY);
  return mkdtempSync(join(isLinux && (await hasRoom()) ? SHARED_MEMORY : tmpdir(), `${NAME}${process.pid}-`));
}

async function hasRoom(): Promise<boolean> {
  await removeAbandoned(SHARED_MEMORY);
  const { bavail, bsize } = statfsSync(SHARED_MEMORY);
  const available = Number(/^MemAvailable: +(\d+) kB/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]) * 1024;
  return bavail * bsize > ROOM && available > ROOM;
}

export default async function setup(project: TestProject) {
  // what tests put into a temporary folder goes with the run
  const temporary = mkdtempSync(join(tmpdir(), 'payer-node-tests-'));
  process.env['TMPDIR'] = temporary;
  const clean = () => rmSync(temporary, { recursive: true, force: true });
  const built = build();
  const named = process.env['TEST_DATABASE_URL'];
  if (named) {
    await migrate(named.replace(/\/[^/?]*(?=$|\?)/, '/tmpl'));
    project.provide('databaseUrl', named);
    await built;
    return clean;
  }
  const folder = await databaseFolder();
  // a database lives for seconds: its upkeep would run beside the tests, and change plans amid them
  const server = await embeddedPostgres(folder, { unsafeFast: true, settings: { autovacuum: 'off' } });
  const stop = async () => {
    await server.release();
    rmSync(folder, { recursive: true, force: true });
    clean();
  };
  try {
    await migrate(await server.url('tmpl'));
    project.provide('databaseUrl', await server.url('postgres'));
    await built;
  } catch (error) {
    await stop();
    throw error;
  }
  return stop;
}
