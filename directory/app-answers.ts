// Answers that every route of the directory shares: CORS, and methods that a path does not have.
import type { Context } from 'hono';
import { Outcome } from '../src/fhir/outcome.ts';
import { errorResponse, type FhirEnv, route } from '../src/http/fhir-app.ts';

/** Headers of every answer. */
export const CORS = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers':
    'ETag, Last-Modified, Content-Location, Content-Range, Retry-After, X-Progress, Expires, X-Request-Id, RateLimit, RateLimit-Policy',
};
const PREFLIGHT = {
  ...CORS,
  'access-control-allow-methods': 'GET, HEAD, POST, DELETE, OPTIONS',
  // any: FHIR libraries add headers of their own, and nothing here goes by credentials; `*` does not stand for Authorization
  'access-control-allow-headers':
    '*, Accept, Authorization, Cache-Control, Content-Type, If-Modified-Since, If-None-Match, Prefer, Range, X-Request-Id',
  'access-control-max-age': '86400',
};

export function preflight(c: Context<FhirEnv>): Response {
  return c.body(null, 204, PREFLIGHT);
}

/** 405, or the answer to a preflight request. @param details what to do instead, for `diagnostics` */
export function notAllowed(c: Context<FhirEnv>, allow: string, details?: string): Response {
  if (c.req.method === 'OPTIONS') return preflight(c);
  route(c, 'not-allowed');
  return errorResponse(c, new Outcome('method-not-allowed', details, { headers: { allow } }));
}
