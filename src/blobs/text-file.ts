// A text that is written piece by piece into a stored file.
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import type { Blobs } from '../deps.ts';

const CHUNK = 64 * 1024;

export class TextFile {
  readonly key: string;
  readonly #stream = new PassThrough({ highWaterMark: 4 * CHUNK });
  readonly #stored: Promise<{ bytes: number; sha256: string }>;
  readonly #blobs: Blobs;
  #pending = '';
  /** characters written, which are at most the bytes */
  written = 0;

  constructor(blobs: Blobs, key: string) {
    this.key = key;
    this.#blobs = blobs;
    this.#stored = blobs.put(key, this.#stream);
    this.#stored.catch(() => {}); // a failure is seen at the end
  }

  /** A promise when the file must catch up first: await it. */
  write(text: string): Promise<void> | undefined {
    this.#pending += text;
    this.written += text.length;
    return this.#pending.length < CHUNK ? undefined : this.#flush();
  }

  #flush(): Promise<void> | undefined {
    const bytes = Buffer.from(this.#pending);
    this.#pending = '';
    if (this.#stream.write(bytes)) return undefined;
    return Promise.race([once(this.#stream, 'drain').then(() => {}), this.#stored.then(() => {})]);
  }

  async end(): Promise<{ blobKey: string; bytes: number; storedBytes: number; sha256: string }> {
    const full = this.#flush();
    if (full) await full;
    this.#stream.end();
    const { bytes, sha256 } = await this.#stored;
    return { blobKey: this.key, bytes, storedBytes: bytes, sha256 };
  }

  async abandon(): Promise<void> {
    this.#stream.destroy(new Error('abandoned'));
    await this.#stored.catch(() => {});
    await this.#blobs.delete(this.key);
  }
}
