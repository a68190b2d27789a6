// Generated resources as lines of input, made as they are read.

import { directoryResources } from '../src/seed/index.ts';
import type { ImportEntry } from '../src/store/resource-import.ts';

export const SEED = 20_270_101;

export type Counted = { bytes: number; entries: Iterable<ImportEntry> };

/** `size` resources as import entries; `bytes` grows to the size of the same as NDJSON. */
export function generated(size: number): Counted {
  const counted: Counted = { bytes: 0, entries: [] };
  counted.entries = (function* () {
    let line = 0;
    for (const resource of directoryResources({ seed: SEED, resources: size })) {
      const text = JSON.stringify(resource);
      counted.bytes += Buffer.byteLength(text) + 1;
      yield { source: 'generated', line: ++line, text };
    }
  })();
  return counted;
}
