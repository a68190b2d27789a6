// Lines of an NDJSON stream, byte-exact: split on 0x0A in bytes, decode whole lines, so that a character cut by a
// chunk border is never damaged (Bulk Data 2.0.0, https://hl7.org/fhir/uv/bulkdata/STU2/).

/** One line. `number` counts from 1 and counts blank lines too; `text` is absent when the line could not be read. */
export type Line =
  | { number: number; text: string }
  | { number: number; fault: 'not-utf8' | 'too-large'; bytes: number };

export const MAX_LINE_BYTES = 16 * 1024 * 1024;

const LF = 10;
const decoder = () => new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** One line out of its bytes; undefined when it is blank. */
function lineOf(decode: TextDecoder, number: number, bytes: Uint8Array): Line | undefined {
  try {
    let text = decode.decode(bytes);
    // files that were put together have one within, too
    if (text.charCodeAt(0) === 0xfeff) text = text.slice(1);
    if (text.endsWith('\r')) text = text.slice(0, -1);
    return text.trim() === '' ? undefined : { number, text };
  } catch {
    return { number, fault: 'not-utf8', bytes: bytes.length };
  }
}

/**
 * Whole lines of a stream, in bytes of their own. `number` is that of the first, `lines` how many they are, blank ones too;
 * `tooLarge`: one line, left out, of so many bytes.
 */
export type Block = { number: number; lines: number; bytes: Uint8Array<ArrayBuffer>; tooLarge?: number };

const BLOCK_BYTES = 256 * 1024;

/** The lines of a block, blank ones left out. */
export function* linesIn(block: Block, maxBytes = MAX_LINE_BYTES): Generator<Line> {
  const { bytes } = block;
  if (block.tooLarge !== undefined) yield { number: block.number, fault: 'too-large', bytes: block.tooLarge };
  const decode = decoder();
  let number = block.number;
  for (let from = 0; from < bytes.length; number++) {
    const found = bytes.indexOf(LF, from);
    const end = found === -1 ? bytes.length : found;
    if (end - from > maxBytes) yield { number, fault: 'too-large', bytes: end - from };
    else {
      const line = lineOf(decode, number, bytes.subarray(from, end));
      if (line) yield line;
    }
    from = end + 1;
  }
}

/** How many lines end within some bytes. */
export function linesWithin(bytes: Uint8Array): number {
  let n = 0;
  for (let at = bytes.indexOf(LF); at !== -1; at = bytes.indexOf(LF, at + 1)) n++;
  return n;
}

/** Memory for a block, of so many bytes or more, with anything in it. */
type Memory = (bytes: number) => Uint8Array<ArrayBuffer>;

/** The first bytes of some parts in one piece, and the parts that are left. */
function cut(
  parts: readonly Uint8Array[],
  size: number,
  memory: Memory,
): { bytes: Uint8Array<ArrayBuffer>; left: Uint8Array[] } {
  const bytes = memory(size).subarray(0, size);
  const left: Uint8Array[] = [];
  let at = 0;
  for (const part of parts) {
    const taken = Math.min(part.length, size - at);
    bytes.set(part.subarray(0, taken), at);
    at += taken;
    if (taken < part.length) left.push(part.subarray(taken));
  }
  return { bytes, left };
}

/** Where the last whole line ends. */
function endOfLines(parts: readonly Uint8Array[], size: number): number {
  let before = size;
  for (const part of parts.toReversed()) {
    before -= part.length;
    const at = part.lastIndexOf(LF);
    if (at !== -1) return before + at + 1;
  }
  return 0;
}

/**
 * A byte stream in blocks of whole lines, so that others than the reader of the stream can read them. Memory is bounded by one
 * line (at most {@link MAX_LINE_BYTES}), one block and one chunk.
 * @param blockBytes about so many
 * @param firstBytes of the first; each after it has twice as many, so that several share a short file
 * @param memory that of each block
 */
export async function* blocks(
  source: AsyncIterable<Uint8Array>,
  maxBytes = MAX_LINE_BYTES,
  blockBytes = BLOCK_BYTES,
  firstBytes = blockBytes,
  memory: Memory = (bytes) => new Uint8Array(bytes),
): AsyncGenerator<Block> {
  let parts: Uint8Array[] = [];
  let size = 0;
  let number = 1;
  /** bytes of a line that is too large, so far; its end has not come */
  let dropped = 0;
  let room = firstBytes;
  let next = room;
  for await (const chunk of source) {
    let rest = chunk;
    if (dropped > 0) {
      const end = chunk.indexOf(LF);
      dropped += end === -1 ? chunk.length : end;
      if (end === -1) continue;
      yield { number, lines: 1, bytes: new Uint8Array(0), tooLarge: dropped };
      number++;
      dropped = 0;
      rest = chunk.subarray(end + 1);
    }
    parts.push(rest);
    size += rest.length;
    if (size < next) continue;
    const last = endOfLines(parts, size);
    if (last > 0) {
      const { bytes, left } = cut(parts, last, memory);
      const block = { number, lines: linesWithin(bytes), bytes };
      number += block.lines; // before others have it
      yield block;
      parts = left;
      size -= last;
      room = Math.min(blockBytes, room * 2);
    }
    if (size > maxBytes) {
      dropped = size;
      parts = [];
      size = 0;
    }
    // a long line is looked at again when it has doubled
    next = Math.max(room, size * 2);
  }
  if (dropped > 0) yield { number, lines: 1, bytes: new Uint8Array(0), tooLarge: dropped };
  else if (size > 0) {
    const { bytes } = cut(parts, size, memory);
    yield { number, lines: linesWithin(bytes) + (bytes.at(-1) === LF ? 0 : 1), bytes };
  }
}

/**
 * Lines of a byte stream. A BOM at the start, CR before LF and a missing last newline are tolerated; blank lines are
 * left out but counted in `number`. Memory as of {@link blocks}.
 */
export async function* lines(source: AsyncIterable<Uint8Array>, maxBytes = MAX_LINE_BYTES): AsyncGenerator<Line> {
  for await (const block of blocks(source, maxBytes)) yield* linesIn(block, maxBytes);
}
