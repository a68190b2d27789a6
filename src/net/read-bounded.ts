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

/** The bytes are no text in UTF-8: characters would be lost, or others than were meant. */
export class NotText extends Error {}

/** @throws NotText */
export function utf8(bytes: AllowSharedBufferSource): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new NotText('not UTF-8', { cause });
  }
}

/**
 * The whole body as text in UTF-8, without a byte order mark.
 * @throws TooLarge past `maxBytes`, as soon as so many bytes have come; NotText
 */
export async function readBounded(source: Pick<Response, 'body'>, maxBytes: number): Promise<string> {
  const decode = decoder();
  const texts: string[] = [];
  // as it comes: the bytes of a large body are not held beside its text
  for await (const part of boundedParts(source, maxBytes)) texts.push(decode(part));
  texts.push(decode());
  return texts.join('');
}

/**
 * The same bytes.
 * @throws NotText where they are no UTF-8
 */
export async function* onlyUtf8<T extends Uint8Array>(parts: AsyncIterable<T>): AsyncGenerator<T> {
  const decode = decoder();
  for await (const part of parts) {
    decode(part);
    yield part;
  }
  decode();
}

/** Decodes parts, and at last without one what is left. */
function decoder(): (part?: Uint8Array) => string {
  const utf = new TextDecoder('utf-8', { fatal: true });
  return (part) => {
    try {
      return part ? utf.decode(part, { stream: true }) : utf.decode();
    } catch (cause) {
      throw new NotText('not UTF-8', { cause });
    }
  };
}
