// One pass over a resource against the R4 table. The rules are those of https://hl7.org/fhir/R4/json.html: what may
// stand where, how often, in which JSON type. It is on the hot path of imports: no strings are built unless there is
// something to report.
import { isObject, type JsonObject } from '../resource.ts';
import { checkOf } from './invariants.ts';
import { report, type Walk } from './report.ts';
import { type Field, RESOURCE_TYPES, type Type, tableOf, typeOf } from './types.ts';

const MAX_DEPTH = 200; // names and indexes: two for each level of an array

/** A resource at any place: top level, contained, in a Bundle or Parameters. The path already ends at it. */
export function walkResource(walk: Walk, resource: unknown): void {
  if (!isObject(resource)) {
    report(walk, 'not-a-resource', 'not a JSON object');
    return;
  }
  const name = resource['resourceType'];
  if (typeof name !== 'string' || name === '') {
    report(walk, 'missing-type', 'resourceType is missing');
    return;
  }
  const type = RESOURCE_TYPES.has(name) ? typeOf(name) : undefined;
  if (!type) {
    report(walk, 'unknown-type', 'resourceType is not a type of R4');
    return;
  }
  if (walk.path.length === 0) walk.path.push(name);
  const outer = walk.contained;
  // a contained resource refers to its siblings, so it keeps the ids of its container
  if (walk.containment === 0) walk.contained = containedIds(resource);
  else if (resource['contained'] !== undefined) report(walk, 'dom-2', 'contained in a contained resource');
  walkObject(walk, resource, type);
  walk.contained = outer;
}

function containedIds(resource: JsonObject): ReadonlySet<string> | undefined {
  const list = resource['contained'];
  if (!Array.isArray(list)) return undefined;
  return new Set(list.map((r) => (isObject(r) && typeof r['id'] === 'string' ? r['id'] : '')));
}

function walkObject(walk: Walk, value: JsonObject, type: Type): void {
  if (walk.path.length > MAX_DEPTH) {
    report(walk, 'too-deep', 'nested too deep');
    return;
  }
  let present = 0;
  let choices = 0;
  let count = 0;
  for (const key in value) {
    count++;
    const field = type.fields.get(key);
    if (field === undefined) {
      if (key === 'resourceType' && type.isResource) continue;
      report(walk, 'unknown-element', `no such element in ${type.name}`, printable(key));
      continue;
    }
    present |= field.required;
    if (field.choice !== 0) {
      if ((choices & field.choice) !== 0) checkChoice(walk, value, type, key, field);
      choices |= field.choice;
    }
    walk.path.push(key);
    walkMember(walk, value, key, field);
    walk.path.pop();
  }
  // an element needs more than an id (ele-1), except beside a primitive value
  if (count === 0 || (count === 1 && 'id' in value && !type.isResource && type.name !== 'Element'))
    report(walk, 'empty-element', 'an object without content');
  if (present !== type.required) reportMissing(walk, type, present);
  const check = checkOf(type.name);
  if (check) check(walk, value);
}

/** Key names come from outside: only plain ones are repeated. */
const printable = (key: string) => (/^[A-Za-z_][A-Za-z0-9_]{0,63}$/.test(key) ? key : '?');

function reportMissing(walk: Walk, type: Type, present: number): void {
  let seen = 0;
  for (const field of type.fields.values()) {
    if ((field.required & ~present & ~seen) === 0) continue;
    seen |= field.required;
    report(walk, 'missing-element', `${field.element} is mandatory in ${type.name}`, field.element);
  }
}

/** A second member of a choice is an error unless the two are one value and its extensions. */
function checkChoice(walk: Walk, value: JsonObject, type: Type, key: string, field: Field): void {
  const plain = (k: string) => (k.startsWith('_') ? k.slice(1) : k);
  for (const other in value) {
    if (other === key) return;
    if (type.fields.get(other)?.choice === field.choice && plain(other) !== plain(key)) {
      report(walk, 'several-choices', `${field.element} has several values`, key);
      return;
    }
  }
}

function walkMember(walk: Walk, owner: JsonObject, key: string, field: Field): void {
  const value = owner[key];
  if (!field.many) {
    if (Array.isArray(value)) report(walk, 'not-repeating', 'an array, but the element does not repeat');
    else walkValue(walk, value, field);
    return;
  }
  if (!Array.isArray(value)) {
    report(walk, 'not-an-array', 'the element repeats and must be an array');
    return;
  }
  if (value.length === 0) report(walk, 'empty-element', 'an empty array');
  for (let i = 0; i < value.length; i++) {
    walk.path.push(i);
    const item = value[i];
    if (item === null && field.primitive) checkPadding(walk, owner, key, i);
    else walkValue(walk, item, field);
    walk.path.pop();
  }
}

/** A null in the array of a primitive stands for a value that has only extensions, or extensions that are absent. */
function checkPadding(walk: Walk, owner: JsonObject, key: string, index: number): void {
  const partner = owner[key.startsWith('_') ? key.slice(1) : `_${key}`];
  if (!Array.isArray(partner) || partner[index] === undefined || partner[index] === null)
    report(walk, 'null-without-extension', 'null without a value or extension at its place');
}

function walkValue(walk: Walk, value: unknown, field: Field): void {
  if (field.primitive && !field.companion) {
    const fault = field.primitive(value);
    if (fault !== undefined) report(walk, fault, `not a valid ${field.type}`);
    else if (field.codes !== undefined && !field.codes.has(String(value)))
      report(walk, 'code-not-in-set', 'not a code that R4 allows here');
    return;
  }
  if (!isObject(value)) {
    report(walk, 'wrong-json-type', `must be an object (${field.type})`);
    return;
  }
  if (field.type === 'Resource') {
    walk.containment += field.element === 'contained' ? 1 : 0;
    walkResource(walk, value);
    walk.containment -= field.element === 'contained' ? 1 : 0;
    return;
  }
  const type = tableOf(field);
  walkObject(walk, value, type);
  if (field.codes !== undefined && !field.companion) checkConcept(walk, value, field.codes);
  if (field.targets !== undefined) checkTarget(walk, value, field.targets);
}

const codingKey = ({ system, code }: JsonObject) =>
  typeof system === 'string' && typeof code === 'string' ? `${system}#${code}` : '';

/** A required binding on a CodeableConcept: one of its codings must be in the set. */
function checkConcept(walk: Walk, concept: JsonObject, codes: ReadonlySet<string>): void {
  const list = concept['coding'];
  const fits = Array.isArray(list) && list.some((c) => isObject(c) && codes.has(codingKey(c)));
  if (!fits && !(list === undefined && concept['extension'] !== undefined))
    report(walk, 'code-not-in-set', 'no coding that R4 allows here');
}

const TYPE_OF_REFERENCE = /(?:^|\/)([A-Z][A-Za-z]+)\/[A-Za-z0-9\-.]{1,64}(?:\/_history\/[A-Za-z0-9\-.]{1,64})?$/;

function checkTarget(walk: Walk, reference: JsonObject, targets: ReadonlySet<string>): void {
  const literal = reference['reference'];
  if (!walk.findings || typeof literal !== 'string') return;
  const slash = literal.indexOf('/');
  if (targets.has(literal.slice(0, slash)) && !literal.includes('/', slash + 1)) return; // as nearly all
  const name = TYPE_OF_REFERENCE.exec(literal)?.[1];
  if (name !== undefined && RESOURCE_TYPES.has(name) && !targets.has(name))
    report(walk, 'reference-target', `may not refer to ${name}`, 'reference');
}
