// Blocks read by threads beside this one, and by this one: the same rows, anyone who reads.
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { candidatesIn, lineHash } from '../../../exchange/reconcile/known-lines.ts';
import { NOTHING, type StagedTo, stageBlocks } from '../../../exchange/reconcile/stage.ts';
import { readingThreads } from '../../../exchange/reconcile/unit-reader.ts';
import type { StagedRows } from '../../../exchange/records/staging.ts';
import type { Thread } from '../../../src/deps.ts';
import type { Block } from '../../../src/fhir/ndjson.ts';
import { nodeThreads } from '../../../src/runtime/node-threads.ts';
import { threads } from '../../../src/runtime/threads.ts';
import { lab } from './reconcile-pull.ts';

const reading = {
  work: 'w',
  context: {
    peerId: 'prior',
    peerBase: 'https://prior.example/fhir',
    ourBase: 'https://ours.example/fhir',
    ourNpi: null,
    members: new Map([['p1', { memberId: 'm1', policy: 'regular', withdrawn: false as const }]]),
    windowStart: '2020-01-01',
    latest: '2027-01-01',
  },
};
const LINES = 12_000;
const text = ['{', ...Array.from({ length: 9 }, (_, i) => JSON.stringify(lab(`o${i}`))), 'ü'].join('\n');
const block = (number = 1): Block => ({
  number,
  lines: 11,
  bytes: new TextEncoder().encode(`${text}\n`),
});
const shown = (rows: StagedRows) => [
  rows.units,
  Buffer.concat(rows.facts).toString('latin1'),
  Buffer.concat(rows.texts).toString('latin1'),
];

/** Numbers of the lines in rows of the binary format of COPY: the third field. */
function lineNumbers(rows: Pick<StagedRows, 'facts'>): number[] {
  const bytes = Buffer.concat(rows.facts);
  const numbers: number[] = [];
  for (let at = 0; at < bytes.length; ) {
    const fields = bytes.readInt16BE(at);
    at += 2;
    for (let i = 0; i < fields; i++) {
      const length = bytes.readInt32BE(at);
      if (i === 2) numbers.push(bytes.readInt32BE(at + 4));
      at += 4 + Math.max(0, length);
    }
  }
  return numbers;
}

/** Two threads, also on a machine with one core. */
const two = { open: () => [0, 1].flatMap(() => (threads() ?? nodeThreads(FILES, 2))?.open('units').slice(0, 1) ?? []) };
const UNITS = new URL('../../../exchange/reconcile/unit-thread.ts', import.meta.url);
const FILES = { units: UNITS, lines: UNITS };

let beside: ReturnType<typeof readingThreads>;
beforeAll(() => {
  beside = readingThreads(two, LINES);
});
afterAll(() => beside.close());

test('threads give the rows that this thread gives, for more blocks than they hold', async () => {
  const alone = readingThreads(undefined, LINES).readerOf(reading);
  const reader = beside.readerOf(reading);
  const one = shown(await alone.read(3, block(), [2]));
  expect(one[0]).toBe(10);
  const many = await Promise.all(Array.from({ length: 12 }, () => reader.read(3, block(), [2])));
  expect(many.map(shown)).toEqual(Array.from({ length: 12 }, () => one));
});

test('memory of rows that have gone out is written in again, and never before', async () => {
  const lines = (from: number, count: number) =>
    Array.from({ length: count }, (_, i) => JSON.stringify(lab(`o${from + i}`)));
  const filled = (into: ReturnType<typeof beside.readerOf>, from: number): Block => {
    const bytes = new TextEncoder().encode(`${lines(from, 400).join('\n')}\n`);
    const piece = into.memory(bytes.length).subarray(0, bytes.length);
    piece.set(bytes);
    return { number: 1, lines: 400, bytes: piece };
  };
  const alone = readingThreads(undefined, LINES).readerOf(reading);
  const fresh = async (from: number) =>
    shown(await readingThreads(undefined, LINES).readerOf(reading).read(3, filled(alone, from), []));
  const expected = await Promise.all([0, 1000, 2000, 3000].map(fresh));
  for (const reader of [alone, beside.readerOf(reading)]) {
    const kept = await reader.read(3, filled(reader, 0), []);
    for (const [i, from] of [1000, 2000, 3000].entries()) {
      const rows = await reader.read(3, filled(reader, from), []);
      expect(shown(rows)).toEqual(expected[i + 1]);
      reader.done([...rows.facts, ...rows.texts]);
    }
    expect(shown(kept)).toEqual(expected[0]);
  }
  const rows = await alone.read(3, filled(alone, 0), []);
  const used = new Set([...rows.facts, ...rows.texts].map((c) => c.buffer));
  alone.done([...rows.facts, ...rows.texts]);
  expect(used.has(alone.memory(1000).buffer as ArrayBuffer)).toBe(true);
});

test('a block comes back with the lines that may be known', async () => {
  const found = await beside.readerOf(reading).candidates(block(5), 0);
  expect([found.count, found.lines.numbers[0], found.lines.sourceIds.split(',')[0]]).toEqual([11, 6, 'o0']);
  expect(Buffer.from(found.block.bytes).toString()).toBe(`${text}\n`);
});

test('a line is known by its bytes as by its text, wherever it stands and however it ends', () => {
  const line = (id: string, more = '') => `{"resourceType":"Observation","id":"${id}"${more}}`;
  const texts = [
    line('a'),
    line('b', ',"note":"é𝒳"'),
    '',
    '  ',
    'no json',
    line('c', `,"x":"${'y'.repeat(70_000)}"`),
    ' {"id":"d"}',
    line('null'),
  ];
  const bytes = Buffer.from(`\ufeff${texts.map((t, i) => (i % 2 ? `${t}\r` : t)).join('\n')}`);
  const found = candidatesIn({ number: 1, bytes: new Uint8Array(bytes), lines: texts.length });
  expect(found.count).toBe(6);
  expect(found.lines).toEqual({
    numbers: [1, 2, 6, 8],
    types: 'Observation,Observation,Observation,Observation',
    sourceIds: 'a,b,c,null',
    hashes: [0, 1, 5, 7].map((i) => lineHash(texts[i] ?? '')).join(),
  });
  expect(candidatesIn({ number: 1, bytes: new Uint8Array(bytes), lines: texts.length }, 2)).toMatchObject({
    count: 4,
    lines: { numbers: [6, 8] },
  });
  // a line that is no UTF-8 takes nothing from the others
  const broken = new Uint8Array(
    Buffer.concat([Buffer.from(`${line('a')}\n`), Buffer.from([123, 255, 10]), Buffer.from(line('b'))]),
  );
  expect(candidatesIn({ number: 4, bytes: broken, lines: 3 })).toMatchObject({
    count: 3,
    lines: { numbers: [4, 6], hashes: [lineHash(line('a')), lineHash(line('b'))].join() },
  });
});

test('a small pull opens no thread, one core has none', () => {
  const none = () => {
    throw new Error('opened');
  };
  expect(() => readingThreads({ open: none }, 10)).not.toThrow();
  expect(() => readingThreads({ open: none }, LINES)).toThrow('opened');
  expect(nodeThreads(FILES, 1)).toBeUndefined();
  expect(nodeThreads({ ...FILES, units: new URL('file:///nowhere.ts') }, 4)).toBeUndefined();
});

test('what a thread cannot answer is reported, and one that dies fails what waits for it', async () => {
  const [thread] = (nodeThreads(FILES, 2)?.open('units') ?? []) as [Thread];
  await expect(thread.ask({ kind: 'read', file: 1, block: block(), known: [] }, [])).rejects.toThrow('a thread failed');
  const waiting = thread.ask({ kind: 'begin', reading }, []);
  thread.close();
  await expect(waiting.then(() => thread.ask({ kind: 'begin', reading }, []))).rejects.toThrow('a thread ended');
});

test('a thread that is closed is lent again for a while, one that was at work is not', async () => {
  const threads = nodeThreads(FILES, 2, 300);
  const open = () => (threads?.open('units') ?? []) as [Thread];
  const read = (thread: Thread) => thread.ask({ kind: 'read', file: 1, block: block(), known: [] }, []);
  const [first] = open();
  await first.ask({ kind: 'begin', reading }, []);
  first.close();
  await expect(read(first)).rejects.toThrow('a thread ended');
  // it knows what it was reported before
  const [again] = open();
  await expect(read(again)).resolves.toMatchObject({ units: 11 });
  const waiting = again.ask({ kind: 'begin', reading }, []);
  again.close();
  await waiting.catch(() => {});
  const [other] = open();
  await expect(read(other)).rejects.toThrow('a thread failed');
  await other.ask({ kind: 'begin', reading }, []);
  other.close();
  await new Promise((done) => setTimeout(done, 600));
  const [late] = open();
  await expect(read(late)).rejects.toThrow('a thread failed');
  late.close();
});

test('long lines are on their way one at a time, and few of them stay together: what is held, and lost, is bounded', async () => {
  const most = async (length: number, count: number, expected: number) => {
    let [now, peak] = [0, 0];
    const reader = {
      candidates: () => Promise.reject(new Error('not asked')),
      read: async () => {
        peak = Math.max(peak, ++now);
        // on a busy machine the next ones come late
        for (let i = 0; i < 100 && (i === 0 || peak < expected); i++) await new Promise((done) => setTimeout(done, 60));
        now--;
        return { units: 1, facts: [], texts: [] };
      },
      memory: (bytes: number) => new Uint8Array(bytes),
      done: () => {},
    };
    const packed = gzipSync(`${'x'.repeat(length)}\n`.repeat(count));
    const blobs = { get: async () => Readable.from([packed]) };
    const into = { write: async () => {}, end: async () => {} };
    const file = { position: 0, blobKey: 'f' };
    const stay: number[] = [];
    const stays = async (to: StagedTo) => void stay.push(to.line);
    const units = await stageBlocks({ blobs } as never, file as never, reader, () => into, undefined, NOTHING, stays);
    return { peak, units, stay };
  };
  expect(await most(5_000_000, 5, 1)).toEqual({ peak: 1, units: 5, stay: [4] });
  expect((await most(100_000, 40, 4)).peak).toBe(4);
});

test('a long file whose reader dies goes on after its last whole range, and every line is there once', async () => {
  // the second reading comes in other pieces, so that its blocks begin elsewhere
  const total = 65_000;
  const packed = gzipSync(
    Array.from({ length: total }, (_, i) => (i % 10 === 3 ? '' : `{${'x'.repeat(i % 97)}`)).join('\n'),
  );
  const pieces = (size: number) =>
    Array.from({ length: Math.ceil(packed.length / size) }, (_, i) => packed.subarray(i * size, (i + 1) * size));
  const reader = readingThreads(undefined, 0).readerOf(reading);
  let kept: number[] = [];
  const lost: number[] = [];
  const stage = async (size: number, from: StagedTo, stays: (at: StagedTo) => Promise<void>) => {
    let held: number[] = [];
    const open = () => ({
      write: async (rows: StagedRows) => void held.push(...lineNumbers(rows)),
      end: async () => {
        kept.push(...held);
        held = [];
      },
    });
    const blobs = { get: async () => Readable.from(pieces(size)) };
    return stageBlocks(
      { blobs } as never,
      { position: 0, blobKey: 'f' } as never,
      reader,
      open,
      undefined,
      from,
      stays,
    );
  };
  let at = NOTHING;
  const dying = stage(1000, NOTHING, async (to) => {
    if (at.line > 0) throw new Error('killed');
    at = to;
  });
  await expect(dying).rejects.toThrow('killed');
  lost.push(...kept.filter((line) => line > at.line));
  expect([at.line >= 20_000, lost.length > 0]).toEqual([true, true]);
  kept = kept.filter((line) => line <= at.line);
  expect(kept).toHaveLength(at.units);
  expect(await stage(777, at, async () => {})).toBe(total * 0.9);
  expect(kept.sort((a, b) => a - b)).toEqual(
    Array.from({ length: total }, (_, i) => i + 1).filter((n) => n % 10 !== 4),
  );
});
