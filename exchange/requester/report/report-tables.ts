// The report of a pull as sentences and tables. The staff page shows them, `report PULL` prints them: the same rows.
import type { Cell, Table, Tone } from '../../../src/ui/table.ts';
import { meaning, OUTCOME_NAMES } from '../../reconcile/reasons.ts';
import { clockCell, codeCell, count, grouped, numberCell, timeCell, timeText } from '../../staff/data/texts.ts';
import { isSevere } from '../messages.ts';
import type { PullFile } from '../pull-file.ts';
import { attachmentCounts } from './attachments.ts';
import type { Balance, Verdict } from './conservation.ts';
import { leftWords } from './incomplete.ts';
import { messageTable } from './messages.ts';
import { type PullReport, refusedWords, type TypeOutcomes } from './pull-report.ts';
import { facts, outcomeWords, timeline } from './report-facts.ts';

const VERDICTS: Readonly<Record<Verdict, { text: string; tone: Tone }>> = {
  holds: { text: 'balances', tone: 'good' },
  open: { text: 'not complete yet', tone: 'calm' },
  broken: { text: 'does not balance', tone: 'act' },
  accepted: { text: 'differs, accepted by a person', tone: 'look' },
};

/** The arithmetic with its verdict: `✔ 5 = 5 = 5`; in files the code of the verdict. */
const checkCell = (b: Balance): Cell => ({
  value: b.verdict,
  text: b.verdict === 'holds' ? b.sum : `${b.sum}, ${VERDICTS[b.verdict].text}`,
  tone: VERDICTS[b.verdict].tone,
});
const numberOr = (n: number | null, none: string): Cell => (n === null ? { value: null, text: none } : numberCell(n));
const balanceCells = (b: Balance): Cell[] => [
  numberOr(b.declared, 'not declared'),
  numberOr(b.received, 'not counted yet'),
  numberCell(b.recorded),
  checkCell(b),
];
const BALANCE_COLUMNS = [
  { key: 'declared', label: 'Declared by manifest', kind: 'number' },
  { key: 'received', label: 'Lines received', kind: 'number' },
  { key: 'outcomes', label: 'Sum of outcomes', kind: 'number' },
  { key: 'verdict', label: 'Declared = received = outcomes', kind: 'check' },
] as const;

/** Where rows of the ledger are listed; without it (a report on paper) figures are not links. */
export type Lines = (filter: Record<string, string>) => string | undefined;

/** Outcomes whose name is no word. */
const OUTCOME_WORDS: Readonly<Record<string, string>> = {
  'linked-duplicate': 'linked as duplicates',
  echo: 'our own that came back',
};

/** What happened, in sentences. */
export function reportSummary(r: PullReport): string[] {
  const { pull, conservation, totals } = r;
  const matched = r.match.find((m) => m.outcome === 'matched')?.n ?? 0;
  const state = meaning('state', pull.state);
  const out = [
    `${r.plan} asked ${r.peer.name} for the history of ${count(r.members.length, 'member')} on ${timeText(pull.createdAt, r.timeZone)}. ${count(matched, 'member was', 'members were')} matched.`,
  ];
  if (totals.total > 0) {
    const parts = OUTCOME_NAMES.filter((o) => totals.counts[o] > 0).map(
      (o) => `${grouped(totals.counts[o])} ${OUTCOME_WORDS[o] ?? o}`,
    );
    const { received } = conservation.total;
    out.push(
      pull.state === 'done' || received === null
        ? `${count(totals.total, 'line was', 'lines were')} received, each with one outcome: ${parts.join(', ')}.`
        : `${grouped(totals.total)} of ${count(received, 'line', 'lines')} are taken in so far, all of a member's at once: ${parts.join(', ')}.`,
    );
  }
  const { verdict, sum, declared } = conservation.total;
  // what no one declared cannot be determined to have come whole
  const undeclared = conservation.files.filter((f) => f.declared === null).length;
  if (conservation.files.length > 0)
    out.push(
      {
        holds:
          declared === null
            ? `Of what came nothing was lost: received = outcomes (${sum}), for every file. How many lines there were, ${r.peer.name} did not say of ${count(undeclared, 'file')}.`
            : `Nothing was lost: declared = received = outcomes (${sum}), for every file.`,
        open: `The count is not complete yet (${sum}).`,
        broken: `The count does not balance (${sum}): see the files marked ✘.`,
        accepted: `The count differs from what was declared (${sum}); a person accepted it.`,
      }[verdict],
    );
  out.push(`State: ${state.text}.${pull.reason === null ? '' : ` ${meaning('pull', pull.reason).text}`}`);
  const given = r.attachments.reduce((n, a) => n + a.n, 0);
  const of = (state: string) => r.attachments.reduce((n, a) => n + (a.state === state ? a.n : 0), 0);
  if (given > 0)
    out.push(
      `${count(given, 'linked document', 'linked documents')}: ${grouped(of('kept'))} downloaded, ${grouped(of('due'))} waiting, ${grouped(of('not-fetched'))} not downloaded.`,
    );
  const severe = r.messages.filter(isSevere).reduce((n, m) => n + m.n, 0);
  if (severe > 0)
    out.push(
      `${r.peer.name} itself says that something went wrong with its answer (${count(severe, 'message', 'messages')}): records may be missing that it never sent.`,
    );
  else if (r.findings.some((f) => f.kind === 'peer-incomplete'))
    out.push(`The answer of ${r.peer.name} may not be whole: ${meaning('finding', 'peer-incomplete').text}`);
  out.push(...refusedWords(r), ...(r.left === undefined ? [] : [leftWords(r.left, r.peer).summary]));
  if (r.accepted) out.push(`Accepted as it is by ${r.accepted.by} on ${timeText(r.accepted.at, r.timeZone)}.`);
  return out;
}

const NOTHING: Cell = { value: null };
const keptCells = (f: Pick<PullFile, 'bytes' | 'sha256' | 'failure'>): Cell[] => [
  f.bytes === null ? NOTHING : numberCell(f.bytes),
  { value: f.sha256, code: true },
  f.failure === null ? NOTHING : { value: f.failure, text: meaning('pull', f.failure).text },
];
/** Messages are no records: nothing is to become of their lines. */
const messageFileRow = (f: PullReport['messageFiles'][number]): Cell[] => [
  { value: f.position },
  { value: 'error', text: 'messages' },
  { value: 'OperationOutcome' },
  NOTHING,
  numberOr(f.lines, 'not fetched'),
  NOTHING,
  NOTHING,
  ...keptCells(f),
];

function conservationTables(r: PullReport, lines: Lines): Table[] {
  const { files, types, total } = r.conservation;
  const fileRow = (f: (typeof files)[number]): Cell[] => {
    const href = f.recorded > 0 ? lines({ file: String(f.position) }) : undefined;
    return [
      { value: f.position, ...(href === undefined ? {} : { href }) },
      { value: f.kind, text: f.kind === 'deleted' ? 'deletions' : 'records' },
      { value: f.type },
      ...balanceCells(f),
      ...keptCells(f),
    ];
  };
  const law =
    'The law: every line that the manifest declares is received, and every received line has exactly one outcome.';
  return [
    {
      name: 'conservation',
      caption: 'Is every line accounted for?',
      note: law,
      columns: [{ key: 'type', label: 'Type', kind: 'head' }, ...BALANCE_COLUMNS],
      rows: types.map((t) => [{ value: t.type }, ...balanceCells(t)]),
      total: [{ value: 'All types' }, ...balanceCells(total)],
      empty: 'No files were listed yet.',
    },
    {
      name: 'files',
      caption: 'Files as they came',
      note: 'Files are kept as received. The SHA-256 is that of the kept file.',
      columns: [
        { key: 'file', label: 'File', kind: 'head' },
        { key: 'kind', label: 'Kind' },
        { key: 'type', label: 'Type' },
        ...BALANCE_COLUMNS,
        { key: 'bytes', label: 'Bytes kept', kind: 'number' },
        { key: 'sha256', label: 'SHA-256', kind: 'hash' },
        { key: 'failure', label: 'Trouble' },
      ],
      rows: [...files.map(fileRow), ...r.messageFiles.map(messageFileRow)],
      empty: 'No files were listed yet.',
    },
  ];
}

function outcomeTable(r: PullReport, lines: Lines): Table {
  const cells = (t: TypeOutcomes, type: Record<string, string>): Cell[] => [
    ...OUTCOME_NAMES.map((o) => numberCell(t.counts[o], lines({ ...type, outcome: o }))),
    numberCell(t.total, lines(type)),
  ];
  return {
    name: 'outcomes',
    caption: 'Outcomes by type',
    columns: [
      { key: 'type', label: 'Type', kind: 'head' },
      ...OUTCOME_NAMES.map((o) => ({ key: o, label: o, kind: 'number' as const })),
      { key: 'total', label: 'total', kind: 'number' },
    ],
    rows: r.outcomes.map((t) => [
      { value: t.type, text: t.type === 'none' ? 'no type' : t.type },
      ...cells(t, { type: t.type }),
    ]),
    total: [{ value: r.totals.type }, ...cells(r.totals, {})],
    empty: 'No lines are in the ledger yet.',
  };
}

function reasonTable(r: PullReport, lines: Lines, name: string, caption: string, held: boolean): Table {
  const rows = r.reasons.filter((x) => (x.outcome === 'quarantined' || x.outcome === 'rejected') === held);
  return {
    name,
    caption,
    columns: [
      { key: 'reason', label: 'Reason', kind: 'head' },
      { key: 'outcome', label: 'Outcome' },
      { key: 'type', label: 'Type' },
      { key: 'lines', label: 'Lines', kind: 'number' },
      { key: 'meaning', label: 'Meaning' },
      { key: 'todo', label: 'What to do' },
    ],
    rows: rows.map((x) => {
      const means = meaning('reason', x.reason);
      return [
        codeCell(x.reason, 'reason'),
        { value: x.outcome },
        { value: x.type ?? 'none', text: x.type ?? 'no type' },
        numberCell(x.n, lines({ outcome: x.outcome, reason: x.reason, type: x.type ?? 'none' })),
        { value: means.text },
        { value: means.todo },
      ];
    }),
    empty: held ? 'Nothing was held back or refused.' : 'No other line needed a reason.',
  };
}

function matchTables(r: PullReport, lines: Lines, members: Lines): Table[] {
  return [
    {
      name: 'match',
      caption: 'Match results',
      columns: [
        { key: 'outcome', label: 'Result', kind: 'head' },
        { key: 'members', label: 'Members', kind: 'number' },
        { key: 'meaning', label: 'Meaning' },
        { key: 'todo', label: 'What to do' },
      ],
      rows: r.match.map((m) => {
        const means = meaning('match', m.outcome);
        return [
          codeCell(m.outcome, 'match'),
          numberCell(m.n, members({ outcome: m.outcome })),
          { value: means.text },
          { value: means.todo },
        ];
      }),
      empty: 'No members.',
    },
    {
      name: 'members',
      caption: 'Members of this pull',
      note: 'Members are shown by a key that stands for one person on all pages. Names are shown to reviewers only, on a page of their own, and each look is recorded. Lines of no member of the pull are not counted here: directory records, lines that are none, and those about another person.',
      columns: [
        { key: 'member', label: 'Member', kind: 'head' },
        { key: 'result', label: 'Result' },
        { key: 'choice', label: 'Choice covers' },
        { key: 'lines', label: 'Lines received', kind: 'number' },
        { key: 'held', label: 'of these quarantined', kind: 'number' },
        { key: 'clock', label: 'Clock of the request' },
        { key: 'due', label: 'Due' },
      ],
      rows: r.members.map((m) => [
        { value: m.key, code: true, ...hrefOf(members({ member: m.key })) },
        codeCell(m.outcome, 'match'),
        { value: m.policy, text: m.policy === 'sensitive' ? 'all records' : 'records that are not sensitive' },
        numberCell(m.units, lines({ member: m.key })),
        numberCell(m.held, lines({ member: m.key, outcome: 'quarantined' })),
        m.clockState === null || m.dueAt === null
          ? { value: null }
          : clockCell({ state: m.clockState, dueAt: m.dueAt }, r.generatedAt),
        timeCell(m.dueAt, r.timeZone),
      ]),
      empty: 'No members.',
    },
  ];
}

const hrefOf = (href: string | undefined) => (href === undefined ? {} : { href });

function findingTable(r: PullReport, lines: Lines): Table {
  return {
    name: 'findings',
    caption: 'Findings',
    note: 'Findings change no outcome: they say what was noticed. Those about habits of the other payer are counted by type, without a list of lines.',
    columns: [
      { key: 'finding', label: 'Finding', kind: 'head' },
      { key: 'type', label: 'Type' },
      { key: 'lines', label: 'Lines', kind: 'number' },
      { key: 'meaning', label: 'Meaning' },
      { key: 'todo', label: 'What to do' },
    ],
    rows: r.findings.map((f) => {
      const means = meaning('finding', f.kind);
      // findings about the other payer's habits are counted only: there are no rows to lead to
      const href = f.rows > 0 ? lines({ finding: f.kind, ...(f.type === null ? {} : { type: f.type }) }) : undefined;
      return [
        codeCell(f.kind, 'finding'),
        { value: f.type },
        numberCell(f.n, href),
        { value: means.text },
        { value: means.todo },
      ];
    }),
    empty: 'Nothing was noticed.',
  };
}

/**
 * All tables of a report.
 * @param lines address of the ledger rows under a filter; @param members address of the members' page under a filter.
 *   Both answer undefined when the reader may not open them. @param messages address of the other payer's messages, for those who may
 */
export function reportTables(
  r: PullReport,
  lines: Lines = () => undefined,
  members: Lines = () => undefined,
  messages?: string,
): Table[] {
  return [
    ...conservationTables(r, lines),
    outcomeTable(r, lines),
    reasonTable(r, lines, 'held', 'Held back or refused', true),
    ...matchTables(r, lines, members),
    findingTable(r, lines),
    messageTable(r, messages),
    attachmentCounts(r.attachments),
    reasonTable(r, lines, 'reasons', 'Reasons of other outcomes', false),
    timeline(r),
    outcomeWords(r),
    facts(r),
  ];
}
