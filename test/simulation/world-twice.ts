// People of a simulated world who are with a payer twice, under two numbers: staff makes the two members one, sometimes two again, and one once more. Which of them a
// record, a choice or a number of another payer is of is known by the story, and not by what a payer keeps.
import { makeOne, makeTwo } from '../../exchange/members/merge/merge-members.ts';
import { DOUBTS } from '../../exchange/members/merge/merge-report.ts';
import { numbers } from '../support/numbers.ts';
import { choiceOf, covers, enrol, flush, nodeOf, SEED, saids, say, spells, time, today, WITHOUT } from './world.ts';
import { HUMANS, type Human, type Member, memberAt, NAMES, type Second, secondIdAt } from './world-records.ts';

const roll = numbers(SEED + 3000);
const STAFF = { kind: 'staff', subject: 'dev|ada', requestId: 'world' } as const;

async function begin(h: Human, plan: number, first: Member): Promise<void> {
  const says = roll() < 0.5;
  const yes = roll() < 0.85;
  const second: Member = {
    number: `${first.first}s`,
    first: `${first.first}s`,
    starts: today(),
    ends: undefined,
    asks: says ? new Map(first.asks) : new Map(),
    optIn: says ? yes : undefined,
    policy: roll() < 0.5 ? 'regular' : 'sensitive',
    chosenOn: says ? today() : '',
    over: undefined,
  };
  h.twice.set(plan, { member: second, isOne: false, oneSince: undefined, turns: [] });
  spells.push({ who: h, plan, starts: today(), ends: undefined, isSeconds: true });
  if (says) saids.push({ who: h, plan, on: today(), at: time.clock(), yes, policy: second.policy, isSeconds: true });
  say(`${h.name} is with ${NAMES[plan]} once more, ${says ? `says ${yes} ${second.policy}` : 'says nothing'}`);
  enrol(h, plan, '', second);
  await flush();
}

const refusal = (done: object): string => JSON.stringify(done);

async function one(h: Human, plan: number, second: Second): Promise<void> {
  const [memberId, formerId] = [memberAt(h, plan), secondIdAt(h, plan)];
  const seen = Object.keys(DOUBTS);
  const done = await makeOne(nodeOf(plan).deps, { memberId, formerId, reason: 'same person', seen }, STAFF);
  say(`${NAMES[plan]} makes ${h.name} one: ${refusal(done)}`);
  if ('refused' in done) {
    if (done.refused !== 'busy') throw new Error(refusal(done));
    return;
  }
  second.isOne = true;
  second.oneSince ??= time.clock();
  second.turns.push(time.clock());
  const first = h.at.get(plan) as Member;
  const [a, b] = [choiceOf(first), choiceOf(second.member)];
  for (const [other, ends] of second.member.asks) if (!first.asks.has(other)) first.asks.set(other, ends);
  if (b.optIn === undefined) return;
  if (a.optIn === undefined) first.over = { ...b };
  else if (a.optIn !== b.optIn) first.over = { optIn: false, policy: 'regular', chosenOn: today() };
  else if (a.optIn && a.policy !== b.policy) first.over = { optIn: true, policy: 'regular', chosenOn: today() };
  else if (b.chosenOn > a.chosenOn) first.over = { ...b };
}

/** Somebody thinks that they are two. Only of whom the second member asks nobody: two who ask for one person are answered of neither. */
async function two(h: Human, plan: number, second: Second): Promise<void> {
  const done = await makeTwo(nodeOf(plan).deps, { formerId: secondIdAt(h, plan), reason: 'two persons' }, STAFF);
  say(`${NAMES[plan]} makes ${h.name} two: ${refusal(done)}`);
  if ('refused' in done) {
    if (done.refused !== 'busy') throw new Error(refusal(done));
    return;
  }
  second.isOne = false;
  second.turns.push(time.clock());
  const first = h.at.get(plan) as Member;
  if (first.over !== undefined)
    first.over = {
      optIn: first.optIn ?? false,
      policy: first.optIn === undefined ? 'regular' : first.policy,
      chosenOn: today(),
    };
}

/** Another day of them. */
export async function turnTwice(): Promise<void> {
  if (WITHOUT.has('twice')) return;
  for (const h of HUMANS)
    for (const [plan, first] of h.at) {
      const second = h.twice.get(plan);
      const chance = roll();
      if (second === undefined) {
        if (covers(first) && first.starts < today() && chance < 0.008) await begin(h, plan, first);
      } else if (!second.isOne) {
        if (chance < 0.05) await one(h, plan, second);
      } else if (chance < 0.03 && second.member.asks.size === 0 && second.member.optIn === undefined)
        await two(h, plan, second);
    }
}

/** Who asks of the same person twice is made one, in the end. */
export async function settleTwice(): Promise<void> {
  for (const h of HUMANS)
    for (const [plan, second] of h.twice) if (!second.isOne && second.member.asks.size > 0) await one(h, plan, second);
}
