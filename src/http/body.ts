// Bodies of requests, never more of them in memory than is allowed. Every body is read here: a length that is not announced
// (chunked) must not get past a limit.
import type { Context, MiddlewareHandler } from 'hono';
import { Outcome } from '../fhir/outcome.ts';
import { NotText, readBounded, TooLarge, utf8 } from '../net/read-bounded.ts';
import type { FhirEnv } from './fhir-app.ts';

/**
 * The body as text, or undefined when it is longer; what is announced too long is not read at all.
 * @throws Outcome 400 when it is not UTF-8: what someone is called would be lost; 415 for an encoded body
 */
export async function boundedText(c: Context<FhirEnv>, maxBytes: number): Promise<string | undefined> {
  refuseEncoded(c);
  const read = c.get('body');
  if (read) return read.text === undefined || Buffer.byteLength(read.text) > maxBytes ? undefined : read.text;
  const announced = c.req.header('content-length');
  if (Number(announced ?? 0) > maxBytes) return undefined;
  // no more than was announced is ever read of a request: it need not be counted, and a stream costs more than all of a short body
  try {
    if (announced !== undefined && /^\d+$/.test(announced)) return utf8(await c.req.raw.arrayBuffer());
    return await readBounded(c.req.raw, maxBytes);
  } catch (error) {
    if (error instanceof TooLarge) return undefined;
    if (error instanceof NotText) throw new Outcome('invalid-json', NOT_UTF8);
    throw error;
  }
}

/** @throws Outcome 415: what is packed or in wide letters would be read as others, and may unpack to any length */
export function refuseEncoded(c: Context<FhirEnv>): void {
  const encoding = c.req.header('content-encoding');
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity')
    throw new Outcome('unsupported-media-type', 'Send the body as it is, without Content-Encoding.');
  // others agree in what is ASCII; what is not UTF-8 is seen when it is read
  if (WIDE.test(c.req.header('content-type') ?? ''))
    throw new Outcome('unsupported-media-type', 'Send the body in UTF-8.');
}

/** Encodings in which JSON and forms may not be sent (RFC 8259, 8.1), of which the letters look like UTF-8 all the same. */
const WIDE = /;\s*charset\s*=\s*"?(?:utf-?(?:16|32)|ucs-?[24])/i;

export const NOT_UTF8 = 'The body is not in UTF-8.';

/** @throws Outcome 413 for a longer body */
export async function bodyText(c: Context<FhirEnv>, maxBytes: number): Promise<string> {
  const text = await boundedText(c, maxBytes);
  if (text === undefined) throw new Outcome('too-large');
  return text;
}

/**
 * Reads bodies before anything else is done for a request: anyone who sends one slowly waits alone, and takes no place of those who
 * are worked on.
 */
export function bodyFirst(maxBytes: number): MiddlewareHandler<FhirEnv> {
  return async (c, next) => {
    if (c.req.method === 'POST') c.set('body', { text: await boundedText(c, maxBytes) });
    await next();
  };
}
