// A run of the tests that was killed leaves its database server; the next run ends it. Processes are looked up in /proc.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { removeAbandoned } from '../support/abandoned.ts';

const runs = (child: ChildProcess) => child.exitCode === null && child.signalCode === null;

test.skipIf(process.platform !== 'linux')('a server whose run was killed is ended, and no other process', async () => {
  const from = mkdtempSync(join(tmpdir(), 'abandoned-'));
  const ended = spawn(process.execPath, ['-e', '']);
  await once(ended, 'exit');
  const children: ChildProcess[] = [];
  /** A process that stands for the server of a folder, or, without one in its command line, for any other that has its number now. */
  const left = (owner: number | undefined, name: string, isServer: boolean) => {
    const folder = join(from, `payer-node-test-${owner}-${name}`);
    mkdirSync(join(folder, 'postgres'), { recursive: true });
    const child = spawn(process.execPath, [
      '-e',
      'setInterval(() => {}, 1000)',
      isServer ? join(folder, 'postgres') : 'x',
    ]);
    writeFileSync(join(folder, 'postgres/postmaster.pid'), `${child.pid}\n`);
    children.push(child);
    return { folder, child };
  };
  const killed = left(ended.pid, 'killed', true);
  const reused = left(ended.pid, 'reused', false);
  const going = left(process.pid, 'going', true);
  mkdirSync(join(from, 'another'));
  try {
    await Promise.all(children.map((c) => once(c, 'spawn')));
    await removeAbandoned(from);
    expect([existsSync(killed.folder), existsSync(reused.folder), existsSync(going.folder)]).toEqual([
      false,
      false,
      true,
    ]);
    expect(existsSync(join(from, 'another'))).toBe(true);
    await vi.waitFor(() => expect(runs(killed.child)).toBe(false));
    expect([runs(reused.child), runs(going.child)]).toEqual([true, true]);
  } finally {
    for (const c of children) c.kill('SIGKILL');
    rmSync(from, { recursive: true, force: true });
  }
});
