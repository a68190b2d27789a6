// SQL of criteria that are not tokens, words or dates: distance, boundaries, marks, days, opening hours, verifications.
import type { Circle, Point } from '../fhir/search/near.ts';
import { boxesOf } from '../fhir/search/near.ts';
import { arrayLiteral } from './database.ts';
import type { Bind } from './search-set.ts';

/** Meters between `column` (a point of longitude and latitude) and a point: the haversine formula on a sphere. */
export function distance(column: string, p: Point, bind: Bind): string {
  const lat = bind(String(p.latitude), 'float8');
  const lon = bind(String(p.longitude), 'float8');
  return `(12742017.6 * asin(least(1, sqrt(sind((${column}[1] - ${lat}) / 2) ^ 2 + cosd(${lat}) * cosd(${column}[1]) * sind((${column}[0] - ${lon}) / 2) ^ 2))))`;
}

/** Places within the circles, with their distances. place_at: the boxes are read, the distance judges their corners. */
export function placesIn(circles: readonly Circle[], bind: Bind, columns: (away: string) => string): string {
  return within(circles, bind)
    .map(({ away, test }) => `select ${columns(away)} from directory.place p where ${test}`)
    .join(' union all ');
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
    return boxesOf(circle).map(({ west, south, east, north }) => ({
      away,
      test: `p.at <@ ${bind(`((${west},${south}),(${east},${north}))`, 'box')} and ${away} <= ${meters}`,
    }));
  });
}

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

/** Resources whose hours hold one of the minutes: few patterns, of which each row names one. */
export function openAt(minutes: readonly number[], resource: string, bind: Bind): string {
  return `${resource}.hours = any(array(select o.pattern from directory.opening o, unnest(${bind(arrayLiteral(minutes), 'int[]')}) m where o.open @> m))`;
}
