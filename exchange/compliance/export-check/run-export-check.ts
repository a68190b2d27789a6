// The proof of what left: the files of every finished export are walked once for what must not leave, and what came of it is
// kept when the files are gone.
import { randomUUID } from 'node:crypto';
import type { Deps } from '../../../src/deps.ts';
import { describe } from '../../../src/http/fhir-app.ts';
import { auditRow, writeAudit } from '../audit/audit.ts';
import { type FoundFault, walkContent } from './check-files.ts';
import {
  anyUnchecked,
  type ContentCheck,
  claimUnchecked,
  holdUnchecked,
  isKept,
  writeContentCheck,
} from './export-check-rows.ts';

const SHOWN = 20;
const PAUSE_MS = 500;
type Needs = Pick<Deps, 'database' | 'blobs' | 'config' | 'clock' | 'log'>;

/** Walks the oldest export that was not walked yet and that no other process walks. False when there is none. */
export async function proveNext(deps: Needs): Promise<boolean> {
  const { sql } = deps.database;
  const { leaseSeconds } = deps.config;
  const owner = randomUUID();
  const jobId = await claimUnchecked(sql, owner, deps.clock(), leaseSeconds);
  if (jobId === undefined) return false;
  const renewal = setInterval(
    () => {
      holdUnchecked(sql, jobId, owner, deps.clock(), leaseSeconds).catch((error: unknown) =>
        deps.log('warn', 'lease not renewed', { job: jobId, error: describe(error) }),
      );
    },
    (leaseSeconds * 1000) / 3,
  );
  try {
    await prove(deps, jobId);
  } finally {
    clearInterval(renewal);
  }
  return true;
}

async function prove(deps: Needs, jobId: string): Promise<void> {
  const { sql } = deps.database;
  const found: FoundFault[] = [];
  const missing: FoundFault[] = [];
  const verdict = await walkContent(deps, jobId, (fault) => {
    const into = fault.kind === 'missing-file' ? missing : found;
    if (into.length < SHOWN) into.push(fault);
  });
  // taken back or fetched and released while it was walked: what is missing then is no fault
  const gone = !(await isKept(sql, jobId));
  const lost = gone ? 0 : (verdict?.missing ?? 0);
  const at = deps.clock();
  const check: ContentCheck = {
    jobId,
    at,
    files: verdict?.files ?? 0,
    lines: verdict?.lines ?? 0,
    faults: (verdict?.faults ?? 0) + lost,
    gone,
    firstFaults: [...found, ...(gone ? [] : missing)].slice(0, SHOWN),
  };
  await sql.begin(async (tx) => {
    // anyone who lost the lease and comes second is not heard
    if (!(await writeContentCheck(tx, check))) return;
    await writeAudit(tx, [
      auditRow({
        at,
        actorKind: 'system',
        actor: 'audit',
        action: 'content-checked',
        object: `export/${jobId}`,
        outcome: check.faults === 0 ? 'ok' : 'failed',
        detail: { files: check.files, lines: check.lines, faults: check.faults, gone },
      }),
    ]);
  });
  if (check.faults > lost)
    deps.log('error', 'export holds what must not leave', { job: jobId, faults: check.faults - lost });
  if (lost > 0) deps.log('error', 'files of an export are not there', { job: jobId, files: lost });
}

/** Walks all that were not walked yet, and waits for those that another process walks. */
export async function proveAll(deps: Needs): Promise<void> {
  for (;;) {
    if (await proveNext(deps)) continue;
    if (!(await anyUnchecked(deps.database.sql))) return;
    await new Promise((done) => setTimeout(done, PAUSE_MS));
  }
}
