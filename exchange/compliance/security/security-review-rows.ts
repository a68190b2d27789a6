// Reviews of what stands under Security. There is one a week.

import { desc } from 'drizzle-orm';
import type { Queryable } from '../../../src/db/database.ts';
import { orm } from '../../../src/db/orm.ts';
import type { Waiting } from '../../review/waiting.ts';
import { securityReview } from '../schema.ts';
import { IS_EVENT, TO_REVIEW } from './security-terms.ts';

export type SecurityReview = {
  id: string;
  at: Date;
  subject: string;
  /** events up to and with this instant */
  until: Date;
  /** that are in this seal or an earlier one; null of reviews that went by times alone */
  seal: number | null;
  /** since the review before */
  events: number;
  note: string;
};

/** Keeps a second review from counting the same events for the length of a transaction. */
const REVIEW_LOCK = 7_206_023;

/** The newest first. security_review_until. */
export async function securityReviews(sql: Queryable, most: number): Promise<SecurityReview[]> {
  const { id, at, subject, untilAt, untilSeal, events, note } = securityReview;
  return orm(sql)
    .select({ id, at, subject, until: untilAt, seal: untilSeal, events, note })
    .from(securityReview)
    .orderBy(desc(untilAt))
    .limit(most);
}

/** Notes which rows of a seal are security events. In the transaction that seals them. audit_pkey. */
export async function noteEvents(tx: Queryable, seqs: readonly bigint[], seal: number): Promise<void> {
  await tx`
    insert into exchange.security_event (seq, seal_id)
    select a.seq, ${seal} from exchange.audit a where a.seq = any(${`{${seqs.join(',')}}`}::text::bigint[]) and ${tx.unsafe(IS_EVENT)}`;
}

/**
 * Numbers of rows not yet reviewed: stamped after the newest review, sealed after what it was shown, or not sealed yet;
 * other rows may be among them. As SQL. audit_refused, security_event_seal, audit_unsealed_pkey.
 */
const UNREVIEWED = `
  with b as (select until_at, until_seal from exchange.security_review order by until_at desc limit 1)
  select a.seq from exchange.audit a where ${TO_REVIEW} and a.at > coalesce((select until_at from b), '-infinity')
  union select e.seq from exchange.security_event e where e.seal_id > (select until_seal from b)
  union select u.seq from exchange.audit_unsealed u where exists (select from b where until_seal is not null)`;

/** Is a row `a` of the audit one not yet reviewed? As SQL. */
export const IS_UNREVIEWED = `a.seq in (${UNREVIEWED})`;

/**
 * Writes a review down, with how many events there were since the one before; undefined when someone has reviewed up to then or later.
 * @returns how many
 */
export async function addSecurityReview(
  tx: Queryable,
  r: Omit<SecurityReview, 'events' | 'seal'> & { seal: number },
): Promise<number | undefined> {
  await tx`select pg_advisory_xact_lock(${REVIEW_LOCK})`;
  const [before] = await securityReviews(tx, 1);
  if (before && before.until >= r.until) return undefined;
  const [row] = await tx<{ n: number }[]>`
    insert into exchange.security_review (id, at, subject, until_at, until_seal, events, note)
    select ${r.id}, ${r.at}, ${r.subject}, ${r.until}, ${r.seal}, count(*)::int, ${r.note} from (${tx.unsafe(UNREVIEWED)}) o
      join exchange.audit a on a.seq = o.seq
      left join exchange.security_event e on e.seq = a.seq left join exchange.audit_unsealed u on u.seq = a.seq
    where ${tx.unsafe(TO_REVIEW)} and a.at <= ${r.until} and u.seq is null and (e.seq is null
      or e.seal_id <= ${r.seal}) returning events as n`;
  return row?.n ?? 0;
}

/** Events not yet reviewed. */
export async function unreviewedEvents(sql: Queryable, past: Date): Promise<Waiting> {
  const [row] = await sql<Waiting[]>`
    select count(*)::int as n, min(a.at) as oldest, count(*) filter (where a.at <= ${past})::int as past
    from (${sql.unsafe(UNREVIEWED)}) o join exchange.audit a on a.seq = o.seq where ${sql.unsafe(TO_REVIEW)}`;
  return row ?? { n: 0, oldest: null, past: 0 };
}
