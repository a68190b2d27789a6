// The directory in the Node process: a pool of its own, as the role that reads its schema and nothing else.
import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import type { Deps } from '../src/deps.ts';
import { openDatabase } from '../src/runtime/node.ts';
import { createDirectory, DIRECTORY_ROLE } from './app.ts';

/** The address of the socket's other end, as @hono/node-server hands it over. */
function peer(c: Context): string | undefined {
  const bindings = c.env as Partial<HttpBindings> | undefined; // absent where the app is called without a server
  return bindings?.incoming?.socket.remoteAddress;
}

/**
 * The app and its pool.
 * @param databaseUrl the directory's database; a replica will do
 */
export function directoryOnNode(deps: Pick<Deps, 'config' | 'clock' | 'log' | 'metrics'>, databaseUrl: string) {
  const database = openDatabase(databaseUrl, {
    max: deps.config.databasePool,
    role: DIRECTORY_ROLE,
    statementTimeoutMs: deps.config.directoryTimeoutMs,
    name: 'payer-node directory',
  });
  return { app: createDirectory({ ...deps, database }, { peer }), close: () => database.close() };
}
