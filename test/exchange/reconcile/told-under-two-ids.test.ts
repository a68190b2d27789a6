// One thing that a payer tells under two ids, word for word and with one number: linked, as it is when two payers tell it. Without a number, or with anything else
// in it, they are two events.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { brokenLaws } from '../../journey/laws.ts';
import { deletions, lab, output, reconciler } from './reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
beforeAll(async () => {
  node = await reconciler();
});
afterAll(async () => {
  expect(await brokenLaws(node.sql)).toEqual({});
  await node.close();
});

const numbered = (id: string, number: string, more: object = {}) =>
  lab(id, { identifier: [{ system: 'https://lab.example', value: number }], ...more });
const links = async (...ids: string[]) =>
  [
    ...(await node.sql<{ a: string; b: string; state: string; kind: string; rule: string }[]>`
      select a.source_id as a, b.source_id as b, l.kind, l.rule, l.state from exchange.link l
      join exchange.resource a on a.member_id = l.member_id and a.type = l.type and a.id = l.a_id
      join exchange.resource b on b.member_id = l.member_id and b.type = l.type and b.id = l.b_id
      where a.source_id = any(${ids}::text[]) and b.source_id = any(${ids}::text[])`),
  ].map((l) => [...[l.a, l.b].sort(), l.kind, l.rule, l.state].join(' '));
const outcomes = async (id: string) => (await node.ledger(id)).map((l) => l.split(' ')[0]).sort();

test('in one answer, and in two', async () => {
  const first = await node.pull([output('Observation', numbered('a', '1'), numbered('b', '1'))]);
  expect(await outcomes(first.id)).toEqual(['created', 'linked-duplicate']);
  expect(await links('a', 'b')).toEqual(['a b same-record accession confirmed']);
  const later = await node.pull([output('Observation', numbered('c', '1'))], { since: new Date('2026-01-01') });
  expect(await node.ledger(later.id)).toEqual(['linked-duplicate Observation/c']);
  expect(await links('a', 'b', 'c')).toHaveLength(3);
});

test('not what has no number, another time, another value, or is of another visit', async () => {
  const visit = (id: string) => ({
    resourceType: 'Encounter',
    id,
    status: 'finished',
    class: { code: 'AMB' },
    subject: { reference: 'Patient/p1' },
  });
  const of = (id: string) => ({ encounter: { reference: `Encounter/${id}` } });
  const { id } = await node.pull([
    output('Encounter', visit('v1'), visit('v2')),
    output(
      'Observation',
      lab('d', { effectiveDateTime: '2026-02-01T08:00:00Z' }),
      lab('e', { effectiveDateTime: '2026-02-01T08:00:00Z' }),
      numbered('f', '2'),
      numbered('g', '2', { effectiveDateTime: '2026-01-01T09:00:00Z' }),
      numbered('h', '3'),
      numbered('i', '3', {
        valueQuantity: { value: 14, unit: 'g/dL', system: 'http://unitsofmeasure.org', code: 'g/dL' },
      }),
      numbered('j', '4', of('v1')),
      numbered('k', '4', of('v2')),
    ),
  ]);
  expect(await outcomes(id)).toEqual(Array.from({ length: 10 }, () => 'created'));
  expect(await links('d', 'e', 'f', 'g', 'h', 'i', 'j', 'k')).toEqual([]);
});

test('one that is changed is another one, and one that is taken back leaves the other', async () => {
  const at = { meta: { lastUpdated: '2026-05-01T00:00:00Z' } };
  await node.pull([output('Observation', numbered('l', '5'), numbered('m', '5'))]);
  expect(await links('l', 'm')).toHaveLength(1);
  await node.pull(
    [output('Observation', numbered('m', '5', { ...at, status: 'corrected', note: [{ text: 'new' }] }))],
    { since: new Date('2026-01-01') },
  );
  expect(await links('l', 'm')).toEqual([]);
  await node.pull([output('Observation', numbered('n', '6'), numbered('o', '6'))]);
  const { id } = await node.pull([deletions('Observation/n')], { since: new Date('2026-01-01') });
  expect(await outcomes(id)).toEqual(['retracted']);
  expect((await node.sql`select from exchange.resource where source_id = 'o' and not deleted`).length).toBe(1);
});

test('one that is reported again under a new id while the former one is changed is not what that was', async () => {
  const at = { meta: { lastUpdated: '2026-05-01T00:00:00Z' } };
  await node.pull([output('Observation', numbered('p', '7'))]);
  await node.pull(
    [
      output(
        'Observation',
        numbered('q', '7'),
        numbered('p', '7', { ...at, effectiveDateTime: '2026-03-03T08:00:00Z' }),
      ),
    ],
    { since: new Date('2026-01-01') },
  );
  expect(await links('p', 'q')).toEqual([]);
});
