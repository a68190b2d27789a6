// Outlines of the states behind the places of a map, cut to the frame. Table by `npm run outlines`; decoded at first use.
import table from './tables/outlines.json' with { type: 'json' };

type Point = readonly [x: number, y: number];
type Ring = { points: Point[]; west: number; south: number; east: number; north: number };
export type Frame = { west: number; south: number; east: number; north: number };

let rings: Ring[] | undefined;

function decode(): Ring[] {
  const bytes = Uint8Array.from(atob(table.data), (c) => c.charCodeAt(0));
  let at = 0;
  const number = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++] ?? 0;
      value |= (byte & 127) << shift;
      if (byte < 128) break;
    }
    return value & 1 ? -(value + 1) / 2 : value / 2;
  };
  const lines = Array.from({ length: number() }, () => {
    let [x, y] = [0, 0];
    return Array.from({ length: number() }, (): Point => {
      x += number();
      y += number();
      return [x * table.step, y * table.step];
    });
  });
  return Array.from({ length: number() }, () => {
    const points = Array.from({ length: number() }, () => number()).flatMap((arc, i) => {
      const line = arc < 0 ? [...(lines[~arc] ?? [])].reverse() : (lines[arc] ?? []);
      return i === 0 ? line : line.slice(1);
    });
    const xs = points.map(([x]) => x);
    const ys = points.map(([, y]) => y);
    return { points, west: Math.min(...xs), east: Math.max(...xs), south: Math.min(...ys), north: Math.max(...ys) };
  });
}

/** Sutherland and Hodgman, one side: `inside` is positive within. */
function cut(points: readonly Point[], inside: (p: Point) => number): Point[] {
  const kept: Point[] = [];
  points.forEach((p, i) => {
    const before = points.at(i - 1) ?? p;
    const [a, b] = [inside(before), inside(p)];
    if (a >= 0 !== b >= 0) {
      const t = a / (a - b);
      kept.push([before[0] + t * (p[0] - before[0]), before[1] + t * (p[1] - before[1])]);
    }
    if (b >= 0) kept.push(p);
  });
  return kept;
}

/**
 * SVG path data of the land within a frame of degrees.
 * @param place degrees to pixels
 */
export function land(frame: Frame, place: (longitude: number, latitude: number) => { x: number; y: number }): string {
  rings ??= decode();
  const near = rings.filter(
    (r) => r.west < frame.east && r.east > frame.west && r.south < frame.north && r.north > frame.south,
  );
  return near
    .map(({ points }) => {
      let inside = cut(points, ([x]) => x - frame.west);
      inside = cut(inside, ([x]) => frame.east - x);
      inside = cut(inside, ([, y]) => y - frame.south);
      inside = cut(inside, ([, y]) => frame.north - y);
      return pathOf(inside.map(([x, y]) => place(x, y)));
    })
    .join('');
}

/** Whole pixels; points that fall on the one before are left out. */
function pathOf(points: readonly { x: number; y: number }[]): string {
  let path = '';
  let [lastX, lastY] = [Number.NaN, Number.NaN];
  for (const p of points) {
    const [x, y] = [Math.round(p.x), Math.round(p.y)];
    if (x === lastX && y === lastY) continue;
    path += path === '' ? `M${x} ${y}` : `l${x - lastX} ${y - lastY}`;
    [lastX, lastY] = [x, y];
  }
  return path.includes('l') ? `${path}z` : '';
}
