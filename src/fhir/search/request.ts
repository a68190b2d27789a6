// A search as plain data, made from its query by the parameter table. https://hl7.org/fhir/R4/search.html
import { Outcome } from '../outcome.ts';
import { type Criterion, readCriterion } from './criterion.ts';
import { decodeCursor } from './cursor.ts';
import { type Include, readInclude } from './include.ts';
import type { DirectoryType } from './types.ts';

export type Total = 'none' | 'estimate' | 'accurate' | 'default';
export type Summary = 'true' | 'text' | 'data' | 'count' | 'false';

export type SearchRequest = {
  type: DirectoryType;
  /** all must hold */
  criteria: Criterion[];
  includes: Include[];
  count: number;
  total: Total;
  summary: Summary;
  /** top-level elements asked for; empty: all */
  elements: string[];
  /** rk after which the page begins */
  after: bigint | undefined;
  /** parameters as they were applied, for the self link, without the page position */
  applied: [string, string][];
  /** names of parameters and values of includes that were ignored, for the outcome entry */
  ignored: string[];
};

export type RequestOptions = {
  /** public FHIR base */
  base: string;
  now: Date;
  countMax: number;
  /** `Prefer: handling=lenient`: unknown parameters are ignored and reported */
  lenient: boolean;
};

export const COUNT_DEFAULT = 100;
const MAX_PARAMETERS = 100;
const TOTALS: readonly Total[] = ['none', 'estimate', 'accurate'];
const SUMMARIES: readonly Summary[] = ['true', 'text', 'data', 'count', 'false'];

/**
 * Reads the pairs of a query string or form.
 * @throws Outcome unknown-parameter, invalid-parameter or bad-cursor
 */
export function readSearch(
  type: DirectoryType,
  pairs: Iterable<readonly [string, string]>,
  options: RequestOptions,
): SearchRequest {
  const request: SearchRequest = {
    type,
    criteria: [],
    includes: [],
    count: Math.min(COUNT_DEFAULT, options.countMax),
    total: 'default',
    summary: 'false',
    elements: [],
    after: undefined,
    applied: [],
    ignored: [],
  };
  let seen = 0;
  for (const [name, value] of pairs) {
    if (++seen > MAX_PARAMETERS) throw new Outcome('invalid-parameter', 'There are too many parameters.');
    if (value === '' || name === '_format' || name === '_pretty') continue; // an empty value asks for nothing
    if (!readResultParameter(request, name, value, options)) readFilter(request, name, value, options);
  }
  return request;
}

function readFilter(request: SearchRequest, name: string, value: string, options: RequestOptions): void {
  const criterion = readCriterion(request.type, name, value, options);
  if (criterion === undefined) {
    if (!options.lenient) throw new Outcome('unknown-parameter', unknownText(request.type, name));
    request.ignored.push(name);
    return;
  }
  request.criteria.push(criterion);
  request.applied.push([name, value]);
}

/** A name that the client sent is repeated only when it looks like one. */
function unknownText(type: DirectoryType, name: string): string {
  return /^[\w.:-]{1,64}$/.test(name)
    ? `"${name}" is not a search parameter of ${type} here.`
    : `A parameter is not a search parameter of ${type} here.`;
}

/** Parameters that shape the answer. False when the name is none of them. */
function readResultParameter(request: SearchRequest, name: string, value: string, options: RequestOptions): boolean {
  switch (name) {
    case '_count':
      if (!/^\d{1,9}$/.test(value)) throw new Outcome('invalid-parameter', '"_count" is a whole number.');
      request.count = Math.min(Number(value), options.countMax);
      if (request.count === 0) request.summary = 'count';
      return apply(request, name, String(request.count));
    case '_total':
      request.total = oneOf(TOTALS, name, value);
      return apply(request, name, value);
    case '_summary':
      request.summary = oneOf(SUMMARIES, name, value);
      return apply(request, name, value);
    case '_elements':
      request.elements = readElements(value);
      return apply(request, name, value);
    case '_sort':
      if (value !== '_id') throw new Outcome('invalid-parameter', 'Sorting by this is not supported here.');
      return apply(request, name, value);
    case '_cursor':
      request.after = decodeCursor(value);
      return true;
    default:
      break;
  }
  if (!/^_(rev)?include(:iterate|:recurse)?$/.test(name)) return false;
  const includes = readInclude(request.type, name, value);
  if (includes.length === 0) {
    request.ignored.push(`${name}=${/^[\w:*-]{1,100}$/.test(value) ? value : '?'}`);
    return true;
  }
  request.includes.push(...includes);
  return apply(request, name, value);
}

function readElements(value: string): string[] {
  const names = value.split(',').map((e) => e.trim().replace(/^[A-Z]\w+\./, ''));
  if (!names.every((e) => /^[A-Za-z]{1,64}$/.test(e)))
    throw new Outcome('invalid-parameter', '"_elements" lists names of top-level elements.');
  return names;
}

/**
 * `_summary` and `_elements` of a read.
 * @throws Outcome invalid-parameter
 */
export function readSubset(summary: string | undefined, elements: string | undefined) {
  return {
    summary: summary === undefined || summary === '' ? ('false' as const) : oneOf(SUMMARIES, '_summary', summary),
    elements: elements === undefined || elements === '' ? [] : readElements(elements),
  };
}

function apply(request: SearchRequest, name: string, value: string): true {
  request.applied.push([name, value]);
  return true;
}

function oneOf<T extends string>(known: readonly T[], name: string, value: string): T {
  const found = known.find((k) => k === value);
  if (found === undefined) throw new Outcome('invalid-parameter', `"${name}" is one of ${known.join(', ')}.`);
  return found;
}
