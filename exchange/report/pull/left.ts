// What is told of a pull that has ended and waits for a person all the same (store/pull/pull-left.ts).
import { RUN_OFF_DAYS } from '../../clocks/rules.ts';
import type { Left } from '../../store/pull/pull-left.ts';

type Words = {
  /** for the report */
  summary: string;
  /** for whoever decides */
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
        summary: `${peer.name} said that its answer is not complete, and is not asked again by itself: a person pulls once more, or accepts what came.`,
        toDecide: `The other payer said that its answer is not complete, and ${over} Ask it for what is missing and ${again}, or accept what came.`,
        line: 'its payer said that something is missing, and is not asked again by itself: pull run --full, or pull accept',
      };
    case 'repeats':
      return {
        summary: `${peer.name} says each time that its answer is not complete, and is therefore asked for the same each time, until it says otherwise or a person accepts what came.`,
        toDecide: `The other payer has said three times in a row that its answer is not complete, and is asked for the same each time. Read its messages and ask it for what is missing. If nothing is, accept what came: from then on it is asked for what changed since, as long as its answers say when they were made.`,
        line: 'its payer says each time that something is missing, and is asked for the same each time: pull accept, when nothing is',
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
