// Lines of a text, however they end: LF, CRLF, CR alone as on old machines, or several of these in one file.

/** A line without its end, counted from 1 as an editor does. Without `text` it is longer than any that is meant. */
export type TextLine = { number: number; text?: string };

/**
 * Does CR alone end a line? It does where the first line ends so; elsewhere it is part of a value. Undefined: not known yet.
 * @param isAll nothing follows
 */
function endsWithCr(text: string, isAll: boolean): boolean | undefined {
  const at = text.search(/[\r\n]/);
  if (at === -1) return undefined;
  const after = text.slice(at).search(/[^\r]/);
  if (after === -1) return isAll ? true : undefined;
  return text[at + after] !== '\n';
}

/**
 * The lines in groups, as they come.
 * @param longest letters of a line; one that has more is passed over, with its number
 */
export async function* textLines(pieces: AsyncIterable<string>, longest: number): AsyncGenerator<TextLine[]> {
  let held = '';
  let number = 0;
  let alone: boolean | undefined;
  let isTooLong = false;

  function taken(text: string, isAll: boolean): TextLine[] {
    held += text;
    alone ??= endsWithCr(held, isAll);
    // the LF of a CR may come with the next piece
    const kept = alone === true && !isAll && held.endsWith('\r') ? '\r' : '';
    const even = alone === true ? held.slice(0, held.length - kept.length).replace(/\r\n?/g, '\n') : held;
    const lines = even.split('\n');
    const rest = isAll ? '' : `${lines.pop() ?? ''}${kept}`;
    if (isAll && lines.at(-1) === '' && !isTooLong) lines.pop();
    const found = lines.map((line, i): TextLine => {
      number++;
      if ((i === 0 && isTooLong) || line.length > longest) return { number };
      return { number, text: line.endsWith('\r') ? line.replace(/\r+$/, '') : line };
    });
    if (lines.length > 0) isTooLong = false;
    isTooLong ||= rest.length > longest;
    held = isTooLong ? (/\r*$/.exec(rest)?.[0] ?? '') : rest;
    return found;
  }

  for await (const piece of pieces) {
    const lines = taken(piece, false);
    if (lines.length > 0) yield lines;
  }
  const last = taken('', true);
  if (last.length > 0) yield last;
}
