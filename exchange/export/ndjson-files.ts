// Files of a bulk job: NDJSON, gzipped once while it is written, split by lines and size, one type a file.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createGzip, type Gzip } from 'node:zlib';
import type { Blobs } from '../../src/deps.ts';
import type { BulkFile } from '../store/bulk-job.ts';

export const MAX_FILE_LINES = 25_000;
export const MAX_FILE_BYTES = 64 * 1024 * 1024;
const CHUNK = 64 * 1024;

type Open = {
  kind: BulkFile['kind'];
  type: string;
  id: string;
  key: string;
  gzip: Gzip;
  stored: Promise<{ bytes: number; sha256: string }>;
  pending: string;
  lines: number;
  bytes: number;
};

const randomName = () => randomBytes(16).toString('hex');

/** Writes the files of one job. Call {@link finish} once at the end, or {@link abandon} to leave nothing behind. */
export class NdjsonFiles {
  readonly #blobs: Blobs;
  readonly #folder: string;
  readonly #open = new Map<string, Open>();
  readonly #done: Omit<BulkFile, 'jobId'>[] = [];

  constructor(blobs: Blobs, folder: string) {
    this.#blobs = blobs;
    this.#folder = folder;
  }

  /** Adds one line (JSON without newline) to the current file of a kind and type. */
  async write(kind: BulkFile['kind'], type: string, json: string): Promise<void> {
    const name = `${kind}/${type}`;
    let file = this.#open.get(name);
    if (file && (file.lines >= MAX_FILE_LINES || file.bytes >= MAX_FILE_BYTES)) {
      await this.#close(name, file);
      file = undefined;
    }
    if (!file) {
      const id = randomName();
      const key = `${this.#folder}/${id}.ndjson.gz`;
      const gzip = createGzip({ level: 1 });
      const stored = this.#blobs.put(key, gzip);
      stored.catch(() => {}); // a failure is seen where the file is closed
      file = { kind, type, id, key, gzip, stored, pending: '', lines: 0, bytes: 0 };
      this.#open.set(name, file);
    }
    file.pending += `${json}\n`;
    file.lines++;
    if (file.pending.length >= CHUNK) await flush(file);
  }

  async #close(name: string, file: Open): Promise<void> {
    this.#open.delete(name);
    await flush(file);
    file.gzip.end();
    const { bytes, sha256 } = await file.stored;
    this.#done.push({
      id: file.id,
      position: this.#done.length,
      kind: file.kind,
      type: file.type,
      blobKey: file.key,
      lines: file.lines,
      bytes: file.bytes,
      storedBytes: bytes,
      sha256,
    });
  }

  /** Completes every file. `order` puts the types in the order a reader should load them. */
  async finish(order: readonly string[]): Promise<Omit<BulkFile, 'jobId'>[]> {
    for (const [name, file] of [...this.#open]) await this.#close(name, file);
    const rank = (f: Omit<BulkFile, 'jobId'>) => (f.kind === 'output' ? order.indexOf(f.type) : 1000);
    return this.#done
      .sort((a, b) => rank(a) - rank(b) || a.position - b.position)
      .map((f, position) => ({ ...f, position }));
  }

  /** Stops and removes what was written. */
  async abandon(): Promise<void> {
    for (const file of this.#open.values()) file.gzip.destroy(new Error('abandoned'));
    this.#open.clear();
    for (const f of this.#done) await this.#blobs.delete(f.blobKey);
  }
}

async function flush(file: Open): Promise<void> {
  if (file.pending === '') return;
  const bytes = Buffer.from(file.pending);
  file.pending = '';
  file.bytes += bytes.length;
  if (!file.gzip.write(bytes)) await Promise.race([once(file.gzip, 'drain'), file.stored.then(() => {})]);
}
