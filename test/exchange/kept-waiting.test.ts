// A payer that is reported to ask later (429): the time for its answer runs from when it asked first (compliance.md C05).
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startNode, type TestNode } from '../support/node.ts';
import { ExportClient } from './export-client.ts';
import { client } from './peer-client.ts';
import { ASKER, card, enrol, matchBody, PEOPLE, parts, US } from './plan-fixture.ts';

const KICK = { 'content-type': 'application/fhir+json', prefer: 'respond-async' };
// a Wednesday in New York
const WEDNESDAY = new Date('2027-03-10T15:00:00Z');
const DAY = 86_400_000;
let node: TestNode;
let them: ExportClient;
let now = WEDNESDAY;
const sql = () => node.deps.database.sql;
const clock = async (kind: string) =>
  [
    ...(await sql()<{ starts: Date; due: string; state: string }[]>`
      select starts_at as starts, to_char(due_at at time zone 'America/New_York', 'YYYY-MM-DD') as due, state from exchange.deadline where kind = ${kind} order by starts_at desc`),
  ][0];
const move = async (to: Date) => {
  now = to;
  await them.signIn(undefined, now);
};
const ask = () =>
  them.call('/Group/$bulk-member-match', {
    method: 'POST',
    headers: KICK,
    body: matchBody(parts(card(PEOPLE.rivera), '2027-03-10')),
  });
const refusals = async () =>
  (await sql()`select from exchange.audit where outcome = 'refused' and reason = 'busy'`).length;

beforeAll(async () => {
  node = await startNode({ PLAN_NPI: US.npi, PLAN_NAME: US.name }, { clock: () => now });
  await enrol(node.deps, [PEOPLE.rivera]);
  them = new ExportClient(node, await client(node, 'a', { npi: ASKER.npi }));
  await move(WEDNESDAY);
});
afterAll(() => node.close());

test('a match request runs from when it was sent first, also when it is taken the next day; each wait is reported once', async () => {
  await sql()`
    insert into exchange.bulk_job (id, kind, peer_id, state, request_url, parameters, received_at, due_at)
    select 'full-' || n, 'match', 'a', 'queued', 'x', '{}', ${new Date(WEDNESDAY.getTime() - DAY)}, ${WEDNESDAY} from generate_series(1, 20) n`;
  expect([(await ask()).status, (await ask()).status, await refusals()]).toEqual([429, 429, 1]);
  await sql()`delete from exchange.bulk_job where id like 'full-%'`;
  await move(new Date(WEDNESDAY.getTime() + DAY));
  expect((await ask()).status).toBe(202);
  expect(await clock('C3-match')).toMatchObject({ starts: WEDNESDAY, due: '2027-03-11' });
  const [job] = await sql()`select received_at as at, due_at as due from exchange.bulk_job where kind = 'match'`;
  expect([job?.['at'], job?.['due']]).toEqual([now, new Date('2027-03-12T04:59:59.999Z')]);
  // the next one is another
  await move(new Date(now.getTime() + 60_000));
  expect((await ask()).status).toBe(202);
  expect(await clock('C3-match')).toMatchObject({ starts: now, due: '2027-03-12' });
});

test('so does an export of a Group while another one of it runs; one that comes after days is a new one', async () => {
  await node.work();
  const group = await them.group([card(PEOPLE.rivera)]);
  const kick = (types = 'Patient,Coverage') =>
    them.kick(`Group/${group}/$davinci-data-export`, [{ name: '_type', valueString: types }]);
  expect((await kick()).status).toBe(202);
  const first = new Date(now.getTime() + 60_000);
  await move(first);
  expect((await kick('Patient')).status).toBe(429);
  await node.work();
  await move(new Date(first.getTime() + DAY));
  expect((await kick('Patient')).status).toBe(202);
  expect(await clock('C3-export')).toMatchObject({ starts: first, due: '2027-03-12' });
  expect((await kick()).status).toBe(429);
  await node.work();
  await move(new Date(now.getTime() + 5 * DAY));
  expect((await kick()).status).toBe(202);
  expect(await clock('C3-export')).toMatchObject({ starts: now });
});

test('the same export sent twice waits for its own answer: the next one, days later, has not been kept waiting', async () => {
  await node.work();
  const group = await them.group([card(PEOPLE.rivera)]);
  const kick = () => them.kick(`Group/${group}/$davinci-data-export`, [{ name: '_type', valueString: 'Patient' }]);
  expect((await kick()).status).toBe(202);
  const noted = await refusals();
  await move(new Date(now.getTime() + 1000));
  expect([(await kick()).status, await refusals()]).toEqual([429, noted]);
  await node.work();
  await move(new Date(now.getTime() + 3 * DAY));
  expect((await kick()).status).toBe(202);
  expect(await clock('C3-export')).toMatchObject({ starts: now });
});
