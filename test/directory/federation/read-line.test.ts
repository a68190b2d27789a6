// Lines of peers' files, read by this thread and by one beside it: the same rows, whoever reads.
import { createHash } from 'node:crypto';
import { afterAll, expect, test } from 'vitest';
import { lineReader } from '../../../directory/federation/harvest/line-reader.ts';
import { hashesIn, lineHash, readLine } from '../../../directory/federation/harvest/read-line.ts';
import { textHash } from '../../../directory/federation/text-hash.ts';
import type { Threads } from '../../../src/deps.ts';
import { type Block, linesIn } from '../../../src/fhir/ndjson.ts';
import { nodeThreads } from '../../../src/runtime/node-threads.ts';

const LINES = new URL('../../../directory/federation/harvest/line-thread.ts', import.meta.url);
const two = nodeThreads({ units: LINES, lines: LINES }, 3);
if (!two) throw new Error('no threads');
const opened: ReturnType<Threads['open']> = [];
const counted: Threads = {
  open: (name) => {
    const threads = two.open(name);
    opened.push(...threads);
    return threads;
  },
};
afterAll(() => {
  for (const thread of opened) thread.close();
});

const reading = {
  run: '7',
  peer: 'oak',
  context: {
    slug: 'oak',
    ours: [],
    direct: [],
    hopLimit: 3,
    unmarkedNpi: false,
    now: new Date('2027-01-01T00:00:00Z'),
  },
};
const organization = (id: string) =>
  JSON.stringify({
    resourceType: 'Organization',
    id,
    meta: { lastUpdated: '2026-12-01T00:00:00Z' },
    identifier: [{ system: 'http://hl7.org/fhir/sid/us-npi', value: '1234567890' }],
    name: 'Grüne Küste',
  });
const texts = [
  organization('a'),
  '{"resourceType":"Location","id":"elsewhere"}',
  '{"cut":',
  '{"resourceType":"Organization"}',
  organization('b'),
];
test('a number that the database cannot read is damage, the same text in a string is none', () => {
  const damaged = (value: string) => {
    const counts: string[] = [];
    const text = organization('a').replace('"name":', `"extension":[{"url":"https://oak.example/x",${value}}],"name":`);
    const row = readLine({ type: 'Organization', text, hash: lineHash(text), seq: 1 }, reading, (name) =>
      counts.push(name),
    );
    return [row === undefined, counts.includes('damaged')];
  };
  for (const number of ['1e-200000', '-1E+99999', `0.${'1'.repeat(20_000)}`, '9'.repeat(70)])
    expect(damaged(`"valueDecimal":${number}`)).toEqual([true, true]);
  for (const value of [
    '"valueString":"4e123-1e-200000"',
    `"valueString":"${'1'.repeat(70)}"`,
    '"valueDecimal":1.50e-10',
  ])
    expect(damaged(value)).toEqual([false, false]);
});

const block = (content: string | Uint8Array, number = 2): Block => {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : new Uint8Array(content);
  return { number, lines: bytes.filter((b) => b === 10).length + 1, bytes };
};
const unread = (unknown: number[]) => ({
  type: 'Organization' as const,
  block: block(texts.join('\n')),
  unknown,
  hashes: hashesIn(block(texts.join('\n'))).hashes,
  seq: 100,
  ids: [
    { first: 41n, count: 1 },
    { first: 90n, count: 9 },
  ],
});
const bytesOf = (parts: readonly Uint8Array[]) => Buffer.concat(parts).toString('latin1');

test('a thread gives the rows and the counts that this thread gives; only what is not known is read', async () => {
  const alone = await lineReader(undefined, reading).read(unread([0, 1, 2, 3, 4]));
  expect(alone.counts).toEqual({ staged: 2, 'wrong-type': 1, damaged: 2, 'npi-style-1': 2 });
  const beside = lineReader(counted, reading, 0);
  const { block: back, hashes, faults } = await beside.hash(block(texts.join('\n')));
  expect([opened.length, Buffer.from(back.bytes).toString(), faults]).toEqual([2, texts.join('\n'), 0]);
  expect([...hashes]).toEqual(texts.map((t) => lineHash(t)));
  const many = await Promise.all(Array.from({ length: 12 }, () => beside.read(unread([0, 1, 2, 3, 4]))));
  for (const one of many) {
    expect(one.counts).toEqual(alone.counts);
    expect([bytesOf(one.rows.facts), bytesOf(one.rows.texts)]).toEqual([
      bytesOf(alone.rows.facts),
      bytesOf(alone.rows.texts),
    ]);
  }
  const last = await beside.read(unread([4]));
  expect([last.rows.count, last.counts]).toEqual([1, { staged: 1, 'npi-style-1': 1 }]);
  expect(bytesOf(last.rows.texts)).toContain('"id":"b"');
  expect(bytesOf(last.rows.texts)).not.toContain('"id":"a"');
});

test('few lines open no thread', async () => {
  const before = opened.length;
  await lineReader(counted, reading, 10).hash(block(texts.join('\n')));
  expect(opened.length).toBe(before);
});

test.each([
  ['plain lines', '{"a":1}\n{"b":"ü"}\n', 2],
  ['the end of a line cut off', '{"a":1}\n{"b":2}', 2],
  ['CR before LF', '{"a":1}\r\n{"b":2}\r\n', 2],
  ['blank lines', '{"a":1}\n\n \r\n{"b":2}\n', 2],
  ['spaces before', '{"a":1}\n  {"b":2}\n', 2],
  ['a mark of byte order', '\ufeff{"a":1}\n{"b":2}\n', 1],
  ['a line that is not UTF-8', Buffer.from('{"a":1}\n{"b":"\xff"}\n{"c":3}\n', 'latin1'), 2],
])('the hashes of a block are those of its lines: %s', (_, content, number) => {
  const lines = [...linesIn(block(content, number))];
  const { hashes, faults } = hashesIn(block(content, number));
  expect([...hashes]).toEqual(lines.flatMap((l) => ('text' in l ? [lineHash(l.text)] : [])));
  expect(faults).toBe(lines.filter((l) => 'fault' in l).length);
});

test.each(['', 'a', 'Grüne Küste 漢', 'x'.repeat(5000)])(
  '64 bits of a text are stored, so they stay what they are: %#',
  (text) => {
    const expected = createHash('sha1').update(text).digest().readBigInt64LE(0);
    expect(textHash(text)).toBe(expected);
    expect(textHash(new TextEncoder().encode(text))).toBe(expected);
  },
);
