// What waits for a second person, read from its row: it may have been written by another version of the program, or by hand. Pure.
import { timeRange } from '../../src/fhir/instant.ts';
import { isObject } from '../../src/fhir/resource.ts';
import { DOCUMENT_KINDS, type NewDocument } from './peer-document.ts';
import type { PeerFields } from './registration.ts';

type Fits = (value: unknown) => boolean;
const isText: Fits = (v) => typeof v === 'string';
const mayBeEmpty: Fits = (v) => v === null || isText(v);
const isList: Fits = (v) => Array.isArray(v) && v.every(isText);
const isDay: Fits = (v) =>
  v === null || (isText(v) && /^\d{4}-\d\d-\d\d$/.test(String(v)) && timeRange(String(v)) !== undefined);

const FIELDS: Readonly<Record<keyof PeerFields, Fits>> = {
  name: (v) => isText(v) && v !== '',
  npi: mayBeEmpty,
  postalAddress: mayBeEmpty,
  fhirBase: mayBeEmpty,
  clientIdThere: mayBeEmpty,
  clientIdHere: mayBeEmpty,
  jwksUrl: mayBeEmpty,
  jwks: (v) => v === null || (isObject(v as never) && Array.isArray((v as { keys?: unknown }).keys)),
  scopes: isList,
  fileOrigins: isList,
  groupThere: mayBeEmpty,
  sendsAll: (v) => typeof v === 'boolean',
  audience: (v) => v === 'token-url' || v === 'issuer',
  discoveryUrl: mayBeEmpty,
};

/**
 * Fields of a record as they were and as they are to be; undefined where they are not the same fields, none, or not
 * what a record holds.
 */
export function readProposedFields(
  before: Record<string, unknown>,
  after: Record<string, unknown>,
): { before: Partial<PeerFields>; after: Partial<PeerFields> } | undefined {
  const names = Object.keys(after);
  const isWhole = (fields: Record<string, unknown>) =>
    Object.keys(fields).length === names.length &&
    names.every((n) => Object.hasOwn(FIELDS, n) && FIELDS[n as keyof PeerFields](fields[n]));
  return names.length > 0 && isWhole(after) && isWhole(before) ? { before, after } : undefined;
}

/** A document that is to be noted; undefined where something of it is missing. */
export function readProposedDocument(after: Record<string, unknown>): Omit<NewDocument, 'peerId'> | undefined {
  const { kind, title, place, from, to } = after;
  const known = DOCUMENT_KINDS.find((k) => k === kind);
  if (known === undefined || typeof title !== 'string' || title === '' || typeof place !== 'string') return undefined;
  if (!isDay(from) || !isDay(to)) return undefined;
  return { kind: known, title, place, from: from as string | null, to: to as string | null };
}
