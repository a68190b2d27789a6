// How payers are called.

import type { Queryable } from '../../src/db/database.ts';
import { orm } from '../../src/db/orm.ts';
import { peer } from './schema.ts';

/** Names by peer id. There are few peers. */
export async function listPeerNames(sql: Queryable): Promise<Map<string, string>> {
  const rows = await orm(sql).select({ id: peer.id, name: peer.name }).from(peer);
  return new Map(rows.map((r) => [r.id, r.name]));
}
