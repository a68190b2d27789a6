// The text of a file that people and older programs wrote: UTF-8, UTF-16 with its mark, or, when it is no UTF-8, Windows-1252, in which
// spreadsheets and enrolment systems of the country still write. https://encoding.spec.whatwg.org/
import { createReadStream } from 'node:fs';

type Encoding = 'utf-8' | 'utf-16le' | 'utf-16be' | 'windows-1252';
type Open = (path: string) => AsyncIterable<Uint8Array>;

const asItIs: Open = (path) => createReadStream(path) as AsyncIterable<Uint8Array>;

/** Reads a file that has no mark once, to its first byte that is no UTF-8. */
async function encodingOf(path: string, open: Open): Promise<Encoding> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let begin = Buffer.alloc(0);
  try {
    for await (const chunk of open(path)) {
      if (begin.length < 2) {
        begin = Buffer.concat([begin, chunk.subarray(0, 2)]);
        if (begin[0] === 0xff && begin[1] === 0xfe) return 'utf-16le';
        if (begin[0] === 0xfe && begin[1] === 0xff) return 'utf-16be';
      }
      decoder.decode(chunk, { stream: true });
    }
    decoder.decode();
    return 'utf-8';
  } catch (error) {
    if ((error as { code?: string }).code !== 'ERR_ENCODING_INVALID_ENCODED_DATA') throw error;
    return 'windows-1252';
  }
}

/**
 * The text in pieces, without a byte order mark.
 * @param open its bytes, which are asked for twice
 * @throws what the file system says when it cannot be read
 */
export async function* textOfFile(path: string, open: Open = asItIs): AsyncGenerator<string> {
  const decoder = new TextDecoder(await encodingOf(path, open));
  for await (const chunk of open(path)) {
    const text = decoder.decode(chunk, { stream: true });
    if (text !== '') yield text;
  }
  const rest = decoder.decode();
  if (rest !== '') yield rest;
}
