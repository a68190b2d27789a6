// Random choices of members, some told in transactions that end later, matches that are narrower, changed or taken back, and days that pass: whoever asks for
// a finished export is answered as if all its members were looked at each time. MODEL_SEED and MODEL_STEPS try other and longer ones.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { localDay } from '../../exchange/members/deadlines/business-day.ts';
import { grantsHeld } from '../../exchange/responder/grant.ts';
import type { Queryable } from '../../src/db/database.ts';
import { ExportClient, REGULAR, SENSITIVE } from '../exchange/export-client.ts';
import { client } from '../exchange/peer-client.ts';
import { ASKER, card, enrol, idOf, PEOPLE, US } from '../exchange/plan-fixture.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { numbers } from '../support/numbers.ts';

const SEED = Number(process.env['MODEL_SEED'] ?? 1);
const STEPS = Number(process.env['MODEL_STEPS'] ?? 60);
const { rivera, robert, junior } = PEOPLE;
const people = [rivera, robert, junior];
const DAY_MS = 86_400_000;

let node: TestNode;
let them: ExportClient;
let days = 0;
beforeAll(async () => {
  node = await startNode(
    { PLAN_NPI: US.npi, PLAN_NAME: US.name, EXPORT_TTL_HOURS: '168' },
    { clock: () => new Date(Date.now() + days * DAY_MS) },
  );
  them = new ExportClient(node, await client(node, 'a', { npi: ASKER.npi }));
  await them.signIn();
  await enrol(node.deps, people);
});
afterAll(() => node.close());

const next = numbers(SEED);
const pick = <T>(of: readonly T[]): T => of[Math.floor(next() * of.length)] as T;
const sql = () => node.deps.database.sql;

let choices = 0;
const choose = (tx: Queryable) => tx`
  insert into exchange.consent (id, member_id, choice, policy, recorded_on, sequence, source, created_at)
  values (${`c-${++choices}`}, ${idOf(pick(people))}, ${pick(['opt-in', 'opt-in', 'withdraw'])}, 'regular', ${localDay(node.deps.clock(), 'America/New_York')}::text::date,
    ${choices}, 'test', clock_timestamp())`;

/** Choices that are told and not there yet. */
const open: { end: () => void; done: Promise<unknown> }[] = [];
async function tellSlowly(): Promise<void> {
  const [told, end] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const done = sql().begin(async (tx) => {
    await choose(tx);
    told.resolve();
    await end.promise;
  });
  await Promise.race([told.promise, done]);
  open.push({ end: end.resolve, done });
}
async function endOne(): Promise<void> {
  const [one] = open.splice(Math.floor(next() * open.length), 1);
  one?.end();
  await one?.done;
}

type Job = { id: string; status: string; groupId: string | null; asked: number };
const jobs: Job[] = [];
const groups: string[] = [];
async function ask(): Promise<void> {
  // an export waits for what is being written
  while (open.length > 0) await endOne();
  const some = people.filter(() => next() < 0.7);
  groups.push(
    await them.group(
      (some.length === 0 ? people : some).map((p) => card(p)),
      pick([REGULAR, SENSITIVE]),
    ),
  );
  const groupId = next() < 0.5 ? pick(groups) : null;
  const kicked = await them.kick(groupId === null ? 'Patient/$export' : `Group/${groupId}/$export`);
  // a Group whose match was taken back
  if (kicked.status === 404) return;
  const status = kicked.header('content-location') ?? '';
  await node.work();
  jobs.push({ id: status.split('/').at(-1) ?? '', status, groupId, asked: days });
}

const STEPS_TAKEN: [number, () => Promise<unknown>][] = [
  [3, () => choose(sql())],
  [2, () => (open.length < 2 ? tellSlowly() : endOne())],
  [2, endOne],
  [2, ask],
  [
    0.3,
    () =>
      sql()`update exchange.match_member set consent_policy = ${pick(['regular', 'sensitive'])} where group_id = ${pick(groups)} and position = 1`,
  ],
  [0.2, () => sql()`delete from exchange.match_member where group_id = ${pick(groups)}`],
  [
    0.3,
    () =>
      sql()`update exchange.match_member set consent_to = ${localDay(node.deps.clock(), 'America/New_York')}::text::date where group_id = ${pick(groups)}`,
  ],
  [
    0.3,
    async () => {
      days++;
      await them.signIn(undefined, node.deps.clock());
    },
  ],
];
async function step(): Promise<void> {
  let at = next() * STEPS_TAKEN.reduce((n, [weight]) => n + weight, 0);
  for (const [weight, take] of STEPS_TAKEN) {
    at -= weight;
    if (at < 0) return void (await take());
  }
}

test(`seed ${SEED}`, async () => {
  const seen = { held: 0, ended: 0 };
  await ask();
  await ask();
  for (let n = 0; n < STEPS; n++) {
    await step();
    for (const job of jobs.slice()) {
      const day = localDay(node.deps.clock(), node.deps.config.timeZone);
      const { ended } = await grantsHeld(sql(), job.id, { peerId: 'a', groupId: job.groupId }, day);
      expect([n, job, (await them.call(job.status)).status]).toEqual([n, job, ended === 0 ? 200 : 404]);
      if (ended === 0) seen.held++;
      else seen.ended++;
      // before its files are past their time
      if (ended > 0 || days - job.asked > 4 || next() < 0.1) jobs.splice(jobs.indexOf(job), 1);
    }
    if (jobs.length === 0) await ask();
  }
  while (open.length > 0) await endOne();
  expect(seen.held).toBeGreaterThan(STEPS / 4);
  expect(seen.ended).toBeGreaterThan(STEPS / 30);
});
