// Import into the directory: batches are parsed here while the server takes the one before, so both are busy. Memory does
// not grow with the input. An import that is stopped commits what it has read; after a crash it is run again.
import { setImmediate } from 'node:timers/promises';
import type { Database, Sql } from '../../src/db/database.ts';
import { beginLoad, type Load } from './resource-load.ts';
import type { Merged } from './resource-merge.ts';
import { type ImportEntry, type PrepareOptions, prepare } from './resource-prepare.ts';
import { beginUpdate } from './resource-update.ts';

export type { ImportEntry, Validate } from './resource-prepare.ts';

export type ImportSummary = {
  /** entries read, faults included */
  read: number;
  created: number;
  updated: number;
  unchanged: number;
  deleted: number;
  rejected: number;
  /** entries whose id came again later in the input; the later one won */
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
  /** resources sent together, default 2,000 */
  batch?: number;
  onProgress?: (summary: ImportSummary) => void;
  /** called for every rejected entry; what it returns is waited for */
  onReject?: (entry: ImportEntry, code: string, message: string) => Promise<void> | void;
  /** stops after the batch under way */
  signal?: AbortSignal;
};

const EXAMPLES = 50;

/**
 * Imports everything the input yields. Into an empty directory it is one transaction (docs/decisions/006).
 * @throws what the input or the database throws; what came before a fault of the input is committed
 */
export async function importResources(
  database: Database,
  input: AsyncIterable<ImportEntry> | Iterable<ImportEntry>,
  options: ImportOptions,
): Promise<ImportSummary> {
  const started = performance.now();
  const sql = database.dedicated('copy');
  const summary = emptySummary();
  const tick = () => {
    summary.seconds = (performance.now() - started) / 1000;
    options.onProgress?.(summary);
  };
  const { clock, base, batch = 2000 } = options;
  try {
    // a crash may cost the last batches, never their wholeness: the import is run again
    await sql.unsafe('set synchronous_commit = off');
    const into = (await beginLoad(sql, clock, base)) ?? (await beginUpdate(sql, { clock, base, batch }));
    const loaded = into.kind === 'load';
    let running: Promise<void> = Promise.resolve();
    const flush = async () => {
      await running;
      tick();
      if (into.count() === 0) return;
      running = into.flush().then((merged) => addMerged(summary, options, merged));
      running.catch(() => {}); // judged at the next flush
    };
    const finish = async () => {
      await flush();
      await running;
      if (into.kind === 'load') await finishLoad(into, summary, options);
      else for await (const merged of into.finish()) addMerged(summary, options, merged);
    };
    try {
      for await (const entry of input) {
        if (options.signal?.aborted) break;
        // the server waits for us at each of its answers: look at its socket often
        if (++summary.read % 4 === 0) await setImmediate();
        const prepared = prepare(entry, options);
        if ('rejected' in prepared) {
          await reject(summary, options, entry, prepared.rejected, prepared.message);
          continue;
        }
        for (const finding of prepared.staged.findings) {
          const code = finding.split(' ', 1)[0] ?? finding;
          summary.findings[code] = (summary.findings[code] ?? 0) + 1;
        }
        into.add(prepared.staged);
        if (into.count() >= batch) await flush();
      }
    } catch (fault) {
      await finish(); // after a fault of the database this fails too
      throw fault;
    }
    await finish();
    await checkReferences(sql, summary, loaded);
    if (summary.created + summary.updated + summary.deleted >= 1000) await refreshStatistics(sql, loaded);
    tick();
    return summary;
  } finally {
    await sql.end({ timeout: 5 });
  }
}

function emptySummary(): ImportSummary {
  return {
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
}

function reject(
  summary: ImportSummary,
  options: ImportOptions,
  entry: ImportEntry,
  code: string,
  message: string,
): Promise<void> | void {
  summary.rejected++;
  summary.reasons[code] = (summary.reasons[code] ?? 0) + 1;
  if (summary.examples.length < EXAMPLES)
    summary.examples.push({ source: entry.source, line: entry.line, reason: code, message });
  return options.onReject?.(entry, code, message);
}

function rejectCollided(summary: ImportSummary, options: ImportOptions, keys: readonly string[]): void {
  for (const key of keys) {
    const fault = { fault: 'key-collision', message: 'Another resource has this key.' };
    // anyone who keeps rejects tells at the end what went wrong with them
    Promise.resolve(reject(summary, options, { source: key, line: 0, ...fault }, fault.fault, fault.message)).catch(
      () => {},
    );
  }
}

/** A load tells its counts at its end. */
function addMerged(summary: ImportSummary, options: ImportOptions, merged: Merged | undefined): void {
  if (merged === undefined) return;
  summary.created += merged.created;
  summary.updated += merged.updated;
  summary.unchanged += merged.unchanged;
  summary.deleted += merged.deleted;
  summary.change = merged.change;
  rejectCollided(summary, options, merged.collided);
}

async function finishLoad(load: Load, summary: ImportSummary, options: ImportOptions): Promise<void> {
  const { created, unchanged, duplicates, collided, change } = await load.finish();
  Object.assign(summary, { created, unchanged, duplicates, change });
  rejectCollided(summary, options, collided);
}

/** Index-only scans need the visibility map, the planner needs frequencies of tokens: neither waits for autovacuum. */
async function refreshStatistics(sql: Sql, loaded: boolean): Promise<void> {
  // rows count as visible to all only when their commit is on disk: a last commit that waits takes the others along
  await sql.unsafe('set synchronous_commit = on');
  await sql.unsafe('update directory.state set changed_at = changed_at');
  // a load has frozen its rows, which marks their pages, but not the entries that follow from others
  await sql.unsafe(
    `vacuum (analyze) directory.lookup, directory.words, directory.care_at${loaded ? '' : ', directory.dates'}`,
  );
  if (loaded) await sql.unsafe('analyze directory.dates');
  await sql.unsafe('analyze directory.resource');
}

/** References of imported resources whose target is not live, or that name none or several by an identifier. resource_pkey, or a hash join when there are many. */
async function checkReferences(sql: Sql, summary: ImportSummary, loaded: boolean): Promise<void> {
  if (!loaded) {
    const [seen] = await sql.unsafe<{ twice: number }[]>(
      'select (count(*) - count(distinct rk))::int as twice from imported',
    );
    summary.duplicates += seen?.twice ?? 0;
    await sql.unsafe('analyze imported');
  }
  const imported = loaded
    ? 'directory.resource r'
    : '(select distinct rk from imported) i join directory.resource r on r.rk = i.rk and not r.deleted';
  await sql.unsafe(`create temp table dangling as
    select r.key, min(u.p) as param from ${imported}, unnest(r.refs, r.ref_params) u(ref, p)
    where not exists (select from directory.resource t where t.rk = u.ref and not t.deleted)
    group by r.key, u.ref
    union all
    select r.key, g.param from ${imported} join directory.logical g on g.rk = r.rk
    where g.target is null and g.before is null group by r.key, g.ord, g.param`);
  const [row] = await sql.unsafe<{ n: number }[]>('select count(*)::int as n from dangling');
  summary.unresolved.count = row?.n ?? 0;
  summary.unresolved.examples = [
    ...(await sql.unsafe<{ key: string; param: number }[]>(
      `select key, param from dangling order by 1, 2 limit ${EXAMPLES}`,
    )),
  ];
}
