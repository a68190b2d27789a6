// From a peer's record as received to the one that the merged base shows: ids of its own name space, references that lead to
// where the target is, marks of where it comes from, and the few values without which no one would find it. Pure.

import { NPI_SYSTEM } from '../../src/fhir/npi.ts';
import { parseReference } from '../../src/fhir/reference.ts';
import {
  codings,
  isObject,
  isResource,
  type Json,
  type JsonObject,
  objects,
  type Resource,
  text,
} from '../../src/fhir/resource.ts';
import { placed } from '../../src/fhir/search/approximate.ts';
import { isDirectoryType, PLAN_NET } from '../../src/fhir/search/types.ts';
import { own } from '../../src/safe-lookup.ts';
import { baseKey } from './classify-url.ts';
import { liftedId, mergedId } from './ids.ts';
import { npiIn } from './npi.ts';
import { HOP_SYSTEM, ORIGIN_SYSTEM } from './record.ts';
import { replaceEach } from './references.ts';
import type { Resolver } from './resolve.ts';

export type NormalizeContext = {
  slug: string;
  /** its FHIR base; of a peer that serves files only, undefined */
  base: string | undefined;
  /** baseKey of each registered peer's bases → slug; our own → '' */
  bases: ReadonlyMap<string, string>;
  unmarkedNpi: boolean;
};

export type Normalized = { records: Resource[]; external: number };

const NUCC = 'http://nucc.org/provider-taxonomy';
const NETWORK_REFERENCE = `${PLAN_NET}/StructureDefinition/network-reference`;
const MA_PLAN_ID = 'http://cms.gov/medicare/ma-plan-id';
const ZERO_STATES = new Set(['CT', 'MA', 'ME', 'NH', 'NJ', 'PR', 'RI', 'VT', 'VI']);
const ACCEPTING: Readonly<Record<string, string>> = { no: 'nopt', yes: 'newpt' };

/**
 * @param given the record as it came
 * @param id its id in the merged base
 * @param sourceId its id at the peer
 * @param resolve puts references right that have no address or a wrong one
 */
export function normalize(
  received: Resource,
  id: string,
  sourceId: string,
  context: NormalizeContext,
  resolve?: Resolver,
): Normalized {
  const given = resolve === undefined ? received : resolved(received, resolve);
  const lifted: Resource[] = [];
  const contained = new Map<string, string>();
  for (const c of objects(given['contained'])) {
    const inner = text(c['id']);
    if (inner === undefined || !isResource(c) || !isDirectoryType(c.resourceType)) continue;
    const at = liftedId(sourceId, inner);
    contained.set(inner, `${c.resourceType}/${mergedId(context.slug, at)}`);
    lifted.push(
      marked(
        { ...c, id: mergedId(context.slug, at) },
        `${given.resourceType}/${encodeURIComponent(sourceId)}#${encodeURIComponent(inner)}`,
        undefined,
        context,
      ),
    );
  }
  const version = text(objects(given['meta'])[0]?.['versionId']);
  const main = marked({ ...given, id }, `${given.resourceType}/${encodeURIComponent(sourceId)}`, version, context);
  const stays = objects(given['contained']).filter((c) => !contained.has(text(c['id']) ?? ''));
  if (stays.length > 0) main['contained'] = stays;
  else delete main['contained'];
  let external = 0;
  const records = [main, ...lifted].map((r) => {
    delete r['text'];
    const done = walk(ownNetworks(r, context), (reference) => {
      const to = rewrite(reference, contained, context);
      if (to === 'external') external++;
      return to === 'external' ? undefined : to;
    });
    return values(done as Resource, context);
  });
  return { records, external };
}

/** Keys of the merged base are marked, so that they are not taken for ids of the peer. */
const MARK = 'urn:merged:';

const resolved = (record: Resource, resolve: Resolver): Resource =>
  replaceEach(record, (reference, element) => {
    const key = resolve(reference, element);
    return key === undefined ? undefined : { ...reference, reference: `${MARK}${key}` };
  });

/**
 * Who is in a network, and in which plan it is, its owner says and no one else: a reference to a network of another directory
 * is kept as a name without a link. federation.md 10.
 */
function ownNetworks(record: Resource, context: NormalizeContext): Resource {
  const own = (value: Json): Json => {
    if (Array.isArray(value)) return value.map(own);
    const reference = isObject(value) ? text(value['reference']) : undefined;
    if (!isObject(value) || reference === undefined || !isElsewhere(reference, context)) return value;
    const { reference: _, ...rest } = value;
    return { ...rest, identifier: value['identifier'] ?? { value: reference } };
  };
  const out: Resource = { ...record };
  if (out['network'] !== undefined) out['network'] = own(out['network']);
  if (Array.isArray(out['plan']))
    out['plan'] = out['plan'].map((p) =>
      isObject(p) && p['network'] !== undefined ? { ...p, network: own(p['network']) } : p,
    );
  if (Array.isArray(out['extension']))
    out['extension'] = out['extension'].map((e) =>
      isObject(e) && e['url'] === NETWORK_REFERENCE && e['valueReference'] !== undefined
        ? { ...e, valueReference: own(e['valueReference']) }
        : e,
    );
  return out;
}

/** Into another directory that we know, ours included? */
function isElsewhere(given: string, context: NormalizeContext): boolean {
  const reference = parseReference(cleaned(given));
  const slug = reference.kind === 'absolute' ? context.bases.get(baseKey(reference.base)) : undefined;
  return slug !== undefined && slug !== context.slug;
}

/** Source, origin and distance. Profiles are not claimed for what others send. */
function marked(record: Resource, path: string, version: string | undefined, context: NormalizeContext): Resource {
  const meta: JsonObject = { ...objects(record['meta'])[0] };
  const origin = text(meta['source']);
  for (const gone of ['versionId', 'lastUpdated', 'profile', 'source']) delete meta[gone];
  const from = context.base ?? `urn:payer-node:${context.slug}`;
  const hop = Math.max(
    0,
    ...objects(meta['tag'])
      .filter((t) => t['system'] === HOP_SYSTEM)
      .map((t) => Number(t['code']) || 1),
  );
  // what the peer has from others keeps the address of its source, so that its source knows it again
  const source = hop > 0 ? origin : undefined;
  const tags = objects(meta['tag']).filter((t) => t['system'] !== HOP_SYSTEM && t['system'] !== ORIGIN_SYSTEM);
  return {
    ...record,
    meta: {
      ...meta,
      source: source ?? `${from}/${path}${version === undefined ? '' : `#${encodeURIComponent(version)}`}`,
      tag: [...tags, { system: ORIGIN_SYSTEM, code: context.slug }, { system: HOP_SYSTEM, code: String(hop + 1) }],
    },
  };
}

/** A copy in which every `reference` is replaced; undefined leaves it. */
function walk(value: Json | undefined, replace: (reference: string) => string | undefined): Json | undefined {
  if (Array.isArray(value)) return value.map((v) => walk(v, replace) ?? null);
  if (!isObject(value)) return value;
  const out: JsonObject = {};
  for (const [key, v] of Object.entries(value))
    out[key] = key === 'reference' && typeof v === 'string' ? (replace(v) ?? v) : walk(v, replace);
  return out;
}

/** Where a reference leads in the merged base; `external` when to none that we know. federation.md 8 */
function rewrite(given: string, contained: ReadonlyMap<string, string>, context: NormalizeContext): string | undefined {
  if (given.startsWith(MARK)) return given.slice(MARK.length);
  const reference = parseReference(cleaned(given));
  switch (reference.kind) {
    case 'fragment':
      return contained.get(reference.id);
    case 'relative':
      return isDirectoryType(reference.type) ? `${reference.type}/${mergedId(context.slug, reference.id)}` : undefined;
    case 'absolute': {
      const slug = context.bases.get(baseKey(reference.base));
      if (slug === undefined) return 'external';
      return `${reference.type}/${slug === '' ? reference.id : mergedId(slug, reference.id)}`;
    }
    default:
      return undefined;
  }
}

const cleaned = (reference: string): string =>
  reference
    .trim()
    .replace(/([^:/])\/{2,}/g, '$1/')
    .replace(/\/+$/, '');

/** Values in the form that searches expect. What was sent stays in the source record. */
function values(record: Resource, context: NormalizeContext): Resource {
  const out: Resource = { ...record };
  if (Array.isArray(out['identifier']))
    out['identifier'] = objects(out['identifier']).map((i) => identifier(i, context));
  for (const key of ['specialty', 'code'] as const) if (out[key] !== undefined) out[key] = taxonomy(out[key]);
  if (Array.isArray(out['qualification']))
    out['qualification'] = objects(out['qualification']).map((q) => ({
      ...q,
      ...(q['code'] === undefined ? {} : { code: taxonomy(q['code']) ?? null }),
    }));
  if (Array.isArray(out['address'])) out['address'] = objects(out['address']).map(address);
  else if (isObject(out['address'])) out['address'] = address(out['address']);
  if (Array.isArray(out['extension'])) out['extension'] = objects(out['extension']).map(accepting);
  return out.resourceType === 'Location' ? placed(out) : out;
}

function identifier(i: JsonObject, context: NormalizeContext): JsonObject {
  const npi = npiIn(i, context.unmarkedNpi);
  if (npi) return { ...i, system: NPI_SYSTEM, value: npi.value };
  const system = text(i['system']);
  const value = i['value'];
  const known = typeof value === 'number' ? { ...i, value: String(value) } : i;
  return system !== undefined && /^https?:\/\/(?:www\.)?cms\.gov\/medicare\/ma-plan-id$/.test(system)
    ? { ...known, system: MA_PLAN_ID }
    : known;
}

/** NUCC codes under the system of a value set, or under none of theirs, are NUCC codes (Q32). */
function taxonomy(value: Json | undefined): Json | undefined {
  if (Array.isArray(value)) return value.map((v) => taxonomy(v) ?? null);
  if (!isObject(value) || value['coding'] === undefined) return value;
  return {
    ...value,
    coding: codings(value).map((c) =>
      /^[0-9A-Z]{9}X$/.test(text(c['code']) ?? '') && /taxonomy/i.test(text(c['system']) ?? 'taxonomy')
        ? { ...c, system: NUCC }
        : c,
    ),
  };
}

/** A ZIP that lost its leading zero gets it back, nine digits get their dash (Q41). */
function address(a: JsonObject): JsonObject {
  const raw = a['postalCode'];
  const zip = typeof raw === 'number' ? String(raw) : text(raw)?.trim();
  if (zip === undefined) return a;
  const state = text(a['state'])?.toUpperCase() ?? '';
  const zero = ZERO_STATES.has(state) && /^\d{4}(?:-\d{4}|\d{4})?$/.test(zip) && zip.length !== 9 ? `0${zip}` : zip;
  const nine = /^(\d{5})(\d{4})$/.exec(zero);
  return { ...a, postalCode: nine ? `${nine[1]}-${nine[2]}` : zero };
}

/** `no` is `nopt` (Q40). */
function accepting(e: JsonObject): JsonObject {
  if (e['url'] !== `${PLAN_NET}/StructureDefinition/newpatients` || !Array.isArray(e['extension'])) return e;
  return {
    ...e,
    extension: objects(e['extension']).map((x) => {
      const concept = x['valueCodeableConcept'];
      if (!isObject(concept)) return x;
      const coding = codings(concept).map((c) => ({
        ...c,
        code: own(ACCEPTING, text(c['code']) ?? '') ?? c['code'] ?? null,
      }));
      return {
        ...x,
        valueCodeableConcept: {
          ...concept,
          ...(coding.length > 0 && concept['coding'] !== undefined ? { coding } : {}),
        },
      };
    }),
  };
}
