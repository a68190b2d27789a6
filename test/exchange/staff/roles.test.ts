// Who may open what, of every route at the desk: the table of routes is walked, so that a new one has to be placed here too.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { HAND, type StaffNode, startStaff, Visitor } from './support.ts';

/** Figures, states and clocks: for everybody who is signed in. */
const FIGURES = [
  '/staff',
  '/staff/clocks',
  '/staff/clocks/:id',
  '/staff/clocks/concurrent',
  '/staff/clocks/due.ics',
  '/staff/compliance',
  '/staff/compliance/changes',
  '/staff/compliance/rows/answers',
  '/staff/compliance/rows/asked',
  '/staff/compliance/rows/choices',
  '/staff/compliance/rows/given',
  '/staff/compliance/rows/lines',
  '/staff/cases',
  '/staff/documents',
  '/staff/events',
  '/staff/emergency',
  '/staff/federation',
  '/staff/matches',
  '/staff/peers',
  '/staff/peers/:id',
  '/staff/peers/:id/not-shown',
  '/staff/peers/:id/statement',
  '/staff/pulls',
  '/staff/pulls/:id',
  '/staff/questions',
  '/staff/reports',
  '/staff/reports/:number',
  '/staff/reports/:number/changes',
  '/staff/requests',
  '/staff/requests/:id',
  '/staff/restores',
  '/staff/retention',
  '/staff/texts/:sha256',
  '/staff/trail',
];
/** The registry of payers, legal holds, and who is signed in: for administrators. What else there is names members, and is for reviewers. */
const REGISTRY = /^\/staff\/((peers|sessions|alerts)(\/(?!:id\/to-tell$)|$)|retention\/|restores\/|emergency\/)/;
/** For all but viewers. */
const SIGNED = [
  'POST /staff/events/reviewed',
  'POST /staff/reports',
  'POST /staff/cases',
  'GET /staff/reasons',
  'GET /staff/cases/:number',
  'POST /staff/cases/:number',
];
/** Before there is a session, and its end. */
const OPEN = /^\/staff\/(sign-in|sign-out|callback|logout|back-channel-logout|style\.css|oidc)/;

let node: StaffNode;
let routes: { method: string; path: string }[];
const people = new Map<string, Visitor>();
beforeAll(async () => {
  node = await startStaff();
  const all = node.app.routes.filter((r) => r.path.startsWith('/staff') && !r.path.includes('*') && r.method !== 'ALL');
  routes = [...new Map(all.map((r) => [`${r.method} ${r.path}`, { method: r.method, path: r.path }])).values()].filter(
    (r) => !OPEN.test(r.path),
  );
  for (const user of ['dev-viewer', 'dev-reviewer', 'dev-admin']) {
    const visitor = new Visitor(node.app, node.ours.base);
    await visitor.signIn(user, node.account.password);
    people.set(user, visitor);
  }
});
afterAll(() => node?.close());

const refusals = async (actor: string): Promise<number> => {
  const rows = await node.ours.deps.database.sql`
    select from exchange.audit where actor = ${`dev|${actor}`} and outcome = 'refused' and reason = 'role'`;
  return rows.length;
};
const open = async (user: string, { method, path }: { method: string; path: string }): Promise<number> => {
  const place = path.replace(/:[a-z0-9]+/gi, 'x');
  const visitor = people.get(user);
  const answer = method === 'GET' ? await visitor?.get(place) : await visitor?.post(place, {});
  await answer?.body?.cancel();
  return answer?.status ?? 0;
};

test.each(['dev-viewer', 'dev-reviewer', 'dev-admin'])(
  '%s opens the pages of that role and no other, and each refusal is a row of the audit trail',
  async (user) => {
    expect(routes.length).toBeGreaterThan(50);
    const [shut, wrong]: [string[], string[]] = [[], []];
    const before = await refusals(user);
    for (const r of routes) {
      const isFigures = r.method === 'GET' && FIGURES.includes(r.path);
      const isRegistry = !isFigures && REGISTRY.test(r.path);
      const isSigned = SIGNED.includes(`${r.method} ${r.path}`) && user !== 'dev-viewer';
      const isOpen = isFigures || isSigned || (isRegistry ? user === 'dev-admin' : user === 'dev-reviewer');
      const rows = await refusals(user);
      const status = await open(user, r);
      const isRefused = (await refusals(user)) > rows;
      if (isRefused) shut.push(r.path);
      if (isRefused === isOpen || (isRefused && status !== 403)) wrong.push(`${r.method} ${r.path} ${status}`);
    }
    expect(wrong).toEqual([]);
    expect((await refusals(user)) - before).toBe(shut.length);
  },
);

test('who may not see members has keys alone in the lists behind figures, and each look is recorded (C21)', async () => {
  const { sql } = node.ours.deps.database;
  const path = '/staff/compliance/rows/asked?period=2020-01-01/2030-12-31';
  const page = async (user: string) => (await people.get(user)?.get(path))?.text() ?? '';
  const [viewer, reviewer] = [await page('dev-viewer'), await page('dev-reviewer')];
  const keys = (of: string) => [...of.matchAll(/M-[0-9a-f]{10}/g)].length;
  expect([keys(viewer) > 0, keys(viewer)]).toEqual([true, keys(reviewer)]);
  expect([viewer.includes('href="/staff/members/'), reviewer.includes('href="/staff/members/')]).toEqual([false, true]);
  const looks =
    await sql`select actor from exchange.audit where action = 'view' and detail::text like '%compliance-asked%' order by seq`;
  expect(looks.slice(-2).map((l) => l['actor'])).toEqual(
    ['dev|dev-viewer', 'dev|dev-reviewer'].map((w) => expect.stringContaining(w)),
  );
});

test('who may not see members is led to no page of them; a list of a payer or a line of business that is none is not there', async () => {
  const hrefs = async (user: string, path: string) =>
    [...((await (await people.get(user)?.get(path))?.text()) ?? '').matchAll(/href="(\/staff\/[^"?#]*)/g)].map(
      (m) => m[1] ?? '',
    );
  const ofMembers = async (user: string, path: string) =>
    new Set((await hrefs(user, path)).filter((h) => /^\/staff\/(members|disclosures)/.test(h))).size;
  for (const path of ['/staff/questions', '/staff/requests'])
    expect([path, await ofMembers('dev-viewer', path), (await ofMembers('dev-reviewer', path)) > 1]).toEqual([
      path,
      0,
      true,
    ]);
  const rows = '/staff/compliance/rows/asked?period=2027-Q1';
  const status = async (more: string) => (await people.get('dev-viewer')?.get(rows + more))?.status;
  expect([
    await status(''),
    await status('&peer=nobody'),
    await status('&lob=none'),
    await status('&peer=&lob='),
  ]).toEqual([200, 404, 404, 200]);
});

test('no one is led to a page that their role does not open', async () => {
  for (const user of ['dev-viewer', 'dev-admin', 'dev-reviewer']) {
    const visitor = people.get(user);
    const hrefs = new Set<string>();
    for (const path of [
      '/staff',
      '/staff/compliance?period=2026',
      `/staff/pulls/${node.pullId}`,
      `/staff/pulls/${HAND}`,
      '/staff/pulls',
      '/staff/clocks?show=all',
      '/staff/requests',
      '/staff/matches',
      '/staff/peers/prior',
      '/staff/peers/prior/statement?period=2026',
      '/staff/events',
      '/staff/questions',
      '/staff/restores',
      '/staff/retention',
    ]) {
      const page = (await (await visitor?.get(path))?.text()) ?? '';
      for (const [, href = ''] of page.matchAll(/href="(\/staff\/[^"#]*)/g))
        if (!href.includes('format=')) hrefs.add(href.replaceAll('&amp;', '&'));
    }
    // one of each kind of page is enough
    const kinds = new Map([...hrefs].map((h) => [h.replace(/[0-9a-f-]{10,}|\d+/g, 'x').replace(/=[^&]*/g, '='), h]));
    expect(kinds.size).toBeGreaterThan(15);
    const shut: string[] = [];
    for (const href of kinds.values()) {
      const answer = await visitor?.get(href);
      await answer?.body?.cancel();
      if (answer?.status === 403) shut.push(href);
    }
    expect([user, shut]).toEqual([user, []]);
  }
});

test('of what was refused to a person of ours the list of events says whom', async () => {
  await people.get('dev-viewer')?.get('/staff/members');
  const page = await (await people.get('dev-admin')?.get('/staff/events?reason=role'))?.text();
  expect(page).toContain('dev|dev-viewer');
});
