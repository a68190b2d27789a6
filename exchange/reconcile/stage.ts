// From raw files to staged units: every line of every file becomes one unit (a deletion line: one a entry), and each file's
// units are counted. A file that is staged whole is not staged again; a long one is staged in stretches, and gone on with after
// the last whole one.
import { gunzipped } from '../../src/blobs/gunzipped.ts';
import type { Deps } from '../../src/deps.ts';
import { type Block, blocks, lines } from '../../src/fhir/ndjson.ts';
import {
  clearStagedFile,
  clearStagedFiles,
  openStaging,
  type StagedUnit,
  type Staging,
  type StagingClients,
  stageUnits,
} from '../records/staging.ts';
import { inLanes } from '../requester/concurrency.ts';
import {
  fileStaged,
  fileStagedTo,
  filesStaged,
  type PullFile,
  stagedLines,
  stagedUnits,
} from '../requester/pull-file.ts';
import { forgetPhase } from '../requester/pull-phase.ts';
import type { KnownLines } from './known-lines.ts';
import { unitOf } from './read-block.ts';
import { readDeletions } from './read-deletions.ts';
import type { UnitContext } from './read-unit.ts';
import type { UnitReader } from './unit-reader.ts';

/** A file that was kept is not where it was. */
export class KeptFileGone extends Error {
  constructor() {
    super('a kept file is gone');
  }
}

/**
 * The bytes of a kept file.
 * @throws KeptFileGone
 */
export function keptText(source: AsyncIterable<Uint8Array> | undefined): AsyncGenerator<Uint8Array> {
  if (!source) throw new KeptFileGone();
  return gunzipped(source);
}

/**
 * The units of a kept file.
 * @param contextOf how a line is read; undefined leaves the line out
 */
export async function* unitsOf(
  deps: Pick<Deps, 'blobs'>,
  file: PullFile,
  contextOf: (line: number) => UnitContext | undefined,
): AsyncGenerator<StagedUnit> {
  if (file.blobKey === null) return;
  for await (const line of lines(keptText(await deps.blobs.get(file.blobKey)))) {
    const context = contextOf(line.number);
    if (!context) continue;
    const at = { file: file.position, line: line.number, entry: 0 };
    if ('text' in line && file.kind === 'deleted') {
      const deletions = readDeletions(line.text, context.peerBase);
      if (Array.isArray(deletions)) for (const d of deletions) yield { ...at, entry: d.entry, ...d.unit };
      else yield { ...at, ...deletions };
    } else yield unitOf(line, file.position, context);
  }
}

/** Blocks of one file that are on their way at once, and bytes: long lines make long blocks, whose rows are longer still. */
const ON_THE_WAY = 4;
const BYTES_ON_THE_WAY = 4 * 1024 * 1024;

/** Lines, or bytes, after which what is staged of a file is made to stay: seconds of work, on a busy machine too. */
const STRETCH = 20_000;
const STRETCH_BYTES = 16 * 1024 * 1024;

/** Up to a line of a file, and how many units that makes. */
export type StagedTo = { line: number; units: number };
export const NOTHING: StagedTo = { line: 0, units: 0 };

/**
 * Stages the blocks of a file as their units are read. Returns how many units it has.
 * @param from what is staged already
 * @param open begins a stretch
 * @param stays is told of each stretch when it is in the database
 */
export async function stageBlocks(
  deps: Pick<Deps, 'blobs'>,
  file: PullFile,
  reader: UnitReader,
  open: () => Staging,
  isKnown: KnownLines | undefined,
  from = NOTHING,
  stays: (at: StagedTo) => Promise<void> = async () => {},
): Promise<number> {
  let { units } = from;
  let reached = from.line;
  let sinceBytes = 0;
  let into = open();
  const stage = async (block: Block): Promise<void> => {
    let whole = block;
    // blocks of a second reading may begin elsewhere
    const before = Array.from({ length: Math.max(0, from.line - block.number + 1) }, (_, i) => block.number + i);
    let known = before;
    if (isKnown !== undefined && block.tooLarge === undefined) {
      const found = await reader.candidates(block, from.line);
      whole = found.block;
      const here = await isKnown(file.position, found.block.number, found.lines);
      units += here.length;
      if (here.length === found.count) return reader.done([whole.bytes]);
      known = [...before, ...here];
    }
    const read = await reader.read(file.position, whole, known);
    units += read.units;
    await into.write(read);
    reader.done([...read.facts, ...read.texts]);
  };
  const going = new Set<Promise<void>>();
  let bytes = 0;
  const text = keptText(await deps.blobs.get(file.blobKey ?? ''));
  const memory = (size: number) => reader.memory(size);
  for await (const [block, next] of withNext(blocks(text, undefined, undefined, undefined, memory))) {
    if (next !== undefined && next.number <= from.line + 1) {
      reader.done([block.bytes]);
      continue;
    }
    if (block.number - 1 - reached >= STRETCH || sinceBytes >= STRETCH_BYTES) {
      await Promise.all(going);
      await into.end();
      reached = block.number - 1;
      await stays({ line: reached, units });
      sinceBytes = 0;
      into = open();
    }
    const size = block.bytes.length;
    bytes += size;
    sinceBytes += size;
    const one = stage(block).finally(() => {
      going.delete(one);
      bytes -= size;
    });
    one.catch(() => {}); // judged when it is awaited
    going.add(one);
    while (going.size >= ON_THE_WAY || (going.size > 0 && bytes > BYTES_ON_THE_WAY)) await Promise.race(going);
  }
  await Promise.all(going);
  await into.end();
  return units;
}

/** Each with the one after it. */
async function* withNext<T>(source: AsyncIterable<T>): AsyncGenerator<[T, T | undefined]> {
  let held: T | undefined;
  for await (const one of source) {
    if (held !== undefined) yield [held, one];
    held = one;
  }
  if (held !== undefined) yield [held, undefined];
}

/** What is staged stays with its end. */
const held = (staging: Staging, hold: () => Promise<void>): Staging => ({
  ...staging,
  end: async () => {
    await hold();
    await staging.end();
  },
});

/** `hold` is asked before a stretch is kept; throws when it is somebody else's work by now. */
type HeldPull = { id: string; hold: () => Promise<void> };

/** Files of fewer lines and bytes share what a file costs by itself. */
const SMALL = 500;
const SMALL_BYTES = 256 * 1024;
/** So many at most: what is staged of them is lost together. */
const TOGETHER = 500;
/** Of those together, read at once. */
const SMALL_AT_ONCE = 4;

const isSmall = (f: PullFile): boolean =>
  f.kind === 'output' &&
  f.state === 'downloaded' &&
  f.stagedLines === 0 &&
  f.blobKey !== null &&
  (f.lines ?? SMALL) < SMALL &&
  (f.bytes ?? SMALL_BYTES) < SMALL_BYTES;

/** What is staged at once: a file, or small ones that make no more than a stretch. */
export function batches(files: readonly PullFile[]): PullFile[][] {
  const made: PullFile[][] = [];
  let small: PullFile[] = [];
  let [lines, bytes] = [0, 0];
  for (const f of files) {
    if (!isSmall(f)) {
      made.push([f]);
      continue;
    }
    lines += f.lines ?? 0;
    bytes += f.bytes ?? 0;
    if (small.length === 0 || small.length >= TOGETHER || lines > STRETCH || bytes > STRETCH_BYTES) {
      small = [];
      [lines, bytes] = [f.lines ?? 0, f.bytes ?? 0];
      made.push(small);
    }
    small.push(f);
  }
  return made;
}

/** Stages small files of a pull in one stretch; all of them, or none stays. Returns the units of each. */
export async function stageTogether(
  deps: Deps,
  pull: HeldPull,
  files: readonly PullFile[],
  reader: UnitReader,
  clients: StagingClients,
  mayBeBegun: boolean,
  isKnown?: KnownLines,
): Promise<ReadonlyMap<number, number>> {
  const { sql } = deps.database;
  await forgetPhase(sql, pull.id);
  const positions = files.map((f) => f.position);
  if (mayBeBegun) await clearStagedFiles(sql, pull.id, positions);
  const into = held(openStaging(clients), pull.hold);
  const open = (): Staging => ({ ...into, end: async () => {} });
  const units = new Map<number, number>();
  await inLanes(files, SMALL_AT_ONCE, async (f) => {
    units.set(f.position, await stageBlocks(deps, f, reader, open, isKnown));
  });
  await into.end();
  await pull.hold();
  await filesStaged(sql, pull.id, units);
  return units;
}

/**
 * Stages one file of a pull, whole. Returns its units.
 * @param reader reads units under the same context
 * @param mayBeBegun something of the pull was staged before: what is beyond the last whole stretch goes. Of a pull that begins there is
 *   nothing to look for, and as long as nobody has counted what is staged, each look reads all of it
 * @param isKnown how lines that came before are found
 */
export async function stageFile(
  deps: Deps,
  pull: HeldPull,
  file: PullFile,
  context: UnitContext,
  reader: UnitReader,
  clients: StagingClients,
  mayBeBegun: boolean,
  isKnown?: KnownLines,
): Promise<number> {
  const { sql } = deps.database;
  const { id: pullId, hold } = pull;
  if (file.state === 'staged' && (await stagedUnits(sql, pullId, file.position)) === file.units) return file.units ?? 0;
  await forgetPhase(sql, pullId);
  const isWhole =
    file.stagedLines > 0 && (await stagedUnits(sql, pullId, file.position, file.stagedLines)) === file.stagedUnits;
  const from = isWhole ? { line: file.stagedLines, units: file.stagedUnits } : NOTHING;
  if (mayBeBegun) await clearStagedFile(sql, pullId, file.position, from.line);
  const open = () => held(openStaging(clients), hold);
  const units =
    file.kind === 'deleted' || file.blobKey === null
      ? await stageUnits(
          open(),
          pullId,
          unitsOf(deps, file, () => context),
        )
      : await stageBlocks(deps, file, reader, open, isKnown, from, (at) =>
          fileStagedTo(sql, pullId, file.position, at),
        );
  await hold();
  const lines = file.kind === 'deleted' ? await stagedLines(sql, pullId, file.position) : units;
  await fileStaged(sql, pullId, file.position, units, lines);
  return units;
}
