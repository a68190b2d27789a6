// What `doctor` says of folders that cannot be used.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { makeFolder } from '../../src/make-folder.ts';
import { agedKeys, closedKeys, dataFolder, filesFolder } from '../../src/runtime/folders.ts';

const root = mkdtempSync(join(tmpdir(), 'folders-'));
afterAll(() => rmSync(root, { recursive: true }));

test('a folder that is a file, or has no room, is named with the setting to change', () => {
  const file = join(root, 'file');
  writeFileSync(file, '');
  for (const place of [file, join(file, 'below')]) {
    expect(() => dataFolder(place)).toThrow(`${place} is a file, or lies below one: set DATA_DIR to a folder.`);
    expect(() => filesFolder(place, 0)).toThrow('set BLOBS_DIR to a folder.');
  }
  expect(() => filesFolder(join(root, 'x'.repeat(300)), 0)).toThrow(
    'cannot be made or written by this user (ENAMETOOLONG)',
  );
  expect(filesFolder(join(root, 'new'), 0)).toMatch(/GB free$/);
  expect(() => filesFolder(join(root, 'new'), 1e12)).toThrow(
    /less than the 1000000000000 MB that must stay free: pulls wait/,
  );
});

test.skipIf(process.platform !== 'linux')('below a folder that takes none, as /proc, it is said at once', () => {
  for (const place of ['/proc/payer-node', '/proc/self/payer-node/blobs'])
    expect(() => filesFolder(place, 0)).toThrow(`${place} lies where no folder can be made: set BLOBS_DIR`);
});

test('a folder is made with those above it, each for its owner alone, and the first of them is told', () => {
  const place = join(root, 'a', 'b', 'c');
  expect(makeFolder(place)).toBe(join(root, 'a'));
  expect(makeFolder(place)).toBeUndefined();
  expect(statSync(join(root, 'a', 'b')).mode & 0o777).toBe(0o700);
  expect(() => makeFolder(join(root, 'file', 'below'))).toThrow('ENOTDIR');
});

test('a private key that everybody may read is named', () => {
  const folder = join(root, 'keys');
  mkdirSync(folder);
  const key = join(folder, 'token-0-first.jwk');
  writeFileSync(key, '{}', { mode: 0o600 });
  closedKeys(folder);
  chmodSync(key, 0o644);
  expect(() => closedKeys(folder)).toThrow(/^token-0-first\.jwk in .* may be read by everybody .* mode 0600/);
});

test('a key that signs for more than ninety days is told, with the command that changes it', () => {
  const keysDir = join(root, 'aged');
  mkdirSync(keysDir);
  const now = new Date('2026-12-02T00:00:00Z');
  const days = (n: number) => new Date(now.getTime() - n * 86_400_000);
  const first = (use: string, age: number) => {
    writeFileSync(join(keysDir, `${use}-0-first.jwk`), '{}');
    utimesSync(join(keysDir, `${use}-0-first.jwk`), days(age), days(age));
  };
  first('token', 91);
  first('client', 89);
  first('rsa-client', 200);
  const given = { keysDir, tokenKey: undefined, clientKey: undefined };
  expect(agedKeys(given, now)).toBe(
    'older than 90 days: token of 2026-09-02, rsa-client of 2026-05-16. Change them: payer-node keys rotate token, payer-node keys rotate client.',
  );
  writeFileSync(join(keysDir, 'token-20261201T000000000-x.jwk'), '{}');
  expect(agedKeys(given, now)).toBe(
    'older than 90 days: rsa-client of 2026-05-16. Change them: payer-node keys rotate client.',
  );
  expect(agedKeys({ ...given, clientKey: '{}' }, now)).toBeUndefined();
});
