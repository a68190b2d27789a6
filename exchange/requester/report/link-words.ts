// What a link between two records says, in plain words and as a table. Pure.
import type { Table } from '../../../src/ui/table.ts';
import { type LinkedRecord, MOST_LINKED } from './line-rows.ts';

/** [before `record …`, a sentence beside it] */
type Words = readonly [string, string];

const SAME: Readonly<Record<string, Words>> = {
  confirmed: ['Same thing as', 'Both records are kept and linked.'],
  proposed: ['Maybe the same thing as', 'Both records are kept; a person decides whether they are one thing.'],
  apart: [
    'Of the same kind and time as',
    'They are not linked: each is one thing with another record, or may be another thing.',
  ],
  rejected: ['Not the same thing as', 'A person said that they are two things.'],
};
const CONFLICT: Words = ['Contradicts', 'Both values are kept; a person decides.'];
const AGREED: Words = ['Another value than', 'Both payers tell both values.'];
const OTHER_INSURER: Words = ['The same services at another insurer:', 'Both claims are kept and linked.'];
const SAME_FILL: Words = ['About the same fill as', 'The claim and the fill are both kept and linked.'];

export function linkWords(l: Pick<LinkedRecord, 'kind' | 'state'>): Words {
  if (l.kind === 'conflict') return l.state === 'confirmed' ? AGREED : CONFLICT;
  if (l.kind === 'coordination-of-benefits') return OTHER_INSURER;
  if (l.kind === 'derived-from') return SAME_FILL;
  return SAME[l.state] ?? ['Linked with', ''];
}

/** The links of a record, one a row: CSV and JSON say by it of which kind each is. */
export function linksTable(linked: readonly Omit<LinkedRecord, 'body'>[]): Table {
  return {
    name: 'links',
    caption:
      linked.length < MOST_LINKED ? 'Links with other records' : `The first ${MOST_LINKED} links with other records`,
    columns: [
      { key: 'record', label: 'Other record', kind: 'head' },
      { key: 'from', label: 'From' },
      { key: 'kind', label: 'Link' },
      { key: 'state', label: 'State' },
      { key: 'rule', label: 'By rule' },
      { key: 'meaning', label: 'In words' },
    ],
    rows: linked.map((l) => [
      { value: `${l.otherType}/${l.otherId}`, code: true },
      { value: l.origin, text: l.origin === 'own' ? 'our own' : (l.origin ?? 'nowhere') },
      { value: l.kind, code: true },
      { value: l.state },
      { value: l.rule, code: true },
      { value: linkWords(l)[1] },
    ]),
    empty: 'It is linked with none.',
  };
}
