// Sets of rows as SQL: by tokens, by words, by keys.
import type { Criterion, Word } from '../fhir/search/criterion.ts';
import { storedForms } from '../fhir/search/usual-system.ts';
import { arrayLiteral } from './database.ts';

/** Binds a value and gives its placeholder. */
export type Bind = ((value: string, cast: string) => string) & {
  /** the statement is not run, the planner guesses how many rows it has: conditions are written as sets, which it knows */
  guessing?: boolean;
};

/** A set of rows: `source` yields the column rk; `unique` says that it does so once a row, in order of rk. */
export type RowSet = { source: string; unique: boolean };

const INLINE_FORMS = 8;

/** Hashes of the values: for `token in (…)`, and each alone when they are few. */
type Tokens = { list: string; each: string[] };
const MERGED = 4;

/** Rows that have one of the tokens. lookup_pkey: for one token it reads rk in order. */
export function tokenSet({ list, each }: Tokens): RowSet {
  const of = (test: string) => `select rk from directory.lookup where token ${test}`;
  // a few tokens, each in order of rk: `union` lets the server merge them and stop where the page ends
  return each.length > 0 && each.length <= MERGED
    ? { source: each.map((token) => of(`= ${token}`)).join(' union '), unique: true }
    : { source: of(`in (${list})`), unique: false };
}

export function tokensOf(c: Extract<Criterion, { kind: 'token' | 'reference' }>, bind: Bind): Tokens {
  const values = c.kind === 'token' ? c.forms.flatMap((form) => storedForms(c.seed, form)) : c.keys;
  const hash = (text: string) =>
    c.kind === 'token'
      ? `hashtextextended(${text}, ${c.seed})`
      : `hashint8extended(hashtextextended(${text}, 0), ${c.seed})`;
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
  const cased = `normalize(lower(${stored} collate "default"), nfc)`;
  const raw = bind(w.raw, 'text');
  return `(${range} and ${match === 'starts' ? `starts_with(${cased}, ${raw})` : `strpos(${cased}, ${raw}) > 0`})`;
}

export function wordSet(c: Extract<Criterion, { kind: 'string' }>, bind: Bind): RowSet {
  const tests = c.words.map((w) => wordTest(w, c.match, bind));
  return {
    source: `select rk from directory.words where param in (${c.params.join(', ')}) and (${tests.join(' or ')})`,
    unique: false,
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
