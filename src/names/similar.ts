// How alike two words of a name are, and the keys by which like words find each other without comparing all of them:
// each word is kept under itself, under itself less one letter (Garbe, SymSpell), and under its sound (double metaphone).
import { doubleMetaphone } from 'double-metaphone';
import { nicknamesOf } from './nicknames.ts';

const SHORTEST = 4;

function lessOne(word: string): string[] {
  const found: string[] = [];
  for (let i = 0; i < word.length; i++) if (word[i] !== word[i - 1]) found.push(word.slice(0, i) + word.slice(i + 1));
  return found;
}

function sounds(word: string): string[] {
  if (!/^[a-z]+$/.test(word)) return [];
  return [...new Set(doubleMetaphone(word))].filter((s) => s.length > 1);
}

/** Keys under which a word is kept in the vocabulary, the word itself first. */
export function storedKeys(word: string): string[] {
  if (word.length < SHORTEST || word.length > 40) return [word];
  return [...new Set([word, ...lessOne(word), ...sounds(word).map((s) => `~${s}`)])];
}

/** Keys under which words like this one may be kept. A long word is looked for less two letters too. */
export function soughtKeys(word: string): string[] {
  const keys = new Set([...storedKeys(word), ...nicknamesOf(word)]);
  if (word.length >= 7 && word.length <= 20)
    for (const once of lessOne(word)) for (const twice of lessOne(once)) keys.add(twice);
  return [...keys];
}

/** Edits from one word to the other: letters put in, left out, exchanged, or two neighbours swapped (each once). */
export function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let least = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, (before[j - 2] ?? 0) + 1);
      row.push(least);
    }
    before = last;
    last = row;
  }
  return last[b.length] ?? 0;
}

/**
 * How well a word of a name answers a word of a query.
 * @returns 0 (not at all) to 1 (the same): nicknames 0.92, one edit 0.86, two edits in a long word 0.74, the same sound
 * 0.72, a beginning up to 0.8
 */
export function likeness(sought: string, word: string): number {
  if (sought === word) return 1;
  if (nicknamesOf(sought).has(word)) return 0.92;
  const longer = Math.max(sought.length, word.length);
  const edits = Math.abs(sought.length - word.length) > 3 ? 4 : editDistance(sought, word);
  const allowed = longer < SHORTEST ? 0 : longer < 7 ? 1 : 2;
  const first = sought[0] === word[0] ? 0 : 0.06;
  if (edits <= allowed) return 1 - 0.02 - edits * 0.12 - first;
  if (sought.length >= 3 && word.startsWith(sought)) return Math.max(0.6, 0.8 - 0.01 * (word.length - sought.length));
  const alike = edits <= 3 && edits / longer <= 0.5 && sounds(sought).some((s) => sounds(word).includes(s));
  return alike ? 0.72 - first : 0;
}
