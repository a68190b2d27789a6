// Exports that readers asked for: sets of their own, shared by all who ask the same.

import { eq } from 'drizzle-orm';
import type { Queryable, Sql } from '../../src/db/database.ts';
import { orm } from '../../src/db/orm.ts';
import type { ExportRequest } from '../../src/fhir/search/export-request.ts';
import { readTypeFilter } from '../../src/fhir/search/export-request.ts';
import { DIRECTORY_TYPES, type DirectoryType, TYPE_IDS } from '../../src/fhir/search/types.ts';
import { exportReleased } from '../schema.ts';
import { rows } from '../search/search-condition.ts';
import type { FileSet } from './file-set.ts';

export type Asked = 'known' | 'asked' | 'full';

/** The one thing that a reader may write, by a function of the owner. */
export async function requestExport(
  sql: Queryable,
  ask: {
    key: string;
    publication: number;
    parameters: ExportRequest;
    now: Date;
    aliveSince: Date;
    open: number;
    sets: number;
  },
): Promise<Asked> {
  const [row] = await sql<{ answer: Asked }[]>`
    select directory.request_export(${ask.key}, ${ask.publication}, ${JSON.stringify(ask.parameters)}::text::jsonb, ${ask.now},
      ${ask.aliveSince}, ${ask.open}, ${ask.sets}) as answer`;
  return row?.answer ?? 'full';
}

export async function releaseExport(sql: Queryable, ticket: string, now: Date): Promise<void> {
  await sql`select directory.release_export(${ticket}, ${now})`;
}

/** export_released_pkey. */
export async function isReleased(sql: Queryable, ticket: string): Promise<boolean> {
  const known = orm(sql).select({ ticket: exportReleased.ticket }).from(exportReleased);
  return (await known.where(eq(exportReleased.ticket, ticket))).length > 0;
}

/** The newest set of a key whose time is not over. file_set_channel. */
export async function findExport(
  sql: Queryable,
  key: string,
  aliveSince: Date,
): Promise<Pick<FileSet, 'id' | 'state' | 'covers' | 'parameters' | 'askedAt' | 'madeAt'> | undefined> {
  const [row] = await sql<Pick<FileSet, 'id' | 'state' | 'covers' | 'parameters' | 'askedAt' | 'madeAt'>[]>`
    select id::text as id, state, covers, parameters, asked_at as "askedAt", made_at as "madeAt" from directory.file_set s
    where channel = 'export' and key = ${key} and (unlisted_at is null or unlisted_at > ${aliveSince})
    order by s.id desc limit 1`;
  return row;
}

export type ExportJob = { id: string; publication: number; parameters: ExportRequest; attempts: number };

/** Takes the oldest that no one makes. file_set_open. */
export async function claimExport(
  sql: Queryable,
  owner: string,
  now: Date,
  seconds: number,
): Promise<ExportJob | undefined> {
  const [row] = await sql<ExportJob[]>`
    update directory.file_set set state = 'making', attempts = attempts + 1, lease_owner = ${owner},
      lease_until = ${new Date(now.getTime() + seconds * 1000)}
    where id = (select id from directory.file_set
      where channel = 'export' and state in ('wanted', 'making') and (lease_until is null or lease_until < ${now})
      order by id for update skip locked limit 1)
    returning id::text as id, publication, parameters, attempts`;
  return row;
}

/** Keeps the lease. False when it is lost. */
export async function renewExport(sql: Queryable, id: string, owner: string, now: Date, seconds: number) {
  const { count } = await sql`
    update directory.file_set set lease_until = ${new Date(now.getTime() + seconds * 1000)}
    where id = ${id} and lease_owner = ${owner} and state = 'making'`;
  return count === 1;
}

/** Is it still ours to finish? What was searched for is forgotten with it; the rest stays for the manifest. */
export async function endExport(tx: Queryable, id: string, owner: string, now: Date): Promise<boolean> {
  const { count } = await tx`
    update directory.file_set set parameters = parameters - 'filters', unlisted_at = ${now}, lease_owner = null, lease_until = null
    where id = ${id} and lease_owner = ${owner} and state = 'making'`;
  return count === 1;
}

/** Gives a set back after a fault, or gives it up. */
export async function failExport(sql: Queryable, id: string, owner: string, now: Date, again: boolean): Promise<void> {
  await sql`
    update directory.file_set set state = ${again ? 'wanted' : 'failed'}, lease_owner = null, lease_until = null,
      parameters = case when ${again} then parameters else parameters - 'filters' end, unlisted_at = ${again ? null : now}
    where id = ${id} and lease_owner = ${owner} and state = 'making'`;
}

const BATCH = 1000;

/** Bodies of one type that an export asks for, by cursor. Indexes as of the search, or resource_last_updated. */
export function exportRows(
  sql: Sql,
  type: DirectoryType,
  request: ExportRequest,
  options: { base: string; now: Date; staleDays: number },
): AsyncIterable<{ body: string }[]> {
  const values: string[] = [];
  const bind = (value: string, cast: string) => `$${values.push(value)}::${cast}`;
  const where = [`r.type = ${TYPE_IDS[type]}`, 'not r.deleted'];
  if (request.since !== undefined) where.push(`r.last_updated > ${bind(request.since, 'timestamptz')}`);
  if (request.until !== undefined) where.push(`r.last_updated <= ${bind(request.until, 'timestamptz')}`);
  const filters = request.filters.map((f) => readTypeFilter(f, options)).filter((f) => f.type === type);
  if (filters.length > 0)
    where.push(`r.rk in (${filters.map((f) => `(${rows(type, f.criteria, bind)})`).join(' union ')})`);
  return sql
    .unsafe<{ body: string }[]>(`select r.body from directory.resource r where ${where.join(' and ')}`, values)
    .cursor(BATCH);
}

/** Keys of a set of types that were deleted after `since`, by cursor. resource_deleted. */
export function deletedKeys(
  sql: Sql,
  types: readonly DirectoryType[],
  since: string,
  until: string | undefined,
): AsyncIterable<{ key: string }[]> {
  const of = (types.length === 0 ? DIRECTORY_TYPES : types).map((t) => TYPE_IDS[t]).join(', ');
  return sql
    .unsafe<{ key: string }[]>(
      `select key from directory.resource where deleted and type in (${of}) and last_updated > $1::timestamptz
         and last_updated <= coalesce($2::timestamptz, 'infinity')`,
      [since, until ?? null],
    )
    .cursor(BATCH);
}
