// The audit trail: sealed in signed batches, and every way of changing it is found.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { keepAlerts } from '../../exchange/alerts/update-alerts.ts';
import { auditRow, writeAudit } from '../../exchange/compliance/audit/audit.ts';
import { auditChecks } from '../../exchange/compliance/audit/audit-check.ts';
import { lastSeal } from '../../exchange/compliance/audit/audit-seal.ts';
import { checkAudit, checkAuditDaily } from '../../exchange/compliance/audit/check.ts';
import { sealAll, sealBatch } from '../../exchange/compliance/audit/run-seal.ts';
import { verifyAudit } from '../../exchange/compliance/audit/verify.ts';
import { startNode, type TestNode } from '../support/node.ts';

let node: TestNode;
beforeEach(async () => {
  node = await startNode();
});
afterEach(() => node.close());

const entry = (i: number) =>
  auditRow({
    at: new Date(Date.UTC(2027, 0, 1, 0, 0, i, 123)),
    actorKind: 'peer',
    actor: 'old-harbor',
    action: 'match',
    object: `export/${i}`,
    memberId: i % 2 === 0 ? 'm1' : undefined,
    detail: { zeta: 1, a: { y: [1, 2.5], b: 'é' }, count: i },
  });
const write = (from: number, count: number) =>
  writeAudit(
    node.deps.database.sql,
    Array.from({ length: count }, (_, i) => entry(from + i)),
  );
const kinds = async (head?: string) =>
  (await verifyAudit(node.deps, head)).faults.map((f) => [f.kind, f.row ?? f.seal]);

/** As someone would who owns the database and switches the triggers off. */
async function tamper(statement: string): Promise<void> {
  await node.deps.database.sql.unsafe(
    `set session_replication_role = replica; ${statement}; set session_replication_role = origin`,
  );
}

test('rows are sealed in batches that continue each other; the tail is reported', async () => {
  await write(0, 1500);
  expect(await sealBatch(node.deps)).toBe(1000);
  const half = await verifyAudit(node.deps);
  expect(half).toMatchObject({ seals: 1, rows: 1000, tail: { rows: 500 }, faults: [] });
  expect(half.tail.oldest).toBe('2027-01-01T00:16:40.123Z');
  expect(await sealAll(node.deps)).toBe(500);
  await write(1500, 3);
  expect(await sealAll(node.deps)).toBe(3);
  const whole = await verifyAudit(node.deps);
  expect(whole).toMatchObject({ seals: 3, rows: 1503, tail: { rows: 0 }, faults: [], head: { id: 3, rows: 3 } });
  expect(await sealAll(node.deps)).toBe(0);
});

test('rows that commit late are sealed too, and sealers do not meet', async () => {
  const { sql } = node.deps.database;
  await sql.begin(async (tx) => {
    await writeAudit(tx, [entry(1)]); // takes its number first
    await write(2, 2);
    expect(await sealAll(node.deps)).toBe(2);
  });
  const counts = await Promise.all(Array.from({ length: 5 }, () => sealAll(node.deps)));
  expect(counts.reduce((a, b) => a + b)).toBe(1);
  expect(await kinds()).toEqual([]);
});

test('the tenth seal is followed by the eleventh', async () => {
  for (let n = 0; n < 12; n++) {
    await write(n, 1);
    expect(await sealAll(node.deps)).toBe(1);
  }
  expect(await kinds()).toEqual([]);
});

test('a transaction that is rolled back leaves nothing to seal', async () => {
  await expect(
    node.deps.database.sql.begin(async (tx) => {
      await writeAudit(tx, [entry(1)]);
      throw new Error('no');
    }),
  ).rejects.toThrow('no');
  expect(await sealAll(node.deps)).toBe(0);
});

test('the database refuses to change rows and seals', async () => {
  await write(0, 2);
  await sealAll(node.deps);
  const { sql } = node.deps.database;
  for (const statement of [
    `update exchange.audit set actor = 'x'`,
    'delete from exchange.audit',
    'truncate exchange.audit',
    `update exchange.audit_seal set jws = ''`,
    'delete from exchange.audit_seal',
  ])
    await expect(sql.unsafe(statement)).rejects.toThrow(/insert-only/);
});

test.each([
  ['a changed value', `update exchange.audit set reason = 'other' where seq = 3`, [['changed-row', '3']]],
  [
    'a changed detail',
    `update exchange.audit set detail = detail || '{"count": 7}' where seq = 3`,
    [['changed-row', '3']],
  ],
  ['a changed time', `update exchange.audit set at = at + interval '1 ms' where seq = 3`, [['changed-row', '3']]],
  ['a row with a new hash', `update exchange.audit set hash = sha256('x') where seq = 3`, [['changed-row', '3']]],
  ['a missing row', 'delete from exchange.audit where seq = 3', [['missing-row', '3']]],
  [
    'a row put in past the sealer',
    `insert into exchange.audit (at, actor_kind, actor, action, hash) values (now(), 'peer', 'x', 'y', sha256('z'))`,
    [['stray-row', '11']],
  ],
  [
    'a seal of other rows',
    `update exchange.audit_seal set seqs = seqs[1:4], marks = substr(marks, 1, 32) where id = 1`,
    [
      ['bad-signature', 1],
      ['changed-seal', 1],
      ['stray-row', '5'],
    ],
  ],
  [
    'a missing seal',
    'delete from exchange.audit_seal where id = 1',
    [
      ['broken-chain', 1],
      ['broken-chain', 2],
      ['stray-row', '1'],
      ['stray-row', '2'],
      ['stray-row', '3'],
      ['stray-row', '4'],
      ['stray-row', '5'],
    ],
  ],
  ['another signature', `update exchange.audit_seal set jws = 'a.b.c' where id = 2`, [['bad-signature', 2]]],
])('%s is found', async (_, statement, faults) => {
  await write(0, 5);
  await sealAll(node.deps);
  await write(5, 5);
  await sealAll(node.deps);
  await tamper(statement);
  expect(await kinds()).toEqual(faults);
});

test('a cut end is found by a head that was kept elsewhere', async () => {
  await write(0, 5);
  await sealAll(node.deps);
  const first = (await lastSeal(node.deps.database.sql))?.jws ?? '';
  await write(5, 5);
  await sealAll(node.deps);
  const second = (await lastSeal(node.deps.database.sql))?.jws ?? '';
  expect(await kinds(second)).toEqual([]);
  await tamper('delete from exchange.audit_seal where id = 2; delete from exchange.audit where seq > 5');
  expect(await kinds()).toEqual([]);
  expect(await kinds(first)).toEqual([]);
  expect(await kinds(second)).toEqual([['unknown-head', undefined]]);
  expect(await kinds('x.y.z')).toEqual([['bad-signature', undefined]]);
});

test('a run is kept: daily by itself, with the head it was compared with, and what was wrong is an alert', async () => {
  const { sql } = node.deps.database;
  const alerts = async () => {
    await keepAlerts(node.deps);
    return (await sql`select kind, amount from exchange.alert where cleared_at is null`).map((a) => Object.values(a));
  };
  await write(0, 5);
  const day = 86_400_000;
  const began = Date.now();
  expect((await checkAuditDaily(node.deps)).getTime() - began).toBeGreaterThanOrEqual(day - 1);
  expect(await auditChecks(sql, 9)).toMatchObject([
    { byKind: 'system', rows: 5, seals: 1, faults: 0, knownSeal: null },
  ]);
  // not again on the same day
  await checkAuditDaily(node.deps);
  expect(await auditChecks(sql, 9)).toHaveLength(1);
  expect(await alerts()).toEqual([]);
  const head = (await lastSeal(sql))?.jws ?? '';
  await tamper(`update exchange.audit set reason = 'other' where seq = 3`);
  const verdict = await checkAudit(node.deps, { kind: 'command', name: 'pat' }, head);
  expect(verdict.faults).toHaveLength(1);
  const [newest] = await auditChecks(sql, 1);
  expect(newest).toMatchObject({ by: 'pat', knownSeal: 1, faults: 1, firstFaults: [verdict.faults[0]?.text] });
  expect(await alerts()).toEqual([['audit-changed', 1]]);
  await expect(sql`delete from exchange.audit_check`).rejects.toThrow('insert-only');
});
