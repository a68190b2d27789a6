// What must not leave: looked for in whole exports by a walk that shares no rule for money with what removes it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { keepAlerts } from '../../exchange/alerts/update-alerts.ts';
import { contentFaults } from '../../exchange/compliance/export-check/check-line.ts';
import { contentCheck } from '../../exchange/compliance/export-check/export-check-rows.ts';
import { proofCell, proofFaults } from '../../exchange/compliance/export-check/export-check-text.ts';
import { proveNext } from '../../exchange/compliance/export-check/run-export-check.ts';
import { factsOf } from '../../exchange/records/facts/facts.ts';
import { moneyIn } from '../../exchange/records/facts/money.ts';
import { removeExpired } from '../../exchange/responder/export/remove-expired.ts';
import type { Json, Resource } from '../../src/fhir/resource.ts';
import { memberFolders } from '../../src/seed/index.ts';
import type { TestNode } from '../support/node.ts';
import type { ExportClient, Manifest } from './export-client.ts';
import { exported, walk } from './walked-export.ts';

const context = {
  members: new Map([
    ['m', 'regular'],
    ['s', 'sensitive'],
  ]),
  windowStart: '2021-11-24',
  peerOrigins: new Set(['https://prior.example']),
  hidden: new Set<string>(),
  hiddenNumbers: new Map<string, Set<string>>(),
  hiddenDocuments: new Map<string, Set<string>>(),
  staying: new Map(),
  revealing: new Map(),
  today: '2026-11-24',
  yearAgo: '2025-11-24',
};
const kinds = (resource: object) => contentFaults(resource as Resource, context).map((f) => f.kind);

/** One hostile place for money each, in a claim or an authorization that is otherwise plain. */
const USD = { value: 12.5, currency: 'USD' };
const amount = (code: string, system = 'http://terminology.hl7.org/CodeSystem/adjudication') => ({
  category: { coding: [{ system, code }] },
});
const PLACES: Record<string, object> = {
  total: { total: [{ category: {}, amount: USD }] },
  'payment amount': { payment: { amount: USD, date: '2026-01-01', adjustment: { value: 1 } } },
  'adjudication amount': { adjudication: [{ ...amount('submitted'), amount: USD }] },
  'adjudication amount without a currency': { adjudication: [{ ...amount('copay'), amount: { value: 20 } }] },
  'adjudication value': { adjudication: [{ ...amount('coinsurance', 'x/C4BBAdjudication'), value: 20 }] },
  'adjudication with a reason': { adjudication: [{ ...amount('benefit'), reason: { text: 'x' }, amount: USD }] },
  'line adjudication': { item: [{ sequence: 1, adjudication: [{ ...amount('eligible'), amount: USD }] }] },
  'line net': { item: [{ sequence: 1, net: USD, unitPrice: { value: 3 }, factor: 2 }] },
  'detail and sub-detail': {
    item: [{ detail: [{ net: USD, subDetail: [{ unitPrice: USD, adjudication: [{ amount: USD }] }] }] }],
  },
  'added line': { addItem: [{ net: USD, detail: [{ subDetail: [{ net: USD }] }] }] },
  benefitBalance: { benefitBalance: [{ financial: [{ allowedMoney: USD, usedUnsignedInt: 100 }] }] },
  'valueMoney in an extension': { extension: [{ url: 'u', extension: [{ url: 'v', valueMoney: USD }] }] },
  'Quantity of a currency': {
    extension: [{ url: 'u', valueQuantity: { value: 3, system: 'urn:iso:std:iso:4217', code: 'USD' } }],
  },
  'Quantity with a unit alone': { supportingInfo: [{ sequence: 1, valueQuantity: { value: 3, unit: '$' } }] },
  'a decimal under a telling name': { extension: [{ url: 'http://x/member-paid-amount', valueDecimal: 41.2 }] },
  'a text in an extension': { extension: [{ url: 'u', valueString: 'paid $ 41' }] },
  'supporting information': { supportingInfo: [{ sequence: 1, valueString: 'billed 41 USD' }] },
  'an attachment of text': {
    supportingInfo: [
      { sequence: 1, valueAttachment: { contentType: 'text/plain', data: Buffer.from('owes $41').toString('base64') } },
    ],
  },
  note: { processNote: [{ number: 1, text: 'You owe 41 dollars' }] },
  disposition: { disposition: 'paid $41.20' },
  narrative: { text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">Paid $41</div>' } },
  'text of a code': { item: [{ sequence: 1, productOrService: { text: 'visit, $41' } }] },
  'display of a reason': {
    item: [{ sequence: 1, adjudication: [{ ...amount('x'), reason: { coding: [{ display: 'over €300 limit' }] } }] }],
  },
  'a title': { supportingInfo: [{ sequence: 1, valueAttachment: { title: 'Bill £30' } }] },
  'a contained claim': {
    contained: [{ resourceType: 'Claim', id: 'c', total: USD, item: [{ unitPrice: { value: 3 } }] }],
  },
  'a contained cover': { contained: [{ resourceType: 'Coverage', id: 'c', costToBeneficiary: [{ valueMoney: USD }] }] },
  'a contained bill': { contained: [{ resourceType: 'Invoice', id: 'c', totalNet: { value: 3 } }] },
  'a payment with more than its kind and day': { payment: { date: '2026-01-02', identifier: { value: 'C1' } } },
  'a number that is a text': { total: [{ category: { text: 'paid' }, amount: { value: '41.20' } }] },
  'a number within an extension': {
    extension: [{ url: 'http://x/copay', extension: [{ url: 'value', valueDecimal: 41.2 }] }],
  },
  'a unit in words': { extension: [{ url: 'u', valueQuantity: { value: 41, unit: 'euros' } }] },
  'a number without a unit under a telling name': {
    supportingInfo: [{ sequence: 1, category: { text: 'Member paid amount' }, valueQuantity: { value: 41 } }],
  },
  'text without a type': {
    supportingInfo: [{ sequence: 1, valueAttachment: { data: Buffer.from('owes $41').toString('base64') } }],
  },
  'a page': {
    supportingInfo: [
      {
        sequence: 1,
        valueAttachment: { contentType: 'text/html', data: Buffer.from('<b>&#36;</b>41').toString('base64') },
      },
    ],
  },
  'text that is reported to be bytes': {
    supportingInfo: [
      {
        sequence: 1,
        valueAttachment: {
          contentType: 'application/octet-stream',
          data: Buffer.from('owes $41').toString('base64'),
        },
      },
    ],
  },
  'a contained answer about benefits': {
    contained: [{ resourceType: 'CoverageEligibilityResponse', id: 'c', insurance: [{ item: [{ name: 'x' }] }] }],
  },
  ...Object.fromEntries(
    [
      'USD41',
      'EUR 41,20',
      '41 euros',
      '41 €',
      '41$',
      '$.50',
      'fifty cents',
      '₱500',
      '＄20',
      'CAD 41.20',
      'Your copay is 45.00',
      'The plan paid 1,245.50 of it',
      'Amount paid:\n41.20',
      '$          41',
      '41.20 CHF',
      'GBP 41.20',
      'CAD 415.01',
      'paid CAD 414.01',
      'Total: CAD 414.01',
      'CAD 1,414.01',
      '428.10 AUD',
    ].map((words) => [words, { processNote: [{ number: 1, text: words }] }]),
  ),
  'in a display': { item: [{ sequence: 1, productOrService: { coding: [{ display: 'Visit 41 USD' }] } }] },
  'beside a primitive': { _created: { extension: [{ url: 'u', valueMoney: USD }] } },
};
const benefit = (use: string, parts: object[]): Resource => {
  const merged: Record<string, Json> = {};
  for (const part of parts)
    for (const [key, value] of Object.entries(part as Record<string, Json>)) {
      const old = merged[key];
      merged[key] = Array.isArray(old) && Array.isArray(value) ? [...old, ...value] : value;
    }
  return {
    resourceType: 'ExplanationOfBenefit',
    id: 'e',
    status: 'active',
    use,
    created: '2026-01-01',
    patient: { reference: 'Patient/m' },
    ...merged,
  };
};
const shared = (resource: Resource): Resource => {
  const json = JSON.stringify(resource);
  return JSON.parse(factsOf(resource, json).shared ?? json) as Resource;
};
test('a number of an authorization that stays names it in claims of its own member only', () => {
  const claim = (patient: string) =>
    ({
      resourceType: 'ExplanationOfBenefit',
      patient: { reference: `Patient/${patient}` },
      insurance: [{ preAuthRef: ['1001'] }],
    }) as unknown as Resource;
  const told = {
    ...context,
    members: new Map([
      ['a', 'regular'],
      ['b', 'regular'],
    ]),
    hidden: new Set(['pa']),
    hiddenNumbers: new Map([['a', new Set(['1001'])]]),
  };
  const faults = (patient: string) => contentFaults(claim(patient), told).map((f) => f.kind);
  expect([faults('a'), faults('b')]).toEqual([['named-authorization'], []]);
});

const moneyOf = (resource: Resource) => contentFaults(resource, context).filter((f) => f.kind === 'money');

test('each rule of exports has its counterpart', () => {
  const auth = (more: object) =>
    benefit('preauthorization', [
      { created: '2020-01-02', preAuthRefPeriod: [{ start: '2020-01-02', end: '2020-02-02' }] },
      more,
    ]);
  expect(kinds(auth({}))).toEqual(['old-pa']);
  expect(kinds(auth({ created: '2026-01-02' }))).toEqual([]);
  expect(kinds(auth({ preAuthRefPeriod: [{ start: '2020-01-02', end: '2027-01-01' }] }))).toEqual([]);
  const subject = { reference: 'Patient/m' };
  const document = { resourceType: 'DocumentReference', id: 'd', subject, type: { text: 'Remittance advice' } };
  expect(kinds(document)).toEqual(['statement']);
  for (const type of ['Binary', 'Consent', 'List', 'Account'])
    expect(kinds({ resourceType: type, id: 'x' })).toContain('type');
  const staying = new Map([
    [
      'm',
      new Map([
        ['Observation/l', { label: 1, isDoubted: false }],
        ['Observation/d', { label: 0, isDoubted: true }],
      ]),
    ],
  ]);
  const of = (resource: object) => contentFaults(resource as Resource, { ...context, staying }).map((f) => f.kind);
  const one = (id: string) => ({ resourceType: 'Observation', id, subject });
  expect([of(one('l')), of(one('d')), of(one('x'))]).toEqual([['label'], ['identity-doubt'], []]);
  const secret = { coding: [{ system: 'http://snomed.info/sct', code: '370143000' }] };
  const drug = { resourceType: 'Medication', id: 'x', code: secret } as Resource;
  expect(kinds(drug)).toEqual([]);
  const regular = { ...context, members: new Map([['m', 'regular']]) };
  expect(contentFaults(drug, regular).map((f) => f.kind)).toEqual(['label']);
});

describe('money', () => {
  test.each(Object.keys(PLACES))('%s: seen by both walks, and gone from what leaves', (name) => {
    for (const use of ['claim', 'preauthorization']) {
      const resource = benefit(use, [PLACES[name] ?? {}]);
      expect(moneyIn(resource), 'by the one that removes').not.toEqual([]);
      expect(moneyOf(resource), 'by the one that looks at files').not.toEqual([]);
      expect(moneyOf(shared(resource))).toEqual([]);
      expect(moneyIn(shared(resource))).toEqual([]);
      // within another record too
      const wrapped = { resourceType: 'Observation', id: 'o', contained: [resource] } as Resource;
      expect(moneyOf(shared(wrapped))).toEqual([]);
    }
  });

  test('any of them together', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('claim', 'preauthorization'),
        fc.uniqueArray(fc.constantFrom(...Object.keys(PLACES)), { minLength: 1, maxLength: 8 }),
        (use, names) => {
          const out = shared(
            benefit(
              use,
              names.map((n) => PLACES[n] ?? {}),
            ),
          );
          expect(moneyOf(out)).toEqual([]);
          expect([out['id'], out['status'], out['use']]).toEqual(['e', 'active', use]);
        },
      ),
      { numRuns: 300, seed: 4 },
    );
  });

  test('what is no money stays: units, doses, names', () => {
    const kept = benefit('claim', [
      { adjudication: [{ ...amount('allowedunits'), value: 4 }] },
      {
        identifier: [{ value: 'EUR2026-7' }],
        disposition: 'CAD 3 vessels, F32.10, version 2.10 of 2026.05.01, 20% off',
      },
      { insurer: { display: 'Dollar General Health' }, payment: { date: '2026-01-02', type: { text: 'complete' } } },
      { supportingInfo: [{ sequence: 1, valueQuantity: { value: 3, unit: 'mg', code: 'mg' } }] },
    ]);
    expect(shared(kept)).toEqual(kept);
  });

  test.each([
    'Type 2 DM, stage 3 CHF',
    'CHF 2nd admission',
    'I50.22 CHF',
    'F10.20 AUD',
    's/p GBP 2019',
    'CAD 3 vessel',
    'CAD 414.01',
    'CAD 414.01, CHF 428.22',
    '414.00 CAD of native artery',
    'CHF 428.40',
    'AUD 303.90 in remission',
    '305.00 AUD',
    'CAD 70%',
    'CAD 70.00 % of the LAD',
    'CHF 12.50 mg carvedilol',
    '<120/80 at rest',
  ])('nor is %s', (words) => {
    const kept = benefit('claim', [
      { disposition: words, diagnosis: [{ sequence: 1, diagnosisCodeableConcept: { coding: [{ display: words }] } }] },
    ]);
    expect(shared(kept)).toEqual(kept);
    expect(moneyOf(kept)).toEqual([]);
  });

  test('bytes that are no text tell none by chance, nor does a nurse in charge', () => {
    const data = Buffer.from([0, 1, 2, 0x24, 0x35, 0xff, 0xfe]).toString('base64');
    const zip = benefit('claim', [
      { supportingInfo: [{ sequence: 1, valueAttachment: { contentType: 'application/zip', data } }] },
    ]);
    expect([shared(zip), moneyOf(zip)]).toEqual([zip, []]);
    const nurse = {
      resourceType: 'Encounter',
      extension: [
        { url: 'http://x/nurse-in-charge', valueString: 'Maria Lopez' },
        { url: 'http://x/battery-charge', valueQuantity: { value: 85, unit: '%' } },
      ],
    } as Resource;
    expect(shared(nurse)).toEqual(nurse);
  });

  test('very many signs of a tag that no one closes are read once', () => {
    const long = benefit('claim', [{ disposition: '<a'.repeat(200_000) }]);
    expect([shared(long), moneyOf(long)]).toEqual([long, []]);
  });
});

test.each([
  ['its cost', { costToBeneficiary: [{ type: { text: 'copay' }, valueQuantity: { value: 20 } }] }],
  ['its cost in percent', { costToBeneficiary: [{ valueQuantity: { value: 20, unit: '%' } }] }],
  ['a narrative', { text: { status: 'generated', div: '<div>Copay <b>&#36;</b>20</div>' } }],
  ['a name', { class: [{ value: 'p', name: 'Gold, 20 USD a visit' }] }],
])('a cover leaves without %s, contained or not', (_, more) => {
  const cover = { resourceType: 'Coverage', id: 'c', status: 'active', ...more };
  for (const one of [cover, { resourceType: 'Condition', id: 'o', contained: [cover] }]) {
    expect(moneyOf(one as Resource)).not.toEqual([]);
    expect(moneyOf(shared(one as Resource))).toEqual([]);
    expect(JSON.stringify(shared(one as Resource))).not.toContain('20');
  }
});

test('an amount of a prescription goes, whatever record it is in', () => {
  const paid = { extension: [{ url: 'http://x/patient-paid-amount', valueDecimal: 41.2 }], status: 'completed' };
  expect(shared({ resourceType: 'MedicationDispense', ...paid })).toEqual({
    resourceType: 'MedicationDispense',
    status: 'completed',
  });
});

describe('the walk finds', () => {
  const lab = (more: object) => ({
    resourceType: 'Observation',
    id: 'o',
    subject: { reference: 'Patient/m' },
    ...more,
  });
  const psy = { security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'PSY' }] };
  const part2 = { security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: '42CFRPart2' }] };
  test.each<[string, object, string[]]>([
    ['nothing in a plain record', lab({}), []],
    ['what is older than the window', lab({ effectiveDateTime: '2020-01-01' }), ['window']],
    ['a label under #regular', lab({ meta: psy }), ['label']],
    ['no label under #sensitive', lab({ meta: psy, subject: { reference: 'Patient/s' } }), []],
    ['Part 2 under either', lab({ meta: part2, subject: { reference: 'Patient/s' } }), ['label']],
    [
      'a document at another payer',
      lab({
        extension: [
          { url: 'https://prior.example/scan', valueAttachment: { url: 'https://prior.example/fhir/Binary/1' } },
        ],
      }),
      ['peer-address'],
    ],
    [
      'a document elsewhere, and an extension that another payer has named',
      lab({ extension: [{ url: 'https://prior.example/x', valueAttachment: { url: 'https://elsewhere.example/1' } }] }),
      [],
    ],
    ['another member', lab({ performer: [{ reference: 'Patient/x' }] }), ['other-member']],
    ['another member as Patient', { resourceType: 'Patient', id: 'x' }, ['other-member']],
    [
      'a type that is about money',
      { resourceType: 'Claim', id: 'c', patient: { reference: 'Patient/m' } },
      ['money', 'type'],
    ],
    [
      'a drug authorization',
      { ...benefit('preauthorization', []), type: { coding: [{ code: 'pharmacy' }] } },
      ['drug-pa'],
    ],
    ['a denial in words', { ...benefit('preauthorization', []), disposition: 'Denied' }, ['denied-pa']],
  ])('%s', (_, resource, expected) => expect(kinds(resource)).toEqual(expected));
});

const PATIENTS = [{ name: '_type', valueString: 'Patient' }];

describe('a whole export', () => {
  let folder: string;
  let node: TestNode;
  let them: ExportClient;
  let job: string;
  let manifest: Manifest;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'payer-node-content-'));
    await memberFolders({ seed: 3, members: 30, out: folder });
    ({ node, them, job, manifest } = await exported([join(folder, 'prior')]));
  });
  afterAll(async () => {
    await node?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test('names us as the transmitter of each record in it, those of the directory too', async () => {
    const all = await them.output(manifest);
    const us = JSON.stringify(node.deps.config.planName);
    const transmitters = all.filter((r) => {
      const agents = JSON.stringify(r['agent'] ?? '');
      return agents.includes('"transmitter"') && agents.includes(us);
    });
    const named = transmitters.flatMap((r) => (r['target'] as { reference: string }[]).map((t) => t.reference));
    const sent = all.filter((r) => r.resourceType !== 'Provenance').map((r) => `${r.resourceType}/${String(r['id'])}`);
    expect(named.sort()).toEqual(sent.sort());
    expect(named.some((key) => key.startsWith('Practitioner/'))).toBe(true);
  });

  test('of generated members is clean, and it is not for want of what could be wrong', async () => {
    const { verdict, faults } = await walk(node, job);
    expect(faults).toEqual([]);
    expect(verdict?.lines).toBeGreaterThan(1000);
    const [held] = await node.deps.database.sql`
      select count(*) filter (where shared is not null)::int as money, count(*) filter (where pa_state in ('denied', 'drug'))::int as pa,
        count(*) filter (where label > 0)::int as sensitive from exchange.resource`;
    for (const n of Object.values(held ?? {})) expect(n).toBeGreaterThan(0);
    expect(await walk(node, 'none')).toEqual({ verdict: undefined, faults: [] });
    // it is walked once by itself, and what came of it stays
    const walks = [0, 1].map(() => proveNext({ ...node.deps, log: () => {} }));
    expect((await Promise.all(walks)).sort()).toEqual([false, true]);
    expect(await proveNext(node.deps)).toBe(false);
    const [told] = await node.deps.database.sql<
      { n: number }[]
    >`select count(*)::int as n from exchange.audit where action = 'content-checked' and object = ${`export/${job}`}`;
    expect(told?.n).toBe(1);
    expect(await contentCheck(node.deps.database.sql, job)).toMatchObject({
      lines: verdict?.lines,
      faults: 0,
      gone: false,
      firstFaults: [],
    });
    expect(proofCell(await contentCheck(node.deps.database.sql, job)).text).toContain('no money');
  });

  test('what a fault in a rule let out is found with its line, and so is a changed file', async () => {
    const { sql } = node.deps.database;
    await sql`update exchange.resource set shared = null, moved_at = now() where shared is not null and type = 'ExplanationOfBenefit' and pa_state is null`;
    await sql`update exchange.resource set pa_state = 'approved', pa_changed = current_date, shared = null, moved_at = now() where pa_state = 'denied'`;
    await sql`update exchange.resource set label = 0, own_label = 0, moved_at = now() where label > 0`;
    const { status } = await them.finished(await them.kick('Group/g/$davinci-data-export'));
    const second = status.split('/').at(-1) ?? '';
    const { faults, verdict } = await walk(node, second);
    expect(verdict?.faults).toBe(faults.length);
    expect([...new Set(faults.map((f) => f.kind))].sort()).toEqual(
      expect.arrayContaining(['denied-pa', 'label', 'money']),
    );
    expect(faults.every((f) => f.line > 0)).toBe(true);
    expect(await proveNext(node.deps)).toBe(true);
    const check = await contentCheck(sql, second);
    expect(check).toMatchObject({ faults: faults.length, firstFaults: faults.slice(0, 20) });
    expect(proofFaults(check)[0]).toMatchObject({ line: faults[0]?.line });
    await keepAlerts(node.deps);
    expect([...(await sql`select subject, amount from exchange.alert where kind = 'must-not-leave'`)]).toEqual([
      { subject: second, amount: faults.length },
    ]);
    // taken back while it was walked: that files are missing is no fault
    const third = (await them.finished(await them.kick('Group/g/$davinci-data-export'))).status.split('/').at(-1) ?? '';
    const { blobs } = node.deps;
    const releasing = {
      ...blobs,
      get: async () => void (await sql`update exchange.bulk_job set state = 'revoked' where id = ${third}`),
    };
    expect(await proveNext({ ...node.deps, blobs: releasing as typeof blobs })).toBe(true);
    expect(await contentCheck(sql, third)).toMatchObject({ faults: 0, gone: true });
    // ended by the peer as soon as it has the files: they are out of its reach, and stay until they were walked
    const { status: fourth, manifest } = await them.finished(await them.kick('Group/g/$davinci-data-export'));
    const ended = fourth.split('/').at(-1) ?? '';
    expect((await them.call(fourth, { method: 'DELETE' })).status).toBe(202);
    expect((await them.call(fourth)).status).toBe(404);
    expect((await them.call(manifest.output[0]?.url ?? '')).status).toBe(404);
    await removeExpired(node.deps);
    const there = async () => (await blobs.list(`bulk/${ended}/`)).length;
    const { length } = await sql`select from exchange.bulk_file where job_id = ${ended}`;
    expect(length).toBeGreaterThan(1);
    expect(await there()).toBe(length);
    expect(await proveNext(node.deps)).toBe(true);
    expect(await contentCheck(sql, ended)).toMatchObject({ gone: false, files: length });
    await removeExpired(node.deps);
    expect(await there()).toBe(0);
    // what left can be named when it is gone
    const kept = await sql<
      { sha256: string }[]
    >`select sha256 from exchange.bulk_file where job_id = ${ended} and removed_at is not null`;
    expect(kept).toHaveLength(length);
    expect(await proveNext(node.deps)).toBe(false);
    // and a day at most
    const { status: fifth } = await them.finished(await them.kick('Group/g/$davinci-data-export'));
    await them.call(fifth, { method: 'DELETE' });
    const unwalked = fifth.split('/').at(-1) ?? '';
    await sql`update exchange.bulk_job set completed_at = completed_at - interval '25 hours' where id = ${unwalked}`;
    await removeExpired(node.deps);
    expect(await blobs.list(`bulk/${unwalked}/`)).toEqual([]);
    await sql`update exchange.bulk_file set lines = lines + 1, sha256 = 'x' where job_id = ${job} and type = 'Patient'`;
    expect((await walk(node, job)).faults.map((f) => [f.type, f.kind, f.line])).toEqual([
      ['Patient', 'changed-file', 0],
      ['Patient', 'line-count', 0],
    ]);
  });

  test('a file that is not there is no leak: it is counted beside what was found', async () => {
    const { sql } = node.deps.database;
    const { status } = await them.finished(await them.kick('Group/g/$davinci-data-export', PATIENTS));
    const lost = status.split('/').at(-1) ?? '';
    const [file] = await sql<
      { key: string }[]
    >`select blob_key as key from exchange.bulk_file where job_id = ${lost} and kind = 'output'`;
    await node.deps.blobs.delete(file?.key ?? '');
    const { verdict, faults } = await walk(node, lost);
    expect(faults.map((f) => f.kind)).toEqual(['missing-file']);
    expect(verdict).toMatchObject({ faults: 0, missing: 1 });
    const said: string[] = [];
    const told = { ...node.deps, log: (_: string, event: string) => void said.push(event) };
    expect(await proveNext(told as typeof node.deps)).toBe(true);
    const check = await contentCheck(sql, lost);
    expect(check).toMatchObject({ faults: 1, gone: false });
    expect(proofCell(check).text).toBe('1 files were not there to be walked');
    expect(said).toContain('files of an export are not there');
    expect(said).not.toContain('export holds what must not leave');
    // removed meanwhile, as its peer had it deleted
    await sql`update exchange.bulk_file set removed_at = now() where job_id = ${lost} and blob_key = ${file?.key ?? ''}`;
    expect((await walk(node, lost)).verdict).toMatchObject({ faults: 0, missing: 0 });
  });
});
