// What every rung works with.

import { DIRECTORY_TYPES, type DirectoryType, TYPE_IDS } from '../../../src/fhir/search/types.ts';
import { DIRECTORY_PATH } from '../../app.ts';
import { baseKey } from '../classify-url.ts';
import type { Client, FederationDeps } from '../client.ts';
import type { DatedFact } from '../fact.ts';
import { listPeers, type Peer } from '../peer.ts';
import type { Reason } from '../reasons.ts';
import type { RecordContext } from '../record.ts';
import { beginType, type Position, type Run, type RunState, saveRead } from './run-rows.ts';
import type { Stage } from './stage.ts';

export type Harvest = {
  deps: FederationDeps;
  peer: Peer;
  run: Run;
  client: Client;
  stage: Stage;
  position: Position;
  facts: Facts;
};

/** Value of a fact of a type (or of the server); undefined when it was not measured. */
export type Facts = (name: string, type?: DirectoryType | '') => string | undefined;

export const factsOf = (facts: readonly DatedFact[]): Facts => {
  const known = new Map(facts.map((f) => [`${f.type} ${f.name}`, f.value]));
  return (name, type = '') => known.get(`${type} ${name}`);
};

/** How a rung ended for one type. `complete` is the proof that nothing was left unread. */
export type Ending = { complete: boolean; reason: Reason | '' };

/** How a harvest of a peer ended, or that it did not begin. */
export type Harvested = { run: string; state: RunState | 'busy' | 'waits' | 'later'; reason: string };

/** Path and schema of the merged base. */
export const MERGED_PATH = '/directory/all/fhir';
export const MERGED_SCHEMA = 'merged';

export async function recordContext(deps: FederationDeps, peer: Peer): Promise<RecordContext> {
  const others = (await listPeers(deps.database.sql)).filter((p) => p.slug !== peer.slug && p.state === 'on');
  return {
    slug: peer.slug,
    ours: [DIRECTORY_PATH, MERGED_PATH].map((path) => baseKey(`${deps.config.baseUrl}${path}`)),
    direct: others.flatMap((p) => (p.base === null ? [] : [baseKey(p.base)])),
    hopLimit: deps.config.federationHopLimit,
    unmarkedNpi: peer.unmarkedNpi,
    now: deps.clock(),
  };
}

/** Begins a type on a rung; counters of an earlier process go on. */
export async function beginRung(h: Harvest, type: DirectoryType, rung: number): Promise<void> {
  const begun = await beginType(h.deps.database.sql, h.run.id, TYPE_IDS[type], rung);
  if (!h.stage.counters.has(TYPE_IDS[type])) h.stage.resume(TYPE_IDS[type], begun.counters);
}

/** A type has been read; it is judged when all have. */
export async function endRung(h: Harvest, type: DirectoryType, ending: Ending): Promise<void> {
  const counters = h.stage.counters.get(TYPE_IDS[type]) ?? {};
  const damaged = (counters['damaged'] ?? 0) + (counters['wrong-type'] ?? 0) > 0;
  const abridged = (counters['abridged'] ?? 0) > 0;
  const left = abridged ? 'abridged-records' : damaged ? 'damaged-file' : '';
  await saveRead(h.deps.database.sql, {
    run: h.run.id,
    type: TYPE_IDS[type],
    complete: ending.complete && left === '',
    reason: ending.reason === '' ? left : ending.reason,
    counters,
  });
}

/** The server's time: `Date` of an answer, ten minutes back. Our own clock is never asked. */
export function anchorOf(headers: Headers): string | undefined {
  const at = Date.parse(headers.get('date') ?? '');
  return Number.isNaN(at) ? undefined : new Date(at - 600_000).toISOString();
}

export const typeName = (id: number): DirectoryType => {
  const found = DIRECTORY_TYPES.find((t) => TYPE_IDS[t] === id);
  if (!found) throw new Error(`There is no type ${id}.`);
  return found;
};
