// The thread that harvests, merges and links: reading a directory of millions keeps a processor busy for minutes, and readers must
// not wait for it. It has connections of its own and works at a lower priority; what is due stands in tables.
import { parentPort, workerData } from 'node:worker_threads';
import type { Config } from '../config.ts';
import { describe } from '../http/fhir-app.ts';
import { connectionsStandBack, threadStandsBack } from '../runtime/stand-back.ts';
import { startHarvester } from './harvest-worker.ts';
import { openNode } from './node.ts';

/** What the serving thread hands over: its settings, the address of the database it uses, and whether that server is ours. */
export type HarvestThreadData = { config: Config; url: string; embedded: boolean };

/** `awaited`: somebody waits for answers of the node; `alone`: nobody does. */
export type HarvestThreadMessage = 'stop' | 'awaited' | 'alone';

/** Of its connections. */
const NAME = 'payer-node harvest';

if (!parentPort) throw new Error('harvest-thread runs as a worker thread of a serving node.');
const port = parentPort;
const { config, url, embedded } = workerData as HarvestThreadData;
const node = await openNode(
  config,
  { embedded: undefined, url: async () => url, release: async () => {} },
  'payer_node',
  { migrates: false, name: NAME },
);
const standing = [threadStandsBack(node.deps.log, 'lines')];
if (embedded) standing.push(connectionsStandBack(node.deps.database.sql, NAME, node.deps.log));
const harvester = startHarvester(node, (working) => {
  for (const s of standing) s.work(working);
});
port.on('message', (message: HarvestThreadMessage) => {
  if (message !== 'stop') {
    for (const s of standing) s.confine(message === 'awaited');
    return;
  }
  for (const s of standing) s.end();
  harvester
    .stop()
    .then(() => node.close())
    .catch((error: unknown) => node.deps.log('warn', 'harvester did not stop cleanly', { error: describe(error) }))
    .finally(() => port.close());
});
