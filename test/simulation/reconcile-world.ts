// A simulated world of records (reconcile-model.test.ts): things happen to members, payers tell them each in its own way, and what a reader of the merged record may rely on
// is told by spec/reconciliation.md alone.
import { expect } from 'vitest';
import { mergedBundle } from '../../exchange/records/view/everything.ts';
import { foldedOf } from '../../exchange/records/view/folded.ts';
import { timeline } from '../../exchange/records/view/timeline.ts';
import type { JsonObject } from '../../src/fhir/resource.ts';
import { Draw, kindKey } from '../../src/seed/random.ts';
import { deletions, output, type PullOptions, type RawFile, reconciler } from '../exchange/reconcile/reconcile-pull.ts';
import {
  baseOf,
  CONFLICT_OF,
  coverAtOnce,
  DECISIONS,
  directoryOf,
  KINDS,
  type Kind,
  MEMBERS,
  PAYERS,
  type Payer,
  patientAt,
  type TruthEvent,
  TYPE_OF,
  tell,
} from './reconcile-truth.ts';

/** A record at a payer. `of`: whose copy it is; `value`: which of the things that may be said of the event it says. */
export type Row = {
  key: string;
  payer: Payer;
  id: string;
  event: TruthEvent;
  value: number;
  updated: number;
  of?: string;
  /** of reconcile-wide.ts: a security label, and that its payer says that it is wrong */
  label?: string;
  isError?: boolean;
  /** the key of the visit it was made at, there; `none`: of one that nobody tells */
  visit?: string;
  /** told of the member under a second card */
  isSecond?: boolean;
};
export type Node = Awaited<ReturnType<typeof reconciler>>;
export const OTHERS = PAYERS.filter((p) => p !== 'own');
/** Of a member, of one payer. */
const FEWEST_RENUMBERED = 6;
export const VISIBLE_LAW = 'L4: visible records are those created or released, less those retracted or hidden';
export const CHOSEN = (process.env['RECONCILE_KINDS']?.split(',') ?? KINDS) as Kind[];
export const instant = (n: number): string => new Date(Date.UTC(2026, 0, 1, 0, n)).toISOString();

const UNCOPIED: ReadonlySet<Kind> = new Set(['authorization', 'claim', 'coverage']);

/** A measurement at another value is another one (several are taken in a minute), unless it has the same number; a laboratory's result contradicts. */
const contradicts = ({ kind, isNumbered }: TruthEvent): boolean =>
  kind in CONFLICT_OF && (isNumbered || (kind !== 'vital' && kind !== 'pressure'));

export class World {
  readonly draw: Draw;
  readonly events: TruthEvent[] = [];
  /** what payers have */
  readonly rows = new Map<string, Row>();
  /** what they told last, and of that what they took back */
  readonly told = new Map<string, Row>();
  readonly gone = new Set<string>();
  readonly pending = new Map<Payer, Set<string>>(PAYERS.map((p) => [p, new Set()]));
  readonly story: string[] = [];
  readonly pulls: { id: string; payer: Payer }[] = [];
  /** what rows were called, by what they are called since their payer numbered them anew */
  readonly first = new Map<string, string>();
  now = 0;
  ids = 0;
  /** how often what happens is the first member's */
  readonly mostlyFirst: number = 0.8;
  /** of a kind that lasts, of a member: each has a code of its own */
  readonly mostLasting: number = 12;
  readonly seed: number;
  constructor(seed: number) {
    this.seed = seed;
    this.draw = new Draw(seed, kindKey('reconcile-model'), 0);
  }

  /** The first code of what lasts of a member. */
  codeFrom(_member: string): number {
    return 0;
  }
  /** Who is a member of ours now. */
  members(): readonly string[] {
    return MEMBERS;
  }
  /** What happens. */
  readonly kinds: readonly Kind[] = CHOSEN;
  /** Items that are not foretold. */
  readonly unasked: string[] = ['chain-anomaly'];
  /** A member's id here. */
  here(member: string): string {
    return member;
  }
  /** Whose a record is here. */
  whose(row: Row): string {
    return row.event.member;
  }

  text(row: Row): JsonObject {
    const copied = row.of?.startsWith('own/') === true;
    const [from = '', id = ''] = row.of?.split('/') ?? [];
    // a number that its payer prints on it stays
    const [by, as] = copied ? (['own', id] as const) : ([row.payer, row.key.split('/')[1] ?? ''] as const);
    const resource = tell(this.seed, row.event, by, as, row.value, instant(row.updated));
    if (row.of === undefined) return { ...resource, id: row.id };
    const whose = { reference: `Patient/${patientAt(row.payer, row.event.member)}` };
    return {
      ...resource,
      id: row.id,
      meta: {
        ...(resource['meta'] as JsonObject),
        source: `${baseOf(from as Payer)}/${TYPE_OF[row.event.kind]}/${id}`,
      },
      ...('subject' in resource ? { subject: whose } : { patient: whose }),
    };
  }

  set(row: Row): void {
    this.rows.set(row.key, row);
    this.pending.get(row.payer)?.add(row.key);
    this.story.push(
      `${this.now}: ${row.key} tells ${row.event.kind} ${row.event.n} of ${row.event.member} = ${row.value}${row.of ? ` as a copy of ${row.of}` : ''}`,
    );
  }

  add(event: TruthEvent, payer: Payer, value: number, of?: string): void {
    const id = `${payer}-${++this.ids}`;
    this.set({
      key: `${payer}/${id}`,
      payer,
      id,
      event,
      value,
      updated: this.now,
      ...(of === undefined ? {} : { of }),
    });
  }

  happen(): void {
    const { draw } = this;
    const kind = draw.pick(this.kinds);
    const member = draw.chance(this.mostlyFirst) ? 'm1' : 'm2';
    const alike = this.events.filter((e) => e.kind === kind && e.member === member);
    const lasts = kind === 'problem' || kind === 'allergy' || kind === 'order';
    if (lasts && alike.length >= this.mostLasting) return;
    const before = alike.at(-1);
    const event: TruthEvent = {
      n: this.events.length,
      kind,
      member,
      code: lasts ? this.codeFrom(member) + alike.length : draw.int(2),
      when: 7 * this.events.length,
      at: 480 + draw.int(300),
      who: draw.int(3),
      isNumbered: draw.chance(0.5),
    };
    // twice on one day: at other minutes, or by somebody else, by nobody's number in common
    if (before !== undefined && draw.chance(0.4)) {
      if (kind === 'lab' || kind === 'vital' || kind === 'pressure')
        Object.assign(event, { when: before.when, code: before.code, at: before.at + 15 });
      const who = (before.who + 1) % 3;
      const isOther = !alike.some((e) => e.when === before.when && e.who === who);
      if ((kind === 'visit' || kind === 'procedure') && isOther)
        Object.assign(event, { when: before.when, code: before.code, who });
      if (kind === 'claim')
        Object.assign(event, { when: before.when, code: before.code, who: before.who, prior: before.n });
    }
    this.events.push(event);
    const tellers = kind === 'authorization' || kind === 'coverage' ? OTHERS : PAYERS;
    const chosen = tellers.filter(() => draw.chance(0.55));
    for (const payer of chosen.length > 0 ? chosen : [draw.pick(tellers)])
      this.add(event, payer, kind === 'authorization' ? draw.int(2) : 0);
  }

  change(): void {
    const { draw } = this;
    const rows = [...this.rows.values()].filter((r) => r.of === undefined);
    if (rows.length === 0) return;
    const row = draw.pick(rows);
    const { kind } = row.event;
    const choice = draw.int(4);
    if (choice === 0 && row.payer !== 'own') {
      this.rows.delete(row.key);
      this.pending.get(row.payer)?.add(row.key);
      this.story.push(`${this.now}: ${row.key} is deleted`);
    } else if (choice === 1) {
      const from = this.told.get(draw.pick(rows).key);
      if (from !== undefined && !UNCOPIED.has(from.event.kind)) {
        const payer = draw.pick(OTHERS.filter((p) => p !== from.payer));
        const has =
          rows.some((r) => r.payer === payer && r.event === from.event) ||
          [...this.rows.values()].some((r) => r.payer === payer && r.event === from.event);
        // a copy names what it is of as that is called now
        if (!has && from.key === `${from.payer}/${from.id}`) this.add(from.event, payer, from.value, from.key);
      }
    } else if (kind === 'authorization') {
      if (row.value + 1 < DECISIONS.length) this.set({ ...row, value: row.value + 1, updated: this.now });
    } else if (kind in CONFLICT_OF) this.set({ ...row, value: row.value === 0 ? 1 : 0, updated: this.now });
    else if (kind === 'claim' && !this.events.some((e) => e.prior === row.event.n))
      this.set({ ...row, value: 1, updated: this.now });
  }

  /** Back again, as it was or otherwise. */
  again(): void {
    const gone = [...this.gone].filter((k) => !this.rows.has(k));
    const row = gone.length > 0 ? this.told.get(this.draw.pick(gone)) : undefined;
    if (row !== undefined) this.set({ ...row, updated: this.now });
  }

  /** A payer gives all that it has of a member other ids, and is asked for everything before and after. With few records nobody could tell that from others. */
  async renumber(node: Node, payer: Payer, member: string): Promise<void> {
    await this.pull(node, payer, true);
    const rows = [...this.rows.values()].filter((r) => r.payer === payer && r.event.member === member);
    const held = rows.filter((r) => r.of === undefined && r.event.kind !== 'authorization');
    if (held.length < FEWEST_RENUMBERED) return;
    for (const row of rows) {
      const id = `${payer}-${++this.ids}`;
      this.first.set(`${payer}/${id}`, row.key);
      this.rows.set(row.key, { ...row, id });
      this.story.push(`${this.now}: ${row.key} is called ${id}`);
    }
    this.now += 10;
    await this.pull(node, payer, true);
  }

  async import(node: Node): Promise<void> {
    const mine = this.pending.get('own') ?? new Set();
    const rows = [...mine].flatMap((k) => this.rows.get(k) ?? []);
    if (rows.length > 0) await node.own(...rows.map((r) => this.text(r)));
    this.came('own', rows, []);
    mine.clear();
    this.story.push(`${this.now}: we import`);
  }

  /** Which versions a payer tells now. */
  telling(payer: Payer, isFull: boolean): Row[] {
    const open = this.pending.get(payer) ?? new Set();
    return [...this.rows.values()].filter((r) => r.payer === payer && (isFull || open.has(r.key)));
  }
  /** What was told last of a record, if anything. */
  last(key: string): Row | undefined {
    return this.told.get(key);
  }
  /** What is said of a pull besides its files. */
  how(_payer: Payer): PullOptions {
    return {};
  }
  /** Records were told, and taken back. */
  came(_payer: Payer, rows: readonly Row[], gone: readonly string[]): void {
    for (const row of rows) {
      this.told.set(row.key, row);
      this.gone.delete(row.key);
    }
    for (const key of gone) this.gone.add(key);
  }

  async pull(node: Node, payer: Payer, isFull: boolean): Promise<void> {
    const open = this.pending.get(payer) ?? new Set();
    const rows = this.telling(payer, isFull);
    const gone = [...open].filter((k) => !this.rows.has(k) && this.last(k) !== undefined && !this.gone.has(k));
    const files = this.files(payer, rows);
    if (gone.length > 0)
      files.push(deletions(...gone.map((k) => `${TYPE_OF[(this.last(k) as Row).event.kind]}/${this.last(k)?.id}`)));
    const done = await node.pull(files, {
      peer: payer,
      madeAt: new Date(instant(this.now)),
      createdAt: new Date(instant(this.now)),
      ...(isFull ? {} : { since: new Date(instant(0)) }),
      ...this.how(payer),
    });
    expect(done).toMatchObject({ state: 'done' });
    this.pulls.push({ id: done.id, payer });
    this.came(payer, rows, gone);
    open.clear();
    this.story.push(
      `${this.now}: ${payer} is pulled${isFull ? '' : ' for changes'}: ${rows.map((r) => r.id).join(' ')}; gone ${gone.join(' ')}`,
    );
  }

  files(payer: Payer, rows: readonly Row[]): RawFile[] {
    const texts = rows.map((r) => this.text(r)).sort(() => (this.draw.chance(0.5) ? 1 : -1));
    const directory = directoryOf(payer);
    const files = [...new Set(texts.map((t) => String(t['resourceType'])))].map((type) =>
      output(type, ...texts.filter((t) => t['resourceType'] === type)),
    );
    const all = [
      ...files,
      output('Practitioner', ...directory.Practitioner),
      output('Organization', ...directory.Organization),
    ];
    return this.draw.chance(0.5) ? all.reverse() : all;
  }

  /** Of what was told of a member, and not taken back, what is shown. */
  shown(member: string): Row[] {
    const there = [...this.told.values()].filter((r) => this.whose(r) === member && !this.gone.has(r.key));
    return there.filter((r) => {
      if (r.event.kind === 'authorization') {
        const last = Math.max(...there.filter((x) => x.event === r.event).map((x) => x.value));
        return DECISIONS[last] !== 'A3' && DECISIONS[r.value] !== 'A3';
      }
      return r.of === undefined || !this.gone.has(r.of);
    });
  }
  /** What a reader may rely on: things with the records that stand for each, and the contradictions. */
  expected(member: string): { things: string[]; conflicts: string[] } {
    const shown = this.shown(member);
    const things = new Map<string, string[]>();
    const root = (e: TruthEvent): number => {
      const before = e.prior === undefined ? undefined : this.events[e.prior];
      return before !== undefined && shown.some((r) => r.event === before) ? root(before) : e.n;
    };
    /** an outdated copy is one with its record; what we said once, and is passed back unchanged, is ours whatever we say since */
    const says = (r: Row): number => {
      const from = r.of === undefined ? undefined : this.told.get(r.of);
      const isOurs = from?.payer === 'own';
      return from !== undefined && (isOurs || from.updated > r.updated) ? from.value : r.value;
    };
    for (const r of shown) {
      const thing = `${root(r.event)} ${r.event.kind in CONFLICT_OF ? says(r) : ''}`;
      things.set(thing, [...(things.get(thing) ?? []), r.key]);
    }
    // what came back as ours is, and a copy that is outdated, say nothing of their own
    const own = shown.filter((r) => {
      const isOurs = r.of?.startsWith('own/') === true && this.told.get(r.of)?.value === r.value;
      return !isOurs && says(r) === r.value;
    });
    const conflicts = own.flatMap((a) =>
      own
        .filter(
          (b) =>
            a.key < b.key && a.event === b.event && a.payer !== b.payer && contradicts(a.event) && says(a) !== says(b),
        )
        .map((b) => `${CONFLICT_OF[a.event.kind]} ${a.key} ${b.key}`),
    );
    for (const a of own)
      for (const b of own)
        if (a.key < b.key && a.payer !== b.payer && coverAtOnce(a.event, b.event))
          conflicts.push(`coverage-overlap ${a.key} ${b.key}`);
    return { things: [...things.values()].map((t) => t.sort().join(' + ')).sort(), conflicts: conflicts.sort() };
  }
}

/** The timeline and the Bundle of a member show what is counted, each once. */
async function showsThese(node: Node, member: string, right: readonly string[]): Promise<void> {
  let text = '';
  for await (const piece of (await mergedBundle(node.deps, member, true)) ?? []) text += piece;
  const { entry } = JSON.parse(text) as { entry: { resource: { resourceType: string; id: string } }[] };
  const bundle = entry.map((e) => `${e.resource.resourceType}/${e.resource.id}`);
  expect(bundle.filter((key) => !/^(?:Patient|Provenance|Practitioner|Organization)\//.test(key)).sort()).toEqual(
    right,
  );
  const told = await timeline(node.deps, member, {
    withSensitive: true,
    kind: undefined,
    after: undefined,
    count: 1000,
  });
  expect(told?.entries.map((e) => e.key).sort()).toEqual(right);
  expect(told?.total).toBe(right.length);
}

/** The same of what the node shows. An echo is told by our record that came back. */
async function shownBy(node: Node, world: World, name: string): Promise<{ things: string[]; conflicts: string[] }> {
  const member = world.here(name);
  const merged = await foldedOf(node.deps, member);
  if (merged === undefined) throw new Error(`there is no ${member}`);
  const rows = await node.sql<{ type: string; id: string; origin: string }[]>`
    select type, id, origin from exchange.resource where member_id = ${member} and not deleted and type not in ('Patient', 'Provenance')`;
  const ids = await node.sql<{ type: string; peer: string; source: string; local: string }[]>`
    select type, peer_id as peer, source_id as source, local_id as local from exchange.identity where state in ('visible', 'echo') and type <> 'Practitioner'`;
  const hidden = await node.sql<{ type: string; peer: string; source: string; local: string }[]>`
    select type, peer_id as peer, source_id as source, local_id as local from exchange.identity where state not in ('visible', 'echo')`;
  const names = new Map<string, string[]>();
  for (const i of ids) {
    const [key, name] = [`${i.type}/${i.local}`, `${i.peer}/${i.source}`];
    names.set(key, [...new Set([...(names.get(key) ?? []), world.first.get(name) ?? name])]);
  }
  const called = (key: string): string[] => {
    const isOurs = rows.some((r) => `${r.type}/${r.id}` === key && r.origin === 'own');
    return [...(isOurs ? [`own/${key.split('/')[1]}`] : []), ...(names.get(key) ?? [])];
  };
  /** what is asked of a record that is not there is asked wrongly */
  const lost = (key: string): string => {
    const of = hidden.find((h) => `${h.type}/${h.local}` === key);
    return of === undefined ? key : `${of.peer}/${of.source}`;
  };
  const standing = rows.filter((r) => merged.standsFor(r) !== undefined);
  await showsThese(node, member, standing.map((r) => `${r.type}/${r.id}`).sort());
  const things = standing.flatMap((r) => {
    const group = merged.standsFor(r);
    return group === undefined ? [] : [group.flatMap(called).sort().join(' + ')];
  });
  const items = await node.sql<{ kind: string; a: string; b: string }[]>`
    select kind, a_type || '/' || a_id as a, b_type || '/' || b_id as b from exchange.review_item
    where member_id = ${member} and state = 'open' and a_id is not null and b_id is not null and kind <> all(${world.unasked})`;
  const conflicts = items.map(
    (i) =>
      `${i.kind} ${[i.a, i.b]
        .map((key) => called(key)[0] ?? lost(key))
        .sort()
        .join(' ')}`,
  );
  return { things: things.sort(), conflicts: conflicts.sort() };
}

export async function beginning(): Promise<Node> {
  const node = await reconciler();
  await node.own(...MEMBERS.map((id) => ({ resourceType: 'Patient', id, birthDate: '1970-01-01' })));
  for (const id of OTHERS.slice(1))
    await node.sql`insert into exchange.peer (id, name, npi, state, fhir_base, origins, added_by)
      values (${id}, ${id}, null, 'active', ${baseOf(id)}, array[${`https://${id}.example`}], 'test')`;
  return node;
}

export async function agrees(world: World, node: Node): Promise<void> {
  for (const member of world.members()) {
    const [seen, right] = [await shownBy(node, world, member), world.expected(member)];
    // what differs alone, with what was told of it
    const not = (a: readonly string[], b: readonly string[]) =>
      a.filter((x) => !b.includes(x) || a.indexOf(x) !== a.lastIndexOf(x));
    const differs = {
      missing: [...not(right.things, seen.things), ...not(right.conflicts, seen.conflicts)],
      without: [...not(seen.things, right.things), ...not(seen.conflicts, right.conflicts)],
    };
    const ids = [...differs.missing, ...differs.without].flatMap((x) => x.split(' ')).filter((x) => x.includes('/'));
    const story = world.story.filter(
      (line) => line.includes('pull') || line.includes('import') || ids.some((i) => ` ${line} `.includes(` ${i} `)),
    );
    expect({ ...differs, story: ids.length === 0 ? [] : story }).toEqual({ missing: [], without: [], story: [] });
  }
}
