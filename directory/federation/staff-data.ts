// What the staff pages of federation show and do. The pages know no tables; this does.
import { localDay } from '../../src/calendar/federal.ts';
import { readResource } from '../resource/resource.ts';
import { losses } from './apply-rows.ts';
import { correctionCounts, corrections, settleCorrection } from './attest/attest-rows.ts';
import { makeLinks } from './attest/link.ts';
import { type Attestation, attest } from './attest.ts';
import { changePeer, type PeerChange } from './change-peer.ts';
import type { FederationDeps } from './client.ts';
import { bodies } from './compare/compare-rows.ts';
import { currentFacts } from './fact.ts';
import { findRun, listRuns, runTypes } from './harvest/run-rows.ts';
import { decideRun } from './harvest/settle.ts';
import { decidePair } from './link.ts';
import { countLinks, reviewList } from './link-rows.ts';
import { mergeDue } from './merge.ts';
import { peerOverview } from './overview.ts';
import { findPeer, listEvents, type PeerState } from './peer.ts';
import { oddities } from './peers-page.ts';
import { switchPeer } from './registry.ts';
import { lookForSignals } from './signals.ts';
import { accuracy, settleSignal, signalCounts, signalList } from './truth.ts';

export type { Run, RunType } from './harvest/run-rows.ts';
export type { Link } from './link-rows.ts';

export function staffData(deps: FederationDeps) {
  const { sql } = deps.database;
  return {
    config: deps.config,
    clock: deps.clock,
    peers: () => peerOverview(sql),
    async peer(slug: string) {
      const peer = await findPeer(sql, slug);
      if (!peer) return undefined;
      const [runs, events, findings, facts] = [
        await listRuns(sql, slug, 30),
        await listEvents(sql, slug, 50),
        await oddities(sql, slug, true),
        await currentFacts(sql, slug),
      ];
      return { peer, runs, events, findings, facts };
    },
    async run(id: string) {
      const run = /^\d{1,18}$/.test(id) ? await findRun(sql, id) : undefined;
      if (!run) return undefined;
      const types = await runTypes(sql, run.id);
      const lost = run.state === 'quarantined' ? await losses(sql, run.id, 50) : [];
      return { run, types, lost };
    },
    async decideRun(id: string, verdict: 'release' | 'discard', by: string) {
      const done = await decideRun(deps, id, verdict, by);
      if (done === 'ok' && verdict === 'release') await mergeDue(deps);
      return done;
    },
    switchPeer: (slug: string, state: PeerState, reason: string, by: string) =>
      switchPeer(deps, slug, state, reason, by),
    changePeer: (slug: string, change: PeerChange, by: string) => changePeer(deps, slug, change, by),
    async links(type: number | undefined) {
      const list = await reviewList(sql, type, 100);
      const texts = await bodies(sql, [...new Set(list.flatMap((l) => [l.keyA, l.keyB]))]);
      return { list, texts, counts: await countLinks(sql) };
    },
    decidePair: (a: string, b: string, outcome: 'same' | 'not' | 'rule', by: string, note: string) =>
      decidePair(deps, a, b, outcome, by, note),
    signals: async (name: string | undefined) => ({
      counts: await signalCounts(sql),
      list: name === undefined ? [] : await signalList(sql, name, 200),
    }),
    accuracy: () => accuracy(sql, 60),
    settle: (rk: string, name: string, by: string) => settleSignal(sql, rk, name, by, deps.clock()),
    corrections: () => corrections(sql, 200),
    correctionCounts: () => correctionCounts(sql, localDay(deps.clock(), deps.config.timeZone)),
    settleCorrection: (id: string, resolution: string, by: string) =>
      settleCorrection(sql, id, resolution, by, deps.clock()),
    /** @returns undefined when our own directory has no such person or organization */
    async attestLink(key: string, by: string): Promise<string | undefined> {
      const found = /^(?:Practitioner|Organization)\/[A-Za-z0-9\-.]{1,64}$/.test(key)
        ? await readResource(sql, key)
        : undefined;
      return !found || found.deleted ? undefined : (await makeLinks(deps, [key], by))[0];
    },
    async attest(a: Attestation) {
      const done = await attest(deps, a);
      if (done === 'ok') {
        await mergeDue(deps);
        await lookForSignals(deps);
      }
      return done;
    },
  };
}
export type StaffData = ReturnType<typeof staffData>;
