// What a search brings along with the records that it finds. http://hl7.org/fhir/R4/search.html#include
import type { Deps } from '../../src/deps.ts';
import { formatInstant } from '../../src/fhir/instant.ts';
import { referenceKey } from '../../src/fhir/reference.ts';
import { isObject, text } from '../../src/fhir/resource.ts';
import { transmitterProvenance } from '../export/transmitter.ts';
import { ourselves } from '../plan.ts';
import { type Grant, provenanceOf, rowsByKey, sharedByKey } from '../store/member-read.ts';
import { isShared } from '../transform/record-types.ts';
import type { Caller } from './authorize.ts';
import { daysOf, type Shown, shown } from './member-access.ts';
import { valuesAt } from './member-criterion.ts';
import { memberNames, memberParameters } from './member-parameters.ts';
import type { MemberSearch } from './member-search-request.ts';

export const has = (set: ReadonlySet<string>, type: string): boolean => set.has('*') || set.has(type);

/**
 * What comes along: targets of references, and Provenance of the found records, that of whom we have them and that we transmit them. Each under
 * the caller's scopes.
 */
export async function include(
  deps: Deps,
  caller: Caller,
  grants: readonly Grant[],
  search: MemberSearch,
  found: readonly Shown[],
): Promise<Shown[]> {
  const { sql } = deps.database;
  const days = daysOf(deps);
  const keys = new Set<string>();
  for (const { resource } of found)
    for (const { name, target } of search.includes) {
      const paths = memberNames(search.type).includes(name)
        ? ['patient', 'subject', 'beneficiary']
        : (memberParameters(search.type)[name]?.paths ?? []);
      for (const value of paths.flatMap((p) => valuesAt(resource, p))) {
        const reference = isObject(value) ? text(value['reference']) : undefined;
        const key = reference === undefined ? undefined : referenceKey(reference);
        if (key !== undefined && (target === undefined || key.startsWith(`${target}/`))) keys.add(key);
      }
    }
  const may = [...keys].filter((k) => has(caller.searches, k.split('/')[0] ?? ''));
  const own = await rowsByKey(
    sql,
    grants,
    days,
    may.filter((k) => !isShared(k.split('/')[0] ?? '')),
  );
  const provenance = search.withProvenance
    ? await provenanceOf(
        sql,
        grants,
        days,
        found.map((s) => `${s.row.type}/${s.row.id}`),
      )
    : [];
  const shared = await sharedByKey(
    sql,
    may.filter((k) => isShared(k.split('/')[0] ?? '')),
  );
  const had = new Set(found.map((s) => `${s.row.type}/${s.row.id}`));
  const all = [
    ...(await shown(deps, [...own, ...provenance])),
    ...shared.map((row) => ({ row, text: row.text, resource: { resourceType: row.type } })),
    ...(search.withProvenance ? transmittedOf(deps, caller, found) : []),
  ];
  return all.filter(({ row }) => {
    const key = `${row.type}/${row.id}`;
    if (had.has(key)) return false;
    had.add(key);
    return true;
  });
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
