// Sign-in, sessions and sign-out of staff, each with its audit row in the same transaction.
import { createHash, createHmac } from 'node:crypto';
import type { Logout } from '../../../src/auth/staff-logout.ts';
import type { Person } from '../../../src/auth/staff-oidc.ts';
import { hashOf, randomId } from '../../../src/auth/staff-session.ts';
import type { Queryable } from '../../../src/db/database.ts';
import type { Deps } from '../../../src/deps.ts';
import { auditRow, writeAudit } from '../../compliance/audit/audit.ts';
import { useAssertion } from '../../peers/peer.ts';
import { takeCallAlone } from '../../responder/match/attempt-rows.ts';
import { attemptSecret } from '../../responder/match/attempt-secret.ts';
import {
  addSession,
  addSignIn,
  endSession,
  endSessionNamed,
  endSessionsOf,
  type SignedIn,
  type SignIn,
  type StaffSession,
  signedIn,
  takeSignIn,
  useSession,
} from './staff-session.ts';

export type { SignedIn, SignIn, StaffSession };
export { signedIn };

type Needs = Pick<Deps, 'database' | 'clock'>;

/** Begins a sign-in. Returns the id for its cookie and what must come back. */
export async function beginSignIn(deps: Needs, returnTo: string, isFresh = false): Promise<SignIn & { id: string }> {
  const id = randomId();
  const begun = { state: randomId(), nonce: randomId(), verifier: randomId(), returnTo, isFresh };
  await addSignIn(deps.database.sql, hashOf(id), begun, deps.clock());
  return { id, ...begun };
}

const KIND = 'staff-sign-in';

/**
 * Takes one of the tries of an address to sign in.
 * @returns seconds until the next one is possible; 0 when this one is
 */
export async function takeTry(
  deps: Pick<Deps, 'config' | 'database' | 'clock' | 'keys'>,
  address: string,
): Promise<number> {
  const perMinute = deps.config.staffSignInPerMinute;
  if (perMinute === 0) return 0;
  const key = createHmac('sha256', await attemptSecret(deps))
    .update(`staff\0${address}`)
    .digest('base64url');
  return takeCallAlone(deps.database.sql, `address ${key.slice(0, 22)}`, KIND, perMinute, deps.clock());
}

/** The sign-in of a cookie. It is gone afterwards. */
export async function resumeSignIn(deps: Needs, id: string | undefined): Promise<SignIn | undefined> {
  return id === undefined ? undefined : takeSignIn(deps.database.sql, hashOf(id), deps.clock());
}

/**
 * A new session for a person; an earlier one of the same browser ends, and those that have other roles than the
 * provider gives now. Returns the id for its cookie.
 */
export async function openSession(
  deps: Needs,
  person: Person,
  development: boolean,
  requestId: string,
  earlier: string | undefined,
): Promise<string> {
  const id = randomId();
  const at = deps.clock();
  await deps.database.sql.begin(async (tx) => {
    if (earlier !== undefined) await endSession(tx, hashOf(earlier));
    await endSessionsOf(tx, person.subject, person.roles);
    const authenticatedAt = development ? at : (person.authenticatedAt ?? null);
    await addSession(tx, hashOf(id), { ...person, csrf: randomId(), development, authenticatedAt }, at);
    await writeAudit(tx, [
      auditRow({
        at,
        actorKind: 'staff',
        actor: person.subject,
        action: 'sign-in',
        requestId,
        detail: { roles: person.roles, ...(development ? { dev: true } : { name: person.name }) },
      }),
    ]);
  });
  return id;
}

/** The session of a cookie, marked as used now. */
export async function currentSession(deps: Needs, id: string | undefined): Promise<StaffSession | undefined> {
  return id === undefined ? undefined : useSession(deps.database.sql, hashOf(id), deps.clock());
}

export async function closeSession(deps: Needs, id: string, session: StaffSession, requestId: string): Promise<void> {
  const at = deps.clock();
  await deps.database.sql.begin(async (tx) => {
    await endSession(tx, hashOf(id));
    await writeAudit(tx, [
      auditRow({
        at,
        actorKind: 'staff',
        actor: session.subject,
        action: 'sign-out',
        requestId,
        detail: devMark(session),
      }),
    ]);
  });
}

/**
 * Ends all sessions of a person, at once, as an administrator says.
 * @returns how many there were
 */
export async function closeSessionsOf(
  deps: Needs,
  subject: string,
  by: StaffSession,
  requestId: string,
): Promise<number> {
  return deps.database.sql.begin((tx) => endAll(deps, tx, subject, by, requestId));
}

/** The same by the word of the identity provider, which is good once. False when it was used before. */
export async function closeSignedOut(deps: Needs, said: Logout, requestId: string): Promise<boolean> {
  const hash = createHash('sha256').update(`logout\0${said.issuer}\0${said.jti}`).digest('hex');
  const { of } = said;
  return deps.database.sql.begin(async (tx) => {
    if (await useAssertion(tx, hash, said.until, deps.clock())) return false;
    if ('subject' in of) await endAll(deps, tx, of.subject, undefined, requestId);
    else {
      const ended = await endSessionNamed(tx, of.issuer, of.sid);
      for (const subject of new Set(ended))
        await writeEnded(deps, tx, subject, ended.filter((s) => s === subject).length, undefined, requestId);
    }
    return true;
  });
}

async function endAll(
  deps: Needs,
  tx: Queryable,
  subject: string,
  by: StaffSession | undefined,
  requestId: string,
): Promise<number> {
  const sessions = await endSessionsOf(tx, subject);
  // a provider tells every node about everybody who signs out
  if (by !== undefined || sessions > 0) await writeEnded(deps, tx, subject, sessions, by, requestId);
  return sessions;
}

async function writeEnded(
  deps: Needs,
  tx: Queryable,
  subject: string,
  sessions: number,
  by: StaffSession | undefined,
  requestId: string,
): Promise<void> {
  await writeAudit(tx, [
    auditRow({
      at: deps.clock(),
      actorKind: 'staff',
      actor: by?.subject ?? 'oidc',
      action: 'sessions-ended',
      requestId,
      detail: { of: subject, sessions, ...(by ? devMark(by) : {}) },
    }),
  ]);
}

const purposeMark = (purpose: string | undefined) => (purpose === undefined ? {} : { purpose });
const devMark = (session: StaffSession) => (session.development ? { dev: true } : {});

/** Records that something was refused: a sign-in, or a page that the person's roles do not open. */
export async function recordRefusal(
  deps: Needs,
  actor: string,
  action: 'sign-in' | 'view' | 'accept' | 'manage' | 'export-report',
  object: string,
  reason: string,
  requestId: string,
): Promise<void> {
  await writeAudit(deps.database.sql, [
    auditRow({ at: deps.clock(), actorKind: 'staff', actor, action, object, outcome: 'refused', reason, requestId }),
  ]);
}

/**
 * Records a look at member-level data, before it is shown: one row for the page, and one for each member that is on it.
 */
export async function recordView(
  deps: Needs,
  session: StaffSession,
  look: {
    object: string;
    page: string;
    memberIds: readonly string[];
    rows: number;
    requestId: string;
    format: string;
    /** what it is taken along or looked at for, by its code; a page of two members may have one for each */
    purposeFor: (memberId: string | undefined) => string | undefined;
  },
): Promise<void> {
  const at = deps.clock();
  const row = (memberId?: string) =>
    auditRow({
      at,
      actorKind: 'staff',
      actor: session.subject,
      action: 'view',
      object: look.object,
      memberId,
      requestId: look.requestId,
      detail: {
        page: look.page,
        rows: look.rows,
        format: look.format,
        ...purposeMark(look.purposeFor(memberId)),
        ...devMark(session),
      },
    });
  const members = [...new Set(look.memberIds)];
  const { emergency } = session;
  const through = (memberId: string) =>
    auditRow({
      at,
      actorKind: 'staff',
      actor: session.subject,
      action: 'emergency-look',
      object: `emergency/${emergency?.id ?? ''}`,
      memberId,
      requestId: look.requestId,
      detail: { page: look.page, ...devMark(session) },
    });
  await writeAudit(deps.database.sql, [
    ...(members.length === 0 ? [row()] : members.map((m) => row(m))),
    ...(emergency === null ? [] : members.map(through)),
  ]);
}

/** Records that rows of a page left as a file. */
export async function recordExport(
  deps: Needs,
  session: StaffSession,
  page: string,
  format: string,
  rows: number,
  requestId: string,
  purpose?: string,
): Promise<void> {
  await writeAudit(deps.database.sql, [
    auditRow({
      at: deps.clock(),
      actorKind: 'staff',
      actor: session.subject,
      action: 'export-report',
      object: page,
      requestId,
      detail: { format, rows, ...purposeMark(purpose), ...devMark(session) },
    }),
  ]);
}
