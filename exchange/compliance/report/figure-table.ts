// The figures of the compliance report as a table, each leading to its rows. Pure.
import type { Table } from '../../../src/ui/table.ts';
import { numberCell } from '../../staff/data/texts.ts';
import type { Figure } from './compliance-figures.ts';
import { figureRows, type Lead } from './links.ts';

/** The figures, each leading to its rows. */
export function figureTable(figureList: readonly Figure[], before: string, lead: Lead): Table {
  return {
    name: 'figures',
    caption: `Figures, with those of ${before} beside them`,
    columns: [
      { key: 'figure', label: 'No.', kind: 'head' },
      { key: 'name', label: 'Figure' },
      { key: 'value', label: 'Value', kind: 'number' },
      { key: 'numerator', label: 'Numerator', kind: 'number' },
      { key: 'denominator', label: 'Denominator', kind: 'number' },
      { key: 'before', label: before, kind: 'number' },
      { key: 'means', label: 'What is counted' },
    ],
    rows: figureList.map((f) => {
      const [part, whole] = figureRows(lead, f.id);
      return [
        { value: f.id },
        { value: f.name, ...(f.table === undefined ? {} : { href: `#t-${f.table}` }) },
        { value: f.value, ...(whole === undefined && part !== undefined && f.value !== 'n/a' ? { href: part } : {}) },
        f.numerator === null ? { value: null, text: '' } : numberCell(f.numerator, part),
        f.denominator === null ? { value: null, text: '' } : numberCell(f.denominator, whole),
        { value: f.before },
        { value: f.means },
      ];
    }),
    empty: '',
  };
}
