// /staff/conflicts: what people decide about: contradictions, doubts and records in quarantine. Heaviest first.
import { html, type Safe } from '../../src/ui/html.ts';
import { type Decide, decideAll, decideItem, type Refusal } from '../review/decide.ts';
import { askForAll } from '../review/decide-all.ts';
import {
  DECISIONS_OF_PEOPLE,
  ITEM_KINDS,
  OF_OURS,
  OF_TWO_MEMBERS,
  ONE_PERSON,
  type PersonDecision,
} from '../review/kinds.ts';
import { type Item, type ItemPlace, type ItemReport, itemGroups, itemReport, items } from '../review/read.ts';
import { alikeTable, decisionChoices, decisionWords, kindTable, pullForm, pullTable } from './conflict-groups.ts';
import {
  besideTable,
  factTable,
  historyTable,
  itemTexts,
  label,
  originTable,
  STATES,
  WEIGHTS,
  weightCell,
} from './conflict-tables.ts';
import { peerLines } from './data/lists.ts';
import { codeCell, memberCell, timeCell } from './data/texts.ts';
import { address, csrfField, problem, type StaffContext, withQuery } from './frame.ts';
import { choice, cut, filterForm, PAGE, rowsOf } from './paging.ts';
import { may } from './roles.ts';
import type { StaffRouter, Visit } from './router.ts';

const PATH = '/staff/conflicts';

function readPlace(text: string | undefined): ItemPlace | undefined {
  const m = /^([123])~(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)~([0-9a-f]{32})$/.exec(text ?? '');
  return m?.[2] === undefined || m[3] === undefined || Number.isNaN(Date.parse(m[2]))
    ? undefined
    : { weight: Number(m[1]), at: new Date(m[2]), id: m[3] };
}

function decideForm(visit: Visit, r: ItemReport): Safe | undefined {
  const { item } = r;
  if (!may(visit.session, 'decide')) return undefined;
  const hidden = html`${csrfField(visit.session)}<input type="hidden" name="mark" value="${item.mark}">`;
  const reason = html`<p><label for="reason">Reason, for those who read it later</label><input id="reason" name="reason" required minlength="3" maxlength="1000" autocomplete="off"></p>`;
  const path = `${PATH}/${item.id}`;
  if (item.decision === ONE_PERSON)
    return html`<section class="box"><p>Both were merged. That is taken back at the member.</p></section>`;
  if (item.state === 'decided')
    return html`<section class="box"><h2>Take the decision back</h2><form method="post" action="${path}">${hidden}<input type="hidden" name="decision" value="undo">${reason}<button>Undo “${decisionWords(item.decision ?? '')}”</button></form></section>`;
  if (item.state !== 'open') return undefined;
  return html`<section class="box"><h2>Decide</h2><form method="post" action="${path}">${hidden}<fieldset><legend>Decision</legend>${decisionChoices(item.kind)}</fieldset>${reason}<button>Decide</button></form>${
    OF_TWO_MEMBERS.includes(item.kind) && item.aId !== null && item.bId !== null
      ? html`<p>If they are one person: <a href="/staff/members/${item.aId}/one/${item.bId}">see both, and make them one</a>.</p>`
      : ''
  }</section>`;
}

/** To the item that is decided next: who has many goes from one to the next. */
const nextLink = (visit: Visit, { item, next }: ItemReport): Safe =>
  html`<p><a href="/staff/cases?from=item/${item.id}">Related incidents</a></p>${next && may(visit.session, 'decide') ? html`<p class="onward"><a href="${PATH}/${next.id}">Next to decide: ${label(next.kind)}</a></p>` : ''}`;

/** One decision for all that are shown, of one kind and one payer, or of ours: what is not shown is not decided. */
function allForm(visit: Visit, filter: ReturnType<typeof readFilter>, shown: readonly Item[]): Safe | undefined {
  const { kind = '', state, peerId } = filter;
  const { allows = [] } = ITEM_KINDS[kind] ?? {};
  const isOfOne = OF_OURS.includes(kind) || (peerId !== undefined && !OF_TWO_MEMBERS.includes(kind));
  if (state !== 'open' || !isOfOne || shown.length < 2 || allows.length === 0 || !may(visit.session, 'decide'))
    return undefined;
  return html`<details><summary>Decide all ${shown.length} shown alike</summary><form method="post" action="${PATH}">${csrfField(visit.session)}${shown.map(
    (i) => html`<input type="hidden" name="item" value="${i.id}~${i.mark}">`,
  )}<input type="hidden" name="kind" value="${kind}"><input type="hidden" name="peer" value="${peerId ?? ''}"><fieldset><legend>Decision for each of them</legend>${decisionChoices(kind)}</fieldset><p><label for="all-reason">Reason, for those who read it later</label><input id="all-reason" name="reason" required minlength="3" maxlength="1000" autocomplete="off"></p><button>Decide all ${shown.length}</button></form></details>`;
}

const REFUSALS: Record<Refusal, readonly [404 | 409 | 400, string]> = {
  'no-item': [404, 'There is no such item.'],
  changed: [409, 'The item has changed since you opened it. Open it again and decide on what it is now.'],
  'not-allowed': [400, 'This kind of item does not allow that decision.'],
  'no-reason': [400, 'Give a reason of three letters or more.'],
  'nothing-to-undo': [409, 'There is no decision in force that could be taken back.'],
  'not-kept': [
    409,
    'The file that brought the record is no longer kept, so that it cannot be read again. Nothing was decided. Ask for everything of the member again (a full pull), and decide on what comes.',
  ],
};

const OTHERS = [
  409,
  'There are others than when you opened the page, or someone is deciding them. Open it again and decide on what there is now.',
] as const;

const roleOf = (visit: Visit) =>
  visit.session.roles.includes('reviewer') ? 'reviewer' : (visit.session.roles[0] ?? '');

/** Whose data an item shows: of two who may be one person, of both. */
const membersOf = ({ item, former }: ItemReport): string[] =>
  [item.memberId, former?.id, ...(OF_TWO_MEMBERS.includes(item.kind) ? [item.aId, item.bId] : [])].filter(
    (id) => typeof id === 'string',
  );

function readFilter(c: StaffContext) {
  const weight = choice(c, 'weight', ['1', '2', '3']);
  return {
    state: choice(c, 'state', ['open', 'decided', 'gone'] as const) ?? ('open' as const),
    kind: choice(c, 'kind', Object.keys(ITEM_KINDS)),
    weight: weight === undefined ? undefined : Number(weight),
    decision: choice(c, 'decision', Object.keys(DECISIONS_OF_PEOPLE)),
    peerId: /^[a-z0-9][a-z0-9-]{0,62}$/.exec(c.req.query('peer') ?? '')?.[0],
    pullId: /^[A-Za-z0-9-]{1,64}$/.exec(c.req.query('pull') ?? '')?.[0],
  };
}

export function conflicts(router: StaffRouter): void {
  const { deps } = router;
  const { timeZone } = deps.config;

  router.page(PATH, 'rows', async (visit) => {
    const { c } = visit;
    const filter = readFilter(c);
    const found = await items(deps, filter, rowsOf(c) + 1, readPlace(c.req.query('after')));
    const { rows, last } = cut(found.rows, rowsOf(c));
    const groups = await itemGroups(deps, filter.state === 'open' ? filter.kind : undefined);
    const group = groups.pulls.find((g) => g.pullId === filter.pullId && g.peerId === filter.peerId);
    // the whole list begins with what there is of each kind: one payer may fill it
    const isAll = filter.kind === undefined && filter.peerId === undefined && c.req.query('after') === undefined;
    const peers = await peerLines(deps.database.sql);
    const said = /^(\d{1,4})-(\d{1,4})$/.exec(c.req.query('said') ?? '');
    await router.viewed(
      visit,
      'conflicts',
      'items',
      rows.flatMap((i) => i.memberId ?? []),
      rows.length,
    );
    return router.show(visit, {
      title: 'Conflicts and quarantine',
      place: 'conflicts',
      lead: [
        'Two sources disagree, or a check held a record back. A person must decide each one. Those that concern the safety or the identity of a member come first.',
      ],
      before: html`${
        said === null
          ? ''
          : html`<p class="good" role="status">${said[1] ?? ''} decided${said[2] === '0' ? '' : `, ${said[2]} not: they have changed, or their file is gone`}. Released records are taken in within some minutes.</p>`
      }${filterForm(PATH, [
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
          name: 'decision',
          label: 'Decision',
          all: 'any decision',
          chosen: filter.decision,
          options: Object.keys(DECISIONS_OF_PEOPLE).map((d) => [d, decisionWords(d)] as const),
        },
        {
          name: 'kind',
          label: 'Kind',
          all: 'all kinds',
          chosen: filter.kind,
          options: Object.entries(ITEM_KINDS).map(([k, v]) => [k, v.label] as const),
        },
        {
          name: 'peer',
          label: 'Other payer',
          all: 'all payers',
          chosen: filter.peerId,
          options: peers.map((p) => [p.id, p.name] as const),
        },
      ])}${allForm(visit, filter, rows) ?? ''}${
        filter.pullId === undefined
          ? ''
          : html`<p>Of pull <a href="/staff/pulls/${filter.pullId}"><code>${filter.pullId}</code></a> alone. <a href="${address(PATH, filter.kind === undefined ? {} : { kind: filter.kind })}">Of all pulls</a></p>`
      }${group === undefined || filter.kind === undefined ? '' : (pullForm(visit, filter.kind, group) ?? '')}`,
      tables: [
        ...(isAll ? [kindTable(found.counts)] : []),
        ...(groups.alike.length > 0 ? [alikeTable(groups.alike, timeZone)] : []),
        ...(filter.kind !== undefined && filter.state === 'open' && filter.pullId === undefined
          ? [pullTable(filter.kind, groups.pulls, timeZone)]
          : []),
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
            memberCell(i.memberKey, i.memberId),
            { value: i.peerId, text: i.peerName },
            { value: [i.what, i.detail].filter((t) => t !== '').join('; ') },
            timeCell(i.openedAt, timeZone),
            codeCell(i.decision),
          ]),
          empty: 'There is nothing of this kind.',
        },
        ...(isAll ? [] : [kindTable(found.counts)]),
      ],
      next: last && withQuery(c.req.url, { after: `${last.weight}~${last.openedAt.toISOString()}~${last.id}` }),
    });
  });

  router.form(PATH, 'decide', async (visit, form) => {
    const decision = form.get('decision') ?? '';
    const items = form.getAll('item').flatMap((text) => {
      const [, itemId, mark] = /^([0-9a-f]{32})~([0-9a-f]{32})$/.exec(text) ?? [];
      return itemId === undefined || mark === undefined ? [] : [{ itemId, mark }];
    });
    const { subject, name, development } = visit.session;
    const reason = form.get('reason') ?? '';
    if (!Object.hasOwn(DECISIONS_OF_PEOPLE, decision) || reason.trim().length < 3 || items.length > PAGE) {
      const [status, text] = REFUSALS[reason.trim().length < 3 ? 'no-reason' : 'not-allowed'];
      return problem(visit.c, deps, status, 'Not decided', text, visit.session);
    }
    const done = await decideAll(
      deps,
      { subject, name, role: roleOf(visit), development },
      { decision: decision as PersonDecision, reason, items },
      visit.requestId,
    );
    const not = Object.values(done.refused).reduce((sum, n) => sum + n, 0);
    const back = { kind: form.get('kind') ?? '', peer: form.get('peer') ?? '', said: `${done.decided}-${not}` };
    return visit.c.redirect(address(PATH, back), 303);
  });

  router.form(`${PATH}/all`, 'decide', async (visit, form) => {
    const text = (name: string) => form.get(name) ?? '';
    const of = { kind: text('kind'), peerId: text('peer'), pullId: text('pull') };
    const [at, n] = [new Date(text('at')), Number(text('n'))];
    const decision = text('decision');
    const { subject, name, development } = visit.session;
    const isRead = !Number.isNaN(at.getTime()) && Number.isInteger(n) && n > 1;
    const refused =
      isRead && Object.hasOwn(DECISIONS_OF_PEOPLE, decision) && Object.hasOwn(ITEM_KINDS, of.kind)
        ? await askForAll(
            deps,
            { subject, name, role: roleOf(visit), development },
            of,
            { at, n },
            { decision: decision as PersonDecision, reason: text('reason') },
            visit.requestId,
          )
        : 'not-allowed';
    if (refused === undefined)
      return visit.c.redirect(address(PATH, { kind: of.kind, peer: of.peerId, pull: of.pullId }), 303);
    const [status, why] = refused === 'changed' ? OTHERS : REFUSALS[refused];
    return problem(visit.c, deps, status, 'Not decided', why, visit.session);
  });

  router.page(`${PATH}/:id`, 'rows', async (visit) => {
    const r = await itemReport(deps, visit.c.req.param('id') ?? '');
    if (!r) return router.notFound(visit, 'There is no such item.');
    const members = membersOf(r);
    await router.viewed(visit, 'conflict', `item/${r.item.id}`, members, 1);
    const texts = itemTexts(r);
    const facts = factTable(r, timeZone);
    return router.show(visit, {
      title: label(r.item.kind),
      place: 'conflicts',
      trail: [[PATH, 'Conflicts and quarantine']],
      tables: [
        ...(r.first || r.second ? [besideTable(r)] : []),
        facts,
        ...(r.first || r.second ? [originTable(r, timeZone)] : []),
        historyTable(r, timeZone),
      ],
      // what is decided on stands together, and long texts behind it
      within: { after: facts.name, part: html`${decideForm(visit, r) ?? ''}${nextLink(visit, r)}` },
      ...(texts.length > 0 ? { texts, textsLast: true } : {}),
    });
  });

  router.form(`${PATH}/:id`, 'decide', async (visit, form) => {
    const id = visit.c.req.param('id') ?? '';
    const decision = form.get('decision') ?? '';
    const known = decision === 'undo' || Object.hasOwn(DECISIONS_OF_PEOPLE, decision);
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
    const [status, why] = REFUSALS[refused];
    const again = refused === 'no-item' ? '' : html` <a href="${PATH}/${id}">Open the item</a>`;
    return problem(visit.c, deps, status, 'Not decided', html`${why}${again}`, visit.session);
  });
}
