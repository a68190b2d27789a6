// The work behind `payer-node seed`: a directory or a set of members, written to a folder.

import { memberFolders } from './members/index.ts';
import { writeDirectory } from './plan-net/index.ts';
import type { Written } from './write.ts';

export * from './members/index.ts';
export { directoryResources } from './plan-net/index.ts';
export type { Written } from './write.ts';

export type SeedArgs = {
  kind: 'directory' | 'members';
  /** resources of a directory (150 or more) or members (1 or more) */
  size: number;
  seed: number;
  /** folder, made when missing; files of the same names are replaced when the run is complete */
  out: string;
  gzip?: boolean;
  /** called about every 1,000 lines with the number written so far */
  onProgress?: (n: number) => void;
  signal?: AbortSignal;
};

/**
 * Generates and writes. The same kind, size and seed give the same bytes. A run that is stopped or fails leaves only
 * `.part` files, which the next run overwrites.
 * @returns lines by file, and bytes on disk
 * @throws RangeError for a size or seed out of range; the signal's reason when stopped; errors of the file system
 */
export async function runSeed(args: SeedArgs): Promise<Written> {
  const { kind, size, seed, ...files } = args;
  return kind === 'directory'
    ? writeDirectory({ ...files, seed, resources: size })
    : memberFolders({ ...files, seed, members: size });
}
