// A row of the enrolment template for a person whose records come from elsewhere.
import { createHash } from 'node:crypto';
import { codings, objects, type Resource, strings, text } from '../../../src/fhir/resource.ts';
import { ENROLMENT_COLUMNS, type EnrolmentColumn } from './enrolment.ts';

/** The card number in the records, else one made from the Patient's id: the same for both sides of an exchange. */
function memberNumber(patient: Resource): string {
  const card = objects(patient['identifier']).find((i) => codings(i['type']).some((c) => c['code'] === 'MB'));
  const known = text(card?.['value']);
  if (known !== undefined) return known;
  const digits = BigInt(`0x${createHash('sha256').update(String(patient['id'])).digest('hex').slice(0, 12)}`);
  return `M${String(digits % 1_000_000_000n).padStart(9, '0')}`;
}

/**
 * @param priorPayer absent: a row for the node that holds the records (it names the Patient). Given: a row for a node that
 *   will ask that payer for them; the member has opted in today and has another card here.
 */
export function templateRow(
  patient: Resource,
  priorPayer?: string,
  today = new Date().toISOString().slice(0, 10),
): Record<EnrolmentColumn, string> {
  const row = Object.fromEntries(ENROLMENT_COLUMNS.map((c) => [c, ''])) as Record<EnrolmentColumn, string>;
  const name = objects(patient['name']).find((n) => n['use'] === 'official') ?? objects(patient['name'])[0] ?? {};
  const address = objects(patient['address'])[0] ?? {};
  const telecom = (system: string) =>
    text(objects(patient['telecom']).find((t) => t['system'] === system)?.['value']) ?? '';
  row.family = text(name['family']) ?? '';
  row.given = strings(name['given']).join(' ');
  row.birth_date = text(patient['birthDate']) ?? '';
  row.gender = text(patient['gender']) ?? 'unknown';
  row.address_line = strings(address['line'])[0] ?? '';
  row.city = text(address['city']) ?? '';
  row.state = text(address['state']) ?? '';
  row.postal_code = text(address['postalCode']) ?? '';
  row.phone = telecom('phone');
  row.email = telecom('email');
  row.plan = 'unspecified';
  const number = memberNumber(patient);
  if (priorPayer === undefined) {
    row.patient_id = text(patient['id']) ?? '';
    row.member_number = number;
    row.coverage_start = row.birth_date;
    return row;
  }
  row.member_number = `N${number}`;
  row.coverage_start = today;
  row.prior_payer = priorPayer;
  row.prior_member_number = number;
  row.opt_in = 'yes';
  row.opt_in_date = today;
  row.opt_in_policy = 'sensitive';
  return row;
}
