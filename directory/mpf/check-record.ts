// What is wrong with one record, by code and element. Pure.
import { parseInstant, timeRange } from '../../src/fhir/instant.ts';
import { NPI_SYSTEM } from '../../src/fhir/npi.ts';
import { type Json, type JsonObject, objects, type Resource, strings, text } from '../../src/fhir/resource.ts';
import { UsStates } from '../../src/fhir/validate/plan-net-codes.ts';
import type { MpfCodeName } from './codes.ts';
import { contractsOf, isMaSystem, planNetworks, providerNetworks, yearOf } from './contract.ts';
import { FLAG, type KeyFlags } from './key-flags.ts';
import { extensionUrl, isNetwork } from './shape.ts';
import { isZipOf } from './zip-states.ts';

export type RecordContext = { contract: string; year: number; now: Date; flags: KeyFlags };
type Found = [code: MpfCodeName, element: string];

const MONTH_MS = 30 * 86_400_000;
const ACCEPTED = new Set(['newpt', 'nopt', 'existptonly']);
const known = UsStates.systems['https://www.usps.com/'];
const STATES: ReadonlySet<string> = known instanceof Set ? known : new Set<string>();

export function checkRecord(resource: Resource, context: RecordContext): Found[] {
  return [...checkDates(resource, context.now), ...(CHECKS[resource.resourceType]?.(resource, context) ?? [])];
}

const CHECKS: Record<string, (r: Resource, c: RecordContext) => Found[]> = {
  InsurancePlan: checkPlan,
  Organization: checkOrganization,
  Practitioner: checkPractitioner,
  PractitionerRole: checkRole,
  Location: (r) => checkAddress(objects(r['address'])[0], 'Location.address'),
  OrganizationAffiliation: checkAffiliation,
};

function checkDates(r: Resource, now: Date): Found[] {
  const [meta] = objects(r['meta']);
  const at = parseInstant(text(meta?.['lastUpdated']) ?? '');
  const found: Found[] = [];
  if (!at) found.push(['P1013', 'meta.lastUpdated']);
  else if (at > now) found.push(['P1014', 'meta.lastUpdated']);
  else if (now.getTime() - at.getTime() > MONTH_MS) found.push(['C4010', 'meta.lastUpdated']);
  for (const period of objects(r['period']))
    for (const end of ['start', 'end'])
      if (period[end] !== undefined && !timeRange(text(period[end]) ?? '')) found.push(['P1013', `period.${end}`]);
  return found;
}

const npisOf = (r: Resource) => objects(r['identifier']).filter((i) => i['system'] === NPI_SYSTEM);

function checkNpi(r: Resource, isNeeded: boolean): Found[] {
  const npis = npisOf(r);
  const values = npis.flatMap((i) => text(i['value'])?.trim() || []);
  if (values.length > 1) return [['F5009', `${r.resourceType}.identifier`]];
  return isNeeded && values.length === 0 ? [['P1001', `${r.resourceType}.identifier`]] : [];
}

function checkPlan(r: Resource, { contract, year, flags }: RecordContext): Found[] {
  const found: Found[] = [];
  const ids = objects(r['identifier']).filter((i) => isMaSystem(i['system']));
  const values = ids.flatMap((i) => text(i['value'])?.trim() || []);
  if (values.length === 0) found.push(['N3001', 'InsurancePlan.identifier']);
  if (values.some((v) => !/^[A-Z]\d{4}-\d{3}-\d{3}$/.test(v))) found.push(['N3002', 'InsurancePlan.identifier']);
  if (contractsOf(r).some((c) => c !== contract)) found.push(['N3014', 'InsurancePlan.identifier']);
  const begins = yearOf(r);
  if (objects(r['period'])[0]?.['start'] === undefined) found.push(['N3004', 'InsurancePlan.period.start']);
  else if (begins !== year) found.push(['N3005', 'InsurancePlan.period.start']);
  const networks = planNetworks(r);
  if (networks.length === 0) found.push(['F5001', 'InsurancePlan.network']);
  found.push(...checkNetworks(networks, flags, 'InsurancePlan.network'));
  if (!networks.some((n) => flags.has(n, FLAG.hasProvider))) found.push(['N3003', 'InsurancePlan.network']);
  for (const name of ['ownedBy', 'administeredBy'])
    found.push(...checkTargets(r[name], 'F5006', flags, `InsurancePlan.${name}`));
  return found;
}

function checkNetworks(networks: readonly string[], flags: KeyFlags, element: string): Found[] {
  return networks.some((n) => !flags.has(n, FLAG.exists | FLAG.network)) ? [['F5005', element]] : [];
}

/** References that lead out of the files, or nowhere. */
function checkTargets(value: Json | undefined, code: MpfCodeName, flags: KeyFlags, element: string): Found[] {
  const broken = objects(value).some((r) => !flags.has(text(r['reference']) ?? '', FLAG.exists));
  return broken ? [[code, element]] : [];
}

function checkOrganization(r: Resource, { flags }: RecordContext): Found[] {
  const types = objects(r['type']).flatMap((t) => objects(t['coding']).map((c) => c['code']));
  const found = checkTargets(r['partOf'], 'F5006', flags, 'Organization.partOf');
  if (isNetwork(r) || types.includes('payer')) return found;
  found.push(...checkNpi(r, true));
  if (!types.includes('fac')) found.push(['P1004', 'Organization.type']);
  if ((text(r['name']) ?? '').trim() === '') found.push(['P1008', 'Organization.name']);
  found.push(...checkAddress(objects(r['address'])[0], 'Organization.address'), ...checkPhones(r));
  return found;
}

function checkPractitioner(r: Resource): Found[] {
  const names = objects(r['name']);
  const found = checkNpi(r, true);
  if (!names.some((n) => strings(n['given'])[0]?.trim())) found.push(['P1006', 'Practitioner.name.given']);
  if (!names.some((n) => text(n['family'])?.trim())) found.push(['P1007', 'Practitioner.name.family']);
  if (text(r['gender']) === undefined) found.push(['P1010', 'Practitioner.gender']);
  if (objects(r['communication']).length === 0) found.push(['P1011', 'Practitioner.communication']);
  return [...found, ...checkPhones(r)];
}

function checkProvider(r: Resource, { flags }: RecordContext): Found[] {
  const type = r.resourceType;
  const found = checkNpi(r, false);
  const networks = providerNetworks(r);
  if (networks.length === 0) found.push(['F5001', `${type}.network`]);
  else if (!networks.some((n) => flags.has(n, FLAG.inPlan))) found.push(['P1016', `${type}.network`]);
  found.push(...checkNetworks(networks, flags, `${type}.network`));
  const places = objects(r['location']).flatMap((l) => text(l['reference']) ?? []);
  if (places.length === 0) found.push(['F5004', `${type}.location`]);
  else if (!places.some((p) => flags.has(p, FLAG.address))) found.push(['A2001', `${type}.location`]);
  found.push(...checkTargets(r['location'], 'F5008', flags, `${type}.location`));
  found.push(...checkTargets(r['organization'], 'F5006', flags, `${type}.organization`));
  if (objects(r['specialty']).length === 0) found.push(['P1009', `${type}.specialty`]);
  return [...found, ...checkPhones(r)];
}

const hasPhone = (r: Resource) => objects(r['telecom']).some((t) => t['system'] === 'phone');

function checkRole(r: Resource, context: RecordContext): Found[] {
  const { flags } = context;
  const found = checkProvider(r, context);
  const person = text(objects(r['practitioner'])[0]?.['reference']);
  if (person === undefined) found.push(['F5003', 'PractitionerRole.practitioner']);
  else if (!flags.has(person, FLAG.exists)) found.push(['F5007', 'PractitionerRole.practitioner']);
  if (!hasPhone(r) && !(person !== undefined && flags.has(person, FLAG.phone)))
    found.push(['A2009', 'PractitionerRole.telecom']);
  const codes = objects(r['extension'])
    .filter((e) => e['url'] === extensionUrl('newpatients'))
    .flatMap((e) => objects(e['extension']))
    .filter((e) => e['url'] === 'acceptingPatients')
    .flatMap((e) =>
      objects(e['valueCodeableConcept']).flatMap((c) => objects(c['coding']).map((x) => text(x['code']))),
    );
  if (codes.length === 0) found.push(['P1012', 'PractitionerRole.extension']);
  else if (codes.some((c) => c === undefined || !ACCEPTED.has(c))) found.push(['P1018', 'PractitionerRole.extension']);
  return found;
}

function checkAffiliation(r: Resource, context: RecordContext): Found[] {
  const found = checkProvider(r, context);
  const facility = text(objects(r['organization'])[0]?.['reference']);
  if (facility === undefined) found.push(['F5002', 'OrganizationAffiliation.organization']);
  const places = objects(r['location']).flatMap((l) => text(l['reference']) ?? []);
  const reached = [...(facility === undefined ? [] : [facility]), ...places];
  if (!hasPhone(r) && !reached.some((k) => context.flags.has(k, FLAG.phone)))
    found.push(['A2009', 'OrganizationAffiliation.telecom']);
  return found;
}

function checkPhones(r: Resource): Found[] {
  const wrong = objects(r['telecom']).some((t) => t['system'] === 'phone' && !/^\d{10}$/.test(text(t['value']) ?? ''));
  return wrong ? [['A2010', `${r.resourceType}.telecom`]] : [];
}

function checkAddress(address: JsonObject | undefined, element: string): Found[] {
  if (address === undefined) return [];
  const value = (name: string) => (text(address[name]) ?? '').trim();
  const found: Found[] = [];
  if (!strings(address['line'])[0]?.trim()) found.push(['A2007', `${element}.line`]);
  if (value('city') === '') found.push(['A2002', `${element}.city`]);
  if (value('state') === '') found.push(['A2003', `${element}.state`]);
  else if (!STATES.has(value('state'))) found.push(['A2004', `${element}.state`]);
  const zip = value('postalCode');
  if (zip === '') found.push(['A2005', `${element}.postalCode`]);
  else if (!/^\d{5}$/.test(zip) || zip === '00000' || zip === '99999') found.push(['A2006', `${element}.postalCode`]);
  else if (STATES.has(value('state')) && !isZipOf(zip, value('state'))) found.push(['A2008', element]);
  return found;
}
