// What a payer may write that is JSON, and even FHIR, and that no one expects: numbers with more digits than a double has, or more than a
// database takes; ids that differ in case; times at the ends of the calendar; statements about nothing but each other; deletions of what
// is not the payer's; two people whose ids change places.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findPeer } from '../../../exchange/peers/peer.ts';
import { replay } from '../../../exchange/reconcile/replay.ts';
import { findPull } from '../../../exchange/requester/pull.ts';
import { brokenLaws } from '../../journey/laws.ts';
import { deletions, lab, OUR_BASE, output, PEER, PEER_BASE, reconciler } from './reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
beforeAll(async () => {
  node = await reconciler();
});
afterAll(() => node.close());
const since = { since: new Date() };
const value = (id: string, numeral: string, day: number) =>
  JSON.stringify(
    lab(id, { meta: { lastUpdated: `2026-01-0${day}T00:00:00Z` }, valueQuantity: { value: 777 } }),
  ).replace('777', numeral);
const ledgerOf = async (...files: Parameters<typeof node.pull>[0]) => {
  const { id, state } = await node.pull(files, since);
  expect(state).toBe('done');
  return node.ledger(id);
};
const one = (line: string | object) => ledgerOf(output('Observation', line));

test('a decimal is what is written, to its last digit', async () => {
  const digits = '0.12345678901234567890123456789';
  expect(await one(value('dec', digits, 1))).toEqual(['created Observation/dec']);
  expect(await one(value('dec', `${digits}000`, 2))).toEqual(['unchanged Observation/dec']);
  expect(await one(value('dec', digits.replace(/9$/, '8'), 3))).toEqual(['updated Observation/dec']);
  const [row] = await node.sql`select body from exchange.resource where source_id = 'dec'`;
  expect(String(row?.['body'])).toContain(digits.replace(/9$/, '8'));
});

test('a number that no database takes is held, and harms nothing that reads the record later', async () => {
  const odd = ['1e-200000', `0.${'1'.repeat(20_000)}`, '1e99999999999', '9'.repeat(200_000), '[1,2e-99999]'];
  const { id } = await node.pull(
    [output('Observation', ...odd.map((n, i) => value(`vast${i}`, n, 1)), value('sound', '1e-9', 1))],
    since,
  );
  expect(await node.ledger(id)).toEqual([
    ...odd.map((_, i) => `quarantined invalid-resource Observation/vast${i}`),
    'created Observation/sound',
  ]);
  // as every migration and replay may
  await node.sql`select count(body::jsonb) from exchange.resource`;
  const [pull, peer] = [await findPull(node.sql, id), await findPeer(node.sql, PEER)];
  if (!pull || !peer) throw new Error('no pull');
  const again = await replay(node.deps, { pull, peer, by: { kind: 'command', name: 'test' }, cause: 'replay' });
  expect(again.units).toEqual([]);
});

test('the same of our own records', async () => {
  await expect(node.own(JSON.parse(value('own', '1', 1)) as object)).rejects.toThrow('unknown-member');
  const patient = { resourceType: 'Patient', id: 'm1', name: [{ family: 'One' }], birthDate: '1970-01-01' };
  await node.own(patient);
  const text = value('own', '0.1234567890123456789', 1).replace('Patient/p1', 'Patient/m1');
  const load = async (json: string) => {
    const { importMembers } = await import('../../../exchange/members/enrolment/import-members.ts');
    const rejects: string[] = [];
    const { counts } = await importMembers(node.deps, {
      records: (async function* () {
        yield { source: 'own', line: 1, text: json, resource: JSON.parse(json) as never };
      })(),
      validate: () => [],
      reject: (r) => void rejects.push(r.code),
    });
    return { ...counts, rejects };
  };
  expect(await load(text)).toMatchObject({ created: 1 });
  expect(await load(text)).toMatchObject({ unchanged: 1 });
  expect(await load(text.replace('6789}', '6788}'))).toMatchObject({ updated: 1 });
  expect(await load(text.replace('0.1234567890123456789', '1e-200000'))).toMatchObject({
    rejects: ['invalid-resource'],
  });
});

test('ids that differ in case are others', async () => {
  const ids = ['AbC', 'abc', 'ABC', 'abc.'];
  expect(await ledgerOf(output('Observation', ...ids.map((id, i) => value(id, String(i), 1))))).toEqual(
    ids.map((id) => `created Observation/${id}`),
  );
});

test('times at both ends of the calendar: kept and noted, or held; never in the way of what comes later', async () => {
  const at = (id: string, more: object) => lab(id, { ...more });
  const lines = [
    at('t1', { meta: { lastUpdated: '0000-01-01T00:00:00Z' } }),
    at('t2', { meta: { lastUpdated: '9999-12-31T23:59:59Z' } }),
    at('t3', { meta: { lastUpdated: '0001-01-01T00:00:00+14:00' } }),
    at('t4', { effectiveDateTime: '0000-00-00' }),
    at('t5', { effectiveDateTime: '0001-01-01T00:00:00+14:00' }),
    at('t6', { effectiveDateTime: '9999-12-31T23:59:59-14:00' }),
  ];
  expect(await ledgerOf(output('Observation', ...lines))).toEqual([
    'quarantined invalid-resource Observation/t1',
    'created Observation/t2',
    'created Observation/t3',
    'quarantined invalid-resource Observation/t4',
    'created Observation/t5',
    'created Observation/t6',
  ]);
  expect(await one(value('t2', '5', 2))).toEqual(['updated Observation/t2']);
});

test('statements about nothing but each other, or themselves, are no member’s; about one that is about a record they are its', async () => {
  const about = (id: string, ...targets: string[]) => ({
    resourceType: 'Provenance',
    id,
    recorded: '2026-01-01T00:00:00Z',
    target: targets.map((reference) => ({ reference })),
    agent: [{ who: { display: 'x' } }],
  });
  expect(
    await ledgerOf(
      output(
        'Provenance',
        about('p1', 'Provenance/p2'),
        about('p2', 'Provenance/p1'),
        about('p3', 'Provenance/p3'),
        about('p4', 'Provenance/p5'),
        about('p5', 'Observation/ABC'),
        about('p6', 'Provenance/p6', 'Observation/ABC'),
      ),
    ),
  ).toEqual([
    ...['p1', 'p2', 'p3', 'p4'].map((id) => `quarantined dangling-reference Provenance/${id}`),
    'created Provenance/p5',
    'created Provenance/p6',
  ]);
  const shown = await node.sql`
    select source_id as s, member_id as m from exchange.resource where type = 'Provenance' and origin = ${PEER} and not deleted order by 1`;
  expect(shown.map((r) => `${r['s']} ${r['m']}`)).toEqual(['p4 m1', 'p5 m1', 'p6 m1']);
  expect(await node.sql`select from exchange.shared_resource where type = 'Provenance'`).toHaveLength(0);
});

test('deletions of what is not the payer’s, or is spelt otherwise, take nothing away', async () => {
  const urls = [
    `${OUR_BASE}/Observation/abc`,
    'https://third.example/fhir/Observation/abc',
    'observation/abc',
    'Observation/abc?x=1',
    'Observation/abc#x',
    'Observation/../Observation/abc',
    'Observation/%61bc',
    'Observation/abc/_history/1',
  ];
  expect(await ledgerOf(deletions(...urls))).toEqual(urls.map(() => 'quarantined invalid-resource'));
  const own = await node.sql`select id from exchange.resource where origin = 'own' and type = 'Observation'`;
  await ledgerOf(deletions(...own.map((r) => `Observation/${r['id']}`), `${PEER_BASE}/Observation/abc.`));
  const left = await node.sql`
    select source_id as s from exchange.resource where not deleted and source_id in ('abc', 'abc.', 'AbC', 'ABC') order by source_id collate "C"`;
  expect(left.map((r) => r['s'])).toEqual(['ABC', 'AbC', 'abc']);
  expect(
    await node.sql`select from exchange.resource where origin = 'own' and type = 'Observation' and not deleted`,
  ).toHaveLength(own.length);
});

test('two people whose ids change places between pulls: everything that is known waits, nothing goes from one to the other', async () => {
  const whose = async () =>
    (
      await node.sql`select member_id || ' ' || source_id as r from exchange.resource where origin = ${PEER} and type = 'Observation' and not deleted order by 1`
    ).map((r) => r['r']);
  await ledgerOf(output('Observation', lab('two', { subject: { reference: 'Patient/p2' } })));
  const before = await whose();
  const { id } = await node.pull(
    [
      output(
        'Observation',
        value('ABC', '2', 5),
        lab('two', { subject: { reference: 'Patient/p2' } }),
        value('new', '1', 5),
      ),
    ],
    {
      ...since,
      members: [
        ['p1', 'm2'],
        ['p2', 'm1'],
      ],
    },
  );
  expect(await node.ledger(id)).toEqual([
    'quarantined patient-change Observation/ABC',
    'quarantined patient-change Observation/two',
    'created Observation/new',
  ]);
  expect(await whose()).toEqual([...before, 'm2 new'].sort());
  expect(await brokenLaws(node.sql)).toEqual({});
});
