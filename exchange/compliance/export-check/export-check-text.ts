// The walk over the files of an export, in words.
import type { Cell } from '../../../src/ui/table.ts';
import type { ContentCheck } from './export-check-rows.ts';

export { type ContentCheck, contentCheck } from './export-check-rows.ts';

/** What each kind of thing is that must not be in a file. */
const KINDS: Readonly<Record<string, string>> = {
  'missing-file': 'a file that was not there',
  'changed-file': 'a file that is not as it was written',
  'line-count': 'a file with another number of lines',
  unreadable: 'a line that cannot be read',
};

/** The result as a cell: what was walked and what was found. */
export function proofCell(check: ContentCheck | undefined): Cell {
  if (!check) return { value: null, text: 'not walked yet' };
  const isOnlyLost = check.firstFaults.every((f) => (f as { kind: string }).kind === 'missing-file');
  if (check.faults > 0 && isOnlyLost)
    return { value: check.faults, text: `${check.faults} files were not there to be walked`, tone: 'act' };
  if (check.faults > 0) return { value: check.faults, text: `${check.faults} places must not leave`, tone: 'act' };
  return check.gone
    ? { value: 0, text: 'nothing found; the files were removed before all of them were seen', tone: 'look' }
    : { value: 0, text: 'no money, no denied and no drug authorization, no one else’s records', tone: 'calm' };
}

/** Places that were found, one a row. */
export function proofFaults(check: ContentCheck | undefined): { file: string; line: number; what: string }[] {
  return (check?.firstFaults ?? []).map((f) => {
    const { file, line, kind, path } = f as { file: string; line: number; kind: string; path: string };
    return { file, line, what: `${KINDS[kind] ?? kind}${path === '' ? '' : `: ${path}`}` };
  });
}
