// Files of a pull's manifest, each with what became of it.
import type { Queryable } from '../../src/store/database.ts';
import type { ManifestFile } from '../client/kick-off.ts';

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
};

export async function addFiles(tx: Queryable, pullId: string, files: readonly ManifestFile[]): Promise<void> {
  await tx`delete from exchange.pull_file where pull_id = ${pullId}`;
  for (const [position, f] of files.entries())
    await tx`
      insert into exchange.pull_file (pull_id, position, kind, type, url, declared, state)
      values (${pullId}, ${position}, ${f.kind}, ${f.type}, ${f.url}, ${f.count ?? null}, 'pending')`;
}

export async function pullFiles(sql: Queryable, pullId: string): Promise<PullFile[]> {
  const rows = await sql<(Omit<PullFile, 'bytes'> & { bytes: string | null })[]>`
    select position, kind, type, url, declared, state, attempts, blob_key as "blobKey", bytes, sha256, units, lines, failure
    from exchange.pull_file where pull_id = ${pullId} order by position`;
  return rows.map((r) => ({ ...r, bytes: r.bytes === null ? null : Number(r.bytes) }));
}

export async function fileDownloaded(
  tx: Queryable,
  pullId: string,
  position: number,
  got: { blobKey: string; bytes: number; sha256: string },
): Promise<void> {
  await tx`
    update exchange.pull_file set state = 'downloaded', blob_key = ${got.blobKey}, bytes = ${got.bytes}, sha256 = ${got.sha256}, units = null,
      failure = case when failure = ${REFETCHED} then failure end
    where pull_id = ${pullId} and position = ${position}`;
}

export async function fileFailed(
  tx: Queryable,
  pullId: string,
  position: number,
  failure: string,
  isFinal: boolean,
): Promise<void> {
  await tx`
    update exchange.pull_file set attempts = attempts + 1, failure = case when failure = ${REFETCHED} and not ${isFinal} then failure else ${failure} end, state = case when ${isFinal} then 'failed' else state end
    where pull_id = ${pullId} and position = ${position}`;
}

export async function fileStaged(
  tx: Queryable,
  pullId: string,
  position: number,
  units: number,
  lines: number,
): Promise<void> {
  await tx`update exchange.pull_file set state = 'staged', units = ${units}, lines = ${lines} where pull_id = ${pullId} and position = ${position}`;
}

/** `failure` of a file that was fetched a second time because its lines were not as many as declared. */
export const REFETCHED = 'count-mismatch';

/** A file with other lines than declared is fetched once more. */
export async function refetchFile(tx: Queryable, pullId: string, position: number): Promise<void> {
  await tx`
    update exchange.pull_file set state = 'pending', attempts = 0, units = null, failure = ${REFETCHED}
    where pull_id = ${pullId} and position = ${position}`;
}

/** How many lines of a file are staged: of a deletions file, one line holds several units. */
export async function stagedLines(sql: Queryable, pullId: string, position: number): Promise<number> {
  const [row] = await sql<
    { n: number }[]
  >`select count(distinct line)::int as n from exchange.staging where pull_id = ${pullId} and file = ${position}`;
  return row?.n ?? 0;
}

/** How many staged rows a file has: fewer than its units after a crash of the database, which empties unlogged tables. */
export async function stagedUnits(sql: Queryable, pullId: string, position: number): Promise<number> {
  const [row] = await sql<
    { n: number }[]
  >`select count(*)::int as n from exchange.staging where pull_id = ${pullId} and file = ${position}`;
  return row?.n ?? 0;
}
