// The questions that auditors ask (/staff/questions): one plan holds something for each; what page, CSV, JSON and evidence pack
// answer is held against rows read here and against the books of the payers, with nothing of the reports.
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { verifyPack } from '../../../exchange/compliance/evidence/verify-pack.ts';
import { QUESTIONS } from '../../../exchange/compliance/report/questions.ts';
import { ndjson } from '../../support/scripted-peer.ts';
import { type Answered, answered, type Rows } from './question-answers.ts';
import { LINES } from './question-asked.ts';
import { FORMULA, id, type Name } from './question-people.ts';

let a: Answered;
beforeAll(async () => {
  a = await answered();
}, 60_000);
afterAll(() => a.close());

describe('each question has its page, its table and its files', () => {
  test.each(QUESTIONS.map((q, i) => [i + 1, q] as const))('%i', async (_no, q) => {
    const real = {
      ':member': id('ana'),
      ':id': q.page.startsWith('/staff/peers')
        ? 'asker'
        : q.page.startsWith('/staff/requests')
          ? a.requestId(1)
          : String((await a.sql`select id from exchange.deadline limit 1`)[0]?.['id']),
    };
    const path = Object.entries(real).reduce((p, [name, value]) => p.replace(name, value), q.page);
    expect((await a.reviewer.get(q.href.split('#')[0] ?? '')).status).toBe(200);
    const csv = await a.reviewer.get(`${path}?format=csv&table=${q.table}`);
    expect([csv.status, csv.headers.get('content-type')]).toEqual([200, 'text/csv; charset=utf-8; header=present']);
    if (q.href.includes('#'))
      expect(await (await a.reviewer.get(q.href)).text()).toContain(`id="${q.href.split('#')[1]}"`);
    for (const file of q.pack) expect(file === 'report.json' ? a.tables : a.pack[file], file).toBeDefined();
  });
  test('the pack verifies', async () => {
    expect((await verifyPack(a.zip)).faults).toEqual([]);
  });
});

test('1: no offer within the week', async () => {
  const rows = await a.answer('/staff/clocks?show=unmet&duty=C1-offer&began=2027-03', 'clocks');
  const own = await a.sql<{ id: string }[]>`
    with began as (select member_id, greatest(starts, accepted_on) as day from exchange.enrolment e
      where not exists (select from exchange.enrolment f where f.member_id = e.member_id and f.starts < e.starts and coalesce(f.ends, '9999-01-01') >= e.starts - 1))
    select member_id as id from began b where day between '2027-03-01' and '2027-03-31' and not exists (
      select from exchange.contact c where c.member_id = b.member_id and c.kind = 'offer' and c.result = 'delivered'
        and c.at >= (b.day - 90)::timestamp at time zone 'America/New_York' and c.at < (b.day + 8)::timestamp at time zone 'America/New_York')`;
  const expected = a.keys('afterMidnight', 'never', 'overSoon', 'again', 'returned');
  expect(own.map((o) => a.keyOf(o.id)).sort()).toEqual(expected);
  expect(rows.map((r) => r['member']).sort()).toEqual(expected);
  expect(rows.find((r) => r['member'] === a.keyOf(id('overSoon')))).toMatchObject({ reason: 'coverage-ended' });
  const packed = (a.pack['clocks.jsonl'] ?? []).filter(
    (k) =>
      k['kind'] === 'C1-offer' &&
      String(k['starts_at']) >= '2027-03-01T05' &&
      String(k['starts_at']) < '2027-04-01T04' &&
      k['state'] !== 'met',
  );
  expect(packed.map((k) => a.keyOf(String(k['member_id']))).sort()).toEqual(expected);
  // of those due in the quarter: the one of the last of March is due in April
  expect(a.figure('F1')).toMatchObject({ numerator: 8, denominator: 12 });
});

test('2: every choice, the text and the proof', async () => {
  const rows = await a.member('ana2', 'choices');
  expect(rows.map((r) => [r['choice'], r['when']]).reverse()).toEqual([
    ['opt-in', expect.stringMatching(/^2027-01-05T04:30:00/)],
    ['withdraw', expect.stringMatching(/^2027-02-01T17:00:00/)],
    ['opt-in', expect.stringMatching(/^2027-02-08T17:00:00/)],
  ]);
  const sha = String(rows[0]?.['text']);
  const { tables } = (await (await a.reviewer.get(`/staff/texts/${sha}?format=json`)).json()) as {
    tables: Record<string, Rows>;
  };
  expect(createHash('sha256').update(String(tables['texts']?.[0]?.['text'])).digest('hex')).toBe(sha);
  const packed = (name: Name) =>
    (a.pack['consents.jsonl'] ?? []).filter((c) => c['member_id'] === id(name)).map((c) => c['id']);
  expect(packed('ana2').sort()).toEqual(rows.map((r) => r['id']).sort());
  expect(packed('eva')).toContain('late-paper');
  expect(a.pack['texts.jsonl']?.map((t) => t['sha256'])).toContain(sha);
});

test('3: every payer asked, with the answer, the files and what became of them', async () => {
  const asked = async (name: Name) =>
    (await a.member(name, 'requests')).map((r) => [r['payer'], r['answer'], r['statement'] !== null, r['units']]);
  const of = (patient: string) =>
    LINES.filter((l) => l.includes(`"Patient/${patient}"`) || l.includes(`"id":"${patient}"`)).length;
  expect(await asked('ana')).toEqual([['Scripted Plan', 'matched', true, of('p-ana')]]);
  expect(await asked('ana2')).toEqual([['Scripted Plan', 'matched', true, of('p-ana2')]]);
  expect(await asked('ben')).toEqual([['Scripted Plan', 'not-matched', true, 0]]);
  expect(await asked('fay')).toEqual([['Broken Plan', null, false, 0]]);
  const [pull] = await a.sql`select id from exchange.pull where peer_id = 'scripted'`;
  const sent = createHash('sha256')
    .update(ndjson(...LINES))
    .digest('hex');
  const packed = (a.pack['pulls.jsonl'] ?? []).find((p) => p['id'] === pull?.['id']);
  expect(JSON.stringify(packed?.['files'])).toContain(sent);
  expect(await (await a.reviewer.get(`/staff/pulls/${pull?.['id']}?format=json`)).text()).toContain(sent);
  expect((a.pack['ledger.jsonl'] ?? []).filter((l) => l['pull_id'] === pull?.['id'])).toHaveLength(LINES.length);
});

test('4: every disclosure of six years; what was never fetched is none', async () => {
  const rows = await a.answer(`/staff/disclosures/${id('ana')}`, 'disclosures');
  const lines = a.plan.fetched
    .filter((f) => f.url.includes(a.requestId(1)))
    .map((f) => ({ at: f.at, n: f.body.split('\n').filter((l) => l.includes(`Patient/${id('ana')}"`)).length }));
  const [first, second, claims] = lines;
  expect(lines.map((l) => l.n)).toEqual([4, 4, 1]);
  // as the one who asked had it: the row is written a moment before the answer is there
  const near = (told: unknown, at: Date | undefined) =>
    Math.abs(Date.parse(String(told)) - (at ?? new Date(0)).getTime()) < 30_000;
  expect(rows.map((r) => [r['how'], r['what']])).toEqual([
    ['Search', '4 Observation'],
    ['Files of an export', '1 Patient'],
    ['Files of an export', '4 Observation, 1 ExplanationOfBenefit'],
  ]);
  const read = a.plan.asked.find((x) => x.what === 'read')?.at;
  expect([near(rows[0]?.['when'], read), rows[1]?.['when'], near(rows[2]?.['when'], first?.at)]).toEqual([
    true,
    null,
    true,
  ]);
  expect(rows[2]).toMatchObject({
    recipient: FORMULA,
    npi: '9000000012',
    address: '1 Harbor Way, Portland',
  });
  expect(near(rows[2]?.['last'], claims?.at ?? second?.at)).toBe(true);
  const events = (await (await a.reviewer.get(`/staff/disclosures/${id('ana')}/audit-events`)).json()) as {
    entry: { resource: { resourceType: string; period: { start: string } } }[];
  };
  const told = events.entry.filter((e) => e.resource.resourceType === 'AuditEvent');
  expect(told.map((e) => e.resource.period.start.slice(0, 19)).sort()).toEqual(
    rows.flatMap((r) => (r['when'] === null ? [] : String(r['when']).slice(0, 19))).sort(),
  );
  const sums = (await a.compliance('disclosures')).map((r) => [r['action'], r['members'], r['rows'], r['ready']]);
  expect(sums).toEqual([
    ['export-member', 2, 2, 2],
    ['search', 1, 1, 0],
  ]);
  expect(a.tables['disclosures']?.map((r) => [r['action'], r['members'], r['rows'], r['ready']])).toEqual(sums);
  expect(
    (a.pack['audit-rows.jsonl'] ?? []).filter((x) => x['action'] === 'export-member' && x['memberId'] === id('ana')),
  ).toHaveLength(2);
});

test('5: all requests of a payer in a quarter', async () => {
  const rows = await a.answer('/staff/peers/asker/statement?period=2027-Q1', 'statement');
  const to = (r: Rows[number]) => [
    r['kind'],
    r['received'] && String(r['received']).slice(0, 16),
    r['due'],
    r['inTime'],
    r['members'],
  ];
  expect(rows.map(to)).toEqual([
    // a Friday, a minute before midnight; then a weekend and a holiday
    ['match', '2027-02-13T04:58', '2027-02-17T04:59:59.999Z', 5761, 3],
    ['export', '2027-02-13T04:58', '2027-02-17T04:59:59.999Z', 0, 2],
    ['export', '2027-02-17T04:59', '2027-02-19T04:59:59.999Z', -721, 2],
    ['single', '2027-02-20T03:00', null, null, 2],
  ]);
  const books = Map.groupBy(a.plan.asked, (x) => x.what);
  expect(a.tables['they-asked']?.map((r) => [r['kind'], r['received'], r['answered'], r['inTime']])).toEqual([
    ['export', books.get('export')?.length, 2, 1],
    ['match', books.get('match')?.length, 1, 1],
    ['single', books.get('single')?.length, 2, 2],
  ]);
  expect([a.pack['requests.jsonl']?.length, a.pack['single-matches.jsonl']?.length]).toEqual([3, 2]);
  expect(a.figure('F5')).toMatchObject({ numerator: 1, denominator: 2 });
  // of the quarter before there is nothing
  expect(await a.answer('/staff/peers/asker/statement?period=2026-Q4', 'statement')).toEqual([]);
});

test('6: all refusals with their reason', async () => {
  const told = (rows: Rows | undefined) => rows?.map((r) => [r['payer'], r['action'], r['reason'], r['n']]);
  const refused = a.plan.asked.filter((x) => x.status >= 400);
  const [unknown, foreign] = [refused.filter((x) => x.what === 'single'), refused.filter((x) => x.what === 'refused')];
  // one more was not found by the batch
  const expected = [
    [FORMULA, 'access', 'not-granted', foreign.length],
    [FORMULA, 'match', 'no-match', unknown.length + 1],
  ];
  expect(told(await a.compliance('refusals'))).toEqual(expected);
  expect(told(a.tables['refusals'])).toEqual(expected);
  expect(await a.answer('/staff/events', 'events')).toHaveLength(foreign.length);
  const packed = a.pack['audit-rows.jsonl']?.filter((x) => x['outcome'] === 'refused' && x['actorKind'] === 'peer');
  expect(packed).toHaveLength(refused.length + 1);
});

test('7: concurrent members last asked more than three months ago', async () => {
  const rows = await a.answer('/staff/clocks/concurrent', 'concurrent');
  const own = await a.sql<{ id: string; at: Date }[]>`
    select m.member_id as id, max(p.created_at) as at from exchange.pull_member m join exchange.pull p on p.id = m.pull_id
    where m.outcome is not null and (select choice from exchange.consent c where c.member_id = m.member_id order by recorded_on desc, created_at desc limit 1) = 'opt-in'
    group by 1 having (max(p.created_at) at time zone 'America/New_York')::date + interval '3 months' < '2027-04-20'`;
  // who withdrew and opted in again was last asked before; who withdrew by paper since is not asked any more
  expect(own.map((o) => a.keyOf(o.id)).sort()).toEqual(
    [...a.keys('ana', 'ana2', 'ben', 'eva')].filter((k) => !a.keys('eva').includes(k)).sort(),
  );
  expect(rows.map((r) => r['member']).sort()).toEqual(a.keys('ana', 'ana2', 'ben'));
  expect(rows.find((r) => r['member'] === a.keyOf(id('ben')))).toMatchObject({ answer: 'not-matched' });
  const clocks = a.pack['clocks.jsonl']?.filter((k) => k['kind'] === 'C4').map((k) => a.keyOf(String(k['member_id'])));
  expect(clocks).toContain(a.keyOf(id('ana')));
});

test('8: all records of a payer that are not visible', async () => {
  const expected = [
    ['invalid-resource', 1, 1],
    ['unsupported-subject', 1, 0],
    ['wrong-patient', 1, 0],
  ];
  const told = (rows: Rows | undefined) => rows?.map((r) => [r['reason'], r['n'], r['discarded']]);
  expect(told(await a.answer('/staff/compliance?period=2027-Q1&peer=scripted', 'quarantine'))).toEqual(expected);
  expect(told(a.tables['quarantine'])).toEqual(expected);
  const of = (r: Rows[number]) => [r['reason'], r['source_id'], r['line']];
  const place = (what: string) => LINES.findIndex((l) => l.includes(`"id":"${what}"`)) + 1;
  const lines = ['not-asked', 'g', 'stranger'].map(place);
  expect(a.pack['quarantine.jsonl']?.map(of).sort()).toEqual([
    ['invalid-resource', 'not-asked', lines[0]],
    ['unsupported-subject', 'g', lines[1]],
    ['wrong-patient', 'stranger', lines[2]],
  ]);
  expect((await a.compliance('rejected')).map((r) => [r['reason'], r['n']])).toEqual([['invalid-json', 1]]);
  // one is settled: it was discarded
  expect(a.figure('F13')).toMatchObject({ numerator: 2, denominator: LINES.length });
});

test('9: no money, no denied and no drug authorization left', async () => {
  const left = a.plan.fetched.map((f) => f.body).join('');
  expect(left).toContain('"id":"claim"');
  expect([left.includes('4711'), left.includes('"id":"denied"')]).toEqual([false, false]);
  const [row] = await a.compliance('proofs');
  expect(row).toMatchObject({ exports: 2, walked: 2, faults: 0 });
  expect(a.tables['proofs']?.[0]).toMatchObject({ exports: 2, walked: 2, faults: 0 });
  expect(a.pack['content.json']).toHaveLength(2);
  for (const n of [1, 2]) {
    const lines = await a.answer(`/staff/requests/${a.requestId(n)}`, 'proof');
    expect(lines.length).toBeGreaterThan(0);
  }
});

test('a file of a list holds all of it, however many rows its page shows; what was late by seconds is late in files too', async () => {
  await a.sql`
    insert into exchange.deadline select (jsonb_populate_record(c, jsonb_build_object('id', 'many-' || n, 'subject', 'many-' || n, 'state', 'met-late'))).*
    from exchange.deadline c cross join generate_series(1, 120) n where c.id = (select id from exchange.deadline where kind = 'C1-offer' limit 1)`;
  const list = '/staff/clocks?show=late&duty=C1-offer';
  const page = await (await a.reviewer.get(list)).text();
  expect(page).toContain('The whole list as');
  const next = /href="([^"]*after=[^"]*)" rel="next"/.exec(page)?.[1]?.replaceAll('&amp;', '&') ?? '';
  const files = /href="([^"]*format=csv[^"]*)"/.exec(await (await a.reviewer.get(next)).text())?.[1] ?? '';
  const csv = await (await a.reviewer.get(files.replaceAll('&amp;', '&'))).text();
  const [own] =
    await a.sql`select count(*)::int as n from exchange.deadline where kind = 'C1-offer' and (state = 'met-late' or (state = 'open' and due_at < '2027-04-20'))`;
  expect(csv.trim().split('\r\n')).toHaveLength(Number(own?.['n']) + 1);
  await a.sql`delete from exchange.deadline where id like 'many-%'`;
  const job = a.requestId(1);
  await a.sql`update exchange.bulk_job set completed_at = due_at + interval '20 seconds' where id = ${job}`;
  const rows = await a.answer('/staff/peers/asker/statement?period=2027-Q1', 'statement');
  expect(rows.find((r) => r['id'] === job)).toMatchObject({ inTime: -1 });
});

test('two payers of one name each keep out a record of one id: these are two', async () => {
  const other = `jsonb_build_object('peer_id', 'namesake')`;
  const [pull] = await a.sql`select id from exchange.pull where peer_id = 'scripted'`;
  const id = String(pull?.['id']);
  await a.sql`insert into exchange.peer select (jsonb_populate_record(p, '{"id": "namesake", "client_id_here": null}')).* from exchange.peer p where id = 'scripted'`;
  await a.sql.unsafe(
    `insert into exchange.pull select (jsonb_populate_record(p, ${other} || '{"id": "of-namesake"}')).* from exchange.pull p where id = '${id}'`,
  );
  await a.sql.unsafe(
    `insert into exchange.identity select (jsonb_populate_record(i, ${other} || '{"last_pull": "of-namesake"}')).* from exchange.identity i where source_id = 'g'`,
  );
  await a.sql`insert into exchange.ledger_unit select (jsonb_populate_record(l, '{"pull_id": "of-namesake"}')).* from exchange.ledger_unit l where source_id = 'g' and pull_id = ${id}`;
  const rows = await a.compliance('quarantine');
  expect(rows.filter((r) => r['reason'] === 'unsupported-subject')).toMatchObject([
    { payer: 'Scripted Plan', n: 1 },
    { payer: 'Scripted Plan', n: 1 },
  ]);
});

describe('each number of the report leads to as many rows', () => {
  const decoded = (href: string) => href.replaceAll('&amp;', '&');
  test.each(['period=2027-Q1', 'period=2027-Q1&lob=ma', 'period=2027-Q1&peer=scripted', 'period=2027-Q1&peer=asker'])(
    '%s',
    async (query) => {
      const page = await (await a.reviewer.get(`/staff/compliance?${query}`)).text();
      const led = [...page.matchAll(/class="number"><a href="(\/staff\/[^"]+)">([\d,]+)<\/a>/g)].map(
        ([, href = '', n = '']) => [decoded(href), Number(n.replaceAll(',', ''))] as const,
      );
      expect(new Set(led.map(([href]) => href.split('?')[0])).size).toBeGreaterThan(query.includes('peer') ? 2 : 7);
      const wrong: unknown[] = [];
      for (const [href, n] of led) {
        const got = await a.reviewer.get(`${href}&format=json`);
        const [rows = []] = Object.values(((await got.json()) as { tables: Record<string, Rows> }).tables);
        const sum = rows.reduce((all, r) => all + (r['pull'] === 'Sum' ? 0 : Number(r['n'])), 0);
        // members with what was made ready of each, several times perhaps
        const ready = rows.reduce((all, r) => all + Number(r['ready']), 0);
        const isReady = href.includes('/rows/given') && href.includes('show=ready');
        const many = href.includes('/rows/lines') ? sum : isReady ? ready : rows.length;
        if (got.status !== 200 || many !== n) wrong.push([href, got.status, n, many]);
      }
      expect(wrong).toEqual([]);
    },
  );
  test('F1 to F16 all do, but for those that count nothing', async () => {
    const page = await (await a.reviewer.get('/staff/compliance?period=2027-Q1')).text();
    const [, figures = ''] = page.split('id="t-figures"');
    for (const row of (figures.split('</section>')[0] ?? '').split('<tr>').slice(2)) {
      const cells = [...row.matchAll(/class="number">(<a [^>]*>)?([^<]*)/g)].slice(0, 3);
      for (const [, link, value = ''] of cells.filter(([, , v = '']) => /^[1-9][\d,]*$|(min|s)$/.test(v)))
        expect([row.slice(0, 80), value, link?.includes('/staff/')]).toEqual([row.slice(0, 80), value, true]);
    }
  });
});
