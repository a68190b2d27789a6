// Whether two claims of one number may be one by their types. Pure.
import { isOtherSubType } from '../claim-numbers.ts';
import { overlap } from '../codes.ts';
import type { ClaimFacts } from './facts.ts';

type Typed = { type: ClaimFacts['type']; subType?: string | undefined };

/** https://terminology.hl7.org/CodeSystem-claim-type.html */
const STANDARD: ReadonlySet<string> = new Set(['institutional', 'oral', 'pharmacy', 'professional', 'vision']);
const codesOf = (f: Typed): string[] => (f.type === '' ? [] : f.type.split('+'));
const standardOf = (f: Typed): string[] => codesOf(f).filter((c) => STANDARD.has(c));

/**
 * Some write codes of their own beside the type, and who passes a claim on may leave them out: where both say a type that everybody has it tells, else any code that both
 * have.
 */
function haveOneType(a: Typed, b: Typed): boolean {
  if (a.type === b.type) return true;
  const [x, y] = [standardOf(a), standardOf(b)];
  return x.length > 0 && y.length > 0 ? overlap(x, y) : overlap(codesOf(a), codesOf(b));
}

/** Claims of one number that are of other types are others (reconciliation.md, 9); so are inpatient and outpatient ones. */
export const isOfType = (a: Typed, b: Typed): boolean => haveOneType(a, b) && !isOtherSubType(a.subType, b.subType);

/** The codes of both, as facts have them. */
export const bothTypes = (a: Typed, b: Typed): string => [...new Set([...codesOf(a), ...codesOf(b)])].sort().join('+');

export const typeOf = (f: Typed): string => (f.subType === undefined ? f.type : `${f.type} ${f.subType}`);
