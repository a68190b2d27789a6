// The statement of a page, in the order of the rows. A sorted page is in search-sorted.ts.
import type { Criterion } from '../fhir/search/criterion.ts';
import { type SearchRequest, sortCriterion } from '../fhir/search/request.ts';
import { TYPE_IDS } from '../fhir/search/types.ts';
import { type Bind, rows } from './search-condition.ts';
import { INCLUDE_MAX, includeTables } from './search-include.ts';
import { RANKED_MAX, rankedBy, scoredRows } from './search-like.ts';
import { sortedHits } from './search-sorted.ts';

/** Matches are counted exactly up to here. */
export const TOTAL_EXACT = 10_000;

export type Statement = { text: string; values: string[] };

/** Milliseconds since the statement came, as a number of the first row; what stands before it has been computed. */
export const ELAPSED = 'round(extract(epoch from clock_timestamp() - statement_timestamp()) * 1000)::int';

/** How the total is found: not at all, counted to the cap, or counted to the end. */
export type Counting = 'no' | 'capped' | 'all';

export function binder(): { values: string[]; bind: Bind } {
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
 * The common tables that find the page: `hits` holds one row more than the page, `page` its bodies. `edges` gives the
 * positions of its first and last row as JSON, `counted` the number of matches when the tables know it.
 */
export type Found = {
  tables: string[];
  edges: string;
  order: string;
  counted: string | undefined;
  away: string;
  score: string;
};

/**
 * Sizes of pages that clients ask for stand in the statement: of a limit that it does not know the planner expects a tenth
 * of all rows, and plans each time. Others are values, so that their number makes no statements; and with includes, whose
 * reach a kept plan does not know, planning each time is what is wanted.
 */
const USUAL_COUNTS: ReadonlySet<number> = new Set([1, 5, 10, 12, 15, 20, 24, 25, 30, 40, 50, 100, 200, 250, 500]);

/**
 * The statement of a page: a row of numbers, then a row an entry. Rows and not one concatenated text: the server then
 * sends bodies from its pages without building a value of their total size, which halves its work (docs/directory.md).
 */
export function pageStatement(request: SearchRequest, counting: Counting): Statement {
  const { values, bind } = binder();
  const including = request.includes.length > 0;
  const carried = including ? ', r.refs, r.ref_params' : '';
  const literal = !including && USUAL_COUNTS.has(request.count);
  const size = literal ? String(request.count) : bind(String(request.count), 'int');
  const limit = literal ? String(request.count + 1) : bind(String(request.count + 1), 'int');
  const ranked = rankedBy(request);
  const parts = { size, limit, carried };
  const found =
    ranked !== undefined
      ? rankedHits(request, ranked, bind, parts)
      : request.sort.length > 0
        ? sortedHits(request, bind, { ...parts, cap: TOTAL_EXACT })
        : rowHits(request, bind, parts);
  const tables = [...found.tables, ...(including ? includeTables(request.includes) : [])];
  const numbers = [
    `(select case when count(*) > ${size} then '1' else '' end from hits)`,
    `coalesce((${totalColumn(request, counting, bind, size, found.counted)})::text, '')`,
    `(select change from directory.state)`,
    including ? `(select count(*) from included)` : '0',
    ELAPSED,
  ];
  const selects = [
    `select ${numbers.join(` || ',' || `)} as key, (${found.edges})::text as body, 0 as mode, null::float8 as away, null as score`,
    `(select key, body, 1, ${found.away}, ${found.score} from page${found.order})`,
    ...(including
      ? [
          `select r.key, r.body, 2, null, null from (select rk from included limit ${INCLUDE_MAX}) i join directory.resource r on r.rk = i.rk and not r.deleted`,
        ]
      : []),
  ];
  return { text: `with ${tables.join(', ')} ${selects.join(' union all ')}`, values };
}

export type Parts = { size: string; limit: string; carried: string };

/** In the order of rk, forwards or backwards. */
function rowHits(request: SearchRequest, bind: Bind, { size, limit, carried }: Parts): Found {
  const { after } = request;
  const down = after?.back === true ? ' desc' : '';
  const beyond = after === undefined ? '' : ` and d.rk ${after.back ? '<' : '>'} ${bind(String(after.rk), 'bigint')}`;
  const shown = `select rk from hits order by rk${down} limit ${size}`;
  return {
    // read once, unless includes start from it: bodies then go out as they are found, without a copy
    tables: [
      `hits as materialized (${rows(request.type, request.criteria, bind, beyond)} order by d.rk${down} limit ${limit})`,
      `page as ${carried === '' ? '' : 'materialized '}(select r.rk, r.key, r.body${carried} from (${shown}) h join directory.resource r on r.rk = h.rk order by r.rk)`,
    ],
    edges: `select json_build_array(json_build_array(min(rk)::text), json_build_array(max(rk)::text)) from (${shown}) e`,
    order: '',
    counted: undefined,
    away: 'null',
    score: 'null',
  };
}

/** The best names first. A position is the number of matches before it. */
function rankedHits(request: SearchRequest, ranked: Criterion, bind: Bind, { size, limit, carried }: Parts): Found {
  const given = Number(request.after?.rk ?? 0n);
  const before = given === 0 ? 'null' : `json_build_array('${Math.max(0, given - request.count)}')`;
  return {
    tables: [
      `liked as materialized (select rk, score from (${scoredRows(ranked, bind)}) n order by score desc, rk limit ${RANKED_MAX})`,
      `hits as materialized (select d.rk, s.score from (${rows(request.type, request.criteria, bind, '', ranked)}) d join liked s on s.rk = d.rk order by s.score desc, d.rk limit ${limit} offset ${bind(String(given), 'bigint')})`,
      `page as materialized (select r.rk, r.key, r.body${carried}, h.score from (select * from hits order by score desc, rk limit ${size}) h join directory.resource r on r.rk = h.rk order by h.score desc, r.rk)`,
    ],
    edges: `select json_build_array(${before}, json_build_array('${given + request.count}'))`,
    order: '',
    counted: undefined,
    away: 'null',
    score: 'round(score::numeric, 4)::text',
  };
}

function totalColumn(
  request: SearchRequest,
  counting: Counting,
  bind: Bind,
  size: string,
  known: string | undefined,
): string {
  if (counting === 'no') return 'null::int';
  if (request.criteria.length === 0) return `(select counts[${TYPE_IDS[request.type]}]::int from directory.state)`;
  if (known !== undefined && (counting === 'capped' || sortsByNear(request))) return known;
  const counted = `(select count(*)::int from (${countRows(request, counting, bind)}) c)`;
  return request.after === undefined
    ? `case when (select count(*) from hits) <= ${size} then (select count(*)::int from hits) else ${counted} end`
    : counted;
}

export const sortsByNear = (request: SearchRequest): boolean =>
  request.sort.some((key) => key.by === 'near') && sortCriterion(request) !== undefined;

export const countRows = (request: SearchRequest, counting: Counting, bind: Bind): string =>
  `${rows(request.type, request.criteria, bind)}${counting === 'capped' ? ` limit ${TOTAL_EXACT + 1}` : ''}`;
