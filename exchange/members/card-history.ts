// What an enrolment file says of cards that took the place of others, looked at before its rows are taken: the rows of one person are that person's
// in whatever order they stand, and the former coverage is over wherever its row stands.
import { addDays } from '../../src/calendar/federal.ts';
import type { Queryable } from '../../src/store/database.ts';
import { type CardHolder, cardHolders } from '../store/members/enrolment.ts';
import { type CoverageEnd, type Enrolment, patientIdFor } from './enrolment.ts';

export type CardHistory = {
  /** Whose a card is that nobody holds yet, by its number and the birth date. */
  ownerOf(number: string, born: string): CardHolder | undefined;
  /** The row, whose coverage is over when that under the next card begins; undefined when no row of the same member names its card as the former one. */
  asFormer(row: Enrolment): Enrolment | undefined;
};

/** Nothing is said of cards of before. */
export const NO_HISTORY: CardHistory = { ownerOf: () => undefined, asFormer: () => undefined };

/** A card that took the place of another one. `patientId`: of a row that names its Patient. */
type Next = { number: string; former: string; born: string; starts: string; patientId: string | undefined };

const BATCH = 1000;
const keyOf = (number: string, born: string): string => JSON.stringify([number, born]);
const isOf = (holder: CardHolder | undefined, born: string): CardHolder | undefined =>
  holder?.born.includes(born) === true ? holder : undefined;

async function heldNow(sql: Queryable, numbers: readonly string[]): Promise<Map<string, CardHolder>> {
  const all = new Map<string, CardHolder>();
  for (let i = 0; i < numbers.length; i += BATCH)
    for (const [number, holder] of await cardHolders(sql, numbers.slice(i, i + BATCH))) all.set(number, holder);
  return all;
}

/**
 * Reads a file for what its rows say of former cards: once, and once more when it names one that nobody holds. Keeps what it says of them, and
 * no other row. enrolment_number.
 * @param rows those of the file that can be read, each time anew
 */
export async function readCardHistory(
  sql: Queryable,
  rows: () => AsyncIterable<{ row: Enrolment | CoverageEnd }>,
): Promise<CardHistory> {
  const nexts = new Map<string, Next>();
  for await (const { row } of rows()) {
    if ('endsOn' in row || row.formerNumber === undefined) continue;
    const { memberNumber: number, formerNumber: former, birthDate: born, starts } = row;
    const known = nexts.get(keyOf(number, born));
    const patientId = row.isKnownPatient ? row.memberId : known?.patientId;
    const isFirst = known === undefined || known.former !== former || starts < known.starts;
    nexts.set(keyOf(number, born), { number, former, born, starts: isFirst ? starts : known.starts, patientId });
  }
  if (nexts.size === 0) return NO_HISTORY;
  const all = [...nexts.values()];
  const held = await heldNow(sql, [...new Set(all.flatMap((n) => [n.number, n.former]))]);
  const holderOf = (number: string, born: string) => isOf(held.get(number), born);

  // cards of rows that nobody holds, with the Patient that a row names
  const fresh = new Map<string, string | undefined>();
  const unheld = new Set(
    all.flatMap((n) => [n.number, n.former].filter((c) => !holderOf(c, n.born)).map((c) => keyOf(c, n.born))),
  );
  if (unheld.size > 0)
    for await (const { row } of rows()) {
      if ('endsOn' in row) continue;
      const key = keyOf(row.memberNumber, row.birthDate);
      if (unheld.has(key)) fresh.set(key, row.isKnownPatient ? row.memberId : fresh.get(key));
    }

  const owners = new Map<string, CardHolder>();
  const asHolder = (memberId: string, born: string, numbers: string[]): CardHolder => ({
    memberId,
    born: [born],
    numbers,
  });
  // from each card back to the first that somebody holds, or that the file has
  for (const { number, born } of all) {
    const chain = [number];
    let at = nexts.get(keyOf(number, born));
    let holder = holderOf(number, born);
    while (holder === undefined && at !== undefined && !chain.includes(at.former)) {
      chain.push(at.former);
      holder = holderOf(at.former, born);
      at = nexts.get(keyOf(at.former, born));
    }
    const known = chain.filter((c) => fresh.has(keyOf(c, born)));
    const first = known.at(-1);
    if (holder === undefined && (first === undefined || known.length < 2)) continue;
    const named = known.map((c) => fresh.get(keyOf(c, born))).find((id) => id !== undefined);
    const owner =
      holder === undefined
        ? asHolder(named ?? patientIdFor(first ?? ''), born, known)
        : { ...holder, numbers: [...new Set([...holder.numbers, ...known])] };
    for (const c of known) owners.set(keyOf(c, born), owner);
    // one that nobody holds, and that somebody's card took the place of
    const former = nexts.get(keyOf(number, born))?.former ?? '';
    if (fresh.has(keyOf(former, born)) && !owners.has(keyOf(former, born))) owners.set(keyOf(former, born), owner);
  }
  const ownerOf = (number: string, born: string) => holderOf(number, born) ?? owners.get(keyOf(number, born));

  const cuts = new Map<string, string>();
  for (const n of all) {
    const former = ownerOf(n.former, n.born)?.memberId ?? patientIdFor(n.former);
    const owner = n.patientId ?? ownerOf(n.number, n.born)?.memberId ?? patientIdFor(n.number);
    const known = cuts.get(keyOf(n.former, n.born));
    if (former === owner && (known === undefined || n.starts < known)) cuts.set(keyOf(n.former, n.born), n.starts);
  }
  return {
    ownerOf: (number, born) => owners.get(keyOf(number, born)),
    asFormer(row) {
      const next = cuts.get(keyOf(row.memberNumber, row.birthDate));
      // the number of a card may be given again to the same person
      if (next === undefined || row.starts > next) return undefined;
      const before = addDays(next, -1);
      const ends = before < row.starts ? row.starts : before;
      return row.ends !== undefined && row.ends <= ends ? row : { ...row, ends };
    },
  };
}
