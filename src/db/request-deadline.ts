// What one request may ask of the database: its waits and its statements together have an end, and they end when no one waits for the
// answer any more. Each statement has a time limit of the server's beside it, which knows nothing of the others.
import { Outcome } from '../fhir/outcome.ts';
import type { Queryable } from './database.ts';

export type RequestDeadline = {
  /** when it ends, in milliseconds of `performance.now()` */
  readonly until: number;
  /** Has gone who asked? */
  readonly isGone: () => boolean;
  /** its statements may take long: others do not stand behind them on a connection */
  isLong: boolean;
  /** milliseconds that its statements took the server so far, without their waits */
  took: number;
};

const DEADLINE = Symbol('deadline');
const RETRY_SECONDS = 5;

/** @param ms that it has from now on */
export const deadline = (ms: number, isGone: () => boolean = () => false): RequestDeadline => ({
  until: performance.now() + ms,
  isGone,
  isLong: false,
  took: 0,
});

/** The error of a request deadline that has passed; undefined while it is not. */
export function endOf(of: RequestDeadline): Outcome | undefined {
  // no one reads it
  if (of.isGone()) return new Outcome('busy', undefined, { retryAfter: RETRY_SECONDS });
  return performance.now() > of.until ? new Outcome('too-costly', undefined, { retryAfter: RETRY_SECONDS }) : undefined;
}

/** A client whose statements by {@link rawRows} belong to a request deadline. */
export function withDeadline<T extends Queryable>(sql: T, of: RequestDeadline): T {
  return new Proxy(sql, {
    get: (target, name) => (name === DEADLINE ? of : (Reflect.get(target, name) as unknown)),
  });
}

/**
 * A client for a part of its request deadline that something can be done without: it ends earlier, so that there is time for what is done instead.
 * @param keptMs that are left then, or half of what is left now
 */
export function onPart<T extends Queryable>(sql: T, keptMs: number): T {
  const of = deadlineOf(sql);
  if (of === undefined) return sql;
  const now = performance.now();
  const part: RequestDeadline = {
    until: Math.max(of.until - keptMs, now + (of.until - now) / 2),
    isGone: of.isGone,
    get isLong() {
      return of.isLong;
    },
    set isLong(is) {
      of.isLong = is;
    },
    get took() {
      return of.took;
    },
    set took(ms) {
      of.took = ms;
    },
  };
  return withDeadline(sql, part);
}

/** The request deadline that statements of this client belong to. */
export const deadlineOf = (sql: Queryable): RequestDeadline | undefined =>
  (sql as { [DEADLINE]?: RequestDeadline })[DEADLINE];
