// /staff/pulls/:id: the report of one pull; its members by name for reviewers; and the form by which a reviewer accepts it.
import { html } from '../../src/ui/html.ts';
import { namedMembers } from '../members/member-page-data.ts';
import { MATCH_OUTCOMES, meaning } from '../reconcile/reasons.ts';
import { BEFORE_RECORDS, giveUpPull } from '../requester/give-up.ts';
import { ACCEPTABLE, accept } from '../requester/report/accept.ts';
import { leftWords } from '../requester/report/incomplete.ts';
import { messageTexts, pullMessages } from '../requester/report/messages.ts';
import { pullReport } from '../requester/report/pull-report.ts';
import { reportSummary, reportTables } from '../requester/report/report-tables.ts';
import { peopleIn } from './data/people.ts';
import { clockCell, codeCell, memberCell, numberCell, timeCell } from './data/texts.ts';
import { address, csrfField, problem, withQuery } from './frame.ts';
import { hiddenCell, inTheirWords } from './masking.ts';
import { choice, cut, filterForm, rowsOf } from './paging.ts';
import { may } from './roles.ts';
import type { StaffRouter } from './router.ts';

const MAX_NOTE = 500;
const isMemberKey = (text: string | undefined) => text !== undefined && /^M-[0-9a-f]{10}$/.test(text);

export function pull(router: StaffRouter): void {
  const { deps } = router;

  router.page('/staff/pulls/:id', 'counts', async (visit) => {
    const { c, session } = visit;
    const report = await pullReport(deps, c.req.param('id') ?? '');
    if (!report) return router.notFound(visit, 'There is no such pull.');
    const path = `/staff/pulls/${report.pull.id}`;
    const rows = may(session, 'rows');
    const lines = (filter: Record<string, string>) => (rows ? address(`${path}/lines`, filter) : undefined);
    const members = (filter: Record<string, string>) => (rows ? address(`${path}/members`, filter) : undefined);
    await router.viewed(visit, 'report', `pull/${report.pull.id}`, [], report.members.length);
    const { state } = report.pull;
    const { accepted } = report;
    const named = await peopleIn(deps.database.sql, accepted ? [accepted.by] : [], deps.clock());
    const waits = (state === 'unbalanced' || state === 'partial') && report.accepted === undefined;
    const words = waits
      ? `${meaning('state', state).todo} Accepting lets the node take in what it has.`
      : report.left && leftWords(report.left, report.peer).toDecide;
    const form =
      words !== undefined && may(session, 'decide')
        ? html`<section class="box"><h2>Accept this pull as it is</h2><p>${words} Your name and reason stay in the timeline.</p>
<form method="post" action="${path}/accept">${csrfField(session)}<input type="hidden" name="state" value="${state}">
<label for="note">Reason <span class="hint">(no names of members)</span></label><textarea id="note" name="note" required maxlength="${MAX_NOTE}"></textarea>
<p><button>${waits ? 'Accept and go on' : 'Accept'}</button></p></form></section>`
        : undefined;
    const ending =
      BEFORE_RECORDS.includes(state) && may(session, 'decide')
        ? html`<details><summary>Give this pull up</summary><p>${state === 'review' ? 'Once what it waits for is put right: it does not go on by itself.' : 'For a payer that never comes to an end.'} Nothing of this pull has been taken in. As after any pull that failed, its members are asked for again by themselves: an hour after this pull began or, when several failed, up to a day after. Your name and reason stay in the timeline.</p>
<form method="post" action="${path}/give-up">${csrfField(session)}<input type="hidden" name="state" value="${state}">
<label for="why">Reason <span class="hint">(no names of members)</span></label><textarea id="why" name="note" required maxlength="${MAX_NOTE}"></textarea>
<p><button>Give up</button></p></form></details>`
        : undefined;
    return router.show(visit, {
      title: `Pull from ${report.peer.name}`,
      place: 'pulls',
      trail: [['/staff/pulls', 'Pulls']],
      lead: reportSummary({ ...report, accepted: accepted && { ...accepted, by: named(accepted.by) } }),
      before: [
        form,
        ending,
        html`<p class="files">The whole report as <a href="${withQuery(c.req.url, { format: 'csv' })}">CSV</a> or <a href="${withQuery(c.req.url, { format: 'json' })}">JSON</a>.${rows ? '' : ' Rows behind the figures are open to reviewers.'} · <a href="/staff/cases?from=pull/${report.pull.id}">Related incidents</a></p>`,
      ],
      tables: reportTables(report, lines, members, rows && report.messages.length > 0 ? `${path}/messages` : undefined),
    });
  });

  router.form('/staff/pulls/:id/accept', 'decide', async (visit, form) => {
    const { c, session, requestId } = visit;
    const id = c.req.param('id') ?? '';
    const seen = ACCEPTABLE.find((a) => a === form.get('state'));
    const note = (form.get('note') ?? '').trim();
    if (seen === undefined || note === '' || note.length > MAX_NOTE)
      return problem(c, deps, 400, 'Not accepted', `Give a reason of at most ${MAX_NOTE} characters.`, session);
    const done = await accept(deps, session, id, seen, note, requestId);
    if (!done)
      return problem(
        c,
        deps,
        409,
        'Not accepted',
        'The pull has changed since you opened it, or there is no such pull.',
        session,
      );
    return c.redirect(`/staff/pulls/${id}`, 303);
  });

  router.form('/staff/pulls/:id/give-up', 'decide', async (visit, form) => {
    const { c, session, requestId } = visit;
    const id = c.req.param('id') ?? '';
    const seen = BEFORE_RECORDS.find((state) => state === form.get('state'));
    const note = (form.get('note') ?? '').trim();
    if (seen === undefined || note === '' || note.length > MAX_NOTE)
      return problem(c, deps, 400, 'Not given up', `Give a reason of at most ${MAX_NOTE} characters.`, session);
    if (await giveUpPull(deps, { kind: 'staff', ...session }, { id, seen, note }, requestId))
      return c.redirect(`/staff/pulls/${id}`, 303);
    const why = 'The pull has changed since you opened it, or there is no such pull.';
    return problem(c, deps, 409, 'Not given up', why, session);
  });

  router.page('/staff/pulls/:id/messages', 'rows', async (visit) => {
    const found = await pullMessages(deps, visit.c.req.param('id') ?? '');
    if (!found) return router.notFound(visit, 'There is no such pull.');
    await router.viewed(visit, 'messages', `pull/${found.pullId}`, [], found.messages.length);
    return router.show(visit, {
      title: 'Messages of the other payer',
      place: 'pulls',
      trail: [
        ['/staff/pulls', 'Pulls'],
        [`/staff/pulls/${found.pullId}`, `Pull from ${found.peerName}`],
      ],
      lead: [
        `What ${found.peerName} says of its answer, in its words. They may name people: that you opened this page is recorded.`,
      ],
      tables: [inTheirWords(messageTexts(found.messages, found.isElsewhere), 'text')],
    });
  });

  router.page('/staff/pulls/:id/members', 'rows', async (visit) => {
    const { c } = visit;
    const outcome = choice(c, 'outcome', Object.keys(MATCH_OUTCOMES));
    const key = c.req.query('member');
    const found = await namedMembers(
      deps,
      c.req.param('id') ?? '',
      { outcome, key: isMemberKey(key) ? key : undefined },
      { limit: rowsOf(c) + 1, after: c.req.query('after') },
    );
    if (!found) return router.notFound(visit, 'There is no such pull.');
    const { rows, last } = cut(found.members, rowsOf(c));
    const path = `/staff/pulls/${found.pullId}`;
    await router.viewed(
      visit,
      'members',
      `pull/${found.pullId}`,
      rows.map((m) => m.memberId),
      rows.length,
    );
    const { timeZone } = deps.config;
    return router.show(visit, {
      title: 'Members of a pull',
      place: 'pulls',
      trail: [
        ['/staff/pulls', 'Pulls'],
        [path, `Pull from ${found.peerName}`],
      ],
      lead: ['This page shows names. That you opened it is recorded for each member on it.'],
      before: filterForm(`${path}/members`, [
        {
          name: 'outcome',
          label: 'Result',
          all: 'all results',
          chosen: outcome,
          options: Object.keys(MATCH_OUTCOMES).map((o) => [o, o] as const),
        },
      ]),
      tables: [
        {
          name: 'members',
          caption: 'Members',
          columns: [
            { key: 'member', label: 'Member', kind: 'head' },
            { key: 'name', label: 'Name' },
            { key: 'birthDate', label: 'Born' },
            { key: 'result', label: 'Result' },
            { key: 'meaning', label: 'Meaning' },
            { key: 'lines', label: 'Lines received', kind: 'number' },
            { key: 'held', label: 'of these quarantined', kind: 'number' },
            { key: 'clock', label: 'Clock of the request' },
            { key: 'due', label: 'Due' },
          ],
          rows: rows.map((m) => [
            memberCell(m.key, m.memberId),
            { value: m.name },
            hiddenCell('day', m.birthDate),
            codeCell(m.outcome, 'match'),
            { value: meaning('match', m.outcome).text },
            numberCell(m.units, address(`${path}/lines`, { member: m.key })),
            numberCell(m.held, address(`${path}/lines`, { member: m.key, outcome: 'quarantined' })),
            m.clockState === null || m.dueAt === null
              ? { value: null }
              : clockCell({ state: m.clockState, dueAt: m.dueAt }, deps.clock()),
            timeCell(m.dueAt, timeZone),
          ]),
          empty: 'No member has this result.',
        },
      ],
      next: last && withQuery(c.req.url, { after: last.submittedId }),
    });
  });
}
