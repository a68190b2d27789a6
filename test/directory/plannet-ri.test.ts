// The reference implementation's data: counts by type, and every reference followed by _include.
import { createReadStream, existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ImportEntry } from '../../directory/resource/resource-import.ts';
import { lines } from '../../src/fhir/ndjson.ts';
import type { JsonObject, Resource } from '../../src/fhir/resource.ts';
import { forwardParameters } from '../../src/fhir/search/include.ts';
import { DIRECTORY_TYPES } from '../../src/fhir/search/types.ts';
import { body, directory, ids, keyOf } from './fixture.ts';

const folder = join(process.env['TEST_DATA_DIR'] ?? '/nowhere', 'data/plannet-ri-nppes');

/** The guide's own types; the data has no VerificationResults. */
const TYPES = DIRECTORY_TYPES.filter((type) => existsSync(join(folder, `${type}.ndjson`)));

async function* files(): AsyncGenerator<ImportEntry> {
  for (const type of TYPES)
    for await (const line of lines(createReadStream(join(folder, `${type}.ndjson`))))
      if ('text' in line) yield { source: type, line: line.number, text: line.text };
}

describe.skipIf(!existsSync(folder))('plannet-ri-nppes (needs TEST_DATA_DIR)', () => {
  let d: Awaited<ReturnType<typeof directory>>;
  const read = new Map<string, Resource>();
  beforeAll(async () => {
    d = await directory([]);
    for await (const entry of files())
      if ('text' in entry) {
        const r = JSON.parse(entry.text) as Resource;
        read.set(keyOf(r), r);
      }
    expect(await d.load(files())).toMatchObject({ read: 5215, created: 5215, rejected: 0, unresolved: { count: 0 } });
  });
  afterAll(() => d.close());

  test('eight types', () => expect(TYPES.length).toBe(8));

  test.each(TYPES)('%s: all are counted and all references lead to their targets', async (type) => {
    const mine = [...read].filter(([key]) => key.startsWith(`${type}/`));
    let next: string | undefined = `${type}?_count=150&_include=${type}:*`;
    const seen = new Set<string>();
    while (next !== undefined) {
      const bundle = await body(await d.get(next));
      expect(bundle.total).toBe(mine.length);
      const included = new Set([...ids(bundle, 'include'), ...ids(bundle, 'match')]);
      for (const key of ids(bundle, 'match')) {
        seen.add(key);
        const resource = read.get(key);
        for (const p of forwardParameters(type))
          for (const value of p.paths.flatMap((path) => path(resource ?? {}))) {
            const reference = (value as JsonObject)['reference'];
            if (typeof reference === 'string') expect(included.has(reference), `${key} ${p.code}`).toBe(true);
          }
      }
      next = bundle.link.find((l) => l.relation === 'next')?.url.split('/directory/fhir/')[1];
    }
    expect([...seen].sort()).toEqual(mine.map(([key]) => key).sort());
  });
});
