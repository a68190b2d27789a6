// A family name and a given name of a person as one entry of the index. Each alone is of very many people, both together of few; and
// who looks for a person mostly says both. The parameters each speak of any name of the person, so every family name stands
// with every given one.
import type { WordEntry } from './entries.ts';
import { parameter } from './parameters.ts';
import { TYPE_IDS } from './types.ts';

const number = (code: string): number => {
  const found = parameter('Practitioner', code);
  if (found === undefined) throw new Error(`Practitioner has no ${code}.`);
  return found.id;
};

export const FULL_NAME = {
  id: TYPE_IDS.Practitioner * 100 + 71,
  family: number('family'),
  given: number('given'),
};

/** Parts the two names. It sorts before whatever else a name can hold, and no folded text holds it: blanks of any kind are spaces there. */
export const BETWEEN = '\t';

/** The longest beginning of a name that is entered, in UTF-16 units. A query must be shorter: the cut may go through a character. */
export const LONGEST = 100;

/** Pairs that are entered of a person: some thirty names of each kind, where a person has a few. */
const MOST_PAIRS = 1000;

const HIGH_HALF = /[\ud800-\udbff]$/;
const cut = (name: string): string => (name.length <= LONGEST ? name : name.slice(0, LONGEST).replace(HIGH_HALF, ''));

const namesOf = (words: readonly WordEntry[], param: number): string[] => [
  ...new Set(words.filter((w) => w.param === param).map((w) => cut(w.folded))),
];

/** Where no family name stands before it: a name of who has very many. */
export const familyOfMany = (name: string): string => `${BETWEEN}${name}`;
export const givenOfMany = (name: string): string => `${BETWEEN}${BETWEEN}${name}`;

/** Enters the pairs of the names that are entered already; of who would have more than {@link MOST_PAIRS} each name for itself. */
export function enterPairs(words: WordEntry[]): void {
  const family = namesOf(words, FULL_NAME.family);
  const given = namesOf(words, FULL_NAME.given);
  const enter = (folded: string) => words.push({ param: FULL_NAME.id, folded, raw: undefined });
  if (family.length * given.length > MOST_PAIRS) {
    for (const name of family) enter(familyOfMany(name));
    for (const name of given) enter(givenOfMany(name));
    return;
  }
  for (const name of family) for (const one of given) enter(`${name}${BETWEEN}${one}`);
}
