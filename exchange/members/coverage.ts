// Enrolment out of FHIR Coverage: those whose payor is this plan are coverage with us, those of other payors are other coverage.

import { NPI_SYSTEM } from '../../src/fhir/npi.ts';
import { codings, isObject, type Json, objects, type Resource, text } from '../../src/fhir/resource.ts';
import type { LineOfBusiness } from '../clocks/rules.ts';
import type { Enrolment } from './enrolment.ts';

/** What enrolment needs of a member whose Patient is there. */
export type CoverageRow = Pick<
  Enrolment,
  'memberId' | 'memberNumber' | 'subscriberId' | 'plan' | 'starts' | 'ends' | 'lob' | 'acceptedOn' | 'prior' | 'choice'
>;
export type OtherPayer = {
  memberId: string;
  payer: string;
  memberNumber: string;
  starts: string | undefined;
  ends: string | undefined;
};

const day = (v: Json | undefined): string | undefined => {
  const t = text(v);
  return t !== undefined && /^\d{4}-\d\d-\d\d/.test(t) ? t.slice(0, 10) : undefined;
};

/** NPI, else name, of the payor; its contained Organization counts, and those that `organizations` knows by reference. */
function payorOf(
  coverage: Resource,
  organizations: ReadonlyMap<string, Resource>,
): { npi: string | undefined; name: string | undefined } {
  const payor = objects(coverage['payor'])[0];
  const reference = text(payor?.['reference']) ?? '';
  const organization = reference.startsWith('#')
    ? objects(coverage['contained']).find((c) => `#${text(c['id']) ?? ''}` === reference)
    : organizations.get(reference);
  const identifiers = [payor?.['identifier'], ...objects(organization?.['identifier'])].filter(isObject);
  const npi = identifiers.find((i) => i['system'] === NPI_SYSTEM)?.['value'];
  return { npi: text(npi), name: text(payor?.['display']) ?? text(organization?.['name']) };
}

const cardOf = (coverage: Resource): string | undefined =>
  text(objects(coverage['identifier']).find((i) => codings(i['type']).some((c) => c['code'] === 'MB'))?.['value']) ??
  text(coverage['subscriberId']);

/**
 * One Coverage as enrolment or as other coverage; a sentence when it is neither. Pure.
 * @param us NPI and name of this plan
 */
export function readCoverage(
  coverage: Resource,
  memberId: string,
  us: { npi: string; name: string },
  lob: LineOfBusiness,
  organizations: ReadonlyMap<string, Resource>,
): { ours: CoverageRow } | { other: OtherPayer } | { fault: string } {
  const status = text(coverage['status']);
  if (status !== 'active' && status !== 'cancelled') return { fault: `its status is ${status ?? 'missing'}` };
  const { npi, name } = payorOf(coverage, organizations);
  if (npi === undefined && name === undefined) return { fault: 'its payor has neither NPI nor name' };
  const period = isObject(coverage['period']) ? coverage['period'] : {};
  const [starts, ends] = [day(period['start']), day(period['end'])];
  const memberNumber = cardOf(coverage);
  const isOurs = npi === us.npi || (npi === undefined && name?.toLowerCase() === us.name.toLowerCase());
  if (!isOurs) return { other: { memberId, payer: npi ?? name ?? '', memberNumber: memberNumber ?? '', starts, ends } };
  if (starts === undefined) return { fault: 'its period has no start' };
  if (memberNumber === undefined) return { fault: 'it has neither an identifier of type MB nor a subscriberId' };
  const plan = objects(coverage['class']).find((c) => codings(c['type']).some((t) => t['code'] === 'plan'));
  return {
    ours: {
      memberId,
      memberNumber,
      subscriberId: text(coverage['subscriberId']),
      plan: text(plan?.['value']) ?? text(plan?.['name']) ?? 'unspecified',
      starts,
      ends,
      lob,
      acceptedOn: undefined,
      prior: undefined,
      choice: undefined,
    },
  };
}
