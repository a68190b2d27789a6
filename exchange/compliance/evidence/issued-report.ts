// Compliance reports that were issued, one after the other.

import { and, desc, eq, sql as expression, getColumns, lt } from 'drizzle-orm';
import type { Queryable } from '../../../src/db/database.ts';
import { orm } from '../../../src/db/orm.ts';
import { peer } from '../../peers/schema.ts';
import { issuedReport } from '../schema.ts';

type Row = typeof issuedReport.$inferSelect;
export type IssuedReport = Omit<Row, 'document' | 'tables' | 'firstDay' | 'lastDay'> & {
  /** YYYY-MM-DD */
  first: string;
  last: string;
  peerName: string | null;
};
/** With the signed document, and the tables of its page as JSON. */
export type WholeReport = IssuedReport & { document: string; tables: string };

/** Keeps a second report from taking the same number for the length of a transaction. */
const ISSUE_LOCK = 7_206_024;

const { document, tables, firstDay: first, lastDay: last, ...others } = getColumns(issuedReport);
const columns = { ...others, first, last, peerName: peer.name };

/** The newest first. issued_report_pkey. @param before only those with a smaller number */
export async function issuedReports(sql: Queryable, most: number, before?: number): Promise<IssuedReport[]> {
  return orm(sql)
    .select(columns)
    .from(issuedReport)
    .leftJoin(peer, eq(peer.id, issuedReport.peerId))
    .where(before === undefined ? undefined : lt(issuedReport.number, before))
    .orderBy(desc(issuedReport.number))
    .limit(most);
}

/** issued_report_pkey. */
export async function findIssued(sql: Queryable, number: number): Promise<WholeReport | undefined> {
  const [row] = await orm(sql)
    .select({ ...columns, document, tables })
    .from(issuedReport)
    .leftJoin(peer, eq(peer.id, issuedReport.peerId))
    .where(eq(issuedReport.number, number));
  return row;
}

/**
 * Number of the one before a report that was issued about the same line of business and payer, whatever its period.
 * issued_report_pkey, backwards.
 */
export async function issuedBefore(sql: Queryable, r: IssuedReport): Promise<number | undefined> {
  const { number, lob, peerId } = issuedReport;
  const isSame = expression`${lob} is not distinct from ${r.lob} and ${peerId} is not distinct from ${r.peerId}`;
  const [row] = await orm(sql)
    .select({ number })
    .from(issuedReport)
    .where(and(lt(number, r.number), isSame))
    .orderBy(desc(number))
    .limit(1);
  return row?.number;
}

/** The newest one, after which no other is issued until the transaction ends. */
export async function lastIssuedAlone(tx: Queryable): Promise<IssuedReport | undefined> {
  await tx`select pg_advisory_xact_lock(${ISSUE_LOCK})`;
  return (await issuedReports(tx, 1))[0];
}

export async function addIssued(tx: Queryable, r: Omit<WholeReport, 'peerName'>): Promise<void> {
  await orm(tx)
    .insert(issuedReport)
    .values({ ...r, firstDay: r.first, lastDay: r.last });
}
