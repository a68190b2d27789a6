// Searches that take long, and what is soon done beside them; requests as a whole in their time; readers who leave.
import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { rendering } from '../../directory/rendering.ts';
import { createSite, type Site, type SiteOptions } from '../../directory/site.ts';
import { placesOf, type Work, workOf } from '../../directory/work.ts';
import { readConfig } from '../../src/config.ts';
import type { Sql } from '../../src/db/database.ts';
import { admission } from '../../src/http/admission.ts';
import { openDatabase } from '../../src/runtime/node.ts';
import { nodeListener } from '../../src/runtime/node-listener.ts';
import type { Tuning } from '../../src/tuning.ts';
import { directory, ORIGIN } from './fixture.ts';
import { siteDeps } from './pages-fixture.ts';

const SLOW = 'PractitionerRole?location.near=41.8|-87.6|2000|km&active=true&_sort=_lastUpdated';
const NAME = 'overload test';

let d: Awaited<ReturnType<typeof directory>>;
let database: ReturnType<typeof openDatabase>;
let blocker: Sql;

beforeAll(async () => {
  d = await directory();
  blocker = d.database.dedicated('work');
});
afterAll(async () => {
  await blocker.end();
  await d.close();
});
// searches near a point wait for its end, reads do not
beforeEach(async () => {
  database = openDatabase(d.database.url, { max: 4, lines: 4, name: NAME, keepsPlans: true });
  await blocker.unsafe('begin; lock table directory.place in access exclusive mode');
});
afterEach(async () => {
  await blocker.unsafe('rollback');
  await database.close();
});

const POOL = 4;
const siteOf = (tuning: Partial<Tuning>, options: SiteOptions = {}): Site =>
  createSite(siteDeps(database, { DATABASE_POOL: String(POOL) }, tuning), {
    ...options,
  });
/** What waits is told to come back after seconds, in which a busy machine may not have asked all: here it waits as long as it takes. */
const patient = (): Work => {
  const config = readConfig({ BASE_URL: ORIGIN, DATABASE_POOL: String(POOL) }, { directoryTimeoutMs: 60_000 });
  const waiting = config.directoryQueueMax;
  return {
    ...workOf(config, { admission: admission(placesOf(POOL), waiting, Number.POSITIVE_INFINITY) }),
    ...rendering(waiting, admission([4, 4, 4], waiting, Number.POSITIVE_INFINITY)),
  };
};
const ask = async (site: Site, path: string) => site.fetch(new Request(`${ORIGIN}${path}`));
const search = (site: Site, query = SLOW) => ask(site, `/directory/fhir/${query}`);
/** Statements that wait for the lock. */
const held = async () => {
  const [row] = await d.database.sql<{ n: number }[]>`select count(*)::int as n from pg_stat_activity
    where datname = current_database() and application_name = ${NAME} and wait_event_type = 'Lock'`;
  return row?.n;
};
const until = async (n: number) => {
  while ((await held()) !== n) await new Promise((r) => setTimeout(r, 5));
};

test('a request has one time for all of its statements and waits, and is not worked on any more after it', async () => {
  const site = siteOf({ directoryTimeoutMs: 300 });
  const answer = await search(site);
  expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5']);
  expect(await answer.json()).toMatchObject({ issue: [{ code: 'timeout' }] });
  await until(0);
  // those that wait behind it have the same
  const all = await Promise.all(Array.from({ length: 12 }, () => search(site)));
  expect(new Set(all.map(({ status }) => status))).toEqual(new Set([503]));
  await until(0);
});

test('beside very many searches that take long reads, other searches and pages are answered', async () => {
  const site = siteOf({}, { work: patient() });
  const slow = Array.from({ length: 60 }, (_, i) => search(site, i % 2 === 0 ? SLOW : `${SLOW}&_count=7`));
  const pages = Array.from({ length: 30 }, () => ask(site, '/find?care=doctor&zip=60601'));
  await until(2);
  for (const path of [
    '/directory/fhir/Practitioner/p1',
    '/directory/fhir/Practitioner?_id=p1',
    '/check',
    '/directory/fhir/InsurancePlan',
  ])
    expect([path, (await ask(site, path)).status]).toEqual([path, 200]);
  expect(await held()).toBe(2);
  await blocker.unsafe('rollback; begin');
  expect(new Set((await Promise.all([...slow, ...pages])).map(({ status }) => status))).toEqual(new Set([200]));
});

test('a search that nobody waits for any more leaves its place and ends on the server', async () => {
  const site = siteOf({ directoryTimeoutMs: 60_000 });
  const server = createServer(nodeListener((request, env) => site.fetch(request, env), '127.0.0.1'));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  for (const path of [`/directory/fhir/${SLOW}`, `//directory/fhir/${SLOW}`, '/find?care=doctor&zip=60601']) {
    const request = get({ host: '127.0.0.1', port, path: encodeURI(path) }).on('error', () => {});
    await until(1);
    request.destroy();
    await until(0);
  }
  server.close();
});

test('answers that are written anew take turns, and are told when too many wait; others are answered meanwhile', async () => {
  const site = siteOf({ directoryTimeoutMs: 60_000, directoryQueueMax: 4 });
  const slow = Array.from({ length: 6 }, () => search(site, `${SLOW}&_format=xml`));
  await until(2);
  const waiting = Array.from({ length: 4 }, () => search(site, 'Practitioner?_id=p1&_pretty=true'));
  const refused = await search(site, 'Practitioner?_id=p1&_format=xml');
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
  expect(refused.headers.get('content-type')).toContain('application/fhir+xml');
  expect(await refused.text()).toContain('<OperationOutcome');
  for (const path of ['Practitioner?_id=p1', 'Practitioner/p1?_format=xml', 'metadata?_pretty=true'])
    expect([path, (await search(site, path)).status]).toEqual([path, 200]);
  await blocker.unsafe('rollback; begin');
  await Promise.all([...slow, ...waiting]);
  expect((await search(site, 'Practitioner?_id=p1&_format=xml')).status).toBe(200);
});
