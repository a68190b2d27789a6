// What the other payer says of its own answer: counted in the report of a pull, and word for word for those who may see names.
import type { Deps } from '../../../src/deps.ts';
import type { Table } from '../../../src/ui/table.ts';
import { findPeer } from '../../peers/peer.ts';
import { numberCell } from '../../staff/data/texts.ts';
import { MOST_MESSAGES, messagesOf, type PlacedMessage } from '../messages.ts';
import { findPull } from '../pull.ts';
import { pullFiles } from '../pull-file.ts';
import type { PullReport } from './pull-report.ts';

/** Severities of https://hl7.org/fhir/R4/valueset-issue-severity.html in words. */
const SEVERITY: Readonly<Record<string, { text: string; tone: 'act' | 'look' | 'calm' }>> = {
  fatal: { text: 'It could not do what was asked.', tone: 'act' },
  error: { text: 'It could not give something: records may be missing.', tone: 'act' },
  warning: { text: 'Something is not as it should be; the records are there.', tone: 'look' },
  information: { text: 'A note.', tone: 'calm' },
  unreadable: { text: 'No message that can be read: it is not shown.', tone: 'look' },
};
const severityCell = (severity: string) => ({ value: severity, tone: SEVERITY[severity]?.tone ?? ('look' as const) });

const NOT_HERE = 'It sent messages. Their file is not here: it is kept where the node that pulled keeps its files.';

/** By severity and code. @param href where the texts are, for those who may read them */
export function messageTable(r: Pick<PullReport, 'messages' | 'messageFiles'>, href: string | undefined): Table {
  return {
    name: 'messages',
    caption: 'What the other payer says of its answer',
    note: 'Messages are no records. Their files stand among those that came and are not counted as lines; a message that stands among records is counted there, as a line that is no record.',
    columns: [
      { key: 'severity', label: 'Severity', kind: 'head' },
      { key: 'code', label: 'Code' },
      { key: 'messages', label: 'Messages', kind: 'number' },
      { key: 'meaning', label: 'Meaning' },
    ],
    rows: r.messages.map((m) => [
      severityCell(m.severity),
      { value: m.code, code: true },
      numberCell(m.n, href),
      { value: SEVERITY[m.severity]?.text ?? '' },
    ]),
    empty: r.messageFiles.some((f) => f.failure !== null)
      ? 'It has messages, and the file of them could not be fetched.'
      : r.messageFiles.some((f) => (f.lines ?? 0) > 0)
        ? NOT_HERE
        : 'It sent none.',
  };
}

/** Messages of a pull word for word; undefined when there is no such pull. */
export async function pullMessages(
  deps: Pick<Deps, 'database' | 'blobs'>,
  pullId: string,
): Promise<{ pullId: string; peerName: string; messages: PlacedMessage[]; isElsewhere: boolean } | undefined> {
  const { sql } = deps.database;
  const pull = await findPull(sql, pullId);
  if (!pull) return undefined;
  const peer = await findPeer(sql, pull.peerId);
  const messages: PlacedMessage[] = [];
  const files = await pullFiles(sql, pullId);
  for await (const m of messagesOf(deps, files)) messages.push(m);
  const isElsewhere = messages.length === 0 && files.some((f) => f.kind === 'error' && (f.lines ?? 0) > 0);
  return { pullId, peerName: peer?.name ?? pull.peerId, messages, isElsewhere };
}

/** @param isElsewhere there are messages, and their files are not where this process reads files */
export const messageTexts = (messages: readonly PlacedMessage[], isElsewhere: boolean): Table => ({
  name: 'messages',
  caption: 'Messages',
  note: messages.length === MOST_MESSAGES ? `The first ${MOST_MESSAGES}; the others are in the kept file.` : '',
  columns: [
    { key: 'file', label: 'File', kind: 'head' },
    { key: 'line', label: 'Line', kind: 'number' },
    { key: 'severity', label: 'Severity' },
    { key: 'code', label: 'Code' },
    { key: 'text', label: 'In its words' },
  ],
  rows: messages.map((m) => [
    { value: m.file },
    numberCell(m.line),
    severityCell(m.severity),
    { value: m.code, code: true },
    { value: m.text === '' ? null : m.text },
  ]),
  empty: isElsewhere ? NOT_HERE : 'It sent none.',
});
