// The loop that harvests: a peer that is due is claimed by its lease, one at a time in this process. The schedule only wakes it.
import { randomUUID } from 'node:crypto';
import { describe } from '../../src/http/fhir-app.ts';
import type { FederationDeps } from './client.ts';
import { harvestPeer } from './harvest/run.ts';
import { claimDuePeer, findPeer, leavePeerLease, listPeers, type Peer } from './peer.ts';

export type HarvestWorker = { wake(): void; stop(): Promise<void> };

/** Hours in which a peer is asked by schedule, in its own time zone: one to five at night unless the registry says otherwise. */
export function isInWindow(peer: Pick<Peer, 'windowFrom' | 'windowTo' | 'timeZone'>, now: Date): boolean {
  const from = (peer.windowFrom ?? '01:00').slice(0, 5);
  const to = (peer.windowTo ?? '05:00').slice(0, 5);
  if (from === to) return true;
  const time = new Intl.DateTimeFormat('en-GB', {
    timeZone: peer.timeZone,
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  }).format(now);
  return from < to ? time >= from && time < to : time >= from || time < to;
}

/**
 * @param then runs after each harvest: what was applied goes into the merged base
 * @param onWork called when it begins to look for what is due and to do it, and when all is done
 */
export function startHarvesting(
  deps: FederationDeps,
  then: () => Promise<void> = async () => {},
  onWork: (working: boolean) => void = () => {},
): HarvestWorker {
  let running: Promise<void> | undefined;
  let ended = false;
  async function run(): Promise<void> {
    await then();
    while (!ended) {
      const peer = await nextPeer(deps);
      if (!peer) return;
      await harvestPeer(deps, peer, { stopped: () => ended });
      await then();
    }
  }
  return {
    wake() {
      if (ended || running || deps.config.harvestEvery === 'off') return;
      onWork(true);
      running = run()
        .catch((error: unknown) => deps.log('error', 'harvesting failed', { error: describe(error) }))
        .finally(() => {
          running = undefined;
          onWork(false);
        });
    },
    async stop() {
      ended = true;
      await running;
    },
  };
}

/** A peer that is due, free and within its hours. */
async function nextPeer(deps: FederationDeps): Promise<Peer | undefined> {
  const { sql } = deps.database;
  const now = deps.clock();
  const due = (await listPeers(sql)).filter((p) => p.state === 'on' && p.nextDue !== null && p.nextDue <= now);
  const isOpen = (p: Peer) => deps.config.sandbox || isInWindow(p, now);
  if (!due.some(isOpen)) return undefined;
  const owner = randomUUID();
  const slug = await claimDuePeer(
    sql,
    owner,
    now,
    5,
    due.filter(isOpen).map((p) => p.slug),
  );
  if (slug === undefined) return undefined;
  await leavePeerLease(sql, slug, owner);
  return await findPeer(sql, slug);
}
