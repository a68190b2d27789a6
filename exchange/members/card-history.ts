// What an enrolment file says of cards that took the place of others, looked at before its rows are taken: the rows of one person are that person's
// in whatever order they stand, and the former coverage is over wherever its row stands.
import type { JsonObject } from '../../src/fhir/resource.ts';
import type { Queryable } from '../../src/store/database.ts';
import { allGiven, givenRoot } from '../match/normalize.ts';
import { type CardHolder, cardHolders, membersAmong } from '../store/members/enrolment.ts';
import { patientTexts } from '../store/report/report-lines.ts';
import { type CoverageEnd, type Enrolment, patientIdFor } from './enrolment.ts';

export type CardHistory = {
  /** Whose a card is that nobody holds yet, by its number and the birth date. */
  ownerOf(number: string, born: string): CardHolder | undefined;
  /** The row, with the day on which the next card begins; undefined when no row of the same member names its card as the former one from then on. */
  asFormer(row: Enrolment): Enrolment | undefined;
  /** Does the file say of the coverage under a card that began on a day that it was cancelled? */
  isCancelled(number: string, born: string, starts: string): boolean;
  /** Has another row a card of the same person that this one is said to have taken the place of, and that was not cancelled? */
  isBeside(row: Enrolment): boolean;
};

/** Nothing is said of cards of before. */
export const NO_HISTORY: CardHistory = {
  ownerOf: () => undefined,
  asFormer: () => undefined,
  isCancelled: () => false,
  isBeside: () => false,
};

/** A card that took the place of another one. `patientId`: of a row that names its Patient; `starts`: first days of its coverage, but for what was cancelled. */
type Next = {
  number: string;
  former: string;
  born: string;
  starts: string[];
  patientId: string | undefined;
  called: Set<string>;
};

const BATCH = 1000;
const keyOf = (...of: [number: string, born: string, starts?: string]): string => JSON.stringify(of);
const isOf = (holder: CardHolder | undefined, born: string): CardHolder | undefined =>
  holder?.born.includes(born) === true ? holder : undefined;

const calledOf = (row: Enrolment): string[] => allGiven([{ given: row.given }]).map(givenRoot);
/** Called otherwise: twins, of whom one has the card that the other one's is said to have taken the place of. A name that is not known says nothing. */
const areTwo = (a: ReadonlySet<string> | undefined, b: ReadonlySet<string> | undefined): boolean =>
  a !== undefined && b !== undefined && a.size > 0 && b.size > 0 && [...a].every((name) => !b.has(name));

/** How members are called by their own Patients. */
async function calledHere(sql: Queryable, memberIds: readonly string[]): Promise<Map<string, Set<string>>> {
  const all = new Map<string, Set<string>>();
  for (let i = 0; i < memberIds.length; i += BATCH)
    for (const [id, patient] of await patientTexts(sql, memberIds.slice(i, i + BATCH)))
      all.set(id, new Set(allGiven((JSON.parse(patient) as JsonObject)['name']).map(givenRoot)));
  return all;
}

async function heldNow(sql: Queryable, numbers: readonly string[]): Promise<Map<string, CardHolder>> {
  const all = new Map<string, CardHolder>();
  for (let i = 0; i < numbers.length; i += BATCH)
    for (const [number, holder] of await cardHolders(sql, numbers.slice(i, i + BATCH), true)) all.set(number, holder);
  return all;
}

type Row = { row: Enrolment | CoverageEnd };
/** Rows of coverage that are wanted, but for those that name a Patient who is not known: they are refused, and say nothing of others. member_pkey. */
async function* ofKnown(
  sql: Queryable,
  rows: AsyncIterable<Row>,
  isComing: (patientId: string) => boolean,
  isWanted: (row: Enrolment) => boolean,
): AsyncGenerator<Enrolment> {
  let batch: Enrolment[] = [];
  const known = async (): Promise<Enrolment[]> => {
    const named = batch.flatMap((r) => (r.isKnownPatient && !isComing(r.memberId) ? r.memberId : []));
    const here = new Set(named.length === 0 ? [] : await membersAmong(sql, named));
    return batch.filter((r) => !r.isKnownPatient || isComing(r.memberId) || here.has(r.memberId));
  };
  for await (const { row } of rows) {
    if ('endsOn' in row || !isWanted(row)) continue;
    batch.push(row);
    if (batch.length < BATCH) continue;
    yield* await known();
    batch = [];
  }
  yield* await known();
}

/**
 * Reads a file for what its rows say of former cards: once, and once more when it names one. Keeps what it says of them, and no other row. Who is
 * called otherwise than the one of the former card is somebody else, whatever the row says. enrolment_number.
 * @param rows those of the file that can be read, each time anew
 * @param isComing does the Patient with this id come with the same import?
 */
export async function readCardHistory(
  sql: Queryable,
  rows: () => AsyncIterable<Row>,
  isComing: (patientId: string) => boolean,
): Promise<CardHistory> {
  const nexts = new Map<string, Next>();
  const cancelled = new Set<string>();
  const isCancelled = (number: string, born: string, starts: string) => cancelled.has(keyOf(number, born, starts));
  const isOfCards = (r: Enrolment) => r.formerNumber !== undefined || r.ends === r.starts;
  for await (const row of ofKnown(sql, rows(), isComing, isOfCards)) {
    if (row.ends === row.starts) cancelled.add(keyOf(row.memberNumber, row.birthDate, row.starts));
    else cancelled.delete(keyOf(row.memberNumber, row.birthDate, row.starts));
    if (row.formerNumber === undefined) continue;
    const { memberNumber: number, formerNumber: former, birthDate: born } = row;
    const starts = row.ends === row.starts ? [] : [row.starts];
    const known = nexts.get(keyOf(number, born));
    const patientId = row.isKnownPatient ? row.memberId : known?.patientId;
    // the last row that is not cancelled says whose place it took
    const isOfOther = known !== undefined && known.former !== former;
    const isSaid = known === undefined || known.starts.length === 0 || starts.length > 0;
    const called = new Set([...(known?.called ?? []), ...calledOf(row)]);
    nexts.set(keyOf(number, born), {
      number,
      former: isSaid ? former : known.former,
      born,
      starts: isOfOther && isSaid ? starts : [...(known?.starts ?? []), ...starts],
      patientId,
      called,
    });
  }
  if (nexts.size === 0) return { ...NO_HISTORY, isCancelled };
  const said = [...nexts.values()];
  const held = await heldNow(sql, [...new Set(said.flatMap((n) => [n.number, n.former]))]);
  const holderOf = (number: string, born: string) => isOf(held.get(number), born);

  // cards of rows that nobody holds, with the Patient that a row names; and how the people of all of them are called in the file
  const fresh = new Map<string, string | undefined>();
  const called = new Map<string, Set<string>>();
  // those of them that were not cancelled
  const begun = new Set<string>();
  const wanted = new Set(said.flatMap((n) => [keyOf(n.number, n.born), keyOf(n.former, n.born)]));
  for await (const row of ofKnown(sql, rows(), isComing, (r) => wanted.has(keyOf(r.memberNumber, r.birthDate)))) {
    const key = keyOf(row.memberNumber, row.birthDate);
    called.set(key, new Set([...(called.get(key) ?? []), ...calledOf(row)]));
    if (row.ends !== row.starts) begun.add(key);
    if (holderOf(row.memberNumber, row.birthDate) === undefined)
      fresh.set(key, row.isKnownPatient ? row.memberId : fresh.get(key));
  }
  const holders = said.flatMap((n) => holderOf(n.former, n.born)?.memberId ?? []);
  const here = await calledHere(sql, [...new Set(holders)]);
  const isOther = (n: Next): boolean => {
    const holder = holderOf(n.former, n.born);
    if (holder !== undefined && holder.memberId === holderOf(n.number, n.born)?.memberId) return false;
    return areTwo(n.called, called.get(keyOf(n.former, n.born))) || areTwo(n.called, here.get(holder?.memberId ?? ''));
  };
  for (const n of said) if (isOther(n)) nexts.delete(keyOf(n.number, n.born));
  const all = [...nexts.values()];

  const owners = new Map<string, CardHolder>();
  const asHolder = (memberId: string, born: string, numbers: string[]): CardHolder => ({
    memberId,
    born: [born],
    numbers,
    coverage: [],
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
    // where cards took the place of each other in turn, which is the first depends on where it begins
    holder ??= owners.get(keyOf(chain.find((c) => owners.has(keyOf(c, born))) ?? '', born));
    const numbers = known.filter((c) => begun.has(keyOf(c, born)));
    const named = known.map((c) => fresh.get(keyOf(c, born))).find((id) => id !== undefined);
    const owner =
      holder === undefined
        ? asHolder(named ?? patientIdFor(first ?? ''), born, numbers)
        : { ...holder, numbers: [...new Set([...holder.numbers, ...numbers])] };
    for (const c of known) owners.set(keyOf(c, born), owner);
    // one that nobody holds, and that somebody's card took the place of
    const former = nexts.get(keyOf(number, born))?.former ?? '';
    if (fresh.has(keyOf(former, born)) && !owners.has(keyOf(former, born))) owners.set(keyOf(former, born), owner);
  }
  const ownerOf = (number: string, born: string) => holderOf(number, born) ?? owners.get(keyOf(number, born));

  /** The card of before, and the one before that where it was cancelled, and so on. */
  const formersOf = (number: string, born: string, seen: readonly string[] = []): string[] => {
    const former = nexts.get(keyOf(number, born))?.former;
    if (former === undefined || seen.includes(former)) return [];
    const isNone = nexts.get(keyOf(former, born))?.starts.length === 0;
    return [former, ...(isNone ? formersOf(former, born, [...seen, former]) : [])];
  };
  const idOf = (number: string, born: string, patientId?: string) =>
    patientId ?? ownerOf(number, born)?.memberId ?? patientIdFor(number);
  const days = new Map<string, string[]>();
  for (const n of all) {
    if (n.starts.length === 0) continue;
    const owner = idOf(n.number, n.born, n.patientId);
    for (const former of formersOf(n.number, n.born)) {
      const key = keyOf(former, n.born);
      if (idOf(former, n.born) === owner) days.set(key, [...(days.get(key) ?? []), ...n.starts]);
    }
  }
  return {
    ownerOf: (number, born) => owners.get(keyOf(number, born)),
    isCancelled,
    isBeside: ({ memberNumber, birthDate }) =>
      formersOf(memberNumber, birthDate).some(
        (former) => begun.has(keyOf(former, birthDate)) && idOf(former, birthDate) === idOf(memberNumber, birthDate),
      ),
    asFormer(row) {
      // the number of a card may be given again to the same person
      const later = days.get(keyOf(row.memberNumber, row.birthDate))?.filter((day) => day >= row.starts) ?? [];
      const next = later.sort()[0];
      return next === undefined ? undefined : { ...row, nextStarts: next };
    },
  };
}
