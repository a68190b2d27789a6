// The entry of a directory in the registry, as an administrator changes it: terms, pace, hours, addresses.
import { html, type Part } from '../../../src/ui/html.ts';
import { type PeerChange, PUBLISH, TRUSTS } from '../change-peer.ts';
import type { Peer } from '../registry.ts';
import type { StaffData } from '../staff-data.ts';
import { csrf, ROOT } from './frame.ts';
import type { PortVisit, StaffRouter } from './port.ts';

const PUBLISHED = {
  search: 'in searches, with its source',
  republish: 'in searches, and handed on in bulk',
  link: 'nothing: only that it exists',
} as const;

const hours = (p: Peer): string =>
  p.windowFrom === null || p.windowTo === null
    ? ''
    : p.windowFrom === p.windowTo
      ? 'any'
      : `${p.windowFrom.slice(0, 5)}-${p.windowTo.slice(0, 5)}`;

/** What is registered, in sentences. */
export const registered = (p: Peer): string[] => [
  `It is ${p.state}${p.stateReason === '' ? '' : `: ${p.stateReason}`}. Trust: ${p.trust}. Shown: ${PUBLISHED[p.publish]}${p.terms === '' ? '' : ` (terms: ${p.terms})`}.`,
  `Asked ${hours(p) === 'any' ? 'at any hour' : `between ${hours(p) === '' ? '01:00 and 05:00' : hours(p).replace('-', ' and ')}`} of ${p.timeZone}, at most ${p.perSecond} requests a second.${p.contact === '' ? '' : ` Contact: ${p.contact}.`}`,
  `Owners: ${p.owners.map((o) => o.name).join('; ')}.`,
];

export function registryForm(visit: PortVisit, p: Peer): Part {
  const field = (name: string, label: string, value: string, hint = '') =>
    html`<div><label for="${name}">${label}${hint === '' ? '' : html` <span class="hint">${hint}</span>`}</label><input id="${name}" name="${name}" value="${value}" maxlength="300"></div>`;
  const choice = (name: string, label: string, value: string, options: readonly (readonly [string, string])[]) =>
    html`<div><label for="${name}">${label}</label><select id="${name}" name="${name}">${options.map(([v, text]) => html`<option value="${v}"${v === value ? html` selected` : ''}>${text}</option>`)}</select></div>`;
  return html`<details class="box"><summary>Change the entry</summary><form class="filter" method="post" action="${ROOT}/peer/${p.slug}/entry">${csrf(visit)}${[
    choice(
      'publish',
      'What may be shown',
      p.publish,
      PUBLISH.map((v) => [v, PUBLISHED[v]] as const),
    ),
    field('terms', 'Terms of use', p.terms, 'where they stand'),
    choice(
      'trust',
      'Trust',
      p.trust,
      TRUSTS.map((v) => [v, v] as const),
    ),
    field('rate', 'Requests a second', String(p.perSecond)),
    field('window', 'Hours', hours(p), '01:00-05:00, or any'),
    field('timeZone', 'Time zone', p.timeZone),
    field('contact', 'Contact', p.contact),
    choice('unmarkedNpi', 'NPIs without a marker', p.unmarkedNpi ? 'on' : 'off', [
      ['off', 'do not count'],
      ['on', 'count when CMS assigned them'],
    ]),
    field('addUrl', 'Further address', '', 'a host it may link to'),
    field('moveTo', 'It is now at', '', 'only when it has moved'),
  ]}<button>Change</button></form></details>`;
}

const FIELDS = [
  'publish',
  'terms',
  'trust',
  'rate',
  'window',
  'timeZone',
  'contact',
  'unmarkedNpi',
  'addUrl',
  'moveTo',
] as const satisfies readonly (keyof PeerChange)[];

export function registryPages<V extends PortVisit>(router: StaffRouter<V>, data: StaffData): void {
  router.form(`${ROOT}/peer/:slug/entry`, 'peers', async (visit, form) => {
    const slug = visit.c.req.param('slug') ?? '';
    const change: PeerChange = {};
    for (const name of FIELDS) {
      const value = form.get(name);
      // an address is only meant when one is written
      if (value !== null && !(value.trim() === '' && (name === 'addUrl' || name === 'moveTo'))) change[name] = value;
    }
    const done = await data.changePeer(slug, change, visit.session.subject);
    return done.ok ? visit.c.redirect(`${ROOT}/peer/${slug}`, 303) : router.notFound(visit, done.fault);
  });
}
