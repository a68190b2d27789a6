// What a role or an affiliation says about itself: since when, for whom, and who checked it.
import { timeRange } from '../../src/fhir/instant.ts';
import { referenceTarget } from '../../src/fhir/reference.ts';
import {
  codings,
  extensions,
  isObject,
  type JsonObject,
  objects,
  type Resource,
  strings,
  text,
} from '../../src/fhir/resource.ts';
import { addTokenForms } from '../../src/fhir/search/token.ts';
import { PLAN_NET } from '../../src/fhir/search/types.ts';

const extensionUrl = (name: string) => `${PLAN_NET}/StructureDefinition/${name}`;
/** National Directory: has all of a record been checked? */
const VERIFICATION_STATUS = 'http://hl7.org/fhir/us/ndh/StructureDefinition/base-ext-verification-status';

/** `Type/id` of the references in an element. */
export function keysIn(value: JsonObject['x'], base: string): string[] {
  return objects(value).flatMap((r) => {
    const reference = text(r['reference']);
    return (reference === undefined ? undefined : referenceTarget(reference, base)) ?? [];
  });
}

/** The networks a PractitionerRole or OrganizationAffiliation names. */
export function networksOf(resource: Resource, base: string): string[] {
  return [...new Set(networkReferences(resource).flatMap((r) => keysIn(r, base)))];
}

const networkReferences = (resource: Resource): readonly JsonObject[] =>
  resource.resourceType === 'PractitionerRole'
    ? extensions(resource, extensionUrl('network-reference')).flatMap((e) => objects(e['valueReference']))
    : objects(resource['network']);

/** Does it name any, be it by words alone? */
export const namesNetworks = (resource: Resource): boolean => networkReferences(resource).length > 0;

/** Does it name one by words alone, perhaps beside others: by a display, an identifier or a contained record? */
export const namesInWords = (resource: Resource, base: string): boolean =>
  networkReferences(resource).some((r) => keysIn(r, base).length === 0 && Object.keys(r).some(tells));

const tells = (element: string): boolean => element !== 'extension' && element !== 'id';

export type When = 'active' | 'ended' | 'not-started';

/** Is the record active on a day? No period means always; an open end never ends. */
export function activeOn(resource: Resource, date: string): When {
  const day = timeRange(date);
  const period = isObject(resource['period']) ? resource['period'] : {};
  const start = timeRange(text(period['start']) ?? '');
  const end = timeRange(text(period['end']) ?? '');
  if (!day) return 'not-started';
  if (end && end.to <= day.from) return 'ended';
  if (start && start.from >= day.to) return 'not-started';
  return resource['active'] === false ? 'ended' : 'active';
}

export type NewPatients = { code: string; scope: 'this-network' | 'all-networks' };

/** Whether new patients are taken by members of a network; a statement about the network wins over a general one. */
export function newPatientsOf(resource: Resource, network: string, base: string): NewPatients | undefined {
  let general: NewPatients | undefined;
  for (const extension of extensions(resource, extensionUrl('newpatients'))) {
    const code = text(codings(extensions(extension, 'acceptingPatients')[0]?.['valueCodeableConcept'])[0]?.['code']);
    if (code === undefined) continue;
    const from = extensions(extension, 'fromNetwork').flatMap((e) => keysIn(e['valueReference'], base));
    if (from.includes(network)) return { code, scope: 'this-network' };
    if (from.length === 0) general ??= { code, scope: 'all-networks' };
  }
  return general;
}

/** Has the record one of the specialties? An empty list asks for none. */
export function hasSpecialty(resource: Resource, wanted: readonly string[]): boolean {
  if (wanted.length === 0) return true;
  const forms: string[] = [];
  for (const concept of objects(resource['specialty'])) addTokenForms(concept, false, forms);
  return wanted.some((w) => forms.includes(w));
}

/** `complete`, `incomplete` or `not-required`, when the record says so. */
export function verificationStatus(resource: Resource): string | undefined {
  const value = extensions(resource, VERIFICATION_STATUS)[0];
  return text(codings(value?.['valueCodeableConcept'])[0]?.['code']) ?? text(value?.['valueCode']);
}

/**
 * Day of the newest successful verification by `Type/id` of what was verified.
 * @param among VerificationResults; others are passed over
 */
export function verifiedDays(among: Iterable<Resource>, base: string): Map<string, string> {
  const days = new Map<string, string>();
  for (const v of among) {
    const performed = text(v['lastPerformed']) ?? text(v['statusDate']);
    if (v.resourceType !== 'VerificationResult' || v['status'] !== 'validated' || performed === undefined) continue;
    for (const key of keysIn(v['target'], base)) {
      const known = days.get(key);
      if (known === undefined || known < performed.slice(0, 10)) days.set(key, performed.slice(0, 10));
    }
  }
  return days;
}

export const metaOf = (resource: Resource): JsonObject => (isObject(resource['meta']) ? resource['meta'] : {});

/** What people call a record: its name, or what tells it apart when it has none. Empty when nothing does. */
export function titleOf(resource: Resource): string {
  const [alias] = strings(resource['alias']);
  const known = nameOf(resource) || alias;
  if (known) return known;
  if (resource.resourceType === 'Location') {
    const [address] = objects(resource['address']);
    const said = [...strings(address?.['line']), text(address?.['city']) ?? ''].filter((t) => t !== '').join(', ');
    const written = said || text(address?.['text']);
    if (written) return written;
  }
  if (resource.resourceType === 'HealthcareService')
    for (const concept of [resource['type'], resource['specialty'], resource['category']].flatMap(objects)) {
      const said = text(concept['text']) ?? codings(concept).flatMap((c) => text(c['display']) ?? [])[0];
      if (said !== undefined) return said;
    }
  return objects(resource['identifier']).flatMap((i) => text(i['value']) ?? [])[0] ?? '';
}

/** Whom a role names without a record of their own: as display, or contained in it. */
export function spokenOf(role: Resource): string {
  const practitioner = role['practitioner'];
  if (!isObject(practitioner)) return '';
  const reference = text(practitioner['reference']) ?? '';
  const contained = objects(role['contained']).find((r) => reference !== '' && reference === `#${text(r['id']) ?? ''}`);
  return text(practitioner['display']) ?? (contained ? nameOf({ ...contained, resourceType: 'Practitioner' }) : '');
}

/** The name of a person, place, organization or plan as it is read. */
export function nameOf(resource: Resource): string {
  const name = resource['name'];
  if (typeof name === 'string') return name;
  const names = objects(name);
  const best = names.find((n) => n['use'] === 'official') ?? names.find((n) => n['use'] !== 'old') ?? names[0];
  if (!best) return '';
  const parts = (key: string) => (Array.isArray(best[key]) ? best[key].filter((p) => typeof p === 'string') : []);
  const written = [...parts('prefix'), ...parts('given'), text(best['family']) ?? ''].filter((p) => p !== '').join(' ');
  const suffix = parts('suffix').join(', ');
  return text(best['text']) ?? (suffix === '' ? written : `${written}, ${suffix}`);
}
