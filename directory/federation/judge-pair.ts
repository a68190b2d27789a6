// Are two records about the same person, organization, place? Three answers, and the rule that gave them. Pure. The table of
// federation.md 9; networks are never the same, and no two records are the same by name alone.
import type { DirectoryType } from '../../src/fhir/search/types.ts';
import { nicknamesOf } from '../../src/names/nicknames.ts';
import { ID_KIND, idKind } from './features.ts';
import { jaroWinkler } from './similarity.ts';

export type Side = {
  peer: string;
  npi: string | null;
  family: string;
  given: string;
  /** of an organization or a place; of a person its generation (`jr`, `sr`) */
  name: string;
  address: string | null;
  street: string | null;
  hasUnit: boolean;
  zip: string;
  state: string;
  phone: string | null;
  ids: string[];
  lat: number | null;
  lon: number | null;
};

export const RULES = {
  'npi-family': 'Practitioners: the same valid NPI, and family names that are alike.',
  'npi-other-name': 'Practitioners: the same NPI, but family names that differ. A change of name, or a mistake.',
  'npi-other-given':
    'Practitioners: the same NPI and family name, but given names that have nothing in common, or a Jr. and a Sr. Relatives, or a slip.',
  'licence-state': 'Practitioners: the same licence in the same state.',
  'name-contact': 'Practitioners without a common NPI: names alike, and the same phone or address.',
  'npi-name-address': 'Organizations: the same NPI, names alike, the same address.',
  'npi-only': 'Organizations: the same NPI, but another name or address: one NPI often has many organizations.',
  'facility-number': 'Organizations: the same CLIA or CCN number, and names alike.',
  'tax-number': 'Organizations: the same tax number.',
  'name-phone': 'Organizations: names alike, and the same phone.',
  'address-unit': 'Locations: the same address, unit included.',
  'address-no-unit': 'Locations: the same street address; a unit is named on one side only.',
  'near-name': 'Locations: less than fifty meters apart, and names alike.',
  'phone-zip': 'Locations: the same phone and ZIP.',
  'plan-number': 'Plans: the same number and the same owner.',
  'plan-number-owner': 'Plans: the same number, another owner.',
  'endpoint-address': 'Endpoints: the same address and connection type.',
} as const;
export type Rule = keyof typeof RULES;

export type Verdict = { outcome: 'same' | 'review'; rule: Rule; score: number };

const FAMILY = 0.85;
const NAME = 0.95;

/** Judges a pair that shares a blocking key. */
export function judgePair(type: DirectoryType, a: Side, b: Side): Verdict | undefined {
  const shared = a.ids.some((i) => b.ids.includes(i));
  switch (type) {
    case 'Practitioner':
      return practitioners(a, b, shared);
    case 'Organization':
      return organizations(a, b, shared);
    case 'Location':
      return locations(a, b);
    case 'InsurancePlan':
      return shared
        ? a.peer === b.peer
          ? { outcome: 'same', rule: 'plan-number', score: 1 }
          : { outcome: 'review', rule: 'plan-number-owner', score: 0.8 }
        : undefined;
    case 'Endpoint':
      return shared ? { outcome: 'same', rule: 'endpoint-address', score: 1 } : undefined;
    default:
      return undefined;
  }
}

const same = (a: string | null, b: string | null): boolean => a !== null && a === b;

function practitioners(a: Side, b: Side, shared: boolean): Verdict | undefined {
  const family = familyLikeness(a, b);
  if (same(a.npi, b.npi)) {
    if (family < FAMILY) return { outcome: 'review', rule: 'npi-other-name', score: 0.5 + family / 4 };
    // stricter than the table: a number mistyped into that of a namesake must not join two people
    return givenAlike(a.given, b.given) && !generationsDiffer(a, b)
      ? { outcome: 'same', rule: 'npi-family', score: family }
      : { outcome: 'review', rule: 'npi-other-given', score: 0.6 };
  }
  if (generationsDiffer(a, b)) return undefined;
  // two valid numbers that differ are two persons
  if (a.npi !== null && b.npi !== null) return undefined;
  if (shared && family >= FAMILY) return { outcome: 'review', rule: 'licence-state', score: 0.85 };
  const whole = jaroWinkler(`${a.given} ${a.family}`, `${b.given} ${b.family}`);
  if (whole >= NAME && family >= FAMILY && (same(a.phone, b.phone) || same(a.address, b.address)))
    return { outcome: 'review', rule: 'name-contact', score: whole - 0.2 };
  return undefined;
}

/** Junior and senior, as {@link Side.name} of a person says. Who is called neither may be either. */
const generationsDiffer = (a: Side, b: Side): boolean => a.name !== '' && b.name !== '' && a.name !== b.name;

/**
 * Nothing is known, or the first given name of one is a given name of the other: the same, a short form, a misspelling. An
 * initial counts against a first name only: half of all people share the initial of a middle name with someone.
 */
function givenAlike(a: string, b: string): boolean {
  const [x, y] = [a, b].map((s) => s.split(' ').filter(Boolean)) as [string[], string[]];
  const [first, other] = [x[0], y[0]];
  if (first === undefined || other === undefined) return true;
  if ((first.length === 1 || other.length === 1) && first[0] === other[0]) return true;
  const alike = (v: string, u: string) =>
    v.length > 1 && (v === u || nicknamesOf(v).has(u) || nicknamesOf(u).has(v) || jaroWinkler(v, u) >= FAMILY);
  return y.some((u) => alike(first, u)) || x.some((v) => alike(other, v));
}

/** Family names as they are, or one of two of a double name. */
function familyLikeness(a: Side, b: Side): number {
  const [x, y] = [a.family, b.family];
  const whole = jaroWinkler(x, y);
  if (whole >= FAMILY || !(x.includes(' ') || y.includes(' '))) return whole;
  const words = (s: string) => s.split(' ').filter((w) => w.length > 3);
  return words(x).some((w) => words(y).includes(w)) ? Math.max(whole, 0.9) : whole;
}

function organizations(a: Side, b: Side, shared: boolean): Verdict | undefined {
  const name = jaroWinkler(a.name, b.name);
  if (same(a.npi, b.npi))
    return name >= 0.9 && same(a.address, b.address)
      ? { outcome: 'same', rule: 'npi-name-address', score: name }
      : { outcome: 'review', rule: 'npi-only', score: name * 0.7 };
  const facility = shared && a.ids.some((i) => idKind(i) === ID_KIND.facility && b.ids.includes(i));
  if (facility && name >= FAMILY) return { outcome: 'same', rule: 'facility-number', score: name };
  if (shared) return { outcome: 'review', rule: 'tax-number', score: 0.4 + name * 0.4 };
  if (name >= NAME && same(a.phone, b.phone)) return { outcome: 'review', rule: 'name-phone', score: name - 0.15 };
  return undefined;
}

function locations(a: Side, b: Side): Verdict | undefined {
  if (same(a.address, b.address)) return { outcome: 'same', rule: 'address-unit', score: 1 };
  if (same(a.street, b.street))
    return a.hasUnit !== b.hasUnit ? { outcome: 'review', rule: 'address-no-unit', score: 0.7 } : undefined;
  const name = jaroWinkler(a.name, b.name);
  if (name >= 0.9 && meters(a, b) < 50) return { outcome: 'review', rule: 'near-name', score: name * 0.8 };
  if (same(a.phone, b.phone) && a.zip !== '' && a.zip === b.zip)
    return { outcome: 'review', rule: 'phone-zip', score: 0.6 };
  return undefined;
}

function meters(a: Side, b: Side): number {
  if (a.lat === null || a.lon === null || b.lat === null || b.lon === null) return Number.POSITIVE_INFINITY;
  const rad = Math.PI / 180;
  const x = (b.lon - a.lon) * rad * Math.cos(((a.lat + b.lat) / 2) * rad);
  const y = (b.lat - a.lat) * rad;
  return Math.sqrt(x * x + y * y) * 6_371_000;
}
