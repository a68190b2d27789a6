// Clinical codes that occur together: a diagnosis, the drug for it, the tests that follow it. Codes stand bare; the
// words beside them are ours.

export const SYSTEM = {
  icd10: 'http://hl7.org/fhir/sid/icd-10-cm',
  icd10pcs: 'http://www.cms.gov/Medicare/Coding/ICD10',
  snomed: 'http://snomed.info/sct',
  rxnorm: 'http://www.nlm.nih.gov/research/umls/rxnorm',
  ndc: 'http://hl7.org/fhir/sid/ndc',
  loinc: 'http://loinc.org',
  cvx: 'http://hl7.org/fhir/sid/cvx',
  hcpcs: 'https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets',
  cdt: 'http://www.ada.org/cdt',
  ucum: 'http://unitsofmeasure.org',
} as const;

export type Test = { loinc: string; text: string; unit: string; low: number; high: number; decimals: number };
export type Label = 'PSY' | 'ETH' | 'HIV';

export type Protocol = {
  icd10: string;
  snomed: string;
  text: string;
  drug: { rxnorm: string; ndc: string; text: string; daily: number; unit: string };
  tests: readonly Test[];
  /** HCPCS Level II code of a visit or service that goes with it */
  service: string;
  /** sensitive: how the payer labels what reveals it */
  label?: Label;
};

const test = (loinc: string, text: string, unit: string, low: number, high: number, decimals = 0): Test => ({
  loinc,
  text,
  unit,
  low,
  high,
  decimals,
});

const HBA1C = test('4548-4', 'Hemoglobin A1c', '%', 6.1, 9.4, 1);
const GLUCOSE = test('2345-7', 'Glucose', 'mg/dL', 88, 240);
const CREATININE = test('2160-0', 'Creatinine', 'mg/dL', 0.6, 1.6, 2);
const POTASSIUM = test('2823-3', 'Potassium', 'mmol/L', 3.5, 5.2, 1);
const LDL = test('13457-7', 'LDL cholesterol', 'mg/dL', 70, 190);
const HDL = test('2085-9', 'HDL cholesterol', 'mg/dL', 32, 80);
const TSH = test('3016-3', 'TSH', 'm[IU]/L', 0.4, 7.5, 2);
const PHQ9 = test('44261-6', 'PHQ-9 total score', '{score}', 2, 21);
const VIRAL_LOAD = test('20447-9', 'HIV 1 RNA', '{copies}/mL', 20, 900);
const DRUG_SCREEN = test('19295-5', 'Opiates in urine', 'ng/mL', 0, 90);
const HEMOGLOBIN = test('718-7', 'Hemoglobin', 'g/dL', 11.2, 16.4, 1);

/** Labels of NDC numbers begin with 99999, a labeler code that was never assigned. */
const drug = (rxnorm: string, ndc: string, text: string, daily = 1, unit = '{tbl}') => ({
  rxnorm,
  ndc: `99999${ndc}`,
  text,
  daily,
  unit,
});

export const COMMON: readonly Protocol[] = [
  {
    icd10: 'E11.9',
    snomed: '44054006',
    text: 'Type 2 diabetes',
    drug: drug('861007', '010160', 'metformin 500 mg tablet', 2),
    tests: [HBA1C, GLUCOSE, CREATININE],
    service: 'G0108',
  },
  {
    icd10: 'I10',
    snomed: '38341003',
    text: 'High blood pressure',
    drug: drug('314076', '020130', 'lisinopril 10 mg tablet'),
    tests: [CREATININE, POTASSIUM],
    service: 'G0463',
  },
  {
    icd10: 'E78.5',
    snomed: '55822004',
    text: 'High cholesterol',
    drug: drug('617310', '030130', 'atorvastatin 20 mg tablet'),
    tests: [LDL, HDL],
    service: 'G0463',
  },
  {
    icd10: 'J45.909',
    snomed: '195967001',
    text: 'Asthma',
    drug: drug('745679', '040101', 'albuterol inhaler', 1, '{inhalation}'),
    tests: [HEMOGLOBIN],
    service: 'G0463',
  },
  {
    icd10: 'E03.9',
    snomed: '40930008',
    text: 'Underactive thyroid',
    drug: drug('966222', '050130', 'levothyroxine 75 mcg tablet'),
    tests: [TSH],
    service: 'G0463',
  },
  {
    icd10: 'M17.11',
    snomed: '239873007',
    text: 'Arthritis of the right knee',
    drug: drug('197806', '060190', 'ibuprofen 600 mg tablet', 3),
    tests: [HEMOGLOBIN, CREATININE],
    service: 'G0283',
  },
];

export const SENSITIVE: readonly Protocol[] = [
  {
    icd10: 'F33.1',
    snomed: '370143000',
    text: 'Depression',
    drug: drug('312941', '070130', 'sertraline 50 mg tablet'),
    tests: [PHQ9],
    service: 'G0444',
    label: 'PSY',
  },
  {
    icd10: 'F11.20',
    snomed: '5602001',
    text: 'Opioid use disorder',
    drug: drug('351266', '080130', 'buprenorphine and naloxone tablet'),
    tests: [DRUG_SCREEN],
    service: 'G2086',
    label: 'ETH',
  },
  {
    icd10: 'B20',
    snomed: '86406008',
    text: 'HIV disease',
    drug: drug('1721613', '090130', 'HIV combination tablet'),
    tests: [VIRAL_LOAD],
    service: 'G0463',
    label: 'HIV',
  },
];

export const VACCINES = [
  { cvx: '150', text: 'Influenza vaccine' },
  { cvx: '115', text: 'Tdap vaccine' },
  { cvx: '187', text: 'Zoster vaccine' },
  { cvx: '33', text: 'Pneumococcal vaccine' },
  { cvx: '300', text: 'COVID-19 vaccine' },
] as const;

export const ALLERGENS = [
  { snomed: '764146007', text: 'Penicillin', category: 'medication', reaction: '247472004', reactionText: 'Hives' },
  { snomed: '91935009', text: 'Peanut', category: 'food', reaction: '39579001', reactionText: 'Anaphylaxis' },
  { snomed: '111088007', text: 'Latex', category: 'environment', reaction: '271807003', reactionText: 'Skin rash' },
] as const;

export const PROCEDURES = [
  { hcpcs: 'G0121', snomed: '73761001', text: 'Colonoscopy' },
  { hcpcs: 'G0202', snomed: '24623002', text: 'Mammography' },
  { hcpcs: 'Q0091', snomed: '171149006', text: 'Cervical screening' },
  { hcpcs: 'G0297', snomed: '241541005', text: 'Low dose chest CT' },
] as const;

/** What prior authorizations ask for. `drug` items are HCPCS J codes. */
export const AUTHORIZED = [
  { hcpcs: 'E0601', units: 1, text: 'CPAP device' },
  { hcpcs: 'G0151', units: 12, text: 'Physical therapy at home' },
  { hcpcs: 'K0001', units: 1, text: 'Wheelchair' },
  { hcpcs: 'E0260', units: 1, text: 'Hospital bed' },
  { hcpcs: 'G0299', units: 24, text: 'Skilled nursing at home' },
] as const;
export const AUTHORIZED_DRUG = { hcpcs: 'J0897', units: 60, text: 'Denosumab injection' } as const;

/** Services of claims in plain words; other codes stand bare, as in many payers' data. */
export const SERVICES: Readonly<Record<string, string>> = {
  ...Object.fromEntries([...PROCEDURES, ...AUTHORIZED, AUTHORIZED_DRUG].map((s) => [s.hcpcs, s.text])),
  G0108: 'Diabetes training',
  G0283: 'Electrical stimulation',
  G0439: 'Yearly wellness visit',
  G0444: 'Depression screening',
  G0463: 'Clinic visit',
  G0471: 'Blood draw',
  G2086: 'Opioid treatment',
  G2211: 'Visit, more time needed',
  D0120: 'Dental check',
  D1110: 'Dental cleaning',
};
