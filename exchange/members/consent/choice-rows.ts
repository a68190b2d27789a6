// What members chose, what we did towards them, which other payers they named. Choices and contacts are insert-only.

import { randomUUID } from 'node:crypto';
import { desc, eq, getColumns } from 'drizzle-orm';
import type { Queryable } from '../../../src/db/database.ts';
import { orm } from '../../../src/db/orm.ts';
import { livesSql, standsSql } from '../enrolment/enrolled.ts';
import { consent, consentText, type contact } from '../schema.ts';

export type Choice = 'opt-in' | 'decline' | 'withdraw';
/** `recordedOn`: local date of the act; `givenAt`: its instant, null for imported choices, of which the file knew the day. */
export type ChoiceRow = Omit<typeof consent.$inferSelect, 'sequence'>;
const { sequence, ...choiceColumns } = getColumns(consent);

/** A choice that was made now. */
export async function addChoice(tx: Queryable, c: Omit<ChoiceRow, 'id' | 'createdAt'>): Promise<string> {
  const id = randomUUID();
  await orm(tx)
    .insert(consent)
    .values({ ...c, id });
  return id;
}

/** All choices of a member, newest first: the first one holds. Served by consent_member. */
export async function memberChoices(sql: Queryable, memberId: string): Promise<ChoiceRow[]> {
  const choices = orm(sql).select(choiceColumns).from(consent).where(eq(consent.memberId, memberId));
  return choices.orderBy(desc(consent.recordedOn), desc(consent.createdAt));
}

export type ShownText = Omit<typeof consentText.$inferSelect, 'firstAt'>;

/** Keeps a text that was shown. The same text is kept once. */
export async function keepText(tx: Queryable, t: ShownText, at: Date): Promise<void> {
  const { sha256, id, version, language, body } = t;
  await orm(tx).insert(consentText).values({ sha256, id, version, language, body, firstAt: at }).onConflictDoNothing();
}

export type KeptText = ShownText & { firstAt: Date; choices: number; contacts: number };

/** A text with how often it was shown. Served by shown_text's primary key; the counts read choices and contacts once. */
export async function keptText(sql: Queryable, sha256: string): Promise<KeptText | undefined> {
  const [row] = await sql<KeptText[]>`
    select t.sha256, t.id, t.version, t.language, t.body, t.first_at as "firstAt",
      (select count(*)::int from exchange.consent c where c.text_sha256 = t.sha256) as choices,
      (select count(*)::int from exchange.contact c where c.text_sha256 = t.sha256) as contacts
    from exchange.consent_text t where t.sha256 = ${sha256}`;
  return row;
}

export type ContactKind = 'offer' | 'identify' | 'education' | 'reminder';
export type ContactRow = typeof contact.$inferSelect;

/** Contacts; what is there already (same member, kind, instant and channel) stays. Returns how many are new. */
export async function addContacts(tx: Queryable, rows: readonly Omit<ContactRow, 'id'>[]): Promise<number> {
  if (rows.length === 0) return 0;
  const json = JSON.stringify(rows);
  const added = await tx`
    insert into exchange.contact (id, member_id, kind, at, channel, text_sha256, result, recorded_by, recorded_at)
    select gen_random_uuid()::text, "memberId", kind, at, channel, "textSha256", result, "recordedBy", "recordedAt"
    from jsonb_to_recordset(${json}::text::jsonb) as r("memberId" text, kind text, at timestamptz, channel text, "textSha256" text, result
      text, "recordedBy" text, "recordedAt" timestamptz)
    on conflict do nothing returning 1`;
  return added.length;
}

/** Served by contact's unique index. */
export async function memberContacts(
  sql: Queryable,
  memberId: string,
): Promise<(ContactRow & { text: string | null })[]> {
  return [
    ...(await sql<(ContactRow & { text: string | null })[]>`
      select c.id, c.member_id as "memberId", c.kind, c.at, c.channel, c.text_sha256 as "textSha256", c.result,
        c.recorded_by as "recordedBy", c.recorded_at as "recordedAt",
        t.id || ' ' || t.version || ' ' || t.language as text
      from exchange.contact c left join exchange.consent_text t on t.sha256 = c.text_sha256
        where c.member_id = ${memberId} order by c.at desc`),
  ];
}

export type OtherCoverage = {
  id: string;
  payer: string;
  peerId: string | null;
  peerName: string | null;
  peerState: string | null;
  memberNumber: string;
  starts: string | null;
  ends: string | null;
  knownAt: Date;
  saidBy: string;
  /** since when it is known that it was named by mistake; null: it holds */
  inErrorAt: Date | null;
};

/** Served by other_coverage's unique index on the member. */
export async function otherCoverages(sql: Queryable, memberId: string): Promise<OtherCoverage[]> {
  return [
    ...(await sql<OtherCoverage[]>`
      select o.id, o.payer, o.peer_id as "peerId", p.name as "peerName", p.state as "peerState", o.member_number as "memberNumber",
        o.starts::text, o.ends::text,
        o.known_at as "knownAt", o.reported_by as "saidBy", o.in_error_at as "inErrorAt"
      from exchange.other_coverage o left join exchange.peer p on p.id = o.peer_id
        where o.member_id = ${memberId} order by o.known_at, o.id`),
  ];
}

/**
 * A payer that a member names, linked to a registered peer by id, NPI or name. Named again, its dates are taken over.
 * `isNew`: it was not known so.
 */
export async function namePayer(
  tx: Queryable,
  o: {
    memberId: string;
    payer: string;
    memberNumber: string;
    starts: string | null;
    ends: string | null;
    at: Date;
    saidBy: string;
  },
): Promise<{ id: string; isNew: boolean }> {
  // by the name or number by which it is known already
  const [named] = await tx<{ peerId: string | null; payer: string | null }[]>`
    select r.id as "peerId", (select k.payer from exchange.other_coverage k
      where k.member_id = ${o.memberId} and k.member_number = ${o.memberNumber} and (k.payer = ${o.payer} or k.peer_id = r.id)
      order by k.in_error_at is null desc, k.payer = ${o.payer} desc, k.known_at, k.id limit 1) as payer
    from (select (select id from exchange.peer where id = ${o.payer} or npi = ${o.payer} or lower(name) = lower(${o.payer})
      order by id = ${o.payer} desc, npi = ${o.payer} desc, id limit 1) as id) r`;
  const payer = named?.payer ?? o.payer;
  // said again, it is not written again: anyone who looks at what has changed would look in vain
  const [written] = await tx<{ id: string }[]>`
    insert into exchange.other_coverage (id, member_id, payer, peer_id, member_number, starts, ends, known_at, reported_by)
    values (${randomUUID()}, ${o.memberId}, ${payer}, ${named?.peerId ?? null}, ${o.memberNumber}, ${o.starts}::date, ${o.ends}::date,
      ${o.at}, ${o.saidBy})
    on conflict (member_id, payer, member_number) do update set starts = coalesce(excluded.starts, exchange.other_coverage.starts),
      -- the end of a coverage before the one that is stated now is none of it
      ends = case when excluded.starts > exchange.other_coverage.ends then excluded.ends
        else coalesce(excluded.ends, exchange.other_coverage.ends) end,
      ends_known_at = case when excluded.ends <> coalesce(exchange.other_coverage.ends, 'infinity'::date)
        or excluded.starts > exchange.other_coverage.ends then ${o.at} else exchange.other_coverage.ends_known_at end
      where excluded.starts <> coalesce(exchange.other_coverage.starts, 'infinity'::date)
        or excluded.ends <> coalesce(exchange.other_coverage.ends, 'infinity'::date)
    returning id`;
  const [row] = written
    ? [written]
    : await tx<{ id: string }[]>`
    select id from exchange.other_coverage where member_id = ${o.memberId} and payer = ${payer} and member_number = ${o.memberNumber}`;
  if (!row) throw new Error('a payer was not stored');
  return { id: row.id, isNew: written !== undefined };
}

export type EnrolmentRow = {
  memberNumber: string;
  plan: string;
  lob: string;
  starts: string;
  ends: string | null;
  acceptedOn: string | null;
};

/** Served by enrolment's primary key. */
export async function memberEnrolments(sql: Queryable, memberId: string): Promise<EnrolmentRow[]> {
  return [
    ...(await sql<EnrolmentRow[]>`
      select member_number as "memberNumber", plan, lob, starts::text, ends::text, accepted_on::text as "acceptedOn" from exchange.enrolment
      where member_id = ${memberId} order by starts desc`),
  ];
}

export type MemberClock = {
  id: string;
  kind: string;
  peerName: string | null;
  startsAt: Date;
  dueAt: Date;
  state: string;
  closedAt: Date | null;
  reason: string | null;
  ruleRef: string | null;
  ruleVersion: string | null;
  calendarVersion: string | null;
  startEvent: string | null;
  stopEvent: string | null;
};

/** Served by deadline_member. */
export async function memberClocks(sql: Queryable, memberIds: readonly string[]): Promise<MemberClock[]> {
  return [
    ...(await sql<MemberClock[]>`
      select k.id, k.kind, p.name as "peerName", k.starts_at as "startsAt", k.due_at as "dueAt", k.state, k.closed_at as "closedAt",
        k.reason, k.rule_ref as "ruleRef",
        k.rule_version as "ruleVersion", k.calendar_version as "calendarVersion", k.start_event as "startEvent", k.stop_event as "stopEvent"
      from exchange.deadline k left join exchange.peer p on p.id = k.peer_id where k.member_id = any(${[...memberIds]}::text[])
        order by k.starts_at desc, k.kind`),
  ];
}

export type MemberAsk = {
  pullId: string;
  peerName: string;
  createdAt: Date;
  kickedOffAt: Date | null;
  state: string;
  outcome: string | null;
  consentId: string;
  policy: string;
  /** our signed statement that was sent with the request, a JWS; null when none was */
  statement: string | null;
  reason: string | null;
  units: number;
};

/** Every time this member's history was asked for. Served by pull_member_member and ledger_tally_key, ledger_block_member. */
export async function memberAsks(sql: Queryable, memberIds: readonly string[]): Promise<MemberAsk[]> {
  return [
    ...(await sql<MemberAsk[]>`
      select p.id as "pullId", r.name as "peerName", p.created_at as "createdAt", p.kicked_off_at as "kickedOffAt", p.state, m.outcome,
        m.consent_id as "consentId", m.policy, m.statement, p.reason,
        (select coalesce(sum(l.units), 0)::int from exchange.ledger_by_member l where l.member_id = any(${[...memberIds]}::text[])
          and l.pull_id = p.id) as units
      from exchange.pull_member m join exchange.pull p on p.id = m.pull_id join exchange.peer r on r.id = p.peer_id
      where m.member_id = any(${[...memberIds]}::text[]) order by p.created_at desc`),
  ];
}

/** Members whose Patient is stored, by ids; for files that name members by card number. Served by enrolment's index on the number. */
export async function membersByNumber(sql: Queryable, numbers: readonly string[]): Promise<Map<string, string>> {
  const rows = await sql<{ n: string; id: string }[]>`
    select member_number as n, min(member_id) as id from exchange.enrolment where member_number = any(${[...numbers]}::text[])
    group by member_number having count(distinct member_id) = 1`;
  return new Map(rows.map((r) => [r.n, r.id]));
}

/**
 * Living members without any choice who are enrolled, or will be, in the order of their ids. Served by member's and
 * enrolment's primary keys.
 * @param today YYYY-MM-DD of the plan's calendar
 */
export async function undecidedMembers(
  sql: Queryable,
  today: string,
  after: string,
  limit: number,
): Promise<{ memberId: string; memberNumber: string }[]> {
  return [
    ...(await sql<{ memberId: string; memberNumber: string }[]>`
      select m.id as "memberId", e.member_number as "memberNumber" from exchange.member m
      join lateral (
        select x.member_number from exchange.enrolment x cross join (select ${today}::date as today) d
        where x.member_id = m.id and ${sql.unsafe(standsSql('x', 'd.today'))} order by x.starts desc limit 1
      ) e on true
      where m.id > ${after} and ${sql.unsafe(livesSql('m.id'))} and not exists (select from exchange.consent c where c.member_id = m.id)
      order by m.id limit ${limit}`),
  ];
}
