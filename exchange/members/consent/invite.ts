// Links that a plan sends to members (by mail, or in its portal): anyone who holds one and knows the birth date may choose.
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { sameText } from '../../../src/auth/staff-session.ts';
import type { Deps } from '../../../src/deps.ts';
import { auditRow, writeAudit } from '../../compliance/audit/audit.ts';
import { patientTexts } from '../../requester/report/line-rows.ts';
import { addInvitations, findInvitation, openInvitation, takeTry } from './invitation-rows.ts';
import type { Actor } from './record-choice.ts';

type Needs = Pick<Deps, 'database' | 'clock' | 'config' | 'keys'>;

export const INVITATION_DAYS = 60;
/** After so many wrong birth dates a link is dead. */
const TRIES = 5;
const hashOf = (code: string) => createHash('sha256').update(`invitation ${code}`).digest('hex');

/** Makes a link for each member; 128 bits of chance each. In the order of the members. */
export async function invite(
  deps: Needs,
  memberIds: readonly string[],
  actor: Actor,
): Promise<{ memberId: string; url: string }[]> {
  const made = memberIds.map((memberId) => ({ memberId, code: randomBytes(16).toString('base64url') }));
  const at = deps.clock();
  await deps.database.sql.begin(async (tx) => {
    await addInvitations(
      tx,
      made.map((m) => ({ memberId: m.memberId, idHash: hashOf(m.code) })),
      at,
      INVITATION_DAYS,
      actor.subject,
    );
    await writeAudit(
      tx,
      made.map((m) =>
        auditRow({
          at,
          actorKind: actor.kind,
          actor: actor.subject,
          action: 'invite',
          object: `Patient/${m.memberId}`,
          memberId: m.memberId,
          requestId: actor.requestId,
        }),
      ),
    );
  });
  return made.map((m) => ({ memberId: m.memberId, url: `${deps.config.baseUrl}/my/${m.code}` }));
}

/**
 * The member of a link when the birth date (YYYY-MM-DD) is right; each wrong one counts, five end the link. Both are in the
 * audit of the member, who may ask who has looked.
 */
export async function unlock(
  deps: Needs,
  code: string,
  birthDate: string,
  requestId = '',
): Promise<string | undefined> {
  const { sql } = deps.database;
  const hash = hashOf(code);
  const found = await takeTry(sql, hash, deps.clock(), TRIES);
  if (!found) return undefined;
  const patient = (await patientTexts(sql, [found.memberId])).get(found.memberId);
  const known = patient === undefined ? undefined : (JSON.parse(patient) as { birthDate?: unknown }).birthDate;
  const isRight = typeof known === 'string' && sameText(known, birthDate);
  await sql.begin(async (tx) => {
    if (isRight) await openInvitation(tx, hash, deps.clock());
    await writeAudit(tx, [
      auditRow({
        at: deps.clock(),
        actorKind: 'system',
        actor: 'member page',
        action: 'member-link',
        object: `Patient/${found.memberId}`,
        memberId: found.memberId,
        outcome: isRight ? 'ok' : 'refused',
        reason: isRight ? '' : 'birth-date',
        requestId,
      }),
    ]);
  });
  if (!isRight) return undefined;
  return found.memberId;
}

/** Is the link one that may still be used? */
export const isOpen = async (deps: Needs, code: string): Promise<boolean> =>
  (await findInvitation(deps.database.sql, hashOf(code), deps.clock(), TRIES)) !== undefined;

const PASS_MINUTES = 20;

async function passSecret(deps: Needs): Promise<Buffer> {
  const key = await deps.keys.signing('pseudonym');
  const part = key.k ?? key.d;
  if (part === undefined) throw new Error('the pseudonym key has no secret part');
  return Buffer.from(part, 'base64url');
}

/** What the page hands to its forms after the birth date was right: bound to link, member and time; no cookie is set. */
export async function passOf(deps: Needs, code: string, memberId: string): Promise<string> {
  const until = deps.clock().getTime() + PASS_MINUTES * 60_000;
  const mac = createHmac('sha256', await passSecret(deps))
    .update(`my|${code}|${memberId}|${until}`)
    .digest('base64url');
  return `${memberId}~${until}~${mac}`;
}

/** The member of a pass; undefined when it is old, of another link, or made up. */
export async function memberOfPass(deps: Needs, code: string, pass: string): Promise<string | undefined> {
  const [memberId = '', until = '', mac = ''] = pass.split('~');
  const good = createHmac('sha256', await passSecret(deps))
    .update(`my|${code}|${memberId}|${until}`)
    .digest('base64url');
  if (!sameText(good, mac) || Number(until) < deps.clock().getTime()) return undefined;
  const found = await findInvitation(deps.database.sql, hashOf(code), deps.clock(), TRIES);
  return found?.memberId === memberId ? memberId : undefined;
}
