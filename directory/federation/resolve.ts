// Resolves the references of a batch of peers' records before they are merged: those by name, and those whose type is wrong.

import type { Queryable } from '../../src/db/database.ts';
import { parseReference } from '../../src/fhir/reference.ts';
import { type JsonObject, type Resource, text } from '../../src/fhir/resource.ts';
import { DIRECTORY_TYPES, isDirectoryType, TYPE_IDS } from '../../src/fhir/search/types.ts';
import { mergedId } from './ids.ts';
import {
  type Awaited,
  addNames,
  answering,
  nameKey,
  namesFrom,
  nextRecords,
  noteAwaited,
  present,
} from './reference.ts';
import { type Name, nameIn, namesOf, replaceEach } from './references.ts';

/** `resource` is absent when the record is not shown. */
export type Read = { rk: string; peer: string; resource: Resource | undefined };
type Shown = Read & { resource: Resource };
/** The reference to put in the place of one that has no address, or the wrong one; as a key of the merged base. */
export type Resolver = (reference: JsonObject, element: string) => string | undefined;

const NAMES_AT_ONCE = 2000;

/** Names of records that were stored before names were kept. Done once. */
export async function gatherNames(sql: Queryable): Promise<void> {
  for (let at = await namesFrom(sql); at !== undefined; ) {
    const rows = await nextRecords(sql, at, NAMES_AT_ONCE);
    at = rows.length < NAMES_AT_ONCE ? undefined : rows.at(-1)?.rk;
    await addNames(
      sql,
      rows.map((r) => ({ rk: r.rk, tokens: namesOf(JSON.parse(r.raw) as Resource) })),
      at,
    );
  }
}

/**
 * Looks up what the references of these records lead to, and notes those that lead nowhere.
 * @returns for each record, by its rk, how to put its references right; records without such references have no entry
 */
export async function resolveReferences(sql: Queryable, batch: readonly Read[]): Promise<Map<string, Resolver>> {
  const asked = batch.filter((r): r is Shown => r.resource !== undefined).map((r) => ({ ...r, ...asks(r) }));
  const names = asked.flatMap((r) => r.names.map((n) => ({ peer: r.peer, type: TYPE_IDS[n.type], token: n.token })));
  const found = await answering(sql, names);
  const keys = new Set(asked.flatMap((r) => r.keys));
  const there = await present(sql, [...keys]);
  const lost = [...keys].filter((k) => !there.has(k));
  const others = await present(sql, lost.flatMap(elsewhere));
  const corrected = new Map<string, string>();
  for (const key of lost) {
    const [only, second] = elsewhere(key).filter((k) => others.has(k));
    if (only !== undefined && second === undefined) corrected.set(key, only);
  }
  const awaited: Awaited[] = [];
  const resolvers = new Map<string, Resolver>();
  for (const r of asked) {
    if (r.names.length === 0 && !r.keys.some((k) => corrected.has(k) || !there.has(k))) continue;
    for (const n of r.names) {
      const at = { peer: r.peer, type: TYPE_IDS[n.type], token: n.token };
      // one that is found may cease to be the only one: it is asked again then
      awaited.push({ rk: r.rk, ...at });
    }
    for (const key of r.keys)
      if (!there.has(key) && !corrected.has(key)) awaited.push({ rk: r.rk, peer: r.peer, type: 0, key });
    resolvers.set(r.rk, (reference, element) => {
      const name = nameIn(reference, element, r.resource.resourceType);
      if (name) return found.get(nameKey({ peer: r.peer, type: TYPE_IDS[name.type], token: name.token }));
      const key = keyOf(reference, r.peer);
      return key === undefined ? undefined : corrected.get(key);
    });
  }
  await noteAwaited(
    sql,
    batch.map((r) => r.rk),
    awaited,
  );
  return resolvers;
}

/** What a record asks for by name, and by relative address. */
function asks({ peer, resource }: Shown): { names: Name[]; keys: string[] } {
  const names: Name[] = [];
  const keys = new Set<string>();
  replaceEach(resource, (reference, element) => {
    const name = nameIn(reference, element, resource.resourceType);
    if (name) names.push(name);
    const key = keyOf(reference, peer);
    if (key !== undefined) keys.add(key);
    return undefined;
  });
  return { names, keys: [...keys] };
}

function keyOf(reference: JsonObject, peer: string): string | undefined {
  const given = text(reference['reference']);
  const parsed = given === undefined ? undefined : parseReference(given.trim());
  return parsed?.kind === 'relative' && isDirectoryType(parsed.type)
    ? `${parsed.type}/${mergedId(peer, parsed.id)}`
    : undefined;
}

/** The same id under the other types. */
const elsewhere = (key: string): string[] => {
  const [type = '', id = ''] = key.split('/');
  return DIRECTORY_TYPES.filter((t) => t !== type).map((t) => `${t}/${id}`);
};
