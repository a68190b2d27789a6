// How many questions of one payer are worked on at once, or one payer would take every connection from the others, and
// hold what it does not take: searches that name no member, which look at many, or at all that many name; and pages of
// records, each of which is held in memory in several forms until it has left. On Workers it is the database's bound
// alone: nothing is shared between requests there.
import type { Context } from 'hono';
import type { Deps } from '../../src/deps.ts';
import { type Admission, admission, admittedUntilSent } from '../../src/http/admission.ts';
import type { FhirEnv } from '../../src/http/fhir-app.ts';
import type { Caller } from './authorize.ts';

/** Of one payer, in this process: so many at once, and so many that wait. */
const WIDE = { places: 2, queue: 16 };
const PAGES = { places: 4, queue: 256 };
/** How long they wait. */
const PATIENCE_MS = 10_000;
/** So long a client may take an answer; one that does not read keeps a place no longer. */
const SENT_WITHIN_MS = 120_000;

type Doors = Map<string, Admission>;
const wide = new WeakMap<Deps, Doors>();
const pages = new WeakMap<Deps, Doors>();

function doorOf(doors: WeakMap<Deps, Doors>, deps: Deps, { peer }: Caller, size: typeof WIDE): Admission {
  const known: Doors = doors.get(deps) ?? new Map();
  doors.set(deps, known);
  const door =
    known.get(peer.id) ?? admission(size.places, size.queue, PATIENCE_MS, { now: () => deps.clock().getTime() });
  known.set(peer.id, door);
  return door;
}

/** Does the work in its place, which it has until its answer has been sent. Nothing is read for a client that has gone. */
const within = <T>(door: Admission, c: Context<FhirEnv>, work: () => Promise<T>): Promise<T> => {
  const { signal } = c.req.raw;
  return admittedUntilSent(door, work, c.env, { isGone: () => signal.aborted, sentWithinMs: SENT_WITHIN_MS });
};

/**
 * A search that names no member.
 * @throws Outcome busy when too many wait
 */
export const inTurn = <T>(c: Context<FhirEnv>, deps: Deps, caller: Caller, work: () => Promise<T>): Promise<T> =>
  within(doorOf(wide, deps, caller, WIDE), c, work);

/**
 * A page of what is known of members who are named.
 * @throws Outcome busy when too many wait
 */
export const pageInTurn = <T>(c: Context<FhirEnv>, deps: Deps, caller: Caller, work: () => Promise<T>): Promise<T> =>
  within(doorOf(pages, deps, caller, PAGES), c, work);
