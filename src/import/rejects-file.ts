// The rejects file: NDJSON, one object for each line or entry that was not taken. It holds places and reasons, never
// content. While an import runs it writes beside the file, so that two at once do not write into one.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type BigIntStats, constants, createWriteStream, type Stats, statSync, type WriteStream } from 'node:fs';
import { copyFile, link, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, parse } from 'node:path';
import type { Place } from './entry.ts';
import { ImportFault } from './reject.ts';

/**
 * `code` is a code of reject.ts, a code of the validator, or one of the importer that had to decide. `unread`: from there on the
 * file could not be read, or it may be cut off.
 */
export type Reject = Place & { resourceType?: string; id?: string; code: string; reason: string; unread?: true };

export type RejectsWriter = {
  write(reject: Reject): Promise<void>;
  /** rejects by code so far */
  counts: ReadonlyMap<string, number>;
  /** files of which not all was read */
  unread: readonly Reject[];
  total(): number;
  /**
   * Everything is on disk afterwards. Without rejects there is no file, also not an old one.
   * @returns the file; another name where an import that ran meanwhile has written that one
   */
  close(): Promise<string | undefined>;
};

/**
 * Writes to `file`, which replaces one that was there when the import began.
 * @throws ImportFault when it is a folder, or its folder is not there
 */
export function rejectsWriter(file: string): RejectsWriter {
  // a device or pipe, such as /dev/null, stays what it is
  const isPlain = checked(file)?.isFile() ?? true;
  // by chance: processes of two containers may have one number, and share the folder
  const older = isPlain ? marks(file) : new Map<string, string>();
  const part = isPlain ? `${file}.part-${randomUUID().slice(0, 8)}` : file;
  const counts = new Map<string, number>();
  const unread: Reject[] = [];
  let out: WriteStream | undefined;
  let failed: unknown;
  let total = 0;
  /** all that wait for one end of a full stream wait together: of very many listeners each is found among all of them when it leaves */
  let draining: Promise<void> | undefined;
  let closing: Promise<string | undefined> | undefined;
  const open = () => {
    // of members it names the ids of their records
    const stream = createWriteStream(part, { flags: isPlain ? 'wx' : 'w', flush: isPlain, mode: 0o600 });
    // kept for the next call: an event without a listener would end the process
    stream.on('error', (error) => {
      failed = new ImportFault(`The rejects file ${file} cannot be written.`, { cause: error });
    });
    return stream;
  };
  return {
    counts,
    unread,
    total: () => total,
    async write(reject) {
      if (failed !== undefined) throw failed;
      out ??= open();
      total++;
      counts.set(reject.code, (counts.get(reject.code) ?? 0) + 1);
      if (reject.unread) unread.push(reject);
      if (out.write(`${JSON.stringify(ordered(reject))}\n`)) return;
      draining ??= drained(out);
      await draining;
    },
    close: () => (closing ??= close()),
  };

  async function drained(stream: WriteStream): Promise<void> {
    await once(stream, 'drain').catch(() => Promise.reject(failed));
    draining = undefined;
  }

  async function close(): Promise<string | undefined> {
    if (out === undefined) {
      if (isPlain) await removeOlder(file, older);
      return undefined;
    }
    out.end();
    if (failed === undefined && !out.closed) await once(out, 'close').catch(() => {});
    if (failed !== undefined) throw failed;
    if (!isPlain) return file;
    const name = await publish(part, file, older);
    await rm(part, { force: true });
    return name;
  }
}

/** What is there, before hours of work are done. */
function checked(file: string): Stats | undefined {
  const folder = dirname(file);
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory())
    throw new ImportFault(`The rejects file ${file} cannot be written: there is no folder ${folder}.`);
  const there = statSync(file, { throwIfNoEntry: false });
  if (there?.isDirectory()) throw new ImportFault(`The rejects file ${file} cannot be written: it is a folder.`);
  return there;
}

/** By what a file is known again, which no other has had under its name. */
const markOf = ({ ino, mtimeNs, size }: BigIntStats): string => `${ino} ${mtimeNs} ${size}`;

const nameOf = (file: string, n: number): string => {
  const { dir, name, ext } = parse(file);
  return n === 1 ? file : join(dir, `${name}-${n}${ext}`);
};

/** The files of the name, and of those after it, that are there when an import begins. */
function marks(file: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (let n = 1; ; n++) {
    const stats = statSync(nameOf(file, n), { bigint: true, throwIfNoEntry: false });
    if (stats === undefined) return found;
    found.set(nameOf(file, n), markOf(stats));
  }
}

/** Removes a file that was there when the import began; what another has written since stays, whenever that is. */
async function removeOlder(file: string, older: ReadonlyMap<string, string>): Promise<void> {
  const isOlder = async (path: string) =>
    older.has(file) && markOf(await stat(path, { bigint: true })) === older.get(file);
  const aside = `${file}.old-${randomUUID().slice(0, 8)}`;
  try {
    if (!(await isOlder(file))) return;
    await rename(file, aside);
    // another may have put its own there in between
    if (!(await isOlder(aside))) await link(aside, file);
    await rm(aside);
  } catch (error) {
    if (!isCode(error, 'ENOENT') && !isCode(error, 'EEXIST')) throw error;
  }
}

const isCode = (error: unknown, code: string) => error instanceof Error && 'code' in error && error.code === code;

/** Gives a file the name, or the first one after it (`rejects-2.ndjson`) that no import has written since. */
async function publish(part: string, file: string, older: ReadonlyMap<string, string>): Promise<string> {
  for (let n = 1; ; n++) {
    const wanted = nameOf(file, n);
    await removeOlder(wanted, older);
    try {
      await copyFile(part, wanted, constants.COPYFILE_EXCL);
      return wanted;
    } catch (error) {
      if (!isCode(error, 'EEXIST')) throw error;
    }
  }
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
