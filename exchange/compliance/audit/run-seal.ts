// The sealer: takes the audit rows that wait, chains them and signs the head. One at a time, whatever the number of processes.
import { CompactSign, importJWK } from 'jose';
import type { Deps } from '../../../src/deps.ts';
import { countVolume } from '../../peers/peer-volume.ts';
import { noteEvents } from '../security/security-review-rows.ts';
import { becomeSealer, lastSeal, takeUnsealed, writeSeal } from './audit-seal.ts';
import { GENESIS, marks, type SealHead, sealHead } from './seal.ts';

const SEAL_ROWS = 1000;
/** `typ` of the signed head. */
export const HEAD_TYPE = 'audit-head+jws';

async function sign(deps: Pick<Deps, 'keys'>, head: SealHead): Promise<string> {
  const key = await deps.keys.signing('evidence');
  return new CompactSign(new TextEncoder().encode(JSON.stringify(head)))
    .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: HEAD_TYPE })
    .sign(await importJWK(key, key.alg));
}

type Sealing = Pick<Deps, 'database' | 'keys' | 'clock' | 'config'>;

/**
 * Seals one batch, if there is one and no one else is sealing, counts what it tells of payers, and notes what is a security event.
 * @returns rows sealed
 */
export async function sealBatch(deps: Sealing): Promise<number> {
  return await deps.database.sql.begin(async (tx) => {
    if (!(await becomeSealer(tx))) return 0;
    const rows = await takeUnsealed(tx, SEAL_ROWS);
    if (rows.length === 0) return 0;
    const before = await lastSeal(tx);
    const head = sealHead((before?.id ?? 0) + 1, deps.clock(), before?.root ?? GENESIS, rows);
    const jws = await sign(deps, head);
    const seqs = rows.map((r) => r.seq);
    await writeSeal(tx, { ...head, seqs, marks: marks(rows), jws });
    await noteEvents(tx, seqs, head.id);
    await countVolume(tx, seqs, deps.config.timeZone);
    return rows.length;
  });
}

/** Seals all that waits. @returns rows sealed */
export async function sealAll(deps: Sealing): Promise<number> {
  let all = 0;
  for (;;) {
    const some = await sealBatch(deps);
    all += some;
    if (some < SEAL_ROWS) return all;
  }
}
