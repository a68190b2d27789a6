// Members who are asked for one by one, and what an answer that may be none about the member comes to.
import type { Correlated, Correlation } from './client/correlate.ts';
import { RELEARN_MS } from './client/learned-abilities.ts';
import { PeerFault } from './client/peer-fetch.ts';
import type { AskedOne, Single } from './client/single-match.ts';
import type { Submission } from './client/write-member-bundle.ts';
import { inLanes } from './concurrency.ts';
import { pullMembers, setOutcomes } from './pull.ts';
import { hasAnsweredSingles } from './pull-together.ts';
import type { Step } from './states.ts';

/** Requests at once. */
const WIDTH = 4;
/** Members for whom it may answer as one that has no such operation before it is taken to have none. */
export const ENOUGH = 3;
/** Of those who are to be asked for, so many are before the others are asked for in another form. */
const MOST = 20;

/** There may be no such operation, and too few members were asked for to know. */
export class MayLack extends PeerFault {}
/** There seems to be none: it answers so for all, and does not say it. */
export class SeemsToLack extends PeerFault {}

/** Members by the ids under which they are submitted: one who has two cards there is submitted twice. */
export const membersSubmitted = async (s: Step): Promise<Map<string, string>> =>
  new Map((await pullMembers(s.deps.database.sql, s.pull.id)).map((m) => [m.submittedId, m.memberId]));

/** One person of theirs for two members of ours: neither answer can be trusted. @param memberOf by the submitted id */
export function onePersonEach(members: readonly Correlated[], memberOf: ReadonlyMap<string, string>): Correlated[] {
  const owners = new Map<string, Set<string>>();
  for (const { peerPatientId: id, submittedId } of members)
    if (id !== null) owners.set(id, (owners.get(id) ?? new Set()).add(memberOf.get(submittedId) ?? submittedId));
  return members.map((m) =>
    m.peerPatientId !== null && (owners.get(m.peerPatientId)?.size ?? 0) > 1
      ? { ...m, outcome: 'conflict', peerPatientId: null }
      : m,
  );
}

/**
 * Each answer is kept at once: a process that dies asks only for the rest. One that may be of a server without the
 * operation is kept when another tells that it is there: in this pull, or in the last 90 days, unless no one is
 * answered for any more.
 * @throws PeerFault `no-member-match`: it says that there is no such operation; {@link SeemsToLack} and {@link MayLack}
 * when it does not say so
 */
export async function oneByOne(
  s: Step,
  asked: readonly Submission[],
  ask: (a: Submission) => Promise<AskedOne>,
): Promise<Correlation> {
  const { sql } = s.deps.database;
  const since = new Date(s.deps.clock().getTime() - RELEARN_MS);
  const hadAnswers = await hasAnsweredSingles(sql, s.peer.id, since);
  const known = new Map((await pullMembers(sql, s.pull.id)).map((m) => [m.submittedId, m.outcome]));
  const open = asked.filter((a) => known.get(a.submittedId) === null);
  const keep = async (submittedId: string, { outcome, peerPatientId }: Single) => {
    if (outcome === 'missing') s.note('peer-match-unsaid');
    await setOutcomes(sql, s.pull.id, [{ submittedId, outcome, peerPatientId }]);
  };
  let isThere = false;
  const unsure = new Map<string, Single>();
  await inLanes(open, WIDTH, async (a) => {
    const answer = await ask(a);
    isThere ||= answer.isThere;
    const isKnown = isThere || hadAnswers;
    if ('lacks' in answer && !isKnown) throw new PeerFault('no-member-match');
    const said: Single = 'lacks' in answer ? { outcome: 'missing', peerPatientId: null } : answer;
    // who is not known there is, of a payer that says so with 404
    if (answer.isThere || (isKnown && said.outcome !== 'missing')) return keep(a.submittedId, said);
    unsure.set(a.submittedId, said);
    if (unsure.size >= MOST && !isThere) throw new SeemsToLack('no-member-match');
  });
  if (unsure.size >= ENOUGH && !isThere) throw new SeemsToLack('no-member-match');
  if (unsure.size > 0 && !isThere && !hadAnswers) throw new MayLack('no-member-match');
  for (const [submittedId, said] of unsure) await keep(submittedId, said);
  const all = await pullMembers(sql, s.pull.id);
  const members = all.map((m) => ({
    submittedId: m.submittedId,
    outcome: (m.outcome ?? 'missing') as Correlated['outcome'],
    peerPatientId: m.peerPatientId,
  }));
  const memberOf = new Map(all.map((m) => [m.submittedId, m.memberId]));
  return { members: onePersonEach(members, memberOf), groupId: s.peer.groupThere ?? undefined, uncorrelated: 0 };
}
