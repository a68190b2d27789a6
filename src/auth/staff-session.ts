// Cookies, tokens and origins of staff sessions. Pure, but for random numbers; where sessions are kept is the caller's.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** 256 random bits for an address, a cookie or a form. */
export function randomId(): string {
  return randomBytes(32).toString('base64url');
}

/** Lower-case hex SHA-256: what the database knows of a cookie. */
export function hashOf(id: string): string {
  return createHash('sha256').update(id).digest('hex');
}

/** Are two texts the same, compared in constant time. */
export function sameText(a: string, b: string): boolean {
  return timingSafeEqual(createHash('sha256').update(a).digest(), createHash('sha256').update(b).digest());
}

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

export function isLoopback(url: string): boolean {
  return LOOPBACK.has(new URL(url).hostname);
}

/** Names of the session cookie and of the sign-in cookie: with the `__Host-` prefix wherever that is possible. */
export function cookieNames(baseUrl: string): { session: string; signIn: string } {
  return baseUrl.startsWith('https:')
    ? { session: '__Host-sid', signIn: '__Host-sign-in' }
    : { session: 'sid', signIn: 'sign-in' };
}

/** A `Set-Cookie` value. `seconds`: 0 removes it, undefined keeps it as long as the browser runs. */
export function cookie(baseUrl: string, name: string, value: string, seconds?: number): string {
  const secure = baseUrl.startsWith('https:') ? '; Secure' : '';
  const age = seconds === undefined ? '' : `; Max-Age=${seconds}`;
  return `${name}=${value}; Path=/; HttpOnly; SameSite=Lax${secure}${age}`;
}

/** The value of a cookie that looks like one of our ids. */
export function readCookie(header: string | undefined, name: string): string | undefined {
  for (const part of header?.split(';') ?? []) {
    const [key, value] = part.trim().split('=', 2);
    if (key === name && value !== undefined && /^[A-Za-z0-9_-]{43}$/.test(value)) return value;
  }
  return undefined;
}

/**
 * Does a POST come from our own pages? `Origin` must be ours. On a loopback node the name by which the browser reached it
 * counts too: `localhost` and `127.0.0.1` are the same place.
 */
export function isOwnOrigin(
  headers: { origin: string | undefined; secFetchSite: string | undefined },
  requestUrl: string,
  baseUrl: string,
): boolean {
  const { origin, secFetchSite } = headers;
  if (secFetchSite !== undefined && secFetchSite !== 'same-origin') return false;
  if (origin === undefined) return false;
  if (origin === new URL(baseUrl).origin) return true;
  return isLoopback(baseUrl) && isLoopback(requestUrl) && origin === new URL(requestUrl).origin;
}

/** As long as what a browser and what is in front of a node let through, twice written in percents. */
const LONGEST_RETURN = 3000;

/** Where to go after sign-in: a path of the staff pages, or their start. */
export function safeReturn(path: string | undefined): string {
  if (path === undefined || path.length > LONGEST_RETURN) return '/staff';
  const [place = ''] = path.split('?', 1);
  const isOurs = /^\/staff(?:\/[A-Za-z0-9\-._~/%]*)?$/.test(place) && !place.includes('//') && !place.includes('..');
  return isOurs && /^[A-Za-z0-9\-._~/?&=%+:@!$'()*,;]*$/.test(path) ? path : '/staff';
}
