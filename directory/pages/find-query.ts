// A search of the pages: from the address of the page to the pairs of the API's own search. Pure.
import { z } from 'zod';
import type { DirectoryType } from '../../src/fhir/search/types.ts';
import { readFields } from '../../src/http/validate.ts';
import type { Pairs } from './data.ts';
import { OPEN, openAt } from './open-hours.ts';
import { ACCESS, SPOKEN } from './texts/terms.ts';

export const DISTANCES = ['5', '10', '25', '50', '100'] as const;
const SORTS = ['best', 'near', 'name'] as const;
export type Sort = (typeof SORTS)[number];

export type FindQuery = {
  kind: 'person' | 'place';
  name: string;
  care: string;
  zip: string;
  within: string;
  plan: string;
  speaks: string;
  gender: string;
  access: string;
  /** when it shall be open */
  open: string;
  newPatients: boolean;
  telehealth: boolean;
  sort: Sort | undefined;
  /** only people at this place, organization, service or network */
  at: string;
  /** position of the page of results */
  page: string;
};

const MAX_TEXT = 100;
const oneOf = <T extends string>(known: readonly T[], value: string): T | undefined => known.find((k) => k === value);

/** A value without what no one writes, and no longer than a field is. */
export const plainText = (value: string): string =>
  value
    .normalize('NFC')
    .replace(/\p{Cc}/gu, ' ')
    .trim()
    .slice(0, MAX_TEXT);

const plain = z.string().default('').transform(plainText);
const flag = plain.transform((value) => value === '1');
const known = <const T extends readonly [string, ...string[]]>(values: T) =>
  plain.pipe(z.enum(values).or(z.literal('')).catch(''));

/** Whatever the address holds: what is not one of our values is not there. */
const FIND = z
  .object({
    kind: plain.pipe(z.enum(['person', 'place']).catch('person')),
    name: plain,
    care: plain,
    zip: plain.transform((value) => value.replace(/\s+/g, '')),
    within: plain.pipe(z.enum(DISTANCES).catch('25')),
    plan: plain,
    speaks: plain.transform((value) => oneOf(SPOKEN, value) ?? ''),
    gender: known(['female', 'male']),
    access: plain.transform((value) => oneOf(ACCESS, value) ?? ''),
    open: plain.transform((value) => oneOf(OPEN, value) ?? ''),
    new: flag,
    tele: flag,
    sort: plain.transform((value) => oneOf(SORTS, value)),
    at: plain.pipe(
      z
        .string()
        .regex(/^(Location|Organization|HealthcareService)\/[A-Za-z0-9\-.]{1,64}$/)
        .catch(''),
    ),
    page: z
      .string()
      .regex(/^[\w-]{1,600}$/)
      .default('')
      .catch(''),
  })
  .transform(({ new: newPatients, tele: telehealth, ...rest }) => ({ ...rest, newPatients, telehealth }));

export const readFind = (given: URLSearchParams): FindQuery => readFields(FIND, given);

/** The address of a search, shortest form. */
export function findPairs(q: FindQuery): [string, string][] {
  const pairs: [string, string][] = [
    ['kind', q.kind === 'place' ? 'place' : ''],
    ['name', q.name],
    ['care', q.care],
    ['zip', q.zip],
    ['within', q.zip === '' ? '' : q.within],
    ['plan', q.plan],
    ['speaks', q.speaks],
    ['gender', q.gender],
    ['access', q.access],
    ['open', q.open],
    ['new', q.newPatients ? '1' : ''],
    ['tele', q.telehealth ? '1' : ''],
    ['at', q.at],
    ['sort', q.sort ?? ''],
    ['page', q.page],
  ];
  return pairs.filter(([, v]) => v !== '');
}

/** In which order results come when nothing is said: by name searched, else by distance. */
export const sortOf = (q: FindQuery): Sort => q.sort ?? (q.name !== '' ? 'best' : q.zip !== '' ? 'near' : 'best');

/** Orders that make sense for a search. */
export const sortsFor = (q: FindQuery): Sort[] =>
  SORTS.filter((s) => (s === 'near' ? q.zip !== '' : s === 'best' ? q.name !== '' || q.zip === '' : true));

export const PAGE_SIZE = 20;
/** People have no order by name in the index: up to so many results are ordered here. */
export const NAMED_MAX = 200;

export type Asking = { type: DirectoryType; pairs: Pairs };

const REST = new Set<Sort>(['best']);

/**
 * The search of the API that answers.
 * @param networks of the plan asked for; empty: any
 * @param today YYYY-MM-DD
 * @param moment `day|time` where the plan is
 */
export function askingFor(q: FindQuery, networks: readonly string[], today: string, moment: string): Asking {
  const zip = q.zip === '' ? '' : `${q.zip}|${q.within}|mi`;
  const among = networks.join(',');
  const sort = sortOf(q);
  const rest = (natural: boolean): [string, string][] => [
    ['_revinclude', 'VerificationResult:target'],
    ['_count', String(sort === 'name' && !natural ? NAMED_MAX : PAGE_SIZE)],
    ...(REST.has(sort) || (sort === 'name' && !natural) ? [] : [['_sort', sort] satisfies [string, string]]),
    ...(q.page === '' || (sort === 'name' && !natural) ? [] : [['_cursor', q.page] satisfies [string, string]]),
  ];
  const pairs = (list: [string, string][]) => list.filter(([, v]) => v !== '');
  if (q.kind === 'person')
    return {
      type: 'PractitionerRole',
      pairs: pairs([
        ['practitioner.name-like', q.name],
        ['specialty-like', q.care],
        ['place.near-zip', zip],
        ['network', q.at.startsWith('Organization/') ? '' : among],
        ...placeOf(q, among),
        ['practitioner.communication', q.speaks],
        ['practitioner.gender', q.gender],
        ['place.accessibility', q.access],
        ['service.delivery-method', q.telehealth ? 'virtual' : ''],
        ['new-patient', q.newPatients && among === '' ? 'newpt' : ''],
        ['new-patient-and-from-network', q.newPatients ? networks.map((n) => `newpt$${n}`).join(',') : ''],
        ['open-at', openAt(q.open, moment)],
        ['active-on', today],
        ['_include', 'PractitionerRole:practitioner'],
        ['_include', 'PractitionerRole:location'],
        ['_include', 'PractitionerRole:organization'],
        ['_include', 'PractitionerRole:network'],
        ...rest(false),
      ]),
    };
  if (q.care !== '' || q.telehealth)
    return {
      type: 'HealthcareService',
      pairs: pairs([
        ['name-like', q.name],
        ['specialty-like', q.care],
        ['location.near-zip', zip],
        ['_has:OrganizationAffiliation:service:network', among],
        ['location.accessibility', q.access],
        ['delivery-method', q.telehealth ? 'virtual' : ''],
        ['new-patient', q.newPatients ? 'newpt' : ''],
        ['open-at', openAt(q.open, moment)],
        ['_include', 'HealthcareService:location'],
        ['_include', 'HealthcareService:organization'],
        ...rest(true),
      ]),
    };
  return {
    type: 'Location',
    pairs: pairs([
      ['name-like', q.name],
      ['near-zip', zip],
      ['_has:OrganizationAffiliation:location:network', among],
      ['accessibility', q.access],
      ['new-patient', q.newPatients ? 'newpt' : ''],
      ['open-at', openAt(q.open, moment)],
      ['address-city:missing', 'false'], // areas of coverage are locations too
      ['_include', 'Location:organization'],
      ...rest(true),
    ]),
  };
}

/** People at a place: by location, service or organization; a network is an organization to be found by `network`. */
function placeOf(q: FindQuery, among: string): [string, string][] {
  if (q.at.startsWith('Location/')) return [['place', q.at]];
  if (q.at.startsWith('HealthcareService/')) return [['service', q.at]];
  if (!q.at.startsWith('Organization/')) return [];
  return [
    ['organization', q.at],
    ['network', among],
  ];
}
