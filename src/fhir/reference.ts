// Literal references, https://hl7.org/fhir/R4/references.html#literal
import { ID_PATTERN } from './resource.ts';

export type Reference =
  | { kind: 'relative'; type: string; id: string; version?: string }
  | { kind: 'absolute'; base: string; type: string; id: string; version?: string }
  | { kind: 'fragment'; id: string }
  | { kind: 'urn'; urn: string }
  | { kind: 'conditional'; text: string }
  | { kind: 'other'; text: string };

const RELATIVE = /^([A-Z][A-Za-z]{1,63})\/([A-Za-z0-9\-.]{1,64})(?:\/_history\/([A-Za-z0-9\-.]{1,64}))?$/;
const IS_KEY = /^[A-Z][A-Za-z]{1,63}\/[A-Za-z0-9\-.]{1,64}$/;
const ABSOLUTE =
  /^(https?:\/\/\S+?)\/([A-Z][A-Za-z]{1,63})\/([A-Za-z0-9\-.]{1,64})(?:\/_history\/([A-Za-z0-9\-.]{1,64}))?$/;

/** What kind of reference a string is. Never throws: a text that fits nothing is `other`. */
export function parseReference(text: string): Reference {
  if (isKey(text)) {
    const slash = text.indexOf('/');
    return { kind: 'relative', type: text.slice(0, slash), id: text.slice(slash + 1) };
  }
  const relative = RELATIVE.exec(text);
  if (relative?.[1] && relative[2])
    return { kind: 'relative', type: relative[1], id: relative[2], ...(relative[3] ? { version: relative[3] } : {}) };
  if (text.startsWith('#')) return { kind: 'fragment', id: text.slice(1) };
  if (text.startsWith('urn:')) return { kind: 'urn', urn: text };
  const absolute = ABSOLUTE.exec(text);
  if (absolute?.[1] && absolute[2] && absolute[3])
    return {
      kind: 'absolute',
      base: absolute[1],
      type: absolute[2],
      id: absolute[3],
      ...(absolute[4] ? { version: absolute[4] } : {}),
    };
  if (/^[A-Z][A-Za-z]+\?/.test(text)) return { kind: 'conditional', text };
  return { kind: 'other', text };
}

/** Is it `Type/id`, as nearly all references are? */
export const isKey = (text: string): boolean => IS_KEY.test(text);

/** `Type/id` of a relative or absolute reference without base and version; any other text unchanged. */
export function referenceKey(text: string): string {
  if (isKey(text)) return text;
  const parsed = parseReference(text);
  return parsed.kind === 'relative' || parsed.kind === 'absolute' ? `${parsed.type}/${parsed.id}` : text;
}

/**
 * The id when the text is a reference (relative or absolute) to this type.
 * @param base of the only server that an absolute one may name; any when not given
 */
export function referenceId(text: string | undefined, type: string, base?: string): string | undefined {
  if (text === undefined) return undefined;
  const parsed = parseReference(text);
  if (parsed.kind === 'absolute' && base !== undefined && parsed.base !== base) return undefined;
  return (parsed.kind === 'relative' || parsed.kind === 'absolute') && parsed.type === type ? parsed.id : undefined;
}

export function isId(text: unknown): text is string {
  return typeof text === 'string' && ID_PATTERN.test(text);
}

/** `Type/id` of a reference to this base; the URL without version of one to another; undefined for contained ones. */
export function referenceTarget(reference: string, base: string): string | undefined {
  const parsed = parseReference(reference);
  if (parsed.kind === 'relative') return `${parsed.type}/${parsed.id}`;
  if (parsed.kind === 'fragment') return undefined;
  if (parsed.kind !== 'absolute') return reference;
  return parsed.base === base ? `${parsed.type}/${parsed.id}` : `${parsed.base}/${parsed.type}/${parsed.id}`;
}

/** Is an address in a reference someone's FHIR base? More slashes at its end say nothing. */
export const isBaseOf = (base: string, theirs: string): boolean =>
  base === theirs || base.replace(/\/+$/, '') === theirs;
