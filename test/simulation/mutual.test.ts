// Two payers who cover the same people at the same time, each asking the other again and again: what one has of the other, or of a third payer, goes
// to and fro and becomes no more. Real HTTP, two databases.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { planPulls } from '../../exchange/requester/plan.ts';
import type { Sql } from '../../src/db/database.ts';
import { idOf, type Person } from '../exchange/plan-fixture.ts';
import { lab, output, PEER, puller } from '../exchange/reconcile/reconcile-pull.ts';
import { brokenLaws, outcomes } from '../journey/laws.ts';
import { introduce, startNode, type TestNode } from '../support/node.ts';
import { asksOf, loadPlan } from './load-plan.ts';

const DAY = 86_400_000;
let skew = 0;
const clock = () => new Date(Date.now() + skew);
const person = (number: string, family: string, given: string, born: string): Person => ({
  number,
  family,
  given,
  born,
});
const AT_A = [person('A100', 'Rivera', 'Ana', '1974-12-25'), person('A200', 'Johnson', 'Robert', '1960-02-03')];
const AT_B = [person('B731', 'Rivera', 'Ana', '1974-12-25'), person('B942', 'Johnson', 'Robert', '1960-02-03')];
const SCOPES = ['http://hl7.org/fhir/us/davinci-pdex/OperationDefinition/BulkMemberMatch', 'system/*.rs'];
let a: TestNode;
let b: TestNode;

/** Three results of each person, one of which both payers have under its number. */
async function load(node: TestNode, here: readonly Person[], there: readonly Person[], other: string, hour: number) {
  const rows = here.map((p, i) => asksOf(p, other, there[i]?.number ?? ''));
  const records = here.flatMap((p) => {
    const of = { subject: { reference: `Patient/${idOf(p)}` } };
    const own = [1, 2].map((n) =>
      lab(`${p.number}-${n}`, { ...of, effectiveDateTime: `2026-0${n}-05T0${hour}:00:00Z` }),
    );
    const common = { identifier: [{ system: 'https://lab.example', value: p.family }] };
    return [...own, lab(`${p.number}-3`, { ...of, ...common, effectiveDateTime: '2026-05-05T09:30:00Z' })];
  });
  await loadPlan(node, rows, records);
}

/** What a third payer told A before. */
async function third(): Promise<void> {
  const { sql } = a.deps.database;
  const chosen = await sql<{ member: string; id: string }[]>`select member_id as member, id from exchange.consent`;
  const { pull } = await puller(a.deps, undefined, 'regular', {});
  const results = AT_A.map((_, i) =>
    lab(`c${i}`, { subject: { reference: `Patient/p${i}` }, effectiveDateTime: '2025-03-03T07:00:00Z' }),
  );
  const said = AT_A.map((_, i) => ({
    resourceType: 'Provenance',
    id: `s${i}`,
    target: [{ reference: `Observation/c${i}` }],
    recorded: '2025-03-04T00:00:00Z',
    agent: [
      {
        type: {
          coding: [{ system: 'http://terminology.hl7.org/CodeSystem/provenance-participant-type', code: 'author' }],
        },
        who: { display: 'Third Lab' },
      },
    ],
  }));
  const done = await pull([output('Observation', ...results), output('Provenance', ...said)], {
    peer: PEER,
    members: AT_A.map((p, i) => [`p${i}`, idOf(p)]),
    choices: new Map(chosen.map((c) => [c.member, c.id])),
  });
  expect(done.state).toBe('done');
}

beforeAll(async () => {
  a = await startNode({ PLAN_NAME: 'Plan A', PLAN_NPI: '9000000020' }, { clock });
  b = await startNode({ PLAN_NAME: 'Plan B', PLAN_NPI: '9000000004' }, { clock });
  await introduce(a, b, { asker: 'plan-a', responder: 'plan-b' });
  await a.deps.database
    .sql`update exchange.peer set client_id_here = 'client-b', jwks_url = ${`${b.base}/exchange/auth/client-jwks.json`}, scopes = ${SCOPES}::text[] where id = 'plan-b'`;
  await b.deps.database
    .sql`update exchange.peer set fhir_base = ${`${a.base}/exchange/fhir`}, client_id_there = 'client-b', origins = ${[a.base]}::text[] where id = 'plan-a'`;
  await load(a, AT_A, AT_B, 'Plan B', 7);
  await load(b, AT_B, AT_A, 'Plan A', 8);
  await third();
});
afterAll(async () => {
  await a?.close();
  await b?.close();
});

/** Each asks the other at once, for everything or for what changed. Returns the outcomes at either. */
async function round(full: boolean): Promise<Record<string, number>[]> {
  const ask = async (node: TestNode, peerId: string) => {
    const [id = ''] = await planPulls(node.deps, { cause: 'command', peerId, again: true, full });
    const done = await node.worker.finish(id);
    expect([peerId, done?.state, done?.reason]).toEqual([peerId, 'done', null]);
    return outcomes(node.deps.database.sql, id);
  };
  const working = setInterval(() => {
    void a.work();
    void b.work();
  }, 20);
  try {
    return await Promise.all([ask(a, 'plan-b'), ask(b, 'plan-a')]);
  } finally {
    clearInterval(working);
    skew += 20 * DAY;
  }
}

const held = async (sql: Sql) =>
  Object.fromEntries(
    (
      await sql<{ origin: string; n: number }[]>`
        select origin, count(*)::int as n from exchange.resource where type = 'Observation' and not deleted group by 1`
    ).map((r) => [r.origin, r.n]),
  );
const statements = async (sql: Sql) =>
  (await sql<{ n: number }[]>`select count(*)::int as n from exchange.resource_version where type = 'Provenance'`)[0]
    ?.n;

test('what goes to and fro becomes no more, and in the end nothing is written', async () => {
  const sqls = [a.deps.database.sql, b.deps.database.sql] as const;
  let last: Record<string, number>[] = [];
  for (const full of [true, false, true, true, true]) last = await round(full);
  // two of the other's own, the third is ours as well: the same number
  expect(await Promise.all(sqls.map(held))).toEqual([
    { own: 6, 'plan-b': 4, [PEER]: 2 },
    { own: 6, 'plan-a': 6 },
  ]);
  for (const counts of last) expect(Object.keys(counts).sort()).toEqual(['echo', 'unchanged']);
  // who transmits says when what is transmitted came, which is never again
  expect(await Promise.all(sqls.map(statements))).toEqual([0, 0]);
  for (const sql of sqls) expect(await brokenLaws(sql)).toEqual({});
});
