// Patients made of enrolment rows, on their way to staging. A plan sends all its members every day, and hardly any of them changed:
// what is in the store as it would be made is passed over.

import type { Queryable } from '../../../src/db/database.ts';
import { isObject, type JsonObject, type Resource } from '../../../src/fhir/resource.ts';
import { ownHashes } from '../../records/import.ts';
import type { StagedUnit } from '../../records/staging.ts';
import { patientTexts } from '../../requester/report/line-rows.ts';
import { patientOf } from './enrolment.ts';
import type { EnrolmentLine } from './owned-rows.ts';
import { readOwnRecord } from './read-own.ts';
import { knownDeaths } from './write-enrolment.ts';

const BATCH = 1000;
/** Bits: 2 MB, whatever the size of a file. */
const MARKS = 2 ** 24;

/** Ids that were marked, and few others. */
export function marks(): { has(id: string): boolean; add(id: string): void } {
  const bits = new Uint32Array(MARKS / 32);
  const placeOf = (id: string): number => {
    let hash = 0x811c9dc5; // FNV-1a
    for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
    return (hash ^ (hash >>> 8)) & (MARKS - 1);
  };
  return {
    has: (id) => (((bits[placeOf(id) >>> 5] ?? 0) >>> (placeOf(id) & 31)) & 1) === 1,
    add: (id) => {
      const place = placeOf(id);
      bits[place >>> 5] = (bits[place >>> 5] ?? 0) | (1 << (place & 31));
    },
  };
}

/** A Patient as it is, but for the day of death. @param patient itself, or as it is stored */
function asDied(patient: JsonObject | string | undefined, died: string | null): JsonObject | undefined {
  if (patient === undefined) return undefined;
  const {
    deceasedDateTime: _,
    meta,
    ...rest
  } = typeof patient === 'string' ? (JSON.parse(patient) as JsonObject) : patient;
  const { versionId: _version, lastUpdated: _at, ...kept } = isObject(meta) ? meta : {};
  return { ...rest, meta: kept, ...(died === null ? {} : { deceasedDateTime: died }) };
}

/**
 * Units of the Patients that rows make and that are not in the store as they are. A person of whom one row differs is staged with every
 * later row: the last counts, of rows of the card that the person has now.
 * @param file number of the file among the sources of the import
 * @param passOver called with how many were as they are
 */
export async function* madePatients(
  sql: Queryable,
  rows: AsyncIterable<EnrolmentLine>,
  of: { file: number; memberSystem: string; passOver: (n: number) => void },
): AsyncGenerator<StagedUnit> {
  // who is taken for marked is staged, and found unchanged there
  const staged = marks();
  // a member of an 834 file has a row for each coverage and each other payer, all of one line
  let before = { line: 0, entry: 0 };
  const differing = async (units: readonly StagedUnit[]): Promise<StagedUnit[]> => {
    const known = await ownHashes(
      sql,
      'Patient',
      units.map((u) => u.sourceId ?? ''),
    );
    const fresh = units.filter(({ sourceId: id = '', hash }) => {
      if (known.get(id) === hash && !staged.has(id)) return false;
      staged.add(id);
      return true;
    });
    of.passOver(units.length - fresh.length);
    return fresh;
  };
  // what the file says of deaths; of whom it says nothing, what is known
  const stated = new Map<string, string | null>();
  const made = async (lines: readonly EnrolmentLine[]): Promise<StagedUnit[]> => {
    const dead = await knownDeaths(
      sql,
      lines.flatMap(({ row }) => ('endsOn' in row ? [] : row.memberId)),
    );
    const here = await patientTexts(
      sql,
      lines.flatMap(({ madeId }) => madeId ?? []),
    );
    const patients = new Map<string, JsonObject>();
    return lines.flatMap(({ line, row, cards, card, madeId }) => {
      const memberId = 'endsOn' in row ? madeId : row.memberId;
      if (memberId === undefined) return [];
      if (row.died !== undefined) stated.set(memberId, row.died);
      const died = stated.has(memberId) ? (stated.get(memberId) ?? null) : (dead.get(memberId) ?? null);
      const patient =
        'endsOn' in row
          ? asDied(patients.get(memberId) ?? here.get(memberId), died)
          : patientOf(card === undefined ? row : { ...row, memberNumber: card }, of.memberSystem, cards, died);
      if (patient === undefined) return [];
      patients.set(memberId, patient as JsonObject);
      const record = readOwnRecord(patient as Resource, JSON.stringify(patient));
      if (!('unit' in record)) return [];
      before = { line, entry: line === before.line ? before.entry + 1 : 0 };
      return [{ file: of.file, ...before, ...record.unit }];
    });
  };
  let batch: EnrolmentLine[] = [];
  for await (const item of rows) {
    const { row, isFormer, madeId } = item;
    const isMade = 'endsOn' in row ? madeId !== undefined : !row.isKnownPatient && isFormer !== true;
    if (!isMade) continue;
    batch.push(item);
    if (batch.length < BATCH) continue;
    yield* await differing(await made(batch));
    batch = [];
  }
  yield* await differing(await made(batch));
}
