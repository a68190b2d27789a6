// Emergency access to members' records: who opened it, when and why, and whom they looked at. There are few.

import { and, eq, gt, isNull } from 'drizzle-orm';
import type { Queryable } from '../../../src/db/database.ts';
import { orm } from '../../../src/db/orm.ts';
import { emergencyAccess } from '../../staff/data/schema.ts';

export type Emergency = {
  id: string;
  subject: string;
  reason: string;
  beganAt: Date;
  /** when it ended, or is to end by itself */
  untilAt: Date;
  isOpen: boolean;
  /** members whose data were looked at through it */
  members: number;
};

export async function addEmergency(
  tx: Queryable,
  e: { id: string; sessionHash: string; subject: string; reason: string; at: Date; until: Date },
): Promise<void> {
  const { id, subject, reason } = e;
  const session = Buffer.from(e.sessionHash, 'hex');
  await orm(tx).insert(emergencyAccess).values({ id, session, subject, reason, beganAt: e.at, untilAt: e.until });
}

/** Ends those of a person that are open. @returns their ids */
export async function endEmergencies(tx: Queryable, subject: string, at: Date): Promise<string[]> {
  const { subject: whose, untilAt, endedAt, id } = emergencyAccess;
  const rows = await orm(tx)
    .update(emergencyAccess)
    .set({ endedAt: at })
    .where(and(eq(whose, subject), gt(untilAt, at), isNull(endedAt)))
    .returning({ id });
  return rows.map((r) => r.id);
}

/** Those that were open in a span, the newest first. emergency_access_began; looks by audit_object. */
export async function listEmergencies(sql: Queryable, from: Date, to: Date, now: Date): Promise<Emergency[]> {
  return [
    ...(await sql<Emergency[]>`
      select e.id, e.subject, e.reason, e.began_at as "beganAt", coalesce(e.ended_at, e.until_at) as "untilAt", e.ended_at is null
        and e.until_at > ${now} as "isOpen",
        (select count(distinct a.member_id)::int from exchange.audit a where a.object = 'emergency/' || e.id
          and a.action = 'emergency-look') as members
      from exchange.emergency_access e where e.began_at >= ${from}::timestamptz - interval '1 day'
        and e.began_at < ${to} and coalesce(e.ended_at, e.until_at) >= ${from}
      order by e.began_at desc, e.id`),
  ];
}
