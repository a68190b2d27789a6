// Attachments that a received record gives by address: found when the line is read, fetched later (requester/fetch-attachments.ts). An
// address of a peer stays in the text of the record as its source, and never leaves (records/attachment.ts). Pure.
// https://hl7.org/fhir/R4/datatypes.html#Attachment
import { extensions, isObject, type Json, type JsonObject, type Resource, text } from '../../src/fhir/resource.ts';
import { parseSpelled, stringifySpelled } from '../../src/fhir/spelled-numbers.ts';
import { HOLDS } from '../records/facts/watched-names.ts';

export type Addressed = {
  /** the member as it stands in the text: `"url":"…"` */
  written: string;
  /** absolute, as far as it can be made so */
  url: string;
  media?: string;
  size?: number;
  /** SHA-1 in base64, as the record says */
  sha1?: string;
  /** SHA-256 in hexadecimal, as a server says that keeps the bytes apart */
  sha256?: string;
  /** its bytes are in the record as well: it need not be fetched */
  isWithin?: true;
};

/** Members that are Attachments wherever they stand. Others are known by their content type. */
const NAMES: ReadonlySet<string> = new Set([
  'attachment',
  'presentedForm',
  'photo',
  'image',
  'valueAttachment',
  'contentAttachment',
  'sourceAttachment',
]);
const EXTENSIONS: ReadonlySet<string> = new Set(['extension', 'modifierExtension']);
/** What a record of a type names when it holds an Attachment that does not say its type. */
const HINTS: Readonly<Record<string, number>> = {
  DiagnosticReport: HOLDS.presentedForm,
  Media: HOLDS.content,
  Patient: HOLDS.photo,
  Practitioner: HOLDS.photo,
  RelatedPerson: HOLDS.photo,
};
/** Addresses that lead nowhere outside the record. */
const NO_PLACE = /^(?:#|urn:)/i;
/** Attachments of one record that are looked at. */
export const MOST_ATTACHMENTS = 200;

function* addressed(value: Json | undefined, key: string): Generator<JsonObject & { url: string }> {
  if (Array.isArray(value)) {
    for (const v of value) yield* addressed(v, key);
    return;
  }
  if (!isObject(value)) return;
  const isAttachment =
    !EXTENSIONS.has(key) && (typeof value['contentType'] === 'string' || NAMES.has(key) || key === 'content');
  if (isAttachment && typeof value['url'] === 'string' && !NO_PLACE.test(value['url']))
    yield value as JsonObject & { url: string };
  for (const [name, member] of Object.entries(value)) yield* addressed(member, name);
}

/** Stands in the place of bytes that a server keeps apart from its records (kept-apart.ts). */
const APART = 'http://hapifhir.io/fhir/StructureDefinition/externalized-binary-id';
/** Beside it: the SHA-256 of these bytes. */
const APART_SHA256 = 'http://hapifhir.io/fhir/StructureDefinition/externalized-binary-hash-sha256';
const SHA256 = /^[0-9a-f]{64}$/;

/** The name of the bytes of an Attachment in such a server; undefined where they are there, or an address, or nothing says so. */
export function apartId(attachment: JsonObject): string | undefined {
  if (text(attachment['data']) !== undefined || text(attachment['url']) !== undefined) return undefined;
  const beside = attachment['_data'];
  const said = isObject(beside) ? extensions(beside, APART)[0] : undefined;
  return said && text(said['valueString']);
}

/** What such a server says of these bytes; undefined where it says nothing that is a SHA-256. */
function apartSha256(attachment: JsonObject): string | undefined {
  const beside = attachment['_data'];
  const said = isObject(beside) ? extensions(beside, APART_SHA256)[0] : undefined;
  const hash = said && text(said['valueString'])?.trim().toLowerCase();
  return hash !== undefined && SHA256.test(hash) ? hash : undefined;
}

/** Is there an Attachment with neither bytes nor an address, nor a place where they are kept? */
function namesOnly(value: Json | undefined, key: string): boolean {
  if (Array.isArray(value)) return value.some((v) => namesOnly(v, key));
  if (!isObject(value)) return false;
  const isAttachment = NAMES.has(key) || typeof value['contentType'] === 'string';
  const isThere = text(value['data']) !== undefined || text(value['url']) !== undefined || apartId(value) !== undefined;
  if (isAttachment && !isThere) return true;
  return Object.entries(value).some(([name, member]) => !EXTENSIONS.has(name) && namesOnly(member, name));
}

/**
 * Does a record tell of a document and give neither its bytes nor where they are? Servers that keep bytes apart from their
 * records leave them out of some of their answers. `names`: which of the watched ones it has.
 */
export const hasEmptyAttachment = (resource: Resource, names: number): boolean =>
  mayHold(resource.resourceType, names) && namesOnly(resource, '');

/** Could it hold one at all? Most records hold none. */
const mayHold = (type: string, names: number): boolean => (names & (HOLDS.attachment | (HINTS[type] ?? 0))) !== 0;

const writtenOf = (url: string): string => `"url":${JSON.stringify(url)}`;

function absolute(url: string, peerBase: string): string {
  const base = `${peerBase.replace(/\/+$/, '')}/`;
  return URL.canParse(url, base) ? new URL(url, base).href : url;
}

/** An Attachment that says an address, as it is fetched and found again in the text. */
export function readAttachment(a: JsonObject & { url: string }, peerBase: string): Addressed {
  const [media, sha1, size] = [text(a['contentType']), text(a['hash']), a['size']];
  const sha256 = apartSha256(a);
  return {
    written: writtenOf(a.url),
    url: absolute(a.url, peerBase),
    ...(media === undefined ? {} : { media }),
    ...(typeof size === 'number' && Number.isSafeInteger(size) && size >= 0 ? { size } : {}),
    ...(sha1 === undefined ? {} : { sha1 }),
    ...(sha256 === undefined ? {} : { sha256 }),
    ...(text(a['data']) === undefined ? {} : { isWithin: true as const }),
  };
}

/** What a record gives by address, each address once; empty for most. `names`: which of the watched ones it has. */
export function addressesOf(resource: Resource, names: number, peerBase: string): Addressed[] {
  if (!mayHold(resource.resourceType, names)) return [];
  const found = new Map<string, Addressed>();
  for (const a of addressed(resource, '')) {
    const one = readAttachment(a, peerBase);
    if (!found.has(one.written)) found.set(one.written, one);
  }
  return [...found.values()];
}

/**
 * A text without some of its addresses: those that could not be found in it again, or that are too many. What is said beside an
 * address goes with it.
 * @param goes says of the member as it is written whether it goes
 */
export function withoutAddresses(json: string, goes: (written: string) => boolean): string {
  const resource = parseSpelled(json) as Resource;
  for (const a of [...addressed(resource, '')] as JsonObject[]) {
    delete a['_url'];
    if (goes(writtenOf(String(a['url'])))) delete a['url'];
  }
  return stringifySpelled(resource);
}

/** Does an Attachment say something about its address beside it? Another statement will stand there. */
export function describesAddress(resource: Resource): boolean {
  for (const a of addressed(resource, '')) if (a['_url'] !== undefined) return true;
  return false;
}
