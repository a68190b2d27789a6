// Conflicts and quarantine on the staff pages: listed by weight, shown with both sides, decided, taken back, audited.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { decideAsked } from '../../../exchange/review/decide-all.ts';
import { decideBy, linksOf, openItem } from './conflict-visit.ts';
import { fieldOf, type StaffNode, startStaff, Visitor } from './support.ts';

let node: StaffNode;
let reviewer: Visitor;
let viewer: Visitor;
const sql = () => node.ours.deps.database.sql;

beforeAll(async () => {
  node = await startStaff();
  reviewer = new Visitor(node.app, node.ours.base);
  viewer = new Visitor(node.app, node.ours.base);
  await reviewer.signIn('dev-reviewer', node.account.password);
  await viewer.signIn('dev-viewer', node.account.password);
});
afterAll(() => node.close());

type Row = { kind: string; weight: number; member: string; detail: string };
const json = async (query = '') =>
  (await (await reviewer.get(`/staff/conflicts?format=json${query}`)).json()) as {
    tables: { items: Row[]; kinds: { kind: string; open: number; decided: number }[] };
  };
const itemOf = (kind: string) => openItem(node, kind);
const links = (id: string) => linksOf(node, id);
const decide = (id: string, decision: string, more?: Record<string, string>) => decideBy(reviewer, id, decision, more);

test('every conflict of the generated truth is listed, heaviest first', async () => {
  const { tables } = await json();
  const weights = tables.items.map((i) => i.weight);
  expect(weights).toEqual([...weights].sort((a, b) => b - a));
  const open = Object.fromEntries(tables.kinds.map((k) => [k.kind, k.open]));
  expect(open['value-mismatch']).toBeGreaterThan(0);
  expect(open['status-mismatch']).toBeGreaterThan(0);
  const only = await json('&kind=value-mismatch');
  expect(new Set(only.tables.items.map((i) => i.kind))).toEqual(new Set(['value-mismatch']));
});

test('a page shows both values, both origins and what may be decided; each look is recorded for the member', async () => {
  const id = await itemOf('value-mismatch');
  const looks = () =>
    sql()`select from exchange.audit where action = 'view' and object = ${`item/${id}`} and member_id is not null`;
  const before = (await looks()).length;
  const view = (await (await reviewer.get(`/staff/conflicts/${id}?format=json`)).json()) as {
    tables: {
      beside: { part: string; first: string; second: string; differs: string }[];
      provenance: { record: string }[];
    };
  };
  const value = view.tables.beside.find((b) => b.part === 'Value');
  expect(value?.differs).toBe('yes');
  expect(value?.first).not.toBe(value?.second);
  expect(view.tables.provenance.length).toBeGreaterThan(0);
  expect(await looks()).toHaveLength(before + 1);
  expect((await viewer.get(`/staff/conflicts/${id}`)).status).toBe(403);
  expect((await reviewer.get('/staff/conflicts/ffffffffffffffffffffffffffffffff')).status).toBe(404);
});

test('what is decided on stands before the texts, and leads to the next of its kind; the overview says how many wait', async () => {
  const { tables } = await json('&kind=value-mismatch');
  const id = await itemOf('value-mismatch');
  const next = async (of: string) => {
    const page = await (await reviewer.get(`/staff/conflicts/${of}`)).text();
    expect(page.indexOf('<h2>Decide</h2>')).toBeLessThan(page.indexOf('<pre'));
    return /href="\/staff\/conflicts\/([0-9a-f]{32})">Next to decide: /.exec(page)?.[1] ?? '';
  };
  // by it, all of the kind are seen once before the first one comes again
  const seen = [id];
  for (let of = await next(id); of !== id; of = await next(of)) seen.push(of);
  expect(new Set(seen).size).toBe(tables.items.length);
  const all = Number((await sql()`select count(*)::int as n from exchange.review_item where state = 'open'`)[0]?.['n']);
  for (const [who, isLed] of [
    [reviewer, true],
    [viewer, false],
  ] as const) {
    const page = await (await who.get('/staff')).text();
    expect([
      page.includes(`<strong>${all}</strong>`),
      page.includes('href="/staff/conflicts">Conflicts to decide'),
    ]).toEqual([true, isLed]);
  }
});

test('decided, taken back and decided otherwise: nothing is forgotten', async () => {
  const id = await itemOf('value-mismatch');
  const first = await decide(id, 'prefer-theirs');
  expect([first.status, first.headers.get('location')]).toEqual([303, `/staff/conflicts/${id}`]);
  expect((await sql()`select state, decision from exchange.review_item where id = ${id}`)[0]).toEqual({
    state: 'decided',
    decision: 'prefer-theirs',
  });
  expect((await decide(id, 'undo')).status).toBe(303);
  expect((await sql()`select state, decision from exchange.review_item where id = ${id}`)[0]).toEqual({
    state: 'open',
    decision: null,
  });
  expect((await decide(id, 'same-event')).status).toBe(303);
  expect(await links(id)).toEqual([
    { kind: 'conflict', state: 'proposed', rule: 'accession' },
    { kind: 'same-event', state: 'confirmed', rule: 'decision' },
  ]);
  expect((await decide(id, 'undo')).status).toBe(303);
  expect(await links(id)).toEqual([{ kind: 'conflict', state: 'proposed', rule: 'accession' }]);
  const history =
    await sql()`select decision, undoes is not null as undo from exchange.review_decision where item_id = ${id} order by id`;
  expect([...history]).toEqual([
    { decision: 'prefer-theirs', undo: false },
    { decision: 'prefer-theirs', undo: true },
    { decision: 'same-event', undo: false },
    { decision: 'same-event', undo: true },
  ]);
  expect(await sql()`select from exchange.audit where action = 'decide' and object = ${`item/${id}`}`).toHaveLength(4);
  await expect(sql()`delete from exchange.review_decision where item_id = ${id}`).rejects.toThrow('insert-only');
});

test('what is decided to be reported stands on the list for that payer, in its own ids, until it is taken back', async () => {
  const id = await itemOf('value-mismatch');
  const [item] = await sql()`select peer_id as peer, (select type || '/' || source_id from exchange.ledger l
    where l.pull_id = i.pull_id and l.file = i.file and l.line = i.line and l.entry = i.entry) as record from exchange.review_item i where id = ${id}`;
  const path = `/staff/peers/${String(item?.['peer'])}/to-tell?period=2020-01-01/2039-12-31`;
  const list = async () =>
    (await (await reviewer.get(`${path}&format=json`)).json()).tables as Record<string, Record<string, unknown>[]>;
  expect((await list())['records']).toEqual([]);
  expect((await decide(id, 'report-to-peer')).status).toBe(303);
  const told = await list();
  expect(told['records']).toMatchObject([{ record: item?.['record'], what: 'value-mismatch' }]);
  expect(told['records']?.[0]?.['sha256']).toMatch(/^[0-9a-f]{64}$/);
  expect(JSON.stringify(told)).not.toContain('memberId');
  expect(Array.isArray(told['faults'])).toBe(true);
  expect((await viewer.get(path)).status).toBe(403);
  expect((await reviewer.get(path.replace(String(item?.['peer']), 'nobody'))).status).toBe(404);
  expect((await decide(id, 'undo')).status).toBe(303);
  expect((await list())['records']).toEqual([]);
});

test('refused: without a reason, from a page of before, of a kind that does not allow it, without the token, by a viewer', async () => {
  const id = await itemOf('status-mismatch');
  const state = () => sql()`select state, decision from exchange.review_item where id = ${id}`;
  const before = [...(await state())];
  expect((await decide(id, 'keep-both', { reason: ' ' })).status).toBe(400);
  const other = await decide(id, 'keep-both', { mark: 'old' });
  expect([other.status, (await other.text()).includes(`href="/staff/conflicts/${id}"`)]).toEqual([409, true]);
  expect((await decide(id, 'release')).status).toBe(400);
  expect((await decide(id, 'explode')).status).toBe(400);
  expect((await decide(id, 'undo')).status).toBe(409);
  expect((await decide(id, 'keep-both', { csrf: 'x' })).status).toBe(403);
  const csrf = fieldOf(await (await viewer.get('/staff')).text(), 'csrf');
  expect(
    (await viewer.post(`/staff/conflicts/${id}`, { csrf, decision: 'keep-both', reason: 'because', mark: 'x' })).status,
  ).toBe(403);
  expect([...(await state())]).toEqual(before);
});

test('a claim that is held for another one leads to it: to its item, or to the line that brought it', async () => {
  const [line] = await sql()<{ pull: string; file: number; line: number; source: string; member: string }[]>`
    select l.pull_id as pull, l.file, l.line, l.source_id as source, l.member_id as member from exchange.ledger l join exchange.pull p on p.id = l.pull_id
    where p.peer_id = 'prior' and l.type = 'ExplanationOfBenefit' and l.outcome = 'created' order by l.file, l.line limit 1`;
  const held = (id: string) => `md5(concat_ws('|', 'held', 'prior', 'ExplanationOfBenefit', '${id}'))`;
  const detail = `claim held-2 of another member names 17; names 18, which is claim ${line?.source} of another member`;
  for (const [id, told] of [
    ['held-1', detail],
    ['held-2', 'names 17, which is claim held-1 of another member'],
  ])
    await sql().unsafe(
      `insert into exchange.review_item (id, member_id, kind, weight, type, b_type, b_hash, peer_id, pull_id, file, line, entry, rule, opened_at, detail)
       values (${held(id ?? '')}, $1, 'patient-change', 3, 'ExplanationOfBenefit', 'ExplanationOfBenefit', '\\x00', 'prior', $2, $3, $4, 0, 'inbound v1', now(), $5)`,
      [line?.member ?? '', line?.pull ?? '', line?.file ?? 0, line?.line ?? 0, told ?? ''],
    );
  const [ids] = await sql().unsafe<{ first: string; second: string }[]>(
    `select ${held('held-1')} as first, ${held('held-2')} as second`,
  );
  const ends = async (id: string | undefined) =>
    [
      ...(await (await reviewer.get(`/staff/conflicts/${id}`)).text()).matchAll(
        /<a href="([^"]+)"><span[^>]*>([^<]+)</g,
      ),
    ].map(([, href, text]) => `${text} ${href}`);
  expect(await ends(ids?.first)).toEqual(
    expect.arrayContaining([
      `held-2 /staff/conflicts/${ids?.second}`,
      `${line?.source} /staff/pulls/${line?.pull}/lines/${line?.file}/${line?.line}/0`,
    ]),
  );
  expect(await ends(ids?.second)).toContain(`held-1 /staff/conflicts/${ids?.first}`);
  // a decision that is not carried out says so, and what can be done
  const page = async () => (await reviewer.get(`/staff/conflicts/${ids?.first}`)).text();
  expect(await page()).not.toContain('Carried out');
  await sql()`insert into exchange.release_due (item_id, is_undo, subject, request_id, due_at) values (${ids?.first ?? ''}, false, 'a', 'r', now())`;
  expect(await page()).toContain('it goes on by itself');
  const { blobs } = node.ours.deps;
  const get = blobs.get.bind(blobs);
  blobs.get = async () => undefined;
  try {
    expect(await page()).toContain('The file that brought the record is gone.');
  } finally {
    blobs.get = get;
  }
  await sql()`delete from exchange.release_due`;
  await sql().unsafe(`delete from exchange.review_item where id in (${held('held-1')}, ${held('held-2')})`);
});

test('authorizations of ours that may have been denied are decided alike, those of a page', async () => {
  const first = await itemOf('value-mismatch');
  const ids = [1, 2].map((i) => `${'d'.repeat(31)}${i}`);
  for (const id of ids)
    await sql()`
      insert into exchange.review_item (id, member_id, kind, weight, type, b_type, b_id, b_hash, peer_id, rule, opened_at)
      select ${id}, member_id, 'own-unclear-pa', 2, type, b_type, b_id, b_hash, '', 'unclear', now() from exchange.review_item where id = ${first}`;
  const page = await (await reviewer.get('/staff/conflicts?kind=own-unclear-pa')).text();
  expect(page).toContain('Decide all 2 shown alike');
  expect(await (await reviewer.get('/staff/conflicts?kind=value-mismatch')).text()).not.toContain('shown alike');
  const shown = [...page.matchAll(/name="item" value="([^"]+)"/g)].map((m): [string, string] => ['item', m[1] ?? '']);
  const form: [string, string][] = [
    ['csrf', fieldOf(page, 'csrf')],
    ['kind', 'own-unclear-pa'],
    ['peer', ''],
    ['decision', 'dismiss'],
    ['reason', 'denied'],
  ];
  const sent = await reviewer.post('/staff/conflicts', [...form, ...shown]);
  expect([sent.status, sent.headers.get('location')]).toEqual([303, expect.stringContaining('said=2-0')]);
  expect((await reviewer.get(sent.headers.get('location') ?? '')).status).toBe(200);
  expect(
    await sql()`select from exchange.review_item where id = any(${ids}::text[]) and state = 'decided'`,
  ).toHaveLength(2);
});

test('all of one kind, payer and pull are decided alike, however many; what came or changed since stays open; two people do not both', async () => {
  const [, first] = [await json(), await itemOf('value-mismatch')];
  const [pull] = await sql()<{ id: string }[]>`select id from exchange.pull limit 1`;
  const pullId = pull?.id ?? '';
  const N = 120;
  const clone = (id: string, at: string) => sql()`
    insert into exchange.review_item (id, member_id, kind, weight, type, a_type, a_id, a_hash, b_type, b_id, b_hash, peer_id, pull_id, rule, opened_at)
    select ${id}, member_id, 'chain-anomaly', 1, type, a_type, a_id, a_hash, b_type, b_id, b_hash, 'prior', ${pullId}, rule, ${at} from exchange.review_item where id = ${first}`;
  const idOf = (i: number) => `${'e'.repeat(24)}${String(i).padStart(8, '0')}`;
  for (let i = 0; i < N; i++) await clone(idOf(i), '2026-01-01T00:00:00Z');
  const whole = await (await reviewer.get('/staff/conflicts')).text();
  expect(whole.indexOf('id="t-kinds"')).toBeGreaterThan(0);
  expect(whole.indexOf('id="t-kinds"')).toBeLessThan(whole.indexOf('id="t-items"'));
  const kind = await (await reviewer.get('/staff/conflicts?kind=chain-anomaly')).text();
  const href = `/staff/conflicts?kind=chain-anomaly&amp;peer=prior&amp;pull=${pullId}`;
  expect(kind).toContain(href);
  expect(kind).not.toContain(`Decide all ${N} of this pull`);
  const page = await (await reviewer.get(href.replaceAll('&amp;', '&'))).text();
  expect(page).toContain(`Decide all ${N} of this pull`);
  await clone(idOf(N), '2099-01-01T00:00:00Z');
  const form = {
    csrf: fieldOf(page, 'csrf'),
    kind: 'chain-anomaly',
    peer: 'prior',
    pull: pullId,
    n: fieldOf(page, 'n'),
    at: fieldOf(page, 'at'),
    decision: 'dismiss',
    reason: 'known there',
  };
  const send = async (by: Visitor, more: Record<string, string> = {}) =>
    (await by.post('/staff/conflicts/all', Object.entries({ ...form, ...more }))).status;
  expect(await send(viewer)).toBe(403);
  expect([await send(reviewer, { reason: ' ' }), await send(reviewer, { decision: 'release' })]).toEqual([400, 400]);
  expect([await send(reviewer, { n: '119' }), await send(reviewer, { at: 'x' })]).toEqual([409, 400]);
  expect((await Promise.all([send(reviewer), send(reviewer)])).sort()).toEqual([303, 409]);
  expect(await (await reviewer.get('/staff/conflicts')).text()).toContain('Being decided alike');
  await sql()`update exchange.review_item set reopened = 5 where id = ${idOf(3)}`;
  // a process that stops in between leaves the rest to the next one
  expect(await decideAsked(node.ours.deps, 0)).toBe(true);
  expect(await decideAsked(node.ours.deps)).toBe(false);
  const [all] =
    await sql()`select asked, decided, refused, finished_at is not null as "isDone" from exchange.bulk_decision`;
  expect(all).toEqual({ asked: N, decided: N - 1, refused: 1, isDone: true });
  const open =
    await sql()`select id from exchange.review_item where kind = 'chain-anomaly' and peer_id = 'prior' and pull_id = ${pullId} and state = 'open' order by id`;
  expect(open.map((r) => r['id'])).toEqual([idOf(3), idOf(N)]);
  const [audits] =
    await sql()`select count(*)::int as n from exchange.audit where action = 'decide' and reason = 'dismiss' and object like 'item/eeee%'`;
  expect(audits).toEqual({ n: N - 1 });
  expect(await sql()`select from exchange.bulk_decision_item`).toHaveLength(0);
});

test('those of one kind and one payer that are shown are decided alike, each by itself; one that changed since stays open', async () => {
  const at = '/staff/conflicts?kind=value-mismatch&peer=prior';
  const [, first] = [await json(), await itemOf('value-mismatch')];
  const clones = ['a', 'b', 'c'].map((c) => c.repeat(32));
  for (const id of clones)
    await sql()`
      insert into exchange.review_item (id, member_id, kind, weight, type, a_type, a_id, a_hash, b_type, b_id, b_hash, peer_id, rule, opened_at)
      select ${id}, member_id, kind, weight, type, a_type, a_id, a_hash, b_type, b_id, b_hash, 'prior', rule, opened_at from exchange.review_item where id = ${first}`;
  expect(await (await reviewer.get('/staff/conflicts?kind=value-mismatch')).text()).not.toContain('name="item"');
  const page = await (await reviewer.get(at)).text();
  const shown = [...page.matchAll(/name="item" value="([^"]+)"/g)]
    .map((m) => m[1] ?? '')
    .filter((i) => clones.includes(i.slice(0, 32)));
  expect(shown).toHaveLength(3);
  await sql()`update exchange.review_item set reopened = 5 where id = ${clones[2] ?? ''}`;
  const csrf = fieldOf(page, 'csrf');
  const send = (by: Visitor, more: Record<string, string>) =>
    by.post('/staff/conflicts', [
      ['csrf', csrf],
      ...shown.map((i): [string, string] => ['item', i]),
      ...Object.entries({
        kind: 'value-mismatch',
        peer: 'prior',
        decision: 'keep-both',
        reason: 'rounded there',
        ...more,
      }),
    ]);
  expect((await send(viewer, {})).status).toBe(403);
  expect((await send(reviewer, { reason: '' })).status).toBe(400);
  expect((await send(reviewer, { decision: 'undo' })).status).toBe(400);
  expect((await send(reviewer, {})).headers.get('location')).toBe(`${at}&said=2-1`);
  expect(await (await reviewer.get(`${at}&said=2-1`)).text()).toContain('2 decided, 1 not');
  expect(
    (
      await sql()`select state || ' ' || coalesce(decision, '') as s from exchange.review_item where id = any(${clones}) order by id`
    ).map((r) => r['s']),
  ).toEqual(['decided keep-both', 'decided keep-both', 'open ']);
  expect(await sql()`select from exchange.review_decision where reason = 'rounded there'`).toHaveLength(2);
  expect(
    await sql()`select from exchange.audit where action = 'decide' and object = any(${clones.map((c) => `item/${c}`)})`,
  ).toHaveLength(2);
});
