// Finding members one by one: HRex $member-match, and, at a peer that matches no one, the search for a card number.
// https://hl7.org/fhir/us/davinci-hrex/OperationDefinition-member-match.html
import type { Parameters } from 'fhir/r4.js';
import { fold } from '../../../src/fhir/fold.ts';
import { isId, referenceId } from '../../../src/fhir/reference.ts';
import { isObject, isResource, type Json, type JsonObject, objects, text } from '../../../src/fhir/resource.ts';
import { searchAll } from './bundle-pages.ts';
import type { Correlated } from './correlate.ts';
import { askPeer, issueCodes, PeerFault, readText } from './peer-fetch.ts';
import type { Talk } from './talk.ts';
import { withToken } from './token.ts';
import type { Submission } from './write-member-bundle.ts';

export type Single = Pick<Correlated, 'outcome' | 'peerPatientId'>;
const NOT_MATCHED: Single = { outcome: 'not-matched', peerPatientId: null };
/** It was asked, and what it said tells nothing of the member. */
const UNSAID: Single = { outcome: 'missing', peerPatientId: null };
const MAX_ANSWER = 1024 * 1024;

/**
 * What an answer to $member-match says. `isThere`: does it tell that there is such an operation? A 404 may be one that
 * knows no such address, or no such member; a 400 is what some servers say of operations that they do not have.
 */
type Existence = { isThere: boolean };
export type SingleAnswer = Existence & (Single | { /** leads to a Patient */ identifier: string } | { lacks: true });
/** What is known after it, when an identifier was followed. */
export type AskedOne = Existence & (Single | { lacks: true });

/** Codes of a refusal that say that the question was no good one, not who is known. https://hl7.org/fhir/R4/valueset-issue-type.html */
const OF_THE_QUESTION: ReadonlySet<string> = new Set(['structure', 'required', 'invariant']);
/** As codes of a 400, where no one uses them of a member. */
const INVALID: ReadonlySet<string> = new Set([...OF_THE_QUESTION, 'invalid', 'value', 'code-invalid', 'extension']);
/** Codes that say that no one, or no one for certain, was found. */
const NO_MATCH_CODES: ReadonlySet<string> = new Set(['not-found', 'multiple-matches']);
const OF_CONSENT: ReadonlySet<string> = new Set(['suppressed', 'forbidden']);

/**
 * No one was found, or the consent was no good one: 422. A 400 or 404, or one that finds fault with the question, is no
 * answer about the member, unless it says so.
 */
function readRefusal(status: 400 | 404 | 422, codes: readonly string[]): SingleAnswer {
  const has = (some: ReadonlySet<string>) => codes.some((c) => some.has(c));
  if (status !== 422 && codes.includes('not-supported')) return { isThere: false, lacks: true };
  if (status === 404) return { isThere: false, ...(has(NO_MATCH_CODES) ? NOT_MATCHED : UNSAID) };
  if (has(OF_CONSENT)) return { isThere: true, ...NOT_MATCHED, outcome: 'constrained' };
  if (has(NO_MATCH_CODES)) return { isThere: true, ...NOT_MATCHED };
  if (status === 400) return { isThere: has(INVALID), ...UNSAID };
  return { isThere: true, ...(has(OF_THE_QUESTION) ? UNSAID : NOT_MATCHED) };
}

/**
 * Judges an answer.
 * @param peerBase FHIR base of the peer: a Patient of another server is none of those that its records are about
 * @returns outcome `missing` where it tells nothing of the member; `lacks` where it says that there is no such operation
 * @throws PeerFault for what is no answer to the question
 */
export function readSingleMatch(status: number, body: string, peerBase: string): SingleAnswer {
  if (status === 422 || status === 400 || status === 404) return readRefusal(status, issueCodes(body));
  if (status === 405 || status === 501) return { isThere: false, lacks: true };
  if (status === 403) throw new PeerFault('forbidden');
  if (status !== 200) throw new PeerFault(`match-${status}`);
  let parsed: Json;
  try {
    parsed = JSON.parse(body) as Json;
  } catch {
    return { isThere: false, ...UNSAID };
  }
  const isThere = true;
  if (!isResource(parsed) || parsed.resourceType !== 'Parameters') return { isThere, ...UNSAID };
  const parameters = objects(parsed['parameter']);
  const named = (name: string) => parameters.find((p) => p['name'] === name);
  const reference = named('MemberId')?.['valueReference'];
  const id = isObject(reference) ? referenceId(text(reference['reference']), 'Patient', peerBase) : undefined;
  if (id !== undefined) return { isThere, outcome: 'matched', peerPatientId: id };
  const token =
    tokenOf(named('MemberIdentifier')?.['valueIdentifier']) ??
    tokenOf(memberIdentifier(named('MemberPatient')?.['resource']));
  return token === undefined ? { isThere, ...UNSAID } : { isThere, identifier: token };
}

/** `system|value` for a search. */
function tokenOf(identifier: Json | undefined): string | undefined {
  if (!isObject(identifier)) return undefined;
  const value = text(identifier['value']);
  const system = text(identifier['system']);
  return value === undefined || value === '' ? undefined : system === undefined ? value : `${system}|${value}`;
}

/** The member number of an echoed Patient: what servers answered before HRex 1.0. */
function memberIdentifier(patient: Json | undefined): Json | undefined {
  if (!isObject(patient)) return undefined;
  return objects(patient['identifier']).find((i) => {
    const type = isObject(i['type']) ? objects(i['type']['coding']) : [];
    return type.some((c) => c['code'] === 'MB' || c['code'] === 'UMB');
  });
}

/** Asks for one member. `body`: the Parameters of the operation. */
export async function matchOne(talk: Talk, body: Parameters, asked: Submission): Promise<AskedOne> {
  const response = await withToken(talk, (token) =>
    askPeer(talk, `${talk.peer.fhirBase ?? ''}/Patient/$member-match`, {
      method: 'POST',
      token,
      headers: { accept: 'application/fhir+json', 'content-type': 'application/fhir+json' },
      body: JSON.stringify(body),
    }),
  );
  const answer = readSingleMatch(response.status, await readText(response, MAX_ANSWER), talk.peer.fhirBase ?? '');
  if (!('identifier' in answer)) return answer;
  // it knows the member: where that leads to no one, or to another person, nothing is said
  const found = onlyOne(await patientsWith(talk, answer.identifier), (p) => isPerson(p, asked));
  return { isThere: true, ...(found ?? UNSAID) };
}

/** Looks for one member among the Patients that our client may see: card number, birth date and name must all be the same. */
export async function findOne(talk: Talk, asked: Submission): Promise<Single> {
  if (asked.theirNumber === '') return NOT_MATCHED;
  return onlyOne(await patientsWith(talk, asked.theirNumber), (p) => isHolder(p, asked)) ?? NOT_MATCHED;
}

async function patientsWith(talk: Talk, token: string): Promise<JsonObject[]> {
  const query = new URLSearchParams({ identifier: token });
  const found = await searchAll(talk, `${talk.peer.fhirBase ?? ''}/Patient?${query.toString()}`);
  return found.filter((p): p is JsonObject => isResource(p) && p.resourceType === 'Patient');
}

/** Undefined when none fits, or several do. */
function onlyOne(found: readonly JsonObject[], fits: (p: JsonObject) => boolean): Single | undefined {
  const ids = new Set(found.filter(fits).flatMap((p) => (isId(p['id']) ? [p['id']] : [])));
  const [id] = ids;
  return ids.size === 1 && id !== undefined ? { outcome: 'matched', peerPatientId: id } : undefined;
}

/** The same birth date and family name. */
function isPerson(patient: JsonObject, asked: Submission): boolean {
  const family = asked.patient.name?.[0]?.family;
  const families = objects(patient['name']).map((n) => fold(text(n['family']) ?? ''));
  return (
    asked.patient.birthDate !== undefined &&
    text(patient['birthDate']) === asked.patient.birthDate &&
    family !== undefined &&
    families.includes(fold(family))
  );
}

/** That person, with the card number that the member gave us. */
export function isHolder(patient: JsonObject, asked: Submission): boolean {
  return (
    asked.theirNumber !== '' &&
    objects(patient['identifier']).some((i) => i['value'] === asked.theirNumber) &&
    isPerson(patient, asked)
  );
}
