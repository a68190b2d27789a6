// `reindex directory`: the index rebuilt from the stored resources, after an update of the program or of BASE_URL; that of the view of
// all directories too.

import type { Database } from '../../src/db/database.ts';
import { onSchema } from '../../src/db/schema-view.ts';
import { progressReporter } from '../../src/import/progress.ts';
import { withNode } from '../../src/runtime/open-node.ts';
import { MERGED_PATH, MERGED_SCHEMA } from '../federation/harvest/context.ts';
import { indexAge, reindex } from '../resource/resource-reindex.ts';

/** Each index with the base under which it is made. */
const indexesOf = (database: Database, baseUrl: string): { database: Database; base: string }[] => [
  { database, base: `${baseUrl}/directory/fhir` },
  { database: onSchema(database, MERGED_SCHEMA), base: `${baseUrl}${MERGED_PATH}` },
];

export async function reindexDirectory(): Promise<void> {
  await withNode(async ({ deps, config }) => {
    const progress = progressReporter('reindex directory', { countsOnly: true });
    let done = 0;
    for (const { database, base } of indexesOf(deps.database, config.baseUrl))
      done += await reindex(database, base, (entries, of) =>
        progress.update({ bytesRead: entries, bytesTotal: of, entries }),
      );
    progress.end(done === 0 ? ['The index is current.'] : []);
  });
}

const REASONS = {
  program: 'The search index was made by another version of this program',
  base: 'The search index was made under another BASE_URL',
};

/**
 * Before serving: an embedded database is brought up to date, for a named one a sentence says what to do. Searches give
 * what the old index holds until then.
 */
export async function checkIndex(
  { database, baseUrl, embedded }: { database: Database; baseUrl: string; embedded: boolean },
  say: (line: string) => void,
): Promise<void> {
  let isReported = false;
  for (const index of indexesOf(database, baseUrl)) {
    const age = await indexAge(index.database.sql, index.base);
    if (age === undefined) continue;
    if (!isReported) say(`${REASONS[age]}: ${embedded ? 'rebuilding it …' : 'run `payer-node reindex directory`.'}`);
    isReported = true;
    if (embedded) await reindex(index.database, index.base);
  }
}
