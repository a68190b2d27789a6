// Valid resources of any type, made from the compiled table by a seeded choice, and ways to break them.
import { type Json, type JsonObject, text } from '../../../src/fhir/resource.ts';
import { type Field, type Type, tableOf, typeOf } from '../../../src/fhir/validate/types.ts';

/** The n-th choice below `count`. */
export type Choose = (count: number) => number;

const PRIMITIVE: Readonly<Record<string, Json>> = {
  base64Binary: 'aGFsbG8=',
  boolean: true,
  canonical: 'http://example.org/thing|1.0',
  code: 'some-code',
  date: '2024-02-29',
  dateTime: '2024-05-06T07:08:09.123-04:00',
  decimal: 1.5,
  id: 'an-id.1',
  instant: '2024-05-06T07:08:09Z',
  integer: -7,
  markdown: '*text*',
  oid: 'urn:oid:1.2.3',
  positiveInt: 1,
  string: 'text',
  time: '23:59:60',
  unsignedInt: 0,
  uri: 'urn:x:y',
  url: 'https://example.org',
  uuid: 'urn:uuid:c757873d-ec9a-4326-a141-556f43239520',
  xhtml: '<div xmlns="http://www.w3.org/1999/xhtml">x</div>',
};

const MAX_DEPTH = 4;

function sampleValue(field: Field, choose: Choose, depth: number): Json {
  if (field.companion) return { extension: [{ url: 'http://example.org/e', valueBoolean: true }] };
  if (field.primitive) {
    if (field.codes) return [...field.codes][choose(field.codes.size)] ?? null;
    return PRIMITIVE[field.type] ?? null;
  }
  if (field.type === 'Resource') return sampleResource('Basic', choose, MAX_DEPTH);
  if (field.type === 'Extension') return { url: 'http://example.org/e', valueString: 'x' };
  if (field.type === 'Reference') return { reference: `${field.targets ? [...field.targets][0] : 'Patient'}/1` };
  if (field.codes) {
    const [system = '', code = ''] = ([...field.codes][choose(field.codes.size)] ?? '').split('#');
    return { coding: [{ system, code }] };
  }
  return sampleObject(tableOf(field), choose, depth + 1);
}

function sampleObject(type: Type, choose: Choose, depth: number): JsonObject {
  const out: JsonObject = {};
  const taken = new Set<string>();
  for (const [key, field] of type.fields) {
    if (taken.has(field.element) || key === 'contained') continue;
    if (field.choice !== 0 && choose(3) === 0 && !isLastOfChoice(type, key)) continue;
    const wanted = field.required !== 0 || (depth < MAX_DEPTH && !field.companion && choose(8) === 0);
    if (!wanted || field.companion) continue;
    taken.add(field.element);
    const value = sampleValue(field, choose, depth);
    out[key] = field.many ? [value] : value;
  }
  // an element needs content beside its id
  if (!type.isResource && Object.keys(out).filter((k) => k !== 'id').length === 0)
    out['extension'] = [{ url: 'http://example.org/e', valueString: 'x' }];
  return out;
}

/** So that a mandatory choice gets some value. */
function isLastOfChoice(type: Type, key: string): boolean {
  const { element } = type.fields.get(key) ?? {};
  const keys = [...type.fields].filter(([, f]) => f.element === element && !f.companion).map(([k]) => k);
  return keys.at(-1) === key;
}

export function sampleResource(name: string, choose: Choose, depth = 0): JsonObject {
  const type = typeOf(name);
  if (!type) throw new Error(`no type ${name}`);
  return { resourceType: name, ...sampleObject(type, choose, depth) };
}

/** A place in a resource: an object, its type and one of its members. */
export type Spot = { owner: JsonObject; type: Type; key: string; field: Field };

/** Every member of every object of a valid resource, extensions' content left out. */
export function spots(resource: JsonObject): Spot[] {
  const found: Spot[] = [];
  const visit = (owner: JsonObject, type: Type) => {
    for (const key of Object.keys(owner)) {
      const field = type.fields.get(key);
      if (!field) continue;
      found.push({ owner, type, key, field });
      if (field.primitive || field.type === 'Extension') continue;
      const values = [owner[key]].flat() as JsonObject[];
      for (const value of values) {
        const inner = field.type === 'Resource' ? typeOf(text(value['resourceType']) ?? '') : tableOf(field);
        if (inner) visit(value, inner);
      }
    }
  };
  const top = typeOf(text(resource['resourceType']) ?? '');
  if (top) visit(resource, top);
  return found;
}
