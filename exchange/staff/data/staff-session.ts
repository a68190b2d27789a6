// Sessions of staff and sign-ins under way. The database holds the SHA-256 of a cookie's id, never the id.

import { and, eq, sql as expression, getColumns, lte, ne, or } from 'drizzle-orm';
import type { Queryable } from '../../../src/db/database.ts';
import { orm } from '../../../src/db/orm.ts';
import { staffSession, staffSignIn } from './schema.ts';

type Role = 'viewer' | 'reviewer' | 'admin';
export type StaffSession = {
  /** token that every form of this session carries */
  csrf: string;
  /** unique person: `issuer|subject`, or `dev|name` */
  subject: string;
  name: string;
  roles: Role[];
  development: boolean;
  /** when the person last proved who they are; null when the provider does not tell */
  authenticatedAt: Date | null;
  /** emergency access to members' records that this session has open */
  emergency: { id: string; until: Date } | null;
};

const IDLE_MINUTES = 15;
const LONGEST_HOURS = 8;

const IDLE_MS = IDLE_MINUTES * 60_000;
const LONGEST_MS = LONGEST_HOURS * 3_600_000;

const bytes = (hashHex: string) => `\\x${hashHex}`;
const hashed = (hashHex: string) => Buffer.from(hashHex, 'hex');

/** Begins a session and forgets those that have ended. The second statement reads the whole table: it holds people signed in. */
export async function addSession(
  tx: Queryable,
  idHash: string,
  session: Omit<StaffSession, 'emergency'> & { sid?: string },
  now: Date,
): Promise<void> {
  const { csrf, subject, sid, name, roles, development, authenticatedAt } = session;
  const expiresAt = new Date(now.getTime() + LONGEST_MS);
  const times = { authenticatedAt, createdAt: now, seenAt: now, expiresAt };
  await orm(tx)
    .insert(staffSession)
    .values({ idHash: hashed(idHash), csrf, subject, sid, name, roles, development, ...times });
  const idleSince = new Date(now.getTime() - IDLE_MS);
  await orm(tx)
    .delete(staffSession)
    .where(or(lte(staffSession.expiresAt, now), lte(staffSession.seenAt, idleSince)));
}

/**
 * The session of a cookie, used now; none after 15 minutes without use or 8 hours in all. Served by the primary key and
 * emergency_access_session.
 */
export async function useSession(sql: Queryable, idHash: string, now: Date): Promise<StaffSession | undefined> {
  type Row = Omit<StaffSession, 'emergency'> & { emergencyId: string | null; emergencyUntil: Date | null };
  const [row] = await sql<Row[]>`
    with used as (
      update exchange.staff_session set seen_at = ${now}
      where id_hash = ${bytes(idHash)}::text::bytea and expires_at > ${now}
        and seen_at > ${now}::timestamptz - make_interval(mins => ${IDLE_MINUTES})
      returning csrf, subject, name, roles, development, authenticated_at as "authenticatedAt"
    ) select u.*, e.id as "emergencyId", e.until_at as "emergencyUntil" from used u left join lateral (
      select id, until_at from exchange.emergency_access where session = ${bytes(idHash)}::text::bytea
        and until_at > ${now} and ended_at is null limit 1) e on true`;
  if (row === undefined) return undefined;
  const { emergencyId: id, emergencyUntil: until, ...session } = row;
  return { ...session, emergency: id === null || until === null ? null : { id, until } };
}

/** Served by the primary key. */
export async function endSession(sql: Queryable, idHash: string): Promise<void> {
  await orm(sql)
    .delete(staffSession)
    .where(eq(staffSession.idHash, hashed(idHash)));
}

/** Ends all sessions of a person; with `roles`, those that have others. The table holds people signed in. */
export async function endSessionsOf(sql: Queryable, subject: string, unlessRoles?: readonly Role[]): Promise<number> {
  const others = unlessRoles === undefined ? undefined : ne(staffSession.roles, [...unlessRoles]);
  const ended = await orm(sql)
    .delete(staffSession)
    .where(and(eq(staffSession.subject, subject), others))
    .returning({ subject: staffSession.subject });
  return ended.length;
}

/** Ends the session that the provider knows by this name. The table holds people signed in. @returns whose it was */
export async function endSessionNamed(sql: Queryable, issuer: string, sid: string): Promise<string[]> {
  const ended = await orm(sql)
    .delete(staffSession)
    .where(and(eq(staffSession.sid, sid), expression`starts_with(${staffSession.subject}, ${`${issuer}|`})`))
    .returning({ subject: staffSession.subject });
  return ended.map((e) => e.subject);
}

export type SignedIn = { subject: string; name: string; roles: Role[]; sessions: number; since: Date; seenAt: Date };

/** Who is signed in, by person, with the name and roles of the newest session. Reads the whole table: it holds people signed in. */
export async function signedIn(sql: Queryable, now: Date): Promise<SignedIn[]> {
  const rows = await sql<SignedIn[]>`
    select subject, (array_agg(name order by created_at desc))[1] as name, (array_agg(array_to_string(roles, ' ')
      order by created_at desc))[1] as roles,
      count(*)::int as sessions, min(created_at) as since, max(seen_at) as "seenAt"
    from exchange.staff_session
    where expires_at > ${now} and seen_at > ${now}::timestamptz - make_interval(mins => ${IDLE_MINUTES})
    group by subject order by name, subject`;
  return rows.map((r) => ({ ...r, roles: String(r.roles).split(' ') as Role[] }));
}

/** What must come back from the sign-in form or the identity provider. `isFresh`: the person is to authenticate again. */
export type SignIn = Omit<typeof staffSignIn.$inferSelect, 'idHash' | 'expiresAt'>;

const SIGN_IN_MINUTES = 10;

/** Begins a sign-in and forgets those whose time is over. staff_sign_in_expiry. */
export async function addSignIn(sql: Queryable, idHash: string, s: SignIn, now: Date): Promise<void> {
  const { state, nonce, verifier, returnTo, isFresh } = s;
  const expiresAt = new Date(now.getTime() + SIGN_IN_MINUTES * 60_000);
  await orm(sql)
    .insert(staffSignIn)
    .values({ idHash: hashed(idHash), state, nonce, verifier, returnTo, isFresh, expiresAt });
  await orm(sql).delete(staffSignIn).where(lte(staffSignIn.expiresAt, now));
}

/** Takes a sign-in: it is good once and for ten minutes. Served by the primary key. */
export async function takeSignIn(sql: Queryable, idHash: string, now: Date): Promise<SignIn | undefined> {
  const { idHash: _, ...columns } = getColumns(staffSignIn);
  const [row] = await orm(sql)
    .delete(staffSignIn)
    .where(eq(staffSignIn.idHash, hashed(idHash)))
    .returning(columns);
  return row && row.expiresAt > now ? row : undefined;
}
