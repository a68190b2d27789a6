// How accurate our own directory is, day by day, where the plan wants the public to see it. Counts of the whole, never of a person.

import type { Queryable } from '../../src/db/database.ts';
import { html } from '../../src/ui/html.ts';
import { type Table, tableHtml } from '../../src/ui/table.ts';
import { count, publicationPage } from '../publish/frame.ts';
import { DUE_DAYS } from './signal-statements.ts';
import { accuracy } from './truth.ts';

const DAYS = 90;
/** Measures in words. */
export const MEASURES: Readonly<Record<string, string>> = {
  'verified in time': `verified within ${DUE_DAYS.person} days (organizations: ${DUE_DAYS.facility})`,
  'ever verified': 'verified at least once',
  'without a signal': 'without a sign that something is wrong, verification aside',
};

export async function accuracyPage(config: { planName: string; sandbox: boolean }, sql: Queryable): Promise<string> {
  const rows = await accuracy(sql, DAYS);
  const table: Table = {
    name: 'accuracy',
    caption: 'Providers and organizations in our directory',
    columns: [
      { key: 'day', label: 'Day', kind: 'head' },
      { key: 'measure', label: 'Of these are' },
      { key: 'n', label: 'Entries', kind: 'number' },
      { key: 'of', label: 'of', kind: 'number' },
      { key: 'share', label: 'Share', kind: 'number' },
    ],
    rows: rows.map((r) => [
      { value: r.day },
      { value: r.measure, text: MEASURES[r.measure] ?? r.measure },
      { value: r.n, text: count(r.n) },
      { value: r.of, text: count(r.of) },
      { value: r.of === 0 ? null : r.n / r.of, text: r.of === 0 ? '–' : `${((r.n / r.of) * 100).toFixed(1)} %` },
    ]),
    empty: 'Nothing was measured yet.',
  };
  return publicationPage(config, {
    title: 'How accurate our directory is',
    place: 'peers',
    main: html`<p>An entry that is verified may still have changed since. Call before you go.</p>${tableHtml(table)}`,
  });
}
