// Generated resources as files: one NDJSON per type, written beside its final name and renamed at the end, so that a
// run that was stopped leaves no half file under a final name and can simply be run again.

import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Resource } from '../fhir/resource.ts';
import { EVERYBODYS, makeFolder } from '../make-folder.ts';

export type WriteOptions = {
  /** folder, made when missing */
  out: string;
  gzip?: boolean;
  /** called about every 1,000 lines with the number written so far */
  onProgress?: (written: number) => void;
  /** stops the run with the signal's reason; the final names are not touched */
  signal?: AbortSignal;
};

export type Written = {
  /** lines by file name stem (`Patient`, `enrolment`) */
  counts: Record<string, number>;
  /** bytes on disk */
  bytes: number;
};

const CHUNK = 64 * 1024;

/** One file under construction. */
class LineFile {
  readonly path: string;
  lines = 0;
  #text = '';
  #head;
  #file;
  #done;

  constructor(path: string, gzip: boolean) {
    this.path = path;
    this.#file = createWriteStream(`${path}.part`);
    this.#done = finished(this.#file);
    // a failure is reported where the file is written or closed
    this.#done.catch(() => undefined);
    // no time stamp in the header: Node writes zero, so the same lines give the same bytes
    const gz = gzip ? createGzip({ level: 6 }) : undefined;
    gz?.pipe(this.#file);
    this.#head = gz ?? this.#file;
  }

  /** Adds a line; returns a promise only when the stream asks for patience. */
  write(line: string): Promise<unknown> | undefined {
    this.lines++;
    this.#text += `${line}\n`;
    return this.#text.length < CHUNK ? undefined : this.#flush();
  }

  #flush(): Promise<unknown> | undefined {
    const text = this.#text;
    this.#text = '';
    if (this.#file.errored) return this.#done;
    return this.#head.write(text) ? undefined : Promise.race([once(this.#head, 'drain'), this.#done]);
  }

  /** Everything to disk; the file keeps its `.part` name. Returns its size in bytes. */
  async close(): Promise<number> {
    await this.#flush();
    this.#head.end();
    await this.#done;
    return this.#file.bytesWritten;
  }

  async publish(): Promise<void> {
    await rename(`${this.path}.part`, this.path);
  }

  /** Gives up: closes the handle, leaves the `.part` file to be overwritten by the next run. */
  abandon(): void {
    this.#head.destroy();
    this.#file.destroy();
  }
}

/** A set of files in one folder that appear together at the end. */
export class FileSet {
  readonly #options: WriteOptions;
  readonly #files = new Map<string, LineFile>();
  #lines = 0;

  constructor(options: WriteOptions) {
    this.#options = options;
  }

  /** @param name file name without `.gz`, e.g. `Patient.ndjson` or `prior/Patient.ndjson` */
  write(name: string, line: string): Promise<unknown> | undefined {
    let file = this.#files.get(name);
    if (!file) {
      const gzip = this.#options.gzip === true && name.endsWith('.ndjson');
      file = new LineFile(join(this.#options.out, gzip ? `${name}.gz` : name), gzip);
      this.#files.set(name, file);
    }
    const wait = file.write(line);
    if (++this.#lines % 1000 === 0) {
      this.#options.signal?.throwIfAborted();
      this.#options.onProgress?.(this.#lines);
    }
    return wait;
  }

  async finish(): Promise<Written> {
    const written: Written = { counts: {}, bytes: 0 };
    for (const [name, file] of this.#files) {
      written.bytes += await file.close();
      written.counts[name.replace(/\.(ndjson|csv)$/, '')] = file.lines;
    }
    this.#options.signal?.throwIfAborted();
    for (const file of this.#files.values()) await file.publish();
    this.#options.onProgress?.(this.#lines);
    return written;
  }

  abandon(): void {
    for (const file of this.#files.values()) file.abandon();
  }
}

/** Runs `fill` and makes its files appear together, or not at all when it throws. */
export async function writeFiles(options: WriteOptions, fill: (files: FileSet) => Promise<void>): Promise<Written> {
  makeFolder(options.out, EVERYBODYS);
  const files = new FileSet(options);
  try {
    await fill(files);
    return await files.finish();
  } catch (error) {
    files.abandon();
    throw error;
  }
}

/** Each resource to `<out>/<type>.ndjson`. */
export async function writeNdjson(resources: Iterable<Resource>, options: WriteOptions): Promise<Written> {
  return writeFiles(options, async (files) => {
    for (const resource of resources) {
      const wait = files.write(`${resource.resourceType}.ndjson`, JSON.stringify(resource));
      if (wait) await wait;
    }
  });
}
