// Tables of peer payers.
import { sql } from 'drizzle-orm';
import { boolean, check, date, doublePrecision, index, integer, jsonb, primaryKey, text } from 'drizzle-orm/pg-core';
import { instant, instantMs, int64, oneOf } from '../../src/db/columns.ts';
import { exchange } from '../postgres-schema.ts';

/** Peer payers. */
export const peer = exchange.table(
  'peer',
  {
    id: text().primaryKey(),
    name: text().notNull(),
    npi: text(),
    state: text({ enum: ['pending', 'active', 'suspended', 'closed'] }).notNull(),
    fhirBase: text(),
    tokenEndpoint: text(),
    issuer: text(),
    clientIdThere: text(),
    clientIdHere: text().unique('peer_client_id_here_key'),
    jwksUrl: text(),
    jwks: jsonb(),
    scopes: text().array().default([]).notNull(),
    origins: text().array().default([]).notNull(),
    epoch: integer().default(1).notNull(),
    quirks: jsonb().default({}).notNull(),
    addedBy: text().notNull(),
    addedAt: instant().defaultNow().notNull(),
    approvedBy: text(),
    approvedAt: instant(),
    keysSeen: text().array(),
    keysSeenAt: instantMs(),
    blockedKids: text().array().default([]).notNull(),
    fileOrigins: text().array().default([]).notNull(),
    groupThere: text(),
    sendsAll: boolean().default(false).notNull(),
    audience: text({ enum: ['token-url', 'issuer'] })
      .default('token-url')
      .notNull(),
    discoveryUrl: text(),
    abilities: jsonb(),
    abilitiesAt: instantMs(),
    limits: jsonb().default({}).notNull(),
    failures: integer().default(0).notNull(),
    failingSince: instantMs(),
    failure: text(),
    pausedUntil: instantMs(),
    answeredAt: instantMs(),
    postalAddress: text(),
    takes: integer(),
    refusesAlone: integer().default(0).notNull(),
    takesAt: instant(),
  },
  (t) => [
    oneOf('peer_audience_check', t.audience),
    check('peer_id_check', sql`id ~ '^[a-z0-9][a-z0-9-]{0,62}$' and id <> 'own'`),
    oneOf('peer_state_check', t.state),
  ],
);

/** Changes of a peer’s record. One that needs a second person is `proposed` and not in force until approved. */
export const peerChange = exchange.table(
  'peer_change',
  {
    id: int64().primaryKey().generatedAlwaysAsIdentity(),
    peerId: text()
      .notNull()
      .references(() => peer.id),
    what: text().notNull(),
    before: jsonb().$type<Record<string, unknown>>().default({}).notNull(),
    after: jsonb().$type<Record<string, unknown>>().default({}).notNull(),
    byKind: text({ enum: ['staff', 'command', 'system'] }).notNull(),
    by: text().notNull(),
    at: instantMs().notNull(),
    state: text({ enum: ['applied', 'proposed', 'rejected'] }).notNull(),
    decidedBy: text(),
    decidedAt: instantMs(),
  },
  (t) => [
    index('peer_change_peer').on(t.peerId, t.id),
    oneOf('peer_change_by_kind_check', t.byKind),
    oneOf('peer_change_state_check', t.state),
  ],
);

/** Checks of a peer’s endpoints. */
export const peerCheck = exchange.table('peer_check', {
  id: int64().primaryKey().generatedAlwaysAsIdentity(),
  peerId: text()
    .notNull()
    .references(() => peer.id),
  at: instant().defaultNow().notNull(),
  ok: boolean().notNull(),
  facts: jsonb().notNull(),
});

/** Contracts, attestations and register entries behind a peer. */
export const peerDocument = exchange.table(
  'peer_document',
  {
    id: int64().primaryKey().generatedAlwaysAsIdentity(),
    peerId: text()
      .notNull()
      .references(() => peer.id),
    kind: text({ enum: ['contract', 'register', 'attestation', 'certificate', 'other'] }).notNull(),
    title: text().notNull(),
    place: text().default('').notNull(),
    validFrom: date(),
    validTo: date(),
    addedBy: text().notNull(),
    addedAt: instantMs().notNull(),
    endedBy: text(),
    endedAt: instantMs(),
  },
  (t) => [index('peer_document_peer').on(t.peerId), oneOf('peer_document_kind_check', t.kind)],
);

/** Keyed hashes of addresses from which a peer obtained tokens. */
export const peerAddress = exchange.table(
  'peer_address',
  {
    peerId: text()
      .notNull()
      .references(() => peer.id),
    mark: text().notNull(),
    firstAt: instant().notNull(),
    lastAt: instant().notNull(),
  },
  (t) => [primaryKey({ columns: [t.peerId, t.mark] })],
);

/** Members and records that a peer asked for and received, by day. */
export const peerVolume = exchange.table(
  'peer_volume',
  {
    peerId: text()
      .notNull()
      .references(() => peer.id),
    day: date().notNull(),
    members: int64().default(0).notNull(),
    records: int64().default(0).notNull(),
    usualMembers: doublePrecision(),
    usualRecords: doublePrecision(),
    owedMembers: int64(),
    judgedMembers: int64(),
    owedRecords: int64(),
    judgedRecords: int64(),
  },
  (t) => [primaryKey({ columns: [t.peerId, t.day] }), index('peer_volume_day').on(t.day)],
);
