// /staff/retention: how long what is kept, and legal holds, which administrators place and lift.
import { html } from '../../src/ui/html.ts';
import { HOLD_FAULTS, liftHold, placeHold } from '../compliance/retention/holds.ts';
import { retentionReport } from '../compliance/retention/retention-report.ts';
import { memberKeys } from '../members/member-key.ts';
import { peerLines } from './data/lists.ts';
import { memberCell, numberCell, timeCell } from './data/texts.ts';
import { problem } from './frame.ts';
import { actionForm } from './peer-forms.ts';
import { may } from './roles.ts';
import type { StaffRouter } from './router.ts';

export function holds(router: StaffRouter): void {
  const { deps } = router;
  const { timeZone } = deps.config;

  router.page('/staff/retention', 'counts', async (visit) => {
    const { kept, files, holds: all } = await retentionReport(deps);
    const keyOf = await memberKeys(deps);
    const { session } = visit;
    const isAdmin = may(session, 'peers');
    const standing = all.filter((h) => h.liftedAt === null);
    const peers = isAdmin ? await peerLines(deps.database.sql) : [];
    const named = (h: (typeof all)[number]): string =>
      h.memberId !== null ? keyOf(h.memberId) : (h.peerName ?? 'everything');
    return router.show(visit, {
      title: 'Retention and legal holds',
      place: 'compliance',
      trail: [['/staff/compliance', 'Compliance']],
      lead: [
        'What is removed when its time is over, and what stays. A legal hold overrides every time: nothing of what it is about is removed while it stands.',
      ],
      tables: [
        {
          name: 'holds',
          caption: 'Legal holds',
          columns: [
            { key: 'about', label: 'About', kind: 'head' },
            { key: 'state', label: 'State' },
            { key: 'reason', label: 'Reason' },
            { key: 'placed_at', label: 'Placed' },
            { key: 'placed_by', label: 'By' },
            { key: 'lifted_at', label: 'Lifted' },
            { key: 'lifted_by', label: 'By' },
            { key: 'lift_reason', label: 'Why' },
            { key: 'hold', label: 'Hold' },
          ],
          rows: all.map((h) => [
            h.memberId !== null
              ? memberCell(keyOf(h.memberId), h.memberId, may(session, 'rows'))
              : h.peerId !== null
                ? { value: h.peerId, text: h.peerName ?? h.peerId, href: `/staff/peers/${h.peerId}` }
                : { value: 'everything' },
            h.liftedAt === null ? { value: 'stands', tone: 'look' as const } : { value: 'lifted' },
            { value: h.reason },
            timeCell(h.placedAt, timeZone),
            { value: h.placedBy },
            timeCell(h.liftedAt, timeZone),
            h.liftedBy === null ? { value: null } : { value: h.liftedBy },
            { value: h.liftReason },
            { value: h.id, code: true },
          ]),
          empty: 'No legal hold was ever placed.',
        },
        {
          name: 'times',
          caption: 'How long what is kept',
          columns: [
            { key: 'what', label: 'What', kind: 'head' },
            { key: 'time', label: 'How long' },
            { key: 'stays', label: 'What stays' },
            { key: 'setting', label: 'Setting' },
          ],
          rows: kept.map((k) => [
            { value: k.what },
            { value: k.time },
            { value: k.stays },
            { value: k.setting ?? null, code: true },
          ]),
          empty: '',
        },
        {
          name: 'files',
          caption: 'Received files by now',
          columns: [
            { key: 'what', label: 'Pulls', kind: 'head' },
            { key: 'n', label: 'Value', kind: 'number' },
          ],
          rows: [
            [{ value: 'with their files' }, numberCell(files.kept)],
            [{ value: 'whose files went, as their time was over' }, numberCell(files.removed)],
            [{ value: 'whose files a hold keeps beyond their time' }, numberCell(files.held)],
            [{ value: 'whose files stay beyond their time, as someone has to decide' }, numberCell(files.needed)],
            [{ value: 'the next files go' }, timeCell(files.nextAt, timeZone)],
          ],
          empty: '',
        },
      ],
      after: isAdmin
        ? html`<section class="box"><h2>Place a hold</h2>${actionForm(
            session,
            '/staff/retention/place',
            'Place it',
            html`<p><label for="h-member">Member <span class="hint">– number, Patient id or key</span></label><input id="h-member" name="member" maxlength="100" autocomplete="off"></p>
<p><label for="h-peer">Other payer</label><select id="h-peer" name="peer"><option value="">none</option>${peers.map((p) => html`<option value="${p.id}">${p.name}</option>`)}</select></p>
<p><label><input type="checkbox" name="everything" value="yes"> Everything <span class="hint">– of all members and payers</span></label></p>
<p><label for="h-reason">Reason <span class="hint">– the matter, and who asked for it</span></label><textarea id="h-reason" name="reason" rows="3" maxlength="1000" required></textarea></p>`,
          )}</section>${
            standing.length === 0
              ? ''
              : html`<section class="box"><h2>Lift a hold</h2>${actionForm(
                  session,
                  '/staff/retention/lift',
                  'Lift it',
                  html`<p><label for="h-hold">Hold</label><select id="h-hold" name="hold" required>${standing.map((h) => html`<option value="${h.id}">${named(h)}: ${h.reason.slice(0, 80)}</option>`)}</select></p>
<p><label for="h-why">Why <span class="hint">– what it kept beyond its time goes within a day</span></label><textarea id="h-why" name="reason" rows="3" maxlength="1000" required></textarea></p>`,
                )}</section>`
          }`
        : html`<p class="hint">Administrators place and lift holds.</p>`,
    });
  });

  // it keeps what might go: that waits for no password
  router.form('/staff/retention/place', 'peers', async (visit, form) => {
    const typed = (name: string) => form.get(name) ?? '';
    const who = { kind: 'staff', subject: visit.session.subject, requestId: visit.requestId } as const;
    const said = {
      member: typed('member'),
      peer: typed('peer'),
      everything: form.get('everything') === 'yes',
      reason: typed('reason'),
    };
    const done = await placeHold(deps, said, who);
    if ('fault' in done) return problem(visit.c, deps, 400, 'Not placed', HOLD_FAULTS[done.fault], visit.session);
    return visit.c.redirect('/staff/retention', 303);
  });

  router.form(
    '/staff/retention/lift',
    'peers',
    async (visit, form) => {
      const who = { kind: 'staff', subject: visit.session.subject, requestId: visit.requestId } as const;
      const fault = await liftHold(deps, { id: form.get('hold') ?? '', reason: form.get('reason') ?? '' }, who);
      if (fault !== undefined)
        return problem(visit.c, deps, fault === 'unknown' ? 404 : 400, 'Not lifted', HOLD_FAULTS[fault], visit.session);
      return visit.c.redirect('/staff/retention', 303);
    },
    { needsStepUp: true },
  );
}
