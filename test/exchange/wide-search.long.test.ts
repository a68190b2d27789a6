// What a payer of very many members can ask without naming one: each question has a bound, and what is asked for in earnest is found at once.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createExchange } from '../../exchange/app.ts';
import { grantedWindow, grantsHeld } from '../../exchange/responder/grant.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import { openDatabase } from '../../src/runtime/node.ts';
import { bornOf, copyMembers, copyOf } from '../support/many-granted.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { ExportClient } from './export-client.ts';
import { BULK_MATCH, client } from './peer-client.ts';
import { ASKER, card, enrol, idOf, PEOPLE, US } from './plan-fixture.ts';

/** 100,000 is a large payer */
const MEMBERS = Number(process.env['WIDE_MEMBERS'] ?? 6000);
const { rivera } = PEOPLE;
const me = idOf(rivera);
let node: TestNode;
let peer: ExportClient;
let token: string;

beforeAll(async () => {
  node = await startNode({ PLAN_NPI: US.npi, PLAN_NAME: US.name, MATCH_PER_MINUTE: '0' });
  await enrol(node.deps, Object.values(PEOPLE), [
    { resourceType: 'Organization', id: 'clinic', active: true, name: 'Harbor Clinic' },
    ...Array.from({ length: 4 }, (_, i) => ({
      resourceType: 'Encounter',
      id: `v${i}`,
      status: 'finished',
      class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB' },
      type: [{ text: 'visit' }],
      subject: { reference: `Patient/${me}` },
      period: { start: '2026-01-01', end: '2026-01-01' },
      serviceProvider: { reference: 'Organization/clinic' },
    })),
  ]);
  peer = new ExportClient(node, await client(node, 'a', { npi: ASKER.npi, scopes: [BULK_MATCH, 'system/*.rs'] }));
  token = await peer.signIn();
  await peer.group([card(rivera)]);
  await copyMembers(node.deps.database.sql, me, rivera.born, MEMBERS);
}, 300_000);
afterAll(() => node.close());

type Bundle = { total?: number; link: { relation: string; url: string }[]; entry?: { resource: Resource }[] };
const page = async (path: string): Promise<Bundle & { ms: number }> => {
  const begun = performance.now();
  const answer = await peer.call(path.startsWith('http') ? path : `/${path}`);
  expect([path, answer.status]).toEqual([path, 200]);
  return { ...(answer.json() as Bundle), ms: performance.now() - begun };
};
const ids = (b: Bundle) => (b.entry ?? []).map((e) => String(e.resource['id']));
const nextOf = (b: Bundle) => b.link.find((l) => l.relation === 'next')?.url;

/** All pages of a search, at most so many. */
async function pages(path: string, most = 100): Promise<string[][]> {
  const all: string[][] = [];
  for (let url: string | undefined = path; url !== undefined; ) {
    expect(all.length).toBeLessThan(most);
    const one: Bundle = await page(url);
    all.push(ids(one));
    url = nextOf(one);
  }
  return all;
}

describe('a search for people that names none', () => {
  test('by a birth date, with anything beside it, is one page', async () => {
    const born = bornOf(4711);
    const [who] = [copyOf(4711)];
    for (const query of [
      `birthdate=${born}`,
      `birthdate=eq${born}`,
      `birthdate=${born}&family=rivera`,
      `birthdate=${born},${bornOf(1)}&given=ana&_id=${who}`,
    ])
      expect([query, await pages(`Patient?${query}`)]).toEqual([query, [[who]]]);
    expect(await pages(`Patient?birthdate=${born}&family=nobody`)).toEqual([[]]);
    // the member itself, whose birth date no one else has
    expect(await pages(`Patient?birthdate=${rivera.born}`)).toEqual([[me]]);
  });

  test('by an identifier is one page, as the unique member id of the match is, with its system or without', async () => {
    const { sql } = node.deps.database;
    const [row] = await sql<{ umb: string }[]>`select umb from exchange.member where id = ${me}`;
    const stored = (await page(`Patient?_id=${me}`)).entry?.[0]?.resource['identifier'] as {
      system: string;
      value: string;
    }[];
    const umb = stored.find((i) => i.value === row?.umb);
    for (const query of [
      `${umb?.system}|${umb?.value}`,
      `${umb?.value}`,
      `${umb?.value},x`,
      `${umb?.system}|${umb?.value},https://x.example|y`,
    ])
      expect([query, await pages(`Patient?identifier=${encodeURIComponent(query)}`)]).toEqual([query, [[me]]]);
    await sql`update exchange.resource set body = jsonb_set(body::jsonb, '{identifier}', '[{"system":"https://x.example","value":"N-5"}]')::text where id = ${copyOf(5)}`;
    expect(await pages('Patient?identifier=https://x.example|N-5')).toEqual([[copyOf(5)]]);
    expect(await pages('Patient?identifier=https://y.example|N-5')).toEqual([[]]);
  });

  test('what no index knows is found in pages, each of which has looked at some, and an end', async () => {
    const last = copyOf(MEMBERS);
    const { sql } = node.deps.database;
    await sql`update exchange.resource set body = replace(body, '"Rivera"', '"Zebra"') where type = 'Patient' and id = ${last}`;
    for (const query of ['family=zebra', `birthdate=ge${bornOf(MEMBERS)}&family=zebra`]) {
      const all = await pages(`Patient?${query}`);
      expect([query, all.flat(), all.length]).toEqual([query, [last], Math.ceil((MEMBERS + 1) / 2000)]);
    }
    // nothing to compare with, and nothing found either
    expect(await pages('Patient?_lastUpdated=ge2200')).toEqual(
      Array.from({ length: Math.ceil((MEMBERS + 1) / 2000) }, () => []),
    );
  });

  test('everybody comes once, with what is about them', async () => {
    const all = await pages('Patient?_count=200');
    expect(new Set(all.flat()).size).toBe(MEMBERS + 1);
    expect(all.flat().length).toBe(MEMBERS + 1);
    const one = await page(`Patient?birthdate=${bornOf(17)}&_revinclude=Provenance:target`);
    expect((one.entry ?? []).map((e) => e.resource.resourceType)).toEqual(['Patient', 'Provenance']);
    expect(one.entry?.[1]?.resource['target']).toEqual([{ reference: `Patient/${copyOf(17)}` }]);
  });
});

test('of members who were matched again and again, in several batches and alone, a window has each once, under the narrowest consent', async () => {
  const { sql } = node.deps.database;
  const today = new Date().toISOString().slice(0, 10);
  const window = async () => (await grantedWindow(sql, 'a', today, copyOf(3), 4)).map((g) => [g.memberId, g.policy]);
  expect(await window()).toEqual([3, 4, 5, 6].map((n) => [copyOf(n), 'regular']));
  const [match] = await sql<{ job: string }[]>`select job_id as job from exchange.match_member where member_id = ${me}`;
  const job = match?.job ?? '';
  // more matches of one of them than a window has, and others in Groups of their own, one of which is over
  await sql.unsafe(`insert into exchange.match_single (id, peer_id, at, outcome, reason, member_id, consent_policy, consent_from, consent_to)
    select 's' || n, 'a', now(), 'match', 'matched', '${copyOf(4)}', 'sensitive', '2020-01-01', '2099-01-01' from generate_series(1, 9) n`);
  await sql`update exchange.match_member set consent_policy = 'sensitive' where member_id = ${copyOf(5)}`;
  await sql`insert into exchange.match_group (id, job_id, peer_id, code, created_at, resource, expires_on)
    values ('second', ${job}, 'a', 'match', now(), '', '2099-01-01'), ('over', ${job}, 'a', 'match', now(), '', '2020-01-01')`;
  await sql`update exchange.match_member set group_id = 'second' where member_id = ${copyOf(6)}`;
  await sql`update exchange.match_member set group_id = 'over', consent_from = '2019-01-01', consent_to = '2019-12-31' where member_id = ${copyOf(7)}`;
  expect(await window()).toEqual([
    [copyOf(3), 'regular'],
    [copyOf(4), 'regular'],
    [copyOf(5), 'sensitive'],
    [copyOf(6), 'regular'],
  ]);
  expect((await grantedWindow(sql, 'a', today, copyOf(7), 1)).map((g) => g.memberId)).toEqual([copyOf(8)]);
});

test('a statement that takes too long ends, and the payer is informed when to come again', async () => {
  const { url, sql } = node.deps.database as typeof node.deps.database & { url: string };
  const bounded = openDatabase(url, { max: 2, name: 'payer-node peers', statementTimeoutMs: 300 });
  const app = createExchange({ ...node.deps, database: bounded });
  const ask = async (path: string) =>
    app.fetch(new Request(`${node.base}/exchange/fhir/${path}`, { headers: { authorization: `Bearer ${token}` } }));
  try {
    expect((await ask('Patient?family=nobody')).status).toBe(200);
    for (const [held, path] of [
      ['match_member', 'Patient?family=nobody'],
      ['resource', `Encounter?patient=${me}`],
      ['resource', `Encounter/v0`],
      ['resource', `Patient/${me}/$everything`],
      ['match_member', 'Organization?name=x'],
    ] as const) {
      const answer = await sql.begin(async (tx) => {
        await tx.unsafe(`lock table exchange.${held} in access exclusive mode`);
        return ask(path);
      });
      const body = (await answer.json()) as { issue: { code: string }[] };
      expect([path, answer.status, answer.headers.get('retry-after'), body.issue[0]?.code]).toEqual([
        path,
        503,
        '5',
        'timeout',
      ]);
    }
    expect((await ask(`Encounter?patient=${me}`)).status).toBe(200);
  } finally {
    await bounded.close();
  }
});

test('one payer has two searches worked on that name no one, whatever it asks; others wait, and too many are reported to come again', async () => {
  const { url, sql } = node.deps.database as typeof node.deps.database & { url: string };
  const many = openDatabase(url, { max: 12 });
  // however slow the machine is, no one has waited too long
  const now = node.deps.clock();
  const app = createExchange({ ...node.deps, database: many, clock: () => now });
  const ask = async (path: string) =>
    app.fetch(new Request(`${node.base}/exchange/fhir/${path}`, { headers: { authorization: `Bearer ${token}` } }));
  try {
    const statuses = await sql.begin(async (tx) => {
      await tx`lock table exchange.match_member in access exclusive mode`;
      const wide = Array.from({ length: 20 }, (_, n) =>
        ask(n % 2 === 0 ? 'Patient?family=nobody' : 'Organization?name=x'),
      );
      // the two beyond those that may wait are refused, after a pause
      const refused = await Promise.any(
        wide.map(async (w) => ((await w).status === 200 ? Promise.reject() : (await w).status)),
      );
      const held = async () => {
        const [row] = await sql<{ n: number }[]>`
          select count(*)::int as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
        return row?.n ?? 0;
      };
      while ((await held()) < 2) await new Promise((r) => setTimeout(r, 10));
      return { refused, held: await held(), wide };
    });
    expect([statuses.refused, statuses.held]).toEqual([503, 2]);
    const all = (await Promise.all(statuses.wide)).map((w) => w.status);
    expect([all.filter((s) => s === 503).length, all.filter((s) => s === 200 || s === 400).length]).toEqual([2, 18]);
  } finally {
    await many.close();
  }
});

describe('files of an export of very many members', () => {
  let file: string;
  let job: string;
  beforeAll(async () => {
    const { sql } = node.deps.database;
    const { manifest, status } = await peer.finished(
      await peer.kick('Patient/$export', [{ name: 'patient', valueReference: { reference: `Patient/${me}` } }]),
    );
    file = manifest.output.find((f) => f.type === 'Patient')?.url ?? '';
    job = status.split('/').at(-1) ?? '';
    await sql`
      insert into exchange.delivered (peer_id, member_id, job_id, policy, consent_id, types, keys)
      select distinct on (m.member_id) 'a', m.member_id, ${job}, 'regular', 'x', '{}'::jsonb, '{}'::bigint[]
      from exchange.match_member m where m.member_id like 'many-%' and m.consent_to >= current_date`;
  });

  test('asked for many times at once the members are looked at again and again no more than one after the other, each time for those that wait', async () => {
    const { url, sql } = node.deps.database as typeof node.deps.database & { url: string };
    const many = openDatabase(url, { max: 12 });
    const app = createExchange({ ...node.deps, database: many });
    const ask = async () => app.fetch(new Request(file, { headers: { authorization: `Bearer ${token}` } }));
    try {
      const asked = await sql.begin(async (tx) => {
        await tx`lock table exchange.match_member in access exclusive mode`;
        const all = Array.from({ length: 30 }, ask);
        let waits = 0;
        // once one waits, others have had time to
        for (let i = 0, more = 10; i < 200 && more > 0; i++) {
          if (waits > 0) more--;
          await new Promise((r) => setTimeout(r, 50));
          const [held] = await sql<{ n: number }[]>`
            select count(*)::int as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
          waits = held?.n ?? 0;
        }
        return { all, waits };
      });
      expect(asked.waits).toBe(1);
      for (const answer of await Promise.all(asked.all)) {
        expect(answer.status).toBe(200);
        await answer.arrayBuffer();
      }
    } finally {
      await many.close();
    }
  });

  test('a look that takes too long is over for all who wait for it, not once more for each', async () => {
    const { url, sql } = node.deps.database as typeof node.deps.database & { url: string };
    const bounded = openDatabase(url, { max: 12, statementTimeoutMs: 300 });
    const unsafe = bounded.sql.unsafe.bind(bounded.sql) as (...args: unknown[]) => unknown;
    let looks = 0;
    const counted = new Proxy(bounded.sql, {
      get: (target, name) => {
        if (name !== 'unsafe') return Reflect.get(target, name) as unknown;
        return (...args: unknown[]) => {
          if (String(args[0]).includes('exchange.delivered')) looks++;
          return unsafe(...args);
        };
      },
    });
    const app = createExchange({ ...node.deps, database: { ...bounded, sql: counted } });
    const ask = async () => app.fetch(new Request(file, { headers: { authorization: `Bearer ${token}` } }));
    try {
      const answers = await sql.begin(async (tx) => {
        await tx`lock table exchange.match_member in access exclusive mode`;
        return Promise.all(Array.from({ length: 30 }, ask));
      });
      expect(answers.map((a) => [a.status, a.headers.get('retry-after')])).toEqual(answers.map(() => [503, '5']));
      // those that came while the first was on its way share the next ones
      expect(looks).toBeGreaterThan(0);
      expect(looks).toBeLessThan(10);
      expect((await ask()).status).toBe(200);
    } finally {
      await bounded.close();
    }
  });

  test('is looked at in one pass, also where the planner takes all of them for one', async () => {
    const { sql } = node.deps.database;
    const scope = { peerId: 'a', groupId: null };
    const today = new Date().toISOString().slice(0, 10);
    const ended = await sql.begin(async (tx) => {
      // what is left to a planner that expects one row: each with each, 400 million pairs of a full window
      await tx.unsafe(
        'set local enable_mergejoin = off; set local enable_hashjoin = off; set local statement_timeout = 5000',
      );
      return (await grantsHeld(tx, job, scope, today)).ended;
    });
    expect(ended).toBe(0);
  });

  test('one who has said no among them, in whichever window, ends it at once', async () => {
    const { sql } = node.deps.database;
    const scope = { peerId: 'a', groupId: null };
    const today = new Date().toISOString().slice(0, 10);
    // more of them than one statement looks at
    await sql`
      insert into exchange.delivered (peer_id, member_id, job_id, policy, consent_id, types, keys)
      select 'a', 'a-gone-' || lpad(n::text, 6, '0'), ${job}, 'regular', 'x', '{}'::jsonb, '{}'::bigint[] from generate_series(1, 25000) n`;
    expect((await grantsHeld(sql, job, scope, today)).ended).toBe(25_000);
    await sql`delete from exchange.delivered where job_id = ${job} and member_id like 'a-gone-%'`;
    expect((await grantsHeld(sql, job, scope, today)).ended).toBe(0);
    expect((await peer.call(file)).status).toBe(200);
    await sql`
      insert into exchange.consent (id, member_id, choice, policy, recorded_on, source, created_at)
      values ('no', ${copyOf(MEMBERS)}, 'withdraw', 'regular', current_date, 'test', now())`;
    expect((await grantsHeld(sql, job, scope, today)).ended).toBe(1);
    expect((await peer.call(file)).status).toBe(404);
  });
});
