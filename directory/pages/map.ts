// A map drawn to scale as inline SVG: outlines of states, numbered places, the middle and circles around it, a bar of miles. It loads
// nothing from anywhere. Places that would lie on each other share one pin.
import { html, type Part, type Safe } from '../../src/ui/html.ts';
import type { Language } from './language.ts';
import { type Frame, land } from './outlines.ts';
import type { Position } from './records.ts';

const WIDTH = 360;
const HEIGHT = 330;
const MARGIN = 30;
const MILES_PER_DEGREE = 69.05;
const BARS = [0.25, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500];

export type Numbered = { number: number; at: Position };
export type Center = { at: Position; miles: number; name: string };

type Point = { x: number; y: number };
type Scale = { place(p: Position): Point; pixelsPerMile: number; frame: Frame };

/** Equirectangular around the middle: true to scale over the few hundred miles of a search. */
function scaleOf(places: readonly Numbered[], center: Center | undefined): Scale {
  const all = [...places.map((p) => p.at), ...(center ? [center.at] : [])];
  const latitudes = all.map((p) => p.latitude);
  const longitudes = all.map((p) => p.longitude);
  const middle = center?.at ?? {
    latitude: (Math.min(...latitudes) + Math.max(...latitudes)) / 2,
    longitude: (Math.min(...longitudes) + Math.max(...longitudes)) / 2,
  };
  const shrink = Math.cos((middle.latitude * Math.PI) / 180);
  const east = (p: Position) => (p.longitude - middle.longitude) * MILES_PER_DEGREE * shrink;
  const north = (p: Position) => (p.latitude - middle.latitude) * MILES_PER_DEGREE;
  const across = Math.max(0.4, ...all.map((p) => Math.abs(east(p))));
  const along = Math.max(0.4, ...all.map((p) => Math.abs(north(p))));
  const pixelsPerMile = Math.min((WIDTH / 2 - MARGIN) / across, (HEIGHT / 2 - MARGIN) / along);
  // a little more than the picture, so that its edge is not drawn as a coast
  const [wide, high] = [
    (WIDTH / 2 + 12) / pixelsPerMile / MILES_PER_DEGREE / shrink,
    (HEIGHT / 2 + 12) / pixelsPerMile / MILES_PER_DEGREE,
  ];
  return {
    pixelsPerMile,
    frame: {
      west: middle.longitude - wide,
      east: middle.longitude + wide,
      south: middle.latitude - high,
      north: middle.latitude + high,
    },
    place: (p) => ({ x: WIDTH / 2 + east(p) * pixelsPerMile, y: HEIGHT / 2 - north(p) * pixelsPerMile }),
  };
}

const round = (n: number) => Math.round(n * 10) / 10;

type Pin = Point & { numbers: number[] };

const widthOf = (pin: Pin): number => Math.max(24, 12 + ranges(pin.numbers).length * 7);

/** Do two pins cover each other? */
const covers = (a: Pin, b: Pin): boolean =>
  Math.abs(a.x - b.x) < Math.max(34, (widthOf(a) + widthOf(b)) / 2) && Math.abs(a.y - b.y) < 22;

/** Pins that would cover each other become one, at the place of the first; it is the wider for it, and may cover another. */
export function pinsOf(places: readonly (Point & { number: number })[]): Pin[] {
  let pins: Pin[] = places.map(({ number, x, y }) => ({ x, y, numbers: [number] }));
  for (let before = 0; before !== pins.length; ) {
    before = pins.length;
    const kept: Pin[] = [];
    for (const pin of pins) {
      const near = kept.find((other) => covers(other, pin));
      if (near) near.numbers.push(...pin.numbers);
      else kept.push(pin);
    }
    pins = kept;
  }
  return pins;
}

/** `1–3, 7` */
function ranges(numbers: readonly number[]): string {
  const sorted = [...new Set(numbers)].sort((a, b) => a - b);
  const parts: string[] = [];
  for (let i = 0; i < sorted.length; ) {
    let to = i;
    while (sorted[to + 1] === (sorted[to] ?? 0) + 1) to++;
    parts.push(to === i ? String(sorted[i]) : `${sorted[i]}${to === i + 1 ? ', ' : '–'}${sorted[to]}`);
    i = to + 1;
  }
  return parts.length > 4 ? `${parts.slice(0, 3).join(', ')} …` : parts.join(', ');
}

export function map(l: Language, places: readonly Numbered[], center: Center | undefined): Safe | undefined {
  if (places.length === 0) return undefined;
  const t = l.texts.find;
  const scale = scaleOf(places, center);
  const pins = pinsOf(places.map((p) => ({ number: p.number, ...scale.place(p.at) })));
  const outline = land(scale.frame, (longitude, latitude) => scale.place({ longitude, latitude }));
  return html`<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${t.mapText(places.length, l.number(places.length))}">
${outline === '' ? '' : html`<path class="land" d="${outline}"/>`}
${center ? centerMark(l, scale, center, [...pins.map(boxOf), barBox(l, scale)]) : ''}
${pins.map(pinMark)}
${bar(l, scale)}
</svg>`;
}

type Box = { left: number; top: number; width: number; height: number };

/** Nothing of a small letter is wider. */
const LETTER = 6.5;
const LINE = 12;

/** The first of these places, each the left end of a line of text, at which the text is whole and covers nothing that is there. */
function free(text: string, places: readonly Point[], taken: readonly Box[]): Point | undefined {
  const width = text.length * LETTER;
  return places.find(({ x, y }) => {
    const top = y - LINE + 2;
    return (
      x >= 2 &&
      x + width <= WIDTH - 2 &&
      top >= 2 &&
      y <= HEIGHT - 4 &&
      taken.every((b) => x >= b.left + b.width || b.left >= x + width || top >= b.top + b.height || b.top >= top + LINE)
    );
  });
}

/** The middle with its name, and circles around it with theirs; names stand where no pin covers them, and those of circles else nowhere. */
function centerMark(l: Language, scale: Scale, center: Center, taken: readonly Box[]): Part {
  const { x, y } = scale.place(center.at);
  const radius = center.miles * scale.pixelsPerMile;
  const half = (center.name.length * LETTER) / 2;
  const usual = { x: x + 10, y: y + 16 };
  const beside = [x + 10, x - 10 - 2 * half].flatMap((left) => [16, -8].map((down) => ({ x: left, y: y + down })));
  const apart = [28, -18, 42, -32, 56, -46, 70, -60, 84, -74].map((down) => ({ x: x - half, y: y + down }));
  const at = free(center.name, [...beside, ...apart], taken) ?? usual;
  const named: Box = { left: at.x, top: at.y - LINE + 2, width: 2 * half, height: LINE };
  const rings = ringsOf(scale, radius).map((miles) => {
    const r = miles * scale.pixelsPerMile;
    const text = milesOf(l, miles);
    const wide = text.length * LETTER;
    const where = free(
      text,
      [
        { x: x - wide / 2, y: y - r + 12 },
        { x: x - wide / 2, y: y + r - 4 },
        { x: x + r + 3, y: y + 4 },
        { x: x - r - 3 - wide, y: y + 4 },
      ],
      [...taken, named],
    );
    return html`<circle class="near" cx="${round(x)}" cy="${round(y)}" r="${round(r)}"/>${where === undefined ? '' : html`<text class="small middle" x="${round(where.x + wide / 2)}" y="${round(where.y)}">${text}</text>`}`;
  });
  return html`${rings}${radius < WIDTH ? html`<circle class="ring" cx="${round(x)}" cy="${round(y)}" r="${round(radius)}"/>` : ''}<path class="cross" d="M${round(x - 8)} ${round(y)}h16M${round(x)} ${round(y - 8)}v16"/><text class="small" x="${round(at.x)}" y="${round(at.y)}">${center.name}</text>`;
}

/** At most three circles that help to judge distances, in round miles: the largest as large as fits, within the circle asked for. */
function ringsOf(scale: Scale, limit: number): number[] {
  const most = Math.min(HEIGHT / 2 - 6, limit - 12) / scale.pixelsPerMile;
  const step = BARS.find((miles) => most / miles < 4) ?? most;
  return Array.from({ length: Math.floor(most / step) }, (_, i) => (i + 1) * step);
}

const milesOf = (l: Language, miles: number): string =>
  l.texts.form.miles(l.number(miles, String(miles).split('.')[1]?.length ?? 0));

/** Where a pin is drawn: within the picture. */
function boxOf(pin: Pin): Box {
  const width = widthOf(pin);
  const x = Math.min(Math.max(pin.x, width / 2 + 2), WIDTH - width / 2 - 2);
  const y = Math.min(Math.max(pin.y, 14), HEIGHT - 14);
  return { left: x - width / 2, top: y - 12, width, height: 24 };
}

function pinMark(pin: Pin): Safe {
  const { left, top, width, height } = boxOf(pin);
  return html`<rect class="dot" x="${round(left)}" y="${round(top)}" width="${round(width)}" height="${height}" rx="12"/><text class="number" x="${round(left + width / 2)}" y="${round(top + 16.5)}">${ranges(pin.numbers)}</text>`;
}

const barOf = (scale: Scale): number => [...BARS].reverse().find((m) => m * scale.pixelsPerMile <= 110) ?? 0.25;

function barBox(l: Language, scale: Scale): Box {
  const miles = barOf(scale);
  const width = 20 + miles * scale.pixelsPerMile + milesOf(l, miles).length * LETTER;
  return { left: 0, top: HEIGHT - 20, width, height: 20 };
}

function bar(l: Language, scale: Scale): Safe {
  const miles = barOf(scale);
  const length = round(miles * scale.pixelsPerMile);
  return html`<path d="M14 ${HEIGHT - 14}v5h${length}v-5" fill="none" stroke="currentColor" stroke-width="1.5"/><text class="small" x="${round(20 + length)}" y="${HEIGHT - 8}">${milesOf(l, miles)}</text>`;
}
