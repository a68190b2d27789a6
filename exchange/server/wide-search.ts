// Searches of a payer that name no member look at many, or at all that many name. Each is bounded; so is how many of them are worked on at once,
// or one payer would take every connection from the others. On Workers it is the database's bound alone: nothing is shared between requests there.
import type { Deps } from '../../src/deps.ts';
import { type Admission, admission, admitted } from '../../src/http/admission.ts';
import type { Caller } from './authorize.ts';

/** Of one payer, in this process: so many at once, so many that wait, and for so long. */
const PLACES = 2;
const QUEUE = 16;
const PATIENCE_MS = 10_000;

const doors = new WeakMap<Deps, Map<string, Admission>>();

/** @throws Outcome busy when too many wait */
export function inTurn<T>(deps: Deps, { peer }: Caller, work: () => Promise<T>): Promise<T> {
  const known = doors.get(deps) ?? new Map<string, Admission>();
  doors.set(deps, known);
  const door = known.get(peer.id) ?? admission(PLACES, QUEUE, PATIENCE_MS, { now: () => deps.clock().getTime() });
  known.set(peer.id, door);
  return admitted(door, work);
}
