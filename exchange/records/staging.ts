// The staging table: received or imported units on their way into the store.
import { createHash } from 'node:crypto';
import { type Copy, openCopy } from '../../src/db/copy.ts';
import { type BinaryRows, binaryRows, COPY_HEADER, COPY_TRAILER } from '../../src/db/copy-binary.ts';
import type { Database, Queryable, Sql } from '../../src/db/database.ts';
import { isHeld } from '../../src/db/failure.ts';
import type { ClaimFacts } from '../reconcile/chain/facts.ts';

/** Stands for version and time in a staged text; the statement that writes the record puts them in. */
export const VERSION_MARK = '%version%';
export const TIME_MARK = '%time%';
export const STAGED_VERSION = { versionId: VERSION_MARK, lastUpdated: TIME_MARK } as const;

export type StagedUnit = {
  file: number;
  line: number;
  entry: number;
  outcome?: string | undefined;
  reason?: string | undefined;
  /** says that its record was entered in error, whatever holds it */
  isError?: boolean;
  type?: string | undefined;
  sourceId?: string | undefined;
  memberId?: string | undefined;
  localId?: string | undefined;
  isShared?: boolean;
  /** lower-case hex SHA-256 */
  hash?: string | undefined;
  /** what the line is known by when it comes again (reconcile/known-lines.ts), lower-case hex */
  lineHash?: string | undefined;
  /** the same of the content without references and noted ids */
  substance?: string | undefined;
  /** FHIR instant as sent */
  lastUpdated?: string | undefined;
  npi?: string | undefined;
  /** keys `Type/id` of the records a Provenance is about */
  targets?: string[] | undefined;
  /** ours of {@link targets}, as far as all of them were led somewhere when the unit was read */
  about?: string[] | undefined;
  keys?: string[] | undefined;
  findings?: string[] | undefined;
  serviceEnd?: string | undefined;
  paState?: string | undefined;
  paChanged?: string | undefined;
  paEnd?: string | undefined;
  label?: number | undefined;
  withheld?: string | undefined;
  body?: string | undefined;
  shared?: string | undefined;
  /** keys `Type/id` of the directory-type records it refers to */
  links?: string[] | undefined;
  /** keys `Type/id` of the member's records it refers to, whose labels it inherits */
  refers?: string[] | undefined;
  /** keys `Type/id` of the peer's records that its text refers to, each once, and what it was led to (records/references.ts) */
  refs?: string[] | undefined;
  /** id of our own record of the same type that this says to be a copy of */
  echoOf?: string | undefined;
  /** what chains of claims are made of */
  claim?: ClaimFacts | undefined;
  /** attachments that it gives by address, as JSON (reconcile/attachment-address.ts) */
  attached?: string | undefined;
  /** keys `Type/id` of what it was not taken in with, see {@link writeKeptBack} */
  keeps?: string[] | undefined;
  /** what it is about, as {@link shownDay} tells */
  day?: string | undefined;
};

const COLUMNS =
  'pull_id, file, line, entry, outcome, reason, type, source_id, member_id, local_id, is_shared, hash, last_updated, npi, targets, keys, findings, service_end, pa_state, pa_changed, pa_end, label, withheld, has_body, links, echo_of, refers, substance, claim, line_hash, refs, about, attached, keeps, day, deleted_by_line';

const FIELDS = COLUMNS.split(',').length;

const TEXT_COLUMNS = 'pull_id, file, line, entry, body, shared';
const TEXT_FIELDS = TEXT_COLUMNS.split(',').length;

/** What a line says by itself that takes its record away. */
const goneBy = (u: StagedUnit): string | undefined =>
  u.isError === true ? 'entered-in-error' : u.reason === 'deleted-at-source' ? u.reason : undefined;

/** One row of {@link COLUMNS}. */
function writeFacts(to: BinaryRows, work: string, u: StagedUnit): void {
  const text = (value: string | undefined) => (value === undefined ? to.none() : to.text(value));
  const hex = (value: string | undefined) => (value === undefined ? to.none() : to.hex(value));
  const date = (value: string | undefined) => (value === undefined ? to.none() : to.date(value));
  const texts = (values: string[] | undefined) =>
    values === undefined || values.length === 0 ? to.none() : to.textArray(values);
  to.row(FIELDS);
  to.text(work);
  to.int4(u.file);
  to.int4(u.line);
  to.int4(u.entry);
  text(u.outcome);
  text(u.reason);
  text(u.type);
  text(u.sourceId);
  text(u.memberId);
  text(u.localId);
  to.bool(u.isShared ?? false);
  hex(u.hash);
  if (u.lastUpdated === undefined) to.none();
  else to.instant(u.lastUpdated);
  text(u.npi);
  texts(u.targets);
  texts(u.keys);
  texts(u.findings);
  date(u.serviceEnd);
  text(u.paState);
  date(u.paChanged);
  date(u.paEnd);
  if (u.label === undefined) to.none();
  else to.int2(u.label);
  text(u.withheld);
  to.bool(u.body !== undefined);
  texts(u.links);
  text(u.echoOf);
  texts(u.refers);
  hex(u.substance);
  if (u.claim === undefined) to.none();
  else to.jsonb(JSON.stringify(u.claim));
  hex(u.lineHash);
  texts(u.refs);
  texts(u.about);
  text(u.attached);
  texts(u.keeps);
  text(u.day);
  text(goneBy(u));
}

/** One row of {@link TEXT_COLUMNS}. */
function writeTexts(to: BinaryRows, work: string, u: StagedUnit, body: string): void {
  to.row(TEXT_FIELDS);
  to.text(work);
  to.int4(u.file);
  to.int4(u.line);
  to.int4(u.entry);
  to.text(body);
  if (u.shared === undefined) to.none();
  else to.text(u.shared);
}

/** Two clients of their own for staging: one takes what is known of the units, the other their texts. */
export type StagingClients = { facts: Sql; texts: Sql };

/** Lends as many for each of some files at once. */
export const lendStaging = <T>(
  database: Pick<Database, 'lend'>,
  files: number,
  work: (clients: readonly [StagingClients, ...StagingClients[]]) => Promise<T>,
): Promise<T> =>
  database.lend(2 * files, (clients) => {
    const pairs = Array.from({ length: files }, (_, i) => ({ facts: clients[2 * i], texts: clients[2 * i + 1] }));
    return work(pairs as [StagingClients, ...StagingClients[]]);
  });

/** Units as rows of both tables, in the binary format of COPY, without its header and trailer. */
export type StagedRows = { units: number; facts: Uint8Array<ArrayBuffer>[]; texts: Uint8Array<ArrayBuffer>[] };

/**
 * Gathers rows of units under a work id, each as soon as it is read: a unit need not be kept until others are read.
 * @param memory to write in, see binaryRows
 */
export function stagedRows(
  work: string,
  memory?: () => Buffer<ArrayBuffer>,
): { add(unit: StagedUnit): void; finish(): StagedRows } {
  const facts = binaryRows(false, memory);
  const texts = binaryRows(false, memory);
  let units = 0;
  return {
    add(unit) {
      units++;
      writeFacts(facts, work, unit);
      if (unit.body !== undefined) writeTexts(texts, work, unit, unit.body);
    },
    finish: () => ({ units, facts: facts.finish(), texts: texts.finish() }),
  };
}

/** `write` is done when the rows have gone out: their memory may be used again. */
export type Staging = { write(rows: StagedRows): Promise<void>; end(): Promise<void> };

/** Takes rows into staging. Opened by the first row: of most files that come again no line is new. */
export function openStaging(clients: StagingClients): Staging {
  const lazily = (client: Sql, statement: string) => {
    let opened: Promise<Copy> | undefined;
    const open = async () => {
      const into = await openCopy(client, statement);
      await into.write(COPY_HEADER);
      return into;
    };
    return {
      write: async (chunks: readonly Uint8Array<ArrayBuffer>[]) => {
        if (chunks.length === 0) return;
        opened ??= open();
        const into = await opened;
        // the rows of one gathering stay together: several are written at once
        await Promise.all(chunks.map(async (c) => into.sent(Buffer.from(c.buffer, c.byteOffset, c.byteLength))));
      },
      end: async () => {
        const into = await opened;
        if (into === undefined) return;
        await into.write(COPY_TRAILER);
        await into.end();
      },
    };
  };
  const facts = lazily(clients.facts, `copy exchange.staging (${COLUMNS}) from stdin (format binary)`);
  const texts = lazily(clients.texts, `copy exchange.staged_text (${TEXT_COLUMNS}) from stdin (format binary)`);
  return {
    write: async (rows) => void (await Promise.all([facts.write(rows.facts), texts.write(rows.texts)])),
    end: async () => void (await Promise.all([facts.end(), texts.end()])),
  };
}

/** Units that are handed over together. */
const TOGETHER = 200;

/** Takes units into staging under a work id, to the end. Returns how many. */
export async function stageUnits(into: Staging, work: string, units: AsyncIterable<StagedUnit>): Promise<number> {
  let rows = stagedRows(work);
  let count = 0;
  for await (const unit of units) {
    rows.add(unit);
    if (++count % TOGETHER !== 0) continue;
    await into.write(rows.finish());
    rows = stagedRows(work);
  }
  await into.write(rows.finish());
  await into.end();
  return count;
}

/** Removes the texts and verdicts that slices were made ready with. By the first column of their keys. */
export async function clearPrepared(sql: Queryable, work: string): Promise<void> {
  await sql`delete from exchange.staged_reference where pull_id = ${work}`;
  await sql`delete from exchange.match_judgement where pull_id = ${work}`;
}

const WORK_TABLES = [
  'staging',
  'staging_block',
  'staged_text',
  'staged_reference',
  'match_judgement',
  'cross_member_claim',
] as const;
/** Bytes from which on a table is emptied as a whole: rows that are deleted one by one are there until they are swept up. */
const LARGE = 8 * 1024 * 1024;

/** Removes what is staged under a work id. By the first column of the keys; all at once when nobody else has anything there. */
export async function clearStaging(sql: Sql, work: string): Promise<void> {
  if (await emptyTables(sql, work)) return;
  for (const table of WORK_TABLES) await sql.unsafe(`delete from exchange.${table} where pull_id = $1`, [work]);
}

/** Empties the tables if they are large and hold no other work. Never waits for others, who wait for a moment at most. */
async function emptyTables(sql: Sql, work: string): Promise<boolean> {
  const [size] = await sql<{ large: boolean }[]>`
    select pg_table_size('exchange.staging') + pg_table_size('exchange.staged_text') > ${LARGE} as large`;
  if (size?.large !== true) return false;
  const tables = WORK_TABLES.map((t) => `exchange.${t}`);
  try {
    return await sql.begin(async (tx) => {
      await tx.unsafe(`lock table ${tables.join()} in access exclusive mode nowait`);
      for (const table of tables) {
        const others = `select from ${table} where pull_id < $1 union all select from ${table} where pull_id > $1 limit 1`;
        if ((await tx.unsafe(others, [work])).length > 0) return false;
      }
      await tx.unsafe(`truncate ${tables.join()}`);
      return true;
    });
  } catch (error) {
    if (isHeld(error)) return false;
    throw error;
  }
}

/** Removes what is staged of one file after a line. */
export async function clearStagedFile(sql: Queryable, work: string, file: number, after: number): Promise<void> {
  await sql`delete from exchange.staging where pull_id = ${work} and file = ${file} and line > ${after}`;
  await sql`delete from exchange.staging_block where pull_id = ${work} and file = ${file} and last_line > ${after}`;
  await sql`delete from exchange.staged_text where pull_id = ${work} and file = ${file} and line > ${after}`;
}

/** Removes all that is staged of some files. */
export async function clearStagedFiles(sql: Queryable, work: string, files: readonly number[]): Promise<void> {
  for (const table of ['staging', 'staging_block', 'staged_text'])
    await sql`delete from ${sql(`exchange.${table}`)} where pull_id = ${work} and file = any(${[...files]}::int[])`;
}

/**
 * Tells the planner what is staged, by the columns that statements choose by: of lists only those that are taken apart across members.
 * A few thousand rows tell as much as all.
 */
export async function analyzeStaging(sql: Sql): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`set local default_statistics_target = 10`;
    await tx`analyze exchange.staging (pull_id, file, line, entry, type, source_id, member_id, local_id, outcome, reason, is_shared, has_body, npi, targets, bucket, booked)`;
  });
}

/** Lower-case hex SHA-256 of a text. */
export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
