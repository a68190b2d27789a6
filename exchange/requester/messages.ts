// What a peer says about its own answer: the files of messages in a manifest. They are no records and stand outside the conservation law,
// but what they tell may be records that it could not give. https://hl7.org/fhir/uv/bulkdata/STU2/export.html#response---output-manifest
import type { Deps } from '../../src/deps.ts';
import { lines } from '../../src/fhir/ndjson.ts';
import { isObject, objects, text } from '../../src/fhir/resource.ts';
import { keptText } from '../reconcile/stage.ts';
import { fileSaid, type MessageCount, type PullFile } from './pull-file.ts';

/**
 * `severity` and `code` of the issue; `unreadable` and `unknown` where the line is no OperationOutcome. `text` is the
 * peer's, of at most 1000 characters.
 */
export type Message = { severity: string; code: string; text: string };
export type PlacedMessage = Message & { file: number; line: number };

/** Of R4; R5 says `success` too, which is a note. */
const SEVERITIES = new Set(['fatal', 'error', 'warning', 'information']);
const LONGEST_TEXT = 1000;
/** Messages of one pull that are reported: who says more says the same over and over. */
export const MOST_MESSAGES = 1000;
const UNREADABLE: Message = { severity: 'unreadable', code: 'unknown', text: '' };

/** The messages of one line. What is no OperationOutcome is not shown: it may be about anyone. Pure. */
export function readMessages(line: string): Message[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    return [UNREADABLE];
  }
  const outcome = parsed as Parameters<typeof isObject>[0];
  if (!isObject(outcome) || outcome['resourceType'] !== 'OperationOutcome') return [UNREADABLE];
  const found = objects(outcome['issue']).map((i): Message => {
    const [severity, code] = [text(i['severity']) ?? '', text(i['code']) ?? ''];
    const details = isObject(i['details']) ? text(i['details']['text']) : undefined;
    return {
      severity: SEVERITIES.has(severity) ? severity : severity === 'success' ? 'information' : 'unreadable',
      code: /^[a-z][a-z-]{0,39}$/.test(code) ? code : 'unknown',
      text: (text(i['diagnostics']) ?? details ?? '').slice(0, LONGEST_TEXT).toWellFormed(),
    };
  });
  return found.length === 0 ? [UNREADABLE] : found;
}

/** Does it say that something is missing, or may it? A note or a warning does not. */
export const isSevere = ({ severity }: Pick<Message, 'severity'>): boolean =>
  severity !== 'information' && severity !== 'warning';

/** Messages may stand among records too: of such a file only these are read, which is known once its lines were looked at. */
const mayHold = (file: PullFile): boolean => file.kind === 'error' || file.said !== null;
const isMessage = (line: string): boolean =>
  line.includes('"OperationOutcome"') && readMessages(line).some((m) => m !== UNREADABLE);

/**
 * The first messages that came with an answer, in its order. Files that were not had, or that are no longer kept, give none.
 * @param files of the pull
 * @param most how many
 */
export async function* messagesOf(
  deps: Pick<Deps, 'blobs'>,
  files: readonly PullFile[],
  most = MOST_MESSAGES,
): AsyncGenerator<PlacedMessage> {
  let left = most;
  for (const file of files) {
    if (!mayHold(file) || file.blobKey === null) continue;
    const kept = await deps.blobs.get(file.blobKey);
    if (!kept) continue;
    for await (const line of lines(keptText(kept))) {
      if (file.kind !== 'error' && !('text' in line && isMessage(line.text))) continue;
      for (const message of 'text' in line ? readMessages(line.text) : [UNREADABLE]) {
        yield { ...message, file: file.position, line: line.number };
        if (--left === 0) return;
      }
    }
  }
}

const RANKS = ['fatal', 'error', 'unreadable', 'warning', 'information'];
/** Different severities and codes of one file that are distinguished; who says more has made them up. */
const MOST_KINDS = 100;

/** The same by severity and code, the gravest first. */
function counted(messages: Iterable<MessageCount>): MessageCount[] {
  const counts = new Map<string, MessageCount>();
  for (const { severity, code, n } of messages) {
    const key = `${severity} ${code}`;
    const kept = counts.has(key) || counts.size < MOST_KINDS ? code : 'unknown';
    const one = counts.get(`${severity} ${kept}`) ?? { severity, code: kept, n: 0 };
    one.n += n;
    counts.set(`${severity} ${kept}`, one);
  }
  return [...counts.values()].sort(
    (a, b) => RANKS.indexOf(a.severity) - RANKS.indexOf(b.severity) || a.code.localeCompare(b.code),
  );
}

/** What the messages of one file say. All of it is read: a severe one may stand behind a note for each member. */
async function saidIn(deps: Pick<Deps, 'blobs'>, file: PullFile): Promise<MessageCount[]> {
  let said: MessageCount[] = [];
  let more: MessageCount[] = [];
  for await (const { severity, code } of messagesOf(deps, [file], Number.POSITIVE_INFINITY)) {
    more.push({ severity, code, n: 1 });
    if (more.length < MOST_MESSAGES) continue;
    said = counted([...said, ...more]);
    more = [];
  }
  return counted([...said, ...more]);
}

/** What a pull's files of messages say, of those that are there. */
export async function countMessages(deps: Pick<Deps, 'blobs'>, files: readonly PullFile[]): Promise<MessageCount[]> {
  const said: MessageCount[] = [];
  for (const file of files) if (mayHold(file)) said.push(...(file.said ?? (await saidIn(deps, file))));
  return counted(said);
}

/** Of many messages: more than notes; and may something be missing? */
const judged = (said: readonly MessageCount[]) => ({
  isProblem: said.some((m) => m.severity !== 'information'),
  mayLack: said.some(isSevere),
});

/**
 * The same of what it says among the records, where lines of a pull were found to be none.
 * @param positions of files that hold such lines
 */
export async function readSaidWithin(
  deps: Pick<Deps, 'database' | 'blobs'>,
  pullId: string,
  files: readonly PullFile[],
  positions: ReadonlySet<number>,
): Promise<{ isProblem: boolean; mayLack: boolean }> {
  const all: MessageCount[] = [];
  for (const file of files) {
    if (file.kind !== 'output' || !positions.has(file.position)) continue;
    const said = await saidIn(deps, { ...file, said: [] });
    if (said.length > 0) await fileSaid(deps.database.sql, pullId, file.position, said);
    all.push(...said);
  }
  return judged(all);
}

/**
 * Reads what a payer says of its answer and keeps it with the files.
 * `isProblem`: more than notes, or a file that could not be had; `mayLack`: it leaves open whether all records came.
 */
export async function readSaid(
  deps: Pick<Deps, 'database' | 'blobs'>,
  pullId: string,
  files: readonly PullFile[],
): Promise<{ isProblem: boolean; mayLack: boolean }> {
  const found = { isProblem: false, mayLack: false };
  for (const file of files) {
    if (file.kind !== 'error') continue;
    const said = file.said ?? (await saidIn(deps, file));
    if (file.said === null && file.blobKey !== null) await fileSaid(deps.database.sql, pullId, file.position, said);
    const { isProblem, mayLack } = judged(said);
    found.isProblem ||= file.state === 'failed' || isProblem;
    found.mayLack ||= file.state === 'failed' || mayLack;
  }
  return found;
}
