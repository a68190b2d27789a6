// Directories whose records name each other by identifiers.
import { isObject, type Json, type Resource, text } from '../../src/fhir/resource.ts';
import { BASE, keyOf } from './fixture.ts';

const SYSTEM = 'https://plan.example/ids';

/** All with an identifier that no other record has. */
export const identified = (r: Resource): Resource =>
  r.resourceType === 'VerificationResult'
    ? r
    : {
        ...r,
        identifier: [
          ...(Array.isArray(r['identifier']) ? r['identifier'] : []),
          { system: SYSTEM, value: `${keyOf(r)}|id` },
        ],
      };

/** The same with identifiers in the place of addresses of what is here: every second one says the type as well. */
export function withoutAddresses(resources: readonly Resource[]): Resource[] {
  const among = new Set(resources.map(keyOf));
  let n = 0;
  const change = (value: Json): Json => {
    if (Array.isArray(value)) return value.map(change);
    if (!isObject(value)) return value;
    const reference = text(value['reference'])?.replace(`${BASE}/`, '');
    if (reference !== undefined && among.has(reference)) {
      const identifier = { system: SYSTEM, value: `${reference}|id` };
      return n++ % 2 === 0 ? { identifier } : { type: reference.split('/')[0] ?? '', identifier };
    }
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, change(v ?? null)]));
  };
  return resources.map((r) => change(r) as Resource);
}
