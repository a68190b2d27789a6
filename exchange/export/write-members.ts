// Records of some members on their way into files: what may leave, what left their view, and one Transmitter Provenance each.
import type { NdjsonFiles } from '../../src/blobs/ndjson-files.ts';
import { formatInstant } from '../../src/fhir/instant.ts';
import type { Sql } from '../../src/store/database.ts';
import type { Payer } from '../consent/evaluate.ts';
import type { DeliveredMember } from '../store/delivered.ts';
import { deletedRows, type ExportConditions, type ExportRow, exportRows, withheldCounts } from '../store/export.ts';
import type { Grant } from '../store/grant.ts';
import type { Shape } from './shape.ts';
import { MAX_TARGETS, transmitterProvenance } from './transmitter.ts';

const DELETIONS_PER_BUNDLE = 500;

/** Where a record of a member is written. */
type Place = (memberId: string, type: string, text: string) => Promise<void> | undefined;

/** Files by patient have no type. */
export const BY_PATIENT = '';

/**
 * A file of each type; or blocks, each of a patient under a header that names it.
 * @param counts is told how many headers there are
 */
export function placing(files: NdjsonFiles, byPatient: boolean, counts: Record<string, number>): Place {
  if (!byPatient) return (_, type, text) => files.write('output', type, text);
  let open = '';
  return async (memberId, _, text) => {
    const parameter = [{ name: 'header', valueReference: { reference: `Patient/${memberId}` } }];
    const header = JSON.stringify({ resourceType: 'Parameters', parameter });
    let headers = 0;
    if (open !== memberId) {
      await files.write('output', BY_PATIENT, header);
      headers++;
    }
    open = memberId;
    if (await files.writeInBlock('output', BY_PATIENT, text, header)) headers++;
    counts['headers'] = (counts['headers'] ?? 0) + headers;
  };
}

type Conditions = Omit<ExportConditions, 'members'> & { members: Grant[] };

/** What is held of one member while its records pass. */
class Sent {
  readonly types: Record<string, number> = {};
  /** `Type/id` of each, a blank between them: one text is less than thousands of small ones */
  keys = '';
  targets: string[] = [];
  recorded = '';

  add(row: ExportRow): void {
    const key = `${row.type}/${row.id}`;
    this.types[row.type] = (this.types[row.type] ?? 0) + 1;
    this.keys += this.keys === '' ? key : ` ${key}`;
    if (row.type !== 'Provenance') this.targets.push(key);
    const at = formatInstant(row.last_updated);
    if (at > this.recorded) this.recorded = at;
  }
}

/**
 * Asks for the next rows while the ones before are being written, so that the database and this process work at once.
 */
export async function* ahead<T>(source: AsyncIterable<T>): AsyncGenerator<T, void, void> {
  const each = source[Symbol.asyncIterator]();
  const ask = () => {
    // the driver answers without a promise when it has nothing more
    const answer = (async () => each.next())();
    // a failure is thrown where it is awaited; until then it must not count as one that nobody hears, which ends the process
    answer.catch(() => undefined);
    return answer;
  };
  let next = ask();
  try {
    for (let got = await next; got.done !== true; got = await next) {
      next = ask();
      yield got.value;
    }
  } finally {
    // who stops early leaves no answer behind that nobody hears
    await next.catch(() => undefined);
    await each.return?.();
  }
}

/**
 * Writes the slice.
 * @param counts is added to
 * @returns what was written of each member, members of whom nothing was written too
 */
export async function writeMembers(
  tx: Sql,
  files: NdjsonFiles,
  place: Place,
  conditions: Conditions,
  about: { us: Payer; peerId: string },
  shape: Shape,
  byPatient: boolean,
  counts: Record<string, number>,
): Promise<DeliveredMember[]> {
  const sent = new Map<string, Sent>(conditions.members.map((m) => [m.memberId, new Sent()]));
  const withProvenance = conditions.types.includes('Provenance');
  const transmit = async (memberId: string) => {
    const one = sent.get(memberId);
    if (!one) return;
    // the same records make the same Provenance, in whatever order they came
    if (one.targets.length > MAX_TARGETS) one.targets.sort();
    for (let i = 0; withProvenance && i < one.targets.length; i += MAX_TARGETS) {
      const targets = one.targets.slice(i, i + MAX_TARGETS);
      await place(memberId, 'Provenance', transmitterProvenance(about.us, about.peerId, targets, one.recorded).json);
    }
    one.targets = [];
  };
  let member = '';
  // blocks of a patient end with who transmits them; files of a type have it at the end of the slice
  for await (const rows of ahead(exportRows(tx, conditions, byPatient ? 'member' : 'any')))
    for (const row of rows) {
      if (byPatient && row.member_id !== member) {
        await transmit(member);
        member = row.member_id;
      }
      const text = shape.of(row.type, row.text, row.linked);
      if (text === undefined) continue;
      const full = place(row.member_id, row.type, text);
      if (full) await full;
      sent.get(row.member_id)?.add(row);
    }
  for (const { memberId } of conditions.members) await transmit(memberId);
  const deleted = await deletedRows(tx, about.peerId, conditions);
  for (let i = 0; i < deleted.length; i += DELETIONS_PER_BUNDLE)
    await files.write('deleted', 'Bundle', JSON.stringify(deletions(deleted.slice(i, i + DELETIONS_PER_BUNDLE))));
  counts['deleted'] = (counts['deleted'] ?? 0) + deleted.length;
  for (const [reason, n] of Object.entries(await withheldCounts(tx, conditions)))
    counts[`withheld-${reason}`] = (counts[`withheld-${reason}`] ?? 0) + n;
  return conditions.members.map((m) => ({
    memberId: m.memberId,
    policy: m.policy,
    consentId: m.consentId,
    types: sent.get(m.memberId)?.types ?? {},
    keys: sent.get(m.memberId)?.keys ?? '',
  }));
}

const deletions = (rows: readonly { type: string; id: string }[]) => ({
  resourceType: 'Bundle',
  type: 'transaction',
  entry: rows.map((d) => ({ request: { method: 'DELETE', url: `${d.type}/${d.id}` } })),
});
