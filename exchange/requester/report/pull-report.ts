// The report of one pull as plain data: the one source of the staff page, of its CSV and JSON, and of `report PULL`. It
// names members by key only.

import { createHash } from 'node:crypto';
import type { Deps } from '../../../src/deps.ts';
import { VERSION } from '../../../src/version.ts';
import { localDay } from '../../members/deadlines/business-day.ts';
import { memberKeys } from '../../members/member-key.ts';
import { findPeer } from '../../peers/peer.ts';
import { OUTCOME_NAMES, type OutcomeName } from '../../reconcile/reasons.ts';
import { type AttachmentCount, countAttachments } from '../../records/attachment.ts';
import { type Left, leftOf } from '../incomplete-pulls.ts';
import { countMessages } from '../messages.ts';
import { findPull, type Pull, partsOf } from '../pull.ts';
import { type MessageCount, type PullFile, pullFiles } from '../pull-file.ts';
import { type Conservation, conservation } from './conservation.ts';
import {
  acceptance,
  countFindings,
  countLedger,
  type FindingCount,
  type LedgerCount,
  memberLines,
  type PullEvent,
  pullEvents,
} from './pull-counts.ts';

export type TypeOutcomes = { type: string; counts: Record<OutcomeName, number>; total: number };
type ReportMember = {
  key: string;
  outcome: string;
  policy: string;
  units: number;
  held: number;
  clockState: string | null;
  dueAt: Date | null;
};
type ReasonCount = { outcome: string; reason: string; type: string | null; n: number };

export type PullReport = {
  schema: 'payer-node/pull-report/1';
  generatedAt: Date;
  software: string;
  timeZone: string;
  plan: string;
  peer: { id: string; name: string };
  pull: Pick<
    Pull,
    | 'id'
    | 'state'
    | 'cause'
    | 'isFull'
    | 'reason'
    | 'createdAt'
    | 'dueAt'
    | 'kickedOffAt'
    | 'finishedAt'
    | 'since'
    | 'transactionTime'
    | 'partOf'
    | 'filesRemovedAt'
  >;
  /** pulls that have taken members of this one over */
  parts: string[];
  accepted: { by: string; at: Date } | undefined;
  /** why a person has to look at it though it has ended (requester/incomplete-pulls.ts) */
  left: Left | undefined;
  /** lower-case hex SHA-256 of the manifest as it came; null before it came */
  manifestSha256: string | null;
  conservation: Conservation;
  outcomes: TypeOutcomes[];
  totals: TypeOutcomes;
  reasons: ReasonCount[];
  match: { outcome: string; n: number }[];
  members: ReportMember[];
  findings: FindingCount[];
  events: PullEvent[];
  /** attachments that its records give by address, by what became of them */
  attachments: AttachmentCount[];
  /** what the other payer says of its answer, by severity and code */
  messages: MessageCount[];
  /** files of messages as they came */
  messageFiles: Pick<PullFile, 'position' | 'lines' | 'bytes' | 'sha256' | 'failure'>[];
};

const none = (): Record<OutcomeName, number> =>
  Object.fromEntries(OUTCOME_NAMES.map((o) => [o, 0])) as Record<OutcomeName, number>;
const isOutcome = (name: string): name is OutcomeName => (OUTCOME_NAMES as readonly string[]).includes(name);

/** Ledger counts as a table of type × outcome, and its sums. Units that have no type stand under `none`. Pure. */
export function byType(ledger: readonly LedgerCount[]): { rows: TypeOutcomes[]; totals: TypeOutcomes } {
  const rows = new Map<string, TypeOutcomes>();
  const totals: TypeOutcomes = { type: 'All types', counts: none(), total: 0 };
  for (const { type, outcome, n } of ledger) {
    if (!isOutcome(outcome)) throw new Error(`the ledger holds an outcome that is none: ${outcome}`);
    const name = type ?? 'none';
    const row = rows.get(name) ?? { type: name, counts: none(), total: 0 };
    rows.set(name, row);
    for (const sum of [row, totals]) {
      sum.counts[outcome] += n;
      sum.total += n;
    }
  }
  return { rows: [...rows.values()].sort((a, b) => (a.type < b.type ? -1 : 1)), totals };
}

/** Reasons over all files, by outcome and type. Pure. */
function byReason(ledger: readonly LedgerCount[]): ReasonCount[] {
  const rows = new Map<string, ReasonCount>();
  for (const { outcome, reason, type, n } of ledger) {
    if (reason === null) continue;
    const key = `${outcome}|${reason}|${type ?? ''}`;
    const row = rows.get(key) ?? { outcome, reason, type, n: 0 };
    row.n += n;
    rows.set(key, row);
  }
  const rank = (o: string) => (o === 'rejected' ? 0 : o === 'quarantined' ? 1 : 2);
  return [...rows.values()].sort(
    (a, b) =>
      rank(a.outcome) - rank(b.outcome) ||
      a.reason.localeCompare(b.reason) ||
      (a.type ?? '').localeCompare(b.type ?? ''),
  );
}

/** The report of a pull as it stands now; undefined when there is no such pull. */
export async function pullReport(
  deps: Pick<Deps, 'database' | 'config' | 'clock' | 'keys' | 'blobs'>,
  pullId: string,
): Promise<PullReport | undefined> {
  const { sql } = deps.database;
  const pull = await findPull(sql, pullId);
  if (!pull) return undefined;
  const [peer, files, ledger, members, findings, events, accepted, left, keyOf, attachments, parts] = await Promise.all(
    [
      findPeer(sql, pull.peerId),
      pullFiles(sql, pullId),
      countLedger(sql, pullId),
      memberLines(sql, pullId),
      countFindings(sql, pullId),
      pullEvents(sql, pullId),
      acceptance(sql, pullId),
      leftOf(sql, pullId, localDay(deps.clock(), deps.config.timeZone)),
      memberKeys(deps),
      countAttachments(sql, pullId),
      partsOf(sql, pullId),
    ],
  );
  const types = byType(ledger);
  const dueFirst = members.reduce<Date | undefined>(
    (least, { dueAt }) => (dueAt !== null && (least === undefined || dueAt < least) ? dueAt : least),
    undefined,
  );
  const match = new Map<string, number>();
  for (const m of members) match.set(m.outcome, (match.get(m.outcome) ?? 0) + 1);
  return {
    schema: 'payer-node/pull-report/1',
    generatedAt: deps.clock(),
    software: `Payer Node ${VERSION}`,
    timeZone: deps.config.timeZone,
    plan: deps.config.planName,
    peer: { id: pull.peerId, name: peer?.name ?? pull.peerId },
    // as lists tell it: the earliest of the duties that it answers
    pull: { ...pull, dueAt: dueFirst ?? pull.dueAt },
    parts,
    accepted,
    left,
    manifestSha256: pull.manifest === null ? null : createHash('sha256').update(pull.manifest).digest('hex'),
    conservation: conservation(files, ledger, pull.state === 'done', accepted !== undefined),
    outcomes: types.rows,
    totals: types.totals,
    reasons: byReason(ledger),
    match: [...match]
      .map(([outcome, n]) => ({ outcome, n }))
      .sort((a, b) => b.n - a.n || a.outcome.localeCompare(b.outcome)),
    members: members
      .map((m) => ({
        key: keyOf(m.memberId),
        outcome: m.outcome,
        policy: m.policy,
        units: m.units,
        held: m.held,
        clockState: m.clockState,
        dueAt: m.dueAt,
      }))
      .sort((a, b) => (a.key < b.key ? -1 : 1)),
    findings,
    events,
    attachments,
    messages: await countMessages(deps, files),
    messageFiles: files
      .filter((f) => f.kind === 'error')
      .map(({ position, lines, bytes, sha256, failure }) => ({ position, lines, bytes, sha256, failure })),
  };
}

/** Types of records that the other payer has or forbids us, and did not give. Pure. */
export const refusedOf = (r: Pick<PullReport, 'findings'>): string[] =>
  r.findings.flatMap((f) => (f.kind === 'peer-type-refused' && f.type !== null ? [f.type] : []));

/** The same in a sentence, and which types our token did not reach, when there are any. Pure. */
export function refusedWords(r: Pick<PullReport, 'findings' | 'peer' | 'outcomes'>): string[] {
  const types = refusedOf(r);
  const came = new Set(r.outcomes.map((o) => o.type));
  const beyond = r.findings.flatMap((f) =>
    f.kind === 'peer-scope-types' && f.type !== null && !came.has(f.type) ? [f.type] : [],
  );
  return [
    ...(types.length === 0
      ? []
      : [`${r.peer.name} gives no records of ${types.join(', ')}: what it has of them is missing.`]),
    ...(beyond.length === 0
      ? []
      : [
          `The token of ${r.peer.name} does not reach records of ${beyond.join(', ')}: what it has of them is missing.`,
        ]),
  ];
}
