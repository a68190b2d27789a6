// What a search brings along with the records that it finds. http://hl7.org/fhir/R4/search.html#include
import type { Deps } from '../../../src/deps.ts';
import { formatInstant } from '../../../src/fhir/instant.ts';
import { referenceKey } from '../../../src/fhir/reference.ts';
import { isObject, text } from '../../../src/fhir/resource.ts';
import { ourselves } from '../../plan.ts';
import { isShared } from '../../records/facts/record-types.ts';
import type { Caller } from '../authorize.ts';
import { transmitterProvenance } from '../export/transmitter.ts';
import { type Brought, type Included, includedProvenance, includedRows, includedShared } from './included-rows.ts';
import { daysOf, type Shown, shown } from './member-access.ts';
import { valuesAt } from './member-criterion.ts';
import { memberNames, memberParameters } from './member-parameters.ts';
import { type Grant, PAGE_BYTES } from './member-read-rows.ts';
import type { MemberSearch } from './member-search-request.ts';

export const has = (set: ReadonlySet<string>, type: string): boolean => set.has('*') || set.has(type);

/**
 * `found`: the first of those that were found, so many that what they bring along fits into a page. `isCut`: it does
 * not of one alone, and part of it is missing.
 */
export type WithIncluded = { found: readonly Shown[]; included: Shown[]; isCut: boolean };

/**
 * What comes along: targets of references, and Provenance of the found records, that of whom we have them and that we
 * transmit them. Each under the caller's scopes.
 * @param grants of the members whose records may come along
 * @param consents those by which directory entries do
 */
export async function include(
  deps: Deps,
  caller: Caller,
  grants: readonly Grant[],
  search: MemberSearch,
  all: readonly Shown[],
  consents: readonly Pick<Grant, 'policy'>[] = grants,
): Promise<WithIncluded> {
  const { sql } = deps.database;
  const days = daysOf(deps);
  const isCovered = coveredBy(grants, consents);
  const [records, entries, covered] = keysNamed(caller, search, all, isCovered);
  const own = await includedRows(sql, grants, days, records, PAGE_BYTES);
  let left = PAGE_BYTES - bytesOf(own);
  // of two members with one key the first
  const about = new Map(all.map((s, place) => [`${s.row.type}/${s.row.id}`, place] as const).reverse());
  const provenance = await includedProvenance(
    sql,
    grants,
    days,
    search.withProvenance ? about : new Map(),
    Math.max(1, left),
  );
  left -= bytesOf(provenance);
  const shared = await includedShared(sql, entries, covered, Math.max(1, left));
  const end = Math.min(own.end, provenance.end, shared.end);
  const found = all.slice(0, Math.max(1, end));
  const isOf = ({ place }: { place: number }) => place < found.length;
  const had = new Set(found.map((s) => `${s.row.type}/${s.row.id}`));
  const included = [
    ...(await shown(deps, [...own.rows, ...provenance.rows].filter(isOf))),
    ...shared.rows.filter(isOf).map((row) => ({ row, text: row.text, resource: { resourceType: row.type } })),
    ...(search.withProvenance ? transmittedOf(deps, caller, found) : []),
  ].filter(({ row }) => {
    const key = `${row.type}/${row.id}`;
    if (had.has(key)) return false;
    had.add(key);
    return true;
  });
  return { found, included, isCut: end < 1 };
}

const bytesOf = ({ rows }: Included<{ text: string }>): number => rows.reduce((n, r) => n + r.text.length, 0);

/** Does the consent of whose record it is cover what is labelled? A directory entry that was found is no member's. */
function coveredBy(grants: readonly Grant[], consents: readonly Pick<Grant, 'policy'>[]): (s: Shown) => boolean {
  const policies = new Map(grants.map((g) => [g.memberId, g.policy]));
  const any = consents.some((g) => g.policy === 'sensitive');
  return ({ row }) => ('memberId' in row ? policies.get(row.memberId) === 'sensitive' : any);
}

/**
 * What found records name and the caller may search: records of members, directory entries, and those of these that a
 * record names whose consent covers what is labelled.
 */
function keysNamed(
  caller: Caller,
  search: MemberSearch,
  found: readonly Shown[],
  isCovered: (s: Shown) => boolean,
): [Brought, Brought, ReadonlySet<string>] {
  const records = new Map<string, number>();
  const entries = new Map<string, number>();
  const covered = new Set<string>();
  for (const [place, one] of found.entries()) {
    const { resource } = one;
    for (const { name, target } of search.includes) {
      const paths = memberNames(search.type).includes(name)
        ? ['patient', 'subject', 'beneficiary']
        : (memberParameters(search.type)[name]?.paths ?? []);
      for (const value of paths.flatMap((p) => valuesAt(resource, p))) {
        const reference = isObject(value) ? text(value['reference']) : undefined;
        const key = reference === undefined ? undefined : referenceKey(reference);
        const type = key?.split('/')[0] ?? '';
        if (key === undefined || (target !== undefined && type !== target) || !has(caller.searches, type)) continue;
        const keys = isShared(type) ? entries : records;
        if (!keys.has(key)) keys.set(key, place);
        if (keys === entries && isCovered(one)) covered.add(key);
      }
    }
  }
  return [records, entries, covered];
}

/** Who transmits the found records, one statement for each member; it is made, not kept, as that of an export is. */
function transmittedOf(deps: Deps, caller: Caller, found: readonly Shown[]): Shown[] {
  const ofMembers = new Map<string, Shown[]>();
  for (const one of found) {
    const { row } = one;
    if (!('memberId' in row) || row.type === 'Provenance') continue;
    ofMembers.set(row.memberId, [...(ofMembers.get(row.memberId) ?? []), one]);
  }
  return [...ofMembers.values()].map((records) => {
    const newest = records.reduce((at, { row }) => (row.lastUpdated > at ? row.lastUpdated : at), new Date(0));
    const { id, json } = transmitterProvenance(
      ourselves(deps.config),
      caller.peer.id,
      records.map(({ row }) => `${row.type}/${row.id}`),
      formatInstant(newest),
    );
    const row = { type: 'Provenance', id, version: 1, text: json, lastUpdated: newest };
    return { row, text: json, resource: { resourceType: 'Provenance' } };
  });
}
