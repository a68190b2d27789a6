// Records with a hundred keys each, which many others share: pairs of them would be without end.
import { expect, test } from 'vitest';
import { output, reconciler } from './reconcile-pull.ts';

test('very many keys that many records share: those that make most pairs are not compared by', async () => {
  const node = await reconciler();
  try {
    const code = Array.from({ length: 110 }, (_, i) => ({ system: 'http://snomed.info/sct', code: `${i}` }));
    const condition = (id: string, patient: string, year: number) => ({
      resourceType: 'Condition',
      id,
      subject: { reference: `Patient/${patient}` },
      code: { coding: code },
      onsetDateTime: `${year}-01-01`,
      abatementDateTime: `${year}-02-01`,
    });
    const n = (of: (i: number) => object) => Array.from({ length: 100 }, (_, i) => of(i));
    await node.own({ resourceType: 'Patient', id: 'm1' }, ...n((i) => condition(`own${i}`, 'm1', 2020)));
    const { id, state } = await node.pull([output('Condition', ...n((i) => condition(`x${i}`, 'p1', 2024)))]);
    expect(state).toBe('done');
    const [found] = await node.sql<{ n: number }[]>`
      select sum(amount)::int as n from exchange.finding where pull_id = ${id} and kind = 'large-cluster'`;
    expect(found?.n).toBeGreaterThan(0);
  } finally {
    await node.close();
  }
});
