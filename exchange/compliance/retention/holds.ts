// Legal holds, placed and lifted by people with a reason: what one is about stays, whatever its time.
import { randomUUID } from 'node:crypto';
import type { Deps } from '../../../src/deps.ts';
import type { Actor } from '../../members/consent/record-choice.ts';
import { findPeer } from '../../peers/peer.ts';
import { auditRow, writeAudit } from '../audit/audit.ts';
import { memberBehind } from '../disclosures/disclosures.ts';
import { addHold, endHold } from './hold.ts';

type Needs = Pick<Deps, 'database' | 'clock' | 'keys'>;
type Who = Actor | { kind: 'command'; subject: string; requestId: string };
const LEAST_REASON = 3;
const MOST_REASON = 1000;

export const HOLD_FAULTS = {
  about: 'A hold is of a member, of a payer or of everything: say which one.',
  member: 'There is no member with this number, id or key.',
  peer: 'There is no payer with this id.',
  reason: `Say why, in 3 to ${MOST_REASON} characters.`,
  unknown: 'No such hold stands.',
} as const;
export type HoldFault = keyof typeof HOLD_FAULTS;

const reasonOf = (text: string): string | undefined => {
  const reason = text.trim();
  return reason.length < LEAST_REASON || reason.length > MOST_REASON ? undefined : reason;
};

/**
 * Places a hold: from now on nothing of what it is about is removed.
 * @param h `member`: number, Patient id or key of a member, or `peer`: id of a payer, or `everything`: one of the
 * three, so that a field that was left empty keeps not all there is
 * @returns its id, or why it was not placed
 */
export async function placeHold(
  deps: Needs,
  h: { member: string; peer: string; everything?: boolean; reason: string },
  who: Who,
): Promise<{ id: string } | { fault: HoldFault }> {
  const { sql } = deps.database;
  const [member, peer, reason] = [h.member.trim(), h.peer.trim(), reasonOf(h.reason)];
  if ([member !== '', peer !== '', h.everything === true].filter(Boolean).length !== 1) return { fault: 'about' };
  const memberId = member === '' ? null : ((await memberBehind(deps, member)) ?? undefined);
  if (memberId === undefined) return { fault: 'member' };
  if (peer !== '' && !(await findPeer(sql, peer))) return { fault: 'peer' };
  if (reason === undefined) return { fault: 'reason' };
  const [id, at, peerId] = [randomUUID(), deps.clock(), peer === '' ? null : peer];
  await sql.begin(async (tx) => {
    await addHold(tx, { id, memberId, peerId, reason, placedBy: who.subject, placedAt: at });
    await writeAudit(tx, [trail('hold-placed', id, { memberId, peerId }, who, at)]);
  });
  return { id };
}

/** Lifts a hold: what it kept beyond its time goes within a day. Returns why it was not lifted. */
export async function liftHold(
  deps: Pick<Needs, 'database' | 'clock'>,
  h: { id: string; reason: string },
  who: Who,
): Promise<HoldFault | undefined> {
  const reason = reasonOf(h.reason);
  if (reason === undefined) return 'reason';
  const at = deps.clock();
  return deps.database.sql.begin(async (tx) => {
    const of = await endHold(tx, h.id, { subject: who.subject, reason, at });
    if (of === undefined) return 'unknown';
    await writeAudit(tx, [trail('hold-lifted', h.id, of, who, at)]);
    return undefined;
  });
}

const trail = (
  action: string,
  id: string,
  of: { memberId: string | null; peerId: string | null },
  who: Who,
  at: Date,
) =>
  auditRow({
    at,
    actorKind: who.kind,
    actor: who.subject,
    action,
    object: `hold/${id}`,
    ...(of.memberId === null ? {} : { memberId: of.memberId }),
    ...(of.peerId === null ? {} : { peerId: of.peerId }),
    requestId: who.requestId,
  });
