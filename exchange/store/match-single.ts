// What $member-match decided, and what a peer may see of a member because of a match.
import type { Queryable } from '../../src/store/database.ts';

export type SingleMatch = {
  id: string;
  peerId: string;
  at: Date;
  outcome: 'match' | 'nomatch' | 'consentconstraint';
  reason: string;
  rule: number | null;
  memberId: string | null;
  consent: unknown;
  policy: string | null;
  from: string | null;
  to: string | null;
  coverageToLink: unknown;
  requestId: string;
};

export async function writeSingleMatch(tx: Queryable, m: SingleMatch): Promise<void> {
  const json = (value: unknown) => (value === undefined || value === null ? null : JSON.stringify(value));
  await tx`
    insert into exchange.match_single (id, peer_id, at, outcome, reason, rule, member_id, consent, consent_policy, consent_from, consent_to, coverage_to_link, request_id)
    values (${m.id}, ${m.peerId}, ${m.at}, ${m.outcome}, ${m.reason}, ${m.rule}, ${m.memberId}, ${json(m.consent)}::text::jsonb, ${m.policy},
      ${m.from}::text::date, ${m.to}::text::date, ${json(m.coverageToLink)}::text::jsonb, ${m.requestId})`;
}

/** The unique member id that is handed to peers. member_pkey. */
export async function memberUmb(sql: Queryable, memberId: string): Promise<string | undefined> {
  const [row] = await sql<{ umb: string }[]>`select umb from exchange.member where id = ${memberId}`;
  return row?.umb;
}
