// What the audit has of a member: who looked, what for, and what people did.
import type { Queryable } from '../../src/db/database.ts';

export type Looked = {
  at: Date;
  actorKind: string;
  actor: string;
  action: string;
  object: string;
  outcome: string;
  reason: string;
  /** what it was looked at or taken along for, by its code */
  purpose: string | null;
  /** of a reason that was given: which case or file */
  words?: string | null;
  /** of a look: which page, by its code, and as page or file */
  page?: string | null;
  format?: string | null;
};

/** What was said with a reason; by the primary key. */
const WORDS = (sql: Queryable) =>
  sql`case when a.action = 'reason-given' then (select nullif(s.words, '') from exchange.staff_reason s
    where s.id = (a.detail->>'reason')::bigint) end`;

/** Who looked at the data of a person (of one under all ids) or acted on it. Served by audit_member. */
export async function memberAudit(sql: Queryable, memberIds: readonly string[], limit: number): Promise<Looked[]> {
  return [
    ...(await sql<Looked[]>`
      select at, actor_kind as "actorKind", actor, action, object, outcome, reason, detail->>'purpose' as purpose, ${WORDS(sql)} as words,
        detail->>'page' as page, detail->>'format' as format from exchange.audit a
      where member_id = any(${[...memberIds]}::text[]) order by at desc, seq desc limit ${limit}`),
  ];
}

/** The same before a row of the audit, in pages. Served by audit_member. */
export async function memberAuditBefore(
  sql: Queryable,
  memberIds: readonly string[],
  before: string | undefined,
  limit: number,
): Promise<(Looked & { seq: string })[]> {
  return [
    ...(await sql<(Looked & { seq: string })[]>`
      select a.seq::text as seq, a.at, a.actor_kind as "actorKind", a.actor, a.action, a.object, a.outcome, a.reason,
        a.detail->>'purpose' as purpose, ${WORDS(sql)} as words, a.detail->>'page' as page, a.detail->>'format' as format
        from exchange.audit a
      where a.member_id = any(${[...memberIds]}::text[])
        and (${before ?? null}::bigint is null or (a.at, a.seq) < (select b.at, b.seq from exchange.audit b
          where b.seq = ${before ?? null}::bigint and b.member_id = any(${[...memberIds]}::text[])))
      order by a.at desc, a.seq desc limit ${limit}`),
  ];
}

/**
 * What people decided or recorded about a member: looks, and what they were for, of which there are many, never push
 * one out. Served by audit_member.
 */
export async function memberDeeds(sql: Queryable, memberIds: readonly string[], limit: number): Promise<Looked[]> {
  return [
    ...(await sql<Looked[]>`
      select at, actor_kind as "actorKind", actor, action, object, outcome, reason, detail->>'purpose' as purpose from exchange.audit
      where member_id = any(${[...memberIds]}::text[]) and actor_kind in ('staff', 'command') and outcome = 'ok'
        and action not in ('view', 'emergency-look', 'reason-given', 'reason-ended')
      order by at desc, seq desc limit ${limit}`),
  ];
}
