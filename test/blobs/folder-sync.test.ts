// What lists a new file is on the disk when the file is.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { expect, test, vi } from 'vitest';
import { fileBlobs } from '../../src/runtime/file-blobs.ts';

const synced: string[] = [];
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  return {
    ...real,
    open: async (path: string, flags: string) => {
      const handle = await real.open(path, flags);
      const sync = handle.sync.bind(handle);
      handle.sync = async () => {
        await sync();
        synced.push(path);
      };
      return handle;
    },
  };
});

test('every folder that lists something new is synced, up to the one that was there', async () => {
  const root = mkdtempSync(join(tmpdir(), 'payer-node-test-sync-'));
  const blobs = fileBlobs(root);
  async function* content() {
    yield new Uint8Array(1);
  }
  const put = async (key: string) => {
    synced.length = 0;
    await blobs.put(key, content());
    return synced.map((folder) => relative(root, folder)).sort();
  };
  expect(await put('bulk/job/of/a')).toEqual(['', 'bulk', 'bulk/job', 'bulk/job/of']);
  expect(await put('bulk/job/of/b')).toEqual(['bulk/job/of']);
  expect(await put('bulk/other/c')).toEqual(['bulk', 'bulk/other']);
  expect(await put('d')).toEqual(['']);
  rmSync(root, { recursive: true, force: true });
});
