// What people mean by "heart doctor" or "médico de los huesos": the specialties whose words the text holds.
import { searchForm } from '../fhir/fold.ts';
import { editDistance } from './similar.ts';
import { CHILD_WORDS, OF_CHILDREN, PLAIN_SPECIALTIES, type PlainSpecialty } from './tables/specialty-words.ts';

/** Said around a specialty and no part of it. */
const AROUND = new Set(
  (
    'a an the i me my need want find see looking look for to of in near by with who that and or at some good best new ' +
    'doctor dr dra physician specialist provider care office visit test problem issue treatment appointment female male ' +
    'medico medica doctora especialista problema tratamiento cita busco necesito quiero un una el la lo los las de del para que mi mis ' +
    'con cerca en y o hombre'
  ).split(' '),
);

/** Words of a text in the singular: a final s does not count, nor does it matter whether y became ies, or ión iones. */
function bareWords(text: string): string[] {
  return searchForm(text)
    .replace(/['‘’`´ʻʼ.]/g, '')
    .split(/[^\p{L}\p{N}]+/u)
    .filter((w) => w !== '')
    .map(singular);
}

function singular(word: string): string {
  if (/(sh|ch|x|ss|us|ctor|dolor|ion|dad)es$/.test(word)) return singular(word.slice(0, -2));
  if (word.length > 4 && word.endsWith('ies')) return `${word.slice(0, -3)}y`;
  return word.length > 3 && word.endsWith('s') && !/(ss|is)$/.test(word) ? word.slice(0, -1) : word;
}

/** The words that say something, those for children as one; a number is a ZIP code or an age. */
const telling = (words: readonly string[]): string[] =>
  words.filter((w) => !AROUND.has(w) && !/^\d+$/.test(w)).map((w) => (isOfChild(w) ? CHILD : w));

type Phrase = { entry: PlainSpecialty; whole: string; words: string[] };

const CHILD = 'child';
const OF_CHILD = new Set(CHILD_WORDS.map(singular));

/** All words of phrases: one of them is no slip of another. */
const KNOWN: ReadonlySet<string> = new Set(
  PLAIN_SPECIALTIES.flatMap((entry) => entry.words.flatMap((text) => bareWords(text))),
);

const isOfChild = (word: string): boolean =>
  OF_CHILD.has(word) || (!KNOWN.has(word) && [...OF_CHILD].some((w) => isSlip(w, word)));

const PHRASES: readonly Phrase[] = PLAIN_SPECIALTIES.flatMap((entry) =>
  entry.words.map((text) => {
    const words = bareWords(text);
    const wanted = telling(words);
    return { entry, whole: words.join(' '), words: wanted.length > 0 ? wanted : words };
  }),
);

/** Entries by what the pages call them, and offer while someone writes. */
const CALLED: ReadonlyMap<string, readonly PlainSpecialty[]> = new Map(
  PLAIN_SPECIALTIES.flatMap((entry) => [entry.en, entry.es])
    .map((text) => bareWords(text).join(' '))
    .map((whole) => [
      whole,
      PLAIN_SPECIALTIES.filter((e) => [e.en, e.es].some((c) => bareWords(c).join(' ') === whole)),
    ]),
);

/** One slip of the finger in a word of five letters, two in one of eight. */
function isSlip(a: string, b: string): boolean {
  const shorter = Math.min(a.length, b.length);
  if (shorter < 5 || Math.abs(a.length - b.length) > 2) return false;
  return editDistance(a, b) <= (shorter < 8 || a[0] !== b[0] ? 1 : 2);
}

/** A bit for each Latin letter that a word has. */
const letters = (word: string): number =>
  Array.from(word).reduce((bits, c) => (c >= 'a' && c <= 'z' ? bits | (1 << (c.charCodeAt(0) - 97)) : bits), 0);

/** Has the one at most two letters that the other has not? Of words that are two slips apart neither has more. */
function isNear(a: number, b: number): boolean {
  let left = a & ~b;
  left &= left - 1;
  return (left & (left - 1)) === 0;
}

const PHRASE_WORDS: ReadonlyMap<string, number> = new Map(PHRASES.flatMap((p) => p.words).map((w) => [w, letters(w)]));

/** Words of phrases that a word of a query may be. Hostile queries have many words: most pairs are distinguished by their letters. */
function phraseWords(asked: string): ReadonlySet<string> {
  if (KNOWN.has(asked)) return new Set(PHRASE_WORDS.has(asked) ? [asked] : []);
  const own = letters(asked);
  const found = new Set<string>();
  for (const [word, of] of PHRASE_WORDS)
    if (word === asked || (isNear(own, of) && isNear(of, own) && isSlip(word, asked))) found.add(word);
  return found;
}

/** Of children others than of adults, where the table says so. */
function ofChildren(entries: PlainSpecialty[]): PlainSpecialty[] {
  const found = entries.flatMap((entry) => {
    const { codes, only } = OF_CHILDREN[entry.id] ?? {};
    return codes === undefined
      ? []
      : [only ? { ...entry, codes, kin: [] } : { ...entry, codes: [...codes, ...entry.codes] }];
  });
  return found.length > 0 ? found : entries;
}

const unique = (entries: PlainSpecialty[]) => [...new Set(entries)];

export type Meant = {
  /** best first; none when the text says nothing known */
  entries: PlainSpecialty[];
  /** each word that says something belongs to what was found */
  whole: boolean;
};

/** Specialties that a text means, best first; none when it says nothing known. */
export const plainSpecialties = (text: string): PlainSpecialty[] => meantBy(text).entries;

/** The same phrase wins over one that is only contained, and of those the one with most words. */
export function meantBy(text: string): Meant {
  const words = bareWords(text.slice(0, 200));
  if (words.length === 0) return { entries: [], whole: true };
  const whole = words.join(' ');
  const same = [...(CALLED.get(whole) ?? []), ...PHRASES.filter((p) => p.whole === whole).map((p) => p.entry)];
  if (same.length > 0) return { entries: unique(same), whole: true };
  const wanted = telling(words);
  if (wanted.length === 0) {
    const any = words.some((w) => /^(doctor|dr|dra|physician|medico|medica|doctora)$/.test(w));
    return { entries: any ? PLAIN_SPECIALTIES.slice(0, 1) : [], whole: true };
  }
  const { found, held, inPhrase, others } = mostHeld(wanted);
  const entries = unique(found);
  return {
    entries: wanted.includes(CHILD) && wanted.length > 1 && !inPhrase ? ofChildren(entries) : entries,
    whole: held === wanted.length || (wanted.includes(CHILD) && held === wanted.length - 1 && others),
  };
}

/** Phrases of which every word is in the text, or that hold every word of the text. */
function mostHeld(wanted: readonly string[]) {
  const meant = new Map(wanted.map((t) => [t, phraseWords(t)]));
  const any = new Set([...meant.values()].flatMap((words) => [...words]));
  const isIn = (t: string, of: readonly string[]): boolean => of.some((w) => meant.get(t)?.has(w));
  let most = 0;
  let best = 0;
  let found: Phrase[] = [];
  /** a phrase that holds more than the word for children says it already */
  let inPhrase = false;
  for (const phrase of PHRASES) {
    const { words: of } = phrase;
    const held = of.filter((w) => any.has(w)).length;
    const complete = held === of.length ? 1 : 0;
    if (complete === 0 && !wanted.every((t) => isIn(t, of))) continue;
    const score = held * 2 + complete + (held === wanted.length ? 1 : 0);
    if (score < most) continue;
    if (score > most) {
      found = [];
      inPhrase = false;
    }
    most = score;
    best = held;
    inPhrase ||= of.length > 1 && of.includes(CHILD);
    found.push(phrase);
  }
  return {
    found: found.map((p) => p.entry),
    held: best,
    inPhrase,
    /** is each word but that for children in what was found? */
    others: wanted.every((t) => t === CHILD || found.some((p) => isIn(t, p.words))),
  };
}
