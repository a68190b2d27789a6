// Names that may be misspelt, as SQL: every word of the query by the vocabulary words that answer it, scored and ranked.

import { arrayLiteral } from '../../src/db/database.ts';
import { referenceToken } from '../../src/db/reference-token.ts';
import type { Criterion, LikeCriterion } from '../../src/fhir/search/criterion.ts';
import type { SearchRequest } from '../../src/fhir/search/request.ts';
import { isLike } from '../resource/vocabulary.ts';
import type { Bind } from './search-set.ts';

/** Of more answers than this only the best are ranked. */
export const RANKED_MAX = 10_000;

/** The criterion that ranks a search: the first such name, reached forward, when no other order is asked for. */
export function rankedBy(request: SearchRequest): Criterion | undefined {
  if (request.sort.length > 0) return undefined;
  return request.criteria.find((c) => isLike(c) && leadsForward(c));
}

const leadsForward = (c: Criterion): boolean => c.kind === 'like' || (c.kind === 'chain' && leadsForward(c.of));

/**
 * `select rk, score` of the rows whose name answers, each once. words_folded for first words, lookup_pkey for others.
 * A family name in its usual place, behind the given names, counts a little more.
 */
export function scoredRows(c: Criterion, bind: Bind): string {
  if (c.kind === 'chain')
    return `select l.rk, max(t.score) as score from (${scoredRows(c.of, bind)}) t
      join directory.lookup l on l.token = ${referenceToken('t.rk', c.seed)} group by l.rk`;
  if (c.kind !== 'like') throw new Error('Only names are ranked.');
  if (c.found === undefined) throw new Error('The vocabulary was not asked.');
  return likeRows(c, c.found, bind);
}

function likeRows(c: LikeCriterion, found: NonNullable<LikeCriterion['found']>, bind: Bind): string {
  const words = bind(arrayLiteral(found.map((f) => f.word)), 'text[]');
  const weights = bind(arrayLiteral(found.map((f) => f.weight)), 'float8[]');
  const places = bind(arrayLiteral(found.map((f) => f.at)), 'int[]');
  const params = c.params.join(', ');
  const usual =
    c.family === undefined ? '' : ` + case when h.param = ${c.family} and v.at = ${c.count - 1} then 0.01 else 0 end`;
  const more = further(c, bind);
  const score = `sum(w) / ${c.count}`;
  const rows = `select rk, ${more === '' ? score : `${score} * ${1 - FURTHER}`} as score from (
      select h.rk, v.at, max(v.weight * 0.99${usual}) as w
      from unnest(${words}, ${weights}, ${places}) v(word, weight, at) cross join lateral (
        select rk, param from directory.words where param in (${params}) and folded = v.word collate "C"
        union all
        select rk, param from directory.words where param in (${params})
          and folded >= (v.word || ' ') collate "C" and folded < (v.word || '!') collate "C"
        union all
        select rk, ${c.seed} from directory.lookup where token = hashtextextended(v.word, ${c.seed})) h
      group by h.rk, v.at) m
    group by rk having count(*) >= ${c.needed}`;
  return more === '' ? rows : `select s.rk, s.score${more} as score from (${rows}) s`;
}

/** What else a query says of a name lets those that have it stand before the others; asked of what is found, row by row. */
const FURTHER = 0.02;

/** resource_pkey for the letter with which a given name begins; words_folded for words that are names now and then. */
function further({ initial, perhaps, family, given, givenPlace }: LikeCriterion, bind: Bind): string {
  const has = [
    ...(initial === undefined
      ? []
      : [
          `exists (select from directory.resource r where r.rk = s.rk and starts_with(split_part(r.sort, E'\\x01', ${givenPlace}), ${bind(initial, 'text')}))`,
        ]),
    ...(perhaps.length === 0 || family === undefined || given === undefined
      ? []
      : [
          `exists (select from directory.words e where e.param in (${family}, ${given}) and e.folded = any(${bind(arrayLiteral(perhaps), 'text[]')}) and e.rk = s.rk)`,
        ]),
  ];
  return has.length === 0 ? '' : ` + case when ${has.join(' or ')} then ${FURTHER} else 0 end`;
}
