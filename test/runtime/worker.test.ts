import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestHarness } from 'wrangler';
import { directory } from '../directory/fixture.ts';
import { smoke } from './directory-smoke.ts';

let server: ReturnType<typeof createTestHarness>;
let d: Awaited<ReturnType<typeof directory>>;
beforeAll(async () => {
  d = await directory();
  process.env['CLOUDFLARE_HYPERDRIVE_LOCAL_CONNECTION_STRING_HYPERDRIVE'] = d.database.url;
  server = createTestHarness({ workers: [{ configPath: './wrangler.toml', env: 'directory' }] });
  await server.listen();
});
afterAll(async () => {
  await server.close();
  await d.close();
});

const fetchWorker = (path: string, init?: RequestInit) =>
  server.fetch(path, init as never) as unknown as Promise<Response>; // wrangler types its own undici

test('the directory in workerd', async () => {
  await smoke(fetchWorker);
});

test('one request after the other, and many at once', async () => {
  const read = async () => (await fetchWorker('/directory/fhir/PractitionerRole?specialty=207RC0000X')).status;
  for (let i = 0; i < 5; i++) expect(await read()).toBe(200);
  expect(await Promise.all(Array.from({ length: 10 }, read))).toEqual(Array.from({ length: 10 }, () => 200));
});

test('the pages in workerd', async () => {
  for (const [path, said] of [
    ['/', 'Find care'],
    ['/es/find?name=ana&zip=06103', 'Practitioner/p1'],
    ['/provider/Practitioner/p1', 'Oak Gold Network'],
    ['/answer?provider=Practitioner/p1&plan=ip1', 'Yes: listed'],
    ['/developers', 'curl'],
  ] as const) {
    const response = await fetchWorker(path);
    expect(response.status, path).toBe(200);
    expect(await response.text(), path).toContain(said);
  }
});
