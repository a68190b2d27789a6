// The rejects file: NDJSON, one object for each line or entry that was not taken. It holds places and reasons, never
// content.
import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { Place } from './entry.ts';

/** `code` is a code of reject.ts, a code of the validator, or one of the importer that had to decide. */
export type Reject = Place & { resourceType?: string; id?: string; code: string; reason: string };

export type RejectsWriter = {
  write(reject: Reject): Promise<void>;
  /** rejects by code so far */
  counts: ReadonlyMap<string, number>;
  total(): number;
  /** Everything is on disk afterwards. Without rejects there is no file, also not an old one. */
  close(): Promise<void>;
};

/** Writes to `file`, which is made with the first reject and replaces an older one. */
export function rejectsWriter(file: string): RejectsWriter {
  const counts = new Map<string, number>();
  let out: WriteStream | undefined;
  let failed: unknown;
  let total = 0;
  const open = () => {
    const stream = createWriteStream(file, { flags: 'w', flush: true });
    // kept for the next call: an event without a listener would end the process
    stream.on('error', (error) => {
      failed = error;
    });
    return stream;
  };
  return {
    counts,
    total: () => total,
    async write(reject) {
      if (failed !== undefined) throw failed;
      out ??= open();
      total++;
      counts.set(reject.code, (counts.get(reject.code) ?? 0) + 1);
      if (!out.write(`${JSON.stringify(ordered(reject))}\n`)) await once(out, 'drain');
    },
    async close() {
      if (out === undefined) return rm(file, { force: true });
      out.end();
      if (failed === undefined && !out.closed) await once(out, 'close');
      if (failed !== undefined) throw failed;
    },
  };
}

const ordered = ({ source, line, entry, resourceType, id, code, reason }: Reject) => ({
  source,
  line,
  entry,
  resourceType,
  id,
  code,
  reason,
});
