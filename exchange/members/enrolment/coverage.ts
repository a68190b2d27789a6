// Enrolment out of FHIR Coverage: those whose payor is this plan are coverage with us, those of other payors are other coverage.

import { isNpiSystem } from '../../../src/fhir/npi.ts';
import {
  codings,
  isObject,
  type Json,
  type JsonObject,
  objects,
  type Resource,
  text,
} from '../../../src/fhir/resource.ts';
import type { LineOfBusiness } from '../deadlines/rules.ts';
import type { Enrolment } from './enrolment.ts';

/** What enrolment needs of a member whose Patient is there. */
export type CoverageRow = Pick<
  Enrolment,
  'memberId' | 'memberNumber' | 'subscriberId' | 'plan' | 'starts' | 'ends' | 'lob' | 'acceptedOn' | 'prior' | 'choice'
> &
  Pick<Partial<Enrolment>, 'formerNumber' | 'nextStarts' | 'isBeside'>;
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

type Payor = { npi: string | undefined; name: string | undefined };

/** NPI, else name, of each payor; its contained Organization counts, and those that `organizations` knows by reference. */
const payorsOf = (coverage: Resource, organizations: ReadonlyMap<string, Resource>): Payor[] =>
  objects(coverage['payor']).map((payor) => {
    const reference = text(payor['reference']) ?? '';
    const organization = reference.startsWith('#')
      ? objects(coverage['contained']).find((c) => `#${text(c['id']) ?? ''}` === reference)
      : organizations.get(reference);
    const identifiers = [payor['identifier'], ...objects(organization?.['identifier'])].filter(isObject);
    const npi = identifiers.find((i) => isNpiSystem(i['system']))?.['value'];
    return { npi: text(npi), name: text(payor['display']) ?? text(organization?.['name']) };
  });

/** Kinds of coverage with us that are no health coverage, as in an 834; https://terminology.hl7.org/CodeSystem-v3-ActCode.html. */
const NO_HEALTH = new Set(['DENTAL', 'DENTPRG', 'VISPOL', 'DRUGPOL', 'DIS', 'LIFE', 'LTC']);

/**
 * Kinds that pay no care: who holds them has no history of it. Dental, vision and drug plans have one: they need not
 * answer, and are asked all the same.
 */
const NO_CARE = new Set(['DIS', 'LIFE']);
const isOneOf = (coverage: Resource, kinds: ReadonlySet<string>): boolean =>
  codings(coverage['type']).some((c) => kinds.has(text(c['code']) ?? ''));

const BACKWARDS = 'its period ends before it starts';
/** Why a period is none that says when a coverage holds; undefined when it is one. */
function periodFault(period: JsonObject, status: string): string | undefined {
  const [start, end] = [text(period['start']), text(period['end'])];
  const [starts, ends] = [day(start), day(end)];
  if (start === undefined) return 'its period has no start';
  if (starts === undefined) return `its period starts at ${start}, which is no day`;
  if (end !== undefined && ends === undefined) return `its period ends at ${end}, which is no day`;
  if (ends !== undefined && ends < starts) return BACKWARDS;
  return status === 'cancelled' && ends === undefined ? 'it is cancelled, and its period has no end' : undefined;
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
  const isUs = ({ npi, name }: Payor) =>
    npi === us.npi || (npi === undefined && name?.toLowerCase() === us.name.toLowerCase());
  const payors = payorsOf(coverage, organizations).filter((p) => p.npi !== undefined || p.name !== undefined);
  const payor = payors.find(isUs) ?? payors[0];
  if (payor === undefined) return { fault: 'its payor has neither NPI nor name' };
  const period = isObject(coverage['period']) ? coverage['period'] : {};
  const fault = periodFault(period, status);
  const [starts, ends] = [day(period['start']), day(period['end'])];
  const memberNumber = cardOf(coverage);
  if (!isUs(payor)) {
    if (isOneOf(coverage, NO_CARE)) return { fault: 'its type is no coverage of care' };
    // of a coverage elsewhere the days need not be known
    if (starts !== undefined && ends !== undefined && ends < starts) return { fault: BACKWARDS };
    return {
      other: { memberId, payer: payor.npi ?? payor.name ?? '', memberNumber: memberNumber ?? '', starts, ends },
    };
  }
  if (isOneOf(coverage, NO_HEALTH)) return { fault: 'its type is no health coverage' };
  if (fault !== undefined || starts === undefined) return { fault: fault ?? 'its period has no start' };
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
