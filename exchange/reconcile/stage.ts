// From raw files to staged units: every line of every file becomes one unit (a deletion line: one a entry), and each file's
// units are counted. A file that is staged whole is not staged again.
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { Deps } from '../../src/deps.ts';
import { type Block, blocks, lines } from '../../src/fhir/ndjson.ts';
import { fileStaged, type PullFile, stagedLines, stagedUnits } from '../store/pull-file.ts';
import { forgetPhase } from '../store/pull-phase.ts';
import {
  clearStaging,
  openStaging,
  type StagedUnit,
  type Staging,
  type StagingClients,
  stageUnits,
} from '../store/staging.ts';
import type { KnownLines } from './known-lines.ts';
import { unitOf } from './read-block.ts';
import { readDeletions, type UnitContext } from './read-unit.ts';
import type { UnitReader } from './unit-reader.ts';

const CHUNK = 128 * 1024;

/** The bytes of a kept file. */
export async function* gunzipped(source: AsyncIterable<Uint8Array> | undefined): AsyncGenerator<Uint8Array> {
  if (!source) throw new Error('a kept file is gone');
  const body = Readable.from(source, { objectMode: false });
  const gunzip = createGunzip({ chunkSize: CHUNK });
  body.on('error', (e) => gunzip.destroy(e));
  try {
    yield* body.pipe(gunzip) as AsyncIterable<Uint8Array>;
  } finally {
    // a reader that stops early lets go of the file
    body.destroy();
  }
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
  for await (const line of lines(gunzipped(await deps.blobs.get(file.blobKey)))) {
    const context = contextOf(line.number);
    if (!context) continue;
    const at = { file: file.position, line: line.number, entry: 0 };
    if ('text' in line && file.kind === 'deleted') {
      const deletions = readDeletions(line.text);
      if (Array.isArray(deletions)) for (const d of deletions) yield { ...at, entry: d.entry, ...d.unit };
      else yield { ...at, ...deletions };
    } else yield unitOf(line, file.position, context);
  }
}

/** Blocks of one file that are on their way at once, and bytes: long lines make long blocks, whose rows are longer still. */
const ON_THE_WAY = 4;
const BYTES_ON_THE_WAY = 4 * 1024 * 1024;

/** Stages the blocks of a file as their units are read. Returns how many units it has. */
export async function stageBlocks(
  deps: Pick<Deps, 'blobs'>,
  file: PullFile,
  reader: UnitReader,
  into: Staging,
  isKnown: KnownLines | undefined,
): Promise<number> {
  let units = 0;
  const stage = async (block: Block): Promise<void> => {
    let whole = block;
    let known: number[] = [];
    if (isKnown !== undefined && block.tooLarge === undefined) {
      const found = await reader.candidates(block);
      whole = found.block;
      known = await isKnown(file.position, found.lines);
      units += known.length;
      if (known.length === found.count) return;
    }
    const read = await reader.read(file.position, whole, known);
    units += read.units;
    await into.write(read);
  };
  const going = new Set<Promise<void>>();
  let bytes = 0;
  for await (const block of blocks(gunzipped(await deps.blobs.get(file.blobKey ?? '')))) {
    const size = block.bytes.length;
    bytes += size;
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

/**
 * Stages one file of a pull, whole. Returns its units.
 * @param reader reads units under the same context
 * @param isKnown how lines that came before are found
 */
export async function stageFile(
  deps: Deps,
  pullId: string,
  file: PullFile,
  context: UnitContext,
  reader: UnitReader,
  clients: StagingClients,
  isKnown?: KnownLines,
): Promise<number> {
  const { sql } = deps.database;
  if (file.state === 'staged' && (await stagedUnits(sql, pullId, file.position)) === file.units) return file.units ?? 0;
  await forgetPhase(sql, pullId);
  await clearStaging(sql, pullId, file.position);
  const units =
    file.kind === 'deleted' || file.blobKey === null
      ? await stageUnits(
          clients,
          pullId,
          unitsOf(deps, file, () => context),
        )
      : await stageBlocks(deps, file, reader, openStaging(clients), isKnown);
  const lines = file.kind === 'deleted' ? await stagedLines(sql, pullId, file.position) : units;
  await fileStaged(sql, pullId, file.position, units, lines);
  return units;
}
