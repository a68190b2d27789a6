// Which codes of services are drugs: prior authorizations for them do not leave. Any and all drugs that a plan covers are meant
// (42 CFR 422.119(b)(1)(iv)), those that clinicians give too. A plan adds its own (EXCLUDED_CODES).
import { systemKnownAs } from '../../src/fhir/code-systems.ts';
import { VALUE_SETS, type ValueSets } from './value-sets.ts';

const HCPCS = /hcpcs|2\.16\.840\.1\.113883\.6\.285$/i;
const SYSTEMS = new Set(['http://hl7.org/fhir/sid/ndc', 'http://www.nlm.nih.gov/research/umls/rxnorm']);

/** HCPCS Level II, first and last of stretches that hold drugs and biologicals alone. J is theirs as a whole. */
const STRETCHES: readonly (readonly [string, string])[] = [
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

export function isDrugCode(system: string, code: string, sets: ValueSets = VALUE_SETS): boolean {
  if (SYSTEMS.has(systemKnownAs(system)) || sets.drugs?.holds(system, code) === true) return true;
  const written = code.trim().toUpperCase();
  return (
    HCPCS.test(system) &&
    /^[A-Z]\d{4}$/.test(written) &&
    STRETCHES.some(([first, last]) => written >= first && written <= last)
  );
}
