// Places without a position of their own stand in the middle of their ZIP code area, and say so (federation.md, Q45).
import { extensions, isObject, type JsonObject, objects, type Resource, strings, text } from '../resource.ts';
import type { Point } from './boundary.ts';
import { zipCentre } from './zip.ts';

/** On `Location.position`: where it was taken from. */
const POSITION_FROM = 'https://payer-node.example/fhir/StructureDefinition/position-from';

/** The United States and what has ZIP codes of theirs; elsewhere five digits mean something else. */
const WITH_ZIP = /^(?:usa?|840|u\.s\.(?:a\.)?|united states.*|pr|gu|vi|as|mp|puerto rico|guam)$/i;

/** The ZIP code at the end of an address that is text alone, behind a state. */
function zipIn(address: JsonObject | undefined): string {
  const written = [text(address?.['text']) ?? '', strings(address?.['line']).at(-1) ?? ''];
  return (
    written.flatMap(
      (t) => /\b[A-Za-z]{2}\.?,?\s+(\d{5}(?:-?\d{4})?)(?:,?\s+U\.?S\.?(?:A\.?)?)?\s*$/.exec(t)?.[1] ?? [],
    )[0] ?? ''
  );
}

/** The middle of the ZIP code area of an address; undefined when there is none. */
function zipPoint(address: JsonObject | undefined): Point | undefined {
  const zip = text(address?.['postalCode'])?.trim() ?? zipIn(address);
  if (!/^\d{5}(?:-?\d{4})?$/.test(zip) || !WITH_ZIP.test(text(address?.['country'])?.trim() ?? 'us')) return undefined;
  return zipCentre(zip);
}

/** A position in the middle of the ZIP code area of an address; undefined when there is none. */
function approximatePosition(address: JsonObject | undefined): JsonObject | undefined {
  const centre = zipPoint(address);
  return centre && { extension: [{ url: POSITION_FROM, valueCode: 'zip-centre' }], ...centre };
}

/** Does this place have no better position? */
export function isApproximate(location: Resource | undefined): boolean {
  const position = location?.['position'];
  if (isObject(position)) return extensions(position, POSITION_FROM).length > 0;
  return location?.resourceType === 'Location' && zipPoint(addressOf(location)) !== undefined;
}

/** A place has one address; a mistaken list of them is read as its first. */
const addressOf = (location: JsonObject): JsonObject | undefined => objects(location['address'])[0];

/** The place with its position, or with that of its ZIP code area. */
export function placed<T extends JsonObject>(location: T): T {
  if (location['position'] !== undefined) return location;
  const position = approximatePosition(addressOf(location));
  return position === undefined ? location : { ...location, position };
}
