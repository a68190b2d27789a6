// /my/CODE: the member's own page about the exchange, reached by a link and the birth date. No script, no cookie: what proves
// the member after the birth date is a short-lived field of the forms.
import type { Hono } from 'hono';
import { isOwnOrigin } from '../../../src/auth/staff-session.ts';
import type { Deps } from '../../../src/deps.ts';
import { describe, type FhirEnv, fhirApp, route } from '../../../src/http/fhir-app.ts';
import { readForm } from '../../../src/http/form.ts';
import { preferredLanguage } from '../../../src/http/language.ts';
import { html, type Part } from '../../../src/ui/html.ts';
import { ICON_LINK } from '../../../src/ui/icon.ts';
import { documentText } from '../../../src/ui/page.ts';
import { STYLE } from '../../../src/ui/style.ts';
import { memberAccount } from '../../compliance/disclosures/member-account.ts';
import { peerLines } from '../../staff/data/lists.ts';
import { type StaffContext, staffHeaders } from '../../staff/frame.ts';
import { MEMBER_SAYS, recordNamedInError } from '../enrolment/payer-entered-in-error.ts';
import { choiceForm, payerForm } from './choice-forms.ts';
import { CHOICE_WORDS, faultWords, requestWords } from './choice-texts.ts';
import { educationParagraphs, educationText, isLanguage, type Language } from './education.ts';
import { isOpen, memberOfPass, passOf, unlock } from './invite.ts';
import { type Actor, readChoice, readPayer, recordChoice, recordPayer, recordRequest } from './record-choice.ts';

/** The member's pages. All routes begin with `/my`. */
export function createMemberPages(deps: Deps): Hono<FhirEnv> {
  const app = fhirApp('member', deps, staffHeaders(deps.config.baseUrl));
  const styles = html`<link rel="stylesheet" href="/my/style.css">${ICON_LINK}`;

  const send = (c: StaffContext, language: Language, main: Part, status: 200 | 400 | 403 | 404 | 500 = 200) => {
    const other = language === 'en' ? 'es' : 'en';
    const code = c.req.param('code');
    return c.html(
      documentText({
        title: CHOICE_WORDS[language].title,
        // a reader of the screen hears it first
        tab: status === 200 ? undefined : `${CHOICE_WORDS[language].check}: ${CHOICE_WORDS[language].title}`,
        site: deps.config.planName,
        language,
        style: styles,
        ...(language === 'es' ? { skip: 'Ir al contenido', notice: 'Aviso' } : {}),
        banner: deps.config.sandbox
          ? language === 'es'
            ? 'Prueba: todas las personas son inventadas.'
            : 'Sandbox: all people here are invented.'
          : undefined,
        header: html`<header class="site"><div class="bar"><span class="brand">${deps.config.planName}</span>${
          code === undefined
            ? ''
            : html`<a href="/my/${code}?lang=${other}" hreflang="${other}" lang="${other}">${other === 'es' ? 'Español' : 'English'}</a>`
        }</div></header>`,
        main,
      }),
      status,
    );
  };
  const languageOf = (c: StaffContext, form?: URLSearchParams): Language => {
    const chosen = form?.get('language') ?? c.req.query('lang');
    return isLanguage(chosen) ? chosen : preferredLanguage(c.req.header('accept-language'), ['en', 'es']);
  };

  const text = (language: Language): Part => [
    educationParagraphs(language).map((p) => html`<p>${p}</p>`),
    html`<p class="hint">${CHOICE_WORDS[language].version(educationText(language).version)}</p>`,
  ];
  /** @param wrong what was not right with the form; it is said first, where no one has to look for it */
  const door = (c: StaffContext, language: Language, wrong?: string) => {
    const w = CHOICE_WORDS[language];
    const said = wrong === undefined ? '' : html`<p class="problem" role="alert" id="said">${wrong}</p>`;
    const box = html`<section class="box narrow">${said}<form method="post" action="/my/${c.req.param('code') ?? ''}"><input type="hidden" name="language" value="${language}">
<p>${w.birthWhy}</p><p><label>${w.birth} <input type="date" name="birth_date" required${wrong === undefined ? '' : html` aria-describedby="said"`}></label></p><p><button>${w.go}</button></p></form></section>`;
    return wrong === undefined ? [text(language), box] : [box, text(language)];
  };

  const room = async (c: StaffContext, language: Language, memberId: string, said: Part = '') => {
    const code = c.req.param('code') ?? '';
    const account = await memberAccount(deps, memberId);
    if (!account) return send(c, language, html`<p class="problem">${CHOICE_WORDS[language].ended}</p>`, 404);
    const w = CHOICE_WORDS[language];
    const hidden = html`<input type="hidden" name="pass" value="${await passOf(deps, code, memberId)}">`;
    const known = (await peerLines(deps.database.sql)).filter((p) => p.state === 'active').map((p) => p.name);
    const isYes = account.choices[0]?.choice === 'opt-in';
    const payers = account.payers.filter((p) => p.inErrorAt === null);
    const button = (to: string, coverage: string, label: string, plain: Part = '') =>
      html` <form method="post" action="/my/${code}/${to}">${hidden}<input type="hidden" name="language" value="${language}"><input type="hidden" name="coverage" value="${coverage}"><button${plain}>${label}</button></form>`;
    return send(
      c,
      language,
      html`${said}<section class="box">${choiceForm(`/my/${code}/choice`, language, account.choices[0], hidden)}</section>
<section class="box"><h2>${w.payersTitle}</h2>${
        payers.length === 0
          ? html`<p>${w.noPayers}</p>`
          : html`<ul>${payers.map(
              (p) =>
                html`<li>${p.peerName ?? p.payer}${isYes ? button('request', p.id, w.ask) : ''}${button('payer-in-error', p.id, w.notMine, html` class="plain"`)}</li>`,
            )}</ul>`
      }${payerForm(`/my/${code}/payer`, language, hidden, known)}</section>${text(language)}`,
    );
  };

  const form = (
    path: string,
    handler: (c: StaffContext, sent: URLSearchParams, language: Language) => Promise<Response>,
  ) =>
    app.post(path, async (c) => {
      route(c, path);
      const own = isOwnOrigin(
        { origin: c.req.header('origin'), secFetchSite: c.req.header('sec-fetch-site') },
        c.req.url,
        deps.config.baseUrl,
      );
      const sent = own ? await readForm(c) : undefined;
      const language = languageOf(c, sent);
      if (!sent) return send(c, language, html`<p class="problem">${CHOICE_WORDS[language].wrong}</p>`, 400);
      return handler(c, sent, language);
    });

  /** A form of a member who has given the birth date. */
  const act = (
    path: string,
    handler: (
      c: StaffContext,
      sent: URLSearchParams,
      language: Language,
      memberId: string,
      actor: Actor,
    ) => Promise<Response>,
  ) =>
    form(path, async (c, sent, language) => {
      const memberId = await memberOfPass(deps, c.req.param('code') ?? '', sent.get('pass') ?? '');
      if (memberId === undefined) return send(c, language, door(c, language, CHOICE_WORDS[language].expired), 403);
      const actor: Actor = { kind: 'system', subject: 'member page', requestId: c.get('requestId') };
      return handler(c, sent, language, memberId, actor);
    });

  app.get('/my/style.css', (c) => {
    route(c, '/my/style.css');
    return c.body(STYLE, 200, { 'content-type': 'text/css; charset=utf-8' });
  });
  app.get('/my/:code', async (c) => {
    route(c, '/my/:code');
    const language = languageOf(c);
    if (!(await isOpen(deps, c.req.param('code'))))
      return send(c, language, html`<p class="problem">${CHOICE_WORDS[language].ended}</p>${text(language)}`, 404);
    return send(c, language, door(c, language));
  });
  form('/my/:code', async (c, sent, language) => {
    const memberId = await unlock(
      deps,
      c.req.param('code') ?? '',
      (sent.get('birth_date') ?? '').trim(),
      c.get('requestId'),
    );
    if (memberId === undefined) return send(c, language, door(c, language, CHOICE_WORDS[language].wrong), 403);
    return room(c, language, memberId);
  });
  const good = (words: string) => html`<p class="good" role="status">${words}</p>`;
  const bad = (language: Language, codes: readonly string[]) =>
    html`<div class="problem" role="alert"><ul>${faultWords(language, codes).map((f) => html`<li>${f}</li>`)}</ul></div>`;
  act('/my/:code/choice', async (c, sent, language, memberId, actor) => {
    sent.set('verification', 'link and birth date');
    const read = readChoice(sent, 'portal');
    if ('faults' in read) return room(c, language, memberId, bad(language, read.faults));
    const id = await recordChoice(deps, memberId, read, actor);
    const w = CHOICE_WORDS[language];
    return room(c, language, memberId, good(id === undefined ? w.same : w.saved));
  });
  act('/my/:code/payer', async (c, sent, language, memberId, actor) => {
    const read = readPayer(sent);
    if ('faults' in read) return room(c, language, memberId, bad(language, read.faults));
    if ((await recordPayer(deps, memberId, read, actor)) === undefined)
      return room(c, language, memberId, bad(language, ['many']));
    return room(c, language, memberId, good(CHOICE_WORDS[language].payerAdded));
  });
  act('/my/:code/payer-in-error', async (c, sent, language, memberId, actor) => {
    const said = { otherCoverageId: sent.get('coverage') ?? '', reason: MEMBER_SAYS };
    const done = (await recordNamedInError(deps, memberId, said, actor)) === 'done';
    return room(c, language, memberId, done ? good(CHOICE_WORDS[language].takenBack) : '');
  });
  act('/my/:code/request', async (c, sent, language, memberId, actor) => {
    const done = await recordRequest(deps, memberId, sent.get('coverage') ?? '', actor);
    const said = done && good(requestWords(language)[done]);
    return room(c, language, memberId, said ?? bad(language, ['choice']));
  });

  app.notFound((c) => send(c, languageOf(c), html`<p class="problem">${CHOICE_WORDS[languageOf(c)].ended}</p>`, 404));
  app.onError((error, c) => {
    deps.log('error', 'member page failed', { requestId: c.get('requestId'), error: describe(error) });
    const { failed } = CHOICE_WORDS[languageOf(c)];
    return send(c, languageOf(c), html`<p class="problem">${failed} <code>${c.get('requestId')}</code></p>`, 500);
  });
  return app;
}
