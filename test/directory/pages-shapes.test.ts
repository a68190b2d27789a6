// Pages of records that have no name, as other payers publish them: nobody reads a key, and no line is empty.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Resource } from '../../src/fhir/resource.ts';
import { PLAN_NET } from '../../src/fhir/search/types.ts';
import { directory, entries } from './fixture.ts';
import { siteOver } from './pages-fixture.ts';

const ref = (reference: string) => ({ reference });
const network = (id: string) => ({
  url: `${PLAN_NET}/StructureDefinition/network-reference`,
  valueReference: ref(`Organization/${id}`),
});
const ntwk = [{ coding: [{ system: `${PLAN_NET}/CodeSystem/OrgTypeCS`, code: 'ntwk' }] }];
const identifier = (value: string) => [{ system: 'https://payer.example/id', value }];

const DATA: Resource[] = [
  { resourceType: 'Practitioner', id: 'p', active: true, identifier: identifier('P-17') },
  { resourceType: 'Practitioner', id: 'other', active: true, name: [{ family: 'Other' }] },
  { resourceType: 'Location', id: 'lane', status: 'active', address: { line: ['7 Elm Way'], city: 'Hartford' } },
  { resourceType: 'Location', id: 'other', status: 'active', alias: ['The Annex'] },
  { resourceType: 'Location', id: 'bare', status: 'active' },
  { resourceType: 'Organization', id: 'named', active: true, type: ntwk, name: 'Oak Network' },
  {
    resourceType: 'Organization',
    id: 'nameless',
    active: true,
    type: ntwk,
    alias: [],
    identifier: [{ system: 'urn:x' }],
  },
  {
    resourceType: 'InsurancePlan',
    id: 'plan',
    status: 'active',
    identifier: identifier('H1234-001-000'),
    network: [ref('Organization/named')],
  },
  {
    resourceType: 'InsurancePlan',
    id: 'ended',
    status: 'active',
    name: 'Plan of Then',
    period: { end: '2020-01-01' },
    network: [ref('Organization/named')],
  },
  {
    resourceType: 'InsurancePlan',
    id: 'next',
    status: 'active',
    name: 'Plan of Next Year',
    period: { start: '2031-01-01', end: '2031-12-31' },
    network: [ref('Organization/named')],
  },
  {
    resourceType: 'PractitionerRole',
    id: 'r',
    active: true,
    practitioner: ref('Practitioner/p'),
    location: [ref('Location/lane'), ref('Location/other'), ref('Location/bare')],
    extension: [network('nameless'), network('named')],
  },
];

let d: Awaited<ReturnType<typeof directory>>;
let site: ReturnType<typeof siteOver>;
beforeAll(async () => {
  d = await directory(DATA);
  site = siteOver(d.database);
});
afterAll(() => d.close());

/** What a person reads. */
async function read(path: string): Promise<string> {
  const answer = await site(path);
  expect(answer.status).toBe(200);
  const page = await answer.text();
  expect(page).not.toMatch(/<li><\/li>|<a [^>]*><\/a>|<h1[^>]*><\/h1>/);
  return page
    .replace(/<(?:style|svg|head)[\s\S]*?<\/(?:style|svg|head)>/g, ' ')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ');
}

test.each(['/en/provider/Practitioner/p', '/en/find', '/en/find?kind=place', '/en/provider/Location/bare', '/en/'])(
  '%s shows no keys',
  async (path) => {
    expect(await read(path)).not.toMatch(/\b(?:Practitioner|Location|Organization|InsurancePlan)\/\w/);
  },
);

test('what tells a record apart stands for its name', async () => {
  const page = await read('/en/provider/Practitioner/p');
  expect(page).toContain('P-17');
  expect(page).toContain('7 Elm Way, Hartford');
  expect(page).toContain('The Annex');
  expect(page).toContain('Name not given');
  expect(page).toContain('Listed for Oak Network');
  expect(page).toContain('H1234-001-000');
  expect(await read('/es/provider/Location/bare')).toContain('Sin nombre indicado');
});

test('who is told to wait can ask the same once more', async () => {
  const slow = siteOver(d.database, { DIRECTORY_RATE_PER_MINUTE: '1' });
  let last: Response | undefined;
  for (let i = 0; i < 3; i++) last = await slow('/es/find?care=dentista');
  expect(last?.status).toBe(429);
  expect(Number(last?.headers.get('retry-after'))).toBeGreaterThan(0);
  const page = await last?.text();
  expect(page).toContain('Espere un momento');
  const style = /<link rel="stylesheet" href="([^"]+)"/.exec(page ?? '')?.[1];
  expect((await slow(style ?? '')).status).toBe(200);
  expect(page).toMatch(/<a class="button" href="">Intentar de nuevo<\/a>/);
});

test('a network names who is in it and the plans that use it, also where there are more plans than a list holds', async () => {
  const said = async () => {
    const page = await read('/en/provider/Organization/named');
    expect(page).not.toContain('work here');
    expect(page).toContain('Professionals in this network');
    return page.slice(page.indexOf('Plans that use this network'), page.indexOf('Professionals in this network'));
  };
  const few = await said();
  expect(few).toContain('Plan of Next Year (from January 1, 2031)');
  expect([few.includes('H1234-001-000'), few.includes('Plan of Then')]).toEqual([true, false]);
  const plan = (n: number, more: object = {}): Resource => ({
    resourceType: 'InsurancePlan',
    id: `many-${n}`,
    status: 'active',
    name: `Plan ${n}`,
    ...more,
  });
  const within = { network: [ref('Organization/named')] };
  await d.load(
    entries([
      ...Array.from({ length: 310 }, (_, i) => plan(i, { network: [ref('Organization/nameless')] })),
      plan(900, { ...within, name: 'Plan 9' }),
      plan(901, { name: 'Twice' }),
      plan(902, { name: 'Twice' }),
      plan(1000, { plan: [within] }),
      plan(1001, { ...within, period: { end: '2020-01-01' } }),
    ]),
  );
  const many = await said();
  expect([many.includes('Plan 9'), many.includes('Plan 1000'), many.includes('Plan 1001')]).toEqual([
    true,
    true,
    false,
  ]);
});

test('an answer without anything that says so has no empty column', async () => {
  const answer = await site('/en/answer?provider=Practitioner/p&plan=many-1&date=2026-11-28');
  expect(answer.status).toBe(200);
  expect(await answer.text()).toContain('class="columns"');
  const none = await site('/en/answer?provider=Practitioner/other&plan=many-1&date=2026-11-28');
  const page = await none.text();
  expect([none.status, page.includes('class="columns"'), page.includes('class="pair"')]).toEqual([200, false, true]);
});

test('where plans are too many for a list, their field has the name of the one that was chosen, which leads to it again', async () => {
  const fieldOf = async (path: string) => {
    const answer = await site(path);
    expect(answer.status).toBe(200);
    return /<input id="plan" name="plan" value="([^"]*)"/.exec(await answer.text())?.[1];
  };
  const answer = '/en/answer?provider=Practitioner/p&plan=';
  // of 300 plans many begin as this one does
  expect(await fieldOf(`${answer}many-1`)).toBe('Plan 1');
  expect(await fieldOf(`${answer}Plan+1`)).toBe('Plan 1');
  expect(await fieldOf(`${answer}Organization/named`)).toBe('Oak Network');
  expect(await fieldOf(`${answer}Oak+Network`)).toBe('Oak Network');
  expect(await fieldOf('/en/find?plan=many-1')).toBe('Plan 1');
  expect(await fieldOf('/en/find')).toBe('');
  // a name that two have leads to a question
  expect(await fieldOf(`${answer}many-901`)).toBe('many-901');
  const twice = await site(`${answer}Twice`);
  expect([twice.status, (await twice.text()).match(/plan=many-90[12]|Twice \(many-90[12]\)/g)?.length]).toEqual([
    400, 4,
  ]);
});

test('a directory that is empty says so: where nothing is asked, nothing fails to fit, and there is no example', async () => {
  const empty = await directory([]);
  const bare = siteOver(empty.database);
  const page = async (path: string) => await (await bare(path, { headers: { accept: 'text/html' } })).text();
  for (const [language, none, all] of [
    ['en', 'The directory has none so far.', 'fits all of this'],
    ['es', 'El directorio todavía no tiene ninguno.', 'cumple con todo esto'],
  ] as const) {
    const found = [await page(`/${language}/find`), await page(`/${language}/find?name=ana`)];
    expect(found.map((text) => [text.includes(none), text.includes(all)])).toEqual([
      [true, false],
      [false, true],
    ]);
    expect((await page(`/${language}/developers`)).match(/class="soft">[^<]*/g)?.[0]).toMatch(/(empty|vacío)/);
  }
  await empty.close();
});
