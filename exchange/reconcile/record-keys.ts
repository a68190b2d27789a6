// Under which keys a record is found again by others of the same member that may tell of the same thing. Keys only bring
// pairs together, by set and cheaply; what a pair is, `judge/` decides. Strong keys (`s:`) are identifiers of the record;
// event keys (`e:`) are coarse on purpose: a pair too many costs a look, a pair too few is a duplicate missed.
import { createHash } from 'node:crypto';
import { isObject, type Json, objects, type Resource, text } from '../../src/fhir/resource.ts';
import { withDrug } from '../records/facts/drug.ts';
import { claimIdentifiers, ungrouped } from './claim-numbers.ts';
import {
  bare,
  began,
  classGroup,
  codesOf,
  day,
  daysOf,
  digest,
  drugCodes,
  identifiers,
  measured,
  minute,
  period,
  vaccineCodes,
  words,
} from './codes.ts';
import { notedNames } from './noted-names.ts';

/**
 * Rises whenever {@link recordKeys}, business-keys.ts, reconcile/chain/facts.ts or the substance (src/fhir/canonical.ts, read-unit.ts) make something else of the same record: what is
 * stored is keyed anew (keys-anew.ts).
 */
export const KEY_RULES = 15;

/** kind letter, colon, text */
export type RecordKey = `${'s' | 'e'}:${string}`;

const each = (codes: readonly string[], rest: string | undefined): RecordKey[] =>
  rest === undefined ? [] : codes.map((c) => `e:${c}|${rest}` as const);
/** The same for each day that it may be known by. */
const eachDay = (codes: readonly string[], at: Json | undefined): RecordKey[] =>
  daysOf(at).flatMap((d) => each(codes, d));

/** Authorization numbers: identifier, `preAuthRef`, and the number of a review action. Without blanks around them. */
export function authorizationNumbers(r: Resource): string[] {
  const found = new Set<string>();
  for (const i of objects(r['identifier'])) {
    const value = text(i['value']);
    if (value !== undefined && text(i['use']) !== 'secondary') found.add(value);
  }
  for (const ref of Array.isArray(r['preAuthRef']) ? r['preAuthRef'] : []) if (typeof ref === 'string') found.add(ref);
  const lines = [r, ...objects(r['item'])].flatMap((e) => objects(e['adjudication']));
  for (const a of lines)
    for (const action of objects(a['extension']).filter((e) => String(e['url']).endsWith('/extension-reviewAction')))
      for (const part of objects(action['extension'])) {
        const number = part['url'] === 'number' ? text(part['valueString']) : undefined;
        if (number !== undefined) found.add(number);
      }
  return [...new Set([...found].map((n) => n.trim()))].filter((n) => n !== '');
}

/**
 * Numbers by which a claim may be found: its unique claim ids, else its first number; of pharmacy claims all, the number of
 * the fill is among them. Others are those of groups and accounts, which a member's claims share.
 */
function claimNumbers(r: Resource): string[] {
  if (bare(r['type']).includes('pharmacy')) return identifiers({ ...r, identifier: ungrouped(r) });
  return identifiers({ ...r, identifier: claimIdentifiers(r) });
}

/** What was served: `code|day` of the items of a claim. */
export function servicesOf(r: Resource): string[] {
  const found = new Set<string>();
  for (const item of objects(r['item'])) {
    const at = day(item['servicedDate']) ?? day(period(item['servicedPeriod']).start);
    if (at !== undefined) for (const code of codesOf(item['productOrService'])) found.add(`${code}|${at}`);
  }
  return [...found];
}

/** Codes of what an authorization is asked for; of many, nothing says on which day it is to be. */
export const askedFor = (r: Resource): string[] => [
  ...new Set(objects(r['item']).flatMap((item) => codesOf(item['productOrService']))),
];

/** SHA-1 in base64, as FHIR has it. */
const SHA1 = /^[A-Za-z0-9+/]{27}=$/;

/** SHA-256 of decoded attachments, and their SHA-1; of those that are given by address the SHA-1 that the record says. */
export const attachmentHashes = (r: Resource): string[] =>
  objects(r['content']).flatMap(({ attachment }) => {
    if (!isObject(attachment)) return [];
    const data = text(attachment['data']);
    const said = text(attachment['hash']);
    if (data === undefined) return said !== undefined && SHA1.test(said) ? [`sha1 ${said}`] : [];
    const bytes = Buffer.from(data, 'base64');
    return [
      createHash('sha256').update(bytes).digest('hex'),
      `sha1 ${createHash('sha1').update(bytes).digest('base64')}`,
    ];
  });

/** The day, with its time where it has one, that a document is about. */
export function documentTime(r: Resource): Json | undefined {
  const of = isObject(r['context']) ? period(r['context']['period']).start : undefined;
  return day(of) === undefined ? r['date'] : of;
}

const MEASURED = new Set(['laboratory', 'vital-signs']);
/** Categories of answers, compared by day (judge/clinical.ts). */
export const ASKED: ReadonlySet<string> = new Set(['social-history', 'survey', 'sdoh']);

/** Of a Condition: made at a visit. */
export const isDiagnosis = (r: Resource): boolean => bare(r['category']).includes('encounter-diagnosis');
const LASTING = new Set(['problem-list-item', 'health-concern']);
/** Of a Condition: a problem or concern that lasts. Some are said to be both. */
export const isProblem = (r: Resource): boolean => !isDiagnosis(r) || bare(r['category']).some((c) => LASTING.has(c));

type Rule = (r: Resource) => RecordKey[];
const RULES: Readonly<Record<string, Rule>> = {
  // few of each to a member: all are compared
  AllergyIntolerance: () => ['e:all'],
  CareTeam: () => ['e:all'],
  Coverage: () => ['e:all'],
  RelatedPerson: () => ['e:all'],
  CarePlan: (r) => {
    const categories = codesOf(r['category']);
    if (categories.length > 0) return categories.map((c) => `e:${c}` as const);
    const narrative = isObject(r['text']) ? words(r['text']['div']) : '';
    return narrative === '' ? [] : [`e:text|${digest(narrative)}`];
  },
  // a diagnosis of a visit and a problem that lasts are two. A diagnosis is that of its visit, which says the day; what lasts for years is
  // diagnosed again and again: where there are so many that this brings none together, the day that each says itself does
  Condition: (r) => {
    const codes = codesOf(r['code']);
    const days = [began(r, 'onset'), r['recordedDate']].flatMap(daysOf);
    return [
      ...(isProblem(r) ? codes.map((c) => `e:${c}` as const) : []),
      ...(isDiagnosis(r) ? codes.flatMap((c) => ['', ...days].map((d) => `e:diagnosis|${c}|${d}` as const)) : []),
    ];
  },
  Device: (r) =>
    objects(r['udiCarrier']).flatMap((u) =>
      text(u['deviceIdentifier']) === undefined ? [] : [`e:${String(u['deviceIdentifier'])}` as const],
    ),
  DiagnosticReport: (r) => eachDay(codesOf(r['code']), began(r, 'effective')),
  DocumentReference: (r) => {
    const at = documentTime(r);
    const days = daysOf(at);
    // by the bytes alone too: the other one may not say its day. Where so many have them that this brings none together, the day does
    return [
      ...attachmentHashes(r).flatMap((h) => ['', ...days].map((d) => `s:attachment|${h}|${d}` as const)),
      ...eachDay(codesOf(r['type']), at),
    ];
  },
  Encounter: (r) => {
    if (classGroup(r) === 'inpatient') return ['e:inpatient'];
    return daysOf(period(r['period']).start).map((d) => `e:${d}` as const);
  },
  ExplanationOfBenefit: (r) =>
    r['use'] === 'preauthorization'
      ? [
          ...authorizationNumbers(r).map((n) => `s:authorization|${n}` as const),
          ...daysOf(r['created']).flatMap((d) => askedFor(r).map((c) => `e:authorization|${c}|${d}` as const)),
        ]
      : [...claimNumbers(r).map((n) => `s:${n}` as const), ...servicesOf(r).map((s) => `e:${s}` as const)],
  FamilyMemberHistory: (r) => codesOf(r['relationship']).map((c) => `e:${c}` as const),
  Goal: (r) => {
    const at = day(r['startDate']);
    const description = isObject(r['description']) ? words(r['description']['text']) : '';
    return at === undefined
      ? []
      : [
          ...each(codesOf(r['description']), at),
          ...(description === '' ? [] : [`e:text|${description}|${at}` as const]),
        ];
  },
  Immunization: (r) => eachDay(vaccineCodes(r), r['occurrenceDateTime']),
  MedicationAdministration: (r) => each(drugCodes(r), minute(began(r, 'effective'))),
  MedicationDispense: (r) => eachDay(drugCodes(r), r['whenHandedOver']),
  // what is taken for years is ordered again and again: an order is that of its day, and only two that are active may contradict each other
  MedicationRequest: (r) => [
    ...eachDay(drugCodes(r), r['authoredOn']),
    ...(r['status'] === 'active' ? drugCodes(r).map((c) => `e:active|${c}` as const) : []),
  ],
  Observation: (r) => {
    const at = began(r, 'effective');
    const kinds = bare(r['category']);
    // what is asked is asked of a day: one payer may tell the minute, and another one does not
    if (kinds.some((k) => ASKED.has(k)) && !kinds.includes('vital-signs')) return eachDay(measured(r['code']), at);
    const isMeasured = kinds.some((k) => MEASURED.has(k));
    return each(measured(r['code']), minute(at) ?? (isMeasured ? undefined : day(at)));
  },
  Procedure: (r) => eachDay(codesOf(r['code']), began(r, 'performed')),
  Provenance: (r) => (text(r['recorded']) === undefined ? [] : [`e:${String(r['recorded'])}`]),
  QuestionnaireResponse: (r) => {
    const at = minute(r['authored']);
    return at === undefined ? [] : [`e:${String(r['questionnaire'])}|${at}`];
  },
  ServiceRequest: (r) => eachDay(codesOf(r['code']), r['authoredOn']),
  Specimen: (r) =>
    each(codesOf(r['type']), minute(isObject(r['collection']) ? began(r['collection'], 'collected') : undefined)),
};

/** Types without keys by identifier: their own rule says what names them. */
const NOT_BY_IDENTIFIER = new Set(['Patient', 'Consent', 'Provenance', 'Coverage', 'ExplanationOfBenefit']);

/** Begins the key of what a record is a copy of: two of one payer with one are one record. */
export const SOURCE_KEY = 's:source|';

/** Keys of one record: no real one has more. */
const MOST_KEYS = 200;

/** All keys of a record, without repeats; what it was called before stands first, in that order. The references in it play no part: they differ from payer to payer. */
export function recordKeys(record: Resource): RecordKey[] {
  const r = withDrug(record);
  const own = RULES[r.resourceType]?.(r) ?? [];
  const strong = NOT_BY_IDENTIFIER.has(r.resourceType) ? [] : identifiers(r).map((i) => `s:${i}` as const);
  const copied = notedNames(r).map((name) => `${SOURCE_KEY}${name}` as const);
  return [...new Set<RecordKey>([...copied, ...strong, ...own])].slice(0, MOST_KEYS);
}
