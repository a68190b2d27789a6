// A backup that was restored: what the check of the copy finds, what the node takes as a record of it, when the next one is due, and who is informed.
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { keepAlerts } from '../../../exchange/alerts/update-alerts.ts';
import { auditRow, writeAudit } from '../../../exchange/compliance/audit/audit.ts';
import { sealAll } from '../../../exchange/compliance/audit/run-seal.ts';
import { evidenceRows, inSnapshot } from '../../../exchange/compliance/evidence/evidence-rows.ts';
import { checkRestored, type RestoreCheck } from '../../../exchange/compliance/restore/restore-check.ts';
import { DRILL_FAULTS, drillDue, recordDrill } from '../../../exchange/compliance/restore/restore-drill.ts';
import { createStaff } from '../../../exchange/staff/app.ts';
import { developmentAccount } from '../../../src/auth/staff-development.ts';
import type { Deps } from '../../../src/deps.ts';
import { Outcome } from '../../../src/fhir/outcome.ts';
import { fileBlobs, fileKeys } from '../../../src/runtime/node.ts';
import { copyDb } from '../../support/db.ts';
import { startNode, type TestNode } from '../../support/node.ts';
import { ExportClient } from '../export-client.ts';
import { client } from '../peer-client.ts';
import { ASKER, card, enrol, idOf, PEOPLE, US } from '../plan-fixture.ts';
import { fieldOf, Visitor } from './support.ts';

const DAY = 86_400_000;
const WHO = { kind: 'command', subject: 'ada', requestId: '' } as const;
const TEXT = '{"resourceType":"Condition","id":"c1"}\n';
let node: TestNode;
let admin: Visitor;
let viewer: Visitor;
const closing: (() => Promise<void>)[] = [];

beforeAll(async () => {
  node = await startNode({ PLAN_NPI: US.npi, PLAN_NAME: US.name, SANDBOX: 'on' });
  const { deps } = node;
  await enrol(
    deps,
    [PEOPLE.robert],
    [
      {
        resourceType: 'Observation',
        id: 'o1',
        status: 'final',
        code: { text: 'x' },
        subject: { reference: `Patient/${idOf(PEOPLE.robert)}` },
      },
    ],
  );
  const them = new ExportClient(node, await client(node, 'a', { npi: ASKER.npi }));
  await them.signIn();
  await them.finished(await them.get(`Group/${await them.group([card(PEOPLE.robert)])}/$export`, '_type=Observation'));
  await deps.blobs.put('pulls/p1/0.ndjson.gz', Readable.from([gzipSync(TEXT)]));
  await deps.database
    .sql`insert into exchange.pull (id, peer_id, state, cause, created_at, due_at, next_at, finished_at) values ('p1', 'a', 'done', 'command', now(), now(), now(), now())`;
  await deps.database
    .sql`insert into exchange.pull_file (pull_id, position, kind, type, url, declared, state, blob_key, bytes, sha256, units)
    values ('p1', 0, 'output', 'Condition', 'https://prior.example/f', 1, 'staged', 'pulls/p1/0.ndjson.gz', 1, ${createHash('sha256').update(TEXT).digest('hex')}, 1)`;
  await sealAll(deps);
  const account = developmentAccount(deps.config);
  const app = createStaff(deps, { development: account });
  [admin, viewer] = [new Visitor(app, node.base), new Visitor(app, node.base)];
  await admin.signIn('dev-admin', account?.password ?? '');
  await viewer.signIn('dev-viewer', account?.password ?? '');
});
afterAll(async () => {
  for (const close of closing) await close();
  await node.close();
});

/** The node restored beside it: a copy of its database, and of its folder. */
async function restored(): Promise<Deps & { folder: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'payer-node-test-restored-'));
  cpSync(node.deps.config.dataDir, folder, { recursive: true });
  const database = await copyDb((node.deps.database as unknown as { url: string }).url);
  closing.push(async () => {
    await database.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    ...node.deps,
    database,
    blobs: fileBlobs(join(folder, 'blobs')),
    keys: fileKeys(join(folder, 'keys')),
    folder,
  };
}
const check = async (deps: Deps, known?: string) => {
  const checks: RestoreCheck['checks'] = [];
  const { text, isOk } = await checkRestored(deps, { known, further: [], tell: (c) => checks.push(c) });
  return { text, isOk, wrong: checks.filter((c) => !c.isOk) };
};
const record = (document: string, more: Partial<Parameters<typeof recordDrill>[1]> = {}) =>
  recordDrill(
    node.deps,
    { document, failure: '', backup: 'nightly of 2026-12-01', note: '', minutes: '', ...more },
    WHO,
  );

describe('the check of a copy', () => {
  test('finds a whole one whole, and the node takes it once', async () => {
    const copy = await restored();
    const found = await check(copy);
    expect([found.isOk, found.wrong]).toEqual([true, []]);
    const audited = () =>
      node.deps.database.sql`select outcome, detail from exchange.audit where action = 'restore-drill'`;
    expect(await record(found.text, { minutes: '95' })).toMatchObject({ isOk: true });
    expect(await audited()).toMatchObject([{ outcome: 'ok', detail: { faults: 0 } }]);
    expect(await record(found.text)).toEqual({ fault: 'known' });
    expect(await audited()).toHaveLength(1);
  });

  test.each<[string, string, (copy: Deps & { folder: string }) => Promise<unknown>]>([
    ['a file that is missing', 'stored files', (c) => c.blobs.delete('pulls/p1/0.ndjson.gz')],
    [
      'a received file of other text',
      'stored files',
      (c) => c.blobs.put('pulls/p1/0.ndjson.gz', Readable.from([gzipSync('x')])),
    ],
    [
      'a received file that was cut',
      'stored files',
      (c) => c.blobs.put('pulls/p1/0.ndjson.gz', Readable.from([gzipSync(TEXT).subarray(0, 20)])),
    ],
    [
      'a file of an answer that was changed',
      'stored files',
      async (c) => {
        const [f] = await c.database.sql<{ key: string }[]>`select blob_key as key from exchange.bulk_file limit 1`;
        return c.blobs.put(f?.key ?? '', Readable.from([gzipSync('x')]));
      },
    ],
    [
      'an audit row that was changed',
      'audit trail',
      async (c) => {
        await c.database.sql`alter table exchange.audit disable trigger audit_insert_only`;
        return c.database.sql`update exchange.audit set reason = 'x' where action = 'export-member'`;
      },
    ],
  ])('%s fails it, and that is a record of a drill too', async (_, name, spoil) => {
    const copy = await restored();
    await spoil(copy);
    const found = await check(copy);
    expect([found.isOk, found.wrong.map((c) => c.name)]).toEqual([false, [name]]);
    expect(await record(found.text)).toMatchObject({ isOk: false });
    const [row] = await node.deps.database
      .sql`select faults, is_ok from exchange.restore_drill order by at desc limit 1`;
    expect(row).toMatchObject({ is_ok: false, faults: [expect.stringMatching(`^${name}: `)] });
  });

  test('one that does not reach a head that was kept elsewhere is not whole', async () => {
    const copy = await restored();
    await writeAudit(node.deps.database.sql, [
      auditRow({ at: new Date(), actorKind: 'system', actor: 'x', action: 'view' }),
    ]);
    await sealAll(node.deps);
    const [head] = await node.deps.database.sql<
      { jws: string }[]
    >`select jws from exchange.audit_seal order by id desc limit 1`;
    expect((await check(copy, head?.jws)).wrong.map((c) => c.name)).toEqual(['audit trail']);
    expect((await check(await restored(), head?.jws)).wrong).toEqual([]);
  });
});

describe('what is not taken', () => {
  test('what no key of the node signed, what was changed, what is none, what is of the node itself or of another one', async () => {
    const copy = await restored();
    const { text } = await check(copy);
    const others = await check({ ...copy, keys: fileKeys(mkdtempSync(join(copy.folder, 'other-keys-'))) });
    expect(others.wrong.map((c) => c.name)).toEqual(['audit trail']);
    expect(await record(others.text)).toEqual({ fault: 'unsigned' });
    expect(await record(text.replace('"isOk":true', '"isOk":false'))).toEqual({ fault: 'unsigned' });
    expect(await record(text.slice(0, -30))).toEqual({ fault: 'unread' });
    expect(await record('{}')).toEqual({ fault: 'unread' });
    expect(await record((await check(node.deps)).text)).toEqual({ fault: 'same' });
    const later = { ...copy, clock: () => new Date(Date.now() + DAY) };
    expect(await record((await check(later)).text)).toEqual({ fault: 'future' });
    const drills = async () => (await node.deps.database.sql`select 1 from exchange.restore_drill`).length;
    const before = await drills();
    for (const [given, fault] of [
      [{ backup: ' ' }, 'backup'],
      [{ backup: 'x'.repeat(1001) }, 'backup'],
      [{ minutes: '1.5' }, 'minutes'],
      [{ minutes: '-1' }, 'minutes'],
      [{ note: 'x'.repeat(1001) }, 'note'],
      [{ failure: 'no tape' }, 'both'],
    ] as const)
      expect(await record(text, given)).toEqual({ fault });
    expect(await record('')).toEqual({ fault: 'nothing' });
    expect(await drills()).toBe(before);
  });

  test('anything, by a process that has no evidence keys', async () => {
    const { text } = await check(await restored());
    const published = () => Promise.reject(new Outcome('unavailable'));
    const worker = { ...node.deps, keys: { ...node.deps.keys, published } };
    const given = { document: text, failure: '', backup: 'nightly', note: '', minutes: '' };
    expect(await recordDrill(worker, given, WHO)).toEqual({ fault: 'no-key' });
  });

  test('a copy of another node that has its keys', async () => {
    const other = await startNode({ PLAN_NPI: US.npi, PLAN_NAME: US.name }, { keys: node.deps.keys });
    closing.push(() => other.close());
    await enrol(other.deps, [PEOPLE.rivera], []);
    await writeAudit(other.deps.database.sql, [
      auditRow({ at: new Date(), actorKind: 'system', actor: 'x', action: 'view' }),
    ]);
    await sealAll(other.deps);
    expect(await record((await check(other.deps)).text)).toEqual({ fault: 'stranger' });
  });
});

test('when the next one is due, and the alert that stands until one went well', async () => {
  const { sql } = node.deps.database;
  const standing = async (days: number, restoreDrillDays = 92) => {
    const later = {
      ...node.deps,
      clock: () => new Date(Date.now() + days * DAY),
      config: { ...node.deps.config, restoreDrillDays },
    };
    await keepAlerts(later);
    return (
      await sql<
        { amount: number }[]
      >`select amount from exchange.alert where kind = 'restore-due' and cleared_at is null`
    ).map((a) => a.amount);
  };
  expect(await standing(91)).toEqual([]);
  expect(await standing(93)).toEqual([1]);
  expect(await standing(102.5)).toEqual([10]);
  expect(await standing(102, 0)).toEqual([]);
  // one that failed is an event, and changes nothing of it
  const due = await drillDue(node.deps);
  await record('', { failure: 'the tape cannot be read' });
  expect(await drillDue(node.deps)).toEqual(due);
  expect(await (await viewer.get('/staff/events')).text()).toContain('nothing could be restored');
  const copy = { ...(await restored()), clock: () => new Date(Date.now() + 60 * DAY) };
  const later = { ...node.deps, clock: () => new Date(Date.now() + 60 * DAY + 1000) };
  expect(
    await recordDrill(
      later,
      { document: (await check(copy)).text, failure: '', backup: 'nightly', note: '', minutes: '' },
      WHO,
    ),
  ).toMatchObject({ isOk: true });
  expect(await standing(102)).toEqual([]);
  expect(await standing(153.5)).toEqual([1]);
});

test('the page for everybody signed in, its form for administrators, and the pack', async () => {
  type Tables = { tables: { restores: Record<string, string | number | null>[] } };
  const rows = async (who: Visitor) =>
    ((await (await who.get('/staff/restores?format=json')).json()) as Tables).tables.restores;
  const before = (await rows(viewer)).length;
  const csrf = fieldOf(await (await admin.get('/staff/restores')).text(), 'csrf');
  expect(await (await viewer.get('/staff/restores')).text()).not.toContain('name="document"');
  const viewers = fieldOf(await (await viewer.get('/staff')).text(), 'csrf');
  expect(
    (await viewer.post('/staff/restores/record', { csrf: viewers, backup: 'nightly', failure: 'x y' })).status,
  ).toBe(403);
  const { text } = await check(await restored());
  const refused = await admin.post('/staff/restores/record', { csrf, backup: '', document: text });
  expect([refused.status, (await refused.text()).includes(DRILL_FAULTS.backup.slice(0, 30))]).toEqual([400, true]);
  // as a browser sends what stands in a text field
  const sent = await admin.post('/staff/restores/record', {
    csrf,
    backup: 'of <b>Tuesday</b>',
    document: text.replace('\n', '\r\n'),
    minutes: '12',
    failure: '',
  });
  expect([sent.status, sent.headers.get('location')]).toEqual([303, '/staff/restores']);
  const after = await rows(viewer);
  expect(after).toHaveLength(before + 1);
  expect(after.find((r) => r['backup'] === 'of <b>Tuesday</b>')).toMatchObject({ result: 'whole', minutes: 12 });
  expect(await (await viewer.get('/staff/restores')).text()).not.toContain('<b>Tuesday');
  const reader = node.deps.database.dedicated('work');
  const packed = await inSnapshot(reader, async (tx) => {
    const lines: string[] = [];
    for await (const part of evidenceRows(tx, 'restore-drills.jsonl', {
      from: new Date(0),
      to: new Date(Date.now() + DAY),
      timeZone: 'UTC',
    }))
      lines.push(...part);
    return lines.map((l) => JSON.parse(l) as { backup: string; document: string });
  }).finally(() => reader.end());
  expect(packed.find((d) => d.backup === 'of <b>Tuesday</b>')?.document).toBe(text.trim());
});
