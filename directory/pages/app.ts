// The pages for people: every route in one place. No script, no cookie, nothing from elsewhere; nothing of a question is kept.

import type { Hono } from 'hono';
import type { Deps } from '../../src/deps.ts';
import { Outcome } from '../../src/fhir/outcome.ts';
import { bodyFirst, bodyText } from '../../src/http/body.ts';
import { clientAddress } from '../../src/http/client-address.ts';
import { goneOf } from '../../src/http/client-gone.ts';
import { describe, type FhirEnv, fhirApp, route } from '../../src/http/fhir-app.ts';
import { preferredLanguage } from '../../src/http/language.ts';
import type { RateLimit } from '../../src/http/rate-limit.ts';
import { html } from '../../src/ui/html.ts';
import type { Rendering } from '../rendering.ts';
import { answerPage } from './answer.ts';
import { askForm } from './ask-form.ts';
import { checkPage } from './check.ts';
import type { PageData } from './data.ts';
import { developersPage } from './developers.ts';
import { findPage, homePage } from './find.ts';
import { plainText } from './find-query.ts';
import { link, type PageContext, pageHeaders, STYLE_PATH, show } from './frame.ts';
import { isLanguage, type Language, language } from './language.ts';
import { choosePlan, planValue } from './plan-choice.ts';
import { providerPage } from './provider.ts';
import { ofClient } from './retry-limit.ts';
import { STYLE } from './style.ts';

export type PagesOptions = {
  /** begins every path; absent: our own directory */
  root?: Root;
  limit: RateLimit | undefined;
  /** whose turn it is; shared by all pages of a process */
  rendering: Rendering;
  /** the outcome of an error of the database, when it is about reach or time */
  failure: (error: unknown) => Outcome | undefined;
  /** address of the socket's other end */
  peer?: ((c: PageContext) => string | undefined) | undefined;
};

/** A statement has some kilobytes; who sends slowly holds so much of memory. */
const MAX_FORM = 128 * 1024;
const PREFIXES = ['', '/en', '/es'] as const;
/** Where pages begin: those of our own directory, and those over all directories. */
const ROOTS = ['', '/all'] as const;
type Root = (typeof ROOTS)[number];

/** Paths that are pages; others belong to the API. */
export const isPagePath = (path: string): boolean =>
  /^\/((en|es)?|((en|es)\/)?(find|answer|check|developers|provider\/[^/]+\/[^/]+)|directory\.css)$/.test(path);

export function createPages(
  data: PageData,
  deps: Pick<Deps, 'log' | 'metrics' | 'clock'>,
  options: PagesOptions,
): Hono<FhirEnv> {
  const app = fhirApp('directory', deps, pageHeaders(data.config.baseUrl));
  // before any limit: a page that says to wait is to look like one
  app.get(STYLE_PATH, (c) => {
    route(c, STYLE_PATH);
    return c.body(STYLE, 200, {
      'content-type': 'text/css; charset=utf-8',
      'cache-control': 'public, max-age=3600',
      vary: 'accept-encoding',
    });
  });
  const { limit } = options;
  const addressOf = (c: PageContext) =>
    clientAddress(options.peer?.(c), (name) => c.req.header(name), data.config.trustedProxies);
  if (limit)
    app.use(async (c, next) => {
      Object.assign(c.get('headers'), limit.take(addressOf(c)));
      await next();
    });
  app.use(bodyFirst(MAX_FORM));
  type Make = (c: PageContext, own: PageData, l: Language) => Promise<Response>;
  /** A page, when its turn comes. */
  const page = (path: string, make: Make) => (c: PageContext) => {
    route(c, `page ${path}`);
    const isGone = goneOf(c.env);
    return options.rendering.page(path === '/find', isGone, (beside) =>
      make(c, data.forPage(isGone, beside), languageOf(c, data)),
    );
  };
  for (const prefix of PREFIXES) {
    const before = `${options.root ?? ''}${prefix}`;
    const at = (path: string) => (path === '/' && before !== '' ? before : `${before}${path}`);
    const get = (path: string, make: Make) => app.get(at(path), page(path, make));
    get('/', async (c, own, l) => {
      const words = plainText(c.req.query('q') ?? '');
      if (words !== '') return c.redirect(link(l, '/find', [['q', words]]));
      return show(c, own, l, await homePage(own, l), { keep: true });
    });
    get('/find', async (c, own, l) => {
      const asking = { ...own, trying: ofClient(own.trying, addressOf(c)) };
      const { page: found, status } = await findPage(asking, l, new URL(c.req.url).searchParams);
      return show(c, own, l, found, { status });
    });
    get('/provider/:type/:id', async (c, own, l) =>
      show(c, own, l, await providerPage(own, l, c.req.param('type') ?? '', c.req.param('id') ?? '')),
    );
    get('/answer', answered);
    get('/check', async (c, own, l) => show(c, own, l, await checkPage(own, l, undefined), { keep: true }));
    app.post(
      at('/check'),
      page('/check', async (c, own, l) => {
        const form = new URLSearchParams(await bodyText(c, MAX_FORM));
        return show(c, own, l, await checkPage(own, l, form.get('statement') ?? ''));
      }),
    );
    get('/developers', async (c, own, l) => show(c, own, l, await developersPage(own, l), { keep: true }));
  }
  app.notFound((c) => {
    const isRead = c.req.method === 'GET' || c.req.method === 'HEAD';
    return problem(c, data, new Outcome(isRead ? 'unknown-route' : 'method-not-allowed'));
  });
  app.onError((error, c) => {
    const known = error instanceof Outcome ? error : options.failure(error);
    if (!known)
      deps.log('error', 'unexpected', { service: 'directory', requestId: c.get('requestId'), error: describe(error) });
    return problem(c, data, known ?? new Outcome('internal'));
  });
  return app;
}

/** The language of the path; else that of the browser, which is only a default. */
function languageOf(c: PageContext, data: PageData): Language {
  const { pathname } = new URL(c.req.url);
  const root = ROOTS.find((r) => r !== '' && (pathname === r || pathname.startsWith(`${r}/`))) ?? '';
  const first = pathname.slice(root.length).split('/')[1] ?? '';
  const explicit = isLanguage(first);
  const code = explicit ? first : preferredLanguage(c.req.header('accept-language'), ['en', 'es']);
  return language(code, explicit ? `/${code}` : '', data.config.timeZone, root);
}

/** The plan may be given by name or number; an address with its id is what is shared. */
async function answered(c: PageContext, data: PageData, l: Language): Promise<Response> {
  const given = new URL(c.req.url).searchParams;
  const get = (name: string) => (given.get(name) ?? '').trim().slice(0, 200);
  const q = { provider: get('provider'), plan: get('plan'), date: get('date') };
  if (q.provider === '' || q.plan === '') return notice(c, data, l, l.texts.answer.missing, q);
  const chosen = await choosePlan(data, q.plan);
  if (chosen.kind === 'none') return notice(c, data, l, l.texts.answer.noPlan, q);
  if (chosen.kind === 'several') {
    const list = chosen.plans.map(
      (p) =>
        html`<li><a href="${link(l, '/answer', [
          ['provider', q.provider],
          ['plan', planValue(p.key)],
          ['date', q.date],
        ])}">${p.name}</a></li>`,
    );
    return notice(c, data, l, html`${l.texts.problem.whichPlan}<ul class="list">${list}</ul>`, q);
  }
  return show(c, data, l, await answerPage(data, l, q, chosen.plan));
}

/** What is wrong with the question, and the question to be asked again. */
async function notice(
  c: PageContext,
  data: PageData,
  l: Language,
  said: Parameters<typeof html>[1],
  { provider, date }: { provider: string; date: string },
) {
  const isNamed = /^(Practitioner|Organization)\/[\w.-]+$/.test(provider);
  const back = isNamed ? `/provider/${provider}` : '/';
  const form = isNamed
    ? html`<section class="card narrow">${await askForm(data, l, provider, undefined, date)}</section>`
    : '';
  return show(
    c,
    data,
    l,
    {
      title: l.texts.answer.title,
      name: 'answer',
      path: '/answer',
      main: html`<div class="problem" role="alert"><div>${said}</div></div>${form}<p><a class="button${isNamed ? ' plain' : ''}" href="${link(l, back)}">${back === '/' ? l.texts.problem.back : l.texts.answer.back}</a></p>`,
    },
    { status: 400 },
  );
}

/** A page that says what went wrong in a kind sentence, and the way on. */
function problem(c: PageContext, data: PageData, outcome: Outcome): Promise<Response> {
  const l = languageOf(c, data);
  const t = l.texts.problem;
  const { status } = outcome;
  const [title, said] =
    status === 410
      ? [t.gone, t.goneText]
      : status === 404
        ? [t.notFound, t.notFoundText]
        : status === 429
          ? [t.wait, t.throttled]
          : status === 405
            ? [t.failed, t.method]
            : status === 503
              ? [t.failed, outcome.code === 'too-costly' ? t.broad : t.unavailable]
              : status < 500
                ? [t.failed, t.input]
                : [t.failed, t.failedText(c.get('requestId'))];
  // the same address once more: an empty reference is the page itself, with all that was asked
  const again = status === 429 || said === t.unavailable ? html`<a class="button" href="">${t.again}</a> ` : '';
  const page = {
    title,
    name: 'home' as const,
    path: '/',
    main: html`<div class="problem" role="alert"><p>${said}</p></div><p class="actions">${again}<a class="button${again === '' ? '' : ' plain'}" href="${link(l, '/')}">${t.back}</a></p>`,
  };
  return show(c, { ...data, state: () => data.state().catch(() => NO_STATE) }, l, page, {
    status: status as 404,
    headers: outcome.headers,
  });
}

/** A page about a database that does not answer cannot ask it. */
const NO_STATE = { change: '0', changedAt: undefined, resources: 0 };
