import { createHash, randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { NdjsonFiles } from '../../src/blobs/ndjson-files.ts';
import type { Blobs } from '../../src/deps.ts';

/** A store on a disk that is full after some bytes; it tidies up before it says so, as that of files does. */
const fullAfter = (most: number, deleted: string[]): Pick<Blobs, 'put' | 'delete'> => ({
  async put(_, source) {
    let bytes = 0;
    try {
      for await (const chunk of source) {
        bytes += chunk.length;
        if (bytes > most) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
      }
    } finally {
      await new Promise((r) => setTimeout(r, 20));
    }
    return { bytes, sha256: '' };
  },
  async delete(key) {
    deleted.push(key);
  },
});

test.each([1, 400_000])('a disk that is full after %i bytes is told as such, wherever the writer is', async (most) => {
  const deleted: string[] = [];
  const files = new NdjsonFiles(fullAfter(most, deleted) as Blobs, 'job', { lines: 1_000_000, bytes: 1e9 });
  const write = async () => {
    for (let i = 0; i < 2000; i++) await files.write('output', 'Patient', randomBytes(2000).toString('base64'));
    await files.finish(['Patient']);
  };
  await expect(write()).rejects.toMatchObject({ code: 'ENOSPC' });
  await files.abandon();
});

test('a file that is small is told too, when it is closed', async () => {
  const files = new NdjsonFiles(fullAfter(1, []) as Blobs, 'job', { lines: 10, bytes: 1e9 });
  await files.write('output', 'Patient', '{}');
  await expect(files.finish([])).rejects.toMatchObject({ code: 'ENOSPC' });
});

test('several files are on their way to the disk at once: one after the other, each would wait for it alone', async () => {
  const enough = Promise.withResolvers<void>();
  let coming = 0;
  const slow: Pick<Blobs, 'put' | 'delete'> = {
    async put(_, source) {
      let bytes = 0;
      for await (const chunk of source) bytes += chunk.length;
      if (++coming === 5) enough.resolve();
      await enough.promise;
      return { bytes, sha256: '' };
    },
    delete: async () => {},
  };
  const files = new NdjsonFiles(slow as Blobs, 'job', { lines: 1, bytes: 1e9 });
  for (let i = 0; i < 12; i++) await files.write('output', i % 2 === 0 ? 'Patient' : 'Observation', `{"n":${i}}`);
  const written = await files.finish(['Observation', 'Patient']);
  expect(written.map((f) => f.type)).toEqual([...Array(6).fill('Observation'), ...Array(6).fill('Patient')]);
  expect(written.map((f) => f.position)).toEqual([...written.keys()]);
});

test('a file is known by the hash of its text as well, however its lines came', async () => {
  const kept: Pick<Blobs, 'put'> = {
    async put(_, source) {
      let bytes = 0;
      for await (const chunk of source) bytes += chunk.length;
      return { bytes, sha256: '' };
    },
  };
  const files = new NdjsonFiles(kept as Blobs, 'job', { lines: 10_000, bytes: 1e9 });
  const long = 'x'.repeat(200_000);
  await files.write('output', 'Patient', '{"name":"Zoë"}');
  await files.writeParts('output', 'Patient', ['{"text":"', long, '"}']);
  await files.write('output', 'Patient', Buffer.from('{}'));
  const [file] = await files.finish(['Patient']);
  const text = `{"name":"Zoë"}\n{"text":"${long}"}\n{}\n`;
  expect(file?.textSha256).toBe(createHash('sha256').update(text).digest('hex'));
});
