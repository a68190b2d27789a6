// Files in folders: nothing is left of what was not written.
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { fileBlobs } from '../../src/runtime/node.ts';

const root = mkdtempSync(join(tmpdir(), 'payer-node-test-files-'));
const blobs = fileBlobs(root);
afterAll(() => rmSync(root, { recursive: true, force: true }));
async function* bytes(text: string) {
  yield new TextEncoder().encode(text);
}

test('a source that fails leaves neither file nor folder', async () => {
  async function* broken() {
    yield new TextEncoder().encode('half');
    throw new Error('refused');
  }
  await expect(blobs.put('a/1/file', broken())).rejects.toThrow('refused');
  expect(existsSync(join(root, 'a/1'))).toBe(false);
});

test('a folder goes with its last file, and not before', async () => {
  await blobs.put('b/1/x', bytes('x'));
  await blobs.put('b/1/y', bytes('y'));
  await blobs.delete('b/1/x');
  expect(readdirSync(join(root, 'b/1'))).toEqual(['y']);
  await blobs.delete('b/1/y');
  expect(existsSync(join(root, 'b/1'))).toBe(false);
  await blobs.delete('b/1/y');
});

test('files are written while others of their folder go', async () => {
  const rounds = Array.from({ length: 200 }, async (_, i) => {
    await blobs.put(`c/1/${i}`, bytes(String(i)));
    if (i % 2 === 0) await blobs.delete(`c/1/${i}`);
  });
  await Promise.all(rounds);
  expect(readdirSync(join(root, 'c/1')).length).toBe(100);
});
