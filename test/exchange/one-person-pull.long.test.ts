// Two members of one payer are merged, or two again, at each state of a pull that asks for both: none is stuck, no duty is lost, and once they are
// two nothing of the one comes to the other.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeOne, makeTwo } from '../../exchange/members/merge/merge-members.ts';
import { DOUBTS } from '../../exchange/members/merge/merge-report.ts';
import { setPeerState } from '../../exchange/peers/peer.ts';
import { PeerTokens } from '../../exchange/requester/client/token.ts';
import { planPulls } from '../../exchange/requester/plan.ts';
import { findPull } from '../../exchange/requester/pull.ts';
import { takeStep } from '../../exchange/requester/run.ts';
import { keepClocks } from '../../exchange/schedule.ts';
import {
  groupOf,
  type Handler,
  json,
  ndjson,
  type Script,
  type ScriptedPeer,
  scriptedPeer,
  sends,
} from '../support/scripted-peer.ts';
import { idOf } from './plan-fixture.ts';
import { lab } from './reconcile/reconcile-pull.ts';

// as alike as one person who is there under two cards
const people = ['N0', 'N1'].map((number) => ({
  number,
  family: 'Rivera',
  given: 'Kim',
  born: '1970-01-01',
  prior: 'Scripted Plan',
}));
const [A, B] = people.map((p) => idOf(p)) as [string, string];
const WHO = { kind: 'staff', subject: 'ada', requestId: 'r' } as const;
let crowd: ScriptedPeer;
beforeEach(async () => {
  crowd = await scriptedPeer(people);
  Object.assign(crowd.normal, script());
  await keepClocks(crowd.node.deps);
});
afterEach(() => crowd.close());

/** Knows each of the two by the card there, anyone who is said to have it. */
const script = (): Script => {
  const groups: { who: (typeof people)[number][]; group: object }[] = [];
  const all = Array.from({ length: 6 }, (_, n): [string, Handler][] => [
    [`GET /status/m${n}`, (_r, a) => json(a, crowd.manifest([{ type: 'Group', url: `${crowd.base}/f/g${n}` }]))],
    [`GET /f/g${n}`, (r, a) => sends(JSON.stringify(groups[n]?.group))(r, a, '')],
    [
      `POST /fhir/Group/g${n}/$davinci-data-export`,
      (_r, a) => void a.writeHead(202, { 'content-location': `/status/e${n}` }).end(),
    ],
    [`GET /status/e${n}`, (_r, a) => json(a, crowd.manifest([crowd.file(`/f/e${n}`)]))],
    [
      `GET /f/e${n}`,
      (r, a) =>
        sends(
          ndjson(
            ...(groups[n]?.who ?? []).map((p) =>
              JSON.stringify(lab(`of-${p.number}`, { subject: { reference: `Patient/p-${p.number}` } })),
            ),
          ),
        )(r, a, ''),
    ],
  ]).flat();
  return {
    'POST /fhir/Group/$bulk-member-match': (_, a, body) => {
      const { parameter } = JSON.parse(body) as { parameter: { part?: object[] }[] };
      const known = parameter.flatMap(({ part }) => {
        const text = JSON.stringify(part ?? []);
        const id = /"resourceType":"Patient","id":"(m-[^"]+)"/.exec(text)?.[1];
        const who = people.find((p) => p.number === /"X(N\d)"/.exec(text)?.[1]);
        return id === undefined || who === undefined ? [] : [{ id, who }];
      });
      const members = known.map(({ id, who }) => [id, `p-${who.number}`] as const);
      const who = known.map((k) => k.who);
      const n = groups.push({ who, group: { ...groupOf(members, who), id: `g${groups.length}` } }) - 1;
      return void a.writeHead(202, { 'content-location': `/status/m${n}` }).end();
    },
    ...Object.fromEntries(all),
  };
};
const STATES = [
  'due',
  'discovered',
  'authorized',
  'matching',
  'matched',
  'exporting',
  'downloading',
  'reconciling',
] as const;
/** Steps of a pull until a state. */
async function until(id: string, state: string): Promise<void> {
  const tokens = new PeerTokens();
  for (let n = 0; n < 40; n++) {
    if ((await findPull(crowd.node.deps.database.sql, id))?.state === state) return;
    crowd.at(new Date(crowd.node.deps.clock().getTime() + 10_000));
    await takeStep(crowd.node.deps, tokens, 'walk', id);
  }
  throw new Error(`the pull does not come to ${state}`);
}
const one = () =>
  makeOne(crowd.node.deps, { memberId: A, formerId: B, reason: 'one person', seen: Object.keys(DOUBTS) }, WHO);
const two = () => makeTwo(crowd.node.deps, { formerId: B, reason: 'two persons' }, WHO);
const shown = async () =>
  (
    await crowd.node.deps.database.sql<{ k: string }[]>`
      select member_id || ' ' || source_id as k from exchange.resource where origin = 'scripted' and type = 'Observation' and not deleted order by 1`
  )
    .map((r) => r.k.replace(A, 'A').replace(B, 'B'))
    .sort();
const duties = async () => {
  await keepClocks(crowd.node.deps);
  const rows = await crowd.node.deps.database.sql<{ k: string }[]>`
    select k.member_id || ' ' || o.member_number || ' ' || k.state as k from exchange.deadline k join exchange.other_coverage o on o.id = split_part(k.subject, '/', 1)
    where k.kind = 'C2' order by 1`;
  return rows.map((r) => r.k.replace(A, 'A').replace(B, 'B')).sort();
};
/** Everything that is due is asked for, to where it rests. */
async function ask(days = 1): Promise<string[]> {
  crowd.at(new Date(crowd.node.deps.clock().getTime() + days * 86_400_000));
  const ended = [];
  for (const id of await planPulls(crowd.node.deps, { cause: 'opt-in' })) ended.push((await crowd.rest(id)).state);
  return ended;
}
const planned = async (): Promise<string> => {
  const made = await planPulls(crowd.node.deps, { cause: 'opt-in' });
  expect(made).toHaveLength(1);
  return made[0] ?? '';
};

test.each(STATES)(
  'made one at %s: the pull ends, both cards are the one’s, and two again each is asked for again',
  async (state) => {
    const id = await planned();
    await until(id, state);
    const made = await one();
    if (state === 'reconciling') {
      expect(made).toEqual({ refused: 'busy', payers: ['Scripted Plan'] });
      expect((await crowd.rest(id)).state).toBe('done');
      expect(await shown()).toEqual(['A of-N0', 'B of-N1']);
      return;
    }
    expect(made).toHaveProperty('id');
    expect((await crowd.rest(id)).state).toBe('done');
    await ask();
    expect(await shown()).toEqual(['A of-N0', 'A of-N1']);
    expect(await duties()).toEqual(['A XN0 met', 'A XN1 met']);
    expect(await two()).toHaveProperty('id');
    expect(await duties()).toEqual(['A XN0 met', 'B XN1 met']);
  },
);

test.each(STATES)(
  'two again at %s: what is asked for by the card of the one does not come to the other, and is asked for again',
  async (state) => {
    expect(await one()).toHaveProperty('id');
    const id = await planned();
    await until(id, state);
    const made = await two();
    if (state === 'reconciling') {
      expect(made).toEqual({ refused: 'busy', payers: ['Scripted Plan'] });
      return;
    }
    expect(made).toHaveProperty('id');
    expect((await crowd.rest(id)).state).toBe('done');
    expect(await shown()).toEqual(['A of-N0']);
    const ended = await ask();
    expect(ended).toEqual(['done']);
    expect(await shown()).toEqual(['A of-N0', 'B of-N1']);
    expect(await duties()).toEqual(['A XN0 met', 'B XN1 met']);
  },
);

test('two again while the payer is suspended: the same once it is active', async () => {
  const { sql } = crowd.node.deps.database;
  expect(await one()).toHaveProperty('id');
  const id = await planned();
  await until(id, 'matched');
  await setPeerState(sql, 'scripted', 'suspended', 'test', crowd.node.deps.clock());
  expect((await crowd.rest(id)).state).toBe('review');
  expect(await two()).toHaveProperty('id');
  await setPeerState(sql, 'scripted', 'active', 'test', crowd.node.deps.clock());
  expect(await ask()).not.toContain('failed');
  expect((await shown()).filter((k) => k === 'A of-N1')).toEqual([]);
  expect(await shown()).toContain('B of-N1');
});
