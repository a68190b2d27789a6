// What is to be reported to a payer: records about which people decided so, and what its files lack. Ids are those of the payer.
import type { Queryable } from '../../../src/db/database.ts';

type Span = { from: Date; to: Date };

export type RecordToTell = {
  decidedAt: Date;
  kind: string;
  detail: string;
  type: string;
  sourceId: string | null;
  pullId: string | null;
  file: number | null;
  line: number | null;
  sha256: string | null;
  words: string;
};

/**
 * Items that stand decided so, by the last decision in the time; those of no pull by their record; each by the id that
 * its payer gives it now. review_decision by item; ledger, pull_file and resource by key; identity_names.
 */
export async function recordsToTell(sql: Queryable, peerId: string, span: Span): Promise<RecordToTell[]> {
  return [
    ...(await sql<RecordToTell[]>`
      select d.at as "decidedAt", i.kind, i.detail, coalesce(l.type, i.type) as type, coalesce(n.source_id, l.source_id,
        r.source_id) as "sourceId", i.pull_id as "pullId", i.file, i.line, f.sha256, d.reason as words
      from exchange.review_item i
      join lateral (select at, reason, decision, undoes from exchange.review_decision where item_id = i.id order by id desc limit 1) d
        on true
      left join exchange.ledger_unit l on l.pull_id = i.pull_id and l.file = i.file and l.line = i.line and l.entry = i.entry
      left join exchange.pull_file f on f.pull_id = i.pull_id and f.position = i.file
      left join exchange.resource r on i.pull_id is null and r.member_id = i.member_id and r.type = i.type and r.id = i.b_id
        and r.origin = i.peer_id
      left join lateral (
        select n.source_id from exchange.identity n
        where n.peer_id = i.peer_id and n.type = coalesce(l.type, i.type) and n.local_id = coalesce(l.local_id, i.b_id)
          and n.is_newest is not null and n.is_newest limit 1) n on true
      where i.peer_id = ${peerId} and i.decision = 'report-to-peer' and d.decision = 'report-to-peer' and d.undoes is null
        and d.at >= ${span.from} and d.at < ${span.to}
      order by d.at, i.id limit 5000`),
  ];
}

export type FaultToTell = { kind: string; type: string | null; n: number; pulls: number; last: Date };

/** What was noted in the payer's pulls of a time, by kind and type. Findings by pull. */
export async function faultsToTell(sql: Queryable, peerId: string, span: Span): Promise<FaultToTell[]> {
  return [
    ...(await sql<FaultToTell[]>`
      select f.kind, f.type, sum(f.amount)::int as n, count(distinct p.id)::int as pulls, max(coalesce(p.finished_at, p.created_at)) as last
      from exchange.pull p join exchange.finding f on f.pull_id = p.id
      where p.peer_id = ${peerId} and p.created_at >= ${span.from} and p.created_at < ${span.to}
      group by f.kind, f.type order by 3 desc, 1, 2`),
  ];
}

export type LineToTell = {
  reason: string;
  type: string | null;
  sourceId: string | null;
  pullId: string;
  line: number;
  sha256: string | null;
  at: Date;
};

/**
 * Lines of the payer's pulls of a time that were kept out for one of these reasons, the newest pull first; `most` of them. No pull is read
 * behind those that hold them. pull_peer, ledger_held.
 */
export async function linesToTell(
  sql: Queryable,
  peerId: string,
  span: Span,
  reasons: readonly string[],
  most: number,
): Promise<LineToTell[]> {
  return [
    ...(await sql<LineToTell[]>`
      select l.reason, l.type, l.source_id as "sourceId", p.id as "pullId", l.line, f.sha256, coalesce(p.finished_at, p.created_at) as at
      from exchange.pull p
      cross join lateral (
        select * from exchange.ledger_unit u
        where u.pull_id = p.id and u.outcome in ('quarantined', 'rejected') and u.reason = any(${[...reasons]}::text[])
        order by u.file, u.line, u.entry limit ${most}) l
      left join exchange.pull_file f on f.pull_id = l.pull_id and f.position = l.file
      where p.peer_id = ${peerId} and p.created_at >= ${span.from} and p.created_at < ${span.to}
      order by p.created_at desc, p.id, l.file, l.line, l.entry limit ${most}`),
  ];
}

export type LinesToTell = { reason: string; type: string | null; n: number; pulls: number; last: Date };

/** How many of them there are, by reason and type. pull_peer, ledger_held alone. */
export async function countLinesToTell(
  sql: Queryable,
  peerId: string,
  span: Span,
  reasons: readonly string[],
): Promise<LinesToTell[]> {
  return [
    ...(await sql<LinesToTell[]>`
      select l.reason, l.type, sum(l.n)::int as n, count(distinct p.id)::int as pulls, max(coalesce(p.finished_at, p.created_at)) as last
      from exchange.pull p
      cross join lateral (
        select u.reason, u.type, count(*) as n from exchange.ledger_unit u
        where u.pull_id = p.id and u.outcome in ('quarantined', 'rejected') and u.reason = any(${[...reasons]}::text[]) group by 1, 2) l
      where p.peer_id = ${peerId} and p.created_at >= ${span.from} and p.created_at < ${span.to}
      group by 1, 2 order by 3 desc, 1, 2`),
  ];
}
