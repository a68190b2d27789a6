// Directories that are not FHIR, as a stream of Plan-Net resources: tables of providers and plans, NPPES extracts, QHP JSON.
// What a file is, its header or its first record says. Memory does not grow with the input.
import { JSONParser } from '@streamparser/json';
import { isObject, type Json, type Resource } from '../../fhir/resource.ts';
import { type OpenFile, openFile, ReadFault } from '../bytes.ts';
import { columnsOf, csvRows } from '../csv-rows.ts';
import type { ImportEntry, Progress } from '../entry.ts';
import { type ImportFile, importFiles } from '../files.ts';
import { readImport } from '../read-import.ts';
import { ImportFault, REJECTS } from '../reject.ts';
import { networkId, organization, PAYER } from './build.ts';
import type { Made } from './made.ts';
import { NPPES_REQUIRED, nppesRow } from './nppes-row.ts';
import { PLAN_COLUMNS, PLAN_REQUIRED, type PlanNetworks, planRow } from './plan-row.ts';
import { PROVIDER_COLUMNS, PROVIDER_REQUIRED, providerRow } from './provider-row.ts';
import { type QhpSets, qhpPlan, qhpProvider, qhpRest, qhpSets } from './qhp-record.ts';
import type { Row } from './values.ts';

export type PlanFileOptions = {
  /** the plan that owns plans and networks of tables */
  payer: { name: string; npi: string };
  /** network that everybody of an NPPES file belongs to: its name */
  network?: string;
  /** it is in the directory already: its name there stays */
  networkIsKnown?: boolean;
  progress?: (progress: Progress) => void;
  /** receives what a table says is gone. @param key `Type/id` */
  onDeleted?: (key: string) => void;
};

/** Resources made lately are not given again: every row of a place repeats it. */
const RECENT = 20_000;

class Emitter {
  readonly #recent = new Map<string, string>();
  #payer = false;
  readonly #options: PlanFileOptions;
  constructor(options: PlanFileOptions) {
    this.#options = options;
  }

  *resource(source: string, line: number, resource: Resource): Generator<ImportEntry> {
    const key = `${resource.resourceType}/${String(resource['id'])}`;
    const text = JSON.stringify(resource);
    if (this.#recent.get(key) === text) return;
    if (this.#recent.size >= RECENT) this.#recent.clear();
    this.#recent.set(key, text);
    yield { source, line, text, resource };
  }

  *made(source: string, line: number, made: Made): Generator<ImportEntry> {
    if (!this.#payer) {
      this.#payer = true;
      const { name, npi } = this.#options.payer;
      yield* this.resource(source, line, organization({ id: 'payer', npi, name, type: 'payer' }));
      if (this.#options.network !== undefined && this.#options.networkIsKnown !== true)
        yield* this.resource(
          source,
          line,
          organization({
            id: networkId(this.#options.network),
            name: this.#options.network,
            type: 'ntwk',
            partOf: PAYER,
          }),
        );
    }
    for (const resource of made.resources) yield* this.resource(source, line, resource);
    for (const url of made.deleted ?? []) {
      // what comes again after it is new
      this.#recent.delete(url);
      this.#options.onDeleted?.(url);
      yield { source, line, text: '', resource: undefined, request: { method: 'DELETE', url } };
    }
    if (made.refused)
      yield { source, line, fault: 'invalid-row', message: `${made.refused.column} ${made.refused.why}.` };
    for (const { column, why } of made.left)
      yield { source, line, fault: 'left-out', message: `${column} ${why}; the rest of the row is imported.` };
  }
}

/**
 * Entries of files and folders in any form that a directory can come in; FHIR files go to {@link readImport}.
 * @throws ImportFault when a path is missing, or a table has a header that is none of ours
 */
export async function* readDirectoryFiles(paths: string[], options: PlanFileOptions): AsyncGenerator<ImportEntry> {
  const files = await importFiles(paths, { tables: true });
  const bytesTotal = files.reduce((sum, file) => sum + file.bytes, 0);
  const emitter = new Emitter(options);
  const qhp = qhpSets();
  const networks: PlanNetworks = new Map();
  for (const file of files) if (file.format === 'csv') await checkHeader(file.path);
  let done = 0;
  let entries = 0;
  for (const file of files) {
    const report = (bytes: number) => options.progress?.({ bytesRead: done + bytes, bytesTotal, entries });
    const form = await formOf(file);
    const read =
      form === 'fhir'
        ? readImport([file.path], { progress: (p) => report(p.bytesRead) })
        : form === 'csv'
          ? readTable(file, emitter, networks, options, report)
          : readQhp(file, emitter, qhp, report);
    for await (const entry of read) {
      entries++;
      yield entry;
    }
    done += file.bytes;
    report(0);
  }
  for (const { plan, resource } of qhpRest(qhp))
    if (resource === undefined)
      yield {
        source: 'plans',
        line: 0,
        fault: 'invalid-row',
        message: `Plan ${plan} is in no provider's list, so it has no network and cannot be expressed.`,
      };
    else yield* emitter.made('plans', 0, { resources: [resource], left: [] });
}

const PEEK = 64 * 1024;

/** QHP files are JSON arrays of records with an NPI or a plan id; everything else that is JSON is FHIR. */
async function formOf(file: ImportFile): Promise<'fhir' | 'csv' | 'qhp'> {
  if (file.format === 'csv') return 'csv';
  if (file.format === 'ndjson') return 'fhir';
  let head = '';
  try {
    for await (const chunk of openFile(file.path).bytes) {
      head += Buffer.from(chunk).toString('latin1');
      if (head.trim() !== '' || head.length > PEEK) break;
    }
  } catch (error) {
    if (!(error instanceof ReadFault)) throw error;
  }
  return head
    .replace(/^\u00ef\u00bb\u00bf/, '')
    .trimStart()
    .startsWith('[')
    ? 'qhp'
    : 'fhir';
}

type Table = 'providers' | 'plans' | 'nppes';

/** @param columns without those that have no name */
function tableOf(path: string, columns: readonly string[]): Table {
  const has = (required: readonly string[]) => required.every((c) => columns.includes(c));
  const check = (table: Table, known: readonly string[]): Table => {
    const unknown = columns.filter((c) => !known.includes(c));
    if (unknown.length > 0)
      throw new ImportFault(
        `${path} has a column that is not known: ${unknown.slice(0, 5).join(', ')}. Known are ${known.join(', ')}.`,
      );
    return table;
  };
  if (has(PROVIDER_REQUIRED)) return check('providers', PROVIDER_COLUMNS);
  if (has(PLAN_REQUIRED)) return check('plans', PLAN_COLUMNS);
  throw new ImportFault(
    `${path} is no table that can be imported: providers need the columns ${PROVIDER_REQUIRED.join(', ')}; plans need ${PLAN_REQUIRED.join(', ')}; NPPES files have "NPI" and "Entity Type Code". import directory --template FOLDER writes both templates.`,
  );
}

/** Rows of a table, and which one it is, once its header has been read. */
function openTable(path: string) {
  let open: OpenFile | undefined;
  let table: Table | undefined;
  const rows = csvRows(path, {
    columns(header) {
      const given = header.map((name) => name.trim());
      if (NPPES_REQUIRED.every((name) => given.includes(name))) {
        table = 'nppes';
        // two of one name are reported
        columnsOf(path, given);
        return given;
      }
      const names = columnsOf(path, header);
      table = tableOf(
        path,
        names.filter((name) => name !== false),
      );
      return names;
    },
    open(file) {
      open = openFile(file);
      return open.bytes;
    },
  });
  return { rows, table: () => table, taken: () => open?.taken() ?? 0 };
}

/** @throws ImportFault when it has no header, or one that is none of ours */
async function checkHeader(path: string): Promise<void> {
  const { rows, table } = openTable(path);
  try {
    for await (const _ of rows) break;
  } catch (error) {
    // reported when it is read
    if (error instanceof ReadFault) return;
    throw error;
  }
  if (table() === undefined) throw new ImportFault(`${path} is empty: a table begins with the names of its columns.`);
}

async function* readTable(
  file: ImportFile,
  emitter: Emitter,
  networks: PlanNetworks,
  options: PlanFileOptions,
  report: (bytes: number) => void,
): AsyncGenerator<ImportEntry> {
  const { rows, table, taken } = openTable(file.path);
  let line = 0;
  try {
    for await (const row of rows) {
      line = row.line;
      const place = { source: file.path, line };
      if (row.fault === undefined) yield* emitter.made(file.path, line, row.hasMore ? TOO_LONG : madeOf(row.values));
      else if (row.isCut) yield { ...place, fault: 'cut-off', message: row.fault, unread: true };
      else yield { ...place, fault: 'invalid-row', message: row.fault };
      if (line % 500 === 0) report(taken());
    }
  } catch (error) {
    if (!(error instanceof ReadFault)) throw error;
    yield { source: file.path, line: line + 1, fault: error.code, message: REJECTS[error.code], unread: true };
  }

  function madeOf(row: Row): Made {
    if (table() === 'nppes')
      return nppesRow(row, options.network === undefined ? undefined : networkId(options.network));
    return table() === 'plans' ? planRow(row, networks) : providerRow(row);
  }
}

/** A comma without quotes moves what stands behind it into other columns. */
const TOO_LONG: Made = {
  resources: [],
  left: [],
  refused: { column: 'The row', why: 'has more values than the header has columns: values with a comma need quotes' },
};

async function* readQhp(
  file: ImportFile,
  emitter: Emitter,
  sets: QhpSets,
  report: (bytes: number) => void,
): AsyncGenerator<ImportEntry> {
  const open = openFile(file.path);
  let found: Json[] = [];
  const parser = new JSONParser({ paths: ['$.*'], keepStack: false });
  parser.onValue = ({ value }) => void found.push(value as Json);
  let line = 0;
  try {
    for await (const chunk of open.bytes) {
      parser.write(chunk);
      const records = found;
      found = [];
      for (const record of records) yield* emitter.made(file.path, ++line, qhpRecord(record, sets));
      report(open.taken());
    }
    if (!parser.isEnded)
      yield {
        source: file.path,
        line: line + 1,
        fault: 'cut-off',
        message: 'The array is cut off; what came before was read.',
        unread: true,
      };
  } catch (error) {
    // what stood before the fault in the same piece
    for (const record of found) yield* emitter.made(file.path, ++line, qhpRecord(record, sets));
    if (error instanceof ReadFault)
      yield { source: file.path, line: line + 1, fault: error.code, message: REJECTS[error.code], unread: true };
    else if (error instanceof ImportFault) throw error;
    else yield { source: file.path, line: line + 1, fault: 'not-json', message: REJECTS['not-json'], unread: true };
  }
}

function qhpRecord(record: Json, sets: QhpSets): Made {
  if (!isObject(record)) return { resources: [], left: [], refused: { column: 'The record', why: 'is no object' } };
  if ('npi' in record) return qhpProvider(record, sets);
  if ('plan_id' in record && !('rxnorm_id' in record)) return qhpPlan(record, sets);
  return {
    resources: [],
    left: [],
    refused: { column: 'The record', why: 'is neither a provider nor a plan of the QHP files' },
  };
}
