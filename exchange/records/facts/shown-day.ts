// The day that a record is about, as people read it in a history: when it began or was done, else when it was written down.
import { isObject, type Json, type Resource, text } from '../../../src/fhir/resource.ts';

const start = (p: Json | undefined): string | undefined =>
  isObject(p) ? (text(p['start']) ?? text(p['end'])) : undefined;
const DATES: readonly ((r: Resource) => string | undefined)[] = [
  (r) => text(r['effectiveDateTime']) ?? text(r['effectiveInstant']) ?? start(r['effectivePeriod']),
  (r) => text(r['performedDateTime']) ?? start(r['performedPeriod']),
  (r) => text(r['occurrenceDateTime']) ?? text(r['occurrenceString']) ?? start(r['occurrencePeriod']),
  (r) => text(r['whenHandedOver']) ?? text(r['whenPrepared']),
  (r) => start(r['billablePeriod']),
  (r) => (r.resourceType === 'DocumentReference' && isObject(r['context']) ? start(r['context']['period']) : undefined),
  (r) => text(r['onsetDateTime']) ?? start(r['onsetPeriod']),
  (r) => start(r['period']),
  (r) => text(r['authoredOn']) ?? text(r['authored']),
  (r) => text(r['startDate']),
  (r) => text(r['started']),
  (r) => text(r['recordedDate']) ?? text(r['issued']) ?? text(r['date']) ?? text(r['created']) ?? text(r['recorded']),
];
/** A year, a month or a day, whatever stands behind it. */
const DAY = /^\d{4}(?:-\d\d(?:-\d\d)?)?/;

/** YYYY, YYYY-MM or YYYY-MM-DD, as far as the record says; empty when it says none. */
export function shownDay(r: Resource): string {
  for (const read of DATES) {
    const found = DAY.exec(read(r) ?? '')?.[0];
    if (found !== undefined) return found;
  }
  return '';
}
