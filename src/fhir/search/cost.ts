// What a search may cost, judged before it is run: a request is refused by its shape, never by what the directory holds.
import { Outcome } from '../outcome.ts';
import type { Criterion } from './criterion.ts';
import type { Include } from './include.ts';

/** The budget of a request. A value costs one, through a chain five, through two twenty-five. */
const BUDGET = 1200;
const MAX_INCLUDES = 80;
const HOP = 5;
const CRITERION = 2;

/** Points of one criterion. */
function costOf(c: Criterion): number {
  switch (c.kind) {
    case 'token':
      return CRITERION + c.forms.length;
    case 'reference':
    case 'id':
      return CRITERION + c.keys.length;
    case 'string':
      return CRITERION + c.words.length * (c.match === 'contains' ? 5 : 2);
    case 'near':
      return CRITERION + c.circles.length * 10;
    case 'contains':
      return CRITERION + c.points.length * 10;
    case 'chain':
    case 'reverse-chain':
      return HOP * costOf(c.of);
    case 'none':
      return costOf(c.of);
    case 'all': {
      // what few directories have is asked of those that have it: the chain beside it begins with them
      const cost = c.of.reduce((sum, one) => sum + costOf(one), 0);
      return c.of.some((one) => one.kind === 'token' && one.scarce === true) ? Math.ceil(cost / HOP) : cost;
    }
    case 'any':
      return c.of.reduce((sum, one) => sum + costOf(one), 0);
    default:
      return CRITERION * 2;
  }
}

/** @throws Outcome search-too-complex */
export function checkCost(criteria: readonly Criterion[], includes: readonly Include[]): void {
  if (includes.length > MAX_INCLUDES)
    throw new Outcome('search-too-complex', `A search has at most ${MAX_INCLUDES} different includes here.`);
  const cost = criteria.reduce((sum, c) => sum + costOf(c), 0);
  if (cost > BUDGET)
    throw new Outcome(
      'search-too-complex',
      `The search costs ${cost} points of ${BUDGET}: ask for fewer values, circles or steps of chains at once.`,
    );
}
