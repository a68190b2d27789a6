// Orders and fills of medicines, US Core 6.1.0 and pdex-medicationdispense.
import type { JsonObject } from '../../fhir/resource.ts';
import { isoDate, isoInstant } from '../dates.ts';
import { concept } from '../plan-net/elements.ts';
import { clinician, facility, PHARMACY, US_CORE } from './care.ts';
import { type Added, type Chart, to } from './chart.ts';
import { coded, type Labelled } from './clinical.ts';
import { type Protocol, SYSTEM } from './codes.ts';

const TERMINOLOGY = 'http://terminology.hl7.org/CodeSystem';
const profile = (name: string) => `${US_CORE}/us-core-${name}`;

/** Dispenses name the package (NDC, required by pdex-medicationdispense) before the clinical drug. */
const medication = (p: Protocol, dispensed: boolean): JsonObject => ({
  coding: [
    ...(dispensed ? [{ system: SYSTEM.ndc, code: p.drug.ndc }] : []),
    { system: SYSTEM.rxnorm, code: p.drug.rxnorm },
  ],
  text: p.drug.text,
});

const dosage = (p: Protocol): JsonObject => ({
  text: `${p.drug.daily} a day`,
  timing: { repeat: { frequency: p.drug.daily, period: 1, periodUnit: 'd' } },
  doseAndRate: [{ doseQuantity: { value: 1, unit: p.drug.unit, system: SYSTEM.ucum, code: p.drug.unit } }],
});

export function medicationRequest(
  chart: Chart,
  p: Protocol,
  day: number,
  status: 'active' | 'completed',
  prescriber: number,
): Added {
  return chart.add(
    'MedicationRequest',
    profile('medicationrequest'),
    day,
    {
      identifier: [
        { system: 'https://prescriptions.example/sid/order', value: `RX${chart.index}-${p.drug.rxnorm}-${day}` },
      ],
      status,
      intent: 'order',
      category: [concept(`${TERMINOLOGY}/medicationrequest-category`, 'community')],
      reportedBoolean: false,
      medicationCodeableConcept: medication(p, false),
      subject: chart.patient,
      authoredOn: isoDate(day),
      requester: clinician(chart.side, prescriber),
      reasonCode: [coded(SYSTEM.icd10, p.icd10, p.text)],
      dosageInstruction: [dosage(p)],
      dispenseRequest: {
        numberOfRepeatsAllowed: 3,
        quantity: { value: p.drug.daily * 90, unit: p.drug.unit, system: SYSTEM.ucum, code: p.drug.unit },
      },
    },
    { label: p.label },
  );
}

export type Fill = Labelled & { protocol: Protocol; day: number; days: number; rx: string; fill: number };

export function medicationDispense(chart: Chart, f: Fill, order?: Added): Added {
  const { protocol: p } = f;
  return chart.add(
    'MedicationDispense',
    [profile('medicationdispense'), 'http://hl7.org/fhir/us/davinci-pdex/StructureDefinition/pdex-medicationdispense'],
    f.day,
    {
      identifier: [{ system: 'https://pharmacy.example/sid/fill', value: `${f.rx}-${f.fill}` }],
      status: 'completed',
      medicationCodeableConcept: medication(p, true),
      subject: chart.patient,
      performer: [{ actor: facility(chart.side, PHARMACY) }],
      ...(order ? { authorizingPrescription: [to(order)] } : {}),
      type: concept(`${TERMINOLOGY}/v3-ActCode`, f.fill === 0 ? 'FF' : 'RF'),
      quantity: { value: p.drug.daily * f.days, unit: p.drug.unit, system: SYSTEM.ucum, code: p.drug.unit },
      daysSupply: { value: f.days, unit: 'day', system: SYSTEM.ucum, code: 'd' },
      whenHandedOver: isoInstant(f.day, 61_200),
      dosageInstruction: [dosage(p)],
    },
    { label: p.label, ...f },
  );
}
