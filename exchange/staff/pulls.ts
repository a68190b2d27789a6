// /staff and /staff/pulls: how things stand, and what we asked of other payers.
import { html, type Safe } from '../../src/ui/html.ts';
import type { Table } from '../../src/ui/table.ts';
import { instantsOf, readPeriod } from '../compliance/report/period.ts';
import { meaning, PULL_STATES } from '../reconcile/reasons.ts';
import type { QueueName } from '../review/queues.ts';
import { alertTable, MOST_ALERTS } from './alerts.ts';
import { numbers, type PULL_SHOWS, type PullLine, pagePulls, peerLines, recentAlerts } from './data/lists.ts';
import { queueLines, queueTable } from './data/queues.ts';
import { CAUSES, clockCell, count, grouped, numberCell, pullStateCell, timeCell } from './data/texts.ts';
import { address, withQuery } from './frame.ts';
import { afterText, choice, cut, filterForm, readAfter, rowsOf } from './paging.ts';
import { may } from './roles.ts';
import type { StaffRouter } from './router.ts';

/** The clock of a pull: that of its members' requests. */
function pullClock(p: PullLine, now: Date) {
  const late = p.clocksLate > 0;
  if (p.clocksOpen === 0 && p.clocksMet > 0)
    return clockCell({ state: late ? 'met-late' : 'met', dueAt: p.dueAt }, now);
  if (p.clocksOpen === 0 && p.finishedAt !== null)
    return clockCell(
      { state: p.finishedAt <= p.dueAt ? 'met' : 'met-late', dueAt: p.dueAt, closedAt: p.finishedAt },
      now,
    );
  return clockCell({ state: 'open', dueAt: p.dueAt }, now);
}

function pullTable(rows: readonly PullLine[], now: Date, timeZone: string, caption: string): Table {
  return {
    name: 'pulls',
    caption,
    columns: [
      { key: 'pull', label: 'Pull', kind: 'head' },
      { key: 'payer', label: 'Other payer' },
      { key: 'state', label: 'State' },
      { key: 'reason', label: 'Reason' },
      { key: 'members', label: 'Members', kind: 'number' },
      { key: 'matched', label: 'Matched', kind: 'number' },
      { key: 'cause', label: 'Cause' },
      { key: 'started', label: 'Started' },
      { key: 'due', label: 'Due' },
      { key: 'clock', label: 'Clock' },
    ],
    rows: rows.map((p) => [
      { value: p.id, text: p.id.slice(0, 8), code: true, href: `/staff/pulls/${p.id}` },
      { value: p.peerId, text: p.peerName },
      pullStateCell(p.state),
      p.reason === null ? { value: null } : { value: p.reason, text: meaning('pull', p.reason).text },
      numberCell(p.members, `/staff/pulls/${p.id}#t-members`),
      numberCell(p.matched),
      { value: p.cause, text: CAUSES[p.cause] ?? p.cause },
      timeCell(p.createdAt, timeZone),
      timeCell(p.dueAt, timeZone),
      pullClock(p, now),
    ]),
    empty: 'No pulls yet. The schedule starts one for members who chose the exchange and named another payer.',
  };
}

/** As what pulls count in the report of a period. */
const SHOWS: Readonly<Record<keyof typeof PULL_SHOWS, string>> = {
  exports: 'exports received',
  balanced: 'balanced',
  finished: 'balanced, or with a person after something came',
  waiting: 'with a person',
  failed: 'failed or refused',
  faulty: 'with faults of the payer',
};

/** `href` undefined: the role does not open it */
type Tile = { n: number; what: string; more: string; href: string | undefined };
const tile = (t: Tile): Safe =>
  html`<li class="tile"><strong>${grouped(t.n)}</strong>${
    t.href === undefined
      ? html`<span class="what">${t.what}</span>`
      : html`<a class="what" href="${t.href}">${t.what}</a>`
  }<span class="more">${t.more}</span></li>`;

export function pulls(router: StaffRouter): void {
  const { deps } = router;
  const { sql } = deps.database;
  const { timeZone } = deps.config;

  router.page('/staff', 'counts', async (visit) => {
    const now = deps.clock();
    const [n, recent, alerts, queues] = await Promise.all([
      numbers(sql, now),
      pagePulls(sql, {}, now, 10),
      recentAlerts(sql, MOST_ALERTS + 1),
      queueLines(deps),
    ]);
    const waitingAt = (name: QueueName): string | undefined =>
      name === 'clocks'
        ? address('/staff/clocks', { show: 'overdue' })
        : name === 'pulls'
          ? address('/staff/pulls', { show: 'waiting' })
          : name === 'events'
            ? '/staff/events?review=open'
            : may(visit.session, 'rows')
              ? '/staff/conflicts'
              : undefined;
    const sum = (states: readonly string[]) =>
      n.pulls.filter((p) => states.includes(p.state)).reduce((s, p) => s + p.n, 0);
    const total = n.pulls.reduce((s, p) => s + p.n, 0);
    const done = sum(['done']);
    const failed = sum(['failed', 'refused']);
    const resting = sum(['review', 'unbalanced', 'partial', 'withdrawn']);
    const late = n.overdue.reduce((s, c) => s + c.n, 0);
    const active = n.peers.find((p) => p.state === 'active')?.n ?? 0;
    const tiles: Tile[] = [
      {
        n: total,
        what: 'Pulls',
        more: `${grouped(done)} done, ${grouped(total - done - failed - resting)} under way, ${grouped(failed)} failed or refused`,
        href: '/staff/pulls',
      },
      {
        n: n.waiting,
        what: 'Pulls that need a person',
        more: n.waiting === 0 ? 'none waits' : 'read the reason and decide',
        href: '#t-alerts',
      },
      {
        n: n.items.n,
        what: 'Conflicts to decide',
        more: n.items.severe === 0 ? 'none of safety or identity' : `${grouped(n.items.severe)} of safety or identity`,
        href: may(visit.session, 'rows') ? '/staff/conflicts' : undefined,
      },
      {
        n: late,
        what: 'Clocks overdue',
        more: `${count(n.openClocks, 'clock')} open`,
        href: address('/staff/clocks', late > 0 ? { show: 'overdue' } : {}),
      },
      {
        n: n.quarantined,
        what: 'Records in quarantine',
        more: 'kept, hidden from the history',
        href: '/staff/compliance#t-quarantine',
      },
      {
        n: n.requests.all,
        what: 'Requests to us',
        more: `${grouped(n.requests.answered)} answered`,
        href: '/staff/requests',
      },
      {
        n: active,
        what: 'Active payers',
        more: `${count(
          n.peers.reduce((s, p) => s + p.n, 0),
          'payer',
        )} registered`,
        href: '/staff/peers',
      },
    ];
    const states: Table = {
      name: 'states',
      caption: 'Pulls by state',
      columns: [
        { key: 'state', label: 'State', kind: 'head' },
        { key: 'pulls', label: 'Pulls', kind: 'number' },
      ],
      rows: n.pulls.map((p) => [pullStateCell(p.state), numberCell(p.n, address('/staff/pulls', { state: p.state }))]),
      empty: 'No pulls yet.',
    };
    const figures: Table = {
      name: 'figures',
      caption: 'Figures',
      columns: [
        { key: 'figure', label: 'Figure', kind: 'head' },
        { key: 'value', label: 'Value', kind: 'number' },
      ],
      rows: tiles.map((t) => [{ value: t.what }, numberCell(t.n)]),
      empty: '',
    };
    const view = {
      title: 'Overview',
      place: 'overview' as const,
      lead: [`How the payer-to-payer exchange of ${deps.config.planName} stands.`],
      before: html`<ul class="tiles">${tiles.map(tile)}</ul>`,
      tables: [
        alertTable(alerts, timeZone),
        queueTable(queues, timeZone, waitingAt),
        pullTable(recent, now, timeZone, 'Newest pulls'),
        states,
      ],
    };
    const isPage = (visit.c.req.query('format') ?? 'html') === 'html';
    return router.show(visit, isPage ? view : { ...view, tables: [figures, ...view.tables] });
  });

  router.page('/staff/pulls', 'counts', async (visit) => {
    const { c } = visit;
    const now = deps.clock();
    const peers = await peerLines(sql);
    const state = choice(c, 'state', Object.keys(PULL_STATES));
    const peerId = choice(
      c,
      'peer',
      peers.map((p) => p.id),
    );
    const show = choice(c, 'show', Object.keys(SHOWS) as (keyof typeof SHOWS)[]);
    const given = c.req.query('began')?.trim() ?? '';
    const began = readPeriod(given);
    const filter = { state, peerId, show, began: began && instantsOf(began, timeZone) };
    const { rows, last } = cut(await pagePulls(sql, filter, now, rowsOf(c) + 1, readAfter(c)), rowsOf(c));
    const which = [state && meaning('state', state).text, show && SHOWS[show], began && `begun in ${began.name}`];
    return router.show(visit, {
      title: 'Pulls',
      place: 'pulls',
      lead: [
        'A pull is one request of members’ history from one other payer. Newest first.',
        ...(given !== '' && !began ? [`“${given}” names no days, and nothing was left out for it.`] : []),
      ],
      before: filterForm(
        '/staff/pulls',
        [
          {
            name: 'state',
            label: 'State',
            all: 'all states',
            chosen: state,
            options: Object.entries(PULL_STATES).map(([code, m]) => [code, m.text] as const),
          },
          {
            name: 'peer',
            label: 'Other payer',
            all: 'all payers',
            chosen: peerId,
            options: peers.map((p) => [p.id, p.name] as const),
          },
          { name: 'show', label: 'Counted as', all: 'all', chosen: show, options: Object.entries(SHOWS) },
        ],
        {},
        [{ name: 'began', label: 'Begun in', hint: 'such as 2027-Q1', value: given }],
      ),
      tables: [pullTable(rows, now, timeZone, ['Pulls', which.filter(Boolean).join('; ')].filter(Boolean).join(': '))],
      next: last && withQuery(c.req.url, { after: afterText(last.createdAt, last.id) }),
    });
  });
}
