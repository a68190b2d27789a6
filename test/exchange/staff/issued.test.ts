// Reports that are issued: each stands as it was signed and follows the one before, and the same rows say the same.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportJWK, generateKeyPair } from 'jose';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { evidenceVerify } from '../../../exchange/commands/evidence.ts';
import { evidenceRows, inSnapshot } from '../../../exchange/compliance/evidence/evidence-rows.ts';
import { chainFaults, verifyReport } from '../../../exchange/compliance/evidence/report-document.ts';
import { keepClocks } from '../../../exchange/schedule.ts';
import { AS_IT_IS, canonicalJson } from '../../../src/fhir/canonical.ts';
import { fieldOf, type StaffNode, startStaff, Visitor } from './support.ts';

let s: StaffNode;
let reviewer: Visitor;
let keys: JsonWebKey[];
const year = new Date().getUTCFullYear();
const period = `${year - 1}-01-01/${year + 1}-12-31`;
const path = `/staff/compliance?period=${period}`;
const folder = mkdtempSync(join(tmpdir(), 'payer-node-test-issued-'));

beforeAll(async () => {
  s = await startStaff();
  await keepClocks(s.ours.deps);
  reviewer = new Visitor(s.app, s.ours.base);
  await reviewer.signIn('dev-reviewer', s.account.password);
  keys = await s.ours.deps.keys.published('evidence');
});
afterAll(async () => {
  await s.close();
  rmSync(folder, { recursive: true, force: true });
});

const documentOf = async (address: string): Promise<string> => {
  const answer = await reviewer.get(`${address}${address.includes('?') ? '&' : '?'}format=json`);
  expect(answer.status).toBe(200);
  return answer.text();
};
const issue = async (who = reviewer, more: Record<string, string> = {}) => {
  const csrf = fieldOf(await (await who.get(path)).text(), 'csrf');
  return who.post('/staff/reports', { csrf, period, peer: '', lob: '', ...more });
};

test('the JSON of a report is canonical and signed, and a change of any part of it is found', async () => {
  const text = await documentOf(path);
  const document = JSON.parse(text);
  expect(document).toMatchObject({ schema: 'payer-node/compliance-report/1', number: null, previous: null });
  expect(text).toBe(`${canonicalJson(document, AS_IT_IS)}\n`);
  expect(await verifyReport(text, keys)).toMatchObject({ faults: [], sha256: document.sha256 });
  // the same rows say the same, whenever they are informed
  expect(JSON.parse(await documentOf(path)).contentSha256).toBe(document.contentSha256);
  document.tables.figures[0].value = '99.9 %';
  const faults = async (changed: object) =>
    (await verifyReport(`${canonicalJson(changed as never, AS_IT_IS)}\n`, keys)).faults.length;
  expect(await faults(document)).toBe(3);
  expect(await faults({ ...JSON.parse(text), generatedAt: '2020-01-01T00:00:00.000Z' })).toBe(2);
  expect(await faults({ ...JSON.parse(text), added: 1 })).toBeGreaterThan(0);
  expect((await verifyReport(JSON.stringify(JSON.parse(text), null, 1), keys)).faults).toEqual([
    'The file is not in canonical form (RFC 8785).',
  ]);
  const { publicKey } = await generateKeyPair('ES384');
  expect((await verifyReport(text, [{ ...(await exportJWK(publicKey)), alg: 'ES384', kid: 'other' }])).faults).toEqual([
    'The signature does not hold: the report was changed, or another key signed it.',
  ]);
});

test('each issued report follows the one before, on its page, as CSV, and for who has the files alone', async () => {
  const { sql } = s.ours.deps.database;
  const first = await issue();
  expect([first.status, first.headers.get('location')]).toEqual([303, '/staff/reports/1']);
  await sql`insert into exchange.deadline (id, kind, subject, starts_at, due_at, state, closed_at) values ('since', 'C2', 'since', '2026-01-01', '2026-01-08', 'met-late', '2026-01-09')`;
  expect((await issue()).headers.get('location')).toBe('/staff/reports/2');
  const [one, two] = [await documentOf('/staff/reports/1'), await documentOf('/staff/reports/2')];
  const [a, b] = [JSON.parse(one), JSON.parse(two)];
  expect(a).toMatchObject({ number: 1, previous: null, issuedBy: expect.stringContaining('dev-reviewer') });
  expect(b).toMatchObject({ number: 2, previous: { number: 1, sha256: a.sha256 } });
  expect(a.contentSha256).not.toBe(b.contentSha256);
  const verdicts = await Promise.all([one, two].map((text) => verifyReport(text, keys)));
  expect(verdicts.flatMap((v) => v.faults)).toEqual([]);
  expect(chainFaults(verdicts)).toEqual([]);
  expect(chainFaults([{ faults: [], number: 1, sha256: 'other' }, verdicts[1] ?? { faults: [] }])).toEqual([
    'Report No. 2 names another No. 1 than this one.',
  ]);
  const page = await (await reviewer.get('/staff/reports/2')).text();
  expect(page).toContain('It stands as it was signed');
  for (const hash of [a.sha256, b.sha256, b.contentSha256]) expect(page).toContain(hash);
  expect(await (await reviewer.get('/staff/reports/2?format=csv')).text()).toContain(b.sha256);
  // what is reported now names the newest, and is the same as it
  const live = await (await reviewer.get(path)).text();
  for (const hash of [b.sha256, b.contentSha256]) expect(live).toContain(hash);
  const changed = async (number: number) =>
    JSON.parse(await documentOf(`/staff/reports/${number}/changes`)).tables.changes as { table: string }[];
  expect((await changed(1)).map((c) => c.table)).toContain('figures');
  expect(await changed(2)).toEqual([]);
  // the two as they were issued, whatever is reported by now
  await sql`insert into exchange.deadline (id, kind, subject, starts_at, due_at, state, closed_at) values ('later', 'C3-match', 'later', '2026-01-01', '2026-01-08', 'met-late', '2026-01-09')`;
  const told = async (address: string) =>
    (JSON.parse(await documentOf(address)).tables.changes as { row: string }[]).map((c) => c.row);
  const between = await told('/staff/reports/2/changes?with=1');
  expect(between).toContain('F4 · Request on time');
  expect(between.join()).not.toContain('match request');
  expect((await told('/staff/reports/2/changes')).join()).toContain('match request');
  expect(page).toContain('/staff/reports/2/changes?with=1');
  const side = await (await reviewer.get('/staff/reports/2/changes?with=1')).text();
  expect(side).toContain('What changed, report No. 1 to No. 2');
  expect(side).not.toContain('same line of business and payer');
  for (const none of ['9', 'x', '-1'])
    expect((await reviewer.get(`/staff/reports/2/changes?with=${none}`)).status).toBe(404);
  await sql`delete from exchange.deadline where id = 'later'`;
  const list = (await (await reviewer.get('/staff/reports?format=json')).json()) as {
    tables: { reports: { number: number; previous: string | null }[] };
  };
  expect(list.tables.reports.map((r) => [r.number, r.previous])).toEqual([
    [2, a.sha256],
    [1, null],
  ]);
  const rows = await sql<
    { detail: { sha256: string } }[]
  >`select detail from exchange.audit where action = 'report-issued' order by seq`;
  expect(rows.map((r) => r.detail.sha256)).toEqual([a.sha256, b.sha256]);
  await expect(sql`delete from exchange.issued_report where number = 2`).rejects.toThrow();

  // offline, as documented
  const said: string[] = [];
  const out = vi.spyOn(process.stdout, 'write').mockImplementation((text) => said.push(String(text)) > 0);
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  try {
    const options = { keys: file('keys.json', JSON.stringify({ keys })) };
    const [f1, f2] = [file('1.json', one), file('2.json', two)];
    await evidenceVerify([f1, f2], options);
    expect([process.exitCode ?? 0, said.join('')]).toEqual([0, expect.stringContaining('stand as they were made')]);
    await evidenceVerify([file('3.json', two.replace('dev-reviewer', 'dev-revieweR'))], options);
    expect([process.exitCode, said.join('')]).toEqual([1, expect.stringContaining('WRONG')]);
    await expect(evidenceVerify([f1], {})).rejects.toThrow('--keys');
    for (const [text, sentence] of [
      [one.slice(0, 500), 'no whole JSON'],
      [one.replace('compliance-report/1', 'compliance-report/2'), 'of the schema payer-node/compliance-report/2: this'],
    ] as const)
      expect((await verifyReport(text, keys)).faults).toEqual([expect.stringContaining(sentence)]);
    // one that is left out is reported
    said.length = 0;
    expect((await issue()).headers.get('location')).toBe('/staff/reports/3');
    await evidenceVerify([f1, file('3.json', await documentOf('/staff/reports/3'))], options);
    expect(said.join('')).toContain('No. 2 is not among them');
  } finally {
    process.exitCode = undefined;
    out.mockRestore();
  }
});

test('a pack holds the reports about its days', async () => {
  const numbers = (from: string, to: string) =>
    inSnapshot(s.ours.deps.database.sql, async (tx) => {
      const found: unknown[] = [];
      for await (const rows of evidenceRows(tx, 'issued-reports.jsonl', {
        from: new Date(from),
        to: new Date(to),
        timeZone: 'UTC',
      }))
        found.push(...rows.map((r) => JSON.parse(r).number));
      return found;
    });
  expect(await numbers(`${year - 1}-01-01`, `${year + 2}-01-01`)).toEqual([1, 2, 3]);
  expect(await numbers(`${year + 1}-01-01`, `${year + 2}-01-01`)).toEqual([]);
});

test('a page that does not say what was signed says so', async () => {
  const { sql } = s.ours.deps.database;
  await sql`alter table exchange.issued_report disable trigger issued_report_insert_only`;
  await sql`update exchange.issued_report set tables = replace(tables, '"value":"F1"', '"value":"F99"') where number = 2`;
  expect(await (await reviewer.get('/staff/reports/2')).text()).toContain('The page does not say what was signed.');
  await sql`update exchange.issued_report set tables = (select tables from exchange.issued_report where number = 1), document = (select document from exchange.issued_report where number = 1) where number = 2`;
  expect(await (await reviewer.get('/staff/reports/2')).text()).toContain('The document is that of another report.');
  await sql`update exchange.issued_report set document = left(document, 99) where number = 2`;
  expect(await (await reviewer.get('/staff/reports/2')).text()).toContain(
    'does not stand as it was issued: It is no whole',
  );
  await sql`alter table exchange.issued_report enable trigger issued_report_insert_only`;
});

test('anyone who may not sign issues none, and what is no period, payer or line of business is refused', async () => {
  const viewer = new Visitor(s.app, s.ours.base);
  await viewer.signIn('dev-viewer', s.account.password);
  expect((await issue(viewer)).status).toBe(403);
  expect(await (await viewer.get(path)).text()).not.toContain('Issue this report');
  expect(await (await reviewer.get(path)).text()).toContain('Issue this report');
  for (const wrong of [{ period: '2027-13' }, { lob: 'none' }, { peer: 'nobody' }, { period: '2999' }])
    expect((await issue(reviewer, wrong)).status).toBe(400);
  expect((await reviewer.get('/staff/reports/99')).status).toBe(404);
  expect((await reviewer.get('/staff/reports/1x')).status).toBe(404);
});
