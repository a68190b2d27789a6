// Sets of rows as SQL: by tokens, by words, by keys.

import { arrayLiteral } from '../../src/db/database.ts';
import { referenceToken } from '../../src/db/reference-token.ts';
import type { Criterion, StringCriterion, Word } from '../../src/fhir/search/criterion.ts';
import { storedForms } from '../../src/fhir/search/usual-system.ts';
import { accentPattern } from './accent-pattern.ts';

/** Binds a value and gives its placeholder. */
export type Bind = ((value: string, cast: string) => string) & {
  /** the statement is not run, the planner guesses how many rows it has: conditions are written as sets, which it knows */
  guessing?: boolean;
};

/**
 * A set of rows: `source` yields the column rk; `unique` says that it does so once a row, in order of rk; `token` is the
 * only one that the rows have, in `directory.lookup`.
 */
export type RowSet = { source: string; unique: boolean; token?: string };

type FrequentWord = NonNullable<StringCriterion['frequent']>[number];

/** The most words of one criterion that are read alone. */
export const ALONE = 8;

const INLINE_FORMS = 8;

/** Hashes of the values: for `token in (…)`, and each alone when they are few. */
type Tokens = { list: string; each: string[] };
/** So many ranges of an index are merged. */
const MERGED = 4;
const TOKENS_MERGED = INLINE_FORMS;

/** Rows that have one of the tokens. lookup_pkey: for one token it reads rk in order. */
export function tokenSet({ list, each }: Tokens): RowSet {
  const of = (test: string) => `select rk from directory.lookup where token ${test}`;
  // a few tokens, each in order of rk: `union` lets the server merge them and stop where the page ends
  return each.length > 0 && each.length <= TOKENS_MERGED
    ? {
        source: each.map((token) => of(`= ${token}`)).join(' union '),
        unique: true,
        ...(each.length === 1 && each[0] !== undefined ? { token: each[0] } : {}),
      }
    : { source: of(`in (${list})`), unique: false };
}

export function tokensOf(c: Extract<Criterion, { kind: 'token' | 'reference' }>, bind: Bind): Tokens {
  const values = c.kind === 'token' ? c.forms.flatMap((form) => storedForms(c.seed, form)) : c.keys;
  const hash = (text: string) =>
    c.kind === 'token'
      ? `hashtextextended(${text}, ${c.seed})`
      : referenceToken(`hashtextextended(${text}, 0)`, c.seed);
  if (values.length <= INLINE_FORMS) {
    const each = values.map((v) => hash(bind(v, 'text')));
    return { list: each.join(', '), each };
  }
  return { list: `select ${hash('t')} from unnest(${bind(arrayLiteral(values), 'text[]')}) t`, each: [] };
}

/** words_folded: a range of the folded value; accents and case are judged on the row. */
function wordTest(w: Word, match: 'starts' | 'exact' | 'contains', bind: Bind): string {
  const stored = `coalesce(raw, folded)`;
  if (match === 'exact')
    return `(folded = ${bind(w.folded, 'text')} and ${stored} = ${bind(w.raw ?? w.folded, 'text')})`;
  const folded = bind(w.folded, 'text');
  const range =
    match === 'starts' ? `folded >= ${folded} and folded < ${folded} || '\u{10FFFF}'` : `strpos(folded, ${folded}) > 0`;
  if (w.raw === undefined) return `(${range})`;
  const accented = bind(accentPattern(w.raw, match === 'starts'), 'text');
  // what is asked for has a letter beyond ASCII: most names have none, and are not to be put in its form one by one
  const wide = `octet_length(${stored}) > char_length(${stored})`;
  return `(${range} and ${wide} and normalize(${stored}, nfkc) ~ ${accented})`;
}

export function wordSet(c: StringCriterion, bind: Bind): RowSet {
  if (c.frequent !== undefined && bind.guessing !== true && inOrder(c)) return orderedWords(c, c.frequent, bind);
  const tests = c.words.map((w) => wordTest(w, c.match, bind));
  return {
    source: `select rk from directory.words where param in (${c.params.join(', ')}) and (${tests.join(' or ')})`,
    unique: false,
  };
}

/** Can its rows be read in their order? Words that are judged as they are written cannot, nor those of many ranges. */
export const inOrder = ({ match, words, params }: StringCriterion): boolean =>
  match === 'starts' && words.every((w) => w.raw === undefined) && words.length * params.length <= MERGED;

/** As many as 1, 2, 4 or 8, the last one repeated: each number is a statement of its own. */
export function padded(words: readonly string[]): string[] {
  const last = words.at(-1);
  if (last === undefined) return [];
  const wanted = 2 ** Math.ceil(Math.log2(words.length));
  return [...words, ...Array.from({ length: wanted - words.length }, () => last)];
}

/**
 * The same rows in order: each frequent word alone, since of one word the index has the rows in order, and all others together,
 * which are few. They are found first, as a list: of a list the planner expects few rows, of a range a part of all.
 */
function orderedWords({ params, words }: StringCriterion, frequent: readonly FrequentWord[], bind: Bind): RowSet {
  const branches = params.flatMap((param) => {
    const from = `from directory.words where param = ${param} and`;
    const rest: string[] = [];
    const alone: string[] = [];
    for (const w of words) {
      const begin = bind(w.folded, 'text');
      let after = `folded >= ${begin}`;
      const begins = frequent.filter((f) => f.param === param && f.folded.startsWith(w.folded)).map((f) => f.folded);
      for (const folded of padded(begins.sort())) {
        const word = bind(folded, 'text');
        alone.push(`select rk ${from} folded = ${word}`);
        rest.push(`select folded ${from} ${after} and folded < ${word}`);
        after = `folded > ${word}`;
      }
      rest.push(`select folded ${from} ${after} and folded < ${bind(`${w.folded}\u{10FFFF}`, 'text')}`);
    }
    return [...alone, `(select rk ${from} folded = any(array(${rest.join(' union all ')})) order by rk offset 0)`];
  });
  return {
    source: branches.length === 1 ? `select distinct rk from ${branches[0]} w` : branches.join(' union '),
    unique: true,
  };
}

/** Live resources by their keys. resource_pkey. Few keys stand alone: of a list the planner expects ten. */
export function idSet(keys: readonly string[], bind: Bind, columns: 'rk' | '*' = 'rk'): string {
  if (keys.length === 0) return `select ${columns} from directory.resource where false`;
  const hashes =
    keys.length <= INLINE_FORMS
      ? keys.map((key) => `hashtextextended(${bind(key, 'text')}, 0)`).join(', ')
      : `select hashtextextended(t, 0) from unnest(${bind(arrayLiteral(keys), 'text[]')}) t`;
  return `select ${columns} from directory.resource where not deleted and rk in (${hashes})`;
}
