// Bodies of others, requests or answers, read up to a limit.

/** The body was longer than allowed. */
export class TooLarge extends Error {}

/**
 * The whole body as text. Invalid UTF-8 becomes U+FFFD.
 * @throws TooLarge past `maxBytes`, as soon as so many bytes have come
 */
export async function readBounded(source: Pick<Response, 'body'>, maxBytes: number): Promise<string> {
  if (source.body === null) return '';
  const decoder = new TextDecoder();
  const parts: string[] = [];
  let size = 0;
  for await (const part of source.body as unknown as AsyncIterable<Uint8Array>) {
    size += part.length;
    if (size > maxBytes) throw new TooLarge(`more than ${maxBytes} bytes`);
    // as it comes: the bytes of a large body are not held beside its text
    parts.push(decoder.decode(part, { stream: true }));
  }
  parts.push(decoder.decode());
  return parts.join('');
}
