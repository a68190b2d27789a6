// The text of a file that people and older programs wrote: UTF-8, UTF-16 with its mark, or, in lines that are no UTF-8, Windows-1252, in
// which spreadsheets and enrolment systems of the country still write. Line by line, since a program that cuts names to a length may
// have cut a letter of UTF-8, and the other lines are no worse for it. https://encoding.spec.whatwg.org/
import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';

type Open = (path: string) => AsyncIterable<Uint8Array>;

const asItIs: Open = (path) => createReadStream(path) as AsyncIterable<Uint8Array>;

/** Lines end by themselves, or as segments of X12 do. */
const LF = 0x0a;
const CR = 0x0d;
const TILDE = 0x7e;
/** Bytes of a line that is waited for; a longer one is judged in parts. */
const LONGEST = 64 * 1024;
const MARK = '\ufeff';

const older = new TextDecoder('windows-1252');

/** Bytes up to the last end of a line; of what has none and is long, to the last letter that is one byte. 0: more is to be read first */
function wholeLines(bytes: Buffer): number {
  const ended = Math.max(bytes.lastIndexOf(LF), bytes.lastIndexOf(CR), bytes.lastIndexOf(TILDE)) + 1;
  if (ended > 0 || bytes.length < LONGEST) return ended;
  for (let at = bytes.length; at > 0; at--) if ((bytes[at - 1] ?? 0) < 0x80) return at;
  return bytes.length;
}

function textOf(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString('utf8');
  let text = '';
  for (let from = 0, to = 0; from < bytes.length; from = to) {
    for (let isEnd = false; to < bytes.length && !isEnd; to++) {
      const byte = bytes[to];
      isEnd = byte === LF || byte === CR || byte === TILDE;
    }
    const line = bytes.subarray(from, to);
    text += isUtf8(line) ? line.toString('utf8') : older.decode(line);
  }
  return text;
}

async function* asLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let held: Buffer = Buffer.alloc(0);
  try {
    for await (const chunk of chunks) {
      const whole = wholeLines(held);
      if (whole > 0) yield textOf(held.subarray(0, whole));
      held = whole === held.length ? chunk : Buffer.concat([held.subarray(whole), chunk]);
    }
  } catch (fault) {
    // what had come until then is good, but for a line that is not whole
    yield textOf(held.subarray(0, wholeLines(held)));
    throw fault;
  }
  if (held.length > 0) yield textOf(held);
}

async function* asUtf16(chunks: AsyncIterable<Buffer>, encoding: 'utf-16le' | 'utf-16be'): AsyncGenerator<string> {
  const decoder = new TextDecoder(encoding, { ignoreBOM: true });
  for await (const chunk of chunks) yield decoder.decode(chunk, { stream: true });
  yield decoder.decode();
}

/** The same bytes, of which the first piece is long enough to have a mark. */
async function* withBeginning(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let begin: Buffer | undefined = Buffer.alloc(0);
  for await (const chunk of chunks) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (begin === undefined) yield bytes;
    else {
      begin = Buffer.concat([begin, bytes]);
      if (begin.length < 2) continue;
      yield begin;
      begin = undefined;
    }
  }
  if (begin !== undefined && begin.length > 0) yield begin;
}

async function* decoded(chunks: AsyncGenerator<Buffer>): AsyncGenerator<string> {
  const first = await chunks.next();
  if (first.done) return;
  const all = async function* () {
    yield first.value;
    yield* chunks;
  };
  const [a, b] = first.value;
  if (a === 0xff && b === 0xfe) yield* asUtf16(all(), 'utf-16le');
  else if (a === 0xfe && b === 0xff) yield* asUtf16(all(), 'utf-16be');
  else yield* asLines(all());
}

/**
 * The text in pieces, without a byte order mark.
 * @param open its bytes
 * @throws what the file system says when it cannot be read
 */
export async function* textOfFile(path: string, open: Open = asItIs): AsyncGenerator<string> {
  let isFirst = true;
  for await (const piece of decoded(withBeginning(open(path)))) {
    const text = isFirst && piece.startsWith(MARK) ? piece.slice(1) : piece;
    if (piece !== '') isFirst = false;
    if (text !== '') yield text;
  }
}
