// The date of service by type, on which the export window is decided. Records without such a date are always in the
// window. payer-to-payer rules: CMS-0057-F 42 CFR 422.121(b)(4)(ii).
import { isObject, type Json, type JsonObject, objects, type Resource, text } from '../../../src/fhir/resource.ts';

/** The last day of a date or instant: of a year or a month that one, because leaving out is worse than sending. */
export const lastDay = (value: string | undefined): string | undefined => {
  if (value === undefined || !/^\d{4}/.test(value)) return undefined;
  if (value.length >= 10) return value.slice(0, 10);
  if (!/^\d{4}-\d\d$/.test(value)) return `${value.slice(0, 4)}-12-31`;
  const last = new Date(Date.UTC(Number(value.slice(0, 4)), Number(value.slice(5)), 0)).getUTCDate();
  return `${value}-${last}`;
};

/** The later end of a choice element: `performedPeriod.end`, else its start, else `performedDateTime`. */
function endOf(resource: JsonObject, stem: string): string | undefined {
  const period = resource[`${stem}Period`];
  if (isObject(period)) return lastDay(text(period['end']) ?? text(period['start']));
  return lastDay(
    text(resource[`${stem}DateTime`]) ?? text(resource[`${stem}Date`]) ?? text(resource[`${stem}Instant`]),
  );
}

const period = (value: Json | undefined): string | undefined =>
  isObject(value) ? lastDay(text(value['end']) ?? text(value['start'])) : undefined;

const latest = (days: (string | undefined)[]): string | undefined =>
  days
    .filter((d): d is string => d !== undefined)
    .sort()
    .at(-1);

const isActiveCondition = (resource: Resource): boolean => {
  const status = resource['clinicalStatus'];
  if (!isObject(status)) return true;
  const codes = objects(status['coding']);
  if (codes.length === 0) return true;
  return codes.some((c) => ['active', 'recurrence', 'relapse'].includes(text(c['code']) ?? ''));
};

const RULES: Record<string, (r: Resource) => string | undefined> = {
  ExplanationOfBenefit: (r) =>
    latest([
      isObject(r['billablePeriod']) ? lastDay(text(r['billablePeriod']['end'])) : undefined,
      ...objects(r['item']).map((i) => endOf(i, 'serviced')),
    ]) ?? lastDay(text(r['created'])),
  Encounter: (r) => period(r['period']),
  Procedure: (r) => endOf(r, 'performed'),
  Observation: (r) => endOf(r, 'effective') ?? lastDay(text(r['issued'])),
  DiagnosticReport: (r) => endOf(r, 'effective') ?? lastDay(text(r['issued'])),
  Immunization: (r) => lastDay(text(r['occurrenceDateTime'])),
  Condition: (r) =>
    isActiveCondition(r) ? undefined : (endOf(r, 'abatement') ?? endOf(r, 'onset') ?? lastDay(text(r['recordedDate']))),
  MedicationRequest: (r) => lastDay(text(r['authoredOn'])),
  MedicationDispense: (r) => lastDay(text(r['whenHandedOver']) ?? text(r['whenPrepared'])),
  MedicationAdministration: (r) => endOf(r, 'effective'),
  MedicationStatement: (r) => endOf(r, 'effective') ?? lastDay(text(r['dateAsserted'])),
  DocumentReference: (r) =>
    (isObject(r['context']) && isObject(r['context']['period'])
      ? lastDay(text(r['context']['period']['end']))
      : undefined) ?? lastDay(text(r['date'])),
  CarePlan: (r) => (isObject(r['period']) ? lastDay(text(r['period']['end'])) : undefined),
  CareTeam: (r) => (isObject(r['period']) ? lastDay(text(r['period']['end'])) : undefined),
  ServiceRequest: (r) => lastDay(text(r['authoredOn'])),
  QuestionnaireResponse: (r) => lastDay(text(r['authored'])),
  ImagingStudy: (r) => lastDay(text(r['started'])),
  AdverseEvent: (r) => lastDay(text(r['date']) ?? text(r['detected']) ?? text(r['recordedDate'])),
  ClinicalImpression: (r) => endOf(r, 'effective') ?? lastDay(text(r['date'])),
  SupplyDelivery: (r) => endOf(r, 'occurrence'),
};

/** Last day of service as YYYY-MM-DD, or undefined when the record is never filtered by the window. */
export function serviceEnd(resource: Resource): string | undefined {
  const end = RULES[resource.resourceType]?.(resource);
  return end !== undefined && /^\d{4}-\d\d-\d\d$/.test(end) ? end : undefined;
}
