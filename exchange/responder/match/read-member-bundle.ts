// MemberBundles of a match request: reading them and turning each into what matching compares.
import {
  hasCoding,
  ID_PATTERN,
  isObject,
  isResource,
  type Json,
  type JsonObject,
  objects,
  type Resource,
  strings,
  text,
} from '../../../src/fhir/resource.ts';
import { containedOf, namesPayer, namesSomebody, type Payer } from '../../members/consent/evaluate.ts';
import {
  birthDate,
  emails,
  familyName,
  givenNames,
  givenRoot,
  memberIds,
  phones,
  streets,
  tokens,
} from './normalize.ts';

export type MemberBundle = {
  position: number;
  patient: Resource;
  patientId: string;
  coverageToMatch: Resource;
  coverageToLink: Resource | undefined;
  consent: Resource | undefined;
};

/** A request whose structure is wrong as a whole: 422. */
export class BundleFault extends Error {}

/** NUL, and halves of surrogate pairs, as JSON.stringify writes them. */
const NOT_TEXT = /(?<!\\)(?:\\\\)*\\(?:u0000|ud[89a-f][0-9a-f]{2})/;

/** May a body hold what the database cannot? Parsed, such characters come from escapes only; a pair of halves is looked at as well. */
export const mayHoldNoText = (json: string): boolean => /\\u(?:0000|d[89a-f])/i.test(json);

const part = (bundle: JsonObject, name: string): Resource[] =>
  objects(bundle['part'])
    .filter((p) => p['name'] === name)
    .map((p) => p['resource'])
    .filter((r): r is Resource => isResource(r));

/** Characters in all texts of a value. */
const textLength = (value: Json | undefined): number =>
  typeof value === 'string'
    ? value.length
    : typeof value === 'object' && value !== null
      ? Object.values(value).reduce<number>((n, v) => n + textLength(v as Json), 0)
      : 0;

type Reading = {
  /** HRex 1.1 lets a single match come without; the decision then is against it */
  consent?: 'required' | 'optional';
  /** it is known to hold text only */
  isText?: boolean;
};

/**
 * The MemberBundles of a Parameters body.
 * @throws BundleFault naming the position, when a part is missing, doubled or of the wrong type
 */
export function readMemberBundles(body: Json, options: Reading = {}): MemberBundle[] {
  if (!isResource(body) || body.resourceType !== 'Parameters') throw new BundleFault(NO_PARAMETERS);
  const bundles = objects(body['parameter']).filter((p) => p['name'] === 'MemberBundle');
  if (bundles.length === 0) throw new BundleFault(NO_MEMBER);
  return bundles.map((bundle, position) => readMemberBundle(bundle, position, options));
}

export const NO_PARAMETERS = 'The body must be a Parameters resource.';
export const NO_MEMBER =
  'There must be at least one parameter MemberBundle, with MemberPatient, CoverageToMatch, CoverageToLink and Consent as its parts.';

/** @throws BundleFault naming the position */
export function readMemberBundle(bundle: JsonObject, position: number, options: Reading): MemberBundle {
  const at = `MemberBundle ${position + 1}`;
  // the database can hold neither; FHIR strings must not
  if (options.isText !== true && NOT_TEXT.test(JSON.stringify(bundle)))
    throw new BundleFault(`${at} holds characters that FHIR does not allow.`);
  const one = (name: string, type: string, required: boolean): Resource | undefined => {
    const found = part(bundle, name);
    if (found.length > 1) throw new BundleFault(`${at} has more than one ${name}.`);
    const only = found[0];
    if (only === undefined && required) throw new BundleFault(`${at} has no ${name}.`);
    if (only !== undefined && only.resourceType !== type) throw new BundleFault(`${at}: ${name} must be a ${type}.`);
    return only;
  };
  const patient = one('MemberPatient', 'Patient', true) as Resource;
  const coverageToMatch = one('CoverageToMatch', 'Coverage', true) as Resource;
  const patientId = text(patient['id']);
  if (patientId === undefined) throw new BundleFault(`${at}: MemberPatient has no id.`);
  // the Group contains the Patient under this id and refers to it: with another one it would be no FHIR
  if (!ID_PATTERN.test(patientId)) throw new BundleFault(`${at}: MemberPatient has an id that FHIR does not allow.`);
  for (const name of objects(patient['name']))
    if (textLength(name) > 4000) throw new BundleFault(`${at}: MemberPatient has a name that is too long.`);
  return {
    position,
    patient,
    patientId,
    coverageToMatch,
    coverageToLink: one('CoverageToLink', 'Coverage', false),
    consent: one('Consent', 'Consent', options.consent !== 'optional'),
  };
}

export type MatchQuery = {
  position: number;
  dob: string[];
  family: string[];
  given: string[];
  suffix: string[];
  mb: string[];
  sub: string[];
  mbi: string[];
  umb: string[];
  street: string[];
  phone: string[];
  email: string[];
  tokens: { kind: number; text: string }[];
  /** what is tried with this question: all of it counts, as any of it may be the part that matches */
  tries: { cards: string[]; families: string[]; givens: string[] };
};

const V2 = '/v2-0203';
const typed = (identifier: JsonObject, code: string): boolean =>
  objects(isObject(identifier['type']) ? identifier['type']['coding'] : undefined).some(
    (c) => c['code'] === code && String(c['system']).endsWith(V2),
  );

/** Whom a coverage names as its payer. One that names no one that can be determined, names no other either. */
function payersOf(coverage: Resource, us: Payer): { namesUs: boolean; namesAnother: boolean } {
  const contained = containedOf(coverage);
  const payers = objects(coverage['payor']);
  const namesUs = payers.some((p) => namesPayer(p, us, contained));
  return { namesUs, namesAnother: !namesUs && payers.some((p) => namesSomebody(p, contained)) };
}

/** Numbers as cards: the first of each kind together, then the second of each. A number may have two forms; the first counts. */
function asCards(kinds: readonly (readonly string[][])[]): string[] {
  const distinct = kinds.map((numbers) => [...new Set(numbers.flatMap((forms) => forms.slice(0, 1)))]);
  const most = Math.max(...distinct.map((d) => d.length));
  return Array.from({ length: most }, (_, i) => distinct.map((d) => d[i] ?? '').join('|'));
}

/** What to look for. Ids count only when the coverage names us; ids of the request's resources are never used. */
export function toQuery(bundle: MemberBundle, us: Payer, now: Date): MatchQuery {
  const names = objects(bundle.patient['name']);
  const family = new Set<string>();
  const suffix = new Set<string>();
  const given = new Set<string>();
  const givens = new Set<string>();
  for (const name of names) {
    const read = familyName(text(name['family']), strings(name['suffix']));
    for (const n of read.names) family.add(n);
    for (const s of read.suffix) suffix.add(s);
    const own = givenNames(strings(name['given']));
    for (const g of own) given.add(g);
    if (own[0] !== undefined) givens.add(givenRoot(own[0]));
  }
  const coverage = bundle.coverageToMatch;
  const { namesUs, namesAnother } = payersOf(coverage, us);
  const numbers = (identifiers: readonly JsonObject[], is: (i: JsonObject) => boolean) =>
    identifiers.filter(is).map((i) => memberIds(text(i['value'])));
  const ofCoverage = (code: string) => (namesUs ? numbers(objects(coverage['identifier']), (i) => typed(i, code)) : []);
  const cards = ofCoverage('MB');
  const subscribers = namesUs ? [memberIds(text(coverage['subscriberId'])), ...ofCoverage('SN')] : [];
  const mb = cards.flat();
  const patientIds = objects(bundle.patient['identifier']);
  // ids that do not come from us say nothing of a coverage with another person
  const ofPerson = namesAnother ? [] : patientIds;
  const mbis = numbers(ofPerson, (i) => i['system'] === 'http://hl7.org/fhir/sid/us-mbi');
  const umbs = numbers(ofPerson, (i) =>
    hasCoding(i['type'], 'http://hl7.org/fhir/us/davinci-hrex/CodeSystem/hrex-temp', 'UMB'),
  );
  const telecoms = objects(bundle.patient['telecom']);
  const reached = (...systems: string[]) =>
    telecoms.filter((t) => systems.includes(text(t['system']) ?? '')).map((t) => text(t['value']));
  const q = {
    dob: birthDate(text(bundle.patient['birthDate']), now),
    family: [...family],
    given: [...given],
    suffix: [...suffix],
    mb,
    sub: [...new Set([...subscribers.flat(), ...mb])],
    mbi: mbis.flat(),
    umb: umbs.flat(),
    // asked for only by a card of ours that we do not know: rules 01 to 03
    ...(mb.length === 0 && subscribers.flat().length === 0
      ? { street: [], phone: [], email: [] }
      : {
          street: objects(bundle.patient['address']).flatMap((a) =>
            streets(strings(a['line'])[0], text(a['postalCode'])),
          ),
          phone: reached('phone', 'sms').flatMap(phones),
          email: reached('email').flatMap(emails),
        }),
  };
  const tries = {
    cards: asCards([cards, subscribers, mbis, umbs]),
    families: [...family],
    givens: [...givens],
  };
  return { position: bundle.position, ...q, tokens: tokens(q), tries };
}
