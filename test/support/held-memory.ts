// What is truly held: garbage that no one has collected yet is no memory that anything keeps.
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** What is held after garbage is collected; the second round waits for the sweep of the first. */
async function held(): Promise<NodeJS.MemoryUsage> {
  for (let round = 0; round < 2; round++) {
    collect();
    await setImmediate();
  }
  return process.memoryUsage();
}

/** Bytes that array buffers hold. */
export const heldBytes = async (): Promise<number> => (await held()).arrayBuffers;

/** Bytes that objects hold. */
export const heldHeap = async (): Promise<number> => (await held()).heapUsed;
