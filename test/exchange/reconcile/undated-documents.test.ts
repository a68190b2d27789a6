// Documents of the same bytes of which one does not say its day.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { brokenLaws } from '../../journey/laws.ts';
import { output, reconciler } from './reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
beforeAll(async () => {
  node = await reconciler();
  await node.own({ resourceType: 'Patient', id: 'm1' }, { resourceType: 'Patient', id: 'm2' });
});
afterAll(async () => {
  expect(await brokenLaws(node.sql)).toEqual({});
  await node.close();
});

const letter = (id: string, patient: string, words: string, date?: string) => ({
  resourceType: 'DocumentReference',
  id,
  status: 'current',
  subject: { reference: `Patient/${patient}` },
  content: [{ attachment: { contentType: 'text/plain', data: Buffer.from(words).toString('base64') } }],
  ...(date === undefined ? {} : { date: `${date}T10:00:00Z` }),
});

test('are one document, whichever of them it is; bytes or days that differ make two', async () => {
  await node.own(
    letter('dated', 'm1', 'Discharge summary', '2026-01-02'),
    letter('undated', 'm1', 'Letter to the clinic'),
    letter('neither', 'm1', 'Care instructions'),
    letter('other-day', 'm1', 'Progress note', '2026-01-02'),
  );
  const { id } = await node.pull([
    output(
      'DocumentReference',
      letter('a', 'p1', 'Discharge summary'),
      letter('b', 'p1', 'Letter to the clinic', '2026-03-01'),
      letter('c', 'p1', 'Care instructions'),
      letter('d', 'p1', 'Progress note', '2026-02-02'),
      letter('e', 'p1', 'Another letter'),
    ),
  ]);
  expect(await node.ledger(id)).toEqual([
    'linked-duplicate DocumentReference/a',
    'linked-duplicate DocumentReference/b',
    'linked-duplicate DocumentReference/c',
    'created DocumentReference/d',
    'created DocumentReference/e',
  ]);
});

test('one of the bytes of two days is the one of them that nothing else is', async () => {
  await node.own(letter('form-1', 'm2', 'Form 7', '2026-01-02'), letter('form-2', 'm2', 'Form 7', '2026-02-02'));
  const { id } = await node.pull([
    output('DocumentReference', letter('form', 'p2', 'Form 7'), letter('form-of-second', 'p2', 'Form 7', '2026-02-02')),
  ]);
  expect(await node.ledger(id)).toEqual([
    'linked-duplicate DocumentReference/form',
    'linked-duplicate DocumentReference/form-of-second',
  ]);
  const links = await node.sql<{ at: string; state: string }[]>`
    select coalesce(a.source_id, a.id) || ' ' || coalesce(b.source_id, b.id) as at, l.state from exchange.link l
    join exchange.resource a on a.member_id = l.member_id and a.type = l.type and a.id = l.a_id
    join exchange.resource b on b.member_id = l.member_id and b.type = l.type and b.id = l.b_id
    where l.member_id = 'm2' order by 1`;
  const confirmed = links.filter((l) => l.state === 'confirmed').map((l) => l.at);
  const apart = links.filter((l) => l.state === 'apart').map((l) => l.at);
  expect(confirmed.map((at) => at.split(' ').sort().join(' ')).sort()).toEqual([
    'form form-1',
    'form-2 form-of-second',
  ]);
  expect(apart.map((at) => at.split(' ').sort().join(' '))).toEqual(['form form-2']);
});
