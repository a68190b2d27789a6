// The Prefer header, RFC 7240: several headers or one list, names without case, optional quotes.

import { Outcome } from '../../src/fhir/outcome.ts';
import { isOfVersion, isRefused, mediaType } from '../../src/http/negotiate.ts';

const ACCEPTED = new Set(['application/fhir+json', 'application/json', 'application/*', '*/*']);

export type Preferences = {
  isAsync: boolean;
  handling: 'strict' | 'lenient';
  pdexSpec: string | undefined;
  separateStatus: boolean;
};

export function readPrefer(header: string | undefined): Preferences {
  const found: Preferences = { isAsync: false, handling: 'strict', pdexSpec: undefined, separateStatus: false };
  for (const part of (header ?? '').split(/[,;]/)) {
    const [name = '', value = ''] = part.trim().split('=');
    const clean = value.trim().replace(/^"|"$/g, '').toLowerCase();
    if (name.trim().toLowerCase() === 'respond-async') found.isAsync = true;
    if (name.trim().toLowerCase() === 'separate-export-status') found.separateStatus = true;
    if (name.trim().toLowerCase() === 'handling' && clean === 'lenient') found.handling = 'lenient';
    if (name.trim().toLowerCase() === 'pdex-spec') found.pdexSpec = clean;
  }
  return found;
}

/**
 * What a kick-off may accept: FHIR JSON or a range that holds it.
 * @throws Outcome 400 when absent, 406 for anything else
 */
export function acceptFhir(accept: string | undefined): void {
  if (accept === undefined || accept.trim() === '')
    throw new Outcome('missing-parameter', 'Send Accept: application/fhir+json.');
  const ranges = accept.split(',').filter((range) => !isRefused(range) && isOfVersion(range));
  if (!ranges.some((r) => ACCEPTED.has(mediaType(r)))) throw new Outcome('not-acceptable');
}

/** FHIR JSON in, or 415. */
export function isFhirJson(contentType: string | undefined): boolean {
  const type = contentType?.split(';')[0]?.trim().toLowerCase();
  return (type === 'application/fhir+json' || type === 'application/json') && isOfVersion(contentType ?? '');
}
