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
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : clamp(at - now.getTime());
}
