// A list of codes that a plan supplies: by system, whole codes and beginnings of codes. Pure.
import { systemKnownAs } from './code-systems.ts';
import { isObject, type Json, objects, strings, text } from './resource.ts';

export type CodeList = { name: string; holds: (system: string, code: string) => boolean };

/** Why a list cannot be used, in words that follow its name. */
export class CodeListFault extends Error {}

/**
 * `{"name": "…", "codes": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": ["Z21"], "prefix": ["F10"]}]}`. Points in codes count
 * for nothing, in the list and in records: `F10.2` is `F102`. A system may be written under any of its names, as its OID.
 * @throws CodeListFault
 */
export function readCodeList(json: string): CodeList {
  let value: Json;
  try {
    value = JSON.parse(json) as Json;
  } catch {
    throw new CodeListFault('is no JSON');
  }
  if (!isObject(value)) throw new CodeListFault('must be an object with name and codes');
  const name = text(value['name']);
  if (name === undefined || name.trim() === '' || name.length > 100)
    throw new CodeListFault('needs a name of at most 100 letters');
  const { codes } = value;
  if (!Array.isArray(codes) || codes.length === 0) throw new CodeListFault('needs codes, a list of systems');
  const systems = new Map<string, { whole: Set<string>; begins: Set<string>; lengths: number[] }>();
  for (const [i, entry] of codes.entries()) {
    const at = `codes[${i}]`;
    const system = isObject(entry) ? text(entry['system']) : undefined;
    if (!isObject(entry) || system === undefined || system === '') throw new CodeListFault(`has no system in ${at}`);
    const list = (member: string) => {
      const given = entry[member];
      const read = strings(given).map(plain);
      const wanted = given === undefined ? 0 : Array.isArray(given) ? given.length : 1;
      if (read.length < wanted || read.some((c) => c === '')) throw new CodeListFault(`has no text in ${at}.${member}`);
      return read;
    };
    const [whole, begins] = [list('code'), list('prefix')];
    if (whole.length + begins.length === 0) throw new CodeListFault(`has neither code nor prefix in ${at}`);
    const known = systems.get(systemKnownAs(system)) ?? { whole: new Set(), begins: new Set(), lengths: [] };
    for (const c of whole) known.whole.add(c);
    for (const c of begins) known.begins.add(c);
    known.lengths = [...new Set([...known.begins].map((c) => c.length))];
    systems.set(systemKnownAs(system), known);
  }
  return {
    name: name.trim(),
    holds(system, code) {
      const of = systems.get(systemKnownAs(system));
      if (of === undefined) return false;
      const written = plain(code);
      return of.whole.has(written) || of.lengths.some((n) => of.begins.has(written.slice(0, n)));
    },
  };
}

const plain = (code: string): string => code.replaceAll('.', '').trim().toUpperCase();

/** All codings in a record, wherever they stand, but for what is about it and not in it: its own labels and tags. */
export function someCoding(record: Json | undefined, test: (system: string, code: string) => boolean): boolean {
  if (Array.isArray(record)) return record.some((v) => someCoding(v, test));
  if (!isObject(record)) return false;
  for (const [name, value] of Object.entries(record)) {
    if (name === 'meta') continue;
    const found =
      name === 'coding' || name.endsWith('Coding') || name === 'class'
        ? objects(value).some((c) => test(text(c['system']) ?? '', text(c['code']) ?? ''))
        : false;
    if (found || someCoding(value, test)) return true;
  }
  return false;
}
