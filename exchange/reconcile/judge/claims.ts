// Orders, fills, claims, authorizations, devices and coverage.
import { isObject, type Json, objects, type Resource, text } from '../../../src/fhir/resource.ts';
import { alike } from '../alike.ts';
import { isOfType } from '../chain/claim-types.ts';
import { areOfOtherDays, claimFacts } from '../chain/facts.ts';
import { claimIdentifiers, institutionalSubType } from '../claim-numbers.ts';
import {
  bare,
  began,
  codesOf,
  day,
  daysBetween,
  disjoint,
  drugCodes,
  inWords,
  minute,
  NDC,
  otherDay,
  otherwiseCoded,
  overlap,
  period,
  sameCodes,
  sameDay,
} from '../codes.ts';
import { sameQuantity } from '../quantities.ts';
import { askedFor, authorizationNumbers, servicesOf } from '../record-keys.ts';
import { timingSaid } from '../timing.ts';
import { sameVisit } from './clinical.ts';
import { numberedApart, numbersApart, sameOrUncompared, sharesIdentifier } from './numbers.ts';
import {
  allAmong,
  conflict,
  type Judge,
  type Known,
  part,
  sameEvent,
  sameOf,
  sameRecord,
  sameTarget,
} from './verdict.ts';

/** Where the dosage is told in words alone, capitals and blanks say nothing. */
const dosage = (r: Resource): string =>
  alike(
    objects(r['dosageInstruction']).map((d) => [
      timingSaid(d['timing']),
      d['doseAndRate'] ?? null,
      d['timing'] === undefined && d['doseAndRate'] === undefined ? inWords(text(d['text'])) : null,
      d['asNeededBoolean'] === true || d['asNeededCodeableConcept'] !== undefined,
    ]),
  );
const hasDosage = (r: Resource) => objects(r['dosageInstruction']).length > 0;
const routes = (r: Resource) => objects(r['dosageInstruction']).flatMap((d) => codesOf(d['route']));

export const medicationRequest: Judge = (a, b, known) => {
  const [da, db] = [drugCodes(a), drugCodes(b)];
  // a drug may be named by a Medication, whose codes are not at hand
  if (a['intent'] !== b['intent'] || !sameOrUncompared(overlap(da, db), a, b, da, db)) return undefined;
  const bothActive = a['status'] === 'active' && b['status'] === 'active';
  const doseDiffers = hasDosage(a) && hasDosage(b) && (dosage(a) !== dosage(b) || otherwiseCoded(routes(a), routes(b)));
  if (bothActive && doseDiffers) return conflict('dosage-mismatch', 'dosage');
  if (sharesIdentifier(a, b)) return sameRecord('prescription');
  const isSameDay = sameDay(a['authoredOn'], b['authoredOn']);
  const requester = part(sameTarget(a['requester'], b['requester'], known), [
    a['requester'] !== undefined,
    b['requester'] !== undefined,
  ]);
  const [ta, tb] = [minute(a['authoredOn']), minute(b['authoredOn'])];
  const otherTime = ta !== undefined && tb !== undefined && ta !== tb ? 1 : 0;
  if (isSameDay && !doseDiffers && requester !== undefined)
    return sameEvent('prescription', requester + otherTime + (hasDosage(a) === hasDosage(b) ? 0 : 1));
  return bothActive ? conflict('duplicate-order', 'active-orders') : undefined;
};

/** Many write the number of the prescription, which all its fills have. Hardly any is filled again so soon. */
const BETWEEN_FILLS = 5;
const handedOver = (r: Resource) => r['whenHandedOver'] ?? r['whenPrepared'];
const amountOf = (q: Json | undefined) => (isObject(q) && typeof q['value'] === 'number' ? q['value'] : undefined);
/** Of one number, another day: was there another fill when what was given had been used? What is taken each day may be given each day. */
function isNextFill(a: Json | undefined, b: Json | undefined, supplies: readonly (Json | undefined)[]): boolean {
  if (otherDay(a, b, BETWEEN_FILLS)) return true;
  const days = daysBetween(day(a) ?? '', day(b) ?? '');
  return otherDay(a, b) && supplies.some((s) => (amountOf(s) ?? Number.POSITIVE_INFINITY) <= days);
}
/** How much of it, if both say so: 0 the same, 1 one does not say, undefined another amount. */
function sameAmount(x: Json | undefined, y: Json | undefined): 0 | 1 | undefined {
  if (x === undefined || y === undefined) return x === y ? 0 : 1;
  const value = (q: Json) => (isObject(q) ? q['value'] : undefined);
  return sameQuantity(x, y) || value(x) === value(y) ? 0 : undefined;
}

export const medicationDispense: Judge = (a, b, known) => {
  const [supply, quantity] = [sameAmount(a['daysSupply'], b['daysSupply']), sameAmount(a['quantity'], b['quantity'])];
  const [da, db] = [drugCodes(a), drugCodes(b)];
  if (sharesIdentifier(a, b)) {
    const [ha, hb] = [handedOver(a), handedOver(b)];
    // what was ready one day and fetched another is one
    const isOneEvent = (a['whenHandedOver'] === undefined) === (b['whenHandedOver'] === undefined);
    if (isNextFill(ha, hb, isOneEvent ? [a['daysSupply'], b['daysSupply']] : [])) return undefined;
    // a part of it, and the rest two days later
    if (otherDay(ha, hb) && (supply === undefined || quantity === undefined)) return undefined;
    return otherwiseCoded(da, db) ? undefined : sameRecord('fill');
  }
  if (numberedApart(a, b)) return undefined;
  if (!sameDay(a['whenHandedOver'], b['whenHandedOver']) || !overlap(da, db)) return undefined;
  const actors = (r: Resource) =>
    objects(r['performer']).flatMap((p) => (p['actor'] === undefined ? [] : [p['actor']]));
  if (sameOf(actors(a), actors(b), known) === false) return undefined;
  return supply === undefined || quantity === undefined ? undefined : sameEvent('fill', supply + quantity);
};

export const medicationAdministration: Judge = (a, b, known) => {
  if (sharesIdentifier(a, b)) {
    // the number of an order, which each dose has
    const [ta, tb] = [began(a, 'effective'), began(b, 'effective')];
    const [ma, mb] = [minute(ta), minute(tb)];
    const isOther = ma !== undefined && mb !== undefined ? ma !== mb : otherDay(ta, tb);
    return isOther || otherwiseCoded(drugCodes(a), drugCodes(b)) ? undefined : sameRecord('identifier');
  }
  const visit = sameVisit(a['context'], b['context'], known);
  return visit === false ? undefined : sameEvent('administration', visit === true ? 0 : 1);
};

/** A pharmacy claim and the fill that it is about. */
export const claimOfFill: Judge = (claim, fill, known) => {
  if (claim['use'] === 'preauthorization' || !bare(claim['type']).includes('pharmacy')) return undefined;
  const derived = (rule: string) => ({ kind: 'derived-from', score: 1, rule }) as const;
  const [item, more] = objects(claim['item']);
  const at = day(item?.['servicedDate']) ?? day(period(item?.['servicedPeriod']).start);
  const supply = objects(claim['supportingInfo']).find((s) => bare(s['category']).includes('dayssupply'));
  const supplies = [supply?.['valueQuantity'], fill['daysSupply']];
  if (sharesIdentifier(claim, fill)) {
    return isNextFill(at, handedOver(fill), supplies) ? undefined : derived('fill-number');
  }
  if (numberedApart(claim, fill)) return undefined;
  if (item === undefined || more !== undefined) return undefined;
  if (at === undefined || at !== day(fill['whenHandedOver'])) return undefined;
  const sold = bare(item['productOrService']).map((c) => c.replaceAll('-', ''));
  const packages = drugCodes(fill)
    .filter((c) => c.startsWith(`${NDC}|`))
    .map((c) => c.slice(NDC.length + 1));
  const codes =
    overlap(packages, sold) ||
    sameCodes(drugCodes(fill), drugCodes({ resourceType: '', medicationCodeableConcept: item['productOrService'] }));
  if (!codes) return undefined;
  const [qa, qb] = [amountOf(item['quantity']), amountOf(fill['quantity'])];
  if (qa !== undefined && qb !== undefined && qa !== qb) return undefined;
  const [da, db] = supplies.map(amountOf);
  if (da !== undefined && db !== undefined && da !== db) return undefined;
  const actors = objects(fill['performer']).flatMap((p) => (p['actor'] === undefined ? [] : [p['actor']]));
  const pharmacy = claim['provider'] === undefined ? undefined : sameOf([claim['provider']], actors, known);
  // how much it was, or where the claim does not say (many do not) for how many days: none is filled twice in a day for as many
  const isAsMuch = qa === undefined || qb === undefined ? da !== undefined && da === db : qa === qb;
  return pharmacy === true && isAsMuch ? { ...derived('fill'), score: 0.9 } : undefined;
};

/** The insurer of a claim is the same; when neither says, the system of its numbers does. */
function sameInsurer(a: Resource, b: Resource, known: Known): boolean | undefined {
  return sameTarget(a['insurer'], b['insurer'], known);
}

/** Numbers of a claim: those typed as unique claim ids, else its first. */
const uniqueClaims = (r: Resource): string[] =>
  claimIdentifiers(r).map((i) => `${text(i['system']) ?? ''}|${(text(i['value']) ?? '').trim()}`);

/**
 * Have they other numbers of one system, or other days of service? A number that they have in common is then that of a prescription, which some payers tell
 * as one of the claim, or a payer uses it again: the chains tell of it.
 */
function areOtherClaims(a: Resource, b: Resource): boolean {
  if (numbersApart(uniqueClaims(a), uniqueClaims(b))) return true;
  const [x, y] = [claimFacts(a), claimFacts(b)];
  return x !== undefined && y !== undefined && areOfOtherDays(x, y);
}

function claim(a: Resource, b: Resource, known: Known) {
  const insurer = sameInsurer(a, b, known);
  const typed = (r: Resource) => ({ type: bare(r['type']).sort().join('+'), subType: institutionalSubType(r) });
  const sameType = bare(a['type']).length > 0 && isOfType(typed(a), typed(b));
  // a collision otherwise: the chains tell of it
  if (overlap(uniqueClaims(a), uniqueClaims(b)) && insurer !== false)
    return sameType && !areOtherClaims(a, b) ? sameRecord('claim') : undefined;
  if (insurer !== false || !sameType) return undefined;
  const [sa, sb] = [servicesOf(a).sort(), servicesOf(b).sort()];
  if (sa.length === 0 || sa.join() !== sb.join()) return undefined;
  if (sameTarget(a['provider'], b['provider'], known) !== true) return undefined;
  return { kind: 'coordination-of-benefits', score: 0.9, rule: 'services' } as const;
}

function authorization(a: Resource, b: Resource, known: Known) {
  const insurer = sameInsurer(a, b, known);
  if (insurer === false) return undefined;
  if (overlap(authorizationNumbers(a), authorizationNumbers(b)) && insurer === true) return sameRecord('authorization');
  const provider = sameTarget(a['provider'], b['provider'], known);
  if (insurer !== true || provider !== true || !sameDay(a['created'], b['created'])) return undefined;
  if (!overlap(askedFor(a), askedFor(b)) || numberedApart(a, b)) return undefined;
  // the same asked twice in one day, for two days
  const [sa, sb] = [servicesOf(a), servicesOf(b)];
  if (sa.length > 0 && sb.length > 0) return overlap(sa, sb) ? sameEvent('authorization') : undefined;
  return sameEvent('authorization', sa.length === sb.length ? 0 : 1);
}

export const explanationOfBenefit: Judge = (a, b, known) => {
  const isPa = (r: Resource) => r['use'] === 'preauthorization';
  if (isPa(a) !== isPa(b)) return undefined;
  return isPa(a) ? authorization(a, b, known) : claim(a, b, known);
};

/** https://terminology.hl7.org/CodeSystem-v3-ActCode.html */
const BESIDE_HEALTH = new Set(['DENTAL', 'DENTPRG', 'VISPOL', 'DRUGPOL', 'DIS', 'LIFE', 'LTC']);
/** Is one over before the other one begins, of another kind, or of another plan? */
function areOther(a: Resource, b: Resource): boolean {
  const [x, y] = [period(a['period']), period(b['period'])];
  const isBefore = (end: string | undefined, start: string | undefined) =>
    (day(end) ?? '9999') < (day(start) ?? '') && otherDay(end, start);
  const kinds = (r: Resource) =>
    bare(r['type'])
      .filter((c) => BESIDE_HEALTH.has(c))
      .sort()
      .join();
  const says = (r: Resource) => bare(r['type']).length > 0;
  // each part of Medicare is a cover of its own, all under one number
  const plans = (r: Resource) =>
    objects(r['class']).flatMap((c) => (bare(c['type']).includes('plan') ? (inWords(text(c['value'])) ?? []) : []));
  if (disjoint(plans(a), plans(b))) return true;
  return isBefore(x.end, y.start) || isBefore(y.end, x.start) || (says(a) && says(b) && kinds(a) !== kinds(b));
}

export const coverage: Judge = (a, b, known) => {
  const [pa, pb] = [objects(a['payor']), objects(b['payor'])];
  const payor = sameOf(pa, pb, known);
  const member = (r: Resource) =>
    objects(r['identifier'])
      .filter((i) => bare(i['type']).includes('MB'))
      .flatMap((i) => text(i['value']) ?? []);
  if (payor === true) {
    // a card is kept from year to year, and by what is beside the health plan
    if (areOther(a, b)) return undefined;
    if (overlap(member(a), member(b))) return sameRecord('member-number');
    const [sa, sb] = [text(a['subscriberId']), text(b['subscriberId'])];
    if (sa !== undefined && sa === sb && text(a['dependent']) === text(b['dependent'])) return sameRecord('subscriber');
    const [fa, fb] = [day(period(a['period']).start), day(period(b['period']).start)];
    return fa !== undefined && fa === fb && overlap(bare(a['type']), bare(b['type']))
      ? sameEvent('coverage')
      : undefined;
  }
  const [ta, tb] = [period(a['period']), period(b['period'])];
  const [fa, fb] = [day(ta.start), day(tb.start)];
  if (fa === undefined || fb === undefined || a['status'] === 'cancelled' || b['status'] === 'cancelled')
    return undefined;
  const [ea, eb] = [day(ta.end) ?? '9999', day(tb.end) ?? '9999'];
  return fa <= eb && fb <= ea
    ? conflict('coverage-overlap', 'periods', `${fa > fb ? fa : fb} to ${ea < eb ? ea : eb}`)
    : undefined;
};

export const device: Judge = (a, b) => {
  const udi = (r: Resource) => objects(r['udiCarrier']).flatMap((u) => text(u['deviceIdentifier']) ?? []);
  const [sa, sb] = [text(a['serialNumber']), text(b['serialNumber'])];
  if (overlap(udi(a), udi(b))) {
    if (sa !== undefined && sb !== undefined) return sa === sb ? sameRecord('udi') : undefined;
    const lots = (r: Resource) => [text(r['lotNumber']), day(r['manufactureDate'])].filter((x) => x !== undefined);
    return overlap(lots(a), lots(b)) ? sameEvent('device') : undefined;
  }
  return sharesIdentifier(a, b) ? sameRecord('identifier') : undefined;
};

export const provenance: Judge = (a, b, known) => {
  if (minute(a['recorded']) === undefined || a['recorded'] !== b['recorded']) return undefined;
  if (bare(a['activity']).join() !== bare(b['activity']).join()) return undefined;
  const agents = (r: Resource) => objects(r['agent']).flatMap((x) => (x['who'] === undefined ? [] : [x['who']]));
  if (sameOf(agents(a), agents(b), known) !== true) return undefined;
  const targets = (r: Resource) => objects(r['target']).flatMap((t) => text(t['reference']) ?? []);
  const [ta, tb] = [targets(a), targets(b)];
  const all = ta.length > 0 && ta.length === tb.length && allAmong(ta, tb, known);
  return all ? sameEvent('provenance') : undefined;
};
