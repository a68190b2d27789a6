// Names as words, for a search that forgives: what of a name is looked up, and what of a query is looked for.
import { fold } from '../fhir/fold.ts';

/** Said before or behind a name and no part of it. */
const TITLES = new Set(
  'dr dra doctor doctora mr mrs ms miss prof sr sra md do dds dmd dpm od np pa rn phd psyd lcsw lpc jr ii iii iv esq'.split(
    ' ',
  ),
);
const SMALL = new Set('the of and at in for a an y e los las'.split(' '));

/** Short forms that stand on signs and letterheads. */
const SHORT: Record<string, string> = {
  st: 'saint',
  ste: 'saint',
  mt: 'mount',
  ctr: 'center',
  cntr: 'center',
  centre: 'center',
  hosp: 'hospital',
  univ: 'university',
  assoc: 'associates',
  assocs: 'associates',
  grp: 'group',
  med: 'medical',
  svcs: 'services',
  phcy: 'pharmacy',
  ortho: 'orthopedic',
  orthopaedic: 'orthopedic',
  orthopaedics: 'orthopedics',
  paediatrics: 'pediatrics',
  pediatric: 'pediatrics',
  ob: 'obstetrics',
  gyn: 'gynecology',
};

/** The words of a name, folded: `Dr. Siobhán O'Brien-Núñez` → `dr siobhan obrien nunez`. */
export function nameWords(text: string): string[] {
  return fold(text)
    .replace(/['’`´.]/g, '')
    .split(/[^\p{L}\p{N}]+/u)
    .filter((w) => w !== '')
    .map((w) => SHORT[w] ?? w);
}

/** Words under which a name is entered: all but the small ones; a name of small words keeps them. */
export function enteredWords(text: string): string[] {
  const words = nameWords(text);
  const telling = words.filter((w) => !SMALL.has(w));
  return telling.length > 0 ? telling : words;
}

/** A word of a query, or two neighbours written as one. `at`: the places of the query's words that it stands for. */
export type QueryWord = { text: string; at: readonly number[] };

const MAX_WORDS = 8;

/**
 * What a query looks for. Titles, small words and single letters do not count while something else is left.
 * @returns the words, and how many of the query's words a name must have: all of two, three of four
 */
export function queryWords(text: string): { words: QueryWord[]; count: number; needed: number } {
  const all = enteredWords(text);
  const named = all.filter((w) => !TITLES.has(w));
  const kept = named.length > 0 ? named : all;
  const long = kept.filter((w) => w.length > 1);
  const list = (long.length > 0 ? long : kept).slice(0, MAX_WORDS);
  const words: QueryWord[] = list.map((word, i) => ({ text: word, at: [i] }));
  for (let i = 0; i + 1 < list.length; i++) words.push({ text: `${list[i]}${list[i + 1]}`, at: [i, i + 1] });
  return { words, count: list.length, needed: list.length <= 2 ? list.length : Math.ceil(list.length * 0.6) };
}
