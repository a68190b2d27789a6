// Rung 3: $export of the peer, as a whole or since the last time. Bulk Data 2.0.0 and 3.0.0; also the names of the 4.0.0 ballot.
import { isObject, type JsonObject, objects, text } from '../../../src/fhir/resource.ts';
import { DIRECTORY_TYPES, type DirectoryType, isDirectoryType, TYPE_IDS } from '../../../src/fhir/search/types.ts';
import { retryAfterMs } from '../../../src/net/retry-after.ts';
import { discard } from '../client.ts';
import type { Cursor } from '../peer.ts';
import { HarvestFault } from '../reasons.ts';
import { readFiles } from './chain.ts';
import { beginRung, endRung, type Harvest } from './context.ts';

/** So long a run waits for an export; then other directories have their turn, and this one is looked at again later. */
const TURN_MS = 5 * 60_000;
/** An export that has not ended a day after it was asked for is given up: its types are read page by page. */
const LONGEST_MS = 86_400_000;

/** Does the peer offer it? Only what is claimed is tried: a kick-off costs the peer work. */
export const offersExport = (h: Harvest): boolean =>
  h.peer.base !== null &&
  (h.facts('claims-operations') ?? '').split(' ').some((o) => o === 'export' || o === '$export');

/**
 * @param since ISO; undefined asks for everything
 * @returns the cursor of the next time
 */
export async function readExport(h: Harvest, since: string | undefined): Promise<Cursor> {
  const { position, peer } = h;
  const manifest = await manifestOf(h, since);
  const output = objects(manifest['output']).flatMap((f) => {
    const type = text(f['type']);
    const url = text(f['url']);
    return type !== undefined && url !== undefined && isDirectoryType(type)
      ? [{ type, url, count: typeof f['count'] === 'number' ? f['count'] : undefined }]
      : [];
  });
  const deleted = objects(manifest['deleted']).flatMap((f) =>
    text(f['url']) === undefined ? [] : [{ type: undefined, url: text(f['url']) ?? '', count: undefined }],
  );
  const damaged = await readFiles(
    h,
    { transactionTime: '', output, deleted, next: undefined, unknown: [] },
    position.status ?? '',
  );
  const failed = objects(manifest['error']).length + objects(manifest['outcome']).length > 0;
  const whole = since === undefined;
  const listed = new Set<DirectoryType>(output.map((f) => f.type));
  for (const type of DIRECTORY_TYPES) {
    if (!h.stage.counters.has(TYPE_IDS[type]) && !listed.has(type)) continue;
    await beginRung(h, type, 3);
    // a whole export whose manifest tells of errors proves nothing
    await endRung(h, type, {
      complete: whole && !damaged && !failed,
      reason: damaged ? 'damaged-file' : failed ? 'export-failed' : '',
    });
  }
  return { ...peer.cursor, exported: text(manifest['transactionTime']) };
}

/** The manifest of the export that was asked for; of a new one when the peer has forgotten that before any of its files was read. */
async function manifestOf(h: Harvest, since: string | undefined): Promise<JsonObject> {
  const { position } = h;
  if (position.status !== undefined)
    try {
      position.asked ??= h.deps.clock().toISOString();
      return await poll(h, position.status);
    } catch (error) {
      const isGone = error instanceof HarvestFault && error.reason === 'not-found';
      // files of another export are not the rest of those that were read
      if (!isGone || position.file !== undefined) throw error;
    }
  position.status = await kickOff(h, since);
  position.asked = h.deps.clock().toISOString();
  return await poll(h, position.status);
}

async function kickOff(h: Harvest, since: string | undefined): Promise<string> {
  const query = since === undefined ? '' : `?_since=${encodeURIComponent(since)}`;
  const response = await h.client.get(`${h.peer.base}/$export${query}`, { headers: { prefer: 'respond-async' } });
  await discard(response);
  const location = response.headers.get('content-location');
  if (response.status !== 202 || location === null)
    throw new HarvestFault(response.status >= 500 ? 'export-failed' : 'bad-request', String(response.status));
  h.position.anchor ??= response.headers.get('date') ?? '';
  return new URL(location, `${h.peer.base}/`).href;
}

/** @throws HarvestFault export-pending, with the time to look again, when it takes longer than a turn */
async function poll(h: Harvest, status: string): Promise<JsonObject> {
  const { clock } = h.deps;
  const wait = h.deps.wait ?? ((ms: number) => new Promise<void>((done) => setTimeout(done, ms)));
  let waited = 0;
  for (let n = 0; ; n++) {
    const response = await h.client.get(status, { accept: 'application/json' });
    if (response.status === 202) {
      const ms =
        retryAfterMs(response.headers.get('retry-after'), clock(), { minMs: 500, maxMs: 120_000 }) ??
        Math.min(60_000, 1000 * 1.5 ** Math.min(n, 10));
      await discard(response);
      await h.stage.flush();
      const now = clock().getTime();
      if (now - Date.parse(h.position.asked ?? '') >= LONGEST_MS) throw new HarvestFault('export-failed', 'no end');
      if (waited + ms > TURN_MS) throw new HarvestFault('export-pending', '', { until: new Date(now + TURN_MS) });
      waited += ms;
      await wait(ms);
      continue;
    }
    if (response.status !== 200) {
      await discard(response);
      const isGone = response.status === 404 || response.status === 410;
      throw new HarvestFault(isGone ? 'not-found' : 'export-failed', String(response.status));
    }
    const value: unknown = await response.json().catch(() => undefined);
    if (!isObject(value) || !Array.isArray(value['output'])) throw new HarvestFault('not-a-manifest');
    return value;
  }
}
