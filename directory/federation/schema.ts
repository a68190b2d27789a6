// Tables of federation: crawled directories, their records, and links between them.
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
  snakeCase,
  text,
  time,
  uuid,
} from 'drizzle-orm/pg-core';
import { hash64, instantMs, int64, oneChar, oneOf } from '../../src/db/columns.ts';
import type { UrlKind } from './classify-url.ts';
import type { Owner } from './payer-index-file.ts';

export const federation = snakeCase.schema('federation');

/** Ids of contents, given out in blocks. */
export const contentId = federation.sequence('content_id', {
  startWith: 1,
  increment: 10000,
  minValue: 1,
  maxValue: '9223372036854775807',
  cache: 1,
});

export type PeerUrl = { kind: UrlKind | 'payer-to-payer'; url: string; found: string; note?: string };

/** Where increments go on. `types`: by type, the server's time up to which all is known, and when it was last whole. */
export type Cursor = {
  bulk?: { page: string; etag?: string | undefined; start: string } | undefined;
  /** of an index: validators of its files, by address */
  files?: Record<string, { etag?: string | undefined; modified?: string | undefined }> | undefined;
  index?: { hash?: string | undefined; polls?: number } | undefined;
  exported?: string | undefined;
  types?: Record<string, { since: string; wholeAt?: string | undefined }> | undefined;
};

/** Directories of other payers (docs/federation.md). */
export const peer = federation.table(
  'peer',
  {
    slug: text().primaryKey(),
    name: text().notNull(),
    owners: jsonb().$type<Owner[]>().default([]).notNull(),
    seed: text({ enum: ['manual', 'payer-index', 'medicaid-list', 'endpoint'] }).notNull(),
    base: text().unique('peer_base_key'),
    urls: jsonb().$type<PeerUrl[]>().default([]).notNull(),
    trust: text({ enum: ['authority', 'payer', 'aggregator', 'unknown'] }).notNull(),
    publish: text({ enum: ['link', 'search', 'republish'] }).notNull(),
    terms: text().default('').notNull(),
    perSecond: real().default(1).notNull(),
    windowFrom: time(),
    windowTo: time(),
    timeZone: text().default('America/New_York').notNull(),
    contact: text().default('').notNull(),
    ports: integer().array().default([]).notNull(),
    unmarkedNpi: boolean().default(false).notNull(),
    state: text({ enum: ['on', 'paused', 'blocked'] }).notNull(),
    stateReason: text().default('').notNull(),
    stateBy: text().default('').notNull(),
    stateAt: instantMs().notNull(),
    addedAt: instantMs().notNull(),
    probedAt: instantMs(),
    nextDue: instantMs(),
    failures: smallint().default(0).notNull(),
    cursor: jsonb().$type<Cursor>().default({}).notNull(),
    leaseOwner: uuid(),
    leaseUntil: instantMs(),
  },
  (t) => [
    check('peer_per_second_check', sql`per_second > 0`),
    oneOf('peer_publish_check', t.publish),
    oneOf('peer_seed_check', t.seed),
    check('peer_slug_check', sql`slug ~ '^[a-z0-9]{2,12}$'`),
    oneOf('peer_state_check', t.state),
    oneOf('peer_trust_check', t.trust),
  ],
);

/** State changes of a peer. */
export const peerEvent = federation.table(
  'peer_event',
  {
    id: int64().primaryKey().generatedAlwaysAsIdentity(),
    peer: text()
      .notNull()
      .references(() => peer.slug),
    what: text().notNull(),
    detail: text().default('').notNull(),
    by: text().notNull(),
    at: instantMs().notNull(),
  },
  (t) => [index('peer_event_peer').on(t.peer, t.id)],
);

/** Measured behavior of a peer, each fact with its day and evidence. The newest of a name and type is in force. */
export const fact = federation.table(
  'fact',
  {
    id: int64().primaryKey().generatedAlwaysAsIdentity(),
    peer: text()
      .notNull()
      .references(() => peer.slug),
    at: instantMs().notNull(),
    type: text().default('').notNull(),
    name: text().notNull(),
    value: text().notNull(),
    evidence: text().notNull(),
  },
  (t) => [index('fact_peer').on(t.peer, t.type, t.name, t.id.desc().nullsFirst())],
);

/** One crawl of one peer. Its position commits with every page, so that another process continues it. */
export const run = federation.table(
  'run',
  {
    id: int64().primaryKey().generatedAlwaysAsIdentity(),
    peer: text()
      .notNull()
      .references(() => peer.slug),
    state: text({ enum: ['running', 'quarantined', 'done', 'partial', 'failed', 'unchanged'] }).notNull(),
    startedAt: instantMs().notNull(),
    endedAt: instantMs(),
    reason: text().default('').notNull(),
    position: jsonb().default({}).notNull(),
  },
  (t) => [index('run_peer').on(t.peer, t.id.desc().nullsFirst()), oneOf('run_state_check', t.state)],
);

/** Progress of a crawl by resource type. */
export const runType = federation.table(
  'run_type',
  {
    run: int64()
      .notNull()
      .references(() => run.id),
    type: smallint().notNull(),
    rung: smallint().notNull(),
    state: text({ enum: ['reading', 'read', 'quarantined', 'applied', 'discarded'] }).notNull(),
    complete: boolean().default(false).notNull(),
    reason: text().default('').notNull(),
    counters: jsonb().default({}).notNull(),
    trips: jsonb().default([]).notNull(),
    decidedBy: text(),
    decidedAt: instantMs(),
  },
  (t) => [primaryKey({ columns: [t.run, t.type] }), oneOf('run_type_state_check', t.state)],
);

/** Records as peers gave them. `rk` is the row in the merged directory; `line_hash` recognizes an unchanged line without reading it. */
export const source = federation.table(
  'source',
  {
    rk: hash64().primaryKey(),
    baseRk: hash64().notNull(),
    lineHash: hash64().notNull(),
    content: int64().notNull(),
    changedRun: int64().notNull(),
    firstSeen: instantMs().notNull(),
    contentChangedAt: instantMs().notNull(),
    peerUpdated: instantMs(),
    type: smallint().notNull(),
    flags: smallint().notNull(),
    state: oneChar().notNull(),
    peer: text().notNull(),
    key: text().notNull(),
    sourceId: text().notNull(),
    hash: bytea().notNull(),
    evidence: text().default('').notNull(),
    names: hash64().array().default([]).notNull(),
  },
  (t) => [index('source_variant').on(t.baseRk).where(sql`rk <> base_rk`)],
);

/** Texts of records, staged or applied: written once, apart from the narrow rows that are compared and counted. */
export const content = federation.table('content', {
  id: int64().primaryKey(),
  raw: text().notNull(),
});

/** Other names of records (identifiers, names of networks), by which references without an address are resolved. */
export const name = federation.table(
  'name',
  {
    token: hash64().notNull(),
    rk: hash64().notNull(),
  },
  (t) => [primaryKey({ columns: [t.token, t.rk] })],
);

/** Records absent from complete crawls and not yet deleted. */
export const missing = federation.table('missing', {
  rk: hash64().primaryKey(),
  peer: text().notNull(),
  type: smallint().notNull(),
  since: instantMs().notNull(),
  runs: smallint().notNull(),
  lastRun: int64().notNull(),
});

/** Findings about records. */
export const finding = federation.table(
  'finding',
  {
    rk: hash64().notNull(),
    peer: text().notNull(),
    code: text().notNull(),
    detail: text().default('').notNull(),
    at: instantMs().notNull(),
  },
  (t) => [primaryKey({ columns: [t.rk, t.code] }), index('finding_peer').on(t.peer, t.code)],
);

/**
 * Counts of records by peer and type. `l` live, `e` ended in the source, `h` quarantined, `t` tombstone; the other columns count
 * fields of all but tombstones.
 */
export const standing = federation.table(
  'standing',
  {
    peer: text().notNull(),
    type: smallint().notNull(),
    l: integer().notNull(),
    e: integer().notNull(),
    h: integer().notNull(),
    t: integer().notNull(),
    npi: integer().notNull(),
    network: integer().notNull(),
    name: integer().notNull(),
    address: integer().notNull(),
    taxonomy: integer().notNull(),
  },
  (t) => [primaryKey({ columns: [t.peer, t.type] })],
);

/** Records that a crawl has read and not applied. Unlogged: after a crash of the server the crawl reads them again. */
export const incoming = federation.table(
  'incoming',
  {
    run: int64().notNull(),
    type: smallint().notNull(),
    seq: int64().notNull(),
    baseKey: text().notNull(),
    sourceId: text().notNull(),
    hash: bytea().notNull(),
    lineHash: hash64().notNull(),
    state: oneChar().notNull(),
    flags: smallint().notNull(),
    updated: instantMs(),
    findings: text().array().notNull(),
    baseRk: hash64().generatedAlwaysAs(sql`hashtextextended(base_key, 0)`).notNull(),
    names: hash64().array().default([]).notNull(),
    content: int64().notNull(),
    variant: text().default('').notNull(),
  },
  (t) => [index('incoming_run').on(t.run, t.type, t.seq)],
);

/** Records that a crawl found unchanged. */
export const seen = federation.table('seen', {
  run: int64().notNull(),
  type: smallint().notNull(),
  seq: int64().notNull(),
  rk: hash64().notNull(),
  baseRk: hash64().notNull(),
  updated: instantMs(),
});

/** The same for whole batches: place of each record from the sequence of the first. */
export const seenBlock = federation.table('seen_block', {
  run: int64().notNull(),
  type: smallint().notNull(),
  seq: int64().notNull(),
  at: integer().array().notNull(),
  rks: hash64().array().notNull(),
});

/** Deletions that a crawl reports. */
export const gone = federation.table(
  'gone',
  {
    run: int64().notNull(),
    type: smallint().notNull(),
    seq: int64().notNull(),
    baseRk: hash64().notNull(),
    evidence: text().notNull(),
  },
  (t) => [index('gone_run').on(t.run, t.type)],
);

/** Changes that a crawl is about to apply. */
export const change = federation.table(
  'change',
  {
    run: int64().notNull(),
    type: smallint().notNull(),
    rk: hash64().notNull(),
    action: oneChar().notNull(),
    seq: int64(),
    key: text(),
    evidence: text().default('').notNull(),
    renamed: boolean().default(true).notNull(),
    wasState: oneChar(),
    wasFlags: smallint(),
    wasContent: int64(),
  },
  (t) => [primaryKey({ columns: [t.run, t.type, t.rk] })],
);

/** Pages of a crawl: one that repeats is a loop. */
export const page = federation.table(
  'page',
  {
    run: int64().notNull(),
    type: smallint().notNull(),
    pass: smallint().notNull(),
    hash: hash64().notNull(),
  },
  (t) => [primaryKey({ columns: [t.run, t.type, t.pass, t.hash] })],
);

/** Blocks of records that the merged directory and the links have yet to apply. */
export const outbox = federation.table('outbox', {
  n: int64().primaryKey().generatedAlwaysAsIdentity(),
  rks: hash64().array().notNull(),
});

/** One row: up to which change the merged directory has our own records. */
export const ownState = federation.table(
  'own_state',
  {
    one: boolean().primaryKey().default(true),
    through: instantMs(),
    leaseOwner: uuid(),
    leaseUntil: instantMs(),
    namesFrom: int64(),
  },
  () => [check('own_state_one_check', sql`one`)],
);

/** Facts of a record by which it is matched with others. */
export const feature = federation.table(
  'feature',
  {
    rk: hash64().primaryKey(),
    peer: text().notNull(),
    type: smallint().notNull(),
    dirty: boolean().default(true).notNull(),
    key: text().notNull(),
    npi: int64(),
    family: text().default('').notNull(),
    given: text().default('').notNull(),
    name: text().default('').notNull(),
    address: hash64(),
    street: hash64(),
    hasUnit: boolean().default(false).notNull(),
    zip: text().default('').notNull(),
    state: text().default('').notNull(),
    phone: int64(),
    ids: hash64().array().default([]).notNull(),
    cell: hash64(),
    lat: real(),
    lon: real(),
    isNetwork: boolean().default(false).notNull(),
  },
  (t) => [
    index('feature_cell').on(t.type, t.cell).where(sql`cell is not null`),
    index('feature_dirty').on(t.type).where(sql`dirty`),
    index('feature_name').on(t.type, t.family, t.state).where(sql`family <> ''`),
    index('feature_name_no_npi').on(t.type, t.family, t.state).where(sql`family <> '' and npi is null`),
    index('feature_npi').on(t.type, t.npi).where(sql`npi is not null`),
    index('feature_phone').on(t.type, t.phone).where(sql`phone is not null`),
    index('feature_street').on(t.type, t.street).where(sql`street is not null`),
  ],
);

/** Identifiers of a record by which it is matched. */
export const featureId = federation.table(
  'feature_id',
  {
    id: hash64().notNull(),
    type: smallint().notNull(),
    rk: hash64().notNull(),
  },
  (t) => [primaryKey({ columns: [t.id, t.type, t.rk] }), index('feature_id_rk').on(t.rk)],
);

/** Links of two records, `a < b`. `by` is `rule`, or the person whose decision no rule changes. */
export const link = federation.table(
  'link',
  {
    a: hash64().notNull(),
    b: hash64().notNull(),
    type: smallint().notNull(),
    outcome: text({ enum: ['same', 'review', 'not'] }).notNull(),
    rule: text().notNull(),
    score: real().notNull(),
    by: text().notNull(),
    at: instantMs().notNull(),
    note: text().default('').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.a, t.b] }),
    index('link_b').on(t.b),
    index('link_review').on(t.type, t.score.desc().nullsFirst(), t.a, t.b).where(sql`outcome = 'review'`),
    check('link_check', sql`a < b`),
    oneOf('link_outcome_check', t.outcome),
  ],
);

/** Changes of links. */
export const linkEvent = federation.table('link_event', {
  id: int64().primaryKey().generatedAlwaysAsIdentity(),
  a: hash64().notNull(),
  b: hash64().notNull(),
  before: text().notNull(),
  after: text().notNull(),
  by: text().notNull(),
  at: instantMs().notNull(),
  note: text().default('').notNull(),
});

/** Records that are one thing, named by their smallest `rk`. */
export const cluster = federation.table(
  'cluster',
  {
    rk: hash64().primaryKey(),
    cluster: hash64().notNull(),
  },
  (t) => [index('cluster_cluster').on(t.cluster)],
);

/** Contained resources that became resources of their own. */
export const lifted = federation.table(
  'lifted',
  {
    parent: hash64().notNull(),
    key: text().notNull(),
  },
  (t) => [primaryKey({ columns: [t.parent, t.key] })],
);

/** References that a record may resolve later: by name, or by an address that leads nowhere (type 0). */
export const awaited = federation.table(
  'awaited',
  {
    peer: text().notNull(),
    type: smallint().notNull(),
    token: hash64().notNull(),
    rk: hash64().notNull(),
  },
  (t) => [primaryKey({ columns: [t.peer, t.type, t.token, t.rk] }), index('awaited_rk').on(t.rk)],
);

/** An extract of the registry of providers (NPPES). */
export const registry = federation.table('registry', {
  npi: int64().primaryKey(),
  type: smallint().notNull(),
  name: text().notNull(),
  state: text().notNull(),
  deactivated: date(),
  asOf: date().notNull(),
});

/** Deactivated NPIs. */
export const npiDeactivated = federation.table('npi_deactivated', {
  npi: int64().primaryKey(),
  since: date(),
  asOf: date().notNull(),
});

/** Signals that a record may be outdated. */
export const signal = federation.table(
  'signal',
  {
    rk: hash64().notNull(),
    name: text().notNull(),
    key: text().notNull(),
    weight: smallint().notNull(),
    evidence: text().notNull(),
    foundAt: instantMs().notNull(),
    settledBy: text(),
    settledAt: instantMs(),
  },
  (t) => [
    primaryKey({ columns: [t.rk, t.name] }),
    index('signal_name').on(t.name, t.weight.desc().nullsFirst(), t.key).where(sql`settled_by is null`),
  ],
);

/** Accuracy of the directory by day. */
export const accuracy = federation.table(
  'accuracy',
  {
    day: date().notNull(),
    measure: text().notNull(),
    n: integer().notNull(),
    of: integer().notNull(),
  },
  (t) => [primaryKey({ columns: [t.day, t.measure] })],
);

/** Links by which providers attest their entries. Only a hash of the code is stored. */
export const attestLink = federation.table(
  'attest_link',
  {
    codeHash: bytea().primaryKey(),
    key: text().notNull(),
    madeBy: text().notNull(),
    madeAt: instantMs().notNull(),
    expiresAt: instantMs().notNull(),
    usedAt: instantMs(),
  },
  (t) => [index('attest_link_key').on(t.key, t.madeAt.desc().nullsFirst())],
);

/** Corrections that providers report, with their deadlines: two business days, and thirty days at the latest. */
export const correction = federation.table(
  'correction',
  {
    id: int64().primaryKey().generatedAlwaysAsIdentity(),
    key: text().notNull(),
    said: text().notNull(),
    who: text().notNull(),
    receivedAt: instantMs().notNull(),
    dueOn: date().notNull(),
    finalOn: date().notNull(),
    settledBy: text(),
    settledAt: instantMs(),
    resolution: text(),
  },
  (t) => [index('correction_open').on(t.dueOn, t.id).where(sql`settled_at is null`)],
);
