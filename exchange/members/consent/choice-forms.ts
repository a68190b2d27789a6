// The forms of a choice and of another payer, as the member's page and the staff page show them.
import { html, type Part, type Safe } from '../../../src/ui/html.ts';
import type { ChoiceRow } from './choice-rows.ts';
import { CHOICE_WORDS } from './choice-texts.ts';
import type { Language } from './education.ts';

/** What holds, in a sentence. */
function choiceSentence(held: ChoiceRow | undefined, language: Language): string {
  const w = CHOICE_WORDS[language];
  if (!held) return w.none;
  return held.choice === 'opt-in' ? w.optedIn(held.recordedOn) : w.declined(held.recordedOn);
}

/** The form of a choice. `hidden`: fields that the page adds; `more`: what only staff fill in. */
export function choiceForm(
  action: string,
  language: Language,
  held: ChoiceRow | undefined,
  hidden: Part,
  more: Part = '',
): Safe {
  const w = CHOICE_WORDS[language];
  const isYes = held?.choice === 'opt-in';
  const radio = (name: string, value: string, label: string, checked: boolean) =>
    html`<label><input type="radio" name="${name}" value="${value}" required${checked ? html` checked` : ''}><span>${label}</span></label>`;
  return html`<form method="post" action="${action}">${hidden}<input type="hidden" name="language" value="${language}">
<fieldset><legend>${w.holds}: ${choiceSentence(held, language)}</legend>${radio('choice', 'opt-in', w.optIn, isYes)}${radio('choice', 'decline', w.no, held !== undefined && !isYes)}</fieldset>
<fieldset><legend>${w.whichPayers}</legend>${(['both', 'previous', 'concurrent'] as const).map((p) => radio('payers', p, w[p], (held?.payers ?? 'both') === p))}</fieldset>
<p><label><input type="checkbox" name="policy" value="sensitive"${held?.policy === 'sensitive' ? html` checked` : ''}><span>${w.sensitive}</span></label></p>
<details><summary>${w.representative}</summary><p><label>${w.representativeName} <input name="representative" maxlength="200" autocomplete="off"></label></p>
<p><label>${w.authority} <input name="authority" maxlength="200" autocomplete="off"></label></p></details>
${more}<p><button>${w.save}</button></p></form>`;
}

/** The form of another payer; `known`: names of registered payers to choose from. */
export function payerForm(action: string, language: Language, hidden: Part, known: readonly string[]): Safe {
  const w = CHOICE_WORDS[language];
  return html`<form method="post" action="${action}">${hidden}<input type="hidden" name="language" value="${language}">
<p><label>${w.payer} <input name="payer" required maxlength="200" list="payers" autocomplete="off"></label><datalist id="payers">${known.map((k) => html`<option value="${k}"></option>`)}</datalist></p>
<p><label>${w.number} <input name="member_number" maxlength="64" autocomplete="off"></label></p>
<p><label>${w.starts} <input name="starts" type="date"></label></p><p><label>${w.ends} <input name="ends" type="date"></label></p>
<p><button>${w.addPayer}</button></p></form>`;
}
