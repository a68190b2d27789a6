// Lines that came before, word for word. Most of a peer's second answer is its first one: such a line is known by its hash and
// is `unchanged` without being parsed, checked or hashed as content. Only where the same line must mean the same: the same
// rules, the same person of theirs for the same member of ours under the same choice, nothing noted about it but what the line
// alone tells (that is noted again), and no deletions beside it in the pull.
import { isUtf8 } from 'node:buffer';
import { hash } from 'node:crypto';
import type { Deps } from '../../src/deps.ts';
import { type Block, linesIn, MAX_LINE_BYTES } from '../../src/fhir/ndjson.ts';
import { VERSION } from '../../src/version.ts';
import { LABELLER } from '../records/facts/label.ts';
import { RECORD_TYPES } from '../records/facts/record-types.ts';
import { markSteady, stageKnown, stageKnownBlocks } from '../records/known-lines.ts';
import { RULES_VERSION } from './judge/verdict.ts';
import type { UnitContext } from './read-unit.ts';

/** A line known by its hash is read anew when any of these differs. */
const RULES = `${VERSION} ${RULES_VERSION} ${LABELLER}\n`;
const HASH_BYTES = 16;
/** How nearly everybody writes a resource. One that begins otherwise is read in full. */
const BEGINNING = /^\{"resourceType":"([A-Za-z]{1,64})","id":"([A-Za-z0-9\-.]{1,64})"/;
const SHARED_TYPES = Object.keys(RECORD_TYPES).filter((t) => RECORD_TYPES[t]?.class === 'shared');

/** Findings that a line has by itself, whatever else is in the pull. `older-than-5y` stays what it was when it was read. */
export const OF_THE_LINE: ReadonlySet<string> = new Set([
  'money-present',
  'older-than-5y',
  'profile-violation',
  'narrative-dropped',
  'denied-pa',
  'terminology-unknown',
  'part2-no-notice',
  'attachment-unsafe',
  'attachment-not-fetched',
  'attachment-empty',
]);

/** Lower-case hex of what a line is known by. */
export const lineHash = (line: string): string => hash('sha256', RULES + line, 'hex').slice(0, 2 * HASH_BYTES);

const PREFIX = Buffer.from(RULES);
/** What is hashed of a line that is no longer than most: the rules, and behind them its bytes. */
const together = Buffer.alloc(PREFIX.length + 64 * 1024);
PREFIX.copy(together);

/** The same of the bytes of a line. */
function bytesHash(line: Uint8Array): string {
  const size = PREFIX.length + line.length;
  if (size > together.length) return lineHash(Buffer.from(line.buffer, line.byteOffset, line.length).toString());
  together.set(line, PREFIX.length);
  return hash('sha256', together.subarray(0, size), 'hex').slice(0, 2 * HASH_BYTES);
}

/** Lines by which records may be known. Lists as texts with commas, which types, ids and hashes have none of: they go from thread to thread, and to the database. */
export type CandidateLines = { numbers: number[]; types: string; sourceIds: string; hashes: string };

const LF = 10;
const CR = 13;
const BRACE = 123;
/** Bytes that {@link BEGINNING} may reach to. */
const REACH = 192;

/** Lines of a block that may have come before, word for word, after that of a number; `count`: lines in all after it. */
export function candidatesIn(block: Block, after = 0): { lines: CandidateLines; count: number } {
  const numbers: number[] = [];
  const [types, sourceIds, hashes]: [string[], string[], string[]] = [[], [], []];
  let count = 0;
  const add = (number: number, head: string, hashed: () => string): void => {
    count++;
    const [, type, sourceId] = BEGINNING.exec(head) ?? [];
    if (type === undefined || sourceId === undefined) return;
    numbers.push(number);
    types.push(type);
    sourceIds.push(sourceId);
    hashes.push(hashed());
  };
  const lists = () => ({
    lines: { numbers, types: types.join(), sourceIds: sourceIds.join(), hashes: hashes.join() },
    count,
  });
  const { bytes } = block;
  if (block.tooLarge !== undefined || !isUtf8(bytes)) {
    for (const line of linesIn(block))
      if (line.number > after) {
        if ('text' in line) add(line.number, line.text.slice(0, REACH), () => lineHash(line.text));
        else count++;
      }
    return lists();
  }
  const whole = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  let number = block.number;
  for (let from = 0; from < bytes.length; number++) {
    const found = whole.indexOf(LF, from);
    const end = found === -1 ? bytes.length : found;
    const line = bytes.subarray(from, end > from && bytes[end - 1] === CR ? end - 1 : end);
    // what is no plain line of JSON is looked at as text
    if (number > after && line[0] === BRACE && end - from <= MAX_LINE_BYTES)
      add(number, whole.toString('latin1', from, Math.min(from + REACH, end)), () => bytesHash(line));
    else if (number > after)
      for (const odd of linesIn({ ...block, number, bytes: bytes.slice(from, end) }))
        if ('text' in odd) add(number, odd.text.slice(0, REACH), () => lineHash(odd.text));
        else count++;
    from = end + 1;
  }
  return lists();
}

/** Stages what is known of the lines of a block, whose first has the number `stretch`; returns the numbers of the lines that need no more. */
export type KnownLines = (file: number, stretch: number, lines: CandidateLines) => Promise<readonly number[]>;

/**
 * How a pull's known lines are found; undefined when every line has to be read.
 * @param hasCommitted some of the pull is committed already
 */
export async function knownLines(
  deps: Pick<Deps, 'database'>,
  pull: { id: string; peerId: string },
  context: UnitContext,
  hasDeletions: boolean,
  hasCommitted: boolean,
): Promise<KnownLines | undefined> {
  if (hasDeletions) return undefined;
  const { sql } = deps.database;
  const open = new Set(
    [...context.members.values()].flatMap((m) => (m.withdrawn || m.doubtful || m.moved ? [] : m.memberId)),
  );
  if ((await markSteady(sql, pull.id, pull.peerId, [...open])) === 0) return undefined;
  const of = { id: pull.id, peerId: pull.peerId, sharedTypes: SHARED_TYPES };
  const stage = hasCommitted ? stageKnown : stageKnownBlocks;
  return async (file, stretch, lines) => (lines.numbers.length === 0 ? [] : stage(sql, of, file, stretch, lines));
}
