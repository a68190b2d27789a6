// How a search goes: where it begins, and how each further criterion is asked of the rows that it finds. The kept plan of a
// statement knows no values, so the statement itself has to say so; what it says follows from how many rows the server's
// statistics know. The marks decide how a statement runs, never what it finds.
import type { Criterion, StringCriterion } from '../../src/fhir/search/criterion.ts';
import { parameterName, typeOfParameter } from '../../src/fhir/search/parameters.ts';
import { type DirectoryType, TYPE_IDS } from '../../src/fhir/search/types.ts';
import { storedForms } from '../../src/fhir/search/usual-system.ts';
import { joinNames } from './full-name.ts';
import { isFromPlaces, isRowwise, isSource } from './search-kinds.ts';
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
/** resources that lead back to one: roles of a person. */
const REFERRING = 3;

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

/** the few to which very many lead, at most, and the part of these that has to meet a criterion for the few to be asked one by one. */
const HUBS = 1000;
const GOOD_PART = 0.25;

/** Of so many rows on that meet a chain resources are looked at one by one, until a page of them is found. */
const MANY = 50_000;
/** Of more rows that have or lack something a page is found by looking at resources in turn. */
const FEW = 10_000;

/**
 * The rarest first, within chains too; what is equal stays as it was asked.
 * @param count rows of a page
 * @param page rows after which no more are looked for: more than a page where they are put in order or counted
 */
export function rarestFirst(criteria: readonly Criterion[], by: Frequencies, count = 100, page = count): Criterion[] {
  const counted = joinNames(criteria, by).map((c) => ({
    c: around(frequent(shaped(inner(c, by, count), by), by, page), by, page),
    n: by.rows(c),
  }));
  const ordered = counted
    .map((one) => ({ ...one, c: crowded(one, counted, by, page) }))
    .sort((a, b) => (a.n === b.n ? leading(a.c, by) - leading(b.c, by) : a.n - b.n));
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

/** Rows that are read to find what they lead to; how many they lead to cannot be said. */
const leading = (c: Criterion, by: Frequencies): number =>
  c.kind === 'reverse-chain' ? Math.min(by.rows(c.of), Number.MAX_SAFE_INTEGER) : 0;

/** Is it what is near known places, by steps or by one of several ways, and nothing else? */
function isNearKnown(c: Criterion): boolean {
  if (c.kind === 'any') return c.of.every(isNearKnown);
  if (c.kind === 'all') return c.of.every((one) => isNearKnown(one) || one.kind === 'token');
  return (c.kind === 'chain' || c.kind === 'reverse-chain') && isFromPlaces(c);
}

/** Asked of each row. */
function byRow(c: Criterion): Criterion {
  if (c.kind === 'any' || c.kind === 'all') return { ...c, of: c.of.map(byRow) };
  return c.kind === 'chain' || c.kind === 'reverse-chain' ? { ...c, many: true, of: byRow(c.of) } : c;
}

/** Microseconds of a row that is asked whether it is near known places. */
function askedOnce(c: Criterion): number {
  if (c.kind === 'any') return c.of.reduce((sum, one) => sum + askedOnce(one), 0);
  if (c.kind === 'chain') return FOLLOW + askedOnce(c.of);
  // hardly any row has the token
  return c.kind === 'reverse-chain' ? LOOK + REFERRING * askedOnce(c.of) : c.kind === 'all' ? LOOK : 0;
}

/** Type of the rows, or one of which there are about as many. */
function typeNear(c: Criterion): number {
  if (c.kind === 'any' || c.kind === 'all') return Math.max(...c.of.map(typeNear));
  return typeOfParameter(c.kind === 'chain' ? c.seed : c.kind === 'reverse-chain' ? c.param : 0);
}

/** Does nearly every row meet it? */
const isOpen = (c: Criterion): boolean =>
  ['mark', 'missing', 'last-updated'].includes(c.kind) || (c.kind === 'none' && isOpen(c.of));

/**
 * The criterion, marked where there are so many places that a page is full sooner when rows in order are asked one by one whether they are
 * there: those of what is beside it, or all of the type.
 * @param page rows after which no more are looked for
 */
function crowded({ c, n }: Counted, all: readonly Counted[], by: Frequencies, page: number): Criterion {
  if (page === Number.POSITIVE_INFINITY || !isNearKnown(c)) return c;
  const others = all.filter((o) => o.c !== c);
  const beside = others.filter((o) => isSource(o.c) && o.n < Number.POSITIVE_INFINITY && !isNearKnown(o.c));
  if (beside.length === 0 && !others.every((o) => isOpen(o.c))) return c;
  const asked = Math.min(...beside.map((o) => o.n), (page * by.live(typeNear(c))) / n);
  // what leads to others is read to find them
  const found = n * (LOOK + PUT + (c.kind === 'reverse-chain' ? FOLLOW : 0));
  return asked * askedOnce(c) < found ? byRow(c) : c;
}

/**
 * Back along a step from what many have, such as people of whose roles many take new patients, or organizations for which many women work: marked
 * where a page is full sooner when those that are referenced are asked in turn. As they may lie otherwise than is thought, twice as soon.
 */
function frequent(c: Criterion, by: Frequencies, page: number): Criterion {
  if (c.kind !== 'reverse-chain') return c;
  if (c.of.kind === 'chain' && c.of.of.kind === 'string') return named(c, c.of, by);
  if (!isRowwise(c.of)) return c;
  const look = lookOf(c.of);
  if (look === undefined) return c;
  const held = by.rows(c.of);
  const found = held * (FOLLOW + PUT);
  const few = TO_FEW.get(parameterName(c.param));
  if (few !== undefined && 2 * askedOfFew(few, held, c, look, by) < found) return { ...c, many: true };
  if (few !== undefined && c.of.kind === 'chain') return c;
  const asked = ((page * by.live(typeNear(c))) / held) * (LOOK + REFERRING * look);
  return 2 * asked < found ? { ...c, many: true } : c;
}

/**
 * Microseconds of asking all of a type to a few of which others lead, such as the networks among organizations. Very many lead to each of
 * these, and of a network in another part of the country perhaps none of them meets the criterion: only where a good part of all does
 * one of the first few will.
 */
function askedOfFew(
  target: DirectoryType,
  held: number,
  c: Extract<Criterion, { kind: 'reverse-chain' }>,
  look: number,
  by: Frequencies,
): number {
  const share = held / by.live(typeOfParameter(c.param));
  if (share < GOOD_PART) return Number.POSITIVE_INFINITY;
  return by.live(TYPE_IDS[target]) * LOOK + (HUBS / share) * (LOOK + look);
}

/**
 * The few to which others lead that refer to what is called so, such as networks of people whose name begins with an A. What is called so is
 * read once, and each of the others asked whether it refers to that: names are everywhere, so that one of the first does.
 */
function named(
  c: Extract<Criterion, { kind: 'reverse-chain' }>,
  of: Extract<Criterion, { kind: 'chain' }>,
  by: Frequencies,
): Criterion {
  const few = TO_FEW.get(parameterName(c.param));
  const called = of.of.kind === 'string' ? by.least(of.of) : 0;
  if (few === undefined || called === 0) return c;
  const share = Math.min(1, called / by.live(TYPE_IDS[of.target]));
  const asked = by.live(TYPE_IDS[few]) * LOOK + called * PUT + (HUBS / share) * (LOOK + FOLLOW);
  const found = called * (PUT + REACH) + by.rows(of) * (FOLLOW + PUT);
  return asked < found ? { ...c, many: true, of: { ...of, many: true } } : c;
}

/** Microseconds of a row that is asked for a token, or of what it refers to, step by step; undefined where it is asked for something else. */
function lookOf(c: Criterion): number | undefined {
  if (c.kind === 'reference' || (c.kind === 'token' && !c.negated)) return LOOK;
  const of = c.kind === 'chain' ? lookOf(c.of) : undefined;
  return of === undefined ? undefined : FOLLOW + of;
}

/** References that very many resources have to the same few. */
const TO_FEW: ReadonlyMap<string, DirectoryType> = new Map([
  ['network', 'Organization'],
  ['new-patient-from-network', 'Organization'],
  ['plan-network', 'Organization'],
  ['endpoint', 'Endpoint'],
  ['administered-by', 'Organization'],
  ['owned-by', 'Organization'],
]);

/**
 * To what others refer to as well, such as roles in a network in which someone takes new patients: marked where finding all such targets
 * costs less than asking of each row whether one of the others that lead there meets it. Of those in one network that is very many, each time.
 */
function around(c: Criterion, by: Frequencies, page: number): Criterion {
  if (c.kind !== 'chain' || c.of.kind !== 'reverse-chain') return c;
  const { param, of } = c.of;
  if ((of.kind !== 'token' && of.kind !== 'reference') || (of.kind === 'token' && of.negated)) return c;
  const held = by.rows(of);
  const all = by.live(typeOfParameter(c.seed));
  const targets = Math.max(1, by.live(TYPE_IDS[c.target]));
  const rows = Math.min(all, page * Math.max(1, targets / held));
  const asked = rows * (FOLLOW + (1 + by.live(typeOfParameter(param)) / targets) * LOOK);
  const isLess = TO_FEW.has(parameterName(param)) || held * (FOLLOW + PUT) < asked;
  return isLess ? { ...c, many: true, whole: true } : c;
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
  if (c.kind === 'all') return { ...c, of: rarestFirst(c.of, by, count, Number.POSITIVE_INFINITY) };
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
