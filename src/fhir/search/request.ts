// A search as plain data, made from its query by the parameter table. https://hl7.org/fhir/R4/search.html
import { Outcome } from '../outcome.ts';
import { checkCost } from './cost.ts';
import type { Criterion, CriterionOptions } from './criterion.ts';
import { type Cursor, decodeCursor } from './cursor.ts';
import { type Include, readInclude } from './include.ts';
import { joinChains } from './join-chains.ts';
import type { Circle } from './near.ts';
import { readCriterion } from './read-criterion.ts';
import { readSort, type SortKey } from './sort.ts';
import type { DirectoryType } from './types.ts';
import { isName } from './values.ts';

type Total = 'none' | 'estimate' | 'accurate' | 'default';
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
  /** keys of the order; none: that of the rows */
  sort: SortKey[];
  /** the row after or before which the page lies */
  after: Cursor | undefined;
  /** very many match, as was counted before: they need not be counted to know how they are put in order */
  many?: true;
  /** the plan of the statement is asked for, not its result */
  explain: boolean;
  /** parameters as they were applied, for the self link, without the page position */
  applied: [string, string][];
  /** `_format` and `_pretty` as they were given: links to further pages lead to the same form */
  form: [string, string][];
  /** names of parameters and values of includes that were ignored, for the outcome entry */
  ignored: string[];
};

export type RequestOptions = CriterionOptions & {
  countMax: number;
  /** may `__explain` be asked? */
  explain?: boolean;
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
    sort: [],
    after: undefined,
    explain: false,
    applied: [],
    form: [],
    ignored: [],
  };
  let cursor: string | undefined;
  let seen = 0;
  for (const [name, value] of pairs) {
    if (++seen > MAX_PARAMETERS) throw new Outcome('invalid-parameter', 'There are too many parameters.');
    if (value === '') continue; // an empty value asks for nothing
    if (name === '_format' || name === '_pretty') {
      if (!request.form.some(([known]) => known === name)) request.form.push([name, value]);
    } else if (name === '_cursor') cursor = value;
    else if (!readResultParameter(request, name, value, options)) readFilter(request, name, value, options);
  }
  checkCost(request.criteria, request.includes);
  request.criteria = joinChains(request.criteria);
  if (request.sort.some((key) => key.by === 'near') && sortCircle(request) === undefined)
    throw new Outcome(
      'invalid-parameter',
      'Sorting by near needs exactly one point: near or near-zip, alone or chained.',
    );
  if (cursor !== undefined) request.after = decodeCursor(cursor, request.sort);
  return request;
}

/** The criterion that holds the only point of a search, within its chains. */
export function sortCriterion(request: SearchRequest): Criterion | undefined {
  const found = request.criteria.filter((c) => circlesOf(c).length > 0);
  return found.length === 1 ? found[0] : undefined;
}

/** The only point of a search, from which distances are counted. */
export function sortCircle(request: SearchRequest): Circle | undefined {
  const circles = request.criteria.flatMap(circlesOf);
  return circles.length === 1 ? circles[0] : undefined;
}

/** Does the same search find the same as long as the directory does not change? Some move with the clock. */
export function isTimeless(request: SearchRequest): boolean {
  const moves = (c: Criterion): boolean => {
    if (c.kind === 'any' || c.kind === 'all') return c.of.some(moves);
    if (c.kind === 'none' || c.kind === 'chain' || c.kind === 'reverse-chain') return moves(c.of);
    if (c.kind === 'date' || c.kind === 'last-updated' || c.kind === 'last-verified')
      return c.tests?.some((t) => t.prefix === 'ap') === true;
    return c.kind === 'fresh';
  };
  return !request.criteria.some(moves);
}

/** The points of a criterion, within its chains. */
export function circlesOf(c: Criterion): Circle[] {
  if (c.kind === 'near' || c.kind === 'care-at') return c.circles;
  // alternatives are near the same point
  if (c.kind === 'any' || c.kind === 'all') return [...new Set(c.of.flatMap(circlesOf))];
  return c.kind === 'chain' || c.kind === 'reverse-chain' ? circlesOf(c.of) : [];
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

function unknownText(type: DirectoryType, name: string): string {
  return isName(name)
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
      request.sort = readSort(request.type, value);
      return apply(request, name, value);
    case '__explain':
      if (options.explain !== true) return false;
      request.explain = oneOf(['true', 'false'], name, value) === 'true';
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
  for (const one of includes) if (!request.includes.some((i) => sameInclude(i, one))) request.includes.push(one);
  return apply(request, name, value);
}

const sameInclude = (a: Include, b: Include): boolean =>
  a.reverse === b.reverse && a.parameter === b.parameter && a.target === b.target && a.iterate === b.iterate;

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

/** Of a parameter that holds once the last counts; includes add up. */
function apply(request: SearchRequest, name: string, value: string): true {
  if (!name.includes('include')) request.applied = request.applied.filter(([known]) => known !== name);
  request.applied.push([name, value]);
  return true;
}

function oneOf<T extends string>(known: readonly T[], name: string, value: string): T {
  const found = known.find((k) => k === value);
  if (found === undefined) throw new Outcome('invalid-parameter', `"${name}" is one of ${known.join(', ')}.`);
  return found;
}
