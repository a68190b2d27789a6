// The rest of the specification's test list, each through a whole reconciliation: what a unit becomes, what is noted, what
// is linked, and what a person is asked.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findPeer } from '../../../exchange/peers/peer.ts';
import { localId } from '../../../exchange/reconcile/local-id.ts';
import { replay } from '../../../exchange/reconcile/replay.ts';
import { findPull } from '../../../exchange/requester/pull.ts';
import { withCheckDigit } from '../../../src/fhir/npi.ts';
import { deletions, lab, OUR_BASE, output, PEER, PEER_BASE, reconciler } from './reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
beforeAll(async () => {
  node = await reconciler();
  await node.own(
    {
      resourceType: 'Patient',
      id: 'm1',
      birthDate: '1970-01-01',
      gender: 'female',
      name: [{ family: 'Lee', given: ['Ann'] }],
    },
    { resourceType: 'Patient', id: 'm2', birthDate: '1980-01-01' },
  );
  await node.sql`insert into exchange.peer (id, name, npi, state, fhir_base, origins, added_by)
    values ('third', 'Third', '9000000020', 'active', 'https://third.example/fhir', array['https://third.example'], 'test')`;
});
afterAll(() => node.close());

const ACT = 'http://terminology.hl7.org/CodeSystem/v3-ActCode';
const label = (code: string) => ({ meta: { lastUpdated: '2026-01-02T03:04:05Z', security: [{ system: ACT, code }] } });
const one = async (resource: object, type = 'Observation') => {
  const { id } = await node.pull([output(type, resource)], { since: new Date() });
  const findings = await node.sql<
    { kind: string }[]
  >`select kind from exchange.finding where pull_id = ${id} and kind not in ('count-missing', 'no-provenance') order by kind`;
  const [row = ''] = await node.ledger(id);
  return [row.replace(/ \w+\/.*/, ''), ...findings.map((f) => f.kind)].join(', ');
};
const stored = async (type: string, source: string, peer = PEER) => {
  const [row] = await node.sql<
    { body: Record<string, unknown>; deleted: boolean; label: number; claim: unknown; version: number }[]
  >`
    select body::jsonb as body, deleted, label, claim, version from exchange.resource where type = ${type} and id = ${localId(peer, type, source)}`;
  return row;
};
const links = async (type: string) =>
  (
    await node.sql<
      { a: string; b: string; kind: string }[]
    >`select a_id as a, b_id as b, kind from exchange.link where type = ${type}`
  ).map((l) => l);

const eob = (id: string, more: object = {}) => ({
  resourceType: 'ExplanationOfBenefit',
  id,
  meta: { lastUpdated: '2026-01-02T03:04:05Z' },
  status: 'active',
  use: 'claim',
  type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/claim-type', code: 'professional' }] },
  patient: { reference: 'Patient/p1' },
  created: '2026-01-01',
  insurer: { display: 'Prior' },
  provider: { reference: 'Organization/unknown' },
  outcome: 'complete',
  insurance: [{ focal: true, coverage: { display: 'x' } }],
  billablePeriod: { start: '2025-12-01', end: '2025-12-01' },
  ...more,
});
const uc = (value: string) => ({
  identifier: [{ type: { coding: [{ code: 'uc' }] }, system: 'https://p.example', value }],
});
const NPI = withCheckDigit('900000003');
const EXT = 'http://hl7.org/fhir/us/davinci-pdex/StructureDefinition';
const review = (code: string, when: string, number = 'AUTH1') => ({
  category: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/adjudication', code: 'submitted' }] },
  extension: [
    {
      url: `${EXT}/extension-reviewAction`,
      extension: [
        { url: 'number', valueString: number },
        {
          url: `${EXT}/extension-reviewActionCode`,
          valueCodeableConcept: { coding: [{ system: 'https://codesystem.x12.org/005010/306', code }] },
        },
      ],
    },
    { url: `${EXT}/base-ext-when-adjudicated`, valueDateTime: when },
  ],
});
const pa = (id: string, actions: [string, string][], more: object = {}) =>
  eob(id, {
    use: 'preauthorization',
    item: [
      {
        sequence: 1,
        productOrService: { coding: [{ system: 'http://www.ama-assn.org/go/cpt', code: '27447' }] },
        adjudication: actions.map(([c, w]) => review(c, w, id)),
      },
    ],
    ...more,
  });

describe('inbound checks', () => {
  const money = { value: 120, currency: 'USD' };
  test.each<[string, object, string, string?]>([
    ['R13 unknown provider of a claim', eob('r13'), 'created', 'ExplanationOfBenefit'],
    ['R44 denied', pa('r44', [['A3', '2026-01-01T00:00:00Z']]), 'quarantined denied-pa', 'ExplanationOfBenefit'],
    [
      'R47 J code',
      eob('r47', {
        use: 'preauthorization',
        item: [
          {
            sequence: 1,
            productOrService: {
              coding: [{ system: 'https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets', code: 'J0897' }],
            },
            adjudication: [review('A1', '2026-01-01T00:00:00Z')],
          },
        ],
      }),
      'quarantined drug-pa',
      'ExplanationOfBenefit',
    ],
    [
      'R48 amounts on an authorization',
      pa('r48', [['A1', '2026-01-01T00:00:00Z']], {
        total: [{ category: { coding: [{ code: 'submitted' }] }, amount: money }],
      }),
      'created, money-present',
      'ExplanationOfBenefit',
    ],
    [
      'R49 money in contained and in an extension',
      eob('r49', {
        contained: [
          {
            resourceType: 'Organization',
            id: 'c',
            name: 'x',
            extension: [{ url: 'http://x.example/fee', valueMoney: money }],
          },
        ],
        extension: [{ url: 'http://x.example/paid', valueMoney: money }],
      }),
      'created, money-present',
      'ExplanationOfBenefit',
    ],
    [
      'R50 money in the narrative',
      eob('r50', {
        text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">Paid $120.00</div>' },
      }),
      'created, money-present',
      'ExplanationOfBenefit',
    ],
    [
      'R50 money in the narrative, in other words',
      eob('r50b', {
        text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">You owe forty.</div>' },
      }),
      'created',
      'ExplanationOfBenefit',
    ],
    [
      'R46 one line denied, nothing said of the whole',
      eob('r46', {
        use: 'preauthorization',
        item: ['A1', 'A3'].map((code, i) => ({
          sequence: i + 1,
          productOrService: { coding: [{ system: 'https://x.example', code: `line-${code}` }] },
          adjudication: [review(code, '2026-01-01T00:00:00Z')],
        })),
      }),
      'created, denied-pa',
      'ExplanationOfBenefit',
    ],
    [
      'R51 cost to the beneficiary',
      {
        resourceType: 'Coverage',
        id: 'r51',
        status: 'active',
        beneficiary: { reference: 'Patient/p1' },
        payor: [{ display: 'x' }],
        costToBeneficiary: [{ valueMoney: money }],
      },
      'created, money-present',
      'Coverage',
    ],
    [
      'R52 a claim of 2018',
      eob('r52', { billablePeriod: { start: '2018-01-01', end: '2018-01-01' } }),
      'created, older-than-5y',
      'ExplanationOfBenefit',
    ],
    [
      'R69 modifierExtension',
      lab('r69', { modifierExtension: [{ url: 'http://x', valueBoolean: true }] }),
      'quarantined modifier-extension',
    ],
    ['implicit rules', lab('ir', { implicitRules: 'http://x.example' }), 'quarantined implicit-rules'],
    [
      'R70 script in the narrative',
      lab('r70', {
        text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml"><script>x</script></div>' },
      }),
      'created, narrative-dropped',
    ],
    [
      'a service in the future',
      lab('future', { effectiveDateTime: '2199-01-01T00:00:00Z' }),
      'created, implausible-date',
    ],
    [
      'a service before 1900',
      lab('past', { effectiveDateTime: '1880-01-01T00:00:00Z' }),
      'created, implausible-date, older-than-5y',
    ],
    [
      'a program as attachment',
      {
        resourceType: 'DocumentReference',
        id: 'exe',
        status: 'current',
        subject: { reference: 'Patient/p1' },
        content: [{ attachment: { contentType: 'application/pdf', data: 'TVqQAAMAAAAEAAAA' } }],
      },
      'created, attachment-unsafe',
      'DocumentReference',
    ],
    [
      'an attachment by address',
      {
        resourceType: 'DocumentReference',
        id: 'url',
        status: 'current',
        subject: { reference: 'Patient/p1' },
        content: [{ attachment: { contentType: 'application/pdf', url: 'https://elsewhere.example/a.pdf' } }],
      },
      'created',
      'DocumentReference',
    ],
    [
      'a code system that is none',
      lab('sys', { code: { coding: [{ system: 'LOCAL', code: 'x' }] } }),
      'created, terminology-unknown',
    ],
    ['entered in error and unknown', lab('eie', { status: 'entered-in-error' }), 'retracted entered-in-error'],
  ])('%s', async (_, resource, expected, type = 'Observation') => expect(await one(resource, type)).toBe(expected));

  test('a large document stays in a record of which money is taken out', async () => {
    const data = Buffer.alloc(100_000, 'x').toString('base64');
    const letter = {
      resourceType: 'DocumentReference',
      id: 'paid',
      status: 'current',
      subject: { reference: 'Patient/p1' },
      extension: [{ url: 'https://prior.example/paid', valueMoney: { value: 12, currency: 'USD' } }],
      content: [{ attachment: { contentType: 'text/plain', data } }],
    };
    expect(await one(letter, 'DocumentReference')).toBe('created, money-present');
    const body = JSON.stringify((await stored('DocumentReference', 'paid'))?.body);
    expect([body.includes(data), body.includes('currency')]).toEqual([true, false]);
  });

  test('what a check takes out is not stored', async () => {
    expect(JSON.stringify((await stored('ExplanationOfBenefit', 'r49'))?.body)).not.toMatch(/120|USD/);
    expect((await stored('ExplanationOfBenefit', 'r50'))?.body).not.toHaveProperty('text');
    expect((await stored('ExplanationOfBenefit', 'r50b'))?.body).not.toHaveProperty('text');
    const lines = JSON.stringify((await stored('ExplanationOfBenefit', 'r46'))?.body);
    expect([lines.includes('line-A1'), lines.includes('line-A3')]).toEqual([true, false]);
    expect((await stored('Observation', 'r70'))?.body).not.toHaveProperty('text');
    expect(JSON.stringify((await stored('DocumentReference', 'exe'))?.body)).not.toContain('TVqQ');
    expect(JSON.stringify((await stored('ExplanationOfBenefit', 'r48'))?.body)).toContain('A1');
    // an address stays with the record as its source, and is not in the form that leaves
    expect(JSON.stringify((await stored('DocumentReference', 'url'))?.body)).toContain('elsewhere.example');
    const [row] =
      await node.sql`select shared from exchange.resource where type = 'DocumentReference' and shared like '%data-absent-reason%'`;
    expect(row?.['shared']).not.toContain('elsewhere.example');
  });

  test('R45: denied, then overturned and sent again, is released; its item is gone', async () => {
    const overturned = {
      ...pa('r44', [
        ['A3', '2026-01-01T00:00:00Z'],
        ['A1', '2026-02-01T00:00:00Z'],
      ]),
      meta: { lastUpdated: '2026-02-01T00:00:00Z' },
    };
    const before = await node.sql`select state from exchange.review_item where kind = 'denied-pa' and state = 'open'`;
    expect(await one(overturned, 'ExplanationOfBenefit')).toMatch(/^(created|linked-duplicate)/);
    expect(await node.sql`select from exchange.review_item where kind = 'denied-pa' and state = 'open'`).toHaveLength(
      before.length - 1,
    );
  });

  test('a held record that comes again unchanged is no second item', async () => {
    const items = () => node.sql`select id from exchange.review_item where kind = 'modifier-extension'`;
    const before = (await items()).length;
    expect(await one(lab('r69', { modifierExtension: [{ url: 'http://x', valueBoolean: true }] }))).toBe(
      'quarantined modifier-extension',
    );
    expect(await items()).toHaveLength(before);
  });

  test('R72: two members under one Patient of the peer: nothing of it is taken in', async () => {
    const { id } = await node.pull([output('Observation', lab('r72'))], {
      members: [
        ['p1', 'm1'],
        ['p1', 'm2'],
      ],
    });
    expect(await node.ledger(id)).toEqual(['quarantined wrong-patient Observation/r72']);
    expect(await node.sql`select from exchange.finding where pull_id = ${id} and kind = 'identity-doubt'`).toHaveLength(
      1,
    );
    const [found, by] = [await findPull(node.sql, id), await findPeer(node.sql, PEER)];
    if (!found || !by) throw new Error('no pull');
    const { units } = await replay(node.deps, {
      pull: found,
      peer: by,
      by: { kind: 'command', name: 'test' },
      cause: 'replay',
      dryRun: true,
    });
    expect(units.filter((u) => u.sourceId?.startsWith('sv'))).toEqual([]);
  });

  test('R73, R11: two Patients of one member, and two members of one batch', async () => {
    await node.pull(
      [
        output(
          'Observation',
          lab('r73a'),
          lab('r73b', { subject: { reference: 'Patient/p9' } }),
          lab('r11', { subject: { reference: 'Patient/p2' } }),
        ),
      ],
      {
        members: [
          ['p1', 'm1'],
          ['p9', 'm1'],
          ['p2', 'm2'],
        ],
      },
    );
    const rows =
      await node.sql`select source_id as s, member_id as m from exchange.resource where source_id in ('r73a', 'r73b', 'r11') order by 1`;
    expect([...rows]).toEqual([
      { s: 'r11', m: 'm2' },
      { s: 'r73a', m: 'm1' },
      { s: 'r73b', m: 'm1' },
    ]);
  });
});

describe('sensitive', () => {
  test('R05, R54: a label that is added is a new version; Part 2 without its notice is noted', async () => {
    const open = await reconciler('sensitive');
    try {
      await open.pull([output('Observation', lab('r05'))]);
      const { id } = await open.pull([
        output('Observation', lab('r05', label('PSY')), lab('r54', label('42CFRPart2'))),
      ]);
      expect(await open.ledger(id)).toEqual(['updated Observation/r05', 'created Observation/r54']);
      const rows =
        await open.sql`select source_id as s, label from exchange.resource where source_id in ('r05', 'r54') order by 1`;
      expect([...rows]).toEqual([
        { s: 'r05', label: 1 },
        { s: 'r54', label: 2 },
      ]);
      expect(await open.sql`select from exchange.finding where kind = 'part2-no-notice'`).toHaveLength(1);
    } finally {
      await open.close();
    }
  });
});

describe('what hangs together', () => {
  test('R14: a visit that comes later is led to, without a new version', async () => {
    await node.pull(
      [
        output(
          'Observation',
          lab('r14', { effectiveDateTime: '2026-03-01T08:00:00Z', encounter: { reference: 'Encounter/e14' } }),
        ),
      ],
      { since: new Date() },
    );
    expect((await stored('Observation', 'r14'))?.body['encounter']).toEqual({
      identifier: { system: `${PEER_BASE}/Encounter`, value: 'e14' },
    });
    expect(await node.sql`select from exchange.finding where kind = 'dangling-soft'`).not.toHaveLength(0);
    await node.pull(
      [
        output('Encounter', {
          resourceType: 'Encounter',
          id: 'e14',
          status: 'finished',
          class: { code: 'AMB' },
          subject: { reference: 'Patient/p1' },
        }),
      ],
      { since: new Date() },
    );
    const row = await stored('Observation', 'r14');
    expect(row?.body['encounter']).toEqual({ reference: `Encounter/${localId(PEER, 'Encounter', 'e14')}` });
    expect(row?.version).toBe(1);
    expect(await node.sql`select from exchange.dangling where target_id = 'e14'`).toHaveLength(0);
  });

  test('a Provenance whose record comes later is taken in by itself', async () => {
    const provenance = {
      resourceType: 'Provenance',
      id: 'late-p',
      target: [{ reference: 'Observation/late-o' }],
      recorded: '2026-01-01T00:00:00Z',
      agent: [{ who: { display: 'x' } }],
    };
    const first = await node.pull([output('Provenance', provenance)], { since: new Date() });
    expect(await node.ledger(first.id)).toEqual(['quarantined dangling-reference Provenance/late-p']);
    await node.pull([output('Observation', lab('late-o', { effectiveDateTime: '2026-03-02T08:00:00Z' }))], {
      since: new Date(),
    });
    const [row] =
      await node.sql`select targets from exchange.resource where id = ${localId(PEER, 'Provenance', 'late-p')} and not deleted`;
    expect(row?.['targets']).toEqual([`Observation/${localId(PEER, 'Observation', 'late-o')}`]);
    const [revision] =
      await node.sql`select outcome_before, outcome, cause from exchange.unit_revision where pull_id = ${first.id}`;
    expect(revision).toEqual({ outcome_before: 'quarantined', outcome: 'created', cause: 'arrival' });
  });

  test('a claim that names another person’s claim as a version of itself: both are held', async () => {
    const prior = (value: string) => ({
      related: [{ relationship: { coding: [{ code: 'prior' }] }, reference: { system: 'https://p.example', value } }],
    });
    const of = (person: string) => ({ patient: { reference: `Patient/${person}` } });
    const { id, state } = await node.pull(
      [
        output(
          'ExplanationOfBenefit',
          eob('sv1', { ...uc('SV-1'), ...of('p1') }),
          eob('sv2', { ...uc('SV-2'), ...of('p2'), ...prior('SV-1') }),
          // a number of both: no contradiction
          eob('sv3', { ...uc('SV-3'), ...of('p1') }),
          eob('sv4', { ...uc('SV-3'), ...of('p2') }),
          eob('sv5', { ...uc('SV-5'), ...of('p2'), ...prior('SV-3') }),
        ),
      ],
      { since: new Date() },
    );
    expect(state).toBe('done');
    expect(await node.ledger(id)).toEqual([
      'quarantined patient-change ExplanationOfBenefit/sv1',
      'quarantined patient-change ExplanationOfBenefit/sv2',
      ...[3, 4, 5].map((n) => `created ExplanationOfBenefit/sv${n}`),
    ]);
    expect(await node.sql`select from exchange.finding where pull_id = ${id} and kind = 'identity-doubt'`).toHaveLength(
      2,
    );
  });

  test('more records of one key than can be compared are not, and that is on the report', async () => {
    const node = await reconciler('sensitive');
    try {
      const condition = (id: string, patient: string) => ({
        resourceType: 'Condition',
        id,
        subject: { reference: `Patient/${patient}` },
        code: { coding: [{ system: 'http://snomed.info/sct', code: '44054006' }] },
      });
      const claimed = (i: number) => ({
        resourceType: 'ExplanationOfBenefit',
        id: `c${i}`,
        status: 'active',
        use: 'claim',
        outcome: 'complete',
        created: '2025-05-01',
        patient: { reference: 'Patient/p1' },
        type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/claim-type', code: 'pharmacy' }] },
        insurer: { display: 'x' },
        provider: { display: 'y' },
        insurance: [{ focal: true, coverage: { display: 'z' } }],
        identifier: [{ system: 'https://n.example', value: `c${i}` }],
        item: [{ sequence: 1, servicedDate: '2025-05-01', productOrService: { coding: [NDC] } }],
      });
      const NDC = { system: 'http://hl7.org/fhir/sid/ndc', code: '00006-0272-31' };
      const dispensed = (i: number) => ({
        resourceType: 'MedicationDispense',
        id: `f${i}`,
        status: 'completed',
        subject: { reference: 'Patient/p1' },
        whenHandedOver: '2025-05-01',
        medicationCodeableConcept: { coding: [NDC] },
      });
      const n = (length: number, of: (i: number) => object) => Array.from({ length }, (_, i) => of(i));
      await node.own({ resourceType: 'Patient', id: 'm1' }, ...n(320, (i) => condition(`own${i}`, 'm1')));
      const { id, state } = await node.pull([
        output('Condition', ...n(320, (i) => condition(`x${i}`, 'p1'))),
        output('ExplanationOfBenefit', ...n(320, claimed)),
        output('MedicationDispense', ...n(320, dispensed)),
      ]);
      expect(state).toBe('done');
      const found = await node.sql`
        select type, sum(amount)::int as n from exchange.finding where pull_id = ${id} and kind = 'large-cluster' group by type order by type`;
      expect(found.map((f) => [f['type'], f['n']])).toEqual([
        ['Condition', 1],
        ['ExplanationOfBenefit', 1],
      ]);
      expect(await node.sql`select from exchange.link where type <> 'Patient'`).toHaveLength(0);
      // a replay notes nothing twice
      const [pull, peer] = [await findPull(node.sql, id), await findPeer(node.sql, PEER)];
      if (!pull || !peer) throw new Error('no pull');
      await replay(node.deps, { pull, peer, by: { kind: 'command', name: 'test' }, cause: 'replay' });
      expect(
        await node.sql`select from exchange.finding where pull_id = ${id} and kind = 'large-cluster'`,
      ).toHaveLength(2);
    } finally {
      await node.close();
    }
  });

  test('R33, R34: a chain over three pulls closes its gap', async () => {
    const related = (code: string, value: string) => ({
      relationship: { coding: [{ code }] },
      reference: { system: 'https://p.example', value },
    });
    const chain = async () =>
      (
        await node.sql<{ state: string; nodes: { number: string; final: boolean }[]; anomalies: { code: string }[] }[]>`
      select state, nodes, anomalies from exchange.chain where member_id = 'm1' and nodes::text like '%CL-%'`
      ).map((c) =>
        `${c.state} ${c.nodes.map((n) => n.number).join('>')} ${c.anomalies.map((a) => a.code).join()}`.trim(),
      );
    const first = eob('cl1', { ...uc('CL-1'), status: 'cancelled', related: [related('replacedby', 'CL-2')] });
    const last = eob('cl3', { ...uc('CL-3'), related: [related('prior', 'CL-2')] });
    await node.pull([output('ExplanationOfBenefit', last)], { since: new Date() });
    await node.pull([output('ExplanationOfBenefit', first)], { since: new Date() });
    expect(await chain()).toEqual(['final CL-1>CL-3 gap,gap']);
    expect(
      await node.sql`select from exchange.finding where kind = 'chain-anomaly' and detail like 'gap%'`,
    ).toHaveLength(2);
    await node.pull(
      [
        output(
          'ExplanationOfBenefit',
          eob('cl2', {
            ...uc('CL-2'),
            status: 'cancelled',
            related: [related('prior', 'CL-1'), related('replacedby', 'CL-3')],
          }),
        ),
      ],
      { since: new Date() },
    );
    expect(await chain()).toEqual(['final CL-1>CL-2>CL-3']);
    expect(
      await node.sql`select from exchange.review_item where kind = 'chain-anomaly' and state = 'open' and detail like 'no-final%'`,
    ).toHaveLength(0);
  });

  test('copies of one claim whose insurer is named in words alone are one version', async () => {
    const at = { created: '2026-02-01', billablePeriod: { start: '2026-01-20', end: '2026-01-20' } };
    await node.own(
      eob('own-cw', {
        ...uc('CW-1'),
        ...at,
        patient: { reference: 'Patient/m1' },
        insurer: { display: 'State  Plan' },
      }),
    );
    const named = eob('cw', { ...uc(' CW-1'), ...at, status: 'cancelled', insurer: { display: 'STATE PLAN' } });
    await node.pull([output('ExplanationOfBenefit', named)], { since: new Date() });
    const found = await node.sql<{ state: string; ids: string[]; codes: string[] }[]>`
      select state, nodes->0->'ids' as ids, jsonb_path_query_array(anomalies, '$[*].code') as codes from exchange.chain where nodes::text like '%CW-1%'`;
    expect(found.map((c) => [c.state, c.ids.length, c.codes])).toEqual([['void', 2, ['copies-differ']]]);
  });

  test('R42, R43: the pend comes after the approval and is older: one authorization with both states', async () => {
    const at = (t: string, ...actions: [string, string][]) => ({
      ...pa('r42', actions, { identifier: [{ system: 'https://p.example/a', value: 'PA42' }] }),
      meta: { lastUpdated: t },
    });
    await node.pull([output('ExplanationOfBenefit', at('2026-02-05T00:00:00Z', ['A1', '2026-02-05T00:00:00Z']))], {
      since: new Date(),
    });
    const { id } = await node.pull(
      [output('ExplanationOfBenefit', at('2026-02-01T00:00:00Z', ['A4', '2026-02-01T00:00:00Z']))],
      { since: new Date() },
    );
    expect(await node.ledger(id)).toEqual(['unchanged stale-version ExplanationOfBenefit/r42']);
    const [chain] = await node.sql<
      { facts: { state: string; history: { code: string }[] } }[]
    >`select facts from exchange.chain where kind = 'authorization' and facts::text like '%PA42%'`;
    expect(chain?.facts.state).toBe('approved');
    expect(chain?.facts.history.map((h) => h.code)).toEqual(['A4', 'A1']);
  });

  test('R79, R80: an NPI with a wrong check digit links nothing; a new name under one NPI is one entry', async () => {
    const org = (id: string, npi: string, name: string, t = '2026-01-01T00:00:00Z') => ({
      resourceType: 'Organization',
      id,
      meta: { lastUpdated: t },
      active: true,
      name,
      identifier: [{ system: 'http://hl7.org/fhir/sid/us-npi', value: npi }],
    });
    await node.own(org('our-org', NPI, 'Clinic'));
    const { id } = await node.pull(
      [
        output(
          'Organization',
          org('o79', `${NPI.slice(0, 9)}${(Number(NPI[9]) + 1) % 10}`, 'Clinic'),
          org('o80', NPI, 'New name'),
        ),
      ],
      { since: new Date() },
    );
    const rows = await node.ledger(id);
    expect(rows[0]).toBe('created Organization/o79');
    expect(rows[1]).toMatch(/^(shared|created) Organization\/o80/);
    expect(await node.sql`select from exchange.shared_resource where npi = ${NPI} and not deleted`).toHaveLength(1);
    expect(
      (await node.sql`select body::jsonb ->> 'name' as name from exchange.shared_resource where id = 'our-org'`)[0],
    ).toEqual({ name: 'Clinic' });
  });
});

describe('our own records coming back', () => {
  const mine = (id: string, more: object = {}) => ({
    ...lab(id, {
      subject: { reference: 'Patient/m1' },
      effectiveDateTime: '2026-04-01T08:00:00Z',
      identifier: [{ system: 'https://lab.example', value: id }],
      performer: [{ reference: 'Organization/our-org' }],
      ...more,
    }),
  });
  const theirs = (id: string, of: string, more: object = {}) =>
    lab(id, {
      effectiveDateTime: '2026-04-01T08:00:00Z',
      identifier: [{ system: 'https://lab.example', value: of }],
      performer: [{ reference: 'Organization/x1' }],
      ...more,
    });
  beforeAll(async () => {
    await node.own(
      mine('w1'),
      mine('w2', { valueQuantity: { value: 2, code: 'g/dL' } }),
      mine('w3', { valueQuantity: { value: 3, code: 'g/dL' } }),
    );
    await node.sql`insert into exchange.bulk_job (id, kind, peer_id, state, request_url, parameters, received_at, due_at) values ('job1', 'export', 'third', 'complete', 'x', '{}', now(), now())`;
    await node.sql`insert into exchange.delivered (peer_id, member_id, job_id, policy, consent_id, types, keys)
      values ('third', 'm1', 'job1', 'regular', 'c', '{}', array[hashtextextended('Observation/w1', 0), hashtextextended('Observation/w2', 0)])`;
  });

  test('R56: through a third payer, with ids and references of its own: an echo', async () => {
    const { id } = await node.pull([output('Observation', theirs('e1', 'w1'))], { peer: PEER, since: new Date() });
    expect(await node.ledger(id)).toEqual(['echo Observation/e1']);
    expect(await stored('Observation', 'e1')).toBeUndefined();
  });

  test('R57: disclosed and edited: linked, noted, ours not touched, and an item for a person', async () => {
    const { id } = await node.pull(
      [
        output(
          'Observation',
          theirs('e2', 'w2', { valueQuantity: { value: 2, code: 'g/dL' }, note: [{ text: 'edited' }] }),
        ),
      ],
      { since: new Date() },
    );
    expect(await node.ledger(id)).toEqual(['linked-duplicate Observation/e2']);
    expect(await node.sql`select from exchange.finding where pull_id = ${id} and kind = 'echo-modified'`).toHaveLength(
      1,
    );
    expect(
      await node.sql`select from exchange.review_item where kind = 'echo-modified' and state = 'open' and a_id = 'w2'`,
    ).toHaveLength(1);
  });

  test('R19: never disclosed and the same: a duplicate, no echo', async () => {
    const { id } = await node.pull(
      [output('Observation', theirs('e3', 'w3', { valueQuantity: { value: 3, code: 'g/dL' } }))],
      { since: new Date() },
    );
    expect(await node.ledger(id)).toEqual(['linked-duplicate Observation/e3']);
    expect(await node.sql`select from exchange.finding where pull_id = ${id} and kind = 'echo-modified'`).toHaveLength(
      0,
    );
  });

  test('an echo that names our record and differs is no echo', async () => {
    const { id } = await node.pull(
      [
        output(
          'Observation',
          lab('e4', {
            meta: { source: `${OUR_BASE}/Observation/w3` },
            valueQuantity: { value: 9, code: 'g/dL' },
            effectiveDateTime: '2026-04-02T08:00:00Z',
          }),
        ),
      ],
      { since: new Date() },
    );
    expect(await node.ledger(id)).toEqual(['linked-duplicate Observation/e4']);
    expect(await node.sql`select from exchange.finding where pull_id = ${id} and kind = 'echo-modified'`).toHaveLength(
      1,
    );
  });

  test('what another payer reported, and we passed on, comes back as a copy of ours: an echo; changed it is linked, and is no contradiction of ours', async () => {
    const told = (id: string, value: number, more: object = {}) =>
      lab(id, { effectiveDateTime: '2026-04-05T08:00:00Z', valueQuantity: { value, code: 'g/dL' }, ...more });
    await node.pull([output('Observation', told('t1', 1), told('t2', 2))], { peer: 'third', since: new Date() });
    const copy = (id: string, of: string, value: number, more: object = {}) =>
      told(id, value, { meta: { source: `${OUR_BASE}/Observation/${localId('third', 'Observation', of)}` }, ...more });
    const moved = { effectiveDateTime: '2026-04-06T08:00:00Z' };
    const files = [output('Observation', copy('e5', 't1', 1), copy('e6', 't2', 9, moved), told('e7', 1))];
    const { id } = await node.pull(files, { since: new Date() });
    // who names nothing of ours may tell of another event: linked, not left out
    expect(await node.ledger(id)).toEqual([
      'echo Observation/e5',
      'linked-duplicate Observation/e6',
      'linked-duplicate Observation/e7',
    ]);
    expect(await stored('Observation', 'e5')).toBeUndefined();
    expect(await node.sql`select from exchange.finding where pull_id = ${id} and kind = 'echo-modified'`).toEqual([]);
    const again = await node.pull(files, { since: new Date() });
    expect((await node.ledger(again.id)).map((l) => l.split(' ')[0])).toEqual(['echo', 'unchanged', 'unchanged']);
    // what the payer takes back of its copy is not ours to hide
    const back = await node.pull([deletions('Observation/e5')], { since: new Date() });
    expect(await node.ledger(back.id)).toEqual(['retracted deleted-at-source Observation/e5']);
    const [kept] = await node.sql`
      select deleted from exchange.resource where type = 'Observation' and id = ${localId('third', 'Observation', 't1')}`;
    expect(kept).toEqual({ deleted: false });
  });

  test('what another payer reported and we passed on comes back by a third one, whose statements say that we transmitted it: an echo', async () => {
    const told = (id: string) => lab(id, { effectiveDateTime: '2026-04-08T08:00:00Z', note: [{ text: 'round' }] });
    await node.pull([output('Observation', told('t12'))], { peer: 'third', since: new Date() });
    // names whom it had it from, who had it from us
    const source = (id: string) => ({
      ...told(id),
      meta: { source: `https://another.example/fhir/Observation/${id}` },
    });
    const transmitter = (id: string, target: string, npi: string) => ({
      resourceType: 'Provenance',
      id,
      target: [{ reference: `Observation/${target}` }],
      recorded: '2026-04-09T00:00:00Z',
      agent: [
        {
          type: {
            coding: [
              {
                system: 'http://hl7.org/fhir/us/core/CodeSystem/us-core-provenance-participant-type',
                code: 'transmitter',
              },
            ],
          },
          who: { identifier: { system: 'http://hl7.org/fhir/sid/us-npi', value: npi } },
        },
      ],
    });
    const { id } = await node.pull(
      [
        output('Observation', source('e13'), source('e14')),
        output('Provenance', transmitter('v13', 'e13', '9000000004'), transmitter('v14', 'e14', '9000000020')),
      ],
      { since: new Date() },
    );
    const ledger = await node.ledger(id);
    expect(ledger[0]).toBe('echo Observation/e13');
    // what another person transmitted may be another one
    expect(ledger[1]).toMatch(/^(created|linked-duplicate) Observation\/e14$/);
  });

  test('what was ours before it was changed, and comes back as a copy, is an echo: no contradiction of what it is today', async () => {
    const at = { effectiveDateTime: '2026-04-07T08:00:00Z' };
    const claim = (id: string, status: string, more: object = {}) =>
      eob(id, { ...uc('OLD-1'), status, created: '2026-04-07', ...more });
    const paid = {
      payment: { type: { text: 'complete' }, date: '2026-04-08', amount: { value: 12.5, currency: 'USD' } },
    };
    const own = (value: number, status: string, day: string) =>
      node.own(
        mine('w9', { ...at, valueQuantity: { value, code: 'g/dL' } }),
        claim('own-old', status, { patient: { reference: 'Patient/m1' }, ...paid, created: day }),
      );
    await own(5, 'active', '2026-04-07');
    await own(6, 'active', '2026-04-17');
    await own(7, 'cancelled', '2026-04-27');
    const told = (value: number, day: string) =>
      lab('t9', { ...at, meta: { lastUpdated: `${day}T00:00:00Z` }, valueQuantity: { value, code: 'g/dL' } });
    await node.pull([output('Observation', told(1, '2026-01-02'))], { peer: 'third', since: new Date() });
    await node.pull([output('Observation', told(2, '2026-01-03'))], { peer: 'third', since: new Date() });
    const of = (type: string, id: string) => ({ meta: { source: `${OUR_BASE}/${type}/${id}` } });
    const { amount: _, ...unpaid } = paid.payment;
    const { id } = await node.pull(
      [
        output(
          'Observation',
          theirs('e9', 'w9', { ...at, ...of('Observation', 'w9'), valueQuantity: { value: 5, code: 'g/dL' } }),
          { ...told(1, '2026-01-02'), id: 'e10', ...of('Observation', localId('third', 'Observation', 't9')) },
          theirs('e11', 'w9', { ...at, ...of('Observation', 'w9'), valueQuantity: { value: 9, code: 'g/dL' } }),
        ),
        output(
          'ExplanationOfBenefit',
          claim('e12', 'active', { payment: unpaid, ...of('ExplanationOfBenefit', 'own-old') }),
        ),
      ],
      { since: new Date() },
    );
    expect(await node.ledger(id)).toEqual([
      'echo Observation/e9',
      'echo Observation/e10',
      expect.stringMatching(/^(created|linked-duplicate) Observation\/e11$/),
      'echo ExplanationOfBenefit/e12',
    ]);
    const items = await node.sql<{ kind: string }[]>`
      select kind from exchange.review_item where state = 'open' and pull_id = ${id} order by kind`;
    // what was never ours is
    expect(items.map((i) => i.kind)).toEqual(['echo-modified', 'value-mismatch']);
  });

  test('our records that are imported after theirs are linked with them too', async () => {
    await node.pull([output('Observation', lab('first', { effectiveDateTime: '2026-04-09T08:00:00Z' }))], {
      since: new Date(),
    });
    await node.own(lab('second', { subject: { reference: 'Patient/m1' }, effectiveDateTime: '2026-04-09T08:00:00Z' }));
    const theirId = localId(PEER, 'Observation', 'first');
    expect((await links('Observation')).filter((l) => [l.a, l.b].includes(theirId))).toEqual([
      { a: [theirId, 'second'].sort()[0], b: [theirId, 'second'].sort()[1], kind: 'same-event' },
    ]);
  });
});

describe('contradictions', () => {
  const at = '2026-05-01T08:00:00Z';
  test('R20: both values stay visible, one item; the same again opens nothing; another version opens it again', async () => {
    await node.own(
      lab('c-own', {
        subject: { reference: 'Patient/m1' },
        effectiveDateTime: at,
        valueQuantity: { value: 5.4, code: 'g/dL' },
      }),
    );
    const theirs = (value: number, t: string) =>
      lab('c1', { meta: { lastUpdated: t }, effectiveDateTime: at, valueQuantity: { value, code: 'g/dL' } });
    const { id } = await node.pull([output('Observation', theirs(5.9, '2026-01-01T00:00:00Z'))], { since: new Date() });
    expect(await node.ledger(id)).toEqual(['created Observation/c1']);
    const item = async () =>
      (
        await node.sql`select id, state, decision, reopened, weight from exchange.review_item where kind = 'value-mismatch' and a_id = 'c-own'`
      )[0];
    expect(await item()).toMatchObject({ state: 'open', weight: 2, reopened: 0 });
    await node.sql`update exchange.review_item set state = 'decided', decision = 'keep-both' where id = ${String((await item())?.['id'])}`;
    await node.pull([output('Observation', theirs(5.9, '2026-01-09T00:00:00Z'))], { since: new Date() });
    expect(await item()).toMatchObject({ state: 'decided' });
    await node.pull([output('Observation', theirs(6.1, '2026-02-01T00:00:00Z'))], { since: new Date() });
    expect(await item()).toMatchObject({ state: 'open', decision: null, reopened: 1 });
    await node.pull([output('Observation', theirs(5.4, '2026-03-01T00:00:00Z'))], { since: new Date() });
    expect(await item()).toMatchObject({ state: 'gone' });
  });

  test('a person with another birth date is a doubt of the highest weight; ours stays', async () => {
    await node.pull(
      [
        output('Patient', {
          resourceType: 'Patient',
          id: 'p1',
          birthDate: '1971-01-01',
          gender: 'female',
          name: [{ family: 'Lee', given: ['Ann'] }],
        }),
      ],
      { since: new Date() },
    );
    const [item] =
      await node.sql`select weight, detail from exchange.review_item where kind = 'identity-doubt' and member_id = 'm1'`;
    expect(item).toEqual({ weight: 3, detail: 'birthDate' });
    const [ours] =
      await node.sql`select body::jsonb ->> 'birthDate' as birth from exchange.resource where type = 'Patient' and id = 'm1'`;
    expect(ours?.['birth']).toBe('1970-01-01');
    // ours changes otherwise: the doubt stays. Ours is corrected: it is gone
    const state = async () =>
      (await node.sql`select state from exchange.review_item where kind = 'identity-doubt' and member_id = 'm1'`)[0]?.[
        'state'
      ];
    const mine = (birthDate: string) => ({
      resourceType: 'Patient',
      id: 'm1',
      birthDate,
      gender: 'female',
      name: [{ family: 'Lee', given: ['Ann', 'B'] }],
    });
    await node.own(mine('1970-01-01'));
    expect(await state()).toBe('open');
    await node.own(mine('1971-01-01'));
    expect(await state()).toBe('gone');
  });
});

test('R18: a peer that renumbers its records doubles nothing', async () => {
  const other = await reconciler();
  try {
    const records = (prefix: string) =>
      [1, 2, 3, 4].map((n) =>
        lab(`${prefix}${n}`, {
          effectiveDateTime: `2026-06-0${n}T08:00:00Z`,
          encounter: { reference: `Encounter/${prefix}e` },
        }),
      );
    await other.pull([output('Observation', ...records('a'))]);
    const { id } = await other.pull([output('Observation', ...records('b'))]);
    expect(await other.ledger(id)).toEqual([1, 2, 3, 4].map((n) => `unchanged Observation/b${n}`));
    expect(await other.sql`select from exchange.resource where origin = ${PEER} and type = 'Observation'`).toHaveLength(
      4,
    );
    const [finding] = await other.sql`select kind, amount from exchange.finding where kind = 'peer-rekey'`;
    expect(finding).toEqual({ kind: 'peer-rekey', amount: 4 });
    const changed = lab('b1', {
      meta: { lastUpdated: '2026-07-01T00:00:00Z' },
      effectiveDateTime: '2026-06-01T08:00:00Z',
      valueQuantity: { value: 1, code: 'g/dL' },
    });
    const next = await other.pull([output('Observation', changed)], { since: new Date() });
    expect(await other.ledger(next.id)).toEqual(['updated Observation/b1']);
    const [row] =
      await other.sql`select version from exchange.resource where id = ${localId(PEER, 'Observation', 'a1')}`;
    expect(row?.['version']).toBe(2);
  } finally {
    await other.close();
  }
});

test('a version that bears a time ahead of now does not outlive those that come later', async () => {
  const version = (value: number, lastUpdated: string) =>
    node.pull([output('Observation', lab('ahead', { meta: { lastUpdated }, valueQuantity: { value } }))], {
      since: new Date(),
    });
  const first = await version(1, '9999-12-31T00:00:00Z');
  const second = await version(2, '2026-06-01T00:00:00Z');
  expect([await node.ledger(first.id), await node.ledger(second.id)]).toEqual([
    ['created Observation/ahead'],
    ['updated Observation/ahead'],
  ]);
  const noted = await node.sql`select kind from exchange.finding where pull_id in (${first.id}, ${second.id})`;
  expect(noted.map((n) => n['kind'])).toContain('implausible-date');
});

test('a record that was one member’s and is said to be another’s is held, again and again; the one we have stays', async () => {
  const of = (patient: string, value: number) =>
    output(
      'Observation',
      lab('moved', {
        subject: { reference: `Patient/${patient}` },
        valueQuantity: { value },
        meta: { lastUpdated: `2026-03-0${value}T00:00:00Z` },
      }),
    );
  await node.pull([of('p1', 1)], { since: new Date() });
  for (const value of [2, 3]) {
    const { id, state } = await node.pull([of('p2', value)], { since: new Date() });
    expect([state, ...(await node.ledger(id))]).toEqual(['done', 'quarantined patient-change Observation/moved']);
  }
  const held = await node.sql`
    select r.member_id, r.version, i.kind, i.state, i.member_id as to
    from exchange.resource r cross join exchange.review_item i where r.source_id = 'moved' and i.kind = 'patient-change' and i.type = 'Observation'`;
  expect(held).toEqual([{ member_id: 'm1', version: 1, kind: 'patient-change', state: 'open', to: 'm2' }]);
  // said to be of the first again, it goes on
  const { id } = await node.pull([of('p1', 4)], { since: new Date() });
  expect(await node.ledger(id)).toEqual(['updated Observation/moved']);
});

test('R58: the deletion of a Patient hides nothing and is a doubt', async () => {
  const { id } = await node.pull([deletions('Patient/p1')], { since: new Date() });
  expect(await node.ledger(id)).toEqual(['unchanged patient-change Patient/p1']);
  expect(await node.sql`select from exchange.finding where pull_id = ${id} and kind = 'identity-doubt'`).toHaveLength(
    1,
  );
});

test('the deletion of a Patient whom we never matched is no member’s doubt, and leaves the way free for a match', async () => {
  const doubts = async (id: string) =>
    (await node.sql`select from exchange.finding where pull_id = ${id} and kind = 'identity-doubt'`).length;
  for (const became of ['retracted deleted-at-source', 'unchanged already-retracted']) {
    const { id, state } = await node.pull([deletions('Patient/stranger')], { since: new Date() });
    expect([state, ...(await node.ledger(id)), await doubts(id)]).toEqual(['done', `${became} Patient/stranger`, 0]);
  }
  const person = { resourceType: 'Patient', id: 'stranger', birthDate: '1980-01-01' };
  const matched = { since: new Date(), members: [['stranger', 'm2'] as [string, string]] };
  const came = await node.pull([output('Patient', person)], matched);
  expect([came.state, ...(await node.ledger(came.id))]).toEqual(['done', 'updated reinstated Patient/stranger']);
  expect(await stored('Patient', 'stranger')).toMatchObject({ deleted: false });
  const gone = await node.pull([deletions('Patient/stranger')], matched);
  expect([...(await node.ledger(gone.id)), await doubts(gone.id)]).toEqual([
    'unchanged patient-change Patient/stranger',
    1,
  ]);
  // matched, and its record never came
  const silent = await node.pull([deletions('Patient/silent')], { ...matched, members: [['silent', 'm2']] });
  expect([...(await node.ledger(silent.id)), await doubts(silent.id)]).toEqual([
    'unchanged patient-change Patient/silent',
    1,
  ]);
});

test('R62: files without count are noted and balance', async () => {
  const { id, state } = await node.pull(
    [output('Observation', lab('r62', { effectiveDateTime: '2026-09-01T08:00:00Z' }))],
    { since: new Date() },
  );
  expect(state).toBe('done');
  expect(await node.sql`select from exchange.finding where pull_id = ${id} and kind = 'count-missing'`).toHaveLength(1);
});

test('R67: a line beyond the limit is rejected, and the next one is read', async () => {
  const long = JSON.stringify({ ...lab('r67'), note: [{ text: 'x'.repeat(17 * 1024 * 1024) }] });
  const next = lab('r67b', { effectiveDateTime: '2026-09-03T08:00:00Z' });
  const { id, state } = await node.pull([output('Observation', long, next)], { since: new Date() });
  expect([state, ...(await node.ledger(id))]).toEqual(['done', 'rejected too-large', 'created Observation/r67b']);
});

test('R74: a choice that was taken back before the records came in holds them, as an item, and hides nothing else', async () => {
  await node.sql`insert into exchange.consent (id, member_id, choice, policy, recorded_on, source) values ('w-m2', 'm2', 'withdraw', 'regular', '2026-06-01', 'test')`;
  const theirs = lab('r74', { subject: { reference: 'Patient/p2' } });
  const { id } = await node.pull(
    [output('Observation', theirs, lab('r74b', { effectiveDateTime: '2026-09-04T08:00:00Z' }))],
    { since: new Date() },
  );
  expect(await node.ledger(id)).toEqual(['quarantined consent-withdrawn Observation/r74', 'created Observation/r74b']);
  expect(
    await node.sql`select from exchange.review_item where kind = 'consent-withdrawn' and state = 'open'`,
  ).toHaveLength(1);
  const [pull, peer] = [await findPull(node.sql, id), await findPeer(node.sql, PEER)];
  if (!pull || !peer) throw new Error('no pull');
  const again = await replay(node.deps, { pull, peer, by: { kind: 'command', name: 'test' }, cause: 'replay' });
  expect(again.units).toEqual([]);
});

test('R78: twins of one surname and birth date: what came for one is not filed with the other', async () => {
  const both = (id: string, patient: string) =>
    lab(id, { subject: { reference: `Patient/${patient}` }, effectiveDateTime: '2026-09-05T08:00:00Z' });
  const twins = await reconciler();
  try {
    await twins.own(
      { resourceType: 'Patient', id: 'm1', birthDate: '2010-05-05' },
      { resourceType: 'Patient', id: 'm2', birthDate: '2010-05-05' },
      lab('own', { subject: { reference: 'Patient/m1' }, effectiveDateTime: '2026-09-05T08:00:00Z' }),
    );
    const { id } = await twins.pull([output('Observation', both('x', 'p1'), both('y', 'p2'))]);
    expect(await twins.ledger(id)).toEqual(['linked-duplicate Observation/x', 'created Observation/y']);
    const rows =
      await twins.sql`select source_id as s, member_id as m from exchange.resource where origin = ${PEER} and type = 'Observation' order by 1`;
    expect([...rows]).toEqual([
      { s: 'x', m: 'm1' },
      { s: 'y', m: 'm2' },
    ]);
  } finally {
    await twins.close();
  }
});
