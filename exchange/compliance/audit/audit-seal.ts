// Statements of the sealer and of `audit verify`.
import type { Queryable, Sql } from '../../../src/db/database.ts';
import { type AuditEntry, auditHash } from './audit.ts';

/** Lock that keeps a second sealer out for the length of a transaction. */
const SEALER_LOCK = 7_206_011;

export async function becomeSealer(tx: Queryable): Promise<boolean> {
  const [row] = await tx<{ ok: boolean }[]>`select pg_try_advisory_xact_lock(${SEALER_LOCK}) as ok`;
  return row?.ok === true;
}

/**
 * Takes rows that wait, in the transaction that seals them. audit_unsealed_pkey, audit_pkey. As an array the numbers are read
 * once: joined, a table without statistics (it is mostly empty) had them read again for each row.
 */
export async function takeUnsealed(tx: Queryable, most: number): Promise<{ seq: bigint; hash: Uint8Array }[]> {
  const rows = await tx<{ seq: string; hash: Uint8Array }[]>`
    with taken as (
      delete from exchange.audit_unsealed
      where seq = any(array(select seq from exchange.audit_unsealed order by seq limit ${most}))
      returning seq)
    select a.seq::text as seq, a.hash from taken join exchange.audit a using (seq) order by a.seq`;
  return rows.map((r) => ({ seq: BigInt(r.seq), hash: r.hash }));
}

export type StoredSeal = {
  id: number;
  at: string;
  seqs: bigint[];
  marks: Uint8Array;
  prev: string;
  root: string;
  jws: string;
};

export async function lastSeal(
  sql: Queryable,
): Promise<{ id: number; root: string; jws: string; at: Date } | undefined> {
  const [row] = await sql<{ id: string; root: string; jws: string; at: Date }[]>`
    select id::text as id, encode(root, 'hex') as root, jws, sealed_at as at from exchange.audit_seal s order by s.id desc limit 1`;
  return row === undefined ? undefined : { ...row, id: Number(row.id) };
}

export async function writeSeal(tx: Queryable, seal: StoredSeal): Promise<void> {
  await tx`
    insert into exchange.audit_seal (id, sealed_at, seqs, marks, prev, root, jws)
    values (${seal.id}, ${seal.at}::timestamptz, ${`{${seal.seqs.join(',')}}`}::text::bigint[], ${Buffer.from(seal.marks)},
      decode(${seal.prev}, 'hex'), decode(${seal.root}, 'hex'), ${seal.jws})`;
}

/** All seals in order, a few at a time. */
export async function* readSeals(sql: Sql): AsyncGenerator<StoredSeal> {
  const rows = sql<
    { id: string; at: Date; seqs: string; marks: Uint8Array; prev: string; root: string; jws: string }[]
  >`
    select id::text as id, sealed_at as at, array_to_string(seqs, ',') as seqs, marks, encode(prev, 'hex') as prev,
      encode(root, 'hex') as root, jws
    from exchange.audit_seal s order by s.id`;
  for await (const some of rows.cursor(20))
    for (const r of some)
      yield {
        ...r,
        id: Number(r.id),
        at: r.at.toISOString(),
        seqs: r.seqs === '' ? [] : r.seqs.split(',').map(BigInt),
      };
}

export type CheckedRow = { seq: bigint; hash: Uint8Array; computed: string };

/** The rows of a seal that are there, with the hash that their columns give now. audit_pkey. */
export async function sealedRows(sql: Queryable, seqs: readonly bigint[]): Promise<CheckedRow[]> {
  const rows = await sql<Stored[]>`
    select seq::text as seq, hash, at, actor_kind as "actorKind", actor, action, object, member_id as "memberId",
      peer_id as "peerId", consent_id as "consentId", outcome, reason, request_id as "requestId", detail
    from exchange.audit where seq = any(${`{${seqs.join(',')}}`}::text::bigint[]) order by seq`;
  return rows.map(({ seq, hash, ...row }) => ({ seq: BigInt(seq), hash, computed: auditHash(fromStore(row)) }));
}

type Nulls = { memberId: string | null; peerId: string | null; consentId: string | null };
type Stored = { seq: string; hash: Uint8Array } & Omit<Required<AuditEntry>, keyof Nulls> & Nulls;

function fromStore(row: Omit<Stored, 'seq' | 'hash'>): AuditEntry {
  return {
    ...row,
    memberId: row.memberId ?? undefined,
    peerId: row.peerId ?? undefined,
    consentId: row.consentId ?? undefined,
  };
}

/** Rows in no seal: those that wait for one, and those that do not (they came past the sealer). */
export async function unsealedRows(
  sql: Queryable,
): Promise<{ waiting: number; oldest: Date | undefined; unsealed: bigint[] }> {
  const [row] = await sql<{ waiting: number; oldest: Date | null; unsealed: string | null }[]>`
    with sealed as (select unnest(seqs) as seq from exchange.audit_seal),
      loose as (select a.seq, a.at, u.seq is not null as waits
        from exchange.audit a left join sealed s on s.seq = a.seq left join exchange.audit_unsealed u on u.seq = a.seq
        where s.seq is null)
    select count(*) filter (where waits)::int as waiting, min(at) filter (where waits) as oldest,
      array_to_string((array_agg(seq order by seq) filter (where not waits))[1:100], ',') as unsealed
    from loose`;
  return {
    waiting: row?.waiting ?? 0,
    oldest: row?.oldest ?? undefined,
    unsealed: row?.unsealed ? row.unsealed.split(',').map(BigInt) : [],
  };
}
