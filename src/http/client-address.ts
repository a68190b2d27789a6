// Who asks, as limits know it: the address of the socket's other end, or what proxies that are believed say of it.

export type HeaderOf = (name: string) => string | undefined;

export const isLoopback = (address: string): boolean =>
  address === '::1' || address.startsWith('127.') || address.startsWith('::ffff:127.');

/** The eight groups of an IPv6 address, in lower case without zeros before them; undefined for what is none. */
function groupsOf(address: string): string[] | undefined {
  if (!address.includes(':') || !URL.canParse(`http://[${address}]`)) return undefined;
  // as the parser of URLs writes it: the longest run of zeros is left out
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const before = head === '' ? [] : head.split(':');
  if (tail === undefined) return before;
  const after = tail === '' ? [] : tail.split(':');
  return [...before, ...Array<string>(8 - before.length - after.length).fill('0'), ...after];
}

const bits = (parts: readonly string[], radix: number, size: number): string =>
  parts.map((part) => Number.parseInt(part, radix).toString(2).padStart(size, '0')).join('');

/** IPv4 within IPv6, and as a translator of networks writes it (RFC 6052): the first six groups. */
const MAPPED = '0:0:0:0:0:ffff';
const TRANSLATED = '64:ff9b:0:0:0:0';

/** The IPv4 address in the last two groups, if those before are one of these. */
function inIpv4(groups: readonly string[], ...before: readonly string[]): string | undefined {
  if (!before.includes(groups.slice(0, 6).join(':'))) return undefined;
  return groups
    .slice(6)
    .map((group) => Number.parseInt(group, 16))
    .flatMap((group) => [group >> 8, group & 255])
    .join('.');
}

/** An address as its bits; IPv4 within IPv6 is IPv4. */
function bitsOf(address: string): string | undefined {
  const groups = groupsOf(address);
  const plain = groups === undefined ? address : inIpv4(groups, MAPPED);
  if (plain === undefined) return groups && bits(groups, 16, 16);
  return /^\d{1,3}(?:\.\d{1,3}){3}$/.test(plain) ? bits(plain.split('.'), 10, 8) : undefined;
}

/** Beginnings of the bits of networks (`10.0.0.0/8`), by their list, which is a setting and stays. */
const beginnings = new WeakMap<readonly string[], string[]>();

function isIn(address: string, networks: readonly string[]): boolean {
  if (networks.length === 0) return false;
  let known = beginnings.get(networks);
  if (!known) {
    known = networks.flatMap((network) => {
      const [base = '', prefix] = network.split('/');
      const all = bitsOf(base);
      if (all === undefined) return [];
      // a network within that of IPv4 has the bits before it counted too
      const size = Number(prefix) - (all.length === 32 && base.includes(':') ? 96 : 0);
      return size < 0 ? [] : [`${all.length}:${all.slice(0, size)}`];
    });
    beginnings.set(networks, known);
  }
  const own = bitsOf(address);
  return own !== undefined && known.some((beginning) => `${own.length}:${own}`.startsWith(beginning));
}

/**
 * By what a limit knows an address. Of IPv6 the network of 64 bits: a connection has all of one, and whoever asked from another of its addresses
 * each time would meet no limit (RFC 6177). IPv4 in whatever form is IPv4: all of it would be one such network.
 */
function ofLimit(address: string): string {
  const groups = groupsOf(address);
  if (groups === undefined) return address;
  return inIpv4(groups, MAPPED, TRANSLATED) ?? `${groups.slice(0, 4).join(':')}::/64`;
}

/** As proxies write them: with a port, IPv6 in brackets, with a zone. */
const bare = (written: string): string =>
  written
    .trim()
    .replace(/^\[([^\]]*)\](?::\d+)?$/, '$1')
    .replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, '$1')
    .replace(/%.*$/, '');

/**
 * The address of a client, as limits count by it. A proxy on the same machine is believed, and those of `proxies` are: the last entry of their
 * X-Forwarded-For that is none of them, nor one that stands before another on its own machine, is what the first of them has seen. On Workers there is no socket, and the platform says who it is;
 * elsewhere its header is anybody's.
 * @param proxies networks, as `TRUSTED_PROXIES` names them
 */
export function clientAddress(socket: string | undefined, header: HeaderOf, proxies: readonly string[] = []): string {
  const from = socket?.replace(/%.*$/, '');
  if (from !== undefined && !isLoopback(from) && !isIn(from, proxies)) return ofLimit(from);
  const entries = (header('x-forwarded-for') ?? '').split(',').map(bare).filter(Boolean).reverse();
  const forwarded = entries.find((entry) => !isLoopback(entry) && !isIn(entry, proxies)) ?? entries.at(-1);
  const told = from === undefined ? (header('cf-connecting-ip') ?? forwarded) : forwarded;
  return told !== undefined && told !== '' ? ofLimit(told) : (from ?? 'unknown');
}
