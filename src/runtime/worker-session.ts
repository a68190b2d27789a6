// What the statements of a Worker need of the user that its Hyperdrive connects as. Hyperdrive lends a connection for a transaction and
// takes back what was set on it: https://developers.cloudflare.com/hyperdrive/concepts/connection-pooling/
// So a Worker sets nothing: its rights and limits are those of its user (docs/operations.md).

import type { Queryable } from '../db/database.ts';
import type { Deps } from '../deps.ts';
import { Outcome } from '../fhir/outcome.ts';

/** What is amiss, in words for the log: rights that a reader of the directory must not have, no limit of time, settings that the statements count on. */
export type SessionFaults = { rights: string[]; unlimited: string[]; lacking: string[] };

const SAID = {
  writes: 'the user may write the directory',
  reads_members: 'the user may read the exchange',
  has_no_limit: 'statement_timeout is not set for the user',
  compiles: 'jit is not off for the user',
  reads_whole: 'random_page_cost is not 1.1 for the user',
  is_elsewhere: 'timezone is not UTC for the user',
} as const;

/**
 * Asks the server what the user of this connection may do, and how long.
 * @throws when the database does not answer, or has no directory
 */
export async function sessionFaults(sql: Queryable): Promise<SessionFaults> {
  const [row] = await sql<Record<keyof typeof SAID, boolean>[]>`
    select has_table_privilege('directory.resource', 'insert') or has_table_privilege('directory.resource', 'update')
        or has_table_privilege('directory.resource', 'delete') as writes,
      coalesce((select has_schema_privilege(oid, 'usage') from pg_namespace where nspname = 'exchange'), false) as reads_members,
      current_setting('statement_timeout') = '0' as has_no_limit,
      current_setting('jit') = 'on' as compiles,
      current_setting('random_page_cost')::real > 2 as reads_whole,
      current_setting('timezone') not in ('UTC', 'Etc/UTC', 'GMT') as is_elsewhere`;
  const those = (kinds: readonly (keyof typeof SAID)[]) =>
    kinds.filter((kind) => row?.[kind]).map((kind) => SAID[kind]);
  return {
    rights: those(['writes', 'reads_members']),
    unlimited: those(['has_no_limit']),
    lacking: those(['compiles', 'reads_whole', 'is_elsewhere']),
  };
}

/** What an isolate knows of its database user: it is asked until it is in order. A flag only, nothing of a request. */
export type KnownUser = { isInOrder: boolean };

/**
 * Whether this Worker may answer the public. What is amiss is reported in the log, by each request until it is mended.
 * @throws Outcome `unavailable`
 */
export async function requireConfined(known: KnownUser, deps: Pick<Deps, 'database' | 'log'>): Promise<void> {
  if (known.isInOrder) return;
  const { rights, unlimited, lacking } = await sessionFaults(deps.database.sql);
  const unsafe = [...rights, ...unlimited];
  if (unsafe.length > 0) {
    deps.log('error', 'database user of this Worker is not confined', {
      faults: unsafe.join('; '),
      see: 'docs/operations.md',
    });
    throw new Outcome('unavailable', 'This Worker is not set up yet.', { retryAfter: 60 });
  }
  if (lacking.length > 0)
    deps.log('warn', 'database user of this Worker lacks settings', {
      faults: lacking.join('; '),
      see: 'docs/operations.md',
    });
  known.isInOrder = true;
}

/** The same for the exchange, whose user owns the tables: what is amiss makes it slow, moves days, or lets a statement run for ever. */
export async function tellOfUser(known: KnownUser, deps: Pick<Deps, 'database' | 'log'>): Promise<void> {
  if (known.isInOrder) return;
  const { unlimited, lacking } = await sessionFaults(deps.database.sql);
  known.isInOrder = true;
  const faults = [...unlimited, ...lacking];
  if (faults.length > 0)
    deps.log('warn', 'database user of this Worker lacks settings', {
      faults: faults.join('; '),
      see: 'docs/operations.md',
    });
}
