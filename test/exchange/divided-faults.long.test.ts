// Division by 413 that is broken off at any statement: each member stays in exactly one pull, and the pulls come to an end.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { PullWorker } from '../../exchange/requester/run.ts';
import {
  groupOf,
  type Handler,
  json,
  type Script,
  type ScriptedPeer,
  scriptedPeer,
  sends,
  status,
} from '../support/scripted-peer.ts';
import { idOf } from './plan-fixture.ts';

const people = Array.from({ length: 6 }, (_, i) => ({
  number: `N${i}`,
  family: `Family${'ABCDEF'[i]}`,
  given: 'Kim',
  born: `1970-01-0${i + 1}`,
  prior: 'Scripted Plan',
}));
let crowd: ScriptedPeer;
beforeAll(async () => {
  crowd = await scriptedPeer(people);
});
beforeEach(() => crowd.record({}));
afterAll(() => crowd.close());

const script = (remove: Handler): Script => {
  const answers: Script = {};
  let n = 0;
  answers['POST /fhir/Group/$bulk-member-match'] = (_, a, body) => {
    const members = [...body.matchAll(/"resourceType":"Patient","id":"(m-[^"]+)".*?"birthDate":"([^"]+)"/g)];
    const who = members.flatMap((m) => people.find((p) => p.born === m[2]) ?? []);
    const ids = members.map((m, i) => [m[1] ?? '', `p-${who[i]?.number ?? ''}`] as const);
    const k = n++;
    Object.assign(answers, {
      [`GET /status/m${k}`]: ((_q, b) =>
        json(b, crowd.manifest([{ type: 'Group', url: `${crowd.base}/f/g${k}` }]))) satisfies Handler,
      [`GET /f/g${k}`]: ((q, b, c) =>
        sends(JSON.stringify({ ...groupOf(ids, who), id: `g${k}` }))(q, b, c)) satisfies Handler,
      [`POST /fhir/Group/g${k}/$davinci-data-export`]: ((_q, b) =>
        void b.writeHead(202, { 'content-location': `/status/e${k}` }).end()) satisfies Handler,
      [`GET /status/e${k}`]: ((q, b, c) =>
        ids.length > 2 ? status(413)(q, b, c) : json(b, crowd.manifest([]))) satisfies Handler,
      [`DELETE /status/m${k}`]: remove,
      [`DELETE /status/e${k}`]: remove,
    });
    return void a.writeHead(202, { 'content-location': `/status/m${k}` }).end();
  };
  return answers;
};

const members = async () => {
  const rows = await crowd.node.deps.database.sql<{ id: string; n: number; state: string; reason: string | null }[]>`
    select m.member_id as id, count(*)::int as n, min(p.state) as state, min(p.reason) as reason from exchange.pull_member m join exchange.pull p on p.id = m.pull_id
    where p.created_at = (select max(created_at) from exchange.pull) group by 1`;
  return [...rows];
};
const settled = async () => {
  const { sql } = crowd.node.deps.database;
  for (let i = 0; i < 200; i++) {
    const [open] = await sql<
      { id: string }[]
    >`select id from exchange.pull where state in ('due', 'discovered', 'authorized', 'matching', 'matched', 'exporting', 'downloading', 'reconciling') order by next_at limit 1`;
    if (open === undefined) return;
    await crowd.rest(open.id);
  }
  throw new Error('open');
};

test.each([
  ['pull', 'insert', 'new.part_of is not null'],
  ['pull_member', 'update', 'new.pull_id <> old.pull_id'],
  ['pull_event', 'insert', `new.detail like 'divided%'`],
  ['audit', 'insert', `new.action = 'pull-planned' and new.detail ? 'of'`],
  ['pull', 'update', `new.state = 'authorized' and old.state = 'exporting'`],
  ['peer', 'update', 'new.takes is distinct from old.takes'],
])('broken off at a write to %s (%s)', async (table, event, when) => {
  const { sql } = crowd.node.deps.database;
  await sql.unsafe(`create sequence if not exists exchange.broken`);
  await sql.unsafe(`select setval('exchange.broken', 1, false)`);
  await sql.unsafe(`create or replace function exchange.breaks() returns trigger language plpgsql as $$ begin
    if nextval('exchange.broken') <= 3 then raise exception 'broken off'; end if; return new; end $$`);
  await sql.unsafe(
    `create trigger breaks before ${event} on exchange.${table} for each row when (${when}) execute function exchange.breaks()`,
  );
  try {
    await crowd.pull(script(status(500)));
    await settled();
    const [left] = await sql`select last_value::int as n from exchange.broken`;
    expect(left?.['n']).toBeGreaterThan(3);
  } finally {
    await sql.unsafe(`drop trigger breaks on exchange.${table}`);
  }
  const all = await members();
  expect(all.map((m) => [m.n, m.state])).toEqual(people.map(() => [1, 'done']));
});

test.each<[string, Handler]>([
  ['404', status(404)],
  ['never', (_, a) => void setTimeout(() => a.destroy(), 300)],
])('jobs whose removal is answered by %s, with two processes', async (_what, remove) => {
  const other = new PullWorker(crowd.node.deps);
  let isOver = false;
  const beside = (async () => {
    while (!isOver) if (!(await other.step())) await new Promise((r) => setTimeout(r, 5));
  })();
  try {
    await crowd.pull(script(remove));
    await settled();
  } finally {
    isOver = true;
    await beside;
  }
  expect((await members()).map((m) => [m.n, m.state])).toEqual(people.map(() => [1, 'done']));
});

test('a member who withdraws amid it is asked for no more; the others are each in one pull', async () => {
  const { sql } = crowd.node.deps.database;
  const over = script(status(202));
  const match = over['POST /fhir/Group/$bulk-member-match'] as Handler;
  let times = 0;
  over['POST /fhir/Group/$bulk-member-match'] = (r, a, body) => {
    if (times++ > 0) return match(r, a, body);
    const gone = sql`
      insert into exchange.consent (id, member_id, choice, policy, recorded_on, source)
      select gen_random_uuid()::text, member_id, 'withdraw', policy, recorded_on + 1, source from exchange.consent where member_id = (select min(member_id) from exchange.consent)`;
    void gone.then(
      () => match(r, a, body),
      (e: unknown) => json(a, String(e), 500),
    );
  };
  await crowd.pull(over);
  await settled();
  const all = await members();
  expect(all.map((m) => m.n)).toEqual(people.map(() => 1));
  expect(all.every((m) => ['done', 'withdrawn'].includes(m.state))).toBe(true);
  // of whom no one knew yet all six are asked for, and then no more of the one
  const sent = crowd.seen.flatMap((q) =>
    q.path.endsWith('$bulk-member-match') ? [[...q.body.matchAll(/"birthDate":"([^"]+)"/g)].map((m) => m[1])] : [],
  );
  expect(sent[0]).toHaveLength(6);
  const [first = ''] = people.map((p) => idOf(p)).sort();
  const gone = people.find((p) => idOf(p) === first);
  expect(sent.slice(1).flat()).not.toContain(gone?.born);
});
