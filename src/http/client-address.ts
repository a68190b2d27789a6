// Who asks, as limits know it: the address of the socket's other end, or what proxies that are believed say of it.
import ipaddr, { type IPv4, type IPv6 } from 'ipaddr.js';

export type HeaderOf = (name: string) => string | undefined;

export const isLoopback = (address: string): boolean =>
  address === '::1' || address.startsWith('127.') || address.startsWith('::ffff:127.');

/** An address; IPv4 within IPv6 is IPv4. Undefined for what is none. */
function addressOf(text: string): IPv4 | IPv6 | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text);
  return ipaddr.IPv6.isValid(text) ? ipaddr.process(text) : undefined;
}

/** `10.0.0.0/8`; a network within that of IPv4 has the bits before it counted too. */
function networkOf(text: string): [IPv4 | IPv6, number][] {
  const [base = '', prefix] = text.split('/');
  const address = addressOf(base);
  if (address === undefined) return [];
  const size = Number(prefix) - (address.kind() === 'ipv4' && base.includes(':') ? 96 : 0);
  return size < 0 ? [] : [[address, size]];
}

/** Networks by their list, which is a setting and stays. */
const parsed = new WeakMap<readonly string[], [IPv4 | IPv6, number][]>();

function isIn(text: string, networks: readonly string[]): boolean {
  if (networks.length === 0) return false;
  const known = parsed.get(networks) ?? networks.flatMap(networkOf);
  parsed.set(networks, known);
  const address = addressOf(text);
  return (
    address !== undefined && known.some(([base, size]) => address.kind() === base.kind() && address.match(base, size))
  );
}

/** IPv4 as a translator of networks writes it (RFC 6052). */
const TRANSLATED = ipaddr.IPv6.parse('64:ff9b::');

/**
 * By what a limit knows an address. Of IPv6 the network of 64 bits: a connection has all of one, and anyone who asked from another of its addresses
 * each time would meet no limit (RFC 6177). IPv4 in whatever form is IPv4: all of it would be one such network.
 */
function ofLimit(text: string): string {
  const address = addressOf(text);
  if (!(address instanceof ipaddr.IPv6)) return address?.toString() ?? text;
  if (address.match(TRANSLATED, 96)) return new ipaddr.IPv4(address.toByteArray().slice(12)).toString();
  return `${address.parts
    .slice(0, 4)
    .map((part) => part.toString(16))
    .join(':')}::/64`;
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
 * elsewhere its header is anyone's.
 * @param proxies networks, as `TRUSTED_PROXIES` names them
 */
export function clientAddress(socket: string | undefined, header: HeaderOf, proxies: readonly string[] = []): string {
  const from = socket?.replace(/%.*$/, '');
  if (from !== undefined && !isLoopback(from) && !isIn(from, proxies)) return ofLimit(from);
  const entries = (header('x-forwarded-for') ?? '').split(',').map(bare).filter(Boolean).reverse();
  const forwarded = entries.find((entry) => !isLoopback(entry) && !isIn(entry, proxies)) ?? entries.at(-1);
  const stated = from === undefined ? (header('cf-connecting-ip') ?? forwarded) : forwarded;
  return stated !== undefined && stated !== '' ? ofLimit(stated) : (from ?? 'unknown');
}
