// The search statement: one for a page with its includes and its total. docs/directory.md shows it.

import type { Queryable } from '../../src/db/database.ts';
import { isTimeout } from '../../src/db/failure.ts';
import { type RawRows, rawRows } from '../../src/db/raw-rows.ts';
import { deadlineOf } from '../../src/db/request-deadline.ts';
import { searchPlans } from '../../src/db/search-plans.ts';
import type { BundleEntry } from '../../src/fhir/bundle.ts';
import { Outcome } from '../../src/fhir/outcome.ts';
import type { Criterion } from '../../src/fhir/search/criterion.ts';
import type { Cursor } from '../../src/fhir/search/cursor.ts';
import type { Unit } from '../../src/fhir/search/near.ts';
import { type SearchRequest, sortCircle } from '../../src/fhir/search/request.ts';
import { TYPE_IDS } from '../../src/fhir/search/types.ts';
import { isLike, resolveNames } from '../resource/vocabulary.ts';
import { joinCare } from './care-at.ts';
import { resolveBeside } from './care-beside.ts';
import { rarestFirst } from './search-course.ts';
import { INCLUDE_MAX } from './search-include.ts';
import { rankedBy } from './search-like.ts';
import {
  binder,
  type Counting,
  countRows,
  ELAPSED,
  isPlain,
  isShort,
  pageStatement,
  TOTAL_EXACT,
} from './search-page.ts';
import { looksForPlaces, resolvePlaces } from './search-places.ts';
import { positioned } from './search-position.ts';
import { resolveScarce } from './search-scarce.ts';
import { frequencies } from './token-frequency.ts';

export { type Counting, TOTAL_EXACT } from './search-page.ts';

export type Page = {
  /** matches in order, then included resources, as the bytes that the database sent */
  entries: BundleEntry[];
  /** where the next page begins, when more follow */
  next: Cursor | undefined;
  /** where the page before ends */
  previous: Cursor | undefined;
  /** all matches, when finding the page reported their number */
  total: number | undefined;
  /** change counter of the state this page shows */
  change: string;
  /** the cap on included entries was hit */
  cut: boolean;
};

/** Of fewer rows the places are judged one by one. */
const FEW = 5000;

/**
 * With what is looked up before: words that are meant, which criterion is the rarest, and places that are near.
 * @param counts all that match are wanted, and not a page
 */
export async function resolved(sql: Queryable, given: SearchRequest, counts = false): Promise<SearchRequest> {
  const read = await positioned(sql, await resolveNames(sql, await resolveScarce(sql, given)));
  if (read.criteria.every(isPlace)) return read;
  const known = await frequencies(sql);
  const request = await resolveBeside(sql, joinCare(read, known));
  // the nearest are known when all have been looked at: no page ends that work
  const wanted = sortsByNear(request) ? Number.POSITIVE_INFINITY : request.count + 1;
  // what is put in order, or counted, does not end with the page
  const isOrdered = request.sort.length > 0 && request.many !== true;
  const page = counts ? Number.POSITIVE_INFINITY : isOrdered ? Math.max(wanted, TOTAL_EXACT) : wanted;
  const ordered = { ...request, criteria: rarestFirst(request.criteria, known, wanted, page) };
  const [rarest] = ordered.criteria;
  // a name may be like ten thousand others
  const few =
    rarest !== undefined && known.rows(rarest) < FEW && !sortsByNear(request) && !request.criteria.some(isLike);
  if (few || !looksForPlaces(request)) return ordered;
  // not what is ordered: how a place is asked for follows from how many it is then known to be
  const placed = await resolvePlaces(sql, request);
  return { ...placed, criteria: rarestFirst(placed.criteria, known, wanted, page) };
}

const sortsByNear = (request: SearchRequest): boolean => request.sort.some((key) => key.by === 'near');

/** Runs the search. Served by resource_type, resource_pkey, lookup_pkey, words_folded, dates_pkey as its criteria say. */
export async function searchPage(sql: Queryable, request: SearchRequest): Promise<Page> {
  const found = isSettled(request) ? request : await resolved(sql, request);
  const { text, values, tells } = pageStatement(found);
  const { rows, took } = await run(sql, text, values, isShort(found));
  const reported = tells ? readNumbers(rows) : undefined;
  if (reported) took(reported.ms);
  const length = tells ? rows.length - 1 : rows.length;
  const including = request.includes.length > 0;
  let matches = length;
  if (including) for (matches = 0; matches < length && rows.text(matches, 3) !== (tells ? INCLUDED : null); matches++);
  const more = matches > request.count;
  const back = rankedBy(request) === undefined && request.after?.back === true;
  // the row too many is the first of a page that looks back, the last otherwise
  const from = more && back ? 1 : 0;
  const to = more && !back ? request.count : matches;
  const end = Math.min(length, matches + INCLUDE_MAX);
  const unit = sortsByNear(request) ? sortCircle(request)?.unit : undefined;
  const measure = tells && !including ? 3 : 4;
  const measured = measure < rows.columns;
  const entries: BundleEntry[] = [];
  for (let i = from; i < end; i = i + 1 === to ? matches : i + 1) {
    const entry = { key: rows.bytes(i, KEY), body: rows.bytes(i, BODY), included: i >= matches };
    entries.push(measured && i < matches ? withMeasure(entry, rows.text(i, measure), unit) : entry);
  }
  const state = reported ?? readState(length === 0 ? null : rows.text(0, 3));
  const edges = reported?.edges ?? '';
  const edge = (row: number): Edge => edgeOf(rows, row, request.sort.length > 0 ? measure : undefined);
  return {
    entries,
    ...neighbours(request, {
      more,
      back,
      edges: edges !== '' ? () => readEdges(edges) : to > from ? () => [edge(from), edge(to - 1)] : undefined,
    }),
    total: state.counted ?? (more || request.after !== undefined ? undefined : to - from),
    change: state.change,
    cut: length > end,
  };
}

type Numbers = { change: string; counted: number | undefined; ms: number; edges: string };

/** The row of numbers, the last one. */
function readNumbers(rows: RawRows): Numbers {
  const last = rows.length - 1;
  const [change = '', counted = '', ms = ''] = (rows.text(last, 1) ?? '').split(',');
  return {
    change,
    counted: counted === '' ? undefined : Number(counted),
    ms: Number(ms),
    edges: rows.text(last, 2) ?? '',
  };
}

/** What stands behind the matches of a plain search; a page without any tells nothing. */
function readState(column: string | null): Pick<Numbers, 'change' | 'counted'> {
  const [change = '', counted] = column === null ? [] : column.split(',');
  return { change, counted: counted === undefined ? undefined : Number(counted) };
}

/** Is there nothing to look up before? Of a word it matters how frequent it is. */
const isSettled = (request: SearchRequest): boolean => isPlain(request) && request.criteria[0]?.kind !== 'string';

const isPlace = (c: Criterion): boolean => c.kind === 'near';

/** Runs a statement, prepared or not; `took` receives the milliseconds that it reports. */
async function run(sql: Queryable, text: string, values: string[], short = false) {
  const prepare = searchPlans.prepares(text);
  const took = (ms: number) => searchPlans.took(text, ms, prepare);
  const before = deadlineOf(sql)?.took ?? 0;
  try {
    return { rows: await rawRows(sql, text, values, { prepare, short }), took };
  } catch (error) {
    if (isTimeout(error)) took(Number.POSITIVE_INFINITY);
    // the whole request took too long, of which this is a part
    else if (error instanceof Outcome) took((deadlineOf(sql)?.took ?? 0) - before);
    throw error;
  }
}

/** @param measure of a match: how far it is, or how well it answers */
function withMeasure(entry: BundleEntry, measure: string | null, unit: Unit | undefined): BundleEntry {
  if (measure === null) return entry;
  return unit === undefined ? { ...entry, score: measure } : { ...entry, distance: distanceOf(Number(measure), unit) };
}

type Shown = {
  more: boolean;
  back: boolean;
  /** the first and the last row that is shown; undefined when none is */
  edges: (() => [Edge | undefined, Edge | undefined]) | undefined;
};

/** Positions of the pages after and before. */
function neighbours(request: SearchRequest, { more, back, edges }: Shown): Pick<Page, 'next' | 'previous'> {
  if (rankedBy(request) !== undefined) {
    // a position is the number of matches before it
    const at = request.after?.rk ?? 0n;
    const position = (rk: bigint): Cursor => ({ rk: rk < 0n ? 0n : rk, keys: [], back: false });
    return {
      next: more ? position(at + BigInt(request.count)) : undefined,
      previous: at === 0n ? undefined : position(at - BigInt(request.count)),
    };
  }
  const follows = back || more;
  const precedes = back ? more : request.after !== undefined;
  if (edges === undefined || !(follows || precedes)) return { next: undefined, previous: undefined };
  const [begin, end] = edges();
  return {
    next: follows && end ? { ...end, back: false } : undefined,
    previous: precedes && begin ? { ...begin, back: true } : undefined,
  };
}

const edgeOf = (rows: RawRows, row: number, measure: number | undefined): Edge => ({
  rk: BigInt(rows.text(row, 0) ?? 0),
  keys: measure === undefined ? [] : [Number(rows.text(row, measure))],
});

function distanceOf(meters: number, unit: Unit) {
  return { value: Number((meters / unit.meters).toPrecision(9)), unit: unit.unit, code: unit.code };
}

type Edge = { keys: number[]; rk: bigint };

/** The first and the last row of the page, `[[rk, key…], [rk, key…]]`. */
function readEdges(text: string): [Edge | undefined, Edge | undefined] {
  const read = (list: [string, ...number[]] | null): Edge | undefined =>
    list?.[0] ? { rk: BigInt(list[0]), keys: list.slice(1).map(Number) } : undefined;
  const [first, last] = JSON.parse(text) as [[string, ...number[]] | null, [string, ...number[]] | null];
  return [read(first), read(last)];
}

/** Columns of a page. */
const KEY = 1;
const BODY = 2;
const INCLUDED = '2';

/** Only the total, for `_summary=count`. */
export async function countMatches(
  sql: Queryable,
  given: SearchRequest,
  counting: Counting,
): Promise<{ total: number; change: string }> {
  const request = isPlain({ ...given, sort: [] }) ? given : await resolved(sql, given, true);
  const { values, bind } = binder();
  const number =
    request.criteria.length === 0
      ? `(select counts[${TYPE_IDS[request.type]}]::int from directory.state)`
      : `(select count(*)::int from (${countRows(request, counting, bind)}) c)`;
  const text = `select ${number}, change, ${ELAPSED} from directory.state`;
  const { rows, took } = await run(sql, text, values);
  const [total, change, ms] = [0, 1, 2].map((column) => rows.text(0, column));
  took(Number(ms));
  return { total: Number(total), change: change ?? '' };
}
