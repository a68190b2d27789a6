// Open items of one kind, payer and pull that a person decides alike, and how far that has come.
import { randomUUID } from 'node:crypto';
import type { Queryable } from '../../src/db/database.ts';
import { MARK } from './review-rows.ts';

export type ItemsAlike = { kind: string; peerId: string; pullId: string };
export type ByPerson = { subject: string; name: string; role: string; development: boolean };

/**
 * Puts all open items of one kind, payer and pull into one decision, as they are now.
 * @param seen how many there were when the person looked, and when the newest of them was opened: what came since is not decided
 * @returns how many; undefined when they are others than the person saw, and nothing is decided. review_item_pull
 */
export async function askAll(
  tx: Queryable,
  of: ItemsAlike,
  seen: { at: Date; n: number },
  said: { decision: string; reason: string; by: ByPerson; at: Date; requestId: string },
): Promise<{ id: string } | undefined> {
  const id = randomUUID();
  const { by } = said;
  await tx`
    insert into exchange.bulk_decision (id, kind, peer_id, pull_id, decision, reason, by_subject, by_name, by_role, development, request_id, at, due_at, asked)
    values (${id}, ${of.kind}, ${of.peerId}, ${of.pullId}, ${said.decision}, ${said.reason}, ${by.subject}, ${by.name}, ${by.role}, ${by.development}, ${said.requestId}, ${said.at}, ${said.at}, ${seen.n})`;
  const taken = await tx`
    insert into exchange.bulk_decision_item (item_id, batch_id, mark)
    select i.id, ${id}, ${tx.unsafe(MARK)} from exchange.review_item i
    where i.pull_id = ${of.pullId} and i.peer_id = ${of.peerId} and i.kind = ${of.kind} and i.state = 'open' and i.opened_at <= ${seen.at}
    on conflict (item_id) do nothing`;
  return taken.count === seen.n ? { id } : undefined;
}

export type AskedAll = ItemsAlike & { id: string; decision: string; reason: string; by: ByPerson; requestId: string };

/** Takes one that is not carried out, until a time. bulk_decision_open. */
export async function claimAll(sql: Queryable, now: Date, until: Date): Promise<AskedAll | undefined> {
  const [row] = await sql<AskedAll[]>`
    update exchange.bulk_decision set due_at = ${until}
    where id = (select id from exchange.bulk_decision where finished_at is null and due_at <= ${now} order by due_at limit 1 for update skip locked)
    returning id, kind, peer_id as "peerId", pull_id as "pullId", decision, reason, request_id as "requestId",
      jsonb_build_object('subject', by_subject, 'name', by_name, 'role', by_role, 'development', development) as by`;
  return row;
}

/** Has it for longer. Primary key. */
export async function keepAll(sql: Queryable, id: string, until: Date): Promise<void> {
  await sql`update exchange.bulk_decision set due_at = ${until} where id = ${id}`;
}

/** Some of its items. bulk_decision_item_batch. */
export async function itemsOfAll(
  sql: Queryable,
  id: string,
  most: number,
): Promise<{ itemId: string; mark: string }[]> {
  return [
    ...(await sql<{ itemId: string; mark: string }[]>`
      select item_id as "itemId", mark from exchange.bulk_decision_item where batch_id = ${id} limit ${most}`),
  ];
}

/** One is done with. In the transaction that decides it, where it is decided. Primary keys. */
export async function leaveAll(tx: Queryable, itemId: string, isDecided: boolean): Promise<void> {
  await tx`
    with gone as (delete from exchange.bulk_decision_item where item_id = ${itemId} returning batch_id)
    update exchange.bulk_decision b set decided = decided + ${isDecided ? 1 : 0}, refused = refused + ${isDecided ? 0 : 1} from gone where b.id = gone.batch_id`;
}

export async function finishAll(sql: Queryable, id: string, at: Date): Promise<void> {
  await sql`update exchange.bulk_decision set finished_at = ${at} where id = ${id}`;
}

export type Alike = ItemsAlike & {
  decision: string;
  name: string;
  at: Date;
  asked: number;
  decided: number;
  refused: number;
};

/** What is being decided so. bulk_decision_open. */
export async function openAll(sql: Queryable): Promise<Alike[]> {
  return [
    ...(await sql<Alike[]>`
      select kind, peer_id as "peerId", pull_id as "pullId", decision, by_name as name, at, asked, decided, refused
      from exchange.bulk_decision where finished_at is null order by at`),
  ];
}

/** How many items are open of one kind, by payer and pull. The most first; of no pull are those that no line brought. */
export async function countByPull(
  sql: Queryable,
  kind: string,
  most: number,
): Promise<{ peerId: string; pullId: string | null; n: number; since: Date; newest: Date }[]> {
  return [
    ...(await sql<{ peerId: string; pullId: string | null; n: number; since: Date; newest: Date }[]>`
      select peer_id as "peerId", pull_id as "pullId", count(*)::int as n, min(opened_at) as since, max(opened_at) as newest
      from exchange.review_item where state = 'open' and kind = ${kind} group by 1, 2 order by n desc, since limit ${most}`),
  ];
}
