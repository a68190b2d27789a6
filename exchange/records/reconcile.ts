// Deciding what each staged unit is, by set: the identity map, content hashes, keys and directory-type records. Every
// statement works on the staging of one pull and may be repeated. A unit that may be taken in is staged as what it is when nothing
// else is found (created, or for the person a linked duplicate): only what turns out to be something else is written again.

import { arrayLiteral, type Queryable } from '../../src/db/database.ts';
import type { Decided } from './decided.ts';
import { echoes, standsAlone } from './echoes.ts';
import { holdSensitiveDrugs } from './held-drugs.ts';
import { unpackRepeated } from './known-lines.ts';
import { ANOTHER_ID, followNames, isAnother, isFormer, isThereOtherwise } from './names.ts';
import { releasedUnits } from './released-units.ts';
import { renumbered } from './renumbered.ts';
import type { Range } from './slice.ts';
import { strayVersions } from './stray-claims.ts';
import { knownToOthers } from './told-by-others.ts';
import { isPast, laterAnswers } from './told-later.ts';
import { toldTwice } from './told-twice.ts';
import { isByCode, leaveOtherDrugs } from './turned-drugs.ts';
import { isOutdated, outdatedInJob } from './withdrawn.ts';

type Buckets = Pick<Range, 'first' | 'last'>;

const same = (a: string, b: string) =>
  `${a}.pull_id = ${b}.pull_id and ${a}.file = ${b}.file and ${a}.line = ${b}.line and ${a}.entry = ${b}.entry`;

/** Not decided otherwise, by the first look or here. Without an outcome are deletions and withdrawn statements. */
const undecided = (s: string) => `(${s}.outcome is null or ${s}.outcome in ('created', 'linked-duplicate'))`;
/** The same, and not committed. */
const open = (s: string) => `${undecided(s)} and not ${s}.booked`;

/** A line that came before, word for word: it is what it was, unless the same record comes another time. */
const known = (s: string) => `(${s}.outcome = 'unchanged' and ${s}.reason is null and not ${s}.has_body)`;

/** What a line says by itself that takes its record away, whatever was decided of it since; an older program staged that as its reason alone. */
const GONE_BY = `coalesce(s.deleted_by_line, case when s.reason in ('entered-in-error', 'deleted-at-source') then s.reason end)`;

/** Takes back what an earlier attempt decided; what the first look found stays. */
async function reset(tx: Queryable, pull: string): Promise<void> {
  await tx.unsafe(
    `update exchange.staging s set outcome = f.outcome, local_id = coalesce(made_id, local_id), findings = array_remove(array_remove(findings, 'peer-rekey'), 'duplicate-id'), reason = ${GONE_BY}
     from (values ('created'), ('linked-duplicate'), (null)) f(outcome)
     where s.pull_id = $1 and (has_body or ${GONE_BY} = 'deleted-at-source')
       and f.outcome is not distinct from case when not has_body or ${GONE_BY} = 'entered-in-error' then null when type = 'Patient' and not is_shared then 'linked-duplicate' else 'created' end
       and (s.outcome is distinct from f.outcome or made_id is not null)`,
    [pull],
  );
}

/**
 * Of several units with one id, one counts: the newest, or the last when they do not say; an output beats a deletion. Few ids come
 * more than once: they are found by staging_key, and only their units are put in order. Where they name several members and nobody
 * had it before, whose it is cannot be told: the one that counts is held. identity_pkey.
 */
async function duplicatesInJob(tx: Queryable, work: Decided): Promise<void> {
  const deletes = `not (has_body or ${known('s')})`;
  // statements about records follow these
  const isOfOne = 'targets is null and not is_shared';
  await tx.unsafe(
    `with twice as materialized (
       select type, source_id from exchange.staging where pull_id = $1 and source_id is not null group by type, source_id having count(*) > 1
     ), ranked as (
       select s.pull_id, s.type, s.source_id, file, line, entry, hash, has_body, ${deletes} as is_deletion,
         min(member_id) filter (where ${isOfOne}) over k <> max(member_id) filter (where ${isOfOne}) over k as is_torn,
         row_number() over w as place, first_value(hash) over w as winner, first_value(${deletes}) over w as winner_deletes
       from twice t cross join lateral (select * from exchange.staging x where x.pull_id = $1 and x.type = t.type and x.source_id = t.source_id offset 0) s
       where ${undecided('s')} or ${known('s')}
       window w as (partition by s.type, s.source_id order by ${deletes}, last_updated desc nulls last, file desc, line desc, entry desc), k as (partition by s.type, s.source_id)
     )
     update exchange.staging s set outcome = case when r.place > 1 then 'unchanged' else 'quarantined' end, reason = case when r.place > 1 then 'duplicate-in-job' else 'patient-change' end,
       findings = case when r.hash is distinct from r.winner or r.is_deletion <> r.winner_deletes then array_append(s.findings, 'duplicate-id') else s.findings end
     from ranked r where ${same('s', 'r')} and (r.place > 1 or (r.is_torn and r.has_body and not exists (
       select from exchange.identity i where i.peer_id = $2 and i.type = r.type and i.source_id = r.source_id and i.state in ('visible', 'echo'))))`,
    [work.id, work.peerId],
  );
}

/**
 * Is target `n` of staged unit `s` one that the record names itself? Behind those stand the persons of what it contains (reconcile/read-unit.ts),
 * which count once one that it names is there.
 */
export const isNamed = (s: string, n: string) => `(${s}.named is null or ${n} <= ${s}.named)`;
/** What {@link isNamed} reads, counted once a unit: a Provenance of a member's whole record has ten thousands, which would be read for each of them. */
export const NAMED = 'cardinality(about) as named';

/** Provenance belongs to the member of what it is about; to no single one when it is about several members' records. */
export async function provenanceMembers(tx: Queryable, work: Decided): Promise<void> {
  await tx.unsafe(
    `with target as materialized (
       select p.file, p.line, p.entry, split_part(t, '/', 1) as type, split_part(t, '/', 2) as id, ${isNamed('p', 'n')} as named
       from (select file, line, entry, targets, ${NAMED} from exchange.staging p where p.pull_id = $1 and ${open('p')} and p.targets is not null offset 0) p
       cross join unnest(p.targets) with ordinality u(t, n)
     ), known as (
       select g.file, g.line, g.entry, g.named, s.member_id
       from target g join exchange.staging s on s.pull_id = $1 and s.type = g.type and s.source_id = g.id
       where s.outcome is distinct from 'quarantined' and s.outcome is distinct from 'rejected' and (s.member_id is not null or s.is_shared)
       union all
       select g.file, g.line, g.entry, g.named, i.member_id
       from target g join exchange.identity i on i.peer_id = $2 and i.type = g.type and i.source_id = g.id
       where i.state in ('visible', 'echo')
       union all
       select g.file, g.line, g.entry, g.named, m.member_id
       from target g join exchange.pull_member m on m.pull_id = $3 and g.type = 'Patient' and g.id = any(m.peer_patient_id || m.further_patients)
       union all
       -- a Bundle that was sent to a node before: of one member, when the pull is about one
       select g.file, g.line, g.entry, g.named, o.member_id
       from target g cross join (select min(member_id) as member_id from exchange.pull_member where pull_id = $3 and outcome = 'matched' having count(distinct member_id) = 1) o
       where g.type = 'Bundle'
     ), about as (
       select $1::text as pull_id, file, line, entry, min(member_id) as member_id, count(distinct member_id) as members
       from known group by file, line, entry having bool_or(named)
     )
     update exchange.staging s set member_id = case when a.members = 1 then a.member_id end, is_shared = a.members <> 1
     from about a where ${same('s', 'a')}`,
    [work.id, work.peerId, work.pull],
  );
  await tx.unsafe(
    `update exchange.staging s set outcome = 'quarantined', reason = 'dangling-reference'
     where pull_id = $1 and ${open('s')} and has_body and not is_shared and member_id is null`,
    [work.id],
  );
}

/** A record that was one member's and is said to be another's: whose it is cannot be told. Statements about records follow these. */
const isMoved = `s.has_body and not s.is_shared and s.targets is null and i.state in ('visible', 'echo') and i.member_id <> s.member_id`;

/**
 * What waits for a person to say whose it is goes on waiting when it comes again as it was, whatever it comes with; what was discarded
 * stays out. By the primary key of review_item.
 */
export const waits = `s.has_body and i.state = 'quarantined' and i.hash is not distinct from s.hash and exists (
  select from exchange.review_item v where v.id = md5(concat_ws('|', 'held', i.peer_id, i.type, i.source_id)) and v.kind = 'patient-change'
    and v.state <> 'gone' and v.decision is distinct from 'release')`;

/**
 * Is unit `s`, with a record that identity `i` was taken back of, a copy from before that? What was deleted (no hash: before it ever came) and stands in an answer that
 * was made later is there again, whatever its own time says: a label was lifted, a member chose again, a deletion was a mistake. Later is what
 * the payer's times say, and what was asked for when that answer was through. Other content is judged by its own time, where both say one: what was entered
 * in error has older versions. pull_pkey.
 * @param pull placeholder of the pull
 */
const staysOut = (pull: string) => `case
  when i.hash is not null and i.hash is distinct from s.hash then coalesce(s.last_updated < i.last_updated or (s.last_updated = i.last_updated and not ${isLater(pull)}), not ${isLater(pull)})
  when ${isLater(pull)} then false
  else i.last_updated is null or s.last_updated is null or s.last_updated <= i.last_updated end`;
const isLater = (
  pull: string,
) => `exists (select from exchange.pull d, exchange.pull n where d.id = i.last_pull and n.id = ${pull}
  and (n.transaction_time > d.transaction_time or n.created_at > d.finished_at))`;

/**
 * Is what identity `i` leads to a record of somebody else, ours mostly, that this payer's was an echo of? Nothing that the payer tells changes or hides that one: where
 * it took its copy back and tells it again, that is looked at as if it came for the first time. resource_pkey.
 */
const isOthers = `(i.state in ('visible', 'retracted') and i.local_id <> '' and i.member_id is not null and exists (
  select from exchange.resource r where r.member_id = i.member_id and r.type = i.type and r.id = i.local_id and r.origin <> i.peer_id))`;

/** Units whose key the identity map knows. identity_pkey, staging_bucket. */
async function knownUnits(tx: Queryable, work: Decided, of: Buckets): Promise<void> {
  const later = await laterAnswers(tx, work);
  const past = isPast('$6');
  const another = isAnother('$1', '$5');
  await tx.unsafe(
    `update exchange.staging s set made_id = coalesce(s.made_id, s.local_id), local_id = case when ${isMoved} or ${isOutdated} or ((s.reason = 'entered-in-error' or not s.has_body) and (i.state in ('quarantined', 'echo') or o.is_others or ${isFormer})) then null when ${another} and not ${past} then ${ANOTHER_ID} when i.state = 'quarantined' or i.local_id = '' or (i.state = 'echo' and i.hash is distinct from s.hash) or ${standsAlone('$2')} or o.is_others then s.local_id else i.local_id end, member_id = case when not s.is_shared then coalesce(s.member_id, i.member_id) end, is_shared = s.is_shared or (not s.has_body and i.member_id is null and i.local_id <> ''),
       outcome = case
         when ${isMoved} or (${waits}) then 'quarantined'
         when ${isOutdated} then 'unchanged'
         when ${past} then 'unchanged'
         when i.state = 'quarantined' then case when s.reason = 'entered-in-error' or not s.has_body then 'retracted' else s.outcome end
         when not s.has_body and s.type = 'Patient' and i.state <> 'retracted' then 'unchanged'
         when not s.has_body or s.reason = 'entered-in-error' then case when i.state = 'retracted' then 'unchanged' else 'retracted' end
         when i.state = 'retracted' and ${staysOut('$5')} then 'unchanged'
         when o.is_others or ${another} then s.outcome
         when i.state = 'retracted' then 'updated'
         when i.hash = s.hash then case when ${standsAlone('$2')} then s.outcome when i.state = 'echo' then 'echo' else 'unchanged' end
         when i.state = 'echo' then s.outcome
         when s.is_shared and i.local_id <> s.local_id then 'shared'
         else 'updated' end,
       reason = case
         when ${isMoved} or (${waits}) then 'patient-change'
         when ${isOutdated} then 'stale-version'
         when ${past} then 'stale-version'
         when i.state = 'quarantined' then s.reason
         when not s.has_body and s.type = 'Patient' and i.state <> 'retracted' then 'patient-change'
         when not s.has_body or s.reason = 'entered-in-error' then case when i.state = 'retracted' then 'already-retracted' else s.reason end
         when i.state = 'retracted' and ${staysOut('$5')} then 'already-retracted'
         when i.state = 'retracted' and not o.is_others and not ${isThereOtherwise} then 'reinstated'
         else null end
     from exchange.identity i cross join lateral (select ${isOthers} as is_others offset 0) o
     where s.pull_id = $1 and s.bucket between $3 and $4 and ${open('s')} and i.peer_id = $2 and i.type = s.type and i.source_id = s.source_id`,
    [work.id, work.peerId, of.first, of.last, work.pull, arrayLiteral(later)],
  );
  // a deletion or a withdrawn statement of something never seen keeps later stale copies out; of a person whom we matched it is a doubt. There
  // is no record of it. Payers tell of all their people who are gone: those whom we never asked for are nobody's doubt
  await tx`
    with gone as (
      select s.pull_id, s.file, s.line, s.entry, not s.has_body and s.type = 'Patient' and s.source_id in (
        select u.id from exchange.pull_member m cross join unnest(m.peer_patient_id || m.further_patients) u(id) where m.pull_id = ${work.pull} and u.id is not null) as is_ours
      from exchange.staging s where s.pull_id = ${work.id} and s.bucket between ${of.first} and ${of.last} and s.outcome is null
    )
    update exchange.staging s set made_id = coalesce(made_id, local_id), local_id = null, outcome = case when is_ours then 'unchanged' else 'retracted' end,
      reason = case when is_ours then 'patient-change' else reason end
    from gone g where s.pull_id = g.pull_id and s.file = g.file and s.line = g.line and s.entry = g.entry`;
}

/**
 * What an earlier attempt has committed stays what the ledger says, and is not committed again: others are still decided
 * beside it. ledger_pkey, staging_pkey.
 */
async function bookedUnits(tx: Queryable, work: Decided): Promise<void> {
  await tx`
    update exchange.staging s set booked = true, outcome = l.outcome, reason = l.reason, made_id = coalesce(s.made_id, s.local_id), local_id = l.local_id, member_id = l.member_id
    from exchange.ledger l
    where s.pull_id = ${work.id} and l.pull_id = ${work.pull} and l.file = s.file and l.line = s.line and l.entry = s.entry`;
}

/**
 * Directory-type records that exist here already: by NPI, else by another number or by name and place. Two NPIs are two
 * entries, whatever else they share. shared_key_pkey.
 */
export async function sharedUnits(tx: Queryable, pull: string): Promise<void> {
  await tx.unsafe(
    `update exchange.staging s set outcome = 'shared', made_id = coalesce(s.made_id, s.local_id), local_id = e.id
     from (select npi, type, min(id) as id from exchange.shared_resource where npi is not null and not deleted group by npi, type) e
     where s.pull_id = $1 and ${open('s')} and s.is_shared and s.npi = e.npi and s.type = e.type and e.id <> s.local_id`,
    [pull],
  );
  // key by key, and of the entries of a key the first ones: any number of them may have the same. By the planner's guess the entries of a type
  // would be paired with all units of it
  await tx.unsafe(
    `with key as materialized (
      select s.file, s.line, s.entry, s.type, s.local_id, s.npi, case left(k, 1) when 's' then 1 else 2 end as kind, hashtextextended(k, 0) as hash
      from exchange.staging s cross join unnest(s.keys) k
      where s.pull_id = $1 and ${open('s')} and s.is_shared and ${isByCode('s', 'k')}
    ), known as materialized (
      select k.type, k.kind, k.hash, e.id, e.npi, e.origin <> 'own' as is_others,
        row_number() over (partition by k.type, k.kind, k.hash, e.npi is null order by e.origin <> 'own', e.id) as place
      from (select distinct type, kind, hash from key) k
      cross join lateral (select r.id from exchange.shared_key r where r.type = k.type and r.kind = k.kind and r.hash = k.hash offset 0) r
      cross join lateral (select e.id, e.npi, e.origin from exchange.shared_resource e where e.type = k.type and e.id = r.id and not e.deleted offset 0) e
    )
    update exchange.staging s set outcome = 'shared', made_id = coalesce(s.made_id, s.local_id), local_id = m.id
    from (
      select distinct on (k.file, k.line, k.entry) k.file, k.line, k.entry, e.id
      -- one of the first two is not the unit's own
      from key k join known e on e.type = k.type and e.kind = k.kind and e.hash = k.hash and e.place <= 2
      where e.id <> k.local_id and (k.npi is null or e.npi is null)
      order by k.file, k.line, k.entry, k.kind, e.is_others, e.id
    ) m
    where s.pull_id = $1 and s.file = m.file and s.line = m.line and s.entry = m.entry`,
    [pull],
  );
  await toldTwice(tx, pull, open);
}

/**
 * Decides what looks at units of several members: the same id twice, claims that name another person's, what is committed, whose a
 * Provenance is. Few units are written.
 * @param hasBooked some of the work is committed already
 */
export async function decideAcross(tx: Queryable, work: Decided, hasBooked: boolean): Promise<void> {
  await reset(tx, work.id);
  await unpackRepeated(tx, work.id, work.peerId);
  await duplicatesInJob(tx, work);
  await holdSensitiveDrugs(tx, work);
  await outdatedInJob(tx, work.id, undecided);
  await followNames(tx, work, known);
  await strayVersions(tx, work, `${undecided('s')} and s.reason is null`);
  if (hasBooked) await bookedUnits(tx, work);
  await provenanceMembers(tx, work);
  await releasedUnits(tx, work, null);
}

/**
 * Decides the units of some buckets. Those of nobody (-1) come first: a deletion learns there whose it is. Afterwards each has an
 * outcome; whether a new one is linked with another record is judged when its references lead to ours.
 */
export async function decideBuckets(tx: Queryable, work: Decided, of: Buckets): Promise<void> {
  await knownUnits(tx, work, of);
  await echoes(tx, work, of);
  if (work.isFull) await renumbered(tx, work, of, open);
  if (of.first >= 0) return;
  await knownToOthers(tx, work);
  await leaveOtherDrugs(tx, work);
  await sharedUnits(tx, work.id);
}
