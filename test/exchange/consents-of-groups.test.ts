// A member whom one peer has in two Groups, under two consents: each Group is exported under its own, and what was reported is reported once.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startNode, type TestNode } from '../support/node.ts';
import { ExportClient, keysOf, SENSITIVE } from './export-client.ts';
import { BULK_MATCH, client } from './peer-client.ts';
import { ASKER, card, enrol, idOf, PEOPLE, US } from './plan-fixture.ts';

const { rivera } = PEOPLE;
const lab = (id: string, more: object = {}) => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { text: 'x' },
  subject: { reference: `Patient/${idOf(rivera)}` },
  ...more,
});
const security = [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'HIV' }];
let node: TestNode;
let them: ExportClient;

beforeAll(async () => {
  node = await startNode({ PLAN_NPI: US.npi, PLAN_NAME: US.name });
  them = new ExportClient(node, await client(node, 'a', { npi: ASKER.npi, scopes: [BULK_MATCH, 'system/*.rs'] }));
  await them.signIn();
  await enrol(node.deps, [rivera], [lab('plain'), lab('labelled', { meta: { security } })]);
});
afterAll(() => node.close());

/** Observations, those that are deleted, and the time to ask from the next time. */
async function taken(group: string, since?: string) {
  const query = `_type=Observation${since === undefined ? '' : `&_since=${since}`}`;
  const { manifest } = await them.finished(await them.get(`Group/${group}/$davinci-data-export`, query));
  const { transactionTime } = manifest;
  return { sent: keysOf(await them.output(manifest)), gone: await them.deleted(manifest), at: transactionTime };
}
const both = ['Observation/labelled', 'Observation/plain'];

test('a narrower consent of a second Group sends nothing of the first one again', async () => {
  const wide = await them.group([card(rivera)], SENSITIVE);
  const first = await taken(wide);
  expect(first.sent.toSorted()).toEqual(both);
  const narrow = await them.group([card(rivera)]);
  expect((await taken(narrow)).sent).toEqual(['Observation/plain']);
  const { at } = await taken(wide, first.at);
  const again = await taken(wide, at);
  expect([again.sent, again.gone]).toEqual([[], []]);
  expect((await taken(narrow, at)).sent).toEqual([]);
  // whom a third Group brings again had, by the narrowest, not all
  const third = await them.group([card(rivera)], SENSITIVE);
  expect((await taken(third, at)).sent).toContain('Observation/labelled');
});
