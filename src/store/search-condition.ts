// Criteria as SQL. Each gives the set of rows it allows as a condition on `rk`; the first that can drive the statement
// is its source. Shapes are fixed: the same kind of request always gives the same text.
import type { Criterion, Word } from '../fhir/search/criterion.ts';
import type { DirectoryType } from '../fhir/search/types.ts';
import { TYPE_IDS } from '../fhir/search/types.ts';
import type { DateTest } from '../fhir/search/values.ts';
import { arrayLiteral } from './database.ts';
import { scoredRows } from './search-like.ts';

/** Binds a value and gives its placeholder. */
export type Bind = (value: string, cast: string) => string;

/** A set of rows: `source` yields the column rk; `unique` says that it does so once a row, in order of rk. */
type RowSet = { source: string; unique: boolean };

const INLINE_FORMS = 8;

/** Hashes of the values, for `token in (…)`; one value gives one constant, which keeps the order of rk. */
type Tokens = { list: string; one: boolean };

/** Rows that have one of the tokens. lookup_pkey: for one token it reads rk in order. */
function tokenSet({ list, one }: Tokens): RowSet {
  return { source: `select rk from directory.lookup where token ${one ? `= ${list}` : `in (${list})`}`, unique: one };
}

function tokensOf(c: Extract<Criterion, { kind: 'token' | 'reference' }>, bind: Bind): Tokens {
  const values = c.kind === 'token' ? c.forms : c.keys;
  const hash = (text: string) =>
    c.kind === 'token'
      ? `hashtextextended(${text}, ${c.seed})`
      : `hashint8extended(hashtextextended(${text}, 0), ${c.seed})`;
  if (values.length <= INLINE_FORMS)
    return { list: values.map((v) => hash(bind(v, 'text'))).join(', '), one: values.length === 1 };
  return { list: `select ${hash('t')} from unnest(${bind(arrayLiteral(values), 'text[]')}) t`, one: false };
}

/** words_folded: a range of the folded value; accents and case are judged on the row. */
function wordTest(w: Word, match: 'starts' | 'exact' | 'contains', bind: Bind): string {
  const stored = `coalesce(raw, folded)`;
  if (match === 'exact')
    return `(folded = ${bind(w.folded, 'text')} and ${stored} = ${bind(w.raw ?? w.folded, 'text')})`;
  const folded = bind(w.folded, 'text');
  const range =
    match === 'starts' ? `folded >= ${folded} and folded < ${folded} || '\u{10FFFF}'` : `strpos(folded, ${folded}) > 0`;
  if (w.raw === undefined) return `(${range})`;
  const cased = `normalize(lower(${stored} collate "default"), nfc)`;
  const raw = bind(w.raw, 'text');
  return `(${range} and ${match === 'starts' ? `starts_with(${cased}, ${raw})` : `strpos(${cased}, ${raw}) > 0`})`;
}

function wordSet(c: Extract<Criterion, { kind: 'string' }>, bind: Bind): RowSet {
  const tests = c.words.map((w) => wordTest(w, c.match, bind));
  return {
    source: `select rk from directory.words where param in (${c.params.join(', ')}) and (${tests.join(' or ')})`,
    unique: false,
  };
}

const time = (millis: number, bind: Bind) => bind(new Date(millis).toISOString(), 'timestamptz');

/** A stored period [lo, hi) against the range asked for, https://hl7.org/fhir/R4/search.html#prefix */
function periodTest(t: DateTest, bind: Bind): string {
  const from = () => time(t.from, bind);
  const to = () => time(t.to, bind);
  switch (t.prefix) {
    case 'eq':
      return `(lo >= ${from()} and hi <= ${to()})`;
    case 'ne':
      return `(lo < ${from()} or hi > ${to()})`;
    case 'gt':
      return `hi > ${to()}`;
    case 'ge':
      return `hi > ${from()}`;
    case 'lt':
      return `lo < ${from()}`;
    case 'le':
      return `lo < ${to()}`;
    case 'sa':
      return `lo >= ${to()}`;
    case 'eb':
      return `hi <= ${from()}`;
    case 'ap':
      return `(lo < ${to()} and hi > ${from()})`;
  }
}

/** An instant of millisecond precision against the range asked for. resource_last_updated. */
function instantTest(column: string, t: DateTest, bind: Bind): string {
  const from = () => time(t.from, bind);
  const to = () => time(t.to, bind);
  switch (t.prefix) {
    case 'eq':
    case 'ap':
      return `(${column} >= ${from()} and ${column} < ${to()})`;
    case 'ne':
      return `(${column} < ${from()} or ${column} >= ${to()})`;
    case 'gt':
    case 'sa':
      return `${column} >= ${to()}`;
    case 'ge':
      return `${column} >= ${from()}`;
    case 'lt':
    case 'eb':
      return `${column} < ${from()}`;
    case 'le':
      return `${column} < ${to()}`;
  }
}

/** The rows a criterion selects, when it can be the source of a statement. */
function rowSet(c: Criterion, bind: Bind): RowSet | undefined {
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
    case 'chain':
      return {
        source: `select l.rk from (${rows(c.target, [c.of], bind)}) t join directory.lookup l on l.token = hashint8extended(t.rk, ${c.seed})`,
        unique: false,
      };
    case 'reverse-chain':
      return {
        source: `select u.ref as rk from (${rows(c.source, [c.of], bind)}) t join directory.resource s on s.rk = t.rk, unnest(s.refs, s.ref_params) u(ref, p) where u.p = ${c.param}`,
        unique: false,
      };
    case 'id':
      return {
        source: `select rk from directory.resource where not deleted and rk in (${
          c.keys.length === 0
            ? 'null'
            : `select hashtextextended(t, 0) from unnest(${bind(arrayLiteral(c.keys), 'text[]')}) t`
        })`,
        unique: false,
      };
    case 'last-updated':
    case 'missing':
      return undefined;
  }
}

/** The condition of a criterion on the row `d`, for all but the source. */
function condition(c: Criterion, resource: string, bind: Bind, ranked: Criterion | undefined): string {
  if (c === ranked) return 'd.rk in (select rk from liked)';
  switch (c.kind) {
    case 'last-updated':
      return `(${c.tests.map((t) => instantTest(`${resource}.last_updated`, t, bind)).join(' or ')})`;
    case 'missing':
      return `${c.missing ? 'not ' : ''}${c.param} = any(${resource}.params)`;
    case 'token':
      if (c.negated)
        return `not exists (select from directory.lookup n where n.rk = d.rk and n.token in (${tokensOf(c, bind).list}))`;
      break;
    default:
      break;
  }
  const set = rowSet(c, bind);
  return set === undefined ? 'true' : `d.rk in (${set.source})`;
}

const needsResource = (c: Criterion) => c.kind === 'last-updated' || c.kind === 'missing';

/**
 * `select rk …` of the live resources of a type that meet all criteria, each once, without order.
 * @param more further condition on `d.rk`, such as the page position
 * @param ranked a criterion whose rows the statement holds in the table `liked`
 */
export function rows(
  type: DirectoryType,
  criteria: readonly Criterion[],
  bind: Bind,
  more = '',
  ranked?: Criterion,
): string {
  const first = criteria.find((c) => c.kind === 'token' && !c.negated) ?? ranked ?? criteria.find((c) => isSource(c));
  const rest = criteria.filter((c) => c !== first);
  const onResource = criteria.some(needsResource);
  const source =
    first === undefined
      ? undefined
      : first === ranked
        ? { source: 'select rk from liked', unique: true }
        : rowSet(first, bind);
  if (source === undefined) {
    const where = [`d.type = ${TYPE_IDS[type]}`, 'not d.deleted', ...rest.map((c) => condition(c, 'd', bind, ranked))];
    return `select d.rk from directory.resource d where ${where.join(' and ')}${more}`;
  }
  const from = source.unique ? `(${source.source}) d` : `(select distinct rk from (${source.source}) s) d`;
  const join =
    onResource || mayLeaveType(first)
      ? ` join directory.resource r on r.rk = d.rk and r.type = ${TYPE_IDS[type]} and not r.deleted`
      : '';
  const where = ['true', ...rest.map((c) => condition(c, 'r', bind, ranked))];
  return `select d.rk from ${from}${join} where ${where.join(' and ')}${more}`;
}

function isSource(c: Criterion): boolean {
  return !needsResource(c) && !(c.kind === 'token' && c.negated);
}

/** Index entries belong to live rows of the parameter's own type; references may lead to deleted or missing ones. */
function mayLeaveType(c: Criterion | undefined): boolean {
  return c?.kind === 'reverse-chain';
}
