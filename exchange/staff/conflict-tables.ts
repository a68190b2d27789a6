// The tables of an item for people: what it is about, both copies beside each other, where they come from, what was decided.
import type { Cell, Table } from '../../src/ui/table.ts';
import { meaning } from '../reconcile/reasons.ts';
import { besides } from '../records/plain-record.ts';
import { HELD_ITEMS, ITEM_KINDS, ruleWords } from '../review/kinds.ts';
import type { Item, ItemReport } from '../review/read.ts';
import { count, memberCell, timeCell } from './data/texts.ts';
import type { View } from './frame.ts';

export const STATES = { open: 'To decide', decided: 'Decided', gone: 'No longer there' } as const;
export const WEIGHTS: Readonly<Record<string, string>> = { '3': 'Safety or identity', '2': 'Care', '1': 'Can wait' };

export const label = (kind: string) => ITEM_KINDS[kind]?.label ?? kind;
const codeMeaning = (kind: string) => meaning(kind in HELD_ITEMS ? 'reason' : 'finding', kind);

export const weightCell = (weight: number): Cell => ({
  value: weight,
  text: WEIGHTS[String(weight)] ?? String(weight),
  tone: weight === 3 ? 'act' : weight === 2 ? 'look' : 'calm',
});

/** Where the item came from, for the drill-down to the raw line. */
const lineHref = (i: Pick<Item, 'pullId' | 'file' | 'line' | 'entry'>): string | undefined =>
  i.pullId === null || i.file === null || i.line === null
    ? undefined
    : `/staff/pulls/${i.pullId}/lines/${i.file}/${i.line}/${i.entry ?? 0}`;

/** Leads to the item of the claim; when no one has to decide about it, to the line that brought it. */
const otherClaim = (o: ItemReport['others'][number]): Cell => {
  const href = o.itemId === null ? lineHref(o) : `/staff/conflicts/${o.itemId}`;
  return { value: o.sourceId, ...(href === undefined ? {} : { href }) };
};

/** Why a decision is not carried out, and what a person can do. */
const dueWords = ({ isUndo, isKept }: NonNullable<ItemReport['due']>): string =>
  isKept
    ? 'The record is read again, which takes a while; it goes on by itself.'
    : `The file that brought the record is gone. When it is put back from a backup this goes on within a day. Otherwise ${
        isUndo ? 'release the record again' : 'take the decision back'
      }, and ask for everything of the member again (pull run --full --member).`;

const FORMER =
  'Here the record is this member’s so far. Released, it is that of the member above, and is not shown of this one.';

/** Why it is open, or open once more. */
const stateWords = ({ item, isReleasedElsewhere }: ItemReport): string =>
  isReleasedElsewhere
    ? 'Released from another check. This one holds it as well, so that it is not taken in until it is released from this one too.'
    : item.reopened > 0
      ? `Opened again ${count(item.reopened, 'time')}, because a copy changed or another check holds it.`
      : '';

export function factTable(r: ItemReport, timeZone: string): Table {
  const { item } = r;
  const row = (name: string, cell: Cell, more = ''): Cell[] => [{ value: name }, cell, { value: more }];
  const words = codeMeaning(item.kind);
  const todo = words.todo === 'Nothing.' ? 'Nothing has to be done.' : words.todo;
  const says = ITEM_KINDS[item.kind]?.says ?? `${words.text} ${todo}`;
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
      row('Kind', { value: item.kind, text: label(item.kind) }, says),
      row('Weight', weightCell(item.weight)),
      row('State', { value: item.state, text: STATES[item.state] }, stateWords(r)),
      row(
        'Rule that fired',
        { value: item.rule, code: true },
        [ruleWords(item.rule), item.detail].filter((t) => t !== '').join(' '),
      ),
      ...(r.due === undefined
        ? []
        : [row('Carried out', { value: 'no', text: 'Not yet', tone: 'act' }, dueWords(r.due))]),
      ...r.others.map((o) => row('The other claim', otherClaim(o))),
      row('Member', memberCell(r.memberKey, item.memberId)),
      ...(r.former === undefined ? [] : [row('Known of', memberCell(r.former.key, r.former.id), FORMER)]),
      row('Other payer', { value: r.peerName === '' ? null : r.peerName }),
      row(
        'Received line',
        href === undefined
          ? { value: null }
          : {
              value: `${item.file ?? ''}-${item.line ?? ''}-${item.entry ?? 0}`,
              text: `line ${item.line ?? ''} of file ${item.file ?? ''}`,
              href,
            },
      ),
      row('Open since', timeCell(item.openedAt, timeZone)),
    ],
    empty: '',
  };
}

export function besideTable(r: ItemReport): Table {
  const name = (c: ItemReport['first']) => c?.name ?? 'not there';
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

/** Both records as they are written, and the line of one that is held. */
export const itemTexts = (r: ItemReport): NonNullable<View['texts']> => [
  ...(r.first ? [{ name: 'first', caption: r.first.name, text: r.first.text }] : []),
  ...(r.second ? [{ name: 'second', caption: r.second.name, text: r.second.text }] : []),
  ...(r.received === undefined
    ? []
    : [
        {
          name: 'received',
          caption: `As received from ${r.peerName}`,
          ...('text' in r.received ? r.received : { text: r.received.fault, isOurs: true }),
        },
      ]),
];

export function originTable(r: ItemReport, timeZone: string): Table {
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
      { value: c.id, text: c.name },
      timeCell(o.recorded, timeZone),
      { value: o.activity },
      { value: o.who },
      { value: o.from },
    ]),
    empty: 'No statement of origin names either of them.',
  };
}

export function historyTable(r: ItemReport, timeZone: string): Table {
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
