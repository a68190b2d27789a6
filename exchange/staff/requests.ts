// /staff/requests: what peers asked of us.
import { html } from '../../src/ui/html.ts';
import type { Cell } from '../../src/ui/table.ts';
import { meaning } from '../reconcile/reasons.ts';
import { contentCheck, proofCell, proofFaults } from '../report/content-proof.ts';
import {
  countDecisions,
  fetchedFiles,
  findRequest,
  jobFiles,
  pageRequests,
  peerLines,
  type RequestLine,
} from '../report/lists.ts';
import { failureText } from '../report/request-words.ts';
import { clockCell, codeCell, count, numberCell, requestStateCell, timeCell } from '../report/words.ts';
import type { Desk } from './desk.ts';
import { withQuery } from './frame.ts';
import { afterText, choice, cut, filterForm, PAGE, readAfter } from './paging.ts';

const REQUEST_STATES = ['queued', 'running', 'complete', 'failed', 'cancelled', 'revoked'] as const;
const KINDS = { match: 'Find members', export: 'Export history' } as const;

const clockOf = (r: RequestLine): string =>
  r.answeredAt !== null
    ? r.answeredAt <= r.dueAt
      ? 'met'
      : 'met-late'
    : r.state === 'cancelled' || r.state === 'revoked'
      ? 'not-applicable'
      : 'open';

export function requests(desk: Desk): void {
  const { deps } = desk;
  const { sql } = deps.database;
  const { timeZone } = deps.config;

  const requestCells = (r: RequestLine): Cell[] => {
    const { counts } = r;
    const result =
      r.kind === 'match'
        ? counts['match'] === undefined
          ? null
          : `${counts['match']} of ${count(counts['match'] + (counts['nomatch'] ?? 0) + (counts['consentconstraint'] ?? 0), 'member')} matched`
        : counts['resources'] === undefined
          ? null
          : `${count(counts['resources'], 'record')} made ready`;
    return [
      { value: r.id, text: r.id.slice(0, 8), code: true, href: `/staff/requests/${r.id}` },
      { value: r.kind, text: KINDS[r.kind] },
      { value: r.peerId, text: r.peerName },
      requestStateCell(r.state, r.answeredAt !== null),
      timeCell(r.receivedAt, timeZone),
      timeCell(r.dueAt, timeZone),
      clockCell({ state: clockOf(r), dueAt: r.dueAt, closedAt: r.answeredAt }, deps.clock()),
      timeCell(r.answeredAt, timeZone),
      { value: result },
    ];
  };
  const REQUEST_COLUMNS = [
    { key: 'request', label: 'Request', kind: 'head' as const },
    { key: 'kind', label: 'Asked for' },
    { key: 'payer', label: 'By' },
    { key: 'state', label: 'State' },
    { key: 'received', label: 'Received' },
    { key: 'due', label: 'Due' },
    { key: 'clock', label: 'Clock' },
    { key: 'answered', label: 'Answered' },
    { key: 'result', label: 'Result' },
  ];

  desk.page('/staff/requests', 'counts', async (visit) => {
    const { c } = visit;
    const peers = await peerLines(sql);
    const state = choice(c, 'state', REQUEST_STATES);
    const peerId = choice(
      c,
      'peer',
      peers.map((p) => p.id),
    );
    const { rows, last } = cut(await pageRequests(sql, { state, peerId }, PAGE + 1, readAfter(c)));
    return desk.show(visit, {
      title: 'Requests to us',
      place: 'requests',
      lead: ['What other payers asked of us. Each request is due at the end of the next business day.'],
      after: html`<p><a href="/staff/disclosures">What was disclosed of a member</a></p>`,
      before: filterForm('/staff/requests', [
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
      ]),
      tables: [
        {
          name: 'requests',
          caption: 'Requests',
          columns: REQUEST_COLUMNS,
          rows: rows.map(requestCells),
          empty: 'No payer has asked for anything yet.',
        },
      ],
      next: last && withQuery(c.req.url, { after: afterText(last.receivedAt, last.id) }),
    });
  });

  desk.page('/staff/requests/:id', 'counts', async (visit) => {
    const request = await findRequest(sql, visit.c.req.param('id') ?? '');
    if (!request) return desk.notFound(visit, 'There is no such request.');
    const [files, decisions, proof, fetched] = await Promise.all([
      jobFiles(sql, request.id),
      countDecisions(sql, request.id),
      contentCheck(sql, request.id),
      fetchedFiles(sql, request.kind, request.id),
    ]);
    const withheld = Object.entries(request.counts)
      .filter(([k]) => k.startsWith('withheld-'))
      .map(([k, n]) => [k.slice('withheld-'.length), n] as const);
    const held = withheld.reduce((s, [, n]) => s + n, 0);
    const other = Object.entries(request.counts).filter(([k]) => !k.startsWith('withheld-'));
    const placeOf = (id: string) => files.find((f) => f.id === id)?.position ?? id;
    const ready = files.filter((f) => f.kind === 'output').reduce((s, f) => s + f.lines, 0);
    const lead =
      request.kind === 'export'
        ? [
            `${request.peerName} asked for the history of members of one Group. ${count(ready, 'record was', 'records were')} made ready for it, in ${count(files.length, 'file')}, of which ${count(fetched.size, 'was', 'were')} fetched; ${count(held, 'record was', 'records were')} held back, each for one reason below.`,
          ]
        : [
            `${request.peerName} asked which of its new members were ours. ${count(
              decisions.reduce((s, d) => s + d.n, 0),
              'member was',
              'members were',
            )} decided.`,
          ];
    const failed = failureText(request, timeZone);
    return desk.show(visit, {
      title: `${KINDS[request.kind]}, asked by ${request.peerName}`,
      place: 'requests',
      trail: [['/staff/requests', 'Requests to us']],
      lead: failed === undefined ? lead : [...lead, failed],
      ...(request.kind === 'match'
        ? {
            before: html`<p><a href="/staff/requests/${request.id}/members">Each member, with what was decided and why</a></p>`,
          }
        : {}),
      tables: [
        {
          name: 'request',
          caption: 'This request',
          columns: REQUEST_COLUMNS,
          rows: [requestCells(request)],
          empty: '',
        },
        ...(request.kind === 'match'
          ? [
              {
                name: 'decisions',
                caption: 'Decisions',
                columns: [
                  { key: 'reason', label: 'Reason', kind: 'head' as const },
                  { key: 'group', label: 'Placed in' },
                  { key: 'members', label: 'Members', kind: 'number' as const },
                  { key: 'meaning', label: 'Meaning' },
                ],
                rows: decisions.map((d) => [
                  codeCell(d.reason, 'decision'),
                  { value: d.outcome },
                  numberCell(d.n),
                  { value: meaning('decision', d.reason).text },
                ]),
                empty: 'Nothing is decided yet.',
              },
            ]
          : [
              {
                name: 'withheld',
                caption: 'Held back',
                columns: [
                  { key: 'reason', label: 'Reason', kind: 'head' as const },
                  { key: 'records', label: 'Records', kind: 'number' as const },
                  { key: 'meaning', label: 'Meaning' },
                ],
                rows: withheld.map(([reason, n]) => [
                  codeCell(reason),
                  numberCell(n),
                  { value: meaning('withheld', reason).text },
                ]),
                total: [{ value: 'All reasons' }, numberCell(held), { value: null, text: '' }],
                empty: 'Nothing was held back.',
              },
            ]),
        {
          name: 'counts',
          caption: 'Counts',
          columns: [
            { key: 'count', label: 'Count', kind: 'head' },
            { key: 'value', label: 'Value', kind: 'number' },
          ],
          rows: other.map(([k, n]) => [{ value: k }, numberCell(n)]),
          empty: 'Nothing is counted yet.',
        },
        ...(request.kind === 'export'
          ? [
              {
                name: 'proof',
                caption: 'Walk over the files for what must not leave',
                note: 'Every line of every file: messages and lists of what is gone, too.',
                columns: [
                  { key: 'at', label: 'When', kind: 'head' as const },
                  { key: 'files', label: 'Files', kind: 'number' as const },
                  { key: 'lines', label: 'Lines', kind: 'number' as const },
                  { key: 'found', label: 'Found' },
                  { key: 'places', label: 'Places' },
                ],
                rows: proof
                  ? [
                      [
                        timeCell(proof.at, timeZone),
                        numberCell(proof.files),
                        numberCell(proof.lines),
                        proofCell(proof),
                        {
                          value: proofFaults(proof)
                            .map((f) => `file ${placeOf(f.file)}, line ${f.line}: ${f.what}`)
                            .join('; '),
                        },
                      ],
                    ]
                  : [],
                empty: 'The files are walked when the export is finished.',
              },
            ]
          : []),
        {
          name: 'files',
          caption: 'Files',
          note:
            request.expiresAt === null || files.every((f) => f.removedAt !== null)
              ? undefined
              : [
                  'Files stay until ',
                  timeCell(request.expiresAt, timeZone).text ?? '',
                  ', or until the payer ends the request.',
                ],
          columns: [
            { key: 'file', label: 'File', kind: 'head' },
            { key: 'kind', label: 'Kind' },
            { key: 'type', label: 'Type' },
            { key: 'lines', label: 'Lines', kind: 'number' },
            { key: 'bytes', label: 'Bytes', kind: 'number' },
            { key: 'sha256', label: 'SHA-256', kind: 'hash' },
            { key: 'fetched', label: 'First fetched' },
            { key: 'removed', label: 'Removed' },
          ],
          rows: files.map((f) => [
            { value: f.position },
            { value: f.kind },
            { value: f.type === '' ? 'by patient' : f.type },
            numberCell(f.lines),
            numberCell(f.bytes),
            { value: f.sha256, code: true },
            timeCell(fetched.get(f.id) ?? null, timeZone),
            timeCell(f.removedAt, timeZone),
          ]),
          empty: request.answeredAt === null ? 'No files yet.' : 'The answer has no files.',
        },
      ],
    });
  });
}
