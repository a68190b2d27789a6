// A poll of a young job waits a moment for it, one at a time, where this process works itself.
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type BulkJob, findJob } from '../../exchange/responder/bulk-job.ts';
import { heldPolls } from '../../exchange/responder/export/long-poll.ts';
import { takeJob } from '../../exchange/work.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { ExportClient } from './export-client.ts';
import { client } from './peer-client.ts';
import { ASKER, card, enrol, PEOPLE, US } from './plan-fixture.ts';

let node: TestNode;
let them: ExportClient;
let group: string;

beforeAll(async () => {
  node = await startNode({ PLAN_NPI: US.npi, PLAN_NAME: US.name }, {}, { exportOpenPerPeer: 4 });
  them = new ExportClient(node, await client(node, 'a', { npi: ASKER.npi }));
  await them.signIn();
  await enrol(node.deps, [PEOPLE.rivera]);
  group = await them.group([card(PEOPLE.rivera)]);
  node.deps.wake = () => {};
});
afterAll(() => node.close());

const kickedOff = async (): Promise<string> =>
  (await them.kick(`Group/${group}/$davinci-data-export`)).header('content-location') ?? '';

const jobOf = async (status: string): Promise<BulkJob> => {
  const job = await findJob(node.deps.database.sql, status.split('/').at(-1) ?? '', them.peer.id);
  if (!job) throw new Error('no job');
  return job;
};
const staying = () => new AbortController().signal;
/** So long that a test which waits for its end fails. */
const FOR_EVER_MS = 3_600_000;

test('a poll waits until its job is done; others of the job meanwhile do not', async () => {
  const hold = heldPolls(node.deps, FOR_EVER_MS);
  const status = await kickedOff();
  const job = await jobOf(status);
  const waiting = hold(job, staying());
  expect(await hold(job, staying())).toBe(job);
  await takeJob(node.deps, 'worker');
  expect((await waiting)?.state).toBe('complete');
  const done = await jobOf(status);
  expect(await hold(done, staying())).toBe(done);
});

test('it ends when the job is deleted, when its client leaves, and after its time', async () => {
  const hold = heldPolls(node.deps, FOR_EVER_MS);
  const status = await kickedOff();
  const job = await jobOf(status);
  const leaving = new AbortController();
  const left = hold(job, leaving.signal);
  leaving.abort();
  expect((await left)?.state).toBe('queued');
  const waiting = hold(job, staying());
  expect((await them.call(status, { method: 'DELETE' })).status).toBe(202);
  expect((await waiting)?.state).toBe('cancelled');
  const late = await them.call(await kickedOff());
  expect([late.status, late.header('retry-after'), late.header('x-progress')]).toEqual([202, '1', 'queued']);
  await takeJob(node.deps, 'worker');
});

test('where another process works, or the job is old, it is reported at once', async () => {
  const { wake, clock } = node.deps;
  const told = async (deps: object) => {
    const status = await kickedOff();
    Object.assign(node.deps, deps);
    const polled = them.call(status);
    await pause(200);
    Object.assign(node.deps, { wake, clock });
    await takeJob(node.deps, 'worker');
    return (await polled).status;
  };
  // on a machine with much to do a job may take longer than a poll waits
  const seen: number[] = [];
  while (seen.at(-1) !== 200 && seen.length < 5) seen.push(await told({}));
  expect(seen).toContain(200);
  expect(await told({ wake: undefined })).toBe(202);
  expect(await told({ clock: () => new Date(Date.now() + 6000) })).toBe(202);
});
