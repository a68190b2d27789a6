// Totals of searches already counted, good as long as the directory does not change. Holds no more than a thousand.

type Known = { change: string; total: number; exact: boolean };

export type Totals = {
  get(key: string): Known | undefined;
  set(key: string, known: Known): void;
};

const MAX = 1000;

export function totals(): Totals {
  const held = new Map<string, Known>();
  return {
    get: (key) => held.get(key),
    set(key, known) {
      if (held.size >= MAX && !held.has(key)) {
        const [oldest] = held.keys();
        if (oldest !== undefined) held.delete(oldest);
      }
      held.set(key, known);
    },
  };
}
