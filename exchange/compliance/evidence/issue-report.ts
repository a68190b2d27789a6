// A compliance report is issued: kept as it is reported now, signed, with a number and the SHA-256 of the one that was
// issued before. What is reported later may differ; this does not.
import type { JWK } from 'jose';
import type { Deps } from '../../../src/deps.ts';
import { Outcome } from '../../../src/fhir/outcome.ts';
import { html, Safe } from '../../../src/ui/html.ts';
import type { Table } from '../../../src/ui/table.ts';
import { withPeople } from '../../staff/data/people.ts';
import { auditRow, writeAudit } from '../audit/audit.ts';
import { type ComplianceScope, complianceReport, notSplit } from '../report/compliance.ts';
import { instantsOf } from '../report/period.ts';
import { inSnapshot } from './evidence-rows.ts';
import {
  addIssued,
  findIssued,
  type IssuedReport,
  issuedBefore,
  issuedReports,
  lastIssuedAlone,
  type WholeReport,
} from './issued-report.ts';
import {
  contentHashOf,
  documentOf,
  reportContent,
  reportDocument,
  reportTitle,
  verifyReport,
} from './report-document.ts';

export type { IssuedReport, WholeReport };
export { findIssued, issuedBefore, issuedReports, reportTitle };

type Needs = Pick<Deps, 'database' | 'keys' | 'clock' | 'config'>;
export type Issuer = { kind: 'staff' | 'command'; subject: string; requestId: string; isDevelopment?: boolean };

/**
 * Makes the report of all rows of one instant, and keeps it.
 * @returns `future` when the period has not begun, `no-key` in a process that has no evidence key
 */
export async function issueReport(
  deps: Needs,
  scope: ComplianceScope,
  by: Issuer,
): Promise<number | 'future' | 'no-key'> {
  const at = deps.clock();
  if (instantsOf(scope.period, deps.config.timeZone).from > at) return 'future';
  if (!(await hasEvidenceKey(deps))) return 'no-key';
  const reader = deps.database.dedicated('work');
  const report = await inSnapshot(reader, async (tx) => {
    const made = await complianceReport({ ...deps, database: { sql: tx }, clock: () => at }, scope);
    return { ...made, tables: await withPeople(tx, made.tables, at) };
  }).finally(() => reader.end({ timeout: 5 }));
  const content = reportContent(report, reportTitle(scope.period), notSplit(scope));
  return deps.database.sql.begin(async (tx) => {
    const before = await lastIssuedAlone(tx);
    const number = (before?.number ?? 0) + 1;
    const { text, sha256, contentSha256 } = await reportDocument(deps, content, {
      number,
      generatedAt: at.toISOString(),
      issuedBy: by.subject,
      previous: before ? { number: before.number, sha256: before.sha256 } : null,
    });
    await addIssued(tx, {
      number,
      at,
      byKind: by.kind,
      bySubject: by.subject,
      period: scope.period.name,
      first: scope.period.first,
      last: scope.period.last,
      lob: scope.lob ?? null,
      peerId: scope.peerId ?? null,
      contentSha256,
      sha256,
      previousSha256: before?.sha256 ?? null,
      document: text,
      tables: tablesText(report.tables),
    });
    await writeAudit(tx, [
      auditRow({
        at,
        actorKind: by.kind,
        actor: by.subject,
        action: 'report-issued',
        object: `issued-report/${number}`,
        ...(scope.peerId === undefined ? {} : { peerId: scope.peerId }),
        requestId: by.requestId,
        detail: {
          period: scope.period.name,
          ...(scope.lob === undefined ? {} : { lob: scope.lob }),
          sha256,
          previous: before?.sha256 ?? '',
          ...(by.isDevelopment === true ? { dev: true } : {}),
        },
      }),
    ]);
    return number;
  }) as Promise<number>;
}

async function hasEvidenceKey(deps: Pick<Deps, 'keys'>): Promise<boolean> {
  try {
    await deps.keys.signing('evidence');
    return true;
  } catch (error) {
    if (error instanceof Outcome && error.status === 503) return false;
    throw error;
  }
}

/** Notes are markup of ours. */
type Kept = Omit<Table, 'note'> & { note?: string };
const tablesText = (tables: readonly Table[]): string =>
  JSON.stringify(
    tables.map(({ note, ...t }): Kept => ({ ...t, ...(note === undefined ? {} : { note: html`${note}`.markup }) })),
  );

/** What the cover of an issued report says, and its lead; nothing of a document that is none any more. */
export function coverOf(r: Pick<WholeReport, 'document'>): { cover: [string, string][]; summary: string[] } {
  const { cover = {}, summary = [] } = documentOf(r.document) ?? {};
  return { cover: Object.entries(cover), summary };
}

/** The tables of the page of an issued report. */
export const tablesOf = (r: Pick<WholeReport, 'tables'>): Table[] =>
  (JSON.parse(r.tables) as Kept[]).map(({ note, ...t }) => ({
    ...t,
    ...(note === undefined ? {} : { note: new Safe(note) }),
  }));

/**
 * What is wrong with an issued report, in sentences; none: it stands as it was signed, follows the one before, and its
 * page says what was signed. Signatures are not judged by a process that has no evidence keys.
 */
export async function issuedFaults(deps: Needs, r: WholeReport): Promise<string[]> {
  const { faults, sha256, previous, number } = await verifyReport(r.document, await publicKeys(deps));
  const document = documentOf(r.document);
  if (document === undefined) return faults;
  const before = r.number === 1 ? undefined : await findIssued(deps.database.sql, r.number - 1);
  const { schema, title, summary, cover } = document;
  const shown = reportContent({ cover: Object.entries(cover), tables: tablesOf(r) }, title, summary);
  return [
    ...faults,
    ...(number === r.number && sha256 === r.sha256 ? [] : ['The document is that of another report.']),
    ...((previous?.sha256 ?? null) === (before?.sha256 ?? null) && (r.number === 1 || before)
      ? []
      : [`It does not follow report No. ${r.number - 1}.`]),
    ...(contentHashOf({ ...shown, schema }) === r.contentSha256 ? [] : ['The page does not say what was signed.']),
  ];
}

/** Undefined where the process has none. */
export async function publicKeys(deps: Pick<Deps, 'keys'>): Promise<JWK[] | undefined> {
  try {
    return await deps.keys.published('evidence');
  } catch (error) {
    if (error instanceof Outcome && error.status === 503) return undefined;
    throw error;
  }
}

/** The report as it is now, of the tables of a page, as a signed document without a number. */
export async function reportNow(
  deps: Needs,
  scope: ComplianceScope,
  report: { cover: readonly (readonly [string, string])[]; tables: readonly Table[] },
): Promise<{ text: string; contentSha256: string; last: IssuedReport | undefined }> {
  const [last] = await issuedReports(deps.database.sql, 1);
  const content = reportContent(report, reportTitle(scope.period), notSplit(scope));
  const made = await reportDocument(deps, content, {
    number: null,
    generatedAt: deps.clock().toISOString(),
    previous: last ? { number: last.number, sha256: last.sha256 } : null,
  });
  return { ...made, last };
}
