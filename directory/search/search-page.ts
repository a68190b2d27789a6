// The statement of a page, in the order of the rows. A sorted page is in search-sorted.ts.
import { Outcome } from '../../src/fhir/outcome.ts';
import type { Criterion } from '../../src/fhir/search/criterion.ts';
import type { SearchRequest } from '../../src/fhir/search/request.ts';
import { TYPE_IDS } from '../../src/fhir/search/types.ts';
import { squareOf } from './additional-conditions.ts';
import { rows } from './search-condition.ts';
import { includedRows, includeTables } from './search-include.ts';
import { isSource } from './search-kinds.ts';
import { RANKED_MAX, rankedBy, scoredRows } from './search-like.ts';
import { type Bind, idSet } from './search-set.ts';
import { type Found, type Parts, sortedHits } from './search-sorted.ts';

/** Matches are counted exactly up to here. */
export const TOTAL_EXACT = 10_000;

/** `tells`: the last row holds numbers; otherwise they stand behind each match */
export type Statement = { text: string; values: string[]; tells: boolean };

/** Milliseconds since the statement came, as a number of a row; what stands before it has been computed. */
export const ELAPSED = `(date_part('epoch', clock_timestamp() - statement_timestamp()) * 1000)::int`;

/** How matches are counted: to the cap, or to the end. */
export type Counting = 'capped' | 'all';

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
 * Sizes of pages that clients ask for stand in the statement: of a limit that it does not know the planner expects a tenth
 * of all rows, and plans each time. Others are values, so that their number makes no statements.
 */
const USUAL_COUNTS: ReadonlySet<number> = new Set([1, 5, 10, 12, 15, 20, 24, 25, 30, 40, 50, 100, 200, 250, 500]);

/** One look into an index finds the rows in order: there is nothing to look up before, and no better plan to find out about. */
export function isPlain({ criteria: [first, ...more], sort }: SearchRequest): boolean {
  const look = first === undefined || ['token', 'reference', 'id', 'string', 'full-name'].includes(first.kind);
  return look && more.length === 0 && sort.length === 0;
}

/** The largest page of a short statement. */
const SHORT_MAX = 100;

/**
 * Is its statement short whatever is asked? One look into one index that has the rows in order, or the people of a full name, and what they
 * refer to; the first of the places near a point. A word alone may have very many rows, and a later page of places begins with all that
 * are nearer.
 */
export function isShort(request: SearchRequest): boolean {
  const { criteria, count, includes } = request;
  const isLook = isPlain(request) && criteria[0]?.kind !== 'string' && !includes.some((i) => i.reverse || i.iterate);
  return count <= SHORT_MAX && (isLook || isFirstNearest(request));
}

/** The first page of nothing but one circle, the nearest first. */
const isFirstNearest = ({ criteria: [only, ...more], sort: [key, ...further], after, includes }: SearchRequest) =>
  only?.kind === 'near' &&
  only.circles.every(squareOf) &&
  key?.by === 'near' &&
  !key.descending &&
  more.length + further.length + includes.length === 0 &&
  after === undefined;

/**
 * The statement of a page: a row an entry, then a row of numbers. Rows and not one concatenated text: the server then
 * sends bodies from its pages without building a value of their total size, which halves its work (docs/directory.md).
 * Columns: rk, key, body, then `mode` (2 for included resources) when something is included, then the measure of matches.
 * That of a plain search ({@link isPlain}) has no row of numbers: the change counter is a column of its matches, and empty in
 * included resources.
 */
export function pageStatement(request: SearchRequest): Statement {
  const { values, bind } = binder();
  const including = request.includes.length > 0;
  const literal = USUAL_COUNTS.has(request.count);
  const limit = literal ? String(request.count + 1) : bind(String(request.count + 1), 'int');
  const size = literal ? String(request.count) : `(${limit} - 1)`;
  const ranked = rankedBy(request);
  const parts: Parts = { size, limit, carried: including ? ', r.refs, r.ref_params' : '' };
  const found =
    ranked !== undefined
      ? rankedHits(request, ranked, bind, parts)
      : request.sort.length > 0
        ? sortedHits(request, bind, { ...parts, cap: TOTAL_EXACT })
        : rowHits(request, bind, parts);
  const measured = found.measure === undefined ? '' : `, ${found.measure}`;
  if (found.plain) return { text: plainText(request, found, measured), values, tells: false };
  const unmeasured = found.measure === undefined ? '' : ', null';
  const tables = [...found.tables, ...(including ? withIncludes(request, found) : [])];
  const total =
    request.criteria.length === 0
      ? `(select counts[${TYPE_IDS[request.type]}] from directory.state)`
      : (found.counted ?? `''`);
  const numbers = ['(select change from directory.state)', total, ELAPSED];
  const selects = [
    including
      ? `(select rk, key, body, 1${measured} from page ${found.order})`
      : `(select rk, key, body${measured} from (${found.page}) page)`,
    ...(including ? [includedRows(`r.rk, r.key, r.body, 2${unmeasured}`)] : []),
    `select 0, ${numbers.join(` || ',' || `)}, ${found.edges === undefined ? `''` : `(${found.edges})::text`}${including ? ', 0' : ''}${unmeasured}`,
  ];
  return {
    text: `${tables.length === 0 ? '' : `with ${tables.join(', ')} `}${selects.join(' union all ')}`,
    values,
    tells: true,
  };
}

const withIncludes = (request: SearchRequest, found: Found): string[] => [
  `page as materialized (${found.page})`,
  `shown as materialized (select rk, refs, ref_params from page ${found.shown})`,
  ...includeTables(request.includes),
];

/** The change counter, and how many resources there are of the type when all are asked for. */
const stateOf = ({ criteria, type }: SearchRequest): string =>
  `(select change${criteria.length === 0 ? ` || ',' || counts[${TYPE_IDS[type]}]` : '::text'} from directory.state)`;

function plainText(request: SearchRequest, found: Found, measured: string): string {
  if (request.includes.length === 0)
    return `select rk, key, body, ${stateOf(request)}${measured} from (${found.page}) page`;
  return `with ${withIncludes(request, found).join(', ')} (select rk, key, body, ${stateOf(request)} from page ${found.order})
    union all ${includedRows('r.rk, r.key, r.body, null')}`;
}

/** The first page of resources asked for by their ids: what finds them is what shows them. */
const keyed = (c: Extract<Criterion, { kind: 'id' }>, columns: string, bind: Bind, limit: string): string =>
  `select ${columns} from (${idSet(c.keys, bind, '*')}) r order by r.rk limit ${limit}`;

/** In the order of rk, forwards or backwards. */
function rowHits(request: SearchRequest, bind: Bind, { size, limit, carried }: Parts): Found {
  const { after } = request;
  const down = after?.back === true ? ' desc' : '';
  const beyond = after === undefined ? '' : ` and d.rk ${after.back ? '<' : '>'} ${bind(String(after.rk), 'bigint')}`;
  const [first, ...more] = request.criteria;
  const columns = `r.rk, r.key, r.body${carried}`;
  const page = () => {
    const found = rows(request.type, request.criteria, bind, beyond, undefined, after?.back === true ? 'down' : 'up');
    const hits = `${found} order by d.rk${down} limit ${limit}`;
    return `select ${columns} from (${hits}) h join directory.resource r on r.rk = h.rk order by h.rk`;
  };
  return {
    tables: [],
    page:
      first?.kind === 'id' && more.length === 0 && after === undefined ? keyed(first, columns, bind, limit) : page(),
    shown: `order by rk${down} limit ${size}`,
    order: 'order by rk',
    edges: undefined,
    counted: undefined,
    measure: undefined,
    plain: isPlain(request),
  };
}

/**
 * The best names first. A position is the number of matches before it.
 * @throws Outcome bad-cursor when it is none, but that of another search
 */
function rankedHits(request: SearchRequest, ranked: Criterion, bind: Bind, { size, limit, carried }: Parts): Found {
  const before = request.after?.rk ?? 0n;
  if (before < 0n || before > RANKED_MAX) throw new Outcome('bad-cursor');
  const given = String(before);
  const best = 'order by score desc, rk';
  const found = rows(request.type, request.criteria, bind, '', ranked);
  // joined to itself the planner, which knows nothing of its size, would judge every row for every row
  const scored =
    request.criteria.find(isSource) === ranked
      ? found
      : `with found as materialized (${found}) select d.rk, s.score from found d join liked s on s.rk = d.rk`;
  return {
    tables: [
      `liked as materialized (select rk, score from (${scoredRows(ranked, bind)}) n ${best} limit ${RANKED_MAX})`,
      `hits as materialized (select d.rk, d.score from (${scored}) d order by d.score desc, d.rk limit ${limit} offset ${bind(given, 'bigint')})`,
    ],
    page: `select r.rk, r.key, r.body${carried}, h.score from hits h join directory.resource r on r.rk = h.rk order by h.score desc, r.rk`,
    shown: `${best} limit ${size}`,
    order: best,
    edges: undefined,
    counted: undefined,
    measure: 'round(score::numeric, 4)::text',
    plain: false,
  };
}

export const countRows = (request: SearchRequest, counting: Counting, bind: Bind): string =>
  `${rows(request.type, request.criteria, bind)}${counting === 'capped' ? ` limit ${TOTAL_EXACT + 1}` : ''}`;
