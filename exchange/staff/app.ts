// The staff pages at /staff: every page and form in one place. Server-rendered, without scripts.
import type { Hono } from 'hono';
import { type DevelopmentAccount, mayDevelop } from '../../src/auth/staff-development.ts';
import type { Deps } from '../../src/deps.ts';
import { Outcome } from '../../src/fhir/outcome.ts';
import { type AddressOf, describe, type FhirEnv, fhirApp, route } from '../../src/http/fhir-app.ts';
import { pageHeads } from '../../src/ui/print.ts';
import { STYLE } from '../../src/ui/style.ts';
import { looks } from './access-log.ts';
import { attachments } from './attachments.ts';
import { cases } from './cases.ts';
import { compliance } from './compliance.ts';
import { concurrent } from './concurrent.ts';
import { conflicts } from './conflicts.ts';
import { storeFailure } from './data/failure.ts';
import { clock } from './deadline.ts';
import { clockReasons } from './deadline-reasons.ts';
import { disclosures } from './disclosures.ts';
import { documents } from './documents.ts';
import { behind } from './drill-down.ts';
import { drills } from './drills.ts';
import { emergency } from './emergency.ts';
import { problem, staffHeaders } from './frame.ts';
import { holds } from './holds.ts';
import { issued } from './issued.ts';
import { lines } from './lines.ts';
import { lists } from './lists.ts';
import { matches } from './matches.ts';
import { onePerson } from './member-merge.ts';
import { members } from './members.ts';
import { peers } from './peers.ts';
import { pull } from './pull.ts';
import { pulls } from './pulls.ts';
import { reasons } from './reasons.ts';
import { record } from './record.ts';
import { requests } from './requests.ts';
import { StaffRouter } from './router.ts';
import { security } from './security.ts';
import { sessions } from './sessions.ts';
import { signIn } from './sign-in.ts';
import { texts } from './texts.ts';
import { trail } from './trail.ts';

export type StaffOptions = {
  /** the local account of the sandbox, whose password the caller prints; see `developmentAccount` */
  development?: DevelopmentAccount | undefined;
  /** where a request came from, for the limit of sign-ins */
  addressOf?: AddressOf;
  /** pages of other services, registered with the same router */
  further?: readonly ((router: StaffRouter) => void)[];
};

/**
 * The staff pages. All routes begin with `/staff`.
 * @throws Error when a development account is given where none may be: outside the sandbox, not on loopback, or beside an
 *   identity provider
 */
export function createStaff(deps: Deps, options: StaffOptions = {}): Hono<FhirEnv> {
  if (options.development && !mayDevelop(deps.config))
    throw new Error('The development account is for the sandbox on loopback without an identity provider.');
  const app = fhirApp('staff', deps, staffHeaders(deps.config.baseUrl));

  // no name of ours holds a NUL, and PostgreSQL takes none
  app.use(async (c, next) =>
    c.req.url.includes('%00') ? problem(c, deps, 404, 'Not found', 'There is no such page.') : next(),
  );
  app.get('/staff/style.css', (c) => {
    route(c, '/staff/style.css');
    return c.body(STYLE + pageHeads(deps.config.planName), 200, { 'content-type': 'text/css; charset=utf-8' });
  });
  const router = new StaffRouter(deps, app);
  signIn(router, options.development, options.addressOf ?? (() => 'unknown'));
  pulls(router);
  pull(router);
  lines(router);
  lists(router);
  clockReasons(router);
  // before the page of one clock, whose id it would be taken for
  concurrent(router);
  clock(router);
  conflicts(router);
  requests(router);
  matches(router);
  disclosures(router);
  members(router);
  onePerson(router);
  looks(router);
  reasons(router);
  record(router);
  attachments(router);
  compliance(router);
  issued(router);
  behind(router);
  documents(router);
  texts(router);
  peers(router);
  security(router);
  sessions(router);
  holds(router);
  drills(router);
  cases(router);
  emergency(router);
  trail(router);
  for (const pages of options.further ?? []) pages(router);
  // the Worker has no harvests
  if (options.further === undefined)
    router.page('/staff/federation', 'counts', async ({ c, session }) =>
      problem(
        c,
        deps,
        404,
        'Not here',
        'Directories of other payers are shown by the Node process of this plan.',
        session,
      ),
    );

  app.notFound((c) =>
    c.req.method === 'GET' || c.req.method === 'HEAD'
      ? problem(c, deps, 404, 'Not found', 'There is no such page.')
      : problem(c, deps, 405, 'Not possible', 'This page takes no such request.'),
  );
  app.onError((error, c) => {
    const known = error instanceof Outcome ? error : storeFailure(error);
    const requestId = c.get('requestId');
    if (!known || known.status >= 500) deps.log('error', 'staff page failed', { requestId, error: describe(error) });
    if (known?.status === 503)
      return problem(c, deps, 503, 'Not available', 'The database does not answer. Please try again in a moment.');
    return problem(c, deps, 500, 'Something went wrong', `Name this id when you report it: ${requestId}`);
  });
  return app;
}
