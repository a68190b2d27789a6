import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type JsonObject, objects } from '../../src/fhir/resource.ts';
import { runSeed } from '../../src/seed/index.ts';

let out: string;
beforeEach(async () => {
  out = await mkdtemp(join(tmpdir(), 'seed-'));
});
afterEach(async () => {
  await rm(out, { recursive: true });
});

async function digests(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((e) => e.isFile());
  const entries = names.map(async (e) => {
    const path = join(e.parentPath, e.name);
    const bytes = await readFile(path);
    return [path.slice(folder.length + 1), createHash('sha256').update(bytes).digest('hex')] as const;
  });
  return Object.fromEntries((await Promise.all(entries)).sort(([a], [b]) => (a < b ? -1 : 1)));
}

test('a directory on disk: counts, bytes, one file a type, the same bytes again', async () => {
  const written = await runSeed({ kind: 'directory', size: 300, seed: 5, out: join(out, 'a') });
  await runSeed({ kind: 'directory', size: 300, seed: 5, out: join(out, 'b') });
  expect(await digests(join(out, 'a'))).toEqual(await digests(join(out, 'b')));
  expect(Object.values(written.counts).reduce((a, b) => a + b)).toBe(300);
  let bytes = 0;
  for (const [type, count] of Object.entries(written.counts)) {
    const content = await readFile(join(out, 'a', `${type}.ndjson`), 'utf8');
    bytes += Buffer.byteLength(content);
    const lines = content
      .trimEnd()
      .split('\n')
      .map((l) => JSON.parse(l) as JsonObject);
    expect(lines).toHaveLength(count);
    expect(lines.every((r) => r['resourceType'] === type)).toBe(true);
  }
  expect(written.bytes).toBe(bytes);
});

test('gzip holds the same lines and is the same each time', async () => {
  await runSeed({ kind: 'directory', size: 200, seed: 5, out: join(out, 'plain') });
  const a = await runSeed({ kind: 'directory', size: 200, seed: 5, out: join(out, 'a'), gzip: true });
  await runSeed({ kind: 'directory', size: 200, seed: 5, out: join(out, 'b'), gzip: true });
  expect(await digests(join(out, 'a'))).toEqual(await digests(join(out, 'b')));
  const unpacked = gunzipSync(await readFile(join(out, 'a', 'Location.ndjson.gz'))).toString();
  expect(unpacked).toBe(await readFile(join(out, 'plain', 'Location.ndjson'), 'utf8'));
  expect(a.bytes).toBeLessThan(200 * 1000);
});

test('members on disk: two folders, enrolment, key', async () => {
  const progress: number[] = [];
  const written = await runSeed({
    kind: 'members',
    size: 8,
    seed: 5,
    out,
    gzip: true,
    onProgress: (n) => progress.push(n),
  });
  expect(written.counts).toMatchObject({
    'prior/Patient': 7,
    'current/Patient': 7,
    'prior/enrolment': 8,
    'current/enrolment': 8,
  });
  const files = await digests(out);
  expect(Object.keys(files)).toEqual(
    expect.arrayContaining([
      'prior/enrolment.csv',
      'current/enrolment.csv',
      'prior/Patient.ndjson.gz',
      'truth.ndjson.gz',
    ]),
  );
  const claims = gunzipSync(await readFile(join(out, 'prior', 'ExplanationOfBenefit.ndjson.gz')))
    .toString()
    .trimEnd()
    .split('\n');
  expect(claims).toHaveLength(Number(written.counts['prior/ExplanationOfBenefit']));
  expect(objects((JSON.parse(claims[0] ?? '') as JsonObject)['total']).length).toBeGreaterThan(0);
  expect(progress.at(-1)).toBe(Object.values(written.counts).reduce((a, b) => a + b));
});

test('a stopped run leaves only .part files; the next run completes', async () => {
  const stop = new AbortController();
  const stopped = runSeed({
    kind: 'directory',
    size: 20_000,
    seed: 5,
    out,
    signal: stop.signal,
    onProgress: (n) => {
      if (n >= 3_000) stop.abort(new Error('enough'));
    },
  });
  await expect(stopped).rejects.toThrow('enough');
  const left = await readdir(out);
  expect(left.length).toBeGreaterThan(0);
  expect(left.every((name) => name.endsWith('.part'))).toBe(true);
  const written = await runSeed({ kind: 'directory', size: 20_000, seed: 5, out });
  expect(Object.values(written.counts).reduce((a, b) => a + b)).toBe(20_000);
  expect((await readdir(out)).filter((name) => name.endsWith('.part'))).toEqual([]);
});

test('a folder that cannot be written and sizes out of range are errors', async () => {
  await expect(runSeed({ kind: 'directory', size: 200, seed: 1, out: '/dev/null/x' })).rejects.toMatchObject({
    code: 'ENOTDIR',
  });
  await expect(runSeed({ kind: 'directory', size: 10, seed: 1, out })).rejects.toThrow(RangeError);
  await expect(runSeed({ kind: 'members', size: 0, seed: 1, out })).rejects.toThrow(RangeError);
  await expect(runSeed({ kind: 'members', size: 1, seed: 1.5, out })).rejects.toThrow(RangeError);
});
