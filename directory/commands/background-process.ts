// The process that harvests, merges, links and publishes: reading a directory of millions keeps a processor busy for minutes and
// fills memory, and readers must not wait for either. It has connections of its own and stands back; what is due stands in tables.
import { setTimeout as pause } from 'node:timers/promises';
import type { Config } from '../../src/config.ts';
import { describe } from '../../src/http/fhir-app.ts';
import { tellUncaught } from '../../src/runtime/fault.ts';
import { connectionsStandBack, processStandsBack } from '../../src/runtime/low-priority.ts';
import { openNode } from '../../src/runtime/open-node.ts';
import { startHarvester } from './harvest-worker.ts';
import { startPublisher } from './publish.ts';

/** What the serving process hands over first: its settings, the address of the database it uses, and whether that server is ours. */
export type BackgroundProcessData = { config: Config; url: string; embedded: boolean };

/** Afterwards. `publish`: an export was asked for; `awaited`: someone waits for answers of the node; `alone`: no one does. */
export type BackgroundProcessMessage = 'stop' | 'publish' | 'awaited' | 'alone';

/** A peer that is slow to answer, or a long file, is not waited for: a harvest begins where it was, a publication starts over. */
const GRACE_MS = 3000;

/** Name of its connections. */
const NAME = 'payer-node background';

tellUncaught();
if (!process.send) throw new Error('background-process runs beside a serving node, which starts it.');
// a terminal tells all of its processes; the serving one says when
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
// without the serving process no one would end it, nor would its database be there for long: a harvest goes on from its position
process.once('disconnect', () => process.exit(1));
process.once('message', (data: BackgroundProcessData) => void begin(data));

async function begin({ config, url, embedded }: BackgroundProcessData): Promise<void> {
  const waiting: BackgroundProcessMessage[] = [];
  let hear = (message: BackgroundProcessMessage): void => void waiting.push(message);
  process.on('message', (message: BackgroundProcessMessage) => hear(message));
  const node = await openNode(
    config,
    { embedded: undefined, url: async () => url, release: async () => {} },
    'payer_node',
    { migrates: false, name: NAME },
  );
  const { log } = node.deps;
  const self = processStandsBack(log);
  const connections = embedded ? connectionsStandBack(node.deps.database.sql, NAME, log) : undefined;
  let working = 0;
  const onWork = (begins: boolean) => {
    working += begins ? 1 : -1;
    connections?.work(working > 0);
  };
  const harvester = startHarvester(node, onWork);
  const publisher = startPublisher(node, onWork);
  const stop = async () => {
    self.end();
    connections?.end();
    try {
      const ends = Promise.all([harvester.stop(), publisher.stop()]);
      const isIdle = await Promise.race([ends.then(() => true), pause(GRACE_MS, false)]);
      if (isIdle) await node.close();
    } catch (error) {
      log('warn', 'background process did not stop cleanly', { error: describe(error) });
    }
    process.exit();
  };
  hear = (message) => {
    if (message === 'stop') void stop();
    else if (message === 'publish') publisher.wake();
    else for (const one of [self, connections]) one?.confine(message === 'awaited');
  };
  for (const message of waiting) hear(message);
}
