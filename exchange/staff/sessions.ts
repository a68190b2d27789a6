// /staff/sessions: who is signed in, for administrators, who may end it; and where the identity provider tells that someone has signed out.
import { readLogout } from '../../src/auth/staff-logout.ts';
import { SignInRefused } from '../../src/auth/staff-oidc.ts';
import { route } from '../../src/http/fhir-app.ts';
import { readForm } from '../../src/http/form.ts';
import { html } from '../../src/ui/html.ts';
import { closeSessionsOf, closeSignedOut, signedIn } from './data/sessions.ts';
import { numberCell, timeCell } from './data/texts.ts';
import { problem } from './frame.ts';
import { actionForm } from './peer-forms.ts';
import type { StaffRouter } from './router.ts';

const NO_STORE = { 'cache-control': 'no-store' };

export function sessions(router: StaffRouter): void {
  const { deps, app } = router;
  const { timeZone } = deps.config;

  router.page('/staff/sessions', 'peers', async (visit) => {
    const people = await signedIn(deps.database.sql, deps.clock());
    return router.show(visit, {
      title: 'Who is signed in',
      place: 'events',
      trail: [['/staff/events', 'Security']],
      lead: [
        'People with a session that has not ended. A session keeps the roles that it began with. Anyone who has lost some since keeps them no longer once their sessions are ended here.',
      ],
      tables: [
        {
          name: 'people',
          caption: 'People',
          columns: [
            { key: 'person', label: 'Person', kind: 'head' },
            { key: 'roles', label: 'Roles' },
            { key: 'sessions', label: 'Sessions', kind: 'number' },
            { key: 'since', label: 'Since' },
            { key: 'used', label: 'Last used' },
          ],
          rows: people.map((p) => [
            { value: p.subject },
            { value: p.roles.join(', ') },
            numberCell(p.sessions),
            timeCell(p.since, timeZone),
            timeCell(p.seenAt, timeZone),
          ]),
          empty: 'No one is signed in.',
        },
      ],
      after: html`<section class="box"><h2>End sessions</h2>${people.map((p) =>
        actionForm(
          visit.session,
          '/staff/sessions/end',
          `End those of ${p.name}`,
          html`<input type="hidden" name="subject" value="${p.subject}"><p class="hint">${p.subject}</p>`,
        ),
      )}</section>`,
    });
  });

  // it closes a door: that waits for no password
  router.form('/staff/sessions/end', 'peers', async (visit, form) => {
    const subject = form.get('subject') ?? '';
    const ended = await closeSessionsOf(deps, subject, visit.session, visit.requestId);
    if (ended === 0)
      return problem(visit.c, deps, 404, 'Not done', 'This person has no session any more.', visit.session);
    return visit.c.redirect('/staff/sessions', 303);
  });

  app.post('/staff/sign-in/back-channel-logout', async (c) => {
    route(c, '/staff/sign-in/back-channel-logout');
    if (deps.config.staffOidcIssuer === undefined) return problem(c, deps, 404, 'Not found', 'There is no such page.');
    const token = (await readForm(c))?.get('logout_token');
    if (token == null) return c.json({ error: 'invalid_request' }, 400, NO_STORE);
    let reason = 'replay';
    try {
      if (await closeSignedOut(deps, await readLogout(deps, token), c.get('requestId')))
        return c.body(null, 200, NO_STORE);
    } catch (error) {
      if (!(error instanceof SignInRefused)) throw error;
      reason = error.fault;
    }
    deps.log('warn', 'sign-out at the provider refused', { reason, requestId: c.get('requestId') });
    // 400 whatever it is, by section 2.8
    const error = reason === 'provider-away' ? 'temporarily_unavailable' : 'invalid_request';
    return c.json({ error }, 400, NO_STORE);
  });
}
