// About how many match, for totals beyond what is counted.

import type { Queryable, Sql } from '../../src/db/database.ts';
import { isTimeout } from '../../src/db/failure.ts';
import { rawRows } from '../../src/db/raw-rows.ts';
import { deadlineOf } from '../../src/db/request-deadline.ts';
import type { Criterion } from '../../src/fhir/search/criterion.ts';
import type { SearchRequest } from '../../src/fhir/search/request.ts';
import { TYPE_IDS } from '../../src/fhir/search/types.ts';
import { resolved } from './search.ts';
import { conditions, rows } from './search-condition.ts';
import { isRowwise } from './search-kinds.ts';
import { binder, TOTAL_EXACT } from './search-page.ts';
import { frequencies } from './token-frequency.ts';

/** `change`: counter of the state that it describes. */
export type Estimate = { value: number; change: string };

/**
 * About how many match: never more than there are of the type. Where each row can be asked by itself a
 * sample tells it, the same one as long as nothing changes; of others, of what few rows of a type meet, and of what takes long to be asked, the
 * planner guesses.
 * @param least so many do, as is known
 */
export async function estimateMatches(sql: Sql, given: SearchRequest, least = TOTAL_EXACT + 1): Promise<Estimate> {
  const { all, change } = await readCounts(sql, given);
  const criteria = telling(given);
  const share = criteria.every(isRowwise) ? await sampledShare(sql, { ...given, criteria }) : undefined;
  const guess = share === undefined ? await guessedMatches(sql, given) : share * all;
  return { value: Math.min(Math.max(least, all), Math.max(least, Math.round(guess))), change };
}

/**
 * About how many match, where a sample can tell that it is more than are counted, which is sooner asked than ten thousand rows: of a large type, and
 * of what is of no few rows as far as is known. Undefined for others.
 */
export async function sampledMatches(sql: Sql, given: SearchRequest): Promise<Estimate | undefined> {
  const criteria = telling(given);
  if (!criteria.every(isRowwise)) return undefined;
  const known = await frequencies(sql);
  const enough = (known.live(TYPE_IDS[given.type]) * ENOUGH) / SAMPLE;
  // twice as many, as the estimate is off by a seventh
  if (enough < 2 * TOTAL_EXACT || criteria.some((c) => known.rows(c) < enough)) return undefined;
  const { all, change } = await readCounts(sql, given);
  const share = await sampledShare(sql, { ...given, criteria });
  const value = Math.round((share ?? 0) * all);
  return value < 2 * TOTAL_EXACT ? undefined : { value, change };
}

async function readCounts(sql: Sql, { type }: SearchRequest): Promise<{ all: number; change: string }> {
  const text = 'select counts[$1::int], change from directory.state';
  const state = await rawRows(sql, text, [String(TYPE_IDS[type])], { prepare: true, short: true });
  const found = { all: Number(state.text(0, 0) ?? 0), change: state.text(0, 1) ?? '' };
  return found;
}

/** As a row is asked about them; what leaves out some by their ids is of nearly all. */
const telling = (given: SearchRequest): Criterion[] => given.criteria.filter((c) => !leavesOutFew(c)).map(asSets);

/** Rows that are asked, and how many of them have to match: the estimate is then off by a seventh (one standard deviation) at most. */
const SAMPLE = 1000;
const ENOUGH = 50;
/** What one row refers to, or what refers to it, may be a part of the whole directory. */
const SAMPLE_MS = 300;

/** The part of the first rows of the type that match. Keys are hashes, so that these are any rows. resource_type. */
async function sampledShare(sql: Sql, { type, criteria }: SearchRequest): Promise<number | undefined> {
  const { values, bind } = binder();
  const test = ['true', ...conditions(criteria, bind)].join(' and ');
  const first = `select d.* from directory.resource d where d.type = ${TYPE_IDS[type]} and not d.deleted order by d.rk limit ${SAMPLE}`;
  const text = `select count(*)::int as asked, (count(*) filter (where ${test}))::int as matched from (${first}) d`;
  const began = performance.now();
  try {
    const [counted] = await sql.begin(async (tx) => {
      const [, found] = await Promise.all([
        tx.unsafe(LIMITED, [String(SAMPLE_MS)]),
        tx.unsafe<{ asked: number; matched: number }[]>(text, values),
      ]);
      return found;
    });
    return counted && counted.asked > 0 && counted.matched >= ENOUGH ? counted.matched / counted.asked : undefined;
  } catch (error) {
    if (isTimeout(error)) return undefined;
    throw error;
  } finally {
    const deadline = deadlineOf(sql);
    if (deadline !== undefined) deadline.took += performance.now() - began;
  }
}

/** Statements behind it in its transaction have so many milliseconds, room for such rows, and are planned with their values. */
const LIMITED = `select set_config('statement_timeout', $1, true), set_config('work_mem', '32MB', true), set_config('plan_cache_mode', 'force_custom_plan', true)`;

async function guessedMatches(sql: Queryable, given: SearchRequest): Promise<number> {
  const request = await resolved(sql, given);
  const { values, bind } = binder();
  bind.guessing = true;
  const explained = `explain (format json) ${rows(request.type, request.criteria.filter(isTelling), bind)}`;
  const shown = await rawRows(sql, explained, values, { prepare: false });
  const parsed = JSON.parse(shown.text(0, 0) ?? '[]') as { Plan: { 'Plan Rows': number } }[];
  return parsed?.[0]?.Plan['Plan Rows'] ?? 0;
}

const leavesOutFew = (c: Criterion): boolean => c.kind === 'none' && c.of.kind === 'id';

/** Marks are of nearly all resources, and so is what leaves out some by their ids; the planner takes such for half of them. */
const isTelling = (c: Criterion): boolean =>
  c.kind !== 'mark' && !leavesOutFew(c) && !(c.kind === 'none' && c.of.kind === 'fresh');

/** Rows of words and of periods are found once, for whatever the sample refers to. */
function asSets(c: Criterion): Criterion {
  switch (c.kind) {
    case 'string':
    case 'date':
      return { ...c, whole: true };
    case 'chain':
    case 'reverse-chain':
    case 'none':
      return { ...c, of: asSets(c.of) };
    case 'any':
    case 'all':
      return { ...c, of: c.of.map(asSets) };
    default:
      return c;
  }
}
