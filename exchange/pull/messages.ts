// What a peer says about its own answer: the files of messages in a manifest. They are no records and stand outside the conservation law,
// but what they tell may be records that it could not give. https://hl7.org/fhir/uv/bulkdata/STU2/export.html#response---output-manifest
import type { Deps } from '../../src/deps.ts';
import { lines } from '../../src/fhir/ndjson.ts';
import { isObject, objects, text } from '../../src/fhir/resource.ts';
import { keptText } from '../reconcile/stage.ts';
import type { PullFile } from '../store/pull-file.ts';

/** `severity` and `code` of the issue; `unreadable` and `unknown` where the line is no OperationOutcome. `text` is the peer's, of at most 1000 characters. */
export type Message = { severity: string; code: string; text: string };
export type PlacedMessage = Message & { file: number; line: number };
export type MessageCount = { severity: string; code: string; n: number };

/** Of R4; R5 says `success` too, which is a note. */
const SEVERITIES = new Set(['fatal', 'error', 'warning', 'information']);
const LONGEST_TEXT = 1000;
/** Messages of one pull that are told: who says more says the same over and over. */
export const MOST_MESSAGES = 1000;
const UNREADABLE: Message = { severity: 'unreadable', code: 'unknown', text: '' };

/** The messages of one line. What is no OperationOutcome is not shown: it may be about anybody. Pure. */
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
export const isGrave = ({ severity }: Pick<Message, 'severity'>): boolean =>
  severity !== 'information' && severity !== 'warning';

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
    if (file.kind !== 'error' || file.blobKey === null) continue;
    const kept = await deps.blobs.get(file.blobKey);
    if (!kept) continue;
    for await (const line of lines(keptText(kept)))
      for (const message of 'text' in line ? readMessages(line.text) : [UNREADABLE]) {
        yield { ...message, file: file.position, line: line.number };
        if (--left === 0) return;
      }
  }
}

const RANKS = ['fatal', 'error', 'unreadable', 'warning', 'information'];

/** The same by severity and code, the gravest first. */
export async function countMessages(deps: Pick<Deps, 'blobs'>, files: readonly PullFile[]): Promise<MessageCount[]> {
  const counts = new Map<string, MessageCount>();
  for await (const { severity, code } of messagesOf(deps, files)) {
    const key = `${severity} ${code}`;
    const one = counts.get(key) ?? { severity, code, n: 0 };
    one.n++;
    counts.set(key, one);
  }
  return [...counts.values()].sort(
    (a, b) => RANKS.indexOf(a.severity) - RANKS.indexOf(b.severity) || a.code.localeCompare(b.code),
  );
}

/** Does what the peer says leave it open whether all records came? All of it is read: a grave one may stand behind a note for each member. */
export async function mayLack(deps: Pick<Deps, 'blobs'>, files: readonly PullFile[]): Promise<boolean> {
  if (files.some((f) => f.kind === 'error' && f.state === 'failed')) return true;
  for await (const message of messagesOf(deps, files, Number.POSITIVE_INFINITY)) if (isGrave(message)) return true;
  return false;
}
