// /staff/requests: what peers asked of us.
import { html } from '../../src/ui/html.ts';
import { contentCheck } from '../compliance/export-check/export-check-text.ts';
import { instantsOf, readPeriod } from '../compliance/report/period.ts';
import { failureText } from '../responder/request-texts.ts';
import {
  countDecisions,
  fetchedFiles,
  findRequest,
  jobFiles,
  pageRequests,
  peerLines,
  type REQUEST_SHOWS,
  type RequestLine,
} from './data/lists.ts';
import { count, requestStateCell } from './data/texts.ts';
import { withQuery } from './frame.ts';
import { afterText, choice, cut, filterForm, readAfter, rowsOf } from './paging.ts';
import {
  countTable,
  decisionTable,
  fileTable,
  heldBack,
  KINDS,
  proofTable,
  requestTable,
  withheldTable,
} from './request-tables.ts';
import { may } from './roles.ts';
import type { StaffRouter } from './router.ts';

/** As what requests count in the report of a period. */
const SHOWS: Readonly<Record<keyof typeof REQUEST_SHOWS, string>> = {
  answered: 'answered',
  'in-time': 'answered within one business day',
  cancelled: 'ended by the payer before the answer',
  overdue: 'overdue',
};

const REQUEST_STATES = ['queued', 'running', 'complete', 'failed', 'cancelled', 'revoked'] as const;

/** An export in a sentence: what was made ready, how much of it was fetched, and what was held back. */
const exportText = (r: RequestLine, files: number, fetched: number): string =>
  `${r.peerName} asked for the history of members of one Group. ${count(r.counts['resources'] ?? 0, 'record was', 'records were')} made ready for it, in ${count(files, 'file')}, of which ${count(fetched, 'was', 'were')} fetched; ${count(heldBack(r), 'record was', 'records were')} held back, each for one reason below.`;

export function requests(router: StaffRouter): void {
  const { deps } = router;
  const { sql } = deps.database;
  const { timeZone } = deps.config;

  router.page('/staff/requests', 'counts', async (visit) => {
    const { c } = visit;
    const peers = await peerLines(sql);
    const state = choice(c, 'state', REQUEST_STATES);
    const peerId = choice(
      c,
      'peer',
      peers.map((p) => p.id),
    );
    const kind = choice(c, 'kind', ['match', 'export'] as const);
    const show = choice(c, 'show', Object.keys(SHOWS) as (keyof typeof SHOWS)[]);
    const given = c.req.query('received')?.trim() ?? '';
    const received = readPeriod(given);
    const filter = { state, peerId, kind, show, received: received && instantsOf(received, timeZone) };
    const now = deps.clock();
    const { rows, last } = cut(await pageRequests(sql, filter, now, rowsOf(c) + 1, readAfter(c)), rowsOf(c));
    const which = [kind && KINDS[kind], show && SHOWS[show], received && `received in ${received.name}`];
    return router.show(visit, {
      title: 'Requests to us',
      place: 'requests',
      lead: [
        'What other payers asked of us. Each request is due at the end of the next business day. Members who were asked for one by one are answered at once, and stand under Matches.',
        ...(given !== '' && !received ? [`“${given}” names no days, and nothing was left out for it.`] : []),
      ],
      ...(may(visit.session, 'rows')
        ? { after: html`<p><a href="/staff/disclosures">What was disclosed of a member</a></p>` }
        : {}),
      before: filterForm(
        '/staff/requests',
        [
          {
            name: 'state',
            label: 'State',
            all: 'all states',
            chosen: state,
            options: REQUEST_STATES.map((s) => [s, requestStateCell(s).text ?? s] as const),
          },
          {
            name: 'peer',
            label: 'Other payer',
            all: 'all payers',
            chosen: peerId,
            options: peers.map((p) => [p.id, p.name] as const),
          },
          {
            name: 'kind',
            label: 'What for',
            all: 'all',
            chosen: kind,
            options: (['match', 'export'] as const).map((k) => [k, KINDS[k]] as const),
          },
          { name: 'show', label: 'Counted as', all: 'all', chosen: show, options: Object.entries(SHOWS) },
        ],
        {},
        [{ name: 'received', label: 'Received in', hint: 'such as 2027-Q1', value: given }],
      ),
      tables: [
        requestTable(rows, {
          name: 'requests',
          caption: ['Requests', which.filter(Boolean).join('; ')].filter(Boolean).join(': '),
          timeZone,
          now,
        }),
      ],
      next: last && withQuery(c.req.url, { after: afterText(last.receivedAt, last.id) }),
    });
  });

  router.page('/staff/requests/:id', 'counts', async (visit) => {
    const request = await findRequest(sql, visit.c.req.param('id') ?? '');
    if (!request) return router.notFound(visit, 'There is no such request.');
    const [files, decisions, proof, fetched] = await Promise.all([
      jobFiles(sql, request.id),
      countDecisions(sql, request.id),
      contentCheck(sql, request.id),
      fetchedFiles(sql, request.kind, request.id),
    ]);
    const isMatch = request.kind === 'match';
    const decided = decisions.reduce((sum, d) => sum + d.n, 0);
    const lead = isMatch
      ? `${request.peerName} asked which of its new members were ours. ${count(decided, 'member was', 'members were')} decided.`
      : exportText(request, files.length, fetched.size);
    return router.show(visit, {
      title: `${KINDS[request.kind]}, asked by ${request.peerName}`,
      place: 'requests',
      trail: [['/staff/requests', 'Requests to us']],
      lead: [lead, failureText(request, timeZone)].filter((text) => text !== undefined),
      ...(isMatch
        ? {
            before: html`<p><a href="/staff/requests/${request.id}/members">Each member, with what was decided and why</a></p>`,
          }
        : {}),
      tables: [
        requestTable([request], { name: 'request', caption: 'This request', timeZone, now: deps.clock() }),
        isMatch ? decisionTable(decisions) : withheldTable(request),
        countTable(request),
        ...(isMatch ? [] : [proofTable(proof, files, timeZone)]),
        fileTable(request, files, fetched, timeZone),
      ],
    });
  });
}
