// Public pages about the directories that are shown together: who they are, how fresh, and what was measured of each.

import type { Queryable } from '../../src/db/database.ts';
import { html } from '../../src/ui/html.ts';
import { type Table, tableHtml } from '../../src/ui/table.ts';
import { dayText } from '../../src/ui/time.ts';
import { count, publicationPage, timeText } from '../publish/frame.ts';
import { currentFacts } from './fact.ts';
import { factWords } from './facts.ts';
import { findingText } from './findings.ts';
import { findingCounts, peerOverview } from './overview.ts';
import { findPeer } from './peer.ts';
import { unresolvedCounts } from './reference.ts';

type PageConfig = { planName: string; sandbox: boolean };

/** What is said of an address that leads to none of these pages. */
export const lostPage = (config: PageConfig): string =>
  publicationPage(config, {
    title: 'There is no such page',
    place: 'peers',
    main: html`<p>The address may be mistyped, or what it showed is no longer here. <a href="/directory/all/peers">All directories</a></p>`,
  });

export async function peersPage(config: PageConfig, sql: Queryable): Promise<string> {
  const rows = await peerOverview(sql);
  const table: Table = {
    name: 'peers',
    caption: 'Directories of other payers',
    columns: [
      { key: 'payer', label: 'Payer', kind: 'head' },
      { key: 'state', label: 'Now' },
      { key: 'records', label: 'Records', kind: 'number' },
      { key: 'ended', label: 'Ended or gone', kind: 'number' },
      { key: 'last', label: 'Last read' },
      { key: 'result', label: 'Result' },
    ],
    rows: rows.map((r) => [
      { value: r.name, href: `/directory/all/peers/${r.slug}` },
      { value: r.state },
      { value: r.live, text: count(r.live) },
      { value: r.gone, text: count(r.gone) },
      r.lastAt ? { value: r.lastAt.toISOString(), text: timeText(r.lastAt), time: true } : { value: null },
      {
        value: r.lastState,
        text: r.lastState === 'done' || r.lastState === 'unchanged' ? 'whole' : (r.lastState ?? '–'),
      },
    ]),
    empty: 'No other directories are shown here.',
    note: html`Search <a href="/all">in all of them</a>, or compare what they say about one provider: <a href="/directory/all/compare">field by field</a>.`,
  };
  return publicationPage(config, {
    title: 'All directories',
    place: 'peers',
    main: tableHtml(table),
  });
}

/** The fact sheet of a peer; undefined when there is none. */
export async function factsPage(config: PageConfig, sql: Queryable, slug: string): Promise<string | undefined> {
  const peer = await findPeer(sql, slug);
  if (!peer) return undefined;
  const facts = await currentFacts(sql, slug);
  const table: Table = {
    name: 'facts',
    caption: 'What it does, measured',
    columns: [
      { key: 'type', label: 'Type' },
      { key: 'fact', label: 'Fact', kind: 'head' },
      { key: 'value', label: 'Value' },
      { key: 'evidence', label: 'Evidence' },
      { key: 'day', label: 'Measured' },
    ],
    rows: facts.map((f) => [
      { value: f.type === '' ? 'whole server' : f.type },
      { value: f.name, text: factWords(f.name, f.value).label },
      { value: f.value, text: factWords(f.name, f.value).value },
      { value: f.evidence },
      { value: f.at.toISOString(), text: dayText(f.at.toISOString().slice(0, 10)), time: true },
    ]),
    empty: 'It has not been measured yet.',
  };
  const main = html`<p>${peer.base ?? peer.urls[0]?.url ?? ''}</p>${tableHtml(table)}${tableHtml(await oddities(sql, slug, false))}`;
  return publicationPage(config, {
    title: peer.name,
    place: 'peers',
    main,
    trail: html`<a href="/directory/all/peers">All directories</a> › `,
  });
}

/**
 * What was odd in its records, and references of them that lead nowhere.
 * @param examples name a record for each: for staff, not in public
 */
export async function oddities(sql: Queryable, slug: string, examples: boolean): Promise<Table> {
  const { named, addressed } = await unresolvedCounts(sql, slug);
  const found = [
    ...(await findingCounts(sql, slug)),
    { code: 'references-by-address', n: addressed, example: null },
    { code: 'references-by-name', n: named, example: null },
  ].filter((f) => f.n > 0);
  return {
    name: 'findings',
    caption: 'What was odd in its records',
    columns: [
      { key: 'finding', label: 'Finding', kind: 'head' },
      { key: 'code', label: 'Code' },
      { key: 'n', label: 'Count', kind: 'number' },
      ...(examples ? [{ key: 'example', label: 'For example' }] : []),
    ],
    rows: found.map((f) => [
      { value: findingText(f.code) },
      { value: f.code, code: true },
      { value: f.n, text: count(f.n) },
      ...(examples ? [{ value: f.example, code: true as const }] : []),
    ]),
    empty: 'Nothing was odd.',
  };
}
