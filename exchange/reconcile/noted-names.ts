// What a record was called by those who had it before. A payer that passes on what it got from another one gives it an id of its own and tells the other
// one's (`meta.source`); who takes it in notes that as a secondary identifier (reconciliation.md, 3), so that copies which came by several ways are known to
// be of one record, also two that one payer sends.
import { elements, members } from '../../src/fhir/json-text.ts';
import { isBaseOf, isId, parseReference } from '../../src/fhir/reference.ts';
import { isObject, objects, type Resource, text } from '../../src/fhir/resource.ts';
import { isShared } from '../records/facts/record-types.ts';

/** Without an `identifier` that may be told more than once, or with one that says who somebody is. */
const NOT_NOTED = new Set(['AdverseEvent', 'Binary', 'Coverage', 'Patient', 'Provenance', 'QuestionnaireResponse']);
/** Nobody passes a record on so often. */
const MOST_NOTED = 20;

/** Characters of an address: it is stored and passed on with the record once more. */
const LONGEST_SOURCE = 1000;

/** Does an address hold nothing that may let in who has it? It goes on to others. */
function isPlain(base: string): boolean {
  if (!URL.canParse(base)) return false;
  const { username, password, search } = new URL(base);
  return username === '' && password === '' && search === '';
}

type Name = { base: string; id: string };

const written = (type: string, name: Name): string => `${name.base}/${type}/${name.id}`;

/** By `meta.source`, where it is the address of a record of this type. */
function sourceOf(r: Resource): Name | undefined {
  const meta = r['meta'];
  const source = isObject(meta) ? text(meta['source']) : undefined;
  if (source === undefined || source.length > LONGEST_SOURCE) return undefined;
  const parsed = parseReference(source.split('#', 1)[0] ?? '');
  return parsed.kind === 'absolute' && parsed.type === r.resourceType && isPlain(parsed.base)
    ? { base: parsed.base, id: parsed.id }
    : undefined;
}

/** Addresses of records that a record is noted to be a copy of, beside the one that it came from. */
export function notedNames(r: Resource): string[] {
  const end = `/${r.resourceType}`;
  return objects(r['identifier']).flatMap((i) => {
    const system = i['use'] === 'secondary' ? text(i['system']) : undefined;
    const id = text(i['value']);
    return system?.startsWith('http') && system.endsWith(end) && isId(id) ? [`${system}/${id}`] : [];
  });
}

/** The name of `b` itself, where `a` is noted to be a copy of it. */
export function copiedName(a: Resource, b: Resource): string | undefined {
  const source = sourceOf(b);
  const name = source && written(b.resourceType, source);
  return name !== undefined && a.resourceType === b.resourceType && notedNames(a).includes(name) ? name : undefined;
}

/**
 * Where a record comes from at first: the base of what it was called first, else of its payer. A payer that passes on what it has of others tells records
 * of several payers.
 */
export function firstBase(r: Resource): string | undefined {
  const [first] = notedNames(r);
  if (first === undefined) return sourceOf(r)?.base;
  const parsed = parseReference(first);
  return parsed.kind === 'absolute' ? parsed.base : undefined;
}

/** Have two records a name in common? Then both are copies of one, or one is of the other. */
export function haveOneName(a: Resource, b: Resource): boolean {
  const names = (r: Resource): string[] => {
    const source = sourceOf(r);
    return [...(source === undefined ? [] : [written(r.resourceType, source)]), ...notedNames(r)];
  };
  const known = new Set(names(a));
  return known.size > 0 && names(b).some((n) => known.has(n));
}

/**
 * A received record with what its payer got it as noted.
 * @param json minified text of `resource`
 * @returns the same two where its payer says nothing of the kind
 */
export function noteSource(resource: Resource, json: string, peerBase: string): { resource: Resource; json: string } {
  const type = resource.resourceType;
  const source = sourceOf(resource);
  if (source === undefined || isBaseOf(source.base, peerBase) || isShared(type) || NOT_NOTED.has(type))
    return { resource, json };
  const noted = notedNames(resource);
  if (noted.includes(written(type, source)) || noted.length >= MOST_NOTED) return { resource, json };
  const identifier = { use: 'secondary', system: `${source.base}/${type}`, value: source.id };
  const given = resource['identifier'];
  const place = members(json).find((m) => m.key === 'identifier');
  if (given === undefined || place === undefined)
    return {
      resource: { ...resource, identifier: [identifier] },
      json: `${json.slice(0, -1)},"identifier":[${JSON.stringify(identifier)}]}`,
    };
  if (!Array.isArray(given)) return { resource, json };
  const all = [...elements(json, place.valueStart), JSON.stringify(identifier)];
  return {
    resource: { ...resource, identifier: [...given, identifier] },
    json: `${json.slice(0, place.valueStart)}[${all.join(',')}]${json.slice(place.end)}`,
  };
}
