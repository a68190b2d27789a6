// Versions of claims by chance: an insurer adjusts, cancels, forks and issues anew; it and other payers tell them in any order, late, as they were, or not at all, take them
// back and tell them again; what they copied falls with its record. After each pull and import the record shows each claim once, as its last version, and a person is
// asked what does not fit, once; and the timeline and the Bundle show what is counted. CHAIN_SEED, CHAIN_STEPS, CHAIN_RUNS.
import { expect, test } from 'vitest';
import { mergedBundle } from '../../exchange/records/view/everything.ts';
import { foldedOf } from '../../exchange/records/view/folded.ts';
import { timeline } from '../../exchange/records/view/timeline.ts';
import type { JsonObject } from '../../src/fhir/resource.ts';
import { Draw, kindKey } from '../../src/seed/random.ts';
import { deletions, output, reconciler } from '../exchange/reconcile/reconcile-pull.ts';
import { brokenLaws } from '../journey/laws.ts';
import { type ClaimRow, claimsTold, claimText } from './chain-truth.ts';
import { baseOf, npi, type Payer } from './reconcile-truth.ts';

const SEED = Number(process.env['CHAIN_SEED'] ?? 1);
const STEPS = Number(process.env['CHAIN_STEPS'] ?? 7);
const RUNS = Number(process.env['CHAIN_RUNS'] ?? 2);

const PAYERS = ['own', 'prior', 'second', 'third'] as const;
const OTHERS = ['prior', 'second', 'third'] as const;
/** Payers whose claims they are. */
const INSURERS = ['prior', 'second'] as const;
const NPI: Readonly<Record<string, string>> = { prior: '9000000012', second: npi(700) };
const TYPES = ['professional', 'institutional', 'pharmacy'] as const;
const instant = (n: number): string => new Date(Date.UTC(2026, 0, 1, 0, n)).toISOString();

type Node = Awaited<ReturnType<typeof reconciler>>;
/** A claim with its versions, as its insurer has them. */
type Family = { member: string; insurer: Payer; type: string; day: string; versions: string[] };

class World {
  readonly draw: Draw;
  readonly families: Family[] = [];
  readonly rows = new Map<string, ClaimRow>();
  readonly told = new Map<string, ClaimRow>();
  /** told as gone, with when */
  readonly gone = new Map<string, number>();
  readonly pending = new Map<string, Set<string>>(PAYERS.map((p) => [p, new Set()]));
  readonly story: string[] = [];
  now = 0;
  ids = 0;

  constructor(seed: number) {
    this.draw = new Draw(seed, kindKey('chain-model'), 0);
  }

  set(row: ClaimRow): void {
    this.rows.set(row.key, row);
    this.pending.get(row.payer)?.add(row.key);
    const links = [...row.prior.map((p) => `after ${p}`), ...row.next.map((n) => `before ${n}`)].join(' ');
    this.story.push(
      `${this.now}: ${row.key} tells ${row.insurer} ${row.uc} ${row.type} of ${row.member} ${row.status} ${links}${row.of ? ` as a copy of ${row.of}` : ''}`,
    );
  }
  add(row: Omit<ClaimRow, 'key' | 'id' | 'updated'>): ClaimRow {
    const id = `${row.payer}-${++this.ids}`;
    const whole = { ...row, id, key: `${row.payer}/${id}`, updated: ++this.now };
    this.set(whole);
    return whole;
  }
  change(row: ClaimRow, more: Partial<ClaimRow>): void {
    this.set({ ...row, ...more, updated: ++this.now });
  }
  drop(row: ClaimRow): void {
    this.now++;
    this.rows.delete(row.key);
    this.pending.get(row.payer)?.add(row.key);
    this.story.push(`${this.now}: ${row.key} is deleted`);
  }
  /** What the insurer has of a version, the newest first. */
  its(f: Family, uc: string | undefined): ClaimRow | undefined {
    return [...this.rows.values()]
      .filter((r) => r.payer === f.insurer && r.insurer === f.insurer && r.uc === uc && r.type === f.type)
      .sort((a, b) => b.updated - a.updated)[0];
  }

  begin(): void {
    const { draw } = this;
    const insurer = draw.pick(INSURERS);
    const type = draw.pick(TYPES);
    // now and then a number is used for a claim of another type
    const other = this.families.filter((f) => f.insurer === insurer && f.type !== type && f.versions.length === 1);
    const taken = other.length > 0 && draw.chance(0.15) ? draw.pick(other) : undefined;
    const f: Family = {
      member: taken?.member ?? (draw.chance(0.8) ? 'm1' : 'm2'),
      insurer,
      type,
      day: new Date(Date.UTC(2025, 1, 1 + this.families.length)).toISOString().slice(0, 10),
      versions: [taken?.versions[0] ?? `C${this.families.length}`],
    };
    const isUsed = this.families.some(
      (x) => x.insurer === insurer && x.type === type && x.versions.includes(f.versions[0] ?? ''),
    );
    if (isUsed) return;
    this.families.push(f);
    this.add({ ...this.of(f, f.versions[0] ?? ''), payer: insurer, status: 'active', prior: [], next: [] });
  }
  of(f: Family, uc: string): Pick<ClaimRow, 'member' | 'insurer' | 'uc' | 'type' | 'day'> {
    return { member: f.member, insurer: f.insurer, uc, type: f.type, day: f.day };
  }

  happen(): void {
    const { draw } = this;
    const f = draw.pick(this.families);
    const at = draw.chance(0.12) ? draw.int(f.versions.length) : f.versions.length - 1;
    const row = this.its(f, f.versions[at]);
    const act = draw.int(10);
    if (act < 4 && row !== undefined) {
      const uc = `${f.versions[0]}-${f.versions.length}`;
      // both name each other, or one of them the other
      const names = draw.int(3);
      if (names !== 1)
        this.change(row, { status: draw.chance(0.7) ? 'cancelled' : row.status, next: [...row.next, uc] });
      else if (draw.chance(0.7)) this.change(row, { status: 'cancelled' });
      f.versions.push(uc);
      const prior = names === 0 ? [] : [f.versions[at] ?? ''];
      this.add({ ...this.of(f, uc), payer: f.insurer, status: 'active', prior, next: [] });
    } else if (act < 6 && row !== undefined) {
      if (row.status === 'active') this.change(row, { status: 'cancelled' });
      else if (draw.chance(0.5)) this.add({ ...row, status: 'active', prior: row.prior, next: row.next });
      else this.change(row, { status: 'active' });
    } else if (act < 8) this.spread(f);
    else this.takeBack();
  }

  /** Another payer has what the insurer has of a version: as it is now, as what it had is now, or by what it was told of it. */
  spread(f: Family): void {
    const { draw } = this;
    const row = this.its(f, draw.pick(f.versions));
    if (row === undefined) return;
    const payer = draw.pick(PAYERS.filter((p) => p !== f.insurer));
    const has = [...this.rows.values()].find(
      (r) => r.payer === payer && r.insurer === f.insurer && r.uc === row.uc && r.type === f.type,
    );
    const { status, prior, next } = row;
    if (has !== undefined) this.change(has, { status, prior, next });
    else {
      const isCopy = payer !== 'own' && this.told.has(row.key) && !this.gone.has(row.key) && draw.chance(0.5);
      this.add({ ...this.of(f, row.uc), payer, status, prior, next, ...(isCopy ? { of: row.key } : {}) });
    }
  }
  takeBack(): void {
    const { draw } = this;
    const rows = [...this.rows.values()].filter((r) => r.payer !== 'own');
    const gone = [...this.gone.keys()].flatMap((k) => (this.rows.has(k) ? [] : (this.told.get(k) ?? [])));
    if (gone.length > 0 && draw.chance(0.5)) {
      const back = draw.pick(gone);
      if (back.of === undefined || !this.gone.has(back.of)) this.change(back, {});
    } else if (rows.length > 0) this.drop(draw.pick(rows));
  }

  text(r: ClaimRow): JsonObject {
    const patient = r.payer === 'own' ? r.member : `p${r.member.slice(1)}`;
    const [from, id] = r.of?.split('/') ?? [];
    const source = from === undefined ? undefined : `${baseOf(from as Payer)}/ExplanationOfBenefit/${id}`;
    return claimText(r, patient, NPI[r.insurer] ?? '', source, instant(r.updated));
  }
  async import(node: Node): Promise<void> {
    const mine = this.pending.get('own') ?? new Set();
    const rows = [...mine].flatMap((k) => this.rows.get(k) ?? []);
    if (rows.length > 0) await node.own(...rows.map((r) => this.text(r)));
    for (const row of rows) this.told.set(row.key, row);
    mine.clear();
    this.story.push(`${this.now}: we import`);
  }
  async pull(node: Node, peer: string, isFull: boolean): Promise<void> {
    this.now++;
    const open = this.pending.get(peer) ?? new Set();
    const rows = [...this.rows.values()].filter((r) => r.payer === peer && (isFull || open.has(r.key)));
    const gone = [...open].filter((k) => !this.rows.has(k) && this.told.has(k) && !this.gone.has(k));
    const texts = rows.map((r) => this.text(r)).sort(() => (this.draw.chance(0.5) ? 1 : -1));
    const files = texts.length > 0 ? [output('ExplanationOfBenefit', ...texts)] : [];
    if (gone.length > 0) files.push(deletions(...gone.map((k) => `ExplanationOfBenefit/${k.split('/')[1]}`)));
    const at = new Date(instant(this.now));
    const since = isFull ? {} : { since: new Date(instant(0)) };
    expect(await node.pull(files, { peer, madeAt: at, createdAt: at, ...since })).toMatchObject({ state: 'done' });
    for (const row of rows) {
      this.told.set(row.key, row);
      this.gone.delete(row.key);
    }
    for (const key of gone) this.gone.set(key, this.now);
    open.clear();
    this.story.push(
      `${this.now}: ${peer} is pulled${isFull ? '' : ' for changes'}: ${rows.map((r) => r.id).join(' ')}; gone ${gone.join(' ')}`,
    );
  }

  /** What is told of a member and shown. Of ours it is now what it was when it was imported last. */
  shown(member: string): ClaimRow[] {
    return [...this.told.values()].flatMap((r) => {
      const fell = r.of === undefined ? undefined : this.gone.get(r.of);
      const isFallen = fell !== undefined && r.updated < fell;
      const row = r.payer === 'own' ? { ...r, updated: Number.POSITIVE_INFINITY } : r;
      return r.member === member && !this.gone.has(r.key) && !isFallen ? [row] : [];
    });
  }
}

/** Records by what the model calls them. */
async function namesOf(node: Node): Promise<(id: string) => string> {
  const rows = await node.sql<{ id: string; name: string }[]>`
    select id, case when origin = 'own' then 'own/' || id else origin || '/' || source_id end as name from exchange.resource where type = 'ExplanationOfBenefit'`;
  const names = new Map(rows.map((r) => [r.id, r.name]));
  return (id) => names.get(id) ?? id;
}

async function agrees(world: World, node: Node): Promise<void> {
  const name = await namesOf(node);
  for (const member of ['m1', 'm2']) {
    const right = claimsTold(world.shown(member));
    const merged = await foldedOf(node.deps, member);
    if (merged === undefined) throw new Error(`there is no ${member}`);
    const rows = await node.sql<{ type: string; id: string; origin: string }[]>`
      select type, id, origin from exchange.resource where member_id = ${member} and not deleted and type = 'ExplanationOfBenefit'`;
    const seen = rows.flatMap((r) => {
      const group = merged.standsFor(r);
      const names = group?.map((key) => name(key.slice(key.indexOf('/') + 1))).sort();
      return names === undefined ? [] : [{ group: names.join(' + '), stands: name(r.id) }];
    });
    const items = await node.sql<{ detail: string; id: string }[]>`
      select detail, b_id as id from exchange.review_item where member_id = ${member} and state = 'open' order by 1`;
    const ucOf = (id: string) => world.told.get(name(id))?.uc ?? name(id);
    const asked = items.map((i) => `${i.detail.split(':')[0]} ${ucOf(i.id)}`).sort();
    const differs = {
      missing: right.things.flatMap((t) =>
        seen.some((s) => s.group === t.group && t.stands.includes(s.stands))
          ? []
          : [`${t.group} by ${t.stands.join()}`],
      ),
      without: seen.flatMap((s) =>
        right.things.some((t) => s.group === t.group && t.stands.includes(s.stands))
          ? []
          : [`${s.group} by ${s.stands}`],
      ),
      asked: asked.join() === right.asked.join() ? [] : [`asked ${asked.join()}, is ${right.asked.join()}`],
    };
    const ucs = [...differs.missing, ...differs.without]
      .flatMap((x) => x.split(' '))
      .flatMap((k) => world.told.get(k)?.uc.split('-')[0] ?? []);
    const all = [...ucs, ...(differs.asked[0]?.match(/C\d+/g) ?? [])];
    const story = world.story.filter(
      (line) =>
        line.includes('pull') ||
        line.includes('import') ||
        line.includes('deleted') ||
        all.some((u) => new RegExp(`\\b${u}\\b`).test(line)),
    );
    expect({ ...differs, story: all.length + differs.asked.length === 0 ? [] : story }).toEqual({
      missing: [],
      without: [],
      asked: [],
      story: [],
    });

    let text = '';
    for await (const piece of (await mergedBundle(node.deps, member, true)) ?? []) text += piece;
    const bundle = (JSON.parse(text) as { entry: { resource: { resourceType: string; id: string } }[] }).entry;
    const shownIds = seen.map((s) => s.stands).sort();
    expect(
      bundle.flatMap((e) => (e.resource.resourceType === 'ExplanationOfBenefit' ? [name(e.resource.id)] : [])).sort(),
    ).toEqual(shownIds);
    const told = await timeline(node.deps, member, {
      withSensitive: true,
      kind: undefined,
      after: undefined,
      count: 1000,
    });
    expect(told?.entries.map((e) => name(e.key.slice(e.key.indexOf('/') + 1))).sort()).toEqual(shownIds);
    expect(told?.total).toBe(shownIds.length);
  }
}

test.each(Array.from({ length: RUNS }, (_, i) => SEED + i))(
  'each claim is shown once, as its last version, whoever tells what of it and when (%i)',
  async (seed) => {
    const world = new World(seed);
    const node = await reconciler();
    try {
      await node.own(...['m1', 'm2'].map((id) => ({ resourceType: 'Patient', id, birthDate: '1970-01-01' })));
      for (const id of OTHERS.slice(1))
        await node.sql`insert into exchange.peer (id, name, npi, state, fhir_base, origins, added_by)
          values (${id}, ${id}, ${NPI[id] ?? null}, 'active', ${baseOf(id)}, array[${`https://${id}.example`}], 'test')`;
      for (let step = 0; step < STEPS; step++) {
        world.begin();
        if (world.draw.chance(0.4)) world.begin();
        for (let i = 0; i < 4; i++) world.happen();
        const who = world.draw.pick(PAYERS);
        if (who === 'own') await world.import(node);
        else await world.pull(node, who, world.draw.chance(0.3));
        await agrees(world, node);
      }
      // all has come, and comes once more
      for (const isAgain of [false, true]) {
        await world.import(node);
        for (const payer of OTHERS) await world.pull(node, payer, isAgain);
        await agrees(world, node);
      }
      expect(await brokenLaws(node.sql)).toEqual({});
    } finally {
      await node.close();
    }
  },
  300_000,
);
