// What is reported of a pull that has ended and waits for a person all the same (requester/incomplete-pulls.ts).
import { RUN_OFF_DAYS } from '../../members/deadlines/rules.ts';
import type { Left } from '../incomplete-pulls.ts';

type Words = {
  /** for the report */
  summary: string;
  /** for anyone who decides */
  toDecide: string;
  /** for the terminal */
  line: string;
};

/** @param peer the payer that was asked */
export function leftWords(left: Left, peer: { id: string; name: string }): Words {
  const over = `it is not asked again by itself: the coverage of members in this pull ended more than ${RUN_OFF_DAYS} days ago.`;
  const again = `pull once more (pull run ${peer.id} --full)`;
  switch (left) {
    case 'incomplete':
      return {
        summary: `The last answer of ${peer.name} was not complete, and it is not asked again by itself: a person pulls once more, or accepts what came.`,
        toDecide: `The answer of the other payer was not complete, and ${over} Ask it for what is missing and ${again}, or accept what came.`,
        line: 'something is missing in its answer, and its payer is not asked again by itself: pull run --full, or pull accept',
      };
    case 'repeats':
      return {
        summary: `The answers of ${peer.name} are not complete, as it says or as lines of them cannot be read. It is therefore asked for the same each time, until one is complete or a person accepts what came.`,
        toDecide: `Three answers of the other payer in a row were not complete, and it is asked for the same each time. Read its messages and the lines that were rejected, and ask it for what is missing. If nothing is, accept what came: from then on it is asked for what changed since, as long as its answers say when they were made.`,
        line: 'something is missing in each answer, and its payer is asked for the same each time: pull accept, when nothing is',
      };
    case 'failed':
      return {
        summary: `The pull failed, and ${peer.name} is not asked again by itself: a person pulls once more, or leaves it at that.`,
        toDecide: `This pull failed, and ${over.replace('it is', 'the other payer is')} ${again[0]?.toUpperCase()}${again.slice(1)}, or leave it at that.`,
        line: 'it failed, and its payer is not asked again by itself: pull run --full, or pull accept',
      };
    case 'types':
      return {
        summary: `A person asks ${peer.name} for the types that it does not give, or accepts that they are missing.`,
        toDecide: `The other payer gives no records of the types that the summary names. Ask it for them; when it gives them, ${again}. If it will not, or has none, accept what came: the alert ends then, and comes again only for another type, or when one that it gave meanwhile is missing again. The next request asks for everything all the same.`,
        line: 'its payer gives no records of some types: pull run --full when it does, or pull accept',
      };
  }
}
