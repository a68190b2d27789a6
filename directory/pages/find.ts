// The start page and the page of results.
import { Outcome } from '../../src/fhir/outcome.ts';
import { html, type Part, type Safe } from '../../src/ui/html.ts';
import { keysIn } from '../in-network/evidence.ts';
import { type Found, type PageData, type PlanChoice, todayOf } from './data.ts';
import { nothing, type Wish } from './empty-results.ts';
import {
  askingFor,
  type FindQuery,
  findPairs,
  NAMED_MAX,
  PAGE_SIZE,
  readFind,
  type Sort,
  sortOf,
  sortsFor,
} from './find-query.ts';
import { link, type Page, siteName } from './frame.ts';
import type { Language } from './language.ts';
import { map } from './map.ts';
import { momentOf } from './open-hours.ts';
import { choosePlan, planValue } from './plan-choice.ts';
import { fromWords, understood } from './query-parser.ts';
import { type Card, cardHtml, cardsOf } from './results.ts';
import { searchForm } from './search-form.ts';
import { OFTEN } from './texts/terms.ts';

export async function homePage(data: PageData, l: Language): Promise<Page> {
  const t = l.texts.home;
  const facts: readonly (readonly [string, string, string])[] = [
    [t.factSigned, t.factSignedText, '/check'],
    [t.factPrivate, t.factPrivateText, ''],
    [t.factOpen, t.factOpenText, '/developers'],
  ];
  return {
    title: t.title,
    name: 'home',
    path: '/',
    main: '',
    whole: html`<div class="hero"><h1>${t.title}</h1><p class="lead">${t.lead(siteName(data, l))}</p>
<div class="card">${await searchForm(data, l, readFind(new URLSearchParams()))}<p class="soft">${l.texts.form.shared}</p></div></div>
<h2>${t.often}</h2><ul class="chips">${OFTEN.map(({ kind, words }) => {
      const care = words[l.code === 'en' ? 0 : 1];
      return html`<li><a href="${link(l, '/find', [...(kind === 'place' ? [['kind', 'place'] as const] : []), ['care', care]])}">${care}</a></li>`;
    })}</ul>
<h2 class="aside">${t.facts}</h2><ul class="facts">${facts.map(
      ([title, said, to]) =>
        html`<li class="card"><h3>${to === '' ? title : html`<a href="${link(l, to)}">${title}</a>`}</h3><p>${said}</p></li>`,
    )}</ul>`,
  };
}

export type Answered = { page: Page; status: 200 | 400 | 503 };

/** The page of a search, whatever the address says: faults of it become sentences above the form. */
export async function findPage(data: PageData, l: Language, given: URLSearchParams): Promise<Answered> {
  const q = understood(fromWords(readFind(given), given.get('q') ?? ''));
  const t = l.texts;
  if (q.zip !== '' && (!ZIP.test(q.zip) || data.zip(q.zip) === undefined)) return unknownZip(data, l, q);
  const chosen = q.plan === '' ? undefined : await choosePlan(data, q.plan);
  if (chosen?.kind === 'none') return fault(data, l, q, t.problem.plan, 'plan');
  if (chosen?.kind === 'several') {
    const choices = chosen.plans.map(
      (p) =>
        html`<li><a href="${link(l, '/find', findPairs({ ...q, plan: planValue(p.key), page: '' }))}">${p.name}</a></li>`,
    );
    return fault(data, l, q, html`${t.problem.whichPlan}<ul class="list">${choices}</ul>`, 'plan');
  }
  const plan = chosen?.plan;
  try {
    const { type, pairs } = askingFor(q, plan?.networks ?? [], todayOf(data), momentOf(data));
    // a plan without networks lists no one
    const found =
      plan && plan.networks.length === 0 ? NOTHING : await withServices(data, await data.search(type, pairs));
    return { page: await results(data, l, q, found, plan), status: 200 };
  } catch (error) {
    if (!(error instanceof Outcome)) throw error;
    if (error.code === 'too-costly') return { ...(await fault(data, l, q, t.problem.broad)), status: 503 };
    if (error.code === 'bad-cursor') return fault(data, l, { ...q, page: '' }, t.problem.cursor);
    if (error.status === 400) return fault(data, l, q, t.problem.input);
    throw error;
  }
}

/** Of roles without a place so many services are looked up. */
const SERVICES_MAX = 100;

/** What was found, with the services of roles that name no place themselves, and where these are. */
async function withServices(data: PageData, found: Found): Promise<Found> {
  const keys = found.hits.flatMap(({ resource }) =>
    resource.resourceType === 'PractitionerRole' && resource['location'] === undefined
      ? keysIn(resource['healthcareService'], data.base)
      : [],
  );
  if (keys.length === 0) return found;
  const services = await data.search('HealthcareService', [
    ['_id', [...new Set(keys)].slice(0, SERVICES_MAX).join(',')],
    ['_include', 'HealthcareService:location'],
    ['_count', String(SERVICES_MAX)],
  ]);
  return { ...found, all: new Map([...services.all, ...found.all]) };
}

/** Five digits or nine. */
const ZIP = /^\d{5}(-?\d{4})?$/;

/** Codes like the one that is not known: a post office box has no area of its own, and a zero may have been lost. */
function unknownZip(data: PageData, l: Language, q: FindQuery): Promise<Answered> {
  const t = l.texts.problem;
  const like = data.zipsLike(q.zip);
  const ways = like.map(
    (zip) => html`<li><a href="${link(l, '/find', findPairs({ ...q, zip, page: '' }))}">${t.zipNear(zip)}</a></li>`,
  );
  const said = like.length === 0 ? t.zip : html`<p>${t.zipUnknown(q.zip)}</p><ul class="list">${ways}</ul>`;
  return fault(data, l, q, said, 'zip');
}

const NOTHING: Found = { hits: [], all: new Map(), total: 0, exact: true, next: undefined };

async function fault(data: PageData, l: Language, q: FindQuery, said: Part, field?: 'zip' | 'plan'): Promise<Answered> {
  const page = pageOf(l, q);
  return {
    status: 400,
    page: {
      ...page,
      tab: l.texts.problem.tab(page.title),
      main: html`<div class="problem" id="problem" role="alert"><div>${said}</div></div><div class="card">${await searchForm(data, l, q, { wrong: field })}</div>`,
    },
  };
}

const pageOf = (l: Language, q: FindQuery): Omit<Page, 'main'> => ({
  title: q.kind === 'person' ? l.texts.find.people : l.texts.find.places,
  name: 'find',
  path: '/find',
  query: findPairs(q),
});

/** What was asked, in words: each with the search without it. */
function asked(l: Language, q: FindQuery, plan: string | undefined): Wish[] {
  const t = l.texts;
  const list: [string, Partial<FindQuery>][] = [
    [q.care, { care: '' }],
    [q.name === '' ? '' : t.find.quoted(q.name), { name: '' }],
    [q.zip === '' ? '' : t.find.near(q.zip, l.number(Number(q.within))), { zip: '' }],
    [plan === undefined ? '' : t.find.inPlan(plan), { plan: '' }],
    [q.newPatients ? t.form.newPatients : '', { newPatients: false }],
    [q.telehealth ? t.form.telehealth : '', { telehealth: false }],
    [q.speaks === '' ? '' : `${t.form.speaks}: ${l.languageName(q.speaks)}`, { speaks: '' }],
    [q.gender === '' ? '' : (l.term(q.gender) ?? ''), { gender: '' }],
    [q.access === '' ? '' : (l.term(q.access) ?? ''), { access: '' }],
    [q.open === '' ? '' : (t.form.openAt[q.open] ?? ''), { open: '' }],
  ];
  return list.filter(([said]) => said !== '').map(([said, without]) => ({ said, without }));
}

/** Cards of this page of results, the position of the next, and the number of the first card. */
function pageOfCards(q: FindQuery, found: Found, cards: Card[], l: Language) {
  if (sortOf(q) !== 'name' || q.kind !== 'person') return { shown: cards, next: found.next };
  const from = /^\d{1,3}$/.test(q.page) ? Number(q.page) : 0;
  const sorted = [...cards].sort((a, b) => a.order.localeCompare(b.order, l.code));
  const to = from + PAGE_SIZE;
  return { shown: sorted.slice(from, to), next: to < sorted.length ? String(to) : undefined };
}

async function results(
  data: PageData,
  l: Language,
  q: FindQuery,
  found: Found,
  plan: PlanChoice | undefined,
): Promise<Page> {
  const t = l.texts;
  const wishes = asked(l, q, plan?.name);
  const cards = cardsOf(found, data.base, l, q.zip === '' ? undefined : data.zip(q.zip));
  const { shown, next } = pageOfCards(q, found, cards, l);
  const lead = wishes.length === 0 ? '' : wishList(l, q, wishes);
  const form = await searchForm(data, l, { ...q, page: '' }, { plan });
  if (shown.length === 0)
    return {
      ...pageOf(l, q),
      main: html`${lead}${await nothing(data, l, q, wishes, plan?.networks)}<div class="card">${form}</div>`,
    };
  // roles of one person at one place are one card: where all are at hand, cards are what is counted
  const total = found.hits.length === found.total ? cards.length : (found.total ?? shown.length);
  const count = found.exact ? t.find.count(total, l.number(total)) : t.find.over(l.number(total));
  const drawn = mapOf(data, l, q, shown);
  return {
    ...pageOf(l, q),
    main: html`${lead}
<details class="card noprint"><summary>${t.form.change}</summary>${form}</details>
<div class="tools"><p><strong>${count}</strong></p>${sortLinks(l, q, found)}</div>
<div class="results${drawn === undefined ? ' alone' : ''}"><section aria-labelledby="list"><h2 id="list" class="aside">${t.find.list}</h2>
<ol class="hits">${shown.map((card, i) => cardHtml(card, i + 1, l, q.plan))}</ol>
<p class="actions">${next === undefined ? '' : html`<a class="button" rel="next" href="${link(l, '/find', findPairs({ ...q, page: next }))}">${t.find.next}</a>`}${
      q.page === ''
        ? ''
        : html`<a class="button plain" href="${link(l, '/find', findPairs({ ...q, page: '' }))}">${t.find.first}</a>`
    }</p><p class="soft noprint">${t.find.share}</p></section>
${drawn === undefined ? '' : html`<aside aria-labelledby="map"><div class="card map"><h2 id="map" class="aside">${t.find.map}</h2>${drawn}<p class="soft">${t.find.mapNote}</p></div></aside>`}</div>`,
  };
}

/** Each wish leads to the search without it. */
function wishList(l: Language, q: FindQuery, wishes: readonly Wish[]): Safe {
  const t = l.texts;
  const items = wishes.map(
    ({ said, without }) =>
      html`<li><span>${said}</span><a class="noprint" href="${link(l, '/find', findPairs({ ...q, page: '', sort: undefined, ...without }))}" aria-label="${t.nothing.without(said)}" title="${t.nothing.without(said)}">×</a></li>`,
  );
  return html`<div class="wishes"><span class="soft">${t.find.asked}</span><ul>${items}</ul></div>`;
}

function mapOf(data: PageData, l: Language, q: FindQuery, shown: readonly Card[]): Safe | undefined {
  const at = q.zip === '' ? undefined : data.zip(q.zip);
  const center = at && { at, miles: Number(q.within), name: l.texts.find.center(q.zip.slice(0, 5)) };
  return map(
    l,
    shown.flatMap((card, i) => (card.at ? [{ number: i + 1, at: card.at }] : [])),
    center,
  );
}

function sortLinks(l: Language, q: FindQuery, found: Found): Part {
  const t = l.texts.find;
  const names: Record<Sort, string> = { best: t.sortBest, near: t.sortNear, name: t.sortName };
  const few = found.exact && (found.total ?? 0) <= NAMED_MAX;
  const sorts = sortsFor(q).filter((s) => s !== 'name' || q.kind === 'place' || few);
  if (sorts.length < 2) return '';
  const current = sortOf(q);
  return html`<nav class="end noprint" aria-label="${t.sortLabel}"><span class="soft" aria-hidden="true">${t.sortLabel}</span><ul>${sorts.map(
    (s) =>
      html`<li><a href="${link(l, '/find', findPairs({ ...q, sort: s, page: '' }))}"${s === current ? html` aria-current="true"` : ''}>${names[s]}</a></li>`,
  )}</ul></nav>`;
}
