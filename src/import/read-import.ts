// Reading what is to be imported: files and folders of NDJSON, single resources and Bundles, plain or gzipped, as a
// stream of single resources in the text they came in. NDJSON is read at flat memory. Nothing is judged here beyond
// what is needed to find the resources; see src/fhir/validate for the rest.
import { minify } from '../fhir/json-text.ts';
import { type Line, lines, MAX_LINE_BYTES } from '../fhir/ndjson.ts';
import { isObject, isResource } from '../fhir/resource.ts';
import { bundleEntries, bundleFault } from './bundle.ts';
import { openFile, ReadFault } from './bytes.ts';
import type { ImportEntry, Place, Progress } from './entry.ts';
import { type ImportFile, importFiles } from './files.ts';
import { REJECTS } from './reject.ts';

export type ReadImportOptions = { progress?: (progress: Progress) => void; signal?: AbortSignal };

/** A document (one JSON value over several lines, or a Bundle in one long line) is held in memory as a whole. */
const MAX_DOCUMENT_BYTES = 128 * 1024 * 1024;

const PROGRESS_EVERY = 500;

/**
 * All resources of files and folders, one at a time and in a fixed order. `text` is the resource minified, its
 * numbers and strings as they were written; `resource` is the same parsed. Damage within a file gives a fault and the
 * next line or file is read; duplicate ids are passed on as they come.
 * @throws ImportFault before the first entry, when a path is missing or a folder is empty
 * @throws the signal's reason when it is aborted
 */
export async function* readImport(paths: string[], options: ReadImportOptions = {}): AsyncGenerator<ImportEntry> {
  const { progress, signal } = options;
  const files = await importFiles(paths);
  const bytesTotal = files.reduce((sum, file) => sum + file.bytes, 0);
  let done = 0;
  let entries = 0;
  for (const file of files) {
    const open = openFile(file.path);
    for await (const entry of readFile(file, open.bytes)) {
      signal?.throwIfAborted();
      yield entry;
      entries++;
      if (progress && entries % PROGRESS_EVERY === 0) progress({ bytesRead: done + open.taken(), bytesTotal, entries });
    }
    done += file.bytes;
    progress?.({ bytesRead: done, bytesTotal, entries });
  }
}

async function* readFile(file: ImportFile, bytes: AsyncGenerator<Uint8Array>): AsyncGenerator<ImportEntry> {
  const source = file.path;
  const read = { isWhole: true, fault: undefined as ReadFault | undefined };
  const whole = untilFault(bytes, read);
  let line = 0;
  let head: Head | undefined;
  if (file.format === 'json') head = await firstLine(whole);
  const all = head === undefined ? whole : concat(head.chunks, whole);
  if (head === undefined || isOneLineOfSeveral(head)) {
    let last: Line | undefined;
    for await (const one of lines(all)) {
      if (last !== undefined) yield* readLine(source, last);
      last = one;
    }
    // of a line that is cut off no one knows what it would have been
    const isCut = read.fault !== undefined && !read.isWhole;
    if (last !== undefined && !isCut) yield* readLast(source, last, read.isWhole);
    line = (last?.number ?? 0) - (isCut ? 1 : 0);
  } else {
    const document = await documentOf(all);
    if (read.fault === undefined) yield* readDocument(source, document);
  }
  if (read.fault === undefined) return;
  const { code } = read.fault;
  yield { source, line: line <= 0 ? 0 : line + 1, fault: code, message: REJECTS[code], unread: true };
}

/** @param isWhole it ends as a line does */
function* readLast(source: string, line: Line, isWhole: boolean): Generator<ImportEntry> {
  for (const entry of readLine(source, line))
    yield isWhole || !('fault' in entry) || entry.fault !== 'not-json'
      ? entry
      : { ...entry, fault: 'cut-off', message: CUT, unread: true };
}

const CUT = 'The last line is not valid JSON and has no end: the file may be cut off.';

/** Ends where a fault comes, and notes it; `isWhole`: what was given ends with a line. */
async function* untilFault(
  bytes: AsyncGenerator<Uint8Array>,
  read: { isWhole: boolean; fault: ReadFault | undefined },
): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of bytes) {
      if (chunk.length > 0) read.isWhole = chunk.at(-1) === 10;
      yield chunk;
    }
  } catch (error) {
    if (!(error instanceof ReadFault)) throw error;
    read.fault = error;
  }
}

function* readLine(source: string, line: Line): Generator<ImportEntry> {
  const place = { source, line: line.number };
  if ('fault' in line) yield { ...place, fault: line.fault, message: `${REJECTS[line.fault]} (${line.bytes} bytes)` };
  else yield* readText(place, line.text);
}

/** One JSON value: a resource, or a Bundle of them. */
function* readText(place: Place, json: string): Generator<ImportEntry> {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    // the parser's own message repeats pieces of the text, which may be about a person
    yield { ...place, fault: 'not-json', message: REJECTS['not-json'] };
    return;
  }
  if (!isObject(value)) yield { ...place, fault: 'not-an-object', message: REJECTS['not-an-object'] };
  else if (!isResource(value)) yield { ...place, fault: 'no-type', message: REJECTS['no-type'] };
  else if (value.resourceType !== 'Bundle') yield { ...place, text: minify(json), resource: value };
  else {
    const fault = bundleFault(value);
    if (fault) yield { ...place, ...fault };
    else for (const entry of bundleEntries(json, value)) yield { ...place, ...entry };
  }
}

/** All of it; undefined when it is too large. */
async function documentOf(bytes: AsyncIterable<Uint8Array>): Promise<Buffer | undefined> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of bytes) {
    size += chunk.length;
    if (size > MAX_DOCUMENT_BYTES) return undefined;
    parts.push(chunk);
  }
  return Buffer.concat(parts, size);
}

/** Where a document has one of these nothing of it is read. Something else that is JSON may lie beside the data. */
const OF_ALL: ReadonlySet<string> = new Set(['not-json', 'unsupported-bundle']);

function* readDocument(source: string, bytes: Buffer | undefined): Generator<ImportEntry> {
  const place = { source, line: 1 };
  if (bytes === undefined) {
    yield { ...place, fault: 'too-large', message: REJECTS['too-large'], unread: true };
    return;
  }
  let json: string;
  try {
    json = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    yield { ...place, fault: 'not-utf8', message: 'The file is not valid UTF-8.', unread: true };
    return;
  }
  if (json.trim() === '') return;
  for (const entry of readText(place, json))
    yield 'fault' in entry && OF_ALL.has(entry.fault) ? { ...entry, unread: true } : entry;
}

type Head = { chunks: Uint8Array[]; line: Uint8Array | undefined };

/** The chunks up to the first line feed, at most one line's length of them. */
async function firstLine(bytes: AsyncGenerator<Uint8Array>): Promise<Head> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const next = await bytes.next();
    if (next.done === true) return { chunks, line: undefined };
    chunks.push(next.value);
    const end = next.value.indexOf(10);
    if (end !== -1) return { chunks, line: Buffer.concat(chunks).subarray(0, size + end) };
    size += next.value.length;
    if (size > MAX_LINE_BYTES) return { chunks, line: undefined };
  }
}

/** NDJSON in a file named .json: its first line is a whole JSON value. */
function isOneLineOfSeveral(head: Head): boolean {
  if (head.line === undefined) return false;
  try {
    JSON.parse(new TextDecoder().decode(head.line));
    return true;
  } catch {
    return false;
  }
}

async function* concat(head: Uint8Array[], rest: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* head;
  yield* rest;
}
