// The query of a request, as it came.
import type { Context } from 'hono';
import type { FhirEnv } from './fhir-app.ts';

/** Names and values in their order, a name as often as it came. */
export function queryPairs(c: Context<FhirEnv>): [string, string][] {
  const { url } = c.req.raw;
  const at = url.indexOf('?');
  return at === -1 ? [] : [...new URLSearchParams(url.slice(at + 1))];
}
