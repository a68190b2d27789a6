// A document of another payer that came, went on to a peer, and turns out to support what is denied: the peer's next export says that it is gone.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { localId } from '../../exchange/reconcile/local-id.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { decided, preauthorization } from './authorization-fixture.ts';
import { ExportClient, keysOf } from './export-client.ts';
import { client } from './peer-client.ts';
import { ASKER, card, enrol, idOf, PEOPLE, US } from './plan-fixture.ts';
import { output, PEER, puller } from './reconcile/reconcile-pull.ts';

const { rivera } = PEOPLE;
let node: TestNode;
let them: ExportClient;
let group: string;

beforeAll(async () => {
  node = await startNode({ PLAN_NPI: US.npi, PLAN_NAME: US.name });
  them = new ExportClient(node, await client(node, 'a', { npi: ASKER.npi }));
  await them.signIn();
  await enrol(node.deps, [rivera]);
  group = await them.group([card(rivera)]);
});
afterAll(() => node.close());

const letter = (id: string, related?: string) => ({
  resourceType: 'DocumentReference',
  id,
  status: 'current',
  type: { text: id },
  subject: { reference: 'Patient/p1' },
  content: [{ attachment: { contentType: 'text/plain', data: 'eA==' } }],
  ...(related === undefined ? {} : { context: { related: [{ reference: related }] } }),
});
const authorization = (code: string, day: string) => ({
  ...preauthorization('imaging', `${day}T00:00:00Z`),
  created: day,
  preAuthRefPeriod: [{ start: day }],
  item: [{ sequence: 1, productOrService: { text: 'imaging' } }],
  adjudication: [decided(code, `${day}T00:00:00Z`)],
});
const LIST = '_type=DocumentReference,ExplanationOfBenefit';
const exported = async (more = '') => {
  const { manifest } = await them.finished(await them.get(`Group/${group}/$export`, LIST + more));
  const keys = keysOf(await them.output(manifest));
  return { keys: keys.sort(), deleted: (await them.deleted(manifest)).sort(), at: manifest.transactionTime };
};
const local = (type: string, id: string) => `${type}/${localId(PEER, type, id)}`;

test('it is reported as deleted, and no one reads it any more; granted again, it comes again', async () => {
  const members = { p1: idOf(rivera) };
  const prior = await puller(node.deps, undefined, 'regular', members);
  await prior.pull([
    output('DocumentReference', letter('plan', 'ExplanationOfBenefit/imaging'), letter('free')),
    output('ExplanationOfBenefit', authorization('A1', '2026-10-05')),
  ]);
  const [plan, free] = [local('DocumentReference', 'plan'), local('DocumentReference', 'free')];
  const benefit = local('ExplanationOfBenefit', 'imaging');
  const first = await exported();
  expect(first).toMatchObject({ keys: [plan, free, benefit].sort(), deleted: [] });
  expect((await them.call(`/${plan}`)).status).toBe(200);

  await prior.pull([output('ExplanationOfBenefit', authorization('A3', '2026-11-05'))], { since: new Date() });
  const second = await exported(`&_since=${first.at}`);
  expect(second).toMatchObject({ keys: [], deleted: [plan, benefit].sort() });
  expect((await them.call(`/${plan}`)).status).toBe(404);
  expect((await them.call(`/${benefit}`)).status).toBe(410);
  expect((await exported()).keys).toEqual([free]);

  await prior.pull([output('ExplanationOfBenefit', authorization('A1', '2026-11-20'))], { since: new Date() });
  expect(await exported(`&_since=${second.at}`)).toMatchObject({ keys: [plan, benefit].sort(), deleted: [] });
});
