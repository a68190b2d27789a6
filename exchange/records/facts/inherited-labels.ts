// Labels that records of one member inherit: pure, and in time with their number and their references, however long a chain of them is.

/** What is known of the records of a member; keys are `Type/id`. */
export type Labelled = {
  /** labels from outside: what a record says of itself and may pass on, and what it names elsewhere reveals */
  seeds: { key: string; label: number }[];
  /** `key` refers to `to`: it would reveal it */
  edges: { key: string; to: string }[];
};

/** The highest label that each record has or inherits, as far as references lead; without those that have none. */
export function inheritedLabels({ seeds, edges }: Labelled): Map<string, number> {
  const revealers = new Map<string, string[]>();
  for (const { key, to } of edges) {
    const known = revealers.get(to);
    if (known) known.push(key);
    else revealers.set(to, [key]);
  }
  const reached = new Map<string, number>();
  // the highest first: what it has reached, a lower one passes by
  for (const seed of [...seeds].sort((a, b) => b.label - a.label)) {
    const open = [seed.key];
    for (let key = open.pop(); key !== undefined; key = open.pop()) {
      if ((reached.get(key) ?? 0) >= seed.label) continue;
      reached.set(key, seed.label);
      for (const revealer of revealers.get(key) ?? []) open.push(revealer);
    }
  }
  return reached;
}
