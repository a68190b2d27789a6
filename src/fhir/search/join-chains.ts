// Chains through the same reference as one chain, where a resource has that reference once: `practitioner.gender` and
// `practitioner.communication` then look for one set of people, which is smaller than either.
import type { Criterion } from './criterion.ts';
import { parameter } from './parameters.ts';
import type { DirectoryType } from './types.ts';

/** References of at most one target in R4. */
const SINGLE: readonly [DirectoryType, string][] = [
  ['Endpoint', 'organization'],
  ['HealthcareService', 'organization'],
  ['InsurancePlan', 'administered-by'],
  ['InsurancePlan', 'owned-by'],
  ['Location', 'organization'],
  ['Location', 'partof'],
  ['Organization', 'partof'],
  ['OrganizationAffiliation', 'participating-organization'],
  ['OrganizationAffiliation', 'primary-organization'],
  ['PractitionerRole', 'organization'],
  ['PractitionerRole', 'practitioner'],
];
const SEEDS = new Set(SINGLE.map(([type, code]) => parameter(type, code)?.id));

type Chain = Extract<Criterion, { kind: 'chain' }>;

/** Names that are ranked and points that are sorted by stay by themselves. */
const joins = (c: Criterion): c is Chain =>
  c.kind === 'chain' && SEEDS.has(c.seed) && !['like', 'near', 'chain', 'reverse-chain'].includes(c.of.kind);

export function joinChains(criteria: readonly Criterion[]): Criterion[] {
  const out: Criterion[] = [];
  const done = new Set<Criterion>();
  for (const c of criteria) {
    if (done.has(c)) continue;
    const same = joins(c)
      ? criteria.filter((o): o is Chain => joins(o) && o.seed === c.seed && o.target === c.target)
      : [];
    if (c.kind !== 'chain' || same.length < 2) out.push(c);
    else {
      for (const one of same) done.add(one);
      out.push({ ...c, of: { kind: 'all', type: c.target, of: same.map((one) => one.of) } });
    }
  }
  return out;
}
