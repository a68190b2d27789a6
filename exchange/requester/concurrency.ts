// A few things at a time.

/** Runs `work` on each item, `width` at once. The first error stops what has not begun; it is thrown when the rest is over. */
export async function inLanes<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  let fault: { error: unknown } | undefined;
  const worker = async () => {
    while (fault === undefined && next < items.length) {
      const item = items[next++] as T;
      try {
        await work(item);
      } catch (error) {
        fault ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker));
  if (fault) throw fault.error;
}
