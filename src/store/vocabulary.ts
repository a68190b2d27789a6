// The vocabulary of names: what is written of it with an import, and which of its words a misspelt query means.
import type { Criterion, LikeCriterion, LikeWord } from '../fhir/search/criterion.ts';
import type { SearchRequest } from '../fhir/search/request.ts';
import { likeness, soughtKeys, storedKeys } from '../names/similar.ts';
import { arrayLiteral, type Queryable } from './database.ts';

/** Words that an import has entered already; forgotten when there are very many, which costs time and no fault. */
export type KnownWords = {
  /** collects words that are new */
  add(words: readonly string[]): void;
  /** enters what was collected, within the transaction that enters their names */
  write(sql: Queryable): Promise<void>;
};

const MAX_KNOWN = 300_000;
const AT_ONCE = 2000;

export function knownWords(): KnownWords {
  let known = new Set<string>();
  let fresh: string[] = [];
  return {
    add(words) {
      for (const word of words) {
        if (known.has(word)) continue;
        if (known.size >= MAX_KNOWN) known = new Set();
        known.add(word);
        fresh.push(word);
      }
    },
    async write(sql) {
      const words = fresh;
      fresh = [];
      for (let i = 0; i < words.length; i += AT_ONCE) {
        const keys: string[] = [];
        const of: string[] = [];
        for (const word of words.slice(i, i + AT_ONCE))
          for (const key of storedKeys(word)) {
            keys.push(key);
            of.push(word);
          }
        await sql.unsafe(
          `insert into directory.vocabulary (key, word)
           select hashtextextended(k, 0), w from unnest($1::text[], $2::text[]) u(k, w) order by 1, 2 on conflict do nothing`,
          [arrayLiteral(keys), arrayLiteral(of)],
        );
      }
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
  const rows = await sql.unsafe<{ word: string }[]>(ALIKE, [arrayLiteral([...keys]), arrayLiteral(starts)], {
    prepare: true,
  });
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

export const looksForNames = (request: SearchRequest): boolean => request.criteria.some(isLike);

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
