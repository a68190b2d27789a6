// What the steps of a pull share, and its first two: who the peer is today, and a token of it. Each step may be repeated: it
// commits its result and its audit row together, or nothing.

import { beginAgain } from '../../src/db/retry.ts';
import type { Deps } from '../../src/deps.ts';
import { auditRow, writeAudit } from '../compliance/audit/audit.ts';
import { pinnedDifferences, publishedDifference, recordDifferences } from '../peers/check.ts';
import { type Peer, pinPeer } from '../peers/peer.ts';
import { recordAbilities } from '../peers/peer-health.ts';
import { type Abilities, type FetchForm, isForm, type MatchForm, negotiate, withoutForm } from './client/abilities.ts';
import { discover } from './client/discover.ts';
import { guessesOf, lacking, learnedNow } from './client/learned-abilities.ts';
import { issueCodes, PeerFault } from './client/peer-fetch.ts';
import { type Talk, talkTo } from './client/talk.ts';
import type { PeerTokens } from './client/token.ts';
import { leftOutMembers, movePull, type Pull, type PullPatch, type PullState, pullMembers } from './pull.ts';
import { noteFaults } from './pull-fault.ts';

/** What a step works with. `faults`: what the peer did wrong in it, until it is written down. */
export type Step = Talk & { owner: string; pull: Pull; faults: Map<string, number> };
type Tx = Parameters<typeof movePull>[0];

const NOTHING_SAID = { operations: {}, systemOperations: [], guides: [], searchParams: {}, revincludes: false };

/** The peer as this pull asks it: in forms that may be others than those of the next one. Pure. */
function asAskedIn({ matchForm, fetchForm }: Pull, peer: Peer): Peer {
  if (matchForm === null || fetchForm === null) return peer;
  const known = peer.abilities ?? negotiate(NOTHING_SAID, [], peer);
  return { ...peer, abilities: { ...known, match: matchForm, fetch: fetchForm } };
}

export function stepOf(deps: Deps, tokens: PeerTokens, owner: string, pull: Pull, peer: Peer): Step {
  const faults = new Map<string, number>();
  const note = (code: string) => void faults.set(code, (faults.get(code) ?? 0) + 1);
  const talk = talkTo(deps, tokens, asAskedIn(pull, peer), note);
  return { ...talk, owner, pull, faults };
}

/** Writes down what was noted so far. */
export async function writeFaults(s: Step, tx: Tx = s.deps.database.sql): Promise<void> {
  const noted = new Map(s.faults);
  s.faults.clear();
  await noteFaults(tx, s.pull.id, noted);
}

/** `1 file`, `2 files`: what the timeline says of a step. */
export const some = (n: number, one: string): string => `${n} ${one}${n === 1 ? '' : 's'}`;

/**
 * Commits the next state with its audit row, and whatever the step has to write besides.
 * @param also may be called several times: a member's choice may hold the same rows, and one of the two begins again
 */
export async function advance(
  s: Step,
  state: PullState,
  patch: PullPatch,
  detail: string,
  also?: (tx: Tx) => Promise<void>,
): Promise<void> {
  const at = s.deps.clock();
  await beginAgain(s.deps.database.sql, async (tx) => {
    if (also) await also(tx);
    await movePull(tx, s.pull.id, s.owner, at, state, { nextAt: at, ...patch }, detail);
    await noteFaults(tx, s.pull.id, s.faults);
    await writeAudit(tx, [
      auditRow({
        at,
        actorKind: 'system',
        actor: 'pull',
        action: `pull-${state}`,
        object: `pull/${s.pull.id}`,
        peerId: s.peer.id,
        ...(patch.reason ? { reason: patch.reason } : {}),
      }),
    ]);
  });
  s.faults.clear();
  s.deps.metrics.count('pull_steps_total', { state });
}

/** How the peer is asked, as far as it is known. */
export const abilitiesOf = (s: Step): Abilities => s.peer.abilities ?? negotiate(NOTHING_SAID, [], s.peer);

/** No one is left to be asked for. @param why each is left out, as leftOutMembers tells it */
export const endLeftOut = (s: Step, why: readonly string[]): Promise<void> => {
  const reason = why.length > 0 && why.every((w) => w === 'named-in-error') ? 'named-in-error' : 'consent-withdrawn';
  return advance(s, 'withdrawn', { reason, finishedAt: s.deps.clock() }, '');
};

/** due → discovered: the peer's documents must say what the record says. */
export async function discoverStep(s: Step): Promise<void> {
  const { sql } = s.deps.database;
  const left = await leftOutMembers(sql, s.pull.id);
  const members = await pullMembers(sql, s.pull.id);
  if (members.every((m) => left.has(m.submittedId))) return endLeftOut(s, [...left.values()]);
  const found = await discover(s.deps, s.peer, s.note);
  const differs = [...pinnedDifferences(s.peer, found), ...(await publishedDifference(s.deps, s.peer))];
  if (differs.length > 0)
    return advance(
      s,
      'review',
      { reason: 'discovery-changed' },
      `changed: ${differs.map((d) => d.name).join(', ')}`,
      (tx) => recordDifferences(tx, s.peer, differs, { kind: 'system', name: 'pull' }, s.deps.clock()),
    );
  for (const fault of found.unfit) s.note(fault);
  const isPinned = s.peer.tokenEndpoint !== null;
  const origins = [...new Set([new URL(s.peer.fhirBase ?? '').origin, new URL(found.tokenEndpoint).origin])];
  if (!isPinned && origins.length > 1) throw new PeerFault('foreign-origin');
  const learned = learnedNow(s.peer, s.deps.clock());
  const abilities = negotiate(found.statement, found.scopes, s.peer, learned, found.algorithms);
  return advance(
    s,
    'discovered',
    { matchForm: abilities.match, fetchForm: abilities.fetch },
    `${isPinned ? '' : 'pinned; '}${abilities.match}, ${abilities.fetch}`,
    async (tx) => {
      if (!isPinned)
        await pinPeer(tx, s.peer.id, { tokenEndpoint: found.tokenEndpoint, issuer: found.issuer, origins });
      await recordAbilities(
        tx,
        s.peer.id,
        abilities,
        learned === undefined ? s.deps.clock() : (s.peer.abilitiesAt ?? s.deps.clock()),
      );
    },
  );
}

/** discovered → authorized. */
export async function authorizeStep(s: Step): Promise<void> {
  await s.tokens.get(s);
  return advance(s, 'authorized', {}, '');
}

/** Forms of a peer that speaks none: nothing is learned from that, and the next pull begins with what it offers. Pure. */
const withAllForms = (a: Abilities): Abilities => {
  const lacks = a.lacks.filter((l) => !isForm(l));
  return { ...a, lacks, guesses: guessesOf(a.guesses, lacks) };
};

/** Does the peer say itself that it has no such operation? A 404 or 400 may be about the members, the Group, or this request. Pure. */
export const saysMissing = (fault: PeerFault): boolean =>
  /^(kick-off-(405|501)|bundle-(405|501)|job-failed-501|status-501)$/.test(fault.reason) ||
  issueCodes(fault.said).includes('not-supported');

/**
 * The peer does not speak this form after all: the next one is tried from a state on.
 * @param how `said`: it says so itself; `guessed`: answers look like it, and the next pulls know it as well for a
 * while; `now`: it may have been the answer to this request, and they
 *   try the form again
 * @throws the fault, when there is no other form: what it refused in the others is forgotten then
 */
export async function fallBack(
  s: Step,
  form: MatchForm | FetchForm,
  fault: PeerFault,
  state: PullState,
  how: 'said' | 'guessed' | 'now' = 'said',
): Promise<void> {
  const { clock } = s.deps;
  const next = withoutForm(abilitiesOf(s), form);
  if (next === undefined) {
    await recordAbilities(s.deps.database.sql, s.peer.id, withAllForms(abilitiesOf(s)), s.peer.abilitiesAt ?? clock());
    throw fault;
  }
  s.note('peer-form');
  return advance(
    s,
    state,
    { matchForm: next.match, fetchForm: next.fetch, since: null, exportStatusUrl: null },
    `${form} is not spoken here (${fault.reason}): ${next.match}, ${next.fetch}${how === 'now' ? ', for this pull' : ''}`,
    how === 'now'
      ? undefined
      : (tx) => {
          const at = clock();
          // a guess has a day of its own: what the peer said stays as old as it is, else it would never be tried again
          return how === 'said'
            ? recordAbilities(tx, s.peer.id, lacking(next, form, undefined), at)
            : recordAbilities(tx, s.peer.id, lacking(next, form, at), s.peer.abilitiesAt ?? at);
        },
  );
}

/** Something of ours stands in the way that waiting may mend. The peer has no part in it, and no try is lost. */
export class LocalFailure extends Error {
  readonly reason: 'disk-full' | 'peer-not-active';
  constructor(reason: LocalFailure['reason']) {
    super(reason);
    this.reason = reason;
  }
}

/** Not ready yet: come back when the peer said. */
export class RetryLater extends Error {
  readonly ms: number;
  constructor(ms: number) {
    super('not ready');
    this.ms = ms;
  }
}
