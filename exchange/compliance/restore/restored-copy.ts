// What a restored copy of the node is asked: are all records and files that it names there? Reads everything once.
import type { Queryable, Sql } from '../../../src/db/database.ts';
import { attachmentKey } from '../../records/attachment.ts';

/** How many records there are of each store. Of every member all texts are read, so that a damaged one is met. */
export async function recordsRead(
  sql: Queryable,
): Promise<{ members: number; records: number; versions: number; directory: number }> {
  const [row] = await sql<{ members: number; records: number; versions: number; directory: number; bytes: string }[]>`
    select (select count(*)::int from exchange.member) as members, r.n as records, v.n as versions, d.n as directory, (r.bytes + v.bytes +
      d.bytes)::text as bytes
    from (select count(member_id)::int as n, coalesce(sum(length(body) + coalesce(length(shared), 0)), 0) as bytes
      from exchange.resource) r,
      (select count(*)::int as n, coalesce(sum(length(body)), 0) as bytes from exchange.resource_version) v,
      (select count(*)::int as n, coalesce(sum(length(body)), 0) as bytes from directory.resource) d`;
  if (!row) throw new Error('the database returned nothing');
  const { bytes: _, ...counts } = row;
  return counts;
}

/** `isPacked`: it is kept as gzip, and the hash is that of its text. */
export type NamedFile = { key: string; sha256: string; isPacked: boolean };

/** Files that the database names and that are to be there, in pages: received ones, those of answers, and documents. */
export async function* namedFiles(sql: Sql): AsyncGenerator<NamedFile[]> {
  const query = sql<{ kind: 'received' | 'answer' | 'document'; key: string | null; sha256: string }[]>`
    select 'received' as kind, f.blob_key as key, f.sha256 from exchange.pull_file f join exchange.pull p on p.id = f.pull_id
      where p.files_removed_at is null and f.blob_key is not null and f.sha256 is not null and f.state in ('downloaded', 'staged')
    union all
    select 'answer', f.blob_key, f.sha256 from exchange.bulk_file f where f.removed_at is null
    union all
    select distinct 'document', null, a.sha256 from exchange.attachment a where a.state = 'kept' and a.sha256 is not null`;
  for await (const rows of query.cursor(500))
    yield rows.map((r) => ({
      key: r.key ?? attachmentKey(r.sha256),
      sha256: r.sha256,
      isPacked: r.kind === 'received',
    }));
}
