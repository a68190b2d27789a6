// What members say and pulls that go on hold the same rows: who is ended by the server for the sake of the other one begins again, and no one
// notices. The server is made to end each of them once.
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  recordChoice,
  recordContacts,
  recordPayer,
  recordRequest,
} from '../../exchange/members/consent/record-choice.ts';
import { good, ndjson, type ScriptedPeer, scriptedPeer, sends } from '../support/scripted-peer.ts';

let peer: ScriptedPeer;
const ACTOR = { kind: 'staff', subject: 'dev|someone', requestId: 'r' } as const;

/** Each kind of row that is written ends its first transaction as a deadlock does; what a sequence counts stays counted. */
async function endOnce(table: string, column: string, kinds: readonly string[]): Promise<void> {
  const { sql } = peer.node.deps.database;
  for (const kind of kinds) await sql.unsafe(`create sequence public."held ${kind}"`);
  await sql.unsafe(`create function public.held_${column}() returns trigger language plpgsql as $$ begin
    if new.${column} = any('{${kinds.join(',')}}'::text[]) and nextval(format('public.%I', 'held ' || new.${column})) = 1 then
      raise exception 'deadlock detected' using errcode = '40P01'; end if;
    return new; end $$`);
  await sql.unsafe(
    `create trigger held before insert on ${table} for each row execute function public.held_${column}()`,
  );
}
const began = async (kind: string): Promise<number> => {
  const [row] = await peer.node.deps.database.sql.unsafe<{ n: number }[]>(
    `select last_value::int as n from public."held ${kind}"`,
  );
  return row?.n ?? 0;
};

beforeAll(async () => {
  peer = await scriptedPeer();
});
afterAll(() => peer.close());

test('each step of a pull commits once, and the peer is asked once', async () => {
  const states = ['discovered', 'authorized', 'matching', 'matched', 'exporting', 'downloading', 'reconciling', 'done'];
  await endOnce('exchange.pull_event', 'state', states);
  const pull = await peer.pull({ 'GET /f/1': sends(ndjson(good('a'), good('b'))) });
  expect(pull.state).toBe('done');
  const { sql } = peer.node.deps.database;
  const events = await sql<
    { state: string }[]
  >`select state from exchange.pull_event where pull_id = ${pull.id} order by id`;
  expect(events.map((e) => e.state).filter((s) => states.includes(s))).toEqual(states);
  for (const state of states) expect({ state, began: await began(state) }).toEqual({ state, began: 2 });
  const asked = peer.seen.filter((s) => s.method === 'POST' && s.path !== '/token').map((s) => s.path);
  expect(asked.length).toBe(new Set(asked).size);
  const done = await sql`select 1 from exchange.audit where object = ${`pull/${pull.id}`} and action = 'pull-done'`;
  expect(done).toHaveLength(1);
  const [{ n: records } = { n: 0 }] = await sql<{ n: number }[]>`
    select count(*)::int as n from exchange.resource where origin = ${pull.peerId} and type = 'Observation'`;
  expect(records).toBe(2);
});

test('what a member says is said once', async () => {
  const { deps } = peer.node;
  const { sql } = deps.database;
  const [member] = await sql<{ id: string }[]>`select id from exchange.member limit 1`;
  const id = member?.id ?? '';
  await endOnce('exchange.audit', 'action', ['choice', 'payer-named', 'request-asked', 'contact']);
  const yes = {
    choice: 'opt-in',
    policy: 'sensitive',
    payers: 'both',
    channel: 'phone',
    language: 'en',
    verification: 'birth date and address',
  } as const;
  expect(await recordChoice(deps, id, yes, ACTOR)).toBeDefined();
  const named = { payer: 'Scripted Plan', memberNumber: 'X1', starts: null, ends: null };
  const coverage = await recordPayer(deps, id, named, ACTOR);
  expect(await recordRequest(deps, id, coverage ?? '', ACTOR)).toBe('asked');
  const offer = { memberId: id, at: deps.clock(), channel: 'mail', kind: 'offer', result: 'delivered' } as const;
  expect(await recordContacts(deps, [offer], ACTOR)).toBe(1);
  const rows = await sql<{ action: string; n: number }[]>`
    select action, count(*)::int as n from exchange.audit where request_id = 'r' group by action order by action`;
  expect(rows.map((r) => [r.action, r.n])).toEqual([
    ['choice', 1],
    ['contact', 1],
    ['payer-named', 1],
    ['request-asked', 1],
  ]);
  for (const { action } of rows) expect(await began(action)).toBe(2);
});
