// Clinical records in the shapes of US Core 6.1.0, one function a type.
import type { JsonObject } from '../../fhir/resource.ts';
import { isoDate, isoInstant } from '../dates.ts';
import { concept } from '../plan-net/elements.ts';
import { clinician, facility, LABORATORY, site, US_CORE } from './care.ts';
import { type Added, type Chart, to } from './chart.ts';
import { type ALLERGENS, type Label, type Protocol, SYSTEM, type Test, type VACCINES } from './codes.ts';

const TERMINOLOGY = 'http://terminology.hl7.org/CodeSystem';
const profile = (name: string) => `${US_CORE}/us-core-${name}`;

/** A code with our words beside it; code systems under licence get no display. */
export const coded = (system: string, code: string, text: string): JsonObject => ({ coding: [{ system, code }], text });

export type Labelled = { label?: Label | undefined; name?: string };

export type VisitParts = Labelled & {
  day: number;
  /** second of the day it began */
  second: number;
  clinician: number;
  facility: number;
  protocol?: Protocol;
  /** days in hospital; 0 for an ambulatory visit */
  nights?: number;
  /** visit number of the facility, the same at both plans */
  visit: string;
};

export function encounter(chart: Chart, v: VisitParts): Added {
  const nights = v.nights ?? 0;
  return chart.add(
    'Encounter',
    profile('encounter'),
    v.day + nights,
    {
      identifier: [{ system: `https://facility-${v.facility}.example/sid/visit`, value: v.visit }],
      status: 'finished',
      class: { system: `${TERMINOLOGY}/v3-ActCode`, code: nights > 0 ? 'IMP' : 'AMB' },
      type: [
        nights > 0
          ? coded(SYSTEM.snomed, '32485007', 'Hospital stay')
          : coded(SYSTEM.snomed, '185349003', 'Clinic visit'),
      ],
      subject: chart.patient,
      participant: [
        {
          type: [concept(`${TERMINOLOGY}/v3-ParticipationType`, 'PPRF')],
          individual: clinician(chart.side, v.clinician),
        },
      ],
      period: { start: isoInstant(v.day, v.second), end: isoInstant(v.day + nights, v.second + 1800) },
      ...(v.protocol ? { reasonCode: [coded(SYSTEM.icd10, v.protocol.icd10, v.protocol.text)] } : {}),
      location: [{ location: site(chart.side, v.facility) }],
      serviceProvider: facility(chart.side, v.facility),
    },
    v,
  );
}

export function problem(chart: Chart, p: Protocol, onset: number, options: Labelled = {}): Added {
  return chart.add(
    'Condition',
    profile('condition-problems-health-concerns'),
    onset,
    {
      clinicalStatus: concept(`${TERMINOLOGY}/condition-clinical`, 'active'),
      verificationStatus: concept(`${TERMINOLOGY}/condition-ver-status`, 'confirmed'),
      category: [concept(`${TERMINOLOGY}/condition-category`, 'problem-list-item')],
      code: {
        coding: [
          { system: SYSTEM.icd10, code: p.icd10 },
          { system: SYSTEM.snomed, code: p.snomed },
        ],
        text: p.text,
      },
      subject: chart.patient,
      onsetDateTime: isoDate(onset),
      recordedDate: isoDate(onset + 1),
    },
    { label: p.label, ...options },
  );
}

export function encounterDiagnosis(chart: Chart, p: Protocol, day: number, visit: Added): Added {
  return chart.add(
    'Condition',
    profile('condition-encounter-diagnosis'),
    day,
    {
      clinicalStatus: concept(`${TERMINOLOGY}/condition-clinical`, 'resolved'),
      verificationStatus: concept(`${TERMINOLOGY}/condition-ver-status`, 'confirmed'),
      category: [concept(`${TERMINOLOGY}/condition-category`, 'encounter-diagnosis')],
      code: coded(SYSTEM.icd10, p.icd10, p.text),
      subject: chart.patient,
      encounter: to(visit),
      onsetDateTime: isoDate(day),
      abatementDateTime: isoDate(day + 14),
      recordedDate: isoDate(day),
    },
    { label: p.label },
  );
}

const quantity = (value: number, unit: string): JsonObject => ({ value, unit, system: SYSTEM.ucum, code: unit });

export function rounded(value: number, decimals: number): number {
  const factor = 10 ** decimals;
  return Math.round(value * factor) / factor;
}

const vital = (): JsonObject => ({ coding: [{ system: `${TERMINOLOGY}/observation-category`, code: 'vital-signs' }] });

export function bloodPressure(chart: Chart, day: number, second: number, visit: Added, high: boolean): Added {
  const top = chart.draw.between(high ? 128 : 108, high ? 168 : 132);
  const part = (loinc: string, text: string, value: number) => ({
    code: { coding: [{ system: SYSTEM.loinc, code: loinc }], text },
    valueQuantity: quantity(value, 'mm[Hg]'),
  });
  return chart.add('Observation', profile('blood-pressure'), day, {
    status: 'final',
    category: [vital()],
    code: { coding: [{ system: SYSTEM.loinc, code: '85354-9' }], text: 'Blood pressure' },
    subject: chart.patient,
    encounter: to(visit),
    effectiveDateTime: isoInstant(day, second + 300),
    component: [part('8480-6', 'upper', top), part('8462-4', 'lower', chart.draw.between(62, high ? 98 : 84))],
  });
}

export function vitalSign(
  chart: Chart,
  kind: { profile: string; loinc: string; text: string; unit: string; value: number },
  day: number,
  second: number,
  visit: Added,
): Added {
  return chart.add('Observation', profile(kind.profile), day, {
    status: 'final',
    category: [vital()],
    code: { coding: [{ system: SYSTEM.loinc, code: kind.loinc }], text: kind.text },
    subject: chart.patient,
    encounter: to(visit),
    effectiveDateTime: isoInstant(day, second + 360),
    valueQuantity: quantity(kind.value, kind.unit),
  });
}

export function smoking(chart: Chart, day: number, code: '266919005' | '8517006', text: string): Added {
  return chart.add('Observation', profile('smokingstatus'), day, {
    status: 'final',
    category: [concept(`${TERMINOLOGY}/observation-category`, 'social-history')],
    code: { coding: [{ system: SYSTEM.loinc, code: '72166-2' }], text: 'Smoking status' },
    subject: chart.patient,
    effectiveDateTime: isoDate(day),
    valueCodeableConcept: coded(SYSTEM.snomed, code, text),
  });
}

export type LabParts = Labelled & { test: Test; value: number; day: number; second: number; accession: string };

/** A result. The laboratory's accession number is what both plans have in common. */
export function labResult(chart: Chart, lab: LabParts): Added {
  const { test } = lab;
  return chart.add(
    'Observation',
    profile('observation-lab'),
    lab.day,
    {
      identifier: [
        {
          type: concept('http://terminology.hl7.org/CodeSystem/v2-0203', 'FILL'),
          system: 'https://laboratory.example/sid/accession',
          value: lab.accession,
        },
      ],
      status: 'final',
      category: [concept(`${TERMINOLOGY}/observation-category`, 'laboratory')],
      code: { coding: [{ system: SYSTEM.loinc, code: test.loinc }], text: test.text },
      subject: chart.patient,
      effectiveDateTime: isoInstant(lab.day, lab.second),
      issued: isoInstant(lab.day + 1, 36_000),
      performer: [facility(chart.side, LABORATORY)],
      valueQuantity: quantity(lab.value, test.unit),
      referenceRange: [
        {
          low: quantity(test.low, test.unit),
          high: quantity(rounded((test.low + test.high) / 2, test.decimals), test.unit),
        },
      ],
    },
    lab,
  );
}

export function labReport(
  chart: Chart,
  p: Protocol,
  day: number,
  second: number,
  accession: string,
  results: readonly Added[],
): Added {
  return chart.add(
    'DiagnosticReport',
    profile('diagnosticreport-lab'),
    day,
    {
      identifier: [{ system: 'https://laboratory.example/sid/report', value: accession }],
      status: 'final',
      category: [concept(`${TERMINOLOGY}/v2-0074`, 'LAB')],
      code: { coding: [{ system: SYSTEM.loinc, code: '11502-2' }], text: `Laboratory report, ${p.text.toLowerCase()}` },
      subject: chart.patient,
      effectiveDateTime: isoInstant(day, second),
      issued: isoInstant(day + 1, 36_000),
      performer: [facility(chart.side, LABORATORY)],
      result: results.map(to),
    },
    { label: p.label },
  );
}

export function immunization(
  chart: Chart,
  vaccine: (typeof VACCINES)[number],
  day: number,
  options: Labelled & { lot: string },
): Added {
  return chart.add(
    'Immunization',
    profile('immunization'),
    day,
    {
      status: 'completed',
      vaccineCode: coded(SYSTEM.cvx, vaccine.cvx, vaccine.text),
      patient: chart.patient,
      occurrenceDateTime: isoDate(day),
      primarySource: true,
      lotNumber: options.lot,
    },
    options,
  );
}

export function allergy(
  chart: Chart,
  allergen: (typeof ALLERGENS)[number],
  day: number,
  options: Labelled & { refuted?: boolean },
): Added {
  const refuted = options.refuted === true;
  return chart.add(
    'AllergyIntolerance',
    profile('allergyintolerance'),
    day,
    {
      clinicalStatus: concept(`${TERMINOLOGY}/allergyintolerance-clinical`, refuted ? 'inactive' : 'active'),
      verificationStatus: concept(`${TERMINOLOGY}/allergyintolerance-verification`, refuted ? 'refuted' : 'confirmed'),
      type: 'allergy',
      category: [allergen.category],
      criticality: allergen.category === 'food' ? 'high' : 'low',
      code: coded(SYSTEM.snomed, allergen.snomed, allergen.text),
      patient: chart.patient,
      recordedDate: isoDate(day),
      ...(refuted
        ? {}
        : { reaction: [{ manifestation: [coded(SYSTEM.snomed, allergen.reaction, allergen.reactionText)] }] }),
    },
    options,
  );
}
