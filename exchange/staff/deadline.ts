// /staff/clocks/:id: one duty, by which rule and calendar it was due, and why it was late.
import { html, type Part } from '../../src/ui/html.ts';
import type { Cell } from '../../src/ui/table.ts';
import { clockWithNotes, mayBeLate, noteClock } from '../members/deadlines/deadline-history.ts';
import { eventCell } from '../members/deadlines/event-texts.ts';
import { CLOCK_RULES, type ClockKind, LATE_REASONS } from '../members/deadlines/rules.ts';
import { memberKeys } from '../members/member-key.ts';
import { meaning } from '../reconcile/reasons.ts';
import { clockCell, memberCell, timeCell } from './data/texts.ts';
import { readReason, reasonFields } from './deadline-reasons.ts';
import { csrfField } from './frame.ts';
import { faultList } from './peer-forms.ts';
import { may } from './roles.ts';
import type { StaffRouter, Visit } from './router.ts';

const PATH = '/staff/clocks/:id';

/** What people said last, else what ended it: as in the lists. */
const reasonCell = (reason: string | null): Cell =>
  reason === null
    ? { value: null }
    : { value: reason, text: LATE_REASONS[reason as keyof typeof LATE_REASONS] ?? meaning('clock', reason).text };

export function clock(router: StaffRouter): void {
  const { deps } = router;
  const { timeZone } = deps.config;

  const page = async (visit: Visit, note: Part = '', typed?: URLSearchParams) => {
    const found = await clockWithNotes(deps, visit.c.req.param('id') ?? '');
    if (!found) return router.notFound(visit, 'There is no such clock.');
    const k = found.clock;
    const rule = CLOCK_RULES[k.kind as ClockKind];
    const keyOf = await memberKeys(deps);
    const row = (label: string, cell: Cell) => [{ value: label }, cell];
    if (k.memberId !== null) await router.viewed(visit, 'clock', `clock/${k.id}`, [k.memberId], 1);
    return router.show(visit, {
      title: rule?.name ?? k.kind,
      place: 'clocks',
      trail: [['/staff/clocks', 'Clocks']],
      lead: [],
      before: [
        note,
        may(visit.session, 'decide') && mayBeLate(k)
          ? html`<section class="box"><h2>${(k.closedAt ?? deps.clock()) > k.dueAt ? 'Why it was late' : 'Why it may become late'}</h2><form method="post" action="/staff/clocks/${k.id}">${csrfField(visit.session)}${reasonFields(k.kind, typed)}<p><button>Record it</button></p></form></section>`
          : '',
      ],
      tables: [
        {
          name: 'clock',
          caption: 'The duty',
          columns: [
            { key: 'what', label: 'What', kind: 'head' },
            { key: 'value', label: 'Value' },
          ],
          rows: [
            row('Kind', { value: k.kind, code: true }),
            row('Rule', { value: k.ruleRef }),
            row('Due by the rule', { value: rule?.due ?? null }),
            row('Fulfilled when', { value: rule?.stop ?? null }),
            row('Member', memberCell(k.memberId && keyOf(k.memberId), k.memberId, may(visit.session, 'rows'))),
            row('Other payer', { value: k.peerName }),
            row('About', { value: k.kind.startsWith('C3') ? k.subject : null, code: true }),
            [{ value: 'Started' }, timeCell(k.startsAt, timeZone)],
            [{ value: 'Started by' }, eventCell(k.startEvent)],
            [{ value: 'Due at' }, timeCell(k.dueAt, timeZone)],
            [{ value: 'Stands at' }, clockCell(k, deps.clock())],
            [{ value: 'Ended' }, timeCell(k.closedAt, timeZone)],
            [{ value: 'Ended by' }, eventCell(k.stopEvent)],
            row('Reason', reasonCell(found.notes[0]?.reason ?? k.reason)),
            row('Version of the rules', { value: k.ruleVersion }),
            row('Version of the calendar', { value: k.calendarVersion }),
            row('Time zone', { value: k.zone }),
          ],
          empty: '',
        },
        {
          name: 'notes',
          caption: 'Notes',
          columns: [
            { key: 'when', label: 'When', kind: 'head' },
            { key: 'by', label: 'By' },
            { key: 'reason', label: 'Reason' },
            { key: 'action', label: 'Corrective action' },
            { key: 'words', label: 'In words' },
          ],
          rows: found.notes.map((n) => [
            timeCell(n.at, timeZone),
            { value: n.by },
            { value: n.reason, text: LATE_REASONS[n.reason as keyof typeof LATE_REASONS] ?? n.reason },
            { value: n.correctiveAction === '' ? null : n.correctiveAction },
            { value: n.words === '' ? null : n.words },
          ]),
          empty: 'None.',
        },
      ],
    });
  };

  router.page(PATH, 'counts', (visit) => page(visit));
  router.form(PATH, 'decide', async (visit, form) => {
    const found = await clockWithNotes(deps, visit.c.req.param('id') ?? '');
    if (!found) return router.notFound(visit, 'There is no such clock.');
    const said = await noteClock(deps, visit.session, found.clock, readReason(form), visit.requestId);
    return said === undefined
      ? visit.c.redirect(`/staff/clocks/${found.clock.id}`, 303)
      : page(visit, faultList([said]), form);
  });
}
