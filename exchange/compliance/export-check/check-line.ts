// Does a line of an export hold what must not leave? Records are walked apart from the rules that decide what leaves (transform/), so
// that a fault there is found here; which words, names and codes count stands in one table with these. Pure. 42 CFR
// 422.121(b)(4)(ii), (b)(1)(iv).
import {
  codings,
  isObject,
  type Json,
  type JsonObject,
  objects,
  type Resource,
  text,
} from '../../../src/fhir/resource.ts';
import { isStatement } from '../../records/facts/facts.ts';
import { labelOf } from '../../records/facts/label.ts';
import {
  isAmountExtension,
  isAmountName,
  isCurrencyUnit,
  memberTellsMoney,
  textTellsMoney,
} from '../../records/facts/money-words.ts';
import { authorizationFacts, isAuthorization } from '../../records/facts/prior-authorization.ts';
import { EXPORT_ORDER, isShared } from '../../records/facts/record-types.ts';
import { serviceEnd } from '../../records/facts/service-date.ts';

export type ContentFault = {
  kind:
    | 'money'
    | 'denied-pa'
    | 'drug-pa'
    | 'old-pa'
    | 'statement'
    | 'identity-doubt'
    | 'window'
    | 'label'
    | 'other-member'
    | 'type'
    | 'peer-address'
    | 'named-authorization'
    | 'pa-document';
  /** where in the record; names of elements only, never values */
  path: string;
};
export type ContentContext = {
  /** policy of each member whom the export holds */
  members: ReadonlyMap<string, string>;
  /** first day of the window, on the day of the export */
  windowStart: string;
  /** the day of the export, and the one twelve months before */
  today: string;
  yearAgo: string;
  /** origins of other payers: what is theirs is given by an address of ours */
  peerOrigins: ReadonlySet<string>;
  /** ids of the members' authorizations that were denied or are for drugs: nothing names them */
  hidden: ReadonlySet<string>;
  /** their numbers, by which claims of the same member name them: another one's may have the same */
  hiddenNumbers: ReadonlyMap<string, ReadonlySet<string>>;
  /** `Type/id` of documents by member that support nothing but what must not leave (compliance/export-check/supporting-documents.ts) */
  hiddenDocuments: ReadonlyMap<string, ReadonlySet<string>>;
  /** `Type/id` by member of what does not leave whatever it says by itself, as it was at the time of the export */
  staying: ReadonlyMap<string, ReadonlyMap<string, Staying>>;
  /** directory entries that reveal what is labelled, with the label */
  revealing: ReadonlyMap<string, number>;
};
/** Labels that a record inherits; or its payer may mean another person. */
export type Staying = { label: number; isDoubted: boolean };

const NEVER = new Set(
  'Claim ClaimResponse PaymentNotice PaymentReconciliation Invoice ChargeItem ChargeItemDefinition Account Contract CoverageEligibilityResponse'.split(
    ' ',
  ),
);
const PRICE_KEYS = new Set('unitPrice net factor adjustment costToBeneficiary benefitBalance'.split(' '));
const COSTS = new Set('unitPrice allowedMoney usedMoney costToBeneficiary'.split(' '));
const UNITS = new Set(['allowedunits', 'consumedunits']);
const UNIT_NAMES = ['unit', 'code'];
/** Of PDex and of PAS alike. */
const REVIEW = /\/extension-reviewAction$/;
const REVIEW_CODE = /\/extension-reviewActionCode$/;
const named = (element: JsonObject, name: RegExp): JsonObject[] =>
  objects(element['extension']).filter((e) => name.test(text(e['url']) ?? ''));
/** Supporting information that is called an amount, with a number that says of what it is none. */
const isAmountInfo = (v: JsonObject): boolean =>
  isObject(v['valueQuantity']) &&
  v['valueQuantity']['unit'] === undefined &&
  v['valueQuantity']['code'] === undefined &&
  objects([v['category'], v['code']].flat() as Json).some((c) =>
    [text(c['text']), ...codings(c).flatMap((one) => [text(one['code']), text(one['display'])])].some((name) =>
      isAmountName(name ?? ''),
    ),
  );
const isOfClaim = (type: string | undefined): boolean => type === 'ExplanationOfBenefit';

/**
 * Places where money is stated, in structure or in words. What words and names tell an amount stands in one table with
 * what removes them.
 */
function moneyPlaces(resource: Resource): string[] {
  const found = new Set<string>();
  const visit = (value: Json | undefined, path: string, key: string, isCost: boolean): void => {
    if (Array.isArray(value)) {
      for (const v of value) visit(v, path, key, isCost);
      return;
    }
    if (!isObject(value)) {
      if (isCost && typeof value === 'string' && memberTellsMoney(key, value)) found.add(path);
      return;
    }
    const type = text(value['resourceType']);
    const inside = isCost || isOfClaim(type) || type === 'Coverage';
    if (type !== undefined && NEVER.has(type)) found.add(path);
    if (Object.hasOwn(value, 'currency') || value['system'] === 'urn:iso:std:iso:4217') found.add(path);
    if (inside && key === 'adjudication' && value['value'] !== undefined && !isUnits(value)) found.add(`${path}.value`);
    if (inside && key === 'amount' && value['value'] !== undefined) found.add(path);
    if (
      COSTS.has(key) ||
      (value['value'] !== undefined && UNIT_NAMES.some((n) => isCurrencyUnit(text(value[n]) ?? '')))
    )
      found.add(path);
    if (isAmountExtension(value, inside) || (inside && key === 'supportingInfo' && isAmountInfo(value)))
      found.add(path);
    if (inside && typeof value['data'] === 'string' && attachmentTells(value)) found.add(`${path}.data`);
    if (isOfClaim(type) && value['use'] === 'claim' && value['total'] !== undefined) found.add(`${path}.total`);
    // the narrative of a claim tells amounts in whatever words
    if (isOfClaim(type) && value['text'] !== undefined) found.add(`${path}.text`);
    if (
      isOfClaim(type) &&
      objects(value['payment']).some((p) => Object.keys(p).some((k) => k !== 'type' && k !== 'date'))
    )
      found.add(`${path}.payment`);
    for (const [name, member] of Object.entries(value)) {
      const here = `${path}.${name}`;
      if (/^_?valueMoney$/.test(name) || (inside && PRICE_KEYS.has(name))) found.add(here);
      visit(member, here, name, inside);
    }
  };
  visit(resource, resource.resourceType, '', false);
  return [...found];
}

/** Also where bytes say that they are no text, and are some. */
function attachmentTells(v: JsonObject): boolean {
  const bytes = Buffer.from(text(v['data']) ?? '', 'base64');
  return textTellsMoney(text(v['contentType']) ?? '', bytes);
}

const isUnits = (adjudication: JsonObject): boolean =>
  codings(adjudication['category']).some((c) => UNITS.has(text(c['code']) ?? ''));

/** Decided before the service: an authorization, or an estimate. */
const isDecision = (resource: Resource): boolean =>
  isAuthorization(resource) ||
  (resource.resourceType === 'ExplanationOfBenefit' && resource['use'] === 'predetermination');

/** A line of an authorization whose only decision is a denial, or that is for a drug. */
function deniedOrDrug(resource: Resource): ContentFault[] {
  const { state, removedLines, removesParts } = authorizationFacts(resource);
  const found: ContentFault[] = [];
  const whole = 'ExplanationOfBenefit';
  if (state === 'denied' || state === 'unclear') found.push({ kind: 'denied-pa', path: whole });
  else if (state === 'drug') found.push({ kind: 'drug-pa', path: whole });
  else if (removedLines.length > 0 || removesParts) found.push({ kind: 'denied-pa', path: `${whole}.item` });
  const codesOf = (element: JsonObject) =>
    objects(element['adjudication']).flatMap((a) =>
      named(a, REVIEW).flatMap((e) =>
        named(e, REVIEW_CODE).flatMap((c) => codings(c['valueCodeableConcept']).map((x) => text(x['code']))),
      ),
    );
  // no code but denials, header and lines together: whatever the state says
  const all = [resource as JsonObject, ...objects(resource['item'])].flatMap(codesOf);
  if (found.length === 0 && all.length > 0 && all.every((code) => code === 'A3'))
    found.push({ kind: 'denied-pa', path: whole });
  return found;
}

/** Patients that a record names, anywhere. */
function patientsIn(value: Json | undefined, found = new Set<string>()): Set<string> {
  if (Array.isArray(value)) for (const v of value) patientsIn(v, found);
  else if (isObject(value))
    for (const [name, member] of Object.entries(value)) {
      // who else of a family holds the policy is part of a member's own cover
      if (name === 'subscriber' || name === 'policyHolder') continue;
      const id =
        name === 'reference' && typeof member === 'string' ? /(?:^|\/)Patient\/([^/]+)/.exec(member)?.[1] : undefined;
      if (id !== undefined) found.add(id);
      patientsIn(member, found);
    }
  return found;
}

/** Places where a document is named by an address at another payer. What an extension is called is no address. */
function peerAddresses(
  value: Json | undefined,
  origins: ReadonlySet<string>,
  path: string,
  found: string[] = [],
): string[] {
  if (Array.isArray(value)) for (const v of value) peerAddresses(v, origins, path, found);
  else if (isObject(value)) {
    const url = text(value['url']);
    const isExtension = () => Object.keys(value).some((k) => k === 'extension' || k.startsWith('value'));
    if (url !== undefined && URL.canParse(url) && origins.has(new URL(url).origin) && !isExtension())
      found.push(`${path}.url`);
    for (const [name, member] of Object.entries(value)) peerAddresses(member, origins, `${path}.${name}`, found);
  }
  return found;
}

/** Numbers that an authorization has. */
export function authorizationNumbers(resource: Resource | undefined): string[] {
  const given = resource?.['preAuthRef'];
  return [
    ...(Array.isArray(given) ? given : []).flatMap((n) => text(n) ?? []),
    ...objects(resource?.['identifier']).flatMap((i) => text(i['value']) ?? []),
  ];
}

/** Places where an authorization is named that must not be: by its id in any text, by its number where numbers of authorizations stand. */
function hiddenNames(
  value: Json | undefined,
  names: { ids: ReadonlySet<string>; numbers: readonly ReadonlySet<string>[] },
  path: string,
  found: string[] = [],
): string[] {
  if (Array.isArray(value)) for (const v of value) hiddenNames(v, names, path, found);
  else if (isObject(value))
    for (const [name, member] of Object.entries(value)) hiddenNames(member, names, `${path}.${name}`, found);
  else if (typeof value === 'string') {
    const ids = [...value.matchAll(/(?:ExplanationOfBenefit\/|urn:uuid:)([A-Za-z0-9\-.]+)/g)].map((m) => m[1] ?? '');
    const isNumber = path.endsWith('.preAuthRef') && names.numbers.some((n) => n.has(value));
    if (isNumber || ids.some((id) => names.ids.has(id))) found.push(path);
  }
  return found;
}

/** Every fault of one record of an export. */
export function contentFaults(resource: Resource, context: ContentContext): ContentFault[] {
  const type = resource.resourceType;
  const found: ContentFault[] = moneyPlaces(resource).map((path) => ({ kind: 'money', path }));
  for (const path of peerAddresses(resource, context.peerOrigins, type)) found.push({ kind: 'peer-address', path });
  const patients = patientsIn(resource);
  if (type === 'Patient') patients.add(text(resource['id']) ?? '');
  if (context.hidden.size > 0) {
    const numbers = [...patients].flatMap((id) => context.hiddenNumbers.get(id) ?? []);
    for (const path of hiddenNames(resource, { ids: context.hidden, numbers }, type))
      found.push({ kind: 'named-authorization', path });
  }
  const key = `${type}/${text(resource['id']) ?? ''}`;
  if ([...patients].some((id) => context.hiddenDocuments.get(id)?.has(key) === true))
    found.push({ kind: 'pa-document', path: type });
  if (NEVER.has(type) || !EXPORT_ORDER.includes(type)) found.push({ kind: 'type', path: type });
  if (isStatement(resource)) found.push({ kind: 'statement', path: type });
  for (const one of objects(resource['contained']))
    if (isDecision(one as Resource)) found.push(...deniedOrDrug(one as Resource));
  if (isDecision(resource)) found.push(...deniedOrDrug(resource));
  if (isAuthorization(resource) && isOver(resource, context)) found.push({ kind: 'old-pa', path: type });
  if (!isAuthorization(resource)) {
    const end = serviceEnd(resource);
    if (end !== undefined && end < context.windowStart) found.push({ kind: 'window', path: type });
  }
  const strangers = [...patients].filter((id) => !context.members.has(id));
  if (strangers.length > 0) found.push({ kind: 'other-member', path: type });
  const kept = [key, ...targetsOf(resource)].flatMap((k) =>
    [...patients].flatMap((id) => context.staying.get(id)?.get(k) ?? []),
  );
  if (kept.some((k) => k.isDoubted)) found.push({ kind: 'identity-doubt', path: type });
  const label = Math.max(labelOf(resource), context.revealing.get(key) ?? 0, ...kept.map((k) => k.label));
  // what many members name is someone's who may be informed of it
  const policies = isShared(type) ? [sharedPolicy(context)] : [...patients].map((id) => context.members.get(id));
  if (label === 2 || (label === 1 && policies.some((p) => p !== 'sensitive')))
    found.push({ kind: 'label', path: `${type}.meta` });
  return found;
}

const sharedPolicy = ({ members }: ContentContext): string | undefined =>
  [...members.values()].includes('sensitive') ? 'sensitive' : 'regular';

/** What is judged by elements that `_elements` may leave out. */
const BY_MISSING: ReadonlySet<ContentFault['kind']> = new Set(['window', 'old-pa', 'denied-pa']);

/** May it be only for what is left out that a record seems to be a fault? */
export const isPartsFault = (resource: Resource, { kind }: ContentFault): boolean =>
  BY_MISSING.has(kind) &&
  isObject(resource['meta']) &&
  objects(resource['meta']['tag']).some((t) => t['code'] === 'SUBSETTED');

/** What a Provenance is about would be revealed by it. */
const targetsOf = (resource: Resource): string[] =>
  resource.resourceType === 'Provenance' ? objects(resource['target']).flatMap((t) => text(t['reference']) ?? []) : [];

/** An authorization is over that changed its state more than twelve months ago and holds no more, or was cancelled. */
function isOver(resource: Resource, { today, yearAgo }: ContentContext): boolean {
  const { state, changed, end } = authorizationFacts(resource);
  const isRecent = changed !== undefined && changed >= yearAgo;
  return !isRecent && (state === 'cancelled' || end === undefined || end < today);
}
