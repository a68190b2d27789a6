// Compliance reports that were issued, one after the other.
import type { Queryable } from '../../../src/db/database.ts';

export type IssuedReport = {
  number: number;
  at: Date;
  byKind: string;
  bySubject: string;
  period: string;
  /** YYYY-MM-DD */
  first: string;
  last: string;
  lob: string | null;
  peerId: string | null;
  peerName: string | null;
  contentSha256: string;
  sha256: string;
  previousSha256: string | null;
};
/** With the signed document, and the tables of its page as JSON. */
export type WholeReport = IssuedReport & { document: string; tables: string };

/** Keeps a second report from taking the same number for the length of a transaction. */
const ISSUE_LOCK = 7_206_024;

const COLUMNS = `r.number, r.at, r.by_kind as "byKind", r.by_subject as "bySubject", r.period, r.first_day::text as first, r.last_day::text as last, r.lob, r.peer_id as "peerId",
  p.name as "peerName", r.content_sha256 as "contentSha256", r.sha256, r.previous_sha256 as "previousSha256"`;

/** The newest first. issued_report_pkey. @param before only those with a smaller number */
export async function issuedReports(sql: Queryable, most: number, before?: number): Promise<IssuedReport[]> {
  return [
    ...(await sql.unsafe<IssuedReport[]>(
      `select ${COLUMNS} from exchange.issued_report r left join exchange.peer p on p.id = r.peer_id
       where $2::int is null or r.number < $2 order by r.number desc limit $1`,
      [most, before ?? null],
    )),
  ];
}

/** issued_report_pkey. */
export async function findIssued(sql: Queryable, number: number): Promise<WholeReport | undefined> {
  const [row] = await sql.unsafe<WholeReport[]>(
    `select ${COLUMNS}, r.document, r.tables from exchange.issued_report r left join exchange.peer p on p.id = r.peer_id
      where r.number = $1`,
    [number],
  );
  return row;
}

/**
 * Number of the one before a report that was issued about the same line of business and payer, whatever its period.
 * issued_report_pkey, backwards.
 */
export async function issuedBefore(sql: Queryable, r: IssuedReport): Promise<number | undefined> {
  const [row] = await sql<{ number: number }[]>`
    select number from exchange.issued_report
    where number < ${r.number} and lob is not distinct from ${r.lob} and peer_id is not distinct from ${r.peerId}
    order by number desc limit 1`;
  return row?.number;
}

/** The newest one, after which no other is issued until the transaction ends. */
export async function lastIssuedAlone(tx: Queryable): Promise<IssuedReport | undefined> {
  await tx`select pg_advisory_xact_lock(${ISSUE_LOCK})`;
  return (await issuedReports(tx, 1))[0];
}

export async function addIssued(tx: Queryable, r: Omit<WholeReport, 'peerName'>): Promise<void> {
  await tx`
    insert into exchange.issued_report (number, at, by_kind, by_subject, period, first_day, last_day, lob, peer_id, content_sha256, sha256,
      previous_sha256, document, tables)
    values (${r.number}, ${r.at}, ${r.byKind}, ${r.bySubject}, ${r.period}, ${r.first}, ${r.last}, ${r.lob}, ${r.peerId},
      ${r.contentSha256}, ${r.sha256},
      ${r.previousSha256}, ${r.document}, ${r.tables})`;
}
