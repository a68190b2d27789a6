// What staff of payers of a simulated world do beside what they are told: a payer that was named by mistake is taken back, and named again; a payer is suspended for some days; a pull
// that waits is given up; and a payer's store gives all its records other ids.
import { recordPayer } from '../../exchange/members/consent/record-choice.ts';
import { recordNamedInError } from '../../exchange/members/enrolment/payer-entered-in-error.ts';
import { setPeerState } from '../../exchange/peers/peer.ts';
import { BEFORE_RECORDS, giveUpPull } from '../../exchange/requester/give-up.ts';
import type { PullState } from '../../exchange/requester/pull.ts';
import { numbers } from '../support/numbers.ts';
import { covers, events, flush, nameds, nodeOf, record, remove, SEED, say, sqlOf, time, WITHOUT } from './world.ts';
import { idAt, memberAt, NAMES, PLANS, peerId, placesOf, renumber } from './world-records.ts';

const STAFF = { kind: 'staff', subject: 'dev|ada', requestId: 'world' } as const;
const [mistakes, ids, peers, waits] = [5000, 6000, 7000, 8000].map((n) => numbers(SEED + n)) as [
  () => number,
  () => number,
  () => number,
  () => number,
];

async function turnMistakes(): Promise<void> {
  for (const named of nameds.values()) {
    const { who, plan, other, number } = named;
    const chance = mistakes();
    const m = who.at.get(plan);
    if (named.isSeconds || who.twice.has(plan) || !covers(m) || m === undefined) continue;
    const { deps } = nodeOf(plan);
    const memberId = memberAt(who, plan);
    if (!named.isInError && m.asks.has(other) && chance < 0.01) {
      const rows = await sqlOf(plan)<{ id: string }[]>`
        select id from exchange.other_coverage where member_id = ${memberId} and peer_id = ${peerId(other)} and member_number = ${number}`;
      expectOne(rows.length, `${who.name} names ${NAMES[other]} at ${NAMES[plan]}`);
      const done = await recordNamedInError(
        deps,
        memberId,
        { otherCoverageId: rows[0]?.id ?? '', reason: 'a wrong row' },
        STAFF,
      );
      if (done !== 'done') throw new Error(done);
      named.isInError = true;
      const isLeft = [...nameds.values()].some(
        (n) => n.who === who && n.plan === plan && n.other === other && !n.isInError,
      );
      if (!isLeft) m.asks.delete(other);
      say(`${who.name} did not name ${NAMES[other]} ${number} at ${NAMES[plan]}`);
    } else if (named.isInError && chance < 0.04) {
      const rows = await sqlOf(plan)<{ payer: string }[]>`
        select payer from exchange.other_coverage where member_id = ${memberId} and peer_id = ${peerId(other)} and member_number = ${number}`;
      const there = who.at.get(other);
      const ends = there?.ends;
      await recordPayer(
        deps,
        memberId,
        { payer: rows[0]?.payer ?? '', memberNumber: number, starts: there?.starts ?? null, ends: ends ?? null },
        STAFF,
      );
      [named.isInError, named.ends] = [false, ends];
      m.asks.set(other, ends);
      say(`${who.name} names ${NAMES[other]} ${number} at ${NAMES[plan]} again`);
    }
  }
}
const expectOne = (n: number, what: string): void => {
  if (n !== 1) throw new Error(`${what}: ${n}`);
};

async function turnIds(): Promise<void> {
  for (const plan of PLANS) {
    if (ids() > 0.008) continue;
    const keepsNumbers = ids() < 0.7;
    say(`${NAMES[plan]} gives its records other ids${keepsNumbers ? '' : ', and no numbers'}`);
    const mine = events.filter((e) => placesOf(e).includes(plan) && !e.gone);
    const were = mine.map((e) => `${e.kind}/${idAt(e, plan)}`);
    for (const e of mine) {
      renumber(e, plan);
      if (!keepsNumbers && e.also === undefined) e.isNumbered = false;
      // another id is another record there: what comes while two members are one stays with the one that stays, until it is told again
      if (plan === e.plan && e.who.twice.get(plan)?.isOne === true) e.isSeconds = false;
    }
    for (const e of mine) record(e);
    for (const was of were) remove(plan, was);
    await flush();
  }
}

const suspended = new Map<string, number>();
const everSuspended = new Set<string>();
/** Did a payer ever let another one ask no more? */
export const hasSuspended = (plan: number, other: number): boolean => everSuspended.has(`${plan} ${other}`);
async function turnPeers(): Promise<void> {
  for (const plan of PLANS)
    for (const other of PLANS) {
      if (other === plan) continue;
      const [key, chance] = [`${plan} ${other}`, peers()];
      const left = suspended.get(key);
      if (left === undefined && chance < 0.005) await setState(plan, other, 'suspended', 2 + Math.floor(chance * 1600));
      else if (left === 1) await setState(plan, other, 'active', 0);
      else if (left !== undefined) suspended.set(key, left - 1);
    }
}
async function setState(plan: number, other: number, state: 'suspended' | 'active', days: number): Promise<void> {
  say(`${NAMES[other]} is ${state} at ${NAMES[plan]}${days > 0 ? ` for ${days} days` : ''}`);
  everSuspended.add(`${plan} ${other}`);
  if (days > 0) suspended.set(`${plan} ${other}`, days);
  else suspended.delete(`${plan} ${other}`);
  await setPeerState(sqlOf(plan), peerId(other), state, 'staff', time.clock());
}

async function turnWaits(): Promise<void> {
  for (const plan of PLANS) {
    const open = await sqlOf(plan)<{ id: string; state: PullState }[]>`
      select id, state from exchange.pull where state = any(${[...BEFORE_RECORDS]}::text[]) order by created_at, id`;
    for (const { id, state } of open) {
      if (waits() > 0.3) continue;
      const by = { kind: 'staff', subject: 'dev|ada', name: 'Ada' } as const;
      say(
        `${NAMES[plan]} gives up a pull that is ${state}: ${await giveUpPull(nodeOf(plan).deps, by, { id, seen: state, note: 'too long' })}`,
      );
    }
  }
}

/** Another day of them. */
export async function turnStaff(): Promise<void> {
  if (!WITHOUT.has('mistakes')) await turnMistakes();
  if (!WITHOUT.has('ids')) await turnIds();
  if (!WITHOUT.has('peers')) await turnPeers();
  if (!WITHOUT.has('waits')) await turnWaits();
}
export async function settleStaff(): Promise<void> {
  for (const key of suspended.keys()) {
    const [plan, other] = key.split(' ').map(Number) as [number, number];
    await setState(plan, other, 'active', 0);
  }
}
