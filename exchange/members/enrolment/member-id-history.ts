// What an enrolment file says of cards that took the place of others, looked at before its rows are taken: the rows of
// one person are that person's in whatever order they stand, and the former coverage is over wherever its row stands.

import type { Queryable } from '../../../src/db/database.ts';
import type { JsonObject } from '../../../src/fhir/resource.ts';
import { patientTexts } from '../../requester/report/line-rows.ts';
import { allGiven, givenRoot } from '../../responder/match/normalize.ts';
import { type CoverageEnd, type Enrolment, type EnrolmentColumn, patientIdFor } from './enrolment.ts';
import { type CardCoverage, nextsOf, nextsToEnd } from './next-member-id.ts';
import { type CardHolder, cardHolders, membersAmong } from './write-enrolment.ts';

export type CardHistory = {
  /** Whose a card is that no one holds yet, by its number and the birth date. */
  ownerOf(number: string, born: string): CardHolder | undefined;
  /**
   * The row, with the day on which the next card begins that ends it; undefined when no row of the same member names
   * its card as the former one from then on.
   */
  asFormer(row: Enrolment): Enrolment | undefined;
  /** What the file says of the coverage of a member who has cards that took the place of others, by the id of the member. */
  statedOf(memberId: string): readonly CardCoverage[];
  /** Does the file say of the coverage under a card that began on a day that it was cancelled? */
  isCancelled(number: string, born: string, starts: string): boolean;
};

/** Nothing is said of cards of before. */
export const NO_HISTORY: CardHistory = {
  ownerOf: () => undefined,
  asFormer: () => undefined,
  statedOf: () => [],
  isCancelled: () => false,
};

/** That a card took the place of another one, with how the person is called in the rows that say so. */
type Next = { number: string; former: string; born: string; called: Set<string> };

const BATCH = 1000;
const keyOf = (...of: [number: string, born: string, starts?: string]): string => JSON.stringify(of);
const isOf = (holder: CardHolder | undefined, born: string): CardHolder | undefined =>
  holder?.born.includes(born) === true ? holder : undefined;

const calledOf = (row: Enrolment): string[] => allGiven([{ given: row.given }]).map(givenRoot);
/**
 * Called otherwise: twins, of whom one has the card that the other one's is said to have taken the place of. A name
 * that is not known says nothing.
 */
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
type Values = Partial<Record<EnrolmentColumn, string>>;
const trimmed = (value: string | undefined): string => value?.trim() ?? '';
/**
 * Rows of coverage that are wanted, but for those that name a Patient who is not known: they are refused, and say
 * nothing of others. member_pkey.
 */
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
 * Reads a file for what its rows say of former cards: once, and once more when it names one. Keeps what it says of
 * them, and no other row. Who is called otherwise than the one of the former card is another person, whatever the row
 * says. enrolment_number.
 * @param rows those of the file that can be read, each time again; rows that are not wanted may be left out before they are looked at
 * @param isComing does the Patient with this id come with the same import?
 */
export async function readCardHistory(
  sql: Queryable,
  rows: (isWanted: (values: Values) => boolean) => AsyncIterable<Row>,
  isComing: (patientId: string) => boolean,
): Promise<CardHistory> {
  const nexts = new Map<string, Map<string, Next>>();
  const cancelled = new Set<string>();
  const isCancelled = (number: string, born: string, starts: string) => cancelled.has(keyOf(number, born, starts));
  const isOfCards = (r: Enrolment) => r.formerNumber !== undefined || r.ends === r.starts;
  const mayBe = (v: Values) =>
    trimmed(v.former_member_number) !== '' || trimmed(v.coverage_start) === trimmed(v.coverage_end);
  for await (const row of ofKnown(sql, rows(mayBe), isComing, isOfCards)) {
    if (row.ends === row.starts) cancelled.add(keyOf(row.memberNumber, row.birthDate, row.starts));
    else cancelled.delete(keyOf(row.memberNumber, row.birthDate, row.starts));
    if (row.formerNumber === undefined) continue;
    const { memberNumber: number, formerNumber: former, birthDate: born } = row;
    const formers = nexts.get(keyOf(number, born)) ?? new Map<string, Next>();
    const called = new Set([...(formers.get(former)?.called ?? []), ...calledOf(row)]);
    nexts.set(keyOf(number, born), formers.set(former, { number, former, born, called }));
  }
  if (nexts.size === 0) return { ...NO_HISTORY, isCancelled };
  const said = [...nexts.values()].flatMap((formers) => [...formers.values()]);
  const held = await heldNow(sql, [...new Set(said.flatMap((n) => [n.number, n.former]))]);
  const holderOf = (number: string, born: string) => isOf(held.get(number), born);

  // cards of rows that no one holds, with the Patient that a row names; and how the people of all of them are called in the file
  const fresh = new Map<string, string | undefined>();
  const called = new Map<string, Set<string>>();
  const stated = new Map<
    string,
    { number: string; born: string; patientId: string | undefined; coverage: Map<string, CardCoverage> }
  >();
  const wanted = new Set(said.flatMap((n) => [keyOf(n.number, n.born), keyOf(n.former, n.born)]));
  const numbers = new Set(said.flatMap((n) => [n.number, n.former]));
  const ofThem = rows((v) => numbers.has(trimmed(v.member_number)));
  for await (const row of ofKnown(sql, ofThem, isComing, (r) => wanted.has(keyOf(r.memberNumber, r.birthDate)))) {
    const key = keyOf(row.memberNumber, row.birthDate);
    called.set(key, new Set([...(called.get(key) ?? []), ...calledOf(row)]));
    const { memberNumber: number, birthDate: born, formerNumber: former = null, lob, starts, ends = null } = row;
    const known = stated.get(key) ?? { number, born, patientId: undefined, coverage: new Map<string, CardCoverage>() };
    const patientId = row.isKnownPatient ? row.memberId : known.patientId;
    const before = known.coverage.get(starts)?.former ?? null;
    const coverage = known.coverage.set(starts, { number, former: former ?? before, lob, starts, ends, said: ends });
    stated.set(key, { ...known, patientId, coverage });
    if (holderOf(number, born) === undefined) fresh.set(key, row.isKnownPatient ? row.memberId : fresh.get(key));
  }
  const holders = said.flatMap((n) => holderOf(n.former, n.born)?.memberId ?? []);
  const here = await calledHere(sql, [...new Set(holders)]);
  const isOther = (n: Next): boolean => {
    const holder = holderOf(n.former, n.born);
    if (holder !== undefined && holder.memberId === holderOf(n.number, n.born)?.memberId) return false;
    return areTwo(n.called, called.get(keyOf(n.former, n.born))) || areTwo(n.called, here.get(holder?.memberId ?? ''));
  };
  for (const n of said) if (isOther(n)) nexts.get(keyOf(n.number, n.born))?.delete(n.former);
  const formersOf = (number: string, born: string): string[] => [...(nexts.get(keyOf(number, born))?.keys() ?? [])];

  const hasBegun = (number: string, born: string): boolean =>
    [...(stated.get(keyOf(number, born))?.coverage.values() ?? [])].some((c) => c.said !== c.starts);
  const owners = new Map<string, CardHolder>();
  const asHolder = (memberId: string, born: string, numbers: string[]): CardHolder => ({
    memberId,
    born: [born],
    numbers,
    coverage: [],
  });
  // from each card back to the first that someone holds, or that the file has
  for (const { number, born, former } of said) {
    if (!formersOf(number, born).includes(former)) continue;
    const chain = [number];
    let holder: CardHolder | undefined;
    for (const card of chain) {
      holder = holderOf(card, born);
      if (holder !== undefined) break;
      chain.push(...formersOf(card, born).filter((c) => !chain.includes(c)));
    }
    const known = chain.filter((c) => fresh.has(keyOf(c, born)));
    const first = known.at(-1);
    if (holder === undefined && (first === undefined || known.length < 2)) continue;
    // where cards took the place of each other in turn, which is the first depends on where it begins
    holder ??= owners.get(keyOf(chain.find((c) => owners.has(keyOf(c, born))) ?? '', born));
    const begun = known.filter((c) => hasBegun(c, born));
    const named = known.map((c) => fresh.get(keyOf(c, born))).find((id) => id !== undefined);
    const owner =
      holder === undefined
        ? asHolder(named ?? patientIdFor(first ?? ''), born, begun)
        : { ...holder, numbers: [...new Set([...holder.numbers, ...begun])] };
    for (const c of known) owners.set(keyOf(c, born), owner);
    // one that no one holds, and that someone's card took the place of
    if (fresh.has(keyOf(former, born)) && !owners.has(keyOf(former, born))) owners.set(keyOf(former, born), owner);
  }
  const idOf = (number: string, born: string) =>
    (holderOf(number, born) ?? owners.get(keyOf(number, born)))?.memberId ?? patientIdFor(number);

  const coverage = new Map<string, CardCoverage[]>();
  for (const { number, born, patientId, coverage: rows } of stated.values()) {
    const owner = patientId ?? idOf(number, born);
    const formers = formersOf(number, born);
    // what is another person’s card took the place of none of this one's
    const own = [...rows.values()].map((c) => (formers.includes(c.former ?? '') ? c : { ...c, former: null }));
    coverage.set(owner, [...(coverage.get(owner) ?? []), ...own]);
  }
  const statedOf = (memberId: string) => coverage.get(memberId) ?? [];
  return {
    ownerOf: (number, born) => owners.get(keyOf(number, born)),
    statedOf,
    isCancelled,
    asFormer(row) {
      const { memberNumber: number, birthDate: born, starts } = row;
      const all = statedOf(row.isKnownPatient ? row.memberId : idOf(number, born));
      const own = all.find((c) => c.number === number && c.starts === starts);
      if (own === undefined || nextsOf(all, own).length === 0) return undefined;
      const first = nextsToEnd(all, own)
        .map((c) => c.starts)
        .sort()[0];
      return first === undefined ? row : { ...row, nextStarts: first };
    },
  };
}
