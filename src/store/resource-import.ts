// Import into the directory: batches are parsed here while the server merges the one before, so both are busy. Memory
// does not grow with the input; an import that is stopped has committed whole batches and can be run again.
import { setImmediate } from 'node:timers/promises';
import type { Database, Sql } from './database.ts';
import { type Merged, mergeStaged } from './resource-merge.ts';
import { type ImportEntry, type PrepareOptions, prepare } from './resource-prepare.ts';
import { copyIncoming, createStaging, type Lines, stagedLine, stagedLines } from './resource-staging.ts';

export type { Finding, ImportEntry, Validate } from './resource-prepare.ts';

export type ImportSummary = {
  /** entries read, faults included */
  read: number;
  created: number;
  updated: number;
  unchanged: number;
  deleted: number;
  rejected: number;
  /** entries that came again later in the input; the later one won */
  duplicates: number;
  /** rejected entries by reason */
  reasons: Record<string, number>;
  /** stored resources by finding */
  findings: Record<string, number>;
  /** the first rejected lines, for the person who reads the summary */
  examples: { source: string; line: number; reason: string; message: string }[];
  /** references of what was imported that lead nowhere: all counted, the first listed by source and parameter id */
  unresolved: { count: number; examples: { key: string; param: number }[] };
  /** change counter at the end */
  change: bigint;
  seconds: number;
};

export type ImportOptions = PrepareOptions & {
  clock: () => Date;
  /** resources a transaction, default 2,000 */
  batch?: number;
  onProgress?: (summary: ImportSummary) => void;
  /** called for every rejected entry */
  onReject?: (entry: ImportEntry, code: string, message: string) => void;
  /** stops after the batch under way */
  signal?: AbortSignal;
};

const EXAMPLES = 50;

/**
 * Imports everything the input yields.
 * @throws what the input or the database throws; whole batches before it are committed
 */
export async function importResources(
  database: Database,
  input: AsyncIterable<ImportEntry> | Iterable<ImportEntry>,
  options: ImportOptions,
): Promise<ImportSummary> {
  const started = performance.now();
  const sql = database.dedicated('copy');
  const summary: ImportSummary = {
    read: 0,
    created: 0,
    updated: 0,
    unchanged: 0,
    deleted: 0,
    rejected: 0,
    duplicates: 0,
    reasons: {},
    findings: {},
    examples: [],
    unresolved: { count: 0, examples: [] },
    change: 0n,
    seconds: 0,
  };
  const tick = () => {
    summary.seconds = (performance.now() - started) / 1000;
    options.onProgress?.(summary);
  };
  try {
    // a crash may cost the last batches, never their wholeness: the import is run again
    await sql.unsafe('set synchronous_commit = off');
    await createStaging(sql);
    await sql.unsafe('create temp table imported (rk bigint not null)');
    let running: Promise<void> = Promise.resolve();
    let batch = stagedLines();
    const flush = async () => {
      const lines = batch;
      batch = stagedLines();
      await running;
      tick();
      running = mergeBatch(sql, lines, options, summary);
      running.catch(() => {}); // judged at the next flush
    };
    for await (const entry of input) {
      if (options.signal?.aborted) break;
      // the merge under way waits for us at each of its answers: look at its socket often
      if (++summary.read % 4 === 0) await setImmediate();
      const prepared = prepare(entry, options);
      if ('rejected' in prepared) {
        reject(summary, entry, prepared.rejected, prepared.message);
        options.onReject?.(entry, prepared.rejected, prepared.message);
        continue;
      }
      const { staged } = prepared;
      for (const finding of staged.findings) {
        const code = finding.split(' ', 1)[0] ?? finding;
        summary.findings[code] = (summary.findings[code] ?? 0) + 1;
      }
      batch.add(stagedLine(batch.count(), staged));
      if (batch.count() >= (options.batch ?? 2000)) await flush();
    }
    await flush();
    await running;
    await checkReferences(sql, summary);
    if (summary.created + summary.updated + summary.deleted >= 1000) await refreshStatistics(sql);
    tick();
    return summary;
  } finally {
    await sql.end({ timeout: 5 });
  }
}

function reject(summary: ImportSummary, entry: ImportEntry, reason: string, message: string): void {
  summary.rejected++;
  summary.reasons[reason] = (summary.reasons[reason] ?? 0) + 1;
  if (summary.examples.length < EXAMPLES)
    summary.examples.push({ source: entry.source, line: entry.line, reason, message });
}

async function mergeBatch(sql: Sql, lines: Lines, options: ImportOptions, summary: ImportSummary): Promise<void> {
  if (lines.count() === 0) return;
  const merged: Merged = await sql.begin(async (tx) => {
    await copyIncoming(tx, lines);
    await tx.unsafe('insert into imported select rk from incoming');
    return mergeStaged(tx, options.clock(), options.base);
  });
  summary.created += merged.created;
  summary.updated += merged.updated;
  summary.unchanged += merged.unchanged;
  summary.deleted += merged.deleted;
  summary.change = merged.change;
  for (const key of merged.collided) {
    const entry: ImportEntry = {
      source: key,
      line: 0,
      fault: 'key-collision',
      message: 'Another resource has this key.',
    };
    reject(summary, entry, entry.fault, entry.message);
    options.onReject?.(entry, entry.fault, entry.message);
  }
}

/** Index-only scans need the visibility map, the planner needs frequencies of tokens: neither waits for autovacuum. */
async function refreshStatistics(sql: Sql): Promise<void> {
  // rows count as visible to all only when their commit is on disk: a last commit that waits takes the others along
  await sql.unsafe('set synchronous_commit = on');
  await sql.unsafe('update directory.state set changed_at = changed_at');
  await sql.unsafe('vacuum (analyze) directory.lookup, directory.words, directory.dates');
  await sql.unsafe('analyze directory.resource');
}

/** References of imported resources whose target is not live. resource_pkey, or a hash join when there are many. */
async function checkReferences(sql: Sql, summary: ImportSummary): Promise<void> {
  const [seen] = await sql.unsafe<{ n: number; twice: number }[]>(
    'select count(*)::int as n, (count(*) - count(distinct rk))::int as twice from imported',
  );
  summary.duplicates += seen?.twice ?? 0;
  await sql.unsafe('analyze imported');
  await sql.unsafe(`create temp table dangling as
    select r.key, u.p as param from (select distinct rk from imported) i join directory.resource r on r.rk = i.rk and not r.deleted,
      unnest(r.refs, r.ref_params) u(ref, p)
    where not exists (select from directory.resource t where t.rk = u.ref and not t.deleted)`);
  const [row] = await sql.unsafe<{ n: number }[]>('select count(*)::int as n from dangling');
  summary.unresolved.count = row?.n ?? 0;
  summary.unresolved.examples = [
    ...(await sql.unsafe<{ key: string; param: number }[]>(
      `select key, param from dangling order by 1, 2 limit ${EXAMPLES}`,
    )),
  ];
}
