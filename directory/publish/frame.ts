// The frame of public pages about the directory itself (publications, other directories): the same style as the staff pages.
import { html, type Part } from '../../src/ui/html.ts';
import { ICON_LINK } from '../../src/ui/icon.ts';
import { documentText } from '../../src/ui/page.ts';
import { timeText as instantText } from '../../src/ui/time.ts';

export const PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy':
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'cache-control': 'public, max-age=60',
  vary: 'accept-encoding',
};

export const STYLE_PATH = '/publications/style.css';

const NAV = [
  ['find', '/', 'Find care'],
  ['publications', '/publications', 'Publications'],
  ['peers', '/directory/all/peers', 'All directories'],
  ['developers', '/developers', 'Developers'],
] as const;

/** @param page.place where the page belongs; left out: nowhere of these */
export function publicationPage(
  config: { planName: string; sandbox: boolean },
  page: { title: string; main: Part; trail?: Part; place?: 'publications' | 'peers' },
): string {
  return documentText({
    title: page.title,
    site: config.planName,
    style: html`<link rel="stylesheet" href="${STYLE_PATH}">${ICON_LINK}`,
    banner: config.sandbox ? 'Sandbox: all people, payers and records here are invented.' : undefined,
    header: html`<header class="site"><div class="bar"><a class="brand" href="/">${config.planName}</a><nav aria-label="Directory"><ul>${NAV.map(
      ([name, href, label]) =>
        html`<li><a href="${href}"${name === page.place ? html` aria-current="page"` : ''}>${label}</a></li>`,
    )}</ul></nav></div></header>`,
    ...(page.trail === undefined ? {} : { trail: page.trail }),
    main: page.main,
    footer: 'Times are UTC. Reading this page leaves no trace of who read it.',
  });
}

/** `Mar 1, 2027, 12:00 PM UTC` */
export const timeText = (at: Date) => instantText(at, 'UTC');

const number = new Intl.NumberFormat('en-US');
export const count = (n: number) => number.format(n);

/** `1.4 MB` */
export function size(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}
