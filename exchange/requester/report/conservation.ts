// The conservation law as arithmetic: what the manifest declared = what was received = the sum of all outcomes, for every
// file and every type. Pure.

import type { PullFile } from '../pull-file.ts';
import type { LedgerCount } from './pull-counts.ts';

/** `holds`, `open` (not counted yet), `broken`, or `accepted`: broken, and a person took it as it is. */
export type Verdict = 'holds' | 'open' | 'broken' | 'accepted';
export type Balance = {
  /** lines that the manifest declared; null when it did not say */
  declared: number | null;
  /** lines received; null when not counted yet */
  received: number | null;
  /** sum of all outcomes in the ledger */
  recorded: number;
  verdict: Verdict;
  /** `120 = 120 = 120` */
  sum: string;
};
type FileBalance = Balance &
  Pick<PullFile, 'position' | 'kind' | 'type' | 'state' | 'bytes' | 'sha256' | 'failure' | 'attempts'>;
type TypeBalance = Balance & { type: string };
export type Conservation = { files: FileBalance[]; types: TypeBalance[]; total: Balance };

/** @param isRecorded the pull was committed, so the ledger is complete */
export function balance(
  declared: number | null,
  received: number | null,
  recorded: number,
  isRecorded: boolean,
  isAccepted: boolean,
): Balance {
  const sign = (a: number | null, b: number | null) => (a === null || b === null ? '·' : a === b ? '=' : '≠');
  const ledger = isRecorded ? recorded : null;
  const show = (n: number | null, none: string) => (n === null ? none : n.toLocaleString('en-US'));
  const sum = `${show(declared, 'not declared')} ${sign(declared, received)} ${show(received, 'not counted')} ${sign(received, ledger)} ${show(ledger, 'not recorded')}`;
  const isOff = (a: number | null, b: number | null) => a !== null && b !== null && a !== b;
  const countOff = isOff(declared, received);
  const bookOff = isOff(received, ledger);
  const verdict: Verdict = bookOff
    ? 'broken'
    : countOff
      ? isAccepted
        ? 'accepted'
        : 'broken'
      : received === null || ledger === null
        ? 'open'
        : 'holds';
  return { declared, received, recorded, verdict, sum };
}

const add = (a: number | null, b: number | null) => (a === null || b === null ? null : a + b);

/** A manifest counts lines. When they are as many as declared, what they hold is what was declared. */
const declaredUnits = (f: PullFile): number | null =>
  f.kind === 'deleted' && f.declared !== null && f.declared === f.lines ? f.units : f.declared;

/** Files of errors hold messages of the peer, no records: they stand outside the law and are not counted here. */
export function conservation(
  files: readonly PullFile[],
  ledger: readonly LedgerCount[],
  isRecorded: boolean,
  isAccepted: boolean,
): Conservation {
  const recorded = new Map<number, number>();
  for (const row of ledger) recorded.set(row.file, (recorded.get(row.file) ?? 0) + row.n);
  const counted = files.filter((f) => f.kind !== 'error');
  const perFile = counted.map((f) => ({
    position: f.position,
    kind: f.kind,
    type: f.type,
    state: f.state,
    bytes: f.bytes,
    sha256: f.sha256,
    failure: f.failure,
    attempts: f.attempts,
    ...balance(declaredUnits(f), f.units, recorded.get(f.position) ?? 0, isRecorded, isAccepted),
  }));
  const sumOf = (part: readonly FileBalance[]) =>
    balance(
      part.reduce<number | null>((n, f) => add(n, f.declared), 0),
      part.reduce<number | null>((n, f) => add(n, f.received), 0),
      part.reduce((n, f) => n + f.recorded, 0),
      isRecorded,
      isAccepted,
    );
  const names = [...new Set(perFile.map((f) => (f.kind === 'deleted' ? 'Deletions' : f.type)))].sort();
  const types = names.map((type) => ({
    type,
    ...sumOf(perFile.filter((f) => (f.kind === 'deleted' ? 'Deletions' : f.type) === type)),
  }));
  // a sum may hide two files whose faults cancel out: the total holds only when every file does
  const total = sumOf(perFile);
  const worst = (['broken', 'accepted', 'open'] as const).find((v) => perFile.some((f) => f.verdict === v));
  return { files: perFile, types, total: worst === undefined ? total : { ...total, verdict: worst } };
}
