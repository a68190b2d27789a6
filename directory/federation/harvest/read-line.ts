// What a line of a peer's file is in the store. Pure, and the same in this thread and in one beside it.
import { isUtf8 } from 'node:buffer';
import { PEER_CONTENT_VERSION } from '../../../src/fhir/canonical.ts';
import { type Block, linesIn, MAX_LINE_BYTES } from '../../../src/fhir/ndjson.ts';
import { areVast, longNumerals } from '../../../src/fhir/numerals.ts';
import { isObject, type Resource } from '../../../src/fhir/resource.ts';
import { type DirectoryType, TYPE_IDS } from '../../../src/fhir/search/types.ts';
import { mergedId, variantId } from '../ids.ts';
import { type RecordContext, readRecord } from '../record.ts';
import { textHash } from '../text-hash.ts';
import { type Ids, type Incoming, type StagedRows, stagedRows } from './stage-rows.ts';

/** What reading needs to know of a run. */
export type Reading = { run: string; peer: string; context: RecordContext };

const VERSION = BigInt(PEER_CONTENT_VERSION);

/** 64 bits of a line, and of the version of the canonical form: a new version reads every line again. */
export function lineHash(text: string | Uint8Array): bigint {
  return BigInt.asIntN(64, textHash(text) + VERSION);
}

/** `seq` tells which of two came later, deletions included. */
export type Line = { type: DirectoryType; text: string; hash: bigint; seq: number; resource?: Resource | undefined };

/** A line as a row; undefined when it is none. @param count of what was found */
export function readLine(
  line: Line,
  { peer, context }: Reading,
  count: (name: string, by?: number) => void,
): Incoming | undefined {
  const resource = line.resource ?? parse(line.text);
  if (resource === undefined || isUnstorable(line.text, resource)) {
    count('damaged');
    return undefined;
  }
  const read = readRecord(resource, context);
  if ('leftOut' in read) {
    count(['no-id', 'no-type', 'too-deep'].includes(read.leftOut) ? 'damaged' : read.leftOut);
    return undefined;
  }
  if (read.type !== line.type) {
    // a record in the wrong file: it is of the type that it says
    count('wrong-type');
    return undefined;
  }
  for (const style of read.npiStyles) count(`npi-style-${style}`);
  count('staged');
  const baseKey = `${read.type}/${mergedId(peer, read.id)}`;
  const variant = `${read.type}/${variantId(peer, read.id, read.hash)}`;
  return {
    type: TYPE_IDS[read.type],
    seq: line.seq,
    baseKey,
    variant: variant === `${baseKey}.v${read.hash.slice(0, 8)}` ? '' : variant,
    sourceId: read.id,
    hash: read.hash,
    lineHash: line.hash,
    state: read.state,
    flags: read.flags,
    updated: read.updated,
    findings: read.findings,
    names: read.names,
    raw: line.text,
  };
}

function parse(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A power of ten of three digits, or a number of very many: it may also stand in a string. */
const MAY_BE_VAST = /\d[eE][+-]?\d{3}|[\d.]{65}/;

/** U+0000, halves of characters and vast numbers cannot be kept or read by the database; one such record must not stop the others. */
function isUnstorable(text: string, resource: unknown): boolean {
  if (MAY_BE_VAST.test(text) && areVast(longNumerals(text))) return true;
  if (!/\\u(?:0000|d[89a-f])/i.test(text)) return false;
  return text.includes('\\u0000') || /\\ud[89a-f]/.test(JSON.stringify(resource));
}

const LF = 10;
const CR = 13;
const BRACE = 123;

/** Hashes of the lines of a block that can be read, in order, and how many cannot. */
export function hashesIn(block: Block): { hashes: BigInt64Array<ArrayBuffer>; faults: number } {
  const hashes = new BigInt64Array(block.lines);
  const { bytes } = block;
  let n = 0;
  let faults = 0;
  // what is no plain line of JSON is looked at as text, all of the block with it
  const isPlain = block.number > 1 && block.tooLarge === undefined && isUtf8(bytes);
  let from = 0;
  for (; isPlain && from < bytes.length; n++) {
    const found = bytes.indexOf(LF, from);
    const end = found === -1 ? bytes.length : found;
    if (bytes[from] !== BRACE || end - from > MAX_LINE_BYTES) break;
    hashes[n] = lineHash(bytes.subarray(from, bytes[end - 1] === CR ? end - 1 : end));
    from = end + 1;
  }
  if (isPlain && from >= bytes.length) return { hashes: hashes.slice(0, n), faults };
  n = 0;
  for (const line of linesIn(block)) {
    if ('fault' in line) faults++;
    else hashes[n++] = lineHash(line.text);
  }
  return { hashes: hashes.slice(0, n), faults };
}

export type ReadBlock = { rows: StagedRows; counts: Record<string, number> };

/**
 * The lines of a block that are not known, as rows.
 * @param of `unknown`: their places among the lines that can be read, from 0, in order; `hashes`:
 *   of those lines, all of them; `seq`: of the first line of the block
 */
export function readBlock(
  of: {
    type: DirectoryType;
    block: Block;
    unknown: readonly number[];
    hashes: BigInt64Array;
    seq: number;
    ids: readonly Ids[];
  },
  reading: Reading,
): ReadBlock {
  const counts: Record<string, number> = {};
  const count = (name: string, by = 1) => {
    counts[name] = (counts[name] ?? 0) + by;
  };
  const rows: Incoming[] = [];
  let place = 0;
  let next = 0;
  for (const line of linesIn(of.block)) {
    if ('fault' in line) continue;
    const at = place++;
    if (at !== of.unknown[next]) continue;
    next++;
    const hash = of.hashes[at] ?? 0n;
    const row = readLine({ type: of.type, text: line.text, hash, seq: of.seq + at }, reading, count);
    if (row) rows.push(row);
  }
  return { rows: stagedRows(reading.run, rows, of.ids), counts };
}
