// Statements that we made when we took records in (write-provenance.ts), passed on with the records, coming back with them.
import type { Queryable } from '../../src/db/database.ts';
import type { Decided } from './decided.ts';
import { EVERYTHING, type Range } from './slice.ts';

/** What of a statement is its own: neither by what ids it and what it is about is called there, nor what the other payer notes. */
const words = (body: string) => `(${body}::jsonb - '{id,meta,text,target}'::text[])`;

/**
 * A new statement is an echo of one that we made about the same member, in the same words at the same instant. What it is about is not compared: of that a payer was
 * given what could leave; the one about the Patient does not. Only texts with the reason of ours are parsed. staged_text_pkey, primary key of resource.
 */
export async function ownStatements(
  tx: Queryable,
  work: Pick<Decided, 'id'>,
  of: Pick<Range, 'first' | 'last'> = EVERYTHING,
): Promise<void> {
  await tx.unsafe(
    `with unit as materialized (
       select s.file, s.line, s.entry, s.member_id, ${words('t.body')} as words from (
         select file, line, entry, member_id from exchange.staging
         where pull_id = $1 and bucket between $2 and $3 and type = 'Provenance' and outcome = 'created' and reason is null and not booked and not is_shared and member_id is not null offset 0) s
       cross join lateral (select x.body from exchange.staged_text x where x.pull_id = $1 and x.file = s.file and x.line = s.line and x.entry = s.entry offset 0) t
       where t.body like '%"RECORDMGT"%'
     ), ours as materialized (
       select m.member_id, r.id, ${words('r.body')} as words from (select member_id, array_agg(distinct words ->> 'recorded') as times from unit group by member_id) m
       cross join lateral (
         select x.id, x.body, x.last_updated from exchange.resource x
         where x.member_id = m.member_id and x.type = 'Provenance' and x.origin = 'own' and x.source_id is null and not x.deleted and not starts_with(x.targets[1], 'Patient/') offset 0) r
       where to_char(r.last_updated at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') = any(m.times)
     )
     update exchange.staging s set outcome = 'echo', made_id = coalesce(s.made_id, s.local_id), local_id = e.id
     from (select u.file, u.line, u.entry, min(o.id) as id from unit u join ours o on o.member_id = u.member_id and o.words = u.words group by 1, 2, 3) e
     where s.pull_id = $1 and s.file = e.file and s.line = e.line and s.entry = e.entry`,
    [work.id, of.first, of.last],
  );
}
