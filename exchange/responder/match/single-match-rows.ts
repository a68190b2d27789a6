// What $member-match decided, and what a peer may see of a member because of a match.
import { arrayLiteral, type Queryable } from '../../../src/db/database.ts';
import { rawRows } from '../../../src/db/raw-rows.ts';
import { type AuditRow, auditJson, INSERT_AUDIT } from '../../compliance/audit/audit.ts';

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
  /** by what the member stood for another person too as it was found: ids of those merges */
  asOne: readonly string[];
  policy: string | null;
  from: string | null;
  to: string | null;
  /** Consent and CoverageToLink as they came, JSON */
  sent: string;
  requestId: string;
};

/** Stands in no JSON text as such. */
const SEPARATOR = '\u001f';

const WRITE = `
    with audited as (${INSERT_AUDIT})
    insert into exchange.match_single (id, peer_id, at, outcome, reason, rule, fuzzy, persons, attestation, member_id, as_one,
      consent_policy, consent_from, consent_to, request_id, sent)
    select id, "peerId", at, outcome, reason, rule, fuzzy, persons, attestation, "memberId", "asOne", policy, "from", "to", "requestId",
      sent
    from rows from (
      jsonb_to_recordset($2::text::jsonb) as (id text, "peerId" text, at timestamptz, outcome text, reason text, rule smallint, fuzzy text,
        persons integer,
        attestation text, "memberId" text, "asOne" text[], policy text, "from" date, "to" date, "requestId" text),
      unnest(string_to_array($3::text, chr(${SEPARATOR.charCodeAt(0)})))
    ) as m(id, "peerId", at, outcome, reason, rule, fuzzy, persons, attestation, "memberId", "asOne", policy, "from", "to", "requestId", sent)`;

/** Several at once with their audit rows, in one statement: all of it is there, durably, or nothing. */
export async function writeSingleMatches(
  sql: Queryable,
  matches: readonly SingleMatch[],
  audit: readonly AuditRow[],
): Promise<void> {
  // what was sent goes beside the rest: in it, it would be written with escapes and read again
  const json = JSON.stringify(matches.map(({ sent: _, ...m }) => m));
  const sent = matches.map((m) => m.sent).join(SEPARATOR);
  await rawRows(sql, WRITE, [auditJson(audit), json, sent], { prepare: true });
}

/** Which of them are there. match_single_pkey. */
export async function singleMatchesOf(sql: Queryable, ids: readonly string[]): Promise<Set<string>> {
  const rows = await sql<{ id: string }[]>`
    select id from exchange.match_single where id = any(${arrayLiteral(ids)}::text::text[])`;
  return new Set(rows.map((r) => r.id));
}
