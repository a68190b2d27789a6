// "Does it take my plan?": the answer of $in-network for people, with its evidence, to print or to keep signed.
import type { JsonObject } from '../../src/fhir/resource.ts';
import { html, type Part, type Safe } from '../../src/ui/html.ts';
import type { Match, Result } from '../in-network/decide.ts';
import type { Answer } from '../in-network/parameters.ts';
import { askForm } from './ask-form.ts';
import { type PageData, type PlanChoice, todayOf } from './data.ts';
import { badgeTexts, facts, link, type Page, recordLink } from './frame.ts';
import type { Language } from './language.ts';
import { planValue } from './plan-choice.ts';
import { periodText } from './records.ts';

/** `date`: empty for today */
export type AnswerQuery = { provider: string; date: string };

const TONES: Record<Result, string> = { 'in-network': 'good', 'not-listed': 'look', unknown: 'look' };
const SIGNS: Record<Result, Safe> = {
  'in-network': html`<svg width="36" height="36" viewBox="0 0 36 36" aria-hidden="true"><circle cx="18" cy="18" r="16" fill="none" stroke="currentColor" stroke-width="3"/><path d="M10.5 18.5l5.2 5.2 10-11" fill="none" stroke="currentColor" stroke-width="3.5" stroke-linecap="round" stroke-linejoin="round"/></svg>`,
  'not-listed': html`<svg width="36" height="36" viewBox="0 0 36 36" aria-hidden="true"><circle cx="18" cy="18" r="16" fill="none" stroke="currentColor" stroke-width="3"/><path d="M11 18h14" stroke="currentColor" stroke-width="3.5" stroke-linecap="round"/></svg>`,
  unknown: html`<svg width="36" height="36" viewBox="0 0 36 36" aria-hidden="true"><circle cx="18" cy="18" r="16" fill="none" stroke="currentColor" stroke-width="3"/><path d="M13.4 14a4.7 4.7 0 1 1 6.8 4.2c-1.5.8-2.2 1.6-2.2 3.3" fill="none" stroke="currentColor" stroke-width="3.2" stroke-linecap="round"/><circle cx="18" cy="26" r="2" fill="currentColor"/></svg>`,
};

/** The pairs of $in-network: a plan or a network by its whole key, which may not be the number of another. */
function questionOf(q: AnswerQuery, plan: string): [string, string][] {
  const about: [string, string] = plan.startsWith('Organization/') ? ['network', plan] : ['plan', plan];
  return [about, ['provider', q.provider], ...(q.date === '' ? [] : [['date', q.date] satisfies [string, string]])];
}

/** @throws Outcome as $in-network */
export async function answerPage(data: PageData, l: Language, q: AnswerQuery, asked: PlanChoice): Promise<Page> {
  const t = l.texts.answer;
  const value = planValue(asked.key);
  const pairs = questionOf({ ...q, date: q.date === '' ? todayOf(data) : q.date }, asked.key);
  const answer = await data.inNetwork(pairs);
  const provider = l.list(answer.asked.providers.map((p) => p.name || p.key));
  const plan = l.list([...answer.asked.plans, ...answer.asked.networks].map((p) => p.name || p.key));
  const query: [string, string][] = [
    ['provider', q.provider],
    ['plan', value],
    ['date', q.date],
  ];
  const signed = new URLSearchParams([
    ...pairs.filter(([n]) => n !== 'date'),
    ['date', answer.asked.date],
    ['_format', 'jws'],
  ]);
  const listed = answer.matches.length + answer.notActive.length > 0;
  return {
    title: t.title,
    name: 'answer',
    path: '/answer',
    query,
    trail: html`<a href="${link(l, `/provider/${q.provider}`)}">${provider}</a>`,
    main: html`<p class="lead">${t.question(provider, plan, l.day(answer.asked.date))}</p>
${verdict(l, answer, provider, plan)}
${listed ? html`<div class="columns"><div>${evidence(data, l, t.evidence, answer.matches)}${evidence(data, l, t.other, answer.notActive)}</div><div>` : html`<div class="pair">`}
<section class="card noprint" aria-labelledby="keep"><h2 id="keep">${t.keep}</h2><p>${t.keepText}</p>
<p><a class="button" href="${data.base}/$in-network?${signed.toString()}" download>${t.download}</a></p>
<p class="soft"><a href="${link(l, '/check')}">${t.checkHere}</a></p><p class="soft">${l.texts.provider.print}</p></section>
<section class="card noprint" aria-labelledby="again"><h2 id="again">${l.texts.provider.takes}</h2>${await askForm(data, l, q.provider, asked, answer.asked.date)}</section>
</div>${listed ? html`</div>` : ''}`,
  };
}

function verdict(l: Language, answer: Answer, provider: string, plan: string): Safe {
  const t = l.texts.answer;
  const [title, said] = {
    'in-network': [t.yes, t.yesText(provider, plan)],
    'not-listed': [t.no, t.noText(provider, plan)],
    unknown: [t.unknown, t.unknownText],
  }[answer.result];
  // who is listed is of no use on a day on which the plan is not
  const remarks = answer.remarks.filter((r) => r !== 'plan-other-time' || answer.result !== 'in-network');
  const isOther = answer.result === 'in-network' && answer.remarks.includes('plan-other-time');
  return html`<section class="verdict ${isOther ? 'look' : TONES[answer.result]}" aria-labelledby="verdict"><h2 id="verdict">${SIGNS[isOther ? 'unknown' : answer.result]}${isOther ? t.yesOtherTime : title}</h2>
<p>${said}</p>${remarks.length > 0 ? html`<ul class="list">${remarks.map((r) => html`<li>${t.remarks[r]}</li>`)}</ul>` : ''}
<p class="soft">${answer.asOf === undefined ? '' : t.asOf(l.moment(answer.asOf), answer.change)}</p></section>`;
}

function evidence(data: PageData, l: Language, title: string, matches: readonly Match[]): Part {
  if (matches.length === 0) return '';
  const id = title === l.texts.answer.evidence ? 'evidence' : 'other';
  return html`<section class="card" aria-labelledby="${id}"><h2 id="${id}">${title}</h2>${matches.map((m) => matchPart(data, l, m))}</section>`;
}

function matchPart(data: PageData, l: Language, m: Match): Safe {
  const t = l.texts.answer;
  const accepting = m.newPatients;
  const scope = accepting?.scope === 'this-network' ? t.thisNetwork : t.allNetworks;
  const changed = m.lastUpdated === undefined ? '' : l.texts.provider.updated(l.dayOf(m.lastUpdated));
  const verified =
    m.lastVerified === undefined ? l.texts.provider.unverified : l.texts.provider.verified(l.day(m.lastVerified));
  return html`<div class="place"><h3>${m.kind === 'direct' ? t.direct : t.via(m.organization?.name ?? '')}</h3>
${m.when === 'active' ? '' : html`<p>${badgeTexts([{ text: t.status[m.when], tone: 'look' }])}</p>`}
${facts([
  [t.network, recordLink(l, m.network.key, m.network.name)],
  [t.place, m.locations.map((p, i) => [i > 0 ? ', ' : '', recordLink(l, p.key, p.name)])],
  [t.period, periodText(m.period ?? ({} satisfies JsonObject), l)],
  [t.newPatients, accepting === undefined ? '' : `${l.term(accepting.code) ?? accepting.code}, ${scope}`],
  [t.record, html`<a href="${data.base}/${m.by}">${m.by}</a><br><span class="soft">${changed} ${verified}</span>`],
])}</div>`;
}
