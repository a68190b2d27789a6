// The plan of plan-of-questions.ts after people have worked in it, with its evidence pack read, and ways to ask it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { parse } from 'csv-parse/sync';
import { expect } from 'vitest';
import { openPromise } from 'yauzl';
import { checkAudit } from '../../../exchange/compliance/audit/check.ts';
import { sealAll } from '../../../exchange/compliance/audit/run-seal.ts';
import { writePack } from '../../../exchange/compliance/evidence/pack.ts';
import { readPeriod } from '../../../exchange/compliance/report/period.ts';
import { memberKeys } from '../../../exchange/members/member-key.ts';
import { planOfQuestions, type QuestionPlan } from './plan-of-questions.ts';
import { id, type Name, ny } from './question-people.ts';
import { fieldOf, type Visitor } from './support.ts';

export type Rows = Record<string, string | number | boolean | null>[];
export const Q1 = 'period=2027-Q1';

export type Answered = {
  plan: QuestionPlan;
  sql: QuestionPlan['sql'];
  reviewer: Visitor;
  zip: string;
  /** files of the pack of the quarter */
  pack: Record<string, Rows>;
  /** its report */
  tables: Record<string, Rows>;
  /** each look of the reviewer at a page of a member: the path */
  looked: string[];
  keyOf(memberId: string): string;
  keys(...names: Name[]): string[];
  answer(path: string, table: string): Promise<Rows>;
  compliance(table: string): Promise<Rows>;
  member(name: Name, table: string): Promise<Rows>;
  figure(f: string): Rows[number] | undefined;
  requestId(n: number): string;
  close(): Promise<void>;
};

/** Makes the pack of a period and reads its files and its report. */
export async function packOf(
  deps: Parameters<typeof writePack>[0],
  name: string,
  zip: string,
): Promise<Pick<Answered, 'pack' | 'tables'>> {
  const period = readPeriod(name);
  if (!period) throw new Error('no period');
  const pack: Answered['pack'] = {};
  let tables: Answered['tables'] = {};
  const index = await writePack(deps, period, zip);
  const opened = await openPromise(zip);
  for await (const entry of opened.eachEntry()) {
    const body = await text(await opened.openReadStreamPromise(entry));
    if (entry.fileName.endsWith('.jsonl'))
      pack[entry.fileName] = body
        .split('\n')
        .filter(Boolean)
        .map((l) => JSON.parse(l));
    if (entry.fileName === 'report.json') tables = JSON.parse(body).tables;
    if (entry.fileName === 'content.json') pack['content.json'] = JSON.parse(body).exports;
  }
  expect(index.items.length).toBeGreaterThan(Object.keys(pack).length);
  return { pack, tables };
}

export async function answered(): Promise<Answered> {
  const plan = await planOfQuestions();
  const { sql } = plan;
  const { deps } = plan.peer.node;
  const keyOf = await memberKeys(deps);
  const folder = mkdtempSync(join(tmpdir(), 'payer-node-test-questions-'));
  const zip = join(folder, 'q1.zip');
  const looked: string[] = [];
  // what people do, in the quarter still: an outage is reported as the reason, records are decided about, the payer is informed
  plan.peer.at(ny('2027-03-30T22:00:00', '-04:00'));
  let reviewer = await plan.as('dev-reviewer');
  const decide = async (kind: string, decision: string): Promise<void> => {
    const [item] = await sql`select id from exchange.review_item where kind = ${kind} limit 1`;
    const path = `/staff/conflicts/${item?.['id']}`;
    const page = await (await reviewer.get(path)).text();
    const done = await reviewer.post(path, {
      csrf: fieldOf(page, 'csrf'),
      mark: fieldOf(page, 'mark'),
      decision,
      reason: 'looked at it',
    });
    expect([kind, decision, done.status]).toEqual([kind, decision, 303]);
  };
  for (const decision of ['report-to-peer', 'undo', 'discard']) await decide('invalid-resource', decision);
  await decide('wrong-patient', 'report-to-peer');
  expect((await reviewer.get(`/staff/peers/scripted/to-tell?${Q1}&format=csv`)).status).toBe(200);
  const [late] = await sql`select id from exchange.deadline where kind = 'C3-export' and state = 'met-late'`;
  const clock = `/staff/clocks/${late?.['id']}`;
  const csrf = fieldOf(await (await reviewer.get(clock)).text(), 'csrf');
  const words = 'the store was down, "é"';
  await reviewer.post(clock, { csrf, reason: 'our-outage', corrective_action: 'CAPA-7', words });
  await sealAll(deps);
  plan.peer.at(ny('2027-04-20T12:00:00', '-04:00'));
  await checkAudit(deps, { kind: 'command', name: 'auditor' });
  reviewer = await plan.as('dev-reviewer');
  const { pack, tables } = await packOf(deps, '2027-Q1', zip);

  const get = (path: string) => {
    looked.push(path);
    return reviewer.get(path);
  };
  /** A table of a page, after its three forms were found to say the same. */
  const answer = async (path: string, table: string): Promise<Rows> => {
    const as = (format: string) => `${path}${path.includes('?') ? '&' : '?'}format=${format}&table=${table}`;
    const page = await (await get(path)).text();
    const json = (await (await get(as('json'))).json()) as { tables: Record<string, Rows> };
    const rows = json.tables[table] ?? [];
    const csv = parse(await (await get(as('csv'))).text(), { columns: true, bom: true }) as Record<string, string>[];
    // a cell that a spreadsheet would run begins with an apostrophe
    const said = (v: Rows[number][string]) =>
      v === null ? '' : typeof v === 'string' && /^[=+\-@]/.test(v) ? `'${v}` : String(v);
    const part = page.split(`id="t-${table}"`)[1]?.split('</section>')[0] ?? '';
    const shown = (part.split('<tbody>')[1] ?? '').split('<tr>').length - 1;
    // each look is in the list of looks itself, and one more each time
    if (table !== 'looks') {
      expect(csv).toEqual(rows.map((r) => Object.fromEntries(Object.entries(r).map(([k, v]) => [k, said(v)]))));
      expect([path, table, part.includes('<dl') ? rows.length : shown]).toEqual([path, table, rows.length]);
    }
    return rows;
  };
  return {
    plan,
    sql,
    reviewer,
    zip,
    pack,
    tables,
    looked,
    keyOf,
    keys: (...names) => names.map((n) => keyOf(id(n))).sort(),
    answer,
    compliance: (table) => answer(`/staff/compliance?${Q1}`, table),
    member: (name, table) => answer(`/staff/members/${id(name)}`, table),
    figure: (f) => tables['figures']?.find((r) => r['figure'] === f),
    requestId: (n) =>
      plan.asked
        .filter((a) => a.object)
        [n]?.object?.split('/')
        .at(-1) ?? '',
    async close() {
      await plan.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
