// Who may open which page. Every page is registered here, so that none is without its check.
import type { Hono } from 'hono';
import { isFresh } from '../../src/auth/staff-oidc.ts';
import { cookieNames, isOwnOrigin, readCookie, sameText } from '../../src/auth/staff-session.ts';
import type { Deps } from '../../src/deps.ts';
import { type FhirEnv, route } from '../../src/http/fhir-app.ts';
import { readForm } from '../../src/http/form.ts';
import { html } from '../../src/ui/html.ts';
import type { Cell } from '../../src/ui/table.ts';
import { giveReason } from '../compliance/access-log/view-reason.ts';
import type { LookedAt } from '../compliance/audit/audit-actions.ts';
import { withPeople } from './data/people.ts';
import { currentSession, recordExport, recordRefusal, recordView, type StaffSession } from './data/sessions.ts';
import { address, formatOf, noteForm, problem, type StaffContext, show, type View, withQuery } from './frame.ts';
import { hiddenView, purposeBy, type Sight, sightOf, wholeView } from './masking.ts';
import { PURPOSE_SAID, purposeForm, purposeOf } from './purpose.ts';
import { may, type Permission } from './roles.ts';

export function hasOwnOrigin(c: StaffContext, deps: Pick<Deps, 'config'>): boolean {
  return isOwnOrigin(
    { origin: c.req.header('origin'), secFetchSite: c.req.header('sec-fetch-site') },
    c.req.url,
    deps.config.baseUrl,
  );
}

const WHY_PURPOSE =
  'This download contains member data. Enter a purpose; it is recorded in the audit log with your name.';

export type Visit = {
  c: StaffContext;
  session: StaffSession;
  requestId: string;
  /** what the page or form takes */
  takes: Permission;
  /** what a file is taken for, as its address says; a page is looked at for what was said before */
  purpose?: string;
  /** what is looked at, as {@link StaffRouter.viewed} was called */
  sight?: Sight;
};
/** Pages and forms of these show records and numbers of members. */
const OF_MEMBERS: readonly Permission[] = ['rows', 'decide'];

export class StaffRouter {
  readonly deps: Deps;
  readonly app: Hono<FhirEnv>;
  /** pages that are read, by their paths, and what each takes */
  readonly #pages = new Map<string, { takes: Permission; is: RegExp }>();

  constructor(deps: Deps, app: Hono<FhirEnv>) {
    this.deps = deps;
    this.app = app;
  }

  cookieOf(c: StaffContext): string | undefined {
    return readCookie(c.req.header('cookie'), cookieNames(this.deps.config.baseUrl).session);
  }

  async sessionOf(c: StaffContext): Promise<StaffSession | undefined> {
    return currentSession(this.deps, this.cookieOf(c));
  }

  /** The page that a form stands on: its own address where that is one, else the one above. */
  #pageOf(c: StaffContext, path: string): string {
    const { pathname } = new URL(c.req.url);
    return this.#pages.has(path) ? pathname : pathname.replace(/\/[^/]+$/, '');
  }

  async #admit(c: StaffContext, path: string, permission: Permission): Promise<Visit | Response> {
    route(c, path);
    const session = await this.sessionOf(c);
    if (!session) {
      const isForm = c.req.method !== 'GET';
      const link = address('/staff/sign-in', { return_to: isForm ? this.#pageOf(c, path) : withQuery(c.req.url, {}) });
      if (!isForm && (formatOf(c) ?? 'html') === 'html') return c.redirect(link, 303);
      const text = [
        `Your session has ended${isForm ? ', and nothing was changed' : ''}. `,
        html`<a href="${link}">Sign in</a>`,
        ' and try again.',
      ];
      if (isForm) noteForm(c, await readForm(c));
      return problem(c, this.deps, 401, 'Please sign in', text);
    }
    const requestId = c.get('requestId');
    if (!may(session, permission)) {
      await recordRefusal(
        this.deps,
        session.subject,
        permission === 'decide' ? 'accept' : permission === 'peers' ? 'manage' : 'view',
        path,
        'role',
        requestId,
      );
      const text =
        'Your role does not open this page. Reviewers see records and names, and may accept a pull; administrators change the registry of payers.';
      return problem(c, this.deps, 403, 'Not for your role', text, session);
    }
    return { c, session, requestId, takes: permission };
  }

  /**
   * A page that only reads. Names and records that leave as a file need a sign-in of the last minutes, and what they are taken for.
   * @param options.isFile it is a file of them in any case; `document`: one by itself, as it is looked at, which needs no new sign-in
   */
  page(
    path: string,
    permission: Permission,
    handler: (visit: Visit) => Promise<Response>,
    options: { isFile?: boolean | 'document' } = {},
  ): void {
    this.#pages.set(path, { takes: permission, is: new RegExp(`^${path.replace(/:[a-z0-9]+/gi, '[^/]+')}$`) });
    this.app.get(path, async (c) => {
      const visit = await this.#admit(c, path, permission);
      if (visit instanceof Response) return visit;
      const isFile = (options.isFile ?? false) !== false || (formatOf(c) ?? 'html') !== 'html';
      const leaves = permission === 'rows' && isFile;
      const purpose = isFile ? purposeOf(c) : undefined;
      if (purpose !== undefined) visit.purpose = purpose;
      const again =
        leaves && options.isFile !== 'document'
          ? await this.#again(visit, 'export-report', path, withQuery(c.req.url, {}))
          : undefined;
      if (again !== undefined) return again;
      if (leaves && purpose === undefined)
        return problem(c, this.deps, 400, 'What is it for?', WHY_PURPOSE, visit.session, purposeForm(c), PURPOSE_SAID);
      return handler(visit);
    });
  }

  /**
   * Asks the person to authenticate again, when that was more than five minutes ago. `back`: where to go on; in an address there may be
   * anything that was typed, so that the audit has its pattern.
   */
  async #again(
    visit: Visit,
    action: 'manage' | 'export-report',
    path: string,
    back: string,
  ): Promise<Response | undefined> {
    if (isFresh(visit.session.authenticatedAt, this.deps.clock())) return undefined;
    await recordRefusal(this.deps, visit.session.subject, action, path, 'not-fresh', visit.requestId);
    const link = address('/staff/sign-in', { return_to: back, again: '1' });
    const text = [
      'This needs a sign-in of the last five minutes. ',
      html`<a href="${link}">Sign in again</a>`,
      ' and repeat the action.',
    ];
    return problem(visit.c, this.deps, 403, 'Re-authentication required', text, visit.session);
  }

  /**
   * A form that changes something: from our own pages and with the session's token only.
   * @param options.isGrave it needs a sign-in of the last minutes
   */
  form(
    path: string,
    permission: Permission,
    handler: (visit: Visit, form: URLSearchParams) => Promise<Response>,
    options: { needsStepUp?: boolean } = {},
  ): void {
    this.app.post(path, async (c) => {
      route(c, path);
      const text = 'The form did not come from this site. Open the page again and send it from there.';
      if (!hasOwnOrigin(c, this.deps)) return problem(c, this.deps, 403, 'Not sent', text);
      const visit = await this.#admit(c, path, permission);
      if (visit instanceof Response) return visit;
      const form = await readForm(c);
      if (!form) return problem(c, this.deps, 400, 'Not sent', 'The form could not be read.', visit.session);
      noteForm(c, form);
      if (!sameText(form.get('csrf') ?? '', visit.session.csrf)) {
        const text = 'You have signed in again since this page was opened, or the form did not come from it. ';
        const link = html`<a href="${this.#pageOf(c, path)}">Open the page again</a>`;
        const parts = [text, link, ' and send it from there. Nothing was changed.'];
        return problem(c, this.deps, 403, 'Not sent', parts, visit.session);
      }
      const again =
        options.needsStepUp === true ? await this.#again(visit, 'manage', path, this.#pageOf(c, path)) : undefined;
      return again ?? handler(visit, form);
    });
  }

  /** Does the role of the person open the page that an address leads to? What is none of the pages is left to itself. */
  #opens(session: StaffSession, href: string): boolean {
    const path = href.split(/[?#]/, 1)[0] ?? '';
    const page = this.#pages.get(path) ?? [...this.#pages.values()].find((p) => p.is.test(path));
    return page === undefined || may(session, page.takes);
  }

  /**
   * What identifies members is whole where a reason was given, in a file that is taken for a purpose, and in an emergency, which has
   * a reason of its own. Elsewhere it is hidden.
   */
  #sees(visit: Visit): boolean {
    return (
      !OF_MEMBERS.includes(visit.takes) ||
      visit.purpose !== undefined ||
      visit.session.emergency !== null ||
      visit.sight?.given !== undefined
    );
  }

  /** The answer of a page, which leads no one to what their role does not open; that rows leave as a file is recorded first. */
  async show(visit: Visit, given: View): Promise<Response> {
    const { c, session, requestId, sight } = visit;
    const { view, finish } = this.#sees(visit)
      ? wholeView(c, this.deps, session, given, sight)
      : await hiddenView(c, this.deps, session, given, sight);
    const format = formatOf(c);
    if (format === 'csv' || format === 'json') {
      const rows = view.tables.reduce((n, t) => n + t.rows.length, 0);
      await recordExport(this.deps, session, new URL(c.req.url).pathname, format, rows, requestId, visit.purpose);
    }
    const tables = await withPeople(this.deps.database.sql, view.tables, this.deps.clock());
    const opened = (cell: Cell): Cell => {
      if (cell.href === undefined || this.#opens(session, cell.href)) return cell;
      const { href: _, ...rest } = cell;
      return rest;
    };
    const shown =
      format === 'csv' || format === 'json'
        ? tables
        : tables.map((t) => ({
            ...t,
            rows: t.rows.map((r) => r.map(opened)),
            ...(t.total === undefined ? {} : { total: t.total.map(opened) }),
          }));
    return show(c, this.deps, session, { ...view, tables: shown }, finish);
  }

  /** A member was found by the number of the card, which only who has it at hand knows: that is a reason, as if it had been said. */
  async foundByNumber(visit: Visit, memberId: string): Promise<void> {
    const looker = { session: visit.session, cookie: this.cookieOf(visit.c) ?? '', requestId: visit.requestId };
    await giveReason(this.deps, looker, { about: [`member/${memberId}`], purpose: 'member', words: '' }, 'number');
  }

  notFound(visit: Visit, text: string): Response {
    return problem(visit.c, this.deps, 404, 'Not found', text, visit.session);
  }

  /** A file that the node keeps, and a Worker has not been given yet. */
  notCopied(visit: Visit, text: string): Response {
    visit.c.header('retry-after', '30');
    return problem(visit.c, this.deps, 503, 'Not here yet', `${text} Please try again in a moment.`, visit.session);
  }

  /** Records a look at members' data; call it before the data is shown. */
  async viewed(
    visit: Visit,
    page: LookedAt,
    object: string,
    memberIds: readonly string[],
    rows: number,
  ): Promise<void> {
    const format = formatOf(visit.c) ?? 'html';
    if (OF_MEMBERS.includes(visit.takes))
      visit.sight = await sightOf(this.deps, this.cookieOf(visit.c) ?? '', object, memberIds);
    await recordView(this.deps, visit.session, {
      object,
      page,
      memberIds,
      rows,
      requestId: visit.requestId,
      format,
      purposeFor: (memberId) => visit.purpose ?? purposeBy(visit.sight, memberId),
    });
  }
}
