// Judging pairs: what a pull is about to write beside what there is. Between rewriting and commit, because records can only
// be compared when the references of both lead to our ids.

import type { Sql } from '../../src/db/database.ts';
import type { Deps } from '../../src/deps.ts';
import { contentHashes, MEMBER_CONTENT } from '../../src/fhir/canonical.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import { knownDead, namedAsAnother } from '../records/known-person.ts';
import {
  candidatePairs,
  heldLinks,
  type Judged,
  markLinked,
  noteJudged,
  type Pair,
  possibleEchoes,
} from '../records/link.ts';
import { type CopyPair, outdatedCopies } from '../records/outdated-copies.ts';
import { EVERYTHING } from '../records/slice.ts';
import { CONFIRMED, judge } from './judge/judge.ts';
import { demographics, namesSomebodyElse } from './judge/people.ts';
import { contradictEachOther, EVENT_TYPES, isEvent } from './judge/told-apart.ts';
import { CHANGED_COPY, type Known, sameRecord, type Verdict } from './judge/verdict.ts';
import { copiedName, firstBase, haveOneName } from './noted-names.ts';
import { areOfOtherThings, isOfDrug } from './other-things.ts';
import { type Both, PairRecords } from './pair-records.ts';
import { tellDrugs } from './tell-drugs.ts';

const PAGE = 500;

type Held = { type: string; a: string; b: string };

/** Which records of the member at hand are linked. Pairs come member by member, so only one is remembered. */
class Linked {
  #member = '';
  #isWhole = false;
  readonly #with = new Map<string, Set<string>>();

  get member(): string {
    return this.#member;
  }
  /** Goes on to another member. */
  begin(memberId: string, held: readonly Held[]): void {
    this.#member = memberId;
    this.#with.clear();
    this.#isWhole = false;
    this.#know(held);
  }
  /** Links of all types are known of this member. */
  isWhole(memberId: string): boolean {
    return this.#isWhole && this.#member === memberId;
  }
  complete(held: readonly Held[]): void {
    this.#isWhole = true;
    this.#know(held);
  }
  #know(held: readonly Held[]): void {
    for (const l of held) this.add(`${l.type}/${l.a}`, `${l.type}/${l.b}`);
  }
  add(a: string, b: string): void {
    for (const [x, y] of [
      [a, b],
      [b, a],
    ] as const) {
      const known = this.#with.get(x);
      if (known) known.add(y);
      else this.#with.set(x, new Set([y]));
    }
  }
  of(key: string): ReadonlySet<string> | undefined {
    return this.#with.get(key);
  }
}

const EVENTS: ReadonlySet<string> = new Set(EVENT_TYPES);
const isSame = (v: Verdict): boolean => v.kind === 'same-record' || v.kind === 'same-event';

/**
 * By their rules; by what they are told to be copies of, they are one record also where several of one payer are, as long as nothing they say speaks
 * against it ({@link areCopies}), and so are two that one payer tells word for word under one number ({@link isToldTwice}). What one payer passes on of several is compared as if each of these had told it. A copy from before the record was changed where it comes from (`isOutdated`) says what that said then: no contradiction.
 */
function verdicts(pair: Pair, { a, b }: Both, known: Known, isOutdated: boolean): Verdict[] {
  const found = judge(a, b, known);
  if (pair.isCopy && found?.kind !== 'conflict') return copyOfOurs(a, b, found, known);
  const areNamedOne = haveOneName(a, b);
  if ((isOutdated && !areOfOtherThings(a, b)) || (areNamedOne && areCopies(a, b, found, known)))
    return [sameRecord('source')];
  const areOfOne = pair.areOfOne && firstBase(a) === firstBase(b);
  if (areOfOne && isToldTwice(a, b, found, known)) return found === undefined ? [] : [found];
  return found === undefined || (areOfOne && (isSame(found) || (pair.isWithin && !areNamedOne))) ? [] : [found];
}

/**
 * It says to be ours. Where nothing that it tells differs it is; an event that was changed is as well, whatever its keys are, as long as its payer has no other
 * copy (records/settle-links.ts). Of what lasts the rules decide: an allergy to something else is another one.
 */
function copyOfOurs(a: Resource, b: Resource, found: Verdict | undefined, known: Known): Verdict[] {
  if (a.resourceType === 'Provenance' || areCopies(a, b, found, known) || saySame(a, b)) return [sameRecord('source')];
  if (EVENTS.has(a.resourceType) && isEvent(a) && isEvent(b)) return [sameRecord(CHANGED_COPY)];
  return found === undefined ? [] : [found];
}

/**
 * Two with one name: some payers call by one name what came with one message or belongs to one case, so what they say has to agree as well. Of what lasts the
 * rules are enough; two events of one payer that they bring together may be two.
 */
function areCopies(a: Resource, b: Resource, found: Verdict | undefined, known: Known): boolean {
  if (found === undefined) return saySame(a, b) && !isOfDrug(a) && !contradictEachOther(a, b, known);
  if (!isSame(found)) return false;
  const isLasting = !EVENTS.has(a.resourceType) || !(isEvent(a) && isEvent(b));
  return (isLasting && found.kind !== 'conflict' && found.score >= CONFIRMED) || !contradictEachOther(a, b, known);
}

/** One payer tells one thing under two ids: with one number, word for word, and about the same visit and results. The bytes of a form are no number. */
const isToldTwice = (a: Resource, b: Resource, found: Verdict | undefined, known: Known): boolean =>
  found?.kind === 'same-record' && found.rule !== 'attachment' && saySame(a, b) && !contradictEachOther(a, b, known);

const saySame = (a: Resource, b: Resource): boolean =>
  contentHashes(a, MEMBER_CONTENT).substance === contentHashes(b, MEMBER_CONTENT).substance;

function rowsOf(pair: Pair, { a, b }: Both, found: readonly Verdict[]): Judged[] {
  const { file, line, entry, memberId, type, id, otherType, otherId } = pair;
  const place = { file, line, entry, memberId, type, id, otherType, otherId };
  const rows: Judged[] = found.map((v) =>
    v.kind === 'conflict'
      ? { ...place, kind: 'conflict', score: 0, rule: v.rule, conflict: v.conflict, detail: v.detail ?? '' }
      : {
          ...place,
          kind: v.kind,
          score: v.score,
          rule: v.rule,
          conflict: v.score < CONFIRMED ? 'possible-duplicate' : null,
          detail: '',
        },
  );
  const strong = pair.isCopy || found.some((v) => v.kind === 'same-record');
  // a statement about records that comes back loses those that are not known there: nothing for a person. Nor is one that says what ours does, and more than one says so
  if (strong && pair.isOwn && pair.type !== 'Provenance' && (pair.isCopy || pair.wasDisclosed) && !saySame(a, b))
    rows.push({ ...place, kind: 'echo', score: 0, rule: 'disclosed', conflict: 'echo-modified', detail: '' });
  return rows;
}

/** Which of these one payer passes on, told otherwise than the payer whose record it is does now. */
function copiesThatDiffer(pairs: readonly Pair[], records: PairRecords): CopyPair[] {
  return pairs.flatMap((pair): CopyPair[] => {
    if (pair.isCrowded || pair.isCopy || pair.isOwn || pair.type !== pair.otherType) return [];
    const both = records.of(pair);
    if (both === undefined) return [];
    const { a, b } = both;
    const [ofOther, ofUnit] = [copiedName(a, b), copiedName(b, a)];
    const name = ofOther ?? ofUnit;
    return name === undefined || saySame(a, b) ? [] : [{ pair, copy: ofOther === undefined ? 'other' : 'unit', name }];
  });
}

/** Of a pair of Patients the payer's, and our member's. */
const theirsAndOurs = (pair: Pair, { a, b }: Both): [theirs: Resource, ours: Resource] =>
  pair.isOwn ? [a, b] : [b, a];

/** Pairs of a member with a payer's Patient who is another member of ours, by its names and birth date. */
async function namedElsewhere(sql: Sql, pairs: readonly Pair[], records: PairRecords): Promise<Set<Pair>> {
  const now = new Date();
  const named = pairs.flatMap((pair) => {
    const both = pair.type === 'Patient' && !pair.isCrowded ? records.of(pair) : undefined;
    if (both === undefined) return [];
    const other = namesSomebodyElse(...theirsAndOurs(pair, both), now);
    return other === undefined ? [] : [{ pair, memberId: pair.memberId, ...other }];
  });
  const found = new Set(await namedAsAnother(sql, named));
  return new Set(named.flatMap(({ pair }, place) => (found.has(place) ? [pair] : [])));
}

const isLink = (j: Judged): boolean => (j.kind === 'same-record' || j.kind === 'same-event') && j.score >= CONFIRMED;

/**
 * Judges the pairs of the units of some buckets of a work and sets the outcome of units that are linked.
 * @param reader a client of its own, for the cursor
 */
export async function linkUnits(
  deps: Pick<Deps, 'database'>,
  reader: Sql,
  work: { id: string; peerId: string },
  range: { first: number; last: number } = EVERYTHING,
): Promise<void> {
  const { sql } = deps.database;
  await tellDrugs(deps, reader, work.id, range);
  const linked = new Linked();
  const records = new PairRecords(sql, work.id);
  const known: Known = { npi: (key) => records.npi(key), linked: (key) => linked.of(key) };
  for await (const pairs of candidatePairs(reader, work, range, PAGE)) {
    const origins = new Set(pairs.flatMap((p) => (p.type === 'Provenance' ? p.memberId : [])));
    const [held, whole] = await Promise.all([
      // of the member that the page before ended with they are at hand
      heldLinks(
        sql,
        [...new Set(pairs.map((p) => p.memberId))].filter((id) => id !== linked.member),
        'referred to',
      ),
      heldLinks(
        sql,
        [...origins].filter((id) => !linked.isWhole(id)),
        'all',
      ),
      records.read(pairs.filter((p) => !p.isCrowded)),
    ]);
    const [heldOf, wholeOf] = [held, whole].map((of) => Map.groupBy(of, (l) => l.memberId));
    const rows: Judged[] = [];
    const outdated = await outdatedCopies(sql, work, copiesThatDiffer(pairs, records));
    const elsewhere = await namedElsewhere(sql, pairs, records);
    const people = pairs.filter((p) => p.type === 'Patient' && !p.isCrowded).map((p) => p.memberId);
    const dead = await knownDead(sql, [...new Set(people)]);
    for (const pair of pairs) {
      if (pair.isCrowded) {
        rows.push({ ...pair, kind: 'crowded', score: 0, rule: 'key', conflict: null, detail: '' });
        continue;
      }
      if (pair.memberId !== linked.member) linked.begin(pair.memberId, heldOf?.get(pair.memberId) ?? []);
      if (pair.type === 'Provenance' && !linked.isWhole(pair.memberId))
        linked.complete(wholeOf?.get(pair.memberId) ?? []);
      const both = records.of(pair);
      if (both === undefined) continue;
      const found =
        pair.type === 'Patient'
          ? demographics(...theirsAndOurs(pair, both), elsewhere.has(pair), dead.has(pair.memberId))
          : verdicts(pair, both, known, outdated.has(pair));
      if (found.some((v) => (v.kind === 'same-record' || v.kind === 'same-event') && v.score >= CONFIRMED))
        linked.add(`${pair.type}/${pair.id}`, `${pair.otherType}/${pair.otherId}`);
      rows.push(...rowsOf(pair, both, found));
    }
    await noteJudged(sql, work.id, rows);
    await markLinked(sql, work.id, rows.filter(isLink));
  }
  await possibleEchoes(sql, work.id, range);
}
