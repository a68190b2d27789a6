// What a chain needs to know of an ExplanationOfBenefit, taken when the record is read and kept beside it. Pure.
import { parseInstant, timeRange } from '../../../src/fhir/instant.ts';
import { isNpiSystem, NPI_SYSTEM } from '../../../src/fhir/npi.ts';
import { isObject, type Json, type JsonObject, objects, type Resource, text } from '../../../src/fhir/resource.ts';
import { claimIdentifiers, institutionalSubType } from '../claim-numbers.ts';
import { bare, codesOf, day, inWords, period } from '../codes.ts';
import { withNamedWithin } from '../named-within.ts';
import { authorizationNumbers } from '../record-keys.ts';

/** A claim number: `system` may be missing where a claim names another. */
export type ClaimNumber = { system?: string; value: string };
export type ReviewEntry = { code: string; when: string };
export type ClaimFacts = {
  use: 'claim' | 'preauthorization';
  /** as written: `Organization/id` of the sender */
  insurer?: string;
  /** `system|value` of the insurer's identifier */
  insurerId?: string;
  /** of one that is named in words alone, in small letters: two payers who tell one claim call its insurer the same */
  insurerName?: string;
  status: string;
  /** claim type codes, sorted */
  type: string;
  /** of an institutional one: `inpatient` or `outpatient`, where it says which */
  subType?: string;
  created?: string;
  /** days of service */
  from?: string;
  to?: string;
  numbers: ClaimNumber[];
  /** values of all its identifiers: what it is asked for by (responder/search/member-read-rows.ts) */
  identifiers: string[];
  prior: ClaimNumber[];
  next: ClaimNumber[];
  /** authorizations: every review action with its time, oldest first */
  reviews?: ReviewEntry[];
  /** authorizations: earlier ones named by lines */
  previous?: string[];
  /** units allowed and used, when the lines say */
  units?: { allowed: number; used: number };
  /** claims: authorizations used */
  authorizations?: string[];
};

/** Do two spans of days of service have nothing in common? */
export const areOfOtherDays = (a: ClaimFacts, b: ClaimFacts): boolean =>
  a.from !== undefined && b.from !== undefined && ((a.to ?? a.from) < b.from || (b.to ?? b.from) < a.from);

/** The time of a review action, milliseconds; -Infinity of one that says none. */
export const reviewTime = (when: string): number =>
  timeRange(when)?.from.getTime() ?? parseInstant(when)?.getTime() ?? Number.NEGATIVE_INFINITY;

/** When the last decision that it tells was made, milliseconds; undefined where none says when. */
export function decidedAt(facts: Pick<ClaimFacts, 'reviews'>): number | undefined {
  const times = (facts.reviews ?? []).map((e) => reviewTime(e.when)).filter((t) => Number.isFinite(t));
  return times.length === 0 ? undefined : times.reduce((a, b) => Math.max(a, b));
}

const REVIEW = '/extension-reviewAction';
const WHEN = '/base-ext-when-adjudicated';
const PREVIOUS =
  /\/extension-(?:previousAuthorizationNumber|itemPreviousAuthorizationNumber)$|previousAuthorizationNumber$/;

const numberOf = (i: Json | undefined): ClaimNumber[] => {
  if (!isObject(i)) return [];
  const [system, value] = [text(i['system']), text(i['value'])?.trim()];
  return value === undefined || value === '' ? [] : [{ ...(system === undefined ? {} : { system }), value }];
};

/** An NPI under its address, however its system is written. */
const asNpi = (i: Json | undefined): Json | undefined =>
  isObject(i) && isNpiSystem(i['system']) ? { ...i, system: NPI_SYSTEM } : i;

/** Numbers of one claim, and other claims that it names: nobody's has more. */
const MOST_NAMED = 100;

const named = (r: Resource, codes: readonly string[]): ClaimNumber[] =>
  objects(r['related'])
    .filter((x) => bare(x['relationship']).some((c) => codes.includes(c)))
    .flatMap((x) => numberOf(x['reference']))
    .slice(0, MOST_NAMED);

const adjudications = (r: JsonObject): JsonObject[] =>
  [r, ...objects(r['item'])].flatMap((e) => objects(e['adjudication']));

function reviewsOf(r: Resource): ReviewEntry[] {
  const found = new Map<string, ReviewEntry>();
  for (const a of adjudications(r)) {
    const parts = objects(a['extension']);
    const when = text(parts.find((e) => String(e['url']).endsWith(WHEN))?.['valueDateTime']) ?? '';
    for (const action of parts.filter((e) => String(e['url']).endsWith(REVIEW)))
      for (const part of objects(action['extension']))
        for (const code of bare(part['valueCodeableConcept'])) found.set(`${code}|${when}`, { code, when });
  }
  return [...found.values()];
}

function unitsOf(r: Resource): ClaimFacts['units'] {
  const sum = (code: string) =>
    objects(r['item'])
      .flatMap((i) => objects(i['adjudication']))
      .filter((a) => bare(a['category']).includes(code) && typeof a['value'] === 'number')
      .reduce((n, a) => n + Number(a['value']), 0);
  const allowed = sum('allowedunits');
  return allowed > 0 ? { allowed, used: sum('consumedunits') } : undefined;
}

const claimNumbers = (r: Resource): ClaimNumber[] => claimIdentifiers(r).flatMap(numberOf).slice(0, MOST_NAMED);

/** Values of all identifiers that the database can hold. */
const identifierValues = (r: Resource): string[] => [
  ...new Set(
    objects(r['identifier'])
      .map((i) => text(i['value']) ?? '')
      .filter((value) => value !== '' && value.isWellFormed() && !value.includes('\0')),
  ),
];

/** undefined for all other types. */
export function claimFacts(claim: Resource): ClaimFacts | undefined {
  if (claim.resourceType !== 'ExplanationOfBenefit') return undefined;
  const r = withNamedWithin(claim);
  const isPa = r['use'] === 'preauthorization';
  const insurer = isObject(r['insurer']) ? r['insurer'] : {};
  const insurerNumber = numberOf(asNpi(insurer['identifier']))[0];
  const days = objects(r['item'])
    .flatMap((i) => [
      day(i['servicedDate']),
      day(period(i['servicedPeriod']).start),
      day(period(i['servicedPeriod']).end),
    ])
    .concat([day(period(r['billablePeriod']).start), day(period(r['billablePeriod']).end)])
    .filter((d) => d !== undefined)
    .sort();
  const [from, to] = [days[0], days.at(-1)];
  const created = text(r['created']);
  const subType = institutionalSubType(r);
  const reference = text(insurer['reference']);
  const insurerName =
    reference === undefined && insurerNumber === undefined ? (inWords(text(insurer['display'])) ?? '') : '';
  const reviews = isPa ? reviewsOf(r) : [];
  const previous = isPa
    ? objects(r['item'])
        .flatMap((i) => objects(i['extension']))
        .filter((e) => PREVIOUS.test(String(e['url'])))
        .flatMap((e) => text(e['valueString'])?.trim() ?? numberOf(e['valueIdentifier'])[0]?.value ?? [])
    : [];
  const units = isPa ? unitsOf(r) : undefined;
  const used = isPa
    ? []
    : objects(r['insurance']).flatMap((i) =>
        Array.isArray(i['preAuthRef']) ? i['preAuthRef'].flatMap((x) => (typeof x === 'string' ? x.trim() : [])) : [],
      );
  return {
    use: isPa ? 'preauthorization' : 'claim',
    ...(reference === undefined ? {} : { insurer: reference }),
    ...(insurerNumber === undefined ? {} : { insurerId: `${insurerNumber.system ?? ''}|${insurerNumber.value}` }),
    ...(insurerName === '' ? {} : { insurerName }),
    status: text(r['status']) ?? 'active',
    type: codesOf(r['type'])
      .map((c) => c.slice(c.indexOf('|') + 1))
      .sort()
      .join('+'),
    ...(subType === undefined ? {} : { subType }),
    ...(created === undefined ? {} : { created }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    numbers: isPa
      ? authorizationNumbers(r)
          .slice(0, MOST_NAMED)
          .map((value) => ({ value }))
      : claimNumbers(r),
    identifiers: identifierValues(r),
    prior: isPa ? [] : named(r, ['prior']),
    next: isPa ? [] : named(r, ['replacedby']),
    ...(reviews.length === 0 ? {} : { reviews }),
    ...(previous.length === 0 ? {} : { previous }),
    ...(units === undefined ? {} : { units }),
    ...(used.length === 0 ? {} : { authorizations: used }),
  };
}
