// Lines of an NDJSON stream, byte-exact: split on 0x0A in bytes, decode whole lines, so that a character cut by a
// chunk border is never damaged (Bulk Data 2.0.0, https://hl7.org/fhir/uv/bulkdata/STU2/).

/** One line. `number` counts from 1 and counts blank lines too; `text` is absent when the line could not be read. */
export type Line =
  | { number: number; text: string }
  | { number: number; fault: 'not-utf8' | 'too-large'; bytes: number };

export const MAX_LINE_BYTES = 16 * 1024 * 1024;

const LF = 10;
const decoder = () => new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Lines of a byte stream. A BOM at the start, CR before LF and a missing last newline are tolerated; blank lines are
 * left out but counted in `number`. Memory is bounded by one line (at most {@link MAX_LINE_BYTES}) and one chunk.
 */
export async function* lines(source: AsyncIterable<Uint8Array>, maxBytes = MAX_LINE_BYTES): AsyncGenerator<Line> {
  const decode = decoder();
  let parts: Uint8Array[] = [];
  let size = 0;
  let number = 0;
  const finish = (): Line | undefined => {
    number++;
    const bytes = size;
    const held = parts;
    parts = [];
    size = 0;
    if (bytes > maxBytes) return { number, fault: 'too-large', bytes };
    const whole = held.length === 1 && held[0] ? held[0] : Buffer.concat(held, bytes);
    try {
      let text = decode.decode(whole);
      if (number === 1 && text.charCodeAt(0) === 0xfeff) text = text.slice(1);
      if (text.endsWith('\r')) text = text.slice(0, -1);
      return text.trim() === '' ? undefined : { number, text };
    } catch {
      return { number, fault: 'not-utf8', bytes };
    }
  };
  for await (const chunk of source) {
    let from = 0;
    for (;;) {
      const end = chunk.indexOf(LF, from);
      const part = end === -1 ? chunk.subarray(from) : chunk.subarray(from, end);
      size += part.length;
      if (size <= maxBytes) {
        if (part.length > 0) parts.push(end === -1 ? part.slice() : part);
      } else parts = [];
      if (end === -1) break;
      const line = finish();
      if (line) yield line;
      from = end + 1;
    }
  }
  if (size > 0) {
    const line = finish();
    if (line) yield line;
  }
}
