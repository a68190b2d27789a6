// The staff pages of federation, and the signals about our own directory.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createFederation } from '../../../directory/federation/app.ts';
import { linkDue } from '../../../directory/federation/link.ts';
import { mergeDue } from '../../../directory/federation/merge.ts';
import { loadDeactivated, lookForSignals } from '../../../directory/federation/signals.ts';
import { federationPages } from '../../../directory/federation/staff/pages.ts';
import { staffData } from '../../../directory/federation/staff-data.ts';
import { accuracy, settleSignal, signalList } from '../../../directory/federation/truth.ts';
import { importResources } from '../../../directory/resource/resource-import.ts';
import { createStaff } from '../../../exchange/staff/app.ts';
import { developmentAccount } from '../../../src/auth/staff-development.ts';
import type { Resource } from '../../../src/fhir/resource.ts';
import { noMetrics } from '../../../src/runtime/no-metrics.ts';
import { EVIL, fieldOf, Visitor } from '../../exchange/staff/support.ts';
import { entries, keysFor } from '../fixture.ts';
import { npi, records, scriptedDirectory } from './scripted-directory.ts';
import { type World, world } from './world.ts';

const rowsOf = (page: string, table: string) => {
  const from = page.indexOf(`<table aria-labelledby="t-${table}">`);
  if (from === -1) return [];
  const body = page.slice(page.indexOf('<tbody>', from), page.indexOf('</table>', from));
  return [...body.matchAll(/<tr>(.*?)<\/tr>/gs)].map((row) =>
    [...(row[1] ?? '').matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/gs)].map((cell) => (cell[1] ?? '').replace(/<[^>]+>/g, '')),
  );
};

const BASE = 'http://127.0.0.1:8099';
let dir: Awaited<ReturnType<typeof scriptedDirectory>>;
let w: World;
const visitors: Record<string, Visitor> = {};
const as = (name: string): Visitor => visitors[name] as Visitor;

beforeAll(async () => {
  dir = await scriptedDirectory();
  w = await world({ BASE_URL: BASE, SANDBOX: 'on' });
  const account = developmentAccount(w.deps.config);
  const deps = { ...w.deps, keys: keysFor(), metrics: noMetrics } as never;
  const app = createStaff(deps, {
    development: account,
    further: [(desk) => federationPages(desk, staffData(w.deps))],
  });
  for (const name of ['dev-viewer', 'dev-admin']) {
    const v = new Visitor(app, BASE);
    await v.signIn(name, account?.password ?? '');
    visitors[name] = v;
  }
  const own = records(4);
  const verification = (id: string, target: string, day: string): Resource => ({
    resourceType: 'VerificationResult',
    id,
    status: 'validated',
    statusDate: day,
    lastPerformed: day,
    target: [{ reference: target }],
  });
  (own.find((r) => r['id'] === 'p1') as Resource)['telecom'] = [{ system: 'phone', value: '860-555-0199' }];
  (own.find((r) => r['id'] === 'p4') as Resource)['identifier'] = [
    { system: 'http://hl7.org/fhir/sid/us-npi', value: '1234567890' },
  ];
  own.push(
    verification('v1', 'Practitioner/p1', '2027-02-20'),
    verification('v2', 'Practitioner/p2', '2026-06-01'),
    verification('v3', 'Practitioner/p3', '2026-12-06'),
  );
  await importResources(w.database, entries(own), { base: `${BASE}/directory/fhir`, clock: () => w.state.now });
  (dir.script.records.find((r) => r['id'] === 'p2') as Resource)['name'] = [{ family: EVIL, given: ['X'] }];
  (dir.script.records.find((r) => r['id'] === 'p3') as Resource)['active'] = false;
  await w.add('oak', dir.fhir);
  await w.harvest('oak');
  await mergeDue(w.deps);
  await linkDue(w.deps);
});
afterAll(async () => {
  await w.close();
  await dir.close();
});

describe('pages', () => {
  test('show the directories, and one of them', async () => {
    const list = rowsOf(await (await as('dev-viewer').get('/staff/federation')).text(), 'directories');
    expect(list[0]?.slice(0, 4)).toEqual(['oak', 'oak', 'on', '26']);
    const page = await (await as('dev-viewer').get('/staff/federation/peer/oak')).text();
    expect(rowsOf(page, 'runs')).toHaveLength(1);
    expect(page).not.toContain('<select');
    // what was measured is told in words
    const told = [
      page,
      await (
        await createFederation({ ...w.deps, keys: keysFor(), metrics: noMetrics } as never).request(
          '/directory/all/peers/oak',
        )
      ).text(),
    ];
    for (const text of told) {
      expect(rowsOf(text, 'facts').map((r) => r.slice(0, 3))).toContainEqual([
        'Practitioner',
        'The same page, asked for twice',
        'is the same',
      ]);
      expect(text).not.toMatch(/>(same-page-twice|npi-style)</);
    }
    expect((await as('dev-viewer').get('/staff/federation/peer/none')).status).toBe(404);
    expect((await as('dev-viewer').get('/staff/federation/run/99x')).status).toBe(404);
  });
  test('a viewer may change nothing; an administrator may', async () => {
    const token = async (name: string) => fieldOf(await (await as(name).get('/staff/federation')).text(), 'csrf');
    expect(
      (await as('dev-viewer').post('/staff/federation/peer/oak', { csrf: await token('dev-viewer'), state: 'paused' }))
        .status,
    ).toBe(403);
    expect(
      (
        await as('dev-admin').post('/staff/federation/peer/oak', {
          csrf: await token('dev-admin'),
          state: 'paused',
          reason: 'noon',
        })
      ).status,
    ).toBe(303);
    expect(await w.peer('oak')).toMatchObject({ state: 'paused', stateReason: 'noon', stateBy: 'dev|dev-admin' });
    expect((await as('dev-admin').post('/staff/federation/peer/oak', { csrf: 'x', state: 'on' })).status).toBe(403);
    await as('dev-admin').post('/staff/federation/peer/oak', { csrf: await token('dev-admin'), state: 'on' });
    const entry = async (name: string, fields: object) =>
      as(name).post('/staff/federation/peer/oak/entry', { csrf: await token(name), ...fields });
    expect((await entry('dev-viewer', { rate: '3' })).status).toBe(403);
    expect(await (await entry('dev-admin', { rate: 'much' })).text()).toContain('requests a second');
    const given = {
      rate: '3',
      window: '22:00-23:30',
      timeZone: 'America/Chicago',
      publish: 'republish',
      terms: EVIL,
      moveTo: '',
    };
    expect((await entry('dev-admin', given)).status).toBe(303);
    const changed = await (await as('dev-admin').get('/staff/federation/peer/oak')).text();
    expect(changed).toContain('between 22:00 and 23:30 of America/Chicago, at most 3 requests a second');
    expect(changed).toContain('handed on in bulk');
    expect(changed).not.toContain(EVIL);
    expect(changed).toContain('requests a second: 10000 → 3');
  });
  test('a run that waits says what it would take away, and is released', async () => {
    dir.script.records = dir.script.records.filter((r) => r.resourceType !== 'PractitionerRole' || r['id'] === 'r1');
    await w.sql`update federation.peer set cursor = '{}'`;
    const { run } = await w.harvest('oak');
    const page = await (await as('dev-admin').get(`/staff/federation/run/${run}`)).text();
    expect(rowsOf(page, 'losses')).toHaveLength(11);
    expect(rowsOf(await (await as('dev-viewer').get('/staff/federation')).text(), 'directories')[0]?.[7]).toContain(
      run,
    );
    expect(
      (await as('dev-admin').post(`/staff/federation/run/${run}`, { csrf: fieldOf(page, 'csrf'), verdict: 'release' }))
        .status,
    ).toBe(303);
    expect((await w.sql`select state from federation.run where id = ${run}`)[0]?.['state']).toBe('done');
  });
  test('a pair is decided; markup of a peer stays text', async () => {
    const page = await (await as('dev-admin').get('/staff/federation/links')).text();
    expect(page).not.toContain(EVIL);
    expect(rowsOf(page, 'pairs').flat()).toContain('Practitioner/oak.p2');
    const answer = await as('dev-admin').post('/staff/federation/links', {
      csrf: fieldOf(page, 'csrf'),
      a: 'Practitioner/p2',
      b: 'Practitioner/oak.p2',
      outcome: 'not',
    });
    expect(answer.status).toBe(303);
    expect((await w.sql`select by from federation.link where outcome = 'not'`)[0]?.['by']).toBe('dev|dev-admin');
    expect(
      (
        await as('dev-admin').post('/staff/federation/links', {
          csrf: fieldOf(page, 'csrf'),
          a: 'Organization/net',
          b: 'Organization/oak.net',
          outcome: 'same',
        })
      ).status,
    ).toBe(404);
  });
});

describe('signals', () => {
  const keys = async (name: string) => (await signalList(w.sql, name, 50)).map((s) => s.key);
  test('each finds what it should, and nothing else', async () => {
    await loadDeactivated(
      w.deps,
      [
        ['NPI', 'Deactivation Date'],
        [npi(2), '01/31/2027'],
        [npi(12), '2027-01-01'],
        ['x', ''],
      ],
      '2027-03-05',
    );
    const found = await lookForSignals(w.deps);
    expect(found).toMatchObject({
      'npi-check-digit': 1,
      'npi-deactivated': 1,
      'ended-elsewhere': 1,
      'phone-differs': 1,
      'shared-phone': 0,
      'verify-overdue': 1,
      'verify-due': 1,
      'never-verified': 2,
    });
    expect(await keys('npi-check-digit')).toEqual(['Practitioner/p4']);
    expect(await keys('npi-deactivated')).toEqual(['Practitioner/p2']);
    expect(await keys('ended-elsewhere')).toEqual(['Practitioner/p3']);
    expect(await keys('phone-differs')).toEqual(['Practitioner/p1']);
    expect(await keys('verify-overdue')).toEqual(['Practitioner/p2']);
    expect(await keys('verify-due')).toEqual(['Practitioner/p3']);
    expect(await keys('never-verified')).toEqual(['Organization/clinic', 'Practitioner/p4']);
  });
  test('a list older than the record judges nothing', async () => {
    await loadDeactivated(w.deps, [[npi(2), '']], '2020-01-01');
    expect((await lookForSignals(w.deps))['npi-deactivated']).toBe(0);
  });
  test('one that was looked at is silent until its evidence changes', async () => {
    const [s] = await signalList(w.sql, 'verify-overdue', 1);
    expect(await settleSignal(w.sql, s?.rk ?? '', 'verify-overdue', 'ada', w.state.now)).toBe(true);
    await lookForSignals(w.deps);
    expect(await keys('verify-overdue')).toEqual([]);
  });
  test('the directory of others cannot read them', async () => {
    await expect(
      w.sql.begin(async (tx) => {
        await tx`set local role payer_node_directory`;
        await tx`select * from federation.signal`;
      }),
    ).rejects.toMatchObject({ code: '42501' });
  });
  test('an attestation is recorded once, and what was due is not due any more', async () => {
    const page = await (await as('dev-admin').get('/staff/federation/signals?signal=never-verified')).text();
    const send = (more: Record<string, string>) =>
      as('dev-admin').post('/staff/federation/signals', {
        csrf: fieldOf(page, 'csrf'),
        signal: 'never-verified',
        what: 'attest',
        ...more,
      });
    const good = { key: 'Practitioner/p4', day: '2027-02-28', who: 'Staff of Elm Clinic' };
    for (const wrong of [
      { day: '2099-01-01' },
      { day: 'today' },
      { who: ' ' },
      { key: 'Practitioner/none' },
      { key: 'InsurancePlan/x' },
    ])
      expect((await send({ ...good, ...wrong })).status).toBe(404);
    expect((await send(good)).status).toBe(303);
    expect((await send(good)).status).toBe(303);
    expect(await keys('never-verified')).toEqual(['Organization/clinic']);
    const stored = await w.sql<
      { body: string }[]
    >`select body from directory.resource where key like 'VerificationResult/attest-%'`;
    expect(stored).toHaveLength(1);
    expect(JSON.parse(stored[0]?.body ?? '{}')).toMatchObject({
      status: 'validated',
      lastPerformed: '2027-02-28',
      nextScheduled: '2027-05-29',
      attestation: { date: '2027-02-28' },
    });
    const [s] = await signalList(w.sql, 'never-verified', 1);
    expect(
      (
        await as('dev-admin').post('/staff/federation/signals', {
          csrf: fieldOf(page, 'csrf'),
          signal: 'never-verified',
          what: 'settle',
          rk: s?.rk ?? '',
        })
      ).status,
    ).toBe(303);
    expect(await keys('never-verified')).toEqual([]);
    const beyond = { csrf: fieldOf(page, 'csrf'), signal: 'never-verified', what: 'settle', rk: '9999999999999999999' };
    expect((await as('dev-admin').post('/staff/federation/signals', beyond)).status).toBe(404);
    expect((await as('dev-viewer').post('/staff/federation/signals', { csrf: 'x' })).status).toBe(403);
  });
  test('accuracy is measured by day, and shown', async () => {
    expect((await accuracy(w.sql, 30)).map((a) => [a.measure, a.n, a.of])).toEqual([
      ['ever verified', 4, 5],
      ['verified in time', 3, 5],
      ['without a signal', 2, 5],
    ]);
    const page = await (await as('dev-viewer').get('/staff/federation/signals?signal=never-verified')).text();
    expect(rowsOf(page, 'work')).toHaveLength(0);
    expect(rowsOf(page, 'accuracy')).toHaveLength(3);
  });
});
