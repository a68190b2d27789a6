// Transactions of many rows that meet others of many rows.
import { setTimeout } from 'node:timers/promises';
import type { TransactionSql } from 'postgres';
import type { Sql } from './database.ts';
import { isHeld } from './failure.ts';

const TRIES = 6;
const PAUSE_MS = 50;

/**
 * A transaction that starts over when the server ended it because it and another one waited for each other: who imports a million members beside a
 * service at work is not to begin from the start. A few times, then the error is thrown as it is.
 * @param work may be called several times; what it did in the database before is undone, nothing else is
 */
export async function beginAgain<T>(sql: Sql, work: (tx: TransactionSql) => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++)
    try {
      return (await sql.begin(work)) as T;
    } catch (error) {
      if (tries === TRIES || !isHeld(error)) throw error;
      await setTimeout(PAUSE_MS * tries * (0.5 + Math.random()));
    }
}
