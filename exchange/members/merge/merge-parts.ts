// What goes with a person from one member to another, and back: coverage, other payers, duties, requests, records. Each part that moves is noted,
// so that it can be given back. What is insert-only (ledger, audit, choices, contacts) stays where it is; choices and contacts are said again.
import type { Queryable } from '../../../src/db/database.ts';
import { moveDenials } from '../../records/denied-since.ts';
import { moveSensitiveHeld } from '../../records/sensitive-held.ts';
import { TIME_MARK, VERSION_MARK } from '../../records/staging.ts';
import { nameAgain } from '../enrolment/payer-link-event.ts';

const STAMP = `"versionId":"${VERSION_MARK}","lastUpdated":"${TIME_MARK}"`;

export type Move = { id: string; from: string; to: string };

/** Coverage with us. One that both have under the same number and day stays where it is. enrolment_pkey. */
export async function moveEnrolments(tx: Queryable, { id, from, to }: Move): Promise<void> {
  await tx`
    with moved as (
      update exchange.enrolment e set member_id = ${to}
      where e.member_id = ${from} and not exists (
        select from exchange.enrolment x where x.member_id = ${to} and x.member_number = e.member_number and x.starts = e.starts)
      returning e.member_number, e.starts
    )
    insert into exchange.member_merge_part (merge_id, what, key, part) select ${id}, 'enrolment', member_number, starts::text from moved`;
}

/**
 * Other coverage, wishes to have it asked for, and its duties. What both named (the same payer and number there) is one duty: that of the former
 * one ends, and what was asked for it counts for the other, whose duty tells whether it was late.
 */
export async function moveCoverages(tx: Queryable, { id, from, to }: Move, at: Date): Promise<void> {
  // what the other one named by mistake, and this one not, is named
  const [both] = await tx<{ ids: string[] }[]>`
    select coalesce(array_agg(x.id), '{}') as ids from exchange.other_coverage o
    join exchange.other_coverage x on x.member_id = ${to} and x.payer = o.payer and x.member_number = o.member_number
    where o.member_id = ${from} and o.in_error_at is null and x.in_error_at is not null`;
  for (const otherCoverageId of both?.ids ?? [])
    await nameAgain(tx, { otherCoverageId, at, reason: 'two members merged', by: `members/${id}` });
  await tx`
    with moved as (
      update exchange.other_coverage o set member_id = ${to}
      where o.member_id = ${from} and not exists (
        select from exchange.other_coverage x where x.member_id = ${to} and x.payer = o.payer and x.member_number = o.member_number)
      returning o.id
    )
    insert into exchange.member_merge_part (merge_id, what, key) select ${id}, 'coverage', id from moved`;
  // those that stay are the other one's too
  const twice = tx`
    select o.id as was, x.id as now from exchange.other_coverage o
    join exchange.other_coverage x on x.member_id = ${to} and x.payer = o.payer and x.member_number = o.member_number where o.member_id = ${from}`;
  await tx`
    with twice as (${twice}), moved as (
      update exchange.member_request r set member_id = ${to}, other_coverage_id = coalesce(t.now, r.other_coverage_id)
      from exchange.member_request o left join twice t on t.was = o.other_coverage_id
      where o.member_id = ${from} and r.id = o.id returning r.id, o.other_coverage_id as was
    )
    insert into exchange.member_merge_part (merge_id, what, key, was) select ${id}, 'request', id, was from moved`;
  await tx`
    with twice as (${twice}), moved as (
      update exchange.pull_member m set member_id = ${to}, other_coverage_id = coalesce(t.now, m.other_coverage_id)
      from exchange.pull_member o left join twice t on t.was = o.other_coverage_id
      where o.member_id = ${from} and m.pull_id = o.pull_id and m.submitted_id = o.submitted_id
      returning m.pull_id, m.submitted_id, o.other_coverage_id as was
    )
    insert into exchange.member_merge_part (merge_id, what, key, part, was) select ${id}, 'asked', pull_id, submitted_id, was from moved`;
  await tx`
    with twice as (${twice}), named as (
      select k.id, k.state, k.subject as was,
        case when k.kind in ('C1-offer', 'C1b-identify') then ${to}::text || substr(k.subject, length(${from}::text) + 1)
          when t.now is not null then t.now || substr(k.subject, length(t.was) + 1) else k.subject end as now
      from exchange.deadline k left join twice t on t.was = split_part(k.subject, '/', 1) where k.member_id = ${from}
    ), ended as (
      update exchange.deadline k set state = 'not-applicable', reason = 'one-person', closed_at = greatest(k.starts_at, least(${at}::timestamptz, k.due_at)), stop_event = 'members/' || ${id}::text
      from named n where k.id = n.id and n.state in ('open', 'blocked', 'attempted')
        and exists (select from exchange.deadline x where x.kind = k.kind and x.subject = n.now and x.id <> k.id)
      returning k.id, n.state
    ), moved as (
      update exchange.deadline k set member_id = ${to}, subject = n.now
      from named n where k.id = n.id and not exists (select from exchange.deadline x where x.kind = k.kind and x.subject = n.now and x.id <> k.id)
      returning k.id, n.was
    )
    insert into exchange.member_merge_part (merge_id, what, key, part, was)
    select ${id}, 'clock', id, '', was from moved union all select ${id}, 'ended', id, state, null from ended`;
  await tx`update exchange.invitation set member_id = ${to} where member_id = ${from}`;
}

/** Choices and contacts of the former one, said again of the one that stays, as they were given; the newest choice holds as ever. */
export async function sayAgain(tx: Queryable, { id, from, to }: Move): Promise<void> {
  await tx`
    insert into exchange.consent (id, member_id, choice, policy, payers, recorded_on, given_at, given_by, representative, authority, channel, text_sha256, document, verification,
      recorded_by, source, created_at, sequence)
    select md5(${id}::text || c.id), ${to}, c.choice, c.policy, c.payers, c.recorded_on, c.given_at, c.given_by, c.representative, c.authority, c.channel, c.text_sha256, c.document,
      c.verification, c.recorded_by, c.source || ', as another member', c.created_at,
      c.sequence + case when c.given_at is null then coalesce((select max(x.sequence) + 1 from exchange.consent x where x.member_id = ${to} and x.given_at is null
        and x.choice = c.choice and x.policy = c.policy and x.recorded_on = c.recorded_on), 0) else 0 end
    from exchange.consent c where c.member_id = ${from} on conflict do nothing`;
  await tx`
    insert into exchange.contact (id, member_id, kind, at, channel, text_sha256, result, recorded_by, recorded_at)
    select md5(${id}::text || c.id), ${to}, c.kind, c.at, c.channel, c.text_sha256, c.result, c.recorded_by, c.recorded_at
    from exchange.contact c where c.member_id = ${from} on conflict do nothing`;
}

export type HeldRecord = {
  type: string;
  id: string;
  origin: string;
  version: number;
  body: string;
  shared: string | null;
  hash: string;
};
/** `sourceId`: where it comes from; `changedAt`: when it was changed there. Null of ours. */
export type OriginRecord = HeldRecord & { deleted: boolean; sourceId: string | null; changedAt: Date | null };

/** Records of a member after one, but for our own Patient. resource_pkey, identity_pkey. */
export async function recordsAfter(
  tx: Queryable,
  memberId: string,
  after: readonly [string, string],
  limit: number,
): Promise<OriginRecord[]> {
  return [
    ...(await tx<OriginRecord[]>`
      select r.type, r.id, r.origin, r.version, r.body, r.shared, encode(r.hash, 'hex') as hash, r.deleted, r.source_id as "sourceId", i.last_updated as "changedAt"
      from (
        select * from exchange.resource x
        where x.member_id = ${memberId} and (x.type, x.id) > (${after[0]}, ${after[1]}) and not (x.type = 'Patient' and x.id = ${memberId}) order by x.type, x.id limit ${limit}) r
      left join lateral (
        select last_updated from exchange.identity y where y.peer_id = r.origin and y.type = r.type and y.source_id = r.source_id offset 0) i on true
      order by r.type, r.id`),
  ];
}

export type MovedRecord = { type: string; id: string; body: string; shared: string | null; hash: string | null };

/**
 * Records become the other one's, in their new words, as a version of their own; the versions before go with them. A copy that is hidden there (the
 * record was that one's before) gives way. resource_pkey, resource_version_pkey.
 * @param at instant of the transaction
 */
export async function moveRecords(
  tx: Queryable,
  { id, from, to }: Move,
  records: readonly MovedRecord[],
  at: string,
  isBack: boolean,
): Promise<void> {
  const json = JSON.stringify(records);
  const said = tx`jsonb_to_recordset(${json}::text::jsonb) as n(type text, id text, body text, shared text, hash text)`;
  await tx`
    insert into exchange.resource_version (member_id, type, id, version, last_updated, deleted, hash, body)
    select r.member_id, r.type, r.id, r.version, r.last_updated, r.deleted, r.hash, r.body from ${said}
    join exchange.resource r on r.member_id in (${from}, ${to}) and r.type = n.type and r.id = n.id on conflict do nothing`;
  await tx`
    insert into exchange.resource_version (member_id, type, id, version, last_updated, deleted, hash, body)
    select ${to}, v.type, v.id, v.version, v.last_updated, v.deleted, v.hash, v.body from ${said}
    join exchange.resource_version v on v.member_id = ${from} and v.type = n.type and v.id = n.id on conflict do nothing`;
  await tx`
    delete from exchange.resource r using ${said} where r.member_id = ${to} and r.type = n.type and r.id = n.id`;
  await tx`
    update exchange.resource r set member_id = ${to}, version = v.version, last_updated = ${at}::text::timestamptz, moved_at = null,
      body = replace(n.body, ${STAMP}, '"versionId":"' || v.version || '","lastUpdated":"' || ${at}::text || '"'),
      shared = replace(n.shared, ${STAMP}, '"versionId":"' || v.version || '","lastUpdated":"' || ${at}::text || '"'), hash = coalesce(decode(n.hash, 'hex'), r.hash)
    from ${said} cross join lateral (
      select max(x.version) + 1 as version from exchange.resource_version x where x.member_id in (${from}, ${to}) and x.type = n.type and x.id = n.id) v
    where r.member_id = ${from} and r.type = n.type and r.id = n.id`;
  await tx`
    insert into exchange.medication_reference (named_by, id) select ${to}, id from exchange.medication_reference where named_by = ${from} on conflict do nothing`;
  if (isBack) return;
  await tx`
    insert into exchange.member_merge_part (merge_id, what, key, part) select ${id}, 'record', n.type, n.id from ${said}`;
}

/** What stands beside records by their member: links, what waits for records, attachments, identities, items. Of those records that have moved. */
export async function moveBeside(tx: Queryable, { id, from, to }: Move): Promise<void> {
  const moved = tx`(select key as type, part as id from exchange.member_merge_part where merge_id = ${id} and what = 'record')`;
  await tx`
    update exchange.link l set member_id = ${to} where l.member_id = ${from} and l.type <> 'Patient'
      and (l.type, l.a_id) in ${moved} and (coalesce(l.b_type, l.type), l.b_id) in ${moved}
      and not exists (select from exchange.link x where x.member_id = ${to} and x.type = l.type and x.a_id = l.a_id and x.b_id = l.b_id and x.kind = l.kind)`;
  // a person's record of a payer stands for our own one
  await tx`
    insert into exchange.link (member_id, type, a_id, b_id, kind, score, state, rule, pull_id)
    select ${to}, l.type, least(o.id, ${to}), greatest(o.id, ${to}), l.kind, l.score, l.state, l.rule, l.pull_id from exchange.link l
    cross join lateral (select case when l.a_id = ${from} then l.b_id else l.a_id end as id) o
    where l.member_id = ${from} and l.type = 'Patient' and (l.type, o.id) in ${moved} and ${from} in (l.a_id, l.b_id) on conflict do nothing`;
  await tx`delete from exchange.link l where l.member_id = ${from} and ((l.type, l.a_id) in ${moved} or (coalesce(l.b_type, l.type), l.b_id) in ${moved})`;
  await tx`
    update exchange.dangling d set member_id = ${to}
    where d.member_id = ${from} and (d.type, d.id) in ${moved}
      and not exists (select from exchange.dangling x where x.peer_id = d.peer_id and x.target_type = d.target_type and x.target_id = d.target_id and x.member_id = ${to} and x.type = d.type and x.id = d.id)`;
  await tx`
    update exchange.attachment a set member_id = ${to} where a.member_id = ${from} and (a.type, a.record_id) in ${moved}
      and not exists (select from exchange.attachment x where x.member_id = ${to} and x.type = a.type and x.record_id = a.record_id and x.document_id = a.document_id)`;
  await tx`
    update exchange.identity i set member_id = ${to}
    from exchange.resource r
    where r.member_id = ${to} and r.origin <> 'own' and (r.type, r.id) in ${moved} and i.peer_id = r.origin and i.type = r.type and i.source_id = r.source_id and i.member_id = ${from}`;
  // those without a record have gone back before, and go over after
  await moveDenials(tx, from, to);
}

/**
 * What came for the former one and is not held as a record: copies of our own, what was taken back, what waits for a person; with the items of the latter, and
 * what people decided of pairs. ledger_member, identity_pkey, review_item_member.
 */
export async function moveWaiting(tx: Queryable, { id, from, to }: Move): Promise<void> {
  await tx`
    with known as materialized (
      select distinct p.peer_id, l.type, l.source_id from exchange.ledger l join exchange.pull p on p.id = l.pull_id
      where l.member_id = ${from} and l.source_id is not null
    ), moved as (
      update exchange.identity i set member_id = ${to} from known k
      where i.peer_id = k.peer_id and i.type = k.type and i.source_id = k.source_id and i.member_id = ${from} returning i.peer_id, i.type, i.source_id
    )
    insert into exchange.member_merge_part (merge_id, what, key, part) select ${id}, 'identity', peer_id, type || '/' || source_id from moved`;
  await tx`
    with moved as (
      update exchange.review_item set member_id = ${to} where member_id = ${from} and a_id is null and rule not in ('chain', 'unclear') returning id
    )
    insert into exchange.member_merge_part (merge_id, what, key) select ${id}, 'item', id from moved`;
  await tx`
    insert into exchange.withheld_document (member_id, key, at) select ${to}, key, at from exchange.withheld_document where member_id = ${from} on conflict do nothing`;
  await moveSensitiveHeld(tx, from, to);
  await moveDenials(tx, from, to);
}

/** Gives back what moved and is still there. */
export async function giveBack(tx: Queryable, { id, from, to }: Move): Promise<void> {
  const part = (what: string) =>
    tx`(select key, part, was from exchange.member_merge_part where merge_id = ${id} and what = ${what}) n`;
  await tx`
    update exchange.enrolment e set member_id = ${to} from ${part('enrolment')} where e.member_id = ${from} and e.member_number = n.key and e.starts = n.part::date
      and not exists (select from exchange.enrolment x where x.member_id = ${to} and x.member_number = e.member_number and x.starts = e.starts)`;
  await tx`
    update exchange.other_coverage o set member_id = ${to} from ${part('coverage')} where o.id = n.key and o.member_id = ${from}
      and not exists (select from exchange.other_coverage x where x.member_id = ${to} and x.payer = o.payer and x.member_number = o.member_number)`;
  await tx`
    update exchange.member_request r set member_id = ${to}, other_coverage_id = coalesce(n.was, r.other_coverage_id) from ${part('request')} where r.id = n.key`;
  await tx`
    update exchange.pull_member m set member_id = ${to}, other_coverage_id = coalesce(n.was, m.other_coverage_id) from ${part('asked')}
    where m.pull_id = n.key and m.submitted_id = n.part`;
  await tx`
    update exchange.deadline k set member_id = ${to}, subject = split_part(n.was, '/', 1) || substr(k.subject, length(split_part(k.subject, '/', 1)) + 1)
    from ${part('clock')} where k.id = n.key
      and not exists (select from exchange.deadline x where x.kind = k.kind and x.subject = n.was and x.id <> k.id)`;
  await tx`
    update exchange.deadline k set state = n.part, reason = case when n.part = 'blocked' then 'no-endpoint' end, closed_at = null, stop_event = null
    from ${part('ended')} where k.id = n.key and k.reason = 'one-person'`;
  // duties and wishes that began since go with their coverage, or no one could ever meet them
  const back = tx`(select o.id from ${part('coverage')} join exchange.other_coverage o on o.id = n.key where o.member_id = ${to}) b`;
  await tx`
    update exchange.deadline k set member_id = ${to} from ${back}
    where k.member_id = ${from} and k.kind in ('C2', 'C4', 'C5-runoff') and split_part(k.subject, '/', 1) = b.id`;
  await tx`update exchange.member_request r set member_id = ${to} from ${back} where r.member_id = ${from} and r.other_coverage_id = b.id`;
  await tx`
    update exchange.deadline k set member_id = ${to}, subject = ${to}::text || '/' || n.part from ${part('enrolment')}
    where k.member_id = ${from} and k.kind in ('C1-offer', 'C1b-identify') and k.subject = ${from}::text || '/' || n.part
      and not exists (select from exchange.enrolment e where e.member_id = ${from} and e.starts = n.part::date)
      and not exists (select from exchange.deadline x where x.kind = k.kind and x.subject = ${to}::text || '/' || n.part)`;
  await tx`
    update exchange.identity i set member_id = ${to} from ${part('identity')}
    where i.peer_id = n.key and i.type = split_part(n.part, '/', 1) and i.source_id = substr(n.part, strpos(n.part, '/') + 1) and i.member_id = ${from}
      -- what came since stays, as whose it is known
      and not exists (select from exchange.resource r where r.member_id = ${from} and r.type = i.type and r.id = i.local_id and r.origin = i.peer_id and not r.deleted
        and not exists (select from exchange.member_merge_part x where x.merge_id = ${id} and x.what = 'record' and x.key = r.type and x.part = r.id))`;
  await tx`update exchange.review_item r set member_id = ${to} from ${part('item')} where r.id = n.key`;
}

/**
 * What waited for the former one and was released while the two were one goes back with what was there, and so do statements about nothing else: it came before.
 * ledger_member, unit_revision by its line, identity_pkey, resource_pkey.
 */
export async function noteReleased(tx: Queryable, { id, from, to }: Move): Promise<void> {
  await tx`
    insert into exchange.member_merge_part (merge_id, what, key, part)
    select distinct ${id}, 'record', r.type, r.id from exchange.member_merge g
    join exchange.ledger l on l.member_id = ${to}
    join exchange.unit_revision v on v.pull_id = l.pull_id and v.file = l.file and v.line = l.line and v.entry = l.entry and v.cause = 'release' and v.outcome not in ('quarantined', 'unchanged') and v.at >= g.at
    join exchange.pull p on p.id = l.pull_id
    join exchange.identity i on i.peer_id = p.peer_id and i.type = l.type and i.source_id = l.source_id and i.member_id = ${from}
    join exchange.resource r on r.member_id = ${from} and r.type = i.type and r.id = i.local_id and r.origin = i.peer_id
    where g.id = ${id}
      -- a version of a record that was there, as it was not known which of the two it is of, stays with the record
      and not (v.outcome = 'updated' and exists (
        select from exchange.member_merge_part n join exchange.review_item w on w.id = n.key
        where n.merge_id = g.id and n.what = 'answered' and w.pull_id = l.pull_id and w.file = l.file and w.line = l.line and coalesce(w.entry, 0) = l.entry))
    on conflict do nothing`;
  await tx`
    insert into exchange.member_merge_part (merge_id, what, key, part)
    select ${id}, 'record', p.type, p.id from exchange.resource p
    where p.member_id = ${from} and p.type = 'Provenance' and not exists (
      select from unnest(p.targets) t where not exists (
        select from exchange.member_merge_part n where n.merge_id = ${id} and n.what = 'record' and n.key = split_part(t, '/', 1) and n.part = split_part(t, '/', 2)))
    on conflict do nothing`;
}

/** Keys of records that moved and are still there. Primary keys. */
export async function movedRecords(tx: Queryable, { id, from }: Move, limit: number): Promise<HeldRecord[]> {
  return [
    ...(await tx<HeldRecord[]>`
      select r.type, r.id, r.origin, r.version, r.body, r.shared, encode(r.hash, 'hex') as hash from exchange.member_merge_part n
      join exchange.resource r on r.member_id = ${from} and r.type = n.key and r.id = n.part
      where n.merge_id = ${id} and n.what = 'record' order by r.type, r.id limit ${limit}`),
  ];
}
