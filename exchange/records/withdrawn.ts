// Records that were shown and may be no more: they are hidden, with the version that was there kept, and their identities wait in quarantine.
import type { Queryable } from '../../src/db/database.ts';
import type { Decided } from './decided.ts';
import { DRUG_TYPES } from './facts/drug.ts';
import { SUPPORTING } from './kept-back.ts';
import { ANY_LABELLED, REVEALED } from './revealed.ts';
import { LAST_REVISION } from './revised.ts';

/** `gone`: statement of `type`, `source_id`, `local_id` and `member_id`; $1 work, $2 peer, $3 instant. review_item_member. */
const hiding = (gone: string, more = '') => `with gone as materialized (${gone}), kept as (
    insert into exchange.resource_version (member_id, type, id, version, last_updated, deleted, hash, body)
    select r.member_id, r.type, r.id, r.version, r.last_updated, r.deleted, r.hash, r.body
    from gone g join exchange.resource r on r.member_id = g.member_id and r.type = g.type and r.id = g.local_id where not r.deleted
    on conflict do nothing
  ), hidden as (
    update exchange.resource r set deleted = true, version = r.version + 1, last_updated = $3::text::timestamptz, moved_at = null
    from gone g where r.member_id = g.member_id and r.type = g.type and r.id = g.local_id and not r.deleted
  ), unlinked as (
    delete from exchange.link l using gone g where l.member_id = g.member_id and l.type = g.type and (l.a_id = g.local_id or l.b_id = g.local_id)
  ), unasked as (
    -- what is not there contradicts nothing; it is asked anew when a version of it is shown again
    update exchange.review_item v set state = 'gone' from gone g
    where v.member_id = g.member_id and v.state = 'open' and v.a_id is not null and v.b_id is not null and v.rule not in ('chain', 'unclear')
      and ((v.a_type = g.type and v.a_id = g.local_id) or (v.b_type = g.type and v.b_id = g.local_id))
  )${more}
  update exchange.identity i set state = 'quarantined' from gone g where i.peer_id = $2 and i.type = g.type and i.source_id = g.source_id`;

/**
 * Those of a replay that may not be shown under today's rules. A line that was held when it came is not why its record is shown: another pull
 * brought that, under its own choice, and it stays (`isAnew` when a person decided about this very line). staging by work, identity_pkey, ledger_pkey.
 */
export async function withdrawUnits(tx: Queryable, work: Decided, at: string, isAnew: boolean): Promise<void> {
  const isHeldAlready = `exists (select from exchange.ledger l ${LAST_REVISION}
          where l.pull_id = $4 and l.file = s.file and l.line = s.line and l.entry = s.entry and coalesce(v.outcome, l.outcome) in ('quarantined', 'rejected'))`;
  await tx.unsafe(
    hiding(`select distinct s.type, s.source_id, i.local_id, i.member_id from exchange.staging s
      join exchange.identity i on i.peer_id = $2 and i.type = s.type and i.source_id = s.source_id
      where s.pull_id = $1 and s.outcome in ('quarantined', 'rejected') and i.state = 'visible' and i.member_id is not null
        -- another version may be shown, which a person sees beside this one
        and (s.hash is null or i.hash = s.hash)
        and ${isAnew ? '$4::text is not null' : `not ${isHeldAlready}`}`),
    [work.id, work.peerId, at, work.pull],
  );
}

/** Held, of whom is not in doubt, as what is labelled beyond the consent, whichever check holds it: reading noted the label of no other held unit. */
export const isBeyond = (s: string) =>
  `(${s}.outcome = 'quarantined' and (${s}.reason = 'consent-scope' or ${s}.label > 0))`;

/** Its payer says that the record was entered in error: whichever check holds that, the record is wrong. */
const saysWrong = (s: string) => `(${s}.deleted_by_line is not distinct from 'entered-in-error')`;

/** Held as what must not be had, of whom is not in doubt: a denied authorization, a record that is labelled beyond the consent, one that was entered in error. */
const tells = (s: string) =>
  `(${isBeyond(s)} or (${s}.outcome = 'quarantined' and (${s}.keeps is not null or ${saysWrong(s)}) and ${s}.reason not in ('patient-change', 'contained-person')))`;

/**
 * Of a record that comes twice in one work, what is older than a version that is held so is not taken in, nor are the documents that it names.
 * staging_key.
 * @param undecided what may be taken in, of a unit
 */
export async function outdatedInJob(tx: Queryable, work: string, undecided: (s: string) => string): Promise<void> {
  const place = (s: string) => `(coalesce(${s}.last_updated, '-infinity'), ${s}.file, ${s}.line, ${s}.entry)`;
  await tx.unsafe(
    `with held as materialized (
       select file, line, entry, type, source_id, last_updated from exchange.staging h where pull_id = $1 and source_id is not null and ${tells('h')}
     ), older as (
       select distinct s.file, s.line, s.entry from held h
       cross join lateral (select * from exchange.staging x where x.pull_id = $1 and x.type = h.type and x.source_id = h.source_id offset 0) s
       where ${undecided('s')} and s.has_body and ${place('s')} < ${place('h')}
     )
     update exchange.staging s set outcome = 'unchanged', reason = 'duplicate-in-job', findings = array_append(s.findings, 'duplicate-id'),
       keeps = coalesce(s.keeps, '{}') || array(select k from unnest(s.refers) k where s.type = 'ExplanationOfBenefit' and split_part(k, '/', 1) in ${SUPPORTING})
     from older o where s.pull_id = $1 and s.file = o.file and s.line = o.line and s.entry = o.entry`,
    [work],
  );
}

/** Is unit `s` older than a version of identity `i` that is held so, or by which what was shown was hidden? Primary keys of review_item, sensitive_held, kept_back and resource. */
export const isOutdated = `(i.state = 'quarantined' and s.has_body and s.last_updated < i.last_updated and (
  exists (select from exchange.review_item v where v.id = md5(concat_ws('|', 'held', i.peer_id, i.type, i.source_id)) and v.state <> 'gone'
    and v.kind in ('denied-pa', 'drug-pa'))
  or exists (select from exchange.sensitive_quarantine h where h.member_id = s.member_id and h.peer_id = i.peer_id and h.type = i.type and h.source_id = i.source_id)
  or exists (select from exchange.withheld_document k where k.member_id = s.member_id and k.key = s.type || '/' || s.local_id)
  or exists (select from exchange.resource r where r.member_id = i.member_id and r.type = i.type and r.id = i.local_id and r.deleted and r.hash is distinct from i.hash)))`;

/**
 * Did record `r` come as one that is not sensitive: by itself, and by the drug of an order, a fill or a dose? What it is only as sensitive as (the same elsewhere, a visit that
 * is held) says nothing of the choice that it was had under. shared_resource_pkey.
 */
const IS_OPEN = `(r.own_label = 0 and not (${ANY_LABELLED} and r.type = any('{${DRUG_TYPES.join(',')}}') and exists (
  select from unnest(r.links) k where starts_with(k, 'Medication/') and ${REVEALED('k')} > 0)))`;

/**
 * Those of which the open slice brought a newer version that was held for what it is: an authorization that is denied now, a record that is
 * labelled now, one of which its payer says that it was entered in error. What was taken in before would go on to the next payer as it is no more. Documents that the
 * former version named stay with it. What a person released, or was had under another consent as it is, stays unless it is wrong. identity_pkey, resource_pkey.
 */
export async function withdrawReplaced(tx: Queryable, peerId: string, at: string): Promise<void> {
  const [any] = await tx.unsafe(`select from pg_temp.slice s where ${tells('s')} limit 1`);
  if (any === undefined) return;
  await tx.unsafe(
    hiding(
      `select distinct s.type, s.source_id, i.local_id, i.member_id, r.refers from pg_temp.slice s
       join exchange.identity i on i.peer_id = $2 and i.type = s.type and i.source_id = s.source_id and i.member_id = s.member_id
       join exchange.resource r on r.member_id = i.member_id and r.type = i.type and r.id = i.local_id
       where $1::text is null and ${tells('s')} and i.state = 'visible' and i.hash is distinct from s.hash and not r.deleted
         and not exists (select from pg_temp.slice n where n.type = s.type and n.source_id = s.source_id and n.outcome in ('created', 'updated', 'linked-duplicate'))
         and (s.last_updated is null or i.last_updated is null or s.last_updated >= i.last_updated)
         and (${saysWrong('s')} or (${isBeyond('s')} and ${IS_OPEN}) or (s.keeps is not null and coalesce(r.pa_state, '') not in ('denied', 'drug')))`,
      `, noted as (
        insert into exchange.withheld_document (member_id, key, at)
        select distinct g.member_id, k, $3::text::timestamptz from gone g cross join unnest(g.refers) k
        where g.type = 'ExplanationOfBenefit' and split_part(k, '/', 1) in ${SUPPORTING} on conflict do nothing
      )`,
    ),
    [null, peerId, at],
  );
}
