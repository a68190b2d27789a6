// Texts of staged units whose references were led elsewhere, beside the staged ones.
import { copyIn } from '../../src/db/copy.ts';
import { arrayLiteral, copyField, type Sql } from '../../src/db/database.ts';

const list = (values: string[] | undefined) =>
  values === undefined || values.length === 0 ? undefined : arrayLiteral(values);

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
    'copy exchange.staged_reference (pull_id, file, line, entry, final, links, targets, refers, unresolved) from stdin',
    out(),
  );
}
