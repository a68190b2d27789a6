// Small forms of pages.
import type { Context } from 'hono';
import { boundedText } from './body.ts';
import type { FhirEnv } from './fhir-app.ts';

const MAX_FORM_BYTES = 16 * 1024;

/** The fields of a small form; undefined when it is too long or none. */
export async function readForm(c: Context<FhirEnv>, maxBytes = MAX_FORM_BYTES): Promise<URLSearchParams | undefined> {
  if (!(c.req.header('content-type') ?? '').startsWith('application/x-www-form-urlencoded')) return undefined;
  const body = await boundedText(c, maxBytes);
  if (body === undefined) return undefined;
  const form = new URLSearchParams(body);
  // PostgreSQL holds no NUL in a text, and no person types one
  return [...form.values()].some((v) => v.includes('\0')) ? undefined : form;
}
