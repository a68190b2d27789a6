// One filter of a search: a parameter with its modifier and values, as data that the store turns into a condition.
import { searchForm } from '../fold.ts';
import { Outcome } from '../outcome.ts';
import type { Criterion, CriterionOptions, Word } from './criterion.ts';
import { anyNpi, readFurther } from './criterion-further.ts';
import { readNameLike, readSpecialtyLike } from './criterion-like.ts';
import { nothing, readOfAll } from './criterion-of-all.ts';
import { atPlace } from './criterion-place.ts';
import { referenceKeys, tokenValue, unknownModifier, word } from './criterion-values.ts';
import { MAX_WORD } from './draft.ts';
import { indexed, type Modifier, type Parameter, parameter, SEEDS } from './parameters.ts';
import { reachedBack, reachedForward } from './reached.ts';
import { ofTypeForm } from './token.ts';
import { type DirectoryType, isDirectoryType } from './types.ts';
import { usualSystem } from './usual-system.ts';
import { checkText, dateTest, invalid, split, trueOrFalse, unescaped } from './values.ts';

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
  checkText(name, value);
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

/** The criterion of a parameter with its modifier. */
function readFor(p: Parameter, modifier: string | undefined, values: string[], options: CriterionOptions): Criterion {
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

function ofTypeValue(p: Parameter, value: string): string {
  const [system, code, held, ...more] = split(value, '|').map(unescaped);
  if (system === undefined || !code || !held || more.length > 0)
    throw invalid(p.code, 'is not type-system|type-code|value');
  return ofTypeForm(system, code, held);
}

/** What is shown to people is kept folded only: accents do not count there, no matter who writes them. */
const shownWord = (value: string): Word => ({
  folded: searchForm(unescaped(value).slice(0, MAX_WORD)),
  raw: undefined,
});
