// References of a received record, rewritten to our ids. A target we do not hold becomes a logical reference that still
// says what the peer called it.
import { elements, members, replaceReferences } from '../../src/fhir/json-text.ts';
import { parseReference } from '../../src/fhir/reference.ts';
import { passesLabelOn } from '../members/read-own.ts';

export type Target = { localId: string; isShared: boolean };
export type Rewritten = { json: string; links: string[]; refers: string[]; unresolved: string[] };

const withoutVersion = (base: string): string => base.replace(/\/+$/, '');

/** Keys `Type/id` of the peer's records that a reference of this peer may mean; undefined for all other references. */
export function peerKey(reference: string, peerBase: string): string | undefined {
  const parsed = parseReference(reference);
  if (parsed.kind === 'relative') return `${parsed.type}/${parsed.id}`;
  if (parsed.kind === 'absolute' && withoutVersion(parsed.base) === peerBase) return `${parsed.type}/${parsed.id}`;
  return undefined;
}

/**
 * @param json minified record
 * @param memberOfPatient our member for a Patient key of the peer, `Patient/id`
 * @param target our record for any other key of the peer
 */
export function rewriteReferences(
  json: string,
  peerBase: string,
  memberOfPatient: (key: string) => string | undefined,
  target: (key: string) => Target | undefined,
): Rewritten {
  const links = new Set<string>();
  const refers = new Set<string>();
  const unresolved = new Set<string>();
  let doubled = false;
  const out = replaceReferences(json, (reference) => {
    const key = peerKey(reference, peerBase);
    if (key === undefined) return undefined;
    const slash = key.indexOf('/');
    const type = key.slice(0, slash);
    const member = type === 'Patient' ? memberOfPatient(key) : undefined;
    if (member !== undefined) return `"reference":"Patient/${member}"`;
    const found = target(key);
    if (found) {
      const local = `${type}/${found.localId}`;
      if (found.isShared) links.add(local);
      else if (passesLabelOn(type)) refers.add(local);
      return `"reference":"${local}"`;
    }
    unresolved.add(key);
    doubled = true;
    return `"identifier":{"system":${JSON.stringify(`${peerBase}/${type}`)},"value":"${key.slice(slash + 1)}"}`;
  });
  return {
    json: doubled ? withoutDoubledIdentifiers(out, peerBase) : out,
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
      out += `${out === '{' ? '' : ','}"${m.key}":${/^[[{]/.test(value) ? cleanValue(value) : value}`;
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
