// What the commands that import have in common: they stop at a safe place, and say what they did not take.
import type { IssueCode } from '../fhir/validate/issue.ts';
import { CommandFault } from '../runtime/fault.ts';
import { say } from '../runtime/say.ts';
import { type RejectsWriter, rejectsWriter } from './rejects-file.ts';

const number = new Intl.NumberFormat('en-US');

/** Ctrl-C stops long work at a safe place; what cannot end in order there throws the signal's reason. */
export function interruptible(): AbortSignal {
  const controller = new AbortController();
  const stop = () => controller.abort(new CommandFault('Stopped.'));
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  return controller.signal;
}

type Findings = Partial<Record<IssueCode, number>> | Record<string, number>;

export function sayFindings(findings: Findings): string[] {
  const rows = Object.entries(findings).sort((a, b) => Number(b[1]) - Number(a[1]));
  return rows.length === 0
    ? []
    : ['findings (stored as sent):', ...rows.map(([code, n]) => `  ${number.format(Number(n)).padStart(9)} ${code}`)];
}

/** Also after a fault all that was refused until then stands in the file. */
export async function withRejects(file: string, run: (rejects: RejectsWriter) => Promise<void>): Promise<void> {
  const rejects = rejectsWriter(file);
  try {
    await run(rejects);
  } catch (error) {
    // what stopped the import is reported
    const written = await rejects.close().catch(() => undefined);
    if (written !== undefined) say(`lines rejected until then, with their reasons: ${written}`);
    throw error;
  }
  if (rejects.unread.length > 0) process.exitCode = 1;
}

/** Files that are named; of more it is said how many. */
const NAMED = 10;

/** What was refused, and first of all what was not read: how much that is no one knows. */
export function sayRejects({ unread }: RejectsWriter, file: string | undefined): string[] {
  const named = unread.slice(0, NAMED).map(({ source, line, reason }) => {
    return line > 1 ? `not read as a whole: ${source}, line ${line}. ${reason}` : `not read: ${source}. ${reason}`;
  });
  return [
    ...named,
    ...(unread.length > NAMED
      ? [`not read, or not as a whole: ${number.format(unread.length - NAMED)} files more`]
      : []),
    ...(file === undefined ? [] : [`rejected lines with their reasons: ${file}`]),
  ];
}
