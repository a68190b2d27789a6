// Sets of files: made whole, then shown, then removed some time after nothing names them any more.

import { and, eq } from 'drizzle-orm';
import type { Queryable } from '../../src/db/database.ts';
import { orm } from '../../src/db/orm.ts';
import { currentSet as currentSets, fileSet } from '../schema.ts';

export type Channel = 'full' | 'changes' | 'export' | 'mpf' | 'qhp' | 'index';
export type FileSet = {
  id: string;
  publication: number;
  channel: Channel;
  key: string;
  state: 'wanted' | 'making' | 'ready' | 'blocked' | 'failed';
  covers: Date | null;
  parameters: Record<string, unknown> | null;
  summary: Record<string, unknown> | null;
  attempts: number;
  askedAt: Date | null;
  madeAt: Date | null;
};

export type SetFile = {
  setId: string;
  position: number;
  kind: 'output' | 'deleted' | 'error' | 'index' | 'report';
  type: string;
  /** its path under /publications/files/ */
  name: string;
  blobKey: string;
  media: string;
  gzip: boolean;
  lines: number;
  bytes: number;
  storedBytes: number;
  sha256: string;
};

const SET = `id::text as id, publication, channel, key, state, covers, parameters, summary, attempts, asked_at as "askedAt", made_at as "madeAt"`;
const FILE = `set_id::text as "setId", position, kind, type, name, blob_key as "blobKey", media, gzip, lines, bytes::float8 as bytes,
  stored_bytes::float8 as "storedBytes", sha256`;

export async function addSet(sql: Queryable, channel: Channel, publication: number, key = ''): Promise<string> {
  const [row] = await sql<{ id: string }[]>`
    insert into directory.file_set (publication, channel, key, state) values (${publication}, ${channel}, ${key}, 'making')
    returning id::text as id`;
  if (!row) throw new Error('A file set has an id.');
  return row.id;
}

/** Records a set as whole, with its files. It is shown when a publication or `current_set` names it. */
export async function finishSet(
  tx: Queryable,
  id: string,
  made: {
    state: 'ready' | 'blocked';
    covers: Date;
    at: Date;
    summary?: unknown;
    files: readonly Omit<SetFile, 'setId'>[];
  },
): Promise<void> {
  await tx`
    update directory.file_set set state = ${made.state}, covers = ${made.covers}, made_at = ${made.at},
      summary = ${made.summary === undefined ? null : JSON.stringify(made.summary)}::text::jsonb where id = ${id}`;
  for (const f of made.files)
    await tx`
      insert into directory.set_file (set_id, position, kind, type, name, blob_key, media, gzip, lines, bytes, stored_bytes, sha256)
      values (${id}, ${f.position}, ${f.kind}, ${f.type}, ${f.name}, ${f.blobKey}, ${f.media}, ${f.gzip}, ${f.lines}, ${f.bytes},
        ${f.storedBytes}, ${f.sha256})`;
}

/** Shows a set as the one of its channel and key. */
export async function setCurrent(tx: Queryable, channel: Channel, key: string, id: string): Promise<void> {
  const setId = Number(id);
  await orm(tx)
    .insert(currentSets)
    .values({ channel, key, setId })
    .onConflictDoUpdate({ target: [currentSets.channel, currentSets.key], set: { setId } });
}

export async function dropCurrent(tx: Queryable, channel: Channel, key: string): Promise<void> {
  await orm(tx)
    .delete(currentSets)
    .where(and(eq(currentSets.channel, channel), eq(currentSets.key, key)));
}

/** Files of a set in order. set_file_pkey. */
export async function filesOf(sql: Queryable, setId: string): Promise<SetFile[]> {
  return sql.unsafe<SetFile[]>(`select ${FILE} from directory.set_file where set_id = $1 order by position`, [setId], {
    prepare: true,
  });
}

/** What was noted of a set when it was made. file_set_pkey */
export async function summaryOf(sql: Queryable, setId: string): Promise<unknown> {
  const [row] = await orm(sql)
    .select({ summary: fileSet.summary })
    .from(fileSet)
    .where(eq(fileSet.id, Number(setId)));
  return row?.summary ?? undefined;
}

/** A file by its name, with the time it was made. set_file_name_key. */
export async function findFile(sql: Queryable, name: string): Promise<(SetFile & { modified: Date }) | undefined> {
  const [row] = await sql.unsafe<(SetFile & { modified: Date })[]>(
    `select ${FILE}, made_at as modified from directory.set_file f join directory.file_set s on s.id = f.set_id
     where f.name = $1 and s.state in ('ready', 'blocked')`,
    [name],
    { prepare: true },
  );
  return row;
}

/** The set that is shown of a channel and key. current_set_pkey. */
export async function currentSet(sql: Queryable, channel: Channel, key: string): Promise<FileSet | undefined> {
  const [row] = await sql.unsafe<FileSet[]>(
    `select ${SET} from directory.file_set
     where id = (select set_id from directory.current_set where channel = $1 and key = $2)`,
    [channel, key],
    { prepare: true },
  );
  return row;
}

/** Keys of a channel: what is shown, and the newest that was made, which may be blocked. */
export async function channelSets(
  sql: Queryable,
  channel: Channel,
): Promise<{ key: string; current: FileSet | undefined; newest: FileSet }[]> {
  const newest = await sql.unsafe<FileSet[]>(
    `select distinct on (key) ${SET} from directory.file_set where channel = $1 and state in ('ready', 'blocked')
     order by key, file_set.id desc`,
    [channel],
    { prepare: true },
  );
  return Promise.all(
    newest.map(async (n) => ({ key: n.key, newest: n, current: await currentSet(sql, channel, n.key) })),
  );
}

/**
 * Sets that nothing names any more get the time of that. A full set is named as root or by the newest publication, a
 * difference while its chain is the open one, the others while they are current.
 */
export async function markUnlisted(sql: Queryable, now: Date): Promise<void> {
  await sql`
    update directory.file_set s set unlisted_at = ${now}
    where unlisted_at is null and state in ('ready', 'blocked', 'failed')
      and not exists (select from directory.current_set c where c.set_id = s.id)
      and case s.channel
        when 'full' then not exists (
          select from (select full_set from directory.publication where published_at is not null and full_set is not null order by number desc limit 1) p
          where p.full_set = s.id
          union all
          select from (select root_set from directory.publication where published_at is not null and root_set is not null
            order by number desc limit 1) p where p.root_set = s.id)
        when 'changes' then not exists (
          select from directory.publication p where p.published_at is not null and p.changes_set = s.id
            and p.chain = (select max(chain) from directory.publication where published_at is not null))
        else true end`;
}

/** Sets whose time is over: `export` and full sets that were never a root after hours, the others after the grace period. */
export async function overdueSets(
  sql: Queryable,
  limits: { exports: Date; others: Date },
): Promise<{ id: string; publication: number }[]> {
  return sql<{ id: string; publication: number }[]>`
    select s.id::text as id, s.publication from directory.file_set s
    where unlisted_at < case
      when channel = 'export' or (channel = 'full' and not exists (select from directory.publication p where p.root_set = s.id))
      then ${limits.exports}::timestamptz else ${limits.others}::timestamptz end`;
}

/** Sets of a channel that a publication has begun. */
export async function unfinishedSets(sql: Queryable, publication: number, channel: Channel): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    select id::text as id from directory.file_set where publication = ${publication} and channel = ${channel} and state = 'making'`;
  return rows.map((r) => r.id);
}

export async function deleteSet(sql: Queryable, id: string): Promise<void> {
  await orm(sql)
    .delete(fileSet)
    .where(eq(fileSet.id, Number(id)));
}
