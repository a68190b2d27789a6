// What changed between two reports of compliance: every figure and row that differs, in one table. Pure.
import type { Cell, Table } from '../../../src/ui/table.ts';

/** Of one table: what comes and goes with a period would fill the page otherwise. */
const MOST_OF_A_TABLE = 200;

type Line = { cells: readonly Cell[]; href: string | undefined };

const shown = (cell: Cell | undefined): string =>
  cell === undefined ? '–' : (cell.text ?? (cell.value === null ? '–' : String(cell.value)));

/**
 * The columns of a table: words say what a row is about; numbers and times are what may change. The figures of the
 * period before, which stand beside each, and what is counted are left out.
 */
function columnsOf(table: Table) {
  return table.columns.flatMap((column, i) =>
    table.name === 'figures' && (column.key === 'before' || column.key === 'means')
      ? []
      : [{ i, key: column.key, label: column.label, isNumber: column.kind === 'number' }],
  );
}
type Columns = ReturnType<typeof columnsOf>;

const NONE: Cell = { value: null };
const mayChange = (column: Columns[number], cell: Cell): boolean => column.isNumber || cell.time === true;
const isSaid = (cell: Cell): boolean => cell.value !== null && cell.value !== '';

/** Rows by what they are about. Of several rows of the same words each has a number of its own. */
function linesOf(table: Table | undefined): Map<string, Line> {
  const lines = new Map<string, Line>();
  if (!table) return lines;
  const columns = columnsOf(table);
  const times = new Map<string, number>();
  for (const cells of table.rows) {
    let key = '';
    for (const column of columns) {
      const cell = cells[column.i] ?? NONE;
      if (!mayChange(column, cell) && isSaid(cell)) key += `${column.key}=${String(cell.value)}|`;
    }
    const n = (times.get(key) ?? 0) + 1;
    times.set(key, n);
    lines.set(n === 1 ? key : `${key}|${n}`, { cells, href: cells.find((c) => c.href !== undefined)?.href });
  }
  return lines;
}

const nameOf = ({ cells }: Line, columns: Columns, table: Table): string =>
  columns
    .flatMap((column) => {
      const cell = cells[column.i] ?? NONE;
      return !mayChange(column, cell) && isSaid(cell) ? [shown(cell)] : [];
    })
    .join(' · ') || table.caption;

type Change = { row: Cell; what: string; before: Cell; now: Cell };

/** The first changes of a table, and how many there are. */
function changesOf(before: Table | undefined, now: Table | undefined): { listed: Change[]; all: number } {
  const table = now ?? before;
  const listed: Change[] = [];
  let all = 0;
  if (!table) return { listed, all };
  const columns = columnsOf(table);
  const [old, here] = [linesOf(before), linesOf(now)];
  const compare = (a: Line | undefined, b: Line | undefined): void => {
    const line = b ?? a;
    if (!line) return;
    const note = (what: string, x: Cell, y: Cell): void => {
      if (all++ >= MOST_OF_A_TABLE) return;
      const { href } = line;
      const leads = href === undefined || href.startsWith('#') ? {} : { href };
      listed.push({ row: { value: nameOf(line, columns, table), ...leads }, what, before: x, now: y });
    };
    let hasNumbers = false;
    for (const column of columns) {
      const [was, is] = [a?.cells[column.i], b?.cells[column.i]];
      if (![was, is].some((cell) => cell !== undefined && mayChange(column, cell))) continue;
      hasNumbers = true;
      const [x, y] = [was ?? NONE, is ?? NONE];
      // a number that is not there beside a row that is not is no other than none
      const isSame = x.value === y.value || ((!a || !b) && (x.value ?? 0) === 0 && (y.value ?? 0) === 0);
      if (!isSame) note(column.label, x, y);
    }
    // a row without numbers is there or is not
    if (!hasNumbers && !(a && b)) note('this row', { value: a ? 'there' : null }, { value: b ? 'there' : null });
  };
  for (const [key, line] of here) compare(old.get(key), line);
  for (const [key, line] of old) if (!here.has(key)) compare(line, undefined);
  return { listed, all };
}

/** @param before @param now tables of two reports; `names`: what the two are called */
export function complianceChanges(
  before: readonly Table[],
  now: readonly Table[],
  names: readonly [string, string],
): Table {
  const all = [...now.map((t) => t.name), ...before.map((t) => t.name).filter((n) => !now.some((t) => t.name === n))];
  const rows = all.flatMap((name): (readonly Cell[])[] => {
    const [a, b] = [before.find((t) => t.name === name), now.find((t) => t.name === name)];
    const caption = name === 'figures' ? 'Figures' : ((b ?? a)?.caption ?? name);
    const changes = changesOf(a, b);
    const listed = changes.listed.map((c): readonly Cell[] => [
      { value: name, text: caption },
      c.row,
      { value: c.what },
      c.before,
      c.now,
    ]);
    const left = changes.all - listed.length;
    return left === 0
      ? listed
      : [
          ...listed,
          [
            { value: name, text: caption },
            { value: `${left} more: open the two reports` },
            { value: null },
            { value: null },
            { value: null },
          ],
        ];
  });
  return {
    name: 'changes',
    caption: `What is otherwise in ${names[1]} than in ${names[0]}`,
    columns: [
      { key: 'table', label: 'Table', kind: 'head' },
      { key: 'row', label: 'Row' },
      { key: 'what', label: 'What' },
      { key: 'before', label: names[0] },
      { key: 'now', label: names[1] },
    ],
    rows,
    empty: 'Nothing: the two say the same.',
  };
}
