import { serve } from '@hono/node-server';
import { getConnInfo } from '@hono/node-server/conninfo';
import { expect, test } from 'vitest';
import { createDirectory, DIRECTORY_ROLE } from '../../directory/app.ts';
import { readConfig } from '../../src/config.ts';
import { noMetrics } from '../../src/runtime/no-metrics.ts';
import { openDatabase } from '../../src/runtime/node.ts';
import { directory, keysFor, ORIGIN } from '../directory/fixture.ts';
import { smoke } from './directory-smoke.ts';

test('the directory on Node, as its own role', async () => {
  const d = await directory();
  const database = openDatabase(d.database.url, { max: 4, role: DIRECTORY_ROLE, statementTimeoutMs: 5000 });
  const node = createDirectory(
    {
      config: readConfig({ BASE_URL: ORIGIN }),
      clock: () => new Date(),
      keys: keysFor(),
      blobs: d.blobs,
      log: () => {},
      metrics: noMetrics,
      database,
    },
    { peer: (c) => getConnInfo(c).remote.address },
  );
  const address = await new Promise<{ port: number; close: () => void }>((ready) => {
    const server = serve({ fetch: node.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) =>
      ready({ port, close: () => server.close() }),
    );
  });
  await smoke((path, init) => fetch(`http://127.0.0.1:${address.port}${path}`, init));
  const limited = await fetch(`http://127.0.0.1:${address.port}/directory/fhir/metadata`);
  expect(limited.headers.get('ratelimit')).toMatch(/^"default";r=59\d\d;t=\d+$/);
  address.close();
  await database.close();
  await d.close();
});
