// The two payers of the sandbox find each other when their data folder is started with another PORT.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readdress } from '../../exchange/commands/sandbox.ts';
import { findPeer, pinPeer } from '../../exchange/peers/peer.ts';
import { changePeer, fieldsOf } from '../../exchange/peers/registry.ts';
import { PRIOR_PEER } from '../../src/seed/index.ts';
import { introduce, startNode, type TestNode } from '../support/node.ts';

let ours: TestNode;
let prior: TestNode;
beforeAll(async () => {
  [ours, prior] = await Promise.all([startNode(), startNode()]);
  await introduce(ours, prior, { asker: 'our-plan', responder: PRIOR_PEER });
});
afterAll(() => Promise.all([ours.close(), prior.close()]));

const at = (node: TestNode, port: number) => {
  const config = { ...node.deps.config, sandbox: true, baseUrl: `http://localhost:${port}` };
  return { config, deps: { ...node.deps, config } };
};
const here = async () =>
  (
    await ours.deps.database.sql`
      select fhir_base, token_endpoint, cardinality(origins) as origins, epoch, state from exchange.peer where id = ${PRIOR_PEER}`
  )[0];
const there = async () =>
  (await prior.deps.database.sql`select jwks_url, epoch from exchange.peer where id = 'our-plan'`)[0];

test('each is told where the other one is, once, and what somebody registered in its place stays', async () => {
  const { sql } = ours.deps.database;
  const moved = () => readdress(at(ours, 9000), at(prior, 9001));
  // 127.0.0.1 is what `introduce` registers, and no address of the sandbox
  const [before, known] = [await here(), await there()];
  await moved();
  expect([await here(), await there()]).toEqual([before, known]);

  await sql`update exchange.peer set fhir_base = 'http://localhost:8081/exchange/fhir' where id = ${PRIOR_PEER}`;
  const [origin, token] = ['http://localhost:8081', 'http://localhost:8081/exchange/auth/token'];
  await pinPeer(sql, PRIOR_PEER, { tokenEndpoint: token, issuer: undefined, origins: [origin] });
  await prior.deps.database.sql`update exchange.peer set jwks_url = 'http://localhost:8080/jwks' where id = 'our-plan'`;
  await moved();
  expect(await here()).toMatchObject({
    fhir_base: 'http://localhost:9001/exchange/fhir',
    token_endpoint: null,
    origins: 0,
    state: 'active',
  });
  expect(await there()).toMatchObject({ jwks_url: 'http://localhost:9000/exchange/auth/client-jwks.json' });
  const again = [await here(), await there()];
  await moved();
  expect([await here(), await there()]).toEqual(again);

  // a port of this machine that a person wrote
  const by = { kind: 'staff', name: 'somebody' } as const;
  const mine = (port: number) => `http://localhost:${port}/x`;
  const [us, them] = [await findPeer(sql, PRIOR_PEER), await findPeer(prior.deps.database.sql, 'our-plan')];
  if (!us || !them) throw new Error('not introduced');
  await changePeer(at(ours, 9000).deps, PRIOR_PEER, { ...fieldsOf(us), fhirBase: mine(7001) }, by);
  await changePeer(at(prior, 9001).deps, 'our-plan', { ...fieldsOf(them), jwksUrl: mine(7000) }, by);
  await readdress(at(ours, 9100), at(prior, 9101));
  expect([await here(), await there()]).toMatchObject([{ fhir_base: mine(7001) }, { jwks_url: mine(7000) }]);
});
