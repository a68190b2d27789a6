// The staging table: received or imported units on their way into the store.
import { createHash } from 'node:crypto';
import { type Copy, copyIn, openCopy } from '../../src/store/copy.ts';
import { arrayLiteral, copyField, type Database, type Queryable, type Sql } from '../../src/store/database.ts';
import type { ClaimFacts } from '../chain/facts.ts';

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
  /** keys `Type/id` of the peer's records that its text refers to, each once, and what it was led to (store/references.ts) */
  refs?: string[] | undefined;
  /** id of our own record of the same type that this says to be a copy of */
  echoOf?: string | undefined;
  /** what chains of claims are made of */
  claim?: ClaimFacts | undefined;
};

const COLUMNS =
  'pull_id, file, line, entry, outcome, reason, type, source_id, member_id, local_id, is_shared, hash, last_updated, npi, targets, keys, findings, service_end, pa_state, pa_changed, pa_end, label, withheld, has_body, links, echo_of, refers, substance, claim, line_hash, refs';

const TEXT_COLUMNS = 'pull_id, file, line, entry, body, shared';

const list = (values: string[] | undefined) =>
  values === undefined || values.length === 0 ? undefined : arrayLiteral(values);

function row(work: string, u: StagedUnit): string {
  return [
    work,
    u.file,
    u.line,
    u.entry,
    u.outcome,
    u.reason,
    u.type,
    u.sourceId,
    u.memberId,
    u.localId,
    u.isShared ?? false,
    u.hash === undefined ? undefined : `\\x${u.hash}`,
    u.lastUpdated,
    u.npi,
    list(u.targets),
    list(u.keys),
    list(u.findings),
    u.serviceEnd,
    u.paState,
    u.paChanged,
    u.paEnd,
    u.label,
    u.withheld,
    u.body !== undefined,
    list(u.links),
    u.echoOf,
    list(u.refers),
    u.substance === undefined ? undefined : `\\x${u.substance}`,
    u.claim === undefined ? undefined : JSON.stringify(u.claim),
    u.lineHash === undefined ? undefined : `\\x${u.lineHash}`,
    list(u.refs),
  ]
    .map(copyField)
    .join('\t');
}

/** Two clients of their own for staging: one takes what is known of the units, the other their texts. */
export type StagingClients = { facts: Sql; texts: Sql; end(): Promise<void> };

export function stagingClients(database: Database): StagingClients {
  const facts = database.dedicated('copy');
  const texts = database.dedicated('copy');
  return {
    facts,
    texts,
    end: async () => {
      await Promise.all([facts.end({ timeout: 1 }), texts.end({ timeout: 1 })]);
    },
  };
}

/** Units as rows of both tables, in COPY text format. */
export type StagedRows = { units: number; facts: Uint8Array<ArrayBuffer>; texts: Uint8Array<ArrayBuffer> };

const textRow = (work: string, u: StagedUnit): string =>
  [work, u.file, u.line, u.entry, u.body, u.shared].map(copyField).join('\t');

const bytesOf = (rows: readonly string[]): Uint8Array<ArrayBuffer> =>
  new TextEncoder().encode(rows.length === 0 ? '' : `${rows.join('\n')}\n`);

/** Rows of units under a work id. Pure. */
export function stagedRows(work: string, units: readonly StagedUnit[]): StagedRows {
  return {
    units: units.length,
    facts: bytesOf(units.map((u) => row(work, u))),
    texts: bytesOf(units.flatMap((u) => (u.body === undefined ? [] : [textRow(work, u)]))),
  };
}

export type Staging = { write(rows: StagedRows): Promise<void>; end(): Promise<void> };

/** Takes rows into staging. Opened by the first row: of most files that come again no line is new. */
export function openStaging(clients: StagingClients): Staging {
  const lazily = (client: Sql, statement: string) => {
    let opened: Promise<Copy> | undefined;
    return {
      write: async (bytes: Uint8Array<ArrayBuffer>) => {
        if (bytes.length === 0) return;
        opened ??= openCopy(client, statement);
        await (await opened).write(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
      },
      end: async () => void (await (await opened)?.end()),
    };
  };
  const facts = lazily(clients.facts, `copy exchange.staging (${COLUMNS}) from stdin`);
  const texts = lazily(clients.texts, `copy exchange.staged_text (${TEXT_COLUMNS}) from stdin`);
  return {
    write: async (rows) => void (await Promise.all([facts.write(rows.facts), texts.write(rows.texts)])),
    end: async () => void (await Promise.all([facts.end(), texts.end()])),
  };
}

/** Units that are handed over together. */
const TOGETHER = 200;

/** Copies units into staging under a work id. Returns how many. */
export async function stageUnits(
  clients: StagingClients,
  work: string,
  units: AsyncIterable<StagedUnit>,
): Promise<number> {
  const into = openStaging(clients);
  let held: StagedUnit[] = [];
  let count = 0;
  for await (const unit of units) {
    count++;
    if (held.push(unit) < TOGETHER) continue;
    await into.write(stagedRows(work, held));
    held = [];
  }
  await into.write(stagedRows(work, held));
  await into.end();
  return count;
}

export type RewrittenUnit = {
  file: number;
  line: number;
  entry: number;
  final: string;
  links: string[];
  refers: string[];
  /** keys `Type/id` of the peer's records that have not come */
  unresolved: string[];
  /** our keys of what a Provenance is about */
  targets: string[] | undefined;
};

/** Copies rewritten texts of staged units, on a dedicated client. */
export function stageRewritten(dedicated: Sql, work: string, units: AsyncIterable<RewrittenUnit>): Promise<number> {
  const out = async function* () {
    for await (const u of units)
      yield [work, u.file, u.line, u.entry, u.final, list(u.links), list(u.targets), list(u.refers), list(u.unresolved)]
        .map(copyField)
        .join('\t');
  };
  return copyIn(
    dedicated,
    'copy exchange.rewritten (pull_id, file, line, entry, final, links, targets, refers, unresolved) from stdin',
    out(),
  );
}

/** Removes the texts and verdicts that slices were made ready with. By the first column of their keys. */
export async function clearPrepared(sql: Queryable, work: string): Promise<void> {
  await sql`delete from exchange.rewritten where pull_id = ${work}`;
  await sql`delete from exchange.judged where pull_id = ${work}`;
}

/** Removes what is staged under a work id; of one file, when named, after a line. Served by the primary key. */
export async function clearStaging(sql: Queryable, work: string, file?: number, after = 0): Promise<void> {
  if (file === undefined) {
    await sql`delete from exchange.staging where pull_id = ${work}`;
    await sql`delete from exchange.staging_block where pull_id = ${work}`;
    await sql`delete from exchange.staged_text where pull_id = ${work}`;
    await clearPrepared(sql, work);
  } else {
    await sql`delete from exchange.staging where pull_id = ${work} and file = ${file} and line > ${after}`;
    await sql`delete from exchange.staging_block where pull_id = ${work} and file = ${file} and last_line > ${after}`;
    await sql`delete from exchange.staged_text where pull_id = ${work} and file = ${file} and line > ${after}`;
  }
}

/** Lower-case hex SHA-256 of a text. */
export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Up to so many lines a file may hold what is held back before its share is looked at. */
const FEW = 50;

/**
 * A staged file of which more lines than `most`, or than one in twenty of more than fifty, are none or are about people that
 * were not asked for, or of which no line can be read (a web page, another encoding); undefined when there is none. `mayHaveOthers`: a peer that cannot be asked for some sends others as well.
 * Served by the primary key.
 */
export async function mostlyHeld(
  sql: Queryable,
  work: string,
  most: number,
  mayHaveOthers = false,
): Promise<{ file: number; lines: number } | undefined> {
  const [row] = await sql<{ file: number; lines: number }[]>`
    select file, held::int as lines from (
      select file, count(*) + (select coalesce(sum(b.units), 0) from exchange.staging_block b where b.pull_id = ${work} and b.file = s.file) as units, count(*) filter (where outcome = 'rejected' or (reason = 'wrong-patient' and not ${mayHaveOthers})) as held,
        bool_and(coalesce(outcome = 'rejected' and reason = 'invalid-json', false)) 
          and not exists (select from exchange.staging_block b where b.pull_id = ${work} and b.file = s.file) as unreadable
      from exchange.staging s where pull_id = ${work} group by file) f
    where held > ${most} or (held > ${FEW} and held * 20 > units) or unreadable order by file limit 1`;
  return row;
}
