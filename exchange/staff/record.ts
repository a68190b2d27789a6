// /staff/members/:member/record: the member's merged record, by date; and the same as a FHIR Bundle.
import { html, type Part } from '../../src/ui/html.ts';
import type { Table } from '../../src/ui/table.ts';
import { dayText } from '../../src/ui/time.ts';
import { mergedBundle, type Paging, type Place } from '../records/view/everything.ts';
import { type DayPlace, type Entry, type Timeline, timeline } from '../records/view/timeline.ts';
import { attachmentTable } from '../requester/report/attachments.ts';
import { recordExport } from './data/sessions.ts';
import { count } from './data/texts.ts';
import { problem, type StaffContext, withQuery } from './frame.ts';
import { bornText } from './masking.ts';
import { filterForm } from './paging.ts';
import { purposeOf } from './purpose.ts';
import type { StaffRouter } from './router.ts';

const PATH = '/staff/members';
const MOST = 200;

const HIDDEN_WORDS: Readonly<Record<keyof Timeline['hidden'], string>> = {
  'preferred-away': 'because a reviewer preferred another copy',
  'identity-doubt':
    'because birth date or sex differ from ours or the name is another member’s, and no one has said that the payer means this member',
  withdrawn: 'because the member has taken the choice back',
  outlived:
    'because the payer whose record it was has taken it back, or we have changed ours since, and another payer still passes on a copy from before',
  'denied-since':
    'because the authorization, or a part of it, was denied since, and another payer still passes on a copy from before',
};

const lineOf = (e: Entry): string | undefined => {
  const place = e.sources.find((s) => s.place !== undefined)?.place;
  return place && `/staff/pulls/${place.pullId}/lines/${place.file}/${place.line}/${place.entry}`;
};

/** Sources as one sentence: `ours; Old Harbor (2)`. */
function sourcesText(e: Entry): string {
  const n = new Map<string, number>();
  for (const s of e.sources) n.set(s.from, (n.get(s.from) ?? 0) + 1);
  return [...n].map(([from, times]) => (times > 1 ? `${from} (${times} copies)` : from)).join('; ');
}

const details = (e: Entry): string =>
  [
    ...e.plain.facts.filter((f) => !['What', 'When', 'Numbers'].includes(f.label)).map((f) => `${f.label}: ${f.value}`),
    ...e.notes,
    ...(e.isSensitive ? ['Sensitive: not passed on without the member’s choice for it.'] : []),
    ...(e.items.length > 0 ? ['Something about it is to be decided.'] : []),
  ]
    .join('. ')
    .replace(/\.\. /g, '. ');

function yearTable(year: string, entries: readonly Entry[]): Table {
  return {
    name: `y-${year}`,
    caption: year === '' ? 'Without a date' : year,
    columns: [
      { key: 'day', label: 'Date', kind: 'head' },
      { key: 'kind', label: 'What it is' },
      { key: 'what', label: 'What' },
      { key: 'details', label: 'Details' },
      { key: 'from', label: 'Source' },
      { key: 'copies', label: 'Copies', kind: 'number' },
      { key: 'line', label: 'Received line' },
      { key: 'decide', label: 'To decide' },
    ],
    rows: entries.map((e) => {
      const href = lineOf(e);
      const place = e.sources.find((s) => s.place !== undefined)?.place;
      const [item] = e.items;
      return [
        { value: e.plain.day, text: e.plain.day ?? 'no date' },
        { value: e.plain.kind },
        { value: e.plain.what },
        { value: details(e) || null },
        { value: sourcesText(e) },
        { value: e.sources.length },
        place === undefined || href === undefined
          ? { value: null }
          : { value: `${place.file}-${place.line}-${place.entry}`, href },
        item === undefined
          ? { value: null }
          : {
              value: e.items.length,
              text: `${e.items.length} to decide`,
              href: `/staff/conflicts/${item}`,
              tone: 'look' as const,
            },
      ];
    }),
    empty: 'Nothing.',
  };
}

/** Documents of the entries of a page, each with what it is of. */
function attachmentTables(entries: readonly Entry[]): Table[] {
  const named = entries.flatMap((e) =>
    e.attachments.map((a) => ({ a, of: `${dayText(e.plain.day ?? 'no date')}: ${e.plain.what}` })),
  );
  const ofWhat = new Map(named.map(({ a, of }) => [a.documentId, of]));
  return named.length === 0
    ? []
    : [
        attachmentTable(
          named.map(({ a }) => a),
          (a) => ofWhat.get(a.documentId) ?? '',
        ),
      ];
}

/** Entries of a page, by year. */
function yearTables(entries: readonly Entry[]): Table[] {
  const years = [...new Set(entries.map((e) => e.plain.day?.slice(0, 4) ?? ''))];
  return years.map((year) =>
    yearTable(
      year,
      entries.filter((e) => (e.plain.day?.slice(0, 4) ?? '') === year),
    ),
  );
}

/** Pieces of text as the body of an answer. */
function textStream(pieces: AsyncGenerator<string>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream({
    async pull(controller) {
      const next = await pieces.next();
      if (next.done === true) controller.close();
      else controller.enqueue(encoder.encode(next.value));
    },
    async cancel() {
      await pieces.return(undefined);
    },
  });
}

const MOST_OF_A_PAGE = 1000;

/** How much of the Bundle is asked for; undefined: all of it. */
function pagingOf(c: StaffContext, baseUrl: string): Paging | 'unreadable' | undefined {
  const [count, page] = [c.req.query('_count'), c.req.query('_page')];
  if (count === undefined && page === undefined) return undefined;
  const n = Number(count ?? MOST_OF_A_PAGE);
  const place = page === undefined ? undefined : /^([A-Za-z]{1,64})\/([A-Za-z0-9\-.]{1,64})$/.exec(page);
  if (!Number.isSafeInteger(n) || n < 1 || n > MOST_OF_A_PAGE || place === null) return 'unreadable';
  const url = (after: Place | undefined) =>
    `${baseUrl}${withQuery(c.req.url, { _page: after === undefined ? '' : `${after.type}/${after.id}` })}`;
  return { count: n, after: place && { type: place[1] ?? '', id: place[2] ?? '' }, url };
}

/** After which place of the timeline a page begins, as a page before gave it. */
function readPlace(c: StaffContext): DayPlace | undefined {
  const given = /^((?:\d{4}(?:-\d\d){0,2})?)~([A-Za-z]{1,64})\/([A-Za-z0-9\-.]{1,64})$/.exec(
    c.req.query('after') ?? '',
  );
  const [, day = '', type = '', id = ''] = given ?? [];
  return given === null ? undefined : { day, type, id };
}

/** A year, month or day from which the pages go back. */
const readUntil = (c: StaffContext): string | undefined =>
  /^\d{4}(?:-\d\d){0,2}$/.exec(c.req.query('until')?.trim() ?? '')?.[0];

export function record(router: StaffRouter): void {
  const { deps } = router;

  router.page(`${PATH}/:member/record`, 'rows', async (visit) => {
    const { c } = visit;
    const member = c.req.param('member') ?? '';
    const withSensitive = c.req.query('sensitive') === 'show';
    const until = readUntil(c);
    // no day of that year, month or day comes behind it
    const from = readPlace(c) ?? (until === undefined ? undefined : { day: `${until}~`, type: '', id: '' });
    const t = await timeline(deps, member, { withSensitive, kind: c.req.query('kind'), after: from, count: MOST });
    if (!t) return router.notFound(visit, 'There is no such member.');
    const { entries: page, kind, kinds } = t;
    await router.viewed(
      visit,
      withSensitive ? 'record-sensitive' : 'record-merged',
      `Patient/${member}`,
      [member],
      page.length,
    );
    const hidden = Object.entries(t.hidden).filter(([, n]) => n > 0) as [keyof Timeline['hidden'], number][];
    const before: Part = [
      html`<p class="controls"><a href="${PATH}/${member}/everything">The merged record as FHIR (JSON)</a>, or <a href="${PATH}/${member}/everything?sensitive=include">with sensitive records</a></p>`,
      t.sensitive > 0 &&
        !withSensitive &&
        html`<p class="controls"><a href="${withQuery(c.req.url, { sensitive: 'show' })}">Show the sensitive records too</a>. That you open them is recorded for the member.</p>`,
      filterForm(
        `${PATH}/${member}/record`,
        [{ name: 'kind', label: 'What', all: 'everything', chosen: kind, options: kinds.map((k) => [k, k] as const) }],
        withSensitive ? { sensitive: 'show' } : {},
        [{ name: 'until', label: 'From here back', hint: 'such as 2019, 2019-05 or 2019-05-31', value: until ?? '' }],
      ),
    ];
    return router.show(visit, {
      title: `Record of ${t.person.name}`,
      place: 'members',
      trail: [
        [PATH, 'Members'],
        [`${PATH}/${member}`, t.person.name],
      ],
      lead: [
        `Born ${bornText(t.person.birthDate)}. ${count(t.total, 'entry', 'entries')}, newest first${until === undefined ? '' : `, those of ${dayText(until)} and before`}. What several sources tell is one entry; ${count(t.folded, 'copy stands', 'copies stand')} behind others. Every record is kept as it came.`,
        ...hidden.map(
          ([why, n]) => `${count(n, 'record is', 'records are')} kept and not shown, ${HIDDEN_WORDS[why]}.`,
        ),
      ],
      before,
      tables: page.length === 0 ? [yearTable('', [])] : [...yearTables(page), ...attachmentTables(page)],
      filesByPage: true,
      next: t.next && withQuery(c.req.url, { after: `${t.next.day}~${t.next.type}/${t.next.id}` }),
    });
  });

  router.page(
    `${PATH}/:member/everything`,
    'rows',
    async (visit) => {
      const { c } = visit;
      const member = c.req.param('member') ?? '';
      const withSensitive = c.req.query('sensitive') === 'include';
      const asked = pagingOf(c, deps.config.baseUrl);
      if (asked === 'unreadable')
        return problem(
          c,
          deps,
          400,
          'Not readable',
          `_count is a number up to ${MOST_OF_A_PAGE}, _page that of a page before.`,
          visit.session,
        );
      const bundle = await mergedBundle(deps, member, withSensitive, asked);
      if (!bundle) return router.notFound(visit, 'There is no such member.');
      await router.viewed(
        visit,
        withSensitive ? 'everything-sensitive' : 'everything',
        `Patient/${member}`,
        [member],
        1,
      );
      await recordExport(deps, visit.session, `${PATH}/:member/everything`, 'fhir', 1, visit.requestId, purposeOf(c));
      const stream = textStream(bundle);
      return c.body(stream, 200, {
        'content-type': 'application/fhir+json; charset=utf-8',
        'content-disposition': 'attachment; filename="record.json"',
      });
    },
    { isFile: true },
  );
}
