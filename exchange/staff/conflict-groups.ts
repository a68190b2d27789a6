// How many items of each kind, payer and pull there are, and the form that decides all of one pull alike. One payer may send a hundred
// thousand records about strangers: no one decides those one by one.
import { html, type Safe } from '../../src/ui/html.ts';
import type { Table } from '../../src/ui/table.ts';
import { DECISIONS_OF_PEOPLE, ITEM_KINDS, OF_TWO_MEMBERS } from '../review/kinds.ts';
import type { itemGroups, items } from '../review/read.ts';
import { label, weightCell } from './conflict-tables.ts';
import { grouped, numberCell, timeCell } from './data/texts.ts';
import { address, csrfField } from './frame.ts';
import { may } from './roles.ts';
import type { Visit } from './router.ts';

const PATH = '/staff/conflicts';
type Groups = Awaited<ReturnType<typeof itemGroups>>;
type Counts = Awaited<ReturnType<typeof items>>['counts'];

/** `keep-both` as it is said: `Keep both`. */
export const decisionWords = (decision: string): string =>
  decision.charAt(0).toUpperCase() + decision.slice(1).replaceAll('-', ' ');

/** The choices of a form that decides items of one kind. */
export function decisionChoices(kind: string): Safe {
  const { allows = [], means = {} } = ITEM_KINDS[kind] ?? {};
  return html`${allows.map(
    (d) =>
      html`<label><input type="radio" name="decision" value="${d}" required><span><strong>${decisionWords(d)}</strong> ${means[d] ?? DECISIONS_OF_PEOPLE[d]}</span></label>`,
  )}`;
}

export function kindTable(counts: Counts): Table {
  return {
    name: 'kinds',
    caption: 'How many of each kind',
    columns: [
      { key: 'kind', label: 'Kind', kind: 'head' },
      { key: 'weight', label: 'Weight' },
      { key: 'open', label: 'To decide', kind: 'number' },
      { key: 'decided', label: 'Decided', kind: 'number' },
      { key: 'gone', label: 'No longer there', kind: 'number' },
    ],
    rows: [...new Set(counts.map((k) => k.kind))].map((kind) => {
      const n = (state: string) =>
        counts.filter((k) => k.kind === kind && k.state === state).reduce((sum, k) => sum + k.n, 0);
      return [
        { value: kind, text: label(kind) },
        weightCell(ITEM_KINDS[kind]?.weight ?? 1),
        numberCell(n('open'), address(PATH, { kind })),
        numberCell(n('decided'), address(PATH, { kind, state: 'decided' })),
        numberCell(n('gone'), address(PATH, { kind, state: 'gone' })),
      ];
    }),
    empty: 'None yet.',
  };
}

export function pullTable(kind: string, pulls: Groups['pulls'], timeZone: string): Table {
  return {
    name: 'pulls',
    caption: `${label(kind)}: by payer and pull`,
    columns: [
      { key: 'peer', label: 'Other payer', kind: 'head' },
      { key: 'pull', label: 'Pull' },
      { key: 'since', label: 'Oldest since' },
      { key: 'open', label: 'To decide', kind: 'number' },
    ],
    rows: pulls.map((p) => [
      { value: p.peerId, text: p.peerName },
      p.pullId === null ? { value: null } : { value: p.pullId, code: true, href: `/staff/pulls/${p.pullId}` },
      timeCell(p.since, timeZone),
      numberCell(p.n, address(PATH, { kind, peer: p.peerId, ...(p.pullId === null ? {} : { pull: p.pullId }) })),
    ]),
    empty: 'There is nothing of this kind.',
  };
}

export function alikeTable(alike: Groups['alike'], timeZone: string): Table {
  return {
    name: 'alike',
    caption: 'Being decided alike',
    columns: [
      { key: 'kind', label: 'What', kind: 'head' },
      { key: 'peer', label: 'Other payer' },
      { key: 'pull', label: 'Pull' },
      { key: 'decision', label: 'Decision' },
      { key: 'by', label: 'By' },
      { key: 'at', label: 'At' },
      { key: 'asked', label: 'Items', kind: 'number' },
      { key: 'decided', label: 'Decided', kind: 'number' },
      { key: 'refused', label: 'Not: changed since', kind: 'number' },
    ],
    rows: alike.map((a) => [
      { value: a.kind, text: label(a.kind) },
      { value: a.peerId, text: a.peerName },
      { value: a.pullId, code: true, href: `/staff/pulls/${a.pullId}` },
      { value: a.decision, text: decisionWords(a.decision) },
      { value: a.name },
      timeCell(a.at, timeZone),
      numberCell(a.asked),
      numberCell(a.decided),
      numberCell(a.refused),
    ]),
    empty: 'None.',
  };
}

/** Of one kind, payer and pull: one decision for all there are, not for those of a page alone. */
export function pullForm(visit: Visit, kind: string, group: Groups['pulls'][number]): Safe | undefined {
  if (group.n < 2 || group.pullId === null || OF_TWO_MEMBERS.includes(kind) || !may(visit.session, 'decide'))
    return undefined;
  return html`<details><summary>Decide all ${grouped(group.n)} of this pull alike</summary><p>Not only those that are shown. Each becomes a decision of its own, in the background; what comes or changes from now on stays open.</p><form method="post" action="${PATH}/all">${csrfField(visit.session)}${Object.entries(
    { kind, peer: group.peerId, pull: group.pullId, n: String(group.n), at: group.newest.toISOString() },
  ).map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`,
  )}<fieldset><legend>Decision for each of the ${grouped(group.n)}</legend>${decisionChoices(kind)}</fieldset><p><label for="pull-reason">Reason, for those who read it later</label><input id="pull-reason" name="reason" required minlength="3" maxlength="1000" autocomplete="off"></p><button>Decide all ${grouped(group.n)}</button></form></details>`;
}
