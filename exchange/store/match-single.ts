// What $member-match decided, and what a peer may see of a member because of a match.
import { arrayLiteral, type Queryable } from '../../src/store/database.ts';
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
  const json = (value: unknown) => (value === undefined || value === null ? null : JSON.stringify(value));
  const column = (of: (m: SingleMatch) => string | number | null) => arrayLiteral(matches.map(of));
  await sql`
    with told as (${insertAudit(sql, audit)})
    insert into exchange.match_single (id, peer_id, at, outcome, reason, rule, fuzzy, persons, attestation, member_id, consent, consent_policy, consent_from, consent_to, coverage_to_link, request_id)
    select i, p, ${matches[0]?.at ?? null}::timestamptz, o, r, u, z, n, w, m, c::jsonb, y, f, t, l::jsonb, q
    from unnest(${column((m) => m.id)}::text::text[], ${column((m) => m.peerId)}::text::text[], ${column((m) => m.outcome)}::text::text[],
      ${column((m) => m.reason)}::text::text[], ${column((m) => m.rule)}::text::smallint[], ${column((m) => m.fuzzy)}::text::text[],
      ${column((m) => m.persons)}::text::integer[], ${column((m) => m.attestation)}::text::text[], ${column((m) => m.memberId)}::text::text[],
      ${column((m) => json(m.consent))}::text::text[], ${column((m) => m.policy)}::text::text[], ${column((m) => m.from)}::text::date[],
      ${column((m) => m.to)}::text::date[], ${column((m) => json(m.coverageToLink))}::text::text[], ${column((m) => m.requestId)}::text::text[])
      x(i, p, o, r, u, z, n, w, m, c, y, f, t, l, q)`;
}
