// Payers that take fewer members at once than they are asked for (413): what they take is learned, a single member is asked for otherwise, and
// what is left is one thing for a person.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { keepAlerts } from '../../exchange/alerts/update-alerts.ts';
import { peerLimit } from '../../exchange/commands/peers.ts';
import { healthFacts } from '../../exchange/peers/health-text.ts';
import { findPeer, type Peer } from '../../exchange/peers/peer.ts';
import { membersAtOnce, takesNobody } from '../../exchange/peers/peer-takes.ts';
import { planPulls } from '../../exchange/requester/plan.ts';
import { OPEN_STATES } from '../../exchange/requester/pull.ts';
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

const people = Array.from({ length: 12 }, (_, i) => ({
  number: `N${i}`,
  family: `Family${'ABCDEFGHIJKL'[i]}`,
  given: 'Kim',
  born: `1970-01-${String(i + 1).padStart(2, '0')}`,
  prior: 'Scripted Plan',
}));
let crowd: ScriptedPeer;
/** members of each match request, by the birth dates that are asked for */
let asked: string[][] = [];
beforeAll(async () => {
  crowd = await scriptedPeer(people);
});
beforeEach(async () => {
  asked = [];
  await crowd.record({});
  await crowd.node.deps.database
    .sql`update exchange.deadline set state = 'open', closed_at = null, stop_event = null, reason = null where kind = 'C2'`;
});
afterAll(() => crowd.close());

const METADATA = 'GET /fhir/metadata';
const offers =
  (operations: string[], search: string[] = []): Handler =>
  (_, a) =>
    json(a, {
      resourceType: 'CapabilityStatement',
      fhirVersion: '4.0.1',
      rest: [
        {
          mode: 'server',
          resource: [
            {
              type: 'Group',
              operation: ['bulk-member-match', 'davinci-data-export'].map((name) => ({ name })),
            },
            { type: 'Patient', operation: operations.map((name) => ({ name })) },
            ...search.map((type) => ({ type, searchParam: [{ name: 'patient' }] })),
          ],
        },
      ],
    });

/** `isOver`: is a match request, or an export, for these members too large? */
const script = (at: 'match' | 'job', isOver: (born: string[]) => boolean, more: Script = {}): Script => {
  const groups: { born: string[]; group: object }[] = [];
  const answers: Script = {
    'POST /fhir/Group/$bulk-member-match': (r, a, body) => {
      const members = [...body.matchAll(/"resourceType":"Patient","id":"(m-[^"]+)".*?"birthDate":"([^"]+)"/g)];
      const born = members.map((m) => m[2] ?? '');
      asked.push(born);
      if (at === 'match' && isOver(born)) return status(413)(r, a, body);
      const who = born.flatMap((b) => people.find((p) => p.born === b) ?? []);
      const ids = members.map((m, i) => [m[1] ?? '', `p-${who[i]?.number ?? ''}`] as const);
      const n = groups.length;
      groups.push({ born, group: { ...groupOf(ids, who), id: `g${n}` } });
      Object.assign(answers, {
        [`GET /status/m${n}`]: ((_, b) =>
          json(b, crowd.manifest([{ type: 'Group', url: `${crowd.base}/f/g${n}` }]))) satisfies Handler,
        [`GET /f/g${n}`]: ((q, b, c) => sends(JSON.stringify(groups[n]?.group))(q, b, c)) satisfies Handler,
        [`POST /fhir/Group/g${n}/$davinci-data-export`]: ((_, b) =>
          void b.writeHead(202, { 'content-location': `/status/e${n}` }).end()) satisfies Handler,
        [`GET /status/e${n}`]: ((q, b, c) =>
          at === 'job' && isOver(groups[n]?.born ?? [])
            ? status(413)(q, b, c)
            : json(b, crowd.manifest([]))) satisfies Handler,
      });
      return void a.writeHead(202, { 'content-location': `/status/m${n}` }).end();
    },
    ...more,
  };
  return answers;
};

const peer = async (): Promise<Peer> => (await findPeer(crowd.node.deps.database.sql, 'scripted')) as Peer;
const settled = async () => {
  const { sql } = crowd.node.deps.database;
  for (let i = 0; i < 300; i++) {
    const [open] = await sql<{ id: string }[]>`
      select id from exchange.pull where state = any(${[...OPEN_STATES]}::text[]) order by next_at limit 1`;
    if (open === undefined) return;
    await crowd.rest(open.id);
  }
};
/** Pulls of the newest round, with how many members each has. */
const round = async () => {
  const rows = await crowd.node.deps.database.sql<
    { id: string; state: string; reason: string | null; form: string | null; members: number }[]
  >`
    select p.id, p.state, p.reason, p.fetch_form as form, (select count(*)::int from exchange.pull_member m where m.pull_id = p.id) as members
    from exchange.pull p where p.created_at = (select max(created_at) from exchange.pull) order by members, p.id`;
  return [...rows];
};
const refusals = () => asked.filter((born) => born.length > 2).length;

test.each(['match', 'job'] as const)(
  'what it takes is learned from a 413 to the %s: the next requests are for as many, and it says 413 no more',
  async (at) => {
    const over = script(at, (born) => born.length > 3);
    await crowd.pull(over);
    await settled();
    const first = await round();
    expect(first.map((p) => p.state)).toEqual(first.map(() => 'done'));
    expect(first.reduce((n, p) => n + p.members, 0)).toBe(people.length);
    const { takes, takesAt } = await peer();
    expect(takes).toBe(3);
    expect(healthFacts(await peer()).find((f) => f.name === 'Members at once')?.value).toContain('3, as it was found');

    asked = [];
    await crowd.pull(over);
    await settled();
    expect(asked.map((born) => born.length)).toEqual([3, 3, 3, 3]);
    expect(new Set(asked.flat()).size).toBe(people.length);
    // a limit of its own goes before what was learned; after 90 days as many as ever are asked for
    const known = { takes, takesAt, refusesAlone: 0, limits: {} };
    const day = (n: number) => new Date((takesAt?.getTime() ?? 0) + n * 86_400_000);
    expect([membersAtOnce(known, 1000, day(89)), membersAtOnce(known, 1000, day(91))]).toEqual([3, 1000]);
    expect(membersAtOnce({ ...known, limits: { members: 8 } }, 1000, day(1))).toBe(8);
    await crowd.record({ limits: { members: 2 } });
    asked = [];
    await crowd.pull(over);
    await settled();
    expect(asked.map((born) => born.length)).toEqual([2, 2, 2, 2, 2, 2]);
  },
);

test('no limit of no one is set', async () => {
  await expect(peerLimit('scripted', 'members=0')).rejects.toThrow('members must be 1 or more');
});

test('one member whose records are too large does not make all others be asked for one by one', async () => {
  const large = people[0]?.born ?? '';
  const over = script('job', (born) => born.includes(large), {
    [METADATA]: offers(['everything']),
    'GET /fhir/Patient/p-N0/$everything': (_, a) => json(a, { resourceType: 'Bundle', type: 'searchset', entry: [] }),
  });
  await crowd.pull(over);
  await settled();
  const pulls = await round();
  expect(pulls.map((p) => p.state)).toEqual(pulls.map(() => 'done'));
  // of her alone what is answered at once was asked for, and nothing of it is remembered for others
  expect(pulls.filter((p) => p.form === 'everything').map((p) => p.members)).toEqual([1]);
  const known = await peer();
  expect([known.takes, known.abilities?.fetch, known.abilities?.lacks]).toEqual([6, 'davinci', []]);
  const [large_] = pulls.filter((p) => p.form === 'everything');
  expect(await crowd.findings(large_?.id ?? '')).toMatchObject({ 'peer-too-large': 1 });
});

test('a payer that says 413 to everybody: one thing for a person, few requests, and fewer yet the next time', async () => {
  const { deps } = crowd.node;
  const over = script('match', () => true);
  await crowd.pull(over);
  await settled();
  const first = await round();
  expect(first.filter((p) => p.state === 'review')).toMatchObject([
    { reason: 'batch-too-large', members: people.length },
  ]);
  expect(first.filter((p) => p.state !== 'review').every((p) => p.reason === 'waits-together' && p.members === 0)).toBe(
    true,
  );
  expect(asked.filter((born) => born.length === 1)).toHaveLength(3);
  expect(takesNobody(await peer(), deps.clock())).toBe(true);
  await keepAlerts(deps);
  const alerts = await deps.database
    .sql`select subject from exchange.alert where cleared_at is null and kind in ('pull-waits', 'peer-failing', 'pull-failed')`;
  expect(alerts.map((a) => a['subject'])).toEqual([first.find((p) => p.state === 'review')?.id]);
  const clocks = await deps.database.sql<{ state: string; n: number }[]>`
    select state, count(*)::int as n from exchange.deadline where kind = 'C2' group by state`;
  expect([...clocks]).toEqual([{ state: 'attempted', n: people.length }]);
  // no one is asked for by the next tick
  expect(await planPulls(deps, { cause: 'opt-in' })).toEqual([]);

  asked = [];
  await crowd.pull(over);
  await settled();
  expect(asked.map((born) => born.length)).toEqual([people.length]);
  expect(await round()).toMatchObject([{ state: 'review', members: people.length }]);
});

test('a payer that says 413 to every export and answers at once: asked so, of single members first, then of all', async () => {
  const bundle: Handler = (_, a) => json(a, { resourceType: 'Bundle', type: 'searchset', entry: [] });
  const over = script('job', () => true, {
    [METADATA]: offers([], ['Observation']),
    'GET /fhir/Patient': bundle,
    'GET /fhir/Observation': bundle,
  });
  await crowd.pull(over);
  await settled();
  const pulls = await round();
  expect(pulls.map((p) => [p.state, p.form])).toEqual(pulls.map(() => ['done', 'search']));
  expect(pulls.reduce((n, p) => n + p.members, 0)).toBe(people.length);
  asked = [];
  await crowd.pull(over);
  await settled();
  expect(refusals()).toBe(1);
  expect(await round()).toMatchObject([{ state: 'done', form: 'search', members: people.length }]);
});
