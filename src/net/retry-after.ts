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
  if (/^\d+(\.\d+)?$/.test(value)) return judge(Number(value) * 1000);
  // the parser of the engine takes `-5` for a date
  const at = /^[A-Z][a-z]{2,8},? /.test(value) ? Date.parse(value) : Number.NaN;
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
