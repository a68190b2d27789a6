// /staff/conflicts: what people decide about: contradictions, doubts and records in quarantine. Heaviest first.
import { html, type Safe } from '../../src/ui/html.ts';
import type { Cell, Table } from '../../src/ui/table.ts';
import { meaning } from '../reconcile/reasons.ts';
import { besides } from '../report/plain-record.ts';
import { codeCell, numberCell, timeCell } from '../report/words.ts';
import { type Decide, decideItem, type Refusal } from '../review/decide.ts';
import { DECISIONS_OF_PEOPLE, ITEM_KINDS, type PersonDecision } from '../review/kinds.ts';
import { type Item, type ItemPlace, type ItemReport, itemReport, items } from '../review/read.ts';
import { type Desk, may, type Visit } from './desk.ts';
import { address, csrfField, problem, type StaffContext, withQuery } from './frame.ts';
import { choice, cut, filterForm, PAGE } from './paging.ts';

const PATH = '/staff/conflicts';
const STATES = { open: 'To decide', decided: 'Decided', gone: 'No longer there' } as const;
const WEIGHTS: Readonly<Record<string, string>> = { '3': 'Safety or identity', '2': 'Care', '1': 'Can wait' };

const label = (kind: string) => ITEM_KINDS[kind]?.label ?? kind;
const codeMeaning = (kind: string) => meaning(kind in HELD_WORDS ? 'reason' : 'finding', kind);
const HELD_WORDS: Readonly<Record<string, true>> = {
  'wrong-patient': true,
  'consent-scope': true,
  'consent-withdrawn': true,
  'modifier-extension': true,
  'implicit-rules': true,
  'invalid-resource': true,
  'denied-pa': true,
  'drug-pa': true,
};

function readPlace(text: string | undefined): ItemPlace | undefined {
  const m = /^([123])~(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)~([0-9a-f]{32})$/.exec(text ?? '');
  return m?.[2] === undefined || m[3] === undefined
    ? undefined
    : { weight: Number(m[1]), at: new Date(m[2]), id: m[3] };
}

const weightCell = (weight: number): Cell => ({
  value: weight,
  text: WEIGHTS[String(weight)] ?? String(weight),
  tone: weight === 3 ? 'act' : weight === 2 ? 'look' : 'calm',
});

/** Where the item came from, for the drill-down to the raw line. */
const lineHref = (i: Item): string | undefined =>
  i.pullId === null || i.file === null || i.line === null
    ? undefined
    : `/staff/pulls/${i.pullId}/lines/${i.file}/${i.line}/${i.entry ?? 0}`;

function factTable(r: ItemReport, timeZone: string): Table {
  const { item } = r;
  const row = (name: string, cell: Cell, more = ''): Cell[] => [{ value: name }, cell, { value: more }];
  const words = codeMeaning(item.kind);
  const href = lineHref(item);
  return {
    name: 'item',
    caption: 'What this is about',
    columns: [
      { key: 'fact', label: 'Fact', kind: 'head' },
      { key: 'value', label: 'Value' },
      { key: 'meaning', label: 'In words' },
    ],
    rows: [
      row('Kind', { value: item.kind, text: label(item.kind) }, `${words.text} ${words.todo}`),
      row('Weight', weightCell(item.weight)),
      row(
        'State',
        { value: item.state, text: STATES[item.state] },
        item.reopened > 0 ? `Opened again ${item.reopened} times, because a copy changed.` : '',
      ),
      row('Rule that fired', { value: item.rule, code: true }, item.detail),
      row('Member', { value: r.memberKey, code: true }),
      row('Other payer', { value: r.peerName }),
      row(
        'Received line',
        href === undefined
          ? { value: null }
          : { value: `${item.file ?? ''}-${item.line ?? ''}-${item.entry ?? 0}`, href },
      ),
      row('Open since', timeCell(item.openedAt, timeZone)),
    ],
    empty: '',
  };
}

function besideTable(r: ItemReport): Table {
  const name = (c: ItemReport['first']) => (c === undefined ? 'not there' : c.isOurs ? 'Ours' : `From ${c.origin}`);
  return {
    name: 'beside',
    caption: 'Both side by side',
    columns: [
      { key: 'part', label: 'Part', kind: 'head' },
      { key: 'first', label: name(r.first) },
      { key: 'second', label: name(r.second) },
      { key: 'differs', label: 'Differs' },
    ],
    rows: besides(r.first?.plain, r.second?.plain).map((b) => [
      { value: b.label },
      { value: b.first, text: b.first ?? 'does not say' },
      { value: b.second, text: b.second ?? 'does not say' },
      { value: b.differs ? 'yes' : 'no', ...(b.differs ? { tone: 'look' as const } : {}) },
    ]),
    empty: 'There is no record to show beside another.',
  };
}

function originTable(r: ItemReport, timeZone: string): Table {
  const rows = [r.first, r.second].flatMap((c) => (c === undefined ? [] : c.origins.map((o) => ({ c, o }))));
  return {
    name: 'provenance',
    caption: 'Where each comes from (Provenance)',
    columns: [
      { key: 'record', label: 'Record', kind: 'head' },
      { key: 'recorded', label: 'Recorded' },
      { key: 'activity', label: 'Activity' },
      { key: 'who', label: 'Who' },
      { key: 'from', label: 'Stated by' },
    ],
    rows: rows.map(({ c, o }) => [
      { value: c.id, text: c.isOurs ? 'Ours' : `From ${c.origin}` },
      timeCell(o.recorded, timeZone),
      { value: o.activity },
      { value: o.who },
      { value: o.from },
    ]),
    empty: 'No statement of origin names either of them.',
  };
}

function historyTable(r: ItemReport, timeZone: string): Table {
  return {
    name: 'decisions',
    caption: 'What was decided',
    columns: [
      { key: 'at', label: 'When', kind: 'head' },
      { key: 'decision', label: 'Decision' },
      { key: 'by', label: 'By' },
      { key: 'role', label: 'Role' },
      { key: 'reason', label: 'Reason' },
      { key: 'rules', label: 'Rules' },
    ],
    rows: r.decisions.map((d) => [
      timeCell(d.at, timeZone),
      { value: d.undoes === null ? d.decision : `undo ${d.decision}` },
      { value: d.byName },
      { value: d.role },
      { value: d.reason },
      { value: `v${d.rules}` },
    ]),
    empty: 'Nothing yet.',
  };
}

function decideForm(visit: Visit, r: ItemReport): Safe | undefined {
  const { item } = r;
  if (!may(visit.session, 'decide')) return undefined;
  const hidden = html`${csrfField(visit.session)}<input type="hidden" name="mark" value="${item.mark}">`;
  const reason = html`<p><label for="reason">Reason, for those who read it later</label><input id="reason" name="reason" required minlength="3" maxlength="1000" autocomplete="off"></p>`;
  const path = `${PATH}/${item.id}`;
  if (item.state === 'decided')
    return html`<section class="box"><h2>Take the decision back</h2><form method="post" action="${path}">${hidden}<input type="hidden" name="decision" value="undo">${reason}<button>Undo “${item.decision ?? ''}”</button></form></section>`;
  if (item.state !== 'open') return undefined;
  const allowed = (ITEM_KINDS[item.kind]?.allows ?? []) as readonly PersonDecision[];
  return html`<section class="box"><h2>Decide</h2><form method="post" action="${path}">${hidden}<fieldset><legend>Decision</legend>${allowed.map(
    (d) =>
      html`<p><label><input type="radio" name="decision" value="${d}" required> <strong>${d}</strong>: ${DECISIONS_OF_PEOPLE[d]}</label></p>`,
  )}</fieldset>${reason}<button>Decide</button></form></section>`;
}

const REFUSALS: Record<Refusal, readonly [404 | 409 | 400, string]> = {
  'no-item': [404, 'There is no such item.'],
  changed: [409, 'The item has changed since you opened it. Open it again and decide on what it is now.'],
  'not-allowed': [400, 'This kind of item does not allow that decision.'],
  'no-reason': [400, 'Give a reason of three letters or more.'],
  'nothing-to-undo': [409, 'There is no decision in force that could be taken back.'],
};

const roleOf = (visit: Visit) =>
  visit.session.roles.includes('reviewer') ? 'reviewer' : (visit.session.roles[0] ?? '');

function readFilter(c: StaffContext) {
  const weight = choice(c, 'weight', ['1', '2', '3']);
  return {
    state: choice(c, 'state', ['open', 'decided', 'gone'] as const) ?? ('open' as const),
    kind: choice(c, 'kind', Object.keys(ITEM_KINDS)),
    weight: weight === undefined ? undefined : Number(weight),
  };
}

export function conflicts(desk: Desk): void {
  const { deps } = desk;
  const { timeZone } = deps.config;

  desk.page(PATH, 'rows', async (visit) => {
    const { c } = visit;
    const filter = readFilter(c);
    const found = await items(deps, filter, PAGE + 1, readPlace(c.req.query('after')));
    const { rows, last } = cut(found.rows);
    await desk.viewed(
      visit,
      'conflicts',
      'items',
      rows.flatMap((i) => i.memberId ?? []),
      rows.length,
    );
    return desk.show(visit, {
      title: 'Conflicts and quarantine',
      place: 'conflicts',
      lead: [
        'Two sources contradict each other, or a check held a record back. Nothing of this was decided by a machine. Those that concern the safety or the identity of a member come first.',
      ],
      before: filterForm(PATH, [
        {
          name: 'state',
          label: 'State',
          all: 'to decide',
          chosen: filter.state === 'open' ? undefined : filter.state,
          options: [
            ['decided', STATES.decided],
            ['gone', STATES.gone],
          ],
        },
        {
          name: 'weight',
          label: 'Weight',
          all: 'all',
          chosen: filter.weight === undefined ? undefined : String(filter.weight),
          options: Object.entries(WEIGHTS).map(([k, v]) => [k, v] as const),
        },
        {
          name: 'kind',
          label: 'Kind',
          all: 'all kinds',
          chosen: filter.kind,
          options: Object.entries(ITEM_KINDS).map(([k, v]) => [k, v.label] as const),
        },
      ]),
      tables: [
        {
          name: 'items',
          caption: STATES[filter.state],
          columns: [
            { key: 'kind', label: 'What', kind: 'head' },
            { key: 'weight', label: 'Weight' },
            { key: 'type', label: 'Type' },
            { key: 'member', label: 'Member' },
            { key: 'peer', label: 'Other payer' },
            { key: 'detail', label: 'Detail' },
            { key: 'opened', label: 'Open since' },
            { key: 'decision', label: 'Decision' },
          ],
          rows: rows.map((i) => [
            { value: i.kind, text: label(i.kind), href: `${PATH}/${i.id}` },
            weightCell(i.weight),
            { value: i.type },
            { value: i.memberKey, code: true },
            { value: i.peerId },
            { value: i.detail },
            timeCell(i.openedAt, timeZone),
            codeCell(i.decision),
          ]),
          empty: 'There is nothing of this kind.',
        },
        {
          name: 'kinds',
          caption: 'How many of each kind',
          columns: [
            { key: 'kind', label: 'Kind', kind: 'head' },
            { key: 'weight', label: 'Weight' },
            { key: 'open', label: 'To decide', kind: 'number' },
            { key: 'decided', label: 'Decided', kind: 'number' },
            { key: 'gone', label: 'No longer there', kind: 'number' },
          ],
          rows: [...new Set(found.counts.map((k) => k.kind))].map((kind) => {
            const n = (state: string) =>
              found.counts.filter((k) => k.kind === kind && k.state === state).reduce((sum, k) => sum + k.n, 0);
            return [
              { value: kind, text: label(kind) },
              weightCell(ITEM_KINDS[kind]?.weight ?? 1),
              numberCell(n('open'), address(PATH, { kind })),
              numberCell(n('decided'), address(PATH, { kind, state: 'decided' })),
              numberCell(n('gone'), address(PATH, { kind, state: 'gone' })),
            ];
          }),
          empty: 'None yet.',
        },
      ],
      next: last && withQuery(c.req.url, { after: `${last.weight}~${last.openedAt.toISOString()}~${last.id}` }),
    });
  });

  desk.page(`${PATH}/:id`, 'rows', async (visit) => {
    const r = await itemReport(deps, visit.c.req.param('id') ?? '');
    if (!r) return desk.notFound(visit, 'There is no such item.');
    await desk.viewed(visit, 'conflict', `item/${r.item.id}`, r.item.memberId === null ? [] : [r.item.memberId], 1);
    const texts = [
      ...(r.first
        ? [{ name: 'first', caption: r.first.isOurs ? 'Ours' : `From ${r.first.origin}`, text: r.first.text }]
        : []),
      ...(r.second
        ? [{ name: 'second', caption: r.second.isOurs ? 'Ours' : `From ${r.second.origin}`, text: r.second.text }]
        : []),
      ...(r.received === undefined
        ? []
        : [{ name: 'received', caption: `As received from ${r.peerName}`, text: r.received }]),
    ];
    return desk.show(visit, {
      title: label(r.item.kind),
      place: 'conflicts',
      trail: [[PATH, 'Conflicts and quarantine']],
      tables: [
        factTable(r, timeZone),
        ...(r.first || r.second ? [besideTable(r), originTable(r, timeZone)] : []),
        historyTable(r, timeZone),
      ],
      ...(texts.length > 0 ? { texts } : {}),
      after: decideForm(visit, r),
    });
  });

  desk.form(`${PATH}/:id`, 'decide', async (visit, form) => {
    const id = visit.c.req.param('id') ?? '';
    const decision = form.get('decision') ?? '';
    const known = decision === 'undo' || decision in DECISIONS_OF_PEOPLE;
    const asked: Decide = {
      itemId: id,
      decision: (known ? decision : 'undo') as Decide['decision'],
      reason: form.get('reason') ?? '',
      mark: form.get('mark') ?? '',
    };
    const { subject, name, development } = visit.session;
    const refused = known
      ? await decideItem(deps, { subject, name, role: roleOf(visit), development }, asked, visit.requestId)
      : 'not-allowed';
    if (refused === undefined) return visit.c.redirect(`${PATH}/${id}`, 303);
    const [status, text] = REFUSALS[refused];
    return problem(visit.c, deps, status, 'Not decided', text, visit.session);
  });
}
