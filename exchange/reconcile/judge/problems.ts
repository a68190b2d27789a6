// Allergies and problems: what lasts, and is told as being there or over. When two records tell of the same thing.
import { objects, type Resource } from '../../../src/fhir/resource.ts';
import { bare, began, codesOf, day, disjoint, overlap, sameCodes, sameDay } from '../codes.ts';
import { isDiagnosis, isProblem } from '../record-keys.ts';
import { sameVisit } from './clinical.ts';
import { sameOrUncompared, sharesIdentifier } from './numbers.ts';
import { conflict, type Judge, part, sameEvent, sameRecord } from './verdict.ts';

/** Codes that say that there is no known allergy. */
const NO_KNOWN_ALLERGY = new Set(['716186003', '409137002', '428607008', '429625007', '716184000', '1003774007']);
const isDoubtful = (r: Resource): boolean =>
  bare(r['verificationStatus']).some((s) => s === 'refuted' || s === 'entered-in-error');
const substances = (r: Resource): string[] => {
  const own = codesOf(r['code']);
  return own.length > 0 ? own : objects(r['reaction']).flatMap((x) => codesOf(x['substance']));
};
const categories = (r: Resource): string[] =>
  Array.isArray(r['category']) ? r['category'].filter((c): c is string => typeof c === 'string') : [];

const ACTIVE = new Set(['active', 'recurrence', 'relapse']);
const isActive = (r: Resource): boolean | undefined => {
  const [status] = bare(r['clinicalStatus']);
  return status === undefined ? undefined : ACTIVE.has(status);
};
/** Is it active with one of two, and not with the other one? */
const differInActivity = (a: Resource, b: Resource): boolean =>
  isActive(a) !== undefined && isActive(b) !== undefined && isActive(a) !== isActive(b);

export const allergy: Judge = (a, b) => {
  const [sa, sb] = [substances(a), substances(b)];
  const none = (codes: string[]) => codes.some((c) => NO_KNOWN_ALLERGY.has(c.slice(c.indexOf('|') + 1)));
  if (none(sa) !== none(sb)) {
    const [denial, real] = none(sa) ? [a, b] : [b, a];
    const isFood = (r: Resource) => categories(r);
    if (isDoubtful(real) || isDoubtful(denial) || disjoint(isFood(denial), isFood(real))) return undefined;
    return sb.length === 0 || sa.length === 0 ? undefined : conflict('status-mismatch', 'no-known-allergy');
  }
  if (!sameOrUncompared(overlap(sa, sb), a, b, sa, sb)) return undefined;
  if (isDoubtful(a) !== isDoubtful(b)) return conflict('status-mismatch', 'refuted');
  const [ca, cb] = [categories(a), categories(b)];
  const category = part(overlap(ca, cb) ? true : disjoint(ca, cb) ? false : undefined, [ca.length > 0, cb.length > 0]);
  const isNumbered = sharesIdentifier(a, b);
  if (category === undefined && !isNumbered) return undefined;
  // who sees one of two as the same takes an allergy for over, or for there still
  if (differInActivity(a, b)) return conflict('status-mismatch', 'clinical-status');
  return isNumbered ? sameRecord('identifier') : sameEvent('allergy', category);
};

/** A problem that is over: its span as days. */
const span = (r: Resource): [string, string] | undefined => {
  const [from, to] = [day(began(r, 'onset')) ?? day(r['recordedDate']), day(began(r, 'abatement'))];
  return from === undefined || to === undefined ? undefined : [from, to];
};

export const condition: Judge = (a, b, known) => {
  const [ca, cb] = [codesOf(a['code']), codesOf(b['code'])];
  if (!sameOrUncompared(sameCodes(ca, cb), a, b, ca, cb)) return undefined;
  if (disjoint(codesOf(a['bodySite']), codesOf(b['bodySite']))) return undefined;
  // what was found at a visit and a problem that lasts are two, unless a number says otherwise: it may be that of the problem, which the
  // diagnoses of all its visits have, so a person sees which it is
  const areDiagnoses = isDiagnosis(a) && isDiagnosis(b);
  if (!areDiagnoses && !(isProblem(a) && isProblem(b)))
    return sharesIdentifier(a, b) && isDoubtful(a) === isDoubtful(b) ? sameEvent('diagnosis-or-problem', 1) : undefined;
  if (areDiagnoses) {
    const visit = sameVisit(a['encounter'], b['encounter'], known);
    if (visit === false) return undefined;
    if (isDoubtful(a) !== isDoubtful(b)) return conflict('status-mismatch', 'refuted');
    if (sharesIdentifier(a, b)) return sameRecord('identifier');
    if (visit === true) return sameEvent('diagnosis');
    const times = (r: Resource) => [began(r, 'onset'), r['recordedDate']];
    return times(a).some((x) => times(b).some((y) => sameDay(x, y))) ? sameEvent('diagnosis') : undefined;
  }
  if (isDoubtful(a) !== isDoubtful(b)) return conflict('status-mismatch', 'refuted');
  const [ta, tb] = [span(a), span(b)];
  if (ta && tb && (ta[1] < tb[0] || tb[1] < ta[0])) return undefined; // two episodes
  if (differInActivity(a, b)) return conflict('status-mismatch', 'clinical-status');
  return sharesIdentifier(a, b) ? sameRecord('identifier') : sameEvent('problem');
};
