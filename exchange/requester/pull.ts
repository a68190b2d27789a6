// Pulls: what we ask of peers. The row is the work; anyone who holds its lease takes one step and commits the result.
import { randomUUID } from 'node:crypto';
import type { Queryable } from '../../src/db/database.ts';
import type { FetchForm, MatchForm } from './client/abilities.ts';

export { copyOutcomes, leftOutMembers, type PullMember, pullMembers, setOutcomes } from './pull-member.ts';

/**
 * Was a member `m` of a pull `p` asked for in vain, as the payer refused us, or was not active here? Who was answered
 * for before that was asked. A registration that it put right, keys of ours that it could not read for a moment, or a
 * payer that was suspended for a day, are no reason to wait for the next quarter.
 */
export const REFUSED = `((p.state = 'refused' or (p.state = 'review' and p.reason = 'peer-not-active')) and (m.outcome is null
  or m.outcome not in ('not-matched', 'constrained')))`;

export const OPEN_STATES = [
  'due',
  'discovered',
  'authorized',
  'matching',
  'matched',
  'exporting',
  'downloading',
  'reconciling',
] as const;
/** In these a pull waits for a person. */
export const HELD_STATES = ['review', 'unbalanced', 'partial'] as const;
export type PullState =
  | (typeof OPEN_STATES)[number]
  | (typeof HELD_STATES)[number]
  | 'done'
  | 'refused'
  | 'failed'
  | 'withdrawn';

export type Pull = {
  id: string;
  peerId: string;
  state: PullState;
  /** why it exists: `opt-in` (what is owed), `comparison`, `command` */
  cause: string;
  isFull: boolean;
  createdAt: Date;
  dueAt: Date;
  nextAt: Date;
  attempts: number;
  reason: string | null;
  matchStatusUrl: string | null;
  groupId: string | null;
  exportStatusUrl: string | null;
  manifest: string | null;
  since: Date | null;
  transactionTime: Date | null;
  kickedOffAt: Date | null;
  finishedAt: Date | null;
  acceptedBy: string | null;
  /** how members are found and their records asked for in this pull; null before it is known */
  matchForm: MatchForm | null;
  fetchForm: FetchForm | null;
  /** the pull whose members some of these were; null of one that was planned */
  partOf: string | null;
  /** are its members, or those of the pull that they were of, asked for apart from whom an answer left open? */
  isApart: boolean;
  /** when its files went, as their time was over; null while they are there */
  filesRemovedAt: Date | null;
};

/** Columns of a {@link Pull}. */
export const COLUMNS = `id, peer_id as "peerId", state, cause, is_full as "isFull", created_at as "createdAt", due_at as "dueAt", next_at as "nextAt", attempts, reason,
  match_status_url as "matchStatusUrl", group_id as "groupId", export_status_url as "exportStatusUrl", manifest, since, transaction_time as "transactionTime",
  kicked_off_at as "kickedOffAt", finished_at as "finishedAt", accepted_by as "acceptedBy", match_form as "matchForm", fetch_form as "fetchForm", part_of as "partOf", is_split as "isApart", files_removed_at as "filesRemovedAt"`;

export async function findPull(sql: Queryable, id: string): Promise<Pull | undefined> {
  const [row] = await sql.unsafe<Pull[]>(`select ${COLUMNS} from exchange.pull where id = $1`, [id]);
  return row;
}

/** How many pulls have not ended, by state; 0 of those in which none is. The table is small. */
export async function pullsOpen(sql: Queryable): Promise<Map<PullState, number>> {
  const states = [...OPEN_STATES, ...HELD_STATES];
  const rows = await sql<{ state: PullState; n: number }[]>`
    select state, count(*)::int as n from exchange.pull where state = any(${states}::text[]) group by state`;
  return new Map([...states.map((s) => [s, 0] as const), ...rows.map((r) => [r.state, r.n] as const)]);
}

export async function listPulls(sql: Queryable, limit = 100): Promise<Pull[]> {
  return [
    ...(await sql.unsafe<Pull[]>(`select ${COLUMNS} from exchange.pull order by created_at desc, id limit $1`, [
      limit,
    ])),
  ];
}

/** Pulls that have taken members of this one over, the first one first. pull_part_of, pull_event_pull. */
export async function partsOf(sql: Queryable, id: string): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    select id from exchange.pull p where part_of = ${id} order by (select min(e.id) from exchange.pull_event e where e.pull_id = p.id)`;
  return rows.map((r) => r.id);
}

export async function renewPull(
  sql: Queryable,
  id: string,
  owner: string,
  now: Date,
  leaseSeconds: number,
): Promise<boolean> {
  const kept = await sql`
    update exchange.pull set lease_until = ${now}::timestamptz + make_interval(secs => ${leaseSeconds})
      where id = ${id} and lease_owner = ${owner} returning 1`;
  return kept.length === 1;
}

export type PullPatch = Partial<
  Pick<
    Pull,
    | 'reason'
    | 'matchStatusUrl'
    | 'groupId'
    | 'exportStatusUrl'
    | 'manifest'
    | 'since'
    | 'transactionTime'
    | 'kickedOffAt'
    | 'finishedAt'
    | 'attempts'
    | 'nextAt'
    | 'matchForm'
    | 'fetchForm'
  >
>;

/** The lease of a pull went to another process: what was done is not committed. */
export class LeaseLost extends Error {}

/**
 * Before what a step has made besides is kept: who slept beyond its lease, as a process that was stopped or whose clock jumped, must not
 * write over the work of who went on.
 * @throws LeaseLost
 */
export async function holdPull(sql: Queryable, id: string, owner: string): Promise<void> {
  const held = await sql`select from exchange.pull where id = ${id} and lease_owner = ${owner}`;
  if (held.length === 0) throw new LeaseLost('the pull is worked on elsewhere');
}

/**
 * Commits the result of a step and gives the lease back. Only its holder can.
 * @throws LeaseLost
 */
export async function movePull(
  tx: Queryable,
  id: string,
  owner: string,
  at: Date,
  state: PullState,
  patch: PullPatch,
  detail = '',
): Promise<void> {
  const p = { attempts: 0, nextAt: at, ...patch };
  const moved = await tx`
    update exchange.pull set state = ${state}, attempts = ${p.attempts}, next_at = ${p.nextAt}, lease_owner = null, lease_until = null,
      reason = ${p.reason ?? null},
      match_status_url = case when ${'matchStatusUrl' in p} then ${p.matchStatusUrl ?? null} else match_status_url end,
      group_id = case when ${'groupId' in p} then ${p.groupId ?? null} else group_id end,
      export_status_url = case when ${'exportStatusUrl' in p} then ${p.exportStatusUrl ?? null} else export_status_url end,
      manifest = case when ${'manifest' in p} then ${p.manifest ?? null} else manifest end,
      since = case when ${'since' in p} then ${p.since ?? null}::timestamptz else since end,
      transaction_time = case when ${'transactionTime' in p} then ${p.transactionTime ?? null}::timestamptz else transaction_time end,
      kicked_off_at = case when ${'kickedOffAt' in p} then ${p.kickedOffAt ?? null}::timestamptz else kicked_off_at end,
      match_form = case when ${'matchForm' in p} then ${p.matchForm ?? null} else match_form end,
      fetch_form = case when ${'fetchForm' in p} then ${p.fetchForm ?? null} else fetch_form end,
      finished_at = case when ${'finishedAt' in p} then ${p.finishedAt ?? null}::timestamptz else finished_at end
    where id = ${id} and lease_owner = ${owner} returning 1`;
  if (moved.length === 0) throw new LeaseLost('the pull is worked on elsewhere');
  await tx`insert into exchange.pull_event (pull_id, at, state, detail) values (${id}, ${at}, ${state}, ${detail})`;
}

/** Gives a lease back without a step, to be tried again at a time. */
export async function postponePull(
  tx: Queryable,
  id: string,
  owner: string,
  nextAt: Date,
  attempts: number,
  reason: string | null,
): Promise<void> {
  await tx`
    update exchange.pull set next_at = ${nextAt}, attempts = ${attempts}, reason = ${reason}, lease_owner = null, lease_until = null
    where id = ${id} and lease_owner = ${owner}`;
}

export type NewMember = {
  submittedId: string;
  memberId: string;
  otherCoverageId: string;
  consentId: string;
  policy: string;
};

/** @param part of another pull, made now: it is to end when that one would have been */
export async function addPull(
  tx: Queryable,
  pull: { peerId: string; cause: string; isFull: boolean; createdAt: Date; dueAt: Date },
  members: readonly NewMember[],
  part?: { of: string; at: Date; detail: string; isApart: boolean },
): Promise<string> {
  const id = randomUUID();
  const at = part?.at ?? pull.createdAt;
  await tx`
    insert into exchange.pull (id, peer_id, state, cause, is_full, created_at, due_at, next_at, part_of, is_split)
    values (${id}, ${pull.peerId}, 'due', ${pull.cause}, ${pull.isFull}, ${pull.createdAt}, ${pull.dueAt}, ${at}, ${part?.of ?? null},
      ${part?.isApart ?? false})`;
  await tx`insert into exchange.pull_event (pull_id, at, state, detail) values (${id}, ${at}, 'due', ${part?.detail ?? ''})`;
  await tx`
    insert into exchange.pull_member (pull_id, submitted_id, member_id, other_coverage_id, consent_id, policy)
    select ${id}, * from unnest(${members.map((m) => m.submittedId)}::text[], ${members.map((m) => m.memberId)}::text[],
      ${members.map((m) => m.otherCoverageId)}::text[], ${members.map((m) => m.consentId)}::text[], ${members.map((m) => m.policy)}::text[])`;
  return id;
}
