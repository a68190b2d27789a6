// The tables in the documentation are those of the code.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ISSUES } from '../../src/fhir/validate/issue.ts';
import { REJECTS } from '../../src/import/reject.ts';

/** The rows below a marker, head and rule left out. */
function rows(page: string, marker: string): string[] {
  const text = readFileSync(new URL(`../../docs/${page}`, import.meta.url), 'utf8');
  const after = text.slice(text.indexOf(marker)).split('\n').slice(3);
  return after.slice(
    0,
    after.findIndex((line) => !line.startsWith('|')),
  );
}

test('docs/validation.md lists every issue', () => {
  expect(rows('validation.md', '<!-- issues:')).toEqual(
    Object.entries(ISSUES).map(([code, row]) => `| \`${code}\` | ${row.severity} | ${row.text} |`),
  );
});

test('docs/import.md lists every reject code', () => {
  expect(rows('import.md', '<!-- rejects:')).toEqual(
    Object.entries(REJECTS).map(([code, text]) => `| \`${code}\` | ${text} |`),
  );
});
