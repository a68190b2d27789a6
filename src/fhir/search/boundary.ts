// Places and boundaries of Locations. Boundaries are GeoJSON in an attachment, https://www.rfc-editor.org/rfc/rfc7946.
import { isObject, type Json, type JsonObject, text } from '../resource.ts';

/** Degrees, WGS84. */
export type Point = { latitude: number; longitude: number };
/** `approximate`: not of the place itself, but of its ZIP code area */
export type Place = Point & { approximate?: boolean };
/** Closed rings of longitude and latitude. */
export type Area = { ring: [number, number][]; holes: [number, number][][] };

export const isLatitude = (n: number): boolean => n >= -90 && n <= 90;
export const isLongitude = (n: number): boolean => n >= -180 && n <= 180;

const degrees = (value: Json | undefined): number =>
  typeof value === 'number' || (typeof value === 'string' && value.trim() !== '') ? Number(value) : Number.NaN;

export function placeOf(location: JsonObject): Place | undefined {
  const position = location['position'];
  if (!isObject(position)) return undefined;
  const longitude = degrees(position['longitude']);
  const latitude = degrees(position['latitude']);
  return isLongitude(longitude) && isLatitude(latitude) ? { longitude, latitude } : undefined;
}

/** Characters of base64 beyond which a boundary is not indexed. */
const MAX_DATA = 8_000_000;
const MAX_DEPTH = 5;

/** The polygons of an attachment that carries GeoJSON; none when it carries something else. */
export function areasOf(attachment: Json): Area[] {
  const data = isObject(attachment) ? text(attachment['data']) : undefined;
  if (data === undefined || data.length > MAX_DATA) return [];
  try {
    const areas: Area[] = [];
    collect(JSON.parse(decode(data)), areas, 0);
    return areas;
  } catch {
    return []; // not base64 or not JSON: it has no boundary that could be searched
  }
}

function decode(data: string): string {
  const bytes = atob(data.replace(/\s/g, ''));
  return new TextDecoder().decode(Uint8Array.from(bytes, (c) => c.charCodeAt(0)));
}

function collect(value: unknown, areas: Area[], depth: number): void {
  if (!isObject(value) || depth > MAX_DEPTH) return;
  const coordinates = value['coordinates'];
  if (value['type'] === 'Polygon') add(coordinates, areas);
  else if (value['type'] === 'MultiPolygon' && Array.isArray(coordinates)) for (const c of coordinates) add(c, areas);
  else if (value['type'] === 'Feature') collect(value['geometry'], areas, depth + 1);
  for (const list of [value['features'], value['geometries']])
    if (Array.isArray(list)) for (const item of list) collect(item, areas, depth + 1);
}

function add(rings: Json | undefined, areas: Area[]): void {
  if (!Array.isArray(rings)) return;
  const [ring, ...holes] = rings.map(ringOf);
  if (ring) areas.push({ ring, holes: holes.filter((h) => h !== undefined) });
}

function ringOf(value: Json): [number, number][] | undefined {
  if (!Array.isArray(value) || value.length < 4) return undefined;
  const points: [number, number][] = [];
  for (const point of value) {
    if (!Array.isArray(point)) return undefined;
    const [x, y] = point;
    if (typeof x !== 'number' || typeof y !== 'number' || !isLongitude(x) || !isLatitude(y)) return undefined;
    points.push([x, y]);
  }
  return points;
}
