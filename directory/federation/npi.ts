// NPIs as directories mark them, in four styles (federation.md 9). A value that only looks like one proves nothing.
import { isValidNpi, NPI_SYSTEM } from '../../src/fhir/npi.ts';
import { codings, type JsonObject, objects, type Resource, text } from '../../src/fhir/resource.ts';

const FEDERAL_SYSTEM = 'http://terminology.hl7.org/NamingSystem/npi';
const SYSTEMS = new Set([NPI_SYSTEM, FEDERAL_SYSTEM, 'urn:oid:2.16.840.1.113883.4.6', '2.16.840.1.113883.4.6']);

export type Npi = { value: string; style: 1 | 2 | 3 | 4; isValid: boolean };

/** Numbers, blanks and dashes become digits; undefined when nothing is left. */
function digits(value: unknown): string | undefined {
  const found =
    typeof value === 'number' ? String(value) : typeof value === 'string' ? value.replace(/[\s-]/g, '') : '';
  return found === '' ? undefined : found;
}

/**
 * The style in which one identifier is marked as NPI.
 * @param unmarked style 4 counts: no marker, assigned by CMS, and a valid check digit
 */
export function npiStyle(identifier: JsonObject, unmarked: boolean): Npi['style'] | undefined {
  const system = text(identifier['system']);
  if (system === FEDERAL_SYSTEM) return 2;
  if (system !== undefined && SYSTEMS.has(system)) return 1;
  const types = codings(identifier['type']);
  const byType = types.some((c) => c['code'] === 'NPI' || SYSTEMS.has(text(c['system']) ?? ''));
  if (system === undefined && byType) return 3;
  if (!unmarked || system !== undefined || types.length > 0) return undefined;
  const assigner = objects(identifier['assigner'])[0];
  return text(assigner?.['display'])?.toUpperCase() === 'CMS' && isValidNpi(digits(identifier['value']) ?? '')
    ? 4
    : undefined;
}

export function npiIn(identifier: JsonObject, unmarked: boolean): Npi | undefined {
  const style = npiStyle(identifier, unmarked);
  const value = style === undefined ? undefined : digits(identifier['value']);
  return style === undefined || value === undefined ? undefined : { value, style, isValid: isValidNpi(value) };
}

/** The NPI of a resource: the first valid one, else the first. */
export function npiOf(resource: Resource, unmarked: boolean): Npi | undefined {
  const all = objects(resource['identifier']).flatMap((i) => npiIn(i, unmarked) ?? []);
  return all.find((n) => n.isValid) ?? all[0];
}
