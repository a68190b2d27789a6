// Nothing that was asked, and nothing about who asked, is kept anywhere: log, metrics, headers, cookies, cursors, database.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createSite, type Site } from '../../directory/site.ts';
import { readConfig } from '../../src/config.ts';
import { prometheus } from '../../src/runtime/metrics.ts';
import { jsonLog } from '../../src/runtime/node.ts';
import { directory, NOW, ORIGIN } from './fixture.ts';
import { siteDeps } from './pages-fixture.ts';

const MARK = 'zqxmarker';
/** A marker that passes where an address is read. */
const ADDRESS = '203.0.113.77';
const lines: string[] = [];
const metrics = prometheus();
let d: Awaited<ReturnType<typeof directory>>;
let site: Site;
beforeAll(async () => {
  d = await directory();
  site = createSite({
    ...siteDeps(d.database),
    config: readConfig({ BASE_URL: ORIGIN, DIRECTORY_RATE_PER_MINUTE: '1000' }),
    clock: () => NOW,
    log: jsonLog('debug', (line) => lines.push(line)),
    metrics,
  });
});
afterAll(() => d.close());

const HEADERS = {
  'user-agent': `${MARK}agent/1.0`,
  referer: `https://${MARK}referer.example/`,
  'x-forwarded-for': ADDRESS,
  'accept-language': `es, ${MARK}`,
  cookie: `${MARK}cookie=1`,
  authorization: `Bearer ${MARK}`,
  from: `${MARK}@mail.example`,
};

const F = '/directory/fhir';
const GETS = [
  // found and not found
  `${F}/Practitioner?name=${MARK}`,
  `${F}/Practitioner?family=o&given:contains=${MARK}`,
  `${F}/Practitioner?name-like=${MARK}`,
  `${F}/PractitionerRole?specialty-like=${MARK}&_include=*`,
  `${F}/PractitionerRole?practitioner.name=${MARK}`,
  `${F}/PractitionerRole?location.near-zip=06103|10|mi&specialty=${MARK}`,
  `${F}/Practitioner?identifier=${MARK}|${MARK}`,
  `${F}/Practitioner?_id=${MARK}`,
  `${F}/Practitioner/${MARK}`,
  `${F}/Practitioner/${MARK}/_history/1`,
  `${F}/${MARK}/x`,
  `${F}/Practitioner/_history?_since=${MARK}`,
  `${F}/$in-network?plan=${MARK}&npi=9000000015`,
  `${F}/$in-network?plan=ip1&provider=Practitioner/${MARK}`,
  `${F}/$in-network?plan=ip1&provider=Practitioner/p1&specialty=${MARK}&_format=jws`,
  // refused
  `${F}/Practitioner?${MARK}=1`,
  `${F}/Practitioner?_lastUpdated=${MARK}`,
  `${F}/Practitioner?npi=${MARK}`,
  `${F}/Practitioner?_cursor=${MARK}`,
  `${F}/Practitioner?_sort=${MARK}`,
  `${F}/Practitioner?name=${MARK}%00`,
  `${F}/Practitioner?name=${MARK}&_format=xml`,
  `${F}/Practitioner?name=${MARK.repeat(1000)}`,
  `${F}/$in-network?${MARK}=1`,
  `/${MARK}`,
  // pages
  `/find?name=${MARK}&care=${MARK}`,
  `/es/find?kind=place&name=${MARK}`,
  `/find?zip=${MARK}`,
  `/find?plan=${MARK}`,
  `/find?page=${MARK}`,
  `/answer?provider=Practitioner/p1&plan=${MARK}`,
  `/answer?provider=Practitioner/${MARK}&plan=ip1`,
  `/provider/Practitioner/${MARK}`,
  `/provider/${MARK}/x`,
  `/en/${MARK}`,
];
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const POSTS: [string, string, Record<string, string>][] = [
  [`${F}/Practitioner/_search`, `name=${MARK}`, FORM],
  [`${F}/Practitioner/_search`, `${MARK}=1`, FORM],
  [`${F}/Practitioner/_search?name=${MARK}`, `name=${MARK}`, { 'content-type': `text/${MARK}` }],
  [`${F}/$in-network`, `plan=${MARK}&npi=9000000015`, FORM],
  [`${F}/$in-network`, `{"${MARK}":`, { 'content-type': 'application/fhir+json' }],
  [`${F}/Practitioner`, MARK, FORM],
  ['/check', `statement=${MARK}`, FORM],
  [`/find`, MARK, FORM],
];

const run = (path: string, headers: Record<string, string>, body?: string) =>
  Promise.resolve(
    site.fetch(new Request(`${ORIGIN}${path}`, { headers, ...(body === undefined ? {} : { method: 'POST', body }) })),
  );

/** All of the database that can be read as text, and what the server shows of the statements it ran. */
async function database(): Promise<string[]> {
  const { sql } = d.database;
  const tables = await sql<{ name: string }[]>`
    select format('%I.%I', schemaname, tablename) as name from pg_tables
    where schemaname not in ('pg_catalog', 'information_schema')`;
  expect(tables.length).toBeGreaterThan(8);
  const found: string[] = [];
  for (const { name } of tables) {
    const rows = await sql.unsafe(
      `select 1 from ${name} t where t::text ilike '%${MARK}%' or t::text like '%${ADDRESS}%'`,
    );
    if (rows.length > 0) found.push(name);
  }
  const ran = await sql<{ query: string }[]>`select query from pg_stat_activity where datname = current_database()`;
  return [...found, ...ran.map((r) => r.query).filter((q) => q.includes(MARK) && !q.includes('ilike'))];
}

test('no marker of any request is anywhere afterwards', async () => {
  const statuses = new Map<number, number>();
  for (const [path, body, headers] of [...GETS.map((p): [string, undefined, object] => [p, undefined, {}]), ...POSTS]) {
    const response = await run(path, { ...HEADERS, ...headers }, body);
    await response.arrayBuffer();
    statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
    expect(response.status, path).toBeLessThan(500);
    expect(response.headers.has('set-cookie'), path).toBe(false);
    for (const [name, value] of response.headers) {
      expect(value.toLowerCase(), `${path} ${name}`).not.toContain(MARK);
      expect(value, `${path} ${name}`).not.toContain(ADDRESS);
    }
  }
  // the run was not a row of refusals
  expect(statuses.get(200)).toBeGreaterThan(8);
  for (const status of [400, 404, 405, 414, 415]) expect([...statuses.keys()]).toContain(status);
  expect(lines.length).toBeGreaterThanOrEqual(GETS.length + POSTS.length);
  expect(lines.filter((l) => l.toLowerCase().includes(MARK) || l.includes(ADDRESS))).toEqual([]);
  const counted = await metrics.text();
  expect(counted).toContain('payer_node_http_requests_total');
  expect(counted.toLowerCase()).not.toContain(MARK);
  expect(counted).not.toContain(ADDRESS);
  expect(await database()).toEqual([]);
});

test('a log line has these fields and no other', () => {
  const fields = new Set(lines.flatMap((l) => Object.keys(JSON.parse(l) as object)));
  expect([...fields].sort()).toEqual([
    'event',
    'level',
    'method',
    'ms',
    'requestId',
    'route',
    'service',
    'status',
    'time',
  ]);
});

test('two clients get the same headers, cursors and bodies', async () => {
  const clients = [
    {
      'x-forwarded-for': '198.51.100.1',
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'gopher',
      'x-original-url': '/elsewhere',
      forwarded: 'for=198.51.100.1;host=evil.example',
      'user-agent': 'one',
      cookie: 'a=1',
      referer: 'https://a.example/',
      authorization: 'Bearer somebody',
    },
    { 'x-forwarded-for': '198.51.100.2', 'user-agent': 'two' },
  ];
  const seen = [];
  for (const client of clients) {
    const answers = [];
    for (const path of [
      `${F}/Organization?_count=1`,
      `${F}/Practitioner/p1`,
      `${F}/Practitioner?name=nobody`,
      `${F}/$in-network?plan=ip1&npi=9000000015`,
      '/find?name=ana',
      '/provider/Practitioner/p1',
      '/answer?provider=Practitioner/p1&plan=ip1',
    ]) {
      const response = await run(path, client);
      const headers = Object.fromEntries([...response.headers].filter(([name]) => name !== 'x-request-id'));
      answers.push([path, response.status, headers, await response.text()]);
    }
    seen.push(answers);
  }
  expect(seen[0]).toEqual(seen[1]);
  expect(JSON.stringify(seen[0])).toContain('_cursor=');
});
