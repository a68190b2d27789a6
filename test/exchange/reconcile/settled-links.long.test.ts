// Links of events that several records could be: by pulls against a real database.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findPeer } from '../../../exchange/peers/peer.ts';
import { replay } from '../../../exchange/reconcile/replay.ts';
import { findPull } from '../../../exchange/requester/pull.ts';
import { decideItem } from '../../../exchange/review/decide.ts';
import { findItem } from '../../../exchange/review/review-rows.ts';
import { brokenLaws } from '../../journey/laws.ts';
import { deletions, output, PEER, reconciler } from './reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
beforeEach(async () => {
  node = await reconciler('sensitive');
  await node.own({ resourceType: 'Patient', id: 'm1' }, { resourceType: 'Patient', id: 'm2' });
});
afterEach(async () => {
  expect(await brokenLaws(node.sql)).toEqual({});
  await node.close();
});

const procedure = (id: string, note: string | undefined, of = 'p1', more: object = {}) => ({
  resourceType: 'Procedure',
  id,
  status: 'completed',
  subject: { reference: `Patient/${of}` },
  code: { coding: [{ system: 'http://snomed.info/sct', code: '127783003' }] },
  performedPeriod: { start: '2026-01-02T10:00:00Z', end: '2026-01-02T10:20:00Z' },
  ...(note === undefined ? {} : { note: [{ text: note }] }),
  ...more,
});

/** Pairs by their ids at the source, with the state. */
const links = async (type: string, of = node): Promise<string[]> =>
  (
    await of.sql<{ at: string }[]>`
      select least(coalesce(a.source_id, a.id), coalesce(b.source_id, b.id)) || '-' || greatest(coalesce(a.source_id, a.id), coalesce(b.source_id, b.id)) || ' ' || l.state as at
      from exchange.link l
      join exchange.resource a on a.member_id = l.member_id and a.type = l.type and a.id = l.a_id
      join exchange.resource b on b.member_id = l.member_id and b.type = l.type and b.id = l.b_id
      where l.type = ${type} and l.kind in ('same-record', 'same-event') order by 1`
  ).map((r) => r.at);
const asked = (of = node) => of.sql<{ id: string }[]>`
  select id from exchange.review_item where kind = 'possible-duplicate' and state = 'open' order by id`;

test('two procedures of one code and the same minutes are two: what is noted with them tells which is which', async () => {
  await node.own(procedure('a', 'left lung', 'm1'), procedure('b', 'right lung', 'm1'));
  const { id } = await node.pull([
    output('Procedure', procedure('x', 'right lung'), procedure('y', 'left lung'), procedure('z', 'once more')),
  ]);
  expect(await links('Procedure')).toEqual([
    'a-x apart',
    'a-y confirmed',
    'a-z apart',
    'b-x confirmed',
    'b-y apart',
    'b-z apart',
  ]);
  expect(await node.ledger(id)).toEqual([
    'linked-duplicate Procedure/x',
    'linked-duplicate Procedure/y',
    'created Procedure/z',
  ]);
  expect(await asked()).toEqual([]);
});

test('one that may be either of two is asked about; the answer settles the other one, and can be taken back', async () => {
  await node.own(procedure('a', undefined, 'm1'));
  const { id } = await node.pull([output('Procedure', procedure('x', 'first'), procedure('y', 'second'))]);
  const open = ['a-x proposed', 'a-y proposed'];
  expect(await links('Procedure')).toEqual(open);
  expect(await node.ledger(id)).toEqual(['created Procedure/x', 'created Procedure/y']);
  const items = await asked();
  expect(items).toHaveLength(2);
  const findings = await node.sql`select from exchange.finding where pull_id = ${id} and kind = 'possible-duplicate'`;
  expect(findings).toHaveLength(2);
  // the same once more asks nothing again
  await node.pull([output('Procedure', procedure('x', 'first'), procedure('y', 'second'))]);
  expect(await asked()).toEqual(items);

  const person = { subject: 'r', name: 'R', role: 'reviewer', development: false };
  const say = async (decision: 'same-event' | 'undo') => {
    const item = await findItem(node.sql, items[0]?.id ?? '');
    const d = { itemId: item?.id ?? '', decision, reason: 'as the chart says', mark: item?.mark ?? '' };
    expect(await decideItem({ ...node.deps }, person, d, 'req')).toBeUndefined();
  };
  await say('same-event');
  const states = (await links('Procedure')).map((l) => l.split(' ')[1]).sort();
  expect(states).toEqual(['apart', 'confirmed']);
  expect(await asked()).toEqual([]);
  await say('undo');
  expect(await links('Procedure')).toEqual(open);
  expect(await asked()).toEqual(items);
});

test('what one takes back leaves its place to the other one', async () => {
  await node.own(procedure('a', 'left', 'm1'));
  await node.pull([output('Procedure', procedure('x', 'left'), procedure('y', 'right'))]);
  expect(await links('Procedure')).toEqual(['a-x confirmed', 'a-y apart']);
  await node.pull([deletions('Procedure/x')], { since: new Date() });
  expect(await links('Procedure')).toEqual(['a-y confirmed']);
});

test('what is reported within two visits of one day goes with its visit', async () => {
  const visit = (id: string, why: string, of: string) => ({
    resourceType: 'Encounter',
    id,
    status: 'finished',
    class: { code: 'AMB' },
    subject: { reference: `Patient/${of}` },
    period: { start: '2026-01-02T10:00:00Z' },
    reasonCode: [{ text: why }],
    participant: [{ individual: { identifier: { system: 'http://hl7.org/fhir/sid/us-npi', value: '9000000020' } } }],
  });
  const diagnosis = (id: string, encounter: string, of: string) => ({
    resourceType: 'Condition',
    id,
    category: [{ coding: [{ code: 'encounter-diagnosis' }] }],
    code: { coding: [{ system: 'http://hl7.org/fhir/sid/icd-10-cm', code: 'J45.909' }] },
    subject: { reference: `Patient/${of}` },
    encounter: { reference: `Encounter/${encounter}` },
  });
  await node.own(visit('v', 'cough', 'm1'), visit('w', 'fever', 'm1'), diagnosis('c', 'v', 'm1'));
  await node.pull([
    output('Encounter', visit('f', 'fever', 'p1'), visit('g', 'cough', 'p1')),
    output('Condition', diagnosis('d', 'f', 'p1')),
  ]);
  expect((await links('Encounter')).filter((l) => l.endsWith('confirmed'))).toEqual(['f-w confirmed', 'g-v confirmed']);
  // one of the cough, the other one of the fever
  expect(await links('Condition')).toEqual(['c-d apart']);
  await node.pull([output('Condition', diagnosis('e', 'g', 'p1'))], { since: new Date() });
  expect(await links('Condition')).toEqual(['c-d apart', 'c-e confirmed']);
});

test('what is one with a sensitive record only since another one went is as sensitive', async () => {
  const labelled = {
    meta: { security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'PSY' }] },
  };
  await node.own(procedure('a', 'left', 'm1'));
  await node.pull([output('Procedure', procedure('x', 'left'), procedure('y', 'right', 'p1', labelled))]);
  expect(await links('Procedure')).toEqual(['a-x confirmed', 'a-y apart']);
  const labelOf = async (id: string) =>
    (
      await node.sql<{ label: number }[]>`select label from exchange.resource where type = 'Procedure' and id = ${id}`
    )[0]?.label;
  expect(await labelOf('a')).toBe(0);
  await node.pull([deletions('Procedure/x')], { since: new Date() });
  expect(await links('Procedure')).toEqual(['a-y confirmed']);
  expect(await labelOf('a')).toBe(1);
});

test('two visits to one practitioner on one day are two: no one is asked what is settled, and someone where one side tells one', async () => {
  const visit = (id: string, hour: string, of: string, minute = '00') => ({
    resourceType: 'Encounter',
    id,
    status: 'finished',
    class: { code: 'AMB' },
    subject: { reference: `Patient/${of}` },
    period: { start: `2026-01-02T${hour}:${minute}:00Z`, end: `2026-01-02T${hour}:${Number(minute) + 20}:00Z` },
    participant: [{ individual: { identifier: { system: 'http://hl7.org/fhir/sid/us-npi', value: '9000000020' } } }],
  });
  await node.own(visit('v', '14', 'm1'), visit('w', '18', 'm1'), visit('z', '14', 'm2'));
  await node.pull([output('Encounter', visit('f', '14', 'p1'), visit('g', '18', 'p1'), visit('h', '14', 'p2', '20'))]);
  expect(await links('Encounter')).toEqual([
    'f-v confirmed',
    'f-w apart',
    'g-v apart',
    'g-w confirmed',
    'h-z proposed',
  ]);
  expect(await asked()).toHaveLength(1);
});

const origin = (id: string, target: string) => ({
  resourceType: 'Provenance',
  id,
  target: [{ reference: target }],
  recorded: '2026-01-02T10:30:00Z',
  agent: [{ who: { identifier: { system: 'http://hl7.org/fhir/sid/us-npi', value: '9000000020' } } }],
});

test('a statement of origin is one with ours also when what it is about came before it', async () => {
  const service = {
    resourceType: 'ServiceRequest',
    status: 'completed',
    intent: 'order',
    identifier: [{ system: 'urn:orders', value: '7' }],
    code: { coding: [{ system: 'http://snomed.info/sct', code: '127783003' }] },
  };
  await node.own(
    { ...service, id: 's', subject: { reference: 'Patient/m1' } },
    procedure('a', 'left', 'm1'),
    origin('oa', 'Procedure/a'),
    origin('os', 'ServiceRequest/s'),
  );
  await node.pull([output('Procedure', procedure('x', 'left'))]);
  await node.pull(
    [
      output('ServiceRequest', { ...service, id: 't', subject: { reference: 'Patient/p1' } }),
      output('Provenance', origin('px', 'Procedure/x'), origin('pt', 'ServiceRequest/t')),
    ],
    { since: new Date() },
  );
  expect(await links('Provenance')).toEqual(['oa-px confirmed', 'os-pt confirmed']);
});

test('statements of origin about two of which each is one of the other payer’s are two', async () => {
  await node.own(procedure('a', 'left', 'm1'), procedure('b', 'right', 'm1'), origin('oa', 'Procedure/a'));
  await node.pull([
    output('Procedure', procedure('x', 'left'), procedure('y', 'right')),
    output('Provenance', origin('py', 'Procedure/y')),
  ]);
  expect(await links('Procedure')).toContain('b-y confirmed');
  expect((await links('Provenance')).filter((l) => l.endsWith('confirmed'))).toEqual([]);
  await node.pull([output('Provenance', origin('px', 'Procedure/x'))], { since: new Date() });
  expect((await links('Provenance')).filter((l) => l.endsWith('confirmed'))).toEqual(['oa-px confirmed']);
});

test('what lasts counts when statements of origin are distinguished', async () => {
  const allergy = (id: string, of: string) => ({
    resourceType: 'AllergyIntolerance',
    id,
    patient: { reference: `Patient/${of}` },
    category: ['food'],
    code: { coding: [{ system: 'http://snomed.info/sct', code: '91935009' }] },
  });
  await node.own(procedure('a', 'left', 'm1'), allergy('l', 'm1'), origin('ol', 'AllergyIntolerance/l'));
  await node.pull([
    output('Procedure', procedure('x', 'left'), procedure('y', 'right')),
    output('AllergyIntolerance', allergy('k', 'p1')),
    output('Provenance', origin('pk', 'AllergyIntolerance/k'), origin('py', 'Procedure/y')),
  ]);
  expect(await links('Provenance')).toEqual(['ol-pk confirmed']);
});

test('links of an older program are settled by a replay, which shows them before', async () => {
  await node.own(procedure('a', 'left', 'm1'), procedure('b', 'right', 'm1'));
  const { id } = await node.pull([output('Procedure', procedure('x', 'left'), procedure('y', 'right'))]);
  await node.sql`update exchange.link set state = 'confirmed' where type = 'Procedure'`;
  const [pull, peer] = [await findPull(node.sql, id), await findPeer(node.sql, PEER)];
  if (!pull || !peer) throw new Error('the pull is gone');
  const how = { pull, peer, by: { kind: 'command', name: 'test' }, cause: 'replay' } as const;
  const dry = await replay(node.deps, { ...how, dryRun: true });
  expect([dry.links.added.map((l) => l.state), dry.links.removed.map((l) => l.state)]).toEqual([
    ['apart', 'apart'],
    ['confirmed', 'confirmed'],
  ]);
  expect(await links('Procedure')).toContain('a-y confirmed');
  await replay(node.deps, how);
  expect(await links('Procedure')).toEqual(['a-x confirmed', 'a-y apart', 'b-x apart', 'b-y confirmed']);
});

test('documents that do not say their day come to the same in whatever order payers are asked', async () => {
  const letter = (id: string, of: string, day?: string) => ({
    resourceType: 'DocumentReference',
    id,
    status: 'current',
    subject: { reference: `Patient/${of}` },
    content: [{ attachment: { contentType: 'text/plain', data: 'Rm9ybSA3' } }],
    ...(day === undefined ? {} : { date: `${day}T10:00:00Z` }),
  });
  const said = [
    { peer: 'own', docs: (of: string) => [letter('o', of, '2026-01-02')] },
    { peer: PEER, docs: (of: string) => [letter('undated', of)] },
    { peer: 'second', docs: (of: string) => [letter('s', of, '2026-02-02')] },
  ];
  const orders = [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
  ];
  const found = new Set<string>();
  for (const order of orders) {
    const fresh = await reconciler();
    try {
      await fresh.own({ resourceType: 'Patient', id: 'm1' }, { resourceType: 'Patient', id: 'm2' });
      await fresh.sql`insert into exchange.peer (id, name, npi, state, fhir_base, origins, added_by)
        values ('second', 'second', null, 'active', 'https://second.example/fhir', array['https://second.example'], 'test')`;
      for (const i of order) {
        const { peer, docs } = said[i] as (typeof said)[number];
        if (peer === 'own') await fresh.own(...docs('m1'));
        else await fresh.pull([output('DocumentReference', ...docs('p1'))], { peer });
      }
      found.add(JSON.stringify([await links('DocumentReference', fresh), (await asked(fresh)).length]));
      expect(await brokenLaws(fresh.sql)).toEqual({});
    } finally {
      await fresh.close();
    }
  }
  expect([...found]).toEqual([JSON.stringify([['o-undated proposed', 's-undated proposed'], 2])]);
});
