// A choice that a payer was informed of: the original that the Consent which it was sent names.
import type { Queryable } from '../../../src/db/database.ts';

export type SentChoice = {
  memberId: string;
  policy: 'regular' | 'sensitive';
  payers: 'previous' | 'concurrent' | 'both';
  /** YYYY-MM-DD */
  recordedOn: string;
  createdAt: Date;
  /** who chose for the member, and by what right; null when the member did, or it is not known */
  representative: string | null;
  authority: string | null;
  isByRepresentative: boolean;
  channel: string | null;
  /** what the paper, or recording, is called here */
  document: string | null;
  /** what the member was shown, in which language; null of a choice that was taken over */
  shown: string | null;
  language: string | null;
  /** it is the member's newest choice */
  holds: boolean;
};

/**
 * Undefined when the payer was not sent it: who finds members by a search is informed of no choice. Of someone who goes
 * on as another member it holds as long as it is the newest of that one, who has it as one that was said again.
 * consent_pkey, pull_member_member, pull_pkey, consent_member, member_merge_former.
 */
export async function sentChoice(sql: Queryable, peerId: string, consentId: string): Promise<SentChoice | undefined> {
  const [row] = await sql<SentChoice[]>`
    select c.member_id as "memberId", c.policy, c.payers, c.recorded_on::text as "recordedOn", c.created_at as "createdAt",
      c.representative, c.authority, c.given_by = 'representative' as "isByRepresentative", c.channel, c.document, t.body as shown,
        t.language,
      (select n.id in (c.id, md5(f.id || c.id)) from exchange.consent n where n.member_id = coalesce(f.member_id, c.member_id)
        order by n.recorded_on desc, n.created_at desc limit 1) as holds
    from exchange.consent c left join exchange.consent_text t on t.sha256 = c.text_sha256
    left join exchange.member_merge f on f.former_id = c.member_id and f.undone_at is null
    where c.id = ${consentId} and c.choice = 'opt-in' and exists (
      select from exchange.pull_member m join exchange.pull p on p.id = m.pull_id
      where m.member_id in (select c.member_id union all select g.member_id from exchange.member_merge g where g.former_id = c.member_id)
        and m.consent_id = c.id and p.peer_id = ${peerId} and p.match_form in ('bulk', 'single')
        and (m.outcome is not null or p.match_status_url is not null))`;
  return row;
}
