// What all staff pages share: the frame around them, their three formats, and pages that say what went wrong.
import type { Context } from 'hono';
import type { Deps } from '../../src/deps.ts';
import type { FhirEnv } from '../../src/http/fhir-app.ts';
import { html, type Part, type Safe } from '../../src/ui/html.ts';
import { ICON_LINK } from '../../src/ui/icon.ts';
import { documentText } from '../../src/ui/page.ts';
import { cutJson, isCut, type Table, tableCsv, tableHtml, tableJson, tablesCsv } from '../../src/ui/table.ts';
import { daysInWords, timeText } from '../../src/ui/time.ts';
import type { StaffSession } from './data/sessions.ts';
import { may, type Permission } from './roles.ts';

export type StaffContext = Context<FhirEnv>;

/** Headers of every answer. `same-origin` and not `no-referrer`: under the latter browsers send `Origin: null` with forms. */
export function staffHeaders(baseUrl: string): Record<string, string> {
  return {
    'content-security-policy':
      "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    'referrer-policy': 'same-origin',
    'cross-origin-opener-policy': 'same-origin',
    'permissions-policy': '',
    'x-robots-tag': 'noindex',
    'cache-control': 'no-store',
    ...(baseUrl.startsWith('https:') ? { 'strict-transport-security': 'max-age=31536000; includeSubDomains' } : {}),
  };
}

export type Place =
  | 'compliance'
  | 'overview'
  | 'members'
  | 'pulls'
  | 'conflicts'
  | 'clocks'
  | 'requests'
  | 'matches'
  | 'peers'
  | 'events'
  | 'federation';
/** With what it takes to open it: what a role does not open is not in its menu. */
const NAV: readonly [Place, string, string, Permission?][] = [
  ['overview', '/staff', 'Overview'],
  ['members', '/staff/members', 'Members', 'rows'],
  ['compliance', '/staff/compliance', 'Compliance'],
  ['pulls', '/staff/pulls', 'Pulls'],
  ['conflicts', '/staff/conflicts', 'Conflicts', 'rows'],
  ['clocks', '/staff/clocks', 'Clocks'],
  ['requests', '/staff/requests', 'Requests to us'],
  ['matches', '/staff/matches', 'Matches'],
  ['peers', '/staff/peers', 'Other payers'],
  ['events', '/staff/events', 'Security'],
  ['federation', '/staff/federation', 'Directories'],
];

export type View = {
  title: string;
  place: Place;
  /** the way here: address and name of each page above this one */
  trail?: readonly (readonly [string, string])[];
  /** sentences; part of JSON too */
  lead?: readonly string[];
  /** forms and other markup before the tables, on the page only */
  before?: Part;
  tables: readonly Table[];
  /** markup after the table of that name, on the page only */
  within?: { after: string; part: Part };
  /** long texts side by side, at the end or after the first table; rows of a table `texts` in CSV and JSON */
  texts?: readonly {
    name: string;
    caption: string;
    text: string;
    /** the record of which the text is a part */
    whole?: string;
    /** words of ours, and no record */
    isOurs?: boolean;
  }[];
  textsLast?: true;
  /** markup after the tables, on the page only */
  after?: Part;
  /** address of the next rows */
  next?: string | undefined;
  /** the JSON of the whole page, when that is a document of its own */
  document?: string;
  /** its files hold the rows of the page, too: it leads on from them by a day */
  filesByPage?: true;
};

export function csrfField(session: StaffSession): Safe {
  return html`<input type="hidden" name="csrf" value="${session.csrf}">`;
}

function header(session: StaffSession | undefined, place: Place | undefined, plan: string): Safe {
  const who =
    session &&
    html`<div class="who"><span>${session.name} (${session.roles.join(', ')}${session.emergency === null ? '' : html`, <a href="/staff/emergency">emergency access</a>`})</span><form method="post" action="/staff/sign-out">${csrfField(session)}<button class="plain">Sign out</button></form></div>`;
  const nav =
    session &&
    html`<nav aria-label="Staff pages"><ul>${NAV.filter(([, , , takes = 'counts']) => may(session, takes)).map(
      ([key, href, label]) =>
        html`<li><a href="${href}"${key === place ? html` aria-current="page"` : ''}>${label}</a></li>`,
    )}</ul></nav>`;
  return html`<header class="site"><div class="bar"><a class="brand" href="/staff">${plan}</a>${who}${nav}</div></header>`;
}

const STYLESHEET = html`<link rel="stylesheet" href="/staff/style.css">${ICON_LINK}`;

/** A page as HTML. `session` undefined: no one is signed in. */
export function pageText(
  deps: Pick<Deps, 'config'>,
  page: { title: string; main: Part; place?: Place | undefined; trail?: View['trail'] },
  session: StaffSession | undefined,
): string {
  return documentText({
    title: page.title,
    site: deps.config.planName,
    style: STYLESHEET,
    banner: deps.config.sandbox ? 'Sandbox: all people, payers and records here are invented.' : undefined,
    header: header(session, page.place, deps.config.planName),
    trail:
      page.trail &&
      page.trail.length > 0 &&
      page.trail.map(([href, label]) => [html`<a href="${href}">${label}</a>`, ' › ']),
    main: page.main,
    footer: `All times: ${deps.config.timeZone}.`,
  });
}

/** The address of this page with other query members; an empty value leaves one out. */
export function withQuery(requestUrl: string, change: Record<string, string>): string {
  const url = new URL(requestUrl);
  for (const [name, value] of Object.entries(change))
    if (value === '') url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  return `${url.pathname}${url.search}`;
}

/** A path of the staff pages with a query. */
export function address(path: string, query: Record<string, string> = {}): string {
  const text = new URLSearchParams(query).toString();
  return text === '' ? path : `${path}?${text}`;
}

export type Format = 'html' | 'csv' | 'json';
/** What a form answers is a page: a file is asked for by its own address, where it is asked what for. */
export function formatOf(c: StaffContext): Format | undefined {
  if (c.req.method === 'POST') return 'html';
  const given = c.req.query('format') ?? 'html';
  return given === 'html' || given === 'csv' || given === 'json' ? given : undefined;
}

/** Forms that are being answered. */
const forms = new WeakMap<StaffContext, URLSearchParams>();
/** Of a form that came from our own pages: a page that says that it was not taken shows what was written. */
export function noteForm(c: StaffContext, form: URLSearchParams | undefined): void {
  if (form !== undefined) forms.set(c, form);
}

/**
 * What someone wrote into the form that is answered, to be copied: nothing of it is kept here. Codes and ids of the
 * form itself are no sentences.
 */
function written(c: StaffContext): Part {
  const texts = [...(forms.get(c) ?? [])]
    .filter(([name, value]) => name !== 'csrf' && /\S\s+\S/.test(value))
    .map(([, v]) => v);
  return texts.length === 0
    ? ''
    : html`<h2>What you wrote, to be copied</h2>${texts.map((t) => html`<pre tabindex="0">${t}</pre>`)}`;
}

const plainText = (part: Part): string =>
  html`${part}`.markup
    .replace(/<[^>]*>/g, '')
    .replace(/&(amp|lt|gt|quot|#39);/g, (_, name: string) => PLAIN[name] ?? '');
const PLAIN: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" };

/**
 * A page that says what went wrong, and nothing of the inside. A program that asked for JSON and takes no page gets JSON.
 * @param say what a program receives beside it
 */
export function problem(
  c: StaffContext,
  deps: Pick<Deps, 'config'>,
  status: 400 | 401 | 403 | 404 | 405 | 409 | 413 | 429 | 500 | 503,
  title: string,
  text: Part,
  session?: StaffSession,
  more?: Part,
  say: Readonly<Record<string, unknown>> = {},
): Response {
  if (c.req.query('format') === 'json' && !(c.req.header('accept') ?? '').includes('text/html'))
    return c.json({ error: title, text: plainText(text), ...say }, status);
  const main = html`<p class="problem">${text}</p>${more}${written(c)}<p><a href="/staff">Back to the overview</a></p>`;
  return c.html(pageText(deps, { title, main }, session), status);
}

const file = (name: string, extension: string) => ({
  'content-disposition': `attachment; filename="${name}.${extension}"`,
});

const textTable = (texts: NonNullable<View['texts']>): Table => ({
  name: 'texts',
  caption: 'Texts',
  columns: [
    { key: 'copy', label: 'Copy' },
    { key: 'text', label: 'Text' },
  ],
  rows: texts.map((t) => [{ value: t.name }, { value: t.text }]),
  empty: '',
});

const textsHtml = (texts: NonNullable<View['texts']>): Safe =>
  html`<div class="pair">${texts.map(
    (t) =>
      html`<section class="box"><h2 id="x-${t.name}">${t.caption}</h2><pre tabindex="0" role="region" aria-labelledby="x-${t.name}">${t.text}</pre></section>`,
  )}</div>`;

/** So many tables take more than a few screens. */
const MANY_TABLES = 6;

/** The way to each table of a long page; those without rows are distinguished. */
const contents = (tables: readonly Table[]): Part =>
  tables.length < MANY_TABLES
    ? undefined
    : html`<nav class="contents" aria-labelledby="contents"><h2 id="contents">On this page</h2><ul>${tables.map(
        (t) =>
          html`<li><a href="#t-${t.name}">${t.caption}</a>${t.rows.length === 0 ? html` <span class="none">none</span>` : ''}</li>`,
      )}</ul></nav>`;

/** A file has the list from its first row, whichever of its pages leads to it. */
const FROM_THE_FIRST = { after: '', before: '', from: '' };
const TOO_MANY =
  'A file would hold only a part of these rows. Choose fewer with the filters of the page, or take them as JSON, which says how many there are (ofAll) or has the address of the next ones (next).';

/**
 * A view in the format that was asked for: all three hold the same rows.
 * @param finish what stands above the page, and what becomes of its text
 */
export function show(
  c: StaffContext,
  deps: Pick<Deps, 'config' | 'clock'>,
  session: StaffSession,
  view: View,
  finish: { top: Part; page: (text: string) => string },
): Response {
  const format = formatOf(c);
  if (format === undefined) return problem(c, deps, 400, 'Unknown format', 'Ask for html, csv or json.', session);
  const wanted = c.req.query('table');
  const all = format === 'html' || !view.texts ? view.tables : [...view.tables, textTable(view.texts)];
  const tables = format === 'html' || wanted === undefined ? all : all.filter((t) => t.name === wanted);
  const [first] = tables;
  if (wanted !== undefined && format !== 'html' && first === undefined)
    return problem(c, deps, 404, 'Not found', 'There is no such table on this page.', session);
  const name = new URL(c.req.url).pathname.slice(1).replaceAll(/[^A-Za-z0-9-]+/g, '-');
  // a file is read as the whole of a list
  if (
    format === 'csv' &&
    ((view.next !== undefined && view.filesByPage !== true) || (tables.length === 1 && first && isCut(first)))
  )
    return problem(c, deps, 413, 'Too many rows for one file', TOO_MANY, session);
  if (format === 'csv')
    return c.body(tables.length === 1 && first ? tableCsv(first) : tablesCsv(tables), 200, {
      'content-type': 'text/csv; charset=utf-8; header=present',
      ...file(wanted === undefined ? name : `${name}-${wanted}`, 'csv'),
    });
  if (format === 'json' && wanted === undefined && view.document !== undefined)
    return c.body(view.document, 200, { 'content-type': 'application/json; charset=utf-8', ...file(name, 'json') });
  if (format === 'json') {
    const body = {
      title: view.title,
      generatedAt: deps.clock().toISOString(),
      ...(wanted === undefined ? { summary: view.lead ?? [] } : {}),
      tables: Object.fromEntries(tables.map((t) => [t.name, tableJson(t)])),
      ...cutJson(tables),
      ...(view.next === undefined ? {} : { next: withQuery(new URL(view.next, c.req.url).href, { format: 'json' }) }),
    };
    return c.body(`${JSON.stringify(body, null, 2)}\n`, 200, { 'content-type': 'application/json; charset=utf-8' });
  }
  const fromFirst = view.filesByPage === true ? {} : FROM_THE_FIRST;
  const isLater = Object.keys(FROM_THE_FIRST).some((k) => c.req.query(k) !== undefined);
  const main = [
    finish.top,
    html`<p class="print-only">As it was on ${timeText(deps.clock(), deps.config.timeZone)}, for ${session.name} (${session.roles.join(', ')}).</p>`,
    view.lead && view.lead.length > 0 ? html`<div class="lead">${view.lead.map((s) => html`<p>${s}</p>`)}</div>` : '',
    view.before,
    contents(view.tables),
    view.tables.map((t, i) => [
      tableHtml(daysInWords(t), {
        csv: withQuery(c.req.url, { format: 'csv', table: t.name, ...fromFirst }),
        json: withQuery(c.req.url, { format: 'json', table: t.name, ...fromFirst }),
        isPart: view.filesByPage !== true && (view.next !== undefined || isLater),
      }),
      t.name === view.within?.after ? view.within.part : '',
      i === 0 && view.texts && view.textsLast !== true ? textsHtml(view.texts) : '',
    ]),
    view.next === undefined
      ? ''
      : html`<p class="paging"><a class="button" href="${view.next}" rel="next">Next rows</a></p>`,
    view.after,
    view.texts && view.textsLast === true ? textsHtml(view.texts) : '',
  ];
  return c.html(
    finish.page(pageText(deps, { title: view.title, main, place: view.place, trail: view.trail }, session)),
  );
}
