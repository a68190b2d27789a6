// What the self-test of a peer's client reads: what the audit says of the client, and a member of the sandbox to ask for.
import type { Queryable } from '../../src/db/database.ts';

export type Trace = {
  at: Date;
  action: string;
  object: string;
  outcome: string;
  reason: string;
  detail: Record<string, unknown>;
};

/** What a peer did since a time, oldest first; at most the newest thousand. Reads back along the primary key. */
export async function traceOf(sql: Queryable, peerId: string, since: Date): Promise<Trace[]> {
  return [
    ...(await sql<Trace[]>`
      select at, action, object, outcome, reason, detail from (
        select * from exchange.audit where peer_id = ${peerId} and at >= ${since} and actor_kind = 'peer' order by seq desc limit 1000) a
      order by seq`),
  ];
}

export type DemoMember = { memberId: string; memberNumber: string; starts: string; patient: string };

/** One member of the sandbox, whose choice is not against sharing. */
export async function demoMember(sql: Queryable): Promise<DemoMember | undefined> {
  const [row] = await sql<DemoMember[]>`
    select e.member_id as "memberId", e.member_number as "memberNumber", e.starts::text as starts, r.body as patient
    from exchange.enrolment e join exchange.resource r on r.member_id = e.member_id and r.type = 'Patient' and r.id = e.member_id
    where not r.deleted and not exists (
      select 1 from exchange.consent c where c.member_id = e.member_id and c.choice <> 'opt-in')
    order by e.member_id limit 1`;
  return row;
}
