// The search form: on the start page, and folded above results.
import { PLAIN_SPECIALTIES } from '../../src/names/tables/specialty-words.ts';
import { html, type Part, type Safe } from '../../src/ui/html.ts';
import { planField } from './ask-form.ts';
import type { PageData, PlanChoice } from './data.ts';
import { DISTANCES, type FindQuery } from './find-query.ts';
import { link } from './frame.ts';
import type { Language } from './language.ts';
import { OPEN } from './open-hours.ts';
import { writtenPlan } from './plan-choice.ts';
import { ACCESS, SPOKEN } from './texts/terms.ts';

const select = (id: string, label: string, chosen: string, options: readonly (readonly [string, string])[]): Safe =>
  html`<div><label for="${id}">${label}</label><select id="${id}" name="${id}">${options.map(
    ([value, text]) => html`<option value="${value}"${value === chosen ? html` selected` : ''}>${text}</option>`,
  )}</select></div>`;

const tick = (name: string, label: string, checked: boolean): Safe =>
  html`<label class="tick"><input type="checkbox" name="${name}" value="1"${checked ? html` checked` : ''}>${label}</label>`;

export type FormState = {
  /** id of the field that could not be understood */
  wrong?: 'zip' | 'plan' | undefined;
  /** the plan that is meant, when one is known */
  plan?: PlanChoice | undefined;
};

export async function searchForm(data: PageData, l: Language, q: FindQuery, state: FormState = {}): Promise<Safe> {
  const { wrong, plan } = state;
  const chosen = plan === undefined ? { value: q.plan, text: q.plan } : await writtenPlan(data, plan);
  const t = l.texts.form;
  const fault = (id: 'zip' | 'plan'): Part =>
    wrong === id ? html` aria-invalid="true" aria-describedby="problem"` : '';
  const kinds = (['person', 'place'] as const).map(
    (kind) =>
      html`<label><input type="radio" name="kind" value="${kind}"${q.kind === kind ? html` checked` : ''}>${t[kind]}</label>`,
  );
  const more = [q.speaks, q.gender, q.access, q.open].some((wish) => wish !== '');
  const spoken = SPOKEN.map((code): [string, string] => [code, l.languageName(code)]).sort(([, a], [, b]) =>
    a.localeCompare(b, l.code),
  );
  return html`<form class="search" role="search" aria-label="${t.label}" action="${link(l, '/find')}" method="get">
<fieldset class="all"><legend>${t.kind}</legend><div class="choice">${kinds}</div></fieldset>
<div><label for="care">${t.specialty} <span class="hint">${t.specialtyHint}</span></label><input id="care" name="care" value="${q.care}" list="cares" autocomplete="off" maxlength="100">
<datalist id="cares">${PLAIN_SPECIALTIES.map((s) => html`<option value="${s[l.code]}"></option>`)}</datalist></div>
<div><label for="name">${t.name} <span class="hint">${t.nameHint}</span></label><input id="name" name="name" value="${q.name}" autocomplete="off" maxlength="100" spellcheck="false"></div>
<div class="few"><label for="zip">${t.zip}</label><input id="zip" name="zip" value="${q.zip}" inputmode="numeric" maxlength="10" autocomplete="off"${fault('zip')}></div>
<div class="few">${select(
    'within',
    t.within,
    q.within,
    DISTANCES.map((d): [string, string] => [d, t.miles(d)]),
  )}</div>
${planField(l, await data.plans(), chosen, true)}
<div class="all choices">${tick('new', t.newPatients, q.newPatients)}${tick('tele', t.telehealth, q.telehealth)}</div>
<details class="all"${more ? html` open` : ''}><summary>${t.more}</summary><div class="grid">
${select('speaks', t.speaks, q.speaks, [['', t.anyLanguage], ...spoken])}
${select('gender', t.gender, q.gender, [
  ['', t.anyGender],
  ['female', t.female],
  ['male', t.male],
])}
${select('access', t.access, q.access, [['', t.anyAccess], ...ACCESS.map((a): [string, string] => [a, l.term(a) ?? a])])}
${select('open', t.open, q.open, [['', t.anyTime], ...OPEN.map((o): [string, string] => [o, t.openAt[o] ?? o])])}
</div></details>
<p class="all"><button>${t.submit}</button></p>
</form>`;
}
