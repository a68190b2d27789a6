// Codes that decide what leaves and stand in no guide: which are sensitive (SENSITIVE_CODES; without it a demonstration), and further drugs
// and payer-made documents that a plan keeps back beside those of the program (EXCLUDED_CODES). Read once when the program starts, and not
// passed around like other settings, because their number stands in statements and every thread must have the same.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type CodeList, CodeListFault, readCodeList } from './fhir/code-list.ts';
import { isObject, type Json } from './fhir/resource.ts';

export type ValueSets = {
  /** kept with each record that was decided by it, 1 to 32 767 */
  number: number;
  version: string;
  /** undefined: the demonstration */
  list: CodeList | undefined;
  /** what the plan adds */
  drugs: CodeList | undefined;
  documents: CodeList | undefined;
  /** why what was given cannot be used; the program does not start with it */
  fault: string | undefined;
};

/** Rises whenever the program decides otherwise by the same list. */
export const PROGRAM = 25;

const EXCLUDED = ['drugs', 'documents'] as const;

/** A file, or the list itself, which begins with a brace (Workers have no files); undefined when nothing is given. */
function textOf(given: string | undefined): string | undefined {
  if (given === undefined || given.trim() === '') return undefined;
  return given.trimStart().startsWith('{') ? given : readFileSync(given, 'utf8');
}

/** `{"name": "…", "drugs": [{"system": …, "code": […], "prefix": […]}], "documents": […]}`, either of the two or both. */
function readExcluded(json: string): { name: string; drugs: CodeList | undefined; documents: CodeList | undefined } {
  let value: Json;
  try {
    value = JSON.parse(json) as Json;
  } catch {
    throw new CodeListFault('is no JSON');
  }
  if (!isObject(value) || EXCLUDED.every((member) => value[member] === undefined))
    throw new CodeListFault('must be an object with name and drugs or documents');
  const { name = null } = value;
  const list = (member: (typeof EXCLUDED)[number]): CodeList | undefined => {
    const codes = value[member];
    return codes === undefined ? undefined : readCodeList(JSON.stringify({ name, codes }));
  };
  const [drugs, documents] = [list('drugs'), list('documents')];
  return { name: (drugs ?? documents)?.name ?? '', drugs, documents };
}

/**
 * @param given name of a file, or the list itself, of sensitive codes
 * @param excluded the same of drugs and documents
 */
export function valueSets(given: string | undefined, excluded?: string): ValueSets {
  const sets: ValueSets = {
    number: PROGRAM,
    version: `demonstration-${PROGRAM}`,
    list: undefined,
    drugs: undefined,
    documents: undefined,
    fault: undefined,
  };
  const names: string[] = [];
  const read = <T extends { name: string }>(setting: string, from: string | undefined, by: (json: string) => T) => {
    try {
      const json = textOf(from);
      if (json === undefined) return undefined;
      const found = by(json);
      names.push(found.name);
      return { json, found };
    } catch (error) {
      sets.fault ??= `${setting} ${error instanceof CodeListFault ? error.message : 'cannot be read'}.`;
      return undefined;
    }
  };
  const sensitive = read('SENSITIVE_CODES', given, readCodeList);
  const kept = read('EXCLUDED_CODES', excluded, readExcluded);
  if (sets.fault !== undefined || names.length === 0) return sets;
  // another list is another number, whether or not someone thought of it
  const all = [String(PROGRAM), sensitive?.json ?? '', ...(kept ? [kept.json] : [])].join('\n');
  const number = 1000 + (createHash('sha256').update(all).digest().readUInt32BE() % 31_000);
  return {
    ...sets,
    number,
    version: `${names.join(', ')} (${number})`,
    list: sensitive?.found,
    drugs: kept?.found.drugs,
    documents: kept?.found.documents,
  };
}

const { env } = globalThis.process ?? {};
export const VALUE_SETS = valueSets(env?.['SENSITIVE_CODES'], env?.['EXCLUDED_CODES']);
