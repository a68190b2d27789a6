// /staff/members: a member's choice, payers, duties and proofs on one page, with the forms for a call.
import { hidden } from '../../src/ui/hidden.ts';
import { html, type Part } from '../../src/ui/html.ts';
import { type Table, tableHtml } from '../../src/ui/table.ts';
import { dayText } from '../../src/ui/time.ts';
import { isCardNumber, memberBehind } from '../compliance/disclosures/disclosures.ts';
import { idsOfPerson, type MemberAccount, memberAccount } from '../compliance/disclosures/member-account.ts';
import { choiceForm, payerForm } from '../members/consent/choice-forms.ts';
import { CHOICE_WORDS, faultWords, requestWords } from '../members/consent/choice-texts.ts';
import { educationParagraphs, educationText, isLanguage, type Language } from '../members/consent/education.ts';
import { INVITATION_DAYS, invite } from '../members/consent/invite.ts';
import {
  type Actor,
  CHANNELS,
  CONTACT_KINDS,
  isChannel,
  readChoice,
  readPayer,
  recordChoice,
  recordContacts,
  recordPayer,
  recordRequest,
} from '../members/consent/record-choice.ts';
import { recordNamedInError } from '../members/enrolment/payer-entered-in-error.ts';
import { demoMembers, type Found, findMembers, MOST_FOUND } from '../members/find-members.ts';
import { peerLines } from './data/lists.ts';
import { address, csrfField } from './frame.ts';
import { bornText, hiddenCell } from './masking.ts';
import { onePersonBox } from './member-merge.ts';
import { CONTACT_RESULTS, memberTables } from './member-tables.ts';
import { faultList } from './peer-forms.ts';
import { may } from './roles.ts';
import type { StaffRouter, Visit } from './router.ts';

const PATH = '/staff/members';
const DEMO_MEMBERS = 10;
const languageOf = (visit: Visit): Language => {
  const lang = visit.c.req.query('lang');
  return isLanguage(lang) ? lang : 'en';
};
const actorOf = (visit: Visit): Actor => ({
  kind: 'staff',
  subject: visit.session.subject,
  requestId: visit.requestId,
});

/** What holds, for those who read about the member: the form speaks to the member. */
function heldText(held: MemberAccount['choices'][number] | undefined): string {
  if (!held) return 'Has not chosen yet.';
  if (held.source.startsWith('two members'))
    return `Effective choice: ${held.choice === 'opt-in' ? 'opted in' : 'opted out'} since ${dayText(held.recordedOn)}, derived from merged members. Ask the member to confirm.`;
  return `${held.choice === 'opt-in' ? 'Opted in' : 'Opted out'} on ${dayText(held.recordedOn)}.`;
}

function diedText(death: MemberAccount['death']): string {
  if (!death) return '';
  return death.day === undefined ? 'Has died; on which day is not known. ' : `Died on ${dayText(death.day)}. `;
}

function staffFields(language: Language): Part {
  const says = language === 'es';
  return html`<p><label>${says ? 'Cómo respondió' : 'How the member answered'} <select name="channel">${CHANNELS.map((c) => html`<option value="${c}">${CHOICE_WORDS[language].channels[c]}</option>`)}</select></label></p>
<p><label>${says ? 'Cómo se verificó a la persona' : 'How the person was verified'} <input name="verification" required maxlength="200" autocomplete="off"></label></p>
<p><label>${says ? 'Prueba (número de grabación o formulario)' : 'Proof (number of the recording or form)'} <input name="document" maxlength="200" autocomplete="off"></label></p>`;
}

const inErrorForm = (
  here: string,
  csrf: Part,
  payers: MemberAccount['payers'],
): Part => html`<section class="box"><h2>A payer named by mistake</h2>
<p>We stop asking this payer and cancel its deadlines. Records already received stay; records in transit wait under <a href="/staff/conflicts">Conflicts</a>. A new enrollment file will not add it back; entering it here will.</p>
<form method="post" action="${here}/payer-in-error">${csrf}
<p><label>Payer <select name="coverage" required>${payers.map((p) => html`<option value="${p.id}">${[p.peerName ?? p.payer, hidden('number', p.memberNumber)].join(' ').trim()}</option>`)}</select></label></p>
<p><label>Reason, for those who read it later <input name="reason" required minlength="3" maxlength="1000" autocomplete="off"></label></p>
<p><button>It was named by mistake</button></p></form></section>`;

async function callForms(router: StaffRouter, visit: Visit, a: MemberAccount, language: Language): Promise<Part> {
  const here = `${PATH}/${a.memberId}`;
  const w = CHOICE_WORDS[language];
  const csrf = csrfField(visit.session);
  const other = language === 'en' ? 'es' : 'en';
  const payers = a.payers.filter((p) => p.inErrorAt === null);
  const known = (await peerLines(router.deps.database.sql)).filter((p) => p.state === 'active').map((p) => p.name);
  return html`<p class="controls"><a href="${here}?lang=${other}" hreflang="${other}" lang="${other}">${other === 'es' ? 'Hablar en español' : 'Speak English'}</a></p>
<details><summary>${language === 'es' ? 'Leer al miembro' : 'Read to the member'} (${w.version(educationText(language).version)})</summary><div lang="${language}">${educationParagraphs(language).map((p) => html`<p>${p}</p>`)}</div></details>
<div class="pair" lang="${language}"><section class="box"><h2>${w.title}</h2>${choiceForm(`${here}/choice`, language, a.choices[0], csrf, staffFields(language))}</section>
<section class="box"><h2>${w.payersTitle}</h2>${payerForm(`${here}/payer`, language, csrf, known)}${
    a.choices[0]?.choice === 'opt-in'
      ? payers.map(
          (p) =>
            html`<form method="post" action="${here}/request">${csrf}<input type="hidden" name="language" value="${language}"><input type="hidden" name="coverage" value="${p.id}"><p>${p.peerName ?? p.payer} <button>${w.ask}</button></p></form>`,
        )
      : ''
  }</section></div>
<div class="pair"><section class="box"><h2>Record an offer or question</h2><form method="post" action="${here}/contact">${csrf}
<p><label>What <select name="kind">${Object.entries(CONTACT_KINDS).map(([k, label]) => html`<option value="${k}">${label}</option>`)}</select></label></p>
<p><label>How <select name="channel">${CHANNELS.map((c) => html`<option value="${c}">${CHOICE_WORDS.en.channels[c]}</option>`)}</select></label></p>
<p><label>Result <select name="result">${Object.entries(CONTACT_RESULTS).map(([k, label]) => html`<option value="${k}">${label}</option>`)}</select></label></p>
<p><button>Record it</button></p></form></section>
<section class="box"><h2>Link for the member</h2><p>The member opens it, gives the birth date and chooses. It ends after ${INVITATION_DAYS} days.</p><form method="post" action="${here}/link">${csrf}<p><button>Make a link</button></p></form></section>${payers.length === 0 ? '' : inErrorForm(here, csrf, payers)}</div>`;
}

/** Does the member go on as another? Then nothing is chosen here. */
const isFormer = (a: MemberAccount): boolean => a.merges.some((m) => m.undoneAt === null && m.formerId === a.memberId);

/** Two ways to a member; what is typed belongs in no address. */
const finderForms = (csrf: Part): Part => html`<div class="pair">
<section class="box"><h2>By number</h2><form method="post" action="${PATH}">${csrf}
<p><label for="member">Member number, Patient id or key (M-…)</label><input id="member" name="member" required maxlength="64" autocomplete="off"></p>
<p><button>Show</button></p></form></section>
<section class="box"><h2>By name and birth date</h2><form method="post" action="${PATH}/find">${csrf}
<div class="fields"><p><label for="given">First name</label><input id="given" name="given" maxlength="200" autocomplete="off"></p>
<p><label for="family">Family name</label><input id="family" name="family" maxlength="200" autocomplete="off"></p>
<p><label for="born">Birth date</label><input id="born" name="born" type="date" required autocomplete="off"></p></div>
<p><button>Find</button></p></form></section></div>`;

function foundTable(caption: string, found: readonly Found[]): Table {
  const isAsked = found.some((f) => f.agrees !== undefined);
  return {
    name: 'found',
    caption,
    columns: [
      { key: 'name', label: 'Name', kind: 'head' },
      { key: 'birthDate', label: 'Born' },
      { key: 'numbers', label: 'Member number' },
      ...(isAsked ? [{ key: 'agrees', label: 'Agrees' }] : []),
    ],
    rows: found.map((f) => [
      { value: f.name, href: `${PATH}/${f.memberId}` },
      hiddenCell('day', f.birthDate),
      { value: f.numbers.map((n) => hidden('number', n)).join(', ') },
      ...(isAsked ? [{ value: f.agrees ?? null }] : []),
    ]),
    empty: 'No one with this birth date has such a name. The enrolment holds names as the plan received them.',
    ...(found.length === MOST_FOUND ? { note: `The first ${MOST_FOUND}. Give both names to see fewer.` } : {}),
  };
}

export function members(router: StaffRouter): void {
  const { deps } = router;
  const { timeZone } = deps.config;
  const finder = async (visit: Visit, said?: string, found?: readonly Found[]) => {
    const demo = deps.config.sandbox && found === undefined ? await demoMembers(deps, DEMO_MEMBERS) : [];
    const shown = [...(found ?? demo)].map((f) => f.memberId);
    if (shown.length > 0) await router.viewed(visit, 'members', 'members/found', shown, shown.length);
    return router.show(visit, {
      title: 'Members',
      place: 'members',
      lead: ['Choice, other payers and duties of one member. That you look is recorded for the member.'],
      before: [
        said === undefined ? '' : html`<p class="problem" role="alert">${said}</p>`,
        finderForms(csrfField(visit.session)),
        // what a form answers has no address, so it is no file either
        found === undefined ? '' : tableHtml(foundTable('Found', found)),
      ],
      tables: demo.length === 0 ? [] : [foundTable('Some of the demo members', demo)],
    });
  };

  const page = async (visit: Visit, memberId: string, note: Part = '') => {
    const account = await memberAccount(deps, memberId);
    if (!account) return router.notFound(visit, 'There is no such member.');
    await router.viewed(visit, 'member', `Patient/${memberId}`, [memberId], account.looks.length);
    const [held] = account.choices;
    const language = languageOf(visit);
    return router.show(visit, {
      title: account.person.name,
      place: 'members',
      trail: [[PATH, 'Members']],
      lead: [`Born ${bornText(account.person.birthDate)}. ${diedText(account.death)}${heldText(held)}`],
      before: [
        note,
        html`<p class="controls"><a href="${PATH}/${memberId}/record">Merged record</a> · <a href="/staff/disclosures/${memberId}">Disclosures</a> · <a href="${PATH}/${memberId}/looks">Who looked at it</a></p>`,
        await onePersonBox(router, visit, memberId, account.merges, account.givenAsOne),
        may(visit.session, 'decide') && !isFormer(account) ? await callForms(router, visit, account, language) : '',
      ],
      tables: memberTables(account, timeZone, deps.clock()),
    });
  };

  router.page(PATH, 'rows', (visit) => finder(visit));
  // the number of a member belongs in no address
  router.form(PATH, 'rows', async (visit, form) => {
    const typed = (form.get('member') ?? '').trim();
    const member = await memberBehind(deps, typed);
    if (member === undefined) return finder(visit, 'No single member has this number, id or key.');
    if (isCardNumber(typed, member)) await router.foundByNumber(visit, member);
    return visit.c.redirect(`${PATH}/${member}`, 303);
  });
  router.form(`${PATH}/find`, 'rows', async (visit, form) => {
    const typed = (name: string) => (form.get(name) ?? '').trim();
    const found = await findMembers(deps, { family: typed('family'), given: typed('given'), bornOn: typed('born') });
    return found === undefined
      ? finder(visit, 'Give the whole birth date, and the first or the family name.')
      : finder(visit, undefined, found);
  });
  const memberOf = (visit: Visit) => visit.c.req.param('member') ?? '';
  router.page(`${PATH}/:member`, 'rows', (visit) => {
    const said = visit.c.req.query('said');
    const w = CHOICE_WORDS[languageOf(visit)];
    const note = new Map([
      ['choice', w.saved],
      ['same', w.same],
      ['payer', w.payerAdded],
      ...Object.entries(requestWords(languageOf(visit))),
      ['contact', 'Recorded.'],
      ['payer-in-error', 'The payer is taken back. It is not asked any more.'],
    ]).get(said ?? '');
    return page(visit, memberOf(visit), note === undefined ? '' : html`<p class="good" role="status">${note}</p>`);
  });
  const back = (visit: Visit, said: string, language: Language = 'en') =>
    visit.c.redirect(
      address(`${PATH}/${memberOf(visit)}`, { said, ...(language === 'es' ? { lang: 'es' } : {}) }),
      303,
    );
  /** A member, and none who goes on as another: of that one nothing is chosen any more. */
  const exists = async (visit: Visit) =>
    (await memberBehind(deps, memberOf(visit))) === memberOf(visit) &&
    (await idsOfPerson(deps.database.sql, memberOf(visit)))[0] === memberOf(visit);

  router.form(`${PATH}/:member/choice`, 'decide', async (visit, form) => {
    if (!(await exists(visit))) return router.notFound(visit, 'There is no such member.');
    const read = readChoice(form);
    const language = form.get('language') === 'es' ? 'es' : 'en';
    if ('faults' in read) return page(visit, memberOf(visit), faultList(faultWords(language, read.faults)));
    const id = await recordChoice(deps, memberOf(visit), read, actorOf(visit));
    return back(visit, id === undefined ? 'same' : 'choice', language);
  });
  router.form(`${PATH}/:member/payer`, 'decide', async (visit, form) => {
    if (!(await exists(visit))) return router.notFound(visit, 'There is no such member.');
    const read = readPayer(form);
    const language = form.get('language') === 'es' ? 'es' : 'en';
    if ('faults' in read) return page(visit, memberOf(visit), faultList(faultWords(language, read.faults)));
    if ((await recordPayer(deps, memberOf(visit), read, actorOf(visit))) === undefined)
      return page(visit, memberOf(visit), faultList(faultWords(language, ['many'])));
    return back(visit, 'payer', language);
  });
  router.form(`${PATH}/:member/payer-in-error`, 'decide', async (visit, form) => {
    if (!(await exists(visit))) return router.notFound(visit, 'There is no such member.');
    const said = { otherCoverageId: form.get('coverage') ?? '', reason: form.get('reason') ?? '' };
    const done = await recordNamedInError(deps, memberOf(visit), said, actorOf(visit));
    if (done === 'no-reason')
      return page(visit, memberOf(visit), faultList(['Give a reason of three letters or more.']));
    return done === 'done'
      ? back(visit, 'payer-in-error')
      : router.notFound(visit, 'The member has no such payer, or it is taken back already.');
  });
  router.form(`${PATH}/:member/request`, 'decide', async (visit, form) => {
    const done = await recordRequest(deps, memberOf(visit), form.get('coverage') ?? '', actorOf(visit));
    return done
      ? back(visit, done, form.get('language') === 'es' ? 'es' : 'en')
      : router.notFound(visit, 'There is no such coverage of a member who has opted in.');
  });
  router.form(`${PATH}/:member/contact`, 'decide', async (visit, form) => {
    if (!(await exists(visit))) return router.notFound(visit, 'There is no such member.');
    const [kind, channel, result] = [form.get('kind') ?? '', form.get('channel') ?? '', form.get('result') ?? ''];
    if (!Object.hasOwn(CONTACT_KINDS, kind) || !isChannel(channel) || !Object.hasOwn(CONTACT_RESULTS, result))
      return page(visit, memberOf(visit), faultList(['Choose what, how and the result from the lists.']));
    await recordContacts(
      deps,
      [
        {
          memberId: memberOf(visit),
          kind: kind as keyof typeof CONTACT_KINDS,
          at: deps.clock(),
          channel,
          result: result as keyof typeof CONTACT_RESULTS,
        },
      ],
      actorOf(visit),
    );
    return back(visit, 'contact');
  });
  router.form(`${PATH}/:member/link`, 'decide', async (visit) => {
    if (!(await exists(visit))) return router.notFound(visit, 'There is no such member.');
    const [made] = await invite(deps, [memberOf(visit)], actorOf(visit));
    return page(
      visit,
      memberOf(visit),
      html`<p class="good" role="status">Give this link to the member; it is shown once: <code>${made?.url ?? ''}</code></p>`,
    );
  });
}
