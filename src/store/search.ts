// The search statement: one for a page with its includes and its total. docs/directory.md shows it.
import type { BundleEntry } from '../fhir/bundle.ts';
import type { Criterion } from '../fhir/search/criterion.ts';
import type { Cursor } from '../fhir/search/cursor.ts';
import type { Unit } from '../fhir/search/near.ts';
import { type SearchRequest, sortCircle } from '../fhir/search/request.ts';
import { TYPE_IDS } from '../fhir/search/types.ts';
import type { Queryable } from './database.ts';
import { rows } from './search-condition.ts';
import { INCLUDE_MAX } from './search-include.ts';
import { rankedBy } from './search-like.ts';
import { binder, type Counting, countRows, ELAPSED, pageStatement, TOTAL_EXACT } from './search-page.ts';
import { resolvePlaces } from './search-places.ts';
import { searchPlans } from './search-plans.ts';
import { resolveNames } from './vocabulary.ts';

export { type Counting, TOTAL_EXACT } from './search-page.ts';

export type Page = {
  /** matches in order, then included resources, as the bytes that the database sent */
  entries: BundleEntry[];
  /** where the next page begins, when more follow */
  next: Cursor | undefined;
  /** where the page before ends */
  previous: Cursor | undefined;
  /** all matches; capped at {@link TOTAL_EXACT} + 1 unless exact; undefined when not asked for */
  total: number | undefined;
  /** the total is exact, whatever its size */
  exact: boolean;
  /** change counter of the state this page shows */
  change: string;
  /** the cap on included entries was hit */
  cut: boolean;
};

/** With what is looked up before: words that are meant, places that are near. */
export const resolved = async (sql: Queryable, request: SearchRequest): Promise<SearchRequest> =>
  resolvePlaces(sql, await resolveNames(sql, request));

/** Runs the search. Served by resource_type, resource_pkey, lookup_pkey, words_folded, dates_pkey as its criteria say. */
export async function searchPage(sql: Queryable, request: SearchRequest, counting: Counting): Promise<Page> {
  const { text, values } = pageStatement(await resolved(sql, request), counting);
  const prepare = searchPlans.prepares(text);
  const [numbers, ...found] = (await sql.unsafe(text, values, { prepare }).raw()) as unknown as Bytes[][];
  const [more = '', total = '', change = '', included = '', ms = ''] = String(numbers?.[0]).split(',');
  searchPlans.took(text, Number(ms));
  const [first, last] = edges(String(numbers?.[1]));
  const ranked = rankedBy(request) !== undefined;
  const back = !ranked && request.after?.back === true;
  const circle = request.sort.some((k) => k.by === 'near') ? sortCircle(request) : undefined;
  return {
    entries: found.map(([key = EMPTY, body = EMPTY, mode = EMPTY, away, score]) => ({
      key,
      body,
      included: mode[0] === INCLUDED,
      ...(circle && away ? { distance: distanceOf(Number(String(away)), circle.unit) } : {}),
      ...(score ? { score: String(score) } : {}),
    })),
    next: last && (back || more === '1') ? { ...last, back: false } : undefined,
    previous:
      ranked || !first
        ? first && { ...first, back: false }
        : (back ? more === '1' : request.after !== undefined)
          ? { ...first, back: true }
          : undefined,
    total: total === '' ? undefined : Number(total),
    exact: counting === 'all' || circle !== undefined || request.criteria.length === 0,
    change,
    cut: Number(included) > INCLUDE_MAX,
  };
}

function distanceOf(meters: number, unit: Unit) {
  return { value: Number((meters / unit.meters).toPrecision(9)), unit: unit.unit, code: unit.code };
}

type Edge = { keys: number[]; rk: bigint };

/** The first and the last row of the page, `[[rk, key…], [rk, key…]]`. */
function edges(text: string): [Edge | undefined, Edge | undefined] {
  const read = (list: [string, ...number[]] | null): Edge | undefined =>
    list?.[0] ? { rk: BigInt(list[0]), keys: list.slice(1).map(Number) } : undefined;
  const [first, last] = JSON.parse(text) as [[string, ...number[]] | null, [string, ...number[]] | null];
  return [read(first), read(last)];
}

/** `raw()` gives the columns of a row as bytes, in the order of the statement; its type says otherwise. */
type Bytes = Uint8Array;
const EMPTY = new Uint8Array(0);
const INCLUDED = '2'.charCodeAt(0);

/** Only the total, for `_summary=count`. */
export async function countMatches(
  sql: Queryable,
  given: SearchRequest,
  counting: Counting,
): Promise<{ total: number; change: string }> {
  const request = await resolved(sql, given);
  const { values, bind } = binder();
  const total =
    request.criteria.length === 0
      ? `(select counts[${TYPE_IDS[request.type]}]::int from directory.state)`
      : `(select count(*)::int from (${countRows(request, counting, bind)}) c)`;
  const text = `select ${total} as total, change::text as change, ${ELAPSED} as ms from directory.state`;
  const prepare = searchPlans.prepares(text);
  const [row] = await sql.unsafe<{ total: number; change: string; ms: number }[]>(text, values, { prepare });
  if (!row) throw new Error('The count statement gives one row.');
  searchPlans.took(text, row.ms);
  return { total: row.total, change: row.change };
}

/** The planner's guess at the number of matches, for totals beyond {@link TOTAL_EXACT}. */
export async function estimateMatches(sql: Queryable, given: SearchRequest): Promise<number> {
  const request = await resolved(sql, given);
  const { values, bind } = binder();
  const [row] = await sql.unsafe<{ 'QUERY PLAN': { Plan: { 'Plan Rows': number } }[] | string }[]>(
    `explain (format json) ${rows(request.type, request.criteria.filter(isTelling), bind)}`,
    values,
    { prepare: false },
  );
  const plan = row?.['QUERY PLAN'];
  const parsed = typeof plan === 'string' ? (JSON.parse(plan) as { Plan: { 'Plan Rows': number } }[]) : plan;
  return Math.max(TOTAL_EXACT + 1, Math.round(parsed?.[0]?.Plan['Plan Rows'] ?? 0));
}

/** Marks are of nearly all resources, and the planner cannot know that. */
const isTelling = (c: Criterion): boolean => c.kind !== 'mark' && !(c.kind === 'none' && c.of.kind === 'fresh');
