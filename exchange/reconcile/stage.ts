// From raw files to staged units: every line of every file becomes one unit (a deletion line: one a entry), and each file's
// units are counted. A file that is staged whole is not staged again.
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { Deps } from '../../src/deps.ts';
import { type Line, lines } from '../../src/fhir/ndjson.ts';
import { fileStaged, type PullFile, stagedLines, stagedUnits } from '../store/pull-file.ts';
import { clearStaging, type StagedUnit, type StagingClients, stageUnits } from '../store/staging.ts';
import { type KnownLines, lineHash, OF_THE_LINE } from './known-lines.ts';
import { readDeletions, readUnit, type UnitContext } from './read-unit.ts';

/** The bytes of a kept file. */
export async function* gunzipped(source: AsyncIterable<Uint8Array> | undefined): AsyncGenerator<Uint8Array> {
  if (!source) throw new Error('a kept file is gone');
  const body = Readable.from(source, { objectMode: false });
  const gunzip = createGunzip();
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
    } else yield unitOf(line, file, context);
  }
}

const BATCH = 1000;

/** The units of a kept file that are not known by their line; `known` counts the others. */
async function* newUnitsOf(
  deps: Pick<Deps, 'blobs'>,
  file: PullFile,
  context: UnitContext,
  isKnown: KnownLines,
  known: { n: number },
): AsyncGenerator<StagedUnit> {
  for await (const { batch, found } of lookedUp(deps, file, isKnown)) {
    known.n += found.size;
    for (const line of batch) if (!found.has(line.number)) yield unitOf(line, file, context);
  }
}

/** Batches that are looked up while one is read. */
const AHEAD = 4;

/** Batches of lines with what is known of them. */
async function* lookedUp(deps: Pick<Deps, 'blobs'>, file: PullFile, isKnown: KnownLines) {
  const ahead: { batch: Line[]; found: Promise<Set<number>> }[] = [];
  const look = (batch: Line[]) => {
    const found = isKnown(
      file.position,
      batch.filter((l) => 'text' in l),
    );
    found.catch(() => {}); // judged when it is awaited
    ahead.push({ batch, found });
  };
  let batch: Line[] = [];
  for await (const line of lines(gunzipped(await deps.blobs.get(file.blobKey ?? '')))) {
    batch.push(line);
    if (batch.length < BATCH) continue;
    look(batch);
    batch = [];
    const first = ahead.length > AHEAD ? ahead.shift() : undefined;
    if (first) yield { batch: first.batch, found: await first.found };
  }
  if (batch.length > 0) look(batch);
  for (const { batch, found } of ahead) yield { batch, found: await found };
}

/** One line of records as a unit. */
function unitOf(line: Line, file: PullFile, context: UnitContext): StagedUnit {
  const at = { file: file.position, line: line.number, entry: 0 };
  if (!('text' in line))
    return { ...at, outcome: 'rejected', reason: line.fault === 'too-large' ? 'too-large' : 'invalid-json' };
  const unit = readUnit(line.text, context);
  const isPlain = unit.body !== undefined && unit.outcome === undefined && unit.reason === undefined;
  return isPlain && (unit.findings ?? []).every((f) => OF_THE_LINE.has(f))
    ? { ...at, ...unit, lineHash: lineHash(line.text) }
    : { ...at, ...unit };
}

/** Stages one file of a pull, whole. Returns its units. `isKnown`: how lines that came before are found. */
export async function stageFile(
  deps: Deps,
  pullId: string,
  file: PullFile,
  context: UnitContext,
  clients: StagingClients,
  isKnown?: KnownLines,
): Promise<number> {
  const { sql } = deps.database;
  if (file.state === 'staged' && (await stagedUnits(sql, pullId, file.position)) === file.units) return file.units ?? 0;
  await clearStaging(sql, pullId, file.position);
  const known = { n: 0 };
  const source =
    isKnown === undefined || file.kind === 'deleted' || file.blobKey === null
      ? unitsOf(deps, file, () => context)
      : newUnitsOf(deps, file, context, isKnown, known);
  const units = (await stageUnits(clients, pullId, source)) + known.n;
  const lines = file.kind === 'deleted' ? await stagedLines(sql, pullId, file.position) : units;
  await fileStaged(sql, pullId, file.position, units, lines);
  return units;
}
