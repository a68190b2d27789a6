// Text folding for search and matching: case, accents and compatibility forms do not count.

const PLAIN = /^[a-z0-9 ]*$/;

const LIGATURES: Record<string, string> = {
  ß: 'ss',
  æ: 'ae',
  ø: 'o',
  ł: 'l',
  đ: 'd',
  œ: 'oe',
  þ: 'th',
  ð: 'd',
  ı: 'i',
};

/**
 * Lower case, no combining marks, single spaces: `José  MÜLLER` → `jose muller`. Member matching keeps what it gives: a change here
 * is a change of its rules (exchange/responder/match/normalize.ts, NORMALIZATION).
 */
export function fold(text: string): string {
  const lower = text.toLowerCase();
  if (PLAIN.test(lower) && !lower.includes('  ')) return lower.trim();
  return lower
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/[ßæøłđœþðı]/g, (c) => LIGATURES[c] ?? c)
    .replace(/\s+/g, ' ')
    .trim();
}

/**
 * The form in which the directory searches text: folded, also what is a capital only within a sign that stands for several letters
 * (`№` → `no`), and a sigma in one form wherever in a word it stands. A change is a new EXTRACTION_VERSION.
 */
export function searchForm(text: string): string {
  const folded = fold(text);
  return PLAIN.test(folded) ? folded : oneSigma(fold(folded));
}

const oneSigma = (text: string): string => text.replaceAll('ς', 'σ');

/** Case folded, accents kept, for queries that name an accent. Each letter alone, as PostgreSQL does it: `İ` is `i`, not `i` and a dot. */
export function foldCase(text: string): string {
  const lower = Array.from(text.normalize('NFKC'), (c) => Array.from(c.toLowerCase())[0] ?? '').join('');
  return lower.normalize('NFC').replace(/\s+/g, ' ').trim();
}

/** Does the text carry letters that {@link searchForm} would change beyond their case and form? */
export function hasAccents(text: string): boolean {
  return searchForm(text) !== oneSigma(foldCase(text));
}
