// Files of NDJSON, gzipped once while they are written, split by lines and size, one type a file.
import { createHash, type Hash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createGzip, type Gzip } from 'node:zlib';
import type { Blobs } from '../deps.ts';

export type FileKind = 'output' | 'deleted' | 'error';

export type WrittenFile = {
  id: string;
  position: number;
  kind: FileKind;
  type: string;
  blobKey: string;
  lines: number;
  /** of the text */
  bytes: number;
  /** as stored, gzip */
  storedBytes: number;
  /** of the bytes as stored, lower-case hex */
  sha256: string;
  /** of the text, lower-case hex: what the receiver of the file can compare, however it was sent */
  textSha256: string;
  /** id of the file in which the last block of this one goes on */
  continuesIn?: string;
};

/** A file that has either much is closed. `most`: bytes that a file never has more of, unless one line alone has. */
export type FileLimits = { lines: number; bytes: number; most?: number };

const CHUNK = 64 * 1024;
/** Files that may be on their way to the disk at once. */
const CLOSING = 16;
const LF = 10;

type Open = {
  kind: FileKind;
  type: string;
  id: string;
  key: string;
  gzip: Gzip;
  hash: Hash;
  stored: Promise<{ bytes: number; sha256: string }>;
  pending: Buffer;
  used: number;
  lines: number;
  bytes: number;
  continuesIn?: string;
};

const randomName = () => randomBytes(16).toString('hex');

/** Writes the files of one job. Call {@link finish} once at the end, or {@link abandon} to leave nothing behind. */
export class NdjsonFiles {
  readonly #blobs: Blobs;
  readonly #folder: string;
  readonly #limits: FileLimits;
  readonly #open = new Map<string, Open>();
  readonly #done: WrittenFile[] = [];
  #begun = 0;
  /** why one of them could not be stored */
  #failure: unknown;
  /** files that are ended and on their way to the disk: several at once, as one waits for the disk nearly as long as all of them */
  readonly #closing = new Map<string, Promise<void>>();
  /** buffers that were compressed, to be filled again: what is thrown away is not given back before a collection */
  readonly #spare: Buffer[] = [];

  constructor(blobs: Blobs, folder: string, limits: FileLimits) {
    this.#blobs = blobs;
    this.#folder = folder;
    this.#limits = limits;
  }

  /**
   * Adds one line (JSON without newline, as text or UTF-8) to the current file of a kind and type. A promise when the
   * file must catch up first: await it.
   */
  write(kind: FileKind, type: string, json: string | Uint8Array): Promise<void> | undefined {
    const name = `${kind}/${type}`;
    const file = this.#open.get(name);
    if (file && this.#isFull(file, json)) return this.#close(name, file).then(() => this.write(kind, type, json));
    return add(file ?? this.#begin(name, kind, type), json, this.#spare);
  }

  /** One line whose text comes in parts, because as a whole it is large. */
  async writeParts(kind: FileKind, type: string, parts: Iterable<string>): Promise<void> {
    const name = `${kind}/${type}`;
    const open = this.#open.get(name);
    if (open && this.#isFull(open, '')) await this.#close(name, open);
    const file = this.#open.get(name) ?? this.#begin(name, kind, type);
    for (const part of parts) {
      const full = put(file, part, this.#spare);
      if (full) await full;
    }
    const full = add(file, '', this.#spare);
    if (full) await full;
  }

  /**
   * Adds one line of a block that begins with `header`. When the file is full, the block goes on in the next one, under its
   * header again.
   * @returns whether it did
   */
  async writeInBlock(kind: FileKind, type: string, json: string | Uint8Array, header: string): Promise<boolean> {
    const name = `${kind}/${type}`;
    const file = this.#open.get(name);
    const isNew = file !== undefined && this.#isFull(file, json);
    if (isNew) {
      const next = this.#begin(name, kind, type);
      file.continuesIn = next.id;
      await this.#close(name, file, next);
      await add(next, header, this.#spare);
    }
    await this.write(kind, type, json);
    return isNew;
  }

  #isFull(file: Open, json: string | Uint8Array): boolean {
    const { lines, bytes, most } = this.#limits;
    if (file.lines >= lines || file.bytes >= bytes) return true;
    if (most === undefined || file.lines === 0) return false;
    return file.bytes + (typeof json === 'string' ? Buffer.byteLength(json) : json.length) + 1 > most;
  }

  #begin(name: string, kind: FileKind, type: string): Open {
    const id = randomName();
    const key = `${this.#folder}/${id}.ndjson.gz`;
    const gzip = createGzip({ level: 1, chunkSize: CHUNK });
    // who stores it gives it up with an error that says nothing; why is reported by `stored`
    gzip.on('error', () => {});
    const stored = this.#blobs.put(key, gzip);
    stored.catch(() => {}); // a failure is seen where the file is closed
    const pending = spareOr(this.#spare, CHUNK);
    const hash = createHash('sha256');
    const file = { kind, type, id, key, gzip, hash, stored, pending, used: 0, lines: 0, bytes: 0 };
    this.#open.set(name, file);
    return file;
  }

  async #close(name: string, file: Open, next?: Open): Promise<void> {
    if (next) this.#open.set(name, next);
    else this.#open.delete(name);
    await flush(file, 0, this.#spare);
    if (file.pending.length === CHUNK) this.#spare.push(file.pending);
    file.gzip.end();
    const position = this.#begun++;
    const closing = this.#keep(file, position).finally(() => this.#closing.delete(file.key));
    closing.catch(() => {}); // a failure is seen where it is awaited
    this.#closing.set(file.key, closing);
    if (this.#closing.size >= CLOSING) await Promise.race(this.#closing.values());
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #keep(file: Open, position: number): Promise<void> {
    const { bytes, sha256 } = await file.stored.catch((error: unknown) => {
      this.#failure ??= error;
      throw error;
    });
    this.#done.push({
      id: file.id,
      position,
      kind: file.kind,
      type: file.type,
      blobKey: file.key,
      lines: file.lines,
      bytes: file.bytes,
      storedBytes: bytes,
      sha256,
      textSha256: file.hash.digest('hex'),
      ...(file.continuesIn === undefined ? {} : { continuesIn: file.continuesIn }),
    });
  }

  /** Completes every file. `order` puts the types in the order a reader should load them. */
  async finish(order: readonly string[]): Promise<WrittenFile[]> {
    for (const [name, file] of this.#open) await this.#close(name, file);
    await Promise.all(this.#closing.values());
    if (this.#failure !== undefined) throw this.#failure;
    const rank = (f: WrittenFile) => (f.kind === 'output' ? order.indexOf(f.type) : 1000);
    return this.#done
      .sort((a, b) => rank(a) - rank(b) || a.position - b.position)
      .map((f, position) => ({ ...f, position }));
  }

  /** Stops and removes what was written. */
  async abandon(): Promise<void> {
    for (const file of this.#open.values()) {
      file.gzip.destroy(new Error('abandoned'));
      await file.stored.catch(() => {});
      await this.#blobs.delete(file.key);
    }
    this.#open.clear();
    await Promise.allSettled(this.#closing.values());
    for (const f of this.#done) await this.#blobs.delete(f.blobKey);
  }
}

const spareOr = (spare: Buffer[], size: number): Buffer =>
  (size <= CHUNK ? spare.pop() : undefined) ?? Buffer.allocUnsafeSlow(Math.max(CHUNK, size));

/** Bytes that a line has at most; of a long one exactly, as room is made for them. */
const mostBytes = (json: string | Uint8Array): number =>
  typeof json !== 'string' ? json.length : json.length > CHUNK ? Buffer.byteLength(json) : json.length * 3;

function add(file: Open, json: string | Uint8Array, spare: Buffer[]): Promise<void> | undefined {
  const full = put(file, json, spare);
  file.pending[file.used++] = LF;
  file.bytes++;
  file.lines++;
  return full;
}

/** Text of a line; there is room for its end afterwards. */
function put(file: Open, json: string | Uint8Array, spare: Buffer[]): Promise<void> | undefined {
  const most = mostBytes(json) + 1;
  const full = file.used > 0 && file.used + most > file.pending.length ? flush(file, most, spare) : undefined;
  if (file.pending.length < most) file.pending = Buffer.allocUnsafeSlow(most);
  const { used } = file;
  if (typeof json === 'string') file.used += file.pending.write(json, used);
  else {
    file.pending.set(json, used);
    file.used += json.length;
  }
  file.bytes += file.used - used;
  return full;
}

/** Hands over what is pending; the buffer belongs to the stream until it is compressed. */
function flush(file: Open, next: number, spare: Buffer[]): Promise<void> | undefined {
  if (file.used === 0) return undefined;
  const { pending } = file;
  const bytes = pending.subarray(0, file.used);
  file.pending = spareOr(spare, next);
  file.used = 0;
  const compressed = (error?: Error | null) => {
    if (!error && pending.length === CHUNK) spare.push(pending);
  };
  file.hash.update(bytes);
  if (file.gzip.write(bytes, compressed)) return undefined;
  const drained = once(file.gzip, 'drain').catch(async (error: unknown) => {
    await file.stored;
    throw error;
  });
  return Promise.race([drained.then(() => {}), file.stored.then(() => {})]);
}
