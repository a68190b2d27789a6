// The search statement: one for a page with its includes and its total. docs/directory.md shows it.
import type { BundleEntry } from '../fhir/bundle.ts';
import type { Criterion } from '../fhir/search/criterion.ts';
import type { Cursor } from '../fhir/search/cursor.ts';
import type { Unit } from '../fhir/search/near.ts';
import { type SearchRequest, sortCircle } from '../fhir/search/request.ts';
import { TYPE_IDS } from '../fhir/search/types.ts';
import type { Queryable } from './database.ts';
import { isTimeout } from './failure.ts';
import { type RawRow, rawRows } from './raw-rows.ts';
import { rows } from './search-condition.ts';
import { rarestFirst } from './search-course.ts';
import { INCLUDE_MAX } from './search-include.ts';
import { rankedBy } from './search-like.ts';
import { binder, type Counting, countRows, ELAPSED, isPlain, pageStatement, TOTAL_EXACT } from './search-page.ts';
import { looksForPlaces, resolvePlaces } from './search-places.ts';
import { searchPlans } from './search-plans.ts';
import { frequencies } from './token-frequency.ts';
import { resolveNames } from './vocabulary.ts';

export { type Counting, isShort, TOTAL_EXACT } from './search-page.ts';

export type Page = {
  /** matches in order, then included resources, as the bytes that the database sent */
  entries: BundleEntry[];
  /** where the next page begins, when more follow */
  next: Cursor | undefined;
  /** where the page before ends */
  previous: Cursor | undefined;
  /** all matches, when finding the page told their number */
  total: number | undefined;
  /** change counter of the state this page shows */
  change: string;
  /** the cap on included entries was hit */
  cut: boolean;
  /** the bytes of the entries are not needed any more */
  release(): void;
};

/** Of fewer rows the places are judged one by one. */
const FEW = 5000;

/** With what is looked up before: words that are meant, which criterion is the rarest, and places that are near. */
export async function resolved(sql: Queryable, given: SearchRequest): Promise<SearchRequest> {
  const request = await resolveNames(sql, given);
  if (request.criteria.every(isPlace)) return request;
  const known = await frequencies(sql);
  const ordered = { ...request, criteria: rarestFirst(request.criteria, known, request.count + 1) };
  const [rarest] = ordered.criteria;
  const few = rarest !== undefined && known.rows(rarest) < FEW && !sortsByNear(request);
  if (few || !looksForPlaces(request)) return ordered;
  const placed = await resolvePlaces(sql, ordered);
  return { ...placed, criteria: rarestFirst(placed.criteria, known, request.count + 1) };
}

const sortsByNear = (request: SearchRequest): boolean => request.sort.some((key) => key.by === 'near');

/** Runs the search. Served by resource_type, resource_pkey, lookup_pkey, words_folded, dates_pkey as its criteria say. */
export async function searchPage(sql: Queryable, request: SearchRequest): Promise<Page> {
  const { text, values, tells } = pageStatement(isSettled(request) ? request : await resolved(sql, request));
  const { rows, release, took } = await run(sql, text, values);
  const told = tells ? readNumbers(rows.pop()) : undefined;
  if (told) took(told.ms);
  const including = request.includes.length > 0;
  const isIncluded = (row: RawRow): boolean => row[3] === (tells ? INCLUDED : null);
  let matches = rows.length;
  if (including) for (matches = 0; matches < rows.length && !isIncluded(rows[matches] ?? []); matches++);
  const more = matches > request.count;
  const back = rankedBy(request) === undefined && request.after?.back === true;
  // the row too many is the first of a page that looks back, the last otherwise
  const from = more && back ? 1 : 0;
  const to = more && !back ? request.count : matches;
  const end = Math.min(rows.length, matches + INCLUDE_MAX);
  const unit = sortsByNear(request) ? sortCircle(request)?.unit : undefined;
  const measure = tells && !including ? 3 : 4;
  const entries: BundleEntry[] = [];
  for (let i = from; i < end; i = i + 1 === to ? matches : i + 1)
    entries.push(entryOf(rows[i] ?? [], i >= matches, measure, unit));
  const state = told ?? readState(rows[0]?.[3]);
  return {
    entries,
    ...neighbours(request, { more, back, first: rows[from], last: rows[to - 1], edges: told?.edges, measure }),
    total: state.counted ?? (more || request.after !== undefined ? undefined : to - from),
    change: state.change,
    cut: told === undefined ? rows.length > end : told.included > INCLUDE_MAX,
    release,
  };
}

type Numbers = { change: string; counted: number | undefined; included: number; ms: number; edges: Column };

/** The row of numbers. */
function readNumbers([, numbers, edges]: RawRow = []): Numbers {
  const [change = '', counted = '', included = '', ms = ''] = String(numbers).split(',');
  return {
    change,
    counted: counted === '' ? undefined : Number(counted),
    included: Number(included),
    ms: Number(ms),
    edges,
  };
}

/** What stands behind the matches of a plain search; a page without any tells nothing. */
function readState(column: Column): Pick<Numbers, 'change' | 'counted'> {
  const [change = '', counted] = column ? String(column).split(',') : [];
  return { change, counted: counted === undefined ? undefined : Number(counted) };
}

/** Is there nothing to look up before? Of a word it matters how frequent it is. */
const isSettled = (request: SearchRequest): boolean => isPlain(request) && request.criteria[0]?.kind !== 'string';

const isPlace = (c: Criterion): boolean => c.kind === 'near';

/** Runs a statement, prepared or not; `took` is told the milliseconds that it reports. */
async function run(sql: Queryable, text: string, values: string[]) {
  const prepare = searchPlans.prepares(text);
  const took = (ms: number) => searchPlans.took(text, ms, prepare);
  try {
    const { rows, release } = await rawRows(sql, text, values, [KEY, BODY], { prepare });
    return { rows, release, took };
  } catch (error) {
    if (isTimeout(error)) took(Number.POSITIVE_INFINITY);
    throw error;
  }
}

/** @param place column of the measure of a match, where it has one */
function entryOf(row: RawRow, included: boolean, place: number, unit: Unit | undefined): BundleEntry {
  const key = bytesOf(row[KEY]);
  const body = bytesOf(row[BODY]);
  const measure = row[place];
  if (included || measure === undefined || measure === null) return { key, body, included };
  if (unit === undefined) return { key, body, included, score: String(measure) };
  return { key, body, included, distance: distanceOf(Number(String(measure)), unit) };
}

type Shown = {
  more: boolean;
  back: boolean;
  first: RawRow | undefined;
  last: RawRow | undefined;
  edges: Column;
  /** column by which the rows are sorted when they are the edges themselves */
  measure: number;
};

/** Positions of the pages after and before. */
function neighbours(
  request: SearchRequest,
  { more, back, first, last, edges, measure }: Shown,
): Pick<Page, 'next' | 'previous'> {
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
  if (first === undefined || !(follows || precedes)) return { next: undefined, previous: undefined };
  const sorted = request.sort.length > 0;
  const edge = (row: RawRow | undefined): Edge => edgeOf(row, sorted ? measure : undefined);
  const [begin, end] = sorted && edges !== undefined ? readEdges(String(edges)) : [edge(first), edge(last)];
  return {
    next: follows && end ? { ...end, back: false } : undefined,
    previous: precedes && begin ? { ...begin, back: true } : undefined,
  };
}

const edgeOf = (row: RawRow | undefined, measure: number | undefined): Edge => ({
  rk: BigInt(String(row?.[0])),
  keys: measure === undefined ? [] : [Number(String(row?.[measure]))],
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

/** Of a page the columns that are bytes. */
const KEY = 1;
const BODY = 2;
type Column = RawRow[number] | undefined;
const EMPTY = new Uint8Array(0);
const bytesOf = (column: Column): Uint8Array => (column instanceof Uint8Array ? column : EMPTY);
const INCLUDED = '2';

/** Only the total, for `_summary=count`. */
export async function countMatches(
  sql: Queryable,
  given: SearchRequest,
  counting: Counting,
): Promise<{ total: number; change: string }> {
  const request = isPlain({ ...given, sort: [] }) ? given : await resolved(sql, given);
  const { values, bind } = binder();
  const total =
    request.criteria.length === 0
      ? `(select counts[${TYPE_IDS[request.type]}]::int from directory.state)`
      : `(select count(*)::int from (${countRows(request, counting, bind)}) c)`;
  const text = `select ${total}, change, ${ELAPSED} from directory.state`;
  const { rows: counted, release, took } = await run(sql, text, values);
  const [count, change, ms] = counted[0]?.map(String) ?? [];
  release();
  took(Number(ms));
  return { total: Number(count), change: change ?? '' };
}

/** The planner's guess at the number of matches, for totals beyond {@link TOTAL_EXACT}: never more than there are of the type. */
export async function estimateMatches(sql: Queryable, given: SearchRequest): Promise<number> {
  const request = await resolved(sql, given);
  const { values, bind } = binder();
  bind.guessing = true;
  const [row] = await sql.unsafe<{ 'QUERY PLAN': { Plan: { 'Plan Rows': number } }[] | string }[]>(
    `explain (format json) ${rows(request.type, request.criteria.filter(isTelling), bind)}`,
    values,
    { prepare: false },
  );
  const plan = row?.['QUERY PLAN'];
  const parsed = typeof plan === 'string' ? (JSON.parse(plan) as { Plan: { 'Plan Rows': number } }[]) : plan;
  const [state] = await sql.unsafe<{ live: string }[]>(
    'select counts[$1::int]::text as live from directory.state',
    [String(TYPE_IDS[request.type])],
    { prepare: true },
  );
  const most = Math.max(TOTAL_EXACT + 1, Number(state?.live ?? 0));
  return Math.min(most, Math.max(TOTAL_EXACT + 1, Math.round(parsed?.[0]?.Plan['Plan Rows'] ?? 0)));
}

/** Marks are of nearly all resources, and the planner cannot know that. */
const isTelling = (c: Criterion): boolean => c.kind !== 'mark' && !(c.kind === 'none' && c.of.kind === 'fresh');
