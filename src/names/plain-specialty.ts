// What people mean by "heart doctor" or "médico de los huesos": the specialties whose words the text holds.
import { fold } from '../fhir/fold.ts';
import { editDistance } from './similar.ts';
import { PLAIN_SPECIALTIES, type PlainSpecialty } from './tables/specialty-words.ts';

/** Said around a specialty and no part of it. */
const AROUND = new Set(
  (
    'a an the i me my need want find see looking look for to of in near by with who that and or at some good best new ' +
    'doctor dr physician specialist provider care office visit test medico doctora especialista busco necesito quiero un una ' +
    'el la lo los las de del para que mi mis con cerca en y o'
  ).split(' '),
);

/** Words of a text in the singular: a final s does not count. */
function bareWords(text: string): string[] {
  return fold(text)
    .replace(/['’`´.]/g, '')
    .split(/[^\p{L}\p{N}]+/u)
    .filter((w) => w !== '')
    .map((w) => (w.length > 3 && w.endsWith('s') && !w.endsWith('ss') && !w.endsWith('is') ? w.slice(0, -1) : w));
}

const telling = (words: readonly string[]) => words.filter((w) => !AROUND.has(w));

type Phrase = { entry: PlainSpecialty; whole: string; words: string[] };

const PHRASES: readonly Phrase[] = PLAIN_SPECIALTIES.flatMap((entry) =>
  entry.words.map((text) => {
    const words = bareWords(text);
    const told = telling(words);
    return { entry, whole: words.join(' '), words: told.length > 0 ? told : words };
  }),
);

/** One slip of the finger in a word of five letters, two in one of eight. */
function sameWord(a: string, b: string): boolean {
  if (a === b) return true;
  const shorter = Math.min(a.length, b.length);
  if (shorter < 5 || Math.abs(a.length - b.length) > 2) return false;
  return editDistance(a, b) <= (shorter < 8 || a[0] !== b[0] ? 1 : 2);
}

const unique = (entries: PlainSpecialty[]) => [...new Set(entries)];

/**
 * Specialties that a text means, best first; none when it says nothing known.
 * The same phrase wins over one that is only contained, and of those the one with most words.
 */
export function plainSpecialties(text: string): PlainSpecialty[] {
  const words = bareWords(text.slice(0, 200));
  if (words.length === 0) return [];
  const whole = words.join(' ');
  const same = PHRASES.filter((p) => p.whole === whole);
  if (same.length > 0) return unique(same.map((p) => p.entry));
  const told = telling(words);
  if (told.length === 0)
    return words.some((w) => /^(doctor|dr|physician|medico|doctora)$/.test(w)) ? PLAIN_SPECIALTIES.slice(0, 1) : [];
  // every word of the phrase is in the text, or every word of the text is in the phrase
  let most = 0;
  let found: PlainSpecialty[] = [];
  for (const { entry, words: of } of PHRASES) {
    const held = of.filter((w) => told.some((t) => sameWord(w, t))).length;
    const complete = held === of.length ? 1 : 0;
    if (complete === 0 && !told.every((t) => of.some((w) => sameWord(w, t)))) continue;
    const score = held * 2 + complete + (held === told.length ? 1 : 0);
    if (score < most) continue;
    if (score > most) found = [];
    most = score;
    found.push(entry);
  }
  return unique(found);
}
