// Numbers in JSON text that a double does not hold. FHIR wants decimals kept as they are written
// (https://hl7.org/fhir/R4/datatypes.html#decimal); what JSON.parse makes of them has 15 to 17 digits.

import { skipString } from './json-text.ts';

const NUMERAL = /-?\d[\d.]*(?:[eE][+-]?\d+)?/g;
const PARTS = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;
/** Digits that a double keeps, and powers of ten that are written short. */
const MAY_SAY_MORE = /[\d.]{16}|[eE]/;
const MOST_DIGITS = 64;

/** All numbers of a minified text that may be more than a double holds. Its strings may be as long as documents are: no expression goes over them. */
export function longNumerals(json: string): string[] {
  const found: string[] = [];
  for (let at = 0; at < json.length; ) {
    const quote = json.indexOf('"', at);
    const end = quote === -1 ? json.length : quote;
    // between most strings there is a colon or a comma
    if (end - at > 2) for (const n of json.slice(at, end).match(NUMERAL) ?? []) if (MAY_SAY_MORE.test(n)) found.push(n);
    at = quote === -1 ? end : skipString(json, quote);
  }
  return found;
}

/** Digits without leading and trailing zeros, and the power of ten that they begin with: the same for the same value. */
function byValue(numeral: string): string {
  const [, sign = '', whole = '', part = '', power = '0'] = PARTS.exec(numeral) ?? [];
  const digits = (whole + part).replace(/^0+/, '');
  const kept = digits.replace(/0+$/, '');
  return kept === '' ? '0' : `${sign}${kept}e${digits.length - part.length + Number(power)}`;
}

/**
 * Those of some numbers that are more than a double of them says, by value, in order; empty for most. Two records that differ in these alone
 * are the same to all parsers.
 */
export function exactNumerals(numerals: readonly string[]): string {
  if (numerals.length === 0) return '';
  return numerals
    .filter((n) => String(Number(n)) !== n)
    .map((n) => [byValue(n), byValue(String(Number(n)))] as const)
    .flatMap(([said, held]) => (said === held ? [] : said))
    .sort()
    .join();
}

/**
 * Has one more than 64 digits, or a power of ten of more than three? None that anything measures has, and the database takes no more than
 * some: where the text is read as jsonb it would be a fault for ever.
 */
export const areVast = (numerals: readonly string[]): boolean =>
  numerals.some((n) => {
    const at = n.search(/[eE]/);
    return (
      (at === -1 ? n.length : at) > MOST_DIGITS + 2 || (at !== -1 && n.replace(/^[^eE]*[eE][+-]?0*/, '').length > 3)
    );
  });
