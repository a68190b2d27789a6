// The few codes of the Health Care Provider Taxonomy (© American Medical Association, see NOTICE) that generated data
// uses, with our short names. All lie in the required value sets of Plan-Net 1.2.0.

export const NUCC = 'http://nucc.org/provider-taxonomy';

export type Specialty = {
  code: string;
  name: string;
  /** ProviderRoleCS */
  role: string;
  /** v2-0360 degree; empty when the table of degrees has none for it */
  degree: string;
  /** HealthcareServiceCategoryCS of the service such a person works in */
  category: string;
  /** how often, relative to the others */
  weight: number;
};

const row = (
  code: string,
  name: string,
  role: string,
  degree: string,
  category: string,
  weight: number,
): Specialty => ({
  code,
  name,
  role,
  degree,
  category,
  weight,
});

/** Of single practitioners (IndividualAndGroupSpecialtiesVS). */
export const SPECIALTIES: readonly Specialty[] = [
  row('207Q00000X', 'Family Medicine', 'ph', 'MD', 'prov', 12),
  row('207R00000X', 'Internal Medicine', 'ph', 'MD', 'prov', 12),
  row('363LF0000X', 'Family Nurse Practitioner', 'crnp', 'NP', 'prov', 8),
  row('363A00000X', 'Physician Assistant', 'pa', 'PA', 'prov', 6),
  row('208000000X', 'Pediatrics', 'ph', 'MD', 'prov', 6),
  row('1041C0700X', 'Clinical Social Worker', 'sw', 'MS', 'behav', 6),
  row('101YM0800X', 'Mental Health Counselor', 'co', 'MS', 'behav', 5),
  row('225100000X', 'Physical Therapist', 'pt', 'MS', 'outpat', 5),
  row('207V00000X', 'Obstetrics & Gynecology', 'ph', 'MD', 'prov', 4),
  row('2084P0800X', 'Psychiatry', 'ph', 'MD', 'behav', 3),
  row('103T00000X', 'Psychologist', 'py', 'PHD', 'behav', 3),
  row('106H00000X', 'Marriage & Family Therapist', 'mt', 'MS', 'behav', 2),
  row('1223G0001X', 'General Dentist', 'de', '', 'dent', 5),
  row('152W00000X', 'Optometrist', 'oo', '', 'vis', 3),
  row('111N00000X', 'Chiropractor', 'ch', '', 'outpat', 3),
  row('213E00000X', 'Podiatrist', 'po', '', 'outpat', 2),
  row('207RC0000X', 'Cardiology', 'ph', 'MD', 'prov', 3),
  row('207RE0101X', 'Endocrinology', 'ph', 'MD', 'prov', 2),
  row('207RG0100X', 'Gastroenterology', 'ph', 'MD', 'prov', 2),
  row('207RH0003X', 'Hematology & Oncology', 'ph', 'MD', 'prov', 2),
  row('207RN0300X', 'Nephrology', 'ph', 'MD', 'prov', 1),
  row('207RP1001X', 'Pulmonology', 'ph', 'MD', 'prov', 1),
  row('207RR0500X', 'Rheumatology', 'ph', 'MD', 'prov', 1),
  row('207N00000X', 'Dermatology', 'ph', 'MD', 'prov', 2),
  row('207P00000X', 'Emergency Medicine', 'ph', 'MD', 'emerg', 3),
  row('207L00000X', 'Anesthesiology', 'ph', 'MD', 'hosp', 3),
  row('2085R0202X', 'Diagnostic Radiology', 'ph', 'MD', 'outpat', 3),
  row('208600000X', 'General Surgery', 'ph', 'MD', 'hosp', 2),
  row('207X00000X', 'Orthopedic Surgery', 'ph', 'DO', 'prov', 2),
  row('2084N0400X', 'Neurology', 'ph', 'MD', 'prov', 2),
  row('207W00000X', 'Ophthalmology', 'ph', 'MD', 'vis', 2),
  row('207Y00000X', 'Ear, Nose & Throat', 'ph', 'MD', 'prov', 1),
  row('208800000X', 'Urology', 'ph', 'MD', 'prov', 1),
  row('225X00000X', 'Occupational Therapist', 'ot', 'MS', 'outpat', 2),
  row('235Z00000X', 'Speech-Language Pathologist', 'sp', 'MS', 'outpat', 1),
  row('133V00000X', 'Registered Dietitian', 'dn', 'MS', 'outpat', 1),
];

/** One entry for each unit of weight, so that a pick is one array read. */
export const WEIGHTED_SPECIALTIES: readonly Specialty[] = SPECIALTIES.flatMap((s) =>
  Array.from({ length: s.weight }, () => s),
);

export type ServiceKind = {
  /** HealthcareServiceCategoryCS */
  category: string;
  name: string;
  /** service-type code of HealthcareServiceTypeVS */
  type: string;
  /** of SpecialtiesVS */
  specialty: { code: string; name: string };
  /** OrganizationAffiliationRoleCS */
  affiliation: string;
  /** v3-RoleCode of the place it happens at */
  place: string;
  /** also by phone or video */
  virtual: boolean;
};

const service = (
  category: string,
  name: string,
  type: string,
  [code, specialty]: [string, string],
  affiliation: string,
  place: string,
  virtual = false,
): ServiceKind => ({ category, name, type, specialty: { code, name: specialty }, affiliation, place, virtual });

/** What organizations offer; `SERVICE_KINDS[i]` belongs to organization kind i (see directory/organization.ts). */
export const SERVICE_KINDS: readonly ServiceKind[] = [
  service('hosp', 'Hospital Services', '535', ['282N00000X', 'General Acute Care Hospital'], 'hospital', 'HOSP'),
  service('prov', 'Primary Care', '554', ['261QP2300X', 'Primary Care Clinic'], 'outpatient', 'PC', true),
  service('group', 'Medical Group', '559', ['193200000X', 'Multi-Specialty Group'], 'group', 'OF', true),
  service('behav', 'Behavioral Health', '316', ['261QM0801X', 'Mental Health Clinic'], 'behavioral', 'OF', true),
  service('pharm', 'Pharmacy', '537', ['3336C0003X', 'Retail Pharmacy'], 'pharmacy', 'PHARM'),
  service('urg', 'Urgent Care', '309', ['261QU0200X', 'Urgent Care Clinic'], 'urgent', 'OF'),
  service('lab', 'Laboratory', '411', ['291U00000X', 'Clinical Laboratory'], 'laboratory', 'HLAB'),
  service('dent', 'Dental Care', '495', ['261QD0000X', 'Dental Clinic'], 'outpatient', 'OF'),
  service('dme', 'Medical Equipment', '97', ['332B00000X', 'Medical Equipment Supplier'], 'dme', 'OF'),
  service('home', 'Home Health', '8', ['251E00000X', 'Home Health Agency'], 'home', 'PTRES', true),
  service('vis', 'Eyewear', '560', ['332H00000X', 'Eyewear Supplier'], 'retail', 'OF'),
  service('trans', 'Medical Transport', '230', ['341600000X', 'Ambulance'], 'transport', 'MOBL'),
  service('emerg', 'Emergency Department', '309', ['261QE0002X', 'Emergency Care Clinic'], 'hospital', 'ER'),
  service('outpat', 'Imaging Center', '501', ['261QR0200X', 'Radiology Clinic'], 'outpatient', 'OF'),
];
