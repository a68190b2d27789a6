// What a client accepts: JSON, and XML where it is offered. A browser that asks for HTML gets JSON.
// https://hl7.org/fhir/R4/http.html#mime-type
import { Outcome } from '../fhir/outcome.ts';

const FORMATS =
  /^(json|application\/json|application\/fhir\+json|application\/json\+fhir|text\/json|text\/html|html|\*\/\*)$/;
const ACCEPTED =
  /^(\*\/\*|application\/\*|text\/\*|text\/html|application\/xhtml\+xml|(application|text)\/(fhir\+json|json|json\+fhir))$/;

const XML = /^(application\/(fhir\+xml|xml\+fhir|xml)|text\/xml)$/;

/**
 * Checks `Accept` and `_format` where there is XML too.
 * @throws Outcome not-acceptable
 */
export function checkJsonOrXml(accept: string | undefined, format: string | undefined): void {
  if (!asksXml(accept, format)) checkAccepts(accept, format);
}

/** Is it XML that is asked for? `_format` comes before `Accept`, of which the better range counts, and a type that is named before one that is not. */
export function asksXml(accept: string | undefined, format: string | undefined): boolean {
  if (format !== undefined && format !== '') {
    const type = mediaType(format).replace(' ', '+');
    return type === 'xml' || XML.test(type);
  }
  if (accept === undefined || !/xml/i.test(accept)) return false;
  const ranges = accept.split(',');
  const best = (isOne: (range: string) => boolean) => Math.max(0, ...ranges.filter(isOne).map(weight));
  return best((range) => XML.test(mediaType(range)) && isOfVersion(range) && !isRefused(range)) > best(isAccepted);
}

/** Its quality; a named type has somewhat more than one that is not. RFC 9110 12.5.1 */
function weight(range: string): number {
  const quality = Number(/;\s*q=([\d.]+)/i.exec(range)?.[1] ?? 1);
  return quality + (range.includes('*') ? 0 : 0.0001);
}

/**
 * Checks `Accept` and `_format` where there is JSON only.
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
  return !isRefused(range) && isOfVersion(range);
}

/** Does `Accept-Encoding` admit gzip? Who does not say so gets none. RFC 9110 12.5.3 */
export function acceptsGzip(accept: string | undefined): boolean {
  if (accept === undefined || accept === '') return false;
  const ranges = accept.split(',');
  const named = ranges.find((r) => /^(x-)?gzip$/.test(mediaType(r))) ?? ranges.find((r) => mediaType(r) === '*');
  return named !== undefined && !isRefused(named);
}

/** Does a range ask for no version of FHIR, or for ours? */
export function isOfVersion(range: string): boolean {
  const version = /;\s*fhirversion\s*=\s*"?([\d.]+)/i.exec(range)?.[1];
  return version === undefined || version === '4.0' || version === '4.0.1';
}
