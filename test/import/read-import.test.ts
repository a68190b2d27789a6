import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { constants, gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MAX_LINE_BYTES } from '../../src/fhir/ndjson.ts';
import { resourceTexts } from '../../src/import/bundle.ts';
import type { ImportEntry, Progress } from '../../src/import/entry.ts';
import { readImport } from '../../src/import/read-import.ts';
import { ImportFault } from '../../src/import/reject.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'import-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const file = async (name: string, content: string | Uint8Array) => {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
};

async function all(...paths: string[]): Promise<ImportEntry[]> {
  const out: ImportEntry[] = [];
  for await (const entry of readImport(paths)) out.push(entry);
  return out;
}

/** `line[#entry] text`, `line METHOD url` or `line fault`, without the folder. */
const brief = (entries: ImportEntry[]) =>
  entries.map((e) => {
    const place = `${e.line}${e.entry === undefined ? '' : `#${e.entry}`}`;
    if ('fault' in e) return `${place} ${e.fault}`;
    return [place, e.request ? `${e.request.method} ${e.request.url}` : '', e.text].filter((s) => s !== '').join(' ');
  });
const read = async (name: string, content: string | Uint8Array) => brief(await all(await file(name, content)));

const A = '{"resourceType":"Basic","id":"a"}';
const B = '{"resourceType":"Basic","id":"b"}';

describe('NDJSON', () => {
  test.each([
    ['no last newline', `${A}\n${B}`, [`1 ${A}`, `2 ${B}`]],
    ['CRLF', `${A}\r\n${B}\r\n`, [`1 ${A}`, `2 ${B}`]],
    ['a byte order mark and blank lines', `\ufeff${A}\n\n${B}\n`, [`1 ${A}`, `3 ${B}`]],
    ['blanks between tokens', '{ "resourceType" : "Basic", "id": "a" }\n', [`1 ${A}`]],
    ['the same id twice', `${A}\n${A}\n`, [`1 ${A}`, `2 ${A}`]],
    ['a line that is not JSON', `${A}\n{"resourceType":\n${B}\n`, [`1 ${A}`, '2 not-json', `3 ${B}`]],
    ['an array', `[${A}]\n${B}\n`, ['1 not-an-object', `2 ${B}`]],
    ['null and a number', 'null\n12\n', ['1 not-an-object', '2 not-an-object']],
    ['no resourceType', '{"id":"a"}\n{"resourceType":5}\n', ['1 no-type', '2 no-type']],
    ['nothing', '', []],
  ])('%s', async (_, content, expected) => {
    expect(await read('a.ndjson', content)).toEqual(expected);
  });

  test('numbers and strings stay as they were written', async () => {
    const text = '{"resourceType":"Basic","id":"a","x":[1.00,1e2,0.10],"y":"\\u00e9 : {, }"}';
    const entries = await all(await file('a.ndjson', text));
    expect(entries).toEqual([
      { source: join(folder, 'a.ndjson'), line: 1, text, resource: JSON.parse(text) as unknown },
    ]);
  });

  test('characters of several bytes survive the borders of chunks', async () => {
    const long = `{"resourceType":"Basic","id":"a","x":"${'é😀'.repeat(150_000)}"}`;
    expect(await read('a.ndjson', `${long}\n${A}`)).toEqual([`1 ${long}`, `2 ${A}`]);
    expect(await read('b.ndjson.gz', gzipSync(`x${long}\n${long}`))).toEqual(['1 not-json', `2 ${long}`]);
  });

  test('a line over 16 MiB is refused and the next one is read', async () => {
    const long = `{"resourceType":"Basic","x":"${'x'.repeat(MAX_LINE_BYTES)}"}`;
    expect(await read('a.ndjson', `${long}\n${A}\n`)).toEqual(['1 too-large', `2 ${A}`]);
  });

  test('bytes that are not UTF-8', async () => {
    const bytes = Buffer.concat([Buffer.from('{"resourceType":"'), Buffer.from([0xff]), Buffer.from(`"}\n${A}\n`)]);
    expect(await read('a.ndjson', bytes)).toEqual(['1 not-utf8', `2 ${A}`]);
  });

  test('reasons repeat nothing of the content', async () => {
    const entries = await all(await file('a.ndjson', '{"resourceType":"Patient","name":"Jane Roe" oops}\n'));
    expect(entries).toHaveLength(1);
    expect(JSON.stringify(entries)).not.toContain('Roe');
  });
});

describe('gzip', () => {
  test('is known by its first bytes, whatever the name is', async () => {
    expect(await read('a.ndjson', gzipSync(`${A}\n`))).toEqual([`1 ${A}`]);
    expect(await read('a.ndjson.gz', `${B}\n`)).toEqual([`1 ${B}`]);
  });

  test('several members in one file are one text', async () => {
    expect(await read('a.ndjson.gz', Buffer.concat([gzipSync(`${A}\n`), gzipSync(`${B}\n`)]))).toEqual([
      `1 ${A}`,
      `2 ${B}`,
    ]);
  });

  test('a file that is cut off gives what came before, a fault, and the next file', async () => {
    const lines = Array.from({ length: 20_000 }, (_, i) => `{"resourceType":"Basic","id":"${i}-${Math.sin(i)}"}`);
    const whole = gzipSync(lines.join('\n'));
    await file('a.ndjson.gz', whole.subarray(0, whole.length / 2));
    await file('b.ndjson', A);
    const entries = await all(folder);
    const faults = entries.filter((e) => 'fault' in e);
    expect(faults.map((e) => e.fault)).toEqual(['damaged-gzip']);
    expect(faults[0]?.line).toBe(entries.length - 1);
    expect(entries.length).toBeGreaterThan(1_000);
    expect(entries.length).toBeLessThan(20_000);
    expect(brief(entries.slice(-1))).toEqual([`1 ${A}`]);
  });

  test('all that stands before the place where a file is cut off is read, wherever that is', async () => {
    const text = Array.from(
      { length: 3000 },
      (_, i) => `{"resourceType":"Basic","id":"${i}","x":"${Math.random()}"}\n`,
    ).join('');
    const whole = gzipSync(text);
    for (const part of [0.1, 0.5, 0.9]) {
      const cut = whole.subarray(0, Math.floor(whole.length * part));
      const known = gunzipSync(cut, { finishFlush: constants.Z_SYNC_FLUSH }).toString().split('\n').length - 1;
      const found = await read('cut.ndjson.gz', cut);
      expect(found.filter((f) => f.includes('{'))).toHaveLength(known);
      expect(found.at(-1)).toBe(`${known + 1} damaged-gzip`);
    }
  });

  test('all that stands before a damaged place is read', async () => {
    const text = Array.from(
      { length: 3000 },
      (_, i) => `{"resourceType":"Basic","id":"${i}","x":"${Math.random()}"}\n`,
    ).join('');
    const whole = gzipSync(text);
    for (const part of [0.2, 0.5, 0.9]) {
      const at = Math.floor(whole.length * part);
      const known = gunzipSync(whole.subarray(0, at), { finishFlush: constants.Z_SYNC_FLUSH }).toString().split('\n');
      const damaged = Buffer.from(whole);
      damaged.fill(0xff, at, at + 400);
      const found = await read('damaged.ndjson.gz', damaged);
      expect(found.filter((f) => f.includes('{')).slice(0, known.length - 1)).toEqual(
        known.slice(0, -1).map((line, i) => `${i + 1} ${line}`),
      );
      expect(found.at(-1)).toMatch(/damaged-gzip$/);
    }
  });

  test('a file that only begins as gzip does', async () => {
    expect(await read('a.ndjson.gz', Buffer.from([0x1f, 0x8b, 1, 2, 3, 4]))).toEqual(['0 damaged-gzip']);
  });

  test('a file of one byte', async () => {
    expect(await read('a.ndjson', Buffer.from([0x1f]))).toEqual(['1 cut-off']);
  });
});

describe('documents', () => {
  const pretty = JSON.stringify(JSON.parse(A), undefined, 2);
  test.each([
    ['one resource over several lines', pretty, [`1 ${A}`]],
    ['one resource in one line', A, [`1 ${A}`]],
    ['one with a byte order mark', `\ufeff${pretty}\n`, [`1 ${A}`]],
    ['NDJSON under the name .json', `${A}\n${B}\n`, [`1 ${A}`, `2 ${B}`]],
    ['an array', `[\n${A}\n]`, ['1 not-an-object']],
    ['broken', '{\n"resourceType": "Basic",\n', ['1 not-json']],
    ['blank', ' \n ', []],
  ])('%s', async (_, content, expected) => {
    expect(await read('a.json', content)).toEqual(expected);
    expect(await read('b.json.gz', gzipSync(content))).toEqual(expected);
  });

  test('bytes that are not UTF-8', async () => {
    expect(await read('a.json', Buffer.from([0x7b, 0x0a, 0xff, 0x7d]))).toEqual(['1 not-utf8']);
  });

  test('a Bundle in one line over 16 MiB is read, a document over 128 MiB is refused', async () => {
    const big = `{"resourceType":"Basic","id":"a","x":"${'x'.repeat(MAX_LINE_BYTES)}"}`;
    const bundle = `{"resourceType":"Bundle","type":"collection","entry":[{"resource":${big}},{"resource":${B}}]}`;
    const entries = await all(await file('a.json', bundle));
    expect(entries.map((e) => ('fault' in e ? e.fault : e.text.length))).toEqual([big.length, B.length]);
    const huge = gzipSync(Buffer.alloc(129 * 1024 * 1024, 0x20), { level: 1 });
    expect(await read('b.json.gz', huge)).toEqual(['1 too-large']);
  });
});

describe('Bundles', () => {
  const bundle = (type: string | undefined, ...entry: unknown[]) =>
    JSON.stringify({ resourceType: 'Bundle', type, entry });
  const a: unknown = JSON.parse(A);
  const b: unknown = JSON.parse(B);

  test.each(['collection', 'searchset', 'transaction', 'batch'])('%s', async (type) => {
    const expected = [`1#0 ${A}`, `1#1 ${B}`];
    const text = bundle(type, { resource: a }, { resource: b });
    expect(await read('a.ndjson', text)).toEqual(expected);
    expect(await read('b.json', JSON.stringify(JSON.parse(text), undefined, 2))).toEqual(expected);
  });

  test.each(['history', 'document', 'message', 'transaction-response', undefined])('%s is refused', async (type) => {
    expect(await read('a.ndjson', bundle(type, { resource: a }))).toEqual(['1 unsupported-bundle']);
  });

  test('without entries there is nothing, with a wrong entry there is a fault', async () => {
    expect(await read('a.ndjson', '{"resourceType":"Bundle","type":"searchset"}')).toEqual([]);
    expect(await read('b.ndjson', '{"resourceType":"Bundle","type":"searchset","entry":{}}')).toEqual([
      '1 unsupported-bundle',
    ]);
  });

  test('decimals stay as they were written, the last of two members of a name counts as in JSON.parse', async () => {
    const text =
      '{"resourceType":"Bundle","type":"batch","entry":[1], "entry" : [ { "resource" : {"resourceType":"Basic", "x": 1.00} } ] }';
    expect(await read('a.ndjson', text)).toEqual(['1#0 {"resourceType":"Basic","x":1.00}']);
  });

  test('requests: what they ask, and what is not understood', async () => {
    const request = (method: string, url?: string) => ({ method, url });
    const text = bundle(
      'transaction',
      { request: request('DELETE', 'Basic/gone') },
      { resource: a, request: request('PUT', 'Basic/a') },
      { resource: a, request: request('POST', 'Basic') },
      { request: request('DELETE', 'Basic?identifier=x') },
      { resource: a, request: request('PUT', 'Basic/b') },
      { resource: a, request: request('PATCH', 'Basic/a') },
      { fullUrl: 'urn:x' },
      { search: { mode: 'outcome' }, resource: { resourceType: 'OperationOutcome' } },
      { resource: { id: 'x' } },
      { resource: [a] },
      null,
    );
    expect(await read('a.ndjson', text)).toEqual([
      '1#0 DELETE Basic/gone',
      `1#1 PUT Basic/a ${A}`,
      `1#2 ${A}`,
      '1#3 bad-request-url',
      '1#4 bad-request-url',
      '1#5 unsupported-request',
      '1#6 no-resource',
      '1#7 not-data',
      '1#8 no-type',
      '1#9 not-an-object',
      '1#10 not-an-object',
    ]);
  });

  test('references by urn to an entry become Type/id, others stay', async () => {
    const text = bundle(
      'transaction',
      { fullUrl: 'urn:uuid:1', resource: { resourceType: 'Patient', id: 'p' } },
      {
        fullUrl: 'urn:uuid:2',
        resource: {
          resourceType: 'Basic',
          id: 'b',
          subject: { reference: 'urn:uuid:1' },
          author: { reference: 'urn:uuid:9' },
        },
      },
    );
    const entries = await all(await file('a.json', text));
    const last = entries[1];
    expect(last && 'text' in last ? last.text : '').toBe(
      '{"resourceType":"Basic","id":"b","subject":{"reference":"Patient/p"},"author":{"reference":"urn:uuid:9"}}',
    );
    expect(last && 'resource' in last ? last.resource?.['subject'] : '').toEqual({ reference: 'Patient/p' });
  });
});

describe('files and folders', () => {
  test('all levels of a folder, by name; other and hidden files are passed over', async () => {
    await mkdir(join(folder, 'b'));
    await file('c.jsonl', A);
    await file('b/x.NDJSON', A);
    await file('a.json', A);
    await file('notes.txt', 'x');
    await file('._a.json', 'x');
    await symlink(folder, join(folder, 'b', 'loop'));
    const found = (await all(folder)).map((e) => e.source.slice(folder.length + 1));
    expect(found).toEqual(['a.json', 'b/x.NDJSON', 'c.jsonl']);
  });

  test('a file named outright may have any name', async () => {
    expect(await read('anything', `${A}\n${B}`)).toEqual([`1 ${A}`, `2 ${B}`]);
  });

  test('a path that does not exist, an empty folder and no path at all stop the import at once', async () => {
    const good = await file('a.json', A);
    await mkdir(join(folder, 'empty'));
    await expect(all(good, join(folder, 'missing'))).rejects.toBeInstanceOf(ImportFault);
    await expect(all(good, join(folder, 'empty'))).rejects.toBeInstanceOf(ImportFault);
    await expect(all()).rejects.toBeInstanceOf(ImportFault);
  });

  test('a file that vanished or cannot be opened is a fault of its own', async () => {
    await symlink(join(folder, 'nowhere'), join(folder, 'a.ndjson'));
    await file('b.ndjson', A);
    expect(brief(await all(folder))).toEqual(['0 unreadable', `1 ${A}`]);
  });

  test.skipIf(process.getuid?.() === 0)('a file without permission is a fault (skipped for root)', async () => {
    await chmod(await file('a.ndjson', A), 0);
    expect(brief(await all(folder))).toEqual(['0 unreadable']);
  });
});

test('progress ends at the size of all files, and grows', async () => {
  await file('a.ndjson', `${A}\n`.repeat(2_000));
  await file('b.ndjson.gz', gzipSync(`${B}\n`.repeat(2_000)));
  const seen: Progress[] = [];
  let count = 0;
  for await (const _ of readImport([folder], { progress: (p) => seen.push({ ...p }) })) count++;
  expect(count).toBe(4_000);
  const last = seen.at(-1);
  expect(last).toEqual({ bytesRead: last?.bytesTotal, bytesTotal: last?.bytesTotal, entries: 4_000 });
  expect(seen.length).toBeGreaterThan(4);
  expect(seen.map((p) => p.bytesRead)).toEqual(seen.map((p) => p.bytesRead).sort((x, y) => x - y));
});

test('an aborted signal stops the reading', async () => {
  await file('a.ndjson', `${A}\n`.repeat(1_000));
  const controller = new AbortController();
  let count = 0;
  const run = async () => {
    for await (const _ of readImport([folder], { signal: controller.signal })) {
      count++;
      if (count === 10) controller.abort();
    }
  };
  await expect(run()).rejects.toThrow('abort');
  expect(count).toBe(10);
});

test('the resources of a Bundle are told as they were written, one for each entry', () => {
  const bundle = `{ "entry": [ { "resource": {"a": 1.0} }, 7, {"request":{"method":"DELETE"}},
    {"fullUrl":"x", "resource" : {"b":[ 2.50 ]}} ] }`;
  expect(resourceTexts(bundle)).toEqual(['{"a":1.0}', '', '', '{"b":[2.50]}']);
  expect(resourceTexts('{}')).toEqual([]);
});
