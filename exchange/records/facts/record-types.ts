// Which resource types the exchange handles and how each names its member. One table; import, export and
// reconciliation all read it. Patient compartment: https://hl7.org/fhir/R4/compartmentdefinition-patient.html

/**
 * `member`: belongs to one member, found through `patient`. `shared`: a directory-type record that many members' records
 * refer to. `financial`: kept, never exported (payer-to-payer leaves money out).
 */
export type RecordType = { class: 'member' | 'shared' | 'financial'; patient?: readonly string[] };

const subject = { class: 'member', patient: ['subject'] } as const;
const patient = { class: 'member', patient: ['patient'] } as const;
const shared = { class: 'shared' } as const;

/** Without the names that every object has: a type comes from outside. */
export const RECORD_TYPES: Readonly<Record<string, RecordType>> = Object.assign<
  Record<string, RecordType>,
  Record<string, RecordType>
>(Object.create(null), {
  Patient: { class: 'member' },
  Coverage: { class: 'member', patient: ['beneficiary'] },
  RelatedPerson: patient,
  Encounter: subject,
  EpisodeOfCare: patient,
  AdverseEvent: subject,
  AllergyIntolerance: patient,
  BodyStructure: patient,
  CarePlan: subject,
  CareTeam: subject,
  ClinicalImpression: subject,
  Communication: subject,
  Condition: subject,
  Consent: patient,
  DetectedIssue: patient,
  Device: patient,
  DeviceRequest: subject,
  DeviceUseStatement: subject,
  DiagnosticReport: subject,
  DocumentReference: subject,
  ExplanationOfBenefit: patient,
  FamilyMemberHistory: patient,
  Flag: subject,
  Goal: subject,
  ImagingStudy: subject,
  Immunization: patient,
  ImmunizationEvaluation: patient,
  ImmunizationRecommendation: patient,
  Media: subject,
  MedicationAdministration: subject,
  MedicationDispense: subject,
  MedicationRequest: subject,
  MedicationStatement: subject,
  MolecularSequence: patient,
  NutritionOrder: patient,
  Observation: subject,
  Procedure: subject,
  QuestionnaireResponse: subject,
  RiskAssessment: subject,
  ServiceRequest: subject,
  Specimen: subject,
  SupplyDelivery: patient,
  VisionPrescription: patient,
  Provenance: { class: 'member', patient: ['target'] },
  // a document: it leaves by a link of another record, never as a line of its own
  Binary: { class: 'member', patient: ['securityContext'] },
  Organization: shared,
  Practitioner: shared,
  PractitionerRole: shared,
  Location: shared,
  Medication: shared,
  HealthcareService: shared,
  Claim: { class: 'financial', patient: ['patient'] },
  ClaimResponse: { class: 'financial', patient: ['patient'] },
  ChargeItem: { class: 'financial', patient: ['subject'] },
  Account: { class: 'financial', patient: ['subject'] },
  Invoice: { class: 'financial', patient: ['subject'] },
});

/** Types that may leave, in the order in which they are loaded: what others refer to comes first. */
export const EXPORT_ORDER: readonly string[] = [
  'Organization',
  'Practitioner',
  'Location',
  'HealthcareService',
  'PractitionerRole',
  'Medication',
  'Patient',
  'Coverage',
  'RelatedPerson',
  'Encounter',
  ...Object.keys(RECORD_TYPES).filter(
    (t) =>
      RECORD_TYPES[t]?.class === 'member' &&
      ![
        'Patient',
        'Coverage',
        'RelatedPerson',
        'Encounter',
        'ExplanationOfBenefit',
        'DocumentReference',
        'Provenance',
        'Consent',
        'Binary',
      ].includes(t),
  ),
  'ExplanationOfBenefit',
  'DocumentReference',
  'Provenance',
];

export const SHARED_TYPES: readonly string[] = Object.keys(RECORD_TYPES).filter(
  (t) => RECORD_TYPES[t]?.class === 'shared',
);

/**
 * What is submitted for an authorization beside the request: letters and notes, and answers to a payer's questions. 42
 * CFR 422.119(b)(1)(iv), 422.121(b)(4)(ii)(B)
 */
export const SUPPORTING_TYPES: readonly string[] = ['DocumentReference', 'QuestionnaireResponse'];

export const isShared = (type: string): boolean => RECORD_TYPES[type]?.class === 'shared';
