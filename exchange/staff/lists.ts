// /staff/peers and /staff/clocks.
import { html } from '../../src/ui/html.ts';
import type { Cell } from '../../src/ui/table.ts';
import { clockCalendar, dueDays } from '../members/deadlines/calendar.ts';
import { unexplained } from '../members/deadlines/deadline-history.ts';
import { CLOCK_RULES, LATE_REASONS, type LateReason, LINES_OF_BUSINESS } from '../members/deadlines/rules.ts';
import { memberKeys } from '../members/member-key.ts';
import { meaning } from '../reconcile/reasons.ts';
import { pageClocks, peerLines } from './data/lists.ts';
import { recordExport } from './data/sessions.ts';
import { CLOCK_KINDS, clockCell, memberCell, numberCell, timeCell } from './data/texts.ts';
import { CLOCK_FILTERS, CLOCK_STATE_WORDS, readClockList } from './deadline-list.ts';
import { allForm } from './deadline-reasons.ts';
import { address, withQuery } from './frame.ts';
import { afterText, cut, filterForm, readAfter, rowsOf } from './paging.ts';
import { may } from './roles.ts';
import type { StaffRouter } from './router.ts';

export const PEER_STATES: Readonly<Record<string, Cell>> = {
  active: { value: 'active', tone: 'good' },
  pending: { value: 'pending', text: 'waits for approval', tone: 'look' },
  suspended: { value: 'suspended', tone: 'act' },
  closed: { value: 'closed' },
};

/** The payer that a duty is about. What is owed to the member alone is about none; another plan may not be registered. */
const payerCell = (k: { kind: string; peerId: string | null; peerName: string | null }): Cell =>
  k.kind.startsWith('C1') ? { value: null } : { value: k.peerId, text: k.peerName ?? 'not a registered payer' };

/** Why it was late or ended: as people said, or by what stopped it. */
function reasonCell(k: { state: string; dueAt: Date; closedAt: Date | null; reason: string | null }, now: Date): Cell {
  if (k.reason !== null)
    return { value: k.reason, text: LATE_REASONS[k.reason as LateReason] ?? meaning('clock', k.reason).text };
  const isLate = k.state === 'met-late' || (['open', 'attempted', 'blocked'].includes(k.state) && k.dueAt < now);
  return isLate ? { value: null, text: 'no reason given yet', tone: 'act' } : { value: null };
}

export function lists(router: StaffRouter): void {
  const { deps } = router;
  const { sql } = deps.database;
  const { timeZone } = deps.config;

  router.page('/staff/peers', 'counts', async (visit) => {
    const peers = await peerLines(sql);
    return router.show(visit, {
      title: 'Other payers',
      place: 'peers',
      lead: ['Payers we exchange members’ history with. An administrator registers them; another one approves.'],
      before: may(visit.session, 'peers')
        ? html`<p><a class="button" href="/staff/peers/new">Register a payer</a></p>`
        : '',
      tables: [
        {
          name: 'peers',
          caption: 'Payers',
          columns: [
            { key: 'payer', label: 'Payer', kind: 'head' },
            { key: 'id', label: 'Id' },
            { key: 'state', label: 'State' },
            { key: 'npi', label: 'NPI' },
            { key: 'fhirBase', label: 'FHIR address', kind: 'hash' },
            { key: 'approvedBy', label: 'Approved by' },
            { key: 'checked', label: 'Last check' },
            { key: 'check', label: 'Result' },
            { key: 'pulls', label: 'Pulls', kind: 'number' },
            { key: 'lastPull', label: 'Last pull' },
          ],
          rows: peers.map((p) => [
            { value: p.name, href: `/staff/peers/${p.id}` },
            { value: p.id, code: true },
            PEER_STATES[p.state] ?? { value: p.state },
            { value: p.npi },
            { value: p.fhirBase, code: true },
            { value: p.approvedBy },
            timeCell(p.checkedAt, timeZone),
            p.checkedOk === null
              ? { value: null, text: 'not checked yet' }
              : {
                  value: p.checkedOk,
                  text: p.checkedOk ? 'in order' : 'faults found',
                  tone: p.checkedOk ? 'good' : 'act',
                },
            numberCell(p.pulls, address('/staff/pulls', { peer: p.id })),
            timeCell(p.lastPullAt, timeZone),
          ]),
          empty: 'No payer is registered yet.',
        },
      ],
    });
  });

  // before the page of one clock, whose id it would be taken for
  router.page('/staff/clocks/due.ics', 'counts', async ({ c, session, requestId }) => {
    const days = await dueDays(sql, timeZone);
    await recordExport(deps, session, '/staff/clocks/due.ics', 'ics', days.length, requestId);
    return c.body(clockCalendar(days, deps.config.planName, deps.config.baseUrl, deps.clock()), 200, {
      'content-type': 'text/calendar; charset=utf-8',
      'content-disposition': 'attachment; filename="clocks.ics"',
    });
  });

  router.page('/staff/clocks', 'counts', async (visit) => {
    const { c } = visit;
    const now = deps.clock();
    const peers = await peerLines(sql);
    const list = readClockList(c, deps, peers);
    const { filter, usual, scope, days, during, given, due, began } = list;
    const { duty, state, peerId, lob } = scope;
    const { rows, last } = cut(await pageClocks(sql, filter, now, rowsOf(c) + 1, readAfter(c), scope), rowsOf(c));
    const which = [
      duty && `duty: ${CLOCK_RULES[duty].name}`,
      began && `begun in ${began.name}`,
      during && `that ran in ${during.name}`,
      due && `due in ${due.name}`,
      state && CLOCK_STATE_WORDS[state],
      peerId && (peers.find((p) => p.id === peerId)?.name ?? peerId),
      lob && LINES_OF_BUSINESS[lob].name,
    ].filter(Boolean);
    const keyOf = await memberKeys(deps);
    const left = duty !== undefined && may(visit.session, 'decide') ? await unexplained(deps, filter, scope) : 0;
    await router.viewed(visit, 'clocks', 'clocks', [], rows.length);
    return router.show(visit, {
      title: 'Clocks',
      place: 'clocks',
      lead: [
        'Every duty with a due time has a clock, which starts by itself and stops only with the event that fulfils the duty. Earliest due first.',
        ...(days !== '' && !during ? [`“${days}” names no days, and nothing was left out for it.`] : []),
        ...(given !== '' && !due ? [`“${given}” names no days, and nothing was left out for it.`] : []),
      ],
      after: html`<p><a href="/staff/clocks/concurrent">Members covered elsewhere too, last asked for more than three months ago</a></p><p><a href="/staff/clocks/due.ics">Open due dates as a calendar file</a> (iCalendar, without members)</p>`,
      before: html`${filterForm(
        '/staff/clocks',
        [
          {
            name: 'show',
            label: 'Clocks',
            all: CLOCK_FILTERS[usual],
            chosen: filter === usual ? undefined : filter,
            options: Object.entries(CLOCK_FILTERS).filter(([k]) => k !== usual),
          },
          {
            name: 'duty',
            label: 'Duty',
            all: 'all',
            chosen: duty,
            options: Object.entries(CLOCK_KINDS),
          },
          {
            name: 'state',
            label: 'State',
            all: 'any',
            chosen: state,
            options: Object.entries(CLOCK_STATE_WORDS),
          },
          {
            name: 'peer',
            label: 'Other payer',
            all: 'all',
            chosen: peerId,
            options: peers.map((p) => [p.id, p.name] as const),
          },
          {
            name: 'lob',
            label: 'Line of business',
            all: 'all',
            chosen: lob,
            options: Object.entries(LINES_OF_BUSINESS).map(([code, l]) => [code, l.name] as const),
          },
          {
            name: 'began',
            label: 'Begun in',
            all: 'any month',
            chosen: began?.name,
            options: [...new Set([...list.months, ...(began ? [began.name] : [])])].map((m) => [m, m] as const),
          },
        ],
        {},
        [
          { name: 'due', label: 'Due in', hint: 'such as 2027-Q1', value: given },
          {
            name: 'during',
            label: 'Running on',
            hint: 'such as 2027-03-31, 2027-03-01/2027-03-31 or 2027-03',
            value: days,
          },
        ],
      )}${duty !== undefined && left > 1 ? allForm(visit, duty, left) : ''}`,
      tables: [
        {
          name: 'clocks',
          caption: [filter === 'all' ? 'All clocks' : `Clocks that are ${CLOCK_FILTERS[filter]}`, ...which].join('; '),
          columns: [
            { key: 'kind', label: 'Duty', kind: 'head' },
            { key: 'payer', label: 'Other payer' },
            { key: 'member', label: 'Member' },
            { key: 'started', label: 'Started' },
            { key: 'due', label: 'Due' },
            { key: 'stands', label: 'Stands at' },
            { key: 'closed', label: 'Ended' },
            { key: 'reason', label: 'Reason' },
            { key: 'action', label: 'Corrective action' },
          ],
          rows: rows.map((k) => [
            { value: k.kind, text: CLOCK_KINDS[k.kind] ?? k.kind, href: `/staff/clocks/${k.id}` },
            payerCell(k),
            memberCell(k.memberId && keyOf(k.memberId), k.memberId, may(visit.session, 'rows')),
            timeCell(k.startsAt, timeZone),
            timeCell(k.dueAt, timeZone),
            clockCell(k, now),
            timeCell(k.closedAt, timeZone),
            reasonCell(k, now),
            { value: k.action },
          ]),
          empty:
            filter === 'all' && which.length === 0
              ? 'No clock has begun yet.'
              : `None: no clock ${which.length > 0 ? 'of these ' : ''}${filter === 'all' ? 'has begun' : `is ${CLOCK_FILTERS[filter]}`}.`,
        },
      ],
      next: last && withQuery(c.req.url, { after: afterText(last.dueAt, last.id) }),
    });
  });
}
