// Refusals that must not tell their reason by the time they take.

/** Waits until `ms` have passed since `started` (by `performance.now()`), and up to a quarter more. */
export async function untilFloor(started: number, ms: number): Promise<void> {
  const left = ms * (1 + Math.random() / 4) - (performance.now() - started);
  if (left > 0) await new Promise((done) => setTimeout(done, left));
}
