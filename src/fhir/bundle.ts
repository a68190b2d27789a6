// A searchset Bundle as text. Resources are never parsed: the store hands over finished entries.
// https://hl7.org/fhir/R4/bundle.html#searchset
import { operationOutcome } from './outcome.ts';

export type SearchsetParts = {
  /** finished entries, separated by commas; empty for none */
  matches: string;
  included: string;
  total: { value: number; exact: boolean } | undefined;
  /** absolute */
  self: string;
  next: string | undefined;
  /** remarks for the client: each becomes an issue of one outcome entry */
  remarks: string[];
};

/** Marks a total that is an estimate; FHIR has no element for it. */
export const ESTIMATED_TOTAL = 'https://payer-node.example/fhir/StructureDefinition/estimated-total';

export function searchset(parts: SearchsetParts): string {
  const entries = [parts.matches, parts.included, outcomeEntry(parts.remarks)].filter((e) => e !== '').join(',');
  const next = parts.next === undefined ? '' : `,{"relation":"next","url":${JSON.stringify(parts.next)}}`;
  return `{"resourceType":"Bundle","type":"searchset"${totalText(parts.total)},"link":[{"relation":"self","url":${JSON.stringify(
    parts.self,
  )}}${next}]${entries === '' ? '' : `,"entry":[${entries}]`}}`;
}

function totalText(total: SearchsetParts['total']): string {
  if (total === undefined) return '';
  const mark = total.exact ? '' : `,"_total":{"extension":[{"url":"${ESTIMATED_TOTAL}","valueBoolean":true}]}`;
  return `,"total":${total.value}${mark}`;
}

function outcomeEntry(remarks: string[]): string {
  if (remarks.length === 0) return '';
  const issue = remarks.flatMap((r) => operationOutcome('warning', 'not-supported', r).issue);
  return JSON.stringify({ resource: { resourceType: 'OperationOutcome', issue }, search: { mode: 'outcome' } });
}
