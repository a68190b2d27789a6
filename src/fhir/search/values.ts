// Values of search parameters as clients write them. https://hl7.org/fhir/R4/search.html#escaping, #prefix
import { timeRange } from '../instant.ts';
import { Outcome } from '../outcome.ts';

/** Splits at an unescaped separator and leaves escapes in place. */
export function split(text: string, separator: ',' | '|' | '$'): string[] {
  if (!text.includes('\\')) return text.split(separator);
  const parts: string[] = [];
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === separator) {
      parts.push(text.slice(from, i));
      from = i + 1;
    }
  }
  parts.push(text.slice(from));
  return parts;
}

/** `\,` `\|` `\$` `\\` as the characters they stand for. */
export function unescaped(text: string): string {
  return text.includes('\\') ? text.replace(/\\([,|$\\])/g, '$1') : text;
}

/**
 * A token as clients write it: `code`, `system|code`, `system|` or `|code`. Only a bar that is not escaped parts them; a further one belongs
 * to the code.
 * @returns `system` undefined where any will do
 */
export function readToken(text: string): { system: string | undefined; code: string } {
  const [first = '', ...rest] = split(text, '|');
  return rest.length === 0
    ? { system: undefined, code: unescaped(first) }
    : { system: unescaped(first), code: unescaped(rest.join('|')) };
}

const NOT_TEXT = ['\u0000', '\ufffd'];

/** A name that a client sent is repeated only when it looks like one. */
export const isName = (name: string): boolean => /^[\w.:-]{1,64}$/.test(name);

/** Text that PostgreSQL can hold and that is text at all. @param name of its parameter, as it was sent */
export function checkText(name: string, text: string): string {
  // what is no UTF-8 has become U+FFFD when the address was read
  if (NOT_TEXT.some((c) => text.includes(c)) || !text.isWellFormed())
    throw new Outcome(
      'invalid-parameter',
      `The value of ${isName(name) ? `"${name}"` : 'a parameter'} holds characters that are not text.`,
    );
  return text;
}

export function invalid(code: string, why: string): Outcome {
  return new Outcome('invalid-parameter', `The value of "${code}" ${why}.`);
}

export const PREFIXES = ['eq', 'ne', 'gt', 'ge', 'lt', 'le', 'sa', 'eb', 'ap'] as const;
type Prefix = (typeof PREFIXES)[number];

/** Half-open range [from, to) in milliseconds since 1970; `ap` is already widened. */
export type DateTest = { prefix: Prefix; from: number; to: number };

const DAY = 86_400_000;

/** The year 10000: what ends then ends never, as `9999-12-31` is meant. */
export const END_OF_TIME = Date.parse('+010000-01-01T00:00:00Z');

/**
 * A date with an optional prefix. A blank before an offset is a `+` that the client did not encode.
 * @throws Outcome invalid-parameter
 */
export function dateTest(code: string, text: string, now: Date): DateTest {
  const m = /^([a-z]{2})?(\d.*)$/.exec(text.trim().replace(/ (?=\d\d:\d\d$)/, '+'));
  const prefix = PREFIXES.find((p) => p === (m?.[1] ?? 'eq'));
  const range = m?.[2] === undefined ? undefined : timeRange(m[2]);
  if (prefix === undefined || !range) throw invalid(code, 'is not a date');
  const from = range.from.getTime();
  const to = range.to.getTime();
  if (prefix !== 'ap') return { prefix, from, to };
  const slack = Math.max(DAY, Math.abs(now.getTime() - from) / 10);
  return { prefix, from: from - slack, to: to + slack };
}

/** The value of `:missing`. @throws Outcome invalid-parameter */
export function trueOrFalse(code: string, values: readonly string[]): boolean {
  const [only] = values;
  if (values.length !== 1 || (only !== 'true' && only !== 'false')) throw invalid(code, 'is true or false');
  return only === 'true';
}
