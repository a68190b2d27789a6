// The text of a file that people and older programs wrote: UTF-8, UTF-16 with its mark, or, when it is no UTF-8, Windows-1252, in which
// spreadsheets and enrolment systems of the country still write. https://encoding.spec.whatwg.org/
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';

type Encoding = 'utf-8' | 'utf-16le' | 'utf-16be' | 'windows-1252';

/** Reads a file that has no mark once, to its first byte that is no UTF-8. */
async function encodingOf(path: string): Promise<Encoding> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0);
    if (bytesRead === 2 && buffer[0] === 0xff && buffer[1] === 0xfe) return 'utf-16le';
    if (bytesRead === 2 && buffer[0] === 0xfe && buffer[1] === 0xff) return 'utf-16be';
  } finally {
    await file.close();
  }
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const source = createReadStream(path);
  try {
    for await (const chunk of source as AsyncIterable<Uint8Array>) decoder.decode(chunk, { stream: true });
    decoder.decode();
    return 'utf-8';
  } catch (error) {
    if ((error as { code?: string }).code !== 'ERR_ENCODING_INVALID_ENCODED_DATA') throw error;
    return 'windows-1252';
  } finally {
    source.destroy();
  }
}

/**
 * The text in pieces, without a byte order mark.
 * @throws what the file system says when it cannot be read
 */
export async function* textOfFile(path: string): AsyncGenerator<string> {
  const decoder = new TextDecoder(await encodingOf(path));
  for await (const chunk of createReadStream(path) as AsyncIterable<Uint8Array>) {
    const text = decoder.decode(chunk, { stream: true });
    if (text !== '') yield text;
  }
  const rest = decoder.decode();
  if (rest !== '') yield rest;
}
