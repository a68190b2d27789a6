// A resource as Medicare Plan Finder reads it: the elements that are read, references inside the files only, phones as ten
// digits, ZIPs as five, the facility of an affiliation where the readers look for it. Pure.

import { referenceTarget } from '../../src/fhir/reference.ts';
import { extensions, type Json, type JsonObject, objects, type Resource, text } from '../../src/fhir/resource.ts';
import { PLAN_NET } from '../../src/fhir/search/types.ts';
import { isMaSystem, MA_PLAN_ID, maPlanId } from './contract.ts';

export type ShapeContext = {
  contract: string;
  /** public FHIR base */
  base: string;
  /** `Organization/id` of the networks of the contract's plans */
  networks: ReadonlySet<string>;
};

export const extensionUrl = (name: string) => `${PLAN_NET}/StructureDefinition/${name}`;
const ORG_TYPES = `${PLAN_NET}/CodeSystem/OrgTypeCS`;

/** Elements that are copied as they are. Nothing in them refers to another resource. */
const PLAIN: Record<string, readonly string[]> = {
  InsurancePlan: ['status', 'type', 'name', 'alias', 'period'],
  Organization: ['active', 'type', 'name', 'alias'],
  Practitioner: ['active', 'name', 'gender', 'communication'],
  PractitionerRole: ['active', 'period', 'code', 'specialty'],
  Location: ['status', 'name', 'alias', 'type', 'position'],
  OrganizationAffiliation: ['active', 'period', 'code', 'specialty'],
};

export const MPF_TYPES = [
  'InsurancePlan',
  'Organization',
  'Practitioner',
  'PractitionerRole',
  'Location',
  'OrganizationAffiliation',
] as const;

const digits = (value: string) => value.replace(/(?:;?ext\.?|extension|x|#)[\s=:.]*\d+\s*$/i, '').replace(/\D/g, '');

/** Ten digits where the number has them, else as it was sent: the audit says so then. */
export function phoneDigits(value: string): string {
  const found = digits(value).replace(/^1(?=\d{10}$)/, '');
  return /^\d{10}$/.test(found) ? found : value;
}

function telecom(value: Json | undefined): JsonObject[] {
  return objects(value).map(({ extension: _, ...t }) =>
    t['system'] === 'phone' && typeof t['value'] === 'string' ? { ...t, value: phoneDigits(t['value']) } : t,
  );
}

function addresses(value: Json | undefined): JsonObject[] {
  return objects(value).map(({ extension: _, ...a }) => {
    const zip = /^(\d{5})-?\d{4}$/.exec(text(a['postalCode'])?.trim() ?? '')?.[1];
    return zip === undefined ? a : { ...a, postalCode: zip };
  });
}

/** Identifiers without their assigners; of plan ids those of the contract, whole. */
function identifiers(value: Json | undefined, contract: string): JsonObject[] {
  return objects(value).flatMap(({ assigner: _, extension: __, ...i }) => {
    if (!isMaSystem(i['system'])) return [i];
    const id = maPlanId(text(i['value']) ?? '');
    return id === undefined || id.contract === contract
      ? [{ ...i, system: MA_PLAN_ID, ...(id ? { value: id.whole } : {}) }]
      : [];
  });
}

export function shapeForMpf(resource: Resource, context: ShapeContext): Resource {
  const type = resource.resourceType;
  const local = (value: Json | undefined): JsonObject[] =>
    objects(value).flatMap((r) => {
      const target = referenceTarget(text(r['reference']) ?? '', context.base);
      return target === undefined || target === '' ? [] : [{ reference: target }];
    });
  const networks = (value: Json | undefined) =>
    local(value).filter((r) => context.networks.has(text(r['reference']) ?? ''));
  const out: Resource = { resourceType: type };
  const set = (name: string, value: Json | undefined) => {
    if (value !== undefined && !(Array.isArray(value) && value.length === 0)) out[name] = value;
  };
  set('id', resource['id']);
  set('meta', meta(resource));
  if (type === 'PractitionerRole') set('extension', roleExtensions(resource, context, local));
  set('identifier', identifiers(resource['identifier'], context.contract));
  for (const name of PLAIN[type] ?? []) set(name, resource[name]);
  if (resource['telecom'] !== undefined) set('telecom', telecom(resource['telecom']));
  const place = type === 'Location' ? addresses(resource['address'])[0] : addresses(resource['address']);
  set('address', place);
  const first = (name: string) => set(name, local(resource[name])[0]);
  if (type === 'InsurancePlan') {
    for (const name of ['ownedBy', 'administeredBy']) first(name);
    set('network', networks(resource['network']));
    set('plan', planParts(resource, networks));
  } else if (type === 'Organization') {
    if (isNetwork(resource)) first('partOf');
  } else if (type === 'PractitionerRole') {
    for (const name of ['practitioner', 'organization']) first(name);
    set('location', local(resource['location']));
  } else if (type === 'Location') first('managingOrganization');
  else if (type === 'OrganizationAffiliation') {
    // Plan-Net has the facility in participatingOrganization; the readers of these files look into organization
    const facility = local(resource['participatingOrganization'])[0] ?? local(resource['organization'])[0];
    set('organization', facility);
    set('participatingOrganization', facility);
    set('network', networks(resource['network']));
    set('location', local(resource['location']));
  }
  return out;
}

/** When the record was last confirmed: the time of the change that the directory shows, never later. */
function meta(resource: Resource): JsonObject {
  const [given] = objects(resource['meta']);
  const name = resource.resourceType === 'Organization' && isNetwork(resource) ? 'Network' : resource.resourceType;
  return {
    ...(given?.['lastUpdated'] === undefined ? {} : { lastUpdated: given['lastUpdated'] }),
    profile: [extensionUrl(`plannet-${name}`)],
  };
}

export function isNetwork(organization: Resource): boolean {
  return objects(organization['type']).some((t) =>
    objects(t['coding']).some((c) => c['system'] === ORG_TYPES && c['code'] === 'ntwk'),
  );
}

function planParts(plan: Resource, networks: (value: Json | undefined) => JsonObject[]): JsonObject[] {
  return objects(plan['plan']).map((p) => {
    const own = networks(p['network']);
    return {
      ...(p['type'] === undefined ? {} : { type: p['type'] }),
      ...(own.length === 0 ? {} : { network: own }),
    };
  });
}

/** Networks of the contract, and what is said of new patients in them or in general. */
function roleExtensions(
  role: Resource,
  context: ShapeContext,
  local: (value: Json | undefined) => JsonObject[],
): JsonObject[] {
  const inside = (r: JsonObject | undefined) => r !== undefined && context.networks.has(text(r['reference']) ?? '');
  const named = extensions(role, extensionUrl('network-reference')).flatMap((e) => {
    const [target] = local(e['valueReference']);
    return target && inside(target) ? [{ url: extensionUrl('network-reference'), valueReference: target }] : [];
  });
  const patients = extensions(role, extensionUrl('newpatients')).flatMap((e) => {
    const parts = objects(e['extension']);
    const [from] = local(parts.find((p) => p['url'] === 'fromNetwork')?.['valueReference']);
    if (from !== undefined && !inside(from)) return [];
    const extension: JsonObject[] = parts
      .filter((p) => p['url'] === 'acceptingPatients')
      .map((p) => ({ url: 'acceptingPatients', valueCodeableConcept: knownAcceptance(p['valueCodeableConcept']) }));
    if (from) extension.push({ url: 'fromNetwork', valueReference: from });
    return [{ url: extensionUrl('newpatients'), extension }];
  });
  return [...named, ...patients];
}

/** "Existing patients and their families" is not read there; it says the same of strangers as "existing patients". */
function knownAcceptance(value: Json | undefined): Json {
  const [concept] = objects(value);
  const coding = objects(concept?.['coding']).map((c) =>
    c['code'] === 'existptfam' ? { system: c['system'], code: 'existptonly' } : c,
  );
  return { coding };
}
