// One type by search: as a whole (rung 7), by windows of time where results are capped (6), what changed (4, 5).
// federation.md 5; what proves that a sweep is whole is in `whole`.
import { type DirectoryType, TYPE_IDS } from '../../../src/fhir/search/types.ts';
import { HarvestFault } from '../reasons.ts';
import type { Ending, Harvest } from './context.ts';
import { type Paged, readPages } from './pages.ts';
import { countMet } from './stage-rows.ts';

const COUNT = 200;
const PASSES = 3;
const OLD = 'gt2015-01-01';
/** Windows are not halved below this. */
const LEAST_MS = 1000;

/** Rung 7, and 6 when the peer gives only its first results. */
export async function readWhole(h: Harvest, type: DirectoryType): Promise<Ending> {
  const { position } = h;
  if (position.windows) return await readWindows(h, type);
  const start = startOf(h, type);
  for (let pass = position.pass ?? 1; ; pass++) {
    position.pass = pass;
    const before = pass === 1 ? 0 : (await metBy(h, type)).ids;
    const leftBefore = leftOut(h, type);
    const resumed = position.url !== undefined;
    const paged = await startPages(h, type, start, pass);
    const { ids: met, contents } = await metBy(h, type);
    const left = leftOut(h, type) - leftBefore;
    if (paged.ended === 'loop') return { complete: false, reason: 'page-loop' };
    // after a restart the pages before are not counted again, so repeats cannot be identified by number
    const repeated = !resumed && paged.read - left > met && pass === 1;
    const unsettled = repeated || (pass > 1 && met > before);
    if (unsettled && pass < PASSES) {
      h.stage.count(type, 'repeated', Math.max(0, paged.read - left - met));
      continue;
    }
    if (unsettled) return { complete: false, reason: 'order-unstable' };
    const ending = judge(h, type, paged, Math.max(met, contents) + left);
    if (ending !== 'capped') return ending;
    if (h.facts('last-updated', type) !== 'works') return { complete: false, reason: 'short-of-total' };
    position.windows = [['2000-01-01T00:00:00.000Z', position.anchor || h.deps.clock().toISOString()]];
    if (paged.total !== undefined) position.total = paged.total;
    delete position.url;
    return await readWindows(h, type);
  }
}

const metBy = (h: Harvest, type: DirectoryType) => countMet(h.deps.database.sql, h.run.id, TYPE_IDS[type]);

/** Records that came and were not taken: they count for the peer. */
function leftOut(h: Harvest, type: DirectoryType): number {
  const counters = h.stage.counters.get(TYPE_IDS[type]) ?? {};
  return ['own', 'far', 'direct', 'abridged', 'damaged', 'other-type'].reduce(
    (n, name) => n + (counters[name] ?? 0),
    0,
  );
}

function startOf(h: Harvest, type: DirectoryType): string {
  const bare = h.facts('bare-search', type) === 'refused' ? `_lastUpdated=${OLD}&` : '';
  return `${h.peer.base}/${type}?${bare}_sort=_id&_count=${COUNT}`;
}

/**
 * A peer that cannot sort is asked without; one that wants a parameter gets a time long past (Q08); one that takes no page of this
 * size gets its own.
 */
async function startPages(h: Harvest, type: DirectoryType, start: string, pass: number): Promise<Paged> {
  const unsorted = start.replace('_sort=_id&', '');
  const past = `${h.peer.base}/${type}?_lastUpdated=${OLD}&_count=${COUNT}`;
  const asked = [...new Set([start, unsorted, past, ...[unsorted, past].map((u) => u.replace(/[?&]_count=\d+/, ''))])];
  for (const [n, url] of asked.entries())
    try {
      return await readPages(h, type, url, { pass });
    } catch (error) {
      const isLast = n === asked.length - 1;
      if (isLast || !(error instanceof HarvestFault) || error.reason !== 'bad-request') throw error;
    }
  throw new Error('There is always a last form of the question.');
}

/** What the end of a sweep proves. */
function judge(h: Harvest, type: DirectoryType, paged: Paged, met: number): Ending | 'capped' {
  const fact = h.facts('total', type) ?? 'unknown';
  const factor = Number(/^factor (\d+)$/.exec(fact)?.[1] ?? 1);
  const usable = paged.total !== undefined && fact !== 'page' && fact !== 'absent';
  if (usable && met * factor < (paged.total ?? 0)) return 'capped';
  if (paged.ended === 'empty-tail' && !usable) return { complete: false, reason: 'empty-tail' };
  if (met === 0 && h.facts('enumerates', type) !== 'yes' && h.facts('search-identifier', type) === 'works')
    return { complete: false, reason: 'not-enumerable' };
  return { complete: true, reason: '' };
}

/** Windows of time, each halved until what comes is what the peer counts in it. */
async function readWindows(h: Harvest, type: DirectoryType): Promise<Ending> {
  const { position } = h;
  const windows = position.windows ?? [];
  const factor = Number(/^factor (\d+)$/.exec(h.facts('total', type) ?? '')?.[1] ?? 1);
  let short = false;
  for (let n = 0; windows.length > 0; n++) {
    const [from, to] = windows.at(-1) ?? ['', ''];
    const resumed = position.url !== undefined;
    const paged = await readPages(
      h,
      type,
      `${h.peer.base}/${type}?_lastUpdated=ge${from}&_lastUpdated=lt${to}&_count=${COUNT}`,
      {
        pass: 1000 + (((position.pages ?? 0) + n) % 30_000),
        ids: true,
      },
    );
    windows.pop();
    if (resumed && paged.total !== undefined)
      windows.push([from, to]); // counted again: what was read is known by now
    else if (paged.ended === 'loop' || (paged.total !== undefined && paged.ids.size * factor < paged.total)) {
      const middle = new Date((Date.parse(from) + Date.parse(to)) / 2).toISOString();
      if (Date.parse(to) - Date.parse(from) <= LEAST_MS) short = true;
      else windows.push([from, middle], [middle, to]);
    }
    delete position.url;
    await h.stage.flush();
  }
  delete position.windows;
  // what changed while the windows were read lies after the last of them
  if (position.anchor)
    await readPages(h, type, `${h.peer.base}/${type}?_lastUpdated=ge${position.anchor}&_count=${COUNT}`, {
      pass: 32_000,
    });
  // records that lie in no window: without a time, or with one before the first
  const isShort = (await metBy(h, type)).ids * factor < (position.total ?? 0);
  delete position.total;
  const reason = short ? 'capped-results' : isShort ? 'short-of-total' : '';
  return { complete: reason === '', reason };
}

/** Rung 4: history with deletions, oldest last or first: the later version counts by its time. Changes only. */
export async function readHistory(h: Harvest, type: DirectoryType, since: string): Promise<Ending> {
  const paged = await readPages(
    h,
    type,
    `${h.peer.base}/${type}/_history?_since=${since}&_sort=_lastUpdated&_count=${COUNT}`,
    { pass: 1 },
  );
  // newest first, a deletion would stand before what it deletes
  if (!paged.oldestFirst) throw new HarvestFault('bad-request', 'history is not oldest first');
  return { complete: false, reason: paged.ended === 'loop' ? 'page-loop' : '' };
}

/** Rung 5: what was updated since. Changes only, no deletions. */
export async function readUpdated(h: Harvest, type: DirectoryType, since: string): Promise<Ending> {
  const sort = h.facts('sort-last-updated', type) === 'honoured' ? '&_sort=_lastUpdated' : '';
  const paged = await readPages(h, type, `${h.peer.base}/${type}?_lastUpdated=ge${since}${sort}&_count=${COUNT}`, {
    pass: 1,
  });
  return { complete: false, reason: paged.ended === 'loop' ? 'page-loop' : '' };
}
