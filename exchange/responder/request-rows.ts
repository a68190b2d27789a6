// What peers asked of us, for the staff pages: jobs with their due times, decisions in numbers, files.
import type { Queryable } from '../../src/db/database.ts';
import type { After, Between } from '../staff/data/list-rows.ts';

export type RequestLine = {
  id: string;
  kind: 'match' | 'export';
  peerId: string;
  peerName: string;
  state: string;
  receivedAt: Date;
  dueAt: Date;
  startedAt: Date | null;
  completedAt: Date | null;
  expiresAt: Date | null;
  /** set when it was answered; a job may be cancelled afterwards, when the asker has what it wanted */
  answeredAt: Date | null;
  groupId: string | null;
  counts: Record<string, number>;
  failure: string | null;
  /** how often it was begun */
  attempts: number;
  /** when it is begun again, while it waits after a failure */
  nextAt: Date | null;
};

const COLUMNS = `j.id, j.kind, j.peer_id as "peerId", p.name as "peerName", j.state, j.received_at as "receivedAt", j.due_at as "dueAt",
  j.started_at as "startedAt",
  j.completed_at as "completedAt", j.expires_at as "expiresAt",
  case when j.transaction_time is not null then j.completed_at end as "answeredAt", j.group_id as "groupId", j.counts, j.failure,
    j.attempts,
  case when j.state = 'queued' then j.lease_until end as "nextAt"`;

/** What job `j` counts as in the report of a period (theyAsked), as SQL; $3 is now. */
export const REQUEST_SHOWS = {
  answered: 'j.transaction_time is not null',
  'in-time': 'j.transaction_time is not null and j.completed_at <= j.due_at',
  cancelled: "j.state = 'cancelled' and j.transaction_time is null",
  overdue: "j.transaction_time is null and j.due_at < $3 and j.state in ('queued', 'running', 'failed')",
} as const;
/** `received`: those that came between. */
export type RequestFilter = {
  state?: string | undefined;
  peerId?: string | undefined;
  kind?: RequestLine['kind'] | undefined;
  show?: keyof typeof REQUEST_SHOWS | undefined;
  received?: Between | undefined;
};

/** Requests, newest first: by bulk_job_peer when a peer is named, else the jobs are sorted (thousands). */
export async function pageRequests(
  sql: Queryable,
  filter: RequestFilter,
  now: Date,
  limit: number,
  after?: After,
): Promise<RequestLine[]> {
  return [
    ...(await sql.unsafe<RequestLine[]>(
      `select ${COLUMNS} from exchange.bulk_job j join exchange.peer p on p.id = j.peer_id
       where ($1::text is null or j.state = $1) and ($2::text is null or j.peer_id = $2) and $3::timestamptz is not null
         and ($4::timestamptz is null or (j.received_at, j.id) < ($4::timestamptz, $5))
         and ($7::text is null or j.kind = $7) and ($8::timestamptz is null or (j.received_at >= $8 and j.received_at < $9::timestamptz))
         and ${filter.show === undefined ? 'true' : `(${REQUEST_SHOWS[filter.show]})`}
       order by j.received_at desc, j.id desc limit $6`,
      [
        filter.state ?? null,
        filter.peerId ?? null,
        now,
        after?.at ?? null,
        after?.id ?? null,
        limit,
        filter.kind ?? null,
        filter.received?.from ?? null,
        filter.received?.to ?? null,
      ],
    )),
  ];
}

/** Served by the primary key. */
export async function findRequest(sql: Queryable, id: string): Promise<RequestLine | undefined> {
  const [row] = await sql.unsafe<RequestLine[]>(
    `select ${COLUMNS} from exchange.bulk_job j join exchange.peer p on p.id = j.peer_id where j.id = $1`,
    [id],
  );
  return row;
}

export type DecisionCount = { outcome: string; reason: string; n: number };

/** What a bulk match decided, in numbers. Served by the primary key of match_member (job first). */
export async function countDecisions(sql: Queryable, jobId: string): Promise<DecisionCount[]> {
  return [
    ...(await sql<DecisionCount[]>`
      select outcome, reason, count(*)::int as n from exchange.match_member where job_id = ${jobId} group by outcome, reason
        order by outcome, reason`),
  ];
}

/** When each file of a request was first fetched, by its id. audit_file. */
export async function fetchedFiles(
  sql: Queryable,
  kind: RequestLine['kind'],
  jobId: string,
): Promise<Map<string, Date>> {
  const before = `${kind}/${jobId}`;
  const rows = await sql<{ object: string; at: Date }[]>`
    select object, min(at) as at from exchange.audit
    where action = 'file' and object ~>=~ ${`${before}/`} and object ~<~ ${`${before}0`} group by object`;
  return new Map(rows.map((r) => [r.object.slice(before.length + 1), r.at]));
}
