// The cover of a report as a table: what it is about, by which rules, and the hashes by which it is found again. Pure.
import type { Cell, Table } from '../../../src/ui/table.ts';
import { timeCell } from '../../staff/data/texts.ts';
import { COVER_WORDS, type ComplianceReport } from './compliance.ts';

/** Beside what the report says: when and by whom it was made, and the report before it. */
export type Made = {
  /** of an issued report */
  issued?: { number: number; at: Date; by: string; sha256: string };
  contentSha256: string;
  previous: { number: number; sha256: string } | null;
};

const hash = (value: string | null, href?: string): Cell => ({
  value,
  code: true,
  ...(href === undefined ? {} : { href }),
});

export function coverTable(cover: ComplianceReport['cover'], made: Made, timeZone: string): Table {
  const { issued, previous } = made;
  const rows: (readonly [string, Cell])[] = [
    ...(issued ? [['Number', { value: issued.number }] as const] : []),
    // a document has them by their names
    ...Object.entries(COVER_WORDS).flatMap(([k, words]) =>
      cover.filter(([name]) => name === k).map(([, value]) => [words, { value }] as const),
    ),
    ...(issued
      ? ([
          ['Issued', timeCell(issued.at, timeZone)],
          ['Issued by', { value: issued.by }],
          ['SHA-256 of this report', hash(issued.sha256)],
        ] as const)
      : []),
    ['SHA-256 of what it says', hash(made.contentSha256)],
    [
      'Report issued before',
      previous
        ? { value: previous.number, text: `No. ${previous.number}`, href: `/staff/reports/${previous.number}` }
        : { value: null, text: 'none' },
    ],
    ['SHA-256 of that report', previous ? hash(previous.sha256) : { value: null, text: 'none' }],
  ];
  return {
    name: 'cover',
    caption: issued ? 'Cover' : 'About this report',
    columns: [
      { key: 'what', label: 'What', kind: 'head' },
      { key: 'value', label: 'Value' },
    ],
    rows: rows.map(([what, value]) => [{ value: what }, value]),
    empty: '',
  };
}
