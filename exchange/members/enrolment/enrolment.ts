// Enrolment of members from a CSV: who they are, their card and coverage, their prior payer, and their choice about
// payer-to-payer exchange. docs/enrollment.md shows the template.
import { createHash } from 'node:crypto';
import { isTime } from '../../../src/fhir/instant.ts';
import { columnsOf } from '../../../src/import/csv-rows.ts';
import { ENROLMENT_COLUMNS } from '../../../src/import/enrolment-columns.ts';
import { ImportFault } from '../../../src/import/reject.ts';
import { LINES_OF_BUSINESS, type LineOfBusiness } from '../deadlines/rules.ts';

export { ENROLMENT_COLUMNS };
export type EnrolmentColumn = (typeof ENROLMENT_COLUMNS)[number];

/** One checked row. Dates are YYYY-MM-DD. `given` holds all given names in order. */
export type Enrolment = {
  memberId: string;
  /** the row names a Patient of the records, so none is made */
  isKnownPatient: boolean;
  memberNumber: string;
  /** number of the card that this one takes the place of */
  formerNumber: string | undefined;
  /** when the coverage begins that is the next by the same file, under the card that took the place of this one */
  nextStarts?: string;
  /** a drug or behavioral benefit of an 834, whose end says nothing of the health plan beside it */
  isBeside?: true;
  subscriberId: string | undefined;
  family: string;
  given: string[];
  birthDate: string;
  gender: string;
  address: {
    line: string | undefined;
    city: string | undefined;
    state: string | undefined;
    postalCode: string | undefined;
  };
  phone: string | undefined;
  email: string | undefined;
  plan: string;
  starts: string;
  ends: string | undefined;
  lob: LineOfBusiness;
  /** when the enrolment was accepted (by CMS), where that starts the week of the offer */
  acceptedOn: string | undefined;
  prior: Prior | undefined;
  choice: { optIn: boolean; on: string; policy: 'regular' | 'sensitive' } | undefined;
  died: Died;
};

/** Coverage with another payer, as it is said. */
export type Prior = { payer: string; memberNumber: string; starts: string | undefined; ends: string | undefined };

/** The day on which the member died; null takes back what an earlier row said of it, undefined says nothing. */
export type Died = string | null | undefined;

/** Coverage that ends, stated without when it began: of the one that is known under the number. `endsOn` YYYY-MM-DD. */
export type CoverageEnd = {
  memberNumber: string;
  formerNumber: string | undefined;
  birthDate: string | undefined;
  endsOn: string;
  prior: Prior | undefined;
  died: Died;
};

/** Years that no one has lived: a birth date before is what a system writes for none. */
const OLDEST = 130;
const GENDERS = new Set(['male', 'female', 'other', 'unknown']);
const isDay = (v: string) => /^\d{4}-\d\d-\d\d$/.test(v) && isTime(v);

/** A stable Patient id for a person who comes without one: from the member number, not readable back. */
export function patientIdFor(memberNumber: string): string {
  const h = createHash('sha256').update(`payer-node member ${memberNumber}`).digest('hex');
  return `${h.slice(0, 8)}-${h.slice(8, 12)}-${h.slice(12, 16)}-${h.slice(16, 20)}-${h.slice(20, 32)}`;
}

/** A number that a spreadsheet has rounded: its digits are lost. */
const ROUNDED = /^\d(?:[.,]\d+)?E\+\d+$/i;
const NUMBERS = ['member_number', 'former_member_number', 'subscriber_id', 'prior_member_number'] as const;

/** Columns with what the database takes for no text. A sentence each. */
const notText = (row: Partial<Record<EnrolmentColumn, string>>): string[] =>
  Object.values(row).some((value) => value?.includes('\0'))
    ? Object.entries(row).flatMap(([column, value]) =>
        value?.includes('\0') ? `${column} holds a character that no text has (NUL).` : [],
      )
    : [];

/** What a row says of death. @param born its birth date @param faults a sentence is added for what is none */
function readDied(said: string | undefined, born: string, today: string, faults: string[]): Died {
  const value = said?.trim() ?? '';
  if (value === '') return undefined;
  if (value.toLowerCase() === 'no') return null;
  if (!isDay(value)) faults.push('deceased must be a date YYYY-MM-DD, no or empty.');
  else if (value > today) faults.push('deceased is a day to come.');
  else if (isDay(born) && value < born) faults.push('deceased is before birth_date.');
  return value;
}

/** What a row says of coverage with another payer. @param faults a sentence is added for what is none */
function readPrior(row: Partial<Record<EnrolmentColumn, string>>, faults: string[]): Prior | undefined {
  const get = (column: EnrolmentColumn): string | undefined => row[column]?.trim() || undefined;
  const [payer, number] = [get('prior_payer'), get('prior_member_number')];
  const [starts, ends] = [get('prior_coverage_start'), get('prior_coverage_end')];
  if (payer === undefined && number !== undefined) faults.push('prior_member_number is given without prior_payer.');
  if (starts !== undefined && !isDay(starts)) faults.push('prior_coverage_start must be a date YYYY-MM-DD.');
  if (ends !== undefined && !isDay(ends)) faults.push('prior_coverage_end must be a date YYYY-MM-DD.');
  if (ends !== undefined && starts !== undefined && ends < starts)
    faults.push('prior_coverage_end is before prior_coverage_start.');
  return payer === undefined ? undefined : { payer, memberNumber: number ?? '', starts, ends };
}

/** Checks a row of a coverage that ends. @param today YYYY-MM-DD of the plan's calendar: no one has died on a later day */
export function readEnd(
  row: Partial<Record<EnrolmentColumn, string>>,
  today: string,
): CoverageEnd | { faults: string[] } {
  const [endsOn = '', born = ''] = [row.coverage_end?.trim(), row.birth_date?.trim()];
  const faults = notText(row);
  if (faults.length > 0) return { faults };
  if (!isDay(endsOn)) faults.push('coverage_end must be a date YYYY-MM-DD.');
  const prior = readPrior(row, faults);
  const died = readDied(row.deceased, born, today, faults);
  if (faults.length > 0) return { faults };
  return {
    memberNumber: row.member_number?.trim() ?? '',
    formerNumber: row.former_member_number?.trim() || undefined,
    birthDate: isDay(born) ? born : undefined,
    endsOn,
    prior,
    died,
  };
}

/**
 * Checks one row. All faults are returned, a sentence each.
 * @param today YYYY-MM-DD of the plan's calendar: no one is born, and has chosen, on a later day. A choice of a later
 * day would hold against all
 *   that the member says until then.
 */
export function readEnrolment(
  row: Partial<Record<EnrolmentColumn, string>>,
  today: string,
): Enrolment | { faults: string[] } {
  const faults: string[] = [];
  const get = (column: EnrolmentColumn): string | undefined => {
    const value = row[column]?.trim();
    return value === undefined || value === '' ? undefined : value;
  };
  const need = (column: EnrolmentColumn): string => {
    const value = get(column);
    if (value === undefined) faults.push(`${column} is required.`);
    return value ?? '';
  };
  const dayOf = (column: EnrolmentColumn, required: boolean): string | undefined => {
    const value = required ? need(column) : get(column);
    if (value !== undefined && value !== '' && !isDay(value)) faults.push(`${column} must be a date YYYY-MM-DD.`);
    return value === '' ? undefined : value;
  };
  const pastDayOf = (column: EnrolmentColumn, required: boolean): string | undefined => {
    const day = dayOf(column, required);
    if (day !== undefined && isDay(day) && day > today) faults.push(`${column} is a day to come.`);
    return day;
  };
  faults.push(...notText(row));
  for (const column of NUMBERS)
    if (ROUNDED.test(get(column) ?? ''))
      faults.push(`${column} is a number that a spreadsheet has rounded: its digits are lost.`);
  const memberNumber = need('member_number');
  const formerNumber = get('former_member_number');
  const family = need('family');
  const given = need('given');
  const birthDate = pastDayOf('birth_date', true) ?? '';
  if (isDay(birthDate) && Number(birthDate.slice(0, 4)) < Number(today.slice(0, 4)) - OLDEST)
    faults.push(`birth_date is of a person older than ${OLDEST}.`);
  const gender = get('gender')?.toLowerCase() ?? 'unknown';
  if (!GENDERS.has(gender)) faults.push('gender must be male, female, other or unknown.');
  const patientId = get('patient_id');
  if (patientId !== undefined && !/^[A-Za-z0-9\-.]{1,64}$/.test(patientId)) faults.push('patient_id is not a FHIR id.');
  const starts = dayOf('coverage_start', true) ?? '';
  const ends = dayOf('coverage_end', false);
  if (ends !== undefined && ends < starts) faults.push('coverage_end is before coverage_start.');
  const lob = get('line_of_business')?.toLowerCase() ?? 'ma';
  if (!Object.hasOwn(LINES_OF_BUSINESS, lob))
    faults.push(`line_of_business must be one of ${Object.keys(LINES_OF_BUSINESS).join(', ')}.`);
  const acceptedOn = dayOf('accepted_on', false);
  const prior = readPrior(row, faults);
  const answer = get('opt_in')?.toLowerCase();
  if (answer !== undefined && !['yes', 'no'].includes(answer)) faults.push('opt_in must be yes, no or empty.');
  const on = pastDayOf('opt_in_date', false);
  if (answer !== undefined && on === undefined) faults.push('opt_in_date is required with opt_in.');
  const policy = get('opt_in_policy')?.toLowerCase() ?? 'regular';
  if (policy !== 'regular' && policy !== 'sensitive') faults.push('opt_in_policy must be regular or sensitive.');
  const died = readDied(row.deceased, birthDate, today, faults);
  if (faults.length > 0) return { faults };
  return {
    memberId: patientId ?? patientIdFor(memberNumber),
    isKnownPatient: patientId !== undefined,
    memberNumber,
    formerNumber: formerNumber === memberNumber ? undefined : formerNumber,
    subscriberId: get('subscriber_id'),
    family,
    given: given.split(/\s+/),
    birthDate,
    gender,
    address: { line: get('address_line'), city: get('city'), state: get('state'), postalCode: get('postal_code') },
    phone: get('phone'),
    email: get('email'),
    plan: get('plan') ?? 'unspecified',
    starts,
    ends,
    lob: lob as LineOfBusiness,
    acceptedOn,
    prior,
    choice:
      answer === undefined || on === undefined
        ? undefined
        : { optIn: answer === 'yes', on, policy: policy === 'sensitive' ? 'sensitive' : 'regular' },
    died,
  };
}

/**
 * The Patient of a person who is enrolled without a record.
 * @param numbers of cards that the person has or had, beside the one of the row
 * @param died the day on which the person died, where that is known
 */
export function patientOf(
  row: Enrolment,
  memberSystem: string,
  numbers: readonly string[] = [],
  died: string | null = null,
): Record<string, unknown> {
  const card = (value: string, use?: 'old') => ({
    ...(use === undefined ? {} : { use }),
    type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: 'MB' }] },
    system: memberSystem,
    value,
  });
  // in an order that does not depend on who knows them
  const others = [...new Set(numbers)].filter((n) => n !== row.memberNumber).sort();
  const { line, city, state, postalCode } = row.address;
  const hasAddress = [line, city, state, postalCode].some((v) => v !== undefined);
  const telecom = [
    ...(row.phone === undefined ? [] : [{ system: 'phone', value: row.phone }]),
    ...(row.email === undefined ? [] : [{ system: 'email', value: row.email }]),
  ];
  return {
    resourceType: 'Patient',
    id: row.memberId,
    meta: { profile: ['http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient'] },
    identifier: [card(row.memberNumber), ...others.map((n) => card(n, 'old'))],
    name: [{ use: 'official', family: row.family, given: row.given }],
    ...(telecom.length > 0 ? { telecom } : {}),
    gender: row.gender,
    birthDate: row.birthDate,
    ...(died === null ? {} : { deceasedDateTime: died }),
    ...(hasAddress
      ? {
          address: [
            {
              ...(line === undefined ? {} : { line: [line] }),
              ...(city === undefined ? {} : { city }),
              ...(state === undefined ? {} : { state }),
              ...(postalCode === undefined ? {} : { postalCode }),
            },
          ],
        }
      : {}),
  };
}

/**
 * The columns of an enrolment file, by its header.
 * @throws ImportFault when one is missing or not known, be there rows or none
 */
export function enrolmentColumns(path: string, header: readonly string[]): (string | false)[] {
  const names = columnsOf(path, header);
  const missing = ['member_number', 'family', 'given', 'birth_date', 'coverage_start'].filter(
    (c) => !names.includes(c),
  );
  const unknown = names.filter((c) => c !== false && !(ENROLMENT_COLUMNS as readonly string[]).includes(c));
  if (missing.length > 0)
    throw new ImportFault(
      `The enrolment file ${path} has no column ${missing.join(', ')}. Its header must be: ${ENROLMENT_COLUMNS.join(',')}`,
    );
  if (unknown.length > 0)
    throw new ImportFault(`The enrolment file ${path} has a column that is not known: ${unknown.join(', ')}.`);
  return names;
}
