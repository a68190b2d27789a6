// Requests a minute and client. Clients are known by a keyed hash of their address; the key lives in memory only and
// changes every day, so nothing here can tell later who asked. On Workers the limit holds per isolate.
import { createHmac, randomBytes } from 'node:crypto';
import { Outcome } from '../fhir/outcome.ts';

const MINUTE = 60_000;
const DAY = 86_400_000;
const MAX_CLIENTS = 100_000;
/** Whoever asks so fast wants all of it. */
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

type HeaderOf = (name: string) => string | undefined;

const isLoopback = (address: string) =>
  address === '::1' || address.startsWith('127.') || address.startsWith('::ffff:127.');

/**
 * By what a limit knows an address. Of IPv6 the network of 64 bits: a connection has all of one, and whoever asked from another of its addresses
 * each time would meet no limit (RFC 6177).
 */
export function ofLimit(address: string): string {
  const plain = address.replace(/^\[|\]$|%.*$/g, '');
  if (!plain.includes(':') || plain.includes('.') || !URL.canParse(`http://[${plain}]`)) return address;
  // as the parser of URLs writes it: in lower case, without zeros, the longest run of them left out
  const [head = '', tail] = new URL(`http://[${plain}]`).hostname.slice(1, -1).split('::');
  const parts = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const all =
    tail === undefined ? parts : [...parts, ...Array<string>(8 - parts.length - after.length).fill('0'), ...after];
  return `${all.slice(0, 4).join(':')}::/64`;
}

/**
 * The address of a client, as limits count by it. A proxy on the same machine is believed: the last entry of its X-Forwarded-For is the one it
 * wrote itself. On Workers there is no socket, and the platform says who it is; elsewhere its header is anybody's.
 */
export function clientAddress(socket: string | undefined, header: HeaderOf): string {
  if (socket !== undefined && !isLoopback(socket)) return ofLimit(socket);
  const forwarded = header('x-forwarded-for')?.split(',').at(-1)?.trim();
  const told = socket === undefined ? (header('cf-connecting-ip') ?? forwarded) : forwarded;
  return told !== undefined && told !== '' ? ofLimit(told) : (socket ?? 'unknown');
}

/** Headers that a proxy adds: with one of them, somebody else asks than the other end of the socket. */
const PROXIES = ['x-forwarded-for', 'forwarded', 'x-real-ip', 'via'];

/** Does a process of this machine ask, for itself? */
export const isFromHere = (socket: string | undefined, header: HeaderOf): boolean =>
  (socket === undefined || isLoopback(socket)) && PROXIES.every((name) => header(name) === undefined);
