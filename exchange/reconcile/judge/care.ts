// Goals, plans, teams and orders of care, specimens, relatives and answers: when two records tell of the same thing.
import { isObject, type Json, objects, type Resource, text } from '../../../src/fhir/resource.ts';
import { alike } from '../alike.ts';
import {
  bare,
  began,
  codesOf,
  day,
  daysBetween,
  disjoint,
  minute,
  otherDay,
  otherwiseCoded,
  overlap,
  period,
  sameCodes,
  sameDay,
  words,
} from '../codes.ts';
import { numberedApart, sameOrUncompared, sharesIdentifier } from './numbers.ts';
import {
  among,
  isNumbered,
  type Judge,
  part,
  referenceOf,
  sameEvent,
  sameOf,
  sameRecord,
  sameTarget,
} from './verdict.ts';

export const goal: Judge = (a, b) => {
  if (sharesIdentifier(a, b)) return sameRecord('identifier');
  return day(a['startDate']) !== undefined && day(a['startDate']) === day(b['startDate'])
    ? sameEvent('goal')
    : undefined;
};

export const carePlan: Judge = (a, b, known) => {
  if (sharesIdentifier(a, b)) return sameRecord('identifier');
  const author = sameOf(objects(a['author'] ?? null), objects(b['author'] ?? null), known);
  if (author === false) return undefined;
  const [sa, sb] = [day(period(a['period']).start), day(period(b['period']).start)];
  const isFar = sa !== undefined && sb !== undefined && daysBetween(sa, sb) > 7;
  const [ca, cb] = [codesOf(a['category']), codesOf(b['category'])];
  // a text in common says little of plans that begin at other times: it may be a form
  if (ca.length === 0 && cb.length === 0) return isFar ? undefined : sameEvent('narrative');
  if (!sameCodes(ca, cb) || sa === undefined || sb === undefined || isFar) return undefined;
  const about = samePlanned(a, b);
  const missing = part(author, [a['author'] !== undefined, b['author'] !== undefined]);
  return about === undefined ? undefined : sameEvent('care-plan', (missing ?? 2) + about);
};

/** What every plan of care is: https://hl7.org/fhir/us/core/CodeSystem-careplan-category.html. */
const ANY_PLAN = '|assess-plan';
/** Of plans that say no more than that they are some, what they are about has to tell. 0: the same; 1: it cannot be told; undefined: other things. */
function samePlanned(a: Resource, b: Resource): 0 | 1 | undefined {
  const kinds = (r: Resource) => codesOf(r['category']).filter((c) => !c.endsWith(ANY_PLAN));
  const [ka, kb] = [kinds(a), kinds(b)];
  if (ka.length > 0 && kb.length > 0) return 0;
  const [ta, tb] = [words(a['title']), words(b['title'])];
  if (ta !== '' && tb !== '' && ta !== tb) return undefined;
  const narrative = (r: Resource) => (isObject(r['text']) ? words(r['text']['div']) : '');
  const isSame = ta === tb && (ta !== '' || narrative(a) === narrative(b));
  return ka.length === kb.length && isSame ? 0 : 1;
}

/** Each payer has relatives under ids of its own. */
const isRelative = (member: Json): boolean => referenceOf(member)?.startsWith('RelatedPerson/') === true;

export const careTeam: Judge = (a, b, known) => {
  if (sharesIdentifier(a, b)) return sameRecord('identifier');
  const members = (r: Resource) =>
    objects(r['participant']).flatMap(({ member }) =>
      member === undefined || (referenceOf(member) === undefined && !isNumbered(member)) || isRelative(member)
        ? []
        : [member],
    );
  const [ma, mb] = [members(a), members(b)];
  const common = ma.filter(among(mb, known).has).length;
  const all = ma.length + mb.length - common;
  if (all === 0 || common / all < 0.8) return undefined;
  if (disjoint(codesOf(a['reasonCode']), codesOf(b['reasonCode']))) return undefined;
  const [pa, pb] = [period(a['period']), period(b['period'])];
  // the same people again, for the next visit of a day
  const isBefore = (end: Json | undefined, start: Json | undefined) => (minute(end) ?? '9999') <= (minute(start) ?? '');
  if (minute(pa.start) !== minute(pb.start) && (isBefore(pa.end, pb.start) || isBefore(pb.end, pa.start)))
    return undefined;
  const [sa, sb] = [day(pa.start), day(pb.start)];
  const says = (r: Resource) => codesOf(r['category']).length > 0 || text(r['name']) !== undefined;
  const named =
    overlap(codesOf(a['category']), codesOf(b['category'])) ||
    (text(a['name']) !== undefined && text(a['name']) === text(b['name'])) ||
    (!says(a) && !says(b) && sa !== undefined && sa === sb);
  return named ? sameEvent('care-team') : undefined;
};

export const serviceRequest: Judge = (a, b, known) => {
  const [ca, cb] = [codesOf(a['code']), codesOf(b['code'])];
  if (!sameOrUncompared(sameCodes(ca, cb), a, b, ca, cb)) return undefined;
  if (sharesIdentifier(a, b)) return sameRecord('order');
  if (numberedApart(a, b) || !sameDay(a['authoredOn'], b['authoredOn'])) return undefined;
  const missing = part(sameTarget(a['requester'], b['requester'], known), [
    a['requester'] !== undefined,
    b['requester'] !== undefined,
  ]);
  return missing === undefined ? undefined : sameEvent('order', missing);
};

export const specimen: Judge = (a, b) => {
  if (otherwiseCoded(codesOf(a['type']), codesOf(b['type']))) return undefined;
  const collected = (r: Resource) => (isObject(r['collection']) ? began(r['collection'], 'collected') : undefined);
  if (sharesIdentifier(a, b)) return otherDay(collected(a), collected(b)) ? undefined : sameRecord('accession');
  return numberedApart(a, b) ? undefined : sameEvent('specimen'); // two tubes of one minute
};

export const familyHistory: Judge = (a, b) => {
  if (sharesIdentifier(a, b)) return sameRecord('identifier');
  if (areRelatives(a, b)) return undefined;
  const codes = (r: Resource) => objects(r['condition']).flatMap((c) => codesOf(c['code']));
  return overlap(codes(a), codes(b)) ? sameEvent('family-history') : undefined;
};

/** Two of one kind: of several sisters, what tells one from the other. */
const areRelatives = (a: Resource, b: Resource): boolean => {
  const said = (r: Resource, member: string) => (text(r[member]) === undefined ? [] : [words(r[member])]);
  return (
    disjoint(said(a, 'name'), said(b, 'name')) ||
    disjoint(said(a, 'bornDate'), said(b, 'bornDate')) ||
    disjoint(bare(a['sex']), bare(b['sex']))
  );
};

/** Of answers the words of the questions, which their numbers (linkId) stand for where both name one form. */
const QUESTIONS: ReadonlySet<string> = new Set(['text', 'definition']);

export const questionnaire: Judge = (a, b) => {
  if (sharesIdentifier(a, b)) return sameRecord('identifier');
  const form = text(a['questionnaire']);
  const passOver = form !== undefined && form === text(b['questionnaire']) ? QUESTIONS : undefined;
  return a['item'] !== undefined && alike(a['item'], passOver) === alike(b['item'], passOver)
    ? sameEvent('questionnaire')
    : undefined;
};
