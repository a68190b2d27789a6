// Whose a row of an enrolment file is: a person who came with records, or with another card, would else be there twice.

import type { Queryable } from '../../../src/db/database.ts';
import { type JsonObject, text } from '../../../src/fhir/resource.ts';
import { patientTexts } from '../../requester/report/line-rows.ts';
import { allGiven, givenRoot } from '../../responder/match/normalize.ts';
import { type CoverageEnd, type Enrolment, patientIdFor } from './enrolment.ts';
import type { CardHistory } from './member-id-history.ts';
import { type CardCoverage, cardsAfter, coverageBefore, neverHeld } from './next-member-id.ts';
import { type CardHolder, cardHolders } from './write-enrolment.ts';

/**
 * A row with its line (or segment). `numbers`: of all cards that its member has or had, when the member is known by
 * one; `formerId`: another member, who holds the former card.
 */
export type EnrolmentLine = {
  line: number;
  row: Enrolment | CoverageEnd;
  numbers?: readonly string[];
  formerId?: string;
  /** all cards that the member has or had, but for those that never began */
  cards?: readonly string[];
  /**
   * another row has the card that took the place of this one, or, of one that was cancelled, the one before, and says
   * how the person is called now
   */
  isFormer?: true;
  /** the card that the person has now, where it is known that it took the place of the one of the row, or that this one was cancelled */
  card?: string;
  /** the Patient that was made of an enrolment of whom an end (834) says that the person has died */
  madeId?: string;
  /** the coverage is stated as it ends (834), with the day on which it began */
  isOver?: true;
};

const BATCH = 1000;

type Holders = ReadonlyMap<string, CardHolder>;
const held = (holders: Holders, number: string | undefined, born: string | undefined): CardHolder | undefined => {
  const holder = number === undefined ? undefined : holders.get(number);
  return holder !== undefined && (born === undefined || holder.born.includes(born)) ? holder : undefined;
};

/** A coverage that ends under a card that no one has yet, of someone who had another: under that one. */
function endOf(holders: Holders, row: CoverageEnd): CoverageEnd {
  const isKnown = row.formerNumber === undefined || holders.has(row.memberNumber);
  if (isKnown || held(holders, row.formerNumber, row.birthDate) === undefined) return row;
  return { ...row, memberNumber: row.formerNumber ?? '' };
}

/** Is an end stated under the former card alone of what goes on under the next? It is none of a coverage that was over before. */
const endsNext = (nexts: readonly CardCoverage[], ends: string | undefined): boolean =>
  ends !== undefined && nexts.some((n) => n.starts <= ends && (n.ends === null || n.ends > ends));

/** A row as coverage, and all of the member: what stands here, as far as the file does not say otherwise, and what the file tells. */
function inFile(
  memberId: string,
  holder: CardHolder | undefined,
  row: Enrolment,
  history: CardHistory,
): [CardCoverage, CardCoverage[]] {
  const { memberNumber: number, birthDate, starts, lob } = row;
  const ends = row.ends ?? null;
  const isSame = (a: CardCoverage) => (b: CardCoverage) => a.number === b.number && a.starts === b.starts;
  const here = holder?.coverage ?? [];
  const stated: CardCoverage = { number, former: row.formerNumber ?? null, lob, starts, ends, said: ends };
  stated.former ??= here.find(isSame(stated))?.former ?? null;
  const inRows = history.statedOf(memberId);
  const asTold = (c: CardCoverage): CardCoverage => {
    const said = history.isCancelled(c.number, birthDate, c.starts) ? { ends: c.starts } : inRows.find(isSame(c));
    return said === undefined ? c : { ...c, ends: said.ends, said: said.ends };
  };
  const others = [...here.map(asTold), ...inRows.filter((c) => !here.some(isSame(c)))];
  return [stated, [...others.filter((c) => !isSame(stated)(c)), stated]];
}

/** Is the member's Patient one that was made of an enrolment, and is made again of this one? */
const isMade = (holder: CardHolder): boolean => holder.numbers.some((n) => patientIdFor(n) === holder.memberId);

/** An end, with the Patient to whom the death that it tells is written. */
function endLine(line: number, row: CoverageEnd, holders: Holders): EnrolmentLine {
  const holder = row.died === undefined ? undefined : held(holders, row.memberNumber, row.birthDate);
  return { line, row, ...(holder !== undefined && isMade(holder) ? { madeId: holder.memberId } : {}) };
}

/** Whose a row is that names no Patient: the one who holds its card, or the card that it took the place of, here or in the file. */
const ownerOf = (holders: Holders, row: Enrolment, history: CardHistory): CardHolder | undefined =>
  held(holders, row.memberNumber, row.birthDate) ?? history.ownerOf(row.memberNumber, row.birthDate);

/** Why a row is of another person than the one who has its number: by name and birth date, or by the name within one file. */
export type Other = 'other-person' | 'other-name';

/**
 * Is another person meant than the Patient that was made of the number? Born on another day and called otherwise: a
 * card that a family has, or that was given out again. Called otherwise alone: twins with one card, or a name that a
 * later row corrects; short forms, and what stands for no name yet, are no other name. A birth date alone is corrected
 * by the row.
 */
function otherThan(row: Enrolment, patient: string): Other | undefined {
  // most are called as they were; whom else a Patient names is not the person
  if (!patient.includes('"contact"') && patient.includes(`"given":${JSON.stringify(row.given)}`)) return undefined;
  const made = JSON.parse(patient) as JsonObject;
  const called = new Set(allGiven(made['name']).map(givenRoot));
  const given = allGiven([{ given: row.given }]).map(givenRoot);
  if (called.size === 0 || given.length === 0 || given.some((g) => called.has(g))) return undefined;
  return text(made['birthDate']) === row.birthDate ? 'other-name' : 'other-person';
}

/**
 * Rows as whose they are. One that names no Patient, and whose card, or the card that it takes the place of, one member
 * with that birth date holds, is that member's; of one who goes on as another, that other one's.
 * @param history what the file says of former cards: it is read twice, and is the same both times
 * @param formers former ids with those that stay
 * @param refuse called for a row of another person than the one who has its number; it is left out when it says so
 */
export async function* ownedRows(
  sql: Queryable,
  rows: AsyncIterable<EnrolmentLine>,
  history: CardHistory,
  formers: ReadonlyMap<string, string>,
  refuse: (line: number, other: Other) => Promise<boolean>,
): AsyncGenerator<EnrolmentLine> {
  const ofOnePerson = async (lines: readonly EnrolmentLine[]): Promise<EnrolmentLine[]> => {
    const made = lines.flatMap(({ row }) => ('endsOn' in row || row.isKnownPatient ? [] : [row.memberId]));
    const patients = await patientTexts(sql, [...new Set(made)]);
    const out: EnrolmentLine[] = [];
    for (const item of lines) {
      const patient = 'endsOn' in item.row || item.row.isKnownPatient ? undefined : patients.get(item.row.memberId);
      const other = patient === undefined ? undefined : otherThan(item.row as Enrolment, patient);
      if (other === undefined || !(await refuse(item.line, other))) out.push(item);
    }
    return out;
  };
  const owned = async (batch: readonly EnrolmentLine[]): Promise<EnrolmentLine[]> => {
    const asked = batch.flatMap(({ row }) => [row.memberNumber, row.formerNumber]).filter((n) => n !== undefined);
    const holders = await cardHolders(sql, [...new Set(asked)]);
    return batch.map(({ line, row: read, isOver }): EnrolmentLine => {
      if ('endsOn' in read) return endLine(line, endOf(holders, read), holders);
      const over = history.asFormer(read);
      const row = over ?? read;
      const holder = row.isKnownPatient ? undefined : ownerOf(holders, row, history);
      const known = held(holders, row.memberNumber, row.birthDate);
      const isOwn = known?.memberId === (holder?.memberId ?? row.memberId);
      const [stated, all] = inFile(holder?.memberId ?? row.memberId, isOwn ? known : holder, row, history);
      // a card that was cancelled is none that the person has: that is the one of before, or what came after it
      const isCancelled = row.ends === row.starts;
      const since = isCancelled ? coverageBefore(all, stated) : stated;
      const nexts = since === undefined ? [] : cardsAfter(all, since);
      const card = nexts.at(-1)?.number ?? (isCancelled ? since?.number : undefined);
      // another row says how the person is called
      const isFormer =
        over !== undefined ||
        (isCancelled && history.statedOf(holder?.memberId ?? row.memberId).some((c) => c.number === since?.number));
      const inLine = nexts.filter((n) => n.lob === read.lob);
      if (isOver && over === undefined && endsNext(inLine, read.ends)) {
        const { memberNumber, formerNumber, birthDate, ends = '', prior, died } = read;
        return endLine(line, { memberNumber, formerNumber, birthDate, endsOn: ends, prior, died }, holders);
      }
      const was = {
        ...(isFormer ? ({ isFormer: true } as const) : {}),
        ...(card === undefined ? {} : { card }),
      };
      const former = held(holders, row.formerNumber, row.birthDate)?.memberId;
      const isOther = former !== undefined && former !== (holder?.memberId ?? row.memberId);
      const twice = { ...was, ...(isOther ? { formerId: former } : {}) };
      const stays = holder === undefined ? formers.get(row.memberId) : undefined;
      // the Patient of the one that stays is not made again of what is said of the other
      if (stays !== undefined) return { line, row: { ...row, memberId: stays, isKnownPatient: true }, ...twice };
      if (holder === undefined) return { line, row, ...twice };
      const { memberId, numbers } = holder;
      const never = neverHeld(all);
      const cards = [...numbers, ...all.map((c) => c.number)].filter((n) => !never.has(n));
      return { line, row: { ...row, memberId, isKnownPatient: !isMade(holder) }, numbers, cards, ...twice };
    });
  };
  let batch: EnrolmentLine[] = [];
  for await (const item of rows) {
    batch.push(item);
    if (batch.length < BATCH) continue;
    yield* await ofOnePerson(await owned(batch));
    batch = [];
  }
  if (batch.length > 0) yield* await ofOnePerson(await owned(batch));
}
