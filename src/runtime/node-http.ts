// One HTTP server for the services of a node, with health and metrics beside them.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { getConnInfo } from '@hono/node-server/conninfo';
import { type Context, Hono } from 'hono';
import { sameText } from '../auth/staff-session.ts';
import { basePath, underBase, withoutBase } from '../http/base-path.ts';
import { clientAddress } from '../http/client-address.ts';
import type { FhirEnv } from '../http/fhir-app.ts';
import { isFromHere } from '../http/rate-limit.ts';
import { ICON_PATH, iconAnswer } from '../ui/icon.ts';
import { ROBOTS_PATH, robotsAnswer } from '../ui/robots.ts';
import { nodeListener, refuseUnreadable } from './node-listener.ts';
import type { OpenNode } from './open-node.ts';

export type Services = 'all' | 'directory' | 'exchange';
type Page = (request: Request, env: object) => Response | Promise<Response>;
type Served = { fetch(request: Request, env: object): Response | Promise<Response> };

/** What a service needs to add its routes to the app of a node. */
export type MountTools = {
  node: OpenNode;
  /** a handler that answers by a service, with addresses below the path of `BASE_URL` */
  local: (served: Served) => (c: Context) => Promise<Response>;
  /** address of the other end of the socket */
  peer: (c: Context<FhirEnv>) => string | undefined;
  /** who asks, for limits */
  addressOf: (c: Context<FhirEnv>) => string;
};

/** Adds the routes of one service. `isRoot`: also those of `/` and of all paths that belong to no other service. */
export type Mount = (app: Hono, tools: MountTools, isRoot: boolean) => void;

/** Services of the program, in the order in which their routes are asked; the last one answers what belongs to none. */
export type Mounts = { exchange?: Mount | undefined; directory?: Mount | undefined };

export type Mounted = {
  node: OpenNode;
  mounts: Mounts;
  metrics?: { text(): Promise<string>; contentType: string };
  staff?: Page;
};

export const text = (body: string, status = 200) =>
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
  const local: MountTools['local'] = (of) => async (c: Context) =>
    underBase(await of.fetch(c.req.raw, c.env as object), base);
  app.get('/livez', () => text('ok'));
  app.get('/readyz', async () => {
    try {
      await node.directory.database.sql`select 1`;
      if (m.mounts.exchange) await node.exchange.database.sql`select 1`;
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
  const tools: MountTools = {
    node,
    local,
    peer: (c) => getConnInfo(c).remote.address,
    addressOf: addressOf(node.config),
  };
  m.mounts.exchange?.(app, tools, m.mounts.directory === undefined);
  m.mounts.directory?.(app, tools, true);
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
