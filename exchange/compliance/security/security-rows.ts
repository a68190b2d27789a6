// Security events and match decisions for the staff pages, read from the audit.
import type { Queryable } from '../../../src/db/database.ts';
import { IS_UNREVIEWED } from './security-review-rows.ts';
import { IS_EVENT, TO_REVIEW } from './security-terms.ts';

export type SecurityRow = {
  seq: string;
  at: Date;
  actorKind: string;
  actor: string;
  action: string;
  object: string;
  peerId: string | null;
  peerName: string | null;
  outcome: string;
  reason: string;
  detail: Record<string, unknown>;
};

const COLUMNS = `a.seq::text, a.at, a.actor_kind as "actorKind", a.actor, a.action, a.object, a.peer_id as "peerId", p.name as "peerName", a.outcome, a.reason, a.detail`;
/** How many refusals rows stand for: one that tells an hour of them says how many. As SQL. */
export const TIMES = `sum(coalesce((a.detail->>'times')::int, 1))::int`;

/** What is to be reviewed, newest first; of a reason that is chosen, all. `isOpen`: what is not yet reviewed. audit_refused. */
export async function pageSecurity(
  sql: Queryable,
  filter: { peerId?: string | undefined; reason?: string | undefined; isOpen?: boolean },
  limit: number,
  before?: { at: Date; seq: string },
): Promise<SecurityRow[]> {
  return [
    ...(await sql.unsafe<SecurityRow[]>(
      `select ${COLUMNS} from exchange.audit a left join exchange.peer p on p.id = a.peer_id
       where ${filter.reason === undefined || filter.isOpen ? TO_REVIEW : IS_EVENT}${filter.isOpen ? ` and ${IS_UNREVIEWED}` : ''} and ($1::text is null or a.peer_id = $1) and ($2::text is null or a.reason = $2)
         and ($3::timestamptz is null or (a.at, a.seq) < ($3::timestamptz, $4::text::bigint))
       order by a.at desc, a.seq desc limit $5`,
      [filter.peerId ?? null, filter.reason ?? null, before?.at ?? null, before?.seq ?? null, limit],
    )),
  ];
}

/** How often each thing was refused since a time. audit_refused. */
export async function countSecurity(
  sql: Queryable,
  since: Date,
): Promise<{ action: string; reason: string; n: number }[]> {
  return [
    ...(await sql.unsafe<{ action: string; reason: string; n: number }[]>(
      `select a.action, a.reason, ${TIMES} as n from exchange.audit a where ${IS_EVENT} and a.at >= $1 group by 1, 2 order by 3 desc, 1, 2`,
      [since],
    )),
  ];
}

export type MatchRow = {
  seq: string;
  at: Date;
  object: string;
  peerId: string;
  peerName: string | null;
  memberId: string | null;
  reason: string;
  rule: number | null;
  fuzzy: string | null;
};

/** Decisions about members, newest first, read backwards along the primary key. */
export async function pageMatches(
  sql: Queryable,
  filter: { peerId?: string | undefined; reason?: string | undefined },
  limit: number,
  beforeSeq?: string,
): Promise<MatchRow[]> {
  return [
    ...(await sql.unsafe<MatchRow[]>(
      `select a.seq::text, a.at, a.object, a.peer_id as "peerId", p.name as "peerName", a.member_id as "memberId", a.reason,
        (a.detail->>'rule')::int as rule, a.detail->>'fuzzy' as fuzzy
       from exchange.audit a left join exchange.peer p on p.id = a.peer_id
       where a.action = 'match' and a.actor_kind = 'peer' and ($1::text is null or a.peer_id = $1) and ($2::text is null or a.reason = $2)
         and ($3::text is null or a.seq < $3::text::bigint)
       order by a.seq desc limit $4`,
      [filter.peerId ?? null, filter.reason ?? null, beforeSeq ?? null, limit],
    )),
  ];
}
