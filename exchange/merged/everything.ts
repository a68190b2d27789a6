// The merged record of a member as one FHIR Bundle for our own use: what the timeline shows, with references led to the
// copies that stand for others. Streamed: a long history is never held whole.
import type { Deps } from '../../src/deps.ts';
import { formatInstant } from '../../src/fhir/instant.ts';
import { replaceReferences } from '../../src/fhir/json-text.ts';
import { addresses } from '../plan.ts';
import { mergedRows, sharedTexts } from '../store/merged.ts';
import { withAbsoluteLinks } from '../transform/attachment.ts';
import { foldedOf } from './timeline.ts';

type Needs = Pick<Deps, 'database' | 'config' | 'clock'>;

/** Without `withSensitive` labelled records are left out. The Bundle piece by piece; undefined when there is no such member. `memberId` exists when the first piece comes. */
export async function mergedBundle(
  deps: Needs,
  memberId: string,
  withSensitive: boolean,
): Promise<AsyncGenerator<string> | undefined> {
  const found = await foldedOf(deps, memberId);
  return found && pieces(deps, memberId, found.folded, withSensitive);
}

async function* pieces(
  deps: Needs,
  memberId: string,
  folded: { groups: ReadonlyMap<string, string[]>; shownAs: ReadonlyMap<string, string> },
  withSensitive: boolean,
): AsyncGenerator<string> {
  const { sql } = deps.database;
  const base = addresses(deps.config).fhir;
  const entry = (key: string, body: string) =>
    `{"fullUrl":"${base}/${key}","resource":${replaceReferences(body, (reference) => {
      const other = folded.shownAs.get(reference);
      return other === undefined ? undefined : `"reference":"${other}"`;
    })}}`;
  yield `{"resourceType":"Bundle","type":"collection","timestamp":"${formatInstant(deps.clock())}","entry":[`;
  let isFirst = true;
  const separated = (text: string) => {
    const out = isFirst ? text : `,${text}`;
    isFirst = false;
    return out;
  };
  const shared = new Set<string>();
  for await (const rows of mergedRows(sql, memberId))
    for (const row of rows) {
      const key = `${row.type}/${row.id}`;
      // a record that is not labelled yet counts as sensitive
      if (!folded.groups.has(key) || (!withSensitive && (row.label ?? 1) > 0)) continue;
      for (const link of row.links ?? []) shared.add(link);
      yield separated(entry(key, row.linked ? withAbsoluteLinks(row.type, row.body, base, true) : row.body));
    }
  for await (const page of sharedTexts(sql, [...shared].sort()))
    for (const { key, body } of page) yield separated(entry(key, body));
  yield ']}';
}
