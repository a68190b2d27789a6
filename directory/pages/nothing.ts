// Nothing fits a search: what to leave out, widen or look for instead. Each way is tried before it is offered, so that it leads to somebody.
import { Outcome } from '../../src/fhir/outcome.ts';
import { meantBy } from '../../src/names/plain-specialty.ts';
import { html, type Safe } from '../../src/ui/html.ts';
import { type PageData, todayOf } from './data.ts';
import { askingFor, DISTANCES, type FindQuery, findPairs, readFind } from './find-query.ts';
import { link } from './frame.ts';
import type { Language } from './language.ts';
import { momentOf } from './open-hours.ts';

/** What is asked for, in words, and the search without it. */
export type Wish = { said: string; without: Partial<FindQuery> };

type Way = { said: string; to: FindQuery };

/** The same among places, or among people; of a place nobody asks what it speaks. */
const otherKind = (q: FindQuery): Partial<FindQuery> =>
  q.kind === 'person' ? { kind: 'place', speaks: '', gender: '', at: '' } : { kind: 'person' };

/** What shapes an answer, and is not needed to know whether there is one. */
const SHAPES = /^_(?:(?:rev)?include|sort|count|cursor)$/;

/** Does a search find anybody? One that cannot be answered now may. */
async function finds(data: PageData, q: FindQuery, networks: readonly string[] | undefined): Promise<boolean> {
  if (q.plan !== '' && networks?.length === 0) return false;
  const { type, pairs } = askingFor(q, q.plan === '' ? [] : (networks ?? []), todayOf(data), momentOf(data));
  try {
    const asked = pairs.filter(([name]) => !SHAPES.test(name));
    return (await data.search(type, [...asked, ['_count', '1'], ['_total', 'none']])).hits.length > 0;
  } catch (error) {
    if (error instanceof Outcome) return true;
    throw error;
  }
}

/** Of these ways those that lead to somebody, in their order. */
async function leading(data: PageData, ways: readonly Way[], networks: readonly string[] | undefined): Promise<Way[]> {
  const found = await Promise.all(ways.map((way) => finds(data, way.to, networks)));
  return ways.filter((_, i) => found[i]);
}

/** @param networks of the plan asked for; undefined: none is */
export async function nothing(
  data: PageData,
  l: Language,
  q: FindQuery,
  wishes: readonly Wish[],
  networks: readonly string[] | undefined,
): Promise<Safe> {
  const t = l.texts.nothing;
  const changed = (change: Partial<FindQuery>): FindQuery => ({ ...q, page: '', sort: undefined, ...change });
  const way = (said: string, change: Partial<FindQuery>): Way => ({ said, to: changed(change) });
  const isKnown = q.care === '' || meantBy(q.care).entries.length > 0;
  const asCare = q.care === '' && q.name !== '' ? meantBy(q.name) : undefined;
  const others: Way[] = [
    ...(isKnown || q.name !== '' ? [] : [way(t.asName(q.care), { name: q.care, care: '' })]),
    ...(asCare?.whole === true && asCare.entries.length > 0 ? [way(t.asCare(q.name), { care: q.name, name: '' })] : []),
    ...(q.care === '' && q.name === '' ? [] : [way(q.kind === 'person' ? t.amongPlaces : t.amongPeople, otherKind(q))]),
  ];
  const wider = (q.zip === '' ? [] : DISTANCES.filter((d) => Number(d) > Number(q.within))).map((d) =>
    way(t.wider(l.number(Number(d))), { within: d }),
  );
  const fewer = wishes.length < 2 ? [] : wishes.map((w) => way(t.without(w.said), w.without));
  const [other, wide, few] = await Promise.all([
    leading(data, others, networks),
    leading(data, wider, networks),
    leading(data, fewer, networks),
  ]);
  let ways = [...other, ...wide.slice(0, 1), ...few];
  if (ways.length === 0 && wishes.length > 2) {
    // leaving out one is not enough
    const none = readFind(new URLSearchParams());
    const alone = wishes.map((w) =>
      way(t.only(w.said), {
        ...none,
        kind: q.kind,
        ...Object.fromEntries(Object.keys(w.without).map((name) => [name, q[name as keyof FindQuery]])),
        within: q.within,
      }),
    );
    ways = await leading(data, alone, networks);
  }
  const items = ways.map(({ said, to }) => html`<li><a href="${link(l, '/find', findPairs(to))}">${said}</a></li>`);
  return html`<div class="problem" role="status"><p><strong>${t.title}</strong> ${t.text}${isKnown ? '' : html` ${l.texts.problem.specialty}`}</p><ul class="list">${items}<li><a href="${link(l, '/')}">${t.start}</a></li></ul><p>${t.hint}</p></div>`;
}
