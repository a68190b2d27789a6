// Contracts and years of Medicare Advantage plans. Pure.
import { type Json, objects, type Resource, text } from '../../src/fhir/resource.ts';

export const MA_PLAN_ID = 'http://cms.gov/medicare/ma-plan-id';
/** As real data spells it too. */
const MA_SYSTEMS = new Set([
  MA_PLAN_ID,
  'https://www.cms.gov/medicare/ma-plan-id',
  'https://cms.gov/medicare/ma-plan-id',
]);

export const isMaSystem = (system: Json | undefined) => typeof system === 'string' && MA_SYSTEMS.has(system);

/** `H1234-001-000` with the segment that may be left out; undefined when it is none. */
export function maPlanId(value: string): { contract: string; whole: string } | undefined {
  const m = /^([A-Z]\d{4})-(\d{3})(?:-(\d{3}))?$/.exec(value.trim().toUpperCase());
  return m?.[1] === undefined ? undefined : { contract: m[1], whole: `${m[1]}-${m[2]}-${m[3] ?? '000'}` };
}

/** Contracts of a plan. */
export function contractsOf(plan: Resource): string[] {
  const found = objects(plan['identifier']).flatMap((i) =>
    isMaSystem(i['system']) ? (maPlanId(text(i['value']) ?? '')?.contract ?? []) : [],
  );
  return [...new Set(found)];
}

/** The contract year: the year in which the plan's period begins. */
export function yearOf(plan: Resource): number | undefined {
  const [period] = objects(plan['period']);
  const m = /^(\d{4})(-|$)/.exec(text(period?.['start']) ?? '');
  return m ? Number(m[1]) : undefined;
}

/** References of a plan to its networks. */
export function planNetworks(plan: Resource): string[] {
  return [plan, ...objects(plan['plan'])].flatMap((p) =>
    objects(p['network']).flatMap((n) => text(n['reference']) ?? []),
  );
}

/** References of a role or an affiliation to networks. */
export function providerNetworks(resource: Resource): string[] {
  const references =
    resource.resourceType === 'PractitionerRole'
      ? objects(resource['extension']).flatMap((e) =>
          String(e['url']).endsWith('/network-reference') ? objects(e['valueReference']) : [],
        )
      : resource.resourceType === 'OrganizationAffiliation'
        ? objects(resource['network'])
        : [];
  return references.flatMap((r) => text(r['reference']) ?? []);
}
