// Whom an enrolment file names, and whether it says that it names everybody: those who are covered here and are not in it have left, or were
// forgotten. Pure.

export type NamedInFile = {
  /** numbers of cards of its rows, those of rows that were refused too */
  numbers: Set<string>;
  /** ids of Patients of its rows, likewise */
  patients: Set<string>;
  /** lines of business of its rows */
  lobs: Set<string>;
  /** rows of which nobody can tell whose they are */
  nameless: number;
  /** numbers of rows that were refused and name no Patient: of one that nobody here has, it cannot be told whose the row is */
  refused: string[][];
  /** what an 834 says of itself: a full file (true), or changes alone */
  says: Set<boolean>;
};

export const newNamed = (): NamedInFile => ({
  numbers: new Set(),
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

/** Notes whose a row is. `isRefused`: what it says may be wrong in this too (a number that was rounded). */
export function noteRow(named: NamedInFile | undefined, { numbers, patient }: Whose, isRefused = false): void {
  if (named === undefined) return;
  const told = numbers.map((n) => n?.trim() ?? '').filter((n) => n !== '');
  const id = patient?.trim() ?? '';
  for (const n of told) named.numbers.add(n);
  if (id !== '') named.patients.add(id);
  else if (told.length === 0) named.nameless++;
  else if (isRefused) named.refused.push(told);
}

/** Does it name everybody? `isSaid`: who loads it says so. Undefined when the two contradict. */
export function isFull(named: NamedInFile, isSaid: boolean): boolean | undefined {
  if (isSaid && named.says.has(false)) return undefined;
  return isSaid || (named.says.has(true) && !named.says.has(false));
}
