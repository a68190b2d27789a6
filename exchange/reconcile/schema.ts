// Tables of reconciliation: staging, intake ledger, identities, review.
import { sql } from 'drizzle-orm';
import {
  boolean,
  bytea,
  check,
  date,
  foreignKey,
  index,
  integer,
  jsonb,
  primaryKey,
  real,
  smallint,
  text,
  unique,
} from 'drizzle-orm/pg-core';
import { hash64, instant, instantMs, int64, oneOf } from '../../src/db/columns.ts';
import { exchange } from '../postgres-schema.ts';
import { pull } from '../requester/schema.ts';

/** Received resource lines on their way into the store; emptied when a pull commits. */
export const staging = exchange.table(
  'staging',
  {
    pullId: text().notNull(),
    file: integer().notNull(),
    line: integer().notNull(),
    entry: integer().notNull(),
    outcome: text(),
    reason: text(),
    type: text(),
    sourceId: text(),
    memberId: text(),
    localId: text(),
    isShared: boolean().default(false).notNull(),
    hash: bytea(),
    lastUpdated: instantMs(),
    npi: text(),
    targets: text().array(),
    keys: text().array(),
    findings: text().array(),
    serviceEnd: date(),
    paState: text(),
    paChanged: date(),
    paEnd: date(),
    label: smallint(),
    withheld: text(),
    hasBody: boolean().default(false).notNull(),
    links: text().array(),
    echoOf: text(),
    refers: text().array(),
    lineHash: bytea(),
    madeId: text(),
    substance: bytea(),
    claim: jsonb(),
    refs: text().array(),
    bucket: integer().generatedAlwaysAs(
      sql`case when ((member_id is null) or is_shared) then -1 else (hashtext(member_id) & 1023) end`,
    ),
    booked: boolean().default(false).notNull(),
    about: text().array(),
    attached: text(),
    keeps: text().array(),
    day: text(),
    deletedByLine: text(),
  },
  (t) => [
    primaryKey({ columns: [t.pullId, t.file, t.line, t.entry] }),
    index('staging_bucket').on(t.pullId, t.bucket),
    index('staging_key').on(t.pullId, t.type, t.sourceId),
    index('staging_shared').on(t.pullId, t.localId).where(sql`is_shared`),
  ],
);

/** Texts of staged lines, apart from the rows that deciding rewrites. */
export const stagedText = exchange.table(
  'staged_text',
  {
    pullId: text().notNull(),
    file: integer().notNull(),
    line: integer().notNull(),
    entry: integer().notNull(),
    body: text().notNull(),
    shared: text(),
  },
  (t) => [primaryKey({ columns: [t.pullId, t.file, t.line, t.entry] })],
);

/** Staged lines that were received before, word for word, in blocks. */
export const stagingBlock = exchange.table(
  'staging_block',
  {
    pullId: text().notNull(),
    file: integer().notNull(),
    stretch: integer().notNull(),
    firstLine: integer().notNull(),
    lastLine: integer().notNull(),
    type: text().notNull(),
    memberId: text(),
    units: integer().notNull(),
    lines: integer().array().notNull(),
    sourceIds: text().array().notNull(),
    localIds: text().array().notNull(),
    hashes: bytea().array().notNull(),
    updated: instantMs().array().notNull(),
    findings: text().array(),
    bucket: integer()
      .generatedAlwaysAs(sql`case when (member_id is null) then -1 else (hashtext(member_id) & 1023) end`)
      .notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.pullId, t.file, t.stretch, t.firstLine] }),
    index('staging_block_bucket').on(t.pullId, t.bucket),
  ],
);

/** Texts of staged lines with references rewritten to our ids. */
export const stagedReference = exchange.table(
  'staged_reference',
  {
    pullId: text().notNull(),
    file: integer().notNull(),
    line: integer().notNull(),
    entry: integer().notNull(),
    final: text().notNull(),
    links: text().array(),
    targets: text().array(),
    refers: text().array(),
    unresolved: text().array(),
  },
  (t) => [
    primaryKey({ columns: [t.pullId, t.file, t.line, t.entry] }),
    index('staged_reference_open').on(t.pullId, t.file, t.line, t.entry).where(sql`unresolved is not null`),
  ],
);

/** Verdicts on pairs of staged and stored records. */
export const matchJudgement = exchange.table(
  'match_judgement',
  {
    pullId: text().notNull(),
    file: integer().notNull(),
    line: integer().notNull(),
    entry: integer().notNull(),
    memberId: text().notNull(),
    type: text().notNull(),
    id: text().notNull(),
    otherType: text().notNull(),
    otherId: text().notNull(),
    kind: text().notNull(),
    score: real().notNull(),
    rule: text().notNull(),
    conflict: text(),
    detail: text().default('').notNull(),
  },
  (t) => [
    index('match_judgement_member').on(t.pullId, t.memberId),
    index('match_judgement_pull').on(t.pullId, t.file, t.line, t.entry),
  ],
);

/** The intake ledger: one outcome for each received resource line. Insert-only. */
export const ledgerUnit = exchange.table(
  'ledger_unit',
  {
    pullId: text().notNull(),
    file: integer().notNull(),
    line: integer().notNull(),
    entry: integer().notNull(),
    outcome: text({
      enum: [
        'created',
        'updated',
        'unchanged',
        'linked-duplicate',
        'echo',
        'shared',
        'retracted',
        'quarantined',
        'rejected',
      ],
    }).notNull(),
    reason: text(),
    type: text(),
    sourceId: text(),
    memberId: text(),
    localId: text(),
    hash: bytea(),
    lastUpdated: instantMs(),
  },
  (t) => [
    primaryKey({ columns: [t.pullId, t.file, t.line, t.entry], name: 'ledger_pkey' }),
    index('ledger_member').on(t.memberId, t.type, t.localId),
    oneOf('ledger_outcome_check', t.outcome),
  ],
);

/** The ledger of unchanged lines: one row for consecutive lines of a type and member. Insert-only. */
export const ledgerBlock = exchange.table(
  'ledger_block',
  {
    pullId: text().notNull(),
    file: integer().notNull(),
    stretch: integer().notNull(),
    firstLine: integer().notNull(),
    lastLine: integer().notNull(),
    type: text().notNull(),
    memberId: text(),
    units: integer().notNull(),
    lines: integer().array().notNull(),
    sourceIds: text().array().notNull(),
    localIds: text().array().notNull(),
    hashes: bytea().array().notNull(),
    updated: instantMs().array().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.pullId, t.file, t.stretch, t.firstLine] }),
    index('ledger_block_member').on(t.memberId, t.pullId),
    check(
      'ledger_block_check',
      sql`units > 0 and cardinality(lines) = units and cardinality(source_ids) = units and cardinality(local_ids) = units
        and cardinality(hashes) = units and cardinality(updated) = units`,
    ),
  ],
);

/** Number of lines that the ledger has of each file. */
export const ledgerSum = exchange.table(
  'ledger_sum',
  {
    pullId: text().notNull(),
    file: integer().notNull(),
    units: int64().notNull(),
    lines: int64().notNull(),
  },
  (t) => [primaryKey({ columns: [t.pullId, t.file] })],
);

/** Number of lines by pull, member, type and outcome. */
export const ledgerTally = exchange.table(
  'ledger_tally',
  {
    pullId: text().notNull(),
    memberId: text(),
    type: text(),
    outcome: text().notNull(),
    units: integer().notNull(),
  },
  (t) => [unique('ledger_tally_key').on(t.pullId, t.memberId, t.type, t.outcome).nullsNotDistinct()],
);

/** Changes of an outcome after it was recorded. Insert-only. */
export const unitRevision = exchange.table(
  'unit_revision',
  {
    id: int64().primaryKey().generatedAlwaysAsIdentity(),
    pullId: text().notNull(),
    file: integer().notNull(),
    line: integer().notNull(),
    entry: integer().notNull(),
    outcomeBefore: text().notNull(),
    reasonBefore: text(),
    outcome: text().notNull(),
    reason: text(),
    cause: text({ enum: ['replay', 'release', 'arrival', 'discard'] }).notNull(),
    rules: integer().notNull(),
    by: text().notNull(),
    at: instantMs().notNull(),
  },
  (t) => [
    index('unit_revision_unit').on(t.pullId, t.file, t.line, t.entry, t.id),
    oneOf('unit_revision_cause_check', t.cause),
  ],
);

/** What a peer calls a record, and what we call it. */
export const identity = exchange.table(
  'identity',
  {
    peerId: text().notNull(),
    type: text().notNull(),
    sourceId: text().notNull(),
    localId: text().notNull(),
    memberId: text(),
    state: text({ enum: ['visible', 'retracted', 'quarantined', 'echo'] }).notNull(),
    hash: bytea(),
    lastUpdated: instantMs(),
    firstPull: text().notNull(),
    lastPull: text().notNull(),
    lineHash: bytea(),
    lineFindings: text().array(),
    claimNumber: hash64(),
    isNewest: boolean(),
  },
  (t) => [
    primaryKey({ columns: [t.peerId, t.type, t.sourceId] }),
    index('identity_claim_number').using('hash', t.claimNumber).where(sql`claim_number is not null`),
    index('identity_echo').on(t.peerId, t.type, t.localId).where(sql`state = 'echo'`),
    index('identity_names').on(t.peerId, t.type, t.localId).where(sql`is_newest is not null`),
    index('identity_quarantined').on(t.peerId).where(sql`state = 'quarantined'`),
    oneOf('identity_state_check', t.state),
  ],
);

/** Findings about received lines. */
export const finding = exchange.table(
  'finding',
  {
    id: int64().primaryKey().generatedAlwaysAsIdentity(),
    pullId: text()
      .notNull()
      .references(() => pull.id),
    kind: text().notNull(),
    file: integer(),
    line: integer(),
    entry: integer(),
    type: text(),
    sourceId: text(),
    memberId: text(),
    localId: text(),
    amount: integer().default(1).notNull(),
    detail: text().default('').notNull(),
    state: text({ enum: ['open', 'decided'] })
      .default('open')
      .notNull(),
  },
  (t) => [index('finding_pull').on(t.pullId, t.kind), oneOf('finding_state_check', t.state)],
);

/** Versions of a claim or an authorization. */
export const chain = exchange.table(
  'chain',
  {
    memberId: text().notNull(),
    chain: text().notNull(),
    kind: text({ enum: ['claim', 'authorization'] }).notNull(),
    state: text().notNull(),
    finalId: text(),
    nodes: jsonb().notNull(),
    anomalies: jsonb().default([]).notNull(),
    facts: jsonb().default({}).notNull(),
  },
  (t) => [primaryKey({ columns: [t.memberId, t.chain] }), oneOf('chain_kind_check', t.kind)],
);

/** References whose target has not been received. */
export const dangling = exchange.table(
  'dangling',
  {
    peerId: text().notNull(),
    targetType: text().notNull(),
    targetId: text().notNull(),
    memberId: text().notNull(),
    type: text().notNull(),
    id: text().notNull(),
  },
  (t) => [primaryKey({ columns: [t.peerId, t.targetType, t.targetId, t.memberId, t.type, t.id] })],
);

/** Numbers of claims that claims refer to. */
export const claimName = exchange.table(
  'claim_name',
  {
    peerId: text().notNull(),
    number: hash64().notNull(),
    sourceId: text().notNull(),
    names: boolean().notNull(),
    hash: bytea().notNull(),
    system: text(),
  },
  (t) => [primaryKey({ columns: [t.peerId, t.number, t.sourceId, t.names, t.hash] })],
);

/** Lines quarantined for a claim of another member. */
export const crossMemberClaim = exchange.table(
  'cross_member_claim',
  {
    pullId: text().notNull(),
    file: integer().notNull(),
    line: integer().notNull(),
    entry: integer().notNull(),
    otherId: text().notNull(),
    number: hash64().notNull(),
    value: text().notNull(),
    isNamed: boolean().notNull(),
  },
  (t) => [primaryKey({ columns: [t.pullId, t.file, t.line, t.entry, t.otherId, t.number, t.isNamed] })],
);

/** Pairs and lines that a person decides. */
export const reviewItem = exchange.table(
  'review_item',
  {
    id: text().primaryKey(),
    memberId: text(),
    kind: text().notNull(),
    weight: smallint().notNull(),
    type: text().notNull(),
    aType: text(),
    aId: text(),
    aHash: bytea(),
    bType: text(),
    bId: text(),
    bHash: bytea(),
    peerId: text().notNull(),
    pullId: text().references(() => pull.id),
    file: integer(),
    line: integer(),
    entry: integer(),
    rule: text().notNull(),
    detail: text().default('').notNull(),
    state: text({ enum: ['open', 'decided', 'gone'] })
      .default('open')
      .notNull(),
    decision: text(),
    openedAt: instantMs().notNull(),
    reopened: integer().default(0).notNull(),
  },
  (t) => [
    index('review_item_doubt').on(t.memberId, t.peerId).where(sql`kind = 'identity-doubt' and state <> 'gone'`),
    index('review_item_member').on(t.memberId, t.type),
    index('review_item_open').on(t.weight.desc().nullsFirst(), t.openedAt, t.id).where(sql`state = 'open'`),
    index('review_item_pull').on(t.pullId),
    oneOf('review_item_state_check', t.state),
  ],
);

/** Decisions of reviewers. Insert-only. */
export const reviewDecision = exchange.table(
  'review_decision',
  {
    id: int64().primaryKey().generatedAlwaysAsIdentity(),
    itemId: text()
      .notNull()
      .references(() => reviewItem.id),
    decision: text().notNull(),
    undoes: int64(),
    bySubject: text().notNull(),
    byName: text().notNull(),
    role: text().notNull(),
    at: instantMs().notNull(),
    reason: text().notNull(),
    aHash: bytea(),
    bHash: bytea(),
    rules: integer().notNull(),
  },
  (t) => [
    foreignKey({ columns: [t.undoes], foreignColumns: [t.id], name: 'review_decision_undoes_fkey' }),
    index('review_decision_item').on(t.itemId, t.id),
  ],
);

/** One decision for all open items of a kind, payer and pull; applied in the background. */
export const bulkDecision = exchange.table(
  'bulk_decision',
  {
    id: text().primaryKey(),
    kind: text().notNull(),
    peerId: text().notNull(),
    pullId: text().notNull(),
    decision: text().notNull(),
    reason: text().notNull(),
    bySubject: text().notNull(),
    byName: text().notNull(),
    byRole: text().notNull(),
    development: boolean().notNull(),
    requestId: text().notNull(),
    at: instant().notNull(),
    dueAt: instant().notNull(),
    finishedAt: instant(),
    asked: integer().notNull(),
    decided: integer().default(0).notNull(),
    refused: integer().default(0).notNull(),
  },
  (t) => [index('bulk_decision_open').on(t.dueAt).where(sql`finished_at is null`)],
);

/** Items of such a decision. */
export const bulkDecisionItem = exchange.table(
  'bulk_decision_item',
  {
    itemId: text()
      .primaryKey()
      .references(() => reviewItem.id),
    batchId: text()
      .notNull()
      .references(() => bulkDecision.id),
    mark: text().notNull(),
  },
  (t) => [index('bulk_decision_item_batch').on(t.batchId)],
);

/** Releases of quarantined lines that are decided and not carried out. */
export const releaseDue = exchange.table('release_due', {
  itemId: text().primaryKey(),
  isUndo: boolean().notNull(),
  subject: text().notNull(),
  requestId: text().notNull(),
  dueAt: instant().notNull(),
});

/** The intake ledger as one row for each line. */
export const ledger = exchange
  .view('ledger', {
    pullId: text().notNull(),
    file: integer().notNull(),
    line: integer().notNull(),
    entry: integer().notNull(),
    outcome: text().notNull(),
    reason: text(),
    type: text(),
    sourceId: text(),
    memberId: text(),
    localId: text(),
    hash: bytea(),
    lastUpdated: instantMs(),
  })
  .as(sql`
    select pull_id, file, line, entry, outcome, reason, type, source_id, member_id, local_id, hash, last_updated
    from exchange.ledger_unit
    union all
    select b.pull_id, b.file, u.line, 0, 'unchanged', null, b.type, u.source_id, b.member_id, u.local_id, u.hash, u.last_updated
    from exchange.ledger_block b
    cross join unnest(b.lines, b.source_ids, b.local_ids, b.hashes, b.updated) as u(line, source_id, local_id, hash, last_updated)`);

/** Number of lines by file, type, outcome, reason and member. */
export const ledgerCount = exchange
  .view('ledger_count', {
    pullId: text().notNull(),
    file: integer().notNull(),
    type: text(),
    outcome: text().notNull(),
    reason: text(),
    memberId: text(),
    units: integer().notNull(),
  })
  .as(sql`
    select pull_id, file, type, outcome, reason, member_id, 1 as units from exchange.ledger_unit
    union all
    select pull_id, file, type, 'unchanged', null, member_id, units from exchange.ledger_block`);

/** Number of lines by member, type and outcome. */
export const ledgerByMember = exchange
  .view('ledger_by_member', {
    pullId: text().notNull(),
    memberId: text(),
    type: text(),
    outcome: text().notNull(),
    units: integer().notNull(),
  })
  .as(sql`
    select pull_id, member_id, type, outcome, units from exchange.ledger_tally
    union all
    select pull_id, member_id, type, 'unchanged', units from exchange.ledger_block`);
