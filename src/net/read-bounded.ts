// Bodies of others, requests or answers, read up to a limit.

/** The body was longer than allowed. */
export class TooLarge extends Error {}

/**
 * The body as it comes.
 * @throws TooLarge past `maxBytes`, as soon as so many bytes have come
 */
export async function* boundedParts(
  source: Pick<Response, 'body'>,
  maxBytes: number,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  if (source.body === null) return;
  let size = 0;
  for await (const part of source.body as unknown as AsyncIterable<Uint8Array<ArrayBuffer>>) {
    size += part.length;
    if (size > maxBytes) throw new TooLarge(`more than ${maxBytes} bytes`);
    yield part;
  }
}

/**
 * The whole body as text. Invalid UTF-8 becomes U+FFFD.
 * @throws TooLarge past `maxBytes`, as soon as so many bytes have come
 */
export async function readBounded(source: Pick<Response, 'body'>, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder();
  const parts: string[] = [];
  // as it comes: the bytes of a large body are not held beside its text
  for await (const part of boundedParts(source, maxBytes)) parts.push(decoder.decode(part, { stream: true }));
  parts.push(decoder.decode());
  return parts.join('');
}
