// A match that the payer refuses: it has no such operation, or takes one of the members not. Batches are tried with
// single members before either is believed.
import type { MatchForm } from './client/abilities.ts';
import { RELEARN_MS } from './client/learned-abilities.ts';
import { PeerFault } from './client/peer-fetch.ts';
import type { Submission } from './client/write-member-bundle.ts';
import { pullMembers } from './pull.ts';
import { answeredBatches } from './pull-together.ts';
import { ENOUGH, MayLack, SeemsToLack } from './single-members.ts';
import { leaveJobs, splitPull } from './split-pull.ts';
import { type Step, saysMissing } from './states.ts';

/** Answers of a peer that may have no such operation. */
const MISSING = /^(group-gone|kick-off-(400|404|405|422|501)|job-failed-501|status-501|no-member-match)$/;
/** Those that may be about the members in it. */
const UNPROCESSABLE: readonly string[] = ['kick-off-400', 'kick-off-422'];

/**
 * `said`: it says that it does not speak this form; `guessed`: it seems not to; `now`: too few members were asked for
 * to know; `divided`: others are asked for apart.
 */
export type Refusal = 'said' | 'guessed' | 'now' | 'divided';

/**
 * What a refusal comes to.
 * @param ask sends a batch of some members @returns the status URL of its job
 * @throws the fault, when the members asked for are what it does not take
 */
export async function judgeRefusal(
  s: Step,
  form: MatchForm,
  fault: PeerFault,
  asked: readonly Submission[],
  ask: (some: readonly Submission[]) => Promise<string>,
): Promise<Refusal> {
  if (!MISSING.test(fault.reason)) throw fault;
  if (fault instanceof MayLack) return 'now';
  if (fault instanceof SeemsToLack) return 'guessed';
  if (saysMissing(fault) || fault.reason === 'no-member-match') return 'said';
  const isOfMembers = form === 'bulk' && UNPROCESSABLE.includes(fault.reason);
  if (!isOfMembers) return 'guessed';
  const { sql } = s.deps.database;
  const after = new Date(s.deps.clock().getTime() - RELEARN_MS);
  const known = await answeredBatches(sql, s.pull, after, UNPROCESSABLE);
  const members = await pullMembers(sql, s.pull.id);
  const memberOf = new Map(members.map((m) => [m.submittedId, m.memberId]));
  const idOf = (a: Submission) => memberOf.get(a.submittedId) ?? a.submittedId;
  // whom it refused while it took others is refused again
  const tried = asked.filter((a) => !known.before.includes(idOf(a))).slice(0, ENOUGH);
  if (asked.length > 1) {
    // of what was divided several are what it does not take: the rest is not looked through
    if (known.together >= ENOUGH) throw fault;
    if (await takesOne(s, tried, ask)) {
      await splitPull(s, members, false);
      return 'divided';
    }
  }
  const isTaken = known.taken !== null && known.taken >= s.pull.createdAt;
  if (!isTaken && tried.length > 0 && new Set([...known.since, ...tried.map(idOf)]).size >= ENOUGH) return 'guessed';
  // one that took batches may take the next one
  if (known.taken !== null) throw fault;
  return 'now';
}

/** Are some of the members taken alone? They are asked for nothing but that. */
async function takesOne(
  s: Step,
  tried: readonly Submission[],
  ask: (some: readonly Submission[]) => Promise<string>,
): Promise<boolean> {
  for (const one of tried) {
    try {
      await leaveJobs(s, await ask([one]));
      return true;
    } catch (error) {
      if (!(error instanceof PeerFault) || !UNPROCESSABLE.includes(error.reason)) throw error;
    }
  }
  return false;
}
