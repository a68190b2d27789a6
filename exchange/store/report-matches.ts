// Decisions about members whom peers asked for, for the staff pages: of a batch, and one by one.
import type { Queryable } from '../../src/store/database.ts';
import type { After } from './report-pulls.ts';

export type MatchDecision = {
  memberId: string | null;
  outcome: 'match' | 'nomatch' | 'consentconstraint';
  reason: string;
  rule: number | null;
  fuzzy: string | null;
  /** how many members fitted; null where nobody was looked for, and of matches before 2026-11-26 */
  persons: number | null;
  attestation: string | null;
  policy: string | null;
  /** YYYY-MM-DD */
  from: string | null;
  to: string | null;
};
export type BatchDecision = MatchDecision & { position: number; submittedId: string };
export type SingleDecision = MatchDecision & { id: string; at: Date; peerId: string; peerName: string };
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

/** Single matches, the newest first. match_single_at. */
export async function pageSingleMatches(
  sql: Queryable,
  filter: { peerId?: string | undefined; outcome?: Outcome | undefined },
  limit: number,
  after?: After,
): Promise<SingleDecision[]> {
  return [
    ...(await sql.unsafe<SingleDecision[]>(
      `select m.id, m.at, m.peer_id as "peerId", p.name as "peerName", ${COLUMNS} from exchange.match_single m join exchange.peer p on p.id = m.peer_id
       where ($1::text is null or m.peer_id = $1) and ($2::text is null or m.outcome = $2)
         and ($3::timestamptz is null or (m.at, m.id) < ($3::timestamptz, $4))
       order by m.at desc, m.id desc limit $5`,
      [filter.peerId ?? null, filter.outcome ?? null, after?.at ?? null, after?.id ?? null, limit],
    )),
  ];
}
