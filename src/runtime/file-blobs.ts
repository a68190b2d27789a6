// Stored files as files under a folder.
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream, openSync } from 'node:fs';
import { open, readdir, rename, rm, rmdir, stat, statfs } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Blobs } from '../deps.ts';
import { makeFolder } from '../make-folder.ts';

/** Leaves failures of these codes alone, and throws others. */
const unless =
  (...codes: string[]) =>
  (error: NodeJS.ErrnoException): undefined => {
    if (!codes.includes(error.code ?? '')) throw error;
  };

/** The folders that list something new: that of the file and, up from there, the one above each that was made. */
function listing(folder: string, made: string | undefined): string[] {
  const all = [folder];
  for (let at = folder; made !== undefined && at.length >= made.length; at = dirname(at)) all.push(dirname(at));
  return all;
}

/** A new file and its folder, which someone who empties it may have removed meanwhile. `made`: the first folder that was not there. */
function openIn(path: string): { fd: number; made: string | undefined } {
  const make = () => {
    const made = makeFolder(dirname(path));
    return { fd: openSync(path, 'wx', 0o600), made };
  };
  try {
    return make();
  } catch (error) {
    unless('ENOENT')(error as NodeJS.ErrnoException);
    return make();
  }
}

/**
 * Brings to the disk what a folder lists: a file that was synced under a name that was not is gone when the power is. Who comes while one is
 * at it shares the next one. A folder that was removed meanwhile lists nothing.
 */
function folderSync(): (folder: string) => Promise<void> {
  const running = new Map<string, Promise<void>>();
  const waiting = new Map<string, Promise<void>>();
  const sync = async (folder: string): Promise<void> => {
    const handle = await open(folder, 'r').catch(unless('ENOENT'));
    if (!handle) return;
    try {
      // there are file systems that have no such thing
      await handle.sync().catch(unless('EINVAL', 'ENOTSUP'));
    } finally {
      await handle.close();
    }
  };
  const run = (folder: string): Promise<void> => {
    const one = sync(folder).finally(() => running.delete(folder));
    running.set(folder, one);
    return one;
  };
  return (folder) => {
    const before = running.get(folder);
    if (before === undefined) return run(folder);
    const shared = waiting.get(folder);
    if (shared !== undefined) return shared;
    const next = before
      .catch(() => {})
      .then(() => {
        waiting.delete(folder);
        return run(folder);
      });
    waiting.set(folder, next);
    return next;
  };
}

/** Opened when its first byte is asked for: of those who ask for a file many are gone by then, and no one would close it. */
async function* read(path: string, range?: { start: number; end?: number }): AsyncGenerator<Uint8Array, void, void> {
  const { start, end } = { start: 0, ...range };
  try {
    yield* createReadStream(path, { start, ...(end === undefined ? {} : { end: end - 1 }) });
  } catch (error) {
    // without its path, which may reach who asked
    throw Object.assign(new Error('A stored file cannot be read.'), { code: (error as NodeJS.ErrnoException).code });
  }
}

/** Blobs as files under a folder; a folder is there as long as it holds something. */
export function fileBlobs(folder: string): Blobs {
  const root = resolve(folder);
  const toDisk = folderSync();
  const place = (key: string): string => {
    if (!/^[A-Za-z0-9][A-Za-z0-9._/-]*$/.test(key) || key.includes('..')) throw new Error('bad blob key');
    return join(root, key);
  };
  const removeEmpty = async (dir: string): Promise<void> => {
    if (dir !== root) await rmdir(dir).catch(unless('ENOTEMPTY', 'EEXIST', 'ENOENT'));
  };
  return {
    async put(key, source) {
      const to = place(key);
      const part = `${to}.${randomUUID()}.part`;
      // at once: what comes from the network must not wait, or a connection that is cut takes it along
      const { fd, made } = openIn(part);
      const hash = createHash('sha256');
      let bytes = 0;
      const tap = new Transform({
        transform(chunk: Uint8Array, _encoding, done) {
          hash.update(chunk);
          bytes += chunk.length;
          done(null, chunk);
        },
      });
      try {
        await pipeline(Readable.from(source, { objectMode: false }), tap, createWriteStream(part, { fd, flush: true }));
        await rename(part, to);
        await Promise.all(listing(dirname(to), made).map(toDisk));
      } catch (error) {
        await rm(part, { force: true });
        await removeEmpty(dirname(to));
        throw error;
      }
      return { bytes, sha256: hash.digest('hex') };
    },
    async get(key, range) {
      const from = place(key);
      // what cannot be opened is reported now, and not in the midst of an answer
      const handle = await open(from, 'r').catch(unless('ENOENT', 'ENOTDIR'));
      await handle?.close();
      return handle && read(from, range);
    },
    async size(key) {
      try {
        return (await stat(place(key))).size;
      } catch {
        return undefined;
      }
    },
    async list(folder) {
      const found: string[] = [];
      const folders = [place(folder.replace(/\/$/, ''))];
      for (let at = folders.pop(); at !== undefined; at = folders.pop())
        // one that is emptied meanwhile is removed
        for (const entry of (await readdir(at, { withFileTypes: true }).catch(unless('ENOENT'))) ?? []) {
          if (entry.isDirectory()) folders.push(join(at, entry.name));
          if (entry.isFile()) found.push(relative(root, join(at, entry.name)));
        }
      return found;
    },
    async delete(key) {
      await rm(place(key), { force: true });
      await removeEmpty(dirname(place(key)));
    },
    async room() {
      makeFolder(root);
      const { bavail, bsize } = await statfs(root);
      return bavail * bsize;
    },
  };
}
