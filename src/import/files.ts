// The files that an import reads: those named, and those found in folders.
import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ImportFault } from './reject.ts';

/** `ndjson`: one resource a line. `json`: a document, or NDJSON under the wrong name; its first line decides. */
export type ImportFile = { path: string; bytes: number; format: 'ndjson' | 'json' | 'csv' };

const NAME = /\.(ndjson|jsonl|json)(?:\.gz)?$/i;
const TABLE = /\.csv(?:\.gz)?$/i;

const formatOf = (path: string): ImportFile['format'] =>
  TABLE.test(path) ? 'csv' : /\.(?:ndjson|jsonl)(?:\.gz)?$/i.test(path) ? 'ndjson' : 'json';

/**
 * Files of paths, in the order of the paths and by name within a folder (all levels; hidden files and linked folders
 * are passed over). A file named outright may have any name.
 * @param options.tables files ending in .csv count too
 * @throws ImportFault when a path does not exist or a folder holds nothing to import
 */
export async function importFiles(paths: readonly string[], options: { tables?: boolean } = {}): Promise<ImportFile[]> {
  if (paths.length === 0) throw new ImportFault('Name at least one file or folder to import.');
  const found: ImportFile[] = [];
  for (const path of paths) {
    const info = await stat(path).catch((cause: unknown) => {
      throw new ImportFault(`There is no file or folder ${path}, or it cannot be read.`, { cause });
    });
    if (!info.isDirectory()) {
      found.push({ path, bytes: info.size, format: formatOf(path) });
      continue;
    }
    const within = await filesIn(path, options.tables ?? false);
    if (within.length === 0)
      throw new ImportFault(
        `The folder ${path} holds no file ending in .ndjson, .jsonl${options.tables ? ', .csv' : ''} or .json (or these with .gz).`,
      );
    found.push(...within);
  }
  return found;
}

const byName = (a: Dirent, b: Dirent) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);

async function filesIn(folder: string, tables: boolean): Promise<ImportFile[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
    throw new ImportFault(`The folder ${folder} cannot be read.`, { cause });
  });
  const found: ImportFile[] = [];
  for (const entry of entries.sort(byName)) {
    if (entry.name.startsWith('.')) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) found.push(...(await filesIn(path, tables)));
    else if (NAME.test(entry.name) || (tables && TABLE.test(entry.name))) {
      // a link that leads nowhere is reported when it is opened
      const bytes = await stat(path).then(
        (info) => (info.isFile() ? info.size : undefined),
        () => 0,
      );
      if (bytes !== undefined) found.push({ path, bytes, format: formatOf(path) });
    }
  }
  return found;
}
