// The stylesheet and the headers of the pages for integrators: no script, nothing from elsewhere.
import { html } from '../../src/ui/html.ts';
import { ICON_LINK } from '../../src/ui/icon.ts';

export const STYLE_PATH = '/exchange/docs.css';
export const STYLESHEET = html`<link rel="stylesheet" href="/exchange/docs.css">${ICON_LINK}`;
export const pageHeaders = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
} as const;
