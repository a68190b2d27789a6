// A peer that has two of our members, and takes one for the other, or tells of them apart.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { decideItem } from '../../exchange/review/decide.ts';
import { findItem } from '../../exchange/review/review-rows.ts';
import {
  groupOf,
  json,
  ndjson,
  type Script,
  type ScriptedPeer,
  scriptedPeer,
  sends,
  status,
} from '../support/scripted-peer.ts';
import type { Person } from './plan-fixture.ts';
import { lab } from './reconcile/reconcile-pull.ts';

const ana: Person = { number: 'N1', family: 'Rivera', given: 'Ana', born: '1974-12-25', prior: 'Scripted Plan' };
const ben: Person = { number: 'N2', family: 'Okafor', given: 'Ben', born: '1980-02-03', prior: 'Scripted Plan' };
let peer: ScriptedPeer;
/** ids under which Ana and Ben were submitted last */
let submitted: string[] = [];

beforeAll(async () => {
  peer = await scriptedPeer([ana, ben]);
});
beforeEach(() => peer.record({}));
afterAll(() => peer.close());

const of = (id: string, patient: string) => JSON.stringify(lab(id, { subject: { reference: `Patient/${patient}` } }));
const patient = (id: string, { family, given, born }: Person) =>
  JSON.stringify({
    resourceType: 'Patient',
    id,
    name: [{ family, given: [given] }],
    birthDate: born,
    gender: 'female',
  });

/** Takes both members, and answers with Groups of those whom it knows, each with the ids of Ana and Ben there. */
const matches = (...groups: { id: string; ana?: string; ben?: string }[]): Script => ({
  'POST /fhir/Group/$bulk-member-match': (_, a, body) => {
    const ids = new Map(
      [...body.matchAll(/"resourceType":"Patient","id":"(m-[^"]+)".*?"family":"([^"]+)"/g)].map((m) => [m[2], m[1]]),
    );
    submitted = [ids.get('Rivera') ?? '', ids.get('Okafor') ?? ''];
    a.writeHead(202, { 'content-location': '/status/match' }).end();
  },
  'GET /f/group': (r, a, b) => {
    const lines = groups.flatMap((g) => {
      const found = [[submitted[0], g.ana, ana] as const, [submitted[1], g.ben, ben] as const].filter(
        ([id, theirs]) => id !== '' && theirs !== undefined,
      );
      const members = found.map(([id = '', theirs = '']) => [id, theirs] as const);
      return found.length === 0
        ? []
        : [
            JSON.stringify({
              ...groupOf(
                members,
                found.map((f) => f[2]),
              ),
              id: g.id,
            }),
          ];
    });
    sends(ndjson(...lines))(r, a, b);
  },
});
const sent = (...lines: string[]): Script => ({
  'GET /status/export': (_, a) => json(a, peer.manifest([peer.file('/f/1')])),
  'GET /f/1': sends(ndjson(...lines)),
});
const holder = async (id: string) =>
  (
    await peer.node.deps.database.sql<{ given: string }[]>`
      select p.body::jsonb #>> '{name,0,given,0}' as given from exchange.resource r
      join exchange.resource p on p.member_id = r.member_id and p.type = 'Patient' and p.id = r.member_id
      where r.origin = 'scripted' and r.source_id = ${id} and not r.deleted`
  ).map((r) => r.given);

test('members in several match Groups: each Group is asked for, no one is left out', async () => {
  const { sql } = peer.node.deps.database;
  const rested = await peer.pull({
    ...matches({ id: 'g1', ana: 'p9' }, { id: 'g2', ben: 'p8' }),
    ...sent(of('of-ana', 'p9')),
    'POST /fhir/Group/g2/$davinci-data-export': (_, a) =>
      void a.writeHead(202, { 'content-location': `${peer.base}/status/second` }).end(),
    'GET /status/second': (_, a) => json(a, peer.manifest([peer.file('/f/2')])),
    'GET /f/2': sends(ndjson(of('of-ben', 'p8'))),
    'DELETE /status/second': status(202),
  });
  expect(rested.state).toBe('done');
  expect(await peer.findings(rested.id)).toEqual({ 'peer-match-groups': 1 });
  while ((await peer.node.worker.drain()) > 0);
  expect(await holder('of-ana')).toEqual(['Ana']);
  expect(await holder('of-ben')).toEqual(['Ben']);
  const pulls =
    await sql`select state, (select count(*)::int from exchange.pull_member m where m.pull_id = p.id and m.outcome = 'matched') as n from exchange.pull p order by created_at`;
  expect(pulls.map((p) => [p['state'], p['n']])).toEqual([
    ['done', 1],
    ['done', 1],
  ]);
});

test('a person there who was one member and is matched to another: what is new of the person waits too, until someone says who it is', async () => {
  const { deps } = peer.node;
  const { sql } = deps.database;
  const both = [patient('p9', ana), patient('p8', ben)];
  await peer.pull({ ...matches({ id: 'g1', ana: 'p9', ben: 'p8' }), ...sent(...both, of('a', 'p9'), of('b', 'p8')) });
  const swapped = { ...matches({ id: 'g1', ana: 'p8', ben: 'p9' }), ...sent(...both, of('a', 'p9'), of('new', 'p9')) };
  const rested = await peer.pull(swapped);
  expect([rested.state, await peer.ledger(rested.id)]).toEqual(['done', { 'quarantined patient-change': 4 }]);
  expect([await holder('a'), await holder('new')]).toEqual([['Ana'], []]);
  // it comes again, and still no one has said anything
  await peer.pull({ ...swapped, ...sent(...both, of('a', 'p9'), of('new', 'p9'), of('newer', 'p9')) });
  expect([await holder('new'), await holder('newer')]).toEqual([[], []]);
  // a person says that p9 is Ben: what comes of p9 from now on is his
  const [item] = await sql<{ id: string }[]>`
    select v.id from exchange.review_item v where v.kind = 'patient-change' and v.state = 'open' and v.id = md5(concat_ws('|', 'held', 'scripted', 'Patient', 'p9'))`;
  const found = await findItem(sql, item?.id ?? '');
  const reviewer = { subject: 'r', name: 'R', role: 'reviewer', development: false };
  const decide = {
    itemId: item?.id ?? '',
    decision: 'release',
    reason: 'It is Ben.',
    mark: found?.mark ?? '',
  } as const;
  expect(await decideItem(deps, reviewer, decide, 'q')).toBeUndefined();
  await peer.pull({ ...swapped, ...sent(patient('p9', ana), of('newest', 'p9')) });
  expect(await holder('newest')).toEqual(['Ben']);
});
