// Rows of an evidence pack as JSON lines, read with cursors in one snapshot. $1 first instant, $2 the instant after the
// last, $3 the plan's zone. They hold what the report of the period counts: a pull that began before it and ended in it
// has its lines there.
import type { Queryable, Sql } from '../../../src/db/database.ts';
import { GIVEN_AT } from '../../members/consent/choice-as-of.ts';
import { WAS_OPEN } from '../incidents/incident-case.ts';
import { QUARANTINED } from '../report/quarantined.ts';

const PULLS = `exchange.pull p where ((p.created_at >= $1 and p.created_at < $2) or (p.finished_at >= $1 and p.finished_at < $2))`;
/** When a choice was given, as the report counts it. */
const MADE_AT = GIVEN_AT('c', '$3');

/** One file of a pack each. Ordered, so that the same rows give the same bytes. */
export const EVIDENCE_SQL = {
  'clocks.jsonl': {
    kind: 'Duties that started or were due in the period',
    sql: `select k.*, (select jsonb_agg(to_jsonb(n) order by n.id) from exchange.deadline_note n where n.deadline_id = k.id) as notes
      from exchange.deadline k where (k.due_at >= $1 and k.due_at < $2) or (k.starts_at >= $1 and k.starts_at < $2) order by k.due_at, k.id`,
  },
  'consents.jsonl': {
    kind: 'Choices that were made or noted in the period, and those under which members were asked for in it',
    sql: `select c.* from exchange.consent c where (c.created_at >= $1 and c.created_at < $2) or (${MADE_AT} >= $1 and ${MADE_AT} < $2)
        or c.id in (select m.consent_id from exchange.pull_member m join ${PULLS.replace(' where', ' on p.id = m.pull_id where')})
          order by c.id`,
  },
  'contacts.jsonl': {
    kind: 'Offers, questions, education and reminders',
    sql: `select c.* from exchange.contact c where c.at >= $1 and c.at < $2 order by c.at, c.id`,
  },
  'texts.jsonl': {
    kind: 'Texts shown to members',
    sql: `select t.* from exchange.consent_text t where t.first_at < $2 order by t.sha256`,
  },
  'documents.jsonl': {
    kind: 'Public documents, with the SHA-256 that they had each day',
    sql: `select d.* from exchange.document_check d where d.at >= $1 and d.at < $2 order by d.at, d.id`,
  },
  'pulls.jsonl': {
    kind: 'What we asked of other payers, with members, events and the SHA-256 of every received file',
    sql: `select p.id, p.peer_id, p.state, p.cause, p.is_full, p.created_at, p.due_at, p.reason, p.group_id, p.manifest, p.since,
      p.transaction_time, p.kicked_off_at, p.finished_at,
        p.accepted_by, p.accepted_at, p.files_removed_at,
        (select jsonb_agg(jsonb_build_object('member', m.member_id, 'consent', m.consent_id, 'policy', m.policy, 'outcome', m.outcome,
          'statement', m.statement) order by m.submitted_id) from exchange.pull_member m where m.pull_id = p.id) as members,
        (select jsonb_agg(jsonb_build_object('at', e.at, 'state', e.state, 'detail', e.detail) order by e.id) from exchange.pull_event e
          where e.pull_id = p.id) as events,
        (select jsonb_agg(jsonb_build_object('position', f.position, 'kind', f.kind, 'type', f.type, 'declared', f.declared, 'units',
          f.units, 'bytes', f.bytes, 'sha256', f.sha256, 'state', f.state, 'failure', f.failure) order by f.position)
          from exchange.pull_file f where f.pull_id = p.id) as files
      from ${PULLS} order by p.created_at, p.id`,
  },
  'emergencies.jsonl': {
    kind: 'Emergency access to members’ records that was open in the period',
    sql: `select e.id, e.subject, e.reason, e.began_at, e.until_at, e.ended_at from exchange.emergency_access e
      where e.began_at < $2 and coalesce(e.ended_at, e.until_at) >= $1 order by e.began_at, e.id`,
  },
  'look-reasons.jsonl': {
    kind: 'What people said in the period that they need numbers and birth dates of members for; rows of the audit name each (detail.reason)',
    sql: `select r.id, r.subject, r.about, r.purpose, r.words, r.at, r.ended_at, r.by_number from exchange.staff_reason r where r.at >= $1
      and r.at < $2 order by r.at, r.id`,
  },
  'security-reviews.jsonl': {
    kind: 'Reviews of the security events that were signed for in the period',
    sql: `select s.* from exchange.security_review s where s.at >= $1 and s.at < $2 order by s.at, s.id`,
  },
  'issued-reports.jsonl': {
    kind: 'Compliance reports that were issued in the period or are about days of it: each document as it was signed, with the SHA-256 of the one before',
    sql: `select r.number, r.at, r.by_kind, r.by_subject, r.period, r.first_day, r.last_day, r.lob, r.peer_id, r.content_sha256, r.sha256,
      r.previous_sha256, r.document from exchange.issued_report r
      where (r.at >= $1 and r.at < $2) or (r.first_day >= ($1 at time zone $3)::date and r.last_day < ($2 at time zone $3)::date)
        order by r.number`,
  },
  'holds.jsonl': {
    kind: 'Legal holds that stood in the period: of a member, of a payer, or (neither) of everything',
    sql: `select h.* from exchange.legal_hold h where h.placed_at < $2 and (h.lifted_at is null or h.lifted_at >= $1)
      order by h.placed_at, h.id`,
  },
  'cases.jsonl': {
    kind: 'Cases of incidents that were open in the period, each with all that was written down of it up to its end',
    sql: `select c.*, (select jsonb_agg(to_jsonb(e) order by e.id) from exchange.incident_entry e where e.case_number = c.number
      and e.at < $2) as entries
      from exchange.incident_case c where c.opened_at < $2 and ${WAS_OPEN('c', '$1')} order by c.number`,
  },
  'restore-drills.jsonl': {
    kind: 'Backups that were restored in the period to see that they can be, each with what the check of the copy wrote',
    sql: `select d.* from exchange.restore_drill d where d.at >= $1 and d.at < $2 order by d.at, d.id`,
  },
  'ledger.jsonl': {
    kind: 'The outcome of every received line',
    sql: `select l.pull_id, l.file, l.line, l.entry, l.outcome, l.reason, l.type, l.source_id, l.member_id, l.local_id, encode(l.hash,
      'hex') as sha256, l.last_updated
      from exchange.ledger l join ${PULLS.replace(' where', ' on p.id = l.pull_id where')} order by l.pull_id, l.file, l.line, l.entry`,
  },
  'attachments.jsonl': {
    kind: 'Attachments that received records give by address: what became of each, with the SHA-256 of what is kept',
    sql: `select a.pull_id, a.peer_id, a.member_id, a.type, a.record_id, a.document_id, a.media, a.size, a.sha1, a.said_sha256, a.state,
      a.reason, a.kept_media, a.bytes, a.sha256, a.settled_at
      from exchange.attachment a join ${PULLS.replace(' where', ' on p.id = a.pull_id where')} order by a.pull_id, a.member_id, a.type,
        a.record_id, a.document_id`,
  },
  'quarantine.jsonl': {
    kind: 'Records that were in quarantine at the end of the period, of whichever pull, with why and since when',
    sql: `select p.peer_id, l.pull_id, l.file, l.line, l.entry, coalesce(before.reason, l.reason) as reason, l.type, l.source_id,
      l.member_id, coalesce(since.at, p.finished_at) as since,
        d.decision, encode(l.hash, 'hex') as sha256
      from ${QUARANTINED} order by p.peer_id, l.type, l.source_id, l.pull_id, l.file, l.line, l.entry`,
  },
  'decisions.jsonl': {
    kind: 'What people decided about records, with the SHA-256 of the versions that they saw',
    sql: `select d.id, d.at, d.by_subject, d.role, d.decision, d.undoes, d.reason, d.rules, encode(d.a_hash, 'hex') as a_sha256,
      encode(d.b_hash, 'hex') as b_sha256,
        i.id as item_id, i.kind, i.type, i.member_id, i.peer_id, i.pull_id, i.file, i.line, i.entry, i.a_type, i.a_id, i.b_type, i.b_id
      from exchange.review_decision d join exchange.review_item i on i.id = d.item_id where d.at >= $1 and d.at < $2 order by d.id`,
  },
  'findings.jsonl': {
    kind: 'Findings about what was received',
    sql: `select f.* from exchange.finding f join ${PULLS.replace(' where', ' on p.id = f.pull_id where')} order by f.id`,
  },
  'requests.jsonl': {
    kind: 'What other payers asked of us, with the SHA-256 of every file made for them',
    sql: `select j.id, j.kind, j.peer_id, j.state, j.request_url, j.parameters, j.group_id, j.received_at, j.due_at, j.started_at,
      j.completed_at, j.expires_at, j.transaction_time, j.counts, j.failure,
        (select jsonb_agg(jsonb_build_object('position', f.position, 'kind', f.kind, 'type', f.type, 'lines', f.lines, 'bytes', f.bytes,
          'sha256', f.sha256, 'textSha256', f.text_sha256) order by f.position) from exchange.bulk_file f where f.job_id = j.id) as files
      from exchange.bulk_job j where j.received_at >= $1 and j.received_at < $2 order by j.received_at, j.id`,
  },
  'matches.jsonl': {
    kind: 'How each member was decided that other payers asked for',
    // what the payer sent of the person stays here
    sql: `select m.job_id, m.position, m.submitted_id, m.outcome, m.reason, m.rule, m.fuzzy, m.persons, m.attestation, m.member_id,
      m.group_id, m.consent_policy, m.consent_from, m.consent_to,
        encode(sha256(convert_to(m.consent::text, 'UTF8')), 'hex') as consent_sha256
      from exchange.match_member m join exchange.bulk_job j on j.id = m.job_id where j.received_at >= $1 and j.received_at < $2
        order by m.job_id, m.position`,
  },
  'single-matches.jsonl': {
    kind: 'How each member was decided that was asked for one by one ($member-match)',
    sql: `select m.id, m.peer_id, m.at, m.outcome, m.reason, m.rule, m.fuzzy, m.persons, m.attestation, m.member_id, m.consent_policy,
      m.consent_from, m.consent_to, m.request_id
      from exchange.match_single m where m.at >= $1 and m.at < $2 order by m.at, m.id`,
  },
  'payers.jsonl': {
    kind: 'The registry of payers',
    sql: `select p.id, p.name, p.npi, p.state, p.fhir_base, p.token_endpoint, p.client_id_there, p.client_id_here, p.jwks_url, p.scopes,
      p.origins, p.added_by, p.added_at, p.approved_by, p.approved_at
      from exchange.peer p order by p.id`,
  },
  'payer-changes.jsonl': {
    kind: 'Who registered, approved, suspended, closed and changed payers and blocked their keys, with their reasons, up to the end of the period',
    sql: `select c.id, c.peer_id, c.at, c.what, c.by_kind, c.by, c.state, c.decided_by, c.decided_at, c.before->>'state' as state_before,
      c.after->>'state' as state_after, c.after->>'reason' as reason,
        (select jsonb_agg(f order by f) from jsonb_object_keys(c.after) f) as fields
      from exchange.peer_change c where c.at < $2 order by c.id`,
  },
  'persons.jsonl': {
    kind: 'Members who turned out to be one person: the rows of both ids are of one person in the report; with what was taken back',
    sql: `select g.id, g.member_id, g.former_id, g.at, g.by_kind, g.by_subject, g.reason, g.opposed, g.undone_at, g.undone_by,
      g.undo_reason from exchange.member_merge g order by g.at, g.id`,
  },
  'namings.jsonl': {
    kind: 'Payers that were named by mistake, and named again, up to the end of the period: who said so, when and why',
    sql: `select n.id, n.other_coverage_id, o.member_id, o.payer, o.peer_id, n.at, n.act, n.reason, n.by
      from exchange.payer_link_event n join exchange.other_coverage o on o.id = n.other_coverage_id where n.at < $2 order by n.at, n.id`,
  },
  'audit-seals.jsonl': {
    kind: 'Seals of the audit trail that cover the period',
    sql: `select s.id, s.sealed_at, array_to_json(s.seqs) as seqs, encode(s.prev, 'hex') as prev, encode(s.root, 'hex') as root, s.jws
      from exchange.audit_seal s
      where s.id >= (select coalesce(min(id), 0) from exchange.audit_seal where sealed_at >= $1) and s.id <= (select coalesce(max(id), 0)
        from exchange.audit_seal where sealed_at < $2) order by s.id`,
  },
  'audit-rows.jsonl': {
    kind: 'Rows of the audit trail in those seals',
    sql: `select a.seq::text as seq, encode(a.hash, 'hex') as hash, to_char(a.at at time zone 'UTC',
      'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at, a.actor_kind as "actorKind", a.actor, a.action, a.object,
        a.member_id as "memberId", a.peer_id as "peerId", a.consent_id as "consentId", a.outcome, a.reason, a.request_id as "requestId",
          a.detail
      from exchange.audit_seal s cross join lateral unnest(s.seqs) with ordinality as u(seq, n) join exchange.audit a on a.seq = u.seq
      where s.id >= (select coalesce(min(id), 0) from exchange.audit_seal where sealed_at >= $1) and s.id <= (select coalesce(max(id), 0)
        from exchange.audit_seal where sealed_at < $2) order by s.id, u.n`,
  },
} as const;
export type EvidenceFile = keyof typeof EVIDENCE_SQL;

/** Runs `work` in one snapshot that sees the same rows throughout; times are UTC. */
export function inSnapshot<T>(sql: Sql, work: (tx: Queryable) => Promise<T>): Promise<T> {
  return sql.begin('isolation level repeatable read read only', async (tx) => {
    await tx`set local time zone 'UTC'`;
    return work(tx);
  }) as Promise<T>;
}

/** Rows of one file as JSON texts, a thousand at a time. */
export async function* evidenceRows(
  tx: Queryable,
  file: EvidenceFile,
  period: { from: Date; to: Date; timeZone: string },
): AsyncGenerator<string[]> {
  const query = tx.unsafe<{ line: string }[]>(
    `select to_jsonb(x)::text as line from (${EVIDENCE_SQL[file].sql}) x where $1::timestamptz is not null and $2::timestamptz is not null
      and $3::text is not null`,
    [period.from, period.to, period.timeZone],
  );
  for await (const rows of query.cursor(1000)) yield rows.map((r) => r.line);
}

/** The instant of the newest seal of a period: what the pack is as of. */
export async function lastSealBefore(tx: Queryable, to: Date): Promise<Date | undefined> {
  const [row] = await tx<
    { at: Date | null }[]
  >`select max(sealed_at) as at from exchange.audit_seal where sealed_at < ${to}`;
  return row?.at ?? undefined;
}
