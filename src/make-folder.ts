// Makes a folder and those above it. Not by `mkdir` with `recursive`: where a file system has the folder above and yet says `ENOENT` (/proc),
// Node goes up and down between the two for ever.
import { mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

const OWN = 0o700;
/** Of what is made for those whom the user lets in, as the system has it set. */
export const EVERYBODYS = 0o777;

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;

/**
 * @param mode of each folder that is made
 * @returns the first folder that was not there; undefined when all were
 * @throws NodeJS.ErrnoException as `mkdir` does; `ENOENT` when the folder above is there, or was a moment ago, and takes none
 */
export function makeFolder(path: string, mode = OWN): string | undefined {
  const folder = resolve(path);
  const make = (): string | undefined => {
    try {
      mkdirSync(folder, { mode });
      return folder;
    } catch (error) {
      if (isFolder(folder)) return undefined;
      throw error;
    }
  };
  try {
    return make();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(folder) === folder) throw error;
  }
  const first = makeFolder(dirname(folder), mode);
  const made = make();
  return first ?? made;
}
