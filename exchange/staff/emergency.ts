// /staff/emergency: administrators open the records of members for an hour, with a reason; everybody sees who did, and why.
import { cookieNames, readCookie } from '../../src/auth/staff-session.ts';
import { html } from '../../src/ui/html.ts';
import {
  beginEmergency,
  EMERGENCY_MINUTES,
  EMERGENCY_REASON,
  emergencies,
  endEmergency,
} from '../compliance/access-log/emergency-access.ts';
import { numberCell, timeCell } from './data/texts.ts';
import { problem } from './frame.ts';
import { actionForm } from './peer-forms.ts';
import { may } from './roles.ts';
import type { StaffRouter } from './router.ts';

const SHOWN_DAYS = 3653;

export function emergency(router: StaffRouter): void {
  const { deps } = router;
  const { timeZone, baseUrl } = deps.config;

  router.page('/staff/emergency', 'counts', async (visit) => {
    const { session } = visit;
    const all = await emergencies(deps, SHOWN_DAYS);
    const isAdmin = may(session, 'peers');
    return router.show(visit, {
      title: 'Emergency access',
      place: 'events',
      trail: [['/staff/events', 'Security']],
      lead: [
        `Administrators see no member. When someone has to and no reviewer is there, one of them opens the records of members for ${EMERGENCY_MINUTES} minutes, with a reason. An alert stands meanwhile, each look is recorded, and it stands here and in the compliance report. Nothing can be decided by it.`,
      ],
      tables: [
        {
          name: 'emergencies',
          caption: 'Emergency access',
          columns: [
            { key: 'began', label: 'Opened', kind: 'head' },
            { key: 'person', label: 'By' },
            { key: 'reason', label: 'Reason' },
            { key: 'until', label: 'Until' },
            { key: 'state', label: 'State' },
            { key: 'members', label: 'Members looked at', kind: 'number' },
          ],
          rows: all.map((e) => [
            timeCell(e.beganAt, timeZone),
            { value: e.subject },
            { value: e.reason },
            timeCell(e.untilAt, timeZone),
            e.isOpen ? { value: 'open', tone: 'act' as const } : { value: 'over' },
            numberCell(e.members),
          ]),
          empty: 'It was never used.',
        },
      ],
      after: !isAdmin
        ? ''
        : session.emergency === null
          ? html`<section class="box"><h2>Open it</h2>${actionForm(
              session,
              '/staff/emergency/begin',
              `Open for ${EMERGENCY_MINUTES} minutes`,
              html`<p><label for="e-reason">What has happened</label><textarea id="e-reason" name="reason" rows="3" maxlength="1000" required></textarea></p>`,
            )}</section>`
          : html`<section class="box"><h2>End it</h2>${actionForm(session, '/staff/emergency/end', 'End it now')}</section>`,
    });
  });

  router.form(
    '/staff/emergency/begin',
    'peers',
    async (visit, form) => {
      const cookie = readCookie(visit.c.req.header('cookie'), cookieNames(baseUrl).session) ?? '';
      const begun = await beginEmergency(deps, visit.session, cookie, form.get('reason') ?? '', visit.requestId);
      return begun
        ? visit.c.redirect('/staff/emergency', 303)
        : problem(visit.c, deps, 400, 'Not opened', EMERGENCY_REASON, visit.session);
    },
    { needsStepUp: true },
  );

  // it closes a door: that waits for no password
  router.form('/staff/emergency/end', 'peers', async (visit) =>
    (await endEmergency(deps, visit.session, visit.requestId))
      ? visit.c.redirect('/staff/emergency', 303)
      : problem(visit.c, deps, 404, 'Not done', 'None of yours is open.', visit.session),
  );
}
