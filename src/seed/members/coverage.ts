// Enrolment: numbers on the cards and the periods of both coverages.
import { dayNumber, isoDate } from '../dates.ts';
import { Draw, kindKey } from '../random.ts';
import { caseOf } from './person.ts';
import { type Side, UNTIL } from './side.ts';

const KIND = kindKey('coverage');

/** Two different primes, so that the same member has unrelated numbers at the two plans. */
const STEP: Record<Side, number> = { prior: 7_919, current: 104_729 };
const PRIME = 89_999_999;

/** Eight digits, distinct for every index below 89 million. */
function cardNumber(seed: number, index: number, side: Side): string {
  return String(10_000_000 + ((index * STEP[side] + Math.abs(seed % 997) * 31_337) % PRIME));
}

export type Card = { memberNumber: string; subscriberId: string; dependent: string };

/** A twin is a dependent on the card of the other. */
export function cardOn(seed: number, index: number, side: Side): Card {
  const dependent = caseOf(index) === 'twin-of-previous';
  const subscriberId = `${side === 'prior' ? 'OH' : 'ME'}${cardNumber(seed, dependent ? index - 1 : index, side)}`;
  const suffix = dependent ? '02' : '01';
  return { memberNumber: `${subscriberId}${suffix}`, subscriberId, dependent: suffix };
}

/** Day numbers, both ends included. `end` is absent while coverage runs. */
type Spell = { start: number; end?: number };

export type Enrolled = {
  prior: Spell & { end: number };
  current: Spell;
  until: number;
};

const MONTH = 30.4375;

/** First day of the month in which a day lies. */
const firstOfMonth = (day: number) => dayNumber(`${isoDate(day).slice(0, 7)}-01`);

/** When the member was with whom: six to eight years before, then with us for one to nine months. */
export function enrolled(seed: number, index: number, until: string = UNTIL): Enrolled {
  const draw = new Draw(seed, KIND, index);
  const anchor = dayNumber(until);
  const current = firstOfMonth(anchor - draw.between(30, 270));
  const gap = caseOf(index) === 'coverage-gap' ? 70 : 0;
  const end = current - 1 - gap;
  const start = firstOfMonth(Math.round(end - draw.between(74, 96) * MONTH));
  return { prior: { start, end }, current: { start: current }, until: anchor };
}
