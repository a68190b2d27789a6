// Criteria as SQL. Each gives the set of rows it allows as a condition on `rk`; the first that can drive the statement
// is its source. Shapes are fixed: the same kind of request always gives the same text.

import { arrayLiteral } from '../../src/db/database.ts';
import { referenceToken } from '../../src/db/reference-token.ts';
import type { Criterion } from '../../src/fhir/search/criterion.ts';
import type { DirectoryType } from '../../src/fhir/search/types.ts';
import { TYPE_IDS } from '../../src/fhir/search/types.ts';
import { boundariesAround, isIn, openAt, placesIn } from './additional-conditions.ts';
import { careSet } from './care-at.ts';
import { fullNameSet } from './full-name.ts';
import { activeAmong, activeTest, instantTest, isPeriod, lastVerifiedSet, periodTest, time } from './search-date.ts';
import { hasDistance, isFew, isRowwise, isSource, isWhole, mayLeaveType, needsResource } from './search-kinds.ts';
import { scoredRows } from './search-like.ts';
import { type Bind, idSet, type RowSet, tokenSet, tokensOf, wordSet } from './search-set.ts';
import { shapeRows } from './search-shapes.ts';

/** The rows a criterion selects, when it can be the source of a statement. */
function rowSet(c: Criterion, bind: Bind): RowSet | undefined {
  if (isFew(c)) return { source: shapeRows(c, condition(c, 's', bind)), unique: false };
  switch (c.kind) {
    case 'token':
      return c.negated ? undefined : tokenSet(tokensOf(c, bind));
    case 'reference':
      return c.keys.length === 0
        ? { source: 'select 0::bigint as rk where false', unique: true }
        : tokenSet(tokensOf(c, bind));
    case 'string':
      return wordSet(c, bind);
    case 'date':
      return {
        source: `select rk from directory.dates where param = ${c.param} and (${c.tests.map((t) => periodTest(t, bind)).join(' or ')})`,
        unique: false,
      };
    case 'like':
      return { source: `select rk from (${scoredRows(c, bind)}) n`, unique: true };
    case 'chain': {
      const through = `select l.rk from (${rows(c.target, [c.of], bind)}) t join directory.lookup l on l.token = ${referenceToken('t.rk', c.seed)}`;
      // places that are known are followed once: a plan that follows them again for every other match may look cheap
      const once = c.of.kind === 'near' && c.of.found !== undefined;
      return { source: once ? `with n as materialized (${through}) select rk from n` : through, unique: false };
    }
    case 'reverse-chain':
      return {
        source: `select u.ref as rk from (${rows(c.source, [c.of], bind)}) t join directory.resource s on s.rk = t.rk, unnest(s.refs, s.ref_params) u(ref, p) where u.p = ${c.param}`,
        unique: false,
      };
    case 'id':
      return { source: idSet(c.keys, bind), unique: true };
    case 'near':
      return { source: nearSet(c, bind, false), unique: false };
    case 'care-at':
      return { source: careSet(c, bind, false), unique: false };
    case 'full-name':
      return fullNameSet(c, bind);
    case 'contains':
      return { source: boundariesAround(c.points, bind), unique: false };
    case 'last-verified':
      return c.tests === undefined ? undefined : lastVerifiedSet(c.tests, bind);
    case 'fresh':
      return {
        source: `select target as rk from directory.verification where lo >= ${time(c.since, bind)}`,
        unique: false,
      };
    case 'all':
      return isSource(c) ? { source: rows(c.type, c.of, bind), unique: false } : undefined;
    case 'any': {
      const sets = c.of.every(isSource) ? c.of.map((one) => rowSet(one, bind)?.source ?? '') : [];
      return sets.length === 0 ? undefined : { source: sets.join(' union all '), unique: false };
    }
    default:
      return undefined;
  }
}

/** The condition of a criterion on the row `d`, for all but the source. */
function condition(c: Criterion, resource: string, bind: Bind, ranked?: Criterion): string {
  if (c === ranked) return 'd.rk in (select rk from liked)';
  switch (c.kind) {
    case 'last-updated':
      return `(${c.tests.map((t) => instantTest(`${resource}.last_updated`, t, bind)).join(' or ')})`;
    case 'missing':
      return `${c.missing ? 'not ' : ''}${c.param} = any(${resource}.params)`;
    case 'mark':
      return `${c.param} = any(${resource}.params)`;
    case 'none':
      return `not (${condition(c.of, resource, bind)})`;
    case 'all':
    case 'any':
      if (isSource(c) && (bind.guessing === true || !isRowwise(c))) break;
      return `(${c.of.map((one) => condition(one, resource, bind)).join(c.kind === 'any' ? ' or ' : ' and ')})`;
    case 'active-on': {
      // dates_rk: one probe a row, never the whole index; no period holds always
      return `coalesce((select bool_or(${activeTest(c, bind)}) from directory.dates n where n.rk = d.rk and n.param = ${c.param}), true)`;
    }
    case 'open-at':
      return openAt(c.spans, resource, bind);
    case 'last-verified':
      if (c.tests === undefined)
        return `${c.missing ? 'not ' : ''}exists (select from directory.verification v where v.target = d.rk)`;
      break;
    case 'fresh':
      return `exists (select from directory.verification v where v.target = d.rk and v.lo >= ${time(c.since, bind)})`;
    case 'reverse-chain':
      if (bind.guessing === true || !isRowwise(c.of)) break;
      return reaches(
        `select n.rk from directory.lookup n where n.token = ${referenceToken('d.rk', c.param)}`,
        c.source,
        c.of,
        bind,
      );
    case 'token':
    case 'reference': {
      if ((bind.guessing === true || c.whole === true || c.met === true) && !(c.kind === 'token' && c.negated)) break;
      if (c.kind === 'reference' && c.keys.length === 0) return 'false';
      // lookup_pkey once a row; `offset` keeps the planner from making it a set, which may be a large part of all: what the
      // statement begins with is rarer
      const held = `directory.lookup n where n.rk = d.rk and n.token in (${tokensOf(c, bind).list})`;
      return c.kind === 'token' && c.negated
        ? `not exists (select from ${held})`
        : `exists (select from ${held} offset 0)`;
    }
    case 'near':
      if (bind.guessing === true || c.found !== undefined) break;
      // by its key: with the box in sight the planner may go over all that is in the circle, for each row
      return `exists (select from (select f.at, f.approximate from directory.place f where f.rk = d.rk offset 0) p where ${isIn(c.circles, bind)} offset 0)`;
    case 'chain':
      if (bind.guessing === true) break;
      if (c.whole !== true && isRowwise(c.of)) return reaches(followed(c.seed, resource), c.target, c.of, bind);
      if (c.many)
        return `exists (${followed(c.seed, resource)} and (u.ref in (${rows(c.target, [c.of], bind)})) is true offset 0)`;
      break;
    default:
      break;
  }
  const set = rowSet(c, bind);
  if (set === undefined) return 'true';
  // a set that is asked of each row, never a join: a kept plan takes it for a few rows, and would go over all of them for every row;
  // of a join alone the planner can guess
  return isWhole(c) && bind.guessing !== true ? `(d.rk in (${set.source})) is true` : `d.rk in (${set.source})`;
}

/** What the row `d` refers to by a parameter. Where `d` is the resource itself it is not looked up once more. */
const followed = (seed: number, resource: string): string =>
  resource === 'd'
    ? `select u.ref as rk from unnest(d.refs, d.ref_params) u(ref, param) where u.param = ${seed}`
    : `select u.ref as rk from directory.resource s, unnest(s.refs, s.ref_params) u(ref, param) where s.rk = d.rk and u.param = ${seed}`;

/**
 * Does one of the rows that `linked` finds for the row `d` meet a criterion? Looked up row by row: `offset` keeps the planner from
 * making sets of it, whose size it cannot know.
 */
function reaches(linked: string, type: DirectoryType, of: Criterion, bind: Bind): string {
  const live = (of.kind === 'token' && !of.negated) || of.kind === 'reference' || of.kind === 'near';
  const join = live ? '' : ` join directory.resource r on r.rk = d.rk and r.type = ${TYPE_IDS[type]} and not r.deleted`;
  return `exists (select from (${linked}) d${join} where ${condition(of, 'r', bind)} offset 0)`;
}

/**
 * `select rk …` of the live resources of a type that meet all criteria, each once. It begins with the first criterion that can
 * be a source: the rarest stands first.
 * @param more further condition on `d.rk`, such as the page position
 * @param ranked a criterion whose rows the statement holds in the table `liked`; where it begins with that, the column `score` comes too
 * @param page rows are wanted in this order and only the first of them: a source is put in order before further criteria
 *   look at its rows, so that they are asked for no more than the page needs
 */
export function rows(
  type: DirectoryType,
  criteria: readonly Criterion[],
  bind: Bind,
  more = '',
  ranked?: Criterion,
  page?: 'up' | 'down',
): string {
  const first = criteria.find(isSource);
  const along =
    first === undefined || first === ranked || bind.guessing === true ? [] : criteria.filter((c) => isAlong(c, first));
  const listed =
    first === undefined || first === ranked || bind.guessing === true ? [] : criteria.filter((c) => isListed(c, first));
  const rest = criteria.filter((c) => c !== first && !along.includes(c) && !listed.includes(c));
  const onResource = rest.some(needsResource);
  const source =
    first === undefined
      ? undefined
      : first === ranked
        ? { source: 'select rk, score from liked', unique: true }
        : rowSet(first, bind);
  if (source === undefined) {
    const where = [`d.type = ${TYPE_IDS[type]}`, 'not d.deleted', ...rest.map((c) => condition(c, 'd', bind, ranked))];
    return `select d.rk from directory.resource d where ${where.join(' and ')}${more}`;
  }
  // a list holds each row once anyway; of sets that are all read as a whole what is in all of them is less to put in order
  const late = !source.unique && along.length === 0 && rest.length > 0 && rest.every(isSet);
  const begin =
    along.length > 0
      ? both([source, ...along.map((c) => rowSet(c, bind))], page)
      : listed.length > 0 || late
        ? source.source
        : once(source, rest.length > 0 ? page : undefined);
  const from = listed.reduce((rows, c) => among(rows, rowSet(c, bind), page), begin);
  if (first === ranked) return scored(type, from, rest, bind);
  return `select ${late ? 'distinct ' : ''}d.rk from ${allowed(type, from, rest, onResource || mayLeaveType(first), bind, ranked)}${more}`;
}

/** `rk, score` of what the table `liked` holds and meets the others. Periods are asked of what is left, as in {@link nearRows}. */
function scored(type: DirectoryType, from: string, rest: readonly Criterion[], bind: Bind): string {
  const periods = rest.filter(isPeriod);
  const others = rest.filter((c) => !isPeriod(c));
  const found = `select d.rk, d.score from ${allowed(type, from, others, others.some(needsResource), bind)}`;
  return periods.length === 0 ? found : activeAmong(found, 'score', periods, bind);
}

/** Is it met by rows that are read as a whole, whatever the order of those that are asked? */
const isSet = (c: Criterion): boolean => c.kind === 'string' || ('met' in c && c.met === true);

/** Is it read along with the first, in order? */
const isAlong = (c: Criterion, first: Criterion): boolean =>
  c !== first && 'together' in c && c.together === true && isSource(c);

/** Is it looked for among a list of what the first finds? */
const isListed = (c: Criterion, first: Criterion): boolean => c !== first && 'listed' in c && c.listed === true;

/**
 * Of these rows those that have a token. lookup_pkey: of a list in order the server reads the range of the token forwards once, and
 * each of its pages at most once, where look-ups would go down the index for each row.
 */
const among = (rows: string, set: RowSet | undefined, page: 'up' | 'down' | undefined): string =>
  `select rk from directory.lookup where token = ${set?.token ?? 'null'} and rk = any(array(${rows})) order by rk${page === 'down' ? ' desc' : ''} offset 0`;

/**
 * What is in all of the sets. In order each, they are read side by side, and no further than the page needs. Of tokens the planner
 * thinks the same whatever they are, and merges them, which costs a third less than `intersect`; of words it may think anything.
 */
function both(sets: readonly (RowSet | undefined)[], page: 'up' | 'down' | undefined): string {
  const tokens = sets.flatMap((set) => set?.token ?? []);
  if (tokens.length < sets.length) return sets.map((set) => `(${set?.source ?? ''})`).join(' intersect ');
  const tables = tokens.map((_, i) => `directory.lookup t${i}${i === 0 ? '' : ' using (rk)'}`).join(' join ');
  const tests = tokens.map((token, i) => `t${i}.token = ${token}`).join(' and ');
  return `select rk from ${tables} where ${tests} order by rk${page === 'down' ? ' desc' : ''} offset 0`;
}

/** Each row once; in order when further conditions look at them, so that they stop where the page ends. */
function once({ source, unique }: RowSet, page: 'up' | 'down' | undefined): string {
  if (unique) return source;
  return `select distinct rk from (${source}) s${page === undefined ? '' : ` order by rk${page === 'down' ? ' desc' : ''} offset 0`}`;
}

/** A set of rows with the conditions of further criteria, from `from` to `where`; its columns are those of `d`. */
function allowed(
  type: DirectoryType,
  from: string,
  rest: readonly Criterion[],
  onResource: boolean,
  bind: Bind,
  ranked?: Criterion,
): string {
  // of hours, or those of a place where there are none, the planner expects so few that reading all of the type looks cheaper than a look at each
  const live = (row: string) => `${row}.rk = d.rk and ${row}.type = ${TYPE_IDS[type]} and not ${row}.deleted`;
  const byRow = bind.guessing !== true && rest.some((c) => c.kind === 'any' && c.of.some((o) => o.kind === 'open-at'));
  const join = !onResource
    ? ''
    : byRow
      ? ` cross join lateral (select f.* from directory.resource f where ${live('f')} offset 0) r`
      : ` join directory.resource r on ${live('r')}`;
  return `(${from}) d${join} where ${['true', ...rest.map((c) => condition(c, 'r', bind, ranked))].join(' and ')}`;
}

/** Conditions of the criteria on a row of `directory.resource d`. */
export function conditions(criteria: readonly Criterion[], bind: Bind): string[] {
  return criteria.map((c) => condition(c, 'd', bind));
}

/** `rk, distance` in meters of what lies in the circle of one criterion and meets the others; the nearest place counts. */
export function nearRows(type: DirectoryType, near: Criterion, rest: readonly Criterion[], bind: Bind): string {
  // periods are asked of what meets all else
  const periods = rest.filter(isPeriod);
  const others = rest.filter((c) => !isPeriod(c));
  const onResource = others.some(needsResource) || near.kind === 'reverse-chain';
  const placed = `with n as materialized (${distances(near, bind)}) select * from n`;
  const found = allowed(type, placed, others, onResource, bind);
  const from =
    periods.length === 0
      ? found
      : `(${activeAmong(`select d.rk, d.distance from ${found}`, 'distance', periods, bind)}) d`;
  return `select d.rk, min(d.distance) as distance from ${from} group by d.rk`;
}

function nearSet(c: Extract<Criterion, { kind: 'near' }>, bind: Bind, away: boolean): string {
  if (c.found === undefined) return placesIn(c.circles, bind, (m) => (away ? `p.rk, ${m} as distance` : 'p.rk'));
  const rks = bind(arrayLiteral(c.found.map((f) => f.rk)), 'bigint[]');
  if (!away) return `select rk from unnest(${rks}) p(rk)`;
  return `select rk, distance from unnest(${rks}, ${bind(arrayLiteral(c.found.map((f) => f.distance)), 'float8[]')}) p(rk, distance)`;
}

/** From places outward, along the chain. */
function distances(c: Criterion, bind: Bind): string {
  switch (c.kind) {
    case 'near':
      return nearSet(c, bind, true);
    case 'care-at':
      return careSet(c, bind, true);
    case 'chain':
      return `select l.rk, t.distance from (${distances(c.of, bind)}) t join directory.lookup l on l.token = ${referenceToken('t.rk', c.seed)}`;
    case 'reverse-chain':
      return `select u.ref as rk, t.distance from (${distances(c.of, bind)}) t join directory.resource s on s.rk = t.rk, unnest(s.refs, s.ref_params) u(ref, p) where u.p = ${c.param}`;
    case 'any':
      return c.of.map((one) => distances(one, bind)).join(' union all ');
    case 'all': {
      const near = c.of.find(hasDistance);
      if (near === undefined) break;
      const rest = c.of.filter((one) => one !== near);
      const resource = rest.some(needsResource) || near.kind === 'reverse-chain';
      return `select d.rk, d.distance from ${allowed(c.type, distances(near, bind), rest, resource, bind)}`;
    }
    default:
      break;
  }
  throw new Error(`A criterion of kind ${c.kind} has no distance.`);
}
