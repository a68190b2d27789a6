// The pages on which a payer that was named by mistake is taken back: staff with a reason, the member at the link, in English and Spanish.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { complianceReport } from '../../../exchange/compliance/report/compliance.ts';
import { invite } from '../../../exchange/members/consent/invite.ts';
import { createMemberPages } from '../../../exchange/members/consent/member-page.ts';
import { addDays, localDay } from '../../../exchange/members/deadlines/business-day.ts';
import { createStaff } from '../../../exchange/staff/app.ts';
import { developmentAccount } from '../../../src/auth/staff-development.ts';
import { startNode, type TestNode } from '../../support/node.ts';
import { enrol, idOf, PEOPLE, US } from '../plan-fixture.ts';
import { fieldOf, Visitor } from './support.ts';

const { rivera } = PEOPLE;
const ana = idOf(rivera);
let node: TestNode;
let reviewer: Visitor;
beforeAll(async () => {
  node = await startNode({ PLAN_NPI: US.npi, PLAN_NAME: US.name, SANDBOX: 'on' });
  await enrol(node.deps, [rivera]);
  const account = developmentAccount(node.deps.config);
  reviewer = new Visitor(createStaff(node.deps, { development: account }), node.base);
  await reviewer.signIn('dev-reviewer', account?.password ?? '');
});
afterAll(() => node.close());
const page = `/staff/members/${ana}`;
const coverages = () => node.deps.database.sql<{ id: string; payer: string; isError: boolean }[]>`
  select id, payer, in_error_at is not null as "isError" from exchange.other_coverage where member_id = ${ana} order by known_at`;

test('staff take it back with a reason; who, when and why stand on the page, and it can be named again', async () => {
  const csrf = fieldOf(await (await reviewer.get(page)).text(), 'csrf');
  const form = (path: string, fields: Record<string, string>) => reviewer.post(`${page}/${path}`, { csrf, ...fields });
  await form('choice', { choice: 'opt-in', channel: 'phone', verification: 'birth date' });
  await form('payer', { payer: 'Odl Plan', member_number: 'Q1' });
  const [coverage] = await coverages();
  const id = coverage?.id ?? '';
  const before = await (await reviewer.get(page)).text();
  expect(before).toContain('It was named by mistake');
  expect(await (await form('payer-in-error', { coverage: id, reason: '' })).text()).toContain('Give a reason');
  expect((await form('payer-in-error', { coverage: 'other', reason: 'a typing error' })).status).toBe(404);
  const done = await form('payer-in-error', { coverage: id, reason: 'a typing error' });
  expect(done.headers.get('location')).toContain('said=payer-in-error');
  const after = await (await reviewer.get(page)).text();
  expect(after).not.toContain('It was named by mistake');
  expect(after).not.toContain(`name="coverage" value="${id}"`);
  expect((await form('payer-in-error', { coverage: id, reason: 'a typing error' })).status).toBe(404);
  const tables = async () => (await (await reviewer.get(`${page}?format=json`)).json()).tables;
  const [naming] = (await tables()).namings;
  expect(naming).toMatchObject({ act: 'in-error', payer: 'Odl Plan', reason: 'a typing error' });
  expect((await tables()).deeds[0]).toMatchObject({ action: 'payer-in-error' });
  expect((await tables()).clocks[0]).toMatchObject({ duty: 'C2', reason: 'named-in-error' });
  await form('payer', { payer: 'Odl Plan', member_number: 'Q1' });
  expect((await tables()).namings.map((n: { act: string }) => n.act)).toEqual(['again', 'in-error']);
  expect(await coverages()).toEqual([{ id, payer: 'Odl Plan', isError: false }]);
});

test('the member takes it back at the link', async () => {
  const [made] = await invite(node.deps, [ana], { kind: 'staff', subject: 'test', requestId: '' });
  const code = made?.url.split('/').at(-1) ?? '';
  const pages = createMemberPages(node.deps);
  const send = async (path: string, fields: Record<string, string>) =>
    (
      await pages.request(`${node.base}${path}`, {
        method: 'POST',
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          origin: node.base,
          'sec-fetch-site': 'same-origin',
        },
        body: new URLSearchParams(fields).toString(),
      })
    ).text();
  const room = await send(`/my/${code}`, { birth_date: rivera.born, language: 'es' });
  expect(room).toContain('Este no es mi plan');
  const pass = fieldOf(room, 'pass');
  const [coverage] = await coverages();
  // of a payer that is not the member's nothing is done, and nothing is said to be
  const unknown = await send(`/my/${code}/payer-in-error`, { pass, coverage: 'other', language: 'en' });
  expect(unknown).not.toContain('We do not ask this plan');
  const said = await send(`/my/${code}/payer-in-error`, { pass, coverage: coverage?.id ?? '', language: 'es' });
  expect(said).toContain('No pediremos nada a este plan');
  expect(said).toContain('No ha nombrado otro plan');
  expect(await coverages()).toMatchObject([{ isError: true }]);
  const [row] = await node.deps.database.sql`
    select actor_kind, actor, member_id from exchange.audit where action = 'payer-in-error' order by seq desc limit 1`;
  expect(row).toEqual({ actor_kind: 'system', actor: 'member page', member_id: ana });
});

test('a quarterly duty to ask it counts in no figure either', async () => {
  const { sql } = node.deps.database;
  const csrf = fieldOf(await (await reviewer.get(page)).text(), 'csrf');
  const form = (path: string, fields: Record<string, string>) => reviewer.post(`${page}/${path}`, { csrf, ...fields });
  await form('payer', { payer: 'Old Plan of hers', member_number: 'Q2' });
  const [coverage] = await sql`select id from exchange.other_coverage where payer = 'Old Plan of hers'`;
  // as one that an export had begun, due a month ago
  await sql`
    insert into exchange.deadline (id, kind, member_id, lob, subject, rule_ref, rule_version, calendar_version, zone, start_event, starts_at, due_at, state)
    select 'quarterly', 'C4', member_id, lob, ${`${coverage?.['id']}/x`}, rule_ref, rule_version, calendar_version, zone, 'export-accepted', now() - interval '4 months', now() - interval '1 month', 'open'
    from exchange.deadline where kind = 'C2' limit 1`;
  const last = localDay(new Date(), node.deps.config.timeZone);
  const period = { name: `${addDays(last, -60)}/${last}`, first: addDays(last, -60), last };
  const f8 = async () => {
    const { figures } = await complianceReport(node.deps, { period });
    const f = figures.find((one) => one.id === 'F8');
    return [f?.numerator, f?.denominator];
  };
  expect(await f8()).toEqual([0, 1]);
  await form('payer-in-error', { coverage: String(coverage?.['id']), reason: 'a typing error' });
  expect(await sql`select state, reason from exchange.deadline where id = 'quarterly'`).toEqual([
    { state: 'not-applicable', reason: 'named-in-error' },
  ]);
  expect(await f8()).toEqual([0, 0]);
});
