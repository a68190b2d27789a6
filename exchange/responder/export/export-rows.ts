// Reading what may leave: one indexed read per set of members, conditions on columns, no parsing. Every statement names
// its members and is served by the primary key (member_id, type, id).
import { arrayLiteral, type Queryable } from '../../../src/db/database.ts';
import { type RawRows, rawPages } from '../../../src/db/raw-rows.ts';
import { isOrWasSql } from '../../members/merge/member-merge.ts';
import { DOUBTED_PEERS } from '../../records/doubt.ts';
import { LABELLER } from '../../records/facts/label.ts';
import { SUPPORTING_TYPES } from '../../records/facts/record-types.ts';
import { DENIED_SINCE } from '../../records/hidden-pa.ts';
import { IS_KEPT_BACK } from '../../records/kept-back.ts';
import { ANY_LABELLED, REVEALED } from '../../records/revealed.ts';
import type { Grant } from '../grant.ts';

export type ExportConditions = {
  members: Omit<Grant, 'consentId'>[];
  /** all members of the export, as a list of the database: a record that is another one's now comes with that one, and is not deleted */
  everybody: string;
  types: readonly string[];
  /** only what came into view or changed after this */
  since: string | undefined;
  /** nothing that was written later */
  until: string;
  /** only what changed before this */
  before: string | undefined;
  /** of the Provenance of a record only the newest */
  latestProvenance: boolean;
  /** first day of service in the window */
  windowStart: string;
  /** today and the day twelve months ago, for authorizations */
  today: string;
  yearAgo: string;
};

/** One record on its way out; it leaves when it has a text. */
export type ExportRow = {
  /** place of its member in the conditions, from 0 */
  member: number;
  /** `Type/id`; null of what does not leave */
  key: string | null;
  /** when it was written last, as the server tells it */
  at: string | null;
  /** the bytes that came, to be written as they are mostly; empty of what does not leave. They last as long as their page */
  text: Buffer;
  /** links of ours stand in its text in the place of a peer's addresses */
  isLinked: boolean;
  /** why it stays */
  reason: string | null;
  /** the directory-type records that it names, with a blank between them, when it may leave, asked for or not */
  links: string | null;
  /** what it names is new to the peer with it */
  isNews: boolean;
  /** its first and last day of service, as {@link SERVICE_DAYS} tells them; null of what has none or does not leave */
  days: string | null;
};

/** A row of {@link exportRows}. */
export const readExportRow = (page: RawRows, row: number): ExportRow => ({
  member: Number(page.text(row, 0)) - 1,
  key: page.text(row, 1),
  at: page.text(row, 2),
  text: page.bytes(row, 3),
  isLinked: page.text(row, 4) === 't',
  reason: page.text(row, 5),
  links: page.text(row, 6),
  isNews: page.text(row, 7) === 't',
  days: page.text(row, 8),
});

/**
 * One member after the other, each by the primary key, with the payers that may mean another person: `offset 0` keeps the planner from joining, for which it would read the
 * whole table for a slice of members as soon as it takes the conditions for stricter than they are.
 * @param more further conditions on `r` that the key serves, such as ` and r.type = …`
 */
export const recordsOfEach = (more = ''): string =>
  `cross join lateral (select ${DOUBTED_PEERS('g.member_id')} as peers offset 0) doubted
  cross join lateral (select * from exchange.resource r where r.member_id = g.member_id${more} offset 0) r`;
const FROM = `
  from unnest($1::text[], $2::text[], $6::text[], $7::text::timestamptz[]) g(member_id, policy, policy_then, granted_at)
  ${recordsOfEach()}`;
/**
 * Its label, where the labeller of this version decided. What another version decided, or no one, counts as what no consent lets leave: the
 * rules have changed since, and members/enrolment/relabel.ts knows what they say of it.
 */
const label = (r: string) => `(case when ${r}.labeller = ${LABELLER} then ${r}.label else 2::smallint end)`;
/**
 * May a record leave, by its own facts; `$3` window, `$4` twelve months ago, `$5` today. `peers`: those that may mean another person than its
 * member, as they are looked up once for each member.
 */
export const allowed = (r: string, peers = 'doubted.peers') => `
  ${r}.withheld is null
  and (${r}.service_end is null or ${r}.service_end >= $3::date)
  and (${r}.pa_state is null or ${r}.pa_state = 'estimate' or (${r}.pa_state in ('approved', 'partial', 'modified', 'pended', 'cancelled')
    and (${r}.pa_changed >= $4::date or (${r}.pa_state <> 'cancelled' and ${r}.pa_end >= $5::date))))
  and (${label(r)} = 0 or (g.policy = 'sensitive' and ${label(r)} = 1))
  and ${r}.origin <> all(${peers})`;
/** Of Patients only our own member leaves; those of other payers about the member do not. */
const isNoOther = (r: string) => `(${r}.type <> 'Patient' or ${r}.id = ${r}.member_id)`;
/** Do links of ours stand in its text in the place of a peer's addresses? */
export const LINKED = `(r.shared is not null and r.origin <> 'own') as linked`;
/**
 * Its days of service, `FIRST/LAST`, as far as it has one by which the window is decided. What a condition is about began when it did, often long
 * before anyone was treated: of one that is over its end is reported alone.
 */
export const SERVICE_DAYS = `case when r.service_end is not null then
    case when r.type = 'Condition' then r.service_end::text else least(nullif(r.day, ''), r.service_end::text) end || '/' || r.service_end end`;
/**
 * Keys of the directory entries that a record names as it leaves. Of an authorization lines may stay, and what only these name stays with
 * them: it is looked for in the form for peers, whatever was noted when the record was written. The form is unpacked once for all links. People and
 * their cover inherit no label (inherit-labels.ts): what reveals a labelled entry stays instead, where the consent does not cover it.
 */
export const NAMES = `case when r.type in ('Patient', 'Coverage', 'RelatedPerson') and r.links is not null and ${ANY_LABELLED} then array(
    select k from unnest(r.links) k where ${REVEALED('k')} <= case when g.policy = 'sensitive' then 1 else 0 end)
  when r.pa_state is null or r.shared is null or r.links is null then r.links else array(
    select k from (select r.shared || '' as form offset 0) f cross join unnest(r.links) k
    where position(k || '"' in f.form) > 0 or position(k || '/_history/' in f.form) > 0) end`;
const SUPPORTING = `(${SUPPORTING_TYPES.map((t) => `'${t}'`).join(', ')})`;
/** Does the authorization `y` name a document? */
const NAMES_DOCUMENT = (r: string) => `y.refers @> array[${r}.type || '/' || ${r}.id]`;
/** Authorizations and estimates that a document supports: they name it, or it names them. Of the same member. resource_authorization. */
const SUPPORTED = (r: string) => `from exchange.resource y
    where y.member_id = ${r}.member_id and y.type = 'ExplanationOfBenefit' and y.pa_state is not null and not y.deleted
      and (${NAMES_DOCUMENT(r)} or ${r}.refers @> array['ExplanationOfBenefit/' || y.id])`;
/** Does it name the document in the form that leaves, too, if at all? Lines that stay may be all that did. */
const isNamedIn = (r: string) => `(y.shared is null or not coalesce(${NAMES_DOCUMENT(r)}, false)
  or position(${r}.type || '/' || ${r}.id || '"' in y.shared) > 0 or position(${r}.type || '/' || ${r}.id || '/_history/' in y.shared) > 0)`;
/** A document stays when there are authorizations that it supports and none of them leaves with it, or when all were left out as they came. */
const isNoneOfExcluded = (r: string) =>
  `(${r}.type not in ${SUPPORTING} or coalesce((select bool_or(coalesce(${allowed('y')}, false) and ${isNamedIn(r)}) ${SUPPORTED(r)}), not ${IS_KEPT_BACK(r)}))`;
/** The records that a Provenance is about. */
const TARGETS = `from unnest(r.targets) t join exchange.resource x
    on x.member_id = r.member_id and x.type = split_part(t, '/', 1) and x.id = split_part(t, '/', 2)`;
/**
 * A Provenance leaves with the records it is about: one of them at least must leave, and none may be held back for its
 * sensitivity, which the Provenance would reveal.
 */
export const MAY_LEAVE = `${allowed('r')}
  and ${isNoOther('r')}
  and ${isNoneOfExcluded('r')}
  and (r.type <> 'Provenance' or coalesce((
    select bool_or(${allowed('x')} and ${isNoOther('x')} and ${isNoneOfExcluded('x')} and not x.deleted) and not bool_or(coalesce(${label('x')}, 1) > 0 and not (g.policy = 'sensitive' and ${label('x')} = 1))
    ${TARGETS}
  ), false))`;
/** Records that only a consent for sensitive data lets leave. */
const OF_SENSITIVE = `(${label('r')} = 1 or (r.type = 'Provenance' and exists (select ${TARGETS} where ${label('x')} = 1)))`;
/** When a record was written, or came into view or left it because of another. */
export const MOVED = (r: string) => `coalesce(${r}.moved_at, ${r}.last_updated)`;
/** What decides of another record changed: what a Provenance is about, an authorization that a document supports. */
const MOVED_BY_OTHERS = (since: string) => `(
  r.type = 'Provenance' and exists (select ${TARGETS} where ${MOVED('x')} > ${since}::timestamptz)
  or r.type in ${SUPPORTING} and exists (select ${SUPPORTED('r')} and ${MOVED('y')} > ${since}::timestamptz))`;
/**
 * Is it new to a peer that knows everything up to `since`? All of a member is, whose consent did not hold then; labelled
 * records are, when it did not cover them then; a Provenance is, when something it is about is; a document, when what it supports is.
 */
export const isNew = (
  since: string,
) => `(${since}::timestamptz is null or g.policy_then = '' or ${MOVED('r')} > ${since}::timestamptz
  or (g.policy_then < g.policy and ${OF_SENSITIVE})
  or ${MOVED_BY_OTHERS(since)})`;
const NEWEST_PROVENANCE = `(r.type <> 'Provenance' or exists (
  select from unnest(r.targets) t where not exists (
    select from exchange.resource n where n.member_id = r.member_id and n.type = 'Provenance' and not n.deleted
      and t = any(n.targets) and (n.last_updated, n.id) > (r.last_updated, r.id))))`;

const parameters = (c: ExportConditions): string[] => [
  arrayLiteral(c.members.map((m) => m.memberId)),
  arrayLiteral(c.members.map((m) => m.policy)),
  c.windowStart,
  c.yearAgo,
  c.today,
  arrayLiteral(c.members.map((m) => m.policyThen ?? '')),
  arrayLiteral(c.members.map((m) => m.grantedAt.toISOString())),
];

/**
 * For the transaction of an export: members are read by the primary key, however many there are. The planner would rather read
 * the whole table for each slice: it takes a member's records for scattered, and few of them for leaving. What is prepared is planned once:
 * that takes as long as a thousand records do.
 */
export async function readByKey(tx: Queryable): Promise<void> {
  await tx`select set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),
    set_config('enable_mergejoin', 'off', true), set_config('max_parallel_workers_per_gather', '0', true),
    set_config('plan_cache_mode', 'force_generic_plan', true)`;
}

/** Why a record that may not leave stays: the first that keeps it. */
const REASON = `case
         when r.origin = any(doubted.peers) then 'identity-doubt'
         when r.pa_state in ('denied', 'unclear') or r.withheld = '${DENIED_SINCE}' then 'denied-pa'
         when r.withheld is not null then r.withheld
         when r.pa_state = 'drug' then 'drug-pa'
         when r.pa_state <> 'estimate' and not coalesce(r.pa_changed >= $4::date or (r.pa_state <> 'cancelled' and r.pa_end >= $5::date), false) then 'old-pa'
         when r.label is null or r.label = 2 or (r.label = 1 and g.policy <> 'sensitive') then 'sensitive'
         when r.labeller is distinct from ${LABELLER} then 'unclassified'
         when r.type = 'Provenance' then 'provenance'
         when not ${isNoneOfExcluded('r')} then 'pa-document' else 'window' end`;

/**
 * Records of some members, by cursor: those that may leave and are asked for, and of those that may not why. Each is judged once.
 * @param want.links with the links of what may leave, asked for or not
 * @param want.byMember one member after the other, the Patient first, for which the texts are sorted; else as they come
 */
export function exportRows(
  tx: Queryable,
  c: ExportConditions,
  want: { links: boolean; byMember: boolean },
): AsyncIterable<RawRows> {
  const isAll = c.since === undefined;
  return rawPages(
    tx,
    `select g.n, case when a.asked then r.type || '/' || r.id end, case when a.asked then r.last_updated end,
         case when a.asked then coalesce(r.shared, r.body) end, ${LINKED}, case when not l.leaves then ${REASON} end,
         ${want.links ? `case when l.leaves then array_to_string(${NAMES}, ' ') end` : 'null'},
         ${isAll ? 'true' : 'n.is_new'}, case when a.asked then ${SERVICE_DAYS} end
       from unnest($1::text[], $2::text[], $6::text[], $7::text::timestamptz[]) with ordinality g(member_id, policy, policy_then, granted_at, n)
       ${recordsOfEach()}
       cross join lateral (select coalesce(${MAY_LEAVE}, false) as leaves offset 0) l
       ${isAll ? '' : `cross join lateral (select l.leaves and ${isNew('$10')} as is_new offset 0) n`}
       cross join lateral (select ${isAll ? 'l.leaves and $10::timestamptz is null' : 'n.is_new'} and r.type = any($8::text[])
           and ($11::timestamptz is null or ${MOVED('r')} < $11::timestamptz)
           ${c.latestProvenance ? `and ${NEWEST_PROVENANCE}` : ''} as asked offset 0) a
       where not r.deleted and case when l.leaves then ${MOVED('r')} <= $9::timestamptz and ${want.links ? '(a.asked or r.links is not null)' : 'a.asked'}
         else ${isNoOther('r')} end
       ${want.byMember ? `order by g.n, r.type <> 'Patient'` : ''}`,
    [...parameters(c), arrayLiteral(c.types), c.until, c.since ?? null, c.before ?? null],
    PAGE,
  );
}

/** Rows that are asked for at first: of usual ones some 150 KB. */
const PAGE = 100;

/**
 * Records that an earlier export to this peer held and that have left its view after `since`: deleted, or changed so that
 * they may not leave any more. What only grew old is not taken back, nor is what is not yet decided by the rules of today. Of a member whose consent did not hold then nothing was told:
 * what counts is the time of the export that held the record, as the member's or as that of one who goes on as the member since. delivered_pkey, member_merge_member.
 */
export async function deletedRows(
  sql: Queryable,
  peerId: string,
  c: ExportConditions,
): Promise<{ type: string; id: string }[]> {
  if (c.since === undefined) return [];
  const rows = await sql.unsafe<{ type: string; id: string }[]>(
    `with gone as materialized (select r.member_id, r.type, r.id, ${MOVED('r')} as moved, g.policy_then ${FROM}
     where r.type = any($8::text[]) and ${MOVED('r')} <= $9::timestamptz
       and ($11::timestamptz is null or ${MOVED('r')} < $11::timestamptz)
       and (g.policy_then = '' or ${MOVED('r')} > $10::timestamptz or (g.granted_at > $10::timestamptz and g.policy = 'regular' and ${OF_SENSITIVE})
         or ${MOVED_BY_OTHERS('$10')})
       and (r.deleted or (r.labeller = ${LABELLER} and not coalesce(${MAY_LEAVE}, false)))
       and not exists (select from exchange.resource y where y.type = r.type and y.id = r.id and y.member_id <> r.member_id and not y.deleted and y.member_id = any($13::text::text[])
           and ${allowed('y', DOUBTED_PEERS('y.member_id'))}))
     -- what they held is looked at last: it is as long as a member's record, for each
     select distinct r.type, r.id from gone r
     where exists (
       select from exchange.delivered d join exchange.bulk_job j on j.id = d.job_id
       where d.peer_id = $12 and d.member_id = any(${isOrWasSql('r.member_id')}) and j.transaction_time is not null
         and (r.policy_then <> '' or r.moved > j.transaction_time)
         and d.keys @> array[hashtextextended(r.type || '/' || r.id, 0)])
     order by 1, 2`,
    [...parameters(c), [...c.types], c.until, c.since, c.before ?? null, peerId, c.everybody] as never[],
    { prepare: true },
  );
  return [...rows];
}

/** Directory-type records that some of them name in turn, as `Type/id`; `isNews`: by one written after `since`, which may not have named it before. shared_resource_pkey. */
export async function namedByShared(
  sql: Queryable,
  keys: readonly string[],
  since?: string,
): Promise<{ key: string; by: string; isNews: boolean }[]> {
  return [
    ...(await sql.unsafe<{ key: string; by: string; isNews: boolean }[]>(
      `select l as key, k as by, coalesce(s.last_updated > $2::timestamptz, false) as "isNews" from unnest($1::text::text[]) k
       join exchange.shared_resource s on s.type = split_part(k, '/', 1) and s.id = split_part(k, '/', 2) cross join unnest(s.links) l`,
      [arrayLiteral(keys), since ?? null] as never[],
    )),
  ];
}

/**
 * Directory-type records of some keys that may leave and are asked for. shared_resource_pkey.
 * @param news those of the keys that are new to the peer by what names them
 */
export async function sharedRows(
  sql: Queryable,
  c: Pick<ExportConditions, 'types' | 'since' | 'until' | 'before'>,
  keys: readonly string[],
  news: readonly boolean[],
): Promise<{ type: string; id: string; text: string; lastUpdated: Date }[]> {
  return [
    ...(await sql.unsafe<{ type: string; id: string; text: string; lastUpdated: Date }[]>(
      `select s.type, s.id, s.body as text, s.last_updated as "lastUpdated"
       from unnest($1::text::text[], $2::text::boolean[]) n(key, is_news)
       join exchange.shared_resource s on s.type = split_part(n.key, '/', 1) and s.id = split_part(n.key, '/', 2)
       where s.type = any($3::text[]) and not s.deleted and s.last_updated <= $4::timestamptz
         and ($5::timestamptz is null or s.last_updated > $5::timestamptz or n.is_news)
         and ($6::timestamptz is null or s.last_updated < $6::timestamptz)`,
      [arrayLiteral(keys), `{${news.join(',')}}`, [...c.types], c.until, c.since ?? null, c.before ?? null] as never[],
    )),
  ];
}
