// One provider, organization or place in all directories: for each field the value shown, by which rule, and who else says what.

import type { Queryable } from '../../../src/db/database.ts';
import { isValidNpi } from '../../../src/fhir/npi.ts';
import { Outcome } from '../../../src/fhir/outcome.ts';
import { isObject, type JsonObject, objects, type Resource, text } from '../../../src/fhir/resource.ts';
import type { DirectoryType } from '../../../src/fhir/search/types.ts';
import { findBundle, type SearchDeps } from '../../search/search-type.ts';
import { type Chosen, choose, type Statement } from './choose.ts';
import {
  bodies,
  clustersOf,
  type Member,
  membersByKey,
  membersByNpi,
  openPairs,
  type RecordFacts,
  recordFacts,
} from './compare-rows.ts';
import { FIELDS, type FieldName, readFields } from './fields.ts';

/** A group of fields: the entity itself, or one place where it works. */
export type Compared = {
  question: string;
  title: string;
  groups: { place: string; fields: { field: FieldName; chosen: Chosen }[] }[];
  /** payers that list it, by slug; empty slug: we do */
  payers: { slug: string; name: string }[];
  /** pairs among its records that wait for a person */
  openPairs: number;
};

export type CompareDeps = { sql: Queryable; search: SearchDeps; planName: string };
export type Question = { npi?: string | undefined; organization?: string | undefined; location?: string | undefined };

/** @throws Outcome for a question that cannot be read; 404 when no one lists it */
export async function compare(question: Question, deps: CompareDeps): Promise<Compared> {
  const given = Object.entries(question).filter(([, v]) => v !== undefined);
  const [only] = given;
  if (given.length !== 1 || !only)
    throw new Outcome('missing-parameter', 'Ask with one of npi, organization and location.');
  const [name, value] = only as [keyof Question, string];
  if (name === 'npi' && !isValidNpi(value))
    throw new Outcome('invalid-parameter', 'npi is ten digits with a valid check digit.');
  if (value.includes('\0'))
    throw new Outcome('invalid-parameter', `${name} is an id: letters, digits, dots and dashes.`);
  const key =
    name === 'organization'
      ? `Organization/${value.replace(/^Organization\//, '')}`
      : `Location/${value.replace(/^Location\//, '')}`;
  const members = name === 'npi' ? await membersByNpi(deps.sql, value) : await membersByKey(deps.sql, key);
  if (members.length === 0) throw new Outcome('not-found');
  const main = await statementsOf(
    members.map((m) => m.key),
    deps,
    () => '',
  );
  const practitioners = members.filter((m) => m.type === 7);
  const places = practitioners.length === 0 ? [] : await placesOf(practitioners, deps);
  const facts = main.facts;
  const payers = new Map([...facts.values()].map((f) => [f.peer, payer(f, deps.planName)]));
  return {
    question: `${name}=${value}`,
    title: main.groups.get('')?.get('name')?.[0]?.shown ?? value,
    groups: [...[...main.groups].map(([place, fields]) => group(place, fields)), ...places],
    payers: [...payers].map(([slug, n]) => ({ slug, name: n })).sort((a, b) => a.slug.localeCompare(b.slug)),
    openPairs: await openPairs(
      deps.sql,
      members.map((m) => m.key),
    ),
  };
}

type Fields = Map<FieldName, Statement[]>;
const payer = (f: RecordFacts, own: string): string => (f.peer === '' ? own : f.name);

function group(place: string, fields: Fields): Compared['groups'][number] {
  const found = (Object.keys(FIELDS) as FieldName[]).flatMap((field) => {
    const statements = fields.get(field);
    return statements ? [{ field, chosen: choose(statements, 'owner' in FIELDS[field]) }] : [];
  });
  return { place, fields: found };
}

/** Statements of records, grouped by place. */
async function statementsOf(
  keys: readonly string[],
  deps: CompareDeps,
  placeOf: (r: Resource) => string,
  names: (reference: string) => string | undefined = () => undefined,
) {
  const [texts, facts] = [await bodies(deps.sql, keys), await recordFacts(deps.sql, keys)];
  const groups = new Map<string, Fields>();
  for (const [key, body] of texts) {
    const r = JSON.parse(body) as Resource;
    const fact = facts.get(key);
    if (fact) addStatements(groups, placeOf(r), r, key, fact, deps.planName, names);
  }
  return { groups, facts };
}

function addStatements(
  groups: Map<string, Fields>,
  place: string,
  r: Resource,
  key: string,
  fact: RecordFacts,
  own: string,
  names: (reference: string) => string | undefined,
  besides = false,
): void {
  const fields: Fields = groups.get(place) ?? new Map();
  groups.set(place, fields);
  for (const { field, value } of readFields(r, names)) {
    const { peer, source, changedAt, verifiedAt, attestedAt } = fact;
    // what a payer says of the role goes before what it says of the place
    if (besides && fields.get(field)?.some((s) => s.peer === peer)) continue;
    fields.set(field, [
      ...(fields.get(field) ?? []),
      { ...value, peer, payer: payer(fact, own), record: key, source, changedAt, verifiedAt, attestedAt },
    ]);
  }
}

const ROLES = '200';

/** Roles of the practitioners, by place: locations that are linked are one place. What a location says belongs to it too. */
async function placesOf(practitioners: readonly Member[], deps: CompareDeps): Promise<Compared['groups']> {
  const roles = await search(
    'PractitionerRole',
    [
      ['practitioner', practitioners.map((p) => p.key).join(',')],
      ['_count', ROLES],
    ],
    deps,
  );
  const referenced = new Set<string>();
  for (const r of roles) for (const reference of referencesOf(r)) referenced.add(reference);
  const texts = await bodies(deps.sql, [...referenced]);
  const records = new Map([...texts].map(([key, body]) => [key, JSON.parse(body) as Resource]));
  const names = (reference: string) => {
    const name = records.get(reference)?.['name'];
    return typeof name === 'string' ? name : undefined;
  };
  const locations = [...records.keys()].filter((k) => k.startsWith('Location/'));
  const clusters = await clustersOf(deps.sql, locations);
  const facts = await recordFacts(deps.sql, [...roles.map(keyOf), ...locations]);
  const groups = new Map<string, Fields>();
  const labels = new Map<string, string>();
  for (const role of roles) {
    const fact = facts.get(keyOf(role));
    if (!fact) continue;
    const at = objects(role['location']).flatMap((l) => text(l['reference']) ?? []);
    for (const location of at.length === 0 ? [''] : at) {
      const place = clusters.get(location) ?? location;
      const there = records.get(location);
      addStatements(groups, place, role, keyOf(role), fact, deps.planName, names);
      const locationFact = facts.get(location);
      if (there && locationFact && !isSaid(groups.get(place), location))
        addStatements(groups, place, there, location, locationFact, deps.planName, names, true);
      if (!labels.has(place)) labels.set(place, placeLabel(there, location));
    }
  }
  return [...groups].map(([place, fields]) => group(labels.get(place) ?? place, fields));
}

/** Has this record spoken already? */
const isSaid = (fields: Fields | undefined, record: string): boolean =>
  [...(fields?.values() ?? [])].some((list) => list.some((s) => s.record === record));

const keyOf = (r: Resource): string => `${r.resourceType}/${text(r['id']) ?? ''}`;

function placeLabel(location: Resource | undefined, key: string): string {
  if (!location) return key === '' ? 'No place named' : key;
  const a = isObject(location['address']) ? location['address'] : {};
  return [text(location['name']), [text(a['city']), text(a['state'])].filter(Boolean).join(', ')]
    .filter(Boolean)
    .join(' – ');
}

function* referencesOf(role: Resource): Generator<string> {
  const found = JSON.stringify(role).matchAll(/"reference":"((?:Location|Organization)\/[^"]+)"/g);
  for (const m of found) if (m[1]) yield m[1];
}

async function search(type: DirectoryType, pairs: [string, string][], deps: CompareDeps): Promise<Resource[]> {
  const bundle = JSON.parse(new TextDecoder().decode(await findBundle(type, pairs, deps.search))) as JsonObject;
  return objects(bundle['entry']).flatMap((e) => (isObject(e['resource']) ? [e['resource'] as Resource] : []));
}
