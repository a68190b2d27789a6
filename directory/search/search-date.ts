// Dates of a search as SQL. https://hl7.org/fhir/R4/search.html#prefix
import type { Criterion } from '../../src/fhir/search/criterion.ts';
import { type DateTest, END_OF_TIME } from '../../src/fhir/search/values.ts';
import type { Bind, RowSet } from './search-set.ts';

const YEAR_1 = Date.parse('0001-01-01T00:00:00Z');

/** A time as a value. Times that PostgreSQL cannot read as we write them are endless. */
export function time(millis: number, bind: Bind): string {
  if (millis >= END_OF_TIME || millis < YEAR_1) return `'${millis < 0 ? '-' : ''}infinity'::timestamptz`;
  return bind(new Date(millis).toISOString(), 'timestamptz');
}

/** A stored period [lo, hi) against the range asked for, https://hl7.org/fhir/R4/search.html#prefix */
export function periodTest(t: DateTest, bind: Bind): string {
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
export function instantTest(column: string, t: DateTest, bind: Bind): string {
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

export type ActiveOn = Extract<Criterion, { kind: 'active-on' }>;

/** Does the period `n` hold on one of the days? */
export const activeTest = ({ days }: ActiveOn, bind: Bind): string =>
  days.map((t) => `(n.lo < ${time(t.to, bind)} and n.hi > ${time(t.from, bind)})`).join(' or ');

/**
 * What is found, as `rk` and a column, less what is not active on the days. dates_rk: of a list in order the server goes from page to page,
 * where a look for each row goes down the index each time.
 */
export function activeAmong(found: string, column: string, periods: readonly ActiveOn[], bind: Bind): string {
  const over = periods.map(
    (c) =>
      `a.rk not in (select n.rk from directory.dates n where n.param = ${c.param} and n.rk = any(array(select rk from asked))
        group by n.rk having not bool_or(${activeTest(c, bind)}))`,
  );
  return `with asked as materialized (${found}) select a.rk, a.${column} from asked a where ${over.join(' and ')}`;
}

export const isPeriod = (c: Criterion): c is ActiveOn => c.kind === 'active-on';

/** Targets by their newest verification. verification_done, verification_pkey. */
export function lastVerifiedSet(tests: readonly DateTest[], bind: Bind): RowSet {
  return {
    source: `select v.target as rk from directory.verification v where (${tests.map((t) => periodTest(t, bind)).join(' or ')})
      and not exists (select from directory.verification n where n.target = v.target and (n.lo, n.rk) > (v.lo, v.rk))`,
    unique: false,
  };
}
