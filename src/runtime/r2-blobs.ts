// Files out of a bucket of R2, for Workers. They are written by the Node process or those who copy its folder: a Worker
// reads them, and removes what a peer has deleted. https://developers.cloudflare.com/r2/api/workers/workers-api-reference/
import type { Blobs } from '../deps.ts';
import { Outcome } from '../fhir/outcome.ts';

/** What we use of an R2 binding. */
export type Bucket = {
  head(key: string): Promise<{ size: number } | null>;
  get(
    key: string,
    options?: { range: { offset: number; length?: number } },
  ): Promise<{ body: ReadableStream<Uint8Array> } | null>;
  list(options: {
    prefix: string;
    cursor?: string;
  }): Promise<{ objects: { key: string }[]; truncated: boolean; cursor?: string }>;
  delete(key: string): Promise<void>;
};

export const isBucket = (binding: unknown): binding is Bucket =>
  typeof binding === 'object' && binding !== null && 'head' in binding && 'get' in binding;

function writesNone(): never {
  throw new Outcome('unavailable', 'This Worker writes no files.');
}

export function r2Blobs(bucket: Bucket): Blobs {
  return {
    async get(key, range) {
      const part =
        range === undefined
          ? undefined
          : { offset: range.start, ...(range.end === undefined ? {} : { length: range.end - range.start }) };
      const found = await bucket.get(key, ...(part === undefined ? [] : [{ range: part }]));
      return found?.body;
    },
    size: async (key) => (await bucket.head(key))?.size,
    put: writesNone,
    async list(folder) {
      const keys: string[] = [];
      for (let cursor: string | undefined; ; ) {
        const page = await bucket.list({ prefix: folder, ...(cursor === undefined ? {} : { cursor }) });
        keys.push(...page.objects.map((o) => o.key));
        if (!page.truncated || page.cursor === undefined) return keys;
        cursor = page.cursor;
      }
    },
    delete: (key) => bucket.delete(key),
    isCopy: true,
  };
}
