// Copies that a payer passes on, and the record itself, which its payer tells once more under another time: in whatever order, what comes of it is one.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { lab, output, reconciler } from './reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
const G = 'https://g.example/fhir';
beforeAll(async () => {
  node = await reconciler();
  await node.own({ resourceType: 'Patient', id: 'm1', birthDate: '1970-01-01', name: [{ family: 'Lee' }] });
  await node.sql`insert into exchange.peer (id, name, npi, state, fhir_base, origins, added_by)
    values ('g', 'G', '9000000046', 'active', ${G}, array['https://g.example'], 'test')`;
});
afterAll(() => node.close());

const result = (id: string, n: number, day: number, value: number, meta: object = {}) =>
  lab(id, {
    meta: { lastUpdated: `2026-08-0${day}T00:00:00Z`, ...meta },
    effectiveDateTime: `2026-08-01T1${n}:00:00Z`,
    valueQuantity: { value, code: 'g/dL' },
  });
const theirs = (n: number, day: number) =>
  node.pull([output('Observation', result(`g${n}`, n, day, 5))], { since: new Date(), peer: 'g' });
const passed = (n: number) =>
  node.pull([output('Observation', result(`k${n}`, n, 3, 7, { source: `${G}/Observation/g${n}` }))], {
    since: new Date(),
  });

test('a record that is reported again as it was, under a later time, was not changed after its copy', async () => {
  await theirs(1, 3);
  await theirs(1, 6);
  await passed(1);
  await theirs(2, 3);
  await passed(2);
  await theirs(2, 6);
  await passed(3);
  await theirs(3, 3);
  await theirs(3, 6);
  const links = await node.sql<{ said: string }[]>`
    select l.kind || ' ' || l.state as said from exchange.link l join exchange.resource r on r.member_id = l.member_id and r.type = l.type and r.id = l.a_id where r.type = 'Observation'`;
  expect(links.map((l) => l.said)).toEqual(Array.from({ length: 3 }, () => 'conflict proposed'));
  expect(
    await node.sql`select from exchange.review_item where kind = 'value-mismatch' and state = 'open'`,
  ).toHaveLength(3);
});
