// References to what is not even named: that an authorization was denied is told by nobody's naming it, as its record stays. Pure.
// 42 CFR 422.121(b)(4)(ii)(A)(2)
import { referenceKey } from '../../src/fhir/reference.ts';
import { isObject, type Json, type JsonObject } from '../../src/fhir/resource.ts';

/** In the place of a single reference: some have to be there. */
const MASKED: JsonObject = {
  extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'masked' }],
};
const URN = 'urn:uuid:';

/**
 * A record's text without its references to these: out of a list they go, elsewhere a masked one stands for them.
 * @param json a resource
 * @param keys `Type/id`
 * @returns the same text when it names none
 */
export function withoutNames(json: string, keys: readonly string[]): string {
  const ids = keys.map((k) => k.slice(k.indexOf('/') + 1));
  if (!ids.some((id) => json.includes(id))) return json;
  const names = new Set([...keys, ...ids.map((id) => URN + id)]);
  let found = false;
  const isNamed = (value: Json): boolean =>
    isObject(value) && typeof value['reference'] === 'string' && names.has(referenceKey(value['reference']));
  const clean = (value: Json): Json => {
    if (Array.isArray(value)) return value.filter((v) => !isNamed(v)).map(clean);
    if (!isObject(value)) return value;
    const kept: JsonObject = {};
    for (const [name, member] of Object.entries(value)) {
      if (member === undefined) continue;
      const named = Array.isArray(member) ? member.some(isNamed) : isNamed(member);
      found ||= named;
      const cleaned = named && !Array.isArray(member) ? MASKED : clean(member);
      if (!Array.isArray(cleaned) || cleaned.length > 0 || !named) kept[name] = cleaned;
    }
    return kept;
  };
  const cleaned = clean(JSON.parse(json) as Json);
  return found ? JSON.stringify(cleaned) : json;
}
