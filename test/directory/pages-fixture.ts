// The pages over a directory.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSite } from '../../directory/site.ts';
import { readConfig } from '../../src/config.ts';
import type { Database } from '../../src/db/database.ts';
import { noMetrics } from '../../src/runtime/no-metrics.ts';
import { fileBlobs } from '../../src/runtime/node.ts';
import type { Tuning } from '../../src/tuning.ts';
import { keysFor, NOW, ORIGIN } from './fixture.ts';

/** What a site needs, over a database. */
export const siteDeps = (database: Database, env: Record<string, string> = {}, tuning: Partial<Tuning> = {}) => ({
  config: readConfig({ BASE_URL: ORIGIN, DIRECTORY_RATE_PER_MINUTE: '0', ...env }, tuning),
  clock: () => NOW,
  database,
  keys: keysFor(),
  blobs: fileBlobs(mkdtempSync(join(tmpdir(), 'payer-node-test-blobs-'))),
  log: () => {},
  metrics: noMetrics,
});

export function siteOver(database: Database, env: Record<string, string> = {}) {
  const site = createSite(siteDeps(database, env));
  return async (path: string, init: RequestInit = {}) => site.fetch(new Request(`${ORIGIN}${path}`, init));
}
