// Results that up to three payers tell under one number, which change, go and come again, and what people decide about those that contradict each other: a
// model, in whose state stands what payers told and people said, and nothing of what the program notes.
import { randomUUID } from 'node:crypto';
import { makeOne, makeTwo } from '../../exchange/members/merge/merge-members.ts';
import { DOUBTS } from '../../exchange/members/merge/merge-report.ts';
import { findPeer } from '../../exchange/peers/peer.ts';
import { replay } from '../../exchange/reconcile/replay.ts';
import { mergedBundle } from '../../exchange/records/view/everything.ts';
import { findPull } from '../../exchange/requester/pull.ts';
import { decideItem } from '../../exchange/review/decide.ts';
import type { PersonDecision } from '../../exchange/review/kinds.ts';
import { findItem } from '../../exchange/review/review-rows.ts';
import { planDay } from '../exchange/plan-fixture.ts';
import { deletions, lab, output, type RawFile } from '../exchange/reconcile/reconcile-pull.ts';
import { numbers } from '../support/numbers.ts';
import { falselyShown, pairOf, SOURCES, type Source, type Thing } from './decided-truth.ts';
import { ANA, ANA_AGAIN, falselySeen, Leaving, type Told } from './leaving.ts';

const THINGS = 3;
const DECISIONS = [
  'keep-both',
  'prefer-ours',
  'prefer-theirs',
  'prefer-ours',
  'prefer-theirs',
  'same-event',
  'different-events',
  'report-to-peer',
] as const satisfies readonly PersonDecision[];
const PERSON = { subject: 'ada', name: 'Ada', role: 'reviewer', development: false };

const idOf = (thing: number, source: Source): string => `${source}-${thing}`;

export class DecidedModel {
  readonly #roll: () => number;
  readonly #node: Leaving;
  readonly #things: Thing[] = Array.from({ length: THINGS }, () => ({
    told: new Map(),
    said: new Map(),
    forGood: new Map(),
    away: new Map(),
  }));
  #times = 0;
  readonly #pulls: { id: string; peer: string }[] = [];
  readonly story: string[] = [];
  #consent = `c-${ANA}`;
  #member = ANA;

  private constructor(seed: number, node: Leaving) {
    this.#roll = numbers(seed);
    this.#node = node;
  }
  static async begin(seed: number): Promise<DecidedModel> {
    const node = await Leaving.begin('sensitive');
    await node.sql`insert into exchange.peer (id, name, npi, state, fhir_base, origins, added_by)
      values ('second', 'Second', '9000000020', 'active', 'https://second.example/fhir', array['https://second.example'], 'test')`;
    for (const source of SOURCES) for (let n = 0; n < THINGS; n++) node.know(`Observation/${idOf(n, source)}`, source);
    return new DecidedModel(seed, node);
  }
  get sql() {
    return this.#node.sql;
  }
  close = () => this.#node.close();

  #oneOf<T>(of: readonly T[]): T {
    return of[Math.floor(this.#roll() * of.length)] as T;
  }

  #record(thing: number, source: Source, value: number): object {
    return lab(idOf(thing, source), {
      meta: { lastUpdated: new Date(Date.UTC(2026, 1, 1) + ++this.#times * 60_000).toISOString() },
      subject: { reference: source === 'own' ? `Patient/${ANA}` : 'Patient/p1' },
      identifier: [{ system: 'https://lab.example/numbers', value: `N${thing}` }],
      // in the words of ours it would be ours that comes back, once that has left
      note: [{ text: `As ${source} has it.` }],
      effectiveDateTime: `2026-01-0${thing + 1}T08:00:00Z`,
      valueQuantity: { value, unit: 'g/dL', system: 'http://unitsofmeasure.org', code: 'g/dL' },
    });
  }

  /** A payer tells some of its results anew, or everything again. */
  async tell(): Promise<void> {
    const source = this.#oneOf(SOURCES);
    const all = this.#things.map((t, n) => ({ t, n }));
    const changed = all.filter(() => this.#roll() < 0.5);
    const before = new Map(all.map(({ t, n }) => [n, t.told.get(source)]));
    for (const { t } of changed) {
      if (t.told.has(source) && this.#roll() < 0.25) t.told.delete(source);
      else t.told.set(source, this.#oneOf([10, 20, 30]));
    }
    const isFull = this.#roll() < 0.3;
    const told = (isFull ? all : changed).filter(({ t }) => t.told.has(source));
    const gone = changed.filter(({ t, n }) => !t.told.has(source) && before.get(n) !== undefined);
    const words = this.#things.map((t) => t.told.get(source) ?? '-').join();
    this.story.push(`${source} tells ${isFull ? 'all' : `of ${changed.map(({ n }) => n).join()}`}: ${words}`);
    const records = told.map(({ t, n }) => this.#record(n, source, t.told.get(source) ?? 0));
    const keys = gone.map(({ n }) => `Observation/${idOf(n, source)}`);
    if (source === 'own') {
      if (records.length > 0) await this.#node.records.own(...records);
      if (keys.length > 0) await this.#node.records.ownGone(...keys);
    } else if (records.length + keys.length > 0)
      await this.#pull(
        source,
        [
          ...(records.length > 0 ? [output('Observation', ...records)] : []),
          ...(keys.length > 0 ? [deletions(...keys)] : []),
        ],
        isFull,
      );
    for (const { t, n } of all)
      if (t.told.get(source) !== before.get(n)) for (const other of SOURCES) t.said.delete(pairOf(source, other));
  }

  async #pull(peer: Source, files: RawFile[], isFull: boolean): Promise<void> {
    const pulled = await this.#node.records.pull(files, {
      peer,
      members: [['p1', ANA]],
      choices: new Map([[ANA, this.#consent]]),
      ...(isFull ? {} : { since: new Date() }),
    });
    if (pulled.state !== 'done') throw new Error(`${pulled.state} ${pulled.reason}`);
    this.#pulls.push({ id: pulled.id, peer });
  }

  /** Today's rules are run on the files of a pull of some time. */
  async again(): Promise<void> {
    const of = this.#oneOf(this.#pulls);
    if (of === undefined) return;
    this.story.push(`a pull of ${of.peer} is replayed`);
    const { deps, sql } = this.#node;
    const [pull, peer] = [await findPull(sql, of.id), await findPeer(sql, of.peer)];
    if (pull && peer) await replay(deps, { pull, peer, by: { kind: 'command', name: 'test' }, cause: 'replay' });
  }

  async #items(state: 'open' | 'decided') {
    const rows = await this.#node.sql<{ id: string; thing: number; a: Source; b: Source }[]>`
      select i.id, split_part(coalesce(a.source_id, a.id), '-', 2)::int as thing, a.origin as a, b.origin as b from exchange.review_item i
      join exchange.resource a on a.member_id = i.member_id and a.type = i.a_type and a.id = i.a_id
      join exchange.resource b on b.member_id = i.member_id and b.type = i.b_type and b.id = i.b_id
      where i.state = ${state} and i.kind = 'value-mismatch' order by thing, a.origin, b.origin`;
    return [...rows];
  }
  async #decide(id: string, decision: PersonDecision | 'undo'): Promise<void> {
    const { deps, sql } = this.#node;
    const mark = (await findItem(sql, id))?.mark ?? '';
    const refused = await decideItem(deps, PERSON, { itemId: id, decision, reason: 'looked at it', mark }, 'r1');
    if (refused !== undefined) throw new Error(refused);
  }

  /** Somebody decides what is open. @returns what is wrong with taking it back at once, where that is tried */
  async decide(): Promise<string[]> {
    const item = this.#oneOf(await this.#items('open'));
    if (item === undefined) return [];
    const decision = this.#oneOf(DECISIONS);
    const isTakenBack = this.#roll() < 0.3;
    const name = `${decision} of ${item.thing} ${item.a} ${item.b}`;
    this.story.push(`decided ${name}${isTakenBack ? ', and taken back' : ''}`);
    const before = isTakenBack ? await this.#everything() : '';
    await this.#decide(item.id, decision);
    if (isTakenBack) {
      await this.#decide(item.id, 'undo');
      const after = await this.#everything();
      return after === before ? [] : [`${name} is not taken back: ${before} -> ${after}`];
    }
    const t = this.#things[item.thing] as Thing;
    const pair = pairOf(item.a, item.b);
    t.said.set(pair, decision);
    this.#hides(item, decision);
    t.forGood.set(pair, [...(t.forGood.get(pair) ?? []), decision]);
    return [];
  }
  /** Ours, or the one that was there first, stands first. */
  #hides(item: { thing: number; a: Source; b: Source }, decision: PersonDecision): void {
    const [ours, theirs] = item.b === 'own' ? [item.b, item.a] : [item.a, item.b];
    const { away } = this.#things[item.thing] as Thing;
    if (decision === 'prefer-ours') away.set(pairOf(item.a, item.b), theirs);
    else if (decision === 'prefer-theirs') away.set(pairOf(item.a, item.b), ours);
    else away.delete(pairOf(item.a, item.b));
  }

  async undo(): Promise<void> {
    const item = this.#oneOf(await this.#items('decided'));
    if (item === undefined) return;
    const t = this.#things[item.thing] as Thing;
    const pair = pairOf(item.a, item.b);
    this.story.push(`taken back: ${t.said.get(pair)} of ${item.thing} ${pair}`);
    await this.#decide(item.id, 'undo');
    t.said.delete(pair);
    t.forGood.get(pair)?.pop();
  }

  /** The view, items and links, as text. */
  async #everything(): Promise<string> {
    const { sql } = this.#node;
    const items =
      await sql`select id, kind, state, decision from exchange.review_item where state <> 'gone' order by id`;
    const links = await sql`select type, a_id, b_id, kind, state, score from exchange.link order by 1, 2, 3, 4`;
    return JSON.stringify([await this.#shown(), items, links]);
  }

  async #shown(): Promise<string[]> {
    let text = '';
    for await (const piece of (await mergedBundle(this.#node.deps, this.#member, true)) ?? []) text += piece;
    const { entry } = JSON.parse(text) as {
      entry: {
        resource: { resourceType: string; identifier?: { value: string }[]; valueQuantity?: { value: number } };
      }[];
    };
    return entry
      .flatMap(({ resource: r }) =>
        r.resourceType === 'Observation'
          ? [`${r.identifier?.find((i) => i.value.startsWith('N'))?.value.slice(1)}=${r.valueQuantity?.value}`]
          : [],
      )
      .sort();
  }

  /** What is wrong with what is asked and shown now. `chose`: that of the others may be shown. */
  async faults(chose = true): Promise<string[]> {
    const found: string[] = [];
    const items = [
      ...(await this.#items('open')).map((i) => ({ ...i, state: 'open' })),
      ...(await this.#items('decided')).map((i) => ({ ...i, state: 'decided' })),
    ];
    const shown = await this.#shown();
    for (const [n, t] of this.#things.entries()) {
      const there = [...t.told.keys()];
      for (const [i, a] of there.entries())
        for (const b of there.slice(i + 1)) {
          const item = items.find((x) => x.thing === n && pairOf(x.a, x.b) === pairOf(a, b));
          const is = t.told.get(a) === t.told.get(b) ? undefined : t.said.has(pairOf(a, b)) ? 'decided' : 'open';
          if (item?.state !== is) found.push(`${n} ${pairOf(a, b)} is ${is}, item is ${item?.state}`);
        }
      if (items.some((x) => x.thing === n && !(t.told.has(x.a) && t.told.has(x.b))))
        found.push(`${n}: an item of what is gone`);
      found.push(...falselyShown(n, t, shown, chose));
    }
    return [...found, ...(await this.#falselyLeaving(chose))];
  }

  /** What people decide of two records changes what is shown, and nothing of what leaves. */
  async #falselyLeaving(chose: boolean): Promise<string[]> {
    const all: Told = new Map(
      this.#things.flatMap((t, n) =>
        [...t.told].map(([source, value]) => [`Observation/${idOf(n, source)}`, String(value)]),
      ),
    );
    const seen = await this.#node.seen();
    return falselySeen(
      { ...seen, page: new Map(), timeline: new Map() },
      (by) => new Map(chose && by !== 'page' && by !== 'timeline' ? [[this.#member, all]] : []),
    );
  }

  /** The member takes the choice back, and chooses again: what is shown meanwhile is looked at. */
  async withdrawn(): Promise<string[]> {
    const { sql } = this.#node;
    const say = async (choice: string) => {
      this.#consent = randomUUID();
      await sql`insert into exchange.consent (id, member_id, choice, policy, recorded_on, given_at, source) values (${this.#consent}, ${ANA}, ${choice}, 'sensitive', ${planDay()}::text::date, now(), 'test')`;
    };
    await say('withdraw');
    const wrong = await this.faults(false);
    await say('opt-in');
    return wrong.map((w) => `while nothing may be shown of others: ${w}`);
  }

  /** The member is found to be another one, and that is taken back: what was decided holds all the while, and can be taken back meanwhile. */
  async asOne(): Promise<string[]> {
    const { deps } = this.#node;
    this.story.push('made one, and two again');
    const who = { kind: 'staff', subject: 'ada', requestId: 'r1' } as const;
    const done = await makeOne(
      deps,
      { memberId: ANA_AGAIN, formerId: ANA, reason: 'one person', seen: Object.keys(DOUBTS) },
      who,
    );
    if ('refused' in done) throw new Error(JSON.stringify(done));
    this.#member = ANA_AGAIN;
    const meanwhile = await this.faults();
    if (meanwhile.length === 0 && this.#roll() < 0.5) await this.undo();
    const changed = await this.faults();
    const back = await makeTwo(deps, { formerId: ANA, reason: 'they are two' }, who);
    if ('refused' in back) throw new Error(JSON.stringify(back));
    this.#member = ANA;
    return [...meanwhile, ...changed].map((w) => `as one: ${w}`);
  }

  async step(): Promise<string[]> {
    const roll = this.#roll();
    if (roll < 0.4) await this.tell();
    else if (roll < 0.75) {
      const wrong = await this.decide();
      if (wrong.length > 0) return wrong;
    } else if (roll < 0.85) await this.undo();
    else if (roll < 0.91) await this.again();
    else {
      const wrong = roll < 0.95 ? await this.withdrawn() : await this.asOne();
      if (wrong.length > 0) return wrong;
    }
    return this.faults();
  }
}
