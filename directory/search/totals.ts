// How many match. Often the page tells it; otherwise they are counted, once as long as the directory does not change.

import type { Database } from '../../src/db/database.ts';
import { isTimeout } from '../../src/db/failure.ts';
import { onPart } from '../../src/db/request-deadline.ts';
import { Outcome } from '../../src/fhir/outcome.ts';
import { isTimeless, type SearchRequest } from '../../src/fhir/search/request.ts';
import { type Counting, countMatches, type Page, searchPage, TOTAL_EXACT } from './search.ts';
import { estimateMatches, sampledMatches } from './search-estimate.ts';

/** `exact` or an estimate */
export type Total = { value: number; exact: boolean };
type Known = Total & { change: string };

/** Totals already counted. Holds no more than a thousand, and nothing of who asked. */
export type Totals = {
  get(key: string): Known | undefined;
  set(key: string, known: Known): void;
  forget(key: string): void;
};

type TotalDeps = { database: Database; totals: Totals };

const MAX = 1000;

export function totals(): Totals {
  const held = new Map<string, Known>();
  return {
    get: (key) => held.get(key),
    set(key, known) {
      if (held.size >= MAX && !held.has(key)) {
        const [oldest] = held.keys();
        if (oldest !== undefined) held.delete(oldest);
      }
      held.set(key, known);
    },
    forget: (key) => void held.delete(key),
  };
}

/**
 * The total of a page; undefined when none is asked for, or none is asked for by name and it takes too long. A total that is counted may be of a
 * moment after the page.
 */
export async function totalOf(request: SearchRequest, deps: TotalDeps, found: Page): Promise<Total | undefined> {
  if (request.total === 'none') return undefined;
  if (found.total !== undefined && isAll(request, found.total)) return { value: found.total, exact: true };
  const key = totalKey(request);
  const known = deps.totals.get(key);
  if (known?.change === found.change) return known;
  const capped = found.total !== undefined && request.total !== 'accurate';
  const atLeast = request.count + 1;
  try {
    return await (capped ? estimated(request, deps, key, TOTAL_EXACT + 1) : counted(request, deps, key, atLeast));
  } catch (error) {
    // the page is there, and no one asked for its number
    if (request.total === 'default' && isTooCostly(error)) return undefined;
    throw error;
  }
}

/** The time of the request is over, or of its part, or that of one statement. */
const isTooCostly = (error: unknown): boolean =>
  isTimeout(error) || (error instanceof Outcome && error.code === 'too-costly');

/**
 * The page. Of what is remembered to match more than are counted, the matches are not counted again to be put in order. When that fails
 * they may be few by now, which takes a walk long to find: the next one counts.
 */
export async function pageOf(request: SearchRequest, { database, totals }: TotalDeps): Promise<Page> {
  if (request.sort.length === 0) return searchPage(database.sql, request);
  const key = totalKey(request);
  if ((totals.get(key)?.value ?? 0) <= TOTAL_EXACT) return searchPage(database.sql, request);
  try {
    return await searchPage(database.sql, { ...request, many: true });
  } catch (error) {
    totals.forget(key);
    throw error;
  }
}

/** The total alone. */
export const countTotal = (request: SearchRequest, deps: TotalDeps): Promise<Total> =>
  counted(request, deps, totalKey(request), 0);

/** Of the time of a request so much is kept for an estimate, when counting takes all of it. */
const KEPT_MS = 1500;

/** @param atLeast so many match, as is known */
async function counted(request: SearchRequest, deps: TotalDeps, key: string, atLeast: number): Promise<Total> {
  const { sql } = deps.database;
  const isWhole = request.total === 'accurate' || request.criteria.length === 0;
  const sampled = isWhole ? undefined : await sampledMatches(sql, request);
  if (sampled !== undefined) return keep(request, deps, key, { ...sampled, exact: false });
  const counting: Counting = request.total === 'accurate' ? 'all' : 'capped';
  try {
    const { total, change } = await countMatches(isWhole ? sql : onPart(sql, KEPT_MS), request, counting);
    if (isWhole || total <= TOTAL_EXACT) return keep(request, deps, key, { change, value: total, exact: true });
  } catch (error) {
    // in a large directory the first ten thousand may lie anywhere on its disk
    if (isWhole || !isTooCostly(error)) throw error;
    return estimated(request, deps, key, atLeast);
  }
  return estimated(request, deps, key, TOTAL_EXACT + 1);
}

/** Beyond the cap, or where counting takes too long, the total is an estimate, and marked so. */
async function estimated(request: SearchRequest, deps: TotalDeps, key: string, atLeast: number): Promise<Total> {
  const estimate = await estimateMatches(deps.database.sql, request, atLeast);
  return keep(request, deps, key, { ...estimate, exact: false });
}

function keep(request: SearchRequest, deps: TotalDeps, key: string, known: Known): Known {
  if (isTimeless(request)) deps.totals.set(key, known);
  return known;
}

/** Does the number that a page tells count all? Of a type, and of places by their distance, it does beyond the cap too. */
const isAll = (request: SearchRequest, total: number): boolean =>
  total <= TOTAL_EXACT || request.criteria.length === 0 || request.sort.some((key) => key.by === 'near');

/** The filters alone: pages and includes of one search share its total. */
function totalKey(request: SearchRequest): string {
  let key = `${request.type} ${request.total === 'accurate' ? 'accurate' : ''}`;
  for (const [name, value] of request.applied)
    if (!/^_(count|total|summary|elements|sort|(rev)?include)\b/.test(name)) key += `\n${name}\n${value}`;
  return key;
}
