// How many members an export reads at once follows from how many records the last ones had: what is held of them does not grow with their records.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { nextSlice } from '../../exchange/responder/export/run-export.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { ExportClient, keysOf } from './export-client.ts';
import { client } from './peer-client.ts';
import { ASKER, card, enrol, idOf, US } from './plan-fixture.ts';

let node: TestNode;
let them: ExportClient;
/** More members than the first slice has. */
const people = Array.from({ length: 31 }, (_, i) => ({
  number: `OH8${i}`,
  family: `Quist${String.fromCharCode(97 + (i % 26))}${String.fromCharCode(97 + Math.floor(i / 26))}`,
  given: 'Ida',
  born: `19${40 + i}-03-04`,
  subscriber: `S8${i}`,
}));

beforeAll(async () => {
  node = await startNode({ PLAN_NPI: US.npi, PLAN_NAME: US.name });
  them = new ExportClient(node, await client(node, 'a', { npi: ASKER.npi }));
  await them.signIn();
  const records = people.flatMap((p, i) =>
    ['a', 'b'].map((of) => ({
      resourceType: 'Observation',
      id: `${of}-${i}`,
      status: 'final',
      code: { text: 'x' },
      subject: { reference: `Patient/${idOf(p)}` },
    })),
  );
  await enrol(node.deps, people, records);
});
afterAll(() => node.close());

test('as many as have some thousands of records, one at least, and no more than a statement takes', () => {
  expect(nextSlice(25, 25 * 50)).toBe(125);
  expect(nextSlice(25, 25 * 400)).toBe(50);
  expect(nextSlice(25, 25 * 3400)).toBe(5);
  expect(nextSlice(5, 5 * 100_000)).toBe(1);
  expect(nextSlice(125, 0)).toBe(125);
});

test('every member comes once, in whatever slice', async () => {
  const group = await them.group(people.map((p) => card(p)));
  const { manifest } = await them.finished(await them.get(`Group/${group}/$export`, '_type=Patient,Observation'));
  const keys = keysOf(await them.output(manifest));
  expect(keys).toHaveLength(people.length * 3);
  expect(new Set(keys).size).toBe(keys.length);
});
