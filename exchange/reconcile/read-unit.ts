// The first look at one received unit: what it is, whose it is, whether it may be kept, its hash and keys. Pure; whether it
// is new is decided later, by set. The first reason that applies decides.
import { contentHash, contentHashes, RECEIVED_CONTENT } from '../../src/fhir/canonical.ts';
import { parseInstant } from '../../src/fhir/instant.ts';
import { type Found, lookAtMembers } from '../../src/fhir/json-members.ts';
import { minify, stamp, withPlainStrings } from '../../src/fhir/json-text.ts';
import { areVast, exactNumerals, longNumerals } from '../../src/fhir/numerals.ts';
import { isId } from '../../src/fhir/reference.ts';
import { isObject, isResource, objects, type Resource, text } from '../../src/fhir/resource.ts';
import type { Issue } from '../../src/fhir/validate/issue.ts';
import { npiOf } from '../members/enrolment/read-own.ts';
import { factsOf, wholeAuthorization } from '../records/facts/facts.ts';
import { labelOf } from '../records/facts/label.ts';
import { memberOf } from '../records/facts/member-of.ts';
import { moneyIn } from '../records/facts/money.ts';
import { holdsOthers, isMadeAboutAnother, peopleWithin } from '../records/facts/others-within.ts';
import { RECORD_TYPES } from '../records/facts/record-types.ts';
import { HOLDS, WATCHED } from '../records/facts/watched-names.ts';
import { STAGED_VERSION, type StagedUnit, sha256 } from '../records/staging.ts';
import { addressesOf, describesAddress, MOST_ATTACHMENTS, withoutAddresses } from './attachment-address.ts';
import { businessKeys } from './business-keys.ts';
import { deniedFacts } from './chain/denied-facts.ts';
import { claimFacts } from './chain/facts.ts';
import { checkInbound, copyOf, namesUsAsTransmitter } from './inbound.ts';
import { addressApart } from './kept-apart.ts';
import { localId, referredId } from './local-id.ts';
import { keptWith, namedDocuments } from './named-documents.ts';
import { isNamedAnother } from './named-person.ts';
import { noteSource } from './noted-names.ts';
import { recordKeys } from './record-keys.ts';
import { leadReferences } from './rewrite.ts';
import { isAnother, isMember, isOtherThere, mayBeAnother, patientThere, type UnitMember } from './unit-person.ts';

export type UnitContext = {
  peerId: string;
  /** FHIR base of the peer, for `meta.source` */
  peerBase: string;
  /** our own FHIR base: a record that names it as source is ours coming back */
  ourBase: string;
  ourNpi: string | null;
  /** peer Patient id → our member, of the members matched in this pull */
  members: ReadonlyMap<string, UnitMember>;
  /** id there of the Group that the answer was asked for */
  group?: string | undefined;
  /** our ids of the peer's directory records, by their key `Type/id` there, as far as they are known before everything is staged */
  known?: ReadonlyMap<string, string>;
  /** first day of service that counts as within five years */
  windowStart: string;
  /** last day that a service, a birth or a version can have: two days from now */
  latest: string;
  validate: (resource: unknown) => Issue[];
  /** people released the record from these reasons */
  released?: readonly string[];
};

export type Unit = Omit<StagedUnit, 'file' | 'line' | 'entry'>;

export const rejected = (reason: string): Unit => ({ outcome: 'rejected', reason });
/** FHIR allows any number of digits behind the second; PostgreSQL reads no more than some. Longer ones are as if they were not there. */
const LONGEST_INSTANT = 64;
/** What stands around records, or speaks of them. */
const NO_RECORD: ReadonlySet<string> = new Set(['Bundle', 'OperationOutcome', 'Parameters']);
const TYPE_NAME = /^[A-Za-z]{1,64}$/;
/** NUL, and halves of surrogate pairs, as JSON.stringify writes them. */
const NOT_TEXT = /(?<!\\)(?:\\\\)*\\(?:u0000|ud[89a-f][0-9a-f]{2})/;

/** One line of an output file. */
export function readUnit(line: string, context: UnitContext): Unit {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    return rejected('invalid-json');
  }
  if (!isResource(parsed) || !TYPE_NAME.test(parsed.resourceType) || NO_RECORD.has(parsed.resourceType))
    return rejected('not-a-resource');
  if (!isId(parsed['id'])) return rejected('missing-id');
  const broken = (): Unit => ({
    type: parsed.resourceType,
    sourceId: String(parsed['id']),
    hash: sha256(line),
    outcome: 'quarantined',
    reason: 'invalid-resource',
  });
  try {
    const json = minify(withPlainStrings(line));
    // characters that FHIR strings cannot hold
    if (line.includes('\\u') && NOT_TEXT.test(json)) return broken();
    // a member that is named twice: who reads the text may take the other one
    const { saysTwice, numerals, found } = lookAtMembers(json, parsed, WATCHED);
    if (saysTwice) return broken();
    // numbers that no database takes
    if (areVast(numerals)) return broken();
    return readResource(parsed, json, context, exactNumerals(numerals), found);
  } catch (error) {
    // nested deeper than a record is, or than the stack; or larger in one place than a record is
    if (error instanceof RangeError) return broken();
    throw error;
  }
}

/**
 * @param json its minified text, without escapes that JSON does not need: names are looked for in it
 * @param exact numbers in it that are more than their double says
 * @param found what it has of the watched names
 */
function readResource(resource: Resource, json: string, context: UnitContext, exact: string, found: Found): Unit {
  const type = resource.resourceType;
  const sourceId = String(resource['id']);
  const meta = isObject(resource['meta']) ? resource['meta'] : {};
  const sent = text(meta['lastUpdated']);
  const { latest } = context;
  // a time that has not come would make every later version an older one: it is as if none were said
  const isAhead = sent !== undefined && sent.slice(0, latest.length) > latest;
  const known: Unit = {
    type,
    sourceId,
    ...(sent !== undefined && !isAhead && sent.length <= LONGEST_INSTANT && parseInstant(sent)
      ? { lastUpdated: sent }
      : {}),
  };
  const hold = (reason: string, more: Unit = {}): Unit => ({
    ...known,
    ...more,
    ...(more.memberId === undefined ? {} : { keeps: keptWith(resource, json, context), claim: deniedFacts(resource) }),
    isError: isInError(resource),
    hash: contentHash(resource, RECEIVED_CONTENT, exact),
    outcome: 'quarantined',
    reason,
  });

  // whom the answer is about: it comes with each answer of some payers, and nobody has to look at it
  if (type === 'Group' && sourceId === context.group)
    return {
      type,
      sourceId,
      hash: contentHash(resource, RECEIVED_CONTENT, exact),
      outcome: 'unchanged',
      reason: 'asked-group',
    };
  const row = RECORD_TYPES[type];
  if (!row || row.class === 'financial') return hold('unknown-type');
  const owner = memberOf(resource);
  if (owner.kind === 'unsupported-subject') return hold('unsupported-subject');
  if (owner.kind === 'missing' || owner.kind === 'unknown-type') return hold('dangling-reference');
  const patientId =
    owner.kind === 'self' ? sourceId : owner.kind === 'patient' ? patientThere(owner, context) : undefined;
  const member = patientId === undefined ? undefined : context.members.get(patientId);
  const isWrong = (owner.kind === 'self' || owner.kind === 'patient') && !member;
  if (isWrong || holdsOthers(resource, owner, isMember(patientId, context), isAnother(member, context)))
    return hold('wrong-patient');
  const whose: Unit = member ? { memberId: member.memberId } : {};
  // one person there, two of our members: whose it is cannot be told
  if (member?.doubtful) return hold('wrong-patient', { findings: ['identity-doubt'] });
  const isHeld = (reason: string) => context.released?.includes(reason) !== true;
  // whatever holds it: what is more than the member chose, or chose when there was a choice, is noted with its label (records/withdrawn.ts)
  const isNarrow = member !== undefined && (member.policy !== 'sensitive' || member.withdrawn !== false);
  const holdOf = (reason: string) =>
    hold(reason, isNarrow && isHeld('consent-scope') ? { ...whose, label: labelOf(resource) } : whose);
  const isDoubted = () =>
    holdsOthers(resource, owner, isMember(patientId, context), mayBeAnother(member, context)) ||
    isMadeAboutAnother(resource, isOtherThere(patientId, context)) ||
    isNamedAnother(resource, member, context.members);
  if (isHeld('contained-person') && isDoubted()) return hold('contained-person', whose);
  if (member?.withdrawn && isHeld(member.withdrawn)) return holdOf(member.withdrawn);
  // what comes of a person who was another one until now waits with the person, until somebody has said who that is
  if (member?.moved && isHeld('patient-change')) return hold('patient-change', whose);
  const issues = context.validate(resource);
  if (issues.some((i) => i.severity === 'error')) return holdOf('invalid-resource');
  if (objects(meta['tag']).some((t) => t['code'] === 'SUBSETTED')) return holdOf('invalid-resource');
  if ((found.names & HOLDS.modifierExtension) !== 0 && isHeld('modifier-extension'))
    return holdOf('modifier-extension');
  if (resource['implicitRules'] !== undefined && isHeld('implicit-rules')) return holdOf('implicit-rules');

  const findings = new Set<string>();
  if (issues.length > 0) findings.add('profile-violation');
  if (isAhead) findings.add('implausible-date');
  const facts = factsOf(resource, json, false, false, found);
  const id = localId(context.peerId, type, sourceId);
  const { state = '' } = facts.authorization ?? {};
  const isLetIn = state === 'denied' || state === 'drug';
  if (isLetIn && isHeld(`${state}-pa`)) return holdOf(`${state}-pa`);
  if (facts.label > 0 && member !== undefined && member.policy !== 'sensitive' && isHeld('consent-scope'))
    return holdOf('consent-scope');
  if (facts.serviceEnd !== undefined && facts.serviceEnd < context.windowStart) findings.add('older-than-5y');

  // people who took in what was denied, or a drug, see what that was
  const form = isLetIn ? wholeAuthorization(resource, json, found) : facts.shared;
  let kept = json;
  if (form !== undefined && moneyIn(resource).length > 0) {
    findings.add('money-present');
    kept = form;
  }
  let keeps: string[] | undefined;
  const { removedLines = [], removesParts = false } = facts.authorization ?? {};
  if (!isLetIn && form !== undefined && (removedLines.length > 0 || removesParts)) {
    findings.add('denied-pa');
    kept = form;
    const named = namedDocuments(kept, context);
    keeps = namedDocuments(json, context).filter((key) => !named.includes(key));
  }
  // its narrative may tell what was paid, in whatever words
  if (type === 'ExplanationOfBenefit' && resource['text'] !== undefined && form !== undefined) kept = form;
  const hashes = hashesOf(resource, exact, kept === json ? undefined : kept);
  const inbound = checkInbound(resource, kept, json, found, context.latest, facts.label);
  for (const f of inbound.findings) findings.add(f);
  kept = inbound.kept;
  const named = noteSource(resource, kept, context.peerBase);
  kept = named.json;
  const apart = (found.names & HOLDS.apart) === 0 ? undefined : addressApart(resource, kept, context.peerBase);
  if (apart) kept = apart.kept;
  const given = [...addressesOf(resource, found.names, context.peerBase), ...(apart?.given ?? [])];
  // a directory record is nobody's; what is not found in the text again could not be kept from leaving either
  const here = given.slice(0, owner.kind === 'shared' ? 0 : MOST_ATTACHMENTS).filter((a) => kept.includes(a.written));
  if (here.length < given.length) findings.add('attachment-not-fetched');
  if (here.length < given.length || (given.length > 0 && describesAddress(resource)))
    kept = withoutAddresses(kept, (written) => !here.some((a) => a.written === written));
  if (namesUsAsTransmitter(resource, context.ourNpi)) findings.add('possible-echo');
  const led = leadReferences(
    kept,
    context,
    (patient, isOurs) => {
      const there = isOurs ? patientThere({ id: patient, base: context.ourBase }, context) : patient;
      const named = there === undefined ? undefined : context.members.get(there)?.memberId;
      // whose a statement about records is, is told by these
      return member === undefined || named === member.memberId ? named : undefined;
    },
    (key) => context.known?.get(key),
    (key) => referredId(context.peerId, key),
  );
  if (led.isLost) findings.add('dangling-soft');
  const about = owner.kind === 'targets' ? allLed(owner.targets, led.ids, context) : undefined;
  // what a statement holds of somebody is about that person as well: of two it is nobody's alone
  const spokenOf =
    owner.kind === 'targets'
      ? [...new Set([...owner.targets, ...peopleWithin(resource).map((p) => `Patient/${p.id}`)])]
      : undefined;
  const isError = isInError(resource);
  // member by member: copying objects costs more than checking them
  return {
    type,
    sourceId,
    lastUpdated: known.lastUpdated,
    memberId: member?.memberId,
    reason: isError ? 'entered-in-error' : undefined,
    isError,
    localId: id,
    isShared: owner.kind === 'shared',
    targets: spokenOf,
    about: about?.keys,
    ...hashes,
    npi: owner.kind === 'shared' ? npiOf(resource) : undefined,
    keys: owner.kind === 'shared' ? businessKeys(resource) : recordKeys(named.resource),
    findings: [...findings],
    serviceEnd: facts.serviceEnd,
    day: facts.day,
    paState: facts.authorization?.state,
    paChanged: facts.authorization?.changed,
    paEnd: facts.authorization?.end,
    label: facts.label,
    echoOf: copyOf(resource, context.ourBase),
    claim: claimFacts(resource),
    attached: here.length === 0 ? undefined : JSON.stringify(here),
    refs: about ? [...led.refs, ...about.people] : led.refs,
    links: led.links,
    refers: led.refers,
    keeps,
    body: stamp(led.json, { id, ...STAGED_VERSION, source: `${context.peerBase}/${type}/${sourceId}` }),
  };
}

/** Hash of what came, and substance of what is left of it without money and denied lines: that is what leaves, and may come back. */
function hashesOf(resource: Resource, exact: string, left: string | undefined) {
  if (left === undefined) return contentHashes(resource, RECEIVED_CONTENT, exact);
  const numerals = exactNumerals(longNumerals(left));
  const { substance } = contentHashes(JSON.parse(left) as Resource, RECEIVED_CONTENT, numerals);
  return { hash: contentHash(resource, RECEIVED_CONTENT, exact), substance };
}

const PATIENT = 'Patient/';

/**
 * What a record is about, in our keys, where each of its targets was led to a record when it was read; undefined when one was not.
 * `people`: keys there of Patients among them. They are led to our member in the text, and here to what becomes of them as a record.
 */
function allLed(
  targets: readonly string[],
  ids: ReadonlyMap<string, string>,
  context: UnitContext,
): { keys: string[]; people: string[] } | undefined {
  const keys: string[] = [];
  const people: string[] = [];
  for (const target of targets) {
    const isOurs = target.startsWith(PATIENT) && context.members.has(target.slice(PATIENT.length));
    const key = isOurs ? `Patient/${referredId(context.peerId, target)}` : ids.get(target);
    if (key === undefined || target.startsWith('Bundle/')) return undefined;
    if (isOurs) people.push(target);
    keys.push(key);
  }
  return { keys, people };
}

const isInError = (resource: Resource): boolean =>
  resource['status'] === 'entered-in-error' || codeOf(resource['verificationStatus']) === 'entered-in-error';

const codeOf = (concept: unknown): string | undefined => {
  const coding = isObject(concept) ? objects(concept['coding'])[0] : undefined;
  return text(coding?.['code']);
};
