// Tables of what we request of peers.
import { sql } from 'drizzle-orm';
import { boolean, index, integer, jsonb, primaryKey, text } from 'drizzle-orm/pg-core';
import { instant, instantMs, int64, oneOf } from '../../src/db/columns.ts';
import { consent, member, otherCoverage } from '../members/schema.ts';
import { peer } from '../peers/schema.ts';
import { exchange } from '../postgres-schema.ts';

/** Requests to peers. The lease on a row is the right to take its next step. */
export const pull = exchange.table(
  'pull',
  {
    id: text().primaryKey(),
    peerId: text()
      .notNull()
      .references(() => peer.id),
    state: text({
      enum: [
        'due',
        'discovered',
        'authorized',
        'matching',
        'matched',
        'exporting',
        'downloading',
        'reconciling',
        'done',
        'review',
        'unbalanced',
        'partial',
        'refused',
        'failed',
        'withdrawn',
      ],
    }).notNull(),
    cause: text().notNull(),
    isFull: boolean().default(false).notNull(),
    createdAt: instant().notNull(),
    dueAt: instant().notNull(),
    nextAt: instant().notNull(),
    attempts: integer().default(0).notNull(),
    leaseOwner: text(),
    leaseUntil: instant(),
    reason: text(),
    matchStatusUrl: text(),
    groupId: text(),
    exportStatusUrl: text(),
    manifest: text(),
    since: instantMs(),
    transactionTime: instantMs(),
    kickedOffAt: instant(),
    finishedAt: instant(),
    acceptedBy: text(),
    acceptedAt: instant(),
    matchForm: text(),
    fetchForm: text(),
    releasedAt: instantMs(),
    deadlinesOpenedAt: instant(),
    phase: text({ enum: ['deciding', 'planned'] }),
    phaseAt: instant(),
    phaseOf: text(),
    decidedBucket: integer(),
    partOf: text(),
    filesRemovedAt: instant(),
    isSplit: boolean().default(false).notNull(),
  },
  (t) => [
    index('pull_due')
      .on(t.nextAt)
      .where(
        sql`state in ('due', 'discovered', 'authorized', 'matching', 'matched', 'exporting', 'downloading', 'reconciling')`,
      ),
    index('pull_files_kept').on(t.finishedAt, t.id).where(sql`files_removed_at is null and finished_at is not null`),
    index('pull_part_of').on(t.partOf).where(sql`part_of is not null`),
    index('pull_peer').on(t.peerId, t.createdAt),
    index('pull_without_deadlines')
      .on(t.kickedOffAt)
      .where(sql`kicked_off_at is not null and deadlines_opened_at is null`),
    index('pull_unreleased')
      .on(t.finishedAt)
      .where(sql`released_at is null and state in ('done', 'review', 'refused', 'failed', 'withdrawn')`),
    oneOf('pull_phase_check', t.phase),
    oneOf('pull_state_check', t.state),
  ],
);

/** State changes of a pull. */
export const pullEvent = exchange.table(
  'pull_event',
  {
    id: int64().primaryKey().generatedAlwaysAsIdentity(),
    pullId: text()
      .notNull()
      .references(() => pull.id),
    at: instant().notNull(),
    state: text().notNull(),
    detail: text().default('').notNull(),
  },
  (t) => [index('pull_event_pull').on(t.pullId, t.id)],
);

/** Members of a pull. */
export const pullMember = exchange.table(
  'pull_member',
  {
    pullId: text()
      .notNull()
      .references(() => pull.id),
    submittedId: text().notNull(),
    memberId: text()
      .notNull()
      .references(() => member.id),
    otherCoverageId: text().references(() => otherCoverage.id),
    consentId: text()
      .notNull()
      .references(() => consent.id),
    policy: text().notNull(),
    outcome: text({
      enum: ['matched', 'not-matched', 'constrained', 'missing', 'uncorrelated', 'contradictory', 'conflict'],
    }),
    peerPatientId: text(),
    steady: boolean().default(false).notNull(),
    statement: text(),
    furtherPatients: text().array().default([]).notNull(),
    identity: text(),
    leftOut: boolean().default(false).notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.pullId, t.submittedId] }),
    index('pull_member_conflict').on(t.pullId).where(sql`outcome = 'conflict'`),
    index('pull_member_member').on(t.memberId, t.pullId),
    oneOf('pull_member_outcome_check', t.outcome),
  ],
);

/** Files of a pull. */
export const pullFile = exchange.table(
  'pull_file',
  {
    pullId: text()
      .notNull()
      .references(() => pull.id),
    position: integer().notNull(),
    kind: text({ enum: ['output', 'deleted', 'error'] }).notNull(),
    type: text().notNull(),
    url: text().notNull(),
    declared: integer(),
    state: text({ enum: ['pending', 'downloaded', 'staged', 'failed'] }).notNull(),
    attempts: integer().default(0).notNull(),
    blobKey: text(),
    bytes: int64(),
    sha256: text(),
    units: integer(),
    lines: integer(),
    failure: text(),
    parts: integer().default(0).notNull(),
    partBytes: int64().default(0).notNull(),
    etag: text(),
    encoding: text(),
    stagedLines: integer().default(0).notNull(),
    stagedUnits: integer().default(0).notNull(),
    said: jsonb(),
    endsWithin: boolean(),
    partOf: int64(),
  },
  (t) => [
    primaryKey({ columns: [t.pullId, t.position] }),
    oneOf('pull_file_kind_check', t.kind),
    oneOf('pull_file_state_check', t.state),
  ],
);

/** Members of a pull that commit in one transaction. */
export const pullSlice = exchange.table(
  'pull_slice',
  {
    pullId: text()
      .notNull()
      .references(() => pull.id),
    slice: integer().notNull(),
    firstBucket: integer().notNull(),
    lastBucket: integer().notNull(),
    units: integer().notNull(),
    booked: integer().default(0).notNull(),
    state: text({ enum: ['open', 'booking', 'committed'] })
      .default('open')
      .notNull(),
    committedAt: instantMs(),
  },
  (t) => [primaryKey({ columns: [t.pullId, t.slice] }), oneOf('pull_slice_state_check', t.state)],
);
