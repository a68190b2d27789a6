// The records of released-model.ts as its payer tells them, with what holds them back.
import { decided, preauthorization } from '../exchange/authorization-fixture.ts';
import { lab } from '../exchange/reconcile/reconcile-pull.ts';
import type { Version } from './released-truth.ts';

/** Those before are results, the others authorizations. */
export const RESULTS = 3;
export const RECORDS = 5;
const drug = { coding: [{ system: 'http://hl7.org/fhir/sid/ndc', code: '00071015523' }] };
/** What holds a record back, by the kind of item. */
const FAULTS: Record<string, object> = {
  'modifier-extension': { modifierExtension: [{ url: 'http://x.example', valueBoolean: true }] },
  'implicit-rules': { implicitRules: 'http://x.example/rules' },
  'consent-scope': {
    meta: { security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'R' }] },
  },
  'contained-person': {
    contained: [
      { resourceType: 'Patient', id: 'x', name: [{ family: 'Rivera', given: ['Quentin'] }] },
      { resourceType: 'Observation', id: 'w', status: 'final', code: { text: 'x' }, subject: { reference: '#x' } },
    ],
  },
  'denied-pa': { adjudication: [decided('A3', '2026-02-01T00:00:00Z')] },
  'drug-pa': { type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/claim-type', code: 'pharmacy' }] } },
};
export const KINDS = Object.keys(FAULTS);
const typeOf = (n: number): string => (n < RESULTS ? 'Observation' : 'ExplanationOfBenefit');
export const keyOf = (n: number): string => `${typeOf(n)}/r${n}`;
export function record(n: number, v: Version): object {
  const { meta, ...more } = (v.kind === undefined ? {} : FAULTS[v.kind]) as { meta?: object };
  const person = { reference: `Patient/${v.patient}` };
  if (n < RESULTS)
    return lab(`r${n}`, {
      subject: person,
      effectiveDateTime: `2026-01-0${n + 1}T08:00:00Z`,
      valueQuantity: { value: v.value, unit: 'g/dL', system: 'http://unitsofmeasure.org', code: 'g/dL' },
      ...more,
      meta: { lastUpdated: v.at, ...meta },
    });
  return {
    ...preauthorization(`r${n}`, v.at),
    patient: person,
    identifier: [{ system: 'https://prior.example/authorizations', value: `A${n}` }],
    preAuthRef: [`A${n}`],
    preAuthRefPeriod: [{ start: '2026-01-01', end: '2099-12-31' }],
    item: [
      { sequence: 1, productOrService: v.kind === 'drug-pa' ? drug : { text: 'visit' }, quantity: { value: v.value } },
    ],
    adjudication: [decided('A1', '2026-02-01T00:00:00Z')],
    ...more,
    meta: { lastUpdated: v.at, ...meta },
  };
}
