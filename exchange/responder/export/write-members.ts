// Records of some members on their way into files: what may leave, what left their view, and one Transmitter Provenance each.
import type { NdjsonFiles } from '../../../src/blobs/ndjson-files.ts';
import type { Sql } from '../../../src/db/database.ts';
import { formatInstant } from '../../../src/fhir/instant.ts';
import { referenceKey } from '../../../src/fhir/reference.ts';
import { objects, type Resource, text } from '../../../src/fhir/resource.ts';
import type { Payer } from '../../members/consent/evaluate.ts';
import { SHARED_TYPES } from '../../records/facts/record-types.ts';
import { addServiceDays, type ServiceDays } from '../../records/facts/service-days.ts';
import { withoutNames } from '../../records/facts/unnamed.ts';
import type { Grant } from '../grant.ts';
import type { DeliveredMember } from './delivered.ts';
import { deletedRows, type ExportConditions, exportRows, readExportRow } from './export-rows.ts';
import { unnamedOf } from './hidden-references.ts';
import type { Shape } from './output-form.ts';
import { type Leaving, Named, type NamedRecord, namedRecords } from './shared-entries.ts';
import { MAX_TARGETS, sharedTransmitters, transmitterProvenance } from './transmitter.ts';

const DELETIONS_PER_BUNDLE = 500;

/** Where a record of a member is written. */
type Place = (memberId: string, type: string, text: string | Uint8Array) => Promise<void> | undefined;

/** Files by patient have no type. */
export const BY_PATIENT = '';

/**
 * A file of each type; or blocks, each of a patient under a header that names it.
 * @param counts is called with how many headers there are
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

type Conditions = Omit<ExportConditions, 'members'> & { members: Grant[]; relevantProvenance: boolean };

/** A Provenance that leaves when a record that it is about does. */
type Waiting = { key: string; at: string; text: string };

/** Keys of the records that a Provenance is about. */
const targetsOf = (provenance: string): string[] =>
  objects((JSON.parse(provenance) as Resource)['target']).flatMap((t) => referenceKey(text(t['reference']) ?? ''));

/** What is held of one member while its records pass. */
class Sent {
  readonly types: Record<string, number> = {};
  readonly days: ServiceDays = {};
  /** `Type/id` of each, a blank between them: one text is less than thousands of small ones */
  keys = '';
  targets: string[] = [];
  /** Provenance that may be about what comes later */
  waiting: Waiting[] = [];
  /** directory-type records that are new to the peer by what leaves of this member: texts of several keys, which come again and again */
  readonly names = new Set<string>();
  /** the newest time of what is transmitted: statements about it that came later change nothing of when it came */
  recorded = '';
  #at = '';

  /** The directory-type records in {@link names}, each once. */
  named(): Set<string> {
    return new Set([...this.names].flatMap((keys) => keys.split(' ')));
  }

  /** @param at as the server tells a time: those of one import are the same */
  add(key: string, type: string, at: string, days: string | null): void {
    this.types[type] = (this.types[type] ?? 0) + 1;
    addServiceDays(this.days, type, days);
    this.keys += this.keys === '' ? key : ` ${key}`;
    if (type === 'Provenance') return;
    this.targets.push(key);
    if (at === this.#at) return;
    this.#at = at;
    const instant = formatInstant(new Date(at));
    if (instant > this.recorded) this.recorded = instant;
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
    // a failure is thrown where it is awaited; until then it must not count as one that no one hears, which ends the process
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
    // who stops early leaves no answer behind that no one hears
    await next.catch(() => undefined);
    await each.return?.();
  }
}

/** The directory-type records that what leaves of each member names. They are read before: while rows pass, nothing else can be asked. */
async function namedOfEach(tx: Sql, conditions: Conditions, shape: Shape, all: Named): Promise<NamedRecord[][]> {
  const types = conditions.types.filter((t) => SHARED_TYPES.includes(t));
  const each = conditions.members.map(() => new Named());
  const links = exportRows(tx, { ...conditions, types: [] }, { links: true, byMember: true });
  for await (const page of ahead(links)) {
    for (let i = 0; i < page.length; i++) {
      const row = readExportRow(page, i);
      if (row.links !== null) each[row.member]?.add(row.links, row.isNews);
    }
  }
  const found: NamedRecord[][] = [];
  for (const named of each) {
    const records: NamedRecord[] = [];
    for await (const one of namedRecords(tx, shape, { ...conditions, types }, named)) records.push(one);
    all.addAll(named);
    found.push(records);
  }
  return found;
}

/** Counts what leaves because records of a member name it: that someone is treated by whom leaves with it, also where nothing else does. */
async function countNamed(
  tx: Sql,
  c: Conditions,
  shape: Shape,
  leaving: Leaving,
  sent: readonly Sent[],
): Promise<void> {
  const types = c.types.filter((t) => SHARED_TYPES.includes(t));
  const each = sent.map((one) => one.named());
  await leaving.lookUp(
    tx,
    shape,
    { ...c, types },
    each.flatMap((keys) => [...keys]),
  );
  for (const [n, one] of sent.entries()) {
    for (const key of leaving.with(each[n] ?? [])) {
      const type = key.slice(0, key.indexOf('/'));
      one.types[type] = (one.types[type] ?? 0) + 1;
    }
    one.names.clear();
  }
}

/**
 * Writes the slice. Blocks of a patient hold the directory-type records that its records name as well.
 * @param counts is added to
 * @param named is added to, when directory-type records are asked for
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
  named?: Named,
): Promise<DeliveredMember[]> {
  const { members } = conditions;
  const sent = members.map(() => new Sent());
  const ids = members.map((m) => m.memberId);
  const cleaners = new Map([...(await unnamedOf(tx, ids))].map(([id, unnamed]) => [id, withoutNames(unnamed)]));
  const withProvenance = conditions.types.includes('Provenance');
  const beside = byPatient && named ? await namedOfEach(tx, conditions, shape, named) : [];
  const transmit = async (n: number) => {
    const one = sent[n];
    const memberId = members[n]?.memberId;
    if (!one || memberId === undefined) return;
    const sentKeys = one.waiting.length === 0 ? undefined : new Set(one.targets);
    for (const { key, at, text: provenance } of one.waiting) {
      if (!targetsOf(provenance).some((target) => sentKeys?.has(target))) continue;
      await place(memberId, 'Provenance', provenance);
      one.add(key, 'Provenance', at, null);
    }
    one.waiting = [];
    // the same records make the same Provenance, in whatever order they came
    if (one.targets.length > MAX_TARGETS) one.targets.sort();
    for (let i = 0; withProvenance && i < one.targets.length; i += MAX_TARGETS) {
      const targets = one.targets.slice(i, i + MAX_TARGETS);
      await place(memberId, 'Provenance', transmitterProvenance(about.us, about.peerId, targets, one.recorded).json);
    }
    one.targets = [];
    const shared = beside[n] ?? [];
    beside[n] = [];
    for (const { type, text } of shared) {
      await place(memberId, type, text);
      one.types[type] = (one.types[type] ?? 0) + 1;
    }
    if (withProvenance)
      for (const { json } of sharedTransmitters(about.us, about.peerId, shared))
        await place(memberId, 'Provenance', json);
  };
  let last = -1;
  // blocks of a patient end with whom they name and who transmits them; files of a type have it at the end of the slice
  for await (const page of ahead(
    exportRows(tx, conditions, { links: named !== undefined && !byPatient, byMember: byPatient }),
  )) {
    for (let i = 0; i < page.length; i++) {
      const row = readExportRow(page, i);
      const names = sent[row.member]?.names;
      // what is there was added
      if (row.links !== null && row.links !== '' && names?.has(row.links) !== true) {
        named?.add(row.links, row.isNews);
        if (row.isNews) names?.add(row.links);
      }
      if (row.reason !== null) counts[`withheld-${row.reason}`] = (counts[`withheld-${row.reason}`] ?? 0) + 1;
      if (row.key === null) continue;
      const memberId = members[row.member]?.memberId ?? '';
      if (byPatient && row.member !== last) {
        await transmit(last);
        last = row.member;
      }
      const type = row.key.slice(0, row.key.indexOf('/'));
      const clean = cleaners.get(memberId);
      const stored = clean === undefined ? row.text : clean(row.text.toString());
      const leaving = shape.of(type, stored, row.isLinked);
      if (leaving === undefined) continue;
      if (conditions.relevantProvenance && type === 'Provenance') {
        // bytes last as long as their page
        sent[row.member]?.waiting.push({ key: row.key, at: row.at ?? '', text: leaving.toString() });
        continue;
      }
      const full = place(memberId, type, leaving);
      if (full) await full;
      sent[row.member]?.add(row.key, type, row.at ?? '', row.days);
    }
  }
  for (const n of members.keys()) await transmit(n);
  if (named && !byPatient) await countNamed(tx, conditions, shape, named.leaving, sent);
  await writeDeleted(files, await deletedRows(tx, about.peerId, conditions), counts);
  return members.map((m, n) => ({
    memberId: m.memberId,
    policy: m.policy,
    consentId: m.consentId,
    types: sent[n]?.types ?? {},
    days: sent[n]?.days ?? {},
    keys: sent[n]?.keys ?? '',
  }));
}

/** What has left the view of the peer. */
export async function writeDeleted(
  files: NdjsonFiles,
  rows: readonly { type: string; id: string }[],
  counts: Record<string, number>,
): Promise<void> {
  for (let i = 0; i < rows.length; i += DELETIONS_PER_BUNDLE)
    await files.write('deleted', 'Bundle', JSON.stringify(deletions(rows.slice(i, i + DELETIONS_PER_BUNDLE))));
  counts['deleted'] = (counts['deleted'] ?? 0) + rows.length;
}

const deletions = (rows: readonly { type: string; id: string }[]) => ({
  resourceType: 'Bundle',
  type: 'transaction',
  entry: rows.map((d) => ({ request: { method: 'DELETE', url: `${d.type}/${d.id}` } })),
});
