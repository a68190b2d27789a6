// Places without a position of their own stand in the middle of their ZIP code area, and say so (federation.md, Q45).
import { extensions, isObject, type JsonObject, objects, type Resource, text } from '../resource.ts';
import { zipCentre } from './zip.ts';

/** On `Location.position`: where it was taken from. */
export const POSITION_FROM = 'https://payer-node.example/fhir/StructureDefinition/position-from';

/** A position in the middle of the ZIP code area of an address; undefined when there is none. */
export function approximatePosition(address: JsonObject | undefined): JsonObject | undefined {
  const zip = text(address?.['postalCode']) ?? '';
  const centre = /^\d{5}(?:-?\d{4})?$/.test(zip) ? zipCentre(zip) : undefined;
  return centre && { extension: [{ url: POSITION_FROM, valueCode: 'zip-centre' }], ...centre };
}

/** Does this place have no better position? */
export function isApproximate(location: Resource | undefined): boolean {
  const position = location?.['position'];
  return isObject(position) && extensions(position, POSITION_FROM).length > 0;
}

/** The place with its position, or with that of its ZIP code area. */
export function placed(location: Resource): Resource {
  if (location['position'] !== undefined) return location;
  const position = approximatePosition(objects(location['address'])[0]);
  return position === undefined ? location : { ...location, position };
}
