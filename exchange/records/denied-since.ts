// Denials of prior authorizations that are held, and copies of the same authorizations from before the denial, which other payers pass on: these are kept,
// and neither shown nor passed on.

import { arrayLiteral, type Queryable } from '../../src/db/database.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import { besideDenials, deniedSince, type Told } from '../reconcile/chain/denied.ts';
import { askedFor } from '../reconcile/record-keys.ts';
import { claimRecords, type HeldClaim, heldDenials } from './chain.ts';
import type { Decided } from './decided.ts';
import { doubtsOf } from './doubt.ts';
import { authorizationFacts } from './facts/prior-authorization.ts';
import { DENIED_SINCE } from './hidden-pa.ts';
import { laterAnswers } from './told-later.ts';

const TYPE = 'ExplanationOfBenefit';

/**
 * Notes the denials that the open slice was held with. One that its payer granted since, deleted, or that a person released is none any more: what is
 * shown tells of it. denied_authorization_pkey, identity_pkey.
 * @param at instant of the transaction
 */
export async function writeDenials(tx: Queryable, work: Decided, at: string): Promise<void> {
  const [any] = await tx`select from pg_temp.slice where type = ${TYPE} limit 1`;
  if (any === undefined) return;
  const { peerId } = work;
  const later = await laterAnswers(tx, work);
  await tx`
    delete from exchange.denied_authorization d using pg_temp.slice s
    where d.peer_id = ${peerId} and s.type = ${TYPE} and d.source_id = s.source_id and s.outcome in ('created', 'updated', 'linked-duplicate', 'echo', 'retracted')`;
  await tx`
    insert into exchange.denied_authorization (peer_id, source_id, member_id, claim, at)
    select distinct on (s.source_id) ${peerId}, s.source_id, s.member_id, s.claim,
      coalesce(s.last_updated, (select transaction_time from exchange.pull where id = ${work.pull}), ${at}::text::timestamptz)
    from pg_temp.slice s
    where s.type = ${TYPE} and s.outcome = 'quarantined' and s.reason not in ('patient-change', 'contained-person') and s.claim ? 'asked' and s.member_id is not null
      and not exists (select from pg_temp.slice n where n.type = s.type and n.source_id = s.source_id and n.outcome in ('created', 'updated', 'linked-duplicate'))
      -- what is shown of it is later, or a later answer says that it is gone
      and not exists (select from exchange.identity i where i.peer_id = ${peerId} and i.type = s.type and i.source_id = s.source_id
        and case i.state when 'retracted' then i.last_pull = any(${later}::text[]) else i.state in ('visible', 'echo') and s.last_updated < i.last_updated end)
    order by s.source_id, s.last_updated desc nulls last, s.file desc, s.line desc
    on conflict (peer_id, source_id) do update set member_id = excluded.member_id, claim = excluded.claim, at = excluded.at
      where excluded.at >= exchange.denied_authorization.at`;
}

/** Denials go with their identities from one member to another. denied_authorization_member, identity_pkey. */
export async function moveDenials(tx: Queryable, from: string, to: string): Promise<void> {
  await tx`
    update exchange.denied_authorization d set member_id = ${to} from exchange.identity i
    where d.member_id = ${from} and i.peer_id = d.peer_id and i.type = ${TYPE} and i.source_id = d.source_id and i.member_id = ${to}`;
}

/** Records whose texts are held at once. */
const TEXTS = 100;

type Said = { asked: readonly string[]; isPartly: boolean };

/** What some records of a member are asked for, and whether lines or parts of them do not leave, by id. resource_pkey. */
async function saidBy(tx: Queryable, memberId: string, ids: readonly string[]): Promise<Map<string, Said>> {
  const said = new Map<string, Said>();
  for (let i = 0; i < ids.length; i += TEXTS) {
    const rows = await tx<{ id: string; body: string }[]>`
      select id, body from exchange.resource
      where member_id = ${memberId} and type = ${TYPE} and id = any(${arrayLiteral(ids.slice(i, i + TEXTS))}::text::text[])`;
    for (const r of rows) {
      const body = JSON.parse(r.body) as Resource;
      const { removedLines, removesParts } = authorizationFacts(body);
      said.set(r.id, { asked: askedFor(body), isPartly: removedLines.length > 0 || removesParts });
    }
  }
  return said;
}

/** Ids of those of one member's authorizations that were denied since. */
async function sinceOf(tx: Queryable, memberId: string, told: readonly Told[]): Promise<string[]> {
  const found: string[] = [];
  for (const group of besideDenials(told)) {
    const records = group.filter((t) => t.isHeld !== true).map((t) => t.id);
    const said = await saidBy(tx, memberId, records);
    // of others' records the lines are not here any more, and their line is known for it
    const known = group.map((t) => ({
      ...t,
      isPartly: t.isPartly && (t.origin !== 'own' || said.get(t.id)?.isPartly === true),
    }));
    found.push(...deniedSince(known, (t) => t.asked ?? said.get(t.id)?.asked ?? []));
  }
  return found;
}

/**
 * Marks copies that are older than a denial, and takes the mark back where it holds no more: what moves so is told to peers who have it.
 * resource_pkey, denied_authorization_member, review_item_doubt.
 * @param records claims of these members that are taken in
 * @param at instant of the transaction
 * @returns denials of these members that are held
 */
export async function markDeniedSince(
  tx: Queryable,
  memberIds: readonly string[],
  records: readonly HeldClaim[],
  at: string,
): Promise<(Told & { memberId: string })[]> {
  const denials = await heldDenials(tx, memberIds);
  const isMarked = (r: HeldClaim) => r.withheld === DENIED_SINCE;
  const concerned = new Set([
    ...denials.map((d) => d.memberId),
    ...records.filter((r) => r.isDenied || r.isPartly || isMarked(r)).map((r) => r.memberId),
  ]);
  if (concerned.size === 0) return denials;
  // whose records are not shown says nothing of those of others
  const doubted = new Set((await doubtsOf(tx, [...concerned])).map((d) => `${d.memberId}|${d.peerId}`));
  const [marks, clears]: [HeldClaim[], HeldClaim[]] = [[], []];
  for (const memberId of concerned) {
    const own = records.filter((r) => r.memberId === memberId);
    const told = [...own, ...denials.filter((d) => d.memberId === memberId)];
    const heard = told.filter((t) => !doubted.has(`${memberId}|${t.origin}`));
    const since = new Set(await sinceOf(tx, memberId, heard));
    marks.push(...own.filter((r) => r.withheld === null && since.has(r.id)));
    clears.push(...own.filter((r) => isMarked(r) && !since.has(r.id)));
  }
  const changed = [...marks, ...clears];
  if (changed.length > 0)
    await tx.unsafe(
      `update exchange.resource r set withheld = n.withheld, moved_at = $1::text::timestamptz
       from unnest($2::text::text[], $3::text::text[], $4::text::text[]) n(member_id, id, withheld)
       where r.member_id = n.member_id and r.type = '${TYPE}' and r.id = n.id`,
      [
        at,
        arrayLiteral(changed.map((r) => r.memberId)),
        arrayLiteral(changed.map((r) => r.id)),
        arrayLiteral([...marks.map(() => DENIED_SINCE), ...clears.map(() => null)]),
      ],
    );
  return denials;
}

/** The same of some members, of whose payers it is in doubt now whether they mean them, or no more. */
export async function deniedSinceOf(tx: Queryable, memberIds: readonly string[], at: string): Promise<void> {
  if (memberIds.length === 0) return;
  await markDeniedSince(tx, memberIds, await claimRecords(tx, memberIds), at);
}
