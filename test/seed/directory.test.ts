import { createHash } from 'node:crypto';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { fold, foldCase } from '../../src/fhir/fold.ts';
import { referencesIn } from '../../src/fhir/json-text.ts';
import { isValidNpi, NPI_SYSTEM } from '../../src/fhir/npi.ts';
import { extensions, type JsonObject, objects, type Resource, text } from '../../src/fhir/resource.ts';
import { FAMILY, FEMALE_GIVEN, MALE_GIVEN } from '../../src/seed/names.ts';
import { directoryResources } from '../../src/seed/plan-net/index.ts';
import { layout, practitionerOfRole, SMALLEST_DIRECTORY } from '../../src/seed/plan-net/layout.ts';
import { MUST_SUPPORT } from './must-support.ts';
import { read } from './read.ts';

const PN = 'http://hl7.org/fhir/us/davinci-pdex-plan-net/StructureDefinition/';
const make = (resources: number, seed = 3) => [...directoryResources({ seed, resources })];
const digest = (resources: readonly Resource[]) => {
  const hash = createHash('sha256');
  for (const r of resources) hash.update(JSON.stringify(r));
  return hash.digest('hex');
};
const profileOf = (r: Resource) =>
  String((r['meta'] as { profile: string[] } | undefined)?.profile[0] ?? r.resourceType).replace(`${PN}plannet-`, '');
const ofType = (all: readonly Resource[], type: string) => all.filter((r) => r.resourceType === type);

afterEach(() => {
  vi.restoreAllMocks();
});

describe('determinism', () => {
  test('the same seed and size give the same bytes without clock or chance; another seed does not', () => {
    const before = digest(make(400));
    vi.spyOn(Date, 'now').mockImplementation(() => {
      throw new Error('the clock was read');
    });
    vi.spyOn(Math, 'random').mockImplementation(() => {
      throw new Error('chance was used');
    });
    expect(digest(make(400))).toBe(before);
    expect(digest(make(400, 4))).not.toBe(before);
  });

  test.each([SMALLEST_DIRECTORY, 200, 1_000, 12_345])(
    'a directory of %i has exactly that many, with distinct ids',
    (n) => {
      const all = make(n);
      expect(all).toHaveLength(n);
      expect(new Set(all.map((r) => `${r.resourceType}/${read(r, 'id')}`)).size).toBe(n);
    },
  );

  test('too small a size and seeds that are no whole numbers are refused', () => {
    expect(() => make(SMALLEST_DIRECTORY - 1)).toThrow(RangeError);
    expect(() => make(200.5)).toThrow(RangeError);
    expect(() => make(200, 0.5)).toThrow(RangeError);
  });
});

describe.each([SMALLEST_DIRECTORY, 200, 3_000])('a directory of %i', (size) => {
  const all = make(size);

  test('every reference resolves within it', () => {
    const known = new Set(all.map((r) => `${r.resourceType}/${read(r, 'id')}`));
    const lost = all.flatMap((r) => referencesIn(JSON.stringify(r)).filter((ref) => !known.has(ref)));
    expect(lost).toEqual([]);
  });

  test('has every must-support element of the nine profiles somewhere', () => {
    const missing = Object.entries(MUST_SUPPORT).flatMap(([profile, elements]) => {
      const members = all.filter((r) => profileOf(r) === profile);
      return elements.filter((e) => !members.some((r) => has(r, e.split('.')))).map((e) => `${profile}.${e}`);
    });
    // a network cannot have a telecom (0..0) although it is flagged by inheritance
    expect(missing).toEqual(['Network.telecom', 'Network.telecom.system', 'Network.telecom.value']);
    expect(Object.values(MUST_SUPPORT).flat()).toHaveLength(229);
  });

  test('keeps the fixed values, NPIs and invariants of the profiles', () => {
    for (const r of all) {
      if (r.resourceType === 'VerificationResult') continue;
      expect(r['active'] ?? r['status'], read(r, 'id')).toSatisfy((v) => v === true || v === 'active');
      expect(text((r['meta'] as JsonObject)['lastUpdated'])).toMatch(/^2026-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      for (const i of objects(r['identifier']).filter((i) => i['system'] === NPI_SYSTEM))
        expect(isValidNpi(read(i, 'value')) && read(i, 'value').startsWith('9')).toBe(true);
      for (const rule of RULES[profileOf(r)] ?? []) expect(rule(r), `${read(r, 'id')}: ${rule.name}`).toBe(true);
    }
    const npis = all
      .flatMap((r) => objects(r['identifier']).filter((i) => i['system'] === NPI_SYSTEM))
      .map((i) => i['value']);
    expect(new Set(npis).size).toBe(npis.length);
  });

  test('has invented phones and mail only', () => {
    const lines = all.map((r) => JSON.stringify(r)).join('\n');
    const phones = [...lines.matchAll(/"system":"phone","value":"([^"]+)"/g)].map((m) => m[1]);
    expect(phones.length).toBeGreaterThan(50);
    for (const p of phones) expect(p).toMatch(/^\d{3}-555-01\d\d$/);
    for (const m of lines.matchAll(/[\w.-]+@[\w.-]+/g)) expect(m[0]).toMatch(/\.example$/);
    for (const m of lines.matchAll(/"address":"([a-z]+:[^"]+)"/g)) expect(m[1]).toMatch(/\.example(\/|$)/);
  });
});

const hasAny = (r: JsonObject, ...keys: string[]) => keys.some((k) => r[k] !== undefined);

/** Invariants and cardinalities, by profile. */
const RULES: Record<string, ((r: Resource) => boolean)[]> = {
  Endpoint: [
    function requiredElements(r) {
      return hasAny(r, 'address') && objects(r['payloadType']).length === 1 && hasAny(r, 'connectionType');
    },
  ],
  HealthcareService: [
    function oneCategory(r) {
      return objects(r['category']).length === 1;
    },
  ],
  InsurancePlan: [
    function networkOrPlanNetwork(r) {
      return objects(r['network']).length > 0;
    },
    function ownedAndAdministered(r) {
      return hasAny(r, 'ownedBy') && hasAny(r, 'administeredBy') && objects(r['type']).length === 1;
    },
    function planTypesDistinct(r) {
      const types = objects(r['plan']).map((p) => JSON.stringify(p['type']));
      return new Set(types).size === types.length;
    },
  ],
  Location: [
    function noMode(r) {
      return !hasAny(r, 'mode') && text(r['name']) !== undefined;
    },
    function positionNearItsState(r) {
      const p = r['position'] as JsonObject | undefined;
      return p === undefined || (Number(p['longitude']) < -66 && Number(p['latitude']) > 24);
    },
  ],
  Network: [
    function partOfPayer(r) {
      return read(r, 'partOf', 'reference').startsWith('Organization/payer-');
    },
    function noTelecom(r) {
      return !hasAny(r, 'telecom') && objects(r['type']).length === 1;
    },
  ],
  Organization: [
    function addressNotHome(r) {
      return objects(r['address']).length > 0 && objects(r['address']).every((a) => a['use'] !== 'home');
    },
    function telecomNotHome(r) {
      return objects(r['telecom']).every((t) => t['use'] !== 'home');
    },
    function cliaAndNaic(r) {
      return objects(r['identifier']).every(
        (i) =>
          (i['system'] !== 'urn:oid:2.16.840.1.113883.4.7' || /^\d{2}D\d{7}$/.test(read(i, 'value'))) &&
          (i['system'] !== 'urn:oid:2.16.840.1.113883.6.300' || /^\d{5}$/.test(read(i, 'value'))),
      );
    },
  ],
  OrganizationAffiliation: [
    function organizationOrParticipant(r) {
      return hasAny(r, 'organization', 'participatingOrganization');
    },
  ],
  Practitioner: [
    function identified(r) {
      return objects(r['identifier']).every((i) => hasAny(i, 'system') && hasAny(i, 'value'));
    },
    function named(r) {
      return objects(r['name']).length > 0 && objects(r['name']).every((n) => text(n['family']) !== undefined);
    },
  ],
  PractitionerRole: [
    function telecomOrEndpoint(r) {
      return hasAny(r, 'telecom', 'endpoint');
    },
    function someoneOrSomewhere(r) {
      return hasAny(r, 'practitioner', 'organization', 'healthcareService', 'location');
    },
    function oneNetwork(r) {
      return extensions(r, `${PN}network-reference`).length === 1;
    },
  ],
};

/** Extension slices whose name is not the end of their url. */
const SLICE_URL: Record<string, string> = {
  deliverymethod: 'delivery-method',
  region: 'location-boundary-geojson',
  'org-period': 'organization-period',
};

/** Is there an element at this path, slices included? */
function has(node: JsonObject, path: readonly string[]): boolean {
  const [step, ...rest] = path;
  if (step === undefined) return true;
  const [key = '', slice] = step.split(':');
  const value = node[key];
  if (slice === undefined && (typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number'))
    return rest.length === 0;
  if (slice === undefined && Array.isArray(value) && value.some((v) => typeof v === 'string')) return rest.length === 0;
  const found = objects(value).filter((v) => {
    if (slice === undefined) return true;
    if (key === 'extension') return read(v, 'url').split('/').at(-1) === (SLICE_URL[slice] ?? slice);
    if (key === 'identifier') return v['system'] === NPI_SYSTEM;
    return JSON.stringify(v).includes('/CodeSystem/HealthcareServiceCategoryCS');
  });
  return found.some((v) => has(v, rest));
}

test('verifications: recent and old ones, failed ones, of roles, people, places and organizations', () => {
  const all = ofType(make(3_000), 'VerificationResult');
  expect(all.length).toBe(60);
  const done = all.map((r) => read(r, 'lastPerformed'));
  expect(done.some((d) => d > '2026-08-10') && done.some((d) => d < '2026-07-01')).toBe(true);
  expect(new Set(all.map((r) => r['status']))).toEqual(new Set(['validated', 'val-fail']));
  const types = all.flatMap((r) => objects(r['target']).map((t) => read(t, 'reference').split('/')[0]));
  expect(new Set(types)).toEqual(new Set(['PractitionerRole', 'Practitioner', 'Location', 'Organization']));
});

describe('realism', () => {
  const all = make(6_000);

  test('shares of the types follow a large plan', () => {
    const share = (type: string) => ofType(all, type).length / all.length;
    expect(share('Practitioner') + share('PractitionerRole')).toBeCloseTo(0.755, 1);
    expect(share('PractitionerRole') / share('Practitioner')).toBeGreaterThan(1.4);
    expect(share('Location')).toBeCloseTo(0.08, 2);
    expect(share('OrganizationAffiliation')).toBeCloseTo(0.04, 2);
    expect(share('HealthcareService')).toBeCloseTo(0.04, 2);
    expect(share('Endpoint')).toBeCloseTo(0.015, 2);
  });

  test('every practitioner has a role; some have several, in several networks and places', () => {
    const by = new Map<string, Resource[]>();
    for (const r of ofType(all, 'PractitionerRole')) {
      const who = read(r, 'practitioner', 'reference');
      by.set(who, [...(by.get(who) ?? []), r]);
    }
    expect(by.size).toBe(ofType(all, 'Practitioner').length);
    const several = [...by.values()].filter((roles) => roles.length > 2);
    expect(several.length).toBeGreaterThan(100);
    const spread = (roles: readonly Resource[], pick: (r: Resource) => unknown) =>
      new Set(roles.map((r) => JSON.stringify(pick(r)))).size > 1;
    expect(several.every((roles) => spread(roles, (r) => extensions(r, `${PN}network-reference`)))).toBe(true);
    expect(several.filter((roles) => spread(roles, (r) => r['location'])).length).toBeGreaterThan(several.length * 0.9);
  });

  test('people work at places of their organization, and dentists at dental ones', () => {
    const managed = new Map(
      ofType(all, 'Location').map((r) => [`Location/${read(r, 'id')}`, read(r, 'managingOrganization', 'reference')]),
    );
    const names = new Map(ofType(all, 'Organization').map((r) => [`Organization/${read(r, 'id')}`, read(r, 'name')]));
    const roles = ofType(all, 'PractitionerRole');
    const own = (r: Resource) => managed.get(read(r, 'location', 'reference')) === read(r, 'organization', 'reference');
    expect(roles.filter(own).length / roles.length).toBeGreaterThan(0.97);
    const services = ofType(all, 'HealthcareService');
    expect(
      services.filter((r) => managed.get(read(r, 'location', 'reference')) === read(r, 'providedBy', 'reference'))
        .length / services.length,
    ).toBeGreaterThan(0.97);
    const dentists = roles.filter((r) => read(r, 'specialty', 'coding', 'code') === '1223G0001X');
    expect(dentists.length).toBeGreaterThan(20);
    expect(
      dentists.filter((r) => names.get(read(r, 'organization', 'reference'))?.includes('Dental')).length /
        dentists.length,
    ).toBeGreaterThan(0.9);
  });

  test('a person tells the same hours of a place in each role', () => {
    const told = new Map<string, string>();
    let again = 0;
    for (const role of ofType(all, 'PractitionerRole').filter((r) => r['availableTime'] !== undefined)) {
      for (const place of objects(role['location'])) {
        const key = `${read(role, 'practitioner', 'reference')} ${read(place, 'reference')}`;
        const hours = JSON.stringify(role['availableTime']);
        if (told.has(key)) again++;
        expect([key, told.get(key) ?? hours]).toEqual([key, hours]);
        told.set(key, hours);
      }
    }
    expect(again).toBeGreaterThan(5);
  });

  test('names have accents, other scripts with a Latin form, and hyphens', () => {
    const people = ofType(all, 'Practitioner');
    const names = people.flatMap((p) => objects(p['name']).map((n) => read(n, 'text')));
    for (const pattern of [/José/, /Müller/, /Núñez/, /-/, /王|Иванова|الحسن/])
      expect(
        names.some((n) => pattern.test(n)),
        String(pattern),
      ).toBe(true);
    const chinese = people.find((p) => JSON.stringify(p['name']).includes('王'));
    expect(objects(chinese?.['name']).map((n) => n['family'])).toEqual(['Wang', '王']);
    expect(new Set(people.map((p) => p['gender']))).toEqual(new Set(['female', 'male', 'other']));
  });

  test('no two names of the tables differ only by an accent', () => {
    for (const table of [[...FAMILY], [...FEMALE_GIVEN, ...MALE_GIVEN]]) {
      expect(new Set(table.map(foldCase)).size).toBe(new Set(table.map(fold)).size);
    }
  });

  test('roles have ended, run and begin later', () => {
    const periods = ofType(all, 'PractitionerRole').map((r) => r['period'] as JsonObject | undefined);
    expect(periods.some((p) => p === undefined)).toBe(true);
    expect(periods.some((p) => text(p?.['end']) !== undefined && read(p, 'end') < '2026-10-31')).toBe(true);
    expect(periods.some((p) => read(p, 'start') > '2026-10-31')).toBe(true);
  });
});

test('at ten million, roles still belong to practitioners that exist', () => {
  const l = layout(1, 10_000_000);
  for (const role of [0, 1, l.roles - 1, l.roles - 2, Math.floor(l.roles / 2)])
    expect(practitionerOfRole(l, role).practitioner).toBeLessThan(l.practitioners);
  const { seed: _, areas: __, ...counts } = l;
  expect(Object.values(counts).reduce((a, b) => a + b)).toBe(10_000_000);
});
