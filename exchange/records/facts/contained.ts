// What a record contains as it leaves: nothing that would stay if it stood by itself. Pure.
import { isObject, type Json, type JsonObject, objects, type Resource, text } from '../../../src/fhir/resource.ts';
import { spelledAs } from '../../../src/fhir/spelled-numbers.ts';
import { isFinancial, withoutBenefitNarrative } from './money.ts';
import { decidedAhead, isHidden } from './prior-authorization.ts';
import { withoutLines } from './without-lines.ts';

/** In the place of a reference to what is not contained any more: some have to be there. */
const MASKED: JsonObject = {
  extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'masked' }],
};

/** Nothing of it may be disclosed: it was denied, is for a drug, or is about money alone. */
function stays(one: Resource): boolean {
  const decided = decidedAhead(one);
  return isFinancial(one.resourceType) || (decided !== undefined && isHidden(decided.state));
}

/** Its form for peers, but for money; the same object when it is that. */
function formOf(one: Resource): Resource {
  const decided = decidedAhead(one);
  return withoutBenefitNarrative(
    decided === undefined ? one : withoutLines(one, decided.removedLines, decided.removesParts),
  );
}

function masked(value: Json, gone: ReadonlySet<string>): Json {
  if (Array.isArray(value)) return value.map((v) => masked(v, gone));
  if (!isObject(value)) return value;
  if (gone.has(text(value['reference']) ?? '')) return MASKED;
  const out: JsonObject = spelledAs({}, value);
  for (const [name, member] of Object.entries(value)) if (member !== undefined) out[name] = masked(member, gone);
  return out;
}

/** The record without what may not be contained, references to that masked; the same object when all may be. */
export function withoutStaying(resource: Resource): Resource {
  const all = objects(resource['contained']);
  if (all.length === 0) return resource;
  const isStaying = (one: JsonObject) => typeof one['resourceType'] === 'string' && stays(one as Resource);
  const left = all
    .filter((one) => !isStaying(one))
    .map((one) => (typeof one['resourceType'] === 'string' ? formOf(one as Resource) : one));
  if (left.length === all.length && left.every((one, i) => one === all[i])) return resource;
  const { contained: _, ...rest } = resource;
  // `#` alone is the record itself
  const gone = new Set(
    all.filter(isStaying).flatMap((one) => (text(one['id']) === undefined ? [] : [`#${text(one['id'])}`])),
  );
  const next = { ...rest, ...(left.length === 0 ? {} : { contained: left }) } as Resource;
  return (gone.size === 0 ? next : masked(next, gone)) as Resource;
}
