// Distance: points and circles as clients write them. https://hl7.org/fhir/R4/location.html#search, `near`
import { isLatitude, isLongitude, type Point } from './boundary.ts';
import { invalid, split, unescaped } from './values.ts';
import { zipCentre } from './zip.ts';

export type Unit = { meters: number; unit: string; code: string };
/** `approximate`: places count that stand in the middle of their ZIP code area, having no position of their own */
export type Circle = Point & { meters: number; unit: Unit; approximate: boolean };

/** Units as asked for, with what the answer calls them (UCUM). */
const UNITS: Readonly<Record<string, Unit>> = {
  km: { meters: 1000, unit: 'km', code: 'km' },
  m: { meters: 1, unit: 'm', code: 'm' },
  mi: { meters: 1609.344, unit: 'mi', code: '[mi_i]' },
  '[mi_i]': { meters: 1609.344, unit: 'mi', code: '[mi_i]' },
  '[mi_us]': { meters: 6336000 / 3937, unit: 'mi', code: '[mi_us]' },
  mi_us: { meters: 6336000 / 3937, unit: 'mi', code: '[mi_us]' },
  ft: { meters: 0.3048, unit: 'ft', code: '[ft_i]' },
  '[ft_i]': { meters: 0.3048, unit: 'ft', code: '[ft_i]' },
  '[ft_us]': { meters: 1200 / 3937, unit: 'ft', code: '[ft_us]' },
};

const KM = { meters: 1000, unit: 'km', code: 'km' };
const DEFAULT_METERS = 50_000;
/** Nothing on earth is farther away. */
const MAX_METERS = 20_040_000;

/** As programs print them: some write all the digits of a double, or an exponent. https://hl7.org/fhir/R4/search.html#number */
const NUMBER = /^[+-]?(\d{1,9}(\.\d{0,60})?|\.\d{1,60})(e[+-]?\d{1,2})?$/i;

function number(code: string, text: string, name: string): number {
  if (!NUMBER.test(text)) throw invalid(code, `does not have a number as ${name}`);
  return Number(text);
}

function pointOf(code: string, latitude: string, longitude: string): Point {
  const point = {
    latitude: number(code, latitude, 'latitude'),
    longitude: number(code, longitude, 'longitude'),
  };
  if (!isLatitude(point.latitude)) throw invalid(code, 'has a latitude outside -90 to 90: latitude comes first');
  if (!isLongitude(point.longitude)) throw invalid(code, 'has a longitude outside -180 to 180');
  return point;
}

function radius(code: string, distance: string | undefined, unit: string | undefined): { meters: number; unit: Unit } {
  const known = unit === undefined || unit === '' ? KM : Object.hasOwn(UNITS, unit) ? UNITS[unit] : undefined;
  if (known === undefined) throw invalid(code, 'has an unknown unit: km, m, mi, [mi_us], ft or [ft_us]');
  if (distance === undefined || distance === '') return { meters: DEFAULT_METERS, unit: known };
  const value = number(code, distance, 'distance');
  if (value < 0) throw invalid(code, 'has a negative distance');
  return { meters: Math.min(value * known.meters, MAX_METERS), unit: known };
}

/** An escaped `|` splits too: some client libraries escape all of a value, and none of these parts can hold one. */
const parts = (value: string): string[] =>
  split(value.replaceAll('\\|', '|'), '|').map((part) => unescaped(part).trim());

/** `lat|lon|distance|unit`, of places whose record has a position, as FHIR has it. @throws Outcome invalid-parameter */
export function readNear(code: string, value: string): Circle {
  const [latitude = '', longitude = '', distance, unit, ...more] = parts(value);
  if (more.length > 0) throw invalid(code, 'is not lat|lon|distance|unit');
  return { ...pointOf(code, latitude, longitude), ...radius(code, distance, unit), approximate: false };
}

/** `zip|distance|unit`, of all places that can be put on a map. @throws Outcome invalid-parameter */
export function readNearZip(code: string, value: string): Circle {
  const [zip = '', distance, unit, ...more] = parts(value);
  if (!/^\d{5}(-?\d{4})?$/.test(zip) || more.length > 0) throw invalid(code, 'is not zip|distance|unit');
  const centre = zipCentre(zip);
  if (centre === undefined) throw invalid(code, 'names a ZIP code that is not known here');
  return { ...centre, ...radius(code, distance, unit), approximate: true };
}

/** `lat|lon`. @throws Outcome invalid-parameter */
export function readPoint(code: string, value: string): Point {
  const [latitude = '', longitude = '', ...more] = parts(value);
  if (more.length > 0) throw invalid(code, 'is not lat|lon');
  return pointOf(code, latitude, longitude);
}

/** Boxes of degrees that hold a circle: two where it crosses the date line. */
export type Box = { west: number; south: number; east: number; north: number };

export const METERS_A_DEGREE = 111_194.9; // of latitude, on the sphere that distances are computed on

export function boxesOf(circle: Point & { meters: number }): Box[] {
  const reach = (circle.meters / METERS_A_DEGREE) * 1.0001 + 1e-9;
  const south = Math.max(-90, circle.latitude - reach);
  const north = Math.min(90, circle.latitude + reach);
  const whole = { west: -180, south, east: 180, north };
  if (south <= -90 || north >= 90) return [whole];
  // the widest parallel of the circle: https://planetmath.org/radiusofsphericalcircle
  const ratio = Math.sin((reach * Math.PI) / 180) / Math.cos((circle.latitude * Math.PI) / 180);
  if (ratio >= 1) return [whole];
  const wide = (Math.asin(ratio) * 180) / Math.PI + 1e-9;
  const west = circle.longitude - wide;
  const east = circle.longitude + wide;
  if (west < -180)
    return [
      { west: west + 360, south, east: 180, north },
      { west: -180, south, east, north },
    ];
  if (east > 180)
    return [
      { west, south, east: 180, north },
      { west: -180, south, east: east - 360, north },
    ];
  return [{ west, south, east, north }];
}
