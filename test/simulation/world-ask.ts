// Payers of a simulated world ask each other, in whatever weather: what waits for a time is gone on with when that has come, and whoever dies amid something is
// followed by another.
import { expect } from 'vitest';
import { freeLeases } from '../../exchange/lease.ts';
import { nextDue } from '../../exchange/next-due.ts';
import { planPulls } from '../../exchange/requester/plan.ts';
import { PullWorker } from '../../exchange/requester/run.ts';
import { removeExpired } from '../../exchange/responder/export/remove-expired.ts';
import { keepClocks } from '../../exchange/schedule.ts';
import { outcomes } from '../journey/laws.ts';
import { deeds, nodeOf, say, sqlOf, time, told, weather } from './world.ts';
import { tick } from './world-duties.ts';
import { NAMES, PLANS } from './world-records.ts';

const DAY = 86_400_000;
const workers = new Map<number, PullWorker>();
const workerOf = (plan: number): PullWorker => {
  const worker = workers.get(plan) ?? new PullWorker(nodeOf(plan).deps);
  workers.set(plan, worker);
  return worker;
};
/** What was being done by who died. */
const slept: Promise<unknown>[] = [];

/** Somebody does something, and may die by it. Another one goes on: who begins anew as the only one, or who has waited for the lease to end. */
async function carefully(plan: number, what: Promise<unknown>): Promise<void> {
  const died = weather.dooms[plan]?.died ?? new Promise<never>(() => {});
  if ((await Promise.race([what, died])) !== 'dead') return;
  say(`${NAMES[plan]} dies amid its work`);
  weather.dooms[plan]?.rest();
  slept.push(what.catch(() => {}));
  workers.delete(plan);
  const { config } = nodeOf(plan).deps;
  // whoever is dead renews nothing, and holds nothing
  await sqlOf(plan)`
    select pg_terminate_backend(pid) from pg_catalog.pg_stat_activity where datname = current_database() and state = 'idle in transaction'`;
  for (const table of ['pull', 'bulk_job'])
    await sqlOf(plan).unsafe(`update exchange.${table} set lease_owner = 'dead' where lease_owner is not null`);
  if (deeds() < 0.5) await freeLeases(sqlOf(plan));
  else await time.pass(((config.leaseSeconds + 1) * 1000) / DAY);
}

/** More than a day of any payers takes. */
const TURNS = 3000;
async function openWork(): Promise<string> {
  const found: unknown[] = [time.clock()];
  for (const plan of PLANS) {
    const sql = sqlOf(plan);
    found.push(
      await sql`select id, peer_id, state, reason, attempts, next_at, lease_until, lease_owner from exchange.pull where finished_at is null and state not in ('done', 'failed', 'refused', 'withdrawn')`,
      await sql`select id, kind, state, lease_until, attempts, failure from exchange.bulk_job where state in ('queued', 'running')`,
      await sql`select id, paused_until from exchange.peer`,
    );
  }
  return JSON.stringify(found);
}

/** All that can be done before a time. */
async function workUntil(end: Date): Promise<void> {
  for (let turns = 0; ; turns++) {
    if (turns > TURNS) throw new Error(told(`no end of work: ${await openWork()}`));
    let steps = 0;
    for (const plan of PLANS) await carefully(plan, nodeOf(plan).work());
    for (const plan of PLANS)
      await carefully(
        plan,
        workerOf(plan)
          .drain()
          .then((n) => {
            steps += n;
          }),
      );
    if (steps > 0) continue;
    const now = time.clock();
    const left = end.getTime() - now.getTime();
    const waits = await Promise.all(PLANS.map((plan) => nextDue(sqlOf(plan), now, left + 1)));
    const wait = Math.min(...waits);
    if (wait > left) break;
    await time.pass((wait + 1) / DAY);
  }
}

type How = 'schedule' | 'changes' | 'all';
/** A day of all payers: what is due is asked for. Returns the kinds of outcomes of the pulls that began on it. */
export async function day(how: How = 'schedule'): Promise<string> {
  const end = new Date(time.clock().getTime() + DAY);
  tick(time.clock(), how !== 'schedule');
  const made: { plan: number; id: string }[] = [];
  for (const plan of PLANS) {
    const { deps } = nodeOf(plan);
    await keepClocks(deps);
    const request =
      how === 'schedule'
        ? ({ cause: 'opt-in' } as const)
        : ({ cause: 'command', again: true, full: how === 'all' } as const);
    for (const id of await planPulls(deps, request)) made.push({ plan, id });
  }
  await workUntil(end);
  for (const plan of PLANS) {
    await workerOf(plan).release();
    await removeExpired(nodeOf(plan).deps);
  }
  for (const doom of weather.dooms) doom.wake();
  await Promise.all(slept.splice(0));
  const found = new Set<string>();
  for (const { plan, id } of made) for (const kind of Object.keys(await outcomes(sqlOf(plan), id))) found.add(kind);
  await time.pass(Math.max(0, end.getTime() - time.clock().getTime()) / DAY);
  return [...found].sort().join();
}

/** No pull waits for a person, or for anything, when nothing is wrong any more. */
export async function allEnded(): Promise<void> {
  for (const plan of PLANS) {
    const left = await sqlOf(plan)`
      select id, peer_id, state, reason from exchange.pull where state not in ('done', 'failed', 'refused', 'withdrawn') or (state in ('failed', 'refused') and ${time.clock()}::timestamptz - created_at < interval '2 days')`;
    expect([...left], told(`${NAMES[plan]} has pulls`)).toEqual([]);
  }
}
