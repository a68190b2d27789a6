// JSON with line breaks and indents, for reading: numbers and strings stay as they were written.

const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s{}[\],:"]+/gs;

/**
 * In pieces, of a value that is a resource some members each: between two of them others can have their turn.
 * @param json a text that JSON.parse accepts
 */
export function* prettyPieces(json: string): Generator<string> {
  let line = '\n';
  let piece = '';
  let isOpen = false;
  for (const [token] of json.matchAll(TOKEN)) {
    const closes = token === '}' || token === ']';
    if (closes) line = line.slice(0, -2);
    // nothing stands between the brackets of what is empty
    if (isOpen ? !closes : closes) piece += line;
    isOpen = token === '{' || token === '[';
    if (isOpen) line += '  ';
    piece += token === ':' ? ': ' : token;
    if (token !== ',') continue;
    piece += line;
    if (piece.length < AT_LEAST) continue;
    yield piece;
    piece = '';
  }
  yield piece;
}

const AT_LEAST = 16_384;

/** The same as a whole. */
export const prettyJson = (json: string): string => [...prettyPieces(json)].join('');
