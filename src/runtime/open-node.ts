// A node as the commands open it: settings, database (embedded or named), migrations, files, keys and the outgoing client.
import { userInfo } from 'node:os';
import { type Config, ConfigError, readConfig } from '../config.ts';
import { databaseBeside, migrate } from '../db/migrate.ts';
import type { Deps, Metrics } from '../deps.ts';
import { describe } from '../http/fhir-app.ts';
import { makeFolder } from '../make-folder.ts';
import { networkPolicy } from '../net/address.ts';
import { VALUE_SETS } from '../sensitive-value-sets.ts';
import { type EmbeddedPostgres, embeddedPostgres } from './embedded-postgres.ts';
import { CommandFault } from './fault.ts';
import { noMetrics } from './no-metrics.ts';
import { fileBlobs, fileKeys, openDatabase, processLog } from './node.ts';
import { guardedFetch } from './node-fetch.ts';
import { sandboxPlan } from './sandbox-plan.ts';
import { threads } from './threads.ts';

/** Our own database on the embedded server. */
const OURS = 'payer_node';

/** Role of the directory's connections, made by the migrations. */
export const DIRECTORY_ROLE = 'payer_node_directory';

/** Of the exchange, for the statements of single matches; with one for short ones. */
const MATCH_LINES = 3;

export type OpenNode = {
  config: Config;
  /** the view of the exchange's own work and of staff, as the database's owner */
  deps: Deps;
  /** the same for what payers ask, with a time limit on statements */
  exchange: Deps;
  /** the directory's view: its own role, read only, with a time limit on statements */
  directory: Deps & { requests?: Deps['database'] };
  /** what the migrations of this start did */
  migrated: string[];
  close(): Promise<void>;
};

export type Server = {
  embedded: EmbeddedPostgres | undefined;
  url(database: string): Promise<string>;
  release(): Promise<void>;
};

/** The database of DATABASE_URL, or for the sandbox's second payer one beside it, which is made when it is missing. */
async function namedDatabase(url: string, database: string): Promise<string> {
  if (database === OURS) return url;
  try {
    return await databaseBeside(url, database);
  } catch (error) {
    if ((error as { code?: string }).code !== '42501') throw error;
    throw new CommandFault(
      `The second payer of the sandbox needs a database of its own beside the one of DATABASE_URL, with _${database} behind its name: create it, or let the user create databases.`,
    );
  }
}

/** The PostgreSQL server of the settings: the named one, or the embedded one under DATA_DIR. */
export async function openServer(config: Config): Promise<Server> {
  if (VALUE_SETS.fault !== undefined) throw new ConfigError([VALUE_SETS.fault]);
  if (config.databaseUrl !== undefined) {
    const url = config.databaseUrl;
    return { embedded: undefined, url: (database) => namedDatabase(url, database), release: async () => {} };
  }
  makeFolder(config.dataDir);
  const log = processLog(config);
  const embedded = await embeddedPostgres(config.dataDir, {
    onRestart: () => log('warn', 'embedded database started again'),
    onFault: (error) => log('error', 'embedded database away', { error: describe(error) }),
  });
  return { embedded, url: (database) => embedded.url(database), release: () => embedded.release() };
}

/**
 * Opens a node on a server.
 * @param database name of its database on the embedded server
 * @param options.migrates bring the schema up to date first (default)
 * @param options.name of work that no one waits for: its connections have it, and take one of the server's processes each
 */
export async function openNode(
  config: Config,
  server: Server,
  database = OURS,
  options: { metrics?: Metrics; migrates?: boolean; name?: string } = {},
): Promise<OpenNode> {
  const url = await server.url(database);
  const migrated = options.migrates === false ? [] : await migrate(url);
  const owner = openDatabase(url, {
    max: config.databasePool,
    name: options.name ?? 'payer-node',
    alone: options.name !== undefined,
  });
  // what work takes long for must not end, what a payer waits for must
  const asked = openDatabase(url, {
    max: config.databasePool,
    name: 'payer-node peers',
    statementTimeoutMs: config.exchangeTimeoutMs,
    lines: MATCH_LINES,
  });
  const directory = openDatabase(config.directoryDatabaseUrl ?? url, {
    // for what is not a page, a count or a resource
    max: Math.ceil(config.databasePool / 2),
    role: DIRECTORY_ROLE,
    statementTimeoutMs: config.directoryTimeoutMs,
    name: 'payer-node directory',
    keepsPlans: true,
    lines: config.databasePool,
  });
  // readers ask for exports at the primary: a replica takes nothing
  const requests =
    config.directoryDatabaseUrl === undefined
      ? undefined
      : openDatabase(url, {
          max: 2,
          role: DIRECTORY_ROLE,
          statementTimeoutMs: config.directoryTimeoutMs,
          name: 'payer-node directory',
        });
  const outgoing = guardedFetch(networkPolicy(config));
  const beside = threads();
  const deps: Deps = {
    ...(beside ? { threads: beside } : {}),
    config,
    clock: () => new Date(),
    database: owner,
    fetch: outgoing,
    blobs: fileBlobs(config.blobsDir),
    keys: fileKeys(
      config.keysDir,
      {
        token: config.tokenKey,
        client: config.clientKey,
        'rsa-client': config.clientRsaKey,
        directory: config.directoryKey,
      },
      {
        token: config.tokenAdditionalKeys,
        client: config.clientAdditionalKeys,
        directory: config.directoryPreviousKeys,
      },
    ),
    log: processLog(config),
    metrics: options.metrics ?? noMetrics,
  };
  return {
    config,
    deps,
    exchange: { ...deps, database: asked },
    directory: { ...deps, database: directory, ...(requests ? { requests } : {}) },
    migrated,
    async close() {
      await outgoing.close();
      await directory.close();
      await requests?.close();
      await asked.close();
      await owner.close();
    },
  };
}

/** Opens a node for one command and closes everything afterwards, the database too when no one else uses it. */
export async function withNode<T>(
  run: (node: OpenNode) => Promise<T>,
  options: { migrates?: boolean; env?: Record<string, string | undefined> } = {},
): Promise<T> {
  const given = readConfig({ LOG_LEVEL: 'warn', ...(options.env ?? process.env) });
  const config = given.sandbox ? sandboxPlan(given) : given;
  const server = await openServer(config);
  try {
    const node = await openNode(
      config,
      server,
      'payer_node',
      options.migrates === undefined ? {} : { migrates: options.migrates },
    );
    try {
      return await run(node);
    } finally {
      await node.close();
    }
  } finally {
    await server.release();
  }
}

/**
 * Who types: the account of the operating system; where PAYER_NODE_USER names someone else, both, as `bob (payer)`. Anyone with the account may give
 * any name: that two people acted under one shows wherever their names do.
 */
export function person(): string {
  const [said, username] = [process.env['PAYER_NODE_USER']?.trim(), account()];
  return said === undefined || said === '' || said === username ? username : `${said} (${username})`;
}

/** The name of the account; of one that the system has no name for, as in containers that are given any number, its number. */
function account(): string {
  try {
    return userInfo().username;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ERR_SYSTEM_ERROR')) throw error;
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}

/** Only one serving node may use an embedded data folder. */
export async function claimFolder(config: Config, server: Server): Promise<void> {
  if (server.embedded && !(await server.embedded.claimNode()))
    throw new CommandFault(
      `The data folder ${config.dataDir} is in use by another node. Stop it, or set DATA_DIR to another folder.`,
    );
}
