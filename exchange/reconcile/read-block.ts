// The units of a block of lines, as rows for staging. Pure, and the same in this thread and in one beside it.
import { type Block, type Line, linesIn } from '../../src/fhir/ndjson.ts';
import { type StagedRows, type StagedUnit, stagedRows } from '../records/staging.ts';
import { lineHash, OF_THE_LINE } from './known-lines.ts';
import { readUnit, type UnitContext } from './read-unit.ts';

/** One line of records as a unit. What may be taken in has the outcome that it has when nothing else is found (records/reconcile.ts). */
export function unitOf(line: Line, file: number, context: UnitContext): StagedUnit {
  const at = { file, line: line.number, entry: 0 };
  if (!('text' in line))
    return { ...at, outcome: 'rejected', reason: line.fault === 'too-large' ? 'too-large' : 'invalid-json' };
  const unit = readUnit(line.text, context);
  // nobody else has it, and it has many members: to copy it would cost more than to check it
  const staged = Object.assign(unit, at);
  const isPlain = unit.body !== undefined && unit.outcome === undefined && unit.reason === undefined;
  if (!isPlain) return staged;
  staged.outcome = unit.type === 'Patient' ? 'linked-duplicate' : 'created';
  if ((unit.findings ?? []).every((f) => OF_THE_LINE.has(f))) staged.lineHash = lineHash(line.text);
  return staged;
}

/**
 * @param known numbers of lines that need no reading
 * @param memory for the rows
 */
export function readBlock(
  work: string,
  file: number,
  block: Block,
  known: readonly number[],
  context: UnitContext,
  memory?: () => Buffer<ArrayBuffer>,
): StagedRows {
  const isKnown = new Set(known);
  const rows = stagedRows(work, memory);
  for (const line of linesIn(block)) if (!isKnown.has(line.number)) rows.add(unitOf(line, file, context));
  return rows.finish();
}
