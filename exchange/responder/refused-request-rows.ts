// Requests that were refused for what is wrong with them: the first of an hour is in the audit at once, how many more
// there were when the hour is over. They are counted by payer, reason and route, so that no one fills the audit by
// asking; who is not known is one for all.

import { lt } from 'drizzle-orm';
import type { Queryable } from '../../src/db/database.ts';
import { orm } from '../../src/db/orm.ts';
import { auditRow, writeAudit } from '../compliance/audit/audit.ts';
import { refusedRequest } from './schema.ts';

export type RefusedRequest = { peerId: string | null; reason: string; route: string };

const HOUR_MS = 3_600_000;
const hourOf = (at: Date): Date => new Date(Math.floor(at.getTime() / HOUR_MS) * HOUR_MS);

const row = (at: Date, r: RefusedRequest, requestId: string, detail: Record<string, unknown>) =>
  auditRow({
    at,
    actorKind: 'peer',
    actor: r.peerId ?? 'unknown',
    action: 'access',
    peerId: r.peerId ?? undefined,
    outcome: 'refused',
    reason: r.reason,
    requestId,
    detail: { route: r.route, ...detail },
  });

/**
 * Counts a refusal, and writes the first of its hour to the audit. refused_request's key.
 * @param r.times how often it was refused since it was recorded last
 * @param r.said what the asker was answered, without a value that it sent
 */
export async function bookRequest(
  tx: Queryable,
  r: RefusedRequest & { at: Date; times: number; requestId: string; said: string | undefined },
): Promise<void> {
  const [recorded] = await tx<{ isFirst: boolean }[]>`
    insert into exchange.refused_request as q (peer_id, reason, route, hour, more) values (${r.peerId}, ${r.reason}, ${r.route},
      ${hourOf(r.at)}, 0)
    on conflict (peer_id, reason, route, hour) do update set more = q.more + ${r.times} returning xmax = 0 as "isFirst"`;
  if (recorded?.isFirst !== true) return;
  const detail = { ...(r.said === undefined ? {} : { said: r.said }), ...(r.times > 1 ? { times: r.times } : {}) };
  await writeAudit(tx, [row(r.at, r, r.requestId, detail)]);
}

/** Tells the audit how many more there were in hours that are over. The table holds what was refused since the last time. */
export async function tellRefused(tx: Queryable, now: Date): Promise<void> {
  const over = await orm(tx)
    .delete(refusedRequest)
    .where(lt(refusedRequest.hour, hourOf(now)))
    .returning();
  const rows = over.flatMap((r) =>
    r.more === 0 ? [] : row(now, r, '', { times: r.more, hour: r.hour.toISOString() }),
  );
  await writeAudit(tx, rows);
}
