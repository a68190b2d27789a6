// Tables of clinical records, shared records and attachments.
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
  real,
  smallint,
  text,
} from 'drizzle-orm/pg-core';
import { hash64, instant, instantMs, int64, oneOf, textC } from '../../src/db/columns.ts';
import { exchange } from '../postgres-schema.ts';

/**
 * Clinical records, own and received, hash-partitioned by member: every statement names its members. `shared` is the text without
 * cost data where it differs from `body`.
 */
export const resource = exchange.table(
  'resource',
  {
    memberId: text().notNull(),
    type: text().notNull(),
    id: text().notNull(),
    version: integer().notNull(),
    origin: text().notNull(),
    sourceId: text(),
    lastUpdated: instantMs().notNull(),
    deleted: boolean().default(false).notNull(),
    hash: bytea().notNull(),
    serviceEnd: date(),
    paState: text(),
    paChanged: date(),
    paEnd: date(),
    label: smallint(),
    withheld: text(),
    targets: text().array(),
    links: text().array(),
    body: text().notNull(),
    shared: text(),
    ownLabel: smallint(),
    labeller: smallint(),
    refers: text().array(),
    movedAt: instantMs(),
    substance: bytea(),
    claim: jsonb(),
    keys: hash64().array(),
    day: textC(),
  },
  (t) => [
    primaryKey({ columns: [t.memberId, t.type, t.id] }),
    index('resource_authorization').on(t.memberId).where(sql`pa_state is not null`),
    index('resource_day')
      .on(t.memberId, t.day.desc().nullsFirst(), sql`${t.type} collate "C"`, sql`${t.id} collate "C"`)
      .where(sql`not deleted and type <> 'Patient' and type <> 'Provenance'`),
    index('resource_id').using('hash', t.id),
    index('resource_outlived').on(t.memberId).where(sql`withheld = 'outlived'`),
  ],
);

/** Previous versions, hash-partitioned by member. */
export const resourceVersion = exchange.table(
  'resource_version',
  {
    memberId: text().notNull(),
    type: text().notNull(),
    id: text().notNull(),
    version: integer().notNull(),
    lastUpdated: instantMs().notNull(),
    deleted: boolean().notNull(),
    hash: bytea().notNull(),
    body: text().notNull(),
  },
  (t) => [primaryKey({ columns: [t.memberId, t.type, t.id, t.version] })],
);

/** Pairs of records of one member that are, or may be, duplicates. Hash-partitioned by member. */
export const link = exchange.table(
  'link',
  {
    memberId: text().notNull(),
    type: text().notNull(),
    aId: text().notNull(),
    bId: text().notNull(),
    kind: text().notNull(),
    score: real().notNull(),
    state: text({ enum: ['confirmed', 'proposed', 'rejected', 'apart'] }).notNull(),
    rule: text().notNull(),
    pullId: text(),
    createdAt: instant().defaultNow().notNull(),
    bType: text(),
  },
  (t) => [primaryKey({ columns: [t.memberId, t.type, t.aId, t.bId, t.kind] }), oneOf('link_state_check', t.state)],
);

/** Directory-type records (Organization, Practitioner, Location …) that members’ records refer to. */
export const sharedResource = exchange.table(
  'shared_resource',
  {
    type: text().notNull(),
    id: text().notNull(),
    version: integer().notNull(),
    origin: text().notNull(),
    sourceId: text(),
    lastUpdated: instantMs().notNull(),
    deleted: boolean().default(false).notNull(),
    hash: bytea().notNull(),
    npi: text(),
    links: text().array(),
    body: text().notNull(),
    label: smallint(),
    labeller: smallint(),
  },
  (t) => [
    primaryKey({ columns: [t.type, t.id] }),
    index('shared_resource_deleted').on(t.lastUpdated).where(sql`deleted`),
    index('shared_resource_labelled').on(t.type, t.id).where(sql`label > 0`),
    index('shared_resource_npi').on(t.npi, t.type).where(sql`npi is not null`),
  ],
);

/** Previous versions of shared records. */
export const sharedResourceVersion = exchange.table(
  'shared_resource_version',
  {
    type: text().notNull(),
    id: text().notNull(),
    version: integer().notNull(),
    lastUpdated: instantMs().notNull(),
    deleted: boolean().notNull(),
    hash: bytea().notNull(),
    body: text().notNull(),
  },
  (t) => [primaryKey({ columns: [t.type, t.id, t.version] })],
);

/** Keys by which shared records are found. */
export const sharedKey = exchange.table(
  'shared_key',
  {
    type: text().notNull(),
    kind: smallint().notNull(),
    hash: hash64().notNull(),
    id: text().notNull(),
    origin: text().notNull(),
  },
  (t) => [primaryKey({ columns: [t.type, t.kind, t.hash, t.id] })],
);

/** Attachments that peers’ records name by URL. Contents are files, `documents/SHA-256`; `document_id` is the id of the Binary. */
export const attachment = exchange.table(
  'attachment',
  {
    memberId: text().notNull(),
    type: text().notNull(),
    recordId: text().notNull(),
    documentId: text().notNull(),
    peerId: text().notNull(),
    pullId: text().notNull(),
    url: text().notNull(),
    written: text().notNull(),
    media: text(),
    size: int64(),
    sha1: text(),
    state: text({ enum: ['due', 'kept', 'not-fetched'] }).notNull(),
    reason: text(),
    attempts: integer().default(0).notNull(),
    nextAt: instant().notNull(),
    leaseOwner: text(),
    leaseUntil: instant(),
    keptMedia: text(),
    bytes: int64(),
    sha256: text(),
    settledAt: instant(),
    coming: text(),
    saidSha256: text(),
  },
  (t) => [
    primaryKey({ columns: [t.memberId, t.type, t.recordId, t.documentId] }),
    index('attachment_content').using('hash', t.sha256).where(sql`sha256 is not null`),
    index('attachment_document').on(t.documentId),
    index('attachment_due').on(t.peerId, t.nextAt).where(sql`state = 'due'`),
    index('attachment_pull').on(t.pullId),
    check(
      'attachment_check',
      sql`(state = 'kept') = (sha256 is not null and settled_at is not null and reason is null)`,
    ),
    oneOf('attachment_state_check', t.state),
  ],
);

/** Documents that no record names any more: their files are deleted after the retention period. */
export const orphanedDocument = exchange.table(
  'orphaned_document',
  {
    sha256: text().primaryKey(),
    at: instant().notNull(),
  },
  (t) => [index('orphaned_document_at').on(t.at)],
);

/** One row: the rules that made the stored match keys, and how far keys of previous rules are recomputed. */
export const rekeyProgress = exchange.table(
  'rekey_progress',
  {
    one: boolean().primaryKey().default(true),
    rules: integer().notNull(),
    begunAt: instant().notNull(),
    after: text().array().notNull(),
    doneAt: instant(),
  },
  () => [check('rekey_progress_one_check', sql`one`)],
);

/** Members whose own records an import wrote and that are not yet compared with received ones. */
export const memberWorkQueue = exchange.table(
  'member_work_queue',
  {
    work: text().notNull(),
    memberId: text().notNull(),
  },
  (t) => [primaryKey({ columns: [t.work, t.memberId] })],
);

/** Which records refer to a Medication. */
export const medicationReference = exchange.table(
  'medication_reference',
  {
    namedBy: text().notNull(),
    id: text().notNull(),
  },
  (t) => [primaryKey({ columns: [t.namedBy, t.id] }), index('medication_reference_id').on(t.id)],
);

/** Shared entries whose copy at a peer is more sensitive than ours. */
export const entryLabel = exchange.table(
  'entry_label',
  {
    peerId: text().notNull(),
    type: text().notNull(),
    sourceId: text().notNull(),
    localId: text().notNull(),
    label: smallint().notNull(),
  },
  (t) => [primaryKey({ columns: [t.peerId, t.type, t.sourceId] }), index('entry_label_local').on(t.type, t.localId)],
);

/** Received records quarantined as more sensitive than the member’s choice allows (`consent-scope`). */
export const sensitiveQuarantine = exchange.table(
  'sensitive_quarantine',
  {
    memberId: text().notNull(),
    peerId: text().notNull(),
    type: text().notNull(),
    sourceId: text().notNull(),
    label: smallint().notNull(),
  },
  (t) => [primaryKey({ columns: [t.memberId, t.peerId, t.type, t.sourceId] })],
);

/** Denials of prior authorizations that are stored. */
export const deniedAuthorization = exchange.table(
  'denied_authorization',
  {
    peerId: text().notNull(),
    sourceId: text().notNull(),
    memberId: text().notNull(),
    claim: jsonb().notNull(),
    at: instant().notNull(),
  },
  (t) => [primaryKey({ columns: [t.peerId, t.sourceId] }), index('denied_authorization_member').on(t.memberId)],
);

/** Documents of authorizations that were received and not stored. */
export const withheldDocument = exchange.table(
  'withheld_document',
  {
    memberId: text().notNull(),
    key: text().notNull(),
    at: instant().notNull(),
  },
  (t) => [primaryKey({ columns: [t.memberId, t.key] })],
);
