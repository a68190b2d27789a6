// /attest/CODE: a provider looks at what our directory says, and calls each piece right or wrong. No account, no cookie, no script.
import type { Context, Hono } from 'hono';
import { isOwnOrigin } from '../../../src/auth/staff-session.ts';
import { localDay } from '../../../src/calendar/federal.ts';
import { type FhirEnv, fhirApp, reply, route } from '../../../src/http/fhir-app.ts';
import { readForm } from '../../../src/http/form.ts';
import { html, type Part } from '../../../src/ui/html.ts';
import { dayText } from '../../../src/ui/time.ts';
import { DIRECTORY_PATH, type DirectoryDeps } from '../../app.ts';
import { pageData } from '../../page-data.ts';
import { language } from '../../pages/language.ts';
import { PAGE_HEADERS, publicationPage } from '../../publish/frame.ts';
import { totals } from '../../search/totals.ts';
import { workOf } from '../../work.ts';
import { attest } from '../attest.ts';
import type { FederationDeps } from '../client.ts';
import { type AnswerFault, correctionDue, readAnswer } from './answer.ts';
import { addCorrections, tooManyOpen, useLink } from './attest-rows.ts';
import { type Piece, piecesOf } from './entry.ts';
import { ATTEST_ROOT, codeHash, linked } from './link.ts';

const HEADERS = {
  ...PAGE_HEADERS,
  'content-security-policy': PAGE_HEADERS['content-security-policy'].replace(
    "form-action 'none'",
    "form-action 'self'",
  ),
  'cache-control': 'no-store',
  'x-robots-tag': 'noindex',
};

/** Many pieces have many words. */
const MAX_FORM_BYTES = 128 * 1024;

const FAULTS: Record<AnswerFault, string> = {
  'no-who': 'Please write who you are: it is published with the date.',
  'may-not': 'Please confirm that you may speak for this provider.',
  'not-all': 'Please say of every piece whether it is right.',
  'what-is-wrong': 'Please write what is wrong where something is.',
};

const WAITING = 'Much of what you have sent before has not been looked at yet. Please wait until it was, or call us.';

/** @param deps of the node, which may write; the public directory may not */
export function createAttestPages(deps: FederationDeps & DirectoryDeps): Hono<FhirEnv> {
  const app = fhirApp('directory', deps);
  const l = language('en', '', deps.config.timeZone);
  const data = pageData({
    ...deps,
    base: `${deps.config.baseUrl}${DIRECTORY_PATH}`,
    totals: totals(),
    work: workOf(deps.config),
  });
  const page = (c: Context<FhirEnv>, title: string, main: Part, status: 200 | 400 | 403 | 404 = 200) =>
    reply(c, publicationPage(deps.config, { title, main }), status, HEADERS);
  const ended = (c: Context<FhirEnv>) =>
    page(
      c,
      'This link leads nowhere',
      html`<p>It is not one of ours, or its time is over, or the entry is not in the directory any more. Please ask us for a new one.</p>`,
      404,
    );
  const path = `${ATTEST_ROOT}/:code`;

  app.get(path, async (c) => {
    route(c, path);
    const code = c.req.param('code');
    const link = await linked(deps, code);
    const pieces = link && (await piecesOf(data, l, link.key));
    if (!link || !pieces) return ended(c);
    const before =
      link.usedAt === null
        ? ''
        : html`<p>You have answered on ${dayText(link.usedAt.toISOString().slice(0, 10))}. You may answer again.</p>`;
    return page(c, pieces[0]?.title ?? '', html`${before}${formOf(code, pieces)}`);
  });

  app.post(path, async (c) => {
    route(c, path);
    const code = c.req.param('code');
    const origin = { origin: c.req.header('origin'), secFetchSite: c.req.header('sec-fetch-site') };
    if (!isOwnOrigin(origin, c.req.url, deps.config.baseUrl))
      return page(
        c,
        'Not sent',
        html`<p>The form must be sent from its own page. Please open your link again.</p>`,
        403,
      );
    const form = await readForm(c, MAX_FORM_BYTES);
    const link = form && (await linked(deps, code));
    const pieces = link && (await piecesOf(data, l, link.key));
    if (!form || !link || !pieces) return ended(c);
    const answer = readAnswer(
      form,
      pieces.map((p) => p.key),
    );
    if ('fault' in answer)
      return page(c, pieces[0]?.title ?? '', formOf(code, pieces, form, FAULTS[answer.fault]), 400);
    if (await tooManyOpen(deps.database.sql, answer.wrong))
      return page(c, pieces[0]?.title ?? '', formOf(code, pieces, form, WAITING), 400);
    const now = deps.clock();
    const today = localDay(now, deps.config.timeZone);
    await addCorrections(
      deps.database.sql,
      answer.wrong.map((w) => ({
        ...w,
        who: answer.who,
        receivedAt: now,
        ...correctionDue(today, deps.config.extraHolidays),
      })),
    );
    for (const key of answer.right)
      await attest(deps, { key, day: now.toISOString().slice(0, 10), who: answer.who, how: 'portal' });
    await useLink(deps.database.sql, codeHash(code), now);
    return page(
      c,
      'Thank you',
      html`<p>${answer.right.length} of ${pieces.length} entries are attested as of today, by ${answer.who}.</p>${
        answer.wrong.length === 0
          ? ''
          : html`<p>What is wrong will be looked at and put right by ${correctionDue(today, deps.config.extraHolidays).dueOn}.</p>`
      }`,
    );
  });
  return app;
}

function formOf(code: string, pieces: readonly Piece[], sent?: URLSearchParams, said?: string): Part {
  const checked = (key: string, verdict: string) => (sent?.get(`is ${key}`) === verdict ? html` checked` : '');
  return html`${said === undefined ? '' : html`<p class="problem" role="alert">${said}</p>`}
<p>This is what our directory says. Please look at every piece; what you call right is published as attested today, under the name you give.</p>
<form method="post" action="${ATTEST_ROOT}/${code}">${pieces.map(
    (p, n) => html`<fieldset class="box"><legend>${p.title}</legend><dl>${p.rows.map(
      ([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`,
    )}</dl><p><label><input type="radio" name="is ${p.key}" value="right" required${checked(p.key, 'right')}> All of this is right</label>
<label><input type="radio" name="is ${p.key}" value="wrong"${checked(p.key, 'wrong')}> Something is wrong, or this is not ours</label></p>
<p><label for="said${n}">What is wrong? <span class="hint">only if something is</span></label><textarea id="said${n}" name="said ${p.key}" rows="2" maxlength="1000">${sent?.get(`said ${p.key}`) ?? ''}</textarea></p></fieldset>`,
  )}<p><label for="who">Your name and function <span class="hint">is published</span></label><input id="who" name="who" required maxlength="200" autocomplete="name" value="${sent?.get('who') ?? ''}"></p>
<p><label><input type="checkbox" name="may" required${sent?.get('may') === 'on' ? html` checked` : ''}><span>I may speak for this provider.</span></label></p><p><button>Send</button></p></form>`;
}
