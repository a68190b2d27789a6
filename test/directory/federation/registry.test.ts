// The registry: addresses of every kind, files of payers in both shapes, and peers that many owners share.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { changePeer, type PeerChange } from '../../../directory/federation/change-peer.ts';
import { classifyUrl, urlsIn } from '../../../directory/federation/classify-url.ts';
import { readEndpoint } from '../../../directory/federation/endpoint-file.ts';
import { readIndexFile, readStateList, type Seeded } from '../../../directory/federation/payer-index-file.ts';
import { findPeer, listEvents, listPeers } from '../../../directory/federation/peer.ts';
import { addPeer, freeSlug, importSeeded, switchPeer } from '../../../directory/federation/registry.ts';
import { isInWindow } from '../../../directory/federation/work.ts';
import { readConfig } from '../../../src/config.ts';
import { PLAN_NET } from '../../../src/fhir/search/types.ts';
import { freshDb } from '../../support/db.ts';

// Q50: address → kind, normalised
const ADDRESSES: [string, string, string][] = [
  ['https://dir.example/fhir/', 'fhir-base', 'https://dir.example/fhir'],
  [' https://DIR.Example/fhir ', 'fhir-base', 'https://dir.example/fhir'],
  ['https://dir.example/r4/metadata', 'fhir-base', 'https://dir.example/r4'],
  ['https://dir.example/r4//Practitioner', 'fhir-base', 'https://dir.example/r4'],
  ['https://dir.example/files/H1234/2027/index.json', 'mpf-index', 'https://dir.example/files/H1234/2027/index.json'],
  ['https://dir.example/files/H1234/2027', 'mpf-index', 'https://dir.example/files/H1234/2027'],
  ['https://dir.example/fhir/%24bulk-publish', 'bulk-manifest', 'https://dir.example/fhir/$bulk-publish'],
  ['https://dir.example/BulkPublish/manifest', 'bulk-manifest', 'https://dir.example/BulkPublish/manifest'],
  ['https://dir.example/swagger/index.html', 'human-page', 'https://dir.example/swagger/index.html'],
  ['https://dir.example/api-docs/directory', 'human-page', 'https://dir.example/api-docs/directory'],
  ['https://api-stg.dir.example/fhir', 'non-production', 'https://api-stg.dir.example/fhir'],
  ['https://dir.example/TST/fhir', 'non-production', 'https://dir.example/TST/fhir'],
  ['https://sandbox.dir.example/fhir', 'non-production', 'https://sandbox.dir.example/fhir'],
  ['https://latest.dir.example/contest', 'fhir-base', 'https://latest.dir.example/contest'],
  ['https://dir.example:8003/fhir', 'unusual-port', 'https://dir.example:8003/fhir'],
  ['Not yet available', 'not-a-url', 'Not yet available'],
];

const config = readConfig({ BASE_URL: 'https://plan.example' });
const NOW = new Date('2027-03-01T12:00:00Z');
let db: Awaited<ReturnType<typeof freshDb>>;
const deps = () => ({ config, clock: () => NOW, database: db });

beforeAll(async () => {
  db = await freshDb();
});
afterAll(() => db.close());

test.each(ADDRESSES)('%s is %s', (given, kind, url) => expect(classifyUrl(given)).toMatchObject({ kind, url }));
test('a cell may hold several addresses', () =>
  expect(urlsIn('\u00a0https://a.example/x\n\nhttps://b.example/y. ')).toEqual([
    'https://a.example/x',
    'https://b.example/y',
  ]));
test('slugs are made of names and never twice', () => {
  expect(freeSlug('Oak Health Plan, Inc.', new Set())).toBe('oakhealthpla');
  expect(freeSlug('Oak Health Plan, Inc.', new Set(['oakhealthpla']))).toBe('oakhealthpl2');
  expect(freeSlug('Ö', new Set())).toBe('peero');
});

const FPI = {
  system: 'https://directory.cms.gov/payer_identification_system/fpi',
  value: '13e068e1-cd54-5baa-b7e3-79761afe7afc',
};
describe('an entry is changed by a person', () => {
  const get = async (slug: string) => {
    const peer = await findPeer(db.sql, slug);
    if (!peer) throw new Error(slug);
    return peer;
  };
  beforeAll(async () => {
    for (const [slug, url] of [
      ['ash', 'https://ash.example/fhir'],
      ['birch', 'https://birch.example/fhir/$bulk-publish'],
    ] as const)
      expect(await addPeer(deps(), { slug, name: slug, url }, 'ada')).toMatchObject({ ok: true });
    await db.sql`update federation.peer set probed_at = now(), cursor = '{"exported": "x"}', failures = 2 where slug = 'ash'`;
    await db.sql`insert into federation.source (rk, base_rk, key, source_id, peer, type, hash, line_hash, state, flags, changed_run, content, first_seen, content_changed_at)
      values (1, 1, 'Endpoint/ash.e', 'e', 'ash', 1, '\\x00', 1, 'l', 0, 1, 1, now(), now())`;
  });
  const waiting = async () => (await db.sql`select from federation.outbox where 1 = any(rks)`).length;

  test('terms, pace and hours; each is told, and records go through the merge when that shows', async () => {
    const done = await changePeer(
      deps(),
      'ash',
      {
        rate: '5',
        window: '22:00-04:30',
        timeZone: 'America/Denver',
        contact: 'a@ash.example',
        terms: 'https://ash.example/terms',
      },
      'ada',
    );
    expect(done).toMatchObject({ ok: true });
    expect(await get('ash')).toMatchObject({
      perSecond: 5,
      windowFrom: '22:00:00',
      windowTo: '04:30:00',
      timeZone: 'America/Denver',
    });
    expect(await waiting()).toBe(0);
    expect(await changePeer(deps(), 'ash', { publish: 'republish', window: 'any' }, 'ben')).toEqual({
      ok: true,
      changes: [
        'what may be shown: search → republish',
        'hours from: 22:00:00 → 00:00:00',
        'hours to: 04:30:00 → 00:00:00',
      ],
    });
    expect(isInWindow(await get('ash'), NOW)).toBe(true);
    expect(await waiting()).toBe(0);
    expect((await listEvents(db.sql, 'ash', 1))[0]).toMatchObject({ what: 'changed', by: 'ben' });
    expect(await changePeer(deps(), 'ash', { rate: '5', publish: 'republish' }, 'ben')).toEqual({
      ok: true,
      changes: [],
    });
    await changePeer(deps(), 'ash', { publish: 'link' }, 'ben');
    expect(await waiting()).toBe(1);
  });

  test('a directory that moved keeps its records, and is measured anew (Q54)', async () => {
    expect(await changePeer(deps(), 'ash', { moveTo: 'https://new.ash.example/r4/metadata' }, 'ada')).toMatchObject({
      ok: true,
    });
    expect(await get('ash')).toMatchObject({
      base: 'https://new.ash.example/r4',
      probedAt: null,
      cursor: {},
      failures: 0,
      nextDue: NOW,
    });
    expect((await get('ash')).urls.map((u) => u.url)).toEqual([
      'https://new.ash.example/r4',
      'https://ash.example/fhir',
    ]);
    expect((await listEvents(db.sql, 'ash', 1))[0]?.what).toBe('moved');
    await changePeer(deps(), 'birch', { moveTo: 'https://birch.example/r5' }, 'ada');
    expect((await get('birch')).urls.map((u) => u.kind)).toEqual(['fhir-base']);
    await changePeer(deps(), 'birch', { addUrl: 'https://pages.birch.example/fhir' }, 'ada');
    expect((await get('birch')).urls.map((u) => u.url)).toEqual([
      'https://birch.example/r5',
      'https://pages.birch.example/fhir',
    ]);
  });

  test.each<[PeerChange, string]>([
    [{ rate: '0' }, 'requests a second'],
    [{ window: '25:00-26:00' }, 'HH:MM-HH:MM'],
    [{ timeZone: 'Mars/Base' }, 'no time zone'],
    [{ publish: 'all' }, 'search, republish, link'],
    [{ moveTo: 'https://plan.example/directory/all/fhir' }, 'our own directory'],
    [{ moveTo: 'https://x.example/swagger/index.html' }, 'cannot be harvested'],
    [{ moveTo: 'https://birch.example/r5' }, 'the address of birch'],
    [{ addUrl: 'soon' }, 'no address'],
    [{ allowPort: '0' }, 'no port'],
    [{ contact: 'x', name: ' ' }, 'not empty'],
  ])('%o is refused, and nothing changes', async (change, fault) => {
    const before = await get('ash');
    const done = await changePeer(deps(), 'ash', change, 'ada');
    expect(done.ok ? done.changes : done.fault).toContain(fault);
    expect(await get('ash')).toEqual(before);
  });
});

describe('Q51: the payer index', () => {
  const group = {
    plan_identifiers: [{ value: 'H1-1' }],
    plan_endpoints: {
      'davinci_pdex_provider_directory_endpoint#1.1': 'https://oak.example/fhir',
      davinci_payer_to_payer_endpoint: null,
    },
  };
  test('older shape: names at the root; null makes no statement', () => {
    const read = readIndexFile({ payerLegalName: 'Oak', identifier: [FPI], plan_groups: [group] });
    expect(read).toMatchObject({ kind: 'index', plans: 1, seeded: { owner: { name: 'Oak', identifiers: [FPI] } } });
    expect(read.kind === 'index' && read.seeded.endpoints).toEqual([
      { family: 'directory', key: 'davinci_pdex_provider_directory_endpoint#1.1', url: 'https://oak.example/fhir' },
    ]);
  });
  test('Draft 1: names at the identifier; both names of payer-to-payer', () => {
    const read = readIndexFile({
      identifier: [
        { ...FPI, is_fpi: true, payerLegalName: 'Oak', fpi_source_system: 'NAIC_ID', fpi_source_value: '12345' },
      ],
      plan_groups: [
        {
          ...group,
          plan_endpoints: {
            davinci_pdex_payer_endpoint: 'https://oak.example/p2p',
            'davinci_pdex_provider_directory_endpoint_all_at_once#1': 'https://oak.example/fhir/$bulk-publish',
          },
        },
      ],
    });
    expect(read.kind === 'index' && read.seeded.endpoints.map((e) => e.family)).toEqual(['payer-to-payer', 'bulk']);
    expect(read.kind === 'index' && read.seeded.owner.identifiers).toContainEqual({
      system: 'NAIC_ID',
      value: '12345',
    });
  });
  test.each([
    [{ is_seeded: false, new_file: 'a/b.json' }, 'moved'],
    [{ identifier: [FPI] }, 'fault'],
    ['x', 'fault'],
    [null, 'fault'],
  ])('%j is %s', (content, kind) => expect(readIndexFile(content).kind).toBe(kind));
});

describe('Endpoint resources', () => {
  const endpoint = {
    resourceType: 'Endpoint',
    id: 'e1',
    status: 'active',
    connectionType: { code: 'hl7-fhir-rest' },
    name: 'Provider Directory API',
    address: 'https://elm.example/fhir',
    managingOrganization: { reference: 'Organization/elm', display: 'Elm' },
  };
  const use = (code: string) => ({
    extension: [
      {
        url: 'http://hl7.org/fhir/us/ndh/StructureDefinition/base-ext-endpoint-usecase',
        extension: [{ url: 'endpointUsecaseType', valueCodeableConcept: { coding: [{ code }] } }],
      },
    ],
  });
  const standard = (url: string) => ({
    extension: [
      { url: `${PLAN_NET}/StructureDefinition/endpoint-usecase`, extension: [{ url: 'standard', valueUri: url }] },
    ],
  });
  const none = () => undefined;

  test('name the address, and the owner by the organization when the files hold it', () => {
    expect(readEndpoint(endpoint, none)).toMatchObject({
      owner: { name: 'Elm', identifiers: [] },
      endpoints: [{ family: 'directory', url: 'https://elm.example/fhir' }],
    });
    const owner = { name: 'Elm Health Plan, Inc.', identifiers: [{ system: 'naic', value: '12345' }] };
    expect(readEndpoint(endpoint, (r) => (r === 'Organization/elm' ? owner : undefined))).toMatchObject({ owner });
  });
  test.each([
    ['its words', { name: 'Plan-Net' }, 'directory'],
    ['the use case of the national directory', { name: 'API', ...use('payerToPayer') }, 'payer-to-payer'],
    ['the guide it follows', { name: 'API', ...standard(PLAN_NET) }, 'directory'],
    [
      'its payload',
      { name: 'API', payloadType: [{ text: 'x', coding: [{ display: 'Provider directory' }] }] },
      'directory',
    ],
    ['its address', { name: 'API', address: 'https://elm.example/provider-directory/r4' }, 'directory'],
  ])('the half is told by %s', (_, more, family) =>
    expect(readEndpoint({ ...endpoint, ...more }, none)).toMatchObject({ endpoints: [{ family }] }),
  );
  test.each([
    [{ connectionType: { code: 'direct-project' } }, 'not-fhir'],
    [{ connectionType: { code: 'rest-non-fhir' } }, 'not-fhir'],
    [{ status: 'off' }, 'not-active'],
    [{ address: 'mailto:x@elm.example' }, 'no-address'],
    [{ name: 'Elm Clinic FHIR' }, 'not-about-payers'],
  ])('%j is not used: %s', (more, unused) => expect(readEndpoint({ ...endpoint, ...more }, none)).toEqual({ unused }));
  test('an R5-shaped connection type, and a half that the caller knows', () =>
    expect(
      readEndpoint(
        { ...endpoint, name: 'API', connectionType: [{ coding: [{ code: 'hl7-fhir-rest' }] }] },
        none,
        'payer-to-payer',
      ),
    ).toMatchObject({ endpoints: [{ family: 'payer-to-payer' }] }));
});

const seeded = (name: string, url: string): Seeded => ({
  owner: { name, identifiers: [] },
  endpoints: [{ family: 'directory', key: 'k', url }],
});

describe('the registry', () => {
  test('Q53: one base of many legal entities is one peer with many owners, paused', async () => {
    const result = await importSeeded(
      deps(),
      [seeded('Oak One', 'https://oak.example/fhir/'), seeded('Oak Two', 'https://OAK.example//fhir/metadata')],
      'payer-index',
      'test',
    );
    expect(result).toMatchObject({ added: ['oakone'], joined: ['oakone'], kept: [] });
    const peer = await findPeer(db.sql, 'oakone');
    expect(peer).toMatchObject({ state: 'paused', base: 'https://oak.example/fhir' });
    expect(peer?.owners.map((o) => o.name)).toEqual(['Oak One', 'Oak Two']);
  });
  test('the other half of a payer is joined by the identifier of its owner', async () => {
    const owner = { name: 'Fir Plan', identifiers: [{ system: 'naic', value: '54321' }] };
    const of = (family: 'directory' | 'payer-to-payer', url: string): Seeded => ({
      owner,
      endpoints: [{ family, key: 'Endpoint/1', url }],
    });
    await importSeeded(deps(), [of('directory', 'https://fir.example/dir')], 'endpoint', 'test');
    const result = await importSeeded(
      deps(),
      [of('payer-to-payer', 'https://p2p.fir.example/fhir')],
      'endpoint',
      'test',
    );
    expect(result).toMatchObject({ added: [], joined: ['firplan'] });
    expect((await findPeer(db.sql, 'firplan'))?.urls).toContainEqual({
      kind: 'payer-to-payer',
      url: 'https://p2p.fir.example/fhir',
      found: 'endpoint: Endpoint/1',
    });
  });
  test('addresses that are not harvested are told', async () => {
    const result = await importSeeded(deps(), [seeded('Elm', 'https://stage.elm.example/fhir')], 'payer-index', 'test');
    expect(result.kept.map((k) => k.kind)).toEqual(['non-production']);
  });
  test('our own base is refused, in each form', async () => {
    for (const url of ['https://plan.example/directory/fhir', 'https://PLAN.example:443//directory/all/fhir/metadata'])
      expect(await addPeer(deps(), { slug: 'self', name: 'Self', url }, 'test')).toMatchObject({ ok: false });
    expect(await findPeer(db.sql, 'self')).toBeUndefined();
  });
  test('a slug is given once; bad ones are refused', async () => {
    expect(await addPeer(deps(), { slug: 'fir', name: 'Fir', url: 'https://fir.example/fhir' }, 'ada')).toMatchObject({
      ok: true,
    });
    expect(
      await addPeer(deps(), { slug: 'fir', name: 'Fir 2', url: 'https://fir2.example/fhir' }, 'ada'),
    ).toMatchObject({ ok: false });
    expect(await addPeer(deps(), { slug: 'Fir!', name: 'Fir', url: 'https://fir3.example/fhir' }, 'ada')).toMatchObject(
      { ok: false },
    );
  });
  test('the kill switch keeps its reason and its author', async () => {
    expect(await switchPeer(deps(), 'fir', 'blocked', 'they asked us to stop', 'ada')).toBe(true);
    expect(await findPeer(db.sql, 'fir')).toMatchObject({
      state: 'blocked',
      stateReason: 'they asked us to stop',
      stateBy: 'ada',
    });
    expect((await listEvents(db.sql, 'fir')).map((e) => e.what)).toEqual(['blocked', 'added']);
    expect(await switchPeer(deps(), 'nobody', 'on', '', 'ada')).toBe(false);
  });
});

const folder = process.env['TEST_DATA_DIR'];
describe.skipIf(folder === undefined)('files of real payers (parsed, never called)', () => {
  const root = join(folder ?? '', 'data/plannet-fpi');
  test('142 index files: 138 payers, 4 that moved; 71 addresses', async () => {
    const base = join(root, 'payer_index_files/medicare_advantage');
    const reads = readdirSync(base, { recursive: true, encoding: 'utf8' })
      .filter((f) => f.endsWith('.json'))
      .map((f) => readIndexFile(JSON.parse(readFileSync(join(base, f), 'utf8'))));
    expect(reads.filter((r) => r.kind === 'moved')).toHaveLength(4);
    const payers = reads.flatMap((r) => (r.kind === 'index' ? [r] : []));
    expect(payers).toHaveLength(138);
    expect(payers.reduce((n, p) => n + p.plans, 0)).toBe(2557);
    const urls = new Set(
      payers.flatMap((p) => p.seeded.endpoints.filter((e) => e.family === 'directory').map((e) => e.url)),
    );
    expect(urls.size).toBe(71);
    const fresh = await freshDb();
    const result = await importSeeded(
      { ...deps(), database: fresh },
      payers.map((p) => p.seeded),
      'payer-index',
      'test',
    );
    const peers = await listPeers(fresh.sql);
    expect(peers.length).toBe(result.added.length);
    expect(peers.every((p) => p.state === 'paused')).toBe(true);
    expect(Math.max(...peers.map((p) => p.owners.length))).toBeGreaterThan(30);
    await fresh.close();
  });
  test('the list of state Medicaid agencies: 37 states, 68 addresses', () => {
    const states = readStateList(readFileSync(join(root, 'SMAEndpointDirectory.csv'), 'utf8'));
    expect(states).toHaveLength(37);
    expect(new Set(states.flatMap((s) => s.endpoints.map((e) => e.url))).size).toBe(68);
  });
});
