// The sign of the node in a window's bar. A browser asks for it once; without it, for /favicon.ico, which there is none of.
import { html } from './html.ts';

export const ICON_PATH = '/icon.svg';

/** For the head of a page that is served; not of one that is kept as a file. */
export const ICON_LINK = html`<link rel="icon" href="${ICON_PATH}" type="image/svg+xml">`;

const ICON =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="#0b5a8a"/><path d="M16 8v16M8 16h16" stroke="#fff" stroke-width="5" stroke-linecap="round"/></svg>';

/** The sign itself, to keep for a day. */
export const iconAnswer = (): Response =>
  new Response(ICON, {
    headers: {
      'content-type': 'image/svg+xml',
      'cache-control': 'public, max-age=86400',
      'content-security-policy': "default-src 'none'",
      'x-content-type-options': 'nosniff',
    },
  });
