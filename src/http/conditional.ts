// Entity tags and conditional reads. https://hl7.org/fhir/R4/http.html#cread

import { createHash } from 'node:crypto';

export const entityTag = (version: number | string): string => `W/"${version}"`;

/** The tag of an answer that is made again each time: of its bytes. */
export const contentTag = (body: string | Uint8Array): string =>
  `"${createHash('sha256').update(body).digest('hex').slice(0, 32)}"`;

/**
 * May the server answer 304? `If-None-Match` wins over `If-Modified-Since` (RFC 9110, 13.2.2). Times are compared in
 * whole seconds, as HTTP dates have no more.
 */
export function isNotModified(
  ifNoneMatch: string | undefined,
  ifModifiedSince: string | undefined,
  tag: string,
  lastModified: Date,
): boolean {
  if (ifNoneMatch !== undefined) {
    const bare = tag.replace(/^W\//, '');
    return ifNoneMatch.split(',').some((t) => t.trim() === '*' || t.trim().replace(/^W\//, '') === bare);
  }
  if (ifModifiedSince === undefined) return false;
  const since = Date.parse(ifModifiedSince);
  return !Number.isNaN(since) && Math.floor(lastModified.getTime() / 1000) * 1000 <= since;
}

/** Is what is here not what the client has a part of? Compared strongly: RFC 9110, 13.1.1. */
export const isAnother = (ifMatch: string | undefined, tag: string): boolean =>
  ifMatch !== undefined && !ifMatch.split(',').some((t) => t.trim() === '*' || t.trim() === tag);
