// The search statement: one row holds the finished text of a page. docs/directory.md shows it.
import type { SearchRequest } from '../fhir/search/request.ts';
import { TYPE_IDS } from '../fhir/search/types.ts';
import type { Queryable } from './database.ts';
import { rows } from './search-condition.ts';
import { INCLUDE_MAX, includeTables } from './search-include.ts';

/** Matches are counted exactly up to here. */
export const TOTAL_EXACT = 10_000;

export type Page = {
  /** finished Bundle entries, separated by commas */
  matches: string;
  included: string;
  /** rows on this page */
  size: number;
  /** key of the last row when more follow */
  next: bigint | undefined;
  /** all matches; capped at {@link TOTAL_EXACT} + 1 unless accurate; undefined when not asked for */
  total: number | undefined;
  /** change counter of the state this page shows */
  change: string;
  /** the cap on included entries was hit */
  cut: boolean;
};

export type Statement = { text: string; values: string[]; prepare: boolean };

/** How the total is found: not at all, counted to the cap, or counted to the end. */
export type Counting = 'no' | 'capped' | 'all';

function binder(): { values: string[]; bind: (value: string, cast: string) => string } {
  const values: string[] = [];
  return {
    values,
    bind: (value, cast) => {
      values.push(value);
      return `$${values.length}::${cast}`;
    },
  };
}

const entry = (mode: 'match' | 'include', base: string) =>
  `string_agg('{"fullUrl":"' || ${base} || r.key || '","resource":' || r.body || ',"search":{"mode":"${mode}"}}', ',' order by r.rk)`;

/**
 * The statement of a page.
 * @param base public FHIR base without a slash at its end
 */
export function pageStatement(request: SearchRequest, base: string, counting: Counting): Statement {
  const { values, bind } = binder();
  const prefix = bind(`${base}/`, 'text');
  const after = request.after === undefined ? '' : ` and d.rk > ${bind(String(request.after), 'bigint')}`;
  const limit = bind(String(request.count + 1), 'int');
  const size = bind(String(request.count), 'int');
  const tables = [
    `hits as materialized (${rows(request.type, request.criteria, bind, after)} order by d.rk limit ${limit})`,
    `page as materialized (select rk from hits order by rk limit ${size})`,
    ...(request.includes.length === 0 ? [] : includeTables(request.includes)),
  ];
  const included =
    request.includes.length === 0
      ? `'' as included, 0 as included_n`
      : `coalesce((select ${entry('include', prefix)} from (select rk from included limit ${INCLUDE_MAX}) i join directory.resource r on r.rk = i.rk and not r.deleted), '') as included, (select count(*)::int from included) as included_n`;
  const text = `with ${tables.join(', ')} select coalesce((select ${entry('match', prefix)} from page join directory.resource r on r.rk = page.rk), '') as matches, ${included}, (select count(*)::int from page) as size, (select case when count(*) > ${size} then (select max(rk)::text from page) end from hits) as next, ${totalColumn(request, counting, bind, size)} as total, (select change::text from directory.state) as change`;
  return { text, values, prepare: isStable(request) };
}

function totalColumn(request: SearchRequest, counting: Counting, bind: (v: string, c: string) => string, size: string): string {
  if (counting === 'no') return 'null::int';
  if (request.criteria.length === 0) return `(select counts[${TYPE_IDS[request.type]}]::int from directory.state)`;
  const counted = `(select count(*)::int from (${countRows(request, counting, bind)}) c)`;
  return request.after === undefined
    ? `case when (select count(*) from hits) <= ${size} then (select count(*)::int from hits) else ${counted} end`
    : counted;
}

const countRows = (request: SearchRequest, counting: Counting, bind: (v: string, c: string) => string) =>
  `${rows(request.type, request.criteria, bind)}${counting === 'capped' ? ` limit ${TOTAL_EXACT + 1}` : ''}`;

/** One token, or nothing: whatever its value, the plan is the same, so the server may keep it. Others are planned each time. */
function isStable(request: SearchRequest): boolean {
  const [only] = request.criteria;
  if (request.criteria.length > 1) return false;
  if (only === undefined) return true;
  if (only.kind === 'token') return !only.negated && only.forms.length === 1;
  return only.kind === 'reference' && only.keys.length === 1;
}

type Row = { matches: string; included: string; included_n: number; size: number; next: string | null; total: number | null; change: string };

/** Runs the search. Served by resource_type, resource_pkey, lookup_pkey, words_folded, dates_pkey as its criteria say. */
export async function searchPage(sql: Queryable, request: SearchRequest, base: string, counting: Counting): Promise<Page> {
  const { text, values, prepare } = pageStatement(request, base, counting);
  const [row] = await sql.unsafe<Row[]>(text, values, { prepare });
  if (!row) throw new Error('The search statement gives one row.');
  return {
    matches: row.matches,
    included: row.included,
    size: row.size,
    next: row.next === null ? undefined : BigInt(row.next),
    total: row.total ?? undefined,
    change: row.change,
    cut: row.included_n > INCLUDE_MAX,
  };
}

/** Only the total, for `_summary=count`. */
export async function countMatches(sql: Queryable, request: SearchRequest, counting: Counting): Promise<{ total: number; change: string }> {
  const { values, bind } = binder();
  const total =
    request.criteria.length === 0
      ? `(select counts[${TYPE_IDS[request.type]}]::int from directory.state)`
      : `(select count(*)::int from (${countRows(request, counting, bind)}) c)`;
  const [row] = await sql.unsafe<{ total: number; change: string }[]>(
    `select ${total} as total, change::text as change from directory.state`,
    values,
    { prepare: isStable(request) },
  );
  if (!row) throw new Error('The count statement gives one row.');
  return row;
}

/** The planner's guess at the number of matches, for totals beyond {@link TOTAL_EXACT}. */
export async function estimateMatches(sql: Queryable, request: SearchRequest): Promise<number> {
  const { values, bind } = binder();
  const [row] = await sql.unsafe<{ 'QUERY PLAN': { Plan: { 'Plan Rows': number } }[] | string }[]>(
    `explain (format json) ${rows(request.type, request.criteria, bind)}`,
    values,
    { prepare: false },
  );
  const plan = row?.['QUERY PLAN'];
  const parsed = typeof plan === 'string' ? (JSON.parse(plan) as { Plan: { 'Plan Rows': number } }[]) : plan;
  return Math.max(TOTAL_EXACT + 1, Math.round(parsed?.[0]?.Plan['Plan Rows'] ?? 0));
}
