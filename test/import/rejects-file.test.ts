import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { rejectsWriter } from '../../src/import/rejects-file.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rejects-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('one object a line, members in a fixed order, counted by code', async () => {
  const path = join(folder, 'r.ndjson');
  const rejects = rejectsWriter(path);
  await rejects.write({ reason: 'r', code: 'not-json', line: 3, source: 'a.ndjson' });
  await rejects.write({
    source: 'b.json',
    line: 1,
    entry: 2,
    resourceType: 'Basic',
    id: 'x',
    code: 'no-id',
    reason: 'q',
  });
  await rejects.write({ source: 'b.json', line: 1, entry: 3, code: 'no-id', reason: 'q' });
  await rejects.close();
  expect(readFileSync(path, 'utf8')).toBe(
    [
      '{"source":"a.ndjson","line":3,"code":"not-json","reason":"r"}',
      '{"source":"b.json","line":1,"entry":2,"resourceType":"Basic","id":"x","code":"no-id","reason":"q"}',
      '{"source":"b.json","line":1,"entry":3,"code":"no-id","reason":"q"}',
      '',
    ].join('\n'),
  );
  expect([...rejects.counts]).toEqual([
    ['not-json', 1],
    ['no-id', 2],
  ]);
  expect(rejects.total()).toBe(3);
});

test('without rejects there is no file, and the one of an earlier import is gone', async () => {
  const path = join(folder, 'r.ndjson');
  await writeFile(path, 'old');
  await rejectsWriter(path).close();
  expect(existsSync(path)).toBe(false);
});

test('many rejects are all on disk after close', async () => {
  const path = join(folder, 'r.ndjson');
  const rejects = rejectsWriter(path);
  for (let line = 1; line <= 20_000; line++)
    await rejects.write({ source: 'a', line, code: 'not-json', reason: 'x'.repeat(50) });
  await rejects.close();
  const written = readFileSync(path, 'utf8').trimEnd().split('\n');
  expect(written).toHaveLength(20_000);
  expect(JSON.parse(written.at(-1) ?? '')).toMatchObject({ line: 20_000 });
});

test('a file that cannot be made is an error of the import', async () => {
  const rejects = rejectsWriter(join(folder, 'no', 'such', 'folder'));
  await rejects.write({ source: 'a', line: 1, code: 'not-json', reason: 'x' });
  await expect(rejects.close()).rejects.toThrow('ENOENT');
});
