// The name of the database in an address. The driver takes it as it stands there, where an address writes some characters as `%` and their
// number: https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS

/** An option for the driver, none when the address names no database. What is no such number stands for itself. */
export function databaseOf(url: string): { database?: string } {
  const written = /^[a-z]+:\/\/[^/?#]*\/([^?#]*)/i.exec(url)?.[1] ?? '';
  if (written === '') return {};
  try {
    return { database: decodeURIComponent(written) };
  } catch {
    return { database: written };
  }
}
