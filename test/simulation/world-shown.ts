// What is wrong in what payers of a simulated world show of people.
import { mergedBundle } from '../../exchange/merged/everything.ts';
import { covers, events, nodeOf, sqlOf } from './world.ts';
import {
  type Happening,
  type Human,
  isToldGone,
  keyOf,
  type Member,
  memberAt,
  NAMES,
  placesOf,
  readShown,
  toldOf,
} from './world-records.ts';

/** What a payer shows of a person: each event by what it is known by, with all that is told of it. */
async function shown(h: Human, plan: number): Promise<Map<string, string[]>> {
  let text = '';
  for await (const piece of (await mergedBundle(nodeOf(plan).deps, memberAt(h, plan), true)) ?? []) text += piece;
  const { entry } = JSON.parse(text) as { entry: { resource: Parameters<typeof readShown>[0] }[] };
  const all = entry.flatMap(({ resource }) => readShown(resource) ?? []);
  return new Map([...Map.groupBy(all, (s) => s.key)].map(([key, of]) => [key, of.map((s) => s.told)]));
}

/** What is wrong in what a payer shows of a person. */
export async function faultsOf(h: Human, plan: number, m: Member): Promise<string[]> {
  const found: string[] = [];
  const view = await shown(h, plan);
  const mine = new Map(events.filter((e) => e.who === h).map((e) => [keyOf(e), e]));
  const asked = [...m.asks.keys()].filter((other) => {
    const there = h.at.get(other);
    // who says no there after choosing here is not told of
    return covers(m) && m.optIn === true && !(there?.optIn === false && there.chosenOn >= m.chosenOn);
  });
  for (const [key, told] of view) {
    const e = mine.get(key);
    if (told.length > 1) found.push(`${key} is shown ${told.length} times`);
    if (e === undefined) found.push(`${key} is somebody else's`);
    // who passes it on may have it as it was; it is as it is where all are asked who have it by themselves, and gone where one of them told so
    else if (
      e.gone
        ? await isToldGone(sqlOf(plan), e, plan)
        : placesOf(e).every((p) => p === plan || asked.includes(p)) && !told.includes(toldOf(e))
    )
      found.push(`${key} is shown as ${told.join()}, and is ${e.gone ? 'gone' : toldOf(e)}`);
  }
  const stands = (e: Happening | undefined): e is Happening => e !== undefined && !e.gone && e.status === 'active';
  const mayCome = (e: Happening) => m.policy === 'sensitive' || !(e.isLabelled || e.visit?.isLabelled);
  const wanted = [...mine.values()].filter((e) => stands(e) && placesOf(e).includes(plan));
  for (const other of asked) {
    wanted.push(...[...mine.values()].filter((e) => stands(e) && placesOf(e).includes(other) && mayCome(e)));
    for (const key of (await shown(h, other)).keys()) {
      const e = mine.get(key);
      if (stands(e) && mayCome(e)) wanted.push(e);
    }
  }
  for (const key of new Set(wanted.map(keyOf))) if (!view.has(key)) found.push(`${key} is not shown`);
  return found.map((fault) => `${NAMES[plan]} of ${h.name}: ${fault}`);
}
