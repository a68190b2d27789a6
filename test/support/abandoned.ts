// What a run of the tests that was killed left behind: its database server, which no one else stops, and that one's folder.
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** Folders of databases begin so, and go on with the process that made them. */
export const NAME = 'payer-node-test-';

const WAIT_MS = 5000;

/** Is it a server on this folder? The number may have gone to another process since. */
function serves(pid: string, folder: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(join(folder, 'postgres'));
  } catch {
    return false;
  }
}

/** Removes what is left of runs that have ended, in a folder of folders. Linux, where processes are files. */
export async function removeAbandoned(from: string): Promise<void> {
  for (const name of readdirSync(from)) {
    const owner = name.startsWith(NAME) ? /^(\d+)-/.exec(name.slice(NAME.length))?.[1] : undefined;
    if (owner === undefined || existsSync(`/proc/${owner}`)) continue;
    const folder = join(from, name);
    const file = join(folder, 'postgres/postmaster.pid');
    const server = existsSync(file) ? (readFileSync(file, 'utf8').split('\n')[0] ?? '') : '';
    if (serves(server, folder)) process.kill(Number(server), 'SIGINT');
    for (const end = Date.now() + WAIT_MS; serves(server, folder) && Date.now() < end; )
      await new Promise((r) => setTimeout(r, 50));
    if (!serves(server, folder)) rmSync(folder, { recursive: true, force: true });
  }
}
