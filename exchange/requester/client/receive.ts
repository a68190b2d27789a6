// What a file has to be while it comes: not too large, not a bomb, not too slow, and the NDJSON that it says it is. The bytes
// are looked at as they pass; what is kept is what was sent.
import { createHash } from 'node:crypto';
import { createGunzip, type Gunzip } from 'node:zlib';
import type { Limits } from './limits.ts';
import { PeerFault } from './peer-fetch.ts';

/** `endsWithin`: the last line has no line end, so that it may be the beginning of one. */
export type Looked = { bytes: number; sha256: string; lines: number; endsWithin: boolean; isDouble: boolean };

const LF = 10;
const MIB = 1024 * 1024;
const GZIP = [0x1f, 0x8b] as const;

/** Counts lines of NDJSON as `src/fhir/ndjson.ts` yields them: blank ones apart. */
class LineCount {
  lines = 0;
  blank = 0;
  endsWithin = false;
  #hasText = false;

  add(chunk: Uint8Array): void {
    let from = 0;
    for (;;) {
      const end = chunk.indexOf(LF, from);
      const stop = end === -1 ? chunk.length : end;
      if (!this.#hasText) this.#hasText = hasText(chunk, from, stop);
      if (end === -1) return;
      this.#close();
      from = end + 1;
    }
  }

  end(): void {
    this.endsWithin = this.#hasText;
    if (this.#hasText) this.#close();
  }

  #close(): void {
    if (this.#hasText) this.lines++;
    else this.blank++;
    this.#hasText = false;
  }
}

/** Nearly always answered by the first byte of a line. */
function hasText(chunk: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const c = chunk[i] ?? 0;
    if (c !== 32 && c !== 13 && c !== 9 && c !== 11 && c !== 12) return true;
  }
  return false;
}

/** Looks at a file piece by piece. `isPacked`: what comes is gzip. `isDouble`, at the end: what is in it is gzip once more. */
export class Look {
  readonly #limits: Limits;
  readonly #hash = createHash('sha256');
  readonly #count = new LineCount();
  #gunzip: Gunzip | undefined;
  readonly #isPacked: boolean;
  #fault: Error | undefined;
  /** what is packed has ended */
  #isOver = false;
  #arrived = 0;
  /** where in what arrived the last byte stands that is not zero */
  #lastByte = -1;
  #bytes = 0;
  /** the first byte, while it is all that has come */
  #first: number | undefined;
  #isDouble = false;
  #done: Promise<void> | undefined;

  constructor(limits: Limits, isPacked: boolean) {
    this.#limits = limits;
    this.#isPacked = isPacked;
  }

  /** @throws PeerFault for what is too large; `file-corrupt` for what cannot be unpacked */
  async take(chunk: Uint8Array): Promise<void> {
    if (chunk.length === 0) return;
    if (this.#isPacked) {
      let last = chunk.length - 1;
      while (last >= 0 && chunk[last] === 0) last--;
      if (last !== -1) this.#lastByte = this.#arrived + last;
    }
    this.#arrived += chunk.length;
    if (!this.#isPacked) return this.#see(chunk);
    if (this.#arrived > this.#limits.fileWireBytes) throw new PeerFault('file-too-large');
    const gunzip = this.#open();
    // it takes nothing more, and what is written all the same it would hold in memory
    if (this.#isOver) return this.#lookBehind(gunzip);
    if (!gunzip.write(chunk))
      await Promise.race([new Promise<void>((ready) => gunzip.once('drain', ready)), this.#done]);
    if (this.#fault) throw this.#fault;
  }

  async end(): Promise<Looked> {
    if (this.#gunzip) {
      this.#gunzip.end();
      await this.#done;
      this.#lookBehind(this.#gunzip);
    }
    if (this.#fault) throw this.#fault;
    this.#count.end();
    const { lines, endsWithin } = this.#count;
    return { bytes: this.#bytes, sha256: this.#hash.digest('hex'), lines, endsWithin, isDouble: this.#isDouble };
  }

  stop(): void {
    this.#gunzip?.destroy();
  }

  /** Zeros may fill up what is packed; unpacking ends at the first of them, and what stands behind them would be lost. */
  #lookBehind(gunzip: Gunzip): void {
    if (gunzip.bytesWritten <= this.#lastByte) this.#fault ??= new PeerFault('file-corrupt', { isTransient: true });
    if (this.#fault) throw this.#fault;
  }

  #open(): Gunzip {
    if (this.#gunzip) return this.#gunzip;
    const gunzip = createGunzip({ chunkSize: 256 * 1024 });
    this.#done = new Promise((over) => {
      gunzip.on('data', (chunk: Uint8Array) => {
        try {
          this.#see(chunk);
        } catch (error) {
          this.#fault ??= error as Error;
          gunzip.destroy();
        }
      });
      gunzip.on('error', (error: NodeJS.ErrnoException) => {
        // an end too soon is a cut; anything else is damage
        const reason = error.code === 'Z_BUF_ERROR' ? 'file-cut' : 'file-corrupt';
        this.#fault ??= new PeerFault(reason, { isTransient: true });
      });
      gunzip.on('close', over);
      gunzip.on('end', () => {
        this.#isOver = true;
        over();
      });
    });
    this.#gunzip = gunzip;
    return gunzip;
  }

  #see(chunk: Uint8Array): void {
    if (this.#bytes === 0 && chunk.length === 1) this.#first = chunk[0];
    else if (this.#bytes < 2) {
      const [first, second] = this.#bytes === 0 ? chunk : [this.#first, chunk[0]];
      this.#isDouble = first === GZIP[0] && second === GZIP[1];
    }
    this.#bytes += chunk.length;
    if (this.#bytes > this.#limits.fileBytes) throw new PeerFault('file-too-large');
    if (this.#isPacked && this.#bytes > MIB && this.#bytes > this.#arrived * this.#limits.fileRatio)
      throw new PeerFault('file-bomb');
    this.#hash.update(chunk);
    this.#count.add(chunk);
    if (this.#count.lines > this.#limits.fileLines || this.#count.blank > this.#limits.fileBlankLines)
      throw new PeerFault('file-too-many-lines');
  }
}

/** Chunks of a body; a PeerFault when they come slower than allowed. Silence is ended by the connection's own time-out. */
export async function* paced(body: AsyncIterable<Uint8Array>, limits: Limits): AsyncGenerator<Uint8Array> {
  let since = performance.now();
  let got = 0;
  for await (const chunk of body) {
    yield chunk;
    got += chunk.length;
    const now = performance.now();
    if (now - since < limits.slowWindowMs) continue;
    if (got < (limits.slowBytesPerSecond * (now - since)) / 1000)
      throw new PeerFault('file-slow', { isTransient: true });
    since = now;
    got = 0;
  }
}
