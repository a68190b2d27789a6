// What a part of a record says, however its payer writes it: members come in any order, displays are anybody's words, and a code or a unit stands in
// several spellings. Pure.
import { codings, isObject, type Json, type JsonObject, text } from '../../src/fhir/resource.ts';
import { codesOf, digest, inWords } from './codes.ts';
import { unitOf } from './quantities.ts';

/** Members that say nothing of what is meant. */
const BESIDE: ReadonlySet<string> = new Set(['id', 'display', 'userSelected', 'version']);

/** What a dose is told in, by unit in small letters and with `u` for micro: in milligrams or millilitres. */
const IN_COMMON: ReadonlyMap<string, readonly [unit: string, factor: number]> = new Map([
  ['g', ['mg', 1000]],
  ['ug', ['mg', 0.001]],
  ['mcg', ['mg', 0.001]],
  ['ng', ['mg', 1e-6]],
  ['l', ['ml', 1000]],
  ['ul', ['ml', 0.001]],
] as const);

/** A quantity, https://hl7.org/fhir/R4/datatypes.html#Quantity: half a gram is 500 mg. */
function amount(value: number, q: JsonObject): Json {
  const unit = unitOf(q).toLowerCase().replace(/[µμ]/g, 'u');
  const [common, factor] = IN_COMMON.get(unit) ?? [unit, 1];
  return [factor === 1 ? value : Number((value * factor).toPrecision(12)), text(q['comparator']) ?? null, common];
}

/** A concept or a coding: by its codes, else by its words, else by what its codings say without a system. */
function concept(value: JsonObject): Json {
  const given = 'coding' in value ? value : { coding: [value] };
  const codes = codesOf(given).sort();
  if (codes.length > 0) return codes;
  return (
    inWords(text(value['text'])) ??
    codings(given)
      .map((c) => inWords(text(c['code']) ?? text(c['display'])) ?? '')
      .sort()
  );
}

/** @param passOver further members that say nothing here */
function said(value: Json | undefined, passOver: ReadonlySet<string>): Json {
  if (Array.isArray(value)) return value.map((v) => said(v, passOver));
  if (!isObject(value)) return value ?? null;
  if ('coding' in value || ('system' in value && 'code' in value && !('value' in value))) return concept(value);
  if (typeof value['value'] === 'number') return amount(value['value'], value);
  const told = Object.entries(value).filter(([key, v]) => !BESIDE.has(key) && !passOver.has(key) && v !== undefined);
  // somebody who is named in words alone
  if (told.length === 0) return inWords(text(value['display']));
  return told
    .sort(([x], [y]) => (x < y ? -1 : 1))
    .map(([key, v]) => [key, key === 'text' && typeof v === 'string' ? inWords(v) : said(v, passOver)]);
}

const NOTHING: ReadonlySet<string> = new Set();

/** One text for all that say the same. */
export const alike = (value: Json | undefined, passOver: ReadonlySet<string> = NOTHING): string =>
  digest(said(value, passOver));
