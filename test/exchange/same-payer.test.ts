// A payer that was named by its name and by its NPI before it was registered is one coverage elsewhere, and one duty, when it is.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { recordPayer } from '../../exchange/members/consent/record-choice.ts';
import { addRequest } from '../../exchange/members/deadlines/member-request.ts';
import { patientIdFor } from '../../exchange/members/enrolment/enrolment.ts';
import { importMembers } from '../../exchange/members/enrolment/import-members.ts';
import { findPeer } from '../../exchange/peers/peer.ts';
import { peerChanges } from '../../exchange/peers/peer-change.ts';
import type { Registration } from '../../exchange/peers/registration.ts';
import { changePeer, decidePeerChange, fieldsOf, movePeer, registerPeer } from '../../exchange/peers/registry.ts';
import { dueToAsk } from '../../exchange/requester/coverage-due.ts';
import { keepClocks } from '../../exchange/schedule.ts';
import { localDay } from '../../src/calendar/federal.ts';
import { validate } from '../../src/fhir/validate/validate.ts';
import { startNode, type TestNode } from '../support/node.ts';

let node: TestNode;
const folder = mkdtempSync(join(tmpdir(), 'payer-node-test-same-payer-'));
beforeAll(async () => {
  node = await startNode();
});
afterAll(async () => {
  await node.close();
  rmSync(folder, { recursive: true, force: true });
});

const load = async (...rows: string[]) => {
  const path = join(folder, `${Math.random()}`);
  const head =
    'member_number,family,given,birth_date,coverage_start,prior_payer,prior_member_number,prior_coverage_start,prior_coverage_end,opt_in,opt_in_date';
  writeFileSync(path, `${head}\n${rows.join('\n')}\n`);
  const refused: string[] = [];
  await importMembers(node.deps, {
    records: (async function* () {})(),
    enrolment: path,
    validate,
    reject: (r) => void refused.push(r.reason),
  });
  expect(refused).toEqual([]);
};
const row = (number: string, payer: string, starts = '', ends = '', there = 'X1') =>
  `${number},Same,Anna,1980-01-01,2026-01-01,${payer},${there},${starts},${ends},yes,2026-02-01`;
const others = async (number: string) =>
  (
    await node.deps.database.sql<{ payer: string; peer: string; there: string; s: string; e: string; gone: boolean }[]>`
      select payer, peer_id as peer, member_number as there, coalesce(starts::text, '') as s, coalesce(ends::text, '') as e, in_error_at is not null as gone
      from exchange.other_coverage where member_id = ${patientIdFor(number)} order by known_at, id`
  ).map((o) => `${o.payer} ${o.peer} ${o.there} ${o.s}..${o.e}${o.gone ? ' gone' : ''}`);
const duties = async (number: string) => {
  await keepClocks(node.deps);
  return (
    await node.deps.database.sql<{ k: string }[]>`
      select k.state || ' ' || coalesce(k.reason, '') as k from exchange.deadline k where k.member_id = ${patientIdFor(number)} and k.kind = 'C2' order by 1`
  ).map((r) => r.k.trim());
};
const due = async (number: string) => {
  const now = node.deps.clock();
  const when = { now, today: localDay(now, node.deps.config.timeZone) };
  const refresh = { months: 3, runOffDays: 90, earlyDays: 5, compares: false };
  return (await dueToAsk(node.deps.database.sql, { memberIds: [patientIdFor(number)] }, when, refresh)).length;
};
const by = { kind: 'command', name: 'first' } as const;
const fields = async (more: Partial<Registration>): Promise<Registration> => {
  const present = await findPeer(node.deps.database.sql, 'riverton');
  return { ...(present ? fieldsOf(present) : {}), ...more } as Registration;
};
const calls = (number: string, payer: string, starts: string | null, ends: string | null) =>
  recordPayer(
    node.deps,
    patientIdFor(number),
    { payer, memberNumber: 'X1', starts, ends },
    { kind: 'staff', subject: 'call', requestId: 'call' },
  );

test('two names of one payer are one coverage and one duty once it is registered, with what was said of each', async () => {
  await load(row('S1', 'Riverton Health', '2020-01-01'));
  await load(row('S1', '9000000012', '', '2025-12-31'));
  // another number there is another coverage
  await load(row('S1', '9000000012', '', '', 'X2'));
  await calls('S1', '9000000012', null, null);
  await load(row('S2', 'Riverton Health'), row('S3', 'Another person'));
  expect(await duties('S1')).toEqual(['blocked no-endpoint', 'blocked no-endpoint', 'blocked no-endpoint']);
  const [second] = await node.deps.database.sql<
    { id: string }[]
  >`select id from exchange.other_coverage where payer = '9000000012' and member_number = 'X1'`;
  await addRequest(node.deps.database.sql, {
    memberId: patientIdFor('S1'),
    otherCoverageId: second?.id ?? '',
    at: node.deps.clock(),
    saidBy: 'member',
  });
  const wanted = await fields({
    name: 'Riverton Health',
    npi: '9000000012',
    fhirBase: 'https://riverton.example/fhir',
    clientIdThere: 'us',
  });
  expect(await registerPeer(node.deps, 'riverton', wanted, by)).toBe('ok');
  expect(await movePeer(node.deps, 'riverton', 'active', { kind: 'command', name: 'second' })).toBe('ok');
  expect(await others('S1')).toEqual([
    'Riverton Health riverton X1 2020-01-01..2025-12-31',
    '9000000012 riverton X1 ..2025-12-31 gone',
    '9000000012 riverton X2 ..',
  ]);
  expect(await duties('S1')).toEqual(['not-applicable named-in-error', 'open', 'open']);
  expect([await due('S1'), await others('S2'), await others('S3')]).toEqual([
    2,
    ['Riverton Health riverton X1 ..'],
    ['Another person null X1 ..'],
  ]);
  const [wish] = await node.deps.database.sql<
    { payer: string }[]
  >`select o.payer from exchange.member_request r join exchange.other_coverage o on o.id = r.other_coverage_id where r.member_id = ${patientIdFor('S1')} and r.reported_by = 'member'`;
  expect(wish?.payer).toBe('Riverton Health');
  const [naming] = await node.deps.database.sql<{ reason: string }[]>`select reason from exchange.payer_link_event`;
  expect(naming?.reason).toContain('two names of one payer');
  // whichever name a file or a call says, it is that one
  await load(row('S1', '9000000012', '', '2026-03-31'));
  await calls('S1', 'RIVERTON HEALTH', '2019-01-01', null);
  expect(await others('S1')).toEqual([
    'Riverton Health riverton X1 2019-01-01..2026-03-31',
    '9000000012 riverton X1 ..2025-12-31 gone',
    '9000000012 riverton X2 ..',
  ]);
  expect(await due('S1')).toBe(2);
});

test('a payer that is called otherwise from now on is the one that was named so', async () => {
  await load(row('R1', 'Riverton Health'));
  await load(row('R1', 'Riverton Mutual'));
  expect(await others('R1')).toEqual(['Riverton Health riverton X1 ..', 'Riverton Mutual null X1 ..']);
  const { sql } = node.deps.database;
  expect(await changePeer(node.deps, 'riverton', await fields({ name: 'Riverton Mutual' }), by)).toBe('proposed');
  const [change] = await peerChanges(sql, 'riverton', 1);
  expect(await decidePeerChange(node.deps, 'riverton', change?.id ?? '', true, { ...by, name: 'second' })).toBe('ok');
  expect(await others('R1')).toEqual(['Riverton Health riverton X1 ..', 'Riverton Mutual riverton X1 .. gone']);
  expect([await duties('R1'), await due('R1')]).toEqual([['open'], 1]);
});
