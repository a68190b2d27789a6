// Attachments that received records give by address: what is to be fetched, what is kept, and what stands in their place in the form
// of a record that leaves. The bytes are files (`attachmentKey`), one for each content, however many records hold it.
import { arrayLiteral, type Queryable } from '../../src/db/database.ts';
import type { Work } from './write-links.ts';

/** What stands in the place of an address whose document `a` is not here: who reads it learns that there is one. */
const ABSENT = `'"_url":{"id":"' || a.document_id || '","extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"unknown"}]}'`;
const LINK = `'"url":"Binary/' || a.document_id || '"'`;

/**
 * A text of a record with what leaves in the place of the peer's addresses, whatever stands there by now; null where it gives none.
 * `record`: an alias with its member, type and id. attachment_pkey.
 * @param only of this document, where the others are known to stand right: a record may have hundreds
 */
export const leavingForm = (record: string, text: string, only?: string): string => `(
  select exchange.replace_all(${text}, array_agg(f.old order by f.old), array_agg(f.new order by f.old))
  from exchange.attachment a
  cross join lateral (select case when a.state = 'kept' then ${LINK} else ${ABSENT} end as new) n
  cross join lateral (select v.old, n.new from (values (a.written), (${ABSENT}), (${LINK})) v(old) where v.old <> n.new) f
  where a.member_id = ${record}.member_id and a.type = ${record}.type and a.record_id = ${record}.id${only === undefined ? '' : ` and a.document_id = ${only}`}
  having count(*) > 0)`;

export const attachmentKey = (sha256: string): string => `documents/${sha256.slice(0, 2)}/${sha256}`;

/**
 * Puts into the `shared` text of records what leaves in the place of the peer's addresses. Nothing is written where it is so already.
 * `from`: members, types and ids of the records. $1 instant. attachment_pkey, resource_pkey.
 * @param only a document, of records whose others stand right once anything stands there
 */
export const SHOWN = (from: string, only?: string) => `
  update exchange.resource r set shared = f.form, moved_at = $1::text::timestamptz
  from (
    select x.member_id, x.type, x.id, ${
      only === undefined
        ? leavingForm('x', 'coalesce(x.shared, x.body)')
        : `case when x.shared is null then ${leavingForm('x', 'x.body')} else ${leavingForm('x', 'x.shared', only)} end`
    } as form
    from ${from} u join exchange.resource x on x.member_id = u.member_id and x.type = u.type and x.id = u.id
  ) f
  where r.member_id = f.member_id and r.type = f.type and r.id = f.id and f.form is not null and r.shared is distinct from f.form`;

/** Units of the open slice whose record is as they say: written now, or the same as before. */
const HERE = `not s.is_shared and s.member_id is not null and s.local_id is not null and s.attached is not null
  and (s.outcome in ('created', 'updated', 'linked-duplicate') or (s.outcome = 'unchanged' and (s.reason is null or s.reason = 'replayed')))`;

/**
 * Notes what the records of the open slice give by address. What is kept stays so where the record is the same, or says by its hash that
 * the content is; anything else is fetched (again). Whose record names it no more is forgotten: by attachment_pkey.
 */
export async function writeAttachments(tx: Queryable, work: Pick<Work, 'peerId' | 'pull'>, at: string): Promise<void> {
  const [ever] = await tx`select from exchange.attachment limit 1`;
  if (ever !== undefined)
    await tx`
      delete from exchange.attachment a using pg_temp.slice s
      where s.outcome = 'updated' and not s.is_shared and a.member_id = s.member_id and a.type = s.type and a.record_id = s.local_id
        and (s.attached is null or not exists (select from jsonb_array_elements(s.attached::jsonb) e where e->>'written' = a.written))`;
  const [any] = await tx`select from pg_temp.slice where attached is not null limit 1`;
  if (any === undefined) return;
  await tx.unsafe(
    `insert into exchange.attachment as a (member_id, type, record_id, document_id, peer_id, pull_id, url, written, media, size, sha1, said_sha256, state, reason, next_at)
     select distinct on (s.member_id, s.type, s.local_id, e->>'written') s.member_id, s.type, s.local_id,
       left(encode(sha256(convert_to(concat_ws(' ', $1::text, s.type, s.source_id, e->>'written'), 'UTF8')), 'hex'), 32),
       $1, $2, e->>'url', e->>'written', e->>'media', (e->>'size')::bigint, e->>'sha1', e->>'sha256',
       case when e ? 'isWithin' then 'not-fetched' else 'due' end, case when e ? 'isWithin' then 'in-the-record' end, $3::text::timestamptz
     from pg_temp.slice s cross join jsonb_array_elements(s.attached::jsonb) e
     where ${HERE}
     on conflict (member_id, type, record_id, document_id) do nothing`,
    [work.peerId, work.pull, at],
  );
  await tx.unsafe(
    `update exchange.attachment a set pull_id = $1, media = e->>'media', size = (e->>'size')::bigint, sha1 = e->>'sha1', said_sha256 = e->>'sha256', state = case when e ? 'isWithin' then 'not-fetched' else 'due' end,
       reason = case when e ? 'isWithin' then 'in-the-record' end, attempts = 0, next_at = $2::text::timestamptz, sha256 = null, bytes = null, kept_media = null, settled_at = null,
       lease_owner = null, lease_until = null, coming = null
     from pg_temp.slice s cross join jsonb_array_elements(s.attached::jsonb) e
     where ${HERE} and s.outcome <> 'unchanged' and a.member_id = s.member_id and a.type = s.type and a.record_id = s.local_id and a.written = e->>'written'
       and not (a.state = 'kept' and a.sha1 is not null and a.sha1 = e->>'sha1' and a.media is not distinct from e->>'media') and a.pull_id <> $1`,
    [work.pull, at],
  );
  await tx.unsafe(SHOWN(`(select distinct s.member_id, s.type, s.local_id as id from pg_temp.slice s where ${HERE})`), [
    at,
  ]);
}

/** Why something was not fetched that asking again cannot mend. */
const FOR_GOOD = ['in-the-record', 'attachment-unsafe', 'bad-url', 'money-present'];

/**
 * What was not fetched of the members of a pull is tried again with it: the record of the peer, or the peer, may have changed since. Not
 * what is of a record that is still gone, or of a member who has still withdrawn. pull_member_pkey, attachment_pkey, resource_pkey.
 */
export async function retryAttachments(tx: Queryable, pull: { id: string; peerId: string }, at: Date): Promise<void> {
  await tx`
    update exchange.attachment a set state = 'due', reason = null, attempts = 0, next_at = ${at}, pull_id = ${pull.id}, settled_at = null
    from (select distinct member_id from exchange.pull_member where pull_id = ${pull.id} and outcome = 'matched') m
    where a.member_id = m.member_id and a.peer_id = ${pull.peerId} and a.state = 'not-fetched' and a.pull_id <> ${pull.id}
      and a.reason <> all(${FOR_GOOD})
      and (a.reason <> 'record-gone' or exists (
        select from exchange.resource r where r.member_id = a.member_id and r.type = a.type and r.id = a.record_id and not r.deleted))
      and (a.reason <> 'consent-withdrawn' or (
        select choice from exchange.consent c where c.member_id = a.member_id order by recorded_on desc, created_at desc limit 1) = 'opt-in')`;
}

/** Documents that nothing has named since before a time, those first that wait longest. orphaned_document_at. */
export async function goneDocuments(sql: Queryable, before: Date, most: number): Promise<string[]> {
  const rows = await sql<{ sha256: string }[]>`
    select sha256 from exchange.orphaned_document where at < ${before} order by at limit ${most}`;
  return rows.map((r) => r.sha256);
}

/** Is one that was noted named by nothing still? It is noted no more, until this transaction ends nobody can name it. attachment_content. */
export async function takeGone(tx: Queryable, sha256: string): Promise<boolean> {
  const noted = await tx`delete from exchange.orphaned_document where sha256 = ${sha256} returning 1`;
  if (noted.length === 0) return false;
  const named = await tx`select from exchange.attachment where sha256 = ${sha256} limit 1`;
  return named.length === 0;
}

/** A document is named (again). Waits for who removes it at that moment. */
export async function nameDocument(tx: Queryable, sha256: string): Promise<void> {
  await tx`delete from exchange.orphaned_document where sha256 = ${sha256}`;
}

/** Notes documents that are there, of which nothing names some: those. What is noted stays as it is. attachment_content. */
export async function noteGone(sql: Queryable, sha256s: readonly string[], at: Date): Promise<number> {
  const noted = await sql`
    insert into exchange.orphaned_document (sha256, at)
    select s, ${at} from unnest(${arrayLiteral(sha256s)}::text::text[]) s
    where not exists (select from exchange.attachment where sha256 = s) on conflict do nothing returning 1`;
  return noted.length;
}

/** Notes with its pull that one was not fetched. finding_pull. */
export async function noteNotFetched(tx: Queryable, pullId: string, type: string): Promise<void> {
  const known = await tx`
    update exchange.finding set amount = amount + 1
    where id = (select id from exchange.finding where pull_id = ${pullId} and kind = 'attachment-not-fetched' and type = ${type} and line is null limit 1) returning 1`;
  if (known.length === 0)
    await tx`insert into exchange.finding (pull_id, kind, type, amount) values (${pullId}, 'attachment-not-fetched', ${type}, 1)`;
}

/** Bytes that are kept of the attachments of a pull. attachment_pull. */
export async function keptBytes(sql: Queryable, pullId: string): Promise<number> {
  const [row] = await sql<
    { n: string | null }[]
  >`select sum(bytes) as n from exchange.attachment where pull_id = ${pullId}`;
  return Number(row?.n ?? 0);
}

export type KeptBytes = { sha256: string; bytes: number; media: string | null };
export type AttachmentKey = { memberId: string; type: string; recordId: string; documentId: string };

export type KeptAttachment = AttachmentKey & KeptBytes & { peerId: string; settledAt: Date };

/**
 * A document by the id under which it is served, where it is kept and its record is shown: of a record that is another member's now the
 * former one has it still. attachment_document; resource_pkey.
 */
export async function findAttachment(sql: Queryable, documentId: string): Promise<KeptAttachment | undefined> {
  const [row] = await sql<(Omit<KeptAttachment, 'bytes'> & { bytes: string })[]>`
    select member_id as "memberId", type, record_id as "recordId", document_id as "documentId", peer_id as "peerId", sha256, bytes, kept_media as media, settled_at as "settledAt"
    from exchange.attachment a where document_id = ${documentId} and state = 'kept' and exists (
      select from exchange.resource r where r.member_id = a.member_id and r.type = a.type and r.id = a.record_id and not r.deleted)`;
  return row && { ...row, bytes: Number(row.bytes) };
}

export type AttachmentLine = AttachmentKey & {
  state: 'due' | 'kept' | 'not-fetched';
  reason: string | null;
  media: string | null;
  bytes: number | null;
  sha256: string | null;
};

const LINE = `member_id as "memberId", type, record_id as "recordId", document_id as "documentId", state, reason, coalesce(kept_media, media) as media, bytes, sha256`;
const line = (r: Omit<AttachmentLine, 'bytes'> & { bytes: string | null }): AttachmentLine => ({
  ...r,
  bytes: r.bytes === null ? null : Number(r.bytes),
});

/** Those of some records of a member. attachment_pkey. */
export async function attachmentsOf(
  sql: Queryable,
  memberId: string,
  records: readonly { type: string; id: string }[],
): Promise<AttachmentLine[]> {
  const rows = await sql.unsafe<(Omit<AttachmentLine, 'bytes'> & { bytes: string | null })[]>(
    `select ${LINE} from exchange.attachment where member_id = $1 and (type, record_id) in (select * from unnest($2::text::text[], $3::text::text[]))
     order by type, record_id, document_id`,
    [memberId, arrayLiteral(records.map((r) => r.type)), arrayLiteral(records.map((r) => r.id))],
  );
  return rows.map(line);
}

export type AttachmentCount = {
  state: AttachmentLine['state'];
  reason: string | null;
  type: string;
  n: number;
  bytes: number;
};

/** What became of the attachments of a pull, by type of the record. attachment_pull. */
export async function countAttachments(sql: Queryable, pullId: string): Promise<AttachmentCount[]> {
  const rows = await sql<(Omit<AttachmentCount, 'bytes'> & { bytes: string | null })[]>`
    select state, case when state = 'not-fetched' then reason end as reason, type, count(*)::int as n, sum(bytes) as bytes
    from exchange.attachment where pull_id = ${pullId} group by 1, 2, 3 order by 1, 2, 3`;
  return rows.map((r) => ({ ...r, bytes: Number(r.bytes ?? 0) }));
}

/** A Binary that came from the peer as a line, for the same member. identity_pkey, resource_pkey. */
export async function receivedBinary(
  sql: Queryable,
  peerId: string,
  memberId: string,
  sourceId: string,
): Promise<string | undefined> {
  const [row] = await sql<{ body: string }[]>`
    select r.body from exchange.identity i join exchange.resource r on r.member_id = i.member_id and r.type = 'Binary' and r.id = i.local_id
    where i.peer_id = ${peerId} and i.type = 'Binary' and i.source_id = ${sourceId} and i.state = 'visible' and i.member_id = ${memberId} and not r.deleted`;
  return row?.body;
}
