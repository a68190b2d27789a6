// POST /staff/reason: what somebody needs identifiers of members for; they come back to where they were.
import { html } from '../../src/ui/html.ts';
import { endReason, giveReason, MOST_WORDS, type ReasonFault } from '../report/look-reason.ts';
import type { Desk, Visit } from './desk.ts';
import { problem } from './frame.ts';

const PATH = '/staff/reason';
const FAULTS: Readonly<Record<ReasonFault, string>> = {
  purpose: 'Choose what you need them for.',
  words: `Say which incident or legal matter it is, in 2 to ${MOST_WORDS} characters: the number of its case or file.`,
  about: 'There is no such member or page.',
};

/** A page of ours that a form names; the overview when it is none. */
function backOf(base: string, form: URLSearchParams): string {
  const given = form.get('back') ?? '';
  if (!URL.canParse(given, base)) return '/staff';
  const url = new URL(given, base);
  const isOurs = url.origin === new URL(base).origin && /^\/staff(\/|$)/.test(url.pathname);
  return isOurs ? `${url.pathname}${url.search}` : '/staff';
}

export function reasons(desk: Desk): void {
  const { deps } = desk;
  const looker = (visit: Visit) => ({
    session: visit.session,
    cookie: desk.cookieOf(visit.c) ?? '',
    requestId: visit.requestId,
  });
  desk.form(PATH, 'rows', async (visit, form) => {
    const back = backOf(deps.config.baseUrl, form);
    const said = { about: form.getAll('about'), purpose: form.get('purpose') ?? '', words: form.get('words') ?? '' };
    const fault = await giveReason(deps, looker(visit), said);
    if (fault === undefined) return visit.c.redirect(back, 303);
    const text = html`${FAULTS[fault]} <a href="${back}">Back to the page</a>`;
    return problem(visit.c, deps, 400, 'Not shown', text, visit.session);
  });
  desk.form(`${PATH}/end`, 'rows', async (visit, form) => {
    await endReason(deps, looker(visit), form.getAll('about').slice(0, 2));
    return visit.c.redirect(backOf(deps.config.baseUrl, form), 303);
  });
}
