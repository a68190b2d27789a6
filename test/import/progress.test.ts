import { expect, test } from 'vitest';
import { progressReporter } from '../../src/import/progress.ts';

test('without a terminal: a line every five seconds and a summary', () => {
  let time = 1_000;
  const written: string[] = [];
  const stream = { write: (text: string) => written.push(text) };
  const reporter = progressReporter('import', { stream, now: () => time });
  const at = (ms: number, bytesRead: number, entries: number) => {
    time = 1_000 + ms;
    reporter.update({ bytesRead, bytesTotal: 4_000_000, entries });
  };
  at(1_000, 100_000, 100);
  at(5_000, 1_000_000, 10_000);
  at(6_000, 1_200_000, 12_000);
  at(10_000, 2_000_000, 20_000);
  at(20_000, 4_000_000, 40_000);
  reporter.end(['stored 39,999']);
  expect(written).toEqual([
    'import: 25% · 10,000 entries · 2,000/s · 15 s left\n',
    'import: 50% · 20,000 entries · 2,000/s · 10 s left\n',
    'import: 100% · 40,000 entries · 2,000/s · 0 s left\n',
    'import: 40,000 entries, 4.0 MB in 20 s, 2,000/s\n',
    'stored 39,999\n',
  ]);
});

test('an import that read nothing ends with a summary too', () => {
  const written: string[] = [];
  const stream = { write: (text: string) => written.push(text) };
  progressReporter('import', { stream, now: () => 0 }).end();
  expect(written).toEqual(['import: 0 entries, 0.0 MB in 0 s, 0/s\n']);
});

test('what has no bytes is told in entries', () => {
  const written: string[] = [];
  const stream = { write: (text: string) => written.push(text) };
  let time = 0;
  const reporter = progressReporter('reindex', { stream, now: () => time, countsOnly: true });
  time = 6_000;
  reporter.update({ bytesRead: 30, bytesTotal: 60, entries: 30 });
  reporter.end();
  expect(written).toEqual(['reindex: 50% · 30 entries · 5/s · 6 s left\n', 'reindex: 30 entries in 6 s, 5/s\n']);
});
