// Money must not leave: provider remittances and enrollee cost-sharing are excluded from payer-to-payer
// (42 CFR 422.121(b)(4)(ii)(A)(1)). Removed when a record is written, proved by hasMoney on what is left.
import {
  codings,
  isObject,
  type Json,
  type JsonObject,
  objects,
  type Resource,
  text,
} from '../../../src/fhir/resource.ts';
import { spelledAs } from '../../../src/fhir/spelled-numbers.ts';
import {
  isAmountExtension,
  isAmountName,
  isCurrencyUnit,
  mayTellMoney,
  memberTellsMoney,
  textTellsMoney,
  wordsTellMoney,
} from './money-words.ts';
import { RECORD_TYPES } from './record-types.ts';
import { isReviewAction } from './review-action.ts';
import { HOLDS } from './watched-names.ts';

const BASE_AMOUNTS = new Set([
  'submitted',
  'copay',
  'eligible',
  'deductible',
  'unallocdeduct',
  'eligpercent',
  'tax',
  'benefit',
]);
const C4BB_AMOUNTS = new Set([
  'coinsurance',
  'noncovered',
  'priorpayerpaid',
  'paidbypatient',
  'paidbypatientcash',
  'paidbypatientother',
  'paidbypatienthealthaccount',
  'paidtoprovider',
  'paidtopatient',
  'memberliability',
  'discount',
  'drugcost',
]);
const UNITS = new Set(['allowedunits', 'consumedunits']);
const ISO_4217 = 'urn:iso:std:iso:4217';
const MASKED: JsonObject = {
  extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'masked' }],
};

const isMoney = (v: JsonObject): boolean =>
  v['currency'] !== undefined ||
  v['system'] === ISO_4217 ||
  (v['value'] !== undefined && [v['unit'], v['code']].some((u) => isCurrencyUnit(text(u) ?? '')));
/** A text that was put into an attachment. */
const attachmentTellsMoney = (v: JsonObject): boolean =>
  typeof v['data'] === 'string' && textTellsMoney(text(v['contentType']) ?? '', Buffer.from(v['data'], 'base64'));
const tellsMoney = (key: string, value: Json): boolean => typeof value === 'string' && memberTellsMoney(key, value);
/** Supporting information of which the name alone says that its number is an amount. */
const isAmountInfo = (key: string, v: JsonObject): boolean =>
  key === 'supportingInfo' &&
  isObject(v['valueQuantity']) &&
  v['valueQuantity']['unit'] === undefined &&
  v['valueQuantity']['code'] === undefined &&
  [v['category'], v['code']].some((c) =>
    codings(c).some((one) =>
      [one['code'], one['display'], isObject(c) ? c['text'] : undefined].some((n) => isAmountName(text(n) ?? '')),
    ),
  );

const categoryOf = (adjudication: JsonObject): { amount: boolean; units: boolean } => {
  const found = codings(adjudication['category']);
  return {
    amount: found.some((c) => {
      const code = String(c['code']);
      if (c['system'] === 'http://terminology.hl7.org/CodeSystem/adjudication') return BASE_AMOUNTS.has(code);
      return String(c['system']).endsWith('/C4BBAdjudication') && C4BB_AMOUNTS.has(code);
    }),
    units: found.some((c) => UNITS.has(String(c['code']))),
  };
};

/** Adjudications of a claim: entries that only carry an amount go, the others lose it. Of an authorization: masked. */
function adjudications(list: Json | undefined, isAuthorization: boolean): JsonObject[] | undefined {
  const kept: JsonObject[] = [];
  for (const entry of objects(list)) {
    const { amount, value, ...rest } = entry;
    const category = categoryOf(entry);
    if (isAuthorization) {
      kept.push({
        ...rest,
        ...(amount === undefined ? {} : { amount: MASKED }),
        ...(value === undefined || !category.units ? {} : { value }),
      });
      continue;
    }
    const carriesMore = entry['reason'] !== undefined || objects(entry['extension']).some(isReviewAction);
    if ((category.amount || amount !== undefined) && !carriesMore && !category.units) continue;
    kept.push({ ...rest, ...(value === undefined || !category.units ? {} : { value }) });
  }
  return kept.length > 0 ? kept : undefined;
}

const PRICES = ['unitPrice', 'net', 'factor'];

function lines(list: Json | undefined, isAuthorization: boolean): JsonObject[] | undefined {
  const out = objects(list).map((item) => {
    const next: JsonObject = { ...item };
    for (const key of PRICES) delete next[key];
    setOrDelete(next, 'adjudication', adjudications(item['adjudication'], isAuthorization));
    for (const nested of ['detail', 'subDetail'])
      if (item[nested] !== undefined) setOrDelete(next, nested, lines(item[nested], isAuthorization));
    return next;
  });
  return out.length > 0 ? out : undefined;
}

function setOrDelete(target: JsonObject, key: string, value: Json | undefined): void {
  if (value === undefined) delete target[key];
  else target[key] = value;
}

function scrubBenefit(resource: Resource): Resource {
  const isAuthorization = resource['use'] === 'preauthorization';
  const next: Resource = { ...resource };
  setOrDelete(next, 'adjudication', adjudications(resource['adjudication'], isAuthorization));
  setOrDelete(next, 'item', lines(resource['item'], isAuthorization));
  setOrDelete(next, 'addItem', lines(resource['addItem'], isAuthorization));
  delete next['benefitBalance'];
  const payment = resource['payment'];
  delete next['payment'];
  if (isAuthorization) {
    const totals = objects(resource['total']).map((t) => ({ ...t, amount: MASKED }));
    setOrDelete(next, 'total', totals.length > 0 ? totals : undefined);
  } else {
    delete next['total'];
    if (isObject(payment)) {
      const { type, date } = payment;
      if (type !== undefined || date !== undefined)
        next['payment'] = { ...(type === undefined ? {} : { type }), ...(date === undefined ? {} : { date }) };
    }
  }
  const notes = objects(resource['processNote']).filter((n) => !wordsTellMoney(String(n['text'] ?? '')));
  setOrDelete(next, 'processNote', notes.length > 0 ? notes : undefined);
  delete next['text'];
  return next;
}

const PRICED = new Set(['unitPrice', 'net', 'amount', 'allowedMoney', 'usedMoney', 'adjustment']);
/** Names that stand for money wherever they are. */
const COSTS = new Set(['unitPrice', 'allowedMoney', 'usedMoney', 'costToBeneficiary']);
/** A number under a name that stands for money, whatever it says of a currency; balances of a benefit are of this kind. */
const isPriced = (key: string, value: JsonObject): boolean =>
  key === 'benefitBalance' || (PRICED.has(key) && value['value'] !== undefined);
/** The plain number of an adjudication, unless it counts units. */
const isAmountValue = (key: string, value: JsonObject): boolean =>
  key === 'adjudication' && typeof value['value'] === 'number' && !categoryOf(value).units;

/**
 * Any money left in extensions, contained resources and free quantities, and with `words` in free text. Structure is
 * kept, empty parents go.
 */
function sweep(value: Json, words: boolean, key = ''): Json | undefined {
  if (Array.isArray(value)) {
    const swept = value.map((v) => sweep(v, words, key));
    // the entries of `_given` stand beside those of `given`: places are kept
    if (key.startsWith('_')) return swept.some((v) => v !== undefined) ? swept.map((v) => v ?? null) : undefined;
    const kept = swept.filter((v): v is Json => v !== undefined);
    return kept.length > 0 ? kept : undefined;
  }
  if (words && tellsMoney(key, value)) return undefined;
  if (!isObject(value)) return value;
  if (isMoney(value)) return undefined;
  if (typeof value['url'] === 'string' && 'valueMoney' in value) return undefined;
  if (COSTS.has(key) || isAmountExtension(value, words)) return undefined;
  if (words && (isPriced(key, value) || isAmountInfo(key, value) || attachmentTellsMoney(value))) return undefined;
  if (words && key === 'text' && typeof value['div'] === 'string' && wordsTellMoney(value['div'])) return undefined;
  const out: JsonObject = spelledAs({}, value);
  let hadExtensionValue = false;
  for (const [name, member] of Object.entries(value)) {
    if (member === undefined || name === 'valueMoney' || name === '__proto__') continue;
    if (words && (name === 'factor' || (name === 'value' && isAmountValue(key, value)))) continue;
    if (name.startsWith('value') && typeof value['url'] === 'string') hadExtensionValue = true;
    const kept = sweep(member, words, name);
    if (kept !== undefined) out[name] = kept;
  }
  const lostExtensionValue =
    hadExtensionValue && !Object.keys(out).some((k) => k.startsWith('value') || k === 'extension');
  return lostExtensionValue || Object.keys(out).length === 0 ? undefined : out;
}

/** Could this text carry money at all? Cheap: most records are sent as they are. */
export function mayHoldMoney(type: string, json: string, names: number): boolean {
  return (
    type === 'ExplanationOfBenefit' ||
    type === 'Coverage' ||
    (names & (HOLDS.money | HOLDS.contained)) !== 0 ||
    json.includes('\\u') ||
    mayTellMoney(json) ||
    json.includes(ISO_4217)
  );
}

const MONEY_ALONE = new Set(
  'PaymentNotice PaymentReconciliation CoverageEligibilityResponse ChargeItemDefinition Contract'.split(' '),
);
/** Types that are about money and nothing else. */
export const isFinancial = (type: string): boolean =>
  RECORD_TYPES[type]?.class === 'financial' || MONEY_ALONE.has(type);

/** The resource without money; the same object when there was none to remove. */
export function withoutMoney(resource: Resource): Resource {
  let next: Resource = resource;
  if (resource.resourceType === 'ExplanationOfBenefit') next = scrubBenefit(resource);
  if (resource.resourceType === 'Coverage' && resource['costToBeneficiary'] !== undefined) {
    // its narrative tells what the structure does
    const { costToBeneficiary: _, text: __, ...rest } = resource;
    next = rest as Resource;
  }
  const contained = next['contained'];
  if (Array.isArray(contained)) {
    const clean = contained
      .filter((c) => !(isObject(c) && isFinancial(text(c['resourceType']) ?? '')))
      .map((c) => (isObject(c) && typeof c['resourceType'] === 'string' ? withoutMoney(c as Resource) : c));
    next = { ...next, contained: clean };
  }
  const swept = sweep(next, holdsWords(resource));
  const result = (isObject(swept) ? swept : { resourceType: resource.resourceType }) as Resource;
  return JSON.stringify(result) === JSON.stringify(resource) ? resource : result;
}

/** A claim or authorization without its narrative, which tells amounts in whatever words; the same object when it has none. */
export function withoutBenefitNarrative(resource: Resource): Resource {
  if (resource.resourceType !== 'ExplanationOfBenefit' || resource['text'] === undefined) return resource;
  const { text: _, ...rest } = resource;
  return rest as Resource;
}

const MONEY_PROFILE =
  /^(http:\/\/hl7\.org\/fhir\/us\/carin-bb\/StructureDefinition\/C4BB-ExplanationOfBenefit-(?:Inpatient-Institutional|Outpatient-Institutional|Professional-NonClinician|Oral|Pharmacy))(?:\|.*)?$/;

/**
 * A claim that says what it is without its money: the profiles of C4BB that ask for totals and amounts become their Basis.
 * The same object when it names none of them.
 */
export function withBasisProfiles(resource: Resource): Resource {
  const meta = resource['meta'];
  const profiles = isObject(meta) && Array.isArray(meta['profile']) ? meta['profile'] : [];
  const isMoney = (p: Json) => typeof p === 'string' && MONEY_PROFILE.test(p);
  if (resource.resourceType !== 'ExplanationOfBenefit' || !isObject(meta) || !profiles.some(isMoney)) return resource;
  const profile = profiles.map((p) => (isMoney(p) ? String(p).replace(MONEY_PROFILE, '$1-Basis') : p));
  return { ...resource, meta: { ...meta, profile: [...new Set(profile)] } };
}

/** Types whose free text may tell what something cost. */
const holdsWords = (resource: JsonObject): boolean =>
  resource['resourceType'] === 'ExplanationOfBenefit' || resource['resourceType'] === 'Coverage';

/** Totals of a claim, and more of its payment than what kind it was and when. */
const holdsPayment = (benefit: JsonObject): boolean =>
  (benefit['use'] !== 'preauthorization' && objects(benefit['total']).length > 0) ||
  objects(benefit['payment']).some((p) => Object.keys(p).some((k) => k !== 'type' && k !== 'date'));

/**
 * Every place where money is left, as paths; empty is the proof. Walks structure and, for ExplanationOfBenefit and
 * Coverage, free text.
 */
export function moneyIn(resource: Resource): string[] {
  const found: string[] = [];
  // names on the way, put together only where money is found
  const way: string[] = [resource.resourceType];
  const walk = (value: Json | undefined, key: string, words: boolean): void => {
    if (Array.isArray(value)) for (const v of value) walk(v, key, words);
    else if (isObject(value)) {
      const isWordy = words || holdsWords(value);
      if (
        isMoney(value) ||
        (typeof value['resourceType'] === 'string' &&
          isFinancial(value['resourceType']) &&
          way.some((n) => n.includes('contained')))
      )
        found.push(way.join('.'));
      else if (isWordy && (isPriced(key, value) || isAmountValue(key, value) || 'factor' in value))
        found.push(way.join('.'));
      else if (COSTS.has(key) || isAmountExtension(value, isWordy)) found.push(way.join('.'));
      else if (isWordy && (isAmountInfo(key, value) || attachmentTellsMoney(value))) found.push(way.join('.'));
      else if (value['resourceType'] === 'ExplanationOfBenefit' && holdsPayment(value)) found.push(way.join('.'));
      for (const name of Object.keys(value)) {
        way.push(name);
        if (name === 'valueMoney') found.push(way.join('.'));
        walk(value[name], name, isWordy);
        way.pop();
      }
    } else if (words && value !== undefined && tellsMoney(key, value)) found.push(way.join('.'));
  };
  walk(resource, '', holdsWords(resource));
  return found;
}
