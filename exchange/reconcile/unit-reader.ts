// Who reads the blocks of a pull: others beside this thread where the process has them and the pull is worth it, else this one. It has
// enough to do with what comes and goes, and code that two threads run is compiled twice.
// Reading is most of what a pull costs this process, and needs nothing but the line and a few facts about the pull.

import { type Pieces, pieces } from '../../src/chunks.ts';
import type { Threads } from '../../src/deps.ts';
import type { Block } from '../../src/fhir/ndjson.ts';
import { validate } from '../../src/fhir/validate/validate.ts';
import { sharedOut } from '../../src/worker-pool.ts';
import type { StagedRows } from '../records/staging.ts';
import { type CandidateLines, candidatesIn } from './known-lines.ts';
import { readBlock } from './read-block.ts';
import type { UnitContext } from './read-unit.ts';

/** What a thread knows of a pull. */
export type Reading = { work: string; context: Omit<UnitContext, 'validate'> };
/** `spare`: pieces of memory that go along, for the rows. */
export type Asked =
  | { kind: 'begin'; reading: Reading }
  | { kind: 'candidates'; block: Block; after: number }
  | { kind: 'read'; file: number; block: Block; known: readonly number[]; spare?: ArrayBuffer[] };
export type Candidates = { block: Block; lines: CandidateLines; count: number };

export type UnitReader = {
  /** Lines after that of a number that may be known. The block that went in is used up: go on with the one that comes back. */
  candidates(block: Block, after: number): Promise<Candidates>;
  /** The units of a block as rows, without the lines that are known. The block is used up. */
  read(file: number, block: Block, known: readonly number[]): Promise<StagedRows>;
  /** Memory for a block, with anything in it. */
  memory(bytes: number): Uint8Array<ArrayBuffer>;
  /** Takes back the memory of rows that have gone out, or of a block that needs no reading. */
  done(used: readonly Uint8Array<ArrayBuffer>[]): void;
};

/**
 * Answers one question, in whichever thread.
 * @param memory of that thread: rows are written in it, and the block is its own afterwards
 */
export function answer(
  asked: Exclude<Asked, { kind: 'begin' }>,
  reading: Reading,
  memory: Pieces,
): Candidates | StagedRows {
  if (asked.kind === 'candidates') return { block: asked.block, ...candidatesIn(asked.block, asked.after) };
  for (const piece of asked.spare ?? []) memory.give(piece);
  const context = { ...reading.context, validate };
  const rows = readBlock(reading.work, asked.file, asked.block, asked.known, context, () => memory.take());
  memory.give(asked.block.bytes.buffer);
  return rows;
}

/** Rows of a block take two pieces, mostly, of which the block itself is one. */
const SPARE = 1;

/** Threads for the reading of one pull. */
export type ReadingThreads = { readerOf(reading: Reading): UnitReader; close(): void };

/**
 * @param lines of the pull: few are read sooner than a thread starts
 */
export function readingThreads(threads: Threads | undefined, lines: number): ReadingThreads {
  // how many blocks are on their way is bounded where they are handed out
  const beside = sharedOut(lines >= WORTH_A_THREAD ? threads : undefined, 'units', Number.POSITIVE_INFINITY);
  const memory = pieces();
  const ask = async <T>(asked: Exclude<Asked, { kind: 'begin' }>, reading: Reading): Promise<T> => {
    const spare = asked.kind === 'read' ? memory.spare(SPARE) : [];
    const answered = beside.ask({ ...asked, spare }, [asked.block.bytes.buffer, ...spare]);
    if (answered) return (await answered) as T;
    for (const piece of spare) memory.give(piece);
    // everything that waits for this thread comes first: answers of others, and what the database takes
    await new Promise((done) => setImmediate(done));
    return answer(asked, reading, memory) as T;
  };
  return {
    readerOf(reading) {
      beside.tell({ kind: 'begin', reading } satisfies Asked);
      return {
        candidates: (block, after) => ask<Candidates>({ kind: 'candidates', block, after }, reading),
        read: (file, block, known) => ask<StagedRows>({ kind: 'read', file, block, known }, reading),
        memory: (bytes) => memory.take(bytes),
        done: (used) => {
          for (const { buffer } of used) memory.give(buffer);
        },
      };
    },
    close: () => beside.close(),
  };
}

/** Lines of a pull from which on further threads read. */
const WORTH_A_THREAD = 8000;
