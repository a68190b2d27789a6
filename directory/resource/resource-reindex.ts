// Brings the index in line with a changed extraction: entries are rebuilt from the stored bodies.

import type { Database, Queryable } from '../../src/db/database.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import { EXTRACTION_VERSION, extract } from '../../src/fhir/search/extract.ts';
import { resolveAll } from './resource-logical.ts';
import { insertStagedEntries } from './resource-merge.ts';
import { reachAll } from './resource-reach.ts';
import { copyIncoming, createStaging, stagedLine, stagedLines } from './resource-staging.ts';
import { knownWords } from './vocabulary.ts';

const BATCH = 2000;

/**
 * Rebuilds the index when it was made by another extraction. Searches see the old index until the end.
 * @param base public FHIR base of the directory
 * @param progress receives how many resources of how many are done
 * @returns resources indexed; 0 when the index is current
 */
export async function reindex(
  database: Database,
  base: string,
  progress: (done: number, of: number) => void = () => {},
): Promise<number> {
  const sql = database.dedicated('work');
  const reader = database.dedicated('copy');
  try {
    await createStaging(sql);
    // rows count as visible to all only when their commit is on disk
    await sql.unsafe('set synchronous_commit = on');
    const indexed = await sql.begin(async (tx) => {
      await tx.unsafe('select change from directory.state for update');
      if ((await indexAge(tx, base)) === undefined) return 0;
      await tx.unsafe('delete from directory.lookup');
      await tx.unsafe('delete from directory.words');
      await tx.unsafe('delete from directory.dates');
      await tx.unsafe('delete from directory.place');
      await tx.unsafe('delete from directory.care_at');
      await tx.unsafe('delete from directory.boundary');
      await tx.unsafe('delete from directory.logical');
      await tx.unsafe('delete from directory.verification');
      await tx.unsafe('delete from directory.vocabulary');
      const vocabulary = knownWords();
      const [all] = await tx<{ n: number }[]>`select count(*)::integer as n from directory.resource where not deleted`;
      let done = 0;
      const rows = reader<{ key: string; type: number; body: string }[]>`
        select key, type, body from directory.resource where not deleted order by rk`;
      for await (const batch of rows.cursor(BATCH)) {
        const staged = stagedLines();
        for (const { key, type, body } of batch) {
          const entries = extract(JSON.parse(body) as Resource, base);
          const row = { key, type, deleted: false, hash: '', head: '', tail: '', findings: [], entries };
          staged.add(stagedLine(staged.count(), row));
          vocabulary.add(entries.nameWords);
        }
        await vocabulary.write(tx);
        await copyIncoming(sql, tx, staged);
        await insertStagedEntries(tx);
        done += batch.length;
        progress(done, all?.n ?? done);
      }
      await resolveAll(tx, (table) => table);
      await reachAll(tx, (table) => table);
      await markIndexed(tx, base);
      await tx.unsafe('update directory.state set change = change + 1, pruned = pruned + 1');
      return done;
    });
    // all entries are new and lie behind the old ones: searches do not wait for autovacuum, as after an import
    if (indexed > 0) {
      await sql.unsafe(
        'vacuum (analyze) directory.lookup, directory.words, directory.dates, directory.care_at, directory.place',
      );
      await sql.unsafe('analyze directory.resource');
    }
    return indexed;
  } finally {
    await reader.end({ timeout: 5 });
    await sql.end({ timeout: 5 });
  }
}

/** Notes with which extraction and base the index is made. */
export async function markIndexed(sql: Queryable, base: string): Promise<void> {
  await sql.unsafe('update directory.state set extraction_version = $1::int, base = $2::text', [
    String(EXTRACTION_VERSION),
    base,
  ]);
}

/** Why the index should be rebuilt: by an older program, or under another base. undefined: it is current. */
export async function indexAge(sql: Queryable, base: string): Promise<'program' | 'base' | undefined> {
  const [state] = await sql.unsafe<{ version: number; base: string | null; empty: boolean }[]>(
    `select extraction_version as version, base, not exists (select from directory.resource) as empty from directory.state`,
  );
  if (state === undefined || state.empty) return undefined;
  if (state.version !== EXTRACTION_VERSION) return 'program';
  return state.base !== null && state.base !== base ? 'base' : undefined;
}
