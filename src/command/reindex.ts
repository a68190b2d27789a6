// `reindex directory`: the index made anew from the stored resources, after an update of the program or of BASE_URL.
import { progressReporter } from '../import/progress.ts';
import { indexAge, reindex } from '../store/resource-reindex.ts';
import { type OpenNode, withNode } from './node.ts';

const baseOf = (node: OpenNode): string => `${node.config.baseUrl}/directory/fhir`;

export async function reindexDirectory(): Promise<void> {
  await withNode(async (node) => {
    const progress = progressReporter('reindex directory', { countsOnly: true });
    const done = await reindex(node.deps.database, baseOf(node), (entries, of) =>
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
export async function checkIndex(node: OpenNode, embedded: boolean, say: (line: string) => void): Promise<void> {
  const age = await indexAge(node.deps.database.sql, baseOf(node));
  if (age === undefined) return;
  if (!embedded) return say(`${REASONS[age]}: run \`payer-node reindex directory\`.`);
  say(`${REASONS[age]}: making it anew …`);
  await reindex(node.deps.database, baseOf(node));
}
