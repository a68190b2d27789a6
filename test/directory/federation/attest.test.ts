// Providers attest by a link: what they call right is verified as of today, what they call wrong is due in two business days.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { correctionDue, readAnswer } from '../../../directory/federation/attest/answer.ts';
import { corrections } from '../../../directory/federation/attest/attest-rows.ts';
import { makeLinks } from '../../../directory/federation/attest/link.ts';
import { createAttestPages } from '../../../directory/federation/attest/pages.ts';
import { federationPages } from '../../../directory/federation/staff/pages.ts';
import { staffData } from '../../../directory/federation/staff-data.ts';
import { importResources } from '../../../directory/resource/resource-import.ts';
import { createStaff } from '../../../exchange/staff/app.ts';
import { developmentAccount } from '../../../src/auth/staff-development.ts';
import { noMetrics } from '../../../src/runtime/no-metrics.ts';
import { fieldOf, Visitor } from '../../exchange/staff/support.ts';
import { entries, keysFor } from '../fixture.ts';
import { records } from './scripted-directory.ts';
import { type World, world } from './world.ts';

const BASE = 'http://127.0.0.1:8098';
let w: World;
let app: ReturnType<typeof createAttestPages>;
let admin: Visitor;
let signIn: () => Promise<void>;
let path: string;

const send = (form: Record<string, string>, headers: Record<string, string> = {}, to = path) =>
  app.request(to, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', origin: BASE, ...headers },
    body: new URLSearchParams(form).toString(),
  });
const verified = async () =>
  (await w.sql`select body from directory.resource where type = 9 and not deleted order by key`).map((r) => {
    const { target, attestation } = JSON.parse(String(r['body'])) as {
      target: { reference: string }[];
      attestation: { who: { display: string }; date: string; communicationMethod: { coding: { code: string }[] } };
    };
    return [
      target[0]?.reference,
      attestation.who.display,
      attestation.date,
      attestation.communicationMethod.coding[0]?.code,
    ];
  });

beforeAll(async () => {
  // a Thursday
  w = await world({ BASE_URL: BASE, SANDBOX: 'on' });
  w.state.now = new Date('2027-07-01T16:00:00Z');
  const deps = { ...w.deps, keys: keysFor(), metrics: noMetrics } as never;
  app = createAttestPages(deps);
  await importResources(w.database, entries(records(3)), { base: `${BASE}/directory/fhir`, clock: () => w.state.now });
  const [url = ''] = await makeLinks(w.deps, ['Practitioner/p1'], 'test');
  path = new URL(url).pathname;
  const account = developmentAccount(w.deps.config);
  const staff = createStaff(deps, {
    development: account,
    further: [(desk) => federationPages(desk, staffData(w.deps))],
  });
  signIn = async () => {
    admin = new Visitor(staff, BASE);
    await admin.signIn('dev-admin', account?.password ?? '');
  };
  await signIn();
});
afterAll(() => w.close());

test('the page shows the entry and its roles, is kept nowhere and asks no search engine in', async () => {
  const answer = await app.request(path);
  expect(answer.status).toBe(200);
  expect(answer.headers.get('cache-control')).toBe('no-store');
  expect(answer.headers.get('x-robots-tag')).toBe('noindex');
  const page = await answer.text();
  expect([...page.matchAll(/<legend>/g)]).toHaveLength(2);
  for (const said of [
    'Rivera1',
    'Oak Network',
    'Elm Way',
    'name="is Practitioner/p1"',
    'name="is PractitionerRole/r1"',
  ])
    expect(page).toContain(said);
  expect(page).not.toContain('Rivera2');
});

test.each([
  ['nobody signs', { who: ' ' }],
  ['nobody may speak', { may: '' }],
  ['a piece has no answer', { 'is PractitionerRole/r1': '' }],
  ['a wrong piece has no words', { 'is PractitionerRole/r1': 'wrong' }],
])('%s: nothing is recorded, and what was typed is there again', async (_, more) => {
  const answer = await send({
    who: 'Ana Rivera',
    may: 'on',
    'is Practitioner/p1': 'right',
    'is PractitionerRole/r1': 'right',
    'said Practitioner/p1': 'typed',
    ...more,
  });
  expect(answer.status).toBe(400);
  expect(await answer.text()).toContain('>typed</textarea>');
  expect(await verified()).toEqual([]);
});
test('from another site it is not taken', async () => {
  const form = { who: 'X', may: 'on', 'is Practitioner/p1': 'right', 'is PractitionerRole/r1': 'right' };
  expect((await send(form, { origin: 'https://evil.example' })).status).toBe(403);
  expect(await verified()).toEqual([]);
});

test('right and wrong: one is verified as of today, the other due in two business days', async () => {
  const answer = await send({
    who: 'Ana Rivera, owner',
    may: 'on',
    'is Practitioner/p1': 'right',
    'is PractitionerRole/r1': 'wrong',
    'said PractitionerRole/r1': 'We <b>moved</b> to 9 Oak Way',
    // not shown, so not taken
    'is Practitioner/p2': 'right',
  });
  expect(answer.status).toBe(200);
  expect(await verified()).toEqual([['Practitioner/p1', 'Ana Rivera, owner', '2027-07-01', 'portal']]);
  // Friday the 2nd is one, the 5th is Independence Day observed, the 6th is two
  expect(await corrections(w.sql, 9)).toMatchObject([
    {
      key: 'PractitionerRole/r1',
      dueOn: '2027-07-06',
      finalOn: '2027-07-31',
      who: 'Ana Rivera, owner',
      settledAt: null,
    },
  ]);
});
test('the same words once more are one correction; the page says when was answered', async () => {
  await send({
    who: 'Ana Rivera, owner',
    may: 'on',
    'is Practitioner/p1': 'right',
    'is PractitionerRole/r1': 'wrong',
    'said PractitionerRole/r1': 'We <b>moved</b> to 9 Oak Way',
  });
  expect(await corrections(w.sql, 9)).toHaveLength(1);
  expect(await verified()).toHaveLength(1);
  expect(await (await app.request(path)).text()).toContain('You have answered on Jul 1, 2027');
});

test('ten corrections of an entry may wait: who holds its link cannot fill the list of staff', async () => {
  const wrong = (said: string) =>
    send({
      who: 'X',
      may: 'on',
      'is Practitioner/p1': 'wrong',
      'said Practitioner/p1': said,
      'is PractitionerRole/r1': 'right',
    });
  const statuses = [];
  for (let i = 0; i < 12; i++) statuses.push((await wrong(`number ${i}`)).status);
  expect(statuses).toEqual([...Array(10).fill(200), 400, 400]);
  // what waits already is no further one
  expect((await wrong('number 3')).status).toBe(200);
  expect((await corrections(w.sql, 99)).filter((c) => c.key === 'Practitioner/p1')).toHaveLength(10);
  await w.sql`delete from federation.correction where key = 'Practitioner/p1'`;
});

describe('staff', () => {
  const page = async () => (await admin.get('/staff/federation/corrections')).text();
  test('sees it with its day, escaped, and late when it is', async () => {
    const before = await page();
    expect(before).toContain('2027-07-06');
    expect(before).toContain('We &lt;b&gt;moved&lt;/b&gt;');
    expect(before).not.toContain('>late<');
    w.state.now = new Date('2027-07-07T16:00:00Z');
    await signIn();
    expect(await page()).toContain('late');
    expect(await (await admin.get('/staff/federation')).text()).toContain('<strong>1 late</strong>');
  });
  test('settles it once, and makes links', async () => {
    const csrf = fieldOf(await page(), 'csrf');
    const [c] = await corrections(w.sql, 1);
    const settle = { csrf, what: 'settle', id: c?.id ?? '', resolution: 'changed', note: 'new address loaded' };
    expect((await admin.post('/staff/federation/corrections', { ...settle, resolution: 'x' })).status).toBe(404);
    expect((await admin.post('/staff/federation/corrections', settle)).status).toBe(303);
    expect((await admin.post('/staff/federation/corrections', settle)).status).toBe(404);
    expect(await corrections(w.sql, 1)).toMatchObject([
      { resolution: 'Our directory was changed: new address loaded', settledBy: 'dev|dev-admin' },
    ]);
    const made = await admin.post('/staff/federation/corrections', { csrf, what: 'link', key: 'Organization/clinic' });
    const link = /<code>([^<]*)<\/code>/.exec(await made.text())?.[1] ?? '';
    expect(await (await app.request(new URL(link).pathname)).text()).toContain('Elm Clinic');
    for (const key of ['Practitioner/none', 'Location/loc', 'x'])
      expect((await admin.post('/staff/federation/corrections', { csrf, what: 'link', key })).status).toBe(404);
  });
});

test('a link that nobody made, or whose days are over, leads nowhere', async () => {
  expect((await app.request('/attest/AAAAAAAAAAAAAAAAAAAAAA')).status).toBe(404);
  expect((await app.request('/attest/x%00y')).status).toBe(404);
  w.day(91);
  expect((await app.request(path)).status).toBe(404);
  expect((await send({ who: 'X', may: 'on' })).status).toBe(404);
});

test('an answer holds what was shown, and no more', () => {
  const form = new URLSearchParams({ who: 'X', may: 'on', 'is a': 'right', 'is b': 'right' });
  expect(readAnswer(form, ['a'])).toEqual({ right: ['a'], wrong: [], who: 'X' });
  expect(correctionDue('2027-12-23', [])).toEqual({ dueOn: '2027-12-28', finalOn: '2028-01-22' });
});
