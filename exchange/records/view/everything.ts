// The merged record of a member as one FHIR Bundle for our own use: what the timeline shows, with references led to the
// copies that stand for others. Streamed: a long history is never held whole.
import type { Deps } from '../../../src/deps.ts';
import { formatInstant } from '../../../src/fhir/instant.ts';
import { replaceReferences } from '../../../src/fhir/json-text.ts';
import { addresses } from '../../plan.ts';
import { withAbsoluteLinks } from '../facts/attachment.ts';
import { foldedOf, type Merged } from './folded.ts';
import { mergedRows, sharedTexts } from './member-rows.ts';

type Needs = Pick<Deps, 'database' | 'config' | 'clock'>;

/** A place among the records of a member, in the order of types and ids. */
export type Place = { type: string; id: string };
/** `url`: where the page after a place is; undefined: this one. */
export type Paging = { count: number; after: Place | undefined; url: (after: Place | undefined) => string };

/**
 * Without `withSensitive` labelled records are left out. Whole it is a collection; a page of it is a searchset of so many records, with the
 * directory entries that they name beside them. The Bundle piece by piece; undefined when there is no such member. `memberId` exists when
 * the first piece comes.
 */
export async function mergedBundle(
  deps: Needs,
  memberId: string,
  withSensitive: boolean,
  paging?: Paging,
): Promise<AsyncGenerator<string> | undefined> {
  const found = await foldedOf(deps, memberId);
  return found && pieces(deps, memberId, found, withSensitive, paging);
}

async function* pieces(
  deps: Needs,
  memberId: string,
  merged: Pick<Merged, 'standsFor' | 'shownAs'>,
  withSensitive: boolean,
  paging: Paging | undefined,
): AsyncGenerator<string> {
  const base = addresses(deps.config).fhir;
  const entry = (key: string, body: string, mode: 'match' | 'include') =>
    `{"fullUrl":"${base}/${key}","resource":${replaceReferences(body, (reference) => {
      const other = merged.shownAs.get(reference);
      return other === undefined ? undefined : `"reference":"${other}"`;
    })}${paging === undefined ? '' : `,"search":{"mode":"${mode}"}`}}`;
  const type = paging === undefined ? 'collection' : 'searchset';
  yield `{"resourceType":"Bundle","type":"${type}","timestamp":"${formatInstant(deps.clock())}","entry":[`;
  let isFirst = true;
  const separated = (text: string) => {
    const out = isFirst ? text : `,${text}`;
    isFirst = false;
    return out;
  };
  const shared = new Set<string>();
  const most = paging?.count ?? Number.POSITIVE_INFINITY;
  let n = 0;
  let last: Place | undefined;
  let hasMore = false;
  reading: for await (const rows of mergedRows(deps.database, memberId, 500, paging?.after))
    for (const row of rows) {
      const key = `${row.type}/${row.id}`;
      // a record that is not labelled yet counts as sensitive
      if (merged.standsFor(row) === undefined || (!withSensitive && (row.label ?? 1) > 0)) continue;
      hasMore = n === most;
      if (hasMore) break reading;
      n++;
      last = { type: row.type, id: row.id };
      for (const link of row.links ?? []) shared.add(link);
      yield separated(entry(key, row.linked ? withAbsoluteLinks(row.type, row.body, base, true) : row.body, 'match'));
    }
  for await (const page of sharedTexts(deps.database, [...shared].sort()))
    for (const { key, body } of page) yield separated(entry(key, body, 'include'));
  const link = (relation: string, url: string) => `{"relation":"${relation}","url":${JSON.stringify(url)}}`;
  const links =
    paging === undefined
      ? ''
      : `,"link":[${link('self', paging.url(paging.after))}${hasMore ? `,${link('next', paging.url(last))}` : ''}]`;
  yield `]${links}}`;
}
