// References of a received record, rewritten to our ids. A target we do not hold becomes a logical reference that still
// says what the peer called it.
import { elements, members, replaceReferences } from '../../src/fhir/json-text.ts';
import { isBaseOf, isKey, parseReference } from '../../src/fhir/reference.ts';
import { isByUuid, passesLabelOn } from '../members/read-own.ts';
import { LED_TO } from '../store/records/references.ts';
import { isShared } from '../transform/record-types.ts';

export type Target = { localId: string; isShared: boolean };
/** `refs`: what the record refers to, see `StagedUnit.refs`; the others are keys here, `ids` by the key there. */
export type Led = {
  json: string;
  ids: ReadonlyMap<string, string>;
  refs: string[];
  links: string[];
  refers: string[];
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

/**
 * Leads the references of a record to where they will most likely lead: to our member, to a directory record that we know, else
 * to the id that the record there gets here. Another person is named by what the peer calls them. What comes out otherwise is led right by {@link correctReferences}.
 * @param json minified record
 * @param memberOfPatient our member for the id of a Patient of the peer, if the record may lead there: to nobody but its own person
 * @param known our id of a directory record, by its key `Type/id` there
 * @param made the id that a record of the peer gets here, by the same key
 */
export function leadReferences(
  json: string,
  peerBase: string,
  memberOfPatient: (id: string) => string | undefined,
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
  const out = replaceReferences(json, (reference) => {
    const key = peerKey(reference, peerBase);
    if (key === undefined) {
      if (isByUuid(reference)) refers.push(reference.toLowerCase());
      return undefined;
    }
    const before = ids.get(key);
    if (before !== undefined) return `"reference":"${before}"`;
    const slash = key.indexOf('/');
    const type = key.slice(0, slash);
    const id = key.slice(slash + 1);
    const member = type === 'Patient' ? memberOfPatient(id) : undefined;
    if (member !== undefined) return `"reference":"Patient/${member}"`;
    if (type === 'Patient') {
      namesOthers = true;
      return logical(peerBase, type, id);
    }
    const guess = known(key);
    // two keys of one record are never led to one id: which was which could not be told afterwards
    if (guess !== undefined) taken ??= new Set(ids.values());
    const isGuessed = guess !== undefined && taken?.has(`${type}/${guess}`) === false;
    const local = `${type}/${isGuessed ? guess : made(key)}`;
    ids.set(key, local);
    taken?.add(local);
    refs.push(isGuessed ? `${key}${LED_TO}${guess}` : key);
    if (isShared(type)) links.push(local);
    else if (passesLabelOn(type)) refers.push(local);
    return `"reference":"${local}"`;
  });
  return { json: namesOthers ? withoutDoubledIdentifiers(out, peerBase) : out, ids, refs, links, refers };
}

/** A reference that leads nowhere here, and still says what the peer called it. */
const logical = (peerBase: string, type: string, id: string): string =>
  `"identifier":{"system":${JSON.stringify(`${peerBase}/${type}`)},"value":"${id}"}`;

/** What the references of a staged text were led to, `Type/id` here, and from which key there. */
export function ledFrom(refs: readonly string[], made: (key: string) => string): Map<string, string> {
  return new Map(
    refs.map((ref) => {
      const [key = '', guess] = ref.split(LED_TO);
      return [`${key.slice(0, key.indexOf('/'))}/${guess ?? made(key)}`, key];
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
  peerBase: string,
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
    const slash = key.indexOf('/');
    const type = key.slice(0, slash);
    const found = target(key);
    if (found) {
      const local = `${type}/${found.localId}`;
      if (found.isShared) links.add(local);
      else if (passesLabelOn(type)) refers.add(local);
      return `"reference":"${local}"`;
    }
    unresolved.add(key);
    return logical(peerBase, type, key.slice(slash + 1));
  });
  return {
    json: unresolved.size > 0 ? withoutDoubledIdentifiers(out, peerBase) : out,
    links: [...links],
    refers: [...refers],
    unresolved: [...unresolved],
  };
}

/**
 * A reference that had an identifier beside it now has two: the one it came with is the better name, ours is dropped.
 * Walks the text, because a parsed object would hide one of them.
 */
function withoutDoubledIdentifiers(json: string, peerBase: string): string {
  const ours = `{"system":${JSON.stringify(`${peerBase}/`).slice(0, -1)}`;
  const clean = (text: string): string => {
    const found = members(text);
    const isDoubled = found.filter((m) => m.key === 'identifier').length > 1;
    let out = '{';
    for (const m of found) {
      if (isDoubled && m.key === 'identifier' && text.startsWith(ours, m.valueStart)) continue;
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
