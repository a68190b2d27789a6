// One plan of a quarter that holds something for each question an auditor asks, as far as it can through the front door: enrolment files, the
// member's page, calls, a peer that is asked and one that asks. With what breaks a naive answer: two members of one name, nights in which the
// plan's day and that of UTC differ, the change of clocks, last minutes, texts that a spreadsheet would run.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Hono } from 'hono';
import { sealAll } from '../../../exchange/compliance/audit/run-seal.ts';
import { checkDocuments } from '../../../exchange/compliance/documents/documents.ts';
import { proveAll } from '../../../exchange/compliance/export-check/run-export-check.ts';
import { importContacts } from '../../../exchange/members/consent/import-contacts.ts';
import { invite } from '../../../exchange/members/consent/invite.ts';
import { createMemberPages } from '../../../exchange/members/consent/member-page.ts';
import { ENROLMENT_COLUMNS } from '../../../exchange/members/enrolment/enrolment.ts';
import { importMembers } from '../../../exchange/members/enrolment/import-members.ts';
import { addPeer, setPeerState } from '../../../exchange/peers/peer.ts';
import { planPulls } from '../../../exchange/requester/plan.ts';
import { keepClocks } from '../../../exchange/schedule.ts';
import { createStaff } from '../../../exchange/staff/app.ts';
import { developmentAccount } from '../../../src/auth/staff-development.ts';
import { validate } from '../../../src/fhir/validate/validate.ts';
import { readImport } from '../../../src/import/read-import.ts';
import { type ScriptedPeer, scriptedPeer } from '../../support/scripted-peer.ts';
import { decided, preauthorization } from '../authorization-fixture.ts';
import { lab } from '../reconcile/reconcile-pull.ts';
import { answers } from './question-asked.ts';
import { askThePlan, type Books } from './question-asker.ts';
import { BROKEN, type Enrolled, from, id, type Name, ny, WHO } from './question-people.ts';
import { fieldOf, Visitor } from './support.ts';

export type QuestionPlan = Books & {
  peer: ScriptedPeer;
  app: Hono<never>;
  sql: ScriptedPeer['node']['deps']['database']['sql'];
  as(user: 'dev-reviewer' | 'dev-viewer' | 'dev-admin'): Promise<Visitor>;
  close(): Promise<void>;
};

export async function planOfQuestions(): Promise<QuestionPlan> {
  const peer = await scriptedPeer([], {
    at: ny('2027-01-04T10:00:00'),
    env: { SANDBOX: 'on', PLAN_NAME: 'New Plan' },
  });
  const { deps } = peer.node;
  const { sql } = deps.database;
  const folder = mkdtempSync(join(tmpdir(), 'payer-node-questions-'));
  const account = developmentAccount(deps.config);
  if (!account) throw new Error('the sandbox has no development account');
  const app = createStaff(deps, { development: account });
  const as: QuestionPlan['as'] = async (user) => {
    const visitor = new Visitor(app, peer.node.base);
    await visitor.signIn(user, account.password);
    return visitor;
  };
  const enrol = async (people: Enrolled[], records: object[] = []) => {
    const line = ({ number, family, given, born, row = {} }: Enrolled): string => {
      const all: Record<string, string> = {
        member_number: number,
        family,
        given,
        birth_date: born,
        plan: 'HMO',
        line_of_business: 'ma',
        ...(row['prior_payer'] ? { prior_member_number: `X${number}` } : {}),
        ...row,
      };
      return ENROLMENT_COLUMNS.map((c) => `"${(all[c] ?? '').replaceAll('"', '""')}"`).join(',');
    };
    writeFileSync(join(folder, 'e.csv'), [ENROLMENT_COLUMNS.join(','), ...people.map(line)].join('\n'));
    writeFileSync(join(folder, 'r.ndjson'), records.map((r) => JSON.stringify(r)).join('\n'));
    await importMembers(deps, {
      records: readImport([join(folder, 'r.ndjson')]),
      enrolment: join(folder, 'e.csv'),
      validate,
      reject: (r) => {
        throw new Error(JSON.stringify(r));
      },
    });
    await keepClocks(deps);
  };
  const contact = async (name: Name, kind: string, at: Date, result = 'delivered') => {
    writeFileSync(
      join(folder, 'c.csv'),
      `member_number,kind,at,channel,result,language\n${WHO[name].number},${kind},${at.toISOString()},mail,${result},en\n`,
    );
    const done = await importContacts(deps, join(folder, 'c.csv'), 'ada');
    if (done.faults.length > 0) throw new Error(JSON.stringify(done.faults));
  };

  // January: those of before, and a choice on the member's page
  const own = (record: string, name: Name) => lab(record, { subject: { reference: `Patient/${id(name)}` } });
  const about = { patient: { reference: `Patient/${id('ana')}` } };
  const claims = [
    {
      ...preauthorization('claim', '2026-12-01T00:00:00Z'),
      ...about,
      use: 'claim',
      billablePeriod: { start: '2026-11-01', end: '2026-11-01' },
      total: [
        {
          category: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/adjudication', code: 'submitted' }] },
          amount: { value: 4711.5, currency: 'USD' },
        },
      ],
    },
    {
      ...preauthorization('denied', '2026-12-01T00:00:00Z'),
      ...about,
      adjudication: [decided('A3', '2026-12-01T00:00:00Z')],
    },
  ];
  await enrol(
    [WHO.ana, WHO.ana2, WHO.ben, WHO.eva, WHO.again, WHO.february],
    [own('own-1', 'ana'), own('own-2', 'ana'), own('own-3', 'ana2'), ...claims],
  );
  await addPeer(
    sql,
    { id: 'broken', name: BROKEN, fhirBase: `${peer.base}/broken`, clientIdThere: 'c2' },
    'test',
    deps.clock(),
  );
  await setPeerState(sql, 'broken', 'active', 'test', deps.clock());
  await enrol([WHO.fay]);
  const pages = createMemberPages(deps);
  const [link] = await invite(deps, [id('ana2')], { kind: 'staff', subject: 'dev|dev-reviewer', requestId: '' });
  const code = link?.url.split('/').at(-1) ?? '';
  const post = async (path: string, form: Record<string, string>) =>
    (
      await pages.request(`${peer.node.base}/my/${code}${path}`, {
        method: 'POST',
        headers: { origin: peer.node.base, 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams(form).toString(),
      })
    ).text();
  const pass = () => post('', { birth_date: WHO.ana2.born }).then((page) => fieldOf(page, 'pass'));
  const choose = async (choice: string, at: Date, more: Record<string, string> = {}) => {
    peer.at(at);
    await post('/choice', { pass: await pass(), choice, policy: 'regular', payers: 'both', ...more });
  };
  await choose('opt-in', ny('2027-01-04T23:30:00')); // the next day in UTC
  await contact('ana', 'offer', ny('2026-12-15T12:00:00'));

  const script = answers(peer);
  const pull = async (at: Date) => {
    peer.at(at);
    await keepClocks(deps);
    const ids = await planPulls(deps, { cause: 'opt-in' });
    for (const one of ids) await peer.rest(one, script);
    await keepClocks(deps);
  };
  await pull(ny('2027-01-05T09:00:00'));

  // a no that came back by paper: given on the 4th, known here on the 20th, after she was asked for; and one that is obeyed
  await sql`insert into exchange.consent (id, member_id, choice, policy, recorded_on, source, created_at)
    values ('late-paper', ${id('eva')}, 'withdraw', 'regular', '2027-01-04', 'enrolment file', ${ny('2027-01-20T09:00:00')})`;
  await choose('decline', ny('2027-02-01T12:00:00'));
  await choose('opt-in', ny('2027-02-08T12:00:00'));

  const books = await askThePlan(peer);
  await proveAll(deps);

  // documents, on two days; a head that an auditor keeps
  for (const day of ['2027-02-20T12:00:00', '2027-02-21T21:00:00']) {
    peer.at(ny(day));
    await checkDocuments(deps);
  }
  await sealAll(deps);

  // March: the offers
  await enrol([
    WHO.inTime,
    WHO.lastMinute,
    WHO.afterMidnight,
    WHO.never,
    WHO.overSoon,
    WHO.accepted,
    WHO.returned,
    WHO.april,
  ]);
  await enrol([{ ...WHO.again, row: from('2027-03-10') }]);
  const due = ny('2027-03-17T23:59:30', '-04:00');
  peer.at(ny('2027-03-20T12:00:00', '-04:00'));
  await contact('inTime', 'offer', ny('2027-03-02T12:00:00'));
  await contact('lastMinute', 'offer', due);
  await contact('afterMidnight', 'offer', new Date(due.getTime() + 60_000));
  await contact('accepted', 'offer', ny('2027-03-10T09:00:00'));
  await contact('february', 'offer', ny('2027-03-01T09:00:00'));
  await keepClocks(deps);
  peer.at(ny('2027-04-20T12:00:00', '-04:00'));
  await contact('returned', 'offer', ny('2027-04-05T09:00:00', '-04:00'), 'returned');
  await keepClocks(deps);
  rmSync(folder, { recursive: true, force: true });
  return { peer, app: app as unknown as Hono<never>, sql, as, ...books, close: () => peer.close() };
}
