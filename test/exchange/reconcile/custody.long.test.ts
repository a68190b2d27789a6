// Statements of origin over several payers: kept, led to our records, each hop of its own.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { localId } from '../../../exchange/reconcile/local-id.ts';
import { memberRows } from '../../../exchange/responder/search/member-read-rows.ts';
import type { Resource } from '../../../src/fhir/resource.ts';
import { brokenLaws } from '../../journey/laws.ts';
import { deletions, lab, output, PEER, PEER_BASE, type RawFile, reconciler } from './reconcile-pull.ts';

const transmitter = (id: string, ...targets: string[]) => ({
  resourceType: 'Provenance',
  id,
  target: targets.map((reference) => ({ reference })),
  recorded: '2026-01-01T00:00:00Z',
  agent: [{ type: { coding: [{ code: 'transmitter' }] }, who: { display: 'x' } }],
});

/** Lists within a target. */
const nested = [{ url: 'https://x.example/e', extension: [{ url: 'a', valueString: 'b]' }] }];

test('R15: a transmission of a Bundle, or of the person, is about the records that came', async () => {
  const node = await reconciler();
  try {
    const files = [
      output('Observation', lab('a'), lab('b', { effectiveDateTime: '2026-01-03T08:00:00Z' })),
      output(
        'Provenance',
        transmitter('t1', 'Bundle/1000000-1'),
        transmitter('t2', 'Patient/p1'),
        transmitter('t3', 'Observation/b'),
        { ...transmitter('t4'), target: [{ extension: nested, reference: 'Patient/p1' }] },
      ),
    ];
    const { id } = await node.pull(files, { members: [['p1', 'm1']] });
    expect((await node.ledger(id)).slice(2)).toEqual([
      'created Provenance/t1',
      'created Provenance/t2',
      'created Provenance/t3',
      'created Provenance/t4',
    ]);
    const key = (source: string) => `Observation/${localId(PEER, 'Observation', source)}`;
    for (const [source, wanted] of [
      ['t1', ['a', 'b']],
      ['t2', ['a', 'b']],
      ['t3', ['b']],
      ['t4', ['a', 'b']],
    ] as const) {
      const [row] = await node.sql<{ targets: string[]; body: { target: { reference: string }[] } }[]>`
        select targets, body::jsonb as body from exchange.resource where id = ${localId(PEER, 'Provenance', source)}`;
      expect(row?.targets).toEqual(wanted.map(key));
      expect(row?.body.target.map((t) => t.reference)).toEqual(wanted.map(key));
    }
    expect(await brokenLaws(node.sql)).toEqual({});
    const again = await node.pull(files, { members: [['p1', 'm1']] });
    expect(new Set((await node.ledger(again.id)).map((l) => l.split(' ')[0]))).toEqual(new Set(['unchanged']));
  } finally {
    await node.close();
  }
});

test('of very many transmissions of the person some are about the records, and the rest stay about the person', async () => {
  const node = await reconciler();
  try {
    const many = Array.from({ length: 40 }, (_, i) => transmitter(`t${i}`, 'Patient/p1'));
    await node.pull([output('Observation', lab('a')), output('Provenance', ...many)], { members: [['p1', 'm1']] });
    const rows = await node.sql<{ about: string; n: number }[]>`
      select split_part(targets[1], '/', 1) as about, count(*)::int as n from exchange.resource
      where type = 'Provenance' and origin = ${PEER} group by 1 order by 1`;
    expect(rows.map((r) => [r.about, r.n])).toEqual([
      ['Observation', 10],
      ['Patient', 30],
    ]);
    expect(await brokenLaws(node.sql)).toEqual({});
  } finally {
    await node.close();
  }
});

test("a statement that holds a record of another member is no member's alone, one that holds one of the same member is the member's", async () => {
  const node = await reconciler();
  try {
    const of = (id: string, person: string) => lab(id, { subject: { reference: `Patient/${person}` } });
    const holding = (id: string, person: string, target: string) => ({
      ...transmitter(id, target),
      contained: [of('within', person)],
    });
    const { id } = await node.pull([
      output('Observation', of('a', 'p1'), of('b', 'p2')),
      output(
        'Provenance',
        holding('same', 'p1', 'Observation/a'),
        holding('other', 'p2', 'Observation/a'),
        holding('person', 'p2', 'Patient/p1'),
        holding('stranger', 'p77', 'Observation/a'),
      ),
    ]);
    expect((await node.ledger(id)).filter((l) => l.includes('Provenance'))).toEqual([
      'created Provenance/same',
      'created Provenance/other',
      'created Provenance/person',
      'quarantined wrong-patient Provenance/stranger',
    ]);
    const kept = await node.sql`
      select member_id as at, source_id as s, targets from exchange.resource where type = 'Provenance' and origin = ${PEER}`;
    expect([...kept]).toEqual([{ at: 'm1', s: 'same', targets: [`Observation/${localId(PEER, 'Observation', 'a')}`] }]);
    // no one reads these with a member's records
    const several = await node.sql`select id from exchange.shared_resource where type = 'Provenance' order by id`;
    const ids = ['other', 'person'].map((source) => localId(PEER, 'Provenance', source));
    expect(several.map((r) => r['id'])).toEqual(ids.sort());
    const links = await node.sql`select from exchange.resource where links && ${ids.map((i) => `Provenance/${i}`)}`;
    expect(links).toHaveLength(0);
    expect(await brokenLaws(node.sql)).toEqual({});
    // until what it names is there it waits, anyone who is in what it holds
    const waiting = await node.pull([output('Provenance', holding('late', 'p2', 'Observation/c'))], {
      since: new Date(),
    });
    expect(await node.ledger(waiting.id)).toEqual(['quarantined dangling-reference Provenance/late']);
    const waits = await node.sql`select target_type || '/' || target_id as t from exchange.dangling where id = 'late'`;
    expect(waits.map((r) => r['t'])).toEqual(['Observation/c']);
    await node.pull([output('Observation', of('c', 'p2'))], { since: new Date() });
    const came =
      await node.sql`select member_id as at from exchange.resource where id = ${localId(PEER, 'Provenance', 'late')}`;
    expect([...came]).toEqual([{ at: 'm2' }]);
  } finally {
    await node.close();
  }
});

test('a statement about records is whose they are: of several, then of one, then of the other, and taken back', async () => {
  const node = await reconciler();
  try {
    const of = (id: string, person: string) => lab(id, { subject: { reference: `Patient/${person}` } });
    const said = async (...targets: string[]) => {
      const { id, state } = await node.pull([
        output('Observation', of('a', 'p1'), of('b', 'p2')),
        output('Provenance', transmitter('t', ...targets)),
      ]);
      expect([state, await brokenLaws(node.sql)]).toEqual(['done', {}]);
      const rows = await node.sql<{ at: string }[]>`
        select member_id as at from exchange.resource where type = 'Provenance' and origin = ${PEER} and not deleted
        union all select 'several' from exchange.shared_resource where type = 'Provenance' and not deleted`;
      return [...rows.map((r) => r.at), (await node.ledger(id)).at(-1)];
    };
    expect(await said('Observation/a', 'Observation/b')).toEqual(['several', 'created Provenance/t']);
    expect(await said('Observation/a')).toEqual(['m1', 'updated Provenance/t']);
    expect(await said('Observation/b')).toEqual(['m2', 'updated Provenance/t']);
    expect(await said('Observation/b', 'Observation/a')).toEqual(['several', 'updated Provenance/t']);
    await node.pull([deletions('Provenance/t')], { since: new Date() });
    expect(await node.sql`select from exchange.shared_resource where type = 'Provenance' and not deleted`).toEqual([]);
    expect(await brokenLaws(node.sql)).toEqual({});
  } finally {
    await node.close();
  }
});

test('a record leads to no one but its own person: others are named by what the payer calls them', async () => {
  const node = await reconciler();
  try {
    const patients = ['p1', 'p2'].map((id) => ({ resourceType: 'Patient', id, birthDate: '1970-01-01' }));
    const coverage = {
      resourceType: 'Coverage',
      id: 'c',
      status: 'active',
      beneficiary: { reference: 'Patient/p2' },
      subscriber: { reference: 'Patient/p1', display: 'The other parent' },
      policyHolder: { identifier: { system: 'https://n.example', value: '1' }, reference: 'Patient/p1' },
      payor: [{ display: 'x' }],
    };
    const { state } = await node.pull([output('Patient', ...patients), output('Coverage', coverage)]);
    expect([state, await brokenLaws(node.sql)]).toEqual(['done', {}]);
    const [row] = await node.sql<{ body: Record<string, unknown> }[]>`
      select body::jsonb as body from exchange.resource where member_id = 'm2' and type = 'Coverage'`;
    expect(row?.body).toMatchObject({
      beneficiary: { reference: 'Patient/m2' },
      subscriber: { identifier: { system: `${PEER_BASE}/Patient`, value: 'p1' }, display: 'The other parent' },
      policyHolder: { identifier: { system: 'https://n.example', value: '1' } },
    });
    expect(JSON.stringify(row?.body)).not.toContain('Patient/p1');
  } finally {
    await node.close();
  }
});

test('what was never held is not taken away: a record that comes withdrawn the first time', async () => {
  const node = await reconciler();
  try {
    const withdrawn = lab('w', { status: 'entered-in-error' });
    for (const files of [
      [output('Observation', withdrawn)],
      [output('Observation', lab('w', { status: 'nonsense' }), withdrawn)],
    ]) {
      await node.pull(files, { since: new Date() });
      expect(await brokenLaws(node.sql)).toEqual({});
      expect(await node.sql`select from exchange.ledger where outcome = 'retracted' and local_id <> ''`).toEqual([]);
    }
    const newer = lab('w', { meta: { lastUpdated: '2026-02-02T03:04:05Z' } });
    const { id } = await node.pull([output('Observation', newer)], { since: new Date() });
    expect(await node.ledger(id)).toEqual(['updated reinstated Observation/w']);
    expect(await brokenLaws(node.sql)).toEqual({});
  } finally {
    await node.close();
  }
});

test('a Patient of another payer stays, and so does the statement that is about it alone', async () => {
  const node = await reconciler();
  try {
    const person = {
      resourceType: 'Patient',
      id: 'p1',
      name: [{ family: 'One', given: ['Member'] }],
      birthDate: '1980-01-01',
    };
    await node.pull([output('Patient', person)], { members: [['p1', 'm1']] });
    await node.pull([output('Observation', lab('a'))], { members: [['p1', 'm1']] });
    const rows = async (types: string[]) => {
      const days = { today: '2026-02-01', yearAgo: '2025-02-01', windowStart: '2021-02-01' };
      const found = await memberRows(node.sql, [{ memberId: 'm1', policy: 'sensitive' }], days, { types, limit: 100 });
      return found.map((r) => JSON.parse(r.text) as Resource & { target?: { reference: string }[] });
    };
    const copy = `Patient/${localId(PEER, 'Patient', 'p1')}`;
    const stated = await node.sql`
      select from exchange.resource where type = 'Provenance' and not deleted and targets = array[${copy}]`;
    expect(stated.length).toBeGreaterThan(0);
    const about = (await rows(['Provenance'])).flatMap((p) => p.target?.map((t) => t.reference) ?? []);
    expect(about).toEqual([`Observation/${localId(PEER, 'Observation', 'a')}`]);
    expect((await rows(['Patient'])).map((p) => p['id'])).not.toContain(copy.slice('Patient/'.length));
  } finally {
    await node.close();
  }
});

const folder = join(process.env['TEST_DATA_DIR'] ?? '', 'data/pdex-examples');
describe.skipIf(process.env['TEST_DATA_DIR'] === undefined || !existsSync(folder))('examples of the guide', () => {
  const filesOf = (name: string): RawFile[] => {
    const bundle = JSON.parse(readFileSync(join(folder, 'pdex-2.2.0', name), 'utf8')) as {
      entry: { resource: Resource }[];
    };
    const byType = new Map<string, object[]>();
    for (const { resource } of bundle.entry)
      byType.set(resource.resourceType, [...(byType.get(resource.resourceType) ?? []), resource]);
    return [...byType].map(([type, list]) => output(type, ...list));
  };

  test('R16: a visit through three payers is one visit with every hop, anyone who sends it', async () => {
    const node = await reconciler();
    try {
      const members: [string, string][] = [
        ['1-3', 'm1'],
        ['1-2', 'm1'],
      ];
      await node.pull(filesOf('Bundle-1000000-3.json'), { members });
      const visits =
        await node.sql`select source_id as s from exchange.resource where type = 'Encounter' and not deleted order by 1`;
      expect([...visits].map((v) => v['s'])).toEqual(['6-1-2-3', '7-1-2-3', '8-2-3']);
      const hops = await node.sql`
        select source_id as s from exchange.resource where type = 'Provenance' and origin = ${PEER} and ${`Encounter/${localId(PEER, 'Encounter', '6-1-2-3')}`} = any(targets) order by 1`;
      expect([...hops].map((h) => h['s'])).toEqual(['1000002-1-2-3', '1000004-1-2-3', '1000005-2-3', '1000006-3']);
      expect(await brokenLaws(node.sql)).toEqual({});
    } finally {
      await node.close();
    }
  });

  test('all examples of claims and records at once: the laws hold, a replay writes nothing', async () => {
    const node = await reconciler('sensitive');
    try {
      const claims = readFileSync(join(folder, 'ours/claim-chain.ExplanationOfBenefit.ndjson'), 'utf8')
        .trim()
        .split('\n');
      const files = [
        ...filesOf('Bundle-1000000-1.json'),
        ...filesOf('Bundle-1000000-2.json'),
        output('ExplanationOfBenefit', ...claims),
      ];
      const members: [string, string][] = [
        ['1', 'm1'],
        ['1-2', 'm1'],
        ['op-88120', 'm1'],
      ];
      const { id, state } = await node.pull(files, { members });
      expect(state).toBe('done');
      expect((await node.ledger(id)).length).toBe(files.reduce((n, f) => n + f.lines.length, 0));
      expect(await brokenLaws(node.sql)).toEqual({});
      const [chain] = await node.sql<
        { state: string; nodes: { number: string; final: boolean }[]; anomalies: object[] }[]
      >`select state, nodes, anomalies from exchange.chain where jsonb_array_length(nodes) > 1`;
      expect([chain?.state, chain?.nodes.length, chain?.nodes.at(-1)?.final, chain?.anomalies.length]).toEqual([
        'final',
        3,
        true,
        0,
      ]);
      const again = await node.pull(files, { members });
      expect(
        (await node.ledger(again.id)).filter((l) => !/^(unchanged|quarantined|rejected|echo|shared)/.test(l)),
      ).toEqual([]);
    } finally {
      await node.close();
    }
  });
});
