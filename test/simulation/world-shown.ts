// What is wrong in what payers of a simulated world show of people.
import { mergedBundle } from '../../exchange/records/view/everything.ts';
import { choiceOf, covers, events, nameds, nodeOf, sqlOf } from './world.ts';
import {
  type Happening,
  type Human,
  hasFormer,
  isSeconds,
  isSecondUnder,
  isToldGone,
  keyOf,
  type Member,
  memberAt,
  NAMES,
  placesOf,
  readShown,
  secondIdAt,
  toldOf,
} from './world-records.ts';

/** What a payer shows of a member: each event by what it is known by, with all that is told of it. */
async function shown(plan: number, memberId: string): Promise<Map<string, string[]>> {
  let text = '';
  for await (const piece of (await mergedBundle(nodeOf(plan).deps, memberId, true)) ?? []) text += piece;
  const { entry } = JSON.parse(text) as { entry: { resource: Parameters<typeof readShown>[0] }[] };
  const all = entry.flatMap(({ resource }) => readShown(resource) ?? []);
  return new Map([...Map.groupBy(all, (s) => s.key)].map(([key, of]) => [key, of.map((s) => s.told)]));
}

/** Numbers of another payer that a member told. */
const numbersOf = (h: Human, plan: number, other: number, isSecond: boolean): string[] =>
  [...nameds.values()].flatMap((n) =>
    n.who === h && n.plan === plan && n.other === other && (n.isSeconds === isSecond || !isSecond) ? [n.number] : [],
  );

/** What is wrong in what a payer shows of a person. `isSecond`: as the other of the two members that the person is there. */
export async function faultsOf(h: Human, plan: number, m: Member, isSecond = false): Promise<string[]> {
  const found: string[] = [];
  const view = await shown(plan, isSecond ? secondIdAt(h, plan) : memberAt(h, plan));
  const mine = new Map(events.filter((e) => e.who === h).map((e) => [keyOf(e), e]));
  const choice = choiceOf(m);
  // members elsewhere to whom the numbers lead, of whom may be asked
  const asked = [...m.asks.keys()].flatMap((other) => {
    const seconds = numbersOf(h, plan, other, isSecond).map((number) => isSecondUnder(h, other, number));
    return [...new Set(seconds)].flatMap((isSecondThere) => {
      const member = isSecondThere ? h.twice.get(other)?.member : h.at.get(other);
      const there = member && choiceOf(member);
      // who says no there after choosing here is not told of
      const isRefused = there?.optIn === false && there.chosenOn >= choice.chosenOn;
      return covers(m) && choice.optIn === true && !isRefused ? [{ other, isSecondThere }] : [];
    });
  });
  const isAsked = (e: Happening) => (p: number) =>
    asked.some((a) => a.other === p && a.isSecondThere === isSeconds(e, p));
  for (const [key, told] of view) {
    const e = mine.get(key);
    const left = e === undefined ? [] : placesOf(e).filter((p) => p !== plan && !isAsked(e)(p));
    const mayBeTwice =
      e !== undefined &&
      told.length === 2 &&
      (await Promise.all(left.map((p) => hasFormer(sqlOf(plan), e, p)))).includes(true);
    if (told.length > 1 && !mayBeTwice) found.push(`${key} is shown ${told.length} times`);
    if (e === undefined) found.push(`${key} is somebody else's`);
    // who passes it on may have it as it was; it is as it is where all are asked who have it by themselves, and gone where one of them told so
    else if (
      e.gone
        ? await isToldGone(sqlOf(plan), e, plan)
        : placesOf(e).every((p) => (p === plan ? isSeconds(e, p) === isSecond : isAsked(e)(p))) &&
          !told.includes(toldOf(e))
    )
      found.push(`${key} is shown as ${told.join()}, and is ${e.gone ? 'gone' : toldOf(e)}`);
    if (e !== undefined && placesOf(e).join() === String(plan) && isSeconds(e, plan) !== isSecond)
      found.push(`${key} is of the other member`);
  }
  const stands = (e: Happening | undefined): e is Happening => e !== undefined && !e.gone && e.status === 'active';
  const mayCome = (e: Happening) => choice.policy === 'sensitive' || !(e.isLabelled || e.visit?.isLabelled);
  const wanted = [...mine.values()].filter(
    (e) => stands(e) && placesOf(e).includes(plan) && isSeconds(e, plan) === isSecond,
  );
  for (const { other, isSecondThere } of asked) {
    wanted.push(
      ...[...mine.values()].filter(
        (e) => stands(e) && placesOf(e).includes(other) && isSeconds(e, other) === isSecondThere && mayCome(e),
      ),
    );
    for (const key of (await shown(other, isSecondThere ? secondIdAt(h, other) : memberAt(h, other))).keys()) {
      const e = mine.get(key);
      // what comes back of the other member here is that one's
      const isOthers = e !== undefined && placesOf(e).includes(plan) && isSeconds(e, plan) !== isSecond;
      if (!stands(e) || !mayCome(e) || isOthers) continue;
      // whoever has it by itself may have taken back all that was had of the member, as the choice there was: a copy falls with that, and nobody is asked who could tell otherwise
      const isHadHere = placesOf(e).some((p) => p === plan || isAsked(e)(p));
      if (isHadHere || !(await isToldGone(sqlOf(plan), e, plan))) wanted.push(e);
    }
  }
  for (const key of new Set(wanted.map(keyOf))) if (!view.has(key)) found.push(`${key} is not shown`);
  return found.map((fault) => `${NAMES[plan]} of ${h.name}${isSecond ? ' the second' : ''}: ${fault}`);
}
