// Segments of an X12 file, one at a time. Each interchange says in its ISA how its parts are set apart: the element separator is its
// fourth character, the segment terminator its last. Line ends around segments mean nothing. X12.5, ASC X12 005010 B.1.1.2.
// Why no library does it: docs/decisions/018-own-x12-reader.md.

export type X12Segment = { tag: string; elements: string[] };

/** Characters of an ISA before its terminator. */
const ISA_LENGTH = 105;
/** Longer than any segment is: what does not end is no X12. */
const MOST = 1024 * 1024;

/**
 * @param text of the file, in pieces
 * @returns segments; the last one is given although its terminator is missing
 * @throws RangeError when a segment does not end
 */
export async function* x12Segments(text: AsyncIterable<string>): AsyncGenerator<X12Segment> {
  let held = '';
  let element = '*';
  let end = '';
  const segment = (line: string): X12Segment => {
    const [tag = '', ...elements] = line.split(element);
    return { tag: tag.trim(), elements };
  };
  for await (const piece of text) {
    held += piece;
    let from = 0;
    for (;;) {
      while (from < held.length && held.charCodeAt(from) <= 0x20) from++;
      // the tag of an interchange that begins, or what may become it
      if (held.length - from <= ISA_LENGTH && 'ISA'.startsWith(held.slice(from, from + 3))) break;
      if (held.startsWith('ISA', from)) {
        element = held[from + 3] ?? '*';
        end = held[from + ISA_LENGTH] ?? '';
      }
      if (end === '') break;
      const to = held.indexOf(end, from);
      if (to === -1) break;
      yield segment(held.slice(from, to));
      from = to + 1;
    }
    held = held.slice(from);
    if (held.length > MOST) throw new RangeError('a segment does not end');
  }
  if (held.trim() !== '') yield segment(held.trimEnd());
}
