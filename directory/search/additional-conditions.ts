// SQL of criteria that are not tokens, words or dates: distance, boundaries, marks, days, opening hours, verifications.

import { arrayLiteral } from '../../src/db/database.ts';
import type { Point } from '../../src/fhir/search/boundary.ts';
import type { Box, Circle } from '../../src/fhir/search/near.ts';
import { boxesOf, METERS_A_DEGREE } from '../../src/fhir/search/near.ts';
import type { Bind } from './search-set.ts';

const RADIANS = Math.PI / 180;

/**
 * Meters between `column` (a point of longitude and latitude) and a point: the haversine formula on a sphere. With angles in radians
 * and the point's cosine as a value it costs the server a quarter of what its functions for degrees do.
 */
const distance = (column: string, p: Point, bind: Bind): string =>
  distanceBetween(`${column}[0]`, `${column}[1]`, p, bind);

/** The same of a longitude and a latitude. */
export function distanceBetween(x: string, y: string, p: Point, bind: Bind): string {
  const lat = bind(String(p.latitude), 'float8');
  const lon = bind(String(p.longitude), 'float8');
  const cosine = bind(String(Math.cos(p.latitude * RADIANS)), 'float8');
  const half = (difference: string) => `sin((${difference}) * ${RADIANS / 2}) ^ 2`;
  return `(12742017.6 * asin(least(1, sqrt(${half(`${y} - ${lat}`)} + ${cosine} * cos(${y} * ${RADIANS}) * ${half(`${x} - ${lon}`)}))))`;
}

/** A circle that a client wrote as a point finds places whose record has a position, and no others. */
export const positioned = (circle: Circle, row: string): string =>
  circle.approximate ? '' : ` and not ${row}.approximate`;

/** Places within the circles, with their distances. place_positioned, or place_at for those without a position too: the boxes are read, the distance judges their corners. */
export function placesIn(circles: readonly Circle[], bind: Bind, columns: (away: string) => string): string {
  return within(circles, bind)
    .map(({ away, test }) => `select ${columns(away)} from directory.place p where ${test}`)
    .join(' union all ');
}

/** The square of a circle where a map does not mislead, as near the poles, at the date line and of half a world. */
export function squareOf(circle: Circle): Box | undefined {
  const [box, ...more] = boxesOf(circle);
  const misleads = more.length > 0 || Math.abs(circle.latitude) > 80 || (box && box.east - box.west >= 180);
  return misleads ? undefined : box;
}

/**
 * Of the places in a circle those that may be among the nearest, with their distances: `limit` of the square around it that are
 * near on the map tell how far the nearest can be, and no place is farther than that. place_positioned or place_at, twice: along its order, then by a
 * box. The formula of the distance costs more than a look into the index: it is asked for once a place.
 * @param past condition on `away` and `p.rk`, the page position; none on the first page
 * @returns undefined where it has no {@link squareOf}
 */
export function nearestIn(circle: Circle, past: string | undefined, limit: string, bind: Bind): string | undefined {
  const box = squareOf(circle);
  if (box === undefined) return undefined;
  const lat = bind(String(circle.latitude), 'float8');
  const lon = bind(String(circle.longitude), 'float8');
  const meters = bind(String(circle.meters), 'float8');
  const away = distance('p.at', circle, bind);
  const which = positioned(circle, 'p');
  const square = `p.at <@ ${boxValue(box, bind)}${which}`;
  const high = `(r.d / ${METERS_A_DEGREE} * 1.0001 + 1e-9)`;
  const wide = `(asind(least(1, sind(${high}) / cosd(${lat}))) + 1e-9)`;
  const places = (where: string) =>
    `(select p.rk, p.at, ${away} as away from directory.place p where ${where} offset 0) p`;
  const begin =
    past === undefined
      ? `directory.place p where ${square}`
      : `(select p.at, ${away} as away, p.rk from directory.place p where ${square}) p where ${past}`;
  // `offset` keeps the planner from writing what is computed once into each place that names it
  const radius = `(select least(max(${past === undefined ? away : 'away'}), ${meters}) as d from (select p.at${past === undefined ? '' : ', away'} from ${begin} order by p.at <-> point(${lon}, ${lat}) limit ${limit}) p offset 0) r`;
  const around = `(select r.d, box(point(${lon} - ${wide}, ${lat} - ${high}), point(${lon} + ${wide}, ${lat} + ${high})) as square from ${radius} offset 0) r`;
  return `select p.rk, p.away as distance from ${around} cross join lateral ${places(`p.at <@ r.square${which}`)}
    where p.away <= r.d${past === undefined ? '' : ` and ${past}`}`;
}

/** Is the place `p` in one of the circles? */
export const isIn = (circles: readonly Circle[], bind: Bind): string =>
  `(${within(circles, bind)
    .map(({ test }) => test)
    .join(' or ')})`;

function within(circles: readonly Circle[], bind: Bind): { away: string; test: string }[] {
  return circles.flatMap((circle) => {
    const away = distance('p.at', circle, bind);
    const meters = bind(String(circle.meters), 'float8');
    return boxesOf(circle).map((box) => ({
      away,
      test: `p.at <@ ${boxValue(box, bind)} and ${away} <= ${meters}${positioned(circle, 'p')}`,
    }));
  });
}

/** Does a box hold a longitude and a latitude? */
export function boxTest(x: string, y: string, { west, south, east, north }: Box, bind: Bind): string {
  const at = (degrees: number) => bind(String(degrees), 'float8');
  return `(${x} between ${at(west)} and ${at(east)} and ${y} between ${at(south)} and ${at(north)})`;
}

const boxValue = ({ west, south, east, north }: Box, bind: Bind): string =>
  bind(`((${west},${south}),(${east},${north}))`, 'box');

/** Locations whose boundary holds one of the points. boundary_bounds, then the polygon and its holes. */
export function boundariesAround(points: readonly Point[], bind: Bind): string {
  return points
    .map((p) => {
      const at = bind(`(${p.longitude},${p.latitude})`, 'point');
      return `select b.rk from directory.boundary b where b.bounds @> box(${at}, ${at}) and b.ring @> ${at}
        and not exists (select from unnest(b.holes) h where h @> ${at})`;
    })
    .join(' union all ');
}

/** Resources whose hours meet one of the spans, or that tell none: few patterns, of which each row names one. */
export function openAt(spans: readonly [number, number][] | undefined, resource: string, bind: Bind): string {
  if (spans === undefined) return `${resource}.hours is null`;
  const [from, to] = [0, 1].map((end) => bind(arrayLiteral(spans.map((span) => span[end] ?? 0)), 'int[]'));
  return `${resource}.hours = any(array(select o.pattern from directory.opening o, unnest(${from}, ${to}) m(lo, hi) where o.open && int4range(m.lo, m.hi)))`;
}
