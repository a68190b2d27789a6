// The staff pages over a real pull: who may see what, that all formats hold the same rows, and that data stays data.

import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { keepAlerts } from '../../../exchange/alerts/update-alerts.ts';
import { clockCalendar } from '../../../exchange/members/deadlines/calendar.ts';
import { foldedOf, hiddenCounts } from '../../../exchange/records/view/folded.ts';
import { mergedCounts } from '../../../exchange/records/view/member-rows.ts';
import { endPull } from '../../../exchange/requester/give-up-rows.ts';
import { pullReport } from '../../../exchange/requester/report/pull-report.ts';
import { renderReport } from '../../../exchange/requester/report/render-report.ts';
import { MATCH_RULES } from '../../../exchange/responder/match/rules.ts';
import { createStaff } from '../../../exchange/staff/app.ts';
import { developmentAccount } from '../../../src/auth/staff-development.ts';
import { safeReturn } from '../../../src/auth/staff-session.ts';
import { EVIL, fieldOf, giveReason, HAND, SCRIPT, type StaffNode, startStaff, UNBALANCED, Visitor } from './support.ts';

let node: StaffNode;
/** how far the node's clock is ahead, in milliseconds */
let ahead = 0;
const visitors: Record<string, Visitor> = {};

beforeAll(async () => {
  node = await startStaff({ clock: () => new Date(Date.now() + ahead) });
  for (const user of ['dev-viewer', 'dev-reviewer', 'dev-admin']) {
    const visitor = new Visitor(node.app, node.ours.base);
    const answer = await visitor.signIn(user, node.account.password, '/staff/pulls');
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/staff/pulls']);
    visitors[user] = visitor;
  }
});
afterAll(() => node?.close());

const as = (user: string): Visitor => {
  const visitor = visitors[user];
  if (!visitor) throw new Error(`nobody is signed in as ${user}`);
  return visitor;
};
const text = async (user: string, path: string) => (await as(user).get(path)).text();
const rowsOf = (page: string, table: string) => {
  const from = page.indexOf(`<table aria-labelledby="t-${table}">`);
  if (from === -1) return [];
  const body = page.slice(page.indexOf('<tbody>', from), page.indexOf('</table>', from));
  return [...body.matchAll(/<tr>(.*?)<\/tr>/gs)].map((row) =>
    [...(row[1] ?? '').matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/gs)].map((cell) =>
      (cell[1] ?? '').replace(/<[^>]+>/g, '').replaceAll('\u00a0', ' '),
    ),
  );
};

describe('headers and errors', () => {
  test('every answer may not be stored, framed or scripted', async () => {
    for (const path of ['/staff/sign-in', '/staff', '/staff/style.css', '/staff/nothing']) {
      const { headers } = await as('dev-viewer').get(path);
      expect(headers.get('content-security-policy'), path).toBe(
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
      );
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('referrer-policy')).toBe('same-origin');
      expect(headers.get('cross-origin-opener-policy')).toBe('same-origin');
    }
  });

  test('the menu has what the role opens', async () => {
    for (const [user, wanted] of [
      ['dev-viewer', false],
      ['dev-admin', false],
      ['dev-reviewer', true],
    ] as const) {
      const menu = /<nav.*?<\/nav>/s.exec(await text(user, '/staff'))?.[0] ?? '';
      const hrefs = [...menu.matchAll(/href="([^"]+)"/g)].map((m) => m[1] ?? '');
      expect(hrefs.includes('/staff/members') && hrefs.includes('/staff/conflicts'), user).toBe(wanted);
      for (const href of hrefs) expect((await as(user).get(href)).status, `${user} ${href}`).not.toBe(403);
    }
  });

  test('unknown pages, pulls, lines and requests are 404 pages', async () => {
    for (const path of [
      '/staff/nothing',
      '/staff/pulls/none',
      '/staff/pulls/none/lines',
      '/staff/pulls/none/members',
      `/staff/pulls/${HAND}/lines/0/99/0`,
      `/staff/pulls/${HAND}/lines/0/x/0`,
      '/staff/requests/none',
    ]) {
      const answer = await as('dev-reviewer').get(path);
      expect(answer.status, path).toBe(404);
      expect(answer.headers.get('content-type')).toMatch(/^text\/html/);
    }
    expect((await as('dev-reviewer').get('/staff/pulls?format=xml')).status).toBe(400);
    expect((await as('dev-reviewer').get('/staff/pulls?format=csv&table=none')).status).toBe(404);
  });

  test('pages have no script and no inline style, and the sandbox says what it is', async () => {
    for (const path of ['/staff', '/staff/pulls', `/staff/pulls/${node.pullId}`, `/staff/pulls/${HAND}/lines`]) {
      const page = await text('dev-reviewer', path);
      expect(page).not.toMatch(/<script|<style| style=| on[a-z]+="/i);
      expect(page).toContain('aria-label="Notice">Sandbox');
      expect(page.match(/<h1>/g)).toHaveLength(1);
    }
  });
});

test('a long page begins with the way to each of its tables, a short one does not', async () => {
  const page = await text('dev-viewer', `/staff/pulls/${node.pullId}`);
  const menu = /<nav class="contents".*?<\/nav>/s.exec(page)?.[0] ?? '';
  const items = [...menu.matchAll(/<li><a href="#([^"]+)">([^<]+)<\/a>(.*?)<\/li>/g)];
  const tables = [...page.matchAll(/<section class="table">\n<h2 id="([^"]+)">([^<]+)<\/h2>(.*?)<\/section>/gs)];
  expect(items.map(([, id, caption]) => [id, caption])).toEqual(tables.map(([, id, caption]) => [id, caption]));
  expect(items.length).toBeGreaterThan(5);
  const isEmpty = tables.map(([, , , body]) => (body ?? '').includes('class="empty"'));
  expect(items.map(([, , , rest]) => (rest ?? '').includes('none'))).toEqual(isEmpty);
  expect(new Set(isEmpty).size).toBe(2);
  expect(await text('dev-viewer', '/staff/pulls')).not.toContain('On this page');
});

describe('the report of a pull', () => {
  test('shows the law as arithmetic, and its sums are the ledger', async () => {
    const page = await text('dev-viewer', `/staff/pulls/${node.pullId}`);
    const { sql } = node.ours.deps.database;
    const [sum] = await sql<
      { n: number }[]
    >`select count(*)::int as n from exchange.ledger where pull_id = ${node.pullId}`;
    const n = sum?.n ?? 0;
    expect(n).toBeGreaterThan(100);
    const law = rowsOf(page, 'conservation');
    expect(law.at(-1)).toEqual(['All types', `${n}`, `${n}`, `${n}`, `✔ ${n} = ${n} = ${n}`]);
    expect(law.every((row) => row[4]?.startsWith('✔'))).toBe(true);
    expect(rowsOf(page, 'outcomes').at(-1)?.at(-1)).toBe(String(n));
    expect(
      rowsOf(page, 'files')
        .map((row) => row[8])
        .every((hash) => /^[0-9a-f]{64}$/.test(hash ?? '')),
    ).toBe(true);
  });

  test('says where a count differs', async () => {
    const page = await text('dev-viewer', `/staff/pulls/${UNBALANCED}`);
    expect(rowsOf(page, 'files')[0]?.slice(3, 7)).toEqual([
      '10',
      '9',
      '0',
      '✘ 10 ≠ 9 · not recorded, does not balance',
    ]);
  });

  test('every figure leads to as many rows', async () => {
    const page = await text('dev-reviewer', `/staff/pulls/${node.pullId}`);
    const figures = [...page.matchAll(/<a href="([^"]+\/lines\?[^"]+)">([\d,]+)<\/a>/g)].map(
      (m) => [m[1] ?? '', m[2] ?? ''] as const,
    );
    // the number of a file is a name, not a figure
    const counted = figures.filter(([href]) => !href.includes('?file='));
    expect(counted.length).toBeGreaterThan(20);
    for (const [href, n] of counted) {
      const lines = await text('dev-reviewer', href.replaceAll('&amp;', '&'));
      expect(lines, href).toContain(`<p>${n} line`);
      expect(rowsOf(lines, 'lines').length).toBe(Math.min(100, Number(n.replaceAll(',', ''))));
    }
  });

  test('is the same on the page, as CSV, as JSON and on the command line', async () => {
    const path = `/staff/pulls/${HAND}`;
    const page = await text('dev-viewer', path);
    const json = JSON.parse(await text('dev-viewer', `${path}?format=json`)) as {
      tables: Record<string, Record<string, unknown>[]>;
    };
    const csv = parse(await text('dev-viewer', `${path}?format=csv`), { columns: true }) as Record<string, string>[];
    const report = await pullReport(node.ours.deps, HAND);
    if (!report) throw new Error('no report');
    const printed = JSON.parse(renderReport(report, 'json')) as typeof json;
    expect(parse(renderReport(report, 'csv'), { columns: true })).toHaveLength(csv.length);
    for (const [name, rows] of Object.entries(json.tables)) {
      expect(rowsOf(page, name).length, name).toBe(rows.length);
      expect(new Set(csv.filter((r) => r['table'] === name).map((r) => r['row'])).size, name).toBe(rows.length);
      const own = parse(await text('dev-viewer', `${path}?format=csv&table=${name}`), { columns: true }) as unknown[];
      expect(own.length, name).toBe(rows.length);
      if (name !== 'facts') expect(printed.tables[name], name).toEqual(rows);
    }
    const alone = renderReport(report, 'html');
    expect(alone).toContain('<style>');
    expect(alone).toContain(`@top-left{content:"${report.plan} · Pull from `);
    const styles = await (await node.app.request('/staff/style.css')).text();
    expect(styles).toContain(`@top-left{content:"${report.plan}"`);
    expect(alone).not.toMatch(/<a href="\/staff/);
    expect(alone).not.toContain(SCRIPT);
  });
});

describe('lists', () => {
  test('hold the same rows on the page, as CSV and as JSON', async () => {
    const ours = '/staff/pulls/';
    for (const [path, table] of [
      ['/staff/pulls', 'pulls'],
      ['/staff/clocks?show=all', 'clocks'],
      ['/staff/peers', 'peers'],
      [`${ours}${node.pullId}/lines?outcome=created`, 'lines'],
      [`${ours}${node.pullId}/members`, 'members'],
    ] as const) {
      const query = path.includes('?') ? '&' : '?';
      const page = await text('dev-reviewer', path);
      const json = JSON.parse(await text('dev-reviewer', `${path}${query}format=json`)) as {
        tables: Record<string, unknown[]>;
      };
      const csv = parse(await text('dev-reviewer', `${path}${query}format=csv`), { columns: true }) as unknown[];
      expect(rowsOf(page, table).length, path).toBeGreaterThan(0);
      // a page shows the beginning of a long list, and says that its files hold more
      const rows = json.tables[table]?.length ?? 0;
      expect(Math.min(rows, 100), path).toBe(rowsOf(page, table).length);
      expect(page.includes('The whole list as'), path).toBe(rows > 100);
      expect(csv).toHaveLength(rows);
    }
  });

  test('long lists are walked to their end without loss or repeat', async () => {
    const seen: string[] = [];
    let path = `/staff/pulls/${node.pullId}/lines?format=json`;
    for (let pages = 0; path !== '' && pages < 50; pages++) {
      const page = JSON.parse(await text('dev-reviewer', path)) as {
        tables: { lines: { line: string }[] };
        next?: string;
      };
      seen.push(...page.tables.lines.map((l) => l.line));
      path = page.next ?? '';
    }
    const [sum] = await node.ours.deps.database.sql<{ n: number }[]>`
      select count(*)::int as n from exchange.ledger where pull_id = ${node.pullId}`;
    expect(seen).toHaveLength(sum?.n ?? -1);
    expect(new Set(seen).size).toBe(seen.length);
  });
});

describe('roles', () => {
  const rows = () => [`/staff/pulls/${HAND}/lines`, `/staff/pulls/${HAND}/lines/0/1/0`, `/staff/pulls/${HAND}/members`];

  test('records and names are for reviewers; the refusal is audited', async () => {
    for (const user of ['dev-viewer', 'dev-admin']) {
      for (const path of rows()) expect((await as(user).get(path)).status, `${user} ${path}`).toBe(403);
      const page = await text(user, `/staff/pulls/${HAND}`);
      expect(page).not.toContain('/lines');
    }
    for (const path of rows()) expect((await as('dev-reviewer').get(path)).status).toBe(200);
    const refused = await node.ours.deps.database.sql`
      select from exchange.audit where action = 'view' and outcome = 'refused' and actor = 'dev|dev-admin'`;
    expect(refused).toHaveLength(rows().length);
  });

  test('a look at a member’s data is audited under that member', async () => {
    const { sql } = node.ours.deps.database;
    const looks = () => sql<{ n: number }[]>`
      select count(*)::int as n from exchange.audit where action = 'view' and outcome = 'ok' and member_id = ${node.memberId} and actor = 'dev|dev-reviewer'`;
    const [before] = await looks();
    for (const path of rows()) await as('dev-reviewer').get(path);
    const [after] = await looks();
    expect((after?.n ?? 0) - (before?.n ?? 0)).toBe(3);
  });

  test('clocks of one duty, and those that began in a month of the plan’s zone', async () => {
    const { sql } = node.ours.deps.database;
    const kinds = async (query: string) => {
      const answer = await as('dev-viewer').get(`/staff/clocks?show=all&format=json&${query}`);
      const { tables } = (await answer.json()) as { tables: { clocks: { kind: string }[] } };
      return tables.clocks.map((k) => k.kind).sort();
    };
    const [first] = await sql`insert into exchange.deadline (id, kind, subject, starts_at, due_at, state)
      values ('april', 'C4', 'april', '2027-05-01T03:59:59Z', '2027-08-01T03:59:59Z', 'open'), ('may', 'C1-offer', 'may', '2027-05-01T04:00:00Z', '2027-05-08T04:00:00Z', 'met-late')
      returning id`;
    expect(first?.['id']).toBe('april');
    try {
      expect(await kinds('began=2027-04')).toEqual(['C4']);
      expect(await kinds('began=2027-05')).toEqual(['C1-offer']);
      expect(await kinds('began=2027-05&duty=C4')).toEqual([]);
      expect(await kinds('began=2027-Q2')).toEqual(['C1-offer', 'C4']);
      // those that ran on some days, whatever became of them since
      await sql`update exchange.deadline set closed_at = '2027-05-09T12:00:00Z' where id = 'may'`;
      const ran = async (query: string) => {
        const answer = await as('dev-viewer').get(`/staff/clocks?format=json&${query}`);
        const { tables } = (await answer.json()) as { tables: { clocks: { kind: string; started: string }[] } };
        return tables.clocks.filter((k) => k.started.startsWith('2027-05')).map((k) => k.kind);
      };
      expect((await ran('during=2027-05-01/2027-05-09')).sort()).toEqual(['C1-offer', 'C4']);
      expect(await ran('during=2027-05-10')).toEqual(['C4']);
      expect(await ran('during=2027-05-09&duty=C1-offer')).toEqual(['C1-offer']);
      expect(await ran('during=2027-04-30')).toEqual(['C4']);
      expect(await (await as('dev-viewer').get('/staff/clocks?during=last+week')).text()).toContain('names no days');
      const all = await sql`select kind from exchange.deadline where kind = 'C2'`;
      expect(all.length).toBeGreaterThan(0);
      expect(await kinds('duty=C2')).toEqual(all.map(() => 'C2'));
      expect(
        await (await as('dev-viewer').get('/staff/clocks?show=late&duty=C1-offer&began=2027-05')).text(),
      ).toContain('Clocks that are late; duty: Offer the choice to opt in (7 days); begun in 2027-05');
    } finally {
      await sql`delete from exchange.deadline where id in ('april', 'may')`;
    }
  });

  test('the overview counts the clocks that it leads to, those too that were asked in vain', async () => {
    const { sql } = node.ours.deps.database;
    await sql`insert into exchange.deadline (id, kind, subject, starts_at, due_at, state, reason)
      values ('vain', 'C2', 'vain', '2020-05-01', '2020-05-08', 'attempted', 'peer-failed'), ('vain-2', 'C2', 'vain-2', '2020-05-01', '2099-05-08', 'attempted', 'peer-failed'),
        ('late', 'C2', 'late', '2020-05-01', '2020-05-08', 'open', null), ('stuck', 'C2', 'stuck', '2020-05-01', '2020-05-08', 'blocked', 'no-endpoint')`;
    try {
      const [n] = await sql<{ open: number; overdue: number }[]>`
        select count(*)::int as open, count(*) filter (where due_at < now())::int as overdue from exchange.deadline where state in ('open', 'attempted')`;
      const list = async (path: string) => {
        const answer = await as('dev-viewer').get(`${path}${path.includes('?') ? '&' : '?'}format=json`);
        return ((await answer.json()) as { tables: { clocks: unknown[] } }).tables.clocks.length;
      };
      const page = await (await as('dev-viewer').get('/staff')).text();
      const href = /href="(\/staff\/clocks\?[^"]*)"/.exec(page)?.[1] ?? '';
      expect([href, await list(href)]).toEqual(['/staff/clocks?show=overdue', n?.overdue]);
      expect(page).toContain(`${n?.open} clocks open`);
      expect([await list('/staff/clocks'), await list('/staff/clocks?show=open')]).toEqual([n?.open, n?.open]);
    } finally {
      await sql`delete from exchange.deadline where id in ('vain', 'vain-2', 'late', 'stuck')`;
    }
  });

  test('open due dates as a calendar: a day and duty each, folded, without members', async () => {
    const { sql } = node.ours.deps.database;
    const days =
      await sql`select distinct kind, (due_at at time zone ${node.ours.deps.config.timeZone})::date from exchange.deadline where state = 'open'`;
    const answer = await as('dev-viewer').get('/staff/clocks/due.ics');
    const text = await answer.text();
    expect(answer.headers.get('content-type')).toBe('text/calendar; charset=utf-8');
    expect(text.match(/BEGIN:VEVENT/g) ?? []).toHaveLength(days.length);
    expect(text.startsWith('BEGIN:VCALENDAR\r\nVERSION:2.0\r\n') && text.endsWith('END:VCALENDAR\r\n')).toBe(true);
    for (const line of text.split('\r\n')) expect(Buffer.byteLength(line)).toBeLessThanOrEqual(75);
    const day = { kind: 'C2', day: '2027-03-01', n: 3 };
    const one = clockCalendar([day], 'Plän, Inc; North', 'https://plan.example', new Date('2027-01-02T03:04:05.678Z'));
    for (const line of ['UID:C2-20270301@plan.example', 'DTSTAMP:20270102T030405Z', 'DTSTART;VALUE=DATE:20270301'])
      expect(one).toContain(`\r\n${line}\r\n`);
    expect(one.replaceAll('\r\n ', '')).toContain('X-WR-CALNAME:Plän\\, Inc\\; North: clocks\r\n');
  });

  test('rows that leave as a file are audited', async () => {
    const { sql } = node.ours.deps.database;
    await as('dev-viewer').get('/staff/clocks?format=csv');
    const [row] =
      await sql`select action, object, detail from exchange.audit where actor = 'dev|dev-viewer' order by seq desc limit 1`;
    expect(row).toMatchObject({
      action: 'export-report',
      object: '/staff/clocks',
      detail: { format: 'csv', dev: true },
    });
  });

  test('no page of a viewer names a member', async () => {
    const page = await text('dev-viewer', `/staff/pulls/${node.pullId}`);
    expect(page).not.toContain(node.memberId);
    expect(page).toMatch(/M-[0-9a-f]{10}/);
  });
});

describe('data stays data', () => {
  test('markup in records, names and events is shown as text', async () => {
    const reviewer = as('dev-reviewer');
    for (const line of [1, 2]) await giveReason(reviewer, `/staff/pulls/${HAND}/lines/0/${line}/0`);
    for (const path of [
      `/staff/pulls/${HAND}`,
      `/staff/pulls/${HAND}/lines/0/1/0`,
      `/staff/pulls/${HAND}/lines/0/2/0`,
    ]) {
      const page = await text('dev-reviewer', path);
      expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
      expect(page).not.toContain(SCRIPT);
    }
    const members = await text('dev-reviewer', `/staff/pulls/${HAND}/members`);
    expect(members).toContain('&quot;&gt;&lt;img src=x onerror=alert(1)&gt;');
    expect(members).not.toContain(EVIL);
  });

  test('query values are not taken into the page', async () => {
    const page = await text(
      'dev-reviewer',
      `/staff/pulls/${HAND}/lines?type=${encodeURIComponent(EVIL)}&outcome=${encodeURIComponent(SCRIPT)}&after=${encodeURIComponent(EVIL)}`,
    );
    expect(page).not.toContain('<img');
    expect(page).not.toContain(SCRIPT);
    expect(rowsOf(page, 'lines')).toHaveLength(3);
  });

  test('a formula is no formula in CSV', async () => {
    const csv = await text('dev-reviewer', `/staff/pulls/${HAND}/lines?format=csv`);
    expect(csv).toContain(",'=1+1,");
    expect(csv.endsWith('\r\n')).toBe(true);
  });
});

describe('one record', () => {
  test('shows what came beside ours, and why they differ', async () => {
    const { sql } = node.ours.deps.database;
    const [row] = await sql<{ file: number; line: number; localId: string; sourceId: string }[]>`
      select file, line, local_id as "localId", source_id as "sourceId" from exchange.ledger
      where pull_id = ${node.pullId} and type = 'Condition' and outcome = 'created' order by file, line limit 1`;
    const path = `/staff/pulls/${node.pullId}/lines/${row?.file}/${row?.line}/0`;
    expect(await text('dev-reviewer', path)).toMatch(/<a href="\/staff\/members\/[\w-]+"><code class="short">M-/);
    const json = JSON.parse(await text('dev-reviewer', `${path}?format=json`)) as {
      tables: Record<string, Record<string, string>[]>;
    };
    const texts = json.tables['texts'] ?? [];
    expect((JSON.parse(texts[0]?.['text'] ?? '') as { id: string }).id).toBe(row?.sourceId);
    expect((JSON.parse(texts[1]?.['text'] ?? '') as { id: string }).id).toBe(row?.localId);
    const why = Object.fromEntries((json.tables['differences'] ?? []).map((d) => [d['member'], d['why']]));
    expect(Object.keys(why)).toEqual(
      expect.arrayContaining(['id', 'meta.lastUpdated', 'meta.source', 'subject.reference']),
    );
    expect(Object.values(why)).not.toContain('The copies differ.');
    expect(json.tables['provenance']?.length).toBeGreaterThan(0);
  });

  test('a contradiction shows both values', async () => {
    const [at] = await node.ours.deps.database.sql<{ file: number; line: number }[]>`
      select file, line from exchange.finding where pull_id = ${node.pullId} and kind = 'value-mismatch' order by id limit 1`;
    const page = await text('dev-reviewer', `/staff/pulls/${node.pullId}/lines/${at?.file}/${at?.line}/0`);
    expect(page).toContain('Contradicts record');
    expect(rowsOf(page, 'linked-1').length).toBeGreaterThan(0);
    expect(rowsOf(page, 'links').map((r) => r[2])).toContain('conflict');
  });

  test('a link with a record of another type is reported on both sides, by its kind in the JSON too', async () => {
    const { sql } = node.ours.deps.database;
    const of = async (type: string) => {
      const [row] = await sql<{ file: number; line: number; localId: string; memberId: string }[]>`
        select file, line, local_id as "localId", member_id as "memberId" from exchange.ledger
        where pull_id = ${node.pullId} and type = ${type} and outcome = 'created' order by file, line limit 1`;
      if (row === undefined) throw new Error(`no ${type} came`);
      return row;
    };
    const claim = await of('ExplanationOfBenefit');
    const other = await of('Condition');
    await sql`
      insert into exchange.link (member_id, type, a_id, b_id, kind, score, state, rule, b_type)
      values (${claim.memberId}, 'ExplanationOfBenefit', ${claim.localId}, ${other.localId}, 'derived-from', 1, 'confirmed', 'fill', 'Condition')`;
    const linksOf = async (at: { file: number; line: number }) => {
      const json = await text('dev-reviewer', `/staff/pulls/${node.pullId}/lines/${at.file}/${at.line}/0?format=json`);
      const { tables } = JSON.parse(json) as { tables: Record<string, Record<string, string>[]> };
      const found = (tables['links'] ?? []).filter((l) => l['kind'] === 'derived-from');
      const linked = (tables['texts'] ?? []).filter((t) => JSON.stringify(t).includes('linked-record'));
      return [found.map((l) => [l['record'], l['state'], l['rule']]), linked.length > 0];
    };
    expect(claim.memberId).toBe(other.memberId);
    expect(await linksOf(claim)).toEqual([[[`Condition/${other.localId}`, 'confirmed', 'fill']], true]);
    expect(await linksOf(other)).toEqual([[[`ExplanationOfBenefit/${claim.localId}`, 'confirmed', 'fill']], true]);
  });
});

describe('requests of other payers', () => {
  test('show due time, decisions and what was held back, in words', async () => {
    const { deps, base } = node.prior;
    const account = developmentAccount(deps.config);
    const visitor = new Visitor(createStaff(deps, { development: account }), base);
    await visitor.signIn('dev-viewer', account?.password ?? '');
    const list = rowsOf(await (await visitor.get('/staff/requests')).text(), 'requests');
    expect(list.map((r) => [r[1], r[3]])).toEqual([
      ['Export history', '✔ Answered, and ended by the asker'],
      ['Find members', '✔ Answered, and ended by the asker'],
    ]);
    const jobs = await deps.database.sql<
      { id: string; kind: string; counts: Record<string, number> }[]
    >`select id, kind, counts from exchange.bulk_job`;
    const pageOf = async (kind: string) =>
      (await visitor.get(`/staff/requests/${jobs.find((j) => j.kind === kind)?.id}`)).text();
    const withheld = rowsOf(await pageOf('export'), 'withheld');
    const counts = Object.entries(jobs.find((j) => j.kind === 'export')?.counts ?? {}).filter(([k]) =>
      k.startsWith('withheld-'),
    );
    expect(withheld.slice(0, -1).map((r) => [`withheld-${r[0]}`, Number(r[1]?.replaceAll(',', ''))])).toEqual(counts);
    expect(withheld.slice(0, -1).every((r) => r[2] !== '' && !r[2]?.startsWith('Code “'))).toBe(true);
    const decided = rowsOf(await pageOf('match'), 'decisions').reduce((n, r) => n + Number(r[2]), 0);
    const [sum] = await deps.database.sql<{ n: number }[]>`select count(*)::int as n from exchange.match_member`;
    expect(decided).toBe(sum?.n);
  });

  test('each decision is reported in words to reviewers only, and that they looked is in the audit', async () => {
    const { deps, base } = node.prior;
    const account = developmentAccount(deps.config);
    const visitor = new Visitor(createStaff(deps, { development: account }), base);
    await visitor.signIn('dev-viewer', account?.password ?? '');
    const [job] = await deps.database.sql<{ id: string }[]>`select id from exchange.bulk_job where kind = 'match'`;
    const place = `/staff/requests/${job?.id}/members`;
    expect((await visitor.get(place)).status).toBe(403);
    await visitor.signIn('dev-reviewer', account?.password ?? '');
    const rows = rowsOf(await (await visitor.get(place)).text(), 'members');
    const stored = await deps.database.sql<{ rule: number | null; memberId: string | null }[]>`
      select rule, member_id as "memberId" from exchange.match_member order by position`;
    expect(rows.map((r) => r[1] ?? '')).toEqual(stored.map((s) => s.memberId ?? '–'));
    for (const [i, r] of rows.entries()) {
      const { rule } = stored[i] ?? { rule: null };
      if (rule === null) expect([r[5], r[6]]).toEqual(['–', '–']);
      else expect([r[4]?.includes(`(rule ${rule})`), Number(r[5])]).toEqual([true, MATCH_RULES[rule]?.quality]);
      if (r[2] === 'matched') expect(r[8]).toBe('its coverage with the asker');
    }
    const [looked] = await deps.database.sql<{ n: number }[]>`
      select count(*)::int as n from exchange.audit where action = 'view' and object = ${`match/${job?.id}`}`;
    expect(looked?.n).toBeGreaterThan(0);
    expect((await visitor.get('/staff/requests/none/members')).status).toBe(404);
  });
});

test('a program that asks for JSON is refused as JSON, and reported what it may be for; a browser gets the page', async () => {
  const path = `/staff/members/${node.memberId}?format=json&purpose=`;
  const program = await as('dev-reviewer').get(path);
  expect([program.status, program.headers.get('content-type')]).toEqual([400, 'application/json']);
  expect(await program.json()).toMatchObject({
    error: 'What is it for?',
    text: expect.stringContaining('Enter a purpose'),
    parameter: 'purpose',
    values: { audit: expect.any(String), member: expect.any(String) },
  });
  const unknown = await (await as('dev-reviewer').get('/staff/pulls/none?format=json')).json();
  expect(unknown).toEqual({ error: 'Not found', text: expect.any(String) });
  const browser = await as('dev-reviewer').get(path, { accept: 'text/html,*/*;q=0.8' });
  expect([browser.status, (await browser.text()).includes('name="purpose"')]).toEqual([400, true]);
});

test('a list that is narrowed by what is not in it is not found', async () => {
  for (const [wrong, right] of [
    ['given?how=zz', 'given?how=export-member'],
    ['answers?outcome=zz', 'answers?outcome=match'],
    ['lines?outcome=created+zz', 'lines?outcome=created+updated'],
  ]) {
    expect((await as('dev-reviewer').get(`/staff/compliance/rows/${wrong}`)).status, wrong).toBe(404);
    expect((await as('dev-reviewer').get(`/staff/compliance/rows/${right}`)).status, right).toBe(200);
  }
});

test('after signing in one is back where one was, whatever the query, and nowhere else', () => {
  const long = `/staff/members?name=${'x'.repeat(1500)}`;
  for (const path of [
    '/staff',
    '/staff?x=1',
    '/staff/pulls?show=a+b&began=2027-03-01/2027-03-31',
    "/staff/x?a=b//c..d'",
    long,
  ])
    expect(safeReturn(path), path).toBe(path);
  for (const path of [
    undefined,
    'https://evil.example/staff',
    '//evil.example',
    '/staffing',
    '/staff//evil.example',
    '/staff/../exchange',
    '/staff?x=1#y',
    '/staff?x=\r\nSet-Cookie: a=b',
    '/staff?x=<b>',
    `/staff?${'x'.repeat(3000)}`,
  ])
    expect(safeReturn(path), String(path)).toBe('/staff');
});

test('names and records leave as a file for a purpose, which is kept with who took them', async () => {
  const { sql } = node.ours.deps.database;
  const reviewer = as('dev-reviewer');
  const exports = async () =>
    (
      await sql<{ what: string }[]>`
      select concat_ws(' ', action, detail->>'format', detail->>'purpose') as what from exchange.audit
      where actor = 'dev|dev-reviewer' and (action = 'export-report' or (action = 'view' and member_id is not null)) order by seq desc limit 2`
    )
      .map((r) => r.what)
      .toReversed();
  const path = `/staff/pulls/${node.pullId}/members`;
  const before = await exports();
  for (const purpose of ['', 'curiosity', 'constructor']) {
    const asked = await reviewer.get(`${path}?outcome=matched&format=csv&purpose=${purpose}`);
    const page = await asked.text();
    expect(asked.status).toBe(400);
    // what was asked for is kept in the form
    expect(page).toContain('<input type="hidden" name="outcome" value="matched">');
    expect(page).toContain('<input type="hidden" name="format" value="csv">');
    expect(page.match(/name="purpose"/g)?.length).toBeGreaterThan(3);
  }
  for (const file of ['everything', 'record?format=json'])
    expect(
      (await reviewer.get(`/staff/members/${node.memberId}/${file}${file.includes('?') ? '&' : '?'}purpose=`)).status,
    ).toBe(400);
  expect(await exports()).toEqual(before);
  expect((await reviewer.get(`${path}?format=csv&purpose=payer`)).status).toBe(200);
  expect(await exports()).toEqual(['view csv payer', 'export-report csv payer']);
  // on the page no one asks
  expect((await reviewer.get(path)).status).toBe(200);
  // figures name no one
  expect((await reviewer.get('/staff/compliance?format=json&purpose=')).status).toBe(200);
  const looks = await (await reviewer.get(`/staff/members/${node.memberId}/looks`)).text();
  expect(looks).toContain('settling something with another payer');
});

describe('accepting a pull', () => {
  const accept = `/staff/pulls/${UNBALANCED}/accept`;
  const state = async () =>
    (await node.ours.deps.database.sql`select state, accepted_by from exchange.pull where id = ${UNBALANCED}`)[0];

  test('needs a reviewer, the form’s token and our own origin', async () => {
    const page = await text('dev-reviewer', `/staff/pulls/${UNBALANCED}`);
    const form = { csrf: fieldOf(page, 'csrf'), state: 'unbalanced', note: 'asked by telephone' };
    expect((await as('dev-reviewer').post(accept, form, {})).status).toBe(403);
    expect((await as('dev-reviewer').post(accept, form, { origin: 'https://evil.example' })).status).toBe(403);
    expect(
      (await as('dev-reviewer').post(accept, form, { origin: node.ours.base, 'sec-fetch-site': 'cross-site' })).status,
    ).toBe(403);
    expect((await as('dev-reviewer').post(accept, { ...form, csrf: 'x' })).status).toBe(403);
    expect((await as('dev-reviewer').post(accept, { ...form, note: ' ' })).status).toBe(400);
    const viewer = await text('dev-viewer', `/staff/pulls/${UNBALANCED}`);
    expect(viewer).not.toContain('Accept and go on');
    expect((await as('dev-viewer').post(accept, { ...form, csrf: fieldOf(viewer, 'csrf') })).status).toBe(403);
    expect(await state()).toEqual({ state: 'unbalanced', accepted_by: null });
  });

  test('sends the pull on, once, with name and reason', async () => {
    const page = await text('dev-reviewer', `/staff/pulls/${UNBALANCED}`);
    const form = { csrf: fieldOf(page, 'csrf'), state: 'unbalanced', note: 'asked by telephone' };
    expect((await as('dev-reviewer').post(accept, form)).status).toBe(303);
    expect(await state()).toEqual({ state: 'reconciling', accepted_by: 'dev|dev-reviewer' });
    expect((await as('dev-reviewer').post(accept, form)).status).toBe(409);
    expect(rowsOf(await text('dev-viewer', `/staff/pulls/${UNBALANCED}`), 'timeline').at(-1)?.[2]).toBe(
      'accepted by dev-reviewer: asked by telephone',
    );
    const audit = await node.ours.deps.database
      .sql`select outcome from exchange.audit where action = 'accept' and object = ${`pull/${UNBALANCED}`} order by seq`;
    expect(audit.map((a) => a['outcome'])).toEqual(['ok', 'refused']);
  });
});

test('a pull that waits for its payer is given up by a reviewer, with a reason', async () => {
  const { sql } = node.ours.deps.database;
  const now = node.ours.deps.clock();
  const [peer] = await sql`select id from exchange.peer limit 1`;
  await sql`insert into exchange.pull (id, peer_id, state, cause, created_at, due_at, next_at)
    values ('hangs', ${String(peer?.['id'])}, 'exporting', 'opt-in', ${now}, ${now}, ${new Date(now.getTime() + 3_600_000)})`;
  const page = await text('dev-reviewer', '/staff/pulls/hangs');
  const form = { csrf: fieldOf(page, 'csrf'), state: 'exporting', note: 'it lost the job' };
  const post = async (f: object = form, who: 'dev-reviewer' | 'dev-viewer' = 'dev-reviewer') =>
    (await as(who).post('/staff/pulls/hangs/give-up', { ...form, ...f })).status;
  const viewer = await text('dev-viewer', '/staff/pulls/hangs');
  expect(viewer).not.toContain('Give this pull up');
  expect(await post({ csrf: fieldOf(viewer, 'csrf') }, 'dev-viewer')).toBe(403);
  expect([await post({ note: ' ' }), await post({ state: 'done' }), await post({ state: 'matching' })]).toEqual([
    400, 400, 409,
  ]);
  expect([await post(), await post()]).toEqual([303, 409]);
  const after = await text('dev-reviewer', '/staff/pulls/hangs');
  expect(after).not.toContain('Give this pull up');
  expect(rowsOf(after, 'timeline').at(-1)?.[2]).toBe('given up by dev-reviewer: it lost the job');
  // one that waited for a person, until records were taken in
  await sql`update exchange.pull set state = 'review', reason = 'discovery-changed' where id = 'hangs'`;
  expect(await text('dev-reviewer', '/staff/pulls/hangs')).toContain('Once what it waits for is put right');
  const begun = sql.begin(async (tx) => {
    await tx`insert into exchange.pull_slice (pull_id, slice, first_bucket, last_bucket, units, state) values ('hangs', 0, 0, 0, 0, 'committed')`;
    throw new Error(`ended: ${await endPull(tx, 'hangs', 'review', 'Ann', 'no', now)}`);
  });
  await expect(begun).rejects.toThrow('ended: false');
  expect(await post({ state: 'review' })).toBe(303);
  await sql`delete from exchange.pull_event where pull_id = 'hangs'`;
  await sql`delete from exchange.pull where id = 'hangs'`;
});

test('a pull that its payer left incomplete, and whose members it is not asked about again, is taken as it is by a reviewer', async () => {
  const { sql } = node.ours.deps.database;
  const now = node.ours.deps.clock();
  const [coverage] = await sql<{ id: string; member: string; ends: Date | null; consent: string; peer: string }[]>`
    select m.other_coverage_id as id, m.member_id as member, o.ends, m.consent_id as consent, p.peer_id as peer
    from exchange.pull_member m join exchange.other_coverage o on o.id = m.other_coverage_id join exchange.pull p on p.id = m.pull_id limit 1`;
  if (!coverage) throw new Error('no one has another coverage');
  await sql`insert into exchange.pull (id, peer_id, state, cause, created_at, due_at, next_at, finished_at)
    values ('left', ${coverage.peer}, 'done', 'opt-in', ${now}, ${now}, ${now}, ${now})`;
  await sql`insert into exchange.pull_member (pull_id, submitted_id, member_id, other_coverage_id, consent_id, policy, outcome)
    values ('left', 's', ${coverage.member}, ${coverage.id}, ${coverage.consent}, 'regular', 'matched')`;
  await sql`insert into exchange.finding (pull_id, kind, amount) values ('left', 'peer-incomplete', 1)`;
  const page = async () => text('dev-reviewer', '/staff/pulls/left');
  await sql`update exchange.other_coverage set ends = null where id = ${coverage.id}`;
  expect(await page()).not.toContain('Accept this pull');
  await sql`update exchange.other_coverage set ends = '2020-01-01' where id = ${coverage.id}`;
  await keepAlerts(node.ours.deps);
  expect(await text('dev-viewer', '/staff')).toContain('href="/staff/pulls/left"');
  expect(await text('dev-viewer', '/staff/pulls/left')).not.toContain('Accept this pull');
  const form = { csrf: fieldOf(await page(), 'csrf'), state: 'done', note: 'asked by telephone' };
  const post = async (id: string) => (await as('dev-reviewer').post(`/staff/pulls/${id}/accept`, form)).status;
  expect([await post('left'), await post('left'), await post(HAND)]).toEqual([303, 409, 409]);
  expect(await page()).not.toContain('Accept this pull');
  expect(rowsOf(await page(), 'timeline').at(-1)?.[2]).toBe('accepted by dev-reviewer: asked by telephone');
  await keepAlerts(node.ours.deps);
  expect(await sql`select from exchange.alert where kind = 'pull-incomplete' and cleared_at is null`).toHaveLength(0);
  await sql`update exchange.other_coverage set ends = ${coverage.ends} where id = ${coverage.id}`;
  await sql`delete from exchange.finding where pull_id = 'left'`;
  await sql`delete from exchange.pull_event where pull_id = 'left'`;
  await sql`delete from exchange.pull_member where pull_id = 'left'`;
  await sql`delete from exchange.pull where id = 'left'`;
});

describe('sessions', () => {
  test('without one, pages lead to sign-in and files do not come', async () => {
    const stranger = new Visitor(node.app, node.ours.base);
    const answer = await stranger.get('/staff/pulls?state=done');
    expect([answer.status, answer.headers.get('location')]).toEqual([
      303,
      '/staff/sign-in?return_to=%2Fstaff%2Fpulls%3Fstate%3Ddone',
    ]);
    expect((await stranger.get('/staff/pulls?format=csv')).status).toBe(401);
  });

  test('a wrong password, a used form or a strange origin is refused and audited', async () => {
    const { sql } = node.ours.deps.database;
    const v = new Visitor(node.app, node.ours.base);
    expect((await v.signIn('dev-reviewer', 'wrong')).status).toBe(403);
    expect((await v.signIn('root', node.account.password)).status).toBe(403);
    const page = await (await v.get('/staff/sign-in')).text();
    const form = { state: fieldOf(page, 'state'), user: 'dev-viewer', password: node.account.password };
    expect((await v.post('/staff/sign-in', form, { origin: 'https://evil.example' })).status).toBe(403);
    expect((await v.post('/staff/sign-in', { ...form, state: 'x' })).status).toBe(403);
    expect((await v.post('/staff/sign-in', form)).status).toBe(403);
    expect(v.cookies.has('sid')).toBe(false);
    const refused =
      await sql`select reason from exchange.audit where action = 'sign-in' and outcome = 'refused' order by seq`;
    expect(refused.map((r) => r['reason'])).toEqual(['password', 'password', 'origin', 'state', 'state']);
  });

  test('after sign-in one goes on only to staff pages', async () => {
    for (const [asked, reached] of [
      ['/staff/clocks?show=late', '/staff/clocks?show=late'],
      ['https://evil.example/', '/staff'],
      ['//evil.example/staff', '/staff'],
      ['/staff/../exchange', '/staff'],
      ['/staffage', '/staff'],
    ] as const) {
      const answer = await new Visitor(node.app, node.ours.base).signIn('dev-viewer', node.account.password, asked);
      expect(answer.headers.get('location'), asked).toBe(reached);
      expect(answer.headers.getSetCookie().find((c) => c.startsWith('sid='))).toMatch(
        /^sid=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax$/,
      );
    }
  });

  test('the database knows no cookie; sign-out ends the session', async () => {
    const v = new Visitor(node.app, node.ours.base);
    await v.signIn('dev-viewer', node.account.password);
    const id = v.cookies.get('sid') ?? '';
    const kept = await node.ours.deps.database
      .sql`select encode(id_hash, 'escape') as h, csrf from exchange.staff_session`;
    expect(JSON.stringify(kept)).not.toContain(id);
    const page = await (await v.get('/staff')).text();
    expect((await v.post('/staff/sign-out', { csrf: 'x' })).status).toBe(403);
    expect((await v.post('/staff/sign-out', { csrf: fieldOf(page, 'csrf') })).status).toBe(303);
    v.cookies.set('sid', id);
    expect((await v.get('/staff')).status).toBe(303);
  });

  test('a session ends after 15 minutes without use and after 8 hours in all', async () => {
    const at = (minutes: number) => {
      ahead = minutes * 60_000;
    };
    at(0);
    const idle = new Visitor(node.app, node.ours.base);
    await idle.signIn('dev-viewer', node.account.password);
    at(14);
    expect((await idle.get('/staff')).status).toBe(200);
    at(30);
    expect((await idle.get('/staff')).status).toBe(303);
    const busy = new Visitor(node.app, node.ours.base);
    at(0);
    await busy.signIn('dev-viewer', node.account.password);
    for (let m = 10; m < 480; m += 10) {
      at(m);
      expect((await busy.get('/staff/nav-none')).status).toBe(404);
      expect((await busy.get('/staff/peers')).status, `${m} minutes`).toBe(200);
    }
    at(481);
    expect((await busy.get('/staff/peers')).status).toBe(303);
    at(0);
  });

  test('what was written into a form is there to be copied when the session has ended, or another one has begun', async () => {
    const minutes = (n: number) => {
      ahead = n * 60_000;
    };
    const note = 'The payer said on the telephone that <9> are right.';
    const path = `/staff/pulls/${UNBALANCED}`;
    minutes(0);
    const who = new Visitor(node.app, node.ours.base);
    await who.signIn('dev-reviewer', node.account.password);
    const csrf = fieldOf(await (await who.get(path)).text(), 'csrf');
    minutes(20);
    const ended = await who.post(`${path}/accept`, { csrf, state: 'unbalanced', note });
    const page = await ended.text();
    expect(ended.status).toBe(401);
    expect(page).toContain('on the telephone that &lt;9&gt; are right.');
    expect(page).toContain(`href="/staff/sign-in?return_to=${encodeURIComponent(path)}"`);
    expect(page).not.toContain(csrf);
    await who.signIn('dev-reviewer', node.account.password);
    const anew = await who.post(`${path}/accept`, { csrf, state: 'unbalanced', note });
    expect(anew.status).toBe(403);
    expect(await anew.text()).toMatch(/signed in again[\s\S]*on the telephone that/);
    // a form on a page of the same address leads back there
    const item = await who.post('/staff/conflicts/none', { csrf, reason: 'both may be right' });
    expect(await item.text()).toContain('href="/staff/conflicts/none"');
    // nothing of it goes to another site
    const foreign = await who.post(`${path}/accept`, { csrf, note }, { origin: 'https://evil.example' });
    expect(await foreign.text()).not.toContain('on the telephone');
    minutes(0);
  });
});

// last: it hides records
test('what is not shown of a payer is what the records of its members leave out, by the same reasons', async () => {
  const { sql } = node.ours.deps.database;
  const path = '/staff/peers/prior/not-shown?format=json';
  const viewer = new Visitor(node.app, node.ours.base);
  await viewer.signIn('dev-viewer', node.account.password);
  const told = async () => {
    type Rows = { tables: { 'not-shown': { reason: string; kind: string; records: number; members: number }[] } };
    const answer = await viewer.get(path);
    expect(answer.status).toBe(200);
    return ((await answer.json()) as Rows).tables['not-shown'];
  };
  const before = await told();
  expect(before.filter((r) => r.kind === 'taken in')).toEqual([]);
  const of = async (type: string, origin: string, member: string) =>
    (
      await sql<{ id: string }[]>`
        select id from exchange.resource where member_id = ${member} and type = ${type} and origin = ${origin} and not deleted order by id limit 1`
    )[0]?.id ?? '';
  const members = (
    await sql<{ id: string }[]>`
      select m.member_id as id from exchange.pull_member m where m.pull_id = ${node.pullId} and m.outcome = 'matched' order by 1`
  ).map((m) => m.id);
  const [no = '', doubted = '', decided = '', copied = ''] = members;
  await sql`insert into exchange.consent (id, member_id, choice, policy, recorded_on, source, created_at) values ('w', ${no}, 'withdraw', 'regular', '2030-01-01', 'test', now())`;
  await sql`insert into exchange.review_item (id, member_id, kind, weight, type, peer_id, rule, opened_at) values ('doubt', ${doubted}, 'identity-doubt', 3, 'Patient', 'prior', 'test', now())`;
  await sql`insert into exchange.review_item (id, member_id, kind, weight, type, peer_id, rule, opened_at, a_id, b_id, state, decision)
    values ('preferred', ${decided}, 'value-mismatch', 2, 'Condition', 'prior', 'test', now(), ${await of('Condition', 'own', decided)}, ${await of('Condition', 'prior', decided)}, 'decided', 'prefer-ours')`;
  await sql`update exchange.resource set withheld = 'outlived' where id = ${await of('Observation', 'prior', copied)} and type = 'Observation'`;
  const should: Record<string, number> = {};
  for (const member of members) {
    const merged = await foldedOf(node.ours.deps, member);
    if (merged === undefined) throw new Error('no such member');
    for (const [reason, n] of Object.entries(hiddenCounts(merged, await mergedCounts(sql, member))))
      if (n > 0) should[reason] = (should[reason] ?? 0) + n;
  }
  const taken = (await told()).filter((r) => r.kind === 'taken in');
  expect(Object.fromEntries(taken.map((r) => [r.reason, r.records]))).toEqual(should);
  expect(Object.keys(should).sort()).toEqual(['identity-doubt', 'outlived', 'preferred-away', 'withdrawn']);
  expect(taken.map((r) => r.members)).toEqual([1, 1, 1, 1]);
  expect([should['withdrawn'] ?? 0, should['identity-doubt'] ?? 0].every((n) => n > 20)).toBe(true);
});
