// What one received record is: taken, or left out because it is ours, comes from too far, or is no record at all. Its hash,
// its flags and what was odd. Pure; docs/federation.md.
import { contentHash, PEER_CONTENT } from '../../src/fhir/canonical.ts';
import { parseInstant } from '../../src/fhir/instant.ts';
import {
  codings,
  extensions,
  isObject,
  isResource,
  type JsonObject,
  objects,
  type Resource,
  strings,
  text,
} from '../../src/fhir/resource.ts';
import { type DirectoryType, isDirectoryType, PLAN_NET } from '../../src/fhir/search/types.ts';
import { baseKey } from './classify-url.ts';
import { npiIn, npiStyle } from './npi.ts';
import { namesOf } from './references.ts';

export const ORIGIN_SYSTEM = 'https://payer-node.example/fhir/CodeSystem/origin';
export const HOP_SYSTEM = 'https://payer-node.example/fhir/CodeSystem/hop';

/** Whose losses the circuit breaker watches. */
export const FLAGS = { npi: 1, network: 2, name: 4, address: 8, taxonomy: 16 } as const;
export type FlagName = keyof typeof FLAGS;

/** federation.md 14; deeper ones would end in whatever reads them by recursion. */
const LEVELS = PEER_CONTENT.deepest;

export type RecordContext = {
  slug: string;
  /** base of the peer, and all bases that are ours, as {@link baseKey} */
  ours: readonly string[];
  /** bases of other peers that are harvested directly, as baseKey */
  direct: readonly string[];
  hopLimit: number;
  unmarkedNpi: boolean;
  now: Date;
};

/**
 * Why a record was left out. `own`: it came from us; `far`: beyond the hop limit; `direct`: its source is harvested itself; `abridged`:
 * it says that it is not all of it (SUBSETTED), and must not take the place of what was known.
 */
type LeftOut = 'own' | 'abridged' | 'far' | 'direct' | 'no-type' | 'no-id' | 'too-deep' | 'other-type';

export type ReadRecord =
  | { leftOut: LeftOut }
  | {
      type: DirectoryType;
      id: string;
      hash: string;
      /** l: live, e: ended, h: held back */
      state: 'l' | 'e' | 'h';
      flags: number;
      updated: Date | undefined;
      findings: string[];
      /** what it answers to beside its id */
      names: bigint[];
      npiStyles: number[];
    };

/** Reads a record that has been parsed. */
export function readRecord(resource: unknown, context: RecordContext): ReadRecord {
  if (!isResource(resource)) return { leftOut: 'no-type' };
  const type = resource.resourceType;
  if (!isDirectoryType(type)) return { leftOut: 'other-type' };
  const id = text(resource['id']);
  if (id === undefined) return { leftOut: 'no-id' };
  if (isAbridged(resource)) return { leftOut: 'abridged' };
  const loop = comesBack(resource, context);
  if (loop) return { leftOut: loop };
  const hash = hashOf(resource);
  if (hash === undefined) return { leftOut: 'too-deep' };
  const findings: string[] = [];
  const npiStyles: number[] = [];
  for (const i of objects(resource['identifier'])) {
    const npi = npiIn(i, context.unmarkedNpi);
    if (!npi) continue;
    npiStyles.push(npi.style);
    if (!npi.isValid) findings.push('npi-check-digit');
    if (npi.style !== 1) findings.push(`npi-style-${npi.style}`);
    if (text(i['value']) !== npi.value) findings.push('npi-form');
  }
  const held = isPlaceholder(resource);
  if (held) findings.push('placeholder');
  if (codings(resource['specialty']).some(isForeignTaxonomy)) findings.push('taxonomy-system');
  if (isPayerRole(resource)) findings.push('role-of-payer');
  return {
    type,
    id,
    hash,
    state: held ? 'h' : hasEnded(resource, context.now) ? 'e' : 'l',
    flags: flagsOf(resource, context.unmarkedNpi),
    updated: readTime(text(objects(resource['meta'])[0]?.['lastUpdated'])),
    findings: [...new Set(findings)],
    names: namesOf(resource),
    npiStyles,
  };
}

/** https://hl7.org/fhir/R4/elementsandsummary.html: anyone who asked for less gets less, and no one may write it back. */
const isAbridged = (resource: Resource): boolean =>
  objects(resource['meta']).some((m) => objects(m['tag']).some((t) => t['code'] === 'SUBSETTED'));

/** Hash of the content; undefined when the record is nested deeper than is ever meant, in what counts or in what does not. */
function hashOf(resource: Resource): string | undefined {
  const meta = resource['meta'];
  if (isDeep(resource['text'], LEVELS - 1)) return undefined;
  if (isObject(meta)) for (const member of PEER_CONTENT.meta) if (isDeep(meta[member], LEVELS - 2)) return undefined;
  try {
    return contentHash(resource, PEER_CONTENT);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function isDeep(value: unknown, left: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return left === 0 || Object.values(value).some((v) => isDeep(v, left - 1));
}

/** Seven fractional digits, offsets and bare dates are read; anything else, and what no calendar holds, is no time (Q46). */
export function readTime(value: string | undefined): Date | undefined {
  const at = value === undefined ? undefined : timeIn(value);
  const year = at?.getUTCFullYear() ?? 0;
  return year >= 1 && year <= 9999 ? at : undefined;
}

function timeIn(value: string): Date | undefined {
  const parsed = parseInstant(value.replace(/(\.\d{3})\d+/, '$1'));
  if (parsed) return parsed;
  const at = /^\d{4}-\d\d-\d\d/.test(value) ? Date.parse(value.replace(/(\.\d{3})\d+/, '$1')) : Number.NaN;
  return Number.isNaN(at) ? undefined : new Date(at);
}

/** The rules of section 13: by where the record says it comes from. */
function comesBack(resource: Resource, context: RecordContext): LeftOut | undefined {
  const meta = objects(resource['meta'])[0];
  if (!meta) return undefined;
  const source = text(meta['source'])?.split('#', 1)[0];
  const from = source === undefined ? undefined : baseKey(source.replace(/\/[A-Z][A-Za-z]+\/[^/]+$/, ''));
  if (from !== undefined && context.ours.includes(from)) return 'own';
  const tags = objects(meta['tag']);
  const hop = Math.max(0, ...tags.filter((t) => t['system'] === HOP_SYSTEM).map((t) => Number(t['code']) || 1));
  if (hop > 0 && from !== undefined && context.direct.includes(from)) return 'direct';
  return hop >= context.hopLimit ? 'far' : undefined;
}

const isPlaceholder = (resource: Resource): boolean =>
  objects(resource['extension']).some((e) => text(e['url'])?.endsWith('resource-placeholder')) ||
  objects(objects(resource['meta'])[0]?.['extension']).some((e) => text(e['url'])?.endsWith('resource-placeholder'));

/** Inactive, or past the end of its period. */
function hasEnded(resource: Resource, now: Date): boolean {
  if (resource['active'] === false) return true;
  const status = text(resource['status']);
  const ended: Readonly<Record<string, readonly string[]>> = {
    Location: ['inactive'],
    Endpoint: ['off', 'entered-in-error'],
    InsurancePlan: ['retired'],
    VerificationResult: [],
  };
  if (status !== undefined && (ended[resource.resourceType]?.includes(status) ?? false)) return true;
  const periods = [
    resource['period'],
    ...objects(resource['extension']).map((e) => (text(e['url'])?.endsWith('-period') ? e['valuePeriod'] : undefined)),
  ];
  return periods.some((p) => {
    const end = isObject(p) ? text(p['end']) : undefined;
    const at = end === undefined ? Number.NaN : Date.parse(/^\d{4}-\d\d-\d\d$/.test(end) ? `${end}T23:59:59Z` : end);
    return at < now.getTime();
  });
}

const isForeignTaxonomy = (c: JsonObject): boolean =>
  /^[0-9A-Z]{9}X$/.test(text(c['code']) ?? '') && text(c['system']) !== 'http://nucc.org/provider-taxonomy';

/** A role whose organization calls itself a plan: the payer, not a practice (Q33). */
function isPayerRole(resource: Resource): boolean {
  if (resource.resourceType !== 'PractitionerRole') return false;
  const display = text(objects(resource['organization'])[0]?.['display']);
  return display !== undefined && /\b(?:health ?plan|insurance|payer|hmo|ppo)\b/i.test(display);
}

function flagsOf(resource: Resource, unmarkedNpi: boolean): number {
  let flags = 0;
  if (objects(resource['identifier']).some((i) => npiStyle(i, unmarkedNpi) !== undefined)) flags |= FLAGS.npi;
  const networks = extensions(resource, `${PLAN_NET}/StructureDefinition/network-reference`);
  if (networks.length > 0 || objects(resource['network']).length > 0) flags |= FLAGS.network;
  const name = resource['name'];
  if (text(name) !== undefined || objects(name).some((n) => text(n['family']) ?? text(n['text']))) flags |= FLAGS.name;
  if (
    objects(resource['address']).some((a) => strings(a['line']).length > 0 || text(a['city']) || text(a['postalCode']))
  )
    flags |= FLAGS.address;
  if (codings(resource['specialty']).some((c) => /^[0-9A-Z]{9}X$/.test(text(c['code']) ?? ''))) flags |= FLAGS.taxonomy;
  return flags;
}
