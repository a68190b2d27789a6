// A payer says that what it is asked for is too large (413). Fewer members are asked for; where no fewer can be, what
// it answers at once, if it offers that; and what is left waits for a person, all of one day's requests in one pull.
import { attemptClocks } from '../members/deadlines/deadline.ts';
import { holdPeer } from '../peers/peer.ts';
import { noteTooMany, takesNobody } from '../peers/peer-takes.ts';
import { postponePull, pullMembers } from './pull.ts';
import { moveMembers } from './pull-member.ts';
import { noteJoined, smallerGoesOn, waitingTogether } from './pull-together.ts';
import { asksForMembers, leaveJobs, splitPull } from './split-pull.ts';
import { abilitiesOf, advance, type Step, some } from './states.ts';

export const TOO_LARGE = 'batch-too-large';

/** Between looks at what becomes of fewer members. */
const LOOK_MS = 5000;
/** For so long more of them wait for fewer. */
const PATIENCE_S = 600;

/**
 * Gives a pull back for a while, as fewer members are being asked for of a payer that has taken none since it said 413:
 * what becomes of them tells how many may be asked for, and whether any. False when there is no reason to.
 */
export async function waitsForFewer({ deps, pull, peer, owner }: Step): Promise<boolean> {
  const { sql } = deps.database;
  const now = deps.clock();
  if ((pull.state !== 'due' && pull.state !== 'authorized') || peer.takes !== 0 || takesNobody(peer, now)) return false;
  if (!(await smallerGoesOn(sql, pull, now, PATIENCE_S))) return false;
  await postponePull(sql, pull.id, owner, new Date(now.getTime() + LOOK_MS), pull.attempts, pull.reason);
  return true;
}

/** What is done after a 413. */
export async function takeLess(s: Step): Promise<void> {
  const members = await pullMembers(s.deps.database.sql, s.pull.id);
  const canBeFewer = asksForMembers(s) && members.length > 1;
  // to whom it says so about single members, one after the other, fewer are not asked for once more
  if (canBeFewer && !takesNobody(s.peer, s.deps.clock())) return splitPull(s, members);
  if (await askOtherwise(s, members)) return;
  return waitTogether(s);
}

/** It says so about one member, of whom there is no less. */
const tellsAlone = async (tx: Tx, s: Step, members: number): Promise<void> => {
  if (members === 1 && asksForMembers(s)) await noteTooMany(tx, s.peer.id, true, s.deps.clock());
};

type Members = Awaited<ReturnType<typeof pullMembers>>;
type Tx = Parameters<NonNullable<Parameters<typeof advance>[4]>>[0];

/**
 * Matched members are asked for by what the payer answers at once. For this pull alone: of others an export may be had.
 * False when it offers none.
 */
async function askOtherwise(s: Step, members: Members): Promise<boolean> {
  const [form] = abilitiesOf(s).atOnce ?? [];
  if (form === undefined || (s.pull.state !== 'matched' && s.pull.state !== 'exporting')) return false;
  const matched = members.filter((m) => m.outcome === 'matched');
  if (matched.length === 0 || matched.some((m) => m.peerPatientId === null)) return false;
  s.note('peer-too-large');
  await leaveJobs(s, s.pull.exportStatusUrl);
  await advance(
    s,
    'matched',
    { fetchForm: form, since: null, exportStatusUrl: null },
    `too large for an export (${TOO_LARGE}): ${form}`,
    (tx) => tellsAlone(tx, s, members.length),
  );
  return true;
}

/** Another pull of the same requests has begun to wait, or has ceased to. */
class Changed extends Error {}

/**
 * The pull waits for a person. When another one waits for the same reason that was asked for at the same time, its
 * members wait there: they are one thing to look at. Such pulls began as one, so that nothing that counts from the
 * request changes.
 */
async function waitTogether(s: Step): Promise<void> {
  const { sql } = s.deps.database;
  const at = s.deps.clock();
  for (;;) {
    const other = await waitingTogether(sql, s.pull, TOO_LARGE);
    const also = async (tx: Tx) => {
      // anyone who waits first is seen by the next one
      await holdPeer(tx, s.peer.id);
      if ((await waitingTogether(tx, s.pull, TOO_LARGE)) !== other) throw new Changed();
      const members = await pullMembers(tx, s.pull.id);
      await tellsAlone(tx, s, members.length);
      await attemptClocks(tx, s.pull.id, 'peer-failed');
      if (other === undefined) return;
      await noteJoined(tx, other, at, `${some(members.length, 'member')} of pull ${s.pull.id} wait here as well`);
      await moveMembers(
        tx,
        s.pull.id,
        other,
        members.map((m) => m.submittedId),
      );
    };
    try {
      return other === undefined
        ? await advance(s, 'review', { reason: TOO_LARGE, finishedAt: at }, '', also)
        : await advance(
            s,
            'withdrawn',
            { reason: 'waits-together', finishedAt: at },
            `its members wait in pull ${other}`,
            also,
          );
    } catch (error) {
      if (!(error instanceof Changed)) throw error;
    }
  }
}
