// Faults as a person at a terminal reads them: one sentence, and a non-zero exit.
import { ConfigError } from '../config.ts';
import { NewerDatabase, UnfitDatabase } from '../db/migrate.ts';
import { ImportFault } from '../import/reject.ts';
import { framesOf } from '../redact-stack.ts';
import { PostgresFault } from './postgres-server.ts';

/** A command cannot go on. The message is one sentence. */
export class CommandFault extends Error {}

const away = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'CONNECT_TIMEOUT',
  'EHOSTUNREACH',
  'ECONNRESET',
]);

/** Of a connection that was there: closed, or the server reported that it stops or begins. What breaks of our own output is no error (main.ts). */
const gone = /^(CONNECTION_(CLOSED|ENDED|DESTROYED)|EPIPE|57P0[1-3])$/;

/** What to print for an error, without stack or secrets; undefined for one that is not expected. */
export function faultSentence(
  error: unknown,
  where: { port?: number } = {},
  reported: readonly unknown[] = [],
): string | undefined {
  if (error instanceof ConfigError) return error.faults.join('\n');
  if (
    error instanceof CommandFault ||
    error instanceof ImportFault ||
    error instanceof PostgresFault ||
    error instanceof NewerDatabase ||
    error instanceof UnfitDatabase
  )
    return error.message;
  const { code, address, port, syscall } = error as {
    code?: string;
    address?: string;
    port?: number;
    syscall?: string;
  };
  if (code === 'EADDRINUSE')
    return `Port ${port ?? where.port ?? ''} is in use by another program. Start on a free one: PORT=${(port ?? Number(where.port ?? 8080)) + 10} npm start`;
  if (code === 'EACCES' && syscall === 'listen')
    return `Port ${port ?? where.port ?? ''} may not be used by this user. Set PORT to one above 1023.`;
  if (code !== undefined && gone.test(code))
    return `The database went away in the midst of this (${code}). What was committed stays: run the command again when it is back.`;
  // what a server without TLS answers to one who asks for it
  if (code === 'ECONNRESET')
    return 'The database ended the connection (ECONNRESET). Check DATABASE_URL: with sslmode=require the database must offer TLS.';
  // of a Unix socket, which is a file
  if (code !== undefined && (away.has(code) || (syscall === 'connect' && (code === 'ENOENT' || code === 'EACCES'))))
    return `The database cannot be reached${address === undefined ? '' : ` at ${address}${port === undefined ? '' : `:${port}`}`} (${code}). Check DATABASE_URL.`;
  if (code === '28P01' || code === '28000') return 'The database refuses the user or password of DATABASE_URL.';
  if (code === '3D000') return 'The database that DATABASE_URL names does not exist.';
  if (code === '08P01' && String(error).includes('startup parameter'))
    return 'A pooler before the database does not take the settings of a connection: let DATABASE_URL name the database itself.';
  if (code === '42501')
    return 'The database user of DATABASE_URL may not do this: it must own the database, and create roles or be a member of payer_node_directory.';
  if (code === 'ENOSPC') return 'The disk is full.';
  if (code !== undefined && syscall === 'mkdir')
    return `${(error as { path?: string }).path ?? 'A folder'} cannot be made (${code}): set DATA_DIR, BLOBS_DIR or KEYS_DIR, whichever lies there, to another folder.`;
  if (code === 'EACCES' || code === 'EPERM')
    return `A file or folder may not be written: ${(error as { path?: string }).path ?? 'DATA_DIR'}.`;
  // a failed migration carries what the server said
  const { cause } = error as { cause?: unknown };
  if (code !== undefined || !(cause instanceof Error) || reported.includes(cause)) return undefined;
  return faultSentence(cause, where, [...reported, error]);
}

/**
 * What to print for an error that no one expected: what it is and where, of its causes too. Its message and what the database adds to
 * it may quote a member's record, and standard error is kept with the logs.
 * @param reported what it is the cause of
 */
export function unexpectedFault(error: unknown, reported: readonly unknown[] = []): string {
  if (!(error instanceof Error)) return `Unexpected: ${typeof error}`;
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  const head = `${error.name}${typeof code === 'string' ? ` ${code}` : ''}`;
  const lines = [`Unexpected: ${head}`, ...framesOf(error)];
  // some are their own cause, by way of others
  const further = [...reported, error];
  const isNew = cause instanceof Error && !further.includes(cause);
  return [...lines, ...(isNew ? [`because of ${unexpectedFault(cause, further)}`] : [])].join('\n');
}

/** What is thrown where no one waits for it ends the process as ever, and says no more than what is caught. */
export function tellUncaught(): void {
  process.on('uncaughtException', (error) => {
    process.stderr.write(`${unexpectedFault(error)}\n`);
    process.exit(1);
  });
}
