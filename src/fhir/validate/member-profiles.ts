// What the profiles of member data demand beyond base R4, as far as presence and fixed values go: enough to see that a
// claimed profile is not met. CARIN Blue Button 2 (http://hl7.org/fhir/us/carin-bb), PDex
// (http://hl7.org/fhir/us/davinci-pdex) and US Core (http://hl7.org/fhir/us/core).
import { codings, objects } from '../resource.ts';
import { each, fixed, type Profile, type Rule, required, someCoding } from './profile.ts';
import { report } from './report.ts';

const CARIN = 'http://hl7.org/fhir/us/carin-bb/StructureDefinition';
const CARIN_IDENTIFIER = 'http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBIdentifierType';
const CLAIM_TYPE = 'http://terminology.hl7.org/CodeSystem/claim-type';

/** C4BB slice `uniqueclaimid`: an identifier of type `uc`. */
const uniqueClaimId: Rule = (walk, eob) => {
  const isUnique = objects(eob['identifier']).some((identifier) =>
    codings(identifier['type']).some((c) => c['system'] === CARIN_IDENTIFIER && c['code'] === 'uc'),
  );
  if (!isUnique) report(walk, 'profile-required', 'an identifier of type uc is mandatory', 'identifier');
};

const CLAIM: readonly Rule[] = [
  required('identifier', 'type', 'patient', 'billablePeriod', 'created', 'insurer', 'provider', 'insurance'),
  fixed('use', 'claim'),
  uniqueClaimId,
  each('billablePeriod', required('start')),
];

/** Profile names of claims with the claim type that each fixes. */
const CLAIMS: Readonly<Record<string, string | undefined>> = {
  'C4BB-ExplanationOfBenefit': undefined,
  'C4BB-ExplanationOfBenefit-Inpatient-Institutional': 'institutional',
  'C4BB-ExplanationOfBenefit-Outpatient-Institutional': 'institutional',
  'C4BB-ExplanationOfBenefit-Oral': 'oral',
  'C4BB-ExplanationOfBenefit-Pharmacy': 'pharmacy',
  'C4BB-ExplanationOfBenefit-Professional-NonClinician': 'professional',
};

function claimProfiles(): [string, Profile][] {
  return Object.entries(CLAIMS).flatMap(([name, type]) => {
    const rules = type === undefined ? CLAIM : [...CLAIM, someCoding('type', CLAIM_TYPE, type)];
    // the non-financial forms: `-NonFinancial` in 2.0.0 builds, `-Basis` from 2.1
    return ['', '-NonFinancial', '-Basis'].map((suffix): [string, Profile] => [
      `${CARIN}/${name}${suffix}`,
      { type: 'ExplanationOfBenefit', rules },
    ]);
  });
}

const PATIENT: readonly Rule[] = [
  required('identifier', 'name', 'gender'),
  each('identifier', required('system', 'value')),
  each('telecom', required('system', 'value')),
];

export const MEMBER_PROFILES: Readonly<Record<string, Profile>> = {
  ...Object.fromEntries(claimProfiles()),
  'http://hl7.org/fhir/us/davinci-pdex/StructureDefinition/pdex-priorauthorization': {
    type: 'ExplanationOfBenefit',
    rules: [fixed('use', 'preauthorization'), required('insurer', 'provider', 'insurance')],
  },
  'http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient': { type: 'Patient', rules: PATIENT },
};
