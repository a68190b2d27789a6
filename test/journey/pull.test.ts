// Two nodes over real HTTP, real tokens and two databases: a pull from first request to the ledger, again in full, and
// again for what changed. The laws of reconciliation are statements over the database; the generator knows the truth.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { importMembers } from '../../exchange/members/enrolment/import-members.ts';
import { sharedReferences } from '../../exchange/members/enrolment/read-own.ts';
import { localId } from '../../exchange/reconcile/local-id.ts';
import { labelOf } from '../../exchange/records/facts/label.ts';
import { moneyIn } from '../../exchange/records/facts/money.ts';
import { authorizationFacts, isAuthorization } from '../../exchange/records/facts/prior-authorization.ts';
import { isShared } from '../../exchange/records/facts/record-types.ts';
import { planPulls } from '../../exchange/requester/plan.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import { validate } from '../../src/fhir/validate/validate.ts';
import { readImport } from '../../src/import/read-import.ts';
import { memberFolders, PLAN_NAMES, type Truth, truth } from '../../src/seed/index.ts';
import { introduce, startNode, type TestNode } from '../support/node.ts';
import { brokenLaws, extent, outcomes } from './laws.ts';

const SEED = 7;
const MEMBERS = 24;
let prior: TestNode;
let ours: TestNode;
let folder: string;

async function load(node: TestNode, paths: string[], enrolment?: string) {
  const rejects: unknown[] = [];
  const result = await importMembers(node.deps, {
    records: readImport(paths),
    ...(enrolment === undefined ? {} : { enrolment }),
    validate,
    reject: (r) => void rejects.push(r),
  });
  return { result, rejects };
}

/** Works on both sides until the pull rests. */
async function finish(id: string) {
  const working = setInterval(() => void prior.work(), 20);
  try {
    const pull = await ours.worker.finish(id);
    const events = await ours.deps.database
      .sql`select state, detail from exchange.pull_event where pull_id = ${id} order by id`;
    return { pull, story: JSON.stringify(events) };
  } finally {
    clearInterval(working);
  }
}

async function pullOnce(request: { again?: boolean; full?: boolean } = {}): Promise<string> {
  const [id = ''] = await planPulls(ours.deps, { cause: 'command', ...request });
  const { pull, story } = await finish(id);
  expect(pull?.state, story).toBe('done');
  return id;
}

/** Every resource in the raw files that a pull kept: what truly left the other side. */
async function received(pull: string): Promise<Resource[]> {
  const files = await ours.deps.database.sql<{ key: string }[]>`
    select blob_key as key from exchange.pull_file where pull_id = ${pull} and kind = 'output' order by position`;
  const out: Resource[] = [];
  for (const { key } of files) {
    const parts: Uint8Array[] = [];
    for await (const part of (await ours.deps.blobs.get(key)) ?? []) parts.push(part);
    for (const line of gunzipSync(Buffer.concat(parts)).toString('utf8').split('\n'))
      if (line !== '') out.push(JSON.parse(line) as Resource);
  }
  return out;
}

let first: string;
let sent: Resource[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'payer-node-members-'));
  await memberFolders({ seed: SEED, members: MEMBERS, out: folder });
  prior = await startNode({ PLAN_NAME: PLAN_NAMES.prior, PLAN_NPI: '9000000012' });
  ours = await startNode({ PLAN_NAME: PLAN_NAMES.current, PLAN_NPI: '9000000004' });
  await introduce(ours, prior);
  for (const [node, side] of [
    [prior, 'prior'],
    [ours, 'current'],
  ] as const) {
    const { rejects } = await load(node, [join(folder, side)], join(folder, side, 'enrolment.csv'));
    expect(rejects).toEqual([]);
  }
  first = await pullOnce();
  sent = await received(first);
});
afterAll(async () => {
  await ours?.close();
  await prior?.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('the first pull', () => {
  test('holds every law', async () => {
    expect(await brokenLaws(ours.deps.database.sql)).toEqual({});
    const booked = Object.values(await outcomes(ours.deps.database.sql, first)).reduce((a, b) => a + b, 0);
    expect(booked).toBe(sent.length);
    expect(booked).toBeGreaterThan(2000);
  });

  test('nothing that must stay has left', async () => {
    expect(sent.flatMap(moneyIn)).toEqual([]);
    const authorizations = sent.filter(isAuthorization).map((r) => authorizationFacts(r));
    expect(authorizations.length).toBeGreaterThan(3);
    expect(authorizations.map((a) => a.state).filter((s) => ['denied', 'drug', 'unclear'].includes(s))).toEqual([]);
    expect(authorizations.flatMap((a) => a.removedLines)).toEqual([]);
    const types = new Set(sent.map((r) => r.resourceType));
    for (const type of ['Claim', 'ClaimResponse', 'Account', 'Invoice', 'ChargeItem', 'Consent'])
      expect(types).not.toContain(type);
    // the test data does hold what must stay
    const [held] = await prior.deps.database.sql`
      select count(*) filter (where pa_state in ('denied', 'drug'))::int as pa, count(*) filter (where shared is not null)::int as money,
        count(*) filter (where label > 0)::int as sensitive from exchange.resource`;
    expect(held?.['pa']).toBeGreaterThan(0);
    expect(held?.['money']).toBeGreaterThan(50);
    expect(held?.['sensitive']).toBeGreaterThan(0);
  });

  test('sensitive records left only under a consent for sensitive data, and no Provenance reveals one', async () => {
    const policies = await ours.deps.database.sql<{ patient: string; policy: string }[]>`
      select peer_patient_id as patient, policy from exchange.pull_member where pull_id = ${first} and outcome = 'matched'`;
    const policyOf = new Map(policies.map((p) => [`Patient/${p.patient}`, p.policy]));
    const patientOf = (r: Resource) =>
      JSON.stringify(r['subject'] ?? r['patient'] ?? r['beneficiary'] ?? {}).match(/Patient\/[A-Za-z0-9\-.]+/)?.[0] ??
      '';
    const sensitive = sent.filter((r) => labelOf(r) > 0);
    expect(sensitive.filter((r) => labelOf(r) === 2 || policyOf.get(patientOf(r)) !== 'sensitive')).toEqual([]);
    const keys = new Set(sent.map((r) => `${r.resourceType}/${String(r['id'])}`));
    const shown = sent
      .filter((r) => r.resourceType === 'Provenance')
      .flatMap((r) => [...JSON.stringify(r['target']).matchAll(/"reference":"([^"]+)"/g)].map((m) => m[1] ?? ''));
    const hidden = await prior.deps.database.sql<{ key: string }[]>`
      select type || '/' || id as key from exchange.resource where label > 0 or withheld is not null or pa_state in ('denied', 'drug', 'unclear')`;
    const mustHide = new Set(hidden.map((h) => h.key).filter((k) => !keys.has(k)));
    expect(shown.filter((k) => mustHide.has(k))).toEqual([]);
  });

  test('organizations and practitioners left only because a record that left names them', () => {
    const shared = sent.filter((r) => isShared(r.resourceType)).map((r) => `${r.resourceType}/${String(r['id'])}`);
    const named = new Set(sent.flatMap((r) => sharedReferences(JSON.stringify(r))));
    expect(shared.length).toBeGreaterThan(10);
    expect(shared.filter((k) => !named.has(k))).toEqual([]);
    const carried = new Set(shared);
    expect([...named].filter((k) => !carried.has(k))).toEqual([]);
  });

  test('duplicates are those of the truth: none missed, none false', async () => {
    const { sql } = ours.deps.database;
    const links = await sql<{ type: string; a: string; b: string; kind: string }[]>`
      select type, a_id as a, b_id as b, kind from exchange.link`;
    const kindOf = new Map(links.map((l) => [`${l.type}|${[l.a, l.b].sort().join('|')}`, l.kind]));
    const got = new Map(sent.map((r) => [`${r.resourceType}/${String(r['id'])}`, r]));
    const keyOf = (row: Truth) => {
      const prior = row.priorType ?? row.type;
      return `${prior}|${[localId('prior', prior, row.priorId), row.currentId].sort().join('|')}`;
    };
    const wrong: string[] = [];
    let checked = 0;
    for (let index = 0; index < MEMBERS; index++)
      for (const row of truth(SEED, index)) {
        const priorType = row.priorType ?? row.type;
        if (!got.has(`${priorType}/${row.priorId}`)) continue;
        checked++;
        const kind = kindOf.get(keyOf(row));
        const fits =
          row.kind === 'different'
            ? kind === undefined
            : row.kind === 'conflict'
              ? kind === 'conflict'
              : kind === row.kind;
        if (!fits) wrong.push(`${row.member} ${row.type} ${row.note}: ${row.kind}, found ${kind ?? 'nothing'}`);
      }
    expect(checked).toBeGreaterThan(100);
    expect(wrong).toEqual([]);
    // links beyond the key would be false ones
    const known = new Set<string>();
    for (let index = 0; index < MEMBERS; index++) for (const row of truth(SEED, index)) known.add(keyOf(row));
    // but claims and dispenses of the other plan's own fills share the number of the fill
    const number = (r: Resource | undefined) =>
      JSON.stringify(r?.['identifier'] ?? {}).match(/pharmacy.example\/sid\/fill","value":"([^"]+)/)?.[1];
    const fills = new Map(sent.map((r) => [localId('prior', r.resourceType, String(r['id'])), number(r)]));
    const isOneFill = (key: string) => {
      const [, a = '', b = ''] = key.split('|');
      return fills.get(a) !== undefined && fills.get(a) === fills.get(b);
    };
    const beyond = [...kindOf].filter(([key, kind]) => !known.has(key) && !(kind === 'derived-from' && isOneFill(key)));
    expect(beyond).toEqual([]);
  });

  test('both sides have closed their clocks, and the audit names every member received', async () => {
    const open = await prior.deps.database.sql`select kind from exchange.deadline where state = 'open'`;
    expect([...open]).toEqual([]);
    const [members] = await ours.deps.database.sql`
      select (select count(distinct member_id)::int from exchange.ledger where pull_id = ${first} and member_id is not null) as ledger,
        (select count(*)::int from exchange.audit where action = 'received' and object = ${`pull/${first}`}) as audit`;
    expect(members?.['audit']).toBe(members?.['ledger']);
  });
});

describe('later pulls', () => {
  test('the same in full again writes nothing of any member (L7)', async () => {
    const { sql } = ours.deps.database;
    const before = await extent(sql);
    const findings = await sql`select kind from exchange.finding where local_id is not null`;
    // the other side reads its records in another order, as it does when its planner learns more about them
    await prior.deps.database
      .sql`do $$ begin execute format('alter database %I set enable_bitmapscan = off', current_database()); end $$`;
    const again = await pullOnce({ again: true, full: true });
    expect(await extent(sql)).toEqual(before);
    expect([...(await sql`select kind from exchange.finding where local_id is not null`)]).toEqual([...findings]);
    const found = await outcomes(sql, again);
    for (const outcome of Object.keys(found)) expect(['unchanged', 'echo', 'quarantined', 'shared']).toContain(outcome);
    expect(Object.values(found).reduce((a, b) => a + b, 0)).toBe(sent.length);
    expect(await brokenLaws(sql)).toEqual({});
  });

  test('an incremental pull moves what changed, was deleted or is new, and nothing else', async () => {
    const { sql } = ours.deps.database;
    const observations = sent.filter((r) => r.resourceType === 'Observation');
    const [changed, goneA, goneB, model] = [observations[3], observations[7], observations[11], observations[15]];
    if (!changed || !goneA || !goneB || !model) throw new Error('too few observations');
    const added = {
      ...model,
      id: 'new-observation-1',
      effectiveDateTime: '2026-06-06T10:11:12Z',
      identifier: undefined,
    };
    const file = join(folder, 'changes.ndjson');
    writeFileSync(
      file,
      [
        { ...changed, note: [{ text: 'corrected by the laboratory' }] },
        added,
        {
          resourceType: 'Bundle',
          type: 'transaction',
          entry: [goneA, goneB].map((r) => ({ request: { method: 'DELETE', url: `Observation/${String(r['id'])}` } })),
        },
      ]
        .map((r) => JSON.stringify(r))
        .join('\n'),
    );
    const { rejects, result } = await load(prior, [file]);
    expect(rejects).toEqual([]);
    expect(result.counts).toMatchObject({ created: 1, updated: 1, deleted: 2 });

    const pull = await pullOnce({ again: true });
    const moved = await sql<{ outcome: string; type: string; source: string }[]>`
      select outcome, type, source_id as source from exchange.ledger
      where pull_id = ${pull} and outcome not in ('unchanged', 'echo', 'shared') and type <> 'Provenance' order by 1, 2, 3`;
    expect([...moved].map((m) => `${m.outcome} ${m.type}/${m.source}`).sort()).toEqual(
      [
        'created Observation/new-observation-1',
        `updated Observation/${String(changed['id'])}`,
        `retracted Observation/${String(goneA['id'])}`,
        `retracted Observation/${String(goneB['id'])}`,
      ].sort(),
    );
    const [row] = await sql`
      select version, body::jsonb #>> '{note,0,text}' as note from exchange.resource
      where type = 'Observation' and id = ${localId('prior', 'Observation', String(changed['id']))}`;
    expect(row).toMatchObject({ version: 2, note: 'corrected by the laboratory' });
    const hidden = await sql`
      select deleted from exchange.resource
      where type = 'Observation' and id = any(${[goneA, goneB].map((r) => localId('prior', 'Observation', String(r['id'])))}::text[])`;
    expect([...hidden]).toEqual([{ deleted: true }, { deleted: true }]);
    expect(await brokenLaws(sql)).toEqual({});
  });

  test('the raw files are kept with the hash of what was sent', async () => {
    const { createHash } = await import('node:crypto');
    const files = await ours.deps.database.sql<{ key: string; sha256: string; bytes: string }[]>`
      select blob_key as key, sha256, bytes from exchange.pull_file where pull_id = ${first}`;
    expect(files.length).toBeGreaterThan(10);
    for (const f of files) {
      const parts: Uint8Array[] = [];
      for await (const part of (await ours.deps.blobs.get(f.key)) ?? []) parts.push(part);
      const raw = gunzipSync(Buffer.concat(parts));
      expect(createHash('sha256').update(raw).digest('hex')).toBe(f.sha256);
      expect(raw.length).toBe(Number(f.bytes));
    }
  });
});
