// The form "does it take my plan?" about one provider.
import { html, type Part, type Safe } from '../../src/ui/html.ts';
import { type PageData, type PlanChoice, type PlanList, todayOf } from './data.ts';
import { link } from './frame.ts';
import type { Language } from './language.ts';
import { type ChosenPlan, NO_PLAN, planValue, writtenPlan } from './plan-choice.ts';

/** The choice of a plan: a list, or a field for its name where the list would be too long. */
export function planField(l: Language, list: PlanList, chosen: ChosenPlan, any: boolean): Safe {
  const t = l.texts.form;
  if (!list.whole)
    return html`<div><label for="plan">${t.plan} <span class="hint">${t.planHint}</span></label><input id="plan" name="plan" value="${chosen.text}" autocomplete="off"></div>`;
  const option = (key: string, name: string): Part =>
    html`<option value="${key}"${planValue(key) === chosen.value ? html` selected` : ''}>${name}</option>`;
  return html`<div><label for="plan">${t.plan}</label><select id="plan" name="plan"${any ? '' : html` required`}>
<option value="">${any ? t.anyPlan : t.choosePlan}</option>
${list.plans.length > 0 ? html`<optgroup label="${t.plans}">${list.plans.map((p) => option(planValue(p.key), p.name))}</optgroup>` : ''}
${list.networks.length > 0 ? html`<optgroup label="${t.networks}">${list.networks.map((n) => option(n.key, n.name))}</optgroup>` : ''}
</select></div>`;
}

export async function askForm(
  data: PageData,
  l: Language,
  provider: string,
  plan?: PlanChoice,
  date = '',
): Promise<Safe> {
  const chosen = plan === undefined ? NO_PLAN : await writtenPlan(data, plan);
  const t = l.texts.provider;
  return html`<form action="${link(l, '/answer')}" method="get"><input type="hidden" name="provider" value="${provider}">
${planField(l, await data.plans(), chosen, false)}
<p><label for="date">${t.on}</label><input id="date" name="date" type="date" value="${date === '' ? todayOf(data) : date}"></p>
<p><button>${t.ask}</button></p></form>`;
}
