// Decisions about members whom peers asked for, of a batch, for the staff pages.
import type { Queryable } from '../../../src/db/database.ts';

export type MatchDecision = {
  memberId: string | null;
  outcome: 'match' | 'nomatch' | 'consentconstraint';
  reason: string;
  rule: number | null;
  fuzzy: string | null;
  /** how many members fitted; null where no one was looked for, and of matches before 2026-11-26 */
  persons: number | null;
  attestation: string | null;
  policy: string | null;
  /** YYYY-MM-DD */
  from: string | null;
  to: string | null;
};
export type BatchDecision = MatchDecision & { position: number; submittedId: string };
type Outcome = MatchDecision['outcome'];

const COLUMNS = `m.member_id as "memberId", m.outcome, m.reason, m.rule, m.fuzzy, m.persons, m.attestation, m.consent_policy as policy,
  m.consent_from::text as "from", m.consent_to::text as "to"`;

/** Members of a batch in its order. match_member_pkey. */
export async function pageDecisions(
  sql: Queryable,
  jobId: string,
  filter: { outcome?: Outcome | undefined },
  limit: number,
  after: number,
): Promise<BatchDecision[]> {
  return [
    ...(await sql.unsafe<BatchDecision[]>(
      `select m.position, m.submitted_id as "submittedId", ${COLUMNS} from exchange.match_member m
       where m.job_id = $1 and m.position > $2 and ($3::text is null or m.outcome = $3) order by m.position limit $4`,
      [jobId, after, filter.outcome ?? null, limit],
    )),
  ];
}
