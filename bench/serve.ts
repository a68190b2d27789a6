// A server process: `product` is the directory as it ships, anything else the raw routes. Prints its port when it listens. With a
// program and its arguments, it starts that as a process of its own at SIGUSR2.
import { fork } from 'node:child_process';
import { openSync, writeSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createDirectory } from '../directory/app.ts';
import { readConfig } from '../src/config.ts';
import { prometheus } from '../src/runtime/metrics.ts';
import { fileBlobs, fileKeys, gathered, jsonLog, openDatabase } from '../src/runtime/node.ts';
import { nodeListener } from '../src/runtime/node-listener.ts';
import { BASE } from './harness.ts';
import { rawRoutes } from './raw.ts';

const [kind, url = '', beside, ...besideArgs] = process.argv.slice(2);
const database = openDatabase(url, {
  max: kind === 'raw' ? 8 : 4,
  role: 'payer_node_directory',
  statementTimeoutMs: 5000,
  keepsPlans: true,
  // as the product opens it
  ...(kind === 'raw' ? {} : { lines: 8 }),
});
const config = {
  ...readConfig({ DIRECTORY_RATE_PER_MINUTE: '0' }),
  baseUrl: BASE.replace('/directory/fhir', ''),
};
const sink = openSync('/dev/null', 'w');
const log = jsonLog(
  'info',
  gathered((text) => writeSync(sink, text)),
);
const app =
  kind === 'product'
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
/** A bare server of as many bytes as a search by NPI answers. */
const bytes = Buffer.alloc(2400, 'x');
const listening = (port: number) => void process.stdout.write(`${JSON.stringify({ port })}\n`);
const server =
  kind === 'bytes'
    ? createServer((request, response) => {
        if (request.headers['if-none-match'] !== undefined) response.writeHead(304, { etag: 'W/"1"' }).end();
        else response.writeHead(200, { 'content-type': 'application/fhir+json', etag: 'W/"1"' }).end(bytes);
      }).listen(0, '127.0.0.1', function (this: Server) {
        listening((this.address() as AddressInfo).port);
      })
    : createServer(nodeListener((request, env) => app.fetch(request, env), '127.0.0.1')).listen(
        0,
        '127.0.0.1',
        4096,
        function (this: Server) {
          listening((this.address() as AddressInfo).port);
        },
      );
if (beside !== undefined)
  process.once('SIGUSR2', () =>
    fork(beside, besideArgs).once('exit', (code) => {
      if (code !== 0) process.stdout.write(`${JSON.stringify({ failed: code })}\n`);
    }),
  );
process.once('SIGTERM', () => {
  server.close();
  void database.close().then(() => process.exit(0));
});
