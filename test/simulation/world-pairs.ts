// Duties that are told beside those that there were. Several of one day and one payer are alike, and of some the rule leaves open what became of them: each that is told
// is one of those, and it is not the first that comes which it must be. A payer that died amid its question, asks anew and lets the first go has two of a day: one that
// nobody saw answered, met or ended, and one that was. Told in any order, `met` and `ended` are true of them.

export type Told = { key: string; fate: string };
export type Owed = { key: string; fates: readonly string[] };

/** What is told of none, and of what nothing is told, when as many as can be are paired (augmenting paths). */
export function unpaired<T extends Told, O extends Owed>(
  told: readonly T[],
  owed: readonly O[],
): { told: T[]; owed: O[] } {
  const taker = new Map<O, T>();
  const place = (one: T, seen: Set<O>): boolean => {
    for (const duty of owed) {
      if (duty.key !== one.key || !duty.fates.includes(one.fate) || seen.has(duty)) continue;
      seen.add(duty);
      const other = taker.get(duty);
      if (other !== undefined && !place(other, seen)) continue;
      taker.set(duty, one);
      return true;
    }
    return false;
  };
  const left = told.filter((one) => !place(one, new Set()));
  return { told: left, owed: owed.filter((duty) => !taker.has(duty)) };
}
