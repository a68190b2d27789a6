// Generated resources as lines of input, made as they are read.

import type { ImportEntry } from '../directory/resource/resource-import.ts';
import { PLAN_NET } from '../src/fhir/search/types.ts';
import { directoryResources } from '../src/seed/index.ts';
import { inventedNpi } from '../src/seed/npi.ts';

export const SEED = 20_270_101;

export type Counted = { bytes: number; entries: Iterable<ImportEntry> };

/** Few enough that ten thousand have a page of roles of each. */
const SPECIALTIES = 200;
const NETWORKS = 200;
const profile = (type: string) => `"meta":{"profile":["${PLAN_NET}/StructureDefinition/plannet-${type}"]}`;

/** A name for a number: as many as there are, a few hundred people of each family name in ten million. */
const named = (n: number, length: number): string => {
  let text = '';
  for (let i = 0, rest = n; i < length; i++, rest = Math.floor(rest / 16))
    text += 'bacdefigohjuklmn'[(rest + i * 7) % 16];
  return text;
};

/** People and their roles and nothing else, of a few lines each: what ten million of cost no more than a disk has. */
function* compactLines(size: number): Generator<string> {
  const people = Math.ceil(size / 2);
  for (let i = 0; i < people; i++)
    yield `{"resourceType":"Practitioner","id":"p${i}",${profile('Practitioner')},"identifier":[{"system":"http://hl7.org/fhir/sid/us-npi","value":"${inventedNpi('practitioner', SEED, i)}"}],"active":true,"name":[{"family":"${named((i * 7919) % 32_749, 4)}","given":["${named((i * 31) % 4093, 3)}"]}]}`;
  for (let i = 0; i < size - people; i++)
    yield `{"resourceType":"PractitionerRole","id":"r${i}",${profile('PractitionerRole')},"extension":[{"url":"${PLAN_NET}/StructureDefinition/network-reference","valueReference":{"reference":"Organization/n${i % NETWORKS}"}}],"active":true,"practitioner":{"reference":"Practitioner/p${i}"},"specialty":[{"coding":[{"system":"http://nucc.org/provider-taxonomy","code":"${200 + ((i * 37) % SPECIALTIES)}X00000X"}]}]}`;
}

/** The same of {@link compactLines}. */
export const compact = (size: number): Counted => counting(compactLines(size));

/** `size` resources as import entries; `bytes` grows to the size of the same as NDJSON. */
export const generated = (size: number): Counted => counting(lines(size));

function* lines(size: number): Generator<string> {
  for (const resource of directoryResources({ seed: SEED, resources: size })) yield JSON.stringify(resource);
}

function counting(texts: Iterable<string>): Counted {
  const counted: Counted = { bytes: 0, entries: [] };
  counted.entries = (function* () {
    let line = 0;
    for (const text of texts) {
      counted.bytes += Buffer.byteLength(text) + 1;
      yield { source: 'generated', line: ++line, text };
    }
  })();
  return counted;
}
