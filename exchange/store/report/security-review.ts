// Reviews of what stands under Security. There is one a week.
import type { Queryable } from '../../../src/store/database.ts';
import type { Waiting } from '../review/waiting.ts';
import { TO_REVIEW } from './report-security.ts';

export type SecurityReview = {
  id: string;
  at: Date;
  subject: string;
  /** events up to and with this instant */
  until: Date;
  /** since the review before */
  events: number;
  note: string;
};

/** Keeps a second review from counting the same events for the length of a transaction. */
const REVIEW_LOCK = 7_206_023;

/** The newest first. security_review_until. */
export async function securityReviews(sql: Queryable, most: number): Promise<SecurityReview[]> {
  return [
    ...(await sql<SecurityReview[]>`
      select id, at, subject, until_at as until, events, note from exchange.security_review order by until_at desc limit ${most}`),
  ];
}

/**
 * Writes a review down, with how many events there were since the one before; undefined when somebody has reviewed up to then or later. audit_refused.
 * @returns how many
 */
export async function addSecurityReview(tx: Queryable, r: Omit<SecurityReview, 'events'>): Promise<number | undefined> {
  await tx`select pg_advisory_xact_lock(${REVIEW_LOCK})`;
  const [before] = await securityReviews(tx, 1);
  if (before && before.until >= r.until) return undefined;
  const [row] = await tx<{ n: number }[]>`
    insert into exchange.security_review (id, at, subject, until_at, events, note)
    select ${r.id}, ${r.at}, ${r.subject}, ${r.until}, count(*)::int, ${r.note} from exchange.audit a
    where ${tx.unsafe(TO_REVIEW)} and a.at > ${before?.until ?? new Date(0)} and a.at <= ${r.until} returning events as n`;
  return row?.n ?? 0;
}

/** Events that nobody has reviewed. audit_refused. */
export async function unreviewedEvents(sql: Queryable, past: Date): Promise<Waiting> {
  const [row] = await sql<Waiting[]>`
    select count(*)::int as n, min(a.at) as oldest, count(*) filter (where a.at <= ${past})::int as past from exchange.audit a
    where ${sql.unsafe(TO_REVIEW)} and a.at > coalesce((select max(until_at) from exchange.security_review), '-infinity')`;
  return row ?? { n: 0, oldest: null, past: 0 };
}
