import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { language } from '../../directory/pages/language.ts';
import { map, pinsOf } from '../../directory/pages/map.ts';
import { addressLines } from '../../directory/pages/records.ts';
import { STYLE } from '../../directory/pages/style.ts';
import { en } from '../../directory/pages/texts/en.ts';
import { es } from '../../directory/pages/texts/es.ts';
import { createSite } from '../../directory/site.ts';
import { viewOf } from '../../src/db/database.ts';
import { Outcome } from '../../src/fhir/outcome.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import { directoryResources } from '../../src/seed/index.ts';
import { deletion, directory, entries, FIXTURE, keyOf, NOW, ORIGIN } from './fixture.ts';
import { siteDeps, siteOver } from './pages-fixture.ts';

let d: Awaited<ReturnType<typeof directory>>;
let site: ReturnType<typeof siteOver>;
beforeAll(async () => {
  d = await directory([
    ...FIXTURE,
    {
      resourceType: 'Practitioner',
      id: 'bad',
      active: true,
      name: [{ family: '<script>alert(1)</script>', given: ['"><img src=x onerror=alert(1)>'] }],
      identifier: [{ system: 'http://hl7.org/fhir/sid/us-npi', value: '9000000049' }],
    },
    {
      resourceType: 'PractitionerRole',
      id: 'badrole',
      active: true,
      practitioner: { reference: 'Practitioner/bad' },
      telecom: [
        { system: 'url', value: 'javascript:alert(1)' },
        { system: 'phone', value: '860-555-0123' },
      ],
    },
    // a role more of the same person at the same place, which here is none
    {
      resourceType: 'PractitionerRole',
      id: 'badrole2',
      active: true,
      practitioner: { reference: 'Practitioner/bad' },
      telecom: [{ system: 'phone', value: '860-555-0124' }],
    },
  ]);
  site = siteOver(d.database);
});
afterAll(() => d.close());

const PAGES = [
  '/',
  '/find',
  '/find?name=ana',
  '/find?kind=place',
  '/find?zip=00000',
  '/find?name=zzzz',
  '/provider/Practitioner/p1',
  '/provider/Practitioner/bad',
  '/provider/Organization/clinic1',
  '/provider/Organization/net1',
  '/provider/Location/loc1',
  '/provider/HealthcareService/hs1',
  '/provider/Practitioner/nobody',
  '/answer?provider=Practitioner/p1&plan=ip1',
  '/answer?provider=Practitioner/bad&plan=ip1',
  '/answer?provider=Practitioner/p1',
  '/check',
  '/developers',
];

test('the sign that a page names for the bar of its window is there', async () => {
  const href = /<link rel="icon" href="([^"]+)"/.exec(await (await site('/')).text())?.[1] ?? '';
  const sign = await site(href);
  expect([sign.status, sign.headers.get('content-type')]).toEqual([200, 'image/svg+xml']);
  expect(await sign.text()).toMatch(/^<svg .*<\/svg>$/);
});
const page = async (path: string, init?: RequestInit) => {
  const response = await site(path, init);
  return { status: response.status, headers: response.headers, text: await response.text() };
};
/** Text without markup. */
const words = (html: string) =>
  html
    .replace(/<[^>]+>/g, ' ')
    .replaceAll('&#39;', "'")
    .replace(/\s+/g, ' ');

test('robots.txt asks crawlers to leave searches alone, in every language, and lets them read the rest', async () => {
  const answer = await site('/robots.txt');
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/plain; charset=utf-8']);
  const lines = (await answer.text()).trim().split('\n');
  expect(lines[0]).toBe('User-agent: *');
  const left = lines.slice(1).map((line) => line.replace(/^Disallow: /, ''));
  const mayRead = (path: string) => !left.some((begins) => path.startsWith(begins));
  expect(
    ['/find?care=x', '/es/find?zip=1', '/en/answer', '/directory/fhir/Location', '/staff', '/my/x'].filter(mayRead),
  ).toEqual([]);
  expect(['/', '/es', '/developers', '/provider/Practitioner/p1'].filter(mayRead)).toHaveLength(4);
});

describe.each(['', '/en', '/es'])('language prefix "%s"', (prefix) => {
  test.each(PAGES)('%s has the headers and no script, cookie or address from elsewhere', async (path) => {
    const { headers, text } = await page(`${prefix}${path === '/' ? (prefix === '' ? '/' : '') : path}`);
    expect(headers.get('content-security-policy')).toBe(
      "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    );
    expect(headers.get('referrer-policy')).toBe('no-referrer');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('set-cookie')).toBeNull();
    expect(headers.get('access-control-allow-origin')).toBeNull();
    expect(headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(text).not.toMatch(/<script|<iframe|<img|<[a-z][^>]*\son\w+=|(href|src|action)="javascript:/i);
    for (const [, url = ''] of text.matchAll(/(?:href|src|action)="([^"]*)"/g))
      expect(url, url).toMatch(/^(\/|#|tel:|mailto:|https:\/\/plan\.example\/)/);
    expect(text).toContain(`<html lang="${prefix === '/es' ? 'es' : 'en'}">`);
    expect(text.match(/<h1>/g)).toHaveLength(1);
    if (prefix !== '')
      for (const [, url = ''] of text.matchAll(/href="(\/[^"]*)"/g))
        expect(url).toMatch(/^\/(en|es)(\/|\?|$)|^\/(directory\.css|icon\.svg)$/);
  });
});

test('every page is under 60 KB compressed, with a large directory and its stylesheet too', async () => {
  const own = await directory([...directoryResources({ seed: 7, resources: 3000 })]);
  const big = siteOver(own.database);
  for (const path of [
    '/es',
    '/es/find?care=family%20doctor',
    '/es/find?kind=place',
    '/es/provider/Practitioner/practitioner-1',
    '/es/provider/Organization/org-1',
    '/es/provider/Organization/network-1',
    '/es/provider/Location/location-14',
    '/es/answer?provider=Practitioner/practitioner-1&plan=plan-1',
    '/es/developers',
  ]) {
    const response = await big(path);
    expect(response.status, path).toBe(200);
    expect(gzipSync(await response.text()).length + gzipSync(STYLE).length, path).toBeLessThan(60_000);
  }
  await own.close();
});

test('Accept-Language is a default and the path wins', async () => {
  const spanish = { headers: { 'accept-language': 'fr, es-MX;q=0.8, en;q=0.3' } };
  const byHeader = await page('/', spanish);
  expect([byHeader.text.includes('<html lang="es">'), byHeader.headers.get('vary')]).toEqual([
    true,
    'accept-language, accept-encoding',
  ]);
  expect((await page('/en', spanish)).text).toContain('<html lang="en">');
  expect((await page('/', { headers: { 'accept-language': 'de' } })).text).toContain('<html lang="en">');
  // the other language keeps the search
  expect((await page('/en/find?name=ana&sort=best')).text).toContain('href="/es/find?name=ana&amp;sort=best"');
});

test('developers are told the limit of requests, or that there is none', async () => {
  const told = async (own: typeof site) => words(await (await own('/developers')).text());
  const [none, some] = [await told(site), await told(siteOver(d.database, { DIRECTORY_RATE_PER_MINUTE: '1200' }))];
  expect([none.includes('429'), some.includes('1,200 requests a minute and address; past it 429')]).toEqual([
    false,
    true,
  ]);
});

test('two roles of one person at one place are one result', async () => {
  const { text } = await page('/find?name=alert');
  expect([words(text).includes('1 result'), text.split('class="hit"').length - 1]).toEqual([true, 1]);
});

test('a name finds the person, where, with phone, network and the question', async () => {
  const { text, status } = await page('/find?name=ana+oneil');
  expect(status).toBe(200);
  expect(text).toContain('href="/provider/Practitioner/p1"');
  expect(words(text)).toContain('1 result');
  expect(words(text)).toContain('Elm Way Clinic');
  expect(words(text)).toContain('7 Elm Way, Hartford, CT 06103-1234');
  expect(words(text)).toContain('Oak Gold Network');
  expect(words(text)).toContain('Last verified on February 1, 2027');
  expect(text).toContain('<svg viewBox=');
  // each wish leads to the search without it
  const wishes = await page('/find?name=ana&zip=06103');
  expect(wishes.text).toContain('href="/find?zip=06103&amp;within=25" aria-label="Leave out: “ana”"');
  expect(wishes.text).toContain('href="/find?name=ana" aria-label="Leave out: within 25 miles of 06103"');
  const inPlan = await page('/find?name=ana&plan=ip1');
  expect(inPlan.text).toContain('href="/answer?provider=Practitioner%2Fp1&amp;plan=ip1"');
});

test('care in plain words, in both languages, for people and places', async () => {
  expect((await page('/find?care=heart+doctor')).text).toContain('/provider/Practitioner/p1');
  expect((await page('/es/find?care=m%C3%A9dico+del+coraz%C3%B3n')).text).toContain('/es/provider/Practitioner/p1');
  expect((await page('/find?kind=place&care=heart+doctor')).text).toContain('/provider/HealthcareService/hs1');
  expect((await page('/find?kind=place&name=elm')).text).toContain('/provider/Location/loc1');
});

test.each([
  ['speaks=es', true],
  ['speaks=fr', false],
  ['gender=female', true],
  ['gender=male', false],
  ['access=adacomp', true],
  ['access=pubtrans', false],
  ['tele=1', true],
  ['plan=ip1', true],
  ['plan=H1234-001', true],
  ['plan=oak+gold', true],
  ['plan=Organization/net1', true],
  ['new=1', true],
  ['zip=06103&within=10', true],
  ['zip=10001&within=10', false],
  ['at=Location/loc1', true],
  ['at=Organization/clinic1', true],
])('the wish %s', async (query, found) => {
  const { text, status } = await page(`/find?${query}`);
  expect(status).toBe(200);
  expect(text.includes('href="/provider/Practitioner/p1"')).toBe(found);
  if (!found) expect(words(text)).toContain('Nothing found');
});

test('distance: nearest first, told on the card, and the circle can be widened', async () => {
  const near = await page('/find?zip=06103&within=25');
  expect(words(near.text)).toMatch(/\d+\.\d miles away/);
  expect(near.text).toContain('aria-current="true">Nearest first');
  const none = await page('/find?zip=10001&within=50&care=heart+doctor');
  expect(none.text).toContain('within=100');
  expect(words(none.text)).toContain('Leave out: within 50 miles of 10001');
});

test('of more than can be counted quickly it is said that there are more, not how many', async () => {
  const own = await directory(FIXTURE);
  try {
    const open = FIXTURE.find((r) => r['id'] === 'r1');
    await own.load(entries(Array.from({ length: 10_001 }, (_, i) => ({ ...open, id: `many${i}` }) as Resource)));
    const found = async (path: string) => words(await (await siteOver(own.database)(path)).text());
    expect(await found('/en/find?new=1')).toContain('more than 10,000 results');
    expect(await found('/es/find?new=1')).toContain('más de 10,000 resultados');
    // neither counted nor estimated in time
    const noTime = viewOf(
      own.database,
      (sql) =>
        new Proxy(sql, {
          get(target, name) {
            if (name === 'begin') return () => Promise.reject(new Outcome('too-costly'));
            // the driver's own way
            if (typeof name === 'symbol') return undefined;
            if (name !== 'unsafe') return Reflect.get(target, name) as unknown;
            return (text: string, ...more: []) => {
              if (/^(select \(select count|explain)/.test(text)) throw new Outcome('too-costly');
              return target.unsafe(text, ...more);
            };
          },
        }),
    );
    const shown = words(await (await siteOver(noTime)('/en/find?new=1')).text());
    expect(Number(/more than (\d+) results/.exec(shown)?.[1])).toBeGreaterThan(0);
  } finally {
    await own.close();
  }
});

test('a question about a plan that cannot be answered is asked anew on the spot', async () => {
  for (const asked of ['', '&plan=nothing']) {
    const { text } = await page(`/answer?provider=Practitioner/p1${asked}&date=2026-11-28`);
    expect(text).toContain('<input type="hidden" name="provider" value="Practitioner/p1">');
    expect(text).toMatch(/<select id="plan" name="plan" required>[\s\S]*value="ip1"/);
    expect(text).toContain('type="date" value="2026-11-28"');
  }
  expect((await page('/answer?plan=ip1')).text).not.toContain('name="provider"');
});

test.each([
  ['/find?zip=00001', 400, 'We do not know this ZIP code'],
  ['/find?zip=abc', 400, 'We do not know this ZIP code'],
  ['/find?plan=nothing%20of%20that%20name', 400, 'No plan here has this name'],
  ['/find?name=ana&page=xx', 400, 'no longer there'],
  ['/find?name=%00', 200, ''],
  ['/answer?provider=Practitioner/p1', 400, 'Choose a plan'],
  ['/answer?provider=Practitioner/p1&plan=nothing', 400, 'No plan here has this name or number. Choose another.'],
  ['/answer?provider=Practitioner/nobody&plan=ip1', 404, 'no longer in the directory'],
  ['/answer?provider=Practitioner/p1&plan=ip1&date=x', 400, 'could not be understood'],
  ['/provider/Practitioner/nobody', 404, 'no longer in the directory'],
  ['/provider/Patient/p1', 404, 'no longer in the directory'],
  ['/es/provider/Practitioner/nobody', 404, 'ya no está en el directorio'],
  ['/nothing', 404, 'no longer in the directory'],
])('%s answers %i in a sentence', async (path, status, said) => {
  const found = await page(path, { headers: { accept: 'text/html' } });
  expect(found.status).toBe(status);
  expect(words(found.text)).toContain(said);
  if (status !== 200) expect(found.headers.get('cache-control')).toBe('no-store');
});

test('what was entered wrongly is said in the title of the window, and marked where it was entered', async () => {
  const { text } = await page('/find?zip=abc');
  expect(text).toContain('<title>Please check: Doctors and other professionals');
  expect(text).toMatch(/<h1>Doctors and other professionals<.h1>/);
  expect(text).toMatch(/<input id="zip"[^>]* aria-invalid="true" aria-describedby="problem">/);
  expect((await page('/es/find?zip=abc')).text).toContain('<title>Revise lo que escribió: ');
});

test('methods, API errors and unknown paths for programs are not pages', async () => {
  expect((await page('/find', { method: 'DELETE' })).status).toBe(405);
  const api = await site('/nothing');
  expect([api.status, api.headers.get('content-type')]).toEqual([
    404,
    'application/fhir+json; fhirVersion=4.0; charset=utf-8',
  ]);
  const fhir = await site('/directory/fhir/Practitioner/nobody', { headers: { accept: 'text/html' } });
  expect(fhir.headers.get('content-type')).toContain('application/fhir+json');
});

test('a person: places, networks and plans, languages, licence, the form to ask; 410 when deleted', async () => {
  const { text } = await page('/provider/Practitioner/p1');
  for (const said of [
    'Dr. Ana O',
    'Elm Way Clinic',
    'Oak Gold Network',
    'Oak Gold',
    'Spanish',
    '9000000015',
    'Woman',
    'Does it take my plan?',
  ])
    expect(words(text), said).toContain(said);
  expect(text).toContain('href="#ask"');
  expect(text).toContain('<a class="button" href="tel:+18605550101;ext=9">Call +1 (860) 555-0101 ext. 9</a>');
  const spanish = words((await page('/es/provider/Practitioner/p1')).text);
  expect(spanish).toContain('español');
  // of the role and of the qualification
  expect(spanish.split('Cardiología (corazón)').length).toBeGreaterThan(2);
  expect(spanish).not.toContain('Cardiovascular');
  const own = await directory();
  // a role at two places names both, and says apart that it is listed and whom it takes
  const role = FIXTURE.find((r) => keyOf(r) === 'PractitionerRole/r1');
  const second: Resource = { resourceType: 'Location', id: 'loc9', status: 'active', name: 'Pine Road Clinic' };
  const places = ['loc1', 'loc9'].map((id) => ({ reference: `Location/${id}` }));
  if (role === undefined) throw new Error('The fixture has no such role.');
  await own.load(entries([second, { ...role, location: places }]));
  const both = await (await siteOver(own.database)('/provider/Practitioner/p1')).text();
  for (const key of ['Location/loc1', 'Location/loc9']) expect(both).toContain(`href="/provider/${key}"`);
  expect(both).toContain(
    '<li><span class="badge good">✓ Accepts new patients</span><span>Listed for Oak Gold Network</span></li>',
  );
  await own.load([deletion('Practitioner/p1')]);
  const gone = await siteOver(own.database)('/provider/Practitioner/p1');
  expect([gone.status, words(await gone.text()).includes('was removed from the directory')]).toEqual([410, true]);
  await own.close();
});

test('does it take my plan: answer, evidence, signed statement, and its check', async () => {
  const yes = await page('/answer?provider=Practitioner/p1&plan=H1234-001&date=2027-03-01');
  expect(words(yes.text)).toContain('Yes: listed in the network');
  expect(words(yes.text)).toContain('Oak Gold Network');
  expect(words(yes.text)).toContain('As of March 1, 2027');
  const no = await page('/answer?provider=Practitioner/bad&plan=ip1');
  expect(words(no.text)).toContain('Not listed');
  expect(words(no.text)).toContain('no proof');
  const url = /href="([^"]*_format=jws)"/.exec(yes.text)?.[1]?.replaceAll('&amp;', '&') ?? '';
  // by its whole key, which is no number of another plan
  expect(url).toContain('plan=InsurancePlan%2Fip1&');
  const signed = await site(url.slice(ORIGIN.length));
  expect(signed.headers.get('content-disposition')).toBe('attachment; filename="in-network-2027-03-01.jws"');
  const statement = await signed.text();
  const check = (text: string, prefix = '') =>
    page(`${prefix}/check`, { method: 'POST', body: new URLSearchParams({ statement: text }) });
  const good = words((await check(statement)).text);
  expect(good).toContain('Good: this directory signed it');
  expect(good).toContain('Listed in the network');
  expect(good).toContain('March 1, 2027');
  expect(words((await check(statement, '/es')).text)).toContain('la firmó este directorio');
  const at = statement.indexOf('.') + 40;
  const changed = statement.slice(0, at) + (statement[at] === 'A' ? 'B' : 'A') + statement.slice(at + 1);
  expect(words((await check(changed)).text)).toContain('Something was changed');
  expect(words((await check('<b>hello</b>')).text)).toContain('not a signed statement');
  expect((await check('<b>hello</b>')).text).toContain('&lt;b&gt;hello');
  expect((await check('x'.repeat(2_000_000))).status).toBe(413);
});

test('today, and the day of a change, are those of the plan’s place; the day of a period is the one that is written', async () => {
  const at = (zone: string, clock: string) => {
    const site = createSite({ ...siteDeps(d.database, { PLAN_TIME_ZONE: zone }), clock: () => new Date(clock) });
    return async (path: string) => (await site.fetch(new Request(`${ORIGIN}${path}`))).text();
  };
  const asked = (page: string) => /name="date" type="date" value="([^"]*)"/.exec(page)?.[1];
  const evening = at('America/New_York', '2027-03-02T01:30:00Z');
  const morning = at('Pacific/Kiritimati', '2027-03-01T10:30:00Z');
  for (const path of ['/provider/Practitioner/p1', '/answer?provider=Practitioner/p1&plan=ip1']) {
    expect(asked(await evening(path))).toBe('2027-03-01');
    expect(asked(await morning(path))).toBe('2027-03-02');
  }
  const days = (zone: string) => new Intl.DateTimeFormat('en-US', { dateStyle: 'long', timeZone: zone }).format(NOW);
  const [west, east] = ['Pacific/Niue', 'Pacific/Kiritimati'] as const;
  expect(days(west)).not.toBe(days(east));
  for (const zone of [west, east])
    expect(await at(zone, '2027-03-01T10:30:00Z')('/provider/Practitioner/p1')).toContain(days(zone));
});

test('every example of the developers’ page runs and finds something', async () => {
  const own = await directory([...directoryResources({ seed: 3, resources: 1500 })]);
  const get = siteOver(own.database);
  for (const prefix of ['/en', '/es']) {
    const text = await (await get(`${prefix}/developers`)).text();
    const links = [...text.matchAll(/class="example" href="([^"]+)"/g)].map(
      (m) => m[1]?.replaceAll('&amp;', '&') ?? '',
    );
    const curls = [...text.matchAll(/<code>curl '([^']*)'<\/code>/g)].map((m) => m[1]?.replaceAll('&amp;', '&'));
    // the link leads to the same with its lines broken
    expect(curls).toEqual(links.map((url) => url.replace(/[?&]_pretty=true$/, '')));
    expect(links.every((url) => url.includes('_pretty=true'))).toBe(true);
    expect(links.length).toBeGreaterThanOrEqual(14);
    for (const url of links) {
      expect(url.startsWith(`${ORIGIN}/directory/fhir/`)).toBe(true);
      const response = await get(url.slice(ORIGIN.length));
      expect(response.status, url).toBe(200);
      const found = (await response.json()) as { entry?: unknown[]; parameter?: unknown[] };
      expect((found.entry ?? found.parameter ?? []).length, url).toBeGreaterThanOrEqual(1);
    }
  }
  await own.close();
});

test('the sandbox says so on every page', async () => {
  const sandbox = siteOver(d.database, { SANDBOX: 'on' });
  for (const path of PAGES)
    expect(await (await sandbox(`/en${path === '/' ? '' : path}`)).text(), path).toContain('class="banner"');
  expect(await (await site('/')).text()).not.toContain('class="banner"');
});

test('an empty directory has pages too', async () => {
  const own = await directory([]);
  const get = siteOver(own.database);
  for (const path of ['/', '/find?care=dentist', '/developers']) expect((await get(path)).status, path).toBe(200);
  await own.close();
});

test('the circles of a map are in even steps, as far as the farthest place, and say their miles', () => {
  const circles = (north: number, miles: number) => {
    const places = [{ number: 1, at: { latitude: 43 + north / 69.05, longitude: -77 } }];
    const drawn = map(language('en', '', 'UTC'), places, { at: { latitude: 43, longitude: -77 }, miles, name: 'here' });
    return [...String(drawn).matchAll(/<text class="small middle"[^>]*>([^<]*)</g)].map((m) => m[1]);
  };
  expect(circles(4.5, 25)).toEqual(['2 miles', '4 miles']);
  expect(circles(1, 25)).toEqual(['0.5 miles', '1 mile']);
  expect(circles(24, 25)).toEqual(['10 miles', '20 miles']);
});

test('no name on a map lies under a pin', () => {
  const center = { latitude: 43, longitude: -77 };
  let random = 7;
  const next = () => {
    random = (random * 16_807) % 2_147_483_647;
    return random / 2_147_483_647 - 0.5;
  };
  for (let n = 1; n <= 400; n++) {
    const places = Array.from({ length: 1 + (n % 20) }, (_, i) => ({
      number: i + 1,
      at: { latitude: 43 + next() * (i % 2 === 0 ? 0.04 : 0.3), longitude: -77 + next() * (i % 2 === 0 ? 0.04 : 0.3) },
    }));
    const drawn = String(map(language('en', '', 'UTC'), places, { at: center, miles: 25, name: 'ZIP code 14604' }));
    const pins = [...drawn.matchAll(/<rect class="dot" x="([-\d.]+)" y="([-\d.]+)" width="([\d.]+)"/g)].map((m) =>
      m.slice(1).map(Number),
    );
    const names = [...drawn.matchAll(/<text class="small( middle)?" x="([-\d.]+)" y="([-\d.]+)">([^<]*)</g)];
    expect(pins.length).toBeGreaterThan(0);
    expect(drawn).toContain('>ZIP code 14604<');
    for (const [, middle, x, y, said = ''] of names) {
      const width = said.length * 5.5;
      const left = Number(x) - (middle === undefined ? 0 : width / 2);
      const covered = pins.filter(
        ([l = 0, t = 0, w = 0]) => left < l + w && l < left + width && Number(y) - 8 < t + 24 && t < Number(y),
      );
      expect(covered, `${said} of map ${n}`).toEqual([]);
    }
  }
});

test('what a map and an address show is put for reading', () => {
  const at = (x: number, y: number, number: number) => ({ x, y, number });
  // the fourth lies beside the place of the others, and under their pin, which is as wide as its numbers
  const places = [
    at(100, 100, 2),
    at(110, 104, 5),
    at(105, 98, 8),
    at(138, 100, 11),
    at(200, 100, 9),
    at(100, 130, 12),
  ];
  expect(pinsOf(places)).toEqual([
    { x: 100, y: 100, numbers: [2, 5, 8, 11] },
    { x: 200, y: 100, numbers: [9] },
    { x: 100, y: 130, numbers: [12] },
  ]);
  const lines = (postalCode: string) => addressLines({ city: 'Windsor', state: 'CT', postalCode }).join();
  expect(['060954252', '06095-4252', '06095', 'A1B 2C3'].map(lines)).toEqual(
    ['06095-4252', '06095-4252', '06095', 'A1B 2C3'].map((code) => `Windsor, CT ${code}`),
  );
  expect([en, es].map((t) => [t.form.miles('1'), t.form.miles('2')])).toEqual([
    ['1 mile', '2 miles'],
    ['1 milla', '2 millas'],
  ]);
});
