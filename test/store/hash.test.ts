import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hashed, hashKey, hashText } from '../../src/db/hash.ts';
import { referenceToken, tokenOfReference } from '../../src/db/reference-token.ts';
import { freshDb } from '../support/db.ts';

const value = () => String((BigInt(hashed.hi) << 32n) | BigInt(hashed.lo >>> 0));

test('hashes are those of PostgreSQL, for any text and seed', async () => {
  const db = await freshDb();
  try {
    const text = fc.string({ unit: 'grapheme', maxLength: 60 }).filter((t) => !t.includes('\0'));
    const cases = fc.sample(fc.tuple(text, fc.constantFrom(0, 1, 803, 20_803)), { numRuns: 2000, seed: 7 });
    for (let length = 0; length < 40; length++) cases.push(['x'.repeat(length), 803]);
    cases.push(['é'.repeat(5000), 0]);
    const theirs = await db.sql.unsafe<{ t: string; k: string }[]>(
      `select hashtextextended(t, s)::text as t, hashint8extended(hashtextextended(t, s), s)::text as k
       from jsonb_array_elements($1::text::jsonb) with ordinality e(v, n), lateral (select v->>0 as t, (v->>1)::int as s) x order by n`,
      [JSON.stringify(cases)],
    );
    expect(theirs.length).toBe(cases.length);
    cases.forEach(([text, seed], i) => {
      hashText(text, seed);
      expect([text, value()]).toEqual([text, theirs[i]?.t]);
      hashKey(hashed.hi, hashed.lo, seed);
      expect([text, value()]).toEqual([text, theirs[i]?.k]);
    });
    const [target] = await db.sql.unsafe<{ k: string }[]>(
      `select ${referenceToken(`hashtextextended('Practitioner/p1', 0)`, 806)}::text as k`,
    );
    hashText('Practitioner/p1', 0);
    tokenOfReference(hashed.hi, hashed.lo, 806);
    expect(value()).toBe(target?.k);
  } finally {
    await db.close();
  }
});
