// Text folding for search and matching: case, accents and compatibility forms do not count.

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

/** Lower case, no combining marks, single spaces: `José  MÜLLER` → `jose muller`. */
export function fold(text: string): string {
  const lower = text.toLowerCase();
  if (/^[a-z0-9 ]*$/.test(lower) && !lower.includes('  ')) return lower.trim();
  return lower
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/[ßæøłđœþðı]/g, (c) => LIGATURES[c] ?? c)
    .replace(/\s+/g, ' ')
    .trim();
}

/** Case folded, accents kept, for queries that name an accent. Each letter alone, as PostgreSQL does it: `İ` is `i`, not `i` and a dot. */
export function foldCase(text: string): string {
  const lower = Array.from(text.normalize('NFC'), (c) => Array.from(c.toLowerCase())[0] ?? '').join('');
  return lower.normalize('NFC').replace(/\s+/g, ' ').trim();
}

/** Does the text carry letters that {@link fold} would change beyond their case? */
export function hasAccents(text: string): boolean {
  return fold(text) !== foldCase(text);
}
