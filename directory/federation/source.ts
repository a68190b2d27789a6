// Reading source records: what a peer sent, and when.
import type { Queryable } from '../../src/db/database.ts';

export type SourceRow = {
  rk: string;
  key: string;
  peer: string;
  name: string;
  base: string | null;
  sourceId: string;
  state: string;
  firstSeen: Date;
  contentChangedAt: Date;
  peerUpdated: Date | null;
  evidence: string;
};

const COLUMNS = `s.rk::text as rk, s.key, s.peer, p.name, p.base, s.source_id as "sourceId", s.state::text as state, s.first_seen as "firstSeen",
  s.content_changed_at as "contentChangedAt", s.peer_updated as "peerUpdated", s.evidence`;

/** source_pkey */
export async function sourceByRk(sql: Queryable, rk: string): Promise<SourceRow | undefined> {
  const [row] = await sql.unsafe<SourceRow[]>(
    `select ${COLUMNS} from federation.source s join federation.peer p on p.slug = s.peer where s.rk = $1::numeric::bigint`,
    [rk],
  );
  return row;
}

/** @param key `Type/id` in the merged base. source_pkey */
export async function sourceByKey(sql: Queryable, key: string): Promise<SourceRow | undefined> {
  const [row] = await sql.unsafe<SourceRow[]>(
    `select ${COLUMNS} from federation.source s join federation.peer p on p.slug = s.peer where s.rk = hashtextextended($1, 0) and s.key = $1`,
    [key],
  );
  return row;
}
