// A sandbox node with staff pages: a pull that ended, one made by hand whose records try to break out of the page, and one
// that does not balance.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import type { Hono } from 'hono';
import { importMembers } from '../../../exchange/members/enrolment/import-members.ts';
import { planPulls } from '../../../exchange/requester/plan.ts';
import { createStaff } from '../../../exchange/staff/app.ts';
import { type DevelopmentAccount, developmentAccount } from '../../../src/auth/staff-development.ts';
import type { Deps } from '../../../src/deps.ts';
import { validate } from '../../../src/fhir/validate/validate.ts';
import type { FhirEnv } from '../../../src/http/fhir-app.ts';
import { readImport } from '../../../src/import/read-import.ts';
import { memberFolders, PLAN_NAMES } from '../../../src/seed/index.ts';
import { introduce, startNode, type TestNode } from '../../support/node.ts';

export const EVIL = `"><img src=x onerror=alert(1)>`;
export const SCRIPT = '<script>alert(1)</script>';
export const HAND = 'hand-made';
export const UNBALANCED = 'not-balanced';

/** Three lines: a record with markup in its text, a line that is no JSON, and a formula as an id. */
async function handMade(deps: Deps, peerId: string, memberId: string): Promise<void> {
  const { sql } = deps.database;
  const at = new Date('2026-05-04T15:00:00.000Z');
  const lines = [
    JSON.stringify({
      resourceType: 'Condition',
      id: 'c1',
      code: { text: SCRIPT },
      subject: { reference: 'Patient/p1' },
      value: 1.0,
    }),
    `{"broken": ${SCRIPT}`,
    JSON.stringify({ resourceType: 'Goal', id: '=1+1', description: { text: 'x' } }),
  ];
  const blob = await deps.blobs.put('pulls/hand/0.ndjson.gz', Readable.from([gzipSync(`${lines.join('\n')}\n`)]));
  await sql`insert into exchange.pull (id, peer_id, state, cause, created_at, due_at, next_at, finished_at)
    values (${HAND}, ${peerId}, 'done', 'command', ${at}, ${new Date('2026-05-11T15:00:00Z')}, ${at}, ${at})`;
  await sql`insert into exchange.pull_event (pull_id, at, state, detail) values (${HAND}, ${at}, 'done', ${SCRIPT})`;
  const [consent] = await sql<{ id: string }[]>`select id from exchange.consent where member_id = ${memberId} limit 1`;
  await sql`insert into exchange.pull_member (pull_id, submitted_id, member_id, consent_id, policy, outcome, peer_patient_id)
    values (${HAND}, 's1', ${memberId}, ${consent?.id ?? ''}, 'regular', 'matched', 'p1')`;
  await sql`insert into exchange.pull_file (pull_id, position, kind, type, url, declared, state, blob_key, bytes, sha256, units)
    values (${HAND}, 0, 'output', 'Condition', 'https://prior.example/f', 3, 'staged', 'pulls/hand/0.ndjson.gz', ${blob.bytes}, ${blob.sha256}, 3)`;
  await sql`insert into exchange.ledger_unit (pull_id, file, line, entry, outcome, reason, type, source_id, member_id, local_id)
    values (${HAND}, 0, 1, 0, 'quarantined', 'invalid-resource', 'Condition', 'c1', ${memberId}, null),
           (${HAND}, 0, 2, 0, 'rejected', 'invalid-json', null, null, null, null),
           (${HAND}, 0, 3, 0, 'quarantined', 'unsupported-subject', 'Goal', '=1+1', null, null)`;
  await sql`insert into exchange.finding (pull_id, kind, file, line, entry, type, detail) values (${HAND}, 'profile-violation', 0, 1, 0, 'Condition', ${SCRIPT})`;
  await sql`update exchange.resource set body = replace(body, '"given":["', '"given":["${sql.unsafe(EVIL.replaceAll("'", "''").replaceAll('"', '\\"'))} ')
    where member_id = ${memberId} and type = 'Patient' and id = ${memberId}`;
}

async function notBalanced(deps: Deps, peerId: string): Promise<void> {
  const { sql } = deps.database;
  const at = new Date('2026-05-05T15:00:00.000Z');
  await sql`insert into exchange.pull (id, peer_id, state, cause, reason, created_at, due_at, next_at)
    values (${UNBALANCED}, ${peerId}, 'unbalanced', 'command', 'count-mismatch', ${at}, ${new Date('2026-05-12T15:00:00Z')}, ${at})`;
  await sql`insert into exchange.pull_file (pull_id, position, kind, type, url, declared, state, units)
    values (${UNBALANCED}, 0, 'output', 'Condition', 'https://prior.example/f', 10, 'staged', 9)`;
}

export type StaffNode = {
  ours: TestNode;
  /** the payer that was asked, for what it shows of the request */
  prior: TestNode;
  app: Hono<FhirEnv>;
  account: DevelopmentAccount;
  pullId: string;
  memberId: string;
  close(): Promise<void>;
};

/** Two nodes, a pull between them that ended, and the staff pages of the asker. */
export async function startStaff(over: Partial<Deps> = {}): Promise<StaffNode> {
  const folder = mkdtempSync(join(tmpdir(), 'payer-node-staff-'));
  await memberFolders({ seed: 7, members: 6, out: folder });
  const prior = await startNode({ PLAN_NAME: PLAN_NAMES.prior, PLAN_NPI: '9000000012', SANDBOX: 'on' });
  const ours = await startNode({ PLAN_NAME: PLAN_NAMES.current, PLAN_NPI: '9000000004', SANDBOX: 'on' }, over);
  await introduce(ours, prior);
  for (const [node, side] of [
    [prior, 'prior'],
    [ours, 'current'],
  ] as const)
    await importMembers(node.deps, {
      records: readImport([join(folder, side)]),
      enrolment: join(folder, side, 'enrolment.csv'),
      validate,
      reject: () => {},
    });
  const [pullId = ''] = await planPulls(ours.deps, { cause: 'opt-in' });
  const working = setInterval(() => void prior.work(), 25);
  try {
    await ours.worker.finish(pullId);
  } finally {
    clearInterval(working);
  }
  const [member] = await ours.deps.database.sql<{ id: string }[]>`
    select member_id as id from exchange.pull_member where pull_id = ${pullId} order by member_id limit 1`;
  const memberId = member?.id ?? '';
  await handMade(ours.deps, 'prior', memberId);
  await notBalanced(ours.deps, 'prior');
  const account = developmentAccount(ours.deps.config);
  if (!account) throw new Error('the sandbox has no development account');
  return {
    ours,
    prior,
    app: createStaff(ours.deps, { development: account }),
    account,
    pullId,
    memberId,
    async close() {
      await ours.close();
      await prior.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A browser without the browser: keeps cookies and sends the headers a form sends. */
export class Visitor {
  readonly #app: Hono<FhirEnv>;
  readonly #base: string;
  readonly cookies = new Map<string, string>();

  constructor(app: Hono<FhirEnv>, base: string) {
    this.#app = app;
    this.#base = base;
  }

  async #send(path: string, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set('cookie', [...this.cookies].map(([k, v]) => `${k}=${v}`).join('; '));
    const response = await this.#app.request(`${this.#base}${path}`, { ...init, headers });
    for (const line of response.headers.getSetCookie()) {
      const [pair = '', ...rest] = line.split(';');
      const [name = '', value = ''] = pair.split('=');
      if (rest.some((r) => r.trim() === 'Max-Age=0')) this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    return response;
  }

  /** Files of names and records are taken for an audit, unless the path says what for. */
  get(path: string, headers: Record<string, string> = {}): Promise<Response> {
    const isFile = /[?&]format=(csv|json)\b|\/(everything|audit-events)(\?|$)|\/attachments\//.test(path);
    const isSaid = !isFile || /[?&]purpose=/.test(path);
    return this.#send(isSaid ? path : `${path}${path.includes('?') ? '&' : '?'}purpose=audit`, { headers });
  }

  post(
    path: string,
    form: Record<string, string> | [string, string][],
    headers: Record<string, string> = { origin: this.#base },
  ): Promise<Response> {
    return this.#send(path, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      body: new URLSearchParams(form).toString(),
    });
  }

  /** Signs in as one of the development people. */
  async signIn(user: string, password: string, returnTo = '/staff'): Promise<Response> {
    const page = await (await this.get(`/staff/sign-in?return_to=${encodeURIComponent(returnTo)}`)).text();
    return this.post('/staff/sign-in', { state: fieldOf(page, 'state'), user, password });
  }
}

/** Opens a page and says, with the one click that it offers, what identifiers are needed for. Returns where that leads. */
export async function giveReason(visitor: Visitor, path: string): Promise<Response> {
  const page = await (await visitor.get(path)).text();
  const [, form = ''] = /<form method="post" action="\/staff\/reason">(.*?)<\/form>/s.exec(page) ?? [];
  const fields = [...form.matchAll(/name="([^"]*)" value="([^"]*)"/g)].map(
    ([, name = '', value = '']): [string, string] => [name, value.replaceAll('&amp;', '&')],
  );
  return visitor.post('/staff/reason', fields);
}

/** The value of a hidden field of a page. */
export function fieldOf(page: string, name: string): string {
  return new RegExp(`name="${name}" value="([^"]*)"`).exec(page)?.[1] ?? '';
}
