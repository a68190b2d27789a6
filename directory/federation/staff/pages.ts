// /staff/federation: the directories of other payers, their runs, links that wait for a person, and what may be wrong in ours.
import { z } from 'zod';
import { oneOf, readFields, trimmed } from '../../../src/http/validate.ts';
import { html, type Part } from '../../../src/ui/html.ts';
import type { Cell, Table } from '../../../src/ui/table.ts';
import { timeCell } from '../../../src/ui/time.ts';
import { TRIPS } from '../breaker.ts';
import { factWords } from '../facts.ts';
import { typeName } from '../harvest/context.ts';
import { isReason, REASONS } from '../reasons.ts';
import type { StaffData } from '../staff-data.ts';
import { correctionPages } from './corrections.ts';
import { csrf, isAdmin, ROOT, TRAIL } from './frame.ts';
import { linkPages } from './links.ts';
import type { PortVisit, StaffRouter } from './port.ts';
import { registered, registryForm, registryPages } from './registry-form.ts';
import { signalPages } from './signals.ts';

const SWITCH = z.object({ state: oneOf('on', 'paused', 'blocked'), reason: trimmed });
const DECIDE = z.object({ verdict: oneOf('release', 'discard') });

const reasonText = (reason: string): string => (isReason(reason) ? REASONS[reason].text : reason);
const stateTone = (state: string): NonNullable<Cell['tone']> =>
  state === 'quarantined' || state === 'failed' || state === 'blocked'
    ? 'act'
    : state === 'partial' || state === 'paused'
      ? 'look'
      : 'calm';

export function federationPages<V extends PortVisit>(router: StaffRouter<V>, data: StaffData): void {
  router.page(ROOT, 'counts', async (visit) =>
    router.show(visit, {
      title: 'Directories of other payers',
      place: 'federation',
      tables: [await overview(data)],
      after: html`${await correctionsLine(data)}${LINKS}`,
    }),
  );
  router.page(`${ROOT}/peer/:slug`, 'counts', async (visit) => {
    const slug = visit.c.req.param('slug') ?? '';
    const found = await data.peer(slug);
    if (!found) return router.notFound(visit, 'There is no such directory.');
    const { peer } = found;
    return router.show(visit, {
      title: peer.name,
      place: 'federation',
      trail: TRAIL,
      lead: registered(peer),
      before: isAdmin(visit) ? html`${switchForms(visit, slug, peer.state)}${registryForm(visit, peer)}` : '',
      tables: peerTables(found, data.config.timeZone),
    });
  });
  router.form(`${ROOT}/peer/:slug`, 'peers', async (visit, form) => {
    const slug = visit.c.req.param('slug') ?? '';
    const { state, reason } = readFields(SWITCH, form);
    if (state === undefined) return router.notFound(visit, 'Choose on, paused or blocked.');
    if (!(await data.switchPeer(slug, state, reason, visit.session.subject)))
      return router.notFound(visit, 'There is no such directory.');
    return visit.c.redirect(`${ROOT}/peer/${slug}`, 303);
  });
  registryPages(router, data);
  runPages(router, data);
  linkPages(router, data);
  signalPages(router, data);
  correctionPages(router, data);
}

const LINKS = html`<p><a href="${ROOT}/links">Pairs that may be the same</a> · <a href="${ROOT}/signals">What may be wrong in our own directory</a> · <a href="/directory/all/peers">The public page of directories</a></p>`;

async function correctionsLine(data: StaffData): Promise<Part> {
  const { open, late } = await data.correctionCounts();
  return html`<p><a href="${ROOT}/corrections">Corrections of providers</a>: ${open} open${late === 0 ? '' : html`, <strong>${late} late</strong>`}</p>`;
}

async function overview(data: StaffData): Promise<Table> {
  const rows = await data.peers();
  return {
    name: 'directories',
    caption: 'Directories',
    columns: [
      { key: 'slug', label: 'Short name', kind: 'head' },
      { key: 'name', label: 'Payer' },
      { key: 'state', label: 'Switch' },
      { key: 'live', label: 'Records', kind: 'number' },
      { key: 'gone', label: 'Ended or gone', kind: 'number' },
      { key: 'last', label: 'Last run' },
      { key: 'result', label: 'Result' },
      { key: 'waits', label: 'Waits for a decision' },
    ],
    rows: rows.map((r) => [
      { value: r.slug, href: `${ROOT}/peer/${r.slug}` },
      { value: r.name },
      { value: r.state, tone: stateTone(r.state) },
      { value: r.live },
      { value: r.gone },
      timeCell(r.lastAt, data.config.timeZone),
      { value: r.lastState, ...(r.lastState ? { tone: stateTone(r.lastState) } : {}) },
      r.waiting === null
        ? { value: null }
        : { value: r.waiting, text: `run ${r.waiting}`, href: `${ROOT}/run/${r.waiting}`, tone: 'act' },
    ]),
    empty:
      'No directory is registered. One is added with “payer-node harvest add”, those of a payer index with “payer-node harvest import-index”.',
  };
}

function switchForms(visit: PortVisit, slug: string, state: string): Part {
  return html`<form class="filter" method="post" action="${ROOT}/peer/${slug}">${csrf(visit)}<div><label for="state">Switch</label><select id="state" name="state">${(
    [
      ['on', 'on'],
      ['paused', 'paused'],
      ['blocked', 'blocked: ask nothing at all'],
    ] as const
  ).map(
    ([value, label]) => html`<option value="${value}"${value === state ? html` selected` : ''}>${label}</option>`,
  )}</select></div><div><label for="reason">Reason</label><input id="reason" name="reason" maxlength="300"></div><button>Change</button></form>`;
}

function peerTables(
  { peer, runs, events, findings, facts }: NonNullable<Awaited<ReturnType<StaffData['peer']>>>,
  timeZone: string,
): Table[] {
  return [
    {
      name: 'runs',
      caption: 'Runs',
      columns: [
        { key: 'run', label: 'Run', kind: 'head' },
        { key: 'began', label: 'Began' },
        { key: 'ended', label: 'Ended' },
        { key: 'state', label: 'State' },
        { key: 'reason', label: 'Why' },
      ],
      rows: runs.map((r) => [
        { value: r.id, href: `${ROOT}/run/${r.id}` },
        timeCell(r.startedAt, timeZone),
        timeCell(r.endedAt, timeZone),
        { value: r.state, tone: stateTone(r.state) },
        { value: r.reason, text: reasonText(r.reason) },
      ]),
      empty: 'It was not harvested yet.',
    },
    findings,
    {
      name: 'facts',
      caption: 'What it does, measured',
      columns: [
        { key: 'type', label: 'Type' },
        { key: 'fact', label: 'Fact', kind: 'head' },
        { key: 'value', label: 'Value' },
        { key: 'evidence', label: 'Evidence' },
        { key: 'at', label: 'Measured' },
      ],
      rows: facts.map((f) => [
        { value: f.type },
        { value: f.name, text: factWords(f.name, f.value).label },
        { value: f.value, text: factWords(f.name, f.value).value },
        { value: f.evidence },
        timeCell(f.at, timeZone),
      ]),
      empty: 'It has not been measured yet: payer-node harvest probe.',
    },
    {
      name: 'addresses',
      caption: 'Addresses',
      columns: [
        { key: 'kind', label: 'Kind', kind: 'head' },
        { key: 'url', label: 'Address' },
        { key: 'found', label: 'From' },
      ],
      rows: peer.urls.map((u) => [{ value: u.kind }, { value: u.url, code: true }, { value: u.found }]),
      empty: 'No address is known.',
    },
    {
      name: 'history',
      caption: 'History',
      columns: [
        { key: 'at', label: 'When', kind: 'head' },
        { key: 'what', label: 'What' },
        { key: 'detail', label: 'Detail' },
        { key: 'by', label: 'Who' },
      ],
      rows: events.map((e) => [timeCell(e.at, timeZone), { value: e.what }, { value: e.detail }, { value: e.by }]),
      empty: 'Nothing has happened.',
    },
  ];
}

function runPages<V extends PortVisit>(router: StaffRouter<V>, data: StaffData): void {
  router.page(`${ROOT}/run/:id`, 'counts', async (visit) => {
    const found = await data.run(visit.c.req.param('id') ?? '');
    if (!found) return router.notFound(visit, 'There is no such run.');
    const { run, types, lost } = found;
    const waits = run.state === 'quarantined';
    const columns = (
      [
        'read',
        'new',
        'updated',
        'returned',
        'absent',
        'deleted',
        'tombstones',
        'own',
        'far',
        'no-npi',
        'no-network',
        'damaged',
      ] as const
    ).filter((name) => types.some((t) => (t.counters[name] ?? 0) > 0));
    return router.show(visit, {
      title: `Run ${run.id} of ${run.peer}`,
      place: 'federation',
      trail: [...TRAIL, [`${ROOT}/peer/${run.peer}`, run.peer]],
      lead: [
        waits
          ? 'It is held back: what it would do is suspicious. What was known before is shown to the public until someone decides.'
          : `It is ${run.state}${run.reason === '' ? '' : `: ${reasonText(run.reason)}`}`,
      ],
      before: waits && isAdmin(visit) ? decideForms(visit, run.id) : '',
      tables: [
        {
          name: 'types',
          caption: 'By type',
          columns: [
            { key: 'type', label: 'Type', kind: 'head' },
            { key: 'rung', label: 'Way', kind: 'number' },
            { key: 'state', label: 'State' },
            { key: 'whole', label: 'Whole' },
            { key: 'why', label: 'Why' },
            ...columns.map((key) => ({ key, label: key, kind: 'number' as const })),
          ],
          rows: types.map((t) => [
            { value: typeName(t.type) },
            { value: t.rung },
            { value: t.state, tone: stateTone(t.state) },
            { value: t.complete ? 'yes' : 'no' },
            {
              value: [
                ...t.trips.map((x) => `${TRIPS[x.name]} (${x.detail})`),
                ...(t.reason === '' ? [] : [reasonText(t.reason)]),
              ].join(' '),
            },
            ...columns.map((name) => ({ value: t.counters[name] ?? 0 })),
          ]),
          empty: 'Nothing was read.',
        },
        ...(waits
          ? [
              {
                name: 'losses',
                caption: 'What it would take away, the first fifty',
                columns: [
                  { key: 'key', label: 'Record', kind: 'head' as const },
                  { key: 'how', label: 'How' },
                  { key: 'evidence', label: 'Evidence' },
                ],
                rows: lost.map((l) => [
                  { value: l.key, code: true as const },
                  {
                    value:
                      l.action === 'd'
                        ? 'deleted by the peer'
                        : l.action === 'm'
                          ? 'absent'
                          : 'one of two contents is gone',
                  },
                  { value: l.evidence },
                ]),
                empty: 'Nothing would go; see the reasons above.',
              },
            ]
          : []),
      ],
    });
  });
  router.form(`${ROOT}/run/:id`, 'peers', async (visit, form) => {
    const id = visit.c.req.param('id') ?? '';
    const { verdict } = readFields(DECIDE, form);
    if (verdict === undefined) return router.notFound(visit, 'Choose to release or to discard.');
    const done = await data.decideRun(id, verdict, visit.session.subject);
    if (done === 'not-found') return router.notFound(visit, 'There is no such run.');
    return visit.c.redirect(`${ROOT}/run/${id}`, 303);
  });
}

const decideForms = (visit: PortVisit, id: string): Part =>
  html`<form method="post" action="${ROOT}/run/${id}">${csrf(visit)}<p><button name="verdict" value="release">Release: apply it</button> <button class="plain" name="verdict" value="discard">Discard: read it again next time</button></p></form>`;
