// What a client accepts. We produce JSON only; a browser that asks for HTML gets JSON too.
// https://hl7.org/fhir/R4/http.html#mime-type
import { Outcome } from '../fhir/outcome.ts';

const FORMATS =
  /^(json|application\/json|application\/fhir\+json|application\/json\+fhir|text\/json|text\/html|html|\*\/\*)$/;
const ACCEPTED =
  /^(\*\/\*|application\/\*|text\/\*|text\/html|application\/xhtml\+xml|(application|text)\/(fhir\+json|json|json\+fhir))$/;

/**
 * Checks `Accept` and `_format`.
 * @throws Outcome not-acceptable
 */
export function checkAccepts(accept: string | undefined, format: string | undefined): void {
  if (format !== undefined && format !== '') {
    // "application/fhir json": a plus that the client did not encode
    if (!FORMATS.test(mediaType(format).replace(' ', '+'))) throw new Outcome('not-acceptable');
    return;
  }
  if (!acceptsJson(accept)) throw new Outcome('not-acceptable');
}

/** Does `Accept` admit what we produce? */
export function acceptsJson(accept: string | undefined): boolean {
  if (accept === undefined || accept === '*/*' || accept === 'application/fhir+json' || accept === '') return true;
  return accept.split(',').some(isAccepted);
}

/** The media type of a range, in lower case. */
export const mediaType = (text: string): string => (text.split(';', 1)[0] ?? '').trim().toLowerCase();

/** A range that says it is not wanted. RFC 9110 12.4.2 */
export const isRefused = (range: string): boolean => /;\s*q=0(\.0*)?\s*(;|$)/i.test(range);

function isAccepted(range: string): boolean {
  if (!ACCEPTED.test(mediaType(range))) return false;
  if (isRefused(range)) return false;
  const version = /;\s*fhirversion\s*=\s*"?([\d.]+)/i.exec(range)?.[1];
  return version === undefined || version === '4.0' || version === '4.0.1';
}
