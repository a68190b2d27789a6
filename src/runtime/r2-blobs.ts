// Files out of a bucket of R2, for Workers. They are written by the Node process or whoever copies its folder: a Worker
// only reads. https://developers.cloudflare.com/r2/api/workers/workers-api-reference/
import type { Blobs } from '../deps.ts';

/** What we use of an R2 binding. */
export type Bucket = {
  head(key: string): Promise<{ size: number } | null>;
  get(
    key: string,
    options?: { range: { offset: number; length?: number } },
  ): Promise<{ body: ReadableStream<Uint8Array> } | null>;
};

export const isBucket = (binding: unknown): binding is Bucket =>
  typeof binding === 'object' && binding !== null && 'head' in binding && 'get' in binding;

function readOnly(): never {
  throw new Error('Files are not written by a Worker.');
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
    put: readOnly,
    list: readOnly,
    delete: readOnly,
  };
}
