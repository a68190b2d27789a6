// The thread that harvests, merges and links: reading a directory of millions keeps a processor busy for minutes, and readers must
// not wait for it. It has connections of its own and works at a lower priority; what is due stands in tables.
import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import type { Config } from '../config.ts';
import { describe } from '../http/fhir-app.ts';
import { startHarvester } from './harvest-worker.ts';
import { openNode } from './node.ts';

/** What the serving thread hands over: its settings, and the address of the database it uses. */
export type HarvestThreadData = { config: Config; url: string };

const LOWER = 10;

if (!parentPort) throw new Error('harvest-thread runs as a worker thread of a serving node.');
const port = parentPort;
// on Linux a priority belongs to a thread; elsewhere this would slow the whole node
if (process.platform === 'linux') setPriority(0, LOWER);

const { config, url } = workerData as HarvestThreadData;
const node = await openNode(
  config,
  { embedded: undefined, url: async () => url, release: async () => {} },
  'payer_node',
  { migrates: false },
);
const harvester = startHarvester(node);
port.once('message', () => {
  harvester
    .stop()
    .then(() => node.close())
    .catch((error: unknown) => node.deps.log('warn', 'harvester did not stop cleanly', { error: describe(error) }))
    .finally(() => port.close());
});
