import fc from 'fast-check';
import { expect, test } from 'vitest';
import { blocks, lines, linesIn } from '../../src/fhir/ndjson.ts';

async function* cut(bytes: Uint8Array, sizes: number[]): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (let i = 0; at < bytes.length; i++) {
    const size = Math.max(1, sizes[i % Math.max(1, sizes.length)] ?? 1);
    // a reused buffer, as streams may hand out
    yield bytes.slice(at, at + size);
    at += size;
  }
}
const all = async (bytes: Uint8Array, sizes: number[], max?: number) => {
  const out = [];
  for await (const line of lines(cut(bytes, sizes), max)) out.push(line);
  return out;
};

test('any cutting of the bytes gives the same lines', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ unit: 'grapheme' }).map((s) => s.replace(/[\r\n\ufeff]/g, ''))),
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
      async (texts, sizes) => {
        const bytes = new TextEncoder().encode(texts.join('\n'));
        const expected = texts.map((text, i) => ({ number: i + 1, text })).filter((l) => l.text.trim() !== '');
        expect(await all(bytes, sizes)).toEqual(expected);
      },
    ),
  );
});

test('BOM, CRLF, blank lines and a missing last newline', async () => {
  const bytes = new TextEncoder().encode('\ufeff{"a":1}\r\n\r\n  \n{"b":"é😀"}');
  expect(await all(bytes, [1])).toEqual([
    { number: 1, text: '{"a":1}' },
    { number: 4, text: '{"b":"é😀"}' },
  ]);
});

test('a line that is too large or not UTF-8 is reported and the next one is read', async () => {
  const bytes = Buffer.concat([
    Buffer.from('x'.repeat(50)),
    Buffer.from('\n'),
    Buffer.from([0x22, 0xff, 0x22]),
    Buffer.from('\nok\n'),
  ]);
  expect(await all(bytes, [7], 20)).toEqual([
    { number: 1, fault: 'too-large', bytes: 50 },
    { number: 2, fault: 'not-utf8', bytes: 3 },
    { number: 3, text: 'ok' },
  ]);
});

test.each([500_000, 50_000])(
  'blocks from %i bytes on hold whole lines, may be taken away, and pass over a line of any length',
  async (first) => {
    const texts = Array.from({ length: 40 }, (_, i) => `${i}${'y'.repeat(i === 20 ? 900_000 : 30_000)}`);
    const bytes = new TextEncoder().encode(texts.join('\n'));
    const seen = [];
    const sizes: number[] = [];
    for await (const block of blocks(cut(bytes, [70_001]), 500_000, 500_000, first)) {
      sizes.push(block.bytes.length);
      const mine = structuredClone(block, { transfer: [block.bytes.buffer] });
      for (const line of linesIn(mine, 500_000)) seen.push([line.number, 'text' in line ? line.text : line.fault]);
    }
    expect(seen).toEqual(texts.map((t, i) => [i + 1, i === 20 ? 'too-large' : t]));
    expect(sizes[0]).toBeLessThan(first + 70_001);
    expect(Math.max(...sizes)).toBeGreaterThan(400_000);
  },
);
