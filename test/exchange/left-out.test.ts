// A member who says no, or whose payer turns out to be named by mistake, while a pull is under way: the Group that has that one in it is not asked for.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { planPulls } from '../../exchange/requester/plan.ts';
import { pullReport } from '../../exchange/requester/report/pull-report.ts';
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

const people = ['A', 'B', 'C'].map((x, i) => ({
  number: `N${i}`,
  family: `Family${x}`,
  given: 'Kim',
  born: `1970-01-0${i + 1}`,
  prior: 'Scripted Plan',
}));
const [gone] = people as [(typeof people)[number]];
let crowd: ScriptedPeer;
beforeAll(async () => {
  crowd = await scriptedPeer(people);
});
beforeEach(async () => {
  const { sql } = crowd.node.deps.database;
  await crowd.record({});
  await says('opt-in');
  await sql`update exchange.other_coverage set in_error_at = null`;
  await sql`update exchange.pull set created_at = created_at - interval '400 days'`;
});
afterAll(() => crowd.close());

const says = (choice: string) =>
  crowd.node.deps.database.sql`
    insert into exchange.consent (id, member_id, choice, policy, recorded_on, source)
    select gen_random_uuid()::text, member_id, ${choice}, policy, recorded_on + 1, source from exchange.consent
    where member_id = ${idOf(gone)} order by recorded_on desc limit 1`;
const saysNo = () => says('withdraw');
const isNamedInError = () =>
  crowd.node.deps.database.sql`update exchange.other_coverage set in_error_at = now() where member_id = ${idOf(gone)}`;
const born = (body: string) => people.flatMap((p) => (body.includes(`"birthDate":"${p.born}"`) ? p.family : []));

/** Each Group answers with a record of each that is in it. @param meanwhile while the answer to the first match is fetched */
const script = (meanwhile?: () => Promise<unknown>): Script => {
  const groups: { who: (typeof people)[number][]; group: object }[] = [];
  let isFirst = true;
  return {
    'POST /fhir/Group/$bulk-member-match': (_, a, body) => {
      const sent = [...body.matchAll(/"resourceType":"Patient","id":"(m-[^"]+)".*?"birthDate":"([^"]+)"/g)];
      const who = sent.flatMap((m) => people.find((p) => p.born === m[2]) ?? []);
      const members = sent.map((m, i) => [m[1] ?? '', `p-${who[i]?.number ?? ''}`] as const);
      const n = groups.push({ who, group: { ...groupOf(members, who), id: `g${groups.length}` } }) - 1;
      return void a.writeHead(202, { 'content-location': `/status/m${n}` }).end();
    },
    ...Object.fromEntries(
      Array.from({ length: 4 }, (_, n): [string, Handler][] => [
        [`GET /status/m${n}`, (_r, a) => json(a, crowd.manifest([{ type: 'Group', url: `${crowd.base}/f/g${n}` }]))],
        [
          `GET /f/g${n}`,
          async (r, a) => {
            if (isFirst) await meanwhile?.();
            isFirst = false;
            sends(JSON.stringify(groups[n]?.group))(r, a, '');
          },
        ],
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
      ]).flat(),
    ),
  };
};
const matches = () => crowd.seen.flatMap((s) => (s.path.endsWith('$bulk-member-match') ? [born(s.body)] : []));
const exports = () => crowd.seen.flatMap((s) => (s.path.endsWith('data-export') ? s.path.split('/')[3] : []));
const said = async (id: string) => {
  const report = await pullReport(crowd.node.deps, id);
  return Object.fromEntries(report?.match.map((m) => [m.outcome, m.n]) ?? []);
};
const kept = async () =>
  (
    await crowd.node.deps.database.sql<{ id: string }[]>`
      select distinct member_id as id from exchange.resource where origin = 'scripted' and type = 'Observation'`
  ).map((r) => r.id);

test.each([
  ['says no', saysNo],
  ['did not mean this payer', isNamedInError],
])(
  'a member who %s between the match and the request: the others are matched again, and the first Group is not asked for',
  async (_, then) => {
    const done = await crowd.pull(script(then));
    expect([done.state, matches(), exports()]).toEqual([
      'done',
      [
        ['FamilyA', 'FamilyB', 'FamilyC'],
        ['FamilyB', 'FamilyC'],
      ],
      ['g1'],
    ]);
    expect(await said(done.id)).toEqual({ matched: 2, 'left-out': 1 });
    expect(await kept()).not.toContain(idOf(gone));
    // no job is left behind
    expect(crowd.seen.filter((s) => s.method === 'DELETE').map((s) => s.path)).toContain('/status/m0');
  },
);

test('nor is the Group of an earlier pull, when one of it has said no since this one was planned', async () => {
  const all = script();
  expect(await crowd.pull(all, { full: true })).toMatchObject({ state: 'done', groupId: 'g0' });
  // it serves as long as everybody in it is asked for
  expect(await crowd.pull(all, { full: false })).toMatchObject({ state: 'done', groupId: 'g0' });
  expect(matches()).toEqual([]);
  const [id = ''] = await planPulls(crowd.node.deps, { cause: 'command', again: true });
  await saysNo();
  crowd.seen.length = 0;
  expect(await crowd.rest(id, all)).toMatchObject({ state: 'done', groupId: 'g1' });
  expect([matches(), exports(), await said(id)]).toEqual([
    [['FamilyB', 'FamilyC']],
    ['g1'],
    { matched: 2, 'left-out': 1 },
  ]);
});
