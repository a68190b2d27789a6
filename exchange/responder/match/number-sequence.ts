// Does someone go through card numbers one after the other? Numbers of one batch with small equal steps, most of which
// are no member's (HRex mm-7). An employer's people, who were given numbers in a row and are found, are none of that.
// Pure.

/** A number of a card, and whether its question found someone. */
export type Submitted = { card: string; isFound: boolean };

/** So many in a row are reported. */
export const LEAST_RUN = 10;
const GREATEST_STEP = 10;
/** Digits at the end that a number holds exactly. */
const LONGEST = 15;

type Numbered = { before: string; n: number; digits: number; isFound: boolean };

function numbered({ card, isFound }: Submitted): Numbered[] {
  const digits = /\d+$/.exec(card)?.[0].slice(-LONGEST) ?? '';
  return digits === ''
    ? []
    : [{ before: card.slice(0, card.length - digits.length), n: Number(digits), digits: digits.length, isFound }];
}

/**
 * How many cards the longest row has of which more than half are no member's; 0 when none has {@link LEAST_RUN}. In
 * whatever order they came; the same card twice is one.
 */
export function longestRow(submitted: readonly Submitted[]): number {
  const all = submitted.flatMap(numbered);
  all.sort((a, b) => (a.before < b.before ? -1 : a.before > b.before ? 1 : a.digits - b.digits || a.n - b.n));
  let longest = 0;
  let [length, missed, step] = [0, 0, 0];
  let last: Numbered | undefined;
  for (const one of all) {
    const isBeside = last !== undefined && last.before === one.before && last.digits === one.digits;
    const by = isBeside && last ? one.n - last.n : 0;
    if (isBeside && by === 0) continue;
    const miss = one.isFound ? 0 : 1;
    if (isBeside && by <= GREATEST_STEP && by === step) {
      length++;
      missed += miss;
    } else if (isBeside && by <= GREATEST_STEP && last) {
      // the one before begins a row of another step
      [length, missed, step] = [2, miss + (last.isFound ? 0 : 1), by];
    } else [length, missed, step] = [1, miss, 0];
    if (length >= LEAST_RUN && missed * 2 > length) longest = Math.max(longest, length);
    last = one;
  }
  return longest;
}
