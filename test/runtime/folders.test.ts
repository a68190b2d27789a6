// What `doctor` says of folders that cannot be used.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { closedKeys, dataFolder, filesFolder } from '../../src/command/folders.ts';

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
  expect(() => filesFolder(join(root, 'new'), 1e12)).toThrow(/less than DISK_RESERVE_MB \(1000000000000\): pulls wait/);
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
