// The report of a pull for the command line: a page that stands alone (to print or to send), CSV or JSON. No names in it.
import { html, Safe } from '../../../src/ui/html.ts';
import { documentText } from '../../../src/ui/page.ts';
import { pageHeads } from '../../../src/ui/print.ts';
import { STYLE } from '../../../src/ui/style.ts';
import { tableHtml, tableJson, tablesCsv } from '../../../src/ui/table.ts';
import { timeText } from '../../staff/data/texts.ts';
import type { PullReport } from './pull-report.ts';
import { reportSummary, reportTables } from './report-tables.ts';

export const REPORT_FORMATS = ['html', 'csv', 'json'] as const;
export type ReportFormat = (typeof REPORT_FORMATS)[number];

/**
 * A report as one text. CSV: a row a value, under the columns `table,row,column,value`. JSON: the sentences and every
 * table as a list of objects. HTML: a document with its stylesheet inside.
 */
export function renderReport(report: PullReport, format: ReportFormat): string {
  const tables = reportTables(report);
  const summary = reportSummary(report);
  const title = `Pull from ${report.peer.name}`;
  if (format === 'csv') return tablesCsv(tables);
  if (format === 'json') return `${JSON.stringify(reportJson(report, title, summary, tables), null, 2)}\n`;
  const made = timeText(report.generatedAt, report.timeZone);
  return documentText({
    title,
    site: report.plan,
    style: html`<style>${new Safe(STYLE + pageHeads(`${report.plan} · ${title}`, `As of ${made}`))}</style>`,
    main: [html`<div class="lead">${summary.map((s) => html`<p>${s}</p>`)}</div>`, tables.map((t) => tableHtml(t))],
    footer: `${report.software}. All times: ${report.timeZone}.`,
  });
}

function reportJson(report: PullReport, title: string, summary: string[], tables: ReturnType<typeof reportTables>) {
  return {
    schema: report.schema,
    title,
    generatedAt: report.generatedAt.toISOString(),
    summary,
    tables: Object.fromEntries(tables.map((t) => [t.name, tableJson(t)])),
  };
}
