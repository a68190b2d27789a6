// Which plan, or which network, a reader means: by the list, by id, by number or by name.
import { Outcome } from '../../src/fhir/outcome.ts';
import { ID_PATTERN, objects, type Resource } from '../../src/fhir/resource.ts';
import { keyOf } from '../in-network/decide.ts';
import { keysIn, titleOf } from '../in-network/evidence.ts';
import type { PageData, PlanChoice } from './data.ts';

export type Chosen =
  | { kind: 'one'; plan: PlanChoice }
  /** several have this name; none: no one has */
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

/** A plan that was chosen: what stands for it in addresses, and what a reader sees in a field. */
export type ChosenPlan = { value: string; text: string };

export const NO_PLAN: ChosenPlan = { value: '', text: '' };

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
  for (const [type, ...pairs] of [
    ['InsurancePlan', ['identifier', escaped]],
    ['InsurancePlan', ['name:exact', escaped]],
    ['Organization', ['type', 'ntwk'], ['name:exact', escaped]],
    ['InsurancePlan', ['name-like', escaped]],
    ['Organization', ['type', 'ntwk'], ['name-like', escaped]],
  ] as const) {
    const found = await data.search(type, [...pairs, ['_count', '12']]);
    const plans = found.hits.map((h) => choiceOf(h.resource, data.base));
    const called = plans.filter((p) => p.name === given);
    // of two that are called alike it cannot be said which is meant
    const [only] = called.length === 1 ? called : plans;
    if (only && (plans.length === 1 || called.length === 1)) return { kind: 'one', plan: only };
    if (plans.length > 0) return { kind: 'several', plans: toldApart(plans) };
  }
  return { kind: 'none' };
}

/** Those that are called alike have their ids beside their names. */
const toldApart = (plans: readonly PlanChoice[]): PlanChoice[] =>
  plans.map((p) =>
    plans.some((other) => other !== p && other.name === p.name) ? { ...p, name: `${p.name} (${planValue(p.key)})` } : p,
  );

/** How a plan is written in a field: by its name, where that leads to it again. */
export async function writtenPlan(data: PageData, plan: PlanChoice): Promise<ChosenPlan> {
  const value = planValue(plan.key);
  if ((await data.plans()).whole) return { value, text: plan.name };
  const again = await choosePlan(data, plan.name);
  return { value, text: again.kind === 'one' && again.plan.key === plan.key ? plan.name : value };
}
