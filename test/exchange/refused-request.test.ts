// What a payer is refused for what is wrong with its request, and what is asked for without a good token, stands under Security and under Refusals, once an hour.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { complianceRows } from '../../exchange/compliance/report/report-figures.ts';
import { countSecurity, pageSecurity } from '../../exchange/compliance/security/security-events.ts';
import { keepClocks } from '../../exchange/schedule.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { type Client, client } from './peer-client.ts';
import { ASKER, US } from './plan-fixture.ts';

let node: TestNode;
let peer: Client;
let token: string;
const HOUR = 3_600_000;
const start = new Date();
let now = start;
beforeAll(async () => {
  node = await startNode({ PLAN_NPI: US.npi, PLAN_NAME: US.name }, { clock: () => now });
  peer = await client(node, 'a', { npi: ASKER.npi });
  token = await peer.token();
});
afterAll(() => node.close());

const post = async (bearer: string | undefined, body: object) => {
  const answer = await fetch(`${node.base}/exchange/fhir/Group/$bulk-member-match`, {
    method: 'POST',
    headers: {
      'content-type': 'application/fhir+json',
      prefer: 'respond-async',
      ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
    },
    body: JSON.stringify(body),
  });
  await answer.body?.cancel();
  return answer.status;
};
const NO_CONSENT = {
  resourceType: 'Parameters',
  parameter: [
    {
      name: 'MemberBundle',
      part: [
        { name: 'MemberPatient', resource: { resourceType: 'Patient', id: 'p1' } },
        { name: 'CoverageToMatch', resource: { resourceType: 'Coverage' } },
      ],
    },
  ],
};
const rows = async () =>
  (await pageSecurity(node.deps.database.sql, {}, 50)).map(({ action, reason, peerId, detail }) => ({
    action,
    reason,
    peerId,
    ...detail,
  }));

test('a bulk match without Consent is there with what was reported, and an hour of them is two rows that count', async () => {
  for (let n = 0; n < 5; n++) expect(await post(token, NO_CONSENT)).toBe(422);
  const route = '/exchange/fhir/Group/$bulk-member-match';
  const first = {
    action: 'access',
    reason: 'unprocessable',
    peerId: 'a',
    route,
    said: 'MemberBundle 1 has no Consent.',
  };
  expect(await rows()).toEqual([first]);
  // the hour is not over
  await keepClocks(node.deps);
  expect(await rows()).toEqual([first]);
  const hour = new Date(Math.floor(start.getTime() / HOUR) * HOUR).toISOString();
  now = new Date(start.getTime() + HOUR);
  await keepClocks(node.deps);
  await keepClocks(node.deps);
  expect(await rows()).toEqual([
    { action: 'access', reason: 'unprocessable', peerId: 'a', route, times: 4, hour },
    first,
  ]);
  const counts = await countSecurity(node.deps.database.sql, new Date(0));
  expect(counts).toEqual([{ action: 'access', reason: 'unprocessable', n: 5 }]);
  const scope = { from: start, to: new Date(start.getTime() + 2 * HOUR), now, peerId: 'a', lob: null, timeZone: 'UTC' };
  expect(await complianceRows(node.deps.database.sql, 'refusals', scope)).toMatchObject([
    { action: 'access', reason: 'unprocessable', n: 5, by: null },
  ]);
});

test('without a token, and with one that is not ours, no one is known: one row each, however often', async () => {
  await node.deps.database.sql`delete from exchange.refused_request`;
  const later = Date.parse('2027-12-01T12:05:00Z');
  now = new Date(later);
  for (let n = 0; n < 3; n++) expect(await post(undefined, {})).toBe(401);
  for (let n = 0; n < 3; n++) expect(await post('nonsense', {})).toBe(401);
  // two more are owed, and reported with the next that is recorded
  now = new Date(later + 2000);
  expect(await post('nonsense', {})).toBe(401);
  now = new Date(later + HOUR);
  await keepClocks(node.deps);
  const told = (await rows()).filter((r) => r.reason !== 'unprocessable');
  expect(told.map(({ reason, peerId, ...d }) => [reason, peerId, (d as { times?: number }).times])).toEqual([
    ['invalid-token', null, 3],
    ['invalid-token', null, undefined],
    ['no-token', null, undefined],
  ]);
});
