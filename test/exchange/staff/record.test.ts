// The merged record of a member on the staff pages: one entry a thing, nothing shown that must not be, and the same as FHIR.
import { afterAll, beforeAll, expect, test } from 'vitest';
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
