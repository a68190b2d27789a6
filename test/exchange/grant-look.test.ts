// A finished export is looked at as a whole once, and again when someone may have lost a grant: anyone who asks a thousand times still hears of it at once.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { forgetGrantChanges, LOOK, type Look, unchanged } from '../../exchange/responder/grant-check.ts';
import { clearMatches } from '../../exchange/responder/match/match-group.ts';
import { keepClocks } from '../../exchange/schedule.ts';
import { SINGLE_MATCH_SCOPE } from '../../src/auth/scopes.ts';
import type { Queryable } from '../../src/db/database.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { ExportClient, SENSITIVE } from './export-client.ts';
import { BULK_MATCH, client } from './peer-client.ts';
import { ASKER, card, enrol, idOf, matchBody, PEOPLE, type Person, parts, US } from './plan-fixture.ts';

const SCOPES = [BULK_MATCH, SINGLE_MATCH_SCOPE, 'system/*.rs'];
const { rivera, robert, babyak, short } = PEOPLE;
let node: TestNode;
let them: ExportClient;
let time = 0;
let choices = 0;

beforeAll(async () => {
  node = await startNode(
    { PLAN_NPI: US.npi, PLAN_NAME: US.name, PEER_DUAL_APPROVAL: 'off' },
    { clock: () => new Date(Date.now() + time) },
  );
  them = new ExportClient(node, await client(node, 'a', { npi: ASKER.npi, scopes: SCOPES }));
  await them.signIn(SCOPES.join(' '));
  await enrol(node.deps, [rivera, robert, babyak, short]);
});
afterAll(() => node.close());
beforeEach(() => {
  time = 0;
});

const sql = () => node.deps.database.sql;
const choose = (choice: string, member: string, tx: Queryable = sql()) => tx`
  insert into exchange.consent (id, member_id, choice, policy, recorded_on, sequence, source, created_at)
  values (${`c-${++choices}`}, ${member}, ${choice}, 'regular', current_date, ${choices}, 'test', clock_timestamp())`;
/** An export of people who all say yes from now on. */
async function exported(people: readonly Person[] = [rivera, robert], policy?: string, place?: string) {
  for (const person of people) await choose('opt-in', idOf(person));
  const group = await them.group(
    people.map((p) => card(p)),
    policy,
  );
  const { status, manifest } = await them.finished(await them.kick(place ?? `Group/${group}/$export`));
  return { group, status, url: manifest.output[0]?.url ?? '' };
}
const ask = async (job: { status: string; url: string }) => [
  (await them.call(job.status)).status,
  (await them.call(job.url)).status,
];
/** One more member in what the export holds, who was never granted: a look at all of them finds it. */
const strangerIn = (status: string) => sql()`
  insert into exchange.delivered (peer_id, member_id, job_id, policy, consent_id, types, keys)
  select 'a', 'nobody', id, 'regular', 'x', '{}'::jsonb, '{}'::bigint[] from exchange.bulk_job where id = ${status.split('/').at(-1) ?? ''}`;

test('all members are looked at once, and again when any member said something else than yes', async () => {
  const job = await exported();
  expect(await ask(job)).toEqual([200, 200]);
  await strangerIn(job.status);
  await choose('opt-in', idOf(babyak));
  expect(await ask(job)).toEqual([200, 200]);
  await choose('withdraw', idOf(babyak));
  expect(await ask(job)).toEqual([404, 404]);
});

test('a no that was being written while someone looked is heard when it is there', async () => {
  const job = await exported();
  let during: unknown;
  await sql().begin(async (tx) => {
    await choose('withdraw', idOf(robert), tx);
    // the first of them looks at all members, the others at what has changed
    during = [await ask(job), await ask(job)];
  });
  expect(during).toEqual([
    [200, 200],
    [200, 200],
  ]);
  expect(await ask(job)).toEqual([404, 404]);
});

test.each([
  ['changed', (group: string) => sql()`update exchange.match_member set outcome = 'nomatch' where group_id = ${group}`],
  [
    'taken back',
    (group: string) => sql()`delete from exchange.match_member where group_id = ${group} and position = 1`,
  ],
])('a match that was %s is heard at once', async (_, change) => {
  const job = await exported();
  expect(await ask(job)).toEqual([200, 200]);
  await change(job.group);
  expect(await ask(job)).toEqual([404, 404]);
});

test('what housekeeping does takes no grant: no one is looked at again for it', async () => {
  const job = await exported();
  expect(await ask(job)).toEqual([200, 200]);
  await sql()`update exchange.match_group set expires_on = current_date - 2 where id = ${job.group}`;
  await strangerIn(job.status);
  await keepClocks(node.deps);
  expect(await sql()`select from exchange.match_group where id = ${job.group} and resource = ''`).toHaveLength(1);
  await clearMatches(sql(), 'no-such-job');
  await sql()`update exchange.match_single set fuzzy = null where id = 'no-such-match'`;
  expect(await ask(job)).toEqual([200, 200]);
});

test('a consent ends with its last day, without anyone changing anything', async () => {
  const job = await exported();
  await sql()`update exchange.match_member set consent_to = current_date where group_id = ${job.group}`;
  expect(await ask(job)).toEqual([200, 200]);
  const before = (await sql()`select from exchange.grant_change`).length;
  time = 2 * 86_400_000;
  await them.signIn(SCOPES.join(' '), node.deps.clock());
  expect(await ask(job)).toEqual([404, 404]);
  expect(await sql()`select from exchange.grant_change`).toHaveLength(before);
  time = 0;
  await them.signIn(SCOPES.join(' '));
});

test('a narrower consent of a later match ends an export of all members, and not that of the first Group', async () => {
  const all = await exported([short], SENSITIVE, 'Patient/$export');
  const ofGroup = await exported([short], SENSITIVE);
  expect([await ask(all), await ask(ofGroup)]).toEqual([
    [200, 200],
    [200, 200],
  ]);
  const [bundle] = matchBody(parts({ id: 'one', ...card(short) })).parameter as { part: object[] }[];
  const answer = await them.call('/Patient/$member-match', {
    method: 'POST',
    headers: { 'content-type': 'application/fhir+json' },
    body: { resourceType: 'Parameters', parameter: bundle?.part },
  });
  expect(answer.status).toBe(200);
  expect([await ask(all), await ask(ofGroup)]).toEqual([
    [404, 404],
    [200, 200],
  ]);
});

test('a look is good for an hour, and changes are kept for longer', async () => {
  const [now] = await sql().unsafe<Look[]>(`select ${LOOK}`);
  if (!now) throw new Error('no look');
  expect(await unchanged(sql(), now)).toEqual({
    snapshot: expect.any(String),
    at: expect.any(String),
    era: now.era,
  });
  // a server that was brought back from a copy has given out the same numbers of transactions before
  expect(await unchanged(sql(), { ...now, era: 'another' })).toBeUndefined();
  const [old] = await sql()<{ at: string }[]>`select (clock_timestamp() - interval '61 minutes')::text as at`;
  expect(await unchanged(sql(), { ...now, at: old?.at ?? '' })).toBeUndefined();
  await choose('withdraw', idOf(babyak));
  await forgetGrantChanges(sql());
  expect(await unchanged(sql(), now)).toBeUndefined();
  await sql()`update exchange.grant_change set at = at - interval '49 hours'`;
  await forgetGrantChanges(sql());
  expect(await sql()`select from exchange.grant_change`).toEqual([]);
});

test('what has changed is found by the index, whatever the planner thinks of a time that it does not know', async () => {
  await sql()`insert into exchange.grant_change (xid) select '3'::xid8 from generate_series(1, 3000)`;
  await sql()`analyze exchange.grant_change`;
  const [now] = await sql().unsafe<Look[]>(`select ${LOOK}`);
  if (!now) throw new Error('no look');
  const read = await sql().begin(async (tx) => {
    await tx`set local plan_cache_mode = force_generic_plan`;
    const scans = async () => {
      const [row] = await tx<{ seq: number; index: number }[]>`
        select seq_scan::int as seq, idx_scan::int as index from pg_stat_xact_all_tables where relid = 'exchange.grant_change'::regclass`;
      return { seq: row?.seq ?? 0, index: row?.index ?? 0 };
    };
    const before = await scans();
    for (let n = 0; n < 3; n++) expect(await unchanged(tx, now)).toBeDefined();
    const after = await scans();
    return { seq: after.seq - before.seq, index: after.index - before.index };
  });
  expect(read).toEqual({ seq: 0, index: 3 });
});
