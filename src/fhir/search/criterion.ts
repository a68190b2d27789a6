// One filter of a search: a parameter with its modifier and values, as data that the store turns into a condition.
import type { NameQuery } from '../../names/name-words.ts';
import { foldCase, hasAccents, searchForm } from '../fold.ts';
import { isValidNpi, NPI_SYSTEM } from '../npi.ts';
import { Outcome } from '../outcome.ts';
import { ID_PATTERN } from '../resource.ts';
import { anyNpi, type FurtherCriterion, readFurther } from './criterion-further.ts';
import { readNameLike, readSpecialtyLike } from './criterion-like.ts';
import { nothing, readOfAll } from './criterion-of-all.ts';
import { atPlace } from './criterion-place.ts';
import { MAX_WORD } from './draft.ts';
import { referenceTarget } from './extract.ts';
import { indexed, type Modifier, type Parameter, parameter, SEEDS } from './parameters.ts';
import { reachedBack, reachedForward } from './reached.ts';
import { ofTypeForm, tokenForm } from './token.ts';
import { type DirectoryType, isDirectoryType } from './types.ts';
import { usualSystem } from './usual-system.ts';
import { checkText, type DateTest, dateTest, invalid, split, trueOrFalse, unescaped } from './values.ts';

export type Word = {
  folded: string;
  /** what the value as stored must begin with, or equal, or hold: for queries with accents and for :exact */
  raw: string | undefined;
};

/** Values are alternatives. `seed` is the number their hashes are made with. */
export type Criterion =
  /** `scarce`: few directories have any row of it; the store looks before a search whether this one does */
  | ({ kind: 'token'; seed: number; forms: string[]; negated: boolean; scarce?: true } & Together)
  | ({ kind: 'reference'; seed: number; keys: string[] } & Together)
  | StringCriterion
  | { kind: 'date'; param: number; tests: DateTest[] }
  | { kind: 'id'; keys: string[] }
  | { kind: 'last-updated'; tests: DateTest[] }
  | ({ kind: 'missing'; param: number; missing: boolean } & Few)
  | LikeCriterion
  /** `many`: so many rows meet it that a search does better to begin elsewhere; the store says so */
  | { kind: 'chain'; seed: number; target: DirectoryType; of: Criterion; many?: true }
  | { kind: 'reverse-chain'; param: number; source: DirectoryType; of: Criterion; many?: true }
  | FurtherCriterion;

/**
 * `together`: its rows are read along with those of another criterion, not looked up one by one; `listed`: they are looked for among a
 * list of those of another; `whole`: of several tokens, its rows are read once as a set; `met`: they are joined with those of a word;
 * the store says so
 */
export type Together = { together?: true; listed?: true; whole?: true; met?: true };

export type StringCriterion = {
  kind: 'string';
  params: number[];
  match: 'starts' | 'exact' | 'contains';
  words: Word[];
  /** the frequent ones of the words that begin so, when they are to be read in order of their rows; the store says so */
  frequent?: { param: number; folded: string }[];
} & Together;

/** `few`: few rows meet it, by what they have and lack; the store says so */
export type Few = { few?: true };

/** A name that may be misspelt. The store finds the words of its vocabulary that are meant. */
export type LikeCriterion = NameQuery & {
  kind: 'like';
  /** number of the tokens of further words */
  seed: number;
  /** parameters whose values begin with the word */
  params: number[];
  /** the parameter of family names, when people are searched */
  family: number | undefined;
  /** the parameter of given names, and the place of the first one in the keys by which people are sorted */
  given: number | undefined;
  givenPlace: number;
  /** words of the vocabulary that answer; undefined until the store has looked */
  found: LikeWord[] | undefined;
};
/** A word of the vocabulary that answers the word of the query at this place, how well from 0 to 1. */
export type LikeWord = { word: string; at: number; weight: number };

export type CriterionOptions = {
  base: string;
  now: Date;
  /** days after which a verification no longer counts, by default 90 */
  staleDays?: number;
};

const MAX_VALUES = 200;

/**
 * Reads one parameter of a query.
 * @returns undefined when the type has no such parameter
 * @throws Outcome invalid-parameter
 */
export function readCriterion(
  type: DirectoryType,
  name: string,
  value: string,
  options: CriterionOptions,
  hops = 0,
): Criterion | undefined {
  checkText('a parameter', value);
  if (name.startsWith('_has:')) return readReverseChain(type, name, value, options, hops);
  if (name.includes('.')) return readChain(type, name, value, options, hops);
  const colon = name.indexOf(':');
  const code = colon === -1 ? name : name.slice(0, colon);
  const modifier = colon === -1 ? undefined : name.slice(colon + 1);
  const values = split(value, ',').filter((v) => v !== '');
  if (values.length > MAX_VALUES) throw invalid(code, `has more than ${MAX_VALUES} alternatives`);
  if (values.length === 0) throw invalid(code, 'is empty');
  if (code === '_id' || code === '_lastUpdated') {
    return readOfAll(type, code, modifier, values, options);
  }
  const found = parameter(type, code);
  return found === undefined ? undefined : readFor(found, modifier, values, options);
}

const MAX_HOPS = 2;

function checkHops(hops: number): void {
  if (hops >= MAX_HOPS) throw new Outcome('invalid-parameter', `A chain has at most ${MAX_HOPS} hops here.`);
}

/** `location.address-city`, `location:Location.name`, https://hl7.org/fhir/R4/search.html#chaining */
function readChain(
  type: DirectoryType,
  name: string,
  value: string,
  options: CriterionOptions,
  hops: number,
): Criterion | undefined {
  checkHops(hops);
  const dot = name.indexOf('.');
  const [code = '', wanted] = name.slice(0, dot).split(':');
  const p = parameter(type, code);
  const target = p?.targets.find((t) => wanted === undefined || t === wanted);
  if ((p?.kind !== 'reference' && p?.reading !== 'place') || target === undefined) return undefined;
  const of = readCriterion(target, name.slice(dot + 1), value, options, hops + 1);
  if (p.reading === 'place') return of && atPlace(of);
  return of === undefined ? undefined : (reachedForward(p.id, of) ?? { kind: 'chain', seed: p.id, target, of });
}

/** `_has:PractitionerRole:practitioner:network`, https://hl7.org/fhir/R4/search.html#has */
function readReverseChain(
  type: DirectoryType,
  name: string,
  value: string,
  options: CriterionOptions,
  hops: number,
): Criterion | undefined {
  checkHops(hops);
  const [, source = '', code = '', ...rest] = name.split(':');
  if (!isDirectoryType(source) || rest.length === 0) return undefined;
  const p = parameter(source, code);
  if (p?.kind !== 'reference' || !p.targets.includes(type)) return undefined;
  const of = readCriterion(source, rest.join(':'), value, options, hops + 1);
  return of === undefined ? undefined : (reachedBack(p.id, of) ?? { kind: 'reverse-chain', param: p.id, source, of });
}

export const unknownModifier = (code: string) =>
  new Outcome('invalid-parameter', `"${code}" does not have this modifier here.`);

/** The criterion of a parameter with its modifier. */
export function readFor(
  p: Parameter,
  modifier: string | undefined,
  values: string[],
  options: CriterionOptions,
): Criterion {
  const known = knownModifier(p, modifier);
  if (p.like === 'name') return readNameLike(p, values);
  if (p.like === 'specialty') return readSpecialtyLike(p, values);
  const entries = indexed(p);
  if (known === 'missing') {
    const missing = trueOrFalse(p.code, values);
    // each record has one, stated or derived
    if (p.reading === 'verification-status') return missing ? nothing : { kind: 'none', of: nothing };
    if (p.reading === 'last-verified') return { kind: 'last-verified', tests: undefined, missing };
    if (p.code === 'npi') return missing ? { kind: 'none', of: anyNpi(p) } : anyNpi(p);
    // phone and email share entries, but each is missing by itself
    return { kind: 'missing', param: p.alias === 'telecom' ? p.id : entries.id, missing };
  }
  const further = readFurther(p, known, values, options);
  if (further !== undefined) return further;
  if (known === 'text')
    return {
      kind: 'string',
      params: [entries.id + SEEDS.text],
      match: 'starts',
      words: values.map(shownWord),
    };
  if (p.kind === 'date')
    return { kind: 'date', param: entries.id, tests: values.map((v) => dateTest(p.code, v, options.now)) };
  if (p.kind === 'string') {
    const match = known === 'exact' || known === 'contains' ? known : 'starts';
    const params = [entries.id, ...p.alsoReads.flatMap((c) => parameter(p.type, c)?.id ?? [])];
    return { kind: 'string', params, match, words: values.map((v) => word(v, match === 'exact')) };
  }
  if (p.kind === 'reference') {
    if (known === 'identifier')
      return {
        kind: 'token',
        seed: entries.id + SEEDS.identifier,
        forms: values.map((v) => tokenValue(p, v)),
        negated: false,
      };
    const wanted = modifier !== undefined && isDirectoryType(modifier) ? modifier : undefined;
    return {
      kind: 'reference',
      seed: entries.id,
      keys: values.flatMap((v) => referenceKeys(p, unescaped(v), wanted, options.base)),
    };
  }
  if (known === 'ofType')
    return {
      kind: 'token',
      seed: entries.id + SEEDS.ofType,
      forms: values.map((v) => ofTypeValue(p, v)),
      negated: false,
    };
  return tokenCriterion(
    entries.id,
    values.map((v) => tokenValue(p, v)),
    known === 'not',
  );
}

/** The usual system of a parameter, asked for alone, is a mark in the row of the resource. */
function tokenCriterion(seed: number, forms: string[], negated: boolean): Criterion {
  const system = usualSystem(seed);
  const others = forms.filter((form) => form !== `${system}|`);
  const token: Criterion = { kind: 'token', seed, forms: others, negated: false };
  if (system === undefined || others.length === forms.length) return { ...token, negated };
  const mark: Criterion = { kind: 'mark', param: seed + SEEDS.system };
  const found: Criterion = others.length === 0 ? mark : { kind: 'any', of: [mark, token] };
  return negated ? { kind: 'none', of: found } : found;
}

function knownModifier(p: Parameter, modifier: string | undefined): Modifier | undefined {
  if (modifier === undefined) return undefined;
  if (p.kind === 'reference' && isDirectoryType(modifier)) {
    if (p.targets.includes(modifier)) return 'type';
    throw unknownModifier(p.code);
  }
  const wanted = modifier === 'of-type' ? 'ofType' : modifier;
  const found = p.modifiers.find((m) => m === wanted && m !== 'type');
  if (found === undefined) throw unknownModifier(p.code);
  return found;
}

export function referenceKeys(p: Parameter, text: string, wanted: DirectoryType | undefined, base: string): string[] {
  const types = wanted === undefined ? p.targets : [wanted];
  if (ID_PATTERN.test(text)) return types.map((t) => `${t}/${text}`);
  const key = referenceTarget(text, base);
  if (key === undefined || !/\/|^urn:/.test(key)) throw invalid(p.code, 'is not a reference');
  return wanted !== undefined && !key.startsWith(`${wanted}/`) ? [] : [key];
}

/** The form of `code`, `system|code`, `system|` or `|code`. */
export function tokenValue(p: Parameter, value: string): string {
  const parts = split(value, '|').map(unescaped);
  if (parts.length > 2) throw invalid(p.code, 'is not a token');
  const [first = '', second] = parts;
  if (p.alias === 'npi') return npiForm(p, second ?? first);
  if (second === undefined) return tokenForm(undefined, first);
  if (p.plain) return tokenForm(undefined, second); // codes and booleans are stored without their implied system
  if (first === '' && second === '') throw invalid(p.code, 'is not a token');
  return tokenForm(first, second);
}

function npiForm(p: Parameter, npi: string): string {
  if (!isValidNpi(npi)) throw invalid(p.code, 'is not an NPI: ten digits of which the last is a check digit');
  return tokenForm(NPI_SYSTEM, npi);
}

function ofTypeValue(p: Parameter, value: string): string {
  const [system, code, held, ...more] = split(value, '|').map(unescaped);
  if (system === undefined || !code || !held || more.length > 0)
    throw invalid(p.code, 'is not type-system|type-code|value');
  return ofTypeForm(system, code, held);
}

/** What is shown to people is kept folded only: accents do not count there, whoever writes them. */
const shownWord = (value: string): Word => ({
  folded: searchForm(unescaped(value).slice(0, MAX_WORD)),
  raw: undefined,
});

export function word(value: string, exact: boolean): Word {
  const text = unescaped(value).slice(0, MAX_WORD);
  return { folded: searchForm(text), raw: exact ? text : hasAccents(text) ? foldCase(text) : undefined };
}
