// What all public pages share: headers, the frame around them, links, and small pieces.
import type { Context } from 'hono';
import type { FhirEnv } from '../../src/http/fhir-app.ts';
import { html, type Part, type Safe } from '../../src/ui/html.ts';
import { ICON_LINK } from '../../src/ui/icon.ts';
import { documentText } from '../../src/ui/page.ts';
import type { PageData } from './data.ts';
import { LANGUAGES, type Language, type LanguageCode } from './language.ts';

export type PageContext = Context<FhirEnv>;

export const STYLE_PATH = '/directory.css';

/** Headers of every page: nothing from elsewhere, no script, no frame, no referrer. */
export function pageHeaders(baseUrl: string): Record<string, string> {
  return {
    'content-security-policy':
      "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'permissions-policy': '',
    ...(baseUrl.startsWith('https:') ? { 'strict-transport-security': 'max-age=31536000; includeSubDomains' } : {}),
  };
}

type PageName = 'home' | 'find' | 'provider' | 'answer' | 'check' | 'developers';

/** A place among the pages, in the language of the reader. */
export function link(l: Language, path: string, query: readonly (readonly [string, string])[] = []): string {
  const text = new URLSearchParams(
    query.filter(([, v]) => v !== '').map(([n, v]): [string, string] => [n, v]),
  ).toString();
  const at = `${l.prefix}${path === '/' && l.prefix !== '' ? '' : path}`;
  return text === '' ? at : `${at}?${text}`;
}

export type Page = {
  title: string;
  /** what the window's bar says instead of the title */
  tab?: string;
  name: PageName;
  /** path without language, and query of this page: for the language links */
  path: string;
  query?: readonly (readonly [string, string])[];
  /** markup above the title */
  trail?: Part;
  main: Part;
  /** the whole main part with its own h1 */
  whole?: Safe;
};

const NAV: readonly [PageName, string, 'find' | 'check' | 'developers'][] = [
  ['home', '/', 'find'],
  ['check', '/check', 'check'],
  ['developers', '/developers', 'developers'],
];

const MARK = html`<svg width="28" height="28" viewBox="0 0 28 28" aria-hidden="true"><circle cx="14" cy="14" r="14" fill="currentColor" opacity=".13"/><path d="M14 6.5v15M6.5 14h15" stroke="currentColor" stroke-width="4" stroke-linecap="round"/></svg>`;

/** Whose pages these are. */
export const siteName = (data: PageData, l: Language): string =>
  l.root === '' ? data.config.planName : l.texts.overAll(data.config.planName);

async function pageText(data: PageData, l: Language, page: Page): Promise<string> {
  const t = l.texts;
  const { changedAt } = await data.state();
  const place = page.name === 'check' || page.name === 'developers' ? page.name : 'home';
  const other = (code: LanguageCode) => link({ ...l, prefix: `${l.root}/${code}` }, page.path, page.query);
  return documentText({
    title: page.title,
    tab: page.tab,
    site: siteName(data, l),
    language: l.code,
    skip: t.skip,
    notice: t.notice,
    style: html`<link rel="stylesheet" href="${STYLE_PATH}"><meta name="color-scheme" content="light dark">${ICON_LINK}`,
    banner: data.config.sandbox ? t.sandbox : undefined,
    header: html`<header class="site"><div class="bar"><a class="brand" href="${link(l, '/')}">${MARK}${siteName(data, l)}</a>
<nav aria-label="${t.nav.label}"><ul>${NAV.map(
      ([name, path, label]) =>
        html`<li><a href="${link(l, path)}"${name === place ? html` aria-current="page"` : ''}>${t.nav[label]}</a></li>`,
    )}</ul></nav>
<nav class="tongue" aria-label="${t.nav.languages}"><ul>${(Object.keys(LANGUAGES) as LanguageCode[]).map(
      (code) =>
        html`<li><a href="${other(code)}" lang="${code}" hreflang="${code}"${code === l.code ? html` aria-current="true"` : ''}>${LANGUAGES[code].language}</a></li>`,
    )}</ul></nav></div></header>`,
    trail: page.trail,
    main: page.main,
    whole: page.whole,
    footer: html`<div class="foot"><p>${changedAt === undefined ? t.footer.empty : t.footer.asOf(l.moment(changedAt)).replace('..', '.')} ${t.footer.call}</p>
<p>${t.footer.privacy}</p></div>`,
  });
}

/** @param cache pages that answer a question are kept by no one */
export async function show(
  c: PageContext,
  data: PageData,
  l: Language,
  page: Page,
  options: {
    status?: 200 | 400 | 404 | 405 | 410 | 413 | 429 | 500 | 503;
    keep?: boolean;
    headers?: Record<string, string>;
  } = {},
): Promise<Response> {
  const body = await pageText(data, l, page);
  return c.body(body, options.status ?? 200, {
    'content-type': 'text/html; charset=utf-8',
    'content-language': l.code,
    'cache-control': options.keep === true ? 'public, max-age=60' : 'no-store',
    vary: l.prefix === '' ? 'accept-language, accept-encoding' : 'accept-encoding',
    ...options.headers,
  });
}

/** Rows of names and values; empty ones are left out. */
export function facts(rows: readonly (readonly [string, Part])[]): Safe | '' {
  const shown = rows.filter(([, v]) => v !== '' && v !== undefined && !(Array.isArray(v) && v.length === 0));
  return shown.length === 0
    ? ''
    : html`<dl>${shown.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`;
}

export const lines = (list: readonly Part[]): Part =>
  list.length === 0 ? '' : html`<ul class="plain">${list.map((one) => html`<li>${one}</li>`)}</ul>`;

export type Badge = { text: string; tone?: 'good' | 'look' };

export const badgeTexts = (list: readonly Badge[]): Part =>
  list.map(
    (b) => html`<span class="badge${b.tone ? ` ${b.tone}` : ''}">${b.tone === 'good' ? '✓ ' : ''}${b.text}</span>`,
  );

/** The address of a record's page. */
export function recordLink(l: Language, key: string, name: string): Safe {
  return html`<a href="${link(l, `/provider/${key}`)}">${name === '' ? l.texts.provider.unnamed : name}</a>`;
}
