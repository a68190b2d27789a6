// What identifies members is hidden until someone says what they need it for: on every page that links lead to, for every role.
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EVIDENCE_SQL } from '../../../exchange/compliance/evidence/evidence-rows.ts';
import { fieldOf, giveReason, type StaffNode, startStaff, Visitor } from './support.ts';
import { identifiersOf, standIn, walk } from './walk.ts';

let node: StaffNode;
/** numbers, birth dates, addresses, telephones and mail of all demo members, as both plans know them */
let values: Set<string>;
const sql = () => node.ours.deps.database.sql;
const signedIn = async (user: string): Promise<Visitor> => {
  const visitor = new Visitor(node.app, node.ours.base);
  await visitor.signIn(user, node.account.password);
  return visitor;
};
const text = async (visitor: Visitor, path: string) => (await visitor.get(path)).text();
const FORM = 'action="/staff/reason"';

/** A line about no one that is known here: a Patient with every kind of number, and one that is no JSON. */
const STRAY = [
  '123-45-6789',
  '1EG4-TE5-MK73',
  '617-555-0188',
  'jo@mail.example',
  '77 Hidden Slot',
  '1951-02-03',
  'theirs-77',
  'H-4711',
];
async function strayPull(): Promise<void> {
  const [ssn, mbi, value, mail, line, birthDate, id, number] = STRAY;
  const patient = {
    resourceType: 'Patient',
    id,
    text: { status: 'generated', div: `<div>Jo Doe, ${birthDate}, ${number}</div>` },
    name: [{ family: 'Doe', given: ['Jo'] }],
    birthDate,
    identifier: [{ value: ssn }, { value: mbi }, { value: number, assigner: { identifier: { value: '9000000012' } } }],
    telecom: [{ value }, { value: mail }],
    address: [{ line: [line], city: 'Salem' }],
    contact: [{ telecom: [{ value }] }],
    extension: [{ url: 'https://prior.example/note', valueString: `card ${number}, once ${ssn}` }],
  };
  // escaped as other writers do
  const records = [JSON.stringify(patient).replace('Hidden', 'H\\u0069dden'), `{"birthDate": "${birthDate}", "value`];
  const at = new Date('2026-05-04T15:00:00.000Z');
  const blob = await node.ours.deps.blobs.put(
    'pulls/stray/0.ndjson.gz',
    Readable.from([gzipSync(`${records.join('\n')}\n`)]),
  );
  await sql()`insert into exchange.pull (id, peer_id, state, cause, created_at, due_at, next_at, finished_at)
    values ('stray', 'prior', 'done', 'command', ${at}, ${at}, ${at}, ${at})`;
  await sql()`insert into exchange.pull_file (pull_id, position, kind, type, url, declared, state, blob_key, bytes, sha256, units)
    values ('stray', 0, 'output', 'Patient', 'https://prior.example/f', 2, 'staged', 'pulls/stray/0.ndjson.gz', ${blob.bytes}, ${blob.sha256}, 2)`;
  await sql()`insert into exchange.ledger_unit (pull_id, file, line, entry, outcome, reason, type, source_id, member_id, local_id)
    values ('stray', 0, 1, 0, 'quarantined', 'unsupported-subject', 'Patient', ${id ?? ''}, null, null), ('stray', 0, 2, 0, 'rejected', 'invalid-json', null, null, null, null)`;
}

beforeAll(async () => {
  node = await startStaff();
  await strayPull();
  values = new Set([...(await identifiersOf(node.ours, false)), ...(await identifiersOf(node.prior, true)), ...STRAY]);
  expect(values.size).toBeGreaterThan(30);
});
afterAll(() => node?.close());

const more = (href: string, query: string) => `${href}${href.includes('?') ? '&' : '?'}${query}`;

/** Pages that ask for a reason, as the walk of the reviewer found them. */
const asks: string[] = [];

test.each(['dev-viewer', 'dev-admin', 'dev-reviewer'])(
  'before a reason is given %s reads no identifier anywhere, in HTML, CSV or JSON; a purpose in the address of a page is none',
  async (user) => {
    const visitor = await signedIn(user);
    const bad: string[] = [];
    let [files, asking] = [0, 0];
    const pages = await walk(visitor, async (href, page, isFirst) => {
      for (const found of standIn(page, values)) bad.push(`${href}: ${found}`);
      const asked = page.includes(FORM);
      if (asked) asking += 1;
      if (asked && user === 'dev-reviewer') asks.push(href);
      if (!isFirst) return;
      if (asked) expect(standIn(await text(visitor, more(href, 'purpose=care')), values)).toEqual([]);
      // as a file, too: where members are, it asks what for
      for (const format of ['csv', 'json']) {
        const answer = await visitor.get(more(href, `format=${format}&purpose=`));
        if (asked) expect([href, answer.status]).toEqual([href, 400]);
        for (const found of standIn(await answer.text(), values)) bad.push(`${format} of ${href}: ${found}`);
        files += 1;
      }
    });
    expect(bad).toEqual([]);
    expect(pages).toBeGreaterThan(40);
    expect(files).toBeGreaterThan(50);
    expect([user, asking > 15]).toEqual([user, user === 'dev-reviewer']);
  },
);

test('of every type that came the line is looked at, too', async () => {
  const reviewer = await signedIn('dev-reviewer');
  const path = `/staff/pulls/${node.pullId}/lines`;
  const types = (await sql()`select distinct type from exchange.ledger_unit where pull_id = ${node.pullId}`).map((r) =>
    String(r['type']),
  );
  expect(types).toEqual(expect.arrayContaining(['Patient', 'Coverage', 'ExplanationOfBenefit']));
  for (const type of types) {
    const list = await text(reviewer, `${path}?type=${type}`);
    const [line = ''] = /\/staff\/pulls\/[^"]*\/lines\/\d+\/\d+\/\d+/.exec(list) ?? [];
    const page = await text(reviewer, line);
    expect([type, standIn(list, values), standIn(page, values)]).toEqual([type, [], []]);
    expect([type, page.includes('"resourceType"') || page.includes('&quot;resourceType&quot;')]).toEqual([type, true]);
  }
});

test('every page that hides something shows it after one click, at the same place, with what was chosen', async () => {
  const reviewer = await signedIn('dev-reviewer');
  const shown = new Set<string>();
  for (const href of asks) {
    const page = await text(reviewer, href);
    // what was said of a member or a pull holds on its other pages
    if (page.includes(FORM)) {
      const answer = await giveReason(reviewer, href);
      expect([answer.status, answer.headers.get('location')]).toEqual([303, href]);
    }
    const after = await text(reviewer, href);
    expect([href, after.includes('class="hidden"'), after.includes('action="/staff/reason/end"')]).toEqual([
      href,
      false,
      true,
    ]);
    for (const found of standIn(after, values)) shown.add(found);
  }
  expect(shown.size).toBeGreaterThan(10);
});

test('a line about someone unknown, and one that cannot be read, hide everything; names and what checks a number stay', async () => {
  const reviewer = await signedIn('dev-reviewer');
  const path = '/staff/pulls/stray/lines/0/1/0';
  const page = await text(reviewer, path);
  expect(standIn(page, values)).toEqual([]);
  for (const stays of [
    'Doe',
    'Salem',
    '1951-••-••',
    '••••\u00a06789',
    'aria-label="hidden; ends in 6789"',
    '9000000012',
    'year 1951',
  ])
    expect([stays, page.includes(stays)]).toEqual([stays, true]);
  expect(page).not.toContain('Hidden Slot');
  expect(await text(reviewer, '/staff/pulls/stray/lines/0/2/0')).not.toContain('birthDate');
  // of no one: what is said holds for the pull
  await giveReason(reviewer, path);
  const whole = await text(reviewer, path);
  expect(standIn(whole, new Set(STRAY.slice(0, 4)))).toHaveLength(4);
  expect(await text(reviewer, '/staff/pulls/stray/lines/0/2/0')).toContain(
    '&quot;birthDate&quot;: &quot;1951-02-03&quot;',
  );
});

test('who types the number of a card has given the reason; by key, id or name nothing is shown', async () => {
  const { memberId } = node;
  const [row] = await sql()`select member_number as n from exchange.enrolment where member_id = ${memberId}`;
  const number = String(row?.['n']);
  const [patient] =
    await sql()`select body from exchange.resource where member_id = ${memberId} and type = 'Patient' and id = ${memberId}`;
  const { birthDate, name } = JSON.parse(String(patient?.['body'])) as {
    birthDate: string;
    name: { family: string }[];
  };
  const path = `/staff/members/${memberId}`;
  for (const [where, typed, isShown] of [
    ['/staff/members', memberId, false],
    ['/staff/members', number, true],
    ['/staff/disclosures', number, true],
  ] as const) {
    const clerk = await signedIn('dev-reviewer');
    const csrf = fieldOf(await text(clerk, '/staff/members'), 'csrf');
    const found = await clerk.post(where, { csrf, member: typed });
    expect(found.status).toBe(303);
    const page = await text(clerk, path);
    expect([where, typed, page.includes(number), page.includes(FORM)]).toEqual([where, typed, isShown, !isShown]);
    // the call can be taken either way
    expect(page).toContain(`action="${path}/choice"`);
  }
  const [given] =
    await sql()`select member_id, actor, detail from exchange.audit where action = 'reason-given' order by seq desc limit 1`;
  expect(given).toMatchObject({
    member_id: memberId,
    actor: 'dev|dev-reviewer',
    detail: { purpose: 'member', by: 'number' },
  });
  const [kept] = await sql()`select by_number from exchange.staff_reason where id = ${given?.['detail'].reason ?? '0'}`;
  expect(kept).toEqual({ by_number: true });
  const clerk = await signedIn('dev-reviewer');
  const csrf = fieldOf(await text(clerk, '/staff/members'), 'csrf');
  const list = await (
    await clerk.post('/staff/members/find', { csrf, family: name[0]?.family ?? '', given: '', born: birthDate })
  ).text();
  expect(list).toContain(`href="${path}"`);
  expect(standIn(list, values)).toEqual([]);
  expect(list).toContain(`ends in ${number.slice(-4)}`);
});

test('a reason is kept with the looks it covers, holds for its member in its session alone, and ends when that is said', async () => {
  const reviewer = await signedIn('dev-reviewer');
  const [first, second] = (await sql()`select id from exchange.member order by id limit 2`).map((m) => String(m['id']));
  const path = `/staff/members/${first}`;
  const csrf = fieldOf(await text(reviewer, path), 'csrf');
  const about = `member/${first}`;
  const refused = async (form: Record<string, string>) =>
    (await reviewer.post('/staff/reason', { csrf, about, purpose: 'legal', words: 'file 12', back: path, ...form }))
      .status;
  for (const form of [
    { purpose: 'curiosity' },
    { purpose: '' },
    { words: ' ' },
    { words: 'x'.repeat(201) },
    { about: 'member/nobody' },
    { about: '' },
    { about: '<b>' },
  ])
    expect([form, await refused(form)]).toEqual([form, 400]);
  expect(await text(reviewer, path)).toContain(FORM);
  const before = await sql()`select from exchange.audit where action = 'reason-given'`;
  for (const back of ['https://evil.example/staff', '//evil.example/staff', '/directory', 'javascript:alert(1)'])
    expect(
      (await reviewer.post('/staff/reason', { csrf, about, purpose: 'audit', words: '', back })).headers.get(
        'location',
      ),
    ).toBe('/staff');
  const given = await reviewer.post('/staff/reason', {
    csrf,
    about,
    purpose: 'legal',
    words: 'file 12',
    back: `${path}/record?until=2019`,
  });
  expect(given.headers.get('location')).toBe(`${path}/record?until=2019`);
  const rows = await sql()`select member_id, detail from exchange.audit where action = 'reason-given' order by seq`;
  expect(rows.slice(before.length)).toHaveLength(5);
  expect(rows.at(-1)).toMatchObject({ member_id: first, detail: { purpose: 'legal', dev: true } });

  const page = await text(reviewer, path);
  expect(page).toContain('a legal matter (file 12)');
  expect(page).not.toContain(FORM);
  const [look] =
    await sql()`select detail from exchange.audit where action = 'view' and member_id = ${first ?? ''} order by seq desc limit 1`;
  expect(look?.['detail']).toMatchObject({ page: 'member', purpose: 'legal' });
  // who looked, and what for
  const looks = (await (await reviewer.get(`${path}/looks?format=json`)).json()) as {
    tables: { looks: Record<string, unknown>[] };
  };
  expect(looks.tables.looks.find((l) => l['action'] === 'reason-given')).toMatchObject({
    purpose: 'legal',
    words: 'file 12',
  });
  const packed = await sql().unsafe(EVIDENCE_SQL['look-reasons.jsonl'].sql, [
    new Date(0),
    new Date(Date.now() + 60_000),
  ]);
  const { id, at, ...said }: Record<string, unknown> = packed.at(-1) ?? {};
  expect(said).toEqual({
    subject: 'dev|dev-reviewer',
    about,
    purpose: 'legal',
    words: 'file 12',
    ended_at: null,
    by_number: false,
  });
  expect([String(id), at instanceof Date]).toEqual([rows.at(-1)?.['detail'].reason, true]);
  // both of two that stand beside each other have to be named
  expect(await text(reviewer, `${path}/one/${second}`)).toContain(FORM);
  expect(await text(reviewer, `/staff/members/${second}`)).toContain(FORM);
  await reviewer.post('/staff/reason', { csrf, about: `member/${second}`, purpose: 'care', words: '', back: path });
  expect(await text(reviewer, `${path}/one/${second}`)).not.toContain(FORM);
  const both = await sql()`
    select member_id || ' ' || (detail->>'purpose') as of from exchange.audit where action = 'view' and detail->>'page' = 'members-beside' order by seq desc limit 2`;
  expect(both.map((b) => b['of']).sort()).toEqual([`${first} legal`, `${second} care`]);
  expect(await text(await signedIn('dev-reviewer'), path)).toContain(FORM);

  // for those who review it, without names and numbers
  const admin = await signedIn('dev-admin');
  const list = (await (await admin.get(`/staff/reasons?format=json&period=${new Date().getUTCFullYear()}`)).json()) as {
    tables: Record<'people' | 'reasons', Record<string, unknown>[]>;
  };
  expect(list.tables.people.find((p) => p['purpose'] === 'legal')).toMatchObject({
    person: 'dev|dev-reviewer',
    seen: 1,
    times: 1,
    byNumber: 0,
    members: 1,
    pages: 0,
  });
  const line = list.tables.reasons.find((r) => r['words'] === 'file 12');
  expect(line).toMatchObject({
    member: expect.stringMatching(/^M-[0-9a-f]{10}$/),
    page: null,
    how: 'form',
    ended: null,
  });
  expect((await admin.get('/staff/reasons?period=none')).status).toBe(404);

  const ended = await reviewer.post('/staff/reason/end', { csrf, about, back: path });
  expect(ended.headers.get('location')).toBe(path);
  expect(standIn(await text(reviewer, path), values)).toEqual([]);
  const [end] =
    await sql()`select member_id from exchange.audit where action = 'reason-ended' order by seq desc limit 1`;
  expect(end?.['member_id']).toBe(first);
});

test('a file is taken for a purpose, which is its reason; the page stays as it was', async () => {
  const reviewer = await signedIn('dev-reviewer');
  const path = `/staff/members/${node.memberId}`;
  for (const format of ['csv', 'json'])
    expect(
      standIn(await text(reviewer, more(path, `format=${format}&purpose=quality`)), values).length,
    ).toBeGreaterThan(1);
  expect(await text(reviewer, path)).toContain(FORM);
  // what a form answers is no file
  const csrf = fieldOf(await text(reviewer, path), 'csrf');
  const answer = await reviewer.post(`${path}/choice?format=csv&purpose=quality`, { csrf });
  expect(answer.headers.get('content-type')).toContain('text/html');
  expect(standIn(await answer.text(), values)).toEqual([]);
});

test('in an emergency nothing is hidden: it has its own reason, its end, and a row for each member looked at', async () => {
  const admin = await signedIn('dev-admin');
  const csrf = fieldOf(await text(admin, '/staff/emergency'), 'csrf');
  await admin.post('/staff/emergency/begin', { csrf, reason: 'the reviewers cannot be reached' });
  const page = await text(admin, `/staff/members/${node.memberId}`);
  expect(standIn(page, values).length).toBeGreaterThan(1);
  expect(page).not.toContain(FORM);
  await admin.post('/staff/emergency/end', { csrf });
});
