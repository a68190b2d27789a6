// From raw files to staged units: every line of every file becomes one unit (a deletion line: one a entry), and each file's
// units are counted. A file that is staged whole is not staged again.
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { Deps } from '../../src/deps.ts';
import { lines } from '../../src/fhir/ndjson.ts';
import { fileStaged, type PullFile, stagedLines, stagedUnits } from '../store/pull-file.ts';
import { clearStaging, type StagedUnit, type StagingClients, stageUnits } from '../store/staging.ts';
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
    if (!('text' in line))
      yield { ...at, outcome: 'rejected', reason: line.fault === 'too-large' ? 'too-large' : 'invalid-json' };
    else if (file.kind === 'deleted') {
      const deletions = readDeletions(line.text);
      if (Array.isArray(deletions)) for (const d of deletions) yield { ...at, entry: d.entry, ...d.unit };
      else yield { ...at, ...deletions };
    } else yield { ...at, ...readUnit(line.text, context) };
  }
}

/** Stages one file of a pull, whole. Returns its units. */
export async function stageFile(
  deps: Deps,
  pullId: string,
  file: PullFile,
  context: UnitContext,
  clients: StagingClients,
): Promise<number> {
  const { sql } = deps.database;
  if (file.state === 'staged' && (await stagedUnits(sql, pullId, file.position)) === file.units) return file.units ?? 0;
  await clearStaging(sql, pullId, file.position);
  const units = await stageUnits(
    clients,
    pullId,
    unitsOf(deps, file, () => context),
  );
  const lines = file.kind === 'deleted' ? await stagedLines(sql, pullId, file.position) : units;
  await fileStaged(sql, pullId, file.position, units, lines);
  return units;
}
