// Prior authorizations in ExplanationOfBenefit: what was decided, whether it is for a drug, and the form that may be
// shared. Review action codes: X12 306 in the PDex extension. Denied and drug authorizations do not leave
// (42 CFR 422.121(b)(4)(ii)(A)(2), (b)(1)(iv)).

import { timeRange } from '../../../src/fhir/instant.ts';
import {
  codings,
  extensions,
  isObject,
  type JsonObject,
  objects,
  type Resource,
  text,
} from '../../../src/fhir/resource.ts';
import { own } from '../../../src/safe-lookup.ts';
import { isDrugCode, isPharmacyService } from './drug-codes.ts';
import { actionCode, isOwnDecision, isReviewAction, tellsDenial } from './review-action.ts';
import { lastDay } from './service-date.ts';

/** Part of a review action: why it was decided so. */
const REVIEW_REASON = 'reasonCode';
const WHEN = 'http://hl7.org/fhir/us/davinci-pdex/StructureDefinition/base-ext-when-adjudicated';
const ITEM_PERIOD = 'http://hl7.org/fhir/us/davinci-pas/StructureDefinition/extension-itemPreAuthPeriod';
/** An authorization that began and has no end covers every day. */
const OPEN_END = '9999-12-31';

export type AuthorizationState =
  | 'approved'
  | 'partial'
  | 'modified'
  | 'pended'
  | 'denied'
  | 'cancelled'
  | 'drug'
  | 'unclear'
  | 'estimate';
export type AuthorizationFacts = {
  state: AuthorizationState;
  /** day of the last change of status, YYYY-MM-DD */
  changed: string | undefined;
  /** last day the authorization covers */
  end: string | undefined;
  /** lines that must not leave, by `sequence` */
  removedLines: number[];
  /** details of lines that leave, or lines that the payer added, must not */
  removesParts: boolean;
};

export function isAuthorization(resource: Resource): boolean {
  return resource.resourceType === 'ExplanationOfBenefit' && resource['use'] === 'preauthorization';
}

/** Nothing of it is disclosed to peers, not even that it is there. */
export const isHidden = (state: AuthorizationState): boolean =>
  state === 'denied' || state === 'unclear' || state === 'drug';

/** What a plan said beforehand that it would pay, which binds no one. */
const isEstimate = (resource: Resource): boolean =>
  resource.resourceType === 'ExplanationOfBenefit' && resource['use'] === 'predetermination';

/**
 * What was decided beforehand, of an authorization or of an estimate; undefined of everything else. An estimate that
 * may be disclosed is a claim in all but its lines: `isAuthorization` is false of it.
 */
export function decidedAhead(resource: Resource): AuthorizationFacts | undefined {
  return isAuthorization(resource) || isEstimate(resource) ? authorizationFacts(resource) : undefined;
}

/** `when` as written, `at` in milliseconds: texts with different zones do not compare. */
type Review = { code: string; when: string; at: number };
const at = (when: string): number => timeRange(when)?.from.getTime() ?? Number.NEGATIVE_INFINITY;

/** The newest review action among adjudications; entries without a time count as oldest. */
export function latestReview(element: JsonObject): Review | undefined {
  let best: Review | undefined;
  for (const adjudication of objects(element['adjudication'])) {
    const parts = objects(adjudication['extension']);
    const when = text(parts.find((e) => e['url'] === WHEN)?.['valueDateTime']) ?? '';
    for (const action of parts.filter(isReviewAction)) {
      const code = actionCode(action);
      if (code !== undefined && (best === undefined || at(when) >= best.at)) best = { code, when, at: at(when) };
    }
  }
  return best;
}

const latestOf = (reviews: readonly (Review | undefined)[]): Review | undefined =>
  reviews
    .filter((r): r is Review => r !== undefined)
    .sort((a, b) => a.at - b.at)
    .at(-1);

const STATES: Record<string, AuthorizationState> = {
  A1: 'approved',
  A2: 'partial',
  A3: 'denied',
  A4: 'pended',
  A6: 'modified',
  C: 'cancelled',
  CT: 'pended',
  NA: 'pended',
};

const isDrugLine = (item: JsonObject): boolean =>
  codings(item['productOrService']).some((c) => isDrugCode(text(c['system']) ?? '', text(c['code']) ?? '')) ||
  codings(item['category']).some((c) => isPharmacyService(text(c['system']) ?? '', text(c['code']) ?? ''));

/** An adjudication that says why something was denied, or that it was. */
const isAboutDenial = (adjudication: JsonObject): boolean =>
  codings(adjudication['category']).some((c) => c['code'] === 'denialreason' || c['code'] === 'denied') ||
  codings(adjudication['reason']).some((c) => c['code'] === 'denied') ||
  objects(adjudication['extension']).some((e) => isReviewAction(e) && actionCode(e) === 'A3');

/** An adjudication without the reasons of its review action: of a decision in part they are those of what was denied. */
function withoutReasons(adjudication: JsonObject): JsonObject {
  const given = objects(adjudication['extension']);
  const kept = given.map((e) =>
    isReviewAction(e)
      ? { ...e, extension: objects(e['extension']).filter((part) => part['url'] !== REVIEW_REASON) }
      : e,
  );
  return given.length === 0 ? adjudication : { ...adjudication, extension: kept };
}

/** The whole or a line of which parts do not leave, without what its adjudications say of their denial. */
export function withoutDenials<T extends JsonObject>(element: T): T {
  const { adjudication, ...rest } = element;
  const kept = objects(adjudication)
    .filter((a) => !isAboutDenial(a))
    .map(withoutReasons);
  return (kept.length === 0 ? rest : { ...element, adjudication: kept }) as T;
}

const PARTS = ['detail', 'subDetail'] as const;
export const partsOf = (line: JsonObject): JsonObject[] => PARTS.flatMap((name) => objects(line[name]));
/** A line with its details and theirs. */
const withParts = (line: JsonObject): JsonObject[] => [line, ...partsOf(line).flatMap(withParts)];

/** It was denied, or why it was, though no review action says so. */
const isDenialSign = (adjudication: JsonObject): boolean =>
  codings(adjudication['category']).some((c) => c['code'] === 'denialreason' || c['code'] === 'denied') ||
  codings(adjudication['reason']).some((c) => c['code'] === 'denied');
const grantsUnits = (adjudication: JsonObject): boolean =>
  codings(adjudication['category']).some((c) => c['code'] === 'allowedunits') && Number(adjudication['value']) > 0;

/** What was decided of a line; of one without a review action its reason for a denial tells, unless units of it were allowed. */
function reviewOf(line: JsonObject): Review | undefined {
  const found = latestReview(line);
  const all = objects(line['adjudication']);
  if (found !== undefined || !all.some(isDenialSign) || all.some(grantsUnits)) return found;
  const when = all
    .flatMap((a) => (isDenialSign(a) ? extensions(a, WHEN) : []))
    .flatMap((e) => text(e['valueDateTime']) ?? []);
  const newest = when.toSorted((a, b) => at(a) - at(b)).at(-1);
  // without a time nothing can be later
  return { code: 'A3', when: newest ?? '', at: newest === undefined ? Number.POSITIVE_INFINITY : at(newest) };
}

/** A denial is overturned by a later certification in total, of the same or of what holds it, by nothing less. */
const isOverturned = (denial: Review, above: readonly (Review | undefined)[]): boolean =>
  above.some((r) => r?.code === 'A1' && r.at > denial.at);

/**
 * A line without its details that were denied or are for a drug, and without the reasons; the same object where none was.
 * @param above what was decided of what holds the details
 * @returns undefined when none of its details leaves and nothing was decided of the line itself
 */
function withoutParts(line: JsonObject, above: readonly (Review | undefined)[]): JsonObject | undefined {
  let left = line;
  let stay = 0;
  for (const name of PARTS) {
    const parts = objects(line[name]);
    const kept = parts.flatMap((part) => {
      const own = reviewOf(part);
      if (isDrugLine(part) || (own?.code === 'A3' && !isOverturned(own, above))) return [];
      const rest = withoutParts(part, [...above, own]);
      return rest === undefined ? [] : [rest];
    });
    stay += kept.length;
    if (kept.length === parts.length && kept.every((part, i) => part === parts[i])) continue;
    left = { ...left, [name]: kept };
    if (kept.length === 0) delete left[name];
  }
  if (left === line) return line;
  return stay === 0 && latestReview(line) === undefined ? undefined : withoutDenials(left);
}

/** Lines, of an authorization those that the payer added too, with what of each leaves and what was decided of it. */
export type Line = { line: JsonObject; review: Review | undefined; left: JsonObject | undefined; isDenied: boolean };

/** @param header the decision of the whole */
export function judged(lines: readonly JsonObject[], header: Review | undefined): Line[] {
  return lines.map((line) => {
    const review = reviewOf(line);
    const left = isDrugLine(line) ? undefined : withoutParts(line, [header, review]);
    // under a denial as a whole only a line that was decided otherwise later may leave
    const isDenied =
      header?.code === 'A3'
        ? review === undefined || review.code === 'A3' || review.at <= header.at
        : review?.code === 'A3' && !isOverturned(review, [header]);
    return { line, review, left: isDenied ? undefined : left, isDenied };
  });
}

/** Is it for drugs, itself or in all of its details? */
const isForDrugs = (line: JsonObject): boolean =>
  isDrugLine(line) || (partsOf(line).length > 0 && partsOf(line).every(isForDrugs));

/** May it have been denied, though no review action says so? */
function hasDenialSigns(resource: Resource): boolean {
  const lines = [...objects(resource['item']), ...objects(resource['addItem'])].flatMap(withParts);
  const all = [resource as JsonObject, ...lines].flatMap((e) => objects(e['adjudication']));
  const isSaidOtherwise = [resource as JsonObject, ...lines, ...all].some((e) =>
    objects(e['extension']).some(isOwnDecision),
  );
  const isSign = isSaidOtherwise || all.some(isDenialSign) || tellsDenial(text(resource['disposition']) ?? '');
  return isSign && !all.some(grantsUnits);
}

/** What an authorization says, judged as the exclusion rules ask. */
export function authorizationFacts(resource: Resource): AuthorizationFacts {
  const header = latestReview(resource);
  const items = judged(objects(resource['item']), header);
  const added = judged(objects(resource['addItem']), header);
  const stay = items.filter((i) => i.left !== undefined);
  const newest = latestOf([header, ...[...items, ...added].flatMap((i) => withParts(i.line)).map(latestReview)]);
  const headerDenies = header?.code === 'A3';
  const periods = [
    ...objects(resource['preAuthRefPeriod']),
    ...items.flatMap((i) => extensions(i.line, ITEM_PERIOD).map((e) => e['valuePeriod'])).filter(isObject),
  ];
  const end = periods
    .map(
      (p) =>
        lastDay(text(p['end'])) ?? (p['end'] === undefined && text(p['start']) !== undefined ? OPEN_END : undefined),
    )
    .filter((d): d is string => d !== undefined)
    .sort()
    .at(-1);
  const meta = isObject(resource['meta']) ? text(resource['meta']['lastUpdated']) : undefined;
  const changed = lastDay(newest?.when) ?? lastDay(text(resource['created'])) ?? lastDay(meta);
  const isPharmacy = [...codings(resource['type']), ...objects(resource['type'])].some(
    (c) => /^pharmacy$/i.test(text(c['code']) ?? '') || /^pharmacy$/i.test(text(c['text']) ?? ''),
  );
  // what was decided of lines that do not leave says nothing of those that do; of one of which nothing was, its details tell
  const ofOthers = latestOf(
    stay.map((i) => i.review ?? latestOf(i.left === undefined ? [] : withParts(i.left).map(latestReview))),
  );
  const isGranted = ({ review }: Line) =>
    review !== undefined && review.code !== 'A3' && header !== undefined && review.at > header.at;
  let state: AuthorizationState;
  if (isPharmacy || (items.length > 0 && items.every((i) => isForDrugs(i.line)))) state = 'drug';
  else if (headerDenies && !items.some(isGranted)) state = 'denied';
  else if (newest === undefined && hasDenialSigns(resource)) state = 'unclear';
  else if (items.length > 0 && stay.length === 0) state = 'denied';
  else if (newest === undefined) state = 'pended';
  else if (text(resource['status']) === 'cancelled') state = 'cancelled';
  else state = own(STATES, (headerDenies ? ofOthers : (header ?? ofOthers))?.code ?? '') ?? 'pended';
  const removed = items.filter((i) => i.left === undefined).map((i) => i.line['sequence']);
  const removesParts = stay.some((i) => i.left !== i.line) || added.some((a) => a.left !== a.line);
  return {
    state,
    changed,
    end,
    removedLines: removed.filter((s): s is number => typeof s === 'number'),
    removesParts,
  };
}
