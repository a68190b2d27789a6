// What $member-match decided, and what a peer may see of a member because of a match.
import type { Queryable } from '../../src/store/database.ts';
import { type AuditRow, insertAudit } from './audit.ts';

export type SingleMatch = {
  id: string;
  peerId: string;
  at: Date;
  outcome: 'match' | 'nomatch' | 'consentconstraint';
  reason: string;
  rule: number | null;
  fuzzy: string | null;
  persons: number | null;
  attestation: string | null;
  memberId: string | null;
  consent: unknown;
  policy: string | null;
  from: string | null;
  to: string | null;
  coverageToLink: unknown;
  requestId: string;
};

/** Several at once with their audit rows, in one statement: all of it is there or nothing. */
export async function writeSingleMatches(
  sql: Queryable,
  matches: readonly SingleMatch[],
  audit: readonly AuditRow[],
): Promise<void> {
  // one text, in which nothing must be escaped
  const json = JSON.stringify(matches);
  await sql`
    with told as (${insertAudit(sql, audit)})
    insert into exchange.match_single (id, peer_id, at, outcome, reason, rule, fuzzy, persons, attestation, member_id, consent, consent_policy, consent_from, consent_to, coverage_to_link, request_id)
    select id, "peerId", at, outcome, reason, rule, fuzzy, persons, attestation, "memberId", consent, policy, "from", "to", "coverageToLink", "requestId"
    from jsonb_to_recordset(${json}::text::jsonb)
      as m(id text, "peerId" text, at timestamptz, outcome text, reason text, rule smallint, fuzzy text, persons integer, attestation text, "memberId" text,
        consent jsonb, policy text, "from" date, "to" date, "coverageToLink" jsonb, "requestId" text)`;
}
