// The keys by which a search can be sorted, beside `_id`, `_lastUpdated` and `near`. A resource keeps the first value of
// each, folded, joined in one text; the numbers below are its places in it.
import { searchForm } from '../fold.ts';
import { Outcome } from '../outcome.ts';
import type { JsonObject } from '../resource.ts';
import { MAX_WORD } from './draft.ts';
import { parameter } from './parameters.ts';
import type { DirectoryType } from './types.ts';

const NAMED = ['name'];
const PLACED = ['name', 'address-city', 'address-state', 'address-postalcode'];

/** Parameters whose first value is kept, in this order. */
export const SORT_KEYS: Record<DirectoryType, readonly string[]> = {
  Endpoint: NAMED,
  HealthcareService: NAMED,
  InsurancePlan: NAMED,
  Location: PLACED,
  Organization: PLACED,
  OrganizationAffiliation: [],
  Practitioner: ['family', 'given', 'address-city', 'address-state', 'address-postalcode'],
  PractitionerRole: [],
  VerificationResult: [],
};

export const SEPARATOR = '\u0001';

export type SortKey = {
  by: 'id' | 'last-updated' | 'near' | 'key';
  /** place of the key in the text, from 1 */
  place: number;
  /** the parameter whose entries stand in this order */
  param: number;
  descending: boolean;
};

/** The joined keys of a resource; undefined when it has none. */
export function sortText(type: DirectoryType, resource: JsonObject): string | undefined {
  const keys = SORT_KEYS[type].map((code) => firstOf(type, code, resource));
  while (keys.length > 0 && keys.at(-1) === '') keys.pop();
  return keys.length === 0 ? undefined : keys.join(SEPARATOR);
}

function firstOf(type: DirectoryType, code: string, resource: JsonObject): string {
  for (const path of parameter(type, code)?.paths ?? [])
    for (const value of path(resource)) {
      const folded = typeof value === 'string' ? searchForm(value.slice(0, MAX_WORD)) : '';
      if (folded !== '') return folded.replaceAll(SEPARATOR, ' ');
    }
  return '';
}

/**
 * `_sort=family,-_lastUpdated`. `name` of people is their family name, then the given one.
 * @throws Outcome invalid-parameter
 */
export function readSort(type: DirectoryType, value: string): SortKey[] {
  const keys: SortKey[] = [];
  for (const part of value.split(',').map((p) => p.trim())) {
    const descending = part.startsWith('-');
    const code = descending ? part.slice(1) : part;
    const by = { _id: 'id', _lastUpdated: 'last-updated', near: 'near' }[code] as SortKey['by'] | undefined;
    if (by !== undefined) keys.push({ by, place: 0, param: 0, descending });
    else
      for (const one of type === 'Practitioner' && code === 'name' ? ['family', 'given'] : [code])
        keys.push(namedKey(type, one, descending));
  }
  if (keys.length > 8) throw new Outcome('invalid-parameter', '"_sort" has at most eight keys.');
  return keys;
}

function namedKey(type: DirectoryType, code: string, descending: boolean): SortKey {
  const place = SORT_KEYS[type].indexOf(code) + 1;
  const param = parameter(type, code)?.id;
  if (place === 0 || param === undefined)
    throw new Outcome(
      'invalid-parameter',
      `${type} is sorted by ${[...sortCodes(type)].join(', ')}, each with - for the other direction.`,
    );
  return { by: 'key', place, param, descending };
}

/** What `_sort` takes on a type. */
export function sortCodes(type: DirectoryType): string[] {
  const named = type === 'Practitioner' ? ['name', ...SORT_KEYS[type]] : [...SORT_KEYS[type]];
  return ['_id', '_lastUpdated', ...named, 'near'];
}
