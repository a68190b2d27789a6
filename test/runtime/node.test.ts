import { serve } from '@hono/node-server';
import { expect, test } from 'vitest';
import { directoryOnNode } from '../../directory/node.ts';
import { readConfig } from '../../src/config.ts';
import { noMetrics } from '../../src/runtime/metrics.ts';
import { directory, ORIGIN } from '../directory/fixture.ts';
import { smoke } from './directory-smoke.ts';

test('the directory on Node, as its own role', async () => {
  const d = await directory();
  const node = directoryOnNode(
    { config: readConfig({ BASE_URL: ORIGIN }), clock: () => new Date(), log: () => {}, metrics: noMetrics },
    d.database.url,
  );
  const address = await new Promise<{ port: number; close: () => void }>((ready) => {
    const server = serve({ fetch: node.app.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) =>
      ready({ port, close: () => server.close() }),
    );
  });
  await smoke((path, init) => fetch(`http://127.0.0.1:${address.port}${path}`, init));
  const limited = await fetch(`http://127.0.0.1:${address.port}/directory/fhir/metadata`);
  expect(limited.headers.get('ratelimit')).toMatch(/^"default";r=59\d\d;t=\d+$/);
  address.close();
  await node.close();
  await d.close();
});
