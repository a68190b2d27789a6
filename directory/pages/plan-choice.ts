// Which plan, or which network, a reader means: by the list, by id, by number or by name.
import { Outcome } from '../../src/fhir/outcome.ts';
import { ID_PATTERN, objects, type Resource } from '../../src/fhir/resource.ts';
import { keyOf } from '../in-network/decide.ts';
import { keysIn, titleOf } from '../in-network/evidence.ts';
import type { PageData, PlanChoice } from './data.ts';

export type Chosen =
  | { kind: 'one'; plan: PlanChoice }
  /** several have this name; none: nobody has */
  | { kind: 'several'; plans: PlanChoice[] }
  | { kind: 'none' };

function choiceOf(resource: Resource, base: string): PlanChoice {
  const key = keyOf(resource);
  const networks =
    resource.resourceType === 'Organization'
      ? [key]
      : [...keysIn(resource['network'], base), ...objects(resource['plan']).flatMap((p) => keysIn(p['network'], base))];
  return { key, name: titleOf(resource) || key.slice(key.indexOf('/') + 1), networks: [...new Set(networks)] };
}

/** What stands in addresses for a plan: its id, or the whole key of a network. */
export const planValue = (key: string): string => key.replace(/^InsurancePlan\//, '');

export async function choosePlan(data: PageData, given: string): Promise<Chosen> {
  const key = given.startsWith('Organization/') ? given : `InsurancePlan/${given.replace(/^InsurancePlan\//, '')}`;
  if (ID_PATTERN.test(key.split('/')[1] ?? '')) {
    try {
      return { kind: 'one', plan: choiceOf(await data.read(key), data.base) };
    } catch (error) {
      if (!(error instanceof Outcome)) throw error; // it may be a number or a name
    }
  }
  const escaped = given.replace(/[\\,|$]/g, '\\$&');
  for (const pair of [
    ['identifier', escaped],
    ['name-like', escaped],
  ] as const) {
    const found = await data.search('InsurancePlan', [pair, ['_count', '12']]);
    const plans = found.hits.map((h) => choiceOf(h.resource, data.base));
    const [only] = plans;
    if (only && (plans.length === 1 || only.name === given)) return { kind: 'one', plan: only };
    if (plans.length > 0) return { kind: 'several', plans };
  }
  return { kind: 'none' };
}
