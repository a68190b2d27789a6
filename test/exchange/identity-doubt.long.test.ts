import { afterAll, beforeAll, expect, test } from 'vitest';
import { localId } from '../../exchange/reconcile/local-id.ts';
import { mergedBundle } from '../../exchange/records/view/everything.ts';
import { decideItem } from '../../exchange/review/decide.ts';
import type { PersonDecision } from '../../exchange/review/kinds.ts';
import { findItem, listItems } from '../../exchange/review/review-rows.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { ExportClient, keysOf } from './export-client.ts';
import { client } from './peer-client.ts';
import { ASKER, card, enrol, idOf, PEOPLE, US } from './plan-fixture.ts';
import { lab, output, PEER, puller } from './reconcile/reconcile-pull.ts';

const { rivera } = PEOPLE;
const LAB = `Observation/${localId(PEER, 'Observation', 'lab')}`;
const reviewer = { subject: 'dev|reviewer', name: 'A Reviewer', role: 'reviewer', development: true };
let node: TestNode;
let them: ExportClient;
let group: string;
let prior: Awaited<ReturnType<typeof puller>>;

beforeAll(async () => {
  node = await startNode({ PLAN_NPI: US.npi, PLAN_NAME: US.name });
  them = new ExportClient(node, await client(node, 'a', { npi: ASKER.npi }));
  await them.signIn();
  await enrol(node.deps, [rivera]);
  group = await them.group([card(rivera)]);
  prior = await puller(node.deps, undefined, 'regular', { p1: idOf(rivera) });
});
afterAll(() => node.close());

const patient = (birthDate: string, day: number) => ({
  resourceType: 'Patient',
  id: 'p1',
  meta: { lastUpdated: `2026-01-0${day}T00:00:00Z` },
  name: [{ family: rivera.family, given: ['Ana'] }],
  birthDate,
});
const pull = (birthDate: string, day: number) =>
  prior.pull([output('Patient', patient(birthDate, day)), output('Observation', lab('lab'))], { since: new Date() });
const exported = async (since?: string) => {
  const more = since === undefined ? '' : `&_since=${since}`;
  const { manifest } = await them.finished(await them.get(`Group/${group}/$export`, `_type=Observation${more}`));
  return {
    keys: keysOf(await them.output(manifest)),
    deleted: await them.deleted(manifest),
    at: manifest.transactionTime,
  };
};
const shown = async () => {
  let text = '';
  for await (const piece of (await mergedBundle(node.deps, idOf(rivera), true)) ?? []) text += piece;
  return text.includes(`/${LAB}","resource"`);
};
const doubt = async () =>
  (
    await Promise.all(
      (['open', 'decided'] as const).map((state) =>
        listItems(node.deps.database.sql, { state, kind: 'identity-doubt' }, 1),
      ),
    )
  ).flat()[0];
async function decide(decision: PersonDecision | 'undo', deps = node.deps) {
  const item = await findItem(node.deps.database.sql, (await doubt())?.id ?? '');
  const d = { itemId: item?.id ?? '', decision, reason: 'looked at it', mark: item?.mark ?? '' };
  expect(await decideItem(deps, reviewer, d, 'r')).toBeUndefined();
}
const IN = { keys: [LAB], deleted: [] };
const OUT = { keys: [], deleted: [LAB] };
const reads = async () => (await them.call(`/${LAB}`)).status;

test('what came while it was believed is taken back when the payer tells another birth date', async () => {
  await pull(rivera.born, 1);
  const first = await exported();
  expect(first).toMatchObject(IN);
  await pull('1981-01-01', 2);
  const second = await exported(first.at);
  expect(second).toMatchObject(OUT);
  expect(await reads()).toBe(404);
  expect(await shown()).toBe(false);
  expect((await exported()).keys).toEqual([]);

  await pull(rivera.born, 3);
  expect(await doubt()).toBeUndefined();
  expect(await exported(second.at)).toMatchObject(IN);
  expect(await shown()).toBe(true);
});

test.each([
  ['keep-both', true],
  ['dismiss', true],
  ['report-to-peer', false],
  ['discard', false],
] as const)('decided as %s', async (decision, leaves) => {
  await pull('1981-01-01', 4);
  const before = await exported();
  expect(before.keys).toEqual([]);
  await decide(decision);
  expect(await exported(before.at)).toMatchObject(leaves ? IN : { keys: [], deleted: [] });
  expect(await shown()).toBe(leaves);
  const after = await exported();
  await decide('undo');
  expect(await exported(after.at)).toMatchObject(leaves ? OUT : { keys: [], deleted: [] });
  expect(await shown()).toBe(false);
});

test('after discard a Patient that agrees with ours ends nothing: a person takes it back first; after report-to-peer it does', async () => {
  await pull('1981-01-01', 5);
  await decide('discard');
  const before = await exported();
  await pull(rivera.born, 5);
  expect(await exported(before.at)).toMatchObject({ keys: [], deleted: [] });
  expect([await reads(), await shown(), (await doubt())?.state]).toEqual([404, false, 'decided']);
  await decide('undo');
  expect([await reads(), (await doubt())?.state]).toEqual([404, 'open']);
  await decide('dismiss');
  expect(await exported(before.at)).toMatchObject(IN);
  expect(await shown()).toBe(true);

  await pull('1981-01-02', 6);
  await decide('report-to-peer');
  const reported = await exported();
  expect(reported.keys).toEqual([]);
  await pull(rivera.born, 6);
  expect(await doubt()).toBeUndefined();
  expect(await exported(reported.at)).toMatchObject(IN);
});

test('a decision is reported peers although the clock of the process is behind', async () => {
  await pull('1981-01-01', 7);
  const before = await exported();
  await decide('dismiss', { ...node.deps, clock: () => new Date(Date.now() - 600_000) });
  expect(await exported(before.at)).toMatchObject(IN);
  await decide('undo');
});

test('a birth date that is reported less exactly is no other one', async () => {
  await pull(rivera.born.slice(0, 4), 8);
  expect(await doubt()).toBeUndefined();
  expect(await shown()).toBe(true);
});
