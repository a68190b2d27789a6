// What changed between two reports of compliance: every figure and row that differs, in one table. Pure.
import type { Cell, Table } from '../../../src/ui/table.ts';

/** Of one table: what comes and goes with a period would fill the page otherwise. */
const MOST_OF_A_TABLE = 200;

type Line = { name: string; numbers: ReadonlyMap<string, { label: string; cell: Cell }>; href: string | undefined };

const shown = (cell: Cell | undefined): string =>
  cell === undefined ? '–' : (cell.text ?? (cell.value === null ? '–' : String(cell.value)));

/**
 * Rows by what they are about: their words; numbers and times are what may change. Of several rows of the same words each has a number of its own.
 * The figures of the period before, which stand beside each, and what is counted are left out.
 */
function linesOf(table: Table): Map<string, Line> {
  const lines = new Map<string, Line>();
  for (const cells of table.rows) {
    const words: string[] = [];
    const keys: string[] = [];
    const numbers = new Map<string, { label: string; cell: Cell }>();
    let href: string | undefined;
    for (const [i, column] of table.columns.entries()) {
      const cell = cells[i] ?? { value: null };
      href ??= cell.href;
      if (table.name === 'figures' && (column.key === 'before' || column.key === 'means')) continue;
      if (column.kind === 'number' || cell.time === true) numbers.set(column.key, { label: column.label, cell });
      else if (cell.value !== null && cell.value !== '') {
        keys.push(`${column.key}=${String(cell.value)}`);
        words.push(shown(cell));
      }
    }
    const key = keys.join('|');
    let place = key;
    for (let n = 2; lines.has(place); n++) place = `${key}|${n}`;
    lines.set(place, { name: words.join(' · ') || table.caption, numbers, href });
  }
  return lines;
}

type Change = { row: Cell; what: string; before: Cell; now: Cell };

function changesOf(before: Table | undefined, now: Table | undefined): Change[] {
  const [old, here] = [
    before ? linesOf(before) : new Map<string, Line>(),
    now ? linesOf(now) : new Map<string, Line>(),
  ];
  const none: Cell = { value: null };
  return [...new Set([...here.keys(), ...old.keys()])].flatMap((key): Change[] => {
    const [a, b] = [old.get(key), here.get(key)];
    const row: Cell = {
      value: (b ?? a)?.name ?? '',
      ...(b?.href === undefined || b.href.startsWith('#') ? {} : { href: b.href }),
    };
    const columns = [...new Set([...(b?.numbers.keys() ?? []), ...(a?.numbers.keys() ?? [])])];
    // a row without numbers is there or is not
    if (columns.length === 0)
      return a && b
        ? []
        : [{ row, what: 'this row', before: { value: a ? 'there' : null }, now: { value: b ? 'there' : null } }];
    return columns.flatMap((column): Change[] => {
      const [was, is] = [a?.numbers.get(column), b?.numbers.get(column)];
      const [x, y] = [was?.cell ?? none, is?.cell ?? none];
      // a number that is not there beside a row that is not is no other than none
      const isSame = x.value === y.value || ((!a || !b) && (x.value ?? 0) === 0 && (y.value ?? 0) === 0);
      return isSame ? [] : [{ row, what: (is ?? was)?.label ?? '', before: x, now: y }];
    });
  });
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
    const told = changes
      .slice(0, MOST_OF_A_TABLE)
      .map((c): readonly Cell[] => [{ value: name, text: caption }, c.row, { value: c.what }, c.before, c.now]);
    const left = changes.length - told.length;
    return left === 0
      ? told
      : [
          ...told,
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
