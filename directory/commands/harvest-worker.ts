// Harvesting in a serving node: woken every minute, what is due stands in tables.
import cron from 'node-cron';
import type { OpenNode } from '../../src/runtime/open-node.ts';
import { linkDue } from '../federation/link.ts';
import { mergeDue } from '../federation/merge.ts';
import { listPeers } from '../federation/peer.ts';
import { lookForSignals } from '../federation/signals.ts';
import { accuracyDays } from '../federation/truth.ts';
import { type HarvestWorker, startHarvesting } from '../federation/work.ts';

/** @param onWork called when work begins and ends */
export function startHarvester(node: OpenNode, onWork?: (working: boolean) => void): Pick<HarvestWorker, 'stop'> {
  const due = async () => {
    // a node that knows no other directory has no use for a second copy of its own
    if (!node.config.sandbox && (await listPeers(node.deps.database.sql)).length === 0) return;
    await mergeDue(node.deps);
    await linkDue(node.deps);
    await measureToday(node);
  };
  const worker = startHarvesting(node.deps, due, onWork);
  const task = cron.schedule('* * * * *', () => worker.wake(), { name: 'harvest' });
  worker.wake();
  return {
    async stop() {
      await task.destroy();
      await worker.stop();
    },
  };
}

/** Signals and measures once a day. */
async function measureToday(node: OpenNode): Promise<void> {
  const [newest] = await accuracyDays(node.deps.database.sql, 1);
  if (newest !== node.deps.clock().toISOString().slice(0, 10)) await lookForSignals(node.deps);
}
