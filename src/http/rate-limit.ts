// Requests a minute and client. Clients are known by a keyed hash of their address; the key lives in memory only and
// changes every day, so nothing here can tell later who asked. On Workers the limit holds per isolate.
import { createHmac, randomBytes } from 'node:crypto';
import { Outcome } from '../fhir/outcome.ts';
import { type HeaderOf, isLoopback } from './client-address.ts';

const MINUTE = 60_000;
const DAY = 86_400_000;
const MAX_CLIENTS = 100_000;
/** Anyone who asks so fast wants all of it. */
const INSTEAD = 'Too many requests. All of the directory is there as files: GET [base]/$bulk-publish names them.';

export type RateLimit = {
  /**
   * Counts one request.
   * @returns headers for the answer
   * @throws Outcome throttled, with Retry-After
   */
  take(address: string): Record<string, string>;
};

/** Undefined when `perMinute` is 0: no limit. */
export function rateLimit(perMinute: number, clock: () => Date): RateLimit | undefined {
  if (perMinute === 0) return undefined;
  let key = randomBytes(32);
  let keyDay = -1;
  let window = -1;
  let counts = new Map<string, number>();
  return {
    take(address) {
      const now = clock().getTime();
      const day = Math.floor(now / DAY);
      if (day !== keyDay) {
        key = randomBytes(32);
        keyDay = day;
      }
      const minute = Math.floor(now / MINUTE);
      if (minute !== window || counts.size > MAX_CLIENTS) {
        window = minute;
        counts = new Map();
      }
      const client = createHmac('sha256', key).update(address).digest('base64');
      const used = (counts.get(client) ?? 0) + 1;
      counts.set(client, used);
      const seconds = Math.ceil(((minute + 1) * MINUTE - now) / 1000);
      const headers = {
        'ratelimit-policy': `"default";q=${perMinute};w=60`,
        ratelimit: `"default";r=${Math.max(0, perMinute - used)};t=${seconds}`,
      };
      if (used > perMinute) throw new Outcome('throttled', INSTEAD, { retryAfter: seconds, headers });
      return headers;
    },
  };
}

/** Headers that a proxy adds: with one of them, someone else asks than the other end of the socket. */
const PROXIES = ['x-forwarded-for', 'forwarded', 'x-real-ip', 'via'];

/** Does a process of this machine ask, for itself? */
export const isFromHere = (socket: string | undefined, header: HeaderOf): boolean =>
  (socket === undefined || isLoopback(socket)) && PROXIES.every((name) => header(name) === undefined);
