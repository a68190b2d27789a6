// What the report of one pull is counted from. The ledger, findings, members and events of a pull are found by the first
// column of their keys; nothing here reads a clinical record.
import type { Queryable } from '../../../src/db/database.ts';
import { PULL_CLOCKS } from '../../staff/data/list-rows.ts';

export type LedgerCount = { file: number; type: string | null; outcome: string; reason: string | null; n: number };

/** Units by file, type, outcome and reason. Served by the primary key of the ledger (pull first). */
export async function countLedger(sql: Queryable, pullId: string): Promise<LedgerCount[]> {
  return [
    ...(await sql<LedgerCount[]>`
      select file, type, outcome, reason, sum(units)::int as n from exchange.ledger_count where pull_id = ${pullId}
      group by file, type, outcome, reason order by file, type, outcome, reason`),
  ];
}

export type MemberLine = {
  submittedId: string;
  memberId: string;
  policy: string;
  /** what the payer said of the member; `left-out`: it was not asked, `waiting`: it has not answered */
  outcome: string;
  units: number;
  held: number;
  clockState: string | null;
  dueAt: Date | null;
};

const SAID = `coalesce(m.outcome, case when m.left_out then 'left-out' else 'waiting' end)`;

/**
 * Members of a pull with how many units came for each, from a place in their order on. Members by the primary key of
 * pull_member, units by ledger_tally_key (pull first), clocks by deadline_member.
 */
export async function memberLines(
  sql: Queryable,
  pullId: string,
  filter: { outcome?: string | undefined; memberId?: string | undefined } = {},
  page?: { limit: number; after?: string | undefined },
): Promise<MemberLine[]> {
  return [
    ...(await sql<MemberLine[]>`
      with units as (
        select member_id, sum(units)::int as units, coalesce(sum(units) filter (where outcome = 'quarantined'), 0)::int as held
        from exchange.ledger_by_member where pull_id = ${pullId} and member_id is not null group by member_id
      )
      select m.submitted_id as "submittedId", m.member_id as "memberId", m.policy, ${sql.unsafe(SAID)} as outcome, coalesce(u.units,
        0) as units, coalesce(u.held, 0) as held,
        c.state as "clockState", c.due_at as "dueAt"
      from exchange.pull_member m join exchange.pull p on p.id = m.pull_id left join units u using (member_id)
      left join lateral (${sql.unsafe(PULL_CLOCKS)} order by c.due_at, c.id limit 1) c on true
      where m.pull_id = ${pullId} and m.submitted_id > ${page?.after ?? ''}
        and (${filter.outcome ?? null}::text is null or ${sql.unsafe(SAID)} = ${filter.outcome ?? null})
        and (${filter.memberId ?? null}::text is null or m.member_id = ${filter.memberId ?? null})
      order by m.submitted_id limit ${page?.limit ?? 10_000}`),
  ];
}

export type FindingCount = { kind: string; type: string | null; n: number; rows: number };

/** Findings by kind and type: `n` units, of which `rows` are named one by one. Served by finding_pull. */
export async function countFindings(sql: Queryable, pullId: string): Promise<FindingCount[]> {
  return [
    ...(await sql<FindingCount[]>`
      select kind, type, (case when count(line) > 0 then count(distinct (file, line, entry))
        else sum(amount) end)::int as n, count(line)::int as rows
      from exchange.finding where pull_id = ${pullId} group by kind, type order by kind, type`),
  ];
}

export type PullEvent = { at: Date; state: string; detail: string };

/** The states a pull went through. Served by pull_event_pull. */
export async function pullEvents(sql: Queryable, pullId: string): Promise<PullEvent[]> {
  return [
    ...(await sql<
      PullEvent[]
    >`select at, state, detail from exchange.pull_event where pull_id = ${pullId} order by id`),
  ];
}

/** When and by whom a pull was accepted as it is. Served by the primary key. */
export async function acceptance(sql: Queryable, pullId: string): Promise<{ by: string; at: Date } | undefined> {
  const [row] = await sql<{ by: string; at: Date }[]>`
    select accepted_by as by, accepted_at as at from exchange.pull where id = ${pullId} and accepted_by is not null`;
  return row;
}
