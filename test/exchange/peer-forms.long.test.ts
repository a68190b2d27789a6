// Peers of every kind as prior payers: PDex 2.2, PDex 2.1, single member match, plain Bulk Data with and without search, and
// those whose statement promises what they do not keep. The form is negotiated, and what is learned is remembered.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { keepAlerts } from '../../exchange/alerts/update-alerts.ts';
import { checkPeersDaily } from '../../exchange/peers/daily-check.ts';
import { meaning } from '../../exchange/reconcile/reasons.ts';
import { type Abilities, negotiate, withoutForm } from '../../exchange/requester/client/abilities.ts';
import { readDavinci, readPayerIndex } from '../../exchange/requester/client/endpoints.ts';
import { readSingleMatch } from '../../exchange/requester/client/single-match.ts';
import { scopeAttempts } from '../../exchange/requester/client/token.ts';
import { type PullReport, pullReport, refusedOf } from '../../exchange/requester/report/pull-report.ts';
import { reportSummary } from '../../exchange/requester/report/report-tables.ts';
import { onePersonEach } from '../../exchange/requester/single-members.ts';
import {
  good,
  groupOf,
  type Handler,
  json,
  ndjson,
  type Script,
  type ScriptedPeer,
  scriptedPeer,
  sends,
  status,
  turns,
} from '../support/scripted-peer.ts';

/** The person, as the peer knows her. */
const PERSON_THERE = { resourceType: 'Patient', id: 'p9', name: [{ family: 'Rivera' }], birthDate: '1974-12-25' };

let peer: ScriptedPeer;
beforeAll(async () => {
  peer = await scriptedPeer();
});
beforeEach(async () => {
  await peer.record({});
  await peer.node.deps.database.sql.unsafe(
    `delete from exchange.identity; delete from exchange.resource where origin = 'scripted'`,
  );
});
afterAll(() => peer.close());

const speaks =
  (
    resources: Record<string, { operation?: string[]; search?: string[]; revinclude?: string[] }>,
    guides: string[] = [],
  ): Handler =>
  (_, a) =>
    json(a, {
      resourceType: 'CapabilityStatement',
      fhirVersion: '4.0.1',
      implementationGuide: guides,
      rest: [
        {
          mode: 'server',
          resource: Object.entries(resources).map(([type, r]) => ({
            type,
            operation: (r.operation ?? []).map((name) => ({ name })),
            searchParam: (r.search ?? []).map((name) => ({ name })),
            searchRevInclude: r.revinclude ?? [],
          })),
        },
      ],
    });
const METADATA = 'GET /fhir/metadata';
/** `next`: where the next page is; empty: there is one, and not said where. */
const bundle = (resources: object[], next?: string): object => ({
  resourceType: 'Bundle',
  type: 'searchset',
  ...(next === undefined ? {} : { link: [{ relation: 'next', ...(next === '' ? {} : { url: next }) }] }),
  entry: resources.map((resource) => ({ resource })),
});
const parsed = (id: string): object => JSON.parse(good(id)) as object;
const paths = (method = 'GET') => peer.seen.filter((s) => s.method === method).map((s) => s.path);
const abilities = async (): Promise<Abilities> => {
  const [row] = await peer.node.deps.database.sql<
    { a: Abilities }[]
  >`select abilities as a from exchange.peer where id = 'scripted'`;
  if (!row) throw new Error('no peer');
  return row.a;
};
const matchAnswer =
  (...parameter: object[]): Handler =>
  (_, a) =>
    json(a, { resourceType: 'Parameters', parameter });
const identified = { name: 'MemberIdentifier', valueIdentifier: { system: 'urn:s', value: 'U1' } };
const kicksOff: Handler = (_, a) => void a.writeHead(202, { 'content-location': '/status/export' }).end();

describe('PDex', () => {
  test('2.1: a Parameters file holds the Groups', async () => {
    let submitted = '';
    const done = await peer.pull({
      [METADATA]: speaks({ Group: { operation: ['bulk-member-match', 'davinci-data-export'] } }, [
        'http://hl7.org/fhir/us/davinci-pdex/ImplementationGuide/hl7.fhir.us.davinci-pdex|2.1.0',
      ]),
      'POST /fhir/Group/$bulk-member-match': (_, a, body) => {
        submitted = /"id":"(m-[^"]+)"/.exec(body)?.[1] ?? '';
        a.writeHead(202, { 'content-location': '/status/match' }).end();
      },
      'GET /status/match': (_, a) =>
        json(a, peer.manifest([{ type: 'Parameters', url: `${peer.base}/f/p`, count: 1 }])),
      'GET /f/p': (r, a, b) =>
        sends(
          ndjson(
            JSON.stringify({
              resourceType: 'Parameters',
              parameter: [{ name: 'MatchedMembers', resource: groupOf([[submitted, 'p9']]) }],
            }),
          ),
        )(r, a, b),
    });
    expect([done.state, await peer.stored()]).toEqual(['done', ['a', 'b']]);
    expect(await abilities()).toMatchObject({ match: 'bulk', fetch: 'davinci', pdex: '2.1.0' });
  });

  test.each<[string, (groups: object) => string | undefined, boolean]>([
    [
      'the same',
      (group) =>
        JSON.stringify({ resourceType: 'Parameters', parameter: [{ name: 'MatchedMembers', resource: group }] }),
      false,
    ],
    ['another one', () => JSON.stringify({ resourceType: 'Parameters', parameter: [] }), true],
    ['nothing that can be read', () => '<html>', true],
    ['no file', () => undefined, true],
  ])(
    'both forms of the answer: the Groups hold, and Parameters that say %s are reported',
    async (_, other, differs) => {
      let submitted = '';
      const done = await peer.pull({
        'POST /fhir/Group/$bulk-member-match': (_r, a, body) => {
          submitted = /"id":"(m-[^"]+)"/.exec(body)?.[1] ?? '';
          a.writeHead(202, { 'content-location': '/status/match' }).end();
        },
        'GET /status/match': (_r, a) =>
          json(
            a,
            peer.manifest([
              { type: 'Parameters', url: `${peer.base}/f/p` },
              { type: 'Group', url: `${peer.base}/f/group` },
            ]),
          ),
        'GET /f/group': (r, a, b) => sends(JSON.stringify(groupOf([[submitted, 'p9']])))(r, a, b),
        'GET /f/p': (r, a, b) => {
          const text = other(groupOf([[submitted, 'p9']]));
          return text === undefined ? status(500)(r, a, b) : sends(`${text}\n`)(r, a, b);
        },
      });
      expect([done.state, await peer.stored()]).toEqual(['done', ['a', 'b']]);
      expect(await peer.findings(done.id)).toEqual(differs ? { 'peer-match-differs': 1 } : {});
    },
  );

  test('the export by GET only: learned once, kept', async () => {
    const script: Script = {
      'POST /fhir/Group/g1/$davinci-data-export': status(405),
      'GET /fhir/Group/g1/$davinci-data-export': kicksOff,
    };
    const first = await peer.pull(script);
    expect([first.state, paths('POST').filter((p) => p.endsWith('export')).length]).toEqual(['done', 1]);
    const asked = peer.seen.find((s) => s.method === 'GET' && s.path.endsWith('$davinci-data-export'));
    expect(new URL(asked?.url ?? '', 'http://x').searchParams.get('exportType')).toBe(
      'hl7.fhir.us.davinci-pdex#payertopayer',
    );
    const second = await peer.pull(script);
    expect([second.state, paths('POST').filter((p) => p.endsWith('export')).length]).toEqual(['done', 0]);
  });

  test('an answer without any history is asked for again with types named', async () => {
    const done = await peer.pull({
      'GET /status/export': turns(
        (_, a) => json(a, peer.manifest([{ type: 'Coverage', url: `${peer.base}/f/c` }])),
        (_, a) => json(a, peer.manifest([peer.file('/f/1', 2)])),
      ),
    });
    expect([done.state, await peer.stored()]).toEqual(['done', ['a', 'b']]);
    const bodies = peer.seen
      .filter((s) => s.path.endsWith('$davinci-data-export'))
      .map((s) => s.body.includes('ExplanationOfBenefit'));
    expect(bodies).toEqual([false, true]);
    // the first job holds files that no one fetches
    expect(paths('DELETE').filter((p) => p === '/status/export')).toHaveLength(2);
  });

  test('with the types of Patients that the peer says it has, and that are taken in', async () => {
    await peer.pull({
      [METADATA]: speaks({
        Group: { operation: ['bulk-member-match', 'davinci-data-export'] },
        ImagingStudy: { search: ['patient'] },
        Task: { search: ['patient'] },
      }),
      'GET /status/export': turns(
        (_, a) => json(a, peer.manifest([{ type: 'Patient', url: `${peer.base}/f/p` }])),
        (_, a) => json(a, peer.manifest([peer.file('/f/1', 2)])),
      ),
    });
    const [, named] = peer.seen.filter((s) => s.path.endsWith('$davinci-data-export')).map((s) => s.body);
    expect(named).toMatch(/"Patient,[A-Za-z,]*,ImagingStudy"/);
    expect(named).not.toContain('Task');
  });

  describe('types that the peer names, or that are asked for, and that it then refuses', () => {
    const bare: Handler = (_, a) => json(a, peer.manifest([{ type: 'Coverage', url: `${peer.base}/f/c` }]));
    const asked = () =>
      peer.seen
        .filter((s) => s.path.endsWith('$davinci-data-export'))
        .map((s) => /"_type","valueString":"([^"]*)"/.exec(s.body)?.[1]?.split(','));
    /** An answer to a request for types: refused with `say` while `not` holds for one of them. */
    const refusing =
      (code: number, not: (type: string) => boolean, say: (types: string[]) => string): Handler =>
      (r, a, body) => {
        const types = /"_type","valueString":"([^"]*)"/.exec(body)?.[1]?.split(',') ?? [];
        const refused = types.filter(not);
        if (refused.length === 0)
          return void a.writeHead(202, { 'content-location': `${peer.base}/status/export` }).end();
        status(code, {
          resourceType: 'OperationOutcome',
          issue: [{ severity: 'error', code: 'forbidden', diagnostics: say(refused) }],
        })(r, a, body);
      };
    const script = (kickOff: Handler): Script => ({
      [METADATA]: speaks({
        Group: { operation: ['bulk-member-match', 'davinci-data-export'] },
        Observation: { search: ['patient'] },
        ImagingStudy: { search: ['patient'] },
        Goal: { search: ['patient'] },
      }),
      'POST /fhir/Group/g1/$davinci-data-export': kickOff,
      'GET /status/export': turns(bare, (_, a) => json(a, peer.manifest([peer.file('/f/1', 2)]))),
    });
    const reported = async (id: string) => {
      const report = await pullReport(peer.node.deps, id);
      return report?.findings.filter((f) => f.kind.startsWith('peer-type-')).map((f) => `${f.kind} ${f.type}`);
    };

    test.each<[string, number, (types: string[]) => string]>([
      ['all of them', 403, (types) => `not allowed: ${types.join(', ')}`],
      ['one at a time', 403, ([first]) => `Patient/$export: ${first} is not yours, see Patient`],
      ['those that it gives', 400, () => 'supported types are Patient, Coverage, Observation, Encounter and Condition'],
      ['none', 422, () => 'no such type'],
    ])('and names %s: the others are taken, and the report tells', async (named, code, say) => {
      const not = (type: string) =>
        named === 'those that it gives'
          ? !['Patient', 'Coverage', 'Observation', 'Encounter', 'Condition'].includes(type)
          : named === 'none'
            ? !['Patient', 'Observation', 'ImagingStudy', 'Goal'].includes(type)
            : ['Goal', 'Device', 'ImagingStudy'].includes(type);
      const done = await peer.pull(script(refusing(code, not, say)));
      expect([done.state, await peer.stored()]).toEqual(['done', ['a', 'b']]);
      const [none, all, ...others] = asked();
      expect(none).toBeUndefined();
      const last = others.at(-1) ?? [];
      expect(last.filter(not)).toEqual([]);
      expect(last).toContain('Observation');
      const left = (all ?? []).filter((type) => !last.includes(type));
      const kind = (type: string) =>
        // of what no answer names nothing is known: it is missing
        code === 403 || named === 'none' || ['ImagingStudy', 'Goal'].includes(type)
          ? 'peer-type-refused'
          : 'peer-type-unknown';
      const told = left.map((type) => `${kind(type)} ${type}`).sort();
      expect((await reported(done.id))?.sort()).toEqual(told);
      // what it has and does not give is missing: the next request asks for the same
      const isMissing = told.some((t) => t.startsWith('peer-type-refused'));
      expect(done.transactionTime === null).toBe(isMissing);
      expect(
        reportSummary((await pullReport(peer.node.deps, done.id)) as PullReport)
          .join(' ')
          .includes('gives no records of'),
      ).toBe(isMissing);
      // the next pull does not ask for them, and says so again
      const next = await peer.pull({
        ...script(refusing(code, not, say)),
        'GET /status/export': (_, a) => json(a, peer.manifest([peer.file('/f/1', 2)])),
      });
      expect([next.state, asked()]).toEqual(['done', [last]]);
      expect((await reported(next.id))?.sort()).toEqual(told);
    });

    test('a peer that refuses whatever is named is refused by, as it says', async () => {
      const done = await peer.pull(
        script((r, a, body) =>
          refusing(
            body.includes('_type') ? 403 : 202,
            () => true,
            () => '',
          )(r, a, body),
        ),
      );
      expect([done.state, done.reason]).toEqual(['refused', 'forbidden']);
      expect(asked().length).toBeLessThan(5);
    });
  });

  test.each([
    ['the match', { 'POST /fhir/Group/$bulk-member-match': status(413) }, []],
    ['the request', { 'POST /fhir/Group/g1/$davinci-data-export': status(413) }, ['/status/match']],
    ['the job', { 'GET /status/export': status(413) }, ['/status/match', '/status/export']],
  ])(
    '413 to %s for a single member waits for a person, and the duty stands as asked in vain',
    async (where, over, jobs) => {
      const { sql } = peer.node.deps.database;
      await sql`update exchange.deadline set state = 'open', closed_at = null, stop_event = null where kind = 'C2'`;
      const rests = await peer.pull(over);
      expect([rests.state, rests.reason]).toEqual(['review', 'batch-too-large']);
      expect(meaning('pull', 'batch-too-large').severity).toBe('act');
      expect(paths('DELETE')).toEqual(jobs);
      const clocks = await sql<{ state: string; reason: string | null }[]>`
      select state, reason from exchange.deadline where kind = 'C2' and member_id in (select member_id from exchange.pull_member where pull_id = ${rests.id})`;
      // a job that was taken on is a request that was made
      expect([...clocks]).toEqual([
        where === 'the job' ? { state: 'met', reason: null } : { state: 'attempted', reason: 'peer-failed' },
      ]);
      const asked = paths('POST').length;
      await peer.node.worker.drain();
      expect(paths('POST')).toHaveLength(asked);
    },
  );

  test.each([
    ['a Group that was agreed on', { groupThere: 'agreed' }, 'GET /fhir/Group/agreed/$export'],
    ['the list of all Patients', {}, 'GET /fhir/Patient/$export'],
  ])('413 to a request for %s is no reason to ask for fewer', async (_what, fields, asked) => {
    const isAgreed = 'groupThere' in fields;
    const crowd = await scriptedPeer(
      ['A', 'B'].map((x, i) => ({
        number: `N${i}`,
        family: `F${x}`,
        given: 'Kim',
        born: `1970-01-0${i + 1}`,
        prior: 'Scripted Plan',
      })),
    );
    try {
      await crowd.record(fields);
      const rests = await crowd.pull({
        [METADATA]: speaks({
          Patient: isAgreed ? { search: ['identifier'] } : { operation: ['export'] },
          Group: { operation: isAgreed ? ['export'] : [] },
        }),
        'GET /fhir/Patient': (request, a) => {
          const number = new URL(request.url ?? '', crowd.base).searchParams.get('identifier')?.split('|').at(-1) ?? '';
          const i = Number(number.slice(2));
          json(a, {
            resourceType: 'Bundle',
            type: 'searchset',
            entry: [
              {
                resource: {
                  resourceType: 'Patient',
                  id: `p${i}`,
                  identifier: [{ value: number }],
                  name: [{ family: `F${'AB'[i]}` }],
                  birthDate: `1970-01-0${i + 1}`,
                },
              },
            ],
          });
        },
        [asked]: status(413),
      });
      expect([rests.state, rests.reason, rests.fetchForm]).toEqual([
        'review',
        'batch-too-large',
        isAgreed ? 'group' : 'patient',
      ]);
      expect(await crowd.node.deps.database.sql`select from exchange.pull`).toHaveLength(1);
    } finally {
      await crowd.close();
    }
  });
});

test.each(['match', 'export'])(
  'a batch that is too large for the %s is divided until it fits; no one is left out or asked for twice',
  async (where) => {
    const people = ['A', 'B', 'C', 'D', 'E'].map((x, i) => ({
      number: `N${i}`,
      family: `Family${x}`,
      given: 'Kim',
      born: `1970-01-0${i + 1}`,
      prior: 'Scripted Plan',
    }));
    const crowd = await scriptedPeer(people);
    try {
      const { sql } = crowd.node.deps.database;
      const groups: object[] = [];
      const [taken, sizes]: [number[], number[]] = [[], []];
      await crowd.pull({
        'POST /fhir/Group/$bulk-member-match': (_, a, body) => {
          const asked = [...body.matchAll(/"resourceType":"Patient","id":"(m-[^"]+)".*?"birthDate":"([^"]+)"/g)];
          taken.push(asked.length);
          if (where === 'match' && asked.length > 2) return json(a, { resourceType: 'OperationOutcome' }, 413);
          const who = asked.flatMap((m) => people.find((p) => p.born === m[2]) ?? []);
          const members = asked.map((m, i) => [m[1] ?? '', `p-${who[i]?.number ?? ''}`] as const);
          const n = groups.push({ ...groupOf(members, who), id: `g${groups.length}` }) - 1;
          sizes.push(asked.length);
          return void a.writeHead(202, { 'content-location': `/status/m${n}` }).end();
        },
        ...Object.fromEntries(
          people.flatMap((_, n): [string, Handler][] => [
            [
              `GET /status/m${n}`,
              (_r, a) => json(a, crowd.manifest([{ type: 'Group', url: `${crowd.base}/f/g${n}` }])),
            ],
            [`GET /f/g${n}`, (r, a, b) => sends(JSON.stringify(groups[n]))(r, a, b)],
            [
              `POST /fhir/Group/g${n}/$davinci-data-export`,
              (_r, a) => void a.writeHead(202, { 'content-location': `/status/e${n}` }).end(),
            ],
            // a reference server says at the poll that the files would be too many
            [
              `GET /status/e${n}`,
              (_r, a) =>
                ((sizes[n] ?? 0) > 2 ? status(413) : (_: unknown, b: typeof a) => json(b, crowd.manifest([])))(
                  _r,
                  a,
                  '',
                ),
            ],
          ]),
        ),
      });
      for (let i = 0; i < 50 && (await crowd.node.worker.drain()) > 0; i++);
      const rows = await sql<{ id: string; state: string; members: number; began: Date; partOf: string | null }[]>`
      select p.id, p.state, (select count(*)::int from exchange.pull_member m where m.pull_id = p.id and m.outcome = 'matched') as members,
        p.created_at as began, p.part_of as "partOf" from exchange.pull p`;
      expect(rows.map((r) => r.state)).toEqual(rows.map(() => 'done'));
      expect(rows.reduce((n, r) => n + r.members, 0)).toBe(people.length);
      expect(taken.filter((n) => n <= 2).reduce((n, x) => n + x, 0)).toBe(people.length);
      // the payer's time runs from the first request, and the reports lead to each other
      expect(new Set(rows.map((r) => r.began.getTime())).size).toBe(1);
      const whole = rows.find((r) => r.partOf === null);
      expect(rows.filter((r) => r.partOf === null)).toHaveLength(1);
      const report = await pullReport(crowd.node.deps, whole?.id ?? '');
      expect(report?.parts.toSorted()).toEqual(
        rows
          .filter((r) => r.partOf === whole?.id)
          .map((r) => r.id)
          .sort(),
      );
      expect(report?.events.some((e) => e.detail.startsWith('divided: 3 stay, 2 go'))).toBe(true);
      // no job is left behind: neither those that came to nothing, nor those that were fetched
      const jobs = crowd.seen.filter((s) => s.method === 'GET' && s.path.startsWith('/status/')).map((s) => s.path);
      expect(
        crowd.seen
          .filter((s) => s.method === 'DELETE')
          .map((s) => s.path)
          .sort(),
      ).toEqual([...new Set(jobs)].sort());
    } finally {
      await crowd.close();
    }
  },
);

test('a batch that is refused for one of its members is divided until that one is alone, and the others are asked for', async () => {
  const people = ['A', 'B', 'C', 'D', 'E'].map((x, i) => ({
    number: `N${i}`,
    family: `Family${x}`,
    given: 'Kim',
    born: `1970-01-0${i + 1}`,
    prior: 'Scripted Plan',
  }));
  const crowd = await scriptedPeer(people);
  try {
    const { sql } = crowd.node.deps.database;
    const groups: object[] = [];
    const script = (refuses: (body: string) => boolean): Script => ({
      'POST /fhir/Group/$bulk-member-match': (r, a, body) => {
        if (refuses(body)) return status(422)(r, a, body);
        const asked = [...body.matchAll(/"resourceType":"Patient","id":"(m-[^"]+)".*?"birthDate":"([^"]+)"/g)];
        const who = asked.flatMap((m) => people.find((p) => p.born === m[2]) ?? []);
        const members = asked.map((m, i) => [m[1] ?? '', `p-${who[i]?.number ?? ''}`] as const);
        const n = groups.push({ ...groupOf(members, who), id: `g${groups.length}` }) - 1;
        return void a.writeHead(202, { 'content-location': `/status/m${n}` }).end();
      },
      ...Object.fromEntries(
        Array.from({ length: 10 }, (_, n): [string, Handler][] => [
          [`GET /status/m${n}`, (_r, a) => json(a, crowd.manifest([{ type: 'Group', url: `${crowd.base}/f/g${n}` }]))],
          [`GET /f/g${n}`, (r, a) => sends(JSON.stringify(groups[n]))(r, a, '')],
          [`POST /fhir/Group/g${n}/$davinci-data-export`, kicksOff],
        ]).flat(),
      ),
      'GET /status/export': (_r, a) => json(a, crowd.manifest([])),
    });
    const states = async (since: Date) => {
      for (let i = 0; i < 50 && (await crowd.node.worker.drain()) > 0; i++);
      return sql<{ state: string; reason: string | null; n: number }[]>`
        select p.state, p.reason, (select count(*)::int from exchange.pull_member m where m.pull_id = p.id and m.outcome = 'matched') as n
        from exchange.pull p where p.created_at >= ${since} order by n`;
    };
    const lacks = async () =>
      (await sql`select abilities->'lacks' as l from exchange.peer where id = 'scripted'`)[0]?.['l'];
    expect(await crowd.pull(script(() => false))).toMatchObject({ state: 'done' });
    const second = crowd.node.deps.clock();
    await crowd.pull(script((body) => body.includes('FamilyC')));
    const one = await states(second);
    expect(one.reduce((n, p) => n + p.n, 0)).toBe(4);
    expect(one.filter((p) => p.state === 'failed')).toEqual([{ state: 'failed', reason: 'kick-off-422', n: 0 }]);
    expect(await lacks()).toEqual([]);
    // one that takes no one any more is not asked for each by itself
    const third = crowd.node.deps.clock();
    await crowd.pull(script(() => true));
    const none = await states(third);
    expect(none.map((p) => p.state)).toEqual(none.map(() => 'failed'));
    expect(await lacks()).toEqual([]);
  } finally {
    await crowd.close();
  }
});

test('of a peer that refused every form nothing is learned: mended, it is asked as it offers', async () => {
  const statement = speaks({ Group: { operation: ['bulk-member-match', 'davinci-data-export'] } });
  const refuses: Script = {
    'GET /fhir/metadata': statement,
    'POST /fhir/Group/g1/$davinci-data-export': status(400),
    'GET /fhir/Group/g1/$export': status(404),
  };
  const refused = await peer.pull(refuses);
  expect([refused.state, refused.reason]).toEqual(['failed', 'kick-off-404']);
  const mended = await peer.pull({ 'GET /fhir/metadata': statement });
  expect([mended.state, mended.fetchForm, await peer.ledger(mended.id)]).toEqual(['done', 'davinci', { created: 2 }]);
});

test('a job whose pull ended while the process died is released by the schedule, once', async () => {
  const done = await peer.pull();
  const { sql } = peer.node.deps.database;
  await sql`update exchange.pull set released_at = null where id = ${done.id}`;
  await sql`insert into exchange.staging (pull_id, file, line, entry) values (${done.id}, 0, 1, 0)`;
  peer.seen.length = 0;
  await peer.node.worker.release();
  await peer.node.worker.release();
  expect(paths('DELETE')).toEqual(['/status/match', '/status/export']);
  // nor is anything left of it on the way
  expect(await sql`select from exchange.staging`).toHaveLength(0);
});

describe('one member at a time', () => {
  const single = (over: Script = {}): Script => ({
    [METADATA]: speaks({ Patient: { operation: ['member-match', 'export'], search: ['identifier'] } }),
    'POST /fhir/Patient/$member-match': matchAnswer(identified, {
      name: 'MemberId',
      valueReference: { reference: 'Patient/p9' },
    }),
    'POST /fhir/Patient/$export': kicksOff,
    ...over,
  });

  test('$member-match, then Patient/$export of that Patient', async () => {
    const done = await peer.pull(single());
    expect([done.state, done.matchForm, done.fetchForm, await peer.stored()]).toEqual([
      'done',
      'single',
      'patient',
      ['a', 'b'],
    ]);
    const asked = JSON.parse(peer.seen.find((s) => s.path.endsWith('member-match'))?.body ?? '{}') as {
      parameter: { name: string }[];
    };
    expect(asked.parameter.map((p) => p.name)).toEqual([
      'MemberPatient',
      'CoverageToMatch',
      'CoverageToLink',
      'Consent',
    ]);
    expect(peer.seen.find((s) => s.path.endsWith('Patient/$export'))?.body).toContain('Patient/p9');
    const [clock] = await peer.node.deps.database.sql`select state from exchange.deadline where kind = 'C2'`;
    expect(clock?.['state']).toMatch(/^met/);
  });

  test('a server that takes patients as texts only is asked so, and again next time', async () => {
    const taken: Handler = (request, answer, body) => {
      const { parameter } = JSON.parse(body) as { parameter: { name: string; valueString?: string }[] };
      const named = parameter.filter((p) => p.name === 'patient');
      if (named.length > 0 && named.every((p) => p.valueString?.startsWith('Patient/')))
        return kicksOff(request, answer, body);
      const issue = [{ severity: 'error', code: 'processing', diagnostics: 'patient of type Reference' }];
      return json(answer, { resourceType: 'OperationOutcome', issue }, 400);
    };
    const script = single({ 'POST /fhir/Patient/$export': taken });
    const done = await peer.pull(script);
    expect([done.state, done.fetchForm, await peer.stored()]).toEqual(['done', 'patient', ['a', 'b']]);
    const asked = () => peer.seen.filter((s) => s.path.endsWith('Patient/$export')).length;
    expect(asked()).toBe(2);
    const [known] = await peer.node.deps.database
      .sql`select abilities->'lacks' as lacks from exchange.peer where id = ${done.peerId}`;
    expect(known?.['lacks']).toEqual(['patient-references']);
  });

  test('an identifier instead of an id leads to exactly one Patient', async () => {
    const found = (...patients: object[]) =>
      single({
        'POST /fhir/Patient/$member-match': matchAnswer(identified),
        'GET /fhir/Patient': (_, a) => json(a, bundle(patients)),
      });
    const done = await peer.pull(found(PERSON_THERE));
    expect([done.state, await peer.stored()]).toEqual(['done', ['a', 'b']]);
    expect(peer.seen.find((s) => s.path === '/fhir/Patient')?.url).toBe('/fhir/Patient?identifier=urn%3As%7CU1');
    for (const patients of [
      [],
      [{ ...PERSON_THERE, birthDate: '1974-12-26' }],
      [PERSON_THERE, { ...PERSON_THERE, id: 'p10' }],
    ]) {
      // it knows the member, and whom it means is not found: no answer, and the duty goes on
      const none = await peer.pull(found(...patients));
      expect([none.state, none.reason, await peer.findings(none.id)]).toEqual([
        'failed',
        'no-answer',
        { 'peer-match-unsaid': 1 },
      ]);
    }
  });

  test('a Patient of another server is no one there', async () => {
    const elsewhere = { name: 'MemberId', valueReference: { reference: `${peer.foreignBase}/fhir/Patient/p9` } };
    const none = await peer.pull(single({ 'POST /fhir/Patient/$member-match': matchAnswer(elsewhere) }));
    expect([none.state, none.reason, paths().includes('/fhir/Patient/p9')]).toEqual(['failed', 'no-answer', false]);
    const here = { name: 'MemberId', valueReference: { reference: `${peer.base}/fhir/Patient/p9` } };
    const done = await peer.pull(single({ 'POST /fhir/Patient/$member-match': matchAnswer(here) }));
    expect([done.state, await peer.stored()]).toEqual(['done', ['a', 'b']]);
  });

  test('one whose question it does not take, or answers so that no one can read it, keeps no other from being asked for', async () => {
    const people = ['Rivera', 'Stone', 'Poole', 'Nowhere'].map((family, i) => ({
      number: `N${i}`,
      family,
      given: 'Kim',
      born: `1970-01-0${i + 1}`,
      prior: 'Scripted Plan',
    }));
    const crowd = await scriptedPeer(people);
    try {
      const outcome = (code: string) => ({ resourceType: 'OperationOutcome', issue: [{ severity: 'error', code }] });
      const done = await crowd.pull(
        single({
          'POST /fhir/Patient/$member-match': (r, a, body) => {
            if (body.includes('Stone')) return status(422, outcome('structure'))(r, a, body);
            if (body.includes('Poole')) return json(a, '<html>', 200);
            if (body.includes('Nowhere')) return status(422, outcome('processing'))(r, a, body);
            const reference = 'Patient/p9';
            return matchAnswer(identified, { name: 'MemberId', valueReference: { reference } })(r, a, body);
          },
        }),
      );
      const { sql } = crowd.node.deps.database;
      const rows = await sql<{ family: string; outcome: string; state: string }[]>`
        select m.member_id, r.body::json->'name'->0->>'family' as family, m.outcome, k.state from exchange.pull_member m
        join exchange.resource r on r.member_id = m.member_id and r.type = 'Patient' and r.origin = 'own'
        join exchange.deadline k on k.kind = 'C2' and k.subject = m.other_coverage_id where m.pull_id = ${done.id} order by 2`;
      expect(rows.map((r) => `${r.family} ${r.outcome} ${r.state}`)).toEqual([
        'Nowhere not-matched met',
        'Poole missing open',
        'Rivera matched met',
        'Stone missing open',
      ]);
      expect([done.state, await crowd.findings(done.id)]).toMatchObject(['done', { 'peer-match-unsaid': 2 }]);
    } finally {
      await crowd.close();
    }
  });

  test('422 is an answer: no one, or not with this choice', async () => {
    const none = await peer.pull(single({ 'POST /fhir/Patient/$member-match': status(422) }));
    expect([none.state, none.reason]).toEqual(['done', 'no-match']);
    const held = await peer.pull(
      single({
        'POST /fhir/Patient/$member-match': status(422, {
          resourceType: 'OperationOutcome',
          issue: [{ code: 'suppressed' }],
        }),
      }),
    );
    const [member] = await peer.node.deps.database
      .sql`select outcome from exchange.pull_member where pull_id = ${held.id}`;
    expect([held.reason, member?.['outcome']]).toEqual(['no-match', 'constrained']);
  });

  test.each([
    ['without a code', { severity: 'error', diagnostics: 'not enabled here' }],
    ['with a code', { severity: 'error', code: 'exception' }],
  ])('an export of some Patients whose job fails, reported %s, is given up for another way', async (_, issue) => {
    const done = await peer.pull(
      single({
        [METADATA]: speaks({ Patient: { operation: ['member-match', 'export', 'everything'] } }),
        'GET /status/export': status(500, { resourceType: 'OperationOutcome', issue: [issue] }),
        'GET /fhir/Patient/p9/$everything': (_r, a) => json(a, bundle([parsed('a'), parsed('b')])),
      }),
    );
    expect([done.state, done.fetchForm, await peer.stored()]).toEqual(['done', 'everything', ['a', 'b']]);
  });

  test('$everything, page after page; decimals stay as they were written', async () => {
    const done = await peer.pull(
      single({
        [METADATA]: speaks({ Patient: { operation: ['member-match', 'everything'] } }),
        'GET /fhir/Patient/p9/$everything': (r, a) =>
          void a
            .writeHead(200, { 'content-type': 'application/fhir+json' })
            .end(
              r.url?.includes('page')
                ? JSON.stringify(bundle([parsed('b')]))
                : JSON.stringify(bundle([parsed('a')], '/fhir/Patient/p9/$everything?page=2')).replace(
                    '"value":13.5',
                    '"value":13.500',
                  ),
            ),
      }),
    );
    expect([done.state, done.fetchForm, await peer.stored()]).toEqual(['done', 'everything', ['a', 'b']]);
    // an answer without a manifest declares neither counts nor types
    const declared = await peer.node.deps.database
      .sql`select kind from exchange.finding where pull_id = ${done.id} and kind in ('count-missing', 'mixed-types')`;
    expect(declared).toHaveLength(0);
    const [row] = await peer.node.deps.database
      .sql`select body from exchange.resource where origin = 'scripted' and body like '%13.500%'`;
    expect(row).toBeDefined();
    expect(done.transactionTime).toBeNull();
  });

  test.each([
    ['by address', '/fhir/Patient/p9/$everything'],
    ['by content', '/fhir/Patient/p9/$everything?page=2'],
    ['to another host', 'FOREIGN'],
    ['nowhere', ''],
  ])('$everything whose pages lead round or away, %s, is not taken', async (_, next) => {
    const rested = await peer.pull(
      single({
        [METADATA]: speaks({ Patient: { operation: ['member-match', 'everything'] } }),
        'GET /fhir/Patient/p9/$everything': (_r, a) =>
          json(a, bundle([parsed('a')], next === 'FOREIGN' ? `${peer.foreignBase}/x` : next)),
      }),
    );
    expect([rested.state, rested.reason, await peer.stored()]).toEqual(['partial', 'file-failed', []]);
    expect(peer.strangers).toEqual([]);
  });

  test('$everything: an entry that is no record is a line with its reason, a word about the search is none', async () => {
    const outcome = { resource: { resourceType: 'OperationOutcome' }, search: { mode: 'outcome' } };
    const odd = [
      { resource: { id: 'x' } },
      { fullUrl: 'urn:x' },
      'text',
      { request: { method: 'DELETE', url: 'Observation/z' } },
    ];
    const page = { ...bundle([]), entry: [{ resource: parsed('a') }, outcome, ...odd] };
    const done = await peer.pull(
      single({
        [METADATA]: speaks({ Patient: { operation: ['member-match', 'everything'] } }),
        'GET /fhir/Patient/p9/$everything': (_r, a) =>
          json(a, JSON.stringify(page).replace('"entry"', '"entr\\u0079"')),
      }),
    );
    expect([done.state, await peer.ledger(done.id)]).toEqual(['done', { created: 1, 'rejected not-a-resource': 4 }]);
    expect(await peer.findings(done.id)).toMatchObject({ 'peer-bundle-outcome': 1 });
    const twice = await peer.pull(
      single({
        [METADATA]: speaks({ Patient: { operation: ['member-match', 'everything'] } }),
        'GET /fhir/Patient/p9/$everything': (_r, a) =>
          json(a, JSON.stringify(page).replace('"type"', '"entry":[{"resource":{}}],"type"')),
      }),
    );
    expect([twice.state, twice.reason]).toEqual(['partial', 'file-failed']);
  });

  test('$everything that is not there after all: searches, remembered', async () => {
    const script = single({
      [METADATA]: speaks({
        Patient: { operation: ['member-match', 'everything'], search: ['_id'] },
        Observation: { search: ['patient', 'code'] },
        Encounter: { search: ['date'] },
      }),
      'GET /fhir/Patient/p9/$everything': status(404),
      'GET /fhir/Patient': (_, a) => json(a, bundle([PERSON_THERE])),
      'GET /fhir/Observation': (_, a) => json(a, bundle([parsed('a'), parsed('b')])),
    });
    const done = await peer.pull(script);
    expect([done.state, done.fetchForm, await peer.stored()]).toEqual(['done', 'search', ['a', 'b']]);
    await peer.pull(script);
    expect(paths()).not.toContain('/fhir/Patient/p9/$everything');
  });

  test('a search that is refused for a type is no reason to leave the others; the report tells, and what all refuse is nothing', async () => {
    const script = (observations: Handler) =>
      single({
        [METADATA]: speaks({
          Patient: { operation: ['member-match'], search: ['identifier'] },
          Observation: { search: ['patient'] },
          Condition: { search: ['patient'] },
        }),
        'GET /fhir/Patient': (_, a) => json(a, bundle([PERSON_THERE])),
        'GET /fhir/Observation': observations,
        'GET /fhir/Condition': status(403),
      });
    const both: Handler = (_, a) => json(a, bundle([parsed('a'), parsed('b')]));
    const ill = { resourceType: 'Condition', id: 'c', subject: { reference: 'Patient/p9' }, code: { text: 'x' } };
    await peer.pull({ ...script(both), 'GET /fhir/Condition': (_, a) => json(a, bundle([ill])) });
    const done = await peer.pull(script(both));
    expect([done.state, done.fetchForm, await peer.stored()]).toEqual(['done', 'search', ['a', 'b']]);
    // what was not given is not gone
    const { sql } = peer.node.deps.database;
    expect(await sql`select from exchange.resource where type = 'Condition' and origin = 'scripted'`).toHaveLength(1);
    expect(await sql`select from exchange.finding where pull_id = ${done.id} and kind = 'missing-at-source'`).toEqual(
      [],
    );
    const report = await pullReport(peer.node.deps, done.id);
    expect(report && [refusedOf(report), report.conservation.total.verdict]).toEqual([['Condition'], 'holds']);
    expect(await peer.findings(done.id)).toMatchObject({ 'peer-incomplete': 1 });
    const none = await peer.pull(script(status(403)));
    expect([none.state, none.reason]).toEqual(['partial', 'file-failed']);
  });

  describe('searches of a server without pages', () => {
    const script = (answer: Handler) =>
      single({
        [METADATA]: speaks({
          Patient: { operation: ['member-match'], search: ['_id'] },
          Observation: { search: ['patient'] },
        }),
        'GET /fhir/Patient': (_, a) => json(a, bundle([PERSON_THERE])),
        'GET /fhir/Observation': answer,
      });
    const all = Array.from({ length: 130 }, (_, i) => `r${i}`);
    const of = (ids: string[], total: number) => ({ ...bundle(ids.map(parsed)), total });

    test('one that gives as many as asked for, and says that there are more, is asked for all', async () => {
      const done = await peer.pull(
        script((r, a) => {
          const count = Number(new URL(r.url ?? '', 'http://x').searchParams.get('_count') ?? 20);
          json(a, of(all.slice(0, count), all.length));
        }),
      );
      expect([done.state, await peer.stored()]).toEqual(['done', [...all].sort()]);
      expect(await peer.findings(done.id)).not.toHaveProperty('peer-incomplete');
    });

    const countOf = (url = '') => Number(new URL(url, 'http://x').searchParams.get('_count'));

    test.each<[string, Handler]>([
      ['refuses to give so many', (_, a) => void a.writeHead(400).end('{}')],
      ['says only that it cannot', (_, a) => json(a, { ...bundle([]), total: 130 })],
      ['answers with a page of HTML', (_, a) => void a.end('<html>')],
    ])('of one that %s, what it gave stands, and is reported to be less', async (_, refuses) => {
      const done = await peer.pull(
        script((r, a) => (countOf(r.url) > 100 ? refuses(r, a, '') : json(a, of(all.slice(0, 100), all.length)))),
      );
      expect([done.state, (await peer.stored()).length]).toEqual(['done', 100]);
      expect(await peer.findings(done.id)).toHaveProperty('peer-incomplete');
    });

    test('one that counts what is included as well has given all', async () => {
      const entry = [
        { resource: parsed('a'), search: { mode: 'match' } },
        {
          resource: {
            resourceType: 'Provenance',
            id: 'v',
            target: [{ reference: 'Observation/a' }],
            recorded: '2026-01-01T00:00:00Z',
            agent: [{ who: { display: 'x' } }],
          },
          search: { mode: 'include' },
        },
      ];
      const done = await peer.pull({
        ...script((_, a) => json(a, { resourceType: 'Bundle', type: 'searchset', total: 2, entry })),
        [METADATA]: speaks({
          Patient: { operation: ['member-match'], search: ['_id'] },
          Observation: { search: ['patient'], revinclude: ['Provenance:target'] },
        }),
      });
      expect([done.state, await peer.stored()]).toEqual(['done', ['a']]);
      expect(await peer.findings(done.id)).not.toHaveProperty('peer-incomplete');
    });

    test('what it keeps back all the same is reported', async () => {
      const done = await peer.pull(script((_, a) => json(a, of(['a', 'b'], 130))));
      expect([done.state, await peer.stored()]).toEqual(['done', ['a', 'b']]);
      expect(await peer.findings(done.id)).toHaveProperty('peer-incomplete');
    });
  });
});

describe('plain Bulk Data', () => {
  const listed = ndjson(
    JSON.stringify({ ...PERSON_THERE, identifier: [{ system: 'urn:card', value: 'XN1' }] }),
    JSON.stringify({ ...PERSON_THERE, id: 'p10', identifier: [{ system: 'urn:card', value: 'other' }] }),
  );
  test('Patients are found by search on the card number; their export names them', async () => {
    const done = await peer.pull({
      [METADATA]: speaks({
        Patient: { operation: ['export'], search: ['identifier'] },
        Group: { operation: ['export'] },
      }),
      'GET /fhir/Patient': (_, a) => json(a, bundle([{ ...PERSON_THERE, identifier: [{ value: 'XN1' }] }])),
      'POST /fhir/Patient/$export': kicksOff,
    });
    expect([done.state, done.matchForm, done.fetchForm, await peer.stored()]).toEqual([
      'done',
      'patients',
      'patient',
      ['a', 'b'],
    ]);
  });

  test('or by a list of Patients, of which nothing is kept', async () => {
    const done = await peer.pull({
      [METADATA]: speaks({ Patient: { operation: ['export'] } }),
      'GET /fhir/Patient/$export': (_, a) => void a.writeHead(202, { 'content-location': '/status/match' }).end(),
      'GET /status/match': (_, a) => json(a, peer.manifest([{ type: 'Patient', url: `${peer.base}/f/list` }])),
      'GET /f/list': sends(listed),
      'POST /fhir/Patient/$export': kicksOff,
    });
    expect([done.state, await peer.stored()]).toEqual(['done', ['a', 'b']]);
    expect((await peer.node.deps.blobs.list(`pulls/${done.id}/`)).filter((k) => k.includes('patients'))).toEqual([]);
  });

  test('the Group that was agreed on is exported as a whole; others in it are kept out', async () => {
    await peer.record({ groupThere: 'agreed' });
    const done = await peer.pull({
      [METADATA]: speaks({ Group: { operation: ['export'] } }),
      'GET /fhir/Group/agreed/$export': (r, a) =>
        void a
          .writeHead(202, { 'content-location': r.url?.includes('_type=Patient') ? '/status/match' : '/status/export' })
          .end(),
      'GET /status/match': (_, a) => json(a, peer.manifest([{ type: 'Patient', url: `${peer.base}/f/list` }])),
      'GET /f/list': sends(listed),
      'GET /status/export': (_, a) => json(a, peer.manifest([peer.file('/f/1')])),
      'GET /f/1': sends(ndjson(good('a'), good('c').replace('Patient/p9', 'Patient/p10'))),
    });
    expect([done.state, done.fetchForm, await peer.stored()]).toEqual(['done', 'group', ['a']]);
    expect(await peer.ledger(done.id)).toEqual({ created: 1, 'quarantined wrong-patient': 1 });
  });

  test('a peer that cannot be asked for some is not asked for all, unless its record says so', async () => {
    const script: Script = {
      [METADATA]: speaks({ Patient: { operation: ['export'], search: ['identifier'] } }),
      'GET /fhir/Patient': (_, a) => json(a, bundle([{ ...PERSON_THERE, identifier: [{ value: 'XN1' }] }])),
      'POST /fhir/Patient/$export': status(400),
      'GET /fhir/Patient/$export': kicksOff,
    };
    const failed = await peer.pull(script);
    expect([failed.state, paths().filter((p) => p.endsWith('$export'))]).toEqual(['partial', []]);
    await peer.record({ sendsAll: true });
    const { sql } = peer.node.deps.database;
    await sql`update exchange.peer set abilities = ${JSON.stringify({ ...negotiate({ operations: {}, systemOperations: [], guides: [], searchParams: {}, revincludes: false }, [], { groupThere: null, sendsAll: true }), lacks: ['patient'] })}::text::jsonb, abilities_at = now() where id = 'scripted'`;
    const done = await peer.pull(script);
    expect([done.state, done.fetchForm, await peer.stored()]).toEqual(['done', 'all', ['a', 'b']]);
  });
});

describe('what is promised and not kept', () => {
  test('a bulk match that is not there: one by one; remembered', async () => {
    const script: Script = {
      'POST /fhir/Group/$bulk-member-match': status(404),
      'POST /fhir/Patient/$member-match': matchAnswer(identified, {
        name: 'MemberId',
        valueReference: { reference: 'Patient/p9' },
      }),
      'POST /fhir/Patient/$export': kicksOff,
    };
    const done = await peer.pull(script);
    expect([done.state, done.matchForm, await peer.findings(done.id)]).toEqual(['done', 'single', { 'peer-form': 1 }]);
    await peer.pull(script);
    expect(paths('POST')).not.toContain('/fhir/Group/$bulk-member-match');
    await peer.record({});
    // one that looks at what its token is for: it is asked for another one
    const scopes = new Map<string, string>();
    const strict = await peer.pull({
      ...script,
      'POST /token': (_, a, body) => {
        const scope = new URLSearchParams(body).get('scope') ?? '';
        const token = `t${scopes.size}`;
        scopes.set(`Bearer ${token}`, scope);
        json(a, { access_token: token, token_type: 'bearer', expires_in: 300, scope });
      },
      'POST /fhir/Patient/$member-match': (r, a, body) =>
        (scopes.get(r.headers.authorization ?? '')?.includes('member-match')
          ? (script['POST /fhir/Patient/$member-match'] as Handler)
          : status(403))(r, a, body),
    });
    expect([strict.state, strict.matchForm, scopes.size]).toEqual(['done', 'single', 2]);
    const [row] = await peer.node.deps.database.sql`select abilities_at as at from exchange.peer where id = 'scripted'`;
    expect(row?.['at']).toBeInstanceOf(Date);
  });

  test('scopes that are not granted: others are asked for', async () => {
    const asked: string[] = [];
    const done = await peer.pull({
      'POST /token': (_, a, body) => {
        const scope = new URLSearchParams(body).get('scope') ?? '';
        asked.push(scope);
        if (scope.includes('BulkMemberMatch')) json(a, { error: 'invalid_scope' }, 400);
        else json(a, { access_token: 't', token_type: 'Bearer', expires_in: 300 });
      },
    });
    expect([done.state, asked.at(-1)]).toEqual(['done', 'system/*.read']);
  });

  test('the audience is what the record says, and never what discovery says today', async () => {
    const [audiences, headers]: [string[], unknown[]] = [[], []];
    const keep: Handler = (_, a, body) => {
      const jwt = new URLSearchParams(body).get('client_assertion') ?? '';
      headers.push(JSON.parse(Buffer.from(jwt.split('.')[0] ?? '', 'base64url').toString()));
      audiences.push((JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString()) as { aud: string }).aud);
      json(a, { access_token: 't', token_type: 'Bearer', expires_in: 300 });
    };
    await peer.pull({ 'POST /token': keep });
    expect(audiences.at(-1)).toBe(`${peer.base}/token`);
    expect(headers.at(-1)).toEqual({ alg: 'ES384', kid: expect.any(String), typ: 'JWT' });
    await peer.record({ limits: { typedAssertion: 1, sendJku: 1 } });
    await peer.pull({ 'POST /token': keep });
    const jku = `${peer.node.deps.config.baseUrl}/exchange/auth/client-jwks.json`;
    expect(headers.at(-1)).toMatchObject({ typ: 'client-authentication+jwt', jku });
    await peer.node.deps.database.sql`update exchange.peer set issuer = 'https://issuer.example' where id = 'scripted'`;
    await peer.record({ audience: 'issuer' });
    const changed = await peer.pull({ 'POST /token': keep });
    expect([changed.state, changed.reason]).toEqual(['review', 'discovery-changed']);
    const config: Handler = (_, a) =>
      json(a, { token_endpoint: `${peer.base}/token`, issuer: 'https://issuer.example' });
    const done = await peer.pull({ 'POST /token': keep, 'GET /fhir/.well-known/smart-configuration': config });
    expect([done.state, audiences.at(-1)]).toEqual(['done', 'https://issuer.example']);
    await peer.node.deps.database.sql`update exchange.peer set issuer = null where id = 'scripted'`;
  });

  test('five failures in a row pause the peer: its pulls wait and lose no try', async () => {
    const { sql } = peer.node.deps.database;
    let failures = 0;
    const done = await peer.pull({
      'GET /fhir/metadata': (r, a, b) => {
        if (failures++ < 12) a.destroy();
        else peer.normal['GET /fhir/metadata']?.(r, a, b);
      },
    });
    expect(done.state).toBe('done');
    // 1 + 2 + 4 + 8 + 16 + 32 + 60 + 60 minutes: pauses grow to an hour
    expect(done.waited).toBeGreaterThan(2 * 3_600_000);
    const [row] = await sql`select failures, paused_until as until, failure from exchange.peer where id = 'scripted'`;
    expect(row).toEqual({ failures: 0, until: null, failure: null });
  });
});

describe('where a payer publishes its endpoints', () => {
  const publishes = (url: string): Script => ({
    'GET /fhir/.well-known/davinci-configuration': (_, a) =>
      json(a, { endpoints: { 'davinci_pdex_payer_endpoint#2.1': url } }),
  });
  const watch = (on: boolean) =>
    peer.node.deps.database
      .sql`update exchange.peer set discovery_url = ${on ? `${peer.base}/fhir` : null} where id = 'scripted'`;
  test('is looked at each day, without a pull: what differs is reported once, stands as an alert, and nothing is followed', async () => {
    const { deps } = peer.node;
    const { sql } = deps.database;
    await watch(true);
    await peer.pull(publishes(`${peer.foreignBase}/fhir`));
    await sql`delete from exchange.peer_check`;
    const told = async () => {
      const [row] = await sql`select count(*)::int as n from exchange.peer_change where what = 'discovery'`;
      const checks = await sql`select ok from exchange.peer_check order by id`;
      await keepAlerts(deps);
      const alerts = await sql`select 1 from exchange.alert where kind = 'peer-changed' and cleared_at is null`;
      return [row?.['n'], checks.map((c) => c['ok']), alerts.length];
    };
    const [before] = await told();
    await checkPeersDaily(deps);
    await checkPeersDaily(deps); // not again on the same day
    expect(await told()).toEqual([Number(before) + 1, [false], 1]);
    await sql`update exchange.peer_check set at = at - interval '25 hours'`;
    await checkPeersDaily(deps);
    expect(await told()).toEqual([Number(before) + 1, [false, false], 1]);
    expect((await sql`select fhir_base from exchange.peer where id = 'scripted'`)[0]?.['fhir_base']).toBe(
      `${peer.base}/fhir`,
    );
    await peer.pull(publishes(`${peer.base}/fhir`));
    await sql`update exchange.peer_check set at = at - interval '25 hours'`;
    await checkPeersDaily(deps);
    expect(await told()).toEqual([Number(before) + 1, [false, false, true], 0]);
    await watch(false);
  });

  test('another address than the one we ask stops the pull before a token is asked for; the same, or none, does not', async () => {
    await watch(true);
    const moved = await peer.pull(publishes(`${peer.foreignBase}/fhir`));
    expect([moved.state, moved.reason, paths('POST')]).toEqual(['review', 'discovery-changed', []]);
    const [change] = await peer.node.deps.database
      .sql`select before, after, by_kind from exchange.peer_change where what = 'discovery' order by id desc limit 1`;
    expect(change).toEqual({
      before: { 'published FHIR address': `${peer.base}/fhir` },
      after: { 'published FHIR address': `${peer.foreignBase}/fhir` },
      by_kind: 'system',
    });
    expect((await peer.pull(publishes(`${peer.base}/fhir/`))).state).toBe('done');
    // another payer by what it says there: whatever the address, no one is asked for
    const { sql } = peer.node.deps.database;
    const says = (value: string): Script => ({
      'GET /fhir/.well-known/davinci-configuration': (_, a) =>
        json(a, {
          identifier: { system: 'http://hl7.org/fhir/sid/us-npi', value },
          endpoints: { davinci_pdex_payer_endpoint: `${peer.base}/fhir` },
        }),
    });
    await sql`update exchange.peer set npi = '9000000106' where id = 'scripted'`;
    const taken = await peer.pull(says('9000000205'));
    expect([taken.state, taken.reason, paths('POST')]).toEqual(['review', 'discovery-changed', []]);
    const [who] =
      await sql`select before, after from exchange.peer_change where what = 'discovery' order by id desc limit 1`;
    expect(who).toEqual({ before: { 'published NPI': '9000000106' }, after: { 'published NPI': '9000000205' } });
    for (const same of ['9000000106', '1234567890']) expect((await peer.pull(says(same))).state).toBe('done');
    await sql`update exchange.peer set npi = null where id = 'scripted'`;
    expect((await peer.pull()).state).toBe('done');
    expect(peer.strangers).toEqual([]);
    await watch(false);
  });
  test('documents of both kinds', () => {
    const urls = readDavinci({
      endpoints: {
        davinci_pdex_payer_endpoint: 'https://a/',
        'davinci_pdex_payer_endpoint#2.0': 'https://b',
        'davinci_pdex_payer_endpoint#2.1': 'https://c',
        other: 'https://d',
        'davinci_pdex_payer_endpoint#1.0': 'javascript:1',
      },
    }).map((e) => e.url);
    expect(urls).toEqual(['https://c', 'https://b', 'https://a']);
    const plan = (url: string | null) => ({ plan_endpoints: { 'davinci_payer_to_payer_endpoint#1.1': url } });
    expect(
      readPayerIndex({ plan_groups: [plan('https://a/'), plan(null), plan('https://a/')] }).map((e) => e.url),
    ).toEqual(['https://a']);
    for (const nothing of [null, [], 'x', {}, { endpoints: [] }, { plan_groups: 7 }])
      expect([...readDavinci(nothing), ...readPayerIndex(nothing)]).toEqual([]);
  });
});

describe('judgements alone', () => {
  const record = { groupThere: null, sendsAll: false };
  const statement = (operations: Record<string, string[]>, searchParams: Record<string, string[]> = {}) => ({
    operations,
    systemOperations: [],
    guides: [],
    searchParams,
    revincludes: false,
  });
  test.each<[string, Record<string, string[]>, Record<string, string[]>, string, string]>([
    ['nothing said', {}, {}, 'bulk', 'davinci'],
    [
      'all of PDex',
      { Group: ['bulk-member-match', 'davinci-data-export', 'export'], Patient: ['member-match', 'export'] },
      {},
      'bulk',
      'davinci',
    ],
    [
      'canonicals alone',
      {
        Group: [
          'http://hl7.org/fhir/us/davinci-pdex/OperationDefinition/BulkMemberMatch',
          'http://hl7.org/fhir/us/davinci-atr/OperationDefinition/davinci-data-export|2.1.0',
        ],
      },
      {},
      'bulk',
      'davinci',
    ],
    ['bulk match and plain export', { Group: ['bulk-member-match', 'export'] }, {}, 'bulk', 'group'],
    ['single match and everything', { Patient: ['member-match', '$everything'] }, {}, 'single', 'everything'],
    ['single match and searches', { Patient: ['member-match'] }, { Observation: ['patient'] }, 'single', 'search'],
    ['plain', { Patient: ['patient-export'], Group: ['group-export'] }, {}, 'patients', 'patient'],
  ])('%s', (_, operations, searches, match, fetch) => {
    expect(negotiate(statement(operations, searches), [], record)).toMatchObject({ match, fetch });
  });
  test('falling back ends', () => {
    let a: Abilities | undefined = negotiate(
      statement({ Patient: ['member-match', 'export', 'everything'] }),
      [],
      record,
    );
    const seen: string[] = [];
    for (; a !== undefined; a = withoutForm(a, a.fetch)) seen.push(a.fetch);
    expect(seen).toEqual(['patient', 'everything', 'search']);
  });
  test('scopes', () => {
    const of = (match: Abilities['match'], ...scopes: string[]) =>
      scopeAttempts({ abilities: { match, scopes } as Abilities })[0]?.join(' ');
    expect(of('bulk')).toContain('BulkMemberMatch');
    expect(
      of('bulk', 'http://hl7.org/fhir/us/davinci-pdex/OperationDefinition/bulk-member-match', 'system/*.rs'),
    ).toContain('/bulk-member-match');
    expect(of('single')).toContain('member-match');
    expect(of('patients', 'system/*.read')).toBe('system/*.read');
  });
  test('answers to $member-match', () => {
    const read = (code: number, body: object) =>
      readSingleMatch(code, JSON.stringify(body), 'https://peer.example/fhir');
    expect(
      read(200, {
        resourceType: 'Parameters',
        parameter: [{ name: 'MemberIdentifier', valueIdentifier: { value: '7' } }],
      }),
    ).toEqual({ isThere: true, identifier: '7' });
    expect(read(422, {})).toEqual({ isThere: true, outcome: 'not-matched', peerPatientId: null });
    const said = (code: number, issue: string) =>
      (read(code, { resourceType: 'OperationOutcome', issue: [{ code: issue }] }) as { outcome: string }).outcome;
    expect([said(422, 'required'), said(400, 'invalid'), said(200, 'x')]).toEqual(['missing', 'missing', 'missing']);
    expect([said(422, 'invalid'), said(400, 'not-found')]).toEqual(['not-matched', 'not-matched']);
    // of a server without the operation, or of a member: what else it answers tells
    expect([read(404, {}), read(400, {})].map((r) => [r.isThere, 'outcome' in r && r.outcome])).toEqual([
      [false, 'missing'],
      [false, 'missing'],
    ]);
    expect(read(404, { resourceType: 'OperationOutcome', issue: [{ code: 'not-found' }] })).toMatchObject({
      isThere: false,
      outcome: 'not-matched',
    });
    for (const code of [400, 404])
      expect(read(code, { resourceType: 'OperationOutcome', issue: [{ code: 'not-supported' }] })).toHaveProperty(
        'lacks',
      );
    expect(read(405, {})).toHaveProperty('lacks');
    for (const [code, reason] of [
      [403, 'forbidden'],
      [418, 'match-418'],
    ] as const)
      expect(() => read(code, {})).toThrow(reason);
  });
  test('one person of theirs for two of ours is neither', () => {
    const m = (submittedId: string, peerPatientId: string) => ({
      submittedId,
      outcome: 'matched' as const,
      peerPatientId,
    });
    const all = [m('1', 'a'), m('2', 'a'), m('3', 'b')];
    const ofOne = new Map(['1', '2', '3'].map((id) => [id, 'one']));
    expect(onePersonEach(all, ofOne).map((x) => x.outcome)).toEqual(['matched', 'matched', 'matched']);
    expect(onePersonEach(all, new Map()).map((x) => x.outcome)).toEqual(['conflict', 'conflict', 'matched']);
  });
});
