// One transaction changes how sensitive a directory entry is, another at the same time writes a record that names it: in whatever order they end,
// the record is as sensitive as the entry.
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { labelsChange, labelsStay } from '../../exchange/records/label-lock.ts';
import type { Sql } from '../../src/db/database.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { enrol, idOf, PEOPLE } from './plan-fixture.ts';

const { rivera, robert } = PEOPLE;
const PSY = { security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'PSY' }] };
const subject = { subject: { reference: `Patient/${idOf(rivera)}` } };
const CODE = { coding: [{ system: 'http://www.nlm.nih.gov/research/umls/rxnorm', code: '1' }] };
const ward = (id: string, meta?: object) => ({
  resourceType: 'Organization',
  id,
  active: true,
  name: 'Ward',
  ...(meta && { meta }),
});
const drug = (id: string, meta?: object) => ({
  resourceType: 'Medication',
  id,
  code: CODE,
  ...(meta && { meta }),
});
const role = (id: string, of: string) => ({
  resourceType: 'PractitionerRole',
  id,
  active: true,
  organization: { reference: `Organization/${of}` },
});
const visit = (id: string, names: object) => ({
  resourceType: 'Encounter',
  id,
  status: 'finished',
  class: { code: 'AMB' },
  ...subject,
  ...names,
});
const order = (id: string, of: string) => ({
  resourceType: 'MedicationRequest',
  id,
  status: 'active',
  intent: 'order',
  medicationReference: { reference: `Medication/${of}` },
  ...subject,
});

const GATE = 4711;
let node: TestNode;
let sql: Sql;
beforeAll(async () => {
  node = await startNode();
  sql = node.deps.database.sql;
  await enrol(node.deps, [rivera, robert]);
  // a transaction that wrote one of these waits at its end for the gate
  await sql.unsafe(`
    create function exchange.at_gate() returns trigger language plpgsql as $$ begin perform pg_advisory_xact_lock_shared(${GATE}); return null; end $$;
    create constraint trigger gate after insert or update on exchange.shared_resource deferrable initially deferred for each row when (new.id like 'gate-%') execute function exchange.at_gate();
    create constraint trigger gate after insert or update on exchange.resource deferrable initially deferred for each row when (new.id like 'gate-%') execute function exchange.at_gate();`);
});
afterAll(() => node.close());

const waiting = async () =>
  Number(
    (
      await sql`select count(*)::int as n from pg_locks where locktype = 'advisory' and not granted and database = (select oid from pg_database where datname = current_database())`
    )[0]?.n,
  );
/** Does `first`, which waits at its end; `second` goes as far as it can; then both end. */
async function atOnce(first: () => Promise<unknown>, second: () => Promise<unknown>): Promise<void> {
  const gate = node.deps.database.dedicated('work');
  try {
    await gate`select pg_advisory_lock(${GATE})`;
    const one = first();
    await expect.poll(waiting, { timeout: 20_000 }).toBe(1);
    let isOver = false;
    const other = second().finally(() => {
      isOver = true;
    });
    for (let i = 0; i < 15 && !isOver; i++) await pause(100);
    await gate`select pg_advisory_unlock(${GATE})`;
    await Promise.all([one, other]);
  } finally {
    await gate.end({ timeout: 1 });
  }
}
const labelOf = async (id: string) => (await sql`select label from exchange.resource where id = ${id}`)[0]?.label;
const write = (...records: object[]) => enrol(node.deps, [], records);

test('a record that is written while what it names becomes sensitive', async () => {
  await write(ward('w1'), drug('d1'), ward('w2'), role('r2', 'w2'));
  await atOnce(
    () => write(visit('gate-v1', { serviceProvider: { reference: 'Organization/w1' } })),
    () => write(ward('w1', PSY)),
  );
  expect(await labelOf('gate-v1')).toBe(1);
  await atOnce(
    () => write(order('gate-o1', 'd1')),
    () => write(drug('d1', PSY)),
  );
  expect(await labelOf('gate-o1')).toBe(1);
  await atOnce(
    () => write(visit('gate-v2', { participant: [{ individual: { reference: 'PractitionerRole/r2' } }] })),
    () => write(ward('w2', PSY)),
  );
  expect(await labelOf('gate-v2')).toBe(1);
});

test('what becomes sensitive while a record is written that names it', async () => {
  await write(ward('gate-w3'), drug('gate-d3'));
  await atOnce(
    () => write(ward('gate-w3', PSY)),
    () => write(visit('v3', { serviceProvider: { reference: 'Organization/gate-w3' } })),
  );
  expect(await labelOf('v3')).toBe(1);
  await atOnce(
    () => write(drug('gate-d3', PSY)),
    () => write(order('o3', 'gate-d3')),
  );
  expect(await labelOf('o3')).toBe(1);
});

test('an entry that names another one, which becomes sensitive at the same time', async () => {
  await write(ward('w4'), ward('plain'), role('gate-r4', 'plain'));
  await write(visit('v4', { participant: [{ individual: { reference: 'PractitionerRole/gate-r4' } }] }));
  await atOnce(
    () => write(role('gate-r4', 'w4')),
    () => write(ward('w4', PSY)),
  );
  expect(await labelOf('v4')).toBe(1);
  await write(ward('gate-w5'), role('r5', 'plain'));
  await write(visit('v5', { participant: [{ individual: { reference: 'PractitionerRole/r5' } }] }));
  await atOnce(
    () => write(ward('gate-w5', PSY)),
    () => write(role('r5', 'gate-w5')),
  );
  expect(await labelOf('v5')).toBe(1);
});

test('who writes what is no more sensitive than before waits for no one', async () => {
  await write(ward('gate-w6'));
  let isOver = false;
  await atOnce(
    () => write(ward('gate-w6'), visit('gate-v6', { serviceProvider: { reference: 'Organization/gate-w6' } })),
    async () => {
      await write(ward('w7'), visit('v7', { serviceProvider: { reference: 'Organization/gate-w6' } }));
      isOver = true;
      expect(await waiting()).toBe(1);
    },
  );
  expect(isOver).toBe(true);
  expect(await labelOf('v7')).toBe(0);
});

test('an import in which a label changes holds no one up longer than its entries take, and a stopped one has them', async () => {
  await write(ward('w9'), visit('v9', { serviceProvider: { reference: 'Organization/w9' } }));
  let isOver = false;
  await atOnce(
    () =>
      write(
        ward('w9', PSY),
        ward('w9-new', PSY),
        visit('gate-v9', { serviceProvider: { reference: 'Organization/w9' } }),
      ),
    async () => {
      await write(visit('v9-other', { serviceProvider: { reference: 'Organization/w9' } }));
      isOver = true;
      expect(await waiting()).toBe(1);
      // the import is not through yet
      expect(await labelOf('gate-v9')).toBeUndefined();
      expect(await labelOf('v9')).toBe(1);
    },
  );
  expect(isOver).toBe(true);
  expect(await labelOf('v9-other')).toBe(1);
  expect(await labelOf('gate-v9')).toBe(1);
});

const counted = async () =>
  (
    await sql`select detail from exchange.audit where action = 'import' and object = 'own-records' order by seq desc limit 1`
  )[0]?.detail;

test('what such an import did is counted whole, and once', async () => {
  const entries = [
    ward('w10', PSY),
    ward('w10'),
    ward('w10', PSY),
    role('r10', 'w10'),
    visit('v10', { serviceProvider: { reference: 'Organization/w10' } }),
  ];
  await write(...entries);
  expect(await counted()).toMatchObject({
    created: 3,
    updated: 0,
    unchanged: 0,
    deleted: 0,
    repeated: 2,
    refused: 0,
  });
  await write(...entries);
  expect(await counted()).toMatchObject({ created: 0, updated: 0, unchanged: 3 });
  await write(ward('w10'), visit('v10', { serviceProvider: { reference: 'Organization/w10' } }));
  expect(await counted()).toMatchObject({ updated: 1, unchanged: 1 });
  expect(await sql`select version from exchange.shared_resource where id = 'w10'`).toEqual([{ version: 2 }]);
  expect(await labelOf('v10')).toBe(0);
});

test('who waits to change a label behind one who writes for long keeps no one else waiting', async () => {
  const [writer, changer, other] = [1, 2, 3].map(() => node.deps.database.dedicated('work'));
  if (!writer || !changer || !other) throw new Error('no connections');
  let free = () => {};
  const held = new Promise<void>((done) => {
    free = done;
  });
  try {
    let holds = () => {};
    const isHeld = new Promise<void>((done) => {
      holds = done;
    });
    const long = writer.begin(async (tx) => {
      await labelsStay(tx);
      holds();
      await held;
    });
    await isHeld;
    let isChanged = false;
    const change = changer
      .begin((tx) => labelsChange(tx, 0))
      .then(() => {
        isChanged = true;
      });
    await pause(300);
    await other.begin(labelsStay);
    expect(isChanged).toBe(false);
    free();
    await Promise.all([long, change]);
    expect(isChanged).toBe(true);
  } finally {
    free();
    await Promise.all([writer, changer, other].map((c) => c.end({ timeout: 1 })));
  }
});

test('a new entry of ours, which names what is sensitive, reaches who named it before', async () => {
  await write(visit('v8', { participant: [{ individual: { reference: 'PractitionerRole/r8' } }] }));
  await write(ward('w8', PSY));
  await write(role('r8', 'w8'));
  expect(await labelOf('v8')).toBe(1);
});
