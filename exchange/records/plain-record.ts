// A record in plain words: what it is, when, what it says, who and where. For people who do not read FHIR. Pure.

import {
  codings,
  isObject,
  type Json,
  type JsonObject,
  objects,
  type Resource,
  strings,
  text,
} from '../../src/fhir/resource.ts';
import { withDrug } from './facts/drug.ts';
import { shownDay } from './facts/shown-day.ts';
import { answersText, conceptText, namedServices, narrativeText, quantityText, valueText } from './plain-parts.ts';

/** Name of a directory-type record by our key `Type/id`. */
export type NameOf = (key: string) => string | undefined;
type PlainFact = { label: string; value: string };
export type PlainRecord = {
  /** what kind of thing, in words */
  kind: string;
  /** the thing itself: `Hemoglobin 13.5 g/dL` */
  what: string;
  /** YYYY, YYYY-MM or YYYY-MM-DD; null: no date */
  day: string | null;
  facts: PlainFact[];
};

const KINDS: Readonly<Record<string, string>> = {
  AllergyIntolerance: 'Allergy',
  CarePlan: 'Care plan',
  CareTeam: 'Care team',
  Condition: 'Health problem',
  Coverage: 'Coverage',
  Device: 'Device',
  DiagnosticReport: 'Report',
  DocumentReference: 'Document',
  Encounter: 'Visit',
  ExplanationOfBenefit: 'Claim',
  FamilyMemberHistory: 'Family history',
  Goal: 'Goal',
  Immunization: 'Vaccination',
  MedicationAdministration: 'Drug given',
  MedicationDispense: 'Drug filled',
  MedicationRequest: 'Drug ordered',
  MedicationStatement: 'Drug taken',
  Observation: 'Result',
  Patient: 'Person',
  Procedure: 'Procedure',
  QuestionnaireResponse: 'Questionnaire',
  RelatedPerson: 'Related person',
  ServiceRequest: 'Order',
  Specimen: 'Specimen',
  SupplyDelivery: 'Supply',
};
/** `MedicationAdministration` as `Medication administration`. */
const spaced = (type: string): string =>
  type.replace(/([a-z])([A-Z])/g, (_, a: string, b: string) => `${a} ${b.toLowerCase()}`);
/** What kind of thing a record is, in words. `isAuthorization`: of an ExplanationOfBenefit, that its `use` is `preauthorization`. */
export const kindWords = (type: string, isAuthorization: boolean): string =>
  type === 'ExplanationOfBenefit' && isAuthorization ? 'Prior authorization' : (KINDS[type] ?? spaced(type));
const kindOf = (r: Resource): string => kindWords(r.resourceType, r['use'] === 'preauthorization');

const NO_NAME = 'no name';
function personText(r: JsonObject): string {
  const [name] = objects(r['name']);
  return (
    [...strings(name?.['given']), text(name?.['family'])].filter((p) => p !== undefined).join(' ') ||
    (text(name?.['text']) ?? NO_NAME)
  );
}

/** What stands for the record in one line. */
function whatOf(r: Resource, nameOf: NameOf): string {
  const type = r.resourceType;
  if (type === 'Patient' || type === 'RelatedPerson') return personText(r);
  if (type === 'Coverage') return conceptText(r['type']) ?? 'Coverage';
  const name =
    conceptText(r['code']) ??
    conceptText(r['vaccineCode']) ??
    conceptText(withDrug(r)['medicationCodeableConcept']) ??
    targetText(r['medicationReference'], nameOf) ??
    conceptText(r['description']) ??
    conceptText(r['event']) ??
    conceptText(r['targetDisease']) ??
    (isObject(r['suppliedItem']) ? conceptText(r['suppliedItem']['itemCodeableConcept']) : undefined) ??
    (type === 'BodyStructure' ? (conceptText(r['location']) ?? conceptText(r['morphology'])) : undefined) ??
    (type === 'Encounter'
      ? (conceptText(r['type']) ??
        (isObject(r['class']) ? (text(r['class']['display']) ?? text(r['class']['code'])) : undefined))
      : undefined) ??
    (type === 'ExplanationOfBenefit'
      ? (namedServices(objects(r['item']), 'productOrService', 3) ??
        namedServices(objects(r['procedure']), 'procedureCodeableConcept', 3) ??
        [conceptText(r['type']), conceptText(r['subType'])].filter((t) => t !== undefined).join(', '))
      : undefined) ??
    conceptText(r['type']) ??
    text(r['title']) ??
    text(r['name']) ??
    conceptText(r['category']) ??
    (type === 'AllergyIntolerance' ? conceptText(objects(r['reaction'])[0]?.['substance']) : undefined) ??
    text(r['description']);
  const value = type === 'Observation' ? valueText(r) : undefined;
  return [name ?? kindOf(r), value].filter((p) => p !== undefined).join(' ');
}

function targetText(value: Json | undefined, nameOf: NameOf): string | undefined {
  if (!isObject(value)) return undefined;
  const reference = text(value['reference']);
  const identifier = isObject(value['identifier']) ? text(value['identifier']['value']) : undefined;
  const known = (reference === undefined ? undefined : nameOf(reference)) ?? text(value['display']) ?? identifier;
  return known ?? (reference?.startsWith('Patient/') === true ? 'the member' : reference);
}

/** What is within the record is called as it says there. */
const namedWithin =
  (r: Resource, nameOf: NameOf): NameOf =>
  (key) => {
    if (!key.startsWith('#')) return nameOf(key);
    const found = objects(r['contained']).find((c) => c['id'] === key.slice(1));
    if (found === undefined) return undefined;
    const name = text(found['name']) ?? personText(found);
    return name === NO_NAME ? (conceptText(found['code']) ?? conceptText(found['specialty'])) : name;
  };

const WHO = ['performer', 'requester', 'recorder', 'asserter', 'author', 'provider', 'individual', 'actor'];

function namesOf(r: Resource, nameOf: NameOf): string[] {
  const found = new Set<string>();
  const add = (v: Json | undefined) => {
    const name = targetText(v, nameOf);
    if (name !== undefined) found.add(name);
  };
  for (const key of WHO) for (const one of objects(r[key])) add(one['actor'] ?? one);
  for (const p of [...objects(r['participant']), ...objects(r['careTeam'])])
    add(p['individual'] ?? p['member'] ?? p['provider']);
  return [...found];
}

/** Diagnoses and procedures of a claim that are named. */
const MOST_LISTED = 5;
const isSilent = (r: Resource): boolean =>
  ['title', 'description', 'activity'].every((member) => r[member] === undefined);

/** @param names names of people and places that the record refers to */
export function plainRecord(r: Resource, names: NameOf): PlainRecord {
  const nameOf = namedWithin(r, names);
  const facts: PlainFact[] = [];
  const add = (label: string, value: string | undefined) => {
    if (value !== undefined && value !== '') facts.push({ label, value });
  };
  const what = whatOf(r, nameOf);
  const day = shownDay(r) || null;
  add('What', what);
  add('When', day ?? undefined);
  const ended = (isObject(r['period']) ? text(r['period']['end']) : text(r['abatementDateTime']))?.slice(0, 10);
  add('Ended', ended === day ? undefined : ended);
  add('State', text(r['status']) ?? conceptText(r['clinicalStatus']));
  if (text(r['status']) !== undefined) add('Clinical state', conceptText(r['clinicalStatus']));
  add('Certainty', conceptText(r['verificationStatus']));
  add('Value', r.resourceType === 'Observation' ? valueText(r) : undefined);
  add(
    'Dosage',
    objects(r['dosageInstruction'])
      .flatMap((d) => text(d['text']) ?? [])
      .join('; '),
  );
  add('Amount', quantityText(r['quantity']));
  add('Days of supply', quantityText(r['daysSupply']));
  add('Lot', text(r['lotNumber']));
  add(
    'Reaction',
    objects(r['reaction'])
      .flatMap((x) => conceptText(x['manifestation']) ?? [])
      .join(', '),
  );
  add('Reason', conceptText(r['reasonCode']));
  add('Diagnosis', namedServices(objects(r['diagnosis']), 'diagnosisCodeableConcept', MOST_LISTED));
  // its items say what was charged for
  add('Procedure', namedServices(objects(r['procedure']), 'procedureCodeableConcept', MOST_LISTED));
  if (r.resourceType === 'QuestionnaireResponse') add('Answers', answersText(r));
  // many plans say what they are about in their narrative alone
  if (r.resourceType === 'CarePlan' && isSilent(r)) add('Plan', narrativeText(r));
  add('Who', namesOf(r, nameOf).join(', '));
  add(
    'Where',
    targetText(r['serviceProvider'], nameOf) ??
      objects(r['location']).flatMap((l) => targetText(l['location'] ?? l, nameOf) ?? [])[0],
  );
  const plan = objects(r['class']).find((c) => codings(c['type']).some((x) => x['code'] === 'plan'));
  add('Plan', text(plan?.['name']) ?? text(plan?.['value']));
  add('Insurer', targetText(r['insurer'], nameOf) ?? targetText(objects(r['payor'])[0], nameOf));
  add('Born', text(r['birthDate']));
  add('Sex', r.resourceType === 'Patient' ? text(r['gender']) : undefined);
  add('Died', text(r['deceasedDateTime']) ?? (r['deceasedBoolean'] === true ? 'yes' : undefined));
  add(
    'Address',
    objects(r['address']).map((a) =>
      [...strings(a['line']), text(a['city']), text(a['state']), text(a['postalCode'])]
        .filter((p) => p !== undefined)
        .join(', '),
    )[0],
  );
  add(
    'Numbers',
    objects(r['identifier'])
      .filter((i) => i['use'] !== 'secondary')
      .flatMap((i) => text(i['value']) ?? [])
      .slice(0, 4)
      .join(', '),
  );
  add(
    'Note',
    objects(r['note'])
      .flatMap((n) => text(n['text']) ?? [])
      .join(' '),
  );
  return { kind: kindOf(r), what, day, facts };
}

/** Two records fact by fact; what differs is marked. */
export function besides(
  a: PlainRecord | undefined,
  b: PlainRecord | undefined,
): { label: string; first: string | null; second: string | null; differs: boolean }[] {
  const labels = [...new Set([...(a?.facts ?? []), ...(b?.facts ?? [])].map((f) => f.label))];
  const of = (r: PlainRecord | undefined, label: string) => r?.facts.find((f) => f.label === label)?.value ?? null;
  return labels.map((label) => {
    const [first, second] = [of(a, label), of(b, label)];
    return { label, first, second, differs: a !== undefined && b !== undefined && first !== second };
  });
}
