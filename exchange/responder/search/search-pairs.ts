// What a search asks, by GET or by POST to `_search`. https://hl7.org/fhir/R4/http.html#search
import type { Context } from 'hono';
import { Outcome } from '../../../src/fhir/outcome.ts';
import { boundedText } from '../../../src/http/body.ts';
import type { FhirEnv } from '../../../src/http/fhir-app.ts';

const MAX_FORM = 64 * 1024;

/**
 * Names and values of the address, and of a form behind them, if there is one.
 * @throws Outcome 415 for a body that is no form, 413 for one of more than 64 KiB
 */
export async function pairsOf(c: Context<FhirEnv>): Promise<[string, string][]> {
  const query = [...new URL(c.req.url).searchParams];
  if (c.req.method !== 'POST') return query;
  const body = await boundedText(c, MAX_FORM);
  if (body === undefined) throw new Outcome('too-large');
  const type = c.req.header('content-type')?.split(';')[0]?.trim().toLowerCase();
  // who has nothing to put into it may leave it out
  if (body === '' && type === undefined) return query;
  if (type !== 'application/x-www-form-urlencoded')
    throw new Outcome('unsupported-media-type', 'Send application/x-www-form-urlencoded.');
  return [...query, ...new URLSearchParams(body)];
}
