// Files in folders: nothing is left of what was not written.
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, expect, test, vi } from 'vitest';
import { serveFile } from '../../src/blobs/serve-file.ts';
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

test('files are listed while others and their folders go', async () => {
  const keys = Array.from({ length: 300 }, (_, i) => `d/${i}/x`);
  await Promise.all([...keys, 'd/e/stays', 'd/stays'].map((key) => blobs.put(key, bytes(key))));
  const [found] = await Promise.all([blobs.list('d/'), ...keys.map((key) => blobs.delete(key))]);
  expect(found).toEqual(expect.arrayContaining(['d/e/stays', 'd/stays']));
  expect((await blobs.list('d/')).sort()).toEqual(['d/e/stays', 'd/stays']);
  expect(await blobs.list('nothing/')).toEqual([]);
});

async function* one(content: Uint8Array) {
  yield content;
}
const opened = (key: string): string[] =>
  readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).endsWith(key) ? [fd] : [];
    } catch {
      return [];
    }
  });

// a client may be gone before its answer begins: whoever opened a file for it then would have it open for ever
test.runIf(existsSync('/proc/self/fd')).each([
  ['as it was stored', { 'accept-encoding': 'gzip' }],
  ['a part of it', { 'accept-encoding': 'gzip', range: 'bytes=100000-' }],
  ['inflated', { 'accept-encoding': 'identity' }],
  ['a part of it, inflated', { 'accept-encoding': 'identity', range: 'bytes=100000-' }],
])('an answer that nobody takes leaves no file open: %s', async (_, headers) => {
  const content = randomBytes(1_000_000);
  const stored = await blobs.put('many.gz', one(gzipSync(content)));
  const file = { blobKey: 'many.gz', media: 'a/b', gzip: true, bytes: content.length, modified: new Date() };
  const answer = () =>
    serveFile(
      new Request('http://x/', { headers }),
      blobs,
      { ...file, storedBytes: stored.bytes, sha256: stored.sha256 },
      {},
    );
  const unread = await answer();
  await unread?.body?.cancel();
  const begun = (await answer())?.body?.getReader();
  expect((await begun?.read())?.done).toBe(false);
  await begun?.cancel();
  await vi.waitFor(() => expect(opened('many.gz')).toEqual([]));
  await (await answer())?.arrayBuffer();
  await vi.waitFor(() => expect(opened('many.gz')).toEqual([]));
});

test('what cannot be opened is told before anything is answered, without its path', async () => {
  await blobs.put('there', bytes('x'));
  expect(await blobs.get('not-there')).toBeUndefined();
  const stream = await blobs.get('there');
  await blobs.delete('there');
  await expect(
    (async () => {
      for await (const _ of stream ?? []) break;
    })(),
  ).rejects.toMatchObject({ message: 'A stored file cannot be read.', code: 'ENOENT' });
});

test('many at once in one folder and in new ones are all there', async () => {
  const keys = Array.from({ length: 60 }, (_, i) => (i % 2 === 0 ? `at-once/${i}` : `at-once/of-${i}/its/${i}`));
  await Promise.all(keys.map((key) => blobs.put(key, bytes(key))));
  expect((await blobs.list('at-once/')).sort()).toEqual(keys.toSorted());
});

test.runIf(existsSync('/proc/self/fd'))(
  'every folder that lists something new is synced, up to the one that was there',
  async () => {
    const top = mkdtempSync(join(tmpdir(), 'payer-node-test-sync-'));
    const handle = await open(top);
    const prototype = Object.getPrototypeOf(handle) as FileHandle;
    await handle.close();
    const synced: string[] = [];
    const sync: (this: FileHandle) => Promise<void> = Reflect.get(prototype, 'sync');
    const spy = vi.spyOn(prototype, 'sync').mockImplementation(function (this: FileHandle) {
      synced.push(relative(top, readlinkSync(`/proc/self/fd/${this.fd}`)));
      return sync.call(this);
    });
    const own = fileBlobs(top);
    const put = async (key: string) => {
      synced.length = 0;
      await own.put(key, bytes('x'));
      return synced.toSorted();
    };
    try {
      expect(await put('bulk/job/of/a')).toEqual(['', 'bulk', 'bulk/job', 'bulk/job/of']);
      expect(await put('bulk/job/of/b')).toEqual(['bulk/job/of']);
      expect(await put('bulk/other/c')).toEqual(['bulk', 'bulk/other']);
      expect(await put('d')).toEqual(['']);
    } finally {
      spy.mockRestore();
      rmSync(top, { recursive: true, force: true });
    }
  },
);
