// The search statement: one for a page with its includes and its total. docs/directory.md shows it.
import type { BundleEntry } from '../fhir/bundle.ts';
import type { SearchRequest } from '../fhir/search/request.ts';
import { TYPE_IDS } from '../fhir/search/types.ts';
import type { Queryable } from './database.ts';
import { rows } from './search-condition.ts';
import { INCLUDE_MAX, includeTables } from './search-include.ts';
import { RANKED_MAX, rankedBy, scoredRows } from './search-like.ts';
import { resolveNames } from './vocabulary.ts';

/** Matches are counted exactly up to here. */
export const TOTAL_EXACT = 10_000;

export type Page = {
  /** matches in order, then included resources, as the bytes that the database sent */
  entries: BundleEntry[];
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

/**
 * The statement of a page: a row of numbers, then a row an entry. Rows and not one concatenated text: the server then
 * sends bodies from its pages without building a value of their total size, which halves its work (docs/directory.md).
 */
export function pageStatement(request: SearchRequest, counting: Counting): Statement {
  const { values, bind } = binder();
  const after =
    request.after === undefined || rankedBy(request) !== undefined
      ? ''
      : ` and d.rk > ${bind(String(request.after), 'bigint')}`;
  const limit = bind(String(request.count + 1), 'int');
  const size = bind(String(request.count), 'int');
  const including = request.includes.length > 0;
  const columns = `r.rk, r.key, r.body${including ? ', r.refs, r.ref_params' : ''}`;
  const ranked = rankedBy(request);
  const given = Number(request.after ?? 0n); // of a ranked search: matches on the pages before
  const tables = [
    ...(ranked === undefined
      ? [
          `hits as materialized (${rows(request.type, request.criteria, bind, after)} order by d.rk limit ${limit})`,
          `page as materialized (select ${columns} from (select rk from hits order by rk limit ${size}) h join directory.resource r on r.rk = h.rk order by r.rk)`,
        ]
      : [
          `liked as materialized (select rk, score from (${scoredRows(ranked, bind)}) n order by score desc, rk limit ${RANKED_MAX})`,
          `hits as materialized (select d.rk, s.score from (${rows(request.type, request.criteria, bind, '', ranked)}) d join liked s on s.rk = d.rk order by s.score desc, d.rk limit ${limit} offset ${bind(String(given), 'bigint')})`,
          `page as materialized (select ${columns}, h.score from (select * from hits order by score desc, rk limit ${size}) h join directory.resource r on r.rk = h.rk order by h.score desc, r.rk)`,
        ]),
    ...(including ? includeTables(request.includes) : []),
  ];
  const last = ranked === undefined ? '(select max(rk)::text from page)' : `'${given + request.count}'`;
  const numbers = [
    `(select case when count(*) > ${size} then ${last} else '' end from hits)`,
    `coalesce((${totalColumn(request, counting, bind, size)})::text, '')`,
    `(select change from directory.state)`,
    including ? `(select count(*) from included)` : '0',
  ];
  const parts = [
    `select ${numbers.join(` || ',' || `)} as key, null as body, 0 as mode, null as score`,
    `select key, body, 1, ${ranked === undefined ? 'null' : 'round(score::numeric, 4)::text'} from page`,
    ...(including
      ? [
          `select r.key, r.body, 2, null from (select rk from included limit ${INCLUDE_MAX}) i join directory.resource r on r.rk = i.rk and not r.deleted`,
        ]
      : []),
  ];
  return { text: `with ${tables.join(', ')} ${parts.join(' union all ')}`, values, prepare: isStable(request) };
}

function totalColumn(
  request: SearchRequest,
  counting: Counting,
  bind: (v: string, c: string) => string,
  size: string,
): string {
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

/** Runs the search. Served by resource_type, resource_pkey, lookup_pkey, words_folded, dates_pkey as its criteria say. */
export async function searchPage(sql: Queryable, request: SearchRequest, counting: Counting): Promise<Page> {
  const { text, values, prepare } = pageStatement(await resolveNames(sql, request), counting);
  const [numbers, ...found] = (await sql.unsafe(text, values, { prepare }).raw()) as unknown as Bytes[][];
  const [next = '', total = '', change = '', included = ''] = String(numbers?.[0]).split(',');
  return {
    entries: found.map(([key = EMPTY, body = EMPTY, mode = EMPTY, score]) => ({
      key,
      body,
      included: mode[0] === INCLUDED,
      ...(score ? { score: String(score) } : {}),
    })),
    next: next === '' ? undefined : BigInt(next),
    total: total === '' ? undefined : Number(total),
    change,
    cut: Number(included) > INCLUDE_MAX,
  };
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
  const request = await resolveNames(sql, given);
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
export async function estimateMatches(sql: Queryable, given: SearchRequest): Promise<number> {
  const request = await resolveNames(sql, given);
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
