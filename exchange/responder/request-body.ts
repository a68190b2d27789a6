// Bodies of requests, never more of them in memory than is allowed.
import type { Context } from 'hono';
import { Outcome } from '../../src/fhir/outcome.ts';
import type { Json } from '../../src/fhir/resource.ts';
import { JsonFault, parseStrict } from '../../src/fhir/strict-json.ts';
import { boundedText, NOT_UTF8, refuseEncoded } from '../../src/http/body.ts';
import type { FhirEnv } from '../../src/http/fhir-app.ts';
import { boundedParts, NotText, onlyUtf8, TooLarge } from '../../src/net/read-bounded.ts';

/**
 * The body of a FHIR operation.
 * @throws Outcome 413 past `maxBytes`; 415 for an encoded body
 */
export async function fhirText(c: Context<FhirEnv>, maxBytes: number): Promise<string> {
  const body = await boundedText(c, maxBytes);
  if (body === undefined) throw tooLarge(maxBytes);
  return body;
}

/** The same as it comes. */
export async function* fhirBytes(c: Context<FhirEnv>, maxBytes: number): AsyncGenerator<Uint8Array> {
  refuseEncoded(c);
  if (Number(c.req.header('content-length') ?? 0) > maxBytes) throw tooLarge(maxBytes);
  try {
    yield* onlyUtf8(boundedParts(c.req.raw, maxBytes));
  } catch (error) {
    if (error instanceof NotText) throw new Outcome('invalid-json', NOT_UTF8);
    throw error instanceof TooLarge ? tooLarge(maxBytes) : error;
  }
}

const tooLarge = (maxBytes: number) => new Outcome('too-large', `A request may have at most ${maxBytes} bytes.`);

/** The same, parsed. */
export async function fhirJson(c: Context<FhirEnv>, maxBytes: number): Promise<{ text: string; json: Json }> {
  const text = await fhirText(c, maxBytes);
  return { text, json: strictJson(text) };
}

/** @throws Outcome 400 for what is no JSON, or can be read in two ways */
export function strictJson(text: string): Json {
  try {
    return parseStrict(text);
  } catch (error) {
    if (error instanceof JsonFault) throw new Outcome('invalid-json', error.message);
    throw error;
  }
}
