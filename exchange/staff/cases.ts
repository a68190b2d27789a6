// /staff/cases: incidents as cases, each with what was found, done and reported of it, and by when someone has to be
// notified (45 CFR 164.404 to 164.408).
import { html, type Part } from '../../src/ui/html.ts';
import type { Cell } from '../../src/ui/table.ts';
import { dayText } from '../../src/ui/time.ts';
import {
  addToCase,
  CASE_FAULTS,
  CASE_KINDS,
  casesOf,
  ENTRY_WORDS,
  findCase,
  type IncidentCase,
  isOrigin,
  NOTIFIED_WORDS,
  openCase,
  VERDICT_WORDS,
} from '../compliance/incidents/cases.ts';
import { type Duty, NOTIFIED, owed, VERDICTS } from '../members/deadlines/breach.ts';
import { localDay } from '../members/deadlines/business-day.ts';
import { numberCell, timeCell } from './data/texts.ts';
import { problem, withQuery } from './frame.ts';
import { cut, rowsOf } from './paging.ts';
import { actionForm } from './peer-forms.ts';
import { may } from './roles.ts';
import type { StaffRouter, Visit } from './router.ts';

const PATH = '/staff/cases';
const DUTIES: Readonly<Record<Duty['of'], string>> = { assess: 'To be assessed: is it a breach?', ...NOTIFIED_WORDS };
const ORIGINS: Readonly<Record<string, (id: string) => string>> = {
  pull: (id) => `/staff/pulls/${id}`,
  item: (id) => `/staff/conflicts/${id}`,
  request: (id) => `/staff/requests/${id}`,
};

/** The number that an address names. */
const numberOf = (text: string | undefined): number | undefined =>
  /^[1-9]\d{0,8}$/.test(text ?? '') ? Number(text) : undefined;
const formFields = (form: URLSearchParams): Record<string, string> => Object.fromEntries(form);

export function cases(router: StaffRouter): void {
  const { deps } = router;
  const { timeZone } = deps.config;
  const today = () => localDay(deps.clock(), timeZone);
  const stateCell = ({ state }: IncidentCase): Cell =>
    !state.isOpen
      ? { value: 'closed' }
      : owed(state).some((d) => d.due < today())
        ? { value: 'overdue', tone: 'act' }
        : { value: 'open', tone: 'look' };
  const originCell = (origin: string): Cell => {
    const [kind = '', id = ''] = origin.split('/');
    const href = ORIGINS[kind]?.(id);
    return { value: origin === '' ? null : origin, code: true, ...(href === undefined ? {} : { href }) };
  };

  router.page(PATH, 'counts', async (visit) => {
    const { c, session } = visit;
    const from = c.req.query('from') || undefined;
    if (from !== undefined && !(await isOrigin(deps, from))) return router.notFound(visit, CASE_FAULTS.origin);
    const found = await casesOf(deps, { origin: from, before: numberOf(c.req.query('after')), most: rowsOf(c) + 1 });
    const { rows, last } = cut(found, rowsOf(c));
    return router.show(visit, {
      title: from === undefined ? 'Cases' : 'Cases of one event',
      place: 'compliance',
      trail: [['/staff/compliance', 'Compliance'], ...(from === undefined ? [] : [[PATH, 'Cases'] as const])],
      lead: [
        'Privacy and security incidents: what was opened, and by when it has to be assessed and, where it is a breach, people, HHS and media have to be notified: without unreasonable delay, and at most 60 days after it was discovered. An alert stands from two weeks before.',
      ],
      tables: [
        {
          name: 'cases',
          caption: 'Cases',
          columns: [
            { key: 'number', label: 'No.', kind: 'head' },
            { key: 'title', label: 'Title' },
            { key: 'kind', label: 'Kind' },
            { key: 'state', label: 'State' },
            { key: 'discovered', label: 'Discovered' },
            { key: 'opened', label: 'Opened' },
            { key: 'by', label: 'By' },
            { key: 'breach', label: 'Breach' },
            { key: 'affected', label: 'People', kind: 'number' },
            { key: 'next', label: 'Due next' },
            { key: 'due', label: 'At the latest' },
            { key: 'origin', label: 'Opened from' },
          ],
          rows: rows.map((k) => {
            const [next] = k.state.isOpen ? owed(k.state) : [];
            return [
              { value: k.number, text: `No. ${k.number}`, href: `${PATH}/${k.number}` },
              { value: k.title },
              { value: k.kind, text: CASE_KINDS[k.kind as keyof typeof CASE_KINDS] },
              stateCell(k),
              { value: k.discoveredOn },
              timeCell(k.openedAt, timeZone),
              { value: k.openedBy },
              k.state.verdict === null
                ? { value: null, text: 'not assessed' }
                : { value: k.state.verdict, text: k.state.verdict === 'breach' ? 'yes' : 'no' },
              k.state.affected === null ? { value: null } : numberCell(k.state.affected),
              next === undefined ? { value: null, text: 'nothing' } : { value: next.of, text: DUTIES[next.of] },
              { value: next?.due ?? null },
              originCell(k.origin),
            ];
          }),
          empty: from === undefined ? 'No case was ever opened.' : 'No case was opened of it.',
        },
      ],
      after: may(session, 'sign') ? openForm(visit, from) : '',
      next: last && withQuery(c.req.url, { after: String(last.number) }),
    });
  });

  const openForm = (visit: Visit, from: string | undefined): Part =>
    html`<section class="box" id="open"><h2>Open a case</h2>${actionForm(
      visit.session,
      PATH,
      'Open it',
      html`${from === undefined ? '' : html`<p>Of <code>${from}</code><input type="hidden" name="origin" value="${from}"></p>`}
<p><label for="c-title">Title <span class="hint">– without names of members: everybody signed in reads it</span></label><input id="c-title" name="title" required maxlength="200" autocomplete="off"></p>
<p><label for="c-kind">Kind</label><select id="c-kind" name="kind" required><option value="">choose one</option>${Object.entries(CASE_KINDS).map(([code, words]) => html`<option value="${code}">${words}</option>`)}</select></p>
<p><label for="c-discovered">Discovered on <span class="hint">– the first day on which anyone of the plan knew of it, or would have with care: the time to tell runs from it</span></label><input id="c-discovered" type="date" name="discovered" required max="${today()}"></p>
<p><label for="c-words">What has happened</label><textarea id="c-words" name="words" rows="4" maxlength="4000" required></textarea></p>`,
    )}</section>`;

  router.form(PATH, 'sign', async (visit, form) => {
    const done = await openCase(deps, formFields(form), visit);
    if ('fault' in done) return problem(visit.c, deps, 400, 'Not opened', CASE_FAULTS[done.fault], visit.session);
    return visit.c.redirect(`${PATH}/${done.number}`, 303);
  });

  router.page(`${PATH}/:number`, 'sign', async (visit) => {
    const k = await findCase(deps, numberOf(visit.c.req.param('number')) ?? 0);
    if (!k) return router.notFound(visit, CASE_FAULTS.unknown);
    const { state } = k;
    const at = today();
    await router.viewed(visit, 'case', `case/${k.number}`, [], k.entries.length);
    return router.show(visit, {
      title: `Case No. ${k.number}: ${k.title}`,
      place: 'compliance',
      trail: [
        ['/staff/compliance', 'Compliance'],
        [PATH, 'Cases'],
      ],
      lead: [
        `${CASE_KINDS[k.kind as keyof typeof CASE_KINDS]}. Discovered on ${dayText(k.discoveredOn)}. ${state.isOpen ? 'It is open.' : 'It is closed.'}`,
        ...(state.verdict === null
          ? []
          : [`${VERDICT_WORDS[state.verdict]}. It concerns ${state.affected ?? 0} people.`]),
      ],
      before: html`<p class="controls">${ORIGINS[k.origin.split('/')[0] ?? ''] === undefined ? '' : html`<a href="${originCell(k.origin).href}">What it was opened from</a> · `}<a href="/staff/compliance#t-disclosures">Who got what of whom</a></p>`,
      tables: [
        {
          name: 'duties',
          caption: 'By when what has to be done',
          columns: [
            { key: 'what', label: 'What', kind: 'head' },
            { key: 'due', label: 'At the latest' },
            { key: 'done', label: 'Done' },
            { key: 'state', label: 'State' },
          ],
          rows: state.duties.map((d) => [
            { value: d.of, text: DUTIES[d.of] },
            { value: d.due },
            { value: d.doneOn },
            d.doneOn !== null
              ? d.doneOn > d.due
                ? { value: 'late', tone: 'act' as const }
                : { value: 'met', tone: 'calm' as const }
              : d.due < at
                ? { value: 'overdue', tone: 'act' as const }
                : { value: 'open', tone: 'look' as const },
          ]),
          empty: 'No one has to be notified.',
        },
        {
          name: 'entries',
          caption: 'What was found, done and reported',
          columns: [
            { key: 'at', label: 'Written down', kind: 'head' },
            { key: 'by', label: 'By' },
            { key: 'what', label: 'What' },
            { key: 'on', label: 'Day' },
            { key: 'verdict', label: 'Breach' },
            { key: 'affected', label: 'People', kind: 'number' },
            { key: 'inOneState', label: 'Of one State', kind: 'number' },
            { key: 'words', label: 'In words' },
          ],
          rows: k.entries.map((e) => [
            timeCell(new Date(e.at), timeZone),
            { value: e.by },
            { value: e.what, text: ENTRY_WORDS[e.what] ?? e.what },
            { value: e.on },
            e.verdict === null
              ? { value: null }
              : { value: e.verdict, text: VERDICT_WORDS[e.verdict as keyof typeof VERDICT_WORDS] },
            e.affected === null ? { value: null } : numberCell(e.affected),
            e.inOneState === null ? { value: null } : numberCell(e.inOneState),
            { value: e.words },
          ]),
          empty: '',
        },
      ],
      after: state.isOpen ? entryForms(visit, k) : againForm(visit, k),
    });
  });

  const words = (id: string, label: string): Part =>
    html`<p><label for="${id}">${label}</label><textarea id="${id}" name="words" rows="3" maxlength="4000" required></textarea></p>`;
  const form = (visit: Visit, k: IncidentCase, title: string, button: string, inside: Part): Part =>
    html`<section class="box"><h2>${title}</h2>${actionForm(visit.session, `${PATH}/${k.number}`, button, inside)}</section>`;
  const againForm = (visit: Visit, k: IncidentCase): Part =>
    form(
      visit,
      k,
      'Open it again',
      'Open it again',
      html`<input type="hidden" name="what" value="reopened">${words('w-again', 'Why')}`,
    );
  const entryForms = (visit: Visit, k: IncidentCase): Part => [
    form(
      visit,
      k,
      'Write down what was found, done or reported',
      'Write it down',
      html`<p><label for="e-what">What</label><select id="e-what" name="what" required><option value="note">${ENTRY_WORDS['note']}</option>${NOTIFIED.map((t) => html`<option value="told-${t}">${ENTRY_WORDS[`told-${t}`]}</option>`)}<option value="delayed">${ENTRY_WORDS['delayed']}</option></select></p>
<p><label for="e-on">Day <span class="hint">– on which they were notified, or the last one of the time to wait</span></label><input id="e-on" type="date" name="on"></p>${words('w-entry', 'In words')}`,
    ),
    form(
      visit,
      k,
      k.state.verdict === null ? 'Assess it' : 'Assess it again',
      'Write it down',
      html`<input type="hidden" name="what" value="assessed"><p><label for="a-verdict">Breach <span class="hint">– by the nature of the records, who got them, whether they were seen, and what was done since (164.402)</span></label><select id="a-verdict" name="verdict" required><option value="">choose one</option>${VERDICTS.map((v) => html`<option value="${v}">${VERDICT_WORDS[v]}</option>`)}</select></p>
<p><label for="a-affected">People whom it concerns</label><input id="a-affected" name="affected" inputmode="numeric" required maxlength="10"></p>
<p><label for="a-state">Of them, in the State with most</label><input id="a-state" name="state" inputmode="numeric" required maxlength="10"></p>${words('w-assess', 'Why')}`,
    ),
    k.state.verdict !== null && owed(k.state).length === 0
      ? form(
          visit,
          k,
          'Close it',
          'Close it',
          html`<input type="hidden" name="what" value="closed">${words('w-close', 'Why, and what was learnt')}`,
        )
      : html`<p class="hint">${CASE_FAULTS.owed}</p>`,
  ];

  router.form(`${PATH}/:number`, 'sign', async (visit, typed) => {
    const number = numberOf(visit.c.req.param('number')) ?? 0;
    const fault = await addToCase(deps, number, formFields(typed), visit);
    if (fault === undefined) return visit.c.redirect(`${PATH}/${number}`, 303);
    const status = fault === 'unknown' ? 404 : fault === 'closed' || fault === 'open' ? 409 : 400;
    return problem(visit.c, deps, status, 'Not written down', CASE_FAULTS[fault], visit.session);
  });
}
