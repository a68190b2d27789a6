// What a link between two records says, in plain words. Pure.
import type { LinkedRecord } from '../../store/report/report-lines.ts';

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

export function linkWords(l: Pick<LinkedRecord, 'kind' | 'state'>): Words {
  if (l.kind === 'conflict') return l.state === 'confirmed' ? AGREED : CONFLICT;
  if (l.kind === 'coordination-of-benefits') return OTHER_INSURER;
  return SAME[l.state] ?? ['Linked with', ''];
}
