// The vocabulary of names: what is written of it with an import, and which of its words a misspelt query means.

import { arrayLiteral, type Queryable, type Sql } from '../../src/db/database.ts';
import { rawRows } from '../../src/db/raw-rows.ts';
import type { Criterion, LikeCriterion, LikeWord } from '../../src/fhir/search/criterion.ts';
import { PARAMETERS, parameter } from '../../src/fhir/search/parameters.ts';
import type { SearchRequest } from '../../src/fhir/search/request.ts';
import { likeness, soughtKeys, storedKeys } from '../../src/names/similar.ts';

/** Words that an import has entered already. Very many are forgotten, which costs time, and kept in a table of its connection. */
export type KnownWords = {
  /** collects words that are new */
  add(words: readonly string[]): void;
  /**
   * Enters what was collected, within the transaction that enters their names; and all that are known once more when another process has
   * taken words out since. Takes the lock of all writers.
   */
  write(sql: Queryable): Promise<void>;
  /** collects words of names that are no more */
  leave(words: readonly string[]): void;
  /** takes out what was left and is in no name any more, in transactions of its own */
  prune(sql: Sql): Promise<void>;
};

const MAX_KNOWN = 300_000;
const AT_ONCE = 2000;

const NAMES = [...PARAMETERS.values()].flatMap((of) => [...of.values()].filter((p) => p.like === 'name'));
const TOKENS = NAMES.map((p) => p.id).join(', ');
const VALUES = NAMES.flatMap((p) => p.alsoReads.flatMap((code) => parameter(p.type, code)?.id ?? [])).join(', ');

/** Words that no name has: none begins with it, which words_folded tells, and none has its token. lookup_pkey. */
const UNUSED = `select w.word from unnest($1::text[]) w(word)
  where not exists (select from unnest(array[${VALUES}]) p(param) cross join lateral (
      select from directory.words x where x.param = p.param
        and (x.folded = w.word collate "C" or x.folded >= (w.word || ' ') collate "C" and x.folded < (w.word || '!') collate "C") limit 1) x)
    and not exists (select from unnest(array[${TOKENS}]) t(seed) cross join lateral (
      select from directory.lookup x where x.token = hashtextextended(w.word, t.seed) limit 1) x)`;

/** The words under each of their keys, as two arrays. */
function keyed(words: readonly string[]): [keys: string, words: string] {
  const keys: string[] = [];
  const of: string[] = [];
  for (const word of words)
    for (const key of storedKeys(word)) {
      keys.push(key);
      of.push(word);
    }
  return [arrayLiteral(keys), arrayLiteral(of)];
}

/** How often words have been taken out; waits for all other writers. */
async function pruned(tx: Queryable): Promise<string | undefined> {
  const [state] = await tx.unsafe<{ pruned: string }[]>(
    'select pruned::text as pruned from directory.state for update',
    [],
    { prepare: true },
  );
  return state?.pruned;
}

async function enter(sql: Queryable, words: readonly string[]): Promise<void> {
  for (let i = 0; i < words.length; i += AT_ONCE)
    await sql.unsafe(
      `insert into directory.vocabulary (key, word)
       select hashtextextended(k, 0), w from unnest($1::text[], $2::text[]) u(k, w) order by 1, 2 on conflict do nothing`,
      keyed(words.slice(i, i + AT_ONCE)),
    );
}

/** Words that were forgotten, in a table that ends with the connection: {@link AT_ONCE} a row. */
const FORGOTTEN =
  'create temp table if not exists forgotten (place integer generated always as identity, words text[] not null)';

async function keepForgotten(sql: Queryable, words: readonly string[]): Promise<void> {
  await sql.unsafe(FORGOTTEN);
  for (let i = 0; i < words.length; i += AT_ONCE)
    await sql.unsafe('insert into forgotten (words) values ($1::text[])', [arrayLiteral(words.slice(i, i + AT_ONCE))]);
}

async function enterForgotten(sql: Queryable): Promise<void> {
  for (let last = 0; ; ) {
    const [row] = await sql.unsafe<{ place: number; words: string }[]>(
      'select place, to_json(words)::text as words from forgotten where place > $1::int order by place limit 1',
      [String(last)],
    );
    if (row === undefined) return;
    await enter(sql, JSON.parse(row.words) as string[]);
    last = row.place;
  }
}

/** @param most words that are remembered */
export function knownWords(most = MAX_KNOWN): KnownWords {
  let known = new Set<string>();
  let fresh: string[] = [];
  let left = new Set<string>();
  let seen: string | undefined;
  /** to be forgotten, once they are in the table */
  let full: string[] = [];
  let hasForgotten = false;
  return {
    add(words) {
      for (const word of words) {
        if (known.has(word)) continue;
        if (known.size >= most) {
          for (const old of known) full.push(old);
          known = new Set();
        }
        known.add(word);
        fresh.push(word);
      }
    },
    async write(sql) {
      const now = await pruned(sql);
      const again = seen !== undefined && seen !== now;
      const words = again ? [...full, ...known] : fresh;
      const forgotten = full;
      seen = now;
      fresh = [];
      full = [];
      await enter(sql, words);
      if (again && hasForgotten) await enterForgotten(sql);
      if (forgotten.length === 0) return;
      await keepForgotten(sql, forgotten);
      hasForgotten = true;
    },
    leave(words) {
      for (const word of words) if (left.size < MAX_KNOWN) left.add(word);
    },
    async prune(sql) {
      // what the same import has entered is in its names
      const words = [...left].filter((word) => !known.has(word));
      left = new Set();
      for (let i = 0; i < words.length; i += AT_ONCE)
        await sql.begin(async (tx) => {
          await pruned(tx);
          const rows = await tx.unsafe<{ word: string }[]>(UNUSED, [arrayLiteral(words.slice(i, i + AT_ONCE))]);
          if (rows.length === 0) return;
          await tx.unsafe(
            `delete from directory.vocabulary v using unnest($1::text[], $2::text[]) u(k, w)
             where v.key = hashtextextended(k, 0) and v.word = w collate "C"`,
            keyed(rows.map((row) => row.word)),
          );
          await tx.unsafe('update directory.state set pruned = pruned + 1');
        });
    },
  };
}

const BEGINNINGS = 40;
/** Words of the vocabulary that may stand for one of the query. */
const MAX_ALIKE = 24;

/** vocabulary_pkey for like words, vocabulary_word for beginnings. */
const ALIKE = `select word from directory.vocabulary where key in (select hashtextextended(k, 0) from unnest($1::text[]) k)
  union
  select b.word from unnest($2::text[]) p(start) cross join lateral (
    select word from directory.vocabulary where key = hashtextextended(word, 0)
      and word >= p.start collate "C" and word < (p.start || '\u{10FFFF}') collate "C"
    order by length(word) limit ${BEGINNINGS}) b`;

async function findWords(sql: Queryable, like: LikeCriterion): Promise<LikeWord[]> {
  const texts = [...new Set(like.words.map((w) => w.text))];
  const keys = new Set(texts.flatMap(soughtKeys));
  const starts = texts.filter((t) => t.length >= 3);
  const found = await rawRows(sql, ALIKE, [arrayLiteral([...keys]), arrayLiteral(starts)], { prepare: true });
  const rows = Array.from({ length: found.length }, (_, i) => ({ word: found.text(i, 0) ?? '' }));
  return like.words.flatMap(({ text, at }) =>
    rows
      .map(({ word }) => ({ word, weight: likeness(text, word) }))
      .filter((w) => w.weight > 0)
      .sort((a, b) => b.weight - a.weight || (a.word < b.word ? -1 : 1))
      .slice(0, MAX_ALIKE)
      .flatMap(({ word, weight }) => at.map((place) => ({ word, at: place, weight }))),
  );
}

async function resolve(sql: Queryable, c: Criterion): Promise<Criterion> {
  if (c.kind === 'like' && c.found === undefined) return { ...c, found: await findWords(sql, c) };
  if (c.kind === 'chain' || c.kind === 'reverse-chain') {
    const of = await resolve(sql, c.of);
    return of === c.of ? c : { ...c, of };
  }
  return c;
}

const looksForNames = (request: SearchRequest): boolean => request.criteria.some(isLike);

/** The request with the words that its misspelt names mean; the same request when it has none. */
export async function resolveNames(sql: Queryable, request: SearchRequest): Promise<SearchRequest> {
  if (!looksForNames(request)) return request;
  const criteria: Criterion[] = [];
  for (const c of request.criteria) criteria.push(await resolve(sql, c));
  return { ...request, criteria };
}

/** Does the criterion look for a name that may be misspelt, itself or at the end of its chain? */
export function isLike(c: Criterion): boolean {
  return c.kind === 'like' || ((c.kind === 'chain' || c.kind === 'reverse-chain') && isLike(c.of));
}
