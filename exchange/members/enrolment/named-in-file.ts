// Whom an enrolment file names, and whether it says that it names everybody: those who are covered here and are not in
// it have left, or were forgotten. Pure.

export type NamedInFile = {
  /** numbers of cards of its rows, those of rows that were refused too */
  numbers: Set<string>;
  /** those of rows that do not say that the coverage is over; who is known by no other card may be called so */
  current: Set<string>;
  /** ids of Patients of rows that were refused: the card of one that is taken says which coverage it is */
  patients: Set<string>;
  /** lines of business of its rows */
  lobs: Set<string>;
  /** rows of which no one can tell whose they are */
  nameless: number;
  /** numbers of rows that were refused and name no Patient: of one that no one here has, it cannot be determined whose the row is */
  refused: string[][];
  /** what an 834 says of itself: a full file (true), or changes alone */
  says: Set<boolean>;
};

export const newNamed = (): NamedInFile => ({
  numbers: new Set(),
  current: new Set(),
  patients: new Set(),
  lobs: new Set(),
  nameless: 0,
  refused: [],
  says: new Set(),
});

/** BGN08: verify, and replace. */
const FULL = new Set(['4', 'RX']);

/** Notes what a transaction says of itself (BGN08). */
export const noteAction = (named: NamedInFile | undefined, action: string): unknown =>
  named?.says.add(FULL.has(action));

/** Whose a row says that it is. */
export type Whose = { numbers: readonly (string | undefined)[]; patient?: string | undefined };
export const NOBODYS: Whose = { numbers: [] };

/**
 * Notes whose a row is. `refused`: what it says may be wrong in this too (a number that was rounded); `over`: it says
 * that the coverage has ended.
 */
export function noteRow(named: NamedInFile | undefined, { numbers, patient }: Whose, how?: 'refused' | 'over'): void {
  if (named === undefined) return;
  const stated = numbers.map((n) => n?.trim() ?? '').filter((n) => n !== '');
  const id = patient?.trim() ?? '';
  for (const n of stated) named.numbers.add(n);
  const own = numbers[0]?.trim() ?? '';
  for (const n of how === 'refused' ? stated : how === undefined && own !== '' ? [own] : []) named.current.add(n);
  if (id !== '' && how === 'refused') named.patients.add(id);
  else if (id !== '') return;
  else if (stated.length === 0) named.nameless++;
  else if (how === 'refused') named.refused.push(stated);
}

/** Does it name everybody? `isSaid`: who loads it says so. Undefined when the two contradict. */
export function isFull(named: NamedInFile, isSaid: boolean): boolean | undefined {
  if (isSaid && named.says.has(false)) return undefined;
  return isSaid || (named.says.has(true) && !named.says.has(false));
}
