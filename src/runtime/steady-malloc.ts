// A node that serves begins once more as itself, with the C library told how to give memory back. Each file of an export is packed with a
// quarter of a megabyte of the library's memory; after the first of them glibc takes such pieces from its heap, and from one heap for
// each thread, which fragment: a node grew by two megabytes with each export of fifty files. The library reads these settings before
// anything of ours runs, so that they can only be given to a process that is yet to begin. What somebody has set is left alone.
import process from 'node:process';

const SETTINGS = { MALLOC_ARENA_MAX: '2', MALLOC_MMAP_THRESHOLD_: '131072', MALLOC_TRIM_THRESHOLD_: '131072' };

/** @param serves commands that run for long */
function beginAgain(serves: readonly (string | undefined)[]): void {
  const { platform, env, execPath, execArgv, argv } = process;
  const isSet = Object.keys(SETTINGS).some((name) => env[name] !== undefined);
  if (platform !== 'linux' || isSet || process.connected || !serves.includes(argv[2])) return;
  // the same process, with the same number, files and parent
  process.execve?.(execPath, [execPath, ...execArgv, ...argv.slice(1)], { ...env, ...SETTINGS });
}

beginAgain([undefined, 'serve']);
