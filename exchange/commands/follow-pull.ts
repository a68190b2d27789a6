// How far the lines of a pull are taken in: a bar on a terminal, plain lines elsewhere.

import type { Deps } from '../../src/deps.ts';
import { progressReporter } from '../../src/import/progress.ts';
import { pullFiles } from '../requester/pull-file.ts';

/** Tells it while something is done, each second. It ends with that, however that ends: what goes on would keep the program from ending. */
export async function followed<T>(deps: Pick<Deps, 'database'>, id: string, work: () => Promise<T>): Promise<T> {
  const reporter = progressReporter('lines');
  let isShown = false;
  const look = async () => {
    const files = (await pullFiles(deps.database.sql, id)).filter((f) => f.kind !== 'error');
    const declared = files.reduce((n, f) => n + (f.declared ?? 0), 0);
    const units = files.reduce((n, f) => n + (f.units ?? 0), 0);
    if (declared === 0 || units === 0) return files;
    isShown = true;
    reporter.update({ bytesRead: Math.min(units, declared), bytesTotal: declared, entries: units });
    return files;
  };
  let looking: Promise<unknown> = Promise.resolve();
  const timer = setInterval(() => {
    looking = look().catch(() => {}); // only what is shown: the pull itself reports its faults
  }, 1000);
  let done: T;
  try {
    done = await work();
  } finally {
    clearInterval(timer);
    await looking;
  }
  const files = await look();
  if (!isShown) return done;
  const bytes = files.reduce((n, f) => n + (f.bytes ?? 0), 0);
  const units = files.reduce((n, f) => n + (f.units ?? 0), 0);
  reporter.update({ bytesRead: bytes, bytesTotal: bytes, entries: units });
  reporter.end();
  return done;
}
