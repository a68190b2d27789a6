// Retry-After, RFC 9110 10.2.3: seconds or an HTTP date.

/** Delay in milliseconds, within limits; undefined without a usable header. */
export function retryAfterMs(
  header: string | null,
  now: Date,
  limits: { minMs: number; maxMs: number },
): number | undefined {
  if (header === null) return undefined;
  const value = header.trim();
  const clamp = (ms: number) => Math.min(limits.maxMs, Math.max(limits.minMs, ms));
  if (/^\d+(\.\d+)?$/.test(value)) return clamp(Number(value) * 1000);
  // the parser of the engine takes `-5` for a date
  const at = /^[A-Z][a-z]{2,8},? /.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(at) ? undefined : clamp(at - now.getTime());
}
