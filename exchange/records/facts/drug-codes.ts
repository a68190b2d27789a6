// Which codes of services are drugs: prior authorizations for them do not leave. Any and all drugs that a plan covers are meant
// (42 CFR 422.119(b)(1)(iv)), those that clinicians give too. A plan adds its own (EXCLUDED_CODES).
import { systemKnownAs } from '../../../src/fhir/code-systems.ts';
import { VALUE_SETS, type ValueSets } from '../../../src/sensitive-value-sets.ts';

const HCPCS = /hcpcs|2\.16\.840\.1\.113883\.6\.285$/i;
const CPT = 'http://www.ama-assn.org/go/cpt';
/** What these hold is drugs and biologicals alone. */
const SYSTEMS = new Set([
  'http://hl7.org/fhir/sid/ndc',
  'http://hl7.org/fhir/sid/cvx',
  'http://www.nlm.nih.gov/research/umls/rxnorm',
  'http://www.whocc.no/atc',
  'http://fdasis.nlm.nih.gov',
  'http://terminology.hl7.org/CodeSystem/nddf',
  'http://terminology.hl7.org/CodeSystem/vandf',
  // GPI
  'urn:oid:2.16.840.1.113883.6.68',
]);
/** CPT, first and last of ranges that hold immune globulins and vaccines alone. */
const CPT_RANGES: readonly (readonly [string, string])[] = [
  ['90281', '90399'],
  ['90476', '90759'],
  ['91300', '91399'],
];
/** X12 1365: pharmacy, and kinds of prescription drug. */
const PHARMACY_SERVICES = new Set(['88', '89', '90', '91', '92']);

/** HCPCS Level II, first and last of ranges that hold drugs and biologicals alone. J is theirs as a whole. */
const RANGES: readonly (readonly [string, string])[] = [
  ['C9014', 'C9199'],
  ['C9248', 'C9299'],
  ['C9399', 'C9399'],
  ['C9460', 'C9499'],
  ['J0000', 'J9999'],
  ['Q0138', 'Q0139'],
  ['Q0144', 'Q0144'],
  ['Q0161', 'Q0181'],
  ['Q0220', 'Q0249'],
  ['Q2009', 'Q2009'],
  ['Q2017', 'Q2017'],
  ['Q2026', 'Q2028'],
  ['Q2034', 'Q2058'],
  ['Q3027', 'Q3028'],
  ['Q4074', 'Q4074'],
  ['Q4081', 'Q4081'],
  ['Q5101', 'Q5199'],
  ['Q9991', 'Q9992'],
  ['S0012', 'S0197'],
  ['S4990', 'S4995'],
  ['S5550', 'S5571'],
];

const isWithin = (code: string, ranges: typeof RANGES): boolean =>
  ranges.some(([first, last]) => code >= first && code <= last);
/** Without a version, a stroke at the end, or the s that the addresses of old systems do not have. */
const plain = (system: string): string => systemKnownAs((system.split('|')[0] ?? '').replace(/\/$/, ''));
const known = (system: string): string => {
  const name = plain(system);
  return SYSTEMS.has(name) || !name.startsWith('https://') ? name : `http://${name.slice('https://'.length)}`;
};

export function isDrugCode(system: string, code: string, sets: ValueSets = VALUE_SETS): boolean {
  const name = known(system);
  if (SYSTEMS.has(name) || sets.drugs?.holds(system, code) === true) return true;
  const written = code.trim().toUpperCase();
  if (name === CPT && /^\d{5}$/.test(written)) return isWithin(written, CPT_RANGES);
  // HCPCS Level II is sent under the name of Level I, CPT, and without a name
  return (name === '' || name === CPT || HCPCS.test(name)) && /^[A-Z]\d{4}$/.test(written) && isWithin(written, RANGES);
}

/** HL7 has a list of this name, too, of which these numbers are other services. */
const HL7_SERVICES = 'http://terminology.hl7.org/CodeSystem/service-type';

/** Does the kind of benefit say that a line is for drugs? */
export const isPharmacyService = (system: string, code: string): boolean =>
  /1365|service-?type|benefitcategory/i.test(system) && PHARMACY_SERVICES.has(code) && known(system) !== HL7_SERVICES;
