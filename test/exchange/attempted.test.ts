// A payer that takes the question about our members and then does not finish: the duty stands as attempted, with why (compliance.md C11); and
// one that answers on the last day that it has no such member (C10).
import { afterAll, beforeAll, expect, test } from 'vitest';
import { overdueClocks } from '../../exchange/members/deadlines/deadline.ts';
import { ndjson, type ScriptedPeer, scriptedPeer, sends, status } from '../support/scripted-peer.ts';

let peer: ScriptedPeer;
beforeAll(async () => {
  peer = await scriptedPeer();
});
afterAll(() => peer.close());
const duty = async () =>
  [...(await peer.node.deps.database.sql`select state, reason from exchange.deadline where kind = 'C2'`)][0];
const overdue = async () =>
  (await overdueClocks(peer.node.deps.database.sql, peer.node.deps.clock())).find((o) => o.kind === 'C2')?.n ?? 0;

test('a payer that is away or refuses before it has the question leaves the duty open; one that takes it and fails, attempted; met after all', async () => {
  expect(
    await peer.pull({ 'GET /fhir/metadata': status(503), 'POST /fhir/Group/$bulk-member-match': status(503) }),
  ).toMatchObject({ state: 'failed' });
  expect(await duty()).toEqual({ state: 'open', reason: null });
  // one that does not take the question at all leaves it running, and that it refused is reported
  expect(await peer.pull({ 'POST /fhir/Group/$bulk-member-match': status(403) })).toMatchObject({ state: 'refused' });
  expect(await duty()).toEqual({ state: 'open', reason: 'peer-refused' });
  const failed = await peer.pull({ 'GET /status/match': status(500) });
  expect(failed).toMatchObject({ state: 'failed' });
  expect(await duty()).toEqual({ state: 'attempted', reason: 'peer-failed' });
  // it is overdue all the same, and reported
  peer.at(new Date(peer.node.deps.clock().getTime() + 9 * 86_400_000));
  expect(await overdue()).toBe(1);
  expect(await peer.pull()).toMatchObject({ state: 'done' });
  expect(await duty()).toEqual({ state: 'met-late', reason: null });
  expect(await overdue()).toBe(0);
});

test('no such member, answered on the due day: met, with why', async () => {
  const { sql } = peer.node.deps.database;
  await sql`update exchange.deadline set state = 'open', reason = null, closed_at = null, due_at = ${new Date(peer.node.deps.clock().getTime() + 86_400_000)} where kind = 'C2'`;
  const nomatch = {
    resourceType: 'Group',
    id: 'g2',
    code: { coding: [{ code: 'nomatch' }] },
  };
  await peer.pull({
    'GET /f/group': (r, a, b) => {
      const id =
        /"resourceType":"Patient","id":"(m-[^"]+)"/.exec(
          peer.seen.find((s) => s.path.endsWith('$bulk-member-match'))?.body ?? '',
        )?.[1] ?? '';
      const contained = [{ resourceType: 'Patient', id, name: [{ family: 'Rivera' }], birthDate: '1974-12-25' }];
      sends(ndjson(JSON.stringify({ ...nomatch, contained, member: [{ entity: { reference: `#${id}` } }] })))(r, a, b);
    },
  });
  expect(await duty()).toEqual({ state: 'met', reason: 'no-unique-match' });
});
