// What the lists of the staff pages show. Pulls, peers and clocks are small tables: thousands of rows, not millions.
import type { Queryable } from '../../../src/db/database.ts';
import { COUNTS, DUE_SOON, ENDED_LATE } from '../../members/deadlines/deadline-terms.ts';
import type { ClockKind } from '../../members/deadlines/rules.ts';
import { THEIR_FAULTS } from '../../reconcile/reasons.ts';

export type Numbers = {
  /** pulls about which an alert stands */
  waiting: number;
  /** open items; `severe`: those of safety or identity */
  items: { n: number; severe: number };
  pulls: { state: string; n: number }[];
  overdue: { kind: string; n: number }[];
  openClocks: number;
  quarantined: number;
  peers: { state: string; n: number }[];
  requests: { all: number; answered: number };
};

/**
 * The figures of the overview. Pulls, peers and requests are read whole; clocks by deadline_open and deadline_attempted;
 * alerts by alert_standing; items by review_item_open; quarantine by identity_quarantined.
 */
export async function numbers(sql: Queryable, now: Date): Promise<Numbers> {
  const [[waiting], [items], pulls, clocks, [quarantine], peers, [requests]] = await Promise.all([
    sql<{ n: number }[]>`
      select count(distinct subject)::int as n from exchange.alert
      where cleared_at is null and kind in ('pull-waits', 'pull-incomplete', 'pull-failed', 'pull-repeats')`,
    sql<
      { n: number; severe: number }[]
    >`select count(*)::int as n, count(*) filter (where weight = 3)::int as severe from exchange.review_item where state = 'open'`,
    sql<
      { state: string; n: number }[]
    >`select state, count(*)::int as n from exchange.pull group by state order by state`,
    sql<{ kind: string; n: number; late: number }[]>`
      select kind, count(*)::int as n, count(*) filter (where due_at < ${now})::int as late from exchange.deadline where state = 'open'
        or state = 'attempted' group by kind order by kind`,
    sql<{ n: number }[]>`select count(*)::int as n from exchange.identity where state = 'quarantined'`,
    sql<
      { state: string; n: number }[]
    >`select state, count(*)::int as n from exchange.peer group by state order by state`,
    sql<
      { all: number; answered: number }[]
    >`select count(*)::int as all, count(transaction_time)::int as answered from exchange.bulk_job`,
  ]);
  return {
    waiting: waiting?.n ?? 0,
    items: items ?? { n: 0, severe: 0 },
    pulls: [...pulls],
    overdue: clocks.filter((c) => c.late > 0).map((c) => ({ kind: c.kind, n: c.late })),
    openClocks: clocks.reduce((sum, c) => sum + c.n, 0),
    quarantined: quarantine?.n ?? 0,
    peers: [...peers],
    requests: requests ?? { all: 0, answered: 0 },
  };
}

export type PullLine = {
  id: string;
  peerId: string;
  peerName: string;
  state: string;
  cause: string;
  reason: string | null;
  createdAt: Date;
  finishedAt: Date | null;
  members: number;
  matched: number;
  /** the earliest due time of the members' request clocks; that of the pull when they have none */
  dueAt: Date;
  clocksOpen: number;
  clocksLate: number;
  clocksMet: number;
};

/**
 * Is `c` a clock of a member `m` that ran when pull `p` was made, which are those that it is to stop? What is asked to
 * compare stops none. deadline_member.
 */
const IS_CLOCK = `p.cause <> 'comparison' and c.member_id = m.member_id and c.kind in ('C2', 'C4', 'C5-runoff')
  and split_part(c.subject, '/', 1) = m.other_coverage_id
    and (c.starts_at < p.created_at or (c.starts_at = p.created_at and c.kind = 'C2')) and (c.closed_at is null
      or c.closed_at >= p.created_at)`;

/** The clocks that a pull is to stop, as rows: {@link IS_CLOCK}. */
export const PULL_CLOCKS = `select c.id, c.state, c.due_at from exchange.deadline c where ${IS_CLOCK}`;

/** A place in a list that is ordered by time, newest first, then by id. */
export type After = { at: Date; id: string };

/** Two instants, the second excluded. */
export type Between = { from: Date; to: Date };

/** What pull `p` counts as in the report of a period (weAsked), as SQL. */
export const PULL_SHOWS = {
  exports: 'p.manifest is not null',
  balanced: "p.state = 'done'",
  finished: "p.state in ('done', 'unbalanced', 'partial')",
  waiting: "p.state in ('unbalanced', 'partial', 'review')",
  failed: "p.state in ('failed', 'refused')",
  faulty: `p.manifest is not null and (p.state in ('unbalanced', 'partial') or p.accepted_by is not null
        or exists (select from exchange.finding f where f.pull_id = p.id and f.kind = any('{${THEIR_FAULTS.join()}}')))`,
} as const;
/** `began`: those that began between. */
export type PullFilter = {
  state?: string | undefined;
  peerId?: string | undefined;
  show?: keyof typeof PULL_SHOWS | undefined;
  began?: Between | undefined;
};

/**
 * Pulls, newest first. Sorts the pulls (few); members by the primary key of pull_member, their clocks by deadline_member,
 * or all of them once where the pulls of the page are large.
 */
export async function pagePulls(
  sql: Queryable,
  filter: PullFilter,
  now: Date,
  limit: number,
  after?: After,
): Promise<PullLine[]> {
  const rows = await sql<PullLine[]>`
    with page as materialized (
      select p.* from exchange.pull p
      where ${sql.unsafe(filter.show === undefined ? 'true' : `(${PULL_SHOWS[filter.show]})`)}
        and (${filter.began?.from ?? null}::timestamptz is null
          or (p.created_at >= ${filter.began?.from ?? null} and p.created_at < ${filter.began?.to ?? null}))
        and (${filter.state ?? null}::text is null or state = ${filter.state ?? null}) and (${filter.peerId ?? null}::text is null
          or peer_id = ${filter.peerId ?? null})
        and (${after?.at ?? null}::timestamptz is null or (created_at, id) < (${after?.at ?? null}::timestamptz, ${after?.id ?? null}))
      order by created_at desc, id desc limit ${limit}
    ), asked as (
      select p.id, count(*)::int as members, count(*) filter (where m.outcome = 'matched')::int as matched
      from page p join exchange.pull_member m on m.pull_id = p.id group by p.id
    ), clocks as (
      select p.id, min(c.due_at) as due_at, count(*) filter (where c.state in ('open', 'attempted'))::int as open,
        count(*) filter (where c.state = 'met-late' or (c.state in ('open', 'attempted') and c.due_at < ${now}))::int as late,
        count(*) filter (where c.state in ('met', 'met-late'))::int as met
      from page p join exchange.pull_member m on m.pull_id = p.id join exchange.deadline c on ${sql.unsafe(IS_CLOCK)} group by p.id
    )
    select p.id, p.peer_id as "peerId", r.name as "peerName", p.state, p.cause, p.reason, p.created_at as "createdAt",
      p.finished_at as "finishedAt",
      coalesce(a.members, 0) as members, coalesce(a.matched, 0) as matched, coalesce(k.due_at, p.due_at) as "dueAt",
      coalesce(k.open, 0) as "clocksOpen", coalesce(k.late, 0) as "clocksLate", coalesce(k.met, 0) as "clocksMet"
    from page p join exchange.peer r on r.id = p.peer_id left join asked a on a.id = p.id left join clocks k on k.id = p.id
    order by p.created_at desc, p.id desc`;
  return [...rows];
}

export type PeerLine = {
  id: string;
  name: string;
  npi: string | null;
  state: string;
  fhirBase: string | null;
  approvedBy: string | null;
  checkedAt: Date | null;
  checkedOk: boolean | null;
  pulls: number;
  lastPullAt: Date | null;
};

/** Peers with their newest check. Peers and checks are few; pulls by pull_peer. */
export async function peerLines(sql: Queryable): Promise<PeerLine[]> {
  const rows = await sql<PeerLine[]>`
    select p.id, p.name, p.npi, p.state, p.fhir_base as "fhirBase",
      p.approved_by as "approvedBy", c.at as "checkedAt", c.ok as "checkedOk", l.n as pulls, l.last as "lastPullAt"
    from exchange.peer p
    left join lateral (select at, ok from exchange.peer_check where peer_id = p.id order by id desc limit 1) c on true
    cross join lateral (select count(*)::int as n, max(created_at) as last from exchange.pull where peer_id = p.id) l
    order by p.name, p.id`;
  return [...rows];
}

export type ClockLine = {
  id: string;
  kind: string;
  memberId: string | null;
  peerId: string | null;
  peerName: string | null;
  startsAt: Date;
  dueAt: Date;
  state: string;
  closedAt: Date | null;
  /** what people said last, else what stopped it */
  reason: string | null;
  action: string | null;
};
export type ClockFilter =
  | 'open'
  | 'ahead'
  | 'soon'
  | 'overdue'
  | 'late'
  | 'unmet'
  | 'ended-late'
  | 'blocked'
  | 'closed'
  | 'counted'
  | 'all';
export const CLOCK_STATES = ['open', 'met', 'met-late', 'attempted', 'blocked', 'withdrawn', 'not-applicable'] as const;
/**
 * `duty`: of one kind; `began`: those that started between; `during`: those that ran at some time between, whatever
 * became of them; `due`: those that are due between.
 */
export type ClockScope = {
  duty?: ClockKind | undefined;
  began?: Between | undefined;
  during?: Between | undefined;
  due?: Between | undefined;
  state?: (typeof CLOCK_STATES)[number] | undefined;
  peerId?: string | undefined;
  lob?: string | undefined;
};

const OVERDUE = "c.state in ('open', 'attempted', 'blocked') and c.due_at < $1";
const CLOCKS: Readonly<Record<ClockFilter, string>> = {
  // what was asked in vain goes on until it is met
  open: "(c.state = 'open' or c.state = 'attempted')",
  ahead: "(c.state in ('open', 'attempted', 'blocked') and c.due_at >= $1)",
  soon: `(${DUE_SOON('c', '$1')})`,
  // as many as the overview and the alerts say; those that cannot be asked for stand under `blocked`
  overdue: "((c.state = 'open' or c.state = 'attempted') and c.due_at < $1)",
  // the same that the report of a period lists
  late: `(c.state = 'met-late' or (${OVERDUE}) or ${ENDED_LATE('c')})`,
  // also what ended before it was due: a coverage that was over within the week
  unmet: `(c.state in ('met-late', 'withdrawn', 'not-applicable') or (${OVERDUE}))`,
  blocked: "c.state in ('attempted', 'blocked')",
  'ended-late': ENDED_LATE('c'),
  counted: COUNTS('c', '$1'),
  closed: "c.state in ('met', 'met-late', 'withdrawn', 'not-applicable')",
  all: 'true',
};

/** Of a filter and a scope, after a place of the list: $1 to $3 and $5 to $14 of {@link clockValues}. */
export const clockWhere = (filter: ClockFilter): string => `$1::timestamptz is not null and ${CLOCKS[filter]}
       and ($2::timestamptz is null or (c.due_at, c.id) > ($2::timestamptz, $3))
       and ($5::text is null or c.kind = $5)
       and ($6::timestamptz is null or (c.due_at >= $6 and c.starts_at >= $6 and c.starts_at < $7::timestamptz))
       and ($8::timestamptz is null or (c.starts_at < $9::timestamptz and (c.closed_at is null or c.closed_at >= $8)))
       and ($10::timestamptz is null or (c.due_at >= $10 and c.due_at < $11::timestamptz))
       and ($12::text is null or c.state = $12) and ($13::text is null or c.peer_id = $13) and ($14::text is null or c.lob = $14)`;
export const clockValues = (
  now: Date,
  after: After | undefined,
  limit: number,
  { duty, began, during, due, state, peerId, lob }: ClockScope,
) => [
  now,
  after?.at ?? null,
  after?.id ?? null,
  limit,
  duty ?? null,
  began?.from ?? null,
  began?.to ?? null,
  during?.from ?? null,
  during?.to ?? null,
  due?.from ?? null,
  due?.to ?? null,
  state ?? null,
  peerId ?? null,
  lob ?? null,
];

/**
 * Clocks by due time, earliest first: in the order of deadline_due, running ones by deadline_open and deadline_attempted, notes
 * by deadline_note_clock. None is due before it starts.
 */
export async function pageClocks(
  sql: Queryable,
  filter: ClockFilter,
  now: Date,
  limit: number,
  after?: After,
  scope: ClockScope = {},
): Promise<ClockLine[]> {
  const rows = await sql.unsafe<ClockLine[]>(
    `select c.id, c.kind, c.member_id as "memberId", c.peer_id as "peerId", p.name as "peerName", c.starts_at as "startsAt",
      c.due_at as "dueAt", c.state,
       c.closed_at as "closedAt", coalesce(n.reason, c.reason) as reason, nullif(n.corrective_action, '') as action
     from exchange.deadline c left join exchange.peer p on p.id = c.peer_id
     left join lateral (select reason, corrective_action from exchange.deadline_note where deadline_id = c.id order by id desc limit 1) n on true
     where ${clockWhere(filter)}
     order by c.due_at, c.id limit $4`,
    clockValues(now, after, limit, scope),
  );
  return [...rows];
}
