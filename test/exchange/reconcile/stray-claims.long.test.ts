// A claim that names another person's claim as a version of itself, in whatever pulls the two come: both wait for a person, the report and
// the item say which claim it is about, and what was decided holds.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { complianceRows } from '../../../exchange/compliance/report/report-figures.ts';
import { findPeer } from '../../../exchange/peers/peer.ts';
import { replay } from '../../../exchange/reconcile/replay.ts';
import { strayVersions } from '../../../exchange/records/stray-claims.ts';
import { findPull } from '../../../exchange/requester/pull.ts';
import { decideItem } from '../../../exchange/review/decide.ts';
import type { PersonDecision } from '../../../exchange/review/kinds.ts';
import { findItem } from '../../../exchange/review/review-rows.ts';
import { brokenLaws } from '../../journey/laws.ts';
import { output, PEER, reconciler } from './reconcile-pull.ts';

let node: Awaited<ReturnType<typeof reconciler>>;
beforeEach(async () => {
  node = await reconciler();
});
afterEach(() => node.close());

const SYSTEM = 'https://p.example';
type Over = { number?: string; numbers?: string[]; prior?: string; next?: string; insurer?: string; more?: object };
const number = (value: string, system: string | undefined = SYSTEM) => ({
  type: { coding: [{ code: 'uc' }] },
  ...(system === undefined ? {} : { system }),
  value,
});
const related = (code: string, value: string) => ({
  relationship: { coding: [{ code }] },
  reference: { system: SYSTEM, value },
});
const claim = (id: string, patient: string, o: Over = {}) => ({
  resourceType: 'ExplanationOfBenefit',
  id,
  status: 'active',
  use: 'claim',
  type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/claim-type', code: 'professional' }] },
  patient: { reference: `Patient/${patient}` },
  identifier: (o.numbers ?? [o.number ?? id]).map((n) => number(n)),
  created: '2026-01-01',
  insurer: { identifier: { system: 'http://hl7.org/fhir/sid/us-npi', value: o.insurer ?? '9000000012' } },
  provider: { display: 'A clinic' },
  outcome: 'complete',
  insurance: [{ focal: true, coverage: { display: 'x' } }],
  ...(o.prior === undefined && o.next === undefined
    ? {}
    : {
        related: [
          ...(o.prior === undefined ? [] : [related('prior', o.prior)]),
          ...(o.next === undefined ? [] : [related('replacedby', o.next)]),
        ],
      }),
  ...o.more,
});
const since = { since: new Date() };
const pull = (...claims: object[]) => node.pull([output('ExplanationOfBenefit', ...claims)], since);
const ledger = async (id: string) => (await node.ledger(id)).map((l) => l.replace('ExplanationOfBenefit/', ''));
const shown = async () =>
  (
    await node.sql`select member_id as m, source_id as s from exchange.resource where type = 'ExplanationOfBenefit' and not deleted order by 2`
  ).map((r) => `${r['m']} ${r['s']}`);
const items = async () =>
  (
    await node.sql`select b_type, member_id as m, state, coalesce(decision, '') as d, detail from exchange.review_item where kind = 'patient-change' order by member_id, detail`
  ).map((r) => `${r['m']} ${r['state']} ${r['d']}: ${r['detail']}`);
const findings = async (id: string) =>
  (
    await node.sql`select source_id as s, detail from exchange.finding where pull_id = ${id} and kind = 'identity-doubt' order by 1`
  ).map((r) => `${r['s']}: ${r['detail']}`);
const person = { subject: 'ada', name: 'Ada', role: 'reviewer', development: false };
async function decide(member: string, decision: PersonDecision | 'undo') {
  const [row] =
    await node.sql`select id from exchange.review_item where kind = 'patient-change' and member_id = ${member}`;
  const item = await findItem(node.sql, String(row?.['id']));
  return decideItem(
    node.deps,
    person,
    { itemId: item?.id ?? '', decision, reason: 'looked at it', mark: item?.mark ?? '' },
    'r1',
  );
}
async function again(id: string) {
  const [found, peer] = [await findPull(node.sql, id), await findPeer(node.sql, PEER)];
  if (!found || !peer) throw new Error('no pull');
  const report = await replay(node.deps, {
    pull: found,
    peer,
    by: { kind: 'command', name: 'test' },
    cause: 'replay',
  });
  return report.units.map((u) => `${u.sourceId} ${u.outcomeBefore} → ${u.outcome} ${u.reason ?? ''}`.trim());
}
const DETAIL = {
  a: 'names SV-1, which is claim b of another member',
  b: 'claim a of another member names SV-1',
};

test('the one that is named came before: both wait, and report and items say why', async () => {
  await pull(claim('b', 'p1', { number: 'SV-1' }), claim('c', 'p1'));
  const second = await pull(claim('a', 'p2', { prior: 'SV-1' }));
  expect(second.state).toBe('done');
  expect(await ledger(second.id)).toEqual(['quarantined patient-change a']);
  expect(await shown()).toEqual(['m1 c']);
  expect(await items()).toEqual([`m1 open : ${DETAIL.b}`, `m2 open : ${DETAIL.a}`]);
  expect(await findings(second.id)).toEqual([`a: ${DETAIL.a}`, `b: ${DETAIL.b}`]);
  expect(await node.sql`select outcome_before, outcome, reason, cause from exchange.unit_revision`).toEqual([
    { outcome_before: 'created', outcome: 'quarantined', reason: 'patient-change', cause: 'arrival' },
  ]);
  expect(await brokenLaws(node.sql)).toEqual({});
  // each comes again, alone or with the other: both go on waiting, and nothing is said twice
  const third = await pull(claim('b', 'p1', { number: 'SV-1' }));
  const fourth = await pull(claim('b', 'p1', { number: 'SV-1' }), claim('a', 'p2', { prior: 'SV-1' }));
  expect([await ledger(third.id), await ledger(fourth.id)]).toEqual([
    ['quarantined patient-change b'],
    ['quarantined patient-change b', 'quarantined patient-change a'],
  ]);
  expect(await shown()).toEqual(['m1 c']);
  expect(await node.sql`select from exchange.unit_revision`).toHaveLength(1);
  expect(await brokenLaws(node.sql)).toEqual({});
});

test.each(['from the disk', 'from the books'])(
  'the file of the one that is named is gone %s: the pull ends, and says that it is still shown',
  async (from) => {
    const first = await pull(claim('b', 'p1', { number: 'SV-1' }));
    if (from === 'from the disk') await node.deps.blobs.delete(`${first.id}/0`);
    else await node.sql`update exchange.pull_file set blob_key = null where pull_id = ${first.id}`;
    const second = await pull(claim('a', 'p2', { prior: 'SV-1' }));
    expect([second.state, await ledger(second.id)]).toEqual(['done', ['quarantined patient-change a']]);
    expect(await shown()).toEqual(['m1 b']);
    expect(await findings(second.id)).toEqual([
      `a: ${DETAIL.a}`,
      `b: ${DETAIL.b} (its file is no longer kept: it is still shown)`,
    ]);
    expect(await brokenLaws(node.sql)).toEqual({});
  },
);

test('the one that names it came before, by prior or by its successor, and waited for it', async () => {
  await pull(claim('a', 'p2', { prior: 'SV-1' }), claim('d', 'p2', { next: 'SV-9' }));
  const gaps = () => node.sql`select from exchange.chain where anomalies::text like '%gap%'`;
  expect(await gaps()).toHaveLength(2);
  const second = await pull(claim('b', 'p1', { numbers: ['SV-0', 'SV-1'] }), claim('e', 'p1', { number: 'SV-9' }));
  expect(await ledger(second.id)).toEqual(['quarantined patient-change b', 'quarantined patient-change e']);
  expect([await shown(), await gaps()]).toEqual([[], []]);
  expect((await findings(second.id)).map((f) => f.slice(0, 1))).toEqual(['a', 'b', 'd', 'e']);
  expect(await brokenLaws(node.sql)).toEqual({});
});

test('a new version of a known claim that names another person’s is held; the version before stays unless it is named', async () => {
  await pull(claim('b', 'p1', { number: 'SV-1' }), claim('a', 'p2'));
  const second = await pull(claim('a', 'p2', { prior: 'SV-1' }));
  expect(await ledger(second.id)).toEqual(['quarantined patient-change a']);
  expect(await shown()).toEqual(['m2 a']);
  expect(await brokenLaws(node.sql)).toEqual({});
  // and one of the named claim waits as that does
  const third = await pull(claim('b', 'p1', { number: 'SV-1', more: { created: '2026-02-02' } }));
  expect(await ledger(third.id)).toEqual(['quarantined patient-change b']);
});

test('what is no contradiction is none', async () => {
  await pull(
    claim('b', 'p1', { number: 'SV-1' }),
    claim('own', 'p2', { number: 'SV-1' }),
    claim('x', 'p1', { number: 'SV-2', insurer: '9000000020' }),
    claim('y', 'p1', { number: 'SV-3', more: { type: { coding: [{ code: 'institutional' }] } } }),
    claim('z', 'p1', { number: 'SV-4', more: { identifier: [number('SV-4', 'https://other.example')] } }),
  );
  // the person has one of the number as well, whichever pull it came in
  const second = await pull(claim('a', 'p2', { prior: 'SV-1' }));
  // of another insurer, type or system
  const third = await pull(
    claim('f', 'p2', { prior: 'SV-2' }),
    claim('g', 'p2', { prior: 'SV-3' }),
    claim('h', 'p2', { prior: 'SV-4' }),
  );
  expect([await ledger(second.id), await ledger(third.id)]).toEqual([
    ['created a'],
    ['created f', 'created g', 'created h'],
  ]);
  // nor when the other one's comes beside it
  await pull(claim('own8', 'p2', { number: 'SV-8' }));
  const beside = await pull(claim('b8', 'p1', { number: 'SV-8' }), claim('a8', 'p2', { prior: 'SV-8' }));
  expect(await ledger(beside.id)).toEqual(['created b8', 'created a8']);
  // what another payer sent is never held for what this one says
  await node.sql`insert into exchange.peer (id, name, npi, state, fhir_base, origins, added_by)
    values ('other', 'Other', '9000000038', 'active', 'https://o.example/fhir', array['https://o.example'], 'test')`;
  const fourth = await node.pull([output('ExplanationOfBenefit', claim('b', 'p1', { number: 'SV-7' }))], {
    ...since,
    peer: 'other',
  });
  const fifth = await pull(claim('i', 'p2', { prior: 'SV-7' }));
  expect([await ledger(fourth.id), await ledger(fifth.id)]).toEqual([['created b'], ['created i']]);
  expect(await items()).toEqual([]);
});

test('released, taken back and discarded: the other one is not touched, and what was decided holds when they come again', async () => {
  const [b, a] = [claim('b', 'p1', { number: 'SV-1' }), claim('a', 'p2', { prior: 'SV-1' })];
  const first = await pull(b);
  const second = await pull(a);
  expect(await decide('m1', 'release')).toBeUndefined();
  expect(await shown()).toEqual(['m1 b']);
  expect(await brokenLaws(node.sql)).toEqual({});
  const third = await pull(a, b);
  expect(await ledger(third.id)).toEqual(['quarantined patient-change a', 'unchanged b']);
  expect(await shown()).toEqual(['m1 b']);
  // by the rules of today too
  expect([await again(first.id), await again(second.id), await shown()]).toEqual([[], [], ['m1 b']]);
  expect(await decide('m1', 'undo')).toBeUndefined();
  expect([await shown(), await brokenLaws(node.sql)]).toEqual([[], {}]);
  expect(await decide('m2', 'discard')).toBeUndefined();
  const fourth = await pull(a, b);
  expect(await ledger(fourth.id)).toEqual(['quarantined patient-change a', 'quarantined patient-change b']);
  expect([await again(first.id), await again(second.id), await shown()]).toEqual([[], [], []]);
  expect(await decide('m1', 'release')).toBeUndefined();
  expect(await shown()).toEqual(['m1 b']);
  // a discarded one holds nothing any more
  const fifth = await pull(claim('b', 'p1', { number: 'SV-1', more: { created: '2026-02-02' } }));
  expect([await ledger(fifth.id), await brokenLaws(node.sql)]).toEqual([['updated b'], {}]);
});

test('claims that came before this was looked for are found by a replay of their pulls, each of its own', async () => {
  const first = await pull(claim('b', 'p1', { number: 'SV-1' }));
  // as if nothing had been known of it
  const [kept] = await node.sql`select claim_number as n from exchange.identity where source_id = 'b'`;
  await node.sql`update exchange.identity set claim_number = null`;
  const second = await pull(claim('a', 'p2', { prior: 'SV-1' }));
  expect(await ledger(second.id)).toEqual(['created a']);
  await node.sql`update exchange.identity set claim_number = ${kept?.['n'] as string} where source_id = 'b'`;
  expect(await again(second.id)).toEqual(['a created → quarantined patient-change']);
  expect(await shown()).toEqual(['m1 b']);
  expect(await again(first.id)).toEqual(['b created → quarantined patient-change']);
  expect([await shown(), await brokenLaws(node.sql)]).toEqual([[], {}]);
  expect([await again(first.id), await again(second.id)]).toEqual([[], []]);
});

test('a process that dies between the records and the end of the pull holds the other one all the same', async () => {
  await pull(claim('b', 'p1', { number: 'SV-1' }));
  await node.sql.unsafe(`
    create function exchange.fail_once() returns trigger language plpgsql as $$ begin raise exception 'killed'; end $$;
    create trigger fail_once before insert on exchange.unit_revision for each row execute function exchange.fail_once()`);
  await expect(pull(claim('a', 'p2', { prior: 'SV-1' }))).rejects.toThrow('killed');
  expect(await shown()).toEqual(['m1 b']);
  await node.sql.unsafe('drop function exchange.fail_once() cascade');
  const [row] = await node.sql`select id from exchange.pull where state = 'reconciling'`;
  await node.goOn(String(row?.['id']));
  expect([await shown(), await brokenLaws(node.sql)]).toEqual([[], {}]);
  expect(await findings(String(row?.['id']))).toEqual([`a: ${DETAIL.a}`, `b: ${DETAIL.b}`]);
});

test('the compliance report counts what waits, whatever it was when it came, and a version of what is shown', async () => {
  const waiting = async () => {
    const [to, now] = [new Date(Date.now() + 1e6), new Date()];
    const scope = { from: new Date(0), to, now, peerId: null, lob: null, timeZone: 'UTC' };
    const rows = await complianceRows(node.sql, 'quarantine', scope);
    const incidents = await complianceRows(node.sql, 'incidents', scope);
    return [rows.map((r) => [r['reason'], r['n']]), incidents.map((i) => [i['reason'], i['n'], i['held']])];
  };
  await pull(claim('b', 'p1', { number: 'SV-1' }), claim('moves', 'p1'));
  expect(await waiting()).toEqual([[], []]);
  await pull(claim('a', 'p2', { prior: 'SV-1' }), claim('moves', 'p2'));
  expect(await waiting()).toEqual([
    [['patient-change', 3]],
    [
      ['patient-change', 1, 1],
      ['patient-change', 2, 2],
    ],
  ]);
  // each comes again: nothing is more
  await pull(claim('a', 'p2', { prior: 'SV-1' }), claim('moves', 'p2'), claim('b', 'p1', { number: 'SV-1' }));
  expect((await waiting())[0]).toEqual([['patient-change', 3]]);
  expect(await decide('m1', 'release')).toBeUndefined();
  expect((await waiting())[0]).toEqual([['patient-change', 2]]);
});

test.each([
  ['together', false],
  ['those that have it first', true],
])(
  'a number that many have and many name holds all of them, and makes no pair of each with each: %s',
  async (_, apart) => {
    await node.sql.unsafe(`
    create table exchange.told (n int);
    create function exchange.tell() returns trigger language plpgsql as $$ begin insert into exchange.told select count(*) from made; return null; end $$;
    create trigger tell after insert on exchange.cross_member_claim referencing new table as made for each statement execute function exchange.tell()`);
    const MANY = 60;
    const named = Array.from({ length: MANY }, (_, i) => claim(`b${i}`, 'p1', { number: 'N/A' }));
    const naming = Array.from({ length: MANY }, (_, i) => claim(`a${i}`, 'p2', { prior: 'N/A' }));
    if (apart) await pull(...named);
    await pull(...(apart ? naming : [...named, ...naming]));
    expect(await shown()).toEqual([]);
    const waiting = await items();
    expect(waiting).toHaveLength(2 * MANY);
    expect(waiting.filter((i) => i.split('; ').length > 5)).toEqual([]);
    const [told] = await node.sql<{ n: number }[]>`select max(n) as n from exchange.told`;
    expect(told?.n).toBeGreaterThan(0);
    expect(told?.n).toBeLessThan(24 * 2 * MANY);
    expect(await brokenLaws(node.sql)).toEqual({});
  },
);

test('claims that came before are found by their number, although the server has not counted them', async () => {
  await node.sql`alter table exchange.identity set (autovacuum_enabled = off)`;
  await pull(...Array.from({ length: 2000 }, (_, i) => claim(`b${i}`, 'p1', { number: `SV-${i}` })));
  const plan: string[] = [];
  await node.sql.begin(async (tx) => {
    const explaining = new Proxy(tx, {
      get: (of, name) =>
        name === 'unsafe'
          ? async (statement: string, values: never[]) =>
              plan.push(...(await of.unsafe(`explain ${statement}`, values)).map((r) => String(r['QUERY PLAN'])))
          : Reflect.get(of, name),
    });
    await strayVersions(explaining, { id: 'none', peerId: PEER }, 's.has_body');
  });
  const wide = plan.filter(
    (line, i) => /Index Cond/.test(line) && /identity_pkey/.test(plan[i - 1] ?? '') && !line.includes('source_id'),
  );
  expect(plan.filter((line) => line.includes('Seq Scan on identity')).concat(wide)).toEqual([]);
  expect(plan.filter((line) => /Index Scan (?:using|on) identity_claim_number/.test(line))).toHaveLength(2);
});
