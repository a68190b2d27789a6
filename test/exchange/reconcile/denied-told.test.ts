// Which denials count, and until when: what stands of a payer's authorization is what it tells last, and what is informed of someone who may be another person is not heard.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeOne, makeTwo } from '../../../exchange/members/merge/merge-members.ts';
import { DOUBTS } from '../../../exchange/members/merge/merge-report.ts';
import { decideItem } from '../../../exchange/review/decide.ts';
import { findItem } from '../../../exchange/review/review-rows.ts';
import { decided, preauthorization } from '../authorization-fixture.ts';
import { deletions, OUR_BASE, output, PEER, type PullOptions, reconciler } from './reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
beforeAll(async () => {
  node = await reconciler();
  await node.sql`insert into exchange.peer (id, name, npi, state, fhir_base, origins, added_by)
    values ('c', 'C', '9000000020', 'active', 'https://c.example/fhir', array['https://c.example'], 'test')`;
  await node.own({ resourceType: 'Patient', id: 'm1', birthDate: '1970-01-01' });
});
afterAll(() => node.close());

const line = (sequence: number, asked: string, code: string, day: string) => ({
  sequence,
  productOrService: { coding: [{ system: 'http://www.ama-assn.org/go/cpt', code: asked }] },
  adjudication: [decided(code, `${day}T00:00:00Z`)],
});
const authorization = (id: string, number: string, code: string, day: string, changed = day, more: object = {}) => ({
  ...preauthorization(id, `${changed}T00:00:00Z`),
  identifier: [{ system: 'https://prior.example/pa', value: number }],
  insurer: { identifier: { system: 'http://hl7.org/fhir/sid/us-npi', value: '9000000106' } },
  item: [line(1, '97110', code, day)],
  ...more,
});
const asked = (peer: string, more: PullOptions = {}): PullOptions => ({
  members: [['p1', 'm1']],
  since: new Date(),
  peer,
  ...more,
});
const tells = async (peer: string, told: object, more: PullOptions = {}) =>
  node.ledger((await node.pull([output('ExplanationOfBenefit', told)], asked(peer, more))).id);
const withheld = async (id: string) => {
  const rows = await node.sql<{ withheld: string | null }[]>`
    select withheld from exchange.resource where source_id = ${id} and type = 'ExplanationOfBenefit' and not deleted`;
  return rows.map((r) => r.withheld);
};
const isPerson = (peer: string, birthDate: string) =>
  node.pull([output('Patient', { resourceType: 'Patient', id: 'p1', birthDate })], asked(peer));
async function decideDoubt(decision: 'keep-both' | 'undo') {
  const [doubt] = await node.sql<{ id: string }[]>`select id from exchange.review_item where kind = 'identity-doubt'`;
  const id = String(doubt?.id);
  const mark = (await findItem(node.sql, id))?.mark ?? '';
  const person = { subject: 'ada', name: 'Ada', role: 'reviewer', development: false };
  return decideItem(node.deps, person, { itemId: id, decision, reason: 'looked at it', mark }, 'r1');
}
const HIDDEN = ['denied-since'];
const SHOWN = [null];

test('one that its payer tells as ours again is none any more', async () => {
  await node.own({
    ...authorization('own-1', 'PA-2000001', 'A1', '2026-01-05'),
    patient: { reference: 'Patient/m1' },
  });
  await tells('c', authorization('copy-1', 'PA-2000001', 'A1', '2026-01-06'));
  await tells(PEER, authorization('x-1', 'PA-2000001', 'A3', '2026-01-10'));
  expect([await withheld('own-1'), await withheld('copy-1')]).toEqual([HIDDEN, HIDDEN]);
  const meta = { lastUpdated: '2026-02-01T00:00:00Z', source: `${OUR_BASE}/ExplanationOfBenefit/own-1` };
  const ours = authorization('x-1', 'PA-2000001', 'A1', '2026-01-05', '2026-02-01', { meta });
  expect(await tells(PEER, ours)).toEqual(['echo ExplanationOfBenefit/x-1']);
  expect([await withheld('own-1'), await withheld('copy-1')]).toEqual([SHOWN, SHOWN]);
});

test('an older version than the one that is shown hides nothing, whatever day it says', async () => {
  await tells('c', authorization('copy-2', 'PA-2000002', 'A1', '2026-01-06'));
  await tells(PEER, authorization('x-2', 'PA-2000002', 'A1', '2026-01-05', '2026-02-02'));
  await tells(PEER, authorization('x-2', 'PA-2000002', 'A3', '2026-01-20'));
  expect([await withheld('x-2'), await withheld('copy-2')]).toEqual([SHOWN, SHOWN]);
});

test('nor does one in an answer from before the one that says that it is gone; reported later it is there again', async () => {
  const denial = authorization('x-3', 'PA-2000003', 'A3', '2026-01-20');
  await tells('c', authorization('copy-3', 'PA-2000003', 'A1', '2026-01-06'));
  await tells(PEER, denial);
  expect(await withheld('copy-3')).toEqual(HIDDEN);
  const gone = deletions('ExplanationOfBenefit/x-3');
  await node.pull([gone], asked(PEER, { madeAt: new Date('2026-06-01') }));
  const before = new Date('2026-05-01');
  await tells(PEER, denial, { madeAt: before, createdAt: before });
  expect(await withheld('copy-3')).toEqual(SHOWN);
  await tells(PEER, denial, { madeAt: new Date('2026-07-01') });
  expect(await withheld('copy-3')).toEqual(HIDDEN);
});

test('who may mean another person neither denies a part nor grants again', async () => {
  await tells('c', authorization('copy-4', 'PA-2000004', 'A1', '2026-01-06'));
  const item = [line(1, '97110', 'A1', '2026-01-10'), line(2, '72148', 'A3', '2026-01-10')];
  await tells(PEER, authorization('part-4', 'PA-2000004', 'A1', '2026-01-10', '2026-01-10', { item }));
  await node.own({
    ...authorization('own-5', 'PA-2000005', 'A3', '2026-01-10'),
    patient: { reference: 'Patient/m1' },
  });
  await tells('c', authorization('copy-5', 'PA-2000005', 'A1', '2026-01-06'));
  await tells(PEER, authorization('grant-5', 'PA-2000005', 'A1', '2026-01-15'));
  expect([await withheld('copy-4'), await withheld('copy-5')]).toEqual([HIDDEN, SHOWN]);
  await isPerson(PEER, '1971-01-01');
  expect([await withheld('copy-4'), await withheld('copy-5')]).toEqual([SHOWN, HIDDEN]);
  await isPerson(PEER, '1970-01-01');
  expect([await withheld('copy-4'), await withheld('copy-5')]).toEqual([HIDDEN, SHOWN]);
});

test('that it is the member is said while another payer’s copy is taken in', async () => {
  await tells(PEER, authorization('x-6', 'PA-2000006', 'A3', '2026-01-20'));
  await isPerson(PEER, '1971-01-01');
  // the slice is written, and not committed yet
  await node.sql.unsafe(`
    create function exchange.wait() returns trigger language plpgsql as $$ begin perform pg_advisory_xact_lock(4711); return new; end $$;
    create trigger wait before update on exchange.pull_slice for each row when (new.state = 'committed') execute function exchange.wait()`);
  const holder = await node.sql.reserve();
  try {
    await holder`select pg_advisory_lock(4711)`;
    const pulled = tells('c', authorization('copy-6', 'PA-2000006', 'A1', '2026-01-06'));
    await expect
      .poll(() => node.sql`select from pg_locks where locktype = 'advisory' and not granted and objid = 4711`, {
        timeout: 60_000,
      })
      .toHaveLength(1);
    const said = decideDoubt('keep-both');
    await Promise.race([said, new Promise((resolve) => setTimeout(resolve, 300))]);
    await holder`select pg_advisory_unlock_all()`;
    expect([await pulled, await said]).toEqual([['created ExplanationOfBenefit/copy-6'], undefined]);
  } finally {
    await holder`select pg_advisory_unlock_all()`;
    holder.release();
    await node.sql.unsafe('drop function exchange.wait() cascade');
  }
  expect(await withheld('copy-6')).toEqual(HIDDEN);
});

test('it goes with its record when two members are merged and unmerged', async () => {
  await isPerson(PEER, '1970-01-01');
  await tells('c', authorization('copy-7', 'PA-2000007', 'A1', '2026-01-06'));
  await tells(PEER, authorization('x-7', 'PA-2000007', 'A1', '2026-01-05'));
  await tells(PEER, authorization('x-7', 'PA-2000007', 'A3', '2026-01-20'));
  const who = { kind: 'staff', subject: 'ada', requestId: 'r1' } as const;
  const seen = Object.keys(DOUBTS);
  await makeOne(node.deps, { memberId: 'm2', formerId: 'm1', reason: 'one person', seen }, who);
  expect(await withheld('copy-7')).toEqual(HIDDEN);
  await makeTwo(node.deps, { formerId: 'm1', reason: 'they are two' }, who);
  expect(await withheld('copy-7')).toEqual(HIDDEN);
});
