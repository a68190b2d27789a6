// A browser that opens the address of an API: its Accept header names HTML before any JSON.

import type { Context } from 'hono';
import { accepts } from 'hono/accepts';

const FORMS = ['application/fhir+json', 'application/json', 'text/html'];

/** Does the client prefer an HTML page to JSON? Clients that state nothing, or anything, do not. RFC 9110 12.5.1 */
export const prefersPage = (c: Context): boolean =>
  c.req.query('_format') === undefined &&
  accepts(c, { header: 'Accept', supports: FORMS, default: 'application/fhir+json' }) === 'text/html';
