// Places in long lists, as they stand in addresses, and the choices of filters.
import { html, type Safe } from '../../src/ui/html.ts';
import type { After } from './data/lists.ts';
import { formatOf, type StaffContext } from './frame.ts';

export const PAGE = 100;
/** A file is read away from the page that would lead on: it holds a list whole, or as much of it as is held in memory. */
export const FILE_ROWS = 20_000;

/** So many rows of a list are shown at once. */
export const rowsOf = (c: StaffContext): number => ((formatOf(c) ?? 'html') === 'html' ? PAGE : FILE_ROWS);

/** A page and the row after it: whether there are more rows is known by asking for one more. */
export function cut<T>(rows: readonly T[], size: number): { rows: readonly T[]; last: T | undefined } {
  const page = rows.slice(0, size);
  return { rows: page, last: rows.length > size ? page.at(-1) : undefined };
}

export function readAfter(c: StaffContext): After | undefined {
  const given = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)~([A-Za-z0-9-]{1,64})$/.exec(c.req.query('after') ?? '');
  const at = new Date(given?.[1] ?? Number.NaN);
  return given?.[2] === undefined || Number.isNaN(at.getTime()) ? undefined : { at, id: given[2] };
}

export const afterText = (at: Date, id: string): string => `${at.toISOString()}~${id}`;

/** A query value if it is one of the known ones. */
export function choice<T extends string>(c: StaffContext, name: string, known: readonly T[]): T | undefined {
  const given = c.req.query(name);
  return known.find((k) => k === given);
}

export type Select = {
  name: string;
  label: string;
  all: string;
  chosen: string | undefined;
  options: readonly (readonly [string, string])[];
};

/** What is written and not chosen. `hint` says in which form. */
export type Written = { name: string; label: string; hint: string; value: string };

const writtenField = (w: Written): Safe =>
  html`<div><label for="f-${w.name}">${w.label} <span class="hint">${w.hint}</span></label><input id="f-${w.name}" name="${w.name}" value="${w.value}"></div>`;

/** A form of choices that works without a script. `hidden` are members of the query that stay. */
export function filterForm(
  action: string,
  selects: readonly Select[],
  hidden: Record<string, string> = {},
  written: readonly Written[] = [],
): Safe {
  return html`<form class="filter" method="get" action="${action}">${Object.entries(hidden).map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`,
  )}${selects.map(
    (s) =>
      html`<div><label for="f-${s.name}">${s.label}</label><select id="f-${s.name}" name="${s.name}"><option value="">${s.all}</option>${s.options.map(
        ([value, text]) => html`<option value="${value}"${value === s.chosen ? html` selected` : ''}>${text}</option>`,
      )}</select></div>`,
  )}${written.map(writtenField)}<div><button>Show</button></div></form>`;
}
