// Text with its accents and without its case, as a regular expression of PostgreSQL. `lower()` there depends on the locale of the
// database: under "C" it knows ASCII alone, under others some letters become two. A pattern names each letter in its cases itself.

/** White space as JavaScript knows it: the query is folded there. */
const BLANKS = String.raw`[\t\n\v\f\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]`;

/** Letters that are the same, and of which one is not the capital of the other: a sigma that ends a word has a form of its own. */
const ALIKE: Readonly<Record<string, string>> = {
  i: 'İ',
  ß: 'ẞ',
  ǆ: 'ǅ',
  ǉ: 'ǈ',
  ǌ: 'ǋ',
  ǳ: 'ǲ',
  θ: 'ϴ',
  σ: 'ς',
  ς: 'σΣ',
};

/** A letter in each of its cases, as {@link foldCase} understands them. */
function cases(letter: string): string {
  const capital = letter.toUpperCase();
  const single = Array.from(capital).length === 1 && Array.from(capital.toLowerCase())[0] === letter;
  const held = new Set([letter, ...(single ? [capital] : []), ...Array.from(ALIKE[letter] ?? '')]);
  return held.size === 1 ? letter : `[${[...held].join('')}]`;
}

/**
 * A pattern for text in NFC, which blanks of any kind and number may part.
 * @param text as `foldCase` gives it
 * @param begins the text stands at the beginning
 */
export function accentPattern(text: string, begins: boolean): string {
  const letters = Array.from(text, (c) => {
    if (c === ' ') return `${BLANKS}+`;
    return /^[!-/:-@[-`{-~]$/.test(c) ? `\\${c}` : cases(c);
  });
  return `${begins ? `^${BLANKS}*` : ''}${letters.join('')}`;
}
