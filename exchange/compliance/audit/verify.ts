// Does the audit trail stand as it was written? Recomputes every row, every seal and every signature.
import { compactVerify, createLocalJWKSet, type JWK } from 'jose';
import type { Deps } from '../../../src/deps.ts';
import { readSeals, type StoredSeal, sealedRows, unsealedRows } from './audit-seal.ts';
import { HEAD_TYPE } from './run-seal.ts';
import { GENESIS, MARK_BYTES, type SealedRow, type SealHead, sealRoot } from './seal.ts';

type AuditFault = {
  kind:
    | 'missing-row'
    | 'changed-row'
    | 'broken-chain'
    | 'changed-seal'
    | 'bad-signature'
    | 'unknown-head'
    | 'stray-row';
  /** number of the audit row, when it is one */
  row?: string;
  seal?: number;
  text: string;
};

export type AuditVerdict = {
  seals: number;
  rows: number;
  /** rows not sealed yet, and when the oldest was written */
  tail: { rows: number; oldest: string | undefined };
  head: SealHead | undefined;
  faults: AuditFault[];
};

const MOST_FAULTS = 100;

/** The head that a signed text holds, when one of the keys signed it. */
export async function readHead(jws: string, keys: readonly JWK[]): Promise<SealHead | undefined> {
  try {
    const { payload, protectedHeader } = await compactVerify(jws.trim(), createLocalJWKSet({ keys: [...keys] }), {
      algorithms: ['ES384'],
    });
    return protectedHeader.typ === HEAD_TYPE ? (JSON.parse(new TextDecoder().decode(payload)) as SealHead) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Walks the whole trail at flat memory.
 * @param known a signed head that was kept elsewhere: the trail must still hold it
 */
export async function verifyAudit(deps: Pick<Deps, 'database' | 'keys'>, known?: string): Promise<AuditVerdict> {
  const { sql } = deps.database;
  const keys = await deps.keys.published('evidence');
  const wanted = known === undefined ? undefined : await readHead(known, keys);
  const verdict: AuditVerdict = {
    seals: 0,
    rows: 0,
    tail: { rows: 0, oldest: undefined },
    head: undefined,
    faults: [],
  };
  const fault = (found: AuditFault) => {
    if (verdict.faults.length < MOST_FAULTS) verdict.faults.push(found);
  };
  if (known !== undefined && wanted === undefined)
    fault({ kind: 'bad-signature', text: 'The head that was kept elsewhere is not signed by a key of this node.' });
  let prev = GENESIS;
  let seen = wanted === undefined;
  const reader = deps.database.dedicated('work');
  try {
    for await (const seal of readSeals(reader)) {
      if (seal.id !== verdict.seals + 1)
        fault({ kind: 'broken-chain', seal: verdict.seals + 1, text: `Seal ${verdict.seals + 1} is missing.` });
      verdict.seals = seal.id;
      if (seal.prev !== prev)
        fault({ kind: 'broken-chain', seal: seal.id, text: `Seal ${seal.id} does not continue the one before it.` });
      prev = seal.root;
      const head = await readHead(seal.jws, keys);
      if (
        head === undefined ||
        head.id !== seal.id ||
        head.root !== seal.root ||
        head.prev !== seal.prev ||
        head.rows !== seal.seqs.length
      )
        fault({ kind: 'bad-signature', seal: seal.id, text: `The signature of seal ${seal.id} does not hold.` });
      else verdict.head = head;
      if (wanted !== undefined && wanted.id === seal.id) seen = wanted.root === seal.root;
      verdict.rows += seal.seqs.length;
      for (const one of await checkSeal(sql, seal)) fault(one);
    }
  } finally {
    await reader.end({ timeout: 5 });
  }
  if (!seen)
    fault({
      kind: 'unknown-head',
      text: 'The trail does not hold the head that was kept elsewhere: its end was cut off or rewritten.',
    });
  const loose = await unsealedRows(sql);
  for (const row of loose.unsealed)
    fault({ kind: 'stray-row', row: String(row), text: `Row ${row} is in no seal and does not wait for one.` });
  verdict.tail = { rows: loose.waiting, oldest: loose.oldest?.toISOString() };
  return verdict;
}

async function checkSeal(sql: Deps['database']['sql'], seal: StoredSeal): Promise<AuditFault[]> {
  const faults: AuditFault[] = [];
  const rows = new Map((await sealedRows(sql, seal.seqs)).map((r) => [r.seq, r]));
  const as: SealedRow[] = [];
  const marks = Buffer.from(seal.marks);
  seal.seqs.forEach((seq, i) => {
    const row = rows.get(seq);
    if (row === undefined) {
      faults.push({ kind: 'missing-row', row: String(seq), seal: seal.id, text: `Row ${seq} is missing.` });
      return;
    }
    const stored = Buffer.from(row.hash).toString('hex');
    const mark = marks.subarray(i * MARK_BYTES, (i + 1) * MARK_BYTES).toString('hex');
    if (row.computed !== stored || !stored.startsWith(mark))
      faults.push({ kind: 'changed-row', row: String(seq), seal: seal.id, text: `Row ${seq} was changed.` });
    as.push({ seq, hash: row.hash });
  });
  if (faults.length === 0 && sealRoot(seal.prev, as) !== seal.root)
    faults.push({ kind: 'changed-seal', seal: seal.id, text: `The root of seal ${seal.id} is not that of its rows.` });
  return faults;
}
