// Records of the QHP machine-readable files: providers.json and plans.json. https://github.com/CMSgov/QHP-provider-formulary-APIs
// The files name no networks, only plans and tiers. Providers with the same plans and tiers are taken as one network, which
// says exactly what the file says and gives each person one role.

import { isObject, type Json, type JsonObject, objects, type Resource, strings } from '../../fhir/resource.ts';
import { own } from '../../safe-lookup.ts';
import { location, organization, PAYER, type Place, placeId, plan, practitioner, role, shortHash } from './build.ts';
import { affiliation, service, serviceId } from './build-service.ts';
import { type Made, npiFault, refused } from './made.ts';
import { stateCode } from './state-codes.ts';
import { gender, type Left, languages, specialties, zipDigits } from './values.ts';

const HIOS = /^[0-9]{5}[A-Z]{2}[0-9]{7}$/;

type Network = { id: string; pairs: string[] };
type Known = { name: string; years: number[] };

/** Networks and plans met so far; they become resources when all files have been read. */
export type QhpSets = { networks: Map<string, Network>; plans: Map<string, Known> };
export const qhpSets = (): QhpSets => ({ networks: new Map(), plans: new Map() });

/** NPIs, ZIPs and telephone numbers are written as numbers too. */
const text = (value: Json | undefined) =>
  typeof value === 'string' ? value.trim() : typeof value === 'number' ? String(value) : '';

/** Years as numbers, or as texts. */
function years(value: Json | undefined, left: Left[]): number[] {
  const given = (Array.isArray(value) ? value : []).map(text);
  const known = given.filter((y) => /^[12]\d{3}$/.test(y));
  if (known.length < given.length) left.push({ column: 'years', why: 'holds one that is no year' });
  return known.map(Number);
}

function networkOf(record: JsonObject, sets: QhpSets, left: Left[]): string | undefined {
  const pairs = new Set<string>();
  for (const p of objects(record['plans'])) {
    const id = text(p['plan_id']);
    if (!HIOS.test(id)) {
      left.push({ column: 'plans', why: 'holds a plan_id that is not a HIOS plan id of 14 characters' });
      continue;
    }
    pairs.add(`${id} ${text(p['network_tier'])}`);
    const known = sets.plans.get(id) ?? { name: id, years: [] };
    known.years = [...new Set([...known.years, ...years(p['years'], left)])];
    sets.plans.set(id, known);
  }
  if (pairs.size === 0) return undefined;
  const sorted = [...pairs].sort();
  const id = `net-${shortHash(sorted.join('\n'))}`;
  if (!sets.networks.has(id)) sets.networks.set(id, { id, pairs: sorted });
  return id;
}

function places(record: JsonObject, name: string, left: Left[]): Place[] {
  return objects(record['addresses']).flatMap((a) => {
    const state = stateCode(text(a['state']));
    const zip = zipDigits(text(a['zip']));
    const line = [text(a['address']), text(a['address_2'])].filter(Boolean);
    const city = text(a['city']);
    if (line.length === 0 || city === '' || state === undefined || zip === undefined) {
      left.push({ column: 'addresses', why: 'holds one without street, city, state or ZIP' });
      return [];
    }
    return [{ name: name || `${line[0]}, ${city}`, line, city, state, zip, phone: text(a['phone']) || undefined }];
  });
}

const ACCEPTING: Record<string, string> = { accepting: 'newpt', 'not accepting': 'nopt' };

/** What has no code; `accepting in some locations` does not say in which. */
const NOT_TOLD = new Set(['', 'unknown', 'accepting in some locations']);

function accepting(value: Json | undefined, left: Left[]): string | undefined {
  const stated = text(value).toLowerCase();
  const found = own(ACCEPTING, stated);
  if (found === undefined && !NOT_TOLD.has(stated))
    left.push({
      column: 'accepting',
      why: 'is none of "accepting", "not accepting" and "accepting in some locations"',
    });
  return found;
}

export function qhpProvider(record: JsonObject, sets: QhpSets): Made {
  const npi = text(record['npi']);
  const fault = npiFault(npi);
  if (fault !== undefined) return refused('npi', fault);
  const left: Left[] = [];
  const network = networkOf(record, sets, left);
  const of = specialties([...strings(record['specialty']), ...strings(record['speciality'])], 'specialty', left);
  const type = text(record['type']).toUpperCase();
  if (type === 'INDIVIDUAL') {
    const name = isObject(record['name']) ? record['name'] : {};
    const family = text(name['last']);
    if (family === '') return refused('name.last', 'is empty');
    const at = places(record, '', left);
    const person = practitioner({
      npi,
      prefix: text(name['prefix']) || undefined,
      first: [text(name['first']), text(name['middle'])].filter(Boolean),
      family,
      suffix: [text(name['suffix'])].filter(Boolean),
      gender: gender(text(record['gender']), 'gender', left),
      languages: languages(strings(record['languages']), 'languages', left),
    });
    const works = role({
      npi,
      locations: at.map(placeId),
      network,
      specialties: of,
      phone: at[0]?.phone,
      accepting: accepting(record['accepting'], left),
      period: {},
    });
    return { resources: [person, ...at.map((p) => location(p, undefined)), works], left };
  }
  if (type !== 'FACILITY' && type !== 'GROUP') return refused('type', 'is not INDIVIDUAL, FACILITY or GROUP');
  const name = text(record['facility_name']) || text(record['group_name']);
  if (name === '') return refused('facility_name', 'is empty');
  const kinds = of.length > 0 ? of : specialties(strings(record['facility_type']), 'facility_type', left);
  const at = places(record, name, left);
  const key = `Organization/org-${npi}`;
  const shared = { npi, organization: key, locations: at.map(placeId), specialties: kinds, phone: at[0]?.phone };
  return {
    resources: [
      organization({
        id: `org-${npi}`,
        npi,
        name,
        type: type === 'GROUP' ? 'prvgrp' : 'fac',
        place: at[0],
        phone: at[0]?.phone,
      }),
      ...at.map((p) => location(p, key)),
      service({ ...shared, name, telehealth: false, accepting: undefined }),
      affiliation({
        ...shared,
        networks: network === undefined ? [] : [network],
        service: serviceId(shared),
        period: {},
      }),
    ],
    left,
  };
}

/** Remembers a plan's name and years. */
export function qhpPlan(record: JsonObject, sets: QhpSets): Made {
  const id = text(record['plan_id']);
  if (!HIOS.test(id)) return refused('plan_id', 'is not a HIOS plan id of 14 characters');
  const known = sets.plans.get(id);
  const left: Left[] = [];
  sets.plans.set(id, {
    name: text(record['marketing_name']) || id,
    years: [...new Set([...(known?.years ?? []), ...years(record['years'], left)])],
  });
  return { resources: [], left };
}

/** Networks and plans, at the end of the input. A plan that no provider names has no network and cannot be expressed. */
export function* qhpRest(sets: QhpSets): Generator<{ plan: string; resource?: Resource }> {
  const ofPlan = new Map<string, string[]>();
  for (const { id, pairs } of sets.networks.values()) {
    const tiers = [...new Set(pairs.map((p) => p.slice(p.indexOf(' ') + 1)).filter(Boolean))];
    const plans = [...new Set(pairs.map((p) => p.slice(0, p.indexOf(' '))))];
    for (const p of plans) ofPlan.set(p, [...(ofPlan.get(p) ?? []), id]);
    const name = `${tiers.join(', ').toLowerCase() || 'plan'} network of ${plans.length === 1 ? (sets.plans.get(plans[0] ?? '')?.name ?? plans[0]) : `${plans.length} plans`}`;
    yield {
      plan: '',
      resource: organization({ id, name: name.charAt(0).toUpperCase() + name.slice(1), type: 'ntwk', partOf: PAYER }),
    };
  }
  for (const [id, { name, years: of }] of sets.plans) {
    const networks = ofPlan.get(id);
    if (networks === undefined) {
      yield { plan: id };
      continue;
    }
    const period = of.length === 0 ? {} : { start: `${Math.min(...of)}-01-01`, end: `${Math.max(...of)}-12-31` };
    const identifier = { system: 'https://www.cms.gov/hios-plan-id', value: id };
    yield { plan: id, resource: plan({ id: `plan-${id}`, identifier, name, product: 'qhp', networks, period }) };
  }
}
