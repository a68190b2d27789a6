// What tells several events of one kind and one time from each other (one-to-one.ts): what they say beside their key, and what makes two of them.
// Pure.
import { isObject, type Json, type JsonObject, type Resource, text } from '../../../src/fhir/resource.ts';
import { alike } from '../alike.ts';
import { classGroup, otherDay, period, sameValue } from '../codes.ts';
import { documentTime, isDiagnosis } from '../record-keys.ts';
import { areOtherDoses, areOtherServices, practitioners, sameVisit } from './clinical.ts';
import { numberedApart } from './numbers.ts';
import { apartTimes } from './periods.ts';
import { isNumbered, type Known, referenceOf, sameOf, sameTarget } from './verdict.ts';

/** Types whose records are events, in the order in which they are settled: others refer to visits and results. What lasts (problems, allergies, teams, covers) may be told any number of times. */
export const EVENT_TYPES = [
  'Encounter',
  'Observation',
  'Specimen',
  'DiagnosticReport',
  'Condition',
  'Procedure',
  'Immunization',
  'MedicationAdministration',
  'MedicationDispense',
  'MedicationRequest',
  'ServiceRequest',
  'DocumentReference',
  'QuestionnaireResponse',
  'Goal',
  'CarePlan',
  'Provenance',
] as const;
/** Those that were judged by what they refer to: they are again, once it is settled which visit, result or record that is. */
export const JUDGED_BY_OTHERS: ReadonlySet<string> = new Set([
  'DiagnosticReport',
  'Condition',
  'Procedure',
  'MedicationAdministration',
  'Provenance',
]);

/** Is it an event, or a problem that lasts? */
export const isEvent = (r: Resource): boolean => r.resourceType !== 'Condition' || isDiagnosis(r);

/** About the record, whom it is about, or words that each payer makes for itself. */
const BESIDE: ReadonlySet<string> = new Set([
  'resourceType',
  'id',
  'meta',
  'text',
  'identifier',
  'masterIdentifier',
  'accessionIdentifier',
  'implicitRules',
  'language',
  'contained',
  'subject',
  'patient',
]);
const DIRECTORY = /^(?:Practitioner|PractitionerRole|Organization|Location|Medication)\//;

/**
 * What a record says, member by member, in a form that is the same of two payers.
 * @param stands for a record of the member, the one that stands for all that are known to be it
 */
export function saysOf(r: Resource, known: Pick<Known, 'npi'>, stands: (key: string) => string): Map<string, string> {
  const told = (value: Json | undefined): Json => {
    if (Array.isArray(value)) return value.map(told);
    if (!isObject(value)) return value ?? null;
    const ref = text(value['reference']);
    if (ref !== undefined) {
      if (!DIRECTORY.test(ref)) return { is: stands(ref) };
      const npi = known.npi(ref);
      // other ids of others say nothing
      return npi === undefined ? {} : { npi };
    }
    if (isNumbered(value)) return { npi: (value['identifier'] as JsonObject)['value'] ?? null };
    return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, told(v)]));
  };
  return new Map(Object.entries(r).flatMap(([key, v]) => (BESIDE.has(key) ? [] : [[key, alike(told(v))] as const])));
}

type Apart = (a: Resource, b: Resource, known: Known) => boolean;
const APART: Readonly<Record<string, Apart>> = {
  Encounter: (a, b, known) =>
    classGroup(a) !== classGroup(b) ||
    numberedApart(a, b) ||
    (classGroup(a) !== 'inpatient' && apartTimes(period(a['period']), period(b['period']))) ||
    (classGroup(a) !== 'inpatient' && sameOf(practitioners(a), practitioners(b), known) === false),
  Observation: (a, b) => numberedApart(a, b) || !sameValue(a, b),
  Specimen: numberedApart,
  DiagnosticReport: numberedApart,
  ServiceRequest: numberedApart,
  MedicationDispense: numberedApart,
  Condition: (a, b, known) => sameVisit(a['encounter'], b['encounter'], known) === false,
  Procedure: areOtherServices,
  Immunization: areOtherDoses,
  DocumentReference: (a, b) => otherDay(documentTime(a), documentTime(b)),
};

/** Are these two surely not one? Both may be one with a third that says less. */
export const areApart: Apart = (a, b, known) => APART[a.resourceType]?.(a, b, known) === true;

/** Beside {@link BESIDE} what becomes another one while a record stays the same, or who passes it on may add. */
const MAY_CHANGE: ReadonlySet<string> = new Set(['status', 'extension', 'display']);
const VISIT_OR_RESULT = /^(?:Encounter|Observation)\//;

/** Is each linked with the other, or both with a third one? */
function areLinked(a: string, b: string, known: Known): boolean {
  const [of, others] = [known.linked(a), known.linked(b)];
  if (a === b || of?.has(b) === true) return true;
  for (const third of of ?? []) if (others?.has(third) === true) return true;
  return false;
}

function contradict(a: Json | undefined, b: Json | undefined, known: Known): boolean {
  if (a === undefined || b === undefined) return false;
  if (Array.isArray(a) && Array.isArray(b)) return a.some((x, i) => contradict(x, b[i], known));
  if (!isObject(a) || !isObject(b)) return a !== b;
  const [x, y] = [referenceOf(a), referenceOf(b)];
  if (x === undefined && y === undefined && !isNumbered(a) && !isNumbered(b))
    return Object.keys(a).some((key) => !MAY_CHANGE.has(key) && contradict(a[key], b[key], known));
  if (x !== undefined && y !== undefined && VISIT_OR_RESULT.test(x) && VISIT_OR_RESULT.test(y))
    return !areLinked(x, y, known);
  return sameTarget(a, b, known) === false;
}

/**
 * Do two records tell something else of one thing: another value in one place, another visit or result, or somebody with another NPI? Where one says
 * nothing they do not.
 */
export const contradictEachOther = (a: Resource, b: Resource, known: Known): boolean =>
  areApart(a, b, known) ||
  Object.keys(a).some((key) => !BESIDE.has(key) && !MAY_CHANGE.has(key) && contradict(a[key], b[key], known));
