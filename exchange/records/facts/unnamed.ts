// What is not even named: that an authorization was denied is stated by whatever names it, as its record stays. Pure.
// 42 CFR 422.121(b)(4)(ii)(A)(2)
import { elements, members } from '../../../src/fhir/json-text.ts';
import { referenceKey } from '../../../src/fhir/reference.ts';
import { isObject, type Json, objects, type Resource, text } from '../../../src/fhir/resource.ts';

/** What must not be named of one member. */
export type Unnamed = {
  /** `Type/id` */
  keys: readonly string[];
  /** `system|value` of identifiers */
  identifiers: readonly string[];
  /** numbers of authorizations as claims give them */
  numbers: readonly string[];
};

/** In the place of a single reference: some have to be there. */
const MASKED =
  '{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"masked"}]}';
/** In the place of a number in words. */
const BLANKED = '***';
const URN = 'urn:uuid:';
/** A shorter number is found in words, and under other systems, that mean something else. */
const TELLING = 6;
/** Members that hold words for people. */
const WORDS = new Set(['text', 'div', 'display', 'description', 'title', 'comment', 'disposition', 'valueString']);
/** Members of a Reference: what has others is something else that has an identifier. */
const OF_REFERENCE = new Set(['id', 'extension', 'reference', 'type', 'identifier', 'display']);

/** `Type/id`, whatever stands before and behind it. */
const keyOf = (reference: string): string => referenceKey((reference.split('#')[0] ?? '').replace(/^\//, ''));

const identifierKey = (identifier: Json | undefined): string | undefined => {
  const value = isObject(identifier) ? text(identifier['value']) : undefined;
  return isObject(identifier) && value !== undefined ? `${text(identifier['system']) ?? ''}|${value}` : undefined;
};

/** How an authorization is called beside its id. */
export function namesOf(authorization: Resource): { identifiers: string[]; numbers: string[] } {
  const given = authorization['preAuthRef'];
  return {
    identifiers: objects(authorization['identifier']).flatMap((i) => identifierKey(i) ?? []),
    numbers: [
      ...(Array.isArray(given) ? given : []).filter((n): n is string => typeof n === 'string' && n !== ''),
      ...objects(authorization['identifier']).flatMap((i) => text(i['value']) ?? []),
    ],
  };
}

const escaped = (name: string): string => name.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
/** Names that stand by themselves, not as a part of a longer one. */
const anyOf = (names: readonly string[]): RegExp =>
  new RegExp(
    `(?<![\\p{L}\\p{N}-])(?:${names.map(escaped).join('|') || '(?!)'})(?![\\p{L}\\p{N}-]|\\.[\\p{L}\\p{N}])`,
    'gu',
  );

/** Judges values against the names of one member. */
class Names {
  readonly #keys: ReadonlySet<string>;
  readonly #identifiers: ReadonlySet<string>;
  readonly #numbers: ReadonlySet<string>;
  readonly #needles: readonly string[];
  readonly #inWords: RegExp;
  readonly #inAddress: RegExp;

  constructor({ keys, identifiers, numbers }: Unnamed) {
    const ids = keys.map((k) => k.slice(k.indexOf('/') + 1));
    this.#keys = new Set([...keys, ...ids.map((id) => URN + id)]);
    this.#identifiers = new Set(identifiers);
    this.#numbers = new Set(numbers);
    this.#needles = [...new Set([...ids, ...numbers, ...identifiers.map((i) => i.slice(i.indexOf('|') + 1))])];
    const telling = [...ids.filter((id) => id.length >= 2 * TELLING), ...numbers.filter((n) => n.length >= TELLING)];
    this.#inWords = anyOf([...keys, ...telling.filter((n) => /\d/.test(n))]);
    this.#inAddress = anyOf(keys);
  }

  /** Could a JSON text name one? Looked at before anything is read. */
  mayBeIn(json: string): boolean {
    return this.#needles.some((n) => json.includes(n)) || json.includes('\\u') || json.includes('\\/');
  }

  /** Is this text nothing but a name, or an address with one? */
  isName(key: string, value: string): boolean {
    if (key === 'preAuthRef' && this.#numbers.has(value)) return true;
    if (key.startsWith('value') && value.length >= TELLING && this.#numbers.has(value)) return true;
    return this.#keys.has(keyOf(value)) || (!/\s/.test(value) && value.search(this.#inAddress) !== -1);
  }

  isIdentifier(identifier: Json | undefined): boolean {
    const key = identifierKey(identifier);
    if (key === undefined) return false;
    const value = key.slice(key.indexOf('|') + 1);
    return (
      this.#identifiers.has(key) || this.isName('', value) || (value.length >= TELLING && this.#numbers.has(value))
    );
  }

  /** A Reference to one, or an Identifier of one. */
  isNamed(key: string, value: Json): boolean {
    if (!isObject(value)) return false;
    const { reference } = value;
    if (typeof reference === 'string' && this.#keys.has(keyOf(reference))) return true;
    const isReference = Object.keys(value).every((k) => OF_REFERENCE.has(k));
    if (isReference && isObject(value['identifier'])) return this.isIdentifier(value['identifier']);
    // `reference` of a related claim is an Identifier
    return (/identifier$/i.test(key) || key === 'reference' || key === 'requisition') && this.isIdentifier(value);
  }

  blanked(words: string): string {
    return words.replace(this.#inWords, BLANKED);
  }
}

/**
 * Takes the names of some authorizations and documents out of records' texts: references, by id or identifier, and other texts that are
 * nothing but a name go out of a list, and with them what held nothing else; elsewhere a masked reference stands for one. Their numbers are
 * blanked in words. All the rest stays as it is written.
 * @returns what takes a resource (JSON), and gives the same text when it names none
 */
export function withoutNames(unnamed: Unnamed): (json: string) => string {
  const names = new Names(unnamed);
  return (json) => {
    if (!names.mayBeIn(json)) return json;
    let found = false;
    const take = <T>(left: T): T => {
      found = true;
      return left;
    };
    /** undefined: nothing is left of it. `key` of the member that holds it, through lists */
    const clean = (value: string, key: string): string | undefined => {
      if (!names.mayBeIn(value)) return value;
      if (value.startsWith('"')) {
        const written = JSON.parse(value) as string;
        if (names.isName(key, written)) return take(undefined);
        const left = WORDS.has(key) ? names.blanked(written) : written;
        return left === written ? value : take(JSON.stringify(left));
      }
      if (value.startsWith('[')) return cleanList(value, key);
      return value.startsWith('{') ? cleanObject(value) : value;
    };
    const cleanList = (value: string, key: string): string | undefined => {
      const parts: string[] = [];
      for (const one of elements(value, 0)) {
        const isGone = one.startsWith('{') && names.mayBeIn(one) && names.isNamed(key, JSON.parse(one) as Json);
        const left = isGone ? take(undefined) : clean(one, key);
        if (left !== undefined) parts.push(left);
      }
      return parts.length === 0 ? undefined : `[${parts.join()}]`;
    };
    const cleanObject = (value: string, isRoot = false): string | undefined => {
      const parts: string[] = [];
      const all = members(value);
      // a number that a claim has itself is its own, no matter who else has it
      const isBenefit = isRoot && (JSON.parse(value) as Resource).resourceType === 'ExplanationOfBenefit';
      let hadValue = false;
      for (const m of all) {
        const one = value.slice(m.valueStart, m.end);
        const isOwn = isRoot && (m.key === 'id' || (isBenefit && m.key === 'identifier'));
        if (isOwn || !names.mayBeIn(one)) {
          parts.push(value.slice(m.start, m.end));
          continue;
        }
        const isMasked = one.startsWith('{') && names.isNamed(m.key, JSON.parse(one) as Json);
        const left = isMasked ? take(MASKED) : clean(one, m.key);
        if (left !== undefined) parts.push(value.slice(m.start, m.valueStart) + left);
        else hadValue ||= m.key.startsWith('value');
      }
      // an extension, an identifier or another pair without its value says nothing
      return parts.length === 0 || (hadValue && !isRoot) ? undefined : `{${parts.join()}}`;
    };
    const cleaned = cleanObject(json, true);
    return found && cleaned !== undefined ? cleaned : json;
  };
}
