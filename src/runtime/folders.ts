// What `doctor` asks of the folders of a node: are they there, is there room, who may read the keys?
import { accessSync, constants, readdirSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config.ts';
import type { KeyUse } from '../deps.ts';
import { makeFolder } from '../make-folder.ts';
import { CommandFault } from './fault.ts';
import { oldKeys } from './key-files.ts';

const GB = 1e9;
const MIB = 1024 * 1024;

/** @param setting names it. @throws CommandFault with a sentence */
export function usable(folder: string, setting: string): void {
  try {
    makeFolder(folder);
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT')
      throw new CommandFault(`${folder} lies where no folder can be made: set ${setting} to another one.`, { cause });
    if (code === 'EEXIST' || code === 'ENOTDIR')
      throw new CommandFault(`${folder} is a file, or lies below one: set ${setting} to a folder.`, { cause });
    throw new CommandFault(
      `${folder} cannot be made or written by this user (${code}): give it to them, or set ${setting} to another folder.`,
      { cause },
    );
  }
}

const freeBytes = (folder: string): number => {
  const disk = statfsSync(folder);
  return disk.bavail * disk.bsize;
};

/** @throws Error with a sentence */
export function dataFolder(folder: string): string {
  usable(folder, 'DATA_DIR');
  const free = freeBytes(folder) / GB;
  if (free < 1)
    throw new Error(`only ${free.toFixed(1)} GB free in ${folder}: make room, or set DATA_DIR to a larger disk.`);
  return `${folder}, ${free.toFixed(0)} GB free`;
}

/** Of files that come and are made; with less than the reserve pulls wait. @throws Error with a sentence */
export function filesFolder(folder: string, reserveMb: number): string {
  usable(folder, 'BLOBS_DIR');
  const free = freeBytes(folder) / MIB;
  if (free < reserveMb)
    throw new Error(
      `only ${free.toFixed(0)} MB free in ${folder}, less than the ${reserveMb} MB that must stay free: pulls wait. Make room, or set BLOBS_DIR to a larger disk.`,
    );
  return `${folder}, ${((free * MIB) / GB).toFixed(0)} GB free`;
}

/** May no one else on the machine read a private key? A system without such modes is not asked. @throws Error with a sentence */
export function closedKeys(folder: string): void {
  if (process.platform === 'win32') return;
  const open = readdirSync(folder).filter((f) => f.endsWith('.jwk') && (statSync(join(folder, f)).mode & 0o007) !== 0);
  const [first] = open;
  if (first !== undefined)
    throw new Error(
      `${open.length === 1 ? first : `${first} and ${open.length - 1} more`} in ${folder} may be read by everybody on this machine: set mode 0600, and rotate the keys if others were there.`,
    );
}

/** Which keys of the folder are to be changed, and how; undefined when none is. */
export function agedKeys(config: Pick<Config, 'keysDir' | 'tokenKey' | 'clientKey'>, now: Date): string | undefined {
  const uses: KeyUse[] = [
    ...(config.tokenKey === undefined ? (['token'] as const) : []),
    ...(config.clientKey === undefined ? (['client', 'rsa-client'] as const) : []),
  ];
  const old = oldKeys(config.keysDir, uses, now);
  if (old.length === 0) return undefined;
  const commands = new Set(old.map(({ use }) => `payer-node keys rotate ${use === 'token' ? 'token' : 'client'}`));
  const listed = old.map(({ use, made }) => `${use} of ${made.toISOString().slice(0, 10)}`);
  return `older than 90 days: ${listed.join(', ')}. Change them: ${[...commands].join(', ')}.`;
}
