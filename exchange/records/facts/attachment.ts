// Documents within records. What is small stays where it is; what is large leaves as a link to [base]/Binary/[id], as do links
// to a Binary of ours. https://hl7.org/fhir/uv/bulkdata/STU2/export.html#attachments
import { createHash } from 'node:crypto';
import { isObject, type Json, type JsonObject, type Resource, text } from '../../../src/fhir/resource.ts';

/** Where records of a type hold documents: a list or one, and the member of each that is the Attachment. */
const PLACES: Readonly<Record<string, { member: string; within?: string; letter: string }>> = {
  DocumentReference: { member: 'content', within: 'attachment', letter: 'd' },
  DiagnosticReport: { member: 'presentedForm', letter: 'r' },
  Media: { member: 'content', letter: 'm' },
};
/** Types of our own records whose texts may hold links to documents. */
export const HOLDS_DOCUMENTS: ReadonlySet<string> = new Set(Object.keys(PLACES));

/** Bytes of a document that stay in the record. */
const INLINE_BYTES = 64 * 1024;
const MAX_ID = 64;

const bytesOf = (base64: string): number => Math.floor((base64.replace(/\s/g, '').replace(/=+$/, '').length * 3) / 4);

/**
 * The id under which a document within a record is fetched: it names the record and the place, so that nothing has to be kept
 * beside it. Undefined for the longest of ids, whose documents stay in the record.
 */
function documentId(type: string, id: string, place: number): string | undefined {
  const name = `${PLACES[type]?.letter ?? ''}${place}.${id}`;
  return name.length <= MAX_ID ? name : undefined;
}

/** The record and the place that such an id names. */
export function readDocumentId(name: string): { type: string; id: string; place: number } | undefined {
  const m = /^([a-z])(\d{1,4})\.([A-Za-z0-9\-.]{1,62})$/.exec(name);
  const type = Object.keys(PLACES).find((t) => PLACES[t]?.letter === m?.[1]);
  return m?.[2] === undefined || m[3] === undefined || type === undefined
    ? undefined
    : { type, id: m[3], place: Number(m[2]) };
}

function attachmentsOf(resource: Resource): (JsonObject | undefined)[] {
  const where = PLACES[resource.resourceType];
  const value = where && resource[where.member];
  const all: (Json | undefined)[] = Array.isArray(value) ? value : value === undefined ? [] : [value];
  return all.map((one) => {
    const attachment = isObject(one) && where?.within !== undefined ? one[where.within] : one;
    return isObject(attachment) ? attachment : undefined;
  });
}

/** The document at a place of a record, when its bytes are in it. */
export function documentAt(
  resource: Resource,
  place: number,
): { contentType: string | undefined; data: string } | undefined {
  const attachment = attachmentsOf(resource)[place];
  const data = text(attachment?.['data']);
  return data === undefined ? undefined : { contentType: text(attachment?.['contentType']), data };
}

/** The record with its large documents as links; the same object when it has none. `json`: its text, to look at first. */
export function withLinkedDocuments(resource: Resource, json: string): Resource {
  const where = PLACES[resource.resourceType];
  const id = text(resource['id']);
  if (where === undefined || id === undefined || json.length <= INLINE_BYTES) return resource;
  let changed = false;
  const attachments = attachmentsOf(resource).map((attachment, place) => {
    const data = text(attachment?.['data']);
    const name = documentId(resource.resourceType, id, place);
    if (attachment === undefined || data === undefined || name === undefined || bytesOf(data) <= INLINE_BYTES)
      return attachment;
    changed = true;
    const { data: _, ...rest } = attachment;
    const sha1 = createHash('sha1').update(Buffer.from(data, 'base64')).digest('base64');
    return { ...rest, url: `Binary/${name}`, size: bytesOf(data), hash: text(rest['hash']) ?? sha1 };
  });
  if (!changed) return resource;
  const value = resource[where.member];
  const put = (one: Json, place: number): Json => {
    const attachment = attachments[place];
    if (attachment === undefined) return one;
    return where.within !== undefined && isObject(one) ? { ...one, [where.within]: attachment } : attachment;
  };
  const next = Array.isArray(value) ? value.map(put) : value === undefined ? undefined : put(value, 0);
  return next === undefined ? resource : { ...resource, [where.member]: next };
}

const LINK = '"url":"Binary/';

/** May a record's text hold links to documents of ours? Most do not. `linked`: of {@link withAbsoluteLinks} */
export const mayHoldLinks = (type: string, json: string | Buffer, linked: boolean): boolean =>
  (linked || HOLDS_DOCUMENTS.has(type)) && json.includes(LINK);

/**
 * A record's text as it leaves: links to documents of ours are absolute, as an attachment's must be.
 * @param base FHIR base of the exchange
 * @param linked a received record whose addresses were replaced: of any type
 */
export function withAbsoluteLinks(type: string, json: string, base: string, linked: boolean): string {
  return mayHoldLinks(type, json, linked)
    ? json.replaceAll(LINK, `"url":${JSON.stringify(`${base}/Binary/`).slice(0, -1)}`)
    : json;
}
