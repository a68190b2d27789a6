// Sign-in and sign-out: the identity provider, or the local development account of the sandbox.

import { finishOidc } from '../../src/auth/staff-answer.ts';
import {
  DEVELOPMENT_PEOPLE,
  type DevelopmentAccount,
  type DevelopmentPerson,
} from '../../src/auth/staff-development.ts';
import { authorizationUrl, type Person, SignInRefused } from '../../src/auth/staff-oidc.ts';
import { knownProvider } from '../../src/auth/staff-provider.ts';
import { cookie, cookieNames, readCookie, safeReturn, sameText } from '../../src/auth/staff-session.ts';
import { type AddressOf, route } from '../../src/http/fhir-app.ts';
import { readForm } from '../../src/http/form.ts';
import { html, type Part } from '../../src/ui/html.ts';
import { beginSignIn, closeSession, openSession, recordRefusal, resumeSignIn, takeTry } from './data/sessions.ts';
import { address, pageText, problem, type StaffContext } from './frame.ts';
import { hasOwnOrigin, type StaffRouter } from './router.ts';

const SIGN_IN_SECONDS = 600;
const isPerson = (name: string): name is DevelopmentPerson => Object.hasOwn(DEVELOPMENT_PEOPLE, name);

export function signIn(router: StaffRouter, development: DevelopmentAccount | undefined, addressOf: AddressOf): void {
  const { app, deps } = router;
  const { config } = deps;
  const names = cookieNames(config.baseUrl);

  /** Anyone may begin to sign in, or come back from nowhere, and each is a row, of the audit too: so many from one address. */
  async function tooMany(c: StaffContext): Promise<Response | undefined> {
    const wait = await takeTry(deps, addressOf(c));
    if (wait === 0) return undefined;
    c.header('retry-after', String(wait));
    const text = 'Too many sign-ins were begun where you are. Please wait a minute.';
    return problem(c, deps, 429, 'Too many sign-ins', text);
  }

  const cookieOf = (c: StaffContext, name: string) => readCookie(c.req.header('cookie'), name);

  async function welcome(c: StaffContext, person: Person, isDevelopment: boolean, returnTo: string): Promise<Response> {
    const id = await openSession(deps, person, isDevelopment, c.get('requestId'), cookieOf(c, names.session));
    c.header('set-cookie', cookie(config.baseUrl, names.signIn, '', 0), { append: true });
    c.header('set-cookie', cookie(config.baseUrl, names.session, id), { append: true });
    return c.redirect(safeReturn(returnTo), 303);
  }

  async function developmentForm(
    c: StaffContext,
    returnTo: string,
    status: 200 | 403,
    trouble?: string,
  ): Promise<Response> {
    const begun = await beginSignIn(deps, safeReturn(returnTo));
    c.header('set-cookie', cookie(config.baseUrl, names.signIn, begun.id, SIGN_IN_SECONDS));
    const people: Part = Object.entries(DEVELOPMENT_PEOPLE).map(
      ([name, p]) =>
        html`<label><input type="radio" name="user" value="${name}" required${name === development?.user ? html` checked` : ''}><span>${name} <span class="hint">– ${p.text}</span></span></label>`,
    );
    const main = html`${trouble === undefined ? '' : html`<p class="problem" role="alert">${trouble}</p>`}
<section class="box narrow"><p>This is the local development account. Its password was printed when the node started and is new at each start.</p>
<form method="post" action="/staff/sign-in"><input type="hidden" name="state" value="${begun.state}">
<fieldset><legend>Sign in as</legend>${people}</fieldset>
<label for="password">Password</label><input id="password" name="password" type="password" autocomplete="current-password" required>
<p><button>Sign in</button></p></form></section>`;
    return c.html(pageText(deps, { title: 'Sign in', main }, undefined), status);
  }

  app.get('/staff/sign-in', async (c) => {
    route(c, '/staff/sign-in');
    const returnTo = c.req.query('return_to') ?? '';
    if (config.staffOidcIssuer !== undefined) {
      const again = c.req.query('again');
      const start = address('/staff/sign-in/start', {
        return_to: safeReturn(returnTo),
        ...(again === undefined ? {} : { again: '1' }),
      });
      const main = html`<section class="box narrow"><p>You sign in with your organization’s account.</p><p><a class="button" href="${start}">Sign in</a></p></section>`;
      return c.html(pageText(deps, { title: 'Sign in', main }, undefined));
    }
    if (development) return (await tooMany(c)) ?? developmentForm(c, returnTo, 200);
    const text = 'No way to sign in is configured. Set STAFF_OIDC_ISSUER and STAFF_OIDC_CLIENT_ID.';
    return problem(c, deps, 503, 'Sign-in is not configured', text);
  });

  app.post('/staff/sign-in', async (c) => {
    route(c, '/staff/sign-in');
    if (!development) return problem(c, deps, 404, 'Not found', 'There is no such page.');
    const wait = await tooMany(c);
    if (wait) return wait;
    const requestId = c.get('requestId');
    if (!hasOwnOrigin(c, deps)) {
      await recordRefusal(deps, 'dev', 'sign-in', '', 'origin', requestId);
      return problem(c, deps, 403, 'Not sent', 'The form did not come from this site.');
    }
    const form = await readForm(c);
    const begun = await resumeSignIn(deps, cookieOf(c, names.signIn));
    if (!form || !begun || !sameText(form.get('state') ?? '', begun.state)) {
      await recordRefusal(deps, 'dev', 'sign-in', '', 'state', requestId);
      return developmentForm(c, begun?.returnTo ?? '', 403, 'The sign-in took too long. Please try again.');
    }
    const user = form.get('user') ?? '';
    if (!isPerson(user) || !sameText(form.get('password') ?? '', development.password)) {
      await recordRefusal(deps, isPerson(user) ? `dev|${user}` : 'dev', 'sign-in', '', 'password', requestId);
      return developmentForm(
        c,
        begun.returnTo,
        403,
        'That was not right. The password stands in the node’s first lines of output.',
      );
    }
    const person = { subject: `dev|${user}`, name: user, roles: [...DEVELOPMENT_PEOPLE[user].roles] };
    return welcome(c, person, true, begun.returnTo);
  });

  const refused = async (c: StaffContext, error: unknown): Promise<Response> => {
    if (!(error instanceof SignInRefused)) throw error;
    deps.log('warn', 'sign-in refused', {
      reason: error.fault,
      requestId: c.get('requestId'),
      ...(error.detail === undefined ? {} : { detail: error.detail }),
    });
    await recordRefusal(deps, 'oidc', 'sign-in', '', error.fault, c.get('requestId'));
    const away = error.fault === 'provider-away';
    const text =
      error.fault === 'no-role'
        ? 'Your account has no role for these pages. Ask your administrator.'
        : error.fault === 'second-factor'
          ? 'A second factor is needed to sign in here.'
          : error.fault === 'not-fresh'
            ? 'The sign-in service did not ask you again who you are, and it is too long ago that it did. Sign out there and try again.'
            : away
              ? 'The sign-in service does not answer. Please try again in a moment.'
              : 'The sign-in did not succeed. Please try again.';
    const start = error.fault === 'not-fresh' ? '/staff/sign-in?again=1' : '/staff/sign-in';
    return problem(c, deps, away ? 503 : 403, 'Not signed in', [text, ' ', html`<a href="${start}">Sign in</a>`]);
  };

  app.get('/staff/sign-in/start', async (c) => {
    route(c, '/staff/sign-in/start');
    if (config.staffOidcIssuer === undefined) return problem(c, deps, 404, 'Not found', 'There is no such page.');
    const wait = await tooMany(c);
    if (wait) return wait;
    try {
      const provider = await knownProvider(deps);
      const begun = await beginSignIn(deps, safeReturn(c.req.query('return_to')), c.req.query('again') !== undefined);
      c.header('set-cookie', cookie(config.baseUrl, names.signIn, begun.id, SIGN_IN_SECONDS));
      return c.redirect(authorizationUrl(provider, config, begun), 303);
    } catch (error) {
      return refused(c, error);
    }
  });

  app.get('/staff/sign-in/callback', async (c) => {
    route(c, '/staff/sign-in/callback');
    if (config.staffOidcIssuer === undefined) return problem(c, deps, 404, 'Not found', 'There is no such page.');
    const wait = await tooMany(c);
    if (wait) return wait;
    try {
      const begun = await resumeSignIn(deps, cookieOf(c, names.signIn));
      if (!begun) throw new SignInRefused('state');
      const q = (name: string) => c.req.query(name);
      const person = await finishOidc(
        deps,
        { code: q('code'), state: q('state'), iss: q('iss'), error: q('error') },
        begun,
      );
      return await welcome(c, person, false, begun.returnTo);
    } catch (error) {
      return refused(c, error);
    }
  });

  router.form('/staff/sign-out', 'counts', async ({ c, session, requestId }) => {
    const id = cookieOf(c, names.session);
    if (id !== undefined) await closeSession(deps, id, session, requestId);
    c.header('set-cookie', cookie(config.baseUrl, names.session, '', 0));
    return c.redirect('/staff/sign-in', 303);
  });
}
