// The resource types of the directory and their numbers in the store. Numbers are stable for ever.
// https://hl7.org/fhir/us/davinci-pdex-plan-net/STU1.2/

export const TYPE_IDS = {
  Endpoint: 1,
  HealthcareService: 2,
  InsurancePlan: 3,
  Location: 4,
  Organization: 5,
  OrganizationAffiliation: 6,
  Practitioner: 7,
  PractitionerRole: 8,
  VerificationResult: 9,
} as const;

export type DirectoryType = keyof typeof TYPE_IDS;

export const DIRECTORY_TYPES = Object.keys(TYPE_IDS).filter(isDirectoryType);

export function isDirectoryType(text: string): text is DirectoryType {
  return Object.hasOwn(TYPE_IDS, text);
}

/** Canonical base of the guide. */
export const PLAN_NET = 'http://hl7.org/fhir/us/davinci-pdex-plan-net';
