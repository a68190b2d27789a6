// /staff/disclosures: what was disclosed of a member, to whom and when; as page, CSV, JSON, FHIR Bundle and letter.
import { html } from '../../src/ui/html.ts';
import type { Cell } from '../../src/ui/table.ts';
import { letterOf } from '../compliance/disclosures/account-letter.ts';
import { disclosureBundle } from '../compliance/disclosures/disclosure-bundle.ts';
import {
  ACCOUNT_YEARS,
  type Disclosure,
  disclosuresOf,
  HOW,
  isCardNumber,
  leftOf,
  memberBehind,
  serviceDays,
  WHY,
} from '../compliance/disclosures/disclosures.ts';
import { consentCell, eventCell } from '../members/deadlines/event-texts.ts';
import { memberKeys } from '../members/member-key.ts';
import { recordExport } from './data/sessions.ts';
import { count, grouped, timeCell } from './data/texts.ts';
import { csrfField, problem } from './frame.ts';
import { purposeOf } from './purpose.ts';
import type { StaffRouter, Visit } from './router.ts';

const PATH = '/staff/disclosures';

/** By what the consent allowed. Those under 42 CFR Part 2 never leave. */
const SENSITIVE: Readonly<Record<string, Cell>> = {
  regular: { value: 'left out' },
  sensitive: { value: 'may be among them', text: 'may be among them, but for those of 42 CFR Part 2' },
};

/** First and last day of service of what left. */
function dayCells(d: Disclosure): [Cell, Cell] {
  const range = serviceDays(d);
  return typeof range === 'string'
    ? [
        { value: null, text: range },
        { value: null, text: range },
      ]
    : [{ value: range.first }, { value: range.last }];
}

const finder = (visit: Visit, said?: string) => html`${said === undefined ? '' : html`<p class="problem">${said}</p>`}
<form method="post" action="${PATH}" class="filter">${csrfField(visit.session)}
<label>Member number, Patient id or key (M-…) <input name="member" required maxlength="64" autocomplete="off"></label>
<button>Show</button></form>`;

export function disclosures(router: StaffRouter): void {
  const { deps } = router;
  const page = (visit: Visit, said?: string) =>
    router.show(visit, {
      title: 'Disclosures',
      place: 'requests',
      trail: [['/staff/requests', 'Requests to us']],
      lead: [
        `What left this node of one member's records in the last ${ACCOUNT_YEARS} years: to whom, when, what and why. That you look is recorded for the member.`,
      ],
      before: finder(visit, said),
      tables: [],
    });
  router.page(PATH, 'rows', (visit) => page(visit));

  // the number of a member belongs in no address
  router.form(PATH, 'rows', async (visit, form) => {
    const typed = (form.get('member') ?? '').trim();
    const member = await memberBehind(deps, typed);
    if (member === undefined) return page(visit, 'No single member has this number, id or key.');
    if (isCardNumber(typed, member)) await router.foundByNumber(visit, member);
    return visit.c.redirect(`${PATH}/${member}`, 303);
  });

  const look = async (visit: Visit) => {
    const member = visit.c.req.param('member') ?? '';
    const found = await disclosuresOf(deps, member);
    if (found) await router.viewed(visit, 'disclosures', `Patient/${member}`, [member], found.length);
    return found && { member, found };
  };

  router.page(`${PATH}/:member`, 'rows', async (visit) => {
    const seen = await look(visit);
    if (!seen) return router.notFound(visit, 'There is no such member.');
    const { timeZone } = deps.config;
    const keyOf = await memberKeys(deps);
    const key = keyOf(seen.member);
    const left = seen.found.filter((d) => d.at !== null).length;
    const all = seen.found[0]?.ofAll ?? 0;
    return router.show(visit, {
      // an account that is printed says whose it is
      title: `Disclosures of ${key}`,
      place: 'requests',
      trail: [
        ['/staff/requests', 'Requests to us'],
        [PATH, 'Disclosures'],
      ],
      lead: [
        `${all > seen.found.length ? `Of the newest ${grouped(seen.found.length)} of ${grouped(all)} rows, ` : ''}${count(left, 'time', 'times')} something left in the last ${ACCOUNT_YEARS} years. What was made ready and never fetched did not leave. Purpose of all: ${WHY}.`,
        ...(seen.found.some((d) => d.asMember !== null)
          ? [
              'For a time this member was taken for another one, and what left then left as that one’s: the numbers of these rows count the records of both.',
            ]
          : []),
      ],
      before: html`<p><a href="/staff/members/${seen.member}">The member</a> · <a href="${PATH}/${seen.member}/audit-events">As a FHIR Bundle</a> · <a href="${PATH}/${seen.member}/letter">As a letter</a></p>`,
      tables: [
        {
          name: 'disclosures',
          caption: 'Disclosures',
          ofAll: all,
          columns: [
            { key: 'when', label: 'First fetched', kind: 'head' },
            { key: 'last', label: 'Last fetched' },
            { key: 'recipient', label: 'To' },
            { key: 'npi', label: 'NPI' },
            { key: 'address', label: 'Address' },
            { key: 'how', label: 'How' },
            { key: 'what', label: 'What' },
            { key: 'servicesFrom', label: 'Services from' },
            { key: 'servicesTo', label: 'Services to' },
            { key: 'as', label: 'Left as' },
            { key: 'why', label: 'Why' },
            { key: 'sensitive', label: 'Sensitive records' },
            { key: 'consent', label: 'Under consent' },
            { key: 'request', label: 'Request' },
          ],
          rows: seen.found.map((d) => [
            d.at === null ? { value: null, text: 'never fetched' } : timeCell(d.at, timeZone),
            timeCell(d.lastAt, timeZone),
            { value: d.peerName },
            { value: d.peerNpi },
            { value: d.peerAddress },
            { value: HOW[d.action] },
            {
              value: leftOf(d)
                .map(({ what, n, isNumber }) => (isNumber ? `${what}: ${n}` : `${n} ${what}`))
                .join(', '),
            },
            ...dayCells(d),
            d.asMember === null
              ? { value: null, text: 'this member' }
              : { value: keyOf(d.asMember), href: `${PATH}/${d.asMember}` },
            { value: WHY },
            SENSITIVE[d.policy ?? ''] ?? { value: null, text: 'not noted' },
            consentCell(d.consentId),
            eventCell(d.object),
          ]),
          empty: 'Nothing of this member has left.',
        },
      ],
    });
  });

  /** All that left of a member, as a file that is recorded; a file never holds a part. */
  const leave = (
    what: string,
    format: string,
    name: string,
    type: string,
    textOf: (member: string, found: readonly Disclosure[]) => Promise<string>,
  ): void =>
    router.page(
      `${PATH}/:member/${what}`,
      'rows',
      async (visit) => {
        const seen = await look(visit);
        if (!seen) return problem(visit.c, deps, 404, 'Not found', 'There is no such member.', visit.session);
        if ((seen.found[0]?.ofAll ?? 0) > seen.found.length)
          return problem(
            visit.c,
            deps,
            413,
            'Too many for one file',
            'A file would hold only a part of what left of this member. The page and its JSON have the newest of it.',
            visit.session,
          );
        const text = await textOf(seen.member, seen.found);
        const purpose = purposeOf(visit.c);
        const page = `${PATH}/:member`;
        await recordExport(deps, visit.session, page, format, seen.found.length, visit.requestId, purpose);
        return visit.c.body(text, 200, {
          'content-type': `${type}; charset=utf-8`,
          'content-disposition': `attachment; filename="${name}"`,
        });
      },
      { isFile: true },
    );
  leave('audit-events', 'fhir', 'disclosures.json', 'application/fhir+json', async (member, found) =>
    JSON.stringify(await disclosureBundle(deps, member, found)),
  );
  leave('letter', 'text', 'disclosures.txt', 'text/plain', (member, found) => letterOf(deps, member, found));
}
