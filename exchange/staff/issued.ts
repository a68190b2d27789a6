// /staff/reports: compliance reports that were issued, each with the hash of the one before; one of them as page, CSV
// and signed JSON; what is reported differently since, and what was reported differently in another one.
import { html } from '../../src/ui/html.ts';
import { timeText } from '../../src/ui/time.ts';
import {
  coverOf,
  findIssued,
  issuedBefore,
  issuedFaults,
  issuedReports,
  issueReport,
  reportTitle,
  tablesOf,
  type WholeReport,
} from '../compliance/evidence/issue-report.ts';
import { complianceReport } from '../compliance/report/compliance.ts';
import { complianceChanges } from '../compliance/report/compliance-changes.ts';
import { coverTable } from '../compliance/report/cover-table.ts';
import { readPeriod } from '../compliance/report/period.ts';
import { LINES_OF_BUSINESS } from '../members/deadlines/rules.ts';
import { peerLines } from './data/lists.ts';
import { peopleIn, withPeople } from './data/people.ts';
import { timeCell } from './data/texts.ts';
import { problem, withQuery } from './frame.ts';
import { cut, rowsOf } from './paging.ts';
import type { StaffRouter, Visit } from './router.ts';

const PATH = '/staff/reports';
const NOT_ISSUED = {
  future: 'The period has not begun: there is nothing to report of it.',
  'no-key': 'Reports are issued by the Node process of this plan, which has the key that signs them.',
} as const;
/** So much of a hash tells two apart. */
const SHORT_HASH = 16;

/** The number that an address names. */
const numberOf = (text: string | undefined): number | undefined => {
  const found = /^[1-9]\d{0,8}$/.exec(text ?? '')?.[0];
  return found === undefined ? undefined : Number(found);
};

export function issued(router: StaffRouter): void {
  const { deps } = router;
  const { sql } = deps.database;
  const { timeZone } = deps.config;

  router.page(PATH, 'counts', async (visit) => {
    const found = await issuedReports(sql, rowsOf(visit.c) + 1, numberOf(visit.c.req.query('after')));
    const { rows, last } = cut(found, rowsOf(visit.c));
    return router.show(visit, {
      title: 'Issued reports',
      place: 'compliance',
      trail: [['/staff/compliance', 'Compliance']],
      lead: [
        'Reports as they were issued and signed, when someone issued them, newest first. Each has the SHA-256 of the one before on its cover, so that none can be changed or left out unseen. A report is issued from its page under Compliance.',
      ],
      tables: [
        {
          name: 'reports',
          caption: 'Reports',
          columns: [
            { key: 'number', label: 'No.', kind: 'head' },
            { key: 'period', label: 'Period' },
            { key: 'lob', label: 'Line of business' },
            { key: 'payer', label: 'Payer' },
            { key: 'at', label: 'Issued' },
            { key: 'by', label: 'By' },
            { key: 'sha256', label: 'SHA-256' },
            { key: 'previous', label: 'Of the one before' },
          ],
          rows: rows.map((r) => [
            { value: r.number, href: `${PATH}/${r.number}` },
            { value: r.period },
            { value: r.lob, text: lobName(r.lob) },
            { value: r.peerId, text: r.peerName ?? r.peerId ?? 'all' },
            timeCell(r.at, timeZone),
            { value: r.bySubject },
            { value: r.sha256, text: `${r.sha256.slice(0, SHORT_HASH)}…`, code: true },
            r.previousSha256 === null
              ? { value: null, text: 'none' }
              : { value: r.previousSha256, text: `${r.previousSha256.slice(0, SHORT_HASH)}…`, code: true },
          ]),
          empty: 'No report has been issued yet.',
        },
      ],
      next: last && withQuery(visit.c.req.url, { after: String(last.number) }),
    });
  });

  router.form(PATH, 'sign', async (visit, form) => {
    const period = readPeriod(form.get('period') ?? '');
    const [lob, peerId] = [form.get('lob') || undefined, form.get('peer') || undefined];
    const refuse = (text: string) => problem(visit.c, deps, 400, 'Not issued', text, visit.session);
    if (!period) return refuse('The form names no period. Open the report again and issue it from there.');
    if (lob !== undefined && !Object.hasOwn(LINES_OF_BUSINESS, lob))
      return refuse('There is no such line of business.');
    if (peerId !== undefined && !(await peerLines(sql)).some((p) => p.id === peerId))
      return refuse('There is no such payer.');
    const scope = { period, ...(lob === undefined ? {} : { lob }), ...(peerId === undefined ? {} : { peerId }) };
    const { subject, development: isDevelopment } = visit.session;
    const done = await issueReport(deps, scope, { kind: 'staff', subject, requestId: visit.requestId, isDevelopment });
    return typeof done === 'number' ? visit.c.redirect(`${PATH}/${done}`, 303) : refuse(NOT_ISSUED[done]);
  });

  const reportOf = async (visit: Visit): Promise<WholeReport | undefined> => {
    const number = numberOf(visit.c.req.param('number'));
    return number === undefined ? undefined : findIssued(sql, number);
  };

  router.page(`${PATH}/:number`, 'counts', async (visit) => {
    const r = await reportOf(visit);
    if (!r) return router.notFound(visit, 'There is no such report.');
    const { cover, summary } = coverOf(r);
    const [faults, nameOf, before] = await Promise.all([
      issuedFaults(deps, r),
      peopleIn(sql, [r.bySubject], r.at),
      issuedBefore(sql, r),
    ]);
    await router.viewed(visit, 'issued-report', `issued-report/${r.number}`, [], 0);
    return router.show(visit, {
      title: `Report No. ${r.number}: ${reportTitle({ name: r.period })}`,
      place: 'compliance',
      trail: [
        ['/staff/compliance', 'Compliance'],
        [PATH, 'Issued reports'],
      ],
      lead: [
        faults.length === 0
          ? 'As it was issued and signed when it was issued. It stands as it was signed, and follows the report before it.'
          : `This report does not stand as it was issued: ${faults.join(' ')}`,
        ...summary,
      ],
      before: html`<p class="controls"><a href="${PATH}/${r.number}/changes">Changes since it was issued</a> · ${before === undefined ? '' : html`<a href="${PATH}/${r.number}/changes?with=${before}">What changed since No. ${before}</a> · `}<a href="${withQuery(visit.c.req.url, { format: 'json' })}">Signed JSON</a> · <a href="${withQuery(visit.c.req.url, { format: 'csv' })}">CSV of all tables</a></p>
        <p>The JSON is the signed document. <code>payer-node evidence verify FILE --keys KEYS</code> proves it without this node; <code>payer-node evidence keys</code> prints the keys.</p>`,
      tables: [
        coverTable(
          cover,
          {
            issued: { number: r.number, at: r.at, by: nameOf(r.bySubject), sha256: r.sha256 },
            contentSha256: r.contentSha256,
            previous: r.previousSha256 === null ? null : { number: r.number - 1, sha256: r.previousSha256 },
          },
          timeZone,
        ),
        ...tablesOf(r),
      ],
      document: r.document,
    });
  });

  /** Two reports as they were issued. @param asked number of the earlier one, as the address has it */
  const compared = async (visit: Visit, r: WholeReport, asked: string) => {
    const number = numberOf(asked);
    const other = number === undefined ? undefined : await findIssued(sql, number);
    if (!other) return router.notFound(visit, 'There is no such report to compare with.');
    const unlike = other.lob === r.lob && other.peerId === r.peerId ? [] : [UNLIKE];
    return router.show(visit, {
      title: `What changed, report No. ${other.number} to No. ${r.number}`,
      place: 'compliance',
      trail: trailTo(r),
      lead: [
        `Every figure and every row that is not the same in report No. ${other.number} (${reportTitle({ name: other.period })}, issued ${timeText(other.at, timeZone)}) and in No. ${r.number} (${reportTitle({ name: r.period })}, issued ${timeText(r.at, timeZone)}), as both were issued. What stands in one of them alone has a dash beside it.`,
        ...unlike,
      ],
      before: comparison(r, other.number),
      tables: [complianceChanges(tablesOf(other), tablesOf(r), [`No. ${other.number}`, `No. ${r.number}`])],
    });
  };

  router.page(`${PATH}/:number/changes`, 'counts', async (visit) => {
    const r = await reportOf(visit);
    const period = r && readPeriod(r.period);
    if (!r || !period) return router.notFound(visit, 'There is no such report.');
    const asked = visit.c.req.query('with') ?? '';
    if (asked !== '') return compared(visit, r, asked);
    const report = await complianceReport(deps, {
      period,
      ...(r.lob === null ? {} : { lob: r.lob }),
      ...(r.peerId === null ? {} : { peerId: r.peerId }),
    });
    const now = await withPeople(sql, report.tables, deps.clock());
    return router.show(visit, {
      title: `Report No. ${r.number} and today’s figures`,
      place: 'compliance',
      trail: trailTo(r),
      lead: [
        `Every figure and every row of ${r.period} that differs today from when report No. ${r.number} was issued: what was recorded since about the period, and what was not due by then.`,
      ],
      before: comparison(r, undefined),
      tables: [complianceChanges(tablesOf(r), now, [`No. ${r.number}`, 'today'])],
    });
  });
}

const UNLIKE = 'The two are not about the same line of business and payer: most of what differs comes of that.';

const trailTo = (r: WholeReport): [string, string][] => [
  ['/staff/compliance', 'Compliance'],
  [PATH, 'Issued reports'],
  [`${PATH}/${r.number}`, `No. ${r.number}`],
];

/** @param other number of the report that it is compared with; undefined: what is reported today */
const comparison = (r: WholeReport, other: number | undefined) =>
  html`<form class="filter" method="get" action="${PATH}/${r.number}/changes"><label>Compared with report No. (empty: today’s figures) <input name="with" inputmode="numeric" value="${other ?? ''}" size="8"></label><button>Show</button></form>`;

function lobName(code: string | null): string {
  if (code === null) return 'all';
  return Object.hasOwn(LINES_OF_BUSINESS, code) ? LINES_OF_BUSINESS[code as keyof typeof LINES_OF_BUSINESS].name : code;
}
