// Which codes are sensitive: a demonstration, unless the plan names its own list (SENSITIVE_CODES). It is read once when the program
// starts, and not passed around like other settings, because its number stands in statements and every thread must have the same.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type CodeList, CodeListFault, readCodeList } from '../../src/fhir/code-list.ts';

export type ValueSets = {
  /** kept with each record that was decided by it, 1 to 32 767 */
  number: number;
  version: string;
  /** undefined: the demonstration */
  list: CodeList | undefined;
  /** why what was given cannot be used; the program does not start with it */
  fault: string | undefined;
};

/** Rises whenever the program decides otherwise by the same list. */
export const PROGRAM = 2;

/** @param given name of a file, or the list itself, which begins with a brace (Workers have no files) */
export function valueSets(given: string | undefined): ValueSets {
  const demonstration = { number: PROGRAM, version: `demonstration-${PROGRAM}`, list: undefined, fault: undefined };
  if (given === undefined || given.trim() === '') return demonstration;
  try {
    const json = given.trimStart().startsWith('{') ? given : readFileSync(given, 'utf8');
    const list = readCodeList(json);
    // another list is another number, whether or not somebody thought of it
    const hash = createHash('sha256').update(`${PROGRAM}\n${json}`).digest();
    const number = 1000 + (hash.readUInt32BE() % 31_000);
    return { number, version: `${list.name} (${number})`, list, fault: undefined };
  } catch (error) {
    const why = error instanceof CodeListFault ? error.message : 'cannot be read';
    return { ...demonstration, fault: `SENSITIVE_CODES ${why}.` };
  }
}

export const VALUE_SETS = valueSets(globalThis.process?.env?.['SENSITIVE_CODES']);
