// /staff/compliance: the report of a period; /staff/peers/:id/statement: what passed between a payer and us;
// /staff/questions: what auditors ask, and where it is answered.
import { html, type Part } from '../../src/ui/html.ts';
import { dayText } from '../../src/ui/time.ts';
import { reportNow } from '../compliance/evidence/issue-report.ts';
import { COVER_WORDS, complianceReport, notSplit } from '../compliance/report/compliance.ts';
import { complianceChanges } from '../compliance/report/compliance-changes.ts';
import { coverTable } from '../compliance/report/cover-table.ts';
import { type Period, periodBefore, quarterOf, readPeriod } from '../compliance/report/period.ts';
import { QUESTIONS } from '../compliance/report/questions.ts';
import { peerStatement } from '../compliance/report/statement.ts';
import { localDay } from '../members/deadlines/business-day.ts';
import { LINES_OF_BUSINESS } from '../members/deadlines/rules.ts';
import { toTell } from '../requester/report/peer-messages.ts';
import { peerLines } from './data/lists.ts';
import { withPeople } from './data/people.ts';
import { problem, withQuery } from './frame.ts';
import { inTheirWords } from './masking.ts';
import { actionForm } from './peer-forms.ts';
import { may } from './roles.ts';
import type { StaffRouter, Visit } from './router.ts';

export function compliance(router: StaffRouter): void {
  const { deps } = router;
  const { timeZone } = deps.config;
  const periodOf = (visit: Visit): Period | undefined =>
    readPeriod(visit.c.req.query('period') || quarterOf(localDay(deps.clock(), timeZone)));
  const noPeriod = (visit: Visit) =>
    problem(
      visit.c,
      deps,
      400,
      'No such period',
      'Write a year (2027), quarter (2027-Q1), month (2027-03), day (2027-03-31) or two days (2027-03-01/2027-03-31).',
      visit.session,
    );
  const periodField = (p: Period): Part =>
    html`<label>Period <span class="hint">such as 2027, 2027-Q1, 2027-03, 2027-03-31 or 2027-03-01/2027-03-31</span> <input name="period" value="${p.name}" size="24" required></label>`;
  /** To the same page a period earlier. */
  const earlier = (visit: Visit, p: Period): Part => {
    const { name } = periodBefore(p);
    return html`<a href="${withQuery(visit.c.req.url, { period: name })}">The period before: ${name}</a>`;
  };

  /** Of everything, one line of business or one payer; a text when there is none of that name. */
  const scopeOf = (visit: Visit, peers: readonly { id: string }[]): { peerId?: string; lob?: string } | string => {
    const peerId = visit.c.req.query('peer') || undefined;
    const lob = visit.c.req.query('lob') || undefined;
    if (peerId !== undefined && !peers.some((p) => p.id === peerId)) return 'There is no such payer.';
    if (lob !== undefined && !Object.hasOwn(LINES_OF_BUSINESS, lob)) return 'There is no such line of business.';
    return { ...(peerId === undefined ? {} : { peerId }), ...(lob === undefined ? {} : { lob }) };
  };
  const scopeFields = (
    peers: readonly { id: string; name: string }[],
    { peerId, lob }: { peerId?: string; lob?: string },
  ): Part => {
    const option = (value: string, label: string, chosen: string | undefined) =>
      html`<option value="${value}"${value === (chosen ?? '') ? html` selected` : ''}>${label}</option>`;
    return html`<label>Line of business <select name="lob">${option('', 'all', lob)}${Object.entries(LINES_OF_BUSINESS).map(([code, l]) => option(code, l.name, lob))}</select></label>
<label>Payer <select name="peer">${option('', 'all', peerId)}${peers.map((p) => option(p.id, p.name, peerId))}</select></label>`;
  };

  router.page('/staff/compliance', 'counts', async (visit) => {
    const period = periodOf(visit);
    if (!period) return noPeriod(visit);
    const peers = await peerLines(deps.database.sql);
    const of = scopeOf(visit, peers);
    if (typeof of === 'string') return router.notFound(visit, of);
    const scope = { period, ...of };
    const report = await complianceReport(deps, scope);
    await router.viewed(visit, 'compliance', `report/${period.name}`, [], report.tables.length);
    const tables = await withPeople(deps.database.sql, report.tables, deps.clock());
    const now = await reportNow(deps, scope, { cover: report.cover, tables });
    const hidden = { period: period.name, peer: of.peerId ?? '', lob: of.lob ?? '' };
    const changes = new URLSearchParams(hidden);
    const issue = may(visit.session, 'sign')
      ? actionForm(
          visit.session,
          '/staff/reports',
          'Issue this report',
          Object.entries(hidden).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`),
        )
      : '';
    return router.show(visit, {
      title: `Compliance, ${period.name}`,
      place: 'compliance',
      lead: [
        report.cover
          .map(([k, v]) => `${COVER_WORDS[k] ?? k}: ${v.split(' to ').map(dayText).join(' to ')}`)
          .join(' · '),
        ...notSplit(scope),
      ],
      before: html`<form class="filter" method="get" action="/staff/compliance">${periodField(period)}
${scopeFields(peers, of)}<button>Show</button></form>
<p class="controls"><a href="/staff/questions">What auditors ask, and where it is answered</a> · <a href="/staff/retention">Retention and legal holds</a> · <a href="/staff/cases">Cases</a> · <a href="/staff/restores">Restores of backups</a> · <a href="/staff/reports">Issued reports</a> · ${earlier(visit, period)} · <a href="/staff/compliance/changes?${changes.toString()}">What changed since that one</a>${of.peerId === undefined ? '' : html` · <a href="/staff/peers/${of.peerId}/statement?period=${period.name}">Statement of this payer</a>`}</p>${issue}`,
      tables: [
        ...tables,
        coverTable(
          report.cover,
          {
            contentSha256: now.contentSha256,
            previous: now.last ? { number: now.last.number, sha256: now.last.sha256 } : null,
          },
          timeZone,
        ),
      ],
      document: now.text,
    });
  });

  router.page('/staff/compliance/changes', 'counts', async (visit) => {
    const period = periodOf(visit);
    const before =
      period && (visit.c.req.query('with') ? readPeriod(visit.c.req.query('with') ?? '') : periodBefore(period));
    if (!period || !before) return noPeriod(visit);
    const peers = await peerLines(deps.database.sql);
    const of = scopeOf(visit, peers);
    if (typeof of === 'string') return router.notFound(visit, of);
    const [then, now] = [
      await complianceReport(deps, { period: before, ...of }, true),
      await complianceReport(deps, { period, ...of }, true),
    ];
    await router.viewed(visit, 'compliance', `report/${before.name}..${period.name}`, [], now.tables.length);
    return router.show(visit, {
      title: `What changed, ${before.name} to ${period.name}`,
      place: 'compliance',
      trail: [['/staff/compliance', 'Compliance']],
      lead: [
        'The reports of two periods, as they are reported today: every figure and every row that is not the same in both. What stands in one period alone has a dash beside it.',
        ...notSplit({ period, ...of }),
      ],
      before: html`<form class="filter" method="get" action="/staff/compliance/changes">${periodField(period)}
<label>Compared with <input name="with" value="${before.name}" size="24" required></label>
${scopeFields(peers, of)}<button>Show</button></form>`,
      tables: [complianceChanges(then.tables, now.tables, [before.name, period.name])],
    });
  });

  router.page('/staff/peers/:id/statement', 'counts', async (visit) => {
    const period = periodOf(visit);
    if (!period) return noPeriod(visit);
    const statement = await peerStatement(deps, visit.c.req.param('id') ?? '', period);
    if (!statement) return router.notFound(visit, 'There is no such payer.');
    return router.show(visit, {
      title: `Statement: ${statement.name}, ${period.name}`,
      place: 'peers',
      trail: [
        ['/staff/peers', 'Other payers'],
        [`/staff/peers/${visit.c.req.param('id') ?? ''}`, statement.name],
      ],
      lead: [
        'What this payer asked of us and what we asked of it, with times, sizes and the SHA-256 of files. It names no member.',
      ],
      before: html`<form class="filter" method="get">${periodField(period)}<button>Show</button></form><p class="controls">${earlier(visit, period)}</p>`,
      tables: [statement.table],
    });
  });

  router.page('/staff/peers/:id/to-tell', 'rows', async (visit) => {
    const period = periodOf(visit);
    if (!period) return noPeriod(visit);
    const id = visit.c.req.param('id') ?? '';
    const list = await toTell(deps, id, period);
    if (!list) return router.notFound(visit, 'There is no such payer.');
    await router.viewed(
      visit,
      'to-tell',
      `peer/${id}`,
      [],
      list.tables.reduce((n, t) => n + t.rows.length, 0),
    );
    return router.show(visit, {
      title: `To tell ${list.name}, ${period.name}`,
      place: 'peers',
      trail: [
        ['/staff/peers', 'Other payers'],
        [`/staff/peers/${id}`, list.name],
      ],
      lead: [
        'What to report to this payer, in its own ids: records that people decided to report, what its answers lacked, and which of its lines were kept out. Take the tables as CSV and send them over a channel that both sides trust; the download is in the audit.',
      ],
      before: html`<form class="filter" method="get">${periodField(period)}<button>Show</button></form><p class="controls">${earlier(visit, period)}</p>`,
      tables: list.tables.map((t) => inTheirWords(t, 'detail')),
    });
  });

  router.page('/staff/questions', 'counts', async (visit) =>
    router.show(visit, {
      title: 'What auditors ask',
      place: 'compliance',
      trail: [['/staff/compliance', 'Compliance']],
      lead: ['Each question with the place where it is answered. Periods and payers are chosen there.'],
      tables: [
        {
          name: 'questions',
          caption: 'Questions',
          columns: [
            { key: 'no', label: 'No.', kind: 'head' },
            { key: 'question', label: 'Question' },
            { key: 'where', label: 'Where' },
            { key: 'how', label: 'How' },
            { key: 'pack', label: 'In the evidence pack' },
          ],
          // who may not see members gets no link to their pages
          rows: QUESTIONS.map((q, i) => [
            { value: i + 1 },
            { value: q.question },
            { value: q.where, href: q.href },
            { value: q.how },
            { value: q.pack.join(', ') },
          ]),
          empty: '',
        },
      ],
    }),
  );
}
