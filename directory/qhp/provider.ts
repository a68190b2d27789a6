// A provider as the Marketplace's machine-readable files have it. Pure. CMS QHP provider and formulary APIs, JSON schema
import { NPI_SYSTEM } from '../../src/fhir/npi.ts';
import { referenceTarget } from '../../src/fhir/reference.ts';
import {
  extensions,
  type Json,
  type JsonObject,
  objects,
  type Resource,
  strings,
  text,
} from '../../src/fhir/resource.ts';
import { providerNetworks } from '../mpf/contract.ts';
import { extensionUrl, phoneDigits } from '../mpf/shape.ts';

export type QhpPlan = { plan_id_type: 'HIOS-PLAN-ID'; plan_id: string; network_tier: string; years: number[] };
export type QhpContext = {
  base: string;
  /** plans by the key of a network */
  plans: ReadonlyMap<string, readonly QhpPlan[]>;
};

/** `^[A-Z-]+$` from the name of a network. */
export function networkTier(name: string): string {
  const tier = name
    .toUpperCase()
    .replace(/[^A-Z]+/g, '-')
    .replace(/^-|-$/g, '');
  return tier === '' ? 'NETWORK' : tier;
}

const GENDERS: Record<string, string> = { male: 'Male', female: 'Female', other: 'Other' };
const LANGUAGES = new Intl.DisplayNames(['en'], { type: 'language', fallback: 'none' });

const displays = (concepts: Json | undefined): string[] =>
  objects(concepts).flatMap((c) => {
    const [coding] = objects(c['coding']);
    return text(c['text']) ?? text(coding?.['display']) ?? text(coding?.['code']) ?? [];
  });

function languages(person: Resource): string[] {
  return objects(person['communication']).flatMap((c) => {
    const [coding] = objects(c['coding']);
    const code = text(coding?.['code']);
    return (code && /^[a-z]{2,3}(-[A-Za-z0-9]+)*$/.test(code) ? LANGUAGES.of(code) : undefined) ?? displays(c)[0] ?? [];
  });
}

const phoneOf = (r: Resource | undefined): string =>
  phoneDigits(text(objects(r?.['telecom']).find((t) => t['system'] === 'phone')?.['value']) ?? '');

const unique = <T>(list: readonly T[]): T[] => [...new Map(list.map((x) => [JSON.stringify(x), x])).values()];

/** Networks of the Marketplace plans that a role or an affiliation is in. */
const networksOf = (link: Resource, c: QhpContext) =>
  providerNetworks(link)
    .map((n) => referenceTarget(n, c.base) ?? n)
    .filter((n) => c.plans.has(n));

function addresses(links: readonly Resource[], places: readonly Resource[], c: QhpContext): JsonObject[] {
  const byKey = new Map(places.map((p) => [`Location/${String(p['id'])}`, p]));
  return unique(
    links.flatMap((link) =>
      objects(link['location']).flatMap((l) => {
        const place = byKey.get(referenceTarget(text(l['reference']) ?? '', c.base) ?? '');
        const [a] = objects(place?.['address']);
        if (!a) return [];
        const [line = '', second] = strings(a['line']);
        return [
          {
            address: line,
            ...(second === undefined ? {} : { address_2: second }),
            city: text(a['city']) ?? '',
            state: text(a['state']) ?? '',
            zip: (text(a['postalCode']) ?? '').slice(0, 5),
            phone: phoneOf(link) || phoneOf(place),
          },
        ];
      }),
    ),
  );
}

/** One word for what is said of new patients in these networks. */
export function accepting(roles: readonly Resource[], c: QhpContext): string {
  const codes = roles.flatMap((role) =>
    extensions(role, extensionUrl('newpatients')).flatMap((e) => {
      const parts = objects(e['extension']);
      const [from] = objects(parts.find((p) => p['url'] === 'fromNetwork')?.['valueReference']);
      const network = from && (referenceTarget(text(from['reference']) ?? '', c.base) ?? '');
      if (network !== undefined && !c.plans.has(network)) return [];
      return parts
        .filter((p) => p['url'] === 'acceptingPatients')
        .flatMap((p) =>
          objects(objects(p['valueCodeableConcept'])[0]?.['coding']).flatMap((x) => text(x['code']) ?? []),
        );
    }),
  );
  if (codes.length === 0) return '';
  const open = codes.filter((x) => x === 'newpt').length;
  return open === codes.length ? 'accepting' : open === 0 ? 'not accepting' : 'accepting in some locations';
}

function lastUpdated(resources: readonly Resource[]): string {
  return resources
    .map((r) => text(objects(r['meta'])[0]?.['lastUpdated']) ?? '')
    .reduce((a, b) => (a > b ? a : b), '')
    .slice(0, 10);
}

const npisOf = (r: Resource): (string | null)[] => {
  const found = objects(r['identifier']).flatMap((i) => (i['system'] === NPI_SYSTEM ? (text(i['value']) ?? []) : []));
  return found.length === 0 ? [null] : found;
};

type Parts = { all: readonly Resource[]; places: readonly Resource[] };

/** What kinds of providers share; undefined: in no network of the Marketplace. */
function shared(provider: Resource, { all, places }: Parts, c: QhpContext) {
  const links = all.filter((l) => networksOf(l, c).length > 0);
  if (links.length === 0) return undefined;
  const plans = unique(links.flatMap((l) => networksOf(l, c)).flatMap((n) => c.plans.get(n) ?? []));
  return {
    links,
    plans,
    addresses: addresses(links, places, c),
    last_updated_on: lastUpdated([provider, ...links]),
  };
}

/** One record for each NPI of a person. */
export function personRecords(person: Resource, parts: Parts, c: QhpContext): JsonObject[] {
  const found = shared(person, parts, c);
  if (!found) return [];
  const names = objects(person['name']);
  const name = names.find((n) => n['use'] === 'official') ?? names[0] ?? {};
  const [first = '', middle] = strings(name['given']);
  const [prefix] = strings(name['prefix']);
  const [suffix] = strings(name['suffix']);
  return npisOf(person).map((npi) => ({
    npi,
    type: 'INDIVIDUAL',
    plans: found.plans,
    name: {
      ...(prefix === undefined ? {} : { prefix }),
      first,
      ...(middle === undefined ? {} : { middle }),
      last: text(name['family']) ?? '',
      ...(suffix === undefined ? {} : { suffix }),
    },
    addresses: found.addresses,
    specialty: unique(found.links.flatMap((l) => displays(l['specialty']))),
    accepting: accepting(found.links, c),
    gender: GENDERS[text(person['gender']) ?? ''] ?? 'unknown',
    languages: languages(person),
    last_updated_on: found.last_updated_on,
  }));
}

/** Facilities and groups; other organizations are no providers there. */
export function organizationRecords(organization: Resource, parts: Parts, c: QhpContext): JsonObject[] {
  const types = objects(organization['type']).flatMap((t) => objects(t['coding']).map((x) => x['code']));
  const kind = types.includes('fac') ? 'FACILITY' : types.includes('prvgrp') ? 'GROUP' : undefined;
  const found = kind && shared(organization, parts, c);
  if (!found) return [];
  const name = text(organization['name']) ?? '';
  return npisOf(organization).map((npi) => ({
    npi,
    type: kind,
    plans: found.plans,
    ...(kind === 'FACILITY'
      ? { facility_name: name, facility_type: unique(found.links.flatMap((l) => displays(l['specialty']))) }
      : { group_name: name }),
    addresses: found.addresses,
    last_updated_on: found.last_updated_on,
  }));
}
