// A pull's report for a terminal: what came, what became of it, and whether the books balance.

import type { OpenNode } from '../../src/runtime/open-node.ts';
import { meaning, OUTCOME_NAMES } from '../reconcile/reasons.ts';
import { leftWords } from '../requester/report/incomplete.ts';
import { type PullReport, pullReport, refusedOf } from '../requester/report/pull-report.ts';

const VERDICTS = {
  holds: 'balanced',
  open: 'not finished',
  broken: 'NOT BALANCED',
  accepted: 'accepted by a person',
} as const;

const NOTHING_TO_DO = 'Nothing.';

/** What a pull waits for or ended by, in words, and what to do. Pure. */
function reasonLine({ reason }: PullReport['pull']): string[] {
  if (reason === null) return [];
  const { text, todo } = meaning('pull', reason);
  return [`  ${text}${todo === NOTHING_TO_DO ? '' : ` ${todo}`}`];
}

/** Files that could not be had, or not as they should be: which types, how many, and why. Pure. */
function troubleLines(report: PullReport): string[] {
  const troubles = new Map<string, number>();
  const { conservation, messageFiles } = report;
  for (const f of [...conservation.files, ...messageFiles.map((m) => ({ ...m, type: 'messages' }))]) {
    if (f.failure === null) continue;
    const what = `${f.type === '' ? 'no type' : f.type}: ${meaning('pull', f.failure).text}`;
    troubles.set(what, (troubles.get(what) ?? 0) + 1);
  }
  return [...troubles].map(([what, n]) => `  trouble with ${n === 1 ? 'a file' : `${n} files`} of ${what}`);
}

/** Lines for the screen. Pure. */
export function reportText(report: PullReport, address: string): string {
  const { pull, conservation: c } = report;
  const refused = refusedOf(report);
  const used = OUTCOME_NAMES.filter((o) => report.totals.counts[o] > 0);
  const width = Math.max(14, ...report.outcomes.map((r) => r.type.length));
  const cell = (name: string, text: string) => text.padStart(Math.max(9, name.length));
  const line = (row: PullReport['totals'], name: string) =>
    `  ${name.padEnd(width)} ${used.map((o) => cell(o, String(row.counts[o] || ''))).join(' ')}`;
  const held = report.reasons.filter((r) => r.outcome === 'quarantined' || r.outcome === 'rejected');
  const byReason = new Map<string, number>();
  for (const r of held) byReason.set(r.reason, (byReason.get(r.reason) ?? 0) + r.n);
  const noted = new Map<string, number>();
  for (const f of report.findings) noted.set(f.kind, (noted.get(f.kind) ?? 0) + f.n);
  const byEnd = new Map<string, number>();
  for (const a of report.attachments) {
    const end = a.reason ?? (a.state === 'due' ? 'to be fetched' : a.state);
    byEnd.set(end, (byEnd.get(end) ?? 0) + a.n);
  }
  const listed = (counts: ReadonlyMap<string, number>) => [...counts].map(([what, n]) => `${n} ${what}`).join(', ');
  return [
    `Pull ${pull.id} from ${report.peer.name}: ${pull.state}${pull.reason === null ? '' : ` (${pull.reason})`}`,
    ...reasonLine(pull),
    `  members: ${report.match.map((m) => `${m.n} ${m.outcome}`).join(', ') || 'none'}`,
    `  ${VERDICTS[c.total.verdict]}: manifest = received = accounted for: ${c.total.sum}`,
    ...troubleLines(report),
    ...(refused.length === 0 ? [] : [`  not given by the payer: ${refused.join(', ')}`]),
    ...report.parts.map((id) => `  others of its members are asked for by pull ${id}`),
    ...(report.left === undefined ? [] : [`  ${leftWords(report.left, report.peer).line}`]),
    '',
    ...(used.length === 0
      ? ['  no lines']
      : [
          `  ${'type'.padEnd(width)} ${used.map((o) => cell(o, o)).join(' ')}`,
          ...report.outcomes.map((row) => line(row, row.type)),
          line(report.totals, 'total'),
        ]),
    ...(byReason.size > 0 ? ['', `  kept out: ${listed(byReason)}`] : []),
    ...(noted.size > 0 ? ['', `  noted: ${listed(noted)}`] : []),
    ...(byEnd.size > 0 ? ['', `  attachments given by address: ${listed(byEnd)}`] : []),
    '',
    `  Report: ${address}`,
  ].join('\n');
}

/** The report of a pull as text, with the address of its page. */
export async function terminalReport(node: OpenNode, pullId: string): Promise<string> {
  const report = await pullReport(node.deps, pullId);
  return report ? reportText(report, `${node.config.baseUrl}/staff/pulls/${pullId}`) : `There is no pull "${pullId}".`;
}
