// Keys under which two records of one member are the same thing. Strong: the same business object (identifier). Event:
// the same event told twice (code, time and value). Value: the same event without its value, so that two records that
// share a value key and no event key contradict each other. Nothing here collapses records: keys lead to links.
import { createHash } from 'node:crypto';
import {
  codings,
  isObject,
  type Json,
  type JsonObject,
  objects,
  type Resource,
  text,
} from '../../src/fhir/resource.ts';

export type KeyKind = 'strong' | 'event' | 'value';
/** kind letter, colon, text: `s:…`, `e:…`, `v:…` */
export type RecordKey = `${'s' | 'e' | 'v'}:${string}`;

const NOT_KEYED = new Set(['secondary', 'old', 'temp']);

/** Type codes of identifiers that name something other than the record itself. */
const identifiers = (resource: Resource): RecordKey[] => {
  const list = [...objects(resource['identifier']), ...objects(resource['masterIdentifier'])];
  return list
    .filter(
      (i) => !NOT_KEYED.has(text(i['use']) ?? '') && text(i['system']) !== undefined && text(i['value']) !== undefined,
    )
    .map((i) => `s:${String(i['system'])}|${String(i['value'])}` as const);
};

const usable = (coding: JsonObject): boolean => {
  const system = text(coding['system']);
  return (
    system !== undefined &&
    text(coding['code']) !== undefined &&
    !system.endsWith('/v3-NullFlavor') &&
    !system.endsWith('/data-absent-reason')
  );
};
const codesOf = (concept: Json | undefined): string[] => [
  ...new Set(
    codings(concept)
      .filter(usable)
      .map((c) => `${String(c['system'])}|${String(c['code'])}`),
  ),
];
const day = (value: string | undefined) => (value !== undefined && value.length >= 10 ? value.slice(0, 10) : undefined);
/** UTC minute of a dateTime that has a time; a bare day never identifies a measurement. */
const minute = (value: string | undefined): string | undefined => {
  if (value === undefined || !/T\d\d:\d\d/.test(value)) return undefined;
  const time = new Date(value);
  return Number.isNaN(time.getTime()) ? undefined : time.toISOString().slice(0, 16);
};
const digest = (value: unknown) =>
  createHash('sha256')
    .update(JSON.stringify(value) ?? '')
    .digest('hex')
    .slice(0, 24);

const NO_KNOWN_ALLERGY = new Set(['716186003', '409137002', '428607008', '429625007']);

/** mass and substance concentration of common laboratory values in one unit, by LOINC: factor to mg/dL */
const TO_MG_DL: Record<string, number> = {
  '2345-7': 18.0182,
  '2339-0': 18.0182,
  '2093-3': 38.67,
  '2571-8': 88.57,
  '2160-0': 1 / 88.42,
};

function quantity(value: Json | undefined, loinc: string | undefined): string | undefined {
  if (!isObject(value) || typeof value['value'] !== 'number') return undefined;
  const unit = text(value['code']) ?? text(value['unit']) ?? '';
  const factor = loinc === undefined ? undefined : TO_MG_DL[loinc];
  const molar = unit === 'mmol/L' || unit === 'umol/L';
  if (factor !== undefined && molar) return `${Math.round(value['value'] * factor)} mg/dL`;
  return factor !== undefined && unit === 'mg/dL'
    ? `${Math.round(value['value'])} mg/dL`
    : `${Number(value['value'].toPrecision(6))} ${unit}`;
}

function observationValue(resource: Resource, loinc: string | undefined): string {
  const single = quantity(resource['valueQuantity'], loinc);
  const parts = objects(resource['component']).map(
    (c) =>
      `${codesOf(c['code']).join('+')}=${quantity(c['valueQuantity'], undefined) ?? digest(c['valueCodeableConcept'])}`,
  );
  return (
    single ??
    (parts.length > 0
      ? parts.sort().join(';')
      : digest(
          codesOf(resource['valueCodeableConcept']).length > 0
            ? codesOf(resource['valueCodeableConcept'])
            : (resource['valueString'] ?? null),
        ))
  );
}

type Rule = (resource: Resource) => RecordKey[];

const RULES: Record<string, Rule> = {
  AllergyIntolerance: (r) => {
    const category = (Array.isArray(r['category']) ? r['category'].map(String) : []).sort().join('+');
    const status = codings(r['verificationStatus']).map((c) => String(c['code']));
    const doubtful = status.some((s) => s === 'refuted' || s === 'entered-in-error');
    return codesOf(r['code'] ?? objects(r['reaction'])[0]?.['substance']).flatMap((code): RecordKey[] =>
      NO_KNOWN_ALLERGY.has(code.split('|')[1] ?? '')
        ? [`e:allergy-none|${code}`]
        : doubtful
          ? [`v:allergy|${code}|${category}`]
          : [`e:allergy|${code}|${category}`, `v:allergy|${code}|${category}`],
    );
  },
  Condition: (r) => {
    const at = day(text(r['onsetDateTime'])) ?? day(text(r['recordedDate']));
    if (at === undefined) return [];
    const category = codings(r['category'])
      .map((c) => String(c['code']))
      .sort()
      .join('+');
    const status = codings(r['verificationStatus']).map((c) => String(c['code']));
    const doubtful = status.some((s) => s === 'refuted' || s === 'entered-in-error');
    const sites = codesOf(r['bodySite']).sort().join('+');
    return codesOf(r['code']).flatMap((code): RecordKey[] => {
      const key = `${code}|${category}|${sites}|${at}`;
      return doubtful ? [`v:condition|${key}`] : [`e:condition|${key}`, `v:condition|${key}`];
    });
  },
  Immunization: (r) => {
    const at = day(text(r['occurrenceDateTime']));
    const status = text(r['status']);
    if (at === undefined || status === undefined) return [];
    const protocol = objects(r['protocolApplied'])[0];
    const dose =
      text(protocol?.['doseNumberString']) ??
      (typeof protocol?.['doseNumberPositiveInt'] === 'number' ? String(protocol['doseNumberPositiveInt']) : '');
    return codesOf(r['vaccineCode']).map((code) => `e:immunization|${code}|${at}|${status}|${dose}` as const);
  },
  Observation: (r) => {
    const at = minute(text(r['effectiveDateTime']) ?? text(r['effectiveInstant']));
    if (at === undefined) return [];
    return codesOf(r['code']).flatMap((code): RecordKey[] => {
      const loinc = code.startsWith('http://loinc.org|') ? code.slice(17) : undefined;
      return [`e:observation|${code}|${at}|${observationValue(r, loinc)}`, `v:observation|${code}|${at}`];
    });
  },
  MedicationRequest: (r) => {
    const at = day(text(r['authoredOn']));
    if (at === undefined) return [];
    const dosage = digest(
      objects(r['dosageInstruction']).map((d) => [d['text'] ?? null, d['timing'] ?? null, d['doseAndRate'] ?? null]),
    );
    return codesOf(r['medicationCodeableConcept']).flatMap((code): RecordKey[] => {
      const key = `${code}|${at}|${String(r['intent'])}`;
      return [`e:medication-request|${key}|${dosage}`, `v:medication-request|${key}`];
    });
  },
  MedicationDispense: (r) => {
    const at = day(text(r['whenHandedOver']));
    const supply = quantity(r['daysSupply'], undefined);
    const amount = quantity(r['quantity'], undefined);
    if (at === undefined || supply === undefined || amount === undefined) return [];
    return codesOf(r['medicationCodeableConcept']).map(
      (code) => `e:dispense|${code}|${at}|${supply}|${amount}` as const,
    );
  },
  Goal: (r) => {
    const at = day(text(r['startDate']));
    return at === undefined ? [] : codesOf(r['description']).map((code) => `e:goal|${code}|${at}` as const);
  },
  ExplanationOfBenefit: (r) => {
    const kind = codings(r['type'])
      .map((c) => String(c['code']))
      .sort()
      .join('+');
    const insurer = isObject(r['insurer'])
      ? isObject(r['insurer']['identifier'])
        ? String(r['insurer']['identifier']['value'])
        : ''
      : '';
    return objects(r['identifier'])
      .filter(
        (i) =>
          text(i['system']) !== undefined &&
          text(i['value']) !== undefined &&
          codings(i['type']).some((c) => c['code'] === 'uc'),
      )
      .map(
        (i) => `s:claim|${insurer}|${String(i['system'])}|${String(i['value'])}|${kind}|${String(r['use'])}` as const,
      );
  },
  DocumentReference: (r) => {
    // with the day it is about: forms and short notes have the same bytes again and again
    const context = isObject(r['context']) && isObject(r['context']['period']) ? r['context']['period'] : {};
    const at = day(text(context['start'])) ?? day(text(r['date'])) ?? '';
    const hashes = objects(r['content'])
      .map((c) => (isObject(c['attachment']) ? text(c['attachment']['data']) : undefined))
      .filter((d): d is string => d !== undefined)
      .map((d) => `s:attachment|${createHash('sha256').update(Buffer.from(d, 'base64')).digest('hex')}|${at}` as const);
    return [...identifiers(r), ...hashes];
  },
};

/** Types whose identifiers do not name the record alone: a Coverage of two payers, the claims above. */
const NO_IDENTIFIER_KEY = new Set([
  'ExplanationOfBenefit',
  'DocumentReference',
  'Coverage',
  'Patient',
  'Provenance',
  'Consent',
]);

/** All keys of a record, without repeats. Empty for types that have none. */
export function recordKeys(resource: Resource): RecordKey[] {
  const own = RULES[resource.resourceType]?.(resource) ?? [];
  const strong = NO_IDENTIFIER_KEY.has(resource.resourceType) ? [] : identifiers(resource);
  return [...new Set([...strong, ...own])];
}
