// Enrolment rows: what a plan's enrolment system would hand to the import, RFC 4180 CSV.
import { ENROLMENT_COLUMNS } from '../../import/enrolment-columns.ts';
import { isoDate } from '../dates.ts';
import { Draw, kindKey } from '../random.ts';
import { planNpi } from './care.ts';
import { cardOn, enrolled } from './coverage.ts';
import { caseOf, isOn, personOn } from './person.ts';
import { PLAN_NAMES, PRIOR_PEER, patientId, type Side } from './side.ts';

export { ENROLMENT_COLUMNS };

/** One row; every column is a string, empty when there is nothing to say. Dates are `YYYY-MM-DD`. */
export type EnrolmentRow = Record<(typeof ENROLMENT_COLUMNS)[number], string>;

const KIND = kindKey('enrolment');

/**
 * The row of a member at one plan, or undefined when the plan does not know the member. Only rows of `current` name a
 * prior payer and an opt-in; a member who was never with the prior payer may say so all the same (no match there).
 */
export function enrolmentRow(seed: number, index: number, side: Side, until?: string): EnrolmentRow | undefined {
  if (!isOn(index, side)) return undefined;
  const draw = new Draw(seed, KIND, index);
  const person = personOn(seed, index, side);
  const card = cardOn(seed, index, side);
  const e = enrolled(seed, index, until);
  const spell = e[side];
  const row: EnrolmentRow = {
    patient_id: patientId(side, index),
    member_number: card.memberNumber,
    former_member_number: '',
    subscriber_id: card.subscriberId,
    family: person.suffix === undefined ? person.family : `${person.family} ${person.suffix}`,
    given: person.given.join(' '),
    birth_date: person.birthDate,
    gender: person.gender,
    address_line: person.line,
    city: person.city.city,
    state: person.city.state,
    postal_code: person.postalCode,
    phone: person.phone,
    email: person.email,
    plan: side === 'prior' ? 'OH-PPO-1' : 'ME-PPO-1',
    coverage_start: isoDate(spell.start),
    coverage_end: spell.end === undefined ? '' : isoDate(spell.end),
    line_of_business: '',
    accepted_on: '',
    prior_payer: '',
    prior_member_number: '',
    prior_coverage_start: '',
    prior_coverage_end: '',
    opt_in: '',
    opt_in_date: '',
    opt_in_policy: '',
    deceased: '',
  };
  if (side === 'prior') return row;
  const which = caseOf(index);
  row.prior_payer =
    which === 'payer-by-name' ? PLAN_NAMES.prior : which === 'payer-by-npi' ? planNpi(seed, 'prior') : PRIOR_PEER;
  if (which !== 'number-unknown') row.prior_member_number = cardOn(seed, index, 'prior').memberNumber;
  row.prior_coverage_start = isoDate(e.prior.start);
  row.prior_coverage_end = isoDate(e.prior.end);
  row.opt_in = which === 'opted-out' ? 'no' : 'yes';
  row.opt_in_date = isoDate(Math.min(e.current.start + draw.int(12), e.until));
  if (row.opt_in === 'yes') row.opt_in_policy = index % 3 === 1 ? 'sensitive' : 'regular';
  return row;
}

/** One CSV line without its line end: fields with a comma, quote, CR or LF are quoted, quotes doubled (RFC 4180). */
export function csvLine(fields: readonly string[]): string {
  return fields.map((f) => (/[",\r\n]/.test(f) ? `"${f.replaceAll('"', '""')}"` : f)).join(',');
}

export const enrolmentHeader = () => csvLine(ENROLMENT_COLUMNS);
export const enrolmentLine = (row: EnrolmentRow) => csvLine(ENROLMENT_COLUMNS.map((column) => row[column]));
