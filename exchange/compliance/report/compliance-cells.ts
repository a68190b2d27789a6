// How rows of the compliance report become cells: a table is a list of columns, each with how it is read.
import type { Cell, Table } from '../../../src/ui/table.ts';
import { grouped, numberCell, timeCell } from '../../staff/data/texts.ts';
import { deedWords } from '../audit/audit-actions.ts';
import type { Row } from './report-figures.ts';

export const text = (row: Row, key: string): string | null => {
  const v = row[key];
  return v === null || v === undefined ? null : v instanceof Date ? v.toISOString() : String(v);
};
export const num = (row: Row, key: string): number => Number(row[key] ?? 0);

type Kind = 'number' | 'head' | 'hash';
/** A column: its key, its label, how its cell is made, what it is. */
export type Spec = [key: string, label: string, make: (row: Row) => Cell, kind?: Kind];

export const minutes = (row: Row, key: string): Cell => {
  const v = row[key];
  return v === null || v === undefined ? { value: null, text: 'n/a' } : { value: Math.round(Number(v) * 10) / 10 };
};

/** A column of what stands in the row. */
export const of = (key: string, label: string, kind?: Kind): Spec =>
  kind === undefined
    ? [key, label, (r) => ({ value: text(r, key) })]
    : [key, label, (r) => (kind === 'number' ? numberCell(num(r, key)) : { value: text(r, key) }), kind];

/** A column of what was done, as the audit has it. */
export const deed = (label: string, kind?: Kind): Spec => {
  const make = (r: Row): Cell => {
    const words = deedWords(String(r['action']));
    return { value: text(r, 'action'), ...(words === undefined ? {} : { text: words }) };
  };
  return kind === undefined ? ['action', label, make] : ['action', label, make, kind];
};

/** Columns of instants in a zone. */
export const instants =
  (timeZone: string) =>
  (key: string, label: string): Spec => [
    key,
    label,
    (r) => timeCell(r[key] instanceof Date ? (r[key] as Date) : null, timeZone),
  ];

export const table = (
  name: string,
  caption: string,
  list: readonly Row[],
  specs: readonly Spec[],
  empty: string,
): Table => ({
  name,
  caption,
  columns: specs.map(([key, label, , kind]) => ({ key, label, ...(kind ? { kind } : {}) })),
  rows: list.map((row) => specs.map(([, , make]) => make(row))),
  empty,
});

/** Rows that a page shows of a list that may be long; CSV and JSON hold more. */
const MOST_ON_PAGE = 500;

/** {@link table} of a list that may be long: its page shows the beginning. */
export const onPage: typeof table = (...of) => ({ ...table(...of), most: MOST_ON_PAGE });

/** A list that was not read to its end says of how many it has the first. */
export function cutTo(of: Table, all: number): Table {
  if (all <= of.rows.length) return of;
  const cut = `: the first ${grouped(of.rows.length)} of ${grouped(all)} (a shorter period, one payer or one line of business has the rest)`;
  return { ...of, caption: `${of.caption}${cut}`, ofAll: all };
}

/** Outcomes by payer and type as one row each, with their sum. */
export function outcomeRows(rows: readonly Row[]): Row[] {
  const byOutcome = new Map<string, Row>();
  for (const r of rows) {
    const key = `${text(r, 'peer')}\n${text(r, 'type')}`;
    const line = byOutcome.get(key) ?? { payer: r['payer'] ?? null, peer: r['peer'] ?? null, type: r['type'] ?? null };
    line[String(r['outcome'])] = num(r, 'n');
    line['sum'] = num(line, 'sum') + num(r, 'n');
    byOutcome.set(key, line);
  }
  return [...byOutcome.values()];
}

/** Kinds of requests, ours and to us. */
export const REQUEST_KINDS: Readonly<Record<string, string>> = {
  match: 'find members',
  single: 'find members, one by one',
  export: 'export history',
  pull: 'pull',
};

/** The Groups of an answer to a match request. */
export const ANSWERS: Readonly<Record<string, string>> = {
  match: 'matched',
  nomatch: 'not found',
  consentconstraint: 'found, consent not enough',
};
