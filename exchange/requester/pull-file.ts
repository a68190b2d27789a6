// Files of a pull's manifest, each with what became of it.

import { and, eq } from 'drizzle-orm';
import type { Queryable } from '../../src/db/database.ts';
import { orm } from '../../src/db/orm.ts';
import type { Kept } from './client/file-parts.ts';
import type { ManifestFile } from './client/manifest.ts';
import { pullFile } from './schema.ts';

/** One file of a pull. pull_file_pkey. */
const isFile = (pullId: string, position: number) => and(eq(pullFile.pullId, pullId), eq(pullFile.position, position));
/** Nothing of it is kept. */
const NO_PARTS = { parts: 0, partBytes: 0, etag: null, encoding: null, partOf: null };

/** How many messages of a severity and code. */
export type MessageCount = { severity: string; code: string; n: number };

export type PullFile = {
  position: number;
  kind: 'output' | 'deleted' | 'error';
  type: string;
  url: string;
  declared: number | null;
  state: 'pending' | 'downloaded' | 'staged' | 'failed';
  attempts: number;
  blobKey: string | null;
  bytes: number | null;
  sha256: string | null;
  units: number | null;
  /** lines, which the manifest counts; of a deletions file one line holds several units */
  lines: number | null;
  failure: string | null;
  /** what the messages in it say, once they are read; null of other files, and of those that came before this was kept */
  said: MessageCount[] | null;
  /** up to which line it is staged, when it is not staged whole, and how many units that makes */
  stagedLines: number;
  stagedUnits: number;
};
/** A file with what is kept of it while it is not whole. */
export type FileWithParts = PullFile & { kept: Kept };

/** Writes the files of a manifest, in place of those of an earlier one. */
export async function addFiles(tx: Queryable, pullId: string, files: readonly ManifestFile[]): Promise<void> {
  await tx`delete from exchange.pull_file where pull_id = ${pullId}`;
  await appendFiles(tx, pullId, files, 0);
}

/** Writes further files, from a position on. */
export async function appendFiles(
  tx: Queryable,
  pullId: string,
  files: readonly ManifestFile[],
  from: number,
): Promise<void> {
  const column = <K extends keyof ManifestFile>(name: K) => files.map((f) => f[name] ?? null);
  await tx`
    insert into exchange.pull_file (pull_id, position, kind, type, url, declared, state)
    select ${pullId}, ${from} + n - 1, kind, type, url, declared, 'pending'
    from unnest(${column('kind')}::text[], ${column('type')}::text[], ${column('url')}::text[], ${column('count')}::int[]) with
      ordinality as f(kind, type, url, declared, n)`;
}

/** Gives files that are not there yet the addresses of a fresher manifest. pull_file_pkey. */
export async function moveFiles(
  tx: Queryable,
  pullId: string,
  moved: readonly { position: number; url: string }[],
): Promise<void> {
  await tx`
    update exchange.pull_file f set url = m.url
    from unnest(${moved.map((m) => m.position)}::int[], ${moved.map((m) => m.url)}::text[]) as m(position, url)
    where f.pull_id = ${pullId} and f.position = m.position and f.state = 'pending'`;
}

type Row = Omit<PullFile, 'bytes'> & {
  bytes: string | null;
  parts: number;
  partBytes: string;
  etag: string | null;
  encoding: Kept['encoding'];
  partOf: string | null;
};

export async function pullFiles(sql: Queryable, pullId: string): Promise<FileWithParts[]> {
  const rows = await sql<Row[]>`
    select position, kind, type, url, declared, state, attempts, blob_key as "blobKey", bytes, sha256, units, lines, failure, said,
      staged_lines as "stagedLines", staged_units as "stagedUnits",
      parts, part_bytes as "partBytes", etag, encoding, part_of as "partOf"
    from exchange.pull_file where pull_id = ${pullId} order by position`;
  return rows.map(({ parts, partBytes, etag, encoding, partOf, ...r }) => ({
    ...r,
    bytes: r.bytes === null ? null : Number(r.bytes),
    kept: { parts, bytes: Number(partBytes), etag, encoding, size: partOf === null ? null : Number(partOf) },
  }));
}

/** Notes what is kept of a file that is not whole yet. pull_file_pkey. */
export async function fileKept(tx: Queryable, pullId: string, position: number, kept: Kept): Promise<void> {
  const { parts, bytes: partBytes, etag, encoding, size: partOf } = kept;
  await orm(tx).update(pullFile).set({ parts, partBytes, etag, encoding, partOf }).where(isFile(pullId, position));
}

export async function fileDownloaded(
  tx: Queryable,
  pullId: string,
  position: number,
  got: { blobKey: string; bytes: number; sha256: string; lines: number; endsWithin: boolean },
): Promise<void> {
  await tx`
    update exchange.pull_file set state = 'downloaded', blob_key = ${got.blobKey}, bytes = ${got.bytes}, sha256 = ${got.sha256},
      lines = ${got.lines}, ends_within = ${got.endsWithin}, units = null, said = null,
      parts = 0, part_bytes = 0, etag = null, encoding = null, part_of = null, failure = case when failure = ${REFETCHED} then failure end,
        staged_lines = 0, staged_units = 0
    where pull_id = ${pullId} and position = ${position}`;
}

/** Notes what the messages in a file say. pull_file_pkey. */
export async function fileSaid(
  tx: Queryable,
  pullId: string,
  position: number,
  said: readonly MessageCount[],
): Promise<void> {
  await orm(tx).update(pullFile).set({ said }).where(isFile(pullId, position));
}

export async function fileFailed(
  tx: Queryable,
  pullId: string,
  position: number,
  failure: string,
  isFinal: boolean,
): Promise<void> {
  await tx`
    update exchange.pull_file set attempts = attempts + 1, failure = case when failure = ${REFETCHED} and not ${isFinal} then failure
      else ${failure} end, state = case when ${isFinal} then 'failed' else state end
    where pull_id = ${pullId} and position = ${position}`;
}

export async function fileStaged(
  tx: Queryable,
  pullId: string,
  position: number,
  units: number,
  lines: number,
): Promise<void> {
  await orm(tx).update(pullFile).set({ state: 'staged', units, lines }).where(isFile(pullId, position));
}

/** The same of files of records, whose units are their lines. pull_file_pkey. */
export async function filesStaged(tx: Queryable, pullId: string, units: ReadonlyMap<number, number>): Promise<void> {
  await tx`
    update exchange.pull_file f set state = 'staged', units = s.units, lines = s.units
    from unnest(${[...units.keys()]}::int[], ${[...units.values()]}::int[]) as s(position, units)
    where f.pull_id = ${pullId} and f.position = s.position`;
}

/** Notes up to which line a file is staged, and how many units that makes. pull_file_pkey. */
export async function fileStagedTo(
  tx: Queryable,
  pullId: string,
  position: number,
  at: { line: number; units: number },
): Promise<void> {
  await orm(tx).update(pullFile).set({ stagedLines: at.line, stagedUnits: at.units }).where(isFile(pullId, position));
}

/** `failure` of a file that was fetched a second time because its lines were not as many as declared. */
export const REFETCHED = 'count-mismatch';

/** A file with other lines than declared is fetched once more. */
export async function refetchFile(tx: Queryable, pullId: string, position: number): Promise<void> {
  await orm(tx)
    .update(pullFile)
    .set({ state: 'pending', attempts: 0, units: null, ...NO_PARTS, failure: REFETCHED })
    .where(isFile(pullId, position));
}

/** How many lines of a file are staged: of a deletions file, one line holds several units. */
export async function stagedLines(sql: Queryable, pullId: string, position: number): Promise<number> {
  const [row] = await sql<
    { n: number }[]
  >`select count(distinct line)::int as n from exchange.staging where pull_id = ${pullId} and file = ${position}`;
  return row?.n ?? 0;
}

/** How many units of a file are staged: fewer than it has after a crash of the database, which empties unlogged tables. */
export async function stagedUnits(sql: Queryable, pullId: string, position: number, upTo?: number): Promise<number> {
  const [row] = await sql<{ n: number }[]>`
    select ((select count(*) from exchange.staging where pull_id = ${pullId} and file = ${position} and line <= ${upTo ?? 2_147_483_647})
      + (select coalesce(sum(units), 0) from exchange.staging_block
        where pull_id = ${pullId} and file = ${position} and last_line <= ${upTo ?? 2_147_483_647}))::int as n`;
  return row?.n ?? 0;
}
