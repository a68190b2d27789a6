// A server process: `product` is the directory as it ships, anything else the raw routes. Prints its port when it listens.
import { openSync, writeSync } from 'node:fs';
import { serve } from '@hono/node-server';
import { createDirectory } from '../directory/app.ts';
import { readConfig } from '../src/config.ts';
import { prometheus } from '../src/runtime/metrics.ts';
import { fileBlobs, fileKeys, jsonLog, openDatabase } from '../src/runtime/node.ts';
import { BASE } from './harness.ts';
import { rawRoutes } from './raw.ts';

const [kind, url = ''] = process.argv.slice(2);
const database = openDatabase(url, { max: 8, role: 'payer_node_directory', statementTimeoutMs: 5000 });
const config = {
  ...readConfig({ DIRECTORY_RATE_PER_MINUTE: '0', DIRECTORY_CACHE_MB: kind === 'cached' ? '64' : '0' }),
  baseUrl: BASE.replace('/directory/fhir', ''),
};
const sink = openSync('/dev/null', 'w');
const log = jsonLog('info', (line) => writeSync(sink, line));
const app =
  kind === 'product' || kind === 'cached'
    ? createDirectory({
        config,
        clock: () => new Date(),
        database,
        keys: fileKeys(config.keysDir),
        blobs: fileBlobs('bench-blobs'),
        log,
        metrics: prometheus(),
      })
    : rawRoutes(database.sql);
const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) =>
  process.stdout.write(`${JSON.stringify({ port })}\n`),
);
process.once('SIGTERM', () => {
  server.close();
  void database.close().then(() => process.exit(0));
});
