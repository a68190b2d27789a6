// Harvesting in a serving node: woken every minute, what is due stands in tables.
import cron from 'node-cron';
import { linkDue } from '../../federation/link.ts';
import { mergeDue } from '../../federation/merge.ts';
import { type HarvestWorker, startHarvesting } from '../../federation/work.ts';
import type { OpenNode } from './node.ts';

export function startHarvester(node: OpenNode): Pick<HarvestWorker, 'stop'> {
  const worker = startHarvesting(node.deps, async () => {
    await mergeDue(node.deps);
    await linkDue(node.deps);
  });
  const task = cron.schedule('* * * * *', () => worker.wake(), { name: 'harvest' });
  worker.wake();
  return {
    async stop() {
      await task.destroy();
      await worker.stop();
    },
  };
}
