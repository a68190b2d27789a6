// Retry-After, RFC 9110 10.2.3: seconds or an HTTP date.

export type RetryAfter = {
  /** within the limits */
  ms: number;
  /** more than a day, over long ago, or no time at all: a peer's fault */
  isAbsurd: boolean;
};

const DAY_MS = 86_400_000;
/** Clocks differ by so much. */
const SKEW_MS = 300_000;

/**
 * Milliseconds since 1970 of a date in a header, https://www.rfc-editor.org/rfc/rfc9110#name-date-time-formats; NaN for what is none:
 * the parser of the engine takes `0` and `-5` for dates. The form without a zone is in GMT.
 */
export function readHttpDate(header: string | null): number {
  const value = header?.trim() ?? '';
  if (!/^[A-Z][a-z]{2,8},? /.test(value)) return Number.NaN;
  return Date.parse(/ \d{4}$/.test(value) ? `${value} GMT` : value);
}

/** What the header says; undefined without one. What cannot be read is absurd and has no time of its own. */
export function readRetryAfter(
  header: string | null,
  now: Date,
  limits: { minMs: number; maxMs: number },
): RetryAfter | { ms: undefined; isAbsurd: true } | undefined {
  if (header === null) return undefined;
  const value = header.trim();
  const judge = (ms: number) => ({
    ms: Math.min(limits.maxMs, Math.max(limits.minMs, ms)),
    isAbsurd: ms > DAY_MS || ms < -SKEW_MS,
  });
  if (/^\d+(\.\d+)?$/.test(value)) {
    // a reference server of Bulk Data writes the time until which it blocks, in seconds and in milliseconds since 1970: no delay comes near
    const until = [Number(value) * 1000, Number(value)]
      .map((at) => at - now.getTime())
      .find((ms) => Math.abs(ms) < DAY_MS);
    return until === undefined ? judge(Number(value) * 1000) : { ...judge(until), isAbsurd: true };
  }
  const at = readHttpDate(value);
  return Number.isNaN(at) ? { ms: undefined, isAbsurd: true } : judge(at - now.getTime());
}

/** Delay in milliseconds, within limits; undefined without a usable header. */
export function retryAfterMs(
  header: string | null,
  now: Date,
  limits: { minMs: number; maxMs: number },
): number | undefined {
  return readRetryAfter(header, now, limits)?.ms;
}
