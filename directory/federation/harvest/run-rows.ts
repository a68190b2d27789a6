// Runs of harvests: their state, their position, and what became of each type.

import { and, eq, inArray } from 'drizzle-orm';
import type { Queryable } from '../../../src/db/database.ts';
import { orm } from '../../../src/db/orm.ts';
import type { Trip } from '../breaker.ts';
import { run as runs, runType } from '../schema.ts';

export type RunState = 'running' | 'quarantined' | 'done' | 'partial' | 'failed' | 'unchanged';
export type Run = {
  id: string;
  peer: string;
  state: RunState;
  startedAt: Date;
  endedAt: Date | null;
  reason: string;
  position: Position;
};

/** Where a run is. It is written with every page; another process goes on from here. */
export type Position = {
  /** server's time before the first request, ISO: increments begin here next time */
  anchor?: string;
  /** types that have been read */
  done?: string[];
  type?: string;
  rung?: number;
  url?: string;
  pass?: number;
  restarts?: number;
  pages?: number;
  /** windows still to read, newest last: [from, to) as ISO */
  windows?: [string, string][];
  /** what the peer counted of the type before it was parted into windows */
  total?: number;
  /** of chains, files and exports: the page or manifest, and the file within it */
  page?: string;
  file?: number;
  /** what had been counted of each type when that file began: it may be begun again */
  counted?: Record<string, Counters>;
  /** how much of that file is written: anyone who goes on passes over it, when it is still the same */
  part?: FilePart;
  whole?: boolean;
  /** of an index: something of no known type could not be read, so no type is whole */
  damaged?: boolean;
  /** of an index: its plans and networks are known only when all files have been read at once */
  qhp?: boolean;
  /** of an export: where its state is reported, and when it was asked for, ISO */
  status?: string;
  asked?: string;
  /** sequence of the next record: order of files decides which of two contents is the newer */
  seq?: number;
  /** known ids that walking has passed */
  walked?: string;
};

/** The beginning of a file, up to the end of a line. `records`: in it, unreadable ones too; `faults`: those alone. */
export type FilePart = { bytes: number; crc: number; records: number; faults: number };

export type RunTypeState = 'reading' | 'read' | 'quarantined' | 'applied' | 'discarded';
export type Counters = Record<string, number>;
export type RunType = {
  run: string;
  type: number;
  rung: number;
  state: RunTypeState;
  complete: boolean;
  reason: string;
  counters: Counters;
  trips: Trip[];
  decidedBy: string | null;
  decidedAt: Date | null;
};

/** A type of a run. run_type_pkey. */
const isType = (run: string, type: number) => and(eq(runType.run, Number(run)), eq(runType.type, type));

const RUN = `id::text as id, peer, state, started_at as "startedAt", ended_at as "endedAt", reason, position`;
const TYPE = `run::text as run, type, rung, state, complete, reason, counters, trips, decided_by as "decidedBy", decided_at as "decidedAt"`;

/** The run of a peer that was begun and not ended. run_peer. */
export async function openRun(sql: Queryable, peer: string): Promise<Run | undefined> {
  const [row] = await sql.unsafe<Run[]>(
    `select ${RUN} from federation.run r where peer = $1 and state in ('running', 'quarantined') order by r.id desc limit 1`,
    [peer],
  );
  return row;
}

export async function beginRun(sql: Queryable, peer: string, at: Date): Promise<Run> {
  const [row] = await sql.unsafe<Run[]>(
    `insert into federation.run (peer, state, started_at) values ($1, 'running', $2) returning ${RUN}`,
    [peer, at.toISOString()],
  );
  if (!row) throw new Error('An insert gives its row.');
  return row;
}

/** run_pkey. */
export async function findRun(sql: Queryable, id: string): Promise<Run | undefined> {
  const [row] = await sql.unsafe<Run[]>(`select ${RUN} from federation.run where id = $1::bigint`, [id]);
  return row;
}

/** The newest runs, of one peer or of all. run_peer. */
export async function listRuns(sql: Queryable, peer: string | undefined, count: number): Promise<Run[]> {
  return sql.unsafe<Run[]>(
    `select ${RUN} from federation.run r where ($1::text is null or peer = $1) order by r.id desc limit $2`,
    [peer ?? null, count],
  );
}

export async function endRun(sql: Queryable, id: string, state: RunState, reason: string, at: Date): Promise<void> {
  await orm(sql)
    .update(runs)
    .set({ state, reason, endedAt: at })
    .where(eq(runs.id, Number(id)));
}

/** Writes the position; false when the run has ended or its peer was switched off meanwhile. run_pkey. */
export async function savePosition(sql: Queryable, id: string, position: Position): Promise<boolean> {
  const rows = await sql`
    update federation.run r set position = ${JSON.stringify(position)}::text::jsonb from federation.peer p
    where r.id = ${id} and r.state = 'running' and p.slug = r.peer and p.state = 'on' returning 1`;
  return rows.length > 0;
}

/** run_type_pkey. */
export async function runTypes(sql: Queryable, run: string): Promise<RunType[]> {
  return sql.unsafe<RunType[]>(`select ${TYPE} from federation.run_type where run = $1::bigint order by type`, [run]);
}

/** Begins a type, or finds it begun. run_type_pkey. */
export async function beginType(sql: Queryable, run: string, type: number, rung: number): Promise<RunType> {
  const [row] = await sql.unsafe<RunType[]>(
    `insert into federation.run_type (run, type, rung, state) values ($1::bigint, $2::smallint, $3::smallint, 'reading')
     on conflict (run, type) do update set rung = excluded.rung returning ${TYPE}`,
    [run, type, rung],
  );
  if (!row) throw new Error('An upsert gives its row.');
  return row;
}

export async function saveType(
  sql: Queryable,
  t: Pick<RunType, 'run' | 'type' | 'state' | 'complete' | 'reason' | 'counters'> & { trips?: Trip[] },
): Promise<void> {
  const { state, complete, reason, counters, trips = [] } = t;
  await orm(sql).update(runType).set({ state, complete, reason, counters, trips }).where(isType(t.run, t.type));
}

/** A type has been read. One that was judged already stays so: after a kill what was read before is reported again. */
export async function saveRead(
  sql: Queryable,
  t: Pick<RunType, 'run' | 'type' | 'complete' | 'reason' | 'counters'>,
): Promise<void> {
  const { complete, reason, counters } = t;
  const isOpen = and(isType(t.run, t.type), inArray(runType.state, ['reading', 'read']));
  await orm(sql).update(runType).set({ state: 'read', complete, reason, counters }).where(isOpen);
}

/** Counters of types as they stand, with the page that made them. run_type_pkey. */
export async function saveCounters(sql: Queryable, run: string, types: ReadonlyMap<number, Counters>): Promise<void> {
  const given = [...types].map(([type, counters]) => ({ type, counters }));
  await sql`update federation.run_type t set counters = g.counters
    from jsonb_to_recordset(${JSON.stringify(given)}::text::jsonb) g(type smallint, counters jsonb) where t.run = ${run} and t.type = g.type`;
}

/** Who released or discarded a type of a run. */
export async function decideType(
  sql: Queryable,
  run: string,
  type: number,
  state: RunTypeState,
  by: string,
  at: Date,
): Promise<void> {
  await orm(sql).update(runType).set({ state, decidedBy: by, decidedAt: at }).where(isType(run, type));
}

/** How many records of a type went since a time, and since a person last released a loss. run_peer, run_type_pkey, missing */
export async function goneLately(
  sql: Queryable,
  of: { peer: string; type: number; run: string },
  since: Date,
): Promise<number> {
  const [row] = await sql<{ n: number }[]>`
    with t as (
      select rt.*, r.started_at from federation.run r join federation.run_type rt on rt.run = r.id
      where r.peer = ${of.peer} and rt.type = ${of.type} and rt.state = 'applied' and r.started_at >= ${since} and r.id <> ${of.run}),
    cut as (select coalesce(max(decided_at), ${since}) as at from t)
    select greatest(0, coalesce((select sum(coalesce((counters ->> 'tombstones')::int, 0) - coalesce((counters ->> 'returned')::int, 0))
        from t, cut where t.started_at > cut.at), 0)
      + (select count(*) from federation.missing m, cut where m.peer = ${of.peer} and m.type = ${of.type} and m.since > cut.at))::int as n`;
  return row?.n ?? 0;
}
