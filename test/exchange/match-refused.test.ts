// A match that a payer refuses: whether it has no such operation or does not take one of the members, one by one and in batches.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { checkPeer } from '../../exchange/peers/check.ts';
import { findPeer } from '../../exchange/peers/peer.ts';
import { relearnPeer } from '../../exchange/peers/relearn.ts';
import { planPulls } from '../../exchange/requester/plan.ts';
import {
  groupOf,
  type Handler,
  json,
  type Script,
  type ScriptedPeer,
  scriptedPeer,
  sends,
  status,
} from '../support/scripted-peer.ts';
import { idOf } from './plan-fixture.ts';

const people = ['A', 'B', 'C', 'D', 'E'].map((x, i) => ({
  number: `N${i}`,
  family: `Family${x}`,
  given: 'Kim',
  born: `1970-01-0${i + 1}`,
  prior: 'Scripted Plan',
}));
type Who = (typeof people)[number];
let crowd: ScriptedPeer;
beforeAll(async () => {
  crowd = await scriptedPeer(people);
});
beforeEach(async () => {
  await crowd.record({});
  // what was learned of pulls before is forgotten
  await crowd.node.deps.database.sql`update exchange.pull set created_at = created_at - interval '100 days'`;
});
afterAll(() => crowd.close());

const outcome = (code?: string) => ({
  resourceType: 'OperationOutcome',
  issue: [{ severity: 'error', ...(code === undefined ? {} : { code }) }],
});
const asked = (body: string): Who[] =>
  people.filter((p) => body.includes(`"family":"${p.family}"`) || body.includes(`"family": "${p.family}"`));
const taken: Handler = (_, a) => void a.writeHead(202, { 'content-location': '/status/export' }).end();
const nothing: Handler = (_, a) => json(a, crowd.manifest([]));
/** The members of pulls that were planned now, to where all of these rest: what became of each by its family name, and how many matches were asked for. */
const pulled = async (who: readonly Who[], script: Script) => {
  const { sql } = crowd.node.deps.database;
  crowd.seen.length = 0;
  const memberIds = who.map((p) => idOf(p));
  crowd.at(new Date(crowd.node.deps.clock().getTime() + 400_000));
  const now = crowd.node.deps.clock();
  const [id = ''] = await planPulls(crowd.node.deps, { cause: 'command', again: true, full: true, memberIds });
  await crowd.rest(id, script);
  while ((await crowd.node.worker.drain()) > 0);
  const rows = await sql<{ id: string; state: string; outcome: string | null }[]>`
    select m.member_id as id, p.state, m.outcome from exchange.pull_member m join exchange.pull p on p.id = m.pull_id where p.created_at >= ${now}`;
  const became = (p: Who) =>
    rows.flatMap((r) => (r.id === idOf(p) ? `${r.state} ${r.outcome ?? ''}`.trim() : [])).join();
  const [peer] = await sql<
    { lacks: string[] }[]
  >`select abilities->'lacks' as lacks from exchange.peer where id = 'scripted'`;
  return {
    each: who.map(became),
    lacks: peer?.lacks,
    matches: crowd.seen.filter((s) => s.path.endsWith('member-match')).length,
  };
};

describe('one by one', () => {
  /** Whom `refuses` answers for is refused so; the others are known. All are found by their card numbers as well. */
  const script = (refuses: (p: Who) => Handler | undefined): Script => ({
    'GET /fhir/metadata': (_, a) =>
      json(a, {
        resourceType: 'CapabilityStatement',
        fhirVersion: '4.0.1',
        rest: [
          {
            resource: [
              {
                type: 'Patient',
                operation: [{ name: 'member-match' }, { name: 'export' }],
                searchParam: [{ name: 'identifier' }],
              },
            ],
          },
        ],
      }),
    'POST /fhir/Patient/$member-match': (r, a, body) => {
      const [who] = asked(body) as [Who];
      const refused = refuses(who);
      if (refused) return refused(r, a, body);
      const parameter = [{ name: 'MemberId', valueReference: { reference: `Patient/p-${who.number}` } }];
      return json(a, { resourceType: 'Parameters', parameter });
    },
    'GET /fhir/Patient': (r, a) => {
      const who = people.find(
        (p) => `X${p.number}` === new URL(r.url ?? '', crowd.base).searchParams.get('identifier'),
      );
      const { family = '', born, number } = who ?? {};
      const resource = {
        resourceType: 'Patient',
        id: `p-${number}`,
        identifier: [{ value: `X${number}` }],
        name: [{ family }],
        birthDate: born,
      };
      return json(a, { resourceType: 'Bundle', type: 'searchset', entry: who ? [{ resource }] : [] });
    },
    'POST /fhir/Patient/$export': taken,
    'GET /status/export': nothing,
  });

  test('a member of whom it knows nothing (404) is no reason to leave the form, in a batch of others and alone', async () => {
    const unknown = script((p) => (p.family === 'FamilyC' ? status(404, outcome('not-found')) : undefined));
    const all = await pulled(people, unknown);
    expect(all.each).toEqual(['done matched', 'done matched', 'done not-matched', 'done matched', 'done matched']);
    const alone = await pulled(people.slice(2, 3), unknown);
    expect(alone).toEqual({ each: ['done not-matched'], lacks: [], matches: 1 });
    // what does not say so much tells nothing of the member
    const bare = script((p) => (p.family === 'FamilyC' ? status(404) : undefined));
    expect(await pulled(people.slice(2, 3), bare)).toEqual({ each: ['failed missing'], lacks: [], matches: 1 });
  });

  test.each<[string, Handler]>([
    ['400', status(400, outcome('processing'))],
    ['400 without a word', (_, a) => void a.writeHead(400).end()],
    ['404', status(404, outcome('not-found'))],
    ['a page', sends('<html>', { 'content-type': 'text/html' })],
  ])(
    '%s for everybody is no such operation: the members are found otherwise, and that is remembered',
    async (_, refuses) => {
      const { each, lacks } = await pulled(
        people,
        script(() => refuses),
      );
      expect([each, lacks]).toEqual([people.map(() => 'done matched'), ['single']]);
      expect(
        (
          await pulled(
            people,
            script(() => refuses),
          )
        ).matches,
      ).toBe(0);
    },
  );

  test('for one member it is for this pull alone', async () => {
    const one = await pulled(
      people.slice(0, 1),
      script(() => status(400, outcome('processing'))),
    );
    expect(one).toEqual({ each: ['done matched'], lacks: [], matches: 1 });
    expect(
      (
        await pulled(
          people,
          script(() => undefined),
        )
      ).matches,
    ).toBe(5);
    // it has answered since: what it says to no one else is not the form
    const later = await pulled(
      people.slice(0, 2),
      script(() => status(400, outcome('processing'))),
    );
    expect(later).toEqual({ each: ['failed missing', 'failed missing'], lacks: [], matches: 2 });
    expect(
      (
        await pulled(
          people,
          script(() => status(400, outcome('processing'))),
        )
      ).lacks,
    ).toEqual(['single']);
  });

  test('three who are not known before the first who is are no reason to leave the form', async () => {
    const late: Handler = (r, a, body) => void setTimeout(() => answers(r, a, body), 300);
    const all = script((p) => (['FamilyA', 'FamilyB', 'FamilyC'].includes(p.family) ? status(404) : undefined));
    const answers = all['POST /fhir/Patient/$member-match'] as Handler;
    const slow = script((p) => (['FamilyA', 'FamilyB', 'FamilyC'].includes(p.family) ? status(404) : late));
    expect(await pulled(people, slow)).toEqual({
      each: ['done missing', 'done missing', 'done missing', 'done matched', 'done matched'],
      lacks: [],
      matches: 5,
    });
  });

  const days = (n: number) => crowd.at(new Date(crowd.node.deps.clock().getTime() + n * 86_400_000));
  test('what looks like a missing form is tried again after two days, what is said to be missing is not', async () => {
    const guessed = script(() => status(404, outcome('not-found')));
    expect((await pulled(people, guessed)).lacks).toEqual(['single']);
    days(1);
    expect((await pulled(people, guessed)).matches).toBe(0);
    days(1.1);
    expect(
      await pulled(
        people,
        script(() => undefined),
      ),
    ).toEqual({ each: people.map(() => 'done matched'), lacks: [], matches: 5 });
    await crowd.record({});
    await crowd.node.deps.database.sql`update exchange.pull set created_at = created_at - interval '100 days'`;
    expect(
      (
        await pulled(
          people,
          script(() => status(405)),
        )
      ).lacks,
    ).toEqual(['single']);
    days(20);
    expect(
      await pulled(
        people,
        script(() => undefined),
      ),
    ).toEqual({ each: people.map(() => 'done matched'), lacks: ['single'], matches: 0 });
    // a person has it asked again
    const by = { kind: 'command', name: 'test' } as const;
    expect([
      await relearnPeer(crowd.node.deps, 'scripted', by),
      await relearnPeer(crowd.node.deps, 'scripted', by),
      await relearnPeer(crowd.node.deps, 'nobody', by),
    ]).toEqual(['ok', 'no-change', 'not-found']);
    expect(
      (
        await pulled(
          people,
          script(() => undefined),
        )
      ).matches,
    ).toBe(5);
  });

  test('the daily look keeps the day on which it was learned', async () => {
    const { deps } = crowd.node;
    const kept = async () => {
      const peer = await findPeer(deps.database.sql, 'scripted');
      return [peer?.abilities?.lacks, peer?.abilitiesAt?.getTime()];
    };
    await pulled(
      people,
      script(() => status(405)),
    );
    const learned = await kept();
    expect(learned[0]).toEqual(['single']);
    const look = async () => {
      const peer = await findPeer(deps.database.sql, 'scripted');
      if (peer) expect(await checkPeer(deps, peer, { kind: 'system', name: 'schedule' })).toHaveProperty('found');
    };
    days(60);
    await look();
    expect(await kept()).toEqual(learned);
    days(31);
    await look();
    expect((await kept())[0]).toEqual([]);
  });

  test('a guess makes what is known of the payer no younger', async () => {
    const known = async () => (await findPeer(crowd.node.deps.database.sql, 'scripted'))?.abilitiesAt?.getTime();
    await pulled(
      people,
      script(() => undefined),
    );
    const first = await known();
    await crowd.node.deps.database.sql`update exchange.pull set created_at = created_at - interval '100 days'`;
    days(60);
    const { lacks } = await pulled(
      people,
      script(() => status(404, outcome('not-found'))),
    );
    expect([lacks, await known()]).toEqual([['single'], first]);
  });

  test('a request for records that is refused (422) is made in another form by this pull alone', async () => {
    const once = (handler: Handler): Script => ({
      ...script(() => undefined),
      'POST /fhir/Patient/$export': handler,
      'GET /fhir/Patient/p-N0/$everything': (_, a) => json(a, { resourceType: 'Bundle', type: 'searchset' }),
    });
    const form = async (handler: Handler) => {
      const { each, lacks } = await pulled(people.slice(0, 1), once(handler));
      const [pull] = await crowd.node.deps.database
        .sql`select fetch_form as form from exchange.pull order by created_at desc limit 1`;
      return [each, lacks, pull?.['form']];
    };
    expect(await form(status(422, outcome('invalid')))).toEqual([['done matched'], [], 'everything']);
    expect(await form(taken)).toEqual([['done matched'], [], 'patient']);
    expect(await form(status(422, outcome('not-supported')))).toEqual([['done matched'], ['patient'], 'everything']);
  });

  test('what says that it is not supported is believed at once, unless it has answered for others', async () => {
    const none = script(() => status(400, outcome('not-supported')));
    expect(await pulled(people.slice(0, 1), none)).toEqual({ each: ['done matched'], lacks: ['single'], matches: 1 });
  });
});

describe('a batch', () => {
  let groups: object[] = [];
  const script = (refuses: (who: readonly Who[]) => Handler | undefined, over: Script = {}): Script => ({
    'POST /fhir/Group/$bulk-member-match': (r, a, body) => {
      const refused = refuses(asked(body));
      if (refused) return refused(r, a, body);
      const sent = [...body.matchAll(/"resourceType":"Patient","id":"(m-[^"]+)".*?"birthDate":"([^"]+)"/g)];
      const who = sent.flatMap((m) => people.find((p) => p.born === m[2]) ?? []);
      const members = sent.map((m, i) => [m[1] ?? '', `p-${who[i]?.number ?? ''}`] as const);
      const n = groups.push({ ...groupOf(members, who), id: `g${groups.length}` }) - 1;
      return void a.writeHead(202, { 'content-location': `/status/m${n}` }).end();
    },
    ...Object.fromEntries(
      Array.from({ length: 20 }, (_, n): [string, Handler][] => [
        [`GET /status/m${n}`, (_r, a) => json(a, crowd.manifest([{ type: 'Group', url: `${crowd.base}/f/g${n}` }]))],
        [`GET /f/g${n}`, (r, a) => sends(JSON.stringify(groups[n]))(r, a, '')],
        [`POST /fhir/Group/g${n}/$davinci-data-export`, taken],
      ]).flat(),
    ),
    'GET /status/export': nothing,
    ...over,
  });
  const singly: Script = {
    'POST /fhir/Patient/$member-match': (_, a, body) => {
      const reference = `Patient/p-${asked(body)[0]?.number}`;
      return json(a, { resourceType: 'Parameters', parameter: [{ name: 'MemberId', valueReference: { reference } }] });
    },
    'POST /fhir/Patient/$export': taken,
  };
  const not = (family: string, code: number) => (who: readonly Who[]) =>
    who.some((p) => p.family === family) ? status(code, outcome('structure')) : undefined;
  beforeEach(() => {
    groups = [];
  });

  test.each([400, 422])('the first one ever that is refused with %i for one member is divided', async (code) => {
    const { each, lacks } = await pulled(people, script(not('FamilyC', code)));
    expect(each.filter((e) => e === 'done matched')).toHaveLength(4);
    expect([each[2]?.startsWith('failed'), lacks]).toEqual([true, []]);
    // once it has taken others it is this member
    expect(await pulled(people.slice(2, 3), script(not('FamilyC', code), singly))).toEqual({
      each: ['failed'],
      lacks: [],
      matches: 1,
    });
  });

  test('one that takes no one is asked one by one: after three single members, and of one or two for this pull alone', async () => {
    const none = script(() => status(422), singly);
    expect(await pulled(people.slice(0, 2), none)).toEqual({
      each: ['done matched', 'done matched'],
      lacks: [],
      matches: 5,
    });
    expect(await pulled(people, none)).toEqual({ each: people.map(() => 'done matched'), lacks: ['bulk'], matches: 9 });
    expect((await pulled(people, none)).matches).toBe(5);
  });

  test('one that took batches and takes no one any more is not asked in vain for 90 days', async () => {
    expect(
      (
        await pulled(
          people,
          script(() => undefined),
        )
      ).each,
    ).toEqual(people.map(() => 'done matched'));
    const none = script(() => status(422), singly);
    expect((await pulled(people.slice(0, 1), none)).each).toEqual(['failed']);
    expect((await pulled(people.slice(0, 1), none)).each).toEqual(['failed']);
    expect((await pulled(people.slice(1, 2), none)).each).toEqual(['failed']);
    expect(await pulled(people.slice(2, 3), none)).toEqual({ each: ['done matched'], lacks: ['bulk'], matches: 2 });
  });

  test('three whom it refuses beside others are no reason to leave the form, however often they are asked for', async () => {
    const good = people.slice(3);
    const some = script((who) => (who.some((p) => !good.includes(p)) ? status(422) : undefined), singly);
    expect((await pulled(good, some)).each).toEqual(['done matched', 'done matched']);
    // anyone who is sent alone first, one of the others is taken
    for (const bad of people.slice(0, 3)) {
      const { each, lacks } = await pulled([bad, ...good], some);
      expect([each[0]?.startsWith('done'), each.slice(1), lacks]).toEqual([
        false,
        ['done matched', 'done matched'],
        [],
      ]);
    }
    const again = await pulled(people.slice(0, 3), some);
    expect([again.each.every((e) => e.startsWith('failed')), again.lacks]).toEqual([true, []]);
  });

  test('what says that it is not supported is believed at once', async () => {
    const none = script(() => status(422, outcome('not-supported')), singly);
    expect(await pulled(people.slice(0, 1), none)).toEqual({ each: ['done matched'], lacks: ['bulk'], matches: 2 });
  });
});
