// POST /staff/reason: what someone needs identifiers of members for; they come back to where they were.
// /staff/reasons: what everybody said, by person and purpose, for those who review it.
import { safeReturn } from '../../src/auth/staff-session.ts';
import { html } from '../../src/ui/html.ts';
import type { Table } from '../../src/ui/table.ts';
import {
  countReasons,
  endReason,
  giveReason,
  MOST_WORDS,
  memberOf,
  type ReasonFault,
  reasonsSaid,
} from '../compliance/access-log/view-reason.ts';
import { purposeWords } from '../compliance/audit/audit-actions.ts';
import { instantsOf, type Period, periodBefore, quarterOf, readPeriod } from '../compliance/report/period.ts';
import { localDay } from '../members/deadlines/business-day.ts';
import { memberKeys } from '../members/member-key.ts';
import { memberCell, numberCell, timeCell } from './data/texts.ts';
import { problem, withQuery } from './frame.ts';
import { FILE_ROWS, PAGE } from './paging.ts';
import { may } from './roles.ts';
import type { StaffRouter, Visit } from './router.ts';

const PATH = '/staff/reason';
const FAULTS: Readonly<Record<ReasonFault, string>> = {
  purpose: 'Choose what you need them for.',
  words: `Say which incident or legal matter it is, in 2 to ${MOST_WORDS} characters: the number of its case or file.`,
  about: 'There is no such member or page.',
};

const purposeCell = (code: string) => ({ value: code, text: purposeWords(code) ?? code });

export function reasons(router: StaffRouter): void {
  const { deps } = router;
  const { timeZone } = deps.config;
  const { sql } = deps.database;

  router.page(`${PATH}s`, 'sign', async (visit) => {
    const { c, session } = visit;
    const given = c.req.query('period')?.trim() || quarterOf(localDay(deps.clock(), timeZone));
    const period: Period | undefined = readPeriod(given);
    if (period === undefined) return router.notFound(visit, `“${given}” names no days.`);
    const { from, to } = instantsOf(period, timeZone);
    const [counts, said, keyOf] = await Promise.all([
      countReasons(sql, from, to),
      reasonsSaid(sql, from, to, FILE_ROWS),
      memberKeys(deps),
    ]);
    const mayOpen = may(session, 'rows');
    const before = periodBefore(period).name;
    const byPerson: Table = {
      name: 'people',
      caption: `By person and purpose, ${period.name}`,
      columns: [
        { key: 'person', label: 'Who', kind: 'head' },
        { key: 'purpose', label: 'What for' },
        { key: 'seen', label: 'Members shown or in files', kind: 'number' },
        { key: 'times', label: 'Reasons', kind: 'number' },
        { key: 'byNumber', label: 'By a card’s number', kind: 'number' },
        { key: 'members', label: 'About members', kind: 'number' },
        { key: 'pages', label: 'About pulls, payers or items', kind: 'number' },
        { key: 'last', label: 'Last' },
      ],
      rows: counts.map((r) => [
        { value: r.subject },
        purposeCell(r.purpose),
        numberCell(r.seen),
        numberCell(r.times),
        numberCell(r.byNumber),
        numberCell(r.members),
        numberCell(r.pages),
        timeCell(r.lastAt, timeZone),
      ]),
      empty: 'No one had numbers or birth dates shown.',
    };
    const each: Table = {
      name: 'reasons',
      caption: 'Each of them, the newest first',
      most: PAGE,
      ofAll: said[0]?.ofAll ?? 0,
      columns: [
        { key: 'when', label: 'When', kind: 'head' },
        { key: 'person', label: 'Who' },
        { key: 'member', label: 'Member' },
        { key: 'page', label: 'Or everybody of' },
        { key: 'purpose', label: 'What for' },
        { key: 'how', label: 'How' },
        { key: 'words', label: 'Which' },
        { key: 'ended', label: 'Hidden again' },
      ],
      rows: said.map((r) => {
        const memberId = memberOf(r.about);
        return [
          timeCell(r.at, timeZone),
          { value: r.subject },
          memberId === undefined ? { value: null } : memberCell(keyOf(memberId), memberId, mayOpen),
          { value: memberId === undefined ? r.about : null },
          purposeCell(r.purpose),
          r.byNumber ? { value: 'number', text: 'the card’s number was typed' } : { value: 'form', text: 'said so' },
          { value: r.words === '' ? null : r.words },
          r.endedAt === null ? { value: null, text: 'at the end of the session' } : timeCell(r.endedAt, timeZone),
        ];
      }),
      empty: 'There are none.',
    };
    return router.show(visit, {
      title: 'What numbers and birth dates were shown for',
      place: 'events',
      trail: [['/staff/events', 'Security']],
      lead: [
        'Numbers, birth dates and addresses of members are hidden until someone says what they need them for. Who has them shown of many, or for what is not their work, is to be asked. A reason about a pull, payer or item shows everybody on its pages; who types the number of a card under Members has said nothing: that the member stated it is the reason.',
      ],
      before: html`<form class="filter" method="get"><label>Period <span class="hint">such as 2027, 2027-Q1, 2027-03 or 2027-03-31</span> <input name="period" value="${period.name}" size="24" required></label><button>Show</button></form><p class="controls"><a href="${withQuery(c.req.url, { period: before })}">The period before: ${before}</a></p>`,
      tables: [byPerson, each],
    });
  });

  const looker = (visit: Visit) => ({
    session: visit.session,
    cookie: router.cookieOf(visit.c) ?? '',
    requestId: visit.requestId,
  });
  router.form(PATH, 'rows', async (visit, form) => {
    const back = safeReturn(form.get('back') ?? undefined);
    const said = { about: form.getAll('about'), purpose: form.get('purpose') ?? '', words: form.get('words') ?? '' };
    const fault = await giveReason(deps, looker(visit), said);
    if (fault === undefined) return visit.c.redirect(back, 303);
    const text = html`${FAULTS[fault]} <a href="${back}">Back to the page</a>`;
    return problem(visit.c, deps, 400, 'Not shown', text, visit.session);
  });
  router.form(`${PATH}/end`, 'rows', async (visit, form) => {
    await endReason(deps, looker(visit), form.getAll('about').slice(0, 2));
    return visit.c.redirect(safeReturn(form.get('back') ?? undefined), 303);
  });
}
