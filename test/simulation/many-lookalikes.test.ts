// Somebody may send any number of records that look alike: each is compared with each, and what follows takes as long as there are pairs, not as long
// as there are pairs of pairs (it would not end within the time of a test).
import { expect, test } from 'vitest';
import { lab, output, PEER, reconciler } from '../exchange/reconcile/reconcile-pull.ts';

const MANY = 110;
const VALUES = 5;

test('two payers tell many results of one minute, the same ones', async () => {
  const node = await reconciler();
  try {
    await node.sql`
      insert into exchange.peer (id, name, npi, state, fhir_base, origins, added_by)
      values ('second', 'Second', '9000000020', 'active', 'https://second.example/fhir', array['https://second.example'], 'test')`;
    await node.own({ resourceType: 'Patient', id: 'm1' }, { resourceType: 'Patient', id: 'm2' });
    for (const [peer, patient] of [
      [PEER, 'p1'],
      ['second', 's1'],
    ] as const) {
      const results = Array.from({ length: MANY }, (_, n) =>
        lab(`${patient}-${n}`, {
          subject: { reference: `Patient/${patient}` },
          valueQuantity: { value: n % VALUES, code: 'g/dL' },
        }),
      );
      const { state } = await node.pull([output('Observation', ...results)], { peer, members: [[patient, 'm1']] });
      expect(state).toBe('done');
    }
    const states = await node.sql<{ kind: string; state: string; n: number }[]>`
      select kind, state, count(*)::int as n from exchange.link where type = 'Observation' group by 1, 2 order by 1, 2`;
    const alike = MANY * (MANY / VALUES);
    expect([...states]).toEqual([
      { kind: 'conflict', state: 'confirmed', n: MANY * MANY - alike },
      { kind: 'same-event', state: 'apart', n: alike - MANY },
      { kind: 'same-event', state: 'confirmed', n: MANY },
    ]);
    // both tell all of them: nothing is to decide
    expect(await node.sql`select from exchange.review_item where state = 'open'`).toHaveLength(0);
    expect(await node.sql`select from exchange.finding where kind = 'value-mismatch'`).toHaveLength(0);
  } finally {
    await node.close();
  }
});
