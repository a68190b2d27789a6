// Shots, results, visits, procedures and documents: when two records tell of the same thing.
import { isObject, type Json, objects, type Resource, text } from '../../../src/fhir/resource.ts';
import {
  bare,
  began,
  classGroup,
  codesOf,
  day,
  disjoint,
  identifiers,
  measured,
  minute,
  otherDay,
  otherwiseCoded,
  overlap,
  period,
  sameCodes,
  sameDay,
  sameValue,
  vaccineCodes,
  words,
} from '../codes.ts';
import { ASKED, attachmentHashes, documentTime } from '../record-keys.ts';
import { numberedApart, sameOrUncompared, sharesIdentifier } from './numbers.ts';
import { apartPeriods, apartTimes, sameSpan } from './periods.ts';
import {
  allAmong,
  conflict,
  type Judge,
  type Known,
  part,
  referenceOf,
  sameEvent,
  sameOf,
  sameRecord,
  sameTarget,
} from './verdict.ts';

/** Do two references lead to one visit? false: to two that are not linked; undefined: one does not say. */
export function sameVisit(a: Json | undefined, b: Json | undefined, known: Known): boolean | undefined {
  const [ra, rb] = [referenceOf(a), referenceOf(b)];
  if (ra === undefined || rb === undefined) return undefined;
  return ra === rb || known.linked(ra)?.has(rb) === true;
}

/** One was not given, or they are numbered otherwise in their series. */
export function areOtherDoses(a: Resource, b: Resource): boolean {
  const dose = (r: Resource) => {
    const [p] = objects(r['protocolApplied']);
    const d = p?.['doseNumberPositiveInt'] ?? p?.['doseNumberString'];
    return d === undefined ? [] : [String(d)];
  };
  return a['status'] !== b['status'] || disjoint(dose(a), dose(b));
}

export const immunization: Judge = (a, b) => {
  const [oa, ob] = [a['occurrenceDateTime'], b['occurrenceDateTime']];
  const [va, vb] = [vaccineCodes(a), vaccineCodes(b)];
  // a number in common outweighs a day that one of them does not say
  if (day(oa) === undefined || day(ob) === undefined ? !sharesIdentifier(a, b) : !sameDay(oa, ob)) return undefined;
  if (!sameOrUncompared(overlap(va, vb), a, b, va, vb)) return undefined;
  if (areOtherDoses(a, b)) return undefined;
  if (sharesIdentifier(a, b)) return sameRecord('identifier');
  const lot = (r: Resource) =>
    text(r['lotNumber']) === undefined
      ? []
      : [
          String(r['lotNumber'])
            .toUpperCase()
            .replace(/[^A-Z0-9]/g, ''),
        ];
  return sameEvent('immunization', disjoint(lot(a), lot(b)) ? 1 : 0);
};

type Measured = 'vital' | 'day' | 'laboratory';
/** undefined: it does not say what it is. */
const kindOf = (r: Resource): Measured | undefined => {
  const c = bare(r['category']);
  if (c.includes('vital-signs')) return 'vital';
  return c.length === 0 ? undefined : c.some((x) => ASKED.has(x)) ? 'day' : 'laboratory';
};

export const observation: Judge = (a, b, known) => {
  if (!sameCodes(measured(a['code']), measured(b['code']))) return undefined;
  const [ta, tb] = [began(a, 'effective'), began(b, 'effective')];
  if (sharesIdentifier(a, b)) {
    if (otherDay(ta, tb)) return undefined; // the number of an order that is repeated
    return sameValue(a, b) ? sameRecord('accession') : conflict('value-mismatch', 'accession');
  }
  if (numberedApart(a, b)) return undefined;
  // one that does not say what it is, is what the other one is
  const [ka, kb] = [kindOf(a) ?? kindOf(b), kindOf(b) ?? kindOf(a)];
  if (ka !== kb) return undefined;
  const kind = ka ?? 'laboratory';
  if (kind === 'day') return sameDay(ta, tb) && sameValue(a, b) ? sameEvent('survey') : undefined;
  if (minute(ta) === undefined || minute(ta) !== minute(tb)) return undefined;
  if (kind === 'vital') return sameValue(a, b) ? sameEvent('vital-sign') : undefined;
  const [pa, pb] = [objects(a['performer']), objects(b['performer'])];
  const specimen =
    referenceOf(a['specimen']) !== undefined && referenceOf(a['specimen']) === referenceOf(b['specimen']);
  const performer = specimen ? 0 : part(sameOf(pa, pb, known), [pa.length > 0, pb.length > 0]);
  if (performer === undefined) return undefined;
  if (sameValue(a, b)) return sameEvent('result', performer);
  return performer === 0 ? conflict('value-mismatch', 'result') : undefined;
};

export const report: Judge = (a, b, known) => {
  const [ta, tb] = [began(a, 'effective'), began(b, 'effective')];
  const [ca, cb] = [codesOf(a['code']), codesOf(b['code'])];
  // several panels are reported under the accession of one specimen
  if (!sameOrUncompared(sameCodes(ca, cb), a, b, ca, cb)) return undefined;
  if (sharesIdentifier(a, b)) return otherDay(ta, tb) ? undefined : sameRecord('report-identifier');
  if (numberedApart(a, b)) return undefined;
  const at = minute(ta) !== undefined && minute(tb) !== undefined ? minute(ta) === minute(tb) : sameDay(ta, tb);
  if (!at) return undefined;
  const [pa, pb] = [objects(a['performer']), objects(b['performer'])];
  const performer = part(sameOf(pa, pb, known), [pa.length > 0, pb.length > 0]);
  if (performer === undefined) return undefined;
  const refs = (r: Resource) => [...new Set(objects(r['result']).flatMap((x) => referenceOf(x) ?? []))];
  const [fewer, more] = [refs(a), refs(b)].sort((x, y) => x.length - y.length) as [string[], string[]];
  // two notes of one minute have no results, and other words
  const forms = (r: Resource) => objects(r['presentedForm']).flatMap((f) => text(f['data']) ?? text(f['hash']) ?? []);
  const isOther = disjoint(forms(a), forms(b));
  if (fewer.length === 0) {
    const isSame = more.length === 0 ? !isOther : mayBeAll(a, b, known);
    return sameEvent('report', performer + (isSame ? 0 : 1));
  }
  return allAmong(fewer, more, known) || mayBeAll(a, b, known) ? sameEvent('report', performer) : undefined;
};

/**
 * Have two reports a result in common, or the same results by their names, and may each result of one that is not among those of the other be one
 * that the other names and its payer did not send?
 */
function mayBeAll(a: Resource, b: Resource, known: Known): boolean {
  const told = (r: Resource) => {
    const results = objects(r['result']);
    const sent = results.flatMap((x) => referenceOf(x) ?? []);
    const names = results.map((x) => words(x['display'])).sort();
    return { sent, unsent: results.length - sent.length, names: names.includes('') ? [] : names };
  };
  const [x, y] = [told(a), told(b)];
  const alone = (of: readonly string[], others: readonly string[]) =>
    of.filter((key) => !allAmong([key], others, known)).length;
  const [onlyA, onlyB] = [alone(x.sent, y.sent), alone(y.sent, x.sent)];
  const isNamedAlike = x.names.length > 0 && x.names.join('|') === y.names.join('|');
  return (onlyA < x.sent.length || isNamedAlike) && onlyA <= y.unsent && onlyB <= x.unsent;
}

/** The number of a document itself; its other numbers may be those of a visit, which all the notes of it have. */
const masters = (r: Resource): string[] =>
  identifiers({ resourceType: '', masterIdentifier: r['masterIdentifier'] ?? null });

export const document: Judge = (a, b, known) => {
  if (overlap(masters(a), masters(b))) return sameRecord('identifier');
  const [ta, tb] = [documentTime(a), documentTime(b)];
  const isSameDay = sameDay(ta, tb);
  if (sharesIdentifier(a, b)) {
    const isOther = disjoint(attachmentHashes(a), attachmentHashes(b)) && otherDay(ta, tb);
    return isOther || otherwiseCoded(codesOf(a['type']), codesOf(b['type'])) ? undefined : sameRecord('identifier');
  }
  // forms and short notes have the same bytes again and again: about two days they are two. Which of several one is that does not say its day,
  // the others tell (one-to-one.ts)
  if (overlap(attachmentHashes(a), attachmentHashes(b)) && !otherDay(ta, tb)) return sameRecord('attachment');
  const sizes = (r: Resource) =>
    objects(r['content']).flatMap((c) => {
      const size = isObject(c['attachment']) ? c['attachment']['size'] : undefined;
      return typeof size === 'number' ? [String(size)] : [];
    });
  if (!isSameDay || !sameCodes(codesOf(a['type']), codesOf(b['type'])) || !overlap(sizes(a), sizes(b)))
    return undefined;
  return sameOf(objects(a['author']), objects(b['author']), known) === true ? sameEvent('document') : undefined;
};

export const practitioners = (r: Resource): Json[] =>
  objects(r['participant'])
    .map((p) => p['individual'])
    .filter((i): i is Json => i !== undefined && (referenceOf(i) ?? 'Practitioner').startsWith('Practitioner'));

export const encounter: Judge = (a, b, known) => {
  const group = classGroup(a);
  if (group !== classGroup(b)) return undefined; // an emergency and the stay that follows are two
  const [pa, pb] = [period(a['period']), period(b['period'])];
  const facility = sameTarget(a['serviceProvider'], b['serviceProvider'], known);
  if (sharesIdentifier(a, b) && facility !== false) {
    // one account for a course of visits; a stay may be said to begin with its emergency
    const isOther = group === 'inpatient' ? apartPeriods(pa, pb) : otherDay(pa.start, pb.start);
    if (isOther) return undefined;
    // two practitioners on one day are two visits, unless a number says otherwise: a person sees which it is
    const isTwo = group !== 'inpatient' && sameOf(practitioners(a), practitioners(b), known) === false;
    return isTwo ? sameEvent('visit', 1) : sameRecord('visit');
  }
  if (numberedApart(a, b)) return undefined;
  if (group === 'inpatient') {
    const [sa, sb] = [day(pa.start), day(pb.start)];
    if (sa === undefined || sb === undefined || facility !== true) return undefined;
    const [ea, eb] = [day(pa.end) ?? '9999', day(pb.end) ?? '9999'];
    // a ward, intensive care and the admission itself may be told as stays of their own
    const isPart = otherwiseCoded(codesOf(a['type']), codesOf(b['type']));
    return sa <= eb && sb <= ea ? sameEvent('stay', isPart ? 1 : 0) : undefined;
  }
  if (!sameDay(pa.start, pb.start)) return undefined;
  if (otherwiseCoded(codesOf(a['type']), codesOf(b['type']))) return undefined;
  const [wa, wb] = [practitioners(a), practitioners(b)];
  const who = sameOf(wa, wb, known);
  if (who === false) return undefined; // two practitioners on one day are two visits
  // the practitioner may have been seen once more in the afternoon
  const isApart = apartTimes(pa, pb) ? 1 : 0;
  if (who === true) return facility === false ? undefined : sameEvent('visit', isApart);
  if (facility === false) return undefined;
  if (facility === true) return sameEvent('visit', isApart);
  const says = (r: Resource, w: Json[]) => r['serviceProvider'] !== undefined || w.length > 0;
  return says(a, wa) !== says(b, wb) ? sameEvent('visit', 1) : undefined;
};

/** What makes two services out of one code on one day: modifiers, sides, sites, teeth. */
const marks = (r: Resource): { modifiers: string[]; sites: string[] } => {
  const codes = [...bare(r['code']), ...objects(r['extension']).flatMap((e) => bare(e['valueCodeableConcept']))];
  const side = (c: string) => /^(LT|RT|E[1-4]|F[A1-9]|T[A1-9])$/.test(c);
  return {
    modifiers: codes.filter((c) => c === '59' || c === '76' || c === '77'),
    sites: [...codes.filter(side), ...codesOf(r['bodySite'])],
  };
};

/** Do they say that they are two services: one was not done, or modifiers, sides, sites or teeth differ? */
export function areOtherServices(a: Resource, b: Resource): boolean {
  if ((a['status'] === 'not-done') !== (b['status'] === 'not-done')) return true;
  const [ma, mb] = [marks(a), marks(b)];
  return [...ma.modifiers].sort().join() !== [...mb.modifiers].sort().join() || disjoint(ma.sites, mb.sites);
}

export const procedure: Judge = (a, b, known) => {
  if (areOtherServices(a, b)) return undefined;
  const [ta, tb] = [began(a, 'performed'), began(b, 'performed')];
  // a number in common outweighs a day that one of them does not say, not two that differ
  if (day(ta) === undefined || day(tb) === undefined ? !sharesIdentifier(a, b) : !sameDay(ta, tb)) return undefined;
  const [ca, cb] = [codesOf(a['code']), codesOf(b['code'])];
  if (!sameOrUncompared(overlap(ca, cb), a, b, ca, cb)) return undefined;
  if (sharesIdentifier(a, b)) return sameRecord('identifier');
  const actors = (r: Resource) =>
    objects(r['performer']).flatMap((p) => (p['actor'] === undefined ? [] : [p['actor']]));
  const visit = sameVisit(a['encounter'], b['encounter'], known);
  const who = sameOf(actors(a), actors(b), known);
  if (who === true || visit === true) return who === false ? undefined : sameEvent('procedure');
  if (who === false) return undefined;
  return sameEvent('procedure', sameSpan(a['performedPeriod'], b['performedPeriod']) ? 0 : 1);
};
