// `import members`: our own members' records and their enrolment. Records are checked, staged by COPY and committed in one
// transaction (directory entries in one before it, where their labels change), so a stopped import leaves nothing half done; run it again.
import { localDay } from '../../../src/calendar/federal.ts';
import { lendOne } from '../../../src/db/database.ts';
import type { Deps } from '../../../src/deps.ts';
import { areVast, longNumerals } from '../../../src/fhir/numerals.ts';
import type { Resource } from '../../../src/fhir/resource.ts';
import type { Issue } from '../../../src/fhir/validate/issue.ts';
import type { ImportEntry, Place } from '../../../src/import/entry.ts';
import { REJECTS } from '../../../src/import/reject.ts';
import type { Reject } from '../../../src/import/rejects-file.ts';
import { auditRow, writeAudit } from '../../compliance/audit/audit.ts';
import { addresses } from '../../plan.ts';
import { tellDrugs } from '../../reconcile/tell-drugs.ts';
import { isShared } from '../../records/facts/record-types.ts';
import { commitImport, hasReceived, type ImportCounts, knowStaged } from '../../records/import.ts';
import { noteCompared } from '../../records/left-imports.ts';
import { clearStaging, lendStaging, openStaging, type StagedUnit, stageUnits } from '../../records/staging.ts';
import { refreshDueProfiles } from '../../responder/match/match-profile.ts';
import { allFormers, whileNoneMerge } from '../merge/member-merge.ts';
import { asOnePerson } from '../merge/surviving-member.ts';
import { commitEnrolment } from './commit-enrolment.ts';
import { enrolmentRows } from './enrolment-rows.ts';
import { asImport } from './finish-interrupted-imports.ts';
import { linkOwn } from './link-own.ts';
import { madePatients, marks } from './made-patients.ts';
import { NO_HISTORY, readCardHistory } from './member-id-history.ts';
import type { NamedInFile } from './named-in-file.ts';
import { type Other, ownedRows } from './owned-rows.ts';
import { readOwnRecord } from './read-own.ts';
import type { EnrolmentCounts } from './write-enrolment.ts';
import type { Options834 } from './x12-member.ts';

export type ImportMembersInput = {
  /** records, already read from files; may be empty */
  records: AsyncIterable<ImportEntry>;
  /** path of an enrolment CSV, or of an X12 834 file when `x12` says how to read it */
  enrolment?: string;
  x12?: Options834;
  validate: (resource: unknown) => Issue[];
  /** called with whom the enrolment file names */
  named?: NamedInFile;
  /** the person who loads them; of a test, or invented data, no one */
  by?: string;
  /** refuse records with any finding, not only broken ones */
  strict?: boolean;
  /** called for each refused unit */
  reject: (r: Reject) => Promise<void> | void;
  signal?: AbortSignal;
};

export type ImportMembersResult = {
  read: number;
  counts: ImportCounts;
  enrolment: EnrolmentCounts;
  refused: number;
  /** findings by code: stored, but worth a look */
  findings: Record<string, number>;
};

const MEMBER_SYSTEM = (baseUrl: string) => `${baseUrl}/sid/member`;
const CSV_FILE = 0;
const todayOf = (deps: Pick<Deps, 'clock' | 'config'>): string => localDay(deps.clock(), deps.config.timeZone);
const OTHERS: Record<Other, string> = {
  'other-person':
    'member_number is that of another person: born on another day, and with another given name. A card is one person’s; where both were wrong, name the person by patient_id.',
  'other-name':
    'member_number is that of another person in a later row: born on the same day, with another given name, as twins are. A card is one person’s; of one person all rows have the same name.',
};

/**
 * Imports records and enrolment.
 * @throws ImportFault when the CSV has the wrong columns
 */
export const importMembers = (deps: Deps, input: ImportMembersInput): Promise<ImportMembersResult> =>
  whileNoneMerge(deps.database, () => asImport(deps, (work) => importAll(deps, input, work)));

async function importAll(deps: Deps, input: ImportMembersInput, work: string): Promise<ImportMembersResult> {
  const findings: Record<string, number> = {};
  const sources: string[] = ['enrolment'];
  let read = 0;
  let refused = 0;
  // Patients of enrolment rows that are there as they are
  let unchanged = 0;
  const formers = await allFormers(deps.database.sql);
  const { enrolment } = input;
  // Patients that come with it, of whom rows may be, and what rows say of cards of before
  const coming = marks();
  let history = NO_HISTORY;
  const refuse: ImportMembersInput['reject'] = (r) => {
    refused++;
    return input.reject(r);
  };

  // the file is read twice
  const others = new Set<number>();
  const refuseOther = async (line: number, other: Other) => {
    if (!others.has(line))
      await refuse({ source: input.enrolment ?? '', line, code: 'invalid-enrolment', reason: OTHERS[other] });
    others.add(line);
    return true;
  };
  // a name that differs from what is in the store is a correction; from what the file itself made of the number, it is none
  const refusePerson = async (line: number, other: Other) => other === 'other-person' && refuseOther(line, other);

  async function* units(): AsyncGenerator<StagedUnit> {
    yield* recordUnits();
    if (enrolment !== undefined) {
      const { sql } = deps.database;
      const readable = (isWanted: Parameters<typeof enrolmentRows>[4]) =>
        enrolmentRows({ ...input, enrolment }, todayOf(deps), () => {}, undefined, isWanted);
      history = await readCardHistory(sql, readable, (id) => coming.has(id));
      const rows = ownedRows(
        sql,
        enrolmentRows({ ...input, enrolment }, todayOf(deps), refuse),
        history,
        formers,
        refusePerson,
      );
      const memberSystem = MEMBER_SYSTEM(deps.config.baseUrl);
      yield* madePatients(sql, rows, { file: CSV_FILE, memberSystem, passOver: (n) => (unchanged += n) });
    }
  }

  async function* recordUnits(): AsyncGenerator<StagedUnit> {
    for await (const entry of input.records) {
      input.signal?.throwIfAborted();
      read++;
      const place = {
        source: entry.source,
        line: entry.line,
        ...(entry.entry === undefined ? {} : { entry: entry.entry }),
      };
      if ('fault' in entry) {
        await refuse({ ...place, code: entry.fault, reason: entry.message, ...(entry.unread ? { unread: true } : {}) });
        continue;
      }
      let file = sources.indexOf(entry.source, Math.max(0, sources.length - 2));
      if (file === -1) file = sources.push(entry.source) - 1;
      const at = { file, line: entry.line, entry: entry.entry ?? 0 };
      if (entry.request?.method === 'DELETE') {
        const [type = '', sourceId = ''] = entry.request.url.split('/');
        yield { ...at, type, sourceId, isShared: isShared(type) };
        continue;
      }
      if (entry.resource === undefined) continue;
      const known = asOnePerson(entry.resource, entry.text, formers, addresses(deps.config).fhir);
      const unit = await checkRecord(known.resource, known.text, place);
      if (unit?.type === 'Patient') coming.add(unit.sourceId ?? '');
      if (unit) yield { ...at, ...unit };
    }
  }

  async function checkRecord(resource: Resource, json: string, place: Place) {
    const id = resource['id'];
    const named = { ...place, resourceType: resource.resourceType, ...(typeof id === 'string' ? { id } : {}) };
    // JSON may write U+0000, a PostgreSQL text cannot hold it
    if (json.includes('\\u0000')) {
      await refuse({ ...named, code: 'invalid-resource', reason: 'A string holds U+0000.' });
      return undefined;
    }
    if (areVast(longNumerals(json))) {
      await refuse({ ...named, code: 'invalid-resource', reason: 'A number has more digits than any that is meant.' });
      return undefined;
    }
    const issues = input.validate(resource);
    const errors = issues.filter((i) => i.severity === 'error');
    const bad = errors.length > 0 ? errors : input.strict === true ? issues : [];
    if (bad.length > 0) {
      const reason = bad
        .slice(0, 5)
        .map((e) => `${e.path}: ${e.message}`)
        .join(' ');
      await refuse({ ...named, code: errors.length > 0 ? 'invalid-resource' : 'strict-finding', reason });
      return undefined;
    }
    const record = readOwnRecord(resource, json);
    if ('refused' in record) {
      await refuse({ ...named, code: record.refused, reason: REJECTS[record.refused] });
      return undefined;
    }
    for (const issue of issues) findings[issue.code] = (findings[issue.code] ?? 0) + 1;
    return record.unit;
  }

  // records that are there and not compared: what is staged of them is kept for the next import
  let isOwed = false;
  try {
    await lendStaging(deps.database, 1, ([clients]) => stageUnits(openStaging(clients), work, units()));
    await knowStaged(deps.database);
    await lendOne(deps.database, (reader) => tellDrugs(deps, reader, work));
    const { counts: committed, refused: late } = await commitImport(deps.database, work);
    const counts = { ...committed, unchanged: committed.unchanged + unchanged };
    isOwed = true;
    const crowded = (await hasReceived(deps.database.sql)) ? await linkOwn(deps, work) : 0;
    if (crowded > 0) findings['large-cluster'] = crowded;
    await noteCompared(deps.database.sql, work);
    isOwed = false;
    for (const r of late)
      await refuse({
        source: sources[r.file] ?? 'unknown',
        line: r.line,
        ...(r.entry === 0 ? {} : { entry: r.entry }),
        resourceType: r.type,
        id: r.id,
        code: 'unknown-member',
        reason: REJECTS['unknown-member'],
      });
    const enrolment = await commitEnrolment(deps, input, refuse, refuseOther, history, formers);
    await refreshDueProfiles(deps.database.sql, deps.clock());
    await writeAudit(deps.database.sql, [
      auditRow({
        at: deps.clock(),
        actorKind: 'command',
        actor: input.by ?? 'import members',
        action: 'import',
        object: 'own-records',
        detail: { ...counts, ...enrolment, refusedUnits: refused },
      }),
    ]);
    return { read, counts, enrolment, refused, findings };
  } finally {
    if (!isOwed) await clearStaging(deps.database.sql, work);
  }
}
