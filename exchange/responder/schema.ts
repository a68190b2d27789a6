// Tables of what peers request of us: tokens, matches, exports.
import { sql } from 'drizzle-orm';
import {
  boolean,
  bytea,
  date,
  doublePrecision,
  index,
  integer,
  jsonb,
  primaryKey,
  smallint,
  text,
  unique,
} from 'drizzle-orm/pg-core';
import { hash64, instant, instantMs, int64, oneOf, xid8 } from '../../src/db/columns.ts';
import { peer } from '../peers/schema.ts';
import { exchange } from '../postgres-schema.ts';
import type { ServiceDays } from '../records/facts/service-days.ts';

/** Client assertions that were exchanged for a token: a `jti` is valid once. */
export const usedAssertion = exchange.table('used_assertion', {
  hash: bytea().primaryKey(),
  expiresAt: instant().notNull(),
  usedAt: instantMs().defaultNow().notNull(),
});

/** Remaining calls of a peer, refilled over time. */
export const callBudget = exchange.table(
  'call_budget',
  {
    peerId: text().notNull(),
    kind: text().notNull(),
    calls: doublePrecision().notNull(),
    at: instantMs().notNull(),
  },
  (t) => [primaryKey({ columns: [t.peerId, t.kind] }), index('call_budget_at').on(t.at)],
);

/** Refused requests of a peer, counted by hour. */
export const refusedRequest = exchange.table(
  'refused_request',
  {
    peerId: text().references(() => peer.id),
    reason: text().notNull(),
    route: text().notNull(),
    hour: instant().notNull(),
    more: integer().notNull(),
  },
  (t) => [
    unique('refused_request_peer_id_reason_route_hour_key').on(t.peerId, t.reason, t.route, t.hour).nullsNotDistinct(),
  ],
);

/** Bulk matches and exports that peers requested. */
export const bulkJob = exchange.table(
  'bulk_job',
  {
    id: text().primaryKey(),
    kind: text({ enum: ['match', 'export'] }).notNull(),
    peerId: text()
      .notNull()
      .references(() => peer.id),
    state: text({ enum: ['queued', 'running', 'complete', 'failed', 'cancelled', 'revoked'] }).notNull(),
    requestUrl: text().notNull(),
    parameters: jsonb().notNull(),
    bodyKey: text(),
    groupId: text(),
    receivedAt: instant().notNull(),
    dueAt: instant().notNull(),
    startedAt: instant(),
    completedAt: instant(),
    expiresAt: instant(),
    transactionTime: instantMs(),
    progress: smallint().default(0).notNull(),
    leaseOwner: text(),
    leaseUntil: instant(),
    attempts: integer().default(0).notNull(),
    counts: jsonb().default({}).notNull(),
    failure: text(),
    labeller: smallint(),
    foldedAt: instantMs(),
    reportsEntries: boolean().default(false).notNull(),
  },
  (t) => [
    index('bulk_job_failed').on(t.id).where(sql`state = 'failed'`),
    index('bulk_job_kept').on(t.expiresAt).where(sql`kind = 'export' and state = 'complete'`),
    index('bulk_job_open').on(t.receivedAt).where(sql`state in ('queued', 'running')`),
    index('bulk_job_peer').on(t.peerId, t.receivedAt),
    index('bulk_job_request').on(t.receivedAt, t.id).where(sql`body_key is not null`),
    index('bulk_job_unfolded').on(t.receivedAt).where(sql`kind = 'export' and folded_at is null`),
    oneOf('bulk_job_kind_check', t.kind),
    oneOf('bulk_job_state_check', t.state),
  ],
);

/** Files of a bulk job. */
export const bulkFile = exchange.table(
  'bulk_file',
  {
    jobId: text()
      .notNull()
      .references(() => bulkJob.id),
    id: text().notNull(),
    position: integer().notNull(),
    kind: text({ enum: ['output', 'deleted', 'error'] }).notNull(),
    type: text().notNull(),
    blobKey: text().notNull(),
    lines: integer().notNull(),
    bytes: int64().notNull(),
    storedBytes: int64().notNull(),
    sha256: text().notNull(),
    continuesIn: text(),
    removedAt: instant(),
    textSha256: text(),
  },
  (t) => [
    primaryKey({ columns: [t.jobId, t.id] }),
    index('bulk_file_there').on(t.jobId).where(sql`removed_at is null`),
    oneOf('bulk_file_kind_check', t.kind),
  ],
);

/** Groups that a bulk match made. */
export const matchGroup = exchange.table(
  'match_group',
  {
    id: text().primaryKey(),
    jobId: text()
      .notNull()
      .references(() => bulkJob.id),
    peerId: text()
      .notNull()
      .references(() => peer.id),
    code: text({ enum: ['match', 'nomatch', 'consentconstraint'] }).notNull(),
    createdAt: instant().notNull(),
    resource: text().notNull(),
    expiresOn: date(),
    isOver: boolean().default(false).notNull(),
  },
  (t) => [
    index('match_group_expiry').on(t.expiresOn).where(sql`resource <> ''`),
    index('match_group_peer').on(t.peerId, t.createdAt, t.id),
    oneOf('match_group_code_check', t.code),
  ],
);

/** Decisions of a bulk match, one row for each submitted member. */
export const matchMember = exchange.table(
  'match_member',
  {
    jobId: text()
      .notNull()
      .references(() => bulkJob.id),
    position: integer().notNull(),
    submittedId: text().notNull(),
    outcome: text({ enum: ['match', 'nomatch', 'consentconstraint'] }).notNull(),
    reason: text().notNull(),
    rule: smallint(),
    memberId: text(),
    groupId: text(),
    consent: jsonb(),
    consentPolicy: text(),
    consentFrom: date(),
    consentTo: date(),
    fuzzy: text(),
    persons: integer(),
    attestation: text(),
    coverageToLink: jsonb(),
    asOne: text().array(),
  },
  (t) => [
    primaryKey({ columns: [t.jobId, t.position] }),
    index('match_member_group').on(t.groupId, t.memberId).where(sql`member_id is not null`),
    index('match_member_member').on(t.memberId).where(sql`outcome = 'match'`),
    index('match_member_throttled').on(t.jobId).where(sql`reason = 'throttled'`),
    oneOf('match_member_outcome_check', t.outcome),
  ],
);

/** Requests and decisions of `$member-match`. */
export const matchSingle = exchange.table(
  'match_single',
  {
    id: text().primaryKey(),
    peerId: text().notNull(),
    at: instantMs().notNull(),
    outcome: text({ enum: ['match', 'nomatch', 'consentconstraint'] }).notNull(),
    reason: text().notNull(),
    rule: smallint(),
    memberId: text(),
    consent: jsonb(),
    consentPolicy: text(),
    consentFrom: date(),
    consentTo: date(),
    coverageToLink: jsonb(),
    requestId: text().default('').notNull(),
    fuzzy: text(),
    persons: integer(),
    attestation: text(),
    sent: text(),
    asOne: text().array(),
  },
  (t) => [
    index('match_single_grant').on(t.peerId, t.memberId).where(sql`outcome = 'match'`),
    oneOf('match_single_outcome_check', t.outcome),
  ],
);

/** Keyed hashes of member IDs tried for a person (HRex mm-7); deleted after thirty days. */
export const matchAttempt = exchange.table(
  'match_attempt',
  {
    person: hash64().notNull(),
    card: hash64().notNull(),
    peerId: text().notNull(),
    at: instantMs().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.person, t.card, t.peerId] }),
    index('match_attempt_at').using('brin', t.at),
    index('match_attempt_card').on(t.card, t.peerId),
  ],
);

/** Transactions that may have withdrawn access: a choice other than opt-in, or a changed match. */
export const grantChange = exchange.table(
  'grant_change',
  {
    xid: xid8().default(sql`pg_current_xact_id()`).notNull(),
    at: instant().default(sql`clock_timestamp()`).notNull(),
  },
  (t) => [index('grant_change_xid').on(t.xid)],
);

/** What a finished export contains of a member: counts by type, hashes of `Type/id`, and the consent it rests on. */
export const delivered = exchange.table(
  'delivered',
  {
    peerId: text()
      .notNull()
      .references(() => peer.id),
    memberId: text().notNull(),
    jobId: text()
      .notNull()
      .references(() => bulkJob.id),
    policy: text({ enum: ['regular', 'sensitive'] }).notNull(),
    consentId: text().notNull(),
    types: jsonb().$type<Record<string, number>>().notNull(),
    keys: hash64().array().notNull(),
    days: jsonb().$type<ServiceDays>(),
  },
  (t) => [
    primaryKey({ columns: [t.peerId, t.memberId, t.jobId] }),
    index('delivered_job').on(t.jobId, t.memberId),
    index('delivered_member').on(t.memberId),
    oneOf('delivered_policy_check', t.policy),
  ],
);

/** Directory-type records that an export contains or reports as deleted, as hashes of `Type/id`. */
export const deliveredEntries = exchange.table(
  'delivered_entries',
  {
    jobId: text()
      .notNull()
      .references(() => bulkJob.id),
    gone: boolean().notNull(),
    part: integer().notNull(),
    peerId: text()
      .notNull()
      .references(() => peer.id),
    keys: hash64().array().notNull(),
  },
  (t) => [primaryKey({ columns: [t.jobId, t.gone, t.part] }), index('delivered_entries_peer').on(t.peerId)],
);

/** Directory-type records that a peer received: first and last time, and when their deletion was reported. */
export const deliveredEntry = exchange.table(
  'delivered_entry',
  {
    peerId: text()
      .notNull()
      .references(() => peer.id),
    key: hash64().notNull(),
    firstAt: instantMs().notNull(),
    lastAt: instantMs().notNull(),
    reportedAt: instantMs(),
    reportedType: text(),
  },
  (t) => [
    primaryKey({ columns: [t.peerId, t.key] }),
    index('delivered_entry_told').on(t.peerId, t.reportedAt).where(sql`reported_at is not null`),
  ],
);
