// One table, three forms: HTML, CSV and JSON of exactly the same rows and columns.
import { type CsvValue, csv } from './csv.ts';
import { html, type Part, type Safe } from './html.ts';

export type Tone = 'calm' | 'look' | 'act' | 'good';
/** `value` is what CSV and JSON hold (instants in ISO form); `text` is what is read on the page. */
export type Cell = {
  value: CsvValue;
  text?: string;
  href?: string;
  /** an instant: the page shows `text`, its element holds `value` */
  time?: true;
  code?: true;
  tone?: Tone;
};
type Column = { key: string; label: string; kind?: 'number' | 'head' | 'hash' | 'check' };
export type Table = {
  /** unique on its page, for links and for JSON */
  name: string;
  caption: string;
  columns: readonly Column[];
  rows: readonly (readonly Cell[])[];
  /** so many of the rows stand on the page; CSV and JSON hold all */
  most?: number;
  /** how many rows there are, when only the first of them were read */
  ofAll?: number;
  /** sums, shown as the last row */
  total?: readonly Cell[];
  /** what is said when there are no rows */
  empty: string;
  note?: Part;
};

/** Codes of up to so many characters stand in one line (keys of members, ids of payers); longer names get some room. */
const SHORT = 16;

/** Tables of so many columns are set closer. */
const MANY = 10;

const MARKS: Record<Tone, string> = { good: '✔\u00a0', calm: '', look: '◆\u00a0', act: '✘\u00a0' };

const shownOf = (cell: Cell): string => cell.text ?? (cell.value === null ? '–' : String(cell.value));

/** Days and other short words with a hyphen, at which a browser would break them. */
const whole = (shown: string): Safe =>
  shown.length <= SHORT && shown.includes('-') && !/\s/.test(shown)
    ? html`<span class="short">${shown}</span>`
    : html`${shown}`;

function cellText(cell: Cell): Safe {
  const shown = shownOf(cell);
  const body = cell.time
    ? html`<time datetime="${cell.value === null ? '' : String(cell.value)}">${shown}</time>`
    : cell.code
      ? html`<code${shown.length > SHORT ? '' : html` class="short"`}>${shown}</code>`
      : whole(shown);
  const toned =
    cell.tone && cell.tone !== 'calm' ? html`<span class="tone-${cell.tone}">${MARKS[cell.tone]}${body}</span>` : body;
  return cell.href === undefined ? toned : html`<a href="${cell.href}">${toned}</a>`;
}

function row(columns: readonly Column[], cells: readonly Cell[]): Safe {
  return html`<tr>${columns.map((column, i) => {
    const cell = cells[i] ?? { value: null };
    if (column.kind === 'head')
      return html`<th scope="row"${shownOf(cell).length > SHORT ? html` class="name"` : ''}>${cellText(cell)}</th>`;
    const classes = [column.kind, (cell.text ?? cell.value ?? '') === '' ? 'nothing' : undefined].filter(Boolean);
    return html`<td data-label="${column.label}"${classes.length === 0 ? '' : html` class="${classes.join(' ')}"`}>${cellText(cell)}</td>`;
  })}</tr>`;
}

/** One row of nothing but figures reads better downwards: a line a figure. */
function figures(table: Table): Safe | undefined {
  const [cells] = table.rows;
  if (!cells || table.rows.length > 1 || table.total || table.columns.some((c) => c.kind !== 'number'))
    return undefined;
  return html`<table class="figures" aria-labelledby="t-${table.name}"><tbody>${table.columns.map(
    (c, i) =>
      html`<tr><th scope="row">${c.label}</th><td data-label="${c.label}" class="number">${cellText(cells[i] ?? { value: null })}</td></tr>`,
  )}</tbody></table>`;
}

/** What something is called, and what it is: on a phone the one stands above the other, and no label is needed. */
const isPairs = (table: Table): boolean =>
  table.columns.length === 2 && table.columns[0]?.kind === 'head' && table.columns[1]?.kind !== 'number';

/** Were only the first of its rows read? No file of it holds all. */
export const isCut = (table: Table): boolean => (table.ofAll ?? 0) > table.rows.length;

/** What the links to the files of a table are said to lead to. */
function filesHtml(table: Table, shown: number, links: { csv: string; json: string; isPart?: boolean }): Safe {
  const aside = html`<span class="aside"> of ${table.caption}</span>`;
  const json = html`<a href="${links.json}">JSON${aside}</a>`;
  const n = (of: number) => of.toLocaleString('en-US');
  if (isCut(table))
    return html`<p class="files">The first ${n(shown)} of ${n(table.ofAll ?? 0)} rows; too many for one file: the first ${n(table.rows.length)} as ${json}</p>`;
  const what =
    shown < table.rows.length
      ? `The first ${n(shown)} of ${n(table.rows.length)} rows; all of them as `
      : links.isPart === true
        ? 'The whole list as '
        : 'These rows as ';
  return html`<p class="files">${what}<a href="${links.csv}">CSV${aside}</a> or ${json}</p>`;
}

/** Of a page that has no links, as one to print: what it does not show is said as well. */
const leftHtml = (table: Table, shown: number): Part =>
  shown < table.rows.length
    ? html`<p class="files">The first ${shown.toLocaleString('en-US')} of ${(table.ofAll ?? table.rows.length).toLocaleString('en-US')} rows.</p>`
    : '';

/** `links` are the addresses of the same rows as CSV and JSON. `isPart`: the page shows a part of the rows that the files hold. */
export function tableHtml(table: Table, links?: { csv: string; json: string; isPart?: boolean }): Safe {
  const head = html`<tr>${table.columns.map(
    (c) => html`<th scope="col"${c.kind === 'number' ? html` class="number"` : ''}>${whole(c.label)}</th>`,
  )}</tr>`;
  const most = Math.min(table.most ?? table.rows.length, table.rows.length);
  return html`<section class="table">
<h2 id="t-${table.name}">${table.caption}</h2>
${table.note === undefined ? '' : html`<p class="note">${table.note}</p>`}
${
  table.rows.length === 0
    ? html`<p class="empty">${table.empty}</p>`
    : (figures(table) ??
      html`<div class="scroll${isPairs(table) ? ' pairs' : table.columns.length < MANY ? '' : ' many'}" role="region" tabindex="0" aria-labelledby="t-${table.name}"><table aria-labelledby="t-${table.name}">
<thead>${head}</thead>
<tbody>${table.rows.slice(0, most).map((cells) => row(table.columns, cells))}</tbody>
${table.total ? html`<tfoot>${row(table.columns, table.total)}</tfoot>` : ''}
</table></div>`)
}
${table.rows.length === 0 ? '' : links ? filesHtml(table, most, links) : leftHtml(table, most)}
</section>`;
}

const all = (table: Table) => (table.total && table.rows.length > 0 ? [...table.rows, table.total] : table.rows);

/** The rows of one table, totals included. */
export function tableCsv(table: Table): string {
  return csv(
    table.columns.map((c) => c.key),
    all(table).map((cells) => table.columns.map((_, i) => cells[i]?.value ?? null)),
  );
}

/** Several tables in one file: a row a value, so that every record has the same fields. Of one that is cut, `ofAll` says how many rows there are. */
export function tablesCsv(tables: readonly Table[]): string {
  return csv(
    ['table', 'row', 'column', 'value'],
    tables.flatMap((t) => [
      ...(isCut(t) ? [[t.name, null, 'ofAll', t.ofAll ?? null]] : []),
      ...all(t).flatMap((cells, r) =>
        t.columns.map((c, i): CsvValue[] => [t.name, r + 1, c.key, cells[i]?.value ?? null]),
      ),
    ]),
  );
}

/** How many rows there are of the tables that hold only the first of theirs, by name. */
export function cutJson(tables: readonly Table[]): { ofAll?: Record<string, number> } {
  const some = tables.filter(isCut).map((t) => [t.name, t.ofAll ?? 0] as const);
  return some.length === 0 ? {} : { ofAll: Object.fromEntries(some) };
}

/** The rows of one table as objects. */
export function tableJson(table: Table): Record<string, CsvValue>[] {
  return all(table).map((cells) => Object.fromEntries(table.columns.map((c, i) => [c.key, cells[i]?.value ?? null])));
}
