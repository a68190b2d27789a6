// Sessions of staff and sign-ins under way. The database holds the SHA-256 of a cookie's id, never the id.
import type { Queryable } from '../../../src/db/database.ts';

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

const bytes = (hashHex: string) => `\\x${hashHex}`;

/** Begins a session and forgets those that have ended. The second statement reads the whole table: it holds people signed in. */
export async function addSession(
  tx: Queryable,
  idHash: string,
  session: Omit<StaffSession, 'emergency'> & { sid?: string },
  now: Date,
): Promise<void> {
  await tx`
    insert into exchange.staff_session (id_hash, csrf, subject, sid, name, roles, development, authenticated_at, created_at, seen_at,
      expires_at)
    values (${bytes(idHash)}::text::bytea, ${session.csrf}, ${session.subject}, ${session.sid ?? null}, ${session.name},
      ${session.roles}::text[], ${session.development},
      ${session.authenticatedAt}, ${now}, ${now}, ${now}::timestamptz + make_interval(hours => ${LONGEST_HOURS}))`;
  await tx`
    delete from exchange.staff_session
    where expires_at <= ${now} or seen_at <= ${now}::timestamptz - make_interval(mins => ${IDLE_MINUTES})`;
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
  await sql`delete from exchange.staff_session where id_hash = ${bytes(idHash)}::text::bytea`;
}

/** Ends all sessions of a person; with `roles`, those that have others. The table holds people signed in. */
export async function endSessionsOf(sql: Queryable, subject: string, unlessRoles?: readonly Role[]): Promise<number> {
  const ended = await sql`
    delete from exchange.staff_session
    where subject = ${subject} and (${unlessRoles === undefined} or roles <> ${[...(unlessRoles ?? [])]}::text[]) returning 1`;
  return ended.length;
}

/** Ends the session that the provider knows by this name. The table holds people signed in. @returns whose it was */
export async function endSessionNamed(sql: Queryable, issuer: string, sid: string): Promise<string[]> {
  const ended = await sql<{ subject: string }[]>`
    delete from exchange.staff_session where sid = ${sid} and starts_with(subject, ${`${issuer}|`}) returning subject`;
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
export type SignIn = { state: string; nonce: string; verifier: string; returnTo: string; isFresh: boolean };

const SIGN_IN_MINUTES = 10;

/** Begins a sign-in and forgets those whose time is over. staff_sign_in_expiry. */
export async function addSignIn(sql: Queryable, idHash: string, s: SignIn, now: Date): Promise<void> {
  await sql`
    insert into exchange.staff_sign_in (id_hash, state, nonce, verifier, return_to, is_fresh, expires_at)
    values (${bytes(idHash)}::text::bytea, ${s.state}, ${s.nonce}, ${s.verifier}, ${s.returnTo}, ${s.isFresh}, ${now}::timestamptz +
      make_interval(mins => ${SIGN_IN_MINUTES}))`;
  await sql`delete from exchange.staff_sign_in where expires_at <= ${now}`;
}

/** Takes a sign-in: it is good once and for ten minutes. Served by the primary key. */
export async function takeSignIn(sql: Queryable, idHash: string, now: Date): Promise<SignIn | undefined> {
  const [row] = await sql<(SignIn & { expiresAt: Date })[]>`
    delete from exchange.staff_sign_in where id_hash = ${bytes(idHash)}::text::bytea
    returning state, nonce, verifier, return_to as "returnTo", is_fresh as "isFresh", expires_at as "expiresAt"`;
  return row && row.expiresAt > now ? row : undefined;
}
