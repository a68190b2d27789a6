// The merged record of a member on the staff pages: one entry a thing, nothing shown that must not be, and the same as FHIR.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { shownDay } from '../../../exchange/records/facts/shown-day.ts';
import { foldedOf } from '../../../exchange/records/view/folded.ts';
import { type Timeline, timeline } from '../../../exchange/records/view/timeline.ts';
import type { Resource } from '../../../src/fhir/resource.ts';
import { type StaffNode, startStaff, Visitor } from './support.ts';

let node: StaffNode;
let reviewer: Visitor;
let member: string;
const sql = () => node.ours.deps.database.sql;

beforeAll(async () => {
  node = await startStaff();
  reviewer = new Visitor(node.app, node.ours.base);
  await reviewer.signIn('dev-reviewer', node.account.password);
  const [row] = await sql()`select member_id as id from exchange.review_item where kind = 'value-mismatch' limit 1`;
  member = String(row?.['id']);
});
afterAll(() => node.close());

type Row = {
  day: string;
  kind: string;
  what: string;
  details: string;
  from: string;
  copies: number;
  line: string | null;
};
async function rows(): Promise<Row[]> {
  const out: Row[] = [];
  for (
    let url: string | undefined = `/staff/members/${member}/record?format=json&sensitive=show`;
    url !== undefined;
  ) {
    const page = (await (await reviewer.get(url)).json()) as { tables: Record<string, Row[]>; next?: string };
    out.push(...Object.entries(page.tables).flatMap(([name, entries]) => (name.startsWith('y-') ? entries : [])));
    url = page.next;
  }
  return out;
}
type Bundle = {
  type: string;
  entry: { fullUrl: string; resource: { resourceType: string; id: string; meta: { source?: string } } }[];
};
const everything = async () =>
  (await (await reviewer.get(`/staff/members/${member}/everything?sensitive=include`)).json()) as Bundle;
const keys = async () => (await everything()).entry.map((e) => `${e.resource.resourceType}/${e.resource.id}`);

test('what two plans tell is one entry with both sources; chains are their last version; contradictions are two', async () => {
  const all = await rows();
  const folded = all.filter((r) => r.copies > 1);
  expect(folded.some((r) => r.kind === 'Vaccination' && r.from.includes('ours') && r.from.includes(';'))).toBe(true);
  const [links] = await sql()`
    select count(*)::int as n from exchange.link where member_id = ${member} and state = 'confirmed' and kind in ('same-record', 'same-event') and type <> 'Patient'`;
  expect(folded.length).toBeGreaterThan(3);
  expect(links?.['n']).toBeGreaterThan(3);
  // every claim of the three-version chain is one entry that names the others
  const [chain] = await sql()<{ nodes: { number: string; ids: string[]; final: boolean }[] }[]>`
    select nodes from exchange.chain where member_id = ${member} and kind = 'claim' and state = 'final' and jsonb_array_length(nodes) = 3 limit 1`;
  const shown = await keys();
  const visible = (chain?.nodes ?? []).map((n) => [
    n.final,
    n.ids.some((id) => shown.includes(`ExplanationOfBenefit/${id}`)),
  ]);
  expect(visible).toEqual([
    [false, false],
    [false, false],
    [true, true],
  ]);
  const [conflict] =
    await sql()`select a_id as a, b_id as b from exchange.review_item where member_id = ${member} and kind = 'value-mismatch'`;
  for (const id of [conflict?.['a'], conflict?.['b']]) expect(shown).toContain(`Observation/${String(id)}`);
});

test('dates fall, every received entry leads to its raw line, and each look is recorded', async () => {
  const all = await rows();
  const days = all.map((r) => r.day ?? '');
  expect(days).toEqual([...days].sort().reverse());
  const received = all.filter((r) => r.from !== 'ours' && !r.from.startsWith('ours;'));
  expect(received.length).toBeGreaterThan(50);
  expect(received.filter((r) => r.line === null)).toEqual([]);
  expect(
    await sql()`select from exchange.audit where action = 'view' and member_id = ${member} and detail->>'page' = 'record-sensitive'`,
  ).not.toHaveLength(0);
});

test('as FHIR: references lead to what is in it, nothing hidden is, and preferring takes one copy away', async () => {
  const bundle = await everything();
  expect(bundle.type).toBe('collection');
  const inside = new Set(bundle.entry.map((e) => `${e.resource.resourceType}/${e.resource.id}`));
  expect(inside.size).toBe(bundle.entry.length);
  expect([...inside].filter((k) => k.startsWith('Patient/'))).toEqual([`Patient/${member}`]);
  const clinical = bundle.entry.filter((e) => e.resource.resourceType !== 'Provenance');
  const named = new Set(
    clinical.flatMap((e) =>
      [...JSON.stringify(e.resource).matchAll(/"reference":"([A-Z]\w+\/[^"]+)"/g)].map((m) => m[1] ?? ''),
    ),
  );
  const held = new Set(
    (await sql()`select type || '/' || id as k from exchange.resource where member_id = ${member} and not deleted`).map(
      (r) => String(r['k']),
    ),
  );
  expect([...named].filter((k) => held.has(k) && !inside.has(k))).toEqual([]);

  const [item] =
    await sql()`select id, a_id as a, b_id as b from exchange.review_item where member_id = ${member} and kind = 'value-mismatch'`;
  const [ours] =
    await sql()`select id from exchange.resource where member_id = ${member} and type = 'Observation' and origin = 'own' and id in (${String(item?.['a'])}, ${String(item?.['b'])})`;
  await sql()`update exchange.review_item set state = 'decided', decision = 'prefer-theirs' where id = ${String(item?.['id'])}`;
  expect(await keys()).not.toContain(`Observation/${String(ours?.['id'])}`);
  await sql()`update exchange.review_item set state = 'open', decision = null where id = ${String(item?.['id'])}`;
  expect(await keys()).toContain(`Observation/${String(ours?.['id'])}`);
});

test('in pages: the same records, each once, with the directory entries that they name beside them', async () => {
  const whole = await everything();
  const isDirectory = (type: string) =>
    ['Organization', 'Practitioner', 'PractitionerRole', 'Location', 'Medication', 'HealthcareService'].includes(type);
  const keyOf = (e: Bundle['entry'][number]) => `${e.resource.resourceType}/${e.resource.id}`;
  type Page = Omit<Bundle, 'entry'> & {
    entry: (Bundle['entry'][number] & { search?: { mode: string } })[];
    link: { relation: string; url: string }[];
  };
  const matches: string[] = [];
  const included = new Set<string>();
  let pages = 0;
  for (
    let url: string | undefined = `/staff/members/${member}/everything?sensitive=include&_count=40`;
    url !== undefined;
    pages++
  ) {
    const answer = await reviewer.get(url.replace(node.ours.base, ''));
    const page = (await answer.json()) as Page;
    expect([answer.status, page.type]).toEqual([200, 'searchset']);
    const here = page.entry.filter((e) => e.search?.mode === 'match');
    for (const e of page.entry) if (e.search?.mode === 'include') included.add(keyOf(e));
    matches.push(...here.map(keyOf));
    url = page.link.find((l) => l.relation === 'next')?.url;
    expect(here.length).toBe(url === undefined ? here.length : 40);
  }
  const [records, directory] = [
    whole.entry.filter((e) => !isDirectory(e.resource.resourceType)),
    whole.entry.filter((e) => isDirectory(e.resource.resourceType)),
  ];
  expect(matches).toEqual(records.map(keyOf));
  expect([...included].sort()).toEqual(directory.map(keyOf).sort());
  expect(pages).toBe(Math.ceil(records.length / 40));
  for (const query of ['_count=0', '_count=x', '_count=5000', '_page=nowhere'])
    expect((await reviewer.get(`/staff/members/${member}/everything?${query}`)).status).toBe(400);
});

test('a doubt about the person, and a choice taken back, hide what others sent and nothing of ours', async () => {
  const received = async () =>
    (await everything()).entry.filter(
      (e) =>
        e.resource.meta.source?.startsWith('http://127') === true &&
        !['Organization', 'Practitioner', 'Location'].includes(e.resource.resourceType),
    ).length;
  const before = await received();
  expect(before).toBeGreaterThan(50);
  const [peer] =
    await sql()`select peer_id as p, pull_id as u from exchange.review_item where member_id = ${member} limit 1`;
  await sql()`insert into exchange.review_item (id, member_id, kind, weight, type, peer_id, pull_id, rule, opened_at) values (${'a'.repeat(32)}, ${member}, 'identity-doubt', 3, 'Patient', ${String(peer?.['p'])}, ${String(peer?.['u'])}, 'test', now())`;
  expect(await received()).toBe(0);
  await sql()`update exchange.review_item set state = 'decided', decision = 'dismiss' where id = ${'a'.repeat(32)}`;
  expect(await received()).toBe(before);
  expect((await reviewer.get('/staff/members/nobody/record')).status).toBe(404);
  expect((await reviewer.get('/staff/members/nobody/everything')).status).toBe(404);
});

test('sensitive records are shown only when they are asked for, and that is recorded', async () => {
  const [row] =
    await sql()`select member_id as id, type || '/' || id as key from exchange.resource where label > 0 and not deleted and type <> 'Provenance' limit 1`;
  const id = String(row?.['id']);
  expect(row).toBeDefined();
  const bundle = async (query: string) =>
    JSON.stringify(await (await reviewer.get(`/staff/members/${id}/everything${query}`)).json());
  const key = String(row?.['key']).slice(String(row?.['key']).indexOf('/') + 1);
  expect(await bundle('')).not.toContain(`"id":"${key}"`);
  expect(
    await sql()`select from exchange.audit where member_id = ${id} and detail->>'page' = 'everything-sensitive'`,
  ).toHaveLength(0);
  expect(await bundle('?sensitive=include')).toContain(`"id":"${key}"`);
  expect(
    await sql()`select from exchange.audit where member_id = ${id} and detail->>'page' = 'everything-sensitive'`,
  ).toHaveLength(1);
});

/** Visible records of the member that no other one stands for, whatever their day, in the order of the timeline. */
async function shownRecords(): Promise<{ key: string; day: string }[]> {
  const merged = await foldedOf(node.ours.deps, member);
  const rows = await sql()<{ type: string; id: string; origin: string; body: string }[]>`
    select type, id, origin, body from exchange.resource
    where member_id = ${member} and not deleted and type not in ('Patient', 'Provenance')`;
  return rows
    .filter((r) => merged?.standsFor(r) !== undefined)
    .map((r) => ({ key: `${r.type}/${r.id}`, day: shownDay(JSON.parse(r.body) as Resource) }))
    .sort((a, b) => (a.day === b.day ? (a.key < b.key ? -1 : 1) : a.day < b.day ? 1 : -1));
}

/** All pages, with something done between each two. */
async function pages(count: number, between: (n: number) => Promise<unknown> = async () => {}): Promise<Timeline[]> {
  const out: Timeline[] = [];
  for (let after: Timeline['next']; ; ) {
    const page = await timeline(node.ours.deps, member, { withSensitive: true, kind: undefined, after, count });
    if (!page) throw new Error('there is such a member');
    out.push(page);
    after = page.next;
    if (after === undefined) return out;
    await between(out.length);
  }
}

test('each record is written with the day that it is about', async () => {
  const rows = await sql()<{ day: string | null; body: string }[]>`
    select day, body from exchange.resource where type <> 'Provenance' and not deleted`;
  expect(rows.length).toBeGreaterThan(500);
  expect(rows.filter((r) => r.day !== shownDay(JSON.parse(r.body) as Resource))).toEqual([]);
});

test('in pages of any size every record is there once and in order, and the numbers are those of all pages', async () => {
  const shown = await shownRecords();
  expect(new Set(shown.map((r) => r.day)).size).toBeLessThan(shown.length);
  for (const count of [7, 1000]) {
    const read = await pages(count);
    expect(read.flatMap((t) => t.entries.map((e) => e.key))).toEqual(shown.map((r) => r.key));
    expect(new Set(read.map((t) => t.total))).toEqual(new Set([shown.length]));
  }
});

test('writes between pages: what stays is there once, what comes late or goes is no hole', async () => {
  const before = (await shownRecords()).map((r) => r.key);
  const own = (
    await sql()<{ key: string }[]>`
    select type || '/' || id as key from exchange.resource where member_id = ${member} and origin = 'own' and type = 'Observation' and not deleted`
  )
    .map((r) => r.key)
    .filter((k) => before.includes(k));
  const change = async (n: number) => {
    const [key = ''] = own.splice(n % own.length, 1);
    const id = key.slice(key.indexOf('/') + 1);
    // one is corrected, one is taken back, one more comes for a day that was read already
    if (n % 3 === 0)
      await sql()`update exchange.resource set version = version + 1, body = body || ' ' where member_id = ${member} and id = ${id}`;
    else if (n % 3 === 1)
      await sql()`update exchange.resource set deleted = true where member_id = ${member} and id = ${id}`;
    else
      await sql()`
        insert into exchange.resource (member_id, type, id, version, origin, last_updated, hash, label, day, body)
        select member_id, type, 'late-' || id, 1, origin, last_updated, hash, label, '2999', body from exchange.resource where member_id = ${member} and id = ${id}`;
    return n % 3 === 1 ? key : undefined;
  };
  const gone = new Set<string>();
  const read = (
    await pages(9, async (n) => {
      const key = own.length > 0 ? await change(n) : undefined;
      if (key !== undefined) gone.add(key);
    })
  ).flatMap((t) => t.entries.map((e) => e.key));
  try {
    expect(gone.size).toBeGreaterThan(2);
    expect(new Set(read).size).toBe(read.length);
    expect(before.filter((k) => !gone.has(k) && !read.includes(k))).toEqual([]);
    expect(read.filter((k) => !before.includes(k))).toEqual([]);
  } finally {
    await sql()`delete from exchange.resource where member_id = ${member} and id like 'late-%'`;
    await sql()`update exchange.resource set deleted = false where member_id = ${member} and type || '/' || id = any(${[...gone]}::text[])`;
  }
});

test('records that an older program wrote have no day until someone looks, and stand in their place', async () => {
  const before = (await pages(50)).flatMap((t) => t.entries);
  await sql()`update exchange.resource set day = null where member_id = ${member} and type in ('Observation', 'ExplanationOfBenefit')`;
  expect((await pages(50)).flatMap((t) => t.entries)).toEqual(before);
  expect(
    await sql()`select from exchange.resource where member_id = ${member} and not deleted and day is null and type not in ('Patient', 'Provenance')`,
  ).toEqual([]);
});

test('the page leads to the next one by the place where it ends', async () => {
  await sql()`
    insert into exchange.resource (member_id, type, id, version, origin, last_updated, hash, label, day, body)
    select member_id, type, 'more-' || n, 1, origin, last_updated, hash, 0, day, body
    from (select * from exchange.resource where member_id = ${member} and origin = 'own' and type = 'Goal' and not deleted limit 1) r, generate_series(1, 250) n`;
  try {
    const all = await rows();
    const shown = await shownRecords();
    expect(all).toHaveLength(shown.length);
    expect(all.map((r) => r.day ?? '')).toEqual(shown.map((r) => r.day));
    const goals = `/staff/members/${member}/record?format=json&kind=Goal&sensitive=show`;
    const first = (await (await reviewer.get(goals)).json()) as { next?: string };
    expect(first.next).toMatch(/[?&]after=\d{4}[\d-]*(?:~|%7E)Goal(?:\/|%2F)more-\d+/);
    // from a year back, on the first page and on those that follow
    const back = async (until: string) => {
      const page = (await (
        await reviewer.get(`/staff/members/${member}/record?format=json&sensitive=show&until=${until}`)
      ).json()) as {
        tables: Record<string, Row[]>;
      };
      return Object.values(page.tables)
        .flat()
        .map((r) => r.day);
    };
    const days = shown.map((r) => r.day).filter((d) => d !== '');
    for (const until of [days[60]?.slice(0, 4) ?? '', days[80]?.slice(0, 7) ?? '', days[80] ?? '']) {
      const found = await back(until);
      expect(found.slice(0, 50)).toEqual(days.filter((d) => d.slice(0, until.length) <= until).slice(0, 50));
    }
    const form = await (await reviewer.get(`/staff/members/${member}/record?sensitive=show&until=2019`)).text();
    expect(form).toContain('name="sensitive" value="show"');
    expect(form).toContain('name="until" value="2019"');
    // an address that says no place begins at the beginning
    const begin = async (query: string) => (await (await reviewer.get(`${goals}${query}`)).json()) as unknown;
    expect(await begin('&after=x')).toMatchObject({ tables: ((await begin('')) as { tables: object }).tables });
  } finally {
    await sql()`delete from exchange.resource where member_id = ${member} and id like 'more-%'`;
  }
});
