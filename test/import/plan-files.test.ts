// Directories that are not FHIR: every form becomes Plan-Net resources without a finding, and what cannot be read is told.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import type { Resource } from '../../src/fhir/resource.ts';
import { validate } from '../../src/fhir/validate/validate.ts';
import type { ImportEntry } from '../../src/import/entry.ts';
import { networkId } from '../../src/import/plan/build.ts';
import { hours } from '../../src/import/plan/hours.ts';
import { readDirectoryFiles } from '../../src/import/plan/read-plan-files.ts';
import { templates } from '../../src/import/plan/templates.ts';
import { type Left, zipDigits } from '../../src/import/plan/values.ts';
import { csvLine } from '../../src/seed/index.ts';
import { directory } from '../directory/fixture.ts';

const folder = mkdtempSync(join(tmpdir(), 'payer-node-plan-files-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const PAYER = { name: 'Oak Health Plan', npi: '9000000007' };

let files = 0;
function file(name: string, content: string | Buffer): string {
  const path = join(folder, `${++files}-${name}`);
  writeFileSync(path, content);
  return path;
}

async function read(paths: string[], network?: string) {
  const all: ImportEntry[] = [];
  for await (const entry of readDirectoryFiles(paths, { payer: PAYER, ...(network === undefined ? {} : { network }) }))
    all.push(entry);
  const resources = new Map<string, Resource>();
  for (const e of all)
    if ('resource' in e && e.resource)
      resources.set(`${e.resource.resourceType}/${String(e.resource['id'])}`, e.resource);
  return {
    resources,
    keys: [...resources.keys()].sort(),
    deleted: all.flatMap((e) => ('request' in e && e.request?.method === 'DELETE' ? [e.request.url] : [])),
    faults: all.flatMap((e) => ('fault' in e ? [`${e.line} ${e.fault}: ${e.message}`] : [])),
    unread: all.flatMap((e) => ('fault' in e && e.unread ? [e.line] : [])),
    findings: [...resources.values()].flatMap((r) =>
      validate(r, { profiles: 'plan-net' }).map((i) => `${r.resourceType} ${i.path} ${i.message}`),
    ),
  };
}

const table = (rows: Record<string, string>[]) => {
  const columns = [...new Set(rows.flatMap((r) => Object.keys(r)))];
  return `${[columns, ...rows.map((r) => columns.map((c) => r[c] ?? ''))].map((line) => csvLine(line)).join('\r\n')}\r\n`;
};

/** References of all resources that lead to none of them. */
function dangling(resources: Map<string, Resource>): string[] {
  const all = [...JSON.stringify([...resources.values()]).matchAll(/"reference":"([^"]+)"/g)].map((m) => m[1] ?? '');
  return [...new Set(all)].filter((r) => !resources.has(r));
}

describe('the template', () => {
  const paths = templates().map(({ name, lines }) => file(name, lines.map((l) => csvLine(l)).join('\n')));

  test('gives valid resources whose references lead somewhere', async () => {
    const r = await read(paths);
    expect(r.faults).toEqual([]);
    expect(r.findings).toEqual([]);
    expect(dangling(r.resources)).toEqual([]);
    expect(r.keys.map((k) => k.split('/')[0]).sort()).toEqual([
      'HealthcareService',
      'HealthcareService',
      'InsurancePlan',
      'Location',
      'Location',
      'Location',
      'Organization',
      'Organization',
      'Organization',
      'OrganizationAffiliation',
      'Practitioner',
      'PractitionerRole',
    ]);
  });

  test('can be searched as any directory', async () => {
    const d = await directory([]);
    const again = [];
    for await (const entry of readDirectoryFiles(paths, { payer: PAYER })) again.push(entry);
    const first = await d.load(again as never);
    expect(first.rejected).toBe(0);
    const second = await d.load(again as never);
    expect([second.created, second.updated]).toEqual([0, 0]);
    expect(
      await d.find(
        'PractitionerRole?specialty-like=heart%20doctor&practitioner.name-like=ana%20exampel&network.name=example%20gold&location.address-city=hartford',
      ),
    ).toHaveLength(1);
    expect(await d.find('Practitioner?communication=es&identifier=9000000015')).toEqual([
      'Practitioner/npi-9000000015',
    ]);
    expect(await d.find('HealthcareService?delivery-method=virtual')).toHaveLength(1);
    expect(await d.find('InsurancePlan?identifier=H1234-001-000&type=mediadvhmo')).toEqual([
      'InsurancePlan/plan-H1234-001-000',
    ]);
    await d.close();
  });
});

const ROW = {
  npi: '9000000015',
  type: 'person',
  first_name: 'Ana',
  last_name: 'Example',
  specialties: '207RC0000X',
  address_1: '7 Example Way',
  city: 'Hartford',
  state: 'ct',
  zip: '6103',
  networks: 'A|B',
};

test('one role a network, one place for rows of one place; gzip and semicolons', async () => {
  const path = file('providers.csv.gz', gzipSync(table([ROW, { ...ROW, npi: '9000000023', last_name: 'Other' }])));
  const r = await read([path]);
  expect(r.faults).toEqual([]);
  expect(r.findings).toEqual([]);
  expect(r.keys.filter((k) => k.startsWith('PractitionerRole')).length).toBe(4);
  expect(r.keys.filter((k) => k.startsWith('Location')).length).toBe(1);
  expect(JSON.stringify([...r.resources.values()])).toContain('"postalCode":"06103"');
  expect(dangling(r.resources).sort()).toEqual(['Organization/net-A', 'Organization/net-B']);
});

test.each([
  [{ npi: '9000000016' }, 'invalid-row: npi is not an NPI'],
  [{ type: 'robot' }, 'invalid-row: type is not person'],
  [{ last_name: '' }, 'invalid-row: last_name is empty'],
  [{ state: 'ZZ' }, 'invalid-row: state'],
  [{ zip: '12' }, 'invalid-row: zip'],
  [{ city: ' ' }, 'invalid-row: city'],
  [{ specialties: 'flying' }, 'left-out: specialties'],
  [{ languages: 'Klingon of Kronos' }, 'left-out: languages'],
  [{ gender: 'yes' }, 'left-out: gender'],
  [{ accepting_new_patients: 'perhaps' }, 'left-out: accepting_new_patients'],
  [{ telehealth: 'perhaps' }, 'left-out: telehealth'],
  [{ accessibility: 'moon' }, 'left-out: accessibility'],
  [{ starts: '2027-02-30' }, 'left-out: starts'],
  [{ latitude: '91', longitude: '1' }, 'left-out: latitude'],
  [{ latitude: '0x10', longitude: '1e1' }, 'left-out: latitude'],
  [{ latitude: '41.5', longitude: '' }, 'left-out: latitude'],
  [{ hours: 'always' }, 'left-out: hours'],
  [{ organization_npi: '123' }, 'left-out: organization_npi'],
])('%j is told with its line, without its value', async (change, message) => {
  const r = await read([file('providers.csv', table([ROW, { ...ROW, ...change }]))]);
  expect(r.faults).toHaveLength(1);
  expect(r.faults[0]).toContain(`3 ${message}`);
  expect(r.findings).toEqual([]);
  for (const value of Object.values(change)) if (value.length > 4) expect(r.faults[0]).not.toContain(value);
});

test('a header that is none of ours stops the import before anything is read', async () => {
  await expect(read([file('providers.csv', 'a,b\n1,2\n')])).rejects.toThrow(/is no table that can be imported/);
  await expect(read([file('providers.csv', table([{ ...ROW, colour: 'red' }]))])).rejects.toThrow(
    /column that is not known: colour/,
  );
});

test('a table that is cut or garbled gives what came before', async () => {
  const whole = table([ROW, { ...ROW, npi: '9000000023' }]);
  const r = await read([file('providers.csv', `${whole}"open quote`)]);
  expect(r.faults).toEqual([expect.stringMatching(/^4 cut-off: .* may be cut off/)]);
  expect(r.unread).toEqual([4]);
  expect(r.keys).toContain('Practitioner/npi-9000000023');
});

test('a quote without an end costs its own line, however far away its end might be', async () => {
  const n = 3000;
  const rows = Array.from({ length: n }, (_, i) => ({ ...ROW, npi: '9000000015', last_name: `Name ${i}` }));
  const broken = `"open quote${`,${'x'.repeat(1000)}\n`.repeat(1100)}`;
  const r = await read([file('providers.csv', `${table(rows)}${broken}${table([{ ...ROW, npi: '9000000023' }])}`)]);
  expect(r.faults[0]).toMatch(new RegExp(`^${n + 2} invalid-row: A quote`));
  expect(r.faults).toHaveLength(1101);
  expect(r.unread).toEqual([]);
  expect(r.keys).toContain('Practitioner/npi-9000000023');
  expect(JSON.stringify(r.resources.get('Practitioner/npi-9000000015'))).toContain(`Name ${n - 1}`);
});

const NPPES = {
  NPI: '9000000015',
  'Entity Type Code': '1',
  'Provider Last Name (Legal Name)': "O'NEIL-GARCIA",
  'Provider First Name': 'ANA',
  'Provider Middle Name': '',
  'Provider Credential Text': 'M.D.',
  'Provider Sex Code': 'F',
  'Provider First Line Business Practice Location Address': '7 ELM WAY',
  'Provider Business Practice Location Address City Name': 'HARTFORD',
  'Provider Business Practice Location Address State Name': 'CT',
  'Provider Business Practice Location Address Postal Code': '061031234',
  'Provider Business Practice Location Address Telephone Number': '8605550100',
  'Provider Enumeration Date': '05/23/2005',
  'Healthcare Provider Taxonomy Code_1': '207R00000X',
  'Healthcare Provider Primary Taxonomy Switch_1': 'N',
  'Healthcare Provider Taxonomy Code_2': '207RC0000X',
  'Healthcare Provider Primary Taxonomy Switch_2': 'Y',
  'NPI Deactivation Date': '',
  'NPI Reactivation Date': '',
  'Provider Organization Name (Legal Business Name)': '',
};

test('NPPES: people, organizations and deactivations', async () => {
  const rows = [
    NPPES,
    {
      ...NPPES,
      NPI: '9000000023',
      'Entity Type Code': '2',
      'Provider Organization Name (Legal Business Name)': 'ELM PHARMACY LLC',
      'Healthcare Provider Taxonomy Code_1': '3336C0003X',
      'Healthcare Provider Taxonomy Code_2': '',
    },
    { ...NPPES, NPI: '9000000031', 'NPI Deactivation Date': '01/02/2020' },
    { ...NPPES, NPI: '1', 'Entity Type Code': '1' },
    { ...NPPES, NPI: '9000000049', 'Provider Business Practice Location Address Country Code (If outside U.S.)': 'DE' },
  ];
  const r = await read([file('npidata.csv', table(rows))], 'Oak Gold Network');
  expect(r.findings).toEqual([]);
  expect(dangling(r.resources)).toEqual([]);
  expect(r.deleted).toEqual(['Practitioner/npi-9000000031', 'Organization/org-9000000031']);
  expect(r.faults.map((f) => f.slice(0, 18))).toEqual(['5 invalid-row: NPI', '6 invalid-row: cou']);
  expect(r.resources.get('Practitioner/npi-9000000015')).toMatchObject({
    gender: 'female',
    name: [{ family: "O'Neil-Garcia", given: ['Ana'] }],
  });
  const role = [...r.resources.values()].find((x) => x.resourceType === 'PractitionerRole');
  expect(role).toMatchObject({
    specialty: [{ coding: [{ code: '207RC0000X' }] }, { coding: [{ code: '207R00000X' }] }],
  });
  // one that providers.csv names as well is the same
  const network = networkId('oak gold  network');
  expect(JSON.stringify(role)).toContain(`"Organization/${network}"`);
  expect(r.resources.get(`Organization/${network}`)).toMatchObject({ name: 'Oak Gold Network' });
  expect([...r.resources.values()].find((x) => x.resourceType === 'OrganizationAffiliation')).toMatchObject({
    code: [{ coding: [{ code: 'pharmacy' }] }],
    period: { start: '2005-05-23' },
  });
});

test('NPPES: without a city there is no place, and nothing that names it; without a street the place is called by its city', async () => {
  const without = (part: string) => ({ ...NPPES, [`Provider ${part}`]: '' });
  const r = await read([
    file(
      'npidata.csv',
      table([
        without('Business Practice Location Address City Name'),
        without('First Line Business Practice Location Address'),
      ]),
    ),
  ]);
  expect(r.faults).toEqual(['2 invalid-row: Provider Business Practice Location Address City Name is empty.']);
  expect([...r.resources.values()].filter((x) => x.resourceType === 'Location').map((x) => x['name'])).toEqual([
    'Hartford',
  ]);
  expect([r.findings, dangling(r.resources)]).toEqual([[], []]);
});

test('NPPES: who is deactivated and comes again in a later file is there', async () => {
  const paths = [NPPES, { ...NPPES, 'NPI Deactivation Date': '01/02/2027' }, NPPES].map((row, i) =>
    file(`week${i}.csv`, table([row])),
  );
  const d = await directory([]);
  try {
    await d.load(readDirectoryFiles(paths, { payer: PAYER }));
    expect(await d.find('Practitioner')).toEqual(['Practitioner/npi-9000000015']);
  } finally {
    await d.close();
  }
});

const PROVIDER = {
  npi: '9000000015',
  type: 'INDIVIDUAL',
  name: { first: 'Ana', last: 'Example' },
  specialty: ['Dermatology'],
  accepting: 'accepting',
  gender: 'Female',
  languages: ['English', 'Spanish'],
  addresses: [
    { address: '1 A St', city: 'Troy', state: 'NY', zip: '12180', phone: '5185550100' },
    { address: '2 B St', city: 'Troy', state: 'NY', zip: '12180' },
  ],
  plans: [{ plan_id_type: 'HIOS-PLAN-ID', plan_id: '12345NY9876543', network_tier: 'PREFERRED', years: [2027] }],
};

test('QHP: one role for all plans of a person, plans from both files', async () => {
  const providers = [
    PROVIDER,
    {
      ...PROVIDER,
      npi: '9000000023',
      plans: [
        ...PROVIDER.plans,
        { plan_id_type: 'HIOS-PLAN-ID', plan_id: '12345NY9876542', network_tier: 'PREFERRED', years: [2027] },
      ],
    },
    {
      npi: '9000000031',
      type: 'FACILITY',
      facility_name: 'Troy Hospital',
      facility_type: ['Hospital'],
      addresses: PROVIDER.addresses,
      plans: PROVIDER.plans,
    },
    { ...PROVIDER, npi: '123' },
  ];
  const plans = [
    {
      plan_id_type: 'HIOS-PLAN-ID',
      plan_id: '12345NY9876543',
      marketing_name: 'Oak Gold',
      years: [2027],
      network: [{ network_tier: 'PREFERRED' }],
    },
    { plan_id_type: 'HIOS-PLAN-ID', plan_id: '12345NY0000000', marketing_name: 'Nobody', years: [2027], network: [] },
  ];
  const r = await read([
    file('plans.json', JSON.stringify(plans)),
    file('providers.json', JSON.stringify(providers, null, 1)),
  ]);
  expect(r.findings).toEqual([]);
  expect(dangling(r.resources)).toEqual([]);
  expect(r.faults.map((f) => f.replace(/:.*/, ''))).toEqual(['4 invalid-row', '0 invalid-row']);
  expect(r.keys.filter((k) => k.startsWith('PractitionerRole'))).toHaveLength(2);
  expect(r.keys.filter((k) => k.startsWith('InsurancePlan'))).toEqual([
    'InsurancePlan/plan-12345NY9876542',
    'InsurancePlan/plan-12345NY9876543',
  ]);
  const gold = r.resources.get('InsurancePlan/plan-12345NY9876543');
  expect(gold).toMatchObject({ name: 'Oak Gold', period: { start: '2027-01-01', end: '2027-12-31' } });
  expect(gold?.['network']).toHaveLength(2);
});

test('QHP: numbers for texts, years that are none, and keys that every object has', async () => {
  const odd = {
    ...PROVIDER,
    npi: 9000000015,
    accepting: 'constructor',
    addresses: [{ address: '1 A St', city: 'Hartford', state: 'Connecticut', zip: 6103, phone: 8605550100 }],
    plans: [
      { plan_id_type: 'HIOS-PLAN-ID', plan_id: '12345NY9876543', network_tier: 'A', years: ['2027', 1.5, 1e300] },
    ],
  };
  const r = await read([
    file('providers.json', JSON.stringify([odd, { ...PROVIDER, accepting: 'accepting in some locations' }])),
  ]);
  expect(r.faults).toEqual([
    '1 left-out: years holds one that is no year; the rest of the row is imported.',
    '1 left-out: accepting is none of "accepting", "not accepting" and "accepting in some locations"; the rest of the row is imported.',
  ]);
  const of = (type: string) => [...r.resources.values()].filter((x) => x.resourceType === type);
  expect(of('InsurancePlan').map((x) => x['period'])).toEqual([{ start: '2027-01-01', end: '2027-12-31' }]);
  expect(JSON.stringify(of('Location'))).toContain('"postalCode":"06103"');
  expect(JSON.stringify(of('PractitionerRole'))).not.toContain('acceptingPatients');
  expect([r.findings, dangling(r.resources)]).toEqual([[], []]);
});

test('QHP that is cut off says so; a single value that is no provider too', async () => {
  const cut = await read([file('providers.json', `[${JSON.stringify(PROVIDER)},{"npi":`)]);
  expect(cut.faults).toEqual(['2 cut-off: The array is cut off; what came before was read.']);
  expect(cut.unread).toEqual([2]);
  const more = await read([file('providers.json', `[${JSON.stringify(PROVIDER)}]}`)]);
  expect([more.faults, more.unread]).toEqual([['2 not-json: The text is not valid JSON.'], [2]]);
  expect(more.keys).toContain('Practitioner/npi-9000000015');
  expect(cut.keys).toContain('Practitioner/npi-9000000015');
  expect((await read([file('x.json', '[1]')])).faults[0]).toContain('is no object');
});

test('FHIR files are read as ever, beside tables', async () => {
  const fhir = file('Organization.ndjson', '{"resourceType":"Organization","id":"o1","name":"O"}\n');
  const r = await read([fhir, file('providers.csv', table([ROW]))]);
  expect(r.keys).toContain('Organization/o1');
  expect(r.keys).toContain('Practitioner/npi-9000000015');
});

test('hours and ZIPs', () => {
  const left: Left[] = [];
  expect(hours('Mon-Fri 8:00-17:00; Sunday 24h', 'hours', left)).toEqual([
    { daysOfWeek: ['mon', 'tue', 'wed', 'thu', 'fri'], openingTime: '08:00:00', closingTime: '17:00:00' },
    { daysOfWeek: ['sun'], allDay: true },
  ]);
  expect(left).toEqual([]);
  expect(['06103', '6103', '061031234', '06103-1234', '12', 'A1B 2C3'].map(zipDigits)).toEqual([
    '06103',
    '06103',
    '061031234',
    '061031234',
    undefined,
    undefined,
  ]);
  // a table program took the zero of nine digits, or somebody did
  expect(['61031234', '6103-1234', '501-1234', '610-31234', '6103 12345'].map(zipDigits)).toEqual([
    '061031234',
    '061031234',
    '005011234',
    undefined,
    '610312345',
  ]);
});

test('states are known by code and by name', async () => {
  const written = ['ct', 'Connecticut', 'NEW  YORK', 'D.C.', 'district of columbia', 'Puerto Rico'];
  const rows = written.map((state, i) => ({ ...ROW, state, city: `City ${i}` }));
  const { faults, resources } = await read([file('providers.csv', table(rows))]);
  expect(faults).toEqual([]);
  const states = [...resources.values()].flatMap((r) =>
    r.resourceType === 'Location' ? [(r['address'] as { state: string }).state] : [],
  );
  expect(states).toEqual(['CT', 'CT', 'NY', 'DC', 'DC', 'PR']);
});

const WEEK = ['mon', 'tue', 'wed', 'thu', 'fri'];
test.each([
  ['Mon-Fri 8-17', WEEK, '08:00:00', '17:00:00'],
  ['Monday to Friday 8am-5:30 PM', WEEK, '08:00:00', '17:30:00'],
  ['weekdays: 9 a.m. – 12 p.m.', WEEK, '09:00:00', '12:00:00'],
  ['Mon, Wed & Fri 9:00-11:00', ['mon', 'wed', 'fri'], '09:00:00', '11:00:00'],
  ['Mon-Tue, Sun 12am-12pm', ['mon', 'tue', 'sun'], '00:00:00', '12:00:00'],
  ['Sat 20:00-06:00', ['sat'], '20:00:00', '06:00:00'],
  ['Thu 08:00-24:00', ['thu'], '08:00:00', '23:59:00'],
])('hours: %s', (text, daysOfWeek, openingTime, closingTime) => {
  const left: Left[] = [];
  expect(hours(text, 'hours', left)).toEqual([{ daysOfWeek, openingTime, closingTime }]);
  expect(left).toEqual([]);
});

test('hours: what is closed is no opening, round the clock is all day', () => {
  const left: Left[] = [];
  expect(hours('Sun closed; daily 24 hours', 'hours', left)).toEqual([
    { daysOfWeek: [...WEEK, 'sat', 'sun'], allDay: true },
  ]);
  expect(left).toEqual([]);
});

test.each([
  'Fri-Mon 08:00-17:00',
  'Mon 25:00-26:00',
  'Mon 08:75-17:00',
  'Mon 13pm-5pm',
  'noon',
  // meant in two ways
  'Mon-Fri 8-5',
  'Mon-Fri 8:00-5:00',
  'Mon 8-11pm',
  'Mon 9am-9am',
  'Mon 13:00-13:00',
  'Mon 9-11',
  'Someday 9:00-17:00',
  'Mon 9:00-12:00-17:00',
])('hours that cannot be read, or in two ways: %s', (text) => {
  const left: Left[] = [];
  expect(hours(text, 'hours', left)).toEqual([]);
  expect(left).toEqual([{ column: 'hours', why: expect.stringContaining('Mon-Fri 08:00-17:00') }]);
});

test('a network may be called anything: both tables mean the same by it', async () => {
  const plans = file(
    'plans.csv',
    'plan_id,plan_name,product,metal,year,network,network_name,states\n' +
      'H1-1,Gold,mediadvhmo,,2027,"HMO Gold (Réseau Nº 1)",Gold Network,CT\nH1-2,Silver,mediadvhmo,,2027,HMO-Gold,Silver Network,CT\n',
  );
  const providers = file(
    'providers.csv',
    table([
      { ...ROW, networks: 'hmo  gold (réseau nº 1)' },
      { ...ROW, npi: '9000000023', networks: 'HMO-Gold' },
    ]),
  );
  const r = await read([plans, providers]);
  expect(r.faults).toEqual([]);
  expect(dangling(r.resources)).toEqual([]);
  expect(r.keys.filter((k) => k.startsWith('Organization/net-')).sort()).toEqual([
    'Organization/net-HMO-Gold',
    expect.stringMatching(/^Organization\/net-hmo-gold-reseau-no-1-[0-9a-f]{8}$/),
  ]);
});

test('a network whose name would part in the other table is refused', async () => {
  const r = await read([
    file(
      'plans.csv',
      'plan_id,plan_name,product,metal,year,network,network_name,states\nH1-1,Gold,mediadvhmo,,2027,HMO; Gold,Gold Network,CT\n',
    ),
  ]);
  expect(JSON.stringify(r.faults)).toContain('holds ; or |');
});

test.each(['constructor', 'toString', '__proto__'])('a cell that says %s has no meaning', async (word) => {
  const r = await read([
    file(
      'providers.csv',
      table([{ ...ROW, gender: word, accepting_new_patients: word, accessibility: word, languages: word }]),
    ),
  ]);
  expect(r.faults).toHaveLength(4);
  expect(r.faults.every((fault) => fault.includes('left-out'))).toBe(true);
});

test('languages by any English name', async () => {
  const r = await read([
    file('providers.csv', table([{ ...ROW, languages: 'Malayalam; Burmese; Cantonese; ASL; es-MX' }])),
  ]);
  expect(r.faults).toEqual([]);
  const practitioner = JSON.stringify(r.resources.get(`Practitioner/npi-${ROW.npi}`));
  for (const code of ['ml', 'my', 'yue', 'ase', 'es-MX']) expect(practitioner).toContain(`"code":"${code}"`);
});

const DATA = process.env['TEST_DATA_DIR'];
test.skipIf(DATA === undefined)('the sample of the QHP schema', async () => {
  const r = await read([
    join(DATA ?? '', 'data/plannet-qhp-sample/plans.json'),
    join(DATA ?? '', 'data/plannet-qhp-sample/providers.json'),
  ]);
  expect(r.findings).toEqual([]);
  expect(dangling(r.resources)).toEqual([]);
  // two of the three NPIs fail their check digit
  expect(r.faults.filter((f) => f.includes('npi is not an NPI'))).toHaveLength(2);
  expect(r.keys.filter((k) => /^(Practitioner|Organization\/org)/.test(k)).length).toBeGreaterThan(0);
});

describe('tables as spreadsheets and older programs write them', () => {
  const lines = (...rows: Record<string, string>[]): string[] => table(rows).trimEnd().split('\r\n');
  const names = (r: Awaited<ReturnType<typeof read>>): string[] =>
    r.keys.filter((k) => k.startsWith('Practitioner/')).map((k) => JSON.stringify(r.resources.get(k)));
  const one = { ...ROW, location_name: 'Clinic' };

  test.each([
    ['a mark and lines of Windows', `\ufeff${lines(one).join('\r\n')}\r\n`],
    ['lines of an old Macintosh', lines(one).join('\r')],
    ['tabs', lines(one).join('\n').replaceAll(',', '\t')],
    [
      'semicolons',
      lines({ ...one, networks: 'A|B' })
        .join('\n')
        .replaceAll(',', ';'),
    ],
    [
      'a line that says what separates',
      `sep=;\n${lines({ ...one, networks: 'A|B' })
        .join('\n')
        .replaceAll(',', ';')}`,
    ],
    [
      'columns in capitals, with spaces',
      lines(one).join('\n').replace('first_name', ' First Name').replace('npi', 'NPI'),
    ],
    [
      'quotes within a value',
      lines(one)
        .join('\n')
        .replace('Clinic', 'The "Good" Clinic')
        .replace('"The ""Good"" Clinic"', 'The "Good" Clinic'),
    ],
    ['UTF-16', Buffer.from(`\ufeff${lines(one).join('\n')}`, 'utf16le')],
    ['rows without a value', `${lines(one).join('\n')}\n,,,,\n\n`],
  ])('%s', async (_, content) => {
    const r = await read([file('providers.csv', content)]);
    expect([r.faults, names(r).length, r.findings]).toEqual([[], 1, []]);
  });

  test('letters of Windows-1252 are the letters that they are, compressed too', async () => {
    const bytes = Buffer.from(table([{ ...one, last_name: 'Muñoz' }]), 'latin1');
    for (const content of [bytes, gzipSync(bytes)])
      expect(names(await read([file('providers.csv', content)]))[0]).toContain('Muñoz');
  });

  test('a row that is short, has more values than columns, or quotes that do not fit, is refused alone', async () => {
    const [head = '', row = '', other = ''] = lines(one, { ...one, npi: '9000000023', last_name: 'Other' });
    const faults = async (...rows: string[]) => {
      const r = await read([file('providers.csv', [head, ...rows].join('\n'))]);
      return [names(r).length, r.faults.map((f) => f.slice(0, 40))];
    };
    expect(await faults('9000000015,person', other)).toEqual([1, [expect.stringContaining('invalid-row')]]);
    expect(await faults(`${row},Inc`, other)).toEqual([1, ['2 invalid-row: The row has more values t']]);
    expect(await faults(`${row},,`, other)).toEqual([2, []]);
    expect(await faults(row.replace('9000000015', '"9000000015'), other)).toEqual([
      1,
      ['2 cut-off: A quote begins in the row and'],
    ]);
    expect(
      await faults(row.replace('9000000015', '"9000000015'), other, `${row.replace('9000000015', '"9000000015"')}`),
    ).toEqual([2, ['2 invalid-row: A quote begins in the row']]);
  });

  test('a column that comes twice is told before anything is read', async () => {
    const content = lines(one)
      .map((l) => `${l},${l.split(',')[0] ?? ''}`)
      .join('\n');
    await expect(read([file('providers.csv', content)])).rejects.toThrow('has the column npi twice');
  });
});
