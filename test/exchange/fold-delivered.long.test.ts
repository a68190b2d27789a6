// What exports held is kept once, however often it was exported, and is asked for as before.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { keepEntries, noteReported } from '../../exchange/responder/export/delivered-entries.ts';
import { foldDelivered } from '../../exchange/responder/export/fold-delivered.ts';
import { removeExpired } from '../../exchange/responder/export/remove-expired.ts';
import type { Sql } from '../../src/db/database.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { ExportClient, keysOf, type Manifest } from './export-client.ts';
import { client } from './peer-client.ts';
import { ASKER, card, enrol, idOf, PEOPLE, planDay, US } from './plan-fixture.ts';

const { rivera, robert } = PEOPLE;
const lab = (id: string, performer?: string, member = rivera) => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '718-7' }] },
  subject: { reference: `Patient/${idOf(member)}` },
  effectiveDateTime: planDay(new Date(Date.now() - 30 * 86_400_000)),
  ...(performer === undefined ? {} : { performer: [{ reference: `Organization/${performer}` }] }),
});
const place = (id: string) => ({ resourceType: 'Organization', id, active: true, name: `Place ${id}` });
const removal = (...urls: string[]) => ({
  resourceType: 'Bundle',
  type: 'transaction',
  entry: urls.map((url) => ({ request: { method: 'DELETE', url } })),
});

let node: TestNode;
let sql: Sql;
let them: ExportClient;
beforeAll(async () => {
  node = await startNode({ PLAN_NPI: US.npi, PLAN_NAME: US.name });
  sql = node.deps.database.sql;
  them = new ExportClient(node, await client(node, 'a', { npi: ASKER.npi }));
  await them.signIn();
  await enrol(node.deps, [rivera, robert], []);
});
afterAll(() => node.close());

const write = (...records: object[]) => enrol(node.deps, [], records);
async function run(group: string, since?: string): Promise<Manifest & { job: string }> {
  const done = await them.finished(
    await them.kick(
      `Group/${group}/$davinci-data-export`,
      since === undefined ? [] : [{ name: '_since', valueInstant: since }],
    ),
  );
  return { ...done.manifest, job: done.status.split('/').at(-1) ?? '' };
}
const heldBy = async (job: string) =>
  (await sql`select member_id, keys from exchange.delivered where job_id = ${job} order by 1`).map((r) => [
    r['member_id'],
    r['keys'].length,
  ]);
async function expire(...jobs: string[]): Promise<void> {
  await sql`update exchange.bulk_job set expires_at = now() - interval '1 minute' where id = any(${jobs}::text[])`;
  await removeExpired(node.deps);
}
const fold = () => foldDelivered(sql, node.deps.clock());

test('what several exports held is named by the first of them, and reported like before', async () => {
  await write(lab('o-first'), lab('o-other', undefined, robert));
  const group = await them.group([card(rivera), card(robert)]);
  const [first, second] = [await run(group), await run(group)];
  await write(lab('o-second'));
  const third = await run(group);
  const before = await heldBy(first.job);
  expect(before).toHaveLength(2);
  expect(await heldBy(second.job)).toEqual(before);
  // while there are files, who is in them is asked for with each request
  await expire(second.job);
  expect(await fold()).toEqual({ folded: 1, more: false });
  expect([await heldBy(first.job), await heldBy(second.job)]).toEqual([before, []]);
  expect(await heldBy(third.job)).toEqual(before.map(([id, n]) => [id, id === idOf(rivera) ? n + 1 : n]));
  await expire(first.job, third.job);
  expect((await fold()).folded).toBe(2);
  expect([await heldBy(first.job), await heldBy(second.job), await heldBy(third.job)]).toEqual([
    before,
    [],
    [[idOf(rivera), 1]],
  ]);
  expect((await fold()).folded).toBe(0);
  // what is asked of it
  await write(removal('Observation/o-first', 'Observation/o-second'));
  const changes = await run(group, third.transactionTime);
  expect((await them.deleted(changes)).filter((k) => k.startsWith('Observation/')).sort()).toEqual([
    'Observation/o-first',
    'Observation/o-second',
  ]);
  for (const id of ['o-first', 'o-second']) expect((await them.call(`/Observation/${id}`)).status).toBe(410);
});

test('of an export that was never finished nothing stays', async () => {
  const { job } = await run(await them.group([card(rivera)]));
  await sql`update exchange.bulk_job set state = 'cancelled', transaction_time = null where id = ${job}`;
  await removeExpired(node.deps);
  expect(await heldBy(job)).toHaveLength(1);
  await sql`insert into exchange.delivered_entries (job_id, gone, part, peer_id, keys) values (${job}, false, 0, 'a', array[1, 2]::bigint[])`;
  await fold();
  expect(await heldBy(job)).toEqual([]);
  expect(await sql`select from exchange.delivered_entries where job_id = ${job}`).toHaveLength(0);
  expect(await sql`select from exchange.delivered_entry where key in (1, 2)`).toHaveLength(0);
});

test('an entry is a row, however many exports held it; what an older program left counts', async () => {
  await write(place('p-one'), place('p-old'), lab('o-places', 'p-one'));
  const group = await them.group([card(rivera)]);
  const { job, transactionTime } = await run(group);
  await run(group);
  const held = async (id: string) =>
    sql`select first_at < last_at as again from exchange.delivered_entry where peer_id = 'a' and key = hashtextextended(${`Organization/${id}`}, 0)`;
  expect([...(await held('p-one'))]).toEqual([{ again: true }]);
  expect(await sql`select from exchange.delivered_entries`).toHaveLength(0);
  await sql`
    insert into exchange.delivered_entries (job_id, gone, part, peer_id, keys)
    values (${job}, false, 0, 'a', array[hashtextextended('Organization/p-old', 0)])`;
  await write(removal('Organization/p-old', 'Organization/p-one'));
  expect(
    (await them.deleted(await run(group, transactionTime))).filter((k) => k.startsWith('Organization/')).sort(),
  ).toEqual(['Organization/p-old', 'Organization/p-one']);
});

test('what an older program beside this one did not tell is reported by the next export, once', async () => {
  await write(place('p-shut'), lab('o-stays'), lab('o-shut', 'p-shut'));
  const group = await them.group([card(rivera)]);
  const first = await run(group);
  await write(lab('o-shut'), removal('Organization/p-shut'));
  const missed = await run(group, first.transactionTime);
  // as one leaves it that looks where nothing stands any more
  const asOlder = async (job: string) => {
    await sql`update exchange.delivered_entry set reported_at = null where key = hashtextextended('Organization/p-shut', 0)`;
    await sql`update exchange.bulk_job set reports_entries = false where id = ${job}`;
  };
  await asOlder(missed.job);
  const next = await run(group, missed.transactionTime);
  expect(await them.deleted(next)).toContain('Organization/p-shut');
  const last = await run(group, next.transactionTime);
  expect(await them.deleted(last)).not.toContain('Organization/p-shut');
  // who asks for everything is informed of nothing that is gone, anyone who answers
  await asOlder((await run(group)).job);
  expect(keysOf(await them.output(await run(group, last.transactionTime)))).not.toContain('Observation/o-stays');
});

test('a telling that was lost counts for nothing once the entry was in view again', async () => {
  const secret = { security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'PSY' }] };
  const ward = (isSecret = false) => ({ ...place('p-ward'), ...(isSecret ? { meta: secret } : {}) });
  const tellsWard = async (m: Manifest) => (await them.deleted(m)).includes('Organization/p-ward');
  await write(ward(), lab('o-ward', 'p-ward'));
  const group = await them.group([card(rivera)]);
  const first = await run(group);
  await write(ward(true));
  expect(await tellsWard(await run(group, first.transactionTime))).toBe(true);
  // that answer is lost, and the next one has nothing to tell: it is in view, and nothing names it
  await write(ward(), lab('o-ward'));
  const second = await run(group, first.transactionTime);
  expect(await tellsWard(second)).toBe(false);
  expect(keysOf(await them.output(second))).not.toContain('Organization/p-ward');
  await write(ward(true));
  const third = await run(group, second.transactionTime);
  expect(await tellsWard(third)).toBe(true);
  const fourth = await run(group, third.transactionTime);
  expect(await tellsWard(fourth)).toBe(false);
  // who took that in has it no more, however often it comes into view
  await write(ward());
  const fifth = await run(group, fourth.transactionTime);
  await write(ward(true));
  expect(await tellsWard(await run(group, fifth.transactionTime))).toBe(false);
});

/** An export of a peer by hand, from the first day of 2026 on. `gone`: it reported the entry; else it sent it, or neither (`seen`). */
type Step = { at: number; since: number; is: 'held' | 'gone' | 'seen'; types?: string[] };
const day = (n: number) => new Date(Date.UTC(2026, 0, n + 1));
const hashOf = async (key: string) => String((await sql`select hashtextextended(${key}, 0) as key`)[0]?.['key']);

/** What stands of an entry when exports have ended in this order. */
async function ended(peerId: string, entry: string, steps: readonly Step[]) {
  await sql`update exchange.bulk_job set transaction_time = null, state = 'failed' where peer_id = ${peerId}`;
  for (const { at, since, is, types = ['Organization'] } of steps) {
    const id = `${peerId}-${entry}-${at}`.replace('/', '-');
    await sql`
      insert into exchange.bulk_job (id, kind, peer_id, state, request_url, parameters, received_at, due_at, transaction_time)
      values (${id}, 'export', ${peerId}, 'complete', '', ${JSON.stringify({ since: day(since), types })}::text::jsonb, ${day(at)}, ${day(at)}, ${day(at)})`;
    if (is === 'held')
      await sql`insert into exchange.delivered_entries (job_id, gone, part, peer_id, keys) values (${id}, false, 0, ${peerId}, array[hashtextextended(${entry}, 0)])`;
    await sql.begin(async (tx) => {
      const gone = is === 'gone' ? [entry] : [];
      await noteReported(tx, peerId, day(at), { since: day(since).toISOString(), types, gone });
      await keepEntries(tx, [id]);
    });
  }
  const [row] =
    await sql`select first_at, last_at, reported_at from exchange.delivered_entry where peer_id = ${peerId} and key = ${await hashOf(entry)}`;
  return row as { first_at: Date; last_at: Date; reported_at: Date | null } | undefined;
}

test('who said no and yes again comes whole, also where the question looks back to before both', async () => {
  await write(lab('o-again'));
  const group = await them.group([card(rivera)]);
  const first = await run(group);
  const choose = (choice: string) => sql`
    insert into exchange.consent (id, member_id, choice, policy, recorded_on, source, sequence)
    values (${`again-${choice}`}, ${idOf(rivera)}, ${choice}, 'regular', ${planDay()}::text::date, 'test', ${choice === 'opt-in' ? 1 : 0})`;
  await choose('withdraw');
  const told = await run(group, first.transactionTime);
  expect(await them.deleted(told)).toContain('Observation/o-again');
  // an answer of an older program: the next one looks back to where this one began
  await sql`update exchange.bulk_job set reports_entries = false where id = ${told.job}`;
  await choose('opt-in');
  const keys = keysOf(await them.output(await run(group, told.transactionTime)));
  expect(keys).toContain('Observation/o-again');
  expect(keys).toContain(`Patient/${idOf(rivera)}`);
});

test('in whatever order exports end, what was reported is not taken for informed of what was sent or in view later', async () => {
  const { id } = await client(node, 'orders', { npi: ASKER.npi });
  const steps: Step[] = [
    { at: 1, since: 0, is: 'held' },
    { at: 2, since: 0, is: 'gone' },
    { at: 3, since: 1, is: 'gone' },
    { at: 4, since: 3, is: 'held' },
    { at: 5, since: 4, is: 'gone' },
  ];
  const orders = [
    [0, 1, 2, 3, 4],
    [4, 3, 2, 1, 0],
    [3, 1, 0, 4, 2],
    [1, 2, 0, 3, 4],
    [2, 4, 0, 1, 3],
  ];
  for (const [key, order] of orders.entries()) {
    const row = await ended(
      id,
      `Organization/order-${key}`,
      order.map((at) => steps[at] as Step),
    );
    expect([row?.first_at, row?.last_at]).toEqual([day(1), day(4)]);
    // one that was reported is reported again at worst
    expect([undefined, day(5).getTime()]).toContain(row?.reported_at?.getTime());
  }
  const seen = (types?: string[]): Step => ({ at: 4, since: 1, is: 'seen', ...(types ? { types } : {}) });
  const [held, lost] = [steps[0], { at: 3, since: 1, is: 'gone' }] as [Step, Step];
  const told = async (name: string, ...of: Step[]) =>
    (await ended(id, `Organization/${name}`, of))?.reported_at ?? null;
  expect(await told('taken-in', held, lost, { at: 4, since: 3, is: 'seen' })).toEqual(day(3));
  expect(await told('lost', held, lost, seen())).toBeNull();
  expect(await told('ends-later', held, seen(), lost)).toBeNull();
  expect(await told('other-types', held, lost, seen(['Location']))).toEqual(day(3));
  expect(await told('other-types-first', held, seen(['Location']), lost)).toEqual(day(3));
  expect(await told('twice', held, lost, { at: 4, since: 1, is: 'gone' })).toEqual(day(3));
});
