// Parameters beyond the guide whose values are read in a way of their own: distance, opening hours, new patients by
// network, contact points, verification, origin. The numbers continue those of parameters.ts, from 40 on; those that
// every type has begin at 80.
import { core, type Draft, date, NO_TEXT, ndh, own, type Parameter, plain, reference, token } from './draft.ts';
import { compilePath } from './path.ts';
import { DIRECTORY_TYPES, type DirectoryType, PLAN_NET, TYPE_IDS } from './types.ts';
import { newPatientNetworks } from './values-further.ts';

const special = (code: string, path: string, reading: Parameter['reading'], more: Partial<Parameter>): Draft => ({
  code,
  kind: 'special',
  path,
  reading: reading ?? 'near',
  ...more,
});

const NEW_PATIENTS = 'extension[newpatients]';

/** Statements on new patients: the code, the network, and both of one repetition. */
function newPatients(type: 'healthcareservice' | 'location' | 'practitionerrole'): Record<number, Draft> {
  const network = reference(
    'new-patient-from-network',
    `${NEW_PATIENTS}.extension[fromNetwork].value`,
    'Organization',
    '',
    own(`${type}-new-patient-from-network`),
  );
  return {
    40: token('new-patient', `${NEW_PATIENTS}.extension[acceptingPatients].value`, {
      ...own(`${type}-new-patient`),
    }),
    41:
      type === 'practitionerrole'
        ? {
            ...network,
            paths: [(role) => newPatientNetworks(role)],
            note: 'A statement without fromNetwork counts for the networks of the role.',
          }
        : network,
    42: {
      code: 'new-patient-and-from-network',
      kind: 'composite',
      path: NEW_PATIENTS,
      reading: 'statement',
      note: 'code$Organization/id, both of the same statement.',
      ...own(`${type}-new-patient-and-from-network`),
    },
  };
}

/** Contact points: one entry each, `system|value` with the digits of a number. */
const contacts = (name: (code: string) => string): Record<number, Draft> => ({
  50: token('telecom', 'telecom', { reading: 'telecom', ...core(name('telecom')) }),
  51: token('phone', 'telecom[system=phone]', {
    alias: 'telecom',
    reading: 'phone',
    ...core(name('phone')),
  }),
  52: token('email', 'telecom[system=email]', {
    alias: 'telecom',
    reading: 'email',
    ...core(name('email')),
  }),
});

const activeOn = (type: string, path: string): Draft => ({
  code: 'active-on',
  kind: 'date',
  path,
  reading: 'active-on',
  alias: 'date',
  note: 'One date without prefix. A period, start or end that is absent is open.',
  ...own(`${type}-active-on`),
});

const npiOfOthers = (type: string, expression: string): Draft =>
  token('npi', 'identifier', {
    modifiers: ['missing'],
    alias: 'npi',
    reading: 'npi',
    expression,
    note: 'Ten digits with a valid check digit: its own, or that of the people or organizations it names.',
    ...own(`${type}-npi`),
  });

const hours = (type: string, path: string): Draft =>
  special('open-at', path, 'open-at', {
    note: 'day|time, such as mon|18:30: opening hours that hold this minute of the week; or a day, such as sun: some hours of it.',
    ...own(`${type}-open-at`),
  });

const LATITUDE = 'lat|lon|distance|unit. Units km, m, mi, [mi_us], ft, [ft_us]; km and 50 km when left out.';

/** What all types have. */
function everywhere(type: DirectoryType): Record<number, Draft> {
  const uri = { kind: 'uri', modifiers: ['below', 'missing'] } satisfies Partial<Draft>;
  const rows: Record<number, Draft> = {
    90: { code: '_tag', path: 'meta.tag', ...core('Resource-tag'), kind: 'token', modifiers: NO_TEXT },
    91: { code: '_source', path: 'meta.source', ...core('Resource-source'), ...uri },
    92: {
      code: '_profile',
      path: 'meta.profile',
      usual: `${PLAN_NET}/StructureDefinition/plannet-${type}`,
      canonical: true,
      ...core('Resource-profile'),
      ...uri,
    },
  };
  if (type === 'VerificationResult') return rows;
  const named = type.toLowerCase();
  return {
    ...rows,
    80: token('verification-status', `extension[${VERIFICATION_STATUS}].value`, {
      reading: 'verification-status',
      note: 'complete, incomplete or not-required: as stated, or else as the verifications of the record say.',
      ...ndh('verification-status'),
    }),
    81: {
      code: 'last-verified',
      kind: 'date',
      path: 'id',
      expression: '',
      paths: [],
      modifiers: ['missing'],
      reading: 'last-verified',
      note: 'The latest lastPerformed of validated VerificationResults whose target is the record.',
      ...own(`${named}-last-verified`),
    },
    82: {
      code: 'stale',
      kind: 'token',
      path: 'id',
      expression: '',
      paths: [],
      reading: 'stale',
      note: 'true when the latest successful verification is older than the limit of the node, or there is none.',
      ...own(`${named}-stale`),
    },
  };
}

/** https://hl7.org/fhir/us/ndh, base-ext-verification-status */
const VERIFICATION_STATUS = 'http://hl7.org/fhir/us/ndh/StructureDefinition/base-ext-verification-status';

const BOUNDARY = 'extension[http://hl7.org/fhir/StructureDefinition/location-boundary-geojson].value';

const ROWS: Record<DirectoryType, Record<number, Draft>> = {
  Endpoint: {},
  HealthcareService: {
    ...newPatients('healthcareservice'),
    43: token('virtual-modality', 'extension[delivery-method].extension[virtualModalities].value', {
      ...own('healthcareservice-virtual-modality'),
    }),
    44: hours('healthcareservice', 'availableTime'),
  },
  InsurancePlan: { 43: activeOn('insuranceplan', 'period') },
  Location: {
    ...newPatients('location'),
    43: special('near', 'position', 'near', { modifiers: ['missing'], note: LATITUDE, ...core('Location-near') }),
    44: special('near-zip', 'position', 'near-zip', {
      note: 'zip|distance|unit: around the centre of a ZIP code area. Units as near. A place without a position is taken to be at the centre of its own.',
      ...own('location-near-zip'),
    }),
    45: special('contains', BOUNDARY, 'contains', {
      note: 'lat|lon: locations whose boundary holds the point.',
      ...ndh('location-contains'),
    }),
    46: hours('location', 'hoursOfOperation'),
  },
  Organization: {
    43: activeOn('organization', 'extension[http://hl7.org/fhir/StructureDefinition/organization-period].value'),
  },
  OrganizationAffiliation: {
    43: activeOn('organizationaffiliation', 'period'),
    44: npiOfOthers(
      'organizationaffiliation',
      'OrganizationAffiliation.identifier | OrganizationAffiliation.participatingOrganization.resolve().identifier | OrganizationAffiliation.organization.resolve().identifier',
    ),
    ...contacts((code) => `OrganizationAffiliation-${code}`),
  },
  Practitioner: {
    43: activeOn('practitioner', 'extension[practitioner-period].value'),
    ...contacts((code) => `individual-${code}`),
  },
  PractitionerRole: {
    ...newPatients('practitionerrole'),
    43: activeOn('practitionerrole', 'period'),
    44: npiOfOthers(
      'practitionerrole',
      'PractitionerRole.identifier | PractitionerRole.practitioner.resolve().identifier',
    ),
    45: hours('practitionerrole', 'availableTime'),
    46: special('place', 'location', 'place', {
      targets: ['Location'],
      expression: 'PractitionerRole.location | PractitionerRole.healthcareService.resolve().location',
      note: 'A place of the role, or where it names none, of its services. Chains lead from it as from location.',
      ...own('practitionerrole-place'),
    }),
    ...contacts((code) => `individual-${code}`),
  },
  VerificationResult: {
    1: reference(
      'target',
      'target',
      DIRECTORY_TYPES.filter((t) => t !== 'VerificationResult'),
      '',
      core('VerificationResult-target'),
    ),
    2: plain('status', 'status', ndh('verificationresult-status')),
    3: reference(
      'attestation-who',
      'attestation.who',
      ['Practitioner', 'PractitionerRole', 'Organization'],
      '',
      ndh('verificationresult-attestation-who'),
    ),
    4: token('primarysource-type', 'primarySource.type', {
      ...ndh('verificationresult-primarysource-type'),
    }),
    5: token('primarysource-validation-status', 'primarySource.validationStatus', {
      ...ndh('verificationresult-primarysource-validation-status'),
    }),
    6: date('status-date', 'statusDate', own('verificationresult-status-date')),
  },
};

export const FURTHER: Record<DirectoryType, Record<number, Draft>> = Object.fromEntries(
  DIRECTORY_TYPES.map((type) => [type, { ...ROWS[type], ...everywhere(type) }]),
) as Record<DirectoryType, Record<number, Draft>>;

/** Numbers that other modules name. */
export const TARGET = TYPE_IDS.VerificationResult * 100 + 1;
export const NEAR = TYPE_IDS.Location * 100 + 43;

export const boundaries = compilePath(BOUNDARY);
