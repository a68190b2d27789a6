// Does a line of an export hold what must not leave? Written apart from the rules that decide what leaves (transform/), so
// that a fault there is found here. Pure. 42 CFR 422.121(b)(4)(ii), (b)(1)(iv).
import {
  codings,
  isObject,
  type Json,
  type JsonObject,
  objects,
  type Resource,
  text,
} from '../../src/fhir/resource.ts';
import { labelOf } from '../transform/label.ts';
import { authorizationFacts, isAuthorization } from '../transform/prior-authorization.ts';
import { serviceEnd } from '../transform/service-date.ts';

export type ContentFault = {
  kind:
    | 'money'
    | 'denied-pa'
    | 'drug-pa'
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
  /** origins of other payers: what is theirs is given by an address of ours */
  peerOrigins: ReadonlySet<string>;
  /** ids of the members' authorizations that were denied or are for drugs: nothing names them */
  hidden: ReadonlySet<string>;
  /** their numbers, by which claims of the same member name them: another one's may have the same */
  hiddenNumbers: ReadonlyMap<string, ReadonlySet<string>>;
  /** `Type/id` of documents by member that support nothing but what must not leave (audit/supporting.ts) */
  hiddenDocuments: ReadonlyMap<string, ReadonlySet<string>>;
};

const NEVER = new Set(
  'Claim ClaimResponse PaymentNotice PaymentReconciliation Invoice ChargeItem ChargeItemDefinition Account Contract CoverageEligibilityResponse'.split(
    ' ',
  ),
);
const PRICE_KEYS = new Set('unitPrice net factor adjustment costToBeneficiary benefitBalance'.split(' '));
const UNITS = new Set(['allowedunits', 'consumedunits']);
const SIGN = /\p{Sc}\s{0,20}[.,]?\d|\d\s?\p{Sc}/u;
const CODE =
  /(?<!\p{L})(?:USD|EUR|MXN)\s?[.,]?\d|\d\s?(?:USD|EUR|MXN|dollars|euros|cents)(?!\p{L})|(?<!\p{L})(?:CAD\s?(?!41[0-4]\.\d\d(?!\d))|GBP\s?)\d[\d,]*\.\d\d(?![\d.]|\s?(?:%|m?c?g\b|m?l\b|[cm]m\b))/iu;
const WORD =
  /\bUSD\b|\bdollars?\b|\beuros?\b|\bcents\b|\b(?:copay(?:ment)?|coinsurance|deductible|paid|owe[ds]?|billed|charged?|balance|cost|amount)\b[^.;]{0,24}?(?<![\p{L}\w.,])\d[\d,]*\.\d\d(?![\d.%])/iu;
/** What a reader of a page sees of signs. */
const asSeen = (words: string): string =>
  words.replaceAll(/<[^<>]*>/g, ' ').replaceAll(/&(?:#36|#x24|dollar|euro|pound|cent);/gi, '$');
const inProse = (words: string): boolean => {
  const seen = asSeen(words);
  return SIGN.test(seen) || CODE.test(seen) || WORD.test(seen);
};
const PROSE = new Set('text div disposition description valueString valueMarkdown'.split(' '));
/** Of PDex and of PAS alike. */
const REVIEW = /\/extension-reviewAction$/;
const REVIEW_CODE = /\/extension-reviewActionCode$/;
const named = (element: JsonObject, name: RegExp): JsonObject[] =>
  objects(element['extension']).filter((e) => name.test(text(e['url']) ?? ''));
const TITLES = new Set('display title name comment'.split(' '));
/** Words in an attachment; none in bytes that are no text, among which a sign may stand before a digit by chance. */
function attached(v: JsonObject): string {
  const type = text(v['contentType']) ?? '';
  if (typeof v['data'] !== 'string' || /^(?:application\/(?:pdf|dicom)|image\/|audio\/|video\/)/i.test(type)) return '';
  const words = Buffer.from(v['data'], 'base64').toString('utf8');
  return type.startsWith('text/') || !/[\0\ufffd]/.test(words) ? words : '';
}

const isTold = (key: string, words: string): boolean =>
  PROSE.has(key) ? inProse(words) : SIGN.test(words) || (TITLES.has(key) && CODE.test(words));

/** Places where money is told, in structure or in words. */
function moneyPlaces(resource: Resource): string[] {
  const found: string[] = [];
  const visit = (value: Json | undefined, path: string, key: string, isCost: boolean): void => {
    if (Array.isArray(value)) {
      for (const v of value) visit(v, path, key, isCost);
      return;
    }
    if (!isObject(value)) {
      if (isCost && typeof value === 'string' && isTold(key, value)) found.push(path);
      return;
    }
    const type = text(value['resourceType']);
    const inside = isCost || type === 'ExplanationOfBenefit' || type === 'Coverage';
    if (type !== undefined && NEVER.has(type)) found.push(path);
    if (Object.hasOwn(value, 'currency') || value['system'] === 'urn:iso:std:iso:4217') found.push(path);
    if (inside && key === 'adjudication' && value['value'] !== undefined && !isUnits(value))
      found.push(`${path}.value`);
    if (inside && key === 'amount' && value['value'] !== undefined) found.push(path);
    if (key === 'costToBeneficiary' || /^(?:euros?|dollars?|USD|EUR)$/i.test(text(value['unit']) ?? ''))
      found.push(path);
    if (inside && inProse(attached(value))) found.push(`${path}.data`);
    if (type === 'ExplanationOfBenefit' && value['use'] === 'claim' && value['total'] !== undefined)
      found.push(`${path}.total`);
    for (const [name, member] of Object.entries(value)) {
      const here = `${path}.${name}`;
      if (/^_?valueMoney$/.test(name) || (inside && PRICE_KEYS.has(name))) found.push(here);
      visit(member, here, name, inside);
    }
  };
  visit(resource, resource.resourceType, '', false);
  return found;
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
  if (NEVER.has(type) || type === 'Consent') found.push({ kind: 'type', path: type });
  for (const one of objects(resource['contained']))
    if (isDecision(one as Resource)) found.push(...deniedOrDrug(one as Resource));
  if (isDecision(resource)) found.push(...deniedOrDrug(resource));
  if (!isAuthorization(resource)) {
    const end = serviceEnd(resource);
    if (end !== undefined && end < context.windowStart) found.push({ kind: 'window', path: type });
  }
  const strangers = [...patients].filter((id) => !context.members.has(id));
  if (strangers.length > 0) found.push({ kind: 'other-member', path: type });
  const label = labelOf(resource);
  const policies = [...patients].map((id) => context.members.get(id));
  if (label === 2 || (label === 1 && policies.some((p) => p !== 'sensitive')))
    found.push({ kind: 'label', path: `${type}.meta` });
  return found;
}
