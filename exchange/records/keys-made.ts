// Keys of stored records that other rules made, and how far they are made anew. A page is read, keyed and written by whoever comes to it;
// that it is done twice changes nothing.
import { arrayLiteral, type Queryable, type Sql } from '../../src/db/database.ts';

/** A place in the order in which it is done: `[type, id]` of a directory record, later `[member, type, id]`. The first of each are empty. */
export type Place = readonly string[];
export const FIRST_SHARED: Place = ['', ''];
export const FIRST_OF_MEMBERS: Place = ['', '', ''];

export type KeysMade = { rules: number; begunAt: Date; after: Place; doneAt: Date | null };

/** undefined: nobody has begun. rekey_progress_pkey. */
export async function keysMade(sql: Queryable): Promise<KeysMade | undefined> {
  const [row] = await sql<KeysMade[]>`
    select rules, begun_at as "begunAt", to_jsonb(after) as after, done_at as "doneAt" from exchange.rekey_progress`;
  return row;
}

/** Goes on with these rules, or begins with them when others were last. rekey_progress_pkey. */
export async function beginKeys(sql: Queryable, rules: number): Promise<KeysMade> {
  await sql`
    insert into exchange.rekey_progress as k (rules, begun_at, after) values (${rules}, now(), ${[...FIRST_SHARED]}::text[])
    on conflict (one) do update set rules = excluded.rules, begun_at = excluded.begun_at, after = excluded.after, done_at = null
    where k.rules <> excluded.rules`;
  const made = await keysMade(sql);
  if (!made) throw new Error('the row of keys_made is gone');
  return made;
}

/** Notes how far these rules came, unless others have begun since. rekey_progress_pkey. */
export async function noteKeys(sql: Queryable, rules: number, after: Place, isDone: boolean): Promise<void> {
  await sql`
    update exchange.rekey_progress set after = ${[...after]}::text[], done_at = case when ${isDone}::boolean then now() end where rules = ${rules}`;
}

const KEYING_LOCK = 7_206_007;

/** Takes the lock of the one process that makes all keys anew, for as long as the connection lasts. False when another has it. */
export async function holdsKeying(connection: Queryable): Promise<boolean> {
  const [row] = await connection<{ ok: boolean }[]>`select pg_try_advisory_lock(${KEYING_LOCK}) as ok`;
  return row?.ok === true;
}

/** Records, and characters of them, that are read at once. */
const PAGE = 500;
/** Keys of directory records are found by key, not by record: each page of them reads all. */
const SHARED_PAGE = 5000;
const PAGE_BYTES = 8 * 1024 * 1024;

/** As many of some rows `p`, in order, as their texts have room together; the first always. */
export const asManyAsFit = (rows: string, order: string, most = PAGE) => `
  select * from (
    select p.*, sum(octet_length(body)) over (order by ${order} rows unbounded preceding) - octet_length(body) as before from (${rows} order by ${order} limit ${most}) p) q
  where before < ${PAGE_BYTES} order by ${order}`;

/** `claim`: what chains know of it, as JSON; null of other types. `shared`: what peers get of one of ours, where that is another text. */
export type MemberRecord = {
  memberId: string;
  type: string;
  id: string;
  version: number;
  claim: string | null;
  body: string;
  shared: string | null;
};

/**
 * Records of members after a place, deleted ones too: they may come back as they are. Primary key.
 * @param ofMember of this one alone
 */
export async function memberRecordsAfter(sql: Queryable, after: Place, ofMember?: string): Promise<MemberRecord[]> {
  const [memberId = '', type = '', id = ''] = after;
  const rows = `select member_id as "memberId", type, id, version, claim::text as claim, body, case origin when 'own' then shared end as shared from exchange.resource
    where ${ofMember === undefined ? '(member_id, type, id) > ($1, $2, $3)' : 'member_id = $1 and (type, id) > ($2, $3)'}
      and not (type = 'Provenance' and source_id is null)`;
  return [...(await sql.unsafe<MemberRecord[]>(asManyAsFit(rows, '"memberId", type, id'), [memberId, type, id]))];
}

export type SharedRecord = { type: string; id: string; version: number; origin: string; body: string };

/** Directory records after a place. Primary key. */
export async function sharedRecordsAfter(sql: Queryable, after: Place): Promise<SharedRecord[]> {
  const [type = '', id = ''] = after;
  const rows = `select type, id, version, origin, body from exchange.shared_resource
    where (type, id) > ($1, $2) and type <> 'Provenance' and not deleted`;
  return [...(await sql.unsafe<SharedRecord[]>(asManyAsFit(rows, 'type, id', SHARED_PAGE), [type, id]))];
}

export type Keyed<T> = T & { keys: readonly string[] };

/** Keys of several rows as two columns: number of the row from one, and key. */
export const keyColumns = (rows: readonly Keyed<object>[]): [string, string] => {
  const flat = rows.flatMap((r, i) => r.keys.map((k) => [i + 1, k] as const));
  return [arrayLiteral(flat.map(([n]) => n)), arrayLiteral(flat.map(([, k]) => k))];
};

/** A pull that writes the same rows is not waited for longer than this: who waits here would hold up the next. */
const SHORT_WAIT = `set local lock_timeout = '200ms'`;

/** `substance`: where it may be another one by the rules of today, lower-case hex. */
type Said = { substance: string | undefined };

/**
 * Writes keys and substances where they differ. What was written anew since it was read has keys of its own. Primary key.
 * @throws what isHeld knows, when somebody else is writing one of them
 */
export async function writeMemberKeys(
  sql: Sql,
  rows: readonly Keyed<Pick<MemberRecord, 'memberId' | 'type' | 'id' | 'version'> & Said>[],
): Promise<number> {
  return sql.begin(async (tx) => {
    await tx.unsafe(SHORT_WAIT);
    const written = await tx.unsafe(
      `with keyed as (
         select n, array_agg(hashtextextended(k, 0) order by i) as keys
         from unnest($5::text::int[], $6::text::text[]) with ordinality as u(n, k, i) group by n
       ), said as (
         select r.member_id, r.type, r.id, r.version, decode(r.substance, 'hex') as substance, k.keys
         from unnest($1::text::text[], $2::text::text[], $3::text::text[], $4::text::int[], $7::text::text[]) with ordinality as r(member_id, type, id, version, substance, n)
         left join keyed k on k.n = r.n
       )
       update exchange.resource x set keys = r.keys, substance = coalesce(r.substance, x.substance) from said r
       where x.member_id = r.member_id and x.type = r.type and x.id = r.id and x.version = r.version
         and (x.substance <> r.substance or not (coalesce(x.keys, '{}') @> coalesce(r.keys, '{}') and coalesce(x.keys, '{}') <@ coalesce(r.keys, '{}')))`,
      [
        arrayLiteral(rows.map((r) => r.memberId)),
        arrayLiteral(rows.map((r) => r.type)),
        arrayLiteral(rows.map((r) => r.id)),
        arrayLiteral(rows.map((r) => r.version)),
        ...keyColumns(rows),
        arrayLiteral(rows.map((r) => r.substance ?? null)),
      ],
    );
    return written.count;
  });
}

export type ClaimKnown = Pick<MemberRecord, 'memberId' | 'id' | 'version'> & { claim: string };

/**
 * Writes what chains know of claims. What was written anew since it was read knows what it has to. Primary key.
 * @throws what isHeld knows, when somebody else is writing one of them
 */
export async function writeClaimsKnown(tx: Queryable, rows: readonly ClaimKnown[]): Promise<void> {
  await tx.unsafe(SHORT_WAIT);
  await tx`
    update exchange.resource x set claim = r.claim::jsonb
    from unnest(${rows.map((r) => r.memberId)}::text[], ${rows.map((r) => r.id)}::text[], ${rows.map((r) => r.version)}::int[], ${rows.map((r) => r.claim)}::text[]) as r(member_id, id, version, claim)
    where x.member_id = r.member_id and x.type = 'ExplanationOfBenefit' and x.id = r.id and x.version = r.version`;
}

/** The same of directory records, whose keys are rows: those that are none any more go, new ones come. shared_resource_pkey; reads shared_key whole. */
export async function writeSharedKeys(sql: Sql, rows: readonly Keyed<Omit<SharedRecord, 'body'>>[]): Promise<number> {
  return sql.begin(async (tx) => {
    await tx.unsafe(SHORT_WAIT);
    const [row] = await tx.unsafe<{ n: number }[]>(
      `with said as materialized (
         -- locked: what is written meanwhile has keys of its own
         select r.type, r.id, r.origin, r.n
         from unnest($1::text::text[], $2::text::text[], $3::text::int[]) with ordinality as s(type, id, version, n)
         cross join lateral (select x.type, x.id, x.origin, s.n from exchange.shared_resource x
           where x.type = s.type and x.id = s.id and x.version = s.version and not x.deleted for no key update) r
       ), keyed as materialized (
         select distinct s.type, s.id, s.origin, case left(u.k, 1) when 's' then 1 else 2 end as kind, hashtextextended(u.k, 0) as hash
         from said s join unnest($4::text::int[], $5::text::text[]) u(n, k) on u.n = s.n
       ), gone as (
         delete from exchange.shared_key k using said s
         where k.type = s.type and k.id = s.id and k.origin = s.origin
           and not exists (select from keyed n where n.type = k.type and n.id = k.id and n.kind = k.kind and n.hash = k.hash) returning 1
       ), come as (
         insert into exchange.shared_key (type, kind, hash, id, origin) select type, kind, hash, id, origin from keyed on conflict do nothing returning 1
       )
       select ((select count(*) from gone) + (select count(*) from come))::int as n`,
      [
        arrayLiteral(rows.map((r) => r.type)),
        arrayLiteral(rows.map((r) => r.id)),
        arrayLiteral(rows.map((r) => r.version)),
        ...keyColumns(rows),
      ],
    );
    return row?.n ?? 0;
  });
}

/** Was a pull begun before these rules were: what it has staged may be keyed by others. Primary keys. */
export async function isOlderThanKeys(sql: Queryable, pullId: string, rules: number): Promise<boolean> {
  const [row] = await sql<{ older: boolean }[]>`
    select p.created_at < coalesce((select k.begun_at from exchange.rekey_progress k where k.rules = ${rules}), 'infinity') as older
    from exchange.pull p where p.id = ${pullId}`;
  return row?.older === true;
}

export type StagedText = { file: number; line: number; entry: number; isShared: boolean; body: string };

/** Units of a work that are staged with their texts, after a place. Primary keys of staged_text and staging. */
export async function stagedTextsAfter(
  sql: Queryable,
  work: string,
  after: readonly [file: number, line: number, entry: number],
): Promise<StagedText[]> {
  const rows = `select t.file, t.line, t.entry, t.body from exchange.staged_text t where t.pull_id = $1 and (t.file, t.line, t.entry) > ($2, $3, $4)`;
  return [
    ...(await sql.unsafe<StagedText[]>(
      `select t.file, t.line, t.entry, t.body, s.is_shared as "isShared" from (${asManyAsFit(rows, 'file, line, entry')}) t
       join exchange.staging s on s.pull_id = $1 and s.file = t.file and s.line = t.line and s.entry = t.entry
       order by t.file, t.line, t.entry`,
      [work, ...after],
    )),
  ];
}

/** Writes keys and substances of staged units. staging_pkey. */
export async function writeStagedKeys(
  sql: Queryable,
  work: string,
  rows: readonly Keyed<Pick<StagedText, 'file' | 'line' | 'entry'> & Partial<Said>>[],
): Promise<void> {
  await sql.unsafe(
    `with keyed as (
       select n, array_agg(k order by i) as keys
       from unnest($5::text::int[], $6::text::text[]) with ordinality as u(n, k, i) group by n
     )
     update exchange.staging s set keys = k.keys, substance = coalesce(decode(r.substance, 'hex'), s.substance)
     from unnest($2::text::int[], $3::text::int[], $4::text::int[], $7::text::text[]) with ordinality as r(file, line, entry, substance, n)
     left join keyed k on k.n = r.n
     where s.pull_id = $1 and s.file = r.file and s.line = r.line and s.entry = r.entry
       and (s.keys is distinct from k.keys or s.substance <> decode(r.substance, 'hex'))`,
    [
      work,
      arrayLiteral(rows.map((r) => r.file)),
      arrayLiteral(rows.map((r) => r.line)),
      arrayLiteral(rows.map((r) => r.entry)),
      ...keyColumns(rows),
      arrayLiteral(rows.map((r) => r.substance ?? null)),
    ],
  );
}
