// References of a received record, rewritten to our ids. A target we do not hold becomes a logical reference that still
// says what the peer called it.
import { elements, members, replaceReferences } from '../../src/fhir/json-text.ts';
import { isBaseOf, isKey, parseReference } from '../../src/fhir/reference.ts';
import { isByUuid, passesLabelOn } from '../members/enrolment/read-own.ts';
import { isShared } from '../records/facts/record-types.ts';
import { LED_TO, OURS } from '../records/references.ts';

export type Target = { localId: string; isShared: boolean };
/** FHIR bases by which references are told apart. */
export type Bases = { peerBase: string; ourBase: string };
/**
 * `refs`: what the record refers to, see `StagedUnit.refs`; the others are keys here, `ids` by the key there. `isLost`: a reference says nothing by which
 * anybody could find what it means, and stays as it is.
 */
export type Led = {
  json: string;
  ids: ReadonlyMap<string, string>;
  refs: string[];
  links: string[];
  refers: string[];
  isLost: boolean;
};
export type Corrected = { json: string; links: string[]; refers: string[]; unresolved: string[] };

/** Keys `Type/id` of the peer's records that a reference of this peer may mean; undefined for all other references. */
export function peerKey(reference: string, peerBase: string): string | undefined {
  if (isKey(reference)) return reference;
  const parsed = parseReference(reference);
  if (parsed.kind === 'relative') return `${parsed.type}/${parsed.id}`;
  if (parsed.kind === 'absolute' && isBaseOf(parsed.base, peerBase)) return `${parsed.type}/${parsed.id}`;
  return undefined;
}

/** `Type/id` of a reference that names a record of ours by its address here. */
function ourKey(reference: string, ourBase: string): string | undefined {
  const parsed = parseReference(reference);
  return parsed.kind === 'absolute' && isBaseOf(parsed.base, ourBase) ? `${parsed.type}/${parsed.id}` : undefined;
}

/**
 * Does a reference lead nowhere outside a Bundle: a search, an id of a Bundle's entry (`urn:`), or a text that is no address? Records of other servers
 * are there.
 */
function leadsNowhere(reference: string, peerBase: string): boolean {
  const { kind } = parseReference(reference);
  if (kind === 'other') return !/^https?:/.test(reference) || reference.startsWith(`${peerBase}/`);
  return kind === 'urn' || kind === 'conditional';
}

/**
 * Leads the references of a record to where they will most likely lead: to our member, to a directory record that we know, else
 * to the id that the record there gets here. Another person is named by what the peer calls them. What comes out otherwise is led right by {@link correctReferences}.
 * A record of ours that is named by its address here is looked up later, too.
 * @param json minified record
 * @param memberOfPatient our member for the id of a Patient of the peer, or of one of ours (`isOurs`), if the record may lead there: to nobody but its own person
 * @param known our id of a directory record, by its key `Type/id` there
 * @param made the id that a record of the peer gets here, by the same key
 */
export function leadReferences(
  json: string,
  { peerBase, ourBase }: Bases,
  memberOfPatient: (id: string, isOurs: boolean) => string | undefined,
  known: (key: string) => string | undefined,
  made: (key: string) => string,
): Led {
  const ids = new Map<string, string>();
  /** what is led to so far; few records lead to what we know */
  let taken: Set<string> | undefined;
  const refs: string[] = [];
  const links: string[] = [];
  const refers: string[] = [];
  let namesOthers = false;
  let isLost = false;
  const out = replaceReferences(json, (reference) => {
    const theirs = peerKey(reference, peerBase);
    const ours = theirs === undefined ? ourKey(reference, ourBase) : undefined;
    const key = theirs ?? ours;
    if (key === undefined) {
      if (isByUuid(reference)) refers.push(reference.toLowerCase());
      isLost ||= leadsNowhere(reference, peerBase);
      return undefined;
    }
    const ref = ours === undefined ? key : `${OURS}${key}`;
    const before = ids.get(ref);
    if (before !== undefined) return `"reference":"${before}"`;
    const slash = key.indexOf('/');
    const type = key.slice(0, slash);
    const id = key.slice(slash + 1);
    const member = type === 'Patient' ? memberOfPatient(id, ours !== undefined) : undefined;
    if (member !== undefined) return `"reference":"Patient/${member}"`;
    if (type === 'Patient') {
      namesOthers = true;
      isLost ||= ours !== undefined;
      return logical(ours === undefined ? peerBase : ourBase, type, id);
    }
    const guess = ours === undefined ? known(key) : id;
    // two keys of one record are never led to one id: which was which could not be told afterwards
    if (guess !== undefined) taken ??= new Set(ids.values());
    const isGuessed = guess !== undefined && taken?.has(`${type}/${guess}`) === false;
    // what the peer calls otherwise is that record of ours
    if (ours !== undefined && !isGuessed) return `"reference":"${key}"`;
    const local = `${type}/${isGuessed ? guess : made(key)}`;
    ids.set(ref, local);
    taken?.add(local);
    refs.push(isGuessed ? `${ref}${LED_TO}${guess}` : key);
    if (isShared(type)) links.push(local);
    else if (passesLabelOn(type)) refers.push(local);
    return `"reference":"${local}"`;
  });
  const clean = namesOthers ? withoutDoubledIdentifiers(out, [peerBase, ourBase]) : out;
  return { json: clean, ids, refs, links, refers, isLost };
}

/** A reference that leads nowhere here, and still says what the peer called it. */
const logical = (base: string, type: string, id: string): string =>
  `"identifier":{"system":${JSON.stringify(`${base}/${type}`)},"value":"${id}"}`;

/** Type of a key of {@link Led.refs}. */
const typeOf = (key: string): string => key.slice(key.startsWith(OURS) ? OURS.length : 0, key.indexOf('/'));

/** What the references of a staged text were led to, `Type/id` here, and from which key there. */
export function ledFrom(refs: readonly string[], made: (key: string) => string): Map<string, string> {
  return new Map(
    refs.map((ref) => {
      const [key = '', guess] = ref.split(LED_TO);
      return [`${typeOf(key)}/${guess ?? made(key)}`, key];
    }),
  );
}

/**
 * Leads references that were led before to where they do lead. One that leads nowhere becomes a logical reference.
 * @param led of {@link ledFrom}
 * @param target our record for a key of the peer
 */
export function correctReferences(
  json: string,
  { peerBase, ourBase }: Bases,
  led: ReadonlyMap<string, string>,
  target: (key: string) => Target | undefined,
): Corrected {
  const links = new Set<string>();
  const refers = new Set<string>();
  const unresolved = new Set<string>();
  const out = replaceReferences(json, (reference) => {
    const key = led.get(reference);
    if (key === undefined) {
      if (isByUuid(reference)) refers.add(reference.toLowerCase());
      return undefined;
    }
    const type = typeOf(key);
    const found = target(key);
    if (found) {
      const local = `${type}/${found.localId}`;
      if (found.isShared) links.add(local);
      else if (passesLabelOn(type)) refers.add(local);
      return `"reference":"${local}"`;
    }
    unresolved.add(key);
    return logical(key.startsWith(OURS) ? ourBase : peerBase, type, key.slice(key.indexOf('/') + 1));
  });
  return {
    json: unresolved.size > 0 ? withoutDoubledIdentifiers(out, [peerBase, ourBase]) : out,
    links: [...links],
    refers: [...refers],
    unresolved: [...unresolved],
  };
}

/**
 * A reference that had an identifier beside it now has two: the one it came with is the better name, ours is dropped.
 * Walks the text, because a parsed object would hide one of them.
 */
function withoutDoubledIdentifiers(json: string, bases: readonly string[]): string {
  const made = bases.map((base) => `{"system":${JSON.stringify(`${base}/`).slice(0, -1)}`);
  const clean = (text: string): string => {
    const found = members(text);
    const isDoubled = found.filter((m) => m.key === 'identifier').length > 1;
    let out = '{';
    for (const m of found) {
      if (isDoubled && m.key === 'identifier' && made.some((one) => text.startsWith(one, m.valueStart))) continue;
      const value = text.slice(m.valueStart, m.end);
      out += `${out === '{' ? '' : ','}${text.slice(m.start, m.valueStart)}${/^[[{]/.test(value) ? cleanValue(value) : value}`;
    }
    return `${out}}`;
  };
  const cleanValue = (value: string): string => {
    if (value.startsWith('{')) return clean(value);
    const parts = elements(value, 0);
    return `[${parts.map((p) => (/^[[{]/.test(p) ? cleanValue(p) : p)).join(',')}]`;
  };
  return clean(json);
}
