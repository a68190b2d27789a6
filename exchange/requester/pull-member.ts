// Members of a pull and what the peer said of each.

import { and, asc, eq } from 'drizzle-orm';
import type { Queryable } from '../../src/db/database.ts';
import { isOneOf, orm } from '../../src/db/orm.ts';
import { standsAsSql } from '../members/merge/member-merge.ts';
import { pullMember } from './schema.ts';

type Row = typeof pullMember.$inferSelect;
/** `furtherPatients`: more Patients of theirs who are the member. */
export type PullMember = Pick<Row, 'submittedId' | 'memberId' | 'otherCoverageId' | 'consentId' | 'policy'> &
  Pick<Row, 'outcome' | 'peerPatientId' | 'furtherPatients'>;

export async function pullMembers(sql: Queryable, pullId: string): Promise<PullMember[]> {
  const { submittedId, memberId, otherCoverageId, consentId, policy, outcome, peerPatientId, furtherPatients } =
    pullMember;
  return orm(sql)
    .select({ submittedId, memberId, otherCoverageId, consentId, policy, outcome, peerPatientId, furtherPatients })
    .from(pullMember)
    .where(eq(pullMember.pullId, pullId))
    .orderBy(asc(submittedId));
}

export async function setOutcomes(
  tx: Queryable,
  pullId: string,
  outcomes: readonly {
    submittedId: string;
    outcome: string | null;
    peerPatientId: string | null;
    furtherPatients?: readonly string[];
  }[],
): Promise<void> {
  // lists as texts: ids have no commas
  await tx`
    update exchange.pull_member m set outcome = o.outcome, peer_patient_id = o.patient, further_patients = string_to_array(o.further, ',')
    from unnest(${outcomes.map((o) => o.submittedId)}::text[], ${outcomes.map((o) => o.outcome)}::text[],
      ${outcomes.map((o) => o.peerPatientId)}::text[], ${outcomes.map((o) => (o.furtherPatients ?? []).join())}::text[]) as o(id, outcome,
      patient, further)
    where m.pull_id = ${pullId} and m.submitted_id = o.id`;
}

/**
 * What the members of a pull are known by (name, birth date) as they are submitted: `of` their profile. Who was not
 * known by that is not asked for by the same once more because something else stood there in between
 * (members/renewed-request.ts).
 */
export const identitySql = (of: string): string =>
  `md5(concat_ws('|', ${of}.family::text, ${of}.given::text, ${of}.suffix, ${of}.dob::text))`;

/** Notes it. pull_member_pkey, member_profile_pkey. */
export async function noteIdentities(sql: Queryable, pullId: string): Promise<void> {
  await sql`
    update exchange.pull_member m set identity = ${sql.unsafe(identitySql('p'))}
    from exchange.member_profile p where m.pull_id = ${pullId} and p.member_id = m.member_id and m.outcome is null`;
}

/** Keeps our statements about members, by the ids under which they are submitted. pull_member_pkey. */
export async function keepStatements(sql: Queryable, pullId: string, made: ReadonlyMap<string, string>): Promise<void> {
  if (made.size === 0) return;
  await sql`
    update exchange.pull_member m set statement = s.jws
    from unnest(${[...made.keys()]}::text[], ${[...made.values()]}::text[]) as s(id, jws)
      where m.pull_id = ${pullId} and m.submitted_id = s.id`;
}

/**
 * Why a member of a pull is asked for no more: the opt-in no longer holds, or the payer was named by mistake. So it is
 * with the card of another member, with whom this one was taken for one person when the pull was made.
 */
export type LeftOut = 'consent-withdrawn' | 'named-in-error';

/** Such members, by the ids under which they are submitted. pull_member_pkey. */
export async function leftOutMembers(sql: Queryable, pullId: string): Promise<Map<string, LeftOut>> {
  const rows = await sql<{ id: string; hasWithdrawn: boolean }[]>`
    select x.id, x."hasWithdrawn" from (
      select m.submitted_id as id, o.in_error_at is not null or o.member_id <> m.member_id as "isNotTheirs", (
        select choice from exchange.consent c where c.member_id = m.member_id
          order by recorded_on desc, created_at desc limit 1) <> 'opt-in' as "hasWithdrawn"
      from exchange.pull_member m left join exchange.other_coverage o on o.id = m.other_coverage_id where m.pull_id = ${pullId}) x
    where x."hasWithdrawn" or x."isNotTheirs"`;
  return new Map(rows.map((r) => [r.id, r.hasWithdrawn ? 'consent-withdrawn' : 'named-in-error']));
}

/**
 * Notes of whom a pull asked for nothing, or holds everything: what the payer has to tell of them is not known by it
 * (known-since.ts). What is held of someone for whom that has ceased to be so stays held, so it is never noted
 * otherwise. pull_member_member.
 */
export async function noteLeftOut(sql: Queryable, pullId: string, memberIds: readonly string[]): Promise<void> {
  if (memberIds.length === 0) return;
  const those = and(isOneOf(pullMember.memberId, memberIds), eq(pullMember.pullId, pullId));
  await orm(sql)
    .update(pullMember)
    .set({ leftOut: true })
    .where(and(those, eq(pullMember.leftOut, false)));
}

/**
 * Members whose lines were held when the pull was taken in, as it was taken in after they had withdrawn or the payer
 * was named by mistake: by the ids under which they stand now. ledger_unit_pkey.
 */
export async function heldThen(sql: Queryable, pullId: string): Promise<Map<string, LeftOut>> {
  const rows = await sql<{ id: string; reason: LeftOut }[]>`
    select distinct ${sql.unsafe(standsAsSql('l.member_id'))} as id, l.reason from exchange.ledger_unit l
    where l.pull_id = ${pullId} and l.outcome = 'quarantined' and l.reason in ('consent-withdrawn', 'named-in-error')
      and l.member_id is not null`;
  return new Map(rows.map((r) => [r.id, r.reason]));
}

/** What an earlier pull of the same members learned of them: used when its Group is asked again. */
export async function copyOutcomes(tx: Queryable, pullId: string, fromPullId: string): Promise<void> {
  await tx`
    update exchange.pull_member m set outcome = f.outcome, peer_patient_id = f.peer_patient_id, further_patients = f.further_patients
    from exchange.pull_member f
    where m.pull_id = ${pullId} and f.pull_id = ${fromPullId} and f.member_id = m.member_id
      and f.other_coverage_id is not distinct from m.other_coverage_id`;
}

/**
 * Persons of the peer who are matched to a member of ours now and of whom we hold the peer's Patient under another one. pull_member_pkey,
 * identity_pkey.
 */
export async function movedPatients(sql: Queryable, pullId: string, peerId: string): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    select u.id from exchange.pull_member m cross join unnest(m.peer_patient_id || m.further_patients) u(id)
    join exchange.identity i on i.peer_id = ${peerId} and i.type = 'Patient' and i.source_id = u.id
    where m.pull_id = ${pullId} and m.outcome = 'matched' and i.state in ('visible', 'echo') and i.member_id <> m.member_id`;
  return rows.map((r) => r.id);
}

/** Moves some of a pull's members to another pull. pull_member_pkey. */
export async function moveMembers(
  tx: Queryable,
  from: string,
  to: string,
  submittedIds: readonly string[],
): Promise<void> {
  await orm(tx)
    .update(pullMember)
    .set({ pullId: to })
    .where(and(eq(pullMember.pullId, from), isOneOf(pullMember.submittedId, submittedIds)));
}
