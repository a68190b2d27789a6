// Compiles the outlines of the states (npm us-atlas, ISC; US Census cartographic boundaries, public domain) into the table
// of the maps. Borders that two states share are one line, simplified once, so that no gap opens between them.
import { readFileSync, writeFileSync } from 'node:fs';

type Topology = {
  transform: { scale: [number, number]; translate: [number, number] };
  arcs: [number, number][][];
  objects: { states: { geometries: { type: string; arcs: number[][] | number[][][] }[] } };
};
type Point = [longitude: number, latitude: number];

/** Degrees of one step, and how far a line may leave the original. */
const STEP = 0.004;
const TOLERANCE = 0.006;

const topology = JSON.parse(readFileSync('node_modules/us-atlas/states-10m.json', 'utf8')) as Topology;
const { scale, translate } = topology.transform;

const lines = topology.arcs.map((arc) => {
  let x = 0;
  let y = 0;
  const points = arc.map(([dx, dy]): Point => {
    x += dx;
    y += dy;
    return [x * scale[0] + translate[0], y * scale[1] + translate[1]];
  });
  return simplified(points).map(([lon, lat]): Point => [Math.round(lon / STEP), Math.round(lat / STEP)]);
});

/** Douglas and Peucker */
function simplified(points: Point[]): Point[] {
  const [first] = points;
  const last = points.at(-1);
  if (points.length < 3 || !first || !last) return points;
  let far = 0;
  let at = 0;
  for (let i = 1; i < points.length - 1; i++) {
    const away = distance(points[i] ?? first, first, last);
    if (away > far) [far, at] = [away, i];
  }
  if (far <= TOLERANCE) return [first, last];
  return [...simplified(points.slice(0, at + 1)).slice(0, -1), ...simplified(points.slice(at))];
}

function distance([x, y]: Point, [ax, ay]: Point, [bx, by]: Point): number {
  const [dx, dy] = [bx - ax, by - ay];
  const length = dx * dx + dy * dy;
  const t = length === 0 ? 0 : Math.max(0, Math.min(1, ((x - ax) * dx + (y - ay) * dy) / length));
  return Math.hypot(x - ax - t * dx, y - ay - t * dy);
}

const bytes: number[] = [];
function put(value: number): void {
  let rest = value < 0 ? -value * 2 - 1 : value * 2;
  while (rest > 127) {
    bytes.push((rest & 127) | 128);
    rest >>>= 7;
  }
  bytes.push(rest);
}

put(lines.length);
for (const line of lines) {
  put(line.length);
  let [x, y] = [0, 0];
  for (const [px, py] of line) {
    put(px - x);
    put(py - y);
    [x, y] = [px, py];
  }
}
const rings = topology.objects.states.geometries
  .flatMap((g) => (g.type === 'Polygon' ? [g.arcs as number[][]] : (g.arcs as number[][][])))
  .map((polygon) => polygon[0] ?? []);
const kept = rings.filter((ring) => ring.reduce((n, a) => n + (lines[a < 0 ? ~a : a]?.length ?? 0) - 1, 0) > 3);
put(kept.length);
for (const ring of kept) {
  put(ring.length);
  for (const arc of ring) put(arc);
}
writeFileSync(
  'directory/pages/tables/outlines.json',
  `${JSON.stringify({ step: STEP, data: Buffer.from(bytes).toString('base64') })}\n`,
);
process.stdout.write(
  `${lines.length} lines, ${lines.reduce((n, l) => n + l.length, 0)} points, ${kept.length} of ${rings.length} rings, ${bytes.length} bytes\n`,
);
