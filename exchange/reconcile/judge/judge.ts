// Two records of one member: the same record, the same event, a contradiction, or nothing to do with each other. One row a
// type. Pure. What the rules are is told in docs/reconciliation.md.
import type { Resource } from '../../../src/fhir/resource.ts';
import * as care from './care.ts';
import * as claims from './claims.ts';
import * as clinical from './clinical.ts';
import { sharesIdentifier } from './numbers.ts';
import { relatedPerson } from './people.ts';
import * as problems from './problems.ts';
import { type Judge, type Known, sameRecord, type Verdict } from './verdict.ts';

const JUDGES: Readonly<Record<string, Judge>> = {
  AllergyIntolerance: problems.allergy,
  CarePlan: care.carePlan,
  CareTeam: care.careTeam,
  Condition: problems.condition,
  Coverage: claims.coverage,
  Device: claims.device,
  DiagnosticReport: clinical.report,
  DocumentReference: clinical.document,
  Encounter: clinical.encounter,
  ExplanationOfBenefit: claims.explanationOfBenefit,
  FamilyMemberHistory: care.familyHistory,
  Goal: care.goal,
  Immunization: clinical.immunization,
  MedicationAdministration: claims.medicationAdministration,
  MedicationDispense: claims.medicationDispense,
  MedicationRequest: claims.medicationRequest,
  Observation: clinical.observation,
  Procedure: clinical.procedure,
  Provenance: claims.provenance,
  QuestionnaireResponse: care.questionnaire,
  RelatedPerson: relatedPerson,
  ServiceRequest: care.serviceRequest,
  Specimen: care.specimen,
};

/** Only these contradictions are links too: the others are about the person, a cover, or two orders. */
export const CONFLICTS_OF_PAIRS: readonly string[] = ['value-mismatch', 'status-mismatch', 'dosage-mismatch'];
/** Score from which a link holds without a person. */
export const CONFIRMED = 0.9;

/** @param a @param b current forms of two records of one member, references in our ids, in any order */
export function judge(a: Resource, b: Resource, known: Known): Verdict | undefined {
  if (a.resourceType !== b.resourceType) {
    if (a.resourceType === 'ExplanationOfBenefit') return claims.claimOfFill(a, b, known);
    if (b.resourceType === 'ExplanationOfBenefit') return claims.claimOfFill(b, a, known);
    return undefined;
  }
  const rule = JUDGES[a.resourceType];
  if (rule) return rule(a, b, known);
  return sharesIdentifier(a, b) ? sameRecord('identifier') : undefined;
}
