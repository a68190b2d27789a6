// Names as words, for a search that forgives: what of a name is looked up, and what of a query is looked for.
import { searchForm } from '../fhir/fold.ts';

const set = (words: string): ReadonlySet<string> => new Set(words.split(' '));

/** How someone is spoken to. */
const HONORIFICS = set('dr dra doctor doctora mr mrs ms miss prof');
/** Said before or behind a name and no part of it. */
const TITLES = set(
  'dr dra doctor doctora mr mrs ms miss prof sr sra md do dds dmd dpm od np pa rn phd psyd lcsw lpc jr ii iii iv esq',
);
/** Further ones of people; in the name of a place they may be what it does. */
const CREDENTIALS = set(
  'aprn arnp fnp dnp cnp cnm crna crnp pmhnp npc pac bsn msn mph mba mbbs ma ms msw lmsw licsw lmft lmhc lcpc lpcc lpn edd ' +
    'dc pt dpt ot otr slp ccc rd rdn ldn bcba pharmd facs faap facp facog bc',
);
/** Those of people that are names as well, and small words that are. */
const NAMES_TOO = set('do pa ma ms an in');
const SMALL = set('the of and at in for a an y e los las');

/** Short forms that stand on signs and letterheads. */
const SHORT: ReadonlyMap<string, string> = new Map(
  Object.entries({
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
  }),
);

/** Words as they are written, folded. */
const writtenWords = (text: string): string[] =>
  searchForm(text)
    .replace(/['‘’`´ʻʼ.]/g, '')
    .split(/[^\p{L}\p{N}]+/u)
    .filter((w) => w !== '');

/** The words of a name, folded: `Dr. Siobhán O'Brien-Núñez` → `dr siobhan obrien nunez`. */
export function nameWords(text: string): string[] {
  return writtenWords(text).map((w) => SHORT.get(w) ?? w);
}

/** Words under which a name is entered: all but the small ones; a name of small words keeps them. */
export function enteredWords(text: string): string[] {
  const words = nameWords(text);
  const telling = words.filter((w) => !SMALL.has(w));
  return telling.length > 0 ? telling : words;
}

/** A word of a query, or two neighbours written as one. `at`: the places of the query's words that it stands for. */
type QueryWord = { text: string; at: readonly number[] };

/** What a query looks for; `needed` of its `count` words a name must have: all of two, three of four. */
export type NameQuery = {
  words: QueryWord[];
  count: number;
  needed: number;
  /** of a person whose family name alone is given: what the given name begins with */
  initial: string | undefined;
  /** left out, but a name where someone is called so */
  perhaps: string[];
};

const MAX_WORDS = 8;
/** Letters that belong to the name behind them: O Brien, D Angelo. */
const PARTICLES = set('o d l m n');

/** `JohnSmith` is two words, `McDonald` is one. */
const apart = (text: string): string => text.replace(/(\p{L}{3}\p{Ll})(?=\p{Lu}\p{Ll}{2})/gu, '$1 ');

const joined = (...words: readonly (string | undefined)[]): string => words.map((w = '') => SHORT.get(w) ?? w).join('');

/** Other ways in which a word may have been entered: short forms are written out there. */
function otherwise(word: string): string[] {
  const long = SHORT.get(word);
  if (long !== undefined) return [long, word];
  return /^st[^aeiour]/.test(word) && word.length > 5 ? [word, `saint${word.slice(2)}`] : [word];
}

/**
 * What a query looks for. Titles, small words and single letters do not count while something else is left.
 * @param ofPerson it is the name of a person
 */
export function queryWords(text: string, ofPerson = false): NameQuery {
  const isTitle = (w: string): boolean => TITLES.has(w) || (ofPerson && CREDENTIALS.has(w));
  const written = writtenWords(apart(text));
  const named = written.filter((w) => !isTitle(w));
  const addressed = written.filter((w) => !HONORIFICS.has(w));
  const ways = [named, ofPerson ? addressed.filter((w) => NAMES_TOO.has(w)) : [], addressed];
  const kept = ways.find((words) => words.length > 0) ?? written;
  const counts = (w: string): boolean => w.length > 1 && !SMALL.has(w);
  const telling = kept.some(counts) ? counts : () => true;
  const list = kept.filter(telling).slice(0, MAX_WORDS);
  const words: QueryWord[] = list.flatMap((word, i) => otherwise(word).map((text) => ({ text, at: [i] })));
  for (let i = 0; i + 1 < list.length; i++) words.push({ text: joined(list[i], list[i + 1]), at: [i, i + 1] });
  kept.forEach((letter, i) => {
    const place = list.indexOf(kept[i + 1] ?? '');
    if (PARTICLES.has(letter) && !telling(letter) && place >= 0)
      words.push({ text: joined(letter, kept[i + 1]), at: [place] });
  });
  const letters = written.filter((w) => w.length === 1);
  return {
    words,
    count: list.length,
    needed: list.length <= 2 ? list.length : Math.ceil(list.length * 0.6),
    initial: ofPerson && list.length === 1 && (list[0]?.length ?? 0) > 1 ? letters[0] : undefined,
    perhaps: ofPerson ? written.filter((w) => NAMES_TOO.has(w) && !list.includes(w)) : [],
  };
}
