// One PostgreSQL for a test run, under a temporary folder, with a migrated template database.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { patchDriver } from '../../scripts/patch-driver.mjs';
import { embeddedPostgres } from '../../src/runtime/embedded-postgres.ts';
import { migrate } from '../../src/store/migrate.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** URL of the server's own database; replace its path for another */
    databaseUrl: string;
  }
}

export default async function setup(project: TestProject) {
  patchDriver(); // as an installation and a build do
  const named = process.env['TEST_DATABASE_URL'];
  if (named) {
    await migrate(named.replace(/\/[^/]*$/, '/tmpl'));
    project.provide('databaseUrl', named);
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), 'payer-node-test-'));
  const server = await embeddedPostgres(folder, { unsafeFast: true });
  const stop = async () => {
    await server.release();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await migrate(await server.url('tmpl'));
    project.provide('databaseUrl', await server.url('postgres'));
  } catch (error) {
    await stop();
    throw error;
  }
  return stop;
}
