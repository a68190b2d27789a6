// References to what is not even named: that an authorization was denied is told by nobody's naming it, as its record stays. Pure.
// 42 CFR 422.121(b)(4)(ii)(A)(2)
import { elements, members } from '../../src/fhir/json-text.ts';
import { referenceKey } from '../../src/fhir/reference.ts';

/** In the place of a single reference: some have to be there. */
const MASKED =
  '{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"masked"}]}';
const URN = 'urn:uuid:';

/** `Type/id`, whatever stands before and behind it. */
const keyOf = (reference: string): string => referenceKey((reference.split('#')[0] ?? '').replace(/^\//, ''));

/**
 * A record's text without its references to these: out of a list they go, and with them what held nothing else; elsewhere a masked one
 * stands for them. All the rest stays as it is written.
 * @param json a resource
 * @param keys `Type/id`
 * @returns the same text when it names none
 */
export function withoutNames(json: string, keys: readonly string[]): string {
  const ids = keys.map((k) => k.slice(k.indexOf('/') + 1));
  const mayName = (value: string) => ids.some((id) => value.includes(id));
  const names = new Set([...keys, ...ids.map((id) => URN + id)]);
  const isNamed = (value: string): boolean => {
    if (!value.startsWith('{')) return false;
    const place = members(value).find((m) => m.key === 'reference' && value.charAt(m.valueStart) === '"');
    return place !== undefined && names.has(keyOf(JSON.parse(value.slice(place.valueStart, place.end)) as string));
  };
  let found = false;
  const isGone = (value: string): boolean => {
    const gone = mayName(value) && isNamed(value);
    found ||= gone;
    return gone;
  };
  /** undefined: nothing is left of it */
  const clean = (value: string): string | undefined => {
    if (!mayName(value)) return value;
    const parts: string[] = [];
    if (value.startsWith('[')) {
      for (const one of elements(value, 0)) {
        const left = isGone(one) ? undefined : clean(one);
        if (left !== undefined) parts.push(left);
      }
      return parts.length === 0 ? undefined : `[${parts.join()}]`;
    }
    if (!value.startsWith('{')) return value;
    for (const m of members(value)) {
      const one = value.slice(m.valueStart, m.end);
      const left = isGone(one) ? MASKED : clean(one);
      if (left !== undefined) parts.push(value.slice(m.start, m.valueStart) + left);
    }
    return parts.length === 0 ? undefined : `{${parts.join()}}`;
  };
  const cleaned = clean(json);
  return found && cleaned !== undefined ? cleaned : json;
}
