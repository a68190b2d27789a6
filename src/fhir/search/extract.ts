// What the index holds of a resource. Pure: hashing and keys of rows are the store's.

import { enteredWords } from '../../names/name-words.ts';
import { searchForm } from '../fold.ts';
import { timeRange } from '../instant.ts';
import { referenceTarget } from '../reference.ts';
import { isObject, type Json, type JsonObject, type Resource, text } from '../resource.ts';
import { addOnce, FEW, type Sameness } from './add-once.ts';
import { placed } from './approximate.ts';
import { areasOf, placeOf } from './boundary.ts';
import { isSited, SITED, sitedForms } from './criterion-place.ts';
import { MAX_WORD } from './draft.ts';
import { type DateEntry, type Entries, emptyEntries, type WordEntry } from './entries.ts';
import { enterPairs } from './full-name.ts';
import { type Logical, type TargetToken, targetsOf } from './logical.ts';
import { PARAMETERS, type Parameter, SEEDS } from './parameters.ts';
import { boundaries, NEAR } from './parameters-further.ts';
import { saidSpecialties } from './said-specialty.ts';
import { sortText } from './sort.ts';
import { addTokenForms, ofTypeForms, tokenTexts } from './token.ts';
import { type DirectoryType, isDirectoryType } from './types.ts';
import { usualSystem } from './usual-system.ts';
import { END_OF_TIME } from './values.ts';
import { contactForms, openingHours, statementForms } from './values-further.ts';

/** Moves when a resource gives other entries than before: the store then reindexes. */
export const EXTRACTION_VERSION = 16;

/**
 * Index entries of a resource.
 * @param base public FHIR base of the directory, without a slash at its end
 */
export function extract(resource: Resource, base: string): Entries {
  const entries = emptyEntries();
  if (!isDirectoryType(resource.resourceType)) return entries;
  for (const parameter of PARAMETERS.get(resource.resourceType)?.values() ?? []) {
    if (parameter.alias !== undefined) continue;
    if (parameter.like === 'specialty') {
      for (const code of saidSpecialties(resource)) addForm(parameter.id, code, entries);
      continue;
    }
    if (parameter.like === 'name') {
      addNames(parameter, resource, entries);
      continue;
    }
    let found = parameter.kind === 'composite' && addStatements(parameter, resource, base, entries);
    for (const path of parameter.kind === 'composite' ? [] : parameter.paths)
      for (const value of path(resource)) {
        add(parameter, value, base, entries);
        found ||= parameter.kind !== 'special' && hasValue(value);
      }
    if (found) entries.params.push(parameter.id);
  }
  addOwn(resource, resource.resourceType, entries);
  return entries;
}

/** What has columns and tables of its own. */
function addOwn(resource: Resource, type: DirectoryType, entries: Entries): void {
  if (type === 'Practitioner') enterPairs(entries.words);
  entries.sort = sortText(type, resource);
  if (type === 'PractitionerRole' && isSited(namedParams(entries)))
    for (const form of sitedForms(entries)) addForm(SITED.seed, form, entries);
  entries.hours = openingHours(resource);
  if (type === 'Location') {
    const own = placeOf(resource);
    // most tables and many directories tell no position: by ZIP code such a place is found from the middle of its own area
    const about = own ? undefined : placeOf(placed(resource));
    entries.place = about ? { ...about, approximate: true } : own;
    entries.areas = boundaries(resource).flatMap(areasOf);
    if (own) entries.params.push(NEAR);
  }
  if (type !== 'VerificationResult' || resource['status'] !== 'validated') return;
  const done = timeRange(text(resource['lastPerformed']) ?? text(resource['statusDate']) ?? '');
  if (done) entries.verified = { lo: done.from.getTime(), hi: endless(done.to.getTime()) };
}

const namedParams = ({ refParams, logical }: Entries): number[] =>
  logical === undefined ? refParams : [...refParams, ...logical.map((l) => l.param)];

function addForm(seed: number, form: string, entries: Entries): void {
  entries.tokens.push(form);
  entries.tokenSeeds.push(seed);
}

/** An element with nothing but extensions has no value: they say why. https://hl7.org/fhir/R4/search.html#missing */
const hasValue = (value: Json): boolean =>
  !isObject(value) || Object.keys(value).some((name) => name !== 'extension' && name !== 'id');

function add(parameter: Parameter, value: Json, base: string, entries: Entries): void {
  if (parameter.kind === 'special') return;
  // a claim of one version is one of the profile as well: https://hl7.org/fhir/R4/references.html#canonical
  if (parameter.canonical && typeof value === 'string' && value.indexOf('|') > 0)
    add(parameter, value.slice(0, value.indexOf('|')), base, entries);
  if (parameter.usual !== undefined && value === usualValue(parameter)) {
    const mark = parameter.id + SEEDS.usual;
    if (!entries.params.includes(mark)) entries.params.push(mark);
  } else if (parameter.kind === 'token') addToken(parameter, value, entries);
  else if (parameter.kind === 'reference') addReference(parameter, value, base, entries);
  else if (parameter.kind === 'date') addPeriod(parameter, value, entries);
  else for (const part of stringParts(parameter, value)) addWord(parameter.id, part, true, entries);
}

/** `true` in the table stands for the boolean. */
const usualValue = (parameter: Parameter): Json | undefined => (parameter.usual === 'true' ? true : parameter.usual);

function addToken(parameter: Parameter, value: Json, entries: Entries): void {
  const before = entries.tokens.length;
  if (parameter.reading === 'telecom') {
    for (const form of contactForms(value)) {
      entries.tokens.push(form);
      markContact(parameter, form, entries);
    }
  } else {
    const usual = usualSystem(parameter.id);
    addTokenForms(value, parameter.plain, entries.tokens, usual);
    const mark = parameter.id + SEEDS.system;
    if (usual !== undefined && !entries.params.includes(mark) && someBegins(entries.tokens, before, `${usual}|`))
      entries.params.push(mark);
  }
  for (let i = before; i < entries.tokens.length; i++) entries.tokenSeeds.push(parameter.id);
  if (parameter.modifiers.includes('ofType') && isObject(value))
    for (const form of ofTypeForms(value)) {
      entries.tokens.push(form);
      entries.tokenSeeds.push(parameter.id + SEEDS.ofType);
    }
  if (parameter.modifiers.includes('text'))
    for (const shown of tokenTexts(value)) addWord(parameter.id + SEEDS.text, shown, false, entries);
}

function someBegins(texts: readonly string[], from: number, start: string): boolean {
  for (let i = from; i < texts.length; i++) if (texts[i]?.startsWith(start)) return true;
  return false;
}

/** `phone` and `email` read the entries of `telecom`, but are missing by themselves. */
function markContact(parameter: Parameter, form: string, entries: Entries): void {
  const code = form.slice(0, form.indexOf('|'));
  const id = code === 'phone' ? parameter.id + 1 : code === 'email' ? parameter.id + 2 : undefined;
  if (id !== undefined && !entries.params.includes(id)) entries.params.push(id);
}

function addStatements(parameter: Parameter, resource: Resource, base: string, entries: Entries): boolean {
  const logical: TargetToken[][] = [];
  const forms = statementForms(resource, (reference) => {
    const targets = targetsOf(['Organization'], reference);
    if (targets.length > 0) return `${LATER}${logical.push(targets) - 1}`;
    return referenceTarget(text(reference['reference']) ?? '#', base);
  });
  for (const form of forms) {
    const at = form.indexOf(LATER);
    const targets = at === -1 ? undefined : logical[Number(form.slice(at + 1))];
    if (targets === undefined) addForm(parameter.id, form, entries);
    else addLogical({ param: parameter.id, before: form.slice(0, at), targets }, entries);
  }
  // a form that is given by an address as well stays when the identifier leads elsewhere
  if (logical.length > 0)
    for (const form of forms)
      if (!form.includes(LATER)) addLogical({ param: parameter.id, before: form, targets: [] }, entries);
  return forms.length > 0;
}

/** Stands for the key of a network that is not known here. */
const LATER = '\u001e';

function addLogical(logical: Logical, entries: Entries): void {
  if (entries.logical === undefined) entries.logical = [logical];
  else entries.logical.push(logical);
}

function addReference(parameter: Parameter, value: Json, base: string, entries: Entries): void {
  if (!isObject(value)) return;
  const written = value['reference'];
  const target = typeof written === 'string' ? referenceTarget(written, base) : undefined;
  if (target !== undefined) {
    entries.refs.push(target);
    entries.refParams.push(parameter.id);
  } else if (hasValue(value)) {
    // what it names has no address: by a display, an identifier or a contained record
    const mark = parameter.id + SEEDS.words;
    if (!entries.params.includes(mark)) entries.params.push(mark);
  }
  const identifier = value['identifier'];
  if (!isObject(identifier)) return;
  const targets = targetsOf(parameter.targets, value);
  if (targets.length > 0) addLogical({ param: parameter.id, targets }, entries);
  const before = entries.tokens.length;
  addTokenForms(identifier, false, entries.tokens);
  for (let i = before; i < entries.tokens.length; i++) entries.tokenSeeds.push(parameter.id + SEEDS.identifier);
}

function addWord(param: number, text: string, keepRaw: boolean, entries: Entries): void {
  const cut = text.length > MAX_WORD ? text.slice(0, MAX_WORD) : text;
  const folded = searchForm(cut);
  if (folded === '') return;
  const raw = keepRaw && cut !== folded ? cut : undefined;
  addOnce(entries.words, { param, folded, raw }, SAME_WORD);
}

const SAME_WORD: Sameness<WordEntry> = {
  same: (a, b) => a.param === b.param && a.folded === b.folded && a.raw === b.raw,
  key: ({ param, folded, raw }) => JSON.stringify([param, folded, raw]),
};
const SAME_DATE: Sameness<DateEntry> = {
  same: (a, b) => a.param === b.param && a.lo === b.lo && a.hi === b.hi,
  key: ({ param, lo, hi }) => `${param} ${lo} ${hi}`,
};

/** The parts that no parameter of their own holds; a search by `name` or `address` reads those too. */
const HUMAN_NAME = ['prefix', 'suffix', 'text'];
const ADDRESS = ['text', 'line', 'district'];

/** The strings of a value: itself, or each part of a HumanName or Address. */
function stringParts(parameter: Parameter, value: Json): string[] {
  if (typeof value === 'string') return [value];
  if (!isObject(value) || parameter.parts === undefined) return [];
  const found: string[] = [];
  for (const part of parameter.parts === 'HumanName' ? HUMAN_NAME : ADDRESS) {
    const held = value[part];
    if (typeof held === 'string') found.push(held);
    else if (Array.isArray(held)) for (const one of held) if (typeof one === 'string') found.push(one);
  }
  return found;
}

/** A name, or the parts of one. The whole as text repeats its parts: only words that they lack are entered. */
type NamePart = { value: string; repeats: boolean };

function nameParts(value: Json): NamePart[] {
  if (typeof value === 'string') return [{ value, repeats: false }];
  if (!isObject(value)) return [];
  const { family, given, text: whole } = value;
  const parts = [family, ...(Array.isArray(given) ? given : [])].filter((part) => typeof part === 'string');
  return [
    ...parts.map((part) => ({ value: part, repeats: false })),
    ...(typeof whole === 'string' ? [{ value: whole, repeats: true }] : []),
  ];
}

/**
 * Words of all names of a resource. A word with which a value of the strict parameters begins is found there; other words, and
 * neighbours written as one in short names, have tokens.
 */
function addNames(parameter: Parameter, resource: Resource, entries: Entries): void {
  const begins = beginnings(parameter, entries);
  const known = new Set(entries.nameWords);
  const enter = (word: string, covered: boolean) => {
    if (!known.has(word)) entries.nameWords.push(word);
    known.add(word);
    if (covered) return;
    entries.tokens.push(word);
    entries.tokenSeeds.push(parameter.id);
  };
  for (const path of parameter.paths)
    for (const found of path(resource))
      for (const { value, repeats } of nameParts(found)) {
        const words = enteredWords(value.slice(0, MAX_WORD));
        for (const word of words) enter(word, begins(word));
        if (repeats || words.length < 2 || words.length > MAX_JOINED) continue;
        for (let i = 0; i + 1 < words.length; i++) enter(`${words[i]}${words[i + 1]}`, false);
      }
}

/** Does any value of the strict parameters begin with a word? They are read before. */
function beginnings(parameter: Parameter, entries: Entries): (word: string) => boolean {
  const read = parameter.alsoReads.map((c) => PARAMETERS.get(parameter.type)?.get(c)?.id);
  const values = entries.words.filter((w) => read.includes(w.param)).map((w) => w.folded);
  if (values.length < FEW) return (word) => values.some((v) => v === word || v.startsWith(`${word} `));
  const all = new Set(values);
  for (const value of values)
    for (let end = value.indexOf(' '); end !== -1; end = value.indexOf(' ', end + 1)) all.add(value.slice(0, end));
  return (word) => all.has(word);
}

/** Longest names, in words, whose neighbours are entered as one. */
const MAX_JOINED = 3;

const endless = (millis: number): number => (millis >= END_OF_TIME ? Number.POSITIVE_INFINITY : millis);

function addPeriod(parameter: Parameter, value: Json, entries: Entries): void {
  const period: JsonObject = typeof value === 'string' ? { start: value, end: value } : isObject(value) ? value : {};
  const start = typeof period['start'] === 'string' ? timeRange(period['start']) : undefined;
  const end = typeof period['end'] === 'string' ? timeRange(period['end']) : undefined;
  if (!start && !end) return;
  const lo = start?.from.getTime() ?? Number.NEGATIVE_INFINITY;
  const hi = endless(end?.to.getTime() ?? Number.POSITIVE_INFINITY);
  addOnce(entries.dates, { param: parameter.id, lo, hi }, SAME_DATE);
}
