// How a search goes: where it begins, and how each further criterion is asked of the rows that it finds. The kept plan of a
// statement knows no values, so the statement itself has to say so; what it says follows from how many rows the server's
// statistics know. The marks decide how a statement runs, never what it finds.
import type { Criterion, StringCriterion } from '../fhir/search/criterion.ts';
import { typeOfParameter } from '../fhir/search/parameters.ts';
import { TYPE_IDS } from '../fhir/search/types.ts';
import { storedForms } from '../fhir/search/usual-system.ts';
import { joinNames } from './full-name.ts';
import { isSource } from './search-kinds.ts';
import { ALONE, inOrder } from './search-set.ts';
import { isOfShape } from './search-shapes.ts';
import type { Frequencies } from './token-frequency.ts';

/** Microseconds of the server, as measured: a look into an index, a row that is read along in order, one that is put into a set, */
const LOOK = 1.3;
const ALONG = 0.15;
const ENTRY = 0.2;
/** a resource whose references are followed, and a target whose resources are found. */
const FOLLOW = 4;
const REACH = 3;

/** a row of a list that a token is looked for in, when the token is next to it in the index, and for each entry of it in between; */
const LISTED = 0.27;
const BETWEEN = 0.011;
/** the longest list, */
const LONGEST = 20_000;

/** a row that is put into a set which is asked of others; */
const PUT = 0.35;

/** a row of a word that is read with those of another criterion, whatever their order, and in order, */
const MET = 0.14;
const ORDERED = 0.2;
/** what the order of words costs at least, and each frequent word of it. */
const WORTH = 50;
const BRANCH = 15;

/** Of so many rows on that meet a chain resources are looked at one by one, until a page of them is found. */
const MANY = 50_000;
/** Of more rows that have or lack something a page is found by looking at resources in turn. */
const FEW = 10_000;

/**
 * The rarest first, within chains too; what is equal stays as it was asked.
 * @param count rows of a page
 */
export function rarestFirst(criteria: readonly Criterion[], by: Frequencies, count = 100): Criterion[] {
  const counted = joinNames(criteria, by).map((c) => ({ c: shaped(inner(c, by, count), by), n: by.rows(c) }));
  const ordered = counted
    .map((one) => (isCrowded(one, counted, by, count) ? { ...one, c: { ...one.c, many: true } as Criterion } : one))
    .sort((a, b) => (a.n === b.n ? 0 : a.n - b.n));
  const first = ordered.find(({ c }) => isSource(c));
  const other = ordered.find((o) => o !== first && isSource(o.c))?.n ?? Number.POSITIVE_INFINITY;
  const begin = first === undefined ? undefined : asked(first.c, other, true, by, count);
  let left = first?.n ?? Number.POSITIVE_INFINITY;
  return ordered.map((one) => {
    if (one === first && begin !== undefined) return begin;
    const all = by.live(typeOf(one.c));
    const share = ({ n }: { n: number }): number => Math.min(1, n / all) || 1;
    const others = ordered.filter((o) => o !== first && o !== one);
    if (isMet(begin, one.c) && left + one.n <= LONGEST && (left + one.n) * MET < Math.min(left, one.n) * LOOK)
      return { ...one.c, met: true } as Criterion;
    const c = asked(one.c, left, false, by, count, count / others.reduce((part, o) => part * share(o), 1));
    if ('listed' in c && c.listed === true) left *= share(one);
    return c;
  });
}

type Counted = { c: Criterion; n: number };

/** Are there so many places that a page is full sooner when rows of a token, which are in order, are asked one by one whether they are there? */
function isCrowded({ c, n }: Counted, all: readonly Counted[], by: Frequencies, count: number): boolean {
  if (c.kind !== 'chain' || c.of.kind !== 'near' || c.of.found === undefined || count === Number.POSITIVE_INFINITY)
    return false;
  const beside = all.filter((o) => (o.c.kind === 'token' && !o.c.negated) || o.c.kind === 'reference').map((o) => o.n);
  const asked = Math.min(...beside, (count * by.live(typeOfParameter(c.seed))) / n);
  return beside.length > 0 && asked * FOLLOW < n * (LOOK + PUT);
}

/** Are the rows of a word, in no order, and those of a token read as wholes? */
const isMet = (begin: Criterion | undefined, c: Criterion): boolean =>
  begin?.kind === 'string' &&
  begin.frequent === undefined &&
  (c.kind === 'token' || c.kind === 'reference') &&
  isSource(c);

/** Type of the resources that a criterion of a token is about, 0 of others. */
const typeOf = (c: Criterion): number => (c.kind === 'token' || c.kind === 'reference' ? typeOfParameter(c.seed) : 0);

function shaped(c: Criterion, by: Frequencies): Criterion {
  return isOfShape(c) && by.rows(c) < FEW ? ({ ...c, few: true } as Criterion) : c;
}

function inner(c: Criterion, by: Frequencies, count: number): Criterion {
  if (c.kind === 'all') return { ...c, of: rarestFirst(c.of, by, count) };
  if (c.kind === 'any') return { ...c, of: c.of.map((one) => (one.kind === 'all' ? inner(one, by, count) : one)) };
  if (c.kind !== 'chain' && c.kind !== 'reverse-chain') return c;
  const of = shaped(inner(c.of, by, count), by);
  return { ...c, of: long(of, by) };
}

/** A chain that very many rows meet is marked so. */
const long = (c: Criterion, by: Frequencies): Criterion =>
  (c.kind === 'chain' || c.kind === 'reverse-chain') && isLong(c, by) ? { ...c, many: true } : c;

/** Is it a chain that very many rows meet? */
function isLong(c: Criterion, by: Frequencies): boolean {
  if (c.kind === 'chain') return (c.of.kind === 'string' ? by.least(c.of) : by.rows(c)) >= MANY;
  return c.kind === 'reverse-chain' && by.rows(c.of) >= MANY;
}

/**
 * A word, read in order where that ends before so many of its rows are read that it is worth it: alone it does when it has more
 * than a page needs, beside another criterion when more rows meet both than a page needs.
 */
function word(c: StringCriterion, rows: number, begins: boolean, by: Frequencies, count: number): Criterion {
  const least = by.least(c);
  if (!inOrder(c) || least === 0) return c;
  const isAlone = rows === Number.POSITIVE_INFINITY;
  const held = by.rows(c);
  const meets = isAlone ? held : (held * rows) / by.live(typeOfParameter(c.params[0] ?? 0));
  const all = isAlone ? held : held + rows;
  const frequent = by.frequent(c).slice(0, ALONE);
  const inTurn = all * Math.min(1, count / meets) * ORDERED + WORTH + frequent.length * BRANCH;
  if (all * (isAlone ? PUT : MET) < inTurn) return c;
  return { ...c, frequent, ...(begins || isAlone ? {} : { together: true }) };
}

/** Under how many tokens its values stand in the index. */
const tokensIn = (c: Extract<Criterion, { kind: 'token' | 'reference' }>): number =>
  c.kind === 'reference' ? c.keys.length : c.forms.flatMap((form) => storedForms(c.seed, form)).length;

/**
 * The criterion with the way in which it is asked.
 * @param rows that others leave, of which it is asked
 * @param begins the search may begin with it
 * @param wanted rows that must meet it and the first one, for a page of those that meet the others too
 */
function asked(c: Criterion, rows: number, begins: boolean, by: Frequencies, count: number, wanted = count): Criterion {
  if (isLong(c, by)) return long(c, by);
  if (c.kind === 'chain' && c.of.kind === 'string') {
    const targets = by.least(c.of);
    const all = by.live(TYPE_IDS[c.target]);
    if (targets === 0 || all === Number.POSITIVE_INFINITY) return c;
    const one = targets * ENTRY + Math.min(rows, (count * all) / targets) * FOLLOW;
    const enumerated = targets * REACH * (begins ? 2 : 1);
    return one < enumerated ? { ...c, many: true } : c;
  }
  if (c.kind === 'string') return word(c, rows, begins, by, count);
  if ((c.kind !== 'token' && c.kind !== 'reference') || (c.kind === 'token' && c.negated)) return c;
  const held = by.rows(c);
  const all = by.live(typeOfParameter(c.seed));
  const several = tokensIn(c);
  // each row is asked for each of the tokens, unless all that have one are read once; what a search begins with may have to be asked too
  const everyRow = wanted === Number.POSITIVE_INFINITY;
  if ((several > 1 || everyRow) && held * PUT < Math.min(rows, (wanted * all) / held) * several * LOOK)
    return { ...c, whole: true };
  if (begins || (c.kind === 'token' ? c.forms : c.keys).length > 1) return c;
  const looks = Math.min(rows, (wanted * all) / held) * LOOK;
  const along = (rows + held) * Math.min(1, (wanted * all) / (rows * held)) * ALONG;
  const listed = several === 1 && rows <= LONGEST ? rows * Math.min(LISTED + (BETWEEN * held) / rows, LOOK) : along;
  if (listed < along && listed < looks) return { ...c, listed: true };
  return along < looks ? { ...c, together: true } : c;
}
