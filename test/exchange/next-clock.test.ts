// The duty to ask a payer again is met when it has taken the question, and the next one begins then: by whomever the pull was asked for, and
// whether a schedule runs or not.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { complianceReport } from '../../exchange/compliance/report/compliance.ts';
import { peerStatement } from '../../exchange/compliance/report/statement.ts';
import { planPulls } from '../../exchange/requester/plan.ts';
import { pullReport } from '../../exchange/requester/report/pull-report.ts';
import { keepClocks } from '../../exchange/schedule.ts';
import { pagePulls } from '../../exchange/staff/data/list-rows.ts';
import { good, json, type ScriptedPeer, scriptedPeer, status } from '../support/scripted-peer.ts';

type Answer = Parameters<typeof json>[0];
let peer: ScriptedPeer;
beforeAll(async () => {
  peer = await scriptedPeer();
});
afterAll(() => peer.close());
const duties = async () => [
  ...(await peer.node.deps.database.sql<{ state: string; began: boolean; stop: string | null }[]>`
    select k.state, exists (select from exchange.pull p where p.kicked_off_at = k.starts_at) as began, k.stop_event as stop
    from exchange.deadline k where k.kind in ('C4', 'C5-runoff') order by k.starts_at, k.id`),
];
const listed = async (id: string) => {
  const { deps } = peer.node;
  return (await pagePulls(deps.database.sql, {}, deps.clock(), 10)).find((p) => p.id === id);
};
const DAY = 86_400_000;

test('asked again by hand: what was running is met at once, and the list of pulls says so', async () => {
  await peer.pull();
  expect(await duties()).toEqual([{ state: 'open', began: true, stop: null }]);
  peer.at(new Date(peer.node.deps.clock().getTime() + DAY));
  const again = await peer.pull();
  expect(await duties()).toEqual([
    { state: 'met', began: true, stop: `pull/${again.id}` },
    { state: 'open', began: true, stop: null },
  ]);
  const line = await listed(again.id);
  expect(line).toMatchObject({ clocksOpen: 0, clocksLate: 0, clocksMet: 1 });
  // the page of the pull and the statement of the payer name the same due time
  expect((await pullReport(peer.node.deps, again.id))?.pull.dueAt).toEqual(line?.dueAt);
  const day = peer.node.deps.clock().toISOString().slice(0, 10);
  const period = {
    name: 'x',
    first: `${Number(day.slice(0, 4)) - 1}-01-01`,
    last: `${Number(day.slice(0, 4)) + 1}-12-31`,
  };
  const { table } = (await peerStatement(peer.node.deps, 'scripted', period)) ?? {};
  const at = (key: string) => table?.columns.findIndex((c) => c.key === key) ?? -1;
  const row = table?.rows.find((r) => r[at('id')]?.value === again.id);
  expect(row?.[at('due')]?.value).toBe(line?.dueAt.toISOString());
});

test('a payer that answers at once has taken the question when it has answered', async () => {
  const atOnce = {
    'GET /fhir/metadata': (_: unknown, a: Answer) =>
      json(a, {
        resourceType: 'CapabilityStatement',
        fhirVersion: '4.0.1',
        rest: [{ resource: [{ type: 'Patient', operation: [{ name: 'member-match' }, { name: 'everything' }] }] }],
      }),
    'POST /fhir/Patient/$member-match': (_: unknown, a: Answer) =>
      json(a, {
        resourceType: 'Parameters',
        parameter: [
          { name: 'MemberIdentifier', valueIdentifier: { system: 'urn:s', value: 'U1' } },
          { name: 'MemberId', valueReference: { reference: 'Patient/p9' } },
        ],
      }),
    'GET /fhir/Patient/p9/$everything': status(500),
  };
  peer.at(new Date(peer.node.deps.clock().getTime() + DAY));
  await peer.record({});
  const failed = await peer.pull(atOnce);
  expect(failed).toMatchObject({ state: 'partial', fetchForm: 'everything' });
  await keepClocks(peer.node.deps);
  expect(await duties()).toMatchObject([{ state: 'met' }, { state: 'open', stop: null }]);
  const answers = { resourceType: 'Bundle', type: 'searchset', entry: [{ resource: JSON.parse(good('a')) }] };
  const done = await peer.pull({ ...atOnce, 'GET /fhir/Patient/p9/$everything': (_, a) => json(a, answers) });
  expect(done.state).toBe('done');
  expect(await duties()).toMatchObject([
    { state: 'met' },
    { state: 'met', stop: `pull/${done.id}` },
    { state: 'open', stop: null },
  ]);
});

test('a pull that is asked for on the command line is the deed of who asked, and no deed of the schedule', async () => {
  const { deps } = peer.node;
  const [id = ''] = await planPulls(deps, { cause: 'command', again: true, by: 'bob (payer)' });
  const [row] = await deps.database
    .sql`select actor_kind, actor from exchange.audit where action = 'pull-planned' and object = ${`pull/${id}`}`;
  expect(row).toEqual({ actor_kind: 'command', actor: 'bob (payer)' });
  const year = deps.clock().getUTCFullYear();
  const period = { name: 'x', first: `${year - 1}-01-01`, last: `${year + 1}-12-31` };
  const deeds = (await complianceReport(deps, { period })).tables.find((t) => t.name === 'decisions');
  expect(deeds?.rows.map((r) => r.slice(0, 3).map((c) => c.value))).toContainEqual(['pull-planned', 'bob (payer)', 1]);
});
