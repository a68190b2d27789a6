import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ImportFault } from '../../src/import/reject.ts';
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
  // whoever else has an account on the machine reads no ids of members' records
  if (process.platform !== 'win32') expect(statSync(path).mode & 0o777).toBe(0o600);
});

test('without rejects there is no file, and the one of an earlier import is gone', async () => {
  const path = join(folder, 'r.ndjson');
  await writeFile(path, 'old');
  await rejectsWriter(path).close();
  expect(existsSync(path)).toBe(false);
});

test('two imports at once have a file each, and neither takes the other’s away', async () => {
  const path = join(folder, 'r.ndjson');
  await writeFile(path, 'old');
  const reject = (source: string) => ({ source, line: 1, code: 'not-json', reason: 'r' });
  const first = rejectsWriter(path);
  const second = rejectsWriter(path);
  const third = rejectsWriter(path);
  await first.write(reject('first'));
  await second.write(reject('second'));
  expect(await first.close()).toBe(path);
  expect(await second.close()).toBe(join(folder, 'r-2.ndjson'));
  expect(await third.close()).toBeUndefined();
  expect(readFileSync(path, 'utf8')).toContain('"first"');
  expect(readFileSync(join(folder, 'r-2.ndjson'), 'utf8')).toContain('"second"');
  expect(readdirSync(folder).sort()).toEqual(['r-2.ndjson', 'r.ndjson']);
});

test('imports that begin and end in one moment take neither each other’s files nor what one that was killed has left', async () => {
  for (let round = 0; round < 20; round++) {
    const path = join(folder, `r${round}.ndjson`);
    const left = `${path}.part-${process.pid}`;
    await writeFile(left, 'of another container');
    await writeFile(path, 'old');
    const [first, second] = [rejectsWriter(path), rejectsWriter(path)];
    await first.write({ source: 'first', line: 1, code: 'not-json', reason: 'r' });
    await second.write({ source: 'second', line: 1, code: 'not-json', reason: 'r' });
    const written = await Promise.all([first.close(), second.close()]);
    expect(written.sort()).toEqual([join(folder, `r${round}-2.ndjson`), path]);
    const held = written.map(
      (name) =>
        readFileSync(name ?? '', 'utf8')
          .trim()
          .split('\n').length,
    );
    expect(held).toEqual([1, 1]);
    expect(readFileSync(left, 'utf8')).toBe('of another container');
  }
});

test('what is no plain file is written to as it is', async () => {
  const rejects = rejectsWriter('/dev/null');
  await rejects.write({ source: 'a', line: 1, code: 'not-json', reason: 'x' });
  expect(await rejects.close()).toBe('/dev/null');
  expect(existsSync('/dev/null')).toBe(true);
});

test('files of which not all was read are kept', async () => {
  const rejects = rejectsWriter(join(folder, 'r.ndjson'));
  await rejects.write({ source: 'a', line: 7, code: 'cut-off', reason: 'x', unread: true });
  await rejects.close();
  expect(rejects.unread.map((r) => [r.source, r.line])).toEqual([['a', 7]]);
  expect(readFileSync(join(folder, 'r.ndjson'), 'utf8')).not.toContain('unread');
});

test('very many that nobody waits for are written in a time that follows from their number', async () => {
  const path = join(folder, 'r.ndjson');
  const rejects = rejectsWriter(path);
  const all: Promise<void>[] = [];
  // a listener for each would be looked for among all of them when it leaves
  const warned: Error[] = [];
  const warn = (w: Error) => void warned.push(w);
  process.on('warning', warn);
  for (let line = 1; line <= 100_000; line++)
    all.push(rejects.write({ source: 'a', line, code: 'not-json', reason: 'x'.repeat(50) }));
  await Promise.all(all);
  await rejects.close();
  process.off('warning', warn);
  expect(warned.filter((w) => w.name === 'MaxListenersExceededWarning')).toEqual([]);
  expect(readFileSync(path, 'utf8').trimEnd().split('\n')).toHaveLength(100_000);
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

test('a file that cannot be made is told before the import begins, or when it ends', async () => {
  expect(() => rejectsWriter(join(folder, 'no', 'r.ndjson'))).toThrow(ImportFault);
  expect(() => rejectsWriter(folder)).toThrow(ImportFault);
  const within = join(folder, 'within');
  await mkdir(within);
  const rejects = rejectsWriter(join(within, 'r.ndjson'));
  await rm(within, { recursive: true });
  await rejects.write({ source: 'a', line: 1, code: 'not-json', reason: 'x' });
  await expect(rejects.close()).rejects.toThrow(ImportFault);
});
