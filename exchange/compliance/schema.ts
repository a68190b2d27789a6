// Tables of audit, reports, incidents and alerts.
import { sql } from 'drizzle-orm';
import { boolean, bytea, check, date, index, integer, jsonb, text, uniqueIndex } from 'drizzle-orm/pg-core';
import { instant, instantMs, int64, oneOf } from '../../src/db/columns.ts';
import { member } from '../members/schema.ts';
import { peer } from '../peers/schema.ts';
import { exchange } from '../postgres-schema.ts';
import { bulkJob } from '../responder/schema.ts';

/** Audit log. Insert-only; `hash` covers the row, and rows are sealed in chains. */
export const audit = exchange.table(
  'audit',
  {
    seq: int64().primaryKey().generatedAlwaysAsIdentity(),
    at: instant().notNull(),
    actorKind: text({ enum: ['peer', 'staff', 'system', 'command'] }).notNull(),
    actor: text().notNull(),
    action: text().notNull(),
    object: text().default('').notNull(),
    memberId: text(),
    peerId: text(),
    consentId: text(),
    outcome: text().default('ok').notNull(),
    reason: text().default('').notNull(),
    requestId: text().default('').notNull(),
    detail: jsonb().default({}).notNull(),
    hash: bytea().notNull(),
  },
  (t) => [
    index('audit_decided')
      .on(t.at)
      .where(
        sql`actor_kind in ('staff', 'command') and outcome = 'ok' and action not in ('view', 'sign-in', 'sign-out', 'export-report')`,
      ),
    index('audit_disclosed')
      .on(t.at)
      .where(
        sql`action in ('export-member', 'read', 'search', 'everything') and member_id is not null and outcome = 'ok'`,
      ),
    index('audit_file').on(t.object.op('text_pattern_ops'), t.at).where(sql`action = 'file'`),
    index('audit_member').on(t.memberId, t.at).where(sql`member_id is not null`),
    index('audit_object').on(t.object, t.at).where(sql`object <> ''`),
    index('audit_refused').on(t.at, t.seq).where(sql`outcome <> 'ok'`),
    index('audit_seen')
      .on(t.at)
      .where(sql`action = 'view' and member_id is not null and detail ->> 'purpose' is not null`),
    index('audit_sign_in')
      .on(t.actor, t.at.desc().nullsFirst())
      .where(sql`action = 'sign-in' and actor_kind = 'staff' and outcome = 'ok'`),
    oneOf('audit_actor_kind_check', t.actorKind),
  ],
);

/** Audit rows that wait for the next seal. */
export const auditUnsealed = exchange.table('audit_unsealed', {
  seq: int64().primaryKey(),
});

/** Sealed batches of audit rows. `root` covers all hashes and the previous root; `jws` signs it. */
export const auditSeal = exchange.table('audit_seal', {
  id: int64().primaryKey(),
  sealedAt: instantMs().notNull(),
  seqs: int64().array().notNull(),
  marks: bytea().notNull(),
  prev: bytea().notNull(),
  root: bytea().notNull().unique('audit_seal_root_key'),
  jws: text().notNull(),
});

/** Runs of `audit verify`. Insert-only. */
export const auditCheck = exchange.table(
  'audit_check',
  {
    id: int64().primaryKey().generatedAlwaysAsIdentity(),
    at: instantMs().notNull(),
    tookMs: integer().notNull(),
    byKind: text({ enum: ['system', 'command'] }).notNull(),
    by: text().notNull(),
    headSeal: integer(),
    headRoot: text(),
    knownSeal: integer(),
    seals: integer().notNull(),
    rows: int64().notNull(),
    waiting: int64().notNull(),
    faults: integer().notNull(),
    firstFaults: text().array().default([]).notNull(),
  },
  (t) => [oneOf('audit_check_by_kind_check', t.byKind)],
);

/** Security events by the seal that contains them. */
export const securityEvent = exchange.table(
  'security_event',
  {
    seq: int64().primaryKey(),
    sealId: integer().notNull(),
  },
  (t) => [index('security_event_seal').on(t.sealId)],
);

/** Reviews of security events (45 CFR 164.308(a)(1)(ii)(D)). Insert-only. */
export const securityReview = exchange.table(
  'security_review',
  {
    id: text().primaryKey(),
    at: instant().notNull(),
    subject: text().notNull(),
    untilAt: instant().notNull(),
    events: integer().notNull(),
    note: text().notNull(),
    untilSeal: integer(),
  },
  (t) => [index('security_review_until').on(t.untilAt)],
);

/** Compliance reports as signed, each with the SHA-256 of the previous one. Insert-only. */
export const issuedReport = exchange.table('issued_report', {
  number: integer().primaryKey(),
  at: instant().notNull(),
  byKind: text().notNull(),
  bySubject: text().notNull(),
  period: text().notNull(),
  firstDay: date().notNull(),
  lastDay: date().notNull(),
  lob: text(),
  peerId: text().references(() => peer.id),
  contentSha256: text().notNull(),
  sha256: text().notNull(),
  previousSha256: text(),
  document: text().notNull(),
  tables: text().notNull(),
});

/** Daily checks that public documentation was online. Insert-only. */
export const documentCheck = exchange.table(
  'document_check',
  {
    id: int64().primaryKey().generatedAlwaysAsIdentity(),
    at: instantMs().notNull(),
    url: text().notNull(),
    version: text().notNull(),
    status: integer(),
    bytes: integer(),
    sha256: text(),
    fault: text(),
  },
  (t) => [index('document_check_at').on(t.at, t.id)],
);

/** Checks of an export’s files for data that must not leave. Insert-only. */
export const contentCheck = exchange.table('content_check', {
  jobId: text()
    .primaryKey()
    .references(() => bulkJob.id),
  at: instantMs().notNull(),
  files: integer().notNull(),
  lines: int64().notNull(),
  faults: integer().notNull(),
  gone: boolean().notNull(),
  firstFaults: jsonb().$type<unknown[]>().default([]).notNull(),
});

/** Legal holds on files of a member, a payer, or all. */
export const legalHold = exchange.table(
  'legal_hold',
  {
    id: text().primaryKey(),
    memberId: text().references(() => member.id),
    peerId: text().references(() => peer.id),
    reason: text().notNull(),
    placedBy: text().notNull(),
    placedAt: instant().notNull(),
    liftReason: text(),
    liftedBy: text(),
    liftedAt: instant(),
  },
  (t) => [
    index('legal_hold_standing').on(t.placedAt).where(sql`lifted_at is null`),
    check('legal_hold_check', sql`member_id is null or peer_id is null`),
    check(
      'legal_hold_check1',
      sql`(lifted_at is null) = (lifted_by is null) and (lifted_at is null) = (lift_reason is null)`,
    ),
  ],
);

/** Restore drills (45 CFR 164.308(a)(7)(ii)(D)). Insert-only. */
export const restoreDrill = exchange.table(
  'restore_drill',
  {
    id: text().primaryKey(),
    at: instantMs().notNull(),
    byKind: text({ enum: ['staff', 'command'] }).notNull(),
    bySubject: text().notNull(),
    backup: text().notNull(),
    note: text().notNull(),
    minutes: integer(),
    isOk: boolean().notNull(),
    faults: text().array().notNull(),
    checkedAt: instantMs(),
    headSeal: int64(),
    headAt: instantMs(),
    sha256: text().unique('restore_drill_sha256_key'),
    document: text(),
  },
  (t) => [index('restore_drill_at').on(t.at)],
);

/** Privacy and security incidents (45 CFR 164.308(a)(6), 164.400 to 164.414). Insert-only. */
export const incidentCase = exchange.table(
  'incident_case',
  {
    number: integer().primaryKey(),
    openedAt: instantMs().notNull(),
    openedBy: text().notNull(),
    kind: text().notNull(),
    title: text().notNull(),
    origin: text().notNull(),
    discoveredOn: date().notNull(),
  },
  (t) => [index('incident_case_origin').on(t.origin).where(sql`origin <> ''`)],
);

/** Findings, decisions and notices of an incident. Insert-only. */
export const incidentEntry = exchange.table(
  'incident_entry',
  {
    id: int64().primaryKey().generatedAlwaysAsIdentity(),
    caseNumber: integer()
      .notNull()
      .references(() => incidentCase.number),
    at: instantMs().notNull(),
    bySubject: text().notNull(),
    what: text().notNull(),
    onDay: date(),
    verdict: text(),
    affected: integer(),
    inOneState: integer(),
    words: text().notNull(),
  },
  (t) => [index('incident_entry_case').on(t.caseNumber, t.id)],
);

/** Operational alerts. */
export const alert = exchange.table(
  'alert',
  {
    id: text().primaryKey(),
    kind: text().notNull(),
    subject: text().notNull(),
    amount: integer().notNull(),
    firstAt: instant().notNull(),
    lastAt: instant().notNull(),
    clearedAt: instant(),
    sentAt: instant(),
    sendAttempts: integer().default(0).notNull(),
    nextSendAt: instant(),
  },
  (t) => [
    uniqueIndex('alert_standing').on(t.kind, t.subject).where(sql`cleared_at is null`),
    index('alert_unsent').on(t.nextSendAt).where(sql`next_send_at is not null`),
  ],
);
