// Tables of members: enrolment, consent, merges and deadlines.
import { sql } from 'drizzle-orm';
import {
  boolean,
  bytea,
  check,
  date,
  index,
  integer,
  jsonb,
  primaryKey,
  smallint,
  text,
  unique,
  uniqueIndex,
} from 'drizzle-orm/pg-core';
import { hash64, instant, instantMs, int64, oneOf } from '../../src/db/columns.ts';
import { exchange } from '../postgres-schema.ts';

/** People enrolled with this plan. `id` is the id of their Patient; `umb` is the unique member identifier given to peers. */
export const member = exchange.table(
  'member',
  {
    id: text().primaryKey(),
    umb: text().notNull().unique('member_umb_key'),
    createdAt: instant().defaultNow().notNull(),
    died: date(),
    /** the death, or that it was taken back, is recorded, and the next tick has yet to close or reopen deadlines */
    deceasedRecorded: boolean().default(false).notNull(),
    /** when the name or birth date was last corrected: payers without a match are asked again */
    identityCorrectedAt: instant(),
  },
  (t) => [index('member_deceased_recorded').on(t.id).where(sql`deceased_recorded`)],
);

/** Normalized demographics that matching compares. */
export const memberProfile = exchange.table(
  'member_profile',
  {
    memberId: text()
      .primaryKey()
      .references(() => member.id),
    family: text().array().notNull(),
    given: text().array().notNull(),
    suffix: text().array().notNull(),
    dob: text().array().notNull(),
    mb: text().array().notNull(),
    sub: text().array().notNull(),
    mbi: text().array().notNull(),
    umb: text().array().notNull(),
    street: text().array().default([]).notNull(),
    phone: text().array().default([]).notNull(),
    email: text().array().default([]).notNull(),
    died: date(),
  },
  (t) => [index('member_profile_dob').using('gin', t.dob)],
);

/** Hashed exact match keys of members. */
export const memberToken = exchange.table(
  'member_token',
  {
    kind: smallint().notNull(),
    hash: hash64().notNull(),
    memberId: text().notNull(),
  },
  (t) => [primaryKey({ columns: [t.kind, t.hash, t.memberId] }), index('member_token_member').on(t.memberId)],
);

/** Members whose profile for matching is to be recomputed. */
export const profileDue = exchange.table('profile_due', {
  memberId: text().primaryKey(),
});

/** Coverage of members in this plan. */
export const enrolment = exchange.table(
  'enrolment',
  {
    memberId: text()
      .notNull()
      .references(() => member.id),
    memberNumber: text().notNull(),
    subscriberId: text(),
    plan: text().notNull(),
    starts: date().notNull(),
    ends: date(),
    lob: text({ enum: ['ma', 'medicaid-ffs', 'medicaid-mc', 'chip-ffs', 'chip-mc', 'qhp'] })
      .default('ma')
      .notNull(),
    acceptedOn: date(),
    deadlinesOpenedAt: instant(),
    formerNumber: text(),
    saidEnds: date(),
  },
  (t) => [
    primaryKey({ columns: [t.memberId, t.memberNumber, t.starts] }),
    index('enrolment_number').on(t.memberNumber),
    index('enrolment_without_deadlines').on(t.memberId).where(sql`deadlines_opened_at is null`),
    oneOf('enrolment_lob_check', t.lob),
  ],
);

/** Coverage with other payers as members report it. `payer` is as written; `peer_id` is set when it names a registered peer. */
export const otherCoverage = exchange.table(
  'other_coverage',
  {
    id: text().primaryKey(),
    memberId: text()
      .notNull()
      .references(() => member.id),
    payer: text().notNull(),
    peerId: text(),
    memberNumber: text().default('').notNull(),
    starts: date(),
    ends: date(),
    knownAt: instant().defaultNow().notNull(),
    reportedBy: text().default('import').notNull(),
    endsKnownAt: instant(),
    evaluateOn: date().default(sql`'-infinity'`),
    requestAt: instant().default(sql`'-infinity'`),
    inErrorAt: instant(),
    fileStarts: date(),
    fileEnds: date(),
  },
  (t) => [
    unique('other_coverage_member_id_payer_member_number_key').on(t.memberId, t.payer, t.memberNumber),
    index('other_coverage_ask').on(t.requestAt).where(sql`request_at is not null`),
    index('other_coverage_look').on(t.evaluateOn).where(sql`evaluate_on is not null`),
  ],
);

/** Payers that were entered in error, or entered again: who, when and why. The state in force stands with the coverage. */
export const payerLinkEvent = exchange.table(
  'payer_link_event',
  {
    id: text().primaryKey(),
    otherCoverageId: text()
      .notNull()
      .references(() => otherCoverage.id),
    at: instant().notNull(),
    act: text({ enum: ['in-error', 'again'] }).notNull(),
    reason: text().notNull(),
    by: text().notNull(),
  },
  (t) => [index('payer_link_event_coverage').on(t.otherCoverageId, t.at), oneOf('payer_link_event_act_check', t.act)],
);

/** Every choice of a member about payer-to-payer exchange. Insert-only; the newest is in force. */
export const consent = exchange.table(
  'consent',
  {
    id: text().primaryKey(),
    memberId: text()
      .notNull()
      .references(() => member.id),
    choice: text({ enum: ['opt-in', 'decline', 'withdraw'] }).notNull(),
    policy: text({ enum: ['regular', 'sensitive'] }).notNull(),
    recordedOn: date().notNull(),
    source: text().notNull(),
    createdAt: instant().defaultNow().notNull(),
    givenAt: instant(),
    payers: text({ enum: ['previous', 'concurrent', 'both'] })
      .default('both')
      .notNull(),
    givenBy: text({ enum: ['member', 'representative'] })
      .default('member')
      .notNull(),
    representative: text(),
    authority: text(),
    channel: text(),
    textSha256: text(),
    document: text(),
    verification: text(),
    recordedBy: text(),
    sequence: smallint().default(0).notNull(),
  },
  (t) => [
    uniqueIndex('consent_imported')
      .on(t.memberId, t.choice, t.policy, t.recordedOn, t.sequence)
      .where(sql`given_at is null`),
    index('consent_member').on(t.memberId, t.recordedOn, t.createdAt),
    oneOf('consent_choice_check', t.choice),
    oneOf('consent_given_by_check', t.givenBy),
    oneOf('consent_payers_check', t.payers),
    oneOf('consent_policy_check', t.policy),
  ],
);

/** Texts that members were shown, by content. */
export const consentText = exchange.table('consent_text', {
  sha256: text().primaryKey(),
  id: text().notNull(),
  version: text().notNull(),
  language: text().notNull(),
  body: text().notNull(),
  firstAt: instant().notNull(),
});

/** Contacts with members: opt-in requests, education, reminders. Insert-only. */
export const contact = exchange.table(
  'contact',
  {
    id: text().primaryKey(),
    memberId: text()
      .notNull()
      .references(() => member.id),
    kind: text({ enum: ['offer', 'identify', 'education', 'reminder'] }).notNull(),
    at: instant().notNull(),
    channel: text().notNull(),
    textSha256: text().references(() => consentText.sha256),
    result: text({ enum: ['delivered', 'no-answer', 'returned'] })
      .default('delivered')
      .notNull(),
    recordedBy: text().notNull(),
    recordedAt: instant().notNull(),
  },
  (t) => [
    unique('contact_member_id_kind_at_channel_key').on(t.memberId, t.kind, t.at, t.channel),
    oneOf('contact_kind_check', t.kind),
    oneOf('contact_result_check', t.result),
  ],
);

/** Invitations of members to their pages. Only a hash of the code is stored. */
export const invitation = exchange.table('invitation', {
  idHash: bytea().primaryKey(),
  memberId: text()
    .notNull()
    .references(() => member.id),
  createdAt: instant().notNull(),
  expiresAt: instant().notNull(),
  createdBy: text().notNull(),
  failures: integer().default(0).notNull(),
  openedAt: instant(),
});

/** Requests of members to fetch their data. */
export const memberRequest = exchange.table(
  'member_request',
  {
    id: text().primaryKey(),
    memberId: text()
      .notNull()
      .references(() => member.id),
    otherCoverageId: text()
      .notNull()
      .references(() => otherCoverage.id),
    at: instant().notNull(),
    reportedBy: text().notNull(),
  },
  (t) => [index('member_request_coverage').on(t.otherCoverageId, t.at)],
);

/**
 * Merges of two member rows that are one person, one row each time. `compare_at`: when records of the two are to be compared; null
 * when done.
 */
export const memberMerge = exchange.table(
  'member_merge',
  {
    id: text().primaryKey(),
    memberId: text()
      .notNull()
      .references(() => member.id),
    formerId: text()
      .notNull()
      .references(() => member.id),
    at: instantMs().notNull(),
    byKind: text().notNull(),
    bySubject: text().notNull(),
    reason: text().notNull(),
    opposed: jsonb().default([]).notNull(),
    compareAt: instant(),
    undoneAt: instantMs(),
    undoneBy: text(),
    undoReason: text(),
  },
  (t) => [
    index('member_merge_compare').on(t.compareAt).where(sql`compare_at is not null`),
    uniqueIndex('member_merge_former').on(t.formerId).where(sql`undone_at is null`),
    index('member_merge_member').on(t.memberId).where(sql`undone_at is null`),
    check('member_merge_check', sql`member_id <> former_id`),
  ],
);

/** What belonged to the merged member, so that an unmerge can restore it. */
export const memberMergePart = exchange.table(
  'member_merge_part',
  {
    mergeId: text()
      .notNull()
      .references(() => memberMerge.id),
    what: text().notNull(),
    key: text().notNull(),
    part: text().default('').notNull(),
    was: text(),
  },
  (t) => [primaryKey({ columns: [t.mergeId, t.what, t.key, t.part] })],
);

/** Regulatory deadlines. */
export const deadline = exchange.table(
  'deadline',
  {
    id: text().primaryKey(),
    kind: text().notNull(),
    subject: text().notNull(),
    memberId: text(),
    peerId: text(),
    startsAt: instant().notNull(),
    dueAt: instant().notNull(),
    state: text({ enum: ['open', 'met', 'met-late', 'attempted', 'blocked', 'withdrawn', 'not-applicable'] }).notNull(),
    closedAt: instant(),
    reason: text(),
    lob: text(),
    ruleRef: text(),
    ruleVersion: text(),
    calendarVersion: text(),
    zone: text(),
    startEvent: text(),
    stopEvent: text(),
  },
  (t) => [
    unique('deadline_kind_subject_key').on(t.kind, t.subject),
    index('deadline_anew').on(t.startsAt).where(sql`start_event = 'coverage-anew'`),
    index('deadline_attempted').on(t.dueAt).where(sql`state = 'attempted'`),
    index('deadline_due').on(t.dueAt, t.id),
    index('deadline_ended').on(t.memberId).where(sql`kind = 'C2' and state in ('withdrawn', 'not-applicable')`),
    index('deadline_member').on(t.memberId, t.kind),
    index('deadline_open').on(t.dueAt).where(sql`state = 'open'`),
    oneOf('deadline_state_check', t.state),
  ],
);

/** One row: up to when deadlines were checked for whether they still apply. */
export const deadlineCheck = exchange.table(
  'deadline_check',
  {
    one: boolean().primaryKey().default(true),
    day: date().notNull(),
    until: instant(),
  },
  () => [check('deadline_check_one_check', sql`one`)],
);

/** Notes about missed deadlines. Insert-only. */
export const deadlineNote = exchange.table(
  'deadline_note',
  {
    id: int64().primaryKey().generatedAlwaysAsIdentity(),
    deadlineId: text()
      .notNull()
      .references(() => deadline.id),
    at: instant().notNull(),
    by: text().notNull(),
    reason: text().notNull(),
    correctiveAction: text().default('').notNull(),
    words: text().default('').notNull(),
  },
  (t) => [index('deadline_note_clock').on(t.deadlineId, t.id)],
);
