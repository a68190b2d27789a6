// Events are linked one to one: where records of one payer could each be the same one of another payer, which of them it is follows from all of them
// together (reconcile/judge/one-to-one.ts), whatever came first. What the rules say of each pair stays as its score; the state says what it comes to.

import { arrayLiteral, type Queryable } from '../../src/db/database.ts';
import { referencesIn } from '../../src/fhir/json-text.ts';
import type { Resource } from '../../src/fhir/resource.ts';
import { CONFIRMED, judge } from '../reconcile/judge/judge.ts';
import { type Event, type MaybeSame, pairKey, type Settled, settleEvents } from '../reconcile/judge/one-to-one.ts';
import { areApart, EVENT_TYPES, isEvent, JUDGED_BY_OTHERS, saysOf } from '../reconcile/judge/told-apart.ts';
import { CHANGED_COPY, type Known } from '../reconcile/judge/verdict.ts';
import { withNamedWithin } from '../reconcile/named-within.ts';
import { firstBase, haveOneName } from '../reconcile/noted-names.ts';
import { inheritLabelsOf } from './inherit-labels.ts';
import { followLinks } from './link-items.ts';
import { npisOf } from './link-texts.ts';
import { OUTLIVED } from './outlived.ts';
import { type Edge, isChangedCopy, severalCopies } from './several-copies.ts';

/** Score of a pair of which one part is missing: never linked by rule. */
const PROPOSED = 0.7;
const TYPES = arrayLiteral(EVENT_TYPES);
const SAME = `x.type = any('${TYPES}'::text[]) and x.b_type is null and x.kind in ('same-record', 'same-event')`;

/** Members of whose events the open slice wrote something. */
const WRITTEN = `select distinct member_id from pg_temp.slice
  where type = any('${TYPES}'::text[]) and member_id is not null and not is_shared and (outcome not in ('unchanged', 'rejected') or reason = 'replayed')`;

/** Of some members those that have an event with two others, or one that was settled before. Primary key of link (member, type). */
const CROWDED = (members: string) => `
  with about as materialized (${members}), side as materialized (
    select l.member_id, l.type, l.a_id, l.b_id, l.state, l.rule from about cross join lateral (
      select * from exchange.link x where x.member_id = about.member_id and ${SAME} and x.score >= ${PROPOSED}::real offset 0) l
  )
  select distinct member_id as id from (
    select member_id from side where state in ('apart', 'proposed') or rule = '${CHANGED_COPY}'
    union all
    select member_id from (select member_id, type, a_id as id from side union all select member_id, type, b_id from side) s group by member_id, type, id having count(*) > 1) m
  order by 1`;

/** Pairs of events that hang together: of more nobody could tell which is which, and each stays by itself (`large-cluster`). */
const MOST_EDGES = 5000;

/** Links whose new state is written by one statement. */
const WRITTEN_AT_ONCE = 10_000;

/** Whose a record is that a link names, and is it a copy that is not shown; none of one that was taken back. Each by itself: of what is written a moment ago the planner knows nothing, and would read all records of the member for each link. */
const ORIGIN = (id: 'a_id' | 'b_id') =>
  `(select r.origin, r.withheld is not distinct from '${OUTLIVED}' as is_hidden from exchange.resource r where r.member_id = l.member_id and r.type = l.type and r.id = l.${id} and not r.deleted offset 0)`;

/** By the primary keys of link and resource. */
async function edgesOf(tx: Queryable, members: readonly string[]): Promise<Edge[]> {
  return [
    ...(await tx.unsafe<Edge[]>(
      `select l.member_id as "memberId", l.type, l.a_id as a, l.b_id as b, l.kind, l.rule, l.state, l.score, a.origin as "aOrigin", b.origin as "bOrigin", a.is_hidden or b.is_hidden as "isHidden"
       from unnest($1::text::text[]) m(id) cross join lateral (
         select * from exchange.link x where x.member_id = m.id and ${SAME} and (x.score >= ${PROPOSED}::real or x.state = 'rejected') offset 0) l
       cross join lateral ${ORIGIN('a_id')} a cross join lateral ${ORIGIN('b_id')} b
       order by l.member_id, l.type, l.a_id, l.b_id, l.kind`,
      [arrayLiteral(members)],
    )),
  ];
}

/** Links of a member that hold, of types whose records are no events. Primary key (member). */
const lastingLinks = (tx: Queryable, memberId: string) =>
  tx.unsafe<{ type: string; a: string; b: string }[]>(
    `select type, a_id as a, b_id as b from exchange.link
     where member_id = $1 and type <> all('${TYPES}'::text[]) and b_type is null and kind in ('same-record', 'same-event') and state = 'confirmed'`,
    [memberId],
  );

/** Texts of records of a member, by id. Primary key. */
async function textsOf(tx: Queryable, memberId: string, type: string, ids: readonly string[]) {
  const rows = await tx<{ id: string; body: string }[]>`
    select id, body from exchange.resource where member_id = ${memberId} and type = ${type} and id = any(${arrayLiteral(ids)}::text::text[]) and not deleted`;
  return new Map(rows.map((r) => [r.id, r.body]));
}

/** Of documents, also where a person took back what was said of the two. */
const isByBytes = (e: Edge): boolean =>
  e.rule === 'attachment' || (e.rule === 'undone' && e.type === 'DocumentReference');

/** Proposed for want of a part, and said to be so by nobody. */
const isWeak = (e: Edge): boolean => e.score < CONFIRMED - 0.01 && e.state !== 'rejected' && e.rule !== 'decision';

/** How an edge counts. What the bytes of documents say is no number: forms have the same ones. */
const countsAs = (e: Edge): MaybeSame['as'] =>
  e.state === 'rejected'
    ? 'rejected'
    : e.rule === 'decision' || (e.kind === 'same-record' && !isByBytes(e))
      ? 'firm'
      : 'event';

/** Edges that hang together. */
function connected(edges: readonly Edge[]): Edge[][] {
  const above = new Map<string, string>();
  const top = (id: string): string => {
    let at = id;
    for (let up = above.get(at); up !== undefined; up = above.get(at)) at = up;
    if (at !== id) above.set(id, at);
    return at;
  };
  for (const e of edges) {
    const [x, y] = [top(e.a), top(e.b)];
    if (x !== y) above.set(x, y);
  }
  return [...Map.groupBy(edges, (e) => top(e.a)).values()];
}

/** Is each of another origin, and linked with each? Then there is nothing to settle. */
function isPlain(edges: readonly Edge[]): boolean {
  const origins = new Map(edges.flatMap((e) => [[e.a, e.aOrigin] as const, [e.b, e.bOrigin] as const]));
  const pairs = new Set(edges.map((e) => pairKey(e.a, e.b)));
  return (
    new Set(origins.values()).size === origins.size &&
    edges.every((e) => e.state !== 'rejected') &&
    pairs.size === (origins.size * (origins.size - 1)) / 2
  );
}

/** Of one member, type by type. */
class Member {
  readonly #same = new Map<string, Set<string>>();
  #isDivided = false;
  readonly #tx: Queryable;
  readonly #work: string;
  readonly #id: string;

  constructor(tx: Queryable, work: string, id: string) {
    this.#tx = tx;
    this.#work = work;
    this.#id = id;
  }

  /** What each pair of events comes to, by {@link pairKey}. */
  async settle(type: string, all: readonly Edge[]): Promise<Map<string, Settled>> {
    const states = new Map<string, Settled>();
    // what is told to be a copy, and is changed
    const several = await severalCopies(this.#tx, this.#id, type, all);
    for (const e of all.filter(isChangedCopy)) states.set(pairKey(e.a, e.b), several.has(e) ? 'apart' : 'confirmed');
    const edges = all.filter((e) => !isWeak(e) && !several.has(e));
    const isAgain = this.#isDivided && JUDGED_BY_OTHERS.has(type);
    // it may be about what lasts
    if (isAgain && type === 'Provenance')
      for (const l of await lastingLinks(this.#tx, this.#id)) this.#note(`${l.type}/${l.a}`, `${l.type}/${l.b}`);
    const open: Edge[] = [];
    for (const group of connected(edges)) {
      const isPlainOne = !isAgain && isPlain(group);
      if (isPlainOne || group.length > MOST_EDGES)
        for (const e of group) states.set(pairKey(e.a, e.b), isPlainOne ? 'confirmed' : 'apart');
      else open.push(...group);
    }
    if (open.length > 0) for (const [key, state] of await this.#settleOpen(type, open, isAgain)) states.set(key, state);
    for (const e of edges) {
      const state = countsAs(e) === 'firm' ? 'confirmed' : states.get(pairKey(e.a, e.b));
      if (state === 'confirmed') this.#note(`${type}/${e.a}`, `${type}/${e.b}`);
      else this.#isDivided = true;
    }
    this.#settleWeak(type, all, states);
    return states;
  }

  /** A pair that is only proposed is not asked about when one of the two is already one with another record of the other's origin. */
  #settleWeak(type: string, all: readonly Edge[], states: Map<string, Settled>): void {
    const origins = new Map<string, string>(
      all.flatMap((e) => [[`${type}/${e.a}`, e.aOrigin] as const, [`${type}/${e.b}`, e.bOrigin] as const]),
    );
    const same = (id: string): string[] => [...(this.#same.get(`${type}/${id}`) ?? [])];
    const hasAnother = (id: string, origin: string) => same(id).some((key) => origins.get(key) === origin);
    for (const e of all) {
      const key = pairKey(e.a, e.b);
      if (!isWeak(e) || states.has(key)) continue;
      if (same(e.a).includes(`${type}/${e.b}`)) states.set(key, 'confirmed');
      else states.set(key, hasAnother(e.a, e.bOrigin) || hasAnother(e.b, e.aOrigin) ? 'apart' : 'proposed');
    }
  }

  #note(a: string, b: string): void {
    this.#same.set(a, (this.#same.get(a) ?? new Set()).add(b));
    this.#same.set(b, (this.#same.get(b) ?? new Set()).add(a));
  }

  /** The first of those that are known to be one record. */
  readonly #stands = (key: string): string => [key, ...(this.#same.get(key) ?? [])].reduce((x, y) => (x < y ? x : y));

  async #settleOpen(type: string, edges: readonly Edge[], isAgain: boolean): Promise<Map<string, Settled>> {
    const origins = new Map(edges.flatMap((e) => [[e.a, e.aOrigin] as const, [e.b, e.bOrigin] as const]));
    const texts = await textsOf(this.#tx, this.#id, type, [...origins.keys()]);
    const records = new Map([...texts].map(([id, body]) => [id, withNamedWithin(JSON.parse(body) as Resource)]));
    const npis = await npisOf(this.#tx, this.#work, [...new Set([...texts.values()].flatMap(referencesIn))]);
    const known: Known = { npi: (key) => npis.get(key), linked: (key) => this.#same.get(key) };
    const record = (id: string): Resource => records.get(id) ?? { resourceType: type };
    const states = new Map<string, Settled>();
    const pairs: MaybeSame[] = [];
    // what is told to be a copy of one of several alike, and nobody said that it is not, is of none of the others
    const named = edges.filter((e) => e.state !== 'rejected' && haveOneName(record(e.a), record(e.b)));
    const isNamed = new Set(named);
    const ofPayer = new Set(named.flatMap((e) => [`${e.a} ${e.bOrigin}`, `${e.b} ${e.aOrigin}`]));
    for (const e of edges) {
      const as = countsAs(e);
      const [a, b] = [record(e.a), record(e.b)];
      const namesAnother = ofPayer.has(`${e.a} ${e.bOrigin}`) || ofPayer.has(`${e.b} ${e.aOrigin}`);
      if (as === 'event' && namesAnother && !isNamed.has(e)) states.set(pairKey(e.a, e.b), 'apart');
      else if (as === 'event' && !(isEvent(a) && isEvent(b))) states.set(pairKey(e.a, e.b), 'confirmed');
      else {
        const verdict = as === 'event' && isAgain ? judge(a, b, known) : undefined;
        const holds = !isAgain || as !== 'event' || (verdict?.kind === 'same-event' && verdict.score >= CONFIRMED);
        if (holds) pairs.push({ a: e.a, b: e.b, as });
        else states.set(pairKey(e.a, e.b), verdict === undefined ? 'apart' : 'proposed');
      }
    }
    const events: Event[] = [...new Set(pairs.flatMap((p) => [p.a, p.b]))].map((id) => ({
      id,
      // what one payer passes on of several is of as many
      origin: `${origins.get(id) ?? ''} ${firstBase(record(id)) ?? ''}`,
      says: saysOf(record(id), known, this.#stands),
    }));
    const settled = settleEvents(events, pairs, (a, b) => areApart(record(a.id), record(b.id), known));
    for (const [key, state] of settled) states.set(key, state);
    return states;
  }
}

/**
 * Settles what some members have, and writes what differs; items for people follow.
 * @returns members of whose links the state is another now: their labels are to be decided anew, as what is told twice is as sensitive as either
 */
async function settle(
  tx: Queryable,
  members: readonly string[],
  work: { id: string; pull: string | null },
  at: string,
): Promise<string[]> {
  if (members.length === 0) return [];
  const changed: (Edge & { now: Settled })[] = [];
  for (const [id, edges] of Map.groupBy(await edgesOf(tx, members), (e) => e.memberId)) {
    const member = new Member(tx, work.id, id);
    const byType = Map.groupBy(edges, (e) => e.type);
    for (const type of EVENT_TYPES) {
      const of = byType.get(type) ?? [];
      if (of.length === 0) continue;
      const states = await member.settle(
        type,
        of.filter((e) => !e.isHidden),
      );
      // whether two statements about records are one nobody can tell who looks at them, nor has to
      if (type === 'Provenance') for (const [key, state] of states) if (state === 'proposed') states.set(key, 'apart');
      for (const e of of) {
        const isSettled = countsAs(e) === 'event' || isChangedCopy(e);
        const now = !isSettled ? undefined : e.isHidden ? 'apart' : states.get(pairKey(e.a, e.b));
        if (now !== undefined && now !== e.state) changed.push({ ...e, now });
      }
    }
  }
  // of one member there may be a million: in pieces, as one JSON text would be larger than the database takes
  for (let from = 0; from < changed.length; from += WRITTEN_AT_ONCE) {
    const piece = changed
      .slice(from, from + WRITTEN_AT_ONCE)
      .map(({ memberId, type, a, b, kind, now }) => ({ memberId, type, a, b, kind, now }));
    await tx`
      update exchange.link l set state = n.now
      from jsonb_to_recordset(${JSON.stringify(piece)}::text::jsonb) as n("memberId" text, type text, a text, b text, kind text, now text)
      where l.member_id = n."memberId" and l.type = n.type and l.a_id = n.a and l.b_id = n.b and l.kind = n.kind`;
  }
  await followLinks(tx, {
    kind: 'possible-duplicate',
    pull: work.pull,
    at,
    of: members,
    doubts: `select l.* from unnest($3::text::text[]) m(id) cross join lateral (
      select * from exchange.link x where x.member_id = m.id and ${SAME} and x.score >= ${PROPOSED}::real and x.state <> 'rejected' offset 0) l`,
  });
  return [...new Set(changed.map((e) => e.memberId))];
}

/**
 * The events of the members of the open slice, when its records and links are written. Units that are linked with nothing after all are `created`.
 * @param work.pull null for records of our own
 * @returns members whose labels are to be decided anew
 */
export async function settleLinks(
  tx: Queryable,
  work: { id: string; pull: string | null },
  at: string,
): Promise<string[]> {
  const members = (await tx.unsafe<{ id: string }[]>(CROWDED(WRITTEN))).map((m) => m.id);
  if (members.length === 0) return [];
  const changed = await settle(tx, members, work, at);
  await tx.unsafe(
    `with about as materialized (select unnest($1::text::text[]) as member_id), linked as materialized (
       select l.member_id, l.type, l.a_id, l.b_id from about cross join lateral (
         select * from exchange.link x where x.member_id = about.member_id and ${SAME} and x.state = 'confirmed' offset 0) l
     )
     update pg_temp.slice s set outcome = 'created'
     where s.outcome = 'linked-duplicate' and s.type = any('${TYPES}'::text[]) and s.member_id in (select member_id from about)
       and (s.member_id, s.type, s.local_id) not in (select member_id, type, a_id from linked union all select member_id, type, b_id from linked)`,
    [arrayLiteral(members)],
  );
  return changed;
}

/** The same of one member, of whose links a person said something. */
export async function settleMember(tx: Queryable, memberId: string, at: string): Promise<void> {
  const changed = await settle(tx, [memberId], { id: '', pull: null }, at);
  if (changed.length > 0) await inheritLabelsOf(tx, changed, at);
}
