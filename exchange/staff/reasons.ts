// POST /staff/reason: what somebody needs identifiers of members for; they come back to where they were.
import { safeReturn } from '../../src/auth/staff-session.ts';
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

export function reasons(desk: Desk): void {
  const { deps } = desk;
  const looker = (visit: Visit) => ({
    session: visit.session,
    cookie: desk.cookieOf(visit.c) ?? '',
    requestId: visit.requestId,
  });
  desk.form(PATH, 'rows', async (visit, form) => {
    const back = safeReturn(form.get('back') ?? undefined);
    const said = { about: form.getAll('about'), purpose: form.get('purpose') ?? '', words: form.get('words') ?? '' };
    const fault = await giveReason(deps, looker(visit), said);
    if (fault === undefined) return visit.c.redirect(back, 303);
    const text = html`${FAULTS[fault]} <a href="${back}">Back to the page</a>`;
    return problem(visit.c, deps, 400, 'Not shown', text, visit.session);
  });
  desk.form(`${PATH}/end`, 'rows', async (visit, form) => {
    await endReason(deps, looker(visit), form.getAll('about').slice(0, 2));
    return visit.c.redirect(safeReturn(form.get('back') ?? undefined), 303);
  });
}
