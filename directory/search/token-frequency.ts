// How many rows have a token, as the server's statistics know it: the frequent ones by number, all others as rare. A search
// begins with what is rarest; the kept plan of a statement knows no values, so the statement itself has to say so.

import type { Queryable } from '../../src/db/database.ts';
import { hashed, hashText } from '../../src/db/hash.ts';
import { tokenOfReference } from '../../src/db/reference-token.ts';
import { schemaOf } from '../../src/db/schema-view.ts';
import type { Criterion, StringCriterion } from '../../src/fhir/search/criterion.ts';
import { EXTRACTION_VERSION } from '../../src/fhir/search/extract.ts';
import { typeOfParameter } from '../../src/fhir/search/parameters.ts';
import { TYPE_IDS } from '../../src/fhir/search/types.ts';
import { storedForms } from '../../src/fhir/search/usual-system.ts';
import { isFromPlaces } from './search-kinds.ts';

export type Frequencies = {
  /** Rows that one criterion leaves, roughly; Infinity where that cannot be said or a search cannot begin with it. */
  rows(c: Criterion): number;
  /** Rows that a criterion has at least, as the statistics know it; 0 where they do not. */
  least(c: Criterion): number;
  /** The frequent words that begin as a criterion asks, the most frequent first. */
  frequent(c: StringCriterion): { param: number; folded: string }[];
  /** Live resources of a type, by its number; Infinity where there are no statistics. */
  live(type: number): number;
  /** Has the index entries of family and given names together? Not one that an older program made. */
  paired: boolean;
};

const FRESH_MS = 60_000;
/** Resources that refer to one of a kind: roles of a place, affiliations of an organization. */
const REFERRING = 6;
const SHORT_NAME = 20_000;
const NAME = 1000;
/** So many seldom words begin like one that is asked for. */
const BEGINNINGS = 8;
const RANKED = 2000;
const SOME = 5000;
/** Roles of a kind of care, of which in a circle and a network. */
const SOME_CARE = 100;

/** pg_stats shows the columns that the role may read. */
const READ = `select array_to_string(s.most_common_vals::text::bigint[], ',') as tokens, array_to_string(s.most_common_freqs, ',') as shares, c.reltuples as rows,
    array_to_string(p.most_common_elems::text::int[], ',') as params, array_to_string(p.most_common_elem_freqs, ',') as parts, greatest(r.reltuples, 0) as resources,
    (select array_to_string(counts, ',') from directory.state) as counts, (select extraction_version from directory.state) as extraction, w.*, f.n_distinct as different
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  join pg_class r on r.oid = 'directory.resource'::regclass
  cross join directory.frequent_words() w
  left join pg_stats s on s.schemaname = n.nspname and s.tablename = c.relname and s.attname = 'token'
  left join pg_stats p on p.schemaname = n.nspname and p.tablename = r.relname and p.attname = 'params'
  left join pg_stats f on f.schemaname = n.nspname and f.tablename = 'words' and f.attname = 'folded'
  where c.oid = 'directory.lookup'::regclass`;

type Read = Record<'tokens' | 'shares' | 'params' | 'parts' | 'counts' | 'words' | 'portions', string | null> & {
  rows: number;
  resources: number;
  entries: number;
  different: number | null;
  extraction: number;
};

/** Frequent words by the number of their parameter. */
export type WordRows = ReadonlyMap<number, readonly FrequentWord[]>;
type FrequentWord = { folded: string; rows: number };

/** Of words in order those that begin so. */
function beginning(words: readonly FrequentWord[], start: string): readonly FrequentWord[] {
  let from = 0;
  for (let to = words.length; from < to; ) {
    const middle = (from + to) >> 1;
    if ((words[middle]?.folded ?? '') < start) from = middle + 1;
    else to = middle;
  }
  let end = from;
  while (words[end]?.folded.startsWith(start) === true) end++;
  return words.slice(from, end);
}

/** Resources that have a parameter, by its number, and live resources by type number (the first is number 1). */
export type Having = { params: ReadonlyMap<number, number>; counts: readonly number[] };

type Held = { at: number; frequencies: Frequencies };

/** Of the process, by database and schema: it serves one directory, and perhaps the merged view. */
const held = new Map<string, Held>();
const placeOf = (sql: Queryable): string =>
  `${(sql as { options?: { database?: string } }).options?.database ?? ''}.${schemaOf(sql)}`;

/** The frequencies, at most a minute old. They decide how a statement runs, never what it finds. */
export async function frequencies(sql: Queryable): Promise<Frequencies> {
  const place = placeOf(sql);
  const known = held.get(place);
  const now = performance.now();
  if (known !== undefined && now - known.at < FRESH_MS) return known.frequencies;
  if (known !== undefined) known.at = now; // others go on with what is known while this one asks
  const [row] = await sql.unsafe<Read[]>(READ, [], { prepare: true });
  const list = (name: keyof Read): string[] =>
    String(row?.[name] ?? '')
      .split(',')
      .filter((one) => one !== '');
  const shares = list('shares').map(Number);
  const all = Math.max(0, row?.rows ?? 0);
  const found = new Map(list('tokens').map((token, i) => [halves(BigInt(token)), Math.round((shares[i] ?? 0) * all)]));
  const parts = list('parts').map(Number);
  const params = new Map(
    list('params').map((id, i) => [Number(id), Math.round((parts[i] ?? 0) * (row?.resources ?? 0))]),
  );
  const having = params.size === 0 ? undefined : { params, counts: list('counts').map(Number) };
  const portions = list('portions').map(Number);
  const entries = row?.entries ?? 0;
  const words = wordRows(row?.words, portions, entries);
  const different = (row?.different ?? 0) < 0 ? -(row?.different ?? 0) * entries : (row?.different ?? 0);
  const others = (1 - sum(portions, (part) => part)) * entries;
  const seldom = words.size === 0 || different <= portions.length ? undefined : others / (different - portions.length);
  const made = {
    ...estimates(found, Math.min(100, ...[...found.values()].map((n) => n / 2)), having, words, seldom),
    paired: row?.extraction === EXTRACTION_VERSION,
  };
  held.set(place, { at: now, frequencies: made });
  return made;
}

function wordRows(values: string | null | undefined, portions: readonly number[], entries: number): WordRows {
  const found = new Map<number, FrequentWord[]>();
  (JSON.parse(values ?? '[]') as [string, string][]).forEach(([param, folded], i) => {
    const of = found.get(Number(param)) ?? [];
    of.push({ folded, rows: Math.round((portions[i] ?? 0) * entries) });
    found.set(Number(param), of);
  });
  return found;
}

const halves = (token: bigint): string => `${BigInt.asIntN(32, token >> 32n)},${BigInt.asIntN(32, token)}`;

/**
 * @param found rows of frequent tokens, by the halves of their hash; `rare`: of all others
 * @param having undefined where the server has no statistics yet
 * @param words frequent words; `seldom`: rows of one of the others, on average
 */
export function estimates(
  found: ReadonlyMap<string, number>,
  rare: number,
  having?: Having,
  words: WordRows = new Map(),
  seldom?: number,
): Frequencies {
  const live = (type: number): number => (having ? (having.counts[type - 1] ?? 0) : Number.POSITIVE_INFINITY);
  const ofToken = (): number => found.get(`${hashed.hi},${hashed.lo}`) ?? rare;
  const has = (param: number): number => having?.params.get(param) ?? (having ? 0 : Number.POSITIVE_INFINITY);
  const lacks = (param: number): number =>
    having ? Math.max(0, live(typeOfParameter(param)) - has(param)) : Number.POSITIVE_INFINITY;
  const inOrder = new Map(
    [...words].map(([param, of]) => [param, of.toSorted((x, y) => (x.folded < y.folded ? -1 : 1))]),
  );
  /** the frequent words that begin with one of these, or are one of these; of a part of a word it cannot be said */
  function frequent({ params, words: sought, match }: StringCriterion): (FrequentWord & { param: number })[] {
    if (match === 'contains') return [];
    const found = new Map<string, FrequentWord & { param: number }>();
    for (const param of params)
      for (const { folded } of sought)
        for (const w of beginning(inOrder.get(param) ?? [], folded))
          if (match === 'starts' || w.folded === folded) found.set(`${param} ${w.folded}`, { param, ...w });
    return [...found.values()];
  }
  function rows(c: Criterion): number {
    switch (c.kind) {
      case 'token':
        return c.negated
          ? Number.POSITIVE_INFINITY
          : sum(
              c.forms.flatMap((form) => storedForms(c.seed, form)),
              (form) => {
                hashText(form, c.seed);
                return ofToken();
              },
            );
      case 'reference':
        return sum(c.keys, (key) => {
          hashText(key, 0);
          tokenOfReference(hashed.hi, hashed.lo, c.seed);
          return ofToken();
        });
      case 'id':
        return c.keys.length;
      case 'mark':
        return has(c.param);
      case 'missing':
        return c.missing ? lacks(c.param) : has(c.param);
      case 'none':
        return c.of.kind === 'mark' ? lacks(c.of.param) : Number.POSITIVE_INFINITY;
      case 'string':
        if (c.match === 'contains') return SHORT_NAME * 10;
        return Math.max(
          sum(frequent(c), (w) => w.rows),
          sum(c.words, (w) => (w.folded.length < 3 ? SHORT_NAME : Math.min(NAME, (seldom ?? NAME) * BEGINNINGS))),
        );
      case 'like':
        return RANKED;
      case 'near':
        return c.found?.length ?? SHORT_NAME;
      case 'care-at':
        return SOME_CARE;
      case 'full-name':
        return c.rows;
      case 'chain':
        return rows(c.of) * referring(c);
      case 'reverse-chain':
        // from places that are known; how many others are reached cannot be said
        return isFromPlaces(c) ? rows(c.of) : Number.POSITIVE_INFINITY;
      case 'any':
        return sum(c.of, rows);
      case 'all':
        return Math.min(...c.of.map(rows));
      case 'contains':
      case 'date':
      case 'fresh':
      case 'last-verified':
        return SOME;
      default:
        return Number.POSITIVE_INFINITY;
    }
  }
  /** resources that refer to one of a kind, on average */
  function referring({ seed, target }: Extract<Criterion, { kind: 'chain' }>): number {
    const targets = live(TYPE_IDS[target]);
    return having && targets > 0 ? Math.max(1, live(typeOfParameter(seed)) / targets) : REFERRING;
  }
  return {
    rows,
    live,
    paired: false,
    frequent: (c) =>
      frequent(c)
        .sort((a, b) => b.rows - a.rows)
        .map(({ param, folded }) => ({ param, folded })),
    least(c) {
      if (c.kind === 'string') return sum(frequent(c), (w) => w.rows);
      const n = c.kind === 'token' || c.kind === 'reference' ? rows(c) : 0;
      return n > rare && n < Number.POSITIVE_INFINITY ? n : 0;
    },
  };
}

const sum = <T>(of: readonly T[], each: (one: T) => number): number => of.reduce((total, one) => total + each(one), 0);
