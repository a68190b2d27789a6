// Lines that came before, word for word. Most of a peer's second answer is its first one: such a line is known by its hash and
// is `unchanged` without being parsed, checked or hashed as content. Only where the same line must mean the same: the same
// rules, the same person of theirs for the same member of ours under the same choice, nothing noted about it but what the line
// alone tells (that is noted again), and no deletions beside it in the pull.
import { hash } from 'node:crypto';
import type { Deps } from '../../src/deps.ts';
import { VERSION } from '../../src/version.ts';
import { markSteady, stageKnown, stageKnownBlocks } from '../store/known-lines.ts';
import { LABELLER } from '../transform/label.ts';
import { RECORD_TYPES } from '../transform/record-types.ts';
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
]);

/** Lower-case hex of what a line is known by. */
export const lineHash = (line: string): string => hash('sha256', RULES + line, 'hex').slice(0, 2 * HASH_BYTES);

/** A line by which it may be known. */
export type CandidateLine = { number: number; type: string; sourceId: string; hash: string };

export function candidateLine(number: number, text: string): CandidateLine | undefined {
  const [, type, sourceId] = BEGINNING.exec(text) ?? [];
  return type === undefined || sourceId === undefined ? undefined : { number, type, sourceId, hash: lineHash(text) };
}

/** Stages what is known of the lines of a block, whose first has the number `stretch`; returns the numbers of the lines that need no more. */
export type KnownLines = (file: number, stretch: number, lines: readonly CandidateLine[]) => Promise<number[]>;

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
  const open = new Set([...context.members.values()].flatMap((m) => (m.withdrawn || m.doubtful ? [] : m.memberId)));
  if ((await markSteady(sql, pull.id, pull.peerId, [...open])) === 0) return undefined;
  const of = { id: pull.id, peerId: pull.peerId, sharedTypes: SHARED_TYPES };
  const stage = hasCommitted ? stageKnown : stageKnownBlocks;
  return async (file, stretch, lines) => (lines.length === 0 ? [] : stage(sql, of, file, stretch, lines));
}
