// The stylesheet and the headers of the pages for integrators: no script, nothing from elsewhere.
import { html, type Part } from '../../src/ui/html.ts';
import { ICON_LINK } from '../../src/ui/icon.ts';

export const STYLE_PATH = '/exchange/docs.css';
export const STYLESHEET = html`<link rel="stylesheet" href="/exchange/docs.css">${ICON_LINK}`;

const NAV = [
  ['/exchange/docs', 'Documentation'],
  ['/exchange/fhir/metadata', 'CapabilityStatement'],
  ['/exchange/openapi.json', 'OpenAPI'],
] as const;

/** Whose exchange it is, and the way to its documents. */
export const siteHeader = (plan: string, here?: string): Part =>
  html`<header class="site"><div class="bar"><a class="brand" href="/exchange/docs">${plan}</a><nav aria-label="Exchange"><ul>${NAV.map(
    ([href, label]) => html`<li><a href="${href}"${href === here ? html` aria-current="page"` : ''}>${label}</a></li>`,
  )}</ul></nav></div></header>`;

export const pageHeaders = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
} as const;
