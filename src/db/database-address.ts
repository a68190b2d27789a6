// Addresses of databases as PostgreSQL itself understands them: https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS
// The driver takes the name of the database as it stands there, where an address writes some characters as `%` and their number, and
// would send the server what names a Unix socket as settings of a session.
import postgres, { type Sql } from 'postgres';

/** Of a query that libpq reads as a place or a person; the rest is the driver's and the server's. */
const PLACE = ['host', 'port', 'user', 'password'] as const;

/** An option for the driver, none when the address names no database. */
export function databaseOf(url: string): { database?: string } {
  const written = /^[a-z]+:\/\/[^/?#]*\/([^?#]*)/i.exec(url)?.[1] ?? '';
  return written === '' ? {} : { database: decoded(written) };
}

/** What is no such number stands for itself. */
function decoded(written: string): string {
  try {
    return decodeURIComponent(written);
  } catch {
    return written;
  }
}

/** What follows the question mark. An address may have several hosts, which `URL` does not read. */
function queryOf(url: string): [before: string, query: URLSearchParams] {
  const [address = '', query = ''] = url.split(/\?(.*)/s);
  return [address, new URLSearchParams(query)];
}

/** A folder that stands where a host does, written as `%2Ftmp`. */
const FOLDER_AS_HOST = /^[a-z]+:\/\/(?:[^/?#]*@)?(%2F[^/?#:,]*)(?::\d*)?(?:\/|$)/i;

/**
 * The folder of the Unix socket that an address names: `postgres://user@/name?host=/var/run/postgresql`. Its `host` wins over the
 * one before the name. None: the server is reached over TCP.
 */
export function socketFolder(url: string): string | undefined {
  const [before, query] = queryOf(url);
  const host = query.get('host') || decoded(FOLDER_AS_HOST.exec(before)?.[1] ?? '');
  return host.startsWith('/') ? host : undefined;
}

const AUTHORITY = /^([a-z]+:\/\/(?:[^/?#]*@)?)([^/?#]*)/i;
/** An IPv6 address in brackets, or anything else, and its port. */
const PLACED = /^(\[[^\]]*\]|[^:]*)(?::(\d*))?$/;
const DEFAULT_PORT = 5432;

/**
 * Hosts with their ports, where an address has some that the driver does not read: it takes the first colon for the end of a host, also in
 * an IPv6 address, and one port for all that stand in the query. In the query an IPv6 address has no brackets.
 */
function placesOf(url: string): { host: string[]; port: number[] } | undefined {
  const [before, query] = queryOf(url);
  const written = AUTHORITY.exec(before)?.[2] ?? '';
  const asked = query.get('host') ?? '';
  const port = query.get('port') ?? '';
  if (asked === '' && !written.includes('[') && !port.includes(',')) return undefined;
  const places = written.split(',').map((place) => PLACED.exec(place) ?? ['', place, '']);
  const hosts = asked === '' ? places.map(([, host = '']) => decoded(host)) : asked.split(',');
  const ports = port === '' ? places.map(([, , own]) => own ?? '') : port.split(',');
  return {
    host: hosts.map((host) => host.replace(/^\[(.*)\]$/, '$1') || 'localhost'),
    port: hosts.map((_, i) => Number((ports.length === 1 ? ports[0] : ports[i]) || DEFAULT_PORT)),
  };
}

/** A client of the driver. `options` as the driver has them; they win over the address. */
export function clientOf(url: string, options: postgres.Options<Record<string, postgres.PostgresType>>): Sql {
  const [before, query] = queryOf(url);
  const [, port, user, password] = PLACE.map((name) => query.get(name));
  for (const name of PLACE) query.delete(name);
  // libpq reads an address that names a person and no host, which the driver does not
  const named = before.replace(/@(?=\/|$)/, '@localhost');
  const folder = socketFolder(url);
  const places = folder === undefined ? placesOf(url) : undefined;
  const address = places === undefined ? named : named.replace(AUTHORITY, '$1localhost');
  const filePort = port || /:(\d+)(?:\/|$)/.exec(address)?.[1] || '5432';
  // nothing is encrypted within a machine, whatever is asked for; libpq says the same
  if (folder !== undefined) query.delete('sslmode');
  return postgres(query.size === 0 ? address : `${address}?${query}`, {
    ...databaseOf(url),
    ...(user ? { user } : {}),
    ...(password ? { password } : {}),
    ...(port ? { port: Number(port) } : {}),
    ...(folder !== undefined ? { path: `${folder}/.s.PGSQL.${filePort}` } : (places as { host?: never; port?: never })),
    ...options,
  });
}
