// Which addresses an outgoing request may reach: never a loopback, private, link-local or metadata address, unless the
// operator names the network. The one guard for every outgoing request.
import { BlockList, isIP } from 'node:net';

const special = new BlockList();
for (const [net, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const)
  special.addSubnet(net, prefix, 'ipv4');
for (const [net, prefix] of [
  ['::', 96],
  ['::1', 128],
  // IPv4 as translators write it
  ['::ffff:0:0:0', 96],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['fc00::', 7],
  ['3fff::', 20],
  ['5f00::', 16],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
] as const)
  special.addSubnet(net, prefix, 'ipv6');

export type NetworkPolicy = {
  /** loopback over plain http: the sandbox and tests only */
  allowLoopback: boolean;
  /** CIDR blocks that count as public; plain http only to loopback, when it is among them */
  allowedNetworks: readonly string[];
};

/** What the settings allow. */
export const networkPolicy = (config: { sandbox: boolean; peerAllowedNetworks: readonly string[] }): NetworkPolicy => ({
  allowLoopback: config.sandbox,
  allowedNetworks: config.peerAllowedNetworks,
});

export type AddressFault = 'scheme' | 'userinfo' | 'address';

function inNetworks(ip: string, networks: readonly string[]): boolean {
  const list = new BlockList();
  for (const block of networks) {
    const [net = '', prefix = ''] = block.split('/');
    if (isIP(net) !== 0) list.addSubnet(net, Number(prefix), isIP(net) === 4 ? 'ipv4' : 'ipv6');
  }
  return list.check(ip, isIP(ip) === 4 ? 'ipv4' : 'ipv6');
}

/** Unwraps ::ffff:a.b.c.d. */
const plain = (ip: string): string => /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip)?.[1] ?? ip;
const isLoopback = (ip: string): boolean => isIP(ip) !== 0 && (ip === '::1' || plain(ip).startsWith('127.'));

/** May a connection be made to this resolved address? */
export function mayConnect(ip: string, policy: NetworkPolicy): boolean {
  const address = plain(ip);
  const family = isIP(address);
  if (family === 0) return false;
  if (isLoopback(address)) return policy.allowLoopback || inNetworks(address, policy.allowedNetworks);
  return !special.check(address, family === 4 ? 'ipv4' : 'ipv6') || inNetworks(address, policy.allowedNetworks);
}

/** Is this URL one that may be asked at all, before its name is resolved? */
export function checkUrl(url: URL, policy: NetworkPolicy): AddressFault | undefined {
  if (url.username !== '' || url.password !== '') return 'userinfo';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const local = host === 'localhost' || isLoopback(host);
  const mayLoop = policy.allowLoopback || inNetworks('127.0.0.1', policy.allowedNetworks);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && local && mayLoop)) return 'scheme';
  if (isIP(host) !== 0 && !mayConnect(host, policy)) return 'address';
  return local && !mayLoop ? 'address' : undefined;
}
