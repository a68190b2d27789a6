// A searchset Bundle as bytes, put together from the bytes of its resources: they are never decoded or parsed.
// https://hl7.org/fhir/R4/bundle.html#searchset
import { operationOutcome } from './outcome.ts';

/** `key` is `Type/id`, `body` the JSON of the resource, both UTF-8. */
export type BundleEntry = {
  key: Uint8Array;
  body: Uint8Array;
  included: boolean;
  /** how well a match answers, 0 to 1, as text */
  score?: string;
  /** from the point of the search, in the unit asked for */
  distance?: { value: number; unit: string; code: string };
};

export type SearchsetParts = {
  /** public FHIR base, for fullUrl */
  base: string;
  entries: readonly BundleEntry[];
  total: { value: number; exact: boolean } | undefined;
  /** absolute */
  self: string;
  next: string | undefined;
  previous?: string | undefined;
  /** remarks for the client: each becomes an issue of one outcome entry */
  remarks: readonly string[];
};

/** Marks a total that is an estimate; FHIR has no element for it. */
export const ESTIMATED_TOTAL = 'https://payer-node.example/fhir/StructureDefinition/estimated-total';

/** An entry needs an address of its own, and this resource has none: one a Bundle, always the same. */
const OUTCOME_URL = 'urn:uuid:6f0c5b52-6f0e-4b59-9d0c-3f7d3a4b8e11';

const RESOURCE = Buffer.from('","resource":');
const MATCH = Buffer.from(',"search":{"mode":"match"}}');
const INCLUDE = Buffer.from(',"search":{"mode":"include"}}');
const COMMA = ','.charCodeAt(0);

export function searchset(parts: SearchsetParts): Uint8Array<ArrayBuffer> {
  const { entries } = parts;
  const link = (relation: string, url: string | undefined) =>
    url === undefined ? '' : `,{"relation":"${relation}","url":${JSON.stringify(url)}}`;
  const further = link('next', parts.next) + link('prev', parts.previous);
  const outcome = outcomeEntry(parts.remarks);
  const hasEntries = entries.length > 0 || outcome !== '';
  const head = Buffer.from(
    `{"resourceType":"Bundle","type":"searchset"${totalText(parts.total)},"link":[{"relation":"self","url":${JSON.stringify(
      parts.self,
    )}}${further}]${hasEntries ? ',"entry":[' : ''}`,
  );
  const tail = Buffer.from(
    `${outcome === '' ? '' : `${entries.length > 0 ? ',' : ''}${outcome}`}${hasEntries ? ']}' : '}'}`,
  );
  const open = opening(parts.base);
  const searches = entries.map(searchPart);
  let size = head.length + tail.length;
  entries.forEach(({ key, body }, i) => {
    size += 1 + open.length + key.length + RESOURCE.length + body.length + (searches[i] ?? MATCH).length;
  });
  const out = Buffer.allocUnsafe(size); // every byte is written below
  let at = 0;
  const put = (bytes: Uint8Array) => {
    out.set(bytes, at);
    at += bytes.length;
  };
  put(head);
  entries.forEach(({ key, body }, i) => {
    if (i > 0) out[at++] = COMMA;
    put(open);
    put(key);
    put(RESOURCE);
    put(body);
    put(searches[i] ?? MATCH);
  });
  put(tail);
  return out.subarray(0, at);
}

let opened: { base: string; bytes: Uint8Array } | undefined;
/** What stands before the key of an entry. A process has one base, or two. */
function opening(base: string): Uint8Array {
  if (opened?.base !== base) opened = { base, bytes: Buffer.from(`{"fullUrl":"${base}/`) };
  return opened.bytes;
}

/** https://hl7.org/fhir/R4/extension-location-distance.html */
const DISTANCE = 'http://hl7.org/fhir/StructureDefinition/location-distance';

function searchPart({ included, score, distance }: BundleEntry): Uint8Array {
  if (included) return INCLUDE;
  if (score !== undefined) return Buffer.from(`,"search":{"mode":"match","score":${score}}}`);
  if (distance === undefined) return MATCH;
  const { value, unit, code } = distance;
  return Buffer.from(
    `,"search":{"extension":[{"url":"${DISTANCE}","valueDistance":{"value":${value},"unit":"${unit}","code":"${code}","system":"http://unitsofmeasure.org"}}],"mode":"match"}}`,
  );
}

function totalText(total: SearchsetParts['total']): string {
  if (total === undefined) return '';
  const mark = total.exact ? '' : `,"_total":{"extension":[{"url":"${ESTIMATED_TOTAL}","valueBoolean":true}]}`;
  return `,"total":${total.value}${mark}`;
}

function outcomeEntry(remarks: readonly string[]): string {
  if (remarks.length === 0) return '';
  const issue = remarks.flatMap((r) => operationOutcome('warning', 'not-supported', r).issue);
  return JSON.stringify({
    fullUrl: OUTCOME_URL,
    resource: { resourceType: 'OperationOutcome', issue },
    search: { mode: 'outcome' },
  });
}
