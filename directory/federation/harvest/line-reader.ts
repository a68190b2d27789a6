// Who reads the blocks of a peer's files: a thread beside this one, where the process has one and the run is worth it.
import type { Threads } from '../../../src/deps.ts';
import type { Block } from '../../../src/fhir/ndjson.ts';
import type { DirectoryType } from '../../../src/fhir/search/types.ts';
import { sharedOut } from '../../../src/worker-pool.ts';
import { hashesIn, type ReadBlock, type Reading, readBlock } from './read-line.ts';
import type { Ids } from './stage-rows.ts';

type Unread = {
  type: DirectoryType;
  block: Block;
  unknown: readonly number[];
  hashes: BigInt64Array<ArrayBuffer>;
  seq: number;
  ids: readonly Ids[];
};
export type Asked =
  | { kind: 'begin'; reading: Reading }
  | { kind: 'hash'; block: Block }
  | { kind: 'read'; unread: Unread };
/** The block that went in is used up: go on with the one that comes back. */
export type Hashed = { block: Block; hashes: BigInt64Array<ArrayBuffer>; faults: number };

/** Answers one question, in whichever thread. */
export function answer(asked: Exclude<Asked, { kind: 'begin' }>, reading: Reading): Hashed | ReadBlock {
  return asked.kind === 'hash' ? { block: asked.block, ...hashesIn(asked.block) } : readBlock(asked.unread, reading);
}

/** Lines of a run after which a thread is opened: fewer are read sooner than it starts and has compiled what it runs. */
const WORTH_A_THREAD = 20_000;

export type LineReader = {
  hash(block: Block): Promise<Hashed>;
  read(unread: Unread): Promise<ReadBlock>;
  close(): void;
};

/** @param worth lines after which others read too */
export function lineReader(threads: Threads | undefined, reading: Reading, worth = WORTH_A_THREAD): LineReader {
  let lines = 0;
  let beside = sharedOut(undefined, 'lines');
  let isOpen = threads === undefined;
  const ask = async <T>(asked: Exclude<Asked, { kind: 'begin' }>, block: Block): Promise<T> => {
    const answered = beside.ask(asked, [block.bytes.buffer]);
    if (answered) return (await answered) as T;
    // everything that waits for this thread comes first
    await new Promise((done) => setImmediate(done));
    return answer(asked, reading) as T;
  };
  return {
    hash(block) {
      lines += block.lines;
      if (!isOpen && lines > worth) {
        isOpen = true;
        beside = sharedOut(threads, 'lines', Number.POSITIVE_INFINITY);
        beside.tell({ kind: 'begin', reading } satisfies Asked);
      }
      return ask<Hashed>({ kind: 'hash', block }, block);
    },
    read: (unread) => ask<ReadBlock>({ kind: 'read', unread }, unread.block),
    close: () => beside.close(),
  };
}
