// The page of a member for a call, and the member's own page.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { invite, unlock } from '../../../exchange/members/consent/invite.ts';
import { createMemberPages } from '../../../exchange/members/consent/member-page.ts';
import { keepClocks } from '../../../exchange/schedule.ts';
import { createStaff } from '../../../exchange/staff/app.ts';
import { developmentAccount } from '../../../src/auth/staff-development.ts';
import { startNode, type TestNode } from '../../support/node.ts';
import { enrol, idOf, PEOPLE, planDay, US } from '../plan-fixture.ts';
import { fieldOf, Visitor } from './support.ts';

const { rivera, robert } = PEOPLE;
const ana = idOf(rivera);
let node: TestNode;
let reviewer: Visitor;
let viewer: Visitor;

beforeAll(async () => {
  node = await startNode({ PLAN_NPI: US.npi, PLAN_NAME: US.name, SANDBOX: 'on' });
  await enrol(node.deps, [rivera, robert]);
  await keepClocks(node.deps);
  const account = developmentAccount(node.deps.config);
  const app = createStaff(node.deps, { development: account });
  reviewer = new Visitor(app, node.base);
  viewer = new Visitor(app, node.base);
  await reviewer.signIn('dev-reviewer', account?.password ?? '');
  await viewer.signIn('dev-viewer', account?.password ?? '');
});
afterAll(() => node.close());

const choices = (member: string) => node.deps.database.sql<
  { choice: string; policy: string; channel: string; by: string; text: string | null; verification: string | null }[]
>`
  select choice, policy, channel, given_by as by, text_sha256 as text, verification from exchange.consent where member_id = ${member} order by created_at`;

test('on a call: choose, name a payer, record the offer, in Spanish too', async () => {
  const page = `/staff/members/${ana}`;
  const csrf = fieldOf(await (await reviewer.get(page)).text(), 'csrf');
  const form = (path: string, fields: Record<string, string>) => reviewer.post(`${page}/${path}`, { csrf, ...fields });
  const faulty = await form('choice', { choice: 'opt-in', channel: 'phone', verification: '' });
  expect(faulty.status).toBe(200);
  expect(await choices(ana)).toHaveLength(0);
  const good = { choice: 'opt-in', channel: 'phone', verification: 'birth date', language: 'es', policy: 'sensitive' };
  expect((await form('choice', good)).headers.get('location')).toContain('lang=es');
  expect((await form('choice', { ...good, representative: 'Luz Rivera' })).status).toBe(200);
  await form('choice', { ...good, policy: '', representative: 'Luz Rivera', authority: 'guardian' });
  const [first, second] = await choices(ana);
  expect(first).toMatchObject({
    choice: 'opt-in',
    policy: 'sensitive',
    channel: 'phone',
    by: 'member',
    verification: 'birth date',
  });
  expect(second).toMatchObject({ policy: 'regular', by: 'representative' });
  const [text] = await node.deps.database.sql<{ language: string; body: string }[]>`
    select language, body from exchange.consent_text where sha256 = ${first?.text ?? ''}`;
  expect(text?.language).toBe('es');
  await form('payer', { payer: 'Some Plan', member_number: 'Q1', starts: '2020-01-01', ends: '2019-01-01' });
  expect(await node.deps.database.sql`select 1 from exchange.other_coverage where member_id = ${ana}`).toHaveLength(0);
  await form('payer', { payer: 'Some Plan', member_number: 'Q1', starts: '2020-01-01', ends: '' });
  await form('contact', { kind: 'offer', channel: 'phone', result: 'delivered' });
  const shown = await (await reviewer.get(`${page}?format=json`)).json();
  expect(shown.tables.payers).toHaveLength(1);
  expect(shown.tables.choices).toHaveLength(2);
  expect(shown.tables.clocks.map((k: { duty: string }) => k.duty).sort()).toEqual(['C1-offer', 'C1b-identify', 'C2']);
  expect(shown.tables.deeds.map((d: { action: string }) => d.action)).toEqual([
    'contact',
    'payer-named',
    'choice',
    'choice',
  ]);
  expect(shown.tables.looks.filter((l: { action: string }) => l.action === 'choice')).toHaveLength(2);
  const { education } = (await (await reviewer.get('/staff/compliance?format=json')).json()).tables;
  expect(education).toContainEqual(expect.objectContaining({ language: 'es', kind: 'choice', channel: 'phone', n: 2 }));
});

test('who looked: all of it, in pages, this look among them the next time', async () => {
  const { sql } = node.deps.database;
  const rows = (await sql`select at from exchange.audit where member_id = ${ana}`).length;
  await sql`
    insert into exchange.audit (at, actor_kind, actor, action, object, member_id, hash)
    select '2020-01-01'::timestamptz + n * interval '1 s', 'staff', 'somebody', 'view', 'x', ${ana}, sha256(n::text::bytea) from generate_series(1, 150) n`;
  type Page = { next?: string; tables: { looks: { when: string; actor: string }[] } };
  let path: string | undefined = `/staff/members/${ana}/looks?format=json`;
  const seen: { when: string; actor: string }[] = [];
  for (let pages = 0; path !== undefined && pages < 9; pages++) {
    const page = (await (await reviewer.get(path)).json()) as Page;
    seen.push(...page.tables.looks);
    path = page.next;
  }
  expect(seen.filter((l) => l.actor === 'somebody')).toHaveLength(150);
  expect(seen.length).toBe(rows + 150);
  expect(seen.map((l) => l.when)).toEqual(
    seen
      .map((l) => l.when)
      .sort()
      .reverse(),
  );
  const after = (await (await reviewer.get(`/staff/members/${ana}/looks?format=json`)).json()) as Page;
  expect(after.tables.looks[0]?.actor).not.toBe('somebody');
  expect((await viewer.get(`/staff/members/${ana}/looks`)).status).toBe(403);
  expect((await reviewer.get('/staff/members/nobody/looks')).status).toBe(404);
});

test('a member by name and birth date, the card not at hand', async () => {
  const csrf = fieldOf(await (await reviewer.get('/staff/members')).text(), 'csrf');
  const found = async (fields: Record<string, string>) => {
    const page = await (await reviewer.post('/staff/members/find', { csrf, ...fields })).text();
    return [...page.matchAll(/<tr><th.*?href="\/staff\/members\/([^"]+)".*?<\/tr>/g)].map((row) => ({
      id: row[1],
      agrees: /data-label="Agrees">([^<]*)</.exec(row[0])?.[1],
    }));
  };
  const looks = async () =>
    (
      await node.deps.database.sql`
    select 1 from exchange.audit where action = 'view' and object = 'members/found' and member_id = ${idOf(robert)}`
    ).length;
  const before = await looks();
  // Bob is Robert; letters and accents do not matter; a name that differs is reported
  for (const [fields, agrees] of [
    [{ given: 'Bob', family: robert.family.toUpperCase() }, 'both names'],
    [{ given: '', family: robert.family }, 'family name'],
    [{ given: 'robert', family: 'Somebody' }, 'first name'],
  ] as const)
    expect(await found({ ...fields, born: robert.born })).toEqual([{ id: idOf(robert), agrees }]);
  expect(await looks()).toBe(before + 3);
  expect(await found({ given: 'Bob', family: robert.family, born: '1950-01-01' })).toEqual([]);
  for (const fields of [
    { given: 'Bob', family: robert.family, born: '' },
    { given: '', family: ' ', born: robert.born },
    { given: 'x'.repeat(300), family: '', born: robert.born },
  ])
    expect(await (await reviewer.post('/staff/members/find', { csrf, ...fields })).text()).toContain(
      'Give the whole birth date',
    );
  expect((await viewer.post('/staff/members/find', { csrf, born: robert.born, family: robert.family })).status).toBe(
    403,
  );
});

test('only reviewers, only from our own pages', async () => {
  expect((await viewer.get(`/staff/members/${ana}`)).status).toBe(403);
  expect((await reviewer.post(`/staff/members/${ana}/choice`, { csrf: 'x', choice: 'decline' })).status).toBe(403);
  expect((await reviewer.get('/staff/members/nobody')).status).toBe(404);
  expect(await choices(ana)).toHaveLength(2);
});

test('why a clock was late: ours needs a corrective action', async () => {
  const [k] = await node.deps.database.sql<{ id: string }[]>`
    select id from exchange.deadline where member_id = ${idOf(robert)} and kind = 'C1-offer'`;
  const page = `/staff/clocks/${k?.id}`;
  const csrf = fieldOf(await (await reviewer.get(page)).text(), 'csrf');
  const say = (fields: Record<string, string>) => reviewer.post(page, { csrf, ...fields });
  expect((await say({ reason: 'our-backlog' })).status).toBe(200);
  expect((await say({ reason: 'because' })).status).toBe(200);
  // what a payer does is no reason for an offer that was late; and nothing is chosen already
  expect((await say({ reason: 'peer-refused' })).status).toBe(200);
  const form = await (await say({ reason: 'our-backlog', words: 'as typed' })).text();
  expect(form).not.toContain('value="no-endpoint"');
  expect(form).toMatch(/<option value="our-backlog" selected>[\s\S]*as typed/);
  expect(await (await reviewer.get(page)).text()).toContain('required><option value="">');
  expect((await say({ reason: 'our-backlog', corrective_action: 'CA-7' })).status).toBe(303);
  await node.deps.database.sql`update exchange.deadline set state = 'met' where id = ${k?.id ?? ''}`;
  expect((await say({ reason: 'our-backlog', corrective_action: 'CA-8' })).status).toBe(200);
  const shown = await (await reviewer.get(`${page}?format=json`)).json();
  expect(shown.tables.notes).toHaveLength(1);
  await node.deps.database.sql`update exchange.deadline set state = 'open' where id = ${k?.id ?? ''}`;
});

test('one reason for all late duties of a list that have none', async () => {
  const { sql } = node.deps.database;
  const member = 'late-one';
  await sql`insert into exchange.member (id, umb) values (${member}, ${member})`;
  for (const [id, kind, due] of [
    ['all-1', 'C1b-identify', '2019-01-08'],
    ['all-2', 'C1b-identify', '2019-01-09'],
    ['all-3', 'C1b-identify', '2019-02-08'],
    ['all-4', 'C1-offer', '2019-01-08'],
    ['all-5', 'C1b-identify', '2019-01-10'],
  ] as const)
    await sql`insert into exchange.deadline (id, kind, subject, member_id, starts_at, due_at, state, reason) values (${id}, ${kind}, ${id}, ${member}, '2019-01-01', ${due}, 'open', ${id === 'all-5' ? 'peer-failed' : null})`;
  try {
    const list = '/staff/clocks?show=late&duty=C1b-identify&due=2019-01';
    const page = await (await reviewer.get(list)).text();
    expect(page).toContain('One reason for all 2 that are late and have none yet');
    // without a duty there is no list of reasons, and who decides nothing gives none
    expect(await (await reviewer.get('/staff/clocks?show=late&due=2019-01')).text()).not.toContain('One reason for');
    expect(await (await viewer.get(list)).text()).not.toContain('One reason for');
    const action = /action="([^"]*reasons[^"]*)"/.exec(page)?.[1]?.replaceAll('&amp;', '&') ?? '';
    const csrf = fieldOf(page, 'csrf');
    const said = { csrf, reason: 'our-outage', corrective_action: 'CA-9', words: 'the night of the 7th' };
    expect((await viewer.post(action, { ...said, n: '2' })).status).toBe(403);
    expect((await reviewer.post(action, { ...said, corrective_action: '', n: '2' })).status).toBe(400);
    // another person was quicker
    expect((await reviewer.post(action, { ...said, n: '3' })).status).toBe(400);
    expect(await sql`select from exchange.deadline_note where words = ${said.words}`).toHaveLength(0);
    const done = await reviewer.post(action, { ...said, n: '2' });
    expect([done.status, done.headers.get('location')]).toEqual([303, list]);
    const notes =
      await sql`select deadline_id as id, reason, corrective_action as action from exchange.deadline_note where words = ${said.words} order by 1`;
    expect(notes.map((n) => ({ ...n }))).toEqual([
      { id: 'all-1', reason: 'our-outage', action: 'CA-9' },
      { id: 'all-2', reason: 'our-outage', action: 'CA-9' },
    ]);
    const audited =
      await sql`select object from exchange.audit where action = 'clock-note' and member_id = ${member} and object in ('clock/all-1', 'clock/all-2')`;
    expect(audited).toHaveLength(2);
    expect(await (await reviewer.get(list)).text()).not.toContain('One reason for');
  } finally {
    await sql`update exchange.deadline set state = 'met' where id like 'all-%'`;
  }
});

test('the member’s link: birth date, choice, payer; five wrong dates end it', async () => {
  const csrf = fieldOf(await (await reviewer.get(`/staff/members/${idOf(robert)}`)).text(), 'csrf');
  const made = await (await reviewer.post(`/staff/members/${idOf(robert)}/link`, { csrf })).text();
  const code = /\/my\/([\w-]{22})/.exec(made)?.[1] ?? '';
  expect(code).not.toBe('');
  const pages = createMemberPages(node.deps);
  const send = (path: string, fields: Record<string, string>, origin = node.base) =>
    pages.request(`${node.base}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', origin, 'sec-fetch-site': 'same-origin' },
      body: new URLSearchParams(fields).toString(),
    });
  const door = await pages.request(`${node.base}/my/${code}?lang=es`);
  expect(door.status).toBe(200);
  expect(door.headers.get('set-cookie')).toBeNull();
  // the reader's language when none is chosen; the link of the other one chooses
  const inLanguage = async (query: string, accept: string) =>
    /<html lang="(..)"/.exec(
      await (await pages.request(`${node.base}/my/${code}${query}`, { headers: { 'accept-language': accept } })).text(),
    )?.[1];
  expect(await inLanguage('', 'es-US,es;q=0.9,en;q=0.5')).toBe('es');
  expect(await inLanguage('', 'fr,en;q=0.8,es;q=0.2')).toBe('en');
  expect(await inLanguage('?lang=en', 'es-US')).toBe('en');
  expect(await door.text()).not.toContain('Johnson');
  // what is wrong is said first, and in the title: below the text no one would see it on a phone
  for (const [path, fields, said] of [
    [`/my/${code}`, { birth_date: '1961-02-03' }, 'That did not fit'],
    [`/my/${code}/choice`, { choice: 'opt-in', pass: 'made~up~pass' }, 'Nothing was saved'],
  ] as const) {
    const refused = await send(path, { ...fields, language: 'en' });
    const shown = await refused.text();
    expect([refused.status, /<title>Please check/.test(shown), shown.includes(said)]).toEqual([403, true, true]);
    expect(shown.indexOf('role="alert"')).toBeLessThan(shown.indexOf('What we would get'));
    expect(shown).toMatch(/role="alert" id="said"[\s\S]*name="birth_date"[^>]*aria-describedby="said"/);
  }
  const room = await send(`/my/${code}`, { birth_date: robert.born, language: 'es' });
  expect(room.status).toBe(200);
  const pass = fieldOf(await room.text(), 'pass');
  expect(
    (await send(`/my/${code}/choice`, { pass, choice: 'opt-in', language: 'es' }, 'https://evil.example')).status,
  ).toBe(400);
  expect((await send(`/my/${code}/choice`, { pass, choice: 'opt-in', payers: 'both', language: 'es' })).status).toBe(
    200,
  );
  expect((await send(`/my/${code}/payer`, { pass, payer: 'Other Plan' })).status).toBe(200);
  expect((await choices(idOf(robert))).at(-1)).toMatchObject({
    choice: 'opt-in',
    channel: 'portal',
    verification: 'link and birth date',
  });
  const { sql } = node.deps.database;
  const [coverage] = await sql<
    { id: string }[]
  >`select id from exchange.other_coverage where member_id = ${idOf(robert)}`;
  for (let i = 0; i < 3; i++) await send(`/my/${code}/request`, { pass, coverage: coverage?.id ?? '' });
  expect(await sql`select 1 from exchange.member_request where member_id = ${idOf(robert)}`).toHaveLength(1);
  // a link is no way to fill the database
  for (let i = 0; i < 55; i++) await send(`/my/${code}/payer`, { pass, payer: `Plan ${i}` });
  expect(await sql`select 1 from exchange.other_coverage where member_id = ${idOf(robert)}`).toHaveLength(50);
  // a pass belongs to its link
  expect((await send(`/my/other-${code}/choice`, { pass, choice: 'decline' })).status).toBe(403);
  for (let i = 0; i < 5; i++) expect(await unlock(node.deps, code, '1900-01-01')).toBeUndefined();
  expect(await unlock(node.deps, code, robert.born)).toBeUndefined();
  expect((await send(`/my/${code}/choice`, { pass, choice: 'decline' })).status).toBe(403);
  expect((await pages.request(`${node.base}/my/${code}`)).status).toBe(404);
});

test('a link takes five tries, also when they come at once', async () => {
  const [made] = await invite(node.deps, [ana], { kind: 'staff', subject: 'test', requestId: '' });
  const code = made?.url.split('/').at(-1) ?? '';
  await Promise.all(Array.from({ length: 30 }, (_, i) => unlock(node.deps, code, `19${10 + i}-01-01`)));
  const [row] = await node.deps.database.sql<{ failures: number }[]>`
    select failures from exchange.invitation order by created_at desc, failures desc limit 1`;
  expect(row?.failures).toBe(5);
  expect(await unlock(node.deps, code, rivera.born)).toBeUndefined();
  expect(
    await node.deps.database
      .sql`select 1 from exchange.audit where action = 'member-link' and reason = 'birth-date' and member_id = ${ana}`,
  ).toHaveLength(5);
  const events = await (await viewer.get('/staff/events?reason=birth-date&format=json')).json();
  expect(events.tables.events.length).toBeGreaterThanOrEqual(5);
  // a right date gives the tries back
  const [other] = await invite(node.deps, [ana], { kind: 'staff', subject: 'test', requestId: '' });
  const next = other?.url.split('/').at(-1) ?? '';
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 4; i++) expect(await unlock(node.deps, next, '1900-01-01')).toBeUndefined();
    expect(await unlock(node.deps, next, rivera.born)).toBe(ana);
  }
});

test('the text that was shown is there word for word', async () => {
  const [shown] = await node.deps.database.sql<{ sha256: string; body: string }[]>`
    select sha256, body from exchange.consent_text where language = 'es'`;
  const page = await (await viewer.get(`/staff/texts/${shown?.sha256}?format=json`)).json();
  expect(page.tables.texts).toEqual([{ copy: 'body', text: shown?.body }]);
  expect((await viewer.get(`/staff/texts/${'0'.repeat(64)}`)).status).toBe(404);
  expect(await (await reviewer.get(`/staff/members/${ana}`)).text()).toContain(`/staff/texts/${shown?.sha256}`);
});

test('what no person types is refused, not an error of ours', async () => {
  const page = `/staff/members/${ana}`;
  const csrf = fieldOf(await (await reviewer.get(page)).text(), 'csrf');
  const choice = { csrf, choice: 'opt-in', channel: 'phone', verification: 'card', document: 'a\0b' };
  expect((await reviewer.post(`${page}/choice`, choice)).status).toBe(400);
  for (const path of [
    `${page}?said=constructor`,
    `/staff/conflicts?after=2~9999-99-99T99:99:99.999Z~${'0'.repeat(32)}`,
  ])
    expect((await reviewer.get(path)).status).toBe(200);
  for (const path of ['members', 'clocks', 'pulls', 'peers', 'requests', 'disclosures'])
    expect((await reviewer.get(`/staff/${path}/%00`)).status).toBe(404);
});

test('two members are merged on a page that shows both, after what speaks against it was confirmed; and two again', async () => {
  const bob = idOf(robert);
  const page = `/staff/members/${ana}`;
  expect((await viewer.get(`${page}/one/${bob}`)).status).toBe(403);
  expect((await reviewer.get(`${page}/one/${ana}`)).status).toBe(404);
  const csrf = fieldOf(await (await reviewer.get(page)).text(), 'csrf');
  const asked = await reviewer.post(`${page}/one`, { csrf, other: bob });
  expect(asked.headers.get('location')).toBe(`${page}/one/${bob}`);
  const both = await (await reviewer.get(`${page}/one/${bob}`)).text();
  const codes = [...both.matchAll(/name="seen" value="([^"]+)"/g)].map((m) => m[1] ?? '');
  expect(codes).toEqual(expect.arrayContaining(['birth-date', 'names']));
  const send = (seen: string[]) =>
    reviewer.post(`${page}/one/${bob}`, [
      ['csrf', csrf],
      ['reason', 'the same card'],
      ...seen.map((c): [string, string] => ['seen', c]),
    ]);
  expect((await send(codes.slice(1))).status).toBe(409);
  expect((await viewer.post(`${page}/one/${bob}`, { csrf, reason: 'x x x' })).status).toBe(403);
  expect((await send(codes)).headers.get('location')).toBe(page);
  const former = await (await reviewer.get(`/staff/members/${bob}`)).text();
  expect(former).toContain('Goes on as');
  expect(former).not.toContain(`action="/staff/members/${bob}/choice"`);
  const good = { csrf, choice: 'opt-in', channel: 'phone', verification: 'birth date' };
  expect((await reviewer.post(`/staff/members/${bob}/choice`, good)).status).toBe(404);
  expect(await (await reviewer.get(page)).text()).toContain('goes on as this member since');
  const shown = await (await reviewer.get(`${page}?format=json`)).json();
  expect(shown.tables.coverage).toHaveLength(2);
  expect(shown.tables.deeds.map((d: { action: string }) => d.action)).toContain('members-one');
  expect((await reviewer.post(`/staff/members/${bob}/two`, { csrf, reason: 'two people' })).status).toBe(303);
  expect(await (await reviewer.get(page)).text()).toContain('Was one person with');
});

test('a choice that holds because two members were merged is not reported as one that the member made that day', async () => {
  const bob = idOf(robert);
  const page = `/staff/members/${ana}`;
  const held = (await reviewer.get(`${page}?format=json`)).json() as Promise<{
    tables: { choices: { choice: string }[] };
  }>;
  const other = (await held).tables.choices[0]?.choice === 'opt-in' ? 'decline' : 'opt-in';
  await node.deps.database.sql`
    insert into exchange.consent (id, member_id, choice, policy, recorded_on, source) values ('other', ${bob}, ${other}, 'regular', ${planDay()}, 'test')`;
  const both = await (await reviewer.get(`${page}/one/${bob}`)).text();
  const seen = [...both.matchAll(/name="seen" value="([^"]+)"/g)].map((m): [string, string] => ['seen', m[1] ?? '']);
  expect(seen.map(([, c]) => c)).toContain('choices');
  const csrf = fieldOf(both, 'csrf');
  const done = await reviewer.post(`${page}/one/${bob}`, [['csrf', csrf], ['reason', 'one card'], ...seen]);
  expect(done.status).toBe(303);
  expect(await (await reviewer.get(page)).text()).toContain('derived from merged members');
});

test('that a member has died stands first on the page, with the day where it was reported', async () => {
  const { sql } = node.deps.database;
  const page = async () => (await reviewer.get(`/staff/members/${ana}`)).text();
  expect(await page()).not.toMatch(/died/i);
  await sql`update exchange.member set died = '2026-11-20' where id = ${ana}`;
  expect(await page()).toContain('Died on Nov 20, 2026. ');
  await sql`update exchange.member set died = null where id = ${ana}`;
  await sql`update exchange.member_profile set died = '-infinity' where member_id = ${ana}`;
  expect(await page()).toContain('Has died; on which day is not known. ');
  await sql`update exchange.member_profile set died = null where member_id = ${ana}`;
});
