// One HTTP server for the services of a node, with health and metrics beside them.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { getConnInfo } from '@hono/node-server/conninfo';
import { type Context, Hono } from 'hono';
import { createFederation } from '../../directory/federation/app.ts';
import { createAttestPages } from '../../directory/federation/attest/pages.ts';
import { isOurCrawl, LOOP } from '../../directory/federation/via.ts';
import { createSite } from '../../directory/site.ts';
import { workOf } from '../../directory/work.ts';
import { createExchange } from '../../exchange/app.ts';
import { createMemberPages } from '../../exchange/members/consent/member-page.ts';
import { sameText } from '../auth/staff-session.ts';
import { basePath, underBase, withoutBase } from '../http/base-path.ts';
import { clientAddress } from '../http/client-address.ts';
import { compressed } from '../http/compressed.ts';
import type { FhirEnv } from '../http/fhir-app.ts';
import { isFromHere } from '../http/rate-limit.ts';
import { nodeListener, refuseUnreadable } from '../runtime/node-listener.ts';
import { ICON_PATH, iconAnswer } from '../ui/icon.ts';
import { ROBOTS_PATH, robotsAnswer } from '../ui/robots.ts';
import type { OpenNode } from './node.ts';

export type Services = 'all' | 'directory' | 'exchange';
type Page = (request: Request, env: object) => Response | Promise<Response>;
type Served = { fetch(request: Request, env: object): Response | Promise<Response> };

export type Mounted = {
  node: OpenNode;
  services: Services;
  metrics?: { text(): Promise<string>; contentType: string };
  staff?: Page;
};

const text = (body: string, status = 200) =>
  new Response(`${body}\n`, {
    status,
    headers: {
      'content-type': 'text/plain; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    },
  });

/** Who asks, for limits. */
export const addressOf =
  (config: OpenNode['config']) =>
  (c: Context<FhirEnv>): string =>
    clientAddress(getConnInfo(c).remote.address, (name) => c.req.header(name), config.trustedProxies);

/** Routes of a node. Paths that belong to no service answer 404 as the exchange or the directory does. */
export function createApp(m: Mounted): Hono {
  const { node } = m;
  const app = new Hono();
  const base = basePath(node.config.baseUrl);
  /** with its addresses under the path of the public one */
  const local = (of: Served) => async (c: Context) => underBase(await of.fetch(c.req.raw, c.env as object), base);
  // they ask one database
  const work = workOf(node.directory.config);
  const directory =
    m.services === 'exchange'
      ? undefined
      : createSite(node.directory, {
          work,
          peer: (c: Context<FhirEnv>) => getConnInfo(c).remote.address,
        });
  const federation =
    m.services === 'exchange'
      ? undefined
      : createFederation(node.directory, { work, peer: (c: Context<FhirEnv>) => getConnInfo(c).remote.address });
  const exchange = m.services === 'directory' ? undefined : createExchange(node.exchange, addressOf(node.config));
  app.get('/livez', () => text('ok'));
  app.get('/readyz', async () => {
    try {
      await node.directory.database.sql`select 1`;
      if (exchange) await node.exchange.database.sql`select 1`;
      return text('ready');
    } catch {
      return text('the database does not answer', 503);
    }
  });
  app.get('/metrics', async (c) => {
    const token = node.config.metricsToken;
    const may =
      token === undefined
        ? isFromHere(getConnInfo(c).remote.address, (name) => c.req.header(name))
        : sameText(c.req.header('authorization') ?? '', `Bearer ${token}`);
    if (!may || !m.metrics) return text('not allowed', may ? 404 : 401);
    return new Response(await m.metrics.text(), {
      headers: {
        'content-type': m.metrics.contentType,
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
      },
    });
  });
  app.get(ICON_PATH, iconAnswer);
  app.get(ROBOTS_PATH, robotsAnswer);
  const { staff } = m;
  if (staff) for (const path of ['/staff', '/staff/*']) app.all(path, local({ fetch: staff }));
  if (exchange) {
    const members = createMemberPages(node.deps);
    app.all('/my/*', local(members));
    const ours = local(exchange);
    app.all('/exchange/*', ours);
    for (const path of ['smart-configuration', 'oauth-authorization-server/exchange/auth', 'udap'])
      app.all(`/.well-known/${path}`, ours);
  }
  if (federation) {
    app.use('/directory/*', async (c, next) => {
      return isOurCrawl(c.req.header('via'), node.config) ? text(LOOP.text, LOOP.status) : next();
    });
    const attest = createAttestPages(node.deps);
    app.all('/attest/*', local(attest));
    for (const path of ['/directory/all/*', '/all', '/all/*']) app.all(path, compressed, local(federation));
  }
  if (directory) app.all('*', compressed, local(directory));
  else if (exchange) app.all('*', local(exchange));
  return app;
}

export type Listening = {
  port: number;
  /** requests so far, those of probes left out */
  requests: () => number;
  close(): Promise<void>;
};

const PROBES = new Set(['/livez', '/readyz', '/metrics']);

/** Connections that may wait to be taken: many come at once, and the default of 511 turns some away for a second. */
const BACKLOG = 4096;

/** After so long without a byte in either direction a connection ends. */
const IDLE_MS = 60_000;

/** Listens; rejects when the port is taken. */
export async function listen(
  app: Hono,
  config: { host: string; port: number; baseUrl?: string },
  idleMs = IDLE_MS,
): Promise<Listening> {
  const server = createServer(
    { connectionsCheckingInterval: 2_000, requireHostHeader: false },
    nodeListener(app.fetch, config.host),
  );
  refuseUnreadable(server);
  let requests = 0;
  let isEnding = false;
  const path = config.baseUrl === undefined ? '' : basePath(config.baseUrl);
  server.prependListener('request', (request, response) => {
    const url = withoutBase(request.url ?? '', path);
    request.url = url;
    if (!PROBES.has(url)) requests++;
    if (isEnding) response.setHeader('connection', 'close');
  });
  server.listen(config.port, config.host, BACKLOG);
  server.headersTimeout = 10_000;
  server.requestTimeout = 30_000;
  server.keepAliveTimeout = 61_000;
  // a client that neither sends nor takes anything: the file that it asked for must not stay open for it
  server.setTimeout(idleMs);
  if (!server.listening)
    await Promise.race([
      once(server, 'listening'),
      once(server, 'error').then(([error]) => Promise.reject(error as Error)),
    ]);
  const { port } = server.address() as { port: number };
  return {
    port,
    requests: () => requests,
    /** stops accepting and waits up to ten seconds for what is under way */
    async close() {
      isEnding = true;
      const closed = new Promise<void>((done) => server.close(() => done()));
      const timer = setTimeout(() => server.closeAllConnections(), 10_000);
      await closed;
      clearTimeout(timer);
    },
  };
}
