// Links, findings and items for people out of what was judged of the units of the open slice (slice.ts).
import type { Queryable } from '../../src/db/database.ts';
import { CONFIRMED, CONFLICTS_OF_PAIRS } from '../reconcile/judge/judge.ts';
import { RULES_VERSION } from '../reconcile/judge/verdict.ts';
import { HELD_ITEMS, ITEM_KINDS } from '../review/kinds.ts';
import { deniedSinceOf } from './denied-since.ts';
import { changedDoubts, doubtsOfSlice, moveDoubted } from './doubt.ts';
import { isReleasedVersion } from './released-version.ts';
import { strayDetail } from './stray-claims.ts';

/** `pull` is null for records of our own that were imported. */
export type Work = { id: string; pull: string | null; peerId: string };

const MOST_IN_CLUSTER = 10;
const RULES = `v${RULES_VERSION}`;

/**
 * Records of the open slice of which what the rules said before holds no more. A link or an item is looked up among them by each of its two sides
 * by itself: by both at once, all records of a member would be paired with all that it has of these.
 */
const AGAIN = (tx: Queryable) => tx`
  select member_id, type, local_id from pg_temp.slice
  where (outcome in ('updated', 'retracted') or reason = 'replayed') and not is_shared and member_id is not null and local_id is not null`;

/** Links of what was judged. What the rules said of a version that is replaced goes; what people decided stays. */
export async function writeLinks(tx: Queryable, work: Work): Promise<void> {
  await tx`
    with again as materialized (${AGAIN(tx)}), kept as materialized (
      select j.member_id, j.kind, j.type, least(j.id, j.other_id) as a, greatest(j.id, j.other_id) as b
      from (select distinct member_id from again) m join exchange.match_judgement j on j.pull_id = ${work.id} and j.member_id = m.member_id
    )
    delete from exchange.link l
    where l.member_id in (select member_id from again)
      and ((l.member_id, l.type, l.a_id) in (select member_id, type, local_id from again) or (l.member_id, l.type, l.b_id) in (select member_id, type, local_id from again))
      and l.rule not in ('decision', 'match') and l.state <> 'rejected'
      and (l.member_id, l.kind, l.type, least(l.a_id, l.b_id), greatest(l.a_id, l.b_id)) not in (select member_id, kind, type, a, b from kept)`;
  // of two types the claim stands first
  await tx`
    insert into exchange.link (member_id, type, a_id, b_id, kind, score, state, rule, pull_id, b_type)
    select distinct on (1, 2, 3, 4, 5) j.member_id,
      case when j.type = j.other_type then j.type else 'ExplanationOfBenefit' end,
      case when j.type = j.other_type then least(j.id, j.other_id) when j.type = 'ExplanationOfBenefit' then j.id else j.other_id end,
      case when j.type = j.other_type then greatest(j.id, j.other_id) when j.type = 'ExplanationOfBenefit' then j.other_id else j.id end,
      j.kind, j.score, case when said.apart then 'rejected' when j.score >= ${CONFIRMED}::real then 'confirmed' else 'proposed' end, case when said.apart then 'decision' else j.rule end, ${work.pull},
      case when j.type <> j.other_type then 'MedicationDispense' end
    from pg_temp.slice s join exchange.match_judgement j on j.pull_id = ${work.id} and j.file = s.file and j.line = s.line and j.entry = s.entry
    -- a person said that they are two, when the rules called it something else
    cross join lateral (select j.kind in ('same-record', 'same-event') and exists (
      select from exchange.link x where x.member_id = j.member_id and x.type = j.type and x.a_id = least(j.id, j.other_id) and x.b_id = greatest(j.id, j.other_id)
        and x.b_type is null and x.state = 'rejected' and x.rule = 'decision') as apart) said
    where j.kind <> all('{echo,crowded}'::text[]) and j.type <> 'Patient' and (j.kind <> 'conflict' or j.conflict = any(${[...CONFLICTS_OF_PAIRS]}))
    order by 1, 2, 3, 4, 5, j.score desc
    on conflict (member_id, type, a_id, b_id, kind) do update set score = excluded.score, state = excluded.state, rule = excluded.rule
      where exchange.link.rule not in ('decision', 'match') and exchange.link.score is distinct from excluded.score`;
  await tx`
    insert into exchange.link (member_id, type, a_id, b_id, kind, score, state, rule, pull_id)
    select member_id, 'Patient', least(local_id, member_id), greatest(local_id, member_id), 'same-record', 1, 'confirmed', 'match', ${work.pull}
    from pg_temp.slice where type = 'Patient' and outcome = 'linked-duplicate'
    on conflict do nothing`;
}

/** Units of the open slice that the rules would link with many, or whose key so many have that nothing is compared by it: a `large-cluster` each. */
const CROWDED = (tx: Queryable, work: string) => tx`
  with linked as materialized (
    select member_id, type, a_id, b_id from exchange.link
    where member_id in (select member_id from pg_temp.slice where outcome in ('created', 'updated', 'linked-duplicate')) and type <> 'Patient'
      and state <> 'rejected' and score >= ${CONFIRMED}::real and kind in ('same-record', 'same-event')
  ), crowd as materialized (
    select member_id, type, id from (select member_id, type, a_id as id from linked union all select member_id, type, b_id from linked) l
    group by member_id, type, id having count(*) >= ${MOST_IN_CLUSTER}
  )
  select s.file, s.line, s.entry, s.type, s.source_id, s.member_id, s.local_id
  from pg_temp.slice s join crowd c on c.member_id = s.member_id and c.type = s.type and c.id = s.local_id
  where s.outcome in ('created', 'updated', 'linked-duplicate')
  union
  select s.file, s.line, s.entry, s.type, s.source_id, s.member_id, s.local_id
  from pg_temp.slice s join exchange.match_judgement j on j.pull_id = ${work} and j.file = s.file and j.line = s.line and j.entry = s.entry where j.kind = 'crowded'`;

/** Notes them with the pull, each once: a replay finds what is noted already. After all links of the slice are settled. finding_pull. */
export async function noteClusters(tx: Queryable, work: { id: string; pull: string }): Promise<void> {
  await tx`
    insert into exchange.finding (pull_id, kind, file, line, entry, type, source_id, member_id, local_id)
    select ${work.pull}, 'large-cluster', c.* from (${CROWDED(tx, work.id)}) c
    where (c.file, c.line, c.entry) not in (select f.file, f.line, f.entry from exchange.finding f
      where f.pull_id = ${work.pull} and f.kind = 'large-cluster' and f.file is not null and f.line is not null and f.entry is not null)
      -- claims and fills of one key: the pull had noted the claims, the replay has the fills beside the claims that are stored
      and not (${work.id !== work.pull} and c.type = 'MedicationDispense' and c.member_id in (select f.member_id from exchange.finding f
        where f.pull_id = ${work.pull} and f.kind = 'large-cluster' and f.type = 'ExplanationOfBenefit'))`;
}

/** How many there are: records of our own are written by no pull. */
export async function countClusters(tx: Queryable, work: string): Promise<number> {
  const [row] = await tx<{ n: number }[]>`select count(*)::int as n from (${CROWDED(tx, work)}) c`;
  return row?.n ?? 0;
}

/**
 * Items for people: one for each contradiction or doubt. An item stays as it was decided while both copies are the same, and
 * opens again with another version of one. That a Patient is somebody else is taken back by a person alone. New and opened ones are findings of the pull.
 */
export async function writeItems(tx: Queryable, work: Work, at: string): Promise<void> {
  const weights = JSON.stringify(Object.fromEntries(Object.entries(ITEM_KINDS).map(([kind, k]) => [kind, k.weight])));
  const doubts = await doubtsOfSlice(tx);
  await tx`
    with again as materialized (${AGAIN(tx)})
    update exchange.review_item i set state = 'gone'
    where i.member_id in (select member_id from again) and i.state <> 'gone' and i.b_id is not null
      and ((i.member_id, i.type, i.a_id) in (select member_id, type, local_id from again) or (i.member_id, i.type, i.b_id) in (select member_id, type, local_id from again))
      and i.rule not in ('chain', 'unclear')
      and not (i.kind = 'identity-doubt' and i.decision is not distinct from 'discard')
      and not exists (
        select from exchange.match_judgement j where j.pull_id = ${work.id} and j.conflict = i.kind and j.member_id = i.member_id
          and least(j.id, j.other_id) = least(i.a_id, i.b_id) and greatest(j.id, j.other_id) = greatest(i.a_id, i.b_id))
      -- which of several it is goes on to be asked, or is settled when all is written (settle-links.ts)
      and not (i.kind = 'possible-duplicate' and exists (
        select from exchange.link l where l.member_id = i.member_id and l.type = i.type and l.a_id = least(i.a_id, i.b_id) and l.b_id = greatest(i.a_id, i.b_id)
          and l.state = 'proposed' and l.score >= ${CONFIRMED}::real))`;
  await tx`
    with judged as (
      select distinct on (j.member_id, j.conflict, least(j.id, j.other_id), greatest(j.id, j.other_id)) j.*, s.hash as b_hash, s.source_id,
        coalesce(r.hash, o.hash) as a_hash, r.origin as other_origin,
        md5(concat_ws('|', j.member_id, j.conflict, j.type, least(j.id, j.other_id), greatest(j.id, j.other_id))) as item
      from pg_temp.slice s join exchange.match_judgement j on j.pull_id = ${work.id} and j.file = s.file and j.line = s.line and j.entry = s.entry
      left join lateral (select id, hash, origin from exchange.resource x where x.member_id = j.member_id and x.type = j.other_type and x.id = j.other_id offset 0) r on true
      left join lateral (select hash from pg_temp.slice x where r.id is null and x.type = j.other_type and x.local_id = j.other_id limit 1) o on true
      where j.conflict is not null
      order by j.member_id, j.conflict, least(j.id, j.other_id), greatest(j.id, j.other_id), j.file, j.line
    ), written as (
      insert into exchange.review_item (id, member_id, kind, weight, type, a_type, a_id, a_hash, b_type, b_id, b_hash, peer_id, pull_id, file, line, entry, rule, detail, opened_at)
      select item, member_id, conflict, coalesce((${weights}::text::jsonb->>conflict)::smallint, 1) , type, other_type, other_id, a_hash, type, id, b_hash,
        coalesce(nullif(other_origin, 'own'), ${work.peerId}::text), ${work.pull}, case when ${work.pull}::text is not null then file end, line, entry, rule || ' ' || ${RULES}, detail, ${at}::text::timestamptz
      from judged
      on conflict (id) do update set a_hash = excluded.a_hash, b_hash = excluded.b_hash, a_type = excluded.a_type, a_id = excluded.a_id, b_type = excluded.b_type,
        b_id = excluded.b_id, pull_id = excluded.pull_id, file = excluded.file, line = excluded.line, entry = excluded.entry, rule = excluded.rule, detail = excluded.detail,
        peer_id = excluded.peer_id, state = 'open', decision = null, opened_at = excluded.opened_at, reopened = exchange.review_item.reopened + 1
        where exchange.review_item.state = 'gone'
          or least(encode(exchange.review_item.a_hash, 'hex'), encode(exchange.review_item.b_hash, 'hex')) is distinct from least(encode(excluded.a_hash, 'hex'), encode(excluded.b_hash, 'hex'))
          or greatest(encode(exchange.review_item.a_hash, 'hex'), encode(exchange.review_item.b_hash, 'hex')) is distinct from greatest(encode(excluded.a_hash, 'hex'), encode(excluded.b_hash, 'hex'))
      returning id
    )
    insert into exchange.finding (pull_id, kind, file, line, entry, type, source_id, member_id, local_id, detail)
    select ${work.pull}, j.conflict, j.file, j.line, j.entry, j.type, j.source_id, j.member_id, j.id, j.other_id
    from judged j where ${work.pull}::text is not null and (j.item in (select id from written)) is true`;
  const changed = changedDoubts(doubts, await doubtsOfSlice(tx));
  await moveDoubted(tx, changed, at);
  await deniedSinceOf(
    tx,
    changed.map((d) => d.memberId),
    at,
  );
}

/**
 * Items for records in quarantine whose release or removal a person decides. Those that came in after all are gone, and those of which a later answer told
 * another version that was taken in or is here. That the payer was not to be asked is no other question of a record that stays out.
 */
export async function writeHeldItems(tx: Queryable, work: Work, at: string): Promise<void> {
  const weights = JSON.stringify(HELD_ITEMS);
  await tx`
    update exchange.review_item i set state = 'gone'
    from pg_temp.slice s
    where s.source_id is not null and (s.outcome in ('created', 'updated', 'linked-duplicate', 'echo', 'shared', 'retracted')
        or (s.outcome = 'unchanged' and ${work.id === work.pull} and case when s.reason is null then i.state = 'open' else s.reason = 'already-retracted' and not s.has_body end))
      and not exists (select from exchange.staging q where q.pull_id = ${work.id} and q.type = s.type and q.source_id = s.source_id and q.outcome = 'quarantined')
      and i.id = md5(concat_ws('|', 'held', ${work.peerId}::text, s.type, s.source_id)) and i.state <> 'gone'
      and (i.decision is distinct from 'release' or i.b_hash is distinct from s.hash)
      and not exists (select from exchange.pull h, exchange.pull p where h.id = i.pull_id and p.id = ${work.pull}::text and p.created_at < h.created_at)`;
  await tx`
    insert into exchange.review_item (id, member_id, kind, weight, type, b_type, b_hash, peer_id, pull_id, file, line, entry, rule, opened_at, detail)
    select distinct on (s.type, s.source_id) md5(concat_ws('|', 'held', ${work.peerId}::text, s.type, s.source_id)), s.member_id, s.reason, (${weights}::text::jsonb->>s.reason)::smallint,
      s.type, s.type, s.hash, ${work.peerId}, ${work.pull}, s.file, s.line, s.entry, 'inbound ' || ${RULES}, ${at}::text::timestamptz, coalesce(${tx.unsafe(strayDetail('s.pull_id', 's'))}, '')
    from pg_temp.slice s
    where s.outcome = 'quarantined' and s.source_id is not null and s.reason = any(${Object.keys(HELD_ITEMS)})
    order by s.type, s.source_id, s.file desc, s.line desc
    on conflict (id) do update set kind = excluded.kind, weight = excluded.weight, b_hash = excluded.b_hash, pull_id = excluded.pull_id, file = excluded.file,
      line = excluded.line, entry = excluded.entry, detail = excluded.detail, state = 'open', decision = null, opened_at = excluded.opened_at, reopened = exchange.review_item.reopened + 1
      where exchange.review_item.b_hash is distinct from excluded.b_hash or exchange.review_item.state = 'gone'
        or (exchange.review_item.kind <> excluded.kind and not (exchange.review_item.decision is not distinct from 'discard' and excluded.kind in ('consent-withdrawn', 'named-in-error'))
          -- what people have released from other checks, or is asked whose it is, stays the question that it is
          and exchange.review_item.kind <> 'patient-change' and not (exchange.review_item.state = 'open' and ${tx.unsafe(isReleasedVersion('exchange.review_item.id', 'excluded.b_hash'))}))`;
}
