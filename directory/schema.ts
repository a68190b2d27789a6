// Tables of the public directory. The merged directory (federation/merged-schema.ts) has the same ones in a schema of its own.
import { sql } from 'drizzle-orm';
import {
  boolean,
  bytea,
  check,
  doublePrecision,
  index,
  integer,
  jsonb,
  type PgSchema,
  point,
  primaryKey,
  smallint,
  snakeCase,
  text,
  uuid,
} from 'drizzle-orm/pg-core';
import { box, hash64, instantMs, int4multirange, int64, oneOf, polygon, textC } from '../src/db/columns.ts';

export const directory = snakeCase.schema('directory');

/** The tables of a directory in a schema: its own, or the merged one. */
export function directoryTables<N extends string>(schema: PgSchema<N>) {
  /**
   * A resource as text with the values that search reads. `rk` is `hashtextextended("Type/id", 0)`: it orders pages, and a reference
   * is known without reading its target.
   */
  const resource = schema.table(
    'resource',
    {
      rk: hash64().primaryKey(),
      lastUpdated: instantMs().notNull(),
      version: integer().notNull(),
      type: smallint().notNull(),
      deleted: boolean().default(false).notNull(),
      key: text().notNull(),
      contentHash: bytea().notNull(),
      params: smallint().array().notNull(),
      refs: hash64().array().notNull(),
      refParams: smallint().array().notNull(),
      findings: text().array(),
      body: text().notNull(),
      hours: hash64(),
      sort: textC(),
    },
    (t) => [
      index('resource_deleted').on(t.type, t.lastUpdated, t.rk).where(sql`deleted`),
      index('resource_key').on(sql`${t.key} collate "C"`).where(sql`not deleted`),
      index('resource_last_updated').on(t.type, t.lastUpdated, t.rk).where(sql`not deleted`),
      index('resource_shape').on(sql`hash_array_extended(array_append(params, type), 0)`, t.rk).where(sql`not deleted`),
      index('resource_type').on(t.type, t.rk).where(sql`not deleted`),
    ],
  );

  /** Previous versions. */
  const history = schema.table(
    'history',
    {
      rk: hash64().notNull(),
      version: integer().notNull(),
      lastUpdated: instantMs().notNull(),
      deleted: boolean().notNull(),
      body: text().notNull(),
      type: smallint().notNull(),
      contentHash: bytea(),
    },
    (t) => [
      primaryKey({ columns: [t.rk, t.version] }),
      index('history_last_updated').on(t.type, t.lastUpdated, t.rk, t.version),
    ],
  );

  /** Tokens and references. The parameter is part of the hashed token, so that an equality reads `rk` in order. */
  const lookup = schema.table(
    'lookup',
    {
      token: hash64().notNull(),
      rk: hash64().notNull(),
    },
    (t) => [primaryKey({ columns: [t.token, t.rk] })],
  );

  /** String parameters, case-folded. */
  const words = schema.table(
    'words',
    {
      rk: hash64().notNull(),
      param: smallint().notNull(),
      folded: textC().notNull(),
      raw: textC(),
    },
    (t) => [index('words_folded').on(t.param, t.folded, t.rk).with({ fillfactor: 95 })],
  );

  /** Date parameters as ranges. */
  const dates = schema.table(
    'dates',
    {
      param: smallint().notNull(),
      lo: instantMs().notNull(),
      hi: instantMs().notNull(),
      rk: hash64().notNull(),
    },
    (t) => [primaryKey({ columns: [t.param, t.lo, t.hi, t.rk] }), index('dates_rk').on(t.rk, t.param, t.lo, t.hi)],
  );

  /** Words of names, each under the keys that similar words share (src/names/similar.ts). Never pruned: an unused word finds nothing. */
  const vocabulary = schema.table(
    'vocabulary',
    {
      key: hash64().notNull(),
      word: textC().notNull(),
    },
    (t) => [
      primaryKey({ columns: [t.key, t.word] }),
      index('vocabulary_word').on(t.word).where(sql`key = hashtextextended(word, 0)`),
    ],
  );

  /** Positions of Locations. */
  const place = schema.table('place', {
    rk: hash64().primaryKey(),
    at: point().notNull(),
    approximate: boolean().default(false).notNull(),
  });

  /** Boundaries of Locations, one row a polygon. */
  const boundary = schema.table(
    'boundary',
    {
      rk: hash64().notNull(),
      part: smallint().notNull(),
      bounds: box().notNull(),
      ring: polygon().notNull(),
      holes: polygon().array().notNull(),
    },
    (t) => [primaryKey({ columns: [t.rk, t.part] }), index('boundary_bounds').using('gist', t.bounds)],
  );

  /** Roles by kind of care, map square and network, with the position of each place. */
  const careAt = schema.table(
    'care_at',
    {
      token: hash64().notNull(),
      network: hash64().notNull(),
      rk: hash64().notNull(),
      x: doublePrecision().notNull(),
      y: doublePrecision().notNull(),
      approximate: boolean().default(false).notNull(),
    },
    (t) => [primaryKey({ columns: [t.token, t.network, t.rk, t.x, t.y, t.approximate] })],
  );

  /** Successful verifications: when the VerificationResult `rk` verified its target. The newest counts. */
  const verification = schema.table(
    'verification',
    {
      target: hash64().notNull(),
      rk: hash64().notNull(),
      lo: instantMs().notNull(),
      hi: instantMs().notNull(),
    },
    (t) => [primaryKey({ columns: [t.target, t.rk] }), index('verification_done').on(t.lo, t.target)],
  );

  /** Distinct opening hours as minutes of the week from Monday 00:00. */
  const opening = schema.table('opening', {
    pattern: hash64().primaryKey(),
    open: int4multirange().notNull(),
  });

  /** References by identifier alone and their targets. A null `token` stands for a reference by address. */
  const logical = schema.table(
    'logical',
    {
      rk: hash64().notNull(),
      token: hash64(),
      target: hash64(),
      ord: integer().notNull(),
      param: smallint().notNull(),
      before: text(),
    },
    (t) => [index('logical_rk').on(t.rk), index('logical_token').on(t.token)],
  );

  /** One row. `change` moves with every committed change and keys caches; `counts` holds live resources by type. */
  const state = schema.table(
    'state',
    {
      one: boolean().primaryKey().default(true),
      change: int64().default(0).notNull(),
      changedAt: instantMs(),
      extractionVersion: integer().default(1).notNull(),
      counts: int64().array().default(sql`array_fill(0::bigint, array[16])`).notNull(),
      publishedThrough: instantMs(),
      base: text(),
      pruned: int64().default(0).notNull(),
    },
    () => [check('state_one_check', sql`one`)],
  );

  /** Publications of the directory (docs/publication.md). */
  const publication = schema.table('publication', {
    number: integer().primaryKey(),
    change: int64().notNull(),
    covers: instantMs().notNull(),
    startedAt: instantMs().notNull(),
    publishedAt: instantMs(),
    counts: int64().array().notNull(),
    fullSet: int64(),
    chain: integer(),
    changesSet: int64(),
    rootSet: int64(),
  });

  /** Sets of files made from a publication. */
  const fileSet = schema.table(
    'file_set',
    {
      id: int64().primaryKey().generatedAlwaysAsIdentity(),
      publication: integer().notNull(),
      channel: text({ enum: ['full', 'changes', 'export', 'mpf', 'qhp', 'index'] }).notNull(),
      key: text().default('').notNull(),
      state: text({ enum: ['wanted', 'making', 'ready', 'blocked', 'failed'] }).notNull(),
      covers: instantMs(),
      parameters: jsonb(),
      summary: jsonb(),
      attempts: smallint().default(0).notNull(),
      askedAt: instantMs(),
      madeAt: instantMs(),
      unlistedAt: instantMs(),
      leaseOwner: uuid(),
      leaseUntil: instantMs(),
    },
    (t) => [
      index('file_set_channel').on(t.channel, t.key, t.id.desc().nullsFirst()),
      index('file_set_open').on(t.id).where(sql`channel = 'export' and state in ('wanted', 'making')`),
      oneOf('file_set_channel_check', t.channel),
      oneOf('file_set_state_check', t.state),
    ],
  );

  /** Files of a set. */
  const setFile = schema.table(
    'set_file',
    {
      setId: int64()
        .notNull()
        .references(() => fileSet.id, { onDelete: 'cascade' }),
      position: integer().notNull(),
      kind: text({ enum: ['output', 'deleted', 'error', 'index', 'report'] }).notNull(),
      type: text().notNull(),
      name: text().notNull().unique('set_file_name_key'),
      blobKey: text().notNull(),
      media: text().notNull(),
      gzip: boolean().notNull(),
      lines: integer().notNull(),
      bytes: int64().notNull(),
      storedBytes: int64().notNull(),
      sha256: text().notNull(),
    },
    (t) => [primaryKey({ columns: [t.setId, t.position] }), oneOf('set_file_kind_check', t.kind)],
  );

  /** The set that a channel serves: switched when a set is complete. */
  const currentSet = schema.table(
    'current_set',
    {
      channel: text().notNull(),
      key: text().notNull(),
      setId: int64()
        .notNull()
        .references(() => fileSet.id),
    },
    (t) => [primaryKey({ columns: [t.channel, t.key] })],
  );

  /** One row: the process that publishes. */
  const publishLease = schema.table(
    'publish_lease',
    {
      one: boolean().primaryKey().default(true),
      owner: uuid(),
      leaseUntil: instantMs(),
      nextDue: instantMs(),
    },
    () => [check('publish_lease_one_check', sql`one`)],
  );
  return {
    resource,
    history,
    lookup,
    words,
    dates,
    vocabulary,
    place,
    boundary,
    careAt,
    verification,
    opening,
    logical,
    state,
    publication,
    fileSet,
    setFile,
    currentSet,
    publishLease,
  };
}

export const {
  resource,
  history,
  lookup,
  words,
  dates,
  vocabulary,
  place,
  boundary,
  careAt,
  verification,
  opening,
  logical,
  state,
  publication,
  fileSet,
  setFile,
  currentSet,
  publishLease,
} = directoryTables(directory);

/** Status URLs of exports that their client deleted. */
export const exportReleased = directory.table('export_released', {
  ticket: text().primaryKey(),
  at: instantMs().notNull(),
});

/** IDs of plans in the payer index: random once, then stable across plan years. */
export const planUuid = directory.table('plan_uuid', {
  plan: text().primaryKey(),
  id: uuid().defaultRandom().notNull(),
});

/** Names of NUCC taxonomy codes. */
export const taxonomy = directory.table(
  'taxonomy',
  {
    code: text().primaryKey(),
    name: text().notNull(),
  },
  () => [check('taxonomy_code_check', sql`code ~ '^[0-9A-Z]{9}X$'`)],
);
