// Nothing fits a search: what to leave out, widen or look for instead. Each way is tried before it is offered, so that it leads to someone.
// Trying is bounded, since anyone may ask for what no one has: few searches, one after the other in the turn of the page itself, and of few
// pages at once.
import { Outcome } from '../../src/fhir/outcome.ts';
import { meantBy } from '../../src/names/plain-specialty.ts';
import { html, type Safe } from '../../src/ui/html.ts';
import { type Hit, type PageData, todayOf } from './data.ts';
import { askingFor, DISTANCES, type FindQuery, findPairs, readFind } from './find-query.ts';
import { link } from './frame.ts';
import type { Language } from './language.ts';
import { momentOf } from './open-hours.ts';

/** What is asked for, in words, and the search without it. */
export type Wish = { said: string; without: Partial<FindQuery> };

type Way = { said: string; to: FindQuery };

/** The searches that one page tries at most, */
export const MOST_TRIED = 12;
/** and the milliseconds after which it begins none further. */
const TRYING_MS = 1000;

/** The same among places, or among people; of a place no one asks what it speaks. */
const otherKind = (q: FindQuery): Partial<FindQuery> =>
  q.kind === 'person' ? { kind: 'place', speaks: '', gender: '', at: '' } : { kind: 'person' };

/** What shapes an answer, and is not needed to know whether there is one. */
const SHAPES = /^_(?:(?:rev)?include|sort|count|cursor)$/;

/** The first that a search finds; undefined: no one, or it is not tried. */
type First = (q: FindQuery, order?: 'near') => Promise<Hit | undefined>;

/** Searches one after the other, until there were enough of them. One that the database does not answer in time is the last. */
function firstOf(data: PageData, networks: readonly string[] | undefined): First {
  const end = performance.now() + TRYING_MS;
  let left = MOST_TRIED;
  return async (q, order) => {
    if (left === 0 || performance.now() > end) return undefined;
    if (q.plan !== '' && networks?.length === 0) return undefined;
    left--;
    const { type, pairs } = askingFor(q, q.plan === '' ? [] : (networks ?? []), todayOf(data), momentOf(data));
    const asked = pairs.filter(([name]) => !SHAPES.test(name));
    const sorted = order === undefined ? [] : [['_sort', order] as const];
    try {
      return (await data.search(type, [...asked, ...sorted, ['_count', '1'], ['_total', 'none']])).hits[0];
    } catch (error) {
      if (!(error instanceof Outcome)) throw error;
      left = 0;
      return undefined;
    }
  };
}

/** More wishes than these are not left out one by one. */
const MANY = 5;

/** As many of the wishes, from the first on, as someone meets, and no more than so many: found by halves. */
async function longest(
  wishes: readonly Wish[],
  atMost: number,
  meets: (some: readonly Wish[]) => Promise<boolean>,
): Promise<Wish[]> {
  let [least, most] = [0, atMost];
  while (least < most) {
    const middle = Math.ceil((least + most) / 2);
    if (await meets(wishes.slice(0, middle))) least = middle;
    else most = middle - 1;
  }
  return wishes.slice(0, least);
}

/** @param networks of the plan asked for; undefined: none is */
async function waysOf(
  data: PageData,
  l: Language,
  q: FindQuery,
  wishes: readonly Wish[],
  networks: readonly string[] | undefined,
): Promise<Way[]> {
  const t = l.texts.nothing;
  const first = firstOf(data, networks);
  const way = (said: string, change: Partial<FindQuery>): Way => ({
    said,
    to: { ...q, page: '', sort: undefined, ...change },
  });
  const leading = async (ways: readonly Way[]): Promise<Way[]> => {
    const found: Way[] = [];
    for (const one of ways) if ((await first(one.to)) !== undefined) found.push(one);
    return found;
  };
  const asCare = q.care === '' && q.name !== '' ? meantBy(q.name) : undefined;
  const ways = await leading([
    ...(isKnown(q) || q.name !== '' ? [] : [way(t.asName(q.care), { name: q.care, care: '' })]),
    ...(asCare?.whole === true && asCare.entries.length > 0 ? [way(t.asCare(q.name), { care: q.name, name: '' })] : []),
    ...(q.care === '' && q.name === '' ? [] : [way(q.kind === 'person' ? t.amongPlaces : t.amongPeople, otherKind(q))]),
  ]);
  const wider = q.zip === '' ? [] : DISTANCES.filter((d) => Number(d) > Number(q.within));
  const widest = wider.at(-1);
  if (widest !== undefined) {
    // how far the nearest is tells the circle that is wide enough; where no one is, that is known sooner
    const { to } = way('', { within: widest });
    const some = await first(to);
    const nearest = some && wider.length > 1 ? await first(to, 'near') : some;
    const within = nearest && wider.find((d) => Number(d) >= (nearest.distance?.value ?? Number(widest)));
    if (within !== undefined) ways.push(way(t.wider(l.number(Number(within))), { within }));
  }
  if (wishes.length >= 2 && wishes.length <= MANY)
    ways.push(...(await leading(wishes.map((w) => way(t.without(w.said), w.without)))));
  if (ways.length > 0 && wishes.length <= MANY) return ways;
  // leaving out one is not enough
  const none = { ...readFind(new URLSearchParams()), kind: q.kind, within: q.within };
  const only = (some: readonly Wish[]): FindQuery => ({
    ...none,
    ...Object.fromEntries(
      some.flatMap((w) => Object.keys(w.without).map((name) => [name, q[name as keyof FindQuery]])),
    ),
  });
  const meets = async (some: readonly Wish[]) => (await first(only(some))) !== undefined;
  // so few have not been tried together
  const untried = wishes.length - (wishes.length <= MANY ? 2 : 1);
  for (let rest = wishes; rest.length > 0; rest = rest.slice(1)) {
    const met = await longest(rest, Math.min(rest.length, untried), meets);
    if (met.length > 0) return [...ways, { said: t.only(l.list(met.map((w) => w.said))), to: only(met) }];
  }
  return ways;
}

/** Do we know a kind of care by these words? */
const isKnown = (q: FindQuery): boolean => q.care === '' || meantBy(q.care).entries.length > 0;

/** @param networks of the plan asked for; undefined: none is */
export async function nothing(
  data: PageData,
  l: Language,
  q: FindQuery,
  wishes: readonly Wish[],
  networks: readonly string[] | undefined,
): Promise<Safe> {
  const t = l.texts.nothing;
  let ways: readonly Way[] = [];
  if (data.trying.enter())
    try {
      ways = await waysOf(data, l, q, wishes, networks);
    } finally {
      data.trying.leave();
    }
  const items = ways.map(({ said, to }) => html`<li><a href="${link(l, '/find', findPairs(to))}">${said}</a></li>`);
  return html`<div class="problem" role="status"><p><strong>${t.title}.</strong> ${wishes.length === 0 ? t.none : t.text}${isKnown(q) ? '' : html` ${l.texts.problem.specialty}`}</p><ul class="list">${items}<li><a href="${link(l, '/')}">${t.start}</a></li></ul><p>${t.hint}</p></div>`;
}
